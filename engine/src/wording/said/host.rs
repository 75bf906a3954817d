//! Of the registry that a key names.

use super::{Said, Text};
use crate::finding::GenericHost;
use crate::registry::{AcrService, HubSpelling};

pub(super) fn generic(host: &GenericHost) -> Said {
    // The region comes out of a key: nothing else than a region is shown of it.
    let region = host.region.as_deref().filter(|region| is_region(region)).unwrap_or("<region>");
    let vpc = if host.vpc { "-vpc" } else { "" };
    let (address, address_zh) = if host.vpc { ("VPC", "专有网络") } else { ("public", "公网") };
    let (clause, clause_zh) = if host.glob {
        ("this pattern covers ACR's generic domains", "该通配符会匹配 ACR 的通用域名")
    } else {
        ("this is ACR's generic domain, not an instance's own", "这是 ACR 的通用域名，不是实例的专属域名")
    };
    said!(
        [
            "{clause}",
            "Personal instances made since 2024-09-09 have their own domain, and no consumer finds this \
             key for its images. Older ones and white-listed Enterprise instances keep the generic one: \
             the administrator can allow it (policy: allow).",
            "Use crpi-<id>{vpc}.{region}.personal.cr.aliyuncs.com, here and in image names (ACR console, \
             the instance's page, {address} address).",
        ],
        [
            "{clause_zh}",
            "2024-09-09 起创建的个人版实例使用各自的专属域名，镜像用专属域名时，任何消费方都匹配不到此条\
             目。此前创建的实例以及加入白名单的企业版实例仍使用通用域名，可由集群管理员在策略中放行\
             （allow）。",
            "请在此处和镜像名中改用 crpi-<id>{vpc}.{region}.personal.cr.aliyuncs.com，可在 ACR 控制台的实\
             例页面查看{address_zh}地址。",
        ],
    )
}

fn is_region(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub(super) fn not_a_registry(service: AcrService) -> Said {
    match service {
        AcrService::ManagementApi => said!(
            [
                "this is the management API of Alibaba ACR, not a registry",
                "No image is named by this host, so no consumer uses this entry: the kubelet, docker and \
                 podman alike pull without these credentials.",
                "Use the address on the instance's page in the ACR console, the one that image names \
                 begin with.",
            ],
            [
                "这是阿里云 ACR 的管理 API，不是镜像仓库",
                "没有镜像以此为仓库地址，kubelet、docker、podman 等都用不到该条目，拉取时不带这些凭据。",
                "请改用 ACR 控制台实例页面上的仓库地址，即镜像名开头的地址。",
            ],
        ),
        AcrService::Accelerator => said!(
            [
                "this is an Alibaba accelerator, not a registry of your own",
                "It only mirrors Docker Hub. For the kubelet, docker and podman these credentials count \
                 for images named by this very host, not for those of Docker Hub.",
                "Use the address that image names begin with; for Docker Hub https://index.docker.io/v1/.",
            ],
            [
                "这是阿里云镜像加速器，不是你自己的镜像仓库",
                "它只是 Docker Hub 的镜像站。对 kubelet、docker、podman 来说，这些凭据只用于以该地址开头的\
                 镜像，不会用于 Docker Hub。",
                "请改用镜像名开头的地址；Docker Hub 请写 https://index.docker.io/v1/。",
            ],
        ),
        AcrService::NamelessEnterprise => said!(
            [
                "this ACR Enterprise host lacks the instance's name",
                "Enterprise instances are at <instance>-registry.<region>.cr.aliyuncs.com, and no \
                 consumer (kubelet, docker, podman) finds this key for images of such a host.",
                "Put the instance's name in front, as its page in the ACR console shows it.",
            ],
            [
                "该 ACR 企业版地址缺少实例名",
                "企业版实例的地址为 <instance>-registry.<region>.cr.aliyuncs.com，kubelet、docker、podman \
                 拉取这类镜像时都匹配不到此条目。",
                "请按 ACR 控制台实例页面所示，在前面加上实例名。",
            ],
        ),
    }
}

pub(super) fn denied(listed: bool) -> Said {
    let (clause, clause_zh) = if listed {
        ("this cluster's policy denies the registry", "本集群的策略禁止使用该仓库")
    } else {
        ("the registry is not among those the policy allows", "该仓库不在策略允许的范围内")
    };
    let list = if listed { "deniedRegistries" } else { "allowedRegistries" };
    said!(
        [
            "{clause}",
            "This is the choice of the cluster's administrator ({list} in regcred's policy). No consumer \
             fails over it: the document itself may be in order.",
            "Use a registry that the policy allows, or ask the administrator to change {list}.",
        ],
        [
            "{clause_zh}",
            "这是集群管理员的设定（regcred 策略中的 {list}），文档本身可能没有问题，各消费方也不会因此出\
             错。",
            "请改用策略允许的仓库，或请管理员调整 {list}。",
        ],
    )
}

pub(super) fn docker_hub(spelling: HubSpelling) -> Said {
    let (clause, clause_zh) = match spelling {
        HubSpelling::KubeletOnly => {
            ("only the kubelet finds Docker Hub by this key", "只有 kubelet 能用该地址匹配 Docker Hub")
        }
        HubSpelling::NotDocker => {
            ("docker does not find Docker Hub by this key", "docker 无法用该地址匹配 Docker Hub")
        }
        HubSpelling::PodmanOnly => {
            ("only podman finds Docker Hub by this key", "只有 podman 能用该地址匹配 Docker Hub")
        }
        HubSpelling::Nobody => ("nobody finds Docker Hub by this key", "没有消费方能用该地址匹配 Docker Hub"),
    };
    let (affected, affected_zh) = match spelling {
        HubSpelling::KubeletOnly => (
            "The kubelet uses these credentials for Docker Hub; docker, kaniko, crane, podman, buildah \
             and skopeo do not find them. (Rancher's form writes index.docker.io/v1/.)",
            "kubelet 会将这些凭据用于 Docker Hub；docker、kaniko、crane、podman、buildah、skopeo 找不到它\
             们。（Rancher 表单预设的就是 index.docker.io/v1/。）",
        ),
        HubSpelling::NotDocker => (
            "The kubelet, podman, buildah and skopeo use these credentials for Docker Hub; docker, kaniko \
             and crane do not find them.",
            "kubelet、podman、buildah、skopeo 会将这些凭据用于 Docker Hub；docker、kaniko、crane 找不到它\
             们。",
        ),
        HubSpelling::PodmanOnly => (
            "podman, buildah and skopeo use these credentials for Docker Hub; the kubelet, docker, kaniko \
             and crane do not find them.",
            "podman、buildah、skopeo 会将这些凭据用于 Docker Hub；kubelet、docker、kaniko、crane 找不到它\
             们。",
        ),
        HubSpelling::Nobody => (
            "It is the address of a web page or an API: neither the kubelet nor docker nor podman uses \
             these credentials for images of Docker Hub.",
            "这是网页或 API 的地址，kubelet、docker、podman 都不会将这些凭据用于 Docker Hub 的镜像。",
        ),
    };
    said!(
        [
            "{clause}",
            "{affected}",
            "Write the key as https://index.docker.io/v1/, closing slash included: all of them find that.",
        ],
        [
            "{clause_zh}",
            "{affected_zh}",
            "请把仓库地址写成 https://index.docker.io/v1/（含末尾斜杠），上述各方都能识别。",
        ],
    )
}
