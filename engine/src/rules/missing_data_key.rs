use super::definition::{Action, Check, Context, Definition, Example, Kind, Message, Misplaced};
use crate::bilingual::{Bilingual, Words, text};
use crate::place::Spot;

/// The data of the Secret has no value under its type's key; the place names the key that was probably meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingDataKey;

/// Such a Secret has no document, so the judge makes the finding itself.
impl Check for MissingDataKey {
    const DEFINITION: Definition = Definition {
        code: "missing-data-key",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("The data lacks the key of the Secret's type", "数据中缺少 Secret 类型对应的键"),
        applies: text(
            "The type is `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg`, and `data` has no value under `.dockerconfigjson` \
             or `.dockercfg`, as that type needs. The message names the key that was probably meant: `config.json`, `dockerconfigjson`, the \
             other type's key, or the only key whose value is a Docker config. The Rancher UI sends `null` for a form without a registry \
             address. `/mutate` warns of it, because the API server answers before it asks `/validate`.",
            "类型为 `kubernetes.io/dockerconfigjson` 或 `kubernetes.io/dockercfg`，而 `data` 中该类型所需的 `.dockerconfigjson` 或 `.dockercfg` \
             键下没有值。消息会指出可能写错的键：`config.json`、`dockerconfigjson`、另一类型的键，或唯一一个内容是 Docker 配置的键。在 Rancher \
             表单中不填仓库地址时，界面会提交 `null`。API server 在询问 `/validate` 之前就会答复，因此由 `/mutate` 给出警告。",
        ),
        example: Example {
            misplaced: Some(Misplaced::DataKey("config.json")),
            ..Example::new(r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXhhbXBsZQ=="}}}"#)
        },
    };

    fn message(&self, context: &Context<'_>) -> Message {
        let secret_type = context.place.secret_type;
        let (name, key) = (secret_type.name(), secret_type.data_key());
        let message = Message::new(
            Bilingual::new(format!("its data has no value under {key}"), format!("数据的 {key} 键下没有值")),
            remedy(context),
        );
        message.only_note(Bilingual::new(
            format!("The API server refuses a Secret of type {name} without {key}."),
            format!("缺少 {key} 时，API server 会拒绝类型为 {name} 的 Secret。"),
        ))
    }
}

fn remedy(context: &Context<'_>) -> Words {
    let secret_type = context.place.secret_type;
    let key = secret_type.data_key();
    let Spot::Data(Some(meant)) = &context.place.spot else {
        return text(
            "Put the Docker config there, or create the Secret with kubectl create secret docker-registry.",
            "请把 Docker 配置放在该键下，或用 kubectl create secret docker-registry 创建。",
        )
        .into();
    };
    let (name, format) = (meant.name(), meant.format());
    let (needed, type_name) = (format.data_key(), format.name());
    let remedy = if format == secret_type {
        Bilingual::new(
            format!("Rename the data key {name} to {key}."),
            format!("请把数据键 {name} 改名为 {key}。"),
        )
    } else if name == needed {
        Bilingual::new(
            format!("Set the type to {type_name}, which has the data key {name}."),
            format!("请把类型改为 {type_name}，其数据键为 {name}。"),
        )
    } else {
        Bilingual::new(
            format!("Set the type to {type_name}, and rename the data key {name} to {needed}."),
            format!("请把类型改为 {type_name}，并把数据键 {name} 改名为 {needed}。"),
        )
    };
    remedy.into()
}
