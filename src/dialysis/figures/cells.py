"""Pages of many small plots, drawn as one set of lines.

As a part of a few line collections a small plot costs a third of what `matplotlib` axes cost, and
there are hundreds of them.  A `Page` measures in points from its bottom left corner; a
`Cell` is a small plot in it that turns data into points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dialysis.plotting import POINTS_PER_MM, SMALL_PT, TEXT_PT, new_figure, text_width_pt
from dialysis.words import minus

FloatArray = npt.NDArray[np.float64]
PAGE_WIDTH_PT = 190.0 * POINTS_PER_MM
PAGE_HEIGHT_PT = 262.0 * POINTS_PER_MM
FRAME = "#595959"
BAND = "#E8EEF4"
WARN = "#C00000"
GREY = "#8C8C8C"
MARGIN_PT = 14.0
HEADER_PT = 30.0
BINS = 420

_LineStyle = tuple[str, float, tuple[float, ...], float]
_DotStyle = tuple[str, float, str, str, float]


@dataclass
class Page:
    """One page; everything drawn is collected and made into a figure at the end.

    Parameters
    ----------
    height : float
        Points.
    font : str
        Font family.
    """

    height: float
    font: str = "DejaVu Sans"
    width: float = PAGE_WIDTH_PT
    _lines: dict[_LineStyle, list[FloatArray]] = field(default_factory=dict)
    _dots: dict[_DotStyle, list[FloatArray]] = field(default_factory=dict)
    _fills: dict[tuple[str, float], list[FloatArray]] = field(default_factory=dict)
    _texts: list[dict[str, Any]] = field(default_factory=list)

    def line(
        self,
        points: FloatArray,
        color: str = "#000000",
        width: float = 0.6,
        dashes: tuple[float, ...] = (),
        z: float = 2.0,
    ) -> None:
        """Draw a line through points, shape (n, 2), broken where one is not finite."""
        present = np.isfinite(points).all(axis=1)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], present.astype(int), [0]])))
        kept = self._lines.setdefault((color, width, dashes, z), [])
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start > 1:
                kept.append(_on_grid(points[start:end]))

    def dots(
        self,
        points: FloatArray,
        marker: str = "o",
        size: float = 2.0,
        color: str = "#000000",
        face: str = "",
        z: float = 3.0,
    ) -> None:
        """Draw a marker at each point, shape (n, 2); points that are not finite are left out."""
        present = points[np.isfinite(points).all(axis=1)]
        if len(present):
            self._dots.setdefault((marker, size, color, face or color, z), []).append(present)

    def fill(self, points: FloatArray, color: str, z: float = 1.0) -> None:
        """Fill a polygon, shape (n, 2)."""
        self._fills.setdefault((color, z), []).append(_on_grid(points))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = SMALL_PT,
        color: str = "#000000",
        ha: str = "left",
        va: str = "baseline",
        bold: bool = False,
        rotation: float = 0.0,
    ) -> None:
        """Write text at a point."""
        self._texts.append(
            {
                "x": x,
                "y": y,
                "s": text,
                "fontsize": size,
                "color": color,
                "ha": ha,
                "va": va,
                "weight": "bold" if bold else "normal",
                "rotation": rotation,
            }
        )

    def header(self, title: str, guide: str) -> None:
        """Title of the page and one line on how to read it."""
        self.text(MARGIN_PT, self.height - 14.0, title, size=TEXT_PT + 1.0, bold=True)
        room = self.width - 2 * MARGIN_PT
        for row, line in enumerate(wrap(guide, room, SMALL_PT, self.font)[:2]):
            self.text(MARGIN_PT, self.height - 23.5 - 8.5 * row, line, color="#404040")

    def figure(self) -> Any:
        """Make the `matplotlib.figure.Figure`."""
        from matplotlib.collections import LineCollection, PolyCollection
        from matplotlib.lines import Line2D

        figure = new_figure(self.width / POINTS_PER_MM, self.height / POINTS_PER_MM)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set_xlim(0.0, self.width)
        axes.set_ylim(0.0, self.height)
        for (color, z), polygons in self._fills.items():
            axes.add_collection(
                PolyCollection(polygons, facecolors=color, edgecolors="none", zorder=z),
                autolim=False,
            )
        for (color, width, dashes, z), segments in self._lines.items():
            style = (0.0, dashes) if dashes else "solid"
            axes.add_collection(
                LineCollection(
                    segments, colors=color, linewidths=width, linestyles=[style], zorder=z
                ),
                autolim=False,
            )
        for (marker, size, color, face, z), groups in self._dots.items():
            points = np.concatenate(groups)
            axes.add_line(
                Line2D(
                    points[:, 0],
                    points[:, 1],
                    linestyle="none",
                    marker=marker,
                    markersize=size,
                    markeredgecolor=color,
                    markerfacecolor=face,
                    markeredgewidth=0.5,
                    zorder=z,
                )
            )
        for text in self._texts:
            axes.text(**text, zorder=5.0)
        return figure


@dataclass(frozen=True)
class Cell:
    """A small plot: where it is on its page, and what its axes span.

    Parameters
    ----------
    page : Page
    x, y, width, height : float
        Bottom left corner and size, points.
    xlim, ylim : tuple of float
        Data at the edges; positive for a logarithmic axis.
    xlog, ylog : bool
        Whether the axis is logarithmic.
    """

    page: Page
    x: float
    y: float
    width: float
    height: float
    xlim: tuple[float, float]
    ylim: tuple[float, float]
    xlog: bool = False
    ylog: bool = False

    def at(self, x: Any, y: Any, clip: bool = True) -> FloatArray:
        """Turn data into points, shape (n, 2).

        What lies outside comes to the edge, or with ``clip=False`` becomes missing.
        """
        across = _place(x, self.xlim, self.xlog)
        up = _place(y, self.ylim, self.ylog)
        across, up = np.broadcast_arrays(across, up)
        if clip:
            across, up = np.clip(across, 0.0, 1.0), np.clip(up, 0.0, 1.0)
        else:
            inside = (across >= 0) & (across <= 1) & (up >= 0) & (up <= 1)
            across, up = np.where(inside, across, np.nan), np.where(inside, up, np.nan)
        return np.column_stack([self.x + across * self.width, self.y + up * self.height])

    def frame(self) -> None:
        """Draw the left and the lower axis."""
        corner = np.array(
            [[self.x, self.y + self.height], [self.x, self.y], [self.x + self.width, self.y]]
        )
        self.page.line(corner, FRAME, 0.5)

    def band(self, low: float, high: float, color: str = BAND) -> None:
        """Shade from `low` to `high` of the x axis."""
        left, right = self.at([low, high], [self.ylim[0]] * 2)[:, 0]
        top = self.y + self.height
        self.page.fill(
            np.array([[left, self.y], [right, self.y], [right, top], [left, top]]), color
        )

    def horizontal(self, y: float, color: str = GREY, dashes: tuple[float, ...] = (4, 3)) -> None:
        """Draw a line across at `y`, when it is inside."""
        if self.ylim[0] <= y <= self.ylim[1]:
            self.page.line(self.at(list(self.xlim), [y, y]), color, 0.5, dashes, z=1.5)

    def vertical(self, x: float, color: str = GREY, dashes: tuple[float, ...] = (4, 3)) -> None:
        """Draw a line up at `x`, when it is inside."""
        if self.xlim[0] <= x <= self.xlim[1]:
            self.page.line(self.at([x, x], list(self.ylim)), color, 0.5, dashes, z=1.5)

    def xticks(self, ticks: Sequence[float], labels: bool = True) -> None:
        """Draw ticks below, with their numbers where those of neighbours don't touch."""
        last = -math.inf
        for tick in ticks:
            if not self.xlim[0] <= tick <= self.xlim[1]:
                continue
            (point,) = self.at([tick], [self.ylim[0]])
            self.page.line(np.array([point, point - [0.0, 2.0]]), FRAME, 0.5)
            text = number(tick)
            half = 0.5 * text_width_pt(text, SMALL_PT, self.page.font)
            if labels and point[0] - half > last + 2.0:
                self.page.text(point[0], point[1] - 3.0, text, ha="center", va="top")
                last = float(point[0]) + half

    def yticks(self, ticks: Sequence[float], labels: bool = True) -> None:
        """Draw ticks on the left, with their numbers where those of neighbours don't touch."""
        last = -math.inf
        for tick in ticks:
            if not self.ylim[0] <= tick <= self.ylim[1]:
                continue
            (point,) = self.at([self.xlim[0]], [tick])
            self.page.line(np.array([point, point - [2.0, 0.0]]), FRAME, 0.5)
            if labels and point[1] - 4.5 > last:
                self.page.text(point[0] - 3.0, point[1], number(tick), ha="right", va="center")
                last = float(point[1]) + 4.5

    def note(self, text: str, color: str = "#404040") -> None:
        """Write in the middle, wrapped to the width and cut to the height."""
        rows = max(int(self.height // 8.0), 1)
        lines = wrap(text, self.width - 4.0, SMALL_PT, self.page.font)
        if len(lines) > rows:
            lines = [*lines[: rows - 1], f"{lines[rows - 1]} …"]
        x, y = self.x + 0.5 * self.width, self.y + 0.5 * self.height
        self.page.text(x, y, "\n".join(lines), color=color, ha="center", va="center")


def _on_grid(points: FloatArray) -> FloatArray:
    """Points rounded to a twentieth of a point (18 µm): half the digits in the file."""
    return np.asarray(np.round(points * 20.0) / 20.0)


def _place(values: Any, limits: tuple[float, float], log: bool) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    low, high = limits
    if log:
        positive = np.where(array > 0, array, np.nan)
        return np.asarray(np.log(positive / low) / math.log(high / low))
    return np.asarray((array - low) / (high - low))


def number(value: float) -> str:
    """Print a tick with a true minus sign and no exponent below a million."""
    text = (
        f"{value:.6g}" if abs(value) < 1e6 and (value == 0 or abs(value) >= 1e-4) else f"{value:g}"
    )
    return minus(text)


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` ticks at multiples of 1, 2 or 5 × 10ᵏ between `low` and `high`."""
    span = high - low
    if not span > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / max(most, 1)))
    ticks: list[float] = []
    for factor in (1.0, 2.0, 5.0, 10.0, 20.0):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        ticks = [float(f"{step * k:.12g}") for k in range(first, last + 1)]
        if len(ticks) <= most:
            break
    return ticks


def decades(low: float, high: float) -> list[float]:
    """Powers of ten from `low` to `high`."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**k for k in range(first, last + 1)]


def spread(values: Any, around: float = 0.0, least: float = 0.0) -> tuple[float, float]:
    """Limits symmetric about `around` that hold all finite values and at least ± `least`."""
    array = np.asarray(values, dtype=np.float64)
    array = np.abs(array[np.isfinite(array)] - around)
    reach = max(float(array.max()) * 1.08 if array.size else 0.0, least) or 1.0
    return around - reach, around + reach


def wrap(text: str, width: float, size: float, font: str) -> list[str]:
    """Break text into lines of at most `width` points."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width_pt(longer, size, font) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return [fitted(line, width, size, font) for line in lines]


def fitted(text: str, width: float, size: float, font: str) -> str:
    """Cut a line that has no place to break to `width` points."""
    if text_width_pt(text, size, font) <= width:
        return text
    while len(text) > 1 and text_width_pt(f"{text}…", size, font) > width:
        text = text[:-1]
    return f"{text}…"


def pages_of(items: Sequence[Any], per_page: int) -> list[list[Any]]:
    """Split a list into pages; at least one, which may be empty."""
    return [list(items[i : i + per_page]) for i in range(0, len(items), per_page)] or [[]]
