//! Registry keys in CEL: which host they name.

use crate::registry::HostList;

/// A key whose host is certain: no user-info, no pattern, no escape. Others are not judged by their host.
pub(super) const SIMPLE_KEY: &str = r#"^"(?:https?://)?[A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+)*[.]?(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._/-]*)?"$"#;

/// A generic domain of Alibaba ACR.
pub(super) const GENERIC: &str =
    "registry(?:-intl)?(?:-vpc|-internal)?(?:[.][a-z0-9-]+)?[.]aliyuncs[.]com(?::[0-9]+)?";

/// A host of Alibaba ACR that is not a registry.
pub(super) const ACR_SERVICE: &str = "(?:cr(?:-vpc)?[.][a-z0-9-]+|[a-z0-9-]+[.]mirror|registry[.][a-z0-9-]+[.]cr)[.]aliyuncs[.]com(?::[0-9]+)?";

/// What a template left unfilled in a key.
pub(super) const UNFILLED: &str = r"\{\{.*\}\}|\$\{.*\}|\$\(.*\)";

/// The host of a key, in lower case, with the port unless that is 443; empty if the key is not simple.
pub(super) fn site(key: &str) -> String {
    format!(
        "[{key}.matches(r'{SIMPLE_KEY}') ? {key}.lowerAscii().replace('\"', '') : '']\n    \
        .map(k, k.startsWith('https://') ? k.substring(8) : k.startsWith('http://') ? k.substring(7) : k)\n    \
        .map(k, k.find('^[^/]*').replace('.:', ':'))\n    \
        .map(k, k.endsWith(':443') ? k.substring(0, k.size() - 4) : k)\n    \
        .map(k, k.endsWith('.') ? k.substring(0, k.size() - 1) : k)[0]"
    )
}

/// Whether the whole of a site fits a regular expression.
pub(super) fn is(site: &str, regex: &str) -> String {
    format!("{site}.matches({})", super::cel::literal(&format!("^(?:{regex})$")))
}

/// Whether a site is on a list.
pub(super) fn is_on(site: &str, list: &HostList) -> String {
    if list.is_empty() { "false".to_owned() } else { is(site, &list.regex()) }
}
