//! `regcred scan`: the pull Secrets that stand in a cluster, judged and repaired one by one.
//!
//! The way of one Secret: [`list`] reads it out of a page, [`secret`] reads and judges it, [`repair`] mends it in the
//! cluster where that is asked for, and the report tells of it. No more than one is held at a time.

mod list;
mod order;
mod owner;
mod policy_report;
mod repair;
mod secret;
mod server;

use std::io::{self, Write};

use http::StatusCode;
use kube::Client;
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::guarded::{INTERNAL_ERROR, guarded};
use crate::report::{Judged, Report, Subject, Trouble, TroubleKind};
pub use order::{Fix, Judging, Order, Scope};

use list::{List, ListError, Named, Seen};
use policy_report::PolicyReports;
use repair::Repairer;
use secret::Standing;
use server::{Call, CallError, Refusal, Server};

/// Who hears how a scan goes on.
pub trait Listener {
    /// A line that is no finding.
    fn say(&mut self, line: &str);
    /// So many Secrets were judged, the last of them in this namespace.
    fn progress(&mut self, secrets: u64, namespace: &str);
    /// A finding is about to be written.
    fn before_output(&mut self);
}

/// The types of Secrets that are judged.
const TYPES: [SecretType; 2] = [SecretType::DockerConfigJson, SecretType::DockerCfg];

/// Why a scan goes no further.
enum Stop {
    Call(CallError),
    /// The API server does not understand the label selector. No other list would fare better.
    Selector(Refusal),
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

/// Scans, and tells `report` what was found and what could not be read. `stop` ends it after the current Secret.
///
/// # Errors
/// When the report cannot be written.
pub fn scan<W: Write + 'static>(
    runtime: &Runtime,
    client: Client,
    stop: watch::Receiver<bool>,
    order: &Order,
    report: &mut Report<W>,
    listener: &mut dyn Listener,
) -> io::Result<()> {
    let server = Server::new(runtime, client, stop);
    let mut scan = Scan { server: &server, order, report, listener, reports: None };
    match scan.run() {
        Ok(()) => Ok(()),
        Err(Stop::Output(error)) => Err(error),
        Err(Stop::Call(CallError::Interrupted)) => scan.trouble(Bilingual::new(
            "interrupted: what was not looked at yet is not in this report",
            "已中断：尚未检查的内容不在本报告中",
        )),
        Err(Stop::Call(CallError::Unanswered(why))) => {
            scan.trouble(Bilingual::new("the scan was cut short", "扫描中途终止").because(&why))
        }
        Err(Stop::Call(CallError::Refused(refusal))) => scan.trouble(refusal.message),
        Err(Stop::Selector(refusal)) => {
            let unread = Bilingual::new("the label selector (-l) cannot be read", "无法解析标签选择器（-l）");
            scan.trouble(unread.because(&refusal.message))
        }
    }
}

/// Who named the namespaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    User,
    Cluster,
}

/// A scan under way.
struct Scan<'a, 'r, W: Write> {
    server: &'a Server<'r>,
    order: &'a Order,
    report: &'a mut Report<W>,
    listener: &'a mut dyn Listener,
    reports: Option<PolicyReports<'a, 'r>>,
}

impl<W: Write + 'static> Scan<'_, '_, W> {
    fn run(&mut self) -> Result<(), Stop> {
        if self.order.policy_reports {
            self.reports = PolicyReports::find(self.server, self.order.judging.policy.language)?;
            if self.reports.is_none() {
                self.talk(
                    "this cluster has no reports (neither openreports.io nor wgpolicyk8s.io): none are written",
                    "该集群没有安装报告的 API（openreports.io 或 wgpolicyk8s.io）：不写入报告",
                );
            }
        }
        match &self.order.scope {
            Scope::Namespaces(names) => self.namespaces(names, Source::User),
            // A report is about one namespace, so that these are read one by one.
            Scope::Everywhere if self.reports.is_some() => self.each_namespace(),
            Scope::Everywhere => match self.secrets(None) {
                // What was told already would be told again: a permission that goes away in the middle ends the scan.
                Err(Stop::Call(CallError::Refused(refusal)))
                    if refusal.code == StatusCode::FORBIDDEN && self.report.summary().secrets() == 0 =>
                {
                    self.talk(
                        "no permission to list the Secrets of the whole cluster: each namespace is asked",
                        "无权列出整个集群的 Secret：改为逐个命名空间查询",
                    );
                    self.each_namespace()
                }
                other => other,
            },
        }
    }

    fn each_namespace(&mut self) -> Result<(), Stop> {
        let list = List {
            server: self.server,
            path: "/api/v1/namespaces".to_owned(),
            field_selector: None,
            label_selector: None,
        };
        let mut names = Vec::new();
        let listed = list.each(|object| {
            let Named { metadata } = serde_json::from_str(object.get()).map_err(|_| no_object())?;
            names.push(metadata.name);
            Ok(())
        });
        match listed.map_err(Stop::from) {
            Ok(_) => self.namespaces(&names, Source::Cluster),
            Err(Stop::Call(CallError::Refused(refusal))) if refusal.code == StatusCode::FORBIDDEN => {
                let Bilingual { english, chinese } = refusal.message;
                let line = Bilingual::new(
                    format!("namespaces cannot be listed; name those that you may read with -n ({english})"),
                    format!("无法列出命名空间；请用 -n 指定可读取的命名空间（{chinese}）"),
                );
                Ok(self.trouble(line)?)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Reads some namespaces; those that the user named have to be there.
    fn namespaces(&mut self, names: &[String], source: Source) -> Result<(), Stop> {
        for name in names {
            if let Some(reports) = &mut self.reports {
                reports.begin();
            }
            let before = self.report.summary().secrets();
            match self.secrets(Some(name)) {
                Ok(()) => {
                    let empty = self.report.summary().secrets() == before;
                    match if empty && source == Source::User { self.is_there(name)? } else { Some(true) } {
                        Some(true) => {}
                        Some(false) => {
                            self.trouble(Bilingual::new(
                                format!("there is no namespace {name}"),
                                format!("没有名为 {name} 的命名空间"),
                            ))?;
                            continue;
                        }
                        None => {
                            let line = Bilingual::new(
                                format!(
                                    "nothing was found in namespace {name}; the API server does not say whether there is \
                                     such a namespace"
                                ),
                                format!(
                                    "命名空间 {name} 中没有找到任何内容；API server 未说明该命名空间是否存在"
                                ),
                            );
                            self.tell(TroubleKind::NotJudged, line)?;
                        }
                    }
                    self.write_report(name)?;
                }
                Err(Stop::Call(CallError::Refused(refusal))) if refusal.code != StatusCode::UNAUTHORIZED => {
                    let unread = Bilingual::new(
                        format!("namespace {name} cannot be read"),
                        format!("无法读取命名空间 {name}"),
                    );
                    self.trouble(unread.because(&refusal.message))?;
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Whether there is such a namespace; `None` where the API server does not say, as to who may neither get nor list any.
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
            server: self.server,
            path: "/api/v1/namespaces".to_owned(),
            field_selector: Some(format!("metadata.name={name}")),
            label_selector: None,
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

    /// Reads the pull Secrets of a namespace, or of all.
    fn secrets(&mut self, namespace: Option<&str>) -> Result<(), Stop> {
        let path = namespace.map_or_else(
            || "/api/v1/secrets".to_owned(),
            |name| format!("/api/v1/namespaces/{}/secrets", segment(name)),
        );
        for secret_type in TYPES {
            let list = List {
                server: self.server,
                path: path.clone(),
                field_selector: Some(format!("type={}", secret_type.name())),
                label_selector: self.order.selector.clone(),
            };
            match list.each(|object| self.secret(object)).map_err(Stop::from) {
                Ok(Seen::AtOnce) => {}
                Ok(Seen::InParts) => self.talk(
                    "the API server forgot the state that the list began with: the rest of it is of a later moment",
                    "API server 已不再保留列表开始时的状态：其余部分取自之后的时刻",
                ),
                Err(Stop::Call(CallError::Refused(refusal)))
                    if refusal.code == StatusCode::BAD_REQUEST && self.order.selector.is_some() =>
                {
                    return Err(Stop::Selector(refusal));
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    fn secret(&mut self, object: &RawValue) -> Result<(), Stop> {
        let standing = match Standing::read(object) {
            Ok(Some(standing)) => standing,
            Ok(None) => return Ok(()),
            Err(secret::NoSecret) => return Err(no_object()),
        };
        let namespace = standing.namespace.clone();
        let repairer = Repairer { server: self.server, judging: &self.order.judging, fix: self.order.fix };
        let object = standing.object();
        if let Some(treated) = guarded(|| repairer.treat(standing)) {
            if let Some(judged) = treated? {
                self.judged(&judged)?;
                self.listener.progress(self.report.summary().secrets(), &namespace);
            }
        } else {
            self.listener.before_output();
            self.report.trouble(&Trouble {
                kind: TroubleKind::Unreadable,
                subject: Some(Subject::Object(object)),
                region: None,
                message: INTERNAL_ERROR.line(self.order.judging.policy.language),
            })?;
        }
        if self.server.stopped() { Err(CallError::Interrupted.into()) } else { Ok(()) }
    }

    fn judged(&mut self, judged: &Judged) -> io::Result<()> {
        if let Some(reports) = &mut self.reports {
            reports.add(judged);
        }
        if !judged.findings.is_empty() {
            self.listener.before_output();
        }
        self.report.judged(judged)
    }

    fn write_report(&mut self, namespace: &str) -> Result<(), Stop> {
        let Some(reports) = &mut self.reports else { return Ok(()) };
        match reports.write(namespace) {
            Err(CallError::Refused(refusal)) if refusal.code != StatusCode::UNAUTHORIZED => {
                // A namespace that is being deleted takes none, nor one whose quota or policies are against it.
                let unwritten = Bilingual::new(
                    format!("the report in namespace {namespace} cannot be written"),
                    format!("无法在命名空间 {namespace} 写入报告"),
                );
                Ok(self.trouble(unwritten.because(&refusal.message))?)
            }
            other => Ok(other?),
        }
    }

    /// A line that is no finding.
    fn talk(&mut self, english: &str, chinese: &str) {
        self.listener.say(&Bilingual::new(english, chinese).into_line(self.order.judging.policy.language));
    }

    fn trouble(&mut self, message: Bilingual<String>) -> io::Result<()> {
        self.tell(TroubleKind::Unreadable, message)
    }

    fn tell(&mut self, kind: TroubleKind, message: Bilingual<String>) -> io::Result<()> {
        let message = message.into_line(self.order.judging.policy.language);
        self.listener.before_output();
        self.report.trouble(&Trouble { kind, subject: None, region: None, message })
    }
}

/// Something in a list that no API server sends.
fn no_object() -> Stop {
    Stop::Call(CallError::unanswered(
        "what answers is no API server: its list holds no objects",
        "应答的不是 API server：列表中不是对象",
    ))
}

/// A name as a segment of a path.
fn segment(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect()
}
