use super::definition::{Action, Check, Context, Definition, Example, Kind, Message};
use crate::bilingual::{Bilingual, text};
use crate::secret::MAX_SECRET_BYTES;

/// The Secret has no room for the repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLargeToFix {
    /// Bytes of the Secret's data after the repair.
    pub would_be: u32,
}

/// Only the judge knows the repairs of all entries, so it makes the finding itself.
impl Check for TooLargeToFix {
    const DEFINITION: Definition = Definition {
        code: "too-large-to-fix",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("The Secret has no room for the repair", "没有空间进行修复"),
        applies: text(
            "With all repairs the Secret's data (all keys, decoded) would be larger than the 1,048,576 bytes that Kubernetes allows. \
             Nothing is patched. It applies to each entry that would have been repaired, in addition to that entry's own finding.",
            "全部修复后，Secret 的数据（所有键，解码后）将超过 Kubernetes 允许的 1,048,576 字节，因此不做任何修改。每个本应修复的条目都会报告此项，\
             与该条目原有的问题并列。",
        ),
        example: Example {
            other_data_bytes: 1_048_500,
            ..Example::new(r#"{"auths":{"registry.example.com":{"username":"robot","password":"example"}}}"#)
        },
    };

    fn message(&self, _: &Context<'_>) -> Message {
        let would_be = self.would_be;
        let message = Message::new(
            text("the Secret has no room for the repair of auth", "Secret 已没有空间容纳 auth 的修复"),
            text(
                "Split the registries over several Secrets, or remove data that is not needed.",
                "请把仓库拆分到多个 Secret，或删除不需要的内容。",
            ),
        );
        message.note(Bilingual::new(
            format!(
                "With all repairs the Secret's data would be {would_be} bytes; Kubernetes allows {MAX_SECRET_BYTES}, so nothing was patched."
            ),
            format!("全部修复后数据将达 {would_be} 字节，Kubernetes 上限为 {MAX_SECRET_BYTES} 字节，因此未做任何修改。"),
        ))
    }
}
