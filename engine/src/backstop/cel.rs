//! Literals and variables of CEL, the language of the API server's admission policies.

use serde_json::{Value, json};

/// A text as a literal of CEL.
pub(super) fn literal(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('\'');
    for c in text.chars() {
        match c {
            '\'' | '\\' => written.extend(['\\', c]),
            '\n' => written.push_str("\\n"),
            c => written.push(c),
        }
    }
    written.push('\'');
    written
}

/// A variable of a policy.
pub(super) fn variable(name: &str, expression: impl Into<String>) -> Value {
    json!({"name": name, "expression": expression.into()})
}
