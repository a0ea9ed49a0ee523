"""Summary measures of one probe and one outcome: AUC, mean, peak and its time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dialysis.normalize.time_axis import Fraction

_ROUNDING_MIN = 1e-9


@dataclass(frozen=True)
class Point:
    """A fraction with its percent of baseline.

    Parameters
    ----------
    fraction : Fraction
        The fraction.
    pct : float
        Percent of baseline (100 for no change).
    used : bool
        Whether it counts.
    reason : str
        Why it does not.
    """

    fraction: Fraction
    pct: float
    used: bool
    reason: str


@dataclass(frozen=True)
class Summary:
    """Summary measures over a window; nan where missing.

    Parameters
    ----------
    window_start_min, window_end_min : float
        The window, min from the dose.
    n_fractions, n_missing : int
        Fractions in it with and without a value.
    auc_pct_min, auc_net_pct_min : float
        Σ P·Δt and Σ (P − 100)·Δt, % × min.
    mean_pct : float
        Σ P·Δt / Σ Δt.
    peak_pct, tmax_min : float
        Largest P and the time of the first fraction that has it.
    reason : str
        Why a measure is missing.
    """

    window_start_min: float
    window_end_min: float
    n_fractions: int
    n_missing: int
    auc_pct_min: float
    auc_net_pct_min: float
    mean_pct: float
    peak_pct: float
    tmax_min: float
    reason: str


def common_end(fractions: Sequence[Sequence[Fraction]]) -> float:
    """End of the last fraction after the dose that all of several probes have, min from the dose.

    Lost vials count as had.  inf when no probe has a fraction after the dose.
    """
    ends = [
        max(f.fluid_end_min for f in own if f.period == "post")
        for own in fractions
        if any(f.period == "post" for f in own)
    ]
    return min(ends, default=math.inf)


def summarise(
    points: Sequence[Point],
    window: tuple[float, float] | None,
    end_min: float,
    left_out: str = "",
) -> Summary:
    """Compute the summary measures of one probe and one outcome.

    Parameters
    ----------
    points : sequence of Point
        All fractions of the probe in the order of time, lost ones included.
    window : tuple of float or None
        Start and end, min from the dose; None for all fractions after the dose up to `end_min`.
    end_min : float
        See `common_end`; used without a window only.
    left_out : str
        Why the whole probe does not count, if so; it is then the only reason given.

    Notes
    -----
    A fraction is an integral over its time, so Σ P·Δt is exact and is the definition of the AUC
    (a trapezoid through the midpoints drops half a fraction at each end).  Fractions after the
    dose belong to the window whose lag-corrected midpoint m fulfils start ≤ m < end.  When one of
    them has no value, or the fractions end before the window does, the AUC and the mean are
    missing; peak and time of the peak are those of the values there are.
    """
    post = [point for point in points if point.fraction.period == "post"]
    low, high = (-math.inf, end_min) if window is None else window
    inside = [
        point
        for point in post
        if low - _ROUNDING_MIN <= point.fraction.mid_min < high - _ROUNDING_MIN
    ]
    if window is None:
        low = inside[0].fraction.fluid_start_min if inside else math.nan
        high = inside[-1].fraction.fluid_end_min if inside else math.nan
    used = [point for point in inside if point.used]
    reasons = [left_out] if left_out else _why_missing(inside, window)
    auc = net = mean = peak = tmax = math.nan
    if used and not reasons:
        lengths = [point.fraction.duration_min for point in used]
        auc = math.fsum(p.pct * dt for p, dt in zip(used, lengths, strict=True))
        net = math.fsum((p.pct - 100.0) * dt for p, dt in zip(used, lengths, strict=True))
        mean = auc / math.fsum(lengths)
    if used:
        highest = max(used, key=lambda point: point.pct)
        peak, tmax = highest.pct, highest.fraction.time_min
    return Summary(
        window_start_min=low,
        window_end_min=high,
        n_fractions=len(used),
        n_missing=len(inside) - len(used),
        auc_pct_min=auc,
        auc_net_pct_min=net,
        mean_pct=mean,
        peak_pct=peak,
        tmax_min=tmax,
        reason="; ".join(reasons),
    )


def _why_missing(inside: Sequence[Point], window: tuple[float, float] | None) -> list[str]:
    if not inside:
        return ["no fraction after the dose in the window"]
    by_reason: dict[str, list[str]] = {}
    for point in inside:
        if not point.used:
            by_reason.setdefault(point.reason, []).append(str(point.fraction.number))
    reasons = [
        f"no value for fraction{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}: {reason}"
        for reason, numbers in by_reason.items()
    ]
    if window is not None:
        last = inside[-1].fraction
        # One more fraction of the same length would still belong to the window.
        if last.mid_min + last.duration_min < window[1] - _ROUNDING_MIN:
            reasons.append(
                f"the fractions end at {last.fluid_end_min:g} min, before the window does at "
                f"{window[1]:g} min"
            )
    return reasons
