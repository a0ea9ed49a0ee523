"""Load a study: configuration, tables and files, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.errors import Problem, StudyError, problems_text
from dialysis.study.checks import check_study
from dialysis.study.config import did_you_mean, read_config
from dialysis.study.given import locate_samples, make_injections
from dialysis.study.outcomes import Outcome, analytes_of_run, study_outcomes, study_regions
from dialysis.study.sheets import Sheet, read_csv_sheet, read_workbook, workbooks_in
from dialysis.study.start import AREAS as FROM_AREAS
from dialysis.study.start import CONCENTRATIONS as FROM_CONCENTRATIONS
from dialysis.study.start import TRACES, reads_exports
from dialysis.study.tables import ReadTable, Understood, notes_of, read_sheet
from dialysis.tables import Table
from dialysis.tables.inputs import (
    ANALYTES,
    ANIMALS,
    AREAS,
    EVERY_INJECTION,
    GIVEN_CONCENTRATIONS,
    INJECTIONS,
    INPUT_TABLES,
    INTEGRATION_EVENTS,
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
    notes : tuple of str
        What was understood otherwise than it stands in the tables.
    shown : mapping of str to str
        How messages name the tables: a CSV, or a sheet of a workbook.
    """

    name: str
    root: Path
    config: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    warnings: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw_dir(self) -> Path:
        """Folder of the exports; never written to."""
        return self.root / "raw" / self.name

    @property
    def results_dir(self) -> Path:
        """Folder of everything the pipeline writes."""
        return self.root / "results" / self.name

    @property
    def start(self) -> str:
        """What the study starts from, one of `dialysis.study.start.STARTS`."""
        return str(self.config["ingest"]["start"])

    @property
    def runs(self) -> list[str]:
        """Names of the HPLC runs whose exports are read, in the order of the table."""
        if not reads_exports(self.start):
            return []
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


def load_options(root: Path, name: str) -> dict[str, Any]:
    """Read `config/<name>/study.yaml` alone, defaults filled in.

    Raises
    ------
    StudyError
        With every problem of the file.
    """
    shown = f"config/{name}/study.yaml"
    path = root / "config" / name / "study.yaml"
    if not path.is_file():
        if outside := _no_project(root):
            raise StudyError(str(outside))
        raise StudyError(str(Problem(shown, "", "no such file", "the study's options")))
    config, problems = read_config(path, shown)
    if problems:
        raise StudyError(problems_text(problems, f"The options of study '{name}' can't be read"))
    return config


def _no_project(root: Path) -> Problem | None:
    """A problem where a folder can't be that of the project, which has a Snakefile and config/."""
    absent = [name for name in ("Snakefile", "config") if not (root / name).exists()]
    if len(absent) < 2:
        return None
    return Problem(
        str(root.resolve()),
        "",
        "no Snakefile and no config/",
        "the project's folder, with Snakefile, workflow/, src/, config/ and raw/",
        "Go there, or name it with --root.",
    )


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
        if outside := _no_project(root):
            return None, [outside]
        have = sorted(p.name for p in (root / "config").glob("*") if p.is_dir())
        hint = did_you_mean(name, have) or (
            f"Studies there are: {', '.join(have)}." if have else "There is no study yet."
        )
        return None, [Problem(shown, "", "no such folder", "a folder with study.yaml", hint)]
    if not (folder / "study.yaml").is_file():
        return None, [Problem(f"{shown}/study.yaml", "", "no such file", "the study's options")]
    config, problems = read_config(folder / "study.yaml", f"{shown}/study.yaml")
    sheets, found = _find_sheets(folder, shown)
    problems += found
    start = str(config["ingest"]["start"]) if config else _likely_start(sheets)
    tables: dict[str, pd.DataFrame] = {}
    understood: list[Understood] = []
    broken: list[str] = []
    for table in INPUT_TABLES:
        read = _load_table(sheets.get(table.name), table, shown, _needed(table, start))
        tables[table.name] = read.frame
        understood += read.understood
        problems += read.problems
        if read.problems:
            broken.append(table.name)
    if config:
        problems += _unread_tables(tables, sheets, shown, start)
    if "injections" not in broken:
        tables["injections"] = _fill_injections(tables["injections"])
    if start == FROM_CONCENTRATIONS:
        problems += _settle_zeros(tables, config, shown)
        problems += _place_concentrations(tables, sheets, shown, broken)
    found, warnings = check_study(config or None, tables, shown, broken)
    problems += found
    if "injections" not in broken and reads_exports(start):
        problems += _missing_files(root, name, tables["injections"], shown)
    names = {f"{shown}/{table}.csv": sheet.shown for table, sheet in sheets.items()}
    problems = [_named(problem, names) for problem in problems]
    if not config or broken:
        return None, problems
    odd = tuple(_named(warning, names) for warning in warnings)
    places = {table.name: f"{shown}/{table.name}.csv" for table in INPUT_TABLES}
    places |= {table: sheet.shown for table, sheet in sheets.items()}
    return Study(name, root, config, tables, odd, notes_of(understood), places), problems


def _named(problem: Problem, names: Mapping[str, str]) -> Problem:
    """Name a table of a problem where it stands: in a CSV, or in a sheet of a workbook."""
    return replace(problem, file=names.get(problem.file, problem.file))


def _find_sheets(folder: Path, shown: str) -> tuple[dict[str, Sheet], list[Problem]]:
    """Cells of every input table that there is, as CSV or in a workbook, by the table's name.

    A misspelt optional table would be ignored in silence; it is named instead.
    """
    known = [table.name for table in INPUT_TABLES]
    files = [f"{name}.csv" for name in known]
    sheets: dict[str, Sheet] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.csv")):
        if path.name in files:
            sheets[path.stem] = read_csv_sheet(path, f"{shown}/{path.name}")
            continue
        problems.append(
            Problem(
                f"{shown}/{path.name}",
                "",
                "a table of unknown name",
                f"some of {', '.join(sorted(files))}",
                did_you_mean(path.name, files),
            )
        )
    for path in workbooks_in(folder):
        pages, found = read_workbook(path, f"{shown}/{path.name}")
        problems += found
        for title, sheet in pages.items():
            name = title.strip().casefold().replace(" ", "_")
            if name in _NOT_TABLES:
                continue
            if name not in known:
                hint = did_you_mean(name, known)
                problems.append(
                    Problem(
                        sheet.shown,
                        "",
                        "a sheet of unknown name",
                        f"some of {', '.join(known)}, or 'notes' for one that is not read",
                        hint,
                    )
                )
            elif name in sheets:
                problems.append(
                    Problem(
                        sheet.shown,
                        "",
                        f"the table that {sheets[name].shown} holds, too",
                        "every table once",
                        "Remove one of the two.",
                    )
                )
            else:
                sheets[name] = sheet
    return sheets, problems


# Sheets of a workbook that nobody takes for a table.
_NOT_TABLES = ("notes", "note", "notizen", "legend", "readme")


def _likely_start(sheets: Mapping[str, Sheet]) -> str:
    """What a study starts from whose study.yaml can't be read, so that its tables are judged."""
    for start in (FROM_AREAS, FROM_CONCENTRATIONS):
        if start in sheets:
            return start
    return TRACES


def _needed(table: Table, start: str) -> bool:
    """Whether a table must be there."""
    if table is INJECTIONS:
        return start != FROM_CONCENTRATIONS
    if table is AREAS:
        return start == FROM_AREAS
    if table is GIVEN_CONCENTRATIONS:
        return start == FROM_CONCENTRATIONS
    return table in (ANIMALS, ANALYTES)


def _load_table(sheet: Sheet | None, table: Table, shown: str, needed: bool) -> ReadTable:
    name = sheet.shown if sheet else f"{shown}/{table.name}.csv"
    rows = table.description.rstrip(".")
    if sheet is not None:
        read = read_sheet(sheet, table)
        if not read.problems and not len(read.frame) and needed:
            return replace(read, problems=(Problem(name, "", "no rows", rows),))
        return read
    absent = (Problem(name, "", "no such file", rows),) if needed else ()
    return ReadTable(table.empty(), absent)


def _unread_tables(
    tables: Mapping[str, pd.DataFrame], sheets: Mapping[str, Sheet], shown: str, start: str
) -> list[Problem]:
    """Tables that are there and say something the study would pass over in silence."""
    reads = {AREAS.name: FROM_AREAS, GIVEN_CONCENTRATIONS.name: FROM_CONCENTRATIONS}
    problems = [
        Problem(
            f"{shown}/{name}.csv",
            "",
            f"a table that is not read, because ingest.start is '{start}'",
            f"no such table, or ingest.start: {wanted}",
            "Set ingest.start in study.yaml, or move the table out of the folder.",
        )
        for name, wanted in reads.items()
        if start != wanted and name in sheets
    ]
    if start != TRACES and len(tables[INTEGRATION_EVENTS.name]):
        problems.append(
            Problem(
                f"{shown}/{INTEGRATION_EVENTS.name}.csv",
                "",
                f"events, though no trace is integrated (ingest.start is '{start}')",
                "no rows",
                "Remove them, or set ingest.start: traces.",
            )
        )
    return problems


def _settle_zeros(
    tables: dict[str, pd.DataFrame], config: Mapping[str, Any], shown: str
) -> list[Problem]:
    """Read a concentration of 0 as `ingest.zeros` says, and ask where it does not say it."""
    given = tables[GIVEN_CONCENTRATIONS.name]
    zero = given["concentration"] == "0"
    meaning = config["ingest"]["zeros"] if config else "measured"
    if not zero.any() or meaning == "measured":
        return []
    if meaning == "not_detected":
        tables[GIVEN_CONCENTRATIONS.name] = given.assign(
            concentration=given["concentration"].mask(zero, "<LOD")
        )
        return []
    rows = [str(line) for line in given.index[zero]]
    more = f" and {len(rows) - _ROWS} more" if len(rows) > _ROWS else ""
    problem = Problem(
        f"{shown}/{GIVEN_CONCENTRATIONS.name}.csv",
        f"row{'s' if len(rows) > 1 else ''} {', '.join(rows[:_ROWS])}{more}, column concentration",
        "0, which could mean 'not detected'",
        "a measured 0, or <LOD",
        "Say which in study.yaml: 'ingest: {zeros: not_detected}' (then the column lod is needed) "
        "or 'ingest: {zeros: measured}'.",
    )
    return [problem]


_ROWS = 8


def _place_concentrations(
    tables: dict[str, pd.DataFrame], sheets: Mapping[str, Sheet], shown: str, broken: list[str]
) -> list[Problem]:
    """Give every concentration its injection, and make injections where there is no table."""
    name = GIVEN_CONCENTRATIONS.name
    if {name, "injections", "probes"} & set(broken):
        return []
    file = f"{shown}/{name}.csv"
    problems: list[Problem] = []
    if INJECTIONS.name not in sheets:
        tables["injections"], problems = make_injections(tables[name], file)
    if not problems:
        tables[name], problems = locate_samples(
            tables[name], tables["injections"], tables["probes"], file
        )
    if problems:
        broken += [name, "injections"]
    return problems


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
