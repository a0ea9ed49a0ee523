"""Pretreatment × treatment: whether a treatment does something else after a pretreatment."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.dose import window_row
from dialysis.stats.estimates import adjust_families, estimate, with_numbers
from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.inference import t_quantile
from dialysis.stats.layout import Layout
from dialysis.stats.options import Options
from dialysis.tables.stats import INTERACTION


def treatment_pairs(layout: Layout) -> list[tuple[str, str]]:
    """Pairs of groups with one treatment and different controls: the pretreated one first."""
    pairs = []
    for first, second in combinations(layout.compared, 2):
        same = layout.drug[first] == layout.drug[second]
        same &= layout.dose[first] == layout.dose[second]
        if same and layout.control[first] != layout.control[second]:
            # "antagonist + drug 2 mg/kg" is the pretreated one of it and "drug 2 mg/kg".
            pairs.append((first, second) if first.endswith(f" + {second}") else (second, first))
    return pairs


def interaction_table(fitted: FittedOutcome, times: list[int], options: Options) -> pd.DataFrame:
    """Compare the ratio to control of one treatment between two pretreatments.

    Parameters
    ----------
    fitted : FittedOutcome
        The model.
    times : list of int
        Times after the dose whose mean is the row with scope ``window``.
    options : Options
        Adjustment, level of intervals, degrees of freedom.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.INTERACTION`; empty when no treatment has two controls.

    Notes
    -----
    The contrast is (group − its control) − (other group − its control) on the log scale, so that
    its exponential is a ratio of ratios: 100 % where the pretreatment changes nothing but the
    level.  p over the times of a pair is adjusted like the comparisons with a control.
    """
    layout = fitted.layout
    scopes = [("window", times), *((str(time), [time]) for time in layout.post_times)]
    rows: list[dict[str, Any]] = []
    hypotheses: list[FloatArray] = []
    tested: list[int] = []
    for group, other in treatment_pairs(layout):
        controls = layout.control[group], layout.control[other]
        for scope, included in scopes:
            row: dict[str, Any] = {
                "outcome": layout.outcome,
                "group": group,
                "control": controls[0],
                "other_group": other,
                "other_control": controls[1],
                "scope": scope,
                "status": fitted.status,
                "reason": fitted.reason,
            }
            names = (group, controls[0], other, controls[1])
            cells = [window_row(fitted, name, included) for name in names]
            missing = [name for name, cell in zip(names, cells, strict=True) if cell is None]
            if fitted.fit is not None and missing:
                row |= {
                    "status": "not_estimable",
                    "reason": f"no mean of {' and '.join(map(repr, dict.fromkeys(missing)))} here",
                }
            elif fitted.fit is not None:
                a, b, c, d = (cell for cell in cells if cell is not None)
                tested.append(len(rows))
                hypotheses.append((a - b) - (c - d))
            rows.append(row)
    if tested and fitted.fit is not None:
        found = estimate(fitted.fit, np.array(hypotheses), options.ddf, options.information)
        families = [
            (rows[i]["group"], rows[i]["other_group"], rows[i]["scope"] == "window") for i in tested
        ]
        adjusted = adjust_families(found, families, options.adjustment, None)
        half = t_quantile(found.df, options.confidence) * found.se
        numbers = {
            "log_ratio": found.value,
            "se": found.se,
            "df": found.df,
            "statistic": found.statistic,
            "p": found.p,
            "p_adjusted": adjusted.p,
            "ratio_pct": 100.0 * np.exp(found.value),
            "ratio_low_pct": 100.0 * np.exp(found.value - half),
            "ratio_high_pct": 100.0 * np.exp(found.value + half),
        }
        rows = with_numbers(rows, tested, numbers)
    return INTERACTION.coerce(pd.DataFrame(rows, columns=INTERACTION.column_names))
