"""The page of .ci/playground in headless Chromium, loaded from `regcred serve --dev`.

    playground_test.py REGCRED FOLDER    FOLDER: that of index.html; the screenshots are written to FOLDER/screenshots

It says the same as `regcred check` and `regcred explain` about every case of tests/cases, opens no connection, and can be used by
keyboard, in both languages and at 360 pixels.
"""

import base64
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

ROOT = pathlib.Path(__file__).resolve().parent.parent
REGCRED, FOLDER = (pathlib.Path(path).resolve() for path in sys.argv[1:])
DATA_KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


def regcred(*arguments, text=""):
    """Runs regcred on standard input, and returns what it prints. Findings are exit code 1."""
    done = subprocess.run([REGCRED, *arguments], input=text.encode(), capture_output=True, timeout=60)
    assert done.returncode in (0, 1, 2), done
    return done.stdout.decode()


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def cases():
    """The Secret and the policy of every case, as text."""
    for line in (ROOT / "tests/cases/cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        data = case.get("data_keys") or {}
        if "doc_b64" in case:
            data = {DATA_KEYS[case["type"]]: case["doc_b64"]}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": case["id"], "namespace": "default"},
                  "type": case["type"], "data": data}
        policy = dict(case.get("policy") or {})
        rules = {code: dict(setting) for code, setting in policy.pop("rules", {}).items()}
        if "allowGenericHosts" in policy:
            rules.setdefault("generic-registry-host", {})["allow"] = policy.pop("allowGenericHosts")
        if policy or rules:
            policy = {"apiVersion": "regcred/v1", "kind": "Policy", **policy, **({"rules": rules} if rules else {})}
        yield case, json.dumps(secret), json.dumps(policy) if policy else ""


@contextlib.contextmanager
def served(folder):
    """The operations port of a server for development, in a folder of its own that has the page."""
    page = folder / "target/playground"
    page.mkdir(parents=True)
    (page / "index.html").symlink_to(FOLDER / "index.html")
    command = [REGCRED, "serve", "--dev", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        ports = []
        while len(ports) < 2:
            line = server.stderr.readline()
            assert line, "the server does not start"
            ports += re.findall(r"127\.0\.0\.1:(\d+)", line)[:1]
        yield f"http://127.0.0.1:{ports[1]}"
    finally:
        server.terminate()
        server.wait(30)


@contextlib.contextmanager
def browser(language="en", dark=False, width=1280):
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-gpu"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        driver.set_script_timeout(120)
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
        yield driver
    finally:
        driver.quit()


def opened(driver, address):
    driver.get(address)
    wait(driver, "return performance.getEntriesByName('regcred:ready').length")


def wait(driver, script):
    return WebDriverWait(driver, 20, 0.02).until(lambda driver: driver.execute_script(script))


def requests(driver):
    """The addresses that were asked for since the last call. What is in the page itself is not asked for."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = (event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent")
    return [address for address in sent if not address.startswith(("data:", "blob:"))]


def complaints(driver):
    return [entry["message"] for entry in driver.get_log("browser")]


def put(driver, field, text):
    """Sets a field as pasting does, and waits for the answer."""
    driver.execute_script("""
        performance.clearMeasures();
        const field = document.getElementById(arguments[0]);
        field.value = arguments[1];
        field.dispatchEvent(new Event("input", { bubbles: true }));""", field, text)
    wait(driver, "return performance.getEntriesByName('regcred:answer').length")


def ask(driver, calls):
    """The answers of the page's own functions, which are not global: its code is run again beside it, without the page."""
    return driver.execute_async_script("""
        const done = arguments[arguments.length - 1];
        Promise.resolve().then(async () => {
          const answers = [];
          for (const [name, ...values] of arguments[0]) answers.push(window.regcred[name](...values));
          return answers;
        }).then(done, (error) => done(String(error)));""", calls)
