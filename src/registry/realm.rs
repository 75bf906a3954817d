//! Which token servers may receive the credentials of a registry.
//!
//! The registry names its token server, so credentials go wherever it says. They are sent only to the registry's own host, to a
//! host of the same owner, to a pair that is known, or to one that the user allows.

use http::Uri;

use super::challenge::TokenService;
use super::site::{NamedHosts, Site};

/// Why a token server is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RealmError {
    /// The URL is not absolute, not https, or has user-info.
    Unusable,
    /// The host belongs to someone else, as far as one can tell. With the host.
    Foreign(String),
}

/// A token server that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenServer {
    pub(super) site: Site,
    /// Path and query of its URL.
    pub(super) target: String,
    pub(super) service: Option<String>,
}

impl TokenServer {
    /// Checks the token server that a registry names.
    pub(super) fn of(
        registry: &Site,
        service: &TokenService,
        named: &NamedHosts,
    ) -> Result<TokenServer, RealmError> {
        let url: Uri = service.realm.parse().map_err(|_| RealmError::Unusable)?;
        let site = Site::of_url(&url, named).ok_or(RealmError::Unusable)?;
        let is_known = site.host() == registry.host()
            || have_one_owner(registry.host(), site.host())
            || is_known_pair(registry.host(), site.host())
            || named.allows_realm(&site);
        if !is_known {
            return Err(RealmError::Foreign(site.to_string()));
        }
        let target = url.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        Ok(TokenServer { site, target, service: service.service.clone() })
    }
}

/// Whether a token server is known to be that of a registry, though their domains do not show it.
///
/// Alibaba ACR: `dockerauth[-…].[<region>.]aliyuncs.com` serves `*.cr.aliyuncs.com` and `registry*.aliyuncs.com` (docs/verify.md).
fn is_known_pair(registry: &str, token_server: &str) -> bool {
    let is_acr_registry = registry.ends_with(".cr.aliyuncs.com")
        || (registry.starts_with("registry") && registry.ends_with(".aliyuncs.com"));
    let is_acr_token_server = token_server
        .strip_suffix("aliyuncs.com")
        .and_then(|front| front.strip_suffix('.'))
        .is_some_and(|front| front.starts_with("dockerauth") && front.split('.').count() <= 2);
    is_acr_registry && is_acr_token_server
}

/// Domains below which hosts have different owners: those of cloud services, and those inside a cluster or network.
const SHARED_DOMAINS: [&str; 34] = [
    "aliyuncs.com",
    "amazonaws.com",
    "amazonaws.com.cn",
    "azurecr.cn",
    "azurecr.io",
    "azurecr.us",
    "azurewebsites.net",
    "cloudapp.azure.com",
    "cloudfront.net",
    "cluster.local",
    "duckdns.org",
    "fly.dev",
    "github.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "internal",
    "lan",
    "local",
    "myhuaweicloud.com",
    "myqcloud.com",
    "netlify.app",
    "ngrok-free.app",
    "ngrok.io",
    "nip.io",
    "onrender.com",
    "pages.dev",
    "pkg.dev",
    "run.app",
    "sslip.io",
    "svc",
    "tencentcloudcr.com",
    "vercel.app",
    "workers.dev",
];

/// Second labels below a country's domain that are not registered themselves.
const SECOND_LEVELS: [&str; 13] =
    ["ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "mil", "ne", "net", "or", "org"];

/// Whether two hosts are in the same registrable domain.
///
/// This does not use the Public Suffix List, which is larger than the rest of the program and changes weekly. It errs on the
/// safe side: where it is wrong, `--allow-realm` is needed.
fn have_one_owner(one: &str, other: &str) -> bool {
    registrable(one).is_some_and(|domain| registrable(other) == Some(domain))
}

/// The domain that one owner has registered: one label more than the public suffix. `None` for addresses, single words and
/// hosts below a shared domain.
fn registrable(host: &str) -> Option<&str> {
    let is_name =
        host.rsplit('.').next().is_some_and(|label| label.starts_with(|c: char| c.is_ascii_alphabetic()));
    let is_below = |domain: &&str| {
        host.strip_suffix(*domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    };
    if !is_name || host.contains(':') || SHARED_DOMAINS.iter().any(is_below) {
        return None;
    }
    let starts = std::iter::once(0).chain(host.match_indices('.').map(|(at, _)| at + 1));
    let start = starts.collect::<Vec<_>>().into_iter().rev().nth(public_suffix_labels(host))?;
    host.get(start..)
}

/// How many labels of a host are a public suffix.
fn public_suffix_labels(host: &str) -> usize {
    let mut labels = host.rsplit('.');
    let (last, second) = (labels.next().unwrap_or_default(), labels.next().unwrap_or_default());
    let is_country = last.len() == 2;
    if is_country && (second.len() <= 2 || SECOND_LEVELS.contains(&second)) { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_servers_of_a_registry() {
        let named = NamedHosts {
            allowed_realms: vec!["sso.example.net".to_owned()],
            plain_http: vec!["127.0.0.1:5001".to_owned()],
        };
        for (registry, realm, allowed) in [
            ("registry-1.docker.io", "https://auth.docker.io/token", true),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
            ("ghcr.io", "https://ghcr.io/token", true),
            (
                "crpi-x.cn-hangzhou.personal.cr.aliyuncs.com",
                "https://dockerauth.cn-hangzhou.aliyuncs.com/auth",
                true,
            ),
            (
                "team-registry.cn-beijing.cr.aliyuncs.com",
                "https://dockerauth-ee.cn-beijing.aliyuncs.com/auth",
                true,
            ),
            (
                "team-registry-vpc.cn-beijing.cr.aliyuncs.com",
                "https://dockerauth-ee-vpc.cn-beijing.aliyuncs.com/auth",
                true,
            ),
            (
                "registry.cn-zhangjiakou.aliyuncs.com",
                "https://dockerauth-cn-zhangjiakou.aliyuncs.com/auth",
                true,
            ),
            (
                "registry-vpc.cn-hangzhou.aliyuncs.com",
                "https://dockerauth-vpc.cn-hangzhou.aliyuncs.com/auth",
                true,
            ),
            ("registry.cn-hangzhou.aliyuncs.com", "https://dockerauth.evil.example.aliyuncs.com/auth", false),
            ("registry.cn-hangzhou.aliyuncs.com", "https://bucket.oss-cn-hangzhou.aliyuncs.com/auth", false),
            ("registry.cn-hangzhou.aliyuncs.com", "https://dockerauth.example.com/auth", false),
            ("registry.cn-hangzhou.aliyuncs.com", "https://dockerauth.notaliyuncs.com/auth", false),
            ("registry.example.com", "https://auth.example.com:8443/token", true),
            ("registry.example.com", "https://auth.example.org/token", false),
            ("registry.example.com", "https://example.com.evil.test/token", false),
            ("registry.example.com.cn", "https://auth.example.com.cn/token", true),
            ("registry.example.com.cn", "https://evil.com.cn/token", false),
            ("registry.example.co.uk", "https://evil.co.uk/token", false),
            ("a.azurecr.io", "https://b.azurecr.io/token", false),
            ("a.azurecr.io", "https://a.azurecr.io/token", true),
            ("1.dkr.ecr.eu-west-1.amazonaws.com", "https://evil.s3.amazonaws.com/token", false),
            ("registry.team-a.svc.cluster.local", "https://auth.team-a.svc.cluster.local/token", false),
            ("a.s3.amazonaws.com", "https://b.s3.amazonaws.com/token", false),
            ("team-a.github.io", "https://team-b.github.io/token", false),
            ("registry.team-a.svc.cluster.local", "https://auth.team-b.svc.cluster.local/token", false),
            ("registry.example.com", "https://sso.example.net/token", true),
            ("registry.example.com", "https://127.0.0.1/token", false),
            ("10.0.0.1", "https://10.0.0.1:5001/token", true),
            ("10.0.0.1", "https://10.0.0.2/token", false),
            ("registry", "https://token/", false),
        ] {
            let service = TokenService { realm: realm.to_owned(), service: None, scope: None };
            let site = Site::of_registry(registry, &named);
            assert_eq!(TokenServer::of(&site, &service, &named).is_ok(), allowed, "{registry} {realm}");
        }
    }

    #[test]
    fn a_realm_that_is_not_https_is_unusable() {
        let named = NamedHosts::default();
        let site = Site::of_registry("registry.example.com", &named);
        for realm in [
            "http://registry.example.com/token",
            "https://user@registry.example.com/token",
            "https://registry.example.com@evil.test/token",
            "file:///etc/passwd",
            "//registry.example.com/token",
            "registry.example.com",
            "/token",
            "",
            "https:///token",
        ] {
            let service = TokenService { realm: realm.to_owned(), service: None, scope: None };
            assert_eq!(TokenServer::of(&site, &service, &named), Err(RealmError::Unusable), "{realm}");
        }
    }

    #[test]
    fn the_query_of_a_realm_is_kept() {
        let named = NamedHosts::default();
        let site = Site::of_registry("registry.example.com", &named);
        let realm = "https://registry.example.com/token?x=y".to_owned();
        let service = TokenService { realm, service: None, scope: None };
        let server = TokenServer::of(&site, &service, &named).unwrap();
        assert_eq!(server.target, "/token?x=y");
    }
}
