"""Chromeleon 7 and 6.8 text, and Chromeleon 7 reports."""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialysis.chromatogram import Chromatogram, VendorPeak, VendorReport
from dialysis.errors import ExportFormatError
from dialysis.ingest import READERS, BadExport, read
from dialysis.ingest.exports import read_export
from tests.contract._ingest_files import (
    chromeleon7,
    chromeleon7_report,
    chromeleon68,
    real,
)

AGAIN = "The file is cut short or altered: export the injection again, or copy it again."
N_DAMAGED = 400
MISREAD = (
    "The file is altered or its numbers are misread: export the injection again, or set "
    "ingest.decimal and ingest.thousands."
)


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trace(content: bytes, **config: str) -> Chromatogram:
    Path("x.txt").write_bytes(content)
    [found] = read("x.txt", readers=[reader.configured(config) for reader in READERS])
    return found


def report(content: bytes) -> VendorReport:
    Path("x.txt").write_bytes(content)
    [found] = read_export("x.txt").reports
    return found


def message(content: bytes, **config: str) -> str:
    with pytest.raises(ExportFormatError) as error:
        trace(content, **config)
    return str(error.value)


def line_of(content: bytes, start: str) -> int:
    """Line of the first line that starts so, counted from 1."""
    lines = content.decode("utf-8-sig").split("\r\n")
    return next(n for n, line in enumerate(lines, 1) if line.startswith(start))


class TestChromeleon7:
    @pytest.mark.parametrize("comma", [False, True], ids=["dot", "comma"])
    @pytest.mark.parametrize("raw", [False, True], ids=["7.2", "7.1"])
    def test_a_small_file(self, comma: bool, raw: bool) -> None:
        got = trace(chromeleon7(comma=comma, raw=raw))
        np.testing.assert_array_equal(got.signal, [0.125, 1.5, 1200.25, 1.5, 0.125])
        assert (got.unit, got.start_s, got.interval_s, got.time_s) == ("nC", 0.0, 0.5, None)
        assert (got.channel, got.detector, got.format) == ("ED_1", "EDet1", "chromeleon7")
        assert (got.sample_name, got.vial, got.method) == ("S1", "BA1", "monoamines")
        assert (got.dilution, got.injection_uL) == (2.0, 10.0)
        assert (got.injected_at, got.injected_at_note) == ("2024-04-13T09:53:42", "")
        assert got.header == {
            "File Path": "chrom://pc/ChromeleonLocal/Run.seq/1.smp/ED_1.chm",
            "Injection Number": "3",
            "Generating Data System": "Chromeleon 7.2.9.11323",
        }

    @pytest.mark.parametrize("ends", [b"\n", b"\r"], ids=["LF", "CR"])
    def test_other_line_ends(self, ends: bytes) -> None:
        got = trace(chromeleon7().replace(b"\r\n", ends))
        np.testing.assert_array_equal(got.signal, [0.125, 1.5, 1200.25, 1.5, 0.125])

    def test_windows_1252(self) -> None:
        content = chromeleon7(head={"Injection": "Präparat"})
        got = trace(content.decode("utf-8-sig").encode("cp1252"))
        assert (got.sample_name, got.injection_uL) == ("Präparat", 10.0)

    def test_dots_for_thousands_in_the_header_of_a_file_with_decimal_dots(self) -> None:
        # As 7.2 writes it on some computers: 1.447.830172 for 1447.830172.
        got = trace(chromeleon7(head={"Signal Max.": "1.200.250000"}))
        assert got.signal.max() == 1200.25

    def test_comma_thousands(self) -> None:
        content = chromeleon7(head={"Signal Max.": "1,200.250000"})
        got = trace(content.replace(b"\t1200.250000\r", b"\t1,200.250000\r"))
        assert got.signal.max() == 1200.25

    def test_american_dates(self) -> None:
        head = {"Injection Date": "12/06/2019", "Injection Time": "11:49:36 PM"}
        got = trace(chromeleon7(head=head))
        assert (got.injected_at, got.injected_at_note) == (
            "2019-12-06T23:49:36",
            "day/month order assumed: month before day (usual for times with AM and PM)",
        )
        got = trace(chromeleon7(head=head), date_order="dmy")
        assert (got.injected_at, got.injected_at_note) == ("2019-06-12T23:49:36", "")

    def test_sampling_that_is_not_uniform_is_kept(self) -> None:
        times = ["0.000000", "0.010000", "0.012500", "0.030000", "0.033333"]
        got = trace(chromeleon7(times=times))
        assert got.time_s is not None
        np.testing.assert_allclose(got.time_s, [60 * float(time) for time in times], rtol=1e-15)
        assert got.interval_s == np.median(np.diff(got.time_s))
        assert (got.start_s, got.uniform) == (0.0, False)

    def test_a_distance_that_minutes_print_badly(self) -> None:
        # 2912 points every 0.43290043 s, as a refractive index detector gives them.
        times = [f"{i * 0.43290043 / 60:.6f}" for i in range(2912)]
        signal = [f"{value:.6f}" for value in np.sin(np.arange(2912) / 50)]
        head = {f"{kind} Step (s)": "0.43290043" for kind in ("Min.", "Max.", "Average")}
        got = trace(chromeleon7(signal, times=times, head=head))
        assert (got.interval_s, got.uniform) == (0.43290043, True)
        np.testing.assert_allclose(got.times_s[-1], 2911 * 0.43290043, rtol=1e-12)

    def test_header_entries_that_are_not_there(self) -> None:
        absent = (
            "Signal Min.",
            "Signal Max.",
            "Time Min. (min)",
            "Average Step (s)",
            "Detector",
            "Injection Date",
            "Injection Time",
            "Injection Volume (µl)",
            "Signal Unit",
        )
        got = trace(chromeleon7(head=dict.fromkeys(absent)))
        assert (got.interval_s, got.unit, got.detector) == (
            pytest.approx(0.5, abs=60e-6 / 4),
            "nC",
            "",
        )
        assert (got.injected_at, got.injected_at_note, got.injection_uL) == ("", "", None)


class TestChromeleon7IsHeldAgainstItsHeader:
    @pytest.mark.parametrize(
        ("key", "printed", "start", "found", "said"),
        [
            ("Signal Max.", "1.2", "0.016667", "1200.25", "1.2"),
            ("Signal Max.", "1200.251000", "0.016667", "1200.25", "1200.251"),
            ("Signal Min.", "-0.125000", "0.000000", "0.125", "-0.125"),
            ("Time Min. (min)", "0.100000", "0.000000", "0", "0.1"),
            ("Time Max. (min)", "70.000000", "0.033333", "0.033333", "70"),
            ("Min. Step (s)", "0.4", "0.025000", "0.49998", "0.4"),
            ("Max. Step (s)", "1", "0.016667", "0.50004", "1"),
            ("Average Step (s)", "0.6", "0.008333", "0.499995", "0.6"),
        ],
    )
    def test_values(self, key: str, printed: str, start: str, found: str, said: str) -> None:
        content = chromeleon7(head={key: printed})
        line = line_of(content, start)
        assert message(content) == (
            f"x.txt, line {line}: found {found} in the data; expected {said}, as '{key}' says. "
            + MISREAD
        )

    def test_number_of_points(self) -> None:
        content = chromeleon7(head={"Data Points": "6"})
        line = line_of(content, "0.033333") + 1
        assert message(content) == (
            f"x.txt, line {line}: found 5 points; expected 6, as 'Data Points' says. {AGAIN}"
        )
        content = chromeleon7(head={"Data Points": "five"})
        assert message(content) == (
            "x.txt, the header: found 'five' as 'Data Points'; expected the number of points. "
            f"{AGAIN}"
        )
        content = chromeleon7(head={"Data Points": None})
        assert message(content) == (
            "x.txt, the header: found no 'Data Points'; expected 'Data Points' below "
            f"'Chromatogram Data Information:'. {AGAIN}"
        )

    def test_unit(self) -> None:
        content = chromeleon7(head={"Signal Unit": "nA"})
        line = line_of(content, "Time (min)")
        assert message(content) == (
            f"x.txt, line {line}: found values in 'nC'; expected 'nA', as the header says. {AGAIN}"
        )

    def test_a_header_that_is_no_number(self) -> None:
        assert message(chromeleon7(head={"Signal Max.": "much"})) == (
            f"x.txt, the header: found 'much' as 'Signal Max.'; expected a number. {AGAIN}"
        )


class TestChromeleon7Damage:
    def test_cut_inside_the_last_point(self) -> None:
        content = chromeleon7()
        line = line_of(content, "0.033333")
        for n_bytes in (1, 2, 3, 9):
            assert message(content[:-n_bytes]) == (
                f"x.txt, line {line}: found the end of the file inside the last point; expected a "
                f"line end after it. {AGAIN}"
            )

    def test_cut_before_the_data(self) -> None:
        content = chromeleon7()
        at = content.index(b"Chromatogram Data:")
        line = line_of(content, "Chromatogram Data:")
        assert message(content[:at]) == (
            f"x.txt, line {line}: found the end of the file before the data; expected a line "
            f"'Chromatogram Data:' or 'Raw Data:'. {AGAIN}"
        )

    def test_other_columns(self) -> None:
        content = chromeleon7().replace(b"Step (s)\tValue", b"Value")
        line = line_of(content, "Time (min)")
        assert message(content) == (
            f"x.txt, line {line}: found 'Time (min)\\tValue (nC)'; expected the columns "
            f"'Time (min)', 'Step (s)' and 'Value (unit)'. {AGAIN}"
        )

    @pytest.mark.parametrize(
        ("old", "new", "text"),
        [
            (b"\t1200.250000", b"\t1200.25O000", "found '1200.25O000'; expected a signal, as a"),
            (b"\t1200.250000", b"\t1.200.250000", "found '1.200.250000'; expected a signal, as a"),
            (b"\t1200.250000", b"", "found '0.016667\\t0.50004'; expected a time, a step and"),
            (b"0.016667\t", b"0.006667\t", "found time 0.006667 min after 0.008333 min; expected"),
            (b"0.016667\t", b"n.a.\t", "found 'n.a.'; expected a time, as a number with a decimal"),
        ],
    )
    def test_a_line(self, old: bytes, new: bytes, text: str) -> None:
        content = chromeleon7()
        line = line_of(content, "0.016667")
        assert message(content.replace(old, new)).startswith(f"x.txt, line {line}: {text}")

    def test_wrong_groups_of_thousands(self) -> None:
        content = chromeleon7(comma=True)
        line = line_of(content, "0,016667")
        assert message(content.replace(b"\t1.200,25", b"\t1.20,25")) == (
            f"x.txt, line {line}: found '1.20,250000'; expected a number with a decimal comma and "
            f"dot thousands in groups of three digits. {AGAIN}"
        )

    def test_text_after_the_points(self) -> None:
        content = chromeleon7(tail="\r\nmore\r\n")
        line = line_of(content, "0.033333") + 2
        assert message(content) == (
            f"x.txt, line {line}: found text after the points; expected the end of the file. "
            + AGAIN
        )

    def test_marks_that_the_study_declares_otherwise(self) -> None:
        assert message(chromeleon7(comma=True), decimal=".").endswith(
            "; expected a number with a decimal dot and comma thousands in groups of three digits. "
            + AGAIN
        )

    def test_a_file_that_fits_two_readings(self) -> None:
        # Whole minutes and three decimals: nothing tells 1.234 from 1234.
        absent = (
            "Time Min. (min)",
            "Time Max. (min)",
            "Injection Volume (µl)",
            "Dilution Factor",
            "Signal Min.",
            "Signal Max.",
        )
        content = chromeleon7(
            ["1.234", "2.345"], times=["1", "2"], head=dict.fromkeys(absent)
        ).replace(b"\t60\t", b"\t1\t")
        line = line_of(content, "1\tn.a.")
        assert message(content) == (
            f"x.txt, line {line}: found '1.234', which is 1.234 with a decimal dot and no "
            "thousands mark or 1234 with a decimal comma and dot thousands: all numbers of the "
            "file fit both; expected numbers that fit one reading. Set ingest.decimal in "
            "study.yaml to '.' or ','."
        )
        assert trace(content, decimal=",").signal[0] == 1234
        assert trace(content, decimal=".").signal[0] == 1.234


class TestChromeleon68:
    def test_a_small_file(self) -> None:
        got = trace(chromeleon68())
        np.testing.assert_array_equal(got.signal, [0.125, 1.5, 1200.25, 1.5, 0.125])
        assert (got.unit, got.start_s, got.interval_s) == ("nA", 0.0, pytest.approx(0.5, abs=2e-5))
        assert (got.channel, got.detector, got.format) == ("ECD_1", "ED50A.dll", "chromeleon68")
        assert (got.sample_name, got.vial, got.method) == ("S1", "RB6", "monoamines")
        assert (got.dilution, got.injection_uL, got.uniform) == (2.0, 10.0, True)
        assert (got.injected_at, got.injected_at_note) == ("2024-04-13T09:53:42", "")
        assert got.header["Signal Unit"] == "Current"

    def test_is_held_against_its_header(self) -> None:
        assert "found 5 points; expected 6, as 'Data Points' says." in message(
            chromeleon68(head={"Data Points": "6"})
        )
        assert "found 1200.25 in the data; expected 12, as 'Signal Max.' says." in message(
            chromeleon68(head={"Signal Max.": "12,00"})
        )
        assert "found 0.033333 in the data; expected 44, as 'Time Max. (min)' says." in message(
            chromeleon68(head={"Time Max. (min)": "44,000"})
        )
        assert "found values in 'nA'; expected 'mAU', as the header says." in message(
            chromeleon68(head={"Signal Dimension": "mAU"})
        )

    def test_a_cell_too_many(self) -> None:
        assert "expected a time, a step and a signal" in message(
            chromeleon68().replace(b"0,125000\t\r", b"0,125000\t1\r")
        )

    def test_other_text_in_the_format_that_is_asked_for(self) -> None:
        Path("x.txt").write_bytes(chromeleon7())
        with pytest.raises(ExportFormatError) as error:
            read("x.txt", "chromeleon68")
        assert str(error.value) == (
            "x.txt, line 1: found no 'Data Points' below 'Raw Data Header Information:'; expected "
            f"a Chromeleon 6.8 text export. {AGAIN}"
        )
        Path("x.txt").write_bytes(chromeleon68())
        with pytest.raises(ExportFormatError) as error:
            read("x.txt", "chromeleon7")
        assert str(error.value) == (
            "x.txt, line 1: found no 'Injection Information:'; expected a Chromeleon 7 text "
            f"export. {AGAIN}"
        )


class TestReports:
    @pytest.mark.parametrize("comma", [False, True], ids=["dot", "comma"])
    def test_a_small_one(self, comma: bool) -> None:
        got = report(chromeleon7_report(comma=comma))
        assert got.vendor_peaks == (
            VendorPeak(0.008, pytest.approx(3.0), 12.0, name="DA"),
            VendorPeak(1.25, pytest.approx(53.28), 1.359),
        )
        assert (got.unit, got.channel, got.format) == ("nC", "ED_1", "chromeleon7_report")
        assert (got.sample_name, got.vial, got.method) == ("S1", "BA1", "monoamines")
        assert (got.dilution, got.injection_uL) == (2.0, 10.0)
        assert (got.injected_at, got.injected_at_note) == (
            "2024-04-13T09:53:00",
            "two-digit year read as 20yy",
        )
        assert got.header == {"Run Time (min)": "70,00" if comma else "70.00",
                              "Injection Type": "Unknown"}  # fmt: skip

    def test_components_that_were_not_found_are_no_peaks(self) -> None:
        peaks = (("DA", "n.a.", "n.a.", "n.a."), ("5-HT", "1.250", "0.888", "1.359"))
        got = report(chromeleon7_report(peaks, total=("0.888", "1.359")))
        assert [peak.name for peak in got.vendor_peaks] == ["5-HT"]

    def test_marks_in_names_are_no_marks(self) -> None:
        peaks = (("3,4-DHBA", "1.250", "0.888", "1.359"), ("1.2.3", "2.250", "0.100", "0.200"))
        assert report(chromeleon7_report(peaks)).vendor_peaks[0].rt_min == 1.25

    def test_no_peaks(self) -> None:
        assert report(chromeleon7_report(())).vendor_peaks == ()

    def test_limits_where_the_report_has_them(self) -> None:
        content = (
            chromeleon7_report()
            .replace(b"Relative Area ", b"Peak Start Time")
            .replace(b"\t%\t", b"\tmin\t")
        )
        assert report(content).vendor_peaks[0].start_min == 50.0

    def test_areas_in_seconds(self) -> None:
        got = report(chromeleon7_report(units=("s", "nC*s", "nC")))
        assert got.vendor_peaks[1].area == pytest.approx(0.888)
        assert got.vendor_peaks[1].rt_min == pytest.approx(1.25 / 60)

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"total": ("0.92", "13.359")}, "found a sum of 0.938 in column Area; expected 0.92, "
             "as the row 'Total:' says."),
            ({"total": ("0.938", "14.000")}, "found a sum of 13.359 in column Height; expected "
             "14,"),
            ({"units": ("min", "nC", "nC")}, "found areas in 'nC' and heights in 'nC'; expected "
             "areas in the heights' unit × min."),
            ({"units": ("min", "nA*min", "nC")}, "found areas in 'nA*min' and heights in 'nC';"),
            ({"units": ("CV", "nC*min", "nC")}, "found times in 'CV'; expected min."),
            ({"channel": "ED_2"}, "found channel 'ED_1'; expected 'ED_2', as above."),
            ({"peaks": (("DA", "n.a.", "0.050", "1.000"),)}, "found a peak without a retention"),
            ({"peaks": (("DA", "1.250", "O.050", "1.000"),), "total": ("0.050", "1.000")},
             "found a sum of 0 in column Area"),
        ],
    )  # fmt: skip
    def test_contradictions(self, options: dict[str, object], text: str) -> None:
        assert text in message(chromeleon7_report(**options))  # type: ignore[arg-type]

    def test_a_missing_row(self) -> None:
        content = chromeleon7_report()
        start = content.index(b"1  \tDA")
        stop = content.index(b"2  \t")
        line = line_of(content, "1  \tDA")
        assert message(content[:start] + content[stop:]) == (
            f"x.txt, line {line}: found peak 2; expected peak 1. {AGAIN}"
        )
        content = content[: content.index(b"Total:")]
        n_lines = content.count(b"\n") + 1
        assert message(content).startswith(f"x.txt, line {n_lines}: found ")

    def test_read_wants_a_chromatogram(self) -> None:
        assert message(chromeleon7_report()) == (
            "x.txt: found the vendor's results of 1 injection and no trace; expected a "
            "chromatogram. Export it again with its chromatograms."
        )


# name, points, interval s, last s, min, max, injection time, sample, vial, volume
GOLDEN = [
    ("chromeleon7_ed/01_water", 8401, 0.5, 4200.0, -2.23925, 3.2384, "2020-01-30T20:57:56",
     "water", "BA1", 10.0),
    ("chromeleon7_ed/02_D-St6", 8401, 0.5, 4200.0, -1.5302, 1447.830172, "2020-01-28T20:11:51",
     "D-St6", "BA2", 10.0),
    ("chromeleon7_ed/03_D-St7", 8401, 0.5, 4200.0, -1.5157, 1026.175915, "2020-01-28T21:40:31",
     "D-St7", "BA3", 10.0),
    ("chromeleon7_ed/04_D-St8", 8401, 0.5, 4200.0, -2.5006, 973.672265, "2020-01-30T19:29:15",
     "D-St8", "BA4", 10.0),
    ("chromeleon7_ed_locale/05_20170526_MME_AA_STD-Mix2", 3241, 1.0, 3240.0, -0.7749, 210.061603,
     "2017-05-26T16:52:02", "20170526_MME_AA_STD-Mix2", "5", 25.0),
    ("chromeleon7_ed_locale/06_20170526_MME_AA_A1", 3241, 1.0, 3240.0, -0.7749, 1422.116071,
     "2017-05-26T17:48:24", "20170526_MME_AA_A1", "6", 25.0),
    ("chromeleon7_ed_locale/07_20170526_MME_AA_A2", 3241, 1.0, 3240.0, -0.74025, 1402.469121,
     "2017-05-26T18:44:46", "20170526_MME_AA_A2", "4", 25.0),
    ("chromeleon7_ed_locale/08_20170526_MME_AA_A3", 3241, 1.0, 3240.0, -0.7096, 1395.248771,
     "2017-05-26T19:41:07", "20170526_MME_AA_A3", "5", 25.0),
    ("chromeleon7_ed_locale/09_20170526_MME_AA_A4", 3241, 1.0, 3240.0, -0.71245, 1427.865071,
     "2017-05-26T20:37:30", "20170526_MME_AA_A4", "6", 25.0),
]  # fmt: skip


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden[0].split("/")[1])
def test_the_real_traces(golden: tuple[Any, ...]) -> None:
    name, n_points, interval_s, last_s, low, high, injected_at, sample, vial, volume = golden
    [got] = read(real(*f"{name}_ED_1.txt".split("/")))
    assert (got.n_points, got.interval_s, got.uniform) == (n_points, interval_s, True)
    assert (got.start_s, got.times_s[-1]) == (0.0, last_s)
    assert (got.signal.min(), got.signal.max()) == (low, high)
    assert (got.unit, got.channel, got.detector, got.format) == (
        "nC", "ED_1", "EDet1", "chromeleon7",
    )  # fmt: skip
    assert (got.injected_at, got.injected_at_note) == (injected_at, "")
    assert (got.sample_name, got.vial, got.dilution, got.injection_uL) == (
        sample,
        vial,
        1.0,
        volume,
    )
    assert got.vendor_peaks == ()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden[0].split("/")[1])
def test_the_real_traces_line_by_line(golden: tuple[str, ...]) -> None:
    """Every point as a parser reads it that knows nothing but this file's marks."""
    path = real(*f"{golden[0]}_ED_1.txt".split("/"))
    [got] = read(path)
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    rows = [line.split("\t") for line in lines[lines.index("Chromatogram Data:") + 2 : -1]]
    times, _, values = zip(*rows, strict=True)
    if "locale" in golden[0]:
        values = tuple(cell.replace(".", "").replace(",", ".") for cell in values)
        times = tuple(cell.replace(",", ".") for cell in times)
    np.testing.assert_array_equal(got.signal, [float(cell) for cell in values])
    printed = [60 * float(cell) for cell in times]
    # Minutes are printed to the sixth decimal.
    np.testing.assert_allclose(got.times_s, printed, rtol=0, atol=60 * 0.5e-6 + 1e-9)


# name, time, sample, vial, peaks, sums of areas nC·min and heights nC that it prints
REPORTS = [
    ("01_water", "2020-01-30T10:37:00", "water", "BA1", 11, 6.301, 20.338),
    ("02_D-St6", "2020-01-28T20:11:00", "D-St6", "BA2", 66, 305.360, 1995.752),
    ("03_D-St7", "2020-01-28T21:40:00", "D-St7", "BA3", 48, 211.666, 1465.490),
    ("04_D-St8", "2020-01-30T01:45:00", "D-St8", "BA4", 56, 201.344, 1393.591),
]


@pytest.mark.parametrize("golden", REPORTS, ids=lambda golden: golden[0])
def test_the_real_reports(golden: tuple[str, str, str, str, int, float, float]) -> None:
    name, injected_at, sample, vial, n_peaks, area, height = golden
    [got] = read_export(real("chromeleon7_ed", f"{name}_Integration.txt")).reports
    assert (got.injected_at, got.injected_at_note) == (injected_at, "two-digit year read as 20yy")
    assert (got.sample_name, got.vial, got.channel, got.unit) == (sample, vial, "ED_1", "nC")
    assert (got.method, got.dilution, got.injection_uL) == (
        "Starches_Martens et al. 2018", 1.0, 10.0,
    )  # fmt: skip
    assert len(got.vendor_peaks) == n_peaks
    # Each of the n + 1 numbers is printed to 0.001.
    slack = 0.0005 * (n_peaks + 1)
    assert sum(peak.area or 0 for peak in got.vendor_peaks) == pytest.approx(
        60 * area, abs=60 * slack
    )
    assert sum(peak.height or 0 for peak in got.vendor_peaks) == pytest.approx(height, abs=slack)
    assert all(peak.start_min is None and peak.name == "" for peak in got.vendor_peaks)


@pytest.mark.parametrize(
    ("name", "largest"),
    [
        ("02_D-St6", [(2.317, 143.574, 1447.179), (8.225, 60.483, 226.919),
                      (14.467, 41.386, 121.085), (19.458, 35.930, 98.089)]),
        ("03_D-St7", [(2.317, 91.051, 1027.606), (8.217, 40.714, 172.494),
                      (14.467, 29.794, 102.517), (19.475, 25.391, 84.296)]),
    ],
)  # fmt: skip
def test_real_reports_are_in_the_unit_of_their_traces(
    name: str, largest: list[tuple[float, float, float]]
) -> None:
    [got] = read(real("chromeleon7_ed", f"{name}_ED_1.txt"))
    [told] = read_export(real("chromeleon7_ed", f"{name}_Integration.txt")).reports
    peaks = sorted(told.vendor_peaks, key=lambda peak: -(peak.area or 0))[:4]
    for peak, (rt_min, area_nC_min, height) in zip(peaks, largest, strict=True):
        assert (peak.rt_min, peak.height) == (rt_min, height)
        assert peak.area == pytest.approx(60 * area_nC_min, rel=1e-12)
        # The trace has its apex there, and its size; areas from valley to valley, without the
        # vendor's limits, are a few percent smaller.
        apex = int(np.argmax(np.where(np.abs(got.times_s - 60 * rt_min) < 6, got.signal, -np.inf)))
        assert got.times_s[apex] == pytest.approx(60 * rt_min, abs=60 * 0.0005 + 1e-9)
        assert got.signal[apex] == pytest.approx(height, rel=0.01)
        assert valley_to_valley(got, apex) == pytest.approx(peak.area, rel=0.05)


def valley_to_valley(got: Chromatogram, apex: int) -> float:
    """Area above the straight line between the two minima beside an apex."""
    rising = np.diff(got.signal) > 0
    low = apex - int(np.argmin(rising[:apex][::-1]))
    high = apex + int(np.argmax(rising[apex:]))
    times, signal = got.times_s[low : high + 1], got.signal[low : high + 1]
    line = np.interp(times, times[[0, -1]], signal[[0, -1]])
    return float(np.trapezoid(signal - line, times))


def test_18000_points_are_read_without_a_loop_over_lines() -> None:
    """Asserted is what makes it fast: no work per line."""
    [reader] = [reader for reader in READERS if reader.key == "chromeleon7"]
    calls = []
    for n_points in (1_800, 18_000):
        values = np.random.default_rng(1).normal(900, 300, n_points)
        times = [f"{i / 600:.6f}" for i in range(n_points)]
        content = chromeleon7([f"{value:.6f}" for value in values], times=times, comma=True)
        [got] = reader.read(Path("x"), content)
        np.testing.assert_array_equal(got.signal, np.round(values, 6))
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


def line_by_line(content: bytes, comma: bool) -> tuple[list[float], list[float]] | None:
    """Times in s and signal, as somebody reads them who knows the marks; None for damage."""
    text = content.decode("latin-1").replace("\r\n", "\n")
    data = text.partition("\nChromatogram Data:\n")[2]
    rows = [line.split("\t") for line in data.rstrip("\r\n").split("\n")[1:]]
    groups = r"[0-9]*|[1-9][0-9]{0,2}(,[0-9]{3})+"
    times: list[float] = []
    values: list[float] = []
    for row in rows:
        if len(row) != 3:
            return None
        for cell, numbers in ((row[0], times), (row[2], values)):
            plain = cell.translate({44: ".", 46: ","}) if comma else cell
            plain = plain.strip(" \xa0")
            if not re.fullmatch(rf"[-+]?({groups})(\.[0-9]*)?([eE][-+]?[0-9]+)?", plain):
                return None
            try:
                numbers.append(float(plain.replace(",", "")))
            except ValueError:
                return None
    return [60 * minutes for minutes in times], values


def damaged(content: bytes, dice: random.Random) -> bytes:
    """Change a few bytes, lines or line ends, or cut the file."""
    for _ in range(dice.randint(1, 3)):
        kind = dice.choice(
            ["flip", "digit", "mark", "delete", "cut", "drop", "twice", "swap", "lf"]
        )
        at = dice.randrange(len(content)) if content else 0
        lines = content.split(b"\r\n")
        line = dice.randrange(len(lines))
        if kind == "flip":
            content = content[:at] + bytes([dice.randrange(256)]) + content[at + 1 :]
        elif kind == "digit":
            content = content[:at] + dice.choice(b"0123456789").to_bytes() + content[at + 1 :]
        elif kind == "mark":
            content = content[:at] + dice.choice([b".", b",", b"\t", b"-", b"e"]) + content[at:]
        elif kind == "delete":
            content = content[:at] + content[at + 1 :]
        elif kind == "cut":
            content = content[: max(at, len(content) // 2)]
        elif kind == "lf":
            content = content.replace(b"\r\n", b"\n")
        else:
            if kind == "drop":
                del lines[line]
            elif kind == "twice":
                lines.insert(line, lines[line])
            else:
                other = dice.randrange(len(lines))
                lines[line], lines[other] = lines[other], lines[line]
            content = b"\r\n".join(lines)
    return content


@pytest.mark.parametrize("comma", [False, True], ids=["dot", "comma"])
def test_damage_is_an_error_or_reads_as_it_stands(comma: bool) -> None:
    [reader] = [reader for reader in READERS if reader.key == "chromeleon7"]
    signal = [f"{value:.6f}" for value in 900 + 400 * np.sin(np.arange(40) / 5)]
    content = chromeleon7(signal, comma=comma)
    dice = random.Random(5)
    n_read = 0
    for _ in range(N_DAMAGED):
        broken = damaged(content, dice)
        try:
            [got] = reader.read(Path("x"), broken)
        except BadExport:
            continue
        expected = line_by_line(broken, comma)
        assert expected is not None, broken
        np.testing.assert_array_equal(got.signal, expected[1])
        # Equal distances within the sixth decimal of a minute, and the header's distance within
        # it over the whole trace.
        np.testing.assert_allclose(got.times_s, expected[0], rtol=0, atol=2 * 60e-6 + 1e-9)
        n_read += 1
    assert n_read > N_DAMAGED // 50


def test_a_cell_behind_the_signal() -> None:
    content = chromeleon68().replace(b"1200,250000\t", b"1200,250000\t7")
    assert "expected a time, a step and a signal." in message(content)
