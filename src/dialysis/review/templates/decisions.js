"use strict";
// Decisions: kept in this browser per study and bundle of results, exported as decisions.csv.

const STORE = {
  memory: new Map(),
  // Storage may be forbidden for files; then decisions live as long as the page.
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return this.memory.get(key) ?? null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      this.memory.set(key, value);
    }
  },
  keys() {
    try {
      return Object.keys(localStorage);
    } catch {
      return [...this.memory.keys()];
    }
  },
};

function storeKey() {
  const { name, bundle } = CHUNKS.get("index");
  return `dialysis:${name}:${bundle}`;
}

function readDecisions(key = storeKey()) {
  try {
    return JSON.parse(STORE.get(key) || "[]");
  } catch {
    return [];
  }
}

function writeDecisions(decisions, key = storeKey()) {
  STORE.set(key, JSON.stringify(decisions));
  document.dispatchEvent(new Event("decisions"));
}

function addDecision(decision) {
  writeDecisions([...readDecisions(), decision]);
}

function removeDecision(id) {
  writeDecisions(readDecisions().filter((each) => each.decision_id !== id));
}

// Decisions about other bundles of this study that are still in this browser.
function earlierDecisions() {
  const { name } = CHUNKS.get("index");
  return STORE.keys().filter((key) => key.startsWith(`dialysis:${name}:`) && key !== storeKey())
    .flatMap((key) => readDecisions(key).map((decision) => ({ key, decision })));
}

// What the log or this browser says about something; the newest last.
function decisionsOn(matches) {
  const index = CHUNKS.get("index");
  return [
    ...index.decided.filter((each) => matches(each)),
    ...readDecisions().filter((each) => matches(each)).map((each) => ({ ...each, pending: true })),
  ];
}

// A line that says who decided what.
function decisionLine(decision, where) {
  const reason = decision.reason_code ? CHUNKS.get("index").reason_words[decision.reason_code] || decision.reason_code : "";
  const why = [reason, decision.reason_text].filter(Boolean).join(": ");
  const limits = decision.start_min === undefined || decision.start_min === "" ? "" : ` ${decision.start_min} to ${decision.end_min} min`;
  return h("li", { class: `decision decision-${decision.decision}`, "data-decision": decision.decision_id || null },
    h("strong", {}, `${where ? `${targetWords(decision.level, decision.id, decision.analyte)}: ` : ""}${decidedWords(decision)}${limits}`),
    ` by ${decision.decided_by}, ${decision.decided_on}`, why && ` (${why})`,
    (decision.blinded === true || decision.blinded === "yes") && [" ", badge("note", "blind")],
    decision.pending && [" ", badge("open", "not imported yet"), " ",
      h("button", { type: "button", class: "quiet-button", "aria-label": `Remove: ${decisionWords(decision.decision)} ${targetWords(decision.level, decision.id, decision.analyte)}`, onclick: () => removeDecision(decision.decision_id) }, "Remove")]);
}

// The form that decides.  targets: [{ level, id, name }]; options: analytes (names), matches
// (which decisions to list), range() → marked range
function decisionPanel(targets, options = {}) {
  const index = CHUNKS.get("index");
  const panel = h("section", { class: "panel", "aria-labelledby": newId("panel") });
  const heading = h("h2", { id: panel.getAttribute("aria-labelledby") }, "Decide");
  const field = (label, control, hint) => {
    control.id = newId("field");
    return h("p", { class: "field" }, h("label", { for: control.id }, label), control, hint && h("span", { class: "quiet" }, hint));
  };
  const target = h("select", {}, targets.map((each, i) => h("option", { value: i }, each.name)));
  const analyte = h("select", {});
  const decision = h("fieldset", { class: "choices" });
  const reason = h("select", {}, h("option", { value: "" }, "choose …"),
    Object.entries(index.reason_words).map(([code, words]) => h("option", { value: code }, words)));
  const text = h("input", { type: "text", autocomplete: "off" });
  const start = h("input", { type: "number", step: "any", min: "0" });
  const end = h("input", { type: "number", step: "any", min: "0" });
  const who = h("input", { type: "text", autocomplete: "name", value: STORE.get("dialysis:reviewer") || "" });
  const problem = h("p", { class: "problem", role: "alert" });
  const group = newId("decision");
  const targetField = field("About", target);
  const analyteField = field("Analyte", analyte);
  const reasonField = field("Reason", reason);
  const limits = h("div", { class: "two" }, field("From, min", start), field("to, min", end));

  function chosen() {
    const checked = decision.querySelector("input:checked");
    return checked ? checked.value : "";
  }
  function shape() {
    const level = targets[target.value].level;
    const names = options.analytes || [];
    const kept = analyte.value;
    analyteField.hidden = !names.length || level === "figure" || level === "injection";
    analyte.replaceChildren(...(level === "peak" ? [] : [h("option", { value: "" }, "all analytes")]), ...names.map((name) => h("option", { value: name }, name)));
    if ([...analyte.options].some((each) => each.value === kept)) analyte.value = kept;
    const before = chosen();
    decision.replaceChildren(h("legend", {}, "Decision"), ...index.allowed[level].map((code) => h("label", {},
      h("input", { type: "radio", name: group, value: code, checked: code === before, onchange: update }), index.decision_words[code])));
    update();
  }
  function update() {
    reasonField.hidden = !["reject", "limits", "not_a_peak"].includes(chosen());
    limits.hidden = chosen() !== "limits";
    const range = options.range && options.range();
    if (!limits.hidden && range && !start.value) [start.value, end.value] = range.map((value) => value.toFixed(3));
  }
  function wrong() {
    const code = chosen();
    if (!code) return "Choose a decision.";
    if (!reasonField.hidden && !reason.value) return "Choose a reason.";
    if (!text.value.trim() && (code === "comment" || code === "restore" || (!reasonField.hidden && reason.value === "other"))) return "Say why in words.";
    if (code === "limits" && !(Number(start.value) < Number(end.value))) return "Give two times, the first before the second.";
    if (!who.value.trim()) return "Say who decides.";
    return "";
  }
  function save(event) {
    event.preventDefault();
    problem.textContent = wrong();
    if (problem.textContent) return;
    const { level, id } = targets[target.value];
    const code = chosen();
    STORE.set("dialysis:reviewer", who.value.trim());
    addDecision({
      study: index.name, bundle: index.bundle,
      decision_id: `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`,
      level, id, analyte: analyteField.hidden ? "" : analyte.value, decision: code,
      reason_code: reasonField.hidden ? "" : reason.value, reason_text: text.value.trim(),
      start_min: code === "limits" ? start.value : "", end_min: code === "limits" ? end.value : "",
      decided_by: who.value.trim(), decided_on: today(), blinded: index.blind ? "yes" : "no",
    });
    text.value = start.value = end.value = reason.value = "";
    decision.querySelectorAll("input").forEach((each) => { each.checked = false; });
    update();
    announce("Decision kept in this browser.");
  }
  const list = h("ul", { class: "plain" });
  function refresh() {
    if (!panel.isConnected && panel.dataset.shown) {
      document.removeEventListener("decisions", refresh);
      return;
    }
    panel.dataset.shown = "yes";
    const known = decisionsOn(options.matches);
    list.replaceChildren(...known.map((each) => decisionLine(each, targets.length > 1)));
    list.hidden = !known.length;
  }
  target.addEventListener("change", shape);
  document.addEventListener("decisions", refresh);
  add(panel, [heading, list, h("form", { onsubmit: save }, targets.length > 1 && targetField, analyteField, decision, reasonField, limits,
    field("In words", text), field("Reviewer", who), problem,
    h("p", {}, h("button", { type: "submit", class: "primary" }, "Keep the decision")))]);
  shape();
  refresh();
  // Lets a table row choose what the form is about.
  panel.choose = (level, id, name = "") => {
    target.value = targets.findIndex((each) => each.level === level && each.id === id);
    shape();
    if (name) analyte.value = name;
    panel.scrollIntoView({ block: "center" });
    decision.querySelector("input").focus({ preventScroll: true });
  };
  return panel;
}

function csvText(decisions) {
  const columns = CHUNKS.get("index").csv_columns;
  const cell = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const rows = decisions.map((each) => columns.map((name) => cell(String(each[name] ?? ""))).join(","));
  return `${[columns.join(","), ...rows].join("\n")}\n`;
}

function exportDecisions() {
  const url = URL.createObjectURL(new Blob([csvText(readDecisions())], { type: "text/csv" }));
  const anchor = h("a", { href: url, download: "decisions.csv" });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  announce("decisions.csv is in the folder of downloads.");
}
