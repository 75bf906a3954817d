//! Every fault with every payload. A new variant anywhere fails to compile here until it is listed.

use crate::finding::{
    EmptyHalf, EntryField, Fault, GenericHost, InvalidJson, JsonType, NotBase64, RegistryKey, Repeated, Spot,
    TopField,
};
use crate::registry::{AcrService, HubSpelling, KeyFault, NeverMatches};
use crate::rule::Rule;

/// The variants of an enum without payload, checked to be all of them.
macro_rules! every {
    ($name:ident: $($variant:ident),+ $(,)?) => {{
        #[allow(dead_code, reason = "only compiled, to see that none is missing")]
        const fn complete(value: $name) {
            match value { $( $name::$variant => (), )+ }
        }
        [ $( $name::$variant, )+ ]
    }};
}

pub(super) fn faults(key: &str) -> Vec<(Fault<'_>, Spot<'_>)> {
    Rule::ALL.iter().flat_map(|rule| of(*rule, key)).inspect(|(fault, _)| listed(fault)).collect()
}

#[allow(clippy::too_many_lines, reason = "a list")]
fn of(rule: Rule, key: &str) -> Vec<(Fault<'_>, Spot<'_>)> {
    let entry = || Spot::Entry(RegistryKey::new(key));
    let field = |field| Spot::Field(RegistryKey::new(key), field);
    match rule {
        Rule::AcrNotARegistry => {
            let services = every!(AcrService: ManagementApi, Accelerator, NamelessEnterprise);
            services.into_iter().map(|service| (Fault::AcrNotARegistry(service), entry())).collect()
        }
        Rule::AmbiguousJson => repeated(key),
        Rule::AuthDisagrees => vec![(Fault::AuthDisagrees, field(EntryField::Auth))],
        Rule::AuthEmptyHalf => {
            let halves = every!(EmptyHalf: Username, Password, Both);
            halves.into_iter().map(|half| (Fault::AuthEmptyHalf(half), field(EntryField::Auth))).collect()
        }
        Rule::AuthNotBase64 => not_base64()
            .into_iter()
            .map(|cause| (Fault::AuthNotBase64(cause), field(EntryField::Auth)))
            .collect(),
        Rule::AuthUnpadded => vec![(Fault::AuthUnpadded, field(EntryField::Auth))],
        Rule::AuthWithoutColon => [true, false]
            .map(|encoded_twice| (Fault::AuthWithoutColon { encoded_twice }, field(EntryField::Auth)))
            .to_vec(),
        Rule::ClientOnlySettings => [TopField::CredsStore, TopField::CredHelpers]
            .map(|top| (Fault::ClientOnlySettings, Spot::Top(top)))
            .to_vec(),
        Rule::ControlCharacters => [EntryField::Username, EntryField::Password, EntryField::Auth]
            .into_iter()
            .flat_map(|name| [true, false].map(|nul| (Fault::ControlCharacters { nul }, field(name))))
            .collect(),
        Rule::CredentialsStripped => {
            [EntryField::IdentityToken, EntryField::RegistryToken, EntryField::Email]
                .map(|name| (Fault::CredentialsStripped, field(name)))
                .to_vec()
        }
        Rule::FieldNotString => json_types()
            .into_iter()
            .flat_map(|found| {
                let fields = entry_fields().map(field).into_iter();
                fields
                    .chain([Spot::Top(TopField::HttpHeaders)])
                    .map(move |spot| (Fault::FieldNotString(found), spot))
            })
            .collect(),
        Rule::GenericRegistryHost => [Some("cn-hangzhou"), Some("ap-southeast-1"), None]
            .into_iter()
            .flat_map(|region| [(false, false), (true, false), (false, true)].map(|rest| (region, rest)))
            .map(|(region, (vpc, glob))| GenericHost { region: region.map(Box::from), vpc, glob })
            .map(|host| (Fault::GenericRegistryHost(host), entry()))
            .collect(),
        Rule::IncompleteCredentials => [EntryField::Username, EntryField::Password]
            .map(|missing| (Fault::IncompleteCredentials { missing }, entry()))
            .to_vec(),
        Rule::InvalidJson => {
            invalid_json().into_iter().map(|cause| (Fault::InvalidJson(cause), Spot::Document)).collect()
        }
        Rule::MisplacedAuthsWrapper => vec![(Fault::MisplacedAuthsWrapper, Spot::Top(TopField::Auths))],
        Rule::MissingAuth => vec![(Fault::MissingAuth, entry())],
        Rule::MissingAuthsWrapper => [true, false]
            .map(|bare_entry| (Fault::MissingAuthsWrapper { bare_entry }, Spot::Document))
            .to_vec(),
        Rule::NoCredentials => vec![(Fault::NoCredentials, entry())],
        Rule::NoRegistries => vec![(Fault::NoRegistries, Spot::Document)],
        Rule::NotAnObject => json_types()
            .into_iter()
            .flat_map(|found| {
                [Spot::Document, Spot::Top(TopField::Auths), Spot::Top(TopField::HttpHeaders), entry()]
                    .map(|spot| (Fault::NotAnObject(found), spot))
            })
            .collect(),
        Rule::RegistriesDropped => vec![(Fault::RegistriesDropped, entry())],
        Rule::RegistryDenied => {
            [true, false].map(|listed| (Fault::RegistryDenied { listed }, entry())).to_vec()
        }
        Rule::RegistryKeyDockerHub => every!(HubSpelling: KubeletOnly, NotDocker, PodmanOnly, Nobody)
            .into_iter()
            .map(|spelling| (Fault::RegistryKeyDockerHub(spelling), entry()))
            .collect(),
        Rule::RegistryKeyHasCredentials => vec![(Fault::RegistryKeyHasCredentials, entry())],
        Rule::RegistryKeyInvalid => {
            key_faults().into_iter().map(|fault| (Fault::RegistryKeyInvalid(fault), entry())).collect()
        }
        Rule::RegistryKeyNeverMatches => {
            never_matches().into_iter().map(|why| (Fault::RegistryKeyNeverMatches(why), entry())).collect()
        }
        Rule::RegistryKeyWildcard => vec![(Fault::RegistryKeyWildcard, entry())],
        Rule::SurroundingWhitespace => [EntryField::Username, EntryField::Password, EntryField::Auth]
            .map(|name| (Fault::SurroundingWhitespace, field(name)))
            .to_vec(),
        Rule::TokenOnly => vec![(Fault::TokenOnly, entry())],
        Rule::TooLargeToFix => vec![(Fault::TooLargeToFix { would_be: 1_048_611 }, entry())],
        Rule::UsernameHasColon => vec![(Fault::UsernameHasColon, field(EntryField::Username))],
    }
}

fn repeated(key: &str) -> Vec<(Fault<'_>, Spot<'_>)> {
    let tops = every!(TopField: Auths, HttpHeaders, CredsStore, CredHelpers);
    let mut all: Vec<_> =
        tops.into_iter().map(|top| (Fault::AmbiguousJson(Repeated::Top(top)), Spot::Document)).collect();
    all.extend(entry_fields().map(|field| {
        (Fault::AmbiguousJson(Repeated::Entry(field)), Spot::Field(RegistryKey::new(key), field))
    }));
    all.push((Fault::AmbiguousJson(Repeated::Registry(RegistryKey::new(key))), Spot::Top(TopField::Auths)));
    all.push((Fault::AmbiguousJson(Repeated::Unknown), Spot::Document));
    all.push((Fault::AmbiguousJson(Repeated::Unknown), Spot::Entry(RegistryKey::new(key))));
    all
}

fn entry_fields() -> [EntryField; 7] {
    every!(EntryField: Username, Password, Email, Auth, IdentityToken, RegistryToken, ServerAddress)
}

fn json_types() -> [JsonType; 6] {
    every!(JsonType: Null, Boolean, Number, String, Array, Object)
}

fn not_base64() -> [NotBase64; 8] {
    every!(
        NotBase64: PlainPair, BasicPrefix, UrlSafe, Blanks, Template, Quoted, Padding, Other
    )
}

fn invalid_json() -> [InvalidJson; 11] {
    every!(
        InvalidJson: Empty, ByteOrderMark, NotUtf8, EncodedTwice, CutOff, TrailingText, TooDeep,
        LoneSurrogate, NumberOutOfRange, RawControl, Syntax
    )
}

fn key_faults() -> [KeyFault; 13] {
    every!(
        KeyFault: Empty, NoHost, Whitespace, Control, Comma, QueryOrFragment, Placeholder,
        HostCharacter, Escape, Port, Scheme, DoubledScheme, BareIpv6
    )
}

fn never_matches() -> [NeverMatches; 10] {
    every!(
        NeverMatches: UpperCase, UpperCaseScheme, ApiVersionWithoutSlash, DefaultPort, TrailingDot,
        EmptyPort, HostCharacter, LoneStar, OneWord, Path
    )
}

/// Names every fault and every part of its payload.
fn listed(fault: &Fault<'_>) {
    match fault {
        Fault::AmbiguousJson(
            Repeated::Top(_) | Repeated::Registry(_) | Repeated::Entry(_) | Repeated::Unknown,
        )
        | Fault::GenericRegistryHost(GenericHost { region: _, vpc: _, glob: _ })
        | Fault::AcrNotARegistry(_)
        | Fault::AuthDisagrees
        | Fault::AuthEmptyHalf(_)
        | Fault::AuthNotBase64(_)
        | Fault::AuthUnpadded
        | Fault::AuthWithoutColon { encoded_twice: _ }
        | Fault::ClientOnlySettings
        | Fault::ControlCharacters { nul: _ }
        | Fault::CredentialsStripped
        | Fault::FieldNotString(_)
        | Fault::IncompleteCredentials { missing: _ }
        | Fault::InvalidJson(_)
        | Fault::MisplacedAuthsWrapper
        | Fault::MissingAuth
        | Fault::MissingAuthsWrapper { bare_entry: _ }
        | Fault::NoCredentials
        | Fault::NoRegistries
        | Fault::NotAnObject(_)
        | Fault::RegistriesDropped
        | Fault::RegistryDenied { listed: _ }
        | Fault::RegistryKeyDockerHub(_)
        | Fault::RegistryKeyHasCredentials
        | Fault::RegistryKeyInvalid(_)
        | Fault::RegistryKeyNeverMatches(_)
        | Fault::RegistryKeyWildcard
        | Fault::SurroundingWhitespace
        | Fault::TokenOnly
        | Fault::TooLargeToFix { would_be: _ }
        | Fault::UsernameHasColon => (),
    }
}
