use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::registry::KeyFault;

/// The key names no registry. Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryKeyInvalid(pub KeyFault);

impl Check for RegistryKeyInvalid {
    const DEFINITION: Definition = Definition {
        code: "registry-key-invalid",
        action: Action::Deny,
        kind: Kind::Host,
        title: text("The registry key is invalid", "仓库地址无效"),
        applies: text(
            "The key is empty or has no host; contains white space, a control character, a comma, a query or a fragment; has `<` `>` `{` \
             `}` `\\` `^` `|` `%` or a back-quote in the host, or a malformed `%` escape anywhere; has a port that is not a number up to \
             65535, a scheme other than http and https, two schemes, one slash after the scheme, quotation marks around it, or brackets \
             outside of an IPv6 address; or is an IPv6 address without brackets.",
            "仓库地址为空或没有主机名；含有空白、控制字符、逗号、查询或片段；主机名中有 `<` `>` `{` `}` `\\` `^` `|` `%` 或反引号，或任意位置\
             有错误的 `%` 转义；端口不是 65535 以内的数字，协议不是 http 或 https，协议重复，协议后只有一个斜杠，外面有引号，或在 IPv6 地址之外\
             有方括号；或者是未加方括号的 IPv6 地址。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com,mirror.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        entry.key_fault().map(|fault| Found::at(entry, RegistryKeyInvalid(fault)))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let RegistryKeyInvalid(fault) = *self;
        let clause = match fault {
            KeyFault::Empty => text("the registry key is empty", "仓库地址为空"),
            KeyFault::NoHost => text("the registry key has no host", "仓库地址中没有主机名"),
            KeyFault::Whitespace => text("the registry key has white space in it", "仓库地址中有空白字符"),
            KeyFault::Control => {
                text("the registry key has a control character in it", "仓库地址中有控制字符")
            }
            KeyFault::Comma => text("the registry key has a comma in it", "仓库地址中有逗号"),
            KeyFault::QueryOrFragment => {
                text("the registry key has a query or a fragment", "仓库地址中带有 ? 查询或 # 片段")
            }
            KeyFault::Placeholder => {
                text("the registry key is an unfilled placeholder", "仓库地址是没有被替换的占位符")
            }
            KeyFault::HostCharacter => text(
                "the registry key has an invalid character in its host",
                "仓库地址中有主机名不允许的字符",
            ),
            KeyFault::Escape => {
                text("the registry key has a % that is not allowed there", "仓库地址中有不允许的 %")
            }
            KeyFault::Port => text(
                "the registry key's port is not a number up to 65535",
                "仓库地址的端口不是 65535 以内的数字",
            ),
            KeyFault::Scheme => {
                text("the registry key's scheme is not http or https", "仓库地址的协议不是 http 或 https")
            }
            KeyFault::DoubledScheme => text("the registry key has two schemes", "仓库地址的协议重复了"),
            KeyFault::SingleSlash => {
                text("the registry key has one slash after its scheme", "仓库地址的协议后只有一个斜杠")
            }
            KeyFault::Quoted => {
                text("the registry key has quotation marks around it", "仓库地址外多了一层引号")
            }
            KeyFault::Bracket => {
                text("the registry key has brackets in its host", "仓库地址的主机名中有方括号")
            }
            KeyFault::BareIpv6 => {
                text("the registry key is an IPv6 address without [ ]", "仓库地址是未加方括号的 IPv6 地址")
            }
        };
        let remedy = match fault {
            KeyFault::Comma => text("Give each registry its own entry.", "请为每个仓库单独写一个条目。"),
            KeyFault::Placeholder => text(
                "Fill in the placeholder before you apply the Secret.",
                "请在提交 Secret 之前完成占位符的替换。",
            ),
            KeyFault::Scheme | KeyFault::DoubledScheme | KeyFault::SingleSlash => {
                text("Write host[:port] without a scheme.", "请只写 host[:port]，不带协议。")
            }
            KeyFault::Quoted => text("Remove the quotation marks.", "请删除引号。"),
            KeyFault::BareIpv6 => {
                text("Write it in brackets, as in [::1]:5000.", "请加上方括号，例如 [::1]:5000。")
            }
            _ => text(
                "Write the key as host[:port], as image names begin, such as registry.example.com:5000.",
                "请按镜像名开头的写法填写 host[:port]，例如 registry.example.com:5000。",
            ),
        };
        Message::new(clause, remedy)
    }
}
