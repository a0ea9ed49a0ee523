"""`dialysis trace`: from a figure or a cell of a table back to the raw files."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dialysis.commands.options import ROOT
from dialysis.words import shortened

if TYPE_CHECKING:
    from dialysis.trace import CellChain, FileChain, Link, Measurement, Value

_MOST = 6


@click.command(name="trace")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--cell",
    default="",
    help="A cell of a table: F12, 12:pct_of_baseline (line 12 of the file), or "
    "animal_id=R01,fraction=5.",
)
@click.option("--all", "everything", is_flag=True, help="List every file, not only the first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@ROOT
def command(file: Path, cell: str, everything: bool, as_json: bool, root: Path) -> None:
    """Print the chain from FILE, a figure or a table of results, back to raw files.

    With --cell the chain of a value: percent of baseline, concentration, calibration, area,
    injection, raw file with its sha256.  Supports traceability: every step is held against the
    hash that was written down when it was made.
    """
    from dialysis.trace import find_study, require_root, trace_cell, trace_file

    require_root(root)
    _, path = find_study(root, file)
    base = root.resolve()
    most = 10**9 if everything else _MOST
    if cell:
        chain = trace_cell(base, path, cell)
        click.echo(_json(chain) if as_json else cell_text(chain, most))
    else:
        files = trace_file(base, path)
        click.echo(_json(files) if as_json else file_text(files, most))


def _json(chain: Any) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): plain(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(part) for part in value]
        if value is None or isinstance(value, (str, bool, int)):
            return value
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None if str(value) == "<NA>" else str(value)
        return number if math.isfinite(number) else None

    report = {"schema": "dialysis.trace/1"} | dataclasses.asdict(chain)
    return json.dumps(plain(report), indent=2, ensure_ascii=False)


def file_text(chain: FileChain, most: int) -> str:
    """The chain of a file."""
    versions = ", ".join(f"{name} {chain.versions[name]}" for name in ("dialysis", "python"))
    lines = [
        chain.target.file,
        f"  {_link(chain.target)}",
        f"  made by {chain.rule} ({versions})",
        "made from",
    ]
    for step in chain.steps:
        names = [Path(link.file).name for link in step.files]
        lines.append(f"  {step.folder}: {shortened(names, most)}{_changed(step.files)}")
        if most > _MOST:
            lines += [f"    {Path(link.file).name}  {_link(link)}" for link in step.files]
    lines.append(f"  options and tables: {', '.join(_settings(chain.settings))}")
    lines += _raw_lines(chain.raw, most)
    return "\n".join(lines)


def _raw_lines(raw: tuple[Link, ...], most: int) -> list[str]:
    if not raw:
        return ["raw files: none; the study starts from a table that a person filled in"]
    lines = [f"raw files: {len(raw)}{_changed(raw)}"]
    odd = [link for link in raw if link.state != "unchanged"]
    shown = [*odd, *(link for link in raw if link.state == "unchanged")][:most]
    lines += [f"  {link.file}  {_link(link)}" for link in shown]
    if len(raw) > len(shown):
        lines.append(f"  and {len(raw) - len(shown)} more: --all lists them")
    return lines


def _link(link: Link) -> str:
    now = {"unchanged": "", "changed": "  CHANGED since", "gone": "  GONE"}[link.state]
    return f"sha256 {link.sha256}{now}"


def _changed(links: Iterable[Link]) -> str:
    odd = [link for link in links if link.state != "unchanged"]
    return f" ({len(odd)} not as written any more)" if odd else ""


def _settings(names: Iterable[str]) -> list[str]:
    """Sections of study.yaml and tables; the stamps of code are left out."""
    sections = [Path(n).stem for n in names if n.startswith("config/")]
    tables = {
        f"{Path(n).stem.split('_')[0] if 'exclusions' in n else Path(n).stem}.csv"
        for n in names
        if n.startswith(("tables/", "runs/")) and n.endswith(".csv") and not n.endswith("files.csv")
    }
    return [f"study.yaml ({', '.join(sections)})", *sorted(tables)]


def cell_text(chain: CellChain, most: int) -> str:
    """The chain of a cell."""
    from dialysis.trace_rows import is_of_model

    rows = shortened([str(row) for row in chain.rows], most)
    plural = "s" if len(chain.rows) > 1 else ""
    lines = [f"{chain.file}, row{plural} {rows}{f', {chain.column}' if chain.column else ''}"]
    if chain.column:
        lines.append(f"  {chain.column} = {shortened([_number(c) for c in chain.cells], most)}")
    if len(chain.values) == 1:
        lines += _value_lines(chain.values[0])
    elif chain.values:
        animals = {str(value.row["animal_id"]) for value in chain.values}
        count = f"{len(chain.values)} percents of baseline of {len(animals)} animals"
        of_model = is_of_model(Path(chain.file), chain.column)
        model = "; the model also has the other values of the outcome" if of_model else ""
        lines.append(f"  from {count} in normalize/timecourse.csv{model}")
        for value in chain.values[:most]:
            lines.append(f"    {_one_line(value)}")
        if len(chain.values) > most:
            lines.append(f"    and {len(chain.values) - most} more: --all lists them")
    for measurement in chain.measurements[:most]:
        lines += _measurement_lines(measurement, "  ")
    if len(chain.measurements) > most:
        lines.append(f"  and {len(chain.measurements) - most} more: --all lists them")
    if not chain.values and not chain.measurements:
        lines.append("  no single measurement stands behind it; the chain of the whole table is")
        lines += [f"  {line}" for line in file_text(chain.files, most).splitlines()]
    lines.append(f"table {_link(chain.files.target)}")
    lines.append("Whether everything is current: dialysis verify " + Path(chain.file).parts[1])
    return "\n".join(lines)


def _value_lines(value: Value) -> list[str]:
    row = value.row
    unit = row["conc_unit"]
    lines = [
        f"  {row['outcome_label']}, animal {row['animal_id']}, probe {row['probe_id']}, "
        f"fraction {row['fraction']}, {_number(row['time_min'])} min from the dose"
    ]
    if row["pct_of_baseline"]:
        lines.append(
            f"  percent of baseline {_number(row['pct_of_baseline'])} = 100 × "
            f"{_number(row['conc'])} / {_number(row['baseline'])} ({unit})"
        )
    if row["used"] != "true":
        lines.append(f"  not used: {row['reason']}")
    lines.append(f"  concentration {_number(row['conc'])} {unit}")
    for measurement in value.fraction:
        lines += _measurement_lines(measurement, "    ")
    if not value.fraction:
        lines.append("    no injection of this fraction")
    lines.append(
        f"  baseline {_number(row['baseline'])} {unit}, the mean of fractions "
        f"{', '.join(str(number) for number in value.baseline) or 'none'}"
    )
    for measurements in value.baseline.values():
        for measurement in measurements:
            lines += _measurement_lines(measurement, "    ")
    return lines


def _measurement_lines(measurement: Measurement, indent: str) -> list[str]:
    named = f"{measurement.analyte} of " if measurement.analyte else ""
    lines = [f"{indent}{named}injection {measurement.injection_id}"]
    values, line, peak = measurement.values, measurement.calibration, measurement.peak
    if values:
        lines.append(
            f"{indent}  {_number(values['conc_nM'])} nM, {_number(values['fmol_on_column'])} fmol "
            f"on column, response {_number(values['response'])} ({values['response_kind']})"
        )
    if line and line["status"] == "ok":
        lines.append(
            f"{indent}  calibration of {line['run']}: slope {_number(line['slope'])}, intercept "
            f"{_number(line['intercept'])}, {line['model']}, from {line['n_points']} standards "
            f"({shortened(list(measurement.standards), 3)})"
        )
    if peak:
        lines.append(
            f"{indent}  area {_number(peak['area'])} at {_number(peak['rt_min'])} min, "
            f"{_number(peak['start_min'])} to {_number(peak['end_min'])} min, by {peak['method']}"
            if peak["found"]
            else f"{indent}  no peak: {peak['reason']}"
        )
    internal = measurement.internal_standard
    if internal:
        lines.append(
            f"{indent}  internal standard {internal['analyte']}: area {_number(internal['area'])} "
            f"at {_number(internal['rt_min'])} min"
        )
    lines += [f"{indent}  {link.file}  {_link(link)}" for link in measurement.raw]
    if not measurement.raw:
        lines.append(f"{indent}  as it stands in the study's table")
    return lines


def _one_line(value: Value) -> str:
    row = value.row
    raw = [link for measurement in value.fraction for link in measurement.raw]
    where = f"{raw[0].file}  {_link(raw[0])}" if raw else "as it stands in the study's table"
    areas = ", ".join(
        f"area {_number(m.peak['area'])}" for m in value.fraction if m.peak and m.peak["found"]
    )
    return (
        f"{row['probe_id']}, fraction {row['fraction']}: {_number(row['pct_of_baseline'])} % of "
        f"baseline, {_number(row['conc'])} {row['conc_unit']}, {f'{areas}, ' if areas else ''}"
        f"{row['injection_id']}, {where}"
    )


def _number(value: Any) -> str:
    """A number with five digits; anything else as it is."""
    try:
        return f"{float(value):.5g}"
    except (TypeError, ValueError):
        return "none" if value is None or str(value) in ("", "<NA>") else str(value)
