use super::definition::{Action, Check, Context, Definition, Example, Kind, Message};
use crate::bilingual::{Bilingual, Words, text};
use crate::document::InvalidJson;

/// The document is not JSON. The place's offset is where reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// Why.
    pub reason: InvalidJson,
    /// The API server refuses such a document, so that no consumer ever reads it.
    pub refused_by_api_server: bool,
}

/// Such a document cannot be read, so that no other rule applies and the judge makes the finding itself.
impl Check for NotJson {
    const DEFINITION: Definition = Definition {
        code: "invalid-json",
        action: Action::Deny,
        kind: Kind::Unpatchable,
        title: text("The document is not valid JSON", "文档不是合法的 JSON"),
        applies: text(
            "The document is not one JSON value, is not UTF-8, has a lone surrogate or a number outside a float64, or nests objects and \
             arrays more than 64 levels deep. Such a document cannot be judged, so this is its only finding. The message names the likely \
             cause: often a template that does not escape a password, a document encoded to base64 twice, or a file saved with a byte order \
             mark.",
            "文档不是单个 JSON 值、不是 UTF-8、含有孤立的代理项、含有超出 float64 范围的数字，或对象和数组嵌套超过 64 层。这样的文档无法检查，\
             因此只报告这一项。消息会指出可能的原因：常见的有模板没有转义密码、文档被 base64 编码两次、文件带有 BOM。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"username":"robot","password":"example",}}}"#,
        ),
    };

    fn message(&self, context: &Context<'_>) -> Message {
        let offset = context.place.offset();
        let stopped = if self.reason == InvalidJson::Empty {
            (String::new(), String::new())
        } else {
            let s = if offset == 1 { "" } else { "s" };
            (format!("Reading stopped after {offset} byte{s}. "), format!("读取到第 {offset} 字节后停止。"))
        };
        let note = if self.refused_by_api_server {
            (
                "The API server refuses the Secret; regcred cannot judge or repair anything in it.",
                "API server 会拒绝该 Secret；regcred 无法检查或修复其中的内容。",
            )
        } else {
            (
                "The API server accepts the Secret, but its readers differ in how they treat this, which can change a credential.",
                "API server 会接受该 Secret，但各程序对此处理不一，凭据可能因此改变。",
            )
        };
        let note = Bilingual::new(format!("{}{}", stopped.0, note.0), format!("{}{}", stopped.1, note.1));
        Message::new(clause(self.reason), remedy(self.reason)).only_note(note)
    }
}

fn clause(reason: InvalidJson) -> Words {
    let clause = match reason {
        InvalidJson::Empty => text("the document is empty", "内容为空"),
        InvalidJson::ByteOrderMark => {
            text("there is a byte order mark before the JSON", "JSON 前面有字节顺序标记（BOM）")
        }
        InvalidJson::Utf16 => text("the document is UTF-16, not UTF-8", "文档是 UTF-16 编码，不是 UTF-8"),
        InvalidJson::NotUtf8 => text("the document has bytes that are not UTF-8", "含有不是 UTF-8 的字节"),
        InvalidJson::EncodedTwice => text(
            "the document is base64 of JSON, encoded once too often",
            "内容是 JSON 的 base64，多编码了一次",
        ),
        InvalidJson::SingleQuoted => {
            text("there are single quotation marks around the JSON", "JSON 外多了一层单引号")
        }
        InvalidJson::PythonDict => {
            text("it uses single quotation marks, as Python prints it", "使用了单引号（Python 的打印格式）")
        }
        InvalidJson::EscapedQuotes => {
            text("its quotation marks are escaped once too often", "引号被多转义了一次")
        }
        InvalidJson::Yaml => text("the document is YAML, not JSON", "内容是 YAML，不是 JSON"),
        InvalidJson::GoMap => {
            text("it is a map as Go prints it, not JSON", "内容是 Go 打印的 map，不是 JSON")
        }
        InvalidJson::GoMissingValue => {
            text("Go printed a missing value into it (%!)", "其中有 Go 对缺失值的输出（%!）")
        }
        InvalidJson::UnescapedQuote => {
            text("a quotation mark inside a value is not escaped", "某个值中的引号没有转义")
        }
        InvalidJson::TrailingComma => {
            text("there is a comma after the last member", "最后一个成员之后多了逗号")
        }
        InvalidJson::Comment => text("there is a comment in the JSON", "JSON 中有注释"),
        InvalidJson::CutOff => text("the JSON ends too early", "JSON 不完整，中途结束"),
        InvalidJson::TrailingText => text("there is extra text after the JSON", "JSON 结束之后还有多余内容"),
        InvalidJson::TooDeep => {
            text("objects and arrays are nested more than 64 levels deep", "对象和数组嵌套超过 64 层")
        }
        InvalidJson::LoneSurrogate => {
            text("a \\u escape is only one half of a surrogate pair", "有一个 \\u 转义只是代理对的一半")
        }
        InvalidJson::NumberOutOfRange => {
            text("a number is too large for JSON readers", "含有超出 float64 范围的数字")
        }
        InvalidJson::RawControl => text(
            "a string contains a raw line break or control character",
            "字符串中有未转义的换行等控制字符",
        ),
        InvalidJson::Syntax => text("the document is not valid JSON", "不是合法的 JSON"),
    };
    clause.into()
}

fn remedy(reason: InvalidJson) -> Words {
    let remedy = match reason {
        InvalidJson::Empty => text(
            "Add the registries under auths, or generate the Secret with kubectl create secret docker-registry.",
            "请把仓库写在 auths 下，或用 kubectl create secret docker-registry 重新生成。",
        ),
        InvalidJson::ByteOrderMark | InvalidJson::NotUtf8 | InvalidJson::Utf16 => {
            text("Save the document as UTF-8 without a byte order mark.", "请将文档另存为不带 BOM 的 UTF-8。")
        }
        InvalidJson::EncodedTwice => text(
            "Encode it once: put the JSON itself under stringData, or its base64 under data.",
            "请只编码一次：把 JSON 原文放在 stringData 下，或把它的 base64 放在 data 下。",
        ),
        InvalidJson::SingleQuoted => text("Remove the quotation marks around it.", "请删除外层的引号。"),
        InvalidJson::PythonDict => text("Write it with json.dumps.", "请用 json.dumps 输出。"),
        InvalidJson::EscapedQuotes => {
            text("Remove the backslashes before the quotation marks.", "请删除引号前的反斜杠。")
        }
        InvalidJson::Yaml => text("Convert it to JSON.", "请转换为 JSON。"),
        InvalidJson::GoMap | InvalidJson::GoMissingValue => text(
            "Write it with toJson, and check the values of the template.",
            "请在模板中使用 toJson，并检查模板的值。",
        ),
        InvalidJson::UnescapedQuote | InvalidJson::RawControl => {
            text("Escape it; in templates, toJson does.", "请转义该字符；模板中可使用 toJson。")
        }
        InvalidJson::TrailingComma => text("Remove that comma.", "请删除该逗号。"),
        InvalidJson::Comment => text("Remove the comment.", "请删除注释。"),
        InvalidJson::CutOff => text(
            "Insert the whole document again; its end is missing.",
            "请重新填入完整的文档，缺少结尾部分。",
        ),
        InvalidJson::TrailingText => {
            text("Remove everything after the closing brace.", "请删除最后一个右花括号之后的内容。")
        }
        InvalidJson::TooDeep => text(
            "Remove the nested part; no field of a registry needs it.",
            "请删除嵌套过深的部分，仓库的字段用不到它。",
        ),
        InvalidJson::LoneSurrogate => {
            text("Write the character itself, in UTF-8.", "请直接用 UTF-8 写出该字符。")
        }
        InvalidJson::NumberOutOfRange => {
            text("Remove the number, or write it as a string.", "请删除该数字，或改成字符串。")
        }
        InvalidJson::Syntax => text(
            "Correct the JSON there, or generate the Secret with kubectl create secret docker-registry.",
            "请修正该处的 JSON，或用 kubectl create secret docker-registry 重新生成。",
        ),
    };
    remedy.into()
}
