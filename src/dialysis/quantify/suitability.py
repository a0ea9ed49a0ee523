"""All checks of the study, and what their failing leads to.

Every check that can't be made is a row with status NA and the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from dialysis.errors import CalibrationError
from dialysis.quantify.checks import Check, Target, records_by_key, samples_of
from dialysis.quantify.checks_calibration import (
    accuracy_checks,
    back_calculation_checks,
    curve_checks,
    drift_checks,
    range_check,
)
from dialysis.quantify.checks_injection import injection_checks, internal_standard_checks
from dialysis.quantify.checks_signal import blank_checks, chromatography_checks
from dialysis.quantify.model import Calibration, Key
from dialysis.tables.quantify import CHECKS, SUITABILITY

_SHOWN = 20


def study_checks(
    rows: pd.DataFrame,
    points: pd.DataFrame,
    calibrations: Mapping[Key, Calibration],
    left_out: bool,
    limits: Mapping[str, Any],
) -> tuple[list[Check], dict[Key, tuple[float, float]]]:
    """All checks of the study.

    Parameters
    ----------
    rows : DataFrame
        Of `responses.add_internal_standard`, with fmol, fmol_on_column, censored, extrapolated,
        position and group.
    points : DataFrame
        Of `standards.standard_points`, with response_factor_pct, error_pct, limit_pct,
        failing_pct and used.
    calibrations : mapping of (run, analyte) to Calibration
        Empty when nothing is calibrated.
    left_out : bool
        Whether failing calibrators were left out of the curves.
    limits : mapping
        ``quantify.suitability``.

    Returns
    -------
    checks : list of Check
        By run, in the order of the rules.
    changes : dict of (run, analyte) to (float, float)
        Change of the response factor over the run and its standard error, %.
    """
    low, high = (float(v) for v in limits["internal_standard_recovery_pct"])
    samples = samples_of(rows)
    found: list[Check] = []
    changes: dict[Key, tuple[float, float]] = {}
    by_key = records_by_key(points, points.columns)
    of_samples = dict(list(rows[rows["type"] == "sample"].groupby(["run", "analyte"], sort=False)))
    none = rows.iloc[:0]
    for key, calibration in calibrations.items():
        own = by_key.get(key, [])
        mine = of_samples.get(key, none)
        whole = curve_checks(calibration, limits)
        whole += accuracy_checks(calibration, own, "qc")
        whole += accuracy_checks(calibration, own, "bracket")
        differences, change, se = drift_checks(calibration, own, mine, limits)
        changes[key] = (change, se)
        found += [_of_run(check, samples.get(key, ())) for check in (*whole, *differences)]
        found += back_calculation_checks(
            calibration, own, float(limits["back_calculation_error_pct"]), left_out
        )
        kept = mine[~mine["excluded"]]
        found.append(range_check(calibration, kept, float(limits["max_outside_range_pct"])))
    found += blank_checks(rows, by_key, calibrations, samples, limits)
    found += internal_standard_checks(rows, low, high)
    found += chromatography_checks(rows, samples, limits)
    found += injection_checks(rows, points, calibrations, limits)
    order = {rule: place for place, rule in enumerate(CHECKS)}
    found.sort(key=lambda check: (check.run, order[check.rule]))
    return found, changes


def _of_run(check: Check, targets: tuple[Target, ...]) -> Check:
    """A check of the whole run and analyte is of all its samples, unless it names its own."""
    return check if check.rule == "bracket_difference" else replace(check, targets=targets)


def apply_actions(
    checks: list[Check], actions: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[Target, str]]:
    """Make the table of checks, and list what they leave out.

    Parameters
    ----------
    checks : list of Check
    actions : mapping of str to str
        ``quantify.suitability.actions``: warn, exclude or stop by rule.

    Returns
    -------
    table : DataFrame
        `dialysis.tables.quantify.SUITABILITY`.
    left_out : dict of (injection_id, analyte) to str
        Reason by value.

    Raises
    ------
    CalibrationError
        Listing every failing check whose action is ``stop``.
    """
    records = []
    left_out: dict[Target, str] = {}
    stopping = []
    for check in checks:
        action = actions.get(check.rule, "warn") if check.status == "WARN" else ""
        records.append(
            {
                "run": check.run,
                "analyte": check.analyte,
                "injection_id": check.injection_id,
                "rule": check.rule,
                "value": check.value,
                "limit": check.limit,
                "unit": check.unit,
                "status": check.status,
                "reason": check.reason,
                "action": action,
            }
        )
        if action == "exclude":
            for target in check.targets:
                left_out.setdefault(target, f"excluded by {check.rule}: {check.reason}")
        if action == "stop":
            stopping.append(check)
    if stopping:
        raise CalibrationError(_stop_text(stopping))
    return SUITABILITY.coerce(pd.DataFrame(records, columns=SUITABILITY.column_names)), left_out


def _stop_text(stopping: list[Check]) -> str:
    n = len(stopping)
    lines = [
        f"Suitability: {n} {'check fails' if n == 1 else 'checks fail'} whose action is stop "
        "(quantify.suitability.actions)"
    ]
    for check in stopping[:_SHOWN]:
        where = ", ".join(
            part for part in (f"run {check.run}", check.analyte, check.injection_id) if part
        )
        lines.append(f"  {where}: {check.rule}: {check.reason}")
    if n > _SHOWN:
        lines.append(f"  … and {n - _SHOWN} more")
    lines.append(
        "Repeat or exclude what is at fault, or set the action of the rule to warn or exclude."
    )
    return "\n".join(lines)
