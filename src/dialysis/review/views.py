"""Tables as a page shows them: cells of text with what they sort by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dialysis.review.numbers import MISSING, fixed, is_missing, number, p_value


@dataclass(frozen=True)
class Cell:
    """One cell.

    Parameters
    ----------
    text : str
        What is printed.
    sort : str
        What the column is sorted by when it differs from the text; a plain number for numbers.
    mark : str
        Printed after the text, raised: stars.
    under : str
        Printed below the text, small.
    status : str
        Class of a badge, one of `STATUSES` with ``-`` for the space; empty for plain text.
    tone : str
        ``"muted"``, ``"strong"`` or ``"alert"``: quieter or louder text.
    code : bool
        Whether the text is a hash, a file or another name to be printed monospaced.
    """

    text: str
    sort: str | None = None
    mark: str = ""
    under: str = ""
    status: str = ""
    tone: str = ""
    code: bool = False


@dataclass(frozen=True)
class Heading:
    """The heading of a column.

    Parameters
    ----------
    text : str
        With the unit.
    numeric : bool
        Aligned to the right, sorted by value.
    wide : bool
        Holds sentences.
    """

    text: str
    numeric: bool = False
    wide: bool = False


@dataclass(frozen=True)
class TableView:
    """A table as the page shows it.

    Parameters
    ----------
    name : str
        Unique on the page; anchors and labels hang on it.
    caption : str
        What a row is and what to know about the columns.
    headings : tuple of Heading
        One per column.
    rows : tuple of tuple of Cell
        Those that are shown.
    total : int
        How many rows there are.
    file : str
        The whole table as CSV, relative to the page; may be empty.
    tools : bool
        Whether it can be filtered and sorted.
    row_heads : int
        How many columns at the left name the row.
    """

    name: str
    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    file: str = ""
    tools: bool = False
    row_heads: int = 1


@dataclass(frozen=True)
class Show:
    """How one column of a frame is shown.

    Parameters
    ----------
    column : str
        Name in the frame.
    heading : str
        On the page, with the unit.
    kind : str
        ``text``, ``number`` (three significant digits), ``short`` (no trailing zeros), ``p``,
        ``status``, ``yesno``, ``code`` or ``fixedN`` (N decimals).
    """

    column: str
    heading: str
    kind: str = "text"


# From the worst to the best, which is how a column of them is sorted.
STATUSES = ("FAIL", "WARN", "left out", "NA", "note", "PASS")

# A column is given room when a cell of it has more characters than this.
WIDE = 36


def text_cell(value: Any, tone: str = "") -> Cell:
    """A cell of text; a dash where there is none."""
    if is_missing(value):
        return Cell(MISSING, sort="", tone="muted")
    return Cell(str(value), tone=tone)


def number_cell(value: Any, text: str | None = None, **more: Any) -> Cell:
    """A cell of a number, sorted by its value; a dash where there is none."""
    if is_missing(value):
        return Cell(MISSING, **(more | {"sort": "", "tone": "muted"}))
    return Cell(number(value) if text is None else text, sort=f"{float(value):.10g}", **more)


def status_cell(value: str) -> Cell:
    """A cell with a badge, sorted from the worst."""
    if value not in STATUSES:
        return text_cell(value)
    return Cell(value, sort=str(STATUSES.index(value)), status=value.replace(" ", "-"))


def column_cells(series: pd.Series, kind: str) -> list[Cell]:
    """Make the cells of a column."""
    values = series.tolist()
    if kind == "number":
        return [number_cell(v) for v in values]
    if kind == "short":
        return [number_cell(v, None if is_missing(v) else f"{v:.4g}") for v in values]
    if kind == "p":
        return [number_cell(v, None if is_missing(v) else p_value(v)) for v in values]
    if kind.startswith("fixed"):
        decimals = int(kind.removeprefix("fixed"))
        return [number_cell(v, None if is_missing(v) else fixed(v, decimals)) for v in values]
    if kind == "status":
        return [status_cell(str(v)) for v in values]
    if kind == "yesno":
        return [text_cell(None if is_missing(v) else "yes" if v else "no") for v in values]
    if kind == "code":
        return [text_cell(None) if is_missing(v) else Cell(str(v), code=True) for v in values]
    return [text_cell(v) for v in values]


def heading_of(text: str, cells: Sequence[Cell], numeric: bool = False) -> Heading:
    """Heading of a column, wide where its cells hold sentences."""
    return Heading(text, numeric, wide=any(len(c.text) > WIDE and not c.code for c in cells))


def is_numeric(kind: str) -> bool:
    """Tell whether a column of this kind holds numbers."""
    return kind in ("number", "short", "p") or kind.startswith("fixed")


def frame_view(
    name: str,
    caption: str,
    frame: pd.DataFrame,
    shown: Sequence[Show],
    max_rows: int,
    *,
    file: str = "",
    tools: bool = False,
    row_heads: int = 1,
) -> TableView:
    """Show a frame, cut at the most rows a page shows.

    Parameters
    ----------
    name, caption, file, tools, row_heads
        As in `TableView`.
    frame : DataFrame
        In the order it is shown.
    shown : sequence of Show
        Its columns; those that are empty throughout are left out, but for the row's names.
    max_rows : int
        Most rows that are shown.
    """
    kept = [
        show
        for position, show in enumerate(shown)
        if position < row_heads or not frame[show.column].map(is_missing).all()
    ]
    head = frame.iloc[:max_rows]
    columns = [column_cells(head[show.column], show.kind) for show in kept]
    return TableView(
        name=name,
        caption=caption,
        headings=tuple(
            heading_of(show.heading, cells, is_numeric(show.kind))
            for show, cells in zip(kept, columns, strict=True)
        ),
        rows=tuple(zip(*columns, strict=True)) if len(head) else (),
        total=len(frame),
        file=file,
        tools=tools,
        row_heads=row_heads,
    )


def matrix_view(
    name: str,
    caption: str,
    row_names: Sequence[str],
    column_headings: Sequence[str],
    cells: Sequence[Sequence[Cell]],
    *,
    corner: str,
    file: str = "",
) -> TableView:
    """Show a table whose rows and columns are both names (group × time)."""
    headings = (Heading(corner), *(Heading(text, numeric=True) for text in column_headings))
    rows = tuple((Cell(row_name), *row) for row_name, row in zip(row_names, cells, strict=True))
    return TableView(name, caption, headings, rows, len(rows), file=file)
