//! The document in CEL: decoded, cut into entries, and those into fields.
//!
//! CEL has no base64 and no JSON. The bytes become characters of Latin-1, one each, and regular expressions find the
//! entries. They rely on one thing: the API server refuses a document that is not JSON, whatever a policy makes of it. The
//! expressions need not reject anything that is not JSON, but have to find the right parts of anything that is.

use std::fmt::Write as _;

use serde_json::Value;

use super::cel::{literal, variable};
use crate::secret::SecretType;

/// White space.
pub(super) const W: &str = r"[ \t\r\n]*";
/// A string.
pub(super) const S: &str = r#""(?:[^"\\]|\\.)*""#;
/// The value of a field, if it is neither an object nor an array.
const SCALAR: &str = r#"(?:"(?:[^"\\]|\\.)*"|[^ \t\r\n,"{}\[\]]+)"#;

/// The fields of an entry that consumers read.
const KNOWN: &str = "(?:auth|username|password|email|identitytoken|registrytoken|serveraddress)";

const ALPHABET: &str = "'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'";

/// Valid UTF-8 in characters of Latin-1: table 3-7 of the Unicode Standard.
const UTF_8: &str = r"^(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*$";

/// An object in which objects are nested this many levels deep.
fn object(levels: usize) -> String {
    let inner = if levels == 0 { String::new() } else { format!("|{}", object(levels - 1)) };
    format!(r#"\{{(?:[^{{}}"]|{S}{inner})*\}}"#)
}

/// Something inside an object: an object in it is nested at most two levels deep.
fn inside() -> String {
    format!(r#"(?:[^{{}}"]|{S}|{})*"#, object(2))
}

/// An entry, with the comma before it if there is one.
pub(super) fn entry() -> String {
    format!("(?:{W},)?{W}{S}{W}:{W}(?:{}|null)", object(3))
}

/// The document up to its first entry.
pub(super) fn head(secret_type: SecretType) -> String {
    match secret_type {
        SecretType::DockerConfigJson => format!(r#"^{W}\{{{}"(?i:auths)"{W}:{W}\{{"#, inside()),
        SecretType::DockerCfg => format!(r"^{W}\{{"),
    }
}

/// The document up to the end of its last entry.
pub(super) fn front(secret_type: SecretType) -> String {
    format!("{}(?:{})*", head(secret_type), entry())
}

/// The rest of the document.
pub(super) fn tail(secret_type: SecretType) -> String {
    match secret_type {
        SecretType::DockerConfigJson => format!(r"^{W}\}}{}\}}{W}$", inside()),
        SecretType::DockerCfg => format!(r"^{W}\}}{W}$"),
    }
}

/// What an entry begins with, up to its value and with one character of it.
pub(super) fn before_fields() -> String {
    format!(r"^[ \t\r\n,]*{S}{W}:{W}.")
}

/// A field of an entry with its value, and what is in between: strings and objects in the value of another field.
pub(super) fn field_or_value() -> String {
    format!("{S}{W}:{W}{SCALAR}?|{S}|{}", object(2))
}

/// A name at the top, and what is in between.
pub(super) fn name_or_value() -> String {
    format!("{S}{W}:|{S}|{}", object(2))
}

/// What is a name, of a list of such parts.
pub(super) fn is_name() -> String {
    format!("^{S}{W}:")
}

/// A name with quotation marks that is read as it is written.
pub(super) const PLAIN_NAME: &str = r#"^"[ !#-\[\]-~]*"$"#;

/// Names at the top that count in any letter case, as in Go.
pub(super) const KNOWN_AT_TOP: &str = "(?i)^\"(?:auths|HttpHeaders|credsStore|credHelpers)\"$";

/// Fields of an entry that count in any letter case.
pub(super) fn known_in_entry() -> String {
    format!("(?i)^\"{KNOWN}\"$")
}

/// A field of one of the names that consumers read.
pub(super) fn is_known() -> String {
    format!("(?i)^\"{KNOWN}\"{W}:")
}

/// A field whose value is null or a string.
pub(super) fn is_text() -> String {
    format!("(?s):{W}(?:null|\".*\")$")
}

/// A field that is null or an empty string.
pub(super) fn is_empty() -> String {
    format!(":{W}(?:null|\"\")$")
}

/// The key in a dockercfg that is no registry: `auths`, also as Go folds it, is another document inside of it.
pub(super) const WRAPPER: &str = r#"(?i)^"auth(?:s|\xc5\xbf)"$"#;

/// At most this many arrays: the engine reads at most 64 levels, and objects have few, by the patterns.
pub(super) const MAX_ARRAYS: usize = 55;

/// An escape: a surrogate pair, half of one, or the beginning of another. The engine reads no document with a half that
/// stands alone, and only such a half has [`HALF_BYTES`].
pub(super) const ESCAPE: &str = r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..|\\.";
pub(super) const HALF_BYTES: usize = 6;

/// A field `HttpHeaders` whose value is neither an object nor null: such a document is never repaired.
pub(super) fn bad_headers() -> String {
    format!(r#"(?i)"HttpHeaders"{W}:{W}[^ \t\r\n{{n]"#)
}

/// Whether the type of an object is dockercfg.
fn is_flat(object: &str) -> String {
    format!("{object}.?type.orValue('') == {}", literal(SecretType::DockerCfg.name()))
}

/// The value under the data key of an object, in base64.
pub(super) fn raw(object: &str) -> String {
    let [flat, usual] =
        [SecretType::DockerCfg, SecretType::DockerConfigJson].map(|kind| literal(kind.data_key()));
    format!("{object}.?data[?({} ? {flat} : {usual})].orValue('')", is_flat(object))
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
/// - `flat`: whether it is a dockercfg
/// - `doc`: the document, in characters of Latin-1, as all that follows
/// - `head`, `entries`, `tail`: `doc` in parts, if `readable`
/// - `keys`: of each entry the key, with quotation marks
/// - `fields`: of each entry the fields as written and, in between, objects nested in it; a field whose value is not a
///   scalar has no value. The first element is `{` and the entry, which no pattern for a field matches.
/// - `readable`: what was found is the whole document, and no name is ambiguous
///
/// [`super::coverage`] does the same outside of the API server.
pub(super) fn variables() -> Vec<Value> {
    let by_type = |pattern: fn(SecretType) -> String, call: fn(&str) -> String| {
        format!(
            "variables.flat\n? {}\n: {}",
            call(&pattern(SecretType::DockerCfg)),
            call(&pattern(SecretType::DockerConfigJson))
        )
    };
    let find = |pattern: &str| format!("variables.doc.find(r'{pattern}')");
    let is_plain = |names: &str| format!("{names}.all(n, n.matches(r'{PLAIN_NAME}'))");
    // No name contains a line break. Comparing each name with each would take seconds.
    let is_unique =
        |names: &str| format!("[{names}.join('\\n')].all(j, {names}.all(n, j.split(n).size() == 2))");
    let readable = [
        "variables.head != ''".to_owned(),
        "variables.entries.size() > 0".to_owned(),
        "variables.head + variables.entries.join('') == variables.front".to_owned(),
        format!("({})", by_type(tail, |pattern| format!("variables.tail.matches(r'{pattern}')"))),
        "variables.keys.all(k, !k.contains('\\\\'))".to_owned(),
        is_unique("variables.keys"),
        format!("(!variables.flat || !variables.keys.exists(k, k.matches(r'{WRAPPER}')))"),
        is_plain("variables.top"),
        is_unique("variables.top"),
        format!("variables.names.all(names, {} && {})", is_plain("names"), is_unique("names")),
        format!("!(variables.head + variables.tail).matches(r'{}')", bad_headers()),
        format!("variables.doc.split('[').size() <= {}", MAX_ARRAYS + 1),
        format!("variables.doc.findAll(r'{ESCAPE}').all(e, e.size() != {HALF_BYTES})"),
        format!(r"(!variables.doc.matches(r'[\x80-\xff]') || variables.doc.matches(r'{UTF_8}'))"),
    ];
    vec![
        variable("alphabet", ALPHABET),
        variable("bytes", latin_1()),
        variable("flat", is_flat("object")),
        variable("raw", raw("object")),
        variable("decoded", decoded("variables.raw")),
        variable("doc", without_padding("variables.decoded", "variables.raw")),
        variable("head", by_type(head, find)),
        variable("front", by_type(front, find)),
        variable("tail", "variables.doc.substring(variables.front.size())"),
        variable(
            "entries",
            format!("variables.front.substring(variables.head.size()).findAll(r'{}')", entry()),
        ),
        variable("keys", format!("variables.entries.map(e, e.find(r'{S}'))")),
        variable(
            "fields",
            format!(
                "variables.entries.map(e, ['{{' + e] + e.substring(e.find(r'{}').size())\n\
                .findAll(r'{}'))",
                before_fields(),
                field_or_value()
            ),
        ),
        variable(
            "names",
            format!(
                "variables.fields.map(fields, fields.filter(f, f.matches(r'{}')).map(f, f.find(r'^{S}'))\n\
                .map(n, n.matches(r'{}') ? n.lowerAscii() : n))",
                is_name(),
                known_in_entry()
            ),
        ),
        variable(
            "top",
            format!(
                "variables.flat ? [] :\n\
                (variables.head.find(r'(?s)\\{{.*').substring(1) + '}}' + variables.tail.find(r'(?s)\\}}.*').substring(1))\n\
                .findAll(r'{}').filter(f, f.matches(r'{}')).map(f, f.find(r'^{S}'))\n\
                .map(n, n.matches(r'{KNOWN_AT_TOP}') ? n.lowerAscii() : n)",
                name_or_value(),
                is_name()
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
    format!("({field} == '' || {field}.matches(r'{}'))", is_empty())
}

/// The text of a field, as [`field`] returns it, as written between the quotation marks; empty if it is no string.
pub(super) fn text(field: &str) -> String {
    format!("[{field}.find(r'{S}$')].map(v, v.size() < 2 ? '' : v.substring(1, v.size() - 1))[0]")
}
