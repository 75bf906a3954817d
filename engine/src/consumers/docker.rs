//! docker: the config file of docker/cli, which docker, Compose, BuildKit, kaniko, ko and crane read
//! (docker/cli v29.9.3, cli/config/configfile/file.go: `ConfigFile`, `LoadFromReader`, `GetAuthConfig`;
//! `cli/config/credentials/file_store.go`: `Get`, `ConvertToHostname`). It does not read a dockercfg.
//!
//! docker asks for the host of an image; kaniko, ko and crane ask for its whole name before they ask for the host
//! (go-containerregistry v0.22.1, pkg/authn/keychain.go: `ResolveContext`).

use std::borrow::Cow;

use crate::document::{Document, Member};
use crate::document::{EntryField, JsonType, TopField};

use super::entry::{
    EntryRead, Fields, LiveEntries, is_map_of_strings, pair, string_map, trim_nuls, with_tokens,
};
use super::go_url;
use super::image::ImageRef;
use super::order::{Lookup, NamedEntries};

const HUB_KEY: &str = "https://index.docker.io/v1/";

const FIELDS: [EntryField; 6] = [
    EntryField::Username,
    EntryField::Password,
    EntryField::Auth,
    EntryField::ServerAddress,
    EntryField::IdentityToken,
    EntryField::RegistryToken,
];

/// Other settings and their types: a wrong one makes docker refuse the file.
const STRINGS: [&str; 14] = [
    "psFormat",
    "imagesFormat",
    "networksFormat",
    "pluginsFormat",
    "volumesFormat",
    "statsFormat",
    "detachKeys",
    "serviceInspectFormat",
    "servicesFormat",
    "tasksFormat",
    "secretFormat",
    "configFormat",
    "nodesFormat",
    "currentContext",
];
const LISTS: [&str; 2] = ["pruneFilters", "cliPluginsExtraDirs"];
const MAPS: [&str; 2] = ["aliases", "features"];
const PROXY_FIELDS: [&str; 5] = ["httpProxy", "httpsProxy", "noProxy", "ftpProxy", "allProxy"];

/// Whether it refuses the document for something outside the entries.
pub(super) fn refuses_top(document: &Document<'_>) -> bool {
    !document.top().iter().all(|member| fits(document, member))
}

fn fits(document: &Document<'_>, member: &Member) -> bool {
    let is_string = |member: &Member| matches!(member.kind, JsonType::String | JsonType::Null);
    let is_one_of = |names: &[&str]| names.iter().any(|name| document.name(member).folds_to(name));
    match document.top_field(member) {
        Some(TopField::Auths) => matches!(member.kind, JsonType::Object | JsonType::Null),
        Some(TopField::HttpHeaders | TopField::CredHelpers) => is_map_of_strings(document, member, 0),
        Some(TopField::CredsStore) => is_string(member),
        None if is_one_of(&STRINGS) => is_string(member),
        None if is_one_of(&MAPS) => is_map_of_strings(document, member, 0),
        None if is_one_of(&LISTS) => is_list_of_strings(document.raw_value(member)),
        None if is_one_of(&["plugins"]) => is_map_of_strings(document, member, 1),
        None if is_one_of(&["proxies"]) => is_map_of_proxies(document, member),
        None => true,
    }
}

fn is_map_of_proxies(document: &Document<'_>, member: &Member) -> bool {
    let is_optional_object = |member: &Member| matches!(member.kind, JsonType::Object | JsonType::Null);
    is_optional_object(member)
        && document.members(member).iter().all(|proxy| {
            let known = |field: &&Member| PROXY_FIELDS.iter().any(|name| document.name(field).folds_to(name));
            let is_string = |field: &Member| matches!(field.kind, JsonType::String | JsonType::Null);
            is_optional_object(proxy) && document.members(proxy).iter().filter(known).all(is_string)
        })
}

/// Whether a valid JSON text is `null` or an array of strings and `null`: outside of strings, nothing else has
/// other letters than those of `null`, digits or further brackets.
fn is_list_of_strings(json: &str) -> bool {
    let Some(list) = json.strip_prefix('[').and_then(|list| list.strip_suffix(']')) else {
        return json == "null";
    };
    let mut in_string = false;
    let mut escaped = false;
    list.bytes().all(|byte| {
        let was_in_string = in_string;
        in_string ^= byte == b'"' && !escaped;
        escaped = was_in_string && byte == b'\\' && !escaped;
        was_in_string || matches!(byte, b'"' | b',' | b'n' | b'u' | b'l') || byte.is_ascii_whitespace()
    })
}

/// Whether the types of an entry fit, which docker checks of entries that a later one replaces, too.
pub(super) fn entry_fits(fields: &Fields<'_>) -> bool {
    fields.fit(&FIELDS)
}

pub(super) fn read<'a>(fields: &Fields<'a>) -> EntryRead<'a> {
    if !entry_fits(fields) {
        return EntryRead::RefusesDocument;
    }
    let credentials = if fields.text(EntryField::Auth).is_empty() {
        fields.kubelet_pair()
    } else {
        fields.padded_auth().and_then(pair).filter(|pair| !pair.username.is_empty()).map(trim_nuls)
    };
    credentials.map_or(EntryRead::RefusesDocument, |pair| with_tokens(pair, fields).into())
}

/// The entries of a config file, and where helper programs have the credentials instead.
pub(super) struct ConfigFile<'a> {
    /// Named by [`hostname`].
    pub(super) entries: NamedEntries<'a>,
    helpers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    has_store: bool,
}

impl<'a> ConfigFile<'a> {
    pub(super) fn new(document: &Document<'a>, live: &LiveEntries<'a>) -> Self {
        let is_store = |member: &&Member| document.top_field(member) == Some(TopField::CredsStore);
        let store =
            document.top().iter().filter(is_store).filter_map(|member| document.string(member)).next_back();
        ConfigFile {
            helpers: string_map(document, TopField::CredHelpers),
            has_store: store.is_some_and(|store| !store.is_empty()),
            ..ConfigFile::of(live)
        }
    }

    /// Without settings.
    pub(super) fn of(live: &LiveEntries<'a>) -> Self {
        ConfigFile { entries: NamedEntries::new(live, hostname), helpers: Vec::new(), has_store: false }
    }

    /// What docker takes for an image.
    pub(super) fn find(&self, image: &ImageRef) -> Lookup {
        self.get(image.domain())
    }

    /// What kaniko, ko and crane are answered when they ask for the whole name.
    pub(super) fn find_whole_name(&self, image: &ImageRef) -> Lookup {
        match image.name().strip_prefix("docker.io/") {
            Some(path) => self.get(&["index.docker.io/", path].concat()),
            None => self.get(image.name()),
        }
    }

    fn get(&self, name: &str) -> Lookup {
        let name = if matches!(name, "docker.io" | "index.docker.io") { HUB_KEY } else { name };
        let helper = self.helpers.binary_search_by(|(registry, _)| (**registry).cmp(name));
        let helper = helper.ok().and_then(|at| self.helpers.get(at)).filter(|_| !name.is_empty());
        if helper.map_or(self.has_store, |(_, program)| !program.is_empty()) {
            return Lookup::Helper;
        }
        Lookup::Entries(self.entries.exact(name).unwrap_or_else(|| self.entries.named(name.as_bytes())))
    }
}

/// The host of a key (`ConvertToHostname`).
fn hostname<'a>(key: &Cow<'a, str>) -> Cow<'a, [u8]> {
    if let Some((_, rest)) = key.split_once("://") {
        let parsed = go_url::parse(key.as_bytes()).map(|url| url_host(&url.host));
        if let Some(host) = parsed.filter(|host| !host.is_empty()) {
            return Cow::Owned(host);
        }
        let fallback = rest.split_once('/').map_or(rest, |(host, _)| host);
        if !fallback.is_empty() {
            return Cow::Owned(with_brackets(fallback).into_bytes());
        }
    }
    match key {
        Cow::Borrowed(key) => Cow::Borrowed(key.split_once('/').map_or(*key, |(host, _)| host).as_bytes()),
        Cow::Owned(key) => {
            Cow::Owned(key.split_once('/').map_or(&**key, |(host, _)| host).as_bytes().to_vec())
        }
    }
}

/// `URL.Hostname`, `URL.Port` and `net.JoinHostPort` of Go in one.
fn url_host(host: &[u8]) -> Vec<u8> {
    let colon = host.iter().rposition(|&byte| byte == b':');
    let split = colon.and_then(|colon| host.split_at_checked(colon));
    let (host, port) = split.filter(|(_, port)| go_url::is_optional_port(port)).unwrap_or((host, b""));
    let name = match host {
        [b'[', address @ .., b']'] => address,
        _ => host,
    };
    match port {
        [] | [b':'] => name.to_vec(),
        // A host without a name has no port either.
        _ if name.is_empty() => Vec::new(),
        _ if name.contains(&b':') => [b"[", name, b"]", port].concat(),
        _ => [name, port].concat(),
    }
}

/// An IPv6 address without brackets, and its port.
fn with_brackets(host: &str) -> String {
    match host.rsplit_once(':') {
        Some((address, port))
            if address.contains(':')
                && !host.starts_with('[')
                && !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            format!("[{address}]:{port}")
        }
        _ => host.to_owned(),
    }
}
