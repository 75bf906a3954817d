//! What is said about a cause, in both languages, as a clause. It is built from names of objects, hosts, keys and the words of
//! this file; nothing is quoted from an error or a document.

use super::cause::Cause;
use super::malformed::Malformation;
use super::message::Attempt;
use super::ring::{Reason, Why};
use super::shown::{shown, shown_image};
use super::why::why;
use crate::bilingual::Bilingual;
use crate::consumers::ImageRef;
use crate::registry::RegistryKey;

/// At most this many entries are named in a sentence.
const MAX_NAMED_ENTRIES: usize = 3;

/// What the clauses about an image name.
pub(super) struct ClauseSubject<'s> {
    pub(super) namespace: &'s str,
    /// As written, if it is known.
    pub(super) image: Option<&'s str>,
    /// The error, if there is one.
    pub(super) attempt: Option<&'s Attempt<'s>>,
    /// The Secrets whose credentials are used, and the keys of the entries.
    pub(super) used: Vec<(&'s str, RegistryKey<'static>)>,
    /// The Secret that is closest to credentials, and why it gives none.
    pub(super) closest: Option<&'s Reason<'s>>,
    pub(super) account: Option<&'s str>,
    /// A Secret of the service account that the Pod does not use.
    pub(super) account_secret: Option<&'s str>,
    /// The Secret that the kubelet cannot read.
    pub(super) malformed: Option<(&'s str, &'s Malformation)>,
    /// Operating system and architecture of the node.
    pub(super) platform: Option<String>,
}

/// The image, its registry, and the host that answered or was asked.
struct Named {
    image: Bilingual<String>,
    registry: Bilingual<String>,
    host: Bilingual<String>,
}

impl ClauseSubject<'_> {
    pub(super) fn shown_image(&self) -> Bilingual<String> {
        let unknown = || Bilingual::new("the image", "该镜像");
        self.image.map_or_else(unknown, |image| Bilingual::untranslated(shown_image(image)))
    }

    /// The credentials that are used. Chinese begins with a space where it begins with a name.
    fn credentials(&self) -> Bilingual<String> {
        if self.used.is_empty() {
            return Bilingual::new("the credentials that were sent", "所发送的凭据");
        }
        let named = self.used.iter().take(MAX_NAMED_ENTRIES);
        let english: Vec<_> =
            named.clone().map(|(secret, key)| format!("the Secret {} for {key}", shown(secret))).collect();
        let chinese: Vec<_> =
            named.map(|(secret, key)| format!("Secret {} 中 {key} ", shown(secret))).collect();
        Bilingual::new(
            format!("the credentials of {}", english.join(" and of ")),
            format!(" {}的凭据", chinese.join("和 ")),
        )
    }

    fn shown_registry(&self) -> Bilingual<String> {
        let unknown = || Bilingual::new("the registry", "镜像仓库");
        let image = self.image.and_then(ImageRef::parse);
        image.map_or_else(unknown, |image| Bilingual::untranslated(shown(image.host())))
    }
}

/// Says what a cause means for this image, without a closing mark.
pub(super) fn clause(cause: Cause, subject: &ClauseSubject<'_>) -> Bilingual<String> {
    let namespace = shown(subject.namespace);
    let (here, here_zh) = match &*namespace {
        "" => ("its namespace".to_owned(), "其命名空间".to_owned()),
        namespace => (format!("the namespace {namespace}"), format!("命名空间 {namespace} ")),
    };
    let image = subject.shown_image();
    let registry = subject.shown_registry();
    let host = subject.attempt.and_then(|attempt| attempt.host);
    let host = host.map_or_else(|| registry.clone(), |host| Bilingual::untranslated(shown(host)));
    let closest = subject.closest.map_or_else(String::new, |reason| shown(reason.secret));
    let closest_named = |english: &str| {
        if closest.is_empty() { english.to_owned() } else { format!("the pull Secret {closest}") }
    };
    let closest_zh = || {
        if closest.is_empty() {
            "某个拉取 Secret".to_owned()
        } else {
            format!("拉取 Secret {closest} ")
        }
    };
    let Bilingual { english: credentials, chinese: credentials_zh } = subject.credentials();
    let named = Named { image, registry, host };
    let Named { image: Bilingual { english: image, chinese: image_zh }, registry, host } = &named;
    let (registry, registry_zh) = (&registry.english, &registry.chinese);
    let (host, host_zh) = (&host.english, &host.chinese);
    match cause {
        Cause::None => match &*subject.used {
            [_, ..] => Bilingual::new(
                format!("a pull of {image} uses {credentials}"),
                format!("拉取 {image_zh} 会使用{credentials_zh}"),
            ),
            [] => Bilingual::new(
                "the container does not wait for an image".to_owned(),
                "该容器没有在等待镜像".to_owned(),
            ),
        },
        Cause::NoPullSecret => Bilingual::new(
            format!("the Pod names no pull Secret, so the kubelet has no credentials for {registry}"),
            format!("该 Pod 没有指定拉取 Secret，因此 kubelet 没有 {registry_zh} 的凭据"),
        ),
        Cause::SecretMissing => Bilingual::new(
            format!("{} does not exist in {here}", closest_named("a pull Secret of the Pod")),
            format!("{} 在{here_zh}中不存在", closest_zh()),
        ),
        Cause::SecretInOtherNamespace => {
            let elsewhere = subject.closest.and_then(|reason| match reason.why {
                Why::Elsewhere(namespaces) => namespaces.first(),
                _ => None,
            });
            let other = elsewhere.map_or_else(String::new, |other| shown(other));
            Bilingual::new(
                format!(
                    "{} is in the namespace {other} and not in {namespace}, and a Pod can use only Secrets of its own namespace",
                    closest_named("a pull Secret of the Pod"),
                ),
                format!(
                    "{} 在命名空间 {other} 中而不在 {namespace} 中，而 Pod 只能使用自己命名空间中的 Secret",
                    closest_zh(),
                ),
            )
        }
        Cause::ServiceAccountSecretNotUsed => {
            let account = subject.account.map_or_else(String::new, shown);
            let secret = subject.account_secret.map_or_else(String::new, shown);
            Bilingual::new(
                format!(
                    "the ServiceAccount {account} lists the pull Secret {secret}, which this Pod does not use"
                ),
                format!("ServiceAccount {account} 列有拉取 Secret {secret}，但该 Pod 没有使用它"),
            )
        }
        Cause::WrongSecretType => Bilingual::new(
            format!("the kubelet ignores {} because of its type", closest_named("a pull Secret")),
            format!("kubelet 因类型不符而忽略{}", closest_zh()),
        ),
        Cause::SecretMalformed => malformed_clause(subject),
        Cause::NoMatchingEntry => no_entry_clause(subject, &named.image),
        Cause::CredentialsRefused => Bilingual::new(
            format!("{host} refuses {credentials}"),
            format!("{host_zh} 拒绝了{credentials_zh}"),
        ),
        Cause::CredentialsExpired => {
            Bilingual::new(format!("{credentials} have expired"), format!("{credentials_zh}已过期"))
        }
        Cause::NoPermission => Bilingual::new(
            format!("{credentials} may not pull {image}, or there is no such repository"),
            format!("{}无权拉取 {image_zh}，或者该镜像仓库不存在", credentials_zh.trim_start()),
        ),
        _ => of_registry_or_node(cause, subject, &named),
    }
}

fn of_registry_or_node(cause: Cause, subject: &ClauseSubject<'_>, named: &Named) -> Bilingual<String> {
    let Named { image: Bilingual { english: image, chinese: image_zh }, registry, host } = named;
    let (registry, registry_zh) = (&registry.english, &registry.chinese);
    let (host, host_zh) = (&host.english, &host.chinese);
    let (english, chinese) = match cause {
        Cause::NotFound => {
            (format!("{registry} does not have {image}"), format!("在 {registry_zh} 中找不到 {image_zh}"))
        }
        Cause::NotARegistry => (
            format!("what answers at {host} is not a container registry"),
            format!("{host_zh} 上应答的不是镜像仓库"),
        ),
        Cause::RateLimited => {
            (format!("{host} limits the number of pulls"), format!("{host_zh} 限制了拉取次数"))
        }
        Cause::LockedOut => (
            format!("{host} blocks logins after too many wrong passwords"),
            format!("密码错误次数过多，{host_zh} 已暂停登录"),
        ),
        Cause::TokenServerError => {
            (format!("the token server of {registry} fails"), format!("{registry_zh} 的令牌服务出错"))
        }
        Cause::RegistryError => return registry_error_clause(subject, &named.host),
        Cause::BlobStore => (
            format!("{registry} gives the manifest of {image}, and the store of its layers fails"),
            format!("{registry_zh} 给出了 {image_zh} 的清单，但其层的存储出错"),
        ),
        Cause::Certificate => return certificate_clause(subject, &named.host),
        Cause::PlainHttp => (
            format!("{host} speaks HTTP, and the node asks it with HTTPS"),
            format!("{host_zh} 使用 HTTP，而节点以 HTTPS 访问它"),
        ),
        Cause::Dns => {
            (format!("the node cannot resolve the name of {host}"), format!("节点无法解析 {host_zh} 的域名"))
        }
        Cause::Connection => {
            (format!("the node gets no connection to {host}"), format!("节点无法连接 {host_zh}"))
        }
        Cause::Proxy => (
            format!("the proxy that the node's runtime uses for {host} fails"),
            format!("节点的运行时访问 {host_zh} 所用的代理出错"),
        ),
        Cause::Mirror => (
            format!(
                "the mirror {host} fails in place of {registry}, and hides what {registry} itself answers"
            ),
            format!("镜像站 {host_zh} 代替 {registry_zh} 应答并出错，掩盖了 {registry_zh} 本身的应答"),
        ),
        Cause::Architecture => {
            let platform = subject.platform.as_deref().map_or_else(String::new, |it| format!(" ({it})"));
            let platform_zh = subject.platform.as_deref().map_or_else(String::new, |it| format!("（{it}）"));
            (
                format!("{image} does not exist for the architecture of the node{platform}"),
                format!("{image_zh} 没有适用于该节点架构{platform_zh}的版本"),
            )
        }
        Cause::NeverPull => (
            format!(
                "imagePullPolicy is Never, and {image} is not on the node or may not be used by this Pod"
            ),
            format!("imagePullPolicy 为 Never，而节点上没有 {image_zh}，或者该 Pod 无权使用它"),
        ),
        Cause::InvalidImageName => {
            (format!("{image} is not a valid image reference"), format!("{image_zh} 不是合法的镜像引用"))
        }
        Cause::ShortName => match subject.attempt.and_then(|attempt| attempt.host) {
            Some(_) => (
                format!("{image} names no registry, and the node's runtime asks {host}"),
                format!("{image_zh} 没有写出仓库地址，而节点的运行时访问了 {host_zh}"),
            ),
            None => (
                format!("{image} names no registry, and the node's runtime has none to search"),
                format!("{image_zh} 没有写出仓库地址，而节点的运行时没有配置默认仓库"),
            ),
        },
        Cause::KubeletRateLimit => (
            "the kubelet limits its own pulls (registryPullQPS) and tries again".to_owned(),
            "kubelet 限制了自身的拉取频率（registryPullQPS），会自动重试".to_owned(),
        ),
        Cause::UnsupportedManifest => (
            format!("the manifest of {image} is of a kind that the node's runtime does not support"),
            format!("节点的运行时不支持 {image_zh} 的清单格式"),
        ),
        Cause::SignaturePolicy => (
            format!("the signature policy of the node's runtime refuses {image}"),
            format!("节点运行时的签名策略拒绝了 {image_zh}"),
        ),
        _ => (
            format!("the cause is unknown for {image}: no text that regcred knows says it"),
            format!("{image_zh} 的原因未知：没有 regcred 认识的错误文本"),
        ),
    };
    Bilingual { english, chinese }
}

fn registry_error_clause(subject: &ClauseSubject<'_>, host: &Bilingual<String>) -> Bilingual<String> {
    let status = subject.attempt.and_then(|attempt| attempt.status);
    let words = |open: &str, close: &str| {
        status.map_or_else(String::new, |status| format!("{open}HTTP {status}{close}"))
    };
    Bilingual::new(
        format!("{} answers with an error{}", host.english, words(" (", ")")),
        format!("{} 返回错误{}", host.chinese, words("（", "）")),
    )
}

fn certificate_clause(subject: &ClauseSubject<'_>, host: &Bilingual<String>) -> Bilingual<String> {
    let phrase = subject.attempt.and_then(|attempt| attempt.phrase).unwrap_or_default();
    let (what, what_zh) = match phrase {
        "x509: certificate signed by unknown authority" => {
            ("is signed by an authority that the node does not know", "由节点不认识的机构签发")
        }
        "x509: certificate has expired or is not yet valid" => {
            ("has expired or is not yet valid", "已过期或尚未生效")
        }
        "x509: certificate is valid for" => ("is for another name", "属于另一个域名"),
        "x509: certificate relies on legacy Common Name field" => (
            "has its name only in the Common Name, which is no longer read",
            "只在已不再使用的 Common Name 中写了域名",
        ),
        _ => ("is not trusted by the node", "不受节点信任"),
    };
    Bilingual::new(
        format!("the certificate of {} {what}", host.english),
        format!("{} 的证书{what_zh}", host.chinese),
    )
}

fn malformed_clause(subject: &ClauseSubject<'_>) -> Bilingual<String> {
    let Some((secret, malformation)) = subject.malformed else {
        return Bilingual::new(
            "the kubelet cannot read one of the pull Secrets, and pulls nothing for the Pod",
            "kubelet 无法读取其中一个拉取 Secret，因此不会为该 Pod 拉取任何镜像",
        );
    };
    let secret = shown(secret);
    let about = malformation.about();
    Bilingual::new(
        format!(
            "the kubelet cannot read the Secret {secret}, and pulls nothing for the Pod: {}",
            about.english
        ),
        format!("kubelet 无法读取 Secret {secret}，因此不会为该 Pod 拉取任何镜像：{}", about.chinese),
    )
}

fn no_entry_clause(subject: &ClauseSubject<'_>, image: &Bilingual<String>) -> Bilingual<String> {
    let detail = subject.closest.and_then(|reason| {
        let image = ImageRef::parse(subject.image?)?;
        let has_detail = reason.why.cause() == Cause::NoMatchingEntry;
        has_detail.then(|| why(reason, &image))
    });
    let detail = detail.unwrap_or_else(|| Bilingual::new("", ""));
    let colon =
        |text: &str, colon: &str| if text.is_empty() { String::new() } else { format!("{colon}{text}") };
    Bilingual::new(
        format!(
            "the pull Secrets of the Pod have no credentials for {}{}",
            image.english,
            colon(&detail.english, ": ")
        ),
        format!("该 Pod 的拉取 Secret 中没有 {} 的凭据{}", image.chinese, colon(&detail.chinese, "：")),
    )
}
