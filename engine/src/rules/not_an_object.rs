use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::entry_ref::{EntryRef, name_offset};
use super::view::DocumentView;
use crate::bilingual::{Bilingual, text};
use crate::document::{JsonType, Member, TopField};
use crate::place::Spot;

/// An object was expected; the place names where. The type instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnObject(pub JsonType);

impl NotAnObject {
    /// An entry that is not an object gets no other finding.
    pub(crate) fn of_entry<'a>(entry: &EntryRef<'_, 'a>) -> Option<Found<'a, Self>> {
        let kind = entry.member.kind;
        let spot = || Spot::Entry(entry.key.clone());
        is_other(kind).then(|| Found::new(NotAnObject(kind), name_offset(entry.member), spot()))
    }
}

const fn is_other(kind: JsonType) -> bool {
    !matches!(kind, JsonType::Object | JsonType::Null)
}

impl Check for NotAnObject {
    const DEFINITION: Definition = Definition {
        code: "not-an-object",
        action: Action::Deny,
        kind: Kind::Unpatchable,
        title: text("A value is not an object", "应为对象之处是其他类型"),
        applies: text(
            "The document, `auths`, `HttpHeaders` or an entry is a string, number, boolean or array. `null` counts as `{}`. The document \
             is never repaired; everything that can be read in it is still judged.",
            "文档、`auths`、`HttpHeaders` 或某个条目是字符串、数字、布尔值或数组（`null` 视为 `{}`）。文档不会被自动修复，其中可读的部分仍会检查。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":"cm9ib3Q6ZXhhbXBsZQ=="}}"#),
    };

    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let document = view.document;
        let whole = is_other(document.kind()).then(|| Found::in_document(NotAnObject(document.kind())));
        let at = |field, member: &Member| {
            is_other(member.kind)
                .then(|| Found::new(NotAnObject(member.kind), name_offset(member), Spot::Top(field)))
        };
        let auths = document.top_fields(TopField::Auths).find_map(|member| at(TopField::Auths, member));
        let headers = document.top_value(TopField::HttpHeaders);
        let headers = headers.and_then(|member| at(TopField::HttpHeaders, member));
        [whole, auths, headers].into_iter().flatten().collect::<Vec<_>>()
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let NotAnObject(kind) = *self;
        let (what, what_zh) = match &context.place.spot {
            Spot::Top(field) => (field.name(), field.name()),
            Spot::Entry(_) | Spot::Field(..) => ("the entry", "条目"),
            _ => ("the document", "文档"),
        };
        let space = if what_zh.is_ascii() { " " } else { "" };
        let remedy = match &context.place.spot {
            Spot::Top(TopField::HttpHeaders) => text(
                "Write HttpHeaders as an object of strings, or remove it.",
                "请把 HttpHeaders 写成值为字符串的对象，或将其删除。",
            ),
            Spot::Entry(_) | Spot::Field(..) => text(
                "Write the entry as an object with username, password and auth, or remove it.",
                "请把条目写成含 username、password、auth 的对象，或将其删除。",
            ),
            _ => text(
                "Write it as an object that maps each registry to its entry.",
                "请写成对象，每个仓库地址对应一个条目。",
            ),
        };
        Message::new(
            Bilingual::new(
                format!("{what} is {}, not an object", kind.name()),
                format!("{what_zh}{space}是{}，不是对象", kind.chinese_name()),
            ),
            remedy,
        )
    }
}
