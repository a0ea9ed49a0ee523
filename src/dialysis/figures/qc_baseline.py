"""Stability of the baseline: variation and trend of every probe against the limits."""

from __future__ import annotations

from collections.abc import Iterator
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
from dialysis.plotting import SMALL_PT, TEXT_PT, GroupStyle, group_styles, text_width_pt
from dialysis.study.groups import group_order

_PER_PAGE = 6
_PLOT_PT = 62.0
_LEFT_PT = 32.0
_GAP_PT = 36.0
_LABEL_PITCH_PT = 7.8


def baseline_pages(
    baseline: pd.DataFrame,
    timecourse: pd.DataFrame,
    max_cv_pct: float,
    max_trend_pct: float,
    font: str,
) -> Iterator[Any]:
    """Draw a row per outcome: coefficient of variation and trend of every probe."""
    outcomes = list(dict.fromkeys(baseline["outcome"]))
    printed = dict(zip(timecourse["outcome"], timecourse["outcome_label"], strict=True))
    styles = group_styles(timecourse) if len(timecourse) else {}
    order = group_order(timecourse) if len(timecourse) else []
    # A probe goes by its animal's name where the animal has no other: the name is shorter.
    several = baseline["probe_id"].nunique() > baseline["animal_id"].nunique()
    baseline = baseline.assign(shown=baseline["probe_id" if several else "animal_id"])
    names = _probes(baseline, order)
    longest = max((text_width_pt(n, SMALL_PT, font) for n in names), default=10.0)
    row_pt = _PLOT_PT + 2.0 * longest + 38.0
    entries = [g for g in order if g in set(baseline["group"])]
    widest = max((text_width_pt(g, SMALL_PT, font) for g in entries), default=0.0) + 16.0
    columns = max(int((PAGE_WIDTH_PT - 2 * MARGIN_PT) // widest), 1)
    legend_pt = 9.0 * -(-len(entries) // columns) + 12.0
    for chosen in pages_of(outcomes, _PER_PAGE):
        page = Page(HEADER_PT + legend_pt + 6.0 + row_pt * max(len(chosen), 1) + MARGIN_PT, font)
        page.header(
            "Baseline stability",
            f"Good: below the dashed limits (CV {max_cv_pct:g} % of the mean; trend ± "
            f"{max_trend_pct:g} % of the mean per fraction, which counts when its p is below "
            "0.05). Red rings: not stable. Red crosses: no percent of baseline.",
        )
        for place, group in enumerate(entries):
            row, column = divmod(place, columns)
            x = MARGIN_PT + 3.0 + column * widest
            y = page.height - HEADER_PT - 18.0 - 9.0 * row
            _dot(page, np.array([[x, y + 2.3]]), styles[group])
            page.text(x + 6.0, y, group)
        for row, outcome in enumerate(chosen):
            y = page.height - HEADER_PT - legend_pt - 30.0 - row * row_pt - _PLOT_PT
            own = baseline[baseline["outcome"] == outcome]
            title = printed.get(outcome, str(outcome))
            page.text(MARGIN_PT, y + _PLOT_PT + 17.0, title, size=TEXT_PT, bold=True)
            width = 0.5 * (PAGE_WIDTH_PT - MARGIN_PT - _LEFT_PT - _GAP_PT)
            values = own["cv_pct"]
            high = max(1.25 * max_cv_pct, 1.08 * float(values.max()) if values.notna().any() else 0)
            left = Cell(
                page, _LEFT_PT + 4.0, y, width, _PLOT_PT, (-0.5, len(names) - 0.5), (0.0, high)
            )
            _cell(
                left,
                own,
                "cv_pct",
                [max_cv_pct],
                names,
                styles,
                "CV of the baseline (% of its mean)",
            )
            limits = spread(own["trend_pct_per_fraction"], least=1.3 * max_trend_pct)
            right = Cell(
                page, left.x + width + _GAP_PT, y, width, _PLOT_PT, (-0.5, len(names) - 0.5), limits
            )
            _cell(
                right,
                own,
                "trend_pct_per_fraction",
                [-max_trend_pct, 0.0, max_trend_pct],
                names,
                styles,
                "Trend of the baseline (% of its mean per fraction)",
            )
        yield page.figure()


def _probes(baseline: pd.DataFrame, order: list[str]) -> list[str]:
    """Probes by group, then by name, so that groups stand together."""
    unique = baseline.drop_duplicates("shown")
    rank = unique["group"].map({group: place for place, group in enumerate(order)})
    ordered = unique.assign(rank=rank).sort_values(["rank", "shown"], kind="stable")
    return [str(name) for name in ordered["shown"]]


def _cell(
    cell: Cell,
    rows: pd.DataFrame,
    column: str,
    limits: list[float],
    names: list[str],
    styles: dict[str, GroupStyle],
    label: str,
) -> None:
    page = cell.page
    cell.frame()
    cell.yticks(round_ticks(*cell.ylim, 4))
    page.text(cell.x, cell.y + cell.height + 6.0, label)
    for limit in limits:
        cell.horizontal(limit, *(("#D9D9D9", ()) if limit == 0 else ()))
    # Names stand in two rows by turns, so that those of forty probes fit.
    pitch = cell.width / max(len(names), 1)
    every = max(int(np.ceil(0.5 * _LABEL_PITCH_PT / pitch)), 1)
    longest = max(text_width_pt(name, SMALL_PT, page.font) for name in names) if names else 0.0
    for turn, place in enumerate(range(0, len(names), every)):
        (point,) = cell.at([place], [cell.ylim[0]])
        drop = 3.0 if turn % 2 == 0 else 5.0 + longest
        page.line(np.array([point, point - [0.0, drop - 1.0]]), "#BFBFBF", 0.35)
        page.text(point[0], point[1] - drop, names[place], rotation=90.0, ha="center", va="top")
    at = {name: place for place, name in enumerate(names)}
    x = rows["shown"].map(at).to_numpy(dtype=np.float64)
    y = rows[column].to_numpy(dtype=np.float64)
    groups = rows["group"].to_numpy()
    for group, style in styles.items():
        own = groups == group
        _dot(page, cell.at(x[own], y[own]), style)
    shaky = (~rows["stable"].fillna(True).astype(bool)).to_numpy()
    page.dots(cell.at(x[shaky], y[shaky]), "o", 6.0, WARN, "none", z=4.0)
    undefined = (~rows["usable"].astype(bool)).to_numpy()
    level = np.where(np.isfinite(y), y, cell.ylim[0])
    page.dots(cell.at(x[undefined], level[undefined]), "x", 4.5, WARN, z=4.0)


def _dot(page: Page, points: np.ndarray, style: GroupStyle) -> None:
    page.dots(points, style.marker, 3.0, style.color, style.face)
