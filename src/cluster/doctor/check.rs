//! One thing that the doctor checks, and the report of all of them.

use regcred_engine::wording::Bilingual;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckVerdict {
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
    pub verdict: CheckVerdict,
    /// What was found, unless it passed.
    pub detail: Option<Bilingual<String>>,
    /// What to do about it.
    pub remedy: Option<Bilingual<String>>,
}

/// What a check found: nothing wrong, or what is wrong and what to do.
pub(super) enum Observation {
    Fine,
    Attention { detail: Bilingual<String>, remedy: Option<Bilingual<String>> },
    Broken { detail: Bilingual<String>, remedy: Option<Bilingual<String>> },
}

impl Observation {
    pub(super) fn attention(detail: Bilingual<String>, remedy: Bilingual<String>) -> Self {
        Observation::Attention { detail, remedy: Some(remedy) }
    }

    pub(super) fn broken(detail: Bilingual<String>, remedy: Bilingual<String>) -> Self {
        Observation::Broken { detail, remedy: Some(remedy) }
    }

    /// Something that could not be read: no verdict about the installation, but the reader must know.
    pub(super) fn unread(why: Bilingual<String>) -> Self {
        Observation::Attention { detail: why, remedy: None }
    }
}

/// What to do about an object that is missing or differs from the manifests.
pub(super) fn apply_again() -> Bilingual<String> {
    Bilingual::new(
        "Apply the manifests again (kubectl apply -k deploy, or helm upgrade).",
        "请重新应用清单（kubectl apply -k deploy 或 helm upgrade）。",
    )
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
        finding: Observation,
    ) {
        let (verdict, detail, remedy) = match finding {
            Observation::Fine => (CheckVerdict::Passed, None, None),
            Observation::Attention { detail, remedy } => (CheckVerdict::Warning, Some(detail), remedy),
            Observation::Broken { detail, remedy } => (CheckVerdict::Failed, Some(detail), remedy),
        };
        let description = Bilingual { english, chinese };
        self.checks.push(Check { code, description, verdict, detail, remedy });
    }
}

/// The worst result of all checks.
#[must_use]
pub fn worst(categories: &[Category]) -> CheckVerdict {
    let checks = categories.iter().flat_map(|category| &category.checks);
    checks.map(|check| check.verdict).max().unwrap_or(CheckVerdict::Passed)
}
