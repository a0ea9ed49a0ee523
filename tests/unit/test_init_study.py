"""From a folder of exports to a study: what is proposed, what is written, every message."""

from __future__ import annotations

import csv
import math
import re
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from dialysis.cli import main
from dialysis.errors import StudyError
from dialysis.examine import examine
from dialysis.ingest import read
from dialysis.init import (
    Answers,
    init_study,
    read_animal_list,
    read_group,
    read_layout,
    read_mix,
)
from dialysis.init.answers import animals_of
from dialysis.init.layouts import SKELETON, propose_layout
from dialysis.init.retention import CommonPeak, SeenPeak, common_peaks, propose_analytes
from dialysis.simulate.exports import FORMATS, InjectionHeader
from dialysis.simulate.peaks import Peak
from dialysis.simulate.trace import Background, Recording, simulate_trace
from dialysis.study.load import load_study
from dialysis.study.sheets import write_workbook

# Analyte, time, min, and area of the standard of 100 %, nA·s.
PEAKS = (("DHBA", 3.0, 40.0), ("DOPAC", 4.2, 60.0), ("HVA", 6.0, 50.0))
SHORT = Recording(n_points=2700, interval_s=0.2)


def write_injection(
    path: Path,
    name: str,
    factor: float,
    minutes: float,
    kind: str = "unknown",
    retention: float = 1.0,
    gains: Mapping[str, float] = MappingProxyType({}),
    detector: bytes = b"ECD",
) -> None:
    """An ANDI file of 9 min: the internal standard is the same everywhere."""
    rng = np.random.default_rng(zlib.crc32(f"{name} {minutes}".encode()))
    peaks = [
        Peak(
            analyte,
            60 * rt * retention,
            60 * 0.05,
            60 * 0.03,
            area * (1 if analyte == "DHBA" else factor) * gains.get(analyte, 1.0),
        )
        for analyte, rt, area in PEAKS
    ]
    when = datetime(2024, 5, 13, 8) + timedelta(minutes=minutes)
    header = InjectionHeader(name, kind, "1", f"{when.isoformat()}+00:00", 10.0, "batch")
    path.parent.mkdir(parents=True, exist_ok=True)
    FORMATS["andi"].write(
        simulate_trace(peaks, rng, recording=SHORT, background=Background()), header, path
    )
    path.write_bytes(path.read_bytes().replace(b"ECD\x00", detector + b"\x00"))


LEVELS = (25, 50, 100, 200)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two animals of four fractions and four standards in one run, one vial injected again."""
    folder = tmp_path_factory.mktemp("exports") / "Läufe 2024"
    names = [("Leer 1", 0.0)]
    names += [(f"STD {level} %", level / 100) for level in LEVELS]
    names += [(f"A{animal} F{n}", 1.0 + 0.1 * n) for animal in (1, 2) for n in (1, 2, 3, 4)]
    names += [("A2 F3 re", 1.3), ("STD 100 %", 1.0), ("QC 75 %", 0.75)]
    for number, (name, factor) in enumerate(names, start=1):
        write_injection(folder / f"x{number}.cdf", name, factor, 12.0 * number)
    (folder / "list.pdf").write_bytes(b"%PDF-1.4")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


ANSWERS = Answers(
    groups=(read_group("VEH: A1"), read_group("mianserin 0,5 mg/kg sc: a2")),
    mix=read_mix("DOPAC 5 nM; HVA 4,5 nM"),
    baseline=2,
    fraction_min=20.0,
    flow_uL_min=1.5,
    dead_volume_uL=3.0,
    inj_uL=10.0,
)


def test_a_study_that_is_ready_to_run(exports: Path, tmp_path: Path) -> None:
    made = init_study(tmp_path, "new", exports, ANSWERS)
    config = tmp_path / "config" / "new"
    assert sorted(path.name for path in config.iterdir()) == [
        "analytes.csv",
        "animals.csv",
        "exclusions.csv",
        "init.md",
        "injections.csv",
        "standards.csv",
        "study.yaml",
    ]
    study = load_study(tmp_path, "new")
    assert study.warnings == () and study.notes == ()
    animals = study.tables["animals"]
    assert animals[["animal_id", "drug", "dose", "dose_unit", "route"]].values.tolist() == [
        ["A1", "vehicle", 0.0, "", ""],
        ["A2", "mianserin", 0.5, "mg/kg", "s.c."],
    ]
    injections = study.tables["injections"]
    assert injections["injection_id"].tolist() == [f"run01_{n:03d}" for n in range(1, 17)]
    assert injections["injection_file"].tolist() == [f"x{n}.cdf" for n in range(1, 17)]
    assert injections["type"].tolist() == [
        "blank",
        *["standard"] * 4,
        *["sample"] * 9,
        "standard",
        "qc",
    ]
    samples = injections[injections["type"] == "sample"]
    assert samples["animal_id"].tolist() == ["A1"] * 4 + ["A2"] * 5
    assert samples["fraction"].tolist() == [1, 2, 3, 4, 1, 2, 3, 4, 3]
    assert samples["reinjection_of"].tolist() == [*[""] * 8, "run01_012"]
    standards = study.tables["standards"]
    dopac = standards[standards["analyte"] == "DOPAC"]
    assert dopac["amount"].tolist() == [1.25, 2.5, 5.0, 10.0, 5.0, 3.75]
    assert dopac["role"].tolist() == ["cal"] * 4 + ["bracket", "qc"]
    analytes = study.tables["analytes"]
    assert analytes["analyte"].tolist() == ["DHBA", "DOPAC", "HVA"]
    assert analytes["internal_standard"].tolist() == ["itself", "DHBA", "DHBA"]
    # apex of an EMG with these parameters: 0.026 min behind its mean
    assert analytes["rt_min"].to_numpy() == pytest.approx([3.026, 4.226, 6.026], abs=0.02)
    assert all(text.startswith("PROPOSAL: given name") for text in analytes["comment"])
    assert study.config["quantify"]["inj_uL"] == 10
    assert study.config["normalize"]["baseline"]["n_fractions"] == 2
    assert study.config["normalize"]["flow_uL_min"] == 1.5
    assert (tmp_path / "raw" / "new").resolve() == exports.resolve()
    assert [item.where for item in made.to_do] == ["rows 2–4, column analyte"]


def test_what_is_told(exports: Path, tmp_path: Path) -> None:
    made = init_study(tmp_path, "new", exports)
    assert (
        made.text
        == f"""\
Exports  {exports} (raw/new is a link to it; copy it there to keep the study in one place)
  16 files read: 16 ANDI/AIA netCDF
  injection times: the export gives offset +0000, which may stand for local time
  1 file is no export: list.pdf

Names
  pattern {{animal}} F{{fraction}} fits 9 of 9 sample names (100%)
  so 'A1 F1' is animal A1, fraction 1
  also possible: A{{fraction}} {{animal}} (fits 9, score 0.61, the one above 0.93)

Injections
  9 samples of 2 animals, fractions 1 to 4 (1 reinjected); 5 standards of 4 levels (1 of them \
brackets); 1 QC; 1 blank
  standards: STD 25 %, STD 50 %, STD 100 %, STD 200 %
  QCs: QC 75 %
  blanks: Leer 1
  runs: run01 (16)
  run01_014 'A2 F3 re' is a reinjection of run01_012
  all are in one folder; the order is that of the injection times
  retention from the peaks of 2 standards

Analytes
  peak_3.01   3.01 ± 0.18 min (internal standard)
  peak_4.22   4.22 ± 0.25 min
  peak_6.02   6.02 ± 0.36 min
  PROPOSAL: named after its time, say what it is

Written to config/new/: analytes.csv, animals.csv, exclusions.csv, init.md, injections.csv, \
standards.csv, study.yaml
"""
    )
    yaml = (tmp_path / "config" / "new" / "study.yaml").read_text(encoding="utf-8").splitlines()
    assert [str(item) for item in made.to_do] == [
        "config/new/animals.csv, rows 2–3, columns drug, dose, dose_unit: what each animal got: "
        "the drug with its dose ('mianserin 5 mg/kg') or its vehicle",
        "config/new/standards.csv, rows 2–13, columns amount, unit: amounts or concentrations of "
        "the standards (or start again with --mix)",
        "config/new/analytes.csv, rows 2–4, column analyte: what these peaks are, here and in "
        "standards.csv (or start again with --analytes)",
        *(
            f"config/new/study.yaml, line {line}, normalize.{option}: {what}"
            for option, what in (
                ("fraction_min", "length of a fraction, min"),
                ("baseline.n_fractions", "number of fractions before the dose"),
                ("flow_uL_min", "flow rate, µL/min, with dead_volume_uL for the lag"),
            )
            for line in [next(n for n, t in enumerate(yaml, 1) if f"{option.split('.')[-1]}:" in t)]
        ),
        f"config/new/study.yaml, line {_line(tmp_path, 'inj_uL')}, quantify.inj_uL: injected "
        "volume, µL (the exports say 10, and not in what unit)",
    ]


def test_a_workbook_instead_of_files(exports: Path, tmp_path: Path) -> None:
    init_study(tmp_path, "files", exports, ANSWERS)
    init_study(tmp_path, "book", exports, ANSWERS, workbook=True)
    assert (tmp_path / "config" / "book" / "tables.xlsx").is_file()
    files, book = load_study(tmp_path, "files"), load_study(tmp_path, "book")
    for name, table in files.tables.items():
        assert book.tables[name].equals(table), name


def test_nothing_is_ever_overwritten(exports: Path, tmp_path: Path) -> None:
    init_study(tmp_path, "new", exports, ANSWERS)
    before = {p: p.read_bytes() for p in (tmp_path / "config" / "new").iterdir()}
    with pytest.raises(StudyError) as caught:
        init_study(tmp_path, "new", exports, ANSWERS)
    assert str(caught.value) == (
        "config/new/: found a study of that name (analytes.csv, animals.csv, exclusions.csv, "
        "init.md, injections.csv, standards.csv, study.yaml); expected none, because tables are "
        "never overwritten. Take another name, or move that folder away."
    )
    assert {p: p.read_bytes() for p in (tmp_path / "config" / "new").iterdir()} == before


def test_equal_exports_give_equal_files(exports: Path, tmp_path: Path) -> None:
    for root in ("a", "b"):
        (tmp_path / root).mkdir()
        folder = tmp_path / root / "exports"
        shutil.copytree(exports, folder)
        init_study(tmp_path / root, "new", folder, ANSWERS)
    one, other = (sorted((tmp_path / r / "config" / "new").iterdir()) for r in ("a", "b"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]


def test_every_option_stands_in_study_yaml_with_its_default(exports: Path, tmp_path: Path) -> None:
    init_study(tmp_path, "new", exports, ANSWERS)
    path = tmp_path / "config" / "new" / "study.yaml"
    as_written = load_study(tmp_path, "new").config
    text = re.sub(r"(?m)^( *)# (\w+: )", r"\1\2", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    assert load_study(tmp_path, "new").config == as_written


def test_a_name_that_is_missed_is_left_to_a_person(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    names = [f"A{a}_F{n}" for a in (1, 2) for n in (1, 2, 3, 4)] + ["lost label"]
    for number, name in enumerate(names, start=1):
        write_injection(folder / f"{number}.cdf", name, 1.0, 12.0 * number)
    made = init_study(tmp_path, "new", folder)
    assert "  pattern {animal}_F{fraction} fits 8 of 9 sample names (89%)\n" in made.text
    assert "  MISSED: lost label\n" in made.text
    assert "no standards: the study will be uncalibrated, and figures will say so" in made.text
    assert str(made.to_do[1]) == (
        "config/new/injections.csv, row 10, columns animal_id, fraction: the animal and the number "
        "of the fraction (or what it is, in column type)"
    )
    table = rows(tmp_path / "config" / "new" / "injections.csv")
    assert (table[8]["animal_id"], table[8]["fraction"], table[8]["comment"]) == (
        "",
        "",
        "lost label",
    )


def test_names_without_any_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for number, name in enumerate(("alpha", "beta", "gamma"), start=1):
        write_injection(folder / f"{number}.cdf", name, 1.0, 12.0 * number)
    made = init_study(tmp_path, "new", folder)
    assert (
        "  no pattern found in the names of the samples; give one with --pattern, like --pattern "
        "'{animal}_F{fraction}'\n  names are like: alpha, beta, gamma\n" in made.text
    )
    assert rows(tmp_path / "config" / "new" / "animals.csv") == []


def test_file_names_count_where_all_sample_names_are_one(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for number, amount in enumerate(("0,5", "1", "2"), start=1):
        write_injection(folder / f"std {amount} pmol.cdf", "ACN", 1.0 * number, 12.0 * number)
    for n in (1, 2, 3):
        write_injection(folder / f"M7 fr{n}.cdf", "ACN", 1.0, 60.0 + 12.0 * n)
    made = init_study(tmp_path, "new", folder, replace(ANSWERS, groups=(), mix=()))
    assert "  pattern {animal} fr{fraction} fits 3 of 3 file names (100%)\n" in made.text
    assert "  3 samples of 1 animal, fractions 1 to 3; 3 standards of 3 levels\n" in made.text
    table = rows(tmp_path / "config" / "new" / "standards.csv")
    assert [(r["amount"], r["unit"]) for r in table[::2]] == [
        ("0.5", "pmol"),
        ("1", "pmol"),
        ("2", "pmol"),
    ]


def test_a_lab_that_left_its_types_and_names_in_real_exports(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "chromatograms" / "labsolutions_calibration"
    made = init_study(tmp_path, "new", folder)
    assert "  0 samples; 11 standards of 11 levels\n" in made.text
    assert "  NO SAMPLES: give a pattern of their names with --pattern\n" in made.text
    table = rows(tmp_path / "config" / "new" / "standards.csv")
    amounts = [float(row["amount"]) for row in table]
    assert amounts == [0.05, *(n / 10 for n in range(1, 11))]
    assert {row["unit"] for row in table} == {"mM"}


def test_the_labs_own_list_of_animals(exports: Path, tmp_path: Path) -> None:
    table = [
        ["Rat", "Treatment", "Dose (mg/kg)", "Weight (g)", "Sex", "Cage"],
        [2, "Mianserin ", 0.5, 310, "M", 4],
        [1, "VEH", "", 295, "f", 4],
        [9, "VEH", 0, 300, "f", 5],
    ]
    path = tmp_path / "Tiere.xlsx"
    write_workbook(path, [("Notizen", [["bought in May"]]), ("Liste", table)])
    answers = replace(ANSWERS, groups=(), animals=read_animal_list(path))
    made = init_study(tmp_path, "new", exports, answers)
    animals = load_study(tmp_path, "new").tables["animals"]
    columns = ["animal_id", "drug", "dose", "dose_unit", "weight_g", "sex"]
    assert animals[columns].values.tolist() == [
        ["A2", "Mianserin", 0.5, "mg/kg", 310.0, "male"],
        ["A1", "vehicle", 0.0, "mg/kg", 295.0, "female"],
    ]
    for note in (
        "Tiere.xlsx, sheet Liste: not used: Cage",
        "of the list of animals, 1 is A1, 2 is A2",
        "in the list of animals and without samples: 9",
    ):
        assert f"  {note}\n" in made.text


def test_lists_of_animals_that_can_not_be_used(exports: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("who;what\n1;VEH\n", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_animal_list(path)
    assert str(caught.value) == (
        f"--animals {path}: found no column of animals in the first row; expected one called "
        "animal, rat, mouse or id, and others like treatment (or group), dose, sex, weight."
    )
    path.write_text("rat;treatment\n1;mianserin\n2;VEH\n", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_animal_list(path)
    assert str(caught.value) == (
        "--animals: a.csv can't be used: 1 problem\n"
        "  1. a.csv, row 2, column dose: found nothing; expected a value."
    )


def test_subfolders_are_runs_and_a_long_pause_parts_one(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    places = (("Tag 1", 0.0), ("Tag 1", 30 * 60.0), ("Tag 2", 60 * 60.0))
    for animal, (day, start) in enumerate(places, start=1):
        for n in range(1, 5):
            path = folder / day / f"{animal}-{n}.cdf"
            write_injection(path, f"A{animal}_F{n}", 1.0, start + 12.0 * n)
    init_study(tmp_path, "new", folder)
    runs = [row["run"] for row in rows(tmp_path / "config" / "new" / "injections.csv")]
    assert runs == ["Tag_1-1"] * 4 + ["Tag_1-2"] * 4 + ["Tag_2"] * 4


def write_lab(folder: Path, letter: str = "A", **traces: Any) -> None:
    """Standards and two animals in a folder; further arguments as `write_injection`."""
    names = [(f"STD {level} %", level / 100) for level in LEVELS]
    names += [(f"{letter}{animal} F{n}", 1.0 + 0.1 * n) for animal in (1, 2) for n in (1, 2)]
    for number, (name, factor) in enumerate(names, start=1):
        write_injection(folder / f"{number}.cdf", name, factor, 12.0 * number, **traces)


def test_each_of_two_channels_is_used_for_what_it_shows_best(tmp_path: Path) -> None:
    """HVA is all but lost on EC1; EC2 shows the others faintly and comes 0.03 min later."""
    folder = tmp_path / "in"
    write_lab(folder / "1", detector=b"EC1", gains={"HVA": 0.002})
    write_lab(folder / "2", detector=b"EC2", gains={"DHBA": 0.1, "DOPAC": 0.1}, retention=1.005)
    for path in sorted((folder / "2").iterdir()):
        path.rename(folder / f"{path.stem}b.cdf")
    for path in sorted((folder / "1").iterdir()):
        path.rename(folder / f"{path.stem}a.cdf")
    made = init_study(tmp_path, "new", folder, replace(ANSWERS, baseline=1))
    shown = re.sub(r"noise \d+", "noise N", made.text[made.text.index("  retention from") :])
    assert shown.startswith(
        """\
  retention from the peaks of 2 standards
  channels: 'EC1' (2 peaks), 'EC2' (2 peaks)
  HVA is taken from 'EC2': signal to noise N, no peak on 'EC1'

Analytes
  DHBA       3.01 ± 0.18 min on EC1 (internal standard)
  DOPAC      4.22 ± 0.25 min on EC1
  HVA        6.05 ± 0.36 min on EC2
  PROPOSAL: given name by the usual order of elution
"""
    )
    assert str(made.to_do[1]) == (
        "config/new/analytes.csv, rows 2–4, column channel: look whether each analyte is on the "
        "channel that you want"
    )
    injections = rows(tmp_path / "config" / "new" / "injections.csv")
    assert [row["injection_file"] for row in injections[:2]] == ["1a.cdf;1b.cdf", "2a.cdf;2b.cdf"]
    assert examine(tmp_path, "new").problems == ()


def test_a_run_on_another_column_gets_windows_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for number, retention in enumerate((1.0, 1.02, 1.25), start=1):
        write_lab(folder / f"day {number}", letter="ABC"[number - 1], retention=retention)
    groups = (read_group("VEH: A1 B1 C1"), read_group("mianserin 5 mg/kg: A2 B2 C2"))
    made = init_study(tmp_path, "new", folder, replace(ANSWERS, groups=groups, baseline=1))
    shown = made.text[made.text.index("  retention from") :]
    assert shown.startswith(
        """\
  retention from the peaks of 6 standards
  day_3 has another retention and 3 rows of its own

Analytes
  DHBA       3.01 ± 0.18 min (internal standard)
  DOPAC      4.22 ± 0.25 min
  HVA        6.02 ± 0.36 min
  DHBA       3.76 ± 0.22 min in day_3 (internal standard)
  DOPAC      5.27 ± 0.31 min in day_3
  HVA        7.52 ± 0.45 min in day_3
  PROPOSAL: given name by the usual order of elution
"""
    )
    assert str(made.to_do[1]) == (
        "config/new/analytes.csv, rows 5–7, column run: look whether this run was on another "
        "column or eluent, so that windows differ"
    )
    study = load_study(tmp_path, "new")
    assert examine(tmp_path, "new").problems == ()
    for run, times in (("day_2", [3.01, 4.22, 6.02]), ("day_3", [3.76, 5.27, 7.52])):
        assert study.run_table("analytes", run)["rt_min"].tolist() == times


def test_a_table_of_areas(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = ["Sample Name;Area DHBA;Area DOPAC"]
    lines += [f"Std {level} %;100,0;{level / 2:g}".replace(".", ",") for level in LEVELS]
    lines += [f"A{a} F{n};{100 + n},5;{20 + n},25" for a in (1, 2) for n in (1, 2, 3)]
    lines[-1] = "A2 F3;103,5;n.d."
    (folder / "Flächen.csv").write_text("\r\n".join(lines), encoding="utf-8")
    answers = replace(ANSWERS, mix=read_mix("DOPAC 50 fmol"), baseline=1, inj_uL=None)
    made = init_study(tmp_path, "new", folder, answers)
    assert "  Flächen.csv: a table of areas\n" in made.text
    [left] = made.to_do
    assert left.where == f"line {_line(tmp_path, 'inj_uL')}, quantify.inj_uL"
    yaml = tmp_path / "config" / "new" / "study.yaml"
    text = yaml.read_text(encoding="utf-8")
    yaml.write_text(text.replace("# inj_uL: null", "inj_uL: 10"), encoding="utf-8")
    study = load_study(tmp_path, "new")
    assert study.start == "areas"
    areas = study.tables["areas"]
    assert len(areas) == 20
    assert areas["area"].tolist()[:4] == [100.0, 12.5, 100.0, 25.0]
    assert math.isnan(areas["area"].iloc[-1])
    assert study.tables["analytes"]["internal_standard"].tolist() == ["itself", "DHBA"]
    assert study.config["quantify"]["limits"]["method"] == "regression"
    assert not (tmp_path / "config" / "new" / "concentrations.csv").exists()


def _line(root: Path, option: str) -> int:
    text = (root / "config" / "new" / "study.yaml").read_text(encoding="utf-8")
    return next(n for n, line in enumerate(text.splitlines(), 1) if f"{option}:" in line)


def test_a_long_table_of_concentrations_in_a_workbook(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    table = [["Rat", "Region", "Fraction", "Analyte", "Concentration (nM)"]]
    table += [
        [rat, region, n, analyte, 1.5 * n if n > 1 else "n.d."]
        for rat in ("R1", "R2")
        for region in ("HIP", "PFC")
        for n in (1, 2, 3)
        for analyte in ("DA", "5-HT")
    ]
    write_workbook(folder / "values.xlsx", [("data", table)])
    answers = replace(
        ANSWERS,
        groups=(read_group("VEH: R1"), read_group("mianserin 5 mg/kg: R2")),
        mix=(),
        limits=read_mix("DA 0,1 nM; 5-HT 0.2 nM", "--lod"),
    )
    made = init_study(tmp_path, "new", folder, answers)
    assert made.to_do == ()
    study = load_study(tmp_path, "new")
    given = study.tables["concentrations"]
    assert given["probe_id"].unique().tolist() == ["R1_HIP", "R1_PFC", "R2_HIP", "R2_PFC"]
    assert given["concentration"].tolist()[:4] == ["<LOD", "<LOD", "3", "3"]
    assert given["lod"].tolist()[:2] == [0.1, 0.2]
    assert [outcome.label for outcome in study.outcomes] == [
        "DA, HIP",
        "5-HT, HIP",
        "DA, PFC",
        "5-HT, PFC",
    ]


def test_a_results_table_as_a_lab_has_it(tmp_path: Path) -> None:
    """A title, a column of remarks nobody filled in, one number typed as a text."""
    folder = tmp_path / "in"
    folder.mkdir()
    values: list[list[object]] = [[1.874, 21.5], [2.099, 20.25], ["2,2", 22.0], [2.001, "< 0,5"]]
    table = [["Ergebnisse Studie 7"], [], ["Tier", "Fraktion", "DA (nM)", "DOPAC (nM)", "Notizen"]]
    table += [[rat, n, *values[n - 1]] for rat in ("R1", "R2") for n in (1, 2, 3, 4)]
    write_workbook(folder / "values.xlsx", [("data", table)])
    answers = replace(
        ANSWERS,
        groups=(read_group("VEH: R1"), read_group("mianserin 5 mg/kg: R2")),
        mix=(),
        limits=read_mix("DA 0.1 nM; DOPAC 0.5 nM", "--lod"),
    )
    init_study(tmp_path, "new", folder, answers, workbook=True)
    given = load_study(tmp_path, "new").tables["concentrations"]
    assert given["analyte"].unique().tolist() == ["DA", "DOPAC"]
    da = given[(given["analyte"] == "DA") & (given["animal_id"] == "R1")]
    assert da["concentration"].tolist() == ["1.874", "2.099", "2.2", "2.001"]
    assert given[given["analyte"] == "DOPAC"]["concentration"].tolist()[3] == "<0.5"
    # What is a number is one in the workbook too, and is counted with there.
    page = load_workbook(tmp_path / "config" / "new" / "tables.xlsx")["concentrations"]
    at = [cell.value for cell in page[1]].index("concentration")
    assert {type(row[at].value) for row in page.iter_rows(min_row=2)} == {float, int, str}


def test_numbers_that_can_be_read_in_two_ways_are_asked_about(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = ["animal;fraction;DA (nM)", "R1;1;2.099", "R1;2;1.874", "R1;3;2,2"]
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        init_study(tmp_path, "new", folder)
    assert str(caught.value) == (
        "t.csv: cells that can't be read:\n"
        "  1. t.csv, row 2, column DA (nM): found '2.099'; expected a number that can be read in "
        "one way only, not as 2.099 or 2099.\n"
        "  2. t.csv, row 3, column DA (nM): found '1.874'; expected a number that can be read in "
        "one way only, not as 1.874 or 1874."
    )


def test_a_table_without_a_unit_is_asked_about(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "t.csv").write_text("animal,fraction,DA\nR1,1,2\nR1,2,3\n", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        init_study(tmp_path, "new", folder)
    assert str(caught.value) == (
        "t.csv: found the analytes DA without a unit; expected areas or concentrations. Say which "
        "with '--start areas' or '--start concentrations'."
    )
    (folder / "t.csv").write_text(
        "animal,fraction,DA (nM)\nR1,1,2\nR1,2,x\nR1,3,1\n", encoding="utf-8"
    )
    with pytest.raises(StudyError) as caught:
        init_study(tmp_path, "new", folder)
    assert str(caught.value) == (
        "t.csv: cells that can't be read:\n  1. t.csv, row 3, column DA (nM): found 'x'; expected "
        "a number (decimal point or comma, no thousands mark)."
    )


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["init", *arguments])
    assert done.exit_code == 1, done.output
    return done.stderr.strip()


def test_folders_with_nothing_to_start_from(exports: Path, tmp_path: Path) -> None:
    root = ("--root", str(tmp_path))
    folder = tmp_path / "in"
    assert refused("new", "--raw", str(folder), *root) == (
        f"--raw {folder}: found no such folder; expected the folder of the exports."
    )
    folder.mkdir()
    assert refused("new", "--raw", str(folder), *root) == (
        f"--raw {folder}: found no file in it; expected an instrument export or a table of results."
    )
    (folder / "a.pdf").write_bytes(b"%PDF-1.4 hello")
    (folder / "b.docx").write_bytes(b"hello")
    assert refused("new", "--raw", str(folder), *root) == (
        f"--raw {folder}: found 2 files and none that can be read (1 × .docx, 1 × .pdf); expected "
        f"an instrument export or a table of results. 'dialysis inspect {folder}' says more about "
        "each; docs/formats.md lists what can be read."
    )
    assert refused("new", "--raw", str(folder / "a.pdf"), *root) == (
        f"--raw {folder}/a.pdf: found a file; expected the folder of the exports."
    )
    assert refused("ä b", "--raw", str(folder), *root) == (
        "study name: found 'ä b'; expected letters, digits, '.', '_' and '-', beginning with a "
        "letter or digit, because folders are named after it."
    )
    (tmp_path / "raw" / "new").mkdir(parents=True)
    assert refused("new", "--raw", str(exports), *root) == (
        f"--raw {exports}: found another folder at raw/new; expected none, or that folder as "
        "--raw, because a study's exports are in the folder of its name. Take another name."
    )
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--group", "mianserin: A1"],
            "--group 'mianserin: A1': found no dose of 'mianserin'; expected one with its unit, "
            "like 'mianserin 5 mg/kg s.c.: R02 R04' (a vehicle needs none; for one with a name of "
            "its own write 'NAME 0 mg/kg').",
        ),
        (
            ["--group", "mianserin 5 mg/kg"],
            "--group 'mianserin 5 mg/kg': found no ':' between treatment and animals; expected a "
            "text like 'mianserin 5 mg/kg s.c.: R02 R04' or 'vehicle: R01 R03'.",
        ),
        (
            ["--group", "VEH: A1 A3"],
            "--group, 'vehicle': found the animal 'A3'; expected some of those in the sample "
            "names. Animals there are: A1, A2.",
        ),
        (
            ["--group", "VEH: A1", "--group", "saline: A1"],
            "--group: found animal 'A1' in 'vehicle' and 'saline'; expected every animal in one "
            "group.",
        ),
        (
            ["--mix", "DOPAC 5 nM; HVA 4"],
            "--mix 'HVA 4': expected an analyte, a number and one of the units fmol, pmol, nmol, "
            "pg, ng, nM, µM, uM, mM, pg/µL, pg/uL, like 'DOPAC 5 nM'; several with ';' between "
            "them.",
        ),
        (["--fraction", "zwanzig"], "--fraction: found 'zwanzig'; expected a number above 0."),
        (["--baseline", "drei"], "--baseline: found 'drei'; expected a whole number from 1."),
        (
            ["--format", "chromelon7"],
            "--format: found 'chromelon7'; expected one of auto, andi, chromeleon7, "
            "chromeleon7_report, chromeleon68, labsolutions, empower, ezchrom, clarity, "
            "agilent_csv, agilent_report, chemstation, waters_raw, wingpc, two_column, delimited, "
            "excel. Did you mean 'chromeleon7'?",
        ),
        (
            ["--start", "peaks"],
            "--start: found 'peaks'; expected one of traces, vendor_peaks, areas, concentrations.",
        ),
        (
            ["--start", "vendor_peaks"],
            "--start vendor_peaks: found no peak of the vendor's integration in 16 injections; "
            "expected some. Leave --start out, or export again.",
        ),
    ],
)
def test_answers_that_do_not_fit(
    exports: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    root = ("--root", str(tmp_path))
    assert refused("new", "--raw", str(exports), *root, *arguments) == message
    assert not (tmp_path / "config").exists() and not (tmp_path / "raw").exists()


def test_groups_are_read() -> None:
    group = read_group("Mianserin 0,5 mg/kg ip vs Saline: R01-R03, r07")
    assert (group.drug, group.dose, group.unit, group.route) == (
        "Mianserin",
        "0.5",
        "mg/kg",
        "i.p.",
    )
    assert (group.control, group.animals) == ("saline", ("R01-R03", "r07"))
    known = [f"R{n:02d}" for n in range(1, 9)]
    assert animals_of(group, known) == ["R01", "R02", "R03", "R07"]


def peak(rt: float, cv: float, part: float = 1.0) -> CommonPeak:
    return CommonPeak(rt, 0.01 * rt, 0.2, part, cv)


def test_windows_leave_the_neighbours_alone() -> None:
    rows = propose_analytes([peak(5.0, 0.7), peak(7.0, 0.02), peak(7.5, 0.7)])
    assert [(row.rt_min, row.window_min) for row in rows] == [(5.0, 0.3), (7.0, 0.22), (7.5, 0.22)]
    assert [row.internal_standard for row in rows] == ["peak_7.00", "itself", "peak_7.00"]


def test_seven_peaks_get_the_usual_names_and_only_as_a_proposal() -> None:
    times = (4.6, 7.2, 10.1, 11.1, 14.5, 19.0, 19.9)
    rows = propose_analytes([peak(rt, 0.03 if rt == 7.2 else 0.6) for rt in times])
    assert [row.analyte for row in rows] == ["NE", "DHBA", "DOPAC", "DA", "5-HIAA", "HVA", "5-HT"]
    assert all(row.grounds.startswith("PROPOSAL") for row in rows)
    # an internal standard elsewhere is none that the usual order knows
    other = propose_analytes([peak(rt, 0.03 if rt == 14.5 else 0.6) for rt in times])
    assert [row.analyte for row in other][:2] == ["peak_4.60", "peak_7.20"]


def test_a_peak_counts_when_most_injections_have_it() -> None:
    seen = [[SeenPeak(5.0 + 0.01 * n, 10.0)] for n in range(5)]
    seen[0].append(SeenPeak(9.0, 1.0))
    (only,) = common_peaks(seen)
    assert (only.rt_min, only.part) == (5.02, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "morphine 1 mg/kg then naloxone at 40: A1",
            "--group 'morphine 1 mg/kg then naloxone at 40: A1': found 'then naloxone at 40'; "
            "expected a dose and the minutes after the first one, like 'then naloxone 1 mg/kg s.c. "
            "at 40' ('at 40-60' for an infusion).",
        ),
        (
            "VEH then naloxone 1 mg/kg: A1",
            "--group 'VEH then naloxone 1 mg/kg: A1': found 'then naloxone 1 mg/kg'; expected a "
            "dose and the minutes after the first one, like 'then naloxone 1 mg/kg s.c. at 40' "
            "('at 40-60' for an infusion).",
        ),
    ],
)
def test_second_doses_that_say_too_little(text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_group(text)
    assert str(caught.value) == message


def test_second_doses_are_read() -> None:
    group = read_group("VEH ip then saline at 20 then naloxone 0,5 mg/kg sc at 40-60 min: R1 R2")
    assert (group.drug, group.route, group.animals) == ("vehicle", "i.p.", ("R1", "R2"))
    assert [list(vars(later).values()) for later in group.later] == [
        ["saline", "0", "", "", "20", ""],
        ["naloxone", "0.5", "mg/kg", "s.c.", "40", "60"],
    ]


def points(mark: str, comma: bool, columns: int = 1, index: bool = False) -> str:
    """Rows of minutes and signals, 0.2 s apart."""
    lines = []
    for n in range(150):
        cells = [str(n + 1)] if index else []
        cells += [f"{n / 300:.6f}", *(f"{math.sin(n) + place:.5f}" for place in range(columns))]
        lines.append(mark.join(cells).replace(".", "," if comma else "."))
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.txt",
            (
                "Sample: A1 F1\r\nTime [min]\tECD 1 [nA]\tECD 2 [nA]\r\n" + points("\t", True, 2)
            ).encode("utf-16"),
            {
                "format": "delimited",
                "time_unit": "min",
                "delimited": {
                    "delimiter": "tab",
                    "header_rows": 2,
                    "time_column": 1,
                    "signals": [
                        {"column": 2, "channel": "ECD 1", "unit": "nA"},
                        {"column": 3, "channel": "ECD 2", "unit": "nA"},
                    ],
                },
            },
        ),
        (
            "a.csv",
            ("No,Zeit,Signal\n,min,mV\n" + points(",", False, index=True)).encode(),
            {
                "format": "delimited",
                "time_unit": "min",
                "delimited": {
                    "delimiter": "comma",
                    "header_rows": 2,
                    "time_column": 2,
                    "signals": [{"column": 3, "channel": "Signal", "unit": "mV"}],
                },
            },
        ),
        (
            "a.dat",
            ("# made by a script\n\n" + points("   ", False, 2)).encode(),
            {
                "format": "delimited",
                "delimited": {
                    "delimiter": "blank",
                    "header_rows": 2,
                    "time_column": 1,
                    "signals": [{"column": 2}, {"column": 3}],
                },
            },
        ),
        ("a.csv", b"animal,fraction,DA\n" + b"R1,1,2\n" * 200, None),
        ("a.txt", b"Dear colleague,\nhere are the data.\n" * 100, None),
        ("a.txt", points("\t", False).replace("0.200000", "0.900000").encode(), None),
        ("a.xlsx", b"PK\x03\x04 no workbook", None),
    ],
    ids=["utf-16", "index and units", "blanks", "results", "prose", "uneven", "no workbook"],
)
def test_layouts_are_proposed(
    tmp_path: Path, name: str, content: bytes, expected: dict[str, Any] | None
) -> None:
    (tmp_path / name).write_bytes(content)
    found = propose_layout(tmp_path, [name])
    assert (found.ingest if found else None) == expected


def test_a_layout_of_a_sheet(tmp_path: Path) -> None:
    rows = [["t / s", "I (nA)"], *([n * 0.2, math.sin(n)] for n in range(150))]
    write_workbook(tmp_path / "a.xlsx", [("run", rows)])
    found = propose_layout(tmp_path, ["a.xlsx"])
    assert found is not None
    assert found.words == (
        "first sheet, 1 row above the points; times in column 1 't / s', "
        "signal in column 2 'I' (nA)"
    )


def test_exports_that_say_nothing_get_a_layout(tmp_path: Path) -> None:
    """As a spreadsheet saves them: minutes and nA, semicolons, decimal commas, a name each."""
    folder = tmp_path / "in"
    write_lab(folder)
    for path in sorted(folder.iterdir()):
        trace = read(path)[0]
        lines = [f"{n / 300:.5f};{value:.6f}" for n, value in enumerate(trace.signal)]
        text = "\r\n".join(["min;ECD", *lines, ""]).replace(".", ",")
        name = trace.sample_name.replace(" %", "%")
        (folder / f"{name}.csv").write_text(text, encoding="ascii")
        path.unlink()
    (folder / "notes.pdf").write_bytes(b"%PDF-1.4")
    made = init_study(tmp_path, "new", folder, replace(ANSWERS, baseline=1))
    assert made.text.partition("\n\n")[0].splitlines()[1:] == [
        "  8 files read: 8 delimited text, declared",
        "  layout: PROPOSAL: semicolons between cells, 1 row above the points; times in column 1 "
        "(min), signal in column 2 'ECD'",
        "  1 file is no export: notes.pdf",
    ]
    assert str(made.to_do[0]) == (
        f"config/new/study.yaml, line {_line(tmp_path, ' delimited')}, ingest.delimited: look "
        "whether this is where times and signals are, and give the signal's unit"
    )
    assert "  pattern {animal} F{fraction} fits 4 of 4 file names (100%)\n" in made.text
    assert examine(tmp_path, "new").problems == ()
    # another study of that instrument
    like = tmp_path / "config" / "new" / "study.yaml"
    again = init_study(
        tmp_path, "other", folder, replace(ANSWERS, baseline=1, layout=read_layout(like))
    )
    assert "  layout: as study.yaml declares\n" in again.text
    ours, theirs = (load_study(tmp_path, name).config["ingest"] for name in ("new", "other"))
    assert ours == theirs


def test_a_layout_that_nobody_can_guess_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("current\n" + "1.5\n" * 300, encoding="utf-8")
    assert refused("new", "--raw", str(folder), "--root", str(tmp_path)) == (
        f"--raw {folder}: found 1 file and none that can be read (1 × .txt); expected an "
        f"instrument export or a table of results. 'dialysis inspect {folder}' says more about "
        "each; docs/formats.md lists what can be read.\n"
        "If they are texts or Excel sheets with points in columns, write a file like this and give "
        f"it with --layout:\n{SKELETON.rstrip()}"
    )
    path = tmp_path / "layout.yaml"
    path.write_text(SKELETON.replace("column: 2", "colum: 2"), encoding="utf-8")
    assert refused(
        "new", "--raw", str(folder), "--layout", str(path), "--root", str(tmp_path)
    ).startswith(f"--layout {path} can't be used: ")
    path.write_text(
        "ingest:\n  format: delimited\n  delimited: {header_rows: 1, time_column: null, "
        "interval_s: 0.2, signals: [{column: 1, unit: nA}]}\n",
        encoding="utf-8",
    )
    (folder / "a.txt").write_text("current\n" + "1.5\n2.5\n" * 1000, encoding="utf-8")
    arguments = [
        "init",
        "new",
        "--raw",
        str(folder),
        "--layout",
        str(path),
        "--root",
        str(tmp_path),
    ]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert (
        "  1 file read: 1 delimited text, declared\n  layout: as layout.yaml declares\n"
        in done.output
    )
