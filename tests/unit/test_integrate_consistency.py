"""Peaks that are not the analyte they are named after: compared within the run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dialysis.integrate.consistency import flag_odd_peaks
from dialysis.tables.inputs import INJECTIONS
from dialysis.tables.integrate import PEAKS

PLACES_MIN = {"NE": 5.0, "DHBA": 7.2, "DA": 11.1, "HVA": 19.1}
N_STANDARDS, N_SAMPLES = 5, 12


def a_run(seed: int = 1) -> pd.DataFrame:
    """Peaks with a scatter of 0.3 s, and of 2 % in width, in 5 standards and 12 samples."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(N_STANDARDS + N_SAMPLES):
        for peak, (analyte, rt_min) in enumerate(PLACES_MIN.items(), start=1):
            row = dict.fromkeys(PEAKS.column_names, float("nan"))
            row |= {
                "injection_id": f"i{number:02d}",
                "run": "r",
                "channel": "",
                "analyte": analyte,
                "peak": peak,
                # The table's time is 3 s off: only differences within the run count.
                "rt_expected_min": rt_min + 0.05,
                "rt_min": rt_min + rng.normal(0, 0.005),
                "width_min": 0.02 * rt_min * float(np.exp(rng.normal(0, 0.02))),
                "snr_usp": 50.0,
                "found": True,
                "reason": "",
                "method": "drop",
                "flags": "",
            }
            rows.append(row)
    return PEAKS.of_rows(rows)


def injections(n_standards: int = N_STANDARDS) -> pd.DataFrame:
    ids = [f"i{number:02d}" for number in range(N_STANDARDS + N_SAMPLES)]
    return INJECTIONS.coerce(
        pd.DataFrame(
            {
                "injection_id": ids,
                "run": "r",
                "injection_file": "x",
                "order": range(1, len(ids) + 1),
                "type": ["standard" if i < n_standards else "sample" for i in range(len(ids))],
            }
        )
    )


def flagged(peaks: pd.DataFrame, n_standards: int = N_STANDARDS) -> dict[tuple[str, str], str]:
    found = flag_odd_peaks(peaks, injections(n_standards))
    assert found.drop(columns="flags").equals(peaks.drop(columns="flags"))
    odd = found[found["flags"] != ""]
    keys = zip(odd["injection_id"], odd["analyte"], strict=True)
    return dict(zip(keys, odd["flags"], strict=True))


def row(peaks: pd.DataFrame, injection: str, analyte: str) -> int:
    chosen = (peaks["injection_id"] == injection) & (peaks["analyte"] == analyte)
    return int(np.flatnonzero(chosen)[0])


@pytest.mark.parametrize("seed", range(10))
def test_a_run_without_fault_has_no_flags(seed: int) -> None:
    assert flagged(a_run(seed)) == {}


def test_a_neighbour_in_the_window_is_not_the_analyte() -> None:
    peaks = a_run()
    # 0.6 of a width of 0.222 min later.
    peaks.loc[row(peaks, "i09", "DA"), "rt_min"] += 0.6 * 0.222
    assert flagged(peaks) == {("i09", "DA"): "odd_retention"}


def test_a_width_that_is_not_the_analyte_s() -> None:
    peaks = a_run()
    peaks.loc[row(peaks, "i08", "HVA"), "width_min"] *= 1.7
    peaks.loc[row(peaks, "i10", "NE"), "width_min"] /= 1.7
    assert flagged(peaks) == {("i08", "HVA"): "odd_width", ("i10", "NE"): "odd_width"}


def test_peaks_that_widen_together_are_a_column_and_no_stranger() -> None:
    peaks = a_run()
    peaks.loc[peaks["injection_id"] == "i07", "width_min"] *= 1.7
    assert flagged(peaks) == {}


def test_standards_decide_what_is_usual() -> None:
    peaks = a_run()
    # In all samples another peak: the standards know where the analyte is.
    wrong = (peaks["analyte"] == "DA") & (peaks["injection_id"] >= f"i{N_STANDARDS:02d}")
    peaks.loc[wrong, "rt_min"] += 0.8 * 0.222
    later = range(N_STANDARDS, N_STANDARDS + N_SAMPLES)
    assert flagged(peaks) == {(f"i{i:02d}", "DA"): "odd_retention" for i in later}
    # Without standards nobody knows which of two places is the analyte's; most have it.
    assert flagged(peaks, 0) == {(f"i{i:02d}", "DA"): "odd_retention" for i in range(N_STANDARDS)}


def test_a_drift_that_no_reference_follows_is_no_stranger() -> None:
    peaks = a_run()
    number = peaks["injection_id"].str[1:].astype(int)
    peaks["rt_min"] *= 1 + 0.003 * number
    assert flagged(peaks) != {}
    peaks["flags"] = "reference_missing"
    assert flag_odd_peaks(peaks, injections()).equals(peaks)


def test_widths_that_are_not_the_peak_s_own_are_not_judged() -> None:
    for column, value in (("flags", "width_estimated"), ("snr_usp", 5.0)):
        peaks = a_run()
        at = row(peaks, "i08", "HVA")
        peaks.loc[at, "width_min"] *= 1.7
        peaks.loc[at, column] = value
        assert flag_odd_peaks(peaks, injections()).equals(peaks)


def test_what_a_person_integrated_is_not_judged() -> None:
    peaks = a_run()
    at = row(peaks, "i09", "DA")
    peaks.loc[at, "rt_min"] += 0.6 * 0.222
    peaks.loc[at, "flags"] = "manual"
    assert flag_odd_peaks(peaks, injections()).equals(peaks)


def test_four_injections_tell_nothing() -> None:
    peaks = a_run()
    peaks = peaks[peaks["injection_id"] < "i04"].reset_index(drop=True)
    peaks.loc[row(peaks, "i03", "DA"), "rt_min"] += 0.2
    assert flag_odd_peaks(peaks, injections()).equals(peaks)
