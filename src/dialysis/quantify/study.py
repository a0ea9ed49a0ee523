"""Quantify a study: from the peaks of all runs to concentrations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.errors import CalibrationError
from dialysis.quantify.calibration import calibrate, count_levels
from dialysis.quantify.limits import limits
from dialysis.quantify.model import Calibration, Key
from dialysis.quantify.responses import add_internal_standard, response_rows
from dialysis.quantify.standards import standard_amounts, standard_points
from dialysis.quantify.suitability import suitability_rows
from dialysis.quantify.units import concentration_nM, fill_volumes, fraction_fmol
from dialysis.tables.quantify import (
    CALIBRATION,
    CALIBRATION_POINTS,
    CONCENTRATIONS,
    SUITABILITY,
)

RANGE_TOLERANCE = 0.05
"""Part of the lowest and of the highest calibrated amount by which a value may lie outside
without counting as extrapolated: a standard is not made more exactly than that."""

UNCALIBRATED = "uncalibrated"
VENDOR_AREAS = "vendor_areas"
_INTERNAL = "internal standard: not calibrated"


@dataclass(frozen=True, eq=False)
class QuantifiedStudy:
    """What `quantify` hands on; tables as in `dialysis.tables.quantify`.

    Parameters
    ----------
    concentrations : DataFrame
        One row per injection × analyte.
    calibration : DataFrame
        One row per run × analyte that is calibrated; none with ``calibration: none``.
    calibration_points : DataFrame
        One row per row of standards.csv.
    suitability : DataFrame
        One row per check.
    """

    concentrations: pd.DataFrame
    calibration: pd.DataFrame
    calibration_points: pd.DataFrame
    suitability: pd.DataFrame


def quantify_study(
    peaks: pd.DataFrame,
    injections: pd.DataFrame,
    standards: pd.DataFrame,
    analytes: pd.DataFrame,
    exclusions: pd.DataFrame,
    config: Mapping[str, Any],
) -> QuantifiedStudy:
    """Calibrate every run × analyte and quantify every injection.

    Parameters
    ----------
    peaks : DataFrame
        Peaks of all runs (`dialysis.tables.integrate.PEAKS`); unidentified peaks are passed over.
        Those of other software have the method ``vendor``, and all is marked as vendor areas.
    injections, standards, analytes, exclusions : DataFrame
        Input tables (`dialysis.tables.inputs`); of `exclusions` only the level injection is used.
        The order of the rows of any table makes no difference.
    config : mapping
        Section ``quantify`` of study.yaml with defaults.

    Returns
    -------
    QuantifiedStudy
        A run without usable standards for an analyte has a calibration row that says why, and
        its concentrations are missing for that reason.

    Raises
    ------
    CalibrationError
        If peaks or standards don't fit the tables, or if no run has a calibration of anything
        although one was asked for.
    """
    mode = str(config["calibration"])
    low, high = (float(v) for v in config["suitability"]["internal_standard_recovery_pct"])
    injections = fill_volumes(injections, config["inj_uL"], float(config["dilution"]))
    amounts = standard_amounts(standards, injections, analytes)
    rows = add_internal_standard(
        response_rows(peaks, injections, analytes, exclusions),
        amounts,
        use=mode != "external",
        recovery_range_pct=(low, high),
    )
    points = standard_points(amounts, rows)
    calibrations: dict[Key, Calibration] = {}
    if mode == "none":
        points["reason"] = points["reason"].where(
            points["reason"] != "", "quantify.calibration is none"
        )
    else:
        calibrations = _calibrations(rows, points, config)
        if calibrations and all(c.line is None for c in calibrations.values()):
            raise CalibrationError(_no_calibration_text(mode, calibrations.values()))
    points = _back_calculated(points, calibrations)
    checks = suitability_rows(rows, points, calibrations, config["suitability"])
    by_vendor = bool((peaks["method"] == "vendor").any())
    return QuantifiedStudy(
        concentrations=_concentrations(rows, calibrations, config, by_vendor),
        calibration=_calibration_table(points, calibrations),
        calibration_points=CALIBRATION_POINTS.coerce(points[CALIBRATION_POINTS.column_names]),
        suitability=SUITABILITY.coerce(pd.DataFrame(checks, columns=SUITABILITY.column_names)),
    )


def _calibrations(
    rows: pd.DataFrame, points: pd.DataFrame, config: Mapping[str, Any]
) -> dict[Key, Calibration]:
    """Calibrate every run × analyte that is no internal standard, in the order of the tables."""
    wanted = rows.loc[
        ~rows["is_internal_standard"],
        ["run", "analyte", "rt_expected_min", "internal_standard", "ratio", "response_kind", "lod"],
    ]
    wanted = wanted.drop_duplicates(["run", "analyte"]).sort_values(
        ["run", "rt_expected_min", "analyte"], kind="stable"
    )
    usable = points[points["reason"] == ""]
    by_key = dict(list(usable.groupby(["run", "analyte"], sort=False)))
    found = {}
    for row in wanted.itertuples(index=False):
        key = (str(row.run), str(row.analyte))
        found[key] = _calibration(
            key,
            internal_standard=str(row.internal_standard) if row.ratio else "",
            response_kind=str(row.response_kind),
            lod_given=float(row.lod),
            own=by_key.get(key, usable.iloc[:0]),
            config=config,
        )
    return found


def _calibration(
    key: Key,
    internal_standard: str,
    response_kind: str,
    lod_given: float,
    own: pd.DataFrame,
    config: Mapping[str, Any],
) -> Calibration:
    run, analyte = key
    fmol = own["fit_fmol"].to_numpy(dtype=np.float64)
    n_levels = count_levels(own["amount_fmol"])
    line, limit, divisor, reason = None, None, 1.0, ""
    try:
        if config["calibration"] == "internal_standard" and not internal_standard:
            raise CalibrationError(
                "found no internal standard in analytes.csv; expected one, because "
                "quantify.calibration is internal_standard"
            )
        line = calibrate(
            fmol,
            own["response"].to_numpy(dtype=np.float64),
            n_levels,
            str(config["weight"]),
            bool(config["through_zero"]),
            int(config["min_levels"]),
        )
    except CalibrationError as error:
        reason = str(error)
    else:
        limit = limits(
            str(config["limits"]["method"]),
            line,
            fmol=own["amount_fmol"].to_numpy(dtype=np.float64),
            snr_usp=own["snr_usp"].to_numpy(dtype=np.float64),
            snr_sigma=own["snr_sigma"].to_numpy(dtype=np.float64),
            lod_given=lod_given,
            detection=float(config["limits"]["detection"]),
            quantification=float(config["limits"]["quantification"]),
        )
        divisor = float((own["divisor"] / own["is_scale"]).median())
    return Calibration(
        run=run,
        analyte=analyte,
        internal_standard=internal_standard,
        response_kind=response_kind,
        line=line,
        limits=limit,
        n_levels=n_levels,
        divisor=divisor,
        reason=reason,
    )


def _no_calibration_text(mode: str, failed: Iterable[Calibration]) -> str:
    listed = list(failed)
    shown = [f"  run {c.run}, {c.analyte}: {c.reason}" for c in listed[:20]]
    if len(listed) > 20:
        shown.append(f"  … and {len(listed) - 20} more")
    return (
        f"No run has a calibration, although quantify.calibration is '{mode}':\n"
        + "\n".join(shown)
        + "\nMend standards.csv or the exclusions, or set quantify.calibration: none in study.yaml "
        "to work on uncalibrated responses."
    )


def _back_calculated(points: pd.DataFrame, calibrations: Mapping[Key, Calibration]) -> pd.DataFrame:
    """Add back_fmol, error_pct and used to the points."""
    out = points.copy()
    back = np.full(len(out), np.nan)
    used = np.zeros(len(out), dtype=bool)
    fitted = (out["reason"] == "").to_numpy(dtype=bool)
    response = out["response"].to_numpy(dtype=np.float64)
    scale = out["is_scale"].to_numpy(dtype=np.float64)
    reasons = out["reason"].to_numpy(dtype=object)
    for key, index in out.groupby(["run", "analyte"], sort=False).indices.items():
        calibration = calibrations.get(key)
        if calibration is None:
            continue
        if calibration.line is None:
            for i in index[fitted[index]]:
                reasons[i] = f"no calibration: {calibration.reason}"
            continue
        back[index] = calibration.line.amount(response[index]) * scale[index]
        used[index] = fitted[index]
    amount = out["amount_fmol"].to_numpy(dtype=np.float64)
    nominal = np.where(amount > 0, amount, np.nan)
    out["back_fmol"] = back
    out["error_pct"] = 100.0 * (back - nominal) / nominal
    out["used"] = used
    out["reason"] = reasons
    return out


def _calibration_table(
    points: pd.DataFrame, calibrations: Mapping[Key, Calibration]
) -> pd.DataFrame:
    used = points[points["used"]]
    largest = used["error_pct"].abs().groupby([used["run"], used["analyte"]]).max().to_dict()
    records = []
    for key, calibration in calibrations.items():
        record: dict[str, Any] = {
            "run": calibration.run,
            "analyte": calibration.analyte,
            "status": "failed" if calibration.line is None else "ok",
            "reason": calibration.reason,
            "response_kind": calibration.response_kind,
            "internal_standard": calibration.internal_standard,
            "n_levels": calibration.n_levels,
        }
        if calibration.line is not None and calibration.limits is not None:
            line, limit = calibration.line, calibration.limits
            flags = [
                name
                for name, holds in (
                    ("no_standard_error", line.df == 0),
                    ("no_limits", not np.isfinite(limit.lod_fmol)),
                )
                if holds
            ]
            record |= {
                "model": "through zero" if line.through_zero else "linear",
                "weight": line.weight,
                "n_points": line.n_points,
                "slope": line.slope,
                "slope_se": np.sqrt(line.slope_var),
                "intercept": line.intercept,
                "intercept_se": np.sqrt(line.intercept_var),
                "covariance": line.covariance,
                "residual_sd": line.residual_sd,
                "r2": line.r2,
                "low_fmol": line.low_fmol,
                "high_fmol": line.high_fmol,
                "max_abs_error_pct": largest.get(key, np.nan),
                "lod_fmol": limit.lod_fmol,
                "loq_fmol": limit.loq_fmol,
                "limit_method": limit.method,
                "flags": ";".join(flags),
            }
        records.append(record)
    return CALIBRATION.coerce(pd.DataFrame(records, columns=CALIBRATION.column_names))


def _concentrations(
    rows: pd.DataFrame,
    calibrations: Mapping[Key, Calibration],
    config: Mapping[str, Any],
    by_vendor: bool,
) -> pd.DataFrame:
    out = rows.copy()
    n = len(out)
    fmol, fmol_se, lod, loq = (np.full(n, np.nan) for _ in range(4))
    range_low, range_high = np.full(n, -np.inf), np.full(n, np.inf)
    method = np.full(n, "", dtype=object)
    failure = np.full(n, "", dtype=object)
    response = out["response"].to_numpy(dtype=np.float64)
    response_se = out["response_se"].to_numpy(dtype=np.float64)
    scale = out["is_scale"].to_numpy(dtype=np.float64)
    calibrated = np.zeros(n, dtype=bool)
    for key, index in out.groupby(["run", "analyte"], sort=False).indices.items():
        calibration = calibrations.get(key)
        if calibration is None:
            continue
        if calibration.line is None or calibration.limits is None:
            failure[index] = f"no calibration: {calibration.reason}"
            continue
        line, limit = calibration.line, calibration.limits
        calibrated[index] = True
        fmol[index] = line.amount(response[index]) * scale[index]
        fmol_se[index] = line.amount_se(response[index], response_se[index]) * scale[index]
        lod[index], loq[index] = limit.lod_fmol, limit.loq_fmol
        method[index] = limit.method
        # One level through zero spans from the origin, its second point.
        lowest = 0.0 if line.through_zero and calibration.n_levels == 1 else line.low_fmol
        range_low[index] = lowest * (1.0 - RANGE_TOLERANCE) * scale[index]
        range_high[index] = line.high_fmol * (1.0 + RANGE_TOLERANCE) * scale[index]
    found = out["found"].to_numpy(dtype=bool)
    measured = out["measured"].to_numpy(dtype=bool)
    internal = out["is_internal_standard"].to_numpy(dtype=bool)
    # Without its internal standard an injection can't show that an analyte is absent.
    absent = measured & ~found & ~internal & (out["is_problem"] == "").to_numpy(dtype=bool)
    below_lod = fmol < lod
    below_loq = (fmol >= lod) & (fmol < loq)
    outside = (fmol < range_low) | (fmol > range_high)
    volume = out["inj_uL"].to_numpy(dtype=np.float64)
    dilution = out["dilution"].to_numpy(dtype=np.float64)
    sample = (out["type"] == "sample").to_numpy(dtype=bool)
    conc = concentration_nM(fmol, volume, dilution)
    out["fmol_on_column"], out["fmol_se"], out["conc_nM"] = fmol, fmol_se, conc
    out["fmol_per_fraction"] = np.where(sample, fraction_fmol(conc, out["volume_uL"]), np.nan)
    out["lod_fmol"], out["loq_fmol"] = lod, loq
    out["lod_nM"] = concentration_nM(lod, volume, dilution)
    out["loq_nM"] = concentration_nM(loq, volume, dilution)
    out["limit_method"] = method
    out["censored"] = absent | below_lod
    out["extrapolated"] = outside
    uncalibrated = np.full(n, config["calibration"] == "none")
    no_volume = calibrated & np.isnan(volume)
    out["reason"] = _joined(
        "; ",
        out["exclusion"],
        out["response_reason"],
        failure,
        np.where(uncalibrated, UNCALIBRATED, np.where(internal, _INTERNAL, "")),
        np.where(no_volume, "the injected volume is not known", ""),
    )
    out["source"] = "vendor areas" if by_vendor else "traces"
    out["flags"] = _joined(
        ";",
        out["peak_flags"],
        np.full(n, VENDOR_AREAS if by_vendor else ""),
        np.where(uncalibrated, UNCALIBRATED, ""),
        np.where(below_lod, "below_lod", ""),
        np.where(below_loq, "below_loq", ""),
        np.where(outside, "extrapolated", ""),
        np.where(out["is_recovery_flag"], "internal_standard_recovery", ""),
        np.where(out["is_volume_flag"], "other_volume_than_standards", ""),
        np.where(calibrated & np.isnan(lod), "no_limits", ""),
        np.where(np.isfinite(fmol) & np.isnan(fmol_se), "no_standard_error", ""),
    )
    return CONCENTRATIONS.coerce(out[CONCENTRATIONS.column_names])


def _joined(separator: str, *parts: Iterable[str]) -> list[str]:
    """Join the texts of every row that are not empty."""
    return [separator.join(text for text in texts if text) for texts in zip(*parts, strict=True)]
