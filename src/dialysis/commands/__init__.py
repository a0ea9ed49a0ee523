"""The commands of `dialysis`: one module each, whose `command` the parser in `cli` picks up."""
