//! Registry keys: the names under `auths`, and how the kubelet, docker and podman read them.

mod acr;
mod glob;
mod key;
mod list;

pub(crate) use acr::{acr_service, generic_host};
pub(crate) use key::Key;
pub use list::{HostList, HostPattern, HostPatternError};

/// Whether two keys, as written, name one registry: without scheme, default port, a leading `/v1` or `/v2` and closing
/// slashes, Docker Hub's spellings being one.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    Key::parse(one).identity() == Key::parse(other).identity()
}

/// A host of Alibaba ACR that is no registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcrService {
    /// `cr[-vpc].<region>.aliyuncs.com`, the management API.
    ManagementApi,
    /// `<id>.mirror.aliyuncs.com`, a Docker Hub accelerator.
    Accelerator,
    /// `registry.<region>.cr.aliyuncs.com`: an Enterprise host without the instance's name.
    NamelessEnterprise,
}

/// How a Docker Hub key is spelled, by who finds it (docs/facts.md, "Docker Hub").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HubSpelling {
    /// `index.docker.io/v1/` and other forms that the kubelet finds and docker and podman do not.
    KubeletOnly,
    /// `index.docker.io`, `docker.io`: the kubelet and podman find it, docker does not.
    NotDocker,
    /// `https://index.docker.io/v1`, `registry-1.docker.io`: podman alone finds it.
    PodmanOnly,
    /// `hub.docker.com`, `registry.hub.docker.com`: nobody finds it.
    Nobody,
}

/// Why a key names no registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFault {
    /// Nothing at all.
    Empty,
    /// A scheme, a slash or a port, but no host.
    NoHost,
    /// White space anywhere.
    Whitespace,
    /// A control character anywhere.
    Control,
    /// A comma: several registries in one key.
    Comma,
    /// A query or a fragment.
    QueryOrFragment,
    /// `<` `>` `{` `}`: a placeholder left in.
    Placeholder,
    /// `\` `^` `|` or a back-quote in the host.
    HostCharacter,
    /// A `%` escape in the host, or a malformed one anywhere.
    Escape,
    /// A port that is no number up to 65535.
    Port,
    /// A scheme other than http and https.
    Scheme,
    /// Two schemes.
    DoubledScheme,
    /// An IPv6 address without brackets.
    BareIpv6,
}

/// Why no ordinary image reference finds a key in the kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NeverMatches {
    /// Upper case in host or path.
    UpperCase,
    /// Upper case in the scheme.
    UpperCaseScheme,
    /// `/v1` or `/v2` without the closing slash.
    ApiVersionWithoutSlash,
    /// `:443`.
    DefaultPort,
    /// A dot behind the host.
    TrailingDot,
    /// A colon without a number. The kubelet finds such a key; docker and podman do not.
    EmptyPort,
    /// Characters outside ASCII, or others that no host of an image has.
    HostCharacter,
    /// A lone `*`.
    LoneStar,
    /// One word without a port.
    OneWord,
    /// A path that no image can have.
    Path,
}
