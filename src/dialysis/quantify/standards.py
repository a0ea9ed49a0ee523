"""What was injected on purpose: amounts of standards.csv in fmol, and their responses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dialysis.errors import CalibrationError, Problem, problems_text
from dialysis.quantify.responses import analytes_of_runs
from dialysis.quantify.units import UNITS, amount_fmol

_ROLE_REASONS = {
    "bracket": "bracket: checked against the line, not fitted",
    "qc": "QC: checked against the line, not fitted",
}
CORRECTS_DRIFT = "bracket: drift is corrected by it; the line is not fitted to it"


def standard_amounts(
    standards: pd.DataFrame, injections: pd.DataFrame, analytes: pd.DataFrame
) -> pd.DataFrame:
    """Amounts on column of every row of standards.csv.

    Parameters
    ----------
    standards, analytes : DataFrame
        Input tables.
    injections : DataFrame
        Input table with volumes filled in (`units.fill_volumes`).

    Returns
    -------
    DataFrame
        injection_id, run, order, type, analyte, level, role (cal, bracket or qc), amount_fmol,
        and ``concentration``: whether the amount was given as a concentration.

    Raises
    ------
    CalibrationError
        With every row whose amount can't be told.
    """
    runs = sorted(set(injections["run"]))
    everywhere = pd.DataFrame({"run": runs}, dtype="str")
    # An analyte that a run does not measure still has a molar mass, that of its first row.
    others = analytes.drop_duplicates("analyte").drop(columns="run").merge(everywhere, how="cross")
    masses = pd.concat([analytes_of_runs(analytes, runs), others], ignore_index=True)
    masses = masses.drop_duplicates(["run", "analyte"])[["run", "analyte", "mw", "salt_mw"]]
    rows = standards.merge(
        injections[["injection_id", "run", "order", "type", "inj_uL", "dilution"]],
        on="injection_id",
        how="left",
    ).merge(masses, on=["run", "analyte"], how="left", indicator="matched")
    rows["unit"] = rows["unit"].str.replace("μ", "µ")  # Greek mu, as some editors write it
    rows["molar_mass"] = rows["salt_mw"].fillna(rows["mw"])
    twice = rows.duplicated(["injection_id", "analyte"])
    problems = [
        problem
        for row, again in zip(rows.itertuples(index=False), twice, strict=True)
        if (problem := _amount_problem(row, again)) is not None
    ]
    if problems:
        raise CalibrationError(problems_text(problems, "Standards can't be used"))
    rows["amount_fmol"] = amount_fmol(
        rows["amount"], list(rows["unit"]), rows["molar_mass"], rows["inj_uL"], rows["dilution"]
    )
    rows["concentration"] = np.array([UNITS[u].concentration for u in rows["unit"]], dtype=bool)
    default = pd.Series(np.where(rows["type"] == "qc", "qc", "cal"), index=rows.index, dtype="str")
    rows["role"] = rows["role"].where(rows["role"] != "", default)
    columns = [
        "injection_id",
        "run",
        "order",
        "type",
        "analyte",
        "level",
        "role",
        "amount_fmol",
        "concentration",
    ]
    return rows[columns]


def standard_points(amounts: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Amount and response of every standard × analyte, and whether a line may be fitted to it.

    Parameters
    ----------
    amounts : DataFrame
        Of `standard_amounts`.
    rows : DataFrame
        Of `responses.add_internal_standard`.

    Returns
    -------
    DataFrame
        Sorted like `rows`: the columns of `amounts`, those of `rows` about the response, and

        ``fit_fmol`` : float
            Amount the line is fitted to: amount_fmol ÷ is_scale.
        ``calibrator``, ``anchor`` : bool
            Whether the curve may be fitted to it, and whether drift may be told from it: a
            calibrator or a bracket with a response, not left out.
        ``reason`` : str
            Why the line is not fitted to it; empty when it is.
    """
    columns = [
        "injection_id",
        "analyte",
        "rt_expected_min",
        "raw",
        "response",
        "response_reason",
        "snr_usp",
        "snr_sigma",
        "divisor",
        "is_scale",
        "exclusion",
        "is_internal_standard",
        "ratio",
        "position",
        "group",
    ]
    points = amounts.merge(
        rows[columns], on=["injection_id", "analyte"], how="left", indicator="_merge"
    )
    points["is_scale"] = points["is_scale"].fillna(1.0)
    points["fit_fmol"] = points["amount_fmol"] / points["is_scale"]
    points["is_internal_standard"] = points["is_internal_standard"].eq(True).to_numpy(dtype=bool)
    points["exclusion"] = points["exclusion"].fillna("")
    points["excluded"] = (points["exclusion"] != "").to_numpy(dtype=bool)
    points["response_reason"] = points["response_reason"].where(
        (points["_merge"] == "both").to_numpy(dtype=bool),
        "analytes.csv has no row for this analyte in this run",
    )
    points["reason"] = [
        _unused_reason(*values)
        for values in zip(
            points["is_internal_standard"],
            points["exclusion"],
            points["response_reason"],
            points["role"],
            strict=True,
        )
    ]
    points["calibrator"] = points["reason"] == ""
    points["anchor"] = points["calibrator"] | (points["reason"] == _ROLE_REASONS["bracket"])
    points = points.sort_values(
        ["run", "rt_expected_min", "analyte", "order", "injection_id"], kind="stable"
    )
    return points.drop(columns="_merge").reset_index(drop=True)


def _amount_problem(row: Any, again: bool) -> Problem | None:
    injection, analyte = row.injection_id, row.analyte
    unit, amount = row.unit, row.amount
    where = f"injection {injection}, analyte {analyte}"
    if pd.isna(row.run):
        found, expected = "an injection that injections.csv does not have", "one of its injections"
    elif row.matched != "both":
        found, expected = "an analyte that analytes.csv does not have", "one of its analytes"
    elif again:
        found, expected = "the analyte twice", "one amount for each analyte of an injection"
    elif pd.isna(amount) or amount < 0:
        found, expected = f"an amount of {amount:g}", "an amount of 0 or above"
    elif unit not in UNITS:
        found, expected = f"the unit '{unit}'", f"one of {', '.join(UNITS)}"
    elif UNITS[unit].mass and pd.isna(row.molar_mass):
        found, expected = f"'{unit}' without a molar mass", "mw or salt_mw in analytes.csv"
    elif UNITS[unit].concentration and pd.isna(row.inj_uL):
        found = f"'{unit}' without an injected volume"
        expected = "inj_uL in injections.csv, or quantify.inj_uL in study.yaml"
    else:
        return None
    return Problem("standards.csv", where, found, expected)


def _unused_reason(
    is_internal_standard: bool, exclusion: str, response_reason: str, role: str
) -> str:
    if is_internal_standard:
        return "internal standard: not calibrated, its amount scales the ratios"
    return "; ".join(
        part for part in (exclusion, response_reason, _ROLE_REASONS.get(role, "")) if part
    )
