//! Registry keys: the names under `auths`, and how the kubelet, docker and podman read them.

mod acr;
mod glob;
mod key;
mod list;
mod shown;

pub(crate) use acr::{acr_service, generic_host};
pub(crate) use key::{DOCKER_HUB, Key, is_browser_page};
pub use list::{HostList, HostPattern, HostPatternError};
pub use shown::RegistryKey;

/// Whether two keys, as written, name one registry: without scheme, default port, a leading `/v1` or `/v2` and closing
/// slashes, with all spellings of Docker Hub as one.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    Key::parse(one).identity() == Key::parse(other).identity()
}

/// A host of Alibaba ACR that is not a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcrService {
    /// `cr[-vpc].<region>.aliyuncs.com`, the management API.
    ManagementApi,
    /// `<id>.mirror.aliyuncs.com`, a Docker Hub accelerator.
    Accelerator,
    /// `registry.<region>.cr.aliyuncs.com`: an Enterprise host without the instance's name.
    NamelessEnterprise,
}

/// A generic Alibaba ACR host, or a glob that matches one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GenericHost<'k> {
    /// The region in the host, such as `cn-hangzhou`; `None` if the host names none or is a glob.
    pub(crate) region: Option<&'k str>,
    /// The host is the VPC form.
    pub(crate) vpc: bool,
    /// The key is a glob that matches generic hosts.
    pub(crate) glob: bool,
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
    /// A port that is not a number up to 65535.
    Port,
    /// A scheme other than http and https.
    Scheme,
    /// Two schemes.
    DoubledScheme,
    /// An IPv6 address without brackets.
    BareIpv6,
    /// One slash after the scheme.
    SingleSlash,
    /// Quotation marks around it.
    Quoted,
    /// `[` or `]` in the host, outside of an IPv6 address.
    Bracket,
}

/// Why the kubelet finds a key for no ordinary image.
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
    /// A dot after the host.
    TrailingDot,
    /// Characters outside ASCII in the host.
    NotAscii,
    /// A host that no image can have.
    Host,
    /// A lone `*`.
    LoneStar,
    /// One word without a port.
    OneWord,
    /// A bracketed IPv6 address without a port.
    Ipv6WithoutPort,
    /// A page of a registry's web interface.
    BrowserPage,
    /// A path that no image can have.
    Path,
}
