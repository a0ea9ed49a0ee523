"""What the page shows of where results come from: raw files, versions, options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dialysis.review.names import table_file
from dialysis.review.numbers import listing
from dialysis.review.results import Results
from dialysis.review.views import Show, TableView, frame_view
from dialysis.study.start import quantifies, reads_exports


def files_view(results: Results) -> TableView:
    """Raw files with their sha256."""
    files = results.manifest.groupby(["run", "file", "sha256"], sort=False, as_index=False).agg(
        injections=("injection_id", lambda ids: listing(list(dict.fromkeys(ids)), most=2)),
        size_bytes=("size_bytes", "first"),
        format=("format", "first"),
        injected_at=("injected_at", "first"),
        sample_name=("sample_name", lambda names: listing(list(dict.fromkeys(names)), most=2)),
    )
    if not reads_exports(results.start):
        files = _given_table(results)
    return frame_view(
        "raw-files",
        f"Raw files as they were read, relative to raw/{results.name}/."
        if reads_exports(results.start)
        else "The table the study starts from; sha256 of its content as it was understood.",
        files,
        [
            Show("file", "File", "code"),
            Show("sha256", "sha256", "code"),
            Show("run", "Run"),
            Show("injections", "Injection"),
            Show("sample_name", "Sample name in the file"),
            Show("injected_at", "Injected at"),
            Show("format", "Format"),
            Show("size_bytes", "Bytes", "fixed0"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("manifest") if reads_exports(results.start) else "",
        tools=True,
    )


def _given_table(results: Results) -> pd.DataFrame:
    """The table of areas or concentrations, as the sidecar of its stage has it."""
    stage = "quantify" if quantifies(results.start) else "normalize"
    rows = [
        {"file": f"config/{results.name}/{results.start}.csv", "sha256": digest}
        for name, digest in results.sidecars.get(stage, {}).get("stamps", {}).items()
        if name.endswith(f"/tables/{results.start}.csv")
    ]
    columns = ["file", "sha256", "run", "injections", "sample_name", "injected_at", "format"]
    return pd.DataFrame(rows, columns=[*columns, "size_bytes"])


def versions_view(results: Results) -> TableView:
    """Packages that made the results; more than one version of a package is named by stage."""
    seen: dict[str, dict[str, list[str]]] = {}
    for folder, sidecar in results.sidecars.items():
        for package, version in sidecar.get("versions", {}).items():
            seen.setdefault(str(package), {}).setdefault(str(version), []).append(folder)
    rows = [
        {
            "package": package,
            "version": version,
            "stages": ", ".join(dict.fromkeys(folder.split("/")[0] for folder in folders))
            if len(seen[package]) > 1
            else "all",
        }
        for package in sorted(seen)
        for version, folders in sorted(seen[package].items())
    ]
    return frame_view(
        "versions",
        "Versions of Python and of the packages that results depend on.",
        pd.DataFrame(rows, columns=["package", "version", "stages"]),
        [Show("package", "Package"), Show("version", "Version"), Show("stages", "Stages")],
        len(rows),
    )


def figures_view(results: Results) -> TableView:
    """Figures with their sha256, as their sidecars have it."""
    rows = [
        {"file": file, "folder": folder, "sha256": digest}
        for folder, sidecar in results.sidecars.items()
        if folder.startswith("figures/")
        for file, digest in sidecar.get("outputs", {}).items()
    ]
    return frame_view(
        "figure-files",
        "Figures and the files of their bundles, as the sidecars record them.",
        pd.DataFrame(rows, columns=["file", "folder", "sha256"]),
        [Show("file", "File", "code"), Show("folder", "Folder"), Show("sha256", "sha256", "code")],
        int(results.config["review"]["max_table_rows"]),
    )


def options_view(results: Results) -> TableView:
    """Options of study.yaml, those left at their defaults included."""
    rows = [
        {"section": section, "option": option, "value": value}
        for section, options in results.config.items()
        for option, value in flat_options(options)
    ]
    return frame_view(
        "options",
        "Options of study.yaml, with those that were left at their defaults.",
        pd.DataFrame(rows, columns=["section", "option", "value"]),
        [
            Show("section", "Section"),
            Show("option", "Option"),
            Show("value", "Value", "code"),
        ],
        len(rows),
        tools=True,
        row_heads=2,
    )


def flat_options(options: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Lay nested options out as dotted names and JSON values."""
    flat: list[tuple[str, str]] = []
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            flat += flat_options(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            flat.append((f"{prefix}{key}", text))
    return flat
