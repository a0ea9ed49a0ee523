"""Values of groups against time, in panels: the drawing that the figures over time share.

`draw_panels` takes rows with ``value``, ``low`` and ``high`` and a `Measure` that says what they
are; `dialysis.figures.timecourse`, `concentration` and `ratio` call it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.figures.dots import draw_inset, inset_size
from dialysis.figures.panels import Panel, legend_label, panels_of
from dialysis.figures.scales import Scale, time_ticks
from dialysis.figures.starrows import STAR_PT, Run, spread_apart, star_runs
from dialysis.plotting import (
    MIN_TEXT_PT,
    POINTS_PER_MM,
    SMALL_PT,
    TEXT_PT,
    GroupStyle,
    figure_width_mm,
    group_styles,
    new_figure,
    text_width_pt,
)
from dialysis.words import minus

FloatArray = npt.NDArray[np.float64]
X_LABEL = "Time from dose (min)"
ARROW_PT = 10.0
REFERENCE = "#7F7F7F"
FRAME = "#262626"

_EDGE_PT = 3.0
_LEGEND_ROW_PT = 9.0
_HANDLE_PT = 15.0
_STAR_ROW_PT = 9.0
_STACKED_LINE = 0.5
_LABEL_ROW_PT = 9.0
_PANEL_GAP_PT = 9.0
_NARROWEST_PANEL_PT = 112.0
_ONE_COLUMN_LEGEND = 4
_PAGE_PT = 235.0 * POINTS_PER_MM
_EPOCH_PT = 4.0
_DATA_GAP_PT = 3.0

# Equal sizes in points look unequal: a square covers more than a diamond of the same height.
MARKER_PT: Mapping[str, float] = {
    "s": 3.3,
    "o": 3.7,
    "D": 3.1,
    "^": 3.9,
    "v": 3.9,
    "<": 3.9,
    ">": 3.9,
    "P": 4.1,
}
MARKER_DEFAULT_PT = 3.7

# Values, ends of bars, values beside the dose, height of the arrow as a part of the axis.
ScaleChoice = Callable[[Iterable[float], Iterable[float], Iterable[float], float], Scale]


@dataclass(frozen=True)
class Measure:
    """What the values of a figure are.

    Parameters
    ----------
    label : str
        Printed beside the axis: what is measured.
    unit : str
        Printed behind it, with its parentheses.
    scale : callable
        Chooses the axis.
    reference : float or None
        Where a dashed line stands.
    individuals : bool
        Whether individual values are drawn.
    joined : bool
        Whether the means of a group are joined by a line.
    limits : mapping of str to float
        Dotted lines (a limit of detection), by what they are.
    """

    label: str
    unit: str
    scale: ScaleChoice
    reference: float | None = None
    individuals: bool = True
    joined: bool = True
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """What the panels of one figure share."""

    font: str
    measure: Measure
    styles: Mapping[str, GroupStyle]
    heads: pd.DataFrame
    scale: Scale
    limits: tuple[float, float]
    ticks: tuple[float, ...]
    spacing_min: float
    grid: tuple[int, ...]
    times: Mapping[int, float]
    stacked: bool
    marks: str


@dataclass(frozen=True)
class Layout:
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


def draw_panels(
    rows: pd.DataFrame,
    measure: Measure,
    config: Mapping[str, Any],
    inset: pd.DataFrame | None = None,
) -> Any:
    """Draw values against time from the dose, in one panel or one per drug.

    Parameters
    ----------
    rows : DataFrame
        `dialysis.tables.figures.FIGURE_DATA` of one outcome.
    measure : Measure
        What the values are.
    config : mapping
        The ``figures`` section: ``journal``, ``width``, ``font``.
    inset : DataFrame, optional
        FIGURE_DATA of areas under the curve, drawn before the dose where every panel has room.

    Returns
    -------
    matplotlib.figure.Figure
        To be drawn and saved inside `dialysis.plotting.style`.
    """
    look, layout, panels = plan(rows, measure, config)
    shown = rows[rows["row"].isin(["mean", "individual"])]
    events = rows[rows["row"] == "event"]
    figure = new_figure(layout.width / POINTS_PER_MM, layout.height / POINTS_PER_MM)
    n_rows = -(-len(panels) // layout.columns)
    block = layout.axes_height + layout.row_gap
    places = []
    for place, panel in enumerate(panels):
        row, column = divmod(place, layout.columns)
        x = layout.left + column * (layout.axes_width + _PANEL_GAP_PT)
        y = layout.bottom + (n_rows - 1 - row) * block
        places.append((x, y))
        axes = add_axes(figure, layout, x, y)
        draw_axes(axes, look, labelled=column == 0)
        draw_events(axes, events[events["group"].isin(panel.groups)], look, layout.axes_height)
        lowest = place + layout.columns >= len(panels)
        if lowest:
            axes.set_xlabel(X_LABEL, fontsize=TEXT_PT)
        if column == 0:
            label = axis_label(measure.label, measure.unit, layout.axes_height, look.font)
            axes.set_ylabel(label, fontsize=TEXT_PT, linespacing=1.15)
        draw_data(axes, shown, panel, place, look)
        if not shown["group"].isin(panel.groups).any():
            axes.text(
                *(0.5, 0.5), "no value to show", transform=axes.transAxes, ha="center", va="center"
            ).set_gid(f"panel{place + 1}-empty")
        _draw_above(figure, (x, y + layout.axes_height), shown, panel, place, look, layout)
    if inset is not None and len(inset):
        _draw_insets(figure, inset, shown, panels, places, look, layout)
    if look.marks:
        write_marks(figure, look.marks, layout)
    return figure


def plan(
    rows: pd.DataFrame, measure: Measure, config: Mapping[str, Any]
) -> tuple[Look, Layout, list[Panel]]:
    """Sizes, limits, ticks and panels of a figure."""
    heads = rows[rows["row"] == "group"].sort_values("group_order")
    shown = rows[rows["row"].isin(["mean", "individual"])]
    width = figure_width_mm(config) * POINTS_PER_MM
    font = str(config.get("font", "DejaVu Sans"))
    panels = panels_of(heads)
    drawn = shown if measure.individuals else shown[shown["row"] == "mean"]
    means = shown[shown["row"] == "mean"]
    grid, times, spacing, limits = time_axis(shown, rows[rows["row"] == "event"])

    for label_lines in (2, 1):
        columns, axes_width, left = _columns(width, len(panels), len(grid), label_lines)
        natural = min(max(0.74 * axes_width, 100.0), 150.0)
        if "\n" in axis_label(measure.label, measure.unit, natural, font):
            break
    stacked = not stars_fit(means, panels, grid, times, limits, axes_width, font)
    star_rows = star_rows_needed(means, panels)
    tallest = max((len(s) for s in means["stars"]), default=1)
    star_height = _STAR_ROW_PT
    if stacked:
        star_height = _STAR_ROW_PT + (tallest - 1) * _STACKED_LINE * 1.2 * STAR_PT
    legend_rows = max(len(legend_lines(heads, panel, axes_width, font)[0]) for panel in panels)
    above = (
        (_LABEL_ROW_PT + 1.0 if panels[0].heading else 0.0)
        + legend_rows * _LEGEND_ROW_PT
        + star_rows * star_height
        + (7.0 if star_rows else 4.0)
    )
    n_rows = -(-len(panels) // columns)
    bottom = _EDGE_PT + _LABEL_ROW_PT + 2.5 + _LABEL_ROW_PT + 2.5
    marks = str(heads["marks"].iloc[0]).replace(";", " · ")
    if marks:
        bottom += _LABEL_ROW_PT
    row_gap = above + _LABEL_ROW_PT + 10.0
    free = (_PAGE_PT - bottom - above - _EDGE_PT - (n_rows - 1) * row_gap) / n_rows
    axes_height = max(min(natural, free), 62.0)
    height = bottom + n_rows * axes_height + (n_rows - 1) * row_gap + above + _EDGE_PT
    look = Look(
        font=font,
        measure=measure,
        styles=group_styles(heads),
        heads=heads.set_index("group", drop=False),
        scale=scale_of(drawn, measure, spacing, axes_height),
        limits=limits,
        ticks=fitting_ticks(limits, axes_width, font) if grid else (0.0,),
        spacing_min=spacing,
        grid=grid,
        times=times,
        stacked=stacked,
        marks=marks,
    )
    layout = Layout(
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
    return look, layout, panels


def time_axis(
    shown: pd.DataFrame, events: pd.DataFrame
) -> tuple[tuple[int, ...], dict[int, float], float, tuple[float, float]]:
    """Places of the fractions, their mean times, their spacing and the ends of the axis, min."""
    timed = shown[shown["time_index"].notna()]
    mean_times = timed.groupby("time_index")["time_min"].mean().sort_index()
    times = {int(index): float(time) for index, time in mean_times.items()}
    grid = tuple(times)
    spacing = float(np.median(np.diff(list(times.values())))) if len(times) > 1 else 20.0
    starts = events.loc[events["time_min"].notna(), "time_min"]
    low = min([*timed["time_min"].dropna(), *starts, 0.0]) - 0.6 * spacing
    high = max([*timed["time_min"].dropna(), *starts, 0.0]) + 0.6 * spacing
    return grid, times, spacing, (low, high)


def scale_of(drawn: pd.DataFrame, measure: Measure, spacing: float, axes_height: float) -> Scale:
    """Ask the measure for its axis."""
    means = drawn[drawn["row"] == "mean"]
    beside = drawn.loc[drawn["time_min"].abs() <= spacing, "value"]
    ends = pd.concat([means["low"], means["high"], means["outer_low"], means["outer_high"]])
    return measure.scale(drawn["value"], ends, beside, (ARROW_PT + 3.0) / axes_height)


def fitting_ticks(limits: tuple[float, float], axes_width: float, font: str) -> tuple[float, ...]:
    """Ticks of the time axis whose numbers have room."""
    low, high = limits
    label_width = max(text_width_pt(f"{t:g}", SMALL_PT, font) for t in (low // 1, high // 1)) + 8.0
    most = min(max(int(axes_width // label_width), 2), 9)
    return time_ticks(low, high, most)


def add_axes(figure: Any, layout: Layout, x: float, y: float) -> Any:
    """Add axes with their lower left corner at a point."""
    return figure.add_axes(
        (
            x / layout.width,
            y / layout.height,
            layout.axes_width / layout.width,
            layout.axes_height / layout.height,
        )
    )


def write_marks(figure: Any, marks: str, layout: Layout) -> None:
    """Write small print into the lower left corner."""
    note = figure.text(
        _EDGE_PT / layout.width,
        _EDGE_PT / layout.height,
        marks,
        va="baseline",
        fontsize=MIN_TEXT_PT,
        color="#404040",
    )
    note.set_gid("marks")


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


def axis_label(what: str, unit: str, height: float, font: str) -> str:
    """Label of the vertical axis: what is measured and its unit, in two lines or one."""
    one = f"{what} {unit}".strip()
    if text_width_pt(one, TEXT_PT, font) <= height:
        return one
    if text_width_pt(what, TEXT_PT, font) <= height:
        return f"{what}\n{unit}"
    letters = max(int(height / (text_width_pt(what, TEXT_PT, font) / len(what))), 8)
    first, *more = textwrap.wrap(what, letters, break_long_words=False)
    return f"{first}\n{' '.join(more)} {unit}" if more else f"{first}\n{unit}"


def legend_lines(
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


def draw_axes(axes: Any, look: Look, labelled: bool, timed: bool = True) -> None:
    """Scales, ticks and dashed and dotted lines."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    scale = look.scale
    if scale.log:
        axes.set_yscale("log", base=2)
    axes.set_ylim(scale.low, scale.high)
    axes.set_xlim(*look.limits)
    axes.yaxis.set_major_locator(FixedLocator(scale.ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    labels = scale.tick_labels if labelled else [""] * len(scale.ticks)
    axes.yaxis.set_major_formatter(FixedFormatter(labels))
    axes.xaxis.set_major_locator(FixedLocator(look.ticks))
    numbers = [minus(f"{t:g}") if timed else "" for t in look.ticks]
    axes.xaxis.set_major_formatter(FixedFormatter(numbers))
    if look.measure.reference is not None:
        line = axes.axhline(
            look.measure.reference, color=REFERENCE, linewidth=0.6, dashes=(5, 3), zorder=1.0
        )
        line.set_gid(f"line-{look.measure.reference:g}")
    for name, level in look.measure.limits.items():
        if scale.low < level < scale.high:
            limit = axes.axhline(level, color=REFERENCE, linewidth=0.6, dashes=(1, 2), zorder=1.0)
            limit.set_gid(f"limit-{name}")


def draw_events(axes: Any, events: pd.DataFrame, look: Look, axes_height: float) -> None:
    """An arrow for each dose, a bar for each infusion or epoch, at the top of the axes."""
    top = axes.get_xaxis_transform()
    found = events.drop_duplicates(["time_min", "end_min"]).sort_values("time_min", kind="stable")
    for row in found.itertuples(index=False):
        if np.isfinite(row.end_min):
            part = _EPOCH_PT / axes_height
            bar = axes.fill_between(
                [row.time_min, min(row.end_min, look.limits[1])],
                1.0 - part,
                1.0,
                transform=top,
                facecolor="#4D4D4D",
                linewidth=0.0,
                zorder=4.0,
            )
            bar.set_gid(f"epoch-{row.time_min:g}")
            continue
        axes.annotate(
            "",
            xy=(row.time_min, 1.0 - ARROW_PT / axes_height),
            xytext=(row.time_min, 1.0),
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


def draw_data(axes: Any, shown: pd.DataFrame, panel: Panel, place: int, look: Look) -> None:
    """Individual animals thin behind means with their error bars."""
    step = min(0.14, 0.5 / max(len(panel.groups), 1)) * look.spacing_min
    if not look.measure.joined:
        step = min(0.24, 0.7 / max(len(panel.groups), 1)) * look.spacing_min
    drawn = [g for g in panel.groups if look.measure.individuals or (shown["group"] == g).any()]
    middle = (len(drawn) - 1) / 2.0
    for rank, group in enumerate(drawn):
        style = look.styles[group]
        rows = shown[shown["group"] == group]
        name = f"panel{place + 1}-group{int(look.heads.loc[group, 'group_order'])}"
        if look.measure.individuals:
            _draw_individuals(axes, rows[rows["row"] == "individual"], style, name, look)
        means = rows[rows["row"] == "mean"].set_index("time_index").reindex(list(look.grid))
        x = means["time_min"].to_numpy(dtype=np.float64) + (rank - middle) * step
        _draw_means(axes, x, means, style, name, look, rank)


def _draw_means(
    axes: Any,
    x: FloatArray,
    means: pd.DataFrame,
    style: GroupStyle,
    name: str,
    look: Look,
    rank: int,
) -> None:
    floor, ceiling = look.scale.low, look.scale.high
    for columns, width, gid in (
        (("outer_low", "outer_high"), 0.5, "outer"),
        (("low", "high"), 0.8 if look.measure.joined else 1.3, "error"),
    ):
        low, high = (means[column].to_numpy(dtype=np.float64) for column in columns)
        bars = np.isfinite(low) & np.isfinite(high)
        if gid == "outer" and not bars.any():
            continue
        axes.vlines(
            x[bars],
            np.clip(low[bars], floor, ceiling),
            np.clip(high[bars], floor, ceiling),
            color=style.color,
            linewidth=width,
            zorder=3.0 + 0.1 * rank,
        ).set_gid(f"{name}-{gid}")
    (line,) = axes.plot(
        x,
        np.maximum(means["value"].to_numpy(dtype=np.float64), floor),
        color=style.color,
        linewidth=1.0 if look.measure.joined else 0.0,
        marker=style.marker,
        markersize=MARKER_PT.get(style.marker, MARKER_DEFAULT_PT),
        markerfacecolor=style.face,
        markeredgecolor=style.color,
        markeredgewidth=0.75,
        zorder=3.05 + 0.1 * rank,
    )
    if style.dashes and look.measure.joined:
        line.set_dashes(style.dashes)
    line.set_gid(f"{name}-mean")


def _draw_individuals(
    axes: Any, rows: pd.DataFrame, style: GroupStyle, name: str, look: Look
) -> None:
    """One thin line per probe, broken where a fraction is missing; censored values marked."""
    from matplotlib.collections import LineCollection

    floor = look.scale.low
    lines: list[FloatArray] = []
    alone: list[FloatArray] = []
    place = {index: column for column, index in enumerate(look.grid)}
    for _, own in rows.groupby("probe_id", sort=True):
        points = np.full((len(place), 2), np.nan)
        at = [place[int(index)] for index in own["time_index"]]
        points[at, 0] = own["time_min"].to_numpy(dtype=np.float64)
        points[at, 1] = np.maximum(own["value"].to_numpy(dtype=np.float64), floor)
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
            np.maximum(censored["value"].to_numpy(dtype=np.float64), floor),
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
    corner: tuple[float, float],
    shown: pd.DataFrame,
    panel: Panel,
    place: int,
    look: Look,
    layout: Layout,
) -> None:
    """Rows of stars, then the legend, then the heading, upwards from the axes' top left corner."""
    points = in_points(figure)
    left = corner[0]
    draw_star_rows(figure, corner, shown, panel, place, look, layout)
    y = corner[1] + layout.above
    if panel.heading:
        y -= _LABEL_ROW_PT
        figure.text(
            left, y, panel.heading, transform=points, va="baseline", fontsize=TEXT_PT, weight="bold"
        )
        y -= 1.0
    lines, cell = legend_lines(look.heads, panel, layout.axes_width, look.font)
    for row in lines:
        y -= _LEGEND_ROW_PT
        for column, (group, text) in enumerate(row):
            x = left + column * cell
            if group:
                draw_handle(figure, points, x, y + 2.3, look.styles[group], look.measure.joined)
            figure.text(x + _HANDLE_PT, y, text, transform=points, va="baseline", fontsize=SMALL_PT)


def draw_star_rows(
    figure: Any,
    corner: tuple[float, float],
    shown: pd.DataFrame,
    panel: Panel,
    place: int,
    look: Look,
    layout: Layout,
) -> None:
    """Rows of stars above a panel, each behind the marker of its group."""
    points = in_points(figure)
    left, y = corner[0], corner[1] + 2.0
    starred = [g for g in panel.groups if _stars(shown, g)]
    for group in reversed(starred):
        middle = y + 0.5 * layout.star_height
        draw_marker(figure, points, left + 6.0, middle, look.styles[group], scale=0.85)
        _draw_stars(figure, (left, y), shown, group, place, look, layout)
        y += layout.star_height


def _draw_stars(
    figure: Any,
    corner: tuple[float, float],
    shown: pd.DataFrame,
    group: str,
    place: int,
    look: Look,
    layout: Layout,
) -> None:
    """One row: stars over a line that spans the times they hold for."""
    from matplotlib.lines import Line2D

    points, style = in_points(figure), look.styles[group]
    left, base = corner
    order = int(look.heads.loc[group, "group_order"])
    low, high = look.limits
    to_points = layout.axes_width / (high - low)
    half = 0.5 * min(0.62 * look.spacing_min * to_points, 7.0)
    runs, centers, widths = run_places(
        star_runs(look.grid, _stars(shown, group)), look.times, low, to_points, look.font
    )
    if look.stacked:
        runs = [Run((i,), run.stars) for run in runs for i in run.indices]
        centers = np.array([(look.times[run.indices[0]] - low) * to_points for run in runs])
    else:
        moved = spread_apart(centers, widths, 10.0, layout.axes_width)
        centers = centers if moved is None else moved
    for run, center in zip(runs, centers, strict=True):
        ends = [(look.times[run.indices[k]] - low) * to_points for k in (0, -1)]
        if not look.stacked:
            span = [left + ends[0] - half, left + ends[1] + half]
            line = Line2D(
                span,
                [base + 0.6, base + 0.6],
                transform=points,
                color=style.ink,
                linewidth=0.8,
                solid_capstyle="butt",
            )
            figure.add_artist(line)
        # An asterisk stands high in its line: its middle is 0.56 of the size above the baseline.
        pitch = 1.2 * _STACKED_LINE * STAR_PT
        y = base + 0.5 * layout.star_height + 0.4 - 0.56 * STAR_PT
        text = figure.text(
            left + float(center),
            y - (len(run.stars) - 1) / 2.0 * pitch * look.stacked,
            "\n".join(run.stars) if look.stacked else run.stars,
            transform=points,
            ha="center",
            va="baseline",
            fontsize=STAR_PT,
            color=style.ink,
            linespacing=_STACKED_LINE,
        )
        named = "_".join(str(index) for index in run.indices)
        text.set_gid(f"panel{place + 1}-group{order}-stars-{named}")


def run_places(
    runs: list[Run], times: Mapping[int, float], low: float, to_points: float, font: str
) -> tuple[list[Run], FloatArray, FloatArray]:
    """Middle and width of the stars of every run, points from the left end of the axis."""
    centers = [
        (0.5 * (times[run.indices[0]] + times[run.indices[-1]]) - low) * to_points for run in runs
    ]
    widths = [text_width_pt(run.stars, STAR_PT, font) for run in runs]
    return runs, np.asarray(centers, dtype=np.float64), np.asarray(widths, dtype=np.float64)


def star_rows_needed(means: pd.DataFrame, panels: Sequence[Panel]) -> int:
    """Most groups with stars in one panel."""
    starred = set(means.loc[means["stars"] != "", "group"])
    return max(sum(group in starred for group in panel.groups) for panel in panels)


def stars_fit(
    means: pd.DataFrame,
    panels: Sequence[Panel],
    grid: Sequence[int],
    times: Mapping[int, float],
    limits: tuple[float, float],
    axes_width: float,
    font: str,
) -> bool:
    """Whether stars can stand side by side, each above the line of its times."""
    low = limits[0]
    to_points = axes_width / (limits[1] - low)
    for group in {group for panel in panels for group in panel.groups}:
        runs, centers, widths = run_places(
            star_runs(grid, _stars(means, group)), times, low, to_points, font
        )
        moved = spread_apart(centers, widths, 10.0, axes_width)
        if moved is None:
            return False
        ends = np.array([(times[r.indices[-1]] - times[r.indices[0]]) * to_points for r in runs])
        if len(runs) and (np.abs(moved - centers) > 0.5 * ends + 3.0).any():
            return False
    return True


def _stars(shown: pd.DataFrame, group: str) -> dict[int, str]:
    rows = shown[(shown["group"] == group) & (shown["row"] == "mean") & (shown["stars"] != "")]
    return {int(i): str(s) for i, s in zip(rows["time_index"], rows["stars"], strict=True)}


def in_points(figure: Any) -> Any:
    """Transform from points from the lower left corner of the figure."""
    from matplotlib.transforms import Affine2D

    return Affine2D().scale(1.0 / 72.0) + figure.dpi_scale_trans


def draw_marker(
    figure: Any, points: Any, x: float, y: float, style: GroupStyle, scale: float = 1.0
) -> None:
    """Draw a group's marker at a point."""
    from matplotlib.lines import Line2D

    figure.add_artist(
        Line2D(
            [x],
            [y],
            transform=points,
            linestyle="none",
            marker=style.marker,
            markersize=scale * MARKER_PT.get(style.marker, MARKER_DEFAULT_PT),
            markerfacecolor=style.face,
            markeredgecolor=style.color,
            markeredgewidth=0.75,
        )
    )


def draw_handle(
    figure: Any, points: Any, x: float, y: float, style: GroupStyle, joined: bool = True
) -> None:
    """Draw a group's line and marker as in a legend."""
    from matplotlib.lines import Line2D

    if joined:
        line = Line2D([x, x + 12.0], [y, y], transform=points, color=style.color, linewidth=1.0)
        if style.dashes:
            line.set_dashes(style.dashes)
        figure.add_artist(line)
    draw_marker(figure, points, x + 6.0, y, style)


def _draw_insets(
    figure: Any,
    inset: pd.DataFrame,
    shown: pd.DataFrame,
    panels: Sequence[Panel],
    places: Sequence[tuple[float, float]],
    look: Look,
    layout: Layout,
) -> None:
    """Areas under the curve in the corner before the dose, where every panel has room."""
    low, high = look.limits
    to_points = layout.axes_width / (high - low)
    before = shown[shown["time_min"] < 0.0]
    columns = ["value", "high"] if look.measure.individuals else ["high"]
    highest = max(float(before[columns].max().max()), 100.0) if len(before) else 100.0
    part = (look.scale.high - highest) / (look.scale.high - look.scale.low)
    if look.scale.log:
        part = float(np.log(look.scale.high / highest) / np.log(look.scale.high / look.scale.low))
    free_width = (0.0 - low) * to_points - 6.0
    free_height = part * layout.axes_height - _DATA_GAP_PT
    sizes = [inset_size(inset, panel.groups, look.font) for panel in panels]
    if any(w > free_width or h > free_height for w, h in sizes):
        return
    for place, (panel, (x, y)) in enumerate(zip(panels, places, strict=True)):
        width = min(max(sizes[place][0], 0.8 * free_width), 1.35 * sizes[place][0])
        height = min(free_height, 62.0)
        box = (x + 4.0, y + layout.axes_height - height, width, height)
        draw_inset(figure, box, (layout.width, layout.height), inset, panel.groups, look, place)
