"""A picture of the traces in export files: many to a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray, VendorPeak
from dialysis.figures.cells import (
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
from dialysis.plotting import OKABE_ITO, SMALL_PT, mix, save_figure, save_pages, style
from dialysis.traceplot import thinned

ENDINGS = (".pdf", ".png")
PER_PAGE = 24

_COLUMNS = 3
_PITCH_PT = 90.0
_PLOT_PT = 50.0
_LEFT_PT = 34.0
_SHADE = mix(OKABE_ITO["sky blue"], "#FFFFFF", 0.55)


@dataclass(frozen=True)
class _Small:
    """What is kept of a trace: few enough points to draw hundreds of them."""

    title: str
    channel: str
    unit: str
    time_min: FloatArray
    signal: FloatArray
    vendor_peaks: tuple[VendorPeak, ...]


@dataclass
class Gallery:
    """Collects traces, and draws them in the order they came.

    Parameters
    ----------
    most : int or None
        Traces after so many are counted and not kept.
    """

    most: int | None = None
    n_traces: int = 0
    _kept: list[_Small] = field(default_factory=list)

    def add(self, trace: Chromatogram) -> None:
        """Keep what is needed to draw a trace."""
        self.n_traces += 1
        if self.most is not None and len(self._kept) >= self.most:
            return
        time, signal = thinned(trace.times_s / 60.0, trace.signal)
        parts = (Path(trace.file).name, trace.section or trace.sample_name)
        title = " · ".join(part for part in parts if part)
        self._kept.append(
            _Small(title, trace.channel, trace.unit, time, signal, trace.vendor_peaks)
        )

    def pages(self, font: str = "DejaVu Sans") -> Iterator[Any]:
        """Draw the pages, to be saved inside `dialysis.plotting.style`."""
        pages = pages_of(self._kept, PER_PAGE)
        for number, chosen in enumerate(pages, start=1):
            rows = -(-max(len(chosen), 1) // _COLUMNS)
            page = Page(HEADER_PT + 8.0 + rows * _PITCH_PT + MARGIN_PT, font)
            shown = f"{len(self._kept)} of {self.n_traces}" if self._left_out else self.n_traces
            page.header(
                f"Traces ({shown}), page {number} of {len(pages)}",
                "Signal against minutes from the injection, each on its own scale. Shaded: the "
                "vendor's peaks where the export gives their limits; red: the baseline it gives, "
                "or the line between the limits.",
            )
            pitch = (PAGE_WIDTH_PT - MARGIN_PT) / _COLUMNS
            for place, trace in enumerate(chosen):
                row, column = divmod(place, _COLUMNS)
                top = page.height - HEADER_PT - 12.0 - row * _PITCH_PT
                _draw(page, _LEFT_PT + column * pitch, top, pitch - _LEFT_PT, trace)
            yield page.figure()

    @property
    def _left_out(self) -> int:
        return self.n_traces - len(self._kept)


def save_gallery(gallery: Gallery, path: Path) -> list[Path]:
    """Write the pages of a gallery: all of them as PDF, or the first as PNG.

    Parameters
    ----------
    gallery : Gallery
        With at least one trace.
    path : Path
        File ending in ``.pdf`` or ``.png``.

    Returns
    -------
    list of Path
        The file.
    """
    with style():
        if path.suffix == ".png":
            return save_figure(next(gallery.pages()), path.with_suffix(""), ["png"], dpi=150)
        return save_pages(gallery.pages(), path.with_suffix(""), dpi=None)


def _draw(page: Page, x: float, top: float, width: float, trace: _Small) -> None:
    low, high = float(trace.signal.min()), float(trace.signal.max())
    reach = (high - low) or abs(high) or 1.0
    xlim = (float(trace.time_min[0]), float(trace.time_min[-1]))
    cell = Cell(
        page,
        x,
        top - 20.0 - _PLOT_PT,
        width,
        _PLOT_PT,
        xlim,
        (low - 0.03 * reach, high + 0.05 * reach),
    )
    page.text(x, top - 6.0, wrap(trace.title, width, SMALL_PT, page.font)[0])
    below = ", ".join(part for part in (trace.channel, trace.unit) if part)
    page.text(x, top - 14.0, wrap(below, width, SMALL_PT, page.font)[0], color="#404040")
    cell.frame()
    cell.xticks(round_ticks(*cell.xlim, 5))
    cell.yticks(round_ticks(*cell.ylim, 3))
    for peak in trace.vendor_peaks:
        _draw_vendor_peak(cell, trace, peak)
    page.line(cell.at(trace.time_min, trace.signal), "#1A1A1A", 0.4, z=3.0)


def _draw_vendor_peak(cell: Cell, trace: _Small, peak: VendorPeak) -> None:
    """Shade a peak down to its baseline, or mark its apex where it has no limits."""
    if peak.start_min is None or peak.end_min is None:
        apex = float(np.interp(peak.rt_min, trace.time_min, trace.signal))
        cell.page.dots(cell.at([peak.rt_min], [apex], clip=False), "|", 4.0, WARN, z=3.5)
        return
    limits = np.array([peak.start_min, peak.end_min])
    given = (peak.baseline_start, peak.baseline_end)
    base = np.interp(limits, trace.time_min, trace.signal)
    base = np.array([b if g is None else g for b, g in zip(base, given, strict=True)])
    inside = (trace.time_min > limits[0]) & (trace.time_min < limits[1])
    x = np.concatenate([limits[:1], trace.time_min[inside], limits[1:]])
    y = np.concatenate([base[:1], trace.signal[inside], base[1:]])
    cell.page.fill(cell.at(x, y), _SHADE, z=1.2)
    cell.page.line(cell.at(limits, base, clip=False), WARN, 0.5, z=3.2)
