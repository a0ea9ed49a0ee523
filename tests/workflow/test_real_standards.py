"""Eleven real LabSolutions standards, run as a study through ingest, integrate and quantify."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Project, new_project

pytestmark = pytest.mark.workflow

# SOURCES.md: mM and the vendor's own areas, µV·s (1000 × mV·s)
LEVELS = (0.05, 0.10, 0.20, 0.30, 0.40, 0.50, 0.60, 0.70, 0.80, 0.90, 1.00)
VENDOR_AREAS = (8892, 18654, 42250, 62336, 80742, 99601, 123057, 141732, 165101, 187540, 205073)


@pytest.fixture(scope="module")
def standards(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = shared_data / "chromatograms" / "labsolutions_calibration"
    if not folder.is_dir():
        pytest.skip("the real LabSolutions standards are not in shared/data")
    project = Project(new_project(tmp_path_factory.mktemp("real") / "project").root, "real")
    shutil.copytree(folder, project.raw)
    project.config.mkdir(parents=True)
    names = [f"standard_{level:.2f}mM.txt" for level in LEVELS]
    (project.config / "study.yaml").write_text(
        "study:\n  title: Real standards\nquantify:\n  inj_uL: 20\nnormalize:\n  fraction_min: 20\n"
    )
    (project.config / "animals.csv").write_text("animal_id,drug,dose\nnone,vehicle,0\n")
    (project.config / "analytes.csv").write_text(
        "analyte,rt_min,window_min\nsophorolipid,21.3,0.5\n"
    )
    (project.config / "injections.csv").write_text(
        "run,order,injection_file,type\n"
        + "".join(f"run1,{n},{name},standard\n" for n, name in enumerate(names, start=1))
    )
    (project.config / "standards.csv").write_text(
        "injection_id,analyte,amount,unit\n"
        + "".join(f"run1_{n:03d},sophorolipid,{x},mM\n" for n, x in enumerate(LEVELS, start=1))
    )
    done = project.snakemake("quantify", "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_areas_agree_with_the_vendors(standards: Project) -> None:
    peaks = pd.read_parquet(standards.results / "integrate" / "run1" / "peaks.parquet")
    areas = peaks[peaks["analyte"] == "sophorolipid"].set_index("injection_id")["area"].sort_index()
    assert len(areas) == len(LEVELS)
    error_pct = 100 * (1000 * areas.to_numpy() / np.array(VENDOR_AREAS) - 1)
    print(dict(zip(LEVELS, error_pct.round(2), strict=True)))
    assert (np.abs(error_pct[1:]) < 1.5).all()  # from 0.1 mM up
    # On a gradient, where no smooth baseline holds, areas are those between limits.
    assert set(peaks.loc[peaks["analyte"] != "", "method"]) == {"trapezoid"}


def test_the_calibration_is_straight(standards: Project) -> None:
    calibration = pd.read_csv(standards.results / "quantify" / "calibration.csv")
    row = calibration.iloc[0]
    assert row["status"] == "ok"
    assert row["r2"] >= 0.999
    points = pd.read_csv(standards.results / "quantify" / "calibration_points.csv")
    errors = points.set_index("amount_fmol")["error_pct"]
    print(errors.round(1).to_dict())
    assert (errors[errors.index > 1.5e6].abs() < 10.0).all()  # from 0.1 mM up
    assert points["used"].all()
    # 0.05 mM × 20 µL = 1 nmol on column
    assert row["low_fmol"] == pytest.approx(1e6)
    assert row["high_fmol"] == pytest.approx(20e6)
