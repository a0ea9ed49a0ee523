"""`dialysis inspect`: whole outputs, exit codes, JSON, and the picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from dialysis.cli import main
from dialysis.inspect import Found, Inspection, inspect_files, json_text, table_text
from dialysis.inspect_plot import PER_PAGE, Gallery
from dialysis.simulate.exports import FORMATS, InjectionHeader
from dialysis.simulate.trace import Recording, SimulatedTrace
from tests.contract._ingest_files import andi

PEAKS = {
    "peak_retention_time": [0.8, 1.2],
    "peak_area": [4.5, -9999.0],
    "peak_start_time": [0.4, 1.1],
    "peak_end_time": [1.0, 1.5],
}


def write_exports(folder: Path, export_format: str, names: list[str]) -> list[Path]:
    """Small exports by the simulator's writers: a ramp with a peak, 26 min apart."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, name in enumerate(names):
        counts = np.arange(24, dtype=np.int32) * 512
        counts[10] = 8192 * (number + 1) * 4
        trace = SimulatedTrace(counts, Recording(24, 1.5), pd.DataFrame())
        header = InjectionHeader(
            sample_name=name,
            sample_type="unknown",
            vial=str(number + 1),
            injected_at=f"2024-05-13T{8 + number:02d}:00:00+00:00",
            injection_uL=20.0,
            title="run01",
        )
        export = FORMATS[export_format]
        made.append(folder / f"{number + 1:03d}_{name}{export.suffix}")
        export.write(trace, header, made[-1])
    return made


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)])


def test_a_folder_of_andi_exports(tmp_path: Path) -> None:
    write_exports(tmp_path / "raw", "andi", ["STD1", "R01_F1"])
    done = run(tmp_path / "raw")
    assert done.exit_code == 0, done.output
    assert (
        done.stdout
        == f"""\
In {tmp_path}/raw:

file            format  sample  vial  injected at                    channel  points  sampling  \
      min  signal  unit
001_STD1.cdf    andi    STD1    1     2024-05-13T08:00:00+00:00 [1]  ECD          24     1.5 s  \
0.00–0.57     0…4  nA
002_R01_F1.cdf  andi    R01_F1  2     2024-05-13T09:00:00+00:00 [1]  ECD          24     1.5 s  \
0.00–0.57     0…8  nA

Injection times:
  [1] the export gives offset +0000, which may stand for local time (2 of 2)

2 files read (2 ANDI/AIA netCDF), 2 traces.
"""
    )


def test_a_labsolutions_export_that_was_named(tmp_path: Path) -> None:
    (path,) = write_exports(tmp_path, "labsolutions", ["STD1"])
    done = run(path)
    assert done.exit_code == 0, done.output
    width = len(str(path))
    assert (
        done.stdout
        == f"""\
{"file".ljust(width)}  format        sample  vial  injected at          channel  points  sampling \
       min  signal  unit
{path}  labsolutions  STD1    1     2024-05-13T08:00:00  AD2          24     1.5 s  0.00–0.57  \
   0…4  nA

1 file read (1 Shimadzu LabSolutions ASCII), 1 trace.
"""
    )


def test_problems_unknown_files_and_same_names_in_one_report(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    good, other = write_exports(raw, "andi", ["STD1", "STD1"])
    cut = raw / "cut.cdf"
    cut.write_bytes(good.read_bytes()[:-40])
    (raw / "empty.cdf").write_bytes(b"")
    (raw / "copy").mkdir()
    (raw / "copy" / "again.cdf").write_bytes(other.read_bytes())
    (raw / "notes.pdf").write_bytes(b"%PDF-1.7 notes")
    (raw / "README").write_text("notes", encoding="utf-8")
    (raw / ".hidden.cdf").write_bytes(b"CDF")
    done = run(raw)
    assert done.exit_code == 1
    head, _, rest = done.stdout.partition("\n\nInjection times:\n")
    assert [line.split("  ")[0] for line in head.splitlines()[2:]] == [
        "file",
        "001_STD1.cdf",
        "002_STD1.cdf",
        "copy/again.cdf",
    ]
    problem = rest.split("Can't be read:\n")[1].split("\n\n")[0]
    assert problem == (
        "  cut.cdf, byte 1212: found the end of the file; expected 96 bytes from byte 1136 on, as "
        "the netCDF header says. The file is cut short or altered: export the injection again, or "
        "copy it again.\n"
        "  empty.cdf, byte 0: found an empty file; expected an export. "
        "The file is cut short or altered: "
        "export the injection again, or copy it again."
    )
    assert rest.split("\n\n", 1)[1].replace(problem, "…") == (
        "Same sample name, different injection times (tell them apart by time, not by name):\n"
        "  STD1: 2024-05-13T08:00:00+00:00 001_STD1.cdf; "
        "2024-05-13T09:00:00+00:00 002_STD1.cdf\n\n"
        "Files with the same content:\n"
        "  002_STD1.cdf, copy/again.cdf\n\n"
        "Not recognised as exports:\n"
        "  1 × no ending: README\n"
        "  1 × .pdf: notes.pdf\n\n"
        "Can't be read:\n"
        "…\n\n"
        "3 files read (3 ANDI/AIA netCDF), 3 traces; 2 not recognised; 2 can't be read.\n"
    )


def test_a_file_that_is_no_export_is_a_problem_when_it_was_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.pdf"
    path.write_bytes(b"%PDF-1.7 notes")
    alone, inside = run(path), run(tmp_path)
    assert alone.exit_code == inside.exit_code == 1
    assert alone.stdout.startswith(f"Can't be read:\n  {path}, byte 0: found a PDF document; ")
    assert inside.stdout == (
        f"In {tmp_path}:\n\nNot recognised as exports:\n  1 × .pdf: notes.pdf\n\n"
        "0 files read; 1 not recognised.\n"
    )


def test_files_with_one_remedy_are_told_it_once(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-1.7")
    lines = run(tmp_path / "a.pdf", tmp_path / "b.pdf").stdout.splitlines()
    assert lines[1:3] == [
        f"  {tmp_path}/{name}, byte 0: found a PDF document" for name in ("a.pdf", "b.pdf")
    ]
    assert lines[3].startswith("    expected ANDI/AIA netCDF (andi), ")
    assert lines[3].endswith(" Export the data points, not a report.")


def test_usage_errors_end_with_2(tmp_path: Path) -> None:
    (path,) = write_exports(tmp_path, "andi", ["STD1"])
    for arguments, message in (
        ((), "Missing argument 'PATH…'"),
        ((tmp_path / "nothing",), "does not exist"),
        ((path, "--plot", tmp_path / "x.gif"), "expected a name ending in .pdf or .png."),
        ((path, "--format", "andy"), "--format andy: expected one of auto, andi, "),
    ):
        done = run(*arguments)
        assert done.exit_code == 2, done.output
        assert message in done.output


def test_json_has_every_field_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "one.cdf"
    path.write_bytes(andi(peaks=PEAKS, names=["DOPAC", ""]))
    done = run(path, "--json")
    assert done.exit_code == 0, done.output
    (sha256,) = inspect_files([path]).hashes.values()
    signal = np.array([0.0, 1.0, 3.0, 1.0, 0.0])
    assert json.loads(done.stdout) == {
        "schema": "dialysis.inspect/1",
        "found": [
            {
                "file": path.as_posix(),
                "format": "andi",
                "section": "",
                "trace": True,
                "channel": "ECD-1",
                "detector": "ECD-1",
                "sample_name": "S1",
                "vial": "7",
                "method": "monoamines",
                "unit": "nA",
                "injected_at": "2024-04-13T09:53:42+02:00",
                "injected_at_note": "",
                "dilution": None,
                "injection_uL": None,
                "n_points": 5,
                "interval_s": 0.4,
                "uniform": True,
                "first_min": pytest.approx(0.012 / 60, rel=1e-6),
                "last_min": pytest.approx((0.012 + 4 * 0.4) / 60, rel=1e-6),
                "signal_min": signal.min(),
                "signal_max": signal.max(),
                "n_vendor_peaks": 2,
                "n_vendor_areas": 1,
                "vendor_names": ["DOPAC"],
                "header": ["operator_name"],
                "sha256": sha256,
            }
        ],
        "problems": [],
        "unknown": {},
        "same_names": {},
        "same_content": [],
    }
    assert json_text(inspect_files([path])) == done.stdout
    assert "2 (1 without area)" in run(path).stdout


def test_json_of_problems_and_equal_bytes_twice(tmp_path: Path) -> None:
    first, second = write_exports(tmp_path, "andi", ["STD1", "STD1"])
    (tmp_path / "cut.cdf").write_bytes(first.read_bytes()[:-40])
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    done = run(tmp_path, "--json")
    assert done.exit_code == 1
    assert done.stdout == run(tmp_path, "--json").stdout
    content = json.loads(done.stdout)
    assert [sorted(problem) for problem in content["problems"]] == [
        ["expected", "file", "found", "remedy", "where"]
    ]
    assert content["unknown"] == {".pdf": [f"{tmp_path}/notes.pdf"]}
    assert content["same_names"] == {
        "STD1": [
            {"injected_at": "2024-05-13T08:00:00+00:00", "file": first.as_posix()},
            {"injected_at": "2024-05-13T09:00:00+00:00", "file": second.as_posix()},
        ]
    }


def test_a_report_s_time_cut_to_minutes_is_that_of_its_trace() -> None:
    """Two reports of one name, 14:03 and 15:40, and a trace of 14:03:27."""
    times = {"a": "2020-01-28T15:40:00", "b": "2020-01-28T14:03:00", "c": "2020-01-28T14:03:27"}
    blank = dict.fromkeys(Found.__dataclass_fields__)
    found = [
        Found(
            **blank
            | {"file": file, "trace": file == "c", "sample_name": "St8"}
            | {"injected_at": t}
        )
        for file, t in times.items()
    ]
    assert Inspection(tuple(found), (), {}).same_names == {
        "St8": (("2020-01-28T14:03:27", "c"), ("2020-01-28T15:40:00", "a"))
    }


def test_the_study_s_options_are_obeyed(tmp_path: Path) -> None:
    config = tmp_path / "config" / "s"
    config.mkdir(parents=True)
    (config / "study.yaml").write_text(
        "study:\n  title: T\ningest:\n  format: delimited\n  delimited:\n    delimiter: comma\n"
        "    time_column: 1\n    signals: [{column: 2, channel: ECD, unit: nA}]\n"
        "  time_unit: min\n",
        encoding="utf-8",
    )
    path = tmp_path / "trace.csv"
    path.write_text("".join(f"{i / 60:.6f},{i}\n" for i in range(40)), encoding="utf-8")
    plain = run(path, "--root", tmp_path)
    told = run(path, "--root", tmp_path, "--study", "s")
    assert plain.exit_code == 1
    assert told.exit_code == 0, told.output
    assert "delimited  ECD" in told.stdout
    absent = run(path, "--root", tmp_path, "--study", "t")
    assert absent.exit_code == 1
    assert absent.output == (
        "config/t/study.yaml: found no such file; expected the study's options.\n"
    )


@pytest.mark.parametrize("ending", ["pdf", "png"])
def test_the_picture_is_written_and_the_same_twice(tmp_path: Path, ending: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "one.cdf").write_bytes(andi(peaks=PEAKS))
    write_exports(raw, "labsolutions", ["STD1"])
    target = tmp_path / f"traces.{ending}"
    done = run(raw, "--plot", target)
    assert done.exit_code == 0, done.output
    assert done.stderr == f"{target} shows 2 traces.\n"
    first = target.read_bytes()
    assert first.startswith(b"%PDF" if ending == "pdf" else b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", target.name]
    run(raw, "--plot", target)
    assert target.read_bytes() == first


def test_a_png_shows_one_page_and_says_so(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_exports(raw, "andi", [f"S{i}" for i in range(15)])
    write_exports(raw / "more", "andi", [f"T{i}" for i in range(15)])
    done = run(raw, "--plot", tmp_path / "traces.png")
    assert done.stderr == (
        f"{tmp_path}/traces.png shows the first {PER_PAGE} of 30 traces; a .pdf shows all.\n"
    )
    gallery = Gallery()
    inspect_files([raw], seen=gallery.add)
    assert len(list(gallery.pages())) == 2


def test_no_trace_no_picture(tmp_path: Path) -> None:
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    done = run(tmp_path, "--plot", tmp_path / "traces.png")
    assert done.exit_code == 1
    assert done.stderr == f"{tmp_path}/traces.png is not written: there is no trace to draw.\n"
    assert not (tmp_path / "traces.png").exists()


def test_vendor_limits_are_shaded_and_a_peak_without_limits_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "one.cdf"
    path.write_bytes(
        andi(
            peaks={"peak_retention_time": [0.8, 1.2]}
            | {
                "peak_start_time": [0.4, -9999.0],
                "peak_end_time": [1.0, -9999.0],
            }
        )
    )
    gallery = Gallery()
    inspect_files([path], seen=gallery.add)
    (page,) = gallery.pages()
    (axes,) = page.axes
    kinds = [type(artist).__name__ for artist in axes.collections]
    assert kinds.count("PolyCollection") == 1
    assert [line.get_marker() for line in axes.lines] == ["|"]


def test_real_exports(shared_data: Path) -> None:
    folder = shared_data / "chromatograms"
    inspection = inspect_files([folder])
    assert [str(problem) for problem in inspection.problems] == []
    assert dict(inspection.unknown) == {".md": (f"{folder}/SOURCES.md",)}
    seen = {(Path(f.file).name, f.channel): f for f in inspection.found}
    hplc = seen["agilent-hplc.cdf", "DAD1 A, Sig=254,4 Ref=360,100"]
    assert (hplc.n_points, hplc.interval_s, hplc.unit) == (4651, 0.4, "mAU")
    assert (hplc.n_vendor_peaks, hplc.n_vendor_areas) == (8, 8)
    several = {c: f.n_vendor_peaks for (name, c), f in seen.items() if "multichannel" in name}
    assert several == {"Detector A-Ch1": 2, "Detector A-Ch2": 7, "Detector B-Ch1": 7}
    # traces and reports of one name that are of different injections
    mistaken = {
        name for name in inspection.same_names if name in ("water", "D-St6", "D-St7", "D-St8")
    }
    assert mistaken == {"water", "D-St8"}
    assert ", 31 traces, 114 vendor reports without a trace; 1 not recognised.\n" in (
        table_text(inspection)
    )


def test_a_folder_that_is_one_export_is_not_searched(shared_data: Path) -> None:
    folder = shared_data / "chromatograms" / "agilent_report"
    inspection = inspect_files([folder])
    assert {f.file for f in inspection.found} == {folder.as_posix()}
    assert inspection.folder == ""
    assert not inspection.unknown
