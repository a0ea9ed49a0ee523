"""Tables that show whether the model fits: residuals, variogram, influence of animals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.contrasts import Comparisons
from dialysis.stats.fitted import FittedOutcome
from dialysis.stats.residuals import residual_table, variogram, without_block
from dialysis.tables.stats import INFLUENCE, RESIDUALS, VARIOGRAM


def residuals_frame(fitted: FittedOutcome) -> pd.DataFrame:
    """Return `dialysis.tables.stats.RESIDUALS`; empty without a fit."""
    if fitted.fit is None or fitted.design is None:
        return RESIDUALS.empty()
    design = fitted.design
    found = residual_table(fitted.fit, design.response, design.matrix)
    columns = ["outcome", "animal_id", "probe_id", "group", "time_index", "time_min", "log_ratio"]
    return RESIDUALS.coerce(pd.concat([design.rows[columns], found], axis=1))


def variogram_frame(fitted: FittedOutcome) -> pd.DataFrame:
    """Return `dialysis.tables.stats.VARIOGRAM`; empty without a fit."""
    if fitted.fit is None or fitted.design is None:
        return VARIOGRAM.empty()
    residual = fitted.design.response - fitted.design.matrix @ fitted.fit.params
    # Lags are those of the times, also where the covariance does not depend on them.
    blocks = fitted.design.blocks(serial=True)
    frame = variogram(fitted.fit, residual, blocks)
    return VARIOGRAM.coerce(frame.assign(outcome=fitted.layout.outcome))


def influence_frame(fitted: FittedOutcome, compared: Comparisons) -> pd.DataFrame:
    """Return `dialysis.tables.stats.INFLUENCE`; empty without a fit.

    Notes
    -----
    The covariance parameters are kept as they are (one-step deletion), so that a row shows what
    an animal does to the comparisons and not to the variances.
    """
    if fitted.fit is None or fitted.design is None or compared.estimates is None:
        return INFLUENCE.empty()
    design, fit, found = fitted.design, fitted.fit, compared.estimates
    values, vectors = np.linalg.eigh(found.covariance)
    kept = values > 1e-9 * values[-1]
    whiten = vectors[:, kept] / np.sqrt(values[kept])
    rows: list[dict[str, Any]] = []
    names = design.rows["animal_id"].to_numpy()
    groups = design.rows.drop_duplicates("animal_id").set_index("animal_id")["group"]
    for animal in sorted(set(names)):
        here = names == animal
        row: dict[str, Any] = {
            "outcome": fitted.layout.outcome,
            "animal_id": animal,
            "group": groups[animal],
            "n": int(here.sum()),
        }
        params = without_block(fit, here)
        if params is None:
            row["reason"] = "without it a cell has no value"
        else:
            value = compared.hypotheses @ params
            change = value - found.value
            at = int(np.argmax(np.abs(change) / found.se))
            cell = compared.rows[compared.tested[at]]
            white = whiten.T @ change
            row |= {
                "cooks_distance": float(white @ white) / int(kept.sum()),
                "largest_change_se": float(np.abs(change[at]) / found.se[at]),
                "changed_group": cell["group"],
                "changed_time_index": cell["time_index"],
                "ratio_pct": 100.0 * float(np.exp(value[at])),
            }
        rows.append(row)
    return INFLUENCE.coerce(pd.DataFrame(rows, columns=INFLUENCE.column_names))
