"""Writing that never leaves half a file: to a temporary name, then renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.errors import TableError
from dialysis.tables import Table

FLOAT_FORMAT = "%.10g"


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to `path` when the block succeeds.

    On any error the temporary file is removed and `path` is left as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text with LF line ends, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write bytes, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, two-space indent and a final newline: equal values, equal bytes."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path | str, value: Any) -> None:
    """Write canonical JSON, atomically."""
    write_text(path, canonical_json(value))


def read_json(path: Path | str) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def csv_text(frame: pd.DataFrame) -> str:
    """CSV as the pipeline writes it: UTF-8, LF, ten significant digits, flags as true/false."""
    out = frame.copy()
    for name in out.columns:
        if out[name].dtype in ("boolean", "bool"):
            out[name] = out[name].map({True: "true", False: "false"}).astype("object")
    text: str = out.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
    return text


def write_table(frame: pd.DataFrame, path: Path | str, table: Table) -> None:
    """Check a frame against its definition and write it, atomically.

    The file's ending chooses the format: ``.csv`` or ``.parquet``.

    Raises
    ------
    TableError
        If the frame breaks the definition; nothing is written then.
    """
    checked = table.validate(frame)
    target = Path(path)
    if target.suffix == ".parquet":
        with atomic_path(target) as temporary:
            checked.to_parquet(temporary, index=False, compression="zstd")
    else:
        write_text(target, csv_text(checked))


def read_table(path: Path | str, table: Table) -> pd.DataFrame:
    """Read a table that `write_table` wrote, with the dtypes of its definition.

    Raises
    ------
    TableError
        If the file does not fit the definition.
    """
    target = Path(path)
    if target.suffix == ".parquet":
        frame = pd.read_parquet(target)
    else:
        text = {c.name: "str" for c in table.columns if c.kind in ("text", "flag")}
        frame = pd.read_csv(
            target,
            dtype=text,
            keep_default_na=False,
            na_values={c.name: [""] for c in table.columns if c.kind in ("number", "integer")},
            encoding="utf-8",
        )
    absent = [name for name in table.column_names if name not in frame]
    if absent:
        raise TableError(
            f"{target}: columns {absent} are missing; expected the table {table.name} as this "
            "version of the pipeline writes it. Delete the file and run the pipeline again."
        )
    return table.coerce(frame)


def read_tables(paths: Iterable[Path | str], table: Table) -> pd.DataFrame:
    """Read tables of one definition and put them together; without any, the table without rows.

    Raises
    ------
    TableError
        If a file does not fit the definition.
    """
    frames = [read_table(path, table) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else table.empty()
