"""Read all exports of one HPLC run into the tables that the next stage reads."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from dialysis.chromatogram import Chromatogram, VendorReport
from dialysis.errors import ExportFormatError, Problem, problems_text
from dialysis.ingest.dates import settle_orders
from dialysis.ingest.exports import Export, read_export
from dialysis.ingest.pairing import pair
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.registry import READERS
from dialysis.study.start import VENDOR_PEAKS as VENDOR_PEAKS_START
from dialysis.tables.ingest import MANIFEST, TRACES, VENDOR_PEAKS

_SHOWN = 8


@dataclass(frozen=True)
class IngestedRun:
    """What `ingest` hands on for one run; see `dialysis.tables.ingest` for the columns.

    Parameters
    ----------
    traces : DataFrame
        `TRACES`: one row per injection × channel with the arrays.
    manifest : DataFrame
        `MANIFEST`: which bytes each row was read from.
    vendor_peaks : DataFrame
        `VENDOR_PEAKS`: the vendors' own integrations.
    """

    traces: pd.DataFrame
    manifest: pd.DataFrame
    vendor_peaks: pd.DataFrame


@dataclass(frozen=True)
class _Read:
    """One trace of one injection, with the injection's row, its file and its report's file.

    The trace has the injection time of the table where the export has none.  Where a study starts
    from vendor peaks, a report may stand for a trace that there is not.
    """

    row: Mapping[str, str]
    file: str
    size_bytes: int
    trace: Chromatogram | VendorReport
    report_file: str = ""
    report_sha256: str = ""


def ingest_run(
    injections: pd.DataFrame, raw_dir: Path, config: Mapping[str, Any], study: str = ""
) -> IngestedRun:
    """Read the exports of one run.

    Parameters
    ----------
    injections : DataFrame
        The run's injections: injection_id, run, injection_file (several files with ';' between
        them, traces and vendors' reports), section, injected_at, vial.  The last three may be
        absent.
    raw_dir : Path
        Folder the files are relative to.
    config : mapping
        Section `ingest` of study.yaml: ``format``, the readers' options, and ``start``: where it
        is ``vendor_peaks`` an injection needs no trace.
    study : str
        Name of the study; messages name files ``raw/<study>/<file>``.

    Returns
    -------
    IngestedRun
        Rows in the order of `injections`, then of the files and of the channels in them.

    Raises
    ------
    ExportFormatError
        With everything that is wrong with the run's files in one text.

    Notes
    -----
    `injected_at` and `vial` of the injections table stand in where the export has none.  A
    day/month order that a file leaves open is settled by the other injections of the run
    (`dialysis.ingest.dates.settle_orders`).  Reports join traces by injection time and channel
    (`dialysis.ingest.pairing`); a report alone is located by its section.
    """
    rows = [_row(record) for record in injections.to_dict("records")]
    found, problems = _read_run(rows, Path(raw_dir), config, study)
    if problems:
        runs = ", ".join(dict.fromkeys(row["run"] for row in rows))
        raise ExportFormatError(problems_text(problems, f"Exports of run '{runs}' can't be read"))
    times = settle_orders([(t.injected_at, t.injected_at_note) for t in (i.trace for i in found)])
    return IngestedRun(
        traces=_traces_frame(found, times),
        manifest=_manifest_frame(found, times),
        vendor_peaks=_vendor_frame(found),
    )


def examine_run(
    injections: pd.DataFrame, raw_dir: Path, config: Mapping[str, Any], study: str = ""
) -> tuple[pd.DataFrame, list[Problem]]:
    """Like `ingest_run`, but lists what is wrong instead of raising.

    Returns
    -------
    manifest : DataFrame
        `MANIFEST` of what could be read.
    problems : list of Problem
        Empty when all could.
    """
    rows = [_row(record) for record in injections.to_dict("records")]
    found, problems = _read_run(rows, Path(raw_dir), config, study)
    times = settle_orders([(t.injected_at, t.injected_at_note) for t in (i.trace for i in found)])
    return _manifest_frame(found, times), problems


def _read_run(
    rows: Sequence[Mapping[str, str]], raw_dir: Path, config: Mapping[str, Any], study: str
) -> tuple[list[_Read], list[Problem]]:
    """Traces of all injections, and what is wrong with them and their files."""
    alone = config.get("start") == VENDOR_PEAKS_START
    folder = "/".join(part for part in ("raw", study) if part)
    readers = [reader.configured(config) for reader in READERS]
    exports, problems = _read_files(rows, raw_dir, str(config["format"]), folder, readers)
    found: list[_Read] = []
    for row in rows:
        mine = _traces_of(row, exports, folder, problems, alone)
        twice = _twice(row, mine, folder)
        bad_time = _bad_time(row, mine, study)
        problems += [*twice, *bad_time]
        if not twice and not bad_time:
            mine = [_timed(item) for item in mine]
            mine = _with_reports(row, mine, exports, folder, problems)
        found += mine
    return found, problems


def _row(record: Mapping[Any, Any]) -> dict[str, str]:
    """The cells that matter, as text; absent ones are empty."""
    names = ("injection_id", "run", "injection_file", "section", "injected_at", "vial")
    cells = {name: record.get(name, "") for name in names}
    return {name: "" if pd.isna(cell) else str(cell).strip() for name, cell in cells.items()}


def _files(row: Mapping[str, str]) -> list[str]:
    return [part.strip() for part in row["injection_file"].split(";") if part.strip()]


def _read_files(
    rows: Sequence[Mapping[str, str]],
    raw_dir: Path,
    format: str,
    folder: str,
    readers: Sequence[Reader],
) -> tuple[dict[str, Export], list[Problem]]:
    """Read every file once, however many injections it holds."""
    users: dict[str, list[str]] = {}
    for row in rows:
        for name in _files(row):
            users.setdefault(name, []).append(row["injection_id"])
    exports: dict[str, Export] = {}
    problems: list[Problem] = []
    for name in tqdm(users, desc="reading exports", unit="file", file=sys.stderr, disable=None):
        try:
            exports[name] = read_export(raw_dir / name, format, readers)
        except BadExport as error:
            shown = error.named(f"{folder}/{name}", _injections_text(users[name]))
            problems.append(shown.problem)
    return exports, problems


def _injections_text(ids: Sequence[str]) -> str:
    word = "injection" if len(ids) == 1 else "injections"
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return f"{word} {', '.join(ids[:_SHOWN])}{more}"


def _traces_of(
    row: Mapping[str, str],
    exports: Mapping[str, Export],
    folder: str,
    problems: list[Problem],
    alone: bool,
) -> list[_Read]:
    """Traces of one injection; what can't be located is added to `problems`.

    Without any trace they are the reports, when these may stand `alone`.
    """
    found = []
    where = f"injection {row['injection_id']}"
    files = _files(row)
    no_trace = all(name in exports and not exports[name].chromatograms for name in files)
    if not files:
        problems.append(Problem(folder, where, "no file", "at least one file"))
    elif no_trace and not alone:
        problems.append(
            Problem(
                f"{folder}/{files[0]}",
                where,
                "the vendor's results and no trace",
                "the trace of the injection",
                "Name it beside the report in injection_file, with ';' between them, or take the "
                "vendor's peaks (ingest.start: vendor_peaks).",
            )
        )
    for name in files:
        export = exports.get(name)
        if export is None:
            continue
        items = export.reports if no_trace and alone else export.chromatograms
        if not items:
            continue
        there = list(dict.fromkeys(item.section for item in items))
        wanted = row["section"]
        if not wanted and len(there) == 1:
            wanted = there[0]
        if wanted not in there:
            problems.append(_section_problem(row, f"{folder}/{name}", items, there))
            continue
        found += [
            _Read(row, name, export.size_bytes, item) for item in items if item.section == wanted
        ]
    return found


def _section_problem(
    row: Mapping[str, str],
    shown: str,
    items: Sequence[Chromatogram | VendorReport],
    there: Sequence[str],
) -> Problem:
    where = f"injection {row['injection_id']}"
    if there == [""]:
        return Problem(
            shown,
            where,
            f"one injection without a section, section '{row['section']}' asked for",
            "no section for a file with one injection",
            "Leave 'section' empty in injections.csv.",
        )
    first = {item.section: item for item in reversed(items)}
    listed = "; ".join(
        f"'{name}'" + (f" ({first[name].injected_at})" if first[name].injected_at else "")
        for name in there[:_SHOWN]
    )
    more = f"; and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    asked = f"section '{row['section']}' asked for" if row["section"] else "no section asked for"
    return Problem(
        shown,
        where,
        f"{len(there)} injections, {asked}",
        f"one of the sections {listed}{more}",
        "Name it in column 'section' of injections.csv.",
    )


def _twice(row: Mapping[str, str], mine: Sequence[_Read], folder: str) -> list[Problem]:
    first: dict[str, str] = {}
    problems = []
    for item in mine:
        channel = item.trace.channel
        if channel in first:
            problems.append(
                Problem(
                    f"{folder}/{item.file}",
                    f"injection {row['injection_id']}",
                    f"channel '{channel}' again (first in {folder}/{first[channel]})",
                    "every channel of an injection once",
                    "Name only one of the two files in injections.csv.",
                )
            )
        first.setdefault(channel, item.file)
    return problems


def _bad_time(row: Mapping[str, str], mine: Sequence[_Read], study: str) -> list[Problem]:
    """The table's injection time, where it is needed and is not ISO 8601."""
    given = row["injected_at"]
    if not given or all(item.trace.injected_at for item in mine):
        return []
    try:
        datetime.fromisoformat(given)
    except ValueError:
        return [
            Problem(
                "/".join(part for part in ("config", study, "injections.csv") if part),
                f"injection {row['injection_id']}, column injected_at",
                f"'{given}'",
                "ISO 8601, like 2024-04-13T09:53:42",
            )
        ]
    return []


def _timed(item: _Read) -> _Read:
    """Give the trace the table's injection time where its export has none."""
    trace = item.trace
    if trace.injected_at or not item.row["injected_at"]:
        return item
    given = datetime.fromisoformat(item.row["injected_at"]).isoformat()
    note = "; ".join(part for part in (trace.injected_at_note, "from injections.csv") if part)
    return replace(item, trace=replace(trace, injected_at=given, injected_at_note=note))


def _with_reports(
    row: Mapping[str, str],
    mine: Sequence[_Read],
    exports: Mapping[str, Export],
    folder: str,
    problems: list[Problem],
) -> list[_Read]:
    """Add the peaks of the injection's report files; what does not belong to it is a problem."""
    items = list(mine)
    for name in _files(row):
        reports = exports[name].reports if name in exports else ()
        traces = [item.trace for item in items if isinstance(item.trace, Chromatogram)]
        if not reports or not traces:
            continue
        try:
            pairs = pair(traces, _of_section(row, reports))
        except BadExport as error:
            shown = error.named(f"{folder}/{name}", f"injection {row['injection_id']}")
            problems.append(shown.problem)
            continue
        items = [
            item
            if report is None
            else replace(item, trace=trace, report_file=name, report_sha256=report.sha256)
            for item, (trace, report) in zip(items, pairs, strict=True)
        ]
    return items


def _of_section(row: Mapping[str, str], reports: Sequence[VendorReport]) -> Sequence[VendorReport]:
    """Reports of the section that is asked for, when the file has it."""
    chosen = [report for report in reports if report.section and report.section == row["section"]]
    return chosen or reports


def _traces_frame(found: Sequence[_Read], times: Sequence[tuple[str, str]]) -> pd.DataFrame:
    rows = [
        {
            "injection_id": item.row["injection_id"],
            "run": item.row["run"],
            "channel": item.trace.channel,
            "detector": item.trace.detector,
            "unit": item.trace.unit,
            "start_s": item.trace.start_s,
            "interval_s": item.trace.interval_s,
            "n_points": item.trace.n_points,
            "time_s": item.trace.time_s,
            "signal": item.trace.signal,
            "injected_at": iso,
            "sample_name": item.trace.sample_name,
            "vial": item.trace.vial or item.row["vial"],
            "method": item.trace.method,
        }
        for item, (iso, _) in zip(found, times, strict=True)
        if isinstance(item.trace, Chromatogram)
    ]
    return TRACES.coerce(pd.DataFrame(rows, columns=TRACES.column_names))


def _manifest_frame(found: Sequence[_Read], times: Sequence[tuple[str, str]]) -> pd.DataFrame:
    rows = [
        {
            "injection_id": item.row["injection_id"],
            "run": item.row["run"],
            "channel": item.trace.channel,
            "file": item.file,
            "section": item.trace.section,
            "sha256": item.trace.sha256,
            "size_bytes": item.size_bytes,
            "format": item.trace.format,
            "injected_at": iso,
            "injected_at_note": note,
            "sample_name": item.trace.sample_name,
            "vial": item.trace.vial or item.row["vial"],
            "unit": item.trace.unit,
            "report_file": item.report_file,
            "report_sha256": item.report_sha256,
            **_extent(item.trace),
        }
        for item, (iso, note) in zip(found, times, strict=True)
    ]
    return MANIFEST.coerce(pd.DataFrame(rows, columns=MANIFEST.column_names))


def _extent(trace: Chromatogram | VendorReport) -> dict[str, float]:
    """Number of points, times and range of a trace; a report alone has no points."""
    if isinstance(trace, VendorReport):
        return {"n_points": 0}
    return {
        "n_points": trace.n_points,
        "interval_s": trace.interval_s,
        "first_s": trace.times_s[0],
        "last_s": trace.times_s[-1],
        "signal_min": trace.signal.min(),
        "signal_max": trace.signal.max(),
    }


def _vendor_frame(found: Sequence[_Read]) -> pd.DataFrame:
    rows = [
        {
            "injection_id": item.row["injection_id"],
            "run": item.row["run"],
            "channel": item.trace.channel,
            **{name: getattr(peak, name) for name in VENDOR_PEAKS.column_names[3:]},
        }
        for item in found
        for peak in item.trace.vendor_peaks
    ]
    return VENDOR_PEAKS.coerce(pd.DataFrame(rows, columns=VENDOR_PEAKS.column_names))
