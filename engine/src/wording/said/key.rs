//! Of how a registry key is written.

use super::{Said, Text};
use crate::registry::{KeyFault, NeverMatches};

/// What consumers do with a key that names no registry.
fn invalid_affected(fault: KeyFault) -> (&'static str, &'static str) {
    match fault {
        KeyFault::QueryOrFragment => (
            "The kubelet leaves that part out and may still find the registry; others take it for a part \
             of the name and do not find the entry.",
            "kubelet 会忽略这一部分，仍可能匹配到仓库；其他消费方会把它当作名称的一部分，匹配不到该条目。",
        ),
        KeyFault::Empty | KeyFault::NoHost | KeyFault::Comma | KeyFault::Scheme | KeyFault::DoubledScheme => {
            (
                "The kubelet finds the entry for no image and pulls without its credentials; other \
                 consumers may skip it as well.",
                "kubelet 拉取任何镜像都匹配不到该条目，不会使用其中的凭据；其他消费方也可能跳过它。",
            )
        }
        KeyFault::Whitespace
        | KeyFault::Control
        | KeyFault::Placeholder
        | KeyFault::HostCharacter
        | KeyFault::Escape
        | KeyFault::Port
        | KeyFault::BareIpv6 => (
            "The kubelet skips the entry, or finds it for no ordinary image; the key chain of Kyverno, \
             Tekton and Knative may fail over it for the whole Secret, all other registries included.",
            "kubelet 会跳过该条目，或匹配不到普通镜像；Kyverno、Tekton、Knative 所用的 keychain 可能因此读\
             不了整个 Secret，其他仓库也受影响。",
        ),
    }
}

pub(super) fn invalid(fault: KeyFault) -> Said {
    let (clause, clause_zh) = match fault {
        KeyFault::Empty => ("the registry key is empty", "仓库地址为空"),
        KeyFault::NoHost => ("the registry key has no host", "仓库地址中没有主机名"),
        KeyFault::Whitespace => ("the registry key has white space in it", "仓库地址中有空白字符"),
        KeyFault::Control => ("the registry key has a control character in it", "仓库地址中有控制字符"),
        KeyFault::Comma => ("the registry key has a comma in it", "仓库地址中有逗号"),
        KeyFault::QueryOrFragment => {
            ("the registry key has a query or a fragment", "仓库地址中带有 ? 查询或 # 片段")
        }
        KeyFault::Placeholder => {
            ("the registry key is an unfilled placeholder", "仓库地址是没有被替换的占位符")
        }
        KeyFault::HostCharacter => {
            ("the registry key has a character no host has", "仓库地址中有主机名不允许的字符")
        }
        KeyFault::Escape => ("the registry key has a bad % escape", "仓库地址中有不允许的 % 转义"),
        KeyFault::Port => {
            ("the registry key's port is no number up to 65535", "仓库地址的端口不是 65535 以内的数字")
        }
        KeyFault::Scheme => {
            ("the registry key's scheme is not http or https", "仓库地址的协议不是 http 或 https")
        }
        KeyFault::DoubledScheme => ("the registry key has two schemes", "仓库地址的协议重复了"),
        KeyFault::BareIpv6 => {
            ("the registry key is an IPv6 address without [ ]", "仓库地址是未加方括号的 IPv6 地址")
        }
    };
    let (remedy, remedy_zh) = match fault {
        KeyFault::Comma => ("Give each registry an entry of its own.", "请为每个仓库单独写一个条目。"),
        KeyFault::Placeholder => (
            "Fill the placeholder in before the Secret is applied.",
            "请在提交 Secret 之前完成占位符的替换。",
        ),
        KeyFault::Scheme | KeyFault::DoubledScheme => {
            ("Write host[:port] without any scheme.", "请只写 host[:port]，不带协议。")
        }
        KeyFault::BareIpv6 => ("Write it in brackets, as [::1]:5000.", "请加上方括号，例如 [::1]:5000。"),
        KeyFault::Empty
        | KeyFault::NoHost
        | KeyFault::Whitespace
        | KeyFault::Control
        | KeyFault::QueryOrFragment
        | KeyFault::HostCharacter
        | KeyFault::Escape
        | KeyFault::Port => (
            "Write the key as host[:port], just as image names begin, such as registry.example.com:5000.",
            "请按镜像名开头的写法填写 host[:port]，例如 registry.example.com:5000。",
        ),
    };
    let (affected, affected_zh) = invalid_affected(fault);
    said!(["{clause}", "{affected}", "{remedy}"], ["{clause_zh}", "{affected_zh}", "{remedy_zh}"])
}

pub(super) fn has_credentials() -> Said {
    said!(
        [
            "the registry key has user-info in it, before an @",
            "No consumer logs in with them: the kubelet drops that part, and others may not find the \
             registry at all. Unlike passwords, keys are shown in logs and messages.",
            "Leave only the host in the key and use username and password; renew a password that stood in \
             it.",
        ],
        [
            "仓库地址的 @ 之前带有用户信息",
            "没有消费方会用它登录：kubelet 会忽略这一部分，其他消费方可能因此匹配不到仓库。而且仓库地址与\
             密码不同，会出现在日志和提示信息中。",
            "请在仓库地址中只保留主机名，凭据写入 username 和 password；地址中出现过的密码请更换。",
        ],
    )
}

pub(super) fn never_matches(why: NeverMatches) -> Said {
    let (clause, clause_zh) = match why {
        NeverMatches::UpperCase => ("the registry key has upper-case letters", "仓库地址中有大写字母"),
        NeverMatches::UpperCaseScheme => {
            ("the registry key's scheme is in upper case", "仓库地址的协议用了大写字母")
        }
        NeverMatches::ApiVersionWithoutSlash => (
            "the registry key ends in /v1 or /v2 without a slash",
            "仓库地址以 /v1 或 /v2 结尾，少了末尾斜杠",
        ),
        NeverMatches::DefaultPort => ("the registry key spells out port 443", "仓库地址写出了端口 443"),
        NeverMatches::TrailingDot => ("the registry key's host ends in a dot", "仓库地址的主机名以点结尾"),
        NeverMatches::EmptyPort => {
            ("the registry key has a colon without a port", "仓库地址的冒号后面没有端口")
        }
        NeverMatches::HostCharacter => {
            ("the registry key has characters no image host has", "仓库地址中有镜像主机名不会出现的字符")
        }
        NeverMatches::LoneStar => {
            ("the registry key is * alone, not every registry", "仓库地址只有一个 *，并不代表所有仓库")
        }
        NeverMatches::OneWord => {
            ("the registry key is one word without domain or port", "仓库地址只有一个单词，没有域名或端口")
        }
        NeverMatches::Path => {
            ("the registry key has a path that no image can have", "仓库地址中的路径不可能出现在镜像名中")
        }
    };
    let (affected, affected_zh) = match why {
        NeverMatches::EmptyPort => (
            "The kubelet finds this key; docker and podman do not, and go without its credentials.",
            "kubelet 能匹配该地址；docker 和 podman 匹配不到，不会使用其中的凭据。",
        ),
        NeverMatches::LoneStar => (
            "To the kubelet a * stands for one part between dots, so this key is found for no host with a \
             dot in its name; docker and podman know no patterns at all.",
            "对 kubelet 来说，* 只代表两个点之间的一段，因此带点的主机名都匹配不到；docker 和 podman 则完\
             全不支持通配符。",
        ),
        NeverMatches::OneWord => (
            "In image names only a first part with a dot or a port is a host (or localhost); the kubelet \
             finds this key for no ordinary image, and other consumers may differ.",
            "镜像名的第一段只有带点或带端口（或为 localhost）才是主机名，kubelet 匹配不到普通镜像；其他消\
             费方可能有所不同。",
        ),
        NeverMatches::UpperCase
        | NeverMatches::UpperCaseScheme
        | NeverMatches::ApiVersionWithoutSlash
        | NeverMatches::DefaultPort
        | NeverMatches::TrailingDot
        | NeverMatches::HostCharacter
        | NeverMatches::Path => (
            "The kubelet compares keys literally with image names, which are not written like that as a \
             rule: it pulls without these credentials. Other consumers may differ.",
            "kubelet 会把仓库地址与镜像名逐字比较，而镜像名通常不这样写，因此拉取时不会使用这些凭据；其他\
             消费方可能有所不同。",
        ),
    };
    let (remedy, remedy_zh) = match why {
        NeverMatches::UpperCase => ("Write it in lower case.", "请改为小写。"),
        NeverMatches::UpperCaseScheme => {
            ("Remove the scheme, or write it in lower case.", "请删除协议，或改为小写。")
        }
        NeverMatches::ApiVersionWithoutSlash => {
            ("Remove that ending; host[:port] is enough.", "请删除该结尾，只写 host[:port] 即可。")
        }
        NeverMatches::DefaultPort => {
            ("Remove :443, unless image names spell it out too.", "请删除 :443，除非镜像名中也写了它。")
        }
        NeverMatches::TrailingDot => ("Remove the dot.", "请删除末尾的点。"),
        NeverMatches::EmptyPort => ("Remove the colon, or write the port.", "请删除冒号，或写上端口。"),
        NeverMatches::HostCharacter => (
            "Type the host again in ASCII; look for full-width characters.",
            "请用半角 ASCII 字符重新输入主机名，注意全角字符。",
        ),
        NeverMatches::LoneStar => ("Write an entry for each registry.", "请为每个仓库分别写一个条目。"),
        NeverMatches::OneWord => (
            "Write the whole host, with domain or port, as image names do.",
            "请写完整的主机名（带域名或端口），与镜像名一致。",
        ),
        NeverMatches::Path => (
            "Remove the path, or write it exactly as image names do.",
            "请删除路径，或写成与镜像名完全一致。",
        ),
    };
    said!(["{clause}", "{affected}", "{remedy}"], ["{clause_zh}", "{affected_zh}", "{remedy_zh}"])
}

pub(super) fn wildcard() -> Said {
    said!(
        [
            "the registry key is a pattern",
            "Only the kubelet and the key chain of Kyverno, Tekton and Knative understand patterns, one \
             part between dots to a *; docker, podman, buildah and skopeo look for this very name.",
            "If others than these need the credentials, write an entry for each registry.",
        ],
        [
            "仓库地址是通配符",
            "只有 kubelet 以及 Kyverno、Tekton、Knative 所用的 keychain 支持通配符（* 只代表两个点之间的一\
             段）；docker、podman、buildah、skopeo 会按字面查找。",
            "如果其他消费方也要使用这些凭据，请为每个仓库分别写一个条目。",
        ],
    )
}
