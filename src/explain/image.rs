//! An image without a Pod: which credentials each consumer would use for it.

use std::io::{self, Write};

use jiff::Timestamp;
use regcred_engine::consumers::{Consumer, Group, ImageRef, Models, ask};
use regcred_engine::pull::{
    ContainerFacts, PodFacts, PullSecret, SecretFacts, Seen, ServiceAccountFacts, explain, look_up,
};
use regcred_engine::registry::RegistryKey;
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;

use super::files::FileSurroundings;
use crate::manifest::content::Content;
use crate::report::explained::{ConsumerUse, ExplainReport, Explained};

/// An image, and the pull Secrets that a new Pod would have. It contains credentials: there is no `Debug`.
pub(crate) struct ImageQuestion<'q> {
    pub(crate) namespace: &'q str,
    pub(crate) image: &'q str,
    /// The Secrets that the Pod itself names.
    pub(crate) secrets: Vec<PullSecret>,
    /// The ServiceAccount whose Secrets a Pod that names none gets.
    pub(crate) account: Option<ServiceAccountFacts>,
}

/// Explains an image with all pull Secrets of one file, which is shown as `path`.
///
/// # Errors
/// If the report cannot be written.
pub fn explain_image_with_content<W: Write + 'static>(
    image: &str,
    path: &str,
    content: &Content<'_>,
    now: Timestamp,
    report: &mut ExplainReport<W>,
) -> io::Result<()> {
    let namespace = "default";
    let mut read = FileSurroundings::default();
    read.add(path, content, namespace, report)?;
    let secrets = read.pull_secrets();
    ImageQuestion { namespace, image, secrets, account: None }.explain(now, report)
}

impl ImageQuestion<'_> {
    /// Reports which entries each consumer would use.
    pub(crate) fn explain<W: Write + 'static>(
        self,
        now: Timestamp,
        report: &mut ExplainReport<W>,
    ) -> io::Result<()> {
        let ImageQuestion { namespace, image, secrets, account } = self;
        let container = ContainerFacts { image: image.to_owned(), ..ContainerFacts::default() };
        let facts = PodFacts {
            namespace: namespace.to_owned(),
            is_template: true,
            pull_secrets: secrets,
            service_account: account,
            containers: vec![container],
            ..PodFacts::default()
        };
        let account = facts.service_account.as_ref().map(|account| account.pull_secrets.as_slice());
        let secrets = account.filter(|_| facts.pull_secrets.is_empty()).unwrap_or(&facts.pull_secrets);
        for explanation in explain(&facts, now) {
            let mut explained = Explained::of_image(explanation);
            explained.consumers = consumer_uses(image, secrets);
            report.explained(&explained)?;
        }
        Ok(())
    }
}

/// What every consumer would use. All of them but the kubelet read one Secret at a time.
fn consumer_uses(image: &str, secrets: &[PullSecret]) -> Vec<ConsumerUse> {
    let Some(image_ref) = ImageRef::parse(image) else { return Vec::new() };
    let consumers = Consumer::ALL.into_iter();
    let used = consumers.map(|consumer| {
        let (uses, notes) = match consumer {
            Consumer::Kubelet => kubelet_uses(image, secrets),
            other => other_uses(other, &image_ref, secrets),
        };
        let join = |notes: Vec<String>, mark: &str| notes.join(mark);
        let (english, chinese) = notes.into_iter().map(|note| (note.english, note.chinese)).unzip();
        let notes = Bilingual::new(join(english, "; "), join(chinese, "；"));
        let note = Some(notes).filter(|notes| !notes.english.is_empty());
        ConsumerUse { consumer: consumer.json_name(), name: consumer.name(), uses, note }
    });
    used.collect()
}

/// The Secrets and keys of the entries that a consumer tries, and what else there is to say.
type Uses = (Vec<(String, String)>, Vec<Bilingual<String>>);

fn kubelet_uses(image: &str, secrets: &[PullSecret]) -> Uses {
    let Some(found) = look_up(image, secrets) else { return (Vec::new(), Vec::new()) };
    let used = found.used.iter().map(|used| (used.secret.clone(), used.key.shown().into_owned()));
    let unused = found.unused.into_iter().map(|unused| unused.why);
    let notes = if found.used.is_empty() { unused.collect() } else { Vec::new() };
    (used.collect(), notes)
}

fn other_uses(consumer: Consumer, image: &ImageRef, secrets: &[PullSecret]) -> Uses {
    let mut uses = Vec::new();
    let mut notes = Vec::new();
    for PullSecret { name, seen } in secrets {
        let Seen::Present(SecretFacts { secret_type, document: Some(document) }) = seen else { continue };
        let Some(secret_type) = SecretType::from_name(secret_type) else { continue };
        let read = ask(document, secret_type, |models| use_of(consumer, image, secret_type, models));
        match read {
            Some(Ok(keys)) => uses.extend(keys.into_iter().map(|key| (name.clone(), key))),
            Some(Err(why)) => notes
                .push(Bilingual::new(format!("{name}: {}", why.english), format!("{name}：{}", why.chinese))),
            None => notes.push(Bilingual::new(format!("{name}: invalid JSON"), format!("{name}：JSON 无效"))),
        }
    }
    (uses, notes)
}

/// The keys of the entries that a consumer takes for an image, or why it takes none.
fn use_of(
    consumer: Consumer,
    image: &ImageRef,
    secret_type: SecretType,
    models: &Models<'_>,
) -> Result<Vec<String>, Bilingual<&'static str>> {
    let why = |english, chinese| Err(Bilingual { english, chinese });
    if !consumer.reads(secret_type) {
        return why("does not read Secrets of this type", "不读取这种类型的 Secret");
    }
    if models.refuses_document(consumer) {
        return why("refuses the whole document", "拒绝整个文档");
    }
    if !consumer.accepts(image) {
        return why("does not accept this image reference", "不接受该镜像引用");
    }
    let found = models.find(consumer, image);
    if found.asks_helper {
        return why(
            "asks a credential helper, which a Secret cannot have",
            "会调用凭据助手，而 Secret 中没有",
        );
    }
    let keys: Vec<_> = models.keys().map(|key| RegistryKey::new(key).shown().into_owned()).collect();
    let entries: Vec<_> = found.groups.iter().flat_map(Group::entries).collect();
    let complete = entries.iter().filter(|entry| models.reads_complete(consumer, **entry));
    let used: Vec<_> = complete.filter_map(|entry| keys.get(*entry).cloned()).collect();
    match (used.is_empty(), entries.is_empty()) {
        (false, _) => Ok(used),
        (true, true) => why("finds no entry for this image", "没有该镜像的条目"),
        (true, false) => why(
            "finds an entry for this image and reads no username and password from it",
            "找到了该镜像的条目，但读不出用户名和密码",
        ),
    }
}
