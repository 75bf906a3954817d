//! The document in CEL: decoded, cut into entries, and those into fields.
//!
//! CEL has no base64 and no JSON. The bytes become characters of Latin-1, one each, and regular expressions find the
//! entries. They rely on one thing: the API server refuses a document that is not JSON, whatever a policy makes of it. The
//! expressions need not reject anything that is not JSON, but have to find the right parts of anything that is.

use std::fmt::Write as _;

use serde_json::Value;

use super::cel::variable;

/// White space.
pub(super) const W: &str = r"[ \t\r\n]*";
/// A string.
pub(super) const S: &str = r#""(?:[^"\\]|\\.)*""#;
/// The value of a field, if it is neither an object nor an array.
const SCALAR: &str = r#"(?:"(?:[^"\\]|\\.)*"|[^ \t\r\n,"{}\[\]]+)"#;

/// The fields of an entry that consumers read.
pub(super) const KNOWN: &str = "(?:auth|username|password|email|identitytoken|registrytoken|serveraddress)";

const ALPHABET: &str = "'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'";

/// Valid UTF-8 in characters of Latin-1: table 3-7 of the Unicode Standard.
const UTF_8: &str = r"^(?:[\x{00}-\x{7f}]|[\x{c2}-\x{df}][\x{80}-\x{bf}]|\x{e0}[\x{a0}-\x{bf}][\x{80}-\x{bf}]|[\x{e1}-\x{ec}\x{ee}\x{ef}][\x{80}-\x{bf}]{2}|\x{ed}[\x{80}-\x{9f}][\x{80}-\x{bf}]|\x{f0}[\x{90}-\x{bf}][\x{80}-\x{bf}]{2}|[\x{f1}-\x{f3}][\x{80}-\x{bf}]{3}|\x{f4}[\x{80}-\x{8f}][\x{80}-\x{bf}]{2})*$";

/// An object in which objects are nested this many levels deep.
fn object(levels: usize) -> String {
    let inner = if levels == 0 { String::new() } else { format!("|{}", object(levels - 1)) };
    format!(r#"\{{(?:[^{{}}"]|{S}{inner})*\}}"#)
}

/// An entry, with the comma before it if there is one.
fn entry() -> String {
    format!("(?:{W},)?{W}{S}{W}:{W}(?:{}|null)", object(3))
}

/// The value under the data key of an object, in base64.
pub(super) fn raw(object: &str) -> String {
    format!("{object}.?data[?'.dockerconfigjson'].orValue('')")
}

/// Decodes base64 into characters of Latin-1.
pub(super) fn decoded(raw: &str) -> String {
    format!(
        "{raw}.replace('=', 'A').findAll('.{{4}}')\n\
        .map(q, variables.alphabet.indexOf(q.charAt(0)) * 262144 + variables.alphabet.indexOf(q.charAt(1)) * 4096\n  \
          + variables.alphabet.indexOf(q.charAt(2)) * 64 + variables.alphabet.indexOf(q.charAt(3)))\n\
        .map(n, variables.bytes.charAt(n / 65536) + variables.bytes.charAt(n / 256 % 256) + variables.bytes.charAt(n % 256))\n\
        .join('')"
    )
}

/// Encodes characters of Latin-1 in base64.
pub(super) fn encoded(text: &str) -> String {
    format!(
        "({text}).findAll('(?s).{{1,3}}')\n\
        .map(t, [t.size(), variables.bytes.indexOf(t.charAt(0)) * 65536\n  \
          + (t.size() > 1 ? variables.bytes.indexOf(t.charAt(1)) * 256 : 0)\n  \
          + (t.size() > 2 ? variables.bytes.indexOf(t.charAt(2)) : 0)])\n\
        .map(p, variables.alphabet.charAt(p[1] / 262144) + variables.alphabet.charAt(p[1] / 4096 % 64)\n  \
          + (p[0] > 1 ? variables.alphabet.charAt(p[1] / 64 % 64) : '=') + (p[0] > 2 ? variables.alphabet.charAt(p[1] % 64) : '='))\n\
        .join('')"
    )
}

/// The characters of Latin-1 in order: the place of each is its byte.
fn latin_1() -> String {
    let mut table = String::from("'");
    for byte in 0_u8..=255 {
        if matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\') {
            table.push(char::from(byte));
        } else {
            let _ = write!(table, "\\u{byte:04x}");
        }
    }
    table.push('\'');
    table
}

/// Removes the padding that decoding made NUL characters of.
fn without_padding(decoded: &str, raw: &str) -> String {
    format!(
        "{decoded}.substring(0, {decoded}.size() - ({raw}.endsWith('==') ? 2 : {raw}.endsWith('=') ? 1 : 0))"
    )
}

/// The variables that read the document:
///
/// - `doc`: the document, in characters of Latin-1, as all that follows
/// - `head`, `entries`, `tail`: `doc` in parts, if `readable`
/// - `keys`: of each entry the key, with quotation marks
/// - `fields`: of each entry the fields as written and, in between, objects nested in it; a field whose value is not a
///   scalar has no value. The first element is `{` and the entry, which no pattern for a field matches.
/// - `readable`: what was found is the whole document, and no name is ambiguous
pub(super) fn variables() -> Vec<Value> {
    let nested = object(2);
    let head = format!(r#"^{W}\{{(?:[^{{}}"]|{S}|{nested})*"(?i:auths)"{W}:{W}\{{"#);
    let front = format!("{head}(?:{})*", entry());
    let readable = [
        "variables.head != ''".to_owned(),
        "variables.entries.size() > 0".to_owned(),
        "variables.head + variables.entries.join('') == variables.front".to_owned(),
        format!(r#"variables.tail.matches(r'^{W}\}}(?:[^{{}}"]|{S}|{nested})*\}}{W}$')"#),
        "variables.keys.all(k, !k.contains('\\\\') && variables.keys.exists_one(x, x == k))".to_owned(),
        "[variables.top].all(names, names.all(n, n.matches(r'^\"[ !#-\\[\\]-~]*\"$') && names.exists_one(x, x == n)))"
            .to_owned(),
        "variables.names.all(names, names.all(n, n.matches(r'^\"[ !#-\\[\\]-~]*\"$') && names.exists_one(x, x == n)))"
            .to_owned(),
        // The engine reads at most 64 levels; objects have few, by the patterns.
        "variables.doc.split('[').size() <= 56".to_owned(),
        format!(r"(!variables.doc.matches(r'[\x{{80}}-\x{{ff}}]') || variables.doc.matches(r'{UTF_8}'))"),
    ];
    vec![
        variable("alphabet", ALPHABET),
        variable("bytes", latin_1()),
        variable("raw", raw("object")),
        variable("decoded", decoded("variables.raw")),
        variable("doc", without_padding("variables.decoded", "variables.raw")),
        variable("head", format!("variables.doc.find(r'{head}')")),
        variable("front", format!("variables.doc.find(r'{front}')")),
        variable("tail", "variables.doc.substring(variables.front.size())"),
        variable(
            "entries",
            format!("variables.front.substring(variables.head.size()).findAll(r'{}')", entry()),
        ),
        variable("keys", format!("variables.entries.map(e, e.find(r'{S}'))")),
        variable(
            "fields",
            format!(
                "variables.entries.map(e, ['{{' + e] + e.substring(e.find(r'^[ \\t\\r\\n,]*{S}{W}:{W}.').size())\n\
                .findAll(r'{S}{W}:{W}{SCALAR}?|{S}|{}'))",
                object(2)
            ),
        ),
        // Known names count in any letter case, as in Go.
        variable(
            "names",
            format!(
                "variables.fields.map(fields, fields.filter(f, f.matches(r'^{S}{W}:')).map(f, f.find(r'^{S}'))\n\
                .map(n, n.matches(r'(?i)^\"{KNOWN}\"$') ? n.lowerAscii() : n))"
            ),
        ),
        variable(
            "top",
            format!(
                "(variables.head.find(r'(?s)\\{{.*').substring(1) + '}}' + variables.tail.find(r'(?s)\\}}.*').substring(1))\n\
                .findAll(r'{S}{W}:|{S}|{nested}').filter(f, f.matches(r'^{S}{W}:')).map(f, f.find(r'^{S}'))\n\
                .map(n, n.matches(r'(?i)^\"(?:auths|HttpHeaders|credsStore|credHelpers)\"$') ? n.lowerAscii() : n)"
            ),
        ),
        variable("readable", readable.join("\n&& ")),
    ]
}

/// The field of a list of fields with this name: empty if there is none.
pub(super) fn field(fields: &str, name: &str) -> String {
    format!("{fields}.filter(f, f.matches(r'(?i)^\"{name}\"{W}:')).join('')")
}

/// Whether a field, as [`field`] returns it, is absent, null or an empty string.
pub(super) fn is_missing(field: &str) -> String {
    format!("({field} == '' || {field}.matches(r':{W}(?:null|\"\")$'))")
}

/// The text of a field, as [`field`] returns it, as written between the quotation marks; empty if it is no string.
pub(super) fn text(field: &str) -> String {
    format!("[{field}.find(r'{S}$')].map(v, v.size() < 2 ? '' : v.substring(1, v.size() - 1))[0]")
}
