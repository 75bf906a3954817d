//! Of how a registry key is written.

use super::{Example, Page, both};

pub(super) const REGISTRY_KEY_INVALID: Page = Page {
    title: both("The registry key names no registry", "仓库地址无效"),
    what: both(
        "The key is empty or has no host, or it has white space, a control character, a comma, a query or \
         fragment, a character that no host has, a `%` escape in the host or a malformed one, a port that \
         is no number up to 65535, a scheme other than http and https, two schemes, or it is an IPv6 \
         address without brackets.",
        "仓库地址为空或没有主机名；含有空白、控制字符、逗号、查询或片段、主机名不允许的字符、主机名中的 \
         `%` 转义或错误的转义；端口不是 65535 以内的数字；协议不是 http 或 https；协议重复；或是未加方括号\
         的 IPv6 地址。",
    ),
    why: both(
        "The kubelet skips most of these entries, or finds them for no image. Over what Go's URL parser \
         refuses, the key chain of Kyverno, Tekton and Knative fails for the whole Secret, all other \
         registries included.",
        "kubelet 会跳过大多数这样的条目，或匹配不到任何镜像。遇到 Go 的 URL 解析器拒绝的地址，Kyverno、\
         Tekton、Knative 所用的 keychain 会读不了整个 Secret，其他仓库也受影响。",
    ),
    remedy: both(
        "Write the key as `host[:port]`, just as image names begin, and give each registry an entry of \
         its own.",
        "按镜像名开头的写法填写 `host[:port]`，每个仓库单独写一个条目。",
    ),
    example: Example::of(
        r#"{"auths":{"registry.example.com,mirror.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
    ),
};

pub(super) const REGISTRY_KEY_HAS_CREDENTIALS: Page = Page {
    title: both("User-info in the registry key", "仓库地址中带有用户信息"),
    what: both(
        "The key has user-info (`user:password@host`, `user@host`, `@host`), or behind its scheme an `@` \
         that follows a `:`. regcred never shows what stands before the last `@`.",
        "仓库地址带有用户信息（`user:password@host`、`user@host`、`@host`），或协议之后的 `:` 后面出现 \
         `@`。regcred 从不显示最后一个 `@` 之前的内容。",
    ),
    why: both(
        "No consumer logs in with it: the kubelet drops that part, others may not find the registry at \
         all. Unlike passwords, keys are shown in logs and messages.",
        "没有消费方会用它登录：kubelet 会忽略这一部分，其他消费方可能因此匹配不到仓库。而且仓库地址与密码\
         不同，会出现在日志和提示信息中。",
    ),
    remedy: both(
        "Leave only the host in the key and put the credentials into `username` and `password`. Renew a \
         password that stood in the key.",
        "在仓库地址中只保留主机名，凭据写入 `username` 和 `password`；地址中出现过的密码请更换。",
    ),
    example: Example::of(
        r#"{"auths":{"robot:example@registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
    ),
};

pub(super) const REGISTRY_KEY_NEVER_MATCHES: Page = Page {
    title: both("No ordinary image reference finds the key", "普通镜像名匹配不到该仓库地址"),
    what: both(
        "The key has upper-case letters, `/v1` or `/v2` without the closing slash, port 443 spelled out, \
         a dot behind the host, a colon without a port, characters outside ASCII or a path that no image \
         can have; or it is a lone `*`, or one word without a port other than `localhost`.",
        "仓库地址有大写字母、以 `/v1` 或 `/v2` 结尾而少了斜杠、写出了端口 443、主机名以点结尾、冒号后没有\
         端口、含有非 ASCII 字符或镜像名不可能有的路径；或者只是一个 `*`，或者是除 `localhost` 外没有端口的\
         单个单词。",
    ),
    why: both(
        "The kubelet compares keys literally with image names and pulls without these credentials. A \
         colon without a port is the exception: the kubelet finds that key, docker and podman do not.",
        "kubelet 会把仓库地址与镜像名逐字比较，因此拉取时不会使用这些凭据。冒号后没有端口是例外：kubelet \
         能匹配，docker 和 podman 不能。",
    ),
    remedy: both(
        "Write the key as image names begin: `host` or `host:port`, in lower case.",
        "按镜像名开头的写法填写：小写的 `host` 或 `host:port`。",
    ),
    example: Example::of(r#"{"auths":{"Registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
};

pub(super) const REGISTRY_KEY_WILDCARD: Page = Page {
    title: both("The registry key is a pattern", "仓库地址是通配符"),
    what: both(
        "The host in the key has `*` or another sign of a pattern in it.",
        "仓库地址的主机名中有 `*` 等通配符。",
    ),
    why: both(
        "Only the kubelet and the key chain of Kyverno, Tekton and Knative understand patterns, one part \
         between dots to a `*`. docker, podman, buildah and skopeo look for this very name. It is only \
         recorded.",
        "只有 kubelet 以及 Kyverno、Tekton、Knative 所用的 keychain 支持通配符，`*` 只代表两个点之间的一\
         段；docker、podman、buildah、skopeo 会按字面查找。此项只作记录。",
    ),
    remedy: both(
        "If others than these need the credentials, write an entry for each registry.",
        "如果其他消费方也要使用这些凭据，请为每个仓库分别写一个条目。",
    ),
    example: Example::of(r#"{"auths":{"*.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
};
