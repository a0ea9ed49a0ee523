"""Small export files for the tests of `ingest`, made here and nowhere else."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import netcdf_file

from tests.contract._text_files import TEXT_SAMPLES

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "chromatograms"


def real(*parts: str) -> Path:
    """A real export, or a skip that says why."""
    path = REAL.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real export {'/'.join(parts)} is not on this machine")
    return path


class _Kept(BytesIO):
    """netcdf_file closes what it writes to; the bytes are wanted afterwards."""

    content = b""

    def close(self) -> None:
        self.content = self.content or self.getvalue()
        super().close()


def andi(
    signal: Any = (0.0, 1.0, 3.0, 1.0, 0.0),
    *,
    interval: Any = 0.4,
    delay: Any = 0.012,
    attributes: dict[str, Any] | None = None,
    ordinate: dict[str, Any] | None = None,
    peaks: dict[str, Any] | None = None,
    names: list[str] | None = None,
    times: Any = None,
    leave_out: tuple[str, ...] = (),
    dtype: str = "f4",
    version: int = 1,
) -> bytes:
    """An ANDI file; `peaks` are values by variable name, `times` makes sampling non-uniform."""
    stream = _Kept()
    file = netcdf_file(stream, "w", version=version)
    given = {
        "injection_date_time_stamp": "20240413095342+0200",
        "sample_name": "S1",
        "detector_unit": "nA",
        "detector_name": "ECD-1",
        "detection_method_name": "monoamines",
        "retention_unit": "seconds",
        "operator_name": "N.N.",
    } | (attributes or {})
    for name, value in given.items():
        if value is not None:
            setattr(file, name, value)
    values = np.asarray(signal)
    file.createDimension("point_number", values.size)
    for name, value in (("actual_sampling_interval", interval), ("actual_delay_time", delay)):
        if name not in leave_out:
            file.createVariable(name, "f4", ()).data[...] = value
    if "ordinate_values" not in leave_out:
        variable = file.createVariable("ordinate_values", dtype, ("point_number",))
        variable[:] = values
        for name, value in ({"autosampler_position": "7"} | (ordinate or {})).items():
            setattr(variable, name, value)
    if times is not None:
        file.variables["ordinate_values"].uniform_sampling_flag = "N"
        file.createVariable("raw_data_retention", "f4", ("point_number",))[:] = times
    if peaks:
        file.createDimension("peak_number", len(next(iter(peaks.values()))))
        for name, column in peaks.items():
            file.createVariable(name, "f4", ("peak_number",))[:] = column
        if names:
            file.createDimension("_32_byte_string", 32)
            padded = [list(name.ljust(32, "\x00").encode("latin-1")) for name in names]
            variable = file.createVariable("peak_name", "c", ("peak_number", "_32_byte_string"))
            variable[:] = np.array(padded, dtype=np.uint8).view("S1")
    file.close()
    return stream.content


def trace_section(
    channel: str = "Detector A-Ch1",
    counts: Any = (0, 10, 3000, 10, 0),
    *,
    start: str = "0.000",
    interval_ms: int = 500,
    points: int | None = None,
    unit: str = "mV",
    multiplier: str = "0.001",
    sep: str = "\t",
    decimal: str = ".",
    times: list[str] | None = None,
) -> str:
    """An ``[LC Chromatogram(...)]`` section."""
    first = float(start.replace(decimal, "."))
    cells = times or [f"{first + i * interval_ms / 60_000:.5f}" for i in range(len(counts))]
    rows = [f"{t.replace('.', decimal)}{sep}{c}\n" for t, c in zip(cells, counts, strict=True)]
    end = f"{first + (len(counts) - 1) * interval_ms / 60_000:.3f}".replace(".", decimal)
    return (
        f"[LC Chromatogram({channel})]\n"
        f"Interval(msec){sep}{interval_ms}\n"
        f"# of Points{sep}{len(counts) if points is None else points}\n"
        f"Start Time(min){sep}{start}\n"
        f"End Time(min){sep}{end}\n"
        f"Intensity Units{sep}{unit}\n"
        f"Intensity Multiplier{sep}{multiplier.replace('.', decimal)}\n"
        f"R.Time (min){sep}Intensity\n" + "".join(rows) + "\n"
    )


def peak_section(
    channel: str, rows: list[tuple[Any, ...]], *, sep: str = "\t", count: int | None = None
) -> str:
    """A ``[Peak Table(...)]``; rows as its header names them."""
    header = ["Peak#", "R.Time", "I.Time", "F.Time", "Area", "Height", "Mark", "Name"]
    lines = [sep.join(str(cell) for cell in row) + "\n" for row in rows]
    top = f"[Peak Table({channel})]\n# of Peaks{sep}{len(rows) if count is None else count}\n"
    return top + (sep.join(header) + "\n" + "".join(lines) if rows else "") + "\n"


def injection(
    *sections: str,
    data_file: str = r"C:\Data\std-001.lcd",
    acquired: str = "13/04/2024 09:53:42",
    sample: str = "S1",
    sep: str = "\t",
    detectors: str = "",
    vial: str = "7",
) -> str:
    """One injection of a LabSolutions file, its sections in the program's order."""
    return (
        f"[Header]\nApplication Name{sep}LabSolutions\nVersion{sep}5.54\n"
        f"Data File Name{sep}{data_file}\n\n"
        f"[Sample Information]\nAcquired{sep}{acquired}\nSample Name{sep}{sample}\n"
        f"Vial#{sep}{vial}\nDilution Factor{sep}1\nInjection Volume{sep}10\n\n"
        f"[Original Files]\nMethod File{sep}C:\\Data\\monoamines.lcm\n\n"
        f"{detectors}" + "".join(sections)
    )


def labsolutions(*sections: str, **options: Any) -> bytes:
    """A LabSolutions file with one injection; without sections, one channel and its peak."""
    if not sections:
        sep = options.get("sep", "\t")
        sections = (
            peak_section(
                "Detector A-Ch1",
                [(1, "0.017", "0.000", "0.033", 45000, 3000, " V ", "DA")],
                sep=sep,
            ),
            trace_section(sep=sep),
        )
    return injection(*sections, **options).encode()


def chromeleon7(
    signal: Any = ("0.125000", "1.500000", "1200.250000", "1.500000", "0.125000"),
    *,
    times: Any = None,
    head: dict[str, str | None] | None = None,
    comma: bool = False,
    raw: bool = False,
    tail: str = "",
) -> bytes:
    """A Chromeleon 7 file as 7.2 writes it, or as 7.1 does (`raw`).

    `signal` and `times` are texts; `head` replaces entries, and leaves out those that are None.
    With `comma` every number has a decimal comma and dot thousands.
    """
    cells = list(signal)
    clock = list(times or [f"{i / 120:.6f}" for i in range(len(cells))])
    steps = [60 * (float(b) - float(a)) for a, b in pairwise(clock)]
    values = [float(cell) for cell in cells]
    entries: dict[str, str | None] = {
        "Injection": "S1",
        "Injection Number": "3",
        "Position": "BA1",
        "Comment": "",
        "Instrument Method": "monoamines",
        "Injection Date": "13.04.2024",
        "Injection Time": "09:53:42",
        "Injection Volume (µl)": "10.0",
        "Dilution Factor": "2.0000",
    }
    data: dict[str, str | None] = {
        "Time Min. (min)": clock[0],
        "Time Max. (min)": clock[-1],
        "Data Points": str(len(cells)),
        "Detector": "EDet1",
        "Generating Data System": "Chromeleon 7.2.9.11323",
        "Signal Unit": "nC",
        "Signal Min.": f"{min(values):.6f}",
        "Signal Max.": f"{max(values):.6f}",
        "Channel": "ED_1",
        "Min. Step (s)": f"{min(steps, default=0):.4f}",
        "Max. Step (s)": f"{max(steps, default=0):.4f}",
        "Average Step (s)": f"{sum(steps) / max(len(steps), 1):.4f}",
    }
    given = head or {}
    what = "Raw Data" if raw else "Chromatogram Data"

    def number(text: str) -> str:
        if not comma:
            return text
        whole, mark, rest = text.partition(".")
        sign, digits = (whole[0], whole[1:]) if whole[:1] == "-" else ("", whole)
        return f"{sign}{int(digits):,}".replace(",", ".") + ("," if mark else "") + rest

    numeric = ("Volume", "Dilution", "Time M", "Signal M", "Step")
    lines = ["File Path\tchrom://pc/ChromeleonLocal/Run.seq/1.smp/ED_1.chm", "Channel\tED_1", ""]
    for title, block in (("Injection Information", entries), (f"{what} Information", data)):
        lines.append(f"{title}:")
        for key, value in (block | {k: v for k, v in given.items() if k in block}).items():
            if value is not None:
                is_number = key not in given and any(word in key for word in numeric)
                lines.append(f"{key}\t{number(value) if is_number else value}")
        lines.append("")
    lines += ["Signal Parameter Information:", "Signal Info\t", "", f"{what}:"]
    lines.append(f"Time (min)\tStep (s)\tValue ({given.get('unit', 'nC')})")
    first = number("0.000") if raw else "n.a."
    widths = [first, *(number(f"{step:g}") for step in steps)]
    rows = zip(clock, widths, cells, strict=True)
    lines += [f"{number(time)}\t{step}\t{number(cell)}" for time, step, cell in rows]
    return ("\r\n".join([*lines, ""]) + tail).encode("utf-8-sig")


def chromeleon68(
    signal: Any = ("0,125000", "1,500000", "1200,250000", "1,500000", "0,125000"),
    *,
    head: dict[str, str] | None = None,
) -> bytes:
    """A Chromeleon 6.8 file: decimal commas, a TAB at the end of every row, Windows-1252."""
    given = {
        "Sample": "S1",
        "Sample Position": "RB6",
        "PGM file": "monoamines",
        "Date": "13.04.2024",
        "Time": "09:53:42",
        "Injection Volume (µl)": "10,00",
        "Dilution Factor": "2,000000",
        "Time Min. (min)": "0,000",
        "Time Max. (min)": "0,033",
        "Data Points": str(len(signal)),
        "Signal Dimension": "nA",
        "Signal Min.": "0,125",
        "Signal Max.": "1200,250",
    } | (head or {})
    sample = list(given)[:7]
    times = [f"{i / 120:.6f}".replace(".", ",") for i in range(len(signal))]
    rows = zip(times, signal, strict=True)
    lines = [
        "Filepath\tC:\\Chromel\\data\\Run.SEQ\\ECD_1.CHL\\8.acd",
        "Channel\tECD_1",
        "",
        "Sample Information:",
        *(f"{key}\t{given[key]}" for key in sample),
        "",
        "Raw Data Header Information:",
        *(f"{key}\t{value}" for key, value in given.items() if key not in sample),
        "Detector\tED50A.dll",
        "Version High\t06",
        "Version Low\t80",
        "Signal Unit\tCurrent",
        "Channel Name\tECD_1",
        "Min. Step\t50",
        "",
        "Signal Parameter Information:",
        "Signal Info\t",
        "\t ",
        *[""] * 20,
        "Raw Data:",
        "Time(min)\tStep(sec)\tValue(nA)",
        *(f"{time}\t{'0,50' if n else '0,00'}\t{y}\t" for n, (time, y) in enumerate(rows)),
        "",
    ]
    return "\r\n".join(lines).encode("cp1252")


def chromeleon7_report(
    peaks: Any = (("DA", "0.008", "0.050", "12.000"), ("n.a.", "1.250", "0.888", "1.359")),
    *,
    injected: str = "13-apr-24 09:53",
    total: tuple[str, str] | None = None,
    channel: str = "ED_1",
    units: tuple[str, str, str] = ("min", "nC*min", "nC"),
    name: str = "S1",
    comma: bool = False,
) -> bytes:
    """A Chromeleon 7 report; `peaks` are name, time, area and height as printed."""
    area, height = total or (
        f"{sum(float(p[2]) for p in peaks):.3f}",
        f"{sum(float(p[3]) for p in peaks):.3f}",
    )
    rows = [
        "Chromatogram and Results",
        "",
        "Injection Details",
        f"Injection Name:\t\t{name}\t\t\tRun Time (min):\t70.00",
        "Vial Number:\t\tBA1\t\t\tInjection Volume:\t10.00",
        f"Injection Type:\t\tUnknown\t\t\tChannel:\t{channel}",
        "Calibration Level:\t\t\t\t\tWavelength:\tn.a.",
        "Instrument Method:\t\tmonoamines\t\t\tBandwidth:\tn.a.",
        f"Injection Date/Time:\t\t{injected}\t\t\tDilution Factor:\t2.0000",
        "",
        "Chromatogram",
        *[""] * 3,
        "Integration Results",
        "No. \tPeak Name\tRetention Time\tArea \tHeight \tRelative Area \tAmount ",
        f"\t\t{units[0]}\t{units[1]}\t{units[2]}\t%\tn.a.",
        "\t".join(["ED_1"] * 7),
        *(
            f"{n}  \t{label}\t{time}\t{a}\t{h}\t50.00\tn.a."
            for n, (label, time, a, h) in enumerate(peaks, start=1)
        ),
        f"Total:\t\t\t{area} \t{height} \t100.00 \t",
    ]
    text = "\r\n".join(row + "\t" * (8 - row.count("\t")) for row in rows) + "\r\n"
    return (text.replace(".", ",").replace("n,a,", "n.a.") if comma else text).encode()


PEAKS = {
    "peak_retention_time": [60.0, 120.0],
    "peak_area": [10.0, -1.0],
    "peak_height": [2.0, 1.0],
    "peak_start_time": [55.0, 110.0],
    "peak_end_time": [66.0, -9999.0],
    "baseline_start_time": [55.0, -1.0],
    "baseline_start_value": [0.5, -1.0],
}

# One small file per registered reader: all must pass the same tests.
SAMPLES: dict[str, bytes] = {
    "andi": andi(peaks=PEAKS, names=["DA", "5-HT"]),
    "chromeleon7": chromeleon7(),
    "chromeleon7_report": chromeleon7_report(),
    "chromeleon68": chromeleon68(),
    "labsolutions": labsolutions(),
    **TEXT_SAMPLES,
}
