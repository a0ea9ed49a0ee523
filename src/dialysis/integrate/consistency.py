"""Is a named peak the analyte it is named after?  Compared are the injections of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd

# A peak this part of its width (at half height) away from where the run has the analyte, or this
# many times as wide or narrow as the run has it, is odd; or so many robust standard deviations of
# the run where that is more.
ODD_PLACE_WIDTHS = 0.5
ODD_WIDTH_RATIO = 1.5
ODD_SIGMAS = 5.0
# Injections that tell what is usual: so many standards, or so many of all types.
FEWEST_STANDARDS = 3
FEWEST_INJECTIONS = 5
# The width of a peak smaller than this (2H/h) is not judged, nor one that says itself that it is
# not the peak's own.
CLEAR_SNR = 10.0
_NOT_ITS_OWN = frozenset(
    {"clipped", "edge", "flat_top", "gap", "manual", "unresolved", "width_estimated"}
)


def flag_odd_peaks(peaks: pd.DataFrame, injections: pd.DataFrame) -> pd.DataFrame:
    """Flag named peaks that are not where, or not as wide as, the run has the analyte.

    Parameters
    ----------
    peaks : DataFrame
        PEAKS of a run.
    injections : DataFrame
        The run's injections, with their types.

    Returns
    -------
    DataFrame
        `peaks` with two more flags.  ``odd_retention``: its distance from the expected time,
        less the median of that in the run, is more than half a width.  ``odd_width``: its width
        differs by more than a factor 1.5 from the run's median, what all peaks of the injection
        have in common taken off.  Either only beyond 5 robust standard deviations of the run.

    Notes
    -----
    Medians and spread are those of the standards, in which the analytes are known to be; with fewer
    than three, those of all injections.  An analyte that is found in fewer than five injections
    is not judged.  A peak a person integrated is where that person says it is, and without a
    retention reference in the run a place can't be judged.
    """
    standards = set(injections.loc[injections["type"] == "standard", "injection_id"])
    named = peaks[(peaks["analyte"] != "") & peaks["found"].astype(bool)]
    off_s = 60 * (named["rt_min"] - named["rt_expected_min"])
    table = pd.DataFrame(
        {
            "injection": named["injection_id"],
            "channel": named["channel"],
            "analyte": named["analyte"],
            "standard": named["injection_id"].isin(standards),
            "off": off_s / (60 * named["width_min"]),
            "ln_width": np.log(named["width_min"]),
            "own": [_NOT_ITS_OWN.isdisjoint(text.split(";")) for text in named["flags"]],
            "manual": ["manual" in text.split(";") for text in named["flags"]],
            # Where no reference is followed, the expected time knows nothing of the injection.
            "unfollowed": ["reference_missing" in text.split(";") for text in named["flags"]],
            "clear": named["snr_usp"].isna() | (named["snr_usp"] >= CLEAR_SNR),
        }
    )
    odd: dict[int, list[str]] = {}
    placed = table[~table["manual"] & ~table["unfollowed"]]
    sized = table[table["own"] & table["clear"]]
    for name, judged, column, least in (
        ("odd_retention", placed, "off", ODD_PLACE_WIDTHS),
        ("odd_width", sized, "ln_width", float(np.log(ODD_WIDTH_RATIO))),
    ):
        away = _away(judged, judged[column])
        if column == "ln_width":
            # All peaks of an injection may have become wider together.
            by_injection = away.groupby([judged["injection"], judged["channel"]])
            shared = by_injection.transform("median")
            away -= shared.where(by_injection.transform("count") >= 3, 0.0)
        spread = _usual(judged, away.abs())
        for row in judged.index[away.abs() > np.maximum(least, ODD_SIGMAS * 1.4826 * spread)]:
            odd.setdefault(row, []).append(name)
    if not odd:
        return peaks
    flags = peaks["flags"].copy()
    for row, names in odd.items():
        flags[row] = ";".join([*filter(None, [flags[row]]), *names])
    return peaks.assign(flags=flags)


def _away(table: pd.DataFrame, values: pd.Series) -> pd.Series:
    """Values less what is usual for the analyte."""
    return values - _usual(table, values)


def _usual(table: pd.DataFrame, values: pd.Series) -> pd.Series:
    """The run's median for each analyte; NaN where too few injections tell it."""

    def middle(part: pd.Series) -> float:
        known = part[table.loc[part.index, "standard"]]
        if len(part) < FEWEST_INJECTIONS:
            return float("nan")
        return float((known if len(known) >= FEWEST_STANDARDS else part).median())

    return values.groupby([table["channel"], table["analyte"]]).transform(middle)
