"""Preservative, in-vitro recovery, units: chains of conversions computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dialysis.quantify import QuantifiedStudy, quantify_study
from dialysis.tables.inputs import PROBES
from tests.unit.quantify_builder import StudyBuilder, quantify_config, value_of


def calibrated(**analyte: object) -> StudyBuilder:
    """DA (153.18 g/mol), area = 10·fmol exactly at 1, 2, 4 fmol, S/N 6 per fmol."""
    study = StudyBuilder().analyte("DA", 11.0, **{"mw": 153.18, **analyte})
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        study.inject(
            name, "standard", {"DA": {"area": 10 * fmol, "snr_usp": 6 * fmol}}, {"DA": fmol}
        )
    return study


def with_probes(study: StudyBuilder, **options: object) -> QuantifiedStudy:
    probes = PROBES.coerce(
        pd.DataFrame(
            [
                ("P1", "A1", "hippocampus", "yes", 0.2),
                ("P2", "A2", "hippocampus", "yes", None),
                ("P3", "A3", "hippocampus", "yes", 0.1),
                ("P4", "A3", "cortex", "yes", 0.25),
            ],
            columns=["probe_id", "animal_id", "region", "placement_ok", "recovery_in_vitro"],
        )
    )
    return quantify_study(**study.frames(), config=quantify_config(**options), probes=probes)


def test_the_chain_of_units_by_hand() -> None:
    # 30/10 = 3 fmol on column in 20 µL: 0.15 nM in the vial. 30 µL of dialysate with 10 µL of
    # preservative: × 40/30 = 0.2 nM in the dialysate; × 30 µL = 6 fmol in the fraction;
    # × 153.18/1000 = 0.030636 pg/µL.
    study = calibrated()
    study.inject("X1", "sample", {"DA": 30.0}, inj_uL=20.0, volume_uL=30.0)
    value = value_of(study.quantify(preservative_uL=10.0), "X1", "DA")
    assert value["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
    assert value["conc_nM"] == pytest.approx(0.2, rel=1e-12)
    assert value["fmol_per_fraction"] == pytest.approx(6.0, rel=1e-12)
    assert value["pg_per_uL"] == pytest.approx(0.030636, rel=1e-12)
    # LOD 0.5 fmol the same way; the error follows the concentration.
    assert value["lod_nM"] == pytest.approx(0.5 / 20 * 4 / 3, rel=1e-12)
    assert value["conc_se_nM"] == pytest.approx(value["fmol_se"] / 20 * 4 / 3, rel=1e-12)


def test_a_row_s_own_dilution_goes_before_the_preservative() -> None:
    study = calibrated()
    study.inject("X1", "sample", {"DA": 30.0}, inj_uL=20.0, volume_uL=30.0, dilution=2.0)
    study.inject("X2", "sample", {"DA": 30.0}, inj_uL=20.0)
    found = study.quantify(preservative_uL=10.0)
    assert value_of(found, "X1", "DA")["conc_nM"] == pytest.approx(0.3, rel=1e-12)
    unknown = value_of(found, "X2", "DA")
    assert np.isnan(unknown["conc_nM"])
    assert unknown["reason"] == (
        "the dilution is not known: quantify.preservative_uL needs volume_uL"
    )
    # Standards hold no preservative: they come back as they are.
    assert value_of(found, "S2", "DA")["conc_nM"] == pytest.approx(0.2, rel=1e-12)


def test_recovery_by_hand() -> None:
    study = calibrated()
    study.inject("X1", "sample", {"DA": 30.0}, animal_id="A1", volume_uL=30.0)  # its only probe
    study.inject("X2", "sample", {"DA": 30.0}, animal_id="A2")  # no recovery
    study.inject("X3", "sample", {"DA": 30.0}, animal_id="A3", probe_id="P4")
    study.inject("X4", "sample", {"DA": 30.0}, animal_id="A3")  # which of two?
    found = with_probes(study, recovery="in_vitro")
    first = value_of(found, "X1", "DA")
    # 3 fmol in 10 µL: 0.3 nM in the dialysate, ÷ 0.2 = 1.5 nM outside; the fraction keeps its 9.
    assert first["conc_nM"] == pytest.approx(1.5, rel=1e-12)
    assert first["lod_nM"] == pytest.approx(0.25, rel=1e-12)
    assert first["fmol_per_fraction"] == pytest.approx(9.0, rel=1e-12)
    assert (first["recovery"], first["flags"]) == (0.2, "in_vitro_recovery")
    assert value_of(found, "X3", "DA")["conc_nM"] == pytest.approx(1.2, rel=1e-12)
    for name in ("X2", "X4"):
        missing = value_of(found, name, "DA")
        assert np.isnan(missing["conc_nM"])
        assert missing["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
        assert missing["reason"] == "probes.csv gives no recovery_in_vitro"
    # Standards are no dialysate.
    assert value_of(found, "S2", "DA")["conc_nM"] == pytest.approx(0.2, rel=1e-12)


def test_recovery_is_off_by_default() -> None:
    study = calibrated()
    study.inject("X1", "sample", {"DA": 30.0}, animal_id="A1")
    value = value_of(with_probes(study), "X1", "DA")
    assert value["conc_nM"] == pytest.approx(0.3, rel=1e-12)
    assert np.isnan(value["recovery"])
    assert value["flags"] == ""


def test_without_a_molar_mass_there_is_no_mass_concentration() -> None:
    study = calibrated(mw=None)
    study.inject("X1", "sample", {"DA": 30.0})
    value = value_of(study.quantify(), "X1", "DA")
    assert np.isnan(value["pg_per_uL"])
    assert value["conc_nM"] == pytest.approx(0.3, rel=1e-12)


def test_limits_of_areas_without_noise() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol, area in (("S0", 0.0, 1.0), ("S1", 1.0, 2.0), ("S2", 2.0, 6.0)):
        study.inject(name, "standard", {"DA": area}, {"DA": fmol})
    study.inject("X1", "sample", {"DA": 5.0})
    value = value_of(study.quantify(weight="none", min_levels=2), "X1", "DA")
    assert value["lod_fmol"] == pytest.approx(3.3 * np.sqrt(1.5) / 2.5, rel=1e-12)
    assert value["limit_method"] == "regression (ICH Q2), 3.3σ/S and 10σ/S"
    study.analytes[0]["lod"] = 0.3
    value = value_of(study.quantify(weight="none", min_levels=2), "X1", "DA")
    assert (value["lod_fmol"], value["limit_method"]) == (0.3, "given, LOQ = 10/3 LOD")


def test_pooled_runs_share_the_intercept_and_keep_their_slopes() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    for run, slope in (("R1", 10.0), ("R2", 8.0)):
        for number, fmol in enumerate((1.0, 4.0), start=1):
            area = slope * fmol + 2.0
            study.inject(f"{run}S{number}", "standard", {"DA": area}, {"DA": fmol}, run=run)
        study.inject(f"{run}X", "sample", {"DA": slope * 3.0 + 2.0}, run=run)
    study.inject("R3X", "sample", {"DA": 20.0}, run="R3")
    found = study.quantify(pool="runs", min_levels=2)
    lines = found.calibration.set_index("run")
    assert lines.loc[["R1", "R2"], "slope"].tolist() == pytest.approx([10.0, 8.0], rel=1e-10)
    assert lines.loc[["R1", "R2"], "intercept"].tolist() == pytest.approx([2.0, 2.0], rel=1e-10)
    assert lines.loc["R1", ["n_runs", "n_points", "df"]].tolist() == [2, 4, 1]
    for run in ("R1", "R2"):
        assert value_of(found, f"{run}X", "DA")["fmol_on_column"] == pytest.approx(3.0, rel=1e-10)
    assert (lines.loc["R3", "status"], lines.loc["R3", "reason"]) == (
        "failed",
        "found no standard with an amount above 0 in this run; expected at least one in every run "
        "that is pooled",
    )
