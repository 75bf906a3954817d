use super::auths_wrapper::holds_entries;
use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;

/// An empty entry under one word, next to usable ones: the end marker of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyLeftover;

impl EmptyLeftover {
    /// Whether the rule applies to an entry. It then replaces two others.
    pub(crate) fn applies(entry: &EntryView<'_, '_>) -> bool {
        entry.is_empty()
            && entry.key().is_one_word()
            && !entry.key().is_glob()
            && entry.shared.has_usable_entry(entry.document)
            && entry.is_never_found()
            && !entry.has_misnamed_field()
            && !holds_entries(entry.document, entry.member)
    }
}

impl Check for EmptyLeftover {
    const DEFINITION: Definition = Definition {
        code: "empty-leftover",
        action: Action::Audit,
        kind: Kind::Content,
        title: text("An empty entry that names no registry", "不对应任何仓库的空条目"),
        applies: text(
            "`no-credentials` and `registry-key-never-matches` would apply, the key is one word without a port and not a pattern, another \
             entry of the document is usable, and the entry has neither a field that no consumer reads (such as `token`) nor a member that \
             looks like an entry. Templates write such entries after their last comma. It replaces both rules and is only recorded.",
            "`no-credentials` 和 `registry-key-never-matches` 本来都适用，仓库地址是没有端口的单个单词且不是通配符，文档中另有可用的条目，而该\
             条目既没有消费方不读取的字段（如 `token`），也没有看起来是条目的成员。模板常在最后一个逗号后写这样的条目。它取代这两条规则，只作记录。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="},"end":{}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        EmptyLeftover::applies(entry).then(|| Found::at(entry, EmptyLeftover))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("an empty entry that names no registry", "该条目为空，且不对应任何仓库"),
            text("Remove it; it does no harm to the other entries.", "可以删除该条目；它不影响其他条目。"),
        )
    }
}
