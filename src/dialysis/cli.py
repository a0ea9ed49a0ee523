"""The `dialysis` command: parses, shows errors; each command is a module of `commands`."""

from __future__ import annotations

import difflib
import sys

import click

from dialysis import __version__
from dialysis.commands import (
    bundle,
    check,
    clean,
    decisions,
    init,
    inspect,
    rerun,
    run,
    simulate,
    verify,
)
from dialysis.errors import DialysisError


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


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="dialysis")
def main() -> None:
    """In vivo microdialysis: from chromatogram exports to percent-of-baseline figures."""


for _module in (bundle, check, clean, decisions, init, inspect, rerun, run, simulate, verify):
    main.add_command(_module.command)
