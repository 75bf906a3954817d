//! Reading objects of the cluster as JSON, with the reason if one cannot be read.

use std::time::Duration;

use http::StatusCode;
use regcred_engine::wording::Bilingual;
use serde_json::Value;

use crate::cluster::api_server::{ApiServer, Call, CallError};

/// The longest wait for a text.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a read.
pub(super) enum ObjectRead {
    Found(Value),
    Missing,
    /// It may exist. With the reason.
    Unread(Bilingual<String>),
}

impl ObjectRead {
    /// The object, if it was found.
    pub(super) const fn found(&self) -> Option<&Value> {
        match self {
            ObjectRead::Found(value) => Some(value),
            ObjectRead::Missing | ObjectRead::Unread(_) => None,
        }
    }
}

/// Reads one object or a list. Lists of what the doctor reads are short: webhook configurations, Pods of one Deployment, Nodes.
pub(super) fn read(server: &ApiServer<'_>, path: &str) -> ObjectRead {
    let response = match server.call(&Call::get(path.to_owned())) {
        Ok(response) => response,
        Err(CallError::Refused(refusal)) if refusal.code == StatusCode::NOT_FOUND => {
            return ObjectRead::Missing;
        }
        Err(error) => return ObjectRead::Unread(reason(error)),
    };
    match server.body(response) {
        Ok(body) => serde_json::from_slice(&body).map_or_else(
            |_| {
                let words = (
                    "the response is not JSON; is this an API server?",
                    "应答不是 JSON；这是 API server 吗？",
                );
                ObjectRead::Unread(Bilingual::new(words.0, words.1))
            },
            ObjectRead::Found,
        ),
        Err(why) => ObjectRead::Unread(why),
    }
}

/// What became of reading a text.
pub(super) enum TextRead {
    Found(String),
    /// With the reason.
    Unread(Bilingual<String>),
}

/// Reads a text, such as metrics. It is tried once: the API server may not reach the Pod that it is asked to read from.
pub(super) fn read_text(server: &ApiServer<'_>, path: &str) -> TextRead {
    let call = Call { accept: "*/*", ..Call::get(path.to_owned()) };
    let body = match server.call_once(&call, PATIENCE) {
        Ok(response) => server.body(response),
        Err(error) => Err(reason(error)),
    };
    match body {
        Ok(body) => TextRead::Found(String::from_utf8_lossy(&body).into_owned()),
        Err(why) => TextRead::Unread(why),
    }
}

/// Why a call failed, in one line.
pub(super) fn reason(error: CallError) -> Bilingual<String> {
    match error {
        CallError::Interrupted => Bilingual::new("interrupted", "已中断"),
        CallError::Refused(refusal) => refusal.message,
        CallError::Unanswered(why) => why,
    }
}

/// The text at a JSON pointer; empty if there is none.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The items at a JSON pointer.
pub(super) fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
