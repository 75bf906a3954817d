//! Why a Secret gives no credentials for an image, in words.

use super::malformed::Malformation;
use super::ring::{Reason, Why};
use super::shown::shown;
use crate::bilingual::Bilingual;
use crate::consumers::ImageRef;

/// Why a Secret gives no credentials for an image, as a clause that names the Secret.
pub(super) fn why(reason: &Reason<'_>, image: &ImageRef) -> Bilingual<String> {
    let secret = shown(reason.secret);
    let Bilingual { english, chinese } = match &reason.why {
        Why::Missing => Bilingual::new("it does not exist in this namespace", "它在该命名空间中不存在"),
        Why::Elsewhere(namespaces) => {
            let names: Vec<_> = namespaces.iter().take(3).map(|name| shown(name)).collect();
            let more = namespaces.len().saturating_sub(names.len());
            let (and, and_zh) = match more {
                0 => (String::new(), String::new()),
                _ => (format!(" and {more} more"), format!(" 等，另有 {more} 个")),
            };
            Bilingual::new(
                format!("it does not exist in this namespace, but in {}{and}", names.join(", ")),
                format!("它不在该命名空间中，而在 {}{and_zh}", names.join("、")),
            )
        }
        Why::Unknown => Bilingual::new("it could not be read", "无法读取它"),
        Why::WrongType { secret_type, fits, .. } => {
            let secret_type = shown(secret_type);
            let (with, with_zh) = if *fits {
                (", and it would match with the right one", "，而类型正确时它是匹配的")
            } else {
                ("", "")
            };
            Bilingual::new(
                format!("the kubelet ignores its type {secret_type}{with}"),
                format!("kubelet 忽略其类型 {secret_type}{with_zh}"),
            )
        }
        Why::NoDocument(secret_type) => {
            let key = secret_type.data_key();
            Bilingual::new(format!("it has nothing under {key}"), format!("其 {key} 之下没有内容"))
        }
        Why::Malformed(malformation) => {
            let about = malformation.about();
            Bilingual::new(
                format!("the kubelet cannot read it: {}", about.english),
                format!("kubelet 无法读取它：{}", about.chinese),
            )
        }
        Why::NoEntries(Some(clause)) => clause.clone(),
        Why::NoEntries(None) => Bilingual::new("it has no registries", "其中没有任何仓库"),
        Why::Incomplete(key) => Bilingual::new(
            format!("its entry {key} matches, and lacks the username or the password"),
            format!("其条目 {key} 匹配，但缺少 username 或 password"),
        ),
        Why::Near(near) => near.why(image),
        Why::NoKey(keys, count) => {
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            let more = count.saturating_sub(keys.len());
            let (and, and_zh) = match more {
                0 => (String::new(), String::new()),
                _ => (format!(" and {more} more"), format!(" 等，另有 {more} 个")),
            };
            let host = shown(image.host());
            Bilingual::new(
                format!("it has no entry for {host}, only for {}{and}", keys.join(", ")),
                format!("其中没有 {host} 的条目，只有 {}{and_zh}", keys.join("、")),
            )
        }
    };
    Bilingual::new(format!("Secret {secret}: {english}"), format!("Secret {secret}：{chinese}"))
}

impl Malformation {
    /// What is wrong, and where.
    pub(super) fn about(&self) -> Bilingual<String> {
        let Malformation { key, path, position: (line, column), clause } = self;
        let path = shown(path);
        let of = key.as_ref().map_or_else(String::new, |key| format!(" {key}"));
        Bilingual::new(
            format!(
                "{}{of}: {} ({path}, line {line}, column {column})",
                if key.is_some() { "registry" } else { "document" },
                clause.english
            ),
            format!(
                "{}{of}：{}（{path}，第 {line} 行第 {column} 列）",
                if key.is_some() { "仓库" } else { "整份文档" },
                clause.chinese
            ),
        )
    }
}
