//! The registry key that is nearest to an image that it does not match, and why it does not.

use crate::affected::Affected;
use crate::bilingual::{Bilingual, Words, text};
use crate::consumers::{ImageRef, PodEntry, is_never_found};
use crate::place::{Place, Spot};
use crate::registry::{DOCKER_HUB, Key, RegistryKey, dedicated_host, generic_host};
use crate::rules::{Context, Fault, RegistryKeyInvalid, RegistryKeyNeverMatches};
use crate::secret::SecretType;

/// Of a Secret, this many keys are compared with an image.
const MAX_COMPARED_KEYS: usize = 200;

/// Hosts are compared letter by letter up to this length, the longest that a name in the DNS has.
const MAX_HOST_BYTES: usize = 253;

/// Hosts that differ in more letters are different hosts.
const MAX_TYPOS: usize = 2;

/// A key that is near to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Near {
    pub(super) key: RegistryKey<'static>,
    pub(super) relation: Relation,
}

/// How a key that does not match an image is related to it, the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The same registry, but the image's host has capitals.
    ImageHasCapitals,
    /// The same registry, in a spelling that matches no image.
    NeverFound(Fault),
    /// Another spelling of Docker Hub.
    DockerHub,
    /// The same host with another port.
    Port,
    /// The same registry, for other repositories.
    Path,
    /// The generic host of Alibaba ACR and the dedicated one of an instance.
    AcrGeneric,
    /// The VPC form and the public form of one host of Alibaba ACR.
    AcrNetwork,
    /// A glob, whose stars stand for one label each.
    Wildcard,
    /// A host that differs in a letter or two.
    Typo,
    /// Another host of Alibaba ACR.
    AcrOther,
    /// Another host of the same domain.
    Domain,
}

impl Relation {
    /// Smaller is closer.
    const fn rank(self) -> u8 {
        match self {
            Relation::ImageHasCapitals => 0,
            Relation::NeverFound(_) => 1,
            Relation::DockerHub => 2,
            Relation::Port => 3,
            Relation::Path => 4,
            Relation::AcrGeneric => 5,
            Relation::AcrNetwork => 6,
            Relation::Wildcard => 7,
            Relation::Typo => 8,
            Relation::AcrOther => 9,
            Relation::Domain => 10,
        }
    }

    /// Whether the key was meant for the registry of the image, as far as one can tell.
    pub(super) const fn is_same_registry(self) -> bool {
        self.rank() < Relation::AcrOther.rank()
    }
}

/// The nearest of a Secret's keys, if one is near at all. None of them matches the image.
pub(super) fn nearest<'e>(image: &ImageRef, entries: impl Iterator<Item = &'e PodEntry<'e>>) -> Option<Near> {
    let host = Key::parse(image.host());
    let near = entries.take(MAX_COMPARED_KEYS).filter_map(|entry| {
        let relation = relation(image, &host, &entry.key)?;
        Some((relation, &entry.key))
    });
    let (relation, key) = near.min_by_key(|(relation, _)| relation.rank())?;
    Some(Near { key: RegistryKey::new(key.clone().into_owned()), relation })
}

fn relation(image: &ImageRef, host: &Key<'_>, written: &str) -> Option<Relation> {
    let key = Key::parse(written);
    let never = || -> Option<Relation> {
        let fault = key.fault().map(|fault| Fault::RegistryKeyInvalid(RegistryKeyInvalid(fault)));
        let never = || Fault::RegistryKeyNeverMatches(RegistryKeyNeverMatches(key.why_never()));
        fault.or_else(|| is_never_found(written).then(never)).map(Relation::NeverFound)
    };
    if key.is_docker_hub() && host.is_docker_hub() {
        let is_hub_path = key.host() == "docker.io" && key.has_path();
        return Some(if is_hub_path { Relation::Path } else { Relation::DockerHub });
    }
    let is_untidy = trimmed(&key) != key.host() && trimmed(&key) == host.host();
    if key.site() == host.site() || is_untidy {
        if image.host().bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Some(Relation::ImageHasCapitals);
        }
        return Some(never().unwrap_or(Relation::Path));
    }
    if key.host() == host.host() {
        return Some(Relation::Port);
    }
    acr(&key, host).or_else(|| other_host(&key, host))
}

/// The host without what people leave around it: Go refuses white space in a key.
fn trimmed<'k>(key: &'k Key<'_>) -> &'k str {
    key.host().trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'))
}

/// Two hosts of Alibaba ACR.
fn acr(key: &Key<'_>, host: &Key<'_>) -> Option<Relation> {
    let is_acr = |key: &Key<'_>| generic_host(key).is_some() || dedicated_host(key).is_some();
    if !is_acr(key) || !is_acr(host) {
        return None;
    }
    let same_region = |one: Option<&str>, other: Option<&str>| one.is_none() || one == other;
    let relation = match (generic_host(key), dedicated_host(key), generic_host(host), dedicated_host(host)) {
        (Some(generic), _, _, Some(own)) | (_, Some(own), Some(generic), _)
            if same_region(generic.region, Some(own.region)) =>
        {
            Relation::AcrGeneric
        }
        (Some(one), _, Some(other), _) if one.region == other.region => Relation::AcrNetwork,
        (_, Some(one), _, Some(other)) if (one.instance, one.region) == (other.instance, other.region) => {
            Relation::AcrNetwork
        }
        _ if is_typo(key.host(), host.host()) => Relation::Typo,
        _ => Relation::AcrOther,
    };
    Some(relation)
}

fn other_host(key: &Key<'_>, host: &Key<'_>) -> Option<Relation> {
    if key.is_wildcard() {
        let fixed = key.host().trim_start_matches(['*', '.']);
        return (!fixed.is_empty() && host.host().ends_with(fixed)).then_some(Relation::Wildcard);
    }
    let (one, other) = (key.host(), host.host());
    if is_below(one, other) || is_below(other, one) {
        return Some(Relation::Domain);
    }
    if is_typo(one, other) {
        return Some(Relation::Typo);
    }
    has_same_parent(one, other).then_some(Relation::Domain)
}

/// Whether two hosts differ in a letter or two. Short hosts, and the numbers of addresses, differ for a reason.
fn is_typo(one: &str, other: &str) -> bool {
    let is_long = |host: &str| (8..=MAX_HOST_BYTES).contains(&host.len());
    let has_letters = |host: &str| host.bytes().any(|byte| byte.is_ascii_alphabetic());
    is_long(one)
        && is_long(other)
        && has_letters(one)
        && one.len().abs_diff(other.len()) <= MAX_TYPOS
        && (1..=MAX_TYPOS).contains(&strsim::osa_distance(one, other))
}

/// Whether a host is below a domain of at least two labels.
fn is_below(host: &str, domain: &str) -> bool {
    domain.contains('.') && host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
}

/// Whether two hosts are directly below the same domain of at least two labels.
fn has_same_parent(one: &str, other: &str) -> bool {
    one.split_once('.')
        .zip(other.split_once('.'))
        .is_some_and(|((_, one), (_, other))| one == other && one.contains('.'))
}

impl Near {
    /// Why the key does not match the image, as a clause after the name of the Secret.
    pub(super) fn why(&self, image: &ImageRef) -> Bilingual<String> {
        let key = self.key.shown();
        let host = RegistryKey::new(image.host()).shown().into_owned();
        let words: Words = match self.relation {
            Relation::ImageHasCapitals => text(
                "the host in the image has capitals, and the kubelet compares letter by letter",
                "镜像的主机名中有大写字母，而 kubelet 逐字符比较",
            )
            .into(),
            Relation::NeverFound(fault) => clause(fault),
            Relation::DockerHub => Bilingual::new(
                format!("the kubelet finds Docker Hub under {DOCKER_HUB}"),
                format!("kubelet 按 {DOCKER_HUB} 查找 Docker Hub"),
            )
            .into(),
            Relation::Port => text("the port is different", "端口不同").into(),
            Relation::Path => {
                text("the key is only for repositories below its path", "该仓库地址只用于其路径之下的镜像")
                    .into()
            }
            Relation::AcrGeneric => text(
                "one is the generic host of Alibaba ACR, the other the host of an instance",
                "一个是阿里云 ACR 的通用域名，另一个是实例的专属域名",
            )
            .into(),
            Relation::AcrNetwork => text(
                "they are the VPC, internal and public hosts of Alibaba ACR, which are different keys",
                "二者是阿里云 ACR 的专有网络、内网或公网域名，属于不同的仓库地址",
            )
            .into(),
            Relation::Wildcard => {
                text("a * stands for exactly one label of the host", "一个 * 只代表主机名中的一段").into()
            }
            Relation::Typo => {
                text("the hosts differ in one or two characters", "两个主机名只差一两个字符").into()
            }
            Relation::AcrOther => {
                text("it is another instance or region of Alibaba ACR", "它是阿里云 ACR 的另一个实例或地域")
                    .into()
            }
            Relation::Domain => {
                text("it is another host of the same domain", "它是同一域名下的另一个主机").into()
            }
        };
        Bilingual::new(
            format!("its key {key} does not match {host}: {}", words.english),
            format!("其仓库地址 {key} 与 {host} 不匹配：{}", words.chinese),
        )
    }
}

/// What a rule says is wrong.
fn clause(fault: Fault) -> Words {
    let place = Place::new(SecretType::DockerConfigJson, 0, Spot::Document);
    let context = Context { place: &place, repairable: false, affected: &Affected::default() };
    fault.message(&context).clause
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation_of(image: &str, key: &str) -> Option<Relation> {
        let image = ImageRef::parse(image).unwrap();
        relation(&image, &Key::parse(image.host()), key)
    }

    #[test]
    fn nearest_spellings_are_told_apart() {
        let own = "crpi-0123456789abcdef.cn-hangzhou.personal.cr.aliyuncs.com";
        for (image, key, expected) in [
            ("Basic.Example.com/a", "basic.example.com", Some(Relation::ImageHasCapitals)),
            ("acme/a", "https://index.docker.io/v1", Some(Relation::DockerHub)),
            ("acme/a", "hub.docker.com", Some(Relation::DockerHub)),
            ("acme/a", "docker.io/other", Some(Relation::Path)),
            ("r.example.com/a", "r.example.com:5000", Some(Relation::Port)),
            ("r.example.com:5000/a", "https://r.example.com", Some(Relation::Port)),
            ("r.example.com/a", "r.example.com/other", Some(Relation::Path)),
            (&format!("{own}/a"), "registry.cn-hangzhou.aliyuncs.com", Some(Relation::AcrGeneric)),
            ("registry.cn-hangzhou.aliyuncs.com/a", own, Some(Relation::AcrGeneric)),
            (&format!("{own}/a"), "registry.cn-beijing.aliyuncs.com", Some(Relation::AcrOther)),
            (&format!("{own}/a"), &own.replace("def.", "def-vpc."), Some(Relation::AcrNetwork)),
            (&format!("{own}/a"), &own.replace("def.", "dfe."), Some(Relation::Typo)),
            (
                "registry-vpc.cn-hangzhou.aliyuncs.com/a",
                "registry.cn-hangzhou.aliyuncs.com",
                Some(Relation::AcrNetwork),
            ),
            (
                "acme-registry.cn-hangzhou.cr.aliyuncs.com/a",
                "acme-registry-vpc.cn-hangzhou.cr.aliyuncs.com",
                Some(Relation::AcrNetwork),
            ),
            ("a.b.example.com/a", "*.example.com", Some(Relation::Wildcard)),
            ("harbor.example.com/a", "habror.example.com", Some(Relation::Typo)),
            ("a.example.com/a", "other.example.com", Some(Relation::Domain)),
            ("r.example.com/a", "example.com", Some(Relation::Domain)),
            ("10.0.0.1:5000/a", "10.0.0.2:5000", None),
            ("ghcr.io/a", "quay.io", None),
        ] {
            assert_eq!(relation_of(image, key), expected, "{image} and {key}");
        }
    }

    #[test]
    fn a_spelling_that_is_never_found_says_why() {
        for (key, why) in [
            ("https://r.example.com/v1", "the registry key ends in /v1 or /v2 without a slash"),
            ("r.example.com:443", "the registry key has port 443 written out"),
            ("R.example.com", "the registry key has upper-case letters"),
            ("r.example.com ", "the registry key has white space in it"),
            ("r.example.com/team/app:1", "the registry key has a path that no image can have"),
        ] {
            let relation = relation_of("r.example.com/team/app", key);
            let Some(Relation::NeverFound(fault)) = relation else { panic!("{key}: {relation:?}") };
            assert_eq!(clause(fault).english, why, "{key}");
        }
    }
}
