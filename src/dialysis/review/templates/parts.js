"use strict";
// Parts that several pages have.

function badge(status, text) {
  return h("span", { class: `badge badge-${String(status).replace(/[^\w-]/g, "-")}` }, text || status);
}

// Text with styles, as the captions have it.
function spansView(spans) {
  return spans.map(([text, style]) => (style ? h(style, {}, text) : text));
}

function blocksView(blocks) {
  return blocks.map((block) => {
    if (block.kind === "list") return h("ul", {}, block.items.map((item) => h("li", {}, spansView(item))));
    return h("p", { class: block.kind === "heading" ? "block-heading" : null }, spansView(block.spans));
  });
}

const SECTIONS = {
  animals: ["animals", "see the animals"], runs: ["runs", "see the runs"], flags: ["flags", "see the flags"],
  provenance: ["provenance", "see the provenance"], decisions: ["decisions", "see the decisions"],
};

// Verdict and reasons, in words.
function findingText(finding) {
  return `${finding.words}: ${finding.text}`;
}

// A text with links on the animals, probes and runs it names.
function linkedText(text) {
  const index = CHUNKS.get("index");
  const runs = new Set(index.runs.map((each) => each.id));
  return text.split(/([^\s,;()]+)/).map((part) => {
    const name = part.replace(/[.:]$/, "");
    const rest = part.slice(name.length);
    if (runs.has(name)) return [link(name, "run", name), rest];
    return Object.hasOwn(index.probes, name) ? [link(name, "animal", index.probes[name]), rest] : part;
  });
}

function findingsView(findings, links = true) {
  if (!findings.length) return h("p", { class: "nothing" }, "No rule fired.");
  return h("ul", { class: "findings" }, findings.map((finding) => h("li", { class: `finding-${finding.status}`, title: `rule: ${finding.rule}` },
    badge(finding.status), " ", h("strong", {}, finding.words), ": ", linkedText(finding.text),
    links && SECTIONS[finding.section] && [" ", link(SECTIONS[finding.section][1], SECTIONS[finding.section][0])])));
}

// The reading guide of a kind of page.
function guide(page) {
  const template = document.getElementById(`guide-${page}`);
  return h("details", { class: "guide" }, h("summary", {}, "How to read this page"), template.content.cloneNode(true));
}

function heading(text, ...more) {
  return h("h1", { tabindex: "-1" }, text, more.length ? [" ", more] : null);
}

function factsView(facts) {
  return h("dl", { class: "facts" }, facts.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

// Links to the one before and the one after.
function neighbours(kind, names, name, what, shown = names) {
  const place = names.indexOf(name);
  return h("p", { class: "neighbours" },
    place > 0 ? h("a", { href: route(kind, names[place - 1]), rel: "prev" }, `← ${shown[place - 1]}`) : null,
    h("span", { class: "quiet" }, `${what} ${place + 1} of ${names.length}`),
    place >= 0 && place < names.length - 1 ? h("a", { href: route(kind, names[place + 1]), rel: "next" }, `${shown[place + 1]} →`) : null);
}

// Figures of an outcome: one is shown, buttons change it.
function figuresView(pictures) {
  if (!pictures.length) return h("p", { class: "nothing" }, "No figure was drawn.");
  const image = h("img", { decoding: "async" });
  const whole = h("a", {}, image);
  const links = h("p", { class: "links" });
  const buttons = pictures.map((picture, i) => h("button", { type: "button", "aria-pressed": "false", onclick: () => show(i) }, picture.title));
  function show(i) {
    const picture = pictures[i];
    for (const [name, value] of Object.entries({ src: picture.src, width: picture.width, height: picture.height, alt: picture.alt })) image.setAttribute(name, value);
    whole.href = picture.src;
    links.replaceChildren(...picture.links.map(([text, href]) => h("a", { href }, text)));
    buttons.forEach((button, j) => button.setAttribute("aria-pressed", String(i === j)));
    legendBox.replaceChildren();
    add(legendBox, [blocksView(picture.caption.slice(0, 1)),
      picture.caption.length > 1 && h("details", {}, h("summary", {}, "Whole caption: n, error bars, tests"), blocksView(picture.caption.slice(1)))]);
  }
  const legendBox = h("figcaption");
  const view = h("figure", { class: "figure" },
    pictures.length > 1 && h("div", { class: "tabs", role: "group", "aria-label": "Figures" }, buttons), whole, links, legendBox);
  show(0);
  return view;
}

// Every animal of an outcome, one chart per group; points lead to chromatograms.
function seriesView(data) {
  const box = h("div", { class: "charts" });
  const raw = data.unit === "ratio" ? "Ratio" : data.unit === "response" ? "Response" : `Concentration, ${data.unit}`;
  let percent = true;
  const buttons = [["% of baseline", true], [raw, false]].map(([text, value]) => h("button", { type: "button", onclick: () => { percent = value; draw(); } }, text));
  function draw() {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(percent === (i === 0))));
    box.replaceChildren(...data.groups.map((group) => {
      const own = data.series.filter((each) => each.group === group);
      if (!own.length) return null;
      const series = own.map((each, i) => ({
        color: PALETTE[i % PALETTE.length], line: true, thin: true, radius: 2.6,
        points: each.points.map((point) => valuePoint(each.probe, point, percent)),
      }));
      return h("figure", { class: "chart-box" }, h("figcaption", {}, group, h("span", { class: "quiet" }, ` · ${plural(own.length, "animal")}`)),
        chart(series, { x: "Minutes from the dose", y: percent ? "% of baseline" : raw, rule: percent ? 100 : undefined, zero: true,
          marks: [{ x: 0, text: "" }], label: `${data.label}: ${group}, every animal over time. The values are on the animals' pages.` }),
        h("p", { class: "names" }, own.map((each, i) => h("a", { href: route("animal", each.animal), class: `dot-${i % PALETTE.length}` }, each.probe))));
    }).filter(Boolean));
  }
  draw();
  return h("div", {}, h("div", { class: "tabs", role: "group", "aria-label": "Scale" }, buttons), box,
    legend([["used", "#454545"], ["below the limit of detection", "#454545", "hollow"], ["not used", "", "cross"]]));
}

// A value of a probe as a point of a chart.
function valuePoint(probe, [time, fraction, conc, percent, used, censored, reason, injection], asPercent) {
  const value = asPercent ? percent : conc;
  const state = used ? (censored ? ", below the limit of detection" : "") : `, not used: ${reason}`;
  return {
    x: time, y: value, hollow: censored, cross: !used, title: `${probe}, fraction ${fraction} at ${numberText(time)} min: ${numberText(value)}${state}`,
    href: injection ? route("trace", injection.split(";")[0]) : null,
  };
}
