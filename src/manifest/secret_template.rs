//! Objects with a template for a Secret: `ExternalSecret` and `ClusterExternalSecret` (external-secrets.io) and
//! `SealedSecret` (bitnami.com).
//!
//! The document of such a template is a Go template. What is written in it as plain text is judged; what the controller
//! fills in is not.

use regcred_engine::secret::SecretType;
use regcred_engine::shape;
use zeroize::Zeroizing;

use super::file_contents::FileContents;
use super::placeholder::is_placeholder_for_all;
use super::pull_secret::{DocumentPlace, Misshapen, Origin, PullSecret, TemplateKind, Writing};
use super::scalar::Map;
use super::secret::{is_filled_in_later, missing_key};
use super::tree::{Member, NodeData, NodeId, Tree};
use crate::report::Object;

/// Returns which of the kinds an object is.
pub(super) fn kind(version: Option<&str>, kind: Option<&str>) -> Option<TemplateKind> {
    let (group, _) = version?.split_once('/')?;
    match (group, kind?) {
        ("external-secrets.io", "ExternalSecret") => Some(TemplateKind::ExternalSecret),
        ("external-secrets.io", "ClusterExternalSecret") => Some(TemplateKind::ClusterExternalSecret),
        ("bitnami.com", "SealedSecret") => Some(TemplateKind::SealedSecret),
        _ => None,
    }
}

/// Reads the template of an object.
pub(super) fn read(
    file: &str,
    tree: &Tree,
    id: NodeId,
    kind: TemplateKind,
    object: Object,
    contents: &mut FileContents,
) {
    let at = |path: &[&str]| member(tree, id, path);
    let (spec, template): (&[&str], &[&str]) = match kind {
        TemplateKind::ExternalSecret => (&["spec"], &["spec", "target", "template"]),
        TemplateKind::ClusterExternalSecret => {
            (&["spec", "externalSecretSpec"], &["spec", "externalSecretSpec", "target", "template"])
        }
        TemplateKind::SealedSecret => (&["spec"], &["spec", "template"]),
    };
    let below = |parent: &[&'static str], name: &'static str| at(&[parent, &[name]].concat());
    let template_data = below(template, "data");
    let keys = match kind {
        TemplateKind::SealedSecret => {
            let sealed = below(spec, "encryptedData");
            let keys = [sealed, template_data].into_iter().flatten().flat_map(|data| names(tree, &data));
            Keys { known: keys.collect(), are_all: sealed.is_some() }
        }
        TemplateKind::ExternalSecret | TemplateKind::ClusterExternalSecret => {
            let target = spec.iter().chain(&["target"]).copied().collect::<Vec<_>>();
            let text = |parent: &[&str], name: &str| {
                let path: Vec<_> = parent.iter().copied().chain([name]).collect();
                at(&path).and_then(|member| tree.text(member.value))
            };
            if matches!(text(&target, "creationPolicy"), Some("Merge" | "None")) {
                // The Secret is somebody else's, and has its own type.
                return;
            }
            external_keys(
                tree,
                template_data,
                below(spec, "data"),
                &Unseen {
                    in_template: below(template, "templateFrom").is_some()
                        || text(template, "mergePolicy") == Some("Merge"),
                    in_source: below(spec, "dataFrom").is_some(),
                },
            )
        }
    };
    let type_member = below(template, "type");
    let type_name = type_member.and_then(|member| tree.text(member.value)).unwrap_or_default();
    if is_filled_in_later(type_name) {
        return;
    }
    let field = template.join(".");
    let misshapen = match SecretType::from_name(type_name) {
        None => keys.document().map(|(meant, key)| {
            let place = type_member.map_or(key, |member| member.value);
            (shape::Misshapen::WrongType(meant), place, format!("{field}.type"))
        }),
        Some(secret_type) => {
            let has_key = keys.known.iter().any(|(name, _)| *name == secret_type.data_key());
            keys.known.first().filter(|_| keys.are_all && !has_key).map(|(_, key)| {
                let names = keys.known.iter().map(|(name, _)| (*name, None));
                (missing_key(secret_type, names), *key, field.clone())
            })
        }
    };
    if let Some((shape, place, field)) = misshapen {
        let origin = Origin::Template(kind);
        contents.misshapen.push(Misshapen {
            origin,
            object: Some(object),
            shape,
            place: tree.span(place),
            field,
        });
        return;
    }
    let secret_type = SecretType::from_name(type_name);
    let document = secret_type.and_then(|secret_type| {
        let data = tree.members(template_data?.value)?;
        let member = data.get(secret_type.data_key())?;
        document(file, tree, member, secret_type, kind, &field)
    });
    if let Some(secret) = document {
        contents.secrets.push(PullSecret { object: Some(object), ..secret });
    }
}

fn member(tree: &Tree, id: NodeId, path: &[&str]) -> Option<Member> {
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(id, |id, name| Some(tree.members(id)?.get(name)?.value))?;
    tree.members(parent)?.get(last).copied()
}

/// The data keys of the Secret that a template makes.
struct Keys<'t> {
    /// Each with its place.
    known: Vec<(&'t str, NodeId)>,
    /// There are no others.
    are_all: bool,
}

impl Keys<'_> {
    /// The key of a document, and the type that has it.
    fn document(&self) -> Option<(SecretType, NodeId)> {
        SecretType::ALL.into_iter().find_map(|known| {
            let (_, place) = self.known.iter().find(|(name, _)| *name == known.data_key())?;
            Some((known, *place))
        })
    }
}

fn names<'t>(tree: &'t Tree, data: &Member) -> Vec<(&'t str, NodeId)> {
    let members = tree.members(data.value).unwrap_or_default();
    let is_set = |member: &Member| !matches!(tree.resolve(member.value), Some((_, NodeData::Null, _)));
    members
        .into_iter()
        .filter(|(_, member)| is_set(member))
        .map(|(name, member)| (name, member.key))
        .collect()
}

/// Whether an `ExternalSecret` has data keys that the file does not show.
struct Unseen {
    in_template: bool,
    in_source: bool,
}

/// The keys of an `ExternalSecret`: those of its template, or those that it fetches if the template has no data.
fn external_keys<'t>(
    tree: &'t Tree,
    template: Option<Member>,
    source: Option<Member>,
    unseen: &Unseen,
) -> Keys<'t> {
    if let Some(template) = template {
        return Keys { known: names(tree, &template), are_all: !unseen.in_template };
    }
    let items = source.and_then(|source| match tree.resolve(source.value) {
        Some((_, NodeData::List(items), _)) => Some(items.as_slice()),
        _ => None,
    });
    let keys = items.unwrap_or_default().iter().filter_map(|item| {
        let key = tree.members(*item)?.get("secretKey")?.value;
        Some((tree.text(key)?, key))
    });
    Keys { known: keys.collect(), are_all: !unseen.in_template && !unseen.in_source }
}

/// Reads the document in a template; `None` if what it shows cannot be judged.
fn document(
    file: &str,
    tree: &Tree,
    member: &Member,
    secret_type: SecretType,
    kind: TemplateKind,
    field: &str,
) -> Option<PullSecret> {
    let (node, NodeData::Scalar(scalar), _) = tree.resolve(member.value)? else { return None };
    if is_placeholder_for_all(&scalar.text) {
        return None;
    }
    let document = without_actions(&scalar.text)?;
    let value = tree.span(node);
    let writing = Writing::Plain(Map::new(file, &value, scalar.style, &scalar.text));
    let place = DocumentPlace {
        holder: format!("{field}.data[{}]", secret_type.data_key()),
        key: tree.span(member.key),
        value,
        style: scalar.style,
        writing,
        shared: member.shared,
        sealed: false,
    };
    Some(PullSecret::new(Origin::Template(kind), secret_type, Zeroizing::new(document.into_bytes()), place))
}

/// Functions and verbs whose result has its own quotation marks.
const QUOTING: [&str; 5] = ["toJson", "toRawJson", "mustToJson", "quote", "%q"];

/// Replaces each action of a Go template (`{{ … }}`) in a document by a placeholder of the same length, so that every other
/// byte stays where it is. Returns `None` if it is not known what an action becomes: if one outside of strings neither
/// quotes its result nor is the whole value of a credential.
fn without_actions(text: &str) -> Option<String> {
    let mut replaced = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while let Some(c) = rest.chars().next() {
        if let Some(action) = action(rest) {
            let after = rest.get(action.len()..)?;
            let is_quoted = QUOTING.iter().any(|name| action.contains(name));
            if !in_string && !is_quoted && !is_value_of_credential(&replaced, after) {
                return None;
            }
            let (open, close) = if !in_string && is_quoted { ("\"{{", "}}\"") } else { ("{{", "}}") };
            replaced.push_str(open);
            replaced.extend(std::iter::repeat_n('x', action.len().saturating_sub(open.len() + close.len())));
            replaced.push_str(close);
            rest = after;
            continue;
        }
        in_string ^= c == '"';
        let escaped = rest.chars().nth(1).filter(|_| in_string && c == '\\');
        let (piece, after) = rest.split_at_checked(c.len_utf8() + escaped.map_or(0, char::len_utf8))?;
        replaced.push_str(piece);
        rest = after;
    }
    (replaced.len() == text.len()).then_some(replaced)
}

/// The action that a text begins with. Strings in it can contain braces.
fn action(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?;
    let mut quote: Option<char> = None;
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some('"') if c == '\\' => drop(chars.next()),
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if inner.get(at..)?.starts_with("}}") => return text.get(..2 + at + 2),
            Some(_) | None => {}
        }
    }
    None
}

/// Whether what is between these texts is the whole value of a username, password or `auth`, which is not JSON without
/// quotation marks.
fn is_value_of_credential(before: &str, after: &str) -> bool {
    let name = before.trim_end().strip_suffix(':').map(str::trim_end);
    let is_credential = name.is_some_and(|name| {
        ["\"username\"", "\"password\"", "\"auth\""].iter().any(|known| name.ends_with(known))
    });
    is_credential && after.trim_start().starts_with([',', '}'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::placeholder::is_json;

    #[test]
    fn actions_become_placeholders_of_the_same_length() {
        for (template, document) in [
            (r#"{"a":"{{ .a }}"}"#, r#"{"a":"{{xxxx}}"}"#),
            (
                r#"{"a":"{{ printf "%s:%s" .a .b | b64enc }}"}"#,
                r#"{"a":"{{xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}}"}"#,
            ),
            (r#"{"a":{{ .a | toJson }}}"#, r#"{"a":"{{xxxxxxxxxxx}}"}"#),
            (r#"{"a":"x{{ "}}" }}y"}"#, r#"{"a":"x{{xxxxxx}}y"}"#),
            (r#"{"password":{{ .a }}}"#, r#"{"password":{{xxxx}}}"#),
        ] {
            let replaced = without_actions(template);
            assert_eq!(replaced.as_deref(), Some(document), "{template}");
            assert_eq!(is_json(document), !template.starts_with(r#"{"password""#), "{template}");
        }
        for template in
            [r#"{"auths":{{ .a }}}"#, "{{ range .a }}{}{{ end }}", r#"{"password":{{ .a }}{{ .b }}}"#]
        {
            assert_eq!(without_actions(template), None, "{template}");
        }
    }
}
