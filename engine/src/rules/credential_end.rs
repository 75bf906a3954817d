//! The rules about credentials that end, or will soon.

use jiff::Timestamp;

use super::definition::{Action, Check, Context, Definition, Example, Found, Kind, Message};
use super::view::EntryView;
use crate::auth::{Auth, decode_url_safe};
use crate::bilingual::{Bilingual, text};
use crate::document::{Document, EntryField, JsonType};
use crate::secret::SecretType;

/// A credential that has ended. When.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialExpired {
    /// In seconds since 1970. A finding is kept small: there can be many.
    pub ended: u32,
}

/// A credential that ends within a day, or of a kind that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialShortLived;

/// Usernames of credentials that last hours: of ECR, Alibaba ACR, Google, GitLab's jobs and Azure ACR.
const SHORT_LIVED_USERNAMES: [&str; 5] =
    ["AWS", "cr_temp_user", "oauth2accesstoken", "gitlab-ci-token", "00000000-0000-0000-0000-000000000000"];

/// With what the tokens of GitHub's jobs and apps begin.
const GITHUB_APP_TOKEN: &str = "ghs_";

const DAY_SECONDS: f64 = 86_400.0;

/// The fields of an entry of which the credential says when it ends, and the end in seconds since 1970.
fn ends(entry: &EntryView<'_, '_>) -> Vec<(EntryField, f64)> {
    let Some(credentials) = &entry.credentials else { return Vec::new() };
    let of_pair = || {
        let (username, password) = entry.read_pair()?;
        Some((entry.field_of_half(EntryField::Password), end_of_password(username, password.trim())?))
    };
    let tokens = [
        (EntryField::IdentityToken, &credentials.identity_token),
        (EntryField::RegistryToken, &credentials.registry_token),
    ];
    let of_tokens =
        tokens.into_iter().filter_map(|(field, token)| Some((field, end_of_jwt(token.as_deref()?.trim())?)));
    of_pair().into_iter().chain(of_tokens).filter(|(_, end)| *end > 0.0).collect()
}

/// Returns when a credential ends, if it says so: as `credential-expired` reads it from the password or the identity token.
#[must_use]
pub fn credential_end(username: &[u8], password: &[u8], identity_token: &str) -> Option<Timestamp> {
    let (username, password) = (String::from_utf8_lossy(username), String::from_utf8_lossy(password));
    let end = end_of_password(&username, password.trim()).or_else(|| end_of_jwt(identity_token.trim()))?;
    Timestamp::from_second(second(end).into()).ok().filter(|_| end > 0.0)
}

/// ECR's password is base64 of a JSON object with the end among its fields. Alibaba's (ACR API, `GetAuthorizationToken`) is
/// such base64, a colon and a signature.
fn end_of_password(username: &str, password: &str) -> Option<f64> {
    match username {
        "AWS" => number_in(Auth::decode(password)?.bytes(), "expiration"),
        "cr_temp_user" => {
            let (encoded, _) = password.split_once(':')?;
            Some(digits_in(Auth::decode(encoded.trim())?.bytes(), "time")? / 1_000.0)
        }
        _ => end_of_jwt(password),
    }
}

/// The `exp` of a JSON Web Token (RFC 7519, section 4.1.4).
fn end_of_jwt(token: &str) -> Option<f64> {
    if token.bytes().filter(|byte| *byte == b'.').count() != 2 {
        return None;
    }
    let mut parts = token.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if header.is_empty() {
        return None;
    }
    let is_encoded = |part: &str| {
        part.len() % 4 != 1
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !is_encoded(header) || !is_encoded(signature) {
        return None;
    }
    number_in(&decode_url_safe(claims)?, "exp")
}

/// A number in a JSON object.
fn number_in(json: &[u8], name: &str) -> Option<f64> {
    with_member(json, name, |document, member| match member.kind {
        JsonType::Number => document.raw_value(member).parse().ok(),
        _ => None,
    })
}

/// A number in a JSON object, or a string of digits.
fn digits_in(json: &[u8], name: &str) -> Option<f64> {
    with_member(json, name, |document, member| match document.string(member) {
        Some(digits) => {
            let digits = digits.decode();
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok())?
        }
        None if member.kind == JsonType::Number => document.raw_value(member).parse().ok(),
        None => None,
    })
}

/// The last member of this name in a JSON object.
fn with_member<T>(
    json: &[u8],
    name: &str,
    read: impl FnOnce(&Document<'_>, &crate::document::Member) -> Option<T>,
) -> Option<T> {
    let document = Document::read(json, SecretType::DockerCfg).ok()?;
    let member = document.top().iter().rfind(|member| document.name(member).chars().eq(name.chars()))?;
    read(&document, member)
}

#[expect(clippy::cast_precision_loss, reason = "seconds are exact in a float64 for 285 million years")]
fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64
}

/// The second of a moment that is between 1970 and now.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, in 2106")]
fn second(end: f64) -> u32 {
    end as u32
}

impl Check for CredentialExpired {
    const DEFINITION: Definition = Definition {
        code: "credential-expired",
        action: Action::Warn,
        kind: Kind::Content,
        title: text("The credential has expired", "凭据已过期"),
        applies: text(
            "A credential says when it ends, and that moment is not after now: the `expiration` in a password of ECR (username `AWS`), the \
             `time` in a temporary password of Alibaba ACR (username `cr_temp_user`), or the `exp` of a JSON Web Token in the password, \
             `identitytoken` or `registrytoken`. The moment is the only thing that is read out of a credential.",
            "凭据中写明了到期时间，而该时间不晚于现在：ECR 密码（用户名 `AWS`）中的 `expiration`、阿里云 ACR 临时密码（用户名 `cr_temp_user`）\
             中的 `time`，或密码、`identitytoken`、`registrytoken` 里 JSON Web Token 的 `exp`。regcred 从凭据中只读出这一时间。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.example.com":{"auth":"cm9ib3Q6ZXlKaGJHY2lPaUp1YjI1bEluMC5leUpsZUhBaU9qRTNNRFF3TmpjeU1EQjku"}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let now = seconds(entry.shared.now);
        let ended = ends(entry).into_iter().filter(|(_, end)| *end <= now);
        let found =
            ended.map(|(field, end)| Found::at_field(entry, field, CredentialExpired { ended: second(end) }));
        found.collect::<Vec<_>>()
    }

    fn message(&self, _: &Context<'_>) -> Message {
        let ended = Timestamp::from_second(self.ended.into()).unwrap_or_default();
        Message::new(
            Bilingual::new(format!("the credential expired at {ended}"), format!("凭据已于 {ended} 过期")),
            text(
                "Get a new credential; if it lasts only hours, have a controller renew the Secret.",
                "请获取新的凭据；如果它只有几小时有效，请用控制器定期更新该 Secret。",
            ),
        )
    }
}

impl Check for CredentialShortLived {
    const DEFINITION: Definition = Definition {
        code: "credential-short-lived",
        action: Action::Audit,
        kind: Kind::Content,
        title: text("The credential lasts a day at most", "凭据的有效期不超过一天"),
        applies: text(
            "`credential-expired` does not apply, and the credential says that it ends within 24 hours, or is of a kind that lasts hours: \
             the username is `AWS`, `cr_temp_user`, `oauth2accesstoken`, `gitlab-ci-token` or `00000000-0000-0000-0000-000000000000`, or the \
             password begins with `ghs_`. This is correct where a controller renews the Secret, and is therefore only recorded.",
            "`credential-expired` 不适用，而凭据写明将在 24 小时内到期，或属于只有几小时有效的种类：用户名是 `AWS`、`cr_temp_user`、\
             `oauth2accesstoken`、`gitlab-ci-token` 或 `00000000-0000-0000-0000-000000000000`，或者密码以 `ghs_` 开头。如果有控制器更新该 \
             Secret，这是正常的，因此只作记录。",
        ),
        example: Example::new(
            r#"{"auths":{"registry.gitlab.com":{"auth":"Z2l0bGFiLWNpLXRva2VuOmV4YW1wbGU="}}}"#,
        ),
    };

    fn entry<'a>(entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        let now = seconds(entry.shared.now);
        let ends = ends(entry);
        if ends.iter().any(|(_, end)| *end <= now) {
            return None;
        }
        let soon = ends.iter().find(|(_, end)| end - now <= DAY_SECONDS).map(|(field, _)| *field);
        let by_kind = || {
            let (username, password) = entry.read_pair()?;
            if SHORT_LIVED_USERNAMES.contains(&username) {
                return Some(entry.field_of_half(EntryField::Username));
            }
            password.starts_with(GITHUB_APP_TOKEN).then(|| entry.field_of_half(EntryField::Password))
        };
        let field = soon.or_else(by_kind)?;
        Some(Found::at_field(entry, field, CredentialShortLived))
    }

    fn message(&self, _: &Context<'_>) -> Message {
        Message::new(
            text("the credential is of a kind that lasts a day at most", "该凭据的有效期不超过一天"),
            text(
                "Make sure that a controller renews the Secret, or use a credential that lasts longer.",
                "请确认有控制器定期更新该 Secret，或改用有效期更长的凭据。",
            ),
        )
    }
}
