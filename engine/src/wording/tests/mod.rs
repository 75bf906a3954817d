mod every;
mod reference;

use std::collections::HashSet;

use super::*;
use crate::affected::Affected;
use crate::place::{Place, Spot};
use crate::registry::AcrService;
use crate::rules::{AcrNotARegistry, Action, Fault, GenericRegistryHost, NoCredentials};
use crate::secret::SecretType;

const HOST: &str = "crpi-f0rb6b6innqr9z32.cn-hangzhou.personal.cr.aliyuncs.com";
const LANGUAGES: [Language; 3] = [Language::English, Language::Chinese, Language::Both];

fn finding(fault: Fault, spot: Spot<'_>) -> Finding<'_> {
    Finding {
        fault,
        place: Place::new(SecretType::DockerConfigJson, 17, spot),
        rule_action: Action::Deny,
        action: Action::Deny,
        capped_by: None,
        repairable: false,
        affected: Affected::default(),
        entry: None,
    }
}

/// Findings of every rule at every kind of place, each once, with `key` for the registry.
fn findings(key: &str) -> Vec<Finding<'_>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for judged in every::all() {
        for found in judged.findings() {
            let key = || RegistryKey::new(key);
            let spot = match found.place.spot {
                Spot::Type => Spot::Type,
                Spot::Data(meant) => Spot::Data(meant),
                Spot::Document => Spot::Document,
                Spot::Registry(_) => Spot::Registry(key()),
                Spot::Top(field) => Spot::Top(field),
                Spot::Entry(_) => Spot::Entry(key()),
                Spot::Field(_, field) => Spot::Field(key(), field),
            };
            let place = Place::new(found.place.secret_type, 17, spot);
            let finding = Finding {
                place,
                affected: found.affected,
                repairable: found.repairable,
                ..finding(found.fault, Spot::Document)
            };
            if seen.insert(format!("{finding:?}")) {
                all.push(finding);
            }
        }
    }
    all
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// What would break a line, or change how it reads.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    })
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// No word, half sentence or placeholder of the texts themselves went wrong.
fn assert_well_formed(text: &str) {
    for wrong in ["  ", "..", "。。", "{clause", "{name", "{affected", "{remedy", " ,", "；。", "，。"]
    {
        assert!(!text.contains(wrong), "{wrong:?} in {text}");
    }
    // Chinese with Chinese needs no blank between; one comes from a string that was broken in the wrong place.
    let text: Vec<char> = text.chars().collect();
    for three in text.windows(3) {
        let [before, blank, rest] = three else { continue };
        assert!(
            !(*blank == ' ' && is_chinese(&before.to_string()) && is_chinese(&rest.to_string())),
            "{}",
            text.iter().collect::<String>()
        );
    }
}

#[test]
fn every_rule_is_built() {
    let found = findings(HOST);
    for rule in Rule::ALL {
        assert!(found.iter().any(|finding| finding.rule() == *rule), "{rule}");
    }
}

#[test]
fn a_message_is_complete_in_itself() {
    for finding in findings(HOST) {
        for language in LANGUAGES {
            let text = message(&finding, language);
            let prefix = format!("[regcred/{}] ", finding.rule());
            let subject = match (Subject::of(&finding), language) {
                (Subject::Registry(_), _) => HOST,
                (Subject::Document, Language::Chinese) => "整份文档",
                (Subject::Document, _) => "the document",
                (Subject::Secret, Language::Chinese) => "该 Secret",
                (Subject::Secret, _) => "the Secret",
            };
            assert!(text.starts_with(&format!("{prefix}{subject}: ")), "{text}");
            assert_eq!(text.matches("[regcred/").count(), 1, "{text}");
            assert!(is_plain(&text), "{text}");
            assert_well_formed(&text);
        }
        let [english, chinese, both] = LANGUAGES.map(|language| message(&finding, language));
        assert!(english.is_ascii(), "{english}");
        assert!((110..=560).contains(&chars(&english)), "{}: {english}", chars(&english));
        assert!(english.ends_with('.'), "{english}");
        assert!(is_chinese(&chinese), "{chinese}");
        assert!((50..=360).contains(&chars(&chinese)), "{}: {chinese}", chars(&chinese));
        assert!(chinese.ends_with('。'), "{chinese}");
        assert!(both.starts_with(&format!("{english} / ")), "{both}");
        assert!(both.ends_with(chinese.split_once(": ").unwrap().1), "{both}");
    }
}

#[test]
fn every_text_has_both_languages() {
    for finding in findings(HOST) {
        let Parts { clause, affected, remedy } = Parts::of(&finding);
        assert!(clause.english.is_ascii() && chars(&clause.english) <= 60, "{}", clause.english);
        assert!(!clause.english.ends_with(['.', ',', ';', ':']), "{}", clause.english);
        assert!(chars(&remedy.english) <= 140, "{}: {}", chars(&remedy.english), remedy.english);
        assert!(affected.english.ends_with(['.', ')']) && remedy.english.ends_with('.'), "{finding:?}");
        assert!(!clause.chinese.ends_with('。') && chars(&clause.chinese) <= 40, "{}", clause.chinese);
        assert!(affected.chinese.ends_with(['。', '）']) && remedy.chinese.ends_with('。'));
        for (english, chinese) in [
            (&*clause.english, &*clause.chinese),
            (&affected.english, &affected.chinese),
            (&remedy.english, &remedy.chinese),
        ] {
            assert!(is_chinese(chinese) && !is_chinese(english), "{english} / {chinese}");
            assert!(!chinese.contains(['。', '，']) || !chinese.contains(". "), "{chinese}");
        }
    }
}

#[test]
fn different_faults_say_different_things() {
    let mut seen = std::collections::HashMap::new();
    for finding in findings(HOST) {
        for language in [Language::English, Language::Chinese] {
            let other = seen.insert(message(&finding, language), finding.fault);
            assert!(other.is_none_or(|other| other == finding.fault), "{finding:?} {other:?}");
        }
    }
}

#[test]
fn warning_begins_with_code_host_and_english() {
    for finding in findings(HOST) {
        let Parts { clause, remedy, .. } = Parts::of(&finding);
        let subject = match Subject::of(&finding) {
            Subject::Secret => "the Secret",
            Subject::Document => "the document",
            Subject::Registry(_) => HOST,
        };
        let opening = format!("[regcred/{}] {subject}: {}.", finding.rule(), clause.english);
        assert!(opening.is_ascii());
        for language in LANGUAGES {
            let lines = warnings(&finding, language);
            assert_eq!(lines.len(), if language == Language::Both { 2 } else { 1 });
            for line in lines {
                assert!(line.starts_with(&format!("{opening} ")), "{line}");
                assert!(chars(&line) <= 256, "{line}");
                assert!(is_plain(&line), "{line}");
            }
        }
        let both = warnings(&finding, Language::Both);
        assert_eq!(both[0], warnings(&finding, Language::English)[0]);
        assert_eq!(both[1], warnings(&finding, Language::Chinese)[0]);
        let rest = both[1].strip_prefix(&opening).unwrap();
        assert!(rest.starts_with(&format!(" {}。", clause.chinese)), "{rest}");
        // A host of ordinary length leaves room for the whole remedy.
        if finding.rule() != Rule::GenericRegistryHost {
            assert!(both[0].ends_with(&*remedy.english), "{}", both[0]);
            assert!(both[1].ends_with(&*remedy.chinese), "{}", both[1]);
        }
    }
}

#[test]
fn a_long_host_is_cut_in_the_middle() {
    let key = format!("{}.{}", "a".repeat(150), "z".repeat(149));
    let shown = format!("{}…{}", "a".repeat(40), "…");
    for finding in findings(&key) {
        if !matches!(Subject::of(&finding), Subject::Registry(_)) {
            continue;
        }
        for line in LANGUAGES.into_iter().flat_map(|language| warnings(&finding, language)) {
            let host = line.split_once("] ").unwrap().1.split_once(": ").unwrap().0;
            assert_eq!(chars(host), 80, "{host}");
            assert!(
                host.starts_with("aaaa") && host.contains("a…z") && host.ends_with("z…"),
                "{host} {shown}"
            );
            assert!(line.contains(&*Parts::of(&finding).clause.english), "{line}");
            assert!(chars(&line) <= 256);
        }
        assert!(chars(&message(&finding, Language::Both)) < 1200);
    }
}

#[test]
fn user_info_and_line_breaks_are_not_shown() {
    for (key, host) in [
        ("u:hunter2@r.example.com", "r.example.com"),
        ("https://bot:hunt/hunter2@r.example.com/x", "r.example.com/x"),
        ("hunter2@", "\"\""),
        ("", "\"\""),
        ("r.example\n.com\u{202e}moc", "r.example\\u{a}.com\\u{202e}moc"),
        ("r\u{ffff}.example.com", "r\\u{ffff}.example.com"),
        ("r．example", "r\\u{ff0e}example"),
    ] {
        let shown = RegistryKey::new(key);
        for finding in findings(key) {
            let about_registry = matches!(Subject::of(&finding), Subject::Registry(_));
            for language in LANGUAGES {
                let mut lines = vec![message(&finding, language), more(&[&finding], language)];
                assert!(!lines[0].contains("hunter2"), "{}", lines[0]);
                let warned = warnings(&finding, language);
                if about_registry {
                    let opening = format!("[regcred/{}] {host}: ", finding.rule());
                    assert!(warned.iter().all(|line| line.starts_with(&opening)), "{warned:?}");
                }
                lines.extend(warned);
                for rule in [Rule::MissingAuth, Rule::AuthUnpadded] {
                    let announced = fix_announcement(rule, &[&shown, &shown], language);
                    assert!(announced[0].starts_with(&format!("[regcred/{rule}] {host}, {host}: ")));
                    lines.extend(announced);
                }
                assert!(lines.iter().all(|line| is_plain(line) && !line.contains("hunter2")), "{lines:?}");
            }
        }
    }
}

#[test]
fn region_comes_from_shown_part_of_key() {
    let text = |key: &str, vpc| {
        let fault = Fault::GenericRegistryHost(GenericRegistryHost { vpc, glob: false });
        message(&finding(fault, spot(key)), Language::English)
    };
    let wuhan = text("https://registry-vpc.cn-wuhan-lr.aliyuncs.com", true);
    assert!(wuhan.contains(" crpi-<id>-vpc.cn-wuhan-lr.personal.cr.aliyuncs.com,"), "{wuhan}");
    for hostile in
        ["registry.secret.aliyuncs.com@x", "registry.a\nb.aliyuncs.com", "registry.密.aliyuncs.com"]
    {
        assert!(text(hostile, false).contains("crpi-<id>.<region>.personal.cr.aliyuncs.com"), "{hostile:?}");
    }
}

fn spot(key: &str) -> Spot<'_> {
    Spot::Entry(RegistryKey::new(key))
}

#[test]
fn texts_promise_nothing_about_registries() {
    for finding in findings(HOST) {
        let text = message(&finding, Language::English).to_lowercase();
        for promise in
            ["will succeed", "will fail", "unauthorized", "login fails", "cannot pull", "kubelet needs"]
        {
            assert!(!text.contains(promise), "{text}");
        }
        if let Fault::MissingAuth(_) = finding.fault {
            assert_eq!(text.contains("regcred adds it"), finding.repairable, "{text}");
        }
    }
}

#[test]
fn consumers_are_grouped_by_outcome() {
    let said = |document: &str, rule| {
        let judged = every::of(document);
        let found = judged.findings();
        let finding = found.iter().find(|finding| finding.rule() == rule).unwrap();
        [Language::English, Language::Chinese].map(|language| statement(finding, language).affected)
    };
    let missing = r#"{"auths":{"r.example.com":{"username":"u","password":"p"}}}"#;
    assert_eq!(
        said(missing, Rule::MissingAuth),
        [
            "The kubelet, docker and the key chain use these credentials; podman finds no credentials here; Argo CD Image Updater fails for \
             images of this registry.",
            "kubelet、docker 和 keychain 会使用这些凭据；podman 在此找不到凭据；Argo CD Image Updater 拉取该仓库的镜像时会出错。",
        ]
    );
    let broken = r#"{"auths":{"a.example.com":{"auth":"!"},"b.example.com":{"auth":"dTpw"},"c.example.com":{"auth":"dTpw"}}}"#;
    assert_eq!(
        said(broken, Rule::AuthNotBase64),
        [
            "podman and Argo CD Image Updater fail for images of this registry; the kubelet, docker and the key chain refuse the whole \
             document, including its 2 other registries.",
            "podman 和 Argo CD Image Updater 拉取该仓库的镜像时会出错；kubelet、docker 和 keychain 会拒绝整份文档，连同另外 2 个仓库。",
        ]
    );
}

/// Clients that force a change look for these words in any error, and delete the Secret where they find them.
#[test]
fn refusal_never_reads_like_immutable_field() {
    let found = findings(HOST);
    let all: Vec<_> = found.iter().collect();
    for language in LANGUAGES {
        let single = found.iter().flat_map(|finding| {
            let mut texts = warnings(finding, language);
            texts.extend([
                message(finding, language),
                denial(&[finding], language),
                more(&[finding], language),
            ]);
            texts
        });
        for text in single.chain([denial(&all, language), more(&all, language)]) {
            let words = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
            for read_as_immutable in ["is immutable", "immutable field"] {
                assert!(!words.contains(read_as_immutable), "{text}");
            }
        }
    }
}

#[test]
fn a_repair_is_announced() {
    let long = "x".repeat(100);
    let keys = ["r.example.com", "s.example.com", &long, "t.example.com"].map(RegistryKey::new);
    let [one, two, ..] = &keys;
    assert_eq!(
        fix_announcement(Rule::MissingAuth, &[one], Language::English),
        [
            "[regcred/missing-auth] r.example.com: auth added. It encodes the username and password of the entry; \
          nothing else was changed."
        ]
    );
    let both = fix_announcement(Rule::AuthUnpadded, &[one, two], Language::Both);
    assert_eq!(both.len(), 2);
    let opening = "[regcred/auth-unpadded] r.example.com, s.example.com: padding of auth added. ";
    assert!(both.iter().all(|line| line.starts_with(opening)), "{both:?}");
    assert!(!is_chinese(&both[0]) && is_chinese(&both[1]));

    let many: Vec<&RegistryKey<'_>> = keys.iter().cycle().take(100).collect();
    for language in LANGUAGES {
        for line in fix_announcement(Rule::MissingAuth, &many, language) {
            assert!(line.contains("r.example.com, s.example.com, "), "{line}");
            assert!(line.contains("x and 97 more: auth added."), "{line}");
            assert!(chars(&line) <= 256 && is_plain(&line));
        }
    }
    assert!(fix_announcement(Rule::MissingAuth, &[], Language::Both).is_empty());
    assert!(fix_announcement(Rule::TokenOnly, &many, Language::Both).is_empty());
}

#[test]
fn denial_names_ten_and_counts_the_rest() {
    let keys: Vec<String> = (0..25).map(|n| format!("r{n}.example.com")).collect();
    let found: Vec<_> =
        keys.iter().map(|key| finding(Fault::NoCredentials(NoCredentials::Nothing), spot(key))).collect();
    let all: Vec<_> = found.iter().collect();
    for language in LANGUAGES {
        let text = denial(&all, language);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 12, "{text}");
        assert!(lines[0].contains("25"), "{text}");
        for (line, finding) in lines[1..11].iter().zip(&all) {
            assert_eq!(*line, message(finding, language));
        }
        assert_eq!(lines[11], more(&all[10..], language));
        assert!(lines[11].starts_with("[regcred/no-credentials] ") && lines[11].contains("15"));
        assert_eq!(is_chinese(&text), language != Language::English);

        assert_eq!(denial(&all[..10], language).lines().count(), 11);
        let eleven = denial(&all[..11], language);
        assert_eq!(eleven.lines().last(), Some(more(&all[10..11], language).as_str()));
    }
    assert!(
        denial(&all[..1], Language::English)
            .starts_with("regcred refused this image pull Secret (1 finding):\n")
    );
    let said = |left, language| more(left, language).replace("[regcred/no-credentials] ", "");
    assert_eq!(said(&all[24..], Language::English), "and 1 more finding in this Secret.");
    assert_eq!(said(&all[10..], Language::English), "and 15 more findings in this Secret.");
    assert_eq!(said(&all[10..], Language::Chinese), "该 Secret 另有 15 项问题。");
}

#[test]
fn acr_remedy_names_form_of_generic_host() {
    let text = |key, vpc, glob| {
        let fault = Fault::GenericRegistryHost(GenericRegistryHost { vpc, glob });
        message(&finding(fault, spot(key)), Language::English)
    };
    let plain = text("registry.cn-hangzhou.aliyuncs.com", false, false);
    assert!(
        plain.contains("Use crpi-<id>.cn-hangzhou.personal.cr.aliyuncs.com, ")
            && plain.contains("public address")
    );
    assert!(text("registry-vpc.cn-hangzhou.aliyuncs.com", true, false).contains("VPC address"));
    assert!(text("*.*.aliyuncs.com", false, true).contains("crpi-<id>.<region>.personal."));
    let enterprise = Fault::AcrNotARegistry(AcrNotARegistry(AcrService::NamelessEnterprise));
    assert!(
        message(&finding(enterprise, spot(HOST)), Language::Chinese).contains("<instance>-registry.<region>")
    );
}
