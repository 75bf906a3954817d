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

/// The longest line, on any terminal: longer ones are hard to read.
const MAX_COLUMNS: usize = 100;

/// Explain the rules: a table of all, or one in detail
///
/// A rule says what is wrong, who is affected, what to do, and gives an example. Every warning and refusal begins with
/// [regcred/CODE].
#[derive(Debug, clap::Args)]
pub(crate) struct RulesArgs {
    /// Code of a rule, such as missing-auth
    #[arg(
        value_name = "CODE",
        hide_possible_values = true,
        value_parser = PossibleValuesParser::new(Rule::ALL.iter().map(|rule| rule.code()))
            .try_map(|code| Rule::from_code(&code).ok_or("unknown rule"))
    )]
    rule: Option<Rule>,

    /// Format of the output; docs/rules.md is the Markdown
    #[arg(short, long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    output_format: OutputFormat,

    /// Language of the output
    #[arg(long, env = "REGCRED_LANG", hide_env_values = true, default_value = "en")]
    lang: Lang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
    Markdown,
}

/// Prints the rules.
pub(crate) fn run(args: &RulesArgs) -> Result<Exit, Failure> {
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

/// The maximum length of a line.
fn columns() -> usize {
    tcgetwinsize(io::stdout()).map_or(MAX_COLUMNS, |size| match usize::from(size.ws_col) {
        0 => MAX_COLUMNS,
        columns => columns.min(MAX_COLUMNS),
    })
}
