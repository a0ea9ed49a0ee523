"""Rows of the input tables, filled in as far as names and files tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialysis.errors import StudyError
from dialysis.init.animals import match_animals
from dialysis.init.answers import Answers, MixPart, animals_of, listed_animals
from dialysis.init.kinds import QC, SAMPLE, STANDARD
from dialysis.init.naming import Known, Naming
from dialysis.init.results import ResultTable
from dialysis.init.retention import ProposedAnalyte, usual_name
from dialysis.study.cells import plain_number
from dialysis.study.config import did_you_mean
from dialysis.study.start import reads_exports
from dialysis.words import counted

Row = dict[str, object]

_ANIMAL_COLUMNS = ("animal_id", "drug", "dose", "dose_unit", "route", "control", "sex", "weight_g")
_DOSE_COLUMNS = ("animal_id", "event", "time_min", "drug", "dose", "unit", "route", "end_min")
_EXCLUSION_COLUMNS = (
    "level",
    "id",
    "analyte",
    "reason_code",
    "reason_text",
    "decided_by",
    "decided_on",
    "blinded",
)


def animals_rows(names: Sequence[str], answers: Answers) -> list[Row]:
    """One row per animal, in the order of the list or the groups that were given.

    Raises
    ------
    StudyError
        If a group names an animal that is not there, or an animal is in two groups.
    """
    rows: dict[str, Row] = {}
    if answers.animals is not None:
        listed = answers.animals.rows
        own = match_animals(list(listed), names)
        columns = [*_ANIMAL_COLUMNS, *(n for n in ("strain", "cohort") if _has(listed, n))]
        columns += [n for n in ("pretreatment", "randomised", "blinded") if _has(listed, n)]
        for name in sorted(own, key=lambda name: list(listed).index(own[name])):
            rows[name] = {column: listed[own[name]][column] for column in columns}
            rows[name]["animal_id"] = name
        rest = [_row(columns, animal_id=name) for name in names if name not in rows]
        return [*rows.values(), *rest]
    for group in answers.groups:
        # Without any sample name that tells, animals are those of the groups.
        for name in animals_of(group, names) if names else listed_animals(group):
            if name in rows:
                raise StudyError(
                    f"--group: found animal '{name}' in '{rows[name]['drug']}' and "
                    f"'{group.drug}'; expected every animal in one group."
                )
            treated = {"drug": group.drug, "dose": group.dose, "dose_unit": group.unit}
            treated |= {"route": group.route, "control": group.control}
            rows[name] = _row(_ANIMAL_COLUMNS, animal_id=name, **treated)
    rest = [_row(_ANIMAL_COLUMNS, animal_id=name) for name in names if name not in rows]
    return [*rows.values(), *rest] or [_row(_ANIMAL_COLUMNS)]


def doses_rows(animals: Sequence[Row], answers: Answers) -> list[Row]:
    """Doses of every animal where some got several: the first at 0 min, later ones as given.

    Without a second dose there are no rows: the dose is at 0 min then, as the animals table has it.
    """
    if not any(group.later for group in answers.groups):
        return []
    names = [str(row["animal_id"]) for row in animals]
    later_of = {name: g.later for g in answers.groups for name in animals_of(g, names)}
    rows = []
    for animal in animals:
        name = str(animal["animal_id"])
        first = {column: animal[column] for column in ("drug", "dose", "route")}
        first |= {"unit": animal["dose_unit"], "time_min": "0"}
        rows.append(_row(_DOSE_COLUMNS, animal_id=name, event="dose", **first))
        for number, later in enumerate(later_of.get(name, ()), start=2):
            rows.append(_row(_DOSE_COLUMNS, animal_id=name, event=f"dose {number}", **vars(later)))
    return _without_empty(rows, ("end_min",))


def _has(listed: Mapping[str, Mapping[str, str]], column: str) -> bool:
    return any(row[column] for row in listed.values())


def unlisted(names: Sequence[str], answers: Answers) -> list[str]:
    """What the lab's list and the sample names don't have in common, in sentences."""
    if answers.animals is None:
        return []
    own = match_animals(list(answers.animals.rows), names)
    extra = [name for name in answers.animals.rows if name not in own.values()]
    absent = [name for name in names if name not in own]
    renamed = [f"{there} is {here}" for here, there in own.items() if here != there]
    notes = []
    if renamed:
        notes.append(f"of the list of animals, {', '.join(renamed)}")
    if extra:
        notes.append(f"in the list of animals and without samples: {', '.join(extra)}")
    if absent:
        notes.append(f"WITHOUT A ROW in the list of animals: {', '.join(absent)}")
    return notes


def _row(columns: Sequence[str], **cells: object) -> Row:
    return {name: cells.get(name, "") for name in columns}


def animals_in(naming: Naming) -> list[str]:
    """Animals by their names, in the order of injection; letters alone don't tell two apart."""
    names: dict[str, str] = {}
    for item in naming.known:
        if item.sample is not None:
            names.setdefault(item.sample.animal.casefold(), item.sample.animal)
    return list(names.values())


def probes_rows(naming: Naming) -> list[Row]:
    """One row per probe, where names have them; else none."""
    animals = {name.casefold(): name for name in animals_in(naming)}
    found: dict[tuple[str, str], None] = {}
    for item in naming.known:
        if item.sample is not None and item.sample.probe:
            found[animals[item.sample.animal.casefold()], item.sample.probe] = None
    return [
        {
            "probe_id": f"{animal}_{probe}",
            "animal_id": animal,
            "region": probe,
            "placement_ok": "",
            "recovery_in_vitro": "",
        }
        for animal, probe in found
    ]


def injections_rows(naming: Naming, start: str, inj_uL: float | None) -> list[Row]:
    """One row per injection; `inj_uL` is the study's and is left out where a row has the same."""
    animals = {name.casefold(): name for name in animals_in(naming)}
    files = reads_exports(start)
    rows: list[Row] = []
    for item in naming.known:
        own, sample = item.placed.item, item.sample
        animal = animals[sample.animal.casefold()] if sample else ""
        probe = f"{animal}_{sample.probe}" if sample and sample.probe else ""
        differs = own.inj_uL is not None and own.inj_uL != inj_uL
        rows.append(
            {
                "injection_id": item.injection_id,
                "run": item.placed.run,
                **(
                    {"injection_file": ";".join(own.files), "section": own.section} if files else {}
                ),
                "order": item.placed.order,
                "injected_at": "",
                "vial": own.vial,
                "type": item.kind,
                "animal_id": animal,
                "probe_id": probe,
                "fraction": sample.fraction if sample else "",
                "start_min": "",
                "end_min": "",
                "inj_uL": plain_number(own.inj_uL) if differs and own.inj_uL else "",
                "reinjection_of": item.reinjection_of,
                "comment": item.name,
            }
        )
    return _without_empty(rows, ("section", "injected_at", "vial", "probe_id", "inj_uL"))


def _without_empty(rows: list[Row], columns: Sequence[str]) -> list[Row]:
    """Rows without those columns that no row has a value in."""
    empty = [name for name in columns if not any(row.get(name) not in ("", None) for row in rows)]
    return [{name: cell for name, cell in row.items() if name not in empty} for row in rows]


def standards_rows(
    naming: Naming, analytes: Sequence[ProposedAnalyte], mix: Sequence[MixPart]
) -> list[Row]:
    """One row per standard or QC and analyte; the amount is empty where nobody said it."""
    parts = {_key(part.analyte): part for part in mix}
    measured = [
        row.analyte for row in analytes if row.internal_standard != "itself" and not row.run
    ]
    rows: list[Row] = []
    for item in naming.known:
        if item.kind not in (STANDARD, QC) or item.level is None:
            continue
        for name in measured:
            amount, unit = _amount(item, parts.get(_key(name)))
            rows.append(
                {
                    "injection_id": item.injection_id,
                    "analyte": name,
                    "amount": amount,
                    "unit": unit,
                    "level": item.name,
                    "role": item.role,
                }
            )
    return rows


def _amount(item: Known, part: MixPart | None) -> tuple[str, str]:
    level = item.level
    if level is None:
        return "", ""
    if level.amount is not None:
        return plain_number(level.amount), level.unit
    if part is None:
        return "", ""
    if level.factor is not None:
        return plain_number(float(f"{level.factor * part.amount:.6g}")), part.unit
    return "", ""


def analytes_rows(analytes: Sequence[ProposedAnalyte], start: str) -> list[Row]:
    """One row per analyte; a name that is only a proposal says so in its comment."""
    placed = reads_exports(start)
    rows: list[Row] = []
    for row in analytes:
        window = {"rt_min": f"{row.rt_min:g}", "window_min": f"{row.window_min:g}"}
        rows.append(
            {
                "analyte": row.analyte,
                "run": row.run,
                **(window if placed else {}),
                "mw": "" if row.mw is None else f"{row.mw:g}",
                "internal_standard": row.internal_standard,
                "channel": row.channel,
                "comment": row.grounds if placed else "",
            }
        )
    if not rows:
        return [_row(("analyte", "rt_min", "window_min", "mw", "internal_standard"))]
    return _without_empty(rows, ("run", "channel", "mw", "internal_standard", "comment"))


def exclusions_rows() -> list[Row]:
    """Return the table's columns with no row."""
    return [_row(_EXCLUSION_COLUMNS)]


def areas_rows(table: ResultTable, ids: Mapping[int, str]) -> list[Row]:
    """areas.csv of a results table; `ids` has the injection of every row by its place."""
    return [
        {
            "injection_id": ids[place],
            "analyte": analyte,
            "area": value if not value.startswith("<") else "",
        }
        for place, row in enumerate(table.rows)
        for analyte, value in row.values.items()
    ]


def concentrations_rows(
    table: ResultTable, naming: Naming, ids: Mapping[int, str], limits: Sequence[MixPart]
) -> list[Row]:
    """concentrations.csv of a results table, of the rows whose sample is known."""
    by_id = {item.injection_id: item for item in naming.known}
    animals = {name.casefold(): name for name in animals_in(naming)}
    lods = {_key(part.analyte): part for part in limits}
    rows: list[Row] = []
    for place, row in enumerate(table.rows):
        sample = by_id[ids[place]].sample
        if sample is None:
            continue
        animal = animals[sample.animal.casefold()]
        for analyte, value in row.values.items():
            limit = lods.get(_key(analyte))
            rows.append(
                {
                    "animal_id": animal,
                    "probe_id": f"{animal}_{sample.probe}" if sample.probe else "",
                    "fraction": sample.fraction,
                    "analyte": analyte,
                    "concentration": value,
                    "unit": table.unit,
                    "lod": plain_number(limit.amount) if limit else "",
                }
            )
    return _without_empty(rows, ("probe_id",))


def _key(analyte: str) -> str:
    """An analyte by its usual name: dopamine is DA."""
    return usual_name(analyte) or analyte.casefold()


def check_names(parts: Sequence[MixPart], analytes: Sequence[str], option: str) -> None:
    """Refuse amounts of analytes that are not there.

    Raises
    ------
    StudyError
        Naming the first of them.
    """
    folded = {_key(name) for name in analytes}
    for part in parts:
        if _key(part.analyte) not in folded:
            hint = did_you_mean(part.analyte, analytes)
            raise StudyError(
                f"{option}: found the analyte '{part.analyte}'; expected some of "
                f"{', '.join(analytes)}. {hint}".rstrip()
            )


def counts_sentence(naming: Naming) -> str:
    """How many injections of which kind there are."""
    samples = [item for item in naming.of_kind(SAMPLE) if item.sample]
    fractions = [item.sample.fraction for item in samples if item.sample]
    again = sum(bool(item.reinjection_of) for item in naming.known)
    parts = [counted(len(naming.of_kind(SAMPLE)), "sample")]
    if samples:
        probes = len(probes_rows(naming))
        parts[0] += f" of {counted(len(animals_in(naming)), 'animal')}"
        parts[0] += f" with {counted(probes, 'probe')}" if probes else ""
        parts[0] += f", fractions {min(fractions)} to {max(fractions)}"
    if again:
        parts[0] += f" ({again} reinjected)"
    standards = naming.of_kind(STANDARD)
    if standards:
        levels = {item.level.text for item in standards if item.level}
        brackets = sum(item.role == "bracket" for item in standards)
        text = f"{counted(len(standards), 'standard')} of {counted(len(levels), 'level')}"
        parts.append(f"{text} ({brackets} of them brackets)" if brackets else text)
    for kind, word in ((QC, "QC"), ("blank", "blank")):
        number = len(naming.of_kind(kind))
        if number:
            parts.append(counted(number, word))
    return "; ".join(parts)
