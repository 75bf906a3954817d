//! The steps of a rotation, and how the Secret stores them.

use k8s_openapi::ByteString;

use super::*;

const WAIT: SignedDuration = SignedDuration::from_mins(5);

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn after(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours)
}

const DAY: i64 = 24;
const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn new() -> State {
    State::new(start(), "").unwrap()
}

fn asked(state: &State) -> State {
    State { rotation_asked: true, ..state.clone() }
}

/// Takes the step that is due and returns the state after it.
#[track_caller]
fn does(state: &State, now: Timestamp, trusted: bool, expected: Step) -> State {
    let (step, state) = state.step(now, trusted, WAIT).unwrap().unwrap();
    assert_eq!(step, expected);
    assert!(!state.rotation_asked, "one request, one rotation");
    state
}

#[track_caller]
fn does_nothing(state: &State, now: Timestamp, trusted: bool) {
    assert_eq!(state.step(now, trusted, WAIT).unwrap().map(|(step, _)| step), None);
}

/// The Secret of a state, as the API server returns it.
fn secret(state: &State) -> Secret {
    let (data, annotations) = state.fields();
    let mut secret = Secret::default();
    secret.metadata.annotations = Some(
        annotations
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
            .collect(),
    );
    let decoded = |value: &Value| Some(ByteString(STANDARD.decode(value.as_str()?).unwrap()));
    secret.data =
        Some(data.iter().filter_map(|(name, value)| Some((name.clone(), decoded(value)?))).collect());
    secret
}

fn ca(state: &State) -> &str {
    &state.current.certificate
}

/// A rotation in its wait.
fn waiting() -> State {
    let begun = does(&asked(&new()), after(1), true, Step::Begun);
    does(&begun, after(1), true, Step::Trusted)
}

#[test]
fn requested_rotation_always_trusts_both_cas() {
    let old = new();
    does_nothing(&old, after(1), true);
    let begun = does(&asked(&old), after(1), false, Step::Begun);
    let new = begun.next.as_ref().unwrap().authority.certificate.clone();
    assert_eq!((ca(&begun), begun.bundle()), (ca(&old), format!("{new}{}", ca(&old))));

    does_nothing(&begun, after(1), false);
    let trusted = does(&begun, after(1), true, Step::Trusted);
    assert_eq!((ca(&trusted), trusted.bundle()), (ca(&old), begun.bundle()));

    does_nothing(&trusted, after(1) + WAIT - SECOND, true);
    let switched = does(&trusted, after(1) + WAIT, true, Step::Switched);
    assert_eq!((ca(&switched), switched.bundle()), (new.as_str(), begun.bundle()));
    let fields = switched.fields().0;
    assert_eq!((&fields["next.crt"], &fields["next.key"]), (&Value::Null, &Value::Null));
    assert_ne!(fields["ca.key"], old.fields().0["ca.key"], "the old key is deleted");
    assert_eq!(switched.previous.as_ref().unwrap().certificates, ca(&old), "its certificate is kept");

    // Everything that the old CA signed has expired by then, even by a clock that is an hour slow.
    let forgotten_at = after(1) + WAIT + LEAF_LIFE + MARGIN;
    does_nothing(&switched, forgotten_at - SECOND, true);
    let forgotten = does(&switched, forgotten_at, true, Step::Forgotten);
    assert_eq!(forgotten.bundle(), new);
    does_nothing(&forgotten, forgotten_at, true);
}

#[test]
fn rotation_begins_after_two_thirds() {
    // A year, and the hour by which it is dated back.
    let due = start() - SignedDuration::from_hours(1) + SignedDuration::from_hours(365 * DAY + 1) / 3 * 2;
    does_nothing(&new(), due - SECOND, true);
    does(&new(), due, true, Step::Begun);
}

#[test]
fn lost_ca_restarts_the_wait() {
    let waiting = waiting();
    let lost = does(&waiting, after(1) + WAIT, false, Step::Distrusted);
    assert_eq!(lost.bundle(), waiting.bundle());
    does_nothing(&lost, after(2), false);
    let again = does(&lost, after(2), true, Step::Trusted);
    does_nothing(&again, after(2) + WAIT - SECOND, true);
    does(&again, after(2) + WAIT, true, Step::Switched);
}

#[test]
fn expiring_ca_forces_the_switch() {
    let begun = does(&new(), after(250 * DAY), false, Step::Begun);
    does_nothing(&begun, after(364 * DAY) - SECOND, false);
    let switched = does(&begun, after(364 * DAY), false, Step::SwitchedAtTheEnd);
    assert_eq!(switched.bundle(), begun.bundle());
}

#[test]
fn request_during_a_rotation_is_removed() {
    let waiting = waiting();
    let already = does(&asked(&waiting), after(1), true, Step::Already);
    assert_eq!(already.fields(), waiting.fields());
}

#[test]
fn quick_rotations_keep_all_cas_trusted() {
    let first = new();
    let second = does(&waiting(), after(2), true, Step::Switched);
    let begun = does(&asked(&second), after(3), true, Step::Begun);
    let trusted = does(&begun, after(3), true, Step::Trusted);
    let third = does(&trusted, after(4), true, Step::Switched);
    let previous = third.previous.as_ref().unwrap();
    assert!(
        previous.certificates.starts_with(ca(&second)) && certificates(&previous.certificates) == Some(2)
    );
    assert_eq!(previous.until, after(4) + LEAF_LIFE + MARGIN);
    assert_ne!(ca(&first), ca(&third));
}

#[test]
fn ca_from_the_future_is_made_again() {
    // Made by a replica whose clock is months fast.
    let ahead = does(&new(), after(300 * DAY), true, Step::Begun);
    let waiting = does(&ahead, after(300 * DAY), true, Step::Trusted);
    let anew = does(&waiting, after(DAY), true, Step::MadeAgain);
    assert!(anew.next.as_ref().unwrap().authority.validity.holds(after(DAY)));
    assert_eq!(ca(&anew), ca(&ahead));
}

#[test]
fn expired_ca_is_replaced_and_stays_trusted() {
    let (alone, begun) = (new(), does(&new(), after(300 * DAY), true, Step::Begun));
    let late = after(400 * DAY);
    let next = &begun.next.as_ref().unwrap().authority.certificate;
    let succeeded = begun.succeeded(late).unwrap();
    assert_eq!((ca(&succeeded), succeeded.bundle()), (next.as_str(), begun.bundle()));
    let succeeded = alone.succeeded(late).unwrap();
    assert!(succeeded.current.validity.holds(late));
    assert_eq!(succeeded.bundle(), format!("{}{}", ca(&succeeded), ca(&alone)));
    // Both have expired.
    assert!(begun.succeeded(after(900 * DAY)).unwrap().current.validity.holds(after(900 * DAY)));
}

#[test]
fn earlier_bundle_stays_trusted() {
    let before = ca(&new()).to_owned();
    let state = State::new(start(), &before).unwrap();
    assert_eq!(state.bundle(), format!("{}{before}", ca(&state)));
    does_nothing(&state, start() + LEAF_LIFE, true);
    let forgotten = does(&state, start() + LEAF_LIFE + MARGIN, true, Step::Forgotten);
    assert_eq!(forgotten.bundle(), ca(&state));
}

#[test]
fn every_state_survives_the_secret() {
    let begun = does(&asked(&new()), after(1), true, Step::Begun);
    let switched = does(&waiting(), after(2), true, Step::Switched);
    let both = does(&asked(&switched), after(3), true, Step::Begun);
    for state in [new(), begun, waiting(), switched, both] {
        let read = State::parse(&secret(&state)).map_err(str::to_owned).ok().flatten().unwrap();
        assert_eq!((read.fields(), read.bundle()), (state.fields(), state.bundle()));
        assert!(!read.rotation_asked);
        let mut asked = secret(&state);
        asked.metadata.annotations.get_or_insert_default().insert(ROTATE.to_owned(), String::new());
        assert!(State::parse(&asked).ok().flatten().unwrap().rotation_asked, "with any value");
    }
}

/// The entries of the Secret that are replaced or removed, and the expected error.
type Damage<'s> = (&'s [&'s str], Option<&'s [u8]>, &'s str);

#[test]
fn damaged_secret_differs_from_a_foreign_one() {
    let mut foreign = Secret::default();
    assert!(matches!(State::parse(&foreign), Ok(None)));
    foreign.data = Some([("password".to_owned(), ByteString(b"canary".to_vec()))].into());
    assert!(matches!(State::parse(&foreign), Ok(None)));

    let switched = does(&waiting(), after(2), true, Step::Switched);
    let begun = does(&asked(&switched), after(3), true, Step::Begun);
    let whole = secret(&does(&begun, after(3), true, Step::Trusted));
    let key_alone = "has a certificate without its key, or a key without its certificate";
    let cases: [Damage<'_>; 11] = [
        (&["ca.crt"], None, key_alone),
        (&["ca.key"], None, key_alone),
        (&["next.key"], None, key_alone),
        (&["ca.crt", "ca.key"], None, "has no ca.crt and ca.key"),
        (&["ca.crt"], Some(b"canary"), "has no valid certificate"),
        (&["ca.key"], Some(b"\xff canary"), "has data that is not PEM"),
        (&["next.crt"], Some(b"canary"), "has no valid certificate"),
        (&["next.key"], Some(b"canary"), "has no valid private key"),
        (&["previous.crt"], Some(b"canary"), "has no valid certificates in previous.crt"),
        (&["previous.crt"], Some(b""), "has no valid certificates in previous.crt"),
        (&["previous.crt"], Some(b"\xff"), "has data that is not PEM"),
    ];
    assert!(matches!(State::parse(&whole), Ok(Some(_))));
    for (names, content, why) in cases {
        let mut spoiled = whole.clone();
        let data = spoiled.data.as_mut().unwrap();
        for name in names {
            match content {
                Some(bytes) => data.insert((*name).to_owned(), ByteString(bytes.to_vec())),
                None => data.remove(*name),
            };
        }
        assert_eq!(State::parse(&spoiled).err(), Some(why), "{names:?}");
    }
    let annotated = |name: &str, value: Option<&str>| {
        let mut spoiled = whole.clone();
        let annotations = spoiled.metadata.annotations.as_mut().unwrap();
        match value {
            Some(value) => annotations.insert(name.to_owned(), value.to_owned()),
            None => annotations.remove(name),
        };
        State::parse(&spoiled).err()
    };
    let bad_time = Some("has an annotation that is not a valid time");
    assert_eq!(annotated(SWITCH_AFTER, Some("canary")), bad_time);
    assert_eq!(annotated(PREVIOUS_UNTIL, Some("2026-13-01T00:00:00Z")), bad_time);
    let no_end = "has previous.crt, but not the annotation regcred.dev/previous-until";
    assert_eq!(annotated(PREVIOUS_UNTIL, None), Some(no_end));
    // Without it the wait starts again.
    assert_eq!(annotated(SWITCH_AFTER, None), None);
}
