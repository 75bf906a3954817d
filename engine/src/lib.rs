//! The judgement of regcred, without any way to reach the outside: what is wrong with an image-pull Secret, what is
//! done about it, and how that is said.
//!
//! The way of one Secret: [`secret`] → [`document`] → [`judge`] → [`repair`] and [`wording`]. The webhook and the
//! terminal call the same functions.

mod auth;
pub mod consumers;
mod document;
pub mod escape;
pub mod finding;
pub mod judge;
pub mod policy;
pub mod registry;
pub mod repair;
pub mod rule;
pub mod secret;
pub mod wording;
