//! `regcred verify`

mod args;
mod asked_from;
mod job;
mod metrics;
mod report;
mod run;

use std::io;

use regcred_engine::policy::Language;
use tokio::runtime::Builder;

use super::{Exit, Failure, put};

pub(crate) use args::VerifyArgs;
use run::{VerifyRun, VerifyStop};

/// Verifies credentials.
pub(crate) fn run(args: &VerifyArgs) -> Result<Exit, Failure> {
    let language = args.lang.map_or_else(Language::default, Language::from);
    if args.print_job {
        return put(job::manifests(args)?.as_bytes());
    }
    let verifier = args.asking.verifier(language)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("cannot create a file descriptor: {error}")))?;
    let exit = VerifyRun::new(args, language, &runtime, verifier).run();
    // Do not wait for a name server.
    runtime.shutdown_background();
    match exit {
        Ok(exit) => Ok(exit),
        Err(VerifyStop::Failed(failure)) => Err(failure),
        // The reader closed the pipe early, as `head` does.
        Err(VerifyStop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Incomplete),
        Err(VerifyStop::Output(error)) => Err(Failure(format!("cannot write the report: {error}"))),
    }
}
