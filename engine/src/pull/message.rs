//! What an error text proves. The kubelet's wrapping is taken off; then the text is classified by the inner phrases of
//! the runtimes, never by whole lines, which change from version to version.

use super::proof::{PHRASES, Proof, WRITTEN_PHRASES, proof};
use super::text::{after, beginning, host_at_start, quoted, request, status, words};

/// What is read from one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TextReading<'t> {
    /// The image that it names.
    pub(super) image: Option<&'t str>,
    /// What it proves, one for each different error: if the kubelet tried several credentials, there can be several.
    /// Empty if the text says no more than that the pull failed.
    pub(super) attempts: Vec<Attempt<'t>>,
}

/// What one error proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt<'t> {
    pub(super) proof: Proof,
    /// The host that answered, or was asked.
    pub(super) host: Option<&'t str>,
    /// The host that the runtime was to ask, where the text names it apart from a URL. In a URL a redirect can have
    /// changed it.
    pub(super) configured_host: Option<&'t str>,
    /// The text says that a mirror was asked.
    pub(super) names_a_mirror: bool,
    /// The runtime whose words they are.
    pub(super) runtime: Runtime,
    /// The registry for which a token was asked, as its token server calls it.
    pub(super) service: Option<&'t str>,
    /// The first phrase of [`PHRASES`] in the text.
    pub(super) phrase: Option<&'static str>,
    /// The HTTP status of the answer.
    pub(super) status: Option<u16>,
}

/// The runtime that an error is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    /// CRI-O, or another program with its image library.
    Crio {
        /// Mirrors failed, too.
        mirrors_failed: bool,
    },
    /// containerd, docker, or not known.
    Other,
}

/// With what the errors of the kubelet's readers of JSON and base64 begin (kubernetes v1.37.2,
/// pkg/credentialprovider/config.go; go1.26, encoding/json and encoding/base64).
const PARSER_ERRORS: [&str; 7] = [
    "json: cannot unmarshal ",
    "json: ",
    "illegal base64 data at input byte ",
    "unable to parse auth field, must be formatted as base64(username:password)",
    "invalid character ",
    "unexpected end of JSON input",
    "invalid use of ,string struct tag",
];

/// Words of the image library of CRI-O, one of which is in each of its errors about a registry.
const CRIO_WORDS: [&str; 3] = ["initializing source ", "reading manifest ", "pinging container registry "];

/// More errors of one pull are not read. The kubelet tries each credential once.
const MAX_ATTEMPTS: usize = 16;

/// With what the error of each attempt begins, in a list of several.
const ATTEMPT_STARTS: [&str; 5] = [
    ", failed to pull and unpack image ",
    ", unable to pull image",
    ", rpc error: code = ",
    ", image pull failed for ",
    ", Error response from daemon: ",
];

/// Where a text of the kubelet begins in a line that people copy, such as one of `kubectl describe`.
const KUBELET_STARTS: [&str; 4] = [
    "Failed to pull image \"",
    "Back-off pulling image \"",
    "Failed to apply default image tag \"",
    "Container image \"",
];

/// Reads a text of a Pod's status, of an event, or of a log.
pub(super) fn read(text: &str) -> TextReading<'_> {
    let text = beginning(text).trim();
    let start = KUBELET_STARTS.iter().filter_map(|mark| text.find(mark)).min().unwrap_or(0);
    let mut rest = text.get(start..).unwrap_or(text);
    let mut image = None;
    if rest.contains("is not present with pull policy of Never") {
        image = after(rest, "image ").and_then(quoted).map(|(image, _)| image);
        return TextReading { image, attempts: vec![Attempt::new(Proof::NeverPull)] };
    }
    for mark in ["Failed to apply default image tag ", "Failed to pull image ", "Back-off pulling image "] {
        if let Some((named, more)) = rest.strip_prefix(mark).and_then(quoted) {
            image = Some(named);
            rest = more.strip_prefix(": ").unwrap_or(more);
        }
    }
    let rest = without_wrapping(rest);
    let image = image.or_else(|| image_of_runtime(rest));
    let mut attempts = Vec::new();
    for attempt in attempts_of(rest) {
        if let Some(attempt) = Attempt::read(attempt)
            && !attempts.contains(&attempt)
        {
            attempts.push(attempt);
        }
    }
    TextReading { image, attempts }
}

/// Whether a text is an error of the kubelet's readers, as it is in `waiting.reason` since 1.33.
pub(super) fn is_parser_error(text: &str) -> bool {
    PARSER_ERRORS.iter().any(|start| text.starts_with(start))
}

/// Takes off the words that the kubelet and gRPC put in front of an error.
fn without_wrapping(mut text: &str) -> &str {
    const REASONS: [&str; 4] = ["Error: ", "ErrImagePull: ", "ImagePullBackOff: ", "RegistryUnavailable: "];
    loop {
        let before = text;
        for reason in REASONS {
            text = text.strip_prefix(reason).unwrap_or(text);
        }
        if let Some((_, rest)) =
            text.strip_prefix("rpc error: code = ").and_then(|rest| rest.split_once("desc = "))
        {
            text = rest;
        }
        if before.len() == text.len() {
            return text;
        }
    }
}

/// The errors of a list `[a, b]`, or the one error.
fn attempts_of(text: &str) -> Vec<&str> {
    let Some(mut rest) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        return vec![text];
    };
    let mut attempts = Vec::new();
    while attempts.len() < MAX_ATTEMPTS
        && let Some(at) = ATTEMPT_STARTS.iter().filter_map(|mark| rest.find(mark)).min()
    {
        let (one, more) = rest.split_at_checked(at).unwrap_or((rest, ""));
        attempts.push(one);
        rest = more.strip_prefix(", ").unwrap_or_default();
    }
    attempts.push(rest);
    attempts
}

/// The image in the words of a runtime.
fn image_of_runtime(text: &str) -> Option<&str> {
    let in_quotes = ["pull and unpack image ", "parse image name ", "short-name "];
    let in_quotes = in_quotes.iter().find_map(|mark| Some(quoted(after(text, mark)?)?.0));
    let bare = || {
        let (mark, end) =
            [("docker://", ": "), ("pull access denied for ", ","), ("manifest for ", " not found")]
                .into_iter()
                .find(|(mark, _)| text.contains(mark))?;
        after(text, mark)?.split_once(end).map(|(image, _)| image)
    };
    in_quotes.or_else(bare)
}

impl<'t> Attempt<'t> {
    /// One about which no more is known.
    pub(super) const fn new(proof: Proof) -> Self {
        Attempt {
            proof,
            host: None,
            configured_host: None,
            names_a_mirror: false,
            runtime: Runtime::Other,
            service: None,
            phrase: None,
            status: None,
        }
    }

    /// Reads one error; `None` if it is none.
    fn read(text: &'t str) -> Option<Self> {
        let text = without_wrapping(text);
        match text {
            "" | "ErrImagePull" | "ImagePullBackOff" => return None,
            "ErrImageNeverPull" => return Some(Attempt::new(Proof::NeverPull)),
            "InvalidImageName" => return Some(Attempt::new(Proof::InvalidName)),
            "RegistryUnavailable" => return Some(Attempt::new(Proof::Connection)),
            _ => {}
        }
        if is_parser_error(text) {
            let phrase = PARSER_ERRORS.into_iter().find(|start| text.starts_with(start)).map(str::trim_end);
            return Some(Attempt { phrase, ..Attempt::new(Proof::Malformed) });
        }
        // CRI-O tries the image and then an artifact of the same name, and says the same twice. If mirrors failed as
        // well, the error of the registry itself comes last.
        let text = text.split_once("; artifact err: ").map_or(text, |(image, _)| image);
        let of_mirrors = text.split_once("(Mirrors also failed: ").map(|(_, rest)| rest);
        let text =
            of_mirrors.map_or(text, |rest| rest.rsplit_once("]): ").map_or(rest, |(_, registry)| registry));
        // containerd 2.4 adds what the registry wrote. Only few words of that are believed.
        let (text, written) = match text.split_once('\n') {
            Some((line, written)) if line.contains("unexpected status") => (line, written),
            _ => (text, ""),
        };
        let request = request(text);
        let named = || {
            let marks = ["pulling from host ", "pinging container registry "];
            let of_manifest = || after(after(text, "reading manifest ")?, " in ").and_then(host_at_start);
            marks.iter().find_map(|mark| host_at_start(after(text, mark)?)).or_else(of_manifest)
        };
        let looked_up = || after(text, "lookup ").and_then(host_at_start);
        let configured_host = named();
        let host = request.map(|request| request.host).or(configured_host);
        let (words, written) = (words(text), words(written));
        let phrase = PHRASES.into_iter().find(|phrase| words.contains(phrase));
        Some(Attempt {
            proof: proof(text, &words).in_words_of_registry(&written),
            host: host.or_else(looked_up),
            configured_host,
            names_a_mirror: request.is_some_and(|request| request.names_a_mirror),
            runtime: if CRIO_WORDS.iter().any(|phrase| words.contains(phrase)) || of_mirrors.is_some() {
                Runtime::Crio { mirrors_failed: of_mirrors.is_some() }
            } else {
                Runtime::Other
            },
            service: request.and_then(|request| request.service),
            phrase: phrase.or_else(|| WRITTEN_PHRASES.into_iter().find(|phrase| written.contains(phrase))),
            status: status(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::{ForbiddenWords, NotFoundWords, Sent};
    use super::*;

    fn only(text: &str) -> Attempt<'_> {
        let mut attempts = read(text).attempts;
        assert_eq!(attempts.len(), 1, "{text}");
        attempts.swap_remove(0)
    }

    #[test]
    fn phrases_are_recognised_whatever_is_around_them() {
        // The texts of docker and of older runtimes are those of issues: containerd/cri#848, docker/hub-feedback#2201,
        // act#1769, openshift/release#18308, k3s#12736.
        for (text, expected) in [
            ("illegal base64 data at input byte 4", Proof::Malformed),
            (r#"Failed to pull image "r.example.com/a:1": illegal base64 data at input byte 4"#, Proof::Malformed),
            (r#"Back-off pulling image "a": ErrImagePull: unexpected end of JSON input"#, Proof::Malformed),
            ("rpc error: code = Unknown desc = Error response from daemon: pull access denied for acme/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied", Proof::NoAccess),
            ("Error response from daemon: manifest for acme/app:9 not found: manifest unknown: manifest unknown", Proof::NotFound(NotFoundWords::ManifestUnknown)),
            (r#"Error response from daemon: Head "https://r.example.com/v2/app/manifests/1": unauthorized: authentication required"#, Proof::Unauthorized { by_crio: false }),
            ("Error response from daemon: Get https://0.dkr.ecr.eu-west-1.amazonaws.com/v2/app/manifests/1: no basic auth credentials", Proof::NothingSent),
            ("Error response from daemon: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit", Proof::RateLimited),
            ("Error response from daemon: toomanyrequests: too many failed login attempts for username or IP address", Proof::LockedOut),
            ("Error response from daemon: no matching manifest for linux/arm64/v8 in the manifest list entries", Proof::Architecture),
            ("Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)", Proof::Connection),
            (r#"failed to do request: Head "https://r.example.com/v2/a/manifests/1": proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused"#, Proof::Proxy),
            (r#"failed to authorize: failed to fetch anonymous token: Get "https://auth.docker.io/token?scope=x": dial tcp 1.2.3.4:443: i/o timeout"#, Proof::Connection),
            (r#"failed to fetch anonymous token: Get "https://auth.docker.io/token": dial tcp: lookup auth.docker.io: no such host"#, Proof::Dns),
            ("failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?x=y: 403 Forbidden
denied: denied", Proof::TokenForbidden(Sent::Yes)),
            ("unexpected status from HEAD request to https://r.example.com/v2/a/manifests/1: 403 Forbidden
denied: Your authorization token has expired. Reauthenticate and try again.", Proof::Forbidden(ForbiddenWords::Expired)),
            ("unexpected status from HEAD request to https://r.example.com/v2/a/manifests/1: 418 I'm a teapot", Proof::Registry(418)),
            ("failed to copy: httpReadSeeker: failed open: unexpected status code https://s3.example.com/x?Signature=abc: 403 Forbidden", Proof::BlobStore { is_answer: true }),
            (r#"failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://s3.example.com/x?Signature=abc": EOF"#, Proof::BlobStore { is_answer: false }),
            ("Source image rejected: A signature was required, but no signature exists", Proof::SignaturePolicy),
            ("failed to fetch anonymous token: 401 Unauthorized", Proof::NothingSent),
            ("Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.", Proof::SecretsNotRetrieved),
            ("ErrImageNeverPull", Proof::NeverPull),
            ("x509.example.com/denied/i/o: timeout reached by the operator", Proof::Unrecognised),
        ] {
            assert_eq!(only(text).proof, expected, "{text}");
        }
    }

    #[test]
    fn mirrors_are_seen() {
        let text = "unexpected status from HEAD request to https://mirror.example.com/v2/team/app/manifests/1?ns=r.example.com: 401 Unauthorized";
        let attempt = only(text);
        assert_eq!((attempt.host, attempt.names_a_mirror), (Some("mirror.example.com"), true));
        // containers/image, image/docker/docker_image_src.go: the registry's own error is the last one.
        let text = "initializing source docker://r.example.com/a:1: (Mirrors also failed: [mirror.example.com/a:1: reading manifest 1 in \
                    mirror.example.com/a: authentication required]): r.example.com/a:1: reading manifest 1 in r.example.com/a: manifest unknown";
        let attempt = only(text);
        assert_eq!(
            (attempt.host, attempt.proof),
            (Some("r.example.com"), Proof::NotFound(NotFoundWords::ManifestUnknown))
        );
    }

    #[test]
    fn the_image_is_read_from_every_wrapping() {
        for (text, image) in [
            (
                r#"Warning  Failed  3m (x4 over 5m)  kubelet  spec.containers{app}: Failed to pull image "acme/a:1": EOF"#,
                "acme/a:1",
            ),
            (
                r#"failed to pull and unpack image "docker.io/acme/a:1": failed to resolve image: docker.io/acme/a:1: not found"#,
                "docker.io/acme/a:1",
            ),
            (
                "unable to pull image: initializing source docker://acme/a:1: pinging container registry r.example.com: EOF",
                "acme/a:1",
            ),
            (
                "Error response from daemon: pull access denied for acme/a, repository does not exist",
                "acme/a",
            ),
            (r#"Container image "acme/a:1" is not present with pull policy of Never"#, "acme/a:1"),
        ] {
            assert_eq!(read(text).image, Some(image), "{text}");
        }
    }

    #[test]
    fn several_errors_are_read_one_by_one() {
        let one = r#"failed to pull and unpack image "a": failed to fetch oauth token: unexpected status: 401 Unauthorized"#;
        let other = r#"failed to pull and unpack image "a": insufficient_scope: authorization failed"#;
        let proofs = |text: &str| read(text).attempts.iter().map(|attempt| attempt.proof).collect::<Vec<_>>();
        assert_eq!(proofs(&format!("[{one}, {other}]")), [Proof::TokenRefused(Sent::Yes), Proof::NoAccess]);
        assert_eq!(proofs(&format!("[{one}, {one}]")), [Proof::TokenRefused(Sent::Yes)]);
    }

    #[test]
    fn a_text_without_a_cause_has_no_error() {
        for text in ["", "Error: ErrImagePull", r#"Back-off pulling image "a""#, "Error: ImagePullBackOff"] {
            assert_eq!(read(text).attempts, [], "{text}");
        }
    }
}
