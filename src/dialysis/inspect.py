"""What export files hold, before there is a study: the first thing to run on a lab's folder."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dialysis.chromatogram import Chromatogram, VendorReport
from dialysis.errors import Problem
from dialysis.files import canonical_json
from dialysis.ingest import READERS, BadExport, Reader
from dialysis.ingest.exports import HEAD_BYTES, Export, read_export
from dialysis.ingest.pairing import same_injection
from dialysis.words import counted, shortened

JSON_SCHEMA = "dialysis.inspect/1"
_MOST_FILES = 6
_MOST_TIMES = 3
_MOST_NAMES = 20


@dataclass(frozen=True)
class Found:
    """One detector channel of one injection, as its export has it.

    Parameters
    ----------
    file, format, section : str
        Where it is, and the reader that read it.
    trace : bool
        Whether there is a trace; without one it is a vendor's report.
    channel, detector, sample_name, vial, method, unit : str
        As the export gives them.
    injected_at, injected_at_note : str
        Injection time, ISO 8601, and what was assumed about it.
    dilution, injection_uL : float or None
        As the export gives them.
    n_points : int
        Points of the trace; 0 without one.
    interval_s, first_min, last_min, signal_min, signal_max : float or None
        Of the trace.
    uniform : bool or None
        Whether its points are equally spaced.
    n_vendor_peaks, n_vendor_areas : int
        Peaks of the vendor's integration, and how many of them have an area.
    vendor_names : tuple of str
        Names the vendor gave to peaks.
    header : tuple of str
        Keys of the header that were not understood.
    """

    file: str
    format: str
    section: str
    trace: bool
    channel: str
    detector: str
    sample_name: str
    vial: str
    method: str
    unit: str
    injected_at: str
    injected_at_note: str
    dilution: float | None
    injection_uL: float | None
    n_points: int
    interval_s: float | None
    uniform: bool | None
    first_min: float | None
    last_min: float | None
    signal_min: float | None
    signal_max: float | None
    n_vendor_peaks: int
    n_vendor_areas: int
    vendor_names: tuple[str, ...]
    header: tuple[str, ...]

    @classmethod
    def of(cls, item: Chromatogram | VendorReport) -> Found:
        """Summarise a trace or report."""
        peaks = item.vendor_peaks
        trace: dict[str, Any] = {
            "n_points": 0,
            **dict.fromkeys(
                ("interval_s", "uniform", "first_min", "last_min", "signal_min", "signal_max")
            ),
        }
        if isinstance(item, Chromatogram):
            times = item.times_s
            trace = {
                "n_points": item.n_points,
                "interval_s": float(item.interval_s),
                "uniform": item.uniform,
                "first_min": float(times[0]) / 60,
                "last_min": float(times[-1]) / 60,
                "signal_min": float(item.signal.min()),
                "signal_max": float(item.signal.max()),
            }
        return cls(
            file=item.file,
            format=item.format,
            section=item.section,
            trace=isinstance(item, Chromatogram),
            channel=item.channel,
            detector=item.detector,
            sample_name=item.sample_name,
            vial=item.vial,
            method=item.method,
            unit=item.unit,
            injected_at=item.injected_at,
            injected_at_note=item.injected_at_note,
            dilution=item.dilution,
            injection_uL=item.injection_uL,
            n_vendor_peaks=len(peaks),
            n_vendor_areas=sum(peak.area is not None for peak in peaks),
            vendor_names=tuple(peak.name for peak in peaks if peak.name),
            header=tuple(item.header),
            **trace,
        )


@dataclass(frozen=True)
class Inspection:
    """What was found in files and folders.

    Parameters
    ----------
    found : tuple of Found
        In the order of the files and of what they hold.
    problems : tuple of Problem
        Files that can't be read; one each.
    unknown : mapping of str to tuple of str
        Files that are no exports, by ending.
    hashes : mapping of str to str
        sha256 of every file that was read.
    folder : str
        The folder that was searched, when it was one; empty for several or for files.
    """

    found: tuple[Found, ...]
    problems: tuple[Problem, ...]
    unknown: Mapping[str, tuple[str, ...]]
    hashes: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    @property
    def good(self) -> bool:
        """Whether there is an export and no file had a problem."""
        return bool(self.found) and not self.problems

    @property
    def same_names(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Sample names with several injection times: (time, file) of each, by time."""
        by_name: dict[str, list[Found]] = {}
        for item in self.found:
            if item.sample_name and item.injected_at:
                by_name.setdefault(item.sample_name, []).append(item)
        distinct = {name: _distinct(items) for name, items in by_name.items()}
        return {name: times for name, times in sorted(distinct.items()) if len(times) > 1}

    @property
    def same_content(self) -> tuple[tuple[str, ...], ...]:
        """Files with equal bytes."""
        by_hash: dict[str, list[str]] = {}
        for file, digest in self.hashes.items():
            by_hash.setdefault(digest, []).append(file)
        return tuple(tuple(files) for files in by_hash.values() if len(files) > 1)


def _distinct(items: Sequence[Found]) -> tuple[tuple[str, str], ...]:
    """Injection times and their files; a trace and its report, which prints minutes, are one."""
    kept: dict[str, str] = {}
    for item in sorted(items, key=lambda item: (not item.trace, item.injected_at)):
        if not any(same_injection(item.injected_at, time) for time in kept):
            kept[item.injected_at] = item.file
    return tuple(sorted(kept.items()))


def inspect_files(
    paths: Sequence[Path],
    format: str = "auto",
    readers: Sequence[Reader] = READERS,
    seen: Callable[[Chromatogram], None] | None = None,
    each: Callable[[Chromatogram | VendorReport], None] | None = None,
) -> Inspection:
    """Read every export in files and folders, and say what each holds.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders that are one export (``.D``, ``.raw``), and folders that are searched with
        all their subfolders.  Names that begin with a dot are passed over.
    format : str
        Key of a reader, or ``"auto"``.
    readers : sequence of Reader
        Readers to choose from.
    seen : callable, optional
        Called with every trace, which is then forgotten.
    each : callable, optional
        Called with every trace and every report without one.

    Returns
    -------
    Inspection
        A file in a folder that no reader claims is unknown, unless others of its ending were
        read: then it is a problem, like every file that a reader claims and can't read, and
        every file that was named itself.

    Notes
    -----
    A progress bar goes to standard error when that is a terminal.
    """
    found: list[Found] = []
    failed: list[tuple[str, Problem, bool]] = []
    hashes: dict[str, str] = {}
    files = list(_files(paths, readers))
    for path, named in tqdm(files, desc="reading", unit="file", file=sys.stderr, disable=None):
        try:
            export = read_export(path, format, readers)
        except BadExport as error:
            claimed = named or format != "auto" or _claimed(path, readers)
            failed.append((path.as_posix(), error.problem, claimed))
            continue
        hashes[path.as_posix()] = export.sha256
        found += [Found.of(item) for item in _items(export)]
        if seen is not None:
            for trace in export.chromatograms:
                seen(trace)
        if each is not None:
            for item in _items(export):
                each(item)
    endings = {Path(file).suffix.lower() for file in hashes}
    problems: list[Problem] = []
    unknown: dict[str, list[str]] = {}
    for file, problem, claimed in failed:
        ending = Path(file).suffix.lower()
        if claimed or ending in endings:
            problems.append(problem)
        else:
            unknown.setdefault(ending, []).append(file)
    return Inspection(
        tuple(found),
        tuple(problems),
        {ending: tuple(names) for ending, names in sorted(unknown.items())},
        hashes,
        _searched(paths, [file for file, _ in files]),
    )


def _searched(paths: Sequence[Path], files: Sequence[Path]) -> str:
    """The folder that was searched; a folder that is an export is none."""
    one = len(paths) == 1 and paths[0].is_dir() and files != [paths[0]]
    return paths[0].as_posix() if one else ""


def _items(export: Export) -> tuple[Chromatogram | VendorReport, ...]:
    return (*export.chromatograms, *export.reports)


def _files(paths: Iterable[Path], readers: Sequence[Reader]) -> Iterator[tuple[Path, bool]]:
    """Every file once, and whether it was named itself."""
    known: set[Path] = set()
    for path in paths:
        inside = _inside(path, readers) if path.is_dir() else [path]
        for file in inside:
            if file.resolve() not in known:
                known.add(file.resolve())
                yield file, file == path


def _inside(folder: Path, readers: Sequence[Reader]) -> Iterator[Path]:
    """Files of a folder and its subfolders by name; a folder that is an export stays whole."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        yield folder  # reading it says what is wrong
        return
    names = [entry.name for entry in entries if entry.is_file()]
    if any(reader.sniff_folder(names) for reader in readers):
        yield folder
        return
    for entry in entries:
        if entry.is_dir():
            yield from _inside(entry, readers)
        elif entry.is_file():
            yield entry


def _claimed(path: Path, readers: Sequence[Reader]) -> bool:
    """Whether a reader recognises a file that could not be read."""
    if path.is_dir():
        return True
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        return True
    return any(reader.sniff(head, path) for reader in readers)


def json_text(inspection: Inspection) -> str:
    """Lay an inspection out as JSON: equal files give equal bytes.

    The keys are ``schema``, ``found`` (the fields of `Found`, with the ``sha256`` of the file),
    ``problems`` (file, where, found, expected, remedy), ``unknown`` (files by ending),
    ``same_names`` (injected_at and file by sample name) and ``same_content`` (lists of files).
    """
    return canonical_json(
        {
            "schema": JSON_SCHEMA,
            "found": [
                asdict(item) | {"sha256": inspection.hashes[item.file]} for item in inspection.found
            ],
            "problems": [asdict(problem) for problem in inspection.problems],
            "unknown": dict(inspection.unknown),
            "same_names": {
                name: [{"injected_at": time, "file": file} for time, file in times]
                for name, times in inspection.same_names.items()
            },
            "same_content": inspection.same_content,
        }
    )


def table_text(inspection: Inspection, readers: Sequence[Reader] = READERS) -> str:
    """Lay an inspection out for a person: an aligned table, then everything to know about it.

    Files in a folder that was searched are named relative to it.
    """
    shown = _shortened(inspection)
    parts = [f"In {inspection.folder}:"] if inspection.folder else []
    if shown.found:
        parts.append(_table(shown.found))
    parts += _section("Injection times:", _time_notes(shown.found))
    parts += _section("Signal units:", _unit_notes(shown.found))
    parts += _section(
        "Same sample name, different injection times (tell them apart by time, not by name):",
        _name_lines(shown.same_names),
    )
    parts += _section(
        "Files with the same content:",
        [shortened(files, _MOST_FILES) for files in shown.same_content],
    )
    parts += _section(
        "Not recognised as exports:",
        [
            f"{len(files)} × {ending or 'no ending'}: {shortened(files, _MOST_FILES)}"
            for ending, files in shown.unknown.items()
        ],
    )
    parts += _section("Can't be read:", _problem_lines(shown.problems))
    parts.append(_summary(shown, readers))
    return "\n\n".join(parts) + "\n"


def _section(heading: str, lines: Iterable[str]) -> list[str]:
    """A heading with its lines below; nothing when there are none."""
    listed = [f"  {line}" for line in lines]
    return ["\n".join([heading, *listed])] if listed else []


def _shortened(inspection: Inspection) -> Inspection:
    """The same with files named relative to the folder that was searched."""
    if not inspection.folder:
        return inspection

    def short(file: str) -> str:
        return file.removeprefix(f"{inspection.folder.rstrip('/')}/")

    return Inspection(
        tuple(replace(item, file=short(item.file)) for item in inspection.found),
        tuple(replace(problem, file=short(problem.file)) for problem in inspection.problems),
        {end: tuple(map(short, files)) for end, files in inspection.unknown.items()},
        {short(file): digest for file, digest in inspection.hashes.items()},
        inspection.folder,
    )


def _problem_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """One line each; files with the same remedy are put together, and it is said once."""
    same: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        same.setdefault((problem.expected, problem.remedy), []).append(problem)
    for (expected, remedy), alike in same.items():
        if len(alike) == 1:
            yield str(alike[0])
            continue
        for problem in alike:
            place = f"{problem.file}, {problem.where}" if problem.where else problem.file
            yield f"{place}: found {problem.found}"
        yield f"  expected {expected}. {remedy}".rstrip()


_COLUMNS = (
    "file",
    "format",
    "section",
    "sample",
    "vial",
    "injected at",
    "channel",
    "points",
    "sampling",
    "min",
    "signal",
    "unit",
    "vendor peaks",
)
_RIGHT = ("points", "sampling", "min", "signal")


def _table(found: Sequence[Found]) -> str:
    """One line per injection and channel; columns without anything are left out."""
    numbers = _note_numbers(found)
    rows = []
    before = ""
    for item in found:
        note = numbers.get(item.injected_at_note)
        cells = {
            "file": "" if item.file == before else item.file,
            "format": "" if item.file == before else item.format,
            "section": item.section,
            "sample": item.sample_name,
            "vial": item.vial,
            "injected at": f"{item.injected_at}{f' [{note}]' if note else ''}".strip(),
            "channel": item.channel,
            "points": str(item.n_points) if item.trace else "no trace",
            "sampling": _sampling(item),
            "min": f"{item.first_min:.2f}–{item.last_min:.2f}" if item.trace else "",
            "signal": f"{item.signal_min:.4g}…{item.signal_max:.4g}" if item.trace else "",
            "unit": item.unit or ("?" if item.trace else ""),
            "vendor peaks": _peaks_cell(item),
        }
        rows.append([cells[name] for name in _COLUMNS])
        before = item.file
    kept = [i for i, _ in enumerate(_COLUMNS) if any(row[i] for row in rows)]
    widths = {i: max(len(_COLUMNS[i]), *(len(row[i]) for row in rows)) for i in kept}
    lines = [
        "  ".join(
            row[i].rjust(widths[i]) if _COLUMNS[i] in _RIGHT else row[i].ljust(widths[i])
            for i in kept
        ).rstrip()
        for row in ([*_COLUMNS], *rows)
    ]
    return "\n".join(lines)


def _sampling(item: Found) -> str:
    if item.interval_s is None:
        return ""
    uneven = "" if item.uniform else "~"
    return f"{uneven}{item.interval_s:.4g} s"


def _peaks_cell(item: Found) -> str:
    without = item.n_vendor_peaks - item.n_vendor_areas
    if not item.n_vendor_peaks:
        return ""
    return f"{item.n_vendor_peaks}{f' ({without} without area)' if without else ''}"


def _note_numbers(found: Sequence[Found]) -> dict[str, int]:
    """Number of every assumption about injection times, from 1."""
    notes = dict.fromkeys(item.injected_at_note for item in found if item.injected_at_note)
    return {note: number for number, note in enumerate(notes, start=1)}


def _time_notes(found: Sequence[Found]) -> list[str]:
    counts = Counter(item.injected_at_note for item in found)
    lines = [
        f"[{number}] {note} ({counts[note]} of {len(found)})"
        for note, number in _note_numbers(found).items()
    ]
    without = sum(not item.injected_at for item in found)
    if without:
        lines.append(
            f"not in the export ({without} of {len(found)}); column injected_at of "
            "injections.csv can give them"
        )
    return lines


def _unit_notes(found: Sequence[Found]) -> list[str]:
    without = sum(item.trace and not item.unit for item in found)
    if not without:
        return []
    return [f"not in the export ({without} of {len(found)}); ingest.signal_unit can give them"]


def _name_lines(names: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[str]:
    for name in list(names)[:_MOST_NAMES]:
        times = [f"{time} {file}" for time, file in names[name]]
        yield f"{name}: {shortened(times, _MOST_TIMES, '; ')}"
    if len(names) > _MOST_NAMES:
        yield f"and {len(names) - _MOST_NAMES} more names; --json has all"


def _summary(inspection: Inspection, readers: Sequence[Reader]) -> str:
    """How many files of which format, and how many with problems."""
    names = {reader.key: reader.name for reader in readers}
    format_of = {item.file: item.format for item in inspection.found}
    formats = Counter(format_of.values())
    traces = sum(item.trace for item in inspection.found)
    parts = [f"{number} {names.get(key, key)}" for key, number in formats.most_common()]
    text = f"{counted(len(format_of), 'file')} read"
    if parts:
        text += f" ({', '.join(parts)}), {counted(traces, 'trace')}"
    reports = len(inspection.found) - traces
    if reports:
        text += f", {counted(reports, 'vendor report')} without a trace"
    unknown = sum(len(files) for files in inspection.unknown.values())
    if unknown:
        text += f"; {unknown} not recognised"
    if inspection.problems:
        text += f"; {len(inspection.problems)} can't be read"
    return f"{text}."
