//! The whole program behind a real API server, asked by kubectl and as Rancher asks.

mod audit;
mod backstop;
mod cost;
mod deploy;
mod doctor;
mod explain;
mod language;
mod lifecycle;
mod monitoring;
mod mutual_tls;
mod proof;
mod rancher;
mod reach;
mod refusal;
mod scan;
mod self_managed;
mod writing;

use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::support::cluster::{Cluster, Namespace, Webhooks, Which};
use crate::support::regcred::{Regcred, Serve};
use crate::support::supervised::Guarded;

const HOST: &str = "crpi-a1b2c3d4e5f6g7h8.cn-hangzhou.personal.cr.aliyuncs.com";
const GENERIC: &str = "registry.cn-hangzhou.aliyuncs.com";
const USER: &str = "robot@1234567890123456";
/// Nothing like it stands anywhere but in credentials.
const PASSWORD: &str = "Canary?pa55>word";

/// The API server that all tests share which do not change the whole cluster.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// The webhook with its default policy, which enforces.
struct Enforcing {
    regcred: Guarded,
    webhooks: Webhooks<'static>,
}

fn enforcing() -> &'static Enforcing {
    static ENFORCING: OnceLock<Enforcing> = OnceLock::new();
    ENFORCING.get_or_init(|| {
        let regcred = Guarded::start(Serve::dev());
        let webhooks = cluster().install("enforcing", &regcred.regcred, Which::BOTH);
        Enforcing { regcred, webhooks }
    })
}

impl Enforcing {
    fn regcred(&self) -> &Regcred {
        &self.regcred.regcred
    }
}

/// A namespace in which everything is enforced.
#[track_caller]
fn enforced(name: &str) -> Namespace<'static> {
    enforcing().webhooks.namespace(name)
}

/// The same with Secrets in it that are older than the webhook.
#[track_caller]
fn enforced_with_old(name: &str, old: &[Value]) -> Namespace<'static> {
    enforcing().webhooks.namespace_with_old(name, enforcing().regcred(), old)
}

/// `user:password` as `auth` has it.
fn encoded(user: &str, password: &str) -> String {
    BASE64_STANDARD.encode(format!("{user}:{password}"))
}

/// The entry of a registry as Rancher writes it.
fn bare(host: &str) -> String {
    format!(r#""{host}":{{"username":"{USER}","password":"{PASSWORD}"}}"#)
}

/// The same after the repair.
fn whole(host: &str) -> String {
    let auth = encoded(USER, PASSWORD);
    format!(r#""{host}":{{"username":"{USER}","password":"{PASSWORD}","auth":"{auth}"}}"#)
}

/// A document of entries.
fn auths(entries: &[&str]) -> String {
    format!(r#"{{"auths":{{{}}}}}"#, entries.join(","))
}

/// Whether a text shows the password in a form in which Secrets, patches and documents hold it.
fn shows_password(text: &str) -> bool {
    // Base64 keeps groups of three bytes, so what is in the middle shows at one of three alignments.
    let encoded = (0..3).map(|shift| {
        let shifted = BASE64_STANDARD.encode(format!("{}{PASSWORD}", "x".repeat(shift)));
        let begin = if shift == 0 { 0 } else { 4 };
        let end = shifted.trim_end_matches('=').len() - 1;
        shifted[begin..end].to_owned()
    });
    text.contains(PASSWORD) || encoded.into_iter().any(|piece| text.contains(&piece))
}

#[test]
fn a_shown_password_is_found_in_every_alignment() {
    assert!(shows_password(&format!("password {PASSWORD}.")));
    for before in ["", "a", "ab", "abc", r#"{"auths":{"h":{"username":"u","password":""#] {
        assert!(shows_password(&BASE64_STANDARD.encode(format!("{before}{PASSWORD}\"}}}}"))), "{before}");
    }
    assert!(!shows_password("nothing of it"));
}
