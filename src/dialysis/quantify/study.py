"""Quantify a study: from the peaks of all runs to concentrations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.errors import CalibrationError
from dialysis.quantify.checks import Target
from dialysis.quantify.drift import positions, standard_groups
from dialysis.quantify.fitting import Fit, error_limits, fit_analyte, points_by_analyte
from dialysis.quantify.model import Calibration, Key
from dialysis.quantify.responses import add_internal_standard, response_rows
from dialysis.quantify.standards import CORRECTS_DRIFT, standard_amounts, standard_points
from dialysis.quantify.suitability import apply_actions, study_checks
from dialysis.quantify.units import (
    concentration_nM,
    fill_volumes,
    fraction_fmol,
    picograms_per_uL,
    recoveries,
)
from dialysis.tables.inputs import PROBES
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS

RANGE_TOLERANCE = 0.05
"""Part of the lowest and of the highest calibrated amount by which a value may lie outside
without counting as extrapolated: a standard is not made more exactly than that."""

UNCALIBRATED = "uncalibrated"
VENDOR_AREAS = "vendor_areas"
IN_VITRO_RECOVERY = "in_vitro_recovery"
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
    probes: pd.DataFrame | None = None,
) -> QuantifiedStudy:
    """Calibrate every run × analyte and quantify every injection.

    Parameters
    ----------
    peaks : DataFrame
        Peaks of all runs (`dialysis.tables.integrate.PEAKS`); unidentified peaks are passed over.
        Those of other software have the method ``vendor``, and all is marked as vendor areas.
    injections, standards, analytes, exclusions : DataFrame
        Input tables (`dialysis.tables.inputs`); of `exclusions` only the level injection is used.
        The order of the rows of any table makes no difference.  With ``drift.by: time``
        `injections` has the injection times in ``injected_at``.
    config : mapping
        Section ``quantify`` of study.yaml with defaults.
    probes : DataFrame, optional
        The probes table; its recoveries are used with ``recovery: in_vitro``.

    Returns
    -------
    QuantifiedStudy
        A run without usable standards for an analyte has a calibration row that says why, and
        its concentrations are missing for that reason.

    Raises
    ------
    CalibrationError
        If peaks or standards don't fit the tables, if no run has a calibration of anything
        although one was asked for, or if a check fails whose action is ``stop``.
    """
    mode = str(config["calibration"])
    suitability = config["suitability"]
    low, high = (float(v) for v in suitability["internal_standard_recovery_pct"])
    injections = fill_volumes(
        injections,
        config["inj_uL"],
        float(config["dilution"]),
        float(config["preservative_uL"]),
    )
    amounts = standard_amounts(standards, injections, analytes)
    rows = add_internal_standard(
        _placed(response_rows(peaks, injections, analytes, exclusions), injections, config),
        amounts,
        use=mode != "external",
        recovery_range_pct=(low, high),
    )
    recovery = recoveries(injections, PROBES.empty() if probes is None else probes)
    rows["recovery"] = rows["injection_id"].map(recovery).astype("float64")
    points = standard_points(amounts, rows)
    calibrations: dict[Key, Calibration] = {}
    failing: dict[int, float] = {}
    left_out = False
    if mode == "none":
        points["reason"] = points["reason"].where(
            points["reason"] != "", "quantify.calibration is none"
        )
    else:
        fits = _fits(rows, points, config)
        calibrations = _in_order(rows, fits)
        failing = {index: error for fit in fits for index, error in fit.failing.items()}
        left_out = any(fit.left_out for fit in fits)
        if calibrations and all(c.curve is None for c in calibrations.values()):
            raise CalibrationError(_no_calibration_text(mode, calibrations.values()))
    points = _back_calculated(points, calibrations, failing, left_out, suitability)
    rows = _with_amounts(rows, calibrations, mode == "none")
    checks, changes = study_checks(rows, points, calibrations, left_out, suitability)
    table, excluded = apply_actions(checks, suitability["actions"])
    by_vendor = bool((peaks["method"] == "vendor").any())
    return QuantifiedStudy(
        concentrations=_concentrations(rows, calibrations, excluded, config, by_vendor),
        calibration=_calibration_table(points, calibrations, changes, str(config["drift"]["by"])),
        calibration_points=CALIBRATION_POINTS.coerce(points[CALIBRATION_POINTS.column_names]),
        suitability=table,
    )


def _placed(
    rows: pd.DataFrame, injections: pd.DataFrame, config: Mapping[str, Any]
) -> pd.DataFrame:
    """Add the position in the run and the group between samples of every injection."""
    drift = config["drift"]
    by = str(drift["by"]) if drift["correction"] != "none" else "order"
    place = positions(injections, by)
    order = injections.assign(position=list(place.reindex(injections["injection_id"])))
    order = order.sort_values(["run", "position", "injection_id"], kind="stable")
    group: dict[str, int] = {}
    for _, own in order.groupby("run", sort=False):
        numbers = standard_groups(list(own["type"]))
        group |= dict(zip(own["injection_id"], (int(n) for n in numbers), strict=True))
    return rows.assign(
        position=rows["injection_id"].map(place).astype("float64"),
        group=rows["injection_id"].map(group).astype("int64"),
    )


def _fits(rows: pd.DataFrame, points: pd.DataFrame, config: Mapping[str, Any]) -> list[Fit]:
    """Calibrate what is calibrated together: a run and analyte, or an analyte in all runs."""
    wanted = rows.loc[
        ~rows["is_internal_standard"],
        ["run", "analyte", "rt_expected_min", "internal_standard", "ratio", "response_kind", "lod"],
    ].drop_duplicates(["run", "analyte"])
    pool = str(config["pool"])
    keys = ["run", "analyte"] if pool == "none" else ["analyte"]
    places = points_by_analyte(points, pool)
    fits = []
    for name, own in wanted.groupby(keys, sort=True):
        key = name if isinstance(name, tuple) else (name,)
        mine = points.iloc[places.get(key, np.zeros(0, dtype=np.int64))]
        for _, alike in own.groupby(["ratio", "response_kind", "internal_standard"], sort=True):
            in_runs = mine[mine["run"].isin(list(alike["run"]))]
            fits.append(fit_analyte(in_runs, alike.sort_values("run"), config))
    return fits


def _in_order(rows: pd.DataFrame, fits: Iterable[Fit]) -> dict[Key, Calibration]:
    """Calibrations of all fits in the order of the tables: run, retention, analyte."""
    found: dict[Key, Calibration] = {}
    for fit in fits:
        found |= fit.calibrations
    order = rows.drop_duplicates(["run", "analyte"]).sort_values(
        ["run", "rt_expected_min", "analyte"], kind="stable"
    )
    keys = zip(order["run"], order["analyte"], strict=True)
    return {(str(r), str(a)): found[str(r), str(a)] for r, a in keys if (str(r), str(a)) in found}


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


def _back_calculated(
    points: pd.DataFrame,
    calibrations: Mapping[Key, Calibration],
    failing: Mapping[int, float],
    left_out: bool,
    limits: Mapping[str, Any],
) -> pd.DataFrame:
    """Add back-calculated amounts and errors, their limits, and which points were used."""
    out = points.copy()
    n = len(out)
    back, factor_pct, allowed = (np.full(n, np.nan) for _ in range(3))
    factor = np.ones(n)
    used = np.zeros(n, dtype=bool)
    response = out["response"].to_numpy(dtype=np.float64)
    position = out["position"].to_numpy(dtype=np.float64)
    scale = out["is_scale"].to_numpy(dtype=np.float64)
    fit_fmol = out["fit_fmol"].to_numpy(dtype=np.float64)
    amount = out["amount_fmol"].to_numpy(dtype=np.float64)
    calibrator = out["calibrator"].to_numpy(dtype=bool)
    reasons = out["reason"].to_numpy(dtype=object)
    roles = out["role"].to_numpy(dtype=object)
    fails = np.array([failing.get(index, np.nan) for index in out.index], dtype=np.float64)
    error_of_role = {
        "cal": float(limits["back_calculation_error_pct"]),
        "qc": float(limits["qc_error_pct"]),
        "bracket": float(limits["bracket_error_pct"]),
    }
    for key, index in out.groupby(["run", "analyte"], sort=False).indices.items():
        calibration = calibrations.get(key)
        if calibration is None:
            continue
        if calibration.curve is None:
            for i in index[calibrator[index]]:
                reasons[i] = f"no calibration: {calibration.reason}"
            continue
        curve, drift = calibration.curve, calibration.drift
        if drift is not None:
            factor[index] = drift.at(position[index])
            for i in index[(roles[index] == "bracket") & out["anchor"].to_numpy()[index]]:
                reasons[i] = CORRECTS_DRIFT
        back[index] = curve.amount(response[index] / factor[index]) * scale[index]
        expected = curve.response(fit_fmol[index])
        positive = (expected > 0) & (fit_fmol[index] > 0)
        factor_pct[index] = np.where(
            positive, 100.0 * response[index] / np.where(positive, expected, 1.0), np.nan
        )
        used[index] = calibrator[index]
        for i in index[np.isfinite(fails[index])]:
            if left_out:
                used[i] = False
                reasons[i] = f"left out by back_calculation: error {fails[i]:+.1f} %"
        # The lowest level of the curve's own standards, whichever run they are of.
        for role, limit in error_of_role.items():
            mine = index[roles[index] == role]
            allowed[mine] = error_limits(out["amount_fmol"].iloc[mine], curve.low_fmol, limit)
            if role == "bracket":
                allowed[mine] = limit
    nominal = np.where(amount > 0, amount, np.nan)
    out["back_fmol"] = back
    out["response_factor_pct"] = factor_pct
    out["drift_factor"] = factor
    out["error_pct"] = 100.0 * (back - nominal) / nominal
    out["limit_pct"] = allowed
    out["failing_pct"] = fails
    out["used"] = used
    out["reason"] = reasons
    return out


def _with_amounts(
    rows: pd.DataFrame, calibrations: Mapping[Key, Calibration], uncalibrated: bool
) -> pd.DataFrame:
    """Add amounts on column with their errors and limits, and where they stand to the limits.

    Without any calibration ``fmol`` is the response, for checks that only compare.
    """
    out = rows.copy()
    n = len(out)
    fmol, fmol_se, fmol_df, lod, loq = (np.full(n, np.nan) for _ in range(5))
    factor = np.ones(n)
    range_low, range_high = np.full(n, -np.inf), np.full(n, np.inf)
    method, failure = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
    response = out["response"].to_numpy(dtype=np.float64)
    response_se = out["response_se"].to_numpy(dtype=np.float64)
    scale = out["is_scale"].to_numpy(dtype=np.float64)
    position = out["position"].to_numpy(dtype=np.float64)
    calibrated, bracketed = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    for key, index in out.groupby(["run", "analyte"], sort=False).indices.items():
        calibration = calibrations.get(key)
        if calibration is None:
            continue
        curve, limit, drift = calibration.curve, calibration.limits, calibration.drift
        if curve is None or limit is None:
            failure[index] = f"no calibration: {calibration.reason}"
            continue
        calibrated[index] = True
        if drift is not None:
            factor[index] = drift.at(position[index])
            bracketed[index] = drift.bracketed(position[index])
        level = response[index] / factor[index]
        fmol[index] = curve.amount(level) * scale[index]
        fmol_se[index], fmol_df[index] = _errors(
            calibration, level, response_se[index] / factor[index], position[index]
        )
        fmol_se[index] *= scale[index]
        lod[index], loq[index] = limit.lod_fmol, limit.loq_fmol
        method[index] = limit.method
        # One level through zero spans from the origin, its second point.
        lowest = 0.0 if curve.through_zero and calibration.n_levels == 1 else curve.low_fmol
        range_low[index] = lowest * (1.0 - RANGE_TOLERANCE) * scale[index]
        range_high[index] = curve.high_fmol * (1.0 + RANGE_TOLERANCE) * scale[index]
    found = out["found"].to_numpy(dtype=bool)
    measured = out["measured"].to_numpy(dtype=bool)
    internal = out["is_internal_standard"].to_numpy(dtype=bool)
    # Without its internal standard an injection can't show that an analyte is absent.
    absent = measured & ~found & ~internal & (out["is_problem"] == "").to_numpy(dtype=bool)
    beyond = calibrated & np.isfinite(response) & np.isnan(fmol)
    return out.assign(
        fmol=response if uncalibrated else fmol,
        fmol_on_column=fmol,
        fmol_se=fmol_se,
        fmol_df=fmol_df,
        drift_factor=factor,
        lod_fmol=lod,
        loq_fmol=loq,
        limit_method=method,
        failure=failure,
        calibrated=calibrated,
        not_bracketed=~bracketed,
        beyond_curve=beyond,
        below_lod=fmol < lod,
        below_loq=(fmol >= lod) & (fmol < loq),
        censored=absent | (fmol < lod),
        extrapolated=(fmol < range_low) | (fmol > range_high) | beyond,
    )


def _errors(
    calibration: Calibration, response: FloatArray, response_se: FloatArray, position: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Standard error and degrees of freedom of amounts, fmol, drift correction included."""
    curve, drift = calibration.curve, calibration.drift
    assert curve is not None
    se, df = curve.amount_error(response, response_se)
    if drift is None:
        return se, df
    gradient = curve.gradient(curve.amount(response))
    extra = response**2 * drift.variance(position) / gradient**2
    total = se**2 + extra
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = total**2 / (se**4 / df + extra**2 / curve.df)
    return np.sqrt(total), np.where(extra > 0, pooled, df)


def _calibration_table(
    points: pd.DataFrame,
    calibrations: Mapping[Key, Calibration],
    changes: Mapping[Key, tuple[float, float]],
    by: str,
) -> pd.DataFrame:
    used = points[points["used"]]
    largest = used["error_pct"].abs().groupby([used["run"], used["analyte"]]).max().to_dict()
    records = []
    for key, calibration in calibrations.items():
        curve, limit = calibration.curve, calibration.limits
        record: dict[str, Any] = {
            "run": calibration.run,
            "analyte": calibration.analyte,
            "status": "failed" if curve is None else "ok",
            "reason": calibration.reason,
            "response_kind": calibration.response_kind,
            "internal_standard": calibration.internal_standard,
            "n_levels": calibration.n_levels,
        }
        if curve is not None and limit is not None:
            flags = [
                name
                for name, holds in (
                    ("no_standard_error", curve.df == 0),
                    ("no_limits", not np.isfinite(limit.lod_fmol)),
                )
                if holds
            ]
            drift = calibration.drift
            along = "injection order" if by == "order" else "injection time"
            change, change_se = changes.get(key, (np.nan, np.nan))
            record |= {
                "model": curve.model,
                "weight": curve.weight,
                "n_runs": curve.n_runs,
                "n_points": curve.n_points,
                "df": curve.df,
                "slope": curve.slope,
                "slope_se": np.sqrt(curve.cov[1, 1]),
                "intercept": curve.intercept,
                "intercept_se": np.sqrt(curve.cov[0, 0]),
                "covariance": curve.cov[0, 1],
                "curvature": curve.curvature,
                "curvature_se": np.sqrt(curve.cov[2, 2]),
                "covariance_intercept_curvature": curve.cov[0, 2],
                "covariance_slope_curvature": curve.cov[1, 2],
                "residual_sd": curve.residual_sd,
                "r2": curve.r2,
                "lack_of_fit_p": curve.lack_of_fit_p,
                "curvature_p": curve.curvature_p,
                "low_fmol": curve.low_fmol,
                "high_fmol": curve.high_fmol,
                "max_abs_error_pct": largest.get(key, np.nan),
                "lod_fmol": limit.lod_fmol,
                "loq_fmol": limit.loq_fmol,
                "limit_method": limit.method,
                "lower_end_fmol": calibration.lower_end_fmol,
                "drift": f"{drift.n_groups} groups of standards, by {along}" if drift else "none",
                "drift_change_pct": change,
                "drift_se_pct": change_se,
                "flags": ";".join(flags),
            }
        records.append(record)
    return CALIBRATION.coerce(pd.DataFrame(records, columns=CALIBRATION.column_names))


def _concentrations(
    rows: pd.DataFrame,
    calibrations: Mapping[Key, Calibration],
    excluded: Mapping[Target, str],
    config: Mapping[str, Any],
    by_vendor: bool,
) -> pd.DataFrame:
    """Make the table of concentrations from the rows with their amounts."""
    out = rows.copy()
    n = len(out)
    internal = out["is_internal_standard"].to_numpy(dtype=bool)
    calibrated = out["calibrated"].to_numpy(dtype=bool)
    volume = out["inj_uL"].to_numpy(dtype=np.float64)
    dilution = out["dilution"].to_numpy(dtype=np.float64)
    sample = (out["type"] == "sample").to_numpy(dtype=bool)
    in_dialysate = concentration_nM(out["fmol_on_column"], volume, dilution)
    corrected = sample & ~internal & (config["recovery"] == "in_vitro")
    recovery = np.where(corrected, out["recovery"].to_numpy(dtype=np.float64), np.nan)
    # Only what is corrected can lack a recovery.
    divisor = np.where(corrected, recovery, 1.0)
    lod, loq = out["lod_fmol"], out["loq_fmol"]
    fmol, fmol_se = out["fmol_on_column"], out["fmol_se"]
    out["conc_nM"] = in_dialysate / divisor
    out["conc_se_nM"] = concentration_nM(fmol_se, volume, dilution) / divisor
    out["pg_per_uL"] = picograms_per_uL(out["conc_nM"], out["mw"])
    out["fmol_per_fraction"] = np.where(
        sample, fraction_fmol(in_dialysate, out["volume_uL"]), np.nan
    )
    out["lod_nM"] = concentration_nM(lod, volume, dilution) / divisor
    out["loq_nM"] = concentration_nM(loq, volume, dilution) / divisor
    out["recovery"] = recovery
    by_check = [
        excluded.get((str(injection), str(analyte)), "")
        for injection, analyte in zip(out["injection_id"], out["analyte"], strict=True)
    ]
    out["excluded"] = out["excluded"] | pd.Series(by_check, index=out.index).ne("")
    uncalibrated = np.full(n, config["calibration"] == "none")
    out["reason"] = _joined(
        "; ",
        out["exclusion"],
        by_check,
        out["response_reason"],
        out["failure"],
        np.where(uncalibrated, UNCALIBRATED, np.where(internal, _INTERNAL, "")),
        np.where(out["beyond_curve"], "the calibration curve has no amount for this response", ""),
        np.where(calibrated & np.isnan(volume), "the injected volume is not known", ""),
        np.where(
            calibrated & np.isnan(dilution),
            "the dilution is not known: quantify.preservative_uL needs volume_uL",
            "",
        ),
        np.where(
            corrected & calibrated & np.isnan(divisor),
            "probes.csv gives no recovery_in_vitro",
            "",
        ),
    )
    out["source"] = "vendor areas" if by_vendor else "traces"
    out["flags"] = _joined(
        ";",
        out["peak_flags"],
        np.full(n, VENDOR_AREAS if by_vendor else ""),
        np.where(uncalibrated, UNCALIBRATED, ""),
        np.where(out["below_lod"], "below_lod", ""),
        np.where(out["below_loq"], "below_loq", ""),
        np.where(out["extrapolated"], "extrapolated", ""),
        np.where(out["is_recovery_flag"], "internal_standard_recovery", ""),
        np.where(out["is_volume_flag"], "other_volume_than_standards", ""),
        np.where(calibrated & np.isnan(lod), "no_limits", ""),
        np.where(np.isfinite(fmol) & np.isnan(fmol_se), "no_standard_error", ""),
        np.where(out["not_bracketed"] & sample & fmol.notna(), "not_bracketed", ""),
        np.where(corrected & np.isfinite(recovery), IN_VITRO_RECOVERY, ""),
    )
    return CONCENTRATIONS.coerce(out[CONCENTRATIONS.column_names])


def _joined(separator: str, *parts: Iterable[str]) -> list[str]:
    """Join the texts of every row that are not empty."""
    return [separator.join(text for text in texts if text) for texts in zip(*parts, strict=True)]
