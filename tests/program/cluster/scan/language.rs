//! What a scan itself says beside the findings, in their language.

use serde_json::json;

use crate::support::cluster::{Account, Scan, pull_secret};

use super::{HOST, JSON, auths, bare, cluster, of, standing};

const BOTH: &str = "apiVersion: regcred/v1\nkind: Policy\nlanguage: both\n";

#[test]
fn stderr_uses_language_of_findings() {
    let scan = |language: &[&str]| {
        cluster().scan_as(Account::As("nobody-at-all"), &[&JSON[..], &["-A"], language].concat())
    };
    let english = [
        "no permission to list Secrets cluster-wide: reading each namespace",
        "this report is incomplete: it says what could not be read or done",
    ];
    let chinese =
        ["无权列出整个集群的 Secret：改为逐个命名空间读取", "本报告不完整：其中列出了未能读取或完成的内容"];
    let lines = |lines: [String; 2]| lines.map(|line| format!("regcred: {line}\n")).concat();
    assert_eq!(scan(&[]).run().stderr, lines(english.map(str::to_owned)));
    assert_eq!(scan(&["--lang", "zh"]).run().stderr, lines(chinese.map(str::to_owned)));
    let both = [0, 1].map(|line| format!("{} / {}", english[line], chinese[line]));
    assert_eq!(scan(&[]).policy(BOTH).run().stderr, lines(both));
}

#[test]
fn missing_answer_uses_language_of_findings() {
    let mut config = cluster().kubeconfig(Account::Admin, None);
    config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    let scanned = Scan::new(&config, &[&JSON[..], &["--lang", "zh"]].concat()).run();
    let said = &scanned.errors()[0];
    assert!(said.starts_with("扫描中途终止：无法连接 API server："), "{said}");
    // Each half once.
    let scanned = Scan::new(&config, &JSON).policy(BOTH).run();
    let said = &scanned.errors()[0];
    let (english, chinese) = said.split_once(" / ").unwrap();
    assert!(english.starts_with("the scan ended early: cannot reach the API server: "), "{said}");
    assert!(chinese.starts_with("扫描中途终止：无法连接 API server：") && !chinese.contains(" / "), "{said}");

    let scanned = Scan::without_kubeconfig(&["--kubeconfig", "/nonexistent/config", "--lang", "zh"]).run();
    assert!(scanned.stderr.starts_with("regcred: 无法读取 kubeconfig /nonexistent/config："), "{scanned:?}");
    let scanned = cluster().scan_as(Account::Token("unknown"), &["-A", "--lang", "zh"]).run();
    assert!(scanned.stdout.contains("API server 不接受这些凭据（401 Unauthorized）"), "{scanned:?}");
}

#[test]
fn skipped_secret_uses_language_of_findings() {
    let mut owned = pull_secret("helm", &auths(&[&bare(HOST)]));
    owned["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "shop"});
    standing(cluster(), "language-held", &[owned]);
    let held = |scan: Scan| {
        let scanned = scan.run();
        let finding = scanned.lines("Finding").remove(0);
        let said = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (said(&finding["notFixed"]), said(&finding["remedy"]), said(&finding["notes"][0]))
    };
    let english = held(cluster().scan(&of(&["language-held"], &[])));
    let chinese = held(cluster().scan(&of(&["language-held"], &["--lang", "zh"])));
    assert_eq!((english.0.as_str(), chinese.0.as_str()), ("a controller manages it", "它由控制器管理"));
    let both = held(cluster().scan(&of(&["language-held"], &[])).policy(BOTH));
    assert_eq!(both.0, format!("{} / {}", english.0, chinese.0));
    assert_eq!(both.1, format!("{} / {}", english.1, chinese.1));
    assert_eq!(both.2, format!("{} / {}", english.2, chinese.2));
}
