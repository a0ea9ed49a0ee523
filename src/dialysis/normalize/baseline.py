"""The baseline of one probe and one outcome: mean, stability, usability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialysis.normalize.values import Value
from dialysis.words import p_words

TREND_ALPHA = 0.05


@dataclass(frozen=True)
class Baseline:
    """The pre-drug baseline of one probe and one outcome.

    Parameters
    ----------
    n : int
        Fractions used.
    mean, sd : float
        Of their values, in their unit; sd with n − 1.  nan where undefined.
    cv_pct : float
        100·sd/mean.
    trend_pct_per_fraction, trend_p : float
        Slope of the least-squares line on the fractions' places, % of the mean per fraction, and
        its two-sided p (t with n − 2 degrees of freedom).
    last_jump_pct : float
        Last fraction against the mean of the others, %.
    stable : bool or None
        Whether the rules hold; None when they can't be judged.
    defined : bool
        Whether percent of baseline is defined.
    usable : bool
        Whether it also counts.
    reasons : tuple of str
        Why it is not stable or not usable.
    flags : tuple of str
        Flags for the rows of the time course.
    """

    n: int
    mean: float
    sd: float
    cv_pct: float
    trend_pct_per_fraction: float
    trend_p: float
    last_jump_pct: float
    stable: bool | None
    defined: bool
    usable: bool
    reasons: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The reasons in one text."""
        return "; ".join(self.reasons)


def linear_trend(places: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Least-squares slope and its two-sided p.

    Parameters
    ----------
    places, values : sequence of float
        x and y, of equal length.

    Returns
    -------
    slope : float
        Unit of y per unit of x; nan with fewer than 2 points.
    p : float
        t test of slope 0 with n − 2 degrees of freedom; nan with fewer than 3 points.  For
        points exactly on a line it is 0, or 1 when the line is level.
    """
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    mean_x, mean_y = math.fsum(places) / n, math.fsum(values) / n
    dx = [x - mean_x for x in places]
    dy = [y - mean_y for y in values]
    ss_x = math.fsum(d * d for d in dx)
    slope = math.fsum(a * b for a, b in zip(dx, dy, strict=True)) / ss_x
    if n < 3:
        return slope, math.nan
    residual = math.fsum((b - slope * a) ** 2 for a, b in zip(dx, dy, strict=True))
    explained = slope * slope * ss_x
    # Sums of squares at the level of rounding are no variation.
    rounding = n * (1e-14 * max(abs(y) for y in values)) ** 2
    if explained <= rounding:
        return (0.0 if residual <= rounding else slope), 1.0
    if residual <= rounding:
        return slope, 0.0
    from scipy.special import stdtr

    t = math.sqrt(explained / (residual / (n - 2)))
    return slope, float(2.0 * stdtr(n - 2, -t))


def baseline_of(
    values: Sequence[Value], places: Sequence[int], unit: str, config: Mapping[str, Any]
) -> Baseline:
    """Compute the baseline of one probe and one outcome from its usable baseline fractions.

    Parameters
    ----------
    values : sequence of Value
        Values of the baseline fractions that count, in the order of time.
    places : sequence of int
        Their `time_index`, so that a lost vial keeps its place in the trend.
    unit : str
        Unit of the values, for the reasons.
    config : mapping
        The ``normalize.baseline`` section.

    Returns
    -------
    Baseline
    """
    concs = [value.conc for value in values]
    n = len(concs)
    mean = math.fsum(concs) / n if n else math.nan
    positive = n > 0 and mean > 0
    sd = math.sqrt(math.fsum((c - mean) ** 2 for c in concs) / (n - 1)) if n > 1 else math.nan
    slope, trend_p = linear_trend([float(place) for place in places], concs)
    cv = 100 * sd / mean if positive else math.nan
    trend = 100 * slope / mean if positive else math.nan
    last_jump = math.nan
    if n > 1 and (others := math.fsum(concs[:-1]) / (n - 1)) > 0:
        last_jump = 100 * (concs[-1] - others) / others

    undefined = _why_undefined(n, mean, unit, config)
    weak = _below_loq(values) if n else []
    if weak and config["below_loq"] == "exclude":
        undefined += weak
    instabilities = _instabilities(cv, trend, trend_p, config)
    stable = None if math.isnan(cv) else not instabilities
    shaky = [f"unstable baseline: {' and '.join(instabilities)}"] if instabilities else []
    kept_weak = [f"{reason} (kept, below_loq: flag)" for reason in weak]
    reasons = undefined + ([] if config["below_loq"] == "exclude" else kept_weak) + shaky
    if stable is None and not undefined:
        reasons.append(f"stability can't be judged from {n} baseline fraction")
    flags = []
    if weak:
        flags.append("baseline_below_loq")
    if any(value.censored for value in values):
        flags.append("baseline_censored")
    if instabilities:
        flags.append("unstable_baseline")
    return Baseline(
        n=n,
        mean=mean,
        sd=sd,
        cv_pct=cv,
        trend_pct_per_fraction=trend,
        trend_p=trend_p,
        last_jump_pct=last_jump,
        stable=stable,
        defined=not undefined,
        usable=not undefined and not (instabilities and config["unstable"] == "exclude"),
        reasons=tuple(reasons),
        flags=tuple(flags),
    )


def _why_undefined(n: int, mean: float, unit: str, config: Mapping[str, Any]) -> list[str]:
    least, wanted = int(config["min_fractions"]), int(config["n_fractions"])
    if n < least:
        return [f"{n} of {wanted} baseline fractions with a value, at least {least} needed"]
    if mean <= 0:
        return [f"baseline mean {mean:.4g} {unit} is not above 0"]
    return []


def _below_loq(values: Sequence[Value]) -> list[str]:
    """Name each analyte whose mean over the baseline is below its limit of quantification."""
    reasons = []
    for parts in zip(*(value.parts for value in values), strict=True):
        limits = [part.loq for part in parts if not math.isnan(part.loq)]
        if not limits:
            continue
        mean = math.fsum(part.conc for part in parts) / len(parts)
        limit = math.fsum(limits) / len(limits)
        if mean < limit:
            unit = parts[0].unit
            reasons.append(
                f"baseline mean of {parts[0].analyte} {mean:.4g} {unit} is below the limit of "
                f"quantification {limit:.4g} {unit}"
            )
    return reasons


def _instabilities(
    cv_pct: float, trend: float, trend_p: float, config: Mapping[str, Any]
) -> list[str]:
    found = []
    if cv_pct > config["max_cv_pct"]:
        found.append(f"CV {cv_pct:.3g} % above {config['max_cv_pct']:g} %")
    if abs(trend) > config["max_trend_pct_per_fraction"] and trend_p < TREND_ALPHA:
        found.append(
            f"trend {trend:+.3g} % per fraction ({p_words(trend_p)}) beyond "
            f"{config['max_trend_pct_per_fraction']:g} %"
        )
    return found
