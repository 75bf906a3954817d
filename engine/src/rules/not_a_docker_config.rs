use super::auths_wrapper::MissingAuthsWrapper;
use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::entry_ref::name_offset;
use super::view::DocumentView;
use crate::bilingual::{Bilingual, text};
use crate::document::{Document, JsonType, Member, TopField};
use crate::place::Spot;
use crate::secret::SecretType;

/// The document has members, and none of them is one of a Docker config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotADockerConfig {
    /// The Docker config is nowhere to be seen.
    Nowhere,
    /// It is in a member. Which of [`USUAL_NAMES`] that has.
    Inside(Option<u8>),
}

/// docker's other settings (docker/cli, cli/config/configfile/file.go). Every name that ends in [`FORMAT`] is one, too.
const OTHER_SETTINGS: [&str; 10] = [
    "proxies",
    "plugins",
    "aliases",
    "features",
    "currentContext",
    "detachKeys",
    "pruneFilters",
    "cliPluginsExtraDirs",
    "experimental",
    "stackOrchestrator",
];

const FORMAT: &str = "Format";

/// The names under which templates put a whole Docker config.
const USUAL_NAMES: [&str; 7] =
    ["value", "data", "config", "content", "dockerconfigjson", ".dockerconfigjson", "config.json"];

impl NotADockerConfig {
    /// Whether the rule applies to a document.
    pub(crate) fn applies(document: &Document<'_>) -> bool {
        let is_known = |member: &Member| {
            let name = document.name(member);
            document.top_field(member).is_some()
                || OTHER_SETTINGS.into_iter().any(|setting| name.folds_to(setting))
                || name.ends_with_folded(FORMAT)
        };
        document.has_top_fields()
            && !document.top().is_empty()
            && !document.top().iter().any(is_known)
            && !MissingAuthsWrapper::applies(document)
    }

    /// What the document is instead, and the member that shows it.
    fn find<'d>(document: &'d Document<'_>) -> (Self, Option<&'d Member>) {
        let Some(member) = document.top().iter().find(|member| holds_config(document, member)) else {
            return (NotADockerConfig::Nowhere, None);
        };
        let name = document.name(member).decode();
        let usual = (0..).zip(USUAL_NAMES).find(|(_, usual)| *usual == name);
        (NotADockerConfig::Inside(usual.map(|(number, _)| number)), Some(member))
    }
}

/// Whether a member is an object with `auths`, or a string that is JSON of one.
fn holds_config(document: &Document<'_>, member: &Member) -> bool {
    let has_auths =
        |config: &Document<'_>, members: &[Member]| members.iter().any(|member| is_auths(config, member));
    match (member.kind, document.string(member)) {
        (JsonType::Object, _) => has_auths(document, document.members(member)),
        (_, Some(text)) => Document::read(text.decode().as_bytes(), SecretType::DockerConfigJson)
            .is_ok_and(|inner| has_auths(&inner, inner.top())),
        _ => false,
    }
}

fn is_auths(document: &Document<'_>, member: &Member) -> bool {
    document.name(member).folds_to(TopField::Auths.name())
}

impl Check for NotADockerConfig {
    const DEFINITION: Definition = Definition {
        code: "not-a-docker-config",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("The document is not a Docker config", "文档不是 Docker 配置"),
        applies: text(
            "In a Secret of type `kubernetes.io/dockerconfigjson` the top level has members, none of them is `auths`, `HttpHeaders`, \
             `credsStore`, `credHelpers` or another setting of docker, and `missing-auths-wrapper` does not apply. Often the Docker config is \
             inside one of the members.",
            "在类型为 `kubernetes.io/dockerconfigjson` 的 Secret 中，顶层有成员，但都不是 `auths`、`HttpHeaders`、`credsStore`、`credHelpers` 或 \
             docker 的其他设置，且 `missing-auths-wrapper` 不适用。常见的情况是 Docker 配置被放进了某个成员里。",
        ),
        example: Example::new(
            r#"{"value":{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}}"#,
        ),
    };

    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        NotADockerConfig::applies(view.document).then(|| {
            let (rule, member) = NotADockerConfig::find(view.document);
            Found::new(rule, member.map_or(0, name_offset), Spot::Document)
        })
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let note = text(
            "The API server admits the document, and no consumer finds anything in it.",
            "API server 会接受该文档，但所有消费方在其中都找不到任何内容。",
        );
        let name = match self {
            NotADockerConfig::Inside(Some(name)) => USUAL_NAMES.get(usize::from(*name)),
            NotADockerConfig::Inside(None) | NotADockerConfig::Nowhere => None,
        };
        let message = match (self, name) {
            (NotADockerConfig::Nowhere, _) => Message::new(
                text("the document is not a Docker config", "文档不是 Docker 配置"),
                text(
                    "Put the registries under auths, or generate the Secret with kubectl create secret docker-registry.",
                    "请把仓库写在 auths 下，或用 kubectl create secret docker-registry 重新生成。",
                ),
            ),
            (NotADockerConfig::Inside(_), Some(name)) => Message::new(
                Bilingual::new(
                    format!("the Docker config is inside the member {name}"),
                    format!("Docker 配置被放在了成员 {name} 里"),
                ),
                Bilingual::new(
                    format!("Use the content of {name} as the document."),
                    format!("请直接用 {name} 的内容作为文档。"),
                ),
            ),
            (NotADockerConfig::Inside(_), None) => Message::new(
                text("the Docker config is inside another member", "Docker 配置被放在了另一个成员里"),
                text("Use the content of that member as the document.", "请直接用该成员的内容作为文档。"),
            ),
        };
        message.only_note(note)
    }
}
