"""The review site in a real browser, opened from disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opened
from tests.unit.review_results import HOSTILE, StudyResults, plant_hostile_texts

pytestmark = pytest.mark.browser

OUTCOME = "outcome/5-ht_hippocampus"
PAGES = (
    "",
    OUTCOME,
    "animals",
    "animal/R03",
    "runs",
    "run/run1",
    "trace/run1_012",
    "flags",
    "changes",
    "decisions",
    "provenance",
    "quality",
)


def column(page: Page, grid: str, number: int) -> list[str]:
    """Texts of a column in the order of the rows."""
    cells = page.locator(f"[data-grid={grid}] tbody tr > *:nth-child({number})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_every_page_opens_from_disk_and_asks_for_nothing_else(opened: Opened, site: Path) -> None:
    folder = site.parent.resolve().as_uri()
    for name in PAGES:
        page = opened.open(site, name)
        assert page.locator("h1").inner_text(), name
        assert "can't be shown" not in page.locator("main").inner_text(), name
        wide, visible = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide == visible, f"{name} sticks out sideways"
    assert opened.errors == []
    assert [url for url in opened.requests if not url.startswith(folder)] == []


def test_a_page_loads_only_its_own_chunks(opened: Opened, site: Path) -> None:
    opened.open(site)
    assert opened.chunks() == ["index"]
    opened.open(site, "animal/R03")
    assert opened.chunks() == ["animal-003", "index"]
    opened.open(site, "trace/run1_012")
    assert opened.chunks() == ["animal-001", "animal-001-full", "animal-003", "index", "injections"]


def test_no_page_has_a_serious_violation_of_accessibility(opened: Opened, site: Path) -> None:
    axe = Axe()
    found = {}
    for name in PAGES:
        page = opened.open(site, name)
        page.evaluate(
            "document.querySelectorAll('details').forEach((fold) => { fold.open = true })"
        )
        result = axe.run(page).response
        serious = [
            f"{each['id']}: {each['nodes'][0]['html'][:160]}"
            for each in result["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        if serious:
            found[name] = serious
    assert found == {}


def test_outcomes_are_filtered_by_words_and_verdict_and_ordered(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    titles = page.locator(".card-title")
    assert titles.all_inner_texts() == ["5-HT, hippocampus", "DA, hippocampus", "NE, hippocampus"]
    page.get_by_label("Order").select_option("verdict")
    assert titles.all_inner_texts()[0] == "NE, hippocampus"
    page.get_by_label("Filter").fill("QC accuracy")
    assert titles.all_inner_texts() == ["5-HT, hippocampus"]
    page.get_by_label("Filter").fill("")
    page.get_by_label("WARN").uncheck()
    assert titles.all_inner_texts() == ["NE, hippocampus"]


def test_a_table_filters_over_all_rows_and_sorts_by_value(opened: Opened, site: Path) -> None:
    page = opened.open(site, "flags")
    rows = page.locator("[data-grid=flags] tbody tr")
    # Three kinds of ten rows are drawn at a time; the filter sees all of them.
    assert rows.count() == 10
    box = page.get_by_label("Filter")
    box.fill("not used R02")
    output = page.locator("[data-grid=flags] output")
    assert output.inner_text().startswith("39 of ")
    page.get_by_role("button", name="Show more rows").click()
    assert rows.count() == 20
    box.fill("no such word")
    assert rows.count() == 0
    page.get_by_role("button", name="Calibration failed").click()
    assert set(column(page, "flags", 1)) == {"Calibration failed"}

    page = opened.open(site, "run/run1")
    heading = page.locator("[data-grid=calibration] thead th", has_text="Max abs error")
    number = heading.evaluate("(th) => th.cellIndex + 1")
    heading.get_by_role("button").click()
    up = column(page, "calibration", number)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    down = column(page, "calibration", number)
    assert sorted(up, key=float) == up
    assert down == up[::-1]


def test_a_chromatogram_zooms_and_moves_by_keys_and_buttons(opened: Opened, site: Path) -> None:
    page = opened.open(site, "trace/run1_012")
    canvas = page.locator(".big-trace")

    def view() -> tuple[float, float]:
        low, high = (canvas.get_attribute("data-view") or "").split()
        return float(low), float(high)

    first = view()
    page.get_by_role("button", name="Zoom in").click()
    near = view()
    assert near[1] - near[0] == pytest.approx(0.6 * (first[1] - first[0]), rel=1e-3)
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    assert view()[0] == pytest.approx(near[0] - 0.2 * (near[1] - near[0]), abs=1e-3)
    page.keyboard.press("Home")
    low, high = view()
    assert low <= first[0]
    assert high == pytest.approx(first[1], abs=1e-3)
    page.get_by_role("button", name="Show 5-HT").click()
    low, high = view()
    assert low < 9 < high < low + 3
    dark = canvas.evaluate(
        """(c) => { const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        let n = 0;
        for (let i = 0; i < d.length; i += 4) n += d[i] < 80 && d[i + 2] < 80;
        return n }"""
    )
    assert dark > 300


def test_navigation_reload_and_the_way_back(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    page.get_by_role("link", name="5-HT, hippocampus").click()
    expect(page.locator("h1")).to_contain_text("5-HT, hippocampus")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert page.title().startswith("5-HT, hippocampus")
    page.reload()
    expect(page.locator("h1")).to_contain_text("5-HT, hippocampus")
    page.get_by_role("link", name="DA →").click()
    expect(page.locator("h1")).to_contain_text("DA, hippocampus")
    page.go_back()
    expect(page.locator("h1")).to_contain_text("5-HT, hippocampus")
    page.goto(f"{site.resolve().as_uri()}#/animal/nobody")
    expect(page.locator("h1")).to_contain_text("Not found")


def test_decisions_stay_in_the_browser_and_are_exported(
    opened: Opened, site: Path, tmp_path: Path
) -> None:
    page = opened.open(site, "animal/R03")
    page.get_by_role("button", name="Decide about fraction 5").click()
    assert page.get_by_label("About", exact=True).input_value() == "5"
    page.get_by_label("Reject: leave it out").check()
    page.get_by_role("button", name="Keep the decision").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a reason.")
    page.get_by_label("Reason", exact=True).select_option("flow_failure")
    page.get_by_label("In words", exact=True).fill('pump "stopped", twice')
    page.get_by_label("Reviewer", exact=True).fill("A. Person")
    page.get_by_role("button", name="Keep the decision").click()
    expect(page.locator("#pending")).to_have_text("1 decision to export")
    page.reload()
    expect(page.locator(".panel")).to_contain_text("fraction 5 of R03: rejected by A. Person")
    page.get_by_role("link", name="1 decision to export").click()
    with page.expect_download() as caught:
        page.get_by_role("button", name="Export decisions.csv (1)").click()
    file = tmp_path / "decisions.csv"
    caught.value.save_as(file)
    header, line = file.read_text(encoding="utf-8").splitlines()
    assert header.startswith("study,bundle,decision_id,level,id,analyte,decision,")
    assert ',fraction,R03:5,,reject,flow_failure,"pump ""stopped"", twice",,,A. Person,' in line
    page.get_by_role("button", name="Remove: rejected fraction 5 of R03").click()
    expect(page.locator("#pending")).to_be_empty()


def test_html_in_texts_is_shown_as_text(opened: Opened, tmp_path: Path) -> None:
    study = plant_hostile_texts(StudyResults(tmp_path)).write()
    study.write_site()
    index = study.site / "index.html"
    for name in ("", OUTCOME, "animal/R01", "run/run1", "flags", "decisions", "provenance"):
        page = opened.open(index, name)
        page.evaluate(
            "document.querySelectorAll('details').forEach((fold) => { fold.open = true })"
        )
        assert HOSTILE in page.locator("main").inner_text(), name
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x]").count() == 0
    assert opened.errors == []
