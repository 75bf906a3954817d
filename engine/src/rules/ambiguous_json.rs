use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::entry_ref::name_offset;
use super::view::{DocumentView, EntryView};
use crate::bilingual::{Bilingual, text};
use crate::document::{EntryField, Repetitions, TopField, UnknownNames};
use crate::place::Spot;
use crate::secret::SecretType;

/// A name is written more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmbiguousJson {
    /// A known field at the top.
    Top(TopField),
    /// A registry, which the place names.
    Registry,
    /// A known field of an entry.
    Entry(EntryField),
    /// Another name, which is not shown.
    Unknown,
}

impl Check for AmbiguousJson {
    const DEFINITION: Definition = Definition {
        code: "ambiguous-json",
        action: Action::Deny,
        kind: Kind::Unpatchable,
        title: text("A name is written more than once", "名称重复"),
        applies: text(
            "A name occurs twice at the top level, in `auths` or in an entry, or two names there are the same known field in different \
             letter case. In an entry it is a finding of that entry, otherwise of the document. Such a document is never repaired.",
            "顶层、`auths` 或条目中有重复的名称，或其中两个名称是仅大小写不同的同一个已知字段。出现在条目中时归于该条目，否则归于整份文档。\
             这样的文档不会被自动修复。",
        ),
        example: Example::new(
            "{\"auths\":{\n  \"registry.example.com\":{\"auth\":\"cm9ib3Q6ZXhhbXBsZQ==\"},\n  \
             \"registry.example.com\":{\"auth\":\"ZGVwbG95OmV4YW1wbGU=\"}\n}}",
        ),
    };

    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let mut found = Vec::new();
        let mut known = Repetitions::default();
        let mut unknown = UnknownNames::default();
        // The names at the top of a dockercfg are registries.
        let top = view.document.top().iter();
        let top = top.filter(|_| view.document.has_top_fields() && view.document.top().len() > 1);
        for member in top {
            let (again, rule) = if let Some(field) = view.document.top_field(member) {
                (known.repeats(field.name().into()), AmbiguousJson::Top(field))
            } else {
                let name = view.document.name(member).decode();
                (unknown.is_first_repetition(name), AmbiguousJson::Unknown)
            };
            if again {
                found.push(Found::new(rule, name_offset(member), Spot::Document));
            }
        }
        // Programs written in Go sort what they write: then nothing has to be remembered.
        let is_sorted = view.entries.is_sorted_by(|one, next| one.key.as_written() < next.key.as_written());
        let unsorted = if is_sorted { &[] } else { view.entries };
        let mut registries = Repetitions::with_capacity(unsorted.len());
        for entry in unsorted {
            if registries.repeats(entry.key.as_written().into()) {
                let spot = Spot::Registry(entry.key.clone());
                found.push(Found::new(AmbiguousJson::Registry, name_offset(entry.member), spot));
            }
        }
        found
    }

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let repeated = entry.fields.repeated.iter();
        let found = repeated.map(|again| {
            let rule = again.known.map_or(AmbiguousJson::Unknown, AmbiguousJson::Entry);
            Found::new(rule, name_offset(again.member), Spot::Entry(entry.registry.clone()))
        });
        found.collect::<Vec<_>>()
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let (name, name_zh) = match self {
            AmbiguousJson::Top(field) => (field.name(), field.name()),
            AmbiguousJson::Entry(field) => (field.name(), field.name()),
            AmbiguousJson::Registry => ("this registry", "该仓库"),
            AmbiguousJson::Unknown => ("a name", "有一个名称"),
        };
        let space = if name_zh.is_ascii() { " " } else { "" };
        let message = Message::new(
            Bilingual::new(format!("{name} is written more than once"), format!("{name_zh}{space}重复出现")),
            text(
                "Keep the correct one and remove the others, including those in other letter case.",
                "请保留正确的一个，删除其余（包括仅大小写不同的）。",
            ),
        );
        let is_flat = context.place.secret_type == SecretType::DockerCfg;
        message.note(match self {
            AmbiguousJson::Top(TopField::Auths) => text(
                "The kubelet, docker, podman and the key chain merge the objects and ignore letter case; Argo CD Image Updater takes the last \
                 with the usual spelling; readers in other languages differ.",
                "kubelet、docker、podman 和 keychain 会合并这些对象，并且不区分大小写；Argo CD Image Updater 取写法完全一致的最后一个；其他语言的程序\
                 各不相同。",
            ),
            AmbiguousJson::Entry(_) if is_flat => text(
                "The kubelet, podman and the key chain take the last value that is not null and ignore letter case; readers in other languages \
                 differ.",
                "kubelet、podman 和 keychain 取最后一个不为 null 的值，并且不区分大小写；其他语言的程序各不相同。",
            ),
            AmbiguousJson::Entry(_) => text(
                "The kubelet, docker, podman and the key chain take the last value that is not null and ignore letter case; Argo CD Image \
                 Updater takes the last with the usual spelling; readers in other languages differ.",
                "kubelet、docker、podman 和 keychain 取最后一个不为 null 的值，并且不区分大小写；Argo CD Image Updater 取写法完全一致的最后一个；\
                 其他语言的程序各不相同。",
            ),
            AmbiguousJson::Registry => text(
                "The consumers take the last entry; readers in other languages differ.",
                "各消费方取最后一个条目；其他语言的程序各不相同。",
            ),
            AmbiguousJson::Top(_) | AmbiguousJson::Unknown => text(
                "Readers of JSON differ in which of several values they take.",
                "对重复的名称，各种 JSON 程序的取值不同。",
            ),
        })
    }
}
