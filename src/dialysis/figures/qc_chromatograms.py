"""Chromatograms of every run: a standard, a sample and a blank, with what was integrated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    pages_of,
    round_ticks,
)
from dialysis.figures.traces import Trace, read_traces, trace_of
from dialysis.plotting import SMALL_PT, TEXT_PT, text_width_pt
from dialysis.traceplot import apart, row_name, serious_flags, signal_limits, trace_marks

FloatArray = npt.NDArray[np.float64]
KINDS = ("standard", "sample", "blank")

_PER_PAGE = 4
_ROW_PT = 194.0
_FULL_PT = 62.0
_ZOOM_PT = 44.0
_LEFT_PT = 46.0
_NAMES_PT = 28.0
_PITCH_PT = 8.0


def chromatogram_pages(
    traces: Sequence[Path | str],
    peaks: pd.DataFrame,
    injections: pd.DataFrame,
    calibration_points: pd.DataFrame,
    labels: Mapping[str, str],
    font: str,
) -> Iterator[Any]:
    """Draw a row per run and channel: standard, sample and blank, whole and enlarged.

    Only the traces drawn are read from the files.
    """
    runs = list(dict.fromkeys(injections["run"]))
    chosen = {run: choose_injections(str(run), injections, calibration_points) for run in runs}
    wanted = [name for names in chosen.values() for name in names.values() if name]
    read = read_traces(traces, wanted)
    rows = []
    for run in runs:
        own = read[read["run"] == run]
        for channel in list(dict.fromkeys(own["channel"])) or [""]:
            rows.append((str(run), str(channel), own[own["channel"] == channel]))
    several = any(sum(r == run for r, _, _ in rows) > 1 for run in runs)
    for page_rows in pages_of(rows, _PER_PAGE):
        page = Page(HEADER_PT + 14.0 + _ROW_PT * max(len(page_rows), 1) + MARGIN_PT, font)
        page.header(
            "Chromatograms",
            "Each run's middle standard, middle sample and first blank, and below each the same "
            "enlarged for small peaks (blanks on the sample's scale). Coloured: area (grey: "
            "unknown peak); red: baseline; dotted: not found where expected; red name: flagged; "
            "*: by hand.",
        )
        for place, (run, channel, own) in enumerate(page_rows):
            top = page.height - HEADER_PT - 14.0 - place * _ROW_PT
            name = f"{run}, {channel}" if several else run
            page.text(MARGIN_PT, top - 9.0, name, size=TEXT_PT, bold=True)
            _draw_row(page, top - 12.0, own, chosen[run], peaks, labels)
        yield page.figure()


def choose_injections(
    run: str, injections: pd.DataFrame, calibration_points: pd.DataFrame
) -> dict[str, str]:
    """Choose a run's standard of middle amount, its middle sample and its first blank.

    Returns
    -------
    dict of str to str
        injection_id by kind; empty where the run has none.
    """
    own = injections[injections["run"] == run].sort_values("order", kind="stable")
    points = calibration_points[
        (calibration_points["run"] == run)
        & (calibration_points["role"] == "cal")
        & (calibration_points["amount_fmol"] > 0)
    ]
    if len(points):
        size = points.groupby("injection_id", sort=True)["amount_fmol"].sum()
        standards = list(size.sort_values(kind="stable").index)
    else:
        standards = list(own.loc[own["type"] == "standard", "injection_id"])
    samples = list(own.loc[own["type"] == "sample", "injection_id"])
    blanks = list(own.loc[own["type"] == "blank", "injection_id"])
    return {
        "standard": str(standards[len(standards) // 2]) if standards else "",
        "sample": str(samples[len(samples) // 2]) if samples else "",
        "blank": str(blanks[0]) if blanks else "",
    }


def _draw_row(
    page: Page,
    top: float,
    traces: pd.DataFrame,
    chosen: Mapping[str, str],
    peaks: pd.DataFrame,
    labels: Mapping[str, str],
) -> None:
    pitch = (PAGE_WIDTH_PT - MARGIN_PT - _LEFT_PT + 22.0) / len(KINDS)
    width = pitch - 22.0
    shown = {kind: _shown(kind, chosen[kind], traces, peaks) for kind in KINDS}
    # A blank on its own scale would look like a sample.
    model = shown["sample"] or shown["standard"]
    for column, kind in enumerate(KINDS):
        x = _LEFT_PT + column * pitch
        trace = shown[kind]
        y = top - _NAMES_PT - _FULL_PT - 10.0
        below = y - 14.0 - _ZOOM_PT
        if trace is None:
            cell = Cell(page, x, below, width, y + _FULL_PT - below, (0, 1), (0, 1))
            cell.note("no trace" if chosen[kind] else f"no {kind} in this run")
            continue
        scale = model if kind == "blank" and model is not None else trace
        full, zoom = signal_limits(scale.signal, scale.peaks)
        if kind == "blank":
            full, zoom = _moved(full, trace, scale), _moved(zoom, trace, scale)
        xlim = (float(trace.time_min[0]), float(trace.time_min[-1]))
        upper = Cell(page, x, y, width, _FULL_PT, xlim, full)
        lower = Cell(page, x, below, width, _ZOOM_PT, xlim, zoom)
        sample = f" ({trace.sample_name})" if trace.sample_name else ""
        page.text(x, top + 3.0, f"{kind} {trace.injection_id}{sample}", color="#404040")
        for cell in (upper, lower):
            cell.frame()
            cell.yticks(round_ticks(*cell.ylim, 4))
            _trace(cell, trace)
        lower.xticks(round_ticks(*xlim, 6))
        upper.xticks(round_ticks(*xlim, 6), labels=False)
        _names(upper, trace, labels)
        page.text(x + 0.5 * width, below - 11.5, "Time (min)", ha="center", va="top")
        if column == 0:
            page.text(
                x - 18.0,
                0.5 * (below + y + _FULL_PT),
                f"Signal ({trace.unit})" if trace.unit else "Signal",
                rotation=90.0,
                ha="right",
                va="center",
            )


def _shown(kind: str, injection_id: str, traces: pd.DataFrame, peaks: pd.DataFrame) -> Trace | None:
    rows = traces[traces["injection_id"] == injection_id]
    if not len(rows):
        return None
    own = peaks[peaks["injection_id"] == injection_id]
    return trace_of(rows.iloc[0].to_dict(), own, kind)


def _moved(limits: tuple[float, float], trace: Trace, model: Trace) -> tuple[float, float]:
    """The same span, moved by the difference of the two traces' level."""
    shift = float(np.median(trace.signal) - np.median(model.signal))
    return limits[0] + shift, limits[1] + shift


def _trace(cell: Cell, trace: Trace) -> None:
    """The marks of the trace, in the points of the cell."""
    missing = trace.kind != "blank"
    for mark in trace_marks(trace.time_min, trace.signal, trace.peaks, cell.ylim, missing):
        if mark.kind == "fill":
            cell.page.fill(cell.at(mark.x, mark.y), mark.color, z=mark.z)
        else:
            points = cell.at(mark.x, mark.y, clip=False)
            cell.page.line(points, mark.color, mark.width, mark.dashes, z=mark.z)


def _names(cell: Cell, trace: Trace, labels: Mapping[str, str]) -> None:
    """Names above the plot, moved apart where peaks are close, with a line to each peak."""
    page = cell.page
    found = trace.peaks[trace.peaks["found"].astype(bool) & (trace.peaks["analyte"] != "")]
    found = found.sort_values("rt_min", kind="stable")
    if not len(found):
        return
    rt = found["rt_min"].to_numpy(dtype=np.float64)
    apex = found[["baseline_start", "baseline_end"]].mean(axis=1) + found["height"]
    tips = cell.at(rt, apex.to_numpy(dtype=np.float64))
    places = apart(tips[:, 0], _PITCH_PT, cell.x + 4.0, cell.x + cell.width - 4.0)
    top = cell.y + cell.height
    for row, place, tip in zip(found.itertuples(), places, tips, strict=True):
        text = _fitted(row_name(row, labels), _NAMES_PT - 4.0, page.font)
        color = WARN if serious_flags(row.flags) else "#000000"
        page.text(place, top + 8.0, text, rotation=90.0, ha="center", va="bottom", color=color)
        leader = np.array([[place, top + 7.0], [tip[0], top + 1.0], [tip[0], tip[1] + 1.5]])
        page.line(leader, "#A6A6A6", 0.35, z=1.4)


def _fitted(text: str, room: float, font: str) -> str:
    while len(text) > 2 and text_width_pt(text, SMALL_PT, font) > room:
        text = f"{text[:-2]}…"
    return text
