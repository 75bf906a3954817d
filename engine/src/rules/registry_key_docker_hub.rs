use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::consumers::Consumer;
use crate::registry::{Key, RegistryKey};

/// The key is another spelling of Docker Hub than the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryKeyDockerHub {
    /// The document has the usual key, too.
    pub has_usual: bool,
}

impl Check for RegistryKeyDockerHub {
    const DEFINITION: Definition = Definition {
        code: "registry-key-docker-hub",
        action: Action::Warn,
        kind: Kind::Host,
        title: text("An unusual spelling of Docker Hub", "Docker Hub 的非常用写法"),
        applies: text(
            "The host is one of Docker Hub's names (docker.io, index.docker.io, registry-1.docker.io, hub.docker.com, \
             registry.hub.docker.com, docker.com, www.docker.com, registry.docker.io, auth.docker.io), with any port and path, and the key \
             is not `https://index.docker.io/v1/`. It does not apply to `registry-1.docker.io` and `https://registry-1.docker.io` if the \
             document also has an entry `https://index.docker.io/v1/` with the same credentials.",
            "主机名是 Docker Hub 的名称之一（docker.io、index.docker.io、registry-1.docker.io、hub.docker.com、registry.hub.docker.com、\
             docker.com、www.docker.com、registry.docker.io、auth.docker.io），不论端口和路径，而仓库地址不是 `https://index.docker.io/v1/`。\
             如果文档中还有凭据相同的 `https://index.docker.io/v1/` 条目，则不适用于 `registry-1.docker.io` 和 \
             `https://registry-1.docker.io`。",
        ),
        example: Example::new(r#"{"auths":{"index.docker.io/v1/":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let is_second = || entry.key().is_registry_1() && entry.is_usable_like_docker_hub();
        let applies = entry.key().is_other_docker_hub() && !is_second();
        let has_usual = entry.shared.docker_hub.is_some();
        applies.then(|| Found::at(entry, RegistryKeyDockerHub { has_usual }))
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let written = context.place.key().map(RegistryKey::as_written).unwrap_or_default();
        let key = Key::parse(written);
        let is_used_by_updater = context.affected.is_used_for_other_images_by(Consumer::ImageUpdater);
        let remedy = if key.is_browser_login() {
            text(
                "Remove this entry: docker's login in the browser left it there.",
                "请删除该条目：它是 docker 在浏览器中登录后留下的。",
            )
        } else if key.is_registry_1() || is_used_by_updater {
            text(
                "The other consumers look for https://index.docker.io/v1/: if they need it too, keep both entries with the same credentials.",
                "其他消费方查找的是 https://index.docker.io/v1/：如果它们也需要，请保留两个凭据相同的条目。",
            )
        } else if key.has_path() && context.affected.may_be_used_for_other_images() {
            text(
                "Keep it if only consumers that use it need these credentials.",
                "如果只有会使用它的消费方需要这些凭据，可以保留。",
            )
        } else if self.has_usual {
            text(
                "Keep only the entry https://index.docker.io/v1/, with the correct credentials.",
                "请只保留 https://index.docker.io/v1/ 这一条目，并填入正确的凭据。",
            )
        } else {
            text(
                "Write the key as https://index.docker.io/v1/, including the closing slash.",
                "请把仓库地址写成 https://index.docker.io/v1/（含末尾斜杠）。",
            )
        };
        Message::new(text("this is an unusual key for Docker Hub", "这不是 Docker Hub 的常用写法"), remedy)
    }
}
