"""The decision log of a study: `config/<study>/decisions.jsonl`, one JSON object per line.

Lines are only ever appended.  Each holds the SHA-256 of the line before it, so a line that was
changed or taken out later shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from dialysis.errors import DecisionError
from dialysis.files import write_text
from dialysis.tables.inputs import REASON_CODES
from dialysis.words import reason_words

LOG_FILE = "decisions.jsonl"
LOCK = "lock"
DECIDE = "decide"

# What can be decided about what.  `reject` and `restore` of these levels are rows of
# exclusions.csv, `limits` and `not_a_peak` rows of integration_events.csv.
EXCLUDABLE = ("injection", "peak", "fraction", "probe", "animal")
LEVELS = ("figure", *EXCLUDABLE)
DECISIONS = ("accept", "reject", "comment", "restore", "limits", "not_a_peak")
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "figure": ("accept", "reject", "comment"),
    "injection": ("accept", "reject", "restore", "comment"),
    "peak": ("accept", "reject", "restore", "limits", "not_a_peak", "comment"),
    "fraction": ("accept", "reject", "restore", "comment"),
    "probe": ("accept", "reject", "restore", "comment"),
    "animal": ("accept", "reject", "restore", "comment"),
}
DECISION_WORDS: Mapping[str, str] = {
    "accept": "Accept as it is",
    "reject": "Reject: leave it out",
    "restore": "Put back what was left out",
    "limits": "Integrate between other limits",
    "not_a_peak": "Not a peak: delete it",
    "comment": "Comment only",
}
REASON_WORDS: Mapping[str, str] = {code: reason_words(code) for code in REASON_CODES} | {
    "histology": "histology: probe not where it should be",
    "other": "other: say it in words",
}
# Columns of decisions.csv, as the review site exports it.
COLUMNS = (
    "study",
    "bundle",
    "decision_id",
    "level",
    "id",
    "analyte",
    "decision",
    "reason_code",
    "reason_text",
    "start_min",
    "end_min",
    "decided_by",
    "decided_on",
    "blinded",
)


@dataclass(frozen=True)
class Entry:
    """One line of the log.

    Parameters
    ----------
    n : int
        Number of the line, from 1.
    action : {"decide", "lock"}
        A decision, or the lock after which groups and statistics are shown.
    decision_id : str
        Name that the review site gave the decision; empty for a lock.
    level, id, analyte : str
        What was decided about: a level of `LEVELS`, and its name.
    decision : str
        One of `DECISIONS`; empty for a lock.
    reason_code, reason_text : str
        Why.
    start_min, end_min : float or None
        New limits, min.
    decided_by, decided_on : str
        Who, and when (YYYY-MM-DD).
    blinded : bool
        Whether groups and statistics were hidden from whom decided.
    bundle : str
        Hash of the results that were looked at.
    wrote : str
        Table the decision changed; empty for none.
    before : str
        SHA-256 of the line before; empty in the first.
    """

    n: int
    action: str
    decision_id: str = ""
    level: str = ""
    id: str = ""
    analyte: str = ""
    decision: str = ""
    reason_code: str = ""
    reason_text: str = ""
    start_min: float | None = None
    end_min: float | None = None
    decided_by: str = ""
    decided_on: str = ""
    blinded: bool = False
    bundle: str = ""
    wrote: str = ""
    before: str = ""

    @property
    def target(self) -> tuple[str, str, str]:
        """What was decided about: level, id, analyte."""
        return (self.level, self.id, self.analyte)

    def line(self) -> str:
        """The entry as a line of the log, without its line end."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)


def log_path(config_dir: Path) -> Path:
    """Place of the log of a study."""
    return config_dir / LOG_FILE


def read_log(path: Path) -> list[Entry]:
    """Read a log; a file that is not there is a log without entries.

    Raises
    ------
    DecisionError
        If a line can't be read, or was changed or taken out after it was written.
    """
    return parse_log(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else []


def parse_log(text: str, shown: str) -> list[Entry]:
    """Read the text of a log.

    Parameters
    ----------
    text : str
        Lines of the log.
    shown : str
        How the file is named in messages.

    Raises
    ------
    DecisionError
        If a line can't be read, or was changed or taken out after it was written.
    """
    known = {field.name for field in fields(Entry)}
    entries: list[Entry] = []
    before = ""
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise DecisionError(
                f"{shown}, line {number}: found a line that is not a decision; expected an object "
                f"with {', '.join(sorted(known))}. Take the file back from a copy: lines of the "
                "log are never edited."
            ) from error
        if entry.n != number or entry.before != before:
            raise DecisionError(
                f"{shown}, line {number}: found a line that does not follow the one before it; "
                "expected the lines as they were written. The log was edited: take it back from "
                "a copy, and decide anew with 'dialysis decisions import'."
            )
        before = _hash(line)
        entries.append(entry)
    return entries


def append_entries(path: Path, new: Iterable[Entry]) -> list[Entry]:
    """Append entries, atomically; number and hash are given here.

    Returns
    -------
    list of Entry
        The entries as they were written.
    """
    entries = read_log(path)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before = _hash(entries[-1].line()) if entries else ""
    written = []
    for number, entry in enumerate(new, start=len(entries) + 1):
        placed = Entry(**(asdict(entry) | {"n": number, "before": before}))
        line = placed.line()
        before = _hash(line)
        text += f"{line}\n"
        written.append(placed)
    write_text(path, text)
    return written


def locked(entries: Iterable[Entry]) -> Entry | None:
    """The lock, when there is one."""
    return next((entry for entry in entries if entry.action == LOCK), None)


def is_blind(review: Mapping[str, object], entries: Iterable[Entry]) -> bool:
    """Whether groups and statistics are to be hidden: a blinded review without a lock.

    Parameters
    ----------
    review : mapping
        The section of study.yaml.
    entries : iterable of Entry
        The log.
    """
    return bool(review["blinded"]) and locked(entries) is None


def in_force(entries: Iterable[Entry]) -> dict[tuple[str, str, str], Entry]:
    """The last decision about each thing; comments stand beside others and don't replace them."""
    last: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        if entry.action == DECIDE and entry.decision != "comment":
            last[entry.target] = entry
    return last


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode("utf-8")).hexdigest()
