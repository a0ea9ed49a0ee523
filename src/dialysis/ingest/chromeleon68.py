"""Dionex Chromeleon 6.8 text exports: one channel of one injection.

The layout is that of public files of 6.80 (build 3160): Windows-1252, rows that end in a TAB, the
signal unit as `Signal Dimension`, steps in a unit that is not printed.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.chromeleon import (
    check_signal_of_header,
    check_times_of_header,
    header_number,
    injection_time,
    read_trace,
    sampling,
    split_text,
)
from dialysis.ingest.reader import BadExport, Reader

_SAMPLE = "Sample Information"
_DATA = "Raw Data Header Information"
# No real file was at hand to tell whether the header's extremes are those of the printed, rounded
# points: they are taken as a check against misread numbers, within this part of the range.
_EXTREMES = 1e-3
_UNDERSTOOD = {
    "Channel",
    "Channel Name",
    "Data Points",
    "Date",
    "Detector",
    "Dilution Factor",
    "Injection Volume",
    "PGM file",
    "Sample",
    "Sample Position",
    "Signal Dimension",
    "Signal Max.",
    "Signal Min.",
    "Time",
    "Time Max.",
    "Time Min.",
}


class Chromeleon68Reader(Reader):
    """Dionex Chromeleon 6.8 text."""

    key = "chromeleon68"
    name = "Chromeleon 6.8 text"
    extensions = (".txt",)
    yields = "one channel of one injection; sample, method, vial, volume, injection time"
    verified = "no real file here; hand-written ones after the layout of public files of 6.80"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the titles of sample and raw data stand below a file path."""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return start.startswith((b"Filepath\t", b"Sample Information:")) and (
            b"Raw Data Header Information:" in start
        )

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the trace and check it against what the header says of it.

        Raises
        ------
        BadExport
            When the file is cut, or number of points, times or extremes of the signal are not the
            header's.
        """
        file = split_text(content)
        entries = file.blocks.get(_DATA, {})
        if "Data Points" not in entries:
            raise BadExport(
                "line 1", f"no 'Data Points' below '{_DATA}:'", "a Chromeleon 6.8 text export"
            )
        volume = file.entry_like("Injection Volume", _SAMPLE)
        dilution = file.entry("Dilution Factor", _SAMPLE)
        first, last = (entries.get(f"Time {end}. (min)", "") for end in ("Min", "Max"))
        trace = read_trace(
            file, entries["Data Points"], self.options.marks, [first, last, volume, dilution]
        )
        lowest, highest = (entries.get(f"Signal {end}.", "") for end in ("Min", "Max"))
        slack = _EXTREMES * float(trace.signal.max() / 2 - trace.signal.min() / 2) * 2
        check_signal_of_header(trace, lowest, highest, slack, file.first_line)
        check_times_of_header(trace, first, last, file.first_line)
        interval_s, time_s = sampling(trace)
        injected_at, note = injection_time(
            file.entry("Date", _SAMPLE), file.entry("Time", _SAMPLE), self.options
        )
        return [
            Chromatogram(
                signal=trace.signal,
                unit=file.same_unit(entries.get("Signal Dimension", "")),
                start_s=float(trace.times_s[0]),
                interval_s=interval_s,
                time_s=time_s,
                channel=entries.get("Channel Name", "") or file.entry("Channel", ""),
                detector=entries.get("Detector", ""),
                sample_name=file.entry("Sample", _SAMPLE),
                vial=file.entry("Sample Position", _SAMPLE),
                method=file.entry("PGM file", _SAMPLE),
                injected_at=injected_at,
                injected_at_note=note,
                dilution=header_number(dilution, trace.form),
                injection_uL=header_number(volume, trace.form),
                header=MappingProxyType(file.unread(_UNDERSTOOD)),
            )
        ]
