"""What is simulated: groups, fractions, sequences; a registry of designs by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dialysis.errors import StudyError
from dialysis.simulate.biology import Fractions
from dialysis.simulate.trace import Recording


@dataclass(frozen=True)
class TreatmentGroup:
    """A treatment and its number of animals; dose 0 is vehicle."""

    drug: str
    dose: float
    n: int


@dataclass(frozen=True)
class StudyDesign:
    """A study to simulate.

    Parameters
    ----------
    name, title : str
        Name in the registry and of the folders; title of the study.
    seed : int
        Default seed.
    groups : tuple of TreatmentGroup
        Treatments, the vehicle first.
    n_runs : int
        HPLC runs; every group is spread over them as evenly as its size allows.
    n_baseline, n_post : int
        Fractions before and after the dose.
    fraction_min, flow_uL_min, dead_volume_uL, inj_uL : float
        Collection and injection.
    region, route, dose_unit : str
        As in the parameter table.
    levels, qc_levels : tuple of float
        Amounts of the calibration standards and the QCs, multiples of the basal amounts.
    bracket_level : float
        Amount of the bracketing standard, likewise.
    bracket_every : int
        Samples between two bracketing standards.
    lost_part : float
        Part of the vials that is lost.
    misplaced, unstable : (str, float) or None
        Drug and dose of the group in which one probe is misplaced, one baseline unstable.
    internal_standard_fmol : float
        Amount of DHBA in everything but the plain blank.
    recording : Recording
        Detector settings.
    first_run_day : str
        Day of the first run, ISO 8601; runs start two days apart at 08:00 UTC.
    cycle_min : float
        Time from injection to injection.
    """

    name: str
    title: str
    seed: int
    groups: tuple[TreatmentGroup, ...]
    n_runs: int
    n_baseline: int = 4
    n_post: int = 9
    fraction_min: float = 20.0
    flow_uL_min: float = 1.5
    dead_volume_uL: float = 5.65
    inj_uL: float = 20.0
    region: str = "hippocampus"
    route: str = "s.c."
    dose_unit: str = "mg/kg"
    levels: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0)
    qc_levels: tuple[float, ...] = (0.3, 1.5, 6.0)
    bracket_level: float = 2.0
    bracket_every: int = 12
    lost_part: float = 0.0
    misplaced: tuple[str, float] | None = None
    unstable: tuple[str, float] | None = None
    internal_standard_fmol: float = 200.0
    recording: Recording = field(default_factory=lambda: Recording(n_points=7200, interval_s=0.2))
    first_run_day: str = "2024-05-13"
    cycle_min: float = 26.0

    @property
    def fractions(self) -> Fractions:
        """The fractions of every animal."""
        lag_min = self.dead_volume_uL / self.flow_uL_min
        return Fractions(self.n_baseline, self.n_post, self.fraction_min, lag_min)

    @property
    def n_animals(self) -> int:
        """Number of animals."""
        return sum(group.n for group in self.groups)


_REGISTERED = (
    StudyDesign(
        name="demo",
        title="Mianserin and mirtazapine in the rat hippocampus (simulated)",
        seed=20240304,
        groups=(
            TreatmentGroup("vehicle", 0, 8),
            TreatmentGroup("mianserin", 2, 7),
            TreatmentGroup("mianserin", 5, 6),
            TreatmentGroup("mirtazapine", 2, 7),
            TreatmentGroup("mirtazapine", 5, 7),
        ),
        n_runs=7,
        lost_part=0.03,
        misplaced=("mianserin", 2),
        unstable=("mirtazapine", 2),
    ),
    StudyDesign(
        name="tiny",
        title="Two small groups for quick trials (simulated)",
        seed=7,
        groups=(TreatmentGroup("vehicle", 0, 3), TreatmentGroup("mirtazapine", 5, 3)),
        n_runs=2,
        n_baseline=2,
        n_post=3,
    ),
    StudyDesign(
        name="visitor",
        title="Two small groups in one run, to be handed over without tables (simulated)",
        seed=11,
        groups=(TreatmentGroup("vehicle", 0, 3), TreatmentGroup("mirtazapine", 5, 3)),
        n_runs=1,
        n_baseline=3,
        n_post=4,
    ),
)

DESIGNS: Mapping[str, StudyDesign] = MappingProxyType(
    {design.name: design for design in _REGISTERED}
)


def get_design(name: str) -> StudyDesign:
    """Return a design by name.

    Raises
    ------
    StudyError
        If there is none of that name.
    """
    if name not in DESIGNS:
        raise StudyError(
            f"simulation design: found '{name}'; expected one of {', '.join(DESIGNS)}."
        )
    return DESIGNS[name]
