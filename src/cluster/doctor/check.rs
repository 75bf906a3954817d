//! One thing that the doctor checks, and the report of all of them.

use regcred_engine::wording::Bilingual;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is as it should be.
    Passed,
    /// It works, but something needs attention; or it could not be checked.
    Warning,
    /// It does not work.
    Failed,
}

/// One check with its result.
#[derive(Clone, Debug)]
pub struct Check {
    /// The code, which is also the anchor in docs/doctor.md.
    pub code: &'static str,
    /// What was checked.
    pub description: Bilingual<&'static str>,
    /// The result.
    pub verdict: Verdict,
    /// What was found, unless it passed.
    pub detail: Option<Bilingual<String>>,
    /// What to do about it.
    pub remedy: Option<Bilingual<String>>,
}

/// What a check found: nothing wrong, or what is wrong and what to do.
pub(super) enum Finding {
    Fine,
    Attention { detail: Bilingual<String>, remedy: Option<Bilingual<String>> },
    Broken { detail: Bilingual<String>, remedy: Option<Bilingual<String>> },
}

impl Finding {
    pub(super) fn attention(detail: Bilingual<String>, remedy: Bilingual<String>) -> Self {
        Finding::Attention { detail, remedy: Some(remedy) }
    }

    pub(super) fn broken(detail: Bilingual<String>, remedy: Bilingual<String>) -> Self {
        Finding::Broken { detail, remedy: Some(remedy) }
    }

    /// Something that could not be read: no verdict about the installation, but the reader must know.
    pub(super) fn unread(why: Bilingual<String>) -> Self {
        Finding::Attention { detail: why, remedy: None }
    }
}

/// Checks of one subject.
#[derive(Clone, Debug)]
pub struct Category {
    /// The heading.
    pub name: Bilingual<&'static str>,
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

impl Category {
    pub(super) const fn new(english: &'static str, chinese: &'static str) -> Self {
        Category { name: Bilingual { english, chinese }, checks: Vec::new() }
    }

    pub(super) fn add(
        &mut self,
        code: &'static str,
        english: &'static str,
        chinese: &'static str,
        finding: Finding,
    ) {
        let (verdict, detail, remedy) = match finding {
            Finding::Fine => (Verdict::Passed, None, None),
            Finding::Attention { detail, remedy } => (Verdict::Warning, Some(detail), remedy),
            Finding::Broken { detail, remedy } => (Verdict::Failed, Some(detail), remedy),
        };
        let description = Bilingual { english, chinese };
        self.checks.push(Check { code, description, verdict, detail, remedy });
    }
}

/// The worst result of all checks.
#[must_use]
pub fn worst(categories: &[Category]) -> Verdict {
    let checks = categories.iter().flat_map(|category| &category.checks);
    checks.map(|check| check.verdict).max().unwrap_or(Verdict::Passed)
}
