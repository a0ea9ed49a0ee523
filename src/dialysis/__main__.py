"""`python -m dialysis` is the `dialysis` command."""

from dialysis.cli import main

main(prog_name="dialysis")
