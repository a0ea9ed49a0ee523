"""The traces of a simulated study: from amounts in the vials to detector counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.simulate.parameters import read_globals
from dialysis.simulate.plan import ANALYTES, StudyPlan, basal_amounts, stream
from dialysis.simulate.testbed import (
    BETWEEN_RUNS,
    DEMO_PEAKS,
    WITHIN_RUN,
    draw_peak,
    draw_shapes,
    positive_factor,
    standard_front,
)
from dialysis.simulate.trace import Background, SimulatedTrace, simulate_trace

_RUN, _INJECTION = 20, 21


def simulate_injections(plan: StudyPlan) -> Iterator[SimulatedTrace]:
    """Simulate every injection of a study.

    Parameters
    ----------
    plan : StudyPlan
        The study.

    Yields
    ------
    SimulatedTrace
        In the order of ``plan.injections``.  Every injection has a random stream of its own.

    Notes
    -----
    Area = (amount + carry-over) × sensitivity of the analyte × sensitivity of the run × fouling
    × injected volume × preparation.  The first is such that the basal amount gives the test bed's
    height; run, fouling and volume are common to all peaks of an injection, so the internal
    standard corrects them; preparation is each peak's own.  Carry-over is a part of the amount
    injected just before in the same run.
    """
    numbers = read_globals()
    sensitivity = sensitivities(plan)
    volume_cv = numbers["injection_volume_cv_pct"] / 100
    preparation_cv = float(np.sqrt((numbers["analytical_cv_pct"] / 100) ** 2 - volume_cv**2))
    samples = Background()
    standards = Background(front=standard_front(samples.front))
    for run_number, (_, members) in enumerate(plan.injections.groupby("run", sort=True)):
        rng = stream(plan.seed, _RUN, run_number)
        shapes = draw_shapes(ANALYTES, BETWEEN_RUNS, rng)
        run_factor = positive_factor(numbers["sensitivity_between_runs_cv_pct"] / 100, rng)
        amounts = plan.amounts[members.index]
        carried = np.zeros_like(amounts)
        carried[1:] = numbers["carry_over_pct"] / 100 * amounts[:-1]
        for place, injection in enumerate(members.itertuples()):
            rng = stream(plan.seed, _INJECTION, run_number, int(injection.order))
            days = float(injection.hours) / 24
            fouling = 1 + numbers["sensitivity_drift_pct_per_24h"] / 100 * days
            drift = 1 + numbers["rt_drift_pct_per_24h"] / 100 * days
            common = run_factor * fouling * positive_factor(volume_cv, rng)
            prepared = np.array([positive_factor(preparation_cv, rng) for _ in ANALYTES])
            areas = (amounts[place] + carried[place]) * prepared * common * sensitivity
            retention = shapes.retention * drift * positive_factor(WITHIN_RUN.retention, rng)
            peaks = [
                draw_peak(model, shapes, WITHIN_RUN, retention, rng, area_nA_s=float(area))
                for model, area in zip(DEMO_PEAKS, areas, strict=True)
            ]
            yield simulate_trace(
                peaks,
                rng,
                recording=plan.design.recording,
                background=samples if injection.type == "sample" else standards,
            )


def sensitivities(plan: StudyPlan) -> FloatArray:
    """Area per amount of every analyte of `ANALYTES`, nA·s per fmol, for a nominal cell."""
    basal = basal_amounts(plan.design)
    return np.array([model.area_nA_s / basal[model.analyte] for model in DEMO_PEAKS])
