use super::credentials::AuthField;
use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::auth::{NotBase64, likely_cause};
use crate::bilingual::text;
use crate::document::EntryField;

/// `auth` is not base64 as the kubelet reads it. What it probably is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthNotBase64(pub NotBase64);

impl Check for AuthNotBase64 {
    const DEFINITION: Definition = Definition {
        code: "auth-not-base64",
        action: Action::Deny,
        kind: Kind::Content,
        title: text("`auth` is not base64", "`auth` 不是 base64"),
        applies: text(
            "`auth` is not empty and cannot be decoded as the kubelet does it: standard alphabet, line breaks skipped, padding optional. \
             The message names the likely cause: plain `user:password`, a `Basic ` prefix, the URL-safe alphabet, spaces, quotation \
             marks, or an unfilled placeholder.",
            "`auth` 不为空，但无法按 kubelet 的方式解码（标准字母表，忽略换行，填充可有可无）。消息会指出可能的原因：明文 `user:password`、\
             `Basic ` 前缀、URL 安全字母表、空格、引号，或未替换的占位符。",
        ),
        example: Example::new(r#"{"auths":{"registry.example.com":{"auth":"robot:example"}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let is_base64 = !matches!(entry.credentials.as_ref()?.auth, AuthField::NotBase64);
        // A placeholder is `unfilled-placeholder`.
        if is_base64 || entry.auth_is_placeholder() {
            return None;
        }
        let cause = likely_cause(&entry.fields.text(EntryField::Auth)?.decode());
        Some(Found::at_field(entry, EntryField::Auth, AuthNotBase64(cause)))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let AuthNotBase64(likely) = *self;
        let (clause, remedy) = match likely {
            NotBase64::PlainPair => (
                text(
                    "auth is plain user:password, not base64 of it",
                    "auth 是明文 user:password，没有做 base64 编码",
                ),
                text(
                    "Set auth to base64 of username:password.",
                    "请将 auth 设为 username:password 的 base64。",
                ),
            ),
            NotBase64::BasicPrefix => (
                text(
                    "auth begins with \"Basic \", as in an HTTP header",
                    "auth 带有 HTTP 头的 \"Basic \" 前缀",
                ),
                text(
                    "Remove this prefix and keep the base64 after it.",
                    "请删除该前缀，只保留后面的 base64。",
                ),
            ),
            NotBase64::UrlSafe => (
                text(
                    "auth is base64 in the URL-safe alphabet (- and _)",
                    "auth 使用了 URL 安全的 base64 字母表（- 和 _）",
                ),
                text(
                    "Encode it in the standard alphabet: + for -, / for _.",
                    "请用标准字母表重新编码：- 换成 +，_ 换成 /。",
                ),
            ),
            NotBase64::Blanks => (
                text("auth has spaces or tabs inside its base64", "auth 的 base64 中含有空格或制表符"),
                text("Remove the spaces and tabs.", "请删除其中的空格和制表符。"),
            ),
            NotBase64::Template => (
                text("auth is a placeholder that was never filled in", "auth 是没有被替换的占位符"),
                text(
                    "Fill in the placeholder before you apply the Secret.",
                    "请在提交 Secret 之前完成占位符的替换。",
                ),
            ),
            NotBase64::Quoted => (
                text("auth has quotation marks around its base64", "auth 的 base64 外多了一层引号"),
                text("Remove the quotation marks inside the value.", "请删除值内部的引号。"),
            ),
            NotBase64::Padding => (
                text("auth is base64 with the wrong padding", "auth 的 base64 填充（=）有误"),
                text(
                    "Set auth to base64 of username:password.",
                    "请将 auth 设为 username:password 的 base64。",
                ),
            ),
            NotBase64::Other => (
                text("auth is not base64", "auth 不是合法的 base64"),
                text(
                    "Set auth to base64 of username:password.",
                    "请将 auth 设为 username:password 的 base64。",
                ),
            ),
        };
        Message::new(clause, remedy)
    }
}
