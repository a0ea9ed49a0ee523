"""Load a study: configuration, tables and files, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.errors import Problem, StudyError, problems_text
from dialysis.study.checks import check_study
from dialysis.study.config import did_you_mean, read_config
from dialysis.study.outcomes import Outcome, study_outcomes, study_regions
from dialysis.study.tables import read_input_table
from dialysis.tables import Table
from dialysis.tables.inputs import (
    EVERY_INJECTION,
    INPUT_TABLES,
    OPTIONAL_TABLES,
    REQUIRED_TABLES,
)


@dataclass(frozen=True)
class Study:
    """A study that passed every check.

    Parameters
    ----------
    name : str
        Name of its folders under config/, raw/ and results/.
    root : Path
        Project root.
    config : mapping
        Sections of study.yaml with all defaults.
    tables : mapping of str to DataFrame
        Every input table by name; absent optional tables are empty.
    warnings : tuple of Problem
        What is odd but not wrong.
    """

    name: str
    root: Path
    config: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    warnings: tuple[Problem, ...] = ()

    @property
    def raw_dir(self) -> Path:
        """Folder of the exports; never written to."""
        return self.root / "raw" / self.name

    @property
    def results_dir(self) -> Path:
        """Folder of everything the pipeline writes."""
        return self.root / "results" / self.name

    @property
    def runs(self) -> list[str]:
        """Names of the HPLC runs, in the order of the table."""
        return list(dict.fromkeys(str(run) for run in self.tables["injections"]["run"]))

    @property
    def outcomes(self) -> list[Outcome]:
        """What the study measures."""
        return study_outcomes(
            self.tables["analytes"],
            study_regions(self.tables["probes"], self.config["study"]["region"]),
            self.config["normalize"]["ratios"],
        )

    def run_files(self, run: str) -> list[str]:
        """Export files of a run, relative to `raw_dir`, sorted."""
        injections = self.tables["injections"]
        cells = injections.loc[injections["run"] == run, "injection_file"]
        return sorted({name for cell in cells for name in split_files(str(cell))})

    def run_table(self, name: str, run: str) -> pd.DataFrame:
        """Rows of a table that belong to one run.

        For `analytes` a row made for the run replaces the row for all runs; the events of a run
        are those of its injections, of the run itself and of the study.
        """
        table = self.tables[name]
        injections = self.tables["injections"]
        if name == "injections":
            return table[table["run"] == run]
        if name == "analytes":
            return analytes_of_run(table, run)
        ids = set(injections.loc[injections["run"] == run, "injection_id"])
        mine = table["injection_id"].isin(ids)
        if name == "integration_events":
            mine |= (table["injection_id"] == EVERY_INJECTION) & table["run"].isin(["", run])
        return table[mine]


def split_files(cell: str) -> list[str]:
    """Split the injection_file cell: several files have ';' between them."""
    return [part.strip() for part in cell.split(";") if part.strip()]


def analytes_of_run(analytes: pd.DataFrame, run: str) -> pd.DataFrame:
    """Analytes as they are in one run: the run's own row wins over the one for all runs."""
    fitting = analytes[(analytes["run"] == run) | (analytes["run"] == "")]
    ranked = fitting.assign(_own=(fitting["run"] == run))
    ranked = ranked.sort_values("_own", ascending=False, kind="stable")
    return ranked.drop_duplicates("analyte").sort_index().drop(columns="_own")


def load_study(root: Path | str, name: str) -> Study:
    """Load `config/<name>/` and check it, its tables and the presence of its files.

    Raises
    ------
    StudyError
        With every problem of the study in one text.
    """
    study, problems = examine_study(Path(root), name)
    if problems or study is None:
        raise StudyError(problems_text(problems, f"Study '{name}' can't be run"))
    return study


def examine_study(root: Path, name: str) -> tuple[Study | None, list[Problem]]:
    """Load a study and list its problems instead of raising.

    Returns
    -------
    study : Study or None
        ``None`` when the configuration or a table can't be read.
    problems : list of Problem
        Empty for a good study.
    """
    folder = root / "config" / name
    shown = f"config/{name}"
    if not folder.is_dir():
        have = sorted(p.name for p in (root / "config").glob("*") if p.is_dir())
        hint = did_you_mean(name, have) or (
            f"Studies there are: {', '.join(have)}." if have else "There is no study yet."
        )
        return None, [Problem(shown, "", "no such folder", "a folder with study.yaml", hint)]
    if not (folder / "study.yaml").is_file():
        return None, [Problem(f"{shown}/study.yaml", "", "no such file", "the study's options")]
    config, problems = read_config(folder / "study.yaml", f"{shown}/study.yaml")
    config_good = not problems
    tables: dict[str, pd.DataFrame] = {}
    broken: list[str] = []
    for table in INPUT_TABLES:
        frame, found = _load_table(folder, table, shown)
        tables[table.name] = frame
        problems += found
        if found:
            broken.append(table.name)
    problems += _stray_files(folder, shown)
    if "injections" not in broken:
        tables["injections"] = _fill_injections(tables["injections"])
    found, warnings = check_study(config if config_good else None, tables, shown, broken)
    problems += found
    if "injections" not in broken:
        problems += _missing_files(root, name, tables["injections"], shown)
    if not config_good or broken:
        return None, problems
    return Study(name, root, config, tables, tuple(warnings)), problems


def _load_table(folder: Path, table: Table, shown: str) -> tuple[pd.DataFrame, list[Problem]]:
    path = folder / f"{table.name}.csv"
    name = f"{shown}/{table.name}.csv"
    if path.is_file():
        frame, problems = read_input_table(path, table, name)
        if not problems and not len(frame) and table in REQUIRED_TABLES:
            problems = [Problem(name, "", "no rows", table.description.rstrip("."))]
        return frame, problems
    if table in OPTIONAL_TABLES:
        return table.empty(), []
    return table.empty(), [Problem(name, "", "no such file", table.description.rstrip("."))]


def _stray_files(folder: Path, shown: str) -> list[Problem]:
    """A misspelt optional table would be ignored in silence; it is named instead."""
    known = {f"{table.name}.csv" for table in INPUT_TABLES}
    return [
        Problem(
            f"{shown}/{path.name}",
            "",
            "a table of unknown name",
            f"some of {', '.join(sorted(known))}",
            did_you_mean(path.name, known),
        )
        for path in sorted(folder.glob("*.csv"))
        if path.name not in known
    ]


def _fill_injections(injections: pd.DataFrame) -> pd.DataFrame:
    """Make `order` from the rows' sequence and `injection_id` from run and order where empty."""
    out = injections.copy()
    counted = out.groupby("run").cumcount() + 1
    out["order"] = out["order"].fillna(counted.astype("Int64"))
    made = out["run"] + "_" + out["order"].astype("str").str.zfill(3)
    out["injection_id"] = out["injection_id"].where(out["injection_id"] != "", made)
    return out


def _missing_files(root: Path, study: str, injections: pd.DataFrame, shown: str) -> list[Problem]:
    raw = root / "raw" / study
    if not raw.is_dir():
        remedy = (
            "Make it with 'dialysis simulate demo', or run 'make run'."
            if study == "demo"
            else "Put the instrument's exports there."
        )
        return [Problem(f"raw/{study}", "", "no such folder", "the study's exports", remedy)]
    problems = []
    listed = [
        (line, name)
        for line, cell in injections["injection_file"].items()
        for name in split_files(str(cell))
    ]
    missing = [(line, name) for line, name in listed if not (raw / name).exists()]
    if missing:
        there = {p.relative_to(raw).as_posix() for p in raw.rglob("*") if p.is_file()}
        unlisted = there - {name for _, name in listed}
        for line, name in missing:
            hint = did_you_mean(name, unlisted) or "Copy the export there or mend the name."
            problems.append(
                Problem(
                    f"{shown}/injections.csv",
                    f"row {line}, column injection_file",
                    f"'{name}', which is not in raw/{study}/",
                    "a file there",
                    hint,
                )
            )
    return problems
