"""What the page shows of the animals: groups, baselines, placement, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from dialysis.review.names import table_file
from dialysis.review.numbers import MISSING, fixed, is_missing, number
from dialysis.review.results import Results
from dialysis.review.views import (
    Cell,
    Show,
    TableView,
    frame_view,
    heading_of,
    number_cell,
    status_cell,
    text_cell,
)

LEFT_OUT = "left out"
_PERIODS = ("baseline", "post")


def groups_view(results: Results) -> TableView:
    """Groups with their control and their animals, planned and used."""
    used = results.timecourse[results.timecourse["used"].fillna(False)]
    used = used[used["period"] == "post"].groupby("group")["animal_id"].nunique()
    planned = results.groups.groupby("group")["animal_id"].nunique()
    control = results.groups.drop_duplicates("group").set_index("group")["control"]
    frame = pd.DataFrame(
        {
            "group": list(results.group_names),
            "control": ["" if control[g] == g else control[g] for g in results.group_names],
            "planned": [int(planned[g]) for g in results.group_names],
            "used": [int(used.get(g, 0)) for g in results.group_names],
        }
    )
    return frame_view(
        "groups",
        "Groups: animals in the study, and animals with a value after the dose in at least one "
        "outcome.",
        frame,
        [
            Show("group", "Group"),
            Show("control", "Compared with"),
            Show("planned", "Animals", "fixed0"),
            Show("used", "Used", "fixed0"),
        ],
        len(frame),
    )


def animals_view(results: Results) -> TableView:
    """One row per probe: state, placement, fractions, and its baseline in every outcome."""
    outcomes = [each.outcome for each in results.outcomes]
    labels = results.short_labels
    alive = set(results.timecourse.loc[results.timecourse["used"].fillna(False), "outcome"])
    probes = _probes(results)
    several = bool(probes["animal_id"].duplicated().any())
    histology = results.tables["probes"]
    placed = dict(zip(histology["probe_id"], histology["placement_ok"], strict=True))
    regions = len({o.region for o in outcomes}) > 1
    baselines = {
        (row.outcome, row.probe_id): row for row in results.baseline.itertuples(index=False)
    }
    planned = results.timecourse[results.timecourse["period"].isin(_PERIODS)]
    courses = {str(probe): rows for probe, rows in planned.groupby("probe_id", sort=False)}
    rows = []
    for probe in probes.itertuples(index=False):
        course = courses.get(str(probe.probe_id), planned.iloc[:0])
        own = {o.slug: baselines.get((o.slug, probe.probe_id)) for o in outcomes}
        # An outcome without any value has its own FAIL; it says nothing about this animal.
        state, why = _state(
            course[course["outcome"].isin(alive)],
            {slug: row for slug, row in own.items() if slug in alive and row is not None},
            labels,
        )
        named = probe.probe_id != probe.animal_id and not several
        cells = [Cell(str(probe.animal_id), under=str(probe.probe_id) if named else "")]
        cells += [text_cell(probe.probe_id)] if several else []
        cells += [status_cell(state), text_cell(why), text_cell(probe.group)]
        cells += [text_cell(probe.region)] if regions else []
        placement = placed.get(str(probe.probe_id), "")
        cells += [text_cell(placement, tone="alert" if placement == "no" else "")] if placed else []
        cells.append(_fractions_cell(course))
        cells += [_baseline_cell(row) for row in own.values()]
        rows.append(tuple(cells))
    names = ["Animal", *(["Probe"] if several else []), "State", "Why", "Group"]
    names += [*(["Region"] if regions else []), *(["Placement"] if placed else [])]
    numeric = ["Fractions used", *(_heading(results, o.slug) for o in outcomes)]
    texts = [*names, *numeric]
    max_rows = int(results.config["review"]["max_table_rows"])
    return TableView(
        name="animals-table",
        caption="Animals: the baseline of each outcome with its coefficient of variation below. "
        "WARN: a fraction is missing or left out, or a baseline is not stable or not usable; "
        "left out: no fraction of the animal is used.",
        headings=tuple(
            heading_of(text, [row[i] for row in rows], text in numeric)
            for i, text in enumerate(texts)
        ),
        rows=tuple(rows[:max_rows]),
        total=len(rows),
        file=table_file("baseline"),
        tools=True,
    )


def _heading(results: Results, slug: str) -> str:
    units = results.baseline.loc[results.baseline["outcome"] == slug, "conc_unit"]
    unit = str(units.iloc[0]) if len(units) else ""
    name = results.short_labels[slug]
    return f"{name}, {unit}" if unit and unit != "ratio" else name


def _probes(results: Results) -> pd.DataFrame:
    """Probes in the order of groups: animals without any fraction are listed, too."""
    seen = results.timecourse.drop_duplicates("probe_id")[["probe_id", "animal_id", "region"]]
    absent = results.groups[~results.groups["animal_id"].isin(set(seen["animal_id"]))]
    everyone = pd.concat(
        [
            seen,
            pd.DataFrame(
                {"probe_id": absent["animal_id"], "animal_id": absent["animal_id"], "region": ""}
            ),
        ],
        ignore_index=True,
    )
    group = results.groups.set_index("animal_id")["group"]
    everyone["group"] = everyone["animal_id"].map(group).fillna("")
    rank = {name: position for position, name in enumerate(results.group_names)}
    everyone["_rank"] = everyone["group"].map(rank).fillna(len(rank))
    return everyone.sort_values(["_rank", "animal_id", "probe_id"], kind="stable")


def _fractions_cell(course: pd.DataFrame) -> Cell:
    """Fractions used in at least one outcome, of those there should be."""
    used = course.loc[course["used"].fillna(False), "fraction"].nunique()
    whole = course["fraction"].nunique()
    return Cell(
        f"{used} of {whole}", sort=str(used), tone="alert" if used < whole or not whole else ""
    )


def _baseline_cell(row: Any) -> Cell:
    if row is None:
        return Cell(MISSING, sort="", tone="muted")
    value, cv = row.baseline, row.cv_pct
    stable = is_missing(row.stable) or row.stable
    word = "not usable" if not row.usable else "" if stable else "unstable"
    if is_missing(value):
        return Cell(MISSING, sort="", under=word, tone="alert" if word else "muted")
    spread = "" if is_missing(cv) else f"CV {fixed(cv, 0)} %"
    return number_cell(
        value,
        number(value),
        under=", ".join(part for part in (spread, word) if part),
        tone="alert" if word else "",
    )


def _state(
    course: pd.DataFrame, baselines: Mapping[str, Any], labels: Mapping[str, str]
) -> tuple[str, str]:
    """State of a probe, and why: each reason once, with its outcomes unless all have it."""
    used = course["used"].fillna(False)
    unused = course[~used]
    found = list(zip(unused["reason"], unused["outcome"], strict=True))
    odd = False
    for slug, row in baselines.items():
        if not row.usable or (not is_missing(row.stable) and not row.stable):
            odd = True
            found.append((row.reason, slug))
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
    if not used.any():
        return LEFT_OUT, "; ".join(why) or "no sample of this animal is in the results"
    return "WARN" if odd or not used.all() else "PASS", "; ".join(why)


def baselines_view(results: Results) -> TableView:
    """Every baseline with its stability measures."""
    frame = results.baseline.assign(label=results.baseline["outcome"].map(results.short_labels))
    return frame_view(
        "baselines",
        "Every baseline: its level, spread, trend and the last fraction against the others.",
        frame,
        [
            Show("probe_id", "Probe"),
            Show("label", "Outcome"),
            Show("group", "Group"),
            Show("n_fractions", "Fractions", "fixed0"),
            Show("baseline", "Mean", "number"),
            Show("conc_unit", "Unit"),
            Show("sd", "SD", "number"),
            Show("cv_pct", "CV, %", "fixed1"),
            Show("trend_pct_per_fraction", "Trend, % per fraction", "fixed1"),
            Show("trend_p", "p of the trend", "p"),
            Show("last_jump_pct", "Last against others, %", "fixed1"),
            Show("stable", "Stable", "yesno"),
            Show("usable", "Usable", "yesno"),
            Show("reason", "Reason"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("baseline"),
        tools=True,
        row_heads=2,
    )


def decisions_view(results: Results) -> TableView:
    """Exclusions as the lab decided them."""
    return frame_view(
        "exclusions",
        "Decisions in exclusions.csv: what is left out, who decided it, when and why.",
        results.tables["exclusions"],
        [
            Show("level", "Level"),
            Show("id", "What"),
            Show("analyte", "Analyte"),
            Show("reason_code", "Reason"),
            Show("reason_text", "In words"),
            Show("decided_by", "Decided by"),
            Show("decided_on", "On"),
            Show("blinded", "Blind to group"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("exclusions"),
        row_heads=2,
    )


def events_view(results: Results) -> TableView:
    """Manual integration events as the lab decided them."""
    return frame_view(
        "integration-events",
        "Manual integration in integration_events.csv (* for all injections); the automatic area "
        "is kept beside it.",
        results.tables["integration_events"],
        [
            Show("injection_id", "Injection"),
            Show("run", "Run"),
            Show("analyte", "Analyte"),
            Show("channel", "Channel"),
            Show("event", "Event"),
            Show("start_min", "Start, min", "fixed2"),
            Show("end_min", "End, min", "fixed2"),
            Show("reason", "Reason"),
            Show("decided_by", "Decided by"),
            Show("decided_on", "On"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("integration_events"),
    )


def left_out_view(results: Results) -> TableView:
    """Fractions that are not used, one row per probe × reason."""
    table = results.timecourse
    table = table.assign(label=table["outcome"].map(results.short_labels))
    of_probe = table.groupby("probe_id")["outcome"].nunique()
    unused = table[~table["used"].fillna(False)]
    # Outcomes that lack the same fractions for the same reason share a row.
    shared: dict[tuple[str, str, str], list[pd.DataFrame]] = {}
    for (probe, reason, _), same in unused.groupby(["probe_id", "reason", "outcome"], sort=False):
        fractions = number_ranges(same["fraction"].astype(int))
        shared.setdefault((str(probe), str(reason), fractions), []).append(same)
    rows = [
        {
            "animal_id": parts[0]["animal_id"].iloc[0],
            "probe_id": probe,
            "group": parts[0]["group"].iloc[0],
            "fractions": fractions,
            "outcomes": "all"
            if len(parts) == int(of_probe[probe])
            else ", ".join(str(part["label"].iloc[0]) for part in parts),
            "values": sum(len(part) for part in parts),
            "reason": reason,
        }
        for (probe, reason, fractions), parts in shared.items()
    ]
    columns = ["animal_id", "probe_id", "group", "fractions", "outcomes", "values", "reason"]
    return frame_view(
        "not-used",
        "Fractions that enter neither figures nor statistics, with the reason.",
        pd.DataFrame(rows, columns=columns),
        [
            Show("probe_id", "Probe"),
            Show("group", "Group"),
            Show("reason", "Reason"),
            Show("fractions", "Fractions"),
            Show("outcomes", "Outcomes"),
            Show("values", "Values", "fixed0"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("timecourse"),
        tools=True,
    )


def number_ranges(numbers: Iterable[int]) -> str:
    """Write whole numbers as ranges: 1, 2, 3, 7 is ``1–3, 7``."""
    parts: list[list[int]] = []
    for value in sorted(set(numbers)):
        if parts and value == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], value]
        else:
            parts.append([value])
    return ", ".join("–".join(str(end) for end in part) for part in parts)
