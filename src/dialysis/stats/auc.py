"""Per-animal area under the curve: means, comparison with the control, trend over the dose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.dose import DoseSeries, dose_series
from dialysis.stats.inference import t_quantile, two_sided_p
from dialysis.stats.layout import Layout
from dialysis.stats.means import mean_and_ci
from dialysis.stats.multiplicity import adjust, correlation_of
from dialysis.tables.stats import AUC, DOSE


@dataclass(frozen=True)
class Auc:
    """What the linear model of the areas gives.

    Parameters
    ----------
    table : DataFrame
        `dialysis.tables.stats.AUC`.
    trends : DataFrame
        `dialysis.tables.stats.DOSE`, a row with scope ``auc`` for every drug with two doses.
    standard_error : float
        Largest sampling error of the adjusted p-values.
    """

    table: pd.DataFrame
    trends: pd.DataFrame
    standard_error: float


def auc_table(summary: pd.DataFrame, layout: Layout, confidence: float, adjustment: str) -> Auc:
    """Compare the AUC of every group with that of its control.

    Only animals with a complete window have an AUC; an animal's probes are averaged first.  The
    differences are tested with the variance pooled over all groups (Dunnett 1955), with
    ``N − groups`` degrees of freedom; the family is all of them.  In the same linear model the
    slope of the means over ln(dose) is tested for every drug with two doses or more, each by
    itself.

    Parameters
    ----------
    summary : DataFrame
        Rows of one outcome, `dialysis.tables.normalize.SUMMARY`.
    layout : Layout
        Groups and their controls.
    confidence : float
        Level of the intervals of the group means.
    adjustment : {"dunnett", "holm", "bonferroni", "none"}
        Multiplicity adjustment.

    Returns
    -------
    Auc
        One row per group, one per drug with several doses.
    """
    complete = summary[np.isfinite(summary["auc_pct_min"])]
    complete = complete.sort_values(["animal_id", "probe_id"], kind="stable")
    values: dict[str, FloatArray] = {
        group: complete[complete["group"] == group]
        .groupby("animal_id")["auc_pct_min"]
        .mean()
        .to_numpy(dtype=float)
        for group in layout.groups
    }
    filled = [group for group in layout.groups if len(values[group])]
    df = sum(len(values[group]) for group in filled) - len(filled)
    squares = float(sum(np.sum((values[g] - values[g].mean()) ** 2) for g in filled))
    largest = max((float(np.max(np.abs(values[g]))) for g in filled), default=0.0)
    variance = squares / df if df > 0 else 0.0
    no_error = ""
    if df < 1:
        no_error = "every group has at most one animal with a complete window"
    elif np.sqrt(variance) <= 1e-9 * largest:
        no_error = "the AUC does not vary within groups; there is no error estimate"

    rows: list[dict[str, Any]] = []
    tested: list[int] = []
    pairs: list[tuple[str, str]] = []
    for group in layout.groups:
        control = layout.control[group]
        mean, sd, low, high = mean_and_ci(values[group], confidence)
        reason = ""
        if not len(values[group]):
            reason = "no animal with a complete window"
        elif control != group and not len(values.get(control, ())):
            reason = f"no animal of {control!r} with a complete window"
        elif control != group:
            reason = no_error
        if control != group and not reason:
            tested.append(len(rows))
            pairs.append((group, control))
        rows.append(
            {
                "outcome": layout.outcome,
                "group": group,
                "control": control,
                "n": len(values[group]),
                "mean_pct_min": mean,
                "sd_pct_min": sd,
                "low_pct_min": low,
                "high_pct_min": high,
                "adjustment": adjustment,
                "status": "not_estimable" if reason else "ok",
                "reason": "control group" if control == group and not reason else reason,
            }
        )
    table = AUC.coerce(pd.DataFrame(rows, columns=AUC.column_names))
    spread = float("nan") if no_error else float(np.sqrt(variance))
    trends = [
        _trend(layout, series, values, spread, df, confidence, no_error)
        for series in dose_series(layout)
    ]
    slopes = DOSE.coerce(pd.DataFrame(trends, columns=DOSE.column_names))
    if not tested:
        return Auc(table, slopes, 0.0)
    contrast = np.array([[(g == a) - float(g == b) for g in filled] for a, b in pairs])
    means = np.array([values[group].mean() for group in filled])
    weights = np.array([1.0 / len(values[group]) for group in filled])
    covariance = variance * (contrast * weights) @ contrast.T
    difference = contrast @ means
    statistic = difference / np.sqrt(np.diag(covariance))
    adjusted = adjust(statistic, correlation_of(covariance), df, adjustment)
    results = {
        "difference_pct_min": difference,
        "statistic": statistic,
        "df": np.full(len(tested), float(df)),
        "p": two_sided_p(statistic, df),
        "p_adjusted": adjusted.p,
    }
    for name, numbers in results.items():
        table.loc[tested, name] = numbers
    return Auc(AUC.coerce(table), slopes, adjusted.standard_error)


def window_ends(summary: pd.DataFrame) -> list[float] | None:
    """Return start and end of the window of the areas, min from the dose, as most animals have."""
    known = summary[summary["window_start_min"].notna() & summary["window_end_min"].notna()]
    if not len(known):
        return None
    ends = known[["window_start_min", "window_end_min"]].median()
    return [round(float(end), 6) for end in ends]


def _trend(
    layout: Layout,
    series: DoseSeries,
    values: Mapping[str, FloatArray],
    spread: float,
    df: int,
    confidence: float,
    no_error: str,
) -> dict[str, Any]:
    """Slope of the mean areas over ln(dose), with the standard deviation of the whole model."""
    row: dict[str, Any] = {
        "outcome": layout.outcome,
        "drug": series.label,
        "model": "trend",
        "scope": "auc",
        "parameter": "slope",
        "n_doses": len(series.groups),
    }
    n = np.array([len(values[group]) for group in series.groups])
    if not n.all() or no_error:
        reason = no_error or "a dose has no animal with a complete window"
        return row | {"status": "not_estimable", "reason": reason}
    slope = float(series.slope @ np.array([values[group].mean() for group in series.groups]))
    se = spread * float(np.sqrt(np.sum(series.slope**2 / n)))
    half = float(t_quantile(df, confidence)) * se
    p = float(two_sided_p(np.array([slope / se]), df)[0])
    return row | {
        "estimate": slope,
        "se": se,
        "df": df,
        "statistic": slope / se,
        "p": p,
        "p_adjusted": p,
        "low": slope - half,
        "high": slope + half,
        "status": "ok",
        "reason": "",
    }
