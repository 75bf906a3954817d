use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;

/// The key contains what a template left unfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryKeyUnfilled;

impl Check for RegistryKeyUnfilled {
    const DEFINITION: Definition = Definition {
        code: "registry-key-unfilled",
        action: Action::Deny,
        kind: Kind::Host,
        title: text("The registry key has an unfilled placeholder", "仓库地址中有没有被替换的占位符"),
        applies: text(
            "The key contains, anywhere, what a template left unfilled: `{{…}}`, `${…}`, `$(…)`, `$NAME` with no letter, digit or `_` \
             after it, or `%!`. It replaces `registry-key-invalid` and `registry-key-never-matches`.",
            "仓库地址的任意位置有模板没有替换的内容：`{{…}}`、`${…}`、`$(…)`、后面不跟字母、数字或 `_` 的 `$NAME`，或 `%!`。它取代 \
             `registry-key-invalid` 和 `registry-key-never-matches`。",
        ),
        example: Example::new(r#"{"auths":{"${REGISTRY}":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        entry.is_key_unfilled().then(|| Found::at(entry, RegistryKeyUnfilled))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("the registry key has an unfilled placeholder", "仓库地址中有没有被替换的占位符"),
            text(
                "Fill in the placeholder before you apply the Secret.",
                "请在提交 Secret 之前完成占位符的替换。",
            ),
        )
    }
}
