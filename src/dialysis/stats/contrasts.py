"""Every group against its own control, within each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.estimates import (
    Estimates,
    FamilyResult,
    adjust_families,
    estimate,
    with_numbers,
)
from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.inference import t_quantile
from dialysis.stats.multiplicity import stars
from dialysis.stats.options import Options
from dialysis.tables.stats import CONTRASTS, SECONDARY


@dataclass(frozen=True)
class Comparisons:
    """All comparisons of a model with the control.

    Parameters
    ----------
    rows : list of dict
        outcome, group, control, time_index, time_min, adjustment, status and reason of every
        comparison.
    tested : list of int
        Those that could be estimated.
    hypotheses : ndarray of float, shape (t, p)
        Their rows of L.
    estimates : Estimates or None
        Of those; None when there are none.
    within, everything : FamilyResult or None
        Adjusted within each time, and over all.
    """

    rows: list[dict[str, Any]]
    tested: list[int]
    hypotheses: FloatArray
    estimates: Estimates | None
    within: FamilyResult | None
    everything: FamilyResult | None

    @property
    def standard_error(self) -> float:
        """Largest sampling error of the adjusted p-values."""
        families = (self.within, self.everything)
        return max((family.standard_error for family in families if family), default=0.0)


def compare(fitted: FittedOutcome, options: Options, families: bool = True) -> Comparisons:
    """Compare every group with its control at every time.

    Parameters
    ----------
    fitted : FittedOutcome
        The model.
    options : Options
        Adjustment, level of intervals, degrees of freedom.
    families : bool
        Whether both families are adjusted and have intervals, or only p-values of the stars'.

    Notes
    -----
    Two families are adjusted: the groups within one time (``p_within``) and all groups at all
    times (``p_all``).  Comparisons that can't be estimated belong to neither.
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
                    "adjustment": options.adjustment,
                    "status": _status(fitted, row),
                    "reason": reason,
                }
            )
    stacked = np.array(hypotheses)
    if not tested or fitted.fit is None:
        return Comparisons(rows, [], np.zeros((0, 0)), None, None, None)
    found = estimate(fitted.fit, stacked, options.ddf, options.information)
    times = [rows[i]["time_index"] for i in tested]
    # Only the stars' family has simultaneous intervals.
    levels = {options.stars: options.confidence if families else None}
    within = everything = None
    if families or options.stars == "within":
        within = adjust_families(found, times, options.adjustment, levels.get("within"))
    if families or options.stars == "all":
        together = ["all"] * len(tested)
        everything = adjust_families(found, together, options.adjustment, levels.get("all"))
    return Comparisons(rows, tested, stacked, found, within, everything)


def contrast_table(compared: Comparisons, options: Options) -> pd.DataFrame:
    """Lay the comparisons of log ratios out as `dialysis.tables.stats.CONTRASTS`."""
    found = compared.estimates
    if found is None or compared.within is None or compared.everything is None:
        return CONTRASTS.coerce(pd.DataFrame(compared.rows, columns=CONTRASTS.column_names))
    half = t_quantile(found.df, options.confidence) * found.se
    family = compared.within if options.stars == "within" else compared.everything
    wide = family.critical * found.se
    results: dict[str, Any] = {
        "log_ratio": found.value,
        "se": found.se,
        "df": found.df,
        "statistic": found.statistic,
        "p": found.p,
        "p_within": compared.within.p,
        "p_all": compared.everything.p,
        "ratio_pct": 100.0 * np.exp(found.value),
        "ratio_low_pct": 100.0 * np.exp(found.value - half),
        "ratio_high_pct": 100.0 * np.exp(found.value + half),
        "sim_low_pct": 100.0 * np.exp(found.value - wide),
        "sim_high_pct": 100.0 * np.exp(found.value + wide),
        "stars": stars(family.p, options.alpha),
    }
    rows = with_numbers(compared.rows, compared.tested, results)
    return CONTRASTS.coerce(pd.DataFrame(rows, columns=CONTRASTS.column_names))


def secondary_table(compared: Comparisons, options: Options) -> pd.DataFrame:
    """Lay the comparisons of percent of baseline out as `dialysis.tables.stats.SECONDARY`."""
    found = compared.estimates
    if found is None or compared.within is None or compared.everything is None:
        return SECONDARY.coerce(pd.DataFrame(compared.rows, columns=SECONDARY.column_names))
    half = t_quantile(found.df, options.confidence) * found.se
    results = {
        "difference_pct": found.value,
        "se": found.se,
        "df": found.df,
        "statistic": found.statistic,
        "p": found.p,
        "p_within": compared.within.p,
        "p_all": compared.everything.p,
        "low_pct": found.value - half,
        "high_pct": found.value + half,
    }
    rows = with_numbers(compared.rows, compared.tested, results)
    return SECONDARY.coerce(pd.DataFrame(rows, columns=SECONDARY.column_names))


def _hypothesis(
    fitted: FittedOutcome, group: str, control: str, time: int
) -> tuple[FloatArray | None, str]:
    """Return the row of ``L`` and a remark, or None and the reason why there is none."""
    if fitted.design is None or fitted.fit is None:
        return None, fitted.reason
    row = fitted.design.cell_row(group, time)
    against = fitted.design.cell_row(control, time)
    if row is None or against is None:
        cells = ((group, row), (control, against))
        refused = [
            fitted.design.refused[name, time]
            for name, cell in cells
            if cell is None and (name, time) in fitted.design.refused
        ]
        if refused:
            return None, "; ".join(refused)
        empty = [name for name, cell in cells if cell is None]
        return None, f"no value of {' and '.join(repr(name) for name in empty)} at this time"
    difference = row - against
    if not fitted.fit.estimable(difference[None, :]).all():
        confounders = fitted.design.confounders(fitted.fit.basis.null_space)
        return None, f"the difference can't be told apart from that in {confounders}"
    return difference, fitted.reason


def _status(fitted: FittedOutcome, row: FloatArray | None) -> str:
    if fitted.fit is None:
        return fitted.status
    return "not_estimable" if row is None else fitted.status
