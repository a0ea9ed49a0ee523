"""Type III tests of the model's terms, on cell means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.design import Design
from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.options import Options
from dialysis.tables.stats import ANOVA

_NOTHING: FloatArray = np.zeros((0, 0))


def anova_table(fitted: FittedOutcome, options: Options) -> pd.DataFrame:
    """Test every term of the model.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.ANOVA`, one row per term, also for terms that can't be tested.

    Notes
    -----
    ``group`` compares the groups' means averaged with equal weights over times, ``time`` the
    times' means averaged with equal weights over groups (type III), ``group:time`` the departure
    of the cell means from additivity.  With cells that have no values, ``group`` is averaged over
    the times at which every group has values, ``time`` over the groups that have all times, and
    ``group:time`` is what the cells with values tell; the reason then says so.
    """
    terms = [*fitted.between_terms, "group", "time", "group:time"]
    rows = [
        {"outcome": fitted.layout.outcome, "term": term, **_test(fitted, term, options)}
        for term in terms
    ]
    return ANOVA.coerce(pd.DataFrame(rows))


def _test(fitted: FittedOutcome, term: str, options: Options) -> dict[str, Any]:
    design = fitted.design
    if design is not None and term in design.left_out:
        return {"status": "not_estimable", "reason": design.left_out[term]}
    fit = fitted.fit
    if design is None or fit is None:
        return {"status": fitted.status, "reason": fitted.reason}
    if term in design.covariates:
        hypothesis = np.eye(design.matrix.shape[1])[list(design.covariates[term])]
        note = ""
    else:
        hypothesis, note = _HYPOTHESES[term](design)
    if not len(hypothesis):
        return {"status": "not_estimable", "reason": note}
    if not fit.estimable(hypothesis).all():
        confounders = design.confounders(fit.basis.null_space)
        reason = f"can't be told apart from {confounders}, with which it is confounded"
        if term in design.covariates:
            reason = "can't be told apart from the other terms, with which it is confounded"
        return {"status": "not_estimable", "reason": reason}
    test = fit.f_test(hypothesis, options.ddf, options.information)
    return {
        "num_df": test.num_df,
        "den_df": test.den_df,
        "statistic": test.statistic,
        "p": test.p,
        "status": fitted.status,
        "reason": "; ".join(part for part in (fitted.reason, note, test.reason) if part),
    }


def _present(design: Design) -> tuple[list[str], list[int]]:
    groups = list(dict.fromkeys(group for group, _ in design.cells))
    times = sorted({time for _, time in design.cells})
    return groups, times


def _mean_of(design: Design, cells: list[tuple[str, int]]) -> FloatArray:
    row = np.zeros(design.matrix.shape[1])
    row[[design.cells.index(cell) for cell in cells]] = 1.0 / len(cells)
    return row


def _group(design: Design) -> tuple[FloatArray, str]:
    groups, times = _present(design)
    if len(groups) < 2:
        return _NOTHING, "only one group has values"
    shared = [t for t in times if all((g, t) in design.cells for g in groups)]
    if not shared:
        return _NOTHING, "there is no time at which every group has values"
    means = np.array([_mean_of(design, [(g, t) for t in shared]) for g in groups])
    note = ""
    if len(shared) < len(times):
        note = f"over the {len(shared)} of {len(times)} times at which every group has values"
    return means[1:] - means[0], note


def _time(design: Design) -> tuple[FloatArray, str]:
    groups, times = _present(design)
    if len(times) < 2:
        return _NOTHING, "only one time has values"
    complete = [g for g in groups if all((g, t) in design.cells for t in times)]
    if not complete:
        return _NOTHING, "there is no group that has values at every time"
    means = np.array([_mean_of(design, [(g, t) for g in complete]) for t in times])
    note = ""
    if len(complete) < len(groups):
        note = f"over the {len(complete)} of {len(groups)} groups that have values at every time"
    return means[1:] - means[0], note


def _interaction(design: Design) -> tuple[FloatArray, str]:
    groups, times = _present(design)
    if len(groups) < 2 or len(times) < 2:
        return _NOTHING, f"only one {'group' if len(groups) < 2 else 'time'} has values"
    additive = np.array(
        [
            [*(g == name for name in groups), *(t == time for time in times)]
            for g, t in design.cells
        ],
        dtype=float,
    )
    left, singular, _ = np.linalg.svd(additive, full_matrices=True)
    rank = int(np.sum(singular > 1e-9 * singular[0]))
    departures = left[:, rank:].T
    if not len(departures):
        return _NOTHING, "the cells with values tell nothing about it"
    hypothesis = np.zeros((len(departures), design.matrix.shape[1]))
    hypothesis[:, : len(design.cells)] = departures
    note = ""
    if len(design.cells) < len(groups) * len(times):
        note = f"on the {len(design.cells)} of {len(groups) * len(times)} cells that have values"
    return hypothesis, note


_HYPOTHESES = {"group": _group, "time": _time, "group:time": _interaction}
