//! Every series that alerts and dashboard ask for is one that regcred or the API server really has.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::cluster::{Which, pull_secret};
use crate::support::eventually;
use crate::support::regcred::Serve;
use crate::support::review::{Review, document, good, secret};
use crate::support::supervised::Guarded;

use super::{GENERIC, HOST, auths, bare, cluster};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/monitoring");

/// Labels that Prometheus puts on what it scrapes.
const OF_THE_TARGET: [&str; 4] = ["instance", "job", "namespace", "pod"];

/// Words of `PromQL` that stand where a metric could.
const WORDS: [&str; 5] = ["and", "or", "unless", "offset", "bool"];

/// What a query asks for: `name{label="value"}`. A line of an exposition reads the same.
#[derive(Debug)]
struct Selector {
    metric: String,
    matchers: Vec<(String, String, String)>,
}

/// A query taken apart.
#[derive(Debug, Default)]
struct Query {
    selectors: Vec<Selector>,
    grouped_by: BTreeSet<String>,
}

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Query::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '[' {
                rest = rest.split_once(']').unwrap().1;
                continue;
            }
            let word = leading(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
            if word.is_empty() {
                rest = &rest[first.len_utf8()..];
                continue;
            }
            rest = rest[word.len()..].trim_start();
            if first.is_ascii_digit() || WORDS.contains(&word) {
                continue;
            }
            let grouping = ["by", "on"].contains(&word);
            if let Some(inside) = rest.strip_prefix('(').filter(|_| grouping) {
                let (labels, after) = inside.split_once(')').unwrap();
                query.grouped_by.extend(labels.split(',').map(|label| label.trim().to_owned()));
                rest = after;
            } else if !rest.starts_with('(') && !rest.starts_with("by") {
                // Neither a function nor an aggregation, which `by` follows where the parenthesis does not.
                let matchers;
                (matchers, rest) = rest.strip_prefix('{').map_or((Vec::new(), rest), read_matchers);
                query.selectors.push(Selector { metric: word.to_owned(), matchers });
            }
        }
        query
    }
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !belongs(c)).unwrap_or(text.len())]
}

/// Up to the closing brace, and what comes after it.
fn read_matchers(mut text: &str) -> (Vec<(String, String, String)>, &str) {
    let mut matchers = Vec::new();
    loop {
        text = text.trim_start_matches([',', ' ']);
        if let Some(after) = text.strip_prefix('}') {
            return (matchers, after);
        }
        let (before, quoted) = text.split_once('"').unwrap();
        let label = leading(before, |c| c.is_ascii_alphanumeric() || c == '_');
        let mut value = String::new();
        let mut characters = quoted.chars();
        loop {
            match characters.next().unwrap() {
                '"' => break,
                '\\' => value.push(characters.next().unwrap()),
                c => value.push(c),
            }
        }
        matchers.push((label.to_owned(), before[label.len()..].trim().to_owned(), value));
        text = characters.as_str();
    }
}

impl Selector {
    /// Whether it finds this series. Of regular expressions, alternatives without any special sign are known.
    fn finds(&self, series: &Selector) -> bool {
        let given = |label: &str| {
            series.matchers.iter().find(|(name, ..)| name == label).map(|(.., value)| value.as_str())
        };
        self.metric == series.metric
            && self.matchers.iter().filter(|(label, ..)| !OF_THE_TARGET.contains(&label.as_str())).all(
                |(label, operator, wanted)| match (given(label), operator.as_str()) {
                    (None, _) => false,
                    (Some(given), "=") => given == wanted,
                    (Some(given), "!=") => given != wanted,
                    (Some(given), "=~") => wanted.split('|').any(|alternative| alternative == given),
                    (Some(_), other) => panic!("{other} is not known here"),
                },
            )
    }
}

fn shipped(file: &str) -> String {
    fs::read_to_string(format!("{FOLDER}/{file}")).unwrap()
}

/// The queries of all alerts.
fn alerts() -> Vec<String> {
    let file = format!("{FOLDER}/prometheus-rule.yaml");
    let json = cluster().accepts(&["annotate", "--local", "-f", &file, "-o", "json", "a=b"], "").stdout;
    let object: Value = serde_json::from_str(&json).unwrap();
    let groups = object["spec"]["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect()
}

/// The queries of all panels.
fn panels() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&shipped("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// A scrape of regcred and one of the API server, after everything has happened that is counted.
fn scrape() -> Vec<Selector> {
    let regcred = Guarded::start(Serve::dev());
    let webhooks = cluster().install("monitoring", &regcred.regcred, Which::BOTH);
    let namespace = webhooks.namespace("monitoring");
    namespace.accepts(&["create", "-f", "-"], &pull_secret("mended", &auths(&[&bare(HOST)])).to_string());
    let generic = pull_secret("refused", &auths(&[&bare(GENERIC)])).to_string();
    namespace.rejects(&["create", "-f", "-"], &generic);
    // What was wrong before is held back as a warning.
    let old = secret(&document(&[(GENERIC, good("u", "p"))]));
    assert_eq!(regcred.regcred.post("/validate", &Review::update(&old, &old).0).status, 200);
    let ours = regcred.regcred.get("/metrics").text();

    let self_managed = scrape_self_managed();
    drop(regcred);
    namespace.rejects(&["create", "-f", "-"], &pull_secret("unjudged", &auths(&[&bare(HOST)])).to_string());
    let theirs = cluster().accepts(&["get", "--raw", "/metrics"], "").stdout;
    let theirs = theirs.lines().filter(|line| line.starts_with("apiserver_admission_webhook_"));
    let lines = ours.lines().chain(self_managed.lines()).chain(theirs).filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| Query::read(line).selectors).collect()
}

/// A scrape of one that looks after its certificates, and finds no webhook configuration of its own here.
fn scrape_self_managed() -> String {
    let name = "monitoring-self-managed";
    cluster().namespace(name, &json!({}));
    cluster().accepts(&["-n", name, "create", "serviceaccount", "regcred"], "");
    let account = format!("--serviceaccount={name}:regcred");
    cluster().accepts(&["create", "clusterrolebinding", name, "--clusterrole=cluster-admin", &account], "");
    let token = cluster().token_of(name, "regcred");
    let kubeconfig = cluster().pod_kubeconfig(cluster().address(), &token, name);
    let regcred = Serve::self_managed(&kubeconfig).start();
    let problems = "regcred_webhook_configuration_problems{problem=\"missing\"}";
    eventually(problems, || regcred.metric(problems).filter(|found| *found > 0.0));
    regcred.get("/metrics").text()
}

#[test]
fn alerts_and_dashboard_ask_for_series_that_exist() {
    let series = scrape();
    let queries = [alerts(), panels()].concat();
    assert!(queries.len() > 30, "{}", queries.len());
    for text in &queries {
        let query = Query::read(text);
        assert!(!query.selectors.is_empty(), "{text}");
        let mut labels: BTreeSet<&str> = OF_THE_TARGET.into();
        for selector in query.selectors.iter().filter(|selector| selector.metric != "up") {
            let found: Vec<_> = series.iter().filter(|series| selector.finds(series)).collect();
            assert!(!found.is_empty(), "{selector:?} of {text} finds nothing");
            labels.extend(found.iter().flat_map(|series| &series.matchers).map(|(label, ..)| label.as_str()));
        }
        for label in &query.grouped_by {
            assert!(labels.contains(label.as_str()), "nothing has the label {label} in {text}");
        }
    }
}

#[test]
fn missing_series_is_not_found() {
    let series = Query::read(r#"a_total{b="1",c="x{\"},y"} 12 1.5e+06"#).selectors.pop().unwrap();
    for (query, found) in [
        (r#"sum by (b, d) (rate(a_total{b="1"}[5m] offset 10m)) > 10 + 4 * time()"#, true),
        (r#"a_total{b=~"1|2", c!="y", pod=~"$pod"}"#, true),
        (r#"a_total{b="2"}"#, false),
        (r#"a_total{b!="1"}"#, false),
        (r#"a_total{b=~"2|3"}"#, false),
        (r#"a_total{e!="1"}"#, false),
        ("increase(a[5m])", false),
    ] {
        let selectors = Query::read(query).selectors;
        assert_eq!(
            selectors.iter().map(|selector| selector.finds(&series)).collect::<Vec<_>>(),
            [found],
            "{query}"
        );
    }
    assert_eq!(Query::read("sum by (b, d) (x)").grouped_by, ["b", "d"].map(str::to_owned).into());
}
