//! The flags of the subcommands that judge Secrets: the policy and the language.

use std::path::PathBuf;

use clap::ValueEnum;
use regcred_engine::policy::{Enforcement, Language, Policy};

use super::Failure;
use crate::policy_file;

/// The flags of every subcommand that judges.
#[derive(Debug, clap::Args)]
pub(crate) struct Judging {
    /// Policy file, YAML; without it the built-in defaults apply
    #[arg(long, env = "REGCRED_POLICY", hide_env_values = true, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Language of findings; without it the language of the policy
    #[arg(long, env = "REGCRED_LANG", hide_env_values = true)]
    lang: Option<Lang>,
}

/// A language of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// English
    En,
    /// Simplified Chinese
    Zh,
}

/// A limit for the policy's `enforcement`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Limit {
    /// Refuse, warn and repair as the policy says
    Enforce,
    /// Repair and warn; refuse nothing
    Warn,
    /// Only write audit records
    Audit,
}

impl From<Limit> for Enforcement {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Enforce => Enforcement::Enforce,
            Limit::Warn => Enforcement::Warn,
            Limit::Audit => Enforcement::Audit,
        }
    }
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
    /// Reads the policy, and sets its language if one was given.
    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        let mut policy = self.given_policy()?.unwrap_or_default();
        policy.language = self.language(Some(&policy));
        Ok(policy)
    }

    /// Reads the policy, if one was given.
    pub(crate) fn given_policy(&self) -> Result<Option<Policy>, Failure> {
        Ok(self.policy.as_deref().map(policy_file::read).transpose()?)
    }

    /// The language that was given, or that of a policy.
    pub(crate) fn language(&self, policy: Option<&Policy>) -> Language {
        self.lang.map_or_else(|| policy.map(|policy| policy.language).unwrap_or_default(), Language::from)
    }
}
