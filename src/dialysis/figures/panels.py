"""What a time-course figure shows where: panels, legends and the scale of percent of baseline."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

LOG_ABOVE_PCT = 400.0
LOG_FLOOR_PCT = 5.0
ONE_PANEL_GROUPS = 3


@dataclass(frozen=True)
class Panel:
    """One pair of axes: a drug with the vehicle it is compared with.

    Parameters
    ----------
    heading : str
        Printed above the panel; empty when the figure has one panel.
    groups : tuple of str
        Vehicles first, then the drug's groups by dose.
    """

    heading: str
    groups: tuple[str, ...]


def panels_of(heads: pd.DataFrame) -> list[Panel]:
    """Split the groups of a figure into panels.

    Parameters
    ----------
    heads : DataFrame
        The ``group`` rows of the source data, in their order.

    Returns
    -------
    list of Panel
        One panel for up to three groups, or for one drug; else one per drug, with the vehicle
        groups it is compared with in each.
    """
    controls = [str(g) for g in heads.loc[heads["is_control"].astype(bool), "group"]]
    treated = heads[~heads["is_control"].astype(bool)]
    drugs = list(dict.fromkeys(treated["drug"]))
    if len(drugs) < 2 or len(heads) <= ONE_PANEL_GROUPS:
        return [Panel("", tuple(str(g) for g in heads["group"]))]
    panels = []
    for drug in drugs:
        rows = treated[treated["drug"] == drug]
        own = [c for c in controls if c in set(rows["control"])]
        panels.append(
            Panel(str(rows["drug_label"].iloc[0]), (*own, *(str(g) for g in rows["group"])))
        )
    return panels


def legend_label(head: pd.Series, panel: Panel) -> str:
    """Legend entry of a group: its label, without the drug where the panel's heading names it."""
    label = str(head["group_label"])
    if panel.heading and not bool(head["is_control"]):
        label = label.replace(f"{head['drug_label']} ", "", 1)
    return f"{label} (n = {int(head['n'])})"


@dataclass(frozen=True)
class Scale:
    """The axis of percent of baseline.

    Parameters
    ----------
    log : bool
        Whether it is logarithmic (base 2).
    low, high : float
        Its ends, percent of baseline.
    ticks : tuple of float
        Percent of baseline.
    """

    log: bool
    low: float
    high: float
    ticks: tuple[float, ...]

    @property
    def tick_labels(self) -> list[str]:
        """Ticks in plain numbers."""
        return [f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in self.ticks]


def percent_scale(
    values: Iterable[float],
    bars: Iterable[float],
    near_dose: Iterable[float],
    arrow_part: float,
) -> Scale:
    """Choose the axis: linear from 0, or log base 2 when values exceed 400 % of baseline.

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
    """
    shown = _finite(values)
    ends = _finite(bars)
    beside = _finite(near_dose)
    if not shown.size:
        return Scale(False, 0.0, 150.0, (0.0, 50.0, 100.0, 150.0))
    log = bool(shown.max() > LOG_ABOVE_PCT)
    reach = max(float(shown.max()), 100.0)
    if ends.size:
        reach = max(reach, min(float(ends.max()), 1.5 * reach))
    room = 1.0 - arrow_part
    if log:
        positive = np.concatenate([shown[shown > 0], [100.0]])
        low = max(0.9 * float(positive.min()), LOG_FLOOR_PCT)
        span = math.log(reach * 1.06 / low)
        if beside.size and beside.max() > low:
            span = max(span, math.log(float(beside.max()) / low) / room)
        high = low * math.exp(span)
        return Scale(True, low, high, _log_ticks(low, high))
    low = 0.0 if shown.min() >= 0 else 1.05 * float(shown.min())
    high = reach * 1.04
    if beside.size:
        high = max(high, low + (float(beside.max()) - low) / room)
    return Scale(False, low, high, _linear_ticks(low, high))


def _finite(values: Iterable[float]) -> np.ndarray:
    array = np.asarray(list(values), dtype=np.float64)
    return array[np.isfinite(array)]


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    first = math.floor(math.log2(low / 100.0))
    last = math.ceil(math.log2(high / 100.0))
    powers = [100.0 * 2.0**k for k in range(first, last + 1)]
    halfway = [1.5 * power for power in powers]
    for candidates in (sorted(powers + halfway), powers, powers[first % 2 :: 2]):
        ticks = tuple(t for t in candidates if low * 0.999 <= t <= high * 1.001)
        if len(ticks) <= 7:
            break
    return ticks


def _linear_ticks(low: float, high: float) -> tuple[float, ...]:
    # 100 is the line the figure is read against, so a step that hits it comes first.
    for step in (25.0, 50.0, 100.0, 200.0, 500.0):
        if (high - low) / step <= 7.0:
            break
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(step * k for k in range(first, last + 1))


def time_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Ticks of the time axis, min: multiples of a round step, at most `most` of them."""
    step = 5.0
    for step in (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 240.0, 480.0, 1440.0, 2880.0):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            break
    return tuple(step * k for k in range(first, last + 1))
