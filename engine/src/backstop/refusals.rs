//! The validating policies: what they refuse, warn of or record.

use serde_json::{Value, json};

use super::cel::{literal, variable};
use super::document::{self, S, W, field, is_missing, raw, text};
use super::{hosts, scope};
use crate::bilingual::{Bilingual, text as words};
use crate::policy::Policy;
use crate::rules::{Action, Rule};

// The parts of an entry in its row.
const KEY: &str = "r[1]";
const AUTH: &str = "r[2]";
const USERNAME: &str = "r[3]";
const PASSWORD: &str = "r[4]";
const IDENTITY_TOKEN: &str = "r[5]";
const REGISTRY_TOKEN: &str = "r[6]";
const SITE: &str = "r[7]";

/// At most this many registries are named in a message.
const MAX_NAMED: usize = 5;

/// A rule in CEL. It must apply to no entry to which the engine's rule does not.
struct CelCheck {
    rule: Rule,
    /// Whether it applies to an entry `r`.
    applies: String,
    text: Bilingual<&'static str>,
}

/// A policy with the rules whose action is the one that `has_action` selects; `None` if there are none.
pub(super) fn spec(policy: &Policy, has_action: impl Fn(Action) -> bool) -> Option<Value> {
    let checks: Vec<_> =
        checks(policy).into_iter().filter(|check| has_action(policy.rules.get(check.rule).action)).collect();
    if checks.is_empty() {
        return None;
    }
    let scope = scope::of(policy);
    let mut variables = scope.variables;
    variables.extend(document::variables());
    variables.extend([
        variable("rows", rows()),
        // An UPDATE may keep what was there before. A document that is not read, or with escapes, could have had anything.
        variable("oldRaw", format!("request.operation == 'CREATE' ? '' : {}", raw("oldObject"))),
        variable(
            "old",
            format!(
                "variables.oldRaw.size() > {} ? '\\\\' : {}",
                scope::MAX_BASE64_BYTES,
                document::decoded("variables.oldRaw")
            ),
        ),
    ]);
    let mut validations = Vec::new();
    for check in &checks {
        let name = check.rule.code().replace('-', "_");
        variables.push(variable(&name, found(check)));
        let exempt = scope::exempt_by_variable(policy, |exemption| {
            exemption.rules.contains(&check.rule)
                && !has_action(policy.rules.get(check.rule).action.min(exemption.action))
        });
        validations.push(json!({
            "expression": format!("{exempt}!variables.readable || variables.{name}.size() == 0"),
            "messageExpression": message(check, &name, policy),
            "message": format!("[regcred/{}] {}", check.rule, check.text.english),
            "reason": "Invalid",
        }));
    }
    Some(json!({
        "failurePolicy": "Ignore",
        "matchConstraints": scope.constraints,
        "matchConditions": scope.conditions,
        "variables": variables,
        "validations": validations,
    }))
}

/// For each entry: itself, its key, its fields `auth`, `username`, `password`, `identitytoken` and `registrytoken`, and
/// its host.
fn rows() -> String {
    let fields =
        ["auth", "username", "password", "identitytoken", "registrytoken"].map(|name| field("fields", name));
    format!(
        "variables.fields.map(fields, [fields[0].substring(1), fields[0].find(r'{S}'),\n  {},\n  {}])",
        fields.join(",\n  "),
        hosts::site(&format!("fields[0].find(r'{S}')")),
    )
}

/// The entries to which a rule applies and which are not kept from the old document.
fn found(check: &CelCheck) -> String {
    let is_kept = if check.rule.judges_host() {
        format!("variables.old.contains({KEY})")
    } else {
        format!(
            "(variables.old.contains({KEY}) && variables.old.contains(r[0].substring(r[0].find(r'^[ \\t\\r\\n,]*{S}{W}:{W}').size())))"
        )
    };
    format!(
        "variables.rows.filter(r, {})\n.filter(r, !(variables.old.contains('\\\\') || {is_kept}))",
        check.applies
    )
}

/// The rule's code, the registries and what is wrong.
fn message(check: &CelCheck, name: &str, policy: &Policy) -> String {
    let indices = format!("{:?}", std::array::from_fn::<_, MAX_NAMED, _>(|index| index));
    // What is before an @ can be a credential. CEL cannot decode UTF-8, so a key with other characters is not shown.
    format!(
        "'[regcred/{}] ' + {indices}.filter(i, i < variables.{name}.size()).map(i, variables.{name}[i])\n\
        .map(r, {KEY}.replace('\"', '')).map(k, k.substring(k.lastIndexOf('@') + 1))\n\
        .map(k, k.matches('^[!-~]+$') ? k.find('^.{{0,100}}') : '(?)').join(', ') + {}",
        check.rule,
        literal(&format!(": {}", check.text.line(policy.language))),
    )
}

/// Whether a rule is among those that are expressed for a policy.
pub(super) fn is_expressed(rule: Rule, policy: &Policy) -> bool {
    let setting = policy.rules.get(rule);
    match rule {
        Rule::GenericRegistryHost
        | Rule::AcrNotARegistry
        | Rule::RegistryDenied
        | Rule::NoCredentials
        | Rule::IncompleteCredentials
        | Rule::UsernameHasColon
        | Rule::AuthNotBase64
        | Rule::UnfilledPlaceholder => true,
        // Its list is one of keys, not of hosts.
        Rule::RegistryKeyUnfilled => setting.allow.is_empty(),
        // Otherwise it is repaired, or another rule says why not.
        Rule::MissingAuth => !setting.fix,
        _ => false,
    }
}

/// Text in an `auth` that could be a template's.
pub(super) const MAYBE_TEMPLATE: &str = r"[\\{$<%]";

/// A field that is a placeholder, and nothing else.
pub(super) fn unfilled() -> String {
    format!(r#":{W}"(?:\{{\{{[^"\\]*\}}\}}|\$\{{[^"\\]*\}}|\$\([^"\\]*\)|<no value>)"$"#)
}

/// Every rule in CEL.
fn checks(policy: &Policy) -> Vec<CelCheck> {
    let [no_auth, no_username, no_password, no_identity_token, no_registry_token] =
        [AUTH, USERNAME, PASSWORD, IDENTITY_TOKEN, REGISTRY_TOKEN].map(is_missing);
    // Fields of other types are another rule's.
    let is_typed = format!(
        "r[0].endsWith('}}') && [{AUTH}, {USERNAME}, {PASSWORD}, {IDENTITY_TOKEN}, {REGISTRY_TOKEN}]\n  \
        .all(x, x == '' || x.matches(r'(?s):{W}(?:null|\".*\")$'))"
    );
    let no_token = format!("{no_identity_token} && {no_registry_token}");
    let auth_text = format!(r"{}.replace(r'\n', '').replace(r'\r', '').replace(r'\/', '/')", text(AUTH));
    let mut checks = vec![
        host_check(
            policy,
            Rule::GenericRegistryHost,
            hosts::is(SITE, hosts::GENERIC),
            words(
                "generic Alibaba ACR domain; use the address on the instance's page in the ACR console",
                "阿里云 ACR 的通用域名；请改用 ACR 控制台实例页面上的仓库地址",
            ),
        ),
        host_check(
            policy,
            Rule::AcrNotARegistry,
            hosts::is(SITE, hosts::ACR_SERVICE),
            words(
                "not a registry; use the address on the instance's page in the ACR console",
                "不是镜像仓库；请改用 ACR 控制台实例页面上的仓库地址",
            ),
        ),
        CelCheck {
            rule: Rule::NoCredentials,
            // A word that is no host can be the end marker of a template, which is left alone.
            applies: format!(
                "{is_typed} && {no_auth} && {no_username} && {no_password}\n  && {no_token} && {SITE}.matches('[.]')"
            ),
            text: words(
                "the entry has no credentials; add username and password, or remove it",
                "条目中没有任何凭据；请补上 username 和 password，或删除该条目",
            ),
        },
        CelCheck {
            rule: Rule::IncompleteCredentials,
            applies: format!("{is_typed} && {no_auth} && {no_token} && {no_username} != {no_password}"),
            text: words(
                "username or password is missing or empty; set both",
                "username 或 password 缺失或为空；请补全",
            ),
        },
        CelCheck {
            rule: Rule::UsernameHasColon,
            applies: format!("{is_typed} && {no_auth} && {}.contains(':')", text(USERNAME)),
            text: words(
                "username contains a colon, which auth cannot express",
                "username 含有冒号，无法写入 auth",
            ),
        },
        CelCheck {
            rule: Rule::AuthNotBase64,
            applies: format!(
                "{is_typed} && !{no_auth} && [{auth_text}].all(a,\n  \
                !a.matches('^(?:[A-Za-z0-9+/]{{4}})*(?:[A-Za-z0-9+/]{{2}}(?:==)?|[A-Za-z0-9+/]{{3}}=?)?$')\n  \
                && !a.matches(r'{MAYBE_TEMPLATE}'))"
            ),
            text: words(
                "auth is not base64; set it to base64 of username:password",
                "auth 不是合法的 base64；请将其设为 username:password 的 base64",
            ),
        },
        CelCheck {
            rule: Rule::UnfilledPlaceholder,
            applies: format!(
                "{is_typed} && [{USERNAME}, {PASSWORD}]\n  \
                .exists(x, x.matches(r'{}'))",
                unfilled(),
            ),
            text: words("a placeholder was never filled in", "占位符没有被替换"),
        },
        CelCheck {
            rule: Rule::RegistryKeyUnfilled,
            applies: format!("{KEY}.matches(r'{}')", hosts::UNFILLED),
            text: words(
                "the registry is a placeholder that was never filled in",
                "仓库地址中的占位符没有被替换",
            ),
        },
        CelCheck {
            rule: Rule::MissingAuth,
            applies: format!(
                "{is_typed} && {no_auth} && !{no_username} && !{no_password} && {}.matches(r'^[^:\\\\]*$')",
                text(USERNAME)
            ),
            text: words("auth is missing", "缺少 auth"),
        },
    ];
    checks.retain(|check| is_expressed(check.rule, policy));
    if let Some(applies) = denied_registry(policy) {
        checks.push(CelCheck {
            rule: Rule::RegistryDenied,
            applies,
            text: words("this cluster's policy does not allow the registry", "本集群的策略不允许使用该仓库"),
        });
    }
    checks
}

fn host_check(policy: &Policy, rule: Rule, applies: String, text: Bilingual<&'static str>) -> CelCheck {
    let allow = &policy.rules.get(rule).allow;
    let applies =
        if allow.is_empty() { applies } else { format!("{applies} && !{}", hosts::is_on(SITE, allow)) };
    CelCheck { rule, applies, text }
}

/// Whether the operator's lists refuse a host; `None` if there are no lists.
fn denied_registry(policy: &Policy) -> Option<String> {
    let mut refused = Vec::new();
    if !policy.denied_registries.is_empty() {
        refused.push(hosts::is_on(SITE, &policy.denied_registries));
    }
    if let Some(allowed) = &policy.allowed_registries {
        refused.push(format!("!{}", hosts::is_on(SITE, allowed)));
    }
    (!refused.is_empty()).then(|| format!("{SITE} != '' && ({})", refused.join(" || ")))
}
