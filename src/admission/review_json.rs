//! The fields that regcred reads of an AdmissionReview.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::borrowed::BorrowedStr;

/// An AdmissionReview as the API server writes it. `O` is what its objects are read as.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "O: Deserialize<'de>, 'de: 'a"))]
pub(super) struct ReviewJson<'a, O> {
    #[serde(borrow)]
    pub(super) api_version: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(super) kind: Option<BorrowedStr<'a>>,
    pub(super) request: Option<RequestJson<'a, O>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "O: Deserialize<'de>, 'de: 'a"))]
pub(super) struct RequestJson<'a, O> {
    #[serde(borrow)]
    pub(super) uid: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(super) kind: Option<KindJson<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(super) namespace: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(super) operation: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(super) user_info: Option<UserJson<'a>>,
    pub(super) object: Option<O>,
    pub(super) old_object: Option<O>,
    pub(super) dry_run: Option<bool>,
    #[serde(borrow)]
    pub(super) options: Option<OptionsJson<'a>>,
}

#[derive(Deserialize)]
pub(super) struct KindJson<'a> {
    #[serde(borrow)]
    group: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    kind: Option<BorrowedStr<'a>>,
}

impl KindJson<'_> {
    /// Whether this is the Secret of core/v1. An absent field counts as a match.
    pub(super) fn may_be_secret(&self) -> bool {
        self.group.as_deref().is_none_or(str::is_empty)
            && self.kind.as_deref().is_none_or(|kind| kind == "Secret")
    }
}

#[derive(Deserialize)]
pub(super) struct UserJson<'a> {
    #[serde(borrow)]
    pub(super) username: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(super) groups: Option<GroupsJson<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OptionsJson<'a> {
    #[serde(borrow)]
    pub(super) field_manager: Option<BorrowedStr<'a>>,
}

/// More groups than any user is in. A group takes 3 bytes of a body and 24 bytes of memory: without this bound, a body of
/// 8 MiB would take 67 MB.
const MAX_GROUPS: usize = 10_000;

/// The groups of a user: the first [`MAX_GROUPS`].
#[derive(Default)]
pub(super) struct GroupsJson<'a> {
    pub(super) names: Vec<BorrowedStr<'a>>,
    pub(super) too_many: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for GroupsJson<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(GroupsVisitor)
    }
}

struct GroupsVisitor;

impl<'de> Visitor<'de> for GroupsVisitor {
    type Value = GroupsJson<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<GroupsJson<'de>, A::Error> {
        let mut groups = GroupsJson::default();
        while let Some(name) = list.next_element()? {
            if groups.names.len() == MAX_GROUPS {
                groups.too_many = true;
            } else {
                groups.names.push(name);
            }
        }
        Ok(groups)
    }
}
