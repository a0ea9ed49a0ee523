"""Write a new study's files: every option with its default, every table, nothing overwritten."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dialysis.errors import StudyError
from dialysis.files import write_text
from dialysis.study.config import load_schema
from dialysis.study.sheets import write_workbook
from dialysis.tables.inputs import INPUT_TABLES

WORKBOOK = "tables.xlsx"
_WIDTH = 34

Rows = Sequence[Mapping[str, object]]


def study_yaml(values: Mapping[str, Any], heading: str) -> str:
    """Return a study.yaml with every option there is: those given set, others commented out.

    Parameters
    ----------
    values : mapping
        Options by section, nested as in the file.
    heading : str
        Comment at the top, one or more lines.
    """
    lines = [f"# {line}" for line in heading.splitlines()]
    for section, part in load_schema()["properties"].items():
        lines += ["", f"# {part['description']}", f"{section}:"]
        lines += _options(part, values.get(section, {}), "  ")
    return "\n".join(lines) + "\n"


def _options(part: Mapping[str, Any], given: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, option in part.get("properties", {}).items():
        if "properties" in option:
            yield f"{indent}{name}:"
            yield from _options(option, given.get(name, {}), f"{indent}  ")
            continue
        set_here = name in given
        value = given[name] if set_here else option.get("default", "")
        text = f"{indent}{'' if set_here else '# '}{name}: {_yaml(value)}"
        yield f"{text:<{_WIDTH}} # {option['description']}"


def _yaml(value: object) -> str:
    """A value in one line; JSON is YAML."""
    if (
        isinstance(value, str)
        and value
        and value.replace("_", "").isalnum()
        and not value[0].isdigit()
    ):
        return value
    return json.dumps(value, ensure_ascii=False)


def line_of(text: str, *path: str) -> int:
    """Line of an option in the text of `study_yaml`, commented out or not."""
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip().removeprefix("# ")
        indent = len(line) - len(line.lstrip())
        if indent == 2 * depth and bare.startswith(f"{path[depth]}:"):
            depth += 1
            if depth == len(path):
                return number
    raise KeyError(".".join(path))


def write_study_files(
    folder: Path, texts: Mapping[str, str], tables: Mapping[str, Rows], workbook: bool
) -> list[str]:
    """Write config/<study>/ at once, or nothing.

    Parameters
    ----------
    folder : Path
        Where to; must not be there.
    texts : mapping of str to str
        Files that are no tables.
    tables : mapping of str to rows
        Tables by name; the columns are those of the first row.
    workbook : bool
        Whether the tables go into one workbook.

    Returns
    -------
    list of str
        Names of the files.

    Raises
    ------
    StudyError
        If the folder is there: nothing is ever overwritten.
    """
    refuse_existing(folder)
    made = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        made.mkdir(parents=True)
        for name, text in texts.items():
            write_text(made / name, text)
        if workbook:
            write_workbook(made / WORKBOOK, ((n, _typed(n, rows)) for n, rows in tables.items()))
        else:
            for name, rows in tables.items():
                write_text(made / f"{name}.csv", _csv(rows))
        refuse_existing(folder)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return sorted(path.name for path in folder.iterdir())


def refuse_existing(folder: Path) -> None:
    """Refuse a study that is there.

    Raises
    ------
    StudyError
        If there is such a folder.
    """
    if folder.exists():
        files = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise StudyError(
            f"config/{folder.name}/: found a study of that name ({files}); expected none, because "
            "tables are never overwritten. Take another name, or move that folder away."
        )


def _cells(rows: Rows) -> list[list[object]]:
    return [list(rows[0]), *(list(row.values()) for row in rows if any(row.values()))]


def _typed(table: str, rows: Rows) -> list[list[object]]:
    """Cells of a sheet; numbers are numbers there, so that a spreadsheet counts with them."""
    kinds = {c.name: c.kind for t in INPUT_TABLES if t.name == table for c in t.columns}
    # Texts that may be bounds as well.
    kinds["concentration"] = "number"
    header, *lines = _cells(rows)
    return [
        header,
        *(
            [
                _number(cell) if kinds.get(str(name)) in ("number", "integer") else cell
                for name, cell in zip(header, line, strict=True)
            ]
            for line in lines
        ),
    ]


def _number(cell: object) -> object:
    """The number that a text is, or the text."""
    if not isinstance(cell, str):
        return cell
    try:
        value = float(cell)
    except ValueError:
        return cell
    return int(value) if value.is_integer() else value


def _csv(rows: Rows) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for cells in _cells(rows):
        writer.writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()
