use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::{AuthField, EntryView};
use crate::bilingual::text;

/// An entry without any credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCredentials;

impl Check for NoCredentials {
    const DEFINITION: Definition = Definition {
        code: "no-credentials",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("The entry has no credentials", "条目中没有凭据"),
        applies: text(
            "None of `auth`, `username`, `password`, `identitytoken` and `registrytoken` is a non-empty string. docker leaves such empty \
             entries in its own file if it keeps the credentials in a `credsStore`.",
            "`auth`、`username`、`password`、`identitytoken`、`registrytoken` 都不是非空字符串。docker 把凭据存入 `credsStore` 时，会在自己\
             的文件中留下这样的空条目。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":{}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let credentials = entry.credentials.as_ref()?;
        let is_empty = matches!(credentials.auth, AuthField::Missing)
            && credentials.username.is_none()
            && credentials.password.is_none()
            && !credentials.has_token();
        is_empty.then(|| Found::at(entry, NoCredentials))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("the entry has no credentials", "条目中没有任何凭据"),
            text(
                "Add username and password to the entry, or remove it if the registry needs none.",
                "请在条目中补上 username 和 password；如果该仓库无需凭据，请删除该条目。",
            ),
        )
    }
}
