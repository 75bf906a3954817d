//! What can be wrong with a registry key.

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
