//! What the subcommands that judge have in common: by which policy, in which language, on which day.

use std::path::PathBuf;

use clap::ValueEnum;
use regcred_engine::policy::{Language, Policy};

use super::Failure;
use crate::server;

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
        let mut policy = self.policy.as_deref().map(server::read_policy).transpose()?.unwrap_or_default();
        if let Some(lang) = self.lang {
            policy.language = lang.into();
        }
        Ok(policy)
    }
}
