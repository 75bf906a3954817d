//! The fields of an AdmissionReview, as far as they are read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed as _, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fields::{Fields, Filled, Text, text};
use super::secret::SecretJson;

/// A review as the API server writes it, as far as it is read.
#[derive(Default)]
pub(super) struct ReviewJson<'a> {
    pub(super) api_version: Option<Cow<'a, str>>,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) has_request: bool,
    pub(super) request: RequestJson<'a>,
}

#[derive(Default)]
pub(super) struct RequestJson<'a> {
    pub(super) uid: Option<Cow<'a, str>>,
    pub(super) kind: KindJson<'a>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) namespace: Option<Cow<'a, str>>,
    pub(super) operation: Option<Cow<'a, str>>,
    pub(super) user: UserJson<'a>,
    pub(super) has_object: bool,
    pub(super) object: SecretJson<'a>,
    pub(super) has_old_object: bool,
    pub(super) old_object: SecretJson<'a>,
    /// Objects are not read: one of them is no Secret.
    pub(super) objects_passed_over: bool,
    pub(super) dry_run: Option<bool>,
    pub(super) options: OptionsJson<'a>,
}

#[derive(Default)]
pub(super) struct KindJson<'a> {
    pub(super) group: Option<Cow<'a, str>>,
    pub(super) kind: Option<Cow<'a, str>>,
}

#[derive(Default)]
pub(super) struct UserJson<'a> {
    pub(super) username: Option<Cow<'a, str>>,
    pub(super) groups: Groups<'a>,
}

/// A name takes three bytes of a body and 24 of memory, and nobody is in so many groups: without a bound, a body of 8 MiB
/// would take 100.
const MOST_GROUPS: usize = 10_000;

/// The user's groups: none are kept beyond [`MOST_GROUPS`].
#[derive(Default)]
pub(super) struct Groups<'a> {
    pub(super) names: Vec<Text<'a>>,
    pub(super) too_many: bool,
}

impl<'de> Deserialize<'de> for Groups<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GroupsVisitor;

        impl<'de> Visitor<'de> for GroupsVisitor {
            type Value = Groups<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Groups<'de>, A::Error> {
                let mut groups = Groups::default();
                while let Some(name) = list.next_element()? {
                    if groups.names.len() == MOST_GROUPS {
                        groups.too_many = true;
                    } else {
                        groups.names.push(name);
                    }
                }
                Ok(groups)
            }
        }

        deserializer.deserialize_seq(GroupsVisitor)
    }
}

#[derive(Default)]
pub(super) struct OptionsJson<'a> {
    pub(super) field_manager: Option<Cow<'a, str>>,
}

impl<'de> Fields<'de> for ReviewJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "apiVersion" => self.api_version = text(map)?,
            "kind" => self.kind = text(map)?,
            "request" => self.has_request = map.next_value_seed(Filled(&mut self.request))?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for RequestJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        let mut object = |secret: &mut SecretJson<'de>| {
            if self.objects_passed_over {
                Ok(map.next_value::<Option<IgnoredAny>>()?.is_some())
            } else {
                map.next_value_seed(Filled(secret))
            }
        };
        match name {
            "object" => self.has_object = object(&mut self.object)?,
            "oldObject" => self.has_old_object = object(&mut self.old_object)?,
            "uid" => self.uid = text(map)?,
            "kind" => drop(map.next_value_seed(Filled(&mut self.kind))?),
            "name" => self.name = text(map)?,
            "namespace" => self.namespace = text(map)?,
            "operation" => self.operation = text(map)?,
            "userInfo" => drop(map.next_value_seed(Filled(&mut self.user))?),
            "dryRun" => self.dry_run = map.next_value()?,
            "options" => drop(map.next_value_seed(Filled(&mut self.options))?),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for KindJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "group" => self.group = text(map)?,
            "kind" => self.kind = text(map)?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for UserJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "username" => self.username = text(map)?,
            "groups" => self.groups = map.next_value::<Option<_>>()?.unwrap_or_default(),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for OptionsJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "fieldManager" => self.field_manager = text(map)?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'a> ReviewJson<'a> {
    pub(super) fn read(&mut self, body: &'a str) -> serde_json::Result<()> {
        let mut json = serde_json::Deserializer::from_str(body);
        Filled(self).deserialize(&mut json)?;
        json.end()
    }
}

impl KindJson<'_> {
    /// What is left out says nothing against it.
    pub(super) fn may_be_secret(&self) -> bool {
        self.group.as_deref().unwrap_or_default().is_empty()
            && self.kind.as_deref().is_none_or(|kind| kind == "Secret")
    }
}
