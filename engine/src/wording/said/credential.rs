//! Of username, password and tokens.

use super::{Said, Text, latin};
use crate::finding::{EntryField, Place, Spot};

const fn field(place: &Place<'_>) -> Option<EntryField> {
    match &place.spot {
        Spot::Field(_, field) => Some(*field),
        Spot::Document | Spot::Top(_) | Spot::Entry(_) => None,
    }
}

/// A field of an entry, or what `auth` decodes to.
fn credential(place: &Place<'_>) -> (&'static str, String) {
    match field(place) {
        Some(EntryField::Auth) => ("decoded auth", "auth 解码后".to_owned()),
        Some(field) => (field.name(), latin(field.name())),
        None => ("a credential", "凭据".to_owned()),
    }
}

pub(super) fn no_credentials() -> Said {
    said!(
        [
            "the entry holds no credentials",
            "No consumer finds a username, password or token in it, so pulls from this registry go out \
             without. docker leaves such empty entries behind where its credentials are in a credsStore.",
            "Add username and password to the entry, or remove it if the registry needs none.",
        ],
        [
            "条目中没有任何凭据",
            "所有消费方都读不到用户名、密码或令牌，从该仓库拉取时不带凭据。docker 把凭据存入 credsStore \
             时，会在文件中留下这样的空条目。",
            "请在条目中补上 username 和 password；如果该仓库无需凭据，请删除该条目。",
        ],
    )
}

pub(super) fn incomplete(missing: EntryField) -> Said {
    let (there, missing) = match missing {
        EntryField::Username => ("password", "username"),
        _ => ("username", "password"),
    };
    said!(
        [
            "{there} is there, {missing} is missing or empty",
            "No consumer gets a complete pair from this entry; the kubelet sends the half it has, and \
             podman, buildah and skopeo find nothing, since auth is missing too.",
            "Add the {missing} to the entry.",
        ],
        [
            "有 {there}，但 {missing} 缺失或为空",
            "没有消费方能从该条目得到完整的凭据：kubelet 只会发送已有的一半；由于 auth 也缺失，podman、\
             buildah、skopeo 什么也读不到。",
            "请在条目中补上 {missing}。",
        ],
    )
}

pub(super) fn token_only() -> Said {
    said!(
        [
            "a token is all it holds, and the kubelet reads none",
            "The kubelet reads neither identitytoken nor registrytoken, so it has no password for this \
             registry; docker can use both.",
            "Put a username and an access token or robot account's password into username and password.",
        ],
        [
            "只有令牌可用，而 kubelet 不读取令牌",
            "kubelet 既不读 identitytoken 也不读 registrytoken，因此没有该仓库的密码；docker 两者都能使用。",
            "请在 username 和 password 中填写用户名及其访问令牌或机器人账号的密码。",
        ],
    )
}

pub(super) fn username_has_colon() -> Said {
    said!(
        [
            "username contains a colon, so auth cannot hold it",
            "auth ends the username at the first colon: what podman, buildah, skopeo and Flux read from \
             it would be another username. The kubelet and docker use the plain pair as it stands.",
            "Correct username; often user:password was pasted into it as a whole.",
        ],
        [
            "username 含有冒号，无法写入 auth",
            "auth 以第一个冒号作为用户名的结尾，podman、buildah、skopeo、Flux 从中会读出另一个用户名；\
             kubelet 和 docker 直接使用明文的 username 和 password。",
            "请修正 username，常见原因是把 user:password 整个粘贴了进去。",
        ],
    )
}

pub(super) fn control_characters(place: &Place<'_>, nul: bool) -> Said {
    let (name, name_zh) = credential(place);
    if nul {
        return said!(
            [
                "{name} contains a NUL character",
                "Consumers treat it differently: from the password in auth docker and podman trim a NUL \
                 at either end, while the kubelet and the key chain of Kyverno, Tekton and Knative keep it.",
                "Write the value again without it; the usual source is a file saved as UTF-16.",
            ],
            [
                "{name_zh}含有 NUL 字符",
                "各消费方处理不一：对于 auth 中的密码，docker 和 podman 会去掉首尾的 NUL，kubelet 以及 \
                 Kyverno、Tekton、Knative 所用的 keychain 则会保留。",
                "请重新填写不含 NUL 的值，常见原因是文件存成了 UTF-16。",
            ],
        );
    }
    said!(
        [
            "{name} contains a control character",
            "Every consumer sends it as part of the credential, the kubelet as well as docker; in an \
             editor or a web form it is not to be seen.",
            "Write the value again by hand; the usual source is text copied from a terminal.",
        ],
        [
            "{name_zh}含有控制字符",
            "kubelet、docker 等所有消费方都会把它当作凭据的一部分发送，而它在编辑器和网页表单中不可见。",
            "请手工重新填写该值，常见原因是从终端复制了不可见字符。",
        ],
    )
}

pub(super) fn surrounding_whitespace(place: &Place<'_>) -> Said {
    let (name, name_zh) = credential(place);
    let (clause, clause_zh) = match field(place) {
        Some(EntryField::Auth) => (
            "a half of decoded auth begins or ends with white space".to_owned(),
            "auth 解码后的用户名或密码首尾有空白字符".to_owned(),
        ),
        _ => (format!("{name} begins or ends with white space"), format!("{name_zh}首尾有空白字符")),
    };
    said!(
        [
            "{clause}",
            "Every consumer sends the blank or line break as part of the credential; none of them trims \
             it. It is rarely meant.",
            "Write the value again without it: printf %s instead of echo leaves no line break.",
        ],
        [
            "{clause_zh}",
            "所有消费方都会把空格或换行当作凭据的一部分发送，不会去除，而这通常并非本意。",
            "请去掉空白后重新填写；用 printf %s 代替 echo 可避免多出换行。",
        ],
    )
}

pub(super) fn stripped(place: &Place<'_>) -> Said {
    let name = field(place).map_or("a field", EntryField::name);
    let (affected, affected_zh) = match field(place) {
        Some(EntryField::Email) => (
            "No login needs it, but the kubelet's record of pulled images hashes the email too: images \
             already on a node may count as pulled with other credentials.",
            "登录不需要它，但 kubelet 的已拉取镜像记录会把 email 计入哈希：节点上已有的镜像可能被视为用其\
             他凭据拉取的。",
        ),
        _ => (
            "Consumers that use the token, such as docker, lose it; the kubelet never read it. Rancher's \
             form leaves out on saving all that it does not show.",
            "使用该令牌的消费方（如 docker）将失去它，kubelet 则从不读取。Rancher 的表单保存时会丢掉它未显\
             示的字段。",
        ),
    };
    said!(
        [
            "this update takes {name} out of the entry",
            "{affected}",
            "If that was not meant, put it back by editing the Secret as YAML.",
        ],
        [
            "本次更新从条目中去掉了 {name}",
            "{affected_zh}",
            "如非本意，请以 YAML 方式编辑 Secret，把它加回来。",
        ],
    )
}
