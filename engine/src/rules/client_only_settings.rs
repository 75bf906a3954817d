use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::entry_ref::name_offset;
use super::view::DocumentView;
use crate::bilingual::{Bilingual, text};
use crate::document::{Document, JsonType, Member, TopField};
use crate::place::Spot;

/// `credsStore` or `credHelpers` is set; the place names which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientOnlySettings {
    /// To the name of a helper program, or to one for each registry.
    Helper,
    /// To something else.
    WrongType,
}

impl Check for ClientOnlySettings {
    const DEFINITION: Definition = Definition {
        code: "client-only-settings",
        action: Action::Warn,
        kind: Kind::Content,
        title: text("`credsStore` or `credHelpers` is set", "设置了 `credsStore` 或 `credHelpers`"),
        applies: text(
            "`credsStore` or `credHelpers` is present and not `null`, `\"\"` or `{}`, as in a `~/.docker/config.json` copied from a \
             workstation.",
            "存在 `credsStore` 或 `credHelpers`，且不是 `null`、`\"\"` 或 `{}`，例如直接复制了工作站上的 `~/.docker/config.json`。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}},"credsStore":"desktop"}"#,
        ),
    };

    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let document = view.document;
        let settings = [TopField::CredsStore, TopField::CredHelpers].into_iter().filter_map(|field| {
            let member = document.top_value(field).filter(|member| is_set(document, member))?;
            let fits = match field {
                TopField::CredHelpers => {
                    document.members(member).iter().all(is_name) && member.kind == JsonType::Object
                }
                _ => is_name(member),
            };
            let rule = if fits { ClientOnlySettings::Helper } else { ClientOnlySettings::WrongType };
            Some(Found::new(rule, name_offset(member), Spot::Top(field)))
        });
        settings.collect::<Vec<_>>()
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let helpers = context.place.spot == Spot::Top(TopField::CredHelpers);
        let name = if helpers { TopField::CredHelpers.name() } else { TopField::CredsStore.name() };
        let (clients, clients_zh, scope, scope_zh) = if helpers {
            (
                "docker, podman, crane, ko and kaniko",
                "docker、podman、crane、ko、kaniko",
                "for the registries for which it names one",
                "对其中指定了 helper 的仓库",
            )
        } else {
            ("docker, crane, ko and kaniko", "docker、crane、ko、kaniko", "for every registry", "对所有仓库")
        };
        let clause = match self {
            ClientOnlySettings::Helper => Bilingual::new(
                format!("{name} works only where its helper is installed"),
                format!("{name} 只在装有对应 helper 的机器上有效"),
            ),
            ClientOnlySettings::WrongType => Bilingual::new(
                format!("{name} does not name a helper program"),
                format!("{name} 的值不是 helper 程序的名称"),
            ),
        };
        let message = Message::new(
            clause,
            Bilingual::new(
                format!("Remove {name} from the document; keep it in your own ~/.docker/config.json."),
                format!("请从文档中删除 {name}，只保留在自己的 ~/.docker/config.json 里。"),
            ),
        );
        if matches!(self, ClientOnlySettings::WrongType) {
            return message;
        }
        message.only_note(Bilingual::new(
            format!(
                "The kubelet and the key chain ignore it. {clients} fail without the helper program, {scope}, even if auths is correct."
            ),
            format!("kubelet 和 keychain 会忽略它；{clients_zh} 在缺少 helper 程序时{scope_zh}都会失败，即使 auths 正确。"),
        ))
    }
}

/// Whether a value can name a helper program.
fn is_name(member: &Member) -> bool {
    matches!(member.kind, JsonType::String | JsonType::Null)
}

/// Whether a setting has a value that is not empty.
fn is_set(document: &Document<'_>, member: &Member) -> bool {
    match member.kind {
        JsonType::Null => false,
        JsonType::String => document.string(member).is_some_and(|text| !text.is_empty()),
        JsonType::Object => !document.members(member).is_empty(),
        JsonType::Boolean | JsonType::Number | JsonType::Array => true,
    }
}
