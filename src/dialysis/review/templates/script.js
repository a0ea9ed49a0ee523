"use strict";
// The page is complete without this script.  It adds: a filter above long tables, sorting by a
// column's heading, the mark of the section being read, and folds that open for links.

// Filter: rows stay that contain every word typed.
function setUpFilter(input) {
  const rows = [...document.getElementById(input.dataset.filters).tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const output = input.parentElement.querySelector("output");
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      left += row.hidden ? 0 : 1;
    });
    output.textContent = words.length ? `${left} of ${rows.length} rows` : `${rows.length} rows`;
  };
  input.addEventListener("input", apply);
  input.parentElement.hidden = false;
  apply();
}

// Sort: a heading becomes a button; numbers by value, missing values last either way.
function setUpSorting(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach((each) => each.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      sortRows(table.tBodies[0], column, up);
    });
  });
}

function sortRows(body, column, up) {
  const collator = new Intl.Collator("en", { numeric: true });
  const keyed = [...body.rows].map((row) => {
    const cell = row.cells[column];
    return { row, key: cell.dataset.sort ?? cell.textContent.trim() };
  });
  keyed.sort((a, b) => {
    if (a.key === "" || b.key === "") return (a.key === "") - (b.key === "");
    const numeric = Number(a.key) - Number(b.key);
    const order = Number.isNaN(numeric) ? collator.compare(a.key, b.key) : numeric;
    return up ? order : -order;
  });
  body.append(...keyed.map((each) => each.row));
}

// Mark in the navigation what is being read: the last target above the upper third.
function setUpPlace() {
  const links = [...document.querySelectorAll(".contents a")];
  const targets = links.map((link) => document.getElementById(link.hash.slice(1)));
  let waiting = false;
  const mark = () => {
    waiting = false;
    const line = window.innerHeight / 3;
    const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 2;
    const above = targets.filter((target) => target.getBoundingClientRect().top <= line);
    const current = atEnd ? targets.length - 1 : Math.max(above.length - 1, 0);
    links.forEach((link, i) => {
      if (i === current) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    });
  };
  const later = () => {
    if (!waiting) requestAnimationFrame(mark);
    waiting = true;
  };
  window.addEventListener("scroll", later, { passive: true });
  window.addEventListener("resize", later);
  mark();
}

// Folds: those around the target of a link open.
function setUpFolds() {
  const openAround = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    for (let fold = target && target.closest("details"); fold;
      fold = fold.parentElement.closest("details")) fold.open = true;
  };
  // A second click on a link to the same place changes no hash, so links are watched, too.
  window.addEventListener("hashchange", openAround);
  document.addEventListener("click", (event) => {
    if (event.target.closest("a[href^='#']")) setTimeout(openAround);
  });
  openAround();
}

document.querySelectorAll("input[data-filters]").forEach(setUpFilter);
document.querySelectorAll("table[data-sortable]").forEach(setUpSorting);
setUpPlace();
setUpFolds();
