"""The model's ratios to the control at each time, with simultaneous intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from dialysis.figures.groups import event_rows, group_heads
from dialysis.figures.panelplot import Measure, draw_panels
from dialysis.figures.scales import Scale, finite, ratio_scale
from dialysis.figures.source import used_values
from dialysis.tables.figures import FIGURE_DATA

UNIT = "% of control"
# An interval of one animal may reach anywhere: the axis ends this many times beyond estimates.
_BEYOND = 4.0


def ratio_data(
    timecourse: pd.DataFrame,
    contrasts: pd.DataFrame,
    doses: pd.DataFrame,
    config: Mapping[str, Any],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Collect the comparisons of one outcome as they stand in ``contrasts.csv``.

    Returns
    -------
    DataFrame
        `dialysis.tables.figures.FIGURE_DATA`: ``value`` the ratio to the control in percent,
        ``low`` and ``high`` its unadjusted interval, ``outer_low`` and ``outer_high`` the
        simultaneous one that the stars go with.
    """
    labels = dict(config.get("labels", {}))
    heads = group_heads(timecourse, labels)
    heads = heads.assign(unit=UNIT, center="model", error_bar=f"{100 * confidence:g} % CI")
    animals = used_values(timecourse).groupby("group")["animal_id"].nunique()
    names = {
        "ratio_pct": "value",
        "ratio_low_pct": "low",
        "ratio_high_pct": "high",
        "sim_low_pct": "outer_low",
        "sim_high_pct": "outer_high",
    }
    estimates = contrasts[contrasts["ratio_pct"].notna()].rename(columns=names)
    columns = ["group", "time_index", "time_min", *names.values(), "stars"]
    parts = [
        heads.assign(row="group", n=[int(animals.get(g, 0)) for g in heads["group"]]),
        heads.merge(estimates[columns], on="group").assign(row="mean"),
        event_rows(heads, timecourse, doses, labels),
    ]
    return pd.concat([FIGURE_DATA.coerce(part) for part in parts], ignore_index=True)


def draw_ratio(rows: pd.DataFrame, config: Mapping[str, Any]) -> Any:
    """Draw the ratios as a forest over time.

    Parameters
    ----------
    rows : DataFrame
        `ratio_data`.
    config : mapping
        The ``figures`` section.

    Returns
    -------
    matplotlib.figure.Figure
    """
    measure = Measure(
        label=str(rows["outcome_label"].iloc[0]),
        unit=f"({UNIT})",
        scale=_scale,
        reference=100.0,
        individuals=False,
        joined=False,
    )
    compared = rows.loc[rows["row"] == "mean", "group"].unique()
    control = ~rows["is_control"].astype(bool) | rows["group"].isin(compared)
    kept = rows[control] if len(compared) else rows
    return draw_panels(kept, measure, config)


def _scale(
    values: Iterable[float], bars: Iterable[float], near: Iterable[float], arrow_part: float
) -> Scale:
    estimates, ends = finite(values), finite(bars)
    positive = estimates[estimates > 0]
    if not positive.size:
        return ratio_scale(50.0, 200.0)
    reach = ends[ends > 0]
    low, high = float(positive.min()), float(positive.max())
    if reach.size:
        low = min(low, max(float(reach.min()), low / _BEYOND))
        high = max(high, min(float(reach.max()), high * _BEYOND))
    # The arrow stands above all that is there.
    top = low * (high / low) ** (1.0 / (1.0 - arrow_part)) if high > low else high
    return ratio_scale(low, top)
