//! The flags of the subcommands that ask registries: `verify`, and `explain --verify`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;

use super::Failure;
use crate::files::{FileError, read_together};
use crate::registry::{NamedHosts, Verifier, VerifierError, VerifyOptions};
use crate::server::duration;

/// How registries are asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Asking {
    /// Send no more credentials to a registry after this many failed attempts
    ///
    /// Registries lock out users or addresses after failed logins: GitLab after 30 in 3 minutes, Docker Hub after fewer.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_failures: u32,

    /// Time for each step of a request: connecting, TLS handshake, headers, body
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    pub(crate) timeout: Duration,

    /// Trust the certificate authorities in this PEM file, in addition to those of the system
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Ask this registry over plain HTTP, without encryption; can be repeated
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) plain_http: Vec<String>,

    /// Send credentials to this token server if a registry names it; can be repeated
    ///
    /// Otherwise, a token server must have the host or the domain of the registry, or be known to belong to it.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) allow_realm: Vec<String>,
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    let positive = duration::parse(text).filter(|duration| !duration.is_zero());
    positive.ok_or("not a duration, such as 10s or 1m30s")
}

impl Asking {
    /// Whether files or hosts are named.
    pub(crate) fn names_something(&self) -> bool {
        self.ca_file.is_some() || !self.plain_http.is_empty() || !self.allow_realm.is_empty()
    }

    /// A verifier with these settings.
    pub(crate) fn verifier(&self, language: Language) -> Result<Verifier, Failure> {
        let options = VerifyOptions {
            named: NamedHosts {
                plain_http: self.plain_http.clone(),
                allowed_realms: self.allow_realm.clone(),
            },
            ca: self.ca_file.as_deref().map(ca_bytes).transpose()?,
            timeout: self.timeout,
            max_failures: self.max_failures,
            now: Timestamp::now(),
        };
        Verifier::new(options).map_err(|VerifierError::InvalidCa| {
            let file = self.ca_file.as_deref().unwrap_or(Path::new("")).display().to_string();
            let words = Bilingual::new(
                format!("{file}: has no valid certificate: expected PEM CERTIFICATE blocks"),
                format!("{file}：没有有效的证书：应为 PEM 格式的 CERTIFICATE 块"),
            );
            Failure(words.into_line(language))
        })
    }
}

/// Reads the file of certificate authorities.
pub(crate) fn ca_bytes(file: &Path) -> Result<Vec<u8>, FileError> {
    Ok(read_together(&[file])?.first().map(|bytes| bytes.to_vec()).unwrap_or_default())
}
