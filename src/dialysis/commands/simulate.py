"""`dialysis simulate`: studies with known truth."""

from __future__ import annotations

from pathlib import Path

import click

from dialysis.commands.options import ROOT
from dialysis.words import counted

EXPORT_FORMATS = (
    "andi",
    "chromeleon",
    "chromeleon_report",
    "labsolutions",
    "delimited",
    "concentrations",
)


@click.command(name="simulate")
@click.argument("design", default="demo")
@click.option("--name", help="Name of the study (default: that of the design).")
@click.option("--seed", type=int, help="Seed of the random numbers (default: the design's).")
@click.option(
    "--format",
    "export_format",
    type=click.Choice(EXPORT_FORMATS),
    default="andi",
    show_default=True,
    help="Format of the simulated exports.",
)
@click.option("--force", is_flag=True, help="Replace a study of that name.")
@click.option(
    "--no-tables", is_flag=True, help="Only exports, with another lab's names: for dialysis init."
)
@click.option("--no-standards", is_flag=True, help="Only samples; with --no-tables.")
@ROOT
def command(
    design: str,
    name: str | None,
    seed: int | None,
    export_format: str,
    force: bool,
    no_tables: bool,
    no_standards: bool,
    root: Path,
) -> None:
    """Write a study with known truth: raw/NAME, config/NAME and truth/NAME."""
    from dialysis.simulate import write_study

    if not no_tables and (no_standards or export_format in ("chromeleon_report", "concentrations")):
        wanted = "--no-standards" if no_standards else f"--format {export_format}"
        raise click.UsageError(f"{wanted} needs --no-tables.")
    study = write_study(
        root=root,
        design=design,
        name=name,
        seed=seed,
        export_format=export_format,
        force=force,
        tables=not no_tables,
        standards=not no_standards,
    )
    files = sum(path.is_file() for path in study.raw_dir.rglob("*"))
    measured = counted(study.n_injections, "injection")
    if export_format == "concentrations":
        measured = "concentrations of all samples"
    if files != study.n_injections:
        measured += f" ({counted(files, 'file')})"
    click.echo(f"{measured} in {study.raw_dir}")
    if not no_tables:
        click.echo(f"configuration and tables in {study.config_dir}")
    click.echo(f"the known truth, which the pipeline never reads, in {study.truth_dir}")
