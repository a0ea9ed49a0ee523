"""Agilent ChemStation reports as CSV: the vendor's integration, without traces.

A folder (``.D``) holds ``Report00.CSV`` with what is known about the injection and the names of
the columns, and ``REPORT01.CSV``, ``REPORT02.CSV``, … with the peaks of one signal each, all
UTF-16.  Where the signals differ in unit the columns have none: it is printed in ``Report.TXT``
then, and may be like "25 uV".  Areas are signal unit × s there, too: 25 uV·s.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import MappingProxyType

from dialysis.chromatogram import VendorPeak, VendorReport
from dialysis.ingest.dates import date_order, iso_time
from dialysis.ingest.numbers import NumberFormat, number_format
from dialysis.ingest.options import ReadOptions
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.text import any_text, decoded, head_lines, is_utf16

_AREA_UNIT = re.compile(r"(.+?)\s*\*\s*(s|min)")
_PEAK_ROW = re.compile(r'[0-9]+,[0-9.,]+,"')
_PEAK_FILE = "REPORT{:02d}.CSV"
_UNDERSTOOD = {
    "Sample Name",
    "Acq. Method",
    "Injection Date",
    "Location",
    "Inj Volume",
    "Dilution",
    "Number of Signals",
    "Number of Columns",
}
_COLUMNS = {
    "retention time": "rt",
    "rettime": "rt",
    "area": "area",
    "height": "height",
    "peak type": "code",
    "type": "code",
    "peak width": "width",
    "width": "width",
    "name": "name",
    "compound name": "name",
}


@dataclass(frozen=True)
class ReportedSignal:
    """Peaks of one signal of a report.

    Parameters
    ----------
    report : VendorReport
        The peaks and all that is known about the injection.
    widths_min : tuple of float or None
        Width of every peak, min.
    """

    report: VendorReport
    widths_min: tuple[float | None, ...]


class AgilentReportReader(Reader):
    """Agilent ChemStation report CSVs."""

    key = "agilent_report"
    name = "Agilent report CSVs"
    extensions = (".D",)
    yields = "a folder: the peaks of all signals of one injection, without traces"
    verified = "one real folder (two signals, 4 peaks)"
    reports = True
    reads_folders = True

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the file is one of a report, whose folder should be named instead."""
        first = head_lines(head)[0] if is_utf16(head) else ""
        return first.startswith('"Sample Name",') or bool(_PEAK_ROW.match(first))

    def read(self, path: Path, content: bytes) -> list[VendorReport]:
        """Refuse one file: a report is several.

        Raises
        ------
        BadExport
            Always.
        """
        raise BadExport(
            "byte 0",
            "one file of a report",
            "the folder that holds Report00.CSV, REPORT01.CSV, …",
            "Name the folder instead of the file.",
        )

    def sniff_folder(self, names: Sequence[str]) -> bool:
        """Whether the folder holds a report and no traces."""
        upper = {name.upper() for name in names}
        return "REPORT00.CSV" in upper and not any(name.endswith(".CH") for name in upper)

    def read_folder(self, path: Path) -> list[VendorReport]:
        """Read the peaks of all signals.

        Raises
        ------
        BadExport
            Naming the file and the line.
        """
        return [signal.report for signal in read_report(path, self.options)]


def find(folder: Path, name: str) -> Path | None:
    """Path of a file in a folder, whatever the case of its name."""
    found = (path for path in folder.iterdir() if path.name.upper() == name.upper())
    return min(found, default=None)


def signal_name(text: str) -> str:
    """Name of a signal as its trace file has it: ``FID1A`` of ``FID1 A, Front``."""
    return text.partition(",")[0].replace(" ", "")


def read_report(folder: Path, options: ReadOptions) -> list[ReportedSignal]:
    """Read the report in a folder.

    Returns
    -------
    list of ReportedSignal
        One per signal whose peaks are there; without a report none.

    Raises
    ------
    BadExport
        Naming the file and the line.
    """
    first = find(folder, _PEAK_FILE.format(0))
    if first is None:
        return []
    rows = _rows(first)
    entries = {row[0].strip(): [cell.strip() for cell in row[1:]] for _, row in rows if row}
    columns = _numbered(entries, "Column")
    names = [_COLUMNS.get(cells[0].strip().casefold(), "") for cells in columns]
    if "rt" not in names:
        raise BadExport(first.name, "no column 'Retention Time'", "its name and unit")
    text = find(folder, "Report.TXT")
    units = _units_of_signals("" if text is None else _text(text))
    signals = []
    for number, cells in enumerate(_numbered(entries, "Signal"), start=1):
        file = find(folder, _PEAK_FILE.format(number))
        if file is None:
            continue
        area_unit = _unit_of(columns, names, "area") or units.get(number, "")
        signals.append(_signal(file, cells[0], names, area_unit, entries, options))
    return signals


def _text(path: Path) -> str:
    text = any_text(path.read_bytes())
    return decoded(text)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Cells of every row of a CSV file that is not blank, with its line."""
    reader = csv.reader(StringIO(_text(path)), strict=True)
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise BadExport(
            f"{path.name}, line {reader.line_num}", f"text that is no CSV ({error})", "CSV"
        ) from error
    return rows


def _numbered(entries: Mapping[str, Sequence[str]], kind: str) -> list[Sequence[str]]:
    """Entries ``Signal 1``, ``Signal 2``, …, as many as ``Number of Signals`` says."""
    key = f"Number of {kind}s"
    [count, *_] = [*entries.get(key, []), ""]
    found = [entries.get(f"{kind} {number}") for number in range(1, 100)]
    known = [cells for cells in found if cells]
    if not count.isdecimal() or len(known) != int(count):
        raise BadExport(
            "Report00.CSV", f"'{key}' of '{count}' and {len(known)} of them", "as many as it says"
        )
    return known


def _unit_of(columns: Sequence[Sequence[str]], names: Sequence[str], name: str) -> str:
    cells = columns[names.index(name)] if name in names else []
    return cells[1].strip() if len(cells) > 1 else ""


def _units_of_signals(text: str) -> dict[int, str]:
    """Unit of the areas of every signal, as the printed report has it in brackets."""
    units: dict[int, str] = {}
    number = 0
    for line in text.split("\n"):
        title = re.match(r"Signal (\d{1,3})\s*:", line)
        if title:
            number = int(title[1])
        printed = re.findall(r"\[([^\[\]]{1,40})\]", line)
        for unit in printed:
            if number and _AREA_UNIT.fullmatch(unit.strip()):
                units.setdefault(number, unit.strip())
    return units


def _signal(
    file: Path,
    title: str,
    names: Sequence[str],
    area_unit: str,
    entries: Mapping[str, Sequence[str]],
    options: ReadOptions,
) -> ReportedSignal:
    rows = _rows(file)
    for line, row in rows:
        if len(row) != len(names):
            raise BadExport(
                f"{file.name}, line {line}",
                f"{len(row)} values",
                f"{len(names)}, one for each column of Report00.CSV",
                "Export the report again, with a decimal point.",
            )
    numeric = [i for i, name in enumerate(names) if name in ("rt", "area", "height", "width")]
    form = number_format([row[i] for _, row in rows for i in numeric], options.marks)
    match = _AREA_UNIT.fullmatch(area_unit[:40])
    factor = 60.0 if match and match[2] == "min" else 1.0
    peaks, widths = [], []
    for line, row in rows:
        cells = {
            names[i]: _number(row[i], form, f"{file.name}, line {line}") for i in numeric if row[i]
        }
        words = {name: cell.strip() for name, cell in zip(names, row, strict=True)}
        if "rt" not in cells:
            raise BadExport(f"{file.name}, line {line}", "no retention time", "one in min")
        area = cells.get("area")
        peaks.append(
            VendorPeak(
                rt_min=cells["rt"],
                area=None if area is None else area * factor,
                height=cells.get("height"),
                name=words.get("name", ""),
                code=words.get("code", ""),
            )
        )
        widths.append(cells.get("width"))
    return ReportedSignal(
        _report(tuple(peaks), match[1] if match else "", title, entries, form, options),
        tuple(widths),
    )


def _number(cell: str, form: NumberFormat, where: str) -> float:
    value = form.number(cell)
    if value is None:
        raise BadExport(where, repr(cell), f"a number with {form}")
    return value


def _report(
    peaks: tuple[VendorPeak, ...],
    unit: str,
    title: str,
    entries: Mapping[str, Sequence[str]],
    form: NumberFormat,
    options: ReadOptions,
) -> VendorReport:
    def entry(key: str, place: int = 0) -> str:
        cells = entries.get(key, [])
        return cells[place] if place < len(cells) else ""

    stamp = entry("Injection Date")
    injected_at, note = iso_time(stamp, date_order([stamp], declared=options.date_order))
    microlitres = entry("Inj Volume", 1).casefold() in ("µl", "ul", "μl")
    return VendorReport(
        vendor_peaks=peaks,
        unit=unit,
        channel=signal_name(title),
        detector=title.strip().rstrip(",").strip(),
        sample_name=entry("Sample Name"),
        vial=entry("Location"),
        method=entry("Acq. Method"),
        injected_at=injected_at,
        injected_at_note=note,
        dilution=form.number(entry("Dilution")),
        injection_uL=form.number(entry("Inj Volume")) if microlitres else None,
        header=MappingProxyType(
            {
                key: " ".join(cell for cell in cells if cell)
                for key, cells in entries.items()
                if key not in _UNDERSTOOD
                and not re.match(r"(Signal|Column) \d", key)
                and any(cells)
            }
        ),
    )
