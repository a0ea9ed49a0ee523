"""Checks of a run: the rule, the value, the limit and the outcome, in words.

Every check that can't be made is a row with status NA and the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dialysis.quantify.calibration import SAME_AMOUNT
from dialysis.quantify.model import Calibration, Key

LOWEST_LEVEL_ALLOWANCE_PCT = 5.0
"""Added to the limit of the back-calculated error at the lowest level: 15 % becomes 20 %
(ICH M10, section 3.2.2)."""

Row = dict[str, Any]


def suitability_rows(
    rows: pd.DataFrame,
    points: pd.DataFrame,
    calibrations: Mapping[Key, Calibration],
    limits: Mapping[str, Any],
) -> list[Row]:
    """All checks of the study.

    Parameters
    ----------
    rows : DataFrame
        Of `responses.add_internal_standard`.
    points : DataFrame
        Of `standards.standard_points`, with error_pct and used.
    calibrations : mapping of (run, analyte) to Calibration
        Empty when nothing is calibrated; then only internal standards are checked.
    limits : mapping
        ``quantify.suitability``.

    Returns
    -------
    list of dict
        Rows of the suitability table, sorted by run.
    """
    low, high = (float(v) for v in limits["internal_standard_recovery_pct"])
    found: list[Row] = []
    by_key: dict[Key, list[Row]] = {}
    for point in points.to_dict("records"):
        by_key.setdefault((point["run"], point["analyte"]), []).append(point)
    for key, calibration in calibrations.items():
        own = by_key.get(key, [])
        found.append(_r2(calibration, float(limits["min_r2"])))
        found.append(_back_calculation(calibration, own, limits["back_calculation_error_pct"]))
        found += _accuracy(calibration, own, "qc", "qc_accuracy", limits["qc_error_pct"])
        found += _accuracy(
            calibration, own, "bracket", "bracket_accuracy", limits["bracket_error_pct"]
        )
    found += _carry_over(rows, by_key, calibrations, limits["carry_over_pct_of_loq"])
    found += _internal_standard_recovery(rows, low, high)
    return sorted(found, key=lambda row: str(row["run"]))


def _row(
    run: object,
    analyte: object,
    injection: object,
    rule: str,
    value: float,
    limit: float,
    unit: str,
    status: str,
    reason: str,
) -> Row:
    return {
        "run": run,
        "analyte": analyte,
        "injection_id": injection,
        "rule": rule,
        "value": value,
        "limit": limit,
        "unit": unit,
        "status": status,
        "reason": reason,
    }


def _r2(calibration: Calibration, limit: float) -> Row:
    line = calibration.line
    value, status = math.nan, "NA"
    if line is None:
        reason = f"no calibration: {calibration.reason}"
    elif line.df == 0:
        reason = "no degrees of freedom: as many points as parameters"
    elif not math.isfinite(line.r2):
        reason = "all responses are equal"
    else:
        value = line.r2
        status = "PASS" if value >= limit else "WARN"
        word = "at least" if status == "PASS" else "below"
        reason = f"weighted R² {value:.5f} is {word} {limit:g}"
    return _row(
        calibration.run, calibration.analyte, "", "calibration_r2", value, limit, "", status, reason
    )


def _back_calculation(calibration: Calibration, own: list[Row], limit: float) -> Row:
    """Judge the calibrator that comes nearest to its limit, or exceeds it most."""
    key, rule = (calibration.run, calibration.analyte), "back_calculation"
    if calibration.line is None:
        reason = f"no calibration: {calibration.reason}"
        return _row(*key, "", rule, math.nan, limit, "%", "NA", reason)
    used = [point for point in own if point["used"] and point["amount_fmol"] > 0]
    lowest = min(point["amount_fmol"] for point in used) * (1.0 + SAME_AMOUNT)
    allowed = [
        limit + LOWEST_LEVEL_ALLOWANCE_PCT if point["amount_fmol"] <= lowest else limit
        for point in used
    ]
    shares = [abs(p["error_pct"]) / most for p, most in zip(used, allowed, strict=True)]
    worst = shares.index(max(shares))
    point = used[worst]
    beyond = sum(share > 1.0 for share in shares)
    reason = (
        f"{point['injection_id']}, {point['amount_fmol']:.4g} fmol: back-calculated error "
        f"{point['error_pct']:+.1f} %, limit {allowed[worst]:g} %; "
        f"{beyond} of {len(used)} calibrators exceed theirs"
    )
    status = "WARN" if beyond else "PASS"
    return _row(
        *key,
        point["injection_id"],
        rule,
        point["error_pct"],
        allowed[worst],
        "%",
        status,
        reason,
    )


def _accuracy(
    calibration: Calibration, own: list[Row], role: str, rule: str, limit: float
) -> list[Row]:
    found = []
    for point in own:
        if point["role"] != role:
            continue
        value, status = float(point["error_pct"]), "NA"
        if point["exclusion"]:
            value, reason = math.nan, point["exclusion"]
        elif calibration.line is None:
            reason = f"no calibration: {calibration.reason}"
        elif point["response_reason"]:
            reason = point["response_reason"]
        elif not math.isfinite(value):
            reason = "the nominal amount is 0, of which no percentage can be taken"
        else:
            status = "PASS" if abs(value) <= limit else "WARN"
            reason = (
                f"{point['back_fmol']:.4g} fmol found for {point['amount_fmol']:.4g} fmol, "
                f"error {value:+.1f} %, limit {limit:g} %"
            )
        found.append(
            _row(
                calibration.run,
                calibration.analyte,
                point["injection_id"],
                rule,
                value,
                limit,
                "%",
                status,
                reason,
            )
        )
    return found


def _carry_over(
    rows: pd.DataFrame,
    by_key: Mapping[Key, list[Row]],
    calibrations: Mapping[Key, Calibration],
    limit: float,
) -> list[Row]:
    """Blanks injected right after the highest standard, as % of the response at the LOQ."""
    rule, unit = "carry_over", "% of LOQ response"
    before = _injected_before(rows)
    blanks: dict[Key, list[Row]] = {}
    columns = ["injection_id", "run", "analyte", "measured", "found", "raw", "raw_reason"]
    for blank in rows.loc[rows["type"] == "blank", [*columns, "exclusion"]].to_dict("records"):
        blanks.setdefault((blank["run"], blank["analyte"]), []).append(blank)
    found: list[Row] = []
    for key, calibration in calibrations.items():
        injected = [point for point in by_key.get(key, []) if not point["exclusion"]]
        amount = max((point["amount_fmol"] for point in injected), default=math.nan)
        highest = {
            point["injection_id"]
            for point in injected
            if point["amount_fmol"] >= amount * (1.0 - SAME_AMOUNT)
        }
        after = [
            blank for blank in blanks.get(key, []) if before.get(blank["injection_id"]) in highest
        ]
        if not after:
            reason = "no blank was injected right after the highest standard"
            found.append(_row(*key, "", rule, math.nan, limit, unit, "NA", reason))
        for blank in after:
            value, status, reason = _carry_over_value(blank, calibration, amount, limit)
            found.append(
                _row(*key, blank["injection_id"], rule, value, limit, unit, status, reason)
            )
    return found


def _injected_before(rows: pd.DataFrame) -> dict[str, str]:
    """Injection before every injection of the same run, by order."""
    sequence = rows.drop_duplicates("injection_id").dropna(subset=["order"])
    sequence = sequence.sort_values(["run", "order", "injection_id"], kind="stable")
    names = list(sequence["injection_id"])
    runs = list(sequence["run"])
    return {names[i]: names[i - 1] for i in range(1, len(names)) if runs[i] == runs[i - 1]}


def _carry_over_value(
    blank: Row, calibration: Calibration, amount: float, limit: float
) -> tuple[float, str, str]:
    if blank["exclusion"]:
        return math.nan, "NA", str(blank["exclusion"])
    if calibration.line is None or calibration.limits is None:
        return math.nan, "NA", f"no calibration: {calibration.reason}"
    loq = calibration.limits.loq_fmol
    if not math.isfinite(loq):
        return math.nan, "NA", "the limit of quantification is not known"
    if not blank["measured"]:
        return math.nan, "NA", str(blank["raw_reason"])
    if not blank["found"]:
        return math.nan, "PASS", f"no peak after {amount:.4g} fmol: {blank['raw_reason']}"
    if blank["raw_reason"]:
        return math.nan, "NA", str(blank["raw_reason"])
    # A blank may hold no internal standard: its signal is compared with that of the LOQ
    # beside an internal standard as large as in the run's standards.
    at_loq = float(calibration.line.response(loq)) * calibration.divisor
    if not at_loq > 0:
        return math.nan, "NA", "the line gives no response above 0 at the LOQ"
    value = 100.0 * float(blank["raw"]) / at_loq
    status = "PASS" if value <= limit else "WARN"
    reason = (
        f"signal after {amount:.4g} fmol is {value:.1f} % of the response at the LOQ "
        f"({loq:.3g} fmol), limit {limit:g} %"
    )
    return value, status, reason


def _internal_standard_recovery(rows: pd.DataFrame, low: float, high: float) -> list[Row]:
    rule = "internal_standard_recovery"
    found: list[Row] = []
    own = rows[rows["is_internal_standard"] & (rows["type"] == "sample")]
    nothing = own[own["recovery_reference"].isna()].drop_duplicates(["run", "analyte"])
    for run, name in zip(nothing["run"], nothing["analyte"], strict=True):
        reason = "no standard of this run has it, so that there is nothing to compare with"
        found.append(_row(run, name, "", rule, math.nan, math.nan, "%", "NA", reason))
    columns = ["injection_id", "run", "analyte", "recovery_pct", "exclusion", "raw_reason"]
    for sample in own.loc[own["recovery_reference"].notna(), columns].to_dict("records"):
        value = float(sample["recovery_pct"])
        limit = low if abs(value - low) <= abs(value - high) else high
        if sample["exclusion"]:
            value, limit, status, reason = math.nan, math.nan, "NA", sample["exclusion"]
        elif math.isfinite(value):
            inside = low <= value <= high
            status, word = ("PASS", "inside") if inside else ("WARN", "outside")
            reason = (
                f"{value:.1f} % of the median of the run's standards, {word} {low:g} to {high:g} %"
            )
        else:
            limit, status = low, "WARN"
            reason = sample["raw_reason"] or "the response is not above 0"
        found.append(
            _row(
                sample["run"],
                sample["analyte"],
                sample["injection_id"],
                rule,
                value,
                limit,
                "%",
                status,
                reason,
            )
        )
    return found
