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
    """What the page answers to calls of its functions."""
    return driver.execute_script("return arguments[0].map((call) => regcred(...call, Date.now()));", calls)


def same_as_terminal(driver):
    """Every case: the findings, the repaired bytes and the consumers of an image are those of the terminal."""
    found = findings = repaired = asked = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        by_policy = {}
        for number, (case, secret, policy) in enumerate(cases()):
            by_policy.setdefault(policy, []).append((f"{number:04}.json", secret, case))
        for number, (policy, group) in enumerate(by_policy.items()):
            files = folder / str(number)
            files.mkdir()
            (folder / "policy.yaml").write_text(policy)
            arguments = ["--policy", folder / "policy.yaml"] if policy else []
            for name, secret, _ in group:
                (files / name).write_text(secret)
            for language in ("en", "zh"):
                expected = {name: [] for name, _, _ in group}
                printed = lines(regcred("check", *arguments, "--lang", language, "-o", "json", files))
                for line in printed[:-1]:
                    expected[pathlib.Path(line["file"]["path"]).name].append(line)
                answers = ask(driver, [("check", secret, policy, language) for _, secret, _ in group])
                for (name, _, case), answer in zip(group, answers, strict=True):
                    assert answer["kind"] == "manifest" and answer["policyError"] is None, case["id"]
                    for line in expected[name]:
                        line["file"]["path"] = "config.json"
                    assert answer["report"][:-1] == expected[name], (case["id"], language)
                    assert answer["report"][-1]["kind"] == "Summary"
                    findings += len(expected[name]) if language == "en" else 0
            regcred("check", "--fix", *arguments, files)
            for (name, secret, case), answer in zip(group, answers, strict=True):
                after = (files / name).read_text()
                assert (answer["repaired"] or secret) == after, case["id"]
                assert (answer["diff"] is None) == (after == secret), case["id"]
                repaired += after != secret
                found += 1
        # An image of the first key, and one that no key is for.
        for number, (_, secret, case) in enumerate(group for groups in by_policy.values() for group in groups):
            if number % 5:
                continue
            key = re.search(r'"auths"\s*:\s*{\s*"(?:https?://)?([a-z0-9.:-]+)', case.get("doc", ""))
            image = f"{key[1] if key else 'other.example.com'}/team/app:1"
            (answer,) = ask(driver, [("image", secret, image, "en")])
            assert answer == lines(regcred("explain", "-o", "json", "--image", image, "-f", "-", text=secret)), case["id"]
            asked += any(used["uses"] for line in answer for used in line.get("consumers", []))
    assert found == 705 and findings > 500 and repaired > 50 and asked > 20, (found, findings, repaired, asked)
    return f"{found} cases, {findings} findings, {repaired} repairs, {asked} images with credentials as in the terminal"


def same_errors(driver):
    """The errors of the recorded pulls."""
    texts = set()
    for line in (ROOT / "tests/pulls/recorded.jsonl").read_text().splitlines():
        for item in json.loads(line)["list"]["items"]:
            if item["kind"] == "Event" and item["message"].startswith("Failed to pull"):
                texts.add(item["message"])
    texts = sorted(texts)
    for text, answer in zip(texts, ask(driver, [("check", text, "", "en") for text in texts]), strict=True):
        assert answer["kind"] == "error", text
        assert answer["report"] == lines(regcred("explain", "-o", "json", "--message", text)), text
    assert len(texts) > 20
    return f"{len(texts)} recorded errors as in the terminal"


def same_policies(driver):
    """The admission policies, of the defaults and of a policy file."""
    policy = json.dumps({"apiVersion": "regcred/v1", "kind": "Policy", "deniedRegistries": ["denied.example.com"]})
    printed = set()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(policy)
        file.flush()
        for given, arguments in (("", []), (policy, ["--policy", file.name])):
            for role in ("backstop", "standalone"):
                expected = regcred("backstop", "--role", role, *arguments)
                assert ask(driver, [("backstop", role, given, "en")]) == [expected] and "MutatingAdmissionPolicy" in expected
                printed.add(expected)
    assert len(printed) == 4


def shown(driver):
    """What is answered is on the page: for a manifest, a Docker config, the base64 of one, an error and a wrong policy."""
    driver.execute_script("for (const at of document.querySelectorAll('details')) at.open = true")
    config = '{"auths":{"registry.example.com":{"username":"u","password":"p"},"other.example.com":{}}}'
    put(driver, "text", config)
    (answer,) = ask(driver, [("check", config, "", "en")])
    assert answer["kind"] == "docker-config"
    text = driver.find_element(By.ID, "found").text
    assert answer["report"][:-1] and all(line["message"] in text for line in answer["report"][:-1])
    assert driver.find_element(By.ID, "repaired").get_property("value") == answer["repaired"]
    put(driver, "policy", "apiVersion: regcred/v1\nkind: Policy\nrules: {no-credentials: {action: audit}}\n")
    assert driver.find_elements(By.CSS_SELECTOR, "#found .audit") and not driver.find_elements(By.CSS_SELECTOR, "#found .deny")
    put(driver, "policy", "kind: Other\n")
    assert driver.find_element(By.ID, "policy-error").text and driver.find_elements(By.CSS_SELECTOR, "#found .deny")
    put(driver, "policy", "")
    assert not driver.find_element(By.ID, "policy-error").text
    put(driver, "text", base64.encodebytes(config.encode()).decode())
    assert "base64" in driver.find_element(By.ID, "kind").text
    encoded = driver.find_element(By.ID, "repaired-encoded").get_property("value")
    assert base64.b64decode(encoded).decode() == answer["repaired"]
    put(driver, "text", "Error: ErrImagePull")
    assert driver.find_element(By.ID, "explained").text and not driver.find_element(By.ID, "findings").is_displayed()
    # Text is never taken for HTML.
    put(driver, "text", json.dumps({"auths": {"<img src=x onerror=alert(1)>": {}}}))
    assert "<img" in driver.find_element(By.ID, "found").text and not driver.find_elements(By.CSS_SELECTOR, "main img")
    put(driver, "text", "")
    assert driver.find_element(By.ID, "found").text == ""


def closed_to_the_network(driver):
    """Nothing was asked for since the page was loaded, and the policy stops what tries to."""
    assert requests(driver) == []
    assert complaints(driver) == []
    tried = driver.execute_async_script("""
        const done = arguments[arguments.length - 1];
        const violations = [];
        document.addEventListener("securitypolicyviolation", (event) => violations.push(`${event.effectiveDirective} ${new URL(event.blockedURI).pathname}`));
        new Image().src = "/image";
        document.body.append(Object.assign(document.createElement("script"), { src: "/script.js" }));
        try { new WebSocket("ws://127.0.0.1:9/socket"); } catch {}
        navigator.sendBeacon("/beacon", "x");
        fetch("/livez").then(() => "answered", () => "refused")
          .then((fetched) => setTimeout(() => done({ fetched, violations }), 200));""")
    assert tried["fetched"] == "refused", tried
    stopped = sorted(set(tried["violations"]))
    assert stopped == ["connect-src /beacon", "connect-src /livez", "connect-src /socket", "img-src /image",
                       "script-src-elem /script.js"], tried
    # What was refused is not sent: Chromium reports an address with its refusal, and no answer to it.
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    assert not [event for event in events if event["method"] in ("Network.responseReceived", "Network.requestWillBeSentExtraInfo")]
    assert complaints(driver)
    storage = "return [localStorage.length, sessionStorage.length, document.cookie]"
    assert driver.execute_script(storage) == [0, 0, ""]
    return f"stopped: {', '.join(stopped)}"


def by_keyboard(driver):
    """From the address to an answer and to the other language without a pointer; what has the focus can be seen."""
    def press(*keys):
        ActionChains(driver).send_keys(*keys).perform()

    def focused():
        return driver.execute_script("""
            const at = document.activeElement;
            const outline = getComputedStyle(at).outlineStyle;
            return [at.id || at.dataset.example || at.dataset.language || at.className || at.tagName, outline];""")

    driver.execute_script("document.activeElement.blur()")
    order = []
    for _ in range(8):
        press(Keys.TAB)
        name, outline = focused()
        order.append(name)
        assert outline != "none", f"the focus on {name} cannot be seen"
    assert order == ["skip", "en", "zh", "secret", "config", "error", "clear", "text"], order
    press("{", '"auths":{"registry.example.com":{"username":"u","password":"p"}}}')
    wait(driver, "return document.querySelectorAll('#found li').length")
    assert driver.find_element(By.ID, "repair").is_displayed()
    # Past the policy to the diff, the repaired text and the image.
    later = []
    for _ in range(4):
        press(Keys.TAB)
        later.append(focused()[0])
    assert later == ["SUMMARY", "diff", "SUMMARY", "image"], later
    press("registry.example.com/team/app:1")
    wait(driver, "return document.querySelectorAll('#used tbody tr').length === 5")
    # Back to the languages.
    for _ in range(10):
        press(Keys.SHIFT, Keys.TAB)
        if focused()[0] == "zh":
            break
    press(Keys.SPACE)
    assert driver.execute_script("return document.documentElement.lang") == "zh-CN"
    assert re.search("[一-龥]", driver.find_element(By.ID, "found").text)


def labelled(driver):
    """Every field and every region has a name, and headings follow one another."""
    unnamed = driver.execute_script("""
        const named = (at) => at.labels?.length || at.getAttribute("aria-label") || at.textContent.trim()
          || document.getElementById(at.getAttribute("aria-labelledby"))?.textContent;
        return [...document.querySelectorAll("button, input, select, textarea, section, summary, [role=group], pre")]
          .filter((at) => !named(at)).map((at) => at.outerHTML);""")
    assert unnamed == [], unnamed
    levels = driver.execute_script("return [...document.querySelectorAll('h1, h2, h3')].map((at) => Number(at.tagName[1]))")
    assert levels[0] == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels


def narrow(driver):
    """Nothing is wider than the window."""
    wide = driver.execute_script("""
        const width = document.documentElement.clientWidth;
        return [document.documentElement.scrollWidth > width,
          ...[...document.querySelectorAll("body *:not(.skip)")]
            .filter((at) => at.checkVisibility() && !at.closest("pre") && at.getBoundingClientRect().right > width + 0.5)
            .map((at) => at.outerHTML.slice(0, 80))];""")
    assert wide == [False], wide


def screenshots(driver, name):
    """One of each example, of the whole page."""
    folder = FOLDER / "screenshots"
    folder.mkdir(exist_ok=True)
    for example in ("config", "secret", "error"):
        driver.execute_script("document.querySelector(`[data-example=${arguments[0]}]`).click()", example)
        narrow(driver)
        image = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]
        (folder / f"{name}-{example}.png").write_bytes(base64.b64decode(image))


def times(driver):
    """From the start of the navigation to a page that answers, and from a paste to the answer."""
    put(driver, "text", '{"auths":{"registry.example.com":{"username":"u","password":"p"}}}')
    return driver.execute_script("""
        const at = (name) => performance.getEntriesByName(name).at(-1);
        return [at("regcred:ready").startTime, at("regcred:answer").duration].map((time) => Math.round(time));""")


def main():
    with tempfile.TemporaryDirectory() as folder, served(pathlib.Path(folder)) as operations:
        address = f"{operations}/playground/"
        with browser() as driver:
            opened(driver, address)
            assert requests(driver) == [address]
            assert driver.execute_script("return document.documentElement.lang") == "en"
            ready, answer = times(driver)
            print(f"{ready} ms from the address to a page that answers, {answer} ms to the first findings")
            put(driver, "text", "")
            by_keyboard(driver)
            opened(driver, address)
            requests(driver)
            shown(driver)
            labelled(driver)
            print(same_as_terminal(driver))
            print(same_errors(driver))
            same_policies(driver)
            print(closed_to_the_network(driver))
        for language in ("en", "zh"):
            for width in (360, 1280):
                for dark in (False, True):
                    with browser("zh-CN" if language == "zh" else "en-US", dark, width) as driver:
                        opened(driver, address)
                        assert driver.execute_script("return document.documentElement.lang").startswith(language)
                        screenshots(driver, f"{language}-{width}-{'dark' if dark else 'light'}")
                        assert complaints(driver) == []
        print(f"screenshots: {FOLDER / 'screenshots'}")


main()
