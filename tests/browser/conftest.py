"""Pages of a real Chromium that note what goes wrong in them, and a review site to open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.unit.review_results import StudyResults, plant_faults

WIDTHS = (1440, 820)


@dataclass
class Opened:
    """A page with the requests it made and the errors it reported."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, index: Path, route: str = "") -> Page:
        """Open a page of the site as a double click or a link does, and wait until it is there."""
        place = f"#/{route}" if route else ""
        self.page.goto(f"{index.resolve().as_uri()}{place}")
        self.page.wait_for_selector(f"main[data-page='{place}']:not([aria-busy])")
        return self.page

    def chunks(self) -> list[str]:
        """Chunks of data that were loaded."""
        names = [url.rpartition("/")[2] for url in self.requests if "/chunks/" in url]
        return sorted({name.removesuffix(".js") for name in names})


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
    """The site of a study in which one of everything went wrong, ten rows of a table at a time."""
    study = StudyResults(tmp_path_factory.mktemp("site"), analytes=("5-HT", "DA", "NE"))
    study.config["review"]["max_table_rows"] = 10
    plant_faults(study).write().write_site()
    return study.site / "index.html"
