"""ANDI/AIA netCDF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialysis.chromatogram import Chromatogram
from dialysis.errors import ExportFormatError
from dialysis.ingest import read
from dialysis.ingest.andi import AndiReader
from dialysis.ingest.reader import BadExport
from tests.contract._ingest_files import PEAKS, andi, real

AGAIN = "The file is cut short or altered: export the injection again, or copy it again."


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def one(content: bytes) -> Chromatogram:
    Path("x.cdf").write_bytes(content)
    [trace] = read("x.cdf")
    return trace


def message(content: bytes) -> str:
    Path("x.cdf").write_bytes(content)
    with pytest.raises(ExportFormatError) as error:
        read("x.cdf")
    return str(error.value)


def test_a_small_file() -> None:
    trace = one(andi(peaks=PEAKS, names=["DA", "5-HT"]))
    np.testing.assert_array_equal(trace.signal, [0, 1, 3, 1, 0])
    # The float32 of 0.4 and 0.012, as the decimals they were written from.
    assert (trace.start_s, trace.interval_s, trace.time_s) == (0.012, 0.4, None)
    assert (trace.unit, trace.channel, trace.detector) == ("nA", "ECD-1", "ECD-1")
    assert (trace.sample_name, trace.vial, trace.method) == ("S1", "7", "monoamines")
    assert (trace.injected_at, trace.injected_at_note) == ("2024-04-13T09:53:42+02:00", "")
    assert trace.section == ""
    assert dict(trace.header) == {"operator_name": "N.N."}
    first, second = trace.vendor_peaks
    assert (first.rt_min, first.area, first.height, first.name) == (1.0, 10.0, 2.0, "DA")
    assert (first.start_min, first.end_min) == (55 / 60, 1.1)
    assert (first.baseline_start, first.baseline_start_min) == (0.5, 55 / 60)
    assert (second.name, second.area, second.end_min, second.baseline_start) == (
        "5-HT",
        None,
        None,
        None,
    )


def test_the_second_classic_version() -> None:
    np.testing.assert_array_equal(one(andi(version=2)).signal, [0, 1, 3, 1, 0])


def test_integer_counts_with_a_scale() -> None:
    scaled = andi([1, 2, -4], dtype="i4", ordinate={"scale_factor": 0.5, "add_offset": 10.0})
    np.testing.assert_array_equal(one(scaled).signal, [10.5, 11, 8])
    np.testing.assert_array_equal(one(andi([1, 2, -4], dtype="i2")).signal, [1, 2, -4])


def test_times_of_their_own() -> None:
    trace = one(andi([1.0, 2.0, 3.0], times=[0.0, 1.0, 3.0], leave_out=("actual_delay_time",)))
    assert trace.time_s is not None
    np.testing.assert_array_equal(trace.time_s, [0, 1, 3])
    assert (trace.start_s, trace.interval_s, trace.uniform) == (0.0, 1.5, False)


def test_minutes_become_seconds_and_areas_of_unknown_unit_are_left_out() -> None:
    trace = one(
        andi(attributes={"retention_unit": "Minutes"}, interval=0.01, delay=0.5, peaks=PEAKS)
    )
    assert trace.start_s == 30.0
    assert trace.interval_s == pytest.approx(0.6, rel=1e-12)
    assert trace.vendor_peaks[0].rt_min == 60.0
    assert trace.vendor_peaks[0].area is None
    assert trace.vendor_peaks[0].height == 2.0
    assert trace.header["peak_area"] == "not taken over: its unit of time is not known"


@pytest.mark.parametrize("unit", [None, "seconds", "time in seconds", "s", "sec"])
def test_seconds_are_the_default(unit: str | None) -> None:
    assert one(andi(attributes={"retention_unit": unit})).interval_s == 0.4


def test_peaks_without_a_retention_time_are_counted() -> None:
    trace = one(andi(peaks=PEAKS | {"peak_retention_time": [-1.0, 120.0]}))
    assert [peak.rt_min for peak in trace.vendor_peaks] == [2.0]
    assert trace.header["peak_retention_time"] == "missing for 1 of 2 peaks, left out"


def test_a_peak_table_without_a_peak() -> None:
    # netCDF has no dimension of length 0: it becomes the record dimension, with no records.
    assert one(andi(peaks={name: [] for name in PEAKS})).vendor_peaks == ()


@pytest.mark.parametrize(
    ("stamp", "iso", "note"),
    [
        ("20240413095342", "2024-04-13T09:53:42", ""),
        ("20240413095342-0500", "2024-04-13T09:53:42-05:00", ""),
        (
            "20181030174305+0000",
            "2018-10-30T17:43:05+00:00",
            "the export gives offset +0000, which may stand for local time",
        ),
        ("20241345095342", "", "injection_date_time_stamp '20241345095342' is not understood"),
        ("yesterday", "", "injection_date_time_stamp 'yesterday' is not understood"),
        (None, "", ""),
    ],
)
def test_injection_times(stamp: str | None, iso: str, note: str) -> None:
    trace = one(andi(attributes={"injection_date_time_stamp": stamp}))
    assert (trace.injected_at, trace.injected_at_note) == (iso, note)


def test_a_file_cut_in_the_middle() -> None:
    content = andi(np.arange(1000.0))
    start = content.index(np.arange(1000.0).astype(">f4").tobytes())
    assert message(content[: start + 100]) == (
        f"x.cdf, byte {start + 100}: found the end of the file; expected 4000 bytes from byte "
        f"{start} on, as the netCDF header says. {AGAIN}"
    )
    assert message(content[:40]) == (
        "x.cdf, byte 40: found the end of the file; expected 4 bytes from byte 40 on, as the "
        f"netCDF header says. {AGAIN}"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"signal": [1.0, np.nan, 2.0]},
            "x.cdf, ordinate_values, point 2: found a signal of nan; expected a finite number. "
            + AGAIN,
        ),
        (
            {"signal": [1.0, 2.0, -np.inf]},
            "x.cdf, ordinate_values, point 3: found a signal of -inf; expected a finite number. "
            + AGAIN,
        ),
        (
            {"signal": [1.0]},
            f"x.cdf, ordinate_values: found 1 point; expected at least 2 points. {AGAIN}",
        ),
        (
            {"interval": 0.0},
            "x.cdf, variable actual_sampling_interval: found 0.0; expected a finite number above "
            f"0. {AGAIN}",
        ),
        (
            {"interval": np.nan},
            "x.cdf, variable actual_sampling_interval: found nan; expected a finite number above "
            f"0. {AGAIN}",
        ),
        (
            {"delay": np.inf},
            f"x.cdf, variable actual_delay_time: found inf; expected a finite number. {AGAIN}",
        ),
        (
            {"signal": [1.0, 2.0, 3.0], "times": [0.0, np.nan, 2.0]},
            "x.cdf, raw_data_retention, point 2: found a time of nan; expected a finite number of "
            f"s. {AGAIN}",
        ),
        (
            {"signal": [1.0, 2.0, 3.0], "times": [0.0, 2.0, 1.5]},
            "x.cdf, raw_data_retention, point 3: found time 1.5 s after 2 s; expected times that "
            f"increase from point to point. {AGAIN}",
        ),
        (
            {"leave_out": ("ordinate_values",)},
            "x.cdf, netCDF variables: found no ordinate_values; expected ordinate_values, the "
            "detector signal. Export as ANDI/AIA for chromatography (ASTM E1947).",
        ),
        (
            {"leave_out": ("actual_sampling_interval",)},
            "x.cdf, netCDF variables: found no actual_sampling_interval; expected "
            "actual_sampling_interval, the distance of the points. Export as ANDI/AIA for "
            "chromatography (ASTM E1947).",
        ),
        (
            {"attributes": {"retention_unit": "scans"}},
            "x.cdf, attribute retention_unit: found 'scans'; expected seconds or minutes. Export "
            "with a time axis.",
        ),
    ],
)
def test_files_that_are_not_as_e1947_has_them(options: dict[str, Any], text: str) -> None:
    assert message(andi(**options)) == text


def test_a_version_that_is_not_classic() -> None:
    assert message(b"CDF\x05" + andi()[4:]) == (
        "x.cdf, byte 0: found the bytes 43 44 46 05; expected netCDF classic, which starts with "
        "43 44 46 01 or 43 44 46 02. Convert it with 'nccopy -k classic', or export as ANDI/AIA "
        "again."
    )


# Area mAU·s, retention, start and end in s, from SOURCES.md beside the file.
REAL_PEAKS = [
    (196.065, 186.812, 220.812, 556.765),
    (332.566, 239.212, 471.518, 419.825),
    (527.550, 502.412, 572.479, 66.5661),
    (709.647, 668.012, 723.643, 294.514),
    (734.936, 723.643, 776.967, 244.531),
    (799.122, 777.212, 831.212, 72.3233),
    (1030.167, 989.212, 1096.964, 2314.475),
    (1177.760, 1097.212, 1354.812, 3948.423),
]


class TestTheRealFile:
    @pytest.fixture
    def trace(self) -> Chromatogram:
        [trace] = read(real("andi_netcdf", "agilent-hplc.cdf"))
        return trace

    def test_trace(self, trace: Chromatogram) -> None:
        assert (trace.n_points, trace.start_s, trace.interval_s) == (4651, 0.012, 0.4)
        assert (trace.unit, trace.vial) == ("mAU", "11")
        assert trace.times_s[-1] == pytest.approx(1860.012, abs=1e-9)
        assert trace.channel == "DAD1 A, Sig=254,4 Ref=360,100"
        assert trace.sample_name == "MW-2-6-6 IC 90"
        assert trace.method == "POS 3 IC 90-10 31 MIN.M"
        assert trace.injected_at == "2018-10-30T17:43:05+00:00"
        assert trace.signal[0] == np.float32(-0.07588416)

    def test_peaks(self, trace: Chromatogram) -> None:
        assert len(trace.vendor_peaks) == 8
        for peak, (rt, start, end, area) in zip(trace.vendor_peaks, REAL_PEAKS, strict=True):
            assert peak.start_min is not None
            assert peak.end_min is not None
            # Printed with three decimals and six digits.
            assert peak.rt_min * 60 == pytest.approx(rt, abs=6e-4)
            assert peak.start_min * 60 == pytest.approx(start, abs=6e-4)
            assert peak.end_min * 60 == pytest.approx(end, abs=6e-4)
            assert peak.area == pytest.approx(area, rel=2e-6)
        assert [peak.code for peak in trace.vendor_peaks] == [
            "BB", "BB", "BB", "BV", "VB", "BB", "BB", "BB",
        ]  # fmt: skip

    def test_the_vendors_limits_and_baselines_give_the_vendors_areas(
        self, trace: Chromatogram
    ) -> None:
        times, signal = trace.times_s, trace.signal
        for peak in trace.vendor_peaks:
            assert peak.start_min is not None and peak.end_min is not None
            assert peak.baseline_start is not None and peak.baseline_end is not None
            low, high = peak.start_min * 60, peak.end_min * 60
            inside = (times > low) & (times < high)
            t = np.r_[low, times[inside], high]
            y = np.r_[np.interp(low, times, signal), signal[inside], np.interp(high, times, signal)]
            base = np.interp(t, [low, high], [peak.baseline_start, peak.baseline_end])
            # Areas and values are stored as float32; limits between points are interpolated.
            assert np.trapezoid(y - base, t) == pytest.approx(peak.area, rel=1e-5)


def test_a_sampling_flag_that_is_neither_yes_nor_no(tmp_path: Path) -> None:
    assert "attribute uniform_sampling_flag: found 'O'; expected Y or N." in message_of(
        tmp_path, andi(ordinate={"uniform_sampling_flag": "O"})
    )


@pytest.mark.parametrize("unit", ["msec", "ms", "hours", "minutes or seconds"])
def test_another_unit_of_time(tmp_path: Path, unit: str) -> None:
    assert f"attribute retention_unit: found '{unit}'; expected seconds or minutes." in message_of(
        tmp_path, andi(attributes={"retention_unit": unit})
    )


def test_every_byte_of_a_header_changed_gives_no_other_error(tmp_path: Path) -> None:
    content = andi(peaks=PEAKS, names=["DA", "5-HT"])
    for at in range(4, len(content), 3):
        for value in (0, 1, 0x7F, 0xFF):
            changed = bytearray(content)
            changed[at] = value
            try:
                AndiReader().read(tmp_path, bytes(changed))
            except BadExport as error:
                assert error.problem.where


def message_of(folder: Path, content: bytes) -> str:
    (folder / "x.cdf").write_bytes(content)
    with pytest.raises(ExportFormatError) as error:
        read(folder / "x.cdf")
    return str(error.value)
