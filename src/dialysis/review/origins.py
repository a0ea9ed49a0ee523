"""The chunk of provenance: raw files, versions, options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dialysis.review.grids import grid
from dialysis.review.names import table_file
from dialysis.review.results import Results
from dialysis.study.start import quantifies, reads_exports
from dialysis.tables import Column, Table
from dialysis.words import shortened

FILES = Table(
    "files",
    "Raw files as they were read, relative to the study's folder under raw/.",
    (
        Column("file", "text", "Export file."),
        Column("sha256", "text", "Hash of its bytes; compare it with that of the archive."),
        Column("run", "text", "HPLC sequence."),
        Column("injections", "text", "Injections in it."),
        Column("sample_name", "text", "Sample name in the file."),
        Column("injected_at", "text", "Injection time, ISO 8601."),
        Column("format", "text", "Reader that read it."),
        Column("size_bytes", "integer", "Size."),
    ),
)
VERSIONS = Table(
    "versions",
    "Versions of Python and of the packages that results depend on.",
    (
        Column("package", "text", "Package."),
        Column("version", "text", "Version."),
        Column("stages", "text", "Stages that ran with it, where there are several versions."),
    ),
)
OUTPUTS = Table(
    "outputs",
    "Every file that a stage wrote, as its sidecar records it.",
    (
        Column("folder", "text", "Folder under results/."),
        Column("file", "text", "File."),
        Column("sha256", "text", "Hash of its bytes."),
    ),
)
OPTIONS = Table(
    "options",
    "Options of study.yaml, with those that were left at their defaults.",
    (
        Column("section", "text", "Section, the stage that reads it."),
        Column("option", "text", "Option."),
        Column("value", "text", "Value."),
    ),
)


def provenance_data(results: Results) -> dict[str, Any]:
    """Gather what the page of provenance shows."""
    exports = reads_exports(results.start)
    return {
        "tables": [
            grid(
                "raw-files",
                "Raw files" if exports else "The table the study starts from",
                FILES,
                _files(results),
                file=table_file("manifest") if exports else "",
            )
            | {"open": True},
            grid("versions", "Package versions", VERSIONS, _versions(results)) | {"open": False},
            grid("options", "Options of the study", OPTIONS, _options(results)) | {"open": False},
            grid("outputs", "Files of every stage", OUTPUTS, _outputs(results)) | {"open": False},
        ]
    }


def _files(results: Results) -> pd.DataFrame:
    if not reads_exports(results.start):
        return _given_table(results)
    return results.manifest.groupby(["run", "file", "sha256"], sort=False, as_index=False).agg(
        injections=("injection_id", lambda ids: shortened(list(dict.fromkeys(ids)), most=2)),
        size_bytes=("size_bytes", "first"),
        format=("format", "first"),
        injected_at=("injected_at", "first"),
        sample_name=("sample_name", lambda names: shortened(list(dict.fromkeys(names)), most=2)),
    )


def _given_table(results: Results) -> pd.DataFrame:
    """The table of areas or concentrations, as the sidecar of its stage has it."""
    stage = "quantify" if quantifies(results.start) else "normalize"
    rows = [
        {"file": f"config/{results.name}/{results.start}.csv", "sha256": digest}
        for name, digest in results.sidecars.get(stage, {}).get("stamps", {}).items()
        if name.endswith(f"/tables/{results.start}.csv")
    ]
    return FILES.coerce(pd.DataFrame(rows, columns=["file", "sha256"]))


def _versions(results: Results) -> pd.DataFrame:
    """More than one version of a package is named by stage."""
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
    return pd.DataFrame(rows, columns=VERSIONS.column_names)


def _outputs(results: Results) -> pd.DataFrame:
    rows = [
        {"folder": folder, "file": file, "sha256": digest}
        for folder, sidecar in results.sidecars.items()
        for file, digest in sidecar.get("outputs", {}).items()
    ]
    return pd.DataFrame(rows, columns=OUTPUTS.column_names)


def _options(results: Results) -> pd.DataFrame:
    rows = [
        {"section": section, "option": option, "value": value}
        for section, options in results.config.items()
        for option, value in flat_options(options)
    ]
    return pd.DataFrame(rows, columns=OPTIONS.column_names)


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
