//! The four dry runs: Secrets that the API server sends through the webhooks and does not store. Their credentials are made up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use hyper::body::Bytes;
use jiff::Timestamp;
use regcred_engine::judge::{Judgement, Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::rules::Action;
use regcred_engine::secret::{Secret, SecretType};
use regcred_engine::wording::Bilingual;
use serde_json::{Value, json};

use super::check::{Category, Observation};
use super::platform::{Platform, remedy};
use super::reader::{ObjectRead, items, read, reason, text};
use crate::cluster::api_server::{ApiServer, Call, CallError, JSON, segment};

/// A Secret as the Rancher UI writes it: no `auth`.
const RANCHER: &str = r#"{"auths":{"registry.example.com":{"username":"probe","password":"made-up"}}}"#;
/// The generic domain of Alibaba's ACR, with an `auth`.
const GENERIC: &str = r#"{"auths":{"registry.cn-hangzhou.aliyuncs.com":{"username":"probe","password":"made-up","auth":"cHJvYmU6bWFkZS11cA=="}}}"#;

/// What the doctor expects of the webhooks.
pub(super) struct Probe<'p, 'r> {
    pub(super) server: &'p ApiServer<'r>,
    pub(super) namespace: &'p str,
    pub(super) policy: &'p Policy,
    pub(super) now: Timestamp,
    pub(super) platform: Platform,
}

/// What the API server answered to a dry run.
enum DryRun {
    /// It would store this document; with the warnings.
    Stored {
        document: Vec<u8>,
        warnings: Vec<String>,
    },
    Refused {
        code: StatusCode,
        message: Bilingual<String>,
    },
    Unanswered(Bilingual<String>),
}

impl Probe<'_, '_> {
    pub(super) fn run(&self) -> Category {
        let mut category =
            Category::new("Requests through the API server (dry run)", "经由 API server 的请求（试运行）");
        category.add(
            "probe-repair",
            "a Secret without auth is repaired",
            "缺少 auth 的 Secret 会被修复",
            self.judged_alike(RANCHER),
        );
        category.add(
            "probe-generic-host",
            "a generic ACR domain is treated as the policy says",
            "ACR 通用域名按策略处理",
            self.judged_alike(GENERIC),
        );
        category.add(
            "probe-other-type",
            "a Secret of another type passes untouched",
            "其他类型的 Secret 不受影响",
            self.other_type(),
        );
        category.add(
            "probe-unchanged",
            "an update that changes nothing is not refused",
            "没有改动的更新不会被拒绝",
            self.unchanged_update(),
        );
        category
    }

    /// Whether the webhooks do to this document what the engine in this program does.
    fn judged_alike(&self, document: &str) -> Observation {
        let judgement = self.judgement(document);
        let repaired = judgement.repair.as_ref().map(|repair| repair.apply(document.as_bytes()));
        let expected = repaired.unwrap_or_else(|| document.as_bytes().to_vec());
        let denies = judgement.findings.iter().any(|finding| finding.action == Action::Deny);
        match self.create("kubernetes.io/dockerconfigjson", document) {
            DryRun::Stored { .. } if denies => Observation::broken(
                Bilingual::new("the policy denies it, and it was accepted", "策略要求拒绝，但请求被接受了"),
                Bilingual::new(
                    "The validating webhook was not called, or the Pods have another policy or enforcement than this command: pass \
                     --policy with the installed policy, and see the checks of the configurations.",
                    "校验 Webhook 没有被调用，或者 Pod 的策略、强制级别与本命令不同：请用 --policy 指定已安装的策略，并查看各项配置检查。",
                ),
            ),
            DryRun::Stored { document: stored, .. } if stored == expected => Observation::Fine,
            DryRun::Stored { document: stored, .. } if stored == document.as_bytes() => Observation::broken(
                Bilingual::new("it was stored as it was sent: nothing repaired it", "按原样保存，没有被修复"),
                Bilingual::new(
                    "The mutating webhook was not called or failed (failurePolicy: Ignore). The checks below say why; the metric \
                     apiserver_admission_webhook_fail_open_count counts such calls.",
                    "变更 Webhook 没有被调用或调用失败（failurePolicy: Ignore）。原因见下面的检查；指标 \
                     apiserver_admission_webhook_fail_open_count 统计此类调用。",
                ),
            ),
            DryRun::Stored { .. } => Observation::broken(
                Bilingual::new(
                    "the stored document is neither what was sent nor what this version of regcred makes of it",
                    "保存的内容既不是所发送的，也不是本版本 regcred 的修复结果",
                ),
                Bilingual::new(
                    "Another mutating webhook or policy changes pull Secrets (see the category of others), or the Pods run another \
                     version than this program.",
                    "有其他变更 Webhook 或策略在修改镜像拉取 Secret（见“其他”一类），或者 Pod 的版本与本程序不同。",
                ),
            ),
            DryRun::Refused { message, .. } if denies && message.english.contains("[regcred/") => {
                Observation::Fine
            }
            DryRun::Refused { code, message } => self.refused(code, &message),
            DryRun::Unanswered(why) => self.failed(&why),
        }
    }

    fn judgement<'d>(&'d self, document: &'d str) -> Judgement<'d> {
        let secret = Secret {
            secret_type: SecretType::DockerConfigJson,
            document: document.as_bytes(),
            data_bytes: document.len(),
        };
        let requester = Requester { namespace: self.namespace, user: "", groups: &[] };
        judge(self.policy, &Request { requester, now: self.now, secret, old: None })
    }

    fn other_type(&self) -> Observation {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"generateName": "regcred-doctor-"},
            "data": {"config.json": STANDARD.encode(RANCHER)},
        });
        match self.send(&secret, "config.json") {
            DryRun::Stored { document, warnings }
                if document == RANCHER.as_bytes() && warnings.is_empty() =>
            {
                Observation::Fine
            }
            DryRun::Stored { .. } => Observation::broken(
                Bilingual::new("it was changed or warned about", "内容被修改，或产生了警告"),
                Bilingual::new(
                    "The match conditions are missing or wrong, so the API server sends every Secret: apply the manifests again.",
                    "匹配条件缺失或有误，API server 会发送所有 Secret：请重新应用清单。",
                ),
            ),
            DryRun::Refused { code, message } => self.refused(code, &message),
            DryRun::Unanswered(why) => self.failed(&why),
        }
    }

    /// Updates the first pull Secret of the namespace with itself.
    fn unchanged_update(&self) -> Observation {
        let namespace = segment(self.namespace);
        let list = format!(
            "/api/v1/namespaces/{namespace}/secrets?fieldSelector=type%3Dkubernetes.io%2Fdockerconfigjson&limit=1"
        );
        let found = match read(self.server, &list) {
            ObjectRead::Found(list) => list,
            ObjectRead::Missing => return Observation::Fine,
            ObjectRead::Unread(why) => return Observation::unread(why),
        };
        let Some(secret) = items(&found, "/items").first() else { return Observation::Fine };
        let name = segment(text(secret, "/metadata/name"));
        // An item of a list has no kind.
        let of_kind = [("apiVersion", json!("v1")), ("kind", json!("Secret"))];
        let fields = secret.as_object().into_iter().flatten();
        let fields = fields.map(|(name, value)| (name.as_str(), value.clone())).chain(of_kind);
        let object: Value = fields.collect();
        let uri =
            format!("/api/v1/namespaces/{namespace}/secrets/{name}?dryRun=All&fieldManager=regcred-doctor");
        let Ok(body) = serde_json::to_vec(&object) else { return Observation::Fine };
        let call = Call {
            method: Method::PUT,
            uri,
            accept: JSON,
            content_type: Some(JSON),
            body: Bytes::from(body),
        };
        match self.server.call(&call) {
            Ok(_) => Observation::Fine,
            Err(CallError::Refused(refusal)) if refusal.code == StatusCode::CONFLICT => Observation::Fine,
            Err(CallError::Refused(refusal)) => self.refused(refusal.code, &refusal.message),
            Err(error) => self.failed(&reason(error)),
        }
    }

    fn create(&self, secret_type: &str, document: &str) -> DryRun {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": secret_type,
            "metadata": {"generateName": "regcred-doctor-"},
            "data": {".dockerconfigjson": STANDARD.encode(document)},
        });
        self.send(&secret, ".dockerconfigjson")
    }

    /// Creates a Secret without storing it.
    fn send(&self, secret: &Value, key: &str) -> DryRun {
        let uri = format!(
            "/api/v1/namespaces/{}/secrets?dryRun=All&fieldManager=regcred-doctor",
            segment(self.namespace)
        );
        let body = Bytes::from(secret.to_string());
        let call = Call { method: Method::POST, uri, accept: JSON, content_type: Some(JSON), body };
        let response = match self.server.call(&call) {
            Ok(response) => response,
            Err(CallError::Refused(refusal)) => {
                return DryRun::Refused { code: refusal.code, message: refusal.message };
            }
            Err(error) => return DryRun::Unanswered(reason(error)),
        };
        let warnings = response.headers().get_all(http::header::WARNING);
        let warnings = warnings.iter().filter_map(|line| line.to_str().ok().map(str::to_owned)).collect();
        let stored = match self.server.body(response) {
            Ok(body) => serde_json::from_slice::<Value>(&body).unwrap_or_default(),
            Err(why) => return DryRun::Unanswered(why),
        };
        let encoded = stored.get("data").and_then(|data| data.get(key)).and_then(Value::as_str);
        DryRun::Stored {
            document: encoded.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default(),
            warnings,
        }
    }

    /// A refusal that the policy does not ask for.
    fn refused(&self, code: StatusCode, message: &Bilingual<String>) -> Observation {
        if message.english.contains("failed calling webhook") {
            return self.failed(message);
        }
        if code == StatusCode::FORBIDDEN && !message.english.contains("admission webhook") {
            // No permission: nothing is known about the webhook.
            return Observation::attention(
                message.clone(),
                Bilingual::new(
                    format!(
                        "Permission to create Secrets in {} is needed; use -n to choose another namespace.",
                        self.namespace
                    ),
                    format!("需要在 {} 中创建 Secret 的权限；可用 -n 选择其他命名空间。", self.namespace),
                ),
            );
        }
        Observation::broken(
            message.clone(),
            Bilingual::new(
                "The policy of this command does not refuse it: pass --policy with the installed policy, or another webhook or policy \
                 refused it.",
                "按本命令的策略不应拒绝：请用 --policy 指定已安装的策略；也可能是其他 Webhook 或策略拒绝了它。",
            ),
        )
    }

    fn failed(&self, why: &Bilingual<String>) -> Observation {
        Observation::broken(why.clone(), remedy(&why.english, self.platform))
    }
}
