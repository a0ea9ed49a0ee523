"""The calibration of every run and analyte: which standards count, the curve, drift, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.errors import CalibrationError
from dialysis.quantify.calibration import SAME_AMOUNT, Curve, calibrate, count_levels
from dialysis.quantify.drift import Drift, fit_with_drift
from dialysis.quantify.limits import limits
from dialysis.quantify.model import Calibration, Key

LOWEST_LEVEL_ALLOWANCE_PCT = 5.0
"""Added to the limit of the back-calculated error at the lowest level: 15 % becomes 20 %
(ICH M10, section 3.2.5)."""

LEAST_KEPT = 0.75
"""Part of the calibrators that must hold their limit (ICH M10, section 3.3.2); where more of
them fail, it is the curve that is wrong and not they."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Calibrations of an analyte's runs and what its calibrators' errors are.

    Parameters
    ----------
    calibrations : dict of (run, analyte) to Calibration
        Every run asked for, failed ones included.
    failing : dict of int to float
        Back-calculated error in % of every calibrator beyond its limit, by its index in the
        points: from the curve through the others.
    left_out : bool
        Whether the failing ones were left out of the curve.
    """

    calibrations: dict[Key, Calibration]
    failing: dict[int, float]
    left_out: bool


def error_limits(amount: pd.Series, lowest: float, limit: float) -> FloatArray:
    """Largest error allowed at each amount: 5 points more up to the lowest calibrated one."""
    low = (amount <= lowest * (1.0 + SAME_AMOUNT)).to_numpy(dtype=bool)
    return np.where(low, limit + LOWEST_LEVEL_ALLOWANCE_PCT, limit)


def drift_wanted(correction: str, ratio: bool) -> bool:
    """Whether the drift of an analyte is corrected (`quantify.drift.correction`)."""
    return correction == "brackets" or (correction == "auto" and not ratio)


def fit_analyte(points: pd.DataFrame, wanted: pd.DataFrame, config: Mapping[str, Any]) -> Fit:
    """Calibrate one analyte in one run, or in all runs of a pool.

    Parameters
    ----------
    points : DataFrame
        Of `standards.standard_points`, those of this analyte and these runs.
    wanted : DataFrame
        One row per run: run, analyte, internal_standard, ratio, response_kind, lod.
    config : mapping
        Section ``quantify``.

    Returns
    -------
    Fit

    Notes
    -----
    One bad standard bends the curve, and its neighbours seem to fail as well.  Therefore the
    standard without which the others agree best is put aside, again and again, until all that are
    left hold their limit; the errors of those put aside are from the curve through the others.
    With the action ``exclude`` that curve is used, else the one through all.
    """
    first = wanted.iloc[0]
    ratio = bool(first["ratio"])
    mode = str(config["calibration"])
    anchors = points[points["anchor"]]
    correct = drift_wanted(str(config["drift"]["correction"]), ratio)
    failing: dict[int, float] = {}
    used = anchors["calibrator"].copy()
    left_out = str(config["suitability"]["actions"].get("back_calculation", "warn")) == "exclude"
    curves: dict[str, Curve] = {}
    drifts: dict[str, Drift] = {}
    reasons: dict[str, str] = {}
    n_levels = count_levels(anchors.loc[used, "amount_fmol"])
    try:
        if mode == "internal_standard" and not ratio:
            raise CalibrationError(
                "found no internal standard in analytes.csv; expected one, because "
                "quantify.calibration is internal_standard"
            )
        standards, reasons = _with_standards(anchors, wanted)
        failing = _failing(standards, used, correct, config)
        if left_out:
            used[list(failing)] = False
        n_levels = count_levels(standards.loc[used[standards.index], "amount_fmol"])
        curves, drifts = _fit(standards, used, correct, config)
    except CalibrationError as error:
        reasons = {str(run): str(error) for run in wanted["run"]}
    calibrations = {}
    for row in wanted.itertuples(index=False):
        curve = curves.get(str(row.run))
        in_run = anchors["run"] == row.run
        own = anchors[used & (in_run if config["pool"] == "none" else True)]
        limit, divisor = None, 1.0
        if curve is not None:
            of_run = anchors[used & in_run]
            divisor = float((of_run["divisor"] / of_run["is_scale"]).median())
            limit = limits(
                str(config["limits"]["method"]),
                curve,
                fmol=of_run["amount_fmol"].to_numpy(dtype=np.float64),
                snr_usp=of_run["snr_usp"].to_numpy(dtype=np.float64),
                snr_sigma=of_run["snr_sigma"].to_numpy(dtype=np.float64),
                lod_given=float(row.lod),
                detection=float(config["limits"]["detection"]),
                quantification=float(config["limits"]["quantification"]),
            )
        calibrations[str(row.run), str(row.analyte)] = Calibration(
            run=str(row.run),
            analyte=str(row.analyte),
            internal_standard=str(row.internal_standard) if ratio else "",
            response_kind=str(row.response_kind),
            curve=curve,
            limits=limit,
            drift=drifts.get(str(row.run)),
            n_levels=n_levels if len(own) else 0,
            divisor=divisor,
            reason="" if curve is not None else reasons[str(row.run)],
        )
    return Fit(calibrations, failing, left_out)


def _with_standards(
    anchors: pd.DataFrame, wanted: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Standards of the runs that have any; of a pool the others are left without a curve."""
    reasons: dict[str, str] = {}
    if len(wanted) > 1:
        cal = anchors[anchors["calibrator"] & (anchors["amount_fmol"] > 0)]
        have = set(cal["run"])
        reasons = {
            str(run): "found no standard with an amount above 0 in this run; expected at least "
            "one in every run that is pooled"
            for run in wanted["run"]
            if run not in have
        }
        anchors = anchors[anchors["run"].isin(have)]
    return anchors, reasons


def _fit(
    standards: pd.DataFrame,
    used: pd.Series,
    correct: bool,
    config: Mapping[str, Any],
) -> tuple[dict[str, Curve], dict[str, Drift]]:
    """Curves and drifts of the runs with the calibrators marked in `used`."""
    # Put aside, a calibrator tells nothing of drift either.
    chosen = standards[used[standards.index] | ~standards["calibrator"]]
    is_calibrator = chosen["calibrator"].to_numpy(dtype=bool)
    own = chosen[is_calibrator]
    fmol = own["fit_fmol"].to_numpy(dtype=np.float64)
    runs = [str(run) for run in own["run"]]
    n_levels = count_levels(own["amount_fmol"])

    def fit(response: FloatArray) -> dict[str, Curve]:
        return calibrate(
            fmol,
            response,
            runs,
            n_levels,
            str(config["weight"]),
            bool(config["through_zero"]),
            config["model"] == "quadratic",
            int(config["min_levels"]),
        )

    if correct and chosen["position"].notna().all():
        return fit_with_drift(fit, chosen)
    return fit(own["response"].to_numpy(dtype=np.float64)), {}


def back_calculated(
    rows: pd.DataFrame, curves: Mapping[str, Curve], drifts: Mapping[str, Drift]
) -> tuple[FloatArray, FloatArray]:
    """Drift factor and back-calculated amount of standards of several runs, fmol."""
    factor = np.ones(len(rows))
    back = np.full(len(rows), np.nan)
    response = rows["response"].to_numpy(dtype=np.float64)
    position = rows["position"].to_numpy(dtype=np.float64)
    scale = rows["is_scale"].to_numpy(dtype=np.float64)
    run_of = rows["run"].to_numpy(dtype=object)
    for run, curve in curves.items():
        own = run_of == run
        if run in drifts:
            factor[own] = drifts[run].at(position[own])
        back[own] = curve.amount(response[own] / factor[own]) * scale[own]
    return factor, back


def _failing(
    standards: pd.DataFrame,
    used: pd.Series,
    correct: bool,
    config: Mapping[str, Any],
) -> dict[int, float]:
    """Errors of the calibrators that don't agree with the others, by index."""
    limit = float(config["suitability"]["back_calculation_error_pct"])
    shares = _shares(standards, used, correct, config, limit)
    calibrators = standards[standards["calibrator"] & (standards["amount_fmol"] > 0)]
    n = len(calibrators)
    aside: list[int] = []
    while (shares[used_of(calibrators, aside)].abs() > 1.0).any():
        if n - len(aside) - 1 < LEAST_KEPT * n:
            return {}
        trials = {}
        for index in used_of(calibrators, aside):
            kept = used.copy()
            kept[[*aside, index]] = False
            try:
                tried = _shares(standards, kept, correct, config, limit)
            except CalibrationError:
                continue
            others = [i for i in used_of(calibrators, aside) if i != index]
            trials[index] = (float((tried[others] ** 2).sum()), tried)
        if not trials:
            return {}
        best = min(trials, key=lambda index: (trials[index][0], index))
        aside.append(best)
        shares = trials[best][1]
    allowed = pd.Series(_allowed(calibrators, limit), index=calibrators.index)
    # Back inside its limit, a standard put aside early was not at fault.
    return {i: float(shares[i] * allowed[i]) for i in sorted(aside) if abs(shares[i]) > 1.0}


def used_of(calibrators: pd.DataFrame, aside: list[int]) -> list[int]:
    """Indices of the calibrators that were not put aside."""
    return [index for index in calibrators.index if index not in aside]


def _allowed(calibrators: pd.DataFrame, limit: float) -> FloatArray:
    lowest = float(calibrators["amount_fmol"].min()) if len(calibrators) else np.nan
    return error_limits(calibrators["amount_fmol"], lowest, limit)


def _shares(
    standards: pd.DataFrame,
    used: pd.Series,
    correct: bool,
    config: Mapping[str, Any],
    limit: float,
) -> pd.Series:
    """Error of every calibrator above zero as a part of its limit, by index."""
    curves, drifts = _fit(standards, used, correct, config)
    calibrators = standards[standards["calibrator"] & (standards["amount_fmol"] > 0)]
    _, back = back_calculated(calibrators, curves, drifts)
    nominal = calibrators["amount_fmol"].to_numpy(dtype=np.float64)
    error = 100.0 * (back - nominal) / nominal
    # An amount that no curve gives (beyond a turning point) is as wrong as can be.
    error = np.where(np.isfinite(error), error, 1e6)
    return pd.Series(error / _allowed(calibrators, limit), index=calibrators.index)


def points_by_analyte(points: pd.DataFrame, pool: str) -> dict[Any, npt.NDArray[np.int64]]:
    """Positions of the points by what is calibrated together."""
    keys = ["run", "analyte"] if pool == "none" else ["analyte"]
    return {
        key if isinstance(key, tuple) else (key,): np.asarray(index)
        for key, index in points.groupby(keys, sort=False).indices.items()
    }
