"""Thermo Chromeleon 7 text exports: one channel of one injection."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.chromeleon import (
    check_signal_of_header,
    check_steps_of_header,
    check_times_of_header,
    header_number,
    injection_time,
    read_trace,
    sampling,
    split_text,
)
from dialysis.ingest.reader import BadExport, Reader

_INJECTION = "Injection Information"
# 7.1 calls the signal "Raw Data", 7.2 "Chromatogram Data".
_DATA_BLOCKS = ("Chromatogram Data Information", "Raw Data Information")
_UNDERSTOOD = {
    "Average Step",
    "Channel",
    "Data Points",
    "Detector",
    "Dilution Factor",
    "Injection",
    "Injection Date",
    "Injection Time",
    "Injection Volume",
    "Instrument Method",
    "Max. Step",
    "Min. Step",
    "Position",
    "Signal Max.",
    "Signal Min.",
    "Signal Unit",
    "Time Max.",
    "Time Min.",
}


class Chromeleon7Reader(Reader):
    """Thermo Chromeleon 7 text."""

    key = "chromeleon7"
    name = "Chromeleon 7 text"
    extensions = (".txt",)
    yields = (
        "one channel of one injection; sample, method, vial, volume, injection time; times of "
        "their own where sampling is not uniform"
    )
    verified = "9 real files (7.2, amperometry; dot and comma decimals, thousands marks)"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether there is a title ``Injection Information:`` below a file path."""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return start.startswith((b"File Path\t", b"Injection Information:")) and (
            b"Injection Information:" in start
        )

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the trace and check it against what the header says of it.

        Raises
        ------
        BadExport
            When the file is cut, or number of points, times, steps or extremes of the signal are
            not the header's.
        """
        file = split_text(content)
        if _INJECTION not in file.blocks:
            raise BadExport("line 1", "no 'Injection Information:'", "a Chromeleon 7 text export")
        block = next((name for name in _DATA_BLOCKS if name in file.blocks), "")
        entries = file.blocks[block] if block else {}
        if "Data Points" not in entries:
            raise BadExport(
                "the header", "no 'Data Points'", f"'Data Points' below '{_DATA_BLOCKS[0]}:'"
            )
        volume = file.entry_like("Injection Volume", _INJECTION)
        dilution = file.entry("Dilution Factor", _INJECTION)
        first, last = (entries.get(f"Time {end}. (min)", "") for end in ("Min", "Max"))
        trace = read_trace(
            file, entries["Data Points"], self.options.marks, [first, last, volume, dilution]
        )
        lowest, highest = (entries.get(f"Signal {end}.", "") for end in ("Min", "Max"))
        slack = 0.0  # the header prints no fewer digits than the data
        check_signal_of_header(trace, lowest, highest, slack, file.first_line)
        check_times_of_header(trace, first, last, file.first_line)
        check_steps_of_header(trace, entries, file.first_line)
        interval_s, time_s = sampling(trace, entries.get("Average Step (s)", ""))
        injected_at, note = injection_time(
            file.entry("Injection Date", _INJECTION),
            file.entry("Injection Time", _INJECTION),
            self.options,
        )
        return [
            Chromatogram(
                signal=trace.signal,
                unit=file.same_unit(entries.get("Signal Unit", "")),
                start_s=float(trace.times_s[0]),
                interval_s=interval_s,
                time_s=time_s,
                channel=file.entry("Channel", block, ""),
                detector=entries.get("Detector", ""),
                sample_name=file.entry("Injection", _INJECTION),
                vial=file.entry("Position", _INJECTION),
                method=file.entry("Instrument Method", _INJECTION),
                injected_at=injected_at,
                injected_at_note=note,
                dilution=header_number(dilution, trace.form),
                injection_uL=header_number(volume, trace.form),
                header=MappingProxyType(file.unread(_UNDERSTOOD)),
            )
        ]
