"""Vendor peaks taken over as PEAKS: by name, by window, by channel, and what is not there."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from dialysis.errors import IntegrationError
from dialysis.integrate import IntegratedRun, take_vendor_peaks
from dialysis.study.config import default_section
from dialysis.tables.ingest import VENDOR_PEAKS
from dialysis.tables.inputs import ANALYTES, INJECTIONS
from dialysis.tables.integrate import PEAKS, SUITABILITY

CONFIG = default_section("integrate")
NAMES = {"DHBA": 7.2, "DOPAC": 10.1, "5-HIAA": 14.0}


def analytes(**more: Any) -> pd.DataFrame:
    rows = {
        "analyte": list(NAMES),
        "rt_min": list(NAMES.values()),
        "window_min": 0.4,
        "internal_standard": ["itself", "DHBA", "DHBA"],
    }
    return ANALYTES.coerce(pd.DataFrame(rows | more))


def vendor(*rows: dict[str, Any]) -> pd.DataFrame:
    return VENDOR_PEAKS.coerce(
        pd.DataFrame([{"run": "r1", "channel": "ECD"} | row for row in rows])
    )


def take(rows: pd.DataFrame, n: int = 1, config: Any = CONFIG, **more: Any) -> IntegratedRun:
    injections = INJECTIONS.coerce(
        pd.DataFrame(
            {
                "injection_id": [f"i{k}" for k in range(1, n + 1)],
                "run": "r1",
                "order": range(1, n + 1),
                "type": "sample",
            }
        )
    )
    run = take_vendor_peaks(rows, injections, analytes(**more), config)
    PEAKS.validate(run.peaks)
    SUITABILITY.validate(run.suitability)
    return run


def named(run: IntegratedRun, injection: str = "i1") -> pd.DataFrame:
    own = run.peaks[(run.peaks["injection_id"] == injection) & (run.peaks["analyte"] != "")]
    return own.set_index("analyte")


def at(rt_min: float, area: float, name: str = "", injection: str = "i1", **more: Any) -> Any:
    return {"injection_id": injection, "rt_min": rt_min, "area": area, "name": name, **more}


def test_names_decide_and_everything_given_is_taken_over() -> None:
    limits = {"start_min": 9.8, "end_min": 10.5, "baseline_start": 1.0, "baseline_end": 1.2}
    run = take(
        vendor(
            at(7.2, 40.0, "DHBA", height=4.0),
            at(10.1, 20.0, "dopac", height=2.0, **limits),
            at(14.0, 30.0, " 5HIAA ", height=3.0),
            at(17.0, 5.0, "", height=0.5),
        )
    )
    assert list(run.peaks["analyte"]) == ["DHBA", "DOPAC", "5-HIAA", ""]
    assert list(run.peaks["peak"]) == [1, 2, 3, 4]
    assert set(run.peaks["method"]) == {"vendor"}
    dopac = named(run).loc["DOPAC"]
    assert dopac[["area", "height", "rt_min"]].tolist() == [20.0, 2.0, 10.1]
    assert dopac[list(limits)].tolist() == list(limits.values())
    assert dopac[["area_se", "noise", "snr_usp", "tailing"]].isna().all()
    assert (named(run)["flags"] == "").all()
    assert (run.suitability["n_found"] == 1).all()


def test_without_names_the_windows_follow_the_internal_standard() -> None:
    """All times 4 % late: 5-HIAA elutes 0.56 min off, outside its window of ± 0.4 min."""
    late = {name: 1.04 * rt for name, rt in NAMES.items()}
    run = take(vendor(*(at(rt, 30.0, height=3.0) for rt in late.values())))
    assert named(run)["rt_min"].to_dict() == pytest.approx(late)
    assert set(named(run)["flags"]) == {"named_by_window"}
    fixed = take(
        vendor(*(at(rt, 30.0, height=3.0) for rt in late.values())),
        config=CONFIG | {"retention_reference": "none"},
    )
    assert not named(fixed).loc["5-HIAA", "found"]
    assert named(fixed).loc["5-HIAA", "reason"] == (
        "the vendor's integration has no peak of this name, nor 13.60 to 14.40 min"
    )


def test_a_name_outside_its_window_is_flagged_and_kept_from_others() -> None:
    run = take(
        vendor(
            at(7.2, 40.0, "DHBA"),
            at(14.1, 20.0, "DOPAC"),
            at(13.9, 10.0, "Unknown 3"),
        )
    )
    rows = named(run)
    assert rows["area"].to_dict() == {"DHBA": 40.0, "DOPAC": 20.0, "5-HIAA": 10.0}
    assert rows["flags"].to_dict() == {
        "DHBA": "",
        "DOPAC": "outside_window",
        "5-HIAA": "named_by_window",
    }


def test_of_two_peaks_of_one_name_the_nearer_is_taken() -> None:
    run = take(vendor(at(7.2, 40.0, "DHBA"), at(10.9, 9.0, "DOPAC"), at(10.2, 20.0, "DOPAC")))
    assert named(run).loc["DOPAC", "area"] == 20.0
    assert list(run.peaks.loc[run.peaks["analyte"] == "", "area"]) == [9.0]


def test_areas_or_heights_alone_are_enough() -> None:
    run = take(
        vendor(
            {"injection_id": "i1", "rt_min": 7.2, "height": 4.0, "name": ""},
            {"injection_id": "i1", "rt_min": 10.1, "height": 2.0, "name": ""},
        )
    )
    assert named(run).loc["DOPAC", "height"] == 2.0
    assert named(run)["area"].isna().all()


def test_an_injection_without_any_vendor_peak_is_not_measured() -> None:
    run = take(vendor(at(7.2, 40.0, "DHBA")), n=2)
    assert set(run.peaks["injection_id"]) == {"i1"}
    with pytest.raises(IntegrationError) as error:
        take(vendor(at(7.2, 40.0, "DHBA", injection="elsewhere")), n=2)
    assert str(error.value) == (
        "run r1: found no peak of the vendor's integration in its 2 injections; expected some, "
        "because ingest.start is 'vendor_peaks'. Export with the peak tables, put the areas into "
        "areas.csv (ingest.start: areas), or integrate the traces (ingest.start: traces)."
    )


def test_channels_are_named_where_there_are_several_and_share_the_retention() -> None:
    late = {name: 1.04 * rt for name, rt in NAMES.items()}
    rows = vendor(
        at(late["DHBA"], 40.0, channel="A"),
        at(late["DOPAC"], 20.0, channel="A"),
        at(late["5-HIAA"], 30.0, channel="B"),
    )
    run = take(rows, channel=["A", "A", "B"])
    assert named(run)["found"].all()
    with pytest.raises(IntegrationError) as error:
        take(rows)
    assert str(error.value) == (
        "analytes.csv, analyte DHBA, column channel: found nothing, though the exports have 2 "
        "channels; expected one of 'A', 'B'."
    )


def test_the_range_of_time_is_obeyed() -> None:
    run = take(
        vendor(at(3.0, 90.0), at(7.2, 40.0, "DHBA"), at(10.1, 20.0), at(14.0, 3.0)),
        config=CONFIG | {"start_min": 3.9, "end_min": 12.0},
    )
    assert list(run.peaks.loc[run.peaks["found"], "rt_min"]) == [7.2, 10.1]


def test_the_order_of_rows_makes_no_difference() -> None:
    rows = [at(rt, 30.0, injection=f"i{k}") for k in (1, 2, 3) for rt in NAMES.values()]
    forward, backward = take(vendor(*rows), n=3), take(vendor(*rows[::-1]), n=3)
    pd.testing.assert_frame_equal(forward.peaks, backward.peaks)
