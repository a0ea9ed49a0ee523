"""Traces as the site has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.review.traces import BINS, full, overview, pack, peak_rows, unpack
from dialysis.tables.ingest import TRACES
from dialysis.tables.integrate import PEAKS


def row(signal: np.ndarray, time_s: np.ndarray | None = None) -> Any:
    frame = TRACES.coerce(
        pd.DataFrame(
            [
                {
                    "injection_id": "i",
                    "run": "r",
                    "unit": "nA",
                    "start_s": 0.0,
                    "interval_s": 0.2,
                    "n_points": signal.size,
                    "signal": signal,
                    "time_s": time_s,
                }
            ]
        )
    )
    return next(frame.itertuples(index=False))


@pytest.mark.parametrize(
    "values", [[0], [5, 5, 5], [0, -1, 1, 300, -70000, 2**40], list(range(-200, 200, 7))]
)
def test_whole_numbers_are_packed_without_loss(values: list[int]) -> None:
    assert unpack(pack(np.array(values, dtype=np.int64))).tolist() == values


def test_a_whole_trace_keeps_every_point_to_a_sixteenth_of_its_noise() -> None:
    rng = np.random.default_rng(1)
    noise = 0.02
    signal = 3 + rng.normal(0, noise, 9000) + 50 * np.exp(-(((np.arange(9000) - 4000) / 40) ** 2))
    packed = full(row(signal))
    back = packed["origin"] + packed["scale"] * unpack(packed["signal"])
    assert back.size == signal.size
    # Half a step of an eighth of the noise, whose estimate has an error of about 2 %.
    assert np.abs(back - signal).max() < 1.1 * noise / 16
    assert len(packed["signal"]) < 1.2 * signal.size


def test_an_overview_keeps_the_extremes_of_every_bin() -> None:
    signal = np.random.default_rng(2).normal(0, 1, 7201)
    signal[5000] = 400.0
    packed = overview(row(signal))
    low, high = (packed["origin"] + packed["scale"] * unpack(packed[k]) for k in ("low", "high"))
    assert low.size == high.size <= BINS
    assert high.max() == pytest.approx(400.0, abs=packed["scale"])
    size = -(-7201 // BINS)
    assert high[3] == pytest.approx(signal[3 * size : 4 * size].max(), abs=packed["scale"])
    assert packed["start"] == pytest.approx(0.2 * (size - 1) / 2 / 60)


def test_gaps_uneven_times_and_flat_traces() -> None:
    signal = np.array([1.0, np.nan, np.nan, 2.0, np.nan])
    time = np.array([0.0, 0.1, 0.35, 0.9, 1.0])
    packed = full(row(signal, time))
    assert packed["gaps"] == [[1, 3], [4, 5]]
    assert unpack(packed["time"]).tolist() == [0, 100, 350, 900, 1000]
    flat = full(row(np.full(10, 7.0)))
    assert unpack(flat["signal"]).tolist() == [0] * 10
    assert flat["origin"] == 7.0


def test_a_fitted_peak_has_its_outline_and_a_missing_one_its_reason() -> None:
    peaks = PEAKS.coerce(
        pd.DataFrame(
            [
                {"injection_id": "i", "run": "r", "analyte": "DA", "found": True, "method": "fit"}
                | {"rt_min": 11.0, "height": 2.0, "width_min": 0.3, "tailing": 1.2},
                {"injection_id": "i", "run": "r", "analyte": "NE", "found": False}
                | {"reason": "no peak", "rt_expected_min": 4.7},
            ]
        )
    )
    fitted, missing = peak_rows(peaks)["i"]
    assert max(fitted["shape"]) in range(980, 1001)
    assert fitted["shape_start"] < 11.0 < fitted["shape_end"]
    assert missing == {
        "analyte": "NE",
        "found": False,
        "reason": "no peak",
        "rt_expected_min": 4.7,
    }
