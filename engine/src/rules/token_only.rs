use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;

/// Only a token is usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenOnly;

impl Check for TokenOnly {
    const DEFINITION: Definition = Definition {
        code: "token-only",
        action: Action::Warn,
        kind: Kind::Content,
        title: text("Only a token, and no password", "只有令牌，没有密码"),
        applies: text(
            "There is an `identitytoken` or a `registrytoken`, and either `auth` is missing and username and password are not both there, \
             or decoded `auth` has an empty password. `az acr login` writes such an entry.",
            "有 `identitytoken` 或 `registrytoken`，同时 `auth` 缺失且用户名和密码不全，或者 `auth` 解码后密码为空。`az acr login` 会写出这样\
             的条目。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":{"identitytoken":"example"}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let credentials = entry.credentials.as_ref().filter(|credentials| credentials.has_token())?;
        let applies = if credentials.lack_auth() {
            credentials.plain_pair().is_none()
        } else {
            let halves = entry.decoded_auth().and_then(|auth| auth.halves());
            halves.is_some_and(|(_, password)| password.is_empty())
        };
        applies.then(|| Found::at(entry, TokenOnly))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("the entry has only a token, and no password", "条目中只有令牌，没有密码"),
            text(
                "Set username and password to a username and an access token, or to a robot account.",
                "请在 username 和 password 中填写用户名及其访问令牌，或机器人账号。",
            ),
        )
    }
}
