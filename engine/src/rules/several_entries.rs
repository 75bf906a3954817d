//! The rules about several entries for one registry.

use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::bilingual::{Bilingual, text};

/// An earlier entry has another key for the same registry and different credentials, and consumers do not all take the
/// same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryNamedTwice;

/// The same for an earlier entry whose registry differs only in its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryPathsCollide;

const WHICH_IS_USED: Bilingual<&str> = text(
    "The two entries have different credentials, and which one is used depends on the consumer or is random.",
    "两个条目的凭据不同，实际使用哪一个取决于消费方，或是随机的。",
);

impl Check for RegistryNamedTwice {
    const DEFINITION: Definition = Definition {
        code: "registry-named-twice",
        action: Action::Warn,
        kind: Kind::Content,
        title: text("One registry has two entries", "同一个仓库有两个条目"),
        applies: text(
            "An earlier entry of the document has another key for the same registry (scheme, port 443, a leading `/v1` or `/v2` and closing \
             slashes aside; Docker Hub's names count as one), both are usable and have different credentials, and the choice matters: for an \
             ordinary image of one of the two keys, a consumer takes one of the two at random, or two consumers take different ones.",
            "文档中靠前的条目以另一种写法指向同一个仓库（不计协议、443 端口、开头的 `/v1` 或 `/v2` 和末尾的斜杠；Docker Hub 的各种名称视为同一个），\
             两者都可用而凭据不同，并且选哪个会有影响：对于其中一个仓库地址的普通镜像，某个消费方会随机选用其一，或两个消费方选用的不同。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6bmV3"},"https://registry.example.com":{"auth":"cm9ib3Q6b2xk"}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let collision = entry.shared.collisions.of(entry.index);
        collision.same_registry.then(|| Found::at(entry, RegistryNamedTwice))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("an earlier entry names this registry, too", "前面已有条目指向同一个仓库"),
            text(
                "Keep one entry for the registry; if both keys are needed, give both the same credentials.",
                "请只为该仓库保留一个条目；如果两种写法都需要，请使用相同的凭据。",
            ),
        )
        .note(WHICH_IS_USED)
    }
}

impl Check for RegistryPathsCollide {
    const DEFINITION: Definition = Definition {
        code: "registry-paths-collide",
        action: Action::Audit,
        kind: Kind::Content,
        title: text("Two entries differ only in the path of the key", "两个条目的仓库地址只有路径不同"),
        applies: text(
            "As `registry-named-twice`, for an earlier entry whose registry differs only in its path. It works where only the kubelet and the \
             key chain read the Secret, and is therefore only recorded.",
            "与 `registry-named-twice` 相同，但靠前条目的仓库地址只有路径不同。如果只有 kubelet 和 keychain 读取该 Secret，这样是可行的，因此只作\
             记录。",
        ),
        example: Example::new(
            r#"{"auths":{"quay.io/team-a":{"auth":"cm9ib3Q6b25l"},"quay.io/team-b":{"auth":"cm9ib3Q6dHdv"}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let collision = entry.shared.collisions.of(entry.index);
        collision.other_path.then(|| Found::at(entry, RegistryPathsCollide))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("an earlier entry differs only in the path of its key", "前面有条目的仓库地址只有路径不同"),
            text(
                "Use the same credentials for both, or one Secret each.",
                "请让两者使用相同的凭据，或各用一个 Secret。",
            ),
        )
        .note(WHICH_IS_USED)
    }
}
