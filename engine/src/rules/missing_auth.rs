use super::definition::{Action, Announcement, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::document::EntryField;
use crate::repair::Edit;

/// Username and password, but no `auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingAuth;

impl Check for MissingAuth {
    const DEFINITION: Definition = Definition {
        code: "missing-auth",
        action: Action::Deny,
        kind: Kind::Fixable(Announcement {
            clause: "auth added",
            rest: text(
                "It encodes the username and password of the entry; nothing else was changed.",
                "已补上 auth，由条目中的 username 和 password 编码得到，其余内容未改动。",
            ),
        }),
        title: text("`auth` is missing", "缺少 `auth`"),
        applies: text(
            "`username` and `password` are not empty, the username has no `:`, and `auth` is absent, `null` or `\"\"`. regcred adds \
             `auth`, which is base64 of `username:password`; every other byte stays as it was. It does not if the entry has another \
             finding that denies (except those about the registry key), if the document is ambiguous, if an update leaves the \
             document as it was, if the Secret is immutable, if a credential is a placeholder, or if the policy says `fix: false`. Files are repaired by \
             `regcred check --fix`.",
            "`username` 和 `password` 都不为空，用户名不含 `:`，而 `auth` 缺失、为 `null` 或 `\"\"`。regcred 会补上 `auth`，即 \
             `username:password` 的 base64，其余字节保持不变。以下情况不会修复：条目还有其他动作为 `deny` 的问题（仅涉及仓库地址的除外）、\
             文档存在歧义、更新没有改变文档、Secret 不可变（immutable）、凭据是占位符，或策略设置了 `fix: false`。文件可以用 `regcred check --fix` 修复。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"username":"robot","password":"example"}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let credentials = entry.credentials.as_ref().filter(|credentials| credentials.lack_auth())?;
        let (username, password) =
            credentials.plain_pair().filter(|(username, _)| !username.contains(':'))?;
        let edit = if entry.has_placeholder() {
            None
        } else {
            let empty = entry.fields.member(EntryField::Auth);
            Edit::add_auth(entry.document, entry.member, empty, username, password)
        };
        Some(Found { edit, ..Found::at_field(entry, EntryField::Auth, MissingAuth) })
    }

    fn message(&self, context: &Context<'_>) -> Message {
        if context.repairable {
            return Message::new(
                text("auth is missing", "缺少 auth"),
                text(
                    "regcred adds it automatically on admission; if the request was refused, retry it.",
                    "regcred 会在准入时自动补上；如果请求被拒绝，请重试。",
                ),
            );
        }
        Message::new(
            text("auth is missing and was not added", "缺少 auth，且未能自动补上"),
            text(
                "Fix the other findings of this entry first; if there are none, set auth to base64 of username:password.",
                "请先修正该条目的其他问题；如果没有其他问题，请将 auth 设为 username:password 的 base64。",
            ),
        )
    }
}
