//! Of the document, its shape, and what an update took out of it.

use super::{Said, Text, latin};
use crate::finding::{EntryField, InvalidJson, JsonType, Place, Repeated, Spot, TopField};
use crate::secret::MAX_SECRET_BYTES;

pub(super) fn invalid_json(why: InvalidJson, offset: usize) -> Said {
    let (clause, clause_zh) = match why {
        InvalidJson::Empty => ("it is empty", "内容为空"),
        InvalidJson::ByteOrderMark => {
            ("a byte order mark stands before the JSON", "JSON 前面有字节顺序标记（BOM）")
        }
        InvalidJson::NotUtf8 => ("it holds bytes that are not UTF-8", "含有不是 UTF-8 的字节"),
        InvalidJson::EncodedTwice => {
            ("it is base64 of JSON, encoded once too often", "内容是 JSON 的 base64，多编码了一次")
        }
        InvalidJson::CutOff => ("the JSON ends in the middle", "JSON 不完整，中途结束"),
        InvalidJson::TrailingText => ("more text follows behind the JSON", "JSON 结束之后还有多余内容"),
        InvalidJson::TooDeep => {
            ("it nests objects and arrays deeper than 64 levels", "对象和数组嵌套超过 64 层")
        }
        InvalidJson::LoneSurrogate => {
            ("a \\u escape in it is half of a pair", "有一个 \\u 转义只是代理对的一半")
        }
        InvalidJson::NumberOutOfRange => {
            ("it holds a number too large for JSON readers", "含有超出 float64 范围的数字")
        }
        InvalidJson::RawControl => {
            ("a string in it holds a raw line break or the like", "字符串中有未转义的换行等控制字符")
        }
        InvalidJson::Syntax => ("it is not valid JSON", "不是合法的 JSON"),
    };
    let (affected, affected_zh) = match why {
        InvalidJson::NotUtf8 | InvalidJson::LoneSurrogate => (
            "Readers in Go replace it silently, which may change a credential; stricter readers refuse \
             the document.",
            "Go 程序会静默替换这类字符，凭据可能因此改变；更严格的程序会拒绝整份文档。",
        ),
        _ => (
            "Consumers differ in what they make of such a document, so none of its registries can be \
             relied on; regcred judges and repairs nothing in it.",
            "各消费方对这样的文档处理不一，其中的仓库都不可靠；regcred 不再判断也不修复其中的内容。",
        ),
    };
    let (remedy, remedy_zh) = match why {
        InvalidJson::Empty => (
            "Write the registries under auths, or make the Secret with kubectl create secret \
             docker-registry.",
            "请把仓库写在 auths 下，或用 kubectl create secret docker-registry 重新生成。",
        ),
        InvalidJson::ByteOrderMark | InvalidJson::NotUtf8 => {
            ("Save the document as UTF-8 without a byte order mark.", "请将文档另存为不带 BOM 的 UTF-8。")
        }
        InvalidJson::EncodedTwice => (
            "Encode it once: put the JSON itself under stringData, or its base64 under data.",
            "请只编码一次：把 JSON 原文放在 stringData 下，或把它的 base64 放在 data 下。",
        ),
        InvalidJson::CutOff => {
            ("Put the whole document in again; its end is missing.", "请重新填入完整的文档，缺少结尾部分。")
        }
        InvalidJson::TrailingText => {
            ("Remove what follows the closing brace.", "请删除最后一个右花括号之后的内容。")
        }
        InvalidJson::TooDeep => (
            "Remove the nested part; no field of a registry needs it.",
            "请删除嵌套过深的部分，仓库的字段用不到它。",
        ),
        InvalidJson::LoneSurrogate => {
            ("Write that character itself, in UTF-8.", "请直接用 UTF-8 写出该字符。")
        }
        InvalidJson::NumberOutOfRange => {
            ("Remove that number, or write it as a string.", "请删除该数字，或改成字符串。")
        }
        InvalidJson::RawControl => (
            "Escape it (a line break is \\n); template engines do so with toJson or quote.",
            "请转义（换行写作 \\n）；模板中可使用 toJson 或 quote。",
        ),
        InvalidJson::Syntax => (
            "Correct the JSON there, or make the Secret with kubectl create secret docker-registry.",
            "请修正该处的 JSON，或用 kubectl create secret docker-registry 重新生成。",
        ),
    };
    if why == InvalidJson::Empty {
        return said!(
            ["{clause}", "{affected}", "{remedy}"],
            ["{clause_zh}", "{affected_zh}", "{remedy_zh}"]
        );
    }
    said!(
        ["{clause}", "Reading stopped after {offset} bytes. {affected}", "{remedy}"],
        ["{clause_zh}", "读取到第 {offset} 字节后停止。{affected_zh}", "{remedy_zh}"],
    )
}

pub(super) fn ambiguous_json(repeated: &Repeated<'_>) -> Said {
    let (name, name_zh) = match repeated {
        Repeated::Top(field) => (field.name(), latin(field.name())),
        Repeated::Entry(field) => (field.name(), latin(field.name())),
        Repeated::Registry(_) => ("this registry", "该仓库".to_owned()),
        Repeated::Unknown => ("a name", "有一个名称".to_owned()),
    };
    said!(
        [
            "{name} is written more than once",
            "The kubelet, docker and podman take the last, ignore case in field names and merge two \
             auths; readers in other languages may take another, so consumers can end up with different \
             credentials.",
            "Keep the right one and remove the others, those in other case included.",
        ],
        [
            "{name_zh}重复出现",
            "kubelet、docker、podman 取最后一个，字段名不区分大小写，并会合并两个 auths；其他语言的程序可\
             能取另一个，各消费方得到的凭据可能不同。",
            "请保留正确的一个，删除其余（包括仅大小写不同的）。",
        ],
    )
}

const fn json_type(found: JsonType) -> (&'static str, &'static str) {
    match found {
        JsonType::Null => ("null", "null"),
        JsonType::Boolean => ("a boolean", "布尔值"),
        JsonType::Number => ("a number", "数字"),
        JsonType::String => ("a string", "字符串"),
        JsonType::Array => ("an array", "数组"),
        JsonType::Object => ("an object", "对象"),
    }
}

pub(super) fn not_an_object(place: &Place<'_>, found: JsonType) -> Said {
    let (what, what_zh) = match &place.spot {
        Spot::Document => ("the JSON", "JSON 顶层".to_owned()),
        Spot::Top(field) => (field.name(), latin(field.name())),
        Spot::Entry(_) | Spot::Field(..) => ("the entry", "条目".to_owned()),
    };
    let (found, found_zh) = json_type(found);
    let (remedy, remedy_zh) = match &place.spot {
        Spot::Top(TopField::HttpHeaders) => (
            "Write HttpHeaders as an object of strings, or remove it.",
            "请把 HttpHeaders 写成值为字符串的对象，或将其删除。",
        ),
        Spot::Entry(_) | Spot::Field(..) => (
            "Write the entry as an object with username, password and auth, or remove it.",
            "请把条目写成含 username、password、auth 的对象，或将其删除。",
        ),
        Spot::Document | Spot::Top(_) => (
            "Write it as an object that maps each registry to its entry.",
            "请写成对象，每个仓库地址对应一个条目。",
        ),
    };
    said!(
        [
            "{what} is {found}, not an object",
            "The kubelet and docker refuse the whole document over it, so every pull of a pod that uses \
             this Secret ends in an error.",
            "{remedy}",
        ],
        [
            "{what_zh}是{found_zh}，不是对象",
            "kubelet 和 docker 会因此拒绝整份文档，使用该 Secret 的 Pod 拉取任何镜像都会报错。",
            "{remedy_zh}",
        ],
    )
}

pub(super) fn missing_auths_wrapper(bare_entry: bool) -> Said {
    let (clause, clause_zh) = if bare_entry {
        ("a single entry stands where auths belongs", "顶层直接写了一个条目，缺少 auths")
    } else {
        ("registries stand at the top, without auths", "仓库直接写在顶层，缺少 auths")
    };
    let (remedy, remedy_zh) = if bare_entry {
        (
            "Put the entry under its registry: {\"auths\":{\"HOST\":ENTRY}}.",
            "请把条目放到所属仓库下：{\"auths\":{\"HOST\":ENTRY}}。",
        )
    } else {
        (
            "Put the registries under auths: {\"auths\":{\"HOST\":ENTRY}}.",
            "请把仓库放到 auths 下：{\"auths\":{\"HOST\":ENTRY}}。",
        )
    };
    said!(
        [
            "{clause}",
            "In a Secret of type kubernetes.io/dockerconfigjson the kubelet, docker and podman find no \
             registry then, and say nothing: pulls go out without credentials.",
            "{remedy}",
        ],
        [
            "{clause_zh}",
            "在类型为 kubernetes.io/dockerconfigjson 的 Secret 中，kubelet、docker、podman 会读不到任何仓\
             库，且没有任何提示，拉取时不带凭据。",
            "{remedy_zh}",
        ],
    )
}

pub(super) fn misplaced_auths_wrapper() -> Said {
    said!(
        [
            "auths does not belong in a Secret of type dockercfg",
            "The kubelet takes it for one registry named auths, says nothing, and finds none of the \
             registries in it: pulls go out without credentials.",
            "Create it as type kubernetes.io/dockerconfigjson, under the key .dockerconfigjson.",
        ],
        [
            "dockercfg 类型的 Secret 中不应有 auths",
            "kubelet 会把它当成名为 auths 的一个仓库，没有任何提示，其中的仓库都读不到，拉取时不带凭据。",
            "请改用类型 kubernetes.io/dockerconfigjson 创建，数据键为 .dockerconfigjson。",
        ],
    )
}

pub(super) fn no_registries() -> Said {
    said!(
        [
            "it holds no registry",
            "No consumer finds credentials in this Secret. That is right for a placeholder which a \
             controller fills in later.",
            "If it is no placeholder, add the registry with its username and password.",
        ],
        [
            "没有任何仓库",
            "所有消费方都无法从该 Secret 得到凭据。如果它是等待控制器填充的占位 Secret，则属正常。",
            "如果不是占位，请补上仓库及其 username 和 password。",
        ],
    )
}

pub(super) fn client_only_settings(place: &Place<'_>) -> Said {
    let (name, scope, scope_zh) = match place.spot {
        Spot::Top(TopField::CredHelpers) => (
            "credHelpers",
            "docker, podman, crane, ko and kaniko call the helper program for the registries it names",
            "docker、podman、crane、ko、kaniko 对其中列出的仓库都",
        ),
        _ => (
            "credsStore",
            "docker, crane, ko and kaniko call the helper program for every registry",
            "docker、crane、ko、kaniko 对所有仓库都",
        ),
    };
    said!(
        [
            "{name} only works where its helper is installed",
            "The kubelet ignores it. {scope} and \
             fail where it is missing, even if auths is good.",
            "Remove {name} from the document; keep it in your own ~/.docker/config.json.",
        ],
        [
            "{name} 只在装有对应 helper 的机器上有效",
            "kubelet 会忽略它；{scope_zh}会调用该 helper，缺少时即使 auths 正确\
             也会失败。",
            "请从文档中删除 {name}，只保留在自己的 ~/.docker/config.json 里。",
        ],
    )
}

pub(super) fn field_not_string(place: &Place<'_>, found: JsonType) -> Said {
    let (name, value, value_zh) = match &place.spot {
        Spot::Field(_, field) => (field.name(), field.name().to_owned(), latin(field.name())),
        _ => ("HttpHeaders", "a value in HttpHeaders".to_owned(), "HttpHeaders 中有一个值".to_owned()),
    };
    let (affected, affected_zh, optional) = match &place.spot {
        Spot::Field(_, EntryField::Email) => (
            "The kubelet refuses the whole document over it, so every pull of a pod that uses this Secret \
             ends in an error; docker does not mind.",
            "kubelet 会因此拒绝整份文档，使用该 Secret 的 Pod 拉取任何镜像都会报错；docker 不受影响。",
            true,
        ),
        Spot::Field(_, EntryField::IdentityToken) => (
            "docker, podman and the key chain refuse the whole document over it, all other registries \
             included; the kubelet does not read this field and does not mind.",
            "docker、podman 和 keychain 会因此拒绝整份文档，其他仓库也受影响；kubelet 不读取该字段，不受影响。",
            true,
        ),
        Spot::Field(_, EntryField::RegistryToken) => (
            "docker and the key chain refuse the whole document over it, all other registries included; \
             the kubelet does not read this field and does not mind.",
            "docker 和 keychain 会因此拒绝整份文档，其他仓库也受影响；kubelet 不读取该字段，不受影响。",
            true,
        ),
        Spot::Field(_, EntryField::ServerAddress) => (
            "docker refuses the whole file over it, all other registries included; the kubelet does not \
             read this field and does not mind.",
            "docker 会因此拒绝整个文件，其他仓库也受影响；kubelet 不读取该字段，不受影响。",
            true,
        ),
        Spot::Field(_, EntryField::Username | EntryField::Password | EntryField::Auth) => (
            "The kubelet and docker refuse the whole document over it, all other registries included: \
             every pull of a pod that uses this Secret ends in an error.",
            "kubelet 和 docker 会因此拒绝整份文档，其他仓库也受影响：使用该 Secret 的 Pod 拉取任何镜像都会\
             报错。",
            false,
        ),
        _ => (
            "The kubelet and docker refuse the whole document over it, all registries included: every \
             pull of a pod that uses this Secret ends in an error.",
            "kubelet 和 docker 会因此拒绝整份文档，所有仓库都受影响：使用该 Secret 的 Pod 拉取任何镜像都会\
             报错。",
            true,
        ),
    };
    let (how, how_zh) = match found {
        JsonType::Array | JsonType::Object => ("Write it as one string", "请写成一个字符串"),
        _ => ("Put the value in quotation marks", "请给值加上引号"),
    };
    let (or, or_zh) = if optional {
        (format!(", or remove {name}"), format!("，或删除 {name}"))
    } else {
        Default::default()
    };
    let (found, found_zh) = json_type(found);
    said!(
        ["{value} is {found}, not a string", "{affected}", "{how}{or}."],
        ["{value_zh}是{found_zh}，不是字符串", "{affected_zh}", "{how_zh}{or_zh}。"],
    )
}

pub(super) fn registries_dropped() -> Said {
    said!(
        [
            "this update takes the registry out of the Secret",
            "Every consumer loses its credentials. Rancher's form shows only the first registry of a \
             Secret and drops the others when it saves.",
            "If that was not meant, put the registry back by editing the Secret as YAML.",
        ],
        [
            "本次更新从 Secret 中去掉了这个仓库",
            "所有消费方都将失去它的凭据。Rancher 的表单只显示第一个仓库，保存时会丢掉其余仓库。",
            "如非本意，请以 YAML 方式编辑 Secret，把该仓库加回来。",
        ],
    )
}

pub(super) fn too_large_to_fix(would_be: usize) -> Said {
    said!(
        [
            "no room in the Secret for the repair of auth",
            "With all repairs the Secret's data would take {would_be} bytes; Kubernetes allows \
             {MAX_SECRET_BYTES}. So nothing was patched, and whoever needs auth (podman, buildah, skopeo, \
             Flux) is not helped.",
            "Split the registries over several Secrets, or remove what is not needed.",
        ],
        [
            "Secret 已没有空间容纳 auth 的修复",
            "全部修复后数据将达 {would_be} 字节，Kubernetes 上限为 {MAX_SECRET_BYTES} 字节，因此未做任何修\
             改；依赖 auth 的 podman、buildah、skopeo、Flux 等仍有问题。",
            "请把仓库拆分到多个 Secret，或删除不需要的内容。",
        ],
    )
}
