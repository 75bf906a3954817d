//! Of `auth`, the base64 of `username:password`.

use super::{Example, Page, both};

pub(super) const MISSING_AUTH: Page = Page {
    title: both("`auth` is missing", "缺少 `auth`"),
    what: both(
        "`username` and `password` are both there and `auth` is absent, `null` or `\"\"`. regcred adds \
         it: base64 of `username:password`, and not another byte changes. It is left as it is where the \
         entry has another finding that denies (those of the registry key apart), the document is \
         ambiguous, its bytes are unchanged, the Secret is immutable, or the policy says `fix: false`.",
        "`username` 和 `password` 都有，而 `auth` 缺失、为 `null` 或 `\"\"`。regcred 会补上 \
         `username:password` 的 base64，其余字节一概不变。以下情况不会修复：条目还有其他动作为 `deny` 的问\
         题（仅涉及仓库地址的除外）、文档存在歧义、文档字节未改变、Secret 不可变（immutable），或策略设置\
         了 `fix: false`。",
    ),
    why: both(
        "podman, buildah, skopeo, Flux, Argo CD Image Updater, Kubewarden and docker's \
         `DOCKER_AUTH_CONFIG` read only `auth` and find no credentials. The kubelet never needed it; \
         docker, kaniko, BuildKit and the key chain read the plain pair as well. Rancher's form writes no \
         `auth`.",
        "podman、buildah、skopeo、Flux、Argo CD Image Updater、Kubewarden 以及 docker 的 \
         `DOCKER_AUTH_CONFIG` 只读 `auth`，得不到凭据。kubelet 从来不需要它；docker、kaniko、BuildKit 和 \
         keychain 也能读取明文的用户名和密码。Rancher 的表单不会写 `auth`。",
    ),
    remedy: both(
        "As a rule nothing: regcred adds it, in files by `regcred check --fix`. Where it stands, mend the entry's other findings first; \
         otherwise write `auth` as base64 of `username:password`, for example with `kubectl create secret \
         docker-registry`.",
        "通常无需处理，regcred 会自动补上；文件可用 `regcred check --fix` 修复。如果仍然报告，请先修正该条目的其他问题；若没有，请将 `auth` 写\
         为 `username:password` 的 base64，例如用 `kubectl create secret docker-registry` 重新生成。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{"username":"robot","password":"example"}}}"#),
};

pub(super) const AUTH_NOT_BASE64: Page = Page {
    title: both("`auth` is not base64", "`auth` 不是 base64"),
    what: both(
        "`auth` cannot be decoded the way the kubelet does it: line breaks and missing padding do not \
         matter to it. The message names the likely cause: plain `user:password`, a `Basic ` prefix, the \
         URL-safe alphabet, blanks, quotation marks, or a placeholder left in.",
        "`auth` 无法按 kubelet 的方式解码（换行和缺少填充不影响它）。消息会指出可能的原因：明文 \
         `user:password`、`Basic ` 前缀、URL 安全字母表、空白、引号，或未替换的占位符。",
    ),
    why: both(
        "The kubelet and docker refuse the whole document, and every pull of a pod that uses the Secret \
         ends in an error, also for the other registries. podman loses this entry.",
        "kubelet 和 docker 会拒绝整份文档，使用该 Secret 的 Pod 拉取任何镜像都会报错，其他仓库也受影响；\
         podman 读不到该条目。",
    ),
    remedy: both(
        "Write `auth` as base64 of `username:password`, in the standard alphabet and with padding.",
        "将 `auth` 写为 `username:password` 的 base64，使用标准字母表并带填充。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{"auth":"robot:example"}}}"#),
};

pub(super) const AUTH_UNPADDED: Page = Page {
    title: both("`auth` lacks its base64 padding", "`auth` 缺少 base64 填充"),
    what: both(
        "`auth` decodes only without padding. regcred adds the `=` and removes closing line breaks; the \
         letters stay.",
        "`auth` 只有按无填充方式才能解码。regcred 会补上 `=` 并去掉末尾换行，其他字符不变。",
    ),
    why: both(
        "The kubelet and the key chain accept it; docker loses the whole file, podman this entry.",
        "kubelet 和 keychain 可以接受；docker 读不了整个文件，podman 读不到该条目。",
    ),
    remedy: both(
        "As a rule nothing: regcred adds it. Where it stands, append `=` until the length is a multiple \
         of 4.",
        "通常无需处理，regcred 会自动补齐。如果仍然报告，请在末尾补 `=`，直到长度为 4 的倍数。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ"}}}"#),
};

pub(super) const AUTH_WITHOUT_COLON: Page = Page {
    title: both("`auth` decodes to something without a colon", "`auth` 解码后没有冒号"),
    what: both(
        "What `auth` decodes to has no `:` between username and password. If decoding once more gives \
         one, the message says that it was encoded twice.",
        "`auth` 解码后没有分隔用户名和密码的 `:`。如果再解码一次就有，消息会说明它被编码了两次。",
    ),
    why: both(
        "The kubelet and docker refuse the whole document, and every pull of a pod that uses the Secret \
         ends in an error, also for the other registries. podman finds no credentials in the entry.",
        "kubelet 和 docker 会拒绝整份文档，使用该 Secret 的 Pod 拉取任何镜像都会报错，其他仓库也受影响；\
         podman 从该条目得不到凭据。",
    ),
    remedy: both(
        "Encode `username:password`, once; not a password or token alone.",
        "对 `username:password` 整体编码一次，而不是只编码密码或令牌。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{"auth":"ZXhhbXBsZS10b2tlbg=="}}}"#),
};

pub(super) const AUTH_EMPTY_HALF: Page = Page {
    title: both("`auth` decodes to an empty username or password", "`auth` 解码后用户名或密码为空"),
    what: both(
        "What `auth` decodes to has nothing before the colon, or nothing behind it and no identity token \
         beside it.",
        "`auth` 解码后冒号之前为空，或冒号之后为空且没有 identitytoken。",
    ),
    why: both(
        "Over an empty username docker refuses the whole file. Otherwise consumers read it without \
         complaint and have no complete pair to send; `auth` counts even where `username` and `password` \
         are filled in.",
        "用户名为空时 docker 会拒绝整个文件。其他情况下各消费方读取时不报错，但没有完整的凭据可发送；即使\
         填写了 `username` 和 `password`，也以 `auth` 为准。",
    ),
    remedy: both(
        "Write `auth` again as base64 of `username:password` with both halves. Look for a shell variable \
         that was empty.",
        "用完整的 `username:password` 重新编码 `auth`，并检查是否有空的 shell 变量。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6"}}}"#),
};

pub(super) const AUTH_DISAGREES: Page = Page {
    title: both("`auth` and the plain fields name different credentials", "`auth` 与明文字段的凭据不一致"),
    what: both(
        "`auth` decodes to another pair than `username` and `password`, and all of them are filled in.",
        "`auth` 解码得到的用户名或密码与 `username`、`password` 不同，且三者都有值。",
    ),
    why: both(
        "The kubelet, docker and podman use `auth`; keel and Portieris use `username` and `password`. \
         Whoever changes only the plain fields changes nothing for the kubelet.",
        "kubelet、docker、podman 使用 `auth`；keel 和 Portieris 使用 `username` 和 `password`。只改明文字\
         段，对 kubelet 不起作用。",
    ),
    remedy: both(
        "Find out which one holds, and write the other anew from it. If the plain fields are right, \
         removing `auth` is enough where regcred adds it.",
        "确认哪一份正确，并据此重写另一份。如果明文字段正确，在 regcred 会自动补全的环境中删除 `auth` 即\
         可。",
    ),
    example: Example::of(
        r#"{"auths":{"registry.example.com":{"username":"robot","password":"renewed","auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
    ),
};
