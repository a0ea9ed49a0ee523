"""Decisions of the review site: their log, their import, the lock."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from dialysis.cli import main
from dialysis.decisions import (
    COLUMNS,
    Entry,
    append_entries,
    in_force,
    is_blind,
    log_path,
    parse_log,
    read_log,
)
from dialysis.decisions_import import Imported, import_decisions, lock_decisions, log_text
from dialysis.errors import DecisionError
from dialysis.study.load import load_study
from tests.toy import ToyStudy

SLUG = "dopac_hippocampus"


def row(decision_id: str, **values: str) -> dict[str, str]:
    return {
        "study": "toy",
        "bundle": "abc123",
        "decision_id": decision_id,
        "decided_by": "A. Person",
        "decided_on": "2026-11-21",
        "blinded": "no",
    } | values


def reject(decision_id: str, **values: str) -> dict[str, str]:
    given = {"level": "fraction", "id": "R2:3", "decision": "reject", "reason_code": "flow_failure"}
    return row(decision_id, **(given | values))


@pytest.fixture
def toy(tmp_path: Path) -> ToyStudy:
    return ToyStudy(tmp_path).write()


def take(toy: ToyStudy, *rows: dict[str, str]) -> Imported:
    file = toy.root / "decisions.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return import_decisions(toy.root, "toy", file)


def table(toy: ToyStudy, name: str) -> str:
    path = toy.config_dir / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def log(toy: ToyStudy) -> list[Entry]:
    return read_log(log_path(toy.config_dir))


def test_a_rejected_fraction_becomes_a_row_of_exclusions_and_a_line_of_the_log(
    toy: ToyStudy,
) -> None:
    done = take(toy, reject("d1", reason_text="pump stopped, so it is empty"))
    assert table(toy, "exclusions.csv") == (
        "level,id,analyte,reason_code,reason_text,decided_by,decided_on,blinded\n"
        'fraction,R2:3,,flow_failure,"pump stopped, so it is empty",A. Person,2026-11-21,no\n'
    )
    (entry,) = log(toy)
    assert done.entries == (entry,)
    assert (entry.n, entry.decision, entry.wrote, entry.bundle, entry.before) == (
        1,
        "reject",
        "exclusions.csv",
        "abc123",
        "",
    )
    assert len(load_study(toy.root, "toy").tables["exclusions"]) == 1


def test_rows_that_are_there_and_their_columns_stay_as_they_are(toy: ToyStudy) -> None:
    mine = (
        'decided_by,level,id,reason_code,decided_on\n"B, who else",animal,R1,histology,2026-01-05\n'
    )
    toy.add("exclusions.csv", mine)
    take(toy, reject("d1", analyte="DOPAC"))
    assert table(toy, "exclusions.csv") == (
        "decided_by,level,id,reason_code,decided_on,analyte,blinded\n"
        '"B, who else",animal,R1,histology,2026-01-05,,\n'
        "A. Person,fraction,R2:3,flow_failure,2026-11-21,DOPAC,no\n"
    )


def test_the_same_file_twice_changes_nothing(toy: ToyStudy) -> None:
    take(toy, reject("d1"))
    before = {path.name: path.read_bytes() for path in toy.config_dir.iterdir()}
    done = take(toy, reject("d1"))
    assert (done.entries, done.known) == ((), 1)
    assert {path.name: path.read_bytes() for path in toy.config_dir.iterdir()} == before


def test_an_import_that_broke_off_before_the_log_is_completed_by_the_next(toy: ToyStudy) -> None:
    take(toy, reject("d1"))
    rows = table(toy, "exclusions.csv")
    log_path(toy.config_dir).unlink()
    done = take(toy, reject("d1"))
    assert table(toy, "exclusions.csv") == rows
    assert [entry.decision_id for entry in done.entries] == ["d1"]


def test_putting_back_removes_the_row_and_the_log_keeps_both(toy: ToyStudy) -> None:
    take(toy, reject("d1"))
    take(toy, row("d2", level="fraction", id="R2:3", decision="restore", reason_text="it ran"))
    assert table(toy, "exclusions.csv").count("\n") == 1
    assert [entry.decision for entry in log(toy)] == ["reject", "restore"]
    assert in_force(log(toy))[("fraction", "R2:3", "")].decision == "restore"


def test_limits_and_deleted_peaks_become_integration_events(toy: ToyStudy) -> None:
    peak = {"level": "peak", "analyte": "DOPAC", "reason_code": "co_elution"}
    take(
        toy,
        row("d1", id="run1_004", decision="limits", start_min="9.9", end_min="10.4", **peak),
        row("d2", id="run1_005", decision="not_a_peak", reason_text="spike", **peak),
    )
    header, *rows = csv.reader(table(toy, "integration_events.csv").splitlines())
    events = [dict(zip(header, cells, strict=True)) for cells in rows]
    assert [(e["injection_id"], e["event"], e["start_min"], e["end_min"]) for e in events] == [
        ("run1_004", "limits", "9.9", "10.4"),
        ("run1_005", "delete_peak", "", ""),
    ]
    assert events[1]["reason"] == "co_elution: spike"
    restored = {key: value for key, value in peak.items() if key != "reason_code"}
    take(toy, row("d3", id="run1_004", decision="restore", reason_text="was right", **restored))
    assert "run1_004" not in table(toy, "integration_events.csv")


def test_accepting_and_commenting_only_write_the_log(toy: ToyStudy) -> None:
    take(
        toy,
        row("d1", level="figure", id=SLUG, decision="accept"),
        row("d2", level="animal", id="R1", decision="comment", reason_text="small probe"),
    )
    assert [entry.wrote for entry in log(toy)] == ["", ""]
    assert not (toy.config_dir / "exclusions.csv").exists()


def test_every_problem_is_named_at_once_and_nothing_is_written(toy: ToyStudy) -> None:
    toy.add(
        "exclusions.csv",
        "level,id,reason_code,decided_by,decided_on\nanimal,R1,histology,B,2026-01-05\n",
    )
    with pytest.raises(DecisionError) as caught:
        take(
            toy,
            reject("d1", id="R2:30", reason_code="mood"),
            reject("d1", decided_by="", decided_on="21.11.2026", blinded="yes"),
            row("d3", level="peak", id="run1_004", decision="limits", start_min="10", end_min="9"),
            row("d4", level="figure", id=SLUG, decision="comment"),
        )
    assert str(caught.value) == (
        f"{toy.root}/decisions.csv can't be imported: 10 problems\n"
        "  1. decisions.csv, row 2, column id: found 'R2:30'; expected a fraction of the study. "
        "Did you mean 'R2:3'?\n"
        "  2. decisions.csv, row 2, column reason_code: found 'mood'; expected one of histology, "
        "unstable_baseline, probe_failure, flow_failure, lost_vial, co_elution, bad_injection, "
        "bad_calibrator, animal_welfare, other.\n"
        "  3. decisions.csv, row 3, column decision_id: found 'd1'; expected each decision once "
        "(first in row 2). Remove the row.\n"
        "  4. decisions.csv, row 3, column decided_by: found nothing; expected who decided.\n"
        "  5. decisions.csv, row 3, column decided_on: found '21.11.2026'; expected a date as "
        "YYYY-MM-DD.\n"
        "  6. decisions.csv, row 3, column blinded: found 'yes'; expected 'no', because the review "
        "is not blinded now. Run the pipeline, look again on the site as it is now, and decide "
        "there.\n"
        "  7. decisions.csv, row 4, column analyte: found nothing; expected the analyte whose peak "
        "it is.\n"
        "  8. decisions.csv, row 4, column reason_code: found nothing; expected a reason of the "
        "list for 'limits'.\n"
        "  9. decisions.csv, row 4, columns start_min, end_min: found '10' and '9'; expected two "
        "times, the first before the second.\n"
        "  10. decisions.csv, row 5, column reason_text: found nothing; expected the comment."
    )
    assert table(toy, "exclusions.csv").count("\n") == 2
    assert log(toy) == []


def test_decisions_of_another_study_have_one_cause(toy: ToyStudy) -> None:
    with pytest.raises(DecisionError) as caught:
        take(
            toy,
            reject("d1", study="other", id="Q9:1", analyte="GABA", blinded="yes"),
            reject("d2", study="other", id="Q9:2"),
        )
    assert str(caught.value) == (
        f"{toy.root}/decisions.csv can't be imported: 1 problem\n"
        "  1. decisions.csv, column study: found 2 decisions of study 'other'; expected decisions "
        "of study 'toy'. Import them into the study they were made for, with 'dialysis decisions "
        "import other decisions.csv'."
    )


def test_rejecting_again_what_a_row_leaves_out_is_refused(toy: ToyStudy) -> None:
    take(toy, reject("d1"))
    with pytest.raises(DecisionError) as caught:
        take(toy, reject("d2", reason_code="lost_vial"))
    assert str(caught.value) == (
        f"{toy.root}/decisions.csv can't be imported: 1 problem\n"
        "  1. decisions.csv, row 2: found 'reject' of fraction R2:3, which exclusions.csv already "
        "leaves out (by A. Person on 2026-11-21); expected something that is not left out yet. "
        "Remove the row, or put it back first ('restore')."
    )


def test_a_study_that_would_not_run_any_more_is_refused(toy: ToyStudy) -> None:
    toy.add(
        "integration_events.csv",
        "injection_id,analyte,event,start_min,end_min,reason,decided_by,decided_on\n"
        "run1_004,DOPAC,delete_peak,,,x,B,2026-01-05\n",
    )
    before = table(toy, "integration_events.csv")
    peak = {"level": "peak", "id": "run1_004", "analyte": "DOPAC", "reason_code": "co_elution"}
    with pytest.raises(DecisionError) as caught:
        take(toy, row("d1", decision="limits", start_min="9.9", end_min="10.4", **peak))
    assert "the study would not run with it: 1 problem\n" in str(caught.value)
    assert "'limits', which contradicts 'delete_peak' in row 2" in str(caught.value)
    assert table(toy, "integration_events.csv") == before
    assert log(toy) == []


def test_a_table_with_other_columns_is_refused(toy: ToyStudy) -> None:
    file = toy.root / "decisions.csv"
    file.write_text("level,id\nanimal,R1\n", encoding="utf-8")
    with pytest.raises(DecisionError, match="line 1: found the columns level, id; expected study,"):
        import_decisions(toy.root, "toy", file)


def test_the_log_is_a_chain_that_shows_what_was_edited(toy: ToyStudy) -> None:
    path = log_path(toy.config_dir)
    append_entries(path, [Entry(0, "decide", decision="accept", level="animal", id="R1")])
    append_entries(path, [Entry(0, "decide", decision="reject", level="animal", id="R2")] * 2)
    entries = read_log(path)
    assert [entry.n for entry in entries] == [1, 2, 3]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for broken in (
        [lines[0].replace("accept", "reject"), *lines[1:]],
        [lines[0], lines[2]],
        lines[1:],
    ):
        with pytest.raises(DecisionError, match="does not follow the one before it"):
            parse_log("".join(broken), "log")
    with pytest.raises(DecisionError, match="line 1: found a line that is not a decision"):
        parse_log("what?\n", "log")


def test_a_blinded_review_ends_with_a_lock(toy: ToyStudy) -> None:
    with pytest.raises(DecisionError, match=r"review\.blinded: found false; expected true"):
        lock_decisions(toy.root, "toy", "A. Person")
    toy.add("study.yaml", toy.files["study.yaml"] + "review:\n  blinded: true\n")
    take(toy, reject("d1", blinded="yes"))
    assert log(toy)[0].blinded
    review = load_study(toy.root, "toy").config["review"]
    assert is_blind(review, log(toy))
    lock_decisions(toy.root, "toy", "A. Person", "2026-11-22")
    assert not is_blind(review, log(toy))
    with pytest.raises(DecisionError, match=r"found a lock by A\. Person on 2026-11-22 in line 2"):
        lock_decisions(toy.root, "toy", "A. Person")
    with pytest.raises(DecisionError, match="because the review is not blinded now"):
        take(toy, reject("d2", id="R2:4", blinded="yes"))
    take(toy, reject("d3", id="R2:4"))
    assert [entry.blinded for entry in log(toy)] == [True, False, False]
    assert log_text(log(toy)) == (
        "   1  2026-11-21  A. Person: reject fraction R2:3 (flow_failure; blind; exclusions.csv)\n"
        "   2  2026-11-22  A. Person: locked\n"
        "   3  2026-11-21  A. Person: reject fraction R2:4 (flow_failure; exclusions.csv)\n"
    )


def test_the_commands(toy: ToyStudy) -> None:
    take(toy, reject("d1"))
    root = ["--root", str(toy.root)]
    runner = CliRunner()
    file = str(toy.root / "decisions.csv")
    done = runner.invoke(main, ["decisions", "import", "toy", file, *root])
    assert (done.exit_code, done.output) == (
        0,
        "0 decisions appended to config/toy/decisions.jsonl, 1 known already\n",
    )
    shown = runner.invoke(main, ["decisions", "show", "toy", *root])
    assert shown.output.startswith("   1  2026-11-21  A. Person: reject fraction R2:3")
    locked = runner.invoke(main, ["decisions", "lock", "toy", "--by", "B", *root])
    assert locked.exit_code == 1
    assert "review.blinded: found false" in locked.output
