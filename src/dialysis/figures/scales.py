"""Axes of figures: linear or logarithmic, their ends and ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialysis.words import minus

LOG_ABOVE_PCT = 400.0
LOG_FLOOR_PCT = 5.0
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """A vertical axis.

    Parameters
    ----------
    log : bool
        Whether it is logarithmic.
    low, high : float
        Its ends, in the unit of the values.
    ticks : tuple of float
        In the same unit.
    """

    log: bool
    low: float
    high: float
    ticks: tuple[float, ...]

    @property
    def tick_labels(self) -> list[str]:
        """Ticks in plain numbers."""
        return [minus(f"{tick:g}") for tick in self.ticks]


def percent_scale(
    values: Iterable[float],
    bars: Iterable[float],
    near_dose: Iterable[float],
    arrow_part: float,
    axis: str = "auto",
) -> Scale:
    """Choose the axis of percent of baseline: as narrow as the values let it.

    Parameters
    ----------
    values : iterable of float
        Means and, when they are drawn, individual values, percent of baseline.
    bars : iterable of float
        Ends of error bars.  They widen the axis, but by no more than half of what the values
        need: an interval from two animals may reach anywhere.
    near_dose : iterable of float
        Values beside the dose, which stay below the arrow.
    arrow_part : float
        Height of the arrow as a part of the axis, from the top.
    axis : {"auto", "linear", "log"}
        ``auto`` is logarithmic when a value exceeds 400 % of baseline.
    """
    shown = finite(values)
    ends = finite(bars)
    beside = finite(near_dose)
    if not shown.size:
        return Scale(False, 0.0, 150.0, (0.0, 50.0, 100.0, 150.0))
    log = axis == "log" or (axis == "auto" and bool(shown.max() > LOG_ABOVE_PCT))
    reach = max(float(shown.max()), 100.0)
    depth = min(float(shown.min()), 100.0)
    if ends.size:
        depth = min(depth, max(float(ends.min()), depth - 0.5 * (reach - depth)))
        reach = max(reach, min(float(ends.max()), 1.5 * reach))
    room = 1.0 - arrow_part
    if log:
        positive = np.concatenate([shown[shown > 0], ends[ends > 0], [100.0]])
        low = max(0.9 * float(positive.min()), LOG_FLOOR_PCT)
        span = math.log(reach * 1.06 / low)
        if beside.size and beside.max() > low:
            span = max(span, math.log(float(beside.max()) / low) / room)
        high = low * math.exp(span)
        return Scale(True, low, high, log2_ticks(low, high))
    if shown.min() >= 0:
        depth = max(depth, 0.0)
    step = _percent_step(reach - depth)
    low = math.floor((depth - 0.01 * (reach - depth)) / (0.5 * step)) * 0.5 * step
    if shown.min() >= 0 and low < 0.12 * reach:
        low = 0.0
    high = reach + 0.04 * (reach - low)
    if beside.size:
        high = max(high, low + (float(beside.max()) - low) / room)
    step = _percent_step(high - low)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Scale(False, low, high, tuple(step * k for k in range(first, last + 1)))


def level_scale(
    values: Iterable[float],
    bars: Iterable[float],
    near_dose: Iterable[float],
    arrow_part: float,
    axis: str = "auto",
) -> Scale:
    """Choose the axis of a level: from 0, or logarithmic when it spans more than 50-fold.

    Parameters are those of `percent_scale`, in the unit of the level.
    """
    shown, ends, beside = finite(values), finite(bars), finite(near_dose)
    if not shown.size:
        return Scale(False, 0.0, 1.0, (0.0, 0.5, 1.0))
    reach = float(shown.max())
    if ends.size:
        reach = max(reach, min(float(ends.max()), 1.5 * reach))
    positive = shown[shown > 0]
    asked = axis == "log"
    wide = axis == "auto" and positive.size and reach > 50.0 * float(np.quantile(positive, 0.05))
    if positive.size and (asked or wide):
        low = 0.85 * float(positive.min())
        high = reach * (1.15 if not beside.size else 1.6)
        return Scale(True, low, high, decade_ticks(low, high))
    low = min(0.0, 1.05 * float(shown.min()))
    high = low + (reach - low) * 1.05 if reach > low else low + 1.0
    if beside.size:
        high = max(high, low + (float(beside.max()) - low) / (1.0 - arrow_part))
    return Scale(False, low, high, round_ticks(low, high, 6))


def ratio_scale(low: float, high: float) -> Scale:
    """Choose a logarithmic axis for ratios in percent that holds `low` to `high` and 100."""
    low, high = min(low, 100.0) / 1.04, max(high, 100.0) * 1.04
    return Scale(True, low, high, log2_ticks(low, high))


def finite(values: Iterable[float]) -> FloatArray:
    """Values that are numbers, as float64."""
    array = np.asarray(list(values), dtype=np.float64)
    return array[np.isfinite(array)]


def log2_ticks(low: float, high: float) -> tuple[float, ...]:
    """Ticks of a logarithmic axis of percent: 100 times powers of 2, and between them."""
    first = math.floor(math.log2(low / 100.0))
    last = math.ceil(math.log2(high / 100.0))
    powers = [100.0 * 2.0**k for k in range(first, last + 1)]
    halfway = [1.5 * power for power in powers]
    quarters = [f * power for power in powers for f in (1.25, 1.75)]
    ticks: tuple[float, ...] = ()
    for candidates in (
        sorted(powers + halfway + quarters),
        sorted(powers + halfway),
        powers,
        powers[first % 2 :: 2],
    ):
        ticks = tuple(t for t in candidates if low * 0.999 <= t <= high * 1.001)
        if len(ticks) <= 6:
            break
    return ticks


def decade_ticks(low: float, high: float) -> tuple[float, ...]:
    """Ticks of a logarithmic axis of a level: 1, 2 and 5 times powers of ten, or fewer."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks: tuple[float, ...] = ()
    for factors in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        every = (float(f"{f * 10.0**k:.12g}") for k in range(first, last + 1) for f in factors)
        ticks = tuple(t for t in every if low * 0.999 <= t <= high * 1.001)
        if len(ticks) <= 6:
            break
    return ticks


def round_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """At most `most` ticks at multiples of 1, 2 or 5 × 10ᵏ."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    ticks: tuple[float, ...] = ()
    for factor in (1.0, 2.0, 5.0, 10.0, 20.0):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        ticks = tuple(float(f"{step * k:.12g}") for k in range(first, last + 1))
        if len(ticks) <= most:
            break
    return ticks


def _percent_step(span: float) -> float:
    # 100 is the line the figure is read against, so a step that hits it comes first.
    step = 10.0
    for step in (10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 500.0):
        if span / step <= 6.0:
            break
    return step


def time_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Ticks of the time axis, min: multiples of a round step, at most `most` of them."""
    step = 5.0
    for step in (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 240.0, 480.0, 1440.0, 2880.0):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            break
    return tuple(step * k for k in range(first, last + 1))
