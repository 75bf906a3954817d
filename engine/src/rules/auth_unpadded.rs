use super::definition::{Action, Announcement, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::document::EntryField;
use crate::repair::Edit;

/// `auth` lacks its base64 padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthUnpadded;

impl Check for AuthUnpadded {
    const DEFINITION: Definition = Definition {
        code: "auth-unpadded",
        action: Action::Warn,
        kind: Kind::Fixable(Announcement {
            clause: "padding of auth added",
            rest: text(
                "It decodes to the same credentials; nothing else was changed.",
                "已补齐 auth 的 base64 填充，解码结果不变，其余内容未改动。",
            ),
        }),
        title: text("`auth` lacks its base64 padding", "`auth` 缺少 base64 填充"),
        applies: text(
            "`auth` can be decoded only without padding. regcred adds the `=` and removes line breaks at the end; the letters stay.",
            "`auth` 只有按无填充方式才能解码。regcred 会补上 `=` 并去掉末尾的换行，其他字符不变。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ"}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let missing = entry.decoded_auth()?.missing_padding;
        let member = entry.fields.member(EntryField::Auth).filter(|_| missing > 0)?;
        let edit = Edit::pad_auth(entry.document, entry.member, member, missing)
            .filter(|_| !entry.has_placeholder());
        Some(Found { edit, ..Found::at_field(entry, EntryField::Auth, AuthUnpadded) })
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let clause = text("auth lacks its base64 padding (=)", "auth 缺少 base64 填充（=）");
        if context.repairable {
            return Message::new(
                clause,
                text(
                    "regcred adds it automatically on admission; if the request was refused, retry it.",
                    "regcred 会在准入时自动补齐；如果请求被拒绝，请重试。",
                ),
            );
        }
        Message::new(
            clause,
            text("Append = until its length is a multiple of 4.", "请在末尾补 =，直到长度为 4 的倍数。"),
        )
    }
}
