"""Small studies for the tests of `quantify`, built row by row."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from dialysis.quantify import QuantifiedStudy, quantify_study
from dialysis.study.config import default_section
from dialysis.tables.inputs import ANALYTES, EXCLUSIONS, INJECTIONS, STANDARDS
from dialysis.tables.integrate import PEAKS
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS
from dialysis.tables.quantify import SUITABILITY as RUN_CHECKS

Row = dict[str, Any]


def quantify_config(**options: Any) -> dict[str, Any]:
    """The section with defaults; nested sections are updated, not replaced."""
    config = copy.deepcopy(default_section("quantify"))
    for name, value in options.items():
        if isinstance(value, Mapping):
            config[name] = {**config[name], **value}
        else:
            config[name] = value
    return config


@dataclass
class StudyBuilder:
    """Tables of a study; `inject` adds an injection with its peaks and nominal amounts."""

    analytes: list[Row] = field(default_factory=list)
    injections: list[Row] = field(default_factory=list)
    peaks: list[Row] = field(default_factory=list)
    standards: list[Row] = field(default_factory=list)
    exclusions: list[Row] = field(default_factory=list)

    def analyte(self, name: str, rt_min: float, **more: Any) -> StudyBuilder:
        self.analytes.append({"analyte": name, "rt_min": rt_min, "window_min": 0.2, **more})
        return self

    def inject(
        self,
        name: str,
        kind: str,
        areas: Mapping[str, Any],
        amounts: Mapping[str, float] | None = None,
        unit: str = "fmol",
        role: str = "",
        run: str = "R1",
        **more: Any,
    ) -> StudyBuilder:
        """Add an injection; an area is a number, a dict of peak columns, or None (not found)."""
        order = 1 + sum(row["run"] == run for row in self.injections)
        self.injections.append(
            {
                "injection_id": name,
                "run": run,
                "injection_file": f"{name}.cdf",
                "order": order,
                "type": kind,
                "inj_uL": 10.0,
                **more,
            }
        )
        for analyte, value in areas.items():
            peak: Row = {"injection_id": name, "run": run, "analyte": analyte}
            if value is None:
                peak |= {"found": False, "reason": "no peak in the window"}
            elif isinstance(value, Mapping):
                peak |= {"found": True, **value}
            else:
                peak |= {"found": True, "area": value}
            self.peaks.append(peak)
        for analyte, amount in (amounts or {}).items():
            self.standards.append(
                {
                    "injection_id": name,
                    "analyte": analyte,
                    "amount": amount,
                    "unit": unit,
                    "role": role,
                }
            )
        return self

    def exclude(self, injection: str, analyte: str = "", level: str = "injection") -> StudyBuilder:
        self.exclusions.append(
            {
                "level": level,
                "id": injection,
                "analyte": analyte,
                "reason_code": "bad_injection",
                "reason_text": "air bubble",
                "decided_by": "AB",
                "decided_on": "2024-05-01",
            }
        )
        return self

    def frames(self) -> dict[str, pd.DataFrame]:
        return {
            "peaks": PEAKS.coerce(_frame(self.peaks, PEAKS.column_names)),
            "injections": INJECTIONS.coerce(_frame(self.injections, INJECTIONS.column_names)),
            "standards": STANDARDS.coerce(_frame(self.standards, STANDARDS.column_names)),
            "analytes": ANALYTES.coerce(_frame(self.analytes, ANALYTES.column_names)),
            "exclusions": EXCLUSIONS.coerce(_frame(self.exclusions, EXCLUSIONS.column_names)),
        }

    def quantify(self, **options: Any) -> QuantifiedStudy:
        """Quantify, and check the frames against their tables."""
        frames = self.frames()
        before = {name: frame.copy() for name, frame in frames.items()}
        study = quantify_study(**frames, config=quantify_config(**options))
        for name, frame in frames.items():
            pd.testing.assert_frame_equal(frame, before[name])
        CONCENTRATIONS.validate(study.concentrations)
        CALIBRATION.validate(study.calibration)
        CALIBRATION_POINTS.validate(study.calibration_points)
        RUN_CHECKS.validate(study.suitability)
        return study


def _frame(rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [{name: row.get(name) for name in columns} for row in rows], columns=columns
    )


def value_of(study: QuantifiedStudy, injection: str, analyte: str) -> pd.Series:
    """The concentrations row of one injection × analyte."""
    table = study.concentrations
    rows = table[(table["injection_id"] == injection) & (table["analyte"] == analyte)]
    assert len(rows) == 1
    return rows.iloc[0]


def line_of(study: QuantifiedStudy, analyte: str, run: str = "R1") -> pd.Series:
    """The calibration row of one run × analyte."""
    table = study.calibration
    rows = table[(table["run"] == run) & (table["analyte"] == analyte)]
    assert len(rows) == 1
    return rows.iloc[0]


def point_of(study: QuantifiedStudy, injection: str, analyte: str) -> pd.Series:
    """The calibration point of one injection × analyte."""
    table = study.calibration_points
    rows = table[(table["injection_id"] == injection) & (table["analyte"] == analyte)]
    assert len(rows) == 1
    return rows.iloc[0]


def checks_of(study: QuantifiedStudy, rule: str) -> pd.DataFrame:
    """Suitability rows of a rule."""
    table = study.suitability
    return table[table["rule"] == rule].reset_index(drop=True)
