"""One HPLC run with everything wrong that a run can have, each fault in a known place.

The chemistry is the demo's.  NE and DA have an internal standard; DOPAC, 5-HIAA, HVA and 5-HT are
calibrated externally, so that drift is theirs to correct.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.simulate.config_tables import config_files
from dialysis.simulate.designs import StudyDesign, TreatmentGroup
from dialysis.simulate.injections import sensitivities
from dialysis.simulate.plan import ANALYTES, StudyPlan, plan_study, stream
from dialysis.simulate.testbed import (
    BETWEEN_RUNS,
    DEMO_PEAKS,
    INTERNAL_STANDARD,
    WITHIN_RUN,
    draw_peak,
    draw_shapes,
    positive_factor,
    standard_front,
)
from dialysis.simulate.trace import Background, SimulatedTrace, simulate_trace
from dialysis.tables import Table
from dialysis.tables.inputs import ANALYTES as ANALYTES_TABLE
from dialysis.tables.inputs import EXCLUSIONS, INJECTIONS, STANDARDS

WITH_INTERNAL_STANDARD = ("NE", "DA")

DESIGN = StudyDesign(
    name="faults",
    title="One run with planted faults (simulated)",
    seed=1,
    groups=(TreatmentGroup("vehicle", 0, 2), TreatmentGroup("mirtazapine", 5, 2)),
    n_runs=1,
)

_RUN, _INJECTION = 30, 31


@dataclass(frozen=True)
class Faults:
    """Which faults are planted, and how large they are; ``NO_FAULTS`` has none.

    Parameters
    ----------
    drift_pct_per_day : float
        Change of the sensitivity of the cell, common to all peaks.
    fouling_pct_per_injection : float
        Further loss in each injection between the second and the third bracket.
    carry_over_pct : float
        Part of an injection that stays for the next.
    failed_standard_factor : float
        What the fifth standard holds of its nominal amounts; its internal standard is right.
    swap, broken, without_internal_standard : bool
        Whether two samples of different animals stand in each other's place, one injection was
        of air, and one vial got no internal standard.
    injection_cv, peak_cv : float
        Repeatability of the injected volume and of each peak by itself, relative.
    """

    drift_pct_per_day: float = -15.0
    fouling_pct_per_injection: float = -2.0
    carry_over_pct: float = 0.5
    failed_standard_factor: float = 0.6
    swap: bool = True
    broken: bool = True
    without_internal_standard: bool = True
    injection_cv: float = 0.007
    peak_cv: float = 0.007


NO_FAULTS = Faults(0.0, 0.0, 0.0, 1.0, False, False, False)


@dataclass(frozen=True, eq=False)
class FaultyRun:
    """A run with its faults and its truth.

    Parameters
    ----------
    plan : StudyPlan
        Animals, sequence and what is said to be in every vial.
    faults : Faults
        What was planted.
    amounts : ndarray of float64, shape (injections, analytes)
        What truly is in every vial, fmol, columns as `dialysis.simulate.plan.ANALYTES`.
    planted : dict of str to tuple of str
        Injections of each fault, by its name.
    tables : dict of str to DataFrame
        injections, standards, analytes and exclusions, as a lab fills them in.
    seed : int
        Seed of the traces.
    """

    plan: StudyPlan
    faults: Faults
    amounts: FloatArray
    planted: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, pd.DataFrame]
    seed: int

    def traces(self) -> Iterator[tuple[str, SimulatedTrace]]:
        """Simulate every injection, in order."""
        return _traces(self)


def plan_faulty_run(seed: int = DESIGN.seed, faults: Faults | None = None) -> FaultyRun:
    """Plan a run with planted faults.

    Parameters
    ----------
    seed : int
        Seed; equal seeds give equal runs.
    faults : Faults, optional
        All of them by default.

    Returns
    -------
    FaultyRun
    """
    chosen = faults or Faults()
    plan = plan_study(DESIGN, seed)
    rows = plan.injections
    amounts = plan.amounts.copy()
    place = {str(label): number for number, label in enumerate(rows["label"])}
    names = [str(name) for name in rows["injection_id"]]
    internal = ANALYTES.index(INTERNAL_STANDARD)
    planted: dict[str, tuple[str, ...]] = {}
    if chosen.failed_standard_factor != 1.0:
        failed = place["STD5"]
        others = [k for k in range(len(ANALYTES)) if k != internal]
        amounts[failed, others] *= chosen.failed_standard_factor
        planted["failed_standard"] = (names[failed],)
    samples = {
        (str(row.animal_id), int(row.fraction)): number
        for number, row in enumerate(rows.itertuples())
        if row.type == "sample"
    }
    animals = [str(name) for name in plan.animals["animal_id"]]
    if chosen.swap:
        pair = [samples[animals[1], 5], samples[animals[2], 9]]
        amounts[pair] = amounts[pair[::-1]]
        planted["swapped_vials"] = tuple(names[k] for k in pair)
    if chosen.broken:
        broken = samples[animals[2], 3]
        amounts[broken] = 0.0
        planted["broken_injection"] = (names[broken],)
    if chosen.without_internal_standard:
        without = samples[animals[0], 7]
        amounts[without, internal] = 0.0
        planted["internal_standard_missing"] = (names[without],)
    if chosen.carry_over_pct:
        # Right after the highest standard, and after the last standards and samples.
        planted["carry_over"] = (names[place["BLK2"]], names[place["BLK3"]])
    if chosen.fouling_pct_per_injection:
        planted["fouling"] = tuple(names[place["BRK2"] + 1 : place["BRK3"] + 1])
    if chosen.drift_pct_per_day:
        planted["sensitivity_drift"] = tuple(names)
    return FaultyRun(
        plan, chosen, amounts, MappingProxyType(planted), MappingProxyType(_tables(plan)), seed
    )


def _tables(plan: StudyPlan) -> dict[str, pd.DataFrame]:
    texts = config_files(plan, ".cdf")

    def table(name: str, definition: Table) -> pd.DataFrame:
        frame = pd.read_csv(io.StringIO(texts[name]), dtype="str", keep_default_na=False)
        numbers = [c.name for c in definition.columns if c.kind in ("number", "integer")]
        for column in set(numbers) & set(frame.columns):
            frame[column] = pd.to_numeric(frame[column])
        return definition.coerce(frame)

    analytes = table("analytes.csv", ANALYTES_TABLE)
    has = analytes["analyte"].isin([*WITH_INTERNAL_STANDARD, INTERNAL_STANDARD])
    analytes["internal_standard"] = analytes["internal_standard"].where(has, "none")
    injections = table("injections.csv", INJECTIONS)
    injections["injected_at"] = list(plan.injections["injected_at"])
    return {
        "injections": injections,
        "standards": table("standards.csv", STANDARDS),
        "analytes": analytes,
        "exclusions": EXCLUSIONS.empty(),
    }


def relative_sensitivity(run: FaultyRun) -> FloatArray:
    """Sensitivity of the cell at every injection relative to the first: drift and fouling."""
    rows = run.plan.injections
    hours = rows["hours"].to_numpy(dtype=np.float64)
    drift = 1.0 + run.faults.drift_pct_per_day / 100.0 * hours / 24.0
    names = list(rows["injection_id"])
    loss = np.zeros(len(names))
    for name in run.planted.get("fouling", ()):
        loss[names.index(name)] = run.faults.fouling_pct_per_injection / 100.0
    return np.asarray(drift * np.cumprod(1.0 + loss), dtype=np.float64)


def _traces(run: FaultyRun) -> Iterator[tuple[str, SimulatedTrace]]:
    faults, rows = run.faults, run.plan.injections
    per_fmol = sensitivities(run.plan)
    samples = Background()
    standards = Background(front=standard_front(samples.front))
    shapes = draw_shapes(ANALYTES, BETWEEN_RUNS, stream(run.seed, _RUN))
    cell = relative_sensitivity(run)
    carried = np.zeros_like(run.amounts)
    carried[1:] = faults.carry_over_pct / 100.0 * run.amounts[:-1]
    air = set(run.planted.get("broken_injection", ()))
    for place, row in enumerate(rows.itertuples()):
        name = str(row.injection_id)
        rng = stream(run.seed, _INJECTION, int(row.order))
        volume = positive_factor(faults.injection_cv, rng)
        own = np.array([positive_factor(faults.peak_cv, rng) for _ in ANALYTES])
        inside = run.amounts[place] + carried[place] * (name not in air)
        areas = inside * volume * own * cell[place] * per_fmol
        retention = shapes.retention * positive_factor(WITHIN_RUN.retention, rng)
        peaks = [
            draw_peak(model, shapes, WITHIN_RUN, retention, rng, area_nA_s=float(area))
            for model, area in zip(DEMO_PEAKS, areas, strict=True)
        ]
        yield (
            name,
            simulate_trace(
                peaks,
                rng,
                recording=DESIGN.recording,
                background=samples if row.type == "sample" else standards,
            ),
        )
