use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::document::EntryField;

/// `auth` decodes to something without a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthWithoutColon {
    /// Decoding it once more gives a colon.
    pub encoded_twice: bool,
}

impl Check for AuthWithoutColon {
    const DEFINITION: Definition = Definition {
        code: "auth-without-colon",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("Decoded `auth` has no colon", "`auth` 解码后没有冒号"),
        applies: text(
            "Decoded `auth` has no `:` between username and password. If decoding it once more gives one, the message says that it was \
             encoded twice.",
            "`auth` 解码后没有分隔用户名和密码的 `:`。如果再解码一次就有，消息会说明它被编码了两次。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":{"auth":"ZXhhbXBsZS10b2tlbg=="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let auth = entry.decoded_auth().filter(|auth| auth.halves().is_none())?;
        let rule = AuthWithoutColon { encoded_twice: auth.is_encoded_twice() };
        Some(Found::at_field(entry, EntryField::Auth, rule))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        if self.encoded_twice {
            return Message::new(
                text("auth was encoded to base64 twice", "auth 被 base64 编码了两次"),
                text("Encode username:password only once.", "请只对 username:password 编码一次。"),
            );
        }
        Message::new(
            text("decoded auth has no colon", "auth 解码后没有冒号"),
            text(
                "Encode username:password, not a password or token alone.",
                "请对 username:password 整体编码，而不是只编码密码或令牌。",
            ),
        )
    }
}
