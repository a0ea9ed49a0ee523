"""Tables between stages: checked when written, the same when read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dialysis.errors import TableError
from dialysis.files import read_table, write_table
from dialysis.tables import (
    Column,
    Table,
    figures,
    ingest,
    inputs,
    integrate,
    normalize,
    quantify,
    stats,
)
from dialysis.tables._table import Kind

TABLE = Table(
    "demo",
    "One row per thing.",
    (
        Column("name", "text", "Name.", required=True),
        Column("number", "number", "A number.", minimum=0),
        Column("count", "integer", "A count."),
        Column("good", "flag", "Whether it is good.", required=True),
        Column("colour", "text", "A colour.", choices=("red", "blue")),
    ),
    key=("name",),
)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["a", "b", "c, d"],
            "number": [0.1, None, 1 / 3],
            "count": [1, None, 3],
            "good": [True, False, True],
            "colour": ["red", "", None],
        }
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_reads_back_as_it_was_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"demo.{ending}"
    write_table(frame(), path, TABLE)
    back = read_table(path, TABLE)
    assert [str(dtype) for dtype in back.dtypes] == ["str", "float64", "Int64", "boolean", "str"]
    expected = TABLE.coerce(frame())
    # CSV keeps ten significant digits
    assert np.allclose(back["number"], expected["number"], rtol=1e-9, equal_nan=True)
    pd.testing.assert_frame_equal(back.drop(columns="number"), expected.drop(columns="number"))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for ending in ("csv", "parquet"):
        write_table(frame(), tmp_path / f"1.{ending}", TABLE)
        write_table(frame(), tmp_path / f"2.{ending}", TABLE)
        assert (tmp_path / f"1.{ending}").read_bytes() == (tmp_path / f"2.{ending}").read_bytes()


def test_every_broken_rule_is_told_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    bad = frame()
    bad["name"] = ["a", "a", ""]
    bad["number"] = [-1.0, 0.0, 0.0]
    bad["colour"] = ["green", "red", "blue"]
    with pytest.raises(TableError) as caught:
        write_table(bad, tmp_path / "demo.csv", TABLE)
    assert str(caught.value) == (
        "table demo breaks its definition in 5 places:\n"
        "  row 0, column colour: found 'green'; expected one of red, blue\n"
        "  row 0, column name: found 'a'; expected a row of its own for every name\n"
        "  row 0, column number: found -1.0; expected a number from 0\n"
        "  row 1, column name: found 'a'; expected a row of its own for every name\n"
        "  row 2, column name: found ''; expected a value"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_required_value_that_is_missing_is_told_whatever_its_kind() -> None:
    kinds: tuple[Kind, ...] = ("text", "number", "integer", "flag", "array")
    columns = [Column(kind, kind, "What has to be there.", required=True) for kind in kinds]
    columns.append(Column("least", "number", "May be missing.", minimum=0, maximum=1))
    table = Table("full", "One row per thing.", tuple(columns))
    row = {"text": "a", "number": 1.0, "integer": 1, "flag": True, "array": np.ones(2)}
    nothing = {"text": None, "number": np.nan, "integer": pd.NA, "flag": None, "array": None}
    with pytest.raises(TableError) as caught:
        table.validate(pd.DataFrame([row, nothing]))
    assert str(caught.value) == (
        "table full breaks its definition in 5 places:\n"
        "  row 1, column array: found nothing; expected a value\n"
        "  row 1, column flag: found nothing; expected a value\n"
        "  row 1, column integer: found nothing; expected a value\n"
        "  row 1, column number: found nothing; expected a value\n"
        "  row 1, column text: found ''; expected a value"
    )


def test_unknown_and_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        TABLE.validate(pd.DataFrame({"name": ["a"], "god": [True]}))
    assert str(caught.value) == (
        "table demo: unknown columns ['god'], missing columns ['good']; "
        "expected ['name', 'number', 'count', 'good', 'colour']"
    )


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "demo.csv"
    path.write_text("name,number\na,1\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"columns \['count', 'good', 'colour'\] are missing"):
        read_table(path, TABLE)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "demo.csv"
    write_table(frame(), path, TABLE)
    before = path.read_bytes()
    bad = frame().assign(number=-1.0)
    with pytest.raises(TableError):
        write_table(bad, path, TABLE)
    assert path.read_bytes() == before


ALL_TABLES = [
    table
    for module in (inputs, ingest, integrate, quantify, normalize, stats, figures)
    for table in vars(module).values()
    if isinstance(table, Table)
]


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_every_table_is_documented_and_holds_an_empty_frame(table: Table) -> None:
    assert table.description.endswith(".")
    assert len(set(table.column_names)) == len(table.columns)
    assert set(table.key) <= set(table.column_names)
    for column in table.columns:
        assert column.description, column.name
        assert column.name not in ("percent", "%", "pct")  # never a bare percent
    assert list(table.validate(table.empty()).columns) == table.column_names
    [*nothing] = table.failures(table.coerce(pd.DataFrame([dict.fromkeys(table.column_names)])))
    assert {row[1] for row in nothing} == {c.name for c in table.columns if c.required}


def test_rows_become_a_table_with_its_kinds() -> None:
    table = Table(
        "t",
        "A row.",
        (
            Column("name", "text", "Name."),
            Column("value", "number", "Value."),
            Column("count", "integer", "Count."),
            Column("found", "flag", "Found."),
            Column("signal", "array", "Points."),
        ),
    )
    rows = [
        {"name": "a", "value": 1.5, "count": 2, "found": True, "signal": np.zeros(2), "else": 1},
        {"name": "", "value": None, "count": None, "found": None, "signal": np.ones(2)},
    ]
    frame = table.of_rows(rows)
    assert frame.dtypes.astype(str).tolist() == [c.dtype for c in table.columns]
    assert frame["name"].tolist() == ["a", ""]
    assert frame["value"].isna().tolist() == [False, True]
    assert frame["count"].isna().tolist() == [False, True]
    assert frame["found"].isna().tolist() == [False, True]
    assert frame["signal"][1].tolist() == [1.0, 1.0]
    pd.testing.assert_frame_equal(frame, table.coerce(frame))
    pd.testing.assert_frame_equal(table.of_rows([]), table.empty())
