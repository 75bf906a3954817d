use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::affected::readers;
use crate::bilingual::text;
use crate::document::EntryField;

/// `auth` and the plain fields have different credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthDisagrees;

impl Check for AuthDisagrees {
    const DEFINITION: Definition = Definition {
        code: "auth-disagrees",
        action: Action::Warn,
        kind: Kind::Content,
        title: text(
            "`auth` and the plain fields have different credentials",
            "`auth` 与明文字段的凭据不一致",
        ),
        applies: text(
            "Decoded `auth` has a `:`, `username` and `password` are not empty, and the two pairs differ.",
            "`auth` 解码后有 `:`，`username` 和 `password` 都不为空，而两组凭据不同。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"username":"robot","password":"renewed","auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let (username, password) = entry.decoded_auth()?.halves()?;
        let (plain_username, plain_password) = entry.credentials.as_ref()?.plain_pair()?;
        let differs = plain_username.as_bytes() != username || plain_password.as_bytes() != password;
        differs.then(|| Found::at_field(entry, EntryField::Auth, AuthDisagrees))
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let message = Message::new(
            text(
                "auth and username/password are different credentials",
                "auth 与 username/password 是不同的凭据",
            ),
            text(
                "Find out which of the two is correct, and update the other.",
                "请确认哪一份正确，并据此更新另一份。",
            ),
        );
        message.only_note_if(readers(context.affected, context.place))
    }
}
