"""Take decisions of the review site over: into the log, exclusions.csv and integration_events.csv.

Everything is checked before anything is written: the file itself, and the study as it would be
afterwards.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from dialysis.decisions import (
    ALLOWED,
    COLUMNS,
    DECIDE,
    EXCLUDABLE,
    LEVELS,
    LOCK,
    Entry,
    append_entries,
    is_blind,
    locked,
    log_path,
    read_log,
)
from dialysis.errors import DecisionError, Problem, problems_text
from dialysis.files import write_text
from dialysis.study.config import did_you_mean
from dialysis.study.load import Study, examine_study, load_study
from dialysis.study.sheets import read_csv_sheet
from dialysis.tables import Table
from dialysis.tables.inputs import EXCLUSIONS, INTEGRATION_EVENTS, REASON_CODES
from dialysis.words import counted, with_article

_TABLES: Mapping[str, Table] = {
    f"{table.name}.csv": table for table in (EXCLUSIONS, INTEGRATION_EVENTS)
}
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Columns that say what a row of exclusions.csv is about.
_TARGET = ("level", "id", "analyte")

Row = dict[str, str]


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Parameters
    ----------
    entries : tuple of Entry
        Lines appended to the log.
    known : int
        Decisions of the file that the log already had.
    added, removed : mapping of str to int
        Rows of each table.
    """

    entries: tuple[Entry, ...]
    known: int
    added: Mapping[str, int]
    removed: Mapping[str, int]


def import_decisions(root: Path, name: str, file: Path) -> Imported:
    """Take the decisions of a `decisions.csv` over.

    Parameters
    ----------
    root : Path
        Project root.
    name : str
        The study.
    file : Path
        As the review site exported it.

    Raises
    ------
    StudyError
        If the study can't be loaded.
    DecisionError
        With everything that is wrong with the decisions; nothing is written then.

    Notes
    -----
    A decision that the log already has (by its ``decision_id``) is passed over, so that a file
    may be imported twice.  Tables are written first and the log last: after a broken import the
    same import completes it.
    """
    study = load_study(root, name)
    folder = root / "config" / name
    log = read_log(log_path(folder))
    rows = _read_csv(file)
    known_ids = {entry.decision_id for entry in log if entry.decision_id}
    new = [(line, row) for line, row in rows if row["decision_id"] not in known_ids]
    problems = _row_problems(study, file.name, new, blind=is_blind(study.config["review"], log))
    tables = {table: _CsvTable.read(folder / table, of) for table, of in _TABLES.items()}
    entries = []
    if not problems:
        for line, row in new:
            entry, found = _apply(row, tables, f"row {line}", file.name)
            problems += found
            entries.append(entry)
    if problems:
        raise DecisionError(problems_text(problems, f"{file} can't be imported"))
    changed = {table: rows for table, rows in tables.items() if rows.changed}
    _refuse_sheets(study, changed, file)
    if changed:
        _check_study(root, name, {table: rows.text() for table, rows in changed.items()}, file)
    for table, content in changed.items():
        write_text(folder / table, content.text())
    written = append_entries(log_path(folder), entries) if entries else []
    return Imported(
        tuple(written),
        len(rows) - len(new),
        {table: len(content.added) for table, content in tables.items()},
        {table: content.removed for table, content in tables.items()},
    )


def lock_decisions(root: Path, name: str, decided_by: str, decided_on: str = "") -> Entry:
    """End a blinded review: from the next run on groups and statistics are shown.

    Raises
    ------
    DecisionError
        If the review is not blinded, or is locked already.
    """
    study = load_study(root, name)
    path = log_path(root / "config" / name)
    entries = read_log(path)
    before = locked(entries)
    if before is not None:
        raise DecisionError(
            f"{path}: found a lock by {before.decided_by} on {before.decided_on} in line "
            f"{before.n}; expected decisions that are open. There is nothing to do: the next run "
            "shows groups and statistics."
        )
    if not study.config["review"]["blinded"]:
        raise DecisionError(
            f"config/{name}/study.yaml, review.blinded: found false; expected true, because a lock "
            "ends a blinded review. Decisions of an open review need no lock."
        )
    decided_by = decided_by.strip()
    if not decided_by:
        raise DecisionError("found no name; expected who locks the decisions. Give --by NAME.")
    lock = Entry(0, LOCK, decided_by=decided_by, decided_on=decided_on or date.today().isoformat())
    return append_entries(path, [lock])[0]


def log_text(entries: Sequence[Entry]) -> str:
    """The log as a person reads it."""
    if not entries:
        return "No decisions yet.\n"
    lines = []
    for entry in entries:
        if entry.action == LOCK:
            lines.append(f"{entry.n:4}  {entry.decided_on}  {entry.decided_by}: locked")
            continue
        what = " ".join(part for part in (entry.level, entry.id, entry.analyte) if part)
        limits = "" if entry.start_min is None else f" {entry.start_min:g}–{entry.end_min:g} min"
        why = ": ".join(part for part in (entry.reason_code, entry.reason_text) if part)
        told = [part for part in (why, "blind" if entry.blinded else "", entry.wrote) if part]
        lines.append(
            f"{entry.n:4}  {entry.decided_on}  {entry.decided_by}: "
            f"{entry.decision.replace('_', ' ')} {what}{limits}"
            f"{' (' + '; '.join(told) + ')' if told else ''}"
        )
    return "\n".join(lines) + "\n"


def _read_csv(file: Path) -> list[tuple[int, Row]]:
    """Rows with their line numbers, every column there."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DecisionError(
            f"{file}, byte {error.start}: found bytes that are not UTF-8; expected UTF-8 text. "
            "Export the decisions again, or save the table as 'CSV UTF-8'."
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""))
    numbered = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    header = numbered[0][1] if numbered else []
    missing = [name for name in COLUMNS if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown:
        raise DecisionError(
            f"{file}, line 1: found the columns {', '.join(header) or '(none)'}; expected "
            f"{', '.join(COLUMNS)}. Export the decisions from the review site again."
        )
    return [
        (line, dict.fromkeys(COLUMNS, "") | dict(zip(header, cells, strict=False)))
        for line, cells in numbered[1:]
        if any(cells)
    ]


def _row_problems(
    study: Study, shown: str, rows: Sequence[tuple[int, Row]], blind: bool
) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    names = _names(study)
    analytes = list(dict.fromkeys(study.tables["analytes"]["analyte"]))
    # Nothing else can be right about decisions of another study.
    others = [row["study"] for _, row in rows if row["study"] != study.name]
    for other in dict.fromkeys(others):
        count = counted(others.count(other), "decision")
        where = f", with 'dialysis decisions import {other} {shown}'" if other else ""
        problems.append(
            Problem(
                shown,
                "column study",
                f"{count} of study '{other}'" if other else f"{count} of no study",
                f"decisions of study '{study.name}'",
                f"Import them into the study they were made for{where}.",
            )
        )
    for line, row in rows:
        if row["study"] != study.name:
            continue
        wrong = [
            *_who_and_when(row, seen.get(row["decision_id"]), blind),
            *_about_what(row, names, analytes),
            *_what_and_why(row),
        ]
        seen.setdefault(row["decision_id"], line)
        problems += [
            Problem(
                shown,
                f"row {line}, column {column}",
                f"'{row[column]}'" if row[column] else "nothing",
                expected,
                remedy,
            )
            for column, expected, remedy in wrong
        ]
        problems += _limits_problems(shown, line, row)
    return problems


# A column, what is expected in it, what to do.
Wrong = tuple[str, str, str]


def _who_and_when(row: Row, first: int | None, blind: bool) -> Iterator[Wrong]:
    if not row["decision_id"]:
        yield "decision_id", "the name the review site gave the decision", ""
    elif first is not None:
        yield "decision_id", f"each decision once (first in row {first})", "Remove the row."
    if not row["decided_by"]:
        yield "decided_by", "who decided", ""
    if not _ISO_DATE.fullmatch(row["decided_on"]):
        yield "decided_on", "a date as YYYY-MM-DD", ""
    if row["blinded"] not in ("yes", "no"):
        yield "blinded", "yes or no", ""
    elif (row["blinded"] == "yes") != blind:
        yield (
            "blinded",
            f"'{'yes' if blind else 'no'}', because the review is "
            f"{'blinded' if blind else 'not blinded'} now",
            "Run the pipeline, look again on the site as it is now, and decide there.",
        )


def _about_what(row: Row, names: Mapping[str, set[str]], analytes: list[str]) -> Iterator[Wrong]:
    level = row["level"]
    if level not in LEVELS:
        yield "level", f"one of {', '.join(LEVELS)}", did_you_mean(level, LEVELS)
        return
    if row["id"] not in names[level]:
        yield "id", f"{with_article(level)} of the study", did_you_mean(row["id"], names[level])
    if row["analyte"] and row["analyte"] not in analytes:
        yield "analyte", f"one of {', '.join(analytes)}", did_you_mean(row["analyte"], analytes)
    if level == "peak" and not row["analyte"]:
        yield "analyte", "the analyte whose peak it is", ""
    if level in ("figure", "injection") and row["analyte"]:
        yield "analyte", f"nothing, because {with_article(level)} has all of them", ""
    if row["decision"] not in ALLOWED[level]:
        yield "decision", f"one of {', '.join(ALLOWED[level])} for {with_article(level)}", ""


def _what_and_why(row: Row) -> Iterator[Wrong]:
    code = row["reason_code"]
    if code and code not in REASON_CODES:
        yield "reason_code", f"one of {', '.join(REASON_CODES)}", did_you_mean(code, REASON_CODES)
    if row["decision"] in ("reject", "limits", "not_a_peak") and not code:
        yield "reason_code", f"a reason of the list for '{row['decision']}'", ""
    if row["reason_text"]:
        return
    if code == "other":
        yield "reason_text", "the reason in words, because reason_code is 'other'", ""
    elif row["decision"] == "comment":
        yield "reason_text", "the comment", ""
    elif row["decision"] == "restore":
        yield "reason_text", "why it is put back", ""


def _limits_problems(shown: str, line: int, row: Row) -> list[Problem]:
    limits: dict[str, float] = {}
    problems = []
    for column in ("start_min", "end_min"):
        try:
            if row[column]:
                limits[column] = float(row[column])
        except ValueError:
            problems.append(
                Problem(shown, f"row {line}, column {column}", f"'{row[column]}'", "a number")
            )
    if row["decision"] != "limits":
        if limits:
            problems.append(
                Problem(
                    shown,
                    f"row {line}, columns start_min, end_min",
                    "times",
                    f"nothing, because '{row['decision']}' does not use them",
                )
            )
    elif not problems and not (len(limits) == 2 and 0 <= limits["start_min"] < limits["end_min"]):
        problems.append(
            Problem(
                shown,
                f"row {line}, columns start_min, end_min",
                f"'{row['start_min']}' and '{row['end_min']}'",
                "two times, the first before the second",
            )
        )
    return problems


def _names(study: Study) -> dict[str, set[str]]:
    """Names of everything that can be decided about, by level."""
    injections = study.tables["injections"]
    samples = injections[(injections["type"] == "sample") & injections["fraction"].notna()]
    probes = study.tables["probes"]
    of_animal: dict[str, list[str]] = {}
    for row in probes.itertuples():
        of_animal.setdefault(str(row.animal_id), []).append(str(row.probe_id))
    fractions: set[str] = set()
    for row in samples.itertuples():
        subjects = {str(row.probe_id), str(row.animal_id), *of_animal.get(str(row.animal_id), [])}
        fractions |= {f"{name}:{row.fraction}" for name in subjects if name}
    animals = set(study.tables["animals"]["animal_id"])
    ids = set(injections["injection_id"])
    return {
        "figure": {outcome.slug for outcome in study.outcomes},
        "injection": ids,
        "peak": ids,
        "fraction": fractions,
        "probe": set(probes["probe_id"]) or animals,
        "animal": animals,
    }


def _apply(
    row: Row, tables: Mapping[str, _CsvTable], where: str, shown: str
) -> tuple[Entry, list[Problem]]:
    """Change the tables as a decision says."""
    start, end = (float(row[name]) if row[name] else None for name in ("start_min", "end_min"))
    entry = Entry(
        0,
        DECIDE,
        start_min=start,
        end_min=end,
        blinded=row["blinded"] == "yes",
        **{name: row[name] for name in COLUMNS if name in _COPIED},
    )
    exclusions, events = tables["exclusions.csv"], tables["integration_events.csv"]
    target = {name: row[name] for name in _TARGET}
    what = " ".join(value for value in target.values() if value)
    if row["decision"] == "reject" and row["level"] in EXCLUDABLE:
        new = target | {
            name: row[name]
            for name in ("reason_code", "reason_text", "decided_by", "decided_on", "blinded")
        }
        same = exclusions.matching(target)
        if same and not exclusions.holds(new):
            by = f"by {same[0].get('decided_by', '')} on {same[0].get('decided_on', '')}"
            return entry, [
                Problem(
                    shown,
                    where,
                    f"'reject' of {what}, which exclusions.csv already leaves out ({by})",
                    "something that is not left out yet",
                    "Remove the row, or put it back first ('restore').",
                )
            ]
        if not same:
            exclusions.add(new)
        return replace(entry, wrote="exclusions.csv"), []
    if row["decision"] == "restore":
        if exclusions.matching(target):
            exclusions.remove(target)
            return replace(entry, wrote="exclusions.csv"), []
        hand = {"injection_id": row["id"], "analyte": row["analyte"]}
        if row["level"] == "peak" and events.matching(hand):
            events.remove(hand)
            return replace(entry, wrote="integration_events.csv"), []
        return entry, [
            Problem(
                shown,
                where,
                f"'restore' of {what}, for which no table has a row",
                "something that a row of exclusions.csv (for a peak also of "
                "integration_events.csv) decided",
                "Remove the row.",
            )
        ]
    if row["decision"] in ("limits", "not_a_peak"):
        new = {
            "injection_id": row["id"],
            "analyte": row["analyte"],
            "event": "limits" if row["decision"] == "limits" else "delete_peak",
            "start_min": row["start_min"],
            "end_min": row["end_min"],
            "reason": ": ".join(filter(None, (row["reason_code"], row["reason_text"]))),
            "decided_by": row["decided_by"],
            "decided_on": row["decided_on"],
        }
        if not events.holds(new):
            events.add(new)
        return replace(entry, wrote="integration_events.csv"), []
    return entry, []


_COPIED = (
    *_TARGET,
    "decision_id",
    "decision",
    "reason_code",
    "reason_text",
    "decided_by",
    "decided_on",
    "bundle",
)


@dataclass
class _CsvTable:
    """A table of the lab, with its own columns in its own order, so that rows stay as they are."""

    header: list[str]
    rows: list[list[str]]
    added: list[Row]
    removed: int = 0
    delimiter: str = ","

    @classmethod
    def read(cls, path: Path, table: Table) -> _CsvTable:
        """Read a table that `load_study` has found to be right; its whole header without a file."""
        if not path.is_file():
            return cls(list(table.column_names), [], [])
        sheet = read_csv_sheet(path, path.name)
        lines = [list(cells) for _, cells in sheet.rows if any(cells)]
        return cls(lines[0], lines[1:], [], delimiter=sheet.delimiter)

    @property
    def changed(self) -> bool:
        """Whether a row was added or removed."""
        return bool(self.added or self.removed)

    def matching(self, wanted: Row) -> list[Row]:
        """Rows that have these values; a column that is not there is empty."""
        rows = [dict(zip(self.header, row, strict=False)) for row in self.rows]
        return [r for r in rows if all(r.get(name, "") == value for name, value in wanted.items())]

    def holds(self, row: Row) -> bool:
        """Whether exactly this row is there."""
        return bool(self.matching(row))

    def add(self, row: Row) -> None:
        """Append a row; columns it needs are added to the table."""
        new = [name for name, value in row.items() if value and name not in self.header]
        self.header += new
        self.rows = [[*cells, *[""] * (len(self.header) - len(cells))] for cells in self.rows]
        self.rows.append([row.get(name, "") for name in self.header])
        self.added.append(row)

    def remove(self, wanted: Row) -> None:
        """Take the rows out that have these values."""
        gone = self.matching(wanted)
        self.removed += len(gone)
        self.rows = [r for r in self.rows if dict(zip(self.header, r, strict=False)) not in gone]

    def text(self) -> str:
        """The table as CSV."""
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self.delimiter, lineterminator="\n").writerows(
            [self.header, *self.rows]
        )
        return out.getvalue()


def _refuse_sheets(study: Study, changed: Iterable[str], file: Path) -> None:
    """Sheets of a workbook are the lab's: a program that saved them would change their looks."""
    for name in changed:
        shown = study.shown.get(name.removesuffix(".csv"), "")
        if ".xlsx" in shown:
            raise DecisionError(
                f"{file} can't be imported: {shown} holds the table {name} would be a second time; "
                f"expected the table as config/{study.name}/{name}. Save that sheet as CSV UTF-8 "
                "under this name and delete it from the workbook."
            )


def _check_study(root: Path, name: str, texts: Mapping[str, str], file: Path) -> None:
    """Check the study as it would be, in a copy of its configuration."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch)
        shutil.copytree(root / "config" / name, copy / "config" / name)
        if (root / "raw").is_dir():
            (copy / "raw").symlink_to((root / "raw").resolve(), target_is_directory=True)
        for table, text in texts.items():
            write_text(copy / "config" / name / table, text)
        _, problems = examine_study(copy, name)
    if problems:
        raise DecisionError(
            problems_text(problems, f"{file} can't be imported: the study would not run with it")
        )
