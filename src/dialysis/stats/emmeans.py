"""Estimated marginal means: each group at each time, at the mean baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.inference import t_quantile
from dialysis.tables.stats import EMMEANS


def emmeans_table(fitted: FittedOutcome, confidence: float) -> pd.DataFrame:
    """Estimate every group × time, on the log scale and back on the percent scale.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.EMMEANS`.  ``mean_pct = 100 exp(log_mean)`` is a geometric mean
        percent of baseline, its interval ``100 exp(log_mean ± t SE)``.
    """
    layout = fitted.layout
    animals = {} if fitted.design is None else fitted.design.animals_per_cell()
    rows = []
    for group in layout.groups:
        for time in layout.post_times:
            rows.append(
                {
                    "outcome": layout.outcome,
                    "group": group,
                    "time_index": time,
                    "time_min": layout.time_min[time],
                    "n": animals.get((group, time), 0),
                    **_estimate(fitted, group, time, confidence),
                }
            )
    return EMMEANS.coerce(pd.DataFrame(rows, columns=EMMEANS.column_names))


def _estimate(fitted: FittedOutcome, group: str, time: int, confidence: float) -> dict[str, Any]:
    if fitted.design is None or fitted.params is None or fitted.cov_params is None:
        return {"status": fitted.status, "reason": fitted.reason}
    row = fitted.design.cell_row(group, time)
    if row is None:
        return {"status": "not_estimable", "reason": "no value of this group at this time"}
    if not fitted.design.estimable(row[None, :]):
        confounders = fitted.design.confounders
        reason = f"the group can't be told apart from {confounders}, with which it is confounded"
        return {"status": "not_estimable", "reason": reason}
    mean = float(row @ fitted.params)
    se = float(np.sqrt(row @ fitted.cov_params @ row))
    half = t_quantile(fitted.df, confidence) * se
    return {
        "log_mean": mean,
        "se": se,
        "df": fitted.df,
        "mean_pct": 100.0 * np.exp(mean),
        "low_pct": 100.0 * np.exp(mean - half),
        "high_pct": 100.0 * np.exp(mean + half),
        "status": fitted.status,
        "reason": fitted.reason,
    }
