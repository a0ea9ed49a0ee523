"""Small export files of the text, binary and spreadsheet formats, made after real ones."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

# A peak on a baseline: 40 points, 4 s apart.
SIGNAL = tuple(round(0.1 * i + (50.0 if i == 20 else 0.0) - 1.25, 4) for i in range(40))
MINUTES = tuple(f"{i * 4 / 60:.7g}" for i in range(40))


def points(
    times: Sequence[str] = MINUTES,
    *signals: Sequence[float],
    separator: str = "\t",
    end: str = "\n",
    decimal: str = ".",
) -> str:
    """Lines of times and signals."""
    columns = signals or (SIGNAL,)
    rows = [
        separator.join([time, *(f"{value:.6g}" for value in values)])
        for time, *values in zip(times, *columns, strict=True)
    ]
    return "".join(row.replace(".", decimal) + end for row in rows)


def empower(
    fields: Mapping[str, str] | None = None, end: str = "\r", body: str | None = None
) -> bytes:
    """An Empower export; without fields no header."""
    given = {"SampleName": "S1", "Channel": "ECD 1"} if fields is None else fields
    rows = ["\t".join(f'"{cell}"' for cell in row) for row in (given, given.values())]
    header = "".join(row + end for row in rows) if given else ""
    return (header + (points(end=end) if body is None else body)).encode("utf-8")


def ezchrom(
    counts: Sequence[Sequence[int]] = ((10, 3000, 20, 7), (5, 6)),
    *,
    separator: str = "\t",
    changes: Mapping[str, str] | None = None,
    end: str = "\r\n",
    encoding: str = "latin-1",
) -> bytes:
    """An EZChrom export; `changes` replaces what stands behind a key, or leaves a key out."""
    n = len(counts)
    units = ("pA", "25 µV", "nA")[:n]
    header = {
        "Version": "3",
        "Maxchannels": str(n),
        "Sample ID": "S1",
        "Data File": r"c:\results\S1-007.dat",
        "Method": r"C:\methods\monoamines.met",
        "User Name": "System",
        "Acquisition Date and Time": "6/29/2023 4:07:41 PM",
        "Sampling Rate": separator.join(["10.000000"] * n + ["Hz"]),
        "Total Data Points": separator.join([*(str(len(c)) for c in counts), "Pts."]),
        "X Axis Title": separator.join(["Minutes"] * n),
        "Y Axis Title": separator.join(units),
        "X Axis Multiplier": separator.join(["0.016667"] * n),
        "Y Axis Multiplier": separator.join(["0.000130208"] * n),
    } | dict(changes or {})
    lines = [f"{key}:{separator}{text}" for key, text in header.items() if text]
    lines += [str(count) for channel in counts for count in channel]
    return "".join(line + end for line in lines).encode(encoding)


def clarity(
    rate: str = "0.25 per sec.", units: str = "[Min.]\t[mV]", body: str | None = None
) -> bytes:
    """A Clarity export as published programs that read it expect it."""
    header = [
        "Analyst : N.N.",
        "Sample ID : 7",
        "Sample : S1",
        "Sample Injected : 29-Jun-23 4:07:41 PM",
        f"Rate : {rate}",
        "Y Axis Title: ECD",
        "",
        units,
    ]
    return ("\r\n".join(header) + "\r\n" + (points(end="\r\n") if body is None else body)).encode()


def agilent_csv(text: str | None = None) -> bytes:
    """A ChemStation signal saved as CSV."""
    return ("\ufeff" + (points(end="\r\n") if text is None else text)).encode("utf-16-le")


def wingpc(
    *,
    names: str = "Time\tECD 1\tECD 2 \tTime",
    rows: Sequence[str] | None = None,
    date: str = "Monday       11-04-22   13:12:42",
    interval: str = " 4.000\ts",
    stop: str = "RAWstop :",
) -> bytes:
    """A WinGPC export."""
    data = rows
    if data is None:
        data = [
            f" {float(time):.5E}\t{value:.5E}\t{2 * value:.5E}\t 13:12:47:94\t"
            for time, value in zip(MINUTES, SIGNAL, strict=True)
        ]
    lines = [
        "Sample :\tVial  32: STD1 - 1",
        f"Inject date :\t{date}",
        "Inject volume :\t 10.000\tul",
        r"Method :" + "\tC:\\Methods\\20160908.MET",
        f"Data Interval :\t{interval}",
        "Column 1 :\tPSS 5µm",
        "",
        "Calibration Coefficients:",
        "",
        "RAWstart :",
        names,
        "",
        *data,
        stop,
        "",
        "ELUstart :",
        "Volume\tECD 1",
    ]
    return "\r\n".join(lines).encode("latin-1")


def two_column(separator: str = " ", decimal: str = ".", last: str = "EOT\n") -> bytes:
    """Two columns of numbers."""
    return (points(separator=separator, decimal=decimal) + last).encode("ascii")


def xlsx(
    rows: Sequence[Sequence[Any]] | None = None,
    *,
    sheet: str = "ECD",
    changes: Mapping[str, str | None] | None = None,
) -> bytes:
    """A workbook; texts are shared, numbers plain, ``None`` leaves a cell out."""
    if rows is None:
        rows = [["Time", "nA"], *zip(map(float, MINUTES), SIGNAL, strict=True)]
    texts: list[str] = []
    body = []
    for number, row in enumerate(rows, start=1):
        cells = []
        for column, value in enumerate(row):
            at = f'r="{chr(65 + column)}{number}"'
            if isinstance(value, str):
                if value not in texts:
                    texts.append(value)
                cells.append(f'<c {at} t="s"><v>{texts.index(value)}</v></c>')
            elif value is not None:
                cells.append(f"<c {at}><v>{value!r}</v></c>")
        body.append(f'<row r="{number}">{"".join(cells)}</row>')
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    of_r = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    parts: dict[str, str | None] = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook {main} {of_r}><sheets><sheet name="{sheet}" r:id="rId1"/>'
        '<sheet name="other" r:id="rId2"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships {relations}><Relationship Id="rId1" '
        'Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Target="/xl/other.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{''.join(body)}</sheetData>"
        "</worksheet>",
        "xl/sharedStrings.xml": f"<sst {main}>"
        + "".join(f"<si><t>{text}</t></si>" for text in texts)
        + "</sst>",
    }
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (parts | dict(changes or {})).items():
            if text is not None:
                # A fixed date: the same bytes on every run.
                archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def channel_181(
    counts: Sequence[int | tuple[int, ...]] = (40, (3,), (0,), 2**40, (-5,), -(2**35), 7, 7),
    *,
    interval_ms: float = 4001.0,
    n_points: int | None = None,
    scale: float = 0.5,
    offset: float = 0.0,
    unit: str = "nA",
    date: str = "24-Jul-23, 21:37:10",
    tail: bytes = b"\x00\x00",
    version: bytes = b"\x03181",
) -> bytes:
    """A ChemStation ``.ch`` of version 181; a tuple is a step of the slope, a number a point.

    `tail` is the step of zero that real files end in.
    """
    header = bytearray(0x1800)
    header[: len(version)] = version
    n = len(counts) if n_points is None else n_points
    struct.pack_into(">i", header, 0x108, 0x1800 // 512 + 1)
    struct.pack_into(">ff", header, 0x11A, 0.0, interval_ms * (n - 1))
    struct.pack_into(">dd", header, 0x1274, offset, scale)
    texts = {0x35A: "S1", 0x957: date, 0xA0E: "monoamines.M", 0x104C: unit, 0x758: "N.N."}
    for at, text in texts.items():
        raw = text.encode("utf-16-le")
        header[at] = len(text)
        header[at + 1 : at + 1 + len(raw)] = raw
    body = b"".join(
        struct.pack(">h", count[0])
        if isinstance(count, tuple)
        else struct.pack(">hhI", 0x7FFF, count >> 32, count & 0xFFFFFFFF)
        for count in counts
    )
    return bytes(header) + body + tail


def report_files(
    peaks: str = '1,0.0667,"BB",0.1,60.5,55,100\r\n',
    *,
    area: str = "",
    units: str = "[25 uV*s]",
    date: str = "24-Jul-23, 21:37:10",
    changes: Mapping[str, bytes | None] | None = None,
) -> dict[str, bytes]:
    """The CSV files of a ChemStation report on the signal ADC1 A, by name."""
    header = [
        '"Sample Name","S1",""',
        f'"Injection Date","{date}",""',
        '"Location",7,""',
        '"Inj Volume",10,"µl"',
        '"Dilution             ",2,""',
        '"Acq. Method","MONO.M",""',
        '"Sorted By","Signal",""',
        '"Number of Signals",1,""',
        '"Signal 1","ADC1 A, ECD",""',
        '"Number of Columns",7,""',
        '"Column 1","Peak Number",""',
        '"Column 2","Retention Time","min"',
        '"Column 3","Peak Type",""',
        '"Column 4","Peak Width","min"',
        f'"Column 5","  Area  ","{area}"',
        '"Column 6","Height",""',
        '"Column 7","  Area   %",""',
    ]
    printed = f"Signal 1: ADC1 A, ECD\r\n\r\n  #   [min]  [min]   {units}  [25 uV]  %\r\n"
    texts = {
        "Report00.CSV": "\r\n".join(header) + "\r\n",
        "REPORT01.CSV": peaks,
        "Report.TXT": printed,
    }
    files: dict[str, bytes | None] = {
        name: ("\ufeff" + text).encode("utf-16-le") for name, text in texts.items()
    }
    return {name: raw for name, raw in (files | dict(changes or {})).items() if raw is not None}


def folder_of(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a new folder."""
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


# Formats whose layout is declared: what `ingest` of study.yaml says for the samples.
CONFIGS: dict[str, dict[str, Any]] = {
    "delimited": {
        "time_unit": "min",
        "delimited": {
            "delimiter": "semicolon",
            "header_rows": 1,
            "time_column": "t",
            "signals": [{"column": "ECD 1", "unit": "nA"}, {"column": 3, "unit": "mV"}],
        },
    },
    "excel": {
        "delimited": {"header_rows": 1, "signals": [{"column": 2, "channel": "ECD", "unit": "nA"}]}
    },
}
TEXT_SAMPLES: dict[str, bytes] = {
    "empower": empower(),
    "ezchrom": ezchrom(),
    "clarity": clarity(),
    "agilent_csv": agilent_csv(),
    "chemstation": channel_181(),
    "wingpc": wingpc(),
    "two_column": two_column(),
    "delimited": ("t;ECD 1;ECD 2\n" + points(MINUTES, SIGNAL, SIGNAL, separator=";")).encode(),
    "excel": xlsx(),
}
# Formats that are folders only.
FOLDER_KEYS = ("agilent_report", "waters_raw")
