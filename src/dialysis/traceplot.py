"""Draw a chromatogram with what was integrated on it: trace, baseline, limits, fits and flags.

`trace_marks` says what is drawn, in data units; `draw_injection` draws it on matplotlib axes with
names and flags, `injection_figure` makes a whole figure of it.  The quality figures draw the same
marks on their own small plots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.chromatogram import Chromatogram
from dialysis.plotting import (
    OKABE_ITO,
    SMALL_PT,
    TEXT_PT,
    mix,
    new_figure,
    readable,
    text_width_pt,
)

FloatArray = npt.NDArray[np.float64]

WARN = "#C00000"
TRACE = "#1A1A1A"
LIMIT = "#595959"
UNNAMED = "#D9D9D9"
PALE = tuple(
    mix(OKABE_ITO[name], "#FFFFFF", 0.6)
    for name in ("blue", "orange", "bluish green", "reddish purple", "sky blue", "vermillion")
)
# Flags that say that a peak needs to be looked at; the others describe how it was measured.
SERIOUS = frozenset(
    {
        "ambiguous",
        "clipped",
        "coeluting",
        "edge",
        "event_failed",
        "flat_top",
        "gap",
        "method_failed",
        "misfit",
        "odd_retention",
        "odd_width",
        "reference_missing",
        "retention_from_run",
        "riding",
        "spike",
    }
)
# A fitted peak is drawn where it is above this part of its height.
_DRAWN_PART = 1e-3
# and with at most twice as many points.
_DRAWN_POINTS = 80
# Bins of a trace; smallest and largest value of each are drawn.
_BINS = 420
# Peaks up to this part of the largest are what the enlarged scale is for.
_SMALL_PART = 0.2


@dataclass(frozen=True, eq=False)
class Mark:
    """A line or a filled polygon in data units (min, signal).

    Parameters
    ----------
    kind : {"line", "fill"}
    x, y : ndarray of float64, shape (n,)
        NaN parts a line.
    color : str
    width : float
        Of a line, points.
    dashes : tuple of float
        Of a line; empty for a solid one.
    z : float
        What is higher is drawn later.
    """

    kind: Literal["line", "fill"]
    x: FloatArray
    y: FloatArray
    color: str
    width: float = 0.45
    dashes: tuple[float, ...] = ()
    z: float = 3.0


def trace_marks(
    time_min: FloatArray,
    signal: FloatArray,
    peaks: pd.DataFrame,
    ylim: tuple[float, float],
    missing: bool = True,
) -> list[Mark]:
    """What is drawn of one trace.

    Parameters
    ----------
    time_min, signal : ndarray of float64, shape (n,)
        The trace.
    peaks : DataFrame
        Its rows of `dialysis.tables.integrate.PEAKS`.
    ylim : tuple of float
        What the plot spans; the trace is led to its edges.
    missing : bool
        Whether analytes that were not found are marked where they were expected.

    Returns
    -------
    list of Mark
        The trace; for a peak between limits the area to the trace, its baseline and limits; for
        fitted peaks their areas, stacked by size on the baseline they were fitted on, so that a
        misfit shows as a distance from the trace.
    """
    marks = [_trace_mark(time_min, signal, ylim)]
    found = peaks[peaks["found"].astype(bool)]
    colors = peak_colors(peaks)
    fitted = [row for row in found.itertuples() if row.method == "fit" and row.height > 0]
    marks += _fitted_marks(time_min, signal, fitted, colors)
    for row in found.itertuples():
        if row.method != "fit":
            marks += _limited_marks(time_min, signal, row, colors[row.Index])
    if missing:
        absent = peaks[~peaks["found"].astype(bool)]
        for rt in absent["rt_expected_min"].to_numpy(dtype=np.float64):
            if np.isfinite(rt):
                at = np.array([rt, rt])
                marks.append(Mark("line", at, np.array(ylim), WARN, 0.5, (1.0, 1.5), 1.5))
    return marks


def peak_colors(peaks: pd.DataFrame) -> dict[Any, str]:
    """Colour of every row by its index: analytes in turn, grey for unidentified peaks."""
    colors: dict[Any, str] = {}
    place = 0
    for index, analyte in zip(peaks.index, peaks["analyte"], strict=True):
        colors[index] = PALE[place % len(PALE)] if analyte else UNNAMED
        place += bool(analyte)
    return colors


def _trace_mark(time_min: FloatArray, signal: FloatArray, ylim: tuple[float, float]) -> Mark:
    time, values = cut(*thinned(time_min, signal), *ylim)
    return Mark("line", time, values, TRACE, 0.45)


def _limited_marks(time: FloatArray, signal: FloatArray, row: Any, color: str) -> list[Mark]:
    """Area, baseline and limits of a peak that was measured between limits."""
    limits = np.array([row.start_min, row.end_min], dtype=np.float64)
    base = np.array([row.baseline_start, row.baseline_end], dtype=np.float64)
    if not (np.isfinite(limits).all() and np.isfinite(base).all()):
        return []
    inside = (time > limits[0]) & (time < limits[1])
    x = np.concatenate([limits[:1], time[inside], limits[1:]])
    y = np.concatenate([base[:1], signal[inside], base[1:]])
    at_limits = np.interp(limits, time, signal)
    sides = [
        Mark("line", np.array([at, at]), np.array([low, high]), LIMIT, 0.4, z=3.1)
        for at, low, high in zip(limits, base, at_limits, strict=True)
    ]
    return [
        Mark("fill", x, y, color, z=1.2),
        Mark("line", limits, base, WARN, 0.5, z=3.2),
        *sides,
    ]


def _fitted_marks(
    time: FloatArray, signal: FloatArray, rows: Sequence[Any], colors: Mapping[Any, str]
) -> list[Mark]:
    """Areas of fitted peaks stacked on what is left of the trace without them."""
    if not rows:
        return []
    # The largest first: riders come on top of what they ride on.
    ordered = sorted(rows, key=lambda row: -row.height)
    curves = [peak_curve(time, row) for row in ordered]
    left = _fitted_baseline(time, signal - np.sum(curves, axis=0), ordered)
    level = left.copy()
    used = np.zeros(time.size, dtype=bool)
    marks = []
    for row, curve in zip(ordered, curves, strict=True):
        part = np.flatnonzero(curve > _DRAWN_PART * row.height)
        if part.size < 2:
            continue
        part = part[:: max(1, part.size // _DRAWN_POINTS)]
        x, low, high = time[part], level[part], (level + curve)[part]
        outline = np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])
        marks.append(Mark("fill", *outline, colors[row.Index], z=1.2))
        marks.append(Mark("line", x, high, readable(colors[row.Index]), 0.4, (3.0, 1.5), 3.1))
        level = level + curve
        used[part[0] : part[-1] + 1] = True
    bottom = np.where(used, left, np.nan)
    marks.append(Mark("line", time, bottom, WARN, 0.5, z=3.2))
    return marks


def _fitted_baseline(time: FloatArray, left: FloatArray, rows: Sequence[Any]) -> FloatArray:
    """The baseline that peaks were fitted on, from its values at their limits.

    Between the limits by a cubic that keeps its course (PCHIP).  The solvent front is too bent for
    that: there it is what the peaks leave of the trace (`left`), smoothed.
    """
    from scipy.interpolate import PchipInterpolator

    limits = np.array([[row.start_min, row.end_min] for row in rows], dtype=np.float64).ravel()
    values = np.array([[row.baseline_start, row.baseline_end] for row in rows], dtype=np.float64)
    at, first = np.unique(limits, return_index=True)
    out = np.asarray(PchipInterpolator(at, values.ravel()[first])(np.clip(time, at[0], at[-1])))
    step = float(np.median(np.diff(time)))
    for row in rows:
        if "front" in str(row.flags).split(";"):
            reach = max(1, round(0.5 * row.width_min / step))
            low, high = np.searchsorted(time, [row.start_min, row.end_min])
            part = slice(max(0, low - 3 * reach), high + 3 * reach)
            smooth = left[part]
            # Three means in a row are nearly a Gaussian with σ = reach.
            for _ in range(3):
                smooth = _running_mean(smooth, reach)
            out[low:high] = smooth[low - part.start : high - part.start]
    return out


def _running_mean(values: FloatArray, reach: int) -> FloatArray:
    """Mean over `reach` points to either side; the ends are repeated."""
    size = 2 * reach + 1
    padded = np.pad(values, reach, mode="edge")
    return np.asarray(np.convolve(padded, np.full(size, 1 / size), mode="valid"))


def peak_curve(time_min: FloatArray, row: Any) -> FloatArray:
    """The exponentially modified Gaussian with the apex, height, width and tailing of a peak.

    Parameters
    ----------
    time_min : ndarray of float64, shape (n,)
    row : named tuple
        ``rt_min``, ``height``, ``width_min`` and ``tailing`` of PEAKS.

    Returns
    -------
    ndarray of float64, shape (n,)
        Above the baseline, signal unit.  A Gaussian where the tailing is not known or below 1.
    """
    ratios, tailing, widths, apexes, tops = _emg_table()
    known = np.isfinite(row.tailing)
    ratio = float(np.interp(row.tailing, tailing, ratios)) if known else 0.0
    sigma = float(row.width_min) / float(np.interp(ratio, ratios, widths))
    mu = float(row.rt_min) - sigma * float(np.interp(ratio, ratios, apexes))
    top = float(np.interp(ratio, ratios, tops))
    return np.asarray(float(row.height) * _emg((time_min - mu) / sigma, ratio) / top)


def _emg(z: FloatArray, ratio: float) -> FloatArray:
    """EMG with σ = 1 and τ = `ratio`, of area 1."""
    from scipy.special import erfc, erfcx

    if ratio < 0.01:
        return np.asarray(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))
    x = (1 / ratio - z) / np.sqrt(2.0)
    # Either form where it can't overflow.
    near = np.exp(-0.5 * z * z) * erfcx(np.maximum(x, 0.0))
    far = np.exp(np.minimum(0.5 / ratio**2 - z / ratio, 0.0)) * erfc(np.minimum(x, 0.0))
    return np.asarray(np.where(x >= 0, near, far) / (2 * ratio))


@lru_cache(maxsize=1)
def _emg_table() -> tuple[FloatArray, ...]:
    """By τ/σ: USP tailing; width, apex and height with σ = 1."""
    ratios = np.concatenate([[0.0], np.geomspace(0.05, 20.0, 80)])
    z = np.arange(-6.0, 120.0, 0.01)
    rows = []
    for ratio in ratios.tolist():
        shape = _emg(z, ratio)
        top = int(np.argmax(shape))
        half = np.flatnonzero(shape >= 0.5 * shape[top])
        low = np.flatnonzero(shape >= 0.05 * shape[top])
        tailing = (low[-1] - low[0]) / (2 * (top - low[0]))
        rows.append((tailing, 0.01 * (half[-1] - half[0]), z[top], shape[top]))
    tailing, widths, apexes, tops = np.array(rows).T
    return ratios, np.maximum.accumulate(tailing), widths, apexes, tops


def signal_limits(
    signal: FloatArray, peaks: pd.DataFrame
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of the signal: for all peaks, and for the small ones.

    Without peaks both span what all but the extreme values do.
    """
    found = peaks[peaks["found"].astype(bool) & peaks["height"].notna()]
    if not len(found):
        low, high = np.percentile(signal, [1.0, 99.0])
        reach = max(float(high - low), 1e-6)
        limits = (float(low) - 0.1 * reach, float(high) + 0.3 * reach)
        return limits, limits
    floor = found[["baseline_start", "baseline_end"]].to_numpy(dtype=np.float64)
    base_low, base_high = float(np.nanmin(floor)), float(np.nanmax(floor))
    height = found["height"].to_numpy(dtype=np.float64)
    biggest = float(height.max())
    small = height[height <= _SMALL_PART * biggest]
    reach = float(small.max()) if small.size else _SMALL_PART * biggest
    full = (base_low - 0.06 * biggest, base_high + 1.06 * biggest)
    zoom = (base_low - 0.3 * reach, base_high + 1.35 * reach)
    return full, zoom


def thinned(time: FloatArray, signal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest value of every bin, in their order: looks as the whole trace does."""
    size = signal.size // _BINS
    if size < 3:
        return time, signal
    whole = size * (signal.size // size)
    blocks = signal[:whole].reshape(-1, size)
    start = np.arange(len(blocks)) * size
    pair = np.sort(np.stack([blocks.argmin(axis=1), blocks.argmax(axis=1)], axis=1), axis=1)
    index = np.concatenate([(start[:, None] + pair).ravel(), np.arange(whole, signal.size)])
    return time[index], signal[index]


def cut(
    time: FloatArray, signal: FloatArray, low: float, high: float
) -> tuple[FloatArray, FloatArray]:
    """Leave out what is outside, and lead the trace to the edge where it crosses it."""
    inside = (signal >= low) & (signal <= high)
    kept = np.where(inside, signal, np.nan)
    before = np.flatnonzero(inside[:-1] != inside[1:])
    after = before + 1
    outer = np.where(inside[before], signal[after], signal[before])
    edge = np.clip(outer, low, high)
    part = (edge - signal[before]) / (signal[after] - signal[before])
    crossing = time[before] + part * (time[after] - time[before])
    return np.insert(time, after, crossing), np.insert(kept, after, edge)


def apart(wanted: FloatArray, pitch: float, low: float, high: float) -> FloatArray:
    """Places at least `pitch` apart, near the wanted ones, between `low` and `high`."""
    places = wanted.copy()
    for i in range(1, places.size):
        places[i] = max(places[i], places[i - 1] + pitch)
    # Pushed to the right only, a cluster would lean: half of its push is taken back.
    for i in range(places.size - 1, -1, -1):
        roof = high if i == places.size - 1 else places[i + 1] - pitch
        places[i] = min(places[i] - 0.5 * (places[i] - wanted[i]), roof)
    places[0] = max(places[0], low)
    for i in range(1, places.size):
        places[i] = max(places[i], places[i - 1] + pitch)
    return places


def row_name(row: Any, labels: Mapping[str, str]) -> str:
    """What a peak is called on a picture: its label, with an asterisk when a person measured it."""
    name = labels.get(row.analyte, row.analyte) or f"{row.rt_min:.2f}"
    return f"{name}*" if "manual" in str(row.flags).split(";") else str(name)


def serious_flags(flags: object) -> list[str]:
    """Flags that say that a peak needs to be looked at."""
    return [flag for flag in str(flags).split(";") if flag in SERIOUS]


def draw_injection(
    axes: Any,
    chromatogram: Chromatogram,
    peaks: pd.DataFrame,
    labels: Mapping[str, str] | None = None,
    ylim: tuple[float, float] | None = None,
    xlim: tuple[float, float] | None = None,
    names: bool = True,
    missing: bool = True,
) -> None:
    """Draw one injection on matplotlib axes.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    chromatogram : Chromatogram
        The trace.
    peaks : DataFrame
        Its rows of `dialysis.tables.integrate.PEAKS`, as `dialysis.integrate.integrate` gives
        them or filtered by injection_id (and channel).
    labels : mapping of str to str, optional
        Printed names of analytes.
    ylim, xlim : tuple of float, optional
        Signal and time (min) shown; by default all peaks and the whole trace.
    names : bool
        Whether names are written above the peaks: red where a flag asks for a look, with an
        asterisk where a person measured them.
    missing : bool
        Whether analytes that were not found are marked where they were expected.
    """
    time_min = chromatogram.times_s / 60.0
    signal = np.asarray(chromatogram.signal, dtype=np.float64)
    low, high = xlim or (float(time_min[0]), float(time_min[-1]))
    part = slice(*np.searchsorted(time_min, [low, high]))
    shown = peaks[~peaks["found"].astype(bool) | peaks["rt_min"].between(low, high)]
    span = ylim or signal_limits(signal[part], shown)[0]
    axes.set_xlim(low, high)
    axes.set_ylim(*span)
    for mark in trace_marks(time_min[part], signal[part], shown, span, missing):
        if mark.kind == "fill":
            axes.fill(mark.x, mark.y, color=mark.color, linewidth=0, zorder=mark.z)
        else:
            style: Any = (0.0, mark.dashes) if mark.dashes else "solid"
            axes.plot(
                mark.x, mark.y, mark.color, linewidth=mark.width, linestyle=style, zorder=mark.z
            )
    axes.set_xlabel("Time (min)")
    axes.set_ylabel(f"Signal ({chromatogram.unit})" if chromatogram.unit else "Signal")
    if names:
        _write_names(axes, shown, labels or {}, (low, high), span)


def injection_figure(
    chromatogram: Chromatogram,
    peaks: pd.DataFrame,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    font: str = "DejaVu Sans",
) -> Any:
    """Make a figure of one injection: whole above, enlarged for small peaks below.

    Returns
    -------
    matplotlib.figure.Figure
        Of the width of a page; `dialysis.plotting.save_figure` writes it.
    """
    from dialysis.plotting import style

    with style(font):
        figure = new_figure(174.0, 120.0)
        upper, lower = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2], "hspace": 0.12}
        )
        figure.subplots_adjust(left=0.09, right=0.985, bottom=0.15, top=0.82)
        signal = np.asarray(chromatogram.signal, dtype=np.float64)
        full, zoom = signal_limits(signal, peaks)
        draw_injection(upper, chromatogram, peaks, labels, full)
        draw_injection(lower, chromatogram, peaks, labels, zoom, names=False)
        upper.set_xlabel("")
        upper.tick_params(labelbottom=False)
        if title:
            figure.text(0.09, 0.965, title, fontsize=TEXT_PT, fontweight="bold")
        room = 72.0 * figure.get_size_inches()[0] * (0.985 - 0.09)
        for place, line in enumerate(wrapped(flags_line(peaks, labels or {}), room, font)[:3]):
            figure.text(0.09, 0.068 - 0.027 * place, line, fontsize=SMALL_PT, color="#404040")
    return figure


def flags_line(peaks: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """What is flagged, peak by peak, and which analytes were not found and why."""
    parts = []
    for row in peaks.itertuples():
        name = labels.get(row.analyte, row.analyte) or f"{row.rt_min:.2f} min"
        if not row.found:
            parts.append(f"{name}: {row.reason}")
        elif row.flags:
            parts.append(f"{name}: {str(row.flags).replace(';', ', ')}")
    return "; ".join(parts)


def wrapped(text: str, width_pt: float, font: str) -> list[str]:
    """Break small text into lines of a width in points; none when it is empty."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width_pt(longer, SMALL_PT, font) <= width_pt:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _write_names(
    axes: Any,
    peaks: pd.DataFrame,
    labels: Mapping[str, str],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
) -> None:
    """Names above the plot, moved apart, with a line to each peak; red where it is flagged."""
    found = peaks[peaks["found"].astype(bool)].sort_values("rt_min", kind="stable")
    if not len(found):
        return
    figure = axes.get_figure()
    width_pt = 72.0 * figure.get_size_inches()[0] * axes.get_position().width
    height_pt = 72.0 * figure.get_size_inches()[1] * axes.get_position().height
    per_min = (xlim[1] - xlim[0]) / width_pt
    per_unit = (ylim[1] - ylim[0]) / height_pt
    rt = found["rt_min"].to_numpy(dtype=np.float64)
    apex = found[["baseline_start", "baseline_end"]].mean(axis=1) + found["height"]
    tips = np.minimum(apex.to_numpy(dtype=np.float64), ylim[1])
    places = apart(rt, 9.0 * per_min, xlim[0] + 4.0 * per_min, xlim[1] - 4.0 * per_min)
    for row, place, tip, at in zip(found.itertuples(), places, tips, rt, strict=True):
        axes.plot(
            [place, at, at],
            [ylim[1] + 7.0 * per_unit, ylim[1] + per_unit, tip + 1.5 * per_unit],
            color="#A6A6A6",
            linewidth=0.35,
            clip_on=False,
            zorder=1.4,
        )
        axes.text(
            place,
            ylim[1] + 8.5 * per_unit,
            row_name(row, labels),
            rotation=90.0,
            ha="center",
            va="bottom",
            fontsize=SMALL_PT,
            color=WARN if serious_flags(row.flags) else "#000000",
            clip_on=False,
        )
