//! The rule reference as terminal text and as JSON. The engine writes the Markdown.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use regcred_engine::policy::Language;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::paragraph;

const HEADING: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();

/// Returns the table of all rules, with colours.
#[must_use]
pub fn table(language: Language) -> String {
    let rows = wording::rule_table(language);
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut text = String::new();
    let styles = std::iter::once(None).chain(Rule::ALL.iter().map(|rule| Some(rule.default_action())));
    for (row, action) in rows.iter().zip(styles) {
        let styles = match action {
            None => [HEADING; 4],
            Some(action) => [HEADING, style_of(action), Style::new(), Style::new()],
        };
        let [others @ .., last] = row;
        for ((cell, width), style) in others.iter().zip(widths).zip(styles) {
            let blanks = width.saturating_sub(cell.width()) + 2;
            let _ = write!(text, "{style}{cell}{style:#}{:blanks$}", ""); // a String takes everything
        }
        let [.., style] = styles;
        let _ = writeln!(text, "{style}{last}{style:#}"); // a String takes everything
    }
    text
}

const fn style_of(action: Action) -> Style {
    match action {
        Action::Deny => AnsiColor::Red.on_default(),
        Action::Warn => AnsiColor::Yellow.on_default(),
        Action::Off | Action::Audit => QUIET,
    }
}

/// Returns the reference of one rule, with colours, in lines of at most `columns`.
#[must_use]
pub fn explained(rule: Rule, language: Language, columns: usize) -> String {
    let mut text = String::new();
    let mut code = false;
    // The engine's Markdown has only headings, paragraphs of one line, fenced code and `**bold**`.
    for line in wording::rule_reference(rule, language).lines() {
        if line.starts_with("```") {
            code = !code;
        } else if code {
            let _ = writeln!(text, "    {QUIET}{line}{QUIET:#}"); // a String takes everything
        } else if let Some(heading) = line.strip_prefix("## ") {
            let _ = writeln!(text, "{HEADING}{heading}{HEADING:#}"); // a String takes everything
        } else {
            text.push_str(&bold(&paragraph::wrapped(line, columns)));
            text.push('\n');
        }
    }
    text
}

/// Renders the text between two pairs of stars as bold.
fn bold(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for (number, piece) in line.split("**").enumerate() {
        if number % 2 == 1 {
            let _ = write!(text, "{HEADING}{piece}{HEADING:#}"); // a String takes everything
        } else {
            text.push_str(piece);
        }
    }
    text
}

/// One rule as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRule {
    code: &'static str,
    default_action: &'static str,
    repairs: bool,
    title: String,
    what: String,
    why: String,
    remedy: String,
    example: ExampleJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExampleJson {
    r#type: &'static str,
    data_key: &'static str,
    document: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_document: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
    #[serde(skip_serializing_if = "is_zero")]
    other_data_bytes: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl ListedRule {
    fn new(rule: Rule, language: Language) -> Self {
        let doc = wording::rule_doc(rule, language);
        let example = doc.example;
        ListedRule {
            code: rule.code(),
            default_action: rule.default_action().as_str(),
            repairs: rule.is_fixable(),
            title: doc.title,
            what: doc.what,
            why: doc.why,
            remedy: doc.remedy,
            example: ExampleJson {
                r#type: example.type_name(),
                data_key: example.data_key(),
                document: example.document,
                old_document: example.old_document,
                policy: example.policy,
                other_data_bytes: example.other_data_bytes,
            },
        }
    }
}

/// Returns one rule as a JSON object, or all rules as an array.
///
/// # Errors
/// Texts and numbers can always be written, so none is expected.
pub fn json(rule: Option<Rule>, language: Language) -> serde_json::Result<String> {
    let Some(rule) = rule else {
        let all: Vec<_> = Rule::ALL.iter().map(|rule| ListedRule::new(*rule, language)).collect();
        return serde_json::to_string_pretty(&all);
    };
    serde_json::to_string_pretty(&ListedRule::new(rule, language))
}
