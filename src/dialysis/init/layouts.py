"""Text files and Excel sheets with points in columns: where the times and signals are."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialysis.errors import StudyError, problems_text
from dialysis.ingest.layout import DELIMITERS
from dialysis.ingest.reader import BadExport
from dialysis.ingest.text import any_text, decoded
from dialysis.study.config import default_section, read_config

TEXT_ENDINGS = (".csv", ".txt", ".tsv", ".dat", ".asc", ".prn")
EXCEL_ENDINGS = (".xlsx", ".xlsm")
SKELETON = """\
  ingest:
    format: delimited           # or excel
    delimited:
      delimiter: semicolon      # or tab, comma, blank
      header_rows: 1            # rows above the first point
      time_column: 1
      signals:
        - {column: 2, channel: ECD, unit: nA}
"""
# A table of points has at least so many; fewer may be a table of anything.
_LEAST_POINTS = 100
_MOST_HEADER_ROWS = 200
_LOOKED_AT = 400
_NUMBER = re.compile(r"[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?")
_UNIT = r"[pnµμum]?A|[nµμum]?V|m?AU|nRIU"
_WITH_UNIT = re.compile(r"(?P<name>.*?)\s*[\[(]\s*(?P<unit>[^\])]+?)\s*[\])]")
_TIME = re.compile(
    r"(?:ret(?:ention)?\.?\s*|r\.?\s*)?(?:time|zeit|temps|tiempo|t|min|sec|s)\b.*", re.I
)
_MINUTES = re.compile(r"min(?:utes?|uten)?\.?", re.I)
_SECONDS = re.compile(r"s(?:ec(?:onds?)?|ek(?:unden)?)?\.?", re.I)


@dataclass(frozen=True)
class ProposedLayout:
    """A layout as section `ingest` of study.yaml declares it, and in words.

    Parameters
    ----------
    ingest : mapping
        Options that are not the defaults.
    files : tuple of str
        Files of that kind.
    words : str
        What was taken for what.
    """

    ingest: Mapping[str, Any]
    files: tuple[str, ...]
    words: str


def propose_layout(folder: Path, files: Sequence[str]) -> ProposedLayout | None:
    """Find times and signals in tables of points that say nothing about themselves.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    files : sequence of str
        Files that no reader recognises.

    Returns
    -------
    ProposedLayout or None
        Of the commonest kind of file, after its first file; ``None`` where that is no table of
        points: rows of equally many cells, one column of which rises by equal steps.
    """
    endings = Counter(
        ending
        for name in files
        if (ending := Path(name).suffix.lower()) in (*TEXT_ENDINGS, *EXCEL_ENDINGS)
    )
    if not endings:
        return None
    ending = endings.most_common(1)[0][0]
    alike = tuple(sorted(name for name in files if Path(name).suffix.lower() == ending))
    path = folder / alike[0]
    if ending in EXCEL_ENDINGS:
        tables = {"excel": _sheet_rows(path)}
    else:
        try:
            text = decoded(any_text(path.read_bytes())).removeprefix("\ufeff")
        except (OSError, BadExport):
            return None
        lines = text.split("\n")
        tables = {
            key: [line.split() if mark == " " else line.split(mark) for line in lines]
            for key, mark in DELIMITERS.items()
            if mark in ("\t", ";")
        }
        tables |= {"comma": [line.split(",") for line in lines]}
        tables |= {"blank": [line.split() for line in lines]}
    for key, rows in tables.items():
        found = _located(key, rows)
        if found is not None:
            return ProposedLayout(found[0], alike, found[1])
    return None


def _sheet_rows(path: Path) -> list[list[str]]:
    """Cells of the first sheet as texts; none when it can't be read."""
    import zipfile

    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return []
    try:
        rows = itertools.islice(
            book.worksheets[0].iter_rows(values_only=True), _MOST_HEADER_ROWS + _LOOKED_AT
        )
        return [["" if cell is None else str(cell) for cell in row] for row in rows]
    finally:
        book.close()


def _located(key: str, rows: Sequence[Sequence[str]]) -> tuple[dict[str, Any], str] | None:
    """Section `ingest` and its words for rows of cells; ``None`` when they are no points."""
    cells = [[cell.strip().strip('"').strip() for cell in row] for row in rows]
    header_rows = next((n for n, row in enumerate(cells) if _is_point(row)), len(cells))
    points = cells[header_rows : header_rows + _LOOKED_AT]
    points = list(itertools.takewhile(lambda row: len(row) == len(points[0]), points))
    if header_rows > _MOST_HEADER_ROWS or len(points) < _LEAST_POINTS:
        return None
    numeric = [at for at, column in enumerate(zip(*points, strict=True)) if all(map(_is, column))]
    numbers = {at: _numbers([row[at] for row in points]) for at in numeric}
    rising = [at for at in numeric if _rises_evenly(numbers[at])]
    names = [_heading(cells[:header_rows], at) for at in range(len(points[0]))]
    timed = [at for at in rising if _TIME.fullmatch(names[at][0]) or _time_unit(names[at][1])]
    broken = [at for at in rising if any("." in row[at] or "," in row[at] for row in points)]
    candidates = timed or broken or rising
    signals = [at for at in numeric if at not in rising]
    if not candidates or not signals:
        return None
    time = candidates[0]
    unit = _time_unit(names[time][1]) or _time_unit(names[time][0])
    columns = [
        {"column": at + 1}
        | ({"channel": names[at][0]} if names[at][0] else {})
        | ({"unit": names[at][1]} if names[at][1] else {})
        for at in signals
    ]
    layout = {"header_rows": header_rows, "time_column": time + 1, "signals": columns}
    if key != "excel":
        layout = {"delimiter": key, **layout}
    ingest = {"format": "excel" if key == "excel" else "delimited"}
    return (
        ingest | ({"time_unit": unit} if unit else {}) | {"delimited": layout},
        _words(key, header_rows, _shown(time, names, unit), [_shown(at, names) for at in signals]),
    )


def _words(key: str, header_rows: int, time: str, signals: Sequence[str]) -> str:
    between = {
        "excel": "first sheet",
        "tab": "TABs between cells",
        "comma": "commas between cells",
        "semicolon": "semicolons between cells",
        "blank": "blanks between cells",
    }[key]
    above = f"{header_rows} row{'' if header_rows == 1 else 's'} above the points"
    return f"{between}, {above}; times in {time}, signal in {', '.join(signals)}"


def _shown(at: int, names: Sequence[tuple[str, str]], unit: str = "") -> str:
    name, own = names[at]
    named = f" '{name}'" if name else ""
    given = unit or own
    return f"column {at + 1}{named}{f' ({given})' if given else ''}"


def _is(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell))


def _is_point(row: Sequence[str]) -> bool:
    return sum(map(_is, row)) >= 2 and (_is(row[0]) or _is(row[1]))


def _numbers(cells: Iterable[str]) -> list[float]:
    """Numbers with a point or comma; thousands marks don't matter for whether they rise."""
    texts = [cell.replace(",", ".") for cell in cells]
    return [float(text) if text.count(".") < 2 else float("nan") for text in texts]


def _rises_evenly(values: Sequence[float]) -> bool:
    steps = [b - a for a, b in itertools.pairwise(values)]
    usual = statistics.median(steps)
    return usual > 0 and all(0.5 * usual <= step <= 1.5 * usual for step in steps)


def _heading(above: Sequence[Sequence[str]], at: int) -> tuple[str, str]:
    """Name and unit of a column, from the last header row, or from the last two."""
    rows = [row[at] if at < len(row) else "" for row in above[-2:]]
    last = rows[-1] if rows else ""
    if re.fullmatch(rf"[\[(]?(?:{_UNIT})[\])]?", last) or _time_unit(last.strip("[]()")):
        first = rows[0] if len(rows) > 1 and len(above[-2]) == len(above[-1]) else ""
        return (first or ("" if _time_unit(last) else last)), last.strip("[]()")
    match = _WITH_UNIT.fullmatch(last)
    return (match["name"], match["unit"]) if match else (last, "")


def _time_unit(text: str) -> str:
    if _MINUTES.fullmatch(text):
        return "min"
    return "s" if _SECONDS.fullmatch(text) else ""


def read_layout(path: Path) -> ProposedLayout:
    """Read section `ingest` of a YAML file, which may be another study's study.yaml.

    Raises
    ------
    StudyError
        Naming every option that can't be read.
    """
    if not path.is_file():
        raise StudyError(f"--layout {path}: found no such file; expected one like\n{SKELETON}")
    config, problems = read_config(path, path.name, only="ingest")
    if problems:
        raise StudyError(problems_text(problems, f"--layout {path} can't be used"))
    usual = default_section("ingest")
    said = {name: value for name, value in config["ingest"].items() if value != usual[name]}
    said.pop("start", None)
    if said.get("format", "auto") == "auto" and "delimited" in said:
        raise StudyError(
            f"--layout {path}: found ingest.delimited without a format; expected ingest.format: "
            "delimited, or excel."
        )
    return ProposedLayout(said, (), f"as {path.name} declares")
