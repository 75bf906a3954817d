//! The labels of the metrics. Each value is a variant of a type, so the number of series is bounded: no registry,
//! namespace or user is a label.

use std::fmt::{self, Write as _};
use std::io;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use rustls::{AlertDescription, Error as TlsError};

use crate::admission::{Decision, Operation, Webhook};

/// Encodes a type as a label by its `as_str`.
macro_rules! encode_as_str {
    ($($name:ty),+) => {$(
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                encoder.write_str(self.as_str())
            }
        }
    )+};
}

/// Defines an enum with one label value per variant.
macro_rules! label_values {
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident {
        $($(#[$comment:meta])* $variant:ident = $value:literal,)+
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $visibility enum $name {
            $($(#[$comment])* $variant,)+
        }

        impl $name {
            /// Every value.
            $visibility const ALL: &[Self] = &[$(Self::$variant),+];

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)+
                }
            }
        }

        encode_as_str!($name);
    };
}

encode_as_str!(Webhook, Operation, Decision);

label_values! {
    /// One of the two listeners.
    pub(crate) enum Port {
        /// HTTPS, for the API server.
        Admission = "admission",
        /// Plain HTTP, for probes and Prometheus.
        Operations = "operations",
    }
}

label_values! {
    /// Why a request was refused before there was a decision.
    pub(crate) enum RefusalReason {
        /// 404.
        NotFound = "not_found",
        /// 405.
        MethodNotAllowed = "method_not_allowed",
        /// 415.
        UnsupportedMediaType = "unsupported_media_type",
        /// 413.
        TooLarge = "too_large",
        /// 503: too many requests are in flight.
        OverloadedRequests = "overloaded_requests",
        /// 503: no memory could be reserved in time for the body and its answer.
        OverloadedMemory = "overloaded_memory",
        /// 408: the body did not arrive in time.
        Timeout = "timeout",
        /// 400: the body ended too early, or its chunks are malformed; usually the client has gone.
        Incomplete = "incomplete",
        /// 400: the body is not an `AdmissionReview`.
        BadRequest = "bad_request",
        /// 400 or 431: something other than an HTTP/1.1 request, or a header that is too large.
        Malformed = "malformed",
    }
}

label_values! {
    /// Why a TLS handshake failed.
    pub(crate) enum HandshakeFailure {
        /// The client did not finish it in time.
        Timeout = "timeout",
        /// The client closed or reset the connection, as port scans and TCP health checks do.
        Eof = "eof",
        /// The client rejected the serving certificate: for an API server, its `caBundle` does not match.
        CertificateRejected = "certificate_rejected",
        /// The client sent no certificate although `--client-ca` requires one.
        NoClientCertificate = "no_client_certificate",
        /// The client's certificate is not one that `--client-ca` and `--client-name` accept.
        ClientCertificateRejected = "client_certificate_rejected",
        /// Anything else: not TLS, no common version, no certificate to serve yet.
        Other = "other",
    }
}

impl From<&io::Error> for HandshakeFailure {
    /// Classifies the error of a `TlsAcceptor`.
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        if matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe) {
            return HandshakeFailure::Eof;
        }
        match error.get_ref().and_then(|error| error.downcast_ref::<TlsError>()) {
            // Go sends `bad_certificate` for every certificate that it cannot verify (crypto/tls,
            // `verifyServerCertificate`), OpenSSL and rustls the alert that fits.
            Some(TlsError::AlertReceived(
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::UnsupportedCertificate,
            )) => HandshakeFailure::CertificateRejected,
            Some(TlsError::NoCertificatesPresented) => HandshakeFailure::NoClientCertificate,
            Some(TlsError::InvalidCertificate(_)) => HandshakeFailure::ClientCertificateRejected,
            _ => HandshakeFailure::Other,
        }
    }
}

label_values! {
    /// What was given up to keep the rest alive.
    pub(crate) enum Shed {
        /// A request, because too many were in flight.
        Request = "requests",
        /// A request, because others held too much memory.
        Memory = "memory",
        /// A new connection, because every other one was at work.
        Connection = "connections",
        /// A silent connection, in favour of a new one.
        IdleConnection = "idle_connections",
    }
}

label_values! {
    /// How an attempt to use a new version of a file ended.
    pub(crate) enum ReloadResult {
        /// It is in use.
        Success = "success",
        /// It cannot be used, or is not known.
        Error = "error",
    }
}

label_values! {
    /// What can be wrong with a webhook configuration.
    pub(crate) enum ConfigurationProblem {
        /// It does not exist, or has no webhook of regcred.
        Missing = "missing",
        /// It cannot be read.
        Unreadable = "unreadable",
        /// Its `caBundle` is wrong and could not be corrected.
        CaBundle = "ca_bundle",
        /// It has no match condition on the Secret's type.
        TypeCondition = "type_condition",
    }
}

/// Looked up for each request: numbers hash faster than texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) webhook: Webhook,
    pub(super) operation: Operation,
    pub(super) decision: Decision,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WebhookLabels {
    pub(super) webhook: Webhook,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FindingLabels {
    pub(super) rule: &'static str,
    pub(super) action: &'static str,
    pub(super) rule_action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResponseLabels {
    pub(super) port: Port,
    pub(super) code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RefusalLabels {
    pub(super) reason: RefusalReason,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HandshakeLabels {
    pub(super) reason: HandshakeFailure,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ShedLabels {
    pub(super) port: Port,
    pub(super) reason: Shed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReloadLabels {
    pub(super) result: ReloadResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ProblemLabels {
    pub(super) problem: ConfigurationProblem,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(error: TlsError) -> HandshakeFailure {
        HandshakeFailure::from(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn handshake_failures_name_their_cause() {
        let rejected = TlsError::AlertReceived(AlertDescription::BadCertificate);
        assert_eq!(tls(rejected), HandshakeFailure::CertificateRejected);
        assert_eq!(tls(TlsError::NoCertificatesPresented), HandshakeFailure::NoClientCertificate);
        let unknown = TlsError::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        assert_eq!(tls(unknown), HandshakeFailure::ClientCertificateRejected);
        assert_eq!(tls(TlsError::HandshakeNotComplete), HandshakeFailure::Other);
        for kind in [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset] {
            assert_eq!(HandshakeFailure::from(&io::Error::from(kind)), HandshakeFailure::Eof);
        }
    }
}
