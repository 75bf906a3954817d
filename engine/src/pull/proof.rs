//! What one error proves, by the inner phrases of the runtimes. They are those of containerd 1.6 to 2.4, CRI-O 1.37 and
//! docker (`tests/pulls/README.md` says how they were recorded).

use super::text::status;

/// What an error proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Proof {
    /// The kubelet could not parse a pull Secret.
    Malformed,
    /// The kubelet could not retrieve a pull Secret.
    SecretsNotRetrieved,
    /// The registry wants credentials, and the runtime sent none.
    NothingSent,
    /// The token server answered 401.
    TokenRefused(Sent),
    /// The token server answered 403 or 400.
    TokenForbidden(Sent),
    /// The token server failed, or gave no token.
    TokenServer {
        /// Its answer says so.
        is_sure: bool,
    },
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
    /// The store of the layers, to which the registry redirects.
    BlobStore {
        /// It answered with an error; else it was not reached.
        is_answer: bool,
    },
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

/// Phrases that can be quoted: they are the runtimes' own, and hold nothing that was filled in.
pub(super) const PHRASES: [&str; 44] = [
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

/// Phrases of a registry that can be quoted.
pub(super) const WRITTEN_PHRASES: [&str; 2] = ["authorization token has expired", "login attempts"];

impl Proof {
    /// With what a registry wrote about its 403.
    pub(super) fn in_words_of_registry(self, written: &str) -> Self {
        match self {
            Proof::Forbidden(_) if written.contains("login attempts") => Proof::LockedOut,
            Proof::Forbidden(_) if written.contains("authorization token has expired") => {
                Proof::Forbidden(ForbiddenWords::Expired)
            }
            Proof::Forbidden(_) if written.contains("denied") => Proof::Forbidden(ForbiddenWords::Denied),
            proof => proof,
        }
    }
}

/// Classifies one error. The order matters: the innermost layer that failed comes first.
pub(super) fn proof(text: &str, words: &str) -> Proof {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    of_kubelet(&has)
        .or_else(|| of_blobs(text, &has))
        .or_else(|| of_transport(&has))
        .or_else(|| of_token_server(text, &has))
        .or_else(|| of_registry(text, &has))
        .unwrap_or(Proof::Unrecognised)
}

/// What fails before a registry is asked.
fn of_kubelet(has: &impl Fn(&[&str]) -> bool) -> Option<Proof> {
    if has(&["Unable to retrieve some image pull secrets"]) {
        return Some(Proof::SecretsNotRetrieved);
    }
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
fn of_blobs(text: &str, has: &impl Fn(&[&str]) -> bool) -> Option<Proof> {
    let phrases = [
        "httpReadSeeker",
        "fetching blob",
        "failed to copy: ",
        "reading blob ",
        "writing blob: ",
        "parsing image configuration: ",
    ];
    has(&phrases).then(|| Proof::BlobStore { is_answer: status(text).is_some() })
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
        // Some token servers answer wrong credentials so.
        Some(400 | 403) => Proof::TokenForbidden(sent),
        Some(429) => Proof::TokenRateLimited,
        _ if is_refused => Proof::TokenRefused(sent),
        _ if has(&["toomanyrequests", "too many requests"]) => Proof::TokenRateLimited,
        status => {
            let is_no_token =
                has(&["did not include a token", "decode token response", "decoding bearer token"]);
            Proof::TokenServer { is_sure: status.is_some() || is_no_token }
        }
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
        Some(403) | None if is_denied => Some(Proof::Forbidden(ForbiddenWords::Denied)),
        Some(403) => Some(Proof::Forbidden(ForbiddenWords::None)),
        // A ping that is answered 404 has met a web server that is no registry.
        Some(404) if has(&["pinging container registry"]) => Some(Proof::NotARegistry),
        Some(404) => Some(Proof::NotFound(NotFoundWords::Status)),
        Some(407) => Some(Proof::Proxy),
        Some(429) => Some(Proof::RateLimited),
        Some(status) => Some(Proof::Registry(status)),
        None if has(&["not found", "name unknown", "NAME_UNKNOWN"]) => {
            Some(Proof::NotFound(NotFoundWords::Status))
        }
        None if has(&["registry is unavailable"]) => Some(Proof::Connection),
        None => None,
    }
}
