//! What was checked for an explanation, one sentence each: what the error says, what the kubelet finds in the Secrets, and
//! what else can play a part.

use super::cause::Cause;
use super::facts::PodFacts;
use super::failure::Failure;
use super::malformed::clause;
use super::message::Attempt;
use super::proof::{Proof, Sent};
use super::ring::{Ring, Why};
use super::shown::shown;
use super::verdict::{AccountSecrets, Evidence, Verdict};
use super::why::why;
use crate::bilingual::{Bilingual, text};
use crate::consumers::{ImageRef, PodEntry};
use crate::registry::RegistryKey;
use crate::rules::Rule;

/// At most this many Secrets, and this many entries that are used, are named.
pub(super) const MAX_NAMED: usize = 10;

/// The rules about what can be wrong with credentials that are found.
pub(super) const CREDENTIAL_RULES: [Rule; 9] = [
    Rule::AuthDisagrees,
    Rule::ControlCharacters,
    Rule::CredentialExpired,
    Rule::CredentialShortLived,
    Rule::SurroundingWhitespace,
    Rule::SuspiciousCredential,
    Rule::UnfilledPlaceholder,
    Rule::UsernameHasColon,
    Rule::WrongKindOfCredential,
];

/// What the sentences are about.
pub(super) struct Checked<'c, 'k> {
    pub(super) pod: &'c PodFacts,
    pub(super) image: Option<&'c ImageRef>,
    pub(super) ring: &'c Ring<'k>,
    pub(super) evidence: &'c Evidence<'c>,
    pub(super) failure: Option<&'c Failure<'c>>,
    pub(super) verdict: &'c Verdict,
    pub(super) pull_policy: Option<&'c str>,
}

type Sentence = Bilingual<String>;

/// All sentences, in the order in which the kubelet does its work backwards: the error, then what led to it.
pub(super) fn sentences(checked: &Checked<'_, '_>) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    if let Some(failure) = checked.failure {
        sentences.extend(of_attempts(&failure.attempts));
        if failure.is_sandbox {
            sentences.push(fixed(text(
                "This is the image of the Pod's sandbox: the node pulls it with its own credentials, and the Pod's Secrets play no part.",
                "这是 Pod 沙箱的镜像：节点用自己的凭据拉取它，与 Pod 的 Secret 无关。",
            )));
            return sentences;
        }
    }
    if checked.evidence.is_missing_by_event {
        sentences.push(fixed(text(
            "An event FailedToRetrieveImagePullSecret says that a pull Secret was missing at a pull.",
            "事件 FailedToRetrieveImagePullSecret 表明某次拉取时缺少拉取 Secret。",
        )));
    }
    checked.of_secrets(&mut sentences);
    checked.of_account(&mut sentences);
    checked.of_contradiction(&mut sentences);
    sentences.extend(checked.verdict.causes().filter_map(note).map(fixed));
    checked.of_verification(&mut sentences);
    sentences
}

fn fixed(words: Bilingual<&'static str>) -> Sentence {
    Bilingual::new(words.english, words.chinese)
}

/// What the errors say.
pub(super) fn of_attempts(attempts: &[Attempt<'_>]) -> Vec<Sentence> {
    attempts.iter().take(MAX_NAMED).filter_map(of_attempt).collect()
}

fn of_attempt(attempt: &Attempt<'_>) -> Option<Sentence> {
    let quote = match (attempt.phrase, attempt.status) {
        (Some(phrase), Some(status)) => format!("\"{phrase}\" (HTTP {status})"),
        (Some(phrase), None) => format!("\"{phrase}\""),
        (None, Some(status)) => format!("HTTP {status}"),
        (None, None) => return None,
    };
    let (from, from_zh) = match attempt.host {
        Some(host) => (format!(" about {}", shown(host)), format!("关于 {} 的", shown(host))),
        None => (String::new(), String::new()),
    };
    let (means, means_zh) = match attempt.proof {
        Proof::NothingSent => ("no credentials were sent", "没有发送凭据"),
        Proof::TokenRefused(Sent::Yes) => {
            ("credentials were sent, and the token server refused them", "发送了凭据，但令牌服务拒绝了它们")
        }
        Proof::TokenRefused(_) => (
            "the token server refused the login; the runtime says the same if no credentials were sent",
            "令牌服务拒绝了登录；没有发送凭据时运行时也这样说",
        ),
        Proof::Unauthorized { .. } => (
            "the registry wants a login; this does not say whether credentials were sent",
            "仓库要求登录；这并不表明是否发送了凭据",
        ),
        Proof::NoAccess => (
            "a token was issued without the right to pull; this does not say whether credentials were sent",
            "令牌已签发但没有拉取权限；这并不表明是否发送了凭据",
        ),
        _ => ("", ""),
    };
    let (colon, colon_zh) = if means.is_empty() { ("", "") } else { (": ", "：") };
    Some(Bilingual::new(
        format!("The error{from} says {quote}{colon}{means}."),
        format!("{from_zh}错误信息为 {quote}{colon_zh}{means_zh}。"),
    ))
}

impl Checked<'_, '_> {
    fn of_secrets(&self, sentences: &mut Vec<Sentence>) {
        if !self.evidence.names_secrets {
            sentences.push(if self.pod.is_template && self.pod.service_account.is_none() {
                fixed(text(
                    "The template names no pull Secret. Its ServiceAccount, whose list a Pod without one gets, could not be read or is not in the input.",
                    "模板没有指定拉取 Secret。没有自己列表的 Pod 会得到其 ServiceAccount 的列表，但该 ServiceAccount 无法读取，或不在输入中。",
                ))
            } else if self.pod.is_template {
                fixed(text(
                    "Neither the template nor its ServiceAccount names a pull Secret.",
                    "模板及其 ServiceAccount 都没有指定拉取 Secret。",
                ))
            } else {
                fixed(text("The Pod names no pull Secret.", "该 Pod 没有指定拉取 Secret。"))
            });
        }
        let (Some(found), Some(image)) = (self.evidence.found, self.image) else { return };
        for entry in found.usable.iter().take(MAX_NAMED) {
            let secret = shown(self.ring.secret_of(entry));
            let key = RegistryKey::new(&*entry.key);
            sentences.push(Bilingual::new(
                format!("Secret {secret}: the kubelet uses its entry {key} for {}.", shown(image.host())),
                format!("Secret {secret}：kubelet 会将其条目 {key} 用于 {}。", shown(image.host())),
            ));
            self.of_credentials(entry, &secret, sentences);
        }
        for reason in found.reasons.iter().take(MAX_NAMED) {
            let Bilingual { english, chinese } = why(reason, image);
            sentences.push(Bilingual::new(format!("{english}."), format!("{chinese}。")));
        }
    }

    /// What the rules find in the credentials of an entry.
    fn of_credentials(&self, entry: &PodEntry<'_>, secret: &str, sentences: &mut Vec<Sentence>) {
        let findings = self.ring.findings(entry);
        let of_entry = findings.filter(|finding| CREDENTIAL_RULES.contains(&finding.rule()));
        for finding in of_entry.take(MAX_NAMED) {
            let path = shown(&finding.place.path_in_secret());
            let clause = clause(finding);
            sentences.push(Bilingual::new(
                format!("Secret {secret}, {path}: {}.", clause.english),
                format!("Secret {secret}，{path}：{}。", clause.chinese),
            ));
        }
    }

    fn of_account(&self, sentences: &mut Vec<Sentence>) {
        let account = self.pod.service_account.as_ref().map_or_else(String::new, |it| shown(&it.name));
        let (secret, state, state_zh) = match self.evidence.account {
            AccountSecrets::Nothing => return,
            AccountSecrets::Unknown(secret) => (secret, "which could not be read", "但无法读取它"),
            AccountSecrets::Fits(secret) => {
                (secret, "which has an entry for the image", "其中有该镜像的条目")
            }
        };
        let secret = shown(secret);
        sentences.push(Bilingual::new(
            format!(
                "The ServiceAccount {account} lists the Secret {secret}, {state}. Its list is copied when a Pod is created, and only \
                 to a Pod that has no list of its own."
            ),
            format!(
                "ServiceAccount {account} 列有 Secret {secret}，{state_zh}。该列表只在创建 Pod 时复制，且只复制到没有自己列表的 Pod。"
            ),
        ));
    }

    /// An error that does not fit the objects: they have changed since, or the node has credentials of its own.
    fn of_contradiction(&self, sentences: &mut Vec<Sentence>) {
        let Some(failure) = self.failure else { return };
        let has = |proof| failure.attempts.iter().any(|attempt| attempt.proof == proof);
        let usable = self.evidence.found.is_some_and(|found| !found.usable.is_empty());
        let is_known = self
            .evidence
            .found
            .is_some_and(|found| found.reasons.iter().all(|reason| !matches!(reason.why, Why::Unknown)));
        let is_malformed = self.evidence.is_malformed();
        if has(Proof::Malformed) && is_known && self.evidence.names_secrets && !is_malformed {
            sentences.push(fixed(text(
                "The kubelet can read every Secret as it is now: the malformed one was fixed after the last pull.",
                "按现在的内容，kubelet 能读取所有 Secret：格式错误的那个在上次拉取之后已修复。",
            )));
        }
        if usable && has(Proof::NothingSent) {
            sentences.push(fixed(text(
                "With the Secrets as they are now, the kubelet sends credentials: they were changed after the last pull, and the next one uses them.",
                "按 Secret 现在的内容，kubelet 会发送凭据：它们是在上次拉取之后修改的，下次拉取就会用到。",
            )));
        }
        if !usable && is_known && has(Proof::TokenRefused(Sent::Yes)) {
            sentences.push(fixed(text(
                "The Pod's Secrets have no credentials for this image: those that were sent came from the node, or the Secrets were changed after the last pull.",
                "该 Pod 的 Secret 中没有该镜像的凭据：所发送的凭据来自节点，或者 Secret 在上次拉取之后修改过。",
            )));
        }
    }
}

impl Checked<'_, '_> {
    /// Since 1.35 the kubelet verifies that a Pod may use an image that is on its node (KEP-2535).
    fn of_verification(&self, sentences: &mut Vec<Sentence>) {
        if self.failure.is_none()
            || self.pod.node.as_ref().is_some_and(|node| !verifies_images(&node.kubelet_version))
        {
            return;
        }
        let is = |causes: &[Cause]| self.verdict.causes().any(|cause| causes.contains(&cause));
        if is(&[Cause::NeverPull]) {
            sentences.push(fixed(text(
                "Since Kubernetes 1.35 the same is said of an image that is on the node, if it was pulled with credentials that this Pod \
                 does not have.",
                "自 Kubernetes 1.35 起，如果节点上的镜像是用该 Pod 没有的凭据拉取的，提示也完全相同。",
            )));
        }
        let if_not_present = self.pull_policy == Some("IfNotPresent");
        let of_credentials = [
            Cause::NoPullSecret,
            Cause::SecretMissing,
            Cause::SecretInOtherNamespace,
            Cause::ServiceAccountSecretNotUsed,
            Cause::WrongSecretType,
            Cause::NoMatchingEntry,
            Cause::CredentialsRefused,
        ];
        if if_not_present && is(&of_credentials) {
            sentences.push(fixed(text(
                "The image can be on the node all the same: since Kubernetes 1.35 the kubelet pulls an image again for a Pod that does not \
                 have the credentials it was pulled with.",
                "镜像也可能已在节点上：自 Kubernetes 1.35 起，如果 Pod 没有当初拉取该镜像所用的凭据，kubelet 会重新拉取。",
            )));
        }
    }
}

/// Whether a kubelet of this version verifies the credentials for images that are present. An unknown version may.
fn verifies_images(version: &str) -> bool {
    let minor = version.trim_start_matches('v').split('.').nth(1);
    minor.and_then(|minor| minor.parse::<u32>().ok()).is_none_or(|minor| minor >= 35)
}

/// What else there is to know about a cause.
const fn note(cause: Cause) -> Option<Bilingual<&'static str>> {
    Some(match cause {
        Cause::NoPullSecret => text(
            "A node can have credentials of its own (a credential provider or its runtime), which cannot be seen from here.",
            "节点可以有自己的凭据（凭据提供程序或运行时配置），从这里看不到。",
        ),
        Cause::SecretMissing => text(
            "A Secret that is created later is used at the next pull, without a restart.",
            "之后创建的 Secret 会在下次拉取时使用，无需重启。",
        ),
        Cause::SecretMalformed => text(
            "One malformed entry stops every pull of the Pod, also of images that need no login.",
            "一个格式错误的条目会使该 Pod 的所有拉取失败，包括不需要登录的镜像。",
        ),
        Cause::CredentialsRefused | Cause::CredentialsExpired => text(
            "If an entry matches, the kubelet makes no attempt without credentials: wrong ones break pulls of public images, too.",
            "只要有条目匹配，kubelet 就不会尝试匿名拉取：错误的凭据也会使公开镜像的拉取失败。",
        ),
        Cause::NotFound => text(
            "Some registries answer the same for a repository that the login may not see, and so does a web server that is no registry.",
            "有些仓库对登录者无权查看的镜像也这样应答，不是镜像仓库的网站也是如此。",
        ),
        Cause::Mirror => text(
            "containerd sends the Pod's credentials to its mirrors too, and if all fail it shows the error of the first one. Mirrors are configured on the node.",
            "containerd 也会把 Pod 的凭据发给镜像站；全部失败时只显示第一个的错误。镜像站在节点上配置。",
        ),
        Cause::Certificate | Cause::PlainHttp => text(
            "Certificates and HTTP are configured on the node, for containerd in certs.d/HOST/hosts.toml, for CRI-O in registries.conf and certs.d; no Secret changes it.",
            "证书和 HTTP 在节点上配置（containerd 为 certs.d/HOST/hosts.toml，CRI-O 为 registries.conf 和 certs.d），与 Secret 无关。",
        ),
        Cause::Dns => text(
            "The node resolves the name, not the cluster's DNS. A mistyped host of Alibaba ACR (crpi-…) has no address either.",
            "由节点而不是集群 DNS 解析该域名。写错的阿里云 ACR 域名（crpi-…）同样没有地址。",
        ),
        Cause::LockedOut => text(
            "Docker Hub and GitLab block a user or an address for ten minutes to an hour; all nodes behind one address share it.",
            "Docker Hub 和 GitLab 会对用户或地址封锁十分钟到一小时；使用同一出口地址的所有节点都会受影响。",
        ),
        Cause::BlobStore => text(
            "The node must reach the store to which the registry redirects, such as an object store.",
            "节点必须能访问仓库重定向到的存储，例如对象存储。",
        ),
        _ => return None,
    })
}
