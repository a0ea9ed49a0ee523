"""What only a person knows, as it is given on the command line."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dialysis.errors import StudyError
from dialysis.init.animals import AnimalList, match_animals
from dialysis.init.layouts import ProposedLayout
from dialysis.study.cells import (
    DecimalMarks,
    Treatment,
    plain_number,
    read_choice,
    read_number,
    read_treatment,
    read_vehicle,
    split_unit,
)
from dialysis.study.config import did_you_mean
from dialysis.tables.inputs import AMOUNT_UNITS


@dataclass(frozen=True)
class LaterDose:
    """A dosing event after the first one.

    Parameters
    ----------
    drug, dose, unit, route : str
        As the doses table has them.
    time_min, end_min : str
        Minutes after the first dose; the end of an infusion, or nothing.
    """

    drug: str
    dose: str
    unit: str
    route: str
    time_min: str
    end_min: str = ""


@dataclass(frozen=True)
class Group:
    """A treatment and the animals that got it.

    Parameters
    ----------
    drug, dose, unit, route, control : str
        As the animals table has them; the dose is 0 for a vehicle.
    animals : tuple of str
        Names or ranges of names (``R01-R05``) as they were given.
    later : tuple of LaterDose
        What they got after the first dose.
    """

    drug: str
    dose: str
    unit: str
    route: str
    animals: tuple[str, ...]
    control: str = ""
    later: tuple[LaterDose, ...] = ()


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
    layout : ProposedLayout or None
        How the exports are read.
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
    layout: ProposedLayout | None = None


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


def read_count(text: str, what: str) -> int:
    """Read a whole number from 1.

    Raises
    ------
    StudyError
        If it is none.
    """
    if not text.strip().isdecimal() or int(text) < 1:
        raise StudyError(f"{what}: found '{text}'; expected a whole number from 1.")
    return int(text)


def read_group(text: str) -> Group:
    """Read ``mianserin 5 mg/kg s.c.: R02 R04`` or ``vehicle: R01, R03``.

    Where there are several vehicles, ``mianserin 5 mg/kg vs saline: R02`` says the one that a drug
    is compared with.  ``morphine 1 mg/kg then naloxone 1 mg/kg at 40: R03`` is a second dose 40 min
    after the first; ``at 40-60`` is an infusion.

    Raises
    ------
    StudyError
        If there is no treatment, no dose of a drug, no time of a later one, or no animal.
    """
    match = re.fullmatch(r"\s*(.+?)\s*[:=]\s*(.+?)\s*", text)
    if match is None:
        raise StudyError(
            f"--group '{text}': found no ':' between treatment and animals; expected a text like "
            "'mianserin 5 mg/kg s.c.: R02 R04' or 'vehicle: R01 R03'."
        )
    given, *later = re.split(r"\s+(?:then|dann)\s+", match[1])
    treatment, *against = re.split(r"\s+(?:vs\.?|versus|against|gegen)\s+", given, maxsplit=1)
    parts, vehicle = _treatment(treatment)
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
        later=tuple(_read_later(part, text) for part in later),
    )


def _treatment(text: str) -> tuple[Treatment, str]:
    """Drug, dose and route, and the vehicle's usual name; ``vehicle i.p.`` has no dose."""
    parts = read_treatment(text)
    if not parts.dose:
        name, route = split_unit(text)
        if read_vehicle(name):
            parts = replace(parts, drug=name, route=route)
    return parts, read_vehicle(parts.drug)


_LATER = re.compile(
    r"(?P<what>.+?)\s+(?:at|bei|@)\s+(?P<start>[\d.,]+)(?:\s*[-–]\s*(?P<end>[\d.,]+))?(?:\s*min)?",
    re.IGNORECASE,
)


def _read_later(text: str, whole: str) -> LaterDose:
    """Read ``naloxone 1 mg/kg s.c. at 40``, minutes after the first dose."""
    match = _LATER.fullmatch(text.strip())
    parts, vehicle = _treatment(match["what"]) if match else (Treatment(""), "")
    if match is None or not (parts.dose or vehicle):
        raise StudyError(
            f"--group '{whole}': found 'then {text}'; expected a dose and the minutes after the "
            "first one, like 'then naloxone 1 mg/kg s.c. at 40' ('at 40-60' for an infusion)."
        )
    start, end = (
        plain_number(read_positive(match[name], f"--group '{whole}'")) if match[name] else ""
        for name in ("start", "end")
    )
    return LaterDose(
        drug=vehicle or parts.drug,
        dose=plain_number(read_positive(parts.dose, f"--group '{whole}'")) if parts.dose else "0",
        unit=parts.unit,
        route=parts.route,
        time_min=start,
        end_min=end,
    )


def animals_of(group: Group, known: Sequence[str]) -> list[str]:
    """Animals of a group by their names in the study; 7 is also 07 and R07, where that is one only.

    Raises
    ------
    StudyError
        If one is not known.
    """
    found: list[str] = []
    for text in group.animals:
        alike = match_animals(known, [text, *_range(text)])
        names = [alike[text]] if text in alike else list(alike.values())
        if not names:
            hint = did_you_mean(text, known) or f"Animals there are: {', '.join(known)}."
            raise StudyError(
                f"--group, '{group.drug}': found the animal '{text}'; expected some of those in "
                f"the sample names. {hint}"
            )
        found += names
    return list(dict.fromkeys(found))


def listed_animals(group: Group) -> list[str]:
    """Animals of a group as they were given, ranges written out."""
    names = [name for text in group.animals for name in _range(text) or [text]]
    return list(dict.fromkeys(names))


def _range(text: str) -> list[str]:
    """Names of a range like ``R01-R05``; none when it is no range."""
    match = re.fullmatch(r"(\D*)(\d+)\s*[-–]\s*(\D*)(\d+)", text)
    if match is None or int(match[4]) < int(match[2]):
        return []
    if match[3] and match[3].casefold() != match[1].casefold():
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
