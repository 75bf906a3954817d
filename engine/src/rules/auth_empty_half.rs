use super::credentials::Credentials;
use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::document::EntryField;

/// Decoded `auth` has an empty username or password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthEmptyHalf {
    /// Nothing before the colon.
    Username,
    /// Nothing after the colon, and no identity token.
    Password,
    /// Nothing but the colon.
    Both,
}

impl Check for AuthEmptyHalf {
    const DEFINITION: Definition = Definition {
        code: "auth-empty-half",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("Decoded `auth` has an empty username or password", "`auth` 解码后用户名或密码为空"),
        applies: text(
            "Decoded `auth` has nothing before the colon, or nothing after it while there is no `identitytoken`. A non-empty `auth` \
             counts even if `username` and `password` are filled in.",
            "`auth` 解码后冒号之前为空，或冒号之后为空且没有 `identitytoken`。只要 `auth` 不为空，即使填写了 `username` 和 `password`，\
             也以 `auth` 为准。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6"}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let (username, password) = entry.decoded_auth()?.halves()?;
        let identity_token = entry.credentials.as_ref().is_some_and(Credentials::has_identity_token);
        let half = match (username.is_empty(), password.is_empty()) {
            (true, true) => AuthEmptyHalf::Both,
            (true, false) => AuthEmptyHalf::Username,
            (false, true) if !identity_token => AuthEmptyHalf::Password,
            (false, _) => return None,
        };
        Some(Found::at_field(entry, EntryField::Auth, half))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let clause = match self {
            AuthEmptyHalf::Username => text("decoded auth has an empty username", "auth 解码后用户名为空"),
            AuthEmptyHalf::Password => text("decoded auth has an empty password", "auth 解码后密码为空"),
            AuthEmptyHalf::Both => {
                text("decoded auth is a colon and nothing else", "auth 解码后只有一个冒号")
            }
        };
        Message::new(
            clause,
            text(
                "Set auth to base64 of username:password with both halves; check for an empty shell variable.",
                "请用完整的 username:password 重新编码 auth，并检查是否有空的 shell 变量。",
            ),
        )
    }
}
