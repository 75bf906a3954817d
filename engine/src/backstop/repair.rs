//! The mutating policy: it adds `auth`.

use serde_json::{Value, json};

use super::cel::variable;
use super::document::{self, KNOWN, W, encoded, field, is_missing, text};
use super::scope;
use crate::policy::Policy;
use crate::rules::{Action, Rule};

/// A character that no document has: all of it is Latin-1.
const BACKSLASH: &str = r"'\ue000'";

/// What the policy for repairs does; `None` if the operator's policy allows no repair, or one that it cannot make
/// certain of.
pub(super) fn spec(policy: &Policy) -> Option<Value> {
    let setting = policy.rules.get(Rule::MissingAuth);
    if !setting.fix || setting.action == Action::Off || !unchecked_denials(policy).is_empty() {
        return None;
    }
    let scope = scope::of(policy);
    let mut variables = scope.variables;
    variables.extend(document::variables());
    variables.extend([
        variable("pairs", pairs()),
        variable("repaired", repaired()),
        variable("newDoc", "variables.head + variables.repaired.join('') + variables.tail"),
    ]);
    let exempt = scope::exempt(policy, |exemption| {
        exemption.rules.contains(&Rule::MissingAuth) && (!exemption.fix || exemption.action == Action::Off)
    });
    let mut conditions = scope.conditions;
    if let Some(exempt) = exempt {
        conditions.push(json!({"name": "not-exempt", "expression": format!("!({exempt})")}));
    }
    conditions.extend([
        // The API server refuses to change one.
        json!({"name": "mutable", "expression": "request.operation == 'CREATE' || !oldObject.?immutable.orValue(false)"}),
        // A repair must not make a Secret too large: at most 1 MiB is allowed, decoded.
        json!({"name": "room", "expression": "object.data.map(k, object.data[k].size()).sum() < 1300000"}),
    ]);
    Some(json!({
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "IfNeeded",
        "matchConstraints": scope.constraints,
        "matchConditions": conditions,
        "variables": variables,
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": format!(
            "variables.readable && variables.newDoc != variables.doc\n\
            ? [JSONPatch{{op: 'replace', path: '/data/.dockerconfigjson', value: {}}}]\n\
            : []",
            encoded("variables.newDoc"),
        )}}],
    }))
}

/// The rules that deny by this policy and would keep an entry from being repaired, and which the expressions do not
/// check. By default there are none.
fn unchecked_denials(policy: &Policy) -> Vec<Rule> {
    let is_checked = |rule: Rule| rule.default_action() == Action::Deny || CHECKED.contains(&rule);
    let denies = |rule: &Rule| policy.rules.get(*rule).action == Action::Deny;
    Rule::ALL
        .iter()
        .copied()
        .filter(|rule| rule.stops_repair() && denies(rule) && !is_checked(*rule))
        .collect()
}

/// Rules that can deny without keeping an entry without `auth` from being repaired: they judge an `auth` that is present,
/// or the document as a whole.
const CHECKED: [Rule; 7] = [
    Rule::AuthDisagrees,
    Rule::AuthUnpadded,
    Rule::ClientOnlySettings,
    Rule::EmptyLeftover,
    Rule::NoRegistries,
    Rule::RegistriesDropped,
    Rule::TokenOnly,
];

/// Of each entry: itself, username and password without escapes, and the `auth` to be replaced, if there is one.
/// Username and password are empty if the entry is to be left alone.
fn pairs() -> String {
    let [auth, username, password] = ["auth", "username", "password"].map(|name| field("fields", name));
    let checks = [
        is_missing("a[0]"),
        // Nothing else stops a repair.
        format!(
            r#"fields.filter(f, f.matches(r'(?i)^"{KNOWN}"{W}:')).all(f, f.matches(r'(?s):{W}(?:null|".*")$'))"#
        ),
        "a[1] != '' && a[2] != '' && !a[1].contains(':')".to_owned(),
        format!(
            "[a[1], a[2]].all(v, !v.contains('\\\\') && !v.matches(r'{UNFIT}') && !v.matches(r'{PLACEHOLDER}'))"
        ),
        "(a[0] == '' || fields[0].split(a[0]).size() == 2)".to_owned(),
    ];
    format!(
        "variables.fields.map(fields,\n  \
          [[{auth}, {}, {}]]\n  \
          .map(a, {}\n    \
            ? [fields[0].substring(1), a[1].replace({BACKSLASH}, '\\\\'), a[2].replace({BACKSLASH}, '\\\\'), a[0]]\n    \
            : [fields[0].substring(1), '', '', ''])[0])",
        unescaped(&text(&username)),
        unescaped(&text(&password)),
        checks.join("\n    && "),
    )
}

/// A control character: DEL or one of U+0080 to U+009F.
const UNFIT: &str = r"\x{7f}|\x{c2}[\x{80}-\x{9f}]";

/// What could be a placeholder; the engine looks closer.
const PLACEHOLDER: &str = concat!(
    r#"^[^!-~]*["\x{27}`]?(?:\{\{|\$\{|\$\(|<no value>)"#,
    r"|%![^(]{0,4}\((?:<nil>|MISSING|NOVERB|BADINDEX|EXTRA |[^ ()]*=)"
);

/// Replaces the escapes that are common. The backslashes that remain are others.
fn unescaped(text: &str) -> String {
    let mut expression = format!("{text}.replace(r'\\\\', {BACKSLASH})");
    for (escape, meaning) in [
        (r#"r'\"'"#, r#"'"'"#),
        (r"r'\/'", "'/'"),
        (r"r'\n'", r"'\n'"),
        (r"r'\r'", r"'\r'"),
        (r"r'\t'", r"'\t'"),
        (r"r'\u0026'", "'&'"),
        (r"r'\u003c'", "'<'"),
        (r"r'\u003C'", "'<'"),
        (r"r'\u003e'", "'>'"),
        (r"r'\u003E'", "'>'"),
        (r"r'\u0027'", r"'\''"),
    ] {
        expression.extend([".replace(", escape, ", ", meaning, ")"]);
    }
    expression
}

/// The entries with their `auth`.
fn repaired() -> String {
    let auth = encoded("x[1] + ':' + x[2]");
    let end = r"x[0].substring(0, x[0].size() - 1).find(r'^(?s).*[^ \t\r\n]')";
    format!(
        "variables.pairs.map(x, x[1] == '' ? x[0] : [{auth}].map(auth, x[3] != ''\n\
        ? x[0].replace(x[3], x[3].find(r'^\"[^\"]*\"{W}:{W}') + '\"' + auth + '\"')\n\
        : [{end}].map(end, end + ',\"auth\":\"' + auth + '\"' + x[0].substring(end.size()))[0])[0])"
    )
}
