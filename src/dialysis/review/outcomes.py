"""The chunk of an outcome: verdict and reason, figures, words, every animal's values, tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dialysis.review.captions import caption_blocks, spans
from dialysis.review.grids import grid, rounded
from dialysis.review.names import figure_file, stats_table, table_file
from dialysis.review.numbers import MISSING, is_missing, number, share
from dialysis.review.pictures import picture, title_of
from dialysis.review.results import OutcomeResults, Results
from dialysis.review.verdicts import Verdict
from dialysis.review.words import rule_words
from dialysis.study.start import marks
from dialysis.tables.normalize import BASELINE
from dialysis.tables.stats import OUTCOME_TABLES
from dialysis.words import counted, with_error

# Headings of the tables of statistics, the first ones open; others get theirs from their name.
_TITLES = {
    "contrasts": "Every comparison with the control, with its intervals",
    "anova": "Tests of the model's terms",
    "auc": "Area under the curve",
    "means": "Means, as the figure shows them",
    "emmeans": "The model's means",
    "auc_model": "Area under the model's time course",
    "secondary": "Secondary model: percent of baseline",
    "secondary_anova": "Secondary model: tests of its terms",
    "dose": "Dose response",
    "sensitivity": "Other ways to treat the data",
    "checks": "Other analyses of the same numbers",
    "influence": "Influence of each animal",
    "residuals": "Residuals",
    "variogram": "Variogram of the residuals",
}
_OPEN = ("anova", "auc")


def outcome_data(results: Results, each: OutcomeResults, found: Verdict) -> dict[str, Any]:
    """Gather what the page of an outcome shows.

    Parameters
    ----------
    results : Results
        The results; with `blind` there are no figures and no statistics.
    each : OutcomeResults
        The outcome.
    found : Verdict
        Its verdict.
    """
    outcome = each.outcome
    slug = outcome.slug
    data: dict[str, Any] = {
        "slug": slug,
        "label": outcome.label,
        "short": results.short_labels[slug],
        "status": found.status,
        "findings": findings_data(found),
        "marks": _marks(results, slug),
        "facts": _facts(results, each),
        "groups": list(results.group_names),
        "unit": _unit(results, slug),
        "series": _series(results, slug),
        "baselines": grid(
            f"{slug}-baseline",
            "Baselines",
            BASELINE,
            results.baseline[results.baseline["outcome"] == slug],
            drop=("outcome",),
            file=table_file("baseline"),
        ),
    }
    if results.blind:
        return data
    return data | {
        "pictures": [picture(figure) for figure in each.figures],
        "stars": str(results.config["stats"]["stars"]),
        "sentence": first_sentence(each.results),
        "results": caption_blocks(each.results),
        "methods": caption_blocks(each.methods),
        "model": model_facts(each.model),
        "tables": [
            grid(
                f"{slug}-{table.name}",
                _TITLES.get(table.name, title_of(table.name)),
                table,
                ordered(results, each.tables[table.name]),
                file=table_file(stats_table(slug, table.name)),
                drop=("outcome",),
            )
            | {"open": table.name in _OPEN}
            for table in sorted(OUTCOME_TABLES, key=_rank)
        ],
        "excluded": _with_excluded(results, each),
        "downloads": [[title, figure_file(path.name)] for title, path in each.files],
    }


def _rank(table: Any) -> int:
    names = list(_TITLES)
    return names.index(table.name) if table.name in names else len(names)


def findings_data(found: Verdict) -> list[dict[str, str]]:
    """Findings of a verdict, with their rules in words."""
    return [
        {
            "status": finding.status,
            "rule": finding.rule,
            "words": rule_words(finding.rule),
            "text": finding.text,
            "section": finding.section,
        }
        for finding in found.findings
    ]


def first_sentence(markdown: str) -> list[list[str]]:
    """The first sentence of the generated text behind its heading, as spans."""
    text = markdown.strip().split("\n\n")[0].replace("\n", " ")
    head, bold, rest = text.partition(".** ")
    text = rest if bold and head.startswith("**") else text
    sentence = text.split(". ")[0].strip()
    return spans(f"{sentence.rstrip('.')}." if sentence else "")


def _used(results: Results, slug: str) -> pd.DataFrame:
    table = results.timecourse
    return table[(table["outcome"] == slug) & table["used"].fillna(False)]


def _animals_per_group(results: Results, slug: str) -> dict[str, int]:
    used = _used(results, slug)
    counts = used[used["period"] == "post"].groupby("group")["animal_id"].nunique()
    return {group: int(counts[group]) for group in results.group_names if group in counts.index}


def _facts(results: Results, each: OutcomeResults) -> list[list[str]]:
    slug = each.outcome.slug
    whole = results.timecourse[
        (results.timecourse["outcome"] == slug)
        & results.timecourse["period"].isin(["baseline", "post"])
    ]
    used = whole[whole["used"].fillna(False)]
    injections = results.tables["injections"]
    shown = injections["injection_id"].isin(set(whole["injection_id"]))
    runs = injections.loc[shown & (injections["run"] != ""), "run"]
    groups = [f"{name}: {n}" for name, n in _animals_per_group(results, slug).items()]
    return [
        ["Animals with values after the dose", "; ".join(groups) or MISSING],
        ["Basal level", basal_level(results.baseline, slug, set(used["probe_id"]))],
        [
            "Below the limit of detection",
            share(int(used["censored"].fillna(False).sum()), len(used)),
        ],
        ["Fractions missing or left out", share(len(whole) - len(used), len(whole))],
        ["Runs", ", ".join(dict.fromkeys(runs)) or MISSING],
        ["Source", ", ".join(_marks(results, slug)) or "traces"],
    ]


def _marks(results: Results, slug: str) -> list[str]:
    """What the outcome's numbers are not from traces and calibration."""
    rows = results.timecourse[results.timecourse["outcome"] == slug]
    return list(marks(rows["source"], rows["conc_unit"]))


def _unit(results: Results, slug: str) -> str:
    units = results.timecourse.loc[results.timecourse["outcome"] == slug, "conc_unit"]
    return str(units.iloc[0]) if len(units) else ""


def _series(results: Results, slug: str) -> list[dict[str, Any]]:
    """Every probe's values over time: what the reviewer's own plot is drawn from."""
    rows = results.timecourse[results.timecourse["outcome"] == slug]
    return [
        {
            "probe": str(probe),
            "animal": str(own["animal_id"].iloc[0]),
            "group": str(own["group"].iloc[0]),
            "points": point_rows(own),
        }
        for probe, own in rows.groupby("probe_id", sort=False)
    ]


def point_rows(rows: pd.DataFrame) -> list[list[Any]]:
    """Values of one probe: time, fraction, concentration, percent, used, censored, why, injection.

    Parameters
    ----------
    rows : DataFrame
        Of TIMECOURSE, one outcome and probe.
    """
    ordered = rows.sort_values("fraction", kind="stable")
    columns = (ordered[name].tolist() for name in _POINT)
    return [
        [
            rounded(time),
            int(fraction),
            rounded(conc),
            rounded(percent),
            bool(used),
            bool(censored),
            str(reason),
            str(injection),
        ]
        for time, fraction, conc, percent, used, censored, reason, injection in zip(
            *columns, strict=True
        )
    ]


_POINT = (
    "time_min",
    "fraction",
    "conc",
    "pct_of_baseline",
    "used",
    "censored",
    "reason",
    "injection_id",
)


def basal_level(baseline: pd.DataFrame, slug: str, probes: set[str]) -> str:
    """Mean ± SEM of the baselines over animals, with the unit.

    Parameters
    ----------
    baseline : DataFrame
        The baseline table.
    slug : str
        The outcome.
    probes : set of str
        Probes that count; several of one animal are averaged first, because n is animals.
    """
    rows = baseline[
        (baseline["outcome"] == slug)
        & baseline["probe_id"].isin(probes)
        & baseline["baseline"].notna()
    ]
    if rows.empty:
        return MISSING
    animals = rows.groupby("animal_id")["baseline"].mean()
    unit = {"ratio": "", "response": "(response)"}.get(rows["conc_unit"].iloc[0], "nM")
    n = len(animals)
    mean = float(animals.mean())
    text = with_error(mean, float(animals.sem())) if n > 1 else number(mean)
    text = f"{text} {unit}".strip()
    return f"{text} (mean{' ± SEM' if n > 1 else ''}, {counted(n, 'animal')})"


# Said elsewhere on the page: the heading, the verdict, the table of n.
_NOT_FACTS = ("outcome", "label", "warnings", "n_per_group", "n_per_group_time")


def model_facts(model: Mapping[str, Any], prefix: str = "") -> list[list[str]]:
    """Lay the facts about a model out as terms and texts, nested ones with their parent's name."""
    facts: list[list[str]] = []
    for key, value in model.items():
        term = f"{prefix}{str(key).replace('_', ' ')}"
        if key in _NOT_FACTS:
            continue
        if isinstance(value, Mapping) and value:
            facts += model_facts(value, f"{term}: ")
        else:
            facts.append([term, _fact_text(value)])
    return facts


def _fact_text(value: Any) -> str:
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value, 4)
    if isinstance(value, (list, tuple)):
        return "; ".join(_fact_text(item) for item in value) or MISSING
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_fact_text(item)}" for key, item in value.items()) or MISSING
    return str(value)


def ordered(results: Results, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of the groups and, inside, of the times."""
    if "group" not in frame:
        return frame
    rank = {group: position for position, group in enumerate(results.group_names)}
    keys = frame.assign(_rank=frame["group"].map(rank).fillna(len(rank)))
    by = ["_rank", "time_index"] if "time_index" in frame else ["_rank"]
    return keys.sort_values(by, kind="stable").drop(columns="_rank")


def _with_excluded(results: Results, each: OutcomeResults) -> dict[str, Any]:
    """The comparisons with and without what was left out."""
    frame = each.tables["sensitivity"]
    again = frame[(frame["variant"] == "with_excluded") & frame["ratio_pct"].notna()]
    if again.empty:
        return {"text": "", "rows": []}
    keys = ["group", "time_index"]
    joined = ordered(
        results,
        again.merge(
            each.contrasts[[*keys, "time_min", "ratio_pct", "stars"]],
            on=keys,
            suffixes=("_with", ""),
        ),
    )
    crossed = int(again["star_changes"].fillna(False).sum())
    largest = float(again["change_pct"].abs().max())
    text = (
        f"With everything that was left out put back, the comparisons change by at most "
        f"{number(largest, 2)} %; {counted(crossed, 'comparison')} of {len(again)} "
        f"{'crosses' if crossed == 1 else 'cross'} the level of one star."
    )
    rows = [
        [
            str(row.group),
            rounded(row.time_min),
            rounded(row.ratio_pct),
            "" if is_missing(row.stars) else str(row.stars),
            rounded(row.ratio_pct_with),
            "" if is_missing(row.stars_with) else str(row.stars_with),
            rounded(row.change_pct),
        ]
        for row in joined.itertuples(index=False)
    ]
    return {"text": text, "rows": rows}
