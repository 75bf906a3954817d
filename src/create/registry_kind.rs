//! The registries that `--for` knows: the key and the username that each takes, and the credentials that it does not.
//!
//! Sources: the registries' own documentation, as listed in docs/create.md.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use regcred_engine::wording::Bilingual;
use serde::Deserialize;

/// A kind of registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RegistryKind {
    /// Docker Hub
    Hub,
    /// GitHub Container Registry
    Ghcr,
    /// GitLab Container Registry, gitlab.com without --registry
    Gitlab,
    /// Amazon ECR
    Ecr,
    /// Google Artifact Registry and Container Registry
    Gar,
    /// Alibaba Cloud Container Registry
    Acr,
    /// Azure Container Registry
    Azure,
    /// Harbor
    Harbor,
    /// Quay, quay.io without --registry
    Quay,
}

/// Why credentials are not those of a kind of registry. It does not name a piece of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongCredentials {
    /// The password is a token of another service.
    TokenOf(RegistryKind),
    /// GitHub's fine-grained personal access token.
    FineGrained,
    /// ECR has one username.
    NotAws,
    /// Artifact Registry has four usernames.
    NotOfGoogle,
    /// The password is not a service account's key.
    NotAKeyFile,
    /// The password is not base64 of a service account's key.
    NotABase64KeyFile,
    /// The password shows no username of Google's.
    NeitherKeyNorToken,
    /// The `$` of a robot's name is doubled or escaped.
    DoubledDollar,
    /// There is no username, and the password does not show one.
    NoUsername,
}

/// What a login of a registry is.
#[derive(Debug, PartialEq, Eq)]
pub struct RegistryLogin {
    /// The username that goes with the password.
    pub username: String,
    /// How long the credential lasts, where that is known to be short.
    pub lasts: Option<Bilingual<&'static str>>,
}

/// The username of Azure's refresh tokens.
const AZURE_TOKEN: &str = "00000000-0000-0000-0000-000000000000";

/// How tokens begin that say whose they are.
const TOKENS: [(&str, RegistryKind); 10] = [
    ("dckr_pat_", RegistryKind::Hub),
    ("dckr_oat_", RegistryKind::Hub),
    ("ghp_", RegistryKind::Ghcr),
    ("gho_", RegistryKind::Ghcr),
    ("ghs_", RegistryKind::Ghcr),
    ("github_pat_", RegistryKind::Ghcr),
    ("glpat-", RegistryKind::Gitlab),
    ("gldt-", RegistryKind::Gitlab),
    ("glcbt-", RegistryKind::Gitlab),
    ("ya29.", RegistryKind::Gar),
];

impl RegistryKind {
    /// The name that people know it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RegistryKind::Hub => "Docker Hub",
            RegistryKind::Ghcr => "GitHub",
            RegistryKind::Gitlab => "GitLab",
            RegistryKind::Ecr => "Amazon ECR",
            RegistryKind::Gar => "Google Artifact Registry",
            RegistryKind::Acr => "Alibaba Cloud Container Registry",
            RegistryKind::Azure => "Azure Container Registry",
            RegistryKind::Harbor => "Harbor",
            RegistryKind::Quay => "Quay",
        }
    }

    /// The registry key, where there is one for everybody.
    #[must_use]
    pub const fn key(self) -> Option<&'static str> {
        match self {
            RegistryKind::Hub => Some("https://index.docker.io/v1/"),
            RegistryKind::Ghcr => Some("ghcr.io"),
            RegistryKind::Gitlab => Some("registry.gitlab.com"),
            RegistryKind::Quay => Some("quay.io"),
            RegistryKind::Ecr
            | RegistryKind::Gar
            | RegistryKind::Acr
            | RegistryKind::Azure
            | RegistryKind::Harbor => None,
        }
    }

    /// What hosts of this kind look like; `None` where they can have any name.
    #[must_use]
    pub const fn hosts(self) -> Option<&'static str> {
        match self {
            RegistryKind::Hub => Some("docker.io"),
            RegistryKind::Ghcr => Some("ghcr.io"),
            RegistryKind::Ecr => Some("ACCOUNT.dkr.ecr.REGION.amazonaws.com"),
            RegistryKind::Gar => Some("LOCATION-docker.pkg.dev, gcr.io"),
            RegistryKind::Acr => {
                Some("crpi-ID.REGION.personal.cr.aliyuncs.com, NAME-registry.REGION.cr.aliyuncs.com")
            }
            RegistryKind::Azure => Some("NAME.azurecr.io"),
            RegistryKind::Gitlab | RegistryKind::Harbor | RegistryKind::Quay => None,
        }
    }

    /// Whether a registry key names a host of this kind.
    #[must_use]
    pub fn has_host(self, key: &str) -> bool {
        let address = key.split_once("://").map_or(key, |(_, address)| address);
        let host = address.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| host.ends_with(end));
        match self {
            RegistryKind::Hub => matches!(&*host, "docker.io" | "index.docker.io" | "registry-1.docker.io"),
            RegistryKind::Ghcr => host == "ghcr.io",
            RegistryKind::Ecr => {
                let is_private = host.contains(".dkr.ecr.") || host.contains(".dkr.ecr-fips.");
                is_private && ends(&[".amazonaws.com", ".amazonaws.com.cn"]) || host == "public.ecr.aws"
            }
            RegistryKind::Gar => host == "gcr.io" || ends(&[".gcr.io", "-docker.pkg.dev"]),
            RegistryKind::Acr => ends(&[".aliyuncs.com"]),
            RegistryKind::Azure => ends(&[".azurecr.io", ".azurecr.cn", ".azurecr.us"]),
            RegistryKind::Gitlab | RegistryKind::Harbor | RegistryKind::Quay => true,
        }
    }

    /// Checks a login before it is written. A username that is not given is that which the kind of password needs.
    ///
    /// # Errors
    /// When this kind of registry does not take such a login, or the username cannot be known.
    pub fn check(self, username: Option<&str>, password: &str) -> Result<RegistryLogin, WrongCredentials> {
        let token_of = TOKENS.iter().find(|(begin, _)| password.starts_with(begin)).map(|(_, kind)| *kind);
        if let Some(other) = token_of.filter(|kind| *kind != self && self.has_own_tokens()) {
            return Err(WrongCredentials::TokenOf(other));
        }
        if self == RegistryKind::Ghcr && password.starts_with("github_pat_") {
            return Err(WrongCredentials::FineGrained);
        }
        let username = match self {
            RegistryKind::Ecr => match username {
                None | Some("AWS") => "AWS",
                Some(_) => return Err(WrongCredentials::NotAws),
            },
            RegistryKind::Gar => google_username(username, password)?,
            RegistryKind::Azure if username.is_none() && is_jwt(password) => AZURE_TOKEN,
            RegistryKind::Gitlab if username.is_none() && password.starts_with("glcbt-") => "gitlab-ci-token",
            RegistryKind::Harbor
                if username
                    .is_some_and(|name| name.starts_with("robot$$") || name.starts_with("robot\\$")) =>
            {
                return Err(WrongCredentials::DoubledDollar);
            }
            _ => username.ok_or(WrongCredentials::NoUsername)?,
        };
        Ok(RegistryLogin { username: username.to_owned(), lasts: lasts(username, password) })
    }

    /// Whether a token of another service is certainly wrong here: these registries make their own.
    const fn has_own_tokens(self) -> bool {
        match self {
            RegistryKind::Hub
            | RegistryKind::Ghcr
            | RegistryKind::Gitlab
            | RegistryKind::Ecr
            | RegistryKind::Gar
            | RegistryKind::Acr
            | RegistryKind::Azure => true,
            RegistryKind::Harbor | RegistryKind::Quay => false,
        }
    }
}

/// How long a credential lasts: what ends within a day is not for a Secret that is made once.
fn lasts(username: &str, password: &str) -> Option<Bilingual<&'static str>> {
    let (english, chinese) = match username {
        "AWS" => ("12 hours", "12 小时"),
        "oauth2accesstoken" => ("1 hour", "1 小时"),
        AZURE_TOKEN => ("3 hours", "3 小时"),
        "cr_temp_user" => ("1 hour", "1 小时"),
        "gitlab-ci-token" => ("the CI job", "该 CI 作业期间"),
        _ if password.starts_with("ghs_") => ("1 hour", "1 小时"),
        _ => return None,
    };
    Some(Bilingual { english, chinese })
}

/// The username for a password of Google's, or the given one if the password is of its kind.
fn google_username<'a>(username: Option<&'a str>, password: &str) -> Result<&'a str, WrongCredentials> {
    match username {
        Some("_json_key") if !is_key_file(password) => Err(WrongCredentials::NotAKeyFile),
        Some("_json_key_base64") if !is_base64_of_key_file(password) => {
            Err(WrongCredentials::NotABase64KeyFile)
        }
        Some(known @ ("_json_key" | "_json_key_base64" | "oauth2accesstoken" | "_dcgcloud_token")) => {
            Ok(known)
        }
        Some(_) => Err(WrongCredentials::NotOfGoogle),
        None if is_key_file(password) => Ok("_json_key"),
        None if is_base64_of_key_file(password) => Ok("_json_key_base64"),
        None if password.starts_with("ya29.") => Ok("oauth2accesstoken"),
        None => Err(WrongCredentials::NeitherKeyNorToken),
    }
}

/// A service account's key: a JSON object with a private key.
fn is_key_file(password: &str) -> bool {
    #[derive(Deserialize)]
    struct KeyFile<'a> {
        #[serde(borrow)]
        private_key: std::borrow::Cow<'a, str>,
    }
    serde_json::from_str::<KeyFile<'_>>(password).is_ok_and(|key| !key.private_key.is_empty())
}

fn is_base64_of_key_file(password: &str) -> bool {
    let decoded = STANDARD.decode(password.trim()).ok().map(zeroize::Zeroizing::new);
    decoded.is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok_and(is_key_file))
}

/// Three parts of base64url, the first of which is a JSON object.
fn is_jwt(password: &str) -> bool {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parts: Vec<_> = password.split('.').collect();
    let is_object =
        |bytes: Vec<u8>| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).is_ok();
    parts.len() == 3 && parts.first().is_some_and(|head| URL_SAFE_NO_PAD.decode(head).is_ok_and(is_object))
}

impl WrongCredentials {
    /// What is wrong, and what to do.
    #[must_use]
    pub fn message(self, kind: RegistryKind) -> Bilingual<String> {
        let name = kind.name();
        let (english, chinese) = match self {
            WrongCredentials::TokenOf(other) => {
                let other = other.name();
                return Bilingual {
                    english: format!("the password is a token of {other}, which {name} does not accept"),
                    chinese: format!("该密码是 {other} 的令牌，{name} 不接受"),
                };
            }
            WrongCredentials::FineGrained => (
                "the password is a fine-grained personal access token, which the GitHub Container Registry does not accept; \
                 create a classic one with the scope read:packages",
                "该密码是细粒度个人访问令牌，GitHub Container Registry 不接受；请创建带 read:packages 权限的经典令牌",
            ),
            WrongCredentials::NotAws => (
                "Amazon ECR has one username, AWS, whose password is the output of `aws ecr get-login-password`; an access key \
                 is not accepted",
                "Amazon ECR 只有一个用户名 AWS，其密码是 `aws ecr get-login-password` 的输出；访问密钥不被接受",
            ),
            WrongCredentials::NotOfGoogle => (
                "Google's registries have the usernames _json_key, _json_key_base64 and oauth2accesstoken; leave out --username \
                 to use the one that the password needs",
                "Google 的镜像仓库使用用户名 _json_key、_json_key_base64 和 oauth2accesstoken；省略 --username 即可按密码选用",
            ),
            WrongCredentials::NotAKeyFile => (
                "with the username _json_key the password is the content of a service account's key file, a JSON object with \
                 private_key; this password is not",
                "用户名 _json_key 的密码是服务账号密钥文件的内容，即带 private_key 的 JSON 对象；该密码不是",
            ),
            WrongCredentials::NotABase64KeyFile => (
                "with the username _json_key_base64 the password is a service account's key file in base64; this password is \
                 not",
                "用户名 _json_key_base64 的密码是服务账号密钥文件的 base64；该密码不是",
            ),
            WrongCredentials::NeitherKeyNorToken => (
                "the password is neither a service account's key file nor an access token; use --password-file with the key \
                 file",
                "该密码既不是服务账号密钥文件，也不是访问令牌；请用 --password-file 指定密钥文件",
            ),
            WrongCredentials::DoubledDollar => (
                "the username has a doubled or escaped `$`: Harbor's robots are called robot$NAME; in a shell, put it in \
                 single quotes",
                "用户名中的 `$` 被重复或转义：Harbor 机器人账号的形式是 robot$NAME；在 shell 中请用单引号括起",
            ),
            WrongCredentials::NoUsername => {
                return Bilingual {
                    english: format!("no username: use --username with the one that {name} knows"),
                    chinese: format!("缺少用户名：请用 --username 指定 {name} 的用户名"),
                };
            }
        };
        Bilingual { english: english.to_owned(), chinese: chinese.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_FILE: &str = r#"{"type":"service_account","private_key":"-----BEGIN made up\n"}"#;

    fn username(
        kind: RegistryKind,
        username: Option<&str>,
        password: &str,
    ) -> Result<String, WrongCredentials> {
        kind.check(username, password).map(|login| login.username)
    }

    #[test]
    fn username_fits_kind_of_password() {
        let base64 = STANDARD.encode(KEY_FILE);
        for (kind, password, expected) in [
            (RegistryKind::Ecr, "made-up", "AWS"),
            (RegistryKind::Gar, KEY_FILE, "_json_key"),
            (RegistryKind::Gar, &base64, "_json_key_base64"),
            (RegistryKind::Gar, "ya29.made-up", "oauth2accesstoken"),
            (RegistryKind::Azure, "eyJhbGciOiJub25lIn0.e30.made-up", AZURE_TOKEN),
            (RegistryKind::Gitlab, "glcbt-made-up", "gitlab-ci-token"),
        ] {
            assert_eq!(username(kind, None, password).as_deref(), Ok(expected), "{kind:?}");
        }
        for kind in [RegistryKind::Hub, RegistryKind::Azure, RegistryKind::Gitlab, RegistryKind::Quay] {
            assert_eq!(username(kind, None, "made-up"), Err(WrongCredentials::NoUsername), "{kind:?}");
        }
    }

    #[test]
    fn the_wrong_kind_of_credential_is_refused() {
        for (kind, name, password, wrong) in [
            (RegistryKind::Hub, Some("u"), "glpat-made-up", WrongCredentials::TokenOf(RegistryKind::Gitlab)),
            (RegistryKind::Ghcr, Some("u"), "dckr_pat_made-up", WrongCredentials::TokenOf(RegistryKind::Hub)),
            (RegistryKind::Ghcr, Some("u"), "github_pat_made-up", WrongCredentials::FineGrained),
            (RegistryKind::Ecr, Some("AKIAMADEUPMADEUPMADE"), "made-up", WrongCredentials::NotAws),
            (RegistryKind::Gar, Some("_json_key"), "key.json", WrongCredentials::NotAKeyFile),
            (RegistryKind::Gar, Some("_json_key"), "{\"private_key\":\"\"}", WrongCredentials::NotAKeyFile),
            (RegistryKind::Gar, Some("_json_key_base64"), KEY_FILE, WrongCredentials::NotABase64KeyFile),
            (RegistryKind::Gar, Some("robot"), KEY_FILE, WrongCredentials::NotOfGoogle),
            (RegistryKind::Gar, None, "key.json", WrongCredentials::NeitherKeyNorToken),
            (RegistryKind::Harbor, Some("robot$$ci"), "made-up", WrongCredentials::DoubledDollar),
        ] {
            assert_eq!(username(kind, name, password), Err(wrong), "{kind:?} {wrong:?}");
        }
        // Harbor and Quay can let other identity providers in.
        assert!(username(RegistryKind::Harbor, Some("robot$ci"), "glpat-made-up").is_ok());
    }

    #[test]
    fn what_ends_soon_is_known() {
        for (kind, name, password, english) in [
            (RegistryKind::Ecr, None, "made-up", Some("12 hours")),
            (RegistryKind::Ghcr, Some("u"), "ghs_made-up", Some("1 hour")),
            (RegistryKind::Acr, Some("cr_temp_user"), "made-up", Some("1 hour")),
            (RegistryKind::Ghcr, Some("u"), "ghp_made-up", None),
        ] {
            let lasts = kind.check(name, password).unwrap().lasts.map(|lasts| lasts.english);
            assert_eq!(lasts, english, "{kind:?}");
        }
    }

    #[test]
    fn hosts_of_a_kind_are_known() {
        for (kind, key, is_one) in [
            (RegistryKind::Hub, "https://index.docker.io/v1/", true),
            (RegistryKind::Hub, "ghcr.io", false),
            (RegistryKind::Ecr, "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", true),
            (RegistryKind::Ecr, "ecr.example.com", false),
            (RegistryKind::Gar, "europe-docker.pkg.dev/project", true),
            (RegistryKind::Acr, "crpi-x1.cn-hangzhou.personal.cr.aliyuncs.com", true),
            (RegistryKind::Azure, "team.azurecr.io", true),
            (RegistryKind::Azure, "azurecr.io.example.com", false),
            (RegistryKind::Harbor, "harbor.example.com:8443", true),
        ] {
            assert_eq!(kind.has_host(key), is_one, "{kind:?} {key}");
        }
        for kind in RegistryKind::value_variants() {
            assert!(kind.key().is_none_or(|key| kind.has_host(key)), "{kind:?}");
        }
    }
}
