"""A vendor's report joins a trace by injection time and channel, never by name."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dialysis.chromatogram import Chromatogram, VendorPeak, VendorReport
from dialysis.errors import ExportFormatError
from dialysis.ingest import BadExport, IngestedRun, ingest_run
from dialysis.ingest.pairing import pair
from dialysis.tables.ingest import MANIFEST, VENDOR_PEAKS
from tests.contract._ingest_files import (
    chromeleon7,
    chromeleon7_report,
    injection,
    labsolutions,
    real,
)

REMEDY = (
    "A report joins a trace by injection time and channel, whatever the names: name the report of "
    "this injection, or none."
)
PEAKS = (VendorPeak(1.0, 60.0, 3.0),)
TRACE = Chromatogram(
    signal=np.array([1.0, 2.0, 1.0]),
    unit="nC",
    start_s=0.0,
    interval_s=1.0,
    channel="ED_1",
    injected_at="2024-04-13T09:53:42",
)
REPORT = VendorReport(PEAKS, unit="nC", channel="ED_1", injected_at="2024-04-13T09:53:00")
DAY_ASSUMED = "day/month order assumed: day before month (nothing in the file decides it)"
SETTLED = "day/month order as in the vendor's report"


def refusal(traces: list[Chromatogram], reports: list[VendorReport]) -> str:
    with pytest.raises(BadExport) as error:
        pair(traces, reports)
    return str(error.value.named("report.txt"))


class TestPair:
    def test_a_report_in_whole_minutes(self) -> None:
        [(trace, report)] = pair([TRACE], [REPORT])
        assert trace.vendor_peaks == PEAKS
        assert report is REPORT
        assert (trace.injected_at, trace.injected_at_note) == (TRACE.injected_at, "")

    @pytest.mark.parametrize(
        ("time", "pairs"),
        [
            ("2024-04-13T09:53:42", True),
            ("2024-04-13T09:54:00", True),
            ("2024-04-13T09:54:41", True),
            ("2024-04-13T09:54:42", False),
            ("2024-04-13T09:52:00", False),
            ("2024-04-14T09:53:42", False),
            # On the wall clock, because the trace has no offset.
            ("2024-04-13T09:53:42+05:00", True),
        ],
    )
    def test_times(self, time: str, pairs: bool) -> None:
        report = replace(REPORT, injected_at=time)
        if pairs:
            assert pair([TRACE], [report])[0][1] is report
        else:
            assert "a report of the injection of 2024-04-1" in refusal([TRACE], [report])

    def test_offsets_count_where_both_have_one(self) -> None:
        trace = replace(TRACE, injected_at="2024-04-13T09:53:42+02:00")
        report = replace(REPORT, injected_at="2024-04-13T07:53:00+00:00")
        assert pair([trace], [report])[0][1] is report

    def test_its_channel_among_several(self) -> None:
        other = replace(TRACE, channel="ED_2")
        (first, none), (second, report) = pair([other, TRACE], [REPORT])
        assert (first.vendor_peaks, none) == ((), None)
        assert (second.vendor_peaks, report) == (PEAKS, REPORT)

    def test_a_detector_stands_for_its_only_channel(self) -> None:
        trace = replace(TRACE, channel="Detector A-Ch1")
        report = replace(REPORT, channel="Detector A")
        assert pair([trace], [report])[0][1] is report
        second = replace(TRACE, channel="Detector A-Ch2")
        assert "expected the injection of" in refusal([trace, second], [report])

    def test_no_channel_is_the_only_one(self) -> None:
        report = replace(REPORT, channel="")
        assert pair([TRACE], [report])[0][1] is report
        assert "an unnamed channel; expected" in refusal(
            [TRACE, replace(TRACE, channel="ED_2")], [report]
        )

    def test_one_of_many(self) -> None:
        others = [replace(REPORT, injected_at=f"2024-04-13T1{i}:00:00") for i in range(5)]
        assert pair([TRACE], [*others, REPORT])[0][1] is REPORT
        assert refusal([TRACE], others) == (
            "report.txt: found 5 reports, none of them its own; expected the injection of "
            f"2024-04-13T09:53:42 on channel 'ED_1'. {REMEDY}"
        )

    def test_another_injection_of_the_same_name(self) -> None:
        report = replace(REPORT, injected_at="2024-04-13T19:53:00", sample_name="water")
        trace = replace(TRACE, sample_name="water")
        assert refusal([trace], [report]) == (
            "report.txt: found a report of the injection of 2024-04-13T19:53:00, named 'water', "
            "channel 'ED_1'; expected the injection of 2024-04-13T09:53:42 on channel 'ED_1'. "
            + REMEDY
        )

    def test_another_channel(self) -> None:
        assert "channel 'ED_2'; expected the injection of 2024-04-13T09:53:42 on channel" in (
            refusal([TRACE], [replace(REPORT, channel="ED_2")])
        )

    def test_unknown_times_pair_with_nothing(self) -> None:
        unknown = replace(REPORT, injected_at="", injected_at_note="injection time 'x' is not ...")
        assert "a report of the injection of an unknown time (injection time 'x' is" in refusal(
            [TRACE], [unknown]
        )
        assert "expected the injection of an unknown time on channel 'ED_1'" in refusal(
            [replace(TRACE, injected_at="")], [REPORT]
        )

    def test_other_units(self) -> None:
        assert refusal([TRACE], [replace(REPORT, unit="mV")]) == (
            "report.txt: found areas in mV × s for channel 'ED_1'; expected areas in nC × s, the "
            "unit of its trace. Export the report in the trace's unit, or leave it out of "
            "injection_file."
        )
        assert "found areas in counts × s for channel 'ED_1'; expected areas in nC" in refusal(
            [TRACE], [replace(REPORT, unit="")]
        )

    def test_peaks_twice(self) -> None:
        assert "whose trace comes with peaks already; expected peaks from one file" in refusal(
            [replace(TRACE, vendor_peaks=PEAKS)], [REPORT]
        )
        assert "found two reports of channel 'ED_1'; expected one for every" in refusal(
            [TRACE], [REPORT, REPORT]
        )

    def test_a_report_settles_the_order_of_day_and_month(self) -> None:
        # 2 August, read as 8 February; the report says 02-aug-23.
        trace = replace(TRACE, injected_at="2023-02-08T10:00:05", injected_at_note=DAY_ASSUMED)
        report = replace(REPORT, injected_at="2023-08-02T10:00:00")
        [(got, _)] = pair([trace], [report])
        assert (got.injected_at, got.injected_at_note) == ("2023-08-02T10:00:05", SETTLED)
        report = replace(REPORT, injected_at="2023-02-08T10:00:00")
        [(got, _)] = pair([trace], [report])
        assert (got.injected_at, got.injected_at_note) == ("2023-02-08T10:00:05", SETTLED)

    def test_an_order_that_is_assumed_for_both_stays_assumed(self) -> None:
        trace = replace(TRACE, injected_at="2023-02-08T10:00:05", injected_at_note=DAY_ASSUMED)
        report = replace(REPORT, injected_at="2023-02-08T10:00:00", injected_at_note=DAY_ASSUMED)
        [(got, _)] = pair([trace], [report])
        assert (got.injected_at, got.injected_at_note) == (trace.injected_at, DAY_ASSUMED)

    def test_a_certain_trace_settles_the_report(self) -> None:
        trace = replace(TRACE, injected_at="2023-08-02T10:00:05")
        report = replace(REPORT, injected_at="2023-02-08T10:00:00", injected_at_note=DAY_ASSUMED)
        [(got, _)] = pair([trace], [report])
        assert (got.injected_at, got.injected_at_note) == (trace.injected_at, "")


def run(folder: Path, *rows: dict[str, str]) -> IngestedRun:
    empty = {"run": "r1", "section": "", "injected_at": "", "vial": ""}
    table = pd.DataFrame([empty | row for row in rows]).astype("str")
    return ingest_run(table, folder, {"format": "auto"}, "demo")


def row(id: str, file: str, **more: str) -> dict[str, str]:
    return {"injection_id": id, "injection_file": file, **more}


def message(folder: Path, *rows: dict[str, str]) -> str:
    with pytest.raises(ExportFormatError) as error:
        run(folder, *rows)
    return str(error.value)


class TestRuns:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "a.txt").write_bytes(chromeleon7())
        (tmp_path / "a_report.txt").write_bytes(chromeleon7_report())
        other = chromeleon7_report(injected="13-apr-24 10:53")
        (tmp_path / "b_report.txt").write_bytes(other)
        return tmp_path

    @pytest.mark.parametrize("files", ["a.txt;a_report.txt", "a_report.txt; a.txt"])
    def test_a_trace_and_its_report(self, folder: Path, files: str) -> None:
        got = run(folder, row("r1_001", files))
        pd.testing.assert_frame_equal(MANIFEST.validate(got.manifest), got.manifest)
        pd.testing.assert_frame_equal(VENDOR_PEAKS.validate(got.vendor_peaks), got.vendor_peaks)
        [line] = got.manifest.to_dict("records")
        assert (line["file"], line["report_file"]) == ("a.txt", "a_report.txt")
        sha256 = hashlib.sha256(chromeleon7_report()).hexdigest()
        assert (line["report_sha256"], line["format"]) == (sha256, "chromeleon7")
        assert list(got.vendor_peaks["channel"]) == ["ED_1", "ED_1"]
        assert list(got.vendor_peaks["area"]) == pytest.approx([3.0, 53.28])
        assert list(got.vendor_peaks["name"]) == ["DA", ""]

    def test_without_a_report(self, folder: Path) -> None:
        got = run(folder, row("r1_001", "a.txt"))
        assert list(got.manifest["report_file"]) == [""]
        assert len(got.vendor_peaks) == 0

    def test_reports_of_others_and_reports_alone(self, folder: Path) -> None:
        assert message(
            folder, row("r1_001", "a.txt;b_report.txt"), row("r1_002", "a_report.txt")
        ) == (
            "Exports of run 'r1' can't be read: 2 problems\n"
            "  1. raw/demo/b_report.txt, injection r1_001: found a report of the injection of "
            "2024-04-13T10:53:00, named 'S1', channel 'ED_1'; expected the injection of "
            f"2024-04-13T09:53:42 on channel 'ED_1'. {REMEDY}\n"
            "  2. raw/demo/a_report.txt, injection r1_002: found the vendor's results and no "
            "trace; expected the trace of the injection. Name it beside the report in "
            "injection_file, with ';' between them."
        )

    def test_the_table_gives_the_time_that_the_trace_has_not(self, folder: Path) -> None:
        silent = chromeleon7(head={"Injection Date": None, "Injection Time": None})
        (folder / "a.txt").write_bytes(silent)
        files = "a.txt;a_report.txt"
        got = run(folder, row("r1_001", files, injected_at="2024-04-13 09:53:10"))
        assert list(got.manifest["report_file"]) == ["a_report.txt"]
        assert list(got.manifest["injected_at_note"]) == ["from injections.csv"]
        assert "expected the injection of an unknown time" in message(folder, row("x", files))

    def test_one_report_file_for_a_whole_run(self, tmp_path: Path) -> None:
        batch = ""
        for i in (1, 2):
            when = f"13/04/2024 0{i}:00:00"
            (tmp_path / f"{i}.txt").write_bytes(
                chromeleon7(head={"Injection Date": when[:10], "Injection Time": when[11:]})
            )
            rows = f"1\tA\t0.0{i}\t{i}\t{i}\n"
            table = (
                f"[Compound Results(ED_1)]\n# of IDs\t1\nID#\tName\tR.Time\tArea\tHeight\n{rows}\n"
            )
            batch += injection(table, data_file=f"std-{i}.lcd", acquired=when)
        (tmp_path / "batch.txt").write_text(batch)
        rows_of_run = [row(f"r1_00{i}", f"{i}.txt;batch.txt") for i in (1, 2)]
        # Areas of LabSolutions results have no unit, so they can't join a trace in nC.
        assert message(tmp_path, *rows_of_run).count("found areas in counts × s for channel") == 2

    def test_options_of_the_study_reach_the_readers(self, tmp_path: Path) -> None:
        head = {"Injection Date": "02/08/2023", "Injection Time": "10:00:00"}
        (tmp_path / "a.txt").write_bytes(chromeleon7(head=head))
        injections = pd.DataFrame(
            {"injection_id": ["x"], "run": ["r1"], "injection_file": ["a.txt"]}
        )
        for order, iso in (("dmy", "2023-08-02T10:00:00"), ("mdy", "2023-02-08T10:00:00")):
            got = ingest_run(injections, tmp_path, {"format": "auto", "date_order": order})
            assert list(got.manifest["injected_at"]) == [iso]
            assert list(got.manifest["injected_at_note"]) == [""]

    def test_labsolutions_peaks_are_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes(labsolutions())
        (tmp_path / "b.txt").write_bytes(chromeleon7_report(channel="").replace(b"ED_1", b""))
        assert "whose trace comes with peaks already" in message(tmp_path, row("x", "a.txt;b.txt"))


def real_rows(*names: str) -> list[dict[str, str]]:
    return [row(name, f"{name}_ED_1.txt;{name}_Integration.txt") for name in names]


def test_the_real_pairs() -> None:
    folder = real("chromeleon7_ed")
    got = run(folder, *real_rows("02_D-St6", "03_D-St7"))
    assert list(got.manifest["report_file"]) == [
        "02_D-St6_Integration.txt",
        "03_D-St7_Integration.txt",
    ]
    peaks = got.vendor_peaks.groupby("injection_id", sort=False)
    assert peaks.size().to_dict() == {"02_D-St6": 66, "03_D-St7": 48}
    # The sums that the reports print, in nC·min to 0.001.
    assert list(peaks["area"].sum() / 60) == pytest.approx([305.360, 211.666], abs=0.034)


def test_the_real_pairs_of_one_name_and_two_injections_are_refused() -> None:
    folder = real("chromeleon7_ed")
    assert message(folder, *real_rows("01_water", "02_D-St6", "04_D-St8")) == (
        "Exports of run 'r1' can't be read: 2 problems\n"
        "  1. raw/demo/01_water_Integration.txt, injection 01_water: found a report of the "
        "injection of 2020-01-30T10:37:00, named 'water', channel 'ED_1'; expected the injection "
        f"of 2020-01-30T20:57:56 on channel 'ED_1'. {REMEDY}\n"
        "  2. raw/demo/04_D-St8_Integration.txt, injection 04_D-St8: found a report of the "
        "injection of 2020-01-30T01:45:00, named 'D-St8', channel 'ED_1'; expected the injection "
        f"of 2020-01-30T19:29:15 on channel 'ED_1'. {REMEDY}"
    )
