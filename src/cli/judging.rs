//! What the subcommands that judge have in common: by which policy, in which language, on which day.

use std::path::PathBuf;

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use regcred_engine::policy::{Language, Policy};

use super::Failure;
use crate::policy_file;

/// The flags of every subcommand that judges.
#[derive(Debug, clap::Args)]
pub(crate) struct Judging {
    /// The policy file, YAML; the built-in defaults hold without one
    #[arg(long, env = "REGCRED_POLICY", hide_env_values = true, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The language of findings; without it the policy's
    #[arg(long, env = "REGCRED_LANG", hide_env_values = true)]
    lang: Option<Lang>,
}

/// A language to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// English
    En,
    /// Simplified Chinese
    Zh,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Language::English,
            Lang::Zh => Language::Chinese,
        }
    }
}

impl Judging {
    /// The policy to judge by, in the language that was asked for.
    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        let mut policy = self.policy.as_deref().map(policy_file::read).transpose()?.unwrap_or_default();
        if let Some(lang) = self.lang {
            policy.language = lang.into();
        }
        Ok(policy)
    }
}

/// Today's date in UTC, by which exemptions run out.
pub(crate) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}
