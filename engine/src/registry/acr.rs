//! The host forms of Alibaba Cloud ACR (docs/facts.md, "Alibaba ACR").

use super::glob::HostGlob;
use super::key::Key;

/// A host of Alibaba ACR that is not a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcrService {
    /// `cr[-vpc].<region>.aliyuncs.com`, the management API.
    ManagementApi,
    /// `<id>.mirror.aliyuncs.com`, a Docker Hub accelerator.
    Accelerator,
    /// `registry.<region>.cr.aliyuncs.com`: an Enterprise host without the instance's name.
    NamelessEnterprise,
}

/// A generic Alibaba ACR host, or a glob that matches one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GenericHost<'k> {
    /// The region in the host, such as `cn-hangzhou`; `None` if the host names none or is a glob.
    pub(crate) region: Option<&'k str>,
    /// The host is the VPC form.
    pub(crate) vpc: bool,
    /// The key is a glob that matches generic hosts.
    pub(crate) glob: bool,
}

/// What the first label of a generic host can be: `registry(-intl)?(-vpc|-internal)?`.
const GENERIC_FIRST_LABELS: [&str; 6] = [
    "registry",
    "registry-vpc",
    "registry-internal",
    "registry-intl",
    "registry-intl-vpc",
    "registry-intl-internal",
];

/// The characters of a region.
const REGION: [(char, char); 3] = [('a', 'z'), ('0', '9'), ('-', '-')];

/// The generic ACR host that the key names or, if it is a glob, matches.
pub(crate) fn generic_host<'k>(key: &'k Key<'_>) -> Option<GenericHost<'k>> {
    if let Some(front) = key.host().strip_suffix(".aliyuncs.com") {
        let (first, region) =
            front.split_once('.').map_or((front, None), |(first, region)| (first, Some(region)));
        if GENERIC_FIRST_LABELS.contains(&first) && region.is_none_or(is_label) {
            let vpc = first.ends_with("-vpc");
            return Some(GenericHost { region, vpc, glob: false });
        }
    }
    let matches = key.globs().any(|glob| glob_matches_generic(&glob.labels()));
    matches.then_some(GenericHost { region: None, vpc: false, glob: true })
}

fn glob_matches_generic(glob: &HostGlob) -> bool {
    let (first, rest) = match glob.labels() {
        [first, aliyuncs, com] => (first, [aliyuncs, com]),
        [first, region, aliyuncs, com] if region.matches_some_of(&REGION) => (first, [aliyuncs, com]),
        _ => return false,
    };
    let [aliyuncs, com] = rest;
    aliyuncs.matches("aliyuncs")
        && com.matches("com")
        && GENERIC_FIRST_LABELS.iter().any(|generic| first.matches(generic))
}

/// A host of Alibaba ACR that belongs to one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DedicatedHost<'k> {
    /// The name of the instance, such as `crpi-0123456789abcdef`.
    pub(crate) instance: &'k str,
    /// The region in the host.
    pub(crate) region: &'k str,
    /// The host is the VPC form.
    pub(crate) vpc: bool,
}

/// The instance that the key's host belongs to (docs/facts.md, "Alibaba ACR").
pub(crate) fn dedicated_host<'k>(key: &'k Key<'_>) -> Option<DedicatedHost<'k>> {
    let (first, rest) = key.host().strip_suffix(".cr.aliyuncs.com")?.split_once('.')?;
    let (first, vpc) = first.strip_suffix("-vpc").map_or((first, false), |first| (first, true));
    let (instance, region) = match rest.strip_suffix(".personal") {
        Some(region) => (Some(first).filter(|id| id.starts_with("crpi-")), region),
        None => (first.strip_suffix("-registry"), rest),
    };
    let instance = instance.filter(|instance| is_label(instance))?;
    is_label(region).then_some(DedicatedHost { instance, region, vpc })
}

/// The ACR service that the key's host is, if it is one that is not a registry.
pub(crate) fn acr_service(key: &Key<'_>) -> Option<AcrService> {
    match key.host().strip_suffix(".aliyuncs.com")?.split_once('.')? {
        ("cr" | "cr-vpc", region) if is_label(region) => Some(AcrService::ManagementApi),
        (id, "mirror") if is_label(id) => Some(AcrService::Accelerator),
        ("registry", rest) if rest.strip_suffix(".cr").is_some_and(is_label) => {
            Some(AcrService::NamelessEnterprise)
        }
        _ => None,
    }
}

/// `[a-z0-9-]+`
fn is_label(label: &str) -> bool {
    !label.is_empty() && label.chars().all(|c| REGION.iter().any(|&(low, high)| low <= c && c <= high))
}
