"""Assert, over the rendered kustomizations (JSON, one file each), what users and dashboards rely on."""

import base64
import ipaddress
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SELF_MANAGED, CERT_MANAGER, OWN_FILES = "self-managed", "cert-manager", "own-files"
INSTALLATIONS = {  # name: certificate, whether it enforces
    "shipped": (SELF_MANAGED, False),
    "self-managed": (SELF_MANAGED, False),
    "self-managed.enforce": (SELF_MANAGED, True),
    "cert-manager": (CERT_MANAGER, False),
    "cert-manager.enforce": (CERT_MANAGER, True),
    "own-files": (OWN_FILES, False),
    "own-files.enforce": (OWN_FILES, True),
}
COMMON = {
    ("Namespace", "regcred-system"),
    ("ResourceQuota", "regcred-critical-pods"),
    ("ServiceAccount", "regcred"),
    ("ConfigMap", "regcred-policy"),
    ("Service", "regcred"),
    ("Deployment", "regcred"),
    ("PodDisruptionBudget", "regcred"),
    ("NetworkPolicy", "regcred"),
    ("MutatingWebhookConfiguration", "regcred"),
    ("ValidatingWebhookConfiguration", "regcred"),
}
OBJECTS = {
    SELF_MANAGED: COMMON
    | {
        ("Role", "regcred"),
        ("RoleBinding", "regcred"),
        ("ClusterRole", "regcred"),
        ("ClusterRoleBinding", "regcred"),
    },
    CERT_MANAGER: COMMON
    | {
        ("Issuer", "regcred-self-signed"),
        ("Certificate", "regcred-ca"),
        ("Issuer", "regcred-ca"),
        ("Certificate", "regcred"),
    },
    OWN_FILES: COMMON | {("Secret", "regcred-tls")},
}
CLUSTER_SCOPED = {"Namespace", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ClusterRole", "ClusterRoleBinding"}
OF_TYPE = 'has(object.type) && object.type in ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"]'
WITH_KEY = 'has(object.data) && (".dockerconfigjson" in object.data || ".dockercfg" in object.data)'
MATCH = {
    "MutatingWebhookConfiguration": OF_TYPE,
    "ValidatingWebhookConfiguration": f"{OF_TYPE} || {WITH_KEY}",
}

# No registry is there: this machine, links, and the metadata services of clouds.
FORBIDDEN = ("127.0.0.1", "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "::1", "fe80::1",
             "fd00:ec2::254", "fd20:ce::254")

HASHED = re.compile(r"(.+)-[a-z0-9]{10}")

failures = []


def same(where, what, got, want):
    if got != want:
        failures.append(f"{where}: {what} is {got!r}, and must be {want!r}")


def holds(where, what, condition):
    if not condition:
        failures.append(f"{where}: {what}")


def read(path):
    """The objects by kind and name. The content hash at the end of a ConfigMap's name is left out of the key."""
    text, decoder, objects, at = path.read_text(), json.JSONDecoder(), {}, 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        thing, at = decoder.raw_decode(text, at)
        name = thing["metadata"]["name"]
        if thing["kind"] == "ConfigMap":
            holds(path.stem, f"the name {name} has no content hash", HASHED.fullmatch(name))
            name = HASHED.sub(r"\1", name)
        key = (thing["kind"], name)
        holds(path.stem, f"{key} is there twice", key not in objects)
        objects[key] = thing
    return objects


def webhook(where, objects, kind, name, path, failure_policy, certificate):
    configuration = objects[kind, "regcred"]
    same(where, f"{kind} webhooks", [w["name"] for w in configuration["webhooks"]], [name])
    (hook,) = configuration["webhooks"]
    where = f"{where} {name}"
    bundle = hook["clientConfig"].pop("caBundle", None)
    same(where, "clientConfig", hook["clientConfig"],
         {"service": {"namespace": "regcred-system", "name": "regcred", "path": path, "port": 443}})
    same(where, "failurePolicy", hook["failurePolicy"], failure_policy)
    same(where, "sideEffects", hook["sideEffects"], "None")
    same(where, "timeoutSeconds", hook["timeoutSeconds"], 5)
    same(where, "matchPolicy", hook["matchPolicy"], "Equivalent")
    same(where, "admissionReviewVersions", hook["admissionReviewVersions"], ["v1"])
    same(where, "reinvocationPolicy", hook.get("reinvocationPolicy"),
         "IfNeeded" if kind == "MutatingWebhookConfiguration" else None)
    same(where, "rules", hook["rules"], [{
        "apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"],
        "operations": ["CREATE", "UPDATE"], "scope": "Namespaced"}])
    same(where, "matchConditions", [c["expression"] for c in hook["matchConditions"]], [MATCH[kind]])
    same(where, "namespaceSelector", hook["namespaceSelector"], {"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "regcred-system"]},
        {"key": "regcred.dev/admission", "operator": "NotIn", "values": ["ignore"]}]})
    holds(where, "objectSelector cannot see the type, and must not be set", "objectSelector" not in hook)
    injected = configuration["metadata"]["annotations"].get("cert-manager.io/inject-ca-from")
    same(where, "inject-ca-from", injected, "regcred-system/regcred" if certificate == CERT_MANAGER else None)
    if certificate != OWN_FILES:
        same(where, "caBundle", bundle, None)
    else:
        ca = base64.b64decode(objects["Secret", "regcred-tls"]["data"]["ca.crt"])
        same(where, "caBundle", bundle and base64.b64decode(bundle), ca)
        holds(where, "caBundle is no certificate", ca.startswith(b"-----BEGIN CERTIFICATE-----"))


def deployment(where, objects, certificate, enforces):
    spec = objects["Deployment", "regcred"]["spec"]
    template = spec["template"]
    pod = template["spec"]
    (container,) = pod["containers"]
    same(where, "replicas", spec["replicas"], 2)
    same(where, "maxUnavailable", spec["strategy"]["rollingUpdate"]["maxUnavailable"], 0)
    same(where, "automountServiceAccountToken", pod["automountServiceAccountToken"], certificate == SELF_MANAGED)
    same(where, "automountServiceAccountToken of the account",
         objects["ServiceAccount", "regcred"]["automountServiceAccountToken"], False)
    same(where, "enableServiceLinks", pod["enableServiceLinks"], False)
    same(where, "nodeSelector", pod["nodeSelector"], {"kubernetes.io/os": "linux"})
    same(where, "priorityClassName", pod["priorityClassName"], "system-cluster-critical")
    (scope,) = objects["ResourceQuota", "regcred-critical-pods"]["spec"]["scopeSelector"]["matchExpressions"]
    same(where, "priority class of the quota", (scope["scopeName"], scope["operator"], scope["values"]),
         ("PriorityClass", "In", [pod["priorityClassName"]]))
    holds(where, "the grace must outlast 5 s + 20 s of drain", pod["terminationGracePeriodSeconds"] > 25)
    same(where, "whenUnsatisfiable", {t["whenUnsatisfiable"] for t in pod["topologySpreadConstraints"]}, {"ScheduleAnyway"})
    security = pod["securityContext"]
    same(where, "user", (security["runAsNonRoot"], security["runAsUser"]), (True, 65532))
    same(where, "seccomp", security["seccompProfile"], {"type": "RuntimeDefault"})
    same(where, "container's securityContext", container["securityContext"], {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
    same(where, "ports", {p["name"]: p["containerPort"] for p in container["ports"]}, {"https": 10250, "ops": 8080})
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        same(where, probe, container[probe]["httpGet"], {"path": path, "port": "ops"})
    same(where, "requests", container["resources"]["requests"], {"cpu": "50m", "memory": "32Mi"})
    same(where, "limits", list(container["resources"]["limits"]), ["memory"])
    volumes = {v["name"]: v for v in pod["volumes"]}
    same(where, "policy volume", volumes["policy"]["configMap"]["name"], objects["ConfigMap", "regcred-policy"]["metadata"]["name"])
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    settings = {
        "REGCRED_LISTEN": ":10250",
        "REGCRED_OPS_LISTEN": ":8080",
        "REGCRED_POLICY": f"{mounts['policy']}/policy.yaml",
        "REGCRED_ENFORCEMENT": "enforce" if enforces else "warn",
    }
    if certificate == SELF_MANAGED:
        same(where, "volumes", (sorted(volumes), sorted(mounts)), (["policy"], ["policy"]))
        settings["REGCRED_TLS"] = "self-managed"
    else:
        same(where, "tls volume", volumes["tls"]["secret"]["secretName"], "regcred-tls")
        settings |= {"REGCRED_TLS_CERT": f"{mounts['tls']}/tls.crt", "REGCRED_TLS_KEY": f"{mounts['tls']}/tls.key"}
    same(where, "args", container["args"], ["serve"])
    same(where, "settings", {e["name"]: e["value"] for e in container["env"]}, settings)

    labels = template["metadata"]["labels"]
    budget = objects["PodDisruptionBudget", "regcred"]["spec"]
    service = objects["Service", "regcred"]["spec"]
    network = objects["NetworkPolicy", "regcred"]["spec"]
    same(where, "unhealthyPodEvictionPolicy", budget["unhealthyPodEvictionPolicy"], "AlwaysAllow")
    same(where, "Service ports", {p["name"]: (p["port"], p["targetPort"]) for p in service["ports"]},
         {"https": (443, "https"), "ops": (8080, "ops")})
    api_server = [{"ports": [{"port": port, "protocol": "TCP"} for port in (443, 6443)]}]
    same(where, "egress", (sorted(network["policyTypes"]), network.get("egress") or []),
         (["Egress", "Ingress"], api_server if certificate == SELF_MANAGED else []))
    same(where, "ingress", network["ingress"], [{"ports": [{"port": p, "protocol": "TCP"} for p in ("https", "ops")]}])
    for what, selector in (
        ("Deployment", spec["selector"]["matchLabels"]),
        ("PodDisruptionBudget", budget["selector"]["matchLabels"]),
        ("Service", service["selector"]),
        ("NetworkPolicy", network["podSelector"]["matchLabels"]),
    ):
        holds(where, f"{what} selects other pods: {selector}", selector and selector.items() <= labels.items())
        holds(where, f"{what} selects by version", "app.kubernetes.io/version" not in selector)
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    same(where, "app.kubernetes.io/version", labels["app.kubernetes.io/version"], version)
    holds(where, f"image {container['image']} is not of version {version}", container["image"].endswith(f":{version}"))


def permissions(where, objects):
    """One Secret and two configurations, each by its name."""
    same(where, "Role", objects["Role", "regcred"]["rules"], [{
        "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["regcred-self-managed"],
        "verbs": ["get", "list", "watch", "create", "patch"]}])
    same(where, "ClusterRole", objects["ClusterRole", "regcred"]["rules"], [{
        "apiGroups": ["admissionregistration.k8s.io"], "resourceNames": ["regcred"], "verbs": ["get", "list", "watch", "patch"],
        "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]}])
    for kind, role in (("RoleBinding", "Role"), ("ClusterRoleBinding", "ClusterRole")):
        binding = objects[kind, "regcred"]
        same(where, f"role of {kind}", (binding["roleRef"]["kind"], binding["roleRef"]["name"]), (role, "regcred"))
        same(where, f"subjects of {kind}", binding["subjects"],
             [{"kind": "ServiceAccount", "name": "regcred", "namespace": "regcred-system"}])


def certificates(where, objects):
    for name in ("regcred-ca", "regcred"):
        key = objects["Certificate", name]["spec"]["privateKey"]
        same(where, f"key of {name}", (key["algorithm"], key["size"]), ("ECDSA", 256))
    serving = objects["Certificate", "regcred"]["spec"]
    same(where, "secretName", serving["secretName"], "regcred-tls")
    holds(where, "DNS name", "regcred.regcred-system.svc" in serving["dnsNames"])
    same(where, "CA keeps its key", objects["Certificate", "regcred-ca"]["spec"]["privateKey"]["rotationPolicy"], "Never")


def installation(name, objects, certificate, enforces):
    same(name, "objects", sorted(objects), sorted(OBJECTS[certificate]))
    for (kind, _), thing in objects.items():
        same(name, f"namespace of {kind}", thing["metadata"].get("namespace"),
             None if kind in CLUSTER_SCOPED else "regcred-system")
        same(name, f"name label of {kind}", thing["metadata"]["labels"].get("app.kubernetes.io/name"), "regcred")
    text = json.dumps(list(objects.values()))
    holds(name, "subPath is never replaced", "subPath" not in text)
    if certificate == SELF_MANAGED:
        permissions(name, objects)
    else:
        holds(name, "no RBAC at all", "rbac.authorization.k8s.io" not in text)
    levels = objects["Namespace", "regcred-system"]["metadata"]["labels"]
    same(name, "Pod Security", levels["pod-security.kubernetes.io/enforce"], "restricted")

    policy = objects["ConfigMap", "regcred-policy"]["data"]
    same(name, "keys of the policy", list(policy), ["policy.yaml"])
    holds(name, "the policy limits enforcement, so step two would change nothing", "\nenforcement:" not in policy["policy.yaml"])

    webhook(name, objects, "MutatingWebhookConfiguration", "mutate.regcred.dev", "/mutate", "Ignore", certificate)
    webhook(name, objects, "ValidatingWebhookConfiguration", "validate.regcred.dev", "/validate",
            "Fail" if enforces else "Ignore", certificate)
    deployment(name, objects, certificate, enforces)
    if certificate == CERT_MANAGER:
        certificates(name, objects)


def scan(name, objects, namespace, roles):
    """The scan is a Job next to the webhook, with an account that only reads, and its own copy of the policy."""
    same(name, "objects", sorted(objects), sorted(
        {(kind, "regcred-scan") for kind in ("ServiceAccount", "CronJob", "NetworkPolicy", *roles)} | {("ConfigMap", "regcred-scan-policy")}))
    role, binding = (objects[kind, "regcred-scan"] for kind in roles)
    same(name, "bound", (binding["roleRef"]["kind"], [s["namespace"] for s in binding["subjects"]]), (roles[0], [namespace]))
    verbs = {verb for rule in role["rules"] if rule["apiGroups"] == [""] for verb in rule["verbs"]}
    same(name, "verbs on Secrets and namespaces", verbs, {"list"})
    spec = objects["CronJob", "regcred-scan"]["spec"]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    same(name, "concurrencyPolicy", spec["concurrencyPolicy"], "Forbid")
    same(name, "how long an alert on a failed job lasts", spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"], 86400)
    everywhere = ["--all-namespaces"] if roles[0] == "ClusterRole" else []
    same(name, "what it does, which is no repair", container["args"],
         ["scan", "--output-format=json", "--fail-on=never", "--policy-reports", *everywhere])
    same(name, "its settings", container["env"], [{"name": "REGCRED_POLICY", "value": "/etc/regcred/policy/policy.yaml"}])
    same(name, "policy volume", [v["configMap"]["name"] for v in pod["volumes"]],
         [objects["ConfigMap", "regcred-scan-policy"]["metadata"]["name"]])
    same(name, "nodeSelector", pod["nodeSelector"], {"kubernetes.io/os": "linux"})
    same(name, "user", (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]), (True, 65532))
    same(name, "container's securityContext", container["securityContext"], {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    same(name, "image", container["image"], f"regcred:{version}")
    selector = objects["NetworkPolicy", "regcred-scan"]["spec"]["podSelector"]["matchLabels"]
    labels = spec["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    holds(name, f"the NetworkPolicy selects other pods: {selector}", selector.items() <= labels.items())
    for (kind, _), thing in objects.items():
        same(name, f"namespace of {kind}", thing["metadata"].get("namespace"), None if kind.startswith("Cluster") else namespace)


def verify(name, objects, namespace, roles):
    """The job that tries credentials: it reads Secrets and Pods, never tries twice, and reaches no metadata service."""
    same(name, "objects", sorted(objects), sorted(
        (kind, "regcred-verify") for kind in ("ServiceAccount", "CronJob", "NetworkPolicy", *roles)))
    role, binding = (objects[kind, "regcred-verify"] for kind in roles)
    same(name, "bound", (binding["roleRef"]["kind"], [s["namespace"] for s in binding["subjects"]]), (roles[0], [namespace]))
    same(name, "rights", role["rules"], [{"apiGroups": [""], "resources": ["secrets", "pods"], "verbs": ["list"]}])
    spec = objects["CronJob", "regcred-verify"]["spec"]
    job = spec["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    same(name, "concurrencyPolicy", spec["concurrencyPolicy"], "Forbid")
    same(name, "attempts of a job", (job["backoffLimit"], pod["restartPolicy"]), (0, "Never"))
    same(name, "how long an alert on a failed job lasts", job["ttlSecondsAfterFinished"], 86400)
    where = "--all-namespaces" if roles[0] == "ClusterRole" else f"--namespace={namespace}"
    same(name, "what it does", container["args"], ["verify", "--output-format=json", where])
    same(name, "settings and mounts", [container.get("env"), container.get("volumeMounts"), pod.get("volumes")], [None] * 3)
    same(name, "nodeSelector", pod["nodeSelector"], {"kubernetes.io/os": "linux"})
    same(name, "user", (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]), (True, 65532))
    same(name, "container's securityContext", container["securityContext"], {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
    same(name, "hostNetwork", pod.get("hostNetwork", False), False)
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    same(name, "image", container["image"], f"regcred:{version}")
    network = objects["NetworkPolicy", "regcred-verify"]["spec"]
    selector = network["podSelector"]["matchLabels"]
    labels = job["template"]["metadata"]["labels"]
    holds(name, f"the NetworkPolicy selects other pods: {selector}", selector.items() <= labels.items())
    same(name, "ingress", (sorted(network["policyTypes"]), network.get("ingress")), (["Egress", "Ingress"], None))
    for rule in network["egress"]:
        if {port["port"] for port in rule["ports"]} != {53}:
            excepted = [ipaddress.ip_network(block) for to in rule["to"] for block in to["ipBlock"]["except"]]
            for address in FORBIDDEN:
                address = ipaddress.ip_address(address)
                holds(name, f"egress to {address}", any(address in block for block in excepted))
    for (kind, _), thing in objects.items():
        same(name, f"namespace of {kind}", thing["metadata"].get("namespace"), None if kind.startswith("Cluster") else namespace)


def client_ca(name, without, objects):
    """The component adds a file and its setting, and nothing else."""
    same(name, "objects that mutual TLS adds", set(objects) - set(without), {("ConfigMap", "regcred-client-ca")})
    ca = objects["ConfigMap", "regcred-client-ca"]
    holds(name, "the client CA is no certificate", ca["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----"))
    settings, mounts, volumes = [], [], []
    for thing in (without, objects):
        pod = thing["Deployment", "regcred"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        settings.append({e["name"]: e["value"] for e in container["env"]})
        mounts.append({m["name"]: m["mountPath"] for m in container["volumeMounts"]})
        volumes.append({v["name"]: v for v in pod["volumes"]})
    same(name, "settings", settings[1], settings[0] | {"REGCRED_CLIENT_CA": "/etc/regcred/client-ca/ca.crt"})
    same(name, "mounts", mounts[1], mounts[0] | {"client-ca": "/etc/regcred/client-ca"})
    same(name, "volumes", volumes[1].keys(), volumes[0].keys() | {"client-ca"})
    same(name, "client CA volume", volumes[1]["client-ca"]["configMap"]["name"], ca["metadata"]["name"])
    changed = [thing for thing in without if without[thing] != objects.get(thing)]
    same(name, "what else it changes", changed, [("Deployment", "regcred")])


def backstop(name, without, objects, enforces, repairs):
    """The component adds the policies of its stage with their bindings, and changes nothing."""
    names = [("Validating", "guard")] + [("Mutating", "repair")] * repairs + [("Validating", "refuse")] * enforces
    same(name, "objects that the policies add", sorted(objects.keys() - without.keys()), sorted(
        (f"{kind}AdmissionPolicy{suffix}", f"regcred-{what}") for kind, what in names for suffix in ("", "Binding")))
    same(name, "what else they change", [thing for thing in without if without[thing] != objects.get(thing)], [])


def differences(first, second, path=()):
    """The places where two documents differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted(first.keys() | second.keys(), key=str):
            yield from differences(first.get(key), second.get(key), (*path, key))
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, (a, b) in enumerate(zip(first, second)):
            yield from differences(a, b, (*path, index))
    elif first != second:
        yield path


def main(folder):
    def rendered(name):
        return read(pathlib.Path(folder) / f"{name}.json")

    same("shipped", "certificate and step", rendered("shipped"), rendered("self-managed"))
    for way in ("self-managed", "cert-manager", "own-files"):
        one, two = rendered(way), rendered(f"{way}.enforce")
        changed = list(differences(one, two))
        environment = ("spec", "template", "spec", "containers", 0, "env")
        # A patch may also reorder the environment; installation() compares its values.
        same(way, "what step two changes", list(dict.fromkeys(path[:7] for path in changed)), [
            (("Deployment", "regcred"), *environment),
            (("ValidatingWebhookConfiguration", "regcred"), "webhooks", 0, "failurePolicy"),
        ])
        client_ca(way, two, rendered(f"{way}.enforce.client-ca"))
    for one, two, kind, at in (
        ("shipped", "another-policy", ("Deployment", "regcred"), ("spec",)),
        ("scan", "another-policy.scan", ("CronJob", "regcred-scan"), ("spec", "jobTemplate", "spec")),
    ):
        policy = "regcred-scan-policy" if one == "scan" else "regcred-policy"
        same(two, "what another policy changes", sorted(differences(rendered(one), rendered(two))), sorted([
            (("ConfigMap", policy), "data", "policy.yaml"),
            (("ConfigMap", policy), "metadata", "name"),
            (kind, *at, "template", "spec", "volumes", 0, "configMap", "name"),
        ]))
    for stage, without in (("audit", "self-managed"), ("warn", "self-managed"), ("enforce", "self-managed.enforce")):
        backstop(f"backstop-{stage}", rendered(without), rendered(f"backstop-{stage}"), stage == "enforce", stage != "audit")
    overlay = rendered("overlay")
    holds("overlay", "its own policy", "\nlanguage: both\n" in overlay["ConfigMap", "regcred-policy"]["data"]["policy.yaml"])
    spec = overlay["Deployment", "regcred"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    settings = {e["name"]: e["value"] for e in container["env"]}
    same("overlay", "what it sets", (spec["replicas"], container["image"], settings["REGCRED_LOG_LEVEL"], settings["REGCRED_TLS"],
                                     settings["REGCRED_ENFORCEMENT"], spec["template"]["spec"]["volumes"][0]["configMap"]["name"]),
         (3, "registry.example.com/platform/regcred:0.1.0", "debug", "self-managed", "enforce",
          overlay["ConfigMap", "regcred-policy"]["metadata"]["name"]))
    for name, (certificate, enforces) in INSTALLATIONS.items():
        installation(name, rendered(name), certificate, enforces)
    scan("scan", rendered("scan"), "regcred-system", ("ClusterRole", "ClusterRoleBinding"))
    scan("scan-namespaced", rendered("scan-namespaced"), "team", ("Role", "RoleBinding"))
    verify("verify", rendered("verify"), "regcred-system", ("ClusterRole", "ClusterRoleBinding"))
    verify("verify-namespaced", rendered("verify-namespaced"), "team", ("Role", "RoleBinding"))
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(INSTALLATIONS)} installations, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main(sys.argv[1]))
