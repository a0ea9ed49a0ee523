"""Loading a study: what is understood, and every mistake by its whole message."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from dialysis.cli import main
from dialysis.errors import StudyError
from dialysis.study.load import examine_study, load_options, load_study
from tests.toy import ToyStudy


def problems_of(toy: ToyStudy) -> list[str]:
    return [str(problem) for problem in examine_study(toy.root, toy.name)[1]]


def test_a_good_study_loads_with_defaults_and_filled_tables(toy: ToyStudy) -> None:
    study = load_study(toy.root, "toy")
    assert study.runs == ["run1"]
    assert [outcome.slug for outcome in study.outcomes] == ["dopac_hippocampus"]
    assert study.config["stats"]["alpha"] == 0.05
    assert study.config["normalize"]["baseline"] == {
        "n_fractions": 2,
        "min_fractions": 2,
        "max_cv_pct": 20,
        "max_trend_pct_per_fraction": 10,
        "unstable": "flag",
        "below_loq": "exclude",
    }
    assert study.run_files("run1")[:2] == ["run1/R1_F1.cdf", "run1/R1_F2.cdf"]
    assert study.warnings == ()


def test_ids_and_order_are_made_where_the_table_has_none(toy: ToyStudy) -> None:
    toy.change("injections.csv", "run1_004,run1,run1/R1_F1.cdf,4,", ",run1,run1/R1_F1.cdf,,")
    injections = load_study(toy.root, "toy").tables["injections"]
    made = injections[injections["injection_file"] == "run1/R1_F1.cdf"].iloc[0]
    assert (made["injection_id"], made["order"]) == ("run1_004", 4)


def test_spaces_byte_order_mark_and_empty_rows_are_passed_over(toy: ToyStudy) -> None:
    text = toy.files["animals.csv"].replace("R2,mianserin", "\n , ,\n R2 , mianserin")
    toy.add("animals.csv", "\ufeff" + text)
    animals = load_study(toy.root, "toy").tables["animals"]
    assert list(animals["animal_id"]) == ["R1", "R2"]
    assert list(animals.index) == [2, 5]  # lines of the file


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "study.yaml",
            "  fraction_min: 20",
            "  fracton_min: 20",
            "config/toy/study.yaml, line 7, normalize.fracton_min: found unknown option "
            "'fracton_min'; expected one of fraction_min, flow_uL_min, dead_volume_uL, "
            "fraction_time, straddle, straddle_tolerance, reinjections, below_lod, baseline, "
            "exclude_misplaced, auc_window_min, ratios. Did you mean 'fraction_min'?",
        ),
        (
            "study.yaml",
            "  inj_uL: 20",
            "  inj_uL: twenty",
            "config/toy/study.yaml, line 5, quantify.inj_uL: found 'twenty'; "
            "expected a number or null.",
        ),
        (
            "study.yaml",
            "  inj_uL: 20",
            "  inj_uL: 20\n  weight: 1/y",
            "config/toy/study.yaml, line 6, quantify.weight: found '1/y'; "
            "expected one of none, 1/x, 1/x2. Did you mean '1/x'?",
        ),
        (
            "study.yaml",
            "  inj_uL: 20",
            "  inj_uL: 20\n  inj_uL: 10",
            "config/toy/study.yaml, line 6, quantify.inj_uL: found the option a second time; "
            "expected it once (first on line 5). Remove one of the two.",
        ),
        (
            "study.yaml",
            "study:\n",
            "study: [\n",
            "config/toy/study.yaml, line 3, column 9: found text that is not YAML (expected ',' or "
            "']', but got ':'); expected valid YAML. "
            "Check indentation, quotes and brackets at and above this line.",
        ),
        (
            "animals.csv",
            "R2,mianserin,5,",
            "R2,mianserin,five,",
            "config/toy/animals.csv, row 3, column dose: found 'five'; "
            "expected a number (decimal point or comma, no thousands mark).",
        ),
        (
            # The cells behind the comma stand one column too far, and are not told one by one.
            "animals.csv",
            "R2,mianserin,5,",
            "R2,mianserin,5,,",
            "config/toy/animals.csv, row 3: found 6 values; expected 5, one for each column. "
            "Put values that hold a comma in double quotes.",
        ),
        (
            "animals.csv",
            "R2,mianserin,5,",
            "R1,mianserin,5,",
            "config/toy/animals.csv, row 3, column animal_id: found 'R1' again (first in row 2); "
            "expected a row of its own for every animal_id.",
        ),
        (
            "animals.csv",
            "R1,vehicle,0,",
            "R1,vehicle,1,",
            "config/toy/animals.csv, column dose: found no animal with dose 0; expected at least "
            "one vehicle group, which the others are compared with. "
            "Give the vehicle animals dose 0.",
        ),
        (
            "animals.csv",
            "animal_id,drug,dose,",
            "animal_id,drug,doze,",
            "config/toy/animals.csv, line 1, column doze: found unknown column 'doze'; expected "
            "some of animal_id, drug, dose, dose_unit, route, pretreatment, control, sex, strain, "
            "weight_g, cohort, randomised, blinded. Did you mean 'dose'?",
        ),
        (
            "injections.csv",
            "sample,R1,1",
            "sample,R11,1",
            "config/toy/injections.csv, row 5, column animal_id: found 'R11', which is not in "
            "animals.csv; expected one of its 2 names. Did you mean 'R1'?",
        ),
        (
            "injections.csv",
            "sample,R1,2",
            "sample,R1,1",
            "config/toy/injections.csv, row 6, column fraction: found fraction 1 of R1 again "
            "(first in row 5); expected each fraction once. If the vial was injected again, name "
            "the first injection in reinjection_of.",
        ),
        (
            "injections.csv",
            "run1/R1_F1.cdf,4,sample",
            "run1/R1_F1.cfd,4,sample",
            "config/toy/injections.csv, row 5, column injection_file: found 'run1/R1_F1.cfd', "
            "which is not in raw/toy/; expected a file there. Did you mean 'run1/R1_F1.cdf'?",
        ),
        (
            "injections.csv",
            "4,sample,R1",
            "4,simple,R1",
            "config/toy/injections.csv, row 5, column type: found 'simple'; expected one of "
            "sample, standard, blank, qc. Did you mean 'sample'?",
        ),
        (
            "injections.csv",
            "run1_005,run1,",
            "run1_004,run1,",
            "config/toy/injections.csv, row 6, column injection_id: found 'run1_004' again "
            "(first in row 5); expected a row of its own for every injection_id.",
        ),
        (
            "standards.csv",
            "run1_001,DOPAC,10,fmol",
            "run1_001,DOPAK,10,fmol",
            "config/toy/standards.csv, row 2, column analyte: found 'DOPAK', which is not in "
            "analytes.csv; expected one of its 2 names. Did you mean 'DOPAC'?",
        ),
        (
            "standards.csv",
            "run1_001,DOPAC,10,fmol",
            "run1_004,DOPAC,10,fmol",
            "config/toy/standards.csv, row 2, column injection_id: found 'run1_004', a sample in "
            "injections.csv; expected a standard, blank or qc. Mend its type or remove the row.",
        ),
        (
            "standards.csv",
            "run1_001,DOPAC,10,fmol",
            "run1_001,DOPAC,10,nM",
            "config/toy/standards.csv, row 2, column unit: found DOPAC both as an amount and as "
            "a concentration; expected one basis for all standards of an analyte.",
        ),
        (
            "standards.csv",
            "run1_001,DOPAC,10,fmol",
            "run1_001,DOPAC,10,pg",
            "config/toy/standards.csv, row 2, column unit: found 'pg' for DOPAC, which has no mw "
            "in analytes.csv; expected a molar mass to convert mass to amount. "
            "Fill in mw (and salt_mw when a salt was weighed).",
        ),
        (
            "analytes.csv",
            "DOPAC,10.1,0.4",
            "DOPAC,7.9,0.4",
            "config/toy/analytes.csv, row 3, column window_min: found DOPAC from 7.5 min, while "
            "DHBA (row 2) lasts to 7.6 min; expected windows rt_min ± window_min that don't "
            "overlap on a channel. Narrow one of the two windows.",
        ),
        (
            "analytes.csv",
            "DOPAC,10.1,0.4,DHBA",
            "DOPAC,10.1,0.4,DBHA",
            "config/toy/analytes.csv, row 3, column internal_standard: found 'DBHA', which is not "
            "in analytes.csv; expected one of its 2 names. Did you mean 'DHBA'?",
        ),
    ],
)
def test_one_mistake_gives_one_message(
    toy: ToyStudy, file: str, old: str, new: str, message: str
) -> None:
    toy.change(file, old, new)
    found = problems_of(toy)
    assert message in found
    assert len({text.split(":")[0] for text in found}) <= 2  # nothing about other places


def test_all_mistakes_are_told_at_once(toy: ToyStudy) -> None:
    toy.change("study.yaml", "  title: Toy study", "  tittle: Toy study")
    toy.change("animals.csv", "R2,mianserin,5,", "R2,mianserin,x,")
    toy.change("injections.csv", "run1/R1_F1.cdf,4,", "run1/lost.cdf,4,")
    toy.change("standards.csv", "run1_001,DOPAC", "run1_001,DA")
    with pytest.raises(StudyError) as caught:
        load_study(toy.root, "toy")
    assert str(caught.value).splitlines()[0] == "Study 'toy' can't be run: 5 problems"
    for part in ("tittle", "no 'title'", "'x'", "run1/lost.cdf", "'DA'"):
        assert part in str(caught.value)


def test_a_misspelt_optional_table_is_named_not_ignored(toy: ToyStudy) -> None:
    toy.add("exclusion.csv", "level,id\n")
    assert problems_of(toy) == [
        "config/toy/exclusion.csv: found a table of unknown name; expected some of "
        "analytes.csv, animals.csv, areas.csv, concentrations.csv, doses.csv, exclusions.csv, "
        "injections.csv, integration_events.csv, probes.csv, standards.csv. "
        "Did you mean 'exclusions.csv'?"
    ]


def test_an_unknown_study_suggests_the_nearest(toy: ToyStudy) -> None:
    assert [str(p) for p in examine_study(toy.root, "toi")[1]] == [
        "config/toi: found no such folder; expected a folder with study.yaml. Did you mean 'toy'?"
    ]


def test_another_folder_than_the_project_is_told_so(tmp_path: Path) -> None:
    expected = (
        f"{tmp_path}: found no Snakefile and no config/; expected the project's folder, with "
        "Snakefile, workflow/, src/, config/ and raw/. Go there, or name it with --root."
    )
    assert [str(problem) for problem in examine_study(tmp_path, "demo")[1]] == [expected]
    with pytest.raises(StudyError, match=re.escape(expected)):
        load_options(tmp_path, "demo")


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ("adjustment: dunet", "Did you mean 'dunnett'?"),
        ("adjustment: Bonferroni", "Did you mean 'bonferroni'?"),
        ("ddf: Satterthwaite", "Did you mean 'satterthwaite'?"),
        ("alpha: 0,01", "Write it with a decimal point: 0.01."),
        ("confidence: 0,9", "Write it with a decimal point: 0.9."),
    ],
)
def test_choices_and_decimal_commas_are_guessed(toy: ToyStudy, option: str, remedy: str) -> None:
    toy.files["study.yaml"] += f"stats:\n  {option}\n"
    toy.add("study.yaml", toy.files["study.yaml"])
    [problem] = examine_study(toy.root, "toy")[1]
    assert problem.remedy == remedy


@pytest.mark.parametrize("arguments", [["rerun", "stats", "demo"], ["run", "demo"]])
def test_stopping_before_anything_runs_says_so(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dialysis.workflow.needs_snakefile", lambda root: None)
    monkeypatch.setattr("dialysis.study.load.load_study", stopped)
    done = CliRunner().invoke(main, [*arguments, "--root", str(tmp_path)])
    assert (done.exit_code, done.output) == (
        130,
        "Stopped before anything ran: no result of demo was changed.\n",
    )


def test_exclusions_are_checked_against_what_there_is(toy: ToyStudy) -> None:
    toy.add(
        "exclusions.csv",
        "level,id,analyte,reason_code,reason_text,decided_by,decided_on\n"
        "animal,R3,,histology,,AB,2026-01-05\n"
        "fraction,R1:3,,lost_vial,,AB,2026-01-05\n"
        "peak,run1_005,,co_elution,,AB,2026-01-05\n"
        "injection,run1_005,,other,,AB,5.1.2026\n",
    )
    file = "config/toy/exclusions.csv"
    assert problems_of(toy) == [
        f"{file}, row 2, column id: found 'R3', which is not in animals.csv; expected one of its "
        "2 names. Add it to animals.csv, or mend the name here.",
        f"{file}, row 4, column analyte: found nothing; expected the analyte whose peak is "
        "excluded.",
        f"{file}, row 5, column reason_text: found nothing; expected the reason in words, because "
        "reason_code is 'other'.",
        f"{file}, row 5, column decided_on: found '5.1.2026'; expected a date as YYYY-MM-DD.",
    ]


def test_a_lost_fraction_is_a_warning(toy: ToyStudy) -> None:
    lines = toy.files["injections.csv"].splitlines(keepends=True)
    toy.add("injections.csv", "".join(line for line in lines if "R1_F2" not in line))
    study = load_study(toy.root, "toy")
    assert [str(w) for w in study.warnings] == [
        "config/toy/injections.csv, probe R1, column fraction: found no fraction 2; "
        "expected all from 1 to 4. A lost vial is shown as missing."
    ]


def test_a_wrong_encoding_is_named(toy: ToyStudy) -> None:
    (toy.config_dir / "analytes.csv").write_bytes("analyte\nµ".encode("latin-1"))
    assert problems_of(toy) == [
        "config/toy/analytes.csv, byte 8: found bytes that are not UTF-8; expected UTF-8 text. "
        "Save the table as 'CSV UTF-8'.",
    ]


def test_several_vehicles_need_a_control(toy: ToyStudy) -> None:
    toy.add(
        "animals.csv",
        "animal_id,drug,dose,dose_unit,route,control\n"
        "R1,saline,0,,s.c.,\nR2,mianserin,5,mg/kg,s.c.,\nR3,DMSO,0,,s.c.,\n"
        "R4,idazoxan,1,mg/kg,s.c.,dmso\n",
    )
    file = "config/toy/animals.csv"
    assert problems_of(toy) == [
        f"{file}, row 3, column control: found nothing, for group 'mianserin 5 mg/kg s.c.' with "
        "2 vehicle groups; expected the one it is compared with: saline, DMSO.",
        f"{file}, row 5, column control: found 'dmso'; expected one vehicle group: saline, DMSO. "
        "Did you mean 'DMSO'?",
    ]
