"""The net below all readers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dialysis.chromatogram import Chromatogram
from dialysis.ingest import BadExport
from dialysis.ingest.checks import check_chromatogram

GOOD: dict[str, Any] = {
    "signal": np.array([0.0, 1.0, 0.0]),
    "unit": "nA",
    "start_s": 0.0,
    "interval_s": 0.1,
    "channel": "E1",
}


@pytest.mark.parametrize(
    "change",
    [{}, {"start_s": -5.0}, {"time_s": np.array([0.0, 1.0, 5.0])}, {"unit": "", "channel": ""}],
)
def test_good_traces_pass(change: dict[str, Any]) -> None:
    check_chromatogram(Chromatogram(**(GOOD | change)))


@pytest.mark.parametrize(
    ("change", "where", "found"),
    [
        ({"signal": np.array([])}, "channel 'E1'", "0 points"),
        ({"signal": np.array([0.0, np.inf, 1.0])}, "channel 'E1', point 2", "a signal of inf"),
        ({"interval_s": 0.0}, "channel 'E1'", "a sampling interval of 0.0 s"),
        ({"interval_s": np.nan}, "channel 'E1'", "a sampling interval of nan s"),
        ({"start_s": np.inf}, "channel 'E1'", "a first time of inf s"),
        ({"start_s": 1e30}, "channel 'E1'", "points 0.1 s apart from 1e+30 s on"),
        ({"interval_s": 1e308}, "channel 'E1'", "points 1e+308 s apart from 0 s on"),
        ({"time_s": np.array([0.0, 1.0])}, "channel 'E1'", "2 times"),
        ({"time_s": np.array([0.0, np.nan, 1.0])}, "channel 'E1', point 2", "a time of nan"),
        ({"time_s": np.array([0.0, 2.0, 2.0]), "section": "s", "channel": ""},
         "section 's', point 3", "time 2 s after 2 s"),
        (
            {"signal": np.array([0.0, np.nan]), "channel": ""},
            "the trace, point 2",
            "a signal of nan",
        ),
    ],
)  # fmt: skip
def test_bad_ones_are_named(change: dict[str, Any], where: str, found: str) -> None:
    with pytest.raises(BadExport) as error:
        check_chromatogram(Chromatogram(**(GOOD | change)))
    assert (error.value.problem.where, error.value.problem.found) == (where, found)
