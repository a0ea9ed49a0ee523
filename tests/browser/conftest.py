"""A real Chromium for the review page, and pages that note what goes wrong in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.unit.review_results import StudyResults, plant_faults

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = (1440, 820)


@dataclass
class Opened:
    """A page with the requests it made and the errors it reported."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, index: Path) -> Page:
        """Open a file as a double click does."""
        self.page.goto(index.resolve().as_uri())
        return self.page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; tests that need it skip without one."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(NAMES)})")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(params=WIDTHS)
def opened(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """An empty page, in both widths the site is made for."""
    page = browser.new_page(viewport={"width": request.param, "height": 1000})
    record = Opened(page)
    page.on("request", lambda each: record.requests.append(each.url))
    page.on("pageerror", lambda error: record.errors.append(str(error)))
    page.on(
        "console",
        lambda message: record.errors.append(message.text) if message.type == "error" else None,
    )
    yield record
    page.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a study in which one of everything went wrong."""
    study = StudyResults(tmp_path_factory.mktemp("site"), analytes=("5-HT", "DA", "NE"))
    plant_faults(study).write().write_site()
    return study.site / "index.html"
