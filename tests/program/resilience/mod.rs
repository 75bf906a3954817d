//! Not one admission lost: two replicas behind a balancer and a real API server, under a steady load of writes, while
//! everything happens to them that happens to a Deployment.

pub mod balancer;
mod crash;
pub mod load;
pub mod registration;
mod rolling;
mod rotation;
pub mod stage;

/// Figures of a test that went well, for whoever runs it with `--nocapture`.
#[allow(clippy::print_stderr, reason = "figures are what the long tests are run for")]
pub fn report(name: &str, figures: &str) {
    eprintln!("{name}: {figures}");
}
