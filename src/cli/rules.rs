//! `regcred rules`

use std::io;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use regcred_engine::rules::Rule;
use regcred_engine::wording;
use rustix::termios::tcgetwinsize;

use super::judging::Lang;
use super::{Exit, Failure, put};
use crate::report::rules;

/// Lines longer than this are hard to read, however wide the terminal.
const MOST_COLUMNS: usize = 100;

/// Explain the rules: all in a table, or one in full
///
/// What is wrong, who is affected and who is not, the one thing to do, and an example. Every warning and refusal begins
/// with [regcred/CODE].
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The code of one rule, such as missing-auth
    #[arg(
        value_name = "CODE",
        hide_possible_values = true,
        value_parser = PossibleValuesParser::new(Rule::ALL.iter().map(|rule| rule.code()))
            .try_map(|code| Rule::from_code(&code).ok_or("no rule"))
    )]
    rule: Option<Rule>,

    /// Text for people, JSON for programs, or Markdown, which docs/rules.md is
    #[arg(
        long,
        env = "REGCRED_RULES_OUTPUT_FORMAT",
        hide_env_values = true,
        value_name = "FORMAT",
        default_value = "text",
        ignore_case = true
    )]
    output_format: OutputFormat,

    /// The language
    #[arg(long, env = "REGCRED_LANG", hide_env_values = true, default_value = "en")]
    lang: Lang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
    Markdown,
}

/// Prints what was asked for.
pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let language = args.lang.into();
    let text = match (args.output_format, args.rule) {
        (OutputFormat::Text, None) => rules::table(language),
        (OutputFormat::Text, Some(rule)) => rules::explained(rule, language, columns()),
        (OutputFormat::Json, rule) => rules::json(rule, language)? + "\n",
        (OutputFormat::Markdown, None) => wording::reference(language),
        (OutputFormat::Markdown, Some(rule)) => wording::rule_reference(rule, language),
    };
    put(text.as_bytes())?;
    Ok(Exit::Clean)
}

/// How wide lines may be.
fn columns() -> usize {
    tcgetwinsize(io::stdout()).map_or(MOST_COLUMNS, |size| match usize::from(size.ws_col) {
        0 => MOST_COLUMNS,
        columns => columns.min(MOST_COLUMNS),
    })
}
