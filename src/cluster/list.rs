//! A list of objects, in pages. Every object is returned once, even if a page has to be read again.

use std::fmt;
use std::io::{BufReader, Read};
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::api_server::{ApiRefusal, ApiServer, Call, CallError, JSON};

/// Secrets per page. regcred needs memory for one of them, the API server for the page: 140 MiB with the largest Secrets.
const SECRETS_PER_PAGE: usize = 100;

/// Objects per page of kinds that are smaller, as in kubectl.
pub(super) const OBJECTS_PER_PAGE: usize = 500;

/// At most this many times in a row, an interrupted page is read again, or a list with an expired token started again.
const MAX_BREAKS: u32 = 5;

/// The wait before an interrupted page is read again.
const BREAK_WAIT: Duration = Duration::from_secs(1);

/// Why a list could not be read to its end.
pub(super) enum ListError<E> {
    /// A call failed.
    Call(CallError),
    /// The receiver of the objects failed.
    Taker(E),
}

impl<E> From<CallError> for ListError<E> {
    fn from(error: CallError) -> Self {
        ListError::Call(error)
    }
}

/// The consistency of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// All objects are from the same moment.
    AtOnce,
    /// The state at the beginning expired, so the rest is from a later moment. Objects that existed all the time were
    /// returned exactly once.
    InParts,
}

/// A list request.
pub(super) struct List<'s, 'r> {
    pub(super) server: &'s ApiServer<'r>,
    /// `/api/v1/secrets`
    pub(super) path: String,
    pub(super) field_selector: Option<String>,
    pub(super) label_selector: Option<String>,
    pub(super) page_size: usize,
    /// The media type, which can ask for less than whole objects.
    pub(super) accept: &'static str,
}

/// The name of an object among those of its kind.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) metadata: NameJson,
}

#[derive(Deserialize)]
pub(super) struct NameJson {
    #[serde(default)]
    pub(super) namespace: String,
    pub(super) name: String,
}

impl NameJson {
    /// The key by which the API server sorts a list.
    fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// The position in a list.
#[derive(Default)]
struct Position {
    /// The token of the next page, `None` for the first.
    token: Option<String>,
    /// The key of the last object that was returned.
    taken: String,
    sorting: Sorting,
    /// Objects that were already returned come again, and are skipped.
    again: bool,
    /// Whether objects have come again before.
    resumed: bool,
    seen_in_parts: bool,
    breaks: u32,
}

/// The order of the objects.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sorting {
    /// Sorted by key so far, so repeated objects can be told from new ones.
    #[default]
    ByKey,
    /// Not sorted by key: API servers on kine (k3s) sorted by age until 2024.
    Unknown,
}

impl Position {
    /// Records an object. Returns whether it is new, or `None` if that is unknown.
    fn is_new(&mut self, key: String) -> Option<bool> {
        if self.again && key <= self.taken {
            return Some(false);
        }
        self.again = false;
        if key < self.taken {
            self.sorting = Sorting::Unknown;
            // It may have been skipped, or be here for the second time.
            if self.resumed {
                return None;
            }
        }
        self.taken = key;
        self.breaks = 0;
        Some(true)
    }
}

impl<'s, 'r> List<'s, 'r> {
    /// All objects of a path, in pages of a size that suits Secrets.
    pub(super) fn new(server: &'s ApiServer<'r>, path: impl Into<String>) -> Self {
        List {
            server,
            path: path.into(),
            field_selector: None,
            label_selector: None,
            page_size: SECRETS_PER_PAGE,
            accept: JSON,
        }
    }

    /// Passes every object to `take`, as JSON.
    pub(super) fn each<E>(
        &self,
        mut take: impl FnMut(&RawValue) -> Result<(), E>,
    ) -> Result<Seen, ListError<E>> {
        let mut at = Position::default();
        loop {
            let response = match self
                .server
                .call(&Call { accept: self.accept, ..Call::get(self.uri(at.token.as_deref())) })
            {
                Ok(response) => response,
                Err(CallError::Refused(refusal))
                    if refusal.code == StatusCode::GONE && at.token.is_some() =>
                {
                    self.expired(refusal, &mut at)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match self.page(self.server.reader(response), &mut at, &mut take)? {
                Page::Whole(Some(token)) => at.token = Some(token),
                Page::Whole(None) => return Ok(if at.seen_in_parts { Seen::InParts } else { Seen::AtOnce }),
                Page::Broken => self.broken(&mut at)?,
            }
        }
    }

    /// Handles an expired token. The API server usually returns another one, for the rest of the list in its current state.
    /// Otherwise the list starts again, and objects that were already returned are skipped.
    fn expired(&self, refusal: ApiRefusal, at: &mut Position) -> Result<(), CallError> {
        at.seen_in_parts = true;
        at.token = refusal.continue_token;
        self.broken(at)
    }

    fn broken(&self, at: &mut Position) -> Result<(), CallError> {
        if at.sorting == Sorting::Unknown {
            return Err(cannot_be_resumed());
        }
        (at.again, at.resumed) = (true, true);
        at.breaks += 1;
        if at.breaks > MAX_BREAKS {
            return Err(CallError::unanswered(
                &format!("the API server interrupts its list repeatedly ({MAX_BREAKS} attempts)"),
                &format!("API server 反复中断列表（已尝试 {MAX_BREAKS} 次）"),
            ));
        }
        self.server.wait(BREAK_WAIT)
    }

    fn page<E>(
        &self,
        body: impl Read,
        at: &mut Position,
        take: &mut impl FnMut(&RawValue) -> Result<(), E>,
    ) -> Result<Page, ListError<E>> {
        let mut failed = None;
        let mut take_new = |object: &RawValue| -> Result<(), &'static str> {
            let key = serde_json::from_str::<Named>(object.get()).map_err(|_| NOT_AN_OBJECT)?.metadata.key();
            if at.is_new(key).ok_or(UNKNOWN_ORDER)? {
                take(object).map_err(|error| {
                    failed = Some(error);
                    TAKER_FAILED
                })?;
            }
            Ok(())
        };
        let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 << 10, body));
        let read = ListSeed { take: &mut take_new }.deserialize(&mut json);
        match (read, failed) {
            (_, Some(error)) => Err(ListError::Taker(error)),
            (Ok(ListJson { continue_token, is_list: true }), None) => {
                Ok(Page::Whole(continue_token.filter(|token| !token.is_empty())))
            }
            (Err(error), None) if error.is_io() || error.is_eof() => {
                if self.server.stopped() {
                    Err(CallError::Interrupted.into())
                } else {
                    Ok(Page::Broken)
                }
            }
            _ if at.resumed && at.sorting == Sorting::Unknown => Err(cannot_be_resumed().into()),
            _ => {
                let why = (
                    "the response is not a Kubernetes list; is this an API server?",
                    "应答不是 Kubernetes 列表；这是 API server 吗？",
                );
                Err(CallError::unanswered(why.0, why.1).into())
            }
        }
    }

    fn uri(&self, token: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(format!("{}?", self.path));
        query.append_pair("limit", &self.page_size.to_string());
        for (name, value) in [
            ("fieldSelector", self.field_selector.as_deref()),
            ("labelSelector", self.label_selector.as_deref()),
            ("continue", token),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

enum Page {
    /// With the token of the next page.
    Whole(Option<String>),
    /// The connection ended before the page did.
    Broken,
}

/// Without a known order, some objects would be reported twice or never.
fn cannot_be_resumed() -> CallError {
    CallError::unanswered(
        "the API server interrupted its list, which cannot be resumed because it is not sorted by name; use one \
         namespace at a time (-n)",
        "API server 中断了列表，且因列表不按名称排序而无法继续；请用 -n 逐个命名空间读取",
    )
}

// Errors for serde, which are never shown.
const UNKNOWN_ORDER: &str = "no order";
const NOT_AN_OBJECT: &str = "no object";
const TAKER_FAILED: &str = "the taker failed";

/// The fields of a list besides its items.
struct ListJson {
    continue_token: Option<String>,
    /// Whether it has the field `items`.
    is_list: bool,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(rename = "continue")]
    continue_token: Option<String>,
}

/// Deserialises a list, and passes on its items one by one.
struct ListSeed<'t, T> {
    take: &'t mut T,
}

impl<'de, T: FnMut(&RawValue) -> Result<(), &'static str>> DeserializeSeed<'de> for ListSeed<'_, T> {
    type Value = ListJson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ListJson, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: FnMut(&RawValue) -> Result<(), &'static str>> Visitor<'de> for ListSeed<'_, T> {
    type Value = ListJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ListJson, M::Error> {
        let mut list = ListJson { continue_token: None, is_list: false };
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "metadata" => list.continue_token = map.next_value::<ListMetadata>()?.continue_token,
                "items" => {
                    list.is_list = true;
                    map.next_value_seed(Items { take: &mut *self.take })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(list)
    }
}

struct Items<'t, T> {
    take: &'t mut T,
}

impl<'de, T: FnMut(&RawValue) -> Result<(), &'static str>> DeserializeSeed<'de> for Items<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: FnMut(&RawValue) -> Result<(), &'static str>> Visitor<'de> for Items<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects")
    }

    /// Go encodes a nil slice as null.
    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut objects: S) -> Result<(), S::Error> {
        while let Some(object) = objects.next_element::<Box<RawValue>>()? {
            (self.take)(&object).map_err(S::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
