"""Make a new study of a folder of exports: read it, propose every table, say what is left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dialysis.errors import Problem, StudyError
from dialysis.ingest import READERS, Reader
from dialysis.init.analytes import analytes_of_exports, analytes_of_table
from dialysis.init.answers import Answers
from dialysis.init.kinds import SAMPLE
from dialysis.init.layouts import (
    EXCEL_ENDINGS,
    SKELETON,
    TEXT_ENDINGS,
    ProposedLayout,
    propose_layout,
)
from dialysis.init.names import Sample
from dialysis.init.naming import Naming, n_before, read_names
from dialysis.init.report import Report, ToDo, report_text, to_do_text
from dialysis.init.results import ResultTable, find_results
from dialysis.init.retention import ProposedAnalyte
from dialysis.init.sequence import place_injections
from dialysis.init.survey import Injected, Survey, survey_folder
from dialysis.init.tables import (
    Row,
    analytes_rows,
    animals_in,
    animals_rows,
    areas_rows,
    check_names,
    concentrations_rows,
    counts_sentence,
    doses_rows,
    exclusions_rows,
    injections_rows,
    probes_rows,
    standards_rows,
    unlisted,
)
from dialysis.init.writing import (
    WORKBOOK,
    line_of,
    refuse_existing,
    study_yaml,
    write_study_files,
)
from dialysis.study.config import did_you_mean
from dialysis.study.start import (
    AREAS,
    CONCENTRATIONS,
    STARTS,
    TRACES,
    VENDOR_PEAKS,
    quantifies,
    reads_exports,
)
from dialysis.words import counted

NOTES_FILE = "init.md"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# The default of normalize.baseline.min_fractions; a shorter baseline needs it said.
_LEAST_BASELINE = 2
_HEADING = (
    "Made by 'dialysis init'. Every option there is stands here; one that is commented out shows\n"
    "its default. Take the '# ' away to change it."
)


@dataclass(frozen=True, eq=False)
class Initiated:
    """A new study.

    Parameters
    ----------
    config_dir : Path
        Its folder.
    text : str
        What was found, proposed and written.
    to_do : tuple of ToDo
        What only a person can fill in.
    """

    config_dir: Path
    text: str
    to_do: tuple[ToDo, ...]


def init_study(
    root: Path,
    name: str,
    raw: Path,
    answers: Answers | None = None,
    format: str = "auto",
    workbook: bool = False,
) -> Initiated:
    """Make `config/<name>/` of a folder of exports.

    Parameters
    ----------
    root : Path
        Project root.
    name : str
        Name of the study.
    raw : Path
        Folder of the exports.  Where it is not ``raw/<name>``, that becomes a link to it; nothing
        is copied and nothing in it is changed.
    answers : Answers, optional
        What a person said.
    format : str
        Key of a reader, or ``"auto"``.
    workbook : bool
        Whether the tables go into one workbook instead of CSV files.

    Returns
    -------
    Initiated

    Raises
    ------
    StudyError
        If the name can't be one, the study is there, or the folder holds nothing to start from;
        nothing is written then.
    """
    given = answers or Answers()
    config_dir = root / "config" / name
    _check_arguments(root, name, raw, given)
    formats = ["auto", *(reader.key for reader in READERS)]
    if format not in formats:
        raise StudyError(
            f"--format: found '{format}'; expected one of {', '.join(formats)}. "
            f"{did_you_mean(format, formats)}".rstrip()
        )
    survey, reading = _survey(raw, format, given.layout)
    start, table, notes = _start(survey, raw, given)
    if reads_exports(start):
        study = _of_exports(survey, raw, start, given, reading)
    else:
        study = _of_table(survey, table, raw, start, given)
    listed = given.animals.notes if given.animals else ()
    listed = (*listed, *unlisted(animals_in(study.naming), given))
    study = replace(study, notes=(*notes, *study.notes, *listed))
    tables, values = _tables(study, given)
    values["study"]["title"] = name
    if reading.layout is not None and reads_exports(start):
        values["ingest"] |= reading.layout.ingest
    yaml_text = study_yaml(values, _HEADING)
    shown = f"config/{name}"
    to_do = _to_do(study, tables, yaml_text, values, shown, workbook)
    if reading.proposed:
        line = line_of(yaml_text, "ingest", "delimited")
        what = "look whether this is where times and signals are, and give the signal's unit"
        to_do = (ToDo(f"{shown}/study.yaml", f"line {line}, ingest.delimited", what), *to_do)
    report = Report(
        shown=shown,
        raw=_raw_words(root, name, raw),
        inspection=survey.inspection if survey.injected else None,
        layout=f"{'PROPOSAL: ' if reading.proposed else ''}{reading.layout.words}"
        if reading.layout is not None and survey.injected
        else "",
        table=study.table,
        naming=study.naming,
        counts=counts_sentence(study.naming),
        notes=study.notes,
        analytes=tuple(study.analytes),
        start=start,
        to_do=to_do,
        files=(),
    )
    # the file names no path of this machine
    told = report_text(replace(report, raw=f"raw/{name}"))
    texts = {
        "study.yaml": yaml_text,
        NOTES_FILE: f"# How {shown} was made\n\n```\n{told}```\n\n## To fill in\n\n"
        f"{to_do_text(to_do)}",
    }
    files = write_study_files(config_dir, texts, tables, workbook)
    _link_raw(root, name, raw)
    return Initiated(config_dir, report_text(replace(report, files=tuple(files))), to_do)


@dataclass(frozen=True, eq=False)
class _Reading:
    """How the exports are read: format, readers with their options, and a declared layout."""

    format: str
    readers: Sequence[Reader] = READERS
    layout: ProposedLayout | None = None
    proposed: bool = False


def _survey(raw: Path, format: str, declared: ProposedLayout | None) -> tuple[Survey, _Reading]:
    """Read all exports; where none says what it is, by a layout that fits them."""
    if declared is not None:
        reading = _by_layout(declared, format)
        return survey_folder(raw, reading.format, reading.readers), reading
    survey = survey_folder(raw, format)
    if survey.injected or format != "auto":
        return survey, _Reading(format)
    files = _unread(survey, raw)
    tables, _ = find_results(raw, files)
    layout = None if tables else propose_layout(raw, files)
    if layout is not None:
        reading = replace(_by_layout(layout, format), proposed=True)
        again = survey_folder(raw, reading.format, reading.readers, layout.files)
        if len(again.injected) > len(again.inspection.problems):
            rest = {
                ending: kept
                for ending, own in survey.inspection.unknown.items()
                if (kept := tuple(f for f in own if f not in {str(raw / n) for n in layout.files}))
            }
            inspection = replace(again.inspection, unknown=rest)
            return replace(again, inspection=inspection), reading
    return survey, _Reading(format)


def _by_layout(layout: ProposedLayout, format: str) -> _Reading:
    readers = [reader.configured(layout.ingest) for reader in READERS]
    own = str(layout.ingest.get("format", "auto"))
    return _Reading(own if format == "auto" else format, readers, layout)


def _unread(survey: Survey, raw: Path) -> list[str]:
    """Files that no reader knows, and texts and workbooks that none can read."""
    names = [name for own in survey.inspection.unknown.values() for name in own]
    names += [
        problem.file
        for problem in survey.inspection.problems
        if Path(problem.file).suffix.lower() in (*TEXT_ENDINGS, *EXCEL_ENDINGS)
    ]
    return list(dict.fromkeys(Path(name).relative_to(raw).as_posix() for name in names))


@dataclass(frozen=True, eq=False)
class _Study:
    """What is known of a study before its tables are written."""

    start: str
    naming: Naming
    analytes: Sequence[ProposedAnalyte]
    notes: tuple[str, ...]
    table: ResultTable | None = None
    ids: Mapping[int, str] | None = None


def _check_arguments(root: Path, name: str, raw: Path, answers: Answers) -> None:
    if not _SAFE_NAME.fullmatch(name):
        raise StudyError(
            f"study name: found '{name}'; expected letters, digits, '.', '_' and '-', beginning "
            "with a letter or digit, because folders are named after it."
        )
    refuse_existing(root / "config" / name)
    if not raw.is_dir():
        what = "a file" if raw.exists() else "no such folder"
        beside = [path.name for path in raw.parent.glob("*") if path.is_dir()]
        hint = "" if raw.exists() else did_you_mean(raw.name, beside)
        raise StudyError(
            f"--raw {raw}: found {what}; expected the folder of the exports. {hint}".rstrip()
        )
    own = root / "raw" / name
    if own.exists() and own.resolve() != raw.resolve():
        raise StudyError(
            f"--raw {raw}: found another folder at raw/{name}; expected none, or that folder as "
            "--raw, because a study's exports are in the folder of its name. Take another name."
        )
    if raw.resolve() in (root / "config").resolve().parents or raw.resolve() == root.resolve():
        raise StudyError(
            f"--raw {raw}: found the project's own folder; expected a folder of exports."
        )
    if answers.groups and answers.animals is not None:
        raise StudyError("--group and --animals: found both; expected one of them.")
    if answers.start and answers.start not in STARTS:
        raise StudyError(f"--start: found '{answers.start}'; expected one of {', '.join(STARTS)}.")


def _start(
    survey: Survey, raw: Path, answers: Answers
) -> tuple[str, ResultTable | None, tuple[str, ...]]:
    """What the study starts from, and the results table it is then."""
    tables, wrong = find_results(raw, _unread(survey, raw))
    traces = any(item.trace for item in survey.injected)
    peaks = any(item.vendor_peaks for item in survey.injected)
    start = answers.start
    if not start and survey.injected:
        start = TRACES if traces else VENDOR_PEAKS
    if reads_exports(start) and survey.injected:
        missing = {TRACES: not traces, VENDOR_PEAKS: not peaks}[start]
        if missing:
            what = "trace" if start == TRACES else "peak of the vendor's integration"
            raise StudyError(
                f"--start {start}: found no {what} in {len(survey.injected)} injections; expected "
                "some. Leave --start out, or export again."
            )
        left = [f"{table.file} looks like a table of results and is not used" for table in tables]
        if traces and peaks and start == TRACES and not answers.start:
            left.append(
                "the exports hold the vendor's peaks, too; '--start vendor_peaks' would take them"
            )
        return start, None, tuple(left)
    if tables:
        return _of_results(tables, wrong, start)
    raise StudyError(_nothing(survey, raw, start))


def _of_results(
    tables: Sequence[ResultTable], wrong: Sequence[Problem], start: str
) -> tuple[str, ResultTable, tuple[str, ...]]:
    table = tables[0]
    found = start or table.start
    if not found:
        raise StudyError(
            f"{table.file}: found the analytes {', '.join(table.analytes)} without a unit; "
            "expected areas or concentrations. Say which with '--start areas' or "
            "'--start concentrations'."
        )
    own = [problem for problem in wrong if problem.file == table.file]
    if own:
        listed = "\n".join(f"  {number}. {p}" for number, p in enumerate(own[:20], start=1))
        more = f"\n  and {len(own) - 20} more" if len(own) > 20 else ""
        raise StudyError(f"{table.file}: cells that can't be read:\n{listed}{more}")
    left = tuple(f"{other.file} looks like another table and is not used" for other in tables[1:])
    return found, table, left


def _nothing(survey: Survey, raw: Path, start: str) -> str:
    """Why there is nothing to start from."""
    inspection = survey.inspection
    n_files = len(inspection.problems) + sum(len(f) for f in inspection.unknown.values())
    wanted = "an instrument export or a table of results"
    if not n_files and not survey.injected:
        return f"--raw {raw}: found no file in it; expected {wanted}."
    if survey.injected:
        return (
            f"--raw {raw}, --start {start}: found exports and no table of results; expected one "
            "with columns like animal, fraction and a column for every analyte."
        )
    endings = ", ".join(
        f"{len(files)} × {ending or 'no ending'}" for ending, files in inspection.unknown.items()
    )
    listed = "".join(f"\n  {problem}" for problem in inspection.problems[:5])
    more = len(inspection.problems) - 5
    listed += f"\n  and {more} more" if more > 0 else ""
    return (
        f"--raw {raw}: found {counted(n_files, 'file')} and none that can be read"
        f"{f' ({endings})' if endings else ''}; expected {wanted}. 'dialysis inspect {raw}' says "
        f"more about each; docs/formats.md lists what can be read.{listed}{_declare(survey)}"
    )


def _declare(survey: Survey) -> str:
    """How a layout is declared, where there are files that may have one."""
    names = [name for own in survey.inspection.unknown.values() for name in own]
    names += [problem.file for problem in survey.inspection.problems]
    if not any(Path(name).suffix.lower() in (*TEXT_ENDINGS, *EXCEL_ENDINGS) for name in names):
        return ""
    return (
        "\nIf they are texts or Excel sheets with points in columns, write a file like this and "
        f"give it with --layout:\n{SKELETON.rstrip()}"
    )


def _of_exports(
    survey: Survey, raw: Path, start: str, answers: Answers, reading: _Reading
) -> _Study:
    """A study of traces or of vendors' peaks."""
    usable = [item for item in survey.injected if item.trace or start == VENDOR_PEAKS]
    placed, notes = place_injections(usable)
    left = len(survey.injected) - len(usable)
    if left:
        notes.append(f"{left} vendor's reports without a trace are left out")
    naming = read_names(placed, answers.pattern)
    names = answers.analytes or tuple(part.analyte for part in answers.mix)
    vendor = start == VENDOR_PEAKS
    analytes, found = analytes_of_exports(
        naming, raw, names, vendor, reading.readers, reading.format
    )
    return _Study(start, naming, analytes, (*notes, *found))


def _of_table(
    survey: Survey, table: ResultTable | None, raw: Path, start: str, answers: Answers
) -> _Study:
    """A study of a results table."""
    if table is None:
        raise StudyError(_nothing(survey, raw, start))
    items = [
        Injected(
            files=(),
            section=str(place),
            name=row.sample,
            stem=f"{row.animal} {row.fraction}".strip(),
            folder="",
            vial="",
            injected_at="",
            time_note="",
            declared=SAMPLE if row.animal and row.fraction is not None else "",
            inj_uL=None,
            dilution=None,
            volume="",
            channels=(),
            trace=False,
            format="",
            unit="",
            vendor_peaks={},
        )
        for place, row in enumerate(table.rows)
    ]
    placed, _ = place_injections(items)
    in_order = [replace(one, item=item) for one, item in zip(placed, items, strict=True)]
    naming = read_names(in_order, answers.pattern)
    known = []
    for item, row in zip(naming.known, table.rows, strict=True):
        if row.animal and row.fraction is not None:
            sample = Sample(row.animal, row.probe, row.fraction)
            item = replace(item, kind=SAMPLE, sample=sample)
        known.append(item)
    missed = tuple(item.name for item in known if item.kind == SAMPLE and item.sample is None)
    naming = replace(naming, known=tuple(known), missed=missed)
    ids = {place: item.injection_id for place, item in enumerate(naming.known)}
    analytes = analytes_of_table(table, naming if start == AREAS else None)
    notes = (f"{table.file} has {len(table.rows)} rows of {len(table.analytes)} analytes",)
    return _Study(start, naming, analytes, notes, table, ids)


def _tables(study: _Study, answers: Answers) -> tuple[dict[str, list[Row]], dict[str, Any]]:
    """Every table with its rows, and the options that are known."""
    naming, start = study.naming, study.start
    names = list(dict.fromkeys(row.analyte for row in study.analytes))
    check_names(answers.mix, names, "--mix")
    check_names(answers.limits, names, "--lod")
    volumes = {item.placed.item.inj_uL for item in naming.known} - {None, 0.0}
    inj_uL = answers.inj_uL or (volumes.pop() if len(volumes) == 1 else None)
    animals = animals_rows(animals_in(naming), answers)
    tables: dict[str, list[Row]] = {"animals": animals}
    probes = probes_rows(naming)
    if probes:
        tables["probes"] = probes
    doses = doses_rows(animals, answers)
    if doses:
        tables["doses"] = doses
    standards: list[Row] = []
    if start == CONCENTRATIONS and study.table and study.ids:
        tables["concentrations"] = concentrations_rows(
            study.table, naming, study.ids, answers.limits
        )
    else:
        tables["injections"] = injections_rows(naming, start, inj_uL)
        standards = standards_rows(naming, study.analytes, answers.mix)
    tables["analytes"] = analytes_rows(study.analytes, start)
    if standards:
        tables["standards"] = standards
    if start == AREAS and study.table and study.ids:
        tables["areas"] = areas_rows(study.table, study.ids)
    tables["exclusions"] = exclusions_rows()
    return tables, _options(study, answers, inj_uL, bool(standards))


def _options(
    study: _Study, answers: Answers, inj_uL: float | None, calibrated: bool
) -> dict[str, Any]:
    values: dict[str, dict[str, Any]] = {
        "study": {"title": "", "region": answers.region},
        "ingest": {"start": study.start},
        "integrate": {},
        "quantify": {},
        "normalize": {},
    }
    if study.start == TRACES and study.analytes:
        first = min(study.analytes, key=lambda row: row.rt_min)
        values["integrate"]["start_min"] = max(0.0, round(first.rt_min - 2.5 * first.window_min, 1))
    if quantifies(study.start):
        if inj_uL is not None:
            values["quantify"]["inj_uL"] = int(inj_uL) if float(inj_uL).is_integer() else inj_uL
        if not calibrated:
            values["quantify"]["calibration"] = "none"
        elif study.start != TRACES:
            values["quantify"]["limits"] = {"method": "regression"}
    given = {
        "fraction_min": answers.fraction_min,
        "flow_uL_min": answers.flow_uL_min,
        "dead_volume_uL": answers.dead_volume_uL,
    }
    values["normalize"] = {name: value for name, value in given.items() if value is not None}
    before = answers.baseline or n_before(study.naming)
    if before:
        least = {"min_fractions": before} if before < _LEAST_BASELINE else {}
        values["normalize"]["baseline"] = {"n_fractions": before, **least}
    return values


def _to_do(
    study: _Study,
    tables: Mapping[str, Sequence[Row]],
    yaml_text: str,
    values: Mapping[str, Any],
    shown: str,
    workbook: bool,
) -> tuple[ToDo, ...]:
    """What only a person can fill in, with file, row and column."""

    def place(name: str) -> str:
        return f"{shown}/{WORKBOOK}, sheet {name}" if workbook else f"{shown}/{name}.csv"

    def empty(name: str, column: str) -> list[int]:
        rows = tables.get(name, ())
        return [n for n, row in enumerate(rows, start=2) if any(row.values()) and not row[column]]

    found: list[ToDo] = []
    drugs = empty("animals", "drug")
    if drugs:
        what = "what each animal got: the drug with its dose ('mianserin 5 mg/kg') or its vehicle"
        found.append(ToDo(place("animals"), f"{_rows(drugs)}, columns drug, dose, dose_unit", what))
    undosed = empty("doses", "drug")
    if undosed:
        what = "the doses of these animals, as in animals.csv"
        found.append(ToDo(place("doses"), f"{_rows(undosed)}, columns drug, dose, unit", what))
    if not any(row["animal_id"] for row in tables["animals"]):
        what = "a row for each animal, with its drug and dose"
        found.append(ToDo(place("animals"), "row 2 and below", what))
    vehicles = {str(row["drug"]) for row in tables["animals"] if row["dose"] == "0"}
    alone = [
        n
        for n, row in enumerate(tables["animals"], start=2)
        if row["dose"] not in ("", "0") and not row["control"]
    ]
    if len(vehicles) > 1 and alone:
        what = f"the vehicle it is compared with, of {', '.join(sorted(vehicles))}"
        found.append(ToDo(place("animals"), f"{_rows(alone)}, column control", what))
    missed = [
        n
        for n, row in enumerate(tables.get("injections", ()), start=2)
        if row["type"] == SAMPLE and not row["animal_id"]
    ]
    if missed:
        what = "the animal and the number of the fraction (or what it is, in column type)"
        where = f"{_rows(missed)}, columns animal_id, fraction"
        found.append(ToDo(place("injections"), where, what))
    amounts = empty("standards", "amount")
    if amounts:
        what = "amounts or concentrations of the standards (or start again with --mix)"
        found.append(ToDo(place("standards"), f"{_rows(amounts)}, columns amount, unit", what))
    guessed = [
        n
        for n, row in enumerate(tables["analytes"], start=2)
        if str(row.get("comment", "")).startswith("PROPOSAL")
    ]
    if guessed:
        what = "look whether the proposed names are right"
        if any(row.by_time for row in study.analytes):
            what = (
                "what these peaks are, here and in standards.csv (or start again with --analytes)"
            )
        found.append(ToDo(place("analytes"), f"{_rows(guessed)}, column analyte", what))
    for column, what in (
        ("channel", "look whether each analyte is on the channel that you want"),
        ("run", "look whether this run was on another column or eluent, so that windows differ"),
    ):
        chosen = [n for n, row in enumerate(tables["analytes"], start=2) if row.get(column)]
        if chosen:
            found.append(ToDo(place("analytes"), f"{_rows(chosen)}, column {column}", what))
    without = [
        n
        for n, row in enumerate(tables.get("concentrations", ()), start=2)
        if row["concentration"] == "<LOD" and not row["lod"]
    ]
    if without:
        what = "the limit of detection of values that were not detected (or start again with --lod)"
        found.append(ToDo(place("concentrations"), f"{_rows(without)}, column lod", what))
    units = empty("concentrations", "unit")
    if units:
        found.append(ToDo(place("concentrations"), f"{_rows(units)}, column unit", "the unit"))
    options = (
        (("normalize", "fraction_min"), "length of a fraction, min"),
        (("normalize", "baseline", "n_fractions"), "number of fractions before the dose"),
        (("normalize", "flow_uL_min"), "flow rate, µL/min, with dead_volume_uL for the lag"),
        (("normalize", "dead_volume_uL"), "volume from membrane to vial, µL, for the lag"),
    )
    for path, what in options:
        told = path[-1] == "dead_volume_uL" and not _has(values, ("normalize", "flow_uL_min"))
        if not _has(values, path) and not told:
            line = line_of(yaml_text, *path)
            found.append(ToDo(f"{shown}/study.yaml", f"line {line}, {'.'.join(path)}", what))
    if quantifies(study.start) and "inj_uL" not in values["quantify"] and _needs_volume(tables):
        line = line_of(yaml_text, "quantify", "inj_uL")
        said = {item.placed.item.volume for item in study.naming.known} - {"", "0"}
        what = "injected volume, µL"
        if len(said) == 1:
            what += f" (the exports say {said.pop()}, and not in what unit)"
        found.append(ToDo(f"{shown}/study.yaml", f"line {line}, quantify.inj_uL", what))
    return tuple(found)


def _needs_volume(tables: Mapping[str, Sequence[Row]]) -> bool:
    return "standards" in tables and not any(row.get("inj_uL") for row in tables["injections"])


def _has(values: Mapping[str, Any], path: Sequence[str]) -> bool:
    current: Any = values
    for key in path:
        if not isinstance(current, Mapping) or key not in current:
            return False
        current = current[key]
    return True


def _rows(numbers: Sequence[int]) -> str:
    """Rows as ranges: rows 2–7, 9."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    texts = [f"{p[0]}–{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts]
    more = f" and {len(texts) - 6} more places" if len(texts) > 6 else ""
    return f"row{'s' if len(numbers) > 1 else ''} {', '.join(texts[:6])}{more}"


def _raw_words(root: Path, name: str, raw: Path) -> str:
    own = root / "raw" / name
    if own.exists() and own.resolve() == raw.resolve():
        return f"raw/{name}"
    return f"{raw} (raw/{name} is a link to it; copy it there to keep the study in one place)"


def _link_raw(root: Path, name: str, raw: Path) -> None:
    """Make raw/<name> a link to the exports, unless they are there."""
    own = root / "raw" / name
    if not own.exists():
        own.parent.mkdir(parents=True, exist_ok=True)
        own.symlink_to(raw.resolve(), target_is_directory=True)
