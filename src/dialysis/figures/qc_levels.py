"""Basal levels: every animal's baseline by group, so that imbalance between groups shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from dialysis.figures.cells import pages_of
from dialysis.plotting import SMALL_PT, TEXT_PT, group_styles, new_figure, text_width_pt
from dialysis.study.groups import group_order

_COLUMNS = 3
_PER_PAGE = 9
_PAGE_MM = 190.0
_PLOT_MM = 42.0
_ROW_MM = 54.0
# Where a group's mean stands beside its markers, of the distance between groups.
_MEAN_AT = 0.45
_MM_PER_PT = 25.4 / 72.0
_HEADER_MM = 20.0


def level_pages(baseline: pd.DataFrame, timecourse: pd.DataFrame, font: str) -> Iterator[Any]:
    """Draw a plot per outcome: one marker per probe, the group's mean ± SEM beside them.

    Parameters
    ----------
    baseline : DataFrame
        `dialysis.tables.normalize.BASELINE`; rows that are not usable are left out.
    timecourse : DataFrame
        `dialysis.tables.normalize.TIMECOURSE`, for labels, styles and the order of groups.
    font : str
        Font family.
    """
    styles = group_styles(timecourse) if len(timecourse) else {}
    order = group_order(timecourse) if len(timecourse) else []
    printed = dict(zip(timecourse["outcome"], timecourse["outcome_label"], strict=True))
    outcomes = list(dict.fromkeys(baseline["outcome"]))
    order = [group for group in order if group in set(baseline["group"])]
    widest_mm = max((text_width_pt(g, SMALL_PT, font) for g in order), default=0.0) * _MM_PER_PT
    columns = max(int((_PAGE_MM - 10.0) // (widest_mm + 7.0)), 1)
    header_mm = _HEADER_MM + 3.4 * -(-len(order) // columns)
    for chosen in pages_of(outcomes, _PER_PAGE):
        rows = max(-(-len(chosen) // _COLUMNS), 1)
        height_mm = header_mm + rows * _ROW_MM
        figure = new_figure(_PAGE_MM, height_mm)
        _head(figure, height_mm)
        _legend(figure, height_mm, order, styles, columns)
        for place, outcome in enumerate(chosen):
            row, column = divmod(place, _COLUMNS)
            left_mm = 17.0 + column * (_PAGE_MM - 6.0) / _COLUMNS
            top_mm = header_mm + 6.0 + row * _ROW_MM
            axes = figure.add_axes(
                (
                    left_mm / _PAGE_MM,
                    1.0 - (top_mm + _PLOT_MM) / height_mm,
                    ((_PAGE_MM - 6.0) / _COLUMNS - 19.0) / _PAGE_MM,
                    _PLOT_MM / height_mm,
                )
            )
            own = baseline[(baseline["outcome"] == outcome) & baseline["usable"]]
            _draw(axes, own, order, styles)
            axes.set_title(printed.get(outcome, outcome), fontsize=TEXT_PT, loc="left")
            unit = str(own["conc_unit"].iloc[0]) if len(own) else ""
            axes.set_ylabel(f"Basal level ({unit})" if unit else "Basal level", fontsize=SMALL_PT)
        yield figure


def _head(figure: Any, height_mm: float) -> None:
    left = 5.0 / _PAGE_MM
    figure.text(left, 1 - 5 / height_mm, "Basal levels", fontsize=9, weight="bold", va="top")
    figure.text(
        left,
        1 - 10 / height_mm,
        "Every animal's baseline by group, with the group's mean ± SEM. Described, never tested:\n"
        "the model compares animals of the same basal level. Look for groups that start apart.",
        fontsize=SMALL_PT,
        color="#444444",
        va="top",
    )


def _legend(
    figure: Any, height_mm: float, order: list[str], styles: dict[str, Any], columns: int
) -> None:
    """The groups' markers, row by row."""
    from matplotlib.lines import Line2D

    pitch_mm = (_PAGE_MM - 10.0) / columns
    for place, group in enumerate(order):
        row, column = divmod(place, columns)
        x_mm, y_mm = 6.0 + column * pitch_mm, height_mm - _HEADER_MM - 3.4 * row
        style = styles[group]
        figure.add_artist(
            Line2D(
                [x_mm / _PAGE_MM],
                [y_mm / height_mm],
                marker=style.marker,
                markersize=3.6,
                markeredgewidth=0.6,
                markeredgecolor=style.color,
                markerfacecolor=style.face,
                linestyle="none",
            )
        )
        figure.text(
            (x_mm + 2.0) / _PAGE_MM,
            y_mm / height_mm,
            group,
            fontsize=SMALL_PT,
            va="center_baseline",
        )


def _draw(axes: Any, own: pd.DataFrame, order: list[str], styles: dict[str, Any]) -> None:
    import numpy as np
    import seaborn as sns

    axes.tick_params(labelsize=SMALL_PT)
    sns.despine(ax=axes)
    if not len(own):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no usable baseline", transform=axes.transAxes, ha="center",
                  fontsize=SMALL_PT)  # fmt: skip
        return
    for group in order:
        style = styles[group]
        sns.swarmplot(
            data=own[own["group"] == group],
            x="group",
            y="baseline",
            order=order,
            ax=axes,
            marker=style.marker,
            size=3.2,
            linewidth=0.6,
            edgecolor=style.color,
            color=style.face,
            warn_thresh=1.0,
        )
    values = own.groupby("group")["baseline"].agg(["mean", "sem"]).reindex(order)
    axes.errorbar(
        np.arange(len(order)) + _MEAN_AT,
        values["mean"],
        yerr=values["sem"].fillna(0.0),
        fmt="_",
        markersize=5,
        color="#000000",
        elinewidth=0.8,
        capsize=0,
    )
    axes.set_ylim(bottom=0)
    axes.set_xlim(-0.6, len(order) - 0.2)
    axes.set_xlabel("")
    axes.set_xticks([])
