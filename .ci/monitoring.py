"""Check the rendered monitoring (JSON), and extract rules for promtool: those of the alerts, and every query of the dashboard as
if it were one."""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEVERITIES = {"critical", "warning", "info"}
RUNBOOK = "https://github.com/regcred/regcred/blob/main/docs/troubleshooting.md#"

failures = []


def holds(what, condition):
    if not condition:
        failures.append(what)


def read(path):
    text, decoder, objects, at = path.read_text(), json.JSONDecoder(), {}, 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        thing, at = decoder.raw_decode(text, at)
        objects[thing["kind"], thing["metadata"]["name"]] = thing
    return objects


def headings(name):
    """The anchors of a document that alerts may point to: of headings that are one word."""
    return {line.lstrip("# ").strip().lower() for line in (ROOT / name).read_text().splitlines() if line.startswith("#")}


def scraping(monitor, service):
    labels = service["metadata"]["labels"]
    selector = monitor["spec"]["selector"]["matchLabels"]
    holds(f"the ServiceMonitor selects {selector}, and the Service has {labels}", selector and selector.items() <= labels.items())
    holds("the ServiceMonitor looks elsewhere", monitor["spec"]["namespaceSelector"]["matchNames"] == ["regcred-system"])
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    (endpoint,) = monitor["spec"]["endpoints"]
    holds(f"{endpoint} is not the operations port", ports.get(endpoint["port"]) == 8080 and endpoint["path"] == "/metrics")


def alerts(groups):
    tested = set(re.findall(r'alertname="(\w+)", alertstate="firing"', (ROOT / "tests/monitoring/alerts.test.yaml").read_text()))
    explained = {name: headings(name) for name in ("docs/troubleshooting.md", "docs/troubleshooting.zh-CN.md")}
    names = [rule["alert"] for group in groups for rule in group["rules"]]
    holds("two alerts have one name", len(names) == len(set(names)))
    holds(f"in no scenario: {set(names) - tested}", set(names) == tested)
    for rule in (rule for group in groups for rule in group["rules"]):
        name, annotations = rule["alert"], rule["annotations"]
        holds(f"{name}: severity", rule["labels"].keys() == {"severity"} and rule["labels"]["severity"] in SEVERITIES)
        holds(f"{name}: annotations", annotations.keys() == {"summary", "description", "runbook_url"})
        holds(f"{name}: runbook_url", annotations["runbook_url"] == RUNBOOK + name.lower())
        for document, anchors in explained.items():
            holds(f"{name}: {document} does not say what to do", name.lower() in anchors)
    return names


def queries(dashboard):
    """The queries of the dashboard, with what Grafana puts in for its variables."""
    ids, expressions = [], []
    for panel in dashboard["panels"]:
        ids.append(panel["id"])
        for target in panel.get("targets", []):
            holds(f"{panel['title']}: another data source", target["datasource"]["uid"] == "${datasource}")
            expressions.append(target["expr"].replace("$__rate_interval", "5m").replace("$pod", ".*"))
        holds(f"{panel['title']}: no query", panel["type"] == "row" or panel["targets"])
    holds("two panels have one number", len(ids) == len(set(ids)))
    holds("a variable is left", not any("$" in expression for expression in expressions))
    return expressions


def main(folder):
    monitoring, installed = read(folder / "deploy.monitoring.json"), read(folder / "deploy.json")
    expected = {("ServiceMonitor", "regcred"), ("PrometheusRule", "regcred"), ("ConfigMap", "regcred-dashboard")}
    holds(f"objects are {sorted(monitoring)}", monitoring.keys() == expected)
    holds("an object is elsewhere", all(o["metadata"]["namespace"] == "regcred-system" for o in monitoring.values()))
    holds("the installation itself needs the operator", not any("monitoring.coreos.com" in o["apiVersion"] for o in installed.values()))
    scraping(monitoring["ServiceMonitor", "regcred"], installed["Service", "regcred"])

    rules = monitoring["PrometheusRule", "regcred"]["spec"]
    names = alerts(rules["groups"])
    (folder / "rules.json").write_text(json.dumps(rules))

    (text,) = monitoring["ConfigMap", "regcred-dashboard"]["data"].values()
    holds("Grafana does not see the dashboard", monitoring["ConfigMap", "regcred-dashboard"]["metadata"]["labels"]["grafana_dashboard"] == "1")
    expressions = queries(json.loads(text))
    recorded = [{"record": f"regcred:query:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (folder / "dashboard-rules.json").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))

    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(names)} alerts, {len(expressions)} queries, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
