"""Small export files for the tests of `ingest`, made here and nowhere else."""

from __future__ import annotations

from io import BytesIO
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
    "labsolutions": labsolutions(),
    **TEXT_SAMPLES,
}
