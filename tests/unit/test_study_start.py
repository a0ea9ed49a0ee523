"""Studies that start from vendor peaks, areas or concentrations: what is asked of their tables."""

from __future__ import annotations

import shutil

import pytest

from dialysis.study.load import examine_study, load_study
from dialysis.study.start import marks
from tests.toy import ToyStudy

AREAS = "injection_id,analyte,area,height,rt_min\n" + "".join(
    f"run1_{order:03d},{analyte},{area},,\n"
    for order in range(1, 12)
    for analyte, area in (("DHBA", 40), ("DOPAC", 10 * order))
)
CONCENTRATIONS = "animal_id,fraction,analyte,concentration,unit\n" + "".join(
    f"{animal},{fraction},DOPAC,{5 + fraction},nM\n"
    for animal in ("R1", "R2")
    for fraction in (1, 2, 3, 4)
)
ONE_ANALYTE = "analyte,mw\nDOPAC,168.15\n"


def problems_of(toy: ToyStudy) -> list[str]:
    return [str(problem) for problem in examine_study(toy.root, toy.name)[1]]


def without_exports(toy: ToyStudy, start: str) -> ToyStudy:
    toy.change("study.yaml", "quantify:", f"ingest:\n  start: {start}\nquantify:")
    shutil.rmtree(toy.root / "raw")
    return toy


@pytest.fixture
def from_areas(toy: ToyStudy) -> ToyStudy:
    without_exports(toy, "areas").add("areas.csv", AREAS)
    lines = [line.split(",") for line in toy.files["injections.csv"].splitlines()]
    text = "\n".join(",".join([*cells[:2], *cells[3:]]) for cells in lines)
    return toy.add("injections.csv", f"{text}\n").add(
        "analytes.csv", "analyte,internal_standard\nDHBA,itself\nDOPAC,DHBA\n"
    )


@pytest.fixture
def from_concentrations(toy: ToyStudy) -> ToyStudy:
    without_exports(toy, "concentrations").add("concentrations.csv", CONCENTRATIONS)
    for name in ("standards.csv", "injections.csv"):
        (toy.config_dir / name).unlink()
    return toy.add("analytes.csv", ONE_ANALYTE)


def test_areas_need_neither_exports_nor_windows(from_areas: ToyStudy) -> None:
    study = load_study(from_areas.root, "toy")
    assert (study.start, study.runs) == ("areas", [])
    assert study.warnings == ()  # limits come from the regression then
    assert [outcome.slug for outcome in study.outcomes] == ["dopac_hippocampus"]


def test_concentrations_need_no_injections(from_concentrations: ToyStudy) -> None:
    study = load_study(from_concentrations.root, "toy")
    assert (study.start, study.runs, study.warnings) == ("concentrations", [], ())
    injections = study.tables["injections"]
    assert list(injections["injection_id"][:2]) == ["R1_F01", "R1_F02"]
    assert set(injections["type"]) == {"sample"}
    assert list(study.tables["concentrations"]["injection_id"]) == list(injections["injection_id"])


def test_concentrations_may_name_injections(toy: ToyStudy) -> None:
    without_exports(toy, "concentrations")
    (toy.config_dir / "standards.csv").unlink()
    toy.add("analytes.csv", ONE_ANALYTE).add(
        "concentrations.csv",
        "injection_id,animal_id,fraction,analyte,concentration,unit\n"
        + "".join(f"run1_{n:03d},,,DOPAC,5,nM\n" for n in range(4, 11))
        + "run1_011,R2,4,DOPAC,5,nM\n",
    )
    study = load_study(toy.root, "toy")
    assert list(study.tables["concentrations"]["injection_id"])[-1] == "run1_011"
    assert len(study.tables["injections"]) == 11


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "run1_004,DOPAC,40,,",
            "run1_040,DOPAC,40,,",
            "config/toy/areas.csv, row 9, column injection_id: found 'run1_040', which is not in "
            "injections.csv; expected one of its 11 names. Did you mean 'run1_010'?",
        ),
        (
            "run1_004,DOPAC,40,,",
            "run1_004,DOPACC,40,,",
            "config/toy/areas.csv, row 9, column analyte: found 'DOPACC', which is not in "
            "analytes.csv; expected one of its 2 names. Did you mean 'DOPAC'?",
        ),
        (
            "run1_004,DOPAC,40,,",
            "run1_003,DOPAC,40,,",
            "config/toy/areas.csv, row 9, column injection_id, analyte: found 'run1_003 × DOPAC' "
            "again (first in row 7); expected a row of its own for every injection_id × analyte.",
        ),
        (
            "run1_004,DOPAC,40,,",
            "run1_004,DOPAC,-40,,",
            "config/toy/areas.csv, row 9, column area: found '-40'; expected a number from 0.",
        ),
    ],
)
def test_a_wrong_row_of_areas(from_areas: ToyStudy, old: str, new: str, message: str) -> None:
    assert message in problems_of(from_areas.change("areas.csv", old, new))


def test_heights_where_areas_are_asked_for(from_areas: ToyStudy) -> None:
    lines = [line.split(",") for line in AREAS.splitlines()]
    swapped = [[*c[:2], c[3], c[2], c[4]] if c[1] == "DOPAC" else c for c in lines]
    from_areas.add("areas.csv", "\n".join(",".join(cells) for cells in swapped) + "\n")
    assert problems_of(from_areas) == [
        "config/toy/areas.csv, column area: found nothing for DOPAC, but values in column height; "
        "expected areas, because analytes.csv quantifies it by area. Fill them in, or set response "
        "to height in analytes.csv."
    ]


def test_an_analyte_without_areas_and_injections_without_rows(from_areas: ToyStudy) -> None:
    kept = [line for line in AREAS.splitlines() if not line.startswith(("run1_005", "run1_009"))]
    from_areas.add("areas.csv", "\n".join(kept) + "\n")
    assert next(str(w) for w in load_study(from_areas.root, "toy").warnings) == (
        "config/toy/areas.csv, column injection_id: found no row of 2 of 11 injections (run1_005, "
        "run1_009); expected a row for every analyte of every injection. Without one the analyte "
        "counts as not measured; an empty area is a peak that was not found."
    )
    from_areas.add("areas.csv", "\n".join(line for line in kept if "DOPAC" not in line) + "\n")
    assert problems_of(from_areas) == [
        "config/toy/areas.csv, column analyte: found no row of DOPAC; expected at least one for "
        "every analyte of analytes.csv."
    ]


def test_the_table_a_study_starts_from_is_missing(from_areas: ToyStudy) -> None:
    (from_areas.config_dir / "areas.csv").unlink()
    assert problems_of(from_areas) == [
        "config/toy/areas.csv: found no such file; expected One row per injection × analyte: areas "
        "or heights that other software measured; read when ingest.start is areas. An empty or "
        "zero area is a peak that was sought and not found; without a row the analyte was not "
        "measured."
    ]


def test_tables_of_two_starts(from_areas: ToyStudy) -> None:
    from_areas.add("concentrations.csv", CONCENTRATIONS)
    assert problems_of(from_areas) == [
        "config/toy/concentrations.csv: found a table that is not read, because ingest.start is "
        "'areas'; expected no such table, or ingest.start: concentrations. Set ingest.start in "
        "study.yaml, or move the table out of the folder."
    ]


def test_areas_beside_traces_are_not_passed_over(toy: ToyStudy) -> None:
    toy.add("areas.csv", AREAS)
    assert problems_of(toy) == [
        "config/toy/areas.csv: found a table that is not read, because ingest.start is 'traces'; "
        "expected no such table, or ingest.start: areas. Set ingest.start in study.yaml, or move "
        "the table out of the folder."
    ]


def test_integration_events_without_traces(from_areas: ToyStudy) -> None:
    from_areas.add(
        "integration_events.csv",
        "injection_id,analyte,event,reason,decided_by,decided_on\n"
        "run1_004,DOPAC,delete_peak,test,AB,2026-01-05\n",
    )
    assert problems_of(from_areas) == [
        "config/toy/integration_events.csv: found events, though no trace is integrated "
        "(ingest.start is 'areas'); expected no rows. Remove them, or set ingest.start: traces."
    ]


def test_standards_beside_concentrations_are_odd_and_limits_need_no_standards(
    from_concentrations: ToyStudy,
) -> None:
    from_concentrations.add("standards.csv", from_concentrations.files["standards.csv"])
    study = load_study(from_concentrations.root, "toy")
    assert [str(warning) for warning in study.warnings] == [
        "config/toy/standards.csv: found standards; expected none, because concentrations are "
        "given. They are not used."
    ]


def test_areas_without_standards_ask_for_a_decision(from_areas: ToyStudy) -> None:
    (from_areas.config_dir / "standards.csv").unlink()
    (problem,) = problems_of(from_areas)
    assert problem.startswith("config/toy/standards.csv: found no standards; expected standards")
    from_areas.change("study.yaml", "  inj_uL: 20", "  inj_uL: 20\n  calibration: none")
    assert problems_of(from_areas) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "R1,2,DOPAC,7,nM",
            "R3,2,DOPAC,7,nM",
            "config/toy/concentrations.csv, row 3, column animal_id: found 'R3', which is not in "
            "animals.csv; expected one of its 2 names. Add it to animals.csv, or mend the name "
            "here.",
        ),
        (
            "R1,2,DOPAC,7,nM",
            "R1,2,DOPA,7,nM",
            "config/toy/concentrations.csv, row 3, column analyte: found 'DOPA', which is not in "
            "analytes.csv; expected one of its 1 names. Did you mean 'DOPAC'?",
        ),
        (
            "R1,2,DOPAC,7,nM",
            "R1,1,DOPAC,7,nM",
            "config/toy/concentrations.csv, row 3: found DOPAC of sample R1_F01 again (first in "
            "row 2); expected one concentration for each analyte of a sample.",
        ),
        (
            "R1,2,DOPAC,7,nM",
            "R1,2,DOPAC,weak,nM",
            "config/toy/concentrations.csv, row 3, column concentration: found 'weak'; expected a "
            "number (decimal point or comma, no thousands mark), <LOD or <number.",
        ),
        (
            "R1,2,DOPAC,7,nM",
            "R1,2,DOPAC,<LOD,nM",
            "config/toy/concentrations.csv, row 3, column lod: found nothing, with the "
            "concentration '<LOD'; expected the limit of detection, or the concentration as "
            "<number.",
        ),
        (
            "R1,2,DOPAC,7,nM",
            "R1,,DOPAC,7,nM",
            "config/toy/concentrations.csv, row 3: found no sample; expected injection_id, or "
            "animal_id (or probe_id) and fraction.",
        ),
        (
            "R1,2,DOPAC,7,nM",
            "R1,2,DOPAC,7,nmol",
            "config/toy/concentrations.csv, row 3, column unit: found 'nmol'; expected one of pM, "
            "nM, µM, uM, mM, fmol/µL, fmol/uL, pg/µL, pg/uL, ng/mL. Did you mean 'nM'?",
        ),
    ],
)
def test_a_wrong_row_of_concentrations(
    from_concentrations: ToyStudy, old: str, new: str, message: str
) -> None:
    assert message in problems_of(from_concentrations.change("concentrations.csv", old, new))


def test_a_mass_concentration_needs_a_molar_mass(from_concentrations: ToyStudy) -> None:
    from_concentrations.change("concentrations.csv", "R1,2,DOPAC,7,nM", "R1,2,DOPAC,7,ng/mL")
    assert problems_of(from_concentrations) == []
    from_concentrations.add("analytes.csv", "analyte\nDOPAC\n")
    assert problems_of(from_concentrations) == [
        "config/toy/concentrations.csv, row 3, column unit: found 'ng/mL' for DOPAC, which has no "
        "mw in analytes.csv; expected a molar mass to convert mass to amount. Fill in mw."
    ]


def test_an_injection_named_without_injections(from_concentrations: ToyStudy) -> None:
    from_concentrations.add(
        "concentrations.csv",
        "injection_id,analyte,concentration,unit\nrun1_004,DOPAC,5,nM\n",
    )
    assert problems_of(from_concentrations) == [
        "config/toy/concentrations.csv, row 2, column injection_id: found 'run1_004', though there "
        "is no injections.csv; expected nothing: animal_id (or probe_id) and fraction name the "
        "sample. Empty the column, or add injections.csv."
    ]


def test_one_fraction_with_two_ends(from_concentrations: ToyStudy) -> None:
    from_concentrations.add(
        "concentrations.csv",
        "animal_id,fraction,analyte,concentration,unit,start_min,end_min\n"
        "R1,1,DOPAC,5,nM,0,20\nR1,1,HVA,5,nM,0,25\n",
    ).add("analytes.csv", "analyte\nDOPAC\nHVA\n")
    assert problems_of(from_concentrations) == [
        "config/toy/concentrations.csv, row 3, column end_min: found 25 for fraction 1 of R1; "
        "expected 20, as in row 2. A fraction has one start and one end for all its analytes."
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "run1_044,,,DOPAC,5,nM",
            "row 2, column injection_id: found 'run1_044', which is not in injections.csv; "
            "expected one of its 11 names. Did you mean 'run1_004'?",
        ),
        (
            "run1_004,R2,,DOPAC,5,nM",
            "row 2, column animal_id: found 'R2' for injection 'run1_004'; expected 'R1', as in "
            "injections.csv.",
        ),
        (
            ",R1,9,DOPAC,5,nM",
            "row 2, column fraction: found fraction 9 of R1, which is not in injections.csv; "
            "expected a sample of that table.",
        ),
    ],
)
def test_a_sample_that_injections_don_t_know(toy: ToyStudy, row: str, message: str) -> None:
    without_exports(toy, "concentrations")
    (toy.config_dir / "standards.csv").unlink()
    toy.add("analytes.csv", ONE_ANALYTE).add(
        "concentrations.csv",
        f"injection_id,animal_id,fraction,analyte,concentration,unit\n{row}\n",
    )
    assert problems_of(toy) == [f"config/toy/concentrations.csv, {message}"]


def test_vendor_peaks_need_exports_and_windows(toy: ToyStudy) -> None:
    toy.change("study.yaml", "quantify:", "ingest:\n  start: vendor_peaks\nquantify:")
    assert load_study(toy.root, "toy").runs == ["run1"]
    toy.add("analytes.csv", "analyte,internal_standard\nDHBA,itself\nDOPAC,DHBA\n")
    assert problems_of(toy) == [
        f"config/toy/analytes.csv, column {name}: found nothing; expected a value in every row, "
        "because exports are read (unless ingest.start is areas or concentrations)."
        for name in ("rt_min", "window_min")
    ]


def test_a_sample_without_its_export(toy: ToyStudy) -> None:
    toy.change("injections.csv", "run1/R1_F1.cdf", "")
    assert problems_of(toy) == [
        "config/toy/injections.csv, row 5, column injection_file: found nothing; expected a value."
    ]


def test_a_broken_study_yaml_does_not_make_its_tables_wrong(
    from_concentrations: ToyStudy,
) -> None:
    from_concentrations.change("study.yaml", "  inj_uL: 20", "  inj_ul: 20")
    (problem,) = problems_of(from_concentrations)
    assert "unknown option 'inj_ul'" in problem


def test_marks() -> None:
    assert marks(["traces", "traces"], ["nM", "ratio"]) == ()
    assert marks(["vendor areas"], ["response"]) == ("vendor areas", "uncalibrated")
    assert marks(["concentrations as given"], ["nM"]) == ("concentrations as given",)
    assert marks([""], ["response"]) == ("uncalibrated",)
