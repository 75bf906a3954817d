//! `serve --tls self-managed`: a CA shared by all replicas, and certificates that each issues to itself.
//!
//! In passes. Each reads both webhook configurations and the Secret, corrects what the configurations trust, does the
//! next step of a rotation if it is time, and issues a certificate if one is due. Nothing is remembered that a pass
//! could not find out again, so an edit, a deletion or a missed pass heals by the next one; what was read last is kept
//! only to put back a Secret that somebody has spoiled.

mod authority;
mod secret;
mod state;
mod troubles;
mod webhooks;

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Config;

use super::client::{ClusterError, connect, describe};
use authority::{Leaf, Validity};
use secret::{Store, Stored};
use state::{State, Step};
use troubles::Troubles;
use webhooks::{Found, Webhook};

/// The name of the Service that the API server calls.
const SERVICE: &str = "regcred";

/// Under which changes are recorded by the API server.
const FIELD_MANAGER: &str = "regcred";

/// A new CA is in both configurations for so many passes before anything is served that needs it. With the default
/// interval these are five minutes; an API server usually learns of a change within a second.
const PASSES_BEFORE_SWITCH: i32 = 30;

/// A whole pass takes some ten milliseconds.
const PASS: Duration = Duration::from_secs(60);

/// The first wait after a pass that failed when nothing is served yet; it doubles up to the interval.
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// Nothing is served for this long after the first correction: an API server that was told what to trust usually knows
/// within a second, and until then other replicas may be there that it does trust.
const NOTICED: Duration = Duration::from_secs(2);

/// How often a pass looks again because another replica was quicker.
const ATTEMPTS: u32 = 5;

/// What the certificates are for: the server.
pub trait Serving: Send {
    /// Serves this certificate from now on, PEM, with its key.
    ///
    /// # Errors
    /// When the server finds that it cannot be served.
    fn serve(&self, certificate: &str, key: &str) -> Result<(), String>;

    /// A pass has ended: whether the certificate in use is known to be the right one.
    fn checked(&self, successful: bool);

    /// The bundle of a webhook configuration was not the right one, and is now.
    fn bundle_corrected(&self);

    /// In how many of the two webhook configurations each of these is wrong.
    fn configurations_wrong(&self, wrong: Wrong);

    /// A pass panicked.
    fn panicked(&self);
}

/// What is wrong with the webhook configurations, each in how many of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// It does not exist, or not with this program's webhook in it.
    pub missing: u8,
    /// It cannot be read.
    pub unreadable: u8,
    /// It does not trust what is served, and could not be corrected.
    pub ca_bundle: u8,
    /// It has no match condition on the Secret's type.
    pub type_condition: u8,
}

/// What became of a write.
enum Outcome<T> {
    Written(T),
    /// Somebody else was quicker.
    Conflict,
}

fn outcome<T>(result: kube::Result<T>) -> Result<Outcome<T>, ClusterError> {
    match result {
        Ok(value) => Ok(Outcome::Written(value)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Outcome::Conflict),
        Err(error) => Err(describe(&error)),
    }
}

/// Begins the passes, on a thread of their own that lasts as long as the program: the API server's answers keep no
/// admission waiting, nor admission them.
///
/// # Errors
/// When the system has no thread left.
pub fn start(config: Config, interval: Duration, serving: impl Serving + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("self-managed".to_owned()).spawn(move || {
        let namespace = config.default_namespace.trim().to_owned();
        let keeper = {
            let _context = runtime.enter();
            connect(config).map(|client| Keeper {
                store: Store::new(&client, &namespace, format!("{FIELD_MANAGER}-{:016x}", random())),
                webhooks: Webhook::both(&client),
                names: names(&namespace),
                wait: SignedDuration::try_from(interval)
                    .unwrap_or(SignedDuration::MAX)
                    .saturating_mul(PASSES_BEFORE_SWITCH),
                serving,
                troubles: Troubles::default(),
                known: None,
                held_back: false,
                served: None,
            })
        };
        match keeper {
            Ok(keeper) => keeper.run(&runtime, interval),
            Err(error) => tracing::error!("certificates cannot be managed: {error}"),
        }
    })?;
    Ok(())
}

/// What a certificate is for: the names by which a Service is asked for.
fn names(namespace: &str) -> Vec<String> {
    ["svc", "svc.cluster.local"].map(|end| format!("{SERVICE}.{namespace}.{end}")).to_vec()
}

/// The one who makes the passes.
struct Keeper<S> {
    store: Store,
    webhooks: [Webhook; 2],
    names: Vec<String>,
    wait: SignedDuration,
    serving: S,
    troubles: Troubles,
    /// What the Secret held when it was last good.
    known: Option<State>,
    /// Whether the first certificate was held back, for [`NOTICED`].
    held_back: bool,
    served: Option<Issued>,
}

/// The certificate that is served.
struct Issued {
    /// The CA's certificate.
    by: String,
    validity: Validity,
}

impl<S: Serving> Keeper<S> {
    fn run(mut self, runtime: &tokio::runtime::Runtime, interval: Duration) {
        let mut failures = 0;
        loop {
            // A pass that panics is one that failed: without this thread certificates would expire unnoticed.
            let pass =
                || runtime.block_on(async { tokio::time::timeout(PASS, self.pass(Timestamp::now())).await });
            let result = match catch_unwind(AssertUnwindSafe(pass)) {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(ClusterError::new("the API server takes too long")),
                Err(_) => {
                    self.serving.panicked();
                    Err(ClusterError::new("a pass panicked"))
                }
            };
            failures = if result.is_ok() { 0 } else { failures + 1 };
            self.serving.checked(result.is_ok());
            self.troubles.report("the CA of this installation", result.map_err(|error| error.to_string()));
            let wait = match failures {
                _ if self.served.is_some() => interval,
                0 => NOTICED,
                _ => FIRST_RETRY.saturating_mul(1 << failures.min(10)),
            };
            thread::sleep(jittered(wait.min(interval)));
        }
    }

    /// The configurations are read first: what is then written over the versions that were found is at least as new as
    /// whatever another replica has written until then.
    async fn pass(&mut self, now: Timestamp) -> Result<(), ClusterError> {
        let [mutating, validating] = &self.webhooks;
        let found: [_; 2] = tokio::join!(mutating.find(), validating.find()).into();
        let (state, version) = self.stored(&trusted_so_far(&found), now).await?;
        self.known = Some(state.clone());
        let trusted = self.correct(found, &state.bundle()).await;
        // Once only: where somebody undoes each correction, waiting would not help.
        if self.served.is_none() && !trusted && !mem::replace(&mut self.held_back, true) {
            return Ok(());
        }
        // A rotation that gets no further keeps nobody from renewing by the CA that is there.
        let issued = self.issue(&state, now);
        if let Some(next) = self.advance(&state, &version, trusted, now).await? {
            self.known = Some(next);
        }
        issued
    }

    /// The state that the replicas share, made or put back where there is none. `before` is what the configurations trust.
    async fn stored(&self, before: &str, now: Timestamp) -> Result<(State, String), ClusterError> {
        for attempt in 0..ATTEMPTS {
            let written = match self.store.read().await? {
                Stored::Good(state, version) if now < state.current.validity.not_after => {
                    return Ok((state, version));
                }
                Stored::Good(state, version) => {
                    tracing::warn!(
                        "the CA in the Secret {} has expired: a new one takes its place",
                        secret::NAME
                    );
                    let succeeded = state.succeeded(now).map_err(cannot_make)?;
                    self.store.replace(&version, &succeeded).await?
                }
                Stored::Spoiled(why, version) => {
                    let Some(known) = self.usable(now) else {
                        return Err(ClusterError::new(format!(
                            "the Secret {} {why}: delete it, and a new one is made",
                            secret::NAME
                        )));
                    };
                    tracing::warn!("the Secret {} {why}: it is put back as it was", secret::NAME);
                    self.store.replace(&version, known).await?
                }
                Stored::Nothing => {
                    let state = match self.usable(now) {
                        Some(known) => {
                            tracing::warn!(
                                "the Secret {} is gone or empty: it is put back as it was",
                                secret::NAME
                            );
                            known.clone()
                        }
                        None => State::new(now, before).map_err(cannot_make)?,
                    };
                    self.store.create(&state).await?
                }
            };
            match written {
                Outcome::Written(Stored::Good(state, version)) => return Ok((state, version)),
                Outcome::Written(_) | Outcome::Conflict => {
                    tokio::time::sleep(jittered(Duration::from_millis(20 << attempt))).await;
                }
            }
        }
        Err(ClusterError::new(format!("the Secret {} changes too quickly", secret::NAME)))
    }

    fn usable(&self, now: Timestamp) -> Option<&State> {
        self.known.as_ref().filter(|known| now < known.current.validity.not_after)
    }

    /// Puts the bundle into both configurations where another one was found. Says whether all that exist were found
    /// with it.
    async fn correct(&mut self, found: [Result<Option<Found>, ClusterError>; 2], bundle: &str) -> bool {
        let mut wrong = Wrong::default();
        let mut trusted = true;
        for (webhook, found) in self.webhooks.iter().zip(found) {
            let kind = webhook.kind;
            let result = match found {
                Ok(None) => {
                    wrong.missing += 1;
                    Err("does not exist, or has no webhook of this program: the API server does not ask"
                        .to_owned())
                }
                Err(error) => {
                    wrong.unreadable += 1;
                    trusted = false;
                    Err(format!("cannot be read: {error}"))
                }
                Ok(Some(found)) => {
                    let corrected = if found.trusts(bundle) {
                        Ok(())
                    } else {
                        trusted = false;
                        match webhook.trust(&found, bundle).await {
                            Ok(Outcome::Written(())) => {
                                tracing::info!("the {kind} regcred now trusts this installation's CA");
                                self.serving.bundle_corrected();
                                Ok(())
                            }
                            // Whoever was quicker may have done the same.
                            Ok(Outcome::Conflict) => Ok(()),
                            Err(error) => {
                                wrong.ca_bundle += 1;
                                Err(format!("cannot be told what to trust: {error}"))
                            }
                        }
                    };
                    wrong.type_condition += u8::from(found.wrong.is_some());
                    corrected.and(found.wrong.map_or(Ok(()), |why| Err(why.to_owned())))
                }
            };
            self.troubles.report(kind, result);
        }
        self.serving.configurations_wrong(wrong);
        trusted
    }

    /// Does the next step of a rotation, if it is time for one. Where another replica was quicker, what it made of it is
    /// seen in the next pass.
    async fn advance(
        &self,
        state: &State,
        version: &str,
        trusted: bool,
        now: Timestamp,
    ) -> Result<Option<State>, ClusterError> {
        let Some((step, next)) = state.step(now, trusted, self.wait).map_err(cannot_make)? else {
            return Ok(None);
        };
        match self.store.replace(version, &next).await? {
            Outcome::Written(Stored::Good(state, _)) => {
                match step {
                    Step::Distrusted | Step::BegunAnew | Step::SwitchedAtTheEnd => {
                        tracing::warn!("rotation: {}", step.words());
                    }
                    _ => tracing::info!("rotation: {}", step.words()),
                }
                Ok(Some(state))
            }
            Outcome::Written(_) | Outcome::Conflict => Ok(None),
        }
    }

    /// Issues a certificate where there is none, where it is by another CA, and where two thirds of it are over.
    fn issue(&mut self, state: &State, now: Timestamp) -> Result<(), ClusterError> {
        let authority = &state.current;
        let good = |served: &Issued| served.by == authority.certificate && !served.validity.is_due(now);
        if self.served.as_ref().is_some_and(good) {
            return Ok(());
        }
        if !authority.validity.holds(now) {
            return Err(ClusterError::new("the CA is not valid by this machine's clock"));
        }
        let Leaf { certificate, key, validity } = authority.issue(&self.names, now).map_err(cannot_make)?;
        self.serving.serve(&certificate, &key).map_err(ClusterError::new)?;
        self.served = Some(Issued { by: authority.certificate.clone(), validity });
        Ok(())
    }
}

/// What the API server trusts, PEM.
fn trusted_so_far(found: &[Result<Option<Found>, ClusterError>; 2]) -> String {
    let mut bundles: Vec<String> =
        found.iter().filter_map(|found| found.as_ref().ok()?.as_ref()?.certificates()).collect();
    bundles.dedup();
    bundles.concat()
}

/// The reason is left out: it is about keys.
fn cannot_make(_: rcgen::Error) -> ClusterError {
    ClusterError::new("no certificate can be made")
}

/// Up to a tenth more or less, so that replicas which were started together do not stay together.
fn jittered(wait: Duration) -> Duration {
    let thousandths = u32::try_from(random() % 200).unwrap_or_default() + 900;
    wait.saturating_mul(thousandths) / 1000
}

/// Zero where the system has no random numbers, which the server notices.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
