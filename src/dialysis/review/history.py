"""The bundles a study has had, so that a page can say what changed.

`results/<study>/history/NNNN-<hash>.json.gz` holds one bundle each: what changed against the one
before, and, for the last two, the record that the next is compared with.  A bundle is added when
its record differs from the last one's, so a rerun on the same inputs adds nothing and is compared
with the same bundle as before: equal bytes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dialysis.decisions import Entry
from dialysis.errors import TableError
from dialysis.files import canonical_json, write_bytes
from dialysis.review.changes import compare
from dialysis.review.snapshot import bundle_hash

# Bundles whose whole record is kept: the last, and the one it is compared with.
_KEPT = 2


@dataclass(frozen=True)
class Bundle:
    """One bundle of the history.

    Parameters
    ----------
    number : int
        From 1.
    hash : str
        Name of the bundle.
    changes : mapping or None
        From `dialysis.review.changes.compare`; None for the first.
    record : mapping or None
        What is compared; None where it is no longer kept.
    """

    number: int
    hash: str
    changes: dict[str, Any] | None
    record: dict[str, Any] | None

    @property
    def file(self) -> str:
        """Its file name."""
        return f"{self.number:04d}-{self.hash}.json.gz"


def read_history(folder: Path) -> list[Bundle]:
    """Read the bundles of a study, the oldest first.

    Raises
    ------
    TableError
        If a file can't be read.
    """
    bundles = []
    for path in sorted(folder.glob("[0-9]*.json.gz")):
        try:
            bundles.append(Bundle(**json.loads(gzip.decompress(path.read_bytes()))))
        except (OSError, EOFError, ValueError, TypeError) as error:
            raise TableError(
                f"{path}: found a file that is not the record of a bundle ({error}); expected one "
                "that the review wrote. Delete it: only what it says of earlier bundles is lost."
            ) from error
    return bundles


def record_bundle(folder: Path, record: dict[str, Any], log: Sequence[Entry]) -> list[Bundle]:
    """Add a bundle to the history unless it is the last one already.

    Parameters
    ----------
    folder : Path
        The history.
    record : dict
        From `dialysis.review.snapshot.snapshot`.
    log : sequence of Entry
        The decision log.

    Returns
    -------
    list of Bundle
        All of them, this one last.
    """
    bundles = read_history(folder)
    name = bundle_hash(record)
    if bundles and bundles[-1].hash == name:
        return bundles
    before = bundles[-1] if bundles else None
    changes = compare(before.record, record, log) if before and before.record else None
    new = Bundle(before.number + 1 if before else 1, name, changes, record)
    _write(folder, new)
    for old in bundles[: -(_KEPT - 1)]:
        if old.record is not None:
            _write(folder, replace(old, record=None, changes=_shortened(old.changes)))
    # As it will be read again: the order of what JSON sorts must not depend on who reads it.
    return read_history(folder)


def changed_since(history: Sequence[Bundle], name: str, outcome: str) -> bool:
    """Whether the figure of an outcome is another than in an earlier bundle.

    Parameters
    ----------
    history : sequence of Bundle
        The oldest first.
    name : str
        Hash of the bundle that was looked at.
    outcome : str
        Slug of the outcome.

    Returns
    -------
    bool
        True where a number of the outcome or an option of the figures changed since, and where
        the history does not go back to that bundle: then nobody can say.
    """
    places = [place for place, bundle in enumerate(history) if bundle.hash == name]
    if not places:
        return True
    for bundle in history[places[-1] + 1 :]:
        changes = bundle.changes
        if changes is None or outcome in changes["outcomes"]:
            return True
        if any(str(change["what"]).startswith("figures.") for change in changes["config"]):
            return True
    return False


def _shortened(changes: dict[str, Any] | None) -> dict[str, Any] | None:
    """Changes without their cells, which the page shows of the last bundle only."""
    return None if changes is None else changes | {"cells": []}


def _write(folder: Path, bundle: Bundle) -> None:
    text = canonical_json(
        {
            "number": bundle.number,
            "hash": bundle.hash,
            "changes": bundle.changes,
            "record": bundle.record,
        }
    )
    write_bytes(folder / bundle.file, gzip.compress(text.encode("utf-8"), 6, mtime=0))
