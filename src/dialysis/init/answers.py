"""What only a person knows, as it is given on the command line."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dialysis.errors import StudyError
from dialysis.init.animals import AnimalList
from dialysis.study.cells import (
    DecimalMarks,
    plain_number,
    read_choice,
    read_number,
    read_treatment,
    read_vehicle,
)
from dialysis.study.config import did_you_mean
from dialysis.tables.inputs import AMOUNT_UNITS


@dataclass(frozen=True)
class Group:
    """A treatment and the animals that got it.

    Parameters
    ----------
    drug, dose, unit, route, control : str
        As the animals table has them; the dose is 0 for a vehicle.
    animals : tuple of str
        Names or ranges of names (``R01-R05``) as they were given.
    """

    drug: str
    dose: str
    unit: str
    route: str
    animals: tuple[str, ...]
    control: str = ""


@dataclass(frozen=True)
class MixPart:
    """An analyte of the standard mix and how much of it a standard of 100 % holds."""

    analyte: str
    amount: float
    unit: str


@dataclass(frozen=True)
class Answers:
    """What a person said when the study was made; nothing where it was left open.

    Parameters
    ----------
    groups : tuple of Group
        Treatments.
    mix : tuple of MixPart
        The standard of 100 % (or 1×, undiluted).
    limits : tuple of MixPart
        Limits of detection, for concentrations.
    analytes : tuple of str
        Names of the analytes; in the order of elution where they are none of the usual ones.
    pattern : str
        Pattern of the sample names.
    start : str
        What the study starts from.
    baseline : int or None
        Fractions before the dose.
    fraction_min, flow_uL_min, dead_volume_uL, inj_uL : float or None
        As in study.yaml.
    region : str
        Brain region.
    animals : AnimalList or None
        The lab's own list of animals.
    """

    groups: tuple[Group, ...] = ()
    animals: AnimalList | None = None
    mix: tuple[MixPart, ...] = ()
    limits: tuple[MixPart, ...] = ()
    analytes: tuple[str, ...] = ()
    pattern: str = ""
    start: str = ""
    baseline: int | None = None
    fraction_min: float | None = None
    flow_uL_min: float | None = None
    dead_volume_uL: float | None = None
    inj_uL: float | None = None
    region: str = ""


def read_positive(text: str, what: str) -> float:
    """Read a number above 0, with a decimal point or comma; units that belong to it may follow.

    Raises
    ------
    StudyError
        If it is none.
    """
    number = read_number(text.strip(), DecimalMarks(comma="," in text))
    if number.expected or math.isnan(number.value) or number.value <= 0:
        raise StudyError(f"{what}: found '{text}'; expected a number above 0.")
    return number.value


def read_group(text: str) -> Group:
    """Read ``mianserin 5 mg/kg s.c.: R02 R04`` or ``vehicle: R01, R03``.

    Where there are several vehicles, ``mianserin 5 mg/kg vs saline: R02`` says the one that a drug
    is compared with.

    Raises
    ------
    StudyError
        If there is no treatment, no dose of a drug, or no animal.
    """
    match = re.fullmatch(r"\s*(.+?)\s*[:=]\s*(.+?)\s*", text)
    if match is None:
        raise StudyError(
            f"--group '{text}': found no ':' between treatment and animals; expected a text like "
            "'mianserin 5 mg/kg s.c.: R02 R04' or 'vehicle: R01 R03'."
        )
    treatment, *against = re.split(r"\s+(?:vs\.?|versus|against|gegen)\s+", match[1], maxsplit=1)
    parts = read_treatment(treatment)
    vehicle = read_vehicle(parts.drug)
    if not parts.dose and not vehicle:
        raise StudyError(
            f"--group '{text}': found no dose of '{treatment}'; expected one with its unit, like "
            "'mianserin 5 mg/kg s.c.: R02 R04' (a vehicle needs none; for one with a name of its "
            "own write 'NAME 0 mg/kg')."
        )
    dose = read_number(parts.dose, DecimalMarks(comma="," in parts.dose)).value
    names = tuple(name for name in re.split(r"\s*[,;]\s*|\s+", match[2]) if name)
    return Group(
        drug=vehicle or parts.drug,
        dose=plain_number(dose) if parts.dose else "0",
        unit=parts.unit,
        route=parts.route,
        animals=names,
        control=(read_vehicle(against[0]) or against[0]) if against else "",
    )


def animals_of(group: Group, known: Sequence[str]) -> list[str]:
    """Animals of a group by their names in the study.

    Raises
    ------
    StudyError
        If one is not known.
    """
    folded = {name.casefold(): name for name in known}
    found: list[str] = []
    for text in group.animals:
        if text.casefold() in folded:
            found.append(folded[text.casefold()])
            continue
        names = [folded[name] for name in _range(text) if name in folded]
        if not names:
            hint = did_you_mean(text, known) or f"Animals there are: {', '.join(known)}."
            raise StudyError(
                f"--group, '{group.drug}': found the animal '{text}'; expected some of those in "
                f"the sample names. {hint}"
            )
        found += names
    return list(dict.fromkeys(found))


def _range(text: str) -> list[str]:
    """Names of a range like ``R01-R05``, casefolded; none when it is no range."""
    match = re.fullmatch(r"(\D*)(\d+)\s*[-–]\s*(\D*)(\d+)", text.casefold())
    if match is None or (match[3] and match[3] != match[1]) or int(match[4]) < int(match[2]):
        return []
    digits = len(match[2])
    numbers = range(int(match[2]), int(match[4]) + 1)
    return [f"{match[1]}{number:0{digits}d}" for number in numbers]


def read_mix(
    text: str, option: str = "--mix", units: Sequence[str] = AMOUNT_UNITS
) -> tuple[MixPart, ...]:
    """Read ``NE 0,5 nM; DOPAC 5 nM``: an amount or concentration of every analyte.

    Raises
    ------
    StudyError
        If a part is no name, number and unit.
    """
    parts = []
    for piece in re.split(r"\s*;\s*|\s*,\s+", text.strip()):
        if not piece:
            continue
        match = re.fullmatch(r"(.+?)[\s=:]+(\d+(?:[.,]\d+)?)\s*([^\d\s]+)", piece)
        unit = read_choice(match[3], units) if match else ""
        if match is None or unit not in units:
            raise StudyError(
                f"{option} '{piece}': expected an analyte, a number and one of the units "
                f"{', '.join(units)}, like 'DOPAC 5 nM'; several with ';' between them."
            )
        parts.append(MixPart(match[1].strip(), float(match[2].replace(",", ".")), unit))
    return tuple(parts)
