"""The stage's one function: concentrations of a study to percent of baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dialysis.errors import NormalizationError
from dialysis.normalize.baseline import Baseline, baseline_of
from dialysis.normalize.exclusions import Exclusions
from dialysis.normalize.samples import Probe, study_probes, study_vials
from dialysis.normalize.schedule import dose_times, study_schedule
from dialysis.normalize.summary import Point, common_end, summarise
from dialysis.normalize.time_axis import Fraction, check_baseline_exists, place_on_axis
from dialysis.normalize.values import (
    Value,
    choose_injection,
    injection_value,
    outcome_source,
    outcome_unit,
    values_by_analyte,
)
from dialysis.study.groups import assign_groups
from dialysis.study.outcomes import Outcome, study_outcomes, study_regions
from dialysis.tables.inputs import ANALYTES, ANIMALS, DOSES, EXCLUSIONS, INJECTIONS, PROBES
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.quantify import CONCENTRATIONS

LOST = "not injected"
MISPLACED = "probe not in its region"
NO_SAMPLES = "no samples of this probe"
NOT_POSITIVE = "not above 0, so it has no logarithm"


@dataclass(frozen=True)
class NormalizedStudy:
    """What `normalize` hands on.

    Parameters
    ----------
    timecourse, baseline, summary : DataFrame
        TIMECOURSE, BASELINE and SUMMARY of `dialysis.tables.normalize`.
    """

    timecourse: pd.DataFrame
    baseline: pd.DataFrame
    summary: pd.DataFrame


@dataclass(frozen=True)
class _Subject:
    """One probe for one outcome, with everything computed."""

    outcome: Outcome
    probe: Probe
    unit: str
    fractions: Sequence[Fraction]
    values: Sequence[Value | None]
    row_reasons: Sequence[Sequence[str]]
    baseline: Baseline
    excluded: str

    @property
    def left_out(self) -> str:
        """Why the probe does not count for the outcome; empty when it does."""
        return self.excluded or ("" if self.baseline.usable else self.baseline.reason)


def normalize_study(
    concentrations: pd.DataFrame,
    injections: pd.DataFrame,
    analytes: pd.DataFrame,
    animals: pd.DataFrame,
    probes: pd.DataFrame,
    doses: pd.DataFrame,
    exclusions: pd.DataFrame,
    config: Mapping[str, Any],
    region: str,
) -> NormalizedStudy:
    """Put every sample on the time axis of its animal, as percent of its own baseline.

    Parameters
    ----------
    concentrations : DataFrame
        CONCENTRATIONS of `quantify`; injections excluded there stay so.
    injections, analytes, animals, probes, doses, exclusions : DataFrame
        The input tables; `probes`, `doses` and `exclusions` may be empty.  Exclusions of the
        levels peak, fraction, probe and animal are applied here.
    config : mapping
        The ``normalize`` section of study.yaml with defaults.
    region : str
        Brain region of all probes when there is no probes table.

    Returns
    -------
    NormalizedStudy
        Rows in the order of outcomes, then animals in their table's order, probes, fractions.

    Raises
    ------
    NormalizationError
        For what can't be placed in time: samples without probe, fraction or times, animals
        without a dose, a study without any fraction before the dose; and for options that
        contradict each other.

    Notes
    -----
    P = 100·C/B with B the mean of the usable baseline fractions of the same animal, probe and
    outcome, never a mean over animals.  A row that is used has a value, a percent of baseline
    and a log ratio; any other has a reason.
    """
    _check_options(config)
    injections, analytes = INJECTIONS.coerce(injections), ANALYTES.coerce(analytes)
    animals, probes = ANIMALS.coerce(animals), PROBES.coerce(probes)
    known_probes = study_probes(animals, probes, region)
    vials = study_vials(injections, known_probes)
    sampled = [probe for probe in known_probes if probe.probe_id in vials]
    dose_min = dose_times(
        DOSES.coerce(doses), list(dict.fromkeys(probe.animal_id for probe in sampled))
    )
    schedule = study_schedule(vials, sampled, dose_min, config)
    fractions = {
        probe.probe_id: place_on_axis(schedule[probe.probe_id], dose_min[probe.animal_id], config)
        for probe in sampled
    }
    check_baseline_exists(fractions)

    decided = Exclusions.from_table(EXCLUSIONS.coerce(exclusions))
    outcomes = study_outcomes(analytes, study_regions(probes, region), config["ratios"])
    names = list(dict.fromkeys(n for o in outcomes for n in (o.analyte, o.denominator) if n))
    values, units, sources = values_by_analyte(
        CONCENTRATIONS.coerce(concentrations), names, decided, config
    )
    groups = {str(row["animal_id"]): row for row in assign_groups(animals).to_dict("records")}

    timecourse: list[dict[str, object]] = []
    baselines: list[dict[str, object]] = []
    summaries: list[dict[str, object]] = []
    for outcome in outcomes:
        unit = outcome_unit(outcome, units)
        source = outcome_source(outcome, sources)
        subjects = [
            _subject(outcome, probe, unit, fractions, values, units, decided, config)
            for probe in known_probes
            if probe.region == outcome.region
        ]
        counting = [s.fractions for s in subjects if not s.excluded and s.fractions]
        end_min = common_end(counting or [s.fractions for s in subjects])
        for subject in subjects:
            group = groups[subject.probe.animal_id]
            points = [_point(subject, position) for position in range(len(subject.fractions))]
            timecourse += [
                _timecourse_row(subject, position, point, group, source)
                for position, point in enumerate(points)
            ]
            baselines.append(_baseline_row(subject, group))
            summaries.append(_summary_row(subject, points, group, end_min, config))
    return NormalizedStudy(
        timecourse=TIMECOURSE.coerce(pd.DataFrame(timecourse, columns=TIMECOURSE.column_names)),
        baseline=BASELINE.coerce(pd.DataFrame(baselines, columns=BASELINE.column_names)),
        summary=SUMMARY.coerce(pd.DataFrame(summaries, columns=SUMMARY.column_names)),
    )


def _check_options(config: Mapping[str, Any]) -> None:
    rules = config["baseline"]
    if rules["min_fractions"] > rules["n_fractions"]:
        raise NormalizationError(
            f"study.yaml, normalize.baseline.min_fractions: found {rules['min_fractions']}; "
            f"expected at most n_fractions, which is {rules['n_fractions']}. Mend one of the two."
        )
    window = config["auc_window_min"]
    if window is not None and window[1] <= window[0]:
        raise NormalizationError(
            f"study.yaml, normalize.auc_window_min: found [{window[0]:g}, {window[1]:g}]; expected "
            "a start and a later end, min from the dose. Mend the window."
        )


def _subject(
    outcome: Outcome,
    probe: Probe,
    unit: str,
    fractions: Mapping[str, Sequence[Fraction]],
    values: Mapping[str, Mapping[str, Value]],
    units: Mapping[str, str],
    decided: Exclusions,
    config: Mapping[str, Any],
) -> _Subject:
    """Find the values of one probe for one outcome, and its baseline."""
    analytes = [name for name in (outcome.analyte, outcome.denominator) if name]
    own = fractions.get(probe.probe_id, [])
    found: list[Value | None] = []
    reasons: list[list[str]] = []
    for fraction in own:
        injected = [injection_value(i, outcome, values, units) for i in fraction.injections]
        value = choose_injection(injected, config["reinjections"]) if injected else None
        why = decided.of_fraction(probe, fraction.number, analytes)
        if value is None:
            why.append(LOST)
        else:
            why += value.excluded
            if value.missing:
                why.append(value.missing)
        found.append(value)
        reasons.append(why)
    usable = [
        (value, fraction.time_index)
        for value, fraction, why in zip(found, own, reasons, strict=True)
        if value is not None and fraction.period == "baseline" and not why
    ]
    baseline = baseline_of(
        [value for value, _ in usable], [place for _, place in usable], unit, config["baseline"]
    )
    excluded = decided.of_subject(probe, analytes)
    if probe.placement_ok == "no" and config["exclude_misplaced"]:
        excluded.append(MISPLACED)
    if not own:
        excluded.append(NO_SAMPLES)
    for fraction, why in zip(own, reasons, strict=True):
        if fraction.period == "early":
            why.append(
                f"before the baseline window (the last {config['baseline']['n_fractions']} "
                "fractions before the dose)"
            )
        elif fraction.period == "straddle":
            why.append("fluid from before and after the dose (straddle: drop)")
    return _Subject(outcome, probe, unit, own, found, reasons, baseline, "; ".join(excluded))


def _point(subject: _Subject, position: int) -> Point:
    """Percent of baseline of one fraction, and whether it counts."""
    value = subject.values[position]
    reasons = [*subject.row_reasons[position]]
    pct = math.nan
    if value is not None and subject.baseline.defined:
        pct = 100.0 * value.conc / subject.baseline.mean
    if subject.excluded:
        reasons.append(subject.excluded)
    if not subject.baseline.usable:
        reasons.append(subject.baseline.reason)
    if value is not None and value.conc <= 0:
        reasons.append(f"{value.conc:g} {subject.unit} is {NOT_POSITIVE}")
    return Point(subject.fractions[position], pct, not reasons, "; ".join(dict.fromkeys(reasons)))


def _group_columns(group: Mapping[str, object]) -> dict[str, object]:
    names = ("group", "drug", "dose", "dose_unit", "route", "control", "is_control")
    return {name: group[name] for name in names}


def _subject_columns(subject: _Subject) -> dict[str, object]:
    return {
        "outcome": subject.outcome.slug,
        "animal_id": subject.probe.animal_id,
        "probe_id": subject.probe.probe_id,
    }


def _timecourse_row(
    subject: _Subject, position: int, point: Point, group: Mapping[str, object], source: str
) -> dict[str, object]:
    outcome, fraction = subject.outcome, point.fraction
    value, mean = subject.values[position], subject.baseline.mean
    conc = math.nan if value is None else value.conc
    has_log = subject.baseline.defined and conc > 0
    return {
        **_subject_columns(subject),
        "outcome_label": outcome.label,
        "kind": outcome.kind,
        "analyte": outcome.analyte,
        "denominator": outcome.denominator,
        "region": outcome.region,
        **_group_columns(group),
        "sex": group["sex"],
        "cohort": group["cohort"],
        "injection_id": "" if value is None else value.injection_id,
        "fraction": fraction.number,
        "start_min": fraction.start_min,
        "end_min": fraction.end_min,
        "time_min": fraction.time_min,
        "duration_min": fraction.duration_min,
        "period": fraction.period,
        "time_index": fraction.time_index,
        "conc": conc,
        "conc_unit": subject.unit,
        "source": source,
        "censored": value is not None and value.censored,
        "limit": math.nan if value is None else value.limit,
        "below_loq": value is not None and value.below_loq,
        "baseline": mean,
        "pct_of_baseline": point.pct,
        "log_ratio": math.log(conc / mean) if has_log else math.nan,
        "used": point.used,
        "reason": point.reason,
        "flags": ";".join(_flags(subject, fraction, value)),
    }


def _flags(subject: _Subject, fraction: Fraction, value: Value | None) -> list[str]:
    flags = list(value.flags) if value is not None else []
    if fraction.straddles:
        flags.append("straddles_dose")
    elif fraction.other_share > 0:
        flags.append("mixed_fluid")
    flags += subject.baseline.flags
    if subject.probe.placement_ok == "no":
        flags.append("misplaced_probe")
    return list(dict.fromkeys(flags))


def _baseline_row(subject: _Subject, group: Mapping[str, object]) -> dict[str, object]:
    baseline = subject.baseline
    reasons = [subject.excluded] if subject.excluded else []
    if subject.fractions:
        reasons += baseline.reasons
    return {
        **_subject_columns(subject),
        "group": group["group"],
        "n_fractions": baseline.n,
        "baseline": baseline.mean,
        "conc_unit": subject.unit,
        "sd": baseline.sd,
        "cv_pct": baseline.cv_pct,
        "trend_pct_per_fraction": baseline.trend_pct_per_fraction,
        "trend_p": baseline.trend_p,
        "last_jump_pct": baseline.last_jump_pct,
        "stable": baseline.stable,
        "usable": baseline.usable and not subject.excluded,
        "reason": "; ".join(reasons),
    }


def _summary_row(
    subject: _Subject,
    points: Sequence[Point],
    group: Mapping[str, object],
    end_min: float,
    config: Mapping[str, Any],
) -> dict[str, object]:
    window = config["auc_window_min"]
    summary = summarise(
        points,
        None if window is None else (float(window[0]), float(window[1])),
        end_min,
        subject.left_out,
    )
    return {**_subject_columns(subject), **_group_columns(group), **vars(summary)}
