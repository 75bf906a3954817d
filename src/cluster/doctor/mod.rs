//! Whether the installation works: dry runs through the API server, and the chain from the API server to a Pod.

mod admission;
mod backstop;
mod before;
mod check;
mod configurations;
mod installed;
mod others;
mod platform;
mod pods;
mod probe;
mod reader;
mod served;

use std::path::Path;

use jiff::Timestamp;
use kube::Client;
use regcred_engine::policy::{Enforcement, Policy};
use regcred_engine::wording::Bilingual;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub use check::{Category, Check, CheckVerdict, worst};

use super::api_server::ApiServer;
use configurations::Expected;
use installed::Installed;
use platform::Platform;
use probe::Probe;
use reader::{ObjectRead, items, text};
use served::PodsMetrics;

/// What the doctor examines.
#[derive(Clone, Debug)]
pub struct DoctorRequest {
    /// Only what a cluster must have before the installation.
    pub pre: bool,
    /// The namespace of the dry runs.
    pub judged: String,
    /// The namespace of the installation.
    pub namespace: String,
    /// The name of its objects.
    pub name: String,
    /// The policy to expect; without it the installed one is read.
    pub policy: Option<Policy>,
    /// The time of the examination.
    pub now: Timestamp,
}

/// Examines a cluster.
///
/// # Errors
/// If the API server does not answer.
pub fn examine(
    runtime: &Runtime,
    client: Client,
    stopped: watch::Receiver<bool>,
    request: &DoctorRequest,
) -> Result<Vec<Category>, Bilingual<String>> {
    let server = ApiServer::new(runtime, client, stopped);
    let kubernetes = before::kubernetes(&server)?;
    if worst(std::slice::from_ref(&kubernetes)) == CheckVerdict::Failed {
        return Ok(vec![kubernetes]);
    }
    if request.pre {
        return Ok(vec![kubernetes, before::before(&server, &request.namespace)]);
    }
    let installed = Installed::read(&server, &request.namespace, &request.name);
    let policy = policy(request, &installed);
    let platform = platform(&installed);
    let expected = Expected {
        namespace: &request.namespace,
        name: &request.name,
        judged: &request.judged,
        enforcement: policy.enforcement,
        now: request.now,
    };
    let probe =
        Probe { server: &server, namespace: &request.judged, policy: &policy, now: request.now, platform };
    let before = PodsMetrics::read(&server, &installed);
    let mut requests = probe.run();
    let after = before.again(&server);
    requests.add(
        "served-certificate",
        "the API server accepts the certificate of each Pod",
        "API server 接受每个 Pod 的证书",
        served::certificate(&before, &after, request.now),
    );
    requests.add(
        "fail-open",
        "no write has passed because a webhook could not be called",
        "没有写入因 Webhook 调用失败而被放行",
        served::failed_open(&server),
    );
    Ok(vec![
        kubernetes,
        configurations::configurations(&installed, &expected),
        pods::pods(&installed),
        requests,
        others::others(&server, &installed, &request.name, &policy),
    ])
}

/// The policy in force: the given one, or that of the ConfigMap which the Deployment mounts, up to the container's limit.
fn policy(request: &DoctorRequest, installed: &Installed) -> Policy {
    let installed_policy = || {
        let map = installed.policy.found()?;
        let (_, text) = map
            .get("data")?
            .as_object()?
            .iter()
            .find(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "yaml"))?;
        Policy::parse(text.as_str()?).ok()
    };
    let mut policy = request.policy.clone().or_else(installed_policy).unwrap_or_default();
    let limit = installed.variable("REGCRED_ENFORCEMENT").and_then(enforcement);
    policy.enforcement = policy.enforcement.at_most(limit.unwrap_or(Enforcement::Enforce));
    policy
}

/// The enforcement that a container's variable caps the policy to.
fn enforcement(variable: &str) -> Option<Enforcement> {
    match variable.to_ascii_lowercase().as_str() {
        "enforce" => Some(Enforcement::Enforce),
        "warn" => Some(Enforcement::Warn),
        "audit" => Some(Enforcement::Audit),
        _ => None,
    }
}

fn platform(installed: &Installed) -> Platform {
    let nodes = match &installed.nodes {
        ObjectRead::Found(nodes) => items(nodes, "/items"),
        ObjectRead::Missing | ObjectRead::Unread(_) => &[],
    };
    let is_fargate =
        |node: &Value| text(node, "/metadata/labels/eks.amazonaws.com~1compute-type") == "fargate";
    let Some(node) = nodes.iter().find(|node| is_fargate(node)).or(nodes.first()) else {
        return Platform::Other;
    };
    Platform::of(
        text(node, "/spec/providerID"),
        text(node, "/status/nodeInfo/kubeletVersion"),
        is_fargate(node),
    )
}
