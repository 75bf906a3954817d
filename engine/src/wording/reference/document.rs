//! Of the document, its shape, and what an update took out of it.

use super::{Example, Page, both};
use crate::secret::SecretType;

pub(super) const INVALID_JSON: Page = Page {
    title: both(
        "The document is not JSON that every consumer reads alike",
        "文档不是各方都能一致读取的 JSON",
    ),
    what: both(
        "The document is not one JSON value, is not UTF-8, has a lone surrogate, a number outside a \
         float64, or more than 64 levels of objects and arrays. Nothing in such a document counts as \
         readable, so this is its only finding.",
        "文档不是单个 JSON 值、不是 UTF-8、含有孤立的代理项、含有超出 float64 范围的数字，或对象和数组嵌套\
         超过 64 层。这样的文档整体视为不可读，因此只报告这一项。",
    ),
    why: both(
        "Consumers differ. Programs written in Go bear some of it: they replace invalid UTF-8 and lone \
         surrogates silently, which may change a credential, and nest deeper. Readers in other languages \
         are often stricter. None of the registries in it can be relied on.",
        "各消费方处理不一。Go 程序能容忍其中一部分：会静默替换非法 UTF-8 和孤立的代理项（凭据可能因此改\
         变），也允许更深的嵌套；其他语言的程序往往更严格。其中的仓库都不可靠。",
    ),
    remedy: both(
        "Correct the JSON at the place named, or make the Secret with `kubectl create secret \
         docker-registry`. Usual sources: a template that does not escape a password, a document encoded \
         to base64 twice, a file saved with a byte order mark.",
        "修正所指位置的 JSON，或用 `kubectl create secret docker-registry` 重新生成。常见原因：模板没有转\
         义密码、文档被 base64 编码两次、文件带有 BOM。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":{"username":"robot","password":"example",}}}"#),
};

pub(super) const AMBIGUOUS_JSON: Page = Page {
    title: both("A name is written twice", "名称重复"),
    what: both(
        "A name occurs twice at the top, in `auths` or in an entry, or two names of known fields differ \
         only by case. In an entry it is a finding of that entry, otherwise one of the document. Such a \
         document is never repaired.",
        "顶层、`auths` 或条目中有重复的名称，或两个已知字段名只有大小写不同。出现在条目中时归于该条目，否\
         则归于整份文档。这样的文档不会被自动修复。",
    ),
    why: both(
        "Programs written in Go (kubelet, docker, podman) ignore case in field names, take the last of \
         several and merge two `auths`. Readers in other languages do not, so consumers can end up with \
         different credentials.",
        "Go 程序（kubelet、docker、podman）的字段名不区分大小写，重复时取最后一个，并会合并两个 `auths`；\
         其他语言的程序并非如此，各消费方得到的凭据可能不同。",
    ),
    remedy: both(
        "Keep the right one and remove the others, those in other case included.",
        "保留正确的一个，删除其余（包括仅大小写不同的）。",
    ),
    example: Example::of(
        "{\"auths\":{\n  \"registry.example.com\":{\"auth\":\"cm9ib3Q6ZXhhbXBsZQ==\"},\n  \
         \"registry.example.com\":{\"auth\":\"ZGVwbG95OmV4YW1wbGU=\"}\n}}",
    ),
};

pub(super) const NOT_AN_OBJECT: Page = Page {
    title: both("Another JSON type stands where an object belongs", "应为对象之处是其他类型"),
    what: both(
        "The document, `auths`, `HttpHeaders` or an entry is a string, number, boolean or array. `null` \
         counts as `{}`. The document is never repaired; what is readable in it is still judged.",
        "文档、`auths`、`HttpHeaders` 或某个条目是字符串、数字、布尔值或数组（`null` 视为 `{}`）。文档不会\
         被自动修复，其中可读的部分仍会检查。",
    ),
    why: both(
        "The kubelet and docker refuse the whole document over it: every pull of a pod that uses this \
         Secret ends in an error, also for the other registries.",
        "kubelet 和 docker 会因此拒绝整份文档：使用该 Secret 的 Pod 拉取任何镜像都会报错，其他仓库也受影\
         响。",
    ),
    remedy: both(
        "Write an object there: `{\"auths\":{\"HOST\":{\"username\":…,\"password\":…,\"auth\":…}}}`.",
        "在该处写成对象：`{\"auths\":{\"HOST\":{\"username\":…,\"password\":…,\"auth\":…}}}`。",
    ),
    example: Example::of(r#"{"auths":{"registry.example.com":"cm9ib3Q6ZXhhbXBsZQ=="}}"#),
};

pub(super) const MISSING_AUTHS_WRAPPER: Page = Page {
    title: both("Registries stand at the top, without `auths`", "仓库写在顶层，缺少 `auths`"),
    what: both(
        "In a Secret of type `kubernetes.io/dockerconfigjson`, the top level looks like registry entries, \
         or like one bare entry, and there is no `auths`.",
        "在类型为 `kubernetes.io/dockerconfigjson` 的 Secret 中，顶层看起来是若干仓库条目或单个条目，而没\
         有 `auths`。",
    ),
    why: both(
        "The kubelet, docker and podman find no registry in it and say nothing; pulls go out without \
         credentials. The API server accepts such a Secret.",
        "kubelet、docker、podman 读不到任何仓库，也没有任何提示，拉取时不带凭据。API server 会接受这样的 \
         Secret。",
    ),
    remedy: both(
        "Put the registries under `auths`: `{\"auths\":{\"HOST\":{…}}}`.",
        "把仓库放到 `auths` 下：`{\"auths\":{\"HOST\":{…}}}`。",
    ),
    example: Example::of(r#"{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}"#),
};

pub(super) const MISPLACED_AUTHS_WRAPPER: Page = Page {
    title: both("`auths` in a Secret of type dockercfg", "dockercfg 类型的 Secret 中出现 `auths`"),
    what: both(
        "A Secret of type `kubernetes.io/dockercfg`, whose document is a flat map of registries, holds an \
         `auths` object whose members look like entries.",
        "类型为 `kubernetes.io/dockercfg` 的 Secret（其文档应是仓库地址到条目的平铺映射）中有一个 `auths` \
         对象，其成员看起来是条目。",
    ),
    why: both(
        "The kubelet takes `auths` for the name of one registry and finds none of those in it, without \
         any error; pulls go out without credentials.",
        "kubelet 会把 `auths` 当成一个仓库的名字，其中的仓库都读不到，也不报错，拉取时不带凭据。",
    ),
    remedy: both(
        "Create the Secret as type `kubernetes.io/dockerconfigjson`, with the document under \
         `.dockerconfigjson`. The type of an existing Secret cannot be changed.",
        "改用类型 `kubernetes.io/dockerconfigjson` 创建 Secret，文档放在 `.dockerconfigjson` 下。已有 \
         Secret 的类型无法修改。",
    ),
    example: Example {
        secret_type: SecretType::DockerCfg,
        ..Example::of(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#)
    },
};

pub(super) const NO_REGISTRIES: Page = Page {
    title: both("The document holds no registry", "文档中没有任何仓库"),
    what: both("The document holds no entry.", "文档中没有任何条目。"),
    why: both(
        "No consumer finds credentials in it. That is as it should be for a placeholder that a \
         replicating controller fills in later, and therefore only recorded.",
        "所有消费方都得不到凭据。对于等待复制控制器填充的占位 Secret 来说这是正常的，因此只作记录。",
    ),
    remedy: both(
        "If it is no placeholder, add the registry with its `username` and `password`.",
        "如果不是占位，请补上仓库及其 `username` 和 `password`。",
    ),
    example: Example::of(r#"{"auths":{}}"#),
};

pub(super) const CLIENT_ONLY_SETTINGS: Page = Page {
    title: both("`credsStore` or `credHelpers` is set", "设置了 `credsStore` 或 `credHelpers`"),
    what: both(
        "`credsStore` or `credHelpers` is present and neither `null`, `\"\"` nor `{}`, as in a \
         `~/.docker/config.json` copied from a workstation.",
        "存在 `credsStore` 或 `credHelpers`，且不是 `null`、`\"\"` 或 `{}`，例如直接复制了工作站上的 \
         `~/.docker/config.json`。",
    ),
    why: both(
        "The kubelet ignores both. docker, crane, ko and kaniko call the helper program named there and \
         fail where it is not installed, even if `auths` is good: for every registry with `credsStore`, \
         for the named ones with `credHelpers`, which podman honours too.",
        "kubelet 会忽略它们。docker、crane、ko、kaniko 会调用其中指定的 helper 程序，未安装时即使 `auths` \
         正确也会失败：`credsStore` 影响所有仓库，`credHelpers` 影响其中列出的仓库，podman 也会\
         遵循 `credHelpers`。",
    ),
    remedy: both(
        "Remove the setting from the Secret and keep it in your own `~/.docker/config.json`.",
        "从 Secret 中删除该设置，只保留在自己的 `~/.docker/config.json` 里。",
    ),
    example: Example::of(
        r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}},"credsStore":"desktop"}"#,
    ),
};

pub(super) const FIELD_NOT_STRING: Page = Page {
    title: both("A field is not a string", "字段不是字符串"),
    what: both(
        "`username`, `password`, `email`, `auth`, `identitytoken`, `registrytoken` or `serveraddress` of \
         an entry, or a value in `HttpHeaders`, is neither a string nor `null`. The usual source is a \
         password of digits without quotation marks.",
        "条目的 `username`、`password`、`email`、`auth`、`identitytoken`、`registrytoken`、\
         `serveraddress`，或 `HttpHeaders` 中的值，既不是字符串也不是 `null`。常见原因是纯数字密码没有加引\
         号。",
    ),
    why: both(
        "Over `username`, `password`, `auth` or `HttpHeaders` the kubelet and docker refuse the whole \
         document, and every pull of a pod that uses the Secret ends in an error. Over `email` only the \
         kubelet does. Over a token docker and the key chain do, over `identitytoken` podman as well; over \
         `serveraddress` only docker does.",
        "`username`、`password`、`auth`、`HttpHeaders` 类型错误时，kubelet 和 docker 都会拒绝整份文档，使\
         用该 Secret 的 Pod 拉取任何镜像都会报错；`email` 只影响 kubelet；两种令牌影响 docker 和 \
         keychain，其中 `identitytoken` 还影响 podman；`serveraddress` 只影响 docker。",
    ),
    remedy: both("Put the value in quotation marks.", "给值加上引号。"),
    example: Example::of(r#"{"auths":{"registry.example.com":{"username":"robot","password":12345678}}}"#),
};

pub(super) const REGISTRIES_DROPPED: Page = Page {
    title: both("An update takes a registry out", "更新去掉了一个仓库"),
    what: both(
        "An update by a person's account leaves out a registry that had usable credentials, although at \
         least one entry remains. Scheme, default port, `/v1`, `/v2` and closing slashes make no \
         difference. Updates by service accounts and nodes are not looked at.",
        "以个人账号发起的更新去掉了一个原本有可用凭据的仓库，而文档中仍有至少一个条目。协议、默认端口、\
         `/v1`、`/v2` 和末尾斜杠的差异不计。ServiceAccount 和节点发起的更新不检查。",
    ),
    why: both(
        "Every consumer loses the credentials of that registry. Rancher's form shows only the first \
         registry of a Secret and drops the others when it saves.",
        "所有消费方都将失去该仓库的凭据。Rancher 的表单只显示 Secret 的第一个仓库，保存时会丢掉其余仓库。",
    ),
    remedy: both(
        "If it was not meant, put the registry back by editing the Secret as YAML. The rule may be set to \
         `deny`.",
        "如非本意，请以 YAML 方式编辑 Secret，把该仓库加回来。可将本规则设为 `deny`。",
    ),
    example: Example {
        old_document: Some(
            "{\"auths\":{\n  \"registry.example.com\":{\"auth\":\"cm9ib3Q6ZXhhbXBsZQ==\"},\n  \
             \"mirror.example.com\":{\"auth\":\"cm9ib3Q6ZXhhbXBsZQ==\"}\n}}",
        ),
        ..Example::of(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#)
    },
};

pub(super) const TOO_LARGE_TO_FIX: Page = Page {
    title: both("No room for the repair", "没有空间进行修复"),
    what: both(
        "With all repairs the Secret's data (all keys, decoded) would take more than the 1,048,576 bytes \
         that Kubernetes allows. Nothing is patched. It stands in each entry that would have been \
         repaired, beside that entry's own finding.",
        "全部修复后，Secret 的数据（所有键，解码后）将超过 Kubernetes 允许的 1,048,576 字节，因此不做任何\
         修改。每个本应修复的条目都会报告此项，与该条目原有的问题并列。",
    ),
    why: both(
        "Those who need `auth` (podman, buildah, skopeo, Flux and others) still lack it; the kubelet is \
         not affected.",
        "依赖 `auth` 的消费方（podman、buildah、skopeo、Flux 等）仍然得不到它；kubelet 不受影响。",
    ),
    remedy: both(
        "Split the registries over several Secrets, or remove what is not needed.",
        "把仓库拆分到多个 Secret，或删除不需要的内容。",
    ),
    example: Example {
        other_data_bytes: 1_048_500,
        ..Example::of(r#"{"auths":{"registry.example.com":{"username":"robot","password":"example"}}}"#)
    },
};
