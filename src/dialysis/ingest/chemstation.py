"""Agilent ChemStation data: ``.ch`` files and the ``.D`` folders they are in.

A ``.ch`` file is one channel.  Its first byte is the length of its version, which follows.
Version 181 is read here: steps of 16 bits between the differences of points, or, after 7FFF,
points of 48 bits.  rainbow-api 1.5.5 takes 8 bytes per point for granted there, which gives a wrong
time axis, and reads the lower 32 of 48 bits with a sign.  Other versions go through it.  A folder
may hold the vendor's integration, too (`dialysis.ingest.agilent_report`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray, VendorReport
from dialysis.ingest.agilent_report import ReportedSignal, read_report
from dialysis.ingest.checks import check_signal
from dialysis.ingest.dates import date_order, iso_time
from dialysis.ingest.options import ReadOptions
from dialysis.ingest.rainbow_files import rainbow, read_bytes_with_rainbow, trace_of
from dialysis.ingest.reader import BadExport, Reader

_VERSIONS = ("8", "30", "81", "130", "179", "181")
# Where version 181 has what; texts are a length and UTF-16.
_DATA_AT, _TIMES_AT, _OFFSET_AT, _SCALE_AT = 0x108, 0x11A, 0x1274, 0x127C
_TEXTS = {
    "sample": 0x35A,
    "operator": 0x758,
    "date": 0x957,
    "inlet": 0x9BC,
    "instrument": 0x9E5,
    "method": 0xA0E,
    "software": 0xC11,
    "unit": 0x104C,
    "signal": 0x1075,
}
_HEADER_BYTES = 0x1800
_BLOCK_BYTES = 512
_ABSOLUTE = 0x7FFF
# Points are whole ms apart, and no detector of a chromatograph is slower than this.
_MAX_INTERVAL_MS = 10_000


class ChemStationReader(Reader):
    """Agilent ChemStation `.ch` and `.D`."""

    key = "chemstation"
    name = "Agilent ChemStation data"
    extensions = (".D", ".ch")
    yields = (
        "a folder: all channels of one injection with the report's peaks, sample, method, vial, "
        "injection time; a file: one channel. Versions other than 181 need the extra `vendor`"
    )
    verified = "one real folder (version 181: FID, TCD, 3600 points; report with 4 peaks)"
    reports = True
    reads_folders = True

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the file starts with the version of a ``.ch`` file."""
        return _version(head) != "" and path.suffix.lower() not in (".ms", ".uv")

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read one channel.

        Raises
        ------
        BadExport
            When the file is cut or damaged, or rainbow-api is needed and not installed.
        """
        return [read_ch(content, path.name, self.options)]

    def sniff_folder(self, names: Sequence[str]) -> bool:
        """Whether the folder holds channels."""
        return any(name.lower().endswith(".ch") and "/" not in name for name in names)

    def read_folder(self, path: Path) -> list[Chromatogram | VendorReport]:
        """Read all channels of a ``.D`` folder and the report in it.

        Raises
        ------
        BadExport
            Naming the file; also when the report is of another injection than the channels, or
            its tallest peak is not in the trace.
        """
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".ch")
        if not files:
            raise BadExport("", "no .ch file", "the channels of an injection")
        traces: list[Chromatogram | VendorReport] = []
        reported = {
            signal.report.channel.upper(): signal for signal in read_report(path, self.options)
        }
        for file in files:
            try:
                trace = read_ch(file.read_bytes(), file.name, self.options)
            except BadExport as error:
                where = ", ".join(part for part in (file.name, error.problem.where) if part)
                raise error.at(where) from error.__cause__
            trace = replace(trace, channel=file.stem)
            signal = reported.pop(file.stem.upper(), None)
            traces.append(trace if signal is None else _joined(trace, signal))
        return [*traces, *(signal.report for signal in reported.values())]


def _version(content: bytes) -> str:
    """Version of a ``.ch`` file; empty for other files."""
    length = content[0] if content else 0
    text = content[1 : 1 + length].decode("latin-1")
    return text if text in _VERSIONS and len(text) == length else ""


def read_ch(content: bytes, name: str, options: ReadOptions) -> Chromatogram:
    """Read one channel.

    Parameters
    ----------
    content : bytes
        All bytes of the file.
    name : str
        Its name, for the channel's.
    options : ReadOptions
        What the study declares.

    Raises
    ------
    BadExport
        Naming the byte, or what is missing.
    """
    version = _version(content)
    if not version:
        raise BadExport(
            "byte 0",
            f"the bytes {content[:4].hex(' ')}",
            "a ChemStation .ch file, which starts with its version",
        )
    if version == "181":
        return _read_181(content, name, options)
    package = rainbow()
    data = read_bytes_with_rainbow(package.agilent.chemstation.parse_ch, content, "channel.ch")
    trace = trace_of(data, name)
    if trace is None:
        raise BadExport("", "spectra", "one channel", "Name a .ch file.")
    meta = dict(trace.header)
    stamp = meta.pop("date", "")
    injected_at, note = iso_time(stamp, date_order([stamp], declared=options.date_order))
    return replace(
        trace,
        channel=Path(name).stem,
        sample_name=meta.pop("notebook", ""),
        method=meta.pop("method", ""),
        injected_at=injected_at,
        injected_at_note=note,
        header=MappingProxyType(meta),
    )


def _read_181(content: bytes, name: str, options: ReadOptions) -> Chromatogram:
    if len(content) < _HEADER_BYTES:
        raise BadExport(
            f"byte {len(content)}", "the end of the file", f"a header of {_HEADER_BYTES} bytes"
        )
    texts = {key: _text(content, at) for key, at in _TEXTS.items()}
    (block,) = struct.unpack_from(">i", content, _DATA_AT)
    data_at = (block - 1) * _BLOCK_BYTES
    if not _TEXTS["signal"] < data_at <= len(content):
        raise BadExport(f"byte {_DATA_AT}", f"points from block {block} on", "a block of the file")
    start_ms, end_ms = struct.unpack_from(">ff", content, _TIMES_AT)
    offset, scale = struct.unpack_from(">dd", content, _OFFSET_AT)
    if not (math.isfinite(offset) and math.isfinite(scale) and scale > 0):
        raise BadExport(
            f"byte {_OFFSET_AT}",
            f"{offset} + {scale} × counts",
            "finite numbers, the second above 0",
        )
    counts, last_is_step = _decoded(content, data_at)
    n, interval_ms = _time_axis(
        len(counts), last_is_step and counts[-2:-1] == counts[-1:], start_ms, end_ms
    )
    with np.errstate(over="ignore", invalid="ignore"):
        signal: FloatArray = np.array(counts[:n], dtype=np.float64) * scale + offset
    check_signal(signal, lambda point: f"point {point + 1}", "the trace")
    stamp = texts["date"]
    injected_at, note = iso_time(stamp, date_order([stamp], declared=options.date_order))
    used = ("sample", "date", "method", "unit", "signal")
    return Chromatogram(
        signal=signal,
        unit=texts["unit"],
        start_s=start_ms / 1000,
        interval_s=interval_ms / 1000,
        channel=Path(name).stem,
        detector=texts["signal"],
        sample_name=texts["sample"],
        method=texts["method"],
        injected_at=injected_at,
        injected_at_note=note,
        header=MappingProxyType({k: v for k, v in texts.items() if v and k not in used}),
    )


def _text(content: bytes, at: int) -> str:
    raw = content[at + 1 : at + 1 + 2 * content[at]]
    return raw.decode("utf-16-le", errors="replace").strip("\x00 ")


def _decoded(content: bytes, at: int) -> tuple[list[int], bool]:
    """Counts of all points, and whether the last one came as a step."""
    counts: list[int] = []
    value = slope = 0
    step = False
    end = len(content)
    while at < end:
        if at + 2 > end:
            raise BadExport(f"byte {end}", "the end of the file inside a point", "whole points")
        (word,) = struct.unpack_from(">h", content, at)
        step = word != _ABSOLUTE
        if step:
            slope += word
            value += slope
            at += 2
        else:
            if at + 8 > end:
                raise BadExport(f"byte {end}", "the end of the file inside a point", "whole points")
            high, low = struct.unpack_from(">hI", content, at + 2)
            value, slope = high * 2**32 + low, 0
            at += 8
        counts.append(value)
    return counts, step


def _time_axis(n: int, repeated: bool, start_ms: float, end_ms: float) -> tuple[int, float]:
    """Number of points and their distance in ms.

    The header has the times of the first and the last point but not their number.  Real files end
    in a step of zero that is no point: the vendor's retention times agree with the rate
    that the other points have, 200.000 instead of 199.944 ms.
    """
    span = end_ms - start_ms
    for points in (n, n - 1) if repeated else (n,):
        if points < 2 or not math.isfinite(span):
            break
        interval = span / (points - 1)
        whole = round(interval)
        # The header's times are single precision.
        known_to = float(np.spacing(np.float32(abs(end_ms)))) / (points - 1) + 1e-9 * interval
        if 0 < whole <= _MAX_INTERVAL_MS and abs(interval - whole) <= known_to:
            return points, float(whole)
    raise BadExport(
        f"byte {_TIMES_AT}",
        f"{n} points from {start_ms:.10g} to {end_ms:.10g} ms",
        "points that are whole ms apart",
    )


def _joined(trace: Chromatogram, signal: ReportedSignal) -> Chromatogram:
    """Put the vendor's peaks to the trace they are of."""
    report = signal.report
    times = (trace.injected_at, report.injected_at)
    if all(times) and len(set(times)) > 1:
        raise BadExport(
            f"{trace.channel}.ch",
            f"an injection at {trace.injected_at}, and a report of one at {report.injected_at}",
            "the report of the same injection",
            "Take the report files out of the folder.",
        )
    if report.unit and trace.unit and report.unit != trace.unit:
        raise BadExport(
            f"{trace.channel}.ch",
            f"a signal in {trace.unit} and peaks in {report.unit}",
            "one unit for both",
        )
    _check_tallest(trace, signal)
    return replace(
        trace,
        detector=trace.detector or report.detector,
        vial=report.vial,
        dilution=report.dilution,
        injection_uL=report.injection_uL,
        vendor_peaks=report.vendor_peaks,
        header=MappingProxyType({**report.header, **trace.header}),
    )


def _check_tallest(trace: Chromatogram, signal: ReportedSignal) -> None:
    """The trace must rise at the tallest peak by about its height, or its scale was misread.

    Within one width (at half height) to both sides the signal of a peak falls below a tenth of its
    height; half and double of it leave room for tails, slopes and neighbours.
    """
    known = [
        (peak.height, peak.rt_min, width)
        for peak, width in zip(signal.report.vendor_peaks, signal.widths_min, strict=True)
        if peak.height and width
    ]
    if not known:
        return
    height, rt_min, width = max(known)
    near = np.abs(trace.times_s - rt_min * 60) <= width * 60
    inside = trace.signal[near]
    rise = float(np.ptp(inside)) if inside.size else 0.0
    if not height / 2 <= rise <= height * 2:
        raise BadExport(
            f"{trace.channel}.ch",
            f"a rise of {rise:.6g} at {rt_min:.4f} min",
            f"about {height:.6g}, the height of the report's tallest peak",
            "The intensities are misread, or the report is of another injection: export as "
            "ANDI/AIA.",
        )
