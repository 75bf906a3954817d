use super::definition::{Action, Check, Context, Definition, Example, Kind, Message, Misplaced};
use crate::bilingual::{Bilingual, text};
use crate::secret::SecretType;

/// The type of the Secret is neither of the two, but its data has the key of one, which the place names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongSecretType;

/// The document of such a Secret is not judged, so the judge makes the finding itself.
impl Check for WrongSecretType {
    const DEFINITION: Definition = Definition {
        code: "wrong-secret-type",
        action: Action::Warn,
        kind: Kind::Content,
        title: text(
            "The Secret's type is not that of a pull Secret",
            "Secret 的类型不是镜像拉取 Secret 的类型",
        ),
        applies: text(
            "The type is neither `kubernetes.io/dockerconfigjson` nor `kubernetes.io/dockercfg`, and `data` has a value under \
             `.dockerconfigjson` or `.dockercfg`. The document is not judged. Reported for a new Secret only, and not by `/mutate`; `scan` \
             reports it with `--all-types`.",
            "类型既不是 `kubernetes.io/dockerconfigjson` 也不是 `kubernetes.io/dockercfg`，而 `data` 的 `.dockerconfigjson` 或 `.dockercfg` \
             键下有值。不检查其中的文档。只在新建 Secret 时报告，`/mutate` 不报告；`scan` 需加 `--all-types` 才会报告。",
        ),
        example: Example {
            misplaced: Some(Misplaced::Type("Opaque")),
            ..Example::new(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#)
        },
    };

    fn message(&self, context: &Context<'_>) -> Message {
        let meant = context.place.secret_type;
        let (name, key) = (meant.name(), meant.data_key());
        // Argo CD Image Updater asks for the key `.dockerconfigjson` and not for the type.
        let (updater, updater_zh) = match meant {
            SecretType::DockerConfigJson => {
                (" Argo CD Image Updater reads it.", "Argo CD Image Updater 会读取它。")
            }
            SecretType::DockerCfg => ("", ""),
        };
        let message = Message::new(
            Bilingual::new(format!("its type is not {name}"), format!("类型不是 {name}")),
            Bilingual::new(
                format!("To pull images with it, delete it and create it again with type {name}."),
                format!("如需用它拉取镜像，请删除后以类型 {name} 重新创建。"),
            ),
        );
        message.only_note(Bilingual::new(
            format!(
                "The kubelet and the key chain ignore {key} in a Secret of another type.{updater} Mounted as a file it works. The type of an \
                 existing Secret cannot be changed."
            ),
            format!(
                "kubelet 和 keychain 会忽略其他类型的 Secret 中的 {key}。{updater_zh}作为文件挂载时可以使用。已有 Secret 的类型无法修改。"
            ),
        ))
    }
}
