"""Draw the time course of one outcome, in percent of baseline, from its source data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from dialysis.figures.panelplot import Measure, draw_panels, plan
from dialysis.figures.scales import Scale, percent_scale
from dialysis.figures.source import figure_rows

Y_UNIT = "(% of baseline)"


def draw_timecourse(
    source: pd.DataFrame, config: Mapping[str, Any], areas: pd.DataFrame | None = None
) -> Any:
    """Draw percent of baseline against time from the dose.

    Parameters
    ----------
    source : DataFrame
        `dialysis.tables.figures.SOURCE_DATA` of one outcome.
    config : mapping
        The ``figures`` section: ``journal``, ``width``, ``font``, ``individuals``, ``axis``,
        ``auc_inset``.
    areas : DataFrame, optional
        `dialysis.tables.figures.FIGURE_DATA` of the areas under the curve, for the inset.

    Returns
    -------
    matplotlib.figure.Figure
        To be drawn and saved inside `dialysis.plotting.style`.

    Notes
    -----
    Means with error bars, every animal thin behind, a dashed line at 100 and an arrow at the
    dose (a bar for an infusion or epoch).  Means are moved sideways by a small, constant step per
    group so that error bars don't cover each other; individual values stay at their times.  Stars
    stand in one row per group above the axes, where no data can be, behind the group's marker and
    above a line that spans the times they hold for.  What the numbers are not from traces and
    calibration is said in small print in the lower left corner.
    """
    inset = areas if config.get("auc_inset", True) else None
    return draw_panels(figure_rows(source), _measure(source, config), config, inset)


def figure_scale(source: pd.DataFrame, config: Mapping[str, Any]) -> Scale:
    """Return the axis of percent of baseline that `draw_timecourse` takes."""
    return plan(figure_rows(source), _measure(source, config), config)[0].scale


def has_inset(figure: Any) -> bool:
    """Whether a figure has areas under the curve in it."""
    return any(str(axes.get_label()).startswith("inset") for axes in figure.axes)


def _measure(source: pd.DataFrame, config: Mapping[str, Any]) -> Measure:
    return Measure(
        label=str(source["outcome_label"].iloc[0]),
        unit=Y_UNIT,
        scale=partial(percent_scale, axis=str(config.get("axis", "auto"))),
        reference=100.0,
        individuals=bool(config.get("individuals", True)),
    )
