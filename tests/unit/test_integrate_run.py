"""A whole run: keys, channels, drift, events, suitability."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.chromatogram import Chromatogram
from dialysis.errors import IntegrationError
from dialysis.integrate import IntegratedRun, area_between, integrate_run
from dialysis.simulate.testbed import DEMO_PEAKS, BedSettings, simulate_bed
from dialysis.simulate.trace import Recording
from dialysis.study.config import default_section
from dialysis.tables.ingest import TRACES
from dialysis.tables.inputs import ANALYTES, INJECTIONS, INTEGRATION_EVENTS
from dialysis.tables.integrate import PEAKS, SUITABILITY

SETTINGS = BedSettings(peaks=DEMO_PEAKS, recording=Recording(n_points=7_200, interval_s=0.2))
CONFIG = default_section("integrate") | {"start_min": 3.9}
ANALYTE_ROWS = ANALYTES.coerce(
    pd.DataFrame(
        {
            "analyte": [p.analyte for p in DEMO_PEAKS],
            "rt_min": [p.rt_min for p in DEMO_PEAKS],
            "window_min": 0.38,
            "internal_standard": ["itself" if p.analyte == "DHBA" else "DHBA" for p in DEMO_PEAKS],
        }
    )
)
BED = simulate_bed(5, 6, 0, SETTINGS).samples


def trace_rows(traces: Sequence[Chromatogram], channel: str = "ECD") -> pd.DataFrame:
    rows = [
        {
            "injection_id": f"i{number}",
            "run": "r1",
            "channel": channel,
            "unit": trace.unit,
            "start_s": trace.start_s,
            "interval_s": trace.interval_s,
            "n_points": trace.n_points,
            "signal": trace.signal,
            "time_s": None,
        }
        for number, trace in enumerate(traces, start=1)
    ]
    return TRACES.coerce(pd.DataFrame(rows))


def injection_rows(n: int, types: Sequence[str] | None = None) -> pd.DataFrame:
    return INJECTIONS.coerce(
        pd.DataFrame(
            {
                "injection_id": [f"i{k}" for k in range(1, n + 1)],
                "run": "r1",
                "injection_file": "x",
                "order": range(1, n + 1),
                "type": types or ["sample"] * n,
            }
        )
    )


def events_of(*events: dict[str, Any]) -> pd.DataFrame:
    fixed = {"reason": "bubble", "decided_by": "A.B.", "decided_on": "2024-05-01"}
    return INTEGRATION_EVENTS.coerce(pd.DataFrame([e | fixed for e in events]))


def run_of(
    traces: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    analytes: pd.DataFrame = ANALYTE_ROWS,
    types: Sequence[str] | None = None,
    **options: Any,
) -> IntegratedRun:
    given = trace_rows([t.chromatogram for t in BED]) if traces is None else traces
    n = given["injection_id"].nunique()
    none = INTEGRATION_EVENTS.empty()
    return integrate_run(
        given,
        injection_rows(n, types),
        analytes,
        none if events is None else events,
        CONFIG | options,
    )


def cell(run: IntegratedRun, injection_id: str, analyte: str) -> pd.Series:
    peaks = run.peaks
    row = peaks[(peaks["injection_id"] == injection_id) & (peaks["analyte"] == analyte)]
    assert len(row) == 1
    return row.iloc[0]


@pytest.fixture(scope="module")
def automatic() -> IntegratedRun:
    return run_of()


def test_frames_are_the_tables_of_the_stage(automatic: IntegratedRun) -> None:
    pd.testing.assert_frame_equal(PEAKS.validate(automatic.peaks), automatic.peaks)
    pd.testing.assert_frame_equal(
        SUITABILITY.validate(automatic.suitability), automatic.suitability
    )
    assert len(automatic.peaks) == 6 * 7
    assert automatic.peaks["found"].all()
    assert automatic.peaks["reason"].eq("").all()
    assert automatic.peaks["area_auto"].isna().all()


def test_rows_do_not_depend_on_the_order_of_the_inputs(automatic: IntegratedRun) -> None:
    shuffled = trace_rows([t.chromatogram for t in BED]).iloc[::-1]
    again = run_of(shuffled, analytes=ANALYTE_ROWS.iloc[::-1])
    pd.testing.assert_frame_equal(again.peaks, automatic.peaks)


def test_suitability(automatic: IntegratedRun) -> None:
    rows = automatic.suitability.set_index("analyte")
    mine = automatic.peaks[automatic.peaks["analyte"] == "DOPAC"]
    assert rows.loc["DOPAC", ["n", "n_found"]].tolist() == [6, 6]
    assert rows.loc["DOPAC", "rt_mean_min"] == pytest.approx(mine["rt_min"].mean())
    assert rows.loc["DOPAC", "rt_sd_min"] == pytest.approx(mine["rt_min"].std())
    slope = np.polyfit(np.arange(6), mine["rt_min"], 1)[0]
    assert rows.loc["DOPAC", "rt_drift_min"] == pytest.approx(5 * slope)
    assert rows.loc["DOPAC", "tailing_median"] == pytest.approx(mine["tailing"].median())
    assert rows.loc["DOPAC", "flags"] == ""
    assert "resolution" in rows.loc["5-HT", "flags"]


def test_suitability_by_type_and_blanks_may_be_empty() -> None:
    blank = simulate_bed(6, 1, 0, SETTINGS, {p.analyte: 0.0 for p in DEMO_PEAKS}).samples[0]
    traces = trace_rows([*(t.chromatogram for t in BED[:3]), blank.chromatogram])
    run = run_of(traces, types=["standard", "sample", "sample", "blank"])
    rows = run.suitability.set_index(["analyte", "type"])
    assert rows.loc[("DA", "sample"), ["n", "n_found"]].tolist() == [2, 2]
    assert rows.loc[("DA", "standard"), ["n", "n_found"]].tolist() == [1, 1]
    assert rows.loc[("DA", "blank"), ["n", "n_found"]].tolist() == [1, 0]
    assert rows.loc[("DA", "blank"), "flags"] == ""
    assert np.isnan(rows.loc[("DA", "blank"), "rt_mean_min"])
    assert cell(run, "i4", "DA")["flags"] == "retention_from_run"
    reason = cell(run, "i4", "DHBA")["reason"]
    assert re.fullmatch(
        r"no peak: its fitted area is -?\d\.\d standard errors, fewer than 3\.3", reason
    )


def test_analytes_of_other_channels_and_shared_retention() -> None:
    one = trace_rows([t.chromatogram for t in BED[:2]], "EC1")
    two = trace_rows([t.chromatogram for t in BED[:2]], "EC2")
    unused = trace_rows([t.chromatogram for t in BED[:2]], "UV")
    channels = ["EC1" if p.analyte in ("NE", "DHBA", "DA") else "EC2" for p in DEMO_PEAKS]
    analytes = ANALYTE_ROWS.assign(channel=channels)
    run = run_of(pd.concat([one, two, unused]), analytes=analytes)
    named = run.peaks[run.peaks["analyte"] != ""]
    assert set(zip(named["analyte"], named["channel"], strict=True)) == set(
        zip([p.analyte for p in DEMO_PEAKS], channels, strict=True)
    )
    assert set(run.peaks["channel"]) == {"EC1", "EC2"}
    factor = named["rt_expected_min"] / named["analyte"].map(
        ANALYTE_ROWS.set_index("analyte")["rt_min"]
    )
    # EC2 has no internal standard of its own: it takes the factor that EC1 found.
    by_injection = factor.groupby(named["injection_id"])
    assert (by_injection.max() - by_injection.min()).max() < 1e-12
    assert named["found"].all()


def test_a_channel_has_to_be_named_when_there_are_several() -> None:
    two = pd.concat([trace_rows([BED[0].chromatogram], c) for c in ("EC1", "EC2")])
    with pytest.raises(IntegrationError) as error:
        run_of(two)
    assert str(error.value) == (
        "analytes.csv, analyte NE, column channel: found nothing, though the exports have 2 "
        "channels; expected one of 'EC1', 'EC2'."
    )
    with pytest.raises(IntegrationError) as error:
        run_of(two, analytes=ANALYTE_ROWS.assign(channel="EC3"))
    assert str(error.value) == (
        "analytes.csv, analyte NE, column channel: found 'EC3'; expected one of the channels of "
        "the exports: 'EC1', 'EC2'."
    )


def test_an_injection_without_a_trace() -> None:
    with pytest.raises(IntegrationError) as error:
        integrate_run(
            trace_rows([BED[0].chromatogram]),
            injection_rows(2),
            ANALYTE_ROWS,
            INTEGRATION_EVENTS.empty(),
            CONFIG,
        )
    assert str(error.value) == (
        "injection i2: found no trace; expected at least one for each of the 2 injections of the "
        "run (1 have none). Run ingest again."
    )


def test_a_bad_trace_names_injection_and_channel() -> None:
    traces = trace_rows([t.chromatogram for t in BED[:2]])
    signal = traces.at[1, "signal"].copy()
    signal[5] = np.inf
    traces.at[1, "signal"] = signal
    with pytest.raises(IntegrationError) as error:
        run_of(traces)
    assert str(error.value) == (
        "injection i2, channel ECD: found 1 values that are not numbers, the first at point 6; "
        "expected numbers only. Export the trace again."
    )


def test_a_reference_that_is_not_there() -> None:
    without = ANALYTE_ROWS.assign(internal_standard="none")
    with pytest.raises(IntegrationError) as error:
        run_of(analytes=without, retention_reference="internal_standard")
    assert str(error.value) == (
        "study.yaml, integrate.retention_reference: found 'internal_standard', but no analyte of "
        "analytes.csv is one; expected 'itself' in the column internal_standard of one analyte. "
        "Fill it in, or choose auto, anchors or none."
    )
    with pytest.raises(IntegrationError) as error:
        run_of(retention_reference="anchors", anchors=["X"])
    assert str(error.value) == (
        "study.yaml, integrate.anchors: found X, none of them in analytes.csv; expected at least "
        "one analyte of the study. Name large peaks that are always there, or choose another "
        "integrate.retention_reference."
    )


def test_without_internal_standard_the_anchors_do(automatic: IntegratedRun) -> None:
    run = run_of(analytes=ANALYTE_ROWS.assign(internal_standard="none"))
    for name in ("area_classical", "area_fit"):
        # The mean retention the shapes are learned at differs by a rounding of the blocks.
        rtol = 1e-12 if name == "area_classical" else 0.005
        np.testing.assert_allclose(run.peaks[name], automatic.peaks[name], rtol=rtol)
    assert not np.allclose(run.peaks["rt_expected_min"], automatic.peaks["rt_expected_min"])


def test_limits_replace_the_area_and_keep_the_automatic_one(automatic: IntegratedRun) -> None:
    auto = cell(automatic, "i2", "DA")
    start, end = auto["start_min"] + 0.05, auto["end_min"] - 0.05
    run = run_of(
        events=events_of(
            {"injection_id": "i2", "analyte": "DA", "event": "limits"}
            | {"start_min": start, "end_min": end}
        )
    )
    row = cell(run, "i2", "DA")
    trace = BED[1].chromatogram
    ends = np.interp([60 * start, 60 * end], trace.times_s, trace.signal)
    area = area_between(
        trace.times_s, trace.signal, 60 * start, 60 * end, float(ends[0]), float(ends[1])
    )
    assert row["area"] == pytest.approx(area, rel=1e-12)
    assert row["area_auto"] == auto["area"]
    assert row["method"] == "manual"
    assert "manual" in row["flags"].split(";")
    assert row[["start_min", "end_min"]].tolist() == pytest.approx([start, end])
    assert row[["baseline_start", "baseline_end"]].tolist() == pytest.approx(ends.tolist())
    # Two single points carry the line; the automatic baseline rests on many.
    assert row["area_se"] > auto["area_se"]
    others = run.peaks[run.peaks["injection_id"] != "i2"]
    pd.testing.assert_frame_equal(others, automatic.peaks[automatic.peaks["injection_id"] != "i2"])
    assert (run.peaks["analyte"] != "").all()


def test_limits_for_a_peak_that_was_not_found() -> None:
    bed = simulate_bed(8, 1, 0, SETTINGS, {"DA": 0.0}).samples
    run = run_of(
        trace_rows([bed[0].chromatogram]),
        events=events_of(
            {"injection_id": "i1", "analyte": "DA", "event": "limits"}
            | {"start_min": 11.2, "end_min": 11.9}
        ),
    )
    row = cell(run, "i1", "DA")
    assert row["found"]
    assert np.isnan(row["area_auto"])
    # Nothing is there but noise.
    assert abs(row["area"]) < 4 * row["area_se"]


def test_a_deleted_peak_keeps_its_row(automatic: IntegratedRun) -> None:
    run = run_of(
        events=events_of({"injection_id": "i3", "analyte": "5-HT", "event": "delete_peak"})
    )
    row = cell(run, "i3", "5-HT")
    assert not row["found"]
    assert row["reason"] == "deleted by integration_events.csv: bubble"
    assert np.isnan(row["area"])
    assert row["area_auto"] == cell(automatic, "i3", "5-HT")["area"]
    assert len(run.peaks) == len(automatic.peaks)


def test_inhibit_takes_the_peaks_of_a_stretch(automatic: IntegratedRun) -> None:
    run = run_of(
        events=events_of(
            {"injection_id": "i3", "event": "inhibit", "start_min": 18.0, "end_min": 21.0}
        )
    )
    for analyte in ("HVA", "5-HT"):
        row = cell(run, "i3", analyte)
        assert not row["found"]
        assert row["reason"] == "inhibited by integration_events.csv: bubble"
        assert row["area_auto"] == cell(automatic, "i3", analyte)["area"]
    assert cell(run, "i3", "DA")["area"] == cell(automatic, "i3", "DA")["area"]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            {"injection_id": "i9", "analyte": "DA", "event": "delete_peak"},
            "integration_events.csv, injection i9, analyte DA: 'delete_peak': found no such "
            "injection in this run; expected one of its 6. Mend the injection_id or remove the "
            "row.",
        ),
        (
            {"injection_id": "i1", "analyte": "XX", "event": "delete_peak"},
            "integration_events.csv, injection i1, analyte XX: 'delete_peak': found an analyte "
            "that is not in analytes.csv; expected one of NE, DHBA, DOPAC, DA, 5-HIAA, HVA, 5-HT. "
            "Mend the name.",
        ),
        (
            {"injection_id": "i1", "analyte": "DA", "channel": "X", "event": "delete_peak"},
            "integration_events.csv, injection i1, channel X, analyte DA: 'delete_peak': found no "
            "such channel; expected one of 'ECD'. Mend the channel or remove the row.",
        ),
        (
            {"injection_id": "i1", "event": "inhibit", "start_min": 22.0, "end_min": 30.0},
            "integration_events.csv, injection i1: 'inhibit' from 22 to 30 min: found a trace "
            "from 0 to 23.9967 min; expected increasing times inside it. Mend its times or remove "
            "the row.",
        ),
        (
            {"injection_id": "i1", "event": "inhibit", "start_min": 16.5, "end_min": 17.0},
            "integration_events.csv, injection i1: 'inhibit' from 16.5 to 17 min: found no peak "
            "there; expected at least one. Mend its times or remove the row.",
        ),
        (
            {"injection_id": "i1", "analyte": "DA", "event": "limits"}
            | {"start_min": 23.0, "end_min": 24.5},
            "integration_events.csv, injection i1, analyte DA: 'limits' from 23 to 24.5 min: found "
            "a trace from 0 to 23.9967 min; expected increasing times inside it. Mend its times "
            "or remove the row.",
        ),
        (
            {"injection_id": "i1", "analyte": "DA", "event": "limits"}
            | {"start_min": 11.0, "end_min": 11.01},
            "integration_events.csv, injection i1, analyte DA: 'limits' from 11 to 11.01 min: "
            "found 2 points there; expected a peak of at least 5 points. Mend its times or remove "
            "the row.",
        ),
    ],
)
def test_events_that_can_not_be_applied(event: dict[str, Any], message: str) -> None:
    with pytest.raises(IntegrationError) as error:
        run_of(events=events_of(event))
    assert str(error.value) == message


def test_deleting_what_is_not_there() -> None:
    bed = simulate_bed(8, 1, 0, SETTINGS, {"DA": 0.0}).samples
    with pytest.raises(IntegrationError) as error:
        run_of(
            trace_rows([bed[0].chromatogram]),
            events=events_of({"injection_id": "i1", "analyte": "DA", "event": "delete_peak"}),
        )
    assert str(error.value) == (
        "integration_events.csv, injection i1, analyte DA: 'delete_peak': found no peak of this "
        "analyte; expected one to delete. Remove the row."
    )


def test_events_that_contradict_each_other() -> None:
    with pytest.raises(IntegrationError) as error:
        run_of(
            events=events_of(
                {"injection_id": "i1", "analyte": "DA", "event": "delete_peak"},
                {"injection_id": "i1", "analyte": "DA", "event": "limits"}
                | {"start_min": 10.8, "end_min": 11.6},
            )
        )
    assert str(error.value) == (
        "integration_events.csv, injection i1, analyte DA: 'limits' from 10.8 to 11.6 min: found "
        "a contradiction to injection i1, analyte DA: 'delete_peak'; expected events that can both "
        "hold. Remove one of the two rows."
    )


def test_no_progress_bar_when_not_on_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    run_of(trace_rows([BED[0].chromatogram]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "listed", [("DHBA", "DOPAC"), ("DHBA", "HVA"), ("NE", "5-HT"), ("DA",)], ids="+".join
)
def test_peaks_that_are_not_listed_leave_the_listed_ones_as_they_are(
    listed: tuple[str, ...],
) -> None:
    """A lab lists the analytes that it wants; the others elute all the same, and are no noise."""
    bed = simulate_bed(11, 8, 6, SETTINGS)
    traces = trace_rows([t.chromatogram for t in (*bed.standards, *bed.samples)])
    types = ["standard"] * 6 + ["sample"] * 8
    some = ANALYTE_ROWS[ANALYTE_ROWS["analyte"].isin(listed)]
    if "DHBA" not in listed:
        some = ANALYTES.coerce(some.assign(internal_standard=None))
    whole, part = run_of(traces, types=types), run_of(traces, None, some, types)
    for number in range(7, 15):
        for analyte in listed:
            expected, found = (cell(run, f"i{number}", analyte) for run in (whole, part))
            assert not found["flags"].startswith("not_found")
            # The same peak: each area lies in the 95 % interval of the other's.
            within = 1.96 * min(found["area_se"], expected["area_se"])
            assert found["area"] == pytest.approx(expected["area"], abs=within)


def test_another_peak_in_the_window_of_an_absent_analyte_is_flagged() -> None:
    stranger = next(p for p in DEMO_PEAKS if p.analyte == "DA")
    stranger = replace(stranger, analyte="unknown", mu_min=stranger.mu_min + 0.28, height_nA=0.6)
    settings = replace(SETTINGS, unknown_peaks=(stranger,))
    odd = simulate_bed(6, 1, 0, settings, fixed_heights_nA={"DA": 0.0}).samples
    traces = trace_rows([t.chromatogram for t in (*BED, *odd)])
    # Between limits the largest peak in the window is the analyte; the fit knows better.
    types = ["standard"] * len(BED) + ["sample"]
    run = run_of(traces, types=types, methods={"DA": "drop"})
    flags = run.peaks.query("analyte == 'DA'").set_index("injection_id")["flags"]
    assert "odd_retention" in flags["i7"].split(";")
    assert not any("odd" in text for name, text in flags.items() if name != "i7")
    assert not cell(run_of(traces, types=types), "i7", "DA")["found"]
