"""Shimadzu LabSolutions and LCsolution ASCII."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dialysis.chromatogram import Chromatogram, VendorPeak
from dialysis.errors import ExportFormatError
from dialysis.ingest import READERS, read
from dialysis.ingest.exports import Export, read_export
from tests.contract._ingest_files import (
    injection,
    labsolutions,
    peak_section,
    real,
    trace_section,
)

AGAIN = "The file is cut short or altered: export the injection again, or copy it again."
TICK = "Export again with the chromatograms of all detectors ticked."


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def traces(content: bytes | str) -> list[Chromatogram]:
    Path("x.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    return read("x.txt")


def message(content: bytes | str) -> str:
    with pytest.raises(ExportFormatError) as error:
        traces(content)
    return str(error.value)


def line_of(content: bytes, text: str, nth: int = 0) -> int:
    """Line of the n-th line that is `text`, counted from 1."""
    return [i for i, line in enumerate(content.decode().split("\n"), 1) if line == text][nth]


@pytest.mark.parametrize("sep", ["\t", ","])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "bom"])
def test_a_small_file_in_every_dialect(sep: str, ends: str, mark: bytes) -> None:
    [trace] = traces(mark + labsolutions(sep=sep).replace(b"\n", ends.encode()))
    np.testing.assert_allclose(trace.signal, [0, 0.01, 3, 0.01, 0], rtol=1e-15)
    assert (trace.unit, trace.start_s, trace.interval_s, trace.time_s) == ("mV", 0.0, 0.5, None)
    assert (trace.channel, trace.detector) == ("Detector A-Ch1", "Detector A")
    assert (trace.sample_name, trace.vial, trace.method) == ("S1", "7", "monoamines.lcm")
    assert (trace.dilution, trace.injection_uL, trace.section) == (1.0, 10.0, "")
    assert (trace.injected_at, trace.injected_at_note) == ("2024-04-13T09:53:42", "")
    assert trace.vendor_peaks == (VendorPeak(0.017, 45.0, 3.0, 0.0, 0.033, name="DA", code="V"),)
    assert trace.header["Data File Name"] == r"C:\Data\std-001.lcd"


def test_decimal_commas_with_tabs() -> None:
    content = labsolutions(
        trace_section(start="0,010", decimal=","),
        peak_section("Detector A-Ch1", [(1, "0,017", "0,010", "0,033", "45000,5", 3000, "", "")]),
    )
    [trace] = traces(content)
    assert trace.start_s == pytest.approx(0.6, abs=1e-12)
    np.testing.assert_allclose(trace.signal, [0, 0.01, 3, 0.01, 0], rtol=1e-15)
    assert trace.vendor_peaks[0].area == pytest.approx(45.0005, rel=1e-12)


def test_detectors_channels_and_peak_tables_find_each_other() -> None:
    content = labsolutions(
        peak_section("Detector A-Ch2", [(1, 0.02, 0.01, 0.03, 2000, 200, "", "A2")]),
        peak_section("Detector B", [(1, 0.02, 0.01, 0.03, 3000, 300, "S", "B")]),
        peak_section("AD2", [(1, 0.02, 0.01, 0.03, 4000, 400, "", "AD")]),
        peak_section("PDA-Ch1", [(1, 0.02, 0.01, 0.03, 5000, 500, "", "PDA")]),
        trace_section("Detector A-Ch1", (1, 2, 3)),
        trace_section("Detector A-Ch2", (4, 5, 6, 7), start="0.010"),
        trace_section("Detector B-Ch1", (8, 9)),
        trace_section("AD2", (1, 0), interval_ms=100, unit="V", multiplier="0.000001"),
        "[LC Status Trace(Pump A Pressure)]\nInterval(msec)\t1000\n# of Points\t2\n"
        "Start Time(min)\t0.000\nIntensity Units\tbar\nIntensity Multiplier\t1\n"
        "R.Time (min)\tIntensity\n0.00000\t31.3\n0.01667\t31.4\n\n",
        detectors="[Configuration]\nDetector ID\tDetector A\tDetector B\tAD2\n"
        "Detector Name\tUV\tRID\tECD\n\n",
    )
    got = traces(content)
    assert [(t.channel, t.detector, t.n_points, t.unit) for t in got] == [
        ("Detector A-Ch1", "UV", 3, "mV"),
        ("Detector A-Ch2", "UV", 4, "mV"),
        ("Detector B-Ch1", "RID", 2, "mV"),
        ("AD2", "ECD", 2, "V"),
    ]
    assert [t.start_s for t in got] == pytest.approx([0, 0.6, 0, 0], abs=1e-12)
    assert [t.interval_s for t in got] == [0.5, 0.5, 0.5, 0.1]
    areas = [[(peak.name, peak.area) for peak in t.vendor_peaks] for t in got]
    assert areas == [[], [("A2", 2.0)], [("B", 3.0)], [("AD", pytest.approx(4e-3, rel=1e-12))]]


def test_areas_of_counts_that_are_not_microvolts_are_left_out() -> None:
    rows = [(1, 0.02, 0.01, 0.03, 2000, 200, "", "")]
    [trace] = traces(
        labsolutions(peak_section("AD2", rows), trace_section("AD2", multiplier="0.01"))
    )
    assert trace.vendor_peaks == (VendorPeak(0.02, None, None, 0.01, 0.03),)
    assert trace.header["Peak Table"] == (
        "areas and heights not taken over: counts are 0.01 mV, not µV"
    )
    [trace] = traces(
        labsolutions(peak_section("AD2", rows), trace_section("AD2", unit="nA", multiplier="0.01"))
    )
    assert trace.vendor_peaks == (VendorPeak(0.02, 20.0, 2.0, 0.01, 0.03),)


def test_a_delimiter_in_a_compound_name() -> None:
    rows = [(1, 0.017, 0.0, 0.033, 45000, 3000, "", "3,4-dihydroxyphenylacetic acid")]
    content = labsolutions(
        peak_section("Detector A-Ch1", rows, sep=","), trace_section(sep=","), sep=","
    )
    assert traces(content)[0].vendor_peaks[0].name == "3,4-dihydroxyphenylacetic acid"


def test_stray_bytes_are_windows_1252() -> None:
    content = labsolutions(sample="bazdar-ac").replace(b"bazdar-ac", b"ba\x9edar\x81ac")
    assert traces(content)[0].sample_name == "baždar�ac"
    assert traces(labsolutions(sample="µ-bž"))[0].sample_name == "µ-bž"


def test_channels_without_a_point_are_not_traces() -> None:
    got = traces(labsolutions(trace_section(), trace_section("AD2", ())))
    assert [trace.channel for trace in got] == ["Detector A-Ch1"]


class TestSeveralInjectionsInOneFile:
    def test_each_has_its_section(self) -> None:
        text = "".join(
            injection(
                trace_section("AD2", (i, i + 1)),
                data_file=rf"C:\Data\{name}",
                sample=f"S{i}",
                acquired=f"04/{i}/2024 10:00:00 AM",
            )
            for i, name in ((1, "std-001.lcd"), (2, "std-002.lcd"), (3, "std-001.lcd"))
        )
        got = traces(text)
        assert [t.section for t in got] == ["std-001", "std-002", "std-001 (2)"]
        assert [t.sample_name for t in got] == ["S1", "S2", "S3"]
        assert [t.signal[0] for t in got] == pytest.approx([1e-3, 2e-3, 3e-3])
        # 1, 2 and 3 April rather than 4 January, February and March.
        assert [t.injected_at[:10] for t in got] == ["2024-04-01", "2024-04-02", "2024-04-03"]
        assert got[0].injected_at_note == (
            "day/month order assumed: month before day (the injections are closest together so)"
        )

    def test_one_of_them_without_a_trace(self) -> None:
        first = injection(trace_section())
        second = injection(peak_section("AD2", []), data_file=r"C:\Data\std-002.lcd")
        line = first.count("\n") + 1
        assert message(first + second) == (
            f"x.txt, line {line}: found an injection with the vendor's results and no trace (1 of "
            f"2); expected an [LC Chromatogram(...)] section in every injection. {TICK}"
        )


class TestCutFiles:
    def test_fewer_points_than_the_header_says(self) -> None:
        content = labsolutions(trace_section(points=9))
        line = line_of(content, "0.03333\t0") + 1
        assert message(content) == (
            f"x.txt, line {line}: found 5 points in [LC Chromatogram(Detector A-Ch1)]; expected "
            f"9, as its '# of Points' says. {AGAIN}"
        )

    def test_more_points_than_the_header_says(self) -> None:
        content = labsolutions(trace_section(points=4))
        assert ": found 5 points in [LC Chromatogram(Detector A-Ch1)]; expected 4," in message(
            content
        )

    def test_the_last_point_may_be_half_of_one(self) -> None:
        content = labsolutions(trace_section(counts=(0, 5, 123)))
        cut = content[: content.index(b"123") + 2]
        line = line_of(content, "0.01667\t123")
        assert message(cut) == (
            f"x.txt, line {line}: found the end of the file inside the last point of "
            "[LC Chromatogram(Detector A-Ch1)]; expected a line end after it. " + AGAIN
        )

    def test_a_header_without_its_data(self) -> None:
        content = labsolutions(trace_section())
        at = content.index(b"Intensity Multiplier")
        line = line_of(content, "[LC Chromatogram(Detector A-Ch1)]")
        assert message(content[:at]) == (
            f"x.txt, line {line}: found no 'Intensity Multiplier' in "
            f"[LC Chromatogram(Detector A-Ch1)]; expected 'Intensity Multiplier'. {AGAIN}"
        )
        at = content.index(b"R.Time (min)")
        assert message(content[:at]) == (
            f"x.txt, line {line + 7}: found no line of column names in "
            "[LC Chromatogram(Detector A-Ch1)]; expected 'R.Time (min)<TAB>Intensity'. " + AGAIN
        )

    def test_a_title_cut_in_two(self) -> None:
        content = labsolutions(trace_section("AD1"), trace_section("AD2"))
        cut = content[: content.index(b"AD2)")]
        line = line_of(content, "[LC Chromatogram(AD2)]")
        assert message(cut) == (
            f"x.txt, line {line}: found text after the points of [LC Chromatogram(AD1)]; expected "
            f"a new [Section]. {AGAIN}"
        )

    def test_peaks_whose_trace_is_gone(self) -> None:
        content = labsolutions(
            peak_section("Detector B", [(1, 0.02, 0.01, 0.03, 2000, 200, "", "")]), trace_section()
        )
        line = line_of(content, "[Peak Table(Detector B)]")
        assert message(content) == (
            f"x.txt, line {line}: found peaks in [Peak Table(Detector B)] but no trace of "
            f"Detector B; expected an [LC Chromatogram(...)] for every detector with peaks. {AGAIN}"
        )

    def test_fewer_peaks_than_the_table_says(self) -> None:
        rows = [(1, 0.02, 0.01, 0.03, 2000, 200, "", "")]
        content = labsolutions(trace_section(), peak_section("Detector A-Ch1", rows, count=2))
        line = line_of(content, "[Peak Table(Detector A-Ch1)]")
        assert message(content) == (
            f"x.txt, line {line + 4}: found 1 peaks in [Peak Table(Detector A-Ch1)]; expected 2, "
            f"as its '# of Peaks' says. {AGAIN}"
        )

    def test_a_peak_with_too_few_cells(self) -> None:
        rows = [(1, 0.02, 0.01, 0.03)]
        content = labsolutions(trace_section(), peak_section("Detector A-Ch1", rows))
        line = line_of(content, "1\t0.02\t0.01\t0.03")
        assert message(content) == (
            f"x.txt, line {line}: found 4 values; expected 8, one for each column. {AGAIN}"
        )

    def test_a_status_trace_that_ends_early(self) -> None:
        status = trace_section("x", (1, 2), points=3).replace("LC Chromatogram", "LC Status Trace")
        assert ": found 2 points in [LC Status Trace(x)]; expected 3, as its" in message(
            labsolutions(trace_section(), status)
        )


class TestWrongValues:
    @pytest.mark.parametrize(
        ("bad", "what"),
        [("abc", "an intensity"), ("", "an intensity"), ("nan", "an intensity"),
         ("inf", "an intensity"), ("1_0", "an intensity")],
    )  # fmt: skip
    def test_intensities(self, bad: str, what: str) -> None:
        content = labsolutions(trace_section(counts=(0, bad, 2)))
        line = line_of(content, f"0.00833\t{bad}")
        assert message(content) == (
            f"x.txt, line {line}: found {bad!r}; expected {what}, as a number with a "
            f"decimal dot and no thousands mark. {AGAIN}"
        )

    @pytest.mark.parametrize("bad", ["nan", "x", "-inf"])
    def test_times(self, bad: str) -> None:
        content = labsolutions(trace_section(counts=(0, 1, 2), times=["0.0", bad, "0.01667"]))
        line = line_of(content, f"{bad}\t1")
        assert message(content) == (
            f"x.txt, line {line}: found {bad!r}; expected a time in min, as a number with "
            f"a decimal dot and no thousands mark. {AGAIN}"
        )

    def test_a_third_cell(self) -> None:
        content = labsolutions(trace_section(counts=(0, "1\t2", 3)))
        line = line_of(content, "0.00833\t1\t2")
        assert message(content) == (
            f"x.txt, line {line}: found '0.00833\\t1\\t2'; expected a time in min and "
            f"an intensity. {AGAIN}"
        )

    def test_times_that_go_back(self) -> None:
        content = labsolutions(trace_section(counts=(0, 1, 2), times=["0.0", "0.00833", "0.00833"]))
        line = line_of(content, "0.00833\t2")
        assert message(content) == (
            f"x.txt, line {line}: found time 0.00833 min after 0.00833 min; expected times that "
            f"increase from point to point. {AGAIN}"
        )

    def test_times_that_are_not_the_intervals(self) -> None:
        content = labsolutions(
            trace_section(counts=(0, 1, 2), times=["0.00000", "0.00833", "0.01669"])
        )
        line = line_of(content, "0.01669\t2")
        assert message(content) == (
            f"x.txt, line {line}: found time 0.01669 min; expected 0.01666666667 min, as "
            f"'Interval(msec)' and the first time say. {AGAIN}"
        )

    def test_a_first_time_that_is_not_the_start_time(self) -> None:
        times = ["0.01200", "0.02033", "0.02867"]
        content = labsolutions(trace_section(start="0.010", counts=(0, 1, 2), times=times))
        line = line_of(content, "0.01200\t0")
        assert message(content) == (
            f"x.txt, line {line}: found a first time of 0.012 min; expected 0.01 min, as "
            f"'Start Time(min)' says. {AGAIN}"
        )

    @pytest.mark.parametrize(
        ("old", "new", "text"),
        [
            ("Interval(msec)\t500", "Interval(msec)\t0", "'0' as 'Interval(msec)' of"),
            ("# of Points\t5", "# of Points\tfive", "'five' as '# of Points' of"),
            ("Multiplier\t0.001", "Multiplier\tnan", "'nan' as 'Intensity Multiplier' of"),
        ],
    )
    def test_header_numbers(self, old: str, new: str, text: str) -> None:
        content = labsolutions(trace_section())
        line = line_of(content, "[LC Chromatogram(Detector A-Ch1)]")
        assert message(content.replace(old.encode(), new.encode())) == (
            f"x.txt, line {line}: found {text} [LC Chromatogram(Detector A-Ch1)]; expected a "
            f"number above 0. {AGAIN}"
        )

    def test_a_peak_that_is_no_number(self) -> None:
        rows = [(1, 0.02, 0.01, 0.03, "much", 200, "", "")]
        content = labsolutions(trace_section(), peak_section("Detector A-Ch1", rows))
        line = line_of(content, "[Peak Table(Detector A-Ch1)]") + 3
        assert message(content) == (
            f"x.txt, line {line}: found 'much' in column Area; expected a number. {AGAIN}"
        )

    def test_one_channel_twice(self) -> None:
        content = labsolutions(trace_section(), trace_section())
        line = line_of(content, "[LC Chromatogram(Detector A-Ch1)]", 1)
        assert message(content) == (
            f"x.txt, line {line}: found [LC Chromatogram(Detector A-Ch1)] a second time; expected "
            f"one trace for every channel. {AGAIN}"
        )

    def test_a_single_point(self) -> None:
        content = labsolutions(trace_section(counts=(1,)))
        line = line_of(content, "[LC Chromatogram(Detector A-Ch1)]")
        assert message(content) == (
            f"x.txt, line {line}, [LC Chromatogram(Detector A-Ch1)]: found 1 point; expected at "
            f"least 2 points. {AGAIN}"
        )

    def test_gas_chromatographs(self) -> None:
        content = labsolutions("[Chromatogram (Ch1)]\nInterval(msec)\t40\n\n")
        assert message(content) == (
            "x.txt, line 1: found a gas chromatograph's [Chromatogram (...)], which has no signal "
            "unit; expected [LC Chromatogram(...)] sections. Export as ANDI/AIA instead."
        )


def test_18000_points_are_read_without_a_loop_over_lines() -> None:
    """Measured 3 ms of CPU for 18,000 points; asserted is what gives it: no work per line."""
    [reader] = [reader for reader in READERS if reader.key == "labsolutions"]
    calls = []
    for n_points in (1_800, 18_000):
        counts = np.random.default_rng(1).integers(-1000, 200_000, n_points)
        content = labsolutions(trace_section("AD2", counts.tolist(), interval_ms=100))
        [trace] = reader.read(Path("x"), content)
        np.testing.assert_array_equal(trace.signal, counts * 0.001)
        calls.append(_n_calls(lambda content=content: reader.read(Path("x"), content)))
    assert calls[1] < calls[0] + 100


def _n_calls(work: Callable[[], object]) -> int:
    """Calls of Python and C functions that `work` makes."""
    events: Counter[str] = Counter()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: events.update([event]))
    try:
        work()
    finally:
        sys.setprofile(before)
    return events["call"] + events["c_call"]


def height_above_line(trace: Chromatogram, peak: VendorPeak) -> float:
    """Largest signal above the straight line between the trace's values at the limits."""
    return float(np.max(_above_line(trace, peak)[1]))


def area_above_line(trace: Chromatogram, peak: VendorPeak) -> float:
    times, above = _above_line(trace, peak)
    return float(np.trapezoid(above, times))


def _above_line(trace: Chromatogram, peak: VendorPeak) -> tuple[np.ndarray, np.ndarray]:
    assert peak.start_min is not None and peak.end_min is not None
    times = trace.times_s
    low, high = peak.start_min * 60, peak.end_min * 60
    inside = (times > low) & (times < high)
    t = np.r_[low, times[inside], high]
    y = np.r_[
        np.interp(low, times, trace.signal),
        trace.signal[inside],
        np.interp(high, times, trace.signal),
    ]
    return t, y - np.interp(t, [low, high], [y[0], y[-1]])


def on_its_own_baseline(trace: Chromatogram) -> list[VendorPeak]:
    """Peaks without a V mark that no V-marked neighbour shares the baseline with."""
    peaks = trace.vendor_peaks
    shared = {p.start_min for p in peaks if "V" in p.code}
    return [p for p in peaks if "V" not in p.code and p.end_min not in shared]


class TestTheRealMultichannelFile:
    @pytest.fixture
    def got(self) -> list[Chromatogram]:
        return read(real("labsolutions", "multichannel_chrom.txt"))

    def test_traces(self, got: list[Chromatogram]) -> None:
        facts = [
            (t.channel, t.detector, t.unit, t.n_points, t.interval_s, len(t.vendor_peaks))
            for t in got
        ]
        assert facts == [
            ("Detector A-Ch1", "Detector A", "mV", 3360, 0.5, 2),
            ("Detector A-Ch2", "Detector A", "mV", 3360, 0.5, 7),
            ("Detector B-Ch1", "Detector B", "mV", 3361, 0.5, 7),
        ]
        assert [t.start_s for t in got] == pytest.approx([0.6, 0.6, 0.0], abs=1e-9)
        # Last times are printed as 28.00167 and 28.00000 min.
        last = [t.times_s[-1] / 60 for t in got]
        assert last == pytest.approx([28.00167, 28.00167, 28.0], abs=1e-5)
        extremes = [(t.signal.min(), t.signal.max()) for t in got]
        assert extremes[0] == pytest.approx((-0.033, 1.714), abs=1e-12)
        assert extremes[1] == pytest.approx((-0.023, 187.273), abs=1e-12)
        assert extremes[2] == pytest.approx((-0.094, 49.644), abs=1e-12)

    def test_information(self, got: list[Chromatogram]) -> None:
        for trace in got:
            assert (trace.sample_name, trace.vial) == ("STD 1 100", "29")
            assert trace.method == "fermentation_nobutanol-96.lcm"
            assert (trace.injection_uL, trace.dilution) == (10.0, 1.0)
            # Day first, because the file was exported on 21/08/2024.
            assert (trace.injected_at, trace.injected_at_note) == ("2023-08-02T17:08:21", "")
            assert trace.section == ""

    def test_peaks_on_a_baseline_of_their_own_are_in_the_traces_unit(
        self, got: list[Chromatogram]
    ) -> None:
        alone = [(t, p) for t in got for p in on_its_own_baseline(t)]
        assert len(alone) == 11
        for trace, peak in alone:
            # SOURCES.md: unmarked and S peaks agree with a straight line within 0.5 %.
            assert area_above_line(trace, peak) == pytest.approx(peak.area, rel=0.005)
            assert height_above_line(trace, peak) == pytest.approx(peak.height, rel=0.005)

    def test_names_and_marks(self, got: list[Chromatogram]) -> None:
        assert [p.name for p in got[2].vendor_peaks] == [
            "", "", "", "Glucose", "Lactate", "Acetate", "Ethanol",
        ]  # fmt: skip
        assert [p.code for p in got[1].vendor_peaks] == ["", "", "", "V", "SV", "S", "V"]
        assert got[2].vendor_peaks[3].area == pytest.approx(904.583, rel=1e-12)


class TestTheRealCommaFile:
    @pytest.fixture
    def trace(self) -> Chromatogram:
        [trace] = read(real("labsolutions", "chromatopy_Output-sample_6.txt"))
        return trace

    def test_trace(self, trace: Chromatogram) -> None:
        assert (trace.n_points, trace.unit, trace.interval_s) == (1801, "mV", 0.5)
        assert (trace.start_s, trace.times_s[-1]) == (0.0, 900.0)
        assert (trace.signal.min(), trace.signal.max()) == pytest.approx((-234.391, 772.729))
        assert (trace.channel, trace.vial, trace.sample_name) == ("Detector A-Ch1", "19", "6")
        assert (trace.injected_at, trace.injected_at_note) == ("2012-02-21T11:59:34", "")
        assert trace.header["Batch File"] == (
            r"C:\LabSolutions\Data\aldolaze\Martina\baždarci\aldol-aldehid-01022012\lista.lcb"
        )

    def test_peaks(self, trace: Chromatogram) -> None:
        assert len(trace.vendor_peaks) == 14
        large = max(trace.vendor_peaks, key=lambda peak: peak.area or 0)
        assert (large.rt_min, large.code, large.name) == (4.044, "V", "RT4.044")
        assert large.area == pytest.approx(12987.060, rel=1e-12)
        assert large.height == pytest.approx(773.457, rel=1e-12)
        # Apex above a baseline near zero: the trace's own maximum is the height's size.
        assert trace.signal.max() == pytest.approx(large.height, rel=0.005)


CALIBRATION_AREAS = [
    (0.05, 8892), (0.10, 18654), (0.20, 42250), (0.30, 62336), (0.40, 80742), (0.50, 99601),
    (0.60, 123057), (0.70, 141732), (0.80, 165101), (0.90, 187540), (1.00, 205073),
]  # fmt: skip


@pytest.mark.parametrize(("level", "area"), CALIBRATION_AREAS)
def test_the_real_standards(level: float, area: int) -> None:
    [trace] = read(real("labsolutions_calibration", f"standard_{level:.2f}mM.txt"))
    assert (trace.n_points, trace.unit, trace.start_s, trace.interval_s) == (3601, "mV", 0.0, 0.5)
    assert trace.times_s[-1] == 1800.0
    assert trace.channel == "Detector A-Ch1"
    assert trace.injected_at.startswith("2024-04-13T")
    assert trace.injected_at_note == ""
    [peak] = trace.vendor_peaks
    assert peak.area == pytest.approx(area / 1000, rel=1e-12)
    # In the unit of the trace: a line between the limits gives the vendor's height, and from
    # 0.2 mM up the area; below, the vendor's own baseline differs by up to 0.6 mV·s.
    assert height_above_line(trace, peak) == pytest.approx(peak.height, rel=0.01)
    assert area_above_line(trace, peak) == pytest.approx(peak.area, rel=0.02, abs=0.67)


class TestResultsWithoutTraces:
    """Some labs export the results of a batch and no traces."""

    def results(self, rows: str, count: int = 2, table: str = "Compound Results") -> str:
        key = "# of IDs" if table == "Compound Results" else "# of Peaks"
        head = "ID#\tName\tR.Time\tArea\tHeight\tConc.\n"
        return f"[{table}(Detector A)]\n{key}\t{count}\n{head}{rows}\n"

    def export(self, *sections: str) -> Export:
        Path("x.txt").write_bytes(labsolutions(*sections))
        return read_export("x.txt")

    def test_are_reports_in_counts(self) -> None:
        rows = "1\t3,4-DHBA\t8.261\t5451\t298\t0.780\n2\tDA\t0.000\t0\t0\t0.000\n"
        export = self.export(self.results(rows))
        assert export.chromatograms == ()
        [report] = export.reports
        # The compound that was not found is no peak.
        assert report.vendor_peaks == (VendorPeak(8.261, 5451.0, 298.0, name="3,4-DHBA"),)
        assert (report.unit, report.channel, report.detector) == ("", "Detector A", "Detector A")
        assert (report.sample_name, report.vial, report.method) == ("S1", "7", "monoamines.lcm")
        assert (report.injected_at, report.injection_uL) == ("2024-04-13T09:53:42", 10.0)
        assert (report.format, report.file, len(report.sha256)) == ("labsolutions", "x.txt", 64)

    def test_a_peak_table_goes_before_compounds(self) -> None:
        peaks = peak_section("Detector A", [(1, "8.261", "8.1", "8.4", 5451, 298, "V", "Cl-")])
        [report] = self.export(self.results("", 0), peaks).reports
        assert [(p.start_min, p.end_min, p.code) for p in report.vendor_peaks] == [(8.1, 8.4, "V")]

    def test_decimal_commas_are_found_in_the_results(self) -> None:
        rows = "1\t3.4-DHBA\t8,261\t5451\t298\t0,780\n2\tDA\t9,5\t10\t1\t0,1\n"
        [report] = self.export(self.results(rows)).reports
        assert [p.rt_min for p in report.vendor_peaks] == [8.261, 9.5]

    def test_a_cut_table(self) -> None:
        rows = "1\tA\t8.261\t5451\t298\t0.780\n"
        content = labsolutions(self.results(rows))
        line = line_of(content, rows.strip()) + 1
        assert message(content) == (
            f"x.txt, line {line}: found 1 peaks in [Compound Results(Detector A)]; expected 2, as "
            f"its '# of IDs' says. {AGAIN}"
        )

    def test_read_wants_a_chromatogram(self) -> None:
        assert message(labsolutions(self.results("", 0))) == (
            "x.txt: found the vendor's results of 1 injection and no trace; expected a "
            "chromatogram. Export it again with its chromatograms."
        )

    def test_the_real_batch(self) -> None:
        export = read_export(real("labsolutions_batch", "Javits_Anion_Set2.txt"))
        assert export.chromatograms == ()
        assert len(export.reports) == 110
        found = Counter((r.channel, r.detector, r.unit) for r in export.reports)
        assert found == {("Detector A", "Conductivity", ""): 55, ("Detector B", "UV/Vis", ""): 55}
        peaks = [peak for report in export.reports for peak in report.vendor_peaks]
        # As counted in the file itself, where R.Time is above zero.
        assert (len(peaks), sum(peak.area or 0 for peak in peaks)) == (192, 4324590.0)
        fourth = export.reports[6]
        assert (fourth.section, fourth.sample_name, fourth.vial) == ("std-004", "anion std", "4")
        assert (fourth.injected_at, fourth.injected_at_note) == ("2018-10-15T13:47:45", "")
        assert fourth.method == "met_Anion_Javits_Set2.lcm"
        assert [(p.name, p.rt_min, p.area, p.height) for p in fourth.vendor_peaks] == [
            ("Cl-", 8.261, 5451, 298), ("NO2- -N", 9.971, 3246, 146),
            ("NO3- -N", 14.312, 5909, 225), ("SO42-", 21.229, 3950, 134),
        ]  # fmt: skip
        assert export.reports[-1].section == "unk-036"


def test_a_trace_whose_title_is_damaged(tmp_path: Path) -> None:
    content = labsolutions().replace(b"[LC Chrom", b"{LC Chrom")
    assert "found points in [Peak Table(Detector A-Ch1)]; expected the title of a trace" in (
        _message(tmp_path, content)
    )


def test_a_trace_whose_title_does_not_end(tmp_path: Path) -> None:
    content = labsolutions(trace_section("A"), trace_section("B")).replace(b"(B)]", b"(B]")
    assert "found points in [LC Chromatogram(B]; expected" in _message(tmp_path, content)


def test_two_injections_whose_header_is_missing(tmp_path: Path) -> None:
    rows = [(1, "2.0171", "2.000", "2.033", 45000, 3000, "", "DA")]
    table = peak_section("AD2", rows)
    assert "found [Peak Table(AD2)] a second time in one injection" in _message(
        tmp_path, labsolutions(table, table)
    )


def test_column_names_behind_another_entry(tmp_path: Path) -> None:
    content = labsolutions().replace(b"0.001\nR.Time", b"0.001\vR.Time")
    assert _message(tmp_path, content).startswith(f"{tmp_path / 'x.txt'}, line 21: found '0.001")


def test_a_trace_that_was_cut_in_its_title(tmp_path: Path) -> None:
    content = labsolutions()
    cut = content[: content.index(b"Detector A-Ch1)]\nInterval")]
    assert "found the end of the file inside its last line" in _message(tmp_path, cut)


def test_a_number_of_a_peak_that_is_broken_by_a_tab(tmp_path: Path) -> None:
    content = labsolutions().replace(b"\t45000\t", b"\t45\t000\t")
    assert "found 9 values; expected 8, one for each column." in _message(tmp_path, content)


def _message(folder: Path, content: bytes) -> str:
    (folder / "x.txt").write_bytes(content)
    with pytest.raises(ExportFormatError) as error:
        read(folder / "x.txt")
    return str(error.value)
