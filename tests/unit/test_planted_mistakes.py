"""Mistakes that people make, planted in a correct study: `check` names file, place and remedy."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from dialysis.cli import main
from dialysis.errors import Problem
from dialysis.examine import examine
from dialysis.simulate import write_study

Row = dict[str, str]


@dataclass(frozen=True)
class Lab:
    """A simulated study that a test may damage."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config" / "tiny"

    @property
    def raw(self) -> Path:
        return self.root / "raw" / "tiny"

    def rows(self, table: str) -> list[Row]:
        with (self.config / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def write(self, table: str, rows: list[Row]) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        with (self.config / f"{table}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, names, lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(rows)

    def set(self, table: str, line: int, **cells: str) -> None:
        """Change cells of a row, named by its line in the file."""
        rows = self.rows(table)
        rows[line - 2] |= cells
        self.write(table, rows)

    def add(self, table: str, *new: Row) -> None:
        path = self.config / f"{table}.csv"
        rows = self.rows(table) if path.is_file() else []
        header = path.read_text(encoding="utf-8").splitlines()[0].split(",") if not rows else []
        self.write(table, [*rows, *(dict.fromkeys(header, "") | row for row in new)])

    def remove(self, table: str, keep: Callable[[Row], bool]) -> None:
        self.write(table, [row for row in self.rows(table) if keep(row)])

    def text(self, name: str, old: str, new: str) -> None:
        path = self.config / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def line(self, table: str, **cells: str) -> int:
        """Line of the first row with these cells."""
        for number, row in enumerate(self.rows(table), start=2):
            if all(row[name] == value for name, value in cells.items()):
                return number
        raise AssertionError(f"no row of {table} with {cells}")

    def own_raw(self) -> None:
        """Give the study a copy of the exports, to damage."""
        shared = self.raw.resolve()
        self.raw.unlink()
        shutil.copytree(shared, self.raw)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("good")
    write_study(root=root, design="tiny", export_format="andi")
    return root


@pytest.fixture
def lab(good: Path, tmp_path: Path) -> Lab:
    shutil.copytree(good / "config", tmp_path / "config")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "tiny").symlink_to(good / "raw" / "tiny")
    return Lab(tmp_path)


@dataclass(frozen=True)
class Mistake:
    """What is done to the study, and what the report has to say.

    `place` is matched at the beginning of the place, `found` anywhere in what was found, `remedy`
    anywhere in what was expected or is to be done.  `only_warned` says which correct study looks
    the same; without it the mistake is an error, and the study can't be run.
    """

    plant: Callable[[Lab], object]
    file: str
    place: str
    found: str
    remedy: str
    only_warned: str = ""


def damage(name: str, change: Callable[[bytes], bytes]) -> Callable[[Lab], None]:
    def plant(lab: Lab) -> None:
        lab.own_raw()
        path = lab.raw / name
        path.write_bytes(change(path.read_bytes()))

    return plant


def copied_export(lab: Lab) -> None:
    lab.own_raw()
    shutil.copy(lab.raw / "run01/run01_017_R02_F01.cdf", lab.raw / FIRST)


def swap_cells(table: str, first: int, second: int, *columns: str) -> Callable[[Lab], None]:
    def plant(lab: Lab) -> None:
        rows = lab.rows(table)
        one, other = rows[first - 2], rows[second - 2]
        for column in columns:
            one[column], other[column] = other[column], one[column]
        lab.write(table, rows)

    return plant


def swap_columns(table: str, first: str, second: str) -> Callable[[Lab], None]:
    def plant(lab: Lab) -> None:
        rows = lab.rows(table)
        for row in rows:
            row[first], row[second] = row[second], row[first]
        lab.write(table, rows)

    return plant


def exclusion(**cells: str) -> Callable[[Lab], None]:
    row = {
        "level": "animal",
        "id": "R01",
        "reason_code": "histology",
        "decided_by": "AB",
        "decided_on": "2026-01-05",
    }
    return lambda lab: lab.add("exclusions", row | cells)


def event(**cells: str) -> Callable[[Lab], None]:
    row = {
        "injection_id": "run01_012",
        "analyte": "DOPAC",
        "event": "limits",
        "start_min": "9.9",
        "end_min": "10.4",
        "reason": "shoulder",
        "decided_by": "AB",
        "decided_on": "2026-01-05",
    }
    return lambda lab: lab.write("integration_events", [row | cells])


def two_vehicles(lab: Lab) -> None:
    lab.set("animals", 2, drug="saline")
    lab.set("doses", 2, drug="saline")


def latin(lab: Lab) -> None:
    lab.text("study.yaml", "Wistar rat", "Wistar-Ratte, männlich")
    path = lab.config / "study.yaml"
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))


def no_standards_of_run_two(lab: Lab) -> None:
    lab.remove("standards", lambda row: not row["injection_id"].startswith("run02"))


def late_dose(lab: Lab) -> None:
    lab.set("doses", lab.line("doses", animal_id="R03"), time_min="0")


def no_dose_row(lab: Lab) -> None:
    lab.remove("doses", lambda row: row["animal_id"] != "R03")


def merged(lab: Lab) -> None:
    """What a spreadsheet writes for cells that were merged: the first one, then nothing."""
    for line in (4, 5):
        lab.set("probes", line, animal_id="")


def stray_export(lab: Lab) -> None:
    lab.own_raw()
    shutil.copy(lab.raw / FIRST, lab.raw / "run01" / "run01_099_R01_F99.cdf")


def moved_export(lab: Lab) -> None:
    lab.own_raw()
    (lab.raw / FIRST).rename(lab.raw / FIRST.replace("run01_012", "run01_12"))


FIRST = "run01/run01_012_R01_F01.cdf"
ANIMALS, INJECTIONS = "config/tiny/animals.csv", "config/tiny/injections.csv"
STUDY, STANDARDS = "config/tiny/study.yaml", "config/tiny/standards.csv"
ANALYTES, DOSES = "config/tiny/analytes.csv", "config/tiny/doses.csv"
PROBES, EXCLUSIONS = "config/tiny/probes.csv", "config/tiny/exclusions.csv"
EVENTS = "config/tiny/integration_events.csv"

MISTAKES = {
    # study.yaml
    "an option misspelt": Mistake(
        lambda lab: lab.text("study.yaml", "  inj_uL: 20", "  inj_ul: 20"),
        *(STUDY, "line ", "unknown option 'inj_ul'", "Did you mean 'inj_uL'?"),
    ),
    "a section misspelt": Mistake(
        lambda lab: lab.text("study.yaml", "\nstats:", "\nstatistics:"),
        *(STUDY, "line ", "unknown option 'statistics'", "stats"),
    ),
    "a text for a number": Mistake(
        lambda lab: lab.text("study.yaml", "n_fractions: 2 ", "n_fractions: two "),
        *(STUDY, "line ", "'two'", "a whole number"),
    ),
    "a choice that is none": Mistake(
        lambda lab: lab.text("study.yaml", "adjustment: dunnett", "adjustment: dunnet"),
        *(STUDY, "line ", "'dunnet'", "one of dunnett, "),
    ),
    "an option twice": Mistake(
        lambda lab: lab.text("study.yaml", "  inj_uL: 20", "  inj_uL: 20\n  inj_uL: 10"),
        *(STUDY, "line ", "the option a second time", "Remove one of the two."),
    ),
    "a tab in the indentation": Mistake(
        lambda lab: lab.text("study.yaml", "  inj_uL: 20", "\tinj_uL: 20"),
        *(STUDY, "line ", "text that is not YAML", "Check indentation"),
    ),
    "another encoding": Mistake(latin, STUDY, "byte ", "not UTF-8", "Save the file as UTF-8."),
    "no injected volume": Mistake(
        lambda lab: lab.text("study.yaml", "  inj_uL: 20", "  # inj_uL: 20"),
        *(STUDY, "quantify.inj_uL", "no sample with inj_uL", "the injected volume, µL"),
    ),
    "a ratio of what is not measured": Mistake(
        lambda lab: lab.text(
            "study.yaml",
            "\nstats:",
            "  ratios:\n    - {numerator: DOPAK, denominator: DA}\n\nstats:",
        ),
        *(STUDY, "normalize.ratios, entry 1", "'DOPAK'", "Did you mean 'DOPAC'?"),
    ),
    "a dead volume without a flow": Mistake(
        lambda lab: lab.text("study.yaml", "  flow_uL_min: 1.5\n", ""),
        *(STUDY, "normalize.flow_uL_min", "nothing", "the flow rate"),
    ),
    "more baseline fractions than there are": Mistake(
        lambda lab: lab.text(
            "study.yaml", "n_fractions: 2 ", "n_fractions: 9\n    min_fractions: 9 "
        ),
        *(ANIMALS, "row ", "2 baseline fractions of", "9 before the dose"),
    ),
    "the wrong start": Mistake(
        lambda lab: lab.text("study.yaml", "\nquantify:", "\ningest:\n  start: areas\nquantify:"),
        *("config/tiny/areas.csv", "", "no such file", "areas or heights"),
    ),
    # animals.csv
    "units of a dose mixed": Mistake(
        lambda lab: lab.set("animals", 6, dose_unit="µg/kg"),
        *(ANIMALS, "row 5, column dose_unit", "'mg/kg' and 'µg/kg'", "Convert the doses"),
    ),
    "no vehicle": Mistake(
        lambda lab: [lab.set("animals", n, drug="mirtazapine", dose="2.5") for n in (2, 3, 4)],
        *(ANIMALS, "column dose", "no animal with dose 0", "Give the vehicle animals dose 0."),
    ),
    "two vehicles without control": Mistake(
        two_vehicles,
        *(ANIMALS, "row 5, column control", "with 2 vehicle groups", "saline, vehicle"),
    ),
    "a control misspelt": Mistake(
        lambda lab: lab.write(
            "animals", [row | {"control": "vehicel"} for row in lab.rows("animals")]
        ),
        *(ANIMALS, "row 5, column control", "'vehicel'", "vehicle"),
    ),
    "an animal twice": Mistake(
        lambda lab: lab.set("animals", 3, animal_id="R01"),
        *(ANIMALS, "row ", "'R01'", "a row of its own for every animal_id"),
    ),
    "a dose in words": Mistake(
        lambda lab: lab.set("animals", 5, dose="five"),
        *(ANIMALS, "row 5, column dose", "'five'", "a number"),
    ),
    "a dose below zero": Mistake(
        lambda lab: lab.set("animals", 5, dose="-5"),
        *(ANIMALS, "row 5, column dose", "'-5'", "0"),
    ),
    "a dose that became a date": Mistake(
        lambda lab: lab.set("animals", 5, dose="05.01.2026"),
        *(ANIMALS, "row 5, column dose", "'05.01.2026'", "made a date of it"),
    ),
    "a formula that failed": Mistake(
        lambda lab: lab.set("animals", 5, dose="#REF!"),
        *(ANIMALS, "row 5, column dose", "'#REF!'", "a formula of the spreadsheet failed"),
    ),
    "a column misspelt": Mistake(
        lambda lab: lab.text("animals.csv", "animal_id,drug,dose,", "animal_id,durg,dose,"),
        *(ANIMALS, "line 1, column durg", "unknown column 'durg'", "Did you mean 'drug'?"),
    ),
    "a column missing": Mistake(
        lambda lab: lab.write(
            "animals", [{k: v for k, v in r.items() if k != "dose"} for r in lab.rows("animals")]
        ),
        *(ANIMALS, "line 1", "no column 'dose'", "a column 'dose'"),
    ),
    "drug and route swapped": Mistake(
        swap_columns("animals", "drug", "route"),
        *(ANIMALS, "row 2, column drug", "'s.c.', a route", "two columns are swapped"),
    ),
    "dose and unit swapped": Mistake(
        swap_columns("animals", "dose", "dose_unit"),
        *(ANIMALS, "row 2, column dose", "'mg/kg'", "a number"),
    ),
    "dose and weight swapped": Mistake(
        swap_columns("animals", "dose", "weight_g"),
        *(ANIMALS, "row 2, column weight_g", "'0'", "0"),
    ),
    "a weight in kg": Mistake(
        lambda lab: lab.set("animals", 3, weight_g="0.306"),
        *(ANIMALS, "row 3, column weight_g", "0.306", "kg in place of g"),
        only_warned="no result depends on weights",
    ),
    "a drug misspelt": Mistake(
        lambda lab: lab.set("animals", 6, drug="mirtazepine"),
        *(ANIMALS, "row 6, column drug", "'mirtazepine'", "Did you mean 'mirtazapine'?"),
    ),
    "a drug with and without its hyphen": Mistake(
        lambda lab: [
            lab.set("animals", n, drug="8-OH-DPAT" if n < 7 else "8OH-DPAT") for n in (5, 6, 7)
        ],
        *(ANIMALS, "row 7, column drug", "'8OH-DPAT'", "Did you mean '8-OH-DPAT'?"),
    ),
    "a drug misspelt in two groups": Mistake(
        lambda lab: [lab.set("animals", n, drug="mirtazepine") for n in (5, 6)],
        *(ANIMALS, "row 7, column drug", "'mirtazapine'", "Did you mean 'mirtazepine'?"),
    ),
    "an animal alone in its group": Mistake(
        lambda lab: lab.set("animals", 6, dose="7"),
        *(ANIMALS, "row 6", "one animal alone in group 'mirtazapine 7 mg/kg s.c.'", "drug, dose"),
        only_warned="the others of a group may have been lost",
    ),
    "an animal without samples": Mistake(
        lambda lab: lab.add("animals", {"animal_id": "R09", "drug": "vehicle", "dose": "0"}),
        *(ANIMALS, "row 8, column animal_id", "'R09', of which there is no sample", "Add its"),
        only_warned="it may have been lost; no number depends on it",
    ),
    "merged cells": Mistake(merged, PROBES, "row 4, column animal_id", "nothing", "a value"),
    "a probe of no animal": Mistake(
        lambda lab: lab.set("probes", 4, animal_id="R3"),
        *(PROBES, "row 4, column animal_id", "'R3'", "Did you mean 'R03'?"),
    ),
    "a probe without samples": Mistake(
        lambda lab: lab.add(
            "probes", {"probe_id": "R01_str", "animal_id": "R01", "region": "striatum"}
        ),
        *(PROBES, "row 8, column probe_id", "'R01_str', of which there is no sample", "Add its"),
        only_warned="it may have been blocked; no number depends on it",
    ),
    "a recovery in percent": Mistake(
        lambda lab: lab.set("probes", 4, recovery_in_vitro="12.5"),
        *(PROBES, "row 4, column recovery_in_vitro", "'12.5'", "1"),
    ),
    # doses.csv
    "an animal without baseline": Mistake(
        late_dose,
        *(ANIMALS, "row ", "no baseline fractions of R03_hip", "the time of its dose"),
        only_warned="its vials may have been lost; it is left out, with the reason",
    ),
    "an animal without a dose": Mistake(
        no_dose_row,
        *(DOSES, "column animal_id", "no dosing event of R03", "Add their rows"),
    ),
    "another dose than in animals.csv": Mistake(
        lambda lab: lab.set("doses", lab.line("doses", animal_id="R03"), dose="50"),
        *(DOSES, "row 4, column dose", "50 mg/kg mirtazapine for R03", "5, as in animals.csv"),
    ),
    # injections.csv
    "an animal misspelt": Mistake(
        lambda lab: lab.set("injections", 13, animal_id="R0l"),
        *(INJECTIONS, "row 13, column animal_id", "'R0l'", "Did you mean 'R01'?"),
    ),
    "a type misspelt": Mistake(
        lambda lab: lab.set("injections", 13, type="smaple"),
        *(INJECTIONS, "row 13, column type", "'smaple'", "Did you mean 'sample'?"),
    ),
    "an export that is not there": Mistake(
        moved_export,
        *(INJECTIONS, "row 13, column injection_file", FIRST, "Did you mean 'run01/run01_12_"),
    ),
    "the same export twice": Mistake(
        lambda lab: lab.set("injections", 14, injection_file=FIRST),
        *(INJECTIONS, "row 14, column injection_file", "again (first in row 13)", "an export"),
    ),
    "an injection twice": Mistake(
        lambda lab: lab.set("injections", 14, injection_id="run01_012"),
        *(INJECTIONS, "row ", "'run01_012'", "its own for every injection"),
    ),
    "a position twice": Mistake(
        lambda lab: lab.set("injections", 14, order="12"),
        *(INJECTIONS, "row 14, column order", "12 again in run run01", "a position of its own"),
    ),
    "a fraction twice": Mistake(
        lambda lab: lab.set("injections", 14, fraction="1", start_min="0", end_min="20"),
        *(INJECTIONS, "row 14, column fraction", "fraction 1 of", "reinjection_of"),
    ),
    "fractions that overlap": Mistake(
        lambda lab: lab.set("injections", 14, start_min="10"),
        *(INJECTIONS, "row 14, column start_min", "10 min for fraction 2", "after the end of"),
    ),
    "start and end swapped": Mistake(
        lambda lab: lab.set("injections", 14, start_min="40", end_min="20"),
        *(INJECTIONS, "row 14, column end_min", "20", "a time after start_min"),
    ),
    "a fraction of 200 minutes": Mistake(
        lambda lab: lab.set("injections", 17, end_min="280"),
        *(INJECTIONS, "row 17, columns start_min, end_min", "of 200 min", "Check both times."),
        only_warned="the last fraction may have been collected over night",
    ),
    "a sample without animal": Mistake(
        lambda lab: lab.set("injections", 13, animal_id="", probe_id=""),
        *(INJECTIONS, "row 13, column animal_id", "nothing", "an animal (or a probe)"),
    ),
    "a sample without fraction": Mistake(
        lambda lab: lab.set("injections", 13, fraction=""),
        *(INJECTIONS, "row 13, column fraction", "nothing", "the number of the fraction"),
    ),
    "a fraction that is none": Mistake(
        lambda lab: lab.set("injections", 13, fraction="1.5"),
        *(INJECTIONS, "row 13, column fraction", "'1.5'", "a whole number"),
    ),
    "a probe of another animal": Mistake(
        lambda lab: lab.set("injections", 13, probe_id="R02_hip"),
        *(INJECTIONS, "row 13, column probe_id", "probe 'R02_hip' with animal", "animal 'R02'"),
    ),
    "a standard with an animal": Mistake(
        lambda lab: lab.set("injections", 3, animal_id="R01"),
        *(INJECTIONS, "row 3, column type", "'standard' with 'R01'", "Set the type to sample"),
        only_warned="recovery: a standard is dialysed by an animal's probe",
    ),
    "a sample called a standard": Mistake(
        lambda lab: lab.set("injections", 13, type="standard"),
        *(INJECTIONS, "row 13, column type", "with 'R01', fraction 1", "Set the type to sample"),
    ),
    "a vial twice": Mistake(
        lambda lab: lab.set("injections", 14, vial=lab.rows("injections")[11]["vial"]),
        *(INJECTIONS, "row 14, column vial", "again (first in row 13)", "reinjection_of"),
        only_warned="the tray may have been filled again, or have two halves",
    ),
    "a reinjection of another vial": Mistake(
        lambda lab: lab.set("injections", 14, reinjection_of="run01_020"),
        *(INJECTIONS, "row 14, column reinjection_of", "'run01_020', which is", "the same vial"),
    ),
    "a reinjection of itself": Mistake(
        lambda lab: lab.set("injections", 14, reinjection_of="run01_013"),
        *(INJECTIONS, "row 14, column reinjection_of", "the injection itself", "the same vial"),
    ),
    "more injected than there was": Mistake(
        lambda lab: lab.set("injections", 13, inj_uL="200"),
        *(INJECTIONS, "row 13, column inj_uL", "200 µL of a sample of", "in the vial"),
    ),
    "a run that can't name a file": Mistake(
        lambda lab: lab.set("injections", 13, run="run 1/a"),
        *(INJECTIONS, "row 13, column run", "'run 1/a'", "files are named after it"),
    ),
    "two animals swapped": Mistake(
        swap_cells("injections", 13, 18, "animal_id", "probe_id"),
        *(INJECTIONS, "row 13, column animal_id", "the export says 'R01_F01'", "swapped rows"),
        only_warned="tables are where a wrong name in the sequence is put right",
    ),
    "two fractions swapped": Mistake(
        swap_cells("injections", 13, 14, "fraction", "start_min", "end_min"),
        *(INJECTIONS, "row 13, column fraction", "the export says 'R01_F01'", "swapped rows"),
        only_warned="tables are where a wrong name in the sequence is put right",
    ),
    "two files swapped": Mistake(
        swap_cells("injections", 13, 16, "injection_file"),
        *(INJECTIONS, "row 13, column fraction", "the export says", "swapped rows"),
        only_warned="tables are where a wrong name in the sequence is put right",
    ),
    "positions swapped": Mistake(
        swap_cells("injections", 13, 14, "order"),
        *(INJECTIONS, "row 13, column order", "injected at", "Check for swapped rows"),
        only_warned="the instrument's clock may have been set during the run",
    ),
    # standards.csv
    "no standards": Mistake(
        lambda lab: (lab.config / "standards.csv").unlink(),
        *(STANDARDS, "", "no standards", "quantify.calibration: none"),
    ),
    "a run without standards": Mistake(
        no_standards_of_run_two,
        *(STANDARDS, "run run02", "no standards of run run02", "at least 3"),
        only_warned="its samples get no concentrations, with the reason; others do",
    ),
    "no standard that calibrates": Mistake(
        lambda lab: lab.write(
            "standards", [r | {"role": "bracket"} for r in lab.rows("standards")]
        ),
        *(STANDARDS, "run run01", "no standards of run run01", "at least 3 amounts above 0"),
    ),
    "too few levels": Mistake(
        lambda lab: lab.remove(
            "standards",
            lambda r: r["analyte"] != "DA" or r["level"] in ("STD1", "STD2") or r["role"] != "cal",
        ),
        *(STANDARDS, "row ", "calibrators of 2 different amounts", "at least 3 (quantify.min"),
    ),
    "a standard misspelt": Mistake(
        lambda lab: lab.set("standards", 2, injection_id="run1_002"),
        *(STANDARDS, "row 2, column injection_id", "'run1_002'", "Did you mean 'run01_002'?"),
    ),
    "a sample as a standard": Mistake(
        lambda lab: lab.set("standards", 2, injection_id="run01_012"),
        *(STANDARDS, "row 2, column injection_id", "a sample in injections.csv", "Mend its type"),
    ),
    "an analyte misspelt": Mistake(
        lambda lab: lab.set("standards", 3, analyte="DOPA"),
        *(STANDARDS, "row 3, column analyte", "'DOPA'", "Did you mean 'DOPAC'?"),
    ),
    "a unit misspelt": Mistake(
        lambda lab: lab.set("standards", 3, unit="fmoles"),
        *(STANDARDS, "row 3, column unit", "'fmoles'", "Did you mean 'fmol'?"),
    ),
    "pmol for fmol": Mistake(
        lambda lab: lab.set("standards", 3, unit="pmol"),
        *(STANDARDS, "row 3, column unit", "10 pmol of DOPAC for level 'STD1'", "10 fmol, as in"),
    ),
    "an amount with a zero too many": Mistake(
        lambda lab: lab.set("standards", 3, amount="100"),
        *(STANDARDS, "row ", "of DOPAC for level 'STD1'", "100 fmol, as in row 3"),
    ),
    # analytes.csv
    "windows that overlap": Mistake(
        lambda lab: lab.set("analytes", 4, window_min="1.5"),
        *(ANALYTES, "row ", "while DOPAC", "Narrow one of the two windows."),
    ),
    "a window of one run on that of another analyte": Mistake(
        lambda lab: lab.add("analytes", lab.rows("analytes")[2] | {"run": "run02", "rt_min": "11"}),
        *(ANALYTES, "row ", "while DOPAC (row 9)", "Narrow one of the two windows."),
    ),
    "retention in seconds": Mistake(
        lambda lab: lab.set("analytes", 8, rt_min="1194"),
        *(ANALYTES, "row 8, column rt_min", "1194 min", "are these seconds?"),
    ),
    "an internal standard misspelt": Mistake(
        lambda lab: lab.set("analytes", 4, internal_standard="DHAB"),
        *(ANALYTES, "row 4, column internal_standard", "'DHAB'", "Did you mean 'DHBA'?"),
    ),
    "a channel that is not there": Mistake(
        lambda lab: lab.write("analytes", [r | {"channel": "ECD2"} for r in lab.rows("analytes")]),
        *(ANALYTES, "row 2, column channel", "'ECD2'", "'ECD'"),
    ),
    # exclusions.csv, integration_events.csv
    "an exclusion of no animal": Mistake(
        exclusion(id="R1"),
        *(EXCLUSIONS, "row 2, column id", "'R1'", "Did you mean"),
    ),
    "an exclusion without a reason": Mistake(
        exclusion(reason_code="other"),
        *(EXCLUSIONS, "row 2, column reason_text", "nothing", "the reason in words"),
    ),
    "a date of another country": Mistake(
        exclusion(decided_on="5.1.2026"),
        *(EXCLUSIONS, "row 2, column decided_on", "'5.1.2026'", "YYYY-MM-DD"),
    ),
    "all of a group excluded": Mistake(
        lambda lab: [exclusion(id=name)(lab) for name in ("R01", "R02", "R04")],
        *(EXCLUSIONS, "level animal", "all 3 animals of group 'vehicle'", "can't be compared"),
        only_warned="a person decided it, with a reason; other groups may be compared",
    ),
    "an event of no injection": Mistake(
        event(injection_id="run01_12"),
        *(EVENTS, "row 2, column injection_id", "'run01_12'", "Did you mean"),
    ),
    "an event without its time": Mistake(
        event(end_min=""),
        *(EVENTS, "row 2, column end_min", "nothing", "a value for 'limits'"),
    ),
    # exports
    "an export cut short": Mistake(
        damage(FIRST, lambda content: content[:5000]),
        *(f"raw/tiny/{FIRST}", "", "", "export"),
    ),
    "an empty export": Mistake(
        damage(FIRST, lambda content: b""),
        *(f"raw/tiny/{FIRST}", "", "", ""),
    ),
    "a document for an export": Mistake(
        damage(FIRST, lambda content: b"Dear colleague, here are the data.\n"),
        *(f"raw/tiny/{FIRST}", "", "", ""),
    ),
    "an export copied over another": Mistake(
        copied_export,
        *(INJECTIONS, "row 18, column injection_file", "whose content is that of", "Export the"),
    ),
    "an export that no row names": Mistake(
        stray_export,
        *("raw/tiny", "", "1 file that no row of injections.csv names", "Add the rows"),
        only_warned="conditioning runs and sequences that were broken off",
    ),
    "the exports elsewhere": Mistake(
        lambda lab: lab.raw.unlink(),
        *("raw/tiny", "", "no such folder", "Put the instrument's exports there."),
    ),
    "a table misspelt": Mistake(
        lambda lab: (lab.config / "exclusions.csv").rename(lab.config / "exclusion.csv"),
        *("config/tiny/exclusion.csv", "", "a table of unknown name", "'exclusions.csv'"),
    ),
}


def test_there_are_sixty_or_more() -> None:
    assert len(MISTAKES) >= 60


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_named(lab: Lab, name: str) -> None:
    mistake = MISTAKES[name]
    mistake.plant(lab)
    report = examine(lab.root, "tiny")
    said = report.warnings if mistake.only_warned else report.problems
    listed = "\n".join(map(str, said))
    mine = [p for p in said if p.file == mistake.file and p.where.startswith(mistake.place)]
    mine = [p for p in mine if mistake.found in p.found]
    assert mine, listed
    assert any(mistake.remedy in f"{p.expected} {p.remedy}" for p in mine), listed
    assert all(p.found and p.expected for p in said)
    # one mistake is not told as many
    others = len([*report.problems, *report.warnings]) - len(mine)
    assert others <= 6, "\n".join(map(str, (*report.problems, *report.warnings)))


def several_of_everything(lab: Lab) -> None:
    """Two vehicles, a reinjection, empty rows, an exclusion."""
    vehicle_of = {"R01": "saline", "R02": "saline", "R03": "vehicle", "R04": "vehicle"}
    rows = lab.rows("animals")
    for row in rows:
        row["drug"] = vehicle_of.get(row["animal_id"], row["drug"])
        row["dose"] = "0" if row["animal_id"] in vehicle_of else row["dose"]
        row["control"] = "saline"
    lab.write("animals", rows)
    (lab.config / "doses.csv").unlink()
    lab.write(
        "doses",
        [
            {key: row[key] for key in ("animal_id", "drug", "dose")}
            | {"event": "dose", "time_min": "40", "unit": row["dose_unit"]}
            for row in rows
        ],
    )
    lab.own_raw()
    export = lab.raw / "run01/run01_016_R01_F05.cdf"
    export.write_bytes(export.read_bytes().replace(b"R01_F05", b"R01_F04"))
    again = {"fraction": "4", "start_min": "60", "end_min": "80", "reinjection_of": "run01_015"}
    lab.set("injections", lab.line("injections", injection_id="run01_016"), **again)
    path = lab.config / "injections.csv"
    path.write_text(path.read_text(encoding="utf-8") + "\n ,,,\n\n", encoding="utf-8")
    exclusion(level="fraction", id="R02_hip:4", reason_code="flow_failure")(lab)


def from_concentrations(lab: Lab) -> None:
    lab.text("study.yaml", "\nquantify:", "\ningest:\n  start: concentrations\nquantify:")
    given = [
        {
            "probe_id": row["probe_id"],
            "fraction": row["fraction"],
            "analyte": "DOPAC",
            "concentration": "<0.5" if row["fraction"] == "5" else "1.5",
            "unit": "nM",
            "start_min": row["start_min"],
            "end_min": row["end_min"],
        }
        for row in lab.rows("injections")
        if row["type"] == "sample"
    ]
    lab.write("concentrations", given)
    lab.write("analytes", [{"analyte": "DOPAC"}])
    (lab.config / "injections.csv").unlink()
    (lab.config / "standards.csv").unlink()


@pytest.mark.parametrize(
    "change",
    [lambda lab: None, several_of_everything, from_concentrations],
    ids=["as it is", "several of everything", "from concentrations"],
)
def test_no_false_alarm_on_a_correct_study(lab: Lab, change: Callable[[Lab], None]) -> None:
    change(lab)
    report = examine(lab.root, "tiny")
    assert report.problems == ()
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [("(+)-pindolol", "(-)-pindolol"), ("8-OH-DPAT", "7-OH-DPAT"), ("fluoxetine", "duloxetine")],
)
def test_two_drugs_may_have_nearly_one_name(lab: Lab, one: str, other: str) -> None:
    for line in (5, 6, 7):
        lab.set("animals", line, drug=one if line < 7 else other)
    report = examine(lab.root, "tiny")
    said = (*report.problems, *report.warnings)
    assert not [problem for problem in said if "column drug" in problem.where]


def test_the_report_is_grouped_by_file_with_problems_apart_from_warnings(lab: Lab) -> None:
    lab.set("animals", 6, drug="mirtazepine")
    for line in (13, 14, 15, 16, 17):
        lab.set("injections", line, animal_id="Z9")
    done = CliRunner().invoke(main, ["check", "tiny", "--root", str(lab.root)])
    assert done.exit_code == 1
    assert done.output == (
        "Study 'tiny' can't be run: 6 problems\n"
        "\n"
        "config/tiny/animals.csv\n"
        "  row 6, column drug: found 'mirtazepine', and 'mirtazapine' in 2 other rows\n"
        "    expected one spelling of every name\n"
        "    Did you mean 'mirtazapine'?\n"
        "\n"
        "config/tiny/injections.csv\n"
        "  row 13, row 14, row 15 and 2 more, column animal_id: found 'Z9', which is not in "
        "animals.csv\n"
        "    expected one of its 6 names\n"
        "    Add it to animals.csv, or mend the name here.\n"
        "\n"
        "1 warning: odd, but it may be meant\n"
        "\n"
        "config/tiny/animals.csv\n"
        "  row 6: found one animal alone in group 'mirtazepine 5 mg/kg s.c.'\n"
        "    expected several animals in every group\n"
        "    Nothing can be tested with one. Check drug, dose, unit and route of the row.\n"
        "\n"
        "Mend them and run 'dialysis check tiny' again.\n"
    )


def test_the_report_as_json(lab: Lab) -> None:
    lab.set("animals", 5, dose="five")
    done = CliRunner().invoke(main, ["check", "tiny", "--json", "--root", str(lab.root)])
    assert done.exit_code == 1
    report = json.loads(done.output)
    assert report["schema"] == "dialysis.check/1"
    assert report["ready"] is False
    [problem] = report["problems"]
    assert Problem(**problem).file == ANIMALS
    assert problem["where"] == "row 5, column dose"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["check", "tiny"], 0, "Study 'tiny' is ready: 6 animals, 62 injections in 2 runs"),
        (["check", "tinny"], 1, "Did you mean 'tiny'?"),
        (["check"], 2, "Missing argument 'NAME'"),
        (["chekc", "tiny"], 2, "Did you mean 'check'?"),
        (["check", "tiny", "--jsno"], 2, "Did you mean --json?"),
    ],
)
def test_exit_codes(lab: Lab, arguments: list[str], status: int, said: str) -> None:
    done = CliRunner().invoke(main, [*arguments, "--root", str(lab.root)])
    assert done.exit_code == status
    assert re.sub("'--json'", "--json", said) in re.sub("'--json'", "--json", done.output)
