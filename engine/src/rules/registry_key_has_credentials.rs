use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;

/// User-info in a registry key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryKeyHasCredentials;

impl Check for RegistryKeyHasCredentials {
    const DEFINITION: Definition = Definition {
        code: "registry-key-has-credentials",
        action: Action::Deny,
        kind: Kind::Host,
        title: text("User-info in the registry key", "仓库地址中带有用户信息"),
        applies: text(
            "The key has user-info (`user:password@host`, `user@host`, `@host`), or after its scheme an `@` somewhere after a `:`. Unlike \
             passwords, keys are shown in logs and messages; regcred never shows anything before the last `@`.",
            "仓库地址带有用户信息（`user:password@host`、`user@host`、`@host`），或协议之后的 `:` 后面出现 `@`。仓库地址与密码不同，会出现在\
             日志和提示信息中；regcred 从不显示最后一个 `@` 之前的内容。",
        ),
        example: Example::new(
            r#"{"auths":{"robot:example@registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        entry.key().has_credentials().then(|| Found::at(entry, RegistryKeyHasCredentials))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let message = Message::new(
            text("the registry key has user-info in it, before an @", "仓库地址的 @ 之前带有用户信息"),
            text(
                "Keep only the host in the key, use username and password, and replace a password that was in it.",
                "请在仓库地址中只保留主机名，凭据写入 username 和 password；地址中出现过的密码请更换。",
            ),
        );
        message.note(text(
            "Unlike passwords, keys are shown in logs and messages.",
            "仓库地址与密码不同，会出现在日志和提示信息中。",
        ))
    }
}
