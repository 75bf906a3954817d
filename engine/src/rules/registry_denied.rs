use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::{Bilingual, text};

/// The operator's own lists refuse the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryDenied {
    /// `deniedRegistries` matches.
    Listed,
    /// `allowedRegistries` is set and does not match.
    NotAllowed,
}

impl Check for RegistryDenied {
    const DEFINITION: Definition = Definition {
        code: "registry-denied",
        action: Action::Deny,
        kind: Kind::Host,
        title: text("The policy does not allow the registry", "策略不允许使用该仓库"),
        applies: text(
            "The policy's `deniedRegistries` matches the registry, or `allowedRegistries` is set and does not match. Host and port are \
             compared; all names of Docker Hub count as one.",
            "策略的 `deniedRegistries` 匹配该仓库，或设置了 `allowedRegistries` 而不包含它。比较主机名和端口；Docker Hub 的各种写法视为同一个。",
        ),
        example: Example {
            policy: Some("apiVersion: regcred/v1\nkind: Policy\ndeniedRegistries: [registry.example.com]\n"),
            ..Example::new(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#)
        },
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let lists = entry.shared.lists;
        if lists.denied.touches(entry.key()) {
            return Some(Found::at(entry, RegistryDenied::Listed));
        }
        let is_allowed = lists.allowed.is_none_or(|allowed| allowed.allows(entry.key()));
        (!is_allowed).then(|| Found::at(entry, RegistryDenied::NotAllowed))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let (clause, list) = match self {
            RegistryDenied::Listed => (
                text("this cluster's policy denies the registry", "本集群的策略禁止使用该仓库"),
                "deniedRegistries",
            ),
            RegistryDenied::NotAllowed => (
                text("this cluster's policy does not allow the registry", "该仓库不在本集群策略允许的范围内"),
                "allowedRegistries",
            ),
        };
        let message = Message::new(
            clause,
            Bilingual::new(
                format!("Use a registry that the policy allows, or ask the administrator to change {list}."),
                format!("请改用策略允许的仓库，或请管理员调整 {list}。"),
            ),
        );
        message.only_note(Bilingual::new(
            format!("The cluster's administrator decides this ({list} in regcred's policy); the document itself can be correct."),
            format!("这是集群管理员的设定（regcred 策略中的 {list}），文档本身可能没有问题。"),
        ))
    }
}
