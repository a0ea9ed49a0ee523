"""`dialysis inspect`: what export files hold."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dialysis.commands.options import ROOT
from dialysis.words import counted


@click.command(name="inspect")
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(path_type=Path, exists=True)
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a picture of the traces: FILE.pdf with all pages, or FILE.png with the first.",
)
@click.option("--format", "export_format", default="auto", help="Read every file as this format.")
@click.option("--study", help="Read as this study would, with the options of its study.yaml.")
@ROOT
def command(
    paths: tuple[Path, ...],
    as_json: bool,
    plot: Path | None,
    export_format: str,
    study: str | None,
    root: Path,
) -> None:
    """Say what export files or folders of them hold, and what is wrong with them.

    Ends with 1 when a file can't be read or there is no export at all.
    """
    from dialysis.ingest import READERS
    from dialysis.inspect import inspect_files, json_text, table_text
    from dialysis.inspect_plot import ENDINGS, PER_PAGE, Gallery, save_gallery
    from dialysis.study.load import load_options

    readers = list(READERS)
    if study is not None:
        options = load_options(root, study)["ingest"]
        readers = [reader.configured(options) for reader in READERS]
        export_format = options["format"] if export_format == "auto" else export_format
    known = ["auto", *(reader.key for reader in readers)]
    if export_format not in known:
        raise click.UsageError(f"--format {export_format}: expected one of {', '.join(known)}.")
    if plot is not None and plot.suffix not in ENDINGS:
        raise click.UsageError(f"--plot {plot}: expected a name ending in {' or '.join(ENDINGS)}.")
    gallery = Gallery(PER_PAGE if plot is not None and plot.suffix == ".png" else None)
    inspection = inspect_files(
        paths, export_format, readers, gallery.add if plot is not None else None
    )
    if plot is not None and gallery.n_traces:
        save_gallery(gallery, plot)
    click.echo(
        json_text(inspection) if as_json else table_text(inspection, readers).rstrip("\n"),
        nl=not as_json,
    )
    if plot is not None:
        click.echo(_plot_words(plot, gallery.n_traces, PER_PAGE), err=True)
    if not inspection.good:
        sys.exit(1)


def _plot_words(plot: Path, n_traces: int, per_page: int) -> str:
    if not n_traces:
        return f"{plot} is not written: there is no trace to draw."
    if plot.suffix == ".png" and n_traces > per_page:
        return f"{plot} shows the first {per_page} of {n_traces} traces; a .pdf shows all."
    return f"{plot} shows {counted(n_traces, 'trace')}."
