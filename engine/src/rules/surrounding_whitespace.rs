use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::{Bilingual, text};
use crate::document::EntryField;

/// White space or an invisible character around a credential; the place names the field, which for `auth` is a half of
/// its decoded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurroundingWhitespace;

impl Check for SurroundingWhitespace {
    const DEFINITION: Definition = Definition {
        code: "surrounding-whitespace",
        action: Action::Warn,
        kind: Kind::Content,
        title: text("White space around a credential", "凭据首尾有空白字符"),
        applies: text(
            "`username`, `password` or a half of decoded `auth` begins or ends with white space, line breaks included, or with an \
             invisible character. It is sent as part of the credential.",
            "`username`、`password` 或 `auth` 解码后的任意一半，首尾有空白字符（含换行）或不可见字符。它会作为凭据的一部分发送。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQo="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let plain = entry.plain_fields().filter(|(_, text)| is_surrounded(text)).map(|(field, _)| field);
        let auth = entry.decoded_auth().and_then(|auth| {
            let applies = if auth.is_utf8() {
                auth.text_halves()
                    .is_some_and(|(username, password)| is_surrounded(username) || is_surrounded(password))
            } else {
                // A byte above ASCII can be a letter of another code page.
                auth.halves().is_some_and(|(username, password)| {
                    has_ascii_space_around(username) || has_ascii_space_around(password)
                })
            };
            applies.then_some(EntryField::Auth)
        });
        plain
            .chain(auth)
            .map(|field| Found::at_field(entry, field, SurroundingWhitespace))
            .collect::<Vec<_>>()
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let clause = match context.place.field() {
            Some(EntryField::Auth) | None => Bilingual::new(
                "a half of decoded auth begins or ends with white space",
                "auth 解码后的用户名或密码首尾有空白字符",
            ),
            Some(field) => Bilingual::new(
                format!("{} begins or ends with white space", field.name()),
                format!("{} 首尾有空白字符", field.name()),
            ),
        };
        Message::new(
            clause,
            text(
                "Write the value again without it; printf %s, unlike echo, adds no line break.",
                "请去掉空白后重新填写；用 printf %s 代替 echo 可避免多出换行。",
            ),
        )
    }
}

fn is_surrounded(text: &str) -> bool {
    let is_invisible = |c: char| matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}');
    let is_space = |c: char| c.is_whitespace() || is_invisible(c);
    text.starts_with(is_space) || text.ends_with(is_space)
}

fn has_ascii_space_around(half: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'..=b'\r'));
    is_space(half.first()) || is_space(half.last())
}
