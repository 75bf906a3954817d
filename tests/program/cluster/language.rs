//! Refusals and warnings as kubectl prints them, in both languages.

use crate::support::cluster::{Namespace, Which, pull_secret};
use crate::support::regcred::Serve;
use crate::support::supervised::Guarded;

use super::{GENERIC, HOST, PASSWORD, USER, auths, bare, cluster, shows_password, whole};

const REPLACEMENT: &str = "crpi-<id>.cn-hangzhou.personal.cr.aliyuncs.com";
const REASON: &str = "this is ACR's generic domain, not an instance's own";
const REASON_ZH: &str = "这是 ACR 的通用域名，不是实例的专属域名";
const REMEDY_ZH: &str = "请在此处和镜像名中改用";

struct Speaking {
    regcred: Guarded,
    namespace: Namespace<'static>,
}

fn speaking(language: &str) -> Speaking {
    let policy = format!("apiVersion: regcred/v1\nkind: Policy\nlanguage: {language}\n");
    let regcred = Guarded::start(Serve::dev().policy(&policy));
    let name = format!("language-{language}");
    let namespace = cluster().install(&name, &regcred.regcred, Which::BOTH).namespace(&name);
    Speaking { regcred, namespace }
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn refusal_in_both_languages_is_complete() {
    let Speaking { regcred: _regcred, namespace } = speaking("both");
    let everything = ["[regcred/generic-registry-host]", GENERIC, REASON, REPLACEMENT, REASON_ZH, REMEDY_ZH];

    let said =
        namespace.rejects(&["apply", "-f", "-"], &pull_secret("acr", &auths(&[&whole(GENERIC)])).to_string());
    says(&said.stderr, &[r#"The Secret "acr" is invalid:"#]);
    says(&said.stderr, &everything);

    // With several findings there is a bullet for each.
    let two = auths(&[&whole(GENERIC), r#""quay.io":{}"#]);
    let said = namespace.rejects(&["apply", "-f", "-"], &pull_secret("acr", &two).to_string());
    let (opening, bullets) = said.stderr.split_once('\n').unwrap();
    assert!(opening.starts_with(r#"The Secret "acr" is invalid:"#), "{said:?}");
    let bullets: Vec<_> = bullets.lines().collect();
    assert_eq!(bullets.len(), 2, "{said:?}");
    let place = |host: &str| format!(r#"* data[.dockerconfigjson].auths["{host}"]: "#);
    assert!(bullets[0].starts_with(&place(GENERIC)), "{said:?}");
    says(bullets[0], &everything);
    assert!(bullets[1].starts_with(&place("quay.io")), "{said:?}");
    says(bullets[1], &["[regcred/no-credentials] quay.io: "]);

    // What shows the message only.
    let server = format!("--docker-server={GENERIC}");
    let user = format!("--docker-username={USER}");
    let password = format!("--docker-password={PASSWORD}");
    let create = ["create", "secret", "docker-registry", "acr", &server, &user, &password];
    let said = namespace.rejects(&create, "");
    says(&said.stderr, &[r#"admission webhook "validate.regcred.dev" denied the request: "#]);
    says(
        &said.stderr,
        &["regcred refused this image pull Secret (1 finding):", "regcred 拒绝了这个镜像拉取 Secret"],
    );
    says(&said.stderr, &everything);
    assert!(!shows_password(&said.stderr), "{said:?}");

    // A warning is said once in each language.
    let said =
        namespace.accepts(&["create", "-f", "-"], &pull_secret("bare", &auths(&[&bare(HOST)])).to_string());
    let warnings = said.warnings();
    assert_eq!(warnings.len(), 2, "{said:?}");
    says(warnings[0], &["[regcred/missing-auth]", HOST, "auth added.", "nothing else was changed."]);
    says(warnings[1], &["[regcred/missing-auth]", HOST, "auth added.", "已补上 auth"]);
}

#[test]
fn refusal_in_chinese_is_complete() {
    let Speaking { regcred: _regcred, namespace } = speaking("zh");

    let said =
        namespace.rejects(&["apply", "-f", "-"], &pull_secret("acr", &auths(&[&whole(GENERIC)])).to_string());

    says(&said.stderr, &["[regcred/generic-registry-host]", GENERIC, REASON_ZH, REMEDY_ZH, REPLACEMENT]);
    assert!(!said.stderr.contains(REASON), "{said:?}");
}
