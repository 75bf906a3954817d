//! What was pasted: a document, one in base64, or the text of an error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The name of what was pasted in reports. Sentences about a Docker config name the file.
pub(crate) const PASTED: &str = "config.json";

/// What was pasted. It can contain credentials: there is no `Debug`.
pub(crate) enum Pasted<'t> {
    /// A manifest or a Docker config.
    Document(&'t str),
    /// A document that was pasted in base64, as `kubectl get secret -o yaml` prints it.
    Encoded(Zeroizing<String>),
    /// A line of a log, an event or a status.
    Error,
}

/// The fields that begin a line of a manifest. Error texts have no such lines.
const FIELDS: [&str; 6] = ["apiVersion:", "kind:", "metadata:", "type:", "data:", "stringData:"];

impl<'t> Pasted<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let begins_as_json = text.trim_start().starts_with(['{', '[']);
        let is_field =
            |line: &str| FIELDS.iter().any(|field| line.trim_start_matches([' ', '-']).starts_with(field));
        if begins_as_json || text.lines().any(is_field) {
            return Pasted::Document(text);
        }
        decoded(text).map_or(Pasted::Error, Pasted::Encoded)
    }

    /// Returns the text of the document; `None` for the text of an error.
    pub(crate) fn document(&self) -> Option<&str> {
        match self {
            Pasted::Document(text) => Some(text),
            Pasted::Encoded(text) => Some(text),
            Pasted::Error => None,
        }
    }
}

/// Returns the JSON object that a text is the base64 of, line ends aside.
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let letters: Zeroizing<String> = Zeroizing::new(text.split_ascii_whitespace().collect());
    let bytes = Zeroizing::new(STANDARD.decode(letters.as_bytes()).ok()?);
    let decoded = Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned());
    decoded.trim_start().starts_with('{').then_some(decoded)
}
