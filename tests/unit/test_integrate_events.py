"""Manual integration events on simulated runs: what they do, where they hold, what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.chromatogram import Chromatogram
from dialysis.errors import IntegrationError
from dialysis.integrate import IntegratedRun, integrate_run
from dialysis.integrate.events import events_of, read_events
from dialysis.simulate.peaks import density
from dialysis.study.config import default_section
from dialysis.study.events import event_problems
from dialysis.tables.ingest import TRACES
from dialysis.tables.inputs import (
    ANALYTES,
    INJECTIONS,
    INTEGRATION_EVENT_RULES,
    INTEGRATION_EVENTS,
)
from dialysis.tables.integrate import PEAKS

# Two separated peaks, a pair, and a small one on the exponential tail of a large one:
# (area, µ, σ, τ) in s.
PEAKS_S = {
    "A": (40.0, 200.0, 5.0, 2.0),
    "B": (30.0, 330.0, 6.0, 2.0),
    "C": (20.0, 362.0, 6.0, 2.0),
    "D": (400.0, 520.0, 6.0, 12.0),
    "E": (8.0, 570.0, 4.0, 1.0),
}
TIMES = np.arange(0.0, 900.0, 0.2)
SIGMA = 0.002
N = 3
FIXED = {"reason": "bubble", "decided_by": "A.B.", "decided_on": "2024-05-01"}
# Classical areas throughout, and a smooth baseline.
CONFIG = default_section("integrate") | {
    "retention_reference": "none",
    "methods": dict.fromkeys(PEAKS_S, "drop"),
}
TARGETS = ANALYTES.coerce(
    pd.DataFrame(
        {
            "analyte": list(PEAKS_S),
            "rt_min": [(mu + 0.5 * tau) / 60 for _, mu, _, tau in PEAKS_S.values()],
            "window_min": 0.2,
        }
    )
)


def trace(seed: int, without: Sequence[str] = ()) -> Chromatogram:
    noise = np.random.default_rng(seed).normal(0.0, SIGMA, TIMES.size)
    signal = noise + 1.0
    for name, (area, mu, sigma, tau) in PEAKS_S.items():
        if name not in without:
            signal = signal + area * density(TIMES, mu, sigma, tau)
    return Chromatogram(signal=signal, unit="nA", start_s=0.0, interval_s=0.2)


TRACES_3 = tuple(trace(seed) for seed in range(N))


def run_of(
    *events: dict[str, Any],
    traces: Sequence[Chromatogram] = TRACES_3,
    analytes: pd.DataFrame = TARGETS,
) -> IntegratedRun:
    ids = [f"i{k}" for k in range(1, len(traces) + 1)]
    rows = [
        {"injection_id": name, "run": "r1", "channel": "ECD", "unit": t.unit}
        | {"start_s": t.start_s, "interval_s": t.interval_s, "n_points": t.n_points}
        | {"signal": t.signal, "time_s": None}
        for name, t in zip(ids, traces, strict=True)
    ]
    injections = pd.DataFrame({"injection_id": ids, "run": "r1", "injection_file": "x"})
    injections = injections.assign(order=range(1, len(traces) + 1), type="sample")
    return integrate_run(
        TRACES.coerce(pd.DataFrame(rows)),
        INJECTIONS.coerce(injections),
        analytes,
        table(*events),
        CONFIG,
    )


def table(*events: dict[str, Any]) -> pd.DataFrame:
    if not events:
        return INTEGRATION_EVENTS.empty()
    return INTEGRATION_EVENTS.coerce(pd.DataFrame([FIXED | event for event in events]))


def on(injection_id: str, event: str, **more: Any) -> dict[str, Any]:
    return {"injection_id": injection_id, "event": event, **more}


def cell(run: IntegratedRun, injection_id: str, analyte: str) -> pd.Series:
    peaks = run.peaks
    row = peaks[(peaks["injection_id"] == injection_id) & (peaks["analyte"] == analyte)]
    assert len(row) == 1
    return row.iloc[0]


def others(run: IntegratedRun, injection_id: str, *analytes: str) -> pd.DataFrame:
    """All rows but those of an injection's analytes and its unnamed peaks."""
    peaks = run.peaks.drop(columns="peak")
    mine = (peaks["injection_id"] == injection_id) & peaks["analyte"].isin([*analytes, ""])
    return peaks[~mine].reset_index(drop=True)


@pytest.fixture(scope="module")
def automatic() -> IntegratedRun:
    run = run_of()
    assert run.peaks["found"].all()
    assert len(run.peaks) == N * len(PEAKS_S)
    return run


@pytest.mark.parametrize(
    ("analyte", "event", "times", "method"),
    [
        ("A", "limits", {"start_min": 3.0, "end_min": 3.7}, "manual"),
        ("A", "start", {"start_min": 3.0}, "manual"),
        ("A", "end", {"end_min": 3.8}, "manual"),
        ("A", "baseline", {"start_min": 2.5}, "manual"),
        ("A", "baseline", {"start_min": 2.5, "end_min": 4.5}, "manual"),
        ("A", "baseline", {"start_min": 2.5, "value": 1.0}, "manual"),
        ("A", "drop", {}, "trapezoid"),
        ("B", "drop", {}, "drop"),
        ("A", "tangent", {}, "tangent"),
        ("A", "skim", {}, "exponential"),
    ],
)
def test_events_on_a_peak_that_stands_alone_leave_its_area(
    automatic: IntegratedRun, analyte: str, event: str, times: dict[str, float], method: str
) -> None:
    """Whatever is forced on a separated peak, its area is known."""
    noisy = cell(automatic, "i2", analyte)
    run = run_of(on("i2", event, analyte=analyte, **times))
    row = cell(run, "i2", analyte)
    assert row["method"] == method
    assert "manual" in row["flags"].split(";")
    assert row["area_auto"] == noisy["area"]
    # The line rests on two single points, 0.002 over 35 s, and a skim touches the noise.
    assert row["area"] == pytest.approx(noisy["area"], abs=6 * SIGMA * 35)
    assert row["area_se"] > 0
    pd.testing.assert_frame_equal(others(run, "i2", analyte), others(automatic, "i2", analyte))
    pd.testing.assert_frame_equal(PEAKS.validate(run.peaks), run.peaks)


def test_a_moved_start_keeps_the_other_end_and_its_baseline(automatic: IntegratedRun) -> None:
    auto = cell(automatic, "i1", "D")
    start = auto["start_min"] + 0.1
    row = cell(run_of(on("i1", "start", analyte="D", start_min=start)), "i1", "D")
    assert row["start_min"] == pytest.approx(start)
    assert row["end_min"] == auto["end_min"]
    assert row["baseline_end"] == auto["baseline_end"]
    level = np.interp(60 * start, TIMES, TRACES_3[0].signal)
    assert row["baseline_start"] == pytest.approx(level)


def test_limits_with_a_drop_keep_the_automatic_baseline(automatic: IntegratedRun) -> None:
    auto = cell(automatic, "i1", "B")
    valley = auto["end_min"]
    given = {"start_min": auto["start_min"] - 0.1, "end_min": valley - 0.05}
    run = run_of(on("i1", "limits", analyte="B", **given), on("i1", "drop", analyte="B"))
    row = cell(run, "i1", "B")
    assert row["method"] == "drop"
    assert row["baseline_end"] == pytest.approx(1.0, abs=0.005)
    # Left of the valley, so less than the automatic area, but not by the chord's triangle.
    assert 0.8 * auto["area"] < row["area"] < auto["area"]


def test_a_forced_baseline_point_moves_the_area_by_its_trapezoid(
    automatic: IntegratedRun,
) -> None:
    auto = cell(automatic, "i1", "A")
    width = 60 * (auto["end_min"] - auto["start_min"])
    line = {"start_min": auto["start_min"], "value": auto["baseline_start"] - 0.1}
    row = cell(run_of(on("i1", "baseline", analyte="A", **line)), "i1", "A")
    assert row["area"] == pytest.approx(auto["area"] + 0.5 * width * 0.1, abs=SIGMA * width)
    assert row["baseline_start"] == pytest.approx(line["value"])
    assert row["baseline_end"] == pytest.approx(auto["baseline_end"], abs=1e-9)


def test_skims_take_a_rider_off_its_parent(automatic: IntegratedRun) -> None:
    run = run_of(
        on("i1", "tangent", analyte="E"),
        on("i2", "skim", analyte="E"),
        on("i3", "limits", analyte="E", start_min=9.2, end_min=9.9),
        on("i3", "skim", analyte="E"),
    )
    tangent, skim, limited = (cell(run, f"i{k}", "E") for k in (1, 2, 3))
    assert (tangent["method"], skim["method"]) == ("tangent", "exponential")
    # The drop gives the parent's tail to the rider; a tangent cuts its curvature off.
    assert cell(automatic, "i1", "E")["area"] > 8.5
    assert tangent["area"] < skim["area"] < 8.5
    # From where only the tail is to where the rider has gone the exponential is the parent.
    assert limited["area"] == pytest.approx(8.0, abs=0.25)
    assert cell(run, "i1", "D")["area"] == cell(automatic, "i1", "D")["area"]


def test_split_parts_a_peak_and_its_area(automatic: IntegratedRun) -> None:
    auto = cell(automatic, "i2", "A")
    at = auto["rt_min"] + 0.1
    run = run_of(on("i2", "split", start_min=at))
    peaks = run.peaks[run.peaks["injection_id"] == "i2"]
    row = cell(run, "i2", "A")
    rest = peaks[peaks["analyte"] == ""].iloc[0]
    assert row["end_min"] == rest["start_min"] == pytest.approx(at)
    assert row["area"] + rest["area"] == pytest.approx(auto["area"], rel=1e-9)
    assert row["area_auto"] == auto["area"]
    assert row["method"] == "drop"
    assert len(peaks) == len(PEAKS_S) + 1


def test_merge_makes_one_of_two(automatic: IntegratedRun) -> None:
    pair = [cell(automatic, "i2", name) for name in ("B", "C")]
    run = run_of(on("i2", "merge", start_min=5.3, end_min=6.3))
    row = cell(run, "i2", "B")
    assert row["area"] == pytest.approx(pair[0]["area"] + pair[1]["area"], rel=1e-9)
    assert row["area_auto"] == pair[0]["area"]
    assert (row["start_min"], row["end_min"]) == (pair[0]["start_min"], pair[1]["end_min"])
    lost = cell(run, "i2", "C")
    assert not lost["found"]
    assert lost["reason"] == "merged by integration_events.csv: bubble"
    assert lost["area_auto"] == pair[1]["area"]


def test_an_added_peak_is_named_by_its_window_or_by_the_event() -> None:
    # A shoulder of B without a maximum of its own, and a place with nothing but noise.
    traces = [trace(9, without=["C"]), trace(8)]
    run = run_of(on("i1", "add_peak", start_min=5.95, end_min=6.2), traces=traces)
    row = cell(run, "i1", "C")
    assert row["found"]
    assert row["method"] == "manual"
    assert np.isnan(row["area_auto"])
    run = run_of(on("i2", "add_peak", start_min=12.0, end_min=12.5), traces=traces)
    unnamed = run.peaks[(run.peaks["injection_id"] == "i2") & (run.peaks["analyte"] == "")]
    assert unnamed["start_min"].tolist() == [12.0]
    named = on("i1", "add_peak", analyte="C", start_min=12.0, end_min=12.5)
    assert cell(run_of(named, traces=traces), "i1", "C")["start_min"] == 12.0


def test_an_event_for_a_run_holds_for_all_its_injections(automatic: IntegratedRun) -> None:
    run = run_of(on("*", "tangent", run="r1", analyte="E"))
    rows = run.peaks[run.peaks["analyte"] == "E"]
    assert set(rows["method"]) == {"tangent"}
    before = automatic.peaks[automatic.peaks["analyte"] == "E"]
    assert rows["area_auto"].tolist() == before["area"].tolist()


def test_what_is_decided_for_fewer_goes_first() -> None:
    run = run_of(
        on("*", "delete_peak", analyte="A"),
        on("*", "drop", run="r1", analyte="A"),
        on("i2", "limits", analyte="A", start_min=3.0, end_min=3.7),
        on("i2", "tangent", analyte="A"),
    )
    assert cell(run, "i1", "A")["method"] == "trapezoid"
    assert "manual" in cell(run, "i1", "A")["flags"]
    assert cell(run, "i2", "A")["method"] == "tangent"
    assert cell(run, "i3", "A")["found"]
    inhibit = run_of(
        on("*", "inhibit", start_min=3.0, end_min=3.8),
        on("i2", "limits", analyte="A", start_min=3.0, end_min=3.7),
    )
    assert not cell(inhibit, "i1", "A")["found"]
    assert cell(inhibit, "i1", "A")["reason"] == "inhibited by integration_events.csv: bubble"
    assert cell(inhibit, "i2", "A")["method"] == "manual"


def test_events_for_all_pass_over_injections_without_the_peak() -> None:
    traces = [trace(1), trace(2, without=["A", "E"])]
    run = run_of(
        on("*", "limits", analyte="A", start_min=3.0, end_min=3.7),
        on("*", "delete_peak", analyte="E"),
        on("*", "inhibit", start_min=1.0, end_min=2.0),
        on("*", "split", start_min=12.0),
        on("*", "merge", start_min=13.0, end_min=14.0),
        traces=traces,
    )
    assert cell(run, "i1", "A")["method"] == "manual"
    missing = cell(run, "i2", "A")
    assert not missing["found"]
    assert missing["reason"].startswith("no peak with S/N (2H/h) of 3 between ")
    assert cell(run, "i2", "E")["reason"].startswith("no peak with S/N (2H/h) of 3 between ")


def test_an_event_for_all_that_fails_on_one_leaves_it_automatic_and_says_so() -> None:
    # The trace falls below the baseline at the end of the forced limits in one injection.
    dented = TRACES_3[1].signal - np.where(abs(TIMES - 250.0) < 4.0, 0.2, 0.0)
    traces = [TRACES_3[0], Chromatogram(dented, unit="nA", start_s=0.0, interval_s=0.2)]
    run = run_of(
        on("*", "limits", analyte="A", start_min=3.0, end_min=250 / 60),
        on("*", "skim", analyte="A"),
        traces=traces,
    )
    assert cell(run, "i1", "A")["method"] == "exponential"
    left = cell(run, "i2", "A")
    assert "event_failed" in left["flags"].split(";")
    assert left["method"] != "exponential"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            on("i1", "split", start_min=14.0),
            "integration_events.csv, injection i1: 'split' at 14 min: found no peak there; "
            "expected one to split. Mend its times or remove the row.",
        ),
        (
            on("i1", "merge", start_min=3.0, end_min=4.0),
            "integration_events.csv, injection i1: 'merge' from 3 to 4 min: found 1 peaks there; "
            "expected at least 2. Mend its times or remove the row.",
        ),
        (
            on("i1", "add_peak", start_min=5.3, end_min=5.6),
            "integration_events.csv, injection i1: 'add_peak' from 5.3 to 5.6 min: found a peak "
            "at 5.53 min; expected none (limits, under the name of its analyte, or split are for "
            "peaks that are there). Mend its times or remove the row.",
        ),
        (
            on("i1", "start", analyte="A", start_min=5.0),
            "integration_events.csv, injection i1, analyte A: 'start' at 5 min: found a start at "
            "5 and an end at 3.73 min; expected a start before the end. Mend its times or remove "
            "the row.",
        ),
        (
            on("i1", "end", analyte="A", end_min=20.0),
            "integration_events.csv, injection i1, analyte A: 'end' at 20 min: found a trace from "
            "0 to 14.9967 min; expected increasing times inside it. Mend its times or remove the "
            "row.",
        ),
        (
            on("*", "inhibit", run="r1", start_min=14.0, end_min=20.0),
            "integration_events.csv, run r1: 'inhibit' from 14 to 20 min: found a trace from 0 to "
            "14.9967 min; expected increasing times inside it. Mend its times or remove the row.",
        ),
        (
            on("*", "tangent", analyte="X"),
            "integration_events.csv, all runs, analyte X: 'tangent': found an analyte that is not "
            "in analytes.csv; expected one of A, B, C, D, E. Mend the name.",
        ),
        (
            on("*", "inhibit", channel="UV", start_min=1.0, end_min=2.0),
            "integration_events.csv, all runs, channel UV: 'inhibit' from 1 to 2 min: found no "
            "such channel; expected one of 'ECD'. Mend the channel or remove the row.",
        ),
        (
            on("i1", "limits", analyte="A", start_min=3.0),
            "integration_events.csv, injection i1, analyte A: 'limits' at 3 min, end_min: found "
            "nothing; expected a value for 'limits'.",
        ),
    ],
)
def test_what_can_not_be_applied_is_named(
    event: dict[str, Any], message: str, automatic: IntegratedRun
) -> None:
    message = message.replace("3.73", f"{cell(automatic, 'i1', 'A')['end_min']:g}")
    with pytest.raises(IntegrationError) as error:
        run_of(event)
    assert str(error.value) == message


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(IntegrationError) as error:
        run_of(on("i1", "split", start_min=14.0), on("i3", "inhibit", start_min=13, end_min=14))
    assert str(error.value) == (
        "integration_events.csv: 2 events can't be applied\n"
        "  1. integration_events.csv, injection i1: 'split' at 14 min: found no peak there; "
        "expected one to split. Mend its times or remove the row.\n"
        "  2. integration_events.csv, injection i3: 'inhibit' from 13 to 14 min: found no peak "
        "there; expected at least one. Mend its times or remove the row."
    )


CONTRADICTIONS = [
    (
        on("i1", "limits", analyte="A", start_min=3.0, end_min=3.7),
        on("i1", "start", analyte="A", start_min=3.1),
    ),
    (on("i1", "tangent", analyte="A"), on("i1", "drop", analyte="A")),
    (on("i1", "delete_peak", analyte="A"), on("i1", "end", analyte="A", end_min=3.8)),
    (on("i1", "inhibit", start_min=3, end_min=4), on("i1", "inhibit", start_min=3.5, end_min=5)),
    (
        on("i1", "inhibit", start_min=3, end_min=4),
        on("i1", "limits", analyte="A", start_min=3.0, end_min=3.7),
    ),
    (on("i1", "merge", start_min=3, end_min=5), on("i1", "split", start_min=4)),
    (on("i1", "merge", start_min=3, end_min=5), on("i1", "merge", start_min=4, end_min=6)),
    (on("i1", "split", start_min=4), on("i1", "split", start_min=4, channel="ECD")),
    (
        on("i1", "add_peak", start_min=3, end_min=4),
        on("i1", "add_peak", analyte="A", start_min=3.5, end_min=5),
    ),
    (
        on("i1", "limits", analyte="A", start_min=3, end_min=4),
        on("i1", "limits", analyte="B", start_min=3.9, end_min=5),
    ),
    (on("*", "drop", run="r1", analyte="A"), on("*", "skim", run="r1", analyte="A")),
]


@pytest.mark.parametrize("pair", CONTRADICTIONS)
def test_events_that_contradict_each_other(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    [problem] = event_problems(table(*pair))
    assert problem.row == 1
    assert problem.found == f"'{pair[1]['event']}', which contradicts '{pair[0]['event']}' in row 0"
    assert problem.remedy == "Remove one of the two rows."
    with pytest.raises(IntegrationError, match="found a contradiction to "):
        run_of(*pair)


@pytest.mark.parametrize(
    "pair",
    [
        (on("i1", "start", analyte="A", start_min=3.1), on("i1", "end", analyte="A", end_min=3.7)),
        (
            on("i1", "limits", analyte="A", start_min=3.0, end_min=3.7),
            on("i1", "tangent", analyte="A"),
        ),
        (on("i1", "tangent", analyte="A"), on("i2", "drop", analyte="A")),
        (on("i1", "tangent", analyte="A"), on("*", "drop", run="r1", analyte="A")),
        (on("i1", "tangent", analyte="A"), on("i1", "drop", analyte="B")),
        (on("i1", "inhibit", start_min=1, end_min=2), on("i1", "inhibit", start_min=2, end_min=3)),
        (
            on("i1", "inhibit", channel="a", start_min=1, end_min=2),
            on("i1", "inhibit", channel="b", start_min=1, end_min=2),
        ),
    ],
)
def test_events_that_do_not(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert event_problems(table(*pair)) == []


@pytest.mark.parametrize(
    ("event", "columns", "expected"),
    [
        (on("i1", "inhibit", start_min=1), "end_min", "a value for 'inhibit'"),
        (on("i1", "inhibit"), "start_min, end_min", "a value for 'inhibit'"),
        (on("i1", "tangent"), "analyte", "a value for 'tangent'"),
        (
            on("i1", "inhibit", analyte="A", start_min=1, end_min=2),
            "analyte",
            "nothing, because 'inhibit' does not use it",
        ),
        (
            on("i1", "drop", analyte="A", start_min=1),
            "start_min",
            "nothing, because 'drop' does not use it",
        ),
        (
            on("i1", "merge", start_min=2, end_min=1),
            "end_min",
            "a time after start_min, which is 2",
        ),
        (on("i1", "end", analyte="A", end_min=-1), "end_min", "a time above 0"),
        (on("i1", "split", start_min=-1), "start_min", "a time from 0"),
        (
            on("i1", "baseline", analyte="A", start_min=1, end_min=2, value=3),
            "value",
            "one of the two: a value holds at start_min alone",
        ),
        (
            on("*", "add_peak", start_min=1, end_min=2),
            "injection_id",
            "one injection, because 'add_peak' is for a peak that somebody saw",
        ),
    ],
)
def test_rows_that_are_wrong_in_themselves(
    event: dict[str, Any], columns: str, expected: str
) -> None:
    [problem] = event_problems(table(event))
    assert (problem.columns, problem.expected) == (columns, expected)


def test_every_type_has_a_rule_that_fits_the_table() -> None:
    for name, rule in INTEGRATION_EVENT_RULES.items():
        assert rule.does, name
        assert set(rule.needs) | set(rule.takes) <= {"analyte", "start_min", "end_min", "value"}
        assert not set(rule.needs) & set(rule.takes)


def test_events_of_a_trace() -> None:
    rows = table(
        on("*", "drop", analyte="A"),
        on("i2", "drop", analyte="A", channel="EC1"),
        on("i2", "drop", analyte="B"),
    )
    events = read_events(rows)
    one = events_of(events, "i1", "EC1", {"A"})
    assert [e.key.injection_id for e in one] == ["*"]
    assert {e.injection_id for e in one} == {"i1"}
    two = events_of(events, "i2", "EC1", {"A"})
    assert [e.key.injection_id for e in two] == ["i2"]
    assert [e.analyte for e in events_of(events, "i2", "EC2", {"B"})] == ["B"]
    assert (one[0].reason, one[0].decided_by, one[0].decided_on) == tuple(FIXED.values())
