"""Area under the model's time course: incomplete animals contribute to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.emmeans import cell_hypothesis
from dialysis.stats.estimates import adjust_families, estimate, with_numbers
from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.inference import t_quantile
from dialysis.stats.layout import Layout
from dialysis.stats.lmm import area_of
from dialysis.stats.options import Options
from dialysis.tables.stats import AUC_MODEL


def window_times(summary: pd.DataFrame, layout: Layout) -> list[int]:
    """Times after the dose whose fractions belong to the window of the per-animal AUC."""
    low, high = summary["window_start_min"].min(), summary["window_end_min"].max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return list(layout.post_times)
    # Times may be starts, midpoints or ends of the fractions: half a fraction of tolerance.
    return [
        time
        for time in layout.post_times
        if low - 0.5 * layout.duration_min[time] <= layout.time_min[time] <= high + 1e-6
    ]


def auc_model_table(fitted: FittedOutcome, summary: pd.DataFrame, options: Options) -> pd.DataFrame:
    """Compare the area under the geometric mean percent of baseline with the control's.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.AUC_MODEL`, one row per group.

    Notes
    -----
    The area is ``A = Σ Δt·100·exp(m_t)`` with m_t the model's means, the variance of it and of
    differences ``g'Φ_A g`` with g its gradient (delta method); degrees of freedom are those of
    the linear function with coefficients g.
    """
    layout = fitted.layout
    times = window_times(summary, layout)
    minutes = np.array([layout.duration_min[time] for time in times])
    animals = {} if fitted.design is None else fitted.design.animals_per_group()
    rows: list[dict[str, Any]] = []
    gradient: dict[str, FloatArray] = {}
    area: dict[str, float] = {}
    geometric: dict[str, float] = {}
    for group in layout.groups:
        row: dict[str, Any] = {
            "outcome": layout.outcome,
            "group": group,
            "control": layout.control[group],
            "n": animals.get(group, 0),
            "window_min": float(minutes.sum()),
            "adjustment": options.adjustment,
        }
        cells = [cell_hypothesis(fitted, group, time) for time in times]
        stacked = [cell for cell, _, _ in cells if cell is not None]
        if fitted.fit is None or not cells:
            row |= {"status": fitted.status, "reason": fitted.reason}
            if not cells:
                row |= {"status": "not_estimable", "reason": "no fraction after the dose"}
        elif len(stacked) < len(cells):
            missing = [reason for cell, _, reason in cells if cell is None]
            row |= {
                "status": "not_estimable",
                "reason": f"{len(missing)} of the {len(cells)} times of the window have no mean: "
                f"{missing[0]}",
            }
        else:
            hypothesis = np.array(stacked)
            parts, slopes = area_of(hypothesis, fitted.fit.params, minutes, log=True)
            area[group], gradient[group] = float(parts.sum()), slopes.sum(axis=0)
            mean = float(minutes @ (hypothesis @ fitted.fit.params)) / float(minutes.sum())
            geometric[group] = 100.0 * float(np.exp(mean))
            row |= {"status": fitted.status, "reason": fitted.reason}
        rows.append(row)
    if fitted.fit is None or not area:
        return AUC_MODEL.coerce(pd.DataFrame(rows, columns=AUC_MODEL.column_names))
    names = list(area)
    found = estimate(
        fitted.fit,
        np.array([gradient[name] for name in names]),
        options.ddf,
        options.information,
        np.array([area[name] for name in names]),
    )
    half = t_quantile(found.df, options.confidence) * found.se
    place = {group: i for i, group in enumerate(layout.groups)}
    at = [place[name] for name in names]
    results = {
        "auc_pct_min": found.value,
        "se": found.se,
        "df": found.df,
        "low_pct_min": found.value - half,
        "high_pct_min": found.value + half,
        "geomean_pct": np.array([geometric[name] for name in names]),
    }
    rows = with_numbers(rows, at, results)
    pairs = [(g, layout.control[g]) for g in layout.compared if g in area]
    for group, control in pairs:
        if control not in area:
            rows[place[group]]["reason"] = f"no area of '{control}' to compare it with"
    pairs = [(group, control) for group, control in pairs if control in area]
    if pairs:
        difference = estimate(
            fitted.fit,
            np.array([gradient[g] - gradient[c] for g, c in pairs]),
            options.ddf,
            options.information,
            np.array([area[g] - area[c] for g, c in pairs]),
        )
        adjusted = adjust_families(
            difference, ["all"] * len(pairs), options.adjustment, options.confidence
        )
        wide = adjusted.critical * difference.se
        at = [place[group] for group, _ in pairs]
        results = {
            "difference_pct_min": difference.value,
            "difference_se": difference.se,
            "difference_df": difference.df,
            "statistic": difference.statistic,
            "p": difference.p,
            "p_adjusted": adjusted.p,
            "sim_low_pct_min": difference.value - wide,
            "sim_high_pct_min": difference.value + wide,
        }
        rows = with_numbers(rows, at, results)
    return AUC_MODEL.coerce(pd.DataFrame(rows, columns=AUC_MODEL.column_names))
