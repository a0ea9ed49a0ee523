"""Drift of the response through a run, from its standards, and the curve without it.

Between two groups of standards the response factor is taken to change in a straight line with
injection order or time (bracketing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.errors import CalibrationError, Problem, problems_text
from dialysis.quantify.calibration import Curve

_ROUNDS = 50
_CONVERGED = 1e-12


@dataclass(frozen=True, eq=False)
class Drift:
    """Response factor of a run against position, relative to its calibration.

    Parameters
    ----------
    position, factor : ndarray of float64, shape (n,)
        Positions (order, or hours) of the knots and response there ÷ that of the calibration.
    knot_weights : ndarray of float64, shape (n, m)
        What every knot takes of the m groups of standards.
    group_variance : ndarray of float64, shape (m,)
        Relative variance of the mean response of every group; 0 for the group that holds all
        calibrators, whose error is that of the curve.
    """

    position: FloatArray
    factor: FloatArray
    knot_weights: FloatArray
    group_variance: FloatArray

    @property
    def n_groups(self) -> int:
        """Groups of standards it was interpolated between."""
        return int(self.group_variance.size)

    def at(self, position: npt.ArrayLike) -> FloatArray:
        """Factor at a position, constant before the first and after the last standard."""
        where = np.asarray(position, dtype=np.float64)
        return np.asarray(np.interp(where, self.position, self.factor), dtype=np.float64)

    def variance(self, position: npt.ArrayLike) -> FloatArray:
        """Relative variance of the factor, from the scatter of the standards."""
        where = np.asarray(position, dtype=np.float64)
        weights = np.stack(
            [np.interp(where, self.position, column) for column in self.knot_weights.T], axis=-1
        )
        return np.asarray(weights**2 @ self.group_variance, dtype=np.float64)

    def bracketed(self, position: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether standards stand before and after a position."""
        where = np.asarray(position, dtype=np.float64)
        return np.asarray((where >= self.position[0]) & (where <= self.position[-1]))


def positions(injections: pd.DataFrame, by: str) -> pd.Series:
    """Where an injection stands in its run.

    Parameters
    ----------
    injections : DataFrame
        The injections table.
    by : {"order", "time"}
        ``quantify.drift.by``.

    Returns
    -------
    Series of float64
        By injection_id: the order, or hours since the run's first injection.

    Raises
    ------
    CalibrationError
        Naming every injection without an order or time, or whose time is no ISO 8601.
    """
    column = "injected_at" if by == "time" else "order"
    what = f"the {'time' if by == 'time' else 'position'} of every injection"
    problems = []
    values = []
    for row in injections.itertuples(index=False):
        given = getattr(row, column)
        value = np.nan
        if by == "order" and not pd.isna(given):
            value = float(given)
        elif by == "time" and given:
            try:
                moment = pd.Timestamp(given)
            except ValueError:
                moment = pd.NaT
            if moment is not pd.NaT:
                moment = moment.tz_localize("UTC") if moment.tz is None else moment
                value = moment.timestamp() / 3600.0
        values.append(value)
        if np.isnan(value):
            found = f"'{given}'" if isinstance(given, str) and given else "nothing"
            problems.append(
                Problem(
                    "injections.csv",
                    f"injection {row.injection_id}, column {column}",
                    found,
                    f"{what}, because quantify.drift.by is '{by}'",
                    "Fill it in, or set quantify.drift.correction: none.",
                )
            )
    if problems:
        raise CalibrationError(problems_text(problems, "Drift can't be corrected"))
    out = pd.Series(values, index=list(injections["injection_id"]), dtype="float64")
    if by == "time":
        runs = pd.Series(list(injections["run"]), index=out.index)
        out = out - out.groupby(runs).transform("min")
    return out


def with_injection_times(injections: pd.DataFrame, manifests: pd.DataFrame) -> pd.DataFrame:
    """Fill in the injection times that the exports give.

    Parameters
    ----------
    injections : DataFrame
        The injections table.
    manifests : DataFrame
        `dialysis.tables.ingest.MANIFEST` of the runs; a time in it goes before one in
        injections.csv, which is only for exports without.
    """
    known = manifests[manifests["injected_at"] != ""].drop_duplicates("injection_id")
    times = injections["injection_id"].map(known.set_index("injection_id")["injected_at"].to_dict())
    return injections.assign(
        injected_at=times.where(times.notna(), injections["injected_at"]).astype("str")
    )


def standard_groups(types: Sequence[str]) -> npt.NDArray[np.int64]:
    """Number of the group every injection of a run stands in, in their order.

    Samples part groups: everything between two samples is one group.
    """
    sample = np.array([kind == "sample" for kind in types], dtype=bool)
    starts = np.concatenate([[False], sample[1:] != sample[:-1]]) if sample.size else sample
    return np.asarray(np.cumsum(starts), dtype=np.int64)


def fit_drift(
    curve: Curve,
    fmol: FloatArray,
    response: FloatArray,
    position: FloatArray,
    group: npt.NDArray[np.int64],
    calibrator: npt.NDArray[np.bool_],
) -> Drift | None:
    """Drift of one run and analyte from the responses of its standards.

    Parameters
    ----------
    curve : Curve
        The calibration.
    fmol, response, position : ndarray of float64, shape (n,)
        Standards (calibrators and brackets) as measured.
    group : ndarray of int, shape (n,)
        Of `standard_groups`.
    calibrator : ndarray of bool, shape (n,)
        Which of them the curve is fitted to.

    Returns
    -------
    Drift or None
        ``None`` with fewer than two groups.

    Notes
    -----
    The factor of a group is the mean of response ÷ response of the curve, weighted by the inverse
    of the relative variance that the curve's scatter gives; those of groups with calibrators are
    scaled to the mean 1 (of one group, to 1), because the curve is theirs.  Inside the first and
    the last group the first and last segments go on, so that the calibrators themselves are
    corrected for the drift while they were injected.
    """
    expected = curve.response(fmol)
    use = (fmol > 0) & (expected > 0) & np.isfinite(response)
    expected, response, position = expected[use], response[use], position[use]
    group, calibrator = group[use], calibrator[use]
    numbers = np.unique(group)
    if numbers.size < 2:
        return None
    scatter = curve.response_variance(fmol[use]) / expected**2
    weight = 1.0 / scatter if np.all(scatter > 0) else np.ones_like(expected)
    ratio = response / expected
    centers, factors, variances = (np.empty(numbers.size) for _ in range(3))
    for k, number in enumerate(numbers):
        own = group == number
        total = float(weight[own].sum())
        centers[k] = float(weight[own] @ position[own]) / total
        factors[k] = float(weight[own] @ ratio[own]) / total
        whole = calibrator[own].sum() == calibrator.sum() and calibrator.any()
        variances[k] = 0.0 if whole or np.any(~(scatter > 0)) else 1.0 / total
    # The curve is that of the calibrators: on average they have the factor 1.
    holding = np.array([bool(calibrator[group == number].any()) for number in numbers])
    if holding.any():
        points = np.array([int(calibrator[group == number].sum()) for number in numbers])
        factors[holding] /= float(points @ factors) / float(points.sum())
    knots, weights = _knots(centers, float(position.min()), float(position.max()))
    return Drift(knots, weights @ factors, weights, variances)


def _knots(centers: FloatArray, first: float, last: float) -> tuple[FloatArray, FloatArray]:
    """Knots at the centres, and at the first and last standard on the segments beside them."""
    identity = np.eye(centers.size)

    def beyond(at: float, a: int, b: int) -> FloatArray:
        share = (at - centers[a]) / (centers[b] - centers[a])
        weights: FloatArray = (1.0 - share) * identity[a] + share * identity[b]
        return weights

    places, rows = list(centers), list(identity)
    if first < centers[0]:
        places.insert(0, first)
        rows.insert(0, beyond(first, 0, 1))
    if last > centers[-1]:
        places.append(last)
        rows.append(beyond(last, centers.size - 2, centers.size - 1))
    return np.array(places), np.array(rows)


def fit_with_drift(
    fit: Any,
    standards: pd.DataFrame,
) -> tuple[dict[str, Curve], dict[str, Drift]]:
    """Fit the curves of an analyte and the drift of its runs together.

    Parameters
    ----------
    fit : callable
        Takes responses of the calibrators without drift, ndarray of shape (number of
        calibrators,), and returns a Curve by run.
    standards : DataFrame
        Columns run, fit_fmol, response, position, group, calibrator (bool); calibrators are
        those that the curve is fitted to.

    Returns
    -------
    curves : dict of str to Curve
    drifts : dict of str to Drift
        Runs with one group of standards have none.

    Notes
    -----
    Curve and drift each need the other: they are fitted in turns until the factors stand still.
    """
    calibrator = standards["calibrator"].to_numpy(dtype=bool)
    response = standards["response"].to_numpy(dtype=np.float64)
    runs = standards["run"].to_numpy(dtype=object)
    position = standards["position"].to_numpy(dtype=np.float64)
    factor = np.ones(len(standards))
    drifts: dict[str, Drift] = {}
    curves: Mapping[str, Curve] = fit(response[calibrator])
    for _ in range(_ROUNDS):
        before = factor.copy()
        for run, curve in curves.items():
            own = runs == run
            rows = standards[own]
            drift = fit_drift(
                curve,
                rows["fit_fmol"].to_numpy(dtype=np.float64),
                response[own],
                position[own],
                rows["group"].to_numpy(dtype=np.int64),
                calibrator[own],
            )
            if drift is not None and np.all(drift.factor > 0):
                drifts[run] = drift
                factor[own] = drift.at(position[own])
        curves = fit(response[calibrator] / factor[calibrator])
        if float(np.max(np.abs(factor - before), initial=0.0)) < _CONVERGED:
            break
    return dict(curves), drifts
