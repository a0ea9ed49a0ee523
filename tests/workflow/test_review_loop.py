"""From a click on the review site to the numbers it moves: decide, export, import, run, look."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opened, opened  # noqa: F401  (a fixture)
from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.browser]

SLUG = "dopac_hippocampus"


@pytest.mark.parametrize("opened", [1440], indirect=True)
def test_rejecting_one_fraction_moves_exactly_what_depends_on_it(
    copy: Project,
    opened: Opened,  # noqa: F811
    tmp_path: Path,
) -> None:
    index = copy.results / "review" / "index.html"
    # The first animal with a value after the dose, and its group.
    rows = read(copy.results / "normalize" / "timecourse.csv")
    chosen = next(
        row
        for row in rows
        if row["outcome"] == SLUG and row["used"] == "true" and row["time_index"] == "2"
    )
    animal, fraction = chosen["animal_id"], chosen["fraction"]

    page = opened.open(index, f"animal/{animal}")
    page.get_by_role("button", name=f"Decide about fraction {fraction}", exact=True).click()
    page.get_by_label("Analyte", exact=True).select_option(chosen["analyte"])
    page.get_by_label("Reject: leave it out").check()
    page.get_by_label("Reason", exact=True).select_option("flow_failure")
    page.get_by_label("In words", exact=True).fill("the pump stopped")
    page.get_by_label("Reviewer", exact=True).fill("A. Person")
    page.get_by_role("button", name="Keep the decision").click()
    page.get_by_role("link", name="1 decision to export").click()
    with page.expect_download() as caught:
        page.get_by_role("button", name="Export decisions.csv (1)").click()
    file = tmp_path / "decisions.csv"
    caught.value.save_as(file)

    done = copy.dialysis("decisions", "import", "tiny", str(file))
    assert done.returncode == 0, done.stderr
    assert "config/tiny/exclusions.csv: 1 row added, 0 removed\n" in done.stdout
    assert copy.planned() == {
        "normalize": 1,
        "figures_qc": 1,
        "stats": 1,
        "figures": 1,
        "review": 1,
    }
    done = copy.snakemake("--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr

    # Exactly the numbers that depend on it: one value, its animal's summary, its outcome.
    moved = read(copy.results / "review" / "data" / "changes.csv")
    assert {row["outcome"] for row in moved} == {SLUG}
    tables = {row["table"] for row in moved}
    assert {name for name in tables if not name.startswith("stats/")} == {
        "normalize/timecourse",
        "normalize/summary",
    }
    probe = chosen["probe_id"]
    whose = f"animal {animal}" + ("" if probe == animal else f", probe {probe}")
    named = f"{whose}, fraction {fraction}"
    course = [row for row in moved if row["table"] == "normalize/timecourse"]
    assert {row["row"] for row in course} == {named}
    assert {"used", "reason"} <= {row["column"] for row in course}
    assert not {"conc", "baseline", "pct_of_baseline"} & {row["column"] for row in course}
    assert {r["row"] for r in moved if r["table"] == "normalize/summary"} == {whose}
    means = [row for row in moved if row["table"] == f"stats/{SLUG}/means"]
    table = read(copy.results / "stats" / SLUG / "means.csv")
    minutes = next(float(row["time_min"]) for row in table if row["time_index"] == "2")
    assert {row["row"] for row in means} == {f"{chosen['group']}, at {minutes:.0f} min"}
    (n,) = [row for row in means if row["column"] == "n"]
    assert int(n["after"]) == int(n["before"]) - 1

    # The site says so, and who decided it.
    page = opened.open(index, "changes")
    page.reload()
    expect(page.locator("main")).to_contain_text("1 decision was taken over.")
    moved_list = page.locator(f"[data-moved={SLUG}]")
    expect(moved_list).to_contain_text(f"1 fraction no longer used: {named}.")
    expect(moved_list).to_contain_text("means moved, most")
    assert page.locator("[data-moved]").count() == 1
    page = opened.open(index, "decisions")
    expect(page.locator("[data-log='1']")).to_contain_text("rejected by A. Person")
    expect(page.locator("[data-log='1']")).to_contain_text("flow failure: the pump stopped")
    page.locator("[data-log='1'] summary").click()
    expect(page.locator("[data-log='1']")).to_contain_text("Before and after: bundle 1 → 2")
    expect(page.locator("#pending")).to_be_empty()
    page = opened.open(index, f"animal/{animal}")
    expect(page.locator(".panel")).to_contain_text(f"fraction {fraction} of {probe}")
    expect(page.locator("[data-grid=fractions]")).to_contain_text("the pump stopped")
    assert opened.errors == []
    assert copy.planned() == {}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
