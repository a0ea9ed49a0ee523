"""The exports of one run as the tables that the next stage reads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.errors import ExportFormatError
from dialysis.ingest import IngestedRun, ingest_run
from dialysis.tables.ingest import MANIFEST, TRACES, VENDOR_PEAKS
from tests.contract._ingest_files import (
    PEAKS,
    andi,
    injection,
    labsolutions,
    real,
    trace_section,
)

AGAIN = "The file is cut short or altered: export the injection again, or copy it again."
AUTO = {"format": "auto"}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    empty = {"run": "r1", "section": "", "injected_at": "", "vial": ""}
    return pd.DataFrame([empty | row for row in rows]).astype("str")


def row(id: str, file: str, **more: str) -> dict[str, str]:
    return {"injection_id": id, "injection_file": file, **more}


def run(folder: Path, *rows: dict[str, str], study: str = "demo") -> IngestedRun:
    return ingest_run(table(*rows), folder, AUTO, study)


def message(folder: Path, *rows: dict[str, str], study: str = "demo") -> str:
    with pytest.raises(ExportFormatError) as error:
        run(folder, *rows, study=study)
    return str(error.value)


def assert_valid(got: IngestedRun) -> None:
    for frame, definition in (
        (got.traces, TRACES),
        (got.manifest, MANIFEST),
        (got.vendor_peaks, VENDOR_PEAKS),
    ):
        pd.testing.assert_frame_equal(definition.validate(frame), frame)


def test_a_run_of_two_formats(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    first, second = andi(peaks=PEAKS, names=["DA", "5-HT"]), labsolutions()
    (tmp_path / "sub" / "a.cdf").write_bytes(first)
    (tmp_path / "b.txt").write_bytes(second)
    got = run(tmp_path, row("r1_001", "sub/a.cdf"), row("r1_002", "b.txt"))
    assert_valid(got)
    assert list(got.traces["injection_id"]) == ["r1_001", "r1_002"]
    assert list(got.traces["unit"]) == ["nA", "mV"]
    assert list(got.traces["channel"]) == ["ECD-1", "Detector A-Ch1"]
    assert list(got.traces["n_points"]) == [5, 5]
    assert list(got.traces["interval_s"]) == [0.4, 0.5]
    assert got.traces["time_s"].isna().all()
    np.testing.assert_array_equal(got.traces["signal"][0], [0, 1, 3, 1, 0])
    manifest = got.manifest.set_index("injection_id")
    assert list(manifest["file"]) == ["sub/a.cdf", "b.txt"]
    assert list(manifest["format"]) == ["andi", "labsolutions"]
    assert list(manifest["size_bytes"]) == [len(first), len(second)]
    assert list(manifest["sha256"]) == [hashlib.sha256(b).hexdigest() for b in (first, second)]
    assert list(manifest["first_s"]) == [0.012, 0.0]
    assert list(manifest["last_s"]) == pytest.approx([1.612, 2.0], abs=1e-12)
    assert list(manifest["signal_max"]) == [3.0, 3.0]
    assert list(manifest["vial"]) == ["7", "7"]
    assert list(manifest["injected_at"]) == ["2024-04-13T09:53:42+02:00", "2024-04-13T09:53:42"]
    peaks = got.vendor_peaks
    assert list(peaks["injection_id"]) == ["r1_001", "r1_001", "r1_002"]
    assert list(peaks["name"]) == ["DA", "5-HT", "DA"]
    assert peaks["area"].isna().tolist() == [False, True, False]


def test_a_run_without_vendor_peaks_and_with_times_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.cdf").write_bytes(andi([1.0, 2.0, 3.0], times=[0.0, 1.0, 3.0]))
    got = run(tmp_path, row("r1_001", "a.cdf"))
    assert_valid(got)
    assert len(got.vendor_peaks) == 0
    np.testing.assert_array_equal(got.traces["time_s"][0], [0, 1, 3])
    assert got.manifest["last_s"][0] == 3.0


def test_one_file_per_channel(tmp_path: Path) -> None:
    for name in ("E1", "E2"):
        (tmp_path / f"{name}.cdf").write_bytes(andi(attributes={"detector_name": name}))
    got = run(tmp_path, row("r1_001", "E1.cdf; E2.cdf;"))
    assert_valid(got)
    assert list(got.traces["channel"]) == ["E1", "E2"]
    assert list(got.manifest["file"]) == ["E1.cdf", "E2.cdf"]
    assert message(tmp_path, row("r1_001", "E1.cdf; E1.cdf")) == (
        "Exports of run 'r1' can't be read: 1 problem\n"
        "  1. raw/demo/E1.cdf, injection r1_001: found channel 'E1' again (first in "
        "raw/demo/E1.cdf); expected every channel of an injection once. Name only one of the two "
        "files in injections.csv."
    )


def test_the_table_stands_in_where_the_export_says_nothing(tmp_path: Path) -> None:
    silent = andi(
        attributes={"injection_date_time_stamp": None}, ordinate={"autosampler_position": ""}
    )
    (tmp_path / "a.cdf").write_bytes(silent)
    (tmp_path / "b.cdf").write_bytes(andi())
    given = {"injected_at": "2024-04-13 08:00", "vial": "12"}
    got = run(tmp_path, row("r1_001", "a.cdf", **given), row("r1_002", "b.cdf", **given))
    assert list(got.traces["injected_at"]) == ["2024-04-13T08:00:00", "2024-04-13T09:53:42+02:00"]
    assert list(got.manifest["injected_at_note"]) == ["from injections.csv", ""]
    assert list(got.manifest["vial"]) == ["12", "7"]
    assert message(tmp_path, row("r1_001", "a.cdf", injected_at="13.4.2024")) == (
        "Exports of run 'r1' can't be read: 1 problem\n"
        "  1. config/demo/injections.csv, injection r1_001, column injected_at: found '13.4.2024'; "
        "expected ISO 8601, like 2024-04-13T09:53:42."
    )


class TestSections:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        text = "".join(
            injection(
                trace_section("AD2", (i, i + 1)),
                data_file=rf"C:\Data\std-00{i}.lcd",
                acquired=f"13/04/2024 0{i}:00:00",
            )
            for i in (1, 2)
        )
        (tmp_path / "batch.txt").write_text(text)
        (tmp_path / "one.cdf").write_bytes(andi())
        return tmp_path

    def test_section_picks_the_injection(self, folder: Path) -> None:
        got = run(
            folder,
            row("r1_001", "batch.txt", section="std-002"),
            row("r1_002", "batch.txt", section="std-001"),
        )
        assert_valid(got)
        assert list(got.manifest["section"]) == ["std-002", "std-001"]
        assert [signal[0] for signal in got.traces["signal"]] == pytest.approx([2e-3, 1e-3])

    def test_no_section_or_a_wrong_one(self, folder: Path) -> None:
        listed = (
            "one of the sections 'std-001' (2024-04-13T01:00:00); 'std-002' (2024-04-13T02:00:00)"
        )
        assert message(
            folder,
            row("r1_001", "batch.txt"),
            row("r1_002", "batch.txt", section="std-003"),
            row("r1_003", "one.cdf", section="std-001"),
        ) == (
            "Exports of run 'r1' can't be read: 3 problems\n"
            "  1. raw/demo/batch.txt, injection r1_001: found 2 injections, no section asked for; "
            f"expected {listed}. Name it in column 'section' of injections.csv.\n"
            "  2. raw/demo/batch.txt, injection r1_002: found 2 injections, section 'std-003' "
            f"asked for; expected {listed}. Name it in column 'section' of injections.csv.\n"
            "  3. raw/demo/one.cdf, injection r1_003: found one injection without a section, "
            "section 'std-001' asked for; expected no section for a file with one injection. "
            "Leave 'section' empty in injections.csv."
        )


def test_all_bad_files_in_one_report(tmp_path: Path) -> None:
    (tmp_path / "good.cdf").write_bytes(andi())
    (tmp_path / "nan.cdf").write_bytes(andi([1.0, np.nan]))
    (tmp_path / "cut.txt").write_bytes(labsolutions(trace_section(points=9)))
    (tmp_path / "batch.txt").write_bytes(b"")
    rows = [row("r1_001", "good.cdf"), row("r1_002", "nan.cdf"), row("r1_003", "gone.cdf")]
    rows += [row(f"r1_{i:03d}", "batch.txt", section=f"s{i}") for i in range(4, 14)]
    rows += [row("r1_014", "good.cdf;cut.txt")]
    assert message(tmp_path, *rows) == (
        "Exports of run 'r1' can't be read: 4 problems\n"
        "  1. raw/demo/nan.cdf, injection r1_002, ordinate_values, point 2: found a signal of nan; "
        f"expected a finite number. {AGAIN}\n"
        "  2. raw/demo/gone.cdf, injection r1_003: found no such file; expected an export. Copy it "
        "there or mend the name.\n"
        "  3. raw/demo/batch.txt, injections r1_004, r1_005, r1_006, r1_007, r1_008, r1_009, "
        f"r1_010, r1_011 and 2 more, byte 0: found an empty file; expected an export. {AGAIN}\n"
        "  4. raw/demo/cut.txt, injection r1_014, line 29: found 5 points in [LC Chromatogram"
        f"(Detector A-Ch1)]; expected 9, as its '# of Points' says. {AGAIN}"
    )


def test_messages_without_a_study_and_without_a_file(tmp_path: Path) -> None:
    assert message(tmp_path, row("r1_001", "a.cdf"), row("r1_002", " ; "), study="") == (
        "Exports of run 'r1' can't be read: 2 problems\n"
        "  1. raw/a.cdf, injection r1_001: found no such file; expected an export. Copy it there "
        "or mend the name.\n"
        "  2. raw, injection r1_002: found no file; expected at least one file."
    )


def test_the_asked_for_format_is_used(tmp_path: Path) -> None:
    (tmp_path / "a.cdf").write_bytes(andi())
    with pytest.raises(ExportFormatError, match="found no 'Application Name'"):
        ingest_run(table(row("r1_001", "a.cdf")), tmp_path, {"format": "labsolutions"}, "demo")


def test_a_days_order_that_the_files_leave_open_is_settled_by_the_run(tmp_path: Path) -> None:
    # 11 and 12 August, month first; each file alone would be read as 8 November, 8 December.
    times = ("08/11/2024 22:00:00", "08/11/2024 23:00:00", "08/12/2024 00:00:00")
    for number, acquired in enumerate(times):
        (tmp_path / f"{number}.txt").write_bytes(labsolutions(acquired=acquired))
    got = run(tmp_path, *(row(f"r1_{i}", f"{i}.txt") for i in range(3)))
    assert list(got.traces["injected_at"]) == [
        "2024-08-11T22:00:00",
        "2024-08-11T23:00:00",
        "2024-08-12T00:00:00",
    ]
    assert set(got.manifest["injected_at_note"]) == {
        "day/month order assumed: month before day (the run's injections are closest together so)"
    }


def test_inputs_are_left_as_they_were_and_outputs_repeat(tmp_path: Path) -> None:
    (tmp_path / "a.cdf").write_bytes(andi(peaks=PEAKS))
    injections = table(row("r1_001", "a.cdf"))
    before = injections.copy(deep=True)
    first = ingest_run(injections, tmp_path, AUTO, "demo")
    second = ingest_run(injections, tmp_path, AUTO, "demo")
    pd.testing.assert_frame_equal(injections, before)
    pd.testing.assert_frame_equal(first.traces, second.traces)
    pd.testing.assert_frame_equal(first.manifest, second.manifest)
    pd.testing.assert_frame_equal(first.vendor_peaks, second.vendor_peaks)


def test_optional_columns_may_be_absent_and_extra_ones_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.cdf").write_bytes(andi())
    injections = pd.DataFrame(
        {"injection_id": ["x"], "run": ["r1"], "injection_file": ["a.cdf"], "order": [1]}
    )
    assert_valid(ingest_run(injections, tmp_path, AUTO))


def test_no_progress_bar_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.cdf").write_bytes(andi())
    run(tmp_path, row("r1_001", "a.cdf"))
    assert capsys.readouterr() == ("", "")


def test_the_real_standards_as_a_run() -> None:
    folder = real("labsolutions_calibration")
    levels = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    rows = [row(f"r1_{i:03d}", f"standard_{x:.2f}mM.txt") for i, x in enumerate(levels, start=1)]
    got = run(folder, *rows, study="")
    assert_valid(got)
    assert len(got.traces) == len(got.vendor_peaks) == 11
    assert got.manifest["injected_at"].is_monotonic_increasing
    assert got.manifest["sha256"].is_unique
    assert list(got.vendor_peaks["area"].round(3)) == [
        8.892, 18.654, 42.25, 62.336, 80.742, 99.601, 123.057, 141.732, 165.101, 187.54, 205.073,
    ]  # fmt: skip
