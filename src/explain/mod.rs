//! `regcred explain`: from objects of Kubernetes to the facts that the engine explains.
//!
//! [`objects`] are read from a cluster ([`crate::cluster::explain`]) or from [`files`]. [`surroundings`] holds what a Pod refers
//! to, [`pod`] makes facts of both, and [`image`] answers for an image without a Pod.

pub(crate) mod asked;
pub(crate) mod files;
pub(crate) mod image;
pub(crate) mod objects;
pub(crate) mod pod;
pub(crate) mod surroundings;
pub(crate) mod workload;
