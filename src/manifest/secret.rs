//! A pull Secret in a file: its document, and where the document is.

use std::collections::BTreeMap;

use base64::Engine as _;
use regcred_engine::secret::{MAX_SECRET_BYTES, SecretType};
use regcred_engine::shape::{self, MeantKeySearch};
use zeroize::Zeroizing;

use super::placeholder::{Tools, is_json, is_placeholder_for_all};
use super::problem::{Problem, ProblemKind};
use super::pull_secret::{DocumentPlace, Misshapen, Origin, PullSecret, Writing};
use super::scalar::{Map, Style};
use super::tree::{Member, NodeData, NodeId, Tree};
use super::yaml::LINE_ENDS;
use crate::base64_engines::{GO_PADDED, decoded_len};

/// What was read of a Secret.
pub(super) enum Read {
    Secret(PullSecret),
    Misshapen(Misshapen),
}

/// A value of `data` or `stringData`.
struct Datum {
    field: &'static str,
    member: Member,
    bytes: usize,
}

/// Reads a Secret; `None` if it is not about registries. `stringData` overrides `data`, as in the API server.
pub(super) fn read(file: &str, tree: &Tree, id: NodeId, sealed: bool) -> Result<Option<Read>, Problem> {
    let members = tree.members(id).unwrap_or_default();
    let type_member = members.get("type");
    let type_name = type_member.and_then(|member| tree.text(member.value));
    let named_type = type_name.and_then(SecretType::from_name);
    let mut data: BTreeMap<&str, Datum> = BTreeMap::new();
    let mut nulls: Vec<(&str, Member)> = Vec::new();
    for field in ["data", "stringData"] {
        let Some(member) = members.get(field) else { continue };
        if is_null(tree, member.value) {
            continue;
        }
        let Some(inner) = tree.members(member.value) else {
            let offset = tree.span(member.key).start;
            return match named_type {
                Some(_) => Err(Problem::new(offset, ProblemKind::NotAMapping(field))),
                None => Ok(None),
            };
        };
        for (name, inner) in inner {
            if is_null(tree, inner.value) {
                // It counts as empty, and under `stringData` it empties what `data` has.
                if let Some(secret_type) = named_type
                    && name == secret_type.data_key()
                    && data.contains_key(name)
                {
                    let offset = tree.span(inner.key).start;
                    return Err(Problem::new(offset, ProblemKind::EmptiedByStringData(secret_type)));
                }
                data.remove(name);
                nulls.push((name, inner));
                continue;
            }
            let text = tree.text(inner.value).unwrap_or_default();
            let bytes =
                if field == "stringData" { text.len() } else { decoded_len(&without_line_breaks(text)) };
            let member = Member { shared: inner.shared || member.shared, ..inner };
            data.insert(name, Datum { field, member, bytes });
        }
    }
    let Some(secret_type) = named_type else {
        return Ok(wrong_type(tree, type_member, &data).map(Read::Misshapen));
    };
    let key = secret_type.data_key();
    let Some(datum) = data.get(key) else {
        if data.is_empty() && nulls.is_empty() {
            return Err(Problem::new(tree.span(id).start, ProblemKind::NoData(secret_type)));
        }
        let null = nulls.iter().find(|(name, _)| *name == key).map(|(_, member)| member.key);
        let present = data.values().map(|datum| datum.member.key);
        let place = null.or_else(|| present.chain(nulls.iter().map(|(_, member)| member.key)).next());
        let values = data.iter().map(|(name, datum)| (*name, decoded(tree, datum)));
        let field = if members.contains_key("data") { "data" } else { "stringData" };
        return Ok(Some(Read::Misshapen(Misshapen {
            origin: Origin::Secret,
            object: None,
            shape: missing_key(secret_type, values),
            place: place.map_or(0..0, |key| tree.span(key)),
            field: field.to_owned(),
        })));
    };
    let data_bytes = data.values().map(|datum| datum.bytes).sum();
    let secret = document(file, tree, datum, secret_type, sealed)?;
    Ok(Some(Read::Secret(PullSecret { data_bytes, ..secret })))
}

/// A Secret with these data keys, which lacks the one of its type. A value that is not known is `None`.
pub(super) fn missing_key<'k>(
    secret_type: SecretType,
    data: impl IntoIterator<Item = (&'k str, Option<Zeroizing<Vec<u8>>>)>,
) -> shape::Misshapen {
    let mut search = MeantKeySearch::new(secret_type);
    for (name, value) in data {
        search.consider(name, || value);
    }
    shape::Misshapen::MissingDataKey { secret_type, meant: search.found(), was_missing: false }
}

fn is_null(tree: &Tree, id: NodeId) -> bool {
    matches!(tree.resolve(id), Some((_, NodeData::Null, _)))
}

/// The value of a data key as the API server stores it.
fn decoded(tree: &Tree, datum: &Datum) -> Option<Zeroizing<Vec<u8>>> {
    let text = tree.text(datum.member.value)?;
    let bytes = match datum.field {
        "stringData" => Some(text.as_bytes().to_vec()),
        _ => GO_PADDED.decode(without_line_breaks(text)).ok(),
    };
    bytes.map(Zeroizing::new)
}

/// A Secret of another type, if it has the document of a pull Secret. A type that is filled in later is not judged.
fn wrong_type(tree: &Tree, member: Option<&Member>, data: &BTreeMap<&str, Datum>) -> Option<Misshapen> {
    let (secret_type, datum) =
        SecretType::ALL.into_iter().find_map(|known| Some((known, data.get(known.data_key())?)))?;
    let type_name = member.and_then(|member| tree.text(member.value)).unwrap_or_default();
    if is_filled_in_later(type_name) {
        return None;
    }
    let (place, field) = match member {
        Some(member) => (member.value, "type".to_owned()),
        None => (datum.member.key, format!("{}[{}]", datum.field, secret_type.data_key())),
    };
    Some(Misshapen {
        origin: Origin::Secret,
        object: None,
        shape: shape::Misshapen::WrongType(secret_type),
        place: tree.span(place),
        field,
    })
}

/// Whether something fills in a type later, or has encrypted it.
pub(super) fn is_filled_in_later(type_name: &str) -> bool {
    Tools::Any.fill_in(type_name) || is_placeholder_for_all(type_name) && !type_name.is_empty()
}

/// Reads the document of a Secret.
fn document(
    file: &str,
    tree: &Tree,
    datum: &Datum,
    secret_type: SecretType,
    sealed: bool,
) -> Result<PullSecret, Problem> {
    let Datum { field, member, .. } = datum;
    let problem = |kind| Problem::new(tree.span(member.key).start, kind);
    let Some((node, NodeData::Scalar(scalar), _)) = tree.resolve(member.value) else {
        return Err(problem(ProblemKind::NotText(field, secret_type)));
    };
    if sealed && scalar.text.starts_with("ENC[") {
        return Err(problem(ProblemKind::Encrypted));
    }
    let value = tree.span(node);
    let source = file.get(value.clone()).unwrap_or_default();
    if scalar.style != Style::Json && source.contains(LINE_ENDS) {
        return Err(problem(ProblemKind::UnescapedLineEnd));
    }
    if is_placeholder_for_all(&scalar.text) {
        return Err(problem(ProblemKind::Placeholder));
    }
    let (document, writing) = if *field == "stringData" {
        let map = Map::new(file, &value, scalar.style, &scalar.text);
        (scalar.text.clone().into_bytes(), Writing::Plain(map))
    } else {
        let letters = without_line_breaks(&scalar.text);
        let document = GO_PADDED.decode(&letters).map_err(|_| {
            let without_blanks = letters.replace([' ', '\t'], "");
            problem(if Tools::Any.fill_in(&scalar.text) {
                ProblemKind::Placeholder
            } else if without_blanks.len() < letters.len() && GO_PADDED.decode(without_blanks).is_ok() {
                ProblemKind::SpaceInBase64(secret_type)
            } else {
                ProblemKind::NotBase64(secret_type)
            })
        })?;
        (document, Writing::Base64)
    };
    let document = Zeroizing::new(document);
    if document.len() > MAX_SECRET_BYTES {
        return Err(problem(ProblemKind::TooLarge));
    }
    // A document that becomes JSON when a template in it is filled in is not invalid JSON.
    if let Ok(text) = std::str::from_utf8(&document)
        && !is_json(text)
        && writing.tools().may_make_json_of(text)
    {
        return Err(problem(ProblemKind::Placeholder));
    }
    let place = DocumentPlace {
        holder: format!("{field}[{}]", secret_type.data_key()),
        key: tree.span(member.key),
        value,
        style: scalar.style,
        writing,
        shared: member.shared,
        sealed,
    };
    Ok(PullSecret::new(Origin::Secret, secret_type, document, place))
}

/// Go's decoder ignores line breaks.
fn without_line_breaks(base64: &str) -> String {
    base64.replace(['\r', '\n'], "")
}
