//! The mutating policy: it adds `auth`.

use serde_json::{Value, json};

use super::cel::variable;
use super::document::{self, W, encoded, field, is_known, is_missing, is_text, text};
use super::scope;
use crate::policy::Policy;
use crate::rules::{Action, Rule};
use crate::secret::SecretType;

/// What the policy for repairs does; `None` if the operator's policy allows no repair, or one that it cannot make
/// certain of.
pub(super) fn spec(policy: &Policy) -> Option<Value> {
    if !is_certain_by(policy) {
        return None;
    }
    let scope = scope::of(policy);
    let mut variables = scope.variables;
    variables.extend(document::variables());
    variables.extend([
        variable("logins", logins()),
        variable("certain", certain()),
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
        json!({"name": "room", "expression": format!("object.data.map(k, object.data[k].size()).sum() < {MAX_DATA}")}),
    ]);
    Some(json!({
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "IfNeeded",
        "matchConstraints": scope.constraints,
        "matchConditions": conditions,
        "variables": variables,
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": format!(
            "variables.readable && variables.certain && variables.newDoc != variables.doc\n\
            ? [JSONPatch{{op: 'replace', path: variables.flat ? '/data/{}' : '/data/{}', value: {}}}]\n\
            : []",
            SecretType::DockerCfg.data_key(),
            SecretType::DockerConfigJson.data_key(),
            encoded("variables.newDoc"),
        )}}],
    }))
}

/// The bytes of base64 up to which a Secret is repaired.
pub(super) const MAX_DATA: usize = 1_300_000;

/// Whether a policy allows the repair, and denies by no rule that would keep an entry from being repaired and is not
/// expressed here. By default there is none.
pub(super) fn is_certain_by(policy: &Policy) -> bool {
    let setting = policy.rules.get(Rule::MissingAuth);
    let is_harmless =
        |rule: Rule| rule.default_action() == Action::Deny || NEVER_STOP_AN_ADDED_AUTH.contains(&rule);
    let denies = |rule: Rule| policy.rules.get(rule).action == Action::Deny;
    setting.fix
        && setting.action != Action::Off
        && !Rule::ALL.iter().any(|rule| rule.stops_repair() && denies(*rule) && !is_harmless(*rule))
}

/// Rules that can deny without keeping an entry without `auth` from being repaired: they judge an `auth` that is present,
/// or the document as a whole.
const NEVER_STOP_AN_ADDED_AUTH: [Rule; 7] = [
    Rule::AuthDisagrees,
    Rule::AuthUnpadded,
    Rule::ClientOnlySettings,
    Rule::EmptyLeftover,
    Rule::NoRegistries,
    Rule::RegistriesDropped,
    Rule::TokenOnly,
];

/// For each entry: itself, its fields `auth`, its username and password without escapes, and whether a field has a value
/// of another type, as a text that is empty or not.
fn logins() -> String {
    let [auth, username, password] = ["auth", "username", "password"].map(|name| field("fields", name));
    format!(
        "variables.fields.map(fields, [fields[0].substring(1), {auth},\n  {},\n  {},\n  \
          fields.filter(f, f.matches(r'{}') && !f.matches(r'{}')).join('')])",
        unescaped(&text(&username)),
        unescaped(&text(&password)),
        is_known(),
        is_text(),
    )
}

/// Whether a login, one of those above, gets an `auth`.
fn is_added(login: &str) -> String {
    format!("{} && {login}[2] != '' && {login}[3] != ''", is_missing(&format!("{login}[1]")))
}

/// Whether the engine, too, adds exactly those, and changes nothing else.
fn certain() -> String {
    let added = [
        "l[4] == ''".to_owned(),
        "!l[2].contains(':')".to_owned(),
        format!("[l[2], l[3]].all(v, !v.matches(r'{UNFIT}') && !v.matches(r'{PLACEHOLDER}'))"),
        "(l[1] == '' || l[0].split(l[1]).size() == 2)".to_owned(),
    ];
    format!(
        "variables.logins.all(l, {}\n? {}\n: !l[1].matches(r'{MAYBE_UNPADDED}'))",
        is_added("l"),
        added.join(" && ")
    )
}

/// A control character other than a line break or a tab.
pub(super) const UNFIT: &str = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]";

/// What could be a placeholder; the engine looks closer.
pub(super) const PLACEHOLDER: &str = concat!(
    r#"^[^!-~]*["\x27`]?(?:\{\{|\$\{|\$\(|<no value>)"#,
    r"|%![^(]{0,4}\((?:<nil>|MISSING|NOVERB|BADINDEX|EXTRA |[^ ()]*=)"
);

/// A field `auth` that could be base64 without its padding.
pub(super) const MAYBE_UNPADDED: &str = r#"\\|"(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{2,3}"$"#;

/// Replaces the escapes of JSON.
fn unescaped(text: &str) -> String {
    let unit = |at: usize| {
        let digit = |at: usize| format!("'0123456789abcdef'.indexOf(x.charAt({at}).lowerAscii())");
        format!("{} * 4096 + {} * 256 + {} * 16 + {}", digit(at), digit(at + 1), digit(at + 2), digit(at + 3))
    };
    let byte = |value: &str| format!("variables.bytes.charAt({value})");
    let (last, next, third) = (byte("128 + n % 64"), byte("128 + n / 64 % 64"), byte("128 + n / 4096 % 64"));
    format!(
        "[{text}].map(t, !t.contains('\\\\') ? t : t.findAll(r'{ESCAPE_OR_TEXT}')\n  \
        .map(x, !x.startsWith('\\\\') ? x\n    \
          : x.charAt(1) != 'u' ? '\"\\\\/\\b\\f\\n\\r\\t'.charAt('\"\\\\/bfnrt'.indexOf(x.charAt(1)))\n    \
          : [x.size() > 6 ? 65536 + ({} - 55296) * 1024 + {} - 56320 : {}]\n    \
          .map(n, n < 128 ? {}\n      \
            : n < 2048 ? {} + {last}\n      \
            : n < 65536 ? {} + {next} + {last}\n      \
            : {} + {third} + {next} + {last})[0]).join(''))[0]",
        unit(2),
        unit(8),
        unit(2),
        byte("n"),
        byte("192 + n / 64"),
        byte("224 + n / 4096"),
        byte("240 + n / 262144"),
    )
}

/// An escape of JSON, or what is between two.
const ESCAPE_OR_TEXT: &str = r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[^\\]+";

/// The entries with their `auth`.
fn repaired() -> String {
    let auth = encoded("l[2] + ':' + l[3]");
    let end = r"l[0].substring(0, l[0].size() - 1).find(r'^(?s).*[^ \t\r\n]')";
    format!(
        "variables.logins.map(l, !({}) ? l[0] : [{auth}].map(auth, l[1] != ''\n\
        ? l[0].replace(l[1], l[1].find(r'^\"[^\"]*\"{W}:{W}') + '\"' + auth + '\"')\n\
        : [{end}].map(end, end + ',\"auth\":\"' + auth + '\"' + l[0].substring(end.size()))[0])[0])",
        is_added("l"),
    )
}
