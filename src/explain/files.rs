//! Pods, and what they refer to, in files: a dump of a cluster, or manifests.

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use regcred_engine::pull::{Cause, PullSecret, SecretFacts, Seen, explain};
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::asked::RegistryAnswers;
use super::objects::{Event, ObjectReference, Pod, Secret, ServiceAccount, Workload};
use super::pod::PodOrigin;
use super::surroundings::{ObjectName, Surroundings, namespace_or};
use super::workload::WorkloadKind;
use crate::manifest::content::Content;
use crate::manifest::file_error::InputError;
use crate::manifest::input::Input;
use crate::manifest::objects::{FileObject, FileObjects, objects};
use crate::manifest::walk::{Inputs, Selection};
use crate::report::explained::{ExplainReport, Explained, ExplainedObject, ExplainedPlace};
use crate::report::{Subject, Trouble, TroubleKind};

/// The objects of some files. It contains credentials: there is no `Debug`.
#[derive(Default)]
pub(crate) struct FileSurroundings {
    around: Surroundings,
    /// In their order.
    secrets: Vec<ObjectName>,
    pods: Vec<FoundPod>,
}

/// A Pod, or the template of one, and where it is.
struct FoundPod {
    namespace: String,
    pod: Pod,
    origin: PodOrigin,
    path: String,
    object: FileObject,
}

/// Explains the Pods in files. Objects without a namespace are in `namespace`.
///
/// # Errors
/// When the report cannot be written.
pub(crate) fn explain_files<W: Write + 'static>(
    paths: &[PathBuf],
    namespace: &str,
    now: Timestamp,
    mut asking: Option<RegistryAnswers<'_>>,
    report: &mut ExplainReport<W>,
) -> io::Result<()> {
    let read = FileSurroundings::read(paths, namespace, report)?;
    for found in &read.pods {
        found.explain(&read.around, now, asking.as_mut(), report)?;
    }
    Ok(())
}

impl FoundPod {
    fn explain<W: Write + 'static>(
        &self,
        around: &Surroundings,
        now: Timestamp,
        asking: Option<&mut RegistryAnswers<'_>>,
        report: &mut ExplainReport<W>,
    ) -> io::Result<()> {
        report.pod();
        let facts = self.pod.facts(&self.namespace, self.origin, around);
        let mut explanations = explain(&facts, now);
        if let Some(asking) = asking {
            asking.add(&facts, &mut explanations);
        }
        for explanation in explanations {
            if explanation.cause == Cause::None {
                continue;
            }
            let subject = ExplainedObject {
                kind: self.origin.kind(),
                namespace: self.namespace.clone(),
                name: self.pod.name().to_owned(),
            };
            let region = self.object.place_of(&explanation.image);
            let mut explained = Explained::of_container(subject, explanation);
            explained.place = Some(ExplainedPlace { path: self.path.clone(), region: Some(region) });
            report.explained(&explained)?;
        }
        Ok(())
    }
}

impl FileSurroundings {
    /// Reads files, folders and standard input.
    pub(crate) fn read<W: Write + 'static>(
        paths: &[PathBuf],
        namespace: &str,
        report: &mut ExplainReport<W>,
    ) -> io::Result<Self> {
        let mut read = FileSurroundings::default();
        let selection = Selection::new(&[], false, false).map_err(io::Error::other)?;
        for found in Inputs::new(paths, &selection) {
            match found {
                Ok(input) if input.counts() => read.input(&input, namespace, report)?,
                Ok(_) => {}
                Err((path, error)) => unreadable(&Input::File(path).shown(), &error, report)?,
            }
        }
        Ok(read)
    }

    fn input<W: Write + 'static>(
        &mut self,
        input: &Input,
        namespace: &str,
        report: &mut ExplainReport<W>,
    ) -> io::Result<()> {
        let path = input.shown();
        let bytes = match input.read() {
            Ok(bytes) => bytes,
            Err(error) => return unreadable(&path, &error, report),
        };
        let content = Content::new(&bytes);
        match objects(&path, &content, report.language()) {
            FileObjects::DockerConfig => {
                let secret_type = SecretType::DockerConfigJson.name().to_owned();
                let seen =
                    Seen::Present(SecretFacts { secret_type, document: Some(content.bytes().to_vec()) });
                self.secret(ObjectName::new(namespace, &path), seen);
            }
            FileObjects::Objects(found, troubles) => {
                for trouble in &troubles {
                    report.trouble(trouble)?;
                }
                for object in found {
                    if self.object(object, namespace, &path).is_err() {
                        let message = Bilingual::new(
                            "an object in this file does not have the fields of its kind",
                            "该文件中有对象的字段与其 kind 不符",
                        );
                        report.trouble(&trouble(&path, message.into_line(report.language())))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds an object, if it is of a kind that counts.
    fn object(
        &mut self,
        mut object: FileObject,
        default_namespace: &str,
        path: &str,
    ) -> Result<(), NotOfItsKind> {
        let text = |name: &str| object.value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let value = object.value.take();
        let namespace = |named: &str| namespace_or(named, default_namespace).to_owned();
        if let Some(kind) = WorkloadKind::of(&version, &kind) {
            let workload: Workload = read(value)?;
            // What a cluster has made Pods of is explained by those.
            if workload.metadata.uid.is_empty() {
                let namespace = namespace(&workload.metadata.namespace);
                let (pod, origin) = (workload.into_template(), PodOrigin::Template(kind));
                self.pods.push(FoundPod { namespace, pod, origin, path: path.to_owned(), object });
            }
            return Ok(());
        }
        match (version.as_str(), kind.as_str()) {
            ("v1", "Pod") => {
                let pod: Pod = read(value)?;
                let namespace = namespace(&pod.metadata.namespace);
                let is_created = pod.status.as_ref().is_some_and(|status| !status.phase.is_empty());
                let origin = if is_created { PodOrigin::Created } else { PodOrigin::Manifest };
                self.pods.push(FoundPod { namespace, pod, origin, path: path.to_owned(), object });
            }
            ("v1", "Secret") => {
                let secret: Secret = read(value)?;
                let name = ObjectName::new(&namespace(&secret.metadata.namespace), &secret.metadata.name);
                self.secret(name, secret.seen());
            }
            ("v1", "ServiceAccount") => {
                let account: ServiceAccount = read(value)?;
                let name = ObjectName::new(&namespace(&account.metadata.namespace), &account.metadata.name);
                self.around.add_account(name, account);
            }
            ("v1", "Node") => self.around.add_node(read(value)?),
            ("v1" | "events.k8s.io/v1", "Event") => {
                let event: Event = read(value)?;
                if event.involved_object.kind == "Pod" {
                    let namespace = namespace(&event.involved_object.namespace);
                    self.around.add_event(&namespace, event);
                }
            }
            // A controller makes a Secret of the same name of it, unless it names another.
            ("bitnami.com/v1alpha1", "SealedSecret")
            | ("external-secrets.io/v1" | "external-secrets.io/v1beta1", "ExternalSecret") => {
                let named = |pointer| value.pointer(pointer).and_then(Value::as_str);
                let pointers = ["/spec/target/name", "/spec/template/metadata/name", "/metadata/name"];
                let name = pointers.into_iter().find_map(named).unwrap_or_default();
                let namespace = namespace(named("/metadata/namespace").unwrap_or_default());
                self.around.add_secret(ObjectName::new(&namespace, name), Seen::Unknown);
            }
            _ => {}
        }
        Ok(())
    }

    /// All pull Secrets, in their order.
    pub(crate) fn pull_secrets(&self) -> Vec<PullSecret> {
        let secret = |name: &ObjectName| {
            let names = [ObjectReference { name: name.name.clone() }];
            self.around.pull_secrets(&name.namespace, &names)
        };
        self.secrets.iter().flat_map(secret).collect()
    }

    fn secret(&mut self, name: ObjectName, seen: Seen) {
        self.secrets.push(name.clone());
        self.around.add_secret(name, seen);
    }
}

/// An object without the fields of its kind. The parser's message is not passed on, because it can quote its input.
struct NotOfItsKind;

fn read<T: DeserializeOwned>(value: Value) -> Result<T, NotOfItsKind> {
    serde_json::from_value(value).map_err(|_| NotOfItsKind)
}

fn trouble(path: &str, message: String) -> Trouble {
    let subject = Some(Subject::File { path: path.to_owned(), object: None });
    Trouble { kind: TroubleKind::Unreadable, subject, region: None, message }
}

fn unreadable<W: Write + 'static>(
    path: &str,
    error: &InputError,
    report: &mut ExplainReport<W>,
) -> io::Result<()> {
    report.trouble(&trouble(path, error.message().into_line(report.language())))
}
