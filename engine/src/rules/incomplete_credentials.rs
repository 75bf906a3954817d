use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::{Bilingual, text};
use crate::document::EntryField;

/// One half of a username and password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncompleteCredentials {
    /// The username is missing.
    Username,
    /// The password is missing.
    Password,
}

impl Check for IncompleteCredentials {
    const DEFINITION: Definition = Definition {
        code: "incomplete-credentials",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("The username or the password is missing", "用户名和密码只有其一"),
        applies: text(
            "There is no `auth` and no token, and exactly one of `username` and `password` is not empty.",
            "没有 `auth` 也没有令牌，且 `username` 和 `password` 只有一个有值。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":{"username":"robot"}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let credentials = entry.credentials.as_ref()?;
        if !credentials.lack_auth() || credentials.has_token() {
            return None;
        }
        match (&credentials.username, &credentials.password) {
            (Some(_), None) => {
                Some(Found::at_field(entry, EntryField::Password, IncompleteCredentials::Password))
            }
            (None, Some(_)) => {
                Some(Found::at_field(entry, EntryField::Username, IncompleteCredentials::Username))
            }
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let (present, missing) = match self {
            IncompleteCredentials::Username => ("password", "username"),
            IncompleteCredentials::Password => ("username", "password"),
        };
        Message::new(
            Bilingual::new(
                format!("{missing} is missing or empty"),
                format!("有 {present}，但 {missing} 缺失或为空"),
            ),
            Bilingual::new(format!("Add the {missing} to the entry."), format!("请在条目中补上 {missing}。")),
        )
    }
}
