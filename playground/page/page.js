// Shows what the functions of regcred (playground/src) answer. Text from regcred is only ever set as text, never as HTML.
const at = (id) => document.getElementById(id);
const [text, policy, image] = [at("text"), at("policy"), at("image")];
let language = navigator.languages.find((name) => /^(en|zh)\b/i.test(name))?.toLowerCase().startsWith("zh") ? "zh" : "en";
let words = TEXTS[language];

/** An element with attributes and children, which are elements or text. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

/** The bytes of WebAssembly: gzip, in base64. */
async function wasm() {
  const compressed = Uint8Array.from(atob(at("wasm").textContent.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Calls a function of regcred, and returns what it answers. The console can, too: `regcred("check", text, policy, "en", Date.now())`. */
const ask = (name, ...values) => JSON.parse(wasm_bindgen[name](...values));
globalThis.regcred = ask;

function show() {
  const began = performance.now();
  const given = text.value;
  const isEmpty = given.trim() === "";
  for (const id of ["error", "repair", "consumers"]) at(id).hidden = true;
  at("findings").hidden = false;
  at("found").replaceChildren();
  at("kind").textContent = "";
  at("status").textContent = "";
  try {
    const answer = ask("check", given, policy.value, language, Date.now());
    at("policy-error").textContent = answer.policyError ? words.policyFault + answer.policyError : "";
    showPolicies();
    if (isEmpty) return;
    at("kind").textContent = words.kinds[answer.kind];
    if (answer.kind === "error") {
      at("findings").hidden = true;
      at("error").hidden = false;
      at("explained").replaceChildren(...answer.report.filter((line) => line.kind === "Explanation").map(explanation));
      at("status").textContent = words.statusError;
    } else {
      showFindings(answer);
      showRepair(answer);
      at("consumers").hidden = false;
      showConsumers();
    }
  } catch {
    at("found").replaceChildren(element("li", { class: "deny" }, element("p", {}, words.broken)));
  } finally {
    performance.measure("regcred:answer", { start: began });
  }
}

function showFindings({ report, repaired }) {
  const summary = report.at(-1);
  const findings = report.slice(0, -1);
  const good = summary.secrets > 0 ? words.good : summary.policies > 0 ? "" : words.noSecrets;
  const items = findings.map(finding);
  if (items.length === 0 && good) items.push(element("li", { class: summary.secrets > 0 ? "good" : "audit" }, element("p", {}, good)));
  at("found").replaceChildren(...items);
  const number = findings.filter((line) => line.kind === "Finding").length;
  at("status").textContent = words.status(summary.secrets, number, repaired !== null);
}

/** A finding, or what else a report has: an error or a note. */
function finding(line) {
  const { kind, action, code, message, registry, file, consumers = {}, repairable, notFixed, notes = [] } = line;
  const place = file?.line ? words.place(file.line, file.column) : "";
  const title = element("h3", {},
    element("span", {}, repairable ? words.repairable : words.actions[action] ?? words.notes[kind]),
    element("code", {}, code),
    registry && element("span", {}, registry),
    place && element("span", { class: "place" }, place),
  );
  const outcomes = Object.entries(CONSUMERS).filter(([consumer]) => consumer in consumers).flatMap(([consumer, name]) => {
    const outcome = consumers[consumer];
    const kind = outcome === "uses" ? "good" : outcome === "may-use" ? "maybe" : "bad";
    return [element("dt", {}, name), element("dd", { class: kind }, words.outcomes[outcome])];
  });
  const paragraphs = [notFixed, ...notes].filter(Boolean).map((note) => element("p", { class: "remedy" }, note));
  return element("li", { class: repairable ? "good" : action ?? (kind === "Error" ? "deny" : "audit") },
    title,
    element("p", {}, message),
    ...paragraphs,
    outcomes.length > 0 ? element("dl", {}, ...outcomes) : undefined,
  );
}

function showRepair({ kind, diff, repaired }) {
  at("repair").hidden = repaired === null;
  at("diff").replaceChildren(...diffLines(diff ?? ""));
  at("repaired").value = repaired ?? "";
  at("encoded").hidden = kind !== "encoded" || repaired === null;
  at("repaired-encoded").value = at("encoded").hidden ? "" : encoded(repaired);
}

function encoded(document) {
  const bytes = new TextEncoder().encode(document);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** The lines of a diff. Where one line takes the place of another, what differs is marked. */
function diffLines(diff) {
  const lines = diff.replace(/\n$/, "").split("\n");
  return lines.map((line, index) => {
    const name = { "+": "added", "-": "removed", "@": "head", "\\": "head" }[line[0]] ?? "same";
    const other = { added: lines[index - 1], removed: lines[index + 1] }[name];
    const isPair = name === "added" ? other?.[0] === "-" && lines[index + 1]?.[0] !== "+" : other?.[0] === "+" && lines[index - 1]?.[0] !== "-";
    if (!isPair) return element("span", { class: name }, line || " ");
    const [before, changed, after] = difference(line, other);
    return element("span", { class: name }, before, changed && element("mark", {}, changed), after);
  });
}

/** A line in three parts: what it begins with like another one, what is different, and what it ends with like it. */
function difference(line, other) {
  let start = 1;
  while (start < line.length && line[start] === other[start]) start += 1;
  let end = 0;
  const most = Math.min(line.length, other.length) - start;
  while (end < most && line.at(-1 - end) === other.at(-1 - end)) end += 1;
  return [line.slice(0, start), line.slice(start, line.length - end), line.slice(line.length - end)];
}

function showConsumers() {
  const name = image.value.trim();
  if (name === "") {
    at("used").replaceChildren(element("p", { class: "hint" }, words.noImage));
    return;
  }
  const report = ask("image", text.value, name, language, Date.now());
  at("used").replaceChildren(...report.filter((line) => line.kind === "Explanation").flatMap((line) => [
    ...explanation(line).childNodes,
    line.consumers ? consumerTable(line.consumers) : "",
  ]));
}

function consumerTable(consumers) {
  const rows = consumers.map(({ consumer, uses, note }) => {
    const readBy = words.readBy[consumer];
    const used = uses.map(({ secret, registry }) => element("div", {}, element("code", {}, words.secretKey(secret, registry))));
    return element("tr", {},
      element("th", { scope: "row" }, CONSUMERS[consumer], readBy && element("small", {}, readBy)),
      element("td", {}, ...(used.length > 0 ? used : [words.nothing]), note && element("div", { class: "remedy" }, note)),
    );
  });
  const head = element("tr", {}, element("th", { scope: "col" }, words.consumer), element("th", { scope: "col" }, words.finds));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

/** What `regcred explain` says: the sentence, how certain it is, and what was checked. */
function explanation({ message, cause, certainty, checked, remedy }) {
  const items = [...remedy, ...checked].map((line) => element("li", {}, line));
  return element("div", {},
    element("p", {}, message),
    cause === "none" ? undefined : element("p", { class: "remedy" }, words.certainty[certainty], " ", element("code", {}, cause)),
    items.length > 0 ? element("ul", {}, ...items) : undefined,
  );
}

function showPolicies() {
  at("policies").value = ask("backstop", at("role").value, policy.value, language, Date.now());
}

function setLanguage(chosen) {
  language = chosen;
  words = TEXTS[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const found of document.querySelectorAll("[data-text]")) found.textContent = words[found.dataset.text];
  for (const found of document.querySelectorAll("[data-label]")) found.setAttribute("aria-label", words[found.dataset.label]);
  for (const found of document.querySelectorAll("[data-language]")) {
    found.setAttribute("aria-pressed", String(found.dataset.language === language));
  }
}

/** Waits until nothing has been typed for a moment. */
function settled(act) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, 120);
  };
}

function listen() {
  text.addEventListener("input", settled(show));
  policy.addEventListener("input", settled(show));
  image.addEventListener("input", settled(showConsumers));
  at("role").addEventListener("change", showPolicies);
  at("clear").addEventListener("click", () => {
    for (const field of [text, policy, image]) field.value = "";
    show();
    text.focus();
  });
  for (const button of document.querySelectorAll("[data-example]")) {
    button.addEventListener("click", () => {
      const example = EXAMPLES[button.dataset.example];
      [text.value, image.value] = [example.text, example.image];
      show();
    });
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      setLanguage(button.dataset.language);
      show();
    });
  }
}

setLanguage(language);
try {
  await wasm_bindgen({ module_or_path: await wasm() });
  at("version").textContent = wasm_bindgen.version();
  listen();
  show();
  performance.mark("regcred:ready");
} catch (error) {
  console.error(error);
  at("status").textContent = words.unsupported;
}
