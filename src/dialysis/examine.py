"""All that can be said of a study before it is run: tables, options, exports, and their fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.errors import NormalizationError, Problem
from dialysis.study.load import Study, examine_study, split_files
from dialysis.study.outcomes import analytes_of_run
from dialysis.study.start import TRACES, reads_exports
from dialysis.tables.inputs import GIVEN_CONCENTRATIONS
from dialysis.words import counted, shortened

# From this share of samples on, what their names have in common is how the lab names samples.
_CUSTOM = 0.8
_FEWEST = 5


@dataclass(frozen=True)
class Report:
    """What was found out about a study.

    Parameters
    ----------
    name : str
        Name of the study.
    study : Study or None
        ``None`` when its configuration or a table can't be read.
    problems, warnings : tuple of Problem
        What is wrong, and what is odd but may be meant; by file, then by place.
    """

    name: str
    study: Study | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def examine(root: Path, name: str) -> Report:
    """Check a study's configuration, tables and exports against each other, without running it.

    Parameters
    ----------
    root : Path
        Project root.
    name : str
        Name of the study.
    """
    study, problems = examine_study(root, name)
    if study is None:
        return Report(name, None, _in_order(problems), ())
    warnings = list(study.warnings)
    if reads_exports(study.start) and study.raw_dir.is_dir():
        found, odd = examine_exports(study)
        problems, warnings = problems + found, warnings + odd
    if not problems:
        found, odd = examine_times(study)
        problems, warnings = problems + found, warnings + odd
    return Report(name, study, _in_order(problems), _in_order(warnings))


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By file, then by place, where numbers count as numbers."""

    def key(problem: Problem) -> tuple[object, ...]:
        parts = re.split(r"(\d+)", problem.where)
        return problem.file, [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]

    return tuple(sorted(dict.fromkeys(problems), key=key))


def examine_exports(study: Study) -> tuple[list[Problem], list[Problem]]:
    """Read every export and hold it against the tables.

    Returns
    -------
    problems, warnings : list of Problem
    """
    from dialysis.ingest import examine_run

    injections = study.tables["injections"]
    there = injections["injection_file"].map(
        lambda cell: all((study.raw_dir / name).exists() for name in split_files(str(cell)))
    )
    readable = injections[there & (injections["injection_file"] != "")]
    problems: list[Problem] = []
    manifests = []
    for _, rows in readable.groupby("run", sort=False):
        manifest, found = examine_run(rows, study.raw_dir, study.config["ingest"], study.name)
        problems += found
        manifests.append(manifest)
    warnings = _unlisted(study)
    if not manifests:
        return problems, warnings
    manifest = pd.concat(manifests, ignore_index=True)
    line_of = dict(zip(injections["injection_id"], injections.index, strict=True))
    manifest["line"] = manifest["injection_id"].map(line_of)
    file = study.shown["injections"]
    problems += _same_content(file, manifest)
    if study.start == TRACES:
        problems += _channels_and_windows(study, manifest)
    warnings += _names(file, study, manifest)
    warnings += _orders(file, injections, manifest)
    warnings += _vials(file, injections, manifest)
    return problems, warnings


def _unlisted(study: Study) -> list[Problem]:
    """Files like the exports that no row names."""
    listed = {
        name
        for cell in study.tables["injections"]["injection_file"]
        for name in split_files(str(cell))
    }
    endings = {Path(name).suffix.casefold() for name in listed}
    inside = {name for name in listed if (study.raw_dir / name).is_dir()}
    other = [
        name
        for path in sorted(study.raw_dir.rglob("*"))
        if path.is_file() and path.suffix.casefold() in endings
        for name in [path.relative_to(study.raw_dir).as_posix()]
        if name not in listed and not any(name.startswith(f"{folder}/") for folder in inside)
    ]
    if not other:
        return []
    return [
        Problem(
            f"raw/{study.name}",
            "",
            f"{counted(len(other), 'file')} that no row of injections.csv names "
            f"({shortened(other, 3)})",
            "every export in injections.csv",
            "Add the rows, or move the files out of the folder.",
        )
    ]


def _same_content(file: str, manifest: pd.DataFrame) -> list[Problem]:
    """Two files with the same bytes: one of them is not the injection it is said to be."""
    problems = []
    rows = manifest.drop_duplicates(["injection_id", "file", "section"])
    rows = rows[rows.duplicated(["sha256", "section"], keep=False)]
    for _, same in rows.groupby(["sha256", "section"], sort=False):
        names = same.drop_duplicates("file")
        for row in names.iloc[1:].itertuples():
            first = names.iloc[0]
            problems.append(
                Problem(
                    file,
                    f"row {row.line}, column injection_file",
                    f"'{row.file}', whose content is that of '{first['file']}' "
                    f"(row {first['line']})",
                    "an export of its own for every injection",
                    "Export the injection again.",
                )
            )
    return problems


def _channels_and_windows(study: Study, manifest: pd.DataFrame) -> list[Problem]:
    """Analytes on channels that are there, in windows that the traces reach."""
    file = study.shown["analytes"]
    problems: dict[tuple[object, str], Problem] = {}
    for run, rows in manifest.groupby("run", sort=False):
        channels = sorted(set(rows["channel"]))
        end = rows["last_s"].min() / 60.0
        for row in analytes_of_run(study.tables["analytes"], str(run)).itertuples():
            where = f"row {row.Index}, column channel"
            listed = ", ".join(repr(name) for name in channels)
            if row.channel and row.channel not in channels:
                problems[row.Index, "channel"] = Problem(
                    file, where, f"'{row.channel}'", f"a channel of the exports of {run}: {listed}"
                )
            elif not row.channel and len(channels) > 1:
                problems[row.Index, "channel"] = Problem(
                    file,
                    where,
                    f"nothing, though the exports of {run} have {len(channels)} channels",
                    f"one of {listed}",
                )
            if row.rt_min > end:
                seconds = row.rt_min / 60.0 < end
                problems[row.Index, "rt_min"] = Problem(
                    file,
                    f"row {row.Index}, column rt_min",
                    f"{row.rt_min:g} min",
                    f"a time within the traces of {run}, which end at {end:.4g} min",
                    "Retention times are in minutes: are these seconds?" if seconds else "",
                )
    return list(problems.values())


def _names(file: str, study: Study, manifest: pd.DataFrame) -> list[Problem]:
    """Samples whose name in the export is that of another animal, fraction or type."""
    injections = study.tables["injections"]
    owner = dict(
        zip(study.tables["probes"]["probe_id"], study.tables["probes"]["animal_id"], strict=True)
    )
    named = manifest[manifest["sample_name"] != ""].drop_duplicates("injection_id")
    rows = injections.reset_index().merge(named[["injection_id", "sample_name"]], on="injection_id")
    rows["animal"] = rows["animal_id"].where(
        rows["animal_id"] != "", rows["probe_id"].map(lambda probe: owner.get(probe, ""))
    )
    known = list(study.tables["animals"]["animal_id"])
    samples = rows[(rows["type"] == "sample") & rows["animal"].isin(known)]
    if len(samples) < _FEWEST:
        return []
    own = pd.Series(
        [
            _holds(row.sample_name, row.animal) or _holds(row.sample_name, row.probe_id)
            for row in samples.itertuples()
        ],
        index=samples.index,
    )
    if own.mean() < _CUSTOM:
        return []
    told = "as the names of the other samples tell"
    warnings = [
        Problem(
            file,
            f"row {row.line}, column {'animal_id' if row.animal_id else 'probe_id'}",
            f"{row.animal}, fraction {row.fraction}, of which the export says '{row.sample_name}'",
            f"the animal that the sample is named after, {told}",
            "Check for swapped rows or vials; if the name in the export is wrong, leave it.",
        )
        for row in samples[~own].itertuples()
    ]
    numbered = samples[own & samples["fraction"].notna()]
    figures = {
        row.line: _figures(row.sample_name, row.animal, row.probe_id)
        for row in numbered.itertuples()
    }
    fits = [int(row.fraction) in figures[row.line] for row in numbered.itertuples()]
    if fits and sum(fits) >= _CUSTOM * len(fits):
        warnings += [
            Problem(
                file,
                f"row {row.line}, column fraction",
                f"fraction {row.fraction} of {row.animal}, of which the export says "
                f"'{row.sample_name}'",
                f"the fraction that the sample is named after, {told}",
                "Check for swapped rows or vials; if the name in the export is wrong, leave it.",
            )
            for row, fit in zip(numbered.itertuples(), fits, strict=True)
            if not fit and figures[row.line]
        ]
    # Std 10 nM is no sample of animal 10: the name is not made as those of samples are.
    shapes = {_shape(name) for name in samples["sample_name"]}
    for row in rows[rows["type"] != "sample"].itertuples():
        animal = next((name for name in known if _holds(row.sample_name, name)), "")
        if animal and _shape(row.sample_name) in shapes:
            warnings.append(
                Problem(
                    file,
                    f"row {row.line}, column type",
                    f"'{row.type}', of which the export says '{row.sample_name}'",
                    f"a sample of {animal}, as its name tells",
                    "Check for swapped rows; if the name in the export is wrong, leave it.",
                )
            )
    return warnings


def _shape(name: str) -> str:
    """A name without its numbers."""
    return re.sub(r"\d+", "#", name).casefold()


def _holds(name: str, animal: str) -> bool:
    """Whether a sample's name has that of an animal in it, and not as part of a longer one."""
    if not animal:
        return False
    found = re.search(rf"(?<![^\W_]){re.escape(animal)}(?![^\W_])", name, re.IGNORECASE)
    if found:
        return True
    # R1F3: a letter may follow a name that ends in a figure
    tail = "" if not animal[-1:].isdecimal() else rf"{re.escape(animal)}(?!\d)"
    return bool(tail and re.match(tail, name, re.IGNORECASE))


def _figures(name: str, *without: str) -> set[int]:
    """Numbers in a name, those of the animal and the probe left out."""
    rest = name
    for part in sorted(filter(None, without), key=len, reverse=True):
        rest = re.sub(re.escape(part), " ", rest, flags=re.IGNORECASE)
    return {int(figures) for figures in re.findall(r"\d+", rest)}


def _orders(file: str, injections: pd.DataFrame, manifest: pd.DataFrame) -> list[Problem]:
    """Runs whose order in the table is not that of the injection times in the exports."""
    warnings = []
    times = manifest.drop_duplicates("injection_id")[["injection_id", "injected_at"]]
    rows = injections.drop(columns="injected_at").reset_index().merge(times, on="injection_id")
    for run, own in rows[rows["injected_at"] != ""].groupby("run", sort=False):
        stamps = [datetime.fromisoformat(text) for text in own["injected_at"]]
        if len({stamp.tzinfo is None for stamp in stamps}) > 1:
            continue
        ordered = own.assign(at=stamps).sort_values("order", kind="stable")
        pairs = zip(ordered.iloc[:-1].itertuples(), ordered.iloc[1:].itertuples(), strict=True)
        for before, after in pairs:
            if after.at < before.at:
                warnings.append(
                    Problem(
                        file,
                        f"row {after.line}, column order",
                        f"position {after.order} of run {run}, injected at {after.injected_at}, "
                        f"before position {before.order} ({before.injected_at})",
                        "the order in which the injections were made",
                        "Check for swapped rows, and for a file of another day.",
                    )
                )
                break
    return warnings


def _vials(file: str, injections: pd.DataFrame, manifest: pd.DataFrame) -> list[Problem]:
    """Vials that the exports place elsewhere."""
    told = manifest.drop_duplicates("injection_id")[["injection_id", "vial"]]
    rows = injections.reset_index().merge(told, on="injection_id", suffixes=("", "_told"))
    rows = rows[(rows["vial"] != "") & (rows["vial_told"] != "")]
    differ = [_place(a) != _place(b) for a, b in zip(rows["vial"], rows["vial_told"], strict=True)]
    if sum(differ) > (1 - _CUSTOM) * len(rows):
        return []  # named in another way
    return [
        Problem(
            file,
            f"row {row.line}, column vial",
            f"'{row.vial}', of which the export says '{row.vial_told}'",
            "the vial that was injected",
            "Check for swapped rows or vials.",
        )
        for row in rows[differ].itertuples()
    ]


def _place(vial: str) -> str:
    """A vial's place without leading zeros, blanks and marks."""
    return re.sub(r"(?<!\d)0+(?=\d)|[\W_]", "", vial).casefold()


def examine_times(study: Study) -> tuple[list[Problem], list[Problem]]:
    """Put every fraction on the time axis, with a made-up value, and look for baselines.

    Returns
    -------
    problems, warnings : list of Problem
    """
    from dialysis.normalize import given_concentrations, normalize_study

    injections = study.tables["injections"]
    samples = injections[injections["type"] == "sample"]
    analyte = next(o.analyte for o in study.outcomes if o.kind == "analyte")
    made_up = pd.DataFrame({"injection_id": list(samples["injection_id"])})
    made_up = made_up.assign(analyte=analyte, concentration="1", unit="nM")
    given = GIVEN_CONCENTRATIONS.coerce(made_up.reindex(columns=GIVEN_CONCENTRATIONS.column_names))
    exclusions = study.tables["exclusions"]
    of_injections = exclusions["level"] == "injection"
    try:
        normalized = normalize_study(
            concentrations=given_concentrations(
                given, injections, study.tables["analytes"], exclusions[of_injections]
            ),
            injections=injections,
            analytes=study.tables["analytes"],
            animals=study.tables["animals"],
            probes=study.tables["probes"],
            doses=study.tables["doses"],
            exclusions=exclusions[~of_injections],
            config={**study.config["normalize"], "ratios": []},
            region=study.config["study"]["region"],
        )
    except NormalizationError as error:
        return [_as_problem(study, str(error))], []
    seen = normalized.timecourse.loc[normalized.timecourse["injection_id"] != "", "probe_id"]
    sampled = normalized.baseline[normalized.baseline["probe_id"].isin(seen)]
    return _baselines(study, sampled, exclusions)


def _as_problem(study: Study, text: str) -> Problem:
    """A message of the stage as a problem of the study."""
    match = re.fullmatch(r"(.+?): found (.+); expected (.+?)\.(?: (.*))?", text, re.S)
    if not match:
        return Problem(f"config/{study.name}", "", text.rstrip("."), "fractions in time")
    place, found, expected, remedy = match.groups()
    file, _, where = place.partition(", ")
    stem = file.removesuffix(".csv")
    shown = study.shown.get(stem, f"config/{study.name}/{file}")
    return Problem(shown, where, found, expected, remedy or "")


def _baselines(
    study: Study, baseline: pd.DataFrame, exclusions: pd.DataFrame
) -> tuple[list[Problem], list[Problem]]:
    """Animals without the baseline fractions that they need."""
    options: Mapping[str, Any] = study.config["normalize"]["baseline"]
    wanted, least = int(options["n_fractions"]), int(options["min_fractions"])
    left_out = set(exclusions.loc[exclusions["level"].isin(["animal", "probe"]), "id"])
    rows = baseline[
        ~baseline["probe_id"].isin(left_out) & ~baseline["animal_id"].isin(left_out)
    ].drop_duplicates("probe_id")
    short: Sequence[Any] = [row for row in rows.itertuples() if row.n_fractions < least]
    if not short:
        return [], []
    remedy = (
        "Check the numbers and times of its fractions, the time of its dose, and "
        "normalize.baseline in study.yaml."
    )
    line_of = dict(
        zip(study.tables["animals"]["animal_id"], study.tables["animals"].index, strict=True)
    )
    found = [
        Problem(
            study.shown["animals"],
            f"row {line_of[row.animal_id]}, column animal_id",
            f"{row.n_fractions or 'no'} baseline fraction{'' if row.n_fractions == 1 else 's'} "
            f"of {row.probe_id}",
            f"{wanted} before the dose, at least {least}",
            f"Without them it is left out. {remedy}",
        )
        for row in short
    ]
    return (found, []) if len(short) == len(rows) else ([], found)
