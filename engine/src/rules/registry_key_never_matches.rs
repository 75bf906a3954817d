use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::empty_leftover::EmptyLeftover;
use super::view::EntryView;
use crate::bilingual::text;
use crate::registry::NeverMatches;

/// The kubelet finds the key for no ordinary image. Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryKeyNeverMatches(pub NeverMatches);

impl Check for RegistryKeyNeverMatches {
    const DEFINITION: Definition = Definition {
        code: "registry-key-never-matches",
        action: Action::Warn,
        kind: Kind::Host,
        title: text("No ordinary image name matches the key", "普通镜像名匹配不到该仓库地址"),
        applies: text(
            "The kubelet finds the key for no ordinary image: it has upper-case letters, a dot after the host, port 443, characters outside \
             ASCII, `/v1` or `/v2` without the closing slash, a host or a path that no image can have, or a page of a browser; or it is a \
             lone `*`, one word without a port, or an IPv6 address without a port.",
            "kubelet 拉取任何普通镜像都匹配不到该仓库地址：它有大写字母、主机名后有点、写出了端口 443、含有非 ASCII 字符、以 `/v1` 或 `/v2` \
             结尾而少了斜杠、有镜像不可能有的主机名或路径，或者是浏览器中的页面；或者只是一个 `*`、没有端口的单个单词，或没有端口的 IPv6 地址。",
        ),
        example: Example::new(r#"{"auths":{"Registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let applies = entry.is_never_found() && !EmptyLeftover::applies(entry);
        applies.then(|| Found::at(entry, RegistryKeyNeverMatches(entry.key().why_never())))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let RegistryKeyNeverMatches(why) = self;
        let (clause, remedy) = match why {
            NeverMatches::UpperCase => (
                text("the registry key has upper-case letters", "仓库地址中有大写字母"),
                text("Write it in lower case.", "请改为小写。"),
            ),
            NeverMatches::UpperCaseScheme => (
                text("the registry key's scheme is in upper case", "仓库地址的协议用了大写字母"),
                text("Remove the scheme, or write it in lower case.", "请删除协议，或改为小写。"),
            ),
            NeverMatches::ApiVersionWithoutSlash => (
                text(
                    "the registry key ends in /v1 or /v2 without a slash",
                    "仓库地址以 /v1 或 /v2 结尾，少了末尾斜杠",
                ),
                text(
                    "Remove /v1 or /v2; host[:port] is enough.",
                    "请删除 /v1 或 /v2，只写 host[:port] 即可。",
                ),
            ),
            NeverMatches::DefaultPort => (
                text("the registry key has port 443 written out", "仓库地址写出了端口 443"),
                text("Remove :443, unless image names have it too.", "请删除 :443，除非镜像名中也写了它。"),
            ),
            NeverMatches::TrailingDot => (
                text("the registry key's host ends in a dot", "仓库地址的主机名以点结尾"),
                text("Remove the dot.", "请删除末尾的点。"),
            ),
            NeverMatches::NotAscii => (
                text("the registry key has characters outside ASCII", "仓库地址中有非 ASCII 字符"),
                text(
                    "Type the host again in ASCII; check for full-width characters.",
                    "请用半角 ASCII 字符重新输入主机名，注意全角字符。",
                ),
            ),
            NeverMatches::Host => (
                text(
                    "the registry key has a host that no image can have",
                    "仓库地址中的主机名不可能出现在镜像名中",
                ),
                text("Write the host exactly as image names do.", "请按镜像名中的写法填写主机名。"),
            ),
            NeverMatches::LoneStar => (
                text(
                    "the registry key is only *, which is not every registry",
                    "仓库地址只有一个 *，并不代表所有仓库",
                ),
                text("Give each registry its own entry.", "请为每个仓库分别写一个条目。"),
            ),
            NeverMatches::OneWord => (
                text(
                    "the registry key is one word without domain or port",
                    "仓库地址只有一个单词，没有域名或端口",
                ),
                text(
                    "Write the whole host, with domain or port, as image names do.",
                    "请写完整的主机名（带域名或端口），与镜像名一致。",
                ),
            ),
            NeverMatches::Ipv6WithoutPort => (
                text("the registry key is an IPv6 address without a port", "仓库地址是没有端口的 IPv6 地址"),
                text("Write the port too, as in [::1]:5000.", "请同时写上端口，例如 [::1]:5000。"),
            ),
            NeverMatches::BrowserPage => (
                text("the registry key is a page of the web interface", "仓库地址是网页界面的地址"),
                text("Write only host[:port].", "请只写 host[:port]。"),
            ),
            NeverMatches::Path => (
                text(
                    "the registry key has a path that no image can have",
                    "仓库地址中的路径不可能出现在镜像名中",
                ),
                text(
                    "Remove the path, or write it exactly as image names do.",
                    "请删除路径，或写成与镜像名完全一致。",
                ),
            ),
        };
        Message::new(clause, remedy)
    }
}
