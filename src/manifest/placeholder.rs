//! Placeholders that another tool fills in later. If one is encoded before it is filled in, the result is wrong.

use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::Zeroizing;

/// At most this many bytes are between the marks of a placeholder.
const MAX_NAME_BYTES: usize = 200;

/// The tools that can fill in placeholders in a file.
#[derive(Clone, Copy)]
pub(super) enum Tools {
    /// Helm, kustomize's and Flux's substitutions, envsubst, Argo CD's and other vault plugins, Jenkins and GitLab.
    Any,
    /// Only plugins such as Argo CD's for Vault: they decode base64, fill it in, and encode it again.
    Vault,
}

/// The marks around a placeholder, and which characters can be between them.
type Marks = (&'static str, &'static str, fn(char) -> bool);

/// The marks of Vault plugins. Like those below, they make a placeholder anywhere in a text.
const VAULT: [Marks; 2] = [("<path:", ">", |c| c != '<'), ("<vault:", ">", |c| c != '<')];

/// The marks of the other tools.
const OTHERS: [Marks; 5] = [
    ("{{", "}}", |c| c != '{'),
    ("${", "}", is_of_name),
    ("$(", ")", is_of_name),
    ("%{", "}", is_of_name),
    ("ENC[", "]", |c| c != '['),
];

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '/' | '#' | '=')
}

impl Tools {
    /// Whether a text contains a placeholder.
    pub(super) fn fill_in(self, text: &str) -> bool {
        let anywhere = |(at, _)| text.get(at..).is_some_and(|rest| self.after_placeholder(rest).is_some());
        let by_others = || text.contains("ref+") && text.contains("://") || whole_variable(text);
        text.char_indices().any(anywhere)
            || self.fill_in_all(text.trim())
            || matches!(self, Tools::Any) && by_others()
    }

    /// Whether a whole text is a placeholder.
    fn fill_in_all(self, text: &str) -> bool {
        is_in_angle_brackets(text) || matches!(self, Tools::Any) && is_placeholder(text)
    }

    /// Returns the text after the placeholder that a text begins with.
    fn after_placeholder(self, text: &str) -> Option<&str> {
        let others = match self {
            Tools::Any => &OTHERS[..],
            Tools::Vault => &[],
        };
        VAULT.iter().chain(others).find_map(|(open, close, is_inner)| {
            let after = text.strip_prefix(open)?;
            // Only a part of the text is searched: a hostile one consists of opening marks.
            let near = (MAX_NAME_BYTES..MAX_NAME_BYTES + 4).find_map(|end| after.get(..end)).unwrap_or(after);
            let (inner, _) = near.split_once(close)?;
            let is_placeholder = !inner.is_empty() && inner.chars().all(is_inner);
            after.get(inner.len() + close.len()..).filter(|_| is_placeholder)
        })
    }

    /// Whether a text that is not JSON can become JSON when it is filled in. A placeholder outside of strings can become
    /// anything; one inside of a string becomes a part of that string.
    pub(super) fn may_make_json_of(self, text: &str) -> bool {
        let text = text.trim();
        if self.fill_in_all(text) {
            return true;
        }
        let mut filled_in = Zeroizing::new(String::with_capacity(text.len()));
        let (mut rest, mut in_string) = (text, false);
        while let Some(c) = rest.chars().next() {
            if !in_string && matches!(self, Tools::Any) && rest.starts_with("ref+") {
                return true;
            }
            if let Some(after) = self.after_placeholder(rest) {
                if !in_string {
                    return true;
                }
                rest = after;
                continue;
            }
            in_string ^= c == '"';
            let escaped = rest.chars().nth(1).filter(|_| in_string && c == '\\');
            let (piece, after) = rest.split_at(c.len_utf8() + escaped.map_or(0, char::len_utf8));
            filled_in.push_str(piece);
            rest = after;
        }
        is_json(&filled_in)
    }

    /// Whether a name or a text in an entry of a JSON document contains a placeholder, its key included. Each is checked
    /// separately: `{{` in one and the braces at the end of the entry are not a placeholder.
    pub(super) fn fill_in_entry(self, document: &[u8], entry: Range<usize>) -> bool {
        let text = document.get(entry).and_then(|entry| std::str::from_utf8(entry).ok()).unwrap_or_default();
        let object = Zeroizing::new(["{", text, "}"].concat());
        let Ok(entry) = serde_json::from_str::<Value>(&object) else { return true };
        let mut left = vec![&entry];
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) if self.fill_in(text) => return true,
                Value::Array(items) => left.extend(items),
                Value::Object(members) => {
                    if members.keys().any(|name| self.fill_in(name)) {
                        return true;
                    }
                    left.extend(members.values());
                }
                _ => {}
            }
        }
        false
    }
}

/// The marks around a placeholder for a whole document, which can contain anything.
const AROUND_ALL: [(&str, &str); 4] = [("{{", "}}"), ("<", ">"), ("$(", ")"), ("${", "}")];

/// Whether the whole value of a data key is a placeholder: a template, a shell command, `<base64 here>`,
/// `DOCKER_CONFIG_JSON`, or a value that breaks off in `...`.
pub(super) fn is_placeholder_for_all(value: &str) -> bool {
    let value = value.trim();
    let is_between = |(open, close): &(&str, &str)| {
        value.len() >= open.len() + close.len() && value.starts_with(open) && value.ends_with(close)
    };
    let is_word = || {
        let is_allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        value.contains('_') && value.bytes().all(is_allowed)
    };
    AROUND_ALL.iter().any(is_between) || value.ends_with("...") || is_word()
}

/// Whether a text contains `${…}` or `{{…}}`, which Flux, envsubst and templates fill in.
pub(super) fn has_variable(text: &str) -> bool {
    [("${", "}"), ("{{", "}}")]
        .iter()
        .any(|(open, close)| text.split_once(open).is_some_and(|(_, after)| after.contains(close)))
}

pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The marks around a placeholder that is a whole text. A password can contain such marks.
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

/// Whether a text is like `<password>`. What Go prints for a missing value is not a placeholder: nothing fills it in.
fn is_in_angle_brackets(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    inner.is_some_and(|inner| !matches!(inner, "" | "no value" | "nil") && !inner.contains(['<', '>']))
}

/// Whether a text is like `__PASSWORD__`, `[[ .password ]]` or `$password`.
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
}

/// Whether a text has `"$REGISTRY_PASSWORD"`, with nothing else between the quotation marks.
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
    fn placeholders_are_not_passwords() {
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
            assert!(Tools::Any.fill_in(text), "{text}");
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
            "<no value>",
        ] {
            assert!(!Tools::Any.fill_in(text), "{text}");
        }
    }

    #[test]
    fn only_vault_plugins_fill_in_base64() {
        for text in ["<path:secret/data/acr#password>", "a<vault:acr#p>", "<password>"] {
            assert!(Tools::Vault.fill_in(text), "{text}");
        }
        for text in ["${USER}", "{{ .p }}", "$PASSWORD", "__PASSWORD__", "a<b>"] {
            assert!(!Tools::Vault.fill_in(text), "{text}");
        }
        assert!(Tools::Vault.may_make_json_of(r#"{"auths":<path:secret/data/acr#auths>}"#));
        assert!(!Tools::Vault.may_make_json_of(r#"{"auths":${AUTHS}}"#));
    }

    #[test]
    fn some_templates_can_become_json() {
        for text in [
            " __DOCUMENT__ ",
            "ref+vault://acr#/document",
            r#"{"auths":${AUTHS}}"#,
            r#"{"auths": ref+vault://acr#/auths}"#,
            r#"{"auths":{ {{- range .hosts }}"{{ . }}":{}{{ end }} }}"#,
            r#"{"auths":{"r.example.com":{"password":"{{ index .Values "acr" }}"}}}"#,
            r#"{"auths":{"r.example.com":{"username":"\"","password":<path:kv/acr#password>}}}"#,
        ] {
            assert!(!is_json(text) && Tools::Any.may_make_json_of(text), "{text}");
        }
        for text in [
            r#"{"auths":{"r.example.com":{"username":"u","password":"a$(b)c"},}}"#,
            r#"{"auths":{"r.example.com":{"username":"\\","password":"${P}",}}}"#,
            r#"{"auths":{"r.example.com":{"password":"{{ .p }}"}}"#,
            r#"{"auths":"#,
            "robot",
        ] {
            assert!(!Tools::Any.may_make_json_of(text), "{text}");
        }
    }
}
