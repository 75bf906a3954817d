//! The repair of a file: of each Secret the bytes of its document, and nothing else.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regcred_engine::judge::Judgement;
use regcred_engine::policy::Language;
use regcred_engine::repair::Repair;
use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

use super::scalar::{Style, written};
use super::secret::{PullSecret, Writing};
use super::{Manifest, Terms};
use crate::guarded::guarded;
use crate::report::UNDER_AUDIT;

/// Why what could be repaired is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Shared,
    Placeholder,
    Sealed,
    Binary,
    Written,
    HeldBack,
}

impl Hold {
    /// Why.
    pub(super) fn said(self, language: Language) -> String {
        let (english, chinese) = match self {
            Hold::Shared => (
                "an anchor shares this value with another place, where the repair would change something else",
                "该值通过锚点与其他位置共用，修复会改动别处",
            ),
            Hold::Placeholder => (
                "a text of this entry looks like a placeholder that is filled in later, and `auth` would encode the \
                 placeholder",
                "该条目中有看似稍后才填入的占位符，此时编码 auth 得到的是占位符",
            ),
            Hold::Sealed => (
                "sops seals all of this file, with what is in plain text, and would not decrypt it any more",
                "sops 对整个文件（包括明文部分）做了校验，修改后将无法解密",
            ),
            Hold::Binary => ("it is written as !!binary", "该值以 !!binary 写成"),
            Hold::Written => ("the way it is written cannot be edited safely", "该写法无法安全地编辑"),
            Hold::HeldBack => ("the policy says `enforcement: audit`", "策略为 `enforcement: audit`"),
        };
        Bilingual { english, chinese }.line(language)
    }

    /// What to do.
    pub(super) const fn remedy(self) -> Bilingual<&'static str> {
        let (english, chinese) = match self {
            Hold::Shared => (
                "Write the value out here, so that --fix can repair it, or mend it by hand.",
                "请在此处单独写出该值，再用 --fix 修复；或手工修改。",
            ),
            Hold::Placeholder => (
                "Have the tool that fills in the placeholder write auth, too.",
                "请让填入占位符的工具一并写出 auth。",
            ),
            Hold::Sealed => (
                "Mend it decrypted, for example with `sops edit`.",
                "请在解密状态下修改，例如用 `sops edit`。",
            ),
            Hold::Binary => (
                "Write the value without !!binary, so that --fix can repair it.",
                "请去掉该值的 !!binary，再用 --fix 修复。",
            ),
            Hold::Written => (
                "Write the value as a block (`|`), so that --fix can repair it.",
                "请把该值改用块写法（`|`），再用 --fix 修复。",
            ),
            Hold::HeldBack => return UNDER_AUDIT,
        };
        Bilingual { english, chinese }
    }
}

/// What is done about a Secret that can be repaired. It holds credentials: there is no `Debug`.
#[derive(Default)]
pub(super) struct Plan {
    splices: Vec<Splice>,
    /// The document after them; `None` where it stays.
    document: Option<Zeroizing<Vec<u8>>>,
    /// Why all of it is left alone.
    hold: Option<Hold>,
    /// The entries that are left alone because of a placeholder.
    placeholders: Vec<Range<usize>>,
}

impl Plan {
    /// Why what stands at this place of the document is left alone, although it could be repaired.
    pub(super) fn hold(&self, offset: usize) -> Option<Hold> {
        // They stand in the order of the document.
        let next = self.placeholders.partition_point(|entry| entry.end <= offset);
        let in_entry = self.placeholders.get(next).is_some_and(|entry| entry.contains(&offset));
        if in_entry { Some(Hold::Placeholder) } else { self.hold }
    }
}

/// A replacement of some bytes of a file. It holds credentials: there is no `Debug`.
struct Splice {
    range: Range<usize>,
    text: Zeroizing<String>,
}

impl Manifest<'_> {
    /// The repaired text; `None` where there is nothing to repair, or it cannot be done safely.
    #[must_use]
    pub fn repaired(&self, terms: Terms<'_>) -> Option<Zeroizing<String>> {
        let mut splices = Vec::new();
        let mut documents = Vec::new();
        for secret in &self.found.secrets {
            // What could not be judged is reported by the check, and stays as it is.
            let plan = guarded(|| self.plan(secret, &mut secret.judge(terms))).unwrap_or_default();
            splices.extend(plan.splices);
            documents.push(plan.document);
        }
        if splices.is_empty() {
            return None;
        }
        // They stand in the order of the file, unless it has aliases.
        splices.sort_by_key(|splice| splice.range.start);
        Some(self.spliced(&splices)).filter(|text| self.is_as_meant(text, &documents))
    }

    /// Reads the edited file, as a proof: the same Secrets, and of each the document that the engine made or the one
    /// that was there.
    fn is_as_meant(&self, text: &str, documents: &[Option<Zeroizing<Vec<u8>>>]) -> bool {
        let after = super::found(self.path, text).secrets;
        after.len() == self.found.secrets.len()
            && self.found.secrets.iter().zip(&after).zip(documents).all(|((before, after), document)| {
                after.object == before.object
                    && after.document == *document.as_ref().unwrap_or(&before.document)
            })
    }

    fn spliced(&self, splices: &[Splice]) -> Zeroizing<String> {
        let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
        let mut text = Zeroizing::new(String::with_capacity(self.text.len() + added));
        let mut kept = 0;
        for splice in splices {
            text.push_str(self.text.get(kept..splice.range.start).unwrap_or_default());
            text.push_str(&splice.text);
            kept = splice.range.end;
        }
        text.push_str(self.text.get(kept..).unwrap_or_default());
        text
    }

    /// How a Secret is repaired, and why not where it could be.
    pub(super) fn plan(&self, secret: &PullSecret, judgement: &mut Judgement<'_>) -> Plan {
        let held = |hold| Plan { hold: Some(hold), ..Plan::default() };
        if judgement.repair_held_back {
            return held(Hold::HeldBack);
        }
        let Some(repair) = judgement.repair.take() else { return Plan::default() };
        let place = &secret.place;
        if place.shared {
            return held(Hold::Shared);
        }
        if place.sealed {
            return held(Hold::Sealed);
        }
        if place.style == Style::Binary {
            return held(Hold::Binary);
        }
        let tools = place.writing.tools();
        let (repair, placeholders) = repair.without(|entry| tools.fill_in_entry(&secret.document, entry));
        let Some(repair) = repair else { return Plan { placeholders, ..Plan::default() } };
        let document = Some(Zeroizing::new(repair.apply(&secret.document)));
        match self.splices(secret, &repair) {
            Some(splices) => Plan { splices, document, hold: None, placeholders },
            None => Plan { placeholders, ..held(Hold::Written) },
        }
    }

    /// The edits that repair a Secret.
    fn splices(&self, secret: &PullSecret, repair: &Repair) -> Option<Vec<Splice>> {
        match &secret.place.writing {
            Writing::Plain(map) => {
                let map = map.as_ref()?;
                let splices = repair.edits().map(|(range, text)| {
                    let text = Zeroizing::new(written(text, secret.place.style));
                    Some(Splice { range: map.range(&range)?, text })
                });
                splices.collect()
            }
            Writing::Base64 => {
                let document = Zeroizing::new(repair.apply(&secret.document));
                Some(vec![self.encoded(secret, &STANDARD.encode(&*document))?])
            }
        }
    }

    /// The base64 of a document, written as the old one is: between the same marks, and in lines as long.
    fn encoded(&self, secret: &PullSecret, letters: &str) -> Option<Splice> {
        let place = &secret.place;
        let old = self.text.get(place.value.clone())?;
        let block = matches!(place.style, Style::Literal | Style::Folded);
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let (start, end) = (old.find(is_letter)?, old.rfind(is_letter)? + 1);
        let range = place.value.start + start..place.value.start + end;
        let old = old.get(start..end)?;
        // The first line, and what stands between two of them.
        let Some(first) = old.find(|c| !is_letter(c)).filter(|_| block) else {
            return old
                .chars()
                .all(is_letter)
                .then(|| Splice { range, text: Zeroizing::new(letters.to_owned()) });
        };
        let rest = old.get(first..)?;
        let between = rest.get(..rest.find(is_letter)?)?;
        let mut text = Zeroizing::new(String::with_capacity(letters.len() * 2));
        let mut left = letters;
        while left.len() > first {
            let (line, rest) = left.split_at_checked(first)?;
            text.push_str(line);
            text.push_str(between);
            left = rest;
        }
        text.push_str(left);
        Some(Splice { range, text })
    }
}
