"""Outcomes of a study: one analyte in one region, or a ratio of two analytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Outcome:
    """One thing the study measures over time.

    Parameters
    ----------
    slug : str
        Safe for file names, lower case.
    label : str
        Printed, for example ``"5-HT, hippocampus"``.
    kind : str
        ``"analyte"`` or ``"ratio"``.
    analyte, denominator, region : str
        The analyte (numerator), the denominator of a ratio (else empty), the region.
    """

    slug: str
    label: str
    kind: str
    analyte: str
    denominator: str
    region: str


def slug_of(*parts: str) -> str:
    """Make a name that is safe in a file name: lower case letters, digits, '-', joined by '_'."""
    cleaned = (re.sub(r"[^a-z0-9]+", "-", part.casefold()).strip("-") for part in parts)
    return "_".join(part for part in cleaned if part)


def internal_standards(analytes: pd.DataFrame) -> list[str]:
    """Names of the analytes that serve as an internal standard."""
    named = set(analytes["internal_standard"]) - {"", "none", "itself"}
    own = set(analytes.loc[analytes["internal_standard"] == "itself", "analyte"])
    same = set(analytes.loc[analytes["internal_standard"] == analytes["analyte"], "analyte"])
    everything = named | own | same
    return [name for name in dict.fromkeys(analytes["analyte"]) if name in everything]


def study_outcomes(
    analytes: pd.DataFrame,
    regions: Iterable[str],
    ratios: Iterable[Mapping[str, str]] = (),
) -> list[Outcome]:
    """List the outcomes: every analyte that is no internal standard in every region, then ratios.

    Parameters
    ----------
    analytes : DataFrame
        The analytes table.
    regions : iterable of str
        Regions in the order they are shown; an empty name is left out of labels.
    ratios : iterable of mapping
        With ``numerator`` and ``denominator``, the config's ``normalize.ratios``.
    """
    standards = set(internal_standards(analytes))
    names = [n for n in dict.fromkeys(analytes["analyte"]) if n not in standards]
    outcomes = []
    for region in dict.fromkeys(regions):
        place = f", {region}" if region else ""
        for name in names:
            outcomes.append(
                Outcome(slug_of(name, region), f"{name}{place}", "analyte", name, "", region)
            )
        for ratio in ratios:
            above, below = ratio["numerator"], ratio["denominator"]
            outcomes.append(
                Outcome(
                    slug_of(above, "per", below, region),
                    f"{above}/{below}{place}",
                    "ratio",
                    above,
                    below,
                    region,
                )
            )
    return outcomes


def study_regions(probes: pd.DataFrame, region: str) -> list[str]:
    """Regions of a study: those of the probes table, or the one of the config."""
    if len(probes):
        return list(dict.fromkeys(str(r) for r in probes["region"]))
    return [region]


def analytes_of_run(analytes: pd.DataFrame, run: str) -> pd.DataFrame:
    """Analytes as they are in one run: the run's own row wins over the one for all runs."""
    fitting = analytes[(analytes["run"] == run) | (analytes["run"] == "")]
    ranked = fitting.assign(_own=(fitting["run"] == run))
    ranked = ranked.sort_values("_own", ascending=False, kind="stable")
    return ranked.drop_duplicates("analyte").sort_index().drop(columns="_own")
