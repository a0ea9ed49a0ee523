"""The caption of a time-course figure, written from the data that the figure shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.scales import Scale
from dialysis.figures.source import SHOWN_PERIODS, used_values
from dialysis.figures.words import (
    adjusted,
    error_words,
    has,
    sentence,
    star_levels,
    star_words,
    was,
)
from dialysis.study.start import marks
from dialysis.words import counted, listed, undecided, whole, with_error

_MOST_REASONS = 4
_BELOW_LOD = {
    "measured": "as measured",
    "half": "as half the limit",
    "sqrt2": "as the limit divided by √2",
}

_MARKS = {
    "vendor areas": "Vendor areas: the peaks were integrated by other software; their areas were "
    "taken over as they are.",
    "concentrations as given": "Concentrations as given: they were computed by other software; "
    "chromatograms, calibration and limits were not seen here.",
    "uncalibrated": "Uncalibrated: percent of baseline is computed from detector responses and "
    "holds as far as the response is proportional to the concentration.",
}

_IN_VITRO_RECOVERY = (
    "Concentrations were divided by the probes' in-vitro recovery; they estimate the level outside "
    "the probe only as far as recovery in tissue is that in the beaker, which drugs that change "
    "uptake alter. Percent of baseline is not affected by the division."
)


def caption(
    timecourse: pd.DataFrame,
    source: pd.DataFrame,
    contrasts: pd.DataFrame,
    model: Mapping[str, Any],
    config: Mapping[str, Any],
    scale: Scale,
    normalize: Mapping[str, Any] | None = None,
    species: str = "",
    inset: str = "",
) -> str:
    """Write the caption as Markdown.

    Parameters
    ----------
    timecourse : DataFrame
        `dialysis.tables.normalize.TIMECOURSE`, rows of one outcome, excluded ones included.
    source : DataFrame
        `dialysis.tables.figures.SOURCE_DATA`: what is drawn.
    contrasts : DataFrame
        `dialysis.tables.stats.CONTRASTS` of the outcome.
    model : mapping
        ``stats/<outcome>/model.json``; a key that is absent leaves its words out.
    config : mapping
        The ``figures`` section.
    scale : Scale
        The axis of percent of baseline, to say what it cuts off.
    normalize : mapping, optional
        The ``normalize`` section: baseline fractions, lag, rule for values below the limit.
    species : str
        Species and strain, ``study.species``.
    inset : str
        Sentence on insets, where the figure has any.

    Returns
    -------
    str
        Paragraphs with a blank line between, and a final newline.
    """
    paragraphs = [
        f"**{_title(source)}**",
        _shown(timecourse, source, config, scale, normalize or {}, inset),
        _animals(timecourse, source, species),
        _statistics(source, contrasts, model),
        _measurement(timecourse, normalize),
    ]
    return "\n\n".join(part for part in paragraphs if part) + "\n"


def _title(source: pd.DataFrame) -> str:
    heads = source[source["row"] == "group"]
    label = str(heads["outcome_label"].iloc[0])
    drugs = list(dict.fromkeys(heads.loc[~heads["is_control"].astype(bool), "drug_label"]))
    given = drugs or list(dict.fromkeys(heads["drug_label"]))
    return f"{label}: time course after {listed(given)}, in percent of baseline."


def _shown(
    timecourse: pd.DataFrame,
    source: pd.DataFrame,
    config: Mapping[str, Any],
    scale: Scale,
    normalize: Mapping[str, Any],
    inset: str,
) -> str:
    means = source[source["row"] == "mean"]
    if not len(means):
        return "No value can be shown; the reasons are listed below."
    n_baseline = normalize.get("baseline", {}).get("n_fractions")
    window = (
        f"the mean of the last {n_baseline} fractions before the dose"
        if n_baseline and n_baseline > 1
        else "the mean of the fractions before the dose"
    )
    individuals = bool(config.get("individuals", True))
    center, error = str(means["center"].iloc[0]), str(means["error_bar"].iloc[0])
    parts = [
        f"Each animal's dialysate level is given in percent of its own baseline ({window}; "
        f"100 is no change) against the time from the dose {moments(source)}.",
        f"Large markers: {center} mean over animals.",
        f"Error bars: {error_words(center, error)}.",
    ]
    if individuals:
        unit = "animals"
        if source["probe_id"].nunique() > source["animal_id"].nunique():
            unit = "probes (the mean is over animals)"
        parts.append(f"Thin lines: individual {unit}, broken where a fraction is missing.")
    parts.append("Dashed line: 100.")
    treated = ~source["is_control"].astype(bool)
    if treated.any():
        parts.append("Open markers: vehicle; filled markers: drug, darker with the dose.")
    parts.append("Markers are set slightly apart sideways so that error bars can be told apart.")
    if scale.log:
        parts.append("The vertical axis is logarithmic.")
    elif scale.low > 0:
        parts.append(f"The vertical axis starts at {scale.low:g}.")
    if inset:
        parts.append(inset)
    shown = source[(source["row"] == "mean") | ((source["row"] == "individual") & individuals)]
    below = int((shown["pct_of_baseline"] < scale.low).sum())
    if below:
        parts.append(
            f"{counted(below, 'value')} below {scale.low:.3g} % of baseline "
            f"{'is' if below == 1 else 'are'} drawn at the lower edge."
        )
    cut = int(((means["high_pct"] > scale.high) | (means["low_pct"] < scale.low)).sum())
    if cut:
        parts.append(
            f"{counted(cut, 'error bar')} reach{'es' if cut == 1 else ''} beyond the axis."
        )
    alone = int((means["n"] == 1).sum())
    if alone:
        parts.append(f"{counted(alone, 'mean')} of a single animal {has(alone)} no error bar.")
    undefined = int(means["pct_of_baseline"].isna().sum())
    if undefined:
        parts.append(
            f"{counted(undefined, 'geometric mean')} can't be given, because a value is not "
            "above 0."
        )
    values = used_values(timecourse)
    censored = int(values["censored"].fillna(False).sum())
    rule = _BELOW_LOD.get(str(normalize.get("below_lod", "")), "")
    entered = f", entered {rule}" if rule else ""
    marked = " (small crosses)" if individuals else ""
    if censored:
        parts.append(
            f"{censored} of the {len(values)} values shown {was(censored)} below the limit of "
            f"detection{marked}{entered}."
        )
    else:
        parts.append(f"None of the {len(values)} values shown was below the limit of detection.")
    return " ".join(parts)


def moments(source: pd.DataFrame) -> str:
    """Say what marks the dose: arrows, bars or both, and what was given later.

    Parameters
    ----------
    source : DataFrame
        Source data of a figure, with columns row, time_min, end_min and text.
    """
    events = source[source["row"] == "event"]
    bars, doses = events[events["end_min"].notna()], events[events["end_min"].isna()]
    parts = ["arrow"] if len(doses) or not len(events) else []
    later = doses[doses["time_min"].round(1) > 0]
    for time, own in later.groupby(later["time_min"].round(1)):
        parts.append(f"arrow at {time:g} min: {listed(list(dict.fromkeys(own['text'])))}")
    for (start, end), own in bars.groupby(["time_min", "end_min"]):
        given = listed(list(dict.fromkeys(own["text"])))
        parts.append(f"bar: {start:g} to {end:g} min, {given}")
    return f"({'; '.join(parts)})"


def _animals(timecourse: pd.DataFrame, source: pd.DataFrame, species: str) -> str:
    heads = source[source["row"] == "group"].sort_values("group_order")
    means = source[source["row"] == "mean"]
    times = source[source["row"] == "mean"].groupby("time_index")["time_min"].mean().sort_index()
    groups = []
    for head in heads.itertuples(index=False):
        cells = means[means["group"] == head.group].set_index("time_index")["n"]
        groups.append(f"{head.group_label}{_given(head)}, {_n_words(int(head.n), cells, times)}")
    parts = [f"n is the number of animals: {'; '.join(groups)}."]
    if species:
        parts.append(f"Animals: {species}.")
    parts += _left_out(timecourse)
    return " ".join(parts)


def _given(head: Any) -> str:
    """Route of a vehicle, whose label does not name it."""
    route = str(head.route)
    return f" {route}" if bool(head.is_control) and route and route not in head.group_label else ""


def _n_words(n: int, cells: pd.Series, times: pd.Series) -> str:
    """State n, and where fewer animals have a value."""
    fewer: dict[int, list[str]] = {}
    for index, time in times.items():
        here = int(cells.get(index, 0))
        if here < n:
            fewer.setdefault(here, []).append(whole(time))
    if not fewer:
        return f"n = {n}"
    where = ", ".join(f"{here} at {listed(at)} min" for here, at in sorted(fewer.items()))
    return f"n = {n} ({where})"


def _left_out(timecourse: pd.DataFrame) -> list[str]:
    """Whole animals (or probes) and single fractions that are not shown, with their reasons."""
    rows = timecourse[timecourse["period"].isin(SHOWN_PERIODS)]
    used = set(used_values(timecourse).index)
    whole: dict[str, list[str]] = {}
    single: list[str] = []
    several = timecourse["probe_id"].nunique() > timecourse["animal_id"].nunique()
    noun = "probe" if several else "animal"
    for name, own in rows.groupby(f"{noun}_id", sort=True):
        missing = own[[index not in used for index in own.index]]
        if len(missing) == len(own):
            whole.setdefault(_common_reason(own["reason"]), []).append(str(name))
        else:
            single += [_plain_reason(reason) for reason in missing["reason"]]
    parts = []
    n_whole = sum(len(probes) for probes in whole.values())
    if n_whole:
        named = [f"{listed(probes)} ({reason})" for reason, probes in whole.items()]
        parts.append(f"Left out: {counted(n_whole, noun)}, {'; '.join(named)}.")
    if single:
        times = pd.Series(single).value_counts()
        ordered = sorted(times.items(), key=lambda item: (-int(item[1]), str(item[0])))
        named = [f"{n} × {reason}" for reason, n in ordered[:_MOST_REASONS]]
        rest = sum(int(n) for _, n in ordered[_MOST_REASONS:])
        if rest:
            named.append(f"{rest} for other reasons, listed in normalize/timecourse.csv")
        of = f" of the other {noun}s" if n_whole else ""
        what = counted(len(single), "fraction")
        parts.append(f"Without a value: {what}{of} ({'; '.join(named)}).")
    if not parts:
        parts.append(f"No {noun} and no fraction was left out.")
    return parts


def _common_reason(reasons: pd.Series) -> str:
    """Return the reasons that all fractions of a probe share, or all that there are."""
    lists = [list(_plain_reason(r).split("; ")) for r in dict.fromkeys(reasons)]
    shared = [part for part in lists[0] if all(part in other for other in lists)]
    return "; ".join(shared or dict.fromkeys(part for parts in lists for part in parts))


def _plain_reason(reason: str) -> str:
    """Return a reason without who decided and when, which the review pages show."""
    return undecided(reason).rstrip(". ") or "no percent of baseline"


def _statistics(source: pd.DataFrame, contrasts: pd.DataFrame, model: Mapping[str, Any]) -> str:
    status = str(model.get("status", "ok"))
    reason = str(model.get("reason", "") or "no reason given")
    if not len(contrasts):
        return "No comparison: there is no group with a control." + (
            f" {reason}." if status not in ("ok", "singular") else ""
        )
    if status not in ("ok", "singular"):
        words = "failed" if status == "failed" else "could not be made"
        return f"No stars: the fit of the statistical model {words} ({reason})."
    heads = source[source["row"] == "group"].set_index("group")
    controls = list(dict.fromkeys(contrasts["control"]))
    against = listed([str(heads["group_label"].get(c, c)) for c in controls])
    if len(controls) > 1:
        against = f"its own control ({against})"
    shown = contrasts[contrasts["stars"] != ""]
    levels = star_levels(model)
    first = next(iter(levels.values()))
    parts = []
    if len(shown):
        parts.append(
            f"Stars, in rows behind the marker of their group, over the times they hold for: "
            f"difference from {against} at that time, {star_words(model)}"
            f"{adjusted(model, contrasts)}."
        )
    else:
        parts.append(
            f"No difference from {against} at any time reached p < {first:g}"
            f"{adjusted(model, contrasts)}."
        )
    parts.append(_model_words(model))
    if model.get("df_method"):
        df = model.get("df")
        count = f" ({df:g})" if isinstance(df, int | float) and df else ""
        parts.append(f"Degrees of freedom{count}: {sentence(str(model['df_method']))}")
    if status == "singular":
        parts.append(f"The fit is singular: {sentence(reason)}")
    missing = contrasts[contrasts["status"].isin(["failed", "not_estimable"])]
    if len(missing):
        parts.append(
            f"{len(missing)} of the {len(contrasts)} comparisons can't be made "
            f"({listed(list(dict.fromkeys(missing['reason'])))})."
        )
    return " ".join(part for part in parts if part)


def _model_words(model: Mapping[str, Any]) -> str:
    formula = str(model.get("formula", ""))
    meaning = str(model.get("response_meaning", "") or "the logarithm of the ratio to baseline")
    inside = [part for part in (f"`{formula}`" if formula else "", _estimator(model)) if part]
    details = f" ({'; '.join(inside)})" if inside else ""
    return (
        f"The comparisons come from a linear mixed model of {meaning}{details}: they test ratios "
        "between groups, not the percentages drawn."
    )


def _estimator(model: Mapping[str, Any]) -> str:
    return ", ".join(str(model[key]) for key in ("covariance", "estimator") if model.get(key))


def _measurement(timecourse: pd.DataFrame, normalize: Mapping[str, Any] | None) -> str:
    used = used_values(timecourse)
    unit = str(timecourse["conc_unit"].iloc[0])
    per_probe = used.drop_duplicates("probe_id")
    basal = per_probe.groupby("animal_id")["baseline"].mean().dropna().to_numpy(dtype=np.float64)
    what, shown_unit = {
        "ratio": ("Basal ratio (molar)", ""),
        "response": ("Basal detector response", ""),
    }.get(unit, ("Basal level in the dialysate", f" {unit}"))
    recovered = used["flags"].str.split(";").map(lambda flags: "in_vitro_recovery" in flags).any()
    if recovered and unit == "nM":
        what = "Basal level, corrected for in-vitro recovery"
    parts = []
    if len(basal) > 1:
        sem = float(basal.std(ddof=1) / math.sqrt(len(basal)))
        level = with_error(float(basal.mean()), sem)
        parts.append(f"{what}: {level}{shown_unit} (mean ± SEM, n = {len(basal)} animals).")
    elif len(basal) == 1:
        parts.append(f"{what}: {basal[0]:.3g}{shown_unit} (one animal).")
    parts += [_MARKS[mark] for mark in marks(timecourse["source"], timecourse["conc_unit"])]
    if recovered:
        parts.append(_IN_VITRO_RECOVERY)
    parts.append(_times(normalize))
    return " ".join(part for part in parts if part)


def _times(normalize: Mapping[str, Any] | None) -> str:
    if normalize is None:
        return "Times are corrected for the dead-volume lag that the study gives."
    moment = {"start": "starts", "end": "ends"}.get(
        str(normalize.get("fraction_time")), "midpoints"
    )
    volume, flow = normalize.get("dead_volume_uL") or 0.0, normalize.get("flow_uL_min")
    if volume and flow:
        return (
            f"Times are the {moment} of the fractions, corrected for a lag of "
            f"{volume / flow:.1f} min between membrane and vial ({volume:g} µL at {flow:g} µL/min, "
            "plug flow)."
        )
    return f"Times are the {moment} of the fractions; no dead-volume lag is given."
