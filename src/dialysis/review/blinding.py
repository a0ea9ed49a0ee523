"""Blinded review: groups get codes, statistics and figures are taken out, texts are masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from dialysis.provenance import sha256_text
from dialysis.review.results import Results
from dialysis.tables import Table
from dialysis.tables.inputs import ANIMALS, DOSES, EXCLUSIONS, INJECTIONS, PROBES
from dialysis.tables.stats import OUTCOME_TABLES

# Columns that tell a group; what they hold is left out of tables and files.
TELLING = ("drug", "dose", "dose_unit", "route", "is_control", "pretreatment", "control")
DRUG = "[drug]"


@dataclass(frozen=True)
class Mask:
    """Codes for groups, and what stands for drugs in texts.

    Parameters
    ----------
    codes : mapping of str to str
        Group to its code.
    drugs : tuple of str
        Names of drugs and vehicles.
    kept : frozenset of str
        Names of injections and the like, which stay as they are.
    """

    codes: Mapping[str, str]
    drugs: tuple[str, ...]
    kept: frozenset[str]

    @classmethod
    def of(cls, results: Results) -> Mask:
        """Code the groups, in an order that says nothing about them."""
        names = sorted(
            results.group_names, key=lambda group: sha256_text(f"{results.name} {group}")
        )
        codes = {name: f"Group {_letters(place)}" for place, name in enumerate(names)}
        animals, doses = results.tables["animals"], results.tables["doses"]
        drugs = {*animals["drug"], *animals["pretreatment"], *doses["drug"]} - {""}
        kept: set[str] = set()
        for table, column in (
            (INJECTIONS, "injection_id"),
            (ANIMALS, "animal_id"),
            (PROBES, "probe_id"),
        ):
            kept |= set(results.tables[table.name][column])
        return cls(codes, tuple(sorted(drugs, key=len, reverse=True)), frozenset(kept))

    def text(self, text: str) -> str:
        """A text with codes for groups and `DRUG` for drugs."""
        if text in self.kept:
            return text
        for group in sorted(self.codes, key=len, reverse=True):
            if group not in self.drugs:
                text = text.replace(group, self.codes[group])
        for drug in self.drugs:
            text = re.sub(rf"(?<!\w){re.escape(drug)}(?!\w)", DRUG, text, flags=re.IGNORECASE)
        return text

    def value(self, value: Any) -> Any:
        """A value of a chunk with all its texts masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table without what tells groups, its texts masked."""
        out = frame.drop(columns=[name for name in TELLING if name in frame])
        for name in out.columns:
            if out[name].dtype == "str":
                known = {text: self.text(text) for text in out[name].unique()}
                out[name] = out[name].map(known)
        return out


def _letters(place: int) -> str:
    letter = chr(ord("A") + place % 26)
    return letter if place < 26 else f"{_letters(place // 26 - 1)}{letter}"


def blinded(results: Results, mask: Mask) -> Results:
    """Take out of the results what a blinded reviewer must not see.

    Returns
    -------
    Results
        Groups are coded and in the order of their codes; there are no statistics, no figures
        (their legends name the groups) and no doses.
    """

    def coded(frame: pd.DataFrame) -> pd.DataFrame:
        out = frame.copy()
        for name in ("group", "control"):
            if name in out:
                out[name] = out[name].map(lambda group: mask.codes.get(group, ""))
        for name in TELLING:
            if name in out and name != "control":
                out[name] = _nothing(out[name])
        return out

    outcomes = tuple(
        replace(
            each,
            tables={table.name: table.empty() for table in OUTCOME_TABLES},
            model={},
            figures=(),
            results="",
            methods="",
            files=(),
        )
        for each in results.outcomes
    )
    return replace(
        results,
        tables={
            **results.tables,
            ANIMALS.name: coded(results.tables[ANIMALS.name]),
            DOSES.name: _without_drugs(DOSES, results.tables[DOSES.name]),
            EXCLUSIONS.name: mask.frame(results.tables[EXCLUSIONS.name]),
        },
        groups=coded(results.groups),
        group_names=tuple(sorted(mask.codes.values(), key=lambda code: (len(code), code))),
        outcomes=outcomes,
        timecourse=coded(results.timecourse),
        baseline=coded(results.baseline),
        summary=coded(results.summary),
        study_figures=(),
        qc_figures=(),
        sidecars={
            folder: sidecar
            for folder, sidecar in results.sidecars.items()
            if not folder.startswith(("stats/", "figures/"))
        },
        blind=True,
    )


def _without_drugs(table: Table, doses: pd.DataFrame) -> pd.DataFrame:
    """When something was given, but not what and how much."""
    out = table.coerce(doses)
    out[["drug", "unit", "route"]] = ["dose", "", ""]
    out["dose"] = np.nan
    return out


def _nothing(column: pd.Series) -> pd.Series:
    if column.dtype == "str":
        return pd.Series("", index=column.index, dtype="str")
    missing = np.nan if column.dtype == "float64" else pd.NA
    return pd.Series(missing, index=column.index, dtype=column.dtype)
