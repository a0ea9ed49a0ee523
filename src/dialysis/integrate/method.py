"""What to integrate and how: the method of one run, made from study.yaml and analytes.csv."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from dialysis.errors import IntegrationError
from dialysis.study.outcomes import internal_standards

Reference = Literal["auto", "internal_standard", "anchors", "none"]


@dataclass(frozen=True)
class Target:
    """One analyte and where it is expected.

    Parameters
    ----------
    analyte : str
        Name of the analyte.
    rt_min : float
        Expected retention time, min.
    window_min : float
        Half width of the retention window, min.
    channel : str
        Detector channel; empty for any.
    internal_standard : bool
        Whether it serves as an internal standard.
    """

    analyte: str
    rt_min: float
    window_min: float
    channel: str = ""
    internal_standard: bool = False


@dataclass(frozen=True)
class IntegrationMethod:
    """Options of the integration and the analytes sought.

    The fields up to `methods` are the options of the ``integrate`` section of
    `study.yaml`, with its defaults; `targets` come from `analytes.csv`.
    """

    targets: tuple[Target, ...] = ()
    start_min: float = 0.0
    end_min: float | None = None
    baseline_interval_s: float = 1.0
    baseline_stiffness: float = 1.0
    min_snr: float = 3.0
    retention_reference: Reference = "auto"
    anchors: tuple[str, ...] = ("DOPAC", "5-HIAA", "HVA")
    max_shift_pct: float = 10.0
    methods: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_tables(cls, config: Mapping[str, Any], analytes: pd.DataFrame) -> IntegrationMethod:
        """Make the method of a run.

        Parameters
        ----------
        config : mapping
            The ``integrate`` section of `study.yaml` with defaults filled in.
        analytes : DataFrame
            The run's slice of the analytes table (one row per analyte).

        Raises
        ------
        IntegrationError
            If the retention reference asked for is not among the analytes.
        """
        standards = set(internal_standards(analytes))
        targets = tuple(
            Target(
                analyte=str(row.analyte),
                rt_min=float(row.rt_min),
                window_min=float(row.window_min),
                channel=str(row.channel or ""),
                internal_standard=row.analyte in standards,
            )
            for row in analytes.sort_values("rt_min", kind="stable").itertuples()
        )
        wanted = config["retention_reference"]
        if wanted == "internal_standard" and not any(t.internal_standard for t in targets):
            raise IntegrationError(
                "study.yaml, integrate.retention_reference: found 'internal_standard', but no "
                "analyte of analytes.csv is one; expected 'itself' in the column "
                "internal_standard of one analyte. Fill it in, or choose auto, anchors or none."
            )
        if wanted == "anchors" and not any(t.analyte in config["anchors"] for t in targets):
            raise IntegrationError(
                "study.yaml, integrate.anchors: found "
                f"{', '.join(config['anchors']) or 'nothing'}, none of them in analytes.csv; "
                "expected at least one analyte of the study. Name large peaks that are always "
                "there, or choose another integrate.retention_reference."
            )
        names = {t.analyte for t in targets}
        for name in config["methods"]:
            if name not in names:
                raise IntegrationError(
                    f"study.yaml, integrate.methods: found '{name}', which is not in "
                    f"analytes.csv; expected one of {', '.join(sorted(names))}. Mend the name."
                )
        end_min = config["end_min"]
        return cls(
            targets=targets,
            start_min=float(config["start_min"]),
            end_min=None if end_min is None else float(end_min),
            baseline_interval_s=float(config["baseline_interval_s"]),
            baseline_stiffness=float(config["baseline_stiffness"]),
            min_snr=float(config["min_snr"]),
            retention_reference=wanted,
            anchors=tuple(config["anchors"]),
            max_shift_pct=float(config["max_shift_pct"]),
            methods=dict(config["methods"]),
        )

    def for_channel(self, channel: str) -> IntegrationMethod:
        """Return the method with the targets of one channel; an empty name keeps them all.

        What retention is relative to stays what it is with all targets, so that a channel
        without the internal standard does not turn to anchors.
        """
        if not channel:
            return self
        kept = tuple(t for t in self.targets if t.channel in ("", channel))
        return replace(self, targets=kept, retention_reference=self.reference)

    @property
    def reference(self) -> Reference:
        """What retention is relative to: ``auto`` settled.

        It is the internal standard, without one the anchors, without these nothing.
        """
        if self.retention_reference != "auto":
            return self.retention_reference
        if any(t.internal_standard for t in self.targets):
            return "internal_standard"
        return "anchors" if any(t.analyte in self.anchors for t in self.targets) else "none"

    @property
    def references(self) -> tuple[Target, ...]:
        """The targets that retention is relative to; empty when it is absolute."""
        if self.reference == "internal_standard":
            return tuple(t for t in self.targets if t.internal_standard)
        if self.reference == "anchors":
            return tuple(t for t in self.targets if t.analyte in self.anchors)
        return ()
