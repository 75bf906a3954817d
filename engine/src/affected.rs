//! What the consumers make of a finding, computed from their models for the document at hand.

use crate::bilingual::Bilingual;
use crate::consumers::{Consumer, EntryRead, ImageRef, Models, Outcome, ordinary_images};
use crate::registry::Key;
use crate::secret::SecretType;

/// What each consumer makes of the entry, or of the document, that a finding is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    outcomes: [Option<Outcome>; Consumer::ALL.len()],
    /// Which consumers read the plain username and password and not `auth`, one bit for each in the order of
    /// [`Consumer::ALL`]: a hostile document can make 200,000 findings.
    reads_plain: u8,
    /// Which consumers use the credentials for [`other_images`], one bit for each.
    uses_for_others: u8,
    has_ordinary_image: bool,
    /// How many other entries the document has.
    others: u32,
}

impl Affected {
    /// For an entry, by its number among the entries of the document. `plain` is its plain username and password, if it
    /// has both.
    pub(crate) fn by_entry(
        models: &Models<'_>,
        entry: usize,
        key: &str,
        plain: Option<(&str, &str)>,
    ) -> Self {
        let reads = models.read_by_each(entry);
        let reads_plain = |consumer: Consumer| match (reads.get(consumer as usize), plain) {
            (Some(EntryRead::Credentials(read)), Some((username, password))) => {
                *read.username == *username.as_bytes() && *read.password == *password.as_bytes()
            }
            _ => false,
        };
        let images = ordinary_images(key);
        let others = other_images(&Key::parse(key), images.is_empty());
        let uses_for_others = |consumer| {
            matches!(models.outcome_for(consumer, entry, &others), Outcome::Uses | Outcome::MayUse)
        };
        Affected {
            outcomes: Consumer::ALL.map(|consumer| Some(models.outcome_for(consumer, entry, &images))),
            reads_plain: bits(reads_plain),
            uses_for_others: bits(uses_for_others),
            has_ordinary_image: !images.is_empty(),
            others: u32::try_from(models.count().saturating_sub(1)).unwrap_or(u32::MAX),
        }
    }

    /// For the document: which consumers refuse it, and, if it has no entries, that the others find nothing.
    pub(crate) fn by_document(models: &Models<'_>, secret_type: SecretType) -> Self {
        let is_empty = models.count() == 0;
        let outcome = |consumer: Consumer| match models.refuses_document(consumer) {
            _ if !consumer.reads(secret_type) => None,
            true => Some(Outcome::RefusesDocument),
            false => is_empty.then_some(Outcome::FindsNothing),
        };
        Affected { outcomes: Consumer::ALL.map(outcome), ..Affected::default() }
    }

    /// The consumers with an outcome, and the outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (Consumer, Outcome)> {
        Consumer::ALL
            .into_iter()
            .zip(self.outcomes)
            .filter_map(|(consumer, outcome)| Some((consumer, outcome?)))
    }

    /// The consumers that read credentials from the entry: those that read the plain username and password, or the
    /// others.
    pub(crate) fn readers(&self, plain: bool) -> impl Iterator<Item = Consumer> {
        let uses = |outcome: &Outcome| matches!(outcome, Outcome::Uses | Outcome::MayUse);
        let consumers = Consumer::ALL.into_iter().zip(self.outcomes).enumerate();
        consumers
            .filter(move |(at, (_, outcome))| {
                outcome.as_ref().is_some_and(uses) && (self.reads_plain >> at & 1 == 1) == plain
            })
            .map(|(_, (consumer, _))| consumer)
    }

    /// How many other entries the document has.
    pub(crate) const fn others(&self) -> u32 {
        self.others
    }
}

/// Images for which a key may be found besides its ordinary images: those of Docker Hub for another spelling of it, and
/// those of the host if there are no ordinary images. docker, for one, ignores the path of a key.
fn other_images(key: &Key<'_>, has_no_ordinary_image: bool) -> Vec<ImageRef> {
    if key.is_docker_hub() {
        let below = hub_images_below(key);
        if below.is_empty() { ordinary_images("docker.io") } else { below }
    } else if has_no_ordinary_image {
        ordinary_images(&key.clone().into_host_and_port())
    } else {
        Vec::new()
    }
}

/// The images of Docker Hub below the path of a key; none if no image can have it.
fn hub_images_below(key: &Key<'_>) -> Vec<ImageRef> {
    ordinary_images(&format!("docker.io{}", key.path_without_version()))
}

/// Says which consumers use the credentials for images of Docker Hub, for another spelling of it. `None` if the
/// consumers were not asked.
pub(crate) fn docker_hub_sentence(
    affected: &Affected,
    key: &Key<'_>,
    secret_type: SecretType,
) -> Option<Bilingual<String>> {
    affected.outcomes().next()?;
    let (images, images_zh) = match hub_images_below(key).pop().filter(|_| key.has_path()) {
        Some(image) => (format!("images such as {image}"), format!(" {image} 这样的镜像")),
        None => ("images of Docker Hub".to_owned(), " Docker Hub 的镜像".to_owned()),
    };
    let users = of_bits(affected.uses_for_others);
    let reads = |consumer: &Consumer| consumer.reads(secret_type) && !users.contains(consumer);
    let others: Vec<_> = Consumer::ALL.into_iter().filter(reads).collect();
    let (use_them, rest) = (names_of(&users), names_of(&others));
    let (s, do_not) =
        (if users.len() == 1 { "s" } else { "" }, if others.len() == 1 { "does" } else { "do" });
    if users.is_empty() {
        return Some(Bilingual::new(
            format!("No consumer uses these credentials for {images}."),
            format!("没有消费方会把这些凭据用于{images_zh}。"),
        ));
    }
    let (but, but_zh) = if others.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("; {} {do_not} not", rest.english), format!("；{} 不会", rest.chinese))
    };
    Some(Bilingual::new(
        format!("{} use{s} these credentials for {images}{but}.", capitalised(&use_them.english)),
        format!("{} 会把这些凭据用于{images_zh}{but_zh}。", use_them.chinese),
    ))
}

/// One bit for each consumer.
fn bits(is_set: impl Fn(Consumer) -> bool) -> u8 {
    let consumers = Consumer::ALL.into_iter().enumerate();
    consumers.fold(0, |bits, (at, consumer)| bits | u8::from(is_set(consumer)) << at)
}

/// The consumers whose bit is set.
fn of_bits(bits: u8) -> Vec<Consumer> {
    let consumers = Consumer::ALL.into_iter().enumerate();
    consumers.filter(|(at, _)| bits >> at & 1 == 1).map(|(_, consumer)| consumer).collect()
}

/// Says who is affected: consumers with the same outcome together. `None` if nothing is known.
pub(crate) fn sentence(affected: &Affected, secret_type: SecretType) -> Option<Bilingual<String>> {
    let for_host = if affected.has_ordinary_image { Vec::new() } else { of_bits(affected.uses_for_others) };
    let said = |consumer: &Consumer| consumer.reads(secret_type) && !for_host.contains(consumer);
    let known: Vec<_> = affected.outcomes().filter(|(consumer, _)| said(consumer)).collect();
    let (_, first) = *known.first()?;
    let is_every =
        known.len() == Consumer::ALL.into_iter().filter(|consumer| consumer.reads(secret_type)).count();
    if is_every && known.iter().all(|(_, outcome)| *outcome == first) {
        match first {
            Outcome::Uses => {
                return Some(Bilingual::new(
                    "Every consumer uses these credentials.",
                    "所有消费方都会使用这些凭据。",
                ));
            }
            Outcome::FindsNothing => {
                return Some(Bilingual::new(
                    "No consumer finds credentials here.",
                    "所有消费方在此都找不到凭据。",
                ));
            }
            Outcome::MayUse | Outcome::RefusesEntry | Outcome::RefusesDocument => {}
        }
    }
    let order = [
        Outcome::Uses,
        Outcome::MayUse,
        Outcome::FindsNothing,
        Outcome::RefusesEntry,
        Outcome::RefusesDocument,
    ];
    let clauses = order.into_iter().filter_map(|outcome| {
        let of_outcome = known.iter().filter(|(_, other)| *other == outcome);
        let names: Vec<_> = of_outcome.map(|(consumer, _)| *consumer).collect();
        (!names.is_empty()).then(|| clause(&names, outcome, affected.others()))
    });
    let clauses: Vec<_> = for_host_clause(&for_host).into_iter().chain(clauses).collect();
    let english = clauses.iter().map(|clause| &*clause.english).collect::<Vec<_>>().join("; ");
    let chinese = clauses.iter().map(|clause| &*clause.chinese).collect::<Vec<_>>().join("；");
    Some(Bilingual { english: format!("{}.", capitalised(&english)), chinese: format!("{chinese}。") })
}

/// Says which consumers read `auth`, and which the plain username and password.
pub(crate) fn readers(affected: &Affected) -> Option<Bilingual<String>> {
    let auth: Vec<_> = affected.readers(false).collect();
    let plain: Vec<_> = affected.readers(true).collect();
    let reads = |names: &[Consumer], what: &str, what_zh: &str| {
        let Bilingual { english, chinese } = names_of(names);
        let s = if names.len() == 1 { "s" } else { "" };
        (!names.is_empty())
            .then(|| Bilingual::new(format!("{english} read{s} {what}"), format!("{chinese} 读取{what_zh}")))
    };
    let clauses =
        [reads(&auth, "auth", " auth"), reads(&plain, "username and password", " username 和 password")];
    let joined = clauses.into_iter().flatten().reduce(|one, other| {
        Bilingual::new(
            format!("{}; {}", one.english, other.english),
            format!("{}；{}", one.chinese, other.chinese),
        )
    })?;
    Some(Bilingual {
        english: format!("{}.", capitalised(&joined.english)),
        chinese: format!("{}。", joined.chinese),
    })
}

fn for_host_clause(consumers: &[Consumer]) -> Option<Bilingual<String>> {
    let Bilingual { english, chinese } = names_of(consumers);
    let s = if consumers.len() == 1 { "s" } else { "" };
    (!consumers.is_empty()).then(|| {
        Bilingual::new(
            format!("{english} use{s} these credentials for images of its host"),
            format!("{chinese} 会把这些凭据用于该主机的镜像"),
        )
    })
}

fn clause(names: &[Consumer], outcome: Outcome, others: u32) -> Bilingual<String> {
    let Bilingual { english, chinese } = names_of(names);
    let s = if names.len() == 1 { "s" } else { "" };
    match outcome {
        Outcome::Uses => {
            Bilingual::new(format!("{english} use{s} these credentials"), format!("{chinese} 会使用这些凭据"))
        }
        Outcome::MayUse => Bilingual::new(
            format!("{english} may use these credentials or others"),
            format!("{chinese} 可能使用这些凭据，也可能不使用"),
        ),
        Outcome::FindsNothing => Bilingual::new(
            format!("{english} find{s} no credentials here"),
            format!("{chinese} 在此找不到凭据"),
        ),
        Outcome::RefusesEntry => Bilingual::new(
            format!("{english} fail{s} for images of this registry"),
            format!("{chinese} 拉取该仓库的镜像时会出错"),
        ),
        Outcome::RefusesDocument => {
            let (with, with_zh) = match others {
                0 => (String::new(), String::new()),
                1 => (", including its other registry".to_owned(), "，包括其中另外 1 个仓库".to_owned()),
                _ => (
                    format!(", including its {others} other registries"),
                    format!("，包括其中另外 {others} 个仓库"),
                ),
            };
            Bilingual::new(
                format!("{english} refuse{s} the whole document{with}"),
                format!("{chinese} 会拒绝整份文档{with_zh}"),
            )
        }
    }
}

fn names_of(consumers: &[Consumer]) -> Bilingual<String> {
    let english = consumers.iter().map(|consumer| match consumer {
        Consumer::Kubelet => "the kubelet",
        Consumer::KeyChain => "the key chain",
        Consumer::Docker | Consumer::Podman | Consumer::ImageUpdater => consumer.name(),
    });
    let chinese = consumers.iter().map(|consumer| match consumer {
        Consumer::KeyChain => "keychain",
        _ => consumer.name(),
    });
    Bilingual {
        english: list(&english.collect::<Vec<_>>(), ", ", " and "),
        chinese: list(&chinese.collect::<Vec<_>>(), "、", " 和 "),
    }
}

fn list(names: &[&str], comma: &str, and: &str) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{}{and}{last}", rest.join(comma)),
        _ => names.concat(),
    }
}

fn capitalised(sentence: &str) -> String {
    match sentence.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn said_of_only_key(written: &str) -> String {
        let text = format!("{{\"auths\":{{\"{written}\":{{\"auth\":\"dTpw\"}}}}}}");
        let document = Document::read(text.as_bytes(), SecretType::DockerConfigJson).ok().unwrap();
        let affected = Affected::by_entry(&Models::new(&document), 0, written, None);
        let sentence = docker_hub_sentence(&affected, &Key::parse(written), SecretType::DockerConfigJson);
        sentence.unwrap().english
    }

    #[test]
    fn key_path_is_ignored_where_consumer_ignores_it() {
        // podman leaves out the path of a key with a scheme.
        let podman = "podman uses these credentials for images of Docker Hub; \
                      the kubelet, docker, the key chain and Argo CD Image Updater do not.";
        assert_eq!(said_of_only_key("https://docker.io/Team"), podman);
        assert_eq!(said_of_only_key("https://index.docker.io/V1/"), podman);
        assert_eq!(
            said_of_only_key("docker.io/Team"),
            "No consumer uses these credentials for images of Docker Hub."
        );
    }

    #[test]
    fn docker_hub_sentence_needs_models() {
        let key = Key::parse("docker.io");
        let said = docker_hub_sentence(&Affected::default(), &key, SecretType::DockerConfigJson);
        assert_eq!(said, None);
    }
}
