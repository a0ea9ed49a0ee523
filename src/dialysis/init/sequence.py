"""HPLC runs and the order in them, from folders and injection times."""

from __future__ import annotations

import itertools
import re
import statistics
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dialysis.init.survey import Injected, natural_key

# A run ends where the next injection is this long after, and this many usual cycles.
BREAK_HOURS = 6.0
BREAK_CYCLES = 8.0


@dataclass(frozen=True, eq=False)
class Placed:
    """An injection with its place in a run."""

    run: str
    order: int
    item: Injected

    @property
    def injection_id(self) -> str:
        """Name of the injection."""
        return f"{self.run}_{self.order:03d}"


def place_injections(items: Sequence[Injected]) -> tuple[list[Placed], list[str]]:
    """Divide injections into runs and put them in order.

    Parameters
    ----------
    items : sequence of Injected
        All injections.

    Returns
    -------
    placed : list of Placed
        By run and order.
    notes : list of str
        On what runs and order rest.

    Notes
    -----
    Injections of one folder belong together; a folder is parted where nothing was injected for
    `BREAK_HOURS` and `BREAK_CYCLES` times the usual cycle.  Where an injection of a folder has no
    time the order is that of the file names, numbers in them counted.
    """
    folders: dict[str, list[Injected]] = {}
    for item in items:
        folders.setdefault(item.folder, []).append(item)
    by_name = 0
    parts: list[tuple[str, list[Injected]]] = []
    for folder, own in folders.items():
        if all(item.injected_at for item in own):
            own.sort(key=lambda item: (_wall_clock(item), item.files))
            parts += [(folder, part) for part in _parted(own)]
        else:
            by_name += len(own)
            own.sort(key=lambda item: natural_key(item.files[0] if item.files else item.stem))
            parts.append((folder, own))
    parts.sort(key=lambda part: (part[1][0].injected_at or "", natural_key(part[0])))
    names = _run_names([folder for folder, _ in parts])
    placed = [
        Placed(name, order, item)
        for name, (_, own) in zip(names, parts, strict=True)
        for order, item in enumerate(own, start=1)
    ]
    several = len(folders) > 1
    rest = "a run is a subfolder" if several else "all are in one folder"
    if len(parts) > len(folders):
        rest += f", parted where nothing was injected for {BREAK_HOURS:g} h"
    if by_name == len(items):
        order = "the order is that of the file names: the exports have no injection times"
    elif by_name:
        order = (
            f"the order is that of the injection times, but of the file names for {by_name} "
            "injections in folders where exports have no time"
        )
    else:
        order = "the order is that of the injection times"
    return placed, [f"{rest}; {order}"]


def _wall_clock(item: Injected) -> datetime:
    return datetime.fromisoformat(item.injected_at).replace(tzinfo=None)


def _parted(own: Sequence[Injected]) -> list[list[Injected]]:
    times = [_wall_clock(item) for item in own]
    gaps = [(b - a).total_seconds() / 3600 for a, b in itertools.pairwise(times)]
    if not gaps:
        return [list(own)]
    longest = max(BREAK_HOURS, BREAK_CYCLES * statistics.median(gaps))
    parts = [[own[0]]]
    for item, gap in zip(own[1:], gaps, strict=True):
        if gap > longest:
            parts.append([])
        parts[-1].append(item)
    return parts


def _run_names(folders: Sequence[str]) -> list[str]:
    """Names safe in file names: those of the folders, or run01, run02, …"""
    made = []
    for number, folder in enumerate(folders, start=1):
        made.append(safe_name(folder) if folder else f"run{number:02d}")
    out: list[str] = []
    for name in made:
        same = made.count(name) > 1
        count = sum(other.startswith(f"{name}-") for other in out) + 1
        out.append(f"{name}-{count}" if same else name)
    return out


def safe_name(text: str) -> str:
    """Letters, digits, '.', '_' and '-' that are nearest to a text."""
    for letters, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("µ", "u")):
        text = text.replace(letters, plain).replace(letters.upper(), plain.capitalize())
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.-]+", "_", ascii_text).strip("_.-") or "run"
