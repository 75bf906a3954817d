use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::{Bilingual, text};
use crate::document::EntryField;

/// A credential that a template left unfilled; the place names the field. For `auth` it is a half of its decoded value,
/// or the whole of what cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfilledPlaceholder;

impl Check for UnfilledPlaceholder {
    const DEFINITION: Definition = Definition {
        code: "unfilled-placeholder",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("A placeholder was never filled in", "占位符没有被替换"),
        applies: text(
            "`username`, `password`, a half of decoded `auth`, or an `auth` that cannot be decoded is a placeholder: `{{…}}`, `${…}`, \
             `$(…)` or `<no value>`, perhaps in quotation marks; or it contains what Go prints for a missing value, such as `%!s(<nil>)`. \
             An entry with a placeholder is never repaired, whatever the action of this rule.",
            "`username`、`password`、`auth` 解码后的任意一半，或无法解码的 `auth` 是占位符：`{{…}}`、`${…}`、`$(…)` 或 `<no value>`，外面可有\
             引号；或者其中有 Go 对缺失值的输出，例如 `%!s(<nil>)`。含有占位符的条目不会被修复，不论此规则的动作是什么。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"auth":"JHtSRUdJU1RSWV9VU0VSfToke1JFR0lTVFJZX1BBU1NXT1JEfQ=="}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let fields = entry.placeholders();
        fields.map(|field| Found::at_field(entry, field, UnfilledPlaceholder)).collect::<Vec<_>>()
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let clause = match context.place.field() {
            Some(EntryField::Auth) | None => Bilingual::new(
                "auth contains a placeholder that was never filled in",
                "auth 中有没有被替换的占位符",
            ),
            Some(field) => Bilingual::new(
                format!("{} is a placeholder that was never filled in", field.name()),
                format!("{} 是没有被替换的占位符", field.name()),
            ),
        };
        Message::new(
            clause,
            text(
                "Fill in the placeholder before you apply the Secret.",
                "请在提交 Secret 之前完成占位符的替换。",
            ),
        )
    }
}
