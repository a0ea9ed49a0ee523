"""`dialysis init`: a study from a folder of exports."""

from __future__ import annotations

from pathlib import Path

import click

from dialysis.commands.options import ROOT


@click.command(name="init")
@click.argument("name")
@click.option(
    "--raw",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the exports, or of a table of areas or concentrations.",
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="TEXT",
    help="A treatment and its animals: 'mianserin 5 mg/kg s.c.: R02 R04'; once for each. A second "
    "dose, min after the first: 'morphine 1 mg/kg then naloxone 1 mg/kg at 40: R01'.",
)
@click.option(
    "--animals",
    "animals_file",
    type=click.Path(path_type=Path),
    help="Your own list of animals instead of --group: a CSV file or an Excel workbook.",
)
@click.option("--mix", default="", help="The standard of 100 % (1×): 'NE 0.5 nM; DOPAC 5 nM'.")
@click.option("--lod", default="", help="Limits of detection of given concentrations, as --mix.")
@click.option("--analytes", default="", help="What was measured: 'NE DOPAC DA'.")
@click.option("--pattern", default="", help="Pattern of sample names: '{animal}_F{fraction}'.")
@click.option("--baseline", default="", help="Number of fractions before the dose.")
@click.option("--fraction", default="", help="Length of a fraction, min.")
@click.option("--flow", default="", help="Flow rate, µL/min.")
@click.option("--dead-volume", default="", help="Volume from membrane to vial, µL.")
@click.option("--inj", default="", help="Injected volume, µL, where the exports don't say it.")
@click.option("--region", default="", help="Brain region.")
@click.option("--start", default="", help="Start from vendor_peaks, areas or concentrations.")
@click.option("--format", "export_format", default="auto", help="Read every file as this format.")
@click.option(
    "--layout",
    "layout_file",
    type=click.Path(path_type=Path),
    help="A YAML file with section ingest, for exports that don't say how they are laid out.",
)
@click.option("--workbook", is_flag=True, help="Write the tables as one Excel workbook.")
@ROOT
def command(
    name: str,
    raw: Path,
    groups: tuple[str, ...],
    animals_file: Path | None,
    mix: str,
    lod: str,
    analytes: str,
    pattern: str,
    baseline: str,
    fraction: str,
    flow: str,
    dead_volume: str,
    inj: str,
    region: str,
    start: str,
    export_format: str,
    layout_file: Path | None,
    workbook: bool,
    root: Path,
) -> None:
    """Make config/NAME of a folder of exports, as far as files tell; nothing is overwritten."""
    from dialysis.init import (
        Answers,
        init_study,
        read_animal_list,
        read_group,
        read_layout,
        read_mix,
        to_do_text,
    )
    from dialysis.init.answers import read_count, read_positive
    from dialysis.tables.inputs import CONCENTRATION_UNITS

    def number(text: str, option: str) -> float | None:
        return read_positive(text, option) if text else None

    answers = Answers(
        groups=tuple(read_group(text) for text in groups),
        animals=read_animal_list(animals_file) if animals_file else None,
        mix=read_mix(mix),
        limits=read_mix(lod, "--lod", CONCENTRATION_UNITS),
        analytes=tuple(analytes.replace(",", " ").split()),
        pattern=pattern,
        start=start,
        baseline=read_count(baseline, "--baseline") if baseline else None,
        fraction_min=number(fraction, "--fraction"),
        flow_uL_min=number(flow, "--flow"),
        dead_volume_uL=number(dead_volume, "--dead-volume"),
        inj_uL=number(inj, "--inj"),
        region=region,
        layout=read_layout(layout_file) if layout_file else None,
    )
    made = init_study(root, name, raw, answers, export_format, workbook)
    click.echo(made.text)
    click.echo("To fill in:" if made.to_do else "", nl=bool(made.to_do))
    click.echo(to_do_text(made.to_do))
    click.echo(f"Then: dialysis check {name}")
