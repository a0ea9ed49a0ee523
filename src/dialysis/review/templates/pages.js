"use strict";
// The pages.  Each takes what its route names and returns its elements.

async function overviewPage() {
  const index = CHUNKS.get("index");
  const { study } = index;
  const counts = Object.entries(index.counts).map(([status, n]) => h("li", { class: n ? null : "zero" }, h("strong", {}, n), " ", badge(status)));
  const facts = index.facts.map(([n, what]) => h("li", {}, h("strong", {}, n), " ", what));
  return [
    heading(study.title),
    h("p", { class: "quiet" }, [study.species, study.region, `study ${index.name}`, `bundle ${index.number} (${index.bundle})`, study.contact && `contact ${study.contact}`].filter(Boolean).join(" · ")),
    index.marks.length ? h("p", {}, "Numbers of this study: ", index.marks.map((mark) => [badge("note", mark), " "])) : null,
    h("ul", { class: "strip", "aria-label": "Outcomes by verdict, and what there is" }, counts, facts,
      h("li", {}, h("strong", {}, index.flags.FAIL + index.flags.WARN), " ", link("flags to look at", "flags"))),
    flagKinds(index),
    guide("overview"),
    changedBox(index.changed),
    h("h2", { id: "outcomes" }, "Outcomes"),
    outcomeCards(index),
    h("div", { class: "columns-2" },
      lookAtList("Animals to look at", "animal", index.animals.map((each) => ({ id: each.id, status: each.state, text: each.brief, more: each.why, under: each.group })), "animals"),
      index.runs.length ? lookAtList("Runs to look at", "run", index.runs.map((each) => ({ id: each.id, status: each.status, text: each.findings.map(findingText).join(" ") })), "runs") : null),
    index.warnings.length ? h("details", { class: "fold", id: "warnings" }, h("summary", {}, `Warnings about the study's tables (${index.warnings.length})`),
      h("ul", {}, index.warnings.map((warning) => h("li", {}, warning)))) : null,
  ];
}

function changedBox(changed) {
  if (!changed) return h("section", { class: "panel calm", "aria-label": "What changed" }, h("p", {}, "This is the first bundle of results: there is nothing to compare it with yet."));
  return h("section", { class: "panel calm", "aria-labelledby": "changed-title" },
    h("h2", { id: "changed-title" }, `What changed since bundle ${changed.number}`),
    h("ul", {}, changed.sentences.map((sentence) => h("li", {}, sentence))),
    h("p", {}, link("Everything that changed", "changes")));
}

// How often each kind of flag was set: what is to be looked at, and notes folded under it.
function flagKinds(index) {
  if (!index.flag_kinds.length) return null;
  const named = (rows) => rows.map(([, flag, n]) => `${n} × ${flagWords(flag)}`).join(", ");
  const grave = index.flag_kinds.filter(([severity]) => severity !== "note");
  const notes = index.flag_kinds.filter(([severity]) => severity === "note");
  return [
    grave.length ? h("p", { class: "quiet" }, `Flagged: ${named(grave)}.`) : null,
    notes.length ? h("details", { class: "fold", id: "notes" }, h("summary", {}, `${plural(index.flags.note, "note")} of ${plural(notes.length, "kind")}`),
      h("ul", {}, notes.map(([, flag, n]) => h("li", {}, h("strong", {}, n), ` × ${flagWords(flag)}`)))) : null,
  ];
}

const VERDICTS = ["FAIL", "WARN", "PASS"];

// Cards of the outcomes with filter and order.
function outcomeCards(index) {
  const list = h("ul", { class: "cards" });
  const filterId = newId("filter"), orderId = newId("order");
  const filter = h("input", { type: "search", id: filterId, autocomplete: "off", spellcheck: "false", oninput: draw });
  const order = h("select", { id: orderId, onchange: draw },
    [["study", "as in the study"], ["verdict", "worst first"], ["name", "by name"], ["open", "undecided first"]].map(([value, text]) => h("option", { value }, text)));
  const boxes = VERDICTS.map((status) => h("input", { type: "checkbox", checked: true, value: status, onchange: draw }));
  const count = h("output", { "aria-live": "polite" });
  const cards = index.outcomes.map((outcome, place) => ({ outcome, place, text: JSON.stringify([outcome.label, outcome.status, outcome.findings]).toLowerCase() }));
  const decided = (outcome) => decisionsOn((each) => each.level === "figure" && each.id === outcome.slug && each.decision !== "comment" && each.changed_since === undefined).length > 0;
  const orders = {
    study: (a, b) => a.place - b.place,
    verdict: (a, b) => VERDICTS.indexOf(a.outcome.status) - VERDICTS.indexOf(b.outcome.status) || a.place - b.place,
    name: (a, b) => COLLATOR.compare(a.outcome.label, b.outcome.label),
    open: (a, b) => decided(a.outcome) - decided(b.outcome) || a.place - b.place,
  };
  function draw() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = boxes.filter((box) => box.checked).map((box) => box.value);
    const shown = cards.filter((card) => states.includes(card.outcome.status) && words.every((word) => card.text.includes(word)));
    list.replaceChildren(...shown.sort(orders[order.value]).map((card) => outcomeCard(card.outcome)));
    count.textContent = `${shown.length} of ${plural(cards.length, "outcome")}`;
  }
  draw();
  return [h("div", { class: "grid-tools" }, h("span", {}, h("label", { for: filterId }, "Filter"), " ", filter), h("span", {}, h("label", { for: orderId }, "Order"), " ", order),
    h("fieldset", { class: "inline" }, h("legend", { class: "visually-hidden" }, "Verdicts shown"), boxes.map((box, i) => h("label", {}, box, " ", VERDICTS[i]))), count), list];
}

function outcomeCard(outcome) {
  const decisions = decisionsOn((each) => each.level === "figure" && each.id === outcome.slug);
  const shown = outcome.findings.slice(0, 3);
  return h("li", { class: `card card-${outcome.status}`, "data-outcome": outcome.slug },
    h("a", { class: "card-link", href: route("outcome", outcome.slug) },
      outcome.thumb ? h("img", { src: outcome.thumb, alt: "", decoding: "async" }) : null,
      h("span", { class: "card-title" }, outcome.label)),
    h("p", {}, badge(outcome.status), outcome.marks.map((mark) => [" ", badge("note", mark)]), decisions.slice(-1).map((each) => [" ", badge(each.changed_since === undefined ? "decided" : "open", decidedWords(each))])),
    outcome.sentence.length ? h("p", { class: "sentence" }, spansView(outcome.sentence)) : null,
    shown.length ? h("ul", { class: "reasons" }, shown.map((finding) => h("li", {}, h("strong", {}, `${finding.words}: `), linkedText(finding.text)))) : h("p", { class: "nothing" }, "No rule fired."),
    outcome.findings.length > shown.length ? h("p", { class: "quiet" }, `and ${outcome.findings.length - shown.length} more`) : null);
}

function lookAtList(title, kind, entries, all) {
  const rank = (each) => STATUS_ORDER.indexOf(each.status === "left out" ? "FAIL" : each.status);
  const odd = entries.filter((each) => each.status !== "PASS").sort((a, b) => rank(a) - rank(b));
  const id = newId("list");
  return h("section", { "aria-labelledby": id }, h("h2", { id }, title),
    odd.length ? h("ul", { class: "look-at" }, odd.slice(0, 12).map((each) => h("li", {}, link(each.id, kind, each.id), " ", badge(each.status), " ", h("span", {}, each.text), each.more && each.more.join("; ") !== each.text ? h("details", {}, h("summary", {}, "All reasons"), h("ul", {}, each.more.map((reason) => h("li", {}, reason)))) : null))) : h("p", { class: "nothing" }, "None."),
    h("p", {}, link(`All ${entries.length}`, all)));
}

async function outcomePage(slug) {
  const index = CHUNKS.get("index");
  if (!index.outcomes.some((each) => each.slug === slug)) return missingPage(`outcome ${slug}`);
  const data = await load(`outcome-${slug}`);
  return [
    neighbours("outcome", index.outcomes.map((each) => each.slug), slug, "outcome", index.outcomes.map((each) => each.short)),
    heading(data.label, badge(data.status), data.marks.map((mark) => [" ", badge("note", mark)])),
    findingsView(data.findings),
    data.results ? h("div", { class: "result-text" }, data.sentence.length ? h("p", {}, spansView(data.sentence)) : null,
      data.results.length ? h("details", {}, h("summary", {}, "The whole result in words"), blocksView(data.results)) : null) : h("p", { class: "panel calm" }, "Blinded review: groups are coded, figures and statistics are shown after 'dialysis decisions lock'."),
    h("div", { class: "with-panel" },
      h("div", {}, data.pictures ? figuresView(data.pictures) : null, factsView(data.facts)),
      decisionPanel([{ level: "figure", id: slug, name: `Figure of ${data.label}` }], { matches: (each) => each.level === "figure" && each.id === slug })),
    guide("outcome"),
    h("h2", {}, "Every animal"),
    seriesView(data),
    data.tables ? comparisons(data) : null,
    data.excluded && data.excluded.rows.length ? withExcluded(data.excluded) : null,
    h("h2", {}, "Tables"),
    (data.tables || []).map(gridFold),
    gridFold(data.baselines),
    data.model ? [
      h("h2", {}, "Model and methods"),
      h("details", { class: "fold" }, h("summary", {}, "The model"), factsView(data.model)),
      h("details", { class: "fold" }, h("summary", {}, "Methods paragraph"), blocksView(data.methods)),
      h("p", { class: "links" }, data.downloads.map(([text, href]) => h("a", { href }, text))),
    ] : null,
  ];
}

// Groups × times: the comparison with the control with its stars, p and n.
function comparisons(data) {
  const contrasts = data.tables.find((grid) => grid.name.endsWith("-contrasts"));
  const means = data.tables.find((grid) => grid.name.endsWith("-means"));
  if (!contrasts || !contrasts.rows.length) return null;
  const at = (grid, row, name) => row[grid.columns.findIndex((column) => column.name === name)];
  const times = new Map(contrasts.rows.map((row) => [at(contrasts, row, "time_index"), at(contrasts, row, "time_min")]));
  const order = [...times.keys()].sort((a, b) => a - b);
  const groups = [...new Set(contrasts.rows.map((row) => at(contrasts, row, "group")))];
  const control = [...new Set(contrasts.rows.map((row) => at(contrasts, row, "control")))];
  const n = new Map((means ? means.rows : []).map((row) => [`${at(means, row, "group")} ${at(means, row, "time_index")}`, at(means, row, "n")]));
  const id = newId("about");
  const p = data.stars === "all" ? "p_all" : "p_within";
  const family = data.stars === "all" ? "all times and groups" : "the groups within one time";
  const over = at(contrasts, contrasts.rows[0], "adjustment") === "none" ? "not adjusted" : `adjusted over ${family}`;
  const cell = (group, time) => {
    const row = contrasts.rows.find((each) => at(contrasts, each, "group") === group && at(contrasts, each, "time_index") === time);
    const ratio = row && at(contrasts, row, "ratio_pct");
    if (ratio === undefined || ratio === null) return h("td", { class: "num muted" }, DASH);
    const stars = at(contrasts, row, "stars") || "";
    return h("td", { class: `num${stars.includes("*") ? " starred" : ""}` }, ratio.toFixed(0), stars.includes("*") ? h("sup", {}, stars) : null,
      h("span", { class: "under" }, pWords(at(contrasts, row, p))), h("span", { class: "under" }, `n ${n.get(`${group} ${time}`) ?? DASH}`));
  };
  return [h("h2", {}, "Comparison with the control"),
    h("p", { class: "grid-about", id }, `Response${control.length === 1 ? ` against ${control[0]}` : ""} in percent of the control's (100 = no difference) with its stars; below it p, ${over}, and n, animals with a value. Columns: minutes from the dose.`),
    h("div", { class: "scroll", role: "region", "aria-labelledby": id, tabindex: "0" }, h("table", { "data-grid": "comparisons" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Group"), order.map((time) => h("th", { scope: "col", class: "num" }, numberText(Math.round(times.get(time))))))),
      h("tbody", {}, groups.map((group) => h("tr", {}, h("th", { scope: "row" }, group), order.map((time) => cell(group, time)))))))];
}

function withExcluded(excluded) {
  const columns = [["Group", "text"], ["Time, min", "number"], ["As analysed, % of control", "number"], ["Stars", "text"], ["With all values, % of control", "number"], ["Stars, with all values", "text"], ["Change, %", "number"]];
  const about = "The comparison with the control as it is analysed, and again with every value that was left out put back.";
  return [h("h2", {}, "With and without what was left out"), h("p", {}, excluded.text),
    gridFold({ name: "with-excluded", title: "Both analyses", about, file: "", columns: columns.map(([label, kind]) => ({ label, kind, about: label, name: label })), rows: excluded.rows })];
}

async function animalsPage() {
  const index = CHUNKS.get("index");
  const columns = [["Animal", "animal", "Animal."], ["State", "status", "PASS; WARN: a fraction is missing or left out, or a baseline is not stable or not usable; left out: no fraction is used."], ["Group", "text", "Group."], ["Why", "text", "Every reason once."]];
  return [heading("Animals"), guide("animals"), gridView({
    name: "animals", about: "One row per animal.", file: "data/baseline.csv",
    columns: columns.map(([label, kind, about]) => ({ label, kind, about, name: label })),
    rows: index.animals.map((each) => [each.id, each.state, each.group, each.why.join("; ")]),
  })];
}

async function animalPage(id) {
  const index = CHUNKS.get("index");
  const entry = index.animals.find((each) => each.id === id);
  if (!entry) return missingPage(`animal ${id}`);
  const data = await load(entry.chunk);
  const probes = [...new Set([...data.probes.map((each) => each.probe_id), ...data.fractions.map((each) => each.probe)])];
  const targets = [{ level: "animal", id, name: `Animal ${id}` },
    ...(data.probes.length ? probes.map((probe) => ({ level: "probe", id: probe, name: `Probe ${probe}` })) : []),
    ...data.fractions.map((each) => ({ level: "fraction", id: `${each.probe}:${each.fraction}`, name: `Fraction ${each.fraction}${probes.length > 1 ? ` of ${each.probe}` : ""} (${numberText(each.time)} min)` }))];
  const ids = new Set(targets.map((each) => `${each.level} ${each.id}`));
  const own = new Set(data.injections.map((each) => each.injection_id));
  const panel = decisionPanel(targets, { analytes: index.analytes, matches: (each) => ids.has(`${each.level} ${each.id}`) || (["peak", "injection"].includes(each.level) && own.has(each.id)) });
  return [
    neighbours("animal", index.animals.map((each) => each.id), id, "animal"),
    heading(`Animal ${id}`, badge(data.state)),
    h("p", {}, h("strong", {}, data.group), data.why.length ? ` · ${data.brief}` : " · all planned fractions are used, baselines are stable."),
    h("div", { class: "with-panel" }, h("div", {}, animalCharts(data), factsView([...data.facts, ...data.probes.map(probeFact)])), panel),
    guide("animal"),
    h("h2", {}, "Fractions"),
    fractionTable(data, panel),
    data.injections.some((each) => data.traces[each.injection_id]) ? [h("h2", {}, "Chromatograms"), tracesView(data, data.injections)] : null,
    h("h2", {}, "Tables"),
    gridFold({ ...data.baselines, open: true }),
    gridFold(data.summaries),
  ];
}

function probeFact(probe) {
  const parts = [probe.region, probe.placement_ok && `placement ${probe.placement_ok}`, probe.recovery_in_vitro && `in-vitro recovery ${numberText(100 * probe.recovery_in_vitro)} %`];
  return [`Probe ${probe.probe_id}`, parts.filter(Boolean).join(", ") || DASH];
}

function animalCharts(data) {
  const box = h("div", { class: "charts" });
  let percent = false;
  const buttons = [["Concentration", false], ["% of baseline", true]].map(([text, value]) => h("button", { type: "button", onclick: () => { percent = value; draw(); } }, text));
  function draw() {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(percent === (i === 1))));
    box.replaceChildren(...data.outcomes.map((outcome) => h("figure", { class: "chart-box" },
      h("figcaption", {}, link(outcome.short, "outcome", outcome.slug)),
      chart(outcome.series.map((each, i) => ({ color: PALETTE[i], line: true, points: each.points.map((point) => valuePoint(each.probe, point, percent)) })),
        { x: "Minutes from the dose", y: percent ? "% of baseline" : outcome.unit, zero: true, rule: percent ? 100 : undefined, marks: [{ x: 0, text: "" }],
          label: `${outcome.short} of animal ${data.id} over time. The values are in the table of fractions.` }))));
  }
  draw();
  return h("div", {}, h("div", { class: "tabs", role: "group", "aria-label": "Scale" }, buttons), box,
    legend([["used", "#0072B2"], ["below the limit of detection", "#0072B2", "hollow"], ["not used", "", "cross"]]));
}

// Fractions of an animal with what every outcome has of them.
function fractionTable(data, panel) {
  const aboutId = newId("about");
  const several = new Set(data.fractions.map((each) => each.probe)).size > 1;
  const rows = data.fractions.map((fraction) => {
    const reasons = new Map();
    for (const outcome of data.outcomes) {
      const value = fraction.values[outcome.slug];
      if (value && !value[1]) reasons.set(value[3], [...(reasons.get(value[3]) || []), outcome.short]);
    }
    const why = [...reasons].map(([reason, names]) => (names.length === data.outcomes.length ? reason : `${names.join(", ")}: ${reason}`)).join("; ");
    return h("tr", { class: fraction.period === "baseline" ? "baseline-row" : null },
      h("th", { scope: "row" }, several ? `${fraction.probe} ` : "", fraction.fraction),
      h("td", {}, h("button", { type: "button", class: "quiet-button", "aria-label": `Decide about fraction ${fraction.fraction}${several ? ` of ${fraction.probe}` : ""}`, onclick: () => panel.choose("fraction", `${fraction.probe}:${fraction.fraction}`) }, "Decide")),
      h("td", { class: "num" }, numberText(fraction.time)), h("td", {}, fraction.period === "post" ? "after" : fraction.period),
      h("td", {}, fraction.injections.length ? fraction.injections.map((id, i) => [i ? " " : "", link(id, "trace", id)]) : DASH),
      data.outcomes.map((outcome) => {
        const value = fraction.values[outcome.slug];
        if (!value || value[0] === null) return h("td", { class: "num muted" }, DASH);
        return h("td", { class: `num${value[1] ? "" : " not-used"}`, title: value[4] ? splitFlags(value[4]).map(flagWords).join("; ") : null },
          value[2] ? "< LOD " : "", numberText(value[0], 3), value[4] ? h("span", { class: "mark" }, "•") : null);
      }),
      h("td", { class: why.length > 40 ? "wide" : null }, why || ""));
  });
  return h("div", {},
    h("p", { class: "grid-about", id: aboutId }, "Times are minutes from the dose at the middle of the fraction. Struck through: not used. • has flags (point at it)."),
    h("div", { class: "scroll", role: "region", "aria-labelledby": aboutId, tabindex: "0" }, h("table", { "data-grid": "fractions" },
      h("thead", {}, h("tr", {}, ["Fraction", "Decision", "Time, min", "Period", "Injection"].map((text) => h("th", { scope: "col", class: text === "Time, min" ? "num" : null }, text)),
        data.outcomes.map((outcome) => h("th", { scope: "col", class: "num" }, `${outcome.short}${outcome.unit === "ratio" ? "" : `, ${outcome.unit}`}`)), h("th", { scope: "col" }, "Why not used"))),
      h("tbody", {}, rows))));
}

// Chromatograms of injections, side by side.
function tracesView(data, injections) {
  return h("ul", { class: "traces" }, injections.map((injection) => {
    const id = injection.injection_id;
    const packed = data.traces[id] || [];
    const peaks = data.peaks[id] || [];
    const missing = peaks.filter((peak) => !peak.found && peak.analyte).map((peak) => peak.analyte);
    const name = injection.fraction ? `Fraction ${injection.fraction}` : `${injection.type} ${injection.order}`;
    return h("li", {}, h("a", { href: route("trace", id) },
      packed.length ? smallTrace(packed[0], peaks, `Chromatogram of ${id}`) : h("span", { class: "nothing" }, "no trace"),
      h("span", { class: "trace-name" }, name, h("span", { class: "quiet" }, ` ${id}`))),
    missing.length ? h("p", { class: "trace-note" }, `not found: ${missing.join(", ")}`) : null);
  }));
}

async function runsPage() {
  const index = CHUNKS.get("index");
  const columns = [["Run", "run", "HPLC sequence."], ["State", "status", "FAIL: no analyte is calibrated; WARN: a calibration, a check or the chromatography is flagged."], ["What fired", "text", "Rules in words."],
    ["Animals", "integer", "Animals with samples in it."], ["Samples", "integer", "Injections of samples."], ["Standards", "integer", "Injections of standards."], ["QC", "integer", "Injections of QC."], ["Blanks", "integer", "Injections of blanks."],
    ["Calibrated", "text", "Analytes with a calibration, of all."], ["Checks outside", "integer", "Checks outside their limit."]];
  return [heading("Runs"), guide("runs"), gridView({
    name: "runs", about: "One row per HPLC sequence.", file: "",
    columns: columns.map(([label, kind, about]) => ({ label, kind, about, name: label })),
    rows: index.runs.map(({ id, status, findings, facts }) => [id, status, findings.map(findingText).join(" "), facts.animals.length,
      facts.types.sample || 0, facts.types.standard || 0, facts.types.qc || 0, facts.types.blank || 0, `${facts.calibrated[0]} of ${facts.calibrated[1]}`, facts.checks.WARN]),
  })];
}

const TYPE_COLORS = { sample: "#0072B2", standard: "#D55E00", qc: "#009E73", blank: "#767676" };

async function runPage(id) {
  const index = CHUNKS.get("index");
  const entry = index.runs.find((each) => each.id === id);
  if (!entry) return missingPage(`run ${id}`);
  const data = await load(entry.chunk);
  const ids = new Set(data.sequence.map((row) => row[1]));
  const targets = data.sequence.map(([order, name, type, animal]) => ({ level: "injection", id: name, name: `${order}: ${name}, ${type}${animal ? ` of ${animal}` : ""}` }));
  const tables = data.tables.filter((grid) => grid.rows.length);
  return [
    neighbours("run", index.runs.map((each) => each.id), id, "run"),
    heading(`Run ${id}`, badge(data.status)),
    findingsView(data.findings, false),
    h("p", { class: "quiet" }, Object.entries(data.facts.types).map(([type, n]) => plural(n, type === "qc" ? "QC" : type)).join(", "), " · animals: ",
      data.facts.animals.map((name, i) => [i ? ", " : "", link(name, "animal", name)])),
    h("div", { class: "with-panel" }, h("div", {}, controlCharts(data)),
      targets.length ? decisionPanel(targets, { matches: (each) => ["injection", "peak"].includes(each.level) && ids.has(each.id) }) : null),
    guide("run"),
    data.lines.length ? [h("h2", {}, "Calibration"), calibrationCharts(data)] : null,
    h("h2", {}, "Tables"),
    tables.map(gridFold),
    data.injections.length ? [h("h2", {}, "Standards, QC and blanks"), tracesView(data, data.injections)] : null,
    h("h2", {}, "Sequence"),
    gridFold({ name: "sequence", title: "Every injection", about: "Injections in their order.", file: "", columns: [
      { label: "Order", kind: "integer", about: "Position in the sequence.", name: "order" }, { label: "Injection", kind: "injection", about: "Injection.", name: "injection" },
      { label: "Type", kind: "text", about: "What was injected.", name: "type" }, { label: "Animal", kind: "probe", about: "Animal or probe.", name: "animal" }, { label: "Fraction", kind: "integer", about: "Number of the fraction.", name: "fraction" }], rows: data.sequence }),
  ];
}

function controlCharts(data) {
  const box = h("div", { class: "charts" });
  let what = 3;
  const buttons = [["Retention", 3], ["Area", 4]].map(([text, value]) => h("button", { type: "button", onclick: () => { what = value; draw(); } }, text));
  function draw() {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(what === i + 3)));
    box.replaceChildren(...data.charts.map((each) => h("figure", { class: "chart-box" }, h("figcaption", {}, each.analyte),
      chart([{ color: "#454545", points: each.points.filter((point) => point[what] !== null).map((point) => ({
        x: point[0], y: point[what], color: TYPE_COLORS[point[2]], title: `${point[1]} (${point[2]}): ${numberText(point[what])}`, href: route("trace", point[1]) })) }],
      { x: "Order of injection", y: what === 3 ? "Retention, min" : "Area", zero: what === 4, label: `${each.analyte}: ${what === 3 ? "retention" : "area"} in the order of the injections of ${data.id}.` }))));
  }
  draw();
  return h("div", {}, h("div", { class: "tabs", role: "group", "aria-label": "Control chart of" }, buttons), box,
    legend(Object.entries(TYPE_COLORS).map(([type, color]) => [type === "qc" ? "QC" : type, color])));
}

function calibrationCharts(data) {
  return [h("div", { class: "charts" }, data.lines.map((line) => {
    const points = line.points.map(([x, y, role, used, id, error]) => ({
      x, y, cross: !used && role === "cal", hollow: role !== "cal", title: `${id} (${role}): ${numberText(x)} fmol, error ${numberText(error)} %`, href: route("trace", id) }));
    const far = Math.max(...points.map((point) => point.x), 0);
    const fit = line.slope === null ? [] : [0, far].map((x) => ({ x, y: line.intercept + line.slope * x }));
    return h("figure", { class: "chart-box" }, h("figcaption", {}, line.analyte, h("span", { class: "quiet" }, line.status === "ok" ? ` · R² ${line.r2 === null ? DASH : line.r2.toFixed(4)}` : ` · failed: ${line.reason}`)),
      chart([{ color: "#767676", line: true, radius: 0.01, points: fit }, { color: "#D55E00", points }],
        { x: "Amount, fmol", y: line.kind || "Response", zero: true, label: `${line.analyte}: calibration line with its standards. The values are in the table of standards.` }));
  })), legend([["standard", "#D55E00"], ["QC or bracket", "#D55E00", "hollow"], ["left out", "", "cross"]])];
}

async function tracePage(id) {
  const places = await load("injections");
  if (!places[id]) return missingPage(`injection ${id}`);
  const index = CHUNKS.get("index");
  const [data, whole] = await Promise.all([load(places[id]), load(`${places[id]}-full`)]);
  const injection = data.injections.find((each) => each.injection_id === id);
  if (!injection) return missingPage(`injection ${id}`);
  const peaks = data.peaks[id] || [];
  const named = [...new Set(peaks.map((peak) => peak.analyte).filter(Boolean))];
  const probe = injection.probe_id || injection.animal_id;
  const targets = [...(named.length ? [{ level: "peak", id, name: "A peak of this chromatogram" }] : []), { level: "injection", id, name: `Injection ${id}` },
    ...(injection.fraction && probe ? [{ level: "fraction", id: `${fractionProbe(data, injection, probe)}:${injection.fraction}`, name: `Fraction ${injection.fraction} of ${probe}` }] : [])];
  const ids = new Set(targets.map((each) => `${each.level} ${each.id}`));
  let range = null;
  const marked = h("output", { class: "quiet", "aria-live": "polite" }, "Drag over the chromatogram to mark a range.");
  const panel = decisionPanel(targets, { analytes: named, range: () => range, matches: (each) => ids.has(`${each.level} ${each.id}`) });
  const boxes = [], units = new Set();
  for (const packed of whole[id] || []) {
    const trace = await fullTrace(packed);
    units.add(trace.unit);
    const own = peaks.filter((peak) => !peak.channel || peak.channel === packed.channel);
    const box = bigTrace(trace, own, (selected) => {
      range = selected;
      marked.textContent = selected ? `Marked: ${selected[0].toFixed(3)} to ${selected[1].toFixed(3)} min` : "No range is marked.";
    });
    boxes.push(h("figure", { class: "figure" }, (whole[id].length > 1) && h("figcaption", {}, `Channel ${packed.channel}`), box));
  }
  const animal = injection.animal_id || index.probes[injection.probe_id];
  return [
    neighbours("trace", data.injections.map((each) => each.injection_id), id, "chromatogram"),
    heading(`Chromatogram ${id}`),
    h("p", {}, injection.fraction && animal ? ["Fraction ", injection.fraction, " of animal ", link(animal, "animal", animal), ", "] : [injection.type, ", "], "run ", link(injection.run, "run", injection.run), ", position ", injection.order, "."),
    h("div", { class: "with-panel" }, h("div", {}, boxes.length ? [boxes, traceLegend(peaks), marked] : h("p", { class: "nothing" }, "There is no trace of this injection.")), panel),
    h("h2", {}, "Peaks"),
    peakTable(peaks, boxes, panel, id, units) || h("p", { class: "nothing" }, "None."),
    guide("trace"),
    h("h2", {}, "Amounts"),
    amountTable(data.amounts[id] || []),
    h("h2", {}, "Where it is from"),
    (data.files[id] || []).map((file) => factsView(Object.entries({
      File: file.file, "sha256 of the file": file.sha256, Section: file.section, Channel: file.channel, "Sample name in the file": file.sample_name, "Injected at": file.injected_at,
      "About that time": file.injected_at_note, "Read as": file.format, Points: file.n_points && `${file.n_points}, every ${numberText(file.interval_s)} s` }).filter(([, value]) => value))),
  ];
}

// What the marks on a chromatogram are, as far as it has them.
function traceLegend(peaks) {
  const found = peaks.filter((peak) => peak.found);
  const said = [];
  if (found.some((peak) => peak.shape)) said.push("Shaded: the fitted peaks, the largest below. Red line under them: the baseline they were fitted on (on the solvent front what they leave of the trace, smoothed). Where the trace is not at the top of the shading, the shape does not fit.");
  if (found.some((peak) => !peak.shape && peak.baseline_start !== undefined)) said.push(`${said.length ? "Other peaks: shaded" : "Shaded"} is the area between the limits, the red line is the baseline.`);
  if (peaks.some((peak) => !peak.found && peak.rt_expected_min !== undefined)) said.push("Dotted verticals: where an analyte was expected and not found.");
  return said.length ? h("p", { class: "quiet", id: "trace-legend" }, said.join(" ")) : null;
}

// Probe that names the fraction: that of the injection, or the only one of the animal.
function fractionProbe(data, injection, fallback) {
  const found = data.fractions && data.fractions.find((each) => each.injections.includes(injection.injection_id));
  return found ? found.probe : fallback;
}

function peakTable(peaks, boxes, panel, id, units) {
  if (!peaks.length) return null;
  const unit = units.size === 1 ? [...units][0] : "";
  const columns = ["Peak", "", "Retention, min", "Limits, min", unit ? `Area, ${unit} × s` : "Area, signal × s", "± SE", unit ? `Height, ${unit}` : "Height", "S/N", "Resolution", "Method", "Notes"];
  const rows = peaks.map((peak) => h("tr", { class: peak.found ? null : "muted" },
    h("th", { scope: "row" }, peak.analyte || "unidentified"),
    h("td", { class: "buttons" }, peak.found && boxes.length ? h("button", { type: "button", class: "quiet-button", "aria-label": `Show ${peak.analyte || "the peak"} at ${numberText(peak.rt_min)} min`, onclick: () => zoomTo(boxes, peak) }, "Show") : null, " ",
      peak.analyte ? h("button", { type: "button", class: "quiet-button", "aria-label": `Decide about ${peak.analyte}`, onclick: () => panel.choose("peak", id, peak.analyte) }, "Decide") : null),
    h("td", { class: "num" }, numberText(peak.found ? peak.rt_min : peak.rt_expected_min)),
    h("td", {}, peak.start_min === undefined ? DASH : `${peak.start_min.toFixed(2)}–${peak.end_min.toFixed(2)}`),
    ["area", "area_se", "height", "snr_usp", "resolution"].map((name) => h("td", { class: "num" }, numberText(peak[name], 3))), h("td", {}, peak.method || DASH),
    h("td", {}, [peak.reason, ...splitFlags(peak.flags).map(flagWords), peak.area_auto !== undefined && `automatic area ${numberText(peak.area_auto, 3)}`].filter(Boolean).join("; "))));
  return h("div", { class: "scroll", role: "region", "aria-label": "Peaks", tabindex: "0" }, h("table", { "data-grid": "peaks" }, h("thead", {}, h("tr", {}, columns.map((text) => h("th", { scope: "col", class: /Ret|Area|SE|Hei|S\/N|Res/.test(text) ? "num" : null }, text || h("span", { class: "visually-hidden" }, "Show or decide"))))), h("tbody", {}, rows)));
}

function zoomTo(boxes, peak) {
  const room = 3 * (peak.width_min || 0.3);
  boxes.forEach((box) => box.querySelector(".trace-box").show(Math.min(peak.start_min ?? peak.rt_min, peak.rt_min) - room, Math.max(peak.end_min ?? peak.rt_min, peak.rt_min) + room));
  boxes[0].scrollIntoView({ block: "nearest" });
}

function amountTable(amounts) {
  if (!amounts.length) return h("p", { class: "nothing" }, "None.");
  return h("div", { class: "scroll", role: "region", "aria-label": "Amounts", tabindex: "0" }, h("table", {}, h("thead", {}, h("tr", {}, ["Analyte", "On column, fmol", "± SE", "Concentration, nM", "LOD, nM", "LOQ, nM", "Notes"].map((text, i) => h("th", { scope: "col", class: i && i < 6 ? "num" : null }, text)))),
    h("tbody", {}, amounts.map((each) => h("tr", {}, h("th", { scope: "row" }, each.analyte), ["fmol_on_column", "fmol_se", "conc_nM", "lod_nM", "loq_nM"].map((name) => h("td", { class: "num" }, numberText(each[name]))),
      h("td", { class: "wide" }, [each.censored && "below the limit of detection", each.extrapolated && "outside the calibrated range", each.excluded && "left out", each.reason, ...splitFlags(each.flags).map(flagWords)].filter(Boolean).join("; ")))))));
}

async function flagsPage(filter) {
  const grid = await load("flags");
  const at = (name) => grid.columns.findIndex((column) => column.name === name);
  const [flag, severity] = [at("flag"), at("severity")];
  const kinds = new Map();
  for (const row of grid.rows) {
    const key = `${row[severity]} ${row[flag]}`;
    if (!kinds.has(key)) kinds.set(key, { severity: row[severity], flag: row[flag], rows: [] });
    kinds.get(key).rows.push(row);
  }
  const table = h("div", {});
  const kindButton = (rows, ...text) => h("button", { type: "button", "aria-pressed": "false", onclick: (event) => show(rows, event.currentTarget) }, text, " ", h("strong", {}, rows.length));
  const buttons = [kindButton(grid.rows, "All kinds"), ...[...kinds.values()].map((kind) => kindButton(kind.rows, badge(kind.severity), " ", ruleWords(kind.flag)))];
  function show(rows, pressed) {
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button === pressed)));
    table.replaceChildren(gridView({ ...grid, rows }, { filter }));
  }
  show(grid.rows, buttons[0]);
  return [heading("Flags"), guide("flags"), h("div", { class: "kinds", role: "group", "aria-label": "Kinds of flags" }, buttons), table];
}

async function changesPage() {
  const index = CHUNKS.get("index");
  const data = await load("changes");
  const { changes } = data;
  const label = (slug) => (index.outcomes.find((each) => each.slug === slug) || { label: slug }).label;
  const pairs = (rows) => h("ul", { class: "changes" }, rows.slice(0, 60).map((row) => h("li", {}, h("strong", {}, row.what), ": ", h("del", {}, row.before || "nothing"), " → ", h("ins", {}, row.after || "nothing"))), rows.length > 60 ? h("li", { class: "quiet" }, `and ${rows.length - 60} more`) : null);
  const part = (title, rows, view) => (rows.length ? [h("h3", {}, title), view(rows)] : null);
  return [
    heading("What changed"),
    guide("changes"),
    changes ? [
      h("h2", {}, `Since bundle ${index.changed.number} (${index.changed.previous})`),
      h("ul", {}, index.changed.sentences.map((sentence) => h("li", {}, sentence))),
      h("h2", {}, "What went in"),
      ["decisions", "inputs", "config", "data", "code"].some((name) => changes[name].length) ? null : h("p", { class: "nothing" }, "Nothing that is recorded here."),
      part("Decisions", changes.decisions, (rows) => h("p", {}, `Lines ${rows.join(", ")} of the log: `, link("see the decisions", "decisions"))),
      part("Tables of the study", changes.inputs, pairs),
      part("Options", changes.config, pairs),
      part("Raw files", changes.data, pairs),
      part("Code", changes.code, (rows) => h("p", {}, rows.map((row) => `${row.stage}: ${row.what}`).join("; "))),
      h("h2", {}, "What moved"),
      part("Verdicts", changes.verdicts, (rows) => h("ul", { class: "changes" }, rows.map((row) => h("li", {}, link(label(row.outcome), "outcome", row.outcome), `: ${row.before} → ${row.after}`,
        row.fired.map((rule) => h("div", {}, "now: ", firedWords(rule))), row.gone.map((rule) => h("div", { class: "quiet" }, "no more: ", firedWords(rule))))))),
      Object.entries(changes.outcomes).map(([slug, sentences]) => [h("h3", {}, link(label(slug), "outcome", slug)), h("ul", { "data-moved": slug }, sentences.map((sentence) => h("li", {}, sentence)))]),
      changes.tables.length ? gridFold({ name: "moved-tables", title: "Tables with rows that moved", open: true, about: "A table that is not here is the same to the last digit.", file: "",
        columns: [["Table", "text"], ["Rows that moved", "integer"], ["of", "integer"], ["Columns", "text"]].map(([text, kind]) => ({ label: text, kind, about: text, name: text })),
        rows: changes.tables.map((row) => [row.table, row.rows, row.of, row.columns]) }) : h("p", { class: "nothing" }, "No result moved."),
      data.cells.rows.length ? gridFold({ ...data.cells, title: data.all_cells > data.cells.rows.length ? `The first ${data.cells.rows.length} of ${data.all_cells} cells that moved; the CSV has ${data.listed_cells === data.all_cells ? "all" : `the first ${data.listed_cells}`}` : data.cells.title }) : null,
    ] : h("p", { class: "nothing" }, "This is the first bundle of results: there is nothing to compare it with yet."),
    h("h2", {}, "All bundles"),
    h("ol", { reversed: true, class: "bundles" }, data.bundles.map((bundle) => h("li", { value: bundle.number }, h("code", {}, bundle.hash), " ", bundle.sentences.join(" ") || "first bundle"))),
  ];
}

// A rule that fired, "code: text", with the code in words.
function firedWords(fired) {
  const [, code, text] = /^((?:suitability:)?[^:]*): (.*)$/s.exec(fired) || ["", "", fired];
  return code ? `${ruleWords(code)}: ${text}` : text;
}

async function decisionsPage() {
  const index = CHUNKS.get("index");
  const data = await load("decisions");
  const open = h("section", { class: "panel", "aria-labelledby": "open-title" });
  function draw() {
    const pending = readDecisions();
    const earlier = earlierDecisions();
    open.replaceChildren(h("h2", { id: "open-title" }, "Decided here, not imported yet"),
      pending.length ? h("ul", { class: "plain" }, pending.map((each) => decisionLine({ ...each, pending: true }, true))) : h("p", { class: "nothing" }, "None."),
      pending.length ? h("p", {}, h("button", { type: "button", class: "primary", id: "export", onclick: exportDecisions }, `Export decisions.csv (${pending.length})`), " ",
        h("button", { type: "button", onclick: () => window.confirm("Remove these decisions from this browser?") && writeDecisions([]) }, "Remove all")) : "",
      pending.length ? h("p", { class: "quiet" }, "Then: ", h("code", {}, `dialysis decisions import ${index.name} decisions.csv`), " and ", h("code", {}, `dialysis run ${index.name}`)) : "",
      earlier.length ? h("div", {}, h("h3", {}, "From earlier bundles of results, still in this browser"), h("ul", { class: "plain" }, earlier.map(({ decision }) => decisionLine(decision, true))),
        h("p", {}, h("button", { type: "button", onclick: () => takeOver(earlier) }, "Decide the same about this bundle"), " ", h("button", { type: "button", onclick: () => forget(earlier) }, "Remove them"))) : "");
    add(open, []);
  }
  function takeOver(earlier) {
    const known = new Set([...readDecisions(), ...data.log].map((each) => each.decision_id));
    writeDecisions([...readDecisions(), ...earlier.map(({ decision }) => decision).filter((each) => !known.has(each.decision_id)).map((each) => ({ ...each, bundle: index.bundle, blinded: index.blind ? "yes" : "no" }))]);
    forget(earlier);
  }
  function forget(earlier) {
    new Set(earlier.map(({ key }) => key)).forEach((key) => writeDecisions([], key));
  }
  // What the log has already need not be exported again.
  const imported = new Set(data.log.map((each) => each.decision_id).filter(Boolean));
  for (const key of STORE.keys().filter((each) => each.startsWith(`dialysis:${index.name}:`))) {
    const kept = readDecisions(key);
    if (kept.some((each) => imported.has(each.decision_id))) writeDecisions(kept.filter((each) => !imported.has(each.decision_id)), key);
  }
  const refresh = () => (open.isConnected ? draw() : document.removeEventListener("decisions", refresh));
  draw();
  document.addEventListener("decisions", refresh);
  return [
    heading("Decisions"),
    guide("decisions"),
    index.blinded_review ? h("p", { class: "panel calm" }, index.lock ? `Blinded review, locked by ${index.lock[0]} on ${index.lock[1]}: what was decided before is marked blind.` : "Blinded review: what is imported now is logged as decided blind. 'dialysis decisions lock' ends it.") : null,
    open,
    h("h2", {}, "Log of the study"),
    data.log.length ? h("ol", { class: "log" }, data.log.map(logEntry)) : h("p", { class: "nothing" }, "No decision has been imported yet."),
    h("h2", {}, "What the tables of the study decide"),
    data.tables.map((grid) => gridFold({ ...grid, open: grid.rows.length > 0 })),
  ];
}

function logEntry(entry) {
  if (entry.action === "lock") return h("li", { value: entry.n }, h("strong", {}, "Decisions locked"), ` by ${entry.decided_by}, ${entry.decided_on}`);
  const index = CHUNKS.get("index");
  const { effect } = entry;
  const label = (slug) => (index.outcomes.find((each) => each.slug === slug) || { label: slug }).label;
  return h("li", { value: entry.n, "data-log": entry.n }, h("ul", { class: "plain" }, decisionLine(entry, true)),
    entry.wrote ? h("p", { class: "quiet" }, `Row of ${entry.wrote}.`) : null,
    effect ? h("details", { class: "effect" }, h("summary", {}, `Before and after: bundle ${effect.before} → ${effect.number}${effect.together > 1 ? `, with ${effect.together - 1} other ${effect.together === 2 ? "decision" : "decisions"}` : ""}`),
      Object.keys(effect.outcomes).length ? Object.entries(effect.outcomes).map(([slug, sentences]) => [h("p", { class: "block-heading" }, link(label(slug), "outcome", slug)), h("ul", {}, sentences.map((sentence) => h("li", {}, sentence)))]) : h("p", { class: "nothing" }, index.blind ? "Results are hidden until the decisions are locked." : "No result moved."))
      : h("p", { class: "quiet" }, "Not in a bundle with one before it to compare with."));
}

async function provenancePage() {
  const data = await load("provenance");
  return [heading("Provenance"), guide("provenance"), data.tables.map(gridFold)];
}

async function qualityPage() {
  const index = CHUNKS.get("index");
  const view = (picture) => h("figure", { class: "figure quality" },
    h("h2", {}, picture.title), h("a", { href: picture.src }, h("img", { src: picture.src, width: picture.width, height: picture.height, alt: picture.alt, loading: "lazy", decoding: "async" })),
    picture.caption.length ? h("figcaption", {}, blocksView(picture.caption)) : null,
    h("p", { class: "links" }, picture.links.map(([text, href]) => h("a", { href }, text))));
  return [heading("Figures of the study and of quality"), guide("quality"),
    index.figures.length + index.quality.length ? [...index.figures, ...index.quality].map(view)
      : h("p", { class: "nothing" }, index.blind ? "They name the groups, and are shown when the decisions are locked." : "None.")];
}

function missingPage(what) {
  return [heading("Not found"), h("p", {}, `There is no ${what} in this study. `, link("Back to the overview", ""))];
}
