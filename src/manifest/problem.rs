//! Why a file, or a Secret in it, is not judged.

use regcred_engine::policy::Language;
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;

use crate::guarded::INTERNAL_ERROR;
use crate::report::{Object, TroubleKind};

/// Something that is not judged.
pub(super) struct Problem {
    /// Where in the file, in bytes.
    pub(super) offset: usize,
    /// The Secret, if it is known.
    pub(super) object: Option<Object>,
    pub(super) kind: ProblemKind,
}

/// Why it is not judged. No text quotes the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProblemKind {
    NotUtf8,
    InvalidYaml,
    InvalidJson,
    TruncatedJson,
    Tab,
    /// A character that YAML forbids, also in a comment.
    ForbiddenCharacter,
    TooDeep,
    /// A few aliases can make a file larger than any memory.
    TooManyAliases,
    UnknownAnchor,
    TextAfterSeparator,
    /// An escape of JSON in double quotes of YAML.
    UnsupportedEscape,
    /// A name that is not text.
    InvalidName,
    /// A Secret after `...`.
    AfterDocumentEnd,
    /// A line end of YAML 1.1 inside a document.
    UnescapedLineEnd,
    /// A Helm template, or another template that is not YAML.
    Template,
    /// `data` or `stringData` is not a mapping.
    NotAMapping(&'static str),
    /// The document is not text. Under `stringData` this is mostly JSON without quotation marks.
    NotText(&'static str, SecretType),
    NotBase64(SecretType),
    /// Base64 with a space or a folded line in it.
    SpaceInBase64(SecretType),
    /// Neither `data` nor `stringData`.
    NoData(SecretType),
    /// `stringData` has null where `data` has a document.
    EmptiedByStringData(SecretType),
    /// A placeholder for the whole document.
    Placeholder,
    Encrypted,
    TooLarge,
    /// A file that a kustomization lists does not exist.
    ListedFileMissing,
    /// A Docker config whose credentials are in a credential helper.
    CredentialHelper,
    /// An entry with a placeholder in plain text.
    FilledInLater,
    /// The number of further entries with one.
    MoreFilledInLater(usize),
    /// Reading the file panicked.
    InternalError,
}

impl Problem {
    pub(super) const fn new(offset: usize, kind: ProblemKind) -> Self {
        Problem { offset, object: None, kind }
    }

    pub(super) const fn report_as(&self) -> TroubleKind {
        match self.kind {
            // A kustomize patch looks like a Secret without data.
            ProblemKind::NoData(_)
            | ProblemKind::Placeholder
            | ProblemKind::Encrypted
            | ProblemKind::ListedFileMissing
            | ProblemKind::AfterDocumentEnd => TroubleKind::NotJudged,
            ProblemKind::CredentialHelper
            | ProblemKind::FilledInLater
            | ProblemKind::MoreFilledInLater(_) => TroubleKind::CredentialsElsewhere,
            _ => TroubleKind::Unreadable,
        }
    }

    pub(super) fn message(&self, language: Language) -> String {
        self.kind.message().into_line(language)
    }
}

impl ProblemKind {
    #[allow(clippy::too_many_lines, reason = "a list of texts")]
    pub(super) fn message(self) -> Bilingual<String> {
        let (english, chinese) = match self {
            ProblemKind::InternalError => (INTERNAL_ERROR.english, INTERNAL_ERROR.chinese),
            ProblemKind::NotUtf8 => ("this file is not UTF-8 text", "该文件不是 UTF-8 文本"),
            ProblemKind::InvalidYaml => (
                "invalid YAML: the indentation does not match the lines around it, a colon is missing, or quotation marks or \
                 brackets are not closed",
                "YAML 无效：缩进与前后行不一致、缺少冒号，或者引号、括号没有闭合",
            ),
            ProblemKind::InvalidJson => ("invalid JSON", "JSON 无效"),
            ProblemKind::TruncatedJson => ("invalid JSON: it ends too early", "JSON 无效：内容不完整"),
            ProblemKind::Tab => (
                "invalid YAML: use spaces, not tabs, for indentation",
                "YAML 无效：请用空格缩进，不要用制表符",
            ),
            ProblemKind::ForbiddenCharacter => (
                "invalid YAML: this character, such as a control character, is not allowed; remove it, or write it as an escape \
                 in double quotes",
                "YAML 无效：此处有不允许的字符（例如控制字符）；请删除，或在双引号中写成转义",
            ),
            ProblemKind::TooDeep => {
                ("this is nested too deeply for a manifest", "嵌套过深，不可能是清单文件")
            }
            ProblemKind::TooManyAliases => (
                "aliases repeat the same document too often, so the rest was not checked; write out each Secret",
                "别名重复引用同一文档的次数过多，其余部分未检查；请分别写出各个 Secret",
            ),
            ProblemKind::UnknownAnchor => (
                "this alias has no anchor in its document; put text that begins with `*` in quotes",
                "该别名在本文档中没有对应的锚点；以 `*` 开头的文本要加引号",
            ),
            ProblemKind::TextAfterSeparator => (
                "there is text after `---`, so kubectl refuses this; begin the document on the next line",
                "`---` 之后还有文本，kubectl 会拒绝；请从下一行开始写文档",
            ),
            ProblemKind::UnsupportedEscape => (
                "kubectl does not support this escape in double quotes (`\\/`, or half a character such as `\\ud83d`); write the \
                 character itself",
                "kubectl 不支持双引号中的这种转义（`\\/`，或 `\\ud83d` 这样的半个字符）；请直接写出该字符",
            ),
            ProblemKind::InvalidName => (
                "a name here is a mapping, a list or null, and kubectl accepts only text",
                "此处的键是映射、列表或 null，而 kubectl 只接受文本",
            ),
            ProblemKind::AfterDocumentEnd => (
                "kubectl ignores everything between `...` and the next `---`, so it does not see this Secret",
                "kubectl 会忽略从 `...` 到下一个 `---` 之间的内容，因此看不到该 Secret",
            ),
            ProblemKind::UnescapedLineEnd => (
                "this document contains U+0085, U+2028 or U+2029, which kubectl reads as a line end; write it as a JSON escape, \
                 such as `\\u2028`",
                "该文档中直接写有 U+0085、U+2028 或 U+2029，kubectl 会当作换行；请写成 JSON 转义，例如 `\\u2028`",
            ),
            ProblemKind::Template => (
                "this is a template, not YAML; check the rendered output, for example `helm template … | regcred check -`",
                "这是模板，不是 YAML；请检查渲染后的结果，例如 `helm template … | regcred check -`",
            ),
            ProblemKind::Placeholder => (
                "the document is a placeholder that something fills in later; check the result",
                "该文档是稍后才填入的占位符；请检查填入后的结果",
            ),
            ProblemKind::Encrypted => {
                ("the document is encrypted; decrypt it to check it", "该文档已加密；请解密后再检查")
            }
            ProblemKind::TooLarge => (
                "this is larger than a Secret can be (1 MiB), so the API server refuses it",
                "超出 Secret 的大小上限（1 MiB），API server 会拒绝",
            ),
            ProblemKind::ListedFileMissing => (
                "the file that this generator lists does not exist here, so it was not checked",
                "该生成器引用的文件在此处不存在，因此未检查",
            ),
            ProblemKind::CredentialHelper => (
                "this Docker config keeps credentials in a credential helper (credsStore, credHelpers), which a Secret cannot use; \
                 `regcred create --from-docker-config` makes a Secret of the credentials that are in the file, and needs --username \
                 for those in the helper",
                "该 Docker 配置把凭据保存在凭据助手（credsStore、credHelpers）中，Secret 无法使用；`regcred create \
                 --from-docker-config` 可以用文件中的凭据生成 Secret，助手中的凭据则需用 --username 给出",
            ),
            ProblemKind::FilledInLater => (
                "a placeholder in this entry is filled in later, so its key and credentials were not checked; check the result",
                "该条目中有稍后才填入的占位符，因此没有检查它的地址和凭据；请检查填入后的结果",
            ),
            ProblemKind::MoreFilledInLater(count) => {
                let plural = if count == 1 { "y" } else { "ies" };
                return Bilingual {
                    english: format!(
                        "and {count} more entr{plural} with a placeholder that is filled in later"
                    ),
                    chinese: format!("另有 {count} 个条目含稍后才填入的占位符"),
                };
            }
            ProblemKind::NotAMapping(field) => {
                return Bilingual {
                    english: format!(
                        "{field} is not a mapping of names to text, so the API server refuses this Secret"
                    ),
                    chinese: format!("{field} 不是键值映射，API server 会拒绝该 Secret"),
                };
            }
            ProblemKind::NotText(field, secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "{field}[{key}] is not text, so the API server refuses this Secret; put JSON in quotes or under `|`"
                    ),
                    chinese: format!(
                        "{field}[{key}] 不是文本，API server 会拒绝该 Secret；请给 JSON 加引号，或写在 `|` 之下"
                    ),
                };
            }
            ProblemKind::NotBase64(secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "data[{key}] is not base64, so the API server refuses this Secret; put plain text under stringData"
                    ),
                    chinese: format!(
                        "data[{key}] 不是 base64，API server 会拒绝该 Secret；明文请写在 stringData 之下"
                    ),
                };
            }
            ProblemKind::SpaceInBase64(secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "data[{key}] is base64 with a space or a folded line in it, so the API server refuses this Secret; \
                         write it in one line, or under `|`"
                    ),
                    chinese: format!(
                        "data[{key}] 的 base64 中有空格或被折叠的换行，API server 会拒绝该 Secret；请写成一行，或写在 `|` 之下"
                    ),
                };
            }
            ProblemKind::NoData(secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "this Secret has neither data nor stringData, so it was taken for a patch; if it is not one, the API \
                         server refuses it, since {key} is missing"
                    ),
                    chinese: format!(
                        "该 Secret 没有 data 和 stringData，按补丁处理；如果它不是补丁，API server 会因缺少 {key} 而拒绝"
                    ),
                };
            }
            ProblemKind::EmptiedByStringData(secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "stringData[{key}] is null, which replaces the value in data by an empty one, so the API server refuses \
                         this Secret; remove it from stringData"
                    ),
                    chinese: format!(
                        "stringData[{key}] 为 null，会清空 data 中的值，API server 会拒绝该 Secret；请从 stringData 中删除这一项"
                    ),
                };
            }
        };
        Bilingual { english: english.to_owned(), chinese: chinese.to_owned() }
    }
}
