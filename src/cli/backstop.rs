//! `regcred backstop`

use clap::ValueEnum;
use regcred_engine::backstop::{Form, Options, Role, manifests, yaml};

use super::judging::{Judging, Limit};
use super::{Exit, Failure, put};

/// Generate admission policies that repair and refuse pull Secrets inside the API server
///
/// Writes a mutating admission policy (Kubernetes 1.36 or later) and validating ones (1.30 or later) in CEL, made
/// from the policy file, with their bindings. They repair a Secret as the webhook does or leave it alone. Apply them with
/// kubectl apply -f -.
#[derive(Debug, clap::Args)]
pub(crate) struct BackstopArgs {
    #[command(flatten)]
    judging: Judging,

    /// Whether the webhook runs in the cluster, too
    #[arg(long, value_name = "ROLE", default_value = "backstop", ignore_case = true)]
    role: RoleName,

    /// The most that is enforced, whatever the policy's enforcement says
    #[arg(long, value_name = "LIMIT", default_value = "enforce", ignore_case = true)]
    enforcement: Limit,

    /// Write the policies of one kind for the API server's disk (Kubernetes 1.37 or later): each kind needs its own folder
    #[arg(long = "static", value_name = "KIND", ignore_case = true)]
    static_kind: Option<StaticKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Next to the webhook: they act before it, also when it does not answer
    Backstop,
    /// Without any Pod; also warns and records
    Standalone,
}

/// A plugin of the API server that reads policies from a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StaticKind {
    Mutating,
    Validating,
}

impl StaticKind {
    /// What the kinds of its objects begin with.
    const fn prefix(self) -> &'static str {
        match self {
            StaticKind::Mutating => "Mutating",
            StaticKind::Validating => "Validating",
        }
    }
}

/// Prints the policies.
pub(crate) fn run(args: &BackstopArgs) -> Result<Exit, Failure> {
    let options = Options {
        role: match args.role {
            RoleName::Backstop => Role::Backstop,
            RoleName::Standalone => Role::Standalone,
        },
        stage: args.enforcement.into(),
        form: if args.static_kind.is_some() { Form::Static } else { Form::Objects },
    };
    let mut objects = manifests(&args.judging.policy()?, &options);
    if let Some(kind) = args.static_kind {
        objects.retain(|object| object["kind"].as_str().is_some_and(|name| name.starts_with(kind.prefix())));
    }
    put(yaml(&objects, &options).as_bytes())?;
    Ok(Exit::Clean)
}
