"""Compare what is on disk with what the sidecars say it was made from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialysis.files import read_json, write_json
from dialysis.provenance import SIDECAR, path_state, read_sidecar, sha256_path
from dialysis.stamps import raw_hashes, stamp_hashes, stamp_texts
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
    state : {"current", "stale", "altered"}
        Stale: something it was made from is another now.  Altered: a file in it is not what the
        rule wrote.
    because : tuple of str
        What changed.
    """

    folder: str
    rule: str
    state: str
    because: tuple[str, ...]


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
    return folder_states(study, stamp_hashes(study, texts), sha256_path)


def folder_states(
    study: Study, stamps: Mapping[str, str], hasher: Callable[[Path], str]
) -> list[FolderState]:
    """State of every folder of outputs, upstream first.

    Parameters
    ----------
    study : Study
        The study.
    stamps : mapping of str to str
        sha256 of every stamp as it is now, by path relative to the study's root.
    hasher : callable
        sha256 of a file.
    """
    prefix = study.results_dir.relative_to(study.root).as_posix()
    sidecars = {
        path.parent.relative_to(study.root).as_posix(): read_sidecar(path.parent)
        for path in sorted(study.results_dir.rglob(SIDECAR))
    }
    states: dict[str, FolderState] = {}
    for folder in _upstream_first(sidecars):
        sidecar = sidecars[folder]
        altered = _changed_outputs(study.root / folder, sidecar["outputs"], hasher)
        stale = _changed_inputs(study.root, sidecar, stamps, states, hasher)
        states[folder] = FolderState(
            Path(folder).relative_to(prefix).as_posix(),
            sidecar["rule"],
            "altered" if altered else "stale" if stale else "current",
            tuple(altered + stale),
        )
    return list(states.values())


def settle_results(study: Study, stamps: Mapping[str, str]) -> list[str]:
    """Make modification times say what the contents say, before Snakemake compares them.

    Results that were copied, touched or restored have times that tell nothing.  Outputs that are
    current become newer than their inputs, stale ones older, so that exactly the stale ones are
    made again.  A result that was changed by hand is kept under the name ``<name>.altered`` and
    made again.

    Parameters
    ----------
    study : Study
        The study.
    stamps : mapping of str to str
        From `dialysis.stamps.write_stamps`.

    Returns
    -------
    list of str
        A note for every result that had been changed by hand.
    """
    hasher = CachedHasher(study.results_dir / ".stamps" / "hash_cache.json", study.root)
    states = folder_states(study, stamps, hasher)
    notes = []
    for state in states:
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


def _changed_inputs(
    root: Path,
    sidecar: dict[str, Any],
    stamps: Mapping[str, str],
    states: Mapping[str, FolderState],
    hasher: Callable[[Path], str],
) -> list[str]:
    changes = []
    for name, digest in sidecar["stamps"].items():
        short = name.split("/.stamps/")[1]
        if name not in stamps:
            changes.append(f"{short} is no longer part of the study")
        elif stamps[name] != digest:
            changes.append(f"{short} changed")
    upstream = dict.fromkeys(_folder(name) for name in sidecar["inputs"])
    not_current = [
        folder for folder in upstream if folder in states and states[folder].state != "current"
    ]
    changes += [f"{states[folder].folder} is {states[folder].state}" for folder in not_current]
    for name, digest in sidecar["inputs"].items():
        if _folder(name) in not_current:
            continue
        if not (root / name).exists():
            changes.append(f"{name} is gone")
        elif hasher(root / name) != digest:
            changes.append(f"{name} changed")
    return changes
