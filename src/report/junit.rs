//! JUnit XML: a test suite for each file or namespace, a test case for each Secret, a failure if it is denied.

use std::collections::BTreeMap;
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use regcred_engine::policy::Language;
use regcred_engine::rules::Action;

use super::findings::{BriefFinding, Omission};
use super::{Judged, Outcome, Region, ReportWriter, ReportedFinding, Subject, Summary, Trouble, TroubleKind};

/// Characters that XML does not allow and the library does not remove. A file name can contain them.
const NOT_IN_XML: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// A report as JUnit XML. It is kept until the end, because its head contains the totals.
pub(super) struct Junit {
    language: Language,
    /// By name: a scan visits each namespace once per Secret type.
    suites: BTreeMap<String, TestSuite>,
}

impl Junit {
    pub(super) const fn new(language: Language) -> Self {
        Junit { language, suites: BTreeMap::new() }
    }

    fn add(&mut self, suite: &str, mut case: TestCase) {
        case.set_classname(suite);
        self.suites.entry(suite.to_owned()).or_insert_with(|| TestSuite::new(suite)).add_test_case(case);
    }
}

impl<W: Write> ReportWriter<W> for Junit {
    fn judged(&mut self, _: &mut W, judged: &Judged) -> io::Result<()> {
        let (suite, name) = names(Some(&judged.subject));
        let (denied, others): (Vec<_>, Vec<_>) = judged
            .findings
            .listed()
            .iter()
            .filter(|finding| finding.outcome != Outcome::Fixed)
            .partition(|finding| finding.action == Action::Deny);
        let omission = |is_denied: bool| {
            let omitted = judged.findings.omitted().filter(BriefFinding::remains);
            Omission::of(omitted.filter(|finding| (finding.action == Action::Deny) == is_denied))
        };
        let said = |listed: &[&ReportedFinding], omission: Option<&Omission>| {
            let lines = listed.iter().map(|finding| line(finding, &suite));
            lines.chain(omission.map(|left| left.message(self.language))).collect::<Vec<_>>().join("\n")
        };
        let omitted = omission(true);
        let failure = match (denied.as_slice(), &omitted) {
            ([], None) => None,
            ([], Some(omission)) => Some((omission.rule, omission.message(self.language))),
            ([first, left @ ..], omission) => {
                let left = left.len() + omission.as_ref().map_or(0, |omission| omission.count);
                let more = if left == 0 { String::new() } else { format!(" (+{left})") };
                let message = format!("{}: {}{more}", first.statement.subject, first.statement.clause);
                Some((first.rule, message))
            }
        };
        let status = failure.map_or_else(TestCaseStatus::success, |(rule, message)| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(rule.code());
            status.set_message(message);
            status.set_description(said(&denied, omitted.as_ref()));
            status
        });
        let mut case = TestCase::new(name, status);
        let mut rest = said(&others, omission(false).as_ref());
        for note in &judged.notes {
            rest.push('\n');
            rest.push_str(note);
        }
        if !rest.is_empty() {
            case.set_system_out(rest);
        }
        self.add(&suite, case);
        Ok(())
    }

    fn trouble(&mut self, _: &mut W, trouble: &Trouble) -> io::Result<()> {
        let (suite, name) = names(trouble.subject.as_ref());
        let mut status = match trouble.kind {
            TroubleKind::Unreadable => TestCaseStatus::non_success(NonSuccessKind::Error),
            TroubleKind::Policy => TestCaseStatus::non_success(NonSuccessKind::Failure),
            TroubleKind::NotJudged | TroubleKind::CredentialsElsewhere | TroubleKind::NotPermitted => {
                return Ok(());
            }
        };
        status.set_type(trouble.kind.code());
        status.set_message(trouble.message.as_str());
        status.set_description(format!("{}{}", at(&suite, trouble.region.as_ref()), trouble.message));
        self.add(&suite, TestCase::new(name, status));
        Ok(())
    }

    fn end(&mut self, out: &mut W, _: &Summary) -> io::Result<()> {
        let mut report = Report::new("regcred");
        report.add_test_suites(std::mem::take(&mut self.suites).into_values());
        let xml = report.to_string().map_err(io::Error::other)?;
        out.write_all(xml.replace(NOT_IN_XML, "\u{fffd}").as_bytes())
    }
}

/// The names of the suite and the case.
fn names(subject: Option<&Subject>) -> (String, String) {
    match subject {
        Some(Subject::File { path, object }) => {
            (path.clone(), object.as_ref().map_or_else(|| path.clone(), super::Object::shown))
        }
        Some(Subject::Object(object)) => {
            (object.namespace.clone().unwrap_or_default(), object.name.clone().unwrap_or_default())
        }
        None => ("regcred".to_owned(), "regcred".to_owned()),
    }
}

fn line(finding: &ReportedFinding, suite: &str) -> String {
    let place = at(suite, finding.region.as_ref());
    let field = if finding.field.is_empty() { String::new() } else { format!(" ({})", finding.field) };
    format!("{place}[regcred/{}] {}{field}", finding.rule, finding.message())
}

/// `PATH:LINE:COLUMN: `
fn at(path: &str, region: Option<&Region>) -> String {
    region.map_or_else(String::new, |region| format!("{path}:{}:{}: ", region.line, region.column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Findings, Object};

    #[test]
    fn characters_forbidden_in_xml_are_replaced() {
        let subject = Subject::File { path: "a\u{ffff}\u{fffe}\u{1}b".to_owned(), object: None };
        let trouble = Trouble {
            kind: TroubleKind::Unreadable,
            subject: Some(subject),
            region: None,
            message: "unreadable".to_owned(),
        };
        let (mut junit, mut out) = (Junit::new(Language::English), Vec::new());
        junit.trouble(&mut out, &trouble).unwrap();
        junit.end(&mut out, &Summary::default()).unwrap();
        let xml = String::from_utf8(out).unwrap();
        assert!(xml.contains("testcase name=\"a\u{fffd}\u{fffd}b\""), "{xml}");
        assert!(!xml.contains(NOT_IN_XML), "{xml}");
    }

    #[test]
    fn namespace_has_one_suite() {
        let mut junit = Junit::new(Language::English);
        let mut out = Vec::new();
        for (namespace, name) in [("a", "x"), ("b", "x"), ("a", "y")] {
            let object = Object {
                namespace: Some(namespace.to_owned()),
                name: Some(name.to_owned()),
                resource_version: None,
            };
            let judged =
                Judged { subject: Subject::Object(object), findings: Findings::default(), notes: Vec::new() };
            junit.judged(&mut out, &judged).unwrap();
        }
        junit.end(&mut out, &Summary::default()).unwrap();
        let xml = String::from_utf8(out).unwrap();
        assert_eq!(xml.matches("<testsuite ").count(), 2, "{xml}");
        assert_eq!(xml.matches("<testcase ").count(), 3, "{xml}");
    }
}
