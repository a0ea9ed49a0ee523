"""Estimated marginal means: each group at each time, at the mean baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.estimates import estimate, with_numbers
from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.inference import t_quantile
from dialysis.stats.options import Options
from dialysis.tables.stats import EMMEANS


def emmeans_table(fitted: FittedOutcome, options: Options) -> pd.DataFrame:
    """Estimate every group × time, on the log scale and back on the percent scale.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.EMMEANS`.  ``mean_pct = 100 exp(log_mean)`` is a geometric mean
        percent of baseline, its interval ``100 exp(log_mean ± t SE)``.
    """
    layout = fitted.layout
    animals = {} if fitted.design is None else fitted.design.animals_per_cell()
    rows: list[dict[str, Any]] = []
    hypotheses: list[FloatArray] = []
    tested: list[int] = []
    for group in layout.groups:
        for time in layout.post_times:
            hypothesis, status, reason = cell_hypothesis(fitted, group, time)
            if hypothesis is not None:
                tested.append(len(rows))
                hypotheses.append(hypothesis)
            rows.append(
                {
                    "outcome": layout.outcome,
                    "group": group,
                    "time_index": time,
                    "time_min": layout.time_min[time],
                    "n": animals.get((group, time), 0),
                    "status": status,
                    "reason": reason,
                }
            )
    if not tested or fitted.fit is None:
        return EMMEANS.coerce(pd.DataFrame(rows, columns=EMMEANS.column_names))
    found = estimate(fitted.fit, np.array(hypotheses), options.ddf, options.information)
    half = t_quantile(found.df, options.confidence) * found.se
    results = {
        "log_mean": found.value,
        "se": found.se,
        "df": found.df,
        "mean_pct": 100.0 * np.exp(found.value),
        "low_pct": 100.0 * np.exp(found.value - half),
        "high_pct": 100.0 * np.exp(found.value + half),
    }
    rows = with_numbers(rows, tested, results)
    return EMMEANS.coerce(pd.DataFrame(rows, columns=EMMEANS.column_names))


def cell_hypothesis(
    fitted: FittedOutcome, group: str, time: int
) -> tuple[FloatArray | None, str, str]:
    """Return the row of L that is a cell's mean, with status and reason; None without one."""
    if fitted.design is None or fitted.fit is None:
        return None, fitted.status, fitted.reason
    row = fitted.design.cell_row(group, time)
    if row is None:
        reason = fitted.design.refused.get((group, time), "no value of this group at this time")
        return None, "not_estimable", reason
    if not fitted.fit.estimable(row[None, :]).all():
        confounders = fitted.design.confounders(fitted.fit.basis.null_space)
        reason = f"the group can't be told apart from {confounders}, with which it is confounded"
        return None, "not_estimable", reason
    return row, fitted.status, fitted.reason
