//! The names of the objects in the cluster.

/// The names of the objects in the cluster.
#[derive(Clone, Debug)]
pub struct Names {
    /// The Service by which the API server calls the webhook, in the namespace of the Pod.
    pub service: String,
    /// Both webhook configurations.
    pub webhook_configuration: String,
    /// The Secret with the CA, in the namespace of the Pod.
    pub ca_secret: String,
}
