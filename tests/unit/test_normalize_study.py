"""Whole studies through `normalize_study`, with numbers worked out by hand."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.errors import NormalizationError
from dialysis.normalize import NormalizedStudy, normalize_study
from dialysis.study.config import default_section
from dialysis.tables.inputs import ANALYTES, ANIMALS, DOSES, EXCLUSIONS, INJECTIONS, PROBES
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.quantify import CONCENTRATIONS

LOD, LOQ = 0.1, 0.3
DEFAULTS = default_section("normalize")


@dataclass
class Tables:
    """A study in the making; fractions of 20 min, fraction 1 starts at 0 min."""

    animals: list[dict[str, Any]] = field(default_factory=list)
    probes: list[dict[str, Any]] = field(default_factory=list)
    doses: list[dict[str, Any]] = field(default_factory=list)
    exclusions: list[dict[str, Any]] = field(default_factory=list)
    injections: list[dict[str, Any]] = field(default_factory=list)
    concentrations: list[dict[str, Any]] = field(default_factory=list)
    analytes: tuple[str, ...] = ("DA",)
    config: dict[str, Any] = field(default_factory=dict)
    region: str = "striatum"

    def animal(self, name: str, drug: str = "saline", dose: float = 0.0, **more: Any) -> Tables:
        unit = {"dose_unit": "mg/kg", "route": "s.c."} if dose else {}
        self.animals.append({"animal_id": name, "drug": drug, "dose": dose, **unit, **more})
        return self

    def dose(self, animal: str, time_min: float, event: str = "dose") -> Tables:
        self.doses.append(
            {"animal_id": animal, "event": event, "time_min": time_min, "drug": "x", "dose": 1}
        )
        return self

    def samples(
        self,
        animal: str,
        values: list[float | None],
        probe: str = "",
        start_min: float | None = 0.0,
        analyte: str = "DA",
    ) -> Tables:
        """One fraction per value; None is a lost vial."""
        for number, value in enumerate(values, start=1):
            if value is not None:
                self.injection(animal, number, probe, start_min)
                self.measured(f"{probe or animal}_{number}", value, analyte)
        return self

    def injection(
        self,
        animal: str,
        number: int,
        probe: str = "",
        start_min: float | None = 0.0,
        name: str = "",
        **more: Any,
    ) -> Tables:
        name = name or f"{probe or animal}_{number}"
        if name in {known["injection_id"] for known in self.injections}:
            return self
        times = {}
        if start_min is not None:
            start = start_min + 20.0 * (number - 1)
            times = {"start_min": start, "end_min": start + 20.0}
        order = len(self.injections) + 1
        self.injections.append(
            {
                "injection_id": name,
                "run": "r1",
                "injection_file": f"{name}.cdf",
                "order": order,
                "type": "sample",
                "animal_id": "" if probe else animal,
                "probe_id": probe,
                "fraction": number,
                **times,
                **more,
            }
        )
        return self

    def measured(self, injection: str, value: float, analyte: str = "DA", **more: Any) -> Tables:
        self.concentrations.append(
            {
                "injection_id": injection,
                "run": "r1",
                "type": "sample",
                "analyte": analyte,
                "conc_nM": value,
                "lod_nM": LOD,
                "loq_nM": LOQ,
                "censored": False,
                "extrapolated": False,
                "excluded": False,
                **more,
            }
        )
        return self

    def exclude(
        self, level: str, name: str, code: str, text: str = "", analyte: str = ""
    ) -> Tables:
        self.exclusions.append(
            {
                "level": level,
                "id": name,
                "analyte": analyte,
                "reason_code": code,
                "reason_text": text,
                "decided_by": "AB",
                "decided_on": "2024-03-01",
            }
        )
        return self

    def frames(self) -> dict[str, pd.DataFrame]:
        analytes = [
            {"analyte": name, "rt_min": 2.0 + n, "window_min": 0.3}
            for n, name in enumerate(self.analytes)
        ]
        made = {
            "concentrations": (CONCENTRATIONS, self.concentrations),
            "injections": (INJECTIONS, self.injections),
            "analytes": (ANALYTES, analytes),
            "animals": (ANIMALS, self.animals),
            "probes": (PROBES, self.probes),
            "doses": (DOSES, self.doses),
            "exclusions": (EXCLUSIONS, self.exclusions),
        }
        return {
            name: table.coerce(pd.DataFrame(rows)) if rows else table.empty()
            for name, (table, rows) in made.items()
        }

    def section(self) -> dict[str, Any]:
        section = dict(DEFAULTS)
        changes = dict(self.config)
        section["baseline"] = {**section["baseline"], **changes.pop("baseline", {})}
        return {**section, **changes}

    def normalized(self) -> NormalizedStudy:
        return normalize_study(**self.frames(), config=self.section(), region=self.region)

    def run(self) -> NormalizedStudy:
        """Normalize, and check the tables against their definitions."""
        made = self.normalized()
        for frame, table in (
            (made.timecourse, TIMECOURSE),
            (made.baseline, BASELINE),
            (made.summary, SUMMARY),
        ):
            pd.testing.assert_frame_equal(table.validate(frame), frame)
        check_invariants(made.timecourse)
        return made


def check_invariants(timecourse: pd.DataFrame) -> None:
    """A used row has everything, any other has a reason."""
    used = timecourse["used"].astype(bool)
    numbers = ["conc", "baseline", "pct_of_baseline", "log_ratio"]
    assert np.isfinite(timecourse.loc[used, numbers].to_numpy(dtype=float)).all()
    assert (timecourse.loc[used, "reason"] == "").all()
    assert (timecourse.loc[~used, "reason"] != "").all()


def of(frame: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    return frame


def only(frame: pd.DataFrame, **wanted: Any) -> Any:
    rows = of(frame, **wanted)
    assert len(rows) == 1
    return rows.iloc[0]


def pair(**config: Any) -> Tables:
    """A vehicle and a drug animal, 4 baseline and 3 later fractions, dose at 80 min."""
    return (
        Tables(config=config)
        .animal("V1")
        .animal("D1", "mianserin", 2.0, sex="male", cohort="A")
        .dose("V1", 80)
        .dose("D1", 80)
        .samples("V1", [10, 10, 10, 10, 11, 10, 9])
        .samples("D1", [4, 6, 5, 5, 10, 15, 5])
    )


def test_a_study_by_hand() -> None:
    made = pair(dead_volume_uL=5.7, flow_uL_min=1.5).run()
    rows = of(made.timecourse, animal_id="D1")
    assert list(rows["outcome"].unique()) == ["da_striatum"]
    assert list(rows["time_min"]) == pytest.approx([-73.8 + 20 * n for n in range(7)])
    assert list(rows["time_index"]) == [-4, -3, -2, -1, 1, 2, 3]
    assert list(rows["period"]) == ["baseline"] * 4 + ["post"] * 3
    assert list(rows["baseline"]) == [5.0] * 7
    assert list(rows["pct_of_baseline"]) == [80, 120, 100, 100, 200, 300, 100]
    assert list(rows["log_ratio"]) == pytest.approx(
        [math.log(c / 5) for c in (4, 6, 5, 5, 10, 15, 5)]
    )
    assert rows["used"].all()
    # Lag 3.8 min: 19 % of the first fraction after the dose is fluid from before it.
    assert list(rows["flags"]) == [""] * 4 + ["mixed_fluid", "", ""]
    first = rows.iloc[0]
    assert first["outcome_label"] == "DA, striatum"
    assert (first["kind"], first["analyte"], first["denominator"]) == ("analyte", "DA", "")
    assert (first["group"], first["control"]) == ("mianserin 2 mg/kg s.c.", "saline")
    assert (first["sex"], first["cohort"], first["probe_id"]) == ("male", "A", "D1")
    assert (first["start_min"], first["end_min"], first["duration_min"]) == (0, 20, 20)
    assert (first["conc"], first["conc_unit"], first["limit"]) == (4.0, "nM", LOD)
    assert first["injection_id"] == "D1_1"

    base = only(made.baseline, animal_id="D1")
    assert (base["n_fractions"], base["baseline"], base["conc_unit"]) == (4, 5.0, "nM")
    assert base["sd"] == pytest.approx(math.sqrt(2 / 3))
    assert base["cv_pct"] == pytest.approx(16.3299, abs=5e-5)
    assert bool(base["stable"]) and bool(base["usable"])
    assert base["reason"] == ""

    total = only(made.summary, animal_id="D1")
    assert total["auc_pct_min"] == 600 * 20
    assert total["auc_net_pct_min"] == 300 * 20
    assert total["mean_pct"] == 200
    assert (total["peak_pct"], total["tmax_min"]) == (300, pytest.approx(26.2))
    assert (total["window_start_min"], total["window_end_min"]) == pytest.approx((-3.8, 56.2))
    assert (total["n_fractions"], total["n_missing"], total["reason"]) == (3, 0, "")
    assert total["group"] == "mianserin 2 mg/kg s.c."
    assert bool(total["is_control"]) is False


def test_each_animal_is_divided_by_its_own_baseline() -> None:
    made = (
        Tables()
        .animal("V1")
        .animal("A", "drug", 1.0)
        .animal("B", "drug", 1.0)
        .samples("V1", [3, 3, 3, 3, 3], start_min=-80)
        .samples("A", [1, 1, 1, 1, 16], start_min=-80)
        .samples("B", [9, 9, 9, 9, 18], start_min=-80)
        .run()
    )
    peak = of(made.timecourse, time_index=1)
    assert dict(zip(peak["animal_id"], peak["pct_of_baseline"], strict=True)) == {
        "V1": 100,
        "A": 1600,
        "B": 200,
    }
    # Over the mean of the baselines (5 nM) A and B would have 320 % and 360 %.
    assert of(peak, drug="drug")["pct_of_baseline"].mean() == 900


def test_doses_at_different_clock_times() -> None:
    tables = (
        Tables()
        .animal("V1")
        .animal("V2")
        .dose("V1", 80)
        .dose("V2", 205)
        .dose("V2", 300, "second dose")
        .samples("V1", [1, 1, 1, 1, 2, 3])
        .samples("V2", [1, 1, 1, 1, 2, 3], start_min=125)
    )
    rows = tables.run().timecourse
    first, second = (of(rows, animal_id=name) for name in ("V1", "V2"))
    for name in ("time_min", "time_index", "period", "pct_of_baseline"):
        assert list(first[name]) == list(second[name])
    assert list(second["start_min"]) == [125 + 20 * n for n in range(6)]


def test_an_animal_dosed_later_has_early_fractions() -> None:
    tables = (
        Tables()
        .animal("V1")
        .animal("V2")
        .dose("V1", 80)
        .dose("V2", 100)
        .samples("V1", [1, 1, 1, 1, 2, 3, 2, 1])
        .samples("V2", [9, 1, 1, 1, 1, 2, 3, 2])
    )
    made = tables.run()
    rows = of(made.timecourse, animal_id="V2")
    assert list(rows["time_index"]) == [-5, -4, -3, -2, -1, 1, 2, 3]
    early = rows.iloc[0]
    assert (early["period"], early["pct_of_baseline"], bool(early["used"])) == ("early", 900, False)
    assert early["reason"] == ("before the baseline window (the last 4 fractions before the dose)")
    # V1 has a fourth fraction after the dose; the common window ends before it.
    assert list(made.summary["window_end_min"]) == [60, 60]
    assert list(made.summary["auc_pct_min"]) == [14000, 14000]


def test_times_from_fraction_numbers() -> None:
    tables = Tables(config={"fraction_min": 20.0}).animal("V1").dose("V1", 300)
    rows = tables.samples("V1", [1, 1, 1, 1, 2, 3], start_min=None).run().timecourse
    assert list(rows["start_min"]) == [220, 240, 260, 280, 300, 320]
    assert list(rows["time_min"]) == [-70, -50, -30, -10, 10, 30]


def test_a_lost_vial_leaves_a_gap_and_shifts_nothing() -> None:
    tables = (
        Tables()
        .animal("V1")
        .animal("V2")
        .samples("V1", [1, 1, 1, 1, 2, 2, 2, 2], start_min=-80)
        .samples("V2", [1, 1, None, 1, 3, None, 3, None], start_min=-80)
    )
    made = tables.run()
    rows = of(made.timecourse, animal_id="V2")
    assert list(rows["fraction"]) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(rows["time_index"]) == [-4, -3, -2, -1, 1, 2, 3, 4]
    assert list(rows["time_min"]) == [-70, -50, -30, -10, 10, 30, 50, 70]
    lost = rows[~rows["used"].astype(bool)]
    assert list(lost["fraction"]) == [3, 6, 8]
    assert set(lost["reason"]) == {"not injected"}
    assert set(lost["injection_id"]) == {""}
    assert lost["conc"].isna().all()
    assert only(made.baseline, animal_id="V2")["n_fractions"] == 3
    total = only(made.summary, animal_id="V2")
    assert math.isnan(total["auc_pct_min"])
    assert (total["n_fractions"], total["n_missing"], total["peak_pct"]) == (2, 2, 300)
    assert total["reason"] == "no value for fractions 6, 8: not injected"
    assert only(made.summary, animal_id="V1")["auc_pct_min"] == 16000


@pytest.mark.parametrize(
    ("policy", "period", "index", "mean", "pct"),
    [
        ("drop", "straddle", 0, 2, 200),
        ("baseline", "baseline", -1, 8 / 3, 150),
        ("post", "post", 1, 2, 200),
    ],
)
def test_a_dose_inside_a_fraction(
    policy: str, period: str, index: int, mean: float, pct: float
) -> None:
    tables = Tables(config={"straddle": policy, "baseline": {"max_cv_pct": 100}})
    tables.animal("V1").dose("V1", 50).samples("V1", [2, 2, 4, 4, 6])
    made = tables.run()
    row = only(made.timecourse, fraction=3)
    assert (row["period"], row["time_index"]) == (period, index)
    assert row["baseline"] == pytest.approx(mean)
    assert row["pct_of_baseline"] == pytest.approx(pct)
    assert row["flags"] == "straddles_dose"
    assert bool(row["used"]) is (policy != "drop")
    expected = {"drop": 200 + 300, "baseline": 150 + 225, "post": 200 + 200 + 300}[policy]
    assert made.summary["auc_pct_min"].iloc[0] == pytest.approx(expected * 20)
    if policy == "drop":
        assert row["reason"] == "fluid from before and after the dose (straddle: drop)"


def test_reinjections() -> None:
    def chosen(policy: str, **more: Any) -> Any:
        tables = pair(reinjections=policy)
        tables.injection("D1", 5, start_min=None, name="again", reinjection_of="D1_5")
        tables.measured("again", 12.0, **more)
        row = only(tables.run().timecourse, animal_id="D1", fraction=5)
        return row["injection_id"], row["conc"], row["pct_of_baseline"], row["flags"]

    assert chosen("last") == ("again", 12, 240, "reinjected_last")
    assert chosen("first") == ("D1_5", 10, 200, "reinjected_first")
    assert chosen("mean") == ("D1_5;again", 11, 220, "reinjected_mean")
    assert chosen("last", excluded=True, reason="bad_injection")[0] == "D1_5"


def test_a_chain_of_reinjections_follows_its_links_not_its_rows() -> None:
    tables = pair()
    tables.injection("D1", 5, start_min=None, name="third", reinjection_of="second", run="r0")
    tables.injection("D1", 5, start_min=None, name="second", reinjection_of="D1_5", run="r9")
    tables.measured("third", 30.0).measured("second", 20.0)
    row = only(tables.run().timecourse, animal_id="D1", fraction=5)
    assert (row["injection_id"], row["conc"]) == ("third", 30)


@pytest.mark.parametrize(
    ("policy", "conc", "used"),
    [
        ("half", 0.05, True),
        ("sqrt2", 0.1 / math.sqrt(2), True),
        ("exclude", 0.08, False),
        ("measured", 0.08, True),
    ],
)
def test_values_below_the_lod(policy: str, conc: float, used: bool) -> None:
    tables = pair(below_lod=policy)
    row = next(c for c in tables.concentrations if c["injection_id"] == "D1_7")
    row.update(conc_nM=0.08, censored=True)
    made = tables.run()
    found = only(made.timecourse, animal_id="D1", fraction=7)
    assert found["conc"] == pytest.approx(conc)
    assert found["pct_of_baseline"] == pytest.approx(100 * conc / 5)
    assert bool(found["censored"]) and bool(found["below_loq"])
    assert found["limit"] == LOD
    assert bool(found["used"]) is used
    assert math.isnan(only(made.summary, animal_id="D1")["auc_pct_min"]) is not used


def test_a_censored_value_in_the_baseline_is_flagged_on_all_rows() -> None:
    tables = pair(baseline={"max_cv_pct": 100})
    next(c for c in tables.concentrations if c["injection_id"] == "D1_1").update(censored=True)
    rows = of(tables.run().timecourse, animal_id="D1")
    assert all("baseline_censored" in flags.split(";") for flags in rows["flags"])
    assert rows["baseline"].iloc[0] == pytest.approx((0.05 + 16) / 4)


def test_a_value_that_is_not_positive_has_no_log_ratio() -> None:
    tables = pair()
    next(c for c in tables.concentrations if c["injection_id"] == "D1_7").update(conc_nM=-0.5)
    row = only(tables.run().timecourse, animal_id="D1", fraction=7)
    assert row["pct_of_baseline"] == -10
    assert math.isnan(row["log_ratio"])
    assert (bool(row["used"]), row["reason"]) == (
        False,
        "-0.5 nM is not above 0, so it has no logarithm",
    )


def test_a_missing_concentration_keeps_its_reason() -> None:
    tables = pair()
    row = next(c for c in tables.concentrations if c["injection_id"] == "D1_6")
    row.update(conc_nM=math.nan, reason="internal standard not found")
    made = tables.run()
    assert only(made.timecourse, animal_id="D1", fraction=6)["reason"] == (
        "internal standard not found"
    )
    assert only(made.summary, animal_id="D1")["reason"] == (
        "no value for fraction 6: internal standard not found"
    )


def test_an_analyte_that_was_not_measured_in_an_injection() -> None:
    tables = pair()
    tables.concentrations = [c for c in tables.concentrations if c["injection_id"] != "D1_6"]
    row = only(tables.run().timecourse, animal_id="D1", fraction=6)
    assert row["reason"] == "the analyte was not measured in this injection"
    assert row["injection_id"] == "D1_6"


def test_a_baseline_below_the_loq_defines_no_percentage() -> None:
    tables = pair()
    for row in tables.concentrations:
        row.update(loq_nM=5.5)
    made = tables.run()
    rows = of(made.timecourse, animal_id="D1")
    reason = "baseline mean of DA 5 nM is below the limit of quantification 5.5 nM"
    assert rows["pct_of_baseline"].isna().all()
    assert rows["log_ratio"].isna().all()
    assert set(rows["reason"]) == {reason}
    assert only(made.baseline, animal_id="D1")["reason"] == reason
    assert only(made.summary, animal_id="D1")["reason"] == reason
    assert of(made.timecourse, animal_id="V1")["used"].all()


@pytest.mark.parametrize("policy", ["flag", "exclude"])
def test_an_unstable_baseline(policy: str) -> None:
    tables = pair(baseline={"unstable": policy, "max_cv_pct": 10})
    made = tables.run()
    rows = of(made.timecourse, animal_id="D1")
    base = only(made.baseline, animal_id="D1")
    reason = "unstable baseline: CV 16.3 % above 10 %"
    assert (bool(base["stable"]), base["reason"]) == (False, reason)
    assert bool(base["usable"]) is (policy == "flag")
    assert rows["used"].all() == (policy == "flag")
    assert list(rows["pct_of_baseline"]) == [80, 120, 100, 100, 200, 300, 100]
    assert all("unstable_baseline" in flags.split(";") for flags in rows["flags"])
    if policy == "exclude":
        assert set(rows["reason"]) == {reason}
        assert only(made.summary, animal_id="D1")["reason"] == reason


REASON = "co-elution: a shoulder (AB, 2024-03-01)"


def two_analytes(**config: Any) -> Tables:
    tables = pair(**config)
    tables.analytes = ("DA", "DOPAC")
    tables.samples("V1", [100.0] * 7, analyte="DOPAC")
    return tables.samples("D1", [100.0] * 7, analyte="DOPAC")


@pytest.mark.parametrize(
    ("level", "name", "analyte", "fractions", "outcomes"),
    [
        ("peak", "D1_5", "DA", [5], ["da_striatum"]),
        ("fraction", "D1:5", "", [5], ["da_striatum", "dopac_striatum"]),
        ("fraction", "D1:5", "DOPAC", [5], ["dopac_striatum"]),
        ("probe", "D1", "", [1, 2, 3, 4, 5, 6, 7], ["da_striatum", "dopac_striatum"]),
        ("animal", "D1", "", [1, 2, 3, 4, 5, 6, 7], ["da_striatum", "dopac_striatum"]),
        ("animal", "D1", "DA", [1, 2, 3, 4, 5, 6, 7], ["da_striatum"]),
    ],
)
def test_exclusions_are_rows_with_a_reason(
    level: str, name: str, analyte: str, fractions: list[int], outcomes: list[str]
) -> None:
    whole = two_analytes().run().timecourse
    made = two_analytes().exclude(level, name, "co_elution", "a shoulder", analyte).run()
    out = made.timecourse[~made.timecourse["used"].astype(bool)]
    assert sorted(set(out["outcome"])) == outcomes
    assert set(out["animal_id"]) == {"D1"}
    assert sorted(set(out["fraction"])) == fractions
    assert set(out["reason"]) == {REASON}
    # Nothing is deleted, and values stay to be seen.
    columns = ["outcome", "probe_id", "fraction", "conc", "pct_of_baseline"]
    pd.testing.assert_frame_equal(made.timecourse[columns], whole[columns])
    for outcome in outcomes:
        total = only(made.summary, outcome=outcome, animal_id="D1")
        assert math.isnan(total["auc_pct_min"])
        expected = REASON if level in ("probe", "animal") else f"no value for fraction 5: {REASON}"
        assert total["reason"] == expected
        base = only(made.baseline, outcome=outcome, animal_id="D1")
        assert bool(base["usable"]) is (level not in ("probe", "animal"))


def test_an_excluded_baseline_fraction_leaves_the_baseline() -> None:
    made = pair().exclude("fraction", "D1:1", "flow_failure").run()
    base = only(made.baseline, animal_id="D1")
    assert (base["n_fractions"], base["baseline"]) == (3, pytest.approx(16 / 3))
    row = only(made.timecourse, animal_id="D1", fraction=1)
    assert row["reason"] == "flow failure (AB, 2024-03-01)"
    assert row["pct_of_baseline"] == pytest.approx(75)


def test_an_excluded_injection_arrives_with_its_reason() -> None:
    tables = pair()
    row = next(c for c in tables.concentrations if c["injection_id"] == "D1_5")
    row.update(excluded=True, reason="bad_injection: air (AB, 2024-03-01)")
    found = only(tables.run().timecourse, animal_id="D1", fraction=5)
    assert (bool(found["used"]), found["conc"]) == (False, 10)
    assert found["reason"] == "bad_injection: air (AB, 2024-03-01)"


def test_several_reasons_are_all_given() -> None:
    tables = pair().exclude("animal", "D1", "histology").exclude("fraction", "D1:5", "lost_vial")
    row = only(tables.run().timecourse, animal_id="D1", fraction=5)
    assert row["reason"] == ("lost vial (AB, 2024-03-01); histology (AB, 2024-03-01)")


def two_probes(**config: Any) -> Tables:
    """One animal with a probe in each of two regions, one with a probe in the second only."""
    tables = Tables(config=config, region="not used").animal("V1").animal("V2")
    tables.probes = [
        {"probe_id": "V1s", "animal_id": "V1", "region": "striatum", "placement_ok": "yes"},
        {"probe_id": "V2s", "animal_id": "V2", "region": "striatum", "placement_ok": "no"},
        {"probe_id": "V1c", "animal_id": "V1", "region": "cortex", "placement_ok": "unknown"},
    ]
    tables.samples("V1", [10, 10, 10, 10, 20], "V1s", -80)
    tables.samples("V1", [2, 2, 2, 2, 3], "V1c", -80)
    # The animal's only probe need not be named.
    return tables.samples("V2", [4, 4, 4, 4, 16], "", -80)


def test_two_probes_in_one_animal() -> None:
    made = two_probes(exclude_misplaced=False).run()
    post = of(made.timecourse, time_index=1)
    assert list(zip(post["outcome"], post["animal_id"], post["probe_id"], strict=True)) == [
        ("da_striatum", "V1", "V1s"),
        ("da_striatum", "V2", "V2s"),
        ("da_cortex", "V1", "V1c"),
    ]
    assert list(post["pct_of_baseline"]) == [200, 400, 150]
    assert list(post["region"]) == ["striatum", "striatum", "cortex"]
    assert list(post["flags"]) == ["", "misplaced_probe", ""]
    assert post["used"].all()


def test_misplaced_probes_are_left_out_with_the_reason() -> None:
    made = two_probes().run()
    rows = of(made.timecourse, probe_id="V2s")
    assert not rows["used"].any()
    assert set(rows["reason"]) == {"probe not in its region"}
    assert list(rows["pct_of_baseline"]) == [100, 100, 100, 100, 400]
    base = only(made.baseline, probe_id="V2s")
    assert (bool(base["usable"]), base["reason"], base["baseline"]) == (
        False,
        "probe not in its region",
        4,
    )
    assert of(made.timecourse, animal_id="V1")["used"].all()


def test_exclusions_of_a_probe_and_of_an_animal() -> None:
    one = two_probes().exclude("probe", "V1c", "probe_failure").run().timecourse
    assert set(one[~one["used"].astype(bool)]["probe_id"]) == {"V1c", "V2s"}
    both = two_probes().exclude("animal", "V1", "animal_welfare").run().timecourse
    assert not both["used"].any()
    fraction = two_probes().exclude("fraction", "V1:5", "lost_vial").run().timecourse
    assert set(of(fraction, reason="lost vial (AB, 2024-03-01)")["probe_id"]) == {"V1s", "V1c"}


def test_a_ratio_is_an_outcome_of_its_own() -> None:
    tables = two_analytes(ratios=[{"numerator": "DOPAC", "denominator": "DA"}])
    made = tables.run()
    rows = of(made.timecourse, outcome="dopac_per_da_striatum", animal_id="D1")
    assert list(rows["conc"]) == pytest.approx([25, 100 / 6, 20, 20, 10, 100 / 15, 20])
    mean = (25 + 100 / 6 + 20 + 20) / 4
    assert list(rows["pct_of_baseline"]) == pytest.approx([100 * c / mean for c in rows["conc"]])
    first = rows.iloc[0]
    assert (first["kind"], first["analyte"], first["denominator"]) == ("ratio", "DOPAC", "DA")
    assert (first["conc_unit"], first["outcome_label"]) == ("ratio", "DOPAC/DA, striatum")
    assert first["limit"] == pytest.approx(LOD / 4)
    assert list(dict.fromkeys(made.timecourse["outcome"])) == [
        "da_striatum",
        "dopac_striatum",
        "dopac_per_da_striatum",
    ]


def test_an_excluded_peak_takes_its_ratios_along() -> None:
    tables = two_analytes(ratios=[{"numerator": "DOPAC", "denominator": "DA"}])
    made = tables.exclude("peak", "D1_5", "co_elution", "a shoulder", "DA").run()
    out = made.timecourse[~made.timecourse["used"].astype(bool)]
    assert list(out["outcome"]) == ["da_striatum", "dopac_per_da_striatum"]


def test_uncalibrated_responses_give_the_same_percentages() -> None:
    calibrated = pair().run()
    tables = pair()
    for row in tables.concentrations:
        row.update(
            response=row["conc_nM"] * 37.0,
            conc_nM=math.nan,
            lod_nM=math.nan,
            loq_nM=math.nan,
            flags="uncalibrated",
        )
    made = tables.run()
    assert set(made.timecourse["conc_unit"]) == {"response"}
    assert set(made.baseline["conc_unit"]) == {"response"}
    assert list(made.timecourse["pct_of_baseline"]) == pytest.approx(
        list(calibrated.timecourse["pct_of_baseline"])
    )
    assert made.timecourse["limit"].isna().all()
    assert all("uncalibrated" in flags.split(";") for flags in made.timecourse["flags"])


def test_a_failed_calibration_is_not_an_uncalibrated_study() -> None:
    tables = pair()
    for row in tables.concentrations:
        row.update(response=1.0, conc_nM=math.nan, reason="calibration failed: 1 level")
    made = tables.run()
    assert set(made.timecourse["conc_unit"]) == {"nM"}
    assert not made.timecourse["used"].any()
    assert all(
        reason.startswith("calibration failed: 1 level") for reason in made.timecourse["reason"]
    )
    assert set(made.baseline["reason"]) == {
        "0 of 4 baseline fractions with a value, at least 2 needed"
    }


def test_an_animal_without_samples_is_not_forgotten() -> None:
    made = pair().animal("D2", "mianserin", 2.0).run()
    assert set(made.timecourse["animal_id"]) == {"V1", "D1"}
    base = only(made.baseline, animal_id="D2")
    assert (base["n_fractions"], bool(base["usable"]), base["reason"]) == (
        0,
        False,
        "no samples of this probe",
    )
    total = only(made.summary, animal_id="D2")
    assert (total["n_fractions"], total["n_missing"], total["reason"]) == (
        0,
        0,
        "no samples of this probe",
    )


def test_an_animal_without_baseline_beside_others() -> None:
    tables = pair().animal("D2", "mianserin", 2.0).dose("D2", 0)
    made = tables.samples("D2", [5.0] * 7).run()
    assert only(made.baseline, animal_id="D2")["reason"] == (
        "0 of 4 baseline fractions with a value, at least 2 needed"
    )
    assert of(made.timecourse, animal_id="D1")["used"].all()


def test_a_window_is_kept_to() -> None:
    made = pair(auc_window_min=[0, 40]).run()
    total = only(made.summary, animal_id="D1")
    assert total["auc_pct_min"] == 500 * 20
    assert (total["window_start_min"], total["window_end_min"]) == (0, 40)


def test_an_excluded_animal_does_not_shorten_the_window_of_the_others() -> None:
    tables = pair().animal("V2").dose("V2", 120).samples("V2", [1.0] * 7)
    assert only(tables.run().summary, animal_id="D1")["window_end_min"] == 20
    tables.exclude("animal", "V2", "other", "dosed late")
    assert only(tables.run().summary, animal_id="D1")["window_end_min"] == 60


def test_a_study_without_a_region() -> None:
    tables = pair()
    tables.region = ""
    made = tables.run()
    assert set(made.timecourse["outcome"]) == {"da"}
    assert set(made.timecourse["region"]) == {""}


# Order.


def test_rows_come_in_the_order_of_outcomes_animals_and_fractions() -> None:
    tables = two_analytes()
    made = tables.run()
    keys = list(
        zip(
            made.timecourse["outcome"],
            made.timecourse["animal_id"],
            made.timecourse["fraction"],
            strict=True,
        )
    )
    assert keys == [
        (outcome, animal, fraction)
        for outcome in ("da_striatum", "dopac_striatum")
        for animal in ("V1", "D1")
        for fraction in range(1, 8)
    ]
    assert list(made.summary["animal_id"]) == ["V1", "D1"] * 2


# What a user must mend.


def error_of(tables: Tables) -> str:
    with pytest.raises(NormalizationError) as caught:
        tables.run()
    return str(caught.value)


def test_an_animal_without_a_dose_among_others() -> None:
    tables = pair()
    tables.doses = tables.doses[:1]
    assert error_of(tables) == (
        "doses.csv, column animal_id: found no dosing event of D1; expected one for every animal "
        "that has samples, because without it they have no time zero. Add their rows (vehicle "
        "animals too)."
    )


def test_no_sample_at_all() -> None:
    assert error_of(Tables().animal("V1")) == (
        "injections.csv: found no injection of type 'sample'; expected the fractions of at least "
        "one animal. Set their type, or stop at the target 'quantify'."
    )


def test_no_fraction_before_any_dose() -> None:
    assert error_of(Tables().animal("V1").samples("V1", [1, 1, 1])).startswith(
        "injections.csv, columns fraction, start_min, end_min: found no fraction before the dose "
        "in any animal (the earliest starts at 0 min from the dose, lag-corrected); "
    )


def test_samples_that_cannot_be_placed_are_all_named() -> None:
    tables = two_probes()
    tables.injection("V1", 6, start_min=-80, name="no_probe")
    tables.injection("V9", 6, start_min=-80, name="stranger")
    tables.injection("V2", 6, start_min=-80, name="no_fraction")
    tables.injections[-1]["fraction"] = None
    tables.injection("V1", 5, "V1s", -80, name="twice")
    tables.injection("V1", 4, "V1s", -80, name="wrong", reinjection_of="V1s_3")
    assert error_of(tables) == (
        "Samples can't be placed: 5 problems\n"
        "  1. injections.csv, fraction 5 of V1s: found 2 first injections (V1s_5, twice); "
        "expected each fraction once. If the vial was injected again, name the first injection in "
        "reinjection_of.\n"
        "  2. injections.csv, injection no_fraction, column fraction: found nothing; expected the "
        "number of the fraction for every sample.\n"
        "  3. injections.csv, injection no_probe, columns animal_id, probe_id: found 'V1'; "
        "expected a probe of probes.csv, or an animal of animals.csv with one probe.\n"
        "  4. injections.csv, injection stranger, columns animal_id, probe_id: found 'V9'; "
        "expected a probe of probes.csv, or an animal of animals.csv with one probe.\n"
        "  5. injections.csv, injection wrong, column reinjection_of: found 'V1s_3'; expected the "
        "first injection of the same vial (fraction 4 of V1s)."
    )


def test_a_circle_of_reinjections() -> None:
    tables = pair()
    tables.injection("D1", 5, name="again", reinjection_of="again2")
    tables.injection("D1", 5, name="again2", reinjection_of="again")
    assert "injection again, column reinjection_of: found 'again2'" in error_of(tables)


def test_options_that_contradict_each_other() -> None:
    assert error_of(pair(baseline={"n_fractions": 2, "min_fractions": 3})) == (
        "study.yaml, normalize.baseline.min_fractions: found 3; expected at most n_fractions, "
        "which is 2. Mend one of the two."
    )
    assert error_of(pair(auc_window_min=[60, 0])) == (
        "study.yaml, normalize.auc_window_min: found [60, 0]; expected a start and a later end, "
        "min from the dose. Mend the window."
    )


def test_inputs_are_left_as_they_were() -> None:
    tables = two_analytes()
    frames = tables.frames()
    kept = {name: frame.copy() for name, frame in frames.items()}
    normalize_study(**frames, config=tables.section(), region="striatum")
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, kept[name])


def test_a_large_study_takes_well_under_a_second() -> None:
    rng = np.random.default_rng(1)
    names = tuple(f"A{n}" for n in range(7))
    tables = Tables(analytes=names)
    for number in range(35):
        animal = f"R{number}"
        tables.animal(animal, *(("drug", 1.0 + number % 4) if number % 5 else ("saline", 0.0)))
        for name in names:
            values = list(rng.lognormal(0.0, 0.1, 13) * 5)
            tables.samples(animal, values, start_min=-80, analyte=name)
    frames, section = tables.frames(), tables.section()
    started = time.process_time()
    made = normalize_study(**frames, config=section, region="hippocampus")
    assert time.process_time() - started < 1.0
    assert len(made.timecourse) == 35 * 13 * 7
