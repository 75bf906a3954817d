use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::{Bilingual, text};
use crate::document::EntryField;

/// A control character in a credential: in decoded `auth` only NUL, which the place tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlCharacters {
    /// The character is NUL.
    pub nul: bool,
}

fn has_bad_control(text: &str) -> bool {
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
    !text.bytes().all(is_printable) && text.contains(is_bad)
}

impl Check for ControlCharacters {
    const DEFINITION: Definition = Definition {
        code: "control-characters",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("A control character in a credential", "凭据中有控制字符"),
        applies: text(
            "`username`, `password` or decoded `auth` contains a NUL, or `username` or `password` contains another control character. \
             Line feed, carriage return and tab are allowed: Google's `_json_key` password is JSON of several lines.",
            "`username`、`password` 或解码后的 `auth` 含有 NUL，或者 `username` 或 `password` 含有其他控制字符。换行、回车和制表符是允许的：\
             Google 的 `_json_key` 密码就是多行 JSON。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"username":"robot","password":"exam\u0000ple"}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let plain = entry.plain_fields().filter(|(_, text)| has_bad_control(text));
        let plain = plain.map(|(field, text)| {
            Found::at_field(entry, field, ControlCharacters { nul: text.contains('\0') })
        });
        let auth = entry.decoded_auth().filter(|auth| auth.bytes().contains(&0));
        let auth = auth.map(|_| Found::at_field(entry, EntryField::Auth, ControlCharacters { nul: true }));
        plain.chain(auth).collect::<Vec<_>>()
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let (name, name_zh) = match context.place.field() {
            Some(EntryField::Auth) | None => ("decoded auth", "auth 解码后".to_owned()),
            Some(field) => (field.name(), format!("{} ", field.name())),
        };
        if self.nul {
            return Message::new(
                Bilingual::new(format!("{name} contains a NUL character"), format!("{name_zh}含有 NUL 字符")),
                text(
                    "Write the value again without it; the usual cause is a file saved as UTF-16.",
                    "请重新填写不含 NUL 的值，常见原因是文件存成了 UTF-16。",
                ),
            );
        }
        Message::new(
            Bilingual::new(format!("{name} contains a control character"), format!("{name_zh}含有控制字符")),
            text(
                "Type the value again; the usual cause is text copied from a terminal.",
                "请手工重新填写该值，常见原因是从终端复制了不可见字符。",
            ),
        )
    }
}
