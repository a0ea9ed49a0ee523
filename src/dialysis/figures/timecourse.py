"""Draw the time course of one outcome from its source data."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.panels import (
    Panel,
    Scale,
    legend_label,
    panels_of,
    percent_scale,
    time_ticks,
)
from dialysis.plotting import (
    MIN_TEXT_PT,
    POINTS_PER_MM,
    SMALL_PT,
    TEXT_PT,
    WIDTHS_MM,
    GroupStyle,
    group_styles,
    new_figure,
    text_width_pt,
)

X_LABEL = "Time from dose (min)"
Y_UNIT = "(% of baseline)"
ARROW_PT = 10.0

_EDGE_PT = 3.0
_LEGEND_ROW_PT = 9.0
_HANDLE_PT = 15.0
_STAR_PT = 7.0
_STAR_ROW_PT = 8.6
_STACKED_LINE = 0.5
_LABEL_ROW_PT = 9.0
_PANEL_GAP_PT = 9.0
_NARROWEST_PANEL_PT = 112.0
_ONE_COLUMN_LEGEND = 4
_PAGE_PT = 235.0 * POINTS_PER_MM


# Equal sizes in points look unequal: a square covers more than a diamond of the same height.
_MARKER_PT = {"s": 3.3, "o": 3.7, "D": 3.1, "^": 3.9, "v": 3.9, "<": 3.9, ">": 3.9, "P": 4.1}


@dataclass(frozen=True)
class _Look:
    """What the panels of one figure share."""

    font: str
    individuals: bool
    styles: Mapping[str, GroupStyle]
    heads: pd.DataFrame
    scale: Scale
    limits: tuple[float, float]
    ticks: tuple[float, ...]
    spacing_min: float
    grid: tuple[int, ...]
    stacked: bool
    marks: str


@dataclass(frozen=True)
class _Layout:
    """Sizes of a figure in points."""

    width: float
    height: float
    left: float
    bottom: float
    columns: int
    axes_width: float
    axes_height: float
    row_gap: float
    star_height: float
    above: float


def draw_timecourse(source: pd.DataFrame, config: Mapping[str, Any]) -> Any:
    """Draw percent of baseline against time from the dose.

    Parameters
    ----------
    source : DataFrame
        `dialysis.tables.figures.SOURCE_DATA` of one outcome.
    config : mapping
        The ``figures`` section: ``width``, ``font``, ``individuals``.

    Returns
    -------
    matplotlib.figure.Figure
        To be drawn and saved inside `dialysis.plotting.style`.

    Notes
    -----
    Means with error bars, every animal thin behind, a dashed line at 100 and an arrow at the
    dose.  Means are moved sideways by a small, constant step per group so that error bars don't
    cover each other; individual values stay at their times.  Stars stand in one row per group
    above the axes, where no data can be, behind the group's marker.  What the numbers are not
    from traces and calibration is said in small print in the lower left corner.
    """
    font = str(config.get("font", "DejaVu Sans"))
    heads = source[source["row"] == "group"].sort_values("group_order")
    shown = source[source["row"] != "group"]
    panels = panels_of(heads)
    width = WIDTHS_MM[str(config.get("width", "one_and_half"))] * POINTS_PER_MM
    look, layout = _plan(heads, shown, panels, width, font, bool(config.get("individuals", True)))
    figure = new_figure(layout.width / POINTS_PER_MM, layout.height / POINTS_PER_MM)
    rows = -(-len(panels) // layout.columns)
    block = layout.axes_height + layout.row_gap
    for place, panel in enumerate(panels):
        row, column = divmod(place, layout.columns)
        x = layout.left + column * (layout.axes_width + _PANEL_GAP_PT)
        y = layout.bottom + (rows - 1 - row) * block
        axes = figure.add_axes(
            (
                x / layout.width,
                y / layout.height,
                layout.axes_width / layout.width,
                layout.axes_height / layout.height,
            )
        )
        _draw_axes(axes, look, first_column=column == 0)
        lowest = place + layout.columns >= len(panels)
        if lowest:
            axes.set_xlabel(X_LABEL, fontsize=TEXT_PT)
        if column == 0:
            label = _axis_label(str(source["outcome_label"].iloc[0]), layout.axes_height, font)
            axes.set_ylabel(label, fontsize=TEXT_PT, linespacing=1.15)
        _draw_data(axes, shown, panel, place, look)
        if not shown["group"].isin(panel.groups).any():
            axes.text(
                *(0.5, 0.5), "no value to show", transform=axes.transAxes, ha="center", va="center"
            ).set_gid(f"panel{place + 1}-empty")
        _draw_above(figure, axes, (x, y + layout.axes_height), shown, panel, place, look, layout)
    if look.marks:
        note = figure.text(
            _EDGE_PT / layout.width,
            _EDGE_PT / layout.height,
            look.marks,
            va="baseline",
            fontsize=MIN_TEXT_PT,
            color="#404040",
        )
        note.set_gid("marks")
    return figure


def figure_scale(source: pd.DataFrame, config: Mapping[str, Any]) -> Scale:
    """Return the axis of percent of baseline that `draw_timecourse` takes."""
    heads = source[source["row"] == "group"].sort_values("group_order")
    shown = source[source["row"] != "group"]
    width = WIDTHS_MM[str(config.get("width", "one_and_half"))] * POINTS_PER_MM
    font, individuals = (
        str(config.get("font", "DejaVu Sans")),
        bool(config.get("individuals", True)),
    )
    return _plan(heads, shown, panels_of(heads), width, font, individuals)[0].scale


def _plan(
    heads: pd.DataFrame,
    shown: pd.DataFrame,
    panels: Sequence[Panel],
    width: float,
    font: str,
    individuals: bool,
) -> tuple[_Look, _Layout]:
    """Sizes, limits and ticks."""
    drawn = shown if individuals else shown[shown["row"] == "mean"]
    means = shown[shown["row"] == "mean"]
    grid = tuple(int(i) for i in sorted(shown["time_index"].dropna().unique()))
    times = [float(shown.loc[shown["time_index"] == i, "time_min"].mean()) for i in grid]
    spacing = float(np.median(np.diff(times))) if len(times) > 1 else 20.0
    low = min([*shown["time_min"].dropna(), 0.0]) - 0.6 * spacing
    high = max([*shown["time_min"].dropna(), 0.0]) + 0.6 * spacing

    label = str(heads["outcome_label"].iloc[0])
    for label_lines in (2, 1):
        columns, axes_width, left = _columns(width, len(panels), len(grid), label_lines)
        natural = min(max(0.74 * axes_width, 100.0), 150.0)
        if "\n" in _axis_label(label, natural, font):
            break
    spacing_pt = spacing / (high - low) * axes_width
    star_widths = [text_width_pt(s, _STAR_PT, font) for s in set(means["stars"]) - {""}]
    stacked = bool(star_widths) and spacing_pt < max(star_widths) + 1.0
    star_rows = max(
        sum(g in set(means.loc[means["stars"] != "", "group"]) for g in panel.groups)
        for panel in panels
    )
    tallest = max((len(s) for s in means["stars"]), default=1)
    star_height = _STAR_ROW_PT
    if stacked:
        star_height = _STAR_ROW_PT + (tallest - 1) * _STACKED_LINE * 1.2 * _STAR_PT
    legend_rows = max(len(_legend_lines(heads, panel, axes_width, font)[0]) for panel in panels)
    above = (
        (_LABEL_ROW_PT + 1.0 if panels[0].heading else 0.0)
        + legend_rows * _LEGEND_ROW_PT
        + star_rows * star_height
        + 4.0
    )
    rows = -(-len(panels) // columns)
    bottom = _EDGE_PT + _LABEL_ROW_PT + 2.5 + _LABEL_ROW_PT + 2.5
    marks = str(heads["marks"].iloc[0]).replace(";", " · ")
    if marks:
        bottom += _LABEL_ROW_PT
    row_gap = above + _LABEL_ROW_PT + 10.0
    free = (_PAGE_PT - bottom - above - _EDGE_PT - (rows - 1) * row_gap) / rows
    axes_height = max(min(natural, free), 62.0)
    height = bottom + rows * axes_height + (rows - 1) * row_gap + above + _EDGE_PT

    beside = drawn.loc[drawn["time_min"].abs() <= spacing, "pct_of_baseline"]
    arrow_part = (ARROW_PT + 3.0) / axes_height
    ends = pd.concat([means["low_pct"], means["high_pct"]])
    scale = percent_scale(drawn["pct_of_baseline"], ends, beside, arrow_part)
    label_width = max(text_width_pt(f"{t:g}", SMALL_PT, font) for t in (low // 1, high // 1)) + 8.0
    most = min(max(int(axes_width // label_width), 2), 9)
    ticks = time_ticks(low, high, most) if grid else (0.0,)
    look = _Look(
        font=font,
        individuals=individuals,
        styles=group_styles(heads),
        heads=heads.set_index("group", drop=False),
        scale=scale,
        limits=(low, high),
        ticks=ticks,
        spacing_min=spacing,
        grid=grid,
        stacked=stacked,
        marks=marks,
    )
    layout = _Layout(
        width=width,
        height=height,
        left=left,
        bottom=bottom,
        columns=columns,
        axes_width=axes_width,
        axes_height=axes_height,
        row_gap=row_gap,
        star_height=star_height,
        above=above,
    )
    return look, layout


def _columns(
    width: float, n_panels: int, n_times: int, label_lines: int
) -> tuple[int, float, float]:
    """Columns of panels, width of the axes and left margin, points.

    As many columns as leave a panel its narrowest readable width, which grows with the number of
    fractions: stars of neighbouring fractions need 4 pt each.
    """
    left = _EDGE_PT + label_lines * 8.6 + 4.0 + 17.0 + 5.0
    right = _EDGE_PT + 5.0
    needed = max(_NARROWEST_PANEL_PT, 4.2 * (n_times + 1))
    usable = width - left - right
    most = max(int((usable + _PANEL_GAP_PT) // (needed + _PANEL_GAP_PT)), 1)
    rows = -(-n_panels // min(most, n_panels))
    columns = -(-n_panels // rows)
    return columns, (usable - (columns - 1) * _PANEL_GAP_PT) / columns, left


def _axis_label(outcome: str, height: float, font: str) -> str:
    """Label of the percent axis: the outcome and what the percent is of, in two lines or one."""
    one = f"{outcome} {Y_UNIT}"
    if text_width_pt(one, TEXT_PT, font) <= height:
        return one
    if text_width_pt(outcome, TEXT_PT, font) <= height:
        return f"{outcome}\n{Y_UNIT}"
    letters = max(int(height / (text_width_pt(outcome, TEXT_PT, font) / len(outcome))), 8)
    first, *more = textwrap.wrap(outcome, letters, break_long_words=False)
    return f"{first}\n{' '.join(more)} {Y_UNIT}" if more else f"{first}\n{Y_UNIT}"


def _legend_lines(
    heads: pd.DataFrame, panel: Panel, width: float, font: str
) -> tuple[list[list[tuple[str, str]]], float]:
    """Legend of a panel: rows of (group, text) cells, and the width of a cell in points."""
    by_group = heads.set_index("group", drop=False)
    entries = [(group, legend_label(by_group.loc[group], panel)) for group in panel.groups]
    widest = max(text_width_pt(text, SMALL_PT, font) for _, text in entries) + _HANDLE_PT + 8.0
    # Side by side only where it saves enough rows to be worth reading across.
    columns = max(int(width // widest), 1) if len(entries) > _ONE_COLUMN_LEGEND else 1
    per_column = -(-len(entries) // columns)
    if columns == 1:
        rows = [
            [(group if not more else "", line)]
            for group, text in entries
            for more, line in enumerate(_wrapped(text, width - _HANDLE_PT, font))
        ]
        return rows, width
    rows = [[entries[i] for i in range(row, len(entries), per_column)] for row in range(per_column)]
    return rows, widest


def _wrapped(text: str, width: float, font: str) -> list[str]:
    """Break a legend entry into lines that fit into `width` points."""
    lines = [""]
    for word in text.replace("(n = ", "(n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}").split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width_pt(longer, SMALL_PT, font) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _draw_axes(axes: Any, look: _Look, first_column: bool) -> None:
    """Scales, ticks, the line at 100 and the arrow at the dose."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    scale = look.scale
    if scale.log:
        axes.set_yscale("log", base=2)
    axes.set_ylim(scale.low, scale.high)
    axes.set_xlim(*look.limits)
    axes.yaxis.set_major_locator(FixedLocator(scale.ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    labels = scale.tick_labels if first_column else [""] * len(scale.ticks)
    axes.yaxis.set_major_formatter(FixedFormatter(labels))
    axes.xaxis.set_major_locator(FixedLocator(look.ticks))
    axes.xaxis.set_major_formatter(
        FixedFormatter([f"{t:g}".replace("-", "\N{MINUS SIGN}") for t in look.ticks])
    )
    line = axes.axhline(100.0, color="#7F7F7F", linewidth=0.6, dashes=(5, 3), zorder=1.0)
    line.set_gid("line-100")
    top = axes.get_xaxis_transform()
    height = ARROW_PT / (axes.get_position().height * axes.figure.get_size_inches()[1] * 72.0)
    axes.annotate(
        "",
        xy=(0.0, 1.0 - height),
        xytext=(0.0, 1.0),
        xycoords=top,
        textcoords=top,
        arrowprops={
            "arrowstyle": "-|>,head_length=0.32,head_width=0.16",
            "color": "#000000",
            "linewidth": 0.9,
            "shrinkA": 0.0,
            "shrinkB": 0.0,
        },
    ).set_gid("dose-arrow")


def _draw_data(axes: Any, shown: pd.DataFrame, panel: Panel, place: int, look: _Look) -> None:
    """Individual animals thin behind means with their error bars."""
    step = min(0.14, 0.5 / max(len(panel.groups), 1)) * look.spacing_min
    middle = (len(panel.groups) - 1) / 2.0
    for rank, group in enumerate(panel.groups):
        style = look.styles[group]
        rows = shown[shown["group"] == group]
        name = f"panel{place + 1}-group{int(look.heads.loc[group, 'group_order'])}"
        if look.individuals:
            _draw_individuals(axes, rows[rows["row"] == "individual"], style, name, look)
        means = rows[rows["row"] == "mean"].set_index("time_index").reindex(list(look.grid))
        x = means["time_min"].to_numpy(dtype=np.float64) + (rank - middle) * step
        y = means["pct_of_baseline"].to_numpy(dtype=np.float64)
        low = means["low_pct"].to_numpy(dtype=np.float64)
        high = means["high_pct"].to_numpy(dtype=np.float64)
        bars = np.isfinite(low) & np.isfinite(high)
        floor = look.scale.low
        axes.vlines(
            x[bars],
            np.maximum(low[bars], floor),
            np.maximum(high[bars], floor),
            color=style.color,
            linewidth=0.8,
            zorder=3.0 + 0.1 * rank,
        ).set_gid(f"{name}-error")
        (line,) = axes.plot(
            x,
            np.maximum(y, floor),
            color=style.color,
            linewidth=1.0,
            marker=style.marker,
            markersize=_MARKER_PT.get(style.marker, 3.7),
            markerfacecolor=style.face,
            markeredgecolor=style.color,
            markeredgewidth=0.75,
            zorder=3.05 + 0.1 * rank,
        )
        if style.dashes:
            line.set_dashes(style.dashes)
        line.set_gid(f"{name}-mean")


def _draw_individuals(
    axes: Any, rows: pd.DataFrame, style: GroupStyle, name: str, look: _Look
) -> None:
    """One thin line per probe, broken where a fraction is missing; censored values marked."""
    from matplotlib.collections import LineCollection

    lines: list[np.ndarray] = []
    alone: list[np.ndarray] = []
    for _, own in rows.groupby("probe_id", sort=True):
        by_time = own.set_index("time_index")[["time_min", "pct_of_baseline"]]
        points = by_time.reindex(list(look.grid)).to_numpy(dtype=np.float64, copy=True)
        points[:, 1] = np.maximum(points[:, 1], look.scale.low)
        present = np.isfinite(points[:, 1])
        edges = np.flatnonzero(np.diff(np.concatenate([[0], present.astype(int), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            (lines if end - start > 1 else alone).append(points[start:end])
    drawn = LineCollection(lines, colors=style.pale, linewidths=0.45, zorder=2.0)
    drawn.set_gid(f"{name}-individuals")
    axes.add_collection(drawn, autolim=False)
    if alone:
        single = np.concatenate(alone)
        (dots,) = axes.plot(
            single[:, 0], single[:, 1], ".", color=style.pale, markersize=2.0, zorder=2.0
        )
        dots.set_gid(f"{name}-individuals-alone")
    censored = rows[rows["censored"].fillna(False).astype(bool)]
    if len(censored):
        (marks,) = axes.plot(
            censored["time_min"],
            np.maximum(censored["pct_of_baseline"].to_numpy(dtype=np.float64), look.scale.low),
            linestyle="none",
            marker="x",
            markersize=1.8,
            markeredgewidth=0.45,
            color=style.color,
            zorder=2.1,
        )
        marks.set_gid(f"{name}-censored")


def _draw_above(
    figure: Any,
    axes: Any,
    corner: tuple[float, float],
    shown: pd.DataFrame,
    panel: Panel,
    place: int,
    look: _Look,
    layout: _Layout,
) -> None:
    """Rows of stars, then the legend, then the heading, upwards from the axes' top left corner."""
    from matplotlib.transforms import Affine2D

    points = Affine2D().scale(1.0 / 72.0) + figure.dpi_scale_trans
    left, y = corner
    y += 1.5
    low, high = look.limits
    starred = [g for g in panel.groups if _stars(shown, g).size]
    for group in reversed(starred):
        style, stars = look.styles[group], _stars(shown, group)
        pitch = 1.2 * _STACKED_LINE * _STAR_PT
        # An asterisk stands high in its line: its middle is 0.56 of the size above the baseline.
        middle = y + 0.5 * layout.star_height
        _marker(figure, points, left + 6.0, middle, style, scale=0.85)
        for row in stars.itertuples(index=False):
            x = left + (row.time_min - low) / (high - low) * layout.axes_width
            text = figure.text(
                x,
                middle - 0.56 * _STAR_PT - (len(row.stars) - 1) / 2.0 * pitch * look.stacked,
                "\n".join(row.stars) if look.stacked else row.stars,
                transform=points,
                ha="center",
                va="baseline",
                fontsize=_STAR_PT,
                color=style.ink,
                linespacing=_STACKED_LINE,
            )
            order = int(look.heads.loc[group, "group_order"])
            text.set_gid(f"panel{place + 1}-group{order}-stars-{row.time_index}")
        y += layout.star_height
    y = corner[1] + layout.above
    if panel.heading:
        y -= _LABEL_ROW_PT
        figure.text(
            left, y, panel.heading, transform=points, va="baseline", fontsize=TEXT_PT, weight="bold"
        )
        y -= 1.0
    lines, cell = _legend_lines(look.heads, panel, layout.axes_width, look.font)
    for row in lines:
        y -= _LEGEND_ROW_PT
        for column, (group, text) in enumerate(row):
            x = left + column * cell
            if group:
                _handle(figure, points, x, y + 2.3, look.styles[group])
            figure.text(x + _HANDLE_PT, y, text, transform=points, va="baseline", fontsize=SMALL_PT)


def _stars(shown: pd.DataFrame, group: str) -> Any:
    rows = shown[(shown["group"] == group) & (shown["row"] == "mean") & (shown["stars"] != "")]
    return rows[["time_index", "time_min", "stars"]]


def _marker(
    figure: Any, points: Any, x: float, y: float, style: GroupStyle, scale: float = 1.0
) -> None:
    from matplotlib.lines import Line2D

    figure.add_artist(
        Line2D(
            [x],
            [y],
            transform=points,
            linestyle="none",
            marker=style.marker,
            markersize=scale * _MARKER_PT.get(style.marker, 3.7),
            markerfacecolor=style.face,
            markeredgecolor=style.color,
            markeredgewidth=0.75,
        )
    )


def _handle(figure: Any, points: Any, x: float, y: float, style: GroupStyle) -> None:
    from matplotlib.lines import Line2D

    line = Line2D([x, x + 12.0], [y, y], transform=points, color=style.color, linewidth=1.0)
    if style.dashes:
        line.set_dashes(style.dashes)
    figure.add_artist(line)
    _marker(figure, points, x + 6.0, y, style)
