//! The repair of a file: only the bytes of its documents change.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regcred_engine::judge::Judgement;
use regcred_engine::policy::Language;
use regcred_engine::repair::Repair;
use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

use super::content::Content;
use super::file_contents::FileContents;
use super::pull_secret::{Origin, PullSecret, Writing};
use super::scalar::{Style, written};
use super::{Manifest, Terms};
use crate::guarded::guarded;
use crate::report::UNDER_AUDIT;

/// Why a finding that could be repaired is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRepaired {
    Shared,
    Placeholder,
    Sealed,
    Binary,
    Utf16,
    /// The way the value is written cannot be edited safely.
    Unsafe,
    UnderAudit,
    /// The document is that of a template in another object.
    Template,
    /// The file was not named, but listed in a kustomization.
    Listed,
}

impl NotRepaired {
    /// Returns the reason, as a clause.
    pub(super) fn message(self, language: Language) -> String {
        let (english, chinese) = match self {
            NotRepaired::Shared => (
                "another place refers to this value by an anchor, and a repair would change that place, too",
                "该值通过锚点与其他位置共用，修复会同时改动那里",
            ),
            NotRepaired::Placeholder => (
                "this entry seems to contain a placeholder that is filled in later, and `auth` would encode the placeholder",
                "该条目中似有稍后才填入的占位符，此时编码 auth 得到的是占位符",
            ),
            NotRepaired::Sealed => (
                "the checksum of sops covers the whole file, plain text included, so an edited file cannot be decrypted",
                "sops 的校验和覆盖整个文件（包括明文部分），修改后将无法解密",
            ),
            NotRepaired::Binary => ("the value is written as !!binary", "该值以 !!binary 写成"),
            NotRepaired::Utf16 => ("the file is UTF-16", "该文件是 UTF-16"),
            NotRepaired::Unsafe => ("the way it is written cannot be edited safely", "该写法无法安全地编辑"),
            NotRepaired::UnderAudit => {
                ("the policy says `enforcement: audit`", "策略为 `enforcement: audit`")
            }
            NotRepaired::Template => ("this is a template, not a Secret", "这是模板，不是 Secret"),
            NotRepaired::Listed => (
                "a kustomization lists this file, and only files that you name are changed",
                "该文件只是由 kustomization 引用；只有直接指定的文件才会被修改",
            ),
        };
        Bilingual { english, chinese }.line(language)
    }

    /// Returns what to do.
    pub(super) const fn remedy(self) -> Bilingual<&'static str> {
        let (english, chinese) = match self {
            NotRepaired::Shared => (
                "Write out the value here, so that --fix can repair it, or fix it by hand.",
                "请在此处单独写出该值，再用 --fix 修复；或手工修改。",
            ),
            NotRepaired::Placeholder => (
                "Let the tool that fills in the placeholder write auth, too.",
                "请让填入占位符的工具一并写出 auth。",
            ),
            NotRepaired::Sealed => (
                "Fix it in the decrypted file, for example with `sops edit`.",
                "请在解密状态下修改，例如用 `sops edit`。",
            ),
            NotRepaired::Binary => (
                "Write the value without !!binary, so that --fix can repair it.",
                "请去掉该值的 !!binary，再用 --fix 修复。",
            ),
            NotRepaired::Utf16 => (
                "Save the file as UTF-8, so that --fix can repair it.",
                "请把文件存为 UTF-8，再用 --fix 修复。",
            ),
            NotRepaired::Unsafe => (
                "Write the value as a block (`|`), so that --fix can repair it.",
                "请把该值改用块写法（`|`），再用 --fix 修复。",
            ),
            NotRepaired::UnderAudit => return UNDER_AUDIT,
            NotRepaired::Template => (
                "Let the template write auth, or leave it to regcred, which adds it on admission.",
                "请让模板一并写出 auth，或由 regcred 在准入时自动补上。",
            ),
            NotRepaired::Listed => (
                "Name the file itself, so that --fix can repair it, or leave it to regcred, which adds auth on admission.",
                "请直接指定该文件，再用 --fix 修复；或由 regcred 在准入时自动补上 auth。",
            ),
        };
        Bilingual { english, chinese }
    }
}

/// What is done about a Secret that can be repaired. It contains credentials: there is no `Debug`.
#[derive(Default)]
pub(super) struct Plan {
    splices: Vec<Splice>,
    /// The document after them; `None` if it stays as it is.
    document: Option<Zeroizing<Vec<u8>>>,
    /// Why none of it is repaired.
    not_repaired: Option<NotRepaired>,
    /// The entries that are not repaired because of a placeholder.
    placeholders: Vec<Range<usize>>,
}

impl Plan {
    /// Returns why a finding at this place of the document is not repaired, although it could be.
    pub(super) fn reason(&self, offset: usize) -> Option<NotRepaired> {
        // They are in the order of the document.
        let next = self.placeholders.partition_point(|entry| entry.end <= offset);
        let in_entry = self.placeholders.get(next).is_some_and(|entry| entry.contains(&offset));
        if in_entry { Some(NotRepaired::Placeholder) } else { self.not_repaired }
    }
}

/// A replacement of some bytes of a file. It contains credentials: there is no `Debug`.
struct Splice {
    range: Range<usize>,
    text: Zeroizing<String>,
}

impl Manifest<'_> {
    /// Returns the repaired text; `None` if there is nothing to repair, or it cannot be repaired safely.
    #[must_use]
    pub fn repaired(&self, terms: Terms<'_>) -> Option<Zeroizing<String>> {
        let mut splices = Vec::new();
        let mut documents = Vec::new();
        for secret in &self.contents.secrets {
            // The check reports what could not be judged. It stays as it is.
            let plan = guarded(|| self.plan(secret, &mut secret.judge(terms))).unwrap_or_default();
            splices.extend(plan.splices);
            documents.push(plan.document);
        }
        if splices.is_empty() {
            return None;
        }
        // They are in the order of the file, unless it has aliases.
        splices.sort_by_key(|splice| splice.range.start);
        Some(self.spliced(&splices)).filter(|text| self.is_as_meant(text, &documents))
    }

    /// Reads the edited file to prove that it has the same Secrets, each with the document that the engine made, or with
    /// the one that it had.
    fn is_as_meant(&self, text: &str, documents: &[Option<Zeroizing<Vec<u8>>>]) -> bool {
        let after = FileContents::read(self.path, &Content::new(text.as_bytes())).secrets;
        after.len() == self.contents.secrets.len()
            && self.contents.secrets.iter().zip(&after).zip(documents).all(|((before, after), document)| {
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

    /// Returns how a Secret is repaired, or why it is not.
    pub(super) fn plan(&self, secret: &PullSecret, judgement: &mut Judgement<'_>) -> Plan {
        let left = |why| Plan { not_repaired: Some(why), ..Plan::default() };
        if judgement.repair_held_back {
            return left(NotRepaired::UnderAudit);
        }
        let Some(repair) = judgement.repair.take() else { return Plan::default() };
        match secret.origin {
            Origin::Template(_) => return left(NotRepaired::Template),
            Origin::ListedFile => return left(NotRepaired::Listed),
            Origin::Secret | Origin::DockerConfig | Origin::Generator => {}
        }
        if self.content.is_utf16() {
            return left(NotRepaired::Utf16);
        }
        let place = &secret.place;
        if place.shared {
            return left(NotRepaired::Shared);
        }
        if place.sealed {
            return left(NotRepaired::Sealed);
        }
        if place.style == Style::Binary {
            return left(NotRepaired::Binary);
        }
        let tools = place.writing.tools();
        let (repair, placeholders) = repair.without(|entry| tools.fill_in_entry(&secret.document, entry));
        let Some(repair) = repair else { return Plan { placeholders, ..Plan::default() } };
        let document = Some(Zeroizing::new(repair.apply(&secret.document)));
        match self.splices(secret, &repair) {
            Some(splices) => Plan { splices, document, not_repaired: None, placeholders },
            None => Plan { placeholders, ..left(NotRepaired::Unsafe) },
        }
    }

    /// Returns the edits that repair a Secret.
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

    /// Returns the base64 of a document, written as the old one is: in the same quotation marks, and in lines of the same
    /// length.
    fn encoded(&self, secret: &PullSecret, letters: &str) -> Option<Splice> {
        let place = &secret.place;
        let old = self.text.get(place.value.clone())?;
        let block = matches!(place.style, Style::Literal | Style::Folded);
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let (start, end) = (old.find(is_letter)?, old.rfind(is_letter)? + 1);
        let range = place.value.start + start..place.value.start + end;
        let old = old.get(start..end)?;
        // The length of the first line, and what separates two lines.
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
