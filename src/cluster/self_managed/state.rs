//! What the Secret holds: the CA that signs, the one to come and the ones before, and the steps of a rotation.
//!
//! ```text
//! annotated, or two thirds over  ─► the next CA is made, and trusted beside the current one
//! seen in both configurations    ─► a time is set, thirty passes later
//! that time                      ─► the next CA is the current one; the old key is gone, its certificate is trusted on
//! a certificate's life later     ─► nothing that the old one signed is served any more: it is forgotten
//! ```
//!
//! Any replica may do the next step; the Secret's resource version lets one of them. Nothing here talks to anybody,
//! and the time comes as an argument.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Map, Value, json};

use super::authority::{Authority, LEAF_LIFE, certificates};

/// Asks for a rotation, with any value.
const ROTATE: &str = "regcred.dev/rotate";
/// From when on the next CA signs.
const SWITCH_AFTER: &str = "regcred.dev/switch-after";
/// Until when the CAs before this one are trusted.
const PREVIOUS_UNTIL: &str = "regcred.dev/previous-until";

/// What the clocks of two replicas and of the API server may differ by, and more.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// With less than this left of the current CA, the next one takes over whether it was seen to be trusted or not: where
/// somebody disturbs the configurations again and again the wait for that has no end, and an expired CA is trusted by
/// nobody.
const LAST_CALL: SignedDuration = SignedDuration::from_hours(24);

/// What all replicas go by.
#[derive(Clone)]
pub(super) struct State {
    /// The CA that signs.
    pub(super) current: Arc<Authority>,
    next: Option<Next>,
    previous: Option<Previous>,
    rotation_asked: bool,
}

/// The CA that is to sign, once everybody trusts it.
#[derive(Clone)]
struct Next {
    authority: Arc<Authority>,
    switch_after: Option<Timestamp>,
}

/// CAs that sign no more, but whose certificates may still be served.
#[derive(Clone)]
struct Previous {
    /// PEM, the newest first.
    certificates: String,
    until: Timestamp,
}

/// A step of the rotation, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begun,
    /// The next CA is not valid by this machine's clock, as by one that is far ahead.
    BegunAnew,
    Trusted,
    /// The bundle was not in place after all: the wait begins anew.
    Distrusted,
    Switched,
    /// The wait was cut short by the end of the old CA.
    SwitchedAtTheEnd,
    Forgotten,
    /// A rotation was asked for while one was going on.
    Already,
}

impl Step {
    pub(super) fn words(self) -> &'static str {
        match self {
            Step::Begun => "a new CA is made; it signs once the API server trusts it",
            Step::BegunAnew => "the new CA is not valid by this machine's clock; another one is made",
            Step::Trusted => "the webhook configurations trust the new CA; it signs after thirty more passes",
            Step::Distrusted => "the webhook configurations lost the new CA; the wait begins anew",
            Step::Switched => "the new CA signs; the old one is trusted until what it signed has expired",
            Step::SwitchedAtTheEnd => {
                "the new CA signs, though the webhook configurations were not seen to keep it: the old one ends"
            }
            Step::Forgotten => "the old CA is not trusted any more",
            Step::Already => "a new CA is on its way already",
        }
    }
}

impl State {
    /// With a new CA. `before`, PEM, is what the API server trusts so far: a Secret that was lost, cert-manager's, files.
    /// Replicas that serve by it are trusted for as long as after a rotation.
    pub(super) fn new(now: Timestamp, before: &str) -> Result<Self, rcgen::Error> {
        let current = Arc::new(Authority::new(now)?);
        let previous =
            (!before.is_empty()).then(|| Previous { certificates: before.to_owned(), until: until(now) });
        Ok(State { current, next: None, previous, rotation_asked: false })
    }

    /// When the current CA has ended: the next one in its place, or a new one.
    pub(super) fn succeeded(&self, now: Timestamp) -> Result<Self, rcgen::Error> {
        let mut state = self.clone();
        let successor = match &self.next {
            Some(next) if next.authority.validity.holds(now) => Arc::clone(&next.authority),
            _ => Arc::new(Authority::new(now)?),
        };
        state.switch_to(&successor, now);
        Ok(state)
    }

    /// Reads the Secret; `None` where nothing of this program is in it. The reasons do not quote what was read.
    pub(super) fn parse(secret: &Secret) -> Result<Option<Self>, &'static str> {
        let empty = BTreeMap::new();
        let data = secret.data.as_ref().unwrap_or(&empty);
        let text = |key: &str| match data.get(key) {
            None => Ok(None),
            Some(bytes) => std::str::from_utf8(&bytes.0).map(Some).map_err(|_| "holds what is not PEM"),
        };
        let authority = |certificate: &str, key: &str| match (text(certificate)?, text(key)?) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Authority::parse(certificate, key).map(Arc::new).map(Some),
            _ => Err("holds a certificate without its key, or a key without its certificate"),
        };
        let annotation = |name: &str| secret.metadata.annotations.as_ref()?.get(name);
        let time = |name: &str| {
            annotation(name)
                .map(|text| text.parse::<Timestamp>())
                .transpose()
                .map_err(|_| "has an annotation that is no time")
        };
        let next = authority("next.crt", "next.key")?;
        let previous = text("previous.crt")?;
        let Some(current) = authority("ca.crt", "ca.key")? else {
            return if next.is_none() && previous.is_none() {
                Ok(None)
            } else {
                Err("holds no ca.crt and ca.key")
            };
        };
        let switch_after = time(SWITCH_AFTER)?;
        let until = time(PREVIOUS_UNTIL)?;
        let previous = match previous {
            Some(text) if certificates(text).is_some() => Some(Previous {
                certificates: text.to_owned(),
                until: until.ok_or("has previous.crt, and no annotation that says until when")?,
            }),
            Some(_) => return Err("holds no certificates in previous.crt"),
            None => None,
        };
        Ok(Some(State {
            current,
            next: next.map(|authority| Next { authority, switch_after }),
            previous,
            rotation_asked: annotation(ROTATE).is_some(),
        }))
    }

    /// What the API server is to trust, PEM: every CA by which a certificate may be served now or next. The newest is
    /// first, so that the switch changes nothing here.
    pub(super) fn bundle(&self) -> String {
        let next = self.next.as_ref().map_or("", |next| &next.authority.certificate);
        let previous = self.previous.as_ref().map_or("", |previous| &previous.certificates);
        [next, &self.current.certificate, previous].concat()
    }

    /// The next step, if it is time for one. `trusted` says that both configurations were found with the whole bundle
    /// in them; `wait` is how long they must have had it before anything is served that needs it.
    pub(super) fn step(
        &self,
        now: Timestamp,
        trusted: bool,
        wait: SignedDuration,
    ) -> Result<Option<(Step, State)>, rcgen::Error> {
        let mut state = State { rotation_asked: false, ..self.clone() };
        let ends = self.current.validity.not_after.duration_since(now) <= LAST_CALL;
        let step = match &self.next {
            None if self.rotation_asked || self.current.validity.is_due(now) => {
                let authority = Arc::new(Authority::new(now)?);
                state.next = Some(Next { authority, switch_after: None });
                Step::Begun
            }
            Some(next) if !next.authority.validity.holds(now) => {
                let authority = Arc::new(Authority::new(now)?);
                state.next = Some(Next { authority, switch_after: None });
                Step::BegunAnew
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

    /// The old key is gone from here on: nothing can be signed with it any more.
    fn switch_to(&mut self, authority: &Arc<Authority>, now: Timestamp) {
        let older = self.previous.take().map_or_else(String::new, |previous| previous.certificates);
        self.previous =
            Some(Previous { certificates: self.current.certificate.clone() + &older, until: until(now) });
        self.current = Arc::clone(authority);
        self.next = None;
    }

    /// The Secret's data and annotations, with `null` for what is not to be there.
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

/// Until when what was signed before now may be served.
fn until(now: Timestamp) -> Timestamp {
    now.saturating_add(LEAF_LIFE + MARGIN).unwrap_or(now)
}

#[cfg(test)]
mod tests;
