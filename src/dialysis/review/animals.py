"""The chunk of an animal: state, placement, baselines, every fraction with its chromatogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from dialysis.review.grids import grid, records
from dialysis.review.injections import injection_rows
from dialysis.review.names import table_file
from dialysis.review.numbers import is_missing
from dialysis.review.outcomes import point_rows
from dialysis.review.results import Results
from dialysis.tables.normalize import BASELINE, SUMMARY
from dialysis.words import undecided

LEFT_OUT = "left out"
_PERIODS = ("baseline", "post")


class AnimalState(NamedTuple):
    """What became of an animal.

    Parameters
    ----------
    state : {"PASS", "WARN", "left out"}
        The worst of its probes.
    why : tuple of str
        Each reason once, with its outcomes in front unless all have it.
    brief : str
        The kinds of reasons only.
    """

    state: str
    why: tuple[str, ...]
    brief: str


def animal_states(results: Results) -> dict[str, AnimalState]:
    """State of every animal and why: PASS, WARN or left out; the worst of its probes.

    WARN: a fraction is missing or left out, or a baseline is not stable or not usable; left out:
    no fraction is used.  An outcome without any value has its own FAIL and says nothing about an
    animal.
    """
    labels = results.short_labels
    alive = set(results.timecourse.loc[results.timecourse["used"].fillna(False), "outcome"])
    planned = results.timecourse[
        results.timecourse["period"].isin(_PERIODS) & results.timecourse["outcome"].isin(alive)
    ]
    courses = {str(animal): rows for animal, rows in planned.groupby("animal_id", sort=False)}
    own = results.baseline[results.baseline["outcome"].isin(alive)]
    baselines = {str(animal): rows for animal, rows in own.groupby("animal_id", sort=False)}
    return {
        str(name): _state(
            courses.get(str(name), planned.iloc[:0]), baselines.get(str(name), own.iloc[:0]), labels
        )
        for name in results.tables["animals"]["animal_id"]
    }


def _state(course: pd.DataFrame, baselines: pd.DataFrame, labels: Mapping[str, str]) -> AnimalState:
    used = course["used"].fillna(False)
    unused = course[~used]
    found = list(zip(unused["reason"], unused["outcome"], strict=True))
    odd = False
    for row in baselines.itertuples(index=False):
        if not row.usable or (not is_missing(row.stable) and not row.stable):
            odd = True
            found.append((row.reason, row.outcome))
    where: dict[str, list[str]] = {}
    for reasons, slug in found:
        for reason in filter(None, str(reasons).split("; ")):
            if slug not in where.setdefault(reason, []):
                where[reason].append(slug)
    everywhere = course["outcome"].nunique()
    why = [
        reason
        if len(slugs) == everywhere
        else f"{', '.join(labels[slug] for slug in slugs)}: {reason}"
        for reason, slugs in where.items()
    ]
    brief = _brief(where, everywhere, labels)
    if not used.any():
        nothing = "no sample of this animal is in the results"
        return AnimalState(LEFT_OUT, tuple(why) or (nothing,), brief or nothing)
    return AnimalState("WARN" if odd or not used.all() else "PASS", tuple(why), brief)


def _brief(where: Mapping[str, Sequence[str]], everywhere: int, labels: Mapping[str, str]) -> str:
    """Sum reasons up by kind: ``unstable baseline (NE, DA); not injected``."""
    kinds: dict[str, dict[str, None]] = {}
    for reason, slugs in where.items():
        kind = undecided(reason).partition(": ")[0]
        kinds.setdefault(kind, {}).update(dict.fromkeys(slugs))
    return "; ".join(
        kind
        if len(slugs) == everywhere
        else f"{kind} ({', '.join(labels[slug] for slug in slugs)})"
        for kind, slugs in kinds.items()
    )


def animal_data(results: Results, animal: str, state: AnimalState) -> dict[str, Any]:
    """Gather what the page of an animal shows, without its traces.

    Parameters
    ----------
    results : Results
        The results.
    animal : str
        The animal.
    state : AnimalState
        From `animal_states`.
    """
    course = results.timecourse[results.timecourse["animal_id"] == animal]
    injections = results.tables["injections"]
    histology = results.tables["probes"]
    probes = histology[histology["animal_id"] == animal]
    mine = (injections["animal_id"] == animal) | (
        injections["probe_id"].isin(set(probes["probe_id"])) & (injections["probe_id"] != "")
    )
    group = results.groups.set_index("animal_id")["group"]
    return {
        "id": animal,
        "state": state.state,
        "why": list(state.why),
        "brief": state.brief,
        "group": str(group.get(animal, "")),
        "facts": _facts(results, animal),
        "probes": records(
            probes,
            {
                "probe_id": "text",
                "region": "text",
                "placement_ok": "text",
                "recovery_in_vitro": "number",
            },
        ),
        "outcomes": [
            {
                "slug": each.outcome.slug,
                "short": results.short_labels[each.outcome.slug],
                "unit": str(own["conc_unit"].iloc[0]),
                "series": [
                    {"probe": str(probe), "points": point_rows(rows)}
                    for probe, rows in own.groupby("probe_id", sort=False)
                ],
            }
            for each in results.outcomes
            if len(own := course[course["outcome"] == each.outcome.slug])
        ],
        "fractions": _fractions(course),
        "baselines": grid(
            "baselines",
            "Baselines",
            BASELINE,
            results.baseline[results.baseline["animal_id"] == animal],
            drop=("animal_id", "group"),
            file=table_file("baseline"),
        ),
        "summaries": grid(
            "summaries",
            "Area under the curve and peak",
            SUMMARY,
            results.summary[results.summary["animal_id"] == animal],
            drop=("animal_id", *_GROUP),
            file=table_file("summary"),
        ),
        **injection_rows(results, injections[mine]),
    }


_GROUP = ("group", "drug", "dose", "dose_unit", "route", "control", "is_control")


def _facts(results: Results, animal: str) -> list[list[str]]:
    """What the tables of the lab say about it."""
    animals = results.tables["animals"]
    row = animals[animals["animal_id"] == animal].iloc[0]
    facts = [
        [title, f"{row[name]:g} {unit}".strip() if unit else str(row[name])]
        for name, title, unit in (
            ("sex", "Sex", ""),
            ("strain", "Strain", ""),
            ("weight_g", "Weight", "g"),
            ("cohort", "Cohort", ""),
            ("randomised", "Allocation randomised", ""),
            ("blinded", "Experimenter blinded", ""),
        )
        if not is_missing(row[name])
    ]
    doses = results.tables["doses"]
    for dose in doses[doses["animal_id"] == animal].itertuples(index=False):
        end = "" if is_missing(dose.end_min) else f" to {dose.end_min:g}"
        amount = "" if is_missing(dose.dose) else f"{dose.dose:g} {dose.unit} {dose.route}"
        what = " ".join(f"{dose.drug} {amount}".split())
        facts.append(["Dose", f"{what} at {dose.time_min:g}{end} min".strip()])
    return facts


def _fractions(course: pd.DataFrame) -> list[dict[str, Any]]:
    """Fractions of an animal: when, and what every outcome has of it."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for row in course[list(_FRACTION)].itertuples(index=False):
        key = (str(row.probe_id), int(row.fraction))
        if key not in rows:
            rows[key] = {
                "probe": key[0],
                "fraction": key[1],
                "start": float(row.start_min),
                "end": float(row.end_min),
                "time": float(f"{row.time_min:.6g}"),
                "period": str(row.period),
                "injections": [i for i in str(row.injection_id).split(";") if i],
                "values": {},
            }
        rows[key]["values"][str(row.outcome)] = [
            None if is_missing(row.conc) else float(f"{row.conc:.5g}"),
            bool(row.used),
            bool(row.censored),
            str(row.reason),
            str(row.flags),
        ]
    return [rows[key] for key in sorted(rows)]


_FRACTION = (
    "probe_id",
    "fraction",
    "outcome",
    "start_min",
    "end_min",
    "time_min",
    "period",
    "injection_id",
    "conc",
    "used",
    "censored",
    "reason",
    "flags",
)
