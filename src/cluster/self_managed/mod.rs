//! `serve --tls self-managed`: a CA shared by all replicas, and a serving certificate that each replica issues to itself.
//!
//! It works in passes. A pass reads both webhook configurations and the Secret, corrects `caBundle`, issues a certificate
//! if one is due, and takes the next step of a rotation if it is time. A watch on the three objects starts a pass at each
//! change, and a timer starts one every few minutes. A pass keeps no state that it could not find out again, so an edit, a
//! deletion or a missed pass is corrected by the next one. The last valid content of the Secret is remembered only to
//! restore a Secret that was deleted or damaged.

mod names;
mod problems;
mod secret;
mod state;
mod watch;
mod webhooks;
mod write;

use std::io;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use kube::{Client, Config};
use tokio::sync::watch::Receiver;

use super::client::{ClusterError, connect};
use crate::pki::{Issued, Validity};
use crate::server::{ConfigurationProblem, Supply};
use problems::Problems;
use secret::{SecretStore, StoredAuthorities};
use state::{LEAF_LIFE, State, Step};
pub(super) use webhooks::sees_the_type;
use webhooks::{Found, InstalledWebhook};
use write::{FIELD_MANAGER, Write};

pub use names::Names;

/// How long both configurations must have trusted a new CA before it signs. An API server usually learns of a change
/// within a second. A constant, so that no setting can make a rotation unsafe.
const TRUST_TIME: SignedDuration = SignedDuration::from_mins(5);

/// The time between two passes if nothing changes.
const PASS_INTERVAL: Duration = Duration::from_secs(300);

/// The time between a change and the pass that it starts. Further changes within it start no other pass, so a client that
/// undoes every correction causes at most two passes a second.
const DEBOUNCE: Duration = Duration::from_millis(500);

/// The deadline of a pass, which usually takes some ten milliseconds.
const PASS_DEADLINE: Duration = Duration::from_secs(30);

/// The first wait after a failed pass. It doubles up to [`MAX_RETRY`].
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// The longest wait after a failed pass.
const MAX_RETRY: Duration = Duration::from_secs(30);

/// How long the first certificate is held back after a correction of `caBundle`. Until the API server has noticed the
/// change, other replicas may still serve a certificate that it trusts.
const NOTICE_TIME: Duration = Duration::from_secs(2);

/// How often a pass retries after another replica has written first.
const MAX_ATTEMPTS: u32 = 5;

/// Starts the passes on a thread of their own, which lasts until the program ends. No admission request waits for it.
///
/// # Errors
/// When the system cannot create a thread.
pub fn start(config: Config, names: Names, supply: Supply) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("self-managed".to_owned()).spawn(move || {
        runtime.block_on(async {
            let namespace = config.default_namespace.trim().to_owned();
            // A watch is silent for minutes. Each pass has a deadline of its own.
            match connect(config, None) {
                Ok(client) => Keeper::new(&client, &namespace, &names, supply).run().await,
                Err(error) => tracing::error!("cannot manage certificates: {error}"),
            }
        });
    })?;
    Ok(())
}

/// Makes the passes.
struct Keeper {
    secret: SecretStore,
    webhooks: [InstalledWebhook; 2],
    /// The names in the certificate.
    dns_names: Vec<String>,
    supply: Supply,
    changes: Receiver<()>,
    problems: Problems,
    /// The content of the Secret when it was last valid.
    known: Option<State>,
    /// Whether the first certificate was held back for [`NOTICE_TIME`].
    held_back: bool,
    served: Option<ServedCertificate>,
}

/// What is known of the served certificate.
struct ServedCertificate {
    /// The certificate of its CA, PEM.
    authority: String,
    validity: Validity,
}

impl Keeper {
    /// Must be called within a tokio runtime, where it starts the watches.
    fn new(client: &Client, namespace: &str, names: &Names, supply: Supply) -> Self {
        let service = &names.service;
        let dns_names = ["svc", "svc.cluster.local"].map(|end| format!("{service}.{namespace}.{end}"));
        let creator = format!("{FIELD_MANAGER}-{:016x}", random());
        Keeper {
            secret: SecretStore::new(client, namespace, names.ca_secret.clone(), creator),
            webhooks: InstalledWebhook::both(client, &names.webhook_configuration),
            dns_names: dns_names.to_vec(),
            supply,
            changes: watch::start(client, namespace, names),
            problems: Problems::default(),
            known: None,
            held_back: false,
            served: None,
        }
    }

    async fn run(mut self) {
        let mut failures = 0;
        loop {
            self.changes.mark_unchanged();
            let pass = tokio::time::timeout(PASS_DEADLINE, self.pass(Timestamp::now()));
            // A panic must not end this thread: the certificates would expire unnoticed.
            let result = match AssertUnwindSafe(pass).catch_unwind().await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(ClusterError::new("the API server does not answer in time")),
                Err(_) => {
                    self.supply.metrics().panics.inc();
                    Err(ClusterError::new("a pass panicked"))
                }
            };
            failures = if result.is_ok() { 0 } else { failures + 1 };
            self.supply.checked(result.is_ok());
            self.problems.report("the CA of this installation", result.map_err(|error| error.to_string()));
            self.wait(failures).await;
        }
    }

    /// Waits for the time of the next pass, or for a change.
    async fn wait(&mut self, failures: u32) {
        let wait = match failures {
            0 if self.served.is_none() => return tokio::time::sleep(NOTICE_TIME).await,
            0 => self.until_switch().unwrap_or(PASS_INTERVAL).min(PASS_INTERVAL),
            _ => FIRST_RETRY.saturating_mul(1 << (failures - 1).min(10)).min(MAX_RETRY),
        };
        tokio::select! {
            () = tokio::time::sleep(jittered(wait)) => {}
            Ok(()) = self.changes.changed() => tokio::time::sleep(jittered(DEBOUNCE)).await,
        }
    }

    /// The time until a new CA may sign, with some margin for the jitter.
    fn until_switch(&self) -> Option<Duration> {
        let switch_after = self.known.as_ref()?.switch_after()?;
        let wait = switch_after.duration_since(Timestamp::now()).max(SignedDuration::from_secs(1));
        Some(Duration::try_from(wait).ok()?.saturating_mul(10) / 9)
    }

    /// Reads the configurations before the Secret. So what a slow replica writes over the versions that it found is never
    /// older than what another replica has written in the meantime.
    async fn pass(&mut self, now: Timestamp) -> Result<(), ClusterError> {
        let [mutating, validating] = &self.webhooks;
        let found: [_; 2] = tokio::join!(mutating.find(), validating.find()).into();
        let (state, version) = self.stored(&trusted_so_far(&found), now).await?;
        self.known = Some(state.clone());
        let trusted = self.correct(found, &state.bundle()).await;
        // Only once: if another client undoes each correction, waiting would not help.
        if self.served.is_none() && !trusted && !mem::replace(&mut self.held_back, true) {
            return Ok(());
        }
        // The certificate is renewed even if the rotation makes no progress.
        let issued = self.issue(&state, now);
        if let Some(next) = self.advance(&state, &version, trusted, now).await? {
            self.known = Some(next);
        }
        issued
    }

    /// Returns the shared state with its version. Creates or restores it if necessary. `before` is what the configurations
    /// trust.
    async fn stored(&self, before: &str, now: Timestamp) -> Result<(State, String), ClusterError> {
        let name = self.secret.name();
        for attempt in 0..MAX_ATTEMPTS {
            let written = match self.secret.read().await? {
                StoredAuthorities::Valid(state, version) if now < state.current.validity.not_after => {
                    return Ok((state, version));
                }
                StoredAuthorities::Valid(state, version) => {
                    tracing::warn!("the CA in the Secret {name} has expired: replacing it");
                    let succeeded = state.succeeded(now).map_err(cannot_make)?;
                    self.secret.replace(&version, &succeeded).await?
                }
                StoredAuthorities::Damaged(why, version) => {
                    let Some(known) = self.usable(now) else {
                        return Err(ClusterError::new(format!(
                            "the Secret {name} {why}: delete it, and regcred makes a new one"
                        )));
                    };
                    tracing::warn!("the Secret {name} {why}: restoring it");
                    self.secret.replace(&version, known).await?
                }
                StoredAuthorities::Nothing => {
                    let state = match self.usable(now) {
                        Some(known) => {
                            tracing::warn!("the Secret {name} is missing or empty: restoring it");
                            known.clone()
                        }
                        None => State::new(now, before).map_err(cannot_make)?,
                    };
                    self.secret.create(&state).await?
                }
            };
            match written {
                Write::Written(StoredAuthorities::Valid(state, version)) => return Ok((state, version)),
                Write::Written(_) | Write::Conflict => {
                    tokio::time::sleep(jittered(Duration::from_millis(20 << attempt))).await;
                }
            }
        }
        Err(ClusterError::new(format!("the Secret {name} changes too quickly")))
    }

    fn usable(&self, now: Timestamp) -> Option<&State> {
        self.known.as_ref().filter(|known| now < known.current.validity.not_after)
    }

    /// Writes the bundle into each configuration that has another one. Returns whether both were found with it; one that
    /// does not exist does not count.
    async fn correct(&mut self, found: [Result<Option<Found>, ClusterError>; 2], bundle: &str) -> bool {
        let mut problems = Vec::new();
        let mut trusted = true;
        for (webhook, found) in self.webhooks.iter().zip(found) {
            let kind = webhook.kind;
            let result = match found {
                Ok(None) => {
                    problems.push(ConfigurationProblem::Missing);
                    Err("does not exist, or has no webhook of regcred: the API server does not call it"
                        .to_owned())
                }
                Err(error) => {
                    problems.push(ConfigurationProblem::Unreadable);
                    trusted = false;
                    Err(format!("cannot read it: {error}"))
                }
                Ok(Some(found)) => {
                    let corrected = if found.trusts(bundle) {
                        Ok(())
                    } else {
                        trusted = false;
                        match webhook.trust(&found, bundle).await {
                            Ok(Write::Written(())) => {
                                tracing::info!("{kind}: corrected caBundle");
                                self.supply.metrics().ca_bundle_corrections.inc();
                                Ok(())
                            }
                            // Probably another replica made the same correction.
                            Ok(Write::Conflict) => Ok(()),
                            Err(error) => {
                                problems.push(ConfigurationProblem::CaBundle);
                                Err(format!("cannot correct caBundle: {error}"))
                            }
                        }
                    };
                    if found.wrong.is_some() {
                        problems.push(ConfigurationProblem::TypeCondition);
                    }
                    corrected.and(found.wrong.map_or(Ok(()), |why| Err(why.to_owned())))
                }
            };
            self.problems.report(kind, result);
        }
        self.supply.metrics().configuration_problems(&problems);
        trusted
    }

    /// Takes the next step of a rotation if it is time for one. If another replica was first, the next pass sees its step.
    async fn advance(
        &self,
        state: &State,
        version: &str,
        trusted: bool,
        now: Timestamp,
    ) -> Result<Option<State>, ClusterError> {
        let Some((step, next)) = state.step(now, trusted, TRUST_TIME).map_err(cannot_make)? else {
            return Ok(None);
        };
        match self.secret.replace(version, &next).await? {
            Write::Written(StoredAuthorities::Valid(state, _)) => {
                match step {
                    Step::Distrusted | Step::MadeAgain | Step::SwitchedAtTheEnd => {
                        tracing::warn!("rotation: {}", step.message());
                    }
                    _ => tracing::info!("rotation: {}", step.message()),
                }
                Ok(Some(state))
            }
            Write::Written(_) | Write::Conflict => Ok(None),
        }
    }

    /// Issues a certificate if there is none, if another CA issued it, or if two thirds of its lifetime are over.
    fn issue(&mut self, state: &State, now: Timestamp) -> Result<(), ClusterError> {
        let authority = &state.current;
        let good = |served: &ServedCertificate| {
            served.authority == authority.certificate && !served.validity.is_due(now)
        };
        if self.served.as_ref().is_some_and(good) {
            return Ok(());
        }
        if !authority.validity.holds(now) {
            return Err(ClusterError::new("the CA is not valid now: check the clock of this node"));
        }
        let issued: Issued = authority.issue(&self.dns_names, LEAF_LIFE, now).map_err(cannot_make)?;
        self.supply.serve(&issued).map_err(ClusterError::new)?;
        self.served =
            Some(ServedCertificate { authority: authority.certificate.clone(), validity: issued.validity });
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

/// The original error is dropped, because it is about keys.
fn cannot_make(_: rcgen::Error) -> ClusterError {
    ClusterError::new("cannot make a certificate")
}

/// Changes a duration by up to a tenth, so that replicas that start together do not stay in step.
fn jittered(wait: Duration) -> Duration {
    let thousandths = u32::try_from(random() % 200).unwrap_or_default() + 900;
    wait.saturating_mul(thousandths) / 1000
}

/// Returns zero if the system has no random numbers; the server reports that.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
