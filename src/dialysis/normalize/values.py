"""One value per sample: below-LOD policy, ratios of two analytes, reinjections."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from dialysis.normalize.exclusions import Exclusions
from dialysis.study.outcomes import Outcome
from dialysis.tables.quantify import SOURCES

UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True)
class Part:
    """The concentration of one analyte behind a value, with its limit of quantification.

    Parameters
    ----------
    analyte, unit : str
        The analyte; nM or response.
    conc, loq : float
        In `unit`; nan where missing.
    """

    analyte: str
    unit: str
    conc: float
    loq: float


@dataclass(frozen=True)
class Value:
    """What one sample says about one outcome.

    Parameters
    ----------
    injection_id : str
        Injection it is from; several with ';' between when reinjections are averaged.
    conc : float
        Concentration (or ratio, or response); nan when missing.
    limit : float
        Limit of detection in the same unit; nan when not known.
    censored, below_loq : bool
        Below the limit of detection, of quantification.
    missing : str
        Why there is no value, or why a censored one is left out; empty when it counts.
    excluded : tuple of str
        Decisions to leave it out.
    flags : tuple of str
        Flags.
    parts : tuple of Part
        The analyte, or numerator and denominator.
    """

    injection_id: str
    conc: float
    limit: float
    censored: bool
    below_loq: bool
    missing: str = ""
    excluded: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


def analyte_unit(measured: pd.DataFrame) -> str:
    """Tell whether an analyte has concentrations (nM) or only responses in this study.

    Parameters
    ----------
    measured : DataFrame
        Rows of CONCENTRATIONS of one analyte in samples.

    Returns
    -------
    {"nM", "response"}
        response only when `quantify` marked the analyte as uncalibrated in every sample; an
        analyte whose calibration failed is missing instead, with that reason.
    """
    if not len(measured):
        return "nM"
    marked = measured["flags"].str.split(";").map(lambda flags: UNCALIBRATED in flags)
    return "response" if bool(marked.all()) else "nM"


def outcome_source(outcome: Outcome, sources: Mapping[str, str]) -> str:
    """Tell what an outcome was computed from; of a ratio what is farther from the traces."""
    named = {sources[name] for name in (outcome.analyte, outcome.denominator) if name}
    return max(named, key=SOURCES.index)


def analyte_values(
    measured: pd.DataFrame,
    analyte: str,
    unit: str,
    below_lod: str,
    exclusions: Exclusions,
) -> dict[str, Value]:
    """Value of one analyte in every sample injection.

    Parameters
    ----------
    measured : DataFrame
        Rows of CONCENTRATIONS of this analyte.
    analyte : str
        Its name.
    unit : {"nM", "response"}
        See `analyte_unit`.
    below_lod : {"measured", "half", "sqrt2", "exclude"}
        What a value below the limit of detection counts as: as measured, LOD/2, LOD/√2, or left
        out.  It stays marked as censored.
    exclusions : Exclusions
        Decisions; those of level injection are in `measured` already.

    Returns
    -------
    dict of str to Value
        By injection.
    """
    calibrated = unit == "nM"
    values = {}
    for row in measured.itertuples(index=False):
        found = float(row.conc_nM if calibrated else row.response)
        limit = float(row.lod_nM) if calibrated else math.nan
        loq = float(row.loq_nM) if calibrated else math.nan
        censored = bool(row.censored)
        conc, missing = found, ""
        if censored:
            conc, missing = censored_value(found, limit, below_lod)
            if math.isnan(conc) and row.reason and not row.excluded:
                missing = f"{missing}; {row.reason}"
        elif math.isnan(found):
            missing = row.reason or "no concentration"
        excluded = list(exclusions.of_peak(row.injection_id, analyte))
        if row.excluded:
            excluded.insert(0, row.reason or "injection excluded")
        flags = [flag for flag in row.flags.split(";") if flag]
        if row.extrapolated:
            flags.append("extrapolated")
        values[row.injection_id] = Value(
            injection_id=row.injection_id,
            conc=conc,
            limit=limit,
            censored=censored,
            below_loq=censored or (not math.isnan(loq) and found < loq),
            missing=missing,
            excluded=tuple(excluded),
            flags=tuple(dict.fromkeys(flags)),
            parts=(Part(analyte, unit, conc, loq),),
        )
    return values


def censored_value(found: float, limit: float, policy: str) -> tuple[float, str]:
    """Apply the below-LOD policy.

    Returns
    -------
    conc : float
        The value; nan when there is none.
    missing : str
        Why there is none, or why it is left out.
    """
    if policy == "exclude":
        return found, "below the limit of detection (below_lod: exclude)"
    if policy == "measured":
        if math.isnan(found):
            return found, "below the limit of detection and not found (below_lod: measured)"
        return found, ""
    if math.isnan(limit):
        return math.nan, (
            "below the limit of detection, which has no value here to substitute "
            f"(below_lod: {policy})"
        )
    return limit / (2.0 if policy == "half" else math.sqrt(2.0)), ""


def ratio_value(above: Value, below: Value) -> Value:
    """Ratio of two analytes in one sample.

    Notes
    -----
    The limit of the ratio is the numerator's over the measured denominator.  With a censored
    denominator there is none: the ratio is then only known to be larger.
    """
    conc, limit, missing = math.nan, math.nan, ""
    named = zip((above, below), (*above.parts, *below.parts), strict=True)
    reasons = [f"{part.analyte}: {value.missing}" for value, part in named if value.missing]
    units = {part.unit for part in (*above.parts, *below.parts)}
    if len(units) > 1:
        missing = "one of the two analytes is uncalibrated"
    elif math.isnan(above.conc) or math.isnan(below.conc):
        missing = "; ".join(reasons)
    elif below.conc <= 0:
        missing = f"{below.parts[0].analyte}, the denominator, is not above 0"
    else:
        conc = above.conc / below.conc
        missing = "; ".join(reasons)
        limit = math.nan if below.censored else above.limit / below.conc
    return Value(
        injection_id=above.injection_id,
        conc=conc,
        limit=limit,
        censored=above.censored or below.censored,
        below_loq=above.below_loq or below.below_loq,
        missing=missing,
        excluded=tuple(dict.fromkeys((*above.excluded, *below.excluded))),
        flags=tuple(dict.fromkeys((*above.flags, *below.flags))),
        parts=(*above.parts, *below.parts),
    )


def choose_injection(values: Sequence[Value], policy: str) -> Value:
    """Choose or average the injections of one vial.

    Parameters
    ----------
    values : sequence of Value
        One per injection of the vial, the first injection first; at least one.
    policy : {"last", "first", "mean"}
        Which counts.  Excluded injections are passed over as long as there is another.

    Returns
    -------
    Value
        With ``mean`` the arithmetic mean of the injections that have a value; it is censored as
        soon as one of them is, and its limit is the largest.  The flag ``reinjected_last`` (or
        ``_first``, ``_mean``) says which policy chose it.
    """
    candidates = [value for value in values if not value.excluded] or list(values)
    chosen = candidates[0] if policy == "first" else candidates[-1]
    if policy == "mean":
        counting = [value for value in candidates if not value.missing]
        if len(counting) > 1:
            return _mean(counting)
        chosen = counting[0] if counting else chosen
    if len(values) > 1:
        return replace(chosen, flags=(*chosen.flags, f"reinjected_{policy}"))
    return chosen


def _mean(values: Sequence[Value]) -> Value:
    n = len(values)
    limits = [value.limit for value in values if not math.isnan(value.limit)]
    parts = tuple(
        Part(
            first.analyte,
            first.unit,
            math.fsum(value.parts[position].conc for value in values) / n,
            math.fsum(value.parts[position].loq for value in values) / n,
        )
        for position, first in enumerate(values[0].parts)
    )
    flags = dict.fromkeys(flag for value in values for flag in value.flags)
    excluded = dict.fromkeys(reason for value in values for reason in value.excluded)
    return Value(
        injection_id=";".join(value.injection_id for value in values),
        conc=math.fsum(value.conc for value in values) / n,
        limit=max(limits, default=math.nan),
        censored=any(value.censored for value in values),
        below_loq=any(value.below_loq for value in values),
        excluded=tuple(excluded),
        flags=(*flags, "reinjected_mean"),
        parts=parts,
    )


def outcome_unit(outcome: Outcome, units: Mapping[str, str]) -> str:
    """Unit of an outcome: nM, ratio, or response when it is uncalibrated."""
    if outcome.kind == "analyte":
        return units[outcome.analyte]
    both = {units[outcome.analyte], units[outcome.denominator]}
    return "response" if both == {"response"} else "ratio"


def injection_value(
    injection_id: str,
    outcome: Outcome,
    values: Mapping[str, Mapping[str, Value]],
    units: Mapping[str, str],
) -> Value:
    """Value of an outcome in one injection.

    Parameters
    ----------
    injection_id : str
        The injection.
    outcome : Outcome
        An analyte or a ratio.
    values : mapping of str to mapping of str to Value
        By analyte and injection.
    units : mapping of str to str
        By analyte.
    """
    names = [outcome.analyte, outcome.denominator] if outcome.denominator else [outcome.analyte]
    parts = [
        values[name].get(injection_id) or _not_measured(injection_id, name, units[name])
        for name in names
    ]
    return ratio_value(parts[0], parts[1]) if len(parts) == 2 else parts[0]


def _not_measured(injection_id: str, analyte: str, unit: str) -> Value:
    return Value(
        injection_id=injection_id,
        conc=math.nan,
        limit=math.nan,
        censored=False,
        below_loq=False,
        missing="the analyte was not measured in this injection",
        parts=(Part(analyte, unit, math.nan, math.nan),),
    )


def values_by_analyte(
    concentrations: pd.DataFrame,
    analytes: Sequence[str],
    exclusions: Exclusions,
    config: Mapping[str, Any],
) -> tuple[dict[str, dict[str, Value]], dict[str, str], dict[str, str]]:
    """Values, units and sources of all analytes of a study.

    Parameters
    ----------
    concentrations : DataFrame
        CONCENTRATIONS; only samples are looked at.
    analytes : sequence of str
        Names of the analytes that outcomes are made of.
    exclusions : Exclusions
        Decisions.
    config : mapping
        The ``normalize`` section: ``below_lod``.

    Returns
    -------
    values : dict of str to dict of str to Value
        By analyte and injection.
    units : dict of str to str
        By analyte: nM or response.
    sources : dict of str to str
        By analyte: what its concentrations were computed from, as `quantify` says.
    """
    samples = concentrations[concentrations["type"] == "sample"]
    values, units, sources = {}, {}, {}
    for name in analytes:
        measured = samples[samples["analyte"] == name]
        units[name] = analyte_unit(measured)
        named = [source for source in dict.fromkeys(measured["source"]) if source]
        sources[name] = max(named, key=SOURCES.index, default=SOURCES[0])
        values[name] = analyte_values(measured, name, units[name], config["below_lod"], exclusions)
    return values, units, sources
