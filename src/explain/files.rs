//! Pods, and what they refer to, in files: a dump of a cluster, or manifests.

use std::io::{self, Write};

use regcred_engine::pull::{PullSecret, SecretFacts, Seen};
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::objects::{Event, ObjectReference, Pod, Secret, ServiceAccount, Workload};
use super::pod::PodOrigin;
use super::surroundings::{ObjectName, Surroundings, namespace_or};
use super::workload::WorkloadKind;
use crate::manifest::content::Content;
use crate::manifest::objects::{FileObject, FileObjects, objects};
use crate::report::explained::ExplainReport;
use crate::report::{Subject, Trouble, TroubleKind};

/// The objects of some files. It contains credentials: there is no `Debug`.
#[derive(Default)]
pub(crate) struct FileSurroundings {
    pub(crate) around: Surroundings,
    /// In their order.
    secrets: Vec<ObjectName>,
    pub(crate) pods: Vec<FoundPod>,
}

/// A Pod, or the template of one, and where it is.
pub(crate) struct FoundPod {
    pub(crate) namespace: String,
    pub(crate) pod: Pod,
    pub(crate) origin: PodOrigin,
    pub(crate) path: String,
    pub(crate) object: FileObject,
}

impl FileSurroundings {
    /// Adds the objects of a file. Objects without a namespace are in `namespace`.
    pub(crate) fn add<W: Write + 'static>(
        &mut self,
        path: &str,
        content: &Content<'_>,
        namespace: &str,
        report: &mut ExplainReport<W>,
    ) -> io::Result<()> {
        match objects(path, content, report.language()) {
            FileObjects::DockerConfig => {
                let secret_type = SecretType::DockerConfigJson.name().to_owned();
                let seen =
                    Seen::Present(SecretFacts { secret_type, document: Some(content.bytes().to_vec()) });
                self.secret(ObjectName::new(namespace, path), seen);
            }
            FileObjects::Objects(found, troubles) => {
                for trouble in &troubles {
                    report.trouble(trouble)?;
                }
                for object in found {
                    if self.object(object, namespace, path).is_err() {
                        let message = Bilingual::new(
                            "an object in this file does not have the fields of its kind",
                            "该文件中有对象的字段与其 kind 不符",
                        );
                        report.trouble(&unreadable(path, message.into_line(report.language())))?;
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

/// Says that something in a file cannot be read.
pub(crate) fn unreadable(path: &str, message: String) -> Trouble {
    let subject = Some(Subject::File { path: path.to_owned(), object: None });
    Trouble { kind: TroubleKind::Unreadable, subject, region: None, message }
}
