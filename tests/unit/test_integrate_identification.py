"""Names: windows that follow the internal standard, the anchors or the run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialysis.integrate import IntegrationMethod, Target
from dialysis.integrate.analysis import Peak
from dialysis.integrate.identification import (
    Retention,
    assign,
    find_retention,
    follow_run,
)

NAN = float("nan")
TARGETS = (
    Target("DHBA", 7.25, 0.4, internal_standard=True),
    Target("DOPAC", 10.2, 0.4),
    Target("DA", 11.1, 0.4),
    Target("HVA", 19.1, 0.4),
)
METHOD = IntegrationMethod(targets=TARGETS)


def peak(rt_min: float, height: float = 1.0) -> Peak:
    return Peak(
        rt_s=60 * rt_min,
        start_s=60 * rt_min - 10,
        end_s=60 * rt_min + 10,
        baseline_start=0.0,
        baseline_end=0.0,
        area=10 * height,
        area_se=0.1,
        height=height,
        width_s=10.0,
        snr_usp=20 * height,
        snr_sigma=100 * height,
        tailing=1.0,
        resolution=NAN,
        method="trapezoid",
        flags=(),
    )


def named(peaks: list[Peak], method: IntegrationMethod, retention: Retention) -> dict[str, float]:
    return {
        a.target.analyte: peaks[a.peak].rt_s / 60
        for a in assign(peaks, method, retention)
        if a.peak is not None
    }


@pytest.mark.parametrize("factor", [0.93, 0.97, 1.0, 1.03, 1.07])
def test_windows_follow_the_internal_standard(factor: float) -> None:
    peaks = [peak(t.rt_min * factor, h) for t, h in zip(TARGETS, (3, 6, 0.5, 2.5), strict=True)]
    retention = find_retention(peaks, METHOD)
    assert retention.found
    assert retention.factor == pytest.approx(factor)
    assert named(peaks, METHOD, retention) == {
        t.analyte: pytest.approx(t.rt_min * factor) for t in TARGETS
    }


def test_the_shift_is_limited() -> None:
    peaks = [peak(t.rt_min * 1.07) for t in TARGETS[:1]]
    assert not find_retention(peaks, replace(METHOD, max_shift_pct=5.0)).found


def test_a_stranger_beside_the_internal_standard_does_not_win() -> None:
    peaks = [peak(6.9, 4.0), peak(7.32, 3.0), peak(10.3, 6.0), peak(11.2, 0.5), peak(19.28, 2.5)]
    retention = find_retention(peaks, METHOD)
    assert retention.factor == pytest.approx(7.32 / 7.25)


def test_anchors_when_there_is_no_internal_standard() -> None:
    targets = tuple(replace(t, internal_standard=False) for t in TARGETS[1:])
    method = IntegrationMethod(targets=targets)
    assert [t.analyte for t in method.references] == ["DOPAC", "HVA"]
    peaks = [peak(10.2 * 1.05, 6.0), peak(11.1 * 1.05, 0.5), peak(19.1 * 1.052, 2.5)]
    retention = find_retention(peaks, method)
    assert retention.factor == pytest.approx(1.051, abs=1e-6)


def test_none_keeps_the_times_of_the_table() -> None:
    method = replace(METHOD, retention_reference="none")
    assert find_retention([peak(7.6)], method) == Retention(1.0, True)


def test_of_two_peaks_the_nearer_wins_unless_it_is_much_smaller() -> None:
    retention = Retention(1.0, True)
    near = [peak(11.12, 0.5), peak(11.4, 1.5)]
    assert named(near, METHOD, retention)["DA"] == pytest.approx(11.12)
    speck = [peak(11.12, 0.01), peak(11.2, 1.5)]
    assert named(speck, METHOD, retention)["DA"] == pytest.approx(11.2)


def test_a_second_peak_is_flagged_unless_it_is_negligible() -> None:
    def flags(height: float) -> tuple[str, ...]:
        peaks = [peak(11.12, 0.5), peak(11.4, height)]
        found = {a.target.analyte: a.flags for a in assign(peaks, METHOD, Retention(1.0, True))}
        return found["DA"]

    assert flags(0.3) == ("ambiguous",)
    assert flags(0.02) == ()


def test_no_peak_has_two_names() -> None:
    close = (Target("A", 10.0, 0.3), Target("B", 10.5, 0.3))
    method = IntegrationMethod(targets=close, retention_reference="none")
    assert named([peak(10.25)], method, Retention(1.0, True)) == {"A": pytest.approx(10.25)}


def test_the_run_stands_in_for_a_missing_reference() -> None:
    factors = [1.0 - 0.002 * i for i in range(12)]
    run = [[peak(t.rt_min * f, 2.0) for t in TARGETS] for f in factors]
    run[5] = run[5][1:]
    found = follow_run(run, METHOD, list(range(12)))
    assert found[5] == Retention(
        pytest.approx(factors[5], abs=1e-9), False, ("retention_from_run",)
    )
    assert [r.factor for r in found] == pytest.approx(factors, abs=1e-9)
    assert all(not r.flags for i, r in enumerate(found) if i != 5)


def test_a_stranger_in_place_of_the_reference_is_not_followed() -> None:
    run = [[peak(t.rt_min, 2.0) for t in TARGETS] for _ in range(10)]
    # The internal standard of one injection is missing; a peak 6 % later is not it.
    run[3] = [peak(7.25 * 1.06, 2.0)]
    found = follow_run(run, METHOD, list(range(10)))
    assert found[3] == Retention(pytest.approx(1.0), False, ("retention_from_run",))


def test_a_run_without_any_reference_says_so() -> None:
    found = follow_run([[peak(10.2)], []], METHOD, [1, 2])
    assert found == [Retention(1.0, False, ("reference_missing",))] * 2
