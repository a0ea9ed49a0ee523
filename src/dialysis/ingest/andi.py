"""ANDI/AIA chromatography files: ASTM E1947 in netCDF classic format.

One file holds one detector channel of one injection: `ordinate_values` sampled every
`actual_sampling_interval` from `actual_delay_time` on, and, in category C2, the data system's
own peaks with their baselines.

References
----------
ASTM E1947-98(2022), Standard Specification for Analytical Data Interchange Protocol for
Chromatographic Data.  The netCDF classic format is specified in the NetCDF User's Guide, as are
`scale_factor` and `add_offset`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray, VendorPeak
from dialysis.ingest.checks import check_signal, check_times
from dialysis.ingest.netcdf import Variable, read_netcdf
from dialysis.ingest.reader import BadExport, Reader

_STAMP = re.compile(r"(\d{14})\s*([+-]\d{4})?")
_SECONDS = {"s", "sec", "secs", "second", "seconds"}
_MINUTES = {"min", "mins", "minute", "minutes"}
_MISSING = (-1.0, -9999.0)
_UNDERSTOOD = {
    "sample_name",
    "injection_date_time_stamp",
    "detector_unit",
    "detector_name",
    "detection_method_name",
    "retention_unit",
}


class AndiReader(Reader):
    """ANDI/AIA netCDF."""

    key = "andi"
    name = "ANDI/AIA netCDF"
    extensions = (".cdf", ".nc")
    yields = (
        "one channel of one injection; sample, method, vial, injection time; the data system's "
        "peaks with limits, areas and baselines"
    )
    verified = "one real file (ChemStation, diode array, 8 peaks)"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the file is netCDF, of any classic version."""
        return head.startswith(b"CDF")

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the one chromatogram of the file.

        Raises
        ------
        BadExport
            When the file is cut, not classic netCDF, lacks a variable E1947 requires, or holds
            values that are not finite.
        """
        attributes, variables = read_netcdf(content)
        scale = _seconds_per_unit(_text(attributes.get("retention_unit", b"")))
        signal = _signal(variables)
        ordinates = variables["ordinate_values"]
        check_signal(signal, lambda i: f"ordinate_values, point {i + 1}", "ordinate_values")
        start_s, interval_s, time_s = _times(variables, signal.size, scale)
        injected_at, note = _injected_at(_text(attributes.get("injection_date_time_stamp", b"")))
        detector = _text(attributes.get("detector_name", b""))
        header = _header(attributes, variables)
        return [
            Chromatogram(
                signal=signal,
                unit=_text(attributes.get("detector_unit", b"")),
                start_s=start_s,
                interval_s=interval_s,
                time_s=time_s,
                channel=detector,
                detector=detector,
                sample_name=_text(attributes.get("sample_name", b"")),
                vial=_text(ordinates.attributes.get("autosampler_position", b"")),
                method=_text(attributes.get("detection_method_name", b"")),
                injected_at=injected_at,
                injected_at_note=note,
                vendor_peaks=_peaks(variables, scale, header),
                header=MappingProxyType(header),
            )
        ]


def _text(value: Any) -> str:
    """Text of an attribute or of one row of a character variable."""
    if isinstance(value, np.ndarray):
        value = value.tobytes() if value.dtype.kind == "S" else str(value.tolist()).encode()
    if isinstance(value, bytes):
        return value.split(b"\x00")[0].decode("latin-1").strip()
    return str(value).strip()


def _decimal(value: Any) -> float:
    """A number as it was meant: 0.4 rather than 0.4000000059604645 for the float32 of it."""
    return float(str(value)) if isinstance(value, np.floating) else float(value)


def _seconds_per_unit(unit: str) -> float:
    """Length of the retention unit in s; E1947's default is the second."""
    words = set(re.findall("[a-z]+", unit.lower()))
    if not unit or (words & _SECONDS and not words & _MINUTES):
        return 1.0
    if words & _MINUTES and not words & _SECONDS:
        return 60.0
    raise BadExport(
        "attribute retention_unit",
        f"'{unit}'",
        "seconds or minutes",
        "Export with a time axis.",
    )


def _numeric(variables: Mapping[str, Variable], name: str, why: str) -> Any:
    """A required variable that holds numbers."""
    if name not in variables:
        scans = "scan_acquisition_time" in variables
        raise BadExport(
            "netCDF variables",
            f"no {name}" + (", but scans of a mass spectrometer" if scans else ""),
            f"{name}, {why}",
            "Export as ANDI/AIA for chromatography (ASTM E1947).",
        )
    data = variables[name].data
    if data is None or data.dtype.kind not in "fiu":
        raise BadExport(f"variable {name}", "no numbers", f"{why}, as numbers")
    return data


def _scalar(variables: Mapping[str, Variable], name: str, why: str) -> float:
    data = _numeric(variables, name, why)
    if data.size != 1:
        raise BadExport(f"variable {name}", f"{data.size} values", f"one value, {why}")
    return _decimal(data.reshape(-1)[0])


def _signal(variables: Mapping[str, Variable]) -> FloatArray:
    data = _numeric(variables, "ordinate_values", "the detector signal")
    if data.ndim != 1:
        raise BadExport("variable ordinate_values", f"{data.ndim} dimensions", "one dimension")
    # A damaged float can be a signalling NaN, which makes the cast warn; it is found below.
    with np.errstate(invalid="ignore"):
        signal: FloatArray = data.astype(np.float64)
        attributes = variables["ordinate_values"].attributes
        for name, neutral in (("scale_factor", 1.0), ("add_offset", 0.0)):
            value = attributes.get(name, neutral)
            if np.size(value) != 1 or not np.issubdtype(np.asarray(value).dtype, np.number):
                raise BadExport(
                    f"variable ordinate_values, attribute {name}", "no number", "one number"
                )
        with np.errstate(over="ignore"):
            signal = signal * _decimal(attributes.get("scale_factor", 1.0))
            signal = signal + _decimal(attributes.get("add_offset", 0.0))
    return signal


def _times(
    variables: Mapping[str, Variable], n_points: int, scale: float
) -> tuple[float, float, FloatArray | None]:
    """First time and interval in s, and all times when sampling is not uniform."""
    flag = _text(variables["ordinate_values"].attributes.get("uniform_sampling_flag", b"Y"))
    if flag[:1].upper() not in ("", "Y", "N"):
        raise BadExport(
            "variable ordinate_values, attribute uniform_sampling_flag", f"'{flag}'", "Y or N"
        )
    if flag[:1].upper() == "N":
        data = _numeric(variables, "raw_data_retention", "the time of every point")
        with np.errstate(invalid="ignore", over="ignore"):
            times: FloatArray = data.astype(np.float64).reshape(-1) * scale
        if times.size != n_points:
            raise BadExport(
                "variable raw_data_retention",
                f"{times.size} times",
                f"{n_points}, one for every point of ordinate_values",
            )
        check_times(times, lambda i: f"raw_data_retention, point {i + 1}", "s")
        with np.errstate(over="ignore"):
            return float(times[0]), float(np.median(np.diff(times))), times
    interval = _scalar(variables, "actual_sampling_interval", "the distance of the points")
    if not (math.isfinite(interval) and interval > 0):
        raise BadExport(
            "variable actual_sampling_interval", f"{interval}", "a finite number above 0"
        )
    delay = _scalar(variables, "actual_delay_time", "the time of the first point")
    if not math.isfinite(delay):
        raise BadExport("variable actual_delay_time", f"{delay}", "a finite number")
    return delay * scale, interval * scale, None


def _injected_at(stamp: str) -> tuple[str, str]:
    """ISO 8601 of an E1947 time stamp, ``YYYYMMDDhhmmss±hhmm``, and what to know about it."""
    if not stamp:
        return "", ""
    match = _STAMP.fullmatch(stamp)
    try:
        if match is None:
            raise ValueError
        when = datetime.strptime("".join(match.groups("")), "%Y%m%d%H%M%S" + "%z" * bool(match[2]))
    except ValueError:
        return "", f"injection_date_time_stamp '{stamp}' is not understood"
    offset = when.utcoffset()
    if offset is not None and not offset:
        return when.isoformat(), "the export gives offset +0000, which may stand for local time"
    return when.isoformat(), ""


def _column(variables: Mapping[str, Variable], name: str, n_peaks: int) -> list[float | None]:
    """One value per peak; ``None`` where there is none."""
    data = getattr(variables.get(name), "data", None)
    if data is None or data.dtype.kind not in "fiu" or data.shape != (n_peaks,):
        return [None] * n_peaks
    values = [_decimal(value) for value in data]
    return [None if value in _MISSING or not math.isfinite(value) else value for value in values]


def _strings(variables: Mapping[str, Variable], name: str, n_peaks: int) -> list[str]:
    data = getattr(variables.get(name), "data", None)
    if data is None or data.dtype.kind != "S" or data.ndim != 2 or len(data) != n_peaks:
        return [""] * n_peaks
    return [_text(row) for row in data]


def _peaks(
    variables: Mapping[str, Variable], scale: float, header: dict[str, str]
) -> tuple[VendorPeak, ...]:
    """The data system's peaks; what could not be taken over is noted in `header`."""
    data = getattr(variables.get("peak_retention_time"), "data", None)
    if data is None or data.ndim != 1:
        return ()
    n = len(data)

    def numbers(name: str) -> list[float | None]:
        return _column(variables, name, n)

    def minutes(name: str) -> list[float | None]:
        return [None if v is None else v * scale / 60 for v in numbers(name)]

    areas = numbers("peak_area")
    if scale != 1.0:
        # E1947 does not say which unit of time an area has when the axis is not in seconds.
        header["peak_area"] = "not taken over: its unit of time is not known"
        areas = [None] * n
    starts, stops = minutes("baseline_start_time"), minutes("baseline_stop_time")
    codes = zip(
        _strings(variables, "peak_start_detection_code", n),
        _strings(variables, "peak_stop_detection_code", n),
        strict=True,
    )
    columns = zip(
        minutes("peak_retention_time"),
        areas,
        numbers("peak_height"),
        minutes("peak_start_time"),
        minutes("peak_end_time"),
        numbers("baseline_start_value"),
        numbers("baseline_stop_value"),
        starts,
        stops,
        _strings(variables, "peak_name", n),
        codes,
        strict=True,
    )
    peaks = tuple(
        VendorPeak(
            rt_min=rt,
            area=area,
            height=height,
            start_min=start,
            end_min=end,
            baseline_start=low,
            baseline_end=high,
            baseline_start_min=low_at,
            baseline_end_min=high_at,
            name=name,
            code=first + last,
        )
        for rt, area, height, start, end, low, high, low_at, high_at, name, (first, last) in columns
        if rt is not None
    )
    if len(peaks) < n:
        header["peak_retention_time"] = f"missing for {n - len(peaks)} of {n} peaks, left out"
    return peaks


def _header(attributes: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, str]:
    """Global attributes and single values that have no place of their own."""
    header = {
        name: text
        for name, value in attributes.items()
        if name not in _UNDERSTOOD and (text := _text(value))
    }
    used = ("actual_sampling_interval", "actual_delay_time")
    for name, variable in variables.items():
        data = variable.data
        if name not in used and data is not None and data.shape == () and data.dtype.kind in "fiu":
            header[name] = str(_decimal(data[()]))
    return header
