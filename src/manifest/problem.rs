//! What keeps a file, or a Secret in it, from being judged.

use regcred_engine::policy::Language;
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;

use crate::report::{Object, TroubleKind};

/// Something wrong in a file.
pub(super) struct Problem {
    /// Where, in bytes.
    pub(super) offset: usize,
    /// In which Secret, where that is known.
    pub(super) object: Option<Object>,
    pub(super) what: WhatIsWrong,
}

/// What is wrong. No text quotes the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhatIsWrong {
    NotUtf8,
    NoYaml,
    NoJson,
    CutOff,
    Tab,
    /// A character that YAML does not take, also in a comment.
    Character,
    TooDeep,
    /// A few aliases can make more of a file than any memory holds.
    Repeated,
    UnknownAnchor,
    /// Text behind `---`.
    Separator,
    /// An escape of JSON in double quotes of YAML.
    Escape,
    /// A name that is no text.
    Name,
    /// A Secret behind `...`.
    BehindTheEnd,
    /// A line end of YAML 1.1 inside of a document.
    LineEnd,
    /// A Helm template, or one of another kind, that is no YAML.
    Template,
    /// `data` or `stringData` is no mapping.
    NoMapping(&'static str),
    /// The document is no text: under `stringData`, mostly JSON without quotation marks.
    NoText(&'static str, SecretType),
    NotBase64(SecretType),
    /// Base64 that only blanks keep from being such.
    BlankInBase64(SecretType),
    NoDocument(SecretType),
    /// `stringData` has null where `data` has a document.
    Emptied(SecretType),
    Placeholder,
    Encrypted,
    TooLarge,
}

impl Problem {
    pub(super) const fn new(offset: usize, what: WhatIsWrong) -> Self {
        Problem { offset, object: None, what }
    }

    pub(super) const fn kind(&self) -> TroubleKind {
        match self.what {
            // A patch of kustomize's looks like a Secret without a document.
            WhatIsWrong::NoDocument(_)
            | WhatIsWrong::Placeholder
            | WhatIsWrong::Encrypted
            | WhatIsWrong::BehindTheEnd => TroubleKind::NotJudged,
            _ => TroubleKind::Unreadable,
        }
    }

    pub(super) fn message(&self, language: Language) -> String {
        self.what.said().into_line(language)
    }
}

impl WhatIsWrong {
    #[allow(clippy::too_many_lines, reason = "a list")]
    fn said(self) -> Bilingual<String> {
        let (english, chinese) = match self {
            WhatIsWrong::NotUtf8 => ("this file is not UTF-8 text", "该文件不是 UTF-8 文本"),
            WhatIsWrong::NoYaml => (
                "no valid YAML here: a line that is not indented as its neighbours, a missing colon, or quotation marks \
                 or brackets that are not closed",
                "此处不是合法的 YAML：缩进与相邻行不一致、缺少冒号，或引号、括号没有闭合",
            ),
            WhatIsWrong::NoJson => ("no valid JSON here", "此处不是合法的 JSON"),
            WhatIsWrong::CutOff => ("the JSON ends in the middle", "JSON 没有写完"),
            WhatIsWrong::Tab => {
                ("YAML is not indented with tabs; use spaces", "YAML 不能用制表符缩进，请用空格")
            }
            WhatIsWrong::Character => (
                "a character that YAML does not take, such as a control character; remove it, or write it as an escape in \
                 double quotes",
                "此处有 YAML 不允许的字符（例如控制字符）；请删除，或在双引号中写成转义",
            ),
            WhatIsWrong::TooDeep => ("too deeply nested to be a manifest", "嵌套过深，不像清单文件"),
            WhatIsWrong::Repeated => (
                "aliases repeat the same document too often, from here on nothing was judged; write the Secrets out",
                "别名重复引用同一文档的次数过多，从此处起未作判断；请分别写出各个 Secret",
            ),
            WhatIsWrong::UnknownAnchor => (
                "this alias has no anchor in its document; text that begins with `*` belongs in quotes",
                "该别名在本文档中没有对应的锚点；以 `*` 开头的文本要加引号",
            ),
            WhatIsWrong::Separator => (
                "text behind `---`, so kubectl refuses this; begin the document in the next line",
                "`---` 之后还有文本，kubectl 会拒绝；文档要从下一行开始",
            ),
            WhatIsWrong::Escape => (
                "an escape in double quotes that kubectl does not take here (`\\/`, or half a character such as `\\ud83d`); \
                 write the character itself",
                "双引号中有 kubectl 不接受的转义（`\\/`，或 `\\ud83d` 这样的半个字符）；请直接写出该字符",
            ),
            WhatIsWrong::Name => (
                "a name here is a mapping, a list or null; kubectl takes texts only",
                "此处的键是映射、列表或 null；kubectl 只接受文本",
            ),
            WhatIsWrong::BehindTheEnd => (
                "behind `...` kubectl reads nothing up to the next `---`, so it does not see this Secret",
                "从 `...` 到下一个 `---` 之间的内容 kubectl 不读取，所以看不到该 Secret",
            ),
            WhatIsWrong::LineEnd => (
                "this document holds U+0085, U+2028 or U+2029 as itself, which kubectl takes for a line end; write it as an \
                 escape of JSON, such as `\\u2028`",
                "该文档中直接写有 U+0085、U+2028 或 U+2029，kubectl 会当作换行；请写成 JSON 转义，例如 `\\u2028`",
            ),
            WhatIsWrong::Template => (
                "this is a template, not YAML yet; check what comes of it, for example `helm template … | regcred check -`",
                "这是模板，还不是 YAML；请检查渲染后的结果，例如 `helm template … | regcred check -`",
            ),
            WhatIsWrong::NoMapping(field) => {
                return Bilingual {
                    english: format!(
                        "{field} is no mapping of names to texts, so the API server refuses this Secret"
                    ),
                    chinese: format!("{field} 不是键值映射，API server 会拒绝该 Secret"),
                };
            }
            WhatIsWrong::NoText(field, secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "{field}[{key}] is no text, so the API server refuses this Secret; JSON belongs in quotes or \
                         under `|`"
                    ),
                    chinese: format!(
                        "{field}[{key}] 不是文本，API server 会拒绝该 Secret；JSON 要加引号，或写在 `|` 之下"
                    ),
                };
            }
            WhatIsWrong::NotBase64(secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "data[{key}] is not base64, so the API server refuses this Secret; plain text belongs under \
                         stringData"
                    ),
                    chinese: format!(
                        "data[{key}] 不是 base64，API server 会拒绝该 Secret；明文要写在 stringData 之下"
                    ),
                };
            }
            WhatIsWrong::BlankInBase64(secret_type) => {
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
            WhatIsWrong::NoDocument(secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "neither data nor stringData has {key}, so there is nothing to judge; unless this is a patch of a \
                         Secret, the API server refuses it"
                    ),
                    chinese: format!(
                        "data 与 stringData 都没有 {key}，没有可判断的内容；如果这不是 Secret 的补丁，API server 会拒绝它"
                    ),
                };
            }
            WhatIsWrong::Emptied(secret_type) => {
                let key = secret_type.data_key();
                return Bilingual {
                    english: format!(
                        "stringData[{key}] is null, which empties what data has there, so the API server refuses this \
                         Secret; leave the name out"
                    ),
                    chinese: format!(
                        "stringData[{key}] 为 null，会清空 data 中的内容，API server 会拒绝该 Secret；请去掉这一项"
                    ),
                };
            }
            WhatIsWrong::Placeholder => (
                "the document is a placeholder that something fills in later; check what comes of it",
                "该文档是占位符，由其他工具稍后填入；请检查填入后的结果",
            ),
            WhatIsWrong::Encrypted => {
                ("the document is encrypted; check it decrypted", "该文档已加密；请检查解密后的内容")
            }
            WhatIsWrong::TooLarge => (
                "larger than a Secret can be (1 MiB), so the API server refuses it",
                "超出 Secret 的上限（1 MiB），API server 会拒绝",
            ),
        };
        Bilingual { english: english.to_owned(), chinese: chinese.to_owned() }
    }
}
