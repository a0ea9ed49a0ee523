"""Compare what is on disk with what the sidecars say it was made from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialysis.files import read_json, write_json
from dialysis.provenance import SIDECAR, path_state, read_sidecar, sha256_path, sha256_text
from dialysis.stages import STAGE_RULES, stages_of
from dialysis.stamps import raw_hashes, stamp_change, stamp_hashes, stamp_texts
from dialysis.study.load import Study

# Older than anything, so that Snakemake makes the file again.
_LONG_AGO_NS = 1_000_000_000


@dataclass(frozen=True)
class FolderState:
    """State of one folder of outputs.

    Parameters
    ----------
    folder : str
        Relative to ``results/<study>/``.
    rule : str
        The rule that made it.
    state : {"current", "stale", "altered", "missing", "left over"}
        Stale: something it was made from is another now.  Altered: a file in it is not what the
        rule wrote.  Missing: the study needs it and it is not there.  Left over: it is of a stage,
        run or outcome that the study doesn't have any more, and nothing reads it.
    because : tuple of str
        What changed.
    exports : tuple of str
        Files under raw/ that are another now than when they were read, relative to the root.
    """

    folder: str
    rule: str
    state: str
    because: tuple[str, ...]
    exports: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        """The stage it belongs to."""
        return next((stage for stage, rule in STAGE_RULES.items() if rule == self.rule), self.rule)


def verify_study(study: Study, code_root: Path) -> list[FolderState]:
    """Recompute every hash from the exports to the review page.

    Parameters
    ----------
    study : Study
        A study that passed its checks.
    code_root : Path
        Folder of the Snakefile, where the code is.

    Returns
    -------
    list of FolderState
        One per folder of outputs, upstream first.

    Notes
    -----
    Stamps are compared with what they would hold now, whether or not they have been written yet,
    so an edit of the configuration shows before the next run.  Hash caches are not trusted.
    """
    texts = stamp_texts(study, code_root, raw_hashes(study, cached=False))
    return folder_states(study, texts, sha256_path)


def quick_states(study: Study, code_root: Path) -> list[FolderState]:
    """Like `verify_study`, but files of unchanged size and time count as unchanged."""
    hasher = CachedHasher(hash_cache(study), study.root)
    states = folder_states(study, stamp_texts(study, code_root, raw_hashes(study)), hasher)
    hasher.save()
    return states


def hash_cache(study: Study) -> Path:
    """Where hashes of results are kept between runs."""
    return study.results_dir / ".stamps" / "hash_cache.json"


def folder_states(
    study: Study, texts: Mapping[str, str], hasher: Callable[[Path], str]
) -> list[FolderState]:
    """State of every folder of outputs, upstream first.

    Parameters
    ----------
    study : Study
        The study.
    texts : mapping of str to str
        Content of every stamp as it is now, from `dialysis.stamps.stamp_texts`.
    hasher : callable
        sha256 of a file.
    """
    prefix = study.results_dir.relative_to(study.root).as_posix()
    stamps = stamp_hashes(study, texts)
    sidecars = {
        path.parent.relative_to(study.root).as_posix(): read_sidecar(path.parent)
        for path in sorted(study.results_dir.rglob(SIDECAR))
    }
    expected = expected_folders(study)
    states: dict[str, FolderState] = {}
    for folder in _upstream_first(sidecars):
        sidecar = sidecars[folder]
        short = Path(folder).relative_to(prefix).as_posix()
        odd = _left_over(study, short, sidecar)
        if odd:
            states[folder] = FolderState(short, sidecar["rule"], "left over", (odd,))
            continue
        altered = _changed_outputs(study.root / folder, sidecar["outputs"], hasher)
        stamped = _changed_stamps(study, sidecar, texts, stamps)
        inputs, exports = _changed_inputs(study, sidecar, states, hasher)
        if exports:
            listed = f"the exports of {Path(short).name} are others"
            stamped = [reason for reason in stamped if reason != listed]
        stale = stamped + inputs
        states[folder] = FolderState(
            short,
            sidecar["rule"],
            "altered" if altered else "stale" if stale else "current",
            tuple(altered + stale),
            tuple(exports),
        )
    found = {state.folder for state in states.values()}
    missing = [
        FolderState(folder, STAGE_RULES[stage], "missing", ("not made yet",))
        for folder, stage in expected.items()
        if folder not in found
    ]
    order = list(STAGE_RULES.values())
    return sorted(
        [*states.values(), *missing],
        key=lambda state: order.index(state.rule) if state.rule in order else len(order),
    )


def expected_folders(study: Study) -> dict[str, str]:
    """Folders that a finished study has, relative to its results, and the stage of each."""
    slugs = [outcome.slug for outcome in study.outcomes]
    inside = {
        "ingest": [f"ingest/{run}" for run in study.runs],
        "integrate": [f"integrate/{run}" for run in study.runs],
        "stats": [f"stats/{slug}" for slug in slugs],
        "figures": [f"figures/{slug}" for slug in (*slugs, "study")],
        "figures_qc": ["figures/qc"],
    }
    return {
        folder: stage for stage in stages_of(study.start) for folder in inside.get(stage, [stage])
    }


def _left_over(study: Study, folder: str, sidecar: Mapping[str, Any]) -> str:
    """Why nothing of the study makes a folder any more; empty when something does."""
    stage, _, name = folder.partition("/")
    if stage in STAGE_RULES and stage not in stages_of(study.start):
        return f"the study starts from {study.start}: it has no stage {stage} any more"
    if stage in ("ingest", "integrate") and name not in study.runs:
        return f"injections.csv has no run {name} any more"
    of_outcome = stage == "stats" or f"{name}_timecourse.pdf" in sidecar["outputs"]
    if of_outcome and name not in {outcome.slug for outcome in study.outcomes}:
        return f"the study has no outcome {name} any more"
    return ""


def settle_results(study: Study, texts: Mapping[str, str]) -> list[str]:
    """Make modification times say what the contents say, before Snakemake compares them.

    Results that were copied, touched or restored have times that tell nothing.  Outputs that are
    current become newer than their inputs, stale ones older, so that exactly the stale ones are
    made again.  A result that was changed by hand is kept under the name ``<name>.altered`` and
    made again.

    Parameters
    ----------
    study : Study
        The study.
    texts : mapping of str to str
        From `dialysis.stamps.write_stamps`.

    Returns
    -------
    list of str
        A note for every result that had been changed by hand.
    """
    hasher = CachedHasher(hash_cache(study), study.root)
    states = folder_states(study, texts, hasher)
    notes = []
    for state in states:
        if state.state in ("missing", "left over"):
            continue
        folder = study.results_dir / state.folder
        sidecar = read_sidecar(folder)
        outputs = [folder / name for name in (*sidecar["outputs"], SIDECAR)]
        if state.state == "altered":
            notes += _set_aside(study.root, folder, sidecar["outputs"], hasher)
        elif state.state == "stale":
            _set_times([path for path in outputs if path.is_file()], _LONG_AGO_NS)
        else:
            inputs = [study.root / name for name in (*sidecar["inputs"], *sidecar["stamps"])]
            newest = max(
                path.stat().st_mtime_ns for path in inputs if not path.is_relative_to(study.raw_dir)
            )
            if newest > min(path.stat().st_mtime_ns for path in outputs):
                _set_times(outputs, time.time_ns())
    hasher.save()
    return notes


class CachedHasher:
    """sha256 of files, taken again only when size or modification time changed.

    Parameters
    ----------
    cache_file : Path
        Where the hashes are kept; it may be deleted.
    root : Path
        Paths in the cache are relative to it.
    """

    def __init__(self, cache_file: Path, root: Path) -> None:
        self._file = cache_file
        self._root = root
        self._known: dict[str, Any] = read_json(cache_file) if cache_file.is_file() else {}
        self._fresh: dict[str, Any] = {}

    def __call__(self, path: Path) -> str:
        """Return the sha256 of a file, or of a folder that is one export."""
        state = path_state(path)
        name = path.relative_to(self._root).as_posix()
        entry = self._known.get(name)
        if not entry or entry[:2] != state:
            entry = [*state, sha256_path(path)]
        self._fresh[name] = entry
        return str(entry[2])

    def save(self) -> None:
        """Keep the hashes of the files asked for."""
        if self._fresh != self._known:
            write_json(self._file, self._fresh)


def _set_times(paths: Iterable[Path], time_ns: int) -> None:
    for path in paths:
        os.utime(path, ns=(time_ns, time_ns))


def _set_aside(
    root: Path, folder: Path, outputs: Mapping[str, str], hasher: Callable[[Path], str]
) -> list[str]:
    notes = []
    for name, digest in outputs.items():
        path = folder / name
        if path.is_file() and hasher(path) != digest:
            kept = path.with_name(f"{name}.altered")
            path.replace(kept)
            notes.append(
                f"{path.relative_to(root).as_posix()} was changed by hand: it is kept as "
                f"{kept.name} and made again."
            )
    return notes


def _upstream_first(sidecars: dict[str, dict[str, Any]]) -> list[str]:
    """Order folders so that each comes after those its inputs are in."""
    ordered: list[str] = []
    waiting = dict.fromkeys(sidecars)
    while waiting:
        ready = [
            folder
            for folder in waiting
            if not {_folder(name) for name in sidecars[folder]["inputs"]} & set(waiting) - {folder}
        ]
        for folder in ready or list(waiting):
            ordered.append(folder)
            del waiting[folder]
    return ordered


def _folder(name: str) -> str:
    return Path(name).parent.as_posix()


def _changed_outputs(
    folder: Path, outputs: Mapping[str, str], hasher: Callable[[Path], str]
) -> list[str]:
    changes = []
    for name, digest in outputs.items():
        if not (folder / name).is_file():
            changes.append(f"{name} is gone")
        elif hasher(folder / name) != digest:
            changes.append(f"{name} is not what the pipeline wrote")
    return changes


def _changed_stamps(
    study: Study, sidecar: dict[str, Any], texts: Mapping[str, str], stamps: Mapping[str, str]
) -> list[str]:
    changes = []
    for name, digest in sidecar["stamps"].items():
        short = name.split("/.stamps/")[1]
        if stamps.get(name) == digest:
            continue
        written = study.root / name
        before = written.read_text(encoding="utf-8") if written.is_file() else ""
        known = before if sha256_text(before) == digest else ""
        changes.append(stamp_change(short, known, texts.get(short)))
    return changes


def _changed_inputs(
    study: Study,
    sidecar: dict[str, Any],
    states: Mapping[str, FolderState],
    hasher: Callable[[Path], str],
) -> tuple[list[str], list[str]]:
    """What changed of the results and exports that a folder was made from; the exports of it."""
    changes = []
    exports = []
    upstream = dict.fromkeys(_folder(name) for name in sidecar["inputs"])
    not_current = [
        folder for folder in upstream if folder in states and states[folder].state != "current"
    ]
    changes += [f"{states[folder].folder} is {states[folder].state}" for folder in not_current]
    for name, digest in sidecar["inputs"].items():
        path = study.root / name
        if _folder(name) in not_current:
            continue
        raw = path.is_relative_to(study.raw_dir)
        if not path.exists():
            changes.append(f"{name} is gone")
        elif hasher(path) != digest:
            since = " since it was read" if raw else ""
            changes.append(f"{name} changed{since}")
        else:
            continue
        if raw:
            exports.append(name)
    return changes, exports
