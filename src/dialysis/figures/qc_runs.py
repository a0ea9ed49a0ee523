"""Retention and internal standard against injection order, run by run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
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
    spread,
)
from dialysis.plotting import OKABE_ITO, SMALL_PT, TEXT_PT, text_width_pt

_PER_PAGE = 6
_ROW_PT = 118.0
_PLOT_PT = 78.0
_COLORS = tuple(
    OKABE_ITO[n]
    for n in ("blue", "vermillion", "bluish green", "reddish purple", "orange", "sky blue", "black")
)
_SHAPES = ("o", "s", "^", "D", "v", "P", "X")
# Marker and face of an injection type: standards filled, samples open.
_TYPES: Mapping[str, tuple[str, str, str]] = {
    "standard": ("s", OKABE_ITO["blue"], OKABE_ITO["blue"]),
    "qc": ("D", OKABE_ITO["vermillion"], OKABE_ITO["vermillion"]),
    "sample": ("o", "#4D4D4D", "#FFFFFF"),
    "blank": ("v", "#8C8C8C", "#FFFFFF"),
}


def run_pages(
    concentrations: pd.DataFrame,
    injections: pd.DataFrame,
    standards: Sequence[str],
    labels: Mapping[str, str],
    font: str,
) -> Iterator[Any]:
    """Draw a row per run: retention of every analyte, and the area of the internal standard."""
    found = concentrations["area"].notna() | concentrations["height"].notna()
    named = concentrations.assign(found=found)
    areas = concentrations[concentrations["analyte"].isin(list(standards))]
    runs = list(dict.fromkeys(injections["run"]))
    analytes = list(dict.fromkeys(named["analyte"]))
    for chosen in pages_of(runs, _PER_PAGE):
        page = Page(HEADER_PT + 34.0 + _ROW_PT * max(len(chosen), 1) + MARGIN_PT - 8.0, font)
        page.header(
            "Runs: retention and internal standard",
            "A good run: a smooth common drift of all analytes on the left, and on the right areas "
            "of the internal standard around 100 without steps. Red marks on the lower edge: not "
            "found (blanks left out).",
        )
        _legend(page, analytes, labels)
        for row, run in enumerate(chosen):
            y = page.height - HEADER_PT - 42.0 - row * _ROW_PT - _PLOT_PT
            _retention(page, y, str(run), named[named["run"] == run], analytes)
            _internal_standard(page, y, areas[areas["run"] == run], standards, labels)
        yield page.figure()


def _legend(page: Page, analytes: Sequence[str], labels: Mapping[str, str]) -> None:
    y = page.height - HEADER_PT - 17.0
    x = MARGIN_PT + 3.0
    for place, analyte in enumerate(analytes):
        color, shape = _COLORS[place % len(_COLORS)], _SHAPES[place % len(_SHAPES)]
        text = labels.get(analyte, analyte)
        page.dots(np.array([[x, y + 2.3]]), shape, 3.2, color)
        page.text(x + 5.0, y, text)
        x += text_width_pt(text, SMALL_PT, page.font) + 14.0
    x = 0.5 * PAGE_WIDTH_PT + 24.0
    for kind, (shape, color, face) in _TYPES.items():
        page.dots(np.array([[x, y + 2.3]]), shape, 3.2, color, face)
        page.text(x + 5.0, y, kind)
        x += text_width_pt(kind, SMALL_PT, page.font) + 14.0


def _order_limits(order: pd.Series) -> tuple[float, float]:
    known = order.dropna()
    return (float(known.min()) - 1.0, float(known.max()) + 1.0) if len(known) else (0.0, 1.0)


def _retention(page: Page, y: float, run: str, rows: pd.DataFrame, analytes: Sequence[str]) -> None:
    page.text(MARGIN_PT, y + _PLOT_PT + 6.0, run, size=TEXT_PT, bold=True)
    x = MARGIN_PT + 20.0
    indent = max(text_width_pt(run, TEXT_PT, page.font, bold=True) + 10.0, 34.0)
    page.text(
        MARGIN_PT + indent,
        y + _PLOT_PT + 6.0,
        "Retention (% from the run's median of each analyte)",
    )
    width = 0.5 * PAGE_WIDTH_PT - x
    found = rows[rows["found"].astype(bool)]
    if len(found) and found["rt_min"].isna().all():
        cell = Cell(page, x, y, width, _PLOT_PT, (0.0, 1.0), (0.0, 1.0))
        cell.frame()
        cell.note("no retention times")
        return
    median = found.groupby("analyte")["rt_min"].median()
    deviation = 100.0 * (found["rt_min"] / found["analyte"].map(median) - 1.0)
    xlim, ylim = _order_limits(rows["order"]), spread(deviation, least=0.5)
    cell = Cell(page, x, y, width, _PLOT_PT, xlim, ylim)
    _axes(cell)
    cell.horizontal(0.0)
    for place, analyte in enumerate(analytes):
        color, shape = _COLORS[place % len(_COLORS)], _SHAPES[place % len(_SHAPES)]
        own = found[found["analyte"] == analyte].sort_values("order", kind="stable")
        points = cell.at(own["order"].astype("float64"), deviation.loc[own.index])
        page.line(points, color, 0.35)
        page.dots(points, shape, 1.8, color)
    lost = rows[~rows["found"].astype(bool) & (rows["type"] != "blank")]
    if len(lost):
        edge = np.full(len(lost), ylim[0])
        page.dots(cell.at(lost["order"].astype("float64"), edge), "|", 4.0, WARN, z=4.0)


def _internal_standard(
    page: Page, y: float, rows: pd.DataFrame, standards: Sequence[str], labels: Mapping[str, str]
) -> None:
    x = 0.5 * PAGE_WIDTH_PT + 24.0
    width = PAGE_WIDTH_PT - MARGIN_PT - x
    known = rows[rows["area"].notna() & ~rows["excluded"].astype(bool)]
    if not len(known):
        cell = Cell(page, x, y, width, _PLOT_PT, (0.0, 1.0), (0.0, 1.0))
        cell.frame()
        cell.note("no internal standard" if not standards else "no area of an internal standard")
        return
    percent = pd.Series(np.nan, index=known.index)
    for _, own in known.groupby("analyte"):
        reference = own.loc[own["type"] == "standard", "area"]
        middle = float((reference if len(reference) else own["area"]).median())
        percent.loc[own.index] = 100.0 * own["area"] / middle
    ylim = (0.0, max(150.0, 1.05 * float(percent.max())))
    cell = Cell(page, x, y, width, _PLOT_PT, _order_limits(rows["order"]), ylim)
    names = "/".join(labels.get(n, n) for n in standards)
    title = f"{names} area (% of the median of the run's standards)"
    page.text(x, y + _PLOT_PT + 6.0, title)
    _axes(cell)
    cell.horizontal(100.0)
    for kind, (shape, color, face) in _TYPES.items():
        own = known[known["type"] == kind]
        points = cell.at(own["order"].astype("float64"), percent.loc[own.index])
        page.dots(points, shape, 2.4, color, face)


def _axes(cell: Cell) -> None:
    cell.frame()
    cell.xticks(round_ticks(*cell.xlim, 8))
    cell.yticks(round_ticks(*cell.ylim, 5))
    middle = cell.x + 0.5 * cell.width
    cell.page.text(middle, cell.y - 11.5, "Injection order", ha="center", va="top")
