"""Checks of the signals: carry-over, blanks, retention and peak shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dialysis.quantify.calibration import SAME_AMOUNT
from dialysis.quantify.checks import (
    Check,
    Target,
    injected_before,
    judged,
    not_applicable,
    records_by_key,
)
from dialysis.quantify.model import Calibration, Key
from dialysis.words import decimal

OF_LOQ = "% of LOQ response"
FITTED = ("fit", "emg")
"""Methods of measuring that part overlapping peaks by their shapes."""

Row = dict[str, Any]

_BLANK_COLUMNS = (
    "injection_id",
    "run",
    "analyte",
    "type",
    "measured",
    "found",
    "raw",
    "raw_reason",
    "snr_usp",
    "exclusion",
)


def blank_checks(
    rows: pd.DataFrame,
    points: Mapping[Key, list[Row]],
    calibrations: Mapping[Key, Calibration],
    samples: Mapping[Key, tuple[Target, ...]],
    limits: Mapping[str, Any],
) -> list[Check]:
    """Carry-over, blanks, and what the injection before can have left in a sample.

    Parameters
    ----------
    rows : DataFrame
        Of `responses.add_internal_standard`.
    points : mapping of (run, analyte) to list of dict
        Standards of every run and analyte.
    calibrations : mapping of (run, analyte) to Calibration
    samples : mapping of (run, analyte) to targets
    limits : mapping
        ``quantify.suitability``.
    """
    before = injected_before(rows)
    measured = records_by_key(rows, _BLANK_COLUMNS)
    found: list[Check] = []
    for key, calibration in calibrations.items():
        own = measured.get(key, [])
        standards = [p for p in points.get(key, []) if not p["exclusion"]]
        amount = max((p["amount_fmol"] for p in standards), default=math.nan)
        highest = {
            str(p["injection_id"])
            for p in standards
            if p["amount_fmol"] >= amount * (1.0 - SAME_AMOUNT)
        }
        # A blank that is a calibrator of 0 fmol belongs to the curve.
        blanks = [row for row in own if row["type"] == "blank"]
        after = [row for row in blanks if before.get(row["injection_id"]) in highest]
        others = [row for row in blanks if before.get(row["injection_id"]) not in highest]
        targets = samples.get(key, ())
        found += _against_loq(
            calibration,
            "carry_over",
            after,
            limits["carry_over_pct_of_loq"],
            targets,
            none="no blank was injected right after the highest standard",
            said=f"after {decimal(amount)} fmol: ",
        )
        found += _against_loq(
            calibration,
            "blank_response",
            others,
            limits["blank_pct_of_loq"],
            targets,
            none="no blank other than those after the highest standard",
        )
        found += _blank_snr(key, others, float(limits["max_blank_snr"]), targets)
        found += _left_in_samples(
            key, own, after, before, float(limits["carry_over_pct_of_sample"])
        )
    return found


def _against_loq(
    calibration: Calibration,
    rule: str,
    blanks: Sequence[Row],
    limit: float,
    targets: tuple[Target, ...],
    none: str,
    said: str = "",
) -> list[Check]:
    """Signal of blanks, % of the response at the calibration's lower end.

    `none` is the reason where there is no blank, `said` stands before what was found of one.
    """
    key = (calibration.run, calibration.analyte)
    if not blanks:
        return [not_applicable(key, rule, OF_LOQ, none, limit)]
    found = []
    for blank in blanks:
        value, status, reason = _against_lower_end(blank, calibration, limit)
        if status != "NA":
            reason = f"{said}{reason}"
        found.append(
            Check(*key, blank["injection_id"], rule, value, limit, OF_LOQ, status, reason, targets)
        )
    return found


def _blank_snr(
    key: Key, blanks: Sequence[Row], limit: float, targets: tuple[Target, ...]
) -> list[Check]:
    rule = "blank_snr"
    judged_blanks = [b for b in blanks if b["measured"] and not b["exclusion"]]
    if not judged_blanks:
        reason = "no blank other than those after the highest standard was measured"
        return [not_applicable(key, rule, "S/N", reason, limit)]
    found = []
    for blank in judged_blanks:
        value = float(blank["snr_usp"])
        if not blank["found"]:
            value, status = math.nan, "PASS"
            reason = f"no peak at its retention time: {blank['raw_reason']}"
        elif not math.isfinite(value):
            status, reason = "NA", "the peak has no S/N, as those of other software"
        else:
            status = judged(value <= limit)
            reason = f"a peak with S/N (2H/h) {value:.1f}, limit {limit:g}"
        found.append(
            Check(*key, blank["injection_id"], rule, value, limit, "S/N", status, reason, targets)
        )
    failing = [check for check in found if check.status == "WARN"]
    # One row says that all blanks are clean.
    worst = max(found, key=lambda c: (c.status == "PASS", np.nan_to_num(c.value)))
    return failing or [worst]


def _against_lower_end(
    blank: Row, calibration: Calibration, limit: float
) -> tuple[float, str, str]:
    """Signal of a blank, % of the response at the lower end of quantification."""
    if blank["exclusion"]:
        return math.nan, "NA", str(blank["exclusion"])
    if calibration.curve is None:
        return math.nan, "NA", f"no calibration: {calibration.reason}"
    lowest = calibration.lower_end_fmol
    if not blank["measured"]:
        return math.nan, "NA", str(blank["raw_reason"])
    if not blank["found"]:
        return math.nan, "PASS", f"no peak: {blank['raw_reason']}"
    if blank["raw_reason"]:
        return math.nan, "NA", str(blank["raw_reason"])
    # A blank may hold no internal standard: its signal is compared with that of the lower end
    # beside an internal standard as large as in the run's standards.
    there = float(calibration.curve.response(lowest)) * calibration.divisor
    if not there > 0:
        return math.nan, "NA", "the curve gives no response above 0 at the lower end"
    value = 100.0 * float(blank["raw"]) / there
    reason = (
        f"signal is {value:.1f} % of the response at the lower end of quantification "
        f"({decimal(lowest, 3)} fmol), limit {limit:g} %"
    )
    return value, judged(value <= limit), reason


def _left_in_samples(
    key: Key,
    own: Sequence[Row],
    after: Sequence[Row],
    before: Mapping[str, str],
    limit: float,
) -> list[Check]:
    """Signal that the injection before can have left, % of each sample's own.

    The part carried over is that seen in the blanks after the highest standard.
    """
    rule, unit = "carry_over_sample", "% of sample response"
    raw = {str(row["injection_id"]): float(row["raw"]) for row in own if not row["raw_reason"]}
    parts = []
    for blank in after:
        high = raw.get(before[blank["injection_id"]], math.nan)
        if blank["exclusion"] or not blank["measured"] or not high > 0:
            continue
        parts.append(raw.get(str(blank["injection_id"]), 0.0) / high)
    if not parts:
        reason = "no blank after the highest standard tells how much is carried over"
        return [not_applicable(key, rule, unit, reason, limit)]
    part = float(np.median(parts))
    found = []
    for row in own:
        injection = str(row["injection_id"])
        previous = raw.get(before.get(injection, ""), math.nan)
        mine = raw.get(injection, math.nan)
        if row["type"] != "sample" or row["exclusion"] or not (previous > 0 and mine > 0):
            continue
        value = 100.0 * part * previous / mine
        reason = (
            f"{100.0 * part:.3g} % of {before[injection]} (carry-over in the blanks after the "
            f"highest standard) is {value:.2g} % of this sample's signal, limit {limit:g} %"
        )
        found.append(
            Check(
                *key,
                injection,
                rule,
                value,
                limit,
                unit,
                judged(value <= limit),
                reason,
                ((injection, key[1]),),
            )
        )
    if not found:
        return [not_applicable(key, rule, unit, "no sample with a signal follows another", limit)]
    failing = [check for check in found if check.status == "WARN"]
    return failing or [max(found, key=lambda check: check.value)]


def chromatography_checks(
    rows: pd.DataFrame, samples: Mapping[Key, tuple[Target, ...]], limits: Mapping[str, Any]
) -> list[Check]:
    """Tailing, plates, resolution (standards) and retention (all but blanks).

    Nothing is checked of an analyte whose peaks have none of it, as those of other software.
    """
    found: list[Check] = []
    good = rows["found"] & ~rows["excluded"]
    for name, own in rows[good].groupby(["run", "analyte"], sort=False):
        key = (str(name[0]), str(name[1]))
        standards = own[own["type"] == "standard"]
        found += _shape(key, standards, samples.get(key, ()), limits)
    found += _retention(rows[good], float(limits["retention_pct"]))
    return found


def _shape(
    key: Key, standards: pd.DataFrame, targets: tuple[Target, ...], limits: Mapping[str, Any]
) -> list[Check]:
    found = []
    tailing, plates, resolution = (
        float(standards[name].median()) for name in ("tailing", "plates", "resolution")
    )
    n = len(standards)
    if math.isfinite(tailing):
        low, high = (float(v) for v in limits["tailing"])
        near = low if abs(tailing - low) <= abs(tailing - high) else high
        passes = low <= tailing <= high
        reason = f"median of {n} standards {tailing:.2f}, range {low:g} to {high:g}"
        found.append(Check(*key, "", "tailing", tailing, near, "", judged(passes), reason, targets))
    if math.isfinite(plates):
        least = float(limits["min_plates"])
        reason = f"median of {n} standards {plates:.0f}, at least {least:g}"
        passes = plates >= least
        found.append(Check(*key, "", "plates", plates, least, "", judged(passes), reason, targets))
    if math.isfinite(resolution):
        fitted = float(standards["method"].isin(FITTED).mean()) > 0.5
        least = float(limits["min_resolution_fitted" if fitted else "min_resolution"])
        how = "measured by a fit of peak shapes" if fitted else "measured between limits"
        reason = f"median of {n} standards {resolution:.2f}, at least {least:g} for peaks {how}"
        passes = resolution >= least
        found.append(
            Check(*key, "", "resolution", resolution, least, "", judged(passes), reason, targets)
        )
    return found


def _retention(found_rows: pd.DataFrame, limit: float) -> list[Check]:
    """Retention of every injection against the median of the run's standards.

    Relative to the internal standard of the injection where the run has one, because a common
    shift is followed by the identification.
    """
    rule, unit = "retention_drift", "% of retention time"
    rows = found_rows[found_rows["rt_min"].notna() & (found_rows["type"] != "blank")]
    internal = rows[rows["is_internal_standard"]].drop_duplicates("injection_id")
    times = internal.set_index("injection_id")["rt_min"].to_dict()
    reference = rows["injection_id"].map(times).astype("float64")
    with_reference = set(internal["run"])
    relative = rows["run"].isin(with_reference) & ~rows["is_internal_standard"]
    ratio = (rows["rt_min"] / reference).where(relative, rows["rt_min"])
    keys = [rows["run"], rows["analyte"]]
    typical = ratio.where(rows["type"] == "standard").groupby(keys).transform("median")
    deviation = 100.0 * (ratio / typical - 1.0)
    checks: list[Check] = []
    # The internal standard's own time has nothing to be relative to: it is not judged.
    own = rows.assign(deviation=deviation, relative=relative)[
        ~rows["is_internal_standard"] & deviation.notna()
    ]
    for name, table in own.groupby(["run", "analyte"], sort=False):
        key = (str(name[0]), str(name[1]))
        beyond = table[table["deviation"].abs() > limit]
        chosen = beyond if len(beyond) else table.loc[[table["deviation"].abs().idxmax()]]
        for row in chosen.itertuples(index=False):
            what = " relative to the internal standard's" if row.relative else ""
            value = float(row.deviation)
            reason = (
                f"{row.rt_min:.2f} min{what} is {value:+.2f} % from the median of the run's "
                f"standards, limit {limit:g} %"
            )
            injection = str(row.injection_id)
            passes = abs(value) <= limit
            checks.append(
                Check(
                    *key,
                    injection,
                    rule,
                    value,
                    limit,
                    unit,
                    judged(passes),
                    reason,
                    ((injection, key[1]),),
                )
            )
    return checks
