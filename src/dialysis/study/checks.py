"""Check a study's configuration and tables against each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from dialysis.errors import Problem
from dialysis.study.checks_analytes import check_analytes, check_limits, check_standards
from dialysis.study.checks_animals import check_animals, check_doses, check_outcomes, check_probes
from dialysis.study.checks_decisions import check_events, check_exclusions
from dialysis.study.checks_given import check_areas, check_concentrations
from dialysis.study.checks_injections import check_fractions, check_injections
from dialysis.study.checks_shared import Config, Found, Tables
from dialysis.study.plausibility import PLAUSIBILITY


def check_study(
    config: Mapping[str, Any] | None,
    tables: Tables,
    shown: str,
    broken: Collection[str] = (),
) -> tuple[list[Problem], list[Problem]]:
    """List what is wrong between the tables, and what is only odd.

    A check is made when all the tables it looks at could be read, so that one mistake is not
    reported several times, and every mistake that can be seen is reported.

    Parameters
    ----------
    config : mapping or None
        Sections of study.yaml with defaults; ``None`` when it has problems of its own.
    tables : mapping of str to DataFrame
        Input tables whose index is the line in the file.
    shown : str
        Folder as named in messages, ``config/<study>``.
    broken : collection of str
        Names of tables with problems of their own.

    Returns
    -------
    problems, warnings : list of Problem
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for check, needs in _CHECKS:
        blocking = set(needs) & set(broken)
        # Cells of standards.csv that can't be read hide no other mistake of it.
        if blocking == {"standards"} and len(tables["standards"]):
            blocking = set()
        if not blocking:
            found, odd = check(config, tables, shown)
            problems += found
            warnings += odd
    for look, needs in PLAUSIBILITY:
        if not set(needs) & set(broken):
            found, odd = look(config, tables, shown)
            problems += found
            warnings += odd
    return problems, warnings


_CHECKS: tuple[tuple[Callable[[Config, Tables, str], Found], tuple[str, ...]], ...] = (
    (check_animals, ("animals",)),
    (check_probes, ("animals", "probes")),
    (check_analytes, ("analytes", "injections")),
    (check_injections, ("injections", "animals", "probes")),
    (check_fractions, ("injections", "probes")),
    (check_standards, ("standards", "injections", "analytes")),
    (check_doses, ("doses", "animals")),
    (check_exclusions, ("exclusions", "injections", "probes", "animals", "analytes")),
    (check_events, ("integration_events", "injections", "analytes")),
    (check_areas, ("areas", "injections", "analytes")),
    (check_concentrations, ("concentrations", "analytes")),
    (check_limits, ()),
    (check_outcomes, ("analytes", "probes")),
)
