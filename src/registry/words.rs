//! The messages for responses that decide nothing about credentials, or that every step can get.

use std::time::Duration;

use regcred_engine::escape::escaped;
use regcred_engine::wording::Bilingual;

use super::connect::{CertificateFault, ConnectError};
use super::exchange::{ExchangeError, Reply};
use super::outcome::{Conclusion, VerifyOutcome};
use super::realm::RealmError;
use super::site::Site;
use super::vendor::Vendor;

/// At most this many characters of a host that a server names are shown.
const MAX_HOST_CHARS: usize = 253;

/// A longer wait is not shown: a server could send a number back that it was sent.
const MAX_SHOWN_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// `HTTP 403 DENIED`
pub(super) fn status(reply: &Reply) -> String {
    let status = reply.status.as_u16();
    reply.error_code().map_or_else(|| format!("HTTP {status}"), |code| format!("HTTP {status} {code}"))
}

/// The conclusion if a server did not respond.
pub(super) fn no_response(site: &Site, error: &ExchangeError) -> Conclusion {
    let unreachable =
        |english: String, chinese: String| Conclusion::new(VerifyOutcome::Unreachable, english, chinese);
    match error {
        ExchangeError::Connect(error) => no_connection(site, error),
        ExchangeError::TimedOut => unreachable(
            format!("{site} accepted the connection but did not respond in time."),
            format!("{site} 接受了连接，但没有在限定时间内应答。"),
        ),
        ExchangeError::NotHttp => unreachable(
            format!("{site} did not respond with HTTP, or closed the connection."),
            format!("{site} 的应答不是 HTTP，或者它关闭了连接。"),
        ),
    }
}

fn no_connection(site: &Site, error: &ConnectError) -> Conclusion {
    let unreachable =
        |english: String, chinese: String| Conclusion::new(VerifyOutcome::Unreachable, english, chinese);
    match error {
        ConnectError::Forbidden(why) => {
            let why = why.name();
            Conclusion::undecided(
                format!(
                    "{site} leads to {}, to which regcred does not connect unless the host is localhost or a loopback address itself.",
                    why.english
                ),
                format!(
                    "{site} 指向{}；除非主机就是 localhost 或环回地址本身，regcred 不会连接这类地址。",
                    why.chinese
                ),
            )
        }
        ConnectError::NoSuchHost => {
            unreachable(format!("The name {site} does not resolve."), format!("域名 {site} 无法解析。"))
        }
        ConnectError::Refused => {
            unreachable(format!("{site} refuses the connection."), format!("{site} 拒绝了连接。"))
        }
        ConnectError::TimedOut => {
            unreachable(format!("The connection to {site} timed out."), format!("连接 {site} 超时。"))
        }
        ConnectError::Certificate(fault) => untrusted(site, *fault),
        ConnectError::NotTls => unreachable(
            format!("{site} does not speak TLS. If the registry uses plain HTTP, use --plain-http {site}."),
            format!("{site} 不使用 TLS。如果该仓库使用明文 HTTP，请加上 --plain-http {site}。"),
        ),
        ConnectError::Proxy => unreachable(
            format!(
                "The proxy of the environment does not connect to {site} (only http:// proxies are supported)."
            ),
            format!("环境变量指定的代理无法连接 {site}（仅支持 http:// 代理）。"),
        ),
        ConnectError::Other(kind) => {
            unreachable(format!("Cannot connect to {site}: {kind}."), format!("无法连接 {site}：{kind}。"))
        }
    }
}

fn untrusted(site: &Site, fault: CertificateFault) -> Conclusion {
    let (english, chinese) = match fault {
        CertificateFault::UnknownIssuer => (
            "is signed by an unknown authority; use --ca-file with the authority's certificate, and make sure that every node trusts it",
            "由未知的机构签发；请用 --ca-file 指定该机构的证书，并确认每个节点都信任它",
        ),
        CertificateFault::Expired => ("has expired", "已过期"),
        CertificateFault::NotYetValid => ("is not valid yet; check the clocks", "尚未生效；请检查时钟"),
        CertificateFault::WrongName => ("is for another name", "属于其他域名"),
        CertificateFault::Invalid => ("is invalid", "无效"),
    };
    Conclusion::new(
        VerifyOutcome::UntrustedCertificate,
        format!("The certificate of {site} {english}."),
        format!("{site} 的证书{chinese}。"),
    )
}

/// The conclusion if credentials are not sent to the token server that the registry names.
pub(super) fn untrusted_realm(error: &RealmError) -> Conclusion {
    match error {
        RealmError::Unusable => Conclusion::undecided(
            "The registry names a token server that is not an https URL; credentials are not sent to it.",
            "该仓库指定的令牌服务不是 https 网址，凭据不会发送给它。",
        ),
        RealmError::Foreign(host) => {
            let host = escaped(host, MAX_HOST_CHARS);
            Conclusion::undecided(
                format!(
                    "The registry names the token server {host}, which is in another domain; credentials are not sent to it. If it \
                     belongs to the registry, use --allow-realm {host}."
                ),
                format!(
                    "该仓库指定的令牌服务 {host} 属于其他域名，凭据不会发送给它。如果它属于该仓库，请加上 --allow-realm {host}。"
                ),
            )
        }
    }
}

/// The conclusion for a response that limits requests, redirects, or reports an error of the server. `None` for any other.
pub(super) fn general(site: &Site, reply: &Reply, vendor: Vendor) -> Option<Conclusion> {
    let said = status(reply);
    if reply.says_locked_out() && (reply.status.is_client_error() || reply.status.is_server_error()) {
        return Some(locked_out(site, &said, vendor));
    }
    let code = reply.status.as_u16();
    if code == 429 || (code == 503 && reply.retry_after().is_some()) {
        return Some(rate_limited(site, reply, vendor));
    }
    if reply.status.is_redirection() {
        return Some(Conclusion::undecided(
            format!("{site} redirects ({said}), which regcred never follows."),
            format!("{site} 发出重定向（{said}），regcred 从不跟随。"),
        ));
    }
    reply.status.is_server_error().then(|| {
        Conclusion::new(
            VerifyOutcome::Unreachable,
            format!("{site} reports an error of its own ({said})."),
            format!("{site} 报告了自身的错误（{said}）。"),
        )
    })
}

/// The conclusion if the registry has locked out the client or user.
pub(super) fn locked_out(site: &Site, said: &str, vendor: Vendor) -> Conclusion {
    Conclusion::new(
        VerifyOutcome::LockedOut,
        format!(
            "{site} has locked out this address or user after failed logins ({said}); it is not asked again in this run."
        ),
        format!("由于登录失败，{site} 已锁定该地址或用户（{said}）；本次运行不再询问它。"),
    )
    .and_if(vendor.advice(VerifyOutcome::LockedOut))
}

fn rate_limited(site: &Site, reply: &Reply, vendor: Vendor) -> Conclusion {
    let said = status(reply);
    let (wait, wait_zh) = match reply.retry_after().filter(|wait| *wait <= MAX_SHOWN_WAIT) {
        Some(wait) => {
            let seconds = wait.as_secs();
            (format!("; it asks to wait {seconds} s"), format!("，要求等待 {seconds} 秒"))
        }
        None => (String::new(), String::new()),
    };
    Conclusion::new(
        VerifyOutcome::RateLimited,
        format!("{site} limits requests ({said}){wait}; it is not asked again in this run."),
        format!("{site} 限制了请求（{said}）{wait_zh}；本次运行不再询问它。"),
    )
    .and_if(vendor.advice(VerifyOutcome::RateLimited))
}

/// The conclusion for a response that no step expects.
pub(super) fn unexpected(site: &Site, reply: &Reply) -> Conclusion {
    let said = status(reply);
    Conclusion::undecided(
        format!("{site} answers with {said}, which decides nothing."),
        format!("{site} 的应答是 {said}，无法据此判断。"),
    )
}

/// Says that the image can be pulled without credentials though these fail.
pub(super) const PUBLIC_ANYWAY: Bilingual<&str> = Bilingual {
    english: "The image is public: it could be pulled without this entry, but with it the kubelet does not try that.",
    chinese: "该镜像是公开的：没有这个条目就可以拉取，但有了它，kubelet 不会尝试匿名拉取。",
};
