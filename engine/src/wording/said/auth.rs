//! Of `auth`, the base64 of `username:password`.

use super::{Said, Text};
use crate::finding::{EmptyHalf, NotBase64};

/// What stands after a repair could not, or must not, be done, is for a person to write.
pub(super) fn missing(repairable: bool) -> Said {
    if repairable {
        return said!(
            [
                "auth is missing",
                "podman, buildah, skopeo, Flux, Argo CD Image Updater and Kubewarden read only auth and \
                 find no credentials in this entry; the kubelet and docker read username and password and \
                 are not affected.",
                "regcred adds it by itself on admission; if this was refused, send it again.",
            ],
            [
                "缺少 auth",
                "podman、buildah、skopeo、Flux、Argo CD Image Updater、Kubewarden 只读 auth，从该条目得不\
                 到凭据；kubelet 和 docker 读取 username 和 password，不受影响。",
                "regcred 会在准入时自动补上；如果请求被拒绝，请重试。",
            ],
        );
    }
    said!(
        [
            "auth is missing and was not added",
            "podman, buildah, skopeo, Flux, Argo CD Image Updater and Kubewarden read only auth and find \
             no credentials in this entry; the kubelet and docker read username and password and are not \
             affected.",
            "Mend this entry's other findings first; without any, write auth = base64 of \
             username:password (kubectl create secret docker-registry).",
        ],
        [
            "缺少 auth，且未能自动补上",
            "podman、buildah、skopeo、Flux、Argo CD Image Updater、Kubewarden 只读 auth，从该条目得不到凭\
             据；kubelet 和 docker 读取 username 和 password，不受影响。",
            "请先修正该条目的其他问题；若没有，请将 auth 写为 username:password 的 base64，例如用 kubectl \
             create secret docker-registry 重新生成。",
        ],
    )
}

pub(super) fn not_base64(likely: NotBase64) -> Said {
    let (clause, clause_zh) = match likely {
        NotBase64::PlainPair => {
            ("auth is plain user:password, not base64 of it", "auth 是明文 user:password，没有做 base64 编码")
        }
        NotBase64::BasicPrefix => {
            ("auth begins with \"Basic \", as a header would", "auth 带有 HTTP 头的 \"Basic \" 前缀")
        }
        NotBase64::UrlSafe => (
            "auth is base64 in the URL-safe alphabet (- and _)",
            "auth 使用了 URL 安全的 base64 字母表（- 和 _）",
        ),
        NotBase64::Blanks => ("auth has blanks inside its base64", "auth 的 base64 中含有空格或制表符"),
        NotBase64::Template => {
            ("auth is a placeholder that was never filled in", "auth 是没有被替换的占位符")
        }
        NotBase64::Quoted => ("auth has quotation marks around its base64", "auth 的 base64 外多了一层引号"),
        NotBase64::Padding => ("auth is base64 with the wrong padding", "auth 的 base64 填充（=）有误"),
        NotBase64::Other => ("auth is not base64", "auth 不是合法的 base64"),
    };
    let (remedy, remedy_zh) = match likely {
        NotBase64::PlainPair => (
            "Encode it: auth is base64 of username:password.",
            "请编码后填写：auth 应为 username:password 的 base64。",
        ),
        NotBase64::BasicPrefix => {
            ("Remove that prefix and keep the base64 behind it.", "请删除该前缀，只保留后面的 base64。")
        }
        NotBase64::UrlSafe => (
            "Encode again in the standard alphabet: + for -, / for _.",
            "请用标准字母表重新编码：- 换成 +，_ 换成 /。",
        ),
        NotBase64::Blanks => ("Remove the blanks and tabs from it.", "请删除其中的空格和制表符。"),
        NotBase64::Template => (
            "Fill the placeholder in before the Secret is applied.",
            "请在提交 Secret 之前完成占位符的替换。",
        ),
        NotBase64::Quoted => ("Remove the quotation marks inside the value.", "请删除值内部的引号。"),
        NotBase64::Padding | NotBase64::Other => (
            "Write auth again as base64 of username:password.",
            "请将 auth 重新写为 username:password 的 base64。",
        ),
    };
    said!(
        [
            "{clause}",
            "The kubelet and docker refuse the whole document over it, all other registries included: \
             every pull of a pod that uses this Secret ends in an error. podman loses this entry.",
            "{remedy}",
        ],
        [
            "{clause_zh}",
            "kubelet 和 docker 会因此拒绝整份文档，其他仓库也受影响：使用该 Secret 的 Pod 拉取任何镜像都会\
             报错；podman 读不到该条目。",
            "{remedy_zh}",
        ],
    )
}

pub(super) fn unpadded(repairable: bool) -> Said {
    let (remedy, remedy_zh) = if repairable {
        (
            "regcred adds it by itself on admission; if this was refused, send it again.",
            "regcred 会在准入时自动补齐；如果请求被拒绝，请重试。",
        )
    } else {
        ("Append = until its length is a multiple of 4.", "请在末尾补 =，直到长度为 4 的倍数。")
    };
    said!(
        [
            "auth lacks its base64 padding (=)",
            "The kubelet and the key chain of Kyverno, Tekton and Knative accept it; docker loses the \
             whole file over it, and podman this entry.",
            "{remedy}",
        ],
        [
            "auth 缺少 base64 填充（=）",
            "kubelet 以及 Kyverno、Tekton、Knative 所用的 keychain 可以接受；docker 会因此读不了整个文件，\
             podman 读不到该条目。",
            "{remedy_zh}",
        ],
    )
}

pub(super) fn without_colon(encoded_twice: bool) -> Said {
    let (clause, clause_zh, remedy, remedy_zh) = if encoded_twice {
        (
            "auth was encoded to base64 twice",
            "auth 被 base64 编码了两次",
            "Encode username:password once only.",
            "请只对 username:password 编码一次。",
        )
    } else {
        (
            "auth decodes to something without a colon",
            "auth 解码后没有冒号",
            "Encode username:password, not a password or token alone.",
            "请对 username:password 整体编码，而不是只编码密码或令牌。",
        )
    };
    said!(
        [
            "{clause}",
            "The kubelet and docker refuse the whole document over it, all other registries included: \
             every pull of a pod that uses this Secret ends in an error. podman finds no credentials here.",
            "{remedy}",
        ],
        [
            "{clause_zh}",
            "kubelet 和 docker 会因此拒绝整份文档，其他仓库也受影响：使用该 Secret 的 Pod 拉取任何镜像都会\
             报错；podman 从该条目得不到凭据。",
            "{remedy_zh}",
        ],
    )
}

pub(super) fn empty_half(half: EmptyHalf) -> Said {
    let (what, what_zh) = match half {
        EmptyHalf::Username => ("an empty username", "用户名为空"),
        EmptyHalf::Password => ("an empty password", "密码为空"),
        EmptyHalf::Both => ("a colon and nothing else", "只有一个冒号"),
    };
    let (affected, affected_zh) = match half {
        EmptyHalf::Username | EmptyHalf::Both => (
            "docker refuses the whole file over an empty username, all other registries included; the \
             kubelet reads it without complaint and has no complete pair to send.",
            "用户名为空时 docker 会拒绝整个文件，其他仓库也受影响；kubelet 不会报错，但没有完整的凭据可发\
             送。",
        ),
        EmptyHalf::Password => (
            "The kubelet, docker and podman read it without complaint, and have no password to send; auth \
             counts even where username and password are filled in.",
            "kubelet、docker、podman 读取时都不报错，但没有密码可发送；即使填写了 username 和 password，也\
             以 auth 为准。",
        ),
    };
    said!(
        [
            "auth decodes to {what}",
            "{affected}",
            "Write auth again as base64 of username:password with both halves; look for a shell variable \
             that was empty.",
        ],
        [
            "auth 解码后{what_zh}",
            "{affected_zh}",
            "请用完整的 username:password 重新编码 auth，并检查是否有空的 shell 变量。",
        ],
    )
}

pub(super) fn disagrees() -> Said {
    said!(
        [
            "auth and username/password are different credentials",
            "The kubelet, docker and podman use auth; keel and Portieris use username and password. \
             Whoever changes only the plain fields changes nothing for the kubelet.",
            "Find out which one holds, and write the other anew from it.",
        ],
        [
            "auth 与 username/password 是不同的凭据",
            "kubelet、docker、podman 使用 auth；keel 和 Portieris 使用 username 和 password。只改明文字\
             段，对 kubelet 不起作用。",
            "请确认哪一份正确，并据此重写另一份。",
        ],
    )
}
