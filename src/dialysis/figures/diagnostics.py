"""Does the model fit: residuals, their distribution, their correlation in time, influence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.panelplot import MARKER_DEFAULT_PT, MARKER_PT
from dialysis.plotting import (
    OKABE_ITO,
    POINTS_PER_MM,
    SMALL_PT,
    TEXT_PT,
    figure_width_mm,
    group_styles,
    new_figure,
    text_width_pt,
)

_HEIGHT_PT = 96.0
_LEFT_PT = 36.0
_GAP_PT = 42.0
_LEGEND_PT = 10.0
_NAMED = 3


def draw_diagnostics(
    heads: pd.DataFrame,
    residuals: pd.DataFrame,
    variogram: pd.DataFrame,
    influence: pd.DataFrame,
    config: Mapping[str, Any],
) -> Any:
    """Draw four plots of the outcome's model.

    Parameters
    ----------
    heads : DataFrame
        ``group`` rows of FIGURE_DATA: names, order and look of the groups.
    residuals, variogram, influence : DataFrame
        Of `dialysis.tables.stats`.
    config : mapping
        The ``figures`` section: ``journal``, ``font``.

    Returns
    -------
    matplotlib.figure.Figure
        Residuals against fitted values, Q–Q plot of the whitened residuals, semivariance against
        lag with what the fitted covariance expects, Cook's distance of every animal.
    """
    font = str(config.get("font", "DejaVu Sans"))
    ordered = heads[heads["row"] == "group"].sort_values("group_order")
    styles = group_styles(ordered)
    page = figure_width_mm(config, "double") * POINTS_PER_MM
    width = (page - _LEFT_PT - 5.0 - 3 * _GAP_PT) / 4.0
    names = dict(zip(ordered["group"], ordered["group_label"], strict=True))
    rows = _legend_rows(names, page - 8.0, font)
    bottom, top = 24.0, 14.0 + _LEGEND_PT * len(rows)
    height = bottom + _HEIGHT_PT + top
    figure = new_figure(page / POINTS_PER_MM, height / POINTS_PER_MM)
    axes = [
        figure.add_axes(
            (
                (_LEFT_PT + k * (width + _GAP_PT)) / page,
                bottom / height,
                width / page,
                _HEIGHT_PT / height,
            )
        )
        for k in range(4)
    ]
    _residuals(axes[0], residuals, styles)
    _quantiles(axes[1], residuals, styles)
    _variogram(axes[2], variogram)
    _influence(axes[3], influence, styles)
    for letter, each in zip("abcd", axes, strict=True):
        each.set_title(letter, loc="left", x=-0.28, fontsize=TEXT_PT + 1, weight="bold", pad=3.0)
    _legend(figure, rows, names, styles, (page, height), font)
    return figure


def _few_ticks(axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def _empty(axes: Any, what: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, what, transform=axes.transAxes, ha="center", va="center", fontsize=SMALL_PT)


def _by_group(
    axes: Any, rows: pd.DataFrame, x: str, y: str, styles: Mapping[str, Any], size: float = 0.62
) -> None:
    for group, style in styles.items():
        own = rows[rows["group"] == group]
        axes.plot(
            own[x],
            own[y],
            linestyle="none",
            marker=style.marker,
            markersize=size * MARKER_PT.get(style.marker, MARKER_DEFAULT_PT),
            markerfacecolor=style.face,
            markeredgecolor=style.color,
            markeredgewidth=0.4,
        )


def _residuals(axes: Any, residuals: pd.DataFrame, styles: Mapping[str, Any]) -> None:
    axes.set_xlabel("Fitted ln(ratio to baseline)")
    axes.set_ylabel("Residual")
    if not len(residuals):
        _empty(axes, "no model")
        return
    axes.axhline(0.0, color="#7F7F7F", linewidth=0.6, dashes=(5, 3), zorder=1.0)
    _by_group(axes, residuals, "fitted", "residual", styles)
    _few_ticks(axes)


def _quantiles(axes: Any, residuals: pd.DataFrame, styles: Mapping[str, Any]) -> None:
    axes.set_xlabel("Normal quantile")
    axes.set_ylabel("Whitened residual", labelpad=1.0)
    known = residuals[residuals["scaled_residual"].notna() & residuals["normal_quantile"].notna()]
    if not len(known):
        _empty(axes, "no model")
        return
    reach = float(np.abs(known[["scaled_residual", "normal_quantile"]].to_numpy()).max()) * 1.06
    axes.plot([-reach, reach], [-reach, reach], color="#7F7F7F", linewidth=0.6, zorder=1.0)
    _by_group(axes, known, "normal_quantile", "scaled_residual", styles)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    _few_ticks(axes)


def _variogram(axes: Any, variogram: pd.DataFrame) -> None:
    axes.set_xlabel("Lag (min)")
    axes.set_ylabel("Semivariance")
    known = variogram[variogram["semivariance"].notna()].sort_values("lag_min")
    if not len(known):
        _empty(axes, "no pairs")
        return
    sizes = 1.6 + 2.6 * np.sqrt(known["n_pairs"].to_numpy(float) / float(known["n_pairs"].max()))
    axes.scatter(
        known["lag_min"], known["semivariance"], s=sizes**2, facecolor="#FFFFFF",
        edgecolor="#262626", linewidth=0.7, zorder=3.0,
    )  # fmt: skip
    axes.plot(
        known["lag_min"], known["fitted_semivariance"], color=OKABE_ITO["vermillion"], linewidth=1.0
    )
    axes.set_ylim(bottom=0.0)
    axes.set_xlim(left=0.0)
    _few_ticks(axes)


def _influence(axes: Any, influence: pd.DataFrame, styles: Mapping[str, Any]) -> None:
    axes.set_xlabel("Animals by group")
    axes.set_ylabel("Cook's distance")
    known = influence[influence["cooks_distance"].notna()]
    if not len(known):
        _empty(axes, "not computed")
        return
    rank = {group: place for place, group in enumerate(styles)}
    known = known.assign(rank=known["group"].map(rank))
    known = known.sort_values(["rank", "animal_id"], kind="stable")
    known["x"] = np.arange(len(known), dtype=np.float64)
    colors = [styles[group].color for group in known["group"]]
    axes.vlines(known["x"], 0.0, known["cooks_distance"], colors=colors, linewidth=0.6, zorder=2.0)
    _by_group(axes, known, "x", "cooks_distance", styles)
    top = float(known["cooks_distance"].max()) or 1.0
    axes.set_ylim(0.0, 1.18 * top)
    axes.set_xlim(-1.0, len(known))
    taken: list[float] = []
    for row in known.nlargest(_NAMED, "cooks_distance").itertuples(index=False):
        if any(abs(row.x - x) < 0.2 * len(known) for x in taken):
            continue
        taken.append(row.x)
        side = "left" if row.x < 0.1 * len(known) else "right" if row.x > 0.9 * len(known) else ""
        axes.text(
            row.x,
            row.cooks_distance + 0.04 * top,
            row.animal_id,
            ha=side or "center",
            va="bottom",
            fontsize=SMALL_PT,
        )
    _few_ticks(axes)
    axes.set_xticks([])


def _legend_rows(names: Mapping[str, str], room: float, font: str) -> list[list[str]]:
    rows: list[list[str]] = [[]]
    used = 0.0
    for group, name in names.items():
        need = text_width_pt(name, SMALL_PT, font) + 20.0
        if rows[-1] and used + need > room:
            rows.append([])
            used = 0.0
        rows[-1].append(group)
        used += need
    return rows


def _legend(
    figure: Any,
    rows: list[list[str]],
    names: Mapping[str, str],
    styles: Mapping[str, Any],
    page: tuple[float, float],
    font: str,
) -> None:
    from dialysis.figures.panelplot import draw_marker, in_points

    points = in_points(figure)
    for line, groups in enumerate(rows):
        x, y = 6.0, page[1] - _LEGEND_PT * (line + 1) + 1.0
        for group in groups:
            draw_marker(figure, points, x + 3.0, y + 2.3, styles[group])
            figure.text(x + 9.0, y, names[group], transform=points, fontsize=SMALL_PT)
            x += text_width_pt(names[group], SMALL_PT, font) + 20.0
