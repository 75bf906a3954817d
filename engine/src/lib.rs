//! The judgement of regcred, with no access to anything outside: what is wrong with an image pull Secret, what is
//! done about it, and what is said about it.
//!
//! Data flows one way: [`secret`] and [`shape`] → [`document`] and [`registry`] → [`consumers`] → [`rules`] → [`judge`] → [`repair`] and
//! [`wording`]. The webhook and the terminal call the same functions. [`pull`] explains a failed pull by the same models, and [`backstop`] has a part of
//! the judgement as admission policies.

pub mod affected;
mod auth;
pub mod backstop;
pub mod bilingual;
pub mod consumers;
pub mod document;
pub mod escape;
pub mod finding;
pub mod judge;
pub mod place;
pub mod policy;
pub mod pull;
pub mod registry;
pub mod repair;
pub mod rules;
pub mod secret;
pub mod shape;
pub mod wording;
