"use strict";
// Chromatograms on a canvas: small ones from the thinned trace, and one that zooms, with all points.

const FILLS = ["#9CC7E3", "#F5C98A", "#8FD3BA", "#E6BCD4", "#BFE2F6", "#F0AE86"];

// A thinned trace: middles of its bins with the smallest and the largest value of each.
async function thinTrace(packed) {
  const [low, high] = await Promise.all([unpack(packed.low), unpack(packed.high)]);
  const time = low.map((_, i) => packed.start + packed.step * i);
  const value = (steps) => steps.map((step) => packed.origin + packed.scale * step);
  return { time, low: value(low), high: value(high), unit: packed.unit, channel: packed.channel };
}

// A whole trace; points without a value are NaN.
async function fullTrace(packed) {
  const steps = await unpack(packed.signal);
  const y = steps.map((step) => packed.origin + packed.scale * step);
  for (const [from, to] of packed.gaps) y.fill(NaN, from, to);
  const time = packed.time
    ? (await unpack(packed.time)).map((ms) => ms / 60000)
    : y.map((_, i) => packed.start + packed.step * i);
  return { time, low: y, high: y, unit: packed.unit, channel: packed.channel };
}

// First point at or behind a time.
function indexAt(time, wanted) {
  let low = 0, high = time.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Signal that shows all peaks: from below the baselines to above the highest.
function signalRange(trace, peaks, from, to) {
  const inside = peaks.filter((p) => p.found && p.height && p.rt_min >= from && p.rt_min <= to);
  if (inside.length) {
    const base = inside.flatMap((p) => [p.baseline_start, p.baseline_end]).filter((v) => v !== undefined);
    const floor = Math.min(...base);
    const roof = Math.max(...inside.map((p) => p.height + Math.max(p.baseline_start ?? floor, p.baseline_end ?? floor)));
    return [floor - 0.08 * (roof - floor), roof + 0.16 * (roof - floor)];
  }
  const a = indexAt(trace.time, from), b = Math.max(indexAt(trace.time, to), a + 2);
  const values = [...trace.low.slice(a, b), ...trace.high.slice(a, b)].filter((v) => !Number.isNaN(v)).sort((p, q) => p - q);
  if (!values.length) return [0, 1];
  const low = values[Math.floor(values.length * 0.01)], high = values[Math.floor(values.length * 0.99)];
  const reach = high - low || 1;
  return [low - 0.1 * reach, high + 0.3 * reach];
}

// Height of a fitted peak at a time, above its baseline.
function shapeAt(peak, time) {
  const { shape, shape_start: from, shape_end: to } = peak;
  if (!shape || time <= from || time >= to) return 0;
  const place = (time - from) / (to - from) * (shape.length - 1);
  const i = Math.floor(place);
  return peak.height * (shape[i] + (place - i) * ((shape[i + 1] ?? 0) - shape[i])) / 1000;
}

// Draw a trace and what was integrated on it.  view: { from, to, low, high } in data units
function drawTrace(canvas, trace, peaks, view, options = {}) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth || options.width, height = canvas.clientHeight || options.height;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const { left = 2, right = 2, top = 2, bottom = 2 } = options;
  const x = (time) => left + (width - left - right) * (time - view.from) / (view.to - view.from);
  const y = (value) => height - bottom - (height - top - bottom) * (value - view.low) / (view.high - view.low);
  pen.fillStyle = "#FFFFFF";
  pen.fillRect(0, 0, width, height);
  if (options.axes) drawAxes(pen, { x, y, view, width, height, left, right, top, bottom, unit: trace.unit });
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width - left - right, height - top - bottom);
  pen.clip();
  const a = Math.max(indexAt(trace.time, view.from) - 1, 0);
  const b = Math.min(indexAt(trace.time, view.to) + 1, trace.time.length);
  if (options.selection) {
    pen.fillStyle = "rgba(230, 159, 0, 0.22)";
    pen.fillRect(x(options.selection[0]), top, x(options.selection[1]) - x(options.selection[0]), height - top - bottom);
  }
  drawPeaks(pen, trace, peaks, x, y, a, b);
  drawLine(pen, trace, x, y, a, b);
  pen.restore();
  if (options.names) drawNames(pen, peaks, x, y, view, top);
  return { x, y, time: (px) => view.from + (px - left) * (view.to - view.from) / (width - left - right) };
}

function drawLine(pen, trace, x, y, a, b) {
  pen.strokeStyle = "#1A1A1A";
  pen.lineWidth = 1;
  pen.beginPath();
  let open = false;
  // At most two vertical strokes a pixel: what lies between can't be seen.
  let pixel = null, low = 0, high = 0;
  const flush = () => {
    if (pixel === null) return;
    if (open) pen.lineTo(pixel, y(low));
    else pen.moveTo(pixel, y(low));
    pen.lineTo(pixel, y(high));
    open = true;
  };
  for (let i = a; i < b; i += 1) {
    if (Number.isNaN(trace.low[i])) {
      flush();
      pixel = null;
      open = false;
      continue;
    }
    const at = Math.round(x(trace.time[i]) * 2) / 2;
    if (at === pixel) {
      low = Math.min(low, trace.low[i]);
      high = Math.max(high, trace.high[i]);
    } else {
      flush();
      pixel = at;
      low = trace.low[i];
      high = trace.high[i];
    }
  }
  flush();
  pen.stroke();
}

function drawPeaks(pen, trace, peaks, x, y, a, b) {
  const found = peaks.filter((p) => p.found);
  const color = new Map(peaks.filter((p) => p.analyte).map((p, i) => [p, FILLS[i % FILLS.length]]));
  const fitted = found.filter((p) => p.shape).sort((p, q) => q.height - p.height);
  // Fitted peaks stand on each other, the largest below, on the baseline they were fitted on.
  const base = fittedBase(trace, fitted, a, b);
  const level = base.slice();
  for (const peak of fitted) {
    const from = Math.max(indexAt(trace.time, peak.shape_start), a) - a;
    const to = Math.min(indexAt(trace.time, peak.shape_end), b) - a;
    if (to - from < 2) continue;
    pen.fillStyle = color.get(peak) || "#D9D9D9";
    pen.beginPath();
    for (let i = from; i < to; i += 1) pen.lineTo(x(trace.time[a + i]), y(level[i]));
    for (let i = to - 1; i >= from; i -= 1) {
      level[i] += shapeAt(peak, trace.time[a + i]);
      pen.lineTo(x(trace.time[a + i]), y(level[i]));
    }
    pen.fill();
    strokeLine(pen, "#C00000", 1, from, to, (i) => [x(trace.time[a + i]), y(base[i])]);
  }
  for (const peak of found.filter((p) => !p.shape && p.start_min !== undefined && p.baseline_start !== undefined)) {
    const from = indexAt(trace.time, peak.start_min), to = indexAt(trace.time, peak.end_min);
    pen.fillStyle = color.get(peak) || "#D9D9D9";
    pen.beginPath();
    pen.moveTo(x(peak.start_min), y(peak.baseline_start));
    for (let i = from; i < to; i += 1) pen.lineTo(x(trace.time[i]), y((trace.low[i] + trace.high[i]) / 2));
    pen.lineTo(x(peak.end_min), y(peak.baseline_end));
    pen.fill();
    pen.strokeStyle = "#C00000";
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x(peak.start_min), y(peak.baseline_start));
    pen.lineTo(x(peak.end_min), y(peak.baseline_end));
    pen.stroke();
  }
  pen.strokeStyle = "#B00020";
  pen.setLineDash([2, 4]);
  for (const peak of peaks.filter((p) => !p.found && p.rt_expected_min !== undefined)) {
    pen.beginPath();
    pen.moveTo(x(peak.rt_expected_min), -10);
    pen.lineTo(x(peak.rt_expected_min), 4000);
    pen.stroke();
  }
  pen.setLineDash([]);
}

// The baseline of fitted peaks at the points a to b: between its values at their limits, but on the
// solvent front, which is too bent for that, what the peaks leave of the trace, smoothed.
function fittedBase(trace, fitted, a, b) {
  const known = fitted.filter((p) => p.baseline_start !== undefined && p.baseline_end !== undefined);
  const ends = known.flatMap((p) => [[p.start_min, p.baseline_start], [p.end_min, p.baseline_end]]).sort((p, q) => p[0] - q[0]);
  const base = new Float64Array(b - a);
  let next = 0;
  for (let i = 0; i < base.length && ends.length; i += 1) {
    const time = trace.time[a + i];
    while (next < ends.length && ends[next][0] < time) next += 1;
    const [before, behind] = [ends[Math.max(next - 1, 0)], ends[Math.min(next, ends.length - 1)]];
    const apart = behind[0] - before[0];
    base[i] = before[1] + (apart > 0 ? (time - before[0]) / apart * (behind[1] - before[1]) : 0);
  }
  const front = fitted.filter((p) => !known.includes(p) || (p.flags || "").split(";").includes("front"));
  if (!front.length) return base;
  const left = base.map((_, i) => fitted.reduce((rest, peak) => rest - shapeAt(peak, trace.time[a + i]), (trace.low[a + i] + trace.high[a + i]) / 2));
  const step = base.length > 1 ? (trace.time[b - 1] - trace.time[a]) / (base.length - 1) : 1;
  for (const peak of front) {
    let smooth = left;
    // Three means in a row are nearly a Gaussian.
    for (let round = 0; round < 3; round += 1) smooth = runningMean(smooth, Math.min(Math.round(0.3 * peak.width_min / step) || 0, 200));
    const from = Math.max(indexAt(trace.time, peak.shape_start), a) - a;
    const to = Math.min(indexAt(trace.time, peak.shape_end), b) - a;
    for (let i = from; i < to; i += 1) base[i] = smooth[i];
  }
  return base;
}

function strokeLine(pen, color, width, from, to, at) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.beginPath();
  for (let i = from; i < to; i += 1) pen.lineTo(...at(i));
  pen.stroke();
}

function runningMean(values, reach) {
  if (!reach) return values.slice();
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i += 1) sums[i + 1] = sums[i] + (Number.isNaN(values[i]) ? 0 : values[i]);
  return values.map((_, i) => {
    const from = Math.max(i - reach, 0), to = Math.min(i + reach + 1, values.length);
    return (sums[to] - sums[from]) / (to - from);
  });
}

function drawAxes(pen, { x, y, view, width, height, left, right, top, bottom, unit }) {
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = "#454545";
  pen.lineWidth = 1;
  for (const value of ticks(view.low, view.high, 5)) {
    pen.strokeStyle = "#E6E6E6";
    pen.beginPath();
    pen.moveTo(left, Math.round(y(value)) + 0.5);
    pen.lineTo(width - right, Math.round(y(value)) + 0.5);
    pen.stroke();
    pen.textAlign = "right";
    pen.fillText(numberText(value, 5), left - 6, y(value) + 4);
  }
  pen.textAlign = "center";
  for (const value of ticks(view.from, view.to, width / 90)) pen.fillText(numberText(value, 5), x(value), height - bottom + 16);
  pen.fillText("Time, min", (left + width - right) / 2, height - 4);
  pen.textAlign = "left";
  pen.fillText(unit ? `Signal, ${unit}` : "Signal", 4, 12);
  pen.strokeStyle = "#767676";
  pen.strokeRect(left + 0.5, top + 0.5, width - left - right - 1, height - top - bottom - 1);
}

function drawNames(pen, peaks, x, y, view, top) {
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  let last = -Infinity, row = 0;
  const shown = peaks.filter((p) => p.found && p.analyte && p.rt_min > view.from && p.rt_min < view.to);
  for (const peak of shown.sort((p, q) => p.rt_min - q.rt_min)) {
    const at = x(peak.rt_min);
    row = at - last < 44 ? (row + 1) % 3 : 0;
    last = at;
    const under = Math.max(top + 14 + 13 * row, y((peak.baseline_start ?? view.low) + peak.height) - 6 - 13 * row);
    pen.fillStyle = "#1A1A1A";
    pen.fillText(peak.method === "manual" || splitFlags(peak.flags).includes("manual") ? `${peak.analyte}*` : peak.analyte, at, under);
  }
}

// A chromatogram in small, drawn when it comes into sight.
const SEEN = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    SEEN.unobserve(entry.target);
    entry.target.draw();
  }
}, { rootMargin: "200px" });

function smallTrace(packed, peaks, label) {
  const canvas = h("canvas", { class: "small-trace", role: "img", "aria-label": label });
  canvas.draw = async () => {
    const trace = await thinTrace(packed);
    const own = peaks.filter((p) => !p.channel || p.channel === packed.channel);
    const named = own.filter((p) => p.found && p.analyte).map((p) => p.rt_min);
    const from = named.length ? Math.max(Math.min(...named) - 1, trace.time[0]) : trace.time[0];
    const [low, high] = signalRange(trace, own, from, trace.time.at(-1));
    drawTrace(canvas, trace, own, { from, to: trace.time.at(-1), low, high });
    canvas.dataset.drawn = "yes";
  };
  SEEN.observe(canvas);
  return canvas;
}

// The chromatogram that zooms.  onselect is called with the marked range (min) or null.
function bigTrace(trace, peaks, onselect) {
  const canvas = h("canvas", { class: "big-trace", tabindex: "0", role: "application",
    "aria-label": "Chromatogram. Plus and minus zoom, arrow keys move, Home shows all. The peaks are in the table below." });
  const first = trace.time[0], last = trace.time.at(-1);
  const named = peaks.filter((p) => p.found && p.analyte).map((p) => p.rt_min);
  const whole = { from: named.length ? Math.max(Math.min(...named) - 1, first) : first, to: last };
  const view = { ...whole };
  const readout = h("output", { class: "quiet", "aria-live": "off" });
  let scale = null, selection = null, drag = null, fixed = null;

  function draw() {
    const [low, high] = fixed || signalRange(trace, peaks, view.from, view.to);
    Object.assign(view, { low, high });
    scale = drawTrace(canvas, trace, peaks, view, { left: 58, right: 10, top: 16, bottom: 36, axes: true, names: true, selection });
    canvas.dataset.view = `${view.from.toFixed(4)} ${view.to.toFixed(4)}`;
  }
  function show(from, to) {
    const span = Math.min(Math.max(to - from, 0.05), last - first);
    const start = Math.min(Math.max(from, first), last - span);
    Object.assign(view, { from: start, to: start + span });
    draw();
  }
  function zoom(factor, around = (view.from + view.to) / 2) {
    show(around - (around - view.from) * factor, around + (view.to - around) * factor);
  }
  function taller(factor) {
    fixed = [view.low, view.low + (view.high - view.low) * factor];
    draw();
  }
  function all() {
    fixed = null;
    show(first, last);
  }
  function select(range) {
    selection = range;
    onselect(range);
    draw();
  }
  const keys = {
    "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), Home: all,
    ArrowLeft: () => show(view.from - 0.2 * (view.to - view.from), view.to - 0.2 * (view.to - view.from)),
    ArrowRight: () => show(view.from + 0.2 * (view.to - view.from), view.to + 0.2 * (view.to - view.from)),
    ArrowUp: () => taller(0.6), ArrowDown: () => taller(1 / 0.6), Escape: () => select(null),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  canvas.addEventListener("wheel", (event) => {
    // Without Ctrl the wheel scrolls the page as everywhere, unless the plot has the focus.
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, scale.time(event.offsetX));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    drag = scale.time(event.offsetX);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = scale.time(event.offsetX);
    const i = Math.min(indexAt(trace.time, at), trace.time.length - 1);
    readout.textContent = `${at.toFixed(3)} min, ${numberText((trace.low[i] + trace.high[i]) / 2, 5)} ${trace.unit}`;
    if (drag !== null && Math.abs(at - drag) > 0.01) select([Math.min(at, drag), Math.max(at, drag)]);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag !== null && Math.abs(scale.time(event.offsetX) - drag) <= 0.01 && selection) select(null);
    drag = null;
  });
  canvas.addEventListener("dblclick", all);
  const button = (text, label, action) => h("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
  const tools = h("p", { class: "trace-tools" },
    button("+", "Zoom in", () => zoom(0.6)), button("−", "Zoom out", () => zoom(1 / 0.6)),
    button("◀", "Move to the left", keys.ArrowLeft), button("▶", "Move to the right", keys.ArrowRight),
    button("▲", "Enlarge the signal", () => taller(0.6)), button("▼", "Shrink the signal", () => taller(1 / 0.6)),
    button("All", "Show the whole chromatogram", all),
    button("Range", "Zoom to the marked range", () => selection && show(...selection)), readout);
  const box = h("div", { class: "trace-box" }, tools, canvas);
  new ResizeObserver(draw).observe(canvas);
  box.show = show;
  return box;
}
