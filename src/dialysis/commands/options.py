"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dialysis.study.load import Study


def _number_or_all(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value and value != "all" and not (value.isdecimal() and int(value) > 0):
        raise click.BadParameter(f"found '{value}'; expected a whole number from 1, or all.")
    return value


ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Project root, where config/, raw/ and results/ are (default: here).",
)
STUDY = click.argument("study", metavar="NAME")
CORES = click.option(
    "-c",
    "--cores",
    metavar="NUMBER",
    default="",
    callback=_number_or_all,
    help="How many processors to use (default: all).",
)


def stage_or_hint(name: str, study: Study, also: tuple[str, ...] = ()) -> None:
    """Accept the name of a stage that a study has, or one of some other names.

    Raises
    ------
    click.UsageError
        Naming the stages there are.
    """
    from dialysis.stages import STAGE_RULES, stages_of
    from dialysis.study.config import did_you_mean

    known = [*also, *stages_of(study.start)]
    if name in known:
        return
    if name in STAGE_RULES:
        hint = f"The study starts from {study.start} and has no such stage."
    else:
        hint = did_you_mean(name, known)
    raise click.UsageError(
        f"found '{name}'; expected one of {', '.join(known)}.{f' {hint}' if hint else ''}"
    )
