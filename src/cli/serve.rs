//! `regcred serve`

mod args;
mod sample;

use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::log::Log;
use super::{Exit, Failure};
use crate::admission;
use crate::cluster::client;
use crate::cluster::self_managed;
use crate::server::{CertificateSource, Ended, Server};

pub(crate) use args::ServeArgs;
use args::Settings;

/// At most this many large reviews are judged at a time, on threads of their own. To judge a document of 1 MiB takes 18 ms if
/// every registry needs a repair, and 117 ms if the document is made to be expensive (docs/benchmarks.md). More reviews at a
/// time would cost memory without being faster.
const MAX_LARGE_REVIEWS: usize = 2;

/// At most this many threads answer requests. The allocator keeps some MiB for each, and a review takes microseconds, so
/// one for every processor of a large node would exceed the memory limit of the Pod for nothing.
const MAX_WORKERS: usize = 4;

/// Serves until a signal arrives.
pub(crate) fn run(args: ServeArgs) -> Result<Exit, Failure> {
    let settings = args.validate()?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .worker_threads(available_parallelism().map_or(1, NonZero::get).min(MAX_WORKERS))
        .max_blocking_threads(MAX_LARGE_REVIEWS)
        .build()
        .map_err(|error| Failure(format!("cannot create a thread or file descriptor: {error}")))?;
    let ended = serve(&runtime, settings);
    // Tasks that are still running are dropped.
    runtime.shutdown_background();
    Ok(match ended? {
        Ended::Finished => Exit::Clean,
        Ended::CutOff => Exit::Findings,
    })
}

fn serve(runtime: &Runtime, settings: Settings) -> Result<Ended, Failure> {
    let Settings { server: config, log_level, log_format, names } = settings;
    runtime.block_on(async {
        // First, so that a signal during the start also shuts the server down gracefully.
        let shutdown = signals()?;
        let cluster = match config.certificate {
            CertificateSource::Supplied => Some(cluster().await?),
            CertificateSource::Files(_) | CertificateSource::Dev(_) => None,
        };
        let server = Server::prepare(&config, admission::review)?;
        log_format.say(format_args!("listening on https://{}", server.address()));
        log_format.say(format_args!("listening on http://{} (ops)", server.ops_address()));
        if let CertificateSource::Dev(folder) = &config.certificate {
            log_format.say(format_args!("{}", sample::request(server.address(), folder)));
        }
        // The log starts after these lines, so that they come first at every level.
        let _log = Log::start(log_level, log_format, server.metrics())?;
        if let Some(cluster) = cluster {
            self_managed::start(cluster, names, server.supply())?;
        }
        Ok(server.run(shutdown).await?)
    })
}

/// The cluster in which certificates are managed. Unusable credentials are an error now; an API server that does not
/// answer is not.
async fn cluster() -> Result<kube::Config, Failure> {
    let config = client::infer().await?;
    drop(client::connect(config.clone(), None)?);
    Ok(config)
}

/// Receives a message for each SIGTERM and SIGINT.
fn signals() -> Result<mpsc::Receiver<()>, Failure> {
    let install = |kind| signal(kind).map_err(|error| Failure(format!("cannot receive signals: {error}")));
    let signals: [Signal; 2] = [install(SignalKind::terminate())?, install(SignalKind::interrupt())?];
    let (sender, receiver) = mpsc::channel(2);
    for mut signal in signals {
        let sender = sender.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                // The channel is full after two signals. More of them change nothing.
                let _ = sender.try_send(());
            }
        });
    }
    Ok(receiver)
}
