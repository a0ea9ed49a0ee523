"""A run with every fault planted, from traces to concentrations: what is flagged, and what not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dialysis.integrate import integrate_run
from dialysis.quantify import QuantifiedStudy, quantify_study
from dialysis.simulate.faults import NO_FAULTS, WITH_INTERNAL_STANDARD, FaultyRun, plan_faulty_run
from dialysis.simulate.plan import ANALYTES
from dialysis.study.config import default_section
from dialysis.tables.ingest import TRACES
from dialysis.tables.inputs import INTEGRATION_EVENTS
from tests.unit.quantify_builder import quantify_config

EXTERNAL = ("DOPAC", "5-HIAA", "HVA", "5-HT")
OPTIONS = {"inj_uL": 20.0, "weight": "1/x2"}


def integrated(run: FaultyRun) -> pd.DataFrame:
    rows = []
    for name, trace in run.traces():
        recording = trace.recording
        rows.append(
            {
                "injection_id": name,
                "run": "run01",
                "channel": "ECD",
                "unit": "nA",
                "start_s": 0.0,
                "interval_s": recording.interval_s,
                "n_points": recording.n_points,
                "signal": np.asarray(trace.counts * recording.count_nA, dtype=np.float64),
            }
        )
    config = {**default_section("integrate"), "start_min": 3.9}
    return integrate_run(
        TRACES.coerce(pd.DataFrame(rows)),
        run.tables["injections"],
        run.tables["analytes"],
        INTEGRATION_EVENTS.empty(),
        config,
    ).peaks


def quantified(run: FaultyRun, peaks: pd.DataFrame, **options: object) -> QuantifiedStudy:
    return quantify_study(peaks, **run.tables, config=quantify_config(**OPTIONS, **options))


def errors_pct(run: FaultyRun, study: QuantifiedStudy, analyte: str) -> pd.Series:
    """Error of every sample that holds the analyte, against what truly was in its vial."""
    truth = pd.Series(run.amounts[:, ANALYTES.index(analyte)], list(run.plan.injections.iloc[:, 0]))
    table = study.concentrations
    own = table[(table["analyte"] == analyte) & (table["type"] == "sample")]
    true = own["injection_id"].map(truth)
    error = 100.0 * (own["fmol_on_column"] / true.where(true > 0) - 1.0)
    return error[error.notna()].abs()


@pytest.fixture(scope="module")
def run() -> FaultyRun:
    return plan_faulty_run()


@pytest.fixture(scope="module")
def peaks(run: FaultyRun) -> pd.DataFrame:
    return integrated(run)


@pytest.fixture(scope="module")
def found(run: FaultyRun, peaks: pd.DataFrame) -> QuantifiedStudy:
    actions = {"back_calculation": "exclude"}
    return quantified(run, peaks, suitability={"actions": actions})


def warned(study: QuantifiedStudy, rule: str) -> pd.DataFrame:
    table = study.suitability
    return table[(table["rule"] == rule) & (table["status"] == "WARN")]


def test_every_fault_is_flagged_by_its_name(run: FaultyRun, found: QuantifiedStudy) -> None:
    planted = run.planted
    assert set(planted) == {
        "failed_standard",
        "swapped_vials",
        "broken_injection",
        "internal_standard_missing",
        "carry_over",
        "fouling",
        "sensitivity_drift",
    }
    # The standard that was made wrong, in every analyte, and no other.
    failed = warned(found, "back_calculation")
    assert set(failed["injection_id"]) == set(planted["failed_standard"])
    assert set(failed["analyte"]) == {*WITH_INTERNAL_STANDARD, *EXTERNAL}
    assert set(warned(found, "swapped_vials")["injection_id"]) == set(planted["swapped_vials"])
    assert list(warned(found, "broken_injection")["injection_id"]) == list(
        planted["broken_injection"]
    )
    # An injection of air holds no internal standard either.
    assert set(warned(found, "internal_standard_recovery")["injection_id"]) == {
        *planted["internal_standard_missing"],
        *planted["broken_injection"],
    }
    carried = warned(found, "carry_over")
    assert set(carried["injection_id"]) == {planted["carry_over"][0]}
    assert set(carried["analyte"]) == {"DOPAC", "5-HIAA", "HVA"}
    # Of the others what is carried over lies below the limit of detection: 0.5 % of ten times the
    # basal amount is half the lowest standard.
    line = found.calibration.set_index("analyte")
    for name in ("NE", "DA", "5-HT"):
        assert 0.005 * line.loc[name, "high_fmol"] < line.loc[name, "lod_fmol"]
    # Fouling between two brackets; drift over the run. The internal standard cancels both.
    fouled = warned(found, "bracket_difference")
    assert set(fouled["injection_id"]) == {planted["fouling"][-1]}
    assert set(fouled["analyte"]) == set(EXTERNAL)
    assert set(warned(found, "sensitivity_drift")["analyte"]) == set(EXTERNAL)


def test_no_healthy_injection_is_flagged(run: FaultyRun, found: QuantifiedStudy) -> None:
    at_fault = {
        *run.planted["failed_standard"],
        *run.planted["swapped_vials"],
        *run.planted["broken_injection"],
        *run.planted["internal_standard_missing"],
        *run.planted["carry_over"],
        run.planted["fouling"][-1],  # the bracket that shows it
    }
    table = found.suitability
    flagged = table[table["status"] == "WARN"]
    assert set(flagged.loc[flagged["injection_id"] != "", "injection_id"]) == at_fault
    assert set(flagged.loc[flagged["injection_id"] == "", "rule"]) == {"sensitivity_drift"}
    excluded = found.calibration_points[
        (found.calibration_points["role"] == "cal") & ~found.calibration_points["used"]
    ]
    assert set(excluded["injection_id"]) == set(run.planted["failed_standard"])


def test_drift_correction_brings_the_concentrations_back(
    run: FaultyRun, peaks: pd.DataFrame, found: QuantifiedStudy
) -> None:
    actions = {"back_calculation": "exclude"}
    drifting = quantified(
        run, peaks, suitability={"actions": actions}, drift={"correction": "none"}
    )
    by_time = quantified(run, peaks, suitability={"actions": actions}, drift={"by": "time"})
    medians = {
        name: [float(errors_pct(run, study, name).median()) for study in (drifting, found, by_time)]
        for name in EXTERNAL
    }
    print({name: [round(v, 2) for v in values] for name, values in medians.items()})
    everything = [
        float(pd.concat([errors_pct(run, study, name) for name in EXTERNAL]).median())
        for study in (drifting, found, by_time)
    ]
    print([round(v, 2) for v in everything])
    assert everything[0] > 10.0
    assert everything[1] <= 1.5
    assert everything[2] <= 1.5
    # The swapped vials and the missing internal standard change nothing elsewhere.
    for name in WITH_INTERNAL_STANDARD:
        assert float(errors_pct(run, found, name).median()) < 3.0


def test_a_healthy_run_is_clean() -> None:
    run = plan_faulty_run(seed=2, faults=NO_FAULTS)
    study = quantified(run, integrated(run))
    table = study.suitability
    bad = table[table["status"] == "WARN"]
    assert not len(bad), bad[["rule", "analyte", "injection_id", "reason"]].to_string()
