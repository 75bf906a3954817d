//! The judgement: which rules apply to a document, what happens to each finding, and what is repaired.

mod old;
mod shape;

use std::cell::OnceCell;
use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::affected::Affected;
use crate::consumers::Models;
use crate::document::{Document, SyntaxError};
use crate::finding::{EntryNumber, Finding};
use crate::place::{Place, Spot};
use crate::policy::{Policy, Requester, Setting};
use crate::registry::{DOCKER_HUB, Key, RegistryKey};
use crate::repair::{Edit, Repair, size_after};
use crate::rules::{
    Action, Collisions, Credentials, DocumentView, EntryRef, EntryView, Fault, Kept, Lists,
    MisplacedAuthsWrapper, NotJson, PerRule, Reported, Rule, Shared, TooLargeToFix, check_document,
    check_entry,
};
use crate::secret::{MAX_SECRET_BYTES, OldSecret, Secret};

use old::OldEntries;
pub use shape::judge_shape;

/// What is judged, for whom, and when.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who asks, and where.
    pub requester: Requester<'a>,
    /// The time, to the second.
    pub now: Timestamp,
    /// The Secret as it is to be.
    pub secret: Secret<'a>,
    /// What it replaces; `None` on CREATE.
    pub old: Option<OldSecret<'a>>,
}

/// At most this many registries are listed in a judgement; a hostile document can have 100,000.
pub const MAX_LISTED_REGISTRIES: usize = 100;

/// What the consumers make of an entry is not computed for a document with more entries than this: the models of such a
/// document take 50 times its size, and no pull Secret has this many. Nor is it if the models leave out some of its globs.
pub const MAX_MODELLED_ENTRIES: usize = 1_000;

/// What was found. It borrows only the registry keys from the documents.
#[derive(Default)]
pub struct Judgement<'a> {
    /// Every finding in the document as it is, sorted by place and then code.
    pub findings: Vec<Finding<'a>>,
    /// The repair of the findings that are marked repairable.
    pub repair: Option<Repair>,
    /// There would be a repair of the findings that are marked repairable, were it not for `enforcement: audit`.
    pub repair_held_back: bool,
    /// The registry keys of the document, in its order: the first [`MAX_LISTED_REGISTRIES`].
    pub registries: Vec<RegistryKey<'a>>,
    /// How many more there are.
    pub registries_omitted: usize,
    /// Every rule is off for this request, so nothing was checked.
    pub skipped: bool,
    /// The API server itself refuses such a document, with a text that explains nothing (docs/facts.md,
    /// "Validation of Secrets").
    pub refused_by_api_server: bool,
}

/// Judges a Secret under a policy.
#[must_use]
pub fn judge<'a>(policy: &Policy, request: &Request<'a>) -> Judgement<'a> {
    let document = read(request);
    let mut judgement = judge_document(policy, request, document.as_ref(), Extent::Everything);
    if let Ok(document) = &document
        && !judgement.findings.is_empty()
        && document.entries().nth(MAX_MODELLED_ENTRIES).is_none()
    {
        ask_consumers(&mut judgement.findings, document);
    }
    judgement
}

/// Judges only what decides the repair of a Secret, for callers that show nothing else: of the findings there are those
/// that are repaired, and all of a document that the API server refuses; others may be missing. What the consumers make of
/// them, and whether the old document had them, is not asked. For fifty repairs it takes 35 µs instead of 255
/// (docs/benchmarks.md).
#[must_use]
pub fn judge_repair<'a>(policy: &Policy, request: &Request<'a>) -> Judgement<'a> {
    judge_document(policy, request, read(request).as_ref(), Extent::Repair)
}

/// How much is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Everything,
    /// As for [`judge_repair`].
    Repair,
}

fn read<'a>(request: &Request<'a>) -> Result<Document<'a>, SyntaxError> {
    Document::read(request.secret.document, request.secret.secret_type)
}

fn judge_document<'a>(
    policy: &Policy,
    request: &Request<'a>,
    document: Result<&Document<'a>, &SyntaxError>,
    extent: Extent,
) -> Judgement<'a> {
    let settings = policy.settings(&request.requester, Offset::UTC.to_datetime(request.now).date());
    let judge = Judge {
        policy,
        request,
        settings,
        // All that is found in such a document is shown.
        extent: if document.is_ok_and(Document::is_object) { extent } else { Extent::Everything },
        unchanged: request
            .old
            .and_then(|old| old.document)
            .is_some_and(|old| old.is_same(request.secret.document)),
        findings: Vec::new(),
        edits: Vec::new(),
        never_patched: false,
    };
    if Rule::ALL.iter().all(|rule| judge.is_off(*rule)) {
        return Judgement { skipped: true, ..Judgement::default() };
    }
    match document {
        Ok(document) => judge.document(document),
        Err(error) => judge.not_json(*error),
    }
}

/// Fills in what the consumers make of the entry, or of the document, that each finding is about.
fn ask_consumers(findings: &mut [Finding<'_>], document: &Document<'_>) {
    let models = Models::new(document);
    if models.are_cut() {
        return;
    }
    let entries: Vec<_> = document.entries().collect();
    let keys: Vec<_> = models.keys().collect();
    let keys: Vec<_> = keys.iter().map(|key| Key::parse(key)).collect();
    let registries: HashSet<_> = keys.iter().map(Key::identity).collect();
    let registries = u16::try_from(registries.len()).unwrap_or(u16::MAX);
    let of_document = Affected::by_document(&models, document.secret_type(), registries);
    let mut last: Option<(usize, Affected)> = None;
    for finding in findings {
        let entry = finding.entry.and_then(|entry| usize::try_from(entry.index()).ok());
        finding.affected = match (entry, last) {
            (None, _) => of_document,
            (Some(index), Some((same, affected))) if same == index => affected,
            (Some(index), _) => {
                let fields = entries.get(index).map(|member| document.entry(member));
                let credentials = fields.as_ref().and_then(Credentials::read);
                let plain = credentials.as_ref().and_then(Credentials::plain_pair);
                let key = finding.place.key().map(RegistryKey::as_written).unwrap_or_default();
                let affected = Affected::by_entry(&models, index, key, plain, registries);
                last = Some((index, affected));
                affected
            }
        };
    }
}

/// One judgement in progress.
struct Judge<'p, 'a> {
    policy: &'p Policy,
    request: &'p Request<'a>,
    settings: PerRule<Setting>,
    extent: Extent,
    /// An UPDATE that leaves the document as it was.
    unchanged: bool,
    findings: Vec<Finding<'a>>,
    /// The changes that fix the repairable findings, in the order of those.
    edits: Vec<Edit>,
    /// A finding keeps the whole document from being patched, whatever its rule's action.
    never_patched: bool,
}

/// The rules that are asked.
#[derive(Default)]
struct Wanted {
    always: PerRule<bool>,
    /// About an entry that would be repaired: what could stop that, where else it is of no interest.
    before_repair: PerRule<bool>,
}

impl Wanted {
    fn includes(&self, rule: Rule) -> bool {
        *self.always.get(rule) || *self.before_repair.get(rule)
    }
}

/// The entry that a finding is about.
#[derive(Clone, Copy)]
struct About {
    /// The number among all entries of the document.
    entry: Option<u32>,
    /// How much of it the old document had.
    kept: Kept,
}

impl About {
    const DOCUMENT: About = About { entry: None, kept: Kept::Nothing };
}

impl<'a> Judge<'_, 'a> {
    fn setting(&self, rule: Rule) -> Setting {
        *self.settings.get(rule)
    }

    fn is_off(&self, rule: Rule) -> bool {
        self.setting(rule).action == Action::Off
    }

    /// Which rules are to be asked.
    fn wanted(&self) -> Wanted {
        let is_on = |rule: Rule| rule.stops_every_repair() || !self.is_off(rule);
        match self.extent {
            Extent::Everything => {
                Wanted { always: PerRule::from_fn(is_on), before_repair: PerRule::default() }
            }
            Extent::Repair if self.is_never_repaired() => Wanted::default(),
            Extent::Repair => {
                let decides = |rule: Rule| is_on(rule) && (rule.stops_every_repair() || rule.is_fixable());
                Wanted {
                    always: PerRule::from_fn(decides),
                    before_repair: PerRule::from_fn(|rule| self.stops_repair(rule) && !decides(rule)),
                }
            }
        }
    }

    /// Whether a finding of the rule keeps its entry from being repaired.
    fn stops_repair(&self, rule: Rule) -> bool {
        rule.stops_repair() && self.setting(rule).action == Action::Deny
    }

    /// Whether the request keeps the document from being patched, whatever is in it.
    fn is_never_repaired(&self) -> bool {
        self.unchanged || self.request.old.is_some_and(|old| old.immutable)
    }

    /// Records a finding. Its action is capped by exemptions, the ratchet and enforcement, in that order.
    fn record(&mut self, about: About, reported: Reported<'a>) {
        let Reported { fault, offset, spot, edit } = reported;
        let rule = fault.rule();
        self.never_patched |= rule.stops_every_repair();
        let setting = self.setting(rule);
        let Setting { rule_action, action: exempted, fix } = setting;
        if exempted == Action::Off {
            return;
        }
        let kept = match about.kept {
            Kept::KeyAndBytes => true,
            Kept::Key => rule.judges_host(),
            Kept::Nothing => false,
        };
        let ratchet = if kept || self.unchanged { Action::Warn } else { Action::Deny };
        let (action, capped_by) = self.policy.applied(setting, ratchet);
        if self.findings.len() == self.findings.capacity() {
            // By a quarter, not twofold: a hostile document can make 200,000 findings.
            self.findings.reserve_exact(4 + self.findings.len() / 4);
        }
        let edit = edit.filter(|_| fix);
        self.findings.push(Finding {
            fault,
            place: Place::new(self.request.secret.secret_type, offset, spot),
            rule_action,
            action,
            capped_by,
            repairable: edit.is_some(),
            affected: Affected::default(),
            entry: about.entry.map(EntryNumber::of_index),
        });
        self.edits.extend(edit);
    }

    fn not_json(mut self, error: SyntaxError) -> Judgement<'a> {
        let refused = !Document::is_accepted_by_go(self.request.secret.document);
        let fault = Fault::NotJson(NotJson { reason: error.reason, refused_by_api_server: refused });
        let reported = Reported { fault, offset: error.offset, spot: Spot::Document, edit: None };
        self.record(About::DOCUMENT, reported);
        Judgement { findings: self.findings, refused_by_api_server: refused, ..Judgement::default() }
    }

    fn document(mut self, document: &Document<'a>) -> Judgement<'a> {
        let wanted = self.wanted();
        let old_document = self.old_document(&wanted);
        let mut old = old_document.as_ref().map(OldEntries::new);
        let mut entries = Vec::with_capacity(document.entries().count());
        for (index, member) in document.entries().enumerate() {
            if MisplacedAuthsWrapper::is_wrapper(document, member) {
                continue;
            }
            let key = RegistryKey::new(document.name(member).decode());
            let bytes = document.raw_value(member);
            let kept = old.as_mut().map_or(Kept::Nothing, |old| old.keep(&key, bytes));
            // No document has more members than this can count.
            entries.push(EntryRef { member, key, index: u32::try_from(index).unwrap_or(u32::MAX), kept });
        }
        if entries.len() > MAX_MODELLED_ENTRIES {
            // Such a document is made by hand and can have two findings or more in each entry. A list that grows is
            // held twice for a moment.
            self.findings.reserve_exact(2 * entries.len());
            self.edits.reserve_exact(entries.len());
        }
        let by_person = self.request.requester.is_person();
        let lost = old.as_ref().filter(|_| by_person).map(OldEntries::lost).unwrap_or_default();
        let view = DocumentView { document, entries: &entries, lost: &lost };
        if Rule::ALL.iter().any(|rule| *wanted.always.get(*rule)) {
            check_document(&view, &wanted.always, |reported| self.record(About::DOCUMENT, reported));
            self.entries(document, &entries, old.as_ref(), &wanted);
        }

        let repair = self.repair(&entries);
        // Under `enforcement: audit` nothing is changed, and the record says what would have been.
        let held_back = self.policy.enforcement.cap() < Action::Warn;
        let order = |finding: &Finding<'_>| (finding.place.offset(), finding.rule());
        if self.findings.len() > MAX_MODELLED_ENTRIES {
            // A stable sort would hold as much again. Of so many findings nobody reads the order of equal ones.
            self.findings.sort_unstable_by_key(order);
        } else {
            self.findings.sort_by_key(order);
        }
        let is_object = document.is_object();
        Judgement {
            findings: self.findings,
            repair_held_back: held_back && repair.is_some(),
            repair: repair.filter(|_| !held_back),
            registries_omitted: entries.len().saturating_sub(MAX_LISTED_REGISTRIES),
            registries: entries.into_iter().take(MAX_LISTED_REGISTRIES).map(|entry| entry.key).collect(),
            skipped: false,
            refused_by_api_server: !is_object,
        }
    }

    /// Judges the entries one by one.
    fn entries(
        &mut self,
        document: &Document<'a>,
        entries: &[EntryRef<'_, 'a>],
        old: Option<&OldEntries<'_, 'a>>,
        wanted: &Wanted,
    ) {
        let hub = entries.iter().rfind(|entry| entry.key.as_written() == DOCKER_HUB);
        let lists = Lists {
            allowed: self.policy.allowed_registries.as_ref(),
            denied: &self.policy.denied_registries,
        };
        let compares =
            [Rule::RegistryNamedTwice, Rule::RegistryPathsCollide].iter().any(|rule| wanted.includes(*rule));
        let shared = Shared {
            entries,
            lists,
            docker_hub: hub.and_then(|entry| Credentials::read(&document.entry(entry.member))),
            now: self.request.now,
            collisions: if compares { Collisions::find(document, entries) } else { Collisions::default() },
            has_usable: OnceCell::new(),
        };
        for entry in entries {
            let about = About { entry: Some(entry.index), kept: entry.kept };
            if let Some(malformed) = Reported::malformed(entry) {
                self.record(about, malformed);
                continue;
            }
            let held = old
                .filter(|_| entry.kept == Kept::Key)
                .map_or_else(Default::default, |old| old.held(&entry.key));
            let view = EntryView::new(document, entry, held, &shared);
            let before = (self.findings.len(), self.edits.len());
            self.check_entry(&view, about, &wanted.always);
            if self.edits.len() > before.1 {
                self.check_entry(&view, about, &wanted.before_repair);
                self.drop_edits_of_denied(before);
            }
        }
    }

    fn check_entry(&mut self, view: &EntryView<'_, 'a>, about: About, wanted: &PerRule<bool>) {
        check_entry(view, wanted, |reported| {
            let rule = reported.fault.rule();
            let is_allowed = rule.takes_allow() && self.policy.rules.get(rule).allow.allows(view.key());
            if !is_allowed {
                self.record(about, reported);
            }
        });
    }

    /// The old document, if the comparisons and the ratchet need one. The ratchet does not decide what is repaired.
    fn old_document(&self, wanted: &Wanted) -> Option<Document<'a>> {
        let is_compared = self.extent == Extent::Everything || wanted.includes(Rule::CredentialsStripped);
        let old = self.request.old.filter(|_| is_compared && !self.unchanged)?.document?;
        Document::read(old.bytes(), self.request.secret.secret_type).ok()
    }

    /// Leaves an entry as it is if another finding denies it: a half-repaired entry would no longer be the one that the
    /// ratchet knows. `findings` and `edits` are how many there were before those of the entry.
    fn drop_edits_of_denied(&mut self, (findings, edits): (usize, usize)) {
        let new = self.findings.get(findings..).unwrap_or_default();
        if new.iter().any(|finding| self.stops_repair(finding.rule())) {
            self.drop_edits(findings, edits);
        }
    }

    /// Drops the edits from the one with the number `edits`; their findings begin at the number `findings`.
    fn drop_edits(&mut self, findings: usize, edits: usize) {
        self.edits.truncate(edits);
        for finding in self.findings.iter_mut().skip(findings) {
            finding.repairable = false;
        }
    }

    /// Builds the repair from the edits of the findings, unless the document may not be patched or would grow too
    /// large.
    fn repair(&mut self, entries: &[EntryRef<'_, 'a>]) -> Option<Repair> {
        if self.never_patched || self.is_never_repaired() {
            self.drop_edits(0, 0);
        }
        let would_be = size_after(self.request.secret.data_bytes, &self.edits);
        if would_be > MAX_SECRET_BYTES && !self.edits.is_empty() {
            self.too_large(would_be, entries);
        }
        Repair::new(std::mem::take(&mut self.edits))
    }

    /// Reports each entry that would have been repaired.
    fn too_large(&mut self, would_be: usize, entries: &[EntryRef<'_, 'a>]) {
        let unfixed = self.findings.iter().filter(|finding| finding.repairable);
        let unfixed: Vec<u32> = unfixed.filter_map(|finding| finding.entry.map(EntryNumber::index)).collect();
        self.drop_edits(0, 0);
        for index in unfixed {
            let entry = entries.binary_search_by_key(&index, |entry| entry.index);
            let Some(entry) = entry.ok().and_then(|at| entries.get(at)) else { continue };
            self.record(
                About { entry: Some(index), kept: entry.kept },
                Reported {
                    fault: Fault::TooLargeToFix(TooLargeToFix {
                        would_be: u32::try_from(would_be).unwrap_or(u32::MAX),
                    }),
                    offset: entry.offset(),
                    spot: Spot::Entry(entry.key.clone()),
                    edit: None,
                },
            );
        }
    }
}
