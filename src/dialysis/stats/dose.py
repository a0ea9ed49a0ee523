"""Dose response: linear trend over log dose, and Emax where there are enough doses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.emmeans import cell_hypothesis
from dialysis.stats.estimates import adjust_families, estimate
from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.inference import t_quantile
from dialysis.stats.layout import Layout
from dialysis.stats.options import Options
from dialysis.tables.stats import DOSE

FEWEST_EMAX_LEVELS = 4
_ED50_GRID = 200


@dataclass(frozen=True)
class DoseSeries:
    """Groups that differ in the dose of one drug only, with one control.

    Parameters
    ----------
    label : str
        The drug, with its control where the study has several.
    control : str
        Group they are compared with.
    groups : tuple of str
        In the order of the dose.
    doses : ndarray of float, shape (d,)
        Ascending, above 0, d at least 2.
    """

    label: str
    control: str
    groups: tuple[str, ...]
    doses: FloatArray

    @property
    def slope(self) -> FloatArray:
        """Weights of the groups' means in the least-squares slope over ln(dose)."""
        x = np.log(self.doses)
        return np.asarray((x - x.mean()) / float(np.sum((x - x.mean()) ** 2)))


def dose_series(layout: Layout) -> list[DoseSeries]:
    """Return the drugs of a study with two doses or more."""
    drugs: dict[tuple[str, str], list[str]] = {}
    for group in layout.compared:
        if layout.dose.get(group, 0.0) > 0:
            drugs.setdefault((layout.drug[group], layout.control[group]), []).append(group)
    controls = {control for _, control in drugs}
    out = []
    for (drug, control), groups in drugs.items():
        label = drug if len(controls) == 1 else f"{drug} against {control}"
        groups = sorted(groups, key=lambda group: layout.dose[group])
        doses = np.array([layout.dose[group] for group in groups])
        if len(doses) >= 2 and len(np.unique(doses)) == len(doses):
            out.append(DoseSeries(label, control, tuple(groups), doses))
    return out


def dose_table(fitted: FittedOutcome, times: list[int], options: Options) -> pd.DataFrame:
    """Estimate how the response grows with the dose, for every drug with two doses or more.

    Parameters
    ----------
    fitted : FittedOutcome
        The model.
    times : list of int
        Times after the dose whose mean is the row with scope ``window``.
    options : Options
        Level of intervals, degrees of freedom.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.DOSE`.

    Notes
    -----
    The trend is the least-squares slope of the model's means over ln(dose), doses above 0 with
    equal weights, a linear contrast; p over the times of a drug is adjusted by max-|t|.  Emax,
    E(d) = e0 + emax·d/(ed50 + d), is fitted to the means over the window, the control as dose 0,
    by generalised least squares with their covariance.  It needs at least four dose levels, the
    control counted.
    """
    rows: list[dict[str, Any]] = []
    for series in dose_series(fitted.layout):
        rows += _trend(fitted, series, times, options)
        rows += _emax(
            fitted,
            series.label,
            [series.control, *series.groups],
            np.r_[0.0, series.doses],
            times,
            options,
        )
    return DOSE.coerce(pd.DataFrame(rows, columns=DOSE.column_names))


def window_row(fitted: FittedOutcome, group: str, times: list[int]) -> FloatArray | None:
    """Return the row of L of a group's time-weighted mean; None where a cell is missing."""
    cells = [cell_hypothesis(fitted, group, time)[0] for time in times]
    found = [cell for cell in cells if cell is not None]
    if not found or len(found) < len(cells):
        return None
    minutes = np.array([fitted.layout.duration_min[time] for time in times])
    return np.asarray(minutes @ np.array(found) / minutes.sum())


def _trend(
    fitted: FittedOutcome, series: DoseSeries, times: list[int], options: Options
) -> list[dict[str, Any]]:
    groups, weights = series.groups, series.slope
    scopes: list[tuple[str, list[int]]] = [("window", times)]
    scopes += [(str(time), [time]) for time in fitted.layout.post_times]
    rows: list[dict[str, Any]] = []
    hypotheses, tested = [], []
    for scope, included in scopes:
        cells = [window_row(fitted, group, included) for group in groups]
        row = {
            "outcome": fitted.layout.outcome,
            "drug": series.label,
            "model": "trend",
            "scope": scope,
            "parameter": "slope",
            "n_doses": len(groups),
        }
        found = [cell for cell in cells if cell is not None]
        if fitted.fit is None:
            row |= {"status": fitted.status, "reason": fitted.reason}
        elif len(found) < len(cells):
            row |= {"status": "not_estimable", "reason": "a dose has no mean here"}
        else:
            row |= {"status": fitted.status, "reason": fitted.reason}
            tested.append(len(rows))
            hypotheses.append(weights @ np.array(found))
        rows.append(row)
    if not tested or fitted.fit is None:
        return rows
    result = estimate(fitted.fit, np.array(hypotheses), options.ddf, options.information)
    families = ["window" if rows[i]["scope"] == "window" else "times" for i in tested]
    method = "dunnett" if options.adjustment == "dunnett" else options.adjustment
    adjusted = adjust_families(result, families, method, options.confidence)
    half = t_quantile(result.df, options.confidence) * result.se
    for place, i in enumerate(tested):
        value = float(result.value[place])
        rows[i] |= {
            "estimate": value,
            "se": result.se[place],
            "df": result.df[place],
            "statistic": result.statistic[place],
            "p": result.p[place],
            "p_adjusted": adjusted.p[place],
            "low": value - half[place],
            "high": value + half[place],
            "per_doubling_pct": 100.0 * 2.0**value,
        }
    return rows


def _emax(
    fitted: FittedOutcome,
    drug: str,
    groups: list[str],
    doses: FloatArray,
    times: list[int],
    options: Options,
) -> list[dict[str, Any]]:
    head = {
        "outcome": fitted.layout.outcome,
        "drug": drug,
        "model": "emax",
        "scope": "window",
        "n_doses": len(doses),
    }
    names = ("e0", "emax", "ed50")
    cells = [window_row(fitted, group, times) for group in groups]
    found = [cell for cell in cells if cell is not None]
    reason = ""
    if len(doses) < FEWEST_EMAX_LEVELS:
        reason = (
            f"{len(doses)} dose levels with the control, at least {FEWEST_EMAX_LEVELS} needed for "
            "three parameters"
        )
    elif fitted.fit is None:
        reason = fitted.reason
    elif len(found) < len(cells):
        reason = "a dose has no mean over the window"
    if reason or fitted.fit is None:
        return [
            {**head, "parameter": name, "status": "not_estimable", "reason": reason}
            for name in names
        ]
    stacked = np.array(found)
    result = estimate(fitted.fit, stacked, options.ddf, options.information)
    solved = fit_emax(doses, result.value, result.covariance)
    if isinstance(solved, str):
        return [
            {**head, "parameter": name, "status": "not_estimable", "reason": solved}
            for name in names
        ]
    theta, jacobian = solved
    inverse = np.linalg.inv(result.covariance)
    bread = np.linalg.inv(jacobian.T @ inverse @ jacobian)
    gradient = bread @ jacobian.T @ inverse @ stacked
    spread = estimate(fitted.fit, gradient, options.ddf, options.information, theta)
    half = t_quantile(spread.df, options.confidence) * spread.se
    return [
        {
            **head,
            "parameter": name,
            "estimate": spread.value[i],
            "se": spread.se[i],
            "df": spread.df[i],
            "statistic": spread.statistic[i],
            "p": spread.p[i],
            "p_adjusted": spread.p[i],
            "low": spread.value[i] - half[i],
            "high": spread.value[i] + half[i],
            "status": fitted.status,
            "reason": fitted.reason,
        }
        for i, name in enumerate(names)
    ]


def fit_emax(
    doses: FloatArray, means: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray] | str:
    """Fit E(d) = e0 + emax·d/(ed50 + d) by generalised least squares.

    Parameters
    ----------
    doses, means : ndarray of float, shape (k,)
        Dose levels, 0 included, and the mean response at each.
    covariance : ndarray of float, shape (k, k)
        Covariance of the means.

    Returns
    -------
    tuple of ndarray, or str
        (e0, emax, ed50) and the Jacobian, shape (k, 3); or why there is no estimate: the best
        ed50 lies at the edge of the range from a tenth of the smallest dose to ten times the
        largest, where the design says nothing about it.
    """
    from scipy.optimize import minimize_scalar

    lower = np.linalg.inv(np.linalg.cholesky(covariance))
    white = lower @ means

    def solve(log_ed50: float) -> tuple[float, FloatArray]:
        design = np.column_stack([np.ones_like(doses), doses / (np.exp(log_ed50) + doses)])
        coefficients, *_ = np.linalg.lstsq(lower @ design, white, rcond=None)
        residual = white - lower @ design @ coefficients
        return float(residual @ residual), coefficients

    positive = doses[doses > 0]
    grid = np.linspace(np.log(positive.min() / 10), np.log(positive.max() * 10), _ED50_GRID)
    values = np.array([solve(point)[0] for point in grid])
    best = int(np.argmin(values))
    if best in (0, len(grid) - 1):
        side = "below a tenth of the smallest" if best == 0 else "above ten times the largest"
        return f"the doses do not determine ED50: the best value lies {side} dose"
    found = minimize_scalar(
        lambda point: solve(point)[0],
        bounds=(grid[best - 1], grid[best + 1]),
        method="bounded",
        options={"xatol": 1e-12},
    )
    log_ed50 = float(found.x)
    e0, emax = solve(log_ed50)[1]
    ed50 = float(np.exp(log_ed50))
    jacobian = np.column_stack(
        [np.ones_like(doses), doses / (ed50 + doses), -emax * doses / (ed50 + doses) ** 2]
    )
    if np.linalg.cond(lower @ jacobian * np.array([1.0, 1.0, ed50])) > 1e8:
        return "the response does not change with the dose; ED50 is not determined"
    return np.array([e0, emax, ed50]), jacobian
