//! A pull Secret in a file, or what makes one, and where its document is.

use std::ops::Range;

use regcred_engine::policy::Language;
use regcred_engine::secret::SecretType;
use regcred_engine::shape;
use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

use super::elsewhere::{credential_helper, unfilled_entries};
use super::placeholder::Tools;
use super::scalar::{Map, Style};
use crate::report::Object;

/// What makes a Secret of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The Secret itself.
    Secret,
    /// A file that is a Docker config itself.
    DockerConfig,
    /// A Docker config that was read only because a kustomization lists it.
    ListedFile,
    /// A literal of a kustomize `secretGenerator`.
    Generator,
    /// An object of another kind, with a template for a Secret.
    Template(TemplateKind),
}

impl Origin {
    /// Says that a finding is about a template, if it is.
    pub(super) fn notes(self, language: Language) -> Vec<String> {
        match self {
            Origin::Template(kind) => vec![kind.note().into_line(language)],
            Origin::Secret | Origin::DockerConfig | Origin::ListedFile | Origin::Generator => Vec::new(),
        }
    }
}

/// The kinds of object with a template for a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "these are the names of the kinds")]
pub(super) enum TemplateKind {
    ExternalSecret,
    ClusterExternalSecret,
    SealedSecret,
}

impl TemplateKind {
    const fn name(self) -> &'static str {
        match self {
            TemplateKind::ExternalSecret => "ExternalSecret",
            TemplateKind::ClusterExternalSecret => "ClusterExternalSecret",
            TemplateKind::SealedSecret => "SealedSecret",
        }
    }

    /// Says that a finding is about the template.
    fn note(self) -> Bilingual<String> {
        let kind = self.name();
        Bilingual {
            english: format!("This is about the template of a Secret in this {kind}; correct it there."),
            chinese: format!("这里说的是该 {kind} 中的 Secret 模板，请在模板中修改。"),
        }
    }
}

/// A document that is judged, of a Secret or of something that makes one. It contains credentials: there is no `Debug`.
pub(super) struct PullSecret {
    pub(super) origin: Origin,
    /// `None` for a Docker config.
    pub(super) object: Option<Object>,
    pub(super) secret_type: SecretType,
    pub(super) document: Zeroizing<Vec<u8>>,
    /// The size of all of its data, decoded; 0 if it is not known.
    pub(super) data_bytes: usize,
    pub(super) place: DocumentPlace,
    /// The entries whose credentials or key are filled in later, which only happens to plain text.
    pub(super) unfilled: Vec<Range<usize>>,
    /// Where a Docker config names a credential helper.
    pub(super) helper: Option<usize>,
}

impl PullSecret {
    pub(super) fn new(
        origin: Origin,
        secret_type: SecretType,
        document: Zeroizing<Vec<u8>>,
        place: DocumentPlace,
    ) -> Self {
        let unfilled = match place.writing {
            Writing::Plain(_) => unfilled_entries(&document, secret_type),
            Writing::Base64 => Vec::new(),
        };
        let helper =
            (origin == Origin::DockerConfig).then(|| credential_helper(&document, secret_type)).flatten();
        PullSecret { origin, object: None, secret_type, document, data_bytes: 0, place, unfilled, helper }
    }

    /// Whether a byte of the document is in an entry that is filled in later.
    pub(super) fn is_unfilled(&self, offset: usize) -> bool {
        // They are in the order of the document.
        let next = self.unfilled.partition_point(|entry| entry.end <= offset);
        self.unfilled.get(next).is_some_and(|entry| entry.contains(&offset))
    }
}

/// Where the document is in the file.
pub(super) struct DocumentPlace {
    /// The field with the document, such as `stringData[.dockerconfigjson]`; empty if the file is the document.
    pub(super) holder: String,
    /// The name of the data key.
    pub(super) key: Range<usize>,
    /// The text with the document.
    pub(super) value: Range<usize>,
    pub(super) style: Style,
    pub(super) writing: Writing,
    /// The text also belongs to something else.
    pub(super) shared: bool,
    /// The file is in a checksum of sops.
    pub(super) sealed: bool,
}

/// How a document is written.
pub(super) enum Writing {
    /// In plain text, with a map if the way it is written is known.
    Plain(Option<Map>),
    Base64,
}

impl Writing {
    /// Which tools may fill in a document that is written in this way.
    pub(super) fn tools(&self) -> Tools {
        match self {
            Writing::Plain(_) => Tools::Any,
            Writing::Base64 => Tools::Vault,
        }
    }
}

/// A Secret, or something that makes one, whose type or data keys are not those of a pull Secret.
pub(super) struct Misshapen {
    pub(super) origin: Origin,
    pub(super) object: Option<Object>,
    pub(super) shape: shape::Misshapen,
    /// Where in the file: the type, or a data key.
    pub(super) place: Range<usize>,
    /// The field that it is about, such as `type`.
    pub(super) field: String,
}
