//! `regcred explain` in a cluster: reads the Pods that were asked for and what they refer to, and explains their pulls.
//!
//! [`fetch`] reads objects, each once, and remembers what it may not read. [`workload`] finds the Pods of a workload.

mod fetch;
mod workload;

use std::collections::HashSet;
use std::io::{self, Write};

use http::StatusCode;
use jiff::Timestamp;
use kube::Client;
use regcred_engine::pull::{Cause, Explanation, explain};
use regcred_engine::wording::Bilingual;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::cluster::api_server::{ApiServer, CallError, segment};
use crate::cluster::list::{List, ListError, OBJECTS_PER_PAGE};
use crate::explain::asked::RegistryAnswers;
use crate::explain::image::ImageQuestion;
use crate::explain::objects::{ObjectReference, Pod, PodSpec, Workload};
use crate::explain::pod::PodOrigin;
use crate::explain::surroundings::{ObjectName, Surroundings};
use crate::explain::workload::{Target, WorkloadKind};
use crate::report::explained::{ExplainReport, Explained, ExplainedObject};
use crate::report::{Trouble, TroubleKind};
use fetch::{Fetcher, Got, read_object};

/// What to explain.
pub(crate) enum Question {
    /// One object.
    Target { namespace: String, target: Target },
    /// Every Pod that waits for an image, in a namespace or in all.
    All { namespace: Option<String> },
    /// Which credentials a new Pod would have for an image.
    Image { namespace: String, image: String, source: SecretSource },
}

/// Where the pull Secrets of a new Pod come from.
pub(crate) enum SecretSource {
    ServiceAccount(String),
    Secret(String),
}

/// At most this many Pods are explained at once. Their Secrets, each only once, and their events are in memory meanwhile.
const PODS_AT_ONCE: usize = 500;

/// Why a run ends early.
enum ExplainStop {
    Call(CallError),
    Output(io::Error),
}

impl From<CallError> for ExplainStop {
    fn from(error: CallError) -> Self {
        ExplainStop::Call(error)
    }
}

impl From<io::Error> for ExplainStop {
    fn from(error: io::Error) -> Self {
        ExplainStop::Output(error)
    }
}

impl From<ListError<ExplainStop>> for ExplainStop {
    fn from(error: ListError<ExplainStop>) -> Self {
        match error {
            ListError::Call(error) => ExplainStop::Call(error),
            ListError::Taker(stop) => stop,
        }
    }
}

/// Explains, and records in `report` what was found and what could not be read.
///
/// # Errors
/// When the report cannot be written.
pub(crate) fn explain_cluster<W: Write + 'static>(
    runtime: &Runtime,
    client: Client,
    question: &Question,
    now: Timestamp,
    asking: Option<RegistryAnswers<'_>>,
    report: &mut ExplainReport<W>,
) -> io::Result<()> {
    let (_never, stop) = watch::channel(false);
    let server = ApiServer::new(runtime, client, stop);
    let mut run = ExplainRun { fetcher: Fetcher::new(&server), server: &server, now, asking, report };
    let ended = match question {
        Question::Target { namespace, target: Target::Pod(name) } => run.pod(namespace, name),
        Question::Target { namespace, target: Target::Workload(kind, name) } => {
            run.workload(namespace, *kind, name)
        }
        Question::All { namespace } => run.all(namespace.as_deref()),
        Question::Image { namespace, image, source } => run.image(namespace, image, source),
    };
    let failed = match ended {
        Ok(()) => None,
        Err(ExplainStop::Output(error)) => return Err(error),
        Err(ExplainStop::Call(CallError::Refused(refusal))) => Some(refusal.message),
        Err(ExplainStop::Call(CallError::Unanswered(why))) => Some(why),
        Err(ExplainStop::Call(CallError::Interrupted)) => Some(Bilingual::new("interrupted", "已中断")),
    };
    for note in run.fetcher.notes() {
        run.trouble(TroubleKind::NotPermitted, note)?;
    }
    match failed {
        Some(message) => run.trouble(TroubleKind::Unreadable, message),
        None => Ok(()),
    }
}

/// A run in progress.
struct ExplainRun<'a, 'r, W: Write> {
    server: &'a ApiServer<'r>,
    fetcher: Fetcher<'a, 'r>,
    now: Timestamp,
    asking: Option<RegistryAnswers<'a>>,
    report: &'a mut ExplainReport<W>,
}

impl<W: Write + 'static> ExplainRun<'_, '_, W> {
    fn pod(&mut self, namespace: &str, name: &str) -> Result<(), ExplainStop> {
        let path = format!("/api/v1/namespaces/{}/pods/{}", segment(namespace), segment(name));
        match self.fetcher.get::<Pod>(&path)? {
            Got::Found(pod) => self.one(namespace, &pod, PodOrigin::Created),
            Got::Missing => Ok(self.missing("Pod", namespace, name)?),
            Got::Denied(message) => Ok(self.trouble(TroubleKind::Unreadable, message)?),
        }
    }

    /// Explains the newest Pod of a workload that waits for an image, or else the template.
    fn workload(&mut self, namespace: &str, kind: WorkloadKind, name: &str) -> Result<(), ExplainStop> {
        let path = format!(
            "{}/namespaces/{}/{}/{}",
            kind.group_path(),
            segment(namespace),
            kind.plural(),
            segment(name)
        );
        let workload = match self.fetcher.get::<Workload>(&path)? {
            Got::Found(workload) => workload,
            Got::Missing => return Ok(self.missing(kind.name(), namespace, name)?),
            Got::Denied(message) => return Ok(self.trouble(TroubleKind::Unreadable, message)?),
        };
        let pods = workload::pods(self.server, namespace, kind, &workload.metadata.uid)?;
        let failing = pods.into_iter().filter(|pod| waits_for_image(namespace, pod));
        match failing
            .max_by(|one, other| one.metadata.creation_timestamp.cmp(&other.metadata.creation_timestamp))
        {
            Some(pod) => self.one(namespace, &pod, PodOrigin::Created),
            None => self.one(namespace, &workload.into_template(), PodOrigin::Template(kind)),
        }
    }

    /// Explains every container of a Pod.
    fn one(&mut self, namespace: &str, pod: &Pod, origin: PodOrigin) -> Result<(), ExplainStop> {
        self.fetcher.gather(namespace, pod)?;
        if origin == PodOrigin::Created {
            self.fetcher.events_of(namespace, pod)?;
        }
        let facts = pod.facts(namespace, origin, self.fetcher.around());
        let mut explanations = explain(&facts, self.now);
        if let Some(asking) = &mut self.asking {
            asking.add(&facts, &mut explanations);
        }
        self.report.pod();
        for explanation in explanations {
            self.explained(namespace, pod, origin, explanation)?;
        }
        Ok(())
    }

    fn explained(
        &mut self,
        namespace: &str,
        pod: &Pod,
        origin: PodOrigin,
        explanation: Explanation,
    ) -> io::Result<()> {
        let subject = ExplainedObject {
            kind: origin.kind(),
            namespace: namespace.to_owned(),
            name: pod.name().to_owned(),
        };
        self.report.explained(&Explained::of_container(subject, explanation))
    }

    /// Explains every Pod that waits for an image.
    fn all(&mut self, namespace: Option<&str>) -> Result<(), ExplainStop> {
        let path = namespace.map_or_else(
            || "/api/v1/pods".to_owned(),
            |namespace| format!("/api/v1/namespaces/{}/pods", segment(namespace)),
        );
        let list = List {
            field_selector: Some("status.phase!=Succeeded,status.phase!=Failed".to_owned()),
            page_size: OBJECTS_PER_PAGE,
            ..List::new(self.server, path)
        };
        let mut waiting = Vec::new();
        let listed = list.each(|object| {
            let pod: Pod = read_object(object)?;
            self.report.pod();
            if waits_for_image(&pod.metadata.namespace, &pod) {
                waiting.push(pod);
            }
            if waiting.len() == PODS_AT_ONCE { self.batch(namespace, &mut waiting) } else { Ok(()) }
        });
        match listed.map_err(ExplainStop::from) {
            Err(ExplainStop::Call(CallError::Refused(refusal)))
                if refusal.code == StatusCode::FORBIDDEN && namespace.is_none() =>
            {
                let use_n = Bilingual::new(
                    "cannot list Pods cluster-wide; use -n with the namespaces that you can read",
                    "无法列出整个集群的 Pod；请用 -n 指定可读取的命名空间",
                );
                return Ok(self.trouble(TroubleKind::Unreadable, use_n.because(&refusal.message))?);
            }
            other => drop(other?),
        }
        self.batch(namespace, &mut waiting)?;
        if let Some(name) = namespace.filter(|_| self.report.summary().pods() == 0) {
            return self.check_namespace(name);
        }
        Ok(())
    }

    /// Explains some Pods, and forgets them.
    fn batch(&mut self, scope: Option<&str>, waiting: &mut Vec<Pod>) -> Result<(), ExplainStop> {
        let pods = std::mem::take(waiting);
        self.fetcher.gather_all(scope, &pods)?;
        let now = self.now;
        let explained = |pod: &Pod, around: &Surroundings| {
            explain(&pod.facts(&pod.metadata.namespace, PodOrigin::Created, around), now)
        };
        let mut all: Vec<_> = pods.iter().map(|pod| explained(pod, self.fetcher.around())).collect();
        // The status of kubelets before 1.32 does not say why; their events do.
        let is_undecided = |explanations: &[Explanation]| {
            explanations.iter().any(|explanation| explanation.cause == Cause::Undecided)
        };
        let undecided = pods.iter().zip(&all).filter(|(_, explanations)| is_undecided(explanations));
        let undecided: HashSet<_> = undecided.map(|(pod, _)| pod.object_name()).collect();
        if !undecided.is_empty() {
            self.fetcher.events_of_all(scope, &undecided)?;
            for (pod, explanations) in pods.iter().zip(&mut all) {
                if undecided.contains(&pod.object_name()) {
                    *explanations = explained(pod, self.fetcher.around());
                }
            }
            self.fetcher.forget_events();
        }
        for (pod, mut explanations) in pods.iter().zip(all) {
            if let Some(asking) = &mut self.asking {
                let around = self.fetcher.around();
                let facts = pod.facts(&pod.metadata.namespace, PodOrigin::Created, around);
                asking.add(&facts, &mut explanations);
            }
            for explanation in explanations.into_iter().filter(|explained| explained.cause != Cause::None) {
                self.explained(&pod.metadata.namespace, pod, PodOrigin::Created, explanation)?;
            }
        }
        Ok(())
    }

    fn check_namespace(&mut self, name: &str) -> Result<(), ExplainStop> {
        let path = format!("/api/v1/namespaces/{}", segment(name));
        if let Got::Missing = self.fetcher.get::<ObjectReference>(&path)? {
            let message =
                Bilingual::new(format!("namespace {name} does not exist"), format!("命名空间 {name} 不存在"));
            self.trouble(TroubleKind::Unreadable, message)?;
        }
        Ok(())
    }

    fn image(&mut self, namespace: &str, image: &str, source: &SecretSource) -> Result<(), ExplainStop> {
        let (secrets, account) = match source {
            SecretSource::Secret(name) => {
                self.fetcher.secret(ObjectName::new(namespace, name))?;
                let names = [ObjectReference { name: name.clone() }];
                (self.fetcher.around().pull_secrets(namespace, &names), None)
            }
            SecretSource::ServiceAccount(name) => {
                // A Pod that names no Secret gets those of its ServiceAccount.
                let pod = Pod { spec: PodSpec::with_account(name), ..Pod::default() };
                self.fetcher.gather(namespace, &pod)?;
                let account = self.fetcher.around().service_account(namespace, name);
                if account.is_none() && self.fetcher.notes().is_empty() {
                    return Ok(self.missing("ServiceAccount", namespace, name)?);
                }
                (Vec::new(), account)
            }
        };
        let question = ImageQuestion { namespace, image, secrets, account };
        Ok(question.explain(self.now, self.report)?)
    }

    fn missing(&mut self, kind: &str, namespace: &str, name: &str) -> io::Result<()> {
        let message = Bilingual::new(
            format!("{kind} {name} does not exist in namespace {namespace}"),
            format!("命名空间 {namespace} 中没有 {kind} {name}"),
        );
        self.trouble(TroubleKind::Unreadable, message)
    }

    fn trouble(&mut self, kind: TroubleKind, message: Bilingual<String>) -> io::Result<()> {
        let message = message.into_line(self.report.language());
        self.report.trouble(&Trouble { kind, subject: None, region: None, message })
    }
}

/// Whether a container of a Pod waits for its image, as far as its status says.
fn waits_for_image(namespace: &str, pod: &Pod) -> bool {
    let explanations = || {
        let facts = pod.facts(namespace, PodOrigin::Created, &Surroundings::default());
        explain(&facts, Timestamp::UNIX_EPOCH)
    };
    pod.waits() && explanations().iter().any(|explanation| explanation.cause != Cause::None)
}
