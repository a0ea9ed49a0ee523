"""What the page shows of an outcome: figure, caption, facts, statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from dialysis.review.captions import caption_html
from dialysis.review.names import source_data, stats_table, table_file
from dialysis.review.numbers import (
    MISSING,
    fixed,
    is_missing,
    number,
    p_value,
    plural,
    share,
)
from dialysis.review.pictures import Link, Picture, picture, title_of
from dialysis.review.results import OutcomeResults, Results
from dialysis.review.verdicts import Verdict, outcome_verdict
from dialysis.review.views import Cell, Show, TableView, frame_view, matrix_view, number_cell
from dialysis.study.start import marks

_DOWNLOADS = (
    ("Comparisons", "contrasts"),
    ("Tests of terms", "anova"),
    ("AUC", "auc"),
    ("Model means", "emmeans"),
    ("Means", "means"),
)


@dataclass(frozen=True)
class OutcomePage:
    """One outcome on the page.

    Parameters
    ----------
    slug, label, short : str
        As in the study; `short` without the region where there is only one.
    verdict : Verdict
        PASS, WARN or FAIL and why.
    marks : tuple of str
        What its numbers are not from traces and calibration.
    pictures : tuple of Picture
        The time course first.
    caption : Markup
        Rendered.
    facts, model : tuple of (str, str)
        Terms and what they are, in order.
    statistics, more : tuple of TableView
        Tables that are open, and those a click away.
    downloads : tuple of Link
        Numbers behind figure and tables.
    """

    slug: str
    label: str
    short: str
    verdict: Verdict
    marks: tuple[str, ...]
    pictures: tuple[Picture, ...]
    caption: Markup
    facts: tuple[tuple[str, str], ...]
    model: tuple[tuple[str, str], ...]
    statistics: tuple[TableView, ...]
    more: tuple[TableView, ...]
    downloads: tuple[Link, ...]


def outcome_page(results: Results, each: OutcomeResults) -> OutcomePage:
    """Gather what the page shows of one outcome."""
    outcome = each.outcome
    slug = outcome.slug
    max_rows = int(results.config["review"]["max_table_rows"])
    pictures = tuple(
        picture(figure, _figure_title(figure.name, slug), _alt(results, each, position))
        for position, figure in enumerate(each.figures)
    )
    downloads = []
    if each.source_data:
        downloads.append(Link("Source data (CSV)", table_file(source_data(slug))))
    downloads += [
        Link(f"{title} (CSV)", table_file(stats_table(slug, name))) for title, name in _DOWNLOADS
    ]
    return OutcomePage(
        slug=slug,
        label=outcome.label,
        short=results.short_labels[slug],
        verdict=outcome_verdict(results, each),
        marks=_marks(results, slug),
        pictures=pictures,
        caption=caption_html(each.caption),
        facts=_facts(results, each),
        model=model_facts(each.model),
        statistics=(
            contrasts_view(results, each),
            _counts_view(results, each),
            _anova_view(each, max_rows),
            _auc_view(results, each, max_rows),
        ),
        more=(
            _means_view(results, each, max_rows),
            _emmeans_view(results, each, max_rows),
            _contrasts_list(results, each, max_rows),
        ),
        downloads=tuple(downloads),
    )


def _figure_title(name: str, slug: str) -> str:
    return title_of(name.removeprefix(f"{slug}_"))


def _alt(results: Results, each: OutcomeResults, position: int) -> str:
    if position:
        return f"Further figure of {each.outcome.label}."
    groups = "; ".join(
        f"{group} (n = {n})" for group, n in _animals_per_group(results, each.outcome.slug).items()
    )
    return (
        f"Time course of {each.outcome.label}: percent of baseline against minutes from the dose. "
        f"Groups: {groups or 'none'}. The numbers are in the source data."
    )


def _used(results: Results, slug: str) -> pd.DataFrame:
    table = results.timecourse
    return table[(table["outcome"] == slug) & table["used"].fillna(False)]


def _animals_per_group(results: Results, slug: str) -> dict[str, int]:
    used = _used(results, slug)
    counts = used[used["period"] == "post"].groupby("group")["animal_id"].nunique()
    return {group: int(counts[group]) for group in results.group_names if group in counts.index}


def _facts(results: Results, each: OutcomeResults) -> tuple[tuple[str, str], ...]:
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
    return (
        ("Animals with values after the dose", "; ".join(groups) or MISSING),
        ("Basal level", basal_level(results.baseline, slug, set(used["probe_id"]))),
        (
            "Below the limit of detection",
            share(int(used["censored"].fillna(False).sum()), len(used)),
        ),
        ("Fractions missing or left out", share(len(whole) - len(used), len(whole))),
        ("Runs", ", ".join(dict.fromkeys(runs)) or MISSING),
        ("Source", ", ".join(_marks(results, slug)) or "traces"),
    )


def _marks(results: Results, slug: str) -> tuple[str, ...]:
    """What the outcome's numbers are not from traces and calibration."""
    rows = results.timecourse[results.timecourse["outcome"] == slug]
    return marks(rows["source"], rows["conc_unit"])


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
    spread = f" ± {number(animals.sem())}" if n > 1 else ""
    text = f"{number(animals.mean())}{spread} {unit}".strip()
    return f"{text} (mean{' ± SEM' if n > 1 else ''}, {plural(n, 'animal')})"


# Said elsewhere on the page: the heading, the verdict, the table of n.
_NOT_FACTS = ("outcome", "label", "warnings", "n_per_group", "n_per_group_time")


def model_facts(model: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Lay the facts about a model out as terms and texts, nested ones with their parent's name."""
    facts: list[tuple[str, str]] = []
    for key, value in model.items():
        term = f"{prefix}{str(key).replace('_', ' ')}"
        if key in _NOT_FACTS:
            continue
        if isinstance(value, Mapping) and value:
            facts += model_facts(value, f"{term}: ")
        else:
            facts.append((term, _fact_text(value)))
    return tuple(facts)


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


def _ordered(results: Results, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of the groups and, inside, of the times."""
    rank = {group: position for position, group in enumerate(results.group_names)}
    keys = frame.assign(_rank=frame["group"].map(rank).fillna(len(rank)))
    by = ["_rank", "time_index"] if "time_index" in frame else ["_rank"]
    return keys.sort_values(by, kind="stable").drop(columns="_rank")


def _times(frame: pd.DataFrame) -> tuple[list[int], list[str]]:
    """Fractions counted from the dose, and the mean time of each as a heading."""
    means = frame.groupby("time_index")["time_min"].mean().sort_index()
    return [int(i) for i in means.index], [
        fixed(t, 0) if not is_missing(t) else f"fraction {i}" for i, t in means.items()
    ]


def contrasts_view(results: Results, each: OutcomeResults) -> TableView:
    """Groups × times: ratio to the control with stars, its p below."""
    frame = _ordered(results, each.contrasts)
    family = str(results.config["stats"]["stars"])
    column = "p_all" if family == "all" else "p_within"
    indices, headings = _times(frame)
    methods = ", ".join(sorted(set(frame["adjustment"]) - {""})) or "none"
    controls = list(dict.fromkeys(frame["control"]))
    row_names, cells = [], []
    for (group, control), rows in frame.groupby(["group", "control"], sort=False):
        row_names.append(f"{group} against {control}" if len(controls) > 1 else str(group))
        at = {int(row.time_index): row for row in rows.itertuples()}
        cells.append([_contrast_cell(at.get(i), column) for i in indices])
    over = "all times and groups" if family == "all" else "the groups within one time"
    against = f" against {controls[0]}" if len(controls) == 1 else ""
    return matrix_view(
        f"{each.outcome.slug}-contrasts",
        f"Comparison with the control: response{against} in percent of the control's "
        f"(100 = no difference), with stars; below it p, adjusted over {over} ({methods}). "
        "Columns: minutes from the dose.",
        row_names,
        headings,
        cells,
        corner="Group",
        file=table_file(stats_table(each.outcome.slug, "contrasts")),
    )


def _contrast_cell(row: Any, column: str) -> Cell:
    if row is None:
        return Cell(MISSING, tone="muted")
    if is_missing(row.ratio_pct):
        return Cell(MISSING, under=str(row.status).replace("_", " "), tone="muted")
    p = getattr(row, column)
    stars = str(row.stars).strip()
    return number_cell(
        row.ratio_pct,
        mark=stars if set(stars) <= set("*") else "",
        under=p_value(p),
        tone="strong" if stars and set(stars) <= set("*") else "",
    )


def _counts_view(results: Results, each: OutcomeResults) -> TableView:
    frame = _ordered(results, each.means)
    indices, headings = _times(frame)
    row_names, cells = [], []
    for group, rows in frame.groupby("group", sort=False):
        row_names.append(str(group))
        at = {int(row.time_index): row for row in rows.itertuples()}
        cells.append([_count_cell(at.get(i)) for i in indices])
    return matrix_view(
        f"{each.outcome.slug}-n",
        "n: animals with a value, per group and time (columns: minutes from the dose); below it "
        "how many of the values are under the limit of detection.",
        row_names,
        headings,
        cells,
        corner="Group",
        file=table_file(stats_table(each.outcome.slug, "means")),
    )


def _count_cell(row: Any) -> Cell:
    if row is None:
        return Cell("0", sort="0", tone="alert")
    n, censored = int(row.n), int(row.n_censored)
    return Cell(
        str(n),
        sort=str(n),
        under=f"{censored} < LOD" if censored else "",
        tone="alert" if n < 2 else "",
    )


def _anova_view(each: OutcomeResults, max_rows: int) -> TableView:
    return frame_view(
        f"{each.outcome.slug}-anova",
        "Tests of the model's terms.",
        each.anova,
        [
            Show("term", "Term"),
            Show("statistic", "F", "fixed2"),
            Show("num_df", "Numerator df", "short"),
            Show("den_df", "Denominator df", "short"),
            Show("p", "p", "p"),
            Show("status", "Fit"),
            Show("reason", "Reason"),
        ],
        max_rows,
        file=table_file(stats_table(each.outcome.slug, "anova")),
    )


def _auc_view(results: Results, each: OutcomeResults, max_rows: int) -> TableView:
    return frame_view(
        f"{each.outcome.slug}-auc",
        "Area under the curve, Σ P·Δt over the window (percent of baseline × min), of animals with "
        "a complete window.",
        _ordered(results, each.auc),
        [
            Show("group", "Group"),
            Show("n", "n", "fixed0"),
            Show("mean_pct_min", "Mean, % × min", "fixed0"),
            Show("low_pct_min", "95 % CI, low", "fixed0"),
            Show("high_pct_min", "high", "fixed0"),
            Show("difference_pct_min", "Difference from control", "fixed0"),
            Show("statistic", "t", "fixed2"),
            Show("df", "df", "short"),
            Show("p_adjusted", "p, adjusted over groups", "p"),
            Show("adjustment", "Adjustment"),
            Show("status", "Test"),
            Show("reason", "Reason"),
        ],
        max_rows,
        file=table_file(stats_table(each.outcome.slug, "auc")),
    )


def _means_view(results: Results, each: OutcomeResults, max_rows: int) -> TableView:
    return frame_view(
        f"{each.outcome.slug}-means",
        "Means shown in the figure: percent of baseline over animals.",
        _ordered(results, each.means),
        [
            Show("group", "Group"),
            Show("time_min", "Time, min", "fixed0"),
            Show("n", "n", "fixed0"),
            Show("mean_pct", "Mean, % of baseline", "fixed1"),
            Show("low_pct", "95 % CI, low", "fixed1"),
            Show("high_pct", "high", "fixed1"),
            Show("sd_pct", "SD", "fixed1"),
            Show("sem_pct", "SEM", "fixed1"),
            Show("geomean_pct", "Geometric mean", "fixed1"),
            Show("n_censored", "Below LOD", "fixed0"),
        ],
        max_rows,
        file=table_file(stats_table(each.outcome.slug, "means")),
        tools=True,
    )


def _emmeans_view(results: Results, each: OutcomeResults, max_rows: int) -> TableView:
    return frame_view(
        f"{each.outcome.slug}-emmeans",
        "The model's means at the mean baseline: geometric mean percent of baseline.",
        _ordered(results, each.emmeans),
        [
            Show("group", "Group"),
            Show("time_min", "Time, min", "fixed0"),
            Show("n", "n", "fixed0"),
            Show("mean_pct", "Mean, % of baseline", "fixed1"),
            Show("low_pct", "95 % CI, low", "fixed1"),
            Show("high_pct", "high", "fixed1"),
            Show("df", "df", "short"),
            Show("status", "Fit"),
            Show("reason", "Reason"),
        ],
        max_rows,
        file=table_file(stats_table(each.outcome.slug, "emmeans")),
        tools=True,
    )


def _contrasts_list(results: Results, each: OutcomeResults, max_rows: int) -> TableView:
    return frame_view(
        f"{each.outcome.slug}-contrasts-all",
        "Every comparison with the control, with its confidence interval and all three p-values.",
        _ordered(results, each.contrasts),
        [
            Show("group", "Group"),
            Show("control", "Control"),
            Show("time_min", "Time, min", "fixed0"),
            Show("ratio_pct", "Ratio, % of control", "fixed1"),
            Show("ratio_low_pct", "95 % CI, low", "fixed1"),
            Show("ratio_high_pct", "high", "fixed1"),
            Show("statistic", "t", "fixed2"),
            Show("df", "df", "short"),
            Show("p", "p, unadjusted", "p"),
            Show("p_within", "p, within this time", "p"),
            Show("p_all", "p, all times and groups", "p"),
            Show("stars", "Stars"),
            Show("status", "Fit"),
            Show("reason", "Reason"),
        ],
        max_rows,
        file=table_file(stats_table(each.outcome.slug, "contrasts")),
        tools=True,
    )
