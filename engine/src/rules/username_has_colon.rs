use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::document::EntryField;

/// A username that `auth` cannot express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsernameHasColon;

impl Check for UsernameHasColon {
    const DEFINITION: Definition = Definition {
        code: "username-has-colon",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("The username contains a colon", "用户名含有冒号"),
        applies: text(
            "`auth` is missing and `username` contains `:`. `auth` separates username and password at the first colon, so this pair \
             cannot be encoded; it is never repaired.",
            "缺少 `auth`，而 `username` 含有 `:`。`auth` 以第一个冒号分隔用户名和密码，因此这组凭据无法编码，也不会自动修复。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"username":"robot:ci","password":"example"}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let credentials = entry.credentials.as_ref().filter(|credentials| credentials.lack_auth())?;
        let has_colon = credentials.username.as_ref()?.contains(':');
        has_colon.then(|| Found::at_field(entry, EntryField::Username, UsernameHasColon))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("username contains a colon, which auth cannot express", "username 含有冒号，无法写入 auth"),
            text(
                "Correct the username; often the whole user:password was pasted into it.",
                "请修正 username，常见原因是把 user:password 整个粘贴了进去。",
            ),
        )
    }
}
