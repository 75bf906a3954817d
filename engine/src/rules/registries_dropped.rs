use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::entry_ref::EntryRef;
use super::view::DocumentView;
use crate::bilingual::text;
use crate::document::JsonType;
use crate::place::Spot;
use crate::registry::{Key, RegistryKey};

/// An update removes a registry, which the place names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistriesDropped;

impl Check for RegistriesDropped {
    const DEFINITION: Definition = Definition {
        code: "registries-dropped",
        action: Action::Warn,
        kind: Kind::Content,
        title: text("An update removes a registry", "更新去掉了一个仓库"),
        applies: text(
            "An update by a person's account (not a service account, not a node) removes a registry that had usable credentials, although \
             at least one entry remains. Differences in scheme, default port, `/v1`, `/v2` and closing slashes do not count. Rancher's form \
             shows only the first registry of a Secret and drops the others when it saves.",
            "以个人账号（不是 ServiceAccount，也不是节点）发起的更新去掉了一个原本有可用凭据的仓库，而文档中仍有至少一个条目。协议、默认端口、\
             `/v1`、`/v2` 和末尾斜杠的差异不计。Rancher 的表单只显示 Secret 的第一个仓库，保存时会丢掉其余仓库。",
        ),
        example: Example {
            old_document: Some(
                "{\"auths\":{\n  \"registry.example.com\":{\"auth\":\"cm9ib3Q6ZXhhbXBsZQ==\"},\n  \
                 \"mirror.example.com\":{\"auth\":\"cm9ib3Q6ZXhhbXBsZQ==\"}\n}}",
            ),
            ..Example::new(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#)
        },
    };

    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let is_object =
            |entry: &EntryRef<'_, '_>| matches!(entry.member.kind, JsonType::Object | JsonType::Null);
        if view.lost.is_empty() || !view.entries.iter().any(is_object) {
            return Vec::new();
        }
        let hasher = RandomState::new();
        let identity = |key: &RegistryKey<'_>| hasher.hash_one(Key::parse(key.as_written()).identity());
        let mut present: HashSet<u64> = view.entries.iter().map(|entry| identity(&entry.key)).collect();
        let dropped = view.lost.iter().filter(|key| present.insert(identity(key)));
        dropped.map(|key| Found::new(RegistriesDropped, 0, Spot::Entry(key.clone()))).collect()
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let message = Message::new(
            text("this update removes the registry from the Secret", "本次更新从 Secret 中去掉了这个仓库"),
            text(
                "If this was not intended, restore the registry by editing the Secret as YAML.",
                "如非本意，请以 YAML 方式编辑 Secret，恢复该仓库。",
            ),
        );
        message.only_note(text(
            "Rancher's form shows only the first registry of a Secret and drops the others when it saves.",
            "Rancher 的表单只显示 Secret 的第一个仓库，保存时会丢掉其余仓库。",
        ))
    }
}
