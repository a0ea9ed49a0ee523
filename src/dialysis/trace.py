"""Follow a result back to the raw files: through the sidecars, and a cell through the keys.

Every step is checked: a file that is not what its sidecar says, and an export that is another than
the one that was read, is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.errors import DialysisError, WorkflowError
from dialysis.provenance import SIDECAR, read_sidecar, sha256_path
from dialysis.trace_rows import PRISM, Course, prism_animal, rows_behind, table_kind

TABLE_ENDINGS = (".csv", ".parquet")
_ADDRESS = re.compile(r"([A-Z]{1,2})([1-9]\d*)")
_ROW = re.compile(r"([1-9]\d*)(?::(\S+))?")


@dataclass(frozen=True)
class Link:
    """A file in the chain.

    Parameters
    ----------
    file : str
        Relative to the project's root.
    sha256 : str
        As it was written down when it was made or read.
    state : {"unchanged", "changed", "gone"}
        What it is now.
    """

    file: str
    sha256: str
    state: str


@dataclass(frozen=True)
class Step:
    """A folder of results in the chain, with the files of it that were used.

    Parameters
    ----------
    folder : str
        Relative to ``results/<study>/``.
    rule : str
        The rule that made it.
    files : tuple of Link
        Files of it that the chain goes through.
    """

    folder: str
    rule: str
    files: tuple[Link, ...]


@dataclass(frozen=True)
class FileChain:
    """Where a file of results comes from.

    Parameters
    ----------
    target : Link
        The file.
    rule : str
        The rule that made it.
    steps : tuple of Step
        What it was made from, nearest first.
    settings : tuple of str
        Options and tables on the way, like ``config/stats.json`` and ``tables/animals.csv``.
    raw : tuple of Link
        Exports at its beginning; empty where a study starts from a table.
    versions : mapping of str to str
        Packages that made the file.
    """

    target: Link
    rule: str
    steps: tuple[Step, ...]
    settings: tuple[str, ...]
    raw: tuple[Link, ...]
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """One concentration behind a value, back to its export.

    Parameters
    ----------
    analyte, injection_id : str
        Which one.
    values : mapping of str to Any
        ``conc_nM``, ``fmol_on_column``, ``response`` and the like, of ``concentrations.parquet``;
        empty where a study starts from concentrations.
    calibration, peak : mapping of str to Any
        The run's line and the peak; empty where there is none.
    internal_standard : mapping of str to Any
        Its peak in the injection; empty where there is none.
    standards : tuple of str
        Injections that the line was fitted to.
    raw : tuple of Link
        The export or exports of the injection.
    """

    analyte: str
    injection_id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    peak: Mapping[str, Any] = field(default_factory=dict)
    internal_standard: Mapping[str, Any] = field(default_factory=dict)
    standards: tuple[str, ...] = ()
    raw: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Value:
    """A percent of baseline, with the fractions that it was computed from.

    Parameters
    ----------
    row : mapping of str to Any
        Its row of ``timecourse.csv``.
    fraction : tuple of Measurement
        The fraction's own measurements: one, or two of a ratio.
    baseline : mapping of int to tuple of Measurement
        Those of the baseline fractions, by number.
    """

    row: Mapping[str, Any]
    fraction: tuple[Measurement, ...]
    baseline: Mapping[int, tuple[Measurement, ...]]


@dataclass(frozen=True)
class CellChain:
    """Where cells of a table come from.

    Parameters
    ----------
    file : str
        The table, relative to the project's root.
    rows : tuple of int
        Lines of the table that were chosen; its header is line 1.
    column : str
        The column; empty for whole rows.
    cells : tuple
        Values in that column.
    values : tuple of Value
        Percents of baseline behind them, by probe and fraction.
    measurements : tuple of Measurement
        Measurements behind them, where the table is one of an earlier stage.
    files : FileChain
        The chain of the whole table.
    """

    file: str
    rows: tuple[int, ...]
    column: str
    cells: tuple[Any, ...]
    values: tuple[Value, ...]
    measurements: tuple[Measurement, ...]
    files: FileChain


def find_study(root: Path, path: Path) -> tuple[str, Path]:
    """Tell of which study a file of results is; return its name and the file below the root.

    Raises
    ------
    WorkflowError
        If the file is not there, or not one that the pipeline wrote.
    """
    whole = (path if path.is_absolute() or path.exists() else root / path).resolve()
    results = (root / "results").resolve()
    if not whole.is_file():
        near = whole.parent
        there = sorted(p.name for p in near.iterdir() if p.is_file()) if near.is_dir() else []
        hint = f" Files there are: {', '.join(there[:8])}." if there else ""
        raise WorkflowError(f"{path}: found no such file; expected a file under results/.{hint}")
    if not whole.is_relative_to(results):
        raise WorkflowError(
            f"{path}: found a file outside results/; expected one that the pipeline wrote, like "
            "results/NAME/normalize/timecourse.csv."
        )
    parts = whole.relative_to(results).parts
    if not (whole.parent / SIDECAR).is_file():
        raise WorkflowError(
            f"{path}: found no {SIDECAR} beside it; expected a file of a stage's folder, as the "
            "pipeline wrote it."
        )
    return parts[0], whole.relative_to(root.resolve())


def trace_file(root: Path, file: Path) -> FileChain:
    """Follow a file through the sidecars back to the exports.

    Parameters
    ----------
    root : Path
        Project root.
    file : Path
        A file that the pipeline wrote, relative to it.

    Raises
    ------
    WorkflowError
        If no sidecar knows the file.
    """
    sidecar = read_sidecar(root / file.parent)
    if file.name not in sidecar["outputs"]:
        raise WorkflowError(
            f"{file.as_posix()}: found a file that {SIDECAR} beside it does not name; expected one "
            "that the pipeline wrote. It may be your own, or from before a change of the study."
        )
    target = _link(root, file.as_posix(), sidecar["outputs"][file.name])
    study = file.parts[1]
    prefix = f"results/{study}/"
    steps: dict[str, dict[str, str]] = {}
    rules: dict[str, str] = {}
    raw: dict[str, str] = {}
    settings: dict[str, None] = {}
    waiting = [(file.parent.as_posix(), sidecar)]
    seen = {file.parent.as_posix()}
    slug = file.parent.name if file.parts[2] in ("figures", "stats") else ""
    while waiting:
        _, record = waiting.pop(0)
        settings |= dict.fromkeys(name.split("/.stamps/")[1] for name in record["stamps"])
        for name, digest in record["inputs"].items():
            folder = Path(name).parent.as_posix()
            if name.startswith("raw/"):
                raw[name] = digest
                continue
            # One job makes all outcomes; of statistics only those of this one count.
            if slug and folder.startswith(f"{prefix}stats/") and Path(folder).name != slug:
                continue
            steps.setdefault(folder, {})[name] = digest
            if folder not in seen and (root / folder / SIDECAR).is_file():
                seen.add(folder)
                before = read_sidecar(root / folder)
                rules[folder] = before["rule"]
                waiting.append((folder, before))
    return FileChain(
        target=target,
        rule=sidecar["rule"],
        steps=tuple(
            Step(
                folder.removeprefix(prefix),
                rules.get(folder, ""),
                tuple(_link(root, name, digest) for name, digest in files.items()),
            )
            for folder, files in steps.items()
        ),
        settings=tuple(settings),
        raw=tuple(_link(root, name, digest) for name, digest in sorted(raw.items())),
        versions=sidecar["versions"],
    )


def _link(root: Path, name: str, digest: str) -> Link:
    path = root / name
    if not path.exists():
        return Link(name, digest, "gone")
    return Link(name, digest, "unchanged" if sha256_path(path) == digest else "changed")


def trace_cell(root: Path, file: Path, cell: str) -> CellChain:
    """Follow cells of a table back to areas, injections and exports.

    Parameters
    ----------
    root : Path
        Project root.
    file : Path
        A table that the pipeline wrote, relative to it.
    cell : str
        ``F12`` as in a spreadsheet; ``12`` or ``12:pct_of_baseline`` with the line of the file;
        or ``animal_id=R01,fraction=5`` with a column behind ``:`` where one is meant.

    Raises
    ------
    WorkflowError
        If there is no such table, row or column.
    """
    chain = trace_file(root, file)
    if file.suffix not in TABLE_ENDINGS:
        other = [
            name
            for name in read_sidecar(root / file.parent)["outputs"]
            if name.endswith(TABLE_ENDINGS)
        ]
        hint = f" Tables beside it: {', '.join(other[:6])}." if other else ""
        raise WorkflowError(
            f"{file.as_posix()}: found no cells; expected a table (.csv or .parquet) with "
            f"--cell.{hint}"
        )
    table = _read(root / file)
    rows, column = choose_rows(table, cell, file.as_posix())
    results = root / Path(*file.parts[:2])
    base = _Results(root, results)
    chosen = table.loc[rows]
    values: list[Value] = []
    measurements: list[Measurement] = []
    early = file.parts[2] in ("ingest", "integrate", "quantify")
    if early or (file.parts[2] == "review" and {"injection_id", "run"} & set(table.columns)):
        measurements = _measured(base, chosen)
    else:
        course = Course(results, base.timecourse())
        behind = rows_behind(course, file, chosen, column)
        values = [base.value(row) for _, row in behind.iterrows()]
    cells = tuple(chosen[column]) if column else ()
    if table_kind(file)[0] == PRISM and column:
        animal = prism_animal(root / file, column)
        column = f"{column.rpartition('.')[0] or column}, {animal}" if animal else "Time (min)"
    return CellChain(
        file=file.as_posix(),
        rows=tuple(int(line) for line in rows),
        column=column,
        cells=cells,
        values=tuple(values),
        measurements=tuple(measurements),
        files=chain,
    )


def _read(path: Path) -> pd.DataFrame:
    """Read a table as text where it is CSV; its index is the line, the header being line 1."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        arrays = [name for name in table if table[name].map(lambda v: hasattr(v, "__len__")).any()]
        keep = [
            n for n in table if n not in arrays or table[n].map(lambda v: isinstance(v, str)).any()
        ]
        table = table[keep]
    else:
        table = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8")
    table.index = pd.RangeIndex(2, len(table) + 2)
    return table


def choose_rows(table: pd.DataFrame, cell: str, shown: str) -> tuple[list[int], str]:
    """Find the rows and the column that a user names.

    Parameters
    ----------
    table : DataFrame
        Its index is the line in the file.
    cell : str
        See `trace_cell`.
    shown : str
        Name of the table in messages.

    Returns
    -------
    rows : list of int
    column : str
        Empty where none is named.
    """
    from dialysis.study.config import did_you_mean

    columns = [str(name) for name in table.columns]

    def known(name: str) -> str:
        if name in columns:
            return name
        hint = did_you_mean(name, columns)
        raise WorkflowError(
            f"{shown}, --cell {cell}: found no column '{name}'; expected one of "
            f"{', '.join(columns)}.{f' {hint}' if hint else ''}"
        )

    def line(number: str) -> list[int]:
        if int(number) in table.index:
            return [int(number)]
        raise WorkflowError(
            f"{shown}, --cell {cell}: found no row {number}; expected 2 to {len(table) + 1}, the "
            "line of the file (1 is the header)."
        )

    if address := _ADDRESS.fullmatch(cell):
        place = 0
        for letter in address[1]:
            place = 26 * place + ord(letter) - ord("A") + 1
        if place > len(columns):
            raise WorkflowError(
                f"{shown}, --cell {cell}: found {len(columns)} columns; expected a column up to "
                f"the last."
            )
        return line(address[2]), columns[place - 1]
    if number := _ROW.fullmatch(cell):
        return line(number[1]), known(number[2]) if number[2] else ""
    if "=" not in cell:
        raise WorkflowError(
            f"{shown}, --cell {cell}: expected a cell as F12, 12:{columns[-1]}, or "
            f"{columns[0]}=…,{columns[min(1, len(columns) - 1)]}=…"
        )
    wanted, _, column = cell.rpartition(":") if re.search(r":\w+$", cell) else (cell, "", "")
    if column and column not in columns and "=" in wanted and not wanted.rpartition("=")[2]:
        wanted, column = cell, ""
    mask = pd.Series(True, index=table.index)
    for part in wanted.split(","):
        name, _, text = (piece.strip() for piece in part.partition("="))
        mask &= table[known(name)].map(lambda found, wanted=text: _same(found, wanted))
    rows = [int(row) for row in table.index[mask]]
    if not rows:
        raise WorkflowError(
            f"{shown}, --cell {cell}: found no row with these values; expected at least one."
        )
    return rows, known(column) if column else ""


def _same(found: Any, text: str) -> bool:
    if str(found) == text:
        return True
    try:
        return float(found) == float(text)
    except (TypeError, ValueError):
        return False


def _measured(base: _Results, rows: pd.DataFrame) -> list[Measurement]:
    """Measurements that rows of an earlier stage are, or are about."""
    pairs: dict[tuple[str, str], None] = {}
    for row in rows.to_dict("records"):
        analyte = str(row.get("analyte", "") or "")
        if row.get("injection_id"):
            pairs[str(row["injection_id"]), analyte] = None
        elif "slope" in row and analyte:  # a calibration: its standards
            for name in base.standards_of(str(row["run"]), analyte):
                pairs[name, analyte] = None
    return [base.measurement(name, analyte) for name, analyte in pairs]


class _Results:
    """The tables of a study's results, read once, and where their rows come from."""

    def __init__(self, root: Path, results: Path) -> None:
        self._root = root
        self._results = results
        self._tables: dict[str, pd.DataFrame] = {}
        self._exports: dict[str, str] = {}

    def _table(self, name: str) -> pd.DataFrame:
        """A table by its path below the results; empty where the study has none."""
        if name not in self._tables:
            path = self._results / name
            self._tables[name] = _read(path) if path.is_file() else pd.DataFrame()
        return self._tables[name]

    def _all_runs(self, stage: str, name: str) -> pd.DataFrame:
        key = f"{stage}/*/{name}"
        if key not in self._tables:
            found = [_read(path) for path in sorted(self._results.glob(key))]
            self._tables[key] = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
        return self._tables[key]

    def timecourse(self) -> pd.DataFrame:
        return self._table("normalize/timecourse.csv")

    def value(self, row: pd.Series) -> Value:
        timecourse = self.timecourse()
        same = (timecourse["outcome"] == row["outcome"]) & (
            timecourse["probe_id"] == row["probe_id"]
        )
        basal = timecourse[same & (timecourse["period"] == "baseline")]
        basal = basal[basal["used"] == "true"]
        return Value(
            row=row.to_dict(),
            fraction=tuple(self._of_row(row)),
            baseline={int(r["fraction"]): tuple(self._of_row(r)) for _, r in basal.iterrows()},
        )

    def _of_row(self, row: pd.Series) -> Iterator[Measurement]:
        analytes = [row["analyte"], *([row["denominator"]] if row["denominator"] else [])]
        for name in str(row["injection_id"]).split(";"):
            for analyte in analytes if name else ():
                yield self.measurement(name, str(analyte))

    def measurement(self, injection_id: str, analyte: str) -> Measurement:
        concentration = self._one(
            self._table("quantify/concentrations.parquet"), injection_id, analyte
        )
        run = str(concentration.get("run", ""))
        calibration: Mapping[str, Any] = {}
        lines = self._table("quantify/calibration.csv")
        if len(lines) and run:
            mine = lines[(lines["run"] == run) & (lines["analyte"] == analyte)]
            calibration = mine.iloc[0].to_dict() if len(mine) else {}
        peaks = self._all_runs("integrate", "peaks.parquet")
        internal = str(calibration.get("internal_standard", ""))
        return Measurement(
            analyte=analyte,
            injection_id=injection_id,
            values=concentration,
            calibration=calibration,
            peak=self._one(peaks, injection_id, analyte),
            internal_standard=self._one(peaks, injection_id, internal) if internal else {},
            standards=tuple(self.standards_of(run, analyte)),
            raw=tuple(self._raw(injection_id)),
        )

    def standards_of(self, run: str, analyte: str) -> list[str]:
        points = self._table("quantify/calibration_points.csv")
        if not len(points) or not run:
            return []
        mine = points[(points["run"] == run) & (points["analyte"] == analyte)]
        return list(mine.loc[mine["used"] == "true", "injection_id"])

    @staticmethod
    def _one(table: pd.DataFrame, injection_id: str, analyte: str) -> dict[str, Any]:
        if not len(table):
            return {}
        mine = table[table["injection_id"] == injection_id]
        if analyte and "analyte" in table:
            mine = mine[mine["analyte"] == analyte]
        return mine.iloc[0].to_dict() if len(mine) else {}

    def _raw(self, injection_id: str) -> Iterator[Link]:
        manifest = self._all_runs("ingest", "manifest.csv")
        if not len(manifest):
            return
        study = self._results.name
        files: dict[str, str] = {}
        for row in manifest[manifest["injection_id"] == injection_id].to_dict("records"):
            files[str(row["file"])] = str(row["sha256"])
            if row["report_file"]:
                files[str(row["report_file"])] = str(row["report_sha256"])
        for name, digest in files.items():
            path = self._root / "raw" / study / name
            if name not in self._exports:
                self._exports[name] = sha256_path(path) if path.exists() else ""
            now = self._exports[name]
            state = "gone" if not now else "unchanged" if now == digest else "changed"
            yield Link(f"raw/{study}/{name}", digest, state)


def changed_links(chain: FileChain) -> list[Link]:
    """Files of a chain that are not what they were when they were written or read."""
    files: Iterable[Link] = (link for step in chain.steps for link in step.files)
    return [link for link in (chain.target, *files, *chain.raw) if link.state != "unchanged"]


def require_root(root: Path) -> None:
    """Say clearly when this is not the folder of the project.

    Raises
    ------
    DialysisError
        If there is no results folder.
    """
    if not (root / "results").is_dir():
        raise DialysisError(
            f"{root.resolve()}: found no results/; expected the project's folder. Go there, or "
            "name it with --root."
        )
