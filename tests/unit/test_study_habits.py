"""Tables as people fill them in: what is understood, what is asked about, what is refused."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from dialysis.study.cells import (
    DecimalMarks,
    read_choice,
    read_number,
    read_treatment,
    read_vehicle,
)
from dialysis.study.load import examine_study, load_study
from dialysis.study.sheets import write_workbook
from dialysis.tables.inputs import AMOUNT_UNITS
from tests.toy import ToyStudy


def problems_of(toy: ToyStudy) -> list[str]:
    return [str(problem) for problem in examine_study(toy.root, toy.name)[1]]


def as_rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def in_workbook(toy: ToyStudy, name: str = "tables.xlsx") -> Path:
    """Put all tables of the toy study into one workbook."""
    tables = []
    for file, text in toy.files.items():
        if file.endswith(".csv"):
            rows = [[_typed(cell) for cell in row] for row in as_rows(text)]
            tables.append((file.removesuffix(".csv"), rows))
            (toy.config_dir / file).unlink()
    path = toy.config_dir / name
    write_workbook(path, tables)
    return path


def _typed(cell: str) -> str | float:
    try:
        return float(cell)
    except ValueError:
        return cell


def test_a_table_as_a_region_with_decimal_commas_saves_it(toy: ToyStudy) -> None:
    plain = load_study(toy.root, "toy").tables["analytes"]
    text = toy.files["analytes.csv"].replace(",", ";").replace(".", ",")
    toy.add("analytes.csv", "\ufeff" + text.replace("\n", ";;\r\n"))
    study = load_study(toy.root, "toy")
    assert study.tables["analytes"].equals(plain)
    file = "config/toy/analytes.csv"
    assert study.notes == (
        f"{file}, column rt_min: a decimal comma, read '7,2' as 7.2, '10,1' as 10.1",
        f"{file}, column window_min: a decimal comma, read '0,4' as 0.4 (2 cells)",
    )


def test_a_drug_with_its_dose_in_one_cell_and_a_vehicle_without_one(toy: ToyStudy) -> None:
    toy.add("animals.csv", "Animal ID,drug,dose\nR1,VEH ,\nR2,Mianserin 5 mg/kg s.c.,\n")
    study = load_study(toy.root, "toy")
    columns = ["animal_id", "drug", "dose", "dose_unit", "route"]
    assert study.tables["animals"][columns].values.tolist() == [
        ["R1", "vehicle", 0.0, "", ""],
        ["R2", "Mianserin", 5.0, "mg/kg", "s.c."],
    ]
    file = "config/toy/animals.csv"
    assert study.notes == (
        f"{file}, column animal_id: the column's name, read 'Animal ID' as 'animal_id'",
        f"{file}, column drug: a word for vehicle, read 'VEH' as 'vehicle'",
        f"{file}, column dose: no dose of a vehicle, read '' as 0, because vehicle is a vehicle",
        f"{file}, column drug: drug and dose in one cell, read 'Mianserin 5 mg/kg s.c.' as "
        "'Mianserin', dose 5, mg/kg s.c.",
    )


def test_a_unit_beside_the_dose_goes_to_its_column(toy: ToyStudy) -> None:
    rows = 'animal_id,drug,dose,dose_unit\nR1,Saline,0,\nR2,mianserin,"2,5 mg/kg i.p.",mg / Kg\n'
    toy.add("animals.csv", rows)
    animals = load_study(toy.root, "toy").tables["animals"]
    assert animals.loc[3, ["dose", "dose_unit", "route"]].tolist() == [2.5, "mg / Kg", "i.p."]
    assert animals.loc[2, "drug"] == "saline"
    toy.add("animals.csv", rows.replace("mg / Kg", "µg/kg"))
    assert problems_of(toy) == [
        "config/toy/animals.csv, row 3, column dose: found '2,5 mg/kg i.p.'; expected a number in "
        "'µg/kg', as column dose_unit says."
    ]


def test_spellings_of_one_drug_are_one_drug(toy: ToyStudy) -> None:
    toy.add("animals.csv", "animal_id,drug,dose,sex\nR1,vehicle,0,M\nR2,Mianserin,5,♀\n")
    study = load_study(toy.root, "toy")
    assert study.tables["animals"]["sex"].tolist() == ["male", "female"]
    rows = "animal_id,drug,dose\nR1,vehicle,0\nR2,Mianserin,5\nR3,mianserin ,5\nR4,Mianserin,5\n"
    toy.add("animals.csv", rows)
    study = load_study(toy.root, "toy")
    assert study.tables["animals"]["drug"].tolist() == ["vehicle", *["Mianserin"] * 3]
    assert study.notes == (
        "config/toy/animals.csv, column drug: another spelling, read 'mianserin' as 'Mianserin'",
    )


@pytest.mark.parametrize(
    ("text", "marks", "value", "unit"),
    [
        ("5", (), 5.0, ""),
        ("5.5", (), 5.5, ""),
        ("0,5", (), 0.5, ""),
        ("−3", (), -3.0, ""),
        ("1e-3", (), 0.001, ""),
        ("5 mg/kg", (), 5.0, "mg/kg"),
        ("5mg/kg", (), 5.0, "mg/kg"),
        ("1.234,5", (), 1234.5, ""),
        ("1,234.5", (), 1234.5, ""),
        ("1.234", ("0.5",), 1.234, ""),
        ("1,234", ("0,5",), 1.234, ""),
        ("n.a.", (), None, ""),
        ("ND", (), None, ""),
    ],
)
def test_numbers(text: str, marks: tuple[str, ...], value: float | None, unit: str) -> None:
    number = read_number(text, DecimalMarks.of(marks, ","))
    assert (number.expected, number.unit) == ("", unit)
    assert (None if number.value != number.value else number.value) == value


@pytest.mark.parametrize(
    ("text", "marks", "expected"),
    [
        ("1,234", (), "a number that can be read in one way only, not as 1.234 or 1234"),
        ("1.234", ("0,5",), "a number that can be read in one way only, not as 1.234 or 1234"),
        ("five", (), "a number (decimal point or comma, no thousands mark)"),
        ("1e999", (), "a number (decimal point or comma, no thousands mark)"),
        ("#DIV/0!", (), "a value: a formula of the spreadsheet failed here"),
        ("#NV", (), "a value: a formula of the spreadsheet failed here"),
        *(
            (
                text,
                (),
                "a number: the spreadsheet has made a date of it (format the column as text or "
                "number and type it again)",
            )
            for text in ("02.05.2024", "2-May", "Mrz 24", "2024-05-02", "1/2/2024")
        ),
    ],
)
def test_cells_that_are_no_numbers(text: str, marks: tuple[str, ...], expected: str) -> None:
    assert read_number(text, DecimalMarks.of(marks, ",")).expected == expected


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mianserin 5 mg/kg", ("mianserin", "5", "mg/kg", "")),
        ("CP-55,940 0,3 mg/kg ip", ("CP-55,940", "0,3", "mg/kg", "i.p.")),
        ("8-OH-DPAT (0.1 mg/kg, s.c.)", ("8-OH-DPAT", "0.1", "mg/kg", "s.c.")),
        ("KCl 100 mM", ("KCl", "100", "mM", "")),
        ("SB-242084", ("SB-242084", "", "", "")),
        ("compound 5", ("compound 5", "", "", "")),
    ],
)
def test_treatments(text: str, parts: tuple[str, str, str, str]) -> None:
    found = read_treatment(text)
    assert (found.drug, found.dose, found.unit, found.route) == parts


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("VEH", "vehicle"),
        ("Vehicle", "vehicle"),
        ("Saline", "saline"),
        ("0,9 % NaCl", "saline"),
        ("Kochsalz", "saline"),
        ("10 % DMSO vehicle", "10 % DMSO vehicle"),
        ("mianserin", ""),
        ("salbutamol", ""),
    ],
)
def test_words_for_a_vehicle(text: str, name: str) -> None:
    assert read_vehicle(text) == name


@pytest.fixture
def from_concentrations(toy: ToyStudy) -> ToyStudy:
    """The toy study with given concentrations instead of exports."""
    for file in ("injections.csv", "standards.csv"):
        toy.files.pop(file)
        (toy.config_dir / file).unlink()
    toy.change("study.yaml", "quantify:\n", "ingest:\n  start: concentrations\nquantify:\n")
    toy.add("analytes.csv", "analyte\nDOPAC\n")
    rows = [
        f"{animal},{number},DOPAC,{value},nM,0.5"
        for animal in ("R1", "R2")
        for number, value in enumerate((6, 7, 8, 9), 1)
    ]
    head = "animal_id,fraction,analyte,concentration,unit,lod\n"
    return toy.add("concentrations.csv", head + "\n".join(rows) + "\n")


def test_not_detected_and_not_available(from_concentrations: ToyStudy) -> None:
    toy = from_concentrations
    toy.change("concentrations.csv", "R1,1,DOPAC,6,nM", "R1,1,DOPAC,n.d.,nM")
    toy.change("concentrations.csv", "R1,2,DOPAC,7,nM", "R1,2,DOPAC,n.a.,nM")
    toy.change("concentrations.csv", "R1,3,DOPAC,8,nM", 'R1,3,DOPAC,"8,25",nM')
    toy.change("concentrations.csv", "R1,4,DOPAC,9,nM", 'R1,4,DOPAC,"< 0,5",')
    toy.change("concentrations.csv", "R2,1,DOPAC,6,nM", "R2,1,DOPAC,6 nM,")
    assert problems_of(toy) == [
        "config/toy/concentrations.csv, row 5, column unit: found nothing; expected a value."
    ]
    toy.change("concentrations.csv", '"< 0,5",', '"< 0,5",nM')
    study = load_study(toy.root, "toy")
    column = study.tables["concentrations"]["concentration"]
    assert column.tolist() == ["<LOD", "", "8.25", "<0.5", "6", "7", "8", "9"]
    assert [note.partition(", column ")[2] for note in study.notes] == [
        "concentration: a text for 'not detected', read 'n.d.' as <LOD",
        "concentration: a text for 'no value', read 'n.a.' as empty",
        "concentration: a decimal comma, read '8,25' as 8.25, '< 0,5' as <0.5",
        "concentration: a unit beside the number, read '6 nM' as 6",
    ]


def test_a_zero_is_asked_about(from_concentrations: ToyStudy) -> None:
    toy = from_concentrations.change("concentrations.csv", "R2,4,DOPAC,9,", 'R2,4,DOPAC,"0,0",')
    assert problems_of(toy) == [
        "config/toy/concentrations.csv, row 9, column concentration: found 0, which could mean "
        "'not detected'; expected a measured 0, or <LOD. Say which in study.yaml: 'ingest: {zeros: "
        "not_detected}' (then the column lod is needed) or 'ingest: {zeros: measured}'."
    ]
    for meaning, read in (("not_detected", "<LOD"), ("measured", "0")):
        text = toy.files["study.yaml"].replace("ingest:\n", f"ingest:\n  zeros: {meaning}\n")
        (toy.config_dir / "study.yaml").write_text(text, encoding="utf-8")
        column = load_study(toy.root, "toy").tables["concentrations"]["concentration"]
        assert column.tolist()[-1] == read


def test_one_workbook_says_the_same_as_the_tables(toy: ToyStudy) -> None:
    plain = load_study(toy.root, "toy")
    in_workbook(toy)
    study = load_study(toy.root, "toy")
    for name, table in plain.tables.items():
        assert study.tables[name].equals(table), name
    assert study.notes == ()


def test_a_workbook_is_named_with_its_sheet(toy: ToyStudy) -> None:
    toy.change("animals.csv", "R2,mianserin,5,", "R3,mianserin,5,")
    in_workbook(toy, "Studie.xlsx")
    assert problems_of(toy)[0] == (
        "config/toy/injections.csv, row 9, column animal_id: found 'R2', which is not in "
        "animals.csv; expected one of its 2 names. Add it to animals.csv, or mend the name here."
    ).replace("toy/injections.csv", "toy/Studie.xlsx, sheet injections")


def test_what_spreadsheets_do_to_cells_is_refused(toy: ToyStudy) -> None:
    from openpyxl import load_workbook

    path = in_workbook(toy)
    book = load_workbook(path)
    animals = book["animals"]
    animals["A2"] = date(2024, 2, 1)
    animals["C2"] = "#REF!"
    animals["C3"] = date(2024, 5, 1)
    book["analytes"].merge_cells("D2:D3")
    book["standards"]["C2"] = "=2*5"
    book.create_sheet("animls")["A1"] = "x"
    book.create_sheet("Notes")["A1"] = "written on a train"
    book.save(path)
    shown = "config/toy/tables.xlsx, sheet"
    date_made = (
        "the spreadsheet has made a date of it (format the column as text or number and type it "
        "again)."
    )
    assert problems_of(toy) == [
        f"{shown} animls: found a sheet of unknown name; expected some of animals, injections, "
        "analytes, standards, probes, doses, exclusions, integration_events, areas, "
        "concentrations, or 'notes' for one that is not read. Did you mean 'animals'?",
        f"{shown} animals, row 2, column dose: found '#REF!'; expected a value: a formula of the "
        "spreadsheet failed here.",
        f"{shown} animals, row 3, column dose: found '2024-05-01'; expected a number: {date_made}",
        f"{shown} animals, row 2, column animal_id: found '2024-02-01'; expected a name: the "
        "spreadsheet has made a date of it. Format the column as text and type the name again.",
        f"{shown} analytes, cells D2:D3: found merged cells; expected one value in every cell. "
        "Unmerge them and fill in every row.",
        f"{shown} standards, cell C2: found the formula =2*5 without its value; expected a value. "
        "Open the workbook, save it and close it again.",
    ]


def test_other_workbooks_and_a_table_given_twice(toy: ToyStudy) -> None:
    text = toy.files["animals.csv"]
    in_workbook(toy)
    toy.add("animals.csv", text)
    (toy.config_dir / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    (toy.config_dir / "~$tables.xlsx").write_bytes(b"lock")
    (toy.config_dir / "torn.xlsx").write_bytes(b"PK\x03\x04torn")
    assert problems_of(toy) == [
        "config/toy/old.xls: found a '.xls' workbook; expected an .xlsx workbook. "
        "Save it as .xlsx.",
        "config/toy/tables.xlsx, sheet animals: found the table that config/toy/animals.csv holds, "
        "too; expected every table once. Remove one of the two.",
        "config/toy/torn.xlsx: found a file that is no workbook (File is not a zip file); expected "
        "an .xlsx workbook. Save it again.",
    ]


def test_sections_with_every_option_commented_out_are_empty(toy: ToyStudy) -> None:
    plain = load_study(toy.root, "toy").config
    toy.add("study.yaml", toy.files["study.yaml"] + "stats:\n  # alpha: 0.05\nfigures:\n")
    assert load_study(toy.root, "toy").config == plain


def test_a_number_that_must_be_there(toy: ToyStudy) -> None:
    toy.change("animals.csv", "R2,mianserin,5,", "R2,mianserin,,")
    assert problems_of(toy) == [
        "config/toy/animals.csv, row 3, column dose: found nothing; expected a value."
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("nmol/l", "nM"), ("µmol/L", "µM"), ("pmol/ml", "nM"), ("uM", "uM"), ("FMOL", "fmol")],
)
def test_units_have_other_names(written: str, meant: str) -> None:
    assert read_choice(written, AMOUNT_UNITS) == meant


def test_exclusions_that_leave_too_few_standards_are_warned_of(toy: ToyStudy) -> None:
    toy.add(
        "exclusions.csv",
        "level,id,analyte,reason_code,reason_text,decided_by,decided_on\n"
        "injection,run1_001,,bad_calibrator,,AB,2026-01-05\n",
    )
    study, problems = examine_study(toy.root, toy.name)
    assert problems == [] and study is not None
    assert [str(warning) for warning in study.warnings] == [
        "config/toy/standards.csv, run run1: found standards of 2 amounts left of run run1; "
        "expected at least 3 amounts above 0 (quantify.min_levels) in every run with samples. "
        "Without them the run's samples have no concentrations."
    ]
