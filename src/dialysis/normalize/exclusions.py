"""Decisions to leave something out, as they apply to outcomes and fractions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from dialysis.normalize.samples import Probe
from dialysis.words import reason_words


@dataclass(frozen=True)
class Exclusions:
    """The exclusions table, ready to be asked.

    Parameters
    ----------
    reasons : mapping
        (level, id) to a tuple of (analyte, reason); an empty analyte means all.
    """

    reasons: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]

    @classmethod
    def from_table(cls, exclusions: pd.DataFrame) -> Exclusions:
        """Read the table; the order of its rows has no influence."""
        reasons: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
        ordered = exclusions.sort_values(["level", "id", "analyte", "reason_code", "reason_text"])
        for row in ordered.itertuples(index=False):
            text = reason_words(row.reason_code)
            text += f": {row.reason_text}" if row.reason_text else ""
            entry = (str(row.analyte), f"{text} ({row.decided_by}, {row.decided_on})")
            key = (str(row.level), str(row.id))
            reasons[key] = (*reasons.get(key, ()), entry)
        return cls(reasons)

    def _at(self, level: str, names: Iterable[str], analytes: Iterable[str]) -> list[str]:
        wanted = {"", *analytes}
        return [
            reason
            for name in names
            for analyte, reason in self.reasons.get((level, name), ())
            if analyte in wanted
        ]

    def of_peak(self, injection_id: str, analyte: str) -> list[str]:
        """Reasons to leave out the peak of an analyte in an injection."""
        return self._at("peak", [injection_id], [analyte])

    def of_fraction(self, probe: Probe, number: int, analytes: Iterable[str]) -> list[str]:
        """Reasons to leave out a fraction; given for a probe, or for all probes of an animal."""
        names = dict.fromkeys((f"{probe.probe_id}:{number}", f"{probe.animal_id}:{number}"))
        return self._at("fraction", names, analytes)

    def of_subject(self, probe: Probe, analytes: Iterable[str]) -> list[str]:
        """Reasons to leave out a whole animal or probe."""
        wanted = list(analytes)
        return [
            *self._at("animal", [probe.animal_id], wanted),
            *self._at("probe", [probe.probe_id], wanted),
        ]
