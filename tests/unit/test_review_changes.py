"""What changed since the previous bundle, and the history that knows it; blinding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dialysis.decisions import Entry
from dialysis.errors import TableError
from dialysis.review.history import read_history
from tests.unit.review_results import StudyResults
from tests.unit.test_review_site import files_of, named

FIVE_HT = "5-ht_hippocampus"
REJECT = Entry(
    1,
    "decide",
    decision_id="d1",
    level="fraction",
    id="R05:6",
    decision="reject",
    reason_code="flow_failure",
    decided_by="A. Person",
    decided_on="2026-11-21",
    wrote="exclusions.csv",
)


@pytest.fixture
def study(tmp_path: Path) -> StudyResults:
    made = StudyResults(tmp_path)
    made.code = {"stats": {"src/dialysis/stats/lmm.py": "aa"}}
    made.write(traces=False).write_site()
    return made


def leave_out(study: StudyResults) -> None:
    """What the pipeline would write when one fraction is rejected."""
    course = study.frames["timecourse"]
    own = (course["outcome"] == FIVE_HT) & (course["probe_id"] == "R05") & (course["fraction"] == 6)
    course.loc[own, "used"] = False
    course.loc[own, "reason"] = "flow_failure"
    means = study.stats[FIVE_HT]["means"]
    cell = (means["group"] == "mianserin 2 mg/kg s.c.") & (means["time_index"] == 2)
    means.loc[cell, ["n", "mean_pct"]] = [3, 151.5]
    contrasts = study.stats[FIVE_HT]["contrasts"]
    contrasts.loc[0, "stars"] = "****"
    contrasts.loc[0, "ratio_pct"] += 4.0
    study.log = [REJECT]


def test_the_first_bundle_has_nothing_to_compare_with(study: StudyResults) -> None:
    assert study.chunk("index")["changed"] is None
    assert study.chunk("changes")["changes"] is None


def test_an_accepted_figure_is_undecided_once_it_has_changed(study: StudyResults) -> None:
    first = study.chunk("index")["bundle"]
    other = next(o.slug for o in study.outcomes if o.slug != FIVE_HT)
    study.log = [
        Entry(n, "decide", level="figure", id=slug, decision="accept", bundle=bundle)
        for n, slug, bundle in ((1, FIVE_HT, first), (2, other, first), (3, "unseen", "abc"))
    ]

    def since() -> dict[str, int | None]:
        study.write(traces=False).write_site()
        return {each["id"]: each.get("changed_since") for each in study.chunk("index")["decided"]}

    assert since() == {FIVE_HT: None, other: None, "unseen": 0}
    log = study.log
    leave_out(study)
    study.log = log
    assert since() == {FIVE_HT: 1, other: None, "unseen": 0}
    study.config["figures"] = study.config["figures"] | {"axis": "zero"}
    assert since() == {FIVE_HT: 1, other: 1, "unseen": 0}


def test_what_moved_is_named_and_nothing_else(study: StudyResults) -> None:
    leave_out(study)
    study.write(traces=False).write_site()
    changes = study.chunk("changes")
    found = changes["changes"]
    assert found["decisions"] == [1]
    assert (found["config"], found["code"], found["data"], found["inputs"]) == ([], [], [], [])
    assert [(row["table"], row["rows"]) for row in found["tables"]] == [
        ("normalize/timecourse", 1),
        (f"stats/{FIVE_HT}/contrasts", 1),
        (f"stats/{FIVE_HT}/means", 1),
    ]
    assert list(found["outcomes"]) == [FIVE_HT]
    used, stars, mean, ratio = found["outcomes"][FIVE_HT]
    assert used == "1 fraction no longer used: animal R05, fraction 6."
    assert stars.startswith("Stars changed: mianserin 2 mg/kg s.c., at 6 min: ")
    assert stars.endswith(" → ****.")
    assert mean.startswith("1 of 39 means moved, most mianserin 2 mg/kg s.c. at 26 min: ")
    assert mean.endswith(" → 151.5 % of baseline, n 4 → 3.")
    assert ratio.startswith("1 of 18 comparisons moved, most mianserin 2 mg/kg s.c. at 6 min: ")
    rows = changes["cells"]["rows"]
    assert {row[0] for row in rows} == {row["table"] for row in found["tables"]}
    assert study.chunk("index")["changed"]["sentences"] == [
        "1 decision was taken over.",
        "Results moved in 5-HT.",
    ]
    (entry,) = study.chunk("decisions")["log"]
    assert entry["effect"]["outcomes"] == found["outcomes"]
    assert (entry["effect"]["before"], entry["effect"]["number"]) == (1, 2)


def test_options_code_tables_and_exports_are_causes(study: StudyResults) -> None:
    study.config["stats"] = study.config["stats"] | {"alpha": 0.01}
    study.code = {"stats": {"src/dialysis/stats/lmm.py": "bb"}}
    study.tables["animals"].loc[0, "weight_g"] = 300.0
    study.frames["manifest"].loc[0, "sha256"] = "f" * 64
    study.write(traces=False).write_site()
    found = study.chunk("changes")["changes"]
    assert found["config"] == [{"what": "stats.alpha", "before": "0.05", "after": "0.01"}]
    assert [(row["stage"], row["what"]) for row in found["code"]] == [
        ("stats", "src/dialysis/stats/lmm.py")
    ]
    assert found["inputs"] == [
        {"what": "animals.csv: animal R01, weight_g", "before": "", "after": "300"}
    ]
    assert [row["what"] for row in found["data"]] == ["run1/001.cdf"]
    assert study.chunk("index")["changed"]["sentences"] == [
        "1 cell or row of the study's tables changed.",
        "1 option changed.",
        "1 raw file changed.",
        "Code changed: stats.",
        "No result moved.",
    ]


def test_a_rerun_on_the_same_inputs_gives_the_same_bytes(study: StudyResults) -> None:
    leave_out(study)
    study.write(traces=False).write_site()
    first = files_of(study.root)
    study.write_site()
    assert files_of(study.root) == first
    numbers = [bundle.number for bundle in read_history(study.results / "history")]
    assert numbers == [1, 2]


def test_the_history_keeps_what_each_bundle_changed_but_only_two_records(
    study: StudyResults,
) -> None:
    leave_out(study)
    study.write(traces=False).write_site()
    study.config["stats"] = study.config["stats"] | {"alpha": 0.01}
    study.write_site()
    bundles = read_history(study.results / "history")
    assert [bundle.record is not None for bundle in bundles] == [False, True, True]
    assert [bundle.changes is not None for bundle in bundles] == [False, True, True]
    (entry,) = study.chunk("decisions")["log"]
    assert entry["effect"]["number"] == 2
    assert len(entry["effect"]["outcomes"]) == 1


def test_a_broken_record_is_named(study: StudyResults) -> None:
    (path,) = (study.results / "history").iterdir()
    path.write_bytes(b"?")
    with pytest.raises(TableError, match="not the record of a bundle"):
        study.write_site()


def test_a_blinded_site_tells_no_group_no_drug_and_no_statistics(study: StudyResults) -> None:
    shown = study.chunk("animal-005")
    assert shown["group"] == "mianserin 2 mg/kg s.c."
    study.config["review"] = study.config["review"] | {"blinded": True}
    study.config["study"] = study.config["study"] | {"title": "Mianserin in rats"}
    study.frames["timecourse"].loc[0, "reason"] = "excluded: not like other mianserin 2 mg/kg s.c."
    leave_out(study)
    study.write(traces=False).write_site()
    assert sorted(named(study, blind=True)) == sorted(files_of(study.site))
    for path in study.site.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8").lower()
            assert "mianserin" not in text, path.name
            assert path.suffix in (".html", ".css", ".js", ".csv")
            if path.parent.name in ("chunks", "data"):
                assert "vehicle" not in text, path.name
    index = study.chunk("index")
    assert index["blind"]
    assert index["groups"] == ["Group A", "Group B", "Group C"]
    assert index["study"]["title"] == "[drug] in rats"
    hidden = study.chunk("animal-005")
    assert hidden["group"] in index["groups"]
    assert hidden["fractions"] == study.chunk("animal-005")["fractions"]
    outcome = study.chunk(f"outcome-{FIVE_HT}")
    assert not {"tables", "pictures", "results", "model", "excluded"} & set(outcome)
    found = study.chunk("changes")["changes"]
    assert found["outcomes"] == {}
    assert [row["table"] for row in found["tables"]] == ["normalize/timecourse"]

    study.log = [replace(REJECT, blinded=True), Entry(2, "lock", decided_by="A. Person")]
    study.write_site()
    index = study.chunk("index")
    assert not index["blind"]
    assert "mianserin 2 mg/kg s.c." in index["groups"]
    assert study.chunk(f"outcome-{FIVE_HT}")["tables"]
    log = study.chunk("decisions")["log"]
    assert [entry.get("blinded") for entry in log] == [True, False]
    assert log[0]["effect"]["outcomes"]


def test_groups_are_coded_in_an_order_that_says_nothing(tmp_path: Path) -> None:
    orders = set()
    for number in range(8):
        study = StudyResults(tmp_path / str(number), animals_per_group=3)
        study.config["review"] = study.config["review"] | {"blinded": True}
        study.config["study"] = study.config["study"] | {"title": f"Study {number}"}
        from dialysis.review.blinding import Mask
        from dialysis.review.results import read_results

        study.write(traces=False)
        results = read_results(study.results, f"study-{number}", study.config, study.tables)
        codes = Mask.of(results).codes
        orders.add(tuple(np.argsort([codes[name] for name in results.group_names]).tolist()))
    assert len(orders) > 2
