"""Every injection of a run: trace, baseline, limits, fits and flags, many to a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.figures.cells import (
    HEADER_PT,
    MARGIN_PT,
    PAGE_WIDTH_PT,
    WARN,
    Cell,
    Page,
    fitted,
    pages_of,
    round_ticks,
    wrap,
)
from dialysis.figures.traces import Trace, read_traces, trace_of
from dialysis.plotting import SMALL_PT, text_width_pt
from dialysis.traceplot import cut, peak_colors, serious_flags, signal_limits, trace_marks

FloatArray = npt.NDArray[np.float64]

COLUMNS = 3
ROWS = 7
_LEFT_PT = 22.0
_ROW_PT = 97.0
_FULL_PT = 22.0
_ZOOM_PT = 36.0
# Lines keep their lowest and highest point in every stretch of this many points of paper.
_STRETCH_PT = 0.7


def injection_pages(
    path: Path | str,
    peaks: pd.DataFrame,
    injections: pd.DataFrame,
    excluded: frozenset[str],
    labels: Mapping[str, str],
    font: str,
) -> Iterator[Any]:
    """Draw every injection and channel of one run, in the order they were made.

    Parameters
    ----------
    path : path
        ``ingest/<run>/traces.parquet``.
    peaks : DataFrame
        `dialysis.tables.integrate.PEAKS` of the run.
    injections : DataFrame
        `dialysis.tables.inputs.INJECTIONS`, rows of the run.
    excluded : frozenset of str
        Injections that are left out.
    labels : mapping of str to str
        ``figures.labels``.
    font : str
        Font family.
    """
    ordered = injections.sort_values("order", kind="stable")
    read = read_traces([path], list(ordered["injection_id"]))
    rows_of = dict(list(peaks.groupby("injection_id", sort=False)))
    traces = dict(list(read.groupby("injection_id", sort=False)))
    shown: list[tuple[Any, Trace | None]] = []
    for row in ordered.itertuples(index=False):
        own = traces.get(row.injection_id)
        if own is None:
            shown.append((row, None))
            continue
        for record in own.to_dict("records"):
            found = rows_of.get(row.injection_id, peaks.head(0))
            shown.append((row, trace_of(record, found, str(row.type))))
    run = str(ordered["run"].iloc[0]) if len(ordered) else ""
    analytes = list(dict.fromkeys(peaks.loc[peaks["analyte"] != "", "analyte"]))
    colors = _colors(peaks)
    pitch = (PAGE_WIDTH_PT - 2 * MARGIN_PT + 8.0) / COLUMNS
    for number, chosen in enumerate(pages_of(shown, COLUMNS * ROWS), start=1):
        n_rows = max(-(-len(chosen) // COLUMNS), 1)
        page = Page(HEADER_PT + 20.0 + _ROW_PT * n_rows + MARGIN_PT, font)
        page.header(
            f"Injections of {run}, page {number}",
            "Every injection whole and, below, enlarged for small peaks. Coloured: area; dashed: "
            "fitted peak; red line: baseline; thin uprights: limits; dotted: not found where "
            "expected. Red words: what to look at.",
        )
        _legend(page, analytes, colors, labels)
        for place, (row, trace) in enumerate(chosen):
            line, column = divmod(place, COLUMNS)
            x = MARGIN_PT + _LEFT_PT + column * pitch
            top = page.height - HEADER_PT - 20.0 - line * _ROW_PT
            _draw(page, x, top, pitch - _LEFT_PT - 8.0, row, trace, excluded, labels)
        yield page.figure()


def _colors(peaks: pd.DataFrame) -> dict[str, str]:
    """Colour of every analyte, as an injection that has all of them shows it."""
    first = peaks.drop_duplicates("analyte")
    own = peaks[peaks["injection_id"] == first["injection_id"].iloc[0]] if len(first) else peaks
    by_row = peak_colors(own)
    return {str(own.loc[i, "analyte"]): color for i, color in by_row.items()}


def _legend(
    page: Page, analytes: list[str], colors: Mapping[str, str], labels: Mapping[str, str]
) -> None:
    x, y = MARGIN_PT, page.height - HEADER_PT - 13.0
    for analyte in analytes:
        patch = np.array([[0.0, -0.5], [7.0, -0.5], [7.0, 5.5], [0.0, 5.5]])
        page.fill(patch + np.array([x, y]), colors.get(analyte, "#D9D9D9"))
        text = labels.get(analyte, analyte)
        page.text(x + 9.5, y, text)
        x += text_width_pt(text, SMALL_PT, page.font) + 19.0


def _draw(
    page: Page,
    x: float,
    top: float,
    width: float,
    row: Any,
    trace: Trace | None,
    excluded: frozenset[str],
    labels: Mapping[str, str],
) -> None:
    """One injection: what it is, what to look at, the trace whole and enlarged."""
    what = " ".join(str(p) for p in (row.type, row.animal_id) if p)
    fraction = "" if pd.isna(row.fraction) else f" F{int(row.fraction)}"
    out = row.injection_id in excluded
    title = f"{int(row.order) if pd.notna(row.order) else ''} {what}{fraction}".strip()
    page.text(x, top - 7.0, fitted(title, width, SMALL_PT, page.font), bold=True)
    words = (["left out"] if out else []) + (_words(trace, labels) if trace is not None else [])
    if words:
        lines = wrap("; ".join(words), width, SMALL_PT, page.font)
        text = lines[0] if len(lines) == 1 else fitted(f"{lines[0]} …", width, SMALL_PT, page.font)
        page.text(x, top - 15.0, text, color=WARN)
    upper_y = top - 18.0 - _FULL_PT
    lower_y = upper_y - 4.0 - _ZOOM_PT
    if trace is None:
        Cell(page, x, lower_y, width, top - 18.0 - lower_y, (0, 1), (0, 1)).note("no trace")
        return
    full, zoom = signal_limits(trace.signal, trace.peaks)
    xlim = (float(trace.time_min[0]), float(trace.time_min[-1]))
    # Once for both plots: what is drawn of a trace does not depend on what a plot spans.
    endless = (-math.inf, math.inf)
    marks = trace_marks(trace.time_min, trace.signal, trace.peaks, endless, trace.kind != "blank")
    for limits, bottom, height, ticks in (
        (full, upper_y, _FULL_PT, 2),
        (zoom, lower_y, _ZOOM_PT, 3),
    ):
        cell = Cell(page, x, bottom, width, height, xlim, limits)
        cell.frame()
        cell.yticks(round_ticks(*limits, ticks))
        cell.xticks(round_ticks(*xlim, 6), labels=bottom == lower_y)
        for mark in marks:
            if mark.kind == "fill":
                page.fill(_light(cell.at(mark.x, mark.y)), mark.color, z=mark.z)
                continue
            x_min, y = mark.x, np.clip(mark.y, *limits) if np.isinf(mark.y).any() else mark.y
            if mark is marks[0]:
                x_min, y = cut(x_min, y, *limits)
            points = _light(cell.at(x_min, y, clip=False))
            page.line(points, mark.color, mark.width, mark.dashes, z=mark.z)


def _words(trace: Trace, labels: Mapping[str, str]) -> list[str]:
    """Flags of named peaks, and analytes that were not found."""
    words = []
    for peak in trace.peaks.itertuples(index=False):
        if not peak.analyte:
            continue
        name = labels.get(peak.analyte, peak.analyte)
        flags = serious_flags(peak.flags)
        if not peak.found and trace.kind != "blank":
            words.append(f"{name} not found")
        elif peak.found and flags:
            words.append(f"{name} {', '.join(str(f).replace('_', ' ') for f in flags)}")
    return words


def _light(points: FloatArray) -> FloatArray:
    """Lowest and highest point of every stretch of paper: fewer points, the same picture.

    A polygon that goes out and back (a fitted peak) has few points and is left as it is.
    """
    x = points[:, 0]
    if len(points) < 100 or not np.all(np.diff(x[np.isfinite(x)]) >= 0):
        return points
    bins = np.floor((np.where(np.isfinite(x), x, np.inf) - np.nanmin(x)) / _STRETCH_PT)
    bins[~np.isfinite(bins)] = -1.0
    # A gap (not finite) starts a new stretch and stays.
    edges = np.flatnonzero(np.concatenate([[True], np.diff(bins) != 0]))
    sizes = np.diff(np.concatenate([edges, [len(points)]]))
    if len(edges) > 0.5 * len(points):
        return points
    y = points[:, 1]
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    for start, size in zip(edges.tolist(), sizes.tolist(), strict=True):
        part = y[start : start + size]
        if bins[start] < 0 or size < 3:
            keep[start : start + size] = True
        else:
            keep[start + int(part.argmin())] = True
            keep[start + int(part.argmax())] = True
    return points[keep]
