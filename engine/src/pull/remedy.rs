//! Commands that fix a cause. They can be pasted into a shell as they are: every name in them has been checked, and only
//! words in capitals are left for the user to fill in. Without a name that can be used safely there is no command.

use std::borrow::Cow;

use super::cause::Cause;
use super::facts::{ContainerFacts, ContainerKind, PodFacts};
use super::near::Relation;
use super::ring::{Reason, Why};
use crate::consumers::ImageRef;
use crate::registry::{Key, RegistryKey};
use crate::secret::SecretType;

/// What the commands are about.
pub(super) struct Remedy<'r> {
    pub(super) pod: &'r PodFacts,
    pub(super) container: &'r ContainerFacts,
    pub(super) image: &'r str,
    /// The Secret that is closest to credentials, and why it gives none.
    pub(super) closest: Option<&'r Reason<'r>>,
    /// The Secret whose credentials are used first, and whether it has no other entry.
    pub(super) used: Option<(&'r str, bool)>,
    /// The Secret of the service account that would fit.
    pub(super) account_secret: Option<&'r str>,
    /// The Secret that the kubelet cannot read, and the registry of the entry.
    pub(super) malformed: Option<(&'r str, Option<&'r RegistryKey<'static>>)>,
}

/// The parts of a command that are names; `None` if they are no valid ones.
struct Names<'r> {
    namespace: &'r str,
    pod: &'r str,
    workload: Option<&'r str>,
}

impl Names<'_> {
    /// A copy of a Secret of another namespace or of the wrong type.
    fn copied(&self, secret: &str, from: &str, apply: &str) -> String {
        format!(
            "kubectl -n {from} get secret {secret} -o jsonpath='{{.data.\\.dockerconfigjson}}' | base64 -d | \
             regcred create {secret} --namespace {} --from-docker-config - | {apply}",
            self.namespace
        )
    }

    fn add_to_pod(&self, secret: &str) -> String {
        self.change_pod(&format!("{{\"imagePullSecrets\":[{{\"name\":\"{secret}\"}}]}}"))
    }

    /// Changes the spec of the Pod, in its workload if it has one. What is changed cannot be changed in a Pod.
    fn change_pod(&self, spec: &str) -> String {
        let Names { namespace, pod, workload } = self;
        match workload {
            Some(workload) => {
                format!(
                    "kubectl -n {namespace} patch {workload} -p '{{\"spec\":{{\"template\":{{\"spec\":{spec}}}}}}}'"
                )
            }
            None => format!(
                "kubectl -n {namespace} get pod {pod} -o json | \
                 kubectl patch --local -f - -p '{{\"spec\":{spec}}}' -o json | kubectl replace --force -f -"
            ),
        }
    }
}

impl Remedy<'_> {
    /// The commands, in the order in which to run them.
    pub(super) fn commands(&self, cause: Cause) -> Vec<String> {
        self.names().and_then(|names| self.of_cause(cause, &names)).unwrap_or_default()
    }

    fn names(&self) -> Option<Names<'_>> {
        let workload = self.pod.workload.as_deref();
        Some(Names {
            namespace: name(&self.pod.namespace)?,
            pod: name(&self.pod.name)?,
            workload: workload
                .filter(|it| it.split_once('/').is_some_and(|(kind, it)| is_name(kind) && is_name(it))),
        })
    }

    fn of_cause(&self, cause: Cause, names: &Names<'_>) -> Option<Vec<String>> {
        let Names { namespace, .. } = names;
        Some(match cause {
            Cause::NoPullSecret => {
                let secret = self.new_secret();
                let account = self.pod.service_account.as_ref().and_then(|account| name(&account.name));
                let account = account.unwrap_or("SERVICE_ACCOUNT");
                let mut commands = vec![self.create(&secret, names, "kubectl apply -f -")?];
                commands.push(format!(
                    "kubectl -n {namespace} patch serviceaccount {account} -p '{{\"imagePullSecrets\":[{{\"name\":\"{secret}\"}}]}}'"
                ));
                commands.extend(self.restart(names));
                commands
            }
            Cause::SecretMissing => {
                vec![self.create(name(self.closest?.secret)?, names, "kubectl apply -f -")?]
            }
            Cause::SecretInOtherNamespace => {
                let Reason { secret, why: Why::Elsewhere(namespaces), .. } = self.closest? else {
                    return None;
                };
                // Secrets of one name can be for different registries.
                let from = match *namespaces {
                    [only] => name(only)?,
                    _ => "NAMESPACE",
                };
                vec![names.copied(name(secret)?, from, "kubectl apply -f -")]
            }
            Cause::ServiceAccountSecretNotUsed => {
                if self.pod.pull_secrets.iter().all(|secret| secret.name.is_empty()) {
                    self.restart(names).into_iter().collect()
                } else {
                    vec![names.add_to_pod(name(self.account_secret?)?)]
                }
            }
            Cause::WrongSecretType => self.of_wrong_type(names)?,
            Cause::SecretMalformed => self.of_malformed(names)?,
            Cause::NoMatchingEntry => self.of_no_entry(names)?,
            Cause::CredentialsRefused | Cause::CredentialsExpired => {
                let (secret, is_sole) = self.used?;
                let secret = name(secret)?;
                let create = is_sole.then(|| self.create(secret, names, "kubectl apply -f -")).flatten();
                self.verify(secret, names).into_iter().chain(create).collect()
            }
            Cause::NoPermission => vec![self.verify(name(self.used?.0)?, names)?],
            Cause::NotFound => vec![self.set_image(&format!("{}:TAG", self.repository()?), names)?],
            Cause::InvalidImageName => vec![self.set_image("IMAGE", names)?],
            Cause::ShortName => vec![self.set_image(&self.full_image()?, names)?],
            Cause::RateLimited if self.used.is_none() => {
                return self.of_cause(Cause::NoPullSecret, names).filter(|_| self.closest.is_none());
            }
            Cause::NeverPull => {
                vec![names.change_pod(&self.of_container("\"imagePullPolicy\":\"IfNotPresent\"")?)]
            }
            Cause::Architecture => vec!["kubectl get nodes -L kubernetes.io/arch".to_owned()],
            Cause::Undecided if !self.pod.is_template => vec![format!(
                "kubectl -n {namespace} get pod {} -o jsonpath='{{..waiting.message}}{{\"\\n\"}}'",
                names.pod
            )],
            _ => Vec::new(),
        })
    }

    fn of_wrong_type(&self, names: &Names<'_>) -> Option<Vec<String>> {
        let Reason { secret, why: Why::WrongType { fits, form, .. }, .. } = self.closest? else {
            return None;
        };
        let secret = name(secret)?;
        // The type of a Secret cannot be changed.
        let replace = "kubectl replace --force -f -";
        Some(vec![if *fits && *form == Some(SecretType::DockerConfigJson) {
            names.copied(secret, names.namespace, replace)
        } else {
            self.create(secret, names, replace)?
        }])
    }

    fn of_malformed(&self, names: &Names<'_>) -> Option<Vec<String>> {
        let (secret, key) = self.malformed?;
        let secret = name(secret)?;
        let namespace = names.namespace;
        let check = format!("kubectl -n {namespace} get secret {secret} -o yaml | regcred check -");
        let host = key.and_then(|key| safe_host(key.as_written()));
        let create = match host {
            Some(host) => create_for(
                &format!("--registry {}", shell(&host)),
                secret,
                namespace,
                "kubectl replace --force -f -",
            ),
            None => self.create(secret, names, "kubectl replace --force -f -")?,
        };
        Some(vec![check, create])
    }

    fn of_no_entry(&self, names: &Names<'_>) -> Option<Vec<String>> {
        // What could not be read may be right, and what is right now is used at the next pull.
        if self.used.is_some() || matches!(self.closest, Some(Reason { why: Why::Unknown, .. })) {
            return None;
        }
        if let Some(Reason { why: Why::Near(near), .. }) = self.closest
            && near.relation == Relation::ImageHasCapitals
        {
            let (host, path) = self.image.split_once('/')?;
            return Some(vec![self.set_image(&format!("{}/{path}", host.to_ascii_lowercase()), names)?]);
        }
        // The Secret can be written again under its name if it has no entry that an image could use.
        let is_useless = |reason: &&Reason<'_>| match &reason.why {
            Why::NoEntries(_) | Why::NoDocument(_) => true,
            Why::Incomplete(_) => reason.entries == 1,
            Why::Near(near) => {
                reason.entries == 1 && matches!(near.relation, Relation::NeverFound(_) | Relation::DockerHub)
            }
            _ => false,
        };
        if let Some(reason) = self.closest.filter(is_useless) {
            return Some(vec![self.create(name(reason.secret)?, names, "kubectl apply -f -")?]);
        }
        // A Secret of its own: one that exists can have entries for other images.
        let secret = self.new_secret();
        Some(vec![self.create(&secret, names, "kubectl apply -f -")?, names.add_to_pod(&secret)])
    }

    /// A name for a new Secret that neither the Pod nor its service account uses.
    fn new_secret(&self) -> Cow<'static, str> {
        let of_account = self.pod.service_account.iter().flat_map(|account| &account.pull_secrets);
        let mut taken = self.pod.pull_secrets.iter().chain(of_account);
        if taken.all(|secret| secret.name != "regcred") {
            return Cow::Borrowed("regcred");
        }
        let host =
            ImageRef::parse(self.image).map(|image| image.host().to_ascii_lowercase()).unwrap_or_default();
        let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
        let host: String = host.chars().map(plain).take(200).collect();
        Cow::Owned(format!("regcred-{}", host.trim_matches('-')).trim_end_matches('-').to_owned())
    }

    /// `regcred create` for the registry of the image.
    fn create(&self, secret: &str, names: &Names<'_>, apply: &str) -> Option<String> {
        let image = ImageRef::parse(self.image)?;
        let registry = if image.domain().is_empty() {
            format!("--registry {}", shell(&safe_host(image.host())?))
        } else {
            format!("--image {}", shell(safe_image(self.image)?))
        };
        Some(create_for(&registry, secret, names.namespace, apply))
    }

    fn verify(&self, secret: &str, names: &Names<'_>) -> Option<String> {
        let image = shell(safe_image(self.image)?);
        Some(format!("regcred verify {secret} --namespace {} --image {image}", names.namespace))
    }

    /// Makes the Pod again, so that it gets what its service account lists now.
    fn restart(&self, names: &Names<'_>) -> Option<String> {
        let Names { namespace, pod, workload } = names;
        match workload {
            _ if self.pod.is_template => None,
            Some(workload) => Some(format!("kubectl -n {namespace} rollout restart {workload}")),
            None => {
                Some(format!("kubectl -n {namespace} get pod {pod} -o json | kubectl replace --force -f -"))
            }
        }
    }

    /// A change of the container in a spec.
    fn of_container(&self, change: &str) -> Option<String> {
        let list = match self.container.kind {
            ContainerKind::Container => "containers",
            ContainerKind::Init => "initContainers",
            ContainerKind::Ephemeral => return None,
        };
        let container = name(&self.container.name)?;
        Some(format!("{{\"{list}\":[{{\"name\":\"{container}\",{change}}}]}}"))
    }

    fn set_image(&self, image: &str, names: &Names<'_>) -> Option<String> {
        let Names { namespace, pod, workload } = names;
        if self.container.kind == ContainerKind::Ephemeral || self.image != self.container.image {
            return None;
        }
        let container = name(&self.container.name)?;
        let object = workload.map_or_else(|| format!("pod/{pod}"), str::to_owned);
        let image = shell(safe_image(image)?);
        Some(format!("kubectl -n {namespace} set image {object} {container}={image}"))
    }

    /// The image without tag and digest, as written.
    fn repository(&self) -> Option<&str> {
        let image = safe_image(self.image)?;
        let image = image.split_once('@').map_or(image, |(name, _)| name);
        let slash = image.rfind('/').map_or(0, |at| at + 1);
        let colon = image.get(slash..)?.find(':').map(|at| slash + at);
        colon.map_or(Some(image), |at| image.get(..at))
    }

    /// The image with its registry, Docker Hub's included.
    fn full_image(&self) -> Option<String> {
        let name = ImageRef::parse(self.image)?;
        let rest = self.image.get(self.repository()?.len()..)?;
        Some(format!("{name}{rest}"))
    }
}

fn create_for(registry: &str, secret: &str, namespace: &str, apply: &str) -> String {
    format!("regcred create {secret} --namespace {namespace} {registry} --username USERNAME | {apply}")
}

/// A name of an object, if it is a valid one.
fn name(text: &str) -> Option<&str> {
    is_name(text).then_some(text)
}

/// Whether a text is a DNS subdomain (RFC 1123), as all names of these objects are.
fn is_name(text: &str) -> bool {
    let is_end =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    bytes.len() <= 253 && is_end(bytes.first()) && is_end(bytes.last()) && bytes.iter().all(fits)
}

/// An image reference that is no option and has no character that a reference cannot have.
fn safe_image(image: &str) -> Option<&str> {
    let fits = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '+' | '[' | ']')
    };
    (!image.starts_with('-') && !image.is_empty() && image.len() <= 1_024 && image.chars().all(fits))
        .then_some(image)
}

/// The host and port of a registry key, if they are valid.
fn safe_host(key: &str) -> Option<String> {
    let host = Key::parse(key).into_host_and_port().into_owned();
    let is_valid = ImageRef::parse(&format!("{host}/x")).is_some_and(|image| image.domain() == host);
    (is_valid && safe_image(&host).is_some()).then_some(host)
}

/// An argument as a shell needs it. Brackets are a glob.
fn shell(argument: &str) -> Cow<'_, str> {
    if argument.contains(['[', ']']) { Cow::Owned(format!("'{argument}'")) } else { Cow::Borrowed(argument) }
}
