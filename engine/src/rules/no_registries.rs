use super::auths_wrapper::MissingAuthsWrapper;
use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::not_a_docker_config::NotADockerConfig;
use super::view::DocumentView;
use crate::bilingual::text;
use crate::document::{JsonType, TopField};

/// A document without any entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRegistries;

impl Check for NoRegistries {
    const DEFINITION: Definition = Definition {
        code: "no-registries",
        action: Action::Audit,
        kind: Kind::Content,
        title: text("The document has no registry", "文档中没有任何仓库"),
        applies: text(
            "The document has no entry, and none of `not-an-object`, `missing-auths-wrapper`, \
             `misplaced-auths-wrapper` and `not-a-docker-config` applies. This is \
             correct for a placeholder that a controller fills in later, and is therefore only recorded.",
            "文档中没有任何条目，且 `not-an-object`、`missing-auths-wrapper`、`misplaced-auths-wrapper` 和 \
             `not-a-docker-config` 都不适用。对于等待控制器填充的占位 \
             Secret 来说这是正常的，因此只作记录。",
        ),
        example: Example::new(r#"{"auths":{}}"#),
    };

    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let document = view.document;
        let is_object = |kind| matches!(kind, JsonType::Object | JsonType::Null);
        let applies = document.entries().next().is_none()
            && is_object(document.kind())
            && document.top_fields(TopField::Auths).all(|auths| is_object(auths.kind))
            && !MissingAuthsWrapper::applies(document)
            && !NotADockerConfig::applies(document);
        applies.then(|| Found::in_document(NoRegistries))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let message = Message::new(
            text("the document has no registry", "没有任何仓库"),
            text(
                "Unless it is a placeholder, add the registry with its username and password.",
                "如果不是占位，请补上仓库及其 username 和 password。",
            ),
        );
        message.note(text(
            "This is correct for a placeholder that a controller fills in later.",
            "如果它是等待控制器填充的占位 Secret，则属正常。",
        ))
    }
}
