"""Tables as GraphPad Prism takes them: groups across, their animals as columns below."""

from __future__ import annotations

from typing import Any

import pandas as pd

HEADER_ROWS = 2


def grouped_table(rows: pd.DataFrame) -> list[list[Any]]:
    """Individual values as a table of times × animals.

    Parameters
    ----------
    rows : DataFrame
        `dialysis.tables.figures.FIGURE_DATA` with individual values over time.

    Returns
    -------
    list of list
        A row of group names, one above each of its animals (Prism's column titles); a row of
        animals; then a row per time, the mean time of the fraction (min) first.  Missing values
        are None.  Several probes of an animal are averaged.
    """
    values = rows[rows["row"] == "individual"]
    heads = rows[rows["row"] == "group"].sort_values("group_order")
    by_animal = values.groupby(["group", "animal_id", "time_index"])["value"].mean()
    times = values.groupby("time_index")["time_min"].mean().sort_index()
    groups: list[Any] = [""]
    animals: list[Any] = ["Time (min)"]
    keys: list[tuple[str, str]] = []
    for group, label in zip(heads["group"], heads["group_label"], strict=True):
        for animal in sorted(values.loc[values["group"] == group, "animal_id"].unique()):
            groups.append(label)
            animals.append(animal)
            keys.append((group, animal))
    found = by_animal.to_dict()
    body = [
        [
            round(float(time), 3),
            *(_number(found.get((group, animal, index))) for group, animal in keys),
        ]
        for index, time in times.items()
    ]
    return [groups, animals, *body]


def column_table(rows: pd.DataFrame) -> list[list[Any]]:
    """Individual values, one per animal, as a table with a column per group."""
    values = rows[rows["row"] == "individual"]
    heads = rows[rows["row"] == "group"].sort_values("group_order")
    by_animal = values.groupby(["group", "animal_id"])["value"].mean()
    columns = [
        [float(v) for v in by_animal.loc[group]] if group in by_animal.index else []
        for group in heads["group"]
    ]
    longest = max((len(column) for column in columns), default=0)
    body = [[c[k] if k < len(c) else None for c in columns] for k in range(longest)]
    return [list(heads["group_label"]), *body]


def csv_of(table: list[list[Any]]) -> str:
    """A table as CSV: ten significant digits, empty cells for what is missing."""
    import csv
    from io import StringIO

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in table:
        writer.writerow([f"{v:.10g}" if isinstance(v, float) else v for v in row])
    return text.getvalue()


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
