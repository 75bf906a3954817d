//! Of the registry that a key names.

use super::{Example, Page, both};

pub(super) const GENERIC_REGISTRY_HOST: Page = Page {
    title: both("A generic Alibaba ACR domain", "阿里云 ACR 的通用域名"),
    what: both(
        "The host is `registry.<region>.aliyuncs.com` or one of its forms (`registry-vpc`, \
         `registry-internal`, `registry-intl` …, with or without a region), or the key is a pattern that \
         matches one, such as `*.*.aliyuncs.com`.",
        "主机名为 `registry.<region>.aliyuncs.com` 或其变体（`registry-vpc`、`registry-internal`、\
         `registry-intl` 等，带或不带地域），或者是能匹配到它们的通配符，例如 `*.*.aliyuncs.com`。",
    ),
    why: both(
        "Personal instances made since 2024-09-09 have a domain of their own, and no consumer finds the \
         generic key for images named by that domain. Personal instances made before, and Enterprise \
         instances white-listed for it, keep the generic domain.",
        "2024-09-09 起创建的个人版实例使用各自的专属域名，镜像用专属域名时，任何消费方都匹配不到通用域名的\
         条目。此前创建的个人版实例，以及加入白名单的企业版实例，仍使用通用域名。",
    ),
    remedy: both(
        "Use the instance's own domain in the key and in image names: \
         `crpi-<id>.<region>.personal.cr.aliyuncs.com`, or \
         `crpi-<id>-vpc.<region>.personal.cr.aliyuncs.com` inside a VPC. It stands on the instance's page \
         in the ACR console, as public or VPC address. Where the generic domain is right, the cluster's \
         administrator lists it under the rule's `allow`, or exempts the namespace.",
        "在仓库地址和镜像名中改用实例的专属域名：`crpi-<id>.<region>.personal.cr.aliyuncs.com`，专有网络\
         （VPC）内为 `crpi-<id>-vpc.<region>.personal.cr.aliyuncs.com`，可在 ACR 控制台的实例页面查看公网或\
         专有网络地址。如果确实应使用通用域名，请集群管理员在本规则的 `allow` 中列出它，或豁免相应的命名空\
         间。",
    ),
    example: Example::of(
        r#"{"auths":{"registry.cn-hangzhou.aliyuncs.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
    ),
};

pub(super) const ACR_NOT_A_REGISTRY: Page = Page {
    title: both("An Alibaba ACR host that is no registry of yours", "不是镜像仓库的阿里云 ACR 地址"),
    what: both(
        "The host is the ACR management API (`cr.<region>.aliyuncs.com`, `cr-vpc.<region>.aliyuncs.com`), \
         an accelerator (`<id>.mirror.aliyuncs.com`), or an Enterprise host without the instance's name \
         (`registry.<region>.cr.aliyuncs.com`).",
        "主机名是 ACR 的管理 API（`cr.<region>.aliyuncs.com`、`cr-vpc.<region>.aliyuncs.com`）、镜像加速器\
         （`<id>.mirror.aliyuncs.com`），或缺少实例名的企业版地址（`registry.<region>.cr.aliyuncs.com`）。",
    ),
    why: both(
        "All consumers look for the host that an image name begins with. None of them uses the \
         credentials for another.",
        "所有消费方都按镜像名开头的主机名查找凭据，不会把这些凭据用于别的地址。",
    ),
    remedy: both(
        "Use the address on the instance's page in the ACR console, the one that image names begin with.",
        "改用 ACR 控制台实例页面上的仓库地址，即镜像名开头的地址。",
    ),
    example: Example::of(r#"{"auths":{"cr.cn-hangzhou.aliyuncs.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
};

pub(super) const REGISTRY_DENIED: Page = Page {
    title: both("The policy does not allow the registry", "策略不允许使用该仓库"),
    what: both(
        "The policy's `deniedRegistries` matches the registry, or `allowedRegistries` is set and does \
         not. Host and port are compared; Docker Hub's spellings count as one.",
        "策略的 `deniedRegistries` 匹配该仓库，或设置了 `allowedRegistries` 而不包含它。比较主机名和端口；\
         Docker Hub 的各种写法视为同一个。",
    ),
    why: both(
        "This is the choice of the cluster's administrator. No consumer fails over it.",
        "这是集群管理员的设定，各消费方不会因此出错。",
    ),
    remedy: both(
        "Use a registry that the policy allows, or ask the administrator to change the policy.",
        "改用策略允许的仓库，或请管理员调整策略。",
    ),
    example: Example {
        policy: Some("apiVersion: regcred/v1\nkind: Policy\ndeniedRegistries: [registry.example.com]\n"),
        ..Example::of(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#)
    },
};

pub(super) const REGISTRY_KEY_DOCKER_HUB: Page = Page {
    title: both("A spelling of Docker Hub that not everyone finds", "并非各方都能识别的 Docker Hub 写法"),
    what: both(
        "The key names Docker Hub (`docker.io`, `index.docker.io`, `registry-1.docker.io`, \
         `hub.docker.com`, `registry.hub.docker.com`, with any port and path) in another way than \
         `https://index.docker.io/v1/`.",
        "仓库地址指向 Docker Hub（`docker.io`、`index.docker.io`、`registry-1.docker.io`、\
         `hub.docker.com`、`registry.hub.docker.com`，不论端口和路径），但写法不是 \
         `https://index.docker.io/v1/`。",
    ),
    why: both(
        "`index.docker.io/v1/`, which Rancher's form writes, is found by the kubelet, not by docker, \
         kaniko and podman. `docker.io` and `index.docker.io` are found by the kubelet and podman, not by \
         docker and kaniko. `https://index.docker.io/v1` (slash lost) and `registry-1.docker.io` are found \
         by podman alone, the other two hosts by nobody.",
        "`index.docker.io/v1/`（Rancher 表单的写法）只有 kubelet 能匹配，docker、kaniko、podman 不能；\
         `docker.io` 和 `index.docker.io` 可被 kubelet 和 podman 匹配，docker、kaniko 不能；\
         `https://index.docker.io/v1`（少了斜杠）和 `registry-1.docker.io` 只有 podman 能匹配；另外两个主机\
         名没有任何一方能匹配。",
    ),
    remedy: both(
        "Write the key as `https://index.docker.io/v1/`, closing slash included.",
        "把仓库地址写成 `https://index.docker.io/v1/`，含末尾斜杠。",
    ),
    example: Example::of(r#"{"auths":{"index.docker.io/v1/":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
};
