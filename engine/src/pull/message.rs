//! What an error text proves. The kubelet's wrapping is taken off; then the text is classified by the inner phrases of
//! the runtimes, never by whole lines, which change from version to version. The phrases are those of containerd 1.6 to
//! 2.4, CRI-O 1.37 and docker (`tests/pulls/README.md` says how they were recorded).

use super::text::{after, beginning, host_at_start, quoted, request, status, words};

/// What is read from one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading<'t> {
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
    /// `host` is that of a request to a registry, not to a token server.
    pub(super) is_registry: bool,
    /// The text says that a mirror was asked.
    pub(super) names_a_mirror: bool,
    /// The first phrase of [`PHRASES`] in the text.
    pub(super) phrase: Option<&'static str>,
    /// The HTTP status of the answer.
    pub(super) status: Option<u16>,
}

/// What an error proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Proof {
    /// The kubelet could not parse a pull Secret.
    Malformed,
    /// The registry wants credentials, and the runtime sent none.
    NothingSent,
    /// The token server answered 401.
    TokenRefused(Sent),
    /// The token server answered 403.
    TokenForbidden(Sent),
    /// The token server failed, or gave no token.
    TokenServer,
    /// The registry answered 401. Basic credentials are missing or refused, or, as with Harbor, a token has no rights.
    Unauthorized {
        /// It is the image library of CRI-O that says so.
        by_crio: bool,
    },
    /// A token was issued without the right to pull.
    NoAccess,
    /// The registry answered 403: no reason, `denied`, or that the credentials have expired.
    Forbidden(ForbiddenWords),
    /// The registry does not have it, and hides what one may not see; or it said so in its own code.
    NotFound(NotFoundWords),
    /// 429 of the registry.
    RateLimited,
    /// 429 of a token server, which can be a lock-out, too.
    TokenRateLimited,
    LockedOut,
    /// The registry answered with this status.
    Registry(u16),
    NotARegistry,
    BlobStore,
    Certificate,
    PlainHttp,
    Dns,
    Connection,
    Proxy,
    Architecture,
    UnsupportedManifest,
    SignaturePolicy,
    ShortName,
    NeverPull,
    InvalidName,
    KubeletLimit,
    /// An error that is not known here.
    Unrecognised,
}

/// Whether credentials were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sent {
    Yes,
    No,
    /// The text is the same in both cases.
    Unknown,
}

/// What a registry says with 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ForbiddenWords {
    None,
    Denied,
    Expired,
}

/// How the text says that something does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum NotFoundWords {
    /// The status 404 alone.
    Status,
    /// The registry's own code for a manifest that it does not have.
    ManifestUnknown,
}

/// With what the errors of the kubelet's readers of JSON and base64 begin (kubernetes v1.37.2,
/// pkg/credentialprovider/config.go; go1.26, encoding/json and encoding/base64).
const PARSER_ERRORS: [&str; 6] = [
    "json: ",
    "illegal base64 data at input byte ",
    "unable to parse auth field, must be formatted as base64(username:password)",
    "invalid character ",
    "unexpected end of JSON input",
    "invalid use of ,string struct tag",
];

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

/// Phrases that can be quoted: they are the runtimes' own, and hold nothing that was filled in.
const PHRASES: [&str; 44] = [
    "pull QPS exceeded",
    "invalid reference format",
    "did not resolve to an alias",
    "Source image rejected",
    "proxyconnect tcp",
    "server gave HTTP response to HTTPS client",
    "x509: certificate signed by unknown authority",
    "x509: certificate has expired or is not yet valid",
    "x509: certificate is valid for",
    "x509: certificate relies on legacy Common Name field",
    "x509: ",
    "no such host",
    "server misbehaving",
    "connection refused",
    "no route to host",
    "network is unreachable",
    "TLS handshake timeout",
    "i/o timeout",
    "connection reset by peer",
    "context deadline exceeded",
    "unexpected EOF",
    "no basic auth credentials",
    "failed to fetch anonymous token",
    "failed to fetch oauth token",
    "invalid username/password",
    "Requesting bearer token",
    "decoding bearer token",
    "insufficient_scope",
    "requested access to the resource is denied",
    "toomanyrequests",
    "too many requests to registry",
    "no match for platform in manifest",
    "no matching manifest for",
    "no image found in image index for architecture",
    "is no longer supported since containerd",
    "no FSLayers in manifest",
    "no signatures",
    "unexpected media type",
    "authorization token has expired",
    "authentication required",
    "pull access denied",
    "manifest unknown",
    "unauthorized",
    "not found",
];

/// Reads a text of a Pod's status, of an event, or of a log.
pub(super) fn read(text: &str) -> Reading<'_> {
    let text = beginning(text).trim();
    let start = KUBELET_STARTS.iter().filter_map(|mark| text.find(mark)).min().unwrap_or(0);
    let mut rest = text.get(start..).unwrap_or(text);
    let mut image = None;
    if rest.contains("is not present with pull policy of Never") {
        image = after(rest, "image ").and_then(quoted).map(|(image, _)| image);
        return Reading { image, attempts: vec![Attempt::new(Proof::NeverPull)] };
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
    Reading { image, attempts }
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
    while let Some(at) = ATTEMPT_STARTS.iter().filter_map(|mark| rest.find(mark)).min() {
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
        Attempt { proof, host: None, is_registry: false, names_a_mirror: false, phrase: None, status: None }
    }

    /// Reads one error; `None` if it is none.
    fn read(text: &'t str) -> Option<Self> {
        let text = without_wrapping(text);
        if matches!(text, "" | "ErrImagePull" | "ImagePullBackOff") {
            return None;
        }
        if is_parser_error(text) {
            let phrase = PARSER_ERRORS.into_iter().find(|start| text.starts_with(start)).map(str::trim_end);
            return Some(Attempt { phrase, ..Attempt::new(Proof::Malformed) });
        }
        // CRI-O tries the image and then an artifact of the same name, and says the same twice. If mirrors failed as
        // well, the error of the registry itself comes last.
        let text = text.split_once("; artifact err: ").map_or(text, |(image, _)| image);
        let text = match text.split_once("(Mirrors also failed: ") {
            Some((_, rest)) => rest.rsplit_once("]): ").map_or(rest, |(_, registry)| registry),
            None => text,
        };
        let request = request(text);
        let named = || {
            let marks = ["pulling from host ", "pinging container registry "];
            let of_manifest = || after(after(text, "reading manifest ")?, " in ").and_then(host_at_start);
            marks.iter().find_map(|mark| host_at_start(after(text, mark)?)).or_else(of_manifest)
        };
        let looked_up = || after(text, "lookup ").and_then(host_at_start);
        let host = request.map(|request| request.host).or_else(named);
        let words = words(text);
        Some(Attempt {
            proof: proof(text, &words),
            host: host.or_else(looked_up),
            is_registry: request.map_or_else(|| host.is_some(), |request| request.is_registry_api),
            names_a_mirror: request.is_some_and(|request| request.names_a_mirror),
            phrase: PHRASES.into_iter().find(|phrase| words.contains(phrase)),
            status: status(text),
        })
    }
}

/// Classifies one error. The order matters: the innermost layer that failed comes first.
fn proof(text: &str, words: &str) -> Proof {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    of_kubelet(&has)
        .or_else(|| of_blobs(&has))
        .or_else(|| of_transport(&has))
        .or_else(|| of_token_server(text, &has))
        .or_else(|| of_registry(text, &has))
        .unwrap_or(Proof::Unrecognised)
}

/// What fails before a registry is asked.
fn of_kubelet(has: &impl Fn(&[&str]) -> bool) -> Option<Proof> {
    if has(&["pull QPS exceeded"]) {
        return Some(Proof::KubeletLimit);
    }
    if has(&["invalid reference format", "couldn't parse image", "could not parse image"]) {
        return Some(Proof::InvalidName);
    }
    if has(&["did not resolve to an alias", "short-name resolution enforced"]) {
        return Some(Proof::ShortName);
    }
    has(&[
        "Source image rejected",
        "signature was required",
        "SignatureValidationFailed",
        "signature validation failed",
    ])
    .then_some(Proof::SignaturePolicy)
}

/// What fails after the manifest was read.
fn of_blobs(has: &impl Fn(&[&str]) -> bool) -> Option<Proof> {
    has(&["httpReadSeeker", "fetching blob", "failed to copy: ", "reading blob ", "writing blob: "])
        .then_some(Proof::BlobStore)
}

fn of_transport(has: &impl Fn(&[&str]) -> bool) -> Option<Proof> {
    if has(&["proxyconnect ", "Proxy Authentication Required"]) {
        return Some(Proof::Proxy);
    }
    if has(&["server gave HTTP response to HTTPS client", "first record does not look like a TLS handshake"])
    {
        return Some(Proof::PlainHttp);
    }
    if has(&["x509: ", "failed to verify certificate"]) {
        return Some(Proof::Certificate);
    }
    if has(&["no such host", "server misbehaving", ": lookup ", "Temporary failure in name resolution"]) {
        return Some(Proof::Dns);
    }
    let phrases = [
        "connection refused",
        "no route to host",
        "network is unreachable",
        "i/o timeout",
        "TLS handshake timeout",
        "connection reset by peer",
        "connection timed out",
        "context deadline exceeded",
        "request canceled while waiting for connection",
        "Client.Timeout exceeded",
        "unexpected EOF",
        ": EOF",
        "remote error: tls: ",
    ];
    has(&phrases).then_some(Proof::Connection)
}

fn of_token_server(text: &str, has: &impl Fn(&[&str]) -> bool) -> Option<Proof> {
    let of_crio = has(&["Requesting bearer token", "decoding bearer token", "unable to retrieve auth token"]);
    let is_anonymous = has(&["failed to fetch anonymous token"]);
    let is_oauth = has(&["failed to fetch oauth token"]);
    if !of_crio && !is_anonymous && !is_oauth {
        return None;
    }
    let sent = match (is_anonymous, is_oauth) {
        (true, _) => Sent::No,
        (_, true) => Sent::Yes,
        _ => Sent::Unknown,
    };
    let is_refused = has(&["invalid username/password"]);
    Some(match status(text) {
        _ if has(&["login attempts"]) => Proof::LockedOut,
        Some(401) if sent == Sent::No => Proof::NothingSent,
        Some(401) => Proof::TokenRefused(sent),
        Some(403) => Proof::TokenForbidden(sent),
        Some(429) => Proof::TokenRateLimited,
        _ if is_refused => Proof::TokenRefused(sent),
        _ if has(&["toomanyrequests", "too many requests"]) => Proof::TokenRateLimited,
        _ => Proof::TokenServer,
    })
}

fn of_registry(text: &str, has: &impl Fn(&[&str]) -> bool) -> Option<Proof> {
    let unauthorized = Proof::Unauthorized { by_crio: has(&["reading manifest "]) };
    let phrases: [(Proof, &[&str]); 12] = [
        (Proof::LockedOut, &["login attempts"]),
        (Proof::TokenRateLimited, &["too many requests to registry"]),
        (Proof::RateLimited, &["toomanyrequests", "pull rate limit"]),
        (Proof::NothingSent, &["no basic auth credentials"]),
        (
            Proof::Architecture,
            &[
                "no match for platform in manifest",
                "no matching manifest for ",
                "no image found in image index for",
                "no image found in manifest list for",
            ],
        ),
        (
            Proof::UnsupportedManifest,
            &[
                "is no longer supported since containerd",
                "no FSLayers in manifest",
                "no signatures",
                "unsupported manifest media type",
                "unsupported schema version",
                "mediaType in manifest should be",
            ],
        ),
        (Proof::NotARegistry, &["unexpected media type text/", "invalid character "]),
        (Proof::NoAccess, &["insufficient_scope", "requested access to the resource is denied"]),
        (Proof::NotFound(NotFoundWords::ManifestUnknown), &["manifest unknown", "MANIFEST_UNKNOWN"]),
        (Proof::Forbidden(ForbiddenWords::Expired), &["authorization token has expired"]),
        (
            unauthorized,
            &[
                "authentication required",
                "unauthorized: ",
                ": unauthorized",
                "incorrect username or password",
                "invalid_token",
            ],
        ),
        (Proof::NoAccess, &["pull access denied"]),
    ];
    if let Some((proof, _)) = phrases.into_iter().find(|(_, phrases)| has(phrases)) {
        return Some(proof);
    }
    let is_denied = has(&["denied"]);
    match status(text) {
        Some(401) => Some(unauthorized),
        Some(403) if is_denied => Some(Proof::Forbidden(ForbiddenWords::Denied)),
        Some(403) => Some(Proof::Forbidden(ForbiddenWords::None)),
        // A ping that is answered 404 has met a web server that is no registry.
        Some(404) if has(&["pinging container registry"]) => Some(Proof::NotARegistry),
        Some(404) => Some(Proof::NotFound(NotFoundWords::Status)),
        Some(407) => Some(Proof::Proxy),
        Some(429) => Some(Proof::RateLimited),
        Some(status) => Some(Proof::Registry(status)),
        None if is_denied => Some(Proof::Forbidden(ForbiddenWords::Denied)),
        None if has(&["not found", "name unknown", "NAME_UNKNOWN", "repository does not exist"]) => {
            Some(Proof::NotFound(NotFoundWords::Status))
        }
        None if has(&["registry is unavailable"]) => Some(Proof::Connection),
        None => None,
    }
}
