//! The operator's policy: what each rule does, for whom, and how far it is enforced.

mod file;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use file::{PolicyError, PolicyFault, schema};

pub use crate::bilingual::Language;
use crate::finding::Cap;
use crate::registry::HostList;
use crate::rules::{Action, PerRule, Rule};

/// A checked policy. [`Policy::parse`] reads one from its file; `Policy::default()` is what holds without a file.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How far the rules' actions are applied.
    pub enforcement: Enforcement,
    /// The language of warnings and denials.
    pub language: Language,
    /// Whether a repair is announced by a warning.
    pub announce_fixes: bool,
    /// What each rule does.
    pub rules: PerRule<RuleSetting>,
    /// `None`: any registry.
    pub allowed_registries: Option<HostList>,
    /// Registries that are refused.
    pub denied_registries: HostList,
    /// Alternatives; the mildest that matches counts.
    pub exemptions: Vec<Exemption>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            enforcement: Enforcement::default(),
            language: Language::default(),
            announce_fixes: true,
            rules: PerRule::from_fn(|rule| RuleSetting {
                action: rule.default_action(),
                fix: rule.is_fixable(),
                allow: HostList::default(),
            }),
            allowed_registries: None,
            denied_registries: HostList::default(),
            exemptions: Vec::new(),
        }
    }
}

/// How far actions are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Enforcement {
    /// As the rules say.
    #[default]
    Enforce,
    /// At most a warning.
    Warn,
    /// Recorded only: nothing is patched, nothing is warned of.
    Audit,
}

impl Enforcement {
    /// The milder of the two.
    #[must_use]
    pub fn at_most(self, limit: Enforcement) -> Enforcement {
        if self.cap() <= limit.cap() { self } else { limit }
    }

    /// The most severe action that is applied.
    #[must_use]
    pub const fn cap(self) -> Action {
        match self {
            Enforcement::Enforce => Action::Deny,
            Enforcement::Warn => Action::Warn,
            Enforcement::Audit => Action::Audit,
        }
    }
}

/// What one rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSetting {
    /// What happens to what it finds.
    pub action: Action,
    /// Whether it repairs what it finds; never true for a rule that cannot.
    pub fix: bool,
    /// Hosts for which it reports nothing; empty for a rule that takes no such list.
    pub allow: HostList,
}

/// Takes some requests out of the rules. All fields that are given must match.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// The Secret's namespace; empty = any.
    pub namespaces: Vec<Glob>,
    /// The requester's name; empty = any.
    pub users: Vec<Glob>,
    /// One of the requester's groups; empty = any.
    pub groups: Vec<Glob>,
    /// Which rules it is about.
    pub rules: Vec<Rule>,
    /// The most severe action that those rules keep.
    pub action: Action,
    /// `false` keeps the repair away.
    pub fix: bool,
    /// The last day (UTC) on which it holds; `None` = for ever.
    pub until: Option<Date>,
}

impl Exemption {
    fn matches(&self, requester: &Requester<'_>, today: Date) -> bool {
        let any =
            |globs: &[Glob], text: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(text));
        self.until.is_none_or(|until| today <= until)
            && any(&self.namespaces, requester.namespace)
            && any(&self.users, requester.user)
            && (self.groups.is_empty() || requester.groups.iter().any(|group| any(&self.groups, group)))
    }
}

/// A pattern over a whole string: `*` stands for any run of characters, `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<char>);

impl Glob {
    /// Every string is a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Glob(pattern.chars().collect())
    }

    /// The same as a regular expression, without anchors. Its `.` has to match line feeds, too.
    pub(crate) fn regex(&self) -> String {
        let mut regex = String::new();
        for &c in &self.0 {
            match c {
                '*' => regex.push_str(".*"),
                '?' => regex.push('.'),
                c if c.is_ascii_punctuation() => regex.extend(['\\', c]),
                c => regex.push(c),
            }
        }
        regex
    }

    /// Whether the whole of `text` fits. Takes time in the order of the product of both lengths at worst.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut p, mut t) = (0, 0);
        // The last star seen and where its run ends by now: the only place that is ever worth going back to.
        let mut star: Option<(usize, usize)> = None;
        while let Some(&c) = text.get(t) {
            match self.0.get(p) {
                Some('*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(&wanted) if wanted == '?' || wanted == c => {
                    p += 1;
                    t += 1;
                }
                _ => match star {
                    Some((at, run)) => {
                        star = Some((at, run + 1));
                        p = at + 1;
                        t = run + 1;
                    }
                    None => return false,
                },
            }
        }
        self.0.get(p..).is_some_and(|rest| rest.iter().all(|&c| c == '*'))
    }
}

/// Who asks, and where.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// The Secret's namespace.
    pub namespace: &'a str,
    /// `userInfo.username`.
    pub user: &'a str,
    /// `userInfo.groups`.
    pub groups: &'a [&'a str],
}

impl Requester<'_> {
    /// Whether a person asks, as opposed to a service account or a node. A controller that drops a registry means
    /// it; a person who does has usually met a form that shows one registry only (docs/facts.md,
    /// "Rancher's identities").
    #[must_use]
    pub fn is_person(&self) -> bool {
        !self.user.starts_with("system:serviceaccount:") && !self.user.starts_with("system:node:")
    }
}

/// What one rule does for one request: the policy with its exemptions applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The policy's action.
    pub(crate) rule_action: Action,
    /// The action that the exemptions leave.
    pub(crate) action: Action,
    /// Whether it repairs.
    pub(crate) fix: bool,
}

impl Policy {
    /// The rules as they hold for this request. `today` is the date in UTC.
    pub(crate) fn settings(&self, requester: &Requester<'_>, today: Date) -> PerRule<Setting> {
        let mut settings = PerRule::from_fn(|rule| {
            let RuleSetting { action, fix, .. } = *self.rules.get(rule);
            Setting { rule_action: action, action, fix }
        });
        for exemption in self.exemptions.iter().filter(|exemption| exemption.matches(requester, today)) {
            for rule in &exemption.rules {
                let setting = settings.get_mut(*rule);
                setting.action = setting.action.min(exemption.action);
                setting.fix &= exemption.fix;
            }
        }
        settings
    }

    /// The action that is left of a setting after exemptions, the ratchet and enforcement, in that order, and what capped it.
    pub(crate) fn applied(&self, setting: Setting, ratchet: Action) -> (Action, Option<Cap>) {
        // Enforcement comes last, so that it is named only if lifting it would make a difference: that is how a
        // roll-out is judged before it is enforced.
        let caps = [
            (Cap::Exemption, setting.action),
            (Cap::Ratchet, ratchet),
            (Cap::Enforcement, self.enforcement.cap()),
        ];
        let (mut action, mut capped_by) = (setting.rule_action, None);
        for (cap, most) in caps {
            if most < action {
                (action, capped_by) = (most, Some(cap));
            }
        }
        (action, capped_by)
    }

    /// How many exemptions have run out.
    #[must_use]
    pub fn expired_exemptions(&self, today: Date) -> usize {
        self.exemptions.iter().filter(|exemption| exemption.until.is_some_and(|until| until < today)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_covers_the_whole_string() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("def*", "default", true),
            ("def*", "undefined", false),
            ("*ab*ab", "abxabab", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "密", true),
            ("system:serviceaccount:kube-system:*", "system:serviceaccount:kube-system:x", true),
            ("a*b", "a/x.y:b", true),
            ("a*b", "ac", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), fits, "{pattern} on {text}");
        }
    }
}
