"use strict";
// Numbers and codes as a person reads them.

const DASH = "–";

// At most so many significant digits, whole parts never rounded away, no exponent where avoidable.
function numberText(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return DASH;
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size < -4 || size > 8) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    const raised = String(Number(power)).replace(/[-\d]/g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
    return `${mantissa}×10${raised}`.replace(/-/g, "−");
  }
  const text = value.toFixed(Math.max(digits - 1 - size, 0));
  return (text.includes(".") ? text.replace(/\.?0+$/, "") : text).replace("-", "−");
}

function pText(value) {
  if (value === null || value === undefined) return DASH;
  if (value < 0.001) return "< 0.001";
  if (value >= 0.995) return "> 0.99";
  if (value >= 0.1) return value.toFixed(2);
  // Never rounded up onto a multiple of 0.01, as `dialysis.words.p_number`.
  for (const decimals of [3, 4, 5]) {
    const text = value.toFixed(decimals);
    if (text.replace(/0+$/, "").length > 4 || Number(text) <= value) return text;
  }
  return value.toFixed(6);
}

function pWords(value) {
  const text = pText(value);
  return /^[<>]/.test(text) ? `p ${text}` : `p = ${text}`;
}

function plural(count, one, several) {
  return `${count} ${count === 1 ? one : several || `${one}s`}`;
}

function splitFlags(cell) {
  return (cell || "").split(";").map((flag) => flag.trim()).filter(Boolean);
}

// Flags and rules in words; the code stays readable for who wants to look it up.
function ruleWords(code) {
  const index = CHUNKS.get("index");
  const bare = code.replace(/^suitability:/, "");
  const words = index.rule_words[bare] || index.flag_words[bare] || bare.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function flagWords(code) {
  const index = CHUNKS.get("index");
  return index.flag_words[code] || (index.rule_words[code] || code.replaceAll("_", " ")).toLowerCase();
}

function decisionWords(code) {
  return {
    accept: "accepted", reject: "rejected", restore: "put back", comment: "commented",
    limits: "new limits", not_a_peak: "not a peak",
  }[code] || code;
}

// A decision about a figure that is another now is of its bundle, and has to be made again.
function decidedWords(decision) {
  const words = decisionWords(decision.decision);
  if (decision.changed_since === undefined) return words;
  return `${words} for ${decision.changed_since ? `bundle ${decision.changed_since}` : "an earlier bundle"}, changed since`;
}

// What a decision is about.
function targetWords(level, id, analyte) {
  const index = CHUNKS.get("index");
  let what = `${level} ${id}`;
  if (level === "figure") {
    const outcome = index.outcomes.find((each) => each.slug === id);
    what = `figure of ${outcome ? outcome.label : id}`;
  } else if (level === "fraction") {
    const at = id.lastIndexOf(":");
    what = `fraction ${id.slice(at + 1)} of ${id.slice(0, at)}`;
  } else if (level === "peak") {
    return `${analyte} peak in ${id}`;
  }
  return analyte ? `${what}, ${analyte}` : what;
}

function today() {
  const now = new Date();
  const two = (n) => String(n).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
