"""The lab's own list of animals: a sheet whose columns have other names than ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from dialysis.errors import Problem, StudyError, problems_text
from dialysis.study.cells import plain_number
from dialysis.study.sheets import Sheet, read_csv_sheet, read_workbook
from dialysis.study.tables import notes_of, read_sheet
from dialysis.tables.inputs import ANIMALS

_NAMES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: frozenset(words.split())
        for name, words in (
            (
                "animal_id",
                "animal_id animal animals rat rats mouse mice ratte maus tier subject id",
            ),
            ("drug", "drug treatment group compound substance substanz behandlung gruppe"),
            ("dose", "dose dosis"),
            ("dose_unit", "dose_unit unit einheit"),
            ("route", "route applikation administration"),
            ("pretreatment", "pretreatment vorbehandlung"),
            ("control", "control vehicle kontrolle vehikel"),
            ("sex", "sex gender geschlecht"),
            ("strain", "strain stamm"),
            ("weight_g", "weight_g weight gewicht bw body_weight"),
            ("cohort", "cohort batch kohorte"),
            ("randomised", "randomised randomized randomisiert"),
            ("blinded", "blinded verblindet"),
        )
    }
)
_UNIT = re.compile(r"(.+?)\s*[\[(]\s*([^\])]+?)\s*[\])]")


@dataclass(frozen=True)
class AnimalList:
    """Rows of the lab's list, as the animals table has them.

    Parameters
    ----------
    rows : mapping of str to mapping of str to str
        Cells by animal as the list names it.
    notes : tuple of str
        What was understood, and which columns are not used.
    """

    rows: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...] = ()


def read_animal_list(path: Path) -> AnimalList:
    """Read a CSV file or the first sheet of a workbook that has a column of animals.

    Raises
    ------
    StudyError
        If there is none, or naming every cell that can't be read.
    """
    if not path.is_file():
        raise StudyError(f"--animals {path}: found no such file; expected a CSV file or workbook.")
    problems: Sequence[Problem] = ()
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        sheets = [read_csv_sheet(path, path.name)]
    else:
        pages, problems = read_workbook(path, path.name)
        sheets = list(pages.values())
    for sheet in sheets:
        problems = (*problems, *sheet.problems)
        renamed, notes = _renamed(sheet)
        if renamed is not None and not sheet.problems:
            return _read(renamed, notes)
    if problems:
        raise StudyError(problems_text(problems, f"--animals {path} can't be read"))
    raise StudyError(
        f"--animals {path}: found no column of animals in the first row; expected one called "
        "animal, rat, mouse or id, and others like treatment (or group), dose, sex, weight."
    )


def _renamed(sheet: Sheet) -> tuple[Sheet | None, list[str]]:
    """The sheet with our columns' names; ``None`` without a column of animals."""
    filled = [(line, cells) for line, cells in sheet.rows if any(cells)]
    if not filled:
        return None, []
    units: dict[str, str] = {}
    columns: dict[int, str] = {}
    left = []
    for at, cell in enumerate(filled[0][1]):
        match = _UNIT.fullmatch(cell)
        key = re.sub(r"[\s.-]+", "_", (match[1] if match else cell).casefold()).strip("_")
        name = next((name for name, words in _NAMES.items() if key in words), "")
        if not name or name in columns.values():
            left += [cell] if cell else []
            continue
        columns[at] = name
        if match and name == "dose":
            units["dose_unit"] = match[2]
    if "animal_id" not in columns.values():
        return None, []
    needed = [name for name in ("drug", "dose", "dose_unit") if name not in columns.values()]
    header = (*columns.values(), *needed)
    rows: list[tuple[int, tuple[str, ...]]] = [(filled[0][0], header)]
    for line, cells in filled[1:]:
        own = [cells[at] if at < len(cells) else "" for at in columns]
        rows.append((line, (*own, *(units.get(name, "") for name in needed))))
    notes = [f"{sheet.shown}: not used: {', '.join(left)}"] if left else []
    return replace(sheet, rows=tuple(rows)), notes


def _read(sheet: Sheet, notes: Sequence[str]) -> AnimalList:
    read = read_sheet(sheet, ANIMALS)
    if read.problems:
        raise StudyError(problems_text(read.problems, f"--animals: {sheet.shown} can't be used"))
    rows = {}
    for row in read.frame.to_dict("records"):
        cells = {name: _cell(value) for name, value in row.items()}
        rows[cells["animal_id"]] = cells
    return AnimalList(rows, (*notes_of(read.understood), *notes))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else plain_number(value)
    return str(value)


def match_animals(listed: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Animal of the list for every animal of the sample names that it has.

    Names are the same in any letters; where they are not, numbers alone tell (11 is M11 and Rat 11)
    if that is so for one animal only.
    """
    folded = {name.casefold(): name for name in listed}
    by_number: dict[str, list[str]] = {}
    for name in listed:
        by_number.setdefault(_number(name), []).append(name)
    known_numbers = [_number(name) for name in known]
    found = {}
    for name in known:
        if name.casefold() in folded:
            found[name] = folded[name.casefold()]
            continue
        number = _number(name)
        alike = by_number.get(number, [])
        if number and len(alike) == 1 and known_numbers.count(number) == 1:
            found[name] = alike[0]
    return found


def _number(name: str) -> str:
    digits = re.findall(r"\d+", name)
    return str(int(digits[0])) if len(digits) == 1 else ""
