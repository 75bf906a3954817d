use super::auths_wrapper::holds_entries;
use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::empty_leftover::EmptyLeftover;
use super::view::EntryView;
use crate::bilingual::text;
use crate::document::TopField;

/// An entry without any credential. What it has instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCredentials {
    /// Nothing.
    Nothing,
    /// A field that no consumer reads.
    MisnamedField,
    /// It is an `auths` inside of `auths`.
    NestedAuths,
}

impl NoCredentials {
    fn find(entry: &EntryView<'_, '_>) -> Self {
        if entry.has_misnamed_field() {
            NoCredentials::MisnamedField
        } else if entry.document.name(entry.member).folds_to(TopField::Auths.name())
            && holds_entries(entry.document, entry.member)
        {
            NoCredentials::NestedAuths
        } else {
            NoCredentials::Nothing
        }
    }
}

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
        let applies = entry.is_empty() && !EmptyLeftover::applies(entry);
        applies.then(|| Found::at(entry, NoCredentials::find(entry)))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let clause = text("the entry has no credentials", "条目中没有任何凭据");
        match self {
            NoCredentials::Nothing => Message::new(
                clause,
                text(
                    "Add username and password to the entry, or remove it if the registry needs none.",
                    "请在条目中补上 username 和 password；如果该仓库无需凭据，请删除该条目。",
                ),
            ),
            NoCredentials::MisnamedField => Message::new(
                clause,
                text(
                    "Write the credentials as username and password; a token usually belongs in password.",
                    "请把凭据写入 username 和 password；令牌通常写在 password 中。",
                ),
            )
            .note(text(
                "No consumer reads the fields that it has instead, such as token or user.",
                "条目中的其他字段（例如 token、user）没有消费方读取。",
            )),
            NoCredentials::NestedAuths => Message::new(
                text("auths is nested twice", "auths 嵌套了两层"),
                text(
                    "Remove the inner auths, and put its registries directly below the outer one.",
                    "请去掉内层的 auths，把其中的仓库直接放到外层 auths 下。",
                ),
            ),
        }
    }
}
