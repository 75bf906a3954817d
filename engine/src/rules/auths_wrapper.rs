//! The rules about registries that are not where consumers look for them.

use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::entry_ref::name_offset;
use super::view::DocumentView;
use crate::bilingual::text;
use crate::document::{Document, EntryField, JsonType, Member, TopField};
use crate::place::Spot;
use crate::secret::SecretType;

/// Content of a dockercfg in a dockerconfigjson.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingAuthsWrapper {
    /// The top level is one entry.
    BareEntry,
    /// The top level is a map of entries.
    Registries,
    /// `auths` is written `auth`.
    Misspelled,
}

impl MissingAuthsWrapper {
    /// Whether the rule applies to a document.
    pub(crate) fn applies(document: &Document<'_>) -> bool {
        MissingAuthsWrapper::find(document).is_some()
    }

    /// What the top level is, and where it begins.
    fn find<'d>(document: &'d Document<'_>) -> Option<(Self, &'d Member)> {
        if !document.has_top_fields() || document.top_fields(TopField::Auths).next().is_some() {
            return None;
        }
        let other = || document.top().iter().filter(|member| document.top_field(member).is_none());
        let is_misspelled = |member: &Member| {
            let members = document.members(member);
            document.entry_field(member) == Some(EntryField::Auth)
                && !members.is_empty()
                && members.iter().all(|entry| looks_like_entry(document, entry))
        };
        if let Some(member) = other().find(|member| document.entry_field(member).is_some()) {
            let auth = other().find(|member| is_misspelled(member));
            return Some(auth.map_or((MissingAuthsWrapper::BareEntry, member), |auth| {
                (MissingAuthsWrapper::Misspelled, auth)
            }));
        }
        let entry = other().find(|member| looks_like_entry(document, member))?;
        Some((MissingAuthsWrapper::Registries, entry))
    }
}

impl Check for MissingAuthsWrapper {
    const DEFINITION: Definition = Definition {
        code: "missing-auths-wrapper",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("`auths` is missing", "缺少 `auths`"),
        applies: text(
            "In a Secret of type `kubernetes.io/dockerconfigjson` there is no `auths`, and the top level looks like registry entries or \
             like one entry. An `auth` with registry entries in it is a misspelled `auths`.",
            "在类型为 `kubernetes.io/dockerconfigjson` 的 Secret 中没有 `auths`，而顶层看起来是若干仓库条目或单个条目。含有仓库条目的 `auth` \
             是 `auths` 的误写。",
        ),
        example: Example::new(r#"{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}"#),
    };

    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let (rule, member) = MissingAuthsWrapper::find(view.document)?;
        Some(Found::new(rule, name_offset(member), Spot::Document))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        match self {
            MissingAuthsWrapper::BareEntry => Message::new(
                text("auths is missing: the top level is a single entry", "缺少 auths：顶层直接写了一个条目"),
                text(
                    "Move the entry below its registry: {\"auths\":{\"HOST\":ENTRY}}.",
                    "请把条目放到所属仓库下：{\"auths\":{\"HOST\":ENTRY}}。",
                ),
            ),
            MissingAuthsWrapper::Registries => Message::new(
                text("auths is missing: the registries are at the top level", "缺少 auths：仓库直接写在顶层"),
                text(
                    "Move the registries below auths: {\"auths\":{\"HOST\":ENTRY}}.",
                    "请把仓库放到 auths 下：{\"auths\":{\"HOST\":ENTRY}}。",
                ),
            ),
            MissingAuthsWrapper::Misspelled => Message::new(
                text("auths is misspelled as auth", "auths 误写成了 auth"),
                text("Rename auth at the top level to auths.", "请把顶层的 auth 改名为 auths。"),
            ),
        }
    }
}

/// Content of a dockerconfigjson in a dockercfg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MisplacedAuthsWrapper;

impl MisplacedAuthsWrapper {
    /// Whether a member of a dockercfg is an `auths` with entries in it. Those are not judged.
    pub(crate) fn is_wrapper(document: &Document<'_>, member: &Member) -> bool {
        document.secret_type() == SecretType::DockerCfg
            && document.name(member).folds_to(TopField::Auths.name())
            && document.members(member).iter().any(|entry| looks_like_entry(document, entry))
    }
}

impl Check for MisplacedAuthsWrapper {
    const DEFINITION: Definition = Definition {
        code: "misplaced-auths-wrapper",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("`auths` in a Secret of type dockercfg", "dockercfg 类型的 Secret 中出现 `auths`"),
        applies: text(
            "A Secret of type `kubernetes.io/dockercfg`, whose document is a flat map of registries, has an `auths` object with a member \
             that looks like an entry. The type of an existing Secret cannot be changed.",
            "类型为 `kubernetes.io/dockercfg` 的 Secret（其文档应是仓库地址到条目的平铺映射）中有一个 `auths` 对象，其成员看起来是条目。已有 \
             Secret 的类型无法修改。",
        ),
        example: Example {
            secret_type: SecretType::DockerCfg,
            ..Example::new(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#)
        },
    };

    fn document<'a>(view: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let wrappers = view.document.entries();
        let wrapper = wrappers.filter(|member| MisplacedAuthsWrapper::is_wrapper(view.document, member));
        let at = |member| Found::new(MisplacedAuthsWrapper, name_offset(member), Spot::Top(TopField::Auths));
        wrapper.map(at).collect::<Vec<_>>()
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let message = Message::new(
            text(
                "auths does not belong in a Secret of type dockercfg",
                "dockercfg 类型的 Secret 中不应有 auths",
            ),
            text(
                "Create it as type kubernetes.io/dockerconfigjson, under the key .dockerconfigjson.",
                "请改用类型 kubernetes.io/dockerconfigjson 创建，数据键为 .dockerconfigjson。",
            ),
        );
        message.only_note(text(
            "In a dockercfg the top level is the map of registries, so auths is read as the name of one, and the registries in it are \
             not read.",
            "在 dockercfg 中，顶层就是仓库的映射，auths 会被当成一个仓库的名字，其中的仓库不会被读取。",
        ))
    }
}

/// Whether the value of an entry has members that look like entries themselves.
pub(super) fn holds_entries(document: &Document<'_>, entry: &Member) -> bool {
    // As a document of its own, since members this deep are not kept.
    let inner = Document::read(document.raw_value(entry).as_bytes(), SecretType::DockerCfg);
    inner.is_ok_and(|inner| inner.top().iter().any(|member| looks_like_entry(&inner, member)))
}

/// Whether a member is an object with a known entry field, or is an object or null with a name like a registry's.
fn looks_like_entry(document: &Document<'_>, member: &Member) -> bool {
    match member.kind {
        JsonType::Object | JsonType::Null => {
            document.name(member).chars().any(|c| matches!(c, '.' | ':' | '/'))
                || document.members(member).iter().any(|field| document.entry_field(field).is_some())
        }
        _ => false,
    }
}
