use std::borrow::Cow;

use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::placeholder::is_placeholder;
use super::view::EntryView;
use crate::auth::Auth;
use crate::bilingual::{Words, text};
use crate::document::{Document, EntryField, InvalidJson};
use crate::registry::Key;
use crate::secret::SecretType;

/// The username asks for another kind of credential. Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongKindOfCredential {
    /// `_json_key` and not a key file of Google.
    NotAKeyFile(KeyFile),
    /// `_json_key_base64` and not base64 of a key file of Google.
    NotAnEncodedKeyFile,
    /// An access key of AWS at ECR.
    AwsAccessKey,
    /// The name of a Harbor robot in which a `$` is escaped.
    EscapedDollar,
}

/// What is in place of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// base64 of a key file.
    Encoded,
    /// The path of a file.
    Path,
    /// A key file without its quotation marks.
    WithoutQuotes,
    /// A key file with quotation marks around it.
    Quoted,
    /// A key file in which the line breaks of the key are no escapes.
    RawLineBreaks,
    /// A JSON object without a private key.
    NoPrivateKey,
    /// Anything else.
    Other,
}

impl WrongKindOfCredential {
    fn find(key: &Key<'_>, username: &str, password: &str) -> Option<(Self, EntryField)> {
        let is_filled = !password.is_empty() && !is_placeholder(password);
        match username {
            "_json_key" if is_filled => {
                let wrong = what_key_file(password)?;
                Some((WrongKindOfCredential::NotAKeyFile(wrong), EntryField::Password))
            }
            "_json_key_base64" if is_filled && !is_encoded_key_file(password) => {
                Some((WrongKindOfCredential::NotAnEncodedKeyFile, EntryField::Password))
            }
            _ if is_access_key_id(username) && is_ecr(key.host()) => {
                Some((WrongKindOfCredential::AwsAccessKey, EntryField::Username))
            }
            _ if username.starts_with("robot$$") || username.starts_with("robot\\$") => {
                Some((WrongKindOfCredential::EscapedDollar, EntryField::Username))
            }
            _ => None,
        }
    }
}

/// What a password is, if it is not a key file.
fn what_key_file(password: &str) -> Option<KeyFile> {
    let trimmed = password.trim();
    let unquoted =
        ['"', '\'', '`'].into_iter().find_map(|mark| trimmed.strip_prefix(mark)?.strip_suffix(mark));
    let wrong = match read_key_file(password.as_bytes()) {
        Ok(true) => return None,
        Ok(false) if trimmed.starts_with('{') => KeyFile::NoPrivateKey,
        Err(InvalidJson::RawControl) => KeyFile::RawLineBreaks,
        _ if unquoted.is_some_and(|inner| inner.trim_start().starts_with('{')) => KeyFile::Quoted,
        _ if trimmed.starts_with('{') && !trimmed.contains('"') => KeyFile::WithoutQuotes,
        _ if is_encoded_key_file(password) => KeyFile::Encoded,
        _ if is_path(trimmed) => KeyFile::Path,
        _ => KeyFile::Other,
    };
    Some(wrong)
}

/// Whether JSON is an object with a `private_key` that is a non-empty string.
fn read_key_file(bytes: &[u8]) -> Result<bool, InvalidJson> {
    let document = Document::read(bytes, SecretType::DockerCfg).map_err(|error| error.reason)?;
    let key = document.top().iter().rfind(|member| document.name(member).chars().eq("private_key".chars()));
    Ok(key.and_then(|key| document.string(key)).is_some_and(|key| !key.is_empty()))
}

fn is_encoded_key_file(password: &str) -> bool {
    Auth::decode(password.trim()).is_some_and(|decoded| read_key_file(decoded.bytes()) == Ok(true))
}

fn is_path(text: &str) -> bool {
    let is_json = text.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("json"));
    !text.contains(char::is_whitespace) && (is_json || text.starts_with(['/', '~', '.', '@']))
}

/// Whether this is the id of an access key of AWS (IAM documentation, "IAM identifiers": the prefixes of unique ids).
fn is_access_key_id(username: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    ["AKIA", "ASIA"]
        .into_iter()
        .filter_map(|prefix| username.strip_prefix(prefix))
        .any(|rest| rest.len() == 16 && rest.bytes().all(is_letter))
}

/// Whether a host is `<account>.dkr.ecr[-fips].<region>.amazonaws.com[.cn]`.
fn is_ecr(host: &str) -> bool {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let labels =
        host.strip_suffix(".amazonaws.com").map(|front| front.split('.').collect::<Cow<'_, [&str]>>());
    labels.is_some_and(|labels| matches!(&*labels, [account, "dkr", "ecr" | "ecr-fips", region] if !account.is_empty() && !region.is_empty()))
}

impl Check for WrongKindOfCredential {
    const DEFINITION: Definition = Definition {
        code: "wrong-kind-of-credential",
        action: Action::Warn,
        kind: Kind::Content,
        title: text("The wrong kind of credential for this username", "凭据的种类与用户名不符"),
        applies: text(
            "In the pair that the kubelet reads, the username is `_json_key` and the password is not a JSON object with a `private_key`; it \
             is `_json_key_base64` and the password is not base64 of one; it is an access key id of AWS, at a host of ECR; or it begins with \
             `robot$$` or `robot\\$`, the name of a Harbor robot with a `$` that was escaped for a shell.",
            "在 kubelet 读取的用户名和密码中：用户名是 `_json_key`，而密码不是含有 `private_key` 的 JSON 对象；用户名是 `_json_key_base64`，而密码不是\
             这种对象的 base64；用户名是 AWS 的访问密钥 ID，而主机名属于 ECR；或者用户名以 `robot$$` 或 `robot\\$` 开头，即为 shell 转义了 `$` 的 \
             Harbor 机器人账号。",
        ),
        example: Example::new(r#"{"auths":{"harbor.example.com":{"auth":"cm9ib3QkJGNpOmV4YW1wbGU="}}}"#),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let (username, password) = entry.read_pair()?;
        let (rule, half) = WrongKindOfCredential::find(entry.key(), username, password)?;
        Some(Found::at_field(entry, entry.field_of_half(half), rule))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        match self {
            WrongKindOfCredential::NotAKeyFile(wrong) => Message::new(
                wrong.clause(),
                match wrong {
                    KeyFile::Encoded => text(
                        "Write the key file itself, or change the username to _json_key_base64.",
                        "请写入密钥文件本身，或把用户名改为 _json_key_base64。",
                    ),
                    _ => text(
                        "Write the content of the key file, unchanged, as the password.",
                        "请把密钥文件的内容原样写为密码。",
                    ),
                },
            ),
            WrongKindOfCredential::NotAnEncodedKeyFile => Message::new(
                text("_json_key_base64 needs base64 of a key file", "_json_key_base64 需要密钥文件的 base64"),
                text(
                    "Encode the key file to base64 once, or change the username to _json_key and write the file itself.",
                    "请把密钥文件编码为 base64（只编码一次），或把用户名改为 _json_key 并写入文件本身。",
                ),
            ),
            WrongKindOfCredential::AwsAccessKey => Message::new(
                text(
                    "this is an access key of AWS, not a login for ECR",
                    "这是 AWS 的访问密钥，不是 ECR 的登录凭据",
                ),
                text(
                    "Use the username AWS and the password of aws ecr get-login-password.",
                    "请使用用户名 AWS，密码取自 aws ecr get-login-password。",
                ),
            ),
            WrongKindOfCredential::EscapedDollar => Message::new(
                text(
                    "the name of the Harbor robot has an escaped $ in it",
                    "Harbor 机器人账号名中的 $ 被转义了",
                ),
                text(
                    "Write one $ and no backslash, as Harbor shows the name.",
                    "请只写一个 $，不要反斜杠，与 Harbor 显示的名称一致。",
                ),
            ),
        }
    }
}

impl KeyFile {
    fn clause(self) -> Words {
        let clause = match self {
            KeyFile::Encoded => text(
                "_json_key needs a key file, and this is base64 of one",
                "_json_key 需要密钥文件，而这是它的 base64",
            ),
            KeyFile::Path => text(
                "_json_key needs a key file, and this is a path",
                "_json_key 需要密钥文件，而这是一个路径",
            ),
            KeyFile::WithoutQuotes => {
                text("the key file of _json_key lost its quotation marks", "_json_key 的密钥文件丢失了引号")
            }
            KeyFile::Quoted => text(
                "the key file of _json_key has quotation marks around it",
                "_json_key 的密钥文件外多了一层引号",
            ),
            KeyFile::RawLineBreaks => text(
                "the \\n in the key file of _json_key were resolved",
                "_json_key 的密钥文件中的 \\n 变成了真正的换行",
            ),
            KeyFile::NoPrivateKey => {
                text("the key file of _json_key has no private_key", "_json_key 的密钥文件中没有 private_key")
            }
            KeyFile::Other => {
                text("_json_key needs a key file of Google", "_json_key 需要 Google 的密钥文件")
            }
        };
        clause.into()
    }
}
