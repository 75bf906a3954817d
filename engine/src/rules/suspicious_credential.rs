use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::placeholder::{is_placeholder, is_variable};
use super::view::EntryView;
use crate::auth::Auth;
use crate::bilingual::{Bilingual, text};
use crate::document::EntryField;

/// A credential that is probably not one. What it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspiciousCredential {
    /// A word for nothing, a variable, angle brackets, asterisks, or a word that asks to be replaced.
    NotFilledIn,
    /// The `-n` of a shell's `echo`.
    EchoOption,
    /// Quotation marks at both ends.
    Quoted,
    /// The password begins with the username and a colon, perhaps in base64.
    PairAsPassword,
}

/// What programs print for nothing.
const NOTHING: [&str; 6] = ["null", "nil", "<nil>", "None", "undefined", "[object Object]"];

/// What examples have in the place of a value, in any letter case.
const TO_REPLACE: [&str; 3] = ["REPLACE_ME", "CHANGEME", "CHANGE_ME"];

/// What docker writes for the username of an identity token (docker/cli, cli/command/registry/login.go).
const TOKEN_USERNAME: &str = "<token>";

impl SuspiciousCredential {
    /// The first thing that is suspicious about the pair, and in which half.
    fn find(username: &str, password: &str) -> Option<(Self, EntryField)> {
        let checks_username = !is_placeholder(username);
        let checks_password = !is_placeholder(password);
        let is_bare_username = username.trim() == TOKEN_USERNAME;
        if checks_username && !is_bare_username && is_not_filled_in(username) {
            Some((SuspiciousCredential::NotFilledIn, EntryField::Username))
        } else if checks_password && is_not_filled_in(password) {
            Some((SuspiciousCredential::NotFilledIn, EntryField::Password))
        } else if checks_username && username.starts_with("-n ") {
            Some((SuspiciousCredential::EchoOption, EntryField::Username))
        } else if checks_username
            && (is_quoted(username) || (checks_password && is_pair_quoted(username, password)))
        {
            Some((SuspiciousCredential::Quoted, EntryField::Username))
        } else if checks_password && is_pair_as_password(username, password) {
            Some((SuspiciousCredential::PairAsPassword, EntryField::Password))
        } else {
            None
        }
    }
}

fn is_not_filled_in(value: &str) -> bool {
    let value = value.trim();
    NOTHING.contains(&value)
        || is_variable(value)
        || (value.len() > 2 && value.starts_with('<') && value.ends_with('>'))
        || (value.len() >= 3 && value.bytes().all(|byte| byte == b'*'))
        || TO_REPLACE.into_iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether the same quotation mark is at both ends.
fn is_quoted(value: &str) -> bool {
    let value = value.trim();
    ['"', '\'', '`'].into_iter().any(|mark| value.strip_prefix(mark).is_some_and(|rest| rest.ends_with(mark)))
}

fn is_pair_quoted(username: &str, password: &str) -> bool {
    let (start, end) = (username.trim_start(), password.trim_end());
    ['"', '\'', '`'].into_iter().any(|mark| start.starts_with(mark) && end.ends_with(mark))
}

fn is_pair_as_password(username: &str, password: &str) -> bool {
    let begins =
        |text: &[u8]| text.strip_prefix(username.as_bytes()).is_some_and(|rest| rest.starts_with(b":"));
    let has_room_in_base64 = password.len() / 4 * 3 > username.len();
    !username.is_empty()
        && (begins(password.as_bytes())
            || has_room_in_base64 && Auth::decode(password).is_some_and(|decoded| begins(decoded.bytes())))
}

impl Check for SuspiciousCredential {
    const DEFINITION: Definition = Definition {
        code: "suspicious-credential",
        action: Action::Warn,
        kind: Kind::Harmless,
        title: text("A credential that is probably not one", "凭据看起来不是真正的凭据"),
        applies: text(
            "In the pair that the kubelet reads, username or password is a word for nothing (`null`, `nil`, `<nil>`, `None`, `undefined`, \
             `[object Object]`), `$NAME`, something in angle brackets, only asterisks, or `REPLACE_ME`, `CHANGEME` or `CHANGE_ME`; the \
             username begins with `-n ` or is in quotation marks, or the whole pair is; or the password begins with the username and `:`, \
             perhaps in base64. The finding never stops a repair.",
            "在 kubelet 读取的用户名和密码中，有一个是表示“没有”的词（`null`、`nil`、`<nil>`、`None`、`undefined`、`[object Object]`）、`$NAME`、\
             尖括号中的内容、只有星号，或 `REPLACE_ME`、`CHANGEME`、`CHANGE_ME`；用户名以 `-n ` 开头或外面有引号，或整对凭据外面有引号；或者密码以\
             用户名加 `:` 开头（也可能经过 base64 编码）。此项不影响自动修复。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"username":"robot","password":"CHANGEME"}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let (username, password) = entry.read_pair()?;
        let (rule, half) = SuspiciousCredential::find(username, password)?;
        Some(Found::at_field(entry, entry.field_of_half(half), rule))
    }

    fn message(&self, context: &Context<'_>) -> Message {
        let (name, name_zh) = match context.place.field() {
            Some(EntryField::Auth) | None => {
                ("a half of decoded auth", "auth 解码后的用户名或密码".to_owned())
            }
            Some(field) => (field.name(), format!("{} ", field.name())),
        };
        let clause = |english: &str, chinese: &str| {
            Bilingual::new(format!("{name} {english}"), format!("{name_zh}{chinese}"))
        };
        match self {
            SuspiciousCredential::NotFilledIn => Message::new(
                clause("looks like it was never filled in", "看起来没有填入真正的值"),
                text(
                    "Write the real value; if this is the real value, ignore this.",
                    "请填入真正的值；如果它本来就是真正的值，可以忽略此提示。",
                ),
            ),
            SuspiciousCredential::EchoOption => Message::new(
                clause("begins with \"-n \", as from echo -n", "以 \"-n \" 开头，像是 echo -n 的输出"),
                text(
                    "Encode it again with printf %s in place of echo -n, which not every shell knows.",
                    "请用 printf %s 代替 echo -n 重新编码；并非所有 shell 都支持 echo -n。",
                ),
            ),
            SuspiciousCredential::Quoted => Message::new(
                text("there are quotation marks around the credentials", "凭据外面多了一层引号"),
                text(
                    "Remove the quotation marks; if they belong to the credential, ignore this.",
                    "请删除引号；如果引号是凭据的一部分，可以忽略此提示。",
                ),
            ),
            SuspiciousCredential::PairAsPassword => Message::new(
                text("the password contains username and password", "密码中同时写了用户名和密码"),
                text(
                    "Write only the password; if it really begins with the username, ignore this.",
                    "请只填写密码；如果密码确实以用户名开头，可以忽略此提示。",
                ),
            ),
        }
    }
}
