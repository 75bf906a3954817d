//! The models of consumers (`engine/src/consumers`) against the real libraries: what each reads of a document, and what
//! it takes for an image. `tests/parts/README.md` says what answers; only Argo CD Image Updater has no library that
//! could be asked.
//!
//! ```text
//! cargo test --test consumers                                  the cases, and some generated documents
//! cargo test --test consumers -- --ignored --nocapture         at least 100,000 generated pairs
//! REGCRED_CONSUMERS_SEED=7 cargo test --test consumers         the documents from this seed on
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that meets what it did not expect has to fail, and a panic is how tests do that"
)]
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    missing_docs,
    unreachable_pub,
    reason = "helpers fail by panicking, and are read here, not in generated documentation"
)]

mod findings;
mod generate;
mod library;
#[path = "../program/support/parts.rs"]
mod parts;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regcred_engine::consumers::{
    self, Consumer, EntryRead, ImageRef, Models, Outcome, Taken, ordinary_images,
};
use regcred_engine::secret::SecretType;
use serde_json::Value;

use library::{Answer, Credential, Find, Library};

/// One document, and the images that are looked for in it.
pub struct Question {
    /// What leads back to it: a seed, or the name of a case.
    pub origin: String,
    pub secret_type: SecretType,
    pub document: Vec<u8>,
    pub images: Vec<String>,
}

/// The consumers that have a library.
const WITH_LIBRARY: [Consumer; 4] =
    [Consumer::Kubelet, Consumer::Docker, Consumer::Podman, Consumer::KeyChain];

/// How often more answers are asked for where chance decides. Go starts at one of eight places of a small map, so that
/// an answer is missed once in 10^22 times.
const ROUNDS: usize = 8;

#[test]
fn models_agree_with_libraries_on_every_case() {
    let cases = include_str!("../cases/cases.jsonl").lines().map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| case[name].as_str();
        let secret_type = SecretType::from_name(text("type")?)?;
        let document = STANDARD.decode(text("doc_b64")?).unwrap();
        let images = consumers::ask(&document, secret_type, |models| {
            let mut images: Vec<_> =
                models.keys().flat_map(|key| ordinary_images(&key)).map(|it| it.to_string()).collect();
            images.push("acme/app".to_owned());
            images
        })?;
        Some(Question { origin: text("id").unwrap().to_owned(), secret_type, document, images })
    });
    report(&compare_all(cases.flatten()));
}

#[test]
fn models_agree_with_libraries_on_generated_documents() {
    let first = first_seed();
    report(&compare_all((first..first + 300).map(generate::question)));
}

#[test]
#[ignore = "takes minutes"]
fn models_agree_with_libraries_on_many_generated_documents() {
    const PAIRS: usize = 100_000;
    let mut pairs = 0;
    let questions = (first_seed()..).map(generate::question).take_while(|question| {
        let goes_on = pairs < PAIRS;
        pairs += question.images.len();
        goes_on
    });
    report(&compare_all(questions));
}

fn first_seed() -> u64 {
    std::env::var("REGCRED_CONSUMERS_SEED").map_or(1, |seed| seed.parse().unwrap())
}

#[derive(Default)]
struct Tally {
    documents: usize,
    pairs: usize,
    /// Pairs and consumers for which there is something to take.
    found: usize,
    outcomes: usize,
    differences: Vec<String>,
}

fn report(tally: &Tally) {
    println!(
        "{} documents, {} pairs of document and image, {} answers with an entry, {} outcomes, {} differences",
        tally.documents,
        tally.pairs,
        tally.found,
        tally.outcomes,
        tally.differences.len()
    );
    assert!(tally.pairs > 0 && tally.found > 0);
    let shown: Vec<_> = tally.differences.iter().take(10).cloned().collect();
    assert!(shown.is_empty(), "{} differences:\n{}", tally.differences.len(), shown.join("\n"));
}

fn compare_all(questions: impl Iterator<Item = Question>) -> Tally {
    let mut library = Library::start();
    let mut tally = Tally::default();
    for question in questions {
        let Question { secret_type, document, .. } = &question;
        // What is not JSON by regcred's own rule is not read any further.
        consumers::ask(document, *secret_type, |models| compare(&question, models, &mut library, &mut tally));
    }
    tally
}

fn compare(question: &Question, models: &Models<'_>, library: &mut Library, tally: &mut Tally) {
    let answer = library.compare(question);
    tally.documents += 1;
    tally.pairs += question.images.len();
    let mut differ = |what: String| {
        let document = String::from_utf8_lossy(&question.document);
        tally.differences.push(format!(
            "{}: {what}\n    {}: {document}",
            question.origin,
            question.secret_type.name()
        ));
    };
    compare_reading(question, models, &answer, &mut differ);
    for (text, names) in question.images.iter().zip(&answer.names) {
        compare_reference(text, names, &mut differ);
    }
    for (at, text) in question.images.iter().enumerate() {
        let Some(image) = ImageRef::parse(text) else { continue };
        for asked in library::ASKED {
            let Some((consumer, found)) = model_answer(models, asked, question.secret_type, &image) else {
                continue;
            };
            let mut got = answer.found(asked, at);
            let wanted = wanted(models, consumer, &image, &found);
            tally.found += usize::from(!found.groups.is_empty());
            // A Go map is gone through from a random place: ask until every answer has come, or chance is ruled out.
            for _ in 0..ROUNDS {
                if wanted.firsts.len() < 2 || firsts(&got) == wanted.firsts {
                    break;
                }
                got.extend(library.ask_again(question, asked, text));
            }
            let in_turn =
                got.iter().all(|find| consumer != Consumer::Kubelet || fits_groups(find, models, &found));
            if firsts(&got) != wanted.firsts || !in_turn {
                differ(format!("{asked} for {text}: the library has {got:?}, the model {:?}", wanted.firsts));
            }
        }
    }
    tally.outcomes += compare_outcomes(question, models, &answer, library, &mut differ);
}

/// The model that a question to the libraries is about, and its answer; `None` where the two cannot be compared.
fn model_answer<'m>(
    models: &'m Models<'_>,
    asked: &str,
    secret_type: SecretType,
    image: &ImageRef,
) -> Option<(Consumer, Taken<'m>)> {
    let consumer = consumer_of(asked);
    // The library reads any document as a config.json, and answers for an image without a registry.
    if !consumer.reads(secret_type) || (consumer == Consumer::Docker && image.domain().is_empty()) {
        return None;
    }
    if asked != "crane" {
        return Some((consumer, models.find(consumer, image)));
    }
    Consumer::KeyChain.accepts(image).then(|| (consumer, models.find_by_whole_name(image)))
}

fn consumer_of(asked: &str) -> Consumer {
    let is_it = |consumer: &Consumer| consumer.json_name() == asked;
    WITH_LIBRARY.into_iter().find(is_it).unwrap_or(Consumer::Docker)
}

/// What comes first in an answer: a credential, nothing, or a failure.
type First = Result<Option<Credential>, ()>;

struct Wanted {
    firsts: BTreeSet<First>,
}

fn wanted(models: &Models<'_>, consumer: Consumer, image: &ImageRef, found: &Taken<'_>) -> Wanted {
    let fails = models.refuses_document(consumer) || !consumer.accepts(image) || found.asks_helper;
    let of_entry = |entry| match models.read(consumer, entry) {
        EntryRead::Credentials(credentials) => Ok(Some(credential(&credentials))),
        EntryRead::Nothing => Ok(None),
        EntryRead::RefusesEntry | EntryRead::RefusesDocument => Err(()),
    };
    let firsts = match found.groups.first() {
        _ if fails => BTreeSet::from([Err(())]),
        None => BTreeSet::from([Ok(None)]),
        Some(group) => group.entries().map(of_entry).collect(),
    };
    if let Some(group) = found.groups.first().filter(|_| !fails) {
        assert_eq!(group.is_uniform(), firsts.len() == 1);
    }
    Wanted { firsts }
}

fn credential(read: &consumers::ReadCredentials<'_>) -> Credential {
    Credential {
        username: read.username.to_vec(),
        password: read.password.to_vec(),
        identity_token: read.identity_token.to_string(),
        registry_token: read.registry_token.to_string(),
    }
}

fn firsts(finds: &[Find]) -> BTreeSet<First> {
    let first = |find: &Find| match find.credentials.first() {
        _ if find.failed => Err(()),
        first => Ok(first.filter(|first| **first != Credential::default()).cloned()),
    };
    finds.iter().map(first).collect()
}

/// Whether a list of credentials is that of the groups, in any order inside of each.
fn fits_groups(find: &Find, models: &Models<'_>, found: &Taken<'_>) -> bool {
    let mut rest = find.credentials.as_slice();
    let fits = found.groups.iter().all(|group| {
        let mut wanted: Vec<_> = group
            .entries()
            .map(|entry| match models.read(Consumer::Kubelet, entry) {
                EntryRead::Credentials(credentials) => credential(&credentials),
                _ => Credential::default(),
            })
            .collect();
        let Some((got, tail)) = rest.split_at_checked(wanted.len()) else { return false };
        rest = tail;
        let mut got = got.to_vec();
        got.sort();
        wanted.sort();
        got == wanted
    });
    find.failed || (fits && rest.is_empty())
}

fn compare_reading(
    question: &Question,
    models: &Models<'_>,
    answer: &Answer,
    differ: &mut impl FnMut(String),
) {
    let keys: Vec<_> = models.keys().collect();
    for consumer in WITH_LIBRARY {
        if !consumer.reads(question.secret_type) {
            continue;
        }
        let reading = answer.reading(consumer.json_name());
        if reading.refused != models.refuses_document(consumer) {
            differ(format!("{}: the library refuses the document: {}", consumer.name(), reading.refused));
        }
        if reading.refused {
            continue;
        }
        for (key, entry) in &reading.entries {
            // Of a key that is there twice, libraries keep the last.
            let read = keys.iter().rposition(|other| other == key).map(|entry| models.read(consumer, entry));
            let same = match read {
                Some(EntryRead::Credentials(read)) => entry.credentials.as_ref() == Some(&credential(&read)),
                Some(EntryRead::Nothing) => !entry.refused && entry.credentials.is_none(),
                Some(EntryRead::RefusesEntry) => entry.refused,
                Some(EntryRead::RefusesDocument) | None => false,
            };
            if !same {
                differ(format!("{} reads {entry:?} under {key:?}", consumer.name()));
            }
        }
    }
}

fn compare_reference(text: &str, names: &library::Names, differ: &mut impl FnMut(String)) {
    let image = ImageRef::parse(text);
    let name = image.as_ref().map_or("", ImageRef::name);
    let domain = image.as_ref().map_or("", ImageRef::domain);
    if (name, name, domain) != (&*names.docker, &*names.kubelet, &*names.domain) {
        differ(format!("the reference {text:?} is {names:?}, not {name:?} at {domain:?}"));
    }
    let accepted = |consumer: Consumer| image.as_ref().is_some_and(|image| consumer.accepts(image));
    let podman = if accepted(Consumer::Podman) { name } else { "" };
    // The key chain accepts more than docker does.
    let key_chain = if accepted(Consumer::KeyChain) {
        name.replacen("docker.io/", "index.docker.io/", 1)
    } else {
        String::new()
    };
    let is_hub = domain == "docker.io";
    let key_chain = if is_hub || key_chain.is_empty() { key_chain } else { name.to_owned() };
    if podman != names.podman || (image.is_some() && key_chain != names.keychain) {
        differ(format!("the reference {text:?} is {names:?}, in the models {podman:?} and {key_chain:?}"));
    }
}

/// The outcome of each entry from what the libraries answer. They do not say from which of two entries with equal
/// credentials an answer is; which entries are found is compared before.
fn compare_outcomes(
    question: &Question,
    models: &Models<'_>,
    answer: &Answer,
    library: &mut Library,
    differ: &mut impl FnMut(String),
) -> usize {
    let mut compared = 0;
    for (entry, key) in models.keys().enumerate() {
        let images = ordinary_images(&key);
        for consumer in WITH_LIBRARY.into_iter().filter(|consumer| consumer.reads(question.secret_type)) {
            if models.refuses_document(consumer) {
                continue;
            }
            let EntryRead::Credentials(own) = models.read(consumer, entry) else { continue };
            let own = credential(&own);
            let mut best = Outcome::FindsNothing;
            for image in images.iter().filter(|image| consumer.accepts(image)) {
                let Some(at) = question.images.iter().position(|text| *text == image.name()) else {
                    continue;
                };
                let mut got = answer.found(consumer.json_name(), at);
                let has = |find: &Find| find.credentials.contains(&own);
                let found = models.find(consumer, image);
                let wanted = wanted(models, consumer, image, &found);
                let is_found = found.groups.iter().any(|group| group.contains(entry));
                for _ in 0..ROUNDS {
                    if firsts(&got).len() >= wanted.firsts.len() {
                        break;
                    }
                    got.extend(library.ask_again(question, consumer.json_name(), image.name()));
                }
                if firsts(&got) == BTreeSet::from([Ok(Some(own.clone()))]) {
                    best = Outcome::Uses;
                } else if is_found && got.iter().any(has) && best != Outcome::Uses {
                    best = Outcome::MayUse;
                }
            }
            let outcome = models.outcome(consumer, entry);
            compared += 1;
            let by_whole_name = consumer == Consumer::Docker && outcome == Outcome::MayUse;
            if outcome != best
                && !(outcome == Outcome::RefusesEntry && best == Outcome::FindsNothing)
                && !by_whole_name
            {
                differ(format!(
                    "{} {outcome:?} {key:?} (entry {entry}), by its library {best:?}",
                    consumer.name()
                ));
            }
        }
    }
    compared
}
