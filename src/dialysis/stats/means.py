"""Means over animals of percent of baseline: what the figures show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.inference import t_quantile
from dialysis.stats.layout import SHOWN_PERIODS, Layout
from dialysis.tables.stats import MEANS


def means_table(timecourse: pd.DataFrame, layout: Layout, confidence: float) -> pd.DataFrame:
    """Average percent of baseline over animals, in every group × time, baseline included.

    An animal counts once: its probes are averaged first (arithmetically for the arithmetic mean,
    on logs for the geometric).  The geometric mean is missing when an animal's value has no
    logarithm.  Cells without a value have n = 0 and no numbers; intervals need two animals.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.MEANS`.
    """
    used = timecourse["used"].fillna(False).astype(bool) & timecourse["period"].isin(SHOWN_PERIODS)
    rows = timecourse[used & np.isfinite(timecourse["pct_of_baseline"])]
    rows = rows.sort_values(["animal_id", "probe_id", "fraction"], kind="stable")
    by_cell = [rows["group"].astype(str), rows["time_index"].astype("int64")]
    animals = rows.groupby([*by_cell, rows["animal_id"]], sort=True)
    pct = animals["pct_of_baseline"].mean().groupby(level=[0, 1])
    # The mean of an animal's logs is missing where one of its values has none.
    whole = animals["log_ratio"].count() == animals.size()
    logs = animals["log_ratio"].mean().where(whole).groupby(level=[0, 1])
    per_animal = {key: (part.to_numpy(dtype=float), logs.get_group(key)) for key, part in pct}
    censored = rows["censored"].fillna(False).astype(bool).groupby(by_cell).sum().to_dict()
    nothing = (np.empty(0), pd.Series(dtype=float))
    out = []
    for group in layout.groups:
        for time in layout.times:
            values, log_values = per_animal.get((group, time), nothing)
            out.append(
                {
                    "outcome": layout.outcome,
                    "group": group,
                    "time_index": time,
                    "time_min": layout.time_min[time],
                    "n": len(values),
                    **_arithmetic(values, confidence),
                    **_geometric(log_values.to_numpy(dtype=float), confidence),
                    "n_censored": int(censored.get((group, time), 0)),
                }
            )
    return MEANS.coerce(pd.DataFrame(out, columns=MEANS.column_names))


def mean_and_ci(values: FloatArray, confidence: float) -> tuple[float, float, float, float]:
    """Return mean, standard deviation and the ends of the t interval of the mean.

    What can't be computed (no value; spread of a single one) is NaN.
    """
    nan = float("nan")
    n = len(values)
    if n == 0:
        return nan, nan, nan, nan
    mean = float(np.mean(values))
    if n == 1:
        return mean, nan, nan, nan
    sd = float(np.std(values, ddof=1))
    half = float(t_quantile(n - 1, confidence)) * sd / np.sqrt(n)
    return mean, sd, mean - half, mean + half


def _arithmetic(pct: FloatArray, confidence: float) -> dict[str, Any]:
    mean, sd, low, high = mean_and_ci(pct, confidence)
    sem = sd / np.sqrt(len(pct)) if len(pct) > 1 else float("nan")
    return {"mean_pct": mean, "sd_pct": sd, "sem_pct": sem, "low_pct": low, "high_pct": high}


def _geometric(logs: FloatArray, confidence: float) -> dict[str, Any]:
    mean, _, low, high = mean_and_ci(logs, confidence)
    return {
        "geomean_pct": 100.0 * np.exp(mean),
        "geomean_low_pct": 100.0 * np.exp(low),
        "geomean_high_pct": 100.0 * np.exp(high),
    }
