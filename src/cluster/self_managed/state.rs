//! The content of the Secret: the current CA, the next one and the previous ones, and the steps of a rotation.
//!
//! ```text
//! annotated, or two thirds over  ─► the next CA is made, and trusted in addition to the current one
//! seen in both configurations    ─► the time of the switch is set, five minutes later
//! that time                      ─► the next CA becomes the current one; the old key is deleted, its certificate stays trusted
//! a certificate's lifetime later ─► every certificate that the old CA signed has expired: it is removed
//! ```
//!
//! Any replica may take the next step. The Secret's resource version makes sure that only one does. This module does no
//! I/O, and gets the time as an argument.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Map, Value, json};

use crate::pki::{Authority, certificates};

/// The annotation that starts a rotation, whatever its value.
const ROTATE: &str = "regcred.dev/rotate";
/// The annotation with the time from which the next CA signs. An operator can set it to skip the wait.
const SWITCH_AFTER: &str = "regcred.dev/switch-after";
/// The annotation with the time until which the previous CAs are trusted.
const PREVIOUS_UNTIL: &str = "regcred.dev/previous-until";

/// The lifetime of a serving certificate. A replica that cannot reach the API server cannot renew its certificate, and has
/// a third of this time until it expires. After a rotation the previous CA is trusted for as long.
pub(super) const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// More than the clocks of two replicas and of the API server differ by.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// When the current CA has less time left than this, the next one signs even if the configurations do not trust it yet. If
/// another client keeps undoing the corrections, the wait would never end, and an expired CA helps no one.
const FORCED_SWITCH: SignedDuration = SignedDuration::from_hours(24);

/// The state that all replicas share.
#[derive(Clone)]
pub(super) struct State {
    /// The CA that signs.
    pub(super) current: Arc<Authority>,
    next: Option<Next>,
    previous: Option<Previous>,
    rotation_asked: bool,
}

/// The CA that will sign once the API servers trust it.
#[derive(Clone)]
struct Next {
    authority: Arc<Authority>,
    switch_after: Option<Timestamp>,
}

/// CAs that no longer sign, but whose certificates may still be served.
#[derive(Clone)]
struct Previous {
    /// PEM, the newest first.
    certificates: String,
    until: Timestamp,
}

/// A step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begun,
    /// The next CA was not valid by the clock of this node: the clock of the node that made it is wrong.
    MadeAgain,
    Trusted,
    /// A configuration lost the new CA: the wait starts again.
    Distrusted,
    Switched,
    /// The old CA was about to expire, so the wait was cut short.
    SwitchedAtTheEnd,
    Forgotten,
    /// A rotation was requested during a rotation.
    Already,
}

impl Step {
    pub(super) fn message(self) -> &'static str {
        match self {
            Step::Begun => "made a new CA, which signs once the API server trusts it",
            Step::MadeAgain => "the new CA is not valid by the clock of this node, made another one",
            Step::Trusted => "both webhook configurations trust the new CA, which signs in five minutes",
            Step::Distrusted => {
                "a webhook configuration lost the new CA, the wait of five minutes starts again"
            }
            Step::Switched => "the new CA signs, the old one is trusted until its certificates have expired",
            Step::SwitchedAtTheEnd => {
                "the old CA is about to expire: the new one signs, although a webhook configuration may not trust it"
            }
            Step::Forgotten => "the old CA is no longer trusted",
            Step::Already => "a rotation is already in progress",
        }
    }
}

impl State {
    /// A state with a new CA. `before`, PEM, is what the API server trusts so far, such as the CA of a lost Secret or of
    /// cert-manager. It stays trusted for as long as after a rotation, because other replicas may still depend on it.
    pub(super) fn new(now: Timestamp, before: &str) -> Result<Self, rcgen::Error> {
        let current = Arc::new(Authority::new(now)?);
        let previous =
            (!before.is_empty()).then(|| Previous { certificates: before.to_owned(), until: until(now) });
        Ok(State { current, next: None, previous, rotation_asked: false })
    }

    /// Replaces an expired CA by the next one, or by a new one.
    pub(super) fn succeeded(&self, now: Timestamp) -> Result<Self, rcgen::Error> {
        let mut state = self.clone();
        let successor = match &self.next {
            Some(next) if next.authority.validity.holds(now) => Arc::clone(&next.authority),
            _ => Arc::new(Authority::new(now)?),
        };
        state.switch_to(&successor, now);
        Ok(state)
    }

    /// Reads the Secret. `None` if there is nothing of regcred in it. The errors do not quote what was read.
    pub(super) fn parse(secret: &Secret) -> Result<Option<Self>, &'static str> {
        let empty = BTreeMap::new();
        let data = secret.data.as_ref().unwrap_or(&empty);
        let text = |key: &str| match data.get(key) {
            None => Ok(None),
            Some(bytes) => std::str::from_utf8(&bytes.0).map(Some).map_err(|_| "has data that is not PEM"),
        };
        let authority = |certificate: &str, key: &str| match (text(certificate)?, text(key)?) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Authority::parse(certificate, key).map(Arc::new).map(Some),
            _ => Err("has a certificate without its key, or a key without its certificate"),
        };
        let annotation = |name: &str| secret.metadata.annotations.as_ref()?.get(name);
        let time = |name: &str| {
            annotation(name)
                .map(|text| text.parse::<Timestamp>())
                .transpose()
                .map_err(|_| "has an annotation that is not a valid time")
        };
        let next = authority("next.crt", "next.key")?;
        let previous = text("previous.crt")?;
        let Some(current) = authority("ca.crt", "ca.key")? else {
            return if next.is_none() && previous.is_none() {
                Ok(None)
            } else {
                Err("has no ca.crt and ca.key")
            };
        };
        let switch_after = time(SWITCH_AFTER)?;
        let until = time(PREVIOUS_UNTIL)?;
        let previous = match previous {
            Some(text) if certificates(text).is_some() => Some(Previous {
                certificates: text.to_owned(),
                until: until.ok_or("has previous.crt, but not the annotation regcred.dev/previous-until")?,
            }),
            Some(_) => return Err("has no valid certificates in previous.crt"),
            None => None,
        };
        Ok(Some(State {
            current,
            next: next.map(|authority| Next { authority, switch_after }),
            previous,
            rotation_asked: annotation(ROTATE).is_some(),
        }))
    }

    /// The bundle that the API server must trust, PEM: every CA that may have signed a certificate in use, now or next. The
    /// newest one is first, so the switch does not change the bundle.
    pub(super) fn bundle(&self) -> String {
        let next = self.next.as_ref().map_or("", |next| &next.authority.certificate);
        let previous = self.previous.as_ref().map_or("", |previous| &previous.certificates);
        [next, &self.current.certificate, previous].concat()
    }

    /// The time of the switch to the next CA, if it is set.
    pub(super) fn switch_after(&self) -> Option<Timestamp> {
        self.next.as_ref()?.switch_after
    }

    /// Returns the next step, if it is time for one, and the state after it. `trusted` means that both configurations were
    /// found with the whole bundle. `wait` is how long they must have it before the next CA signs.
    pub(super) fn step(
        &self,
        now: Timestamp,
        trusted: bool,
        wait: SignedDuration,
    ) -> Result<Option<(Step, State)>, rcgen::Error> {
        let mut state = State { rotation_asked: false, ..self.clone() };
        let ends = self.current.validity.not_after.duration_since(now) <= FORCED_SWITCH;
        let step = match &self.next {
            None if self.rotation_asked || self.current.validity.is_due(now) => {
                let authority = Arc::new(Authority::new(now)?);
                state.next = Some(Next { authority, switch_after: None });
                Step::Begun
            }
            Some(next) if !next.authority.validity.holds(now) => {
                let authority = Arc::new(Authority::new(now)?);
                state.next = Some(Next { authority, switch_after: None });
                Step::MadeAgain
            }
            Some(Next { authority, .. }) if ends => {
                state.switch_to(authority, now);
                Step::SwitchedAtTheEnd
            }
            Some(Next { authority, switch_after }) => match switch_after {
                Some(_) if !trusted => {
                    state.next = Some(Next { authority: Arc::clone(authority), switch_after: None });
                    Step::Distrusted
                }
                Some(time) if now >= *time => {
                    state.switch_to(authority, now);
                    Step::Switched
                }
                None if trusted => {
                    let switch_after = now.saturating_add(wait).ok();
                    state.next = Some(Next { authority: Arc::clone(authority), switch_after });
                    Step::Trusted
                }
                _ if self.rotation_asked => Step::Already,
                _ => return Ok(None),
            },
            None if self.previous.as_ref().is_some_and(|previous| now >= previous.until) => {
                state.previous = None;
                Step::Forgotten
            }
            None => return Ok(None),
        };
        Ok(Some((step, state)))
    }

    /// Drops the key of the old CA, so nothing can be signed with it any more.
    fn switch_to(&mut self, authority: &Arc<Authority>, now: Timestamp) {
        let older = self.previous.take().map_or_else(String::new, |previous| previous.certificates);
        self.previous =
            Some(Previous { certificates: self.current.certificate.clone() + &older, until: until(now) });
        self.current = Arc::clone(authority);
        self.next = None;
    }

    /// The Secret's data and annotations. `null` stands for a field that must not exist.
    pub(super) fn fields(&self) -> (Map<String, Value>, Map<String, Value>) {
        let encoded = |text: &str| json!(STANDARD.encode(text));
        let (next, previous) = (self.next.as_ref(), self.previous.as_ref());
        let data = [
            ("ca.crt", Some(encoded(&self.current.certificate))),
            ("ca.key", Some(encoded(&self.current.key_pem()))),
            ("next.crt", next.map(|next| encoded(&next.authority.certificate))),
            ("next.key", next.map(|next| encoded(&next.authority.key_pem()))),
            ("previous.crt", previous.map(|previous| encoded(&previous.certificates))),
        ];
        let time = |time: Timestamp| json!(time.to_string());
        let annotations = [
            (ROTATE, None),
            (SWITCH_AFTER, next.and_then(|next| next.switch_after).map(time)),
            (PREVIOUS_UNTIL, previous.map(|previous| time(previous.until))),
        ];
        let object = |fields: &[(&str, Option<Value>)]| {
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone().unwrap_or_default()))
                .collect()
        };
        (object(&data), object(&annotations))
    }
}

/// The time when everything that was signed before `now` has expired.
fn until(now: Timestamp) -> Timestamp {
    now.saturating_add(LEAF_LIFE + MARGIN).unwrap_or(now)
}

#[cfg(test)]
mod tests;
