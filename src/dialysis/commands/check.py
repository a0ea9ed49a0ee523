"""`dialysis check`: what is wrong with a study, without running it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dialysis.commands.options import ROOT, STUDY
from dialysis.errors import Problem
from dialysis.words import counted

if TYPE_CHECKING:
    from dialysis.examine import Report

_MOST_ALIKE = 3


@click.command(name="check")
@STUDY
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@ROOT
def command(study: str, as_json: bool, root: Path) -> None:
    """Check a study's options, tables and exports against each other, without running it.

    Everything that is wrong is listed at once, by file: where, what was found, what was expected
    and what to do.  Warnings are about what is odd but may be meant.  Ends with 1 when something
    is wrong, with 0 when nothing is, warnings or not.
    """
    from dialysis.examine import examine

    report = examine(root, study)
    click.echo(json_report(report) if as_json else text_report(report))
    if report.problems:
        sys.exit(1)


def json_report(report: Report) -> str:
    """Everything that was found as JSON, schema ``dialysis.check/1``."""

    def listed(problems: Iterable[Problem]) -> list[dict[str, str]]:
        names = ("file", "where", "found", "expected", "remedy")
        return [{name: getattr(problem, name) for name in names} for problem in problems]

    content = {
        "schema": "dialysis.check/1",
        "study": report.name,
        "ready": not report.problems,
        "problems": listed(report.problems),
        "warnings": listed(report.warnings),
        "understood": list(report.study.notes) if report.study else [],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def text_report(report: Report) -> str:
    """Everything that was found, by file, problems first."""
    lines = []
    if report.study is not None and report.study.notes:
        lines += ["What was understood:", *(f"  {note}" for note in report.study.notes), ""]
    if report.problems:
        heading = f"Study '{report.name}' can't be run: {counted(len(report.problems), 'problem')}"
        lines += [heading, *_by_file(report.problems), ""]
    if report.warnings:
        lines += [
            f"{counted(len(report.warnings), 'warning')}: odd, but it may be meant",
            *_by_file(report.warnings),
            "",
        ]
    lines.append(_verdict(report))
    return "\n".join(lines)


def _by_file(problems: Iterable[Problem]) -> list[str]:
    """Problems under their files; those that differ only in their row are told once."""
    files: dict[str, list[Problem]] = {}
    for problem in problems:
        files.setdefault(problem.file, []).append(problem)
    lines = []
    for file, mine in files.items():
        lines.append(f"\n{file}")
        alike: dict[tuple[str, ...], list[Problem]] = {}
        for problem in mine:
            column = problem.where.partition(", ")[2]
            alike.setdefault((column, problem.found, problem.expected), []).append(problem)
        for group in alike.values():
            lines += _told(group)
    return lines


def _told(group: list[Problem]) -> list[str]:
    first = group[0]
    where = first.where
    if len(group) > 1:
        rows = [problem.where.partition(", ")[0] for problem in group]
        more = f" and {len(rows) - _MOST_ALIKE} more" if len(rows) > _MOST_ALIKE else ""
        column = where.partition(", ")[2]
        where = f"{', '.join(rows[:_MOST_ALIKE])}{more}{f', {column}' if column else ''}"
    lines = [f"  {where}: found {first.found}" if where else f"  found {first.found}"]
    lines.append(f"    expected {first.expected}")
    if first.remedy:
        lines.append(f"    {first.remedy}")
    return lines


def _verdict(report: Report) -> str:
    if report.problems or report.study is None:
        mend = "Mend them" if len(report.problems) > 1 else "Mend it"
        return f"{mend} and run 'dialysis check {report.name}' again."
    tables = report.study.tables
    runs = [run for run in tables["injections"]["run"].unique() if run]
    n = len(tables["injections"])
    measured = counted(n, "injection" if runs else "sample")
    measured += f" in {counted(len(runs), 'run')}" if runs else ""
    return (
        f"Study '{report.name}' is ready: {counted(len(tables['animals']), 'animal')}, "
        f"{measured}, {counted(len(report.study.outcomes), 'outcome')}. "
        f"Run it: dialysis run {report.name}"
    )
