"""Exports that hold the vendor's results and no trace, where a study starts from vendor peaks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dialysis.errors import ExportFormatError
from dialysis.files import read_table, write_table
from dialysis.ingest import IngestedRun, ingest_run
from dialysis.integrate import take_vendor_peaks
from dialysis.study.config import default_section
from dialysis.tables.ingest import MANIFEST, RUN_FILES, TRACES, VENDOR_PEAKS
from dialysis.tables.inputs import ANALYTES, INJECTIONS

from ._ingest_files import real

START = default_section("ingest") | {"start": "vendor_peaks"}


def run_files(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return RUN_FILES.coerce(
        pd.DataFrame(rows, columns=["injection_id", "injection_file", "section"]).assign(run="r1")
    )


def ingested(folder: Path, *rows: tuple[str, str, str]) -> IngestedRun:
    return ingest_run(run_files(*rows), folder, START, "s")


def test_a_batch_of_results_gives_the_vendors_peaks_and_no_traces(tmp_path: Path) -> None:
    batch = real("labsolutions_batch", "Javits_Anion_Set2.txt")
    rows = [(f"i{k}", batch.name, section) for k, section in enumerate(("std-017", "unk-019"), 1)]
    run = ingested(batch.parent, *rows)
    assert len(run.traces) == 0
    assert list(run.manifest["n_points"]) == [0] * 4
    assert set(run.manifest["channel"]) == {"Detector A", "Detector B"}
    assert run.manifest[["interval_s", "signal_max"]].isna().all(axis=None)
    assert set(run.vendor_peaks["injection_id"]) == {"i1", "i2"}
    for frame, name, table in (
        (run.traces, "traces.parquet", TRACES),
        (run.manifest, "manifest.csv", MANIFEST),
        (run.vendor_peaks, "vendor_peaks.csv", VENDOR_PEAKS),
    ):
        write_table(frame, tmp_path / name, table)
        assert len(read_table(tmp_path / name, table)) == len(frame)


def test_they_become_peaks_by_name(tmp_path: Path) -> None:
    batch = real("labsolutions_batch", "Javits_Anion_Set2.txt")
    run = ingested(batch.parent, ("i1", batch.name, "std-017"))
    first = run.vendor_peaks[run.vendor_peaks["name"] != ""].iloc[0]
    injections = INJECTIONS.coerce(
        pd.DataFrame({"injection_id": ["i1"], "run": "r1", "order": 1, "type": "standard"})
    )
    analytes = ANALYTES.coerce(
        pd.DataFrame(
            {
                "analyte": [first["name"]],
                "rt_min": first["rt_min"],
                "window_min": 0.2,
                "channel": first["channel"],
            }
        )
    )
    made = take_vendor_peaks(run.vendor_peaks, injections, analytes, default_section("integrate"))
    own = made.peaks[made.peaks["analyte"] == first["name"]].iloc[0]
    assert own["found"] and own["area"] == first["area"]


def test_a_section_is_asked_for_as_with_traces() -> None:
    batch = real("labsolutions_batch", "Javits_Anion_Set2.txt")
    with pytest.raises(ExportFormatError) as error:
        ingested(batch.parent, ("i1", batch.name, ""))
    text = str(error.value)
    assert "injection i1: found 55 injections, no section asked for; expected one of the" in text
    assert text.endswith("and 47 more. Name it in column 'section' of injections.csv.")


def test_a_report_beside_its_trace_is_joined_and_alone_it_is_not() -> None:
    folder = real("chromeleon7_ed")
    trace, report = "02_D-St6_ED_1.txt", "02_D-St6_Integration.txt"
    both = ingested(folder, ("i1", f"{trace};{report}", ""))
    alone = ingested(folder, ("i1", report, ""))
    assert len(both.traces) == 1
    assert len(alone.traces) == 0
    columns = ["rt_min", "area", "height"]
    pd.testing.assert_frame_equal(both.vendor_peaks[columns], alone.vendor_peaks[columns])


def test_a_study_of_traces_still_needs_them() -> None:
    folder = real("chromeleon7_ed")
    with pytest.raises(ExportFormatError) as error:
        ingest_run(
            run_files(("i1", "02_D-St6_Integration.txt", "")), folder, default_section("ingest")
        )
    assert str(error.value) == (
        "Exports of run 'r1' can't be read: 1 problem\n"
        "  1. raw/02_D-St6_Integration.txt, injection i1: found the vendor's results and no trace; "
        "expected the trace of the injection. Name it beside the report in injection_file, with "
        "';' between them, or take the vendor's peaks (ingest.start: vendor_peaks)."
    )
