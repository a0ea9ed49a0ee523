"use strict";
// Which page is shown: the part of the address behind # names it.

const PAGES = {
  "": overviewPage, outcome: outcomePage, animals: animalsPage, animal: animalPage, runs: runsPage, run: runPage, trace: tracePage,
  flags: flagsPage, changes: changesPage, decisions: decisionsPage, provenance: provenancePage, quality: qualityPage,
};
const MENU = [["", "Overview"], ["animals", "Animals"], ["runs", "Runs"], ["quality", "Figures"], ["flags", "Flags"], ["changes", "Changes"], ["decisions", "Decisions"], ["provenance", "Provenance"]];
const BELONGS = { outcome: "", animal: "animals", run: "runs", trace: "animals" };

let turn = 0;

function place() {
  return location.hash.replace(/^#\/?/, "").split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

async function show(focus) {
  turn += 1;
  const mine = turn;
  const [name, ...rest] = place();
  const page = Object.hasOwn(PAGES, name) ? PAGES[name] : () => missingPage(`page ${name}`);
  const main = document.getElementById("main");
  main.setAttribute("aria-busy", "true");
  let content;
  try {
    content = await page(rest.join("/"));
  } catch (error) {
    content = [heading("This page can't be shown"), h("p", {}, error.message)];
  }
  // Somebody may have gone on meanwhile.
  if (mine !== turn) return;
  main.replaceChildren();
  add(main, content);
  main.removeAttribute("aria-busy");
  main.dataset.page = location.hash;
  drawMenu(name);
  const title = main.querySelector("h1");
  document.title = `${title.textContent} · ${CHUNKS.get("index").study.title} · review`;
  window.scrollTo(0, 0);
  if (focus) title.focus({ preventScroll: true });
}

function drawMenu(name) {
  const index = CHUNKS.get("index");
  const here = Object.hasOwn(BELONGS, name) ? BELONGS[name] : name;
  const menu = MENU.filter(([page]) => (page !== "runs" || index.runs.length) && (page !== "quality" || index.quality.length || index.figures.length));
  document.getElementById("pages").replaceChildren(...menu.map(([page, text]) => h("li", {}, h("a", { href: page ? route(page) : "#/", "aria-current": page === here ? "page" : null }, text))));
}

function drawPending() {
  const count = readDecisions().length;
  document.getElementById("pending").replaceChildren(...(count ? [h("a", { href: route("decisions") }, `${plural(count, "decision")} to export`)] : []));
}

function start() {
  const index = CHUNKS.get("index");
  if (!index) {
    document.getElementById("loading").textContent = "chunks/index.js is missing: copy the whole folder of the site.";
    return;
  }
  if (index.blind) {
    const banner = document.getElementById("banner");
    banner.textContent = "Blinded review: groups are coded, figures and statistics are hidden until the decisions are locked.";
    banner.hidden = false;
  }
  // A link to #main would be taken for a page.
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
  document.addEventListener("decisions", drawPending);
  window.addEventListener("storage", drawPending);
  window.addEventListener("hashchange", () => show(true));
  drawPending();
  show(false);
}

document.addEventListener("DOMContentLoaded", start);
