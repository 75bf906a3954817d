//! What is said about who is affected.

use crate::bilingual::Bilingual;
use crate::consumers::{Consumer, Outcome};
use crate::place::Place;
use crate::registry::Key;

use super::{Affected, hub_image_below, is_set, is_use};

/// What is said of a consumer. In the order of the sentence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Uses,
    MayUse,
    /// It would use what it reads, but that is no username and password, and no token.
    ReadsIncomplete,
    FindsNothing,
    Fails,
    MayFail,
    RefusesDocument,
}

impl Said {
    const ALL: [Said; 7] = [
        Said::Uses,
        Said::MayUse,
        Said::ReadsIncomplete,
        Said::FindsNothing,
        Said::Fails,
        Said::MayFail,
        Said::RefusesDocument,
    ];

    fn of(affected: &Affected, consumer: Consumer, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Uses | Outcome::MayUse if is_set(affected.reads_incomplete, consumer) => {
                Said::ReadsIncomplete
            }
            Outcome::Uses => Said::Uses,
            Outcome::MayUse => Said::MayUse,
            Outcome::FindsNothing => Said::FindsNothing,
            Outcome::RefusesEntry if is_set(affected.refuses_at_random, consumer) => Said::MayFail,
            Outcome::RefusesEntry => Said::Fails,
            Outcome::RefusesDocument => Said::RefusesDocument,
        }
    }
}

/// For which images something is said, if these are not simply those of the registry.
type Images = Option<Bilingual<String>>;

fn hub_images(key: &Key<'_>) -> Bilingual<String> {
    match hub_image_below(key) {
        Some(image) => Bilingual::new(format!("images such as {image}"), format!(" {image} 这样的镜像")),
        None => Bilingual::new("images of Docker Hub", " Docker Hub 的镜像"),
    }
}

/// The consumers that read such a Secret, and what becomes of the entry, or of the document, in them. With images, it is
/// what becomes of it for these.
fn outcomes_of(affected: &Affected, place: &Place<'_>) -> (Vec<(Consumer, Outcome)>, Images) {
    let reads = |(consumer, _): &(Consumer, Outcome)| consumer.reads(place.secret_type);
    let key = place.key().map(|key| Key::parse(key.as_written()));
    match key.filter(Key::is_other_docker_hub) {
        // Nobody names images by such a host, so what is found for its ordinary images tells nothing.
        Some(key) => (affected.for_other_images().filter(reads).collect(), Some(hub_images(&key))),
        None => (affected.outcomes().filter(reads).collect(), None),
    }
}

/// Says who is affected: consumers with the same outcome together. `None` if nothing is known.
pub(crate) fn sentence(affected: &Affected, place: &Place<'_>) -> Option<Bilingual<String>> {
    let said = |images| Clauses { affected, is_about_entry: place.key().is_some(), images };
    let (outcomes, images) = outcomes_of(affected, place);
    if images.is_some() {
        let said = said(images);
        return said.of_all(&outcomes).or_else(|| joined(said.each(&outcomes)));
    }
    let is_for_host = |(consumer, _): &(Consumer, Outcome)| {
        !affected.has_ordinary_image && affected.is_used_for_other_images_by(*consumer)
    };
    let for_host: Vec<_> = affected.for_other_images().filter(is_for_host).collect();
    let outcomes: Vec<_> = outcomes.into_iter().filter(|outcome| !is_for_host(outcome)).collect();
    let readers = Consumer::ALL.into_iter().filter(|consumer| consumer.reads(place.secret_type)).count();
    let all = if outcomes.len() == readers { said(None).of_all(&outcomes) } else { None };
    all.or_else(|| {
        let mut clauses = said(Some(Bilingual::new("images of its host", "该主机的镜像"))).each(&for_host);
        clauses.extend(said(None).each(&outcomes));
        joined(clauses)
    })
}

/// What the clauses of a sentence have in common.
struct Clauses<'s> {
    affected: &'s Affected,
    /// About the document otherwise.
    is_about_entry: bool,
    images: Images,
}

impl Clauses<'_> {
    /// A whole sentence, if the same holds for all consumers.
    fn of_all(&self, outcomes: &[(Consumer, Outcome)]) -> Option<Bilingual<String>> {
        let mut said =
            outcomes.iter().map(|(consumer, outcome)| Said::of(self.affected, *consumer, *outcome));
        let first = said.next()?;
        if !said.all(|other| other == first) {
            return None;
        }
        Some(match (first, &self.images) {
            (Said::Uses, None) => {
                Bilingual::new("Every consumer uses these credentials.", "所有消费方都会使用这些凭据。")
            }
            (Said::Uses, Some(images)) => Bilingual::new(
                format!("Every consumer uses these credentials for {}.", images.english),
                format!("所有消费方都会把这些凭据用于{}。", images.chinese),
            ),
            (Said::FindsNothing, None) => {
                Bilingual::new("No consumer finds credentials here.", "所有消费方在此都找不到凭据。")
            }
            (Said::FindsNothing, Some(images)) => Bilingual::new(
                format!("No consumer uses these credentials for {}.", images.english),
                format!("没有消费方会把这些凭据用于{}。", images.chinese),
            ),
            (Said::ReadsIncomplete, _) => Bilingual::new(
                "Every consumer reads incomplete credentials here.",
                "所有消费方在此读到的凭据都不完整。",
            ),
            (Said::MayUse | Said::Fails | Said::MayFail | Said::RefusesDocument, _) => return None,
        })
    }

    /// One clause for each group of consumers of which the same is said.
    fn each(&self, outcomes: &[(Consumer, Outcome)]) -> Vec<Bilingual<String>> {
        let mut clauses = Vec::new();
        let mut last = None;
        for said in Said::ALL {
            let same = |outcome: &&(Consumer, Outcome)| Said::of(self.affected, outcome.0, outcome.1) == said;
            let names: Vec<_> = outcomes.iter().filter(same).map(|(consumer, _)| *consumer).collect();
            if !names.is_empty() {
                clauses.push(self.clause(&names, said, last));
                last = Some(said);
            }
        }
        clauses
    }

    fn clause(&self, names: &[Consumer], said: Said, last: Option<Said>) -> Bilingual<String> {
        let Bilingual { english, chinese } = names_of(names);
        let (s, do_not) = if names.len() == 1 { ("s", "does not") } else { ("", "do not") };
        let (for_images, images_zh) = match &self.images {
            Some(images) => (format!(" for {}", images.english), &*images.chinese),
            None => (String::new(), "该仓库的镜像"),
        };
        let use_zh = match &self.images {
            Some(images) => format!("会把这些凭据用于{}", images.chinese),
            None => "会使用这些凭据".to_owned(),
        };
        let fail_for = if self.images.is_some() { &*for_images } else { " for images of this registry" };
        match said {
            Said::Uses => Bilingual::new(
                format!("{english} use{s} these credentials{for_images}"),
                format!("{chinese} {use_zh}"),
            ),
            Said::MayUse => Bilingual::new(
                format!("{english} may use these credentials or others{for_images}"),
                format!("{chinese} 可能{use_zh}，也可能不会"),
            ),
            Said::ReadsIncomplete => Bilingual::new(
                format!("{english} read{s} incomplete credentials here"),
                format!("{chinese} 在此读到的凭据不完整"),
            ),
            Said::FindsNothing if self.images.is_none() => Bilingual::new(
                format!("{english} find{s} no credentials here"),
                format!("{chinese} 在此找不到凭据"),
            ),
            Said::FindsNothing if !matches!(last, Some(Said::Uses | Said::MayUse)) => Bilingual::new(
                format!("{english} {do_not} use these credentials{for_images}"),
                format!("{chinese} 不{use_zh}"),
            ),
            Said::FindsNothing => Bilingual::new(format!("{english} {do_not}"), format!("{chinese} 不会")),
            Said::Fails => Bilingual::new(
                format!("{english} fail{s}{fail_for}"),
                format!("{chinese} 拉取{images_zh}时会出错"),
            ),
            Said::MayFail => Bilingual::new(
                format!("{english} may fail{fail_for}"),
                format!("{chinese} 拉取{images_zh}时可能出错"),
            ),
            Said::RefusesDocument => {
                let (registries, registries_zh) = self.registries();
                Bilingual::new(
                    format!("{english} refuse{s} the whole document{registries}"),
                    format!("{chinese} 会拒绝整份文档{registries_zh}"),
                )
            }
        }
    }

    /// What is refused with the document.
    fn registries(&self) -> (String, String) {
        let (other, with_zh) =
            if self.is_about_entry { ("other ", "连同另外") } else { ("", "连同其全部") };
        match self.affected.other_registries {
            0 => (String::new(), String::new()),
            1 => (format!(", including its {other}registry"), format!("，{with_zh} 1 个仓库")),
            others => (
                format!(", including its {others} {other}registries"),
                format!("，{with_zh} {others} 个仓库"),
            ),
        }
    }
}

/// Clauses as a sentence; `None` if there are none.
fn joined(clauses: Vec<Bilingual<String>>) -> Option<Bilingual<String>> {
    let joined = clauses.into_iter().reduce(|one, other| {
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

/// Says which consumers read `auth`, which the plain username and password, and what becomes of the entry in the others.
/// `None` if none of them reads either.
pub(crate) fn readers(affected: &Affected, place: &Place<'_>) -> Option<Bilingual<String>> {
    let (outcomes, images) = outcomes_of(affected, place);
    let (users, others): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, outcome)| is_use(*outcome));
    let reads = |plain: bool, what: &str, what_zh: &str| {
        let names = users.iter().map(|(consumer, _)| *consumer);
        let names: Vec<_> =
            names.filter(|consumer| is_set(affected.reads_plain, *consumer) == plain).collect();
        let Bilingual { english, chinese } = names_of(&names);
        let s = if names.len() == 1 { "s" } else { "" };
        (!names.is_empty())
            .then(|| Bilingual::new(format!("{english} read{s} {what}"), format!("{chinese} 读取{what_zh}")))
    };
    let read = [reads(false, "auth", " auth"), reads(true, "username and password", " username 和 password")];
    let read: Vec<_> = read.into_iter().flatten().collect();
    if read.is_empty() {
        return None;
    }
    let others = Clauses { affected, is_about_entry: true, images }.each(&others);
    joined(read.into_iter().chain(others).collect())
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
    use std::collections::HashSet;

    use super::*;
    use crate::consumers::Models;
    use crate::document::Document;
    use crate::place::Spot;
    use crate::registry::RegistryKey;
    use crate::secret::SecretType;

    /// What is said of an entry.
    fn said_of(auths: &str, entry: usize) -> String {
        let text = format!("{{\"auths\":{auths}}}");
        let document = Document::read(text.as_bytes(), SecretType::DockerConfigJson).ok().unwrap();
        let models = Models::new(&document);
        let keys: Vec<_> = models.keys().collect();
        let key = &*keys[entry];
        let parsed: Vec<_> = keys.iter().map(|key| Key::parse(key)).collect();
        let registries: HashSet<_> = parsed.iter().map(Key::identity).collect();
        let registries = u16::try_from(registries.len()).unwrap();
        let affected = Affected::by_entry(&models, entry, key, None, registries);
        let place = Place::new(SecretType::DockerConfigJson, 0, Spot::Entry(RegistryKey::new(key)));
        sentence(&affected, &place).unwrap().english
    }

    fn said_of_only_key(written: &str) -> String {
        said_of(&format!("{{\"{written}\":{{\"auth\":\"dTpw\"}}}}"), 0)
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
    fn what_is_said_holds_for_the_image_that_is_named() {
        // Only for the very image docker.io/acme/app would crane and kaniko ask for this key.
        assert_eq!(
            said_of_only_key("index.docker.io/acme/app"),
            "The key chain uses these credentials for images such as docker.io/acme/app/x/y; \
             the kubelet, docker, podman and Argo CD Image Updater do not."
        );
    }

    #[test]
    fn other_entries_change_what_becomes_of_one() {
        assert_eq!(
            said_of(r#"{"docker.io":{"auth":"dTpw"},"r.example.com":{"auth":"!"}}"#, 0),
            "podman uses these credentials for images of Docker Hub; Argo CD Image Updater does not; \
             the kubelet, docker and the key chain refuse the whole document, including its other registry."
        );
        assert_eq!(
            said_of(
                r#"{"https://index.docker.io/v1/acme":{"auth":"dTpw"},"https://index.docker.io/v1/":{"auth":"dTpx"}}"#,
                0
            ),
            "The key chain uses these credentials for images such as docker.io/acme/x/y; \
             podman may use these credentials or others for images such as docker.io/acme/x/y; \
             the kubelet, docker and Argo CD Image Updater do not."
        );
    }

    #[test]
    fn incomplete_credentials_are_not_called_usable() {
        assert_eq!(
            said_of(r#"{"r.example.com":{"auth":"dXNlcjo=","identitytoken":"t"}}"#, 0),
            "docker, podman and the key chain use these credentials; \
             the kubelet and Argo CD Image Updater read incomplete credentials here."
        );
        assert_eq!(
            said_of(r#"{"r.example.com":{"auth":"dXNlcjo="}}"#, 0),
            "Every consumer reads incomplete credentials here."
        );
    }

    #[test]
    fn what_follows_incomplete_credentials_is_said_in_full() {
        assert_eq!(
            said_of(r#"{"docker.io":{"auth":"dTo="}}"#, 0),
            "The kubelet and podman read incomplete credentials here; \
             docker, the key chain and Argo CD Image Updater do not use these credentials for images of Docker Hub."
        );
    }

    #[test]
    fn an_entry_that_is_taken_at_random_may_fail() {
        let said = said_of(
            r#"{"https://r.example.com":{"auth":"dXNlcjpwYXNzd28"},"http://r.example.com":{"auth":"dTpw"}}"#,
            0,
        );
        assert_eq!(
            said,
            "The kubelet and the key chain may use these credentials or others; \
             Argo CD Image Updater fails for images of this registry; podman may fail for images of this registry; \
             docker refuses the whole document."
        );
    }

    #[test]
    fn a_key_with_credentials_has_no_host_to_speak_of() {
        assert_eq!(said_of_only_key("bot:12/34@host.example.com"), "No consumer finds credentials here.");
    }

    #[test]
    fn nothing_is_said_without_models() {
        for key in ["docker.io", "r.example.com"] {
            let place = Place::new(SecretType::DockerConfigJson, 0, Spot::Entry(RegistryKey::new(key)));
            assert_eq!(sentence(&Affected::default(), &place), None);
        }
    }
}
