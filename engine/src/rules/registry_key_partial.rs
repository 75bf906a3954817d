use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::text;
use crate::consumers::{Consumer, images_that_find};
use crate::secret::SecretType;

/// The kubelet finds the key, and another consumer does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryKeyPartial;

/// The consumers that are compared with the kubelet.
const OTHERS: [Consumer; 3] = [Consumer::Docker, Consumer::Podman, Consumer::KeyChain];

impl Check for RegistryKeyPartial {
    const DEFINITION: Definition = Definition {
        code: "registry-key-partial",
        action: Action::Warn,
        kind: Kind::Host,
        title: text("Not every consumer finds the registry key", "并非所有消费方都能匹配该仓库地址"),
        applies: text(
            "The kubelet finds the key for an ordinary image, and docker, podman or the key chain finds it for none of these images: for \
             example a key with a colon but no port, or, without a scheme, one with a closing slash or with `/v1/` or `/v2/`.",
            "kubelet 能为普通镜像匹配到该仓库地址，而 docker、podman 或 keychain 对这些镜像都匹配不到：例如有冒号而没有端口，或不带协议但以斜杠\
             结尾，或不带协议而有 `/v1/`、`/v2/`。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com/v1/":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let is_judged_elsewhere = || {
            entry.is_key_unfilled()
                || entry.key_fault().is_some()
                || entry.key().is_glob()
                || entry.key().is_docker_hub()
                || entry.key().has_credentials()
        };
        let applies = !entry.key().is_plain()
            && !is_judged_elsewhere()
            && !entry.is_never_found()
            && is_partial(entry.document.secret_type(), entry.registry.as_written());
        applies.then(|| Found::at(entry, RegistryKeyPartial))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("not every consumer finds this registry key", "并非所有消费方都能匹配该仓库地址"),
            text(
                "Write the key as host[:port], or with its path, exactly as image names begin.",
                "请按镜像名开头的写法填写 host[:port]，或再加上路径。",
            ),
        )
    }
}

fn is_partial(secret_type: SecretType, key: &str) -> bool {
    let found = images_that_find(Consumer::Kubelet, secret_type, key);
    OTHERS.into_iter().filter(|consumer| consumer.reads(secret_type)).any(|consumer| {
        let mut accepted = found.iter().filter(|image| consumer.accepts(image)).peekable();
        let finds = images_that_find(consumer, secret_type, key);
        accepted.peek().is_some() && accepted.all(|image| !finds.contains(image))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::consumers::is_never_found;
    use crate::registry::Key;

    proptest! {
        /// [`Key::is_plain`] is a short cut past the models.
        #[test]
        fn plain_key_is_found_by_every_consumer(key in "[a-z0-9-]{1,3}(\\.[a-z0-9-]{0,3}){0,3}(:[0-9]{0,5})?") {
            if Key::parse(&key).is_plain() {
                prop_assert!(!is_never_found(&key));
                for secret_type in [SecretType::DockerConfigJson, SecretType::DockerCfg] {
                    prop_assert!(!is_partial(secret_type, &key));
                }
            }
        }
    }
}
