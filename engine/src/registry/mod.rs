//! Registry keys: the names under `auths`, and how the kubelet, docker and podman read them.

mod acr;
mod endpoint;
mod glob;
mod key;
mod list;
mod parts;
mod shown;

pub use acr::AcrService;
pub(crate) use acr::{GenericHost, acr_service, dedicated_host, generic_host};
pub use endpoint::Endpoint;
pub(crate) use key::{DOCKER_HUB, Key, is_browser_page};
pub use key::{KeyFault, NeverMatches, is_same};
pub use list::{HostList, HostPattern, HostPatternError};
pub use shown::RegistryKey;
