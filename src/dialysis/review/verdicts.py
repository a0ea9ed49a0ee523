"""PASS, WARN or FAIL: rules, each with what it found in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dialysis.decisions import in_force
from dialysis.review.numbers import share
from dialysis.review.results import OutcomeResults, Results
from dialysis.review.words import flag_words
from dialysis.words import counted, shortened

PASS, WARN, FAIL = "PASS", "WARN", "FAIL"
LEVELS = (PASS, WARN, FAIL)
# Something to know that is no reason to worry: it does not change the verdict.
NOTE = "note"
# So many names of runs, probes or analytes are written before "and … more".
_MOST_NAMES = 6


@dataclass(frozen=True)
class Finding:
    """A rule that fired.

    Parameters
    ----------
    status : {"note", "WARN", "FAIL"}
        How serious it is.
    rule : str
        Name of the rule.
    text : str
        What was found, where, and how much of it.
    section : str
        Section of the page that shows more; empty when the outcome itself does.
    """

    status: str
    rule: str
    text: str
    section: str


@dataclass(frozen=True)
class Verdict:
    """What the rules say about one outcome or run.

    Parameters
    ----------
    status : {"PASS", "WARN", "FAIL"}
        The worst of the findings.
    findings : tuple of Finding
        The rules that fired, the worst first.
    """

    status: str
    findings: tuple[Finding, ...]


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Sum findings up: the worst one decides; notes are told, and decide nothing."""
    order = (NOTE, *LEVELS)
    ranked = sorted(findings, key=lambda finding: -order.index(finding.status))
    worst = ranked[0].status if ranked else PASS
    return Verdict(PASS if worst == NOTE else worst, tuple(ranked))


def outcome_verdict(results: Results, each: OutcomeResults) -> Verdict:
    """Apply every rule to one outcome."""
    view = _View.of(results, each)
    rules = [rule for rule in OUTCOME_RULES if not (results.blind and rule in _OF_STATISTICS)]
    return verdict(finding for rule in rules for finding in rule(view))


def run_verdict(results: Results, run: str) -> Verdict:
    """Apply the rules of a run: calibration, checks, chromatography."""
    return verdict(_run_findings(results, run))


@dataclass(frozen=True)
class _View:
    """What the rules look at: the rows that belong to one outcome."""

    each: OutcomeResults
    limits: Mapping[str, Any]
    analytes: tuple[str, ...]
    runs: tuple[str, ...]
    groups: tuple[str, ...]
    decided_out: frozenset[str]
    rejected: str
    timecourse: pd.DataFrame
    baseline: pd.DataFrame
    concentrations: pd.DataFrame
    calibration: pd.DataFrame
    run_checks: pd.DataFrame
    chromatography: pd.DataFrame

    @classmethod
    def of(cls, results: Results, each: OutcomeResults) -> _View:
        outcome = each.outcome
        analytes = tuple(name for name in (outcome.analyte, outcome.denominator) if name)
        timecourse = results.timecourse[results.timecourse["outcome"] == outcome.slug]
        injections = set(timecourse["injection_id"]) - {""}
        concentrations = results.concentrations
        concentrations = concentrations[
            concentrations["injection_id"].isin(injections)
            & concentrations["analyte"].isin(analytes)
        ]
        here = set(concentrations["run"])
        runs = tuple(run for run in results.runs if run in here)

        def of_runs(table: pd.DataFrame) -> pd.DataFrame:
            return table[table["run"].isin(runs) & table["analyte"].isin(analytes)]

        return cls(
            each=each,
            limits=results.config["review"],
            analytes=analytes,
            runs=runs,
            groups=results.group_names,
            decided_out=frozenset(results.decided_out(outcome)),
            rejected=_rejection(results, outcome.slug),
            timecourse=timecourse,
            baseline=results.baseline[results.baseline["outcome"] == outcome.slug],
            concentrations=concentrations,
            calibration=of_runs(results.calibration),
            run_checks=of_runs(results.run_checks),
            chromatography=of_runs(results.chromatography),
        )

    @property
    def used(self) -> pd.DataFrame:
        """Rows that enter statistics and figures, of baseline and after the dose."""
        return self.planned[self.planned["used"].fillna(False)]

    @property
    def planned(self) -> pd.DataFrame:
        """Fractions of the baseline window and after the dose, used or not."""
        return self.timecourse[self.timecourse["period"].isin(["baseline", "post"])]


def _rejection(results: Results, slug: str) -> str:
    """Who rejected the figure of an outcome, when that is the last word on it."""
    last = in_force(results.log).get(("figure", slug, ""))
    if last is None or last.decision != "reject":
        return ""
    why = last.reason_text or last.reason_code.replace("_", " ")
    return f"{last.decided_by}, {last.decided_on}: {why.rstrip('.')}."


def _decision(view: _View) -> Iterator[Finding]:
    if view.rejected:
        yield Finding(FAIL, "rejected", view.rejected, "decisions")


def _figure(view: _View) -> Iterator[Finding]:
    if not view.each.figures:
        yield Finding(FAIL, "no_figure", "No figure was drawn.", "")


def _values(view: _View) -> Iterator[Finding]:
    if view.used.empty:
        yield Finding(FAIL, "no_values", "No fraction of any animal has a usable value.", "animals")


def _model(view: _View) -> Iterator[Finding]:
    anova, contrasts = view.each.anova, view.each.contrasts
    for status, level, rule, text in (
        ("failed", FAIL, "fit_failed", "There are no statistics"),
        # On the boundary the fit is an ordinary one with fewer parameters.
        ("singular", NOTE, "fit_singular", "The estimate lies on the boundary"),
    ):
        rows = anova[anova["status"] == status]
        if len(rows):
            reason = next((r for r in rows["reason"] if r), "")
            yield Finding(level, rule, f"{text}{f': {reason}' if reason else '.'}", "")
    if len(anova) == 0:
        yield Finding(FAIL, "fit_failed", "There is no model.", "")
    lost = contrasts[contrasts["status"].isin(["failed", "not_estimable"])]
    if len(lost) and not (anova["status"] == "failed").any():
        reason = next((r for r in lost["reason"] if r), "")
        text = f"{share(len(lost), len(contrasts))} comparisons with the control"
        text = f"{text}{f': {reason}' if reason else '.'}"
        yield Finding(WARN, "not_estimable", text, "")


def _model_warnings(view: _View) -> Iterator[Finding]:
    for text in view.each.model.get("warnings", []):
        yield Finding(WARN, "model", f"{str(text).rstrip('.')}.", "")
    for text in view.each.model.get("notes", []):
        yield Finding(NOTE, "model_note", f"{str(text).rstrip('.')}.", "")


def _animals(view: _View) -> Iterator[Finding]:
    after = view.used[view.used["period"] == "post"]
    counts = after.groupby("group")["animal_id"].nunique()
    needed = int(view.limits["min_animals"])
    there = set(view.timecourse["group"])
    for group in view.groups:
        if group not in there or view.used.empty:
            continue
        n = int(counts.get(group, 0))
        if n == 0:
            text = f"Group '{group}' has no animal with a usable value."
            yield Finding(FAIL, "empty_group", text, "animals")
        elif n < needed:
            text = f"Group '{group}' has {counted(n, 'animal')}; expected at least {needed}."
            yield Finding(WARN, "few_animals", text, "animals")


def _source(view: _View) -> Iterator[Finding]:
    sources = set(view.timecourse["source"])
    if "vendor areas" in sources:
        text = "Other software integrated the peaks; their areas were taken over as given."
        yield Finding(WARN, "vendor_areas", text, "runs")
    if "concentrations as given" in sources:
        text = "Neither traces nor calibration were seen here."
        yield Finding(WARN, "given_concentrations", text, "provenance")


def _calibration(view: _View) -> Iterator[Finding]:
    units = set(view.timecourse["conc_unit"])
    if "response" in units:
        text = "Percent of baseline is from responses, not from concentrations."
        yield Finding(WARN, "uncalibrated", text, "runs")
    failed = view.calibration[view.calibration["status"] == "failed"]
    if len(failed):
        runs = list(dict.fromkeys(failed["run"]))
        everywhere = set(runs) >= set(view.runs)
        reason = next((r for r in failed["reason"] if r), "")
        text = f"In {counted(len(runs), 'run')} of {len(view.runs)} "
        text += f"({shortened(runs, _MOST_NAMES)}){f': {reason}' if reason else ''}"
        yield Finding(FAIL if everywhere else WARN, "calibration_failed", text, "runs")


def _run_checks(view: _View) -> Iterator[Finding]:
    warned = view.run_checks[view.run_checks["status"] == "WARN"]
    for rule, rows in warned.groupby("rule", sort=True):
        runs = list(dict.fromkeys(rows["run"]))
        text = f"Outside its limit {counted(len(rows), 'time')} ({shortened(runs, _MOST_NAMES)})."
        yield Finding(WARN, f"suitability:{rule}", text, "runs")


def _chromatography(view: _View) -> Iterator[Finding]:
    samples = view.chromatography[view.chromatography["type"] == "sample"]
    flagged = samples[samples["flags"] != ""]
    if len(flagged):
        names = sorted({f.strip() for cell in flagged["flags"] for f in cell.split(";")} - {""})
        runs = list(dict.fromkeys(flagged["run"]))
        words = [flag_words(name).lower() for name in names]
        text = f"Samples: {shortened(words, _MOST_NAMES)} in {shortened(runs, _MOST_NAMES)}."
        yield Finding(WARN, "chromatography", text, "runs")


def _baselines(view: _View) -> Iterator[Finding]:
    table = view.baseline
    entering = table[table["probe_id"].isin(set(view.used["probe_id"]))]
    unstable = entering[~entering["stable"].fillna(True)]
    if len(unstable):
        text = f"{len(unstable)} of {len(entering)} that enter the figure "
        text += f"({shortened(list(unstable['probe_id']), _MOST_NAMES)})."
        yield Finding(WARN, "baseline_unstable", text, "animals")
    # A probe that a decision leaves out is under "Left out"; it is no news about the outcome.
    unusable = table[~table["usable"].fillna(False) & ~table["probe_id"].isin(view.decided_out)]
    if len(unusable):
        text = f"{len(unusable)} of {len(table)} "
        text += (
            f"({shortened(list(unusable['probe_id']), _MOST_NAMES)}); these animals are left out."
        )
        yield Finding(WARN, "baseline_unusable", text, "animals")


def _censored(view: _View) -> Iterator[Finding]:
    n, whole = int(view.used["censored"].fillna(False).sum()), len(view.used)
    limit = float(view.limits["max_censored_pct"])
    if whole and 100 * n / whole > limit:
        text = f"{share(n, whole)} of the values used, "
        yield Finding(WARN, "censored", f"{text}limit {limit:g} %.", "flags")


def _extrapolated(view: _View) -> Iterator[Finding]:
    flagged = view.concentrations[
        view.concentrations["injection_id"].isin(set(view.used["injection_id"]))
        & ~view.concentrations["censored"].fillna(False)
    ]
    n, whole = int(flagged["extrapolated"].fillna(False).sum()), len(flagged)
    limit = float(view.limits["max_extrapolated_pct"])
    if whole and 100 * n / whole > limit:
        text = f"{share(n, whole)} of the values above the LOD, "
        yield Finding(WARN, "extrapolated", f"{text}limit {limit:g} %.", "runs")


def _unused(view: _View) -> Iterator[Finding]:
    n, whole = len(view.planned) - len(view.used), len(view.planned)
    limit = float(view.limits["max_unused_pct"])
    if whole and n < whole and 100 * n / whole > limit:
        text = f"{share(n, whole)}, limit {limit:g} %."
        yield Finding(WARN, "unused", text, "animals")


Rule = Callable[[_View], Iterator[Finding]]
OUTCOME_RULES: tuple[Rule, ...] = (
    _decision,
    _figure,
    _values,
    _model,
    _model_warnings,
    _animals,
    _source,
    _calibration,
    _run_checks,
    _chromatography,
    _baselines,
    _censored,
    _extrapolated,
    _unused,
)
# What these say would tell a blinded reviewer of effects.
_OF_STATISTICS = (_figure, _model, _model_warnings)


def _run_findings(results: Results, run: str) -> Iterator[Finding]:
    calibration = results.calibration[results.calibration["run"] == run]
    failed = calibration[calibration["status"] == "failed"]
    if len(failed):
        text = f"{shortened(list(failed['analyte']), _MOST_NAMES)}."
        everything = len(failed) == len(calibration)
        yield Finding(FAIL if everything else WARN, "calibration_failed", text, "runs")
    flagged = calibration[(calibration["flags"] != "") & (calibration["status"] != "failed")]
    if len(flagged):
        text = f"{shortened(list(flagged['analyte']), _MOST_NAMES)}."
        yield Finding(WARN, "calibration_flagged", text, "runs")
    checks = results.run_checks
    warned = checks[(checks["run"] == run) & (checks["status"] == "WARN")]
    for rule, rows in warned.groupby("rule", sort=True):
        names = [name for name in dict.fromkeys(rows["analyte"]) if name]
        where = f" ({shortened(names, _MOST_NAMES)})" if names else ""
        text = f"Outside its limit {counted(len(rows), 'time')}{where}."
        yield Finding(WARN, f"suitability:{rule}", text, "runs")
    table = results.chromatography
    marked = table[(table["run"] == run) & (table["flags"] != "")]
    if len(marked):
        text = f"{shortened(list(dict.fromkeys(marked['analyte'])), _MOST_NAMES)}."
        yield Finding(WARN, "chromatography", text, "runs")
