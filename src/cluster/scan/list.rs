//! A list of objects, in pages: every object once, whatever happens between the pages.

use std::fmt;
use std::io::{BufReader, Read};
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::server::{Call, CallError, Refusal, Server};

/// Objects on a page. The program itself needs the memory of one of them; the API server that of a page, which with the
/// largest Secrets is 140 MiB.
const PAGE: usize = 100;

/// A page that breaks off is asked for again, and a list whose token was lost begun again, so many times in a row.
const MOST_BREAKS: u32 = 5;

/// The wait before a broken page is asked for again.
const AFTER_A_BREAK: Duration = Duration::from_secs(1);

/// Why a list came to no end.
pub(super) enum ListError<E> {
    /// The API server says no, or nothing.
    Call(CallError),
    /// Whoever takes the objects wants no more.
    Taker(E),
}

impl<E> From<CallError> for ListError<E> {
    fn from(error: CallError) -> Self {
        ListError::Call(error)
    }
}

/// How a list came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// As it was at one moment.
    AtOnce,
    /// The API server forgot that moment while the list was read, so that the rest of it is from a later one. What was
    /// there all the time was seen, and nothing twice.
    InParts,
}

/// What is listed.
pub(super) struct List<'s, 'r> {
    pub(super) server: &'s Server<'r>,
    /// `/api/v1/secrets`
    pub(super) path: String,
    pub(super) field_selector: Option<String>,
    pub(super) label_selector: Option<String>,
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
    /// Objects are listed in the order of this.
    fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// Where a list is.
#[derive(Default)]
struct Position {
    /// Opens the next page; none for the first.
    token: Option<String>,
    /// The key of the last object that was taken.
    taken: String,
    order: Order,
    /// What was taken comes again, and is passed over until there is something behind it.
    again: bool,
    /// It has come again at least once.
    resumed: bool,
    seen_in_parts: bool,
    breaks: u32,
}

/// In what order objects come.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Order {
    /// In that of their keys, as far as they have come: what comes again can be told from what is new.
    #[default]
    ByKey,
    /// In another: API servers on kine (k3s) listed by age until 2024, and databases have orders of their own.
    Unknown,
}

impl Position {
    /// Takes note of an object: whether it is new. `None` where that cannot be told.
    fn is_new(&mut self, key: String) -> Option<bool> {
        if self.again && key <= self.taken {
            return Some(false);
        }
        self.again = false;
        if key < self.taken {
            self.order = Order::Unknown;
            // It may have been passed over, or be here for the second time.
            if self.resumed {
                return None;
            }
        }
        self.taken = key;
        self.breaks = 0;
        Some(true)
    }
}

impl List<'_, '_> {
    /// Gives every object to `take`, as JSON.
    pub(super) fn each<E>(
        &self,
        mut take: impl FnMut(&RawValue) -> Result<(), E>,
    ) -> Result<Seen, ListError<E>> {
        let mut at = Position::default();
        loop {
            let response = match self.server.call(&Call::get(self.uri(at.token.as_deref()))) {
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

    /// The token is older than what the API server keeps. It usually gives another one, for the rest of the list as it
    /// is now; otherwise the list is begun again, and what was taken is passed over.
    fn expired(&self, refusal: Refusal, at: &mut Position) -> Result<(), CallError> {
        at.seen_in_parts = true;
        at.token = refusal.continue_token;
        self.broken(at)
    }

    fn broken(&self, at: &mut Position) -> Result<(), CallError> {
        if at.order == Order::Unknown {
            return Err(cannot_be_resumed());
        }
        (at.again, at.resumed) = (true, true);
        at.breaks += 1;
        if at.breaks > MOST_BREAKS {
            return Err(CallError::unanswered(
                &format!("the API server breaks off its list again and again ({MOST_BREAKS} attempts)"),
                &format!("API server 反复中断列表（已尝试 {MOST_BREAKS} 次）"),
            ));
        }
        self.server.wait(AFTER_A_BREAK)
    }

    fn page<E>(
        &self,
        body: impl Read,
        at: &mut Position,
        take: &mut impl FnMut(&RawValue) -> Result<(), E>,
    ) -> Result<Page, ListError<E>> {
        let mut failed = None;
        let mut take_new = |object: &RawValue| -> Result<(), &'static str> {
            let key = serde_json::from_str::<Named>(object.get()).map_err(|_| NO_OBJECT)?.metadata.key();
            if at.is_new(key).ok_or(NO_ORDER)? {
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
            _ if at.resumed && at.order == Order::Unknown => Err(cannot_be_resumed().into()),
            _ => {
                let why = (
                    "what answers is no API server: it sends no list",
                    "应答的不是 API server：没有返回列表",
                );
                Err(CallError::unanswered(why.0, why.1).into())
            }
        }
    }

    fn uri(&self, token: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(format!("{}?", self.path));
        query.append_pair("limit", &PAGE.to_string());
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
    /// With the token of the next.
    Whole(Option<String>),
    /// The connection ended in the middle of it.
    Broken,
}

/// The report would tell of some twice, or of some never.
fn cannot_be_resumed() -> CallError {
    CallError::unanswered(
        "the API server broke off its list, and cannot go on with it, since it lists in no order of names; scan \
         namespace by namespace (-n)",
        "API server 中断了列表，且因列表不按名称排序而无法继续；请用 -n 逐个命名空间扫描",
    )
}

// What serde is told; it is shown to nobody.
const NO_ORDER: &str = "no order";
const NO_OBJECT: &str = "no object";
const TAKER_FAILED: &str = "the taker failed";

/// What is kept of a list.
struct ListJson {
    continue_token: Option<String>,
    /// Whether there was a field `items`.
    is_list: bool,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(rename = "continue")]
    continue_token: Option<String>,
}

/// Reads a list and hands on its items one by one.
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

    /// Go writes an empty slice that was never made as null.
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
