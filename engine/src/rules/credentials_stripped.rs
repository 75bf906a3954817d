use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::entry_ref::name_offset;
use super::view::{EntryView, STRIPPED};
use crate::bilingual::{Bilingual, text};
use crate::document::EntryField;
use crate::place::Spot;

/// An update removes a token or the email from an entry; the place names the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialsStripped;

impl Check for CredentialsStripped {
    const DEFINITION: Definition = Definition {
        code: "credentials-stripped",
        action: Action::Warn,
        kind: Kind::Content,
        title: text("An update removes a token or the email", "更新去掉了令牌或 email"),
        applies: text(
            "After an update, the entry under the same key no longer has its `identitytoken`, `registrytoken` or `email`, while it still \
             has username and password. Rancher's form leaves out every field that it does not show.",
            "更新之后，同一仓库地址的条目不再有 `identitytoken`、`registrytoken` 或 `email`，但仍有用户名和密码。Rancher 的表单保存时会丢掉\
             它未显示的字段。",
        ),
        example: Example {
            old_document: Some(
                r#"{"auths":{"registry.example.com":{"username":"robot","password":"example","email":"robot@example.com","auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
            ),
            ..Example::new(
                r#"{"auths":{"registry.example.com":{"username":"robot","password":"example","auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
            )
        },
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let has_pair =
            entry.credentials.as_ref().is_some_and(|credentials| credentials.plain_pair().is_some());
        let held = STRIPPED.into_iter().zip(entry.held).filter(|(_, held)| *held && has_pair);
        held.filter(|(field, _)| entry.fields.text(*field).is_none())
            .map(|(field, _)| {
                let spot = Spot::Field(entry.registry.clone(), field);
                Found::new(CredentialsStripped, name_offset(entry.member), spot)
            })
            .collect::<Vec<_>>()
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let field = context.place.field().unwrap_or(EntryField::Email);
        let message = Message::new(
            Bilingual::new(
                format!("this update removes {} from the entry", field.name()),
                format!("本次更新从条目中去掉了 {}", field.name()),
            ),
            text(
                "If this was not intended, restore the field by editing the Secret as YAML.",
                "如非本意，请以 YAML 方式编辑 Secret，恢复该字段。",
            ),
        );
        match field {
            EntryField::Email => message.note(text(
                "The kubelet's record of pulled images includes the email.",
                "kubelet 的已拉取镜像记录包含 email。",
            )),
            _ => message.note(text(
                "Rancher's form leaves out every field that it does not show.",
                "Rancher 的表单保存时会丢掉它未显示的字段。",
            )),
        }
    }
}
