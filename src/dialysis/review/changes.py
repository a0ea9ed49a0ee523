"""What changed since the previous bundle: inputs, decisions, and exactly which results moved."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialysis.decisions import Entry
from dialysis.review.numbers import number
from dialysis.review.snapshot import key_of
from dialysis.tables import Column, Table
from dialysis.words import counted, shortened

CHANGES = Table(
    "changes",
    "One row per cell that differs from the previous bundle.",
    (
        Column("table", "text", "Table of results, stage/table.", required=True),
        Column("outcome", "text", "Slug of the outcome; empty for tables before outcomes."),
        Column("row", "text", "Key of the row.", required=True),
        Column("column", "text", "Column; empty for a row that is new or gone."),
        Column("before", "text", "Value in the previous bundle."),
        Column("after", "text", "Value now."),
    ),
)

# Most sentences about one outcome; the table has all.
_MOST = 4
_NEW, _GONE = "new row", "row gone"


@dataclass(frozen=True)
class Cell:
    """A cell that differs, as `CHANGES`."""

    table: str
    outcome: str
    row: str
    column: str
    before: str
    after: str


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], log: Sequence[Entry] = ()
) -> dict[str, Any]:
    """Compare two bundles.

    Parameters
    ----------
    before, after : mapping
        From `dialysis.review.snapshot.snapshot`.
    log : sequence of Entry
        The decision log of the later one.

    Returns
    -------
    dict
        ``config``, ``code``, ``data`` and ``inputs``: what went in differently (lists of
        objects with ``what``, ``before``, ``after``); ``decisions``: numbers of the log's new
        lines; ``verdicts``; ``tables``: per table of results how many rows moved; ``outcomes``:
        slug to sentences; ``cells``: every cell, as rows of `CHANGES`.
    """
    cells = [
        cell
        for place in after["results"]
        for cell in _table_cells(place, before["results"].get(place, ""), after["results"][place])
    ]
    return {
        "config": _mapping_changes(before["config"], after["config"]),
        "code": _code_changes(before["code"], after["code"]),
        "data": _mapping_changes(before["data"], after["data"]),
        "inputs": [
            {
                "what": f"{cell.table}.csv: {cell.row}{f', {cell.column}' * bool(cell.column)}",
                "before": cell.before,
                "after": cell.after,
            }
            for name in after["inputs"]
            for cell in _table_cells(name, before["inputs"].get(name, ""), after["inputs"][name])
        ],
        "decisions": [entry.n for entry in log if entry.n > before["log"]],
        "verdicts": _verdict_changes(before["verdicts"], after["verdicts"]),
        "tables": _table_counts(after["results"], cells),
        "outcomes": _outcome_sentences(before, after, cells),
        "cells": [[c.table, c.outcome, c.row, c.column, c.before, c.after] for c in cells],
    }


def headline(changes: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """What changed in a few sentences, causes first."""
    said = []
    for name, one in (
        ("decisions", "decision was taken over"),
        ("inputs", "cell or row of the study's tables changed"),
        ("config", "option changed"),
        ("data", "raw file changed"),
    ):
        count = len(changes[name])
        if count:
            several = one.replace("decision was", "decisions were").replace("cell or row", "cells")
            several = several.replace("option ", "options ").replace("raw file", "raw files")
            said.append(f"{count} {one if count == 1 else several}.")
    stages = list(dict.fromkeys(change["stage"] for change in changes["code"]))
    if stages:
        said.append(f"Code changed: {', '.join(stages)}.")
    said += [
        f"{labels.get(each['outcome'], each['outcome'])}: {each['before']} became {each['after']}."
        for each in changes["verdicts"]
        if each["before"] != each["after"]
    ]
    moved = [labels.get(slug, slug) for slug in changes["outcomes"]]
    if moved:
        said.append(f"Results moved in {', '.join(moved)}.")
    elif not changes["tables"]:
        said.append("No result moved.")
    return said


def read_rows(place: str, text: str) -> dict[tuple[str, ...], dict[str, str]]:
    """Rows of a CSV by their key."""
    if not text:
        return {}
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    key = key_of(place)
    return {tuple(row.get(name, "") for name in key): row for row in rows}


def _table_cells(place: str, before: str, after: str) -> Iterator[Cell]:
    if before == after:
        return
    old, new = read_rows(place, before), read_rows(place, after)
    key = key_of(place)
    outcome_of = _outcome_of(place)
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        row = now or was or {}
        outcome = outcome_of or row.get("outcome", "")
        said = _row_words(dict(zip(key, name, strict=True)), row)
        if was is None or now is None:
            yield Cell(
                place, outcome, said, "", "" if was is None else _GONE, _NEW if was is None else ""
            )
            continue
        for column in dict.fromkeys([*was, *now]):
            if was.get(column, "") != now.get(column, ""):
                yield Cell(place, outcome, said, column, was.get(column, ""), now.get(column, ""))


def _row_words(key: Mapping[str, str], row: Mapping[str, str]) -> str:
    """Name a row by its key: ``animal R05, fraction 6``, ``mianserin, at 66 min``.

    Parameters
    ----------
    key : mapping of str to str
        Its columns with the values of the row.
    row : mapping of str to str
        All of the row, for the animal of a probe and the time of a ``time_index``.
    """
    said = []
    for column, value in key.items():
        if not value or column == "outcome":
            continue
        if column == "time_index":
            minutes = row.get("time_min")
            said.append(f"at {_minutes(minutes)} min" if minutes else _ordinal(int(value)))
        elif column == "probe_id":
            animal = row.get("animal_id", "")
            told = animal and f"animal {animal}" in said
            said += [] if told or not animal else [f"animal {animal}"]
            said += [] if animal == value else [f"probe {value}"]
        elif column.endswith("_id"):
            said.append(f"{column.removesuffix('_id')} {value}")
        elif column in _NAMED or value.lstrip("-").isdigit():
            said.append(f"{column.replace('_', ' ')} {value}")
        else:
            said.append(value)
    return ", ".join(said)


# Columns whose value says nothing without their name.
_NAMED = ("run", "fraction", "channel", "scope")


def _minutes(text: str) -> str:
    """Whole minutes with a minus sign that is one."""
    return f"{float(text):.0f}".replace("-", "−")


def _ordinal(index: int) -> str:
    """A fraction counted from the dose."""
    return f"fraction {abs(index)} {'after' if index > 0 else 'before'} the dose"


def _outcome_of(place: str) -> str:
    parts = place.split("/")
    return parts[1] if parts[0] == "stats" else ""


def _mapping_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"what": name, "before": str(before.get(name, "")), "after": str(after.get(name, ""))}
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _code_changes(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> list[dict[str, str]]:
    return [
        {"stage": stage} | change
        for stage in dict.fromkeys([*before, *after])
        for change in _mapping_changes(before.get(stage, {}), after.get(stage, {}))
    ]


def _verdict_changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    changes = []
    for slug in dict.fromkeys([*before, *after]):
        was, now = before.get(slug, {}), after.get(slug, {})
        if was == now:
            continue
        old, new = was.get("rules", []), now.get("rules", [])
        changes.append(
            {
                "outcome": slug,
                "before": was.get("status", "not there"),
                "after": now.get("status", "not there"),
                "fired": [rule for rule in new if rule not in old],
                "gone": [rule for rule in old if rule not in new],
            }
        )
    return changes


def _table_counts(tables: Mapping[str, str], cells: Sequence[Cell]) -> list[dict[str, Any]]:
    moved: dict[str, set[str]] = {}
    columns: dict[str, dict[str, None]] = {}
    for cell in cells:
        moved.setdefault(cell.table, set()).add(f"{cell.outcome} {cell.row}")
        columns.setdefault(cell.table, {})[cell.column or "rows"] = None
    return [
        {
            "table": place,
            "rows": len(rows),
            "of": max(len(read_rows(place, tables[place])), len(rows)),
            "columns": ", ".join(columns[place]),
        }
        for place, rows in moved.items()
    ]


def _outcome_sentences(
    before: Mapping[str, Any], after: Mapping[str, Any], cells: Sequence[Cell]
) -> dict[str, list[str]]:
    """What moved in each outcome, in words with the numbers before and after."""
    slugs = dict.fromkeys(cell.outcome for cell in cells if cell.outcome)
    said: dict[str, list[str]] = {}
    for slug in slugs:
        own = [cell for cell in cells if cell.outcome == slug]
        said[slug] = [
            *_used_sentences(own),
            *_star_sentences(own),
            *_moved_sentences(slug, before["results"], after["results"]),
        ] or [f"{counted(len(own), 'cell')} moved, no mean and no comparison."]
    return said


def _used_sentences(cells: Sequence[Cell]) -> list[str]:
    used = [c for c in cells if c.table == "normalize/timecourse" and c.column == "used"]
    said = []
    for value, words in (("false", "no longer used"), ("true", "used again")):
        rows = [cell.row for cell in used if cell.after == value]
        if rows:
            said.append(f"{counted(len(rows), 'fraction')} {words}: {shortened(rows, _MOST)}.")
    return said


def _star_sentences(cells: Sequence[Cell]) -> list[str]:
    stars = [c for c in cells if c.table.endswith("/contrasts") and c.column == "stars"]
    if not stars:
        return []
    said = [f"{cell.row}: {cell.before or 'none'} → {cell.after or 'none'}" for cell in stars]
    return [f"Stars changed: {shortened(said, _MOST, '; ')}."]


# Numbers a reader looks at: table, column, what one and several are called, unit.
_WATCHED = (
    ("means", "mean_pct", "mean", "means", "% of baseline"),
    ("contrasts", "ratio_pct", "comparison", "comparisons", "% of control"),
    ("auc", "mean_pct_min", "area under the curve", "areas under the curve", "% × min"),
)


def _moved_sentences(
    slug: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[str]:
    for table, column, one, several, unit in _WATCHED:
        place = f"stats/{slug}/{table}"
        old = read_rows(place, before.get(place, ""))
        new = read_rows(place, after.get(place, ""))
        pairs = [
            (key, float(old[key][column]), float(new[key][column]))
            for key in new
            if key in old
            and old[key].get(column) not in (None, "", new[key].get(column))
            and new[key].get(column)
        ]
        if not pairs:
            continue
        key, was, now = max(pairs, key=lambda pair: abs(pair[2] - pair[1]))
        row = new[key]
        some = f"{len(pairs)} of {counted(len(new), one, several)}"
        shown, now_shown = number(was, 4), number(now, 4)
        if shown == now_shown:
            yield f"{some} moved, by at most {number(abs(now - was), 2)} {unit}."
            continue
        time = f" at {_minutes(row['time_min'])} min" if row.get("time_min") else ""
        of_n = ""
        if old[key].get("n") and old[key]["n"] != row.get("n"):
            of_n = f", n {old[key]['n']} → {row['n']}"
        yield (
            f"{some} moved, most {row.get('group', '')}{time}: {shown} → {now_shown} {unit}{of_n}."
        )
