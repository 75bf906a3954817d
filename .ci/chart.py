"""The Helm chart: its schema of values, and its objects compared with those of the kustomizations."""

import json
import os
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = "app.kubernetes.io/version"
HASHED = re.compile(r"-(policy|client-ca)-[a-z0-9]{10}$")


def read(path):
    with open(path, encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document]


def without_hash(name):
    return HASHED.sub(r"-\1", name)


def normalised(value):
    """The object with what may differ removed: the hash of a ConfigMap's content in names, and the layout of the policy's text."""
    if isinstance(value, dict):
        return {key: normalised(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [normalised(inner) for inner in value]
    return without_hash(value) if isinstance(value, str) else value


def objects(path):
    found = {}
    for document in read(path):
        if document["kind"] == "ConfigMap":
            data = document["data"]
            for name in data:
                data[name] = yaml.safe_load(data[name]) if name.endswith((".yaml", ".json")) else data[name].strip()
        key = document["kind"], without_hash(document["metadata"]["name"])
        assert key not in found, f"{path}: {key} occurs twice"
        found[key] = normalised(document)
    return found


def differences(one, other, path=""):
    """Where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        # The order of variables and volumes means nothing.
        if all(isinstance(item, dict) and "name" in item for item in one + other):
            one, other = (sorted(items, key=lambda item: item["name"]) for items in (one, other))
        for index, (left, right) in enumerate(zip(one, other)):
            yield from differences(left, right, f"{path}[{index}]")
    elif one != other:
        yield f"{path}: {one!r} in deploy, {other!r} in the chart"


def compare(work):
    failures = []
    shipped = {}
    for path in sorted(work.glob("kustomize/*.yaml"), key=lambda path: path.stem != "shipped"):
        name = path.stem
        deploy, chart = objects(path), objects(work / "chart" / path.name)
        if name == "shipped":
            shipped = dict(chart)
        # A chart does not contain its own namespace, and the Secret of `files` is the user's.
        for key in [("Namespace", "regcred-system"), ("Secret", "regcred-tls")]:
            deploy.pop(key, None)
        if name in ("scan", "verify", "monitoring"):
            # deploy has these apart from the installation; the scan there has a copy of the policy.
            chart = {key: value for key, value in chart.items() if key not in shipped}
            deploy.pop(("ConfigMap", "regcred-scan-policy"), None)
            deploy = json.loads(json.dumps(list(deploy.items())).replace("regcred-scan-policy", "regcred-policy"))
            deploy = {tuple(key): value for key, value in deploy}
        for key in deploy.keys() & chart.keys():
            # Objects of components have no version in deploy.
            if VERSION not in deploy[key]["metadata"]["labels"]:
                chart[key]["metadata"]["labels"].pop(VERSION)
        for key in sorted(deploy.keys() | chart.keys()):
            failures += [f"{name}: {key[0]} {key[1]}{line}" for line in differences(deploy.get(key), chart.get(key))]
        print(f"{name}: {len(chart)} objects compared")
    return failures


def documented():
    """The rows of the README: each value with a comment that begins with two hyphens."""
    defaults = read(ROOT / "charts/regcred/values.yaml")[0]
    parents, comment = [], []
    for line in (ROOT / "charts/regcred/values.yaml").read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("# -- "):
            comment = [text[5:]]
        elif text.startswith("# ") and comment:
            comment.append(text[2:])
        elif match := re.match(r"( *)([A-Za-z]+):", line):
            parents = parents[: len(match[1]) // 2] + [match[2]]
            if comment:
                default = defaults
                for name in parents:
                    default = default[name]
                shown = "see `values.yaml`" if parents == ["policy"] else f"`{json.dumps(default, ensure_ascii=False)}`"
                yield f"| `{'.'.join(parents)}` | {shown if len(shown) < 80 else 'see `values.yaml`'} | {' '.join(comment)} |"
                comment = []
        else:
            comment = []


def readme():
    head = (ROOT / "charts/regcred/README.head.md").read_text(encoding="utf-8")
    return head + "| value | default | |\n|---|---|---|\n" + "\n".join(documented()) + "\n"


def generated():
    """What is made from other files: the values' schema has the policy's in it, the README the values, the chart the version."""
    path = ROOT / "charts/regcred/values.schema.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    policy = json.loads((ROOT / "docs/policy.schema.json").read_text(encoding="utf-8"))
    definitions = policy.pop("$defs")
    policy.pop("$schema")
    if os.environ.get("REGCRED_UPDATE"):
        values["properties"]["policy"], values["$defs"] = policy, definitions
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (ROOT / "charts/regcred/README.md").write_text(readme(), encoding="utf-8")
    failures = []
    if (values["properties"]["policy"], values["$defs"]) != (policy, definitions):
        failures.append("charts/regcred/values.schema.json has another policy than docs/policy.schema.json: REGCRED_UPDATE=1 .ci/chart")
    if (ROOT / "charts/regcred/README.md").read_text(encoding="utf-8") != readme():
        failures.append("charts/regcred/README.md is not made from values.yaml: REGCRED_UPDATE=1 .ci/chart")
    (chart,) = read(ROOT / "charts/regcred/Chart.yaml")
    manifest = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.M).group(1)
    if (chart["version"], chart["appVersion"]) != (manifest, manifest):
        failures.append(f"Chart.yaml has not the version of Cargo.toml, {manifest}")
    return failures


failures = generated() if sys.argv[1] == "generated" else compare(pathlib.Path(sys.argv[2]))
for failure in failures:
    print(failure, file=sys.stderr)
sys.exit(1 if failures else 0)
