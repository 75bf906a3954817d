//! Registry keys: the names under `auths`, and how the kubelet, docker and podman read them.

mod acr;
mod fault;
mod glob;
mod key;
mod list;
mod shown;

pub use acr::AcrService;
pub(crate) use acr::{GenericHost, acr_service, generic_host};
pub use fault::{KeyFault, NeverMatches};
pub(crate) use key::{DOCKER_HUB, Key, is_browser_page};
pub use list::{HostList, HostPattern, HostPatternError};
pub use shown::RegistryKey;

/// Whether two keys, as written, name one registry: without scheme, default port, a leading `/v1` or `/v2` and closing
/// slashes, with all spellings of Docker Hub as one.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    Key::parse(one).identity() == Key::parse(other).identity()
}
