//! The judgement: which rules stand in a document, what happens to each finding, and what is repaired.

mod compare;
mod credentials;
mod key;
mod structure;

use jiff::civil::Date;

use crate::document::{Document, Entry, Member};
use crate::finding::{Cap, Fault, Finding, InvalidJson, JsonType, Place, RegistryKey, Spot};
use crate::policy::{Policy, Requester, Setting};
use crate::registry::Key;
use crate::repair::Repair;
use crate::rule::{Action, PerRule, Rule};
use crate::secret::{MAX_SECRET_BYTES, OldSecret, Secret};

use compare::OldEntries;
use credentials::may_lack;

/// What is judged, for whom, and when.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who asks, and where.
    pub requester: Requester<'a>,
    /// Today's date in UTC.
    pub today: Date,
    /// The Secret as it is to be.
    pub secret: Secret<'a>,
    /// What it replaces; `None` on CREATE.
    pub old: Option<OldSecret<'a>>,
}

/// So many registries are listed in a judgement; a hostile document can hold 100 000.
pub const LISTED_REGISTRIES: usize = 100;

/// What was found. It borrows the registry keys from the documents and nothing else.
#[derive(Default)]
pub struct Judgement<'a> {
    /// Every finding in the document as it stands, sorted by place and then code.
    pub findings: Vec<Finding<'a>>,
    /// What mends the findings that are marked repairable.
    pub repair: Option<Repair>,
    /// There would be a repair of the findings that are marked repairable, were it not for `enforcement: audit`.
    pub repair_held_back: bool,
    /// The registry keys of the document, in its order: the first [`LISTED_REGISTRIES`].
    pub registries: Vec<RegistryKey<'a>>,
    /// How many there are beside those.
    pub registries_omitted: usize,
    /// Every rule is off for this request, so nothing was looked at.
    pub skipped: bool,
    /// The API server itself refuses such a document, with a text that says nothing (docs/facts.md,
    /// "Validation of Secrets").
    pub refused_by_api_server: bool,
}

/// Judges a Secret under a policy.
#[must_use]
pub fn judge<'a>(policy: &Policy, request: &Request<'a>) -> Judgement<'a> {
    judge_for(Purpose::Report, policy, request)
}

/// Judges a Secret as far as its repair depends on it: the repair is that of [`judge`], but of the findings only those are
/// sure to be there that it mends or would mend, and all of a document that the API server refuses.
#[must_use]
pub fn judge_repair<'a>(policy: &Policy, request: &Request<'a>) -> Judgement<'a> {
    judge_for(Purpose::Repair, policy, request)
}

fn judge_for<'a>(purpose: Purpose, policy: &Policy, request: &Request<'a>) -> Judgement<'a> {
    let settings = policy.settings(&request.requester, request.today);
    let mut judge = Judge {
        purpose,
        policy,
        request,
        settings,
        unchanged: request
            .old
            .and_then(|old| old.document)
            // They are often one and the same slice.
            .is_some_and(|old| std::ptr::eq(old, request.secret.document) || old == request.secret.document),
        findings: Vec::new(),
        repair: Repair::default(),
        mends: Vec::new(),
        never_patched: false,
    };
    if Rule::ALL.iter().all(|rule| judge.is_off(*rule)) {
        return Judgement { skipped: true, ..Judgement::default() };
    }
    match Document::read(request.secret.document, request.secret.secret_type) {
        Ok(document) => judge.document(&document),
        Err(fault) => {
            judge.found(Kept::Nothing, Fault::InvalidJson(fault.reason), fault.offset, Spot::Document);
            judge.judgement(None, Registries::default(), api_server_refuses(fault.reason))
        }
    }
}

/// Whether Go's decoder, into a map, refuses what we call invalid: it repairs broken text, and bears 10 000 levels.
const fn api_server_refuses(reason: InvalidJson) -> bool {
    !matches!(reason, InvalidJson::NotUtf8 | InvalidJson::LoneSurrogate | InvalidJson::TooDeep)
}

/// What a judgement is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To say everything that stands.
    Report,
    /// To repair what can be repaired.
    Repair,
}

/// One judgement in the making.
struct Judge<'p, 'a> {
    purpose: Purpose,
    policy: &'p Policy,
    request: &'p Request<'a>,
    settings: PerRule<Setting>,
    /// An UPDATE that leaves the document's bytes as they were.
    unchanged: bool,
    findings: Vec<Finding<'a>>,
    repair: Repair,
    /// What each edit of the repair does.
    mends: Vec<Mend>,
    /// Something was found that keeps the whole document from being patched, whatever its rule's action.
    never_patched: bool,
}

/// An entry under judgement.
struct EntryUnderJudgement<'d, 'a> {
    member: &'d Member,
    key: RegistryKey<'a>,
    fields: Entry<'d, 'a>,
    /// How much of it the old document had.
    kept: Kept,
}

/// What the repair does about one entry: each has one edit.
struct Mend {
    /// Which finding that mends.
    finding: usize,
    /// Where the entry begins.
    entry: usize,
    kept: Kept,
}

/// How much of an entry the old document had.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Nothing,
    Key,
    KeyAndBytes,
}

impl EntryUnderJudgement<'_, '_> {
    /// Where the entry begins: the quotation mark of its key.
    fn offset(&self) -> usize {
        name_offset(self.member)
    }
}

/// The registries of a judgement.
#[derive(Default)]
struct Registries<'a> {
    listed: Vec<RegistryKey<'a>>,
    omitted: usize,
}

impl<'a> Registries<'a> {
    fn of<'d>(document: &Document<'a>, entries: impl IntoIterator<Item = &'d Member>) -> Self {
        let mut entries = entries.into_iter();
        let listed = entries.by_ref().take(LISTED_REGISTRIES).map(|member| registry_key(document, member));
        Registries { listed: listed.collect(), omitted: entries.count() }
    }
}

/// The key of an entry.
fn registry_key<'a>(document: &Document<'a>, entry: &Member) -> RegistryKey<'a> {
    RegistryKey::new(document.name(entry).decode())
}

/// Where a member begins: the quotation mark of its name.
fn name_offset(member: &Member) -> usize {
    member.name().start.saturating_sub(1)
}

impl<'a> Judge<'_, 'a> {
    fn setting(&self, rule: Rule) -> Setting {
        *self.settings.get(rule)
    }

    fn is_off(&self, rule: Rule) -> bool {
        self.setting(rule).action == Action::Off
    }

    /// Takes a finding in, with the action that is left after exemptions, ratchet and enforcement. `kept` is how much the
    /// old document had of the entry that it is about.
    fn found(&mut self, kept: Kept, fault: Fault<'a>, offset: usize, spot: Spot<'a>) {
        let rule = fault.rule();
        self.never_patched |= matches!(rule, Rule::InvalidJson | Rule::AmbiguousJson | Rule::NotAnObject);
        let Setting { rule_action, action: exempted, .. } = self.setting(rule);
        if exempted == Action::Off {
            return;
        }
        let kept = match kept {
            Kept::KeyAndBytes => true,
            Kept::Key => rule.judges_host(),
            Kept::Nothing => false,
        };
        let ratchet = if kept || self.unchanged { Action::Warn } else { Action::Deny };
        // Enforcement comes last, so that it is named only where lifting it would make a difference: that is how a
        // roll-out is judged before it is enforced.
        let caps = [
            (Cap::Exemption, exempted),
            (Cap::Ratchet, ratchet),
            (Cap::Enforcement, self.policy.enforcement.cap()),
        ];
        let (mut action, mut capped_by) = (rule_action, None);
        for (cap, most) in caps {
            if most < action {
                (action, capped_by) = (most, Some(cap));
            }
        }
        let place = Place { secret_type: self.request.secret.secret_type, offset, spot };
        if self.findings.len() == self.findings.capacity() {
            // By a quarter, not twofold: while it grows, the old list is held as well, and a hostile document can make
            // 200,000 findings.
            self.findings.reserve_exact(4 + self.findings.len() / 4);
        }
        self.findings.push(Finding { fault, place, rule_action, action, capped_by, repairable: false });
    }

    fn document(mut self, document: &Document<'a>) -> Judgement<'a> {
        let refused = !matches!(document.kind(), JsonType::Object | JsonType::Null);
        if self.purpose == Purpose::Repair && !refused && !self.may_be_repairable(document) {
            let entries = document.entries().filter(|member| !self.is_misplaced_wrapper(document, member));
            let registries = Registries::of(document, entries);
            return self.judgement(None, registries, refused);
        }
        let old_document = self.old_document();
        let mut old = old_document.as_ref().map(OldEntries::new);
        let entries = self.structure(document);
        if self.purpose == Purpose::Repair {
            // Whoever writes one registry without `auth` writes all of them so.
            self.findings.reserve(entries.len());
            self.mends.reserve(entries.len());
            self.repair.reserve(entries.len());
        }
        for member in &entries {
            let key = registry_key(document, member);
            let bytes = document.raw_value(member);
            let kept = old.as_mut().map_or(Kept::Nothing, |old| old.keep(&key, bytes));
            let entry = EntryUnderJudgement { member, key, fields: document.entry(member), kept };
            let (findings, mends) = (self.findings.len(), self.mends.len());
            self.entry(document, &entry, old.as_ref());
            if !self.may_be_patched(findings) {
                self.mends.truncate(mends);
                self.repair.truncate(mends);
            }
        }
        let holds_entry =
            entries.iter().any(|member| matches!(member.kind, JsonType::Object | JsonType::Null));
        if let Some(old) = old.as_ref().filter(|_| holds_entry && self.purpose == Purpose::Report) {
            let present = entries.iter().map(|member| registry_key(document, member));
            self.registries_dropped(present, old);
        }
        let repair = self.repair();
        self.judgement(repair, Registries::of(document, entries), refused)
    }

    /// Whether there can be a repair at all, by a glance at each entry. Most Secrets need none.
    fn may_be_repairable(&self, document: &Document<'a>) -> bool {
        let immutable = self.request.old.is_some_and(|old| old.immutable);
        !self.unchanged && !immutable && document.entries().any(|member| may_lack(&document.entry(member)))
    }

    /// The old document, where the comparisons and the ratchet need one.
    fn old_document(&self) -> Option<Document<'a>> {
        let bytes = self.request.old.filter(|_| !self.unchanged)?.document?;
        Document::read(bytes, self.request.secret.secret_type).ok()
    }

    /// Judges one entry, and makes its edit.
    fn entry(
        &mut self,
        document: &Document<'a>,
        entry: &EntryUnderJudgement<'_, 'a>,
        old: Option<&OldEntries<'_, 'a>>,
    ) {
        if !matches!(entry.member.kind, JsonType::Object | JsonType::Null) {
            let fault = Fault::NotAnObject(entry.member.kind);
            self.found(entry.kept, fault, entry.offset(), Spot::Entry(entry.key.clone()));
            return;
        }
        if self.purpose == Purpose::Report {
            // A host rule never stands in the way of a repair.
            self.registry_key(entry, &Key::parse(entry.key.as_written()));
        }
        self.entry_structure(entry);
        if let Some(old) = old {
            self.credentials_stripped(entry, old);
        }
        self.credentials(document, entry);
    }

    /// Whether the entry whose findings begin at `first` may be repaired: a half-repaired entry would no longer be the
    /// one that the ratchet knows. A host rule does not stand in the way.
    fn may_be_patched(&self, first: usize) -> bool {
        let findings = self.findings.get(first..).unwrap_or_default();
        findings
            .iter()
            .map(Finding::rule)
            .all(|rule| rule.is_fixable() || rule.judges_host() || self.setting(rule).action != Action::Deny)
    }

    /// The repair, unless the document may not be patched or would grow too large.
    fn repair(&mut self) -> Option<Repair> {
        let immutable = self.request.old.is_some_and(|old| old.immutable);
        if self.mends.is_empty() || self.never_patched || self.unchanged || immutable {
            return None;
        }
        let repair = std::mem::take(&mut self.repair);
        let would_be = repair.size_after(self.request.secret.data_bytes);
        let too_large = would_be > MAX_SECRET_BYTES;
        for Mend { finding, entry, kept } in std::mem::take(&mut self.mends) {
            let Some(finding) = self.findings.get_mut(finding) else { continue };
            if !too_large {
                finding.repairable = true;
            } else if let Some(key) = finding.place.key().cloned() {
                self.found(kept, Fault::TooLargeToFix { would_be }, entry, Spot::Entry(key));
            }
        }
        (!too_large).then_some(repair)
    }

    fn judgement(
        mut self,
        repair: Option<Repair>,
        registries: Registries<'a>,
        refused_by_api_server: bool,
    ) -> Judgement<'a> {
        // Under `enforcement: audit` nothing is changed, and what would have been is told.
        let held_back = self.policy.enforcement.cap() < Action::Warn;
        let repair_held_back = held_back && repair.is_some();
        let repair = repair.filter(|_| !held_back);
        self.findings.sort_unstable_by_key(|finding| (finding.place.offset, finding.rule()));
        Judgement {
            findings: self.findings,
            repair,
            repair_held_back,
            registries: registries.listed,
            registries_omitted: registries.omitted,
            skipped: false,
            refused_by_api_server,
        }
    }
}
