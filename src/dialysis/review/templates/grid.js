"use strict";
// Tables: a filter over all rows, sorting by a heading, rows drawn a page at a time.

const COLLATOR = new Intl.Collator("en", { numeric: true });
const STATUS_ORDER = ["FAIL", "failed", "WARN", "left out", "not_estimable", "NA", "note", "singular", "PASS", "ok"];
const NUMERIC = new Set(["number", "integer", "p"]);

// Text of a cell, which is also what the filter looks at.
function cellText(kind, value) {
  if (value === null || value === undefined || value === "") return DASH;
  if (kind === "number") return numberText(value);
  if (kind === "integer") return String(value);
  if (kind === "p") return pText(value);
  if (kind === "flag") return value ? "yes" : "no";
  if (kind === "flags") return splitFlags(value).map(flagWords).join("; ");
  if (kind === "rule") return ruleWords(value);
  if (kind === "outcome") {
    const outcome = CHUNKS.get("index").outcomes.find((each) => each.slug === value);
    return outcome ? outcome.short : value;
  }
  return String(value);
}

// Element of a cell: links to the pages of what it names.
function cellContent(kind, value, text) {
  if (text === DASH) return text;
  if (kind === "status") return badge(value);
  if (kind === "code") return h("code", {}, text);
  if (kind === "injection") return value.split(";").map((id, i) => [i ? "; " : "", link(id, "trace", id)]);
  if (kind === "animal") return link(text, "animal", value);
  if (kind === "probe") return link(text, "animal", CHUNKS.get("index").probes[value] || value);
  if (kind === "run") return link(text, "run", value);
  if (kind === "outcome") return link(text, "outcome", value);
  if (kind === "rule" || kind === "flags") return h("span", { title: value }, text);
  return text;
}

function sortValue(kind, value) {
  if (value === null || value === undefined || value === "") return null;
  if (kind === "status") {
    const place = STATUS_ORDER.indexOf(value);
    return place < 0 ? STATUS_ORDER.length : place;
  }
  return kind === "flag" ? Number(value) : value;
}

// A table with its tools.  options: row(cells) → class; filter: first text of the filter
function gridView(grid, options = {}) {
  const page = CHUNKS.get("index").page_rows;
  const texts = grid.rows.map((row) => row.map((value, i) => cellText(grid.columns[i].kind, value)));
  const searched = texts.map((row) => row.join("\n").toLowerCase());
  const captionId = newId("caption");
  const body = h("tbody");
  const state = { words: [], column: -1, up: true, shown: page };
  const count = h("output", { "aria-live": "polite" });
  const more = h("button", { type: "button", class: "more-rows", onclick: () => { state.shown += page; draw(); } }, "Show more rows");

  function draw() {
    let order = grid.rows.map((_, i) => i);
    if (state.words.length) order = order.filter((i) => state.words.every((word) => searched[i].includes(word)));
    const matching = order.length;
    if (state.column >= 0) {
      const kind = grid.columns[state.column].kind;
      const keys = grid.rows.map((row) => sortValue(kind, row[state.column]));
      order.sort((a, b) => {
        // Missing values come last either way.
        if (keys[a] === null || keys[b] === null) return (keys[a] === null) - (keys[b] === null);
        const by = typeof keys[a] === "number" ? keys[a] - keys[b] : COLLATOR.compare(keys[a], keys[b]);
        return state.up ? by : -by;
      });
    }
    body.replaceChildren(...order.slice(0, state.shown).map((i) => h("tr", {}, grid.columns.map((column, c) => {
      const cell = c === 0 ? "th" : "td";
      const kinds = [NUMERIC.has(column.kind) && "num", texts[i][c] === DASH && "muted", texts[i][c].length > 36 && column.kind !== "code" && "wide"];
      return h(cell, { scope: c === 0 ? "row" : null, class: kinds.filter(Boolean).join(" ") || null },
        cellContent(column.kind, grid.rows[i][c], texts[i][c]));
    }))));
    more.hidden = order.length <= state.shown;
    count.textContent = state.words.length ? `${matching} of ${plural(grid.rows.length, "row")}` : plural(grid.rows.length, "row");
  }

  const headings = grid.columns.map((column, c) => h("th", {
    scope: "col", class: NUMERIC.has(column.kind) ? "num" : null, "aria-sort": "none", title: column.about,
  }, h("button", { type: "button", onclick: () => {
    state.up = state.column === c ? !state.up : true;
    state.column = c;
    headings.forEach((heading, i) => heading.setAttribute("aria-sort", i === c ? (state.up ? "ascending" : "descending") : "none"));
    draw();
  } }, column.label)));
  const inputId = newId("filter");
  const filter = h("input", { type: "search", id: inputId, autocomplete: "off", spellcheck: "false", value: options.filter || "", oninput: () => {
    state.words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    state.shown = page;
    draw();
  } });
  state.words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const view = h("div", { class: "grid", "data-grid": grid.name },
    h("p", { class: "grid-about", id: captionId }, grid.about));
  if (!grid.rows.length) {
    view.append(h("p", { class: "nothing" }, "None."));
    return view;
  }
  if (grid.rows.length > 6) view.append(h("p", { class: "grid-tools" }, h("label", { for: inputId }, "Filter"), filter, count));
  view.append(
    h("div", { class: "scroll", role: "region", "aria-labelledby": captionId, tabindex: "0" },
      h("table", {}, h("thead", {}, h("tr", {}, headings)), body)),
    h("p", { class: "grid-foot" }, more, grid.file && h("a", { href: grid.file }, "Table as CSV"), columnsHelp(grid)));
  draw();
  return view;
}

// What the columns mean.
function columnsHelp(grid) {
  return h("details", { class: "columns" }, h("summary", {}, "What the columns mean"),
    h("dl", {}, grid.columns.map((column) => h("div", {}, h("dt", {}, column.label), h("dd", {}, column.about)))));
}

// A table in a fold with its heading, drawn when it is opened the first time.
function gridFold(grid) {
  const fold = h("details", { class: "fold", open: Boolean(grid.open), "data-fold": grid.name },
    h("summary", {}, grid.title, h("span", { class: "quiet" }, ` · ${plural(grid.rows.length, "row")}`)));
  const draw = () => {
    if (fold.open && fold.childElementCount === 1) fold.append(gridView(grid));
  };
  fold.addEventListener("toggle", draw);
  draw();
  return fold;
}
