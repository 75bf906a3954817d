use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::{Bilingual, text};
use crate::registry::{GenericHost, Key, generic_host};

/// The host is a generic Alibaba ACR domain, or a glob that matches one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericRegistryHost {
    /// The host is the VPC form.
    pub vpc: bool,
    /// The key is a glob.
    pub glob: bool,
}

impl Check for GenericRegistryHost {
    const DEFINITION: Definition = Definition {
        code: "generic-registry-host",
        action: Action::Deny,
        kind: Kind::Host,
        title: text("A generic Alibaba ACR domain", "阿里云 ACR 的通用域名"),
        applies: text(
            "The host is `registry.<region>.aliyuncs.com` or one of its forms (`registry-vpc`, `registry-internal`, `registry-intl` …, with \
             or without a region), or the key is a glob that matches one, such as `*.*.aliyuncs.com`. The generic domain is correct for \
             Personal instances created before 2024-09-09 and for Enterprise instances that are allowed to use it: for these, the cluster's \
             administrator puts the host on the rule's `allow` list or exempts the namespace.",
            "主机名为 `registry.<region>.aliyuncs.com` 或其变体（`registry-vpc`、`registry-internal`、`registry-intl` 等，带或不带地域），或者是\
             能匹配到它们的通配符，例如 `*.*.aliyuncs.com`。2024-09-09 之前创建的个人版实例，以及获准使用通用域名的企业版实例，使用通用域名是\
             正确的：请集群管理员把该主机名加入本规则的 `allow` 列表，或豁免相应的命名空间。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.cn-hangzhou.aliyuncs.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let GenericHost { vpc, glob, .. } = generic_host(entry.key())?;
        Some(Found::at(entry, GenericRegistryHost { vpc, glob }))
    }

    fn message(&self, context: &Context<'_>) -> Message {
        // Only what may be shown of the key: what is before an @ can be a credential.
        let key = context.place.key().map(|key| key.shown()).unwrap_or_default();
        let key = Key::parse(&key);
        let region = generic_host(&key).and_then(|host| host.region).unwrap_or("<region>");
        let vpc = if self.vpc { "-vpc" } else { "" };
        let (address, address_zh) = if self.vpc { ("VPC", "专有网络") } else { ("public", "公网") };
        let clause = if self.glob {
            text("this pattern matches ACR's generic domains", "该通配符会匹配 ACR 的通用域名")
        } else {
            text(
                "this is ACR's generic domain, not an instance's own",
                "这是 ACR 的通用域名，不是实例的专属域名",
            )
        };
        let message = Message::new(
            clause,
            Bilingual::new(
                format!(
                    "Use crpi-<id>{vpc}.{region}.personal.cr.aliyuncs.com, here and in image names (ACR console, instance, {address} \
                     address)."
                ),
                format!(
                    "请在此处和镜像名中改用 crpi-<id>{vpc}.{region}.personal.cr.aliyuncs.com，可在 ACR 控制台的实例页面查看{address_zh}地址。"
                ),
            ),
        );
        message.only_note(text(
            "Personal instances created since 2024-09-09 have a domain of their own, and image names begin with that one. Older \
             instances and Enterprise instances that are allowed to use it keep the generic domain: the administrator can allow it \
             (policy: allow).",
            "2024-09-09 起创建的个人版实例使用各自的专属域名，镜像名以该域名开头。此前创建的实例以及获准使用的企业版实例仍使用通用域名，\
             可由集群管理员在策略中放行（allow）。",
        ))
    }
}
