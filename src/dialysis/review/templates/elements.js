"use strict";
// Elements are made here and nowhere else: every text becomes a text node, so what a lab or an
// instrument wrote is shown as the text it is and never read as HTML.

const SVG = "http://www.w3.org/2000/svg";

// An element: h("p", { class: "note", onclick: f }, "text", [more, elements], null)
function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

// The same for SVG.
function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

let lastId = 0;

// A new id for labels and the like.
function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

function announce(text) {
  document.getElementById("announce").textContent = text;
}

// The link of a page: route("animal", "R05")
function route(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

function link(text, ...parts) {
  return h("a", { href: route(...parts) }, text);
}
