"""The review page in a real browser, opened from disk."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Opened
from tests.unit.review_results import StudyResults, plant_hostile_texts

pytestmark = pytest.mark.browser

FLAGS = "#flags-table"


def cells(page: Page, table: str, column: int) -> list[str]:
    """Texts of a column in the order of the rows."""
    script = """([table, column]) => [...document.querySelectorAll(`${table} tbody tr`)]
      .filter((row) => !row.hidden).map((row) => row.cells[column].innerText.trim())"""
    texts: list[str] = page.evaluate(script, [table, column])
    return texts


def test_it_opens_from_disk_asks_for_nothing_else_and_shows_every_image(
    opened: Opened, site: Path
) -> None:
    page = opened.open(site)
    page.wait_for_load_state("load")
    folder = site.parent.resolve().as_uri()
    assert opened.errors == []
    assert opened.requests
    assert [url for url in opened.requests if not url.startswith(folder)] == []
    widths = page.evaluate(
        "() => Promise.all([...document.images].map((i) => i.decode().then(() => i.naturalWidth)))"
    )
    assert len(widths) == 8  # three outcomes twice, two quality figures
    assert min(widths) > 0


def test_nothing_sticks_out_sideways(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    wide, visible = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide == visible


def test_the_filter_keeps_rows_with_every_word(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    everything = cells(page, FLAGS, 0)
    box = page.get_by_role("searchbox").and_(page.locator("#flags-table-filter"))
    box.fill("not_used R02")
    left = cells(page, FLAGS, 0)
    # one row for each of three outcomes: the thirteen fractions of an excluded animal are one note
    assert left == ["not_used"] * 3
    output = page.locator(f"{FLAGS} output")
    assert output.inner_text() == f"{len(left)} of {len(everything)} rows"
    box.fill("no such word")
    assert cells(page, FLAGS, 0) == []
    box.fill("")
    assert cells(page, FLAGS, 0) == everything
    assert output.inner_text() == f"{len(everything)} rows"


def test_columns_sort_numbers_by_value_with_missing_ones_last(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    table = "#calibration"
    heading = page.locator(f"{table} thead th", has_text="R²")
    column = heading.evaluate("(th) => th.cellIndex")
    before = cells(page, table, column)
    assert "–" in before
    page.evaluate(
        """([table, column]) => document.querySelectorAll(`${table} tbody tr`).forEach((row, i) => {
          const cell = row.cells[column];
          if (cell.dataset.sort) { cell.dataset.sort = String((i * 7) % 10 + 0.5); }
        })""",
        [table, column],
    )
    keys = """([table, column]) => [...document.querySelectorAll(`${table} tbody tr`)]
      .map((row) => row.cells[column].dataset.sort)"""
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    up = page.evaluate(keys, [table, column])
    numbers = [float(key) for key in up if key]
    assert numbers == sorted(numbers)
    assert up[len(numbers) :] == [""] * (len(up) - len(numbers))
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    down = page.evaluate(keys, [table, column])
    assert [float(key) for key in down if key] == sorted(numbers, reverse=True)
    assert down[len(numbers) :] == [""] * (len(down) - len(numbers))
    others = page.locator(f"{table} thead th[aria-sort]:not([aria-sort=none])")
    assert others.count() == 1


def test_verdicts_sort_from_the_worst(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    heading = page.locator(f"{FLAGS} thead th", has_text="Severity")
    heading.get_by_role("button").click()
    ranks = [("FAIL", "WARN", "note").index(text) for text in cells(page, FLAGS, 1)]
    assert ranks == sorted(ranks)
    heading.get_by_role("button").click()
    ranks = [("FAIL", "WARN", "note").index(text) for text in cells(page, FLAGS, 1)]
    assert ranks == sorted(ranks, reverse=True)


def test_the_page_is_walked_by_keyboard(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator(".contents a[href='#runs']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".contents a[href='#runs'][aria-current='location']")
    top = page.evaluate("document.getElementById('runs').getBoundingClientRect().top")
    assert abs(top) < 120
    assert page.locator(".contents a[aria-current]").count() == 1
    page.locator("#runs details.guide summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#runs details.guide").get_attribute("open") is not None
    region = page.locator("#runs-table .table-scroll")
    region.focus()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_a_link_into_a_fold_opens_it(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    fold = page.locator("#warnings")
    assert fold.get_attribute("open") is None
    page.locator("#summary .strip a[href='#warnings']").click()
    page.wait_for_selector("#warnings[open]")
    fold.locator("summary").click()
    assert fold.get_attribute("open") is None
    page.locator("#summary .strip a[href='#warnings']").click()
    page.wait_for_selector("#warnings[open]")


def test_paper_has_no_navigation_no_closed_folds_and_short_tables(
    opened: Opened, site: Path
) -> None:
    page = opened.open(site)
    page.set_viewport_size({"width": 1032, "height": 700})  # A4 landscape within its margins
    page.locator("#origins details.more").nth(1).evaluate("(fold) => { fold.open = true; }")
    page.emulate_media(media="print")
    assert not page.locator("nav.contents").is_visible()
    assert page.locator("details:visible").count() == 1
    assert page.locator("#versions table").is_visible()
    rows = page.locator("#raw-files tbody tr")
    assert rows.count() > 100
    assert rows.filter(visible=True).count() == 40
    note = page.locator("#raw-files .cut-on-paper").inner_text()
    assert note == f"On paper: the first 40 of {rows.count()} rows."
    wide, visible = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide == visible


def test_headings_landmarks_and_names(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    assert page.locator("html").get_attribute("lang") == "en"
    for role in ("banner", "navigation", "main"):
        assert page.get_by_role(role).count() == 1
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    unnamed = page.evaluate(
        """[...document.querySelectorAll('figure img')].filter((i) => !i.alt.trim()).length
           + [...document.querySelectorAll('input')].filter((i) => !i.labels.length).length
           + [...document.querySelectorAll('section')].filter(
               (s) => !document.getElementById(s.getAttribute('aria-labelledby'))).length"""
    )
    assert unnamed == 0


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)`` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_the_contrast_of_wcag_aa(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    pairs = page.evaluate(
        """() => {
          const found = new Set();
          const behind = (element) => {
            for (let each = element; each; each = each.parentElement) {
              const colour = getComputedStyle(each).backgroundColor;
              if (colour !== 'rgba(0, 0, 0, 0)') return colour;
            }
            return 'rgb(255, 255, 255)';
          };
          for (const element of document.body.querySelectorAll('*')) {
            const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
            if (own && element.checkVisibility()) {
              found.add(`${getComputedStyle(element).color}|${behind(element)}`);
            }
          }
          return [...found];
        }"""
    )
    assert len(pairs) > 5
    for pair in pairs:
        light, dark = sorted((luminance(colour) for colour in pair.split("|")), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, pair


def test_nothing_moves_by_itself(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    moving = page.evaluate(
        """[...document.querySelectorAll('*')].filter((element) => {
          const style = getComputedStyle(element);
          return style.scrollBehavior !== 'auto' || style.animationName !== 'none'
            || style.transitionDuration.split(', ').some((time) => parseFloat(time) > 0);
        }).length"""
    )
    assert moving == 0


def test_hostile_texts_are_shown_as_text(opened: Opened, tmp_path: Path) -> None:
    study = plant_hostile_texts(StudyResults(tmp_path)).write()
    study.write_site()
    page = opened.open(study.site / "index.html")
    page.wait_for_load_state("load")
    assert page.evaluate("window.hacked") is None
    assert page.locator("script").count() == 1
    assert page.locator("img[src='x']").count() == 0
    assert opened.errors == []
    assert "<script>window.hacked = 1</script>" in page.locator("h1").inner_text()
    assert "{{ 7 * 7 }}" in page.locator("#outcomes figcaption").first.inner_text()
    page.locator("#warnings").evaluate("(fold) => { fold.open = true; }")
    assert "<img src=x" in page.locator("#warnings li").first.inner_text()
    assert "<script>" in page.locator("#exclusions td").first.locator("xpath=..").inner_text()
    wide, visible = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide == visible


def test_a_script_that_is_not_the_page_s_own_does_not_run(opened: Opened, site: Path) -> None:
    page = opened.open(site)
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.hacked = 1';
          document.body.append(script);
          document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.hacked=2">');
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in error for error in opened.errors)
