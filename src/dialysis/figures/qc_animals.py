"""Raw concentration against time, for every probe and analyte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.cells import (
    BAND,
    HEADER_PT,
    MARGIN_PT,
    PAGE_WIDTH_PT,
    WARN,
    Cell,
    Page,
    pages_of,
    round_ticks,
    wrap,
)
from dialysis.figures.scales import time_ticks
from dialysis.plotting import OKABE_ITO, SMALL_PT, TEXT_PT, text_width_pt
from dialysis.study.start import marks

_PER_PAGE = 7
_COLUMNS = 6
_ROW_PT = 94.0
_PLOT_PT = 60.0
_LEFT_PT = 88.0
_LINE = OKABE_ITO["blue"]
_FLAG = OKABE_ITO["orange"]


def animal_pages(timecourse: pd.DataFrame, labels: Mapping[str, str], font: str) -> Iterator[Any]:
    """Draw a row per probe and a column per analyte: the level before any division."""
    rows = timecourse[timecourse["kind"] == "analyte"]
    every = list(dict.fromkeys(rows["analyte"]))
    probes = list(dict.fromkeys(rows.sort_values("probe_id")["probe_id"]))
    units = " and ".join(dict.fromkeys(rows["conc_unit"])) or "no unit"
    units = "; ".join((units, *marks(rows["source"], rows["conc_unit"])))
    times = rows["time_min"]
    xlim = (float(times.min()) - 8.0, float(times.max()) + 8.0) if len(rows) else (0.0, 1.0)
    by_cell = dict(list(rows.groupby(["probe_id", "analyte"], sort=False)))
    for analytes in pages_of(every, _COLUMNS):
        pitch = (PAGE_WIDTH_PT - MARGIN_PT - _LEFT_PT) / max(len(analytes), 1)
        for chosen in pages_of(probes, _PER_PAGE):
            page = Page(HEADER_PT + 32.0 + _ROW_PT * max(len(chosen), 1) + MARGIN_PT, font)
            page.header(
                "Animals: level against time",
                f"Level in the dialysate ({units}) against minutes from the dose (dashed), each "
                "plot on its own scale. Shaded: baseline fractions, with their mean. Good: a flat "
                "baseline and no jump where a vial or a run changes.",
            )
            _legend(page)
            for row, probe in enumerate(chosen):
                y = page.height - HEADER_PT - 34.0 - row * _ROW_PT - _PLOT_PT - 10.0
                own = rows[rows["probe_id"] == probe]
                _name(page, y, own)
                for column, analyte in enumerate(analytes):
                    x = _LEFT_PT + column * pitch + 22.0
                    page.text(x, y + _PLOT_PT + 4.0, labels.get(analyte, analyte), bold=True)
                    _cell(page, x, y, pitch - 28.0, by_cell.get((probe, analyte)), xlim)
            if not len(rows):
                Cell(page, MARGIN_PT, MARGIN_PT, 300.0, 40.0, (0, 1), (0, 1)).note("no sample")
            yield page.figure()


def _legend(page: Page) -> None:
    x, y = MARGIN_PT + 3.0, page.height - HEADER_PT - 20.5
    entries = (
        ("o", _LINE, _LINE, "used"),
        ("v", _LINE, "#FFFFFF", "below the limit of detection"),
        ("o", _FLAG, "none", "flagged"),
        ("x", WARN, WARN, "left out"),
        ("|", WARN, WARN, "no value"),
    )
    for shape, color, face, text in entries:
        page.dots(np.array([[x, y + 2.3]]), shape, 3.2, color, face)
        page.text(x + 5.0, y, text)
        x += text_width_pt(text, SMALL_PT, page.font) + 16.0


def _name(page: Page, y: float, own: pd.DataFrame) -> None:
    first = own.iloc[0]
    probe, animal = str(first["probe_id"]), str(first["animal_id"])
    top = y + _PLOT_PT - 3.0
    page.text(MARGIN_PT, top, probe, size=TEXT_PT, bold=True)
    lines = [] if animal == probe else [animal]
    lines += wrap(str(first["group"]), _LEFT_PT - MARGIN_PT - 4.0, SMALL_PT, page.font)
    if first["region"]:
        lines += wrap(str(first["region"]), _LEFT_PT - MARGIN_PT - 4.0, SMALL_PT, page.font)
    for place, line in enumerate(lines[:6]):
        page.text(MARGIN_PT, top - 9.0 - 8.2 * place, line)
    if not own["used"].astype(bool).any():
        page.text(MARGIN_PT, top - 9.0 - 8.2 * len(lines[:6]), "left out", color=WARN, bold=True)


def _cell(
    page: Page,
    x: float,
    y: float,
    width: float,
    rows: pd.DataFrame | None,
    xlim: tuple[float, float],
) -> None:
    if rows is None:
        cell = Cell(page, x, y, width, _PLOT_PT, (0.0, 1.0), (0.0, 1.0))
        cell.note("not measured")
        return
    ordered = rows.sort_values("time_min", kind="stable")
    time = ordered["time_min"].to_numpy(dtype=np.float64)
    conc = ordered["conc"].to_numpy(dtype=np.float64)
    used = ordered["used"].fillna(False).to_numpy(dtype=bool)
    censored = ordered["censored"].fillna(False).to_numpy(dtype=bool)
    known = conc[np.isfinite(conc)]
    high = float(known.max()) * 1.1 if known.size and known.max() > 0 else 1.0
    low = min(0.0, 1.1 * float(known.min())) if known.size else 0.0
    cell = Cell(page, x, y, width, _PLOT_PT, xlim, (low, high))
    window = ordered[ordered["period"] == "baseline"]
    if len(window):
        half = 0.5 * window["duration_min"].to_numpy(dtype=np.float64)
        at = window["time_min"].to_numpy(dtype=np.float64)
        start, end = float((at - half).min()), float((at + half).max())
        cell.band(max(start, xlim[0]), min(end, xlim[1]), BAND)
        level = ordered["baseline"].dropna()
        if len(level):
            value = float(level.iloc[0])
            page.line(cell.at([start, end], [value, value]), "#4D4D4D", 0.6)
    cell.frame()
    cell.vertical(0.0)
    cell.xticks(time_ticks(*xlim, 3))
    cell.yticks(round_ticks(low, high, 3))
    limit = ordered["limit"].dropna()
    if len(limit):
        cell.horizontal(float(limit.median()), "#B0B0B0", (1.0, 1.5))
    page.line(cell.at(time, np.where(used, conc, np.nan)), _LINE, 0.6)
    kept = used & ~censored
    page.dots(cell.at(time[kept], conc[kept]), "o", 2.0, _LINE)
    marked = used & censored
    page.dots(cell.at(time[marked], conc[marked]), "v", 2.8, _LINE, "#FFFFFF")
    flagged = used & (ordered["flags"].fillna("").to_numpy() != "") & np.isfinite(conc)
    page.dots(cell.at(time[flagged], conc[flagged]), "o", 4.4, _FLAG, "none", z=2.9)
    out = ~used & np.isfinite(conc)
    page.dots(cell.at(time[out], conc[out]), "x", 2.6, WARN, z=4.0)
    gone = ~np.isfinite(conc)
    page.dots(cell.at(time[gone], np.full(int(gone.sum()), low)), "|", 4.0, WARN, z=4.0)
