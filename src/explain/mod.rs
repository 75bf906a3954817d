//! `regcred explain`: from objects of Kubernetes to the facts that the engine explains.
//!
//! [`objects`] are read from a cluster ([`crate::cluster::explain`]) or from [`files`], which are found by their [`paths`].
//! [`surroundings`] holds what a Pod refers to, [`pod`] makes facts of both, and [`image`] answers for an image without a Pod.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod asked;
pub(crate) mod files;
pub mod image;
pub(crate) mod objects;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod paths;
pub(crate) mod pod;
pub(crate) mod surroundings;
pub(crate) mod workload;
