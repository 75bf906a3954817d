//! The judgement of regcred for a page in the browser: what `regcred check`, `regcred explain --image`, `regcred explain
//! --message` and `regcred backstop` answer, for text in place of files.
//!
//! Each function takes and returns text: JSON that `page/page.js` shows. It calls what the subcommand calls, so that the page cannot
//! say anything else. .ci/playground makes one HTML file of this crate and of `page/`.

mod backstop;
mod check;
mod explain;
mod pasted;
mod report;
mod settings;

use wasm_bindgen::prelude::wasm_bindgen;

use settings::Settings;

/// The version of regcred that the page was made of.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    regcred::VERSION.to_owned()
}

/// Judges a text by a policy, both as they were pasted, or says what it proves if it is the error text of a failed pull.
/// `language` is `en` or `zh`, `now` the time in milliseconds since 1970.
#[wasm_bindgen]
#[must_use]
pub fn check(text: &str, policy: &str, language: &str, now: f64) -> String {
    report::json(&check::check(text, &Settings::new(policy, language, now)))
}

/// Says which entries each consumer would use for an image.
#[wasm_bindgen]
#[must_use]
pub fn image(text: &str, image: &str, language: &str, now: f64) -> String {
    report::json(&explain::image(text, image, &Settings::new("", language, now)))
}

/// Generates the admission policies of a policy file. `role` is `backstop` or `standalone`.
#[wasm_bindgen]
#[must_use]
pub fn backstop(role: &str, policy: &str, language: &str, now: f64) -> String {
    report::json(&backstop::policies(role, &Settings::new(policy, language, now)))
}
