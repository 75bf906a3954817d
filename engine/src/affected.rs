//! What the consumers make of a finding, computed from their models for the document at hand.

use crate::bilingual::Bilingual;
use crate::consumers::{Consumer, EntryRead, ImageRef, Models, Outcome, ordinary_images};
use crate::place::Place;
use crate::registry::Key;
use crate::secret::SecretType;

/// What each consumer makes of the entry, or of the document, that a finding is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    outcomes: [Option<Outcome>; Consumer::ALL.len()],
    /// What becomes of the entry for [`other_images`].
    for_others: [Option<Outcome>; Consumer::ALL.len()],
    /// Which consumers read the plain username and password and not `auth`, one bit for each in the order of
    /// [`Consumer::ALL`]: a hostile document can make 200,000 findings.
    reads_plain: u8,
    /// Which consumers read no complete credentials from the entry, one bit for each.
    reads_incomplete: u8,
    /// Which consumers take the entry at random, among others from which they read something else; one bit for each.
    takes_at_random: u8,
    has_ordinary_image: bool,
    /// How many registries the document has, besides that of the entry.
    others: u16,
}

impl Affected {
    /// For an entry, by its number among the entries of the document. `plain` is its plain username and password, if it
    /// has both; `registries` is how many different keys the document has.
    pub(crate) fn by_entry(
        models: &Models<'_>,
        entry: usize,
        key: &str,
        plain: Option<(&str, &str)>,
        registries: u16,
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
        let outcome = |consumer, images: &[ImageRef]| Some(models.outcome_for(consumer, entry, images));
        let takes_at_random = |consumer| {
            [&images, &others].into_iter().any(|images| models.takes_at_random(consumer, entry, images))
        };
        Affected {
            outcomes: Consumer::ALL.map(|consumer| outcome(consumer, &images)),
            for_others: Consumer::ALL
                .map(|consumer| outcome(consumer, &others).filter(|_| !others.is_empty())),
            reads_plain: bits(reads_plain),
            reads_incomplete: bits(|consumer| !models.reads_complete(consumer, entry)),
            takes_at_random: bits(takes_at_random),
            has_ordinary_image: !images.is_empty(),
            others: registries.saturating_sub(1),
        }
    }

    /// For the document: which consumers refuse it, and, if it has no entries, that the others find nothing. `registries` is
    /// how many different keys it has.
    pub(crate) fn by_document(models: &Models<'_>, secret_type: SecretType, registries: u16) -> Self {
        let is_empty = models.count() == 0;
        let outcome = |consumer: Consumer| match models.refuses_document(consumer) {
            _ if !consumer.reads(secret_type) => None,
            true => Some(Outcome::RefusesDocument),
            false => is_empty.then_some(Outcome::FindsNothing),
        };
        Affected { outcomes: Consumer::ALL.map(outcome), others: registries, ..Affected::default() }
    }

    /// The consumers with an outcome, and the outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (Consumer, Outcome)> {
        known(self.outcomes)
    }

    /// What becomes of the entry for images that the key may mean besides its ordinary ones.
    fn for_others(&self) -> impl Iterator<Item = (Consumer, Outcome)> {
        known(self.for_others)
    }

    /// Whether this consumer uses the credentials for images that the key may mean besides its ordinary ones.
    pub(crate) fn is_used_for_others_by(&self, consumer: Consumer) -> bool {
        self.for_others().any(|(other, outcome)| other == consumer && is_use(outcome))
    }

    /// Whether some consumer uses the credentials for such images; also if no consumer was asked.
    pub(crate) fn may_be_used_for_others(&self) -> bool {
        let mut asked = self.for_others().peekable();
        asked.peek().is_none() || asked.any(|(_, outcome)| is_use(outcome))
    }

    /// The consumers that read credentials from the entry: those that read the plain username and password, or the
    /// others.
    pub(crate) fn readers(&self, plain: bool) -> impl Iterator<Item = Consumer> {
        let users = self.outcomes().filter(|(_, outcome)| is_use(*outcome)).map(|(consumer, _)| consumer);
        let reads_plain = self.reads_plain;
        users.filter(move |consumer| is_set(reads_plain, *consumer) == plain)
    }

    /// How many registries the document has, besides that of the entry.
    pub(crate) const fn others(&self) -> u16 {
        self.others
    }
}

fn known(outcomes: [Option<Outcome>; Consumer::ALL.len()]) -> impl Iterator<Item = (Consumer, Outcome)> {
    Consumer::ALL.into_iter().zip(outcomes).filter_map(|(consumer, outcome)| Some((consumer, outcome?)))
}

const fn is_use(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Uses | Outcome::MayUse)
}

/// One bit for each consumer.
fn bits(is_set: impl Fn(Consumer) -> bool) -> u8 {
    Consumer::ALL.into_iter().fold(0, |bits, consumer| bits | u8::from(is_set(consumer)) << consumer as u8)
}

const fn is_set(bits: u8, consumer: Consumer) -> bool {
    bits >> consumer as u8 & 1 == 1
}

/// Images that a key may mean besides its ordinary ones: those of Docker Hub for another spelling of it, and those of its
/// host if there are no ordinary images. docker, for one, ignores the path of a key.
fn other_images(key: &Key<'_>, has_no_ordinary_image: bool) -> Vec<ImageRef> {
    if key.is_other_docker_hub() {
        hub_image_below(key).map_or_else(|| ordinary_images("docker.io"), |image| vec![image])
    } else if has_no_ordinary_image && !key.has_credentials() {
        ordinary_images(&key.clone().into_host_and_port())
    } else {
        Vec::new()
    }
}

/// An image of Docker Hub below the path of a key; `None` if the key has no path, or no image can have it.
fn hub_image_below(key: &Key<'_>) -> Option<ImageRef> {
    let below = || ordinary_images(&format!("docker.io{}", key.path_without_version())).pop();
    key.has_path().then(below).flatten()
}

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
            Outcome::RefusesEntry if is_set(affected.takes_at_random, consumer) => Said::MayFail,
            Outcome::RefusesEntry => Said::Fails,
            Outcome::RefusesDocument => Said::RefusesDocument,
        }
    }
}

/// For which images something is said, if these are not simply those of the registry.
struct Images(Option<Bilingual<String>>);

impl Images {
    fn of_hub(key: &Key<'_>) -> Self {
        Images(Some(match hub_image_below(key) {
            Some(image) => Bilingual::new(format!("images such as {image}"), format!(" {image} 这样的镜像")),
            None => Bilingual::new("images of Docker Hub", " Docker Hub 的镜像"),
        }))
    }

    fn of_host() -> Self {
        Images(Some(Bilingual::new("images of its host", "该主机的镜像")))
    }
}

/// Says who is affected: consumers with the same outcome together. `None` if nothing is known.
pub(crate) fn sentence(affected: &Affected, place: &Place<'_>) -> Option<Bilingual<String>> {
    let reads = |(consumer, _): &(Consumer, Outcome)| consumer.reads(place.secret_type);
    let key = place.key().map(|key| Key::parse(key.as_written()));
    if let Some(key) = key.filter(Key::is_other_docker_hub) {
        // Nobody names an image by such a host, so what is found for its ordinary images tells nothing.
        let outcomes: Vec<_> = affected.for_others().filter(reads).collect();
        let images = Images::of_hub(&key);
        return of_all(affected, &outcomes, &images)
            .or_else(|| joined(clauses(affected, &outcomes, &images, place)));
    }
    let is_for_host = |(consumer, _): &(Consumer, Outcome)| {
        !affected.has_ordinary_image && affected.is_used_for_others_by(*consumer)
    };
    let for_host: Vec<_> = affected.for_others().filter(reads).filter(is_for_host).collect();
    let outcomes: Vec<_> = affected.outcomes().filter(reads).filter(|known| !is_for_host(known)).collect();
    let is_every = Consumer::ALL.into_iter().filter(|consumer| consumer.reads(place.secret_type)).count()
        == outcomes.len();
    let all = if is_every { of_all(affected, &outcomes, &Images(None)) } else { None };
    all.or_else(|| {
        let for_host = clauses(affected, &for_host, &Images::of_host(), place);
        joined(for_host.into_iter().chain(clauses(affected, &outcomes, &Images(None), place)).collect())
    })
}

/// Says it in one clause if the same holds for all consumers.
fn of_all(
    affected: &Affected,
    outcomes: &[(Consumer, Outcome)],
    images: &Images,
) -> Option<Bilingual<String>> {
    let mut said = outcomes.iter().map(|(consumer, outcome)| Said::of(affected, *consumer, *outcome));
    let first = said.next()?;
    if !said.all(|other| other == first) {
        return None;
    }
    Some(match (first, &images.0) {
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
fn clauses(
    affected: &Affected,
    outcomes: &[(Consumer, Outcome)],
    images: &Images,
    place: &Place<'_>,
) -> Vec<Bilingual<String>> {
    let mut clauses = Vec::new();
    for said in Said::ALL {
        let same =
            outcomes.iter().filter(|(consumer, outcome)| Said::of(affected, *consumer, *outcome) == said);
        let names: Vec<_> = same.map(|(consumer, _)| *consumer).collect();
        if names.is_empty() {
            continue;
        }
        clauses.push(match said {
            Said::RefusesDocument => refusal(&names, affected.others(), place.key().is_some()),
            _ => clause(&names, said, images, !clauses.is_empty()),
        });
    }
    clauses
}

/// `follows` says whether other consumers were named before.
fn clause(names: &[Consumer], said: Said, images: &Images, follows: bool) -> Bilingual<String> {
    let Bilingual { english, chinese } = names_of(names);
    let (s, do_not) = if names.len() == 1 { ("s", "does not") } else { ("", "do not") };
    let (for_images, of_images) = match &images.0 {
        Some(Bilingual { english, chinese }) => (format!(" for {english}"), chinese.clone()),
        None => (String::new(), "该仓库的镜像".to_owned()),
    };
    let use_these = match &images.0 {
        Some(images) => format!("会把这些凭据用于{}", images.chinese),
        None => "会使用这些凭据".to_owned(),
    };
    let fails_for = if images.0.is_some() { &*for_images } else { " for images of this registry" };
    match said {
        Said::Uses => Bilingual::new(
            format!("{english} use{s} these credentials{for_images}"),
            format!("{chinese} {use_these}"),
        ),
        Said::MayUse => Bilingual::new(
            format!("{english} may use these credentials or others{for_images}"),
            format!("{chinese} 可能{use_these}，也可能不会"),
        ),
        Said::ReadsIncomplete => Bilingual::new(
            format!("{english} read{s} incomplete credentials here"),
            format!("{chinese} 在此读到的凭据不完整"),
        ),
        Said::FindsNothing if images.0.is_none() => Bilingual::new(
            format!("{english} find{s} no credentials here"),
            format!("{chinese} 在此找不到凭据"),
        ),
        Said::FindsNothing if follows => {
            Bilingual::new(format!("{english} {do_not}"), format!("{chinese} 不会"))
        }
        Said::FindsNothing => Bilingual::new(
            format!("{english} {do_not} use these credentials{for_images}"),
            format!("{chinese} 不会把这些凭据用于{of_images}"),
        ),
        Said::Fails => Bilingual::new(
            format!("{english} fail{s}{fails_for}"),
            format!("{chinese} 拉取{of_images}时会出错"),
        ),
        Said::MayFail => Bilingual::new(
            format!("{english} may fail{fails_for}"),
            format!("{chinese} 拉取{of_images}时可能出错"),
        ),
        Said::RefusesDocument => refusal(names, 0, true),
    }
}

/// Who refuses the whole document. `others` are its registries, besides that of the entry if it is about one.
fn refusal(names: &[Consumer], others: u16, is_about_entry: bool) -> Bilingual<String> {
    let Bilingual { english, chinese } = names_of(names);
    let s = if names.len() == 1 { "s" } else { "" };
    let (other, other_zh) = if is_about_entry { ("other ", "另外 ") } else { ("", " ") };
    let (with, with_zh) = match others {
        0 => (String::new(), String::new()),
        1 => (format!(", including its {other}registry"), format!("，包括其中{other_zh}1 个仓库")),
        _ => (
            format!(", including its {others} {other}registries"),
            format!("，包括其中{other_zh}{others} 个仓库"),
        ),
    };
    Bilingual::new(
        format!("{english} refuse{s} the whole document{with}"),
        format!("{chinese} 会拒绝整份文档{with_zh}"),
    )
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
    let reads = |plain: bool, what: &str, what_zh: &str| {
        let names: Vec<_> = affected.readers(plain).collect();
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
    let is_other =
        |(consumer, outcome): &(Consumer, Outcome)| consumer.reads(place.secret_type) && !is_use(*outcome);
    let others: Vec<_> = affected.outcomes().filter(is_other).collect();
    joined(read.into_iter().chain(clauses(affected, &others, &Images(None), place)).collect())
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
    use crate::place::Spot;
    use crate::registry::RegistryKey;

    /// What is said of an entry.
    fn said_of(auths: &str, entry: usize) -> String {
        let text = format!("{{\"auths\":{auths}}}");
        let document = Document::read(text.as_bytes(), SecretType::DockerConfigJson).ok().unwrap();
        let models = Models::new(&document);
        let keys: Vec<_> = models.keys().collect();
        let key = &*keys[entry];
        let affected = Affected::by_entry(&models, entry, key, None, u16::try_from(keys.len()).unwrap());
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
    fn an_entry_that_is_taken_at_random_may_fail() {
        let said = said_of(
            r#"{"https://r.example.com":{"auth":"dXNlcjpwYXNzd28"},"http://r.example.com":{"auth":"dTpw"}}"#,
            0,
        );
        assert_eq!(
            said,
            "The kubelet and the key chain may use these credentials or others; \
             Argo CD Image Updater fails for images of this registry; podman may fail for images of this registry; \
             docker refuses the whole document, including its other registry."
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
