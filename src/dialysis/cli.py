"""The `dialysis` command: thin, every command calls one function of the package."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from dialysis import __version__
from dialysis.errors import DialysisError, problems_text

EXPORT_FORMATS = (
    "andi",
    "chromeleon",
    "chromeleon_report",
    "labsolutions",
    "delimited",
    "concentrations",
)


class _Commands(click.Group):
    """A command group that suggests the nearest command and shows errors without traceback."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(f"No such command '{name}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DialysisError as error:
            click.echo(f"{error}", err=True)
            sys.exit(1)


_ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Project root, where config/, raw/ and results/ are (default: here).",
)


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="dialysis")
def main() -> None:
    """In vivo microdialysis: from chromatogram exports to percent-of-baseline figures."""


@main.command()
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
@_ROOT
def simulate(
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
    click.echo(f"{study.n_injections} injections in {study.raw_dir}")
    if not no_tables:
        click.echo(f"configuration and tables in {study.config_dir}")
    click.echo(f"the known truth, which the pipeline never reads, in {study.truth_dir}")


@main.command()
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
    help="A treatment and its animals: 'mianserin 5 mg/kg s.c.: R02 R04'; once for each.",
)
@click.option("--mix", default="", help="The standard of 100 % (1×): 'NE 0.5 nM; DOPAC 5 nM'.")
@click.option("--lod", default="", help="Limits of detection of given concentrations, as --mix.")
@click.option("--analytes", default="", help="What was measured: 'NE DOPAC DA'.")
@click.option("--pattern", default="", help="Pattern of sample names: '{animal}_F{fraction}'.")
@click.option("--baseline", type=click.IntRange(1), help="Number of fractions before the dose.")
@click.option("--fraction", default="", help="Length of a fraction, min.")
@click.option("--flow", default="", help="Flow rate, µL/min.")
@click.option("--dead-volume", default="", help="Volume from membrane to vial, µL.")
@click.option("--inj", default="", help="Injected volume, µL, where the exports don't say it.")
@click.option("--region", default="", help="Brain region.")
@click.option("--start", default="", help="Start from vendor_peaks, areas or concentrations.")
@click.option("--format", "export_format", default="auto", help="Read every file as this format.")
@click.option("--workbook", is_flag=True, help="Write the tables as one Excel workbook.")
@_ROOT
def init(
    name: str,
    raw: Path,
    groups: tuple[str, ...],
    mix: str,
    lod: str,
    analytes: str,
    pattern: str,
    baseline: int | None,
    fraction: str,
    flow: str,
    dead_volume: str,
    inj: str,
    region: str,
    start: str,
    export_format: str,
    workbook: bool,
    root: Path,
) -> None:
    """Make config/NAME of a folder of exports, as far as files tell; nothing is overwritten."""
    from dialysis.init import Answers, init_study, read_group, read_mix, to_do_text
    from dialysis.init.answers import read_positive
    from dialysis.tables.inputs import CONCENTRATION_UNITS

    def number(text: str, option: str) -> float | None:
        return read_positive(text, option) if text else None

    answers = Answers(
        groups=tuple(read_group(text) for text in groups),
        mix=read_mix(mix),
        limits=read_mix(lod, "--lod", CONCENTRATION_UNITS),
        analytes=tuple(analytes.replace(",", " ").split()),
        pattern=pattern,
        start=start,
        baseline=baseline,
        fraction_min=number(fraction, "--fraction"),
        flow_uL_min=number(flow, "--flow"),
        dead_volume_uL=number(dead_volume, "--dead-volume"),
        inj_uL=number(inj, "--inj"),
        region=region,
    )
    made = init_study(root, name, raw, answers, export_format, workbook)
    click.echo(made.text)
    click.echo("To fill in:" if made.to_do else "", nl=bool(made.to_do))
    click.echo(to_do_text(made.to_do))
    click.echo(f"Then: dialysis check {name}")


@main.command(name="inspect")
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
@_ROOT
def inspect_command(
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
    return f"{plot} shows {n_traces} trace{'' if n_traces == 1 else 's'}."


@main.command()
@click.argument("study")
@_ROOT
def check(study: str, root: Path) -> None:
    """Check a study's configuration, tables and files without running it."""
    from dialysis.study.load import examine_study

    loaded, problems = examine_study(root, study)
    if loaded is not None and loaded.notes:
        click.echo("\n".join(["What was understood:", *(f"  {note}" for note in loaded.notes)]))
    if loaded is not None and loaded.warnings:
        click.echo(problems_text(loaded.warnings, f"Study '{study}'", "warning"))
    if problems:
        raise DialysisError(problems_text(problems, f"Study '{study}' can't be run"))
    if loaded is not None:
        injections = loaded.tables["injections"]
        runs = [run for run in injections["run"].unique() if run]
        measured = (
            f"{len(injections)} injections in {len(runs)} runs"
            if runs
            else f"{len(injections)} samples"
        )
        click.echo(
            f"Study '{study}' is ready: {len(loaded.tables['animals'])} animals, {measured}, "
            f"{len(loaded.outcomes)} outcomes."
        )


@main.command()
@click.argument("study")
@_ROOT
def verify(study: str, root: Path) -> None:
    """Recompute every hash from the exports to the review page."""
    from dialysis.study.load import load_study
    from dialysis.verify import verify_study

    states = verify_study(load_study(root.resolve(), study), code_root=root.resolve())
    if not states:
        raise DialysisError(
            f"results/{study}: found no results; expected those of a finished run. "
            f"Run 'snakemake --config study={study}'."
        )
    for state in states:
        click.echo(f"{state.state:8} {state.folder}")
        for reason in state.because:
            click.echo(f"         {reason}")
    counts = {
        kind: sum(s.state == kind for s in states) for kind in ("current", "stale", "altered")
    }
    click.echo(", ".join(f"{number} {kind}" for kind, number in counts.items()))
    if counts["stale"] or counts["altered"]:
        sys.exit(1)


@main.group(cls=_Commands)
def decisions() -> None:
    """Decisions of the review site: take them over, end a blinded review, list them."""


@decisions.command(name="import")
@click.argument("study")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@_ROOT
def import_command(study: str, file: Path, root: Path) -> None:
    """Check decisions.csv, append it to the log and change the tables of the study."""
    from dialysis.decisions_import import import_decisions

    done = import_decisions(root, study, file)
    known = f", {done.known} known already" if done.known else ""
    click.echo(f"{len(done.entries)} decisions appended to config/{study}/decisions.jsonl{known}")
    for table, added in done.added.items():
        removed = done.removed[table]
        if added or removed:
            click.echo(f"config/{study}/{table}: {added} rows added, {removed} removed")
    if any((*done.added.values(), *done.removed.values())):
        click.echo(f"Run 'snakemake --config study={study}' to apply them.")


@decisions.command()
@click.argument("study")
@click.option("--by", required=True, help="Who locks the decisions.")
@_ROOT
def lock(study: str, by: str, root: Path) -> None:
    """End a blinded review: the next run shows groups and statistics."""
    from dialysis.decisions_import import lock_decisions

    entry = lock_decisions(root, study, by)
    click.echo(f"Locked in line {entry.n} of config/{study}/decisions.jsonl.")
    click.echo(f"Run 'snakemake --config study={study}' to show groups and statistics.")


@decisions.command()
@click.argument("study")
@_ROOT
def show(study: str, root: Path) -> None:
    """List who decided what, when and why."""
    from dialysis.decisions import log_path, read_log
    from dialysis.decisions_import import log_text
    from dialysis.study.load import load_options

    load_options(root, study)
    click.echo(log_text(read_log(log_path(root / "config" / study))), nl=False)
