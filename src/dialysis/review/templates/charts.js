"use strict";
// Small charts in SVG: lines and points on linear axes.

const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5A5A5A", "#8C6D00"];

// Round tick values that cover a range.
function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(wanted, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999);
  const values = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) values.push(Number((n * step).toPrecision(12)));
  return values;
}

function extent(values, withZero) {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (withZero) known.push(0);
  if (!known.length) return [0, 1];
  let low = Infinity, high = -Infinity;
  for (const value of known) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [withZero && low === 0 ? 0 : low - room, high + room];
}

// A chart.  series: [{ color, line: bool, points: [{ x, y, hollow, cross, title, href }] }]
// options: width, height, x and y (labels), label (for those who don't see it), zero, rule (a
// horizontal line), marks ([{ x, text }], vertical lines)
function chart(series, options) {
  const { width = 300, height = 190 } = options;
  const left = 46, right = 8, top = 10, bottom = 36;
  const points = series.flatMap((each) => each.points);
  const [x0, x1] = extent([...points.map((p) => p.x), ...(options.marks || []).map((m) => m.x)]);
  const [y0, y1] = extent([...points.map((p) => p.y), ...(options.rule === undefined ? [] : [options.rule])], options.zero);
  const x = (value) => left + (width - left - right) * (value - x0) / (x1 - x0);
  const y = (value) => height - bottom - (height - top - bottom) * (value - y0) / (y1 - y0);
  const view = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: points.some((p) => p.href) ? "group" : "img", "aria-label": options.label });
  for (const value of ticks(y0, y1, 4)) {
    view.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "rule" }),
      svg("text", { x: left - 5, y: y(value) + 3.5, "text-anchor": "end" }, numberText(value)));
  }
  for (const value of ticks(x0, x1, width / 48)) {
    view.append(svg("line", { x1: x(value), x2: x(value), y1: height - bottom, y2: height - bottom + 4, class: "axis" }),
      svg("text", { x: x(value), y: height - bottom + 15, "text-anchor": "middle" }, numberText(value)));
  }
  view.append(svg("line", { x1: left, x2: width - right, y1: height - bottom, y2: height - bottom, class: "axis" }),
    svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle", class: "label" }, options.x),
    svg("text", { x: -(top + height - bottom) / 2, y: 10, transform: "rotate(-90)", "text-anchor": "middle", class: "label" }, options.y));
  if (options.rule !== undefined) view.append(svg("line", { x1: left, x2: width - right, y1: y(options.rule), y2: y(options.rule), class: "level" }));
  for (const mark of options.marks || []) {
    view.append(svg("line", { x1: x(mark.x), x2: x(mark.x), y1: top, y2: height - bottom, class: "level" }),
      svg("text", { x: x(mark.x) + 3, y: top + 8 }, mark.text));
  }
  for (const each of series) {
    if (each.line) {
      let path = "", open = false;
      for (const p of each.points) {
        const shown = p.y !== null && p.y !== undefined && !p.cross;
        if (shown) path += `${open ? "L" : "M"}${x(p.x).toFixed(1)} ${y(p.y).toFixed(1)}`;
        open = shown;
      }
      if (path) view.append(svg("path", { d: path, fill: "none", stroke: each.color, "stroke-width": each.thin ? 1 : 1.6, opacity: each.thin ? 0.7 : 1 }));
    }
    for (const p of each.points) if (p.y !== null && p.y !== undefined) view.append(pointMark(p, x(p.x), y(p.y), each));
  }
  return view;
}

function pointMark(p, x, y, series) {
  const color = p.color || series.color;
  const r = series.radius || 3.2;
  const shape = p.cross
    ? svg("path", { d: `M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}`, stroke: "#B00020", "stroke-width": 1.8, fill: "none" })
    : svg("circle", { cx: x, cy: y, r, fill: p.hollow ? "#FFFFFF" : color, stroke: color, "stroke-width": 1.3 });
  // A wide invisible disc makes the point easy to hit.
  const area = svg("circle", { cx: x, cy: y, r: 8, fill: "transparent" }, p.title && svg("title", {}, p.title));
  return p.href ? svg("a", { href: p.href, tabindex: "-1", "aria-label": p.title }, shape, area) : svg("g", {}, shape, area);
}

// A legend of names and colours.
function legend(entries) {
  return h("ul", { class: "legend" }, entries.map(([name, color, kind]) => h("li", {},
    svg("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" },
      kind === "cross"
        ? svg("path", { d: "M3 3L11 11M3 11L11 3", stroke: "#B00020", "stroke-width": 2 })
        : svg("circle", { cx: 7, cy: 7, r: 4, fill: kind === "hollow" ? "#FFFFFF" : color, stroke: color, "stroke-width": 1.5 })),
    name)));
}
