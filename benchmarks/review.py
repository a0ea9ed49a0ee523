"""The review site of a made-up study of 3,000 injections, or of a study's results: size and speed.

    python -m benchmarks.review                    3,000 made-up injections, in a temporary folder
    python -m benchmarks.review results/demo/review   a site that is there

Prints the size of the site, of its biggest chunk, the CPU time to write it, and for each kind of
page the time until it is drawn in the system's Chromium, the median of three fresh browsers' pages.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def made_up(root: Path) -> Path:
    """Write the results of a study of 3,000 injections and its site; return the site."""
    from tests.unit.review_results import StudyResults

    analytes = ("5-HT", "DA", "NE", "DOPAC", "5-HIAA", "HVA")
    study = StudyResults(root, animals_per_group=66, animals_per_run=8, analytes=analytes)
    print(f"{len(study.tables['injections'])} injections")
    study.write()
    start = time.process_time()
    study.write_site()
    print(f"site written in {time.process_time() - start:.1f} s CPU")
    return study.site


def report(site: Path) -> None:
    """Print sizes, and times in Chromium where there is one."""
    sizes = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    chunk = max((path for path in sizes if path.parent.name == "chunks"), key=sizes.__getitem__)
    whole, biggest = sum(sizes.values()) / 1e6, sizes[chunk] / 1e6
    print(f"{whole:.1f} MB, biggest chunk {chunk.name} {biggest:.2f} MB")
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        print("no Chromium, no times")
        return
    text = (site / "chunks" / "index.js").read_text(encoding="utf-8")
    index = json.loads(text.partition(",")[2].removesuffix(");\n"))
    text = (site / "chunks" / "injections.js").read_text(encoding="utf-8")
    injection = next(iter(json.loads(text.partition(",")[2].removesuffix(");\n"))))
    routes = ["", f"outcome/{index['outcomes'][0]['slug']}", f"animal/{index['animals'][-1]['id']}"]
    routes += [f"run/{index['runs'][-1]['id']}"] if index["runs"] else []
    routes += [f"trace/{injection}", "flags", "changes", "provenance"]
    for route, seconds in page_times(found, site / "index.html", routes).items():
        print(f"{seconds:6.2f} s  {route or 'overview'}")


def page_times(chromium: str, index: Path, routes: list[str]) -> dict[str, float]:
    """Seconds from opening a page to all of it being drawn."""
    from playwright.sync_api import sync_playwright

    times = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for route in routes:
            took = []
            for _ in range(3):
                page = browser.new_page(viewport={"width": 1440, "height": 1000})
                place = f"#/{route}" if route else ""
                start = time.perf_counter()
                page.goto(f"{index.resolve().as_uri()}{place}")
                page.wait_for_selector(f"main[data-page='{place}']:not([aria-busy])")
                took.append(time.perf_counter() - start)
                page.close()
            times[route] = statistics.median(took)
        browser.close()
    return times


def main() -> None:
    """Report on a site that is given, or on a made-up one."""
    if sys.argv[1:]:
        report(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as scratch:
        report(made_up(Path(scratch)))


if __name__ == "__main__":
    main()
