"""Every group against its own control, within each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.inference import t_quantile, two_sided_p
from dialysis.stats.model import FloatArray
from dialysis.stats.multiplicity import adjust, correlation_of, stars
from dialysis.tables.stats import CONTRASTS


@dataclass(frozen=True)
class Contrasts:
    """The table, and the largest sampling error of its adjusted p-values."""

    table: pd.DataFrame
    standard_error: float


def contrast_table(
    fitted: FittedOutcome, confidence: float, adjustment: str, alpha: float, star_family: str
) -> Contrasts:
    """Compare every group with its control at every time.

    Parameters
    ----------
    fitted : FittedOutcome
        The model.
    confidence : float
        Level of the (unadjusted) intervals of the ratio.
    adjustment : {"dunnett", "holm", "bonferroni", "none"}
        Multiplicity adjustment.
    alpha : float
        Level of one star.
    star_family : {"within", "all"}
        Which adjusted p-value the stars are for.

    Returns
    -------
    Contrasts
        With `dialysis.tables.stats.CONTRASTS`, one row per compared group and time.

    Notes
    -----
    Two families are adjusted, both always given: the groups within one time (``p_within``) and
    all groups at all times (``p_all``).  Comparisons that can't be estimated belong to neither.
    """
    layout = fitted.layout
    rows: list[dict[str, Any]] = []
    hypotheses: list[FloatArray] = []
    tested: list[int] = []
    for time in layout.post_times:
        for group in layout.compared:
            control = layout.control[group]
            row, reason = _hypothesis(fitted, group, control, time)
            if row is not None:
                tested.append(len(rows))
                hypotheses.append(row)
            rows.append(
                {
                    "outcome": layout.outcome,
                    "group": group,
                    "control": control,
                    "time_index": time,
                    "time_min": layout.time_min[time],
                    "adjustment": adjustment,
                    "stars": "",
                    "status": _status(fitted, row),
                    "reason": reason,
                }
            )
    table = CONTRASTS.coerce(pd.DataFrame(rows, columns=CONTRASTS.column_names))
    if not tested or fitted.params is None or fitted.cov_params is None:
        return Contrasts(table, 0.0)
    stacked = np.array(hypotheses)
    estimate = stacked @ fitted.params
    covariance = stacked @ fitted.cov_params @ stacked.T
    se = np.sqrt(np.diag(covariance))
    statistic = estimate / se
    correlation = correlation_of(covariance)
    half = t_quantile(fitted.df, confidence) * se

    everything = adjust(statistic, correlation, fitted.df, adjustment)
    error = everything.standard_error
    within = np.empty_like(statistic)
    times = table["time_index"].to_numpy(dtype=int)[tested]
    for time in np.unique(times):
        at = np.flatnonzero(times == time)
        family = adjust(statistic[at], correlation[np.ix_(at, at)], fitted.df, adjustment)
        within[at] = family.p
        error = max(error, family.standard_error)
    results = {
        "log_ratio": estimate,
        "se": se,
        "df": np.full(len(tested), float(fitted.df)),
        "statistic": statistic,
        "p": two_sided_p(statistic, fitted.df),
        "p_within": within,
        "p_all": everything.p,
        "ratio_pct": 100.0 * np.exp(estimate),
        "ratio_low_pct": 100.0 * np.exp(estimate - half),
        "ratio_high_pct": 100.0 * np.exp(estimate + half),
        "stars": stars(within if star_family == "within" else everything.p, alpha),
    }
    for name, values in results.items():
        table.loc[tested, name] = values
    return Contrasts(CONTRASTS.coerce(table), error)


def _hypothesis(
    fitted: FittedOutcome, group: str, control: str, time: int
) -> tuple[FloatArray | None, str]:
    """Return the row of ``L`` and a remark, or None and the reason why there is none."""
    if fitted.design is None or fitted.params is None:
        return None, fitted.reason
    row = fitted.design.cell_row(group, time)
    against = fitted.design.cell_row(control, time)
    empty = [name for name, cell in ((group, row), (control, against)) if cell is None]
    if row is None or against is None:
        return None, f"no value of {' and '.join(repr(name) for name in empty)} at this time"
    difference = row - against
    if not fitted.design.estimable(difference[None, :]):
        return None, f"the difference can't be told apart from that in {fitted.design.confounders}"
    return difference, fitted.reason


def _status(fitted: FittedOutcome, row: FloatArray | None) -> str:
    if fitted.params is None:
        return fitted.status
    return "not_estimable" if row is None else fitted.status
