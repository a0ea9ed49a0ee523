"""Damaged and made-up exports through all readers: refused, or read as a slow parser reads them.

Run as ``python -m benchmarks.ingest_robustness`` in the project's folder.  Every input is a valid
export (hand-written, simulated, and real ones where ``../shared/data/chromatograms`` is there)
that was damaged in one way, or generated text.  It must end in an `ExportFormatError` that names
the file and a position, or in exactly what `benchmarks.ingest_parser` reads from the same bytes:
as many points, equal times and values.  Anything else is a failure: another exception or a
warning, more than 5 s, more than 500 MB above what the process started with.

A worker process reads the inputs; it may be killed and started again.  Every input follows from
the seed and its number: ``--only NUMBER`` repeats one and shows it.  Options are in ``--help``.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.ingest_parser import PARSERS, Declared, Parsed, Refused, text_lines
from scipy.io import netcdf_file
from tests.contract._ingest_files import (
    REAL,
    SAMPLES,
    _Kept,
    andi,
    chromeleon7,
    injection,
    labsolutions,
    peak_section,
    trace_section,
)
from tests.contract._text_files import (
    CONFIGS,
    MINUTES,
    SIGNAL,
    agilent_csv,
    channel_181,
    empower,
    ezchrom,
    points,
    report_files,
    two_column,
)

from dialysis.errors import ExportFormatError
from dialysis.ingest.exports import Export, read_export
from dialysis.ingest.registry import READERS
from dialysis.simulate.exports import FORMATS, InjectionHeader
from dialysis.simulate.trace import Recording, SimulatedTrace

MAX_SECONDS = 5.0
MAX_BYTES = 500 * 2**20
_STALLED_SECONDS = 60.0
_KEYS = tuple(reader.key for reader in READERS)
_BINARY = ("andi", "chemstation", "excel")
_SUFFIXES = (
    ".txt",
    ".cdf",
    ".arw",
    ".asc",
    ".csv",
    ".CSV",
    ".ch",
    ".xlsx",
    ".dat",
    ".D",
    "",
    ".nc",
)


@dataclass(frozen=True)
class Source:
    """A valid export: the bytes of its files by name (one, unless it is a folder)."""

    key: str
    name: str
    files: Mapping[str, bytes]
    config: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0

    @property
    def is_folder(self) -> bool:
        """Whether the export is a folder."""
        return self.key == "agilent_report" or len(self.files) > 1


@dataclass(frozen=True)
class Case:
    """One input: what it was made of and how."""

    source: Source
    mutation: str
    files: Mapping[str, bytes]
    name: str
    format: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """How one input ended: ``refused``, ``equal`` or ``failure``, and why."""

    number: int
    key: str
    mutation: str
    outcome: str
    detail: str = ""


# Valid exports ---------------------------------------------------------------------------------


def simulated(n_points: int, key: str, seed: int = 1) -> bytes:
    """An export of the simulator's writers."""
    rng = np.random.default_rng(seed)
    recording = Recording(n_points=n_points, interval_s=0.5)
    t = np.arange(n_points)
    signal = 2000 + 3 * t + 90_000 * np.exp(-(((t - n_points / 3) / 6.0) ** 2))
    counts = (signal + rng.normal(0, 20, t.size)).round().astype(np.int32)
    trace = SimulatedTrace(counts, recording, pd.DataFrame())
    header = InjectionHeader("S1", "unknown", "7", "2024-04-13T09:53:42+02:00", 10.0, "run1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        FORMATS[key].write(trace, header, path)
        return path.read_bytes()


@cache
def small_sources() -> tuple[Source, ...]:
    """Hand-written and simulated exports of every reader."""
    found = [
        Source(key, f"{key}{_suffix_of(key)}", {f"{key}{_suffix_of(key)}": content})
        for key, content in SAMPLES.items()
        if key not in CONFIGS
    ]
    found += [
        Source(key, key, {f"{key}{_suffix_of(key)}": SAMPLES[key]}, CONFIGS[key]) for key in CONFIGS
    ]
    seconds = tuple(f"{4 * i}" for i in range(40))
    more: list[tuple[str, str, bytes]] = [
        ("andi", "not uniform", andi(times=[0.0, 0.5, 1.0, 1.4, 1.9])),
        ("andi", "counts", andi((0, 40, 3000, 40, 0), dtype="i2", ordinate={"scale_factor": 0.5})),
        ("andi", "minutes", andi(attributes={"retention_unit": "minutes"}, version=2)),
        ("andi", "simulated", simulated(200, "andi")),
        ("andi", "records", _with_records()),
        ("chromeleon7", "comma", chromeleon7(comma=True)),
        ("chromeleon7", "raw", chromeleon7(raw=True)),
        ("chromeleon7", "simulated", simulated(200, "chromeleon")),
        ("labsolutions", "comma", labsolutions(sep=",")),
        ("labsolutions", "decimal comma", _decimal_comma()),
        ("labsolutions", "three injections", _three_injections()),
        ("labsolutions", "results", _results()),
        ("labsolutions", "simulated", simulated(200, "labsolutions")),
        ("empower", "no header", empower({})),
        ("empower", "decimal comma", empower(body=points(end="\r", decimal=","))),
        ("ezchrom", "commas", ezchrom(separator=",")),
        ("agilent_csv", "wavelengths", agilent_csv(_spectra())),
        ("agilent_csv", "commas", agilent_csv(points(separator=",", end="\r\n"))),
        ("chemstation", "steps", channel_181((7, (1,), (1,), (-3,), (0,)), interval_ms=200.0)),
        ("two_column", "TAB", two_column("\t")),
        ("two_column", "semicolons", two_column(";", decimal=",", last="")),
        ("two_column", "commas", two_column(",", last="")),
        ("two_column", "seconds", points(seconds, end="\n").encode()),
        ("two_column", "many digits", _many_digits()),
    ]
    found += [
        Source(key, name, {f"{key}{_suffix_of(key)}": content}) for key, name, content in more
    ]
    tables = (
        ("tab", "\t", ".", ""),
        ("comma", ",", ".", '"'),
        ("semicolon", ";", ",", '"'),
        ("blank", " ", ".", ""),
    )
    for delimiter, mark, decimal, quote in tables:
        text = points(MINUTES, SIGNAL, SIGNAL, separator=f"{quote}{mark}{quote}", decimal=decimal)
        quoted = "".join(f"{quote}{line}{quote}\n" for line in text.splitlines())
        config = {
            "time_unit": "min",
            "delimited": {"delimiter": delimiter, "signals": [{"column": 3}, {"column": 2}]},
        }
        found.append(Source("delimited", delimiter, {"x.csv": quoted.encode()}, config))
    found.append(Source("agilent_report", "report", report_files()))
    found.append(Source("chemstation", "folder", {"ADC1A.ch": channel_181(), "x.txt": b"notes\n"}))
    return tuple(found)


def _suffix_of(key: str) -> str:
    return next(r.extensions[0] for r in READERS if r.key == key)


def _decimal_comma() -> bytes:
    trace = trace_section(decimal=",", start="0,000")
    table = peak_section(
        "Detector A-Ch1", [(1, "0,017", "0,000", "0,033", 45000, 3000, "", "3,4-DHBA")]
    )
    return injection(table, trace).encode()


def _three_injections() -> bytes:
    return "".join(
        injection(
            trace_section("AD2", (5, 7 * n, 3, 2)),
            trace_section("Detector A-Ch1", (1, 2, 3), start="1.000"),
            data_file=rf"C:\Data\std-00{n}.lcd",
            acquired=f"13/04/2024 0{n}:53:42",
        )
        for n in (1, 2, 3)
    ).encode()


def _results() -> bytes:
    rows = [
        (1, "2.0171", "2.000", "2.033", 45000, 3000, "", "DA"),
        (2, "3", "2", "4", 7, 1, "", ""),
    ]
    return injection(peak_section("AD2", rows)).encode()


def _spectra() -> str:
    return "\t254.0\t280\r\n" + points(MINUTES, SIGNAL, SIGNAL, end="\r\n")


def _with_records() -> bytes:
    """ANDI with an unlimited dimension: the values of several variables in turns."""
    stream = _Kept()
    file = netcdf_file(stream, "w")
    file.detector_unit = "nA"
    file.createDimension("point_number", None)
    for name, value in (("actual_sampling_interval", 0.4), ("actual_delay_time", 0.012)):
        file.createVariable(name, "f4", ()).data[...] = value
    for name, kind in (("ordinate_values", "f4"), ("flags", "i2"), ("other", "f8")):
        file.createVariable(name, kind, ("point_number",))[:] = np.array([1, 2, 5, 2, 1])
    file.close()
    return stream.content


def _many_digits() -> bytes:
    rng = random.Random(5)
    rows = [
        f"{4 * i / 60:.16f} {rng.choice(('', '-'))}{rng.randrange(10**16)}{rng.choice(('', '.5'))}"
        for i in range(40)
    ]
    return ("\n".join(rows) + "\n").encode()


@cache
def real_sources() -> tuple[Source, ...]:
    """Real exports, where they are on the machine; large ones come up less often."""
    if not REAL.is_dir():
        return ()
    folders = {
        "andi_netcdf": "andi",
        "chromeleon7_ed": "chromeleon7",
        "chromeleon7_ed_locale": "chromeleon7",
        "empower_arw": "empower",
        "agilent_csv": "agilent_csv",
        "labsolutions": "labsolutions",
        "labsolutions_batch": "labsolutions",
        "labsolutions_calibration": "labsolutions",
        "two_column": "two_column",
        "wingpc": "wingpc",
    }
    found = []
    for folder, key in folders.items():
        for path in sorted((REAL / folder).iterdir()):
            own = "chromeleon7_report" if "Integration" in path.name else key
            weight = min(0.5, 3e4 / path.stat().st_size)
            files = {path.name: path.read_bytes()}
            found.append(Source(own, f"real {path.name}", files, {}, weight))
    parts = {
        path.name.removeprefix("001F0101_"): path.read_bytes()
        for path in sorted((REAL / "agilent_report").iterdir())
    }
    reports = {name: raw for name, raw in parts.items() if not name.endswith((".ch", ".XML"))}
    found.append(Source("agilent_report", "real report", reports))
    found.append(Source("chemstation", "real folder", parts, {}, 0.3))
    found.append(Source("chemstation", "real channel", {"FID1A.ch": parts["FID1A.ch"]}, {}, 0.3))
    return tuple(found)


# Mutations -------------------------------------------------------------------------------------


def truncated(content: bytes, rng: random.Random) -> bytes:
    """Cut at a byte, or at the end of a line."""
    at = rng.randrange(len(content))
    if rng.random() < 0.4:
        at = content.rfind(rng.choice((b"\n", b"\r")), 0, at) + 1
    return content[:at]


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Change bits of one to four bytes, half of the time near the beginning."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        end = len(changed) if rng.random() < 0.5 else min(len(changed), 2048)
        at = rng.randrange(end)
        changed[at] = (
            rng.randrange(256) if rng.random() < 0.5 else changed[at] ^ 1 << rng.randrange(8)
        )
    return bytes(changed)


def retyped(content: bytes, rng: random.Random) -> bytes:
    """Replace, insert or take out characters of numbers."""
    places = [m.start() for m in re.finditer(rb"[0-9.,]", content)]
    changed = bytearray(content)
    for at in sorted(rng.choices(places, k=rng.randint(1, 4)) if places else [], reverse=True):
        new = rng.choice((b"7", b"0", b",", b".", b"-", b" ", b"e", b"'", b"\xa0", b"\t", b"12345"))
        width = rng.choice((0, 1))
        changed[at : at + width] = b"" if width and rng.random() < 0.3 else new
    return bytes(changed)


def re_encoded(content: bytes, rng: random.Random) -> bytes:
    """Write in another encoding, with or without its byte order mark."""
    lines = text_lines(content) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else [content]
    text = (b"\n".join(lines)).decode("latin-1")
    mark, encoding = rng.choice(
        (
            ("\ufeff", "utf-16-le"),
            ("\ufeff", "utf-16-be"),
            ("", "utf-16-le"),
            ("\ufeff", "utf-8"),
            ("", "utf-8"),
            ("", "latin-1"),
            ("\ufeff", "utf-32-le"),
        )
    )
    return (mark + text).encode(encoding)


def other_line_ends(content: bytes, rng: random.Random) -> bytes:
    """Swap all line ends, or some of them."""
    wide = content[:2] == b"\xff\xfe"
    text = content.decode("utf-16-le" if wide else "latin-1", "replace")
    lines = re.split("\r\r\n|\r\n|\r|\n", text)
    ends = ("\n", "\r", "\r\n", "\r\r\n", "\n\n", "\u2028" if wide else "\x0b")
    chosen = rng.choices(ends, k=1 if rng.random() < 0.7 else 2)
    usual = rng.choice(ends[:4])
    often = rng.random() < 0.5
    pieces = []
    for line in lines[:-1]:
        end = rng.choice(chosen) if often or rng.random() < 0.05 else usual
        pieces.append(line + end)
    return "".join([*pieces, lines[-1]]).encode("utf-16-le" if wide else "latin-1", "replace")


def _pieces(content: bytes) -> list[bytes]:
    """Lines with their ends; pieces of 16 bytes of a binary file."""
    if content[:3] == b"CDF" or (b"\x00" in content[:64] and content[:2] != b"\xff\xfe"):
        return [content[at : at + 16] for at in range(0, len(content), 16)]
    if content[:2] == b"\xff\xfe":
        return re.split(rb"(?<=\n\x00)", content)
    return re.split(rb"(?<=\n)", content) if b"\n" in content else re.split(rb"(?<=\r)", content)


def deleted(content: bytes, rng: random.Random) -> bytes:
    """Leave out lines."""
    pieces = _pieces(content)
    for _ in range(rng.randint(1, 3)):
        if pieces:
            at = rng.randrange(len(pieces))
            del pieces[at : at + rng.choice((1, 1, 1, 5))]
    return b"".join(pieces)


def duplicated(content: bytes, rng: random.Random) -> bytes:
    """Repeat lines, or exchange two."""
    pieces = _pieces(content)
    for _ in range(rng.randint(1, 3)):
        first, second = rng.randrange(len(pieces)), rng.randrange(len(pieces))
        if rng.random() < 0.7:
            pieces.insert(rng.choice((first, second)), pieces[first])
        else:
            pieces[first], pieces[second] = pieces[second], pieces[first]
    return b"".join(pieces)


def as_it_is(content: bytes, rng: random.Random) -> bytes:
    """The file itself; another name or reader is what is wrong."""
    return content


def blown_up(content: bytes, rng: random.Random) -> bytes:
    """Empty or blank files, and long headers."""
    kind = rng.randrange(7)
    if kind < 2:
        return rng.choice((b"", b"\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00" * 99, b" \r\n" * 9))
    if kind == 2:
        return content[: rng.randrange(1, 12)]
    pieces = _pieces(content)
    at = rng.randrange(min(len(pieces), 20) + 1)
    size = rng.choice((1_000, 70_000, 400_000))
    if kind == 3:
        filler = b"Key\tvalue\r\n" * (size // 11)
    elif kind == 4:
        filler = b"x" * size + b"\n"
    elif kind == 5:
        filler = rng.choice((b"\t", b",", b"0", b"9", b"\n", b"[", b'"', b"1\t2\n")) * (size // 4)
    else:
        filler = rng.randbytes(size // 4)
    return b"".join([*pieces[:at], filler, *pieces[at:]])


def generated(content: bytes, rng: random.Random) -> bytes:
    """Text of numbers with odd marks, maybe below lines of this or another format."""
    separator = rng.choice(("\t", ";", ",", " ", "  ", "\t ", ", ", " ; "))
    decimal = rng.choice((".", ","))
    thousands = rng.choice(("", "", ".", ",", "'", " ", "\u00a0"))
    digits = rng.choice((0, 1, 3, 3, 6, 14))
    n_columns = rng.choice((1, 2, 2, 2, 3))
    step = rng.choice((1 / 120, 0.5, 1.0, 5.0, 0.123, 250.0))
    size = rng.choice((1.0, 50.0, 5e3, 1e6, 1e12, 1e15, 1e-7))
    rows = []
    for number in range(rng.choice((1, 2, 3, 40, 300))):
        cells = []
        for column in range(n_columns):
            value = number * step if column == 0 else rng.uniform(-1, 1) * size
            text = f"{value:,.{digits}f}" if rng.random() < 0.98 else f"{value:.{digits}e}"
            plain = text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)
            cells.append(plain if rng.random() < 0.998 else rng.choice(_ODD_CELLS))
        rows.append(separator.join(cells))
    head = []
    if rng.random() < 0.4:
        wide = content[:2] == b"\xff\xfe"
        lines = content.decode("utf-16-le" if wide else "latin-1", "replace").splitlines()
        head = lines[: rng.randrange(len(lines) + 1)]
    end = rng.choice(("\n", "\r\n", "\r"))
    text = end.join([*head, *rows]) + (end if rng.random() < 0.8 else "")
    return text.encode(rng.choice(("utf-8", "utf-8", "cp1252", "utf-16")), "replace")


_ODD_CELLS = ("n.a.", "", "nan", "inf", "true", "1e400", "--1", "0x10", "1_000", "١", '"1"', "1e5")
MUTATIONS: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "truncation": truncated,
    "byte flips": flipped,
    "number characters": retyped,
    "encoding": re_encoded,
    "line ends": other_line_ends,
    "lines deleted": deleted,
    "lines doubled": duplicated,
    "wrong name": as_it_is,
    "empty, huge": blown_up,
    "generated": generated,
}


def case(seed: int, number: int, with_real: bool) -> Case:
    """Input `number` of a run; the same for the same seed and the same files."""
    rng = random.Random(f"{seed} {number}")
    sources = [*small_sources(), *(real_sources() if with_real else ())]
    key = rng.choice(sorted({source.key for source in sources}))
    own = [source for source in sources if source.key == key]
    [source] = rng.choices(own, [s.weight for s in own])
    mutation = rng.choice(list(MUTATIONS))
    files = dict(source.files)
    name = rng.choice(sorted(files))
    files[name] = MUTATIONS[mutation](files[name], rng)
    config = dict(source.config)
    format = rng.choice(("auto", "auto", "auto", source.key))
    shown = f"{source.key}.D" if source.is_folder else name
    if mutation == "wrong name" and not source.is_folder:
        shown = f"x{rng.choice(_SUFFIXES)}"
        format = rng.choice(("auto", source.key, rng.choice(_KEYS), rng.choice(_KEYS)))
    if mutation == "generated" and not source.is_folder:
        format = rng.choice(("auto", source.key, "two_column", "delimited"))
    if source.key in CONFIGS and format == "auto":
        format = source.key
    if format in CONFIGS and not config:
        config = {
            "delimited": {
                "delimiter": rng.choice(("tab", "comma", "semicolon", "blank")),
                "header_rows": rng.choice((0, 0, 1)),
                "signals": [{"column": 2}],
            }
        }
    if rng.random() < 0.15:
        config |= {"decimal": rng.choice((".", ","))}
    if rng.random() < 0.05:
        config |= {"thousands": rng.choice(("none", ".", ",", "'", " "))}
    return Case(source, mutation, files, shown, format, config)


# Verdicts --------------------------------------------------------------------------------------


def judge(number: int, made: Case, folder: Path) -> Verdict:
    """Read an input with the package and, where it reads it, with the slow parser."""

    def verdict(outcome: str, detail: str = "") -> Verdict:
        return Verdict(number, made.source.key, made.mutation, outcome, detail)

    path = _written(made, folder)
    readers = [reader.configured(made.config) for reader in READERS]
    started = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            export = read_export(path, made.format, readers)
    except ExportFormatError as error:
        if _has_cause(error, MemoryError):
            return verdict("failure", "memory")
        if time.process_time() - started > MAX_SECONDS:
            return verdict("failure", "slow")
        problem = getattr(error, "problem", None)
        if problem is None or problem.file != str(path) or not problem.where:
            return verdict("failure", f"no position: {error}")
        return verdict("refused")
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return verdict(
            "failure", f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        )
    if time.process_time() - started > MAX_SECONDS:
        return verdict("failure", "slow")
    found = difference(export, made, export.format)
    if not found and _belongs_to_source(made) and export.format != made.source.key:
        found = difference(export, made, made.source.key, refused_is_fine=True)
    return verdict("failure", found) if found else verdict("equal")


def _belongs_to_source(made: Case) -> bool:
    """Whether another format than the source's would be a misreading."""
    chosen = made.format == "auto" and not made.source.is_folder
    return chosen and made.mutation not in ("generated", "empty, huge")


def _written(made: Case, folder: Path) -> Path:
    path = folder / (made.name or "x")
    if not made.source.is_folder:
        path.write_bytes(next(iter(made.files.values())))
        return path
    path.mkdir()
    for name, content in made.files.items():
        (path / name).write_bytes(content)
    return path


def _has_cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False


def difference(export: Export, made: Case, key: str, refused_is_fine: bool = False) -> str:
    """What the package read otherwise than the slow parser of a format; empty when nothing."""
    config = made.config
    layout = dict(config.get("delimited", {}))
    declared = Declared(
        str(config.get("decimal", "auto")),
        str(config.get("thousands", "auto")),
        str(config.get("time_unit", "auto")),
        layout,
    )
    try:
        parsed = _parse(made, key, declared)
    except Refused as error:
        return "" if refused_is_fine else f"read as {key}, but: {error}"
    traces = [trace for trace in parsed if not trace.is_report]
    reports = [report for report in parsed if report.is_report]
    if len(traces) != len(export.chromatograms):
        return f"{len(export.chromatograms)} traces instead of {len(traces)} ({key})"
    if len(reports) != len(export.reports):
        return f"{len(export.reports)} reports instead of {len(reports)} ({key})"
    for trace, expected in zip(export.chromatograms, traces, strict=True):
        if trace.signal.tolist() != expected.values:
            return f"signal: {_first(trace.signal.tolist(), expected.values)} ({key})"
        exact = trace.time_s is not None
        near = 1e-12 if exact else 1e-9
        # An axis of first time and interval may lie off the printed times by their last digit
        # twice: once for the line through the first and the last, once for its rounded slope.
        # The readers allow 1e-6 of an interval for rounding at each.
        slack = 0.0 if exact else 2 * (expected.step_s + 1e-6 * trace.interval_s)
        for found, printed in zip(trace.times_s.tolist(), expected.times, strict=True):
            if not abs(found - printed) <= slack + near * max(abs(printed), trace.interval_s):
                return f"time: {found!r} instead of {printed!r} ({key})"
    for report, expected in zip(export.reports, reports, strict=True):
        times = [peak.rt_min for peak in report.vendor_peaks]
        areas = [math.nan if p.area is None else p.area for p in report.vendor_peaks]
        if not _same(times, expected.times) or not _same(areas, expected.values):
            return f"report: {times} {areas} instead of {expected.times} {expected.values}"
    return ""


def _parse(made: Case, key: str, declared: Declared) -> list[Parsed]:
    if key not in PARSERS:
        raise Refused(f"there is no slow parser of {key}")
    if not made.source.is_folder:
        return PARSERS[key](next(iter(made.files.values())), declared)
    if key == "agilent_report":
        return PARSERS[key](made.files, declared)
    channels = sorted(name for name in made.files if name.lower().endswith(".ch"))
    return [trace for name in channels for trace in PARSERS[key](made.files[name], declared)]


def _same(found: Sequence[float], expected: Sequence[float]) -> bool:
    return len(found) == len(expected) and all(
        a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-15)
        for a, b in zip(found, expected, strict=True)
    )


def _first(found: Sequence[float], expected: Sequence[float]) -> str:
    if len(found) != len(expected):
        return f"{len(found)} points instead of {len(expected)}"
    at = next(n for n, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
    return f"point {at + 1}: {found[at]!r} instead of {expected[at]!r}"


# Runs ------------------------------------------------------------------------------------------


def run_here(seed: int, numbers: Sequence[int], with_real: bool = False) -> list[Verdict]:
    """Judge inputs in this process."""
    verdicts = []
    for number in numbers:
        with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
            verdicts.append(judge(number, case(seed, number, with_real), Path(folder)))
    return verdicts


def _scratch() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _work(seed: int, numbers: Sequence[int], pipe: Any, scratch: str) -> None:
    """Judge inputs in a process with a limit of memory, one message for each."""
    small_sources(), real_sources()
    # What is loaded on first use counts to the start.
    list(run_here(seed, numbers[:1], True))
    import pandas  # noqa: F401
    import scipy.io  # noqa: F401

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MAX_BYTES, used + MAX_BYTES))
    for number in numbers:
        folder = Path(scratch) / "input"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        pipe.send(judge(number, case(seed, number, True), folder))
    pipe.close()


def run(seed: int, n_inputs: int, workers: int = 1) -> list[Verdict]:
    """Judge inputs in worker processes that are killed when one takes too long."""
    context = multiprocessing.get_context("fork")
    verdicts: list[Verdict] = []
    waiting = [list(range(start, n_inputs, workers)) for start in range(workers)]
    with tempfile.TemporaryDirectory(dir=_scratch()) as scratch:
        jobs: list[Any] = [None] * workers
        while any(waiting):
            for place in range(workers):
                if waiting[place] and jobs[place] is None:
                    own = Path(scratch) / str(place)
                    own.mkdir(exist_ok=True)
                    receive, send = context.Pipe(duplex=False)
                    job = context.Process(
                        target=_work, args=(seed, waiting[place], send, str(own)), daemon=True
                    )
                    job.start()
                    send.close()
                    jobs[place] = (job, receive)
            for place in range(workers):
                if jobs[place] is None:
                    continue
                job, receive = jobs[place]
                stalled = not receive.poll(_STALLED_SECONDS)
                try:
                    for _ in range(200):
                        if stalled or not receive.poll(0.05):
                            break
                        verdicts.append(receive.recv())
                        waiting[place].pop(0)
                        if len(verdicts) % 2000 == 0:
                            print(f"{len(verdicts)} inputs", file=sys.stderr)
                except EOFError:
                    stalled = bool(waiting[place])
                if stalled or not waiting[place]:
                    job.kill()
                    job.join()
                    jobs[place] = None
                if stalled:
                    number = waiting[place].pop(0)
                    made = case(seed, number, True)
                    why = f"the process stopped ({job.exitcode})"
                    verdicts.append(Verdict(number, made.source.key, made.mutation, "failure", why))
    return verdicts


def table(verdicts: Sequence[Verdict]) -> str:
    """Markdown: refused / equal / failures, per reader and mutation."""
    counts = Counter((v.key, v.mutation, v.outcome) for v in verdicts)
    names = [*MUTATIONS, "all"]
    lines = [f"| reader | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]

    def cell(keys: Sequence[str], mutations: Sequence[str]) -> str:
        return " / ".join(
            str(sum(counts[key, mutation, outcome] for key in keys for mutation in mutations))
            for outcome in ("refused", "equal", "failure")
        )

    keys = sorted({v.key for v in verdicts})
    for key in keys:
        cells = [cell([key], [name]) for name in MUTATIONS]
        lines.append(f"| {key} | {' | '.join([*cells, cell([key], list(MUTATIONS))])} |")
    totals = [cell(keys, [name]) for name in MUTATIONS]
    lines.append(f"| all | {' | '.join([*totals, cell(keys, list(MUTATIONS))])} |")
    return "\n".join(lines)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", type=int, help="number of one input, which is repeated and shown")
    given = parser.parse_args()
    if given.only is not None:
        made = case(given.seed, given.only, True)
        print(made.source.name, made.mutation, made.name, made.format, dict(made.config))
        for name, content in made.files.items():
            if content != made.source.files[name] or len(made.files) == 1:
                print(name, len(content), "bytes", content[:3000])
        print(*run_here(given.seed, [given.only], True))
        return 0
    started = time.monotonic()
    verdicts = run(given.seed, given.inputs, given.workers)
    print(f"{len(verdicts)} inputs, seed {given.seed}, {time.monotonic() - started:.0f} s\n")
    print(table(verdicts))
    failures = [v for v in verdicts if v.outcome == "failure"]
    for v in failures:
        print(f"\n--seed {given.seed} --only {v.number}: {v.key}, {v.mutation}: {v.detail[:300]}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
