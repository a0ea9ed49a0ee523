"""One value per animal, by group: dots, the mean with its bar, stars; whole figures and insets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.figures.scales import Scale, finite, round_ticks
from dialysis.plotting import (
    MIN_TEXT_PT,
    POINTS_PER_MM,
    SMALL_PT,
    TEXT_PT,
    GroupStyle,
    figure_width_mm,
    group_styles,
    mix,
    new_figure,
    text_width_pt,
)
from dialysis.words import p_words

FloatArray = npt.NDArray[np.float64]
INSET_TITLE = "AUC"
INSET_UNIT = "(10³ % × min)"
INSET_FACTOR = 1e-3

_DOT_PT = 2.6
_INSET_DOT_PT = 1.4
_PITCH_PT = 7.5
_EDGE_PT = 3.0
_HEIGHT_PT = 112.0
_STAR_PT = 7.0
_LINE_PT = 8.0
_GAP = 0.55
_NO_BREAK = "\N{NO-BREAK SPACE}"
_WIDEST_PITCH_PT = 34.0


@dataclass(frozen=True)
class Place:
    """Where a group stands on the horizontal axis.

    Parameters
    ----------
    group : str
        Group label.
    x : float
        Position, groups of one cluster 1 apart.
    tick : str
        Below the axis: the dose; empty for a group that its cluster's name says all of.
    cluster : str
        Below the dose: the drug, with what goes for all its groups.
    """

    group: str
    x: float
    tick: str
    cluster: str


def group_places(heads: pd.DataFrame) -> list[Place]:
    """Place groups side by side, those of one drug together.

    Parameters
    ----------
    heads : DataFrame
        ``group`` rows of FIGURE_DATA in their order.
    """
    named = []
    for head in heads.itertuples(index=False):
        unit = " ".join(str(part) for part in (head.dose_unit, head.route) if part)
        dose = f"{head.dose:g}"
        ending = f"{head.drug_label} {dose} {unit}".strip()
        label = str(head.group_label)
        if not head.is_control and label.endswith(ending):
            drug = f"{label[: -len(ending)]}{head.drug_label}"
            named.append((head.group, dose, f"{drug}\n({unit})" if unit else drug))
        else:
            named.append((head.group, "", label))
    places: list[Place] = []
    x = 0.0
    for group, tick, cluster in named:
        if places:
            x += 1.0 if places[-1].cluster == cluster else 1.0 + _GAP
        places.append(Place(str(group), x, tick, cluster))
    return places


def swarm(values: FloatArray, size: float) -> FloatArray:
    """Sideways shifts that keep dots of one group from covering each other.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Heights, in the unit of `size`.
    size : float
        Diameter of a dot.

    Returns
    -------
    ndarray of float64, shape (n,)
        Each dot as near to the middle as those placed before it let it be, lowest first.
    """
    shifts = np.zeros(values.size)
    placed: list[int] = []
    for i in np.argsort(values, kind="stable"):
        near = [j for j in placed if abs(values[i] - values[j]) < size]
        reach = [math.sqrt(size**2 - (values[i] - values[j]) ** 2) for j in near]
        options = [0.0]
        for j, d in zip(near, reach, strict=True):
            options += [shifts[j] + d, shifts[j] - d]
        free = [
            s
            for s in options
            if all(abs(s - shifts[j]) >= d * (1.0 - 1e-9) for j, d in zip(near, reach, strict=True))
        ]
        shifts[i] = min(free, key=lambda s: (abs(s), s))
        placed.append(int(i))
    return shifts


def draw_dots(
    rows: pd.DataFrame,
    label: str,
    unit: str,
    config: Mapping[str, Any],
    factor: float = 1.0,
    from_zero: bool = True,
    width: str = "single",
) -> Any:
    """Draw a value of every animal by group, with mean, error bar, stars and trends over dose.

    Parameters
    ----------
    rows : DataFrame
        `dialysis.tables.figures.FIGURE_DATA` of one outcome.
    label, unit : str
        Of the vertical axis.
    config : mapping
        The ``figures`` section: ``journal``, ``font``.
    factor : float
        Values are drawn times this.
    from_zero : bool
        Whether the axis starts at 0.
    width : str
        Width of the figure; a wider one is taken where groups are many.

    Returns
    -------
    matplotlib.figure.Figure
        To be drawn and saved inside `dialysis.plotting.style`.
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator

    font = str(config.get("font", "DejaVu Sans"))
    heads = rows[rows["row"] == "group"].sort_values("group_order")
    styles = group_styles(heads)
    places = group_places(heads)
    span = places[-1].x + 1.2
    # A unit stays in one piece: its spaces don't break.
    whole = f"{label} {unit.replace(' ', _NO_BREAK)}".strip()
    title = [line.replace(_NO_BREAK, " ") for line in _wrap(whole, _HEIGHT_PT, font, TEXT_PT)]
    left = _EDGE_PT + max(len(title), 2) * 8.6 + 4.0 + 20.0
    for columns in (width, "one_and_half", "double"):
        page = figure_width_mm(config, columns) * POINTS_PER_MM
        pitch = min((page - left - _EDGE_PT - 4.0) / span, _WIDEST_PITCH_PT)
        if pitch >= 15.0:
            break
    names = _cluster_names(places, pitch, font)
    turned = any(turn for _, _, turn in names)
    depth = max(
        text_width_pt(t, SMALL_PT, font) if turn else _LINE_PT * (t.count("\n") + 1)
        for _, t, turn in names
    )
    marks = str(heads["marks"].iloc[0]).replace(";", " · ")
    bottom = _EDGE_PT + depth + 5.0 + (10.0 if any(p.tick for p in places) else 0.0)
    bottom += _LINE_PT if marks else 0.0
    trends = rows[(rows["row"] == "trend") & rows["p"].notna()]
    above = 10.0 + (17.0 if len(trends) else 0.0)
    height = bottom + _HEIGHT_PT + above + _EDGE_PT
    figure = new_figure(page / POINTS_PER_MM, height / POINTS_PER_MM)
    axes_width = pitch * span
    axes = figure.add_axes((left / page, bottom / height, axes_width / page, _HEIGHT_PT / height))
    scale = _scale(rows, factor, from_zero)
    axes.set_xlim(-0.6, places[-1].x + 0.6)
    axes.set_ylim(scale.low, scale.high)
    axes.yaxis.set_major_locator(FixedLocator(scale.ticks))
    axes.yaxis.set_major_formatter(FixedFormatter(scale.tick_labels))
    axes.xaxis.set_major_locator(FixedLocator([p.x for p in places]))
    axes.xaxis.set_major_formatter(FixedFormatter([p.tick for p in places]))
    axes.set_ylabel("\n".join(title), linespacing=1.15)
    to_points = _HEIGHT_PT / (scale.high - scale.low)
    _draw_groups(axes, rows, places, styles, factor, to_points, pitch, _DOT_PT)
    if not (rows["row"] == "individual").any():
        axes.text(
            *(0.5, 0.5), "no value to show", transform=axes.transAxes, ha="center", va="center"
        ).set_gid("empty")
    _draw_cluster_names(figure, names, (left, bottom), pitch, turned, places)
    _draw_tops(figure, rows, trends, places, styles, (left, bottom + _HEIGHT_PT), pitch)
    if marks:
        figure.text(
            _EDGE_PT / page, _EDGE_PT / height, marks, fontsize=MIN_TEXT_PT, color="#404040"
        ).set_gid("marks")
    return figure


def _scale(rows: pd.DataFrame, factor: float, from_zero: bool) -> Scale:
    single = rows[rows["row"] == "individual"]
    means = rows[rows["row"] == "mean"]
    values = finite(pd.concat([single["value"], means["value"]])) * factor
    ends = finite(pd.concat([means["low"], means["high"]])) * factor
    if not values.size:
        return Scale(False, 0.0, 1.0, (0.0, 1.0))
    low, high = float(values.min()), float(values.max())
    if ends.size:
        reach = 0.5 * max(high - low, 0.2 * abs(high))
        low = min(low, max(float(ends.min()), low - reach))
        high = max(high, min(float(ends.max()), high + reach))
    if from_zero:
        low = min(low, 0.0)
    span = (high - low) or abs(high) or 1.0
    low = low if from_zero and low == 0 else low - 0.06 * span
    high += 0.06 * span
    return Scale(False, low, high, round_ticks(low, high, 6))


def _draw_groups(
    axes: Any,
    rows: pd.DataFrame,
    places: Sequence[Place],
    styles: Mapping[str, GroupStyle],
    factor: float,
    to_points: float,
    pitch: float,
    dot: float,
) -> None:
    """Dots of animals on the left half of a group's place, its mean with bar on the right."""
    for place in places:
        own = rows[rows["group"] == place.group]
        style = styles[place.group]
        single = own[(own["row"] == "individual") & own["value"].notna()]
        values = single["value"].to_numpy(dtype=np.float64) * factor
        shift = swarm(values * to_points, dot + 0.5) / pitch
        widest = float(np.abs(shift).max()) if shift.size else 0.0
        if widest > 0.3:
            shift *= 0.3 / widest
        order = int(own["group_order"].iloc[0])
        if values.size:
            (dots,) = axes.plot(
                place.x - 0.14 + shift,
                values,
                linestyle="none",
                marker=style.marker,
                markersize=dot,
                markerfacecolor=mix(style.color, "#FFFFFF", 0.45) if style.filled else "#FFFFFF",
                markeredgecolor=style.color,
                markeredgewidth=0.45,
                zorder=2.0,
            )
            dots.set_gid(f"group{order}-individuals")
        mean = own[own["row"] == "mean"]
        if not len(mean) or not np.isfinite(mean["value"].iloc[0]):
            continue
        x = place.x + 0.28
        value, low, high = (float(mean[c].iloc[0]) * factor for c in ("value", "low", "high"))
        if np.isfinite(low) and np.isfinite(high):
            bottom, top = axes.get_ylim()
            bar = axes.vlines(
                x, max(low, bottom), min(high, top), color=style.ink, linewidth=1.0, zorder=3.0
            )
            bar.set_gid(f"group{order}-error")
        (line,) = axes.plot(
            [x - 3.2 / pitch, x + 3.2 / pitch], [value, value], color=style.ink, linewidth=1.6,
            solid_capstyle="butt", zorder=3.1,
        )  # fmt: skip
        line.set_gid(f"group{order}-mean")


def _cluster_names(
    places: Sequence[Place], pitch: float, font: str
) -> list[tuple[float, str, bool]]:
    """Middle, text and whether it is turned, of every cluster."""
    clusters: dict[str, list[Place]] = {}
    for place in places:
        clusters.setdefault(place.cluster, []).append(place)
    fitted, turned = [], False
    for text, own in clusters.items():
        room = pitch * (len(own) + _GAP - 0.1)
        lines = [line for part in text.split("\n") for line in _wrap(part, room, font)]
        turned |= any(text_width_pt(line, SMALL_PT, font) > room for line in lines)
        turned |= len(lines) > 5
        fitted.append((0.5 * (own[0].x + own[-1].x), "\n".join(lines), False))
    if not turned:
        return fitted
    return [
        (middle, text.replace("\n", " "), True)
        for (middle, _, _), text in zip(fitted, clusters, strict=True)
    ]


def _wrap(text: str, room: float, font: str, size: float = SMALL_PT) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width_pt(longer, size, font) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _draw_cluster_names(
    figure: Any,
    names: Sequence[tuple[float, str, bool]],
    corner: tuple[float, float],
    pitch: float,
    turned: bool,
    places: Sequence[Place],
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Affine2D

    points = Affine2D().scale(1.0 / 72.0) + figure.dpi_scale_trans
    left, bottom = corner
    ticks = any(place.tick for place in places)
    for middle, text, _ in names:
        own = [p for p in places if p.cluster.replace("\n", " ") == text.replace("\n", " ")]
        has_dose = any(p.tick for p in own)
        y = bottom - 5.0 - (10.0 if ticks and (has_dose or not turned) else 0.0)
        if ticks and not has_dose and not turned:
            y = bottom - 5.0
        x = left + (middle + 0.6) * pitch
        if has_dose and len(own) > 1:
            ends = [left + (own[k].x + 0.6 + s * 0.32) * pitch for k, s in ((0, -1), (-1, 1))]
            line = Line2D(
                ends, [y + 0.6, y + 0.6], transform=points, color="#595959", linewidth=0.5
            )
            figure.add_artist(line)
        figure.text(
            x,
            y - 1.0,
            text,
            transform=points,
            ha="center",
            va="top",
            fontsize=SMALL_PT,
            rotation=90.0 if turned else 0.0,
            linespacing=1.1,
        )


def _draw_tops(
    figure: Any,
    rows: pd.DataFrame,
    trends: pd.DataFrame,
    places: Sequence[Place],
    styles: Mapping[str, GroupStyle],
    corner: tuple[float, float],
    pitch: float,
) -> None:
    """Stars above their groups, and above them the p of the trend over a drug's doses."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Affine2D

    points = Affine2D().scale(1.0 / 72.0) + figure.dpi_scale_trans
    left, top = corner
    by_group = {place.group: place for place in places}
    means = rows[(rows["row"] == "mean") & (rows["stars"] != "")]
    for row in means.itertuples(index=False):
        figure.text(
            left + (by_group[row.group].x + 0.6) * pitch,
            top - 1.5,
            row.stars,
            transform=points,
            ha="center",
            va="baseline",
            fontsize=_STAR_PT,
            color=styles[row.group].ink,
        ).set_gid(f"group{int(row.group_order)}-stars")
    for row in trends.itertuples(index=False):
        own = [p for p in places if p.cluster == by_group[row.group].cluster]
        ends = [left + (own[k].x + 0.6 + s * 0.3) * pitch for k, s in ((0, -1), (-1, 1))]
        figure.add_artist(
            Line2D(ends, [top + 8.5, top + 8.5], transform=points, color="#595959", linewidth=0.5)
        )
        figure.text(
            0.5 * (ends[0] + ends[1]),
            top + 10.5,
            trend_words(float(row.p)),
            transform=points,
            ha="center",
            va="baseline",
            fontsize=MIN_TEXT_PT,
            linespacing=1.1,
        ).set_gid(f"trend-{int(row.group_order)}")


def trend_words(p: float) -> str:
    """What stands above the doses of a drug."""
    return f"trend\n{p_words(p)}"


def inset_size(inset: pd.DataFrame, groups: Sequence[str], font: str) -> tuple[float, float]:
    """Width and height that an inset needs at least, points."""
    scale = _scale(inset, INSET_FACTOR, from_zero=False)
    ticks = _inset_ticks(scale)
    labels = max(text_width_pt(f"{t:g}", MIN_TEXT_PT, font) for t in ticks)
    plot = labels + 5.0 + _PITCH_PT * len(groups) + 3.0
    return max(plot, text_width_pt(INSET_UNIT, MIN_TEXT_PT, font) + 1.0), 2 * 7.2 + 27.0


def _inset_ticks(scale: Scale) -> tuple[float, ...]:
    return round_ticks(scale.low, scale.high, 3)


def draw_inset(
    figure: Any,
    box: tuple[float, float, float, float],
    page: tuple[float, float],
    inset: pd.DataFrame,
    groups: Sequence[str],
    look: Any,
    place: int,
) -> None:
    """Draw areas under the curve of a panel's groups into a box (points) of the figure.

    Groups stand in the order of the legend, with its markers and colours; the scale is that of all
    panels.
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator

    x, y, width, height = box
    scale = _scale(inset, INSET_FACTOR, from_zero=False)
    ticks = _inset_ticks(scale)
    labels = max(text_width_pt(f"{t:g}", MIN_TEXT_PT, look.font) for t in ticks)
    left = labels + 5.0
    plot = height - 2 * 7.2
    axes = figure.add_axes(
        (
            (x + left) / page[0],
            y / page[1],
            (width - left - 1.0) / page[0],
            plot / page[1],
        ),
        label=f"inset{place + 1}",
    )
    axes.patch.set_alpha(0.0)
    places = [Place(group, float(rank), "", "") for rank, group in enumerate(groups)]
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_ylim(scale.low, scale.high)
    axes.xaxis.set_major_locator(FixedLocator([]))
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{t:g}" for t in ticks]))
    axes.tick_params(axis="y", labelsize=MIN_TEXT_PT, length=1.8, pad=1.5, width=0.5)
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
    pitch = (width - left - 1.0) / len(groups)
    to_points = plot / (scale.high - scale.low)
    _draw_groups(axes, inset, places, look.styles, INSET_FACTOR, to_points, pitch, _INSET_DOT_PT)
    for line, text in enumerate((INSET_TITLE, INSET_UNIT)):
        figure.text(
            x / page[0],
            (y + height - 7.2 * line - 6.0) / page[1],
            text,
            fontsize=MIN_TEXT_PT,
            va="baseline",
        )
