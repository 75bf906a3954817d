//! Placeholders that some tool fills in after us: what is encoded before it is filled in is encoded wrongly.

use std::ops::Range;

use serde_json::Value;
use zeroize::Zeroizing;

/// What stands between the marks of a placeholder is not longer, in bytes.
const LONGEST_NAME: usize = 200;

/// Whether a text holds a placeholder of Helm, kustomize's and Flux's substitutions, envsubst, Argo CD's and other vault
/// plugins, or of Jenkins and GitLab.
pub(super) fn is_template(text: &str) -> bool {
    let between = |open: &str, close: &str, inner: fn(char) -> bool| {
        text.match_indices(open).any(|(at, _)| {
            let behind = text.get(at + open.len()..).unwrap_or_default();
            // Looked for in what is near: a text may be nothing but openings.
            let near = (LONGEST_NAME..LONGEST_NAME + 4).find_map(|end| behind.get(..end)).unwrap_or(behind);
            near.find(close)
                .is_some_and(|end| end > 0 && near.get(..end).is_some_and(|name| name.chars().all(inner)))
        })
    };
    let name: fn(char) -> bool =
        |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '/' | '#' | '=');
    between("{{", "}}", |c| c != '{')
        || between("${", "}", name)
        || between("$(", ")", name)
        || between("<path:", ">", |c| c != '<')
        || between("<vault:", ">", |c| c != '<')
        || between("%{", "}", name)
        || between("ENC[", "]", |c| c != '[')
        || text.contains("ref+") && text.contains("://")
        || whole_variable(text)
        || is_placeholder(text.trim())
}

/// What a placeholder stands between, where it is all of a text. A password may hold such marks.
const AROUND: [(&str, &str); 8] = [
    ("__", "__"),
    ("[[", "]]"),
    ("((", "))"),
    ("#{", "}"),
    ("#{", "}#"),
    ("%(", ")s"),
    ("%", "%"),
    ("@", "@"),
];

/// `__PASSWORD__`, `[[ .password ]]`, `$password` and the like, and nothing beside it.
fn is_placeholder(text: &str) -> bool {
    let between = |open: &str, close: &str| text.strip_prefix(open)?.strip_suffix(close);
    let is_name = |inner: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '/' | ' ');
        !inner.trim().is_empty() && inner.chars().all(allowed)
    };
    let is_variable = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    AROUND.iter().any(|(open, close)| between(open, close).is_some_and(is_name))
        || text.strip_prefix('$').is_some_and(is_variable)
        || between("<", ">").is_some_and(|inner| !inner.is_empty() && !inner.contains(['<', '>']))
}

/// Whether a name or a text in an entry of a JSON document holds a placeholder, its key included. Each is looked at for
/// itself: `{{` in one and the braces at the end of the entry are none.
pub(super) fn entry_holds_template(document: &[u8], entry: Range<usize>) -> bool {
    let text = document.get(entry).and_then(|entry| std::str::from_utf8(entry).ok()).unwrap_or_default();
    let object = Zeroizing::new(["{", text, "}"].concat());
    let Ok(entry) = serde_json::from_str::<Value>(&object) else { return true };
    let mut left = vec![&entry];
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) if is_template(text) => return true,
            Value::Array(items) => left.extend(items),
            Value::Object(members) => {
                if members.keys().any(|name| is_template(name)) {
                    return true;
                }
                left.extend(members.values());
            }
            _ => {}
        }
    }
    false
}

/// `"$REGISTRY_PASSWORD"`, and nothing else between the quotation marks.
fn whole_variable(text: &str) -> bool {
    text.split('"').any(|part| {
        part.strip_prefix('$').is_some_and(|name| {
            name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_passwords() {
        for text in [
            "{{ .Values.password }}",
            r#"{"auths":{"${REGISTRY}":{}}}"#,
            r#"{"password":"$REGISTRY_PASSWORD"}"#,
            "$(PASSWORD)",
            "<path:secret/data/acr#password>",
            "ENC[AES256_GCM,data:x]",
            "ref+vault://acr#/password",
            "__PASSWORD__",
            " [[ .password ]] ",
            "((registry.password))",
            "#{Password}",
            "#{PASSWORD}#",
            "%(password)s",
            "%PASSWORD%",
            "@PASSWORD@",
            "$password",
            "$Password_1",
            "<password>",
        ] {
            assert!(is_template(text), "{text}");
        }
        for text in [
            r#"{"auths":{"a.b":{"username":"u","password":"pa$$w0rd{}<"}}}"#,
            "eyJhdXRocyI6e319",
            "a$b{c}",
            "__",
            "____",
            "%%",
            "x__PASSWORD__",
            "$",
            "$5",
            "$pa$$",
            "@a@b",
            "%a!%",
            "((a)",
            "$password!",
        ] {
            assert!(!is_template(text), "{text}");
        }
    }
}
