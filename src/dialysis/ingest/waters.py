"""Waters MassLynx ``.raw`` folders: their analog channels, read by rainbow-api.

Detectors other than the mass spectrometer are in ``_CHRO001.DAT``, … with names and units in
``_CHROMS.INF``.  Spectra (``_FUNC*.DAT``) are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.agilent_report import find
from dialysis.ingest.dates import date_order, iso_time
from dialysis.ingest.rainbow_files import rainbow, read_with_rainbow, trace_of
from dialysis.ingest.reader import BadExport, Reader

_ENTRY = re.compile(r"\$\$ ([^:]+): ?(.*)")
_UNDERSTOOD = {"Acquired Date", "Acquired Time", "Bottle Number", "Sample Description"}


class WatersRawReader(Reader):
    """Waters `.raw`."""

    key = "waters_raw"
    name = "Waters MassLynx data"
    extensions = (".raw",)
    yields = (
        "a folder: all analog channels of one injection; sample, vial, injection time. Needs the "
        "extra `vendor`"
    )
    verified = "no real file: a hand-made folder"
    reads_folders = True

    def sniff(self, head: bytes, path: Path) -> bool:
        """Never: the format is a folder."""
        return False

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Refuse one file: the format is a folder.

        Raises
        ------
        BadExport
            Always.
        """
        raise BadExport("byte 0", "a file", "a .raw folder", "Name the folder instead of the file.")

    def sniff_folder(self, names: Sequence[str]) -> bool:
        """Whether the folder holds MassLynx's header and channels."""
        upper = {name.upper() for name in names}
        return "_HEADER.TXT" in upper or "_CHROMS.INF" in upper

    def read_folder(self, path: Path) -> list[Chromatogram]:
        """Read all analog channels.

        Raises
        ------
        BadExport
            When there are none, or rainbow-api is not installed or can't read them.
        """
        package = rainbow()
        found = read_with_rainbow(
            lambda: package.waters.masslynx.parse_analog(str(path)), "_CHROMS.INF"
        )
        traces = [trace for data in found if (trace := trace_of(data, data.name)) is not None]
        if not traces:
            raise BadExport(
                "",
                "no analog channel (_CHRO001.DAT, …)",
                "at least one",
                "Export the detector's channel as ANDI/AIA or text.",
            )
        entries = _entries(path)
        stamp = f"{entries.get('Acquired Date', '')} {entries.get('Acquired Time', '')}".strip()
        injected_at, note = iso_time(stamp, date_order([stamp], declared=self.options.date_order))
        header = {key: text for key, text in entries.items() if key not in _UNDERSTOOD and text}
        return [
            replace(
                trace,
                sample_name=entries.get("Sample Description", ""),
                vial=entries.get("Bottle Number", ""),
                injected_at=injected_at,
                injected_at_note=note,
                header=MappingProxyType(header),
            )
            for trace in traces
        ]


def _entries(folder: Path) -> dict[str, str]:
    """Keys and values of ``_HEADER.TXT``."""
    file = find(folder, "_HEADER.TXT")
    if file is None:
        return {}
    lines = file.read_bytes().decode("latin-1").splitlines()
    matches = (_ENTRY.match(line) for line in lines)
    return {match[1].strip(): match[2].strip() for match in matches if match}
