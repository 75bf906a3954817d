//! `regcred scan`: judges and repairs the pull Secrets of a cluster.
//!
//! [`List`] reads a Secret from a page, [`secret`] parses and judges it, [`repair`] repairs it if requested, and the report
//! records the findings. Only one Secret is in memory at a time.

mod owner;
mod policy_report;
mod repair;
mod request;
mod secret;

use std::io::{self, Write};

use http::StatusCode;
use kube::Client;
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::cluster::api_server::{ApiRefusal, ApiServer, Call, CallError, segment};
use crate::cluster::list::{List, ListError, Named, Seen};
use crate::guarded::{INTERNAL_ERROR, guarded};
use crate::report::{Judged, Report, Subject, Trouble, TroubleKind};
pub use request::{Criteria, Fix, ScanRequest, Scope};

use policy_report::PolicyReports;
use repair::Repairer;
use secret::{NotASecret, Stored, StoredSecret};

/// Receives the progress of a scan.
pub trait Listener {
    /// A message that is not a finding.
    fn say(&mut self, line: &str);
    /// The number of Secrets judged so far, and the namespace of the last one.
    fn progress(&mut self, secrets: u64, namespace: &str);
    /// Called before something is written to the report.
    fn before_output(&mut self);
}

/// Why a scan ends early.
enum Stop {
    Call(CallError),
    /// The API server refuses the label selector, so every list would fail.
    Selector(ApiRefusal),
    Output(io::Error),
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        Stop::Call(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Output(error)
    }
}

impl From<ListError<Stop>> for Stop {
    fn from(error: ListError<Stop>) -> Self {
        match error {
            ListError::Call(error) => Stop::Call(error),
            ListError::Taker(stop) => stop,
        }
    }
}

/// Scans, and records in `report` what was found and what could not be read. `stop` ends the scan after the current Secret.
///
/// # Errors
/// When the report cannot be written.
pub fn scan<W: Write + 'static>(
    runtime: &Runtime,
    client: Client,
    stop: watch::Receiver<bool>,
    request: &ScanRequest,
    report: &mut Report<W>,
    listener: &mut dyn Listener,
) -> io::Result<()> {
    let server = ApiServer::new(runtime, client, stop);
    let mut scan = Scan { server: &server, request, report, listener, reports: None };
    match scan.run() {
        Ok(()) => Ok(()),
        Err(Stop::Output(error)) => Err(error),
        Err(Stop::Call(CallError::Interrupted)) => scan.trouble(Bilingual::new(
            "interrupted: the remaining Secrets were not checked",
            "已中断：其余 Secret 未检查",
        )),
        Err(Stop::Call(CallError::Unanswered(why))) => {
            scan.trouble(Bilingual::new("the scan ended early", "扫描中途终止").because(&why))
        }
        Err(Stop::Call(CallError::Refused(refusal))) => scan.trouble(refusal.message),
        Err(Stop::Selector(refusal)) => {
            let unread = Bilingual::new("invalid label selector (-l)", "标签选择器（-l）无效");
            scan.trouble(unread.because(&refusal.message))
        }
    }
}

/// Where the names of the namespaces come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamesFrom {
    User,
    Cluster,
}

/// A scan in progress.
struct Scan<'a, 'r, W: Write> {
    server: &'a ApiServer<'r>,
    request: &'a ScanRequest,
    report: &'a mut Report<W>,
    listener: &'a mut dyn Listener,
    reports: Option<PolicyReports<'a, 'r>>,
}

impl<W: Write + 'static> Scan<'_, '_, W> {
    fn run(&mut self) -> Result<(), Stop> {
        if self.request.policy_reports {
            self.reports = PolicyReports::find(self.server, self.request.judging.policy.language)?;
            if self.reports.is_none() {
                self.talk(
                    "no reports are written: the cluster has neither openreports.io nor wgpolicyk8s.io installed",
                    "不写入报告：该集群没有安装 openreports.io 或 wgpolicyk8s.io",
                );
            }
        }
        match &self.request.scope {
            Scope::Namespaces(names) => self.namespaces(names, NamesFrom::User),
            // A report covers one namespace, so read them one by one.
            Scope::Everywhere if self.reports.is_some() => self.each_namespace(),
            Scope::Everywhere => match self.secrets(None) {
                // Not after the first finding, which would be reported twice: a permission lost later ends the scan.
                Err(Stop::Call(CallError::Refused(refusal)))
                    if refusal.code == StatusCode::FORBIDDEN && self.report.summary().secrets() == 0 =>
                {
                    self.talk(
                        "no permission to list Secrets cluster-wide: reading each namespace",
                        "无权列出整个集群的 Secret：改为逐个命名空间读取",
                    );
                    self.each_namespace()
                }
                other => other,
            },
        }
    }

    fn each_namespace(&mut self) -> Result<(), Stop> {
        let list = List::new(self.server, "/api/v1/namespaces");
        let mut names = Vec::new();
        let listed = list.each(|object| {
            let Named { metadata } = serde_json::from_str(object.get()).map_err(|_| not_an_object())?;
            names.push(metadata.name);
            Ok(())
        });
        match listed.map_err(Stop::from) {
            Ok(_) => self.namespaces(&names, NamesFrom::Cluster),
            Err(Stop::Call(CallError::Refused(refusal))) if refusal.code == StatusCode::FORBIDDEN => {
                let Bilingual { english, chinese } = refusal.message;
                let line = Bilingual::new(
                    format!(
                        "cannot list namespaces ({english}); use -n with the namespaces that you can read"
                    ),
                    format!("无法列出命名空间（{chinese}）；请用 -n 指定可读取的命名空间"),
                );
                Ok(self.trouble(line)?)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Reads these namespaces. Those that the user named must exist.
    fn namespaces(&mut self, names: &[String], source: NamesFrom) -> Result<(), Stop> {
        for name in names {
            if let Some(reports) = &mut self.reports {
                reports.begin();
            }
            let before = self.report.summary().secrets();
            match self.secrets(Some(name)) {
                Ok(()) => {
                    let empty = self.report.summary().secrets() == before;
                    match if empty && source == NamesFrom::User { self.is_there(name)? } else { Some(true) } {
                        Some(true) => {}
                        Some(false) => {
                            self.trouble(Bilingual::new(
                                format!("namespace {name} does not exist"),
                                format!("命名空间 {name} 不存在"),
                            ))?;
                            continue;
                        }
                        None => {
                            let line = Bilingual::new(
                                format!(
                                    "found nothing in namespace {name}; the API server does not say whether it exists"
                                ),
                                format!(
                                    "命名空间 {name} 中没有找到任何内容；API server 未说明该命名空间是否存在"
                                ),
                            );
                            self.record(TroubleKind::NotJudged, line)?;
                        }
                    }
                    self.write_report(name)?;
                }
                Err(Stop::Call(CallError::Refused(refusal))) if refusal.code != StatusCode::UNAUTHORIZED => {
                    let unread = Bilingual::new(
                        format!("cannot read namespace {name}"),
                        format!("无法读取命名空间 {name}"),
                    );
                    self.trouble(unread.because(&refusal.message))?;
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Whether the namespace exists. `None` if the API server does not say, for example without permission to get or list
    /// namespaces.
    fn is_there(&self, name: &str) -> Result<Option<bool>, Stop> {
        match self.server.call(&Call::get(format!("/api/v1/namespaces/{}", segment(name)))) {
            Ok(_) => return Ok(Some(true)),
            Err(CallError::Refused(refusal)) => match refusal.code {
                StatusCode::NOT_FOUND => return Ok(Some(false)),
                StatusCode::UNAUTHORIZED => return Err(CallError::Refused(refusal).into()),
                _ => {}
            },
            Err(error) => return Err(error.into()),
        }
        let list = List {
            field_selector: Some(format!("metadata.name={name}")),
            ..List::new(self.server, "/api/v1/namespaces")
        };
        let mut found = false;
        let listed = list.each(|_| {
            found = true;
            Ok(())
        });
        match listed.map_err(Stop::from) {
            Ok(_) => Ok(Some(found)),
            Err(Stop::Call(CallError::Refused(refusal))) if refusal.code != StatusCode::UNAUTHORIZED => {
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Reads the Secrets of one namespace, or of all.
    fn secrets(&mut self, namespace: Option<&str>) -> Result<(), Stop> {
        let path = namespace.map_or_else(
            || "/api/v1/secrets".to_owned(),
            |name| format!("/api/v1/namespaces/{}/secrets", segment(name)),
        );
        let of_type = |secret_type: SecretType| Some(format!("type={}", secret_type.name()));
        let field_selectors =
            if self.request.all_types { vec![None] } else { SecretType::ALL.map(of_type).to_vec() };
        for field_selector in field_selectors {
            let list = List {
                field_selector,
                label_selector: self.request.selector.clone(),
                ..List::new(self.server, path.as_str())
            };
            match list.each(|object| self.secret(object)).map_err(Stop::from) {
                Ok(Seen::AtOnce) => {}
                Ok(Seen::InParts) => self.talk(
                    "the list took longer than the API server keeps its state: the rest of it is more recent",
                    "列出过程超过了 API server 保留状态的时间：其余部分为较新的状态",
                ),
                Err(Stop::Call(CallError::Refused(refusal)))
                    if refusal.code == StatusCode::BAD_REQUEST && self.request.selector.is_some() =>
                {
                    return Err(Stop::Selector(refusal));
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    fn secret(&mut self, object: &RawValue) -> Result<(), Stop> {
        match Stored::read(object) {
            Ok(Stored::PullSecret(secret)) => self.pull_secret(secret)?,
            Ok(Stored::Mistyped(secret)) => {
                self.judged(&secret.judged(&self.request.judging), &secret.namespace)?;
            }
            Ok(Stored::Other) => {}
            Err(NotASecret) => return Err(not_an_object()),
        }
        if self.server.stopped() { Err(CallError::Interrupted.into()) } else { Ok(()) }
    }

    fn pull_secret(&mut self, secret: StoredSecret) -> Result<(), Stop> {
        let namespace = secret.namespace.clone();
        let repairer =
            Repairer { server: self.server, judging: &self.request.judging, fix: self.request.fix };
        let object = secret.object();
        if let Some(treated) = guarded(|| repairer.treat(secret)) {
            if let Some(judged) = treated? {
                self.judged(&judged, &namespace)?;
            }
        } else {
            self.listener.before_output();
            self.report.trouble(&Trouble {
                kind: TroubleKind::Unreadable,
                subject: Some(Subject::Object(object)),
                region: None,
                message: INTERNAL_ERROR.line(self.request.judging.policy.language),
            })?;
        }
        Ok(())
    }

    fn judged(&mut self, judged: &Judged, namespace: &str) -> io::Result<()> {
        if let Some(reports) = &mut self.reports {
            reports.add(judged);
        }
        if !judged.findings.is_empty() {
            self.listener.before_output();
        }
        self.report.judged(judged)?;
        self.listener.progress(self.report.summary().secrets(), namespace);
        Ok(())
    }

    fn write_report(&mut self, namespace: &str) -> Result<(), Stop> {
        let Some(reports) = &mut self.reports else { return Ok(()) };
        match reports.write(namespace) {
            Err(CallError::Refused(refusal)) if refusal.code != StatusCode::UNAUTHORIZED => {
                // For example because the namespace is being deleted, or has a quota.
                let unwritten = Bilingual::new(
                    format!("cannot write the report in namespace {namespace}"),
                    format!("无法在命名空间 {namespace} 写入报告"),
                );
                Ok(self.trouble(unwritten.because(&refusal.message))?)
            }
            other => Ok(other?),
        }
    }

    /// A message that is not a finding.
    fn talk(&mut self, english: &str, chinese: &str) {
        self.listener.say(&Bilingual::new(english, chinese).into_line(self.request.judging.policy.language));
    }

    fn trouble(&mut self, message: Bilingual<String>) -> io::Result<()> {
        self.record(TroubleKind::Unreadable, message)
    }

    fn record(&mut self, kind: TroubleKind, message: Bilingual<String>) -> io::Result<()> {
        let message = message.into_line(self.request.judging.policy.language);
        self.listener.before_output();
        self.report.trouble(&Trouble { kind, subject: None, region: None, message })
    }
}

/// An item of a list that is not an object.
fn not_an_object() -> Stop {
    Stop::Call(CallError::unanswered(
        "the response is not a list of Kubernetes objects; is this an API server?",
        "应答不是 Kubernetes 对象列表；这是 API server 吗？",
    ))
}
