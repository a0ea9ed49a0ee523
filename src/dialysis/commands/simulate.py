"""`dialysis simulate`: studies with known truth."""

from __future__ import annotations

from pathlib import Path

import click

from dialysis.commands.options import ROOT

EXPORT_FORMATS = ("andi", "chromeleon", "labsolutions", "delimited")


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
@ROOT
def command(
    design: str, name: str | None, seed: int | None, export_format: str, force: bool, root: Path
) -> None:
    """Write a study with known truth: raw/NAME, config/NAME and truth/NAME."""
    from dialysis.simulate import write_study

    study = write_study(
        root=root, design=design, name=name, seed=seed, export_format=export_format, force=force
    )
    click.echo(f"{study.n_injections} injections in {study.raw_dir}")
    click.echo(f"configuration and tables in {study.config_dir}")
    click.echo(f"the known truth, which the pipeline never reads, in {study.truth_dir}")
