"""Write the reference pages of docs/ from the schemas: `python -m dialysis.reference`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dialysis.files import write_text
from dialysis.study.config import load_schema
from dialysis.tables import Table
from dialysis.tables import ingest as ingest_tables
from dialysis.tables import inputs as input_tables
from dialysis.tables import integrate as integrate_tables
from dialysis.tables import normalize as normalize_tables
from dialysis.tables import quantify as quantify_tables
from dialysis.tables import stats as stats_tables

DOCS = Path(__file__).resolve().parents[2] / "docs"

_MADE = "<!-- Made from the schemas by `python -m dialysis.reference`; edit those instead. -->"


def config_reference() -> str:
    """Return the page on every option of study.yaml, as Markdown."""
    schema = load_schema()
    lines = [
        "# Options of study.yaml",
        "",
        _MADE,
        "",
        f"{schema['description']} A section or option that is left out has its default.",
    ]
    for section, part in schema["properties"].items():
        lines += ["", f"## {section}", "", part["description"], ""]
        lines += ["| option | value | default | meaning |", "|---|---|---|---|"]
        for name, option in _options(part):
            default = "required" if "default" not in option else _value(option["default"])
            lines.append(
                f"| `{name}` | {_kind(option)} | {default} | {_cell(option['description'])} |"
            )
    return "\n".join(lines) + "\n"


def _options(part: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, option in part.get("properties", {}).items():
        if "properties" in option:
            yield from _options(option, f"{prefix}{name}.")
            continue
        yield f"{prefix}{name}", option
        if "properties" in option.get("items", {}):
            yield from _options(option["items"], f"{prefix}{name}[].")


def _kind(option: Mapping[str, Any]) -> str:
    if "enum" in option:
        return ", ".join(f"`{value}`" for value in option["enum"])
    types = option["type"]
    words = [types] if isinstance(types, str) else list(types)
    text = " or ".join(words)
    bounds = []
    if "minimum" in option:
        bounds.append(f"≥ {option['minimum']:g}")
    if "exclusiveMinimum" in option:
        bounds.append(f"> {option['exclusiveMinimum']:g}")
    if "maximum" in option:
        bounds.append(f"≤ {option['maximum']:g}")
    if "exclusiveMaximum" in option:
        bounds.append(f"< {option['exclusiveMaximum']:g}")
    return f"{text}, {', '.join(bounds)}" if bounds else text


def _value(value: object) -> str:
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value in ("", [], {}):
        return "empty"
    return f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def tables_reference() -> str:
    """Return the page on every column of every table, as Markdown."""
    lines = ["# Tables", "", _MADE, "", "## Filled in by the lab: config/\\<study\\>/", ""]
    lines.append(
        "UTF-8 CSV, or one workbook (`.xlsx`) with a sheet for each table. animals, injections and "
        "analytes are needed; "
        "standards, unless the study works on uncalibrated responses; the others where they apply. "
        "A study that starts from areas or concentrations (`ingest.start`) needs that table "
        "instead of exports. How cells may be written: [how to](howto.md#fill-in-the-tables)."
    )
    for table in input_tables.INPUT_TABLES:
        lines += _table_lines(table, f"{table.name}.csv")
    for stage, module in (
        ("ingest", ingest_tables),
        ("integrate", integrate_tables),
        ("quantify", quantify_tables),
        ("normalize", normalize_tables),
        ("stats", stats_tables),
    ):
        lines += ["", f"## Written by {stage}"]
        for table in vars(module).values():
            if isinstance(table, Table):
                lines += _table_lines(table, table.name)
    return "\n".join(lines) + "\n"


def _table_lines(table: Table, name: str) -> list[str]:
    lines = ["", f"### {name}", "", table.description]
    if table.key:
        lines[-1] += f" Key: {' × '.join(f'`{part}`' for part in table.key)}."
    lines += ["", "| column | kind | meaning |", "|---|---|---|"]
    for column in table.columns:
        kind = ", ".join(f"`{c}`" for c in column.choices) if column.choices else column.kind
        if column.required:
            kind = f"{kind}, required"
        lines.append(f"| `{column.name}` | {kind} | {_cell(column.description)} |")
    return lines


PAGES = {"reference-config.md": config_reference, "reference-tables.md": tables_reference}


def main() -> None:
    """Write every reference page."""
    for name, page in PAGES.items():
        write_text(DOCS / name, page())


if __name__ == "__main__":
    main()
