"""Checks of the curve and of what is measured against it: calibrators, QCs, brackets, range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from dialysis.quantify.calibration import level_numbers
from dialysis.quantify.checks import Check, judged, no_calibration, not_applicable
from dialysis.quantify.model import Calibration, Key
from dialysis.words import decimal, p_words

TWO_THIRDS = 2.0 / 3.0
"""Part of a run's QCs (and brackets) that must hold their limit (ICH M10, section 3.3.2); of
those of one level half must."""

REPEATABILITY_SDS = 4.0
"""Standard deviations of a difference that repeatability is granted: with a hundred differences
in a study, three would be passed by chance in every fourth healthy one."""

_MAD_TO_SD = 1.4826

Point = dict[str, Any]


def curve_checks(calibration: Calibration, limits: Mapping[str, Any]) -> list[Check]:
    """R² and lack of fit of one run and analyte."""
    key = (calibration.run, calibration.analyte)
    least_r2, least_p = float(limits["min_r2"]), float(limits["min_lack_of_fit_p"])
    curve = calibration.curve
    if curve is None:
        return [
            no_calibration(key, "calibration_r2", "", calibration, least_r2),
            no_calibration(key, "lack_of_fit", "", calibration, least_p),
        ]
    if curve.df == 0:
        reason = "no degrees of freedom: as many points as parameters"
        r2 = not_applicable(key, "calibration_r2", "", reason, least_r2)
    elif not math.isfinite(curve.r2):
        r2 = not_applicable(key, "calibration_r2", "", "all responses are equal", least_r2)
    else:
        passes = curve.r2 >= least_r2
        word = "at least" if passes else "below"
        reason = f"weighted R² {curve.r2:.5f} is {word} {least_r2:g}"
        r2 = Check(*key, "", "calibration_r2", curve.r2, least_r2, "", judged(passes), reason)
    value, test = curve.lack_of_fit_p, "lack of fit against the scatter of replicates"
    if not math.isfinite(value):
        value, test = curve.curvature_p, "curvature (Mandel's test; there are no replicates)"
    if not math.isfinite(value):
        reason = "no replicates, and too few levels to tell a curve from a line"
        return [r2, not_applicable(key, "lack_of_fit", "p", reason, least_p)]
    reason = f"{test}: {p_words(value)}, limit {least_p:g}"
    fit = Check(*key, "", "lack_of_fit", value, least_p, "p", judged(value >= least_p), reason)
    return [r2, fit]


def back_calculation_checks(
    calibration: Calibration, own: list[Point], limit: float, left_out: bool
) -> list[Check]:
    """Every calibrator beyond its limit, or the one that comes nearest to it."""
    key, rule = (calibration.run, calibration.analyte), "back_calculation"
    if calibration.curve is None:
        return [no_calibration(key, rule, "%", calibration, limit)]
    failing = [point for point in own if math.isfinite(point["failing_pct"])]
    used = [point for point in own if point["used"] and point["amount_fmol"] > 0]
    if failing:
        n = len(used) + len(failing) * left_out
        fate = "left out of the curve" if left_out else "kept in the curve"
        return [
            Check(
                *key,
                point["injection_id"],
                rule,
                point["failing_pct"],
                point["limit_pct"],
                "%",
                "WARN",
                f"{point['injection_id']}, {decimal(point['amount_fmol'])} fmol: back-calculated "
                f"error {point['failing_pct']:+.1f} % from the curve through the others, limit "
                f"{point['limit_pct']:g} %; {len(failing)} of {n} calibrators exceed theirs; "
                f"{fate}",
            )
            for point in failing
        ]
    shares = [abs(p["error_pct"]) / p["limit_pct"] for p in used]
    # Beyond the turning point of a quadratic curve there is no amount, and no share.
    shares = [share if math.isfinite(share) else math.inf for share in shares]
    worst = shares.index(max(shares))
    point = used[worst]
    beyond = sum(share > 1.0 for share in shares)
    reason = (
        f"{point['injection_id']}, {decimal(point['amount_fmol'])} fmol: back-calculated error "
        f"{point['error_pct']:+.1f} %, limit {point['limit_pct']:g} %; "
        f"{beyond} of {len(used)} calibrators exceed theirs"
    )
    return [
        Check(
            *key,
            point["injection_id"],
            rule,
            float(point["error_pct"]),
            float(point["limit_pct"]),
            "%",
            judged(beyond == 0),
            reason,
        )
    ]


def accuracy_checks(calibration: Calibration, own: list[Point], role: str) -> list[Check]:
    """Error of every QC (role qc), or bracket that drift is not corrected by (role bracket).

    One beyond the limit fails where fewer than two thirds of the run's hold it, or of QCs fewer
    than half of its level; else it is passed with that reason: among many single injections one
    beyond three standard deviations is expected.
    """
    rule = "qc_accuracy" if role == "qc" else "bracket_accuracy"
    key = (calibration.run, calibration.analyte)
    mine = [point for point in own if point["role"] == role]
    counting = [p for p in mine if not _why_not(calibration, p)]
    inside = [abs(p["error_pct"]) <= p["limit_pct"] for p in counting]
    levels = level_numbers([p["amount_fmol"] for p in counting]) if counting else np.zeros(0)
    out = []
    for point in mine:
        value, limit = float(point["error_pct"]), float(point["limit_pct"])
        reason = _why_not(calibration, point)
        if reason:
            value, status = (math.nan if point["exclusion"] else value), "NA"
        else:
            status = judged(abs(value) <= limit)
            reason = (
                f"{decimal(point['back_fmol'])} fmol found for "
                f"{decimal(point['amount_fmol'])} fmol, error {value:+.1f} %, limit {limit:g} %"
            )
            if status == "WARN":
                level = levels[[p is point for p in counting]][0]
                peers = [ok for ok, at in zip(inside, levels, strict=True) if at == level]
                enough = sum(inside) >= TWO_THIRDS * len(inside) - 1e-9
                if enough and (role == "bracket" or sum(peers) >= 0.5 * len(peers)):
                    status = "PASS"
                    what = "QCs" if role == "qc" else "brackets"
                    reason += (
                        f"; passed, because {sum(inside)} of the run's {len(inside)} {what} hold "
                        "theirs (two thirds must)"
                    )
        out.append(Check(*key, point["injection_id"], rule, value, limit, "%", status, reason))
    return out


def _why_not(calibration: Calibration, point: Point) -> str:
    """Why the error of a QC or bracket can't be judged."""
    if point["exclusion"]:
        return str(point["exclusion"])
    if calibration.curve is None:
        return f"no calibration: {calibration.reason}"
    if point["response_reason"]:
        return str(point["response_reason"])
    if point["role"] == "bracket" and calibration.drift is not None:
        return "drift is corrected by it, so that it agrees by construction"
    if not point["amount_fmol"] > 0:
        return "the nominal amount is 0, of which no percentage can be taken"
    if not math.isfinite(point["error_pct"]):
        return "the curve has no amount for this response"
    return ""


def range_check(calibration: Calibration, amounts: pd.DataFrame, limit: float) -> Check:
    """Share of a run's samples outside the calibrated range; those are its targets.

    Parameters
    ----------
    calibration : Calibration
    amounts : DataFrame
        Samples of this run and analyte: injection_id, censored, extrapolated, fmol_on_column.
    limit : float
        Largest share, %.
    """
    key, rule = (calibration.run, calibration.analyte), "calibrated_range"
    unit = "% of samples"
    if calibration.curve is None:
        return no_calibration(key, rule, unit, calibration, limit)
    judged_rows = amounts[amounts["fmol_on_column"].notna() & ~amounts["censored"]]
    if not len(judged_rows):
        return not_applicable(key, rule, unit, "no sample has an amount above the LOD", limit)
    outside = judged_rows[judged_rows["extrapolated"]]
    n, whole = len(outside), len(judged_rows)
    value = 100.0 * n / whole
    curve = calibration.curve
    reason = (
        f"{n} of {whole} samples above the LOD lie outside {decimal(curve.low_fmol)} to "
        f"{decimal(curve.high_fmol)} fmol, limit {limit:g} %"
    )
    if n:
        reason += f": {', '.join(str(name) for name in list(outside['injection_id'])[:5])}"
        reason += " …" if n > 5 else ""
    targets = tuple((str(name), calibration.analyte) for name in outside["injection_id"])
    return Check(*key, "", rule, value, limit, unit, judged(value <= limit), reason, targets)


def drift_checks(
    calibration: Calibration,
    own: list[Point],
    samples: pd.DataFrame,
    limits: Mapping[str, Any],
) -> tuple[list[Check], float, float]:
    """Difference of neighbouring groups of standards, and the change over the run.

    Parameters
    ----------
    calibration : Calibration
    own : list of point
        Standards of this run and analyte, with `response_factor_pct`, `position`, `group`,
        `anchor`, `failing_pct`.
    samples : DataFrame
        Samples of this run and analyte: injection_id, position.
    limits : mapping
        ``quantify.suitability``.

    Returns
    -------
    checks : list of Check
    change_pct, se_pct : float
        Change of the response factor from the first to the last standard along a line, %.
    """
    key = (calibration.run, calibration.analyte)
    allowed = float(limits["bracket_difference_pct"])
    most = float(limits["drift_pct"])
    rules = ("bracket_difference", "sensitivity_drift")
    if calibration.curve is None:
        checks = [
            no_calibration(key, rule, "%", calibration, limit)
            for rule, limit in zip(rules, (allowed, most), strict=True)
        ]
        return checks, math.nan, math.nan
    usable = [p for p in own if p["anchor"] and _has_place(p) and math.isnan(p["failing_pct"])]
    usable.sort(key=lambda point: float(point["position"]))
    groups: dict[int, list[Point]] = {}
    for point in usable:
        groups.setdefault(int(point["group"]), []).append(point)
    if len(groups) < 2:
        reason = "one group of standards only: nothing brackets the samples"
        checks = [
            not_applicable(key, rule, "%", reason, limit)
            for rule, limit in zip(rules, (allowed, most), strict=True)
        ]
        return checks, math.nan, math.nan
    means = [float(np.mean([p["response_factor_pct"] for p in g])) for g in groups.values()]
    members = list(groups.values())
    sd = _repeatability(members, means, calibration)
    change, se, df = _change(usable)
    checks = _differences(key, members, means, sd, allowed, samples)
    checks.append(_drift_check(key, change, se, df, most, calibration))
    return checks, change, se


def _has_place(point: Point) -> bool:
    return math.isfinite(point["position"]) and math.isfinite(point["response_factor_pct"])


def _repeatability(
    members: list[list[Point]], means: list[float], calibration: Calibration
) -> float:
    """Standard deviation of one standard's response factor, %, that a step does not move.

    From the calibrators about the curve and the differences of neighbouring groups about their
    median, by the median of the absolute deviations.
    """
    curve = calibration.curve
    deviations: list[float] = []
    for points, mean in zip(members, means, strict=True):
        if len(points) > 2 and curve is not None and curve.df > 0:
            # A curve takes its parameters' worth of scatter from its own points.
            lost = math.sqrt(curve.n_points / curve.df)
            deviations += [lost * (p["response_factor_pct"] - mean) for p in points]
        elif len(points) == 2:
            half = (points[0]["response_factor_pct"] - points[1]["response_factor_pct"]) / 2.0
            deviations += [half * math.sqrt(2.0)]
    steps = np.diff(means)
    if steps.size > 1:
        wide = [math.sqrt(1.0 / len(a) + 1.0 / len(b)) for a, b in pairwise(members)]
        deviations += list((steps - np.median(steps)) / np.array(wide))
    if len(deviations) < 3:
        return math.nan
    return _MAD_TO_SD * float(np.median(np.abs(deviations)))


def _differences(
    key: Key,
    members: list[list[Point]],
    means: list[float],
    sd: float,
    allowed: float,
    samples: pd.DataFrame,
) -> list[Check]:
    """Every difference beyond its limit, or the largest as a part of it."""
    found: list[tuple[float, Check]] = []
    for before, after, a, b in zip(members[:-1], members[1:], means[:-1], means[1:], strict=True):
        value = 100.0 * (b / a - 1.0) if a > 0 else math.nan
        spread = sd * math.sqrt(1.0 / len(before) + 1.0 / len(after)) * 100.0 / max(a, 1e-12)
        chance = REPEATABILITY_SDS * spread if math.isfinite(spread) else 0.0
        limit = max(allowed, chance)
        first, last = before[-1]["position"], after[0]["position"]
        between = samples[(samples["position"] > first) & (samples["position"] < last)]
        targets = tuple((str(name), key[1]) for name in between["injection_id"])
        why = (
            f"limit {allowed:g} %"
            if limit == allowed
            else (
                f"limit {limit:.3g} %, because single standards of this run scatter by {sd:.2g} %"
            )
        )
        reason = (
            f"from {before[-1]['injection_id']} to {after[0]['injection_id']} the response factor "
            f"changes by {value:+.1f} %, {why}; {len(targets)} "
            f"{'sample' if len(targets) == 1 else 'samples'} between"
        )
        passes = abs(value) <= limit
        check = Check(
            *key,
            str(after[0]["injection_id"]),
            "bracket_difference",
            value,
            limit,
            "%",
            judged(passes),
            reason,
            targets,
        )
        share = abs(value) / limit if math.isfinite(value) else math.inf
        found.append((share, check))
    failing = [check for _, check in found if check.status == "WARN"]
    if failing or not found:
        return failing
    return [max(found, key=lambda pair: pair[0])[1]]


def _change(usable: list[Point]) -> tuple[float, float, int]:
    """Change along a line through all standards, % of its start, its error and df."""
    at = np.array([p["position"] for p in usable], dtype=np.float64)
    factor = np.array([p["response_factor_pct"] for p in usable], dtype=np.float64)
    centred = at - at.mean()
    square = float(centred @ centred)
    df = at.size - 2
    if df < 1 or not square > 0:
        return math.nan, math.nan, df
    slope = float(centred @ factor) / square
    residuals = factor - factor.mean() - slope * centred
    span = float(np.ptp(at))
    start = float(factor.mean() + slope * centred.min())
    if not start > 0:
        return math.nan, math.nan, df
    se = math.sqrt(float(residuals @ residuals) / df / square)
    return 100.0 * slope * span / start, 100.0 * se * span / start, df


def _drift_check(
    key: Key, change: float, se: float, df: int, most: float, calibration: Calibration
) -> Check:
    from scipy.special import stdtrit

    rule = "sensitivity_drift"
    if not math.isfinite(change):
        return not_applicable(key, rule, "%", "too few standards for a line through them", most)
    chance = float(stdtrit(df, 0.9995)) * se
    limit = max(most, chance)
    cancelled = "corrected" if calibration.drift is not None else "not corrected"
    why = f"limit {most:g} %" if limit == most else f"limit {limit:.3g} % (p = 0.001)"
    reason = (
        f"the response factor changes by {change:+.1f} ± {se:.1f} % from the first to the last "
        f"standard, {why}; {cancelled}"
    )
    return Check(*key, "", rule, change, limit, "%", judged(abs(change) <= limit), reason)
