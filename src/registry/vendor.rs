//! What is known about single registries: what they answer, and what usually helps. docs/verify.md has the sources.

use regcred_engine::wording::Bilingual;

use super::challenge::Challenge;
use super::outcome::VerifyOutcome;

/// A registry service or product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vendor {
    /// An instance of Alibaba Cloud ACR Personal Edition: `crpi-….personal.cr.aliyuncs.com`.
    AcrPersonal,
    /// An instance of Alibaba Cloud ACR Enterprise Edition: `NAME-registry.REGION.cr.aliyuncs.com`.
    AcrEnterprise,
    /// The generic domain of Alibaba Cloud ACR: `registry.REGION.aliyuncs.com`.
    AcrGeneric,
    /// Docker Hub.
    DockerHub,
    /// GitHub Container Registry.
    Ghcr,
    /// GitLab.
    GitLab,
    /// Harbor.
    Harbor,
    /// Amazon ECR.
    Ecr,
    /// Artifactory.
    Artifactory,
    /// Anything else.
    Other,
}

impl Vendor {
    /// Recognizes a registry by its host, or by how it asks for credentials.
    pub(super) fn of(host: &str, challenge: Option<&Challenge>) -> Vendor {
        if host.ends_with(".personal.cr.aliyuncs.com") {
            return Vendor::AcrPersonal;
        }
        if host.ends_with(".cr.aliyuncs.com") {
            return Vendor::AcrEnterprise;
        }
        if host.starts_with("registry") && host.ends_with(".aliyuncs.com") {
            return Vendor::AcrGeneric;
        }
        match host {
            "registry-1.docker.io" => return Vendor::DockerHub,
            "ghcr.io" => return Vendor::Ghcr,
            "registry.gitlab.com" => return Vendor::GitLab,
            _ if host.contains(".dkr.ecr") && host.contains(".amazonaws.com") => return Vendor::Ecr,
            _ => {}
        }
        let (realm, service) = match challenge {
            Some(Challenge::Bearer(service)) => (service.realm.as_str(), service.service.as_deref()),
            Some(Challenge::Basic { realm }) => (realm.as_str(), None),
            None => return Vendor::Other,
        };
        match service {
            Some("container_registry") => Vendor::GitLab,
            Some("harbor-registry") => Vendor::Harbor,
            _ if realm.contains("/artifactory/") || realm.starts_with("Artifactory") => Vendor::Artifactory,
            _ => Vendor::Other,
        }
    }

    /// Whether a 403 without an error code of the specification is a ban: GitLab refuses an address in this way for an hour.
    pub(super) fn bans_with_403(self) -> bool {
        self == Vendor::GitLab
    }

    /// Returns what is known about an outcome at this registry.
    pub(super) fn advice(self, outcome: VerifyOutcome) -> Option<Bilingual<&'static str>> {
        use VerifyOutcome::{
            LockedOut, NoPullPermission, NotFoundOrNoPermission, RateLimited, Refused, Unreachable,
        };
        let (english, chinese) = match (self, outcome) {
            (Vendor::AcrPersonal | Vendor::AcrGeneric, Refused) => (
                "For Alibaba ACR, the username is the name of the Alibaba Cloud account (not an e-mail address or AccessKey), and the \
                 password is the fixed one that is set on the instance's page of access credentials; a temporary one lasts an hour.",
                "阿里云 ACR 的用户名是阿里云账号名（不是邮箱或 AccessKey），密码是在实例“访问凭证”页设置的固定密码；临时密码只有一小时有效。",
            ),
            (Vendor::AcrEnterprise, Refused) => (
                "For Alibaba ACR, set the fixed password on the access credentials page of this instance; a temporary one lasts an hour.",
                "请在该阿里云 ACR 实例的“访问凭证”页设置固定密码；临时密码只有一小时有效。",
            ),
            (Vendor::AcrPersonal | Vendor::AcrEnterprise, NoPullPermission | NotFoundOrNoPermission) => (
                "Alibaba ACR's token server is the same for all instances of a region, so a login proves nothing about this instance: check \
                 that the repository is in the instance of this host, and that the account may pull it. A repository that a push \
                 created is private.",
                "阿里云 ACR 同一地域的所有实例共用令牌服务，因此登录成功并不说明与该实例相符：请确认镜像仓库位于此域名对应的实例，且该账号有拉取权限。\
                 推送时自动创建的仓库是私有的。",
            ),
            (Vendor::AcrGeneric, NoPullPermission | NotFoundOrNoPermission) => (
                "This is Alibaba ACR's generic domain. Its token server also serves the instances with a domain of their own \
                 (crpi-….personal.cr.aliyuncs.com), so the login works although the repository may be there: use the domain of \
                 the instance.",
                "这是阿里云 ACR 的通用域名。它的令牌服务也为有独立域名的实例（crpi-….personal.cr.aliyuncs.com）服务，因此即使仓库在那里，登录也会成功：\
                 请改用实例自己的域名。",
            ),
            (Vendor::AcrPersonal, Unreachable) => (
                "Compare the id after crpi- with that of the instance: with one letter wrong, the name does not exist.",
                "请核对 crpi- 后的实例 ID：只要错一个字母，域名就不存在。",
            ),
            (Vendor::DockerHub, Refused) => (
                "Do not retry: Docker Hub locks out the user or the address, for example that of the whole cluster, after several failed logins.",
                "请勿重试：登录失败若干次后，Docker Hub 会锁定该用户或出口地址（例如整个集群的地址）。",
            ),
            (Vendor::DockerHub, LockedOut) => (
                "Docker Hub's lock lasts 10 minutes to an hour and may cover the address of the whole cluster: first find the Secret with \
                 the wrong password.",
                "Docker Hub 的锁定持续 10 分钟到 1 小时，可能涉及整个集群的出口地址：请先找出密码错误的 Secret。",
            ),
            (Vendor::DockerHub, RateLimited) => (
                "Docker Hub allows 100 pulls in 6 hours per address without a login, and 200 with a personal account.",
                "Docker Hub 对未登录的地址每 6 小时允许拉取 100 次，个人账号为 200 次。",
            ),
            (Vendor::DockerHub, NoPullPermission | NotFoundOrNoPermission) => (
                "Docker Hub answers the same for a repository that does not exist.",
                "对于不存在的仓库，Docker Hub 的应答相同。",
            ),
            (Vendor::Ghcr, Refused | NoPullPermission | NotFoundOrNoPermission) => (
                "The GitHub Container Registry needs a classic personal access token with read:packages; it does not support fine-grained \
                 ones. A login can work without this permission, and a repository that does not exist gets the same answer.",
                "GitHub Container Registry 需要带 read:packages 权限的经典个人访问令牌，不支持细粒度令牌。没有该权限时也可能登录成功；\
                 不存在的仓库会得到相同的应答。",
            ),
            (Vendor::GitLab, LockedOut) => (
                "GitLab refuses an address for an hour after 30 failed logins in 3 minutes, for Git and the registry together; one successful \
                 login resets the count.",
                "3 分钟内登录失败 30 次后，GitLab 会在一小时内拒绝该地址（Git 和镜像仓库合并计算）；一次成功的登录会重置计数。",
            ),
            (Vendor::Harbor, Refused) => (
                "In Harbor, check whether the robot account has expired: it does so silently. Every failed login also delays the account's \
                 other requests by 1.5 seconds.",
                "请在 Harbor 中检查机器人账号是否已过期，过期时不会有提示。此外，每次登录失败都会使该账号的其他请求延迟 1.5 秒。",
            ),
            (Vendor::Ecr, Refused) => (
                "Amazon ECR's passwords last 12 hours; have a controller renew the Secret.",
                "Amazon ECR 的密码只有 12 小时有效；请用控制器定期更新该 Secret。",
            ),
            (Vendor::Artifactory, Refused | LockedOut) => (
                "Artifactory locks a user after failed logins, so old credentials in a cluster also stop this user elsewhere.",
                "登录失败会使 Artifactory 锁定该用户，因此集群中的旧凭据也会影响该用户在其他地方的使用。",
            ),
            _ => return None,
        };
        Some(Bilingual { english, chinese })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::challenge::TokenService;

    #[test]
    fn vendors_are_recognized() {
        let bearer = |realm: &str, service: &str| {
            let (realm, service) = (realm.to_owned(), Some(service.to_owned()));
            Challenge::Bearer(TokenService { realm, service, scope: None })
        };
        for (host, challenge, vendor) in [
            ("crpi-x.cn-hangzhou.personal.cr.aliyuncs.com", None, Vendor::AcrPersonal),
            ("team-registry-vpc.cn-hangzhou.cr.aliyuncs.com", None, Vendor::AcrEnterprise),
            ("registry-vpc.cn-hangzhou.aliyuncs.com", None, Vendor::AcrGeneric),
            ("registry-1.docker.io", None, Vendor::DockerHub),
            ("1.dkr.ecr.cn-north-1.amazonaws.com.cn", None, Vendor::Ecr),
            (
                "r.example.com",
                Some(bearer("https://gitlab.example.com/jwt/auth", "container_registry")),
                Vendor::GitLab,
            ),
            (
                "r.example.com",
                Some(bearer("https://r.example.com/service/token", "harbor-registry")),
                Vendor::Harbor,
            ),
            (
                "r.example.com",
                Some(Challenge::Basic { realm: "Artifactory Realm".to_owned() }),
                Vendor::Artifactory,
            ),
            ("r.example.com", Some(bearer("https://r.example.com/token", "r")), Vendor::Other),
            ("r.example.com", None, Vendor::Other),
        ] {
            assert_eq!(Vendor::of(host, challenge.as_ref()), vendor, "{host}");
        }
    }
}
