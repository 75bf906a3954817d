use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;

/// The key is a glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryKeyWildcard;

impl Check for RegistryKeyWildcard {
    const DEFINITION: Definition = Definition {
        code: "registry-key-wildcard",
        action: Action::Audit,
        kind: Kind::Host,
        title: text("The registry key is a pattern", "仓库地址是通配符"),
        applies: text(
            "The host contains `*`, which stands for one part between dots. It is only recorded.",
            "主机名中有 `*`，它代表两个点之间的一段。此项只作记录。",
        ),
        example: Example::new(r#"{"auths":{"*.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        entry.key().is_wildcard().then(|| Found::at(entry, RegistryKeyWildcard))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("the registry key is a pattern", "仓库地址是通配符"),
            text(
                "If consumers that do not find it need the credentials, give each registry its own entry.",
                "如果匹配不到它的消费方也需要这些凭据，请为每个仓库分别写一个条目。",
            ),
        )
    }
}
