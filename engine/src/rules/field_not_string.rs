use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::entry_ref::name_offset;
use super::view::{DocumentView, EntryView};
use crate::bilingual::{Bilingual, text};
use crate::document::{EntryField, JsonType, TopField};
use crate::place::Spot;

/// A field of an entry or of `HttpHeaders` is neither a string nor null. Its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldNotString(pub JsonType);

impl Check for FieldNotString {
    const DEFINITION: Definition = Definition {
        code: "field-not-string",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("A field is not a string", "字段不是字符串"),
        applies: text(
            "`username`, `password`, `email`, `auth`, `identitytoken`, `registrytoken` or `serveraddress` of an entry, or a value in \
             `HttpHeaders`, is neither a string nor `null`. The usual cause is a password of digits without quotation marks.",
            "条目的 `username`、`password`、`email`、`auth`、`identitytoken`、`registrytoken`、`serveraddress`，或 `HttpHeaders` 中的值，既不是\
             字符串也不是 `null`。常见原因是纯数字密码没有加引号。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"username":"robot","password":12345678}}}"#,
        ),
    };

    /// The names of headers are not shown, so one finding is enough for all of them.
    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let headers = view.document.top_value(TopField::HttpHeaders)?;
        let is_text = |kind| matches!(kind, JsonType::String | JsonType::Null);
        let header = view.document.members(headers).iter().find(|header| !is_text(header.kind))?;
        let spot = Spot::Top(TopField::HttpHeaders);
        Some(Found::new(FieldNotString(header.kind), name_offset(header), spot))
    }

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let wrong = EntryField::ALL.into_iter().filter(|field| entry.fields.wrong_type(*field));
        let found = wrong.filter_map(|field| {
            let kind = entry.fields.member(field)?.kind;
            Some(Found::at_field(entry, field, FieldNotString(kind)))
        });
        found.collect::<Vec<_>>()
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let FieldNotString(kind) = *self;
        let (name, value, value_zh) = match context.place.field() {
            Some(field) => (field.name(), field.name(), format!("{} ", field.name())),
            None => ("HttpHeaders", "a value in HttpHeaders", "HttpHeaders 中有一个值".to_owned()),
        };
        let required = [EntryField::Username, EntryField::Password, EntryField::Auth];
        let optional = context.place.field().is_none_or(|field| !required.contains(&field));
        let (or, or_zh) = if optional {
            (format!(", or remove {name}"), format!("，或删除 {name}"))
        } else {
            (String::new(), String::new())
        };
        let (how, how_zh) = match kind {
            JsonType::Array | JsonType::Object => ("Write it as one string", "请写成一个字符串"),
            _ => ("Put the value in quotation marks", "请给值加上引号"),
        };
        let (found, found_zh) = (kind.name(), kind.chinese_name());
        Message::new(
            Bilingual::new(
                format!("{value} is {found}, not a string"),
                format!("{value_zh}是{found_zh}，不是字符串"),
            ),
            Bilingual::new(format!("{how}{or}."), format!("{how_zh}{or_zh}。")),
        )
    }
}
