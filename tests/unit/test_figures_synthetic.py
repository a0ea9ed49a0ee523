"""Studies made up for the tests of the figures, and a test that they fit the tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dialysis.study.groups import group_order
from dialysis.tables.ingest import TRACES
from dialysis.tables.inputs import INJECTIONS
from dialysis.tables.integrate import PEAKS
from dialysis.tables.normalize import BASELINE, TIMECOURSE
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS
from dialysis.tables.stats import CONTRASTS, MEANS

VEHICLE = ("vehicle", 0.0, 100.0)
DEMO_GROUPS = (
    ("vehicle", 0.0, 100.0, 8),
    ("mianserin", 2.0, 190.0, 7),
    ("mianserin", 5.0, 240.0, 7),
    ("mirtazapine", 2.0, 150.0, 6),
    ("mirtazapine", 5.0, 215.0, 7),
)
MODEL: dict[str, Any] = {
    "label": "linear mixed model",
    "confidence": 0.95,
    "alpha": 0.05,
    "status": "ok",
    "reason": "",
}
FIGURES: dict[str, Any] = {
    "width": "one_and_half",
    "font": "DejaVu Sans",
    "dpi": 50,
    "dpi_print": 100,
    "center": "arithmetic",
    "error": "ci",
    "individuals": True,
    "labels": {},
}


@dataclass(frozen=True)
class Study:
    """One outcome of a made-up study."""

    timecourse: pd.DataFrame
    means: pd.DataFrame
    contrasts: pd.DataFrame


@cache
def make_study(
    groups: tuple[tuple[str, float, float, int], ...] = DEMO_GROUPS,
    outcome: str = "dopac_hippocampus",
    analyte: str = "DOPAC",
    denominator: str = "",
    region: str = "hippocampus",
    n_baseline: int = 4,
    n_post: int = 9,
    basal: float = 105.0,
    conc_unit: str = "nM",
    spacing: float = 20.0,
    sd: float = 0.11,
    seed: int = 7,
) -> Study:
    """Percent of baseline with a rise and fall per group, animal and residual noise.

    The same study is made once; who changes a frame copies it first.
    """
    rng = np.random.default_rng(seed)
    rows = []
    number = 0
    indices = [i for i in range(-n_baseline, n_post + 1) if i != 0]
    for drug, dose, peak, n in groups:
        label = drug if dose == 0 else f"{drug} {dose:g} mg/kg s.c."
        control = "vehicle" if any(g[1] == 0 for g in groups) else label
        for _ in range(n):
            number += 1
            level = basal * np.exp(rng.normal(0, 0.4))
            effect = np.exp(rng.normal(0, 0.15))
            clock = rng.uniform(-1.0, 1.0)
            noise = rng.normal(0, sd, len(indices))
            log_ratio = []
            for place, index in enumerate(indices):
                post = index if index > 0 else 0
                shape = (post / 3.0) * np.exp(1 - post / 3.0) if post else 0.0
                log_ratio.append(np.log(peak / 100.0) * effect * shape + noise[place])
            conc = level * np.exp(log_ratio)
            baseline = float(np.mean(conc[:n_baseline])) if n_baseline else level
            for place, index in enumerate(indices):
                step = index if index < 0 else index - 1
                time = spacing * step + 6.2 * spacing / 20.0 + clock
                start = 80.0 + spacing * step
                rows.append(
                    {
                        "outcome": outcome,
                        "animal_id": f"R{number:02d}",
                        "probe_id": f"R{number:02d}",
                        "outcome_label": f"{analyte}, {region}",
                        "kind": "ratio" if denominator else "analyte",
                        "analyte": analyte,
                        "denominator": denominator,
                        "region": region,
                        "group": label,
                        "drug": drug,
                        "dose": dose,
                        "dose_unit": "mg/kg" if dose else "",
                        "route": "s.c.",
                        "control": control,
                        "is_control": dose == 0,
                        "sex": "male",
                        "cohort": "",
                        "injection_id": f"run{number:02d}_{place + 1:03d}",
                        "fraction": place + 1,
                        "start_min": start,
                        "end_min": start + spacing,
                        "time_min": time,
                        "duration_min": spacing,
                        "period": "baseline" if index < 0 else "post",
                        "time_index": index,
                        "conc": conc[place],
                        "conc_unit": conc_unit,
                        "censored": False,
                        "limit": 0.05 * basal,
                        "below_loq": False,
                        "baseline": baseline,
                        "pct_of_baseline": 100.0 * conc[place] / baseline,
                        "log_ratio": np.log(conc[place] / baseline),
                        "used": True,
                        "reason": "",
                        "flags": "",
                    }
                )
    timecourse = TIMECOURSE.validate(pd.DataFrame(rows))
    return Study(timecourse, means_of(timecourse), contrasts_of(timecourse))


def with_timecourse(timecourse: pd.DataFrame) -> Study:
    """The study of a changed time course: means and contrasts follow."""
    checked = TIMECOURSE.validate(timecourse.reset_index(drop=True))
    return Study(checked, means_of(checked), contrasts_of(checked))


def means_of(timecourse: pd.DataFrame) -> pd.DataFrame:
    """Means of the values in use, straight from their definition."""
    used = timecourse[timecourse["used"].astype(bool) & timecourse["pct_of_baseline"].notna()]
    rows = []
    for (group, index), cell in used.groupby(["group", "time_index"], sort=False):
        values = cell["pct_of_baseline"].to_numpy()
        n = len(values)
        row = {
            "outcome": cell["outcome"].iloc[0],
            "group": group,
            "time_index": index,
            "time_min": cell["time_min"].mean(),
            "n": n,
            "mean_pct": values.mean(),
            "n_censored": int(cell["censored"].sum()),
        }
        if (values > 0).all():
            row["geomean_pct"] = np.exp(np.log(values).mean())
        if n > 1:
            t = stats.t.ppf(0.975, n - 1)
            sem = values.std(ddof=1) / np.sqrt(n)
            row |= {
                "sd_pct": values.std(ddof=1),
                "sem_pct": sem,
                "low_pct": values.mean() - t * sem,
                "high_pct": values.mean() + t * sem,
            }
            if (values > 0).all():
                half = t * np.log(values).std(ddof=1) / np.sqrt(n)
                row["geomean_low_pct"] = row["geomean_pct"] * np.exp(-half)
                row["geomean_high_pct"] = row["geomean_pct"] * np.exp(half)
        rows.append(row)
    return MEANS.validate(MEANS.coerce(pd.DataFrame(rows, columns=MEANS.column_names)))


def contrasts_of(timecourse: pd.DataFrame) -> pd.DataFrame:
    """Each group against its control at each time, by a t test on log ratios."""
    used = timecourse[timecourse["used"].astype(bool) & timecourse["log_ratio"].notna()]
    post = used[used["time_index"] > 0]
    rows = []
    for group in group_order(timecourse):
        head = timecourse[timecourse["group"] == group].iloc[0]
        if head["is_control"] or head["control"] == group:
            continue
        for index, cell in post[post["group"] == group].groupby("time_index"):
            control = post[(post["group"] == head["control"]) & (post["time_index"] == index)]
            ours, theirs = cell["log_ratio"].to_numpy(), control["log_ratio"].to_numpy()
            row = {
                "outcome": head["outcome"],
                "group": group,
                "control": head["control"],
                "time_index": index,
                "time_min": cell["time_min"].mean(),
                "adjustment": "dunnett",
                "status": "ok",
            }
            if len(ours) > 1 and len(theirs) > 1 and np.ptp(ours) + np.ptp(theirs) > 0:
                p = float(stats.ttest_ind(ours, theirs).pvalue)
                row |= {
                    "log_ratio": ours.mean() - theirs.mean(),
                    "p": p,
                    "p_within": p,
                    "p_all": p,
                    "stars": "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else "",
                }
            else:
                row |= {"status": "not_estimable", "reason": "fewer than two animals"}
            rows.append(row)
    return CONTRASTS.validate(CONTRASTS.coerce(pd.DataFrame(rows, columns=CONTRASTS.column_names)))


def baseline_of(timecourse: pd.DataFrame) -> pd.DataFrame:
    """The baseline table of a time course."""
    rows = []
    for (outcome, probe), own in timecourse.groupby(["outcome", "probe_id"], sort=False):
        values = own.loc[own["period"] == "baseline", "conc"].dropna().to_numpy()
        slope = np.polyfit(np.arange(len(values)), values, 1)[0]
        cv = 100.0 * values.std(ddof=1) / values.mean()
        rows.append(
            {
                "outcome": outcome,
                "animal_id": own["animal_id"].iloc[0],
                "probe_id": probe,
                "group": own["group"].iloc[0],
                "n_fractions": len(values),
                "baseline": values.mean(),
                "conc_unit": own["conc_unit"].iloc[0],
                "sd": values.std(ddof=1),
                "cv_pct": cv,
                "trend_pct_per_fraction": 100.0 * slope / values.mean(),
                "trend_p": 0.4,
                "last_jump_pct": 100.0 * (values[-1] / values[:-1].mean() - 1.0),
                "stable": bool(cv <= 20),
                "usable": True,
                "reason": "" if cv <= 20 else "the CV exceeds 20 %",
            }
        )
    return BASELINE.validate(pd.DataFrame(rows))


ODD_STUDIES = (
    "one group",
    "one animal left",
    "nothing left",
    "all censored",
    "missing fractions",
    "3000 %",
    "12 groups of one drug",
    "12 groups of many drugs",
    "40 fractions",
    "two vehicles",
    "zero and below",
    "long names",
)


@cache
def odd_study(name: str) -> Study:
    """A study that is hard to draw."""
    if name == "one group":
        return make_study((("vehicle", 0.0, 100.0, 6),))
    if name == "12 groups of one drug":
        doses = tuple(("drug", 2.0**k, 100.0 + 20 * k, 4) for k in range(11))
        return make_study((("vehicle", 0.0, 100.0, 5), *doses))
    if name == "12 groups of many drugs":
        drugs = (
            "amitriptyline",
            "bupropion",
            "citalopram",
            "desipramine",
            "escitalopram",
            "fluoxetine",
        )
        cells = tuple(
            (d, x, 120.0 + 40 * i + 10 * x, 4) for i, d in enumerate(drugs) for x in (1.0, 3.0)
        )
        return make_study((("vehicle", 0.0, 100.0, 5), *cells[:11]))
    if name == "3000 %":
        return make_study((("vehicle", 0.0, 100.0, 6), ("amphetamine", 2.0, 3000.0, 6)))
    if name == "40 fractions":
        return make_study(n_baseline=10, n_post=30, spacing=5.0)
    if name == "two vehicles":
        study = make_study(
            (
                ("vehicle", 0.0, 100.0, 6),
                ("cyclodextrin", 0.0, 105.0, 6),
                ("mianserin", 5.0, 200.0, 6),
                ("mirtazapine", 5.0, 180.0, 6),
            )
        )
        frame = study.timecourse.copy()
        own = frame["drug"].isin(["cyclodextrin", "mirtazapine"])
        frame["control"] = np.where(own, "cyclodextrin", "vehicle")
        return with_timecourse(frame)
    if name == "long names":
        study = make_study(
            (
                ("hydroxypropyl-beta-cyclodextrin 20 % in saline", 0.0, 100.0, 6),
                ("mianserin hydrochloride hemihydrate", 2.0, 150.0, 6),
                ("mianserin hydrochloride hemihydrate", 5.0, 200.0, 6),
            ),
            analyte="5-HIAA",
            denominator="5-HT",
            region="medial prefrontal cortex, prelimbic part",
            conc_unit="ratio",
        )
        frame = study.timecourse.copy()
        frame["control"] = "hydroxypropyl-beta-cyclodextrin 20 % in saline"
        return with_timecourse(frame)
    frame = make_study().timecourse.copy()
    if name == "one animal left":
        frame["used"] = frame["animal_id"] == "R12"
        frame["reason"] = np.where(
            frame["used"], "", "animal excluded (flow_failure: line blocked)"
        )
    elif name == "nothing left":
        frame["used"] = False
        frame["reason"] = "baseline below the LOQ"
        for column in ("baseline", "pct_of_baseline", "log_ratio"):
            frame[column] = np.nan
    elif name == "all censored":
        frame["censored"] = True
    elif name == "missing fractions":
        lost = frame.index[::5]
        frame.loc[lost, ["conc", "pct_of_baseline", "log_ratio"]] = np.nan
        frame.loc[lost, "used"] = False
        frame.loc[lost, "reason"] = "lost vial"
        frame.loc[lost, "injection_id"] = ""
    elif name == "zero and below":
        low = frame.index[5::7]
        frame.loc[low, "pct_of_baseline"] = -3.0
        frame.loc[low[::2], "pct_of_baseline"] = 0.0
        frame.loc[low, "log_ratio"] = np.nan
    return with_timecourse(frame)


def concat(studies: list[Study]) -> pd.DataFrame:
    """Time courses of several outcomes in one frame."""
    return pd.concat([s.timecourse for s in studies], ignore_index=True)


ANALYTES = (
    ("NE", 4.65, 0.4),
    ("DHBA", 7.25, 3.0),
    ("DOPAC", 10.16, 6.0),
    ("DA", 11.11, 0.5),
    ("5-HIAA", 14.57, 5.0),
    ("HVA", 19.09, 2.5),
    ("5-HT", 19.90, 0.6),
)


@dataclass(frozen=True)
class QcStudy:
    """All that the quality-control figures read."""

    traces: list[Path]
    peaks: pd.DataFrame
    concentrations: pd.DataFrame
    calibration: pd.DataFrame
    calibration_points: pd.DataFrame
    timecourse: pd.DataFrame
    baseline: pd.DataFrame
    injections: pd.DataFrame

    def frames(self) -> dict[str, Any]:
        """Arguments of `write_qc` but for configuration and folder."""
        return dict(self.__dict__)


def make_qc_study(
    folder: Path, n_runs: int = 2, groups: tuple[tuple[str, float, float, int], ...] = DEMO_GROUPS
) -> QcStudy:
    """Runs of a blank, eight standards, a QC and the samples of some animals, with traces."""
    rng = np.random.default_rng(11)
    outcomes = [
        make_study(
            groups,
            outcome=f"{name.lower()}_hippocampus",
            analyte=name,
            basal=40.0 * height,
            seed=20 + place,
        ).timecourse
        for place, (name, _, height) in enumerate(ANALYTES)
        if name != "DHBA"
    ]
    timecourse = pd.concat(outcomes, ignore_index=True)
    timecourse.loc[timecourse.index[::41], ["conc", "pct_of_baseline", "log_ratio"]] = np.nan
    timecourse.loc[timecourse.index[::41], ["used", "reason"]] = [False, "lost vial"]
    timecourse.loc[timecourse.index[::37], "censored"] = True
    animals = list(dict.fromkeys(timecourse["animal_id"]))
    minutes = np.arange(0.0, 24.0, 0.2 / 60.0 * 3)
    front = 30.0 * np.exp(-0.5 * ((minutes - 1.6) / 0.2) ** 2)
    injections, peaks, conc, points, lines, paths = [], [], [], [], [], []
    for number in range(n_runs):
        run = f"run{number + 1:02d}"
        own = animals[number::n_runs]
        plan = [("blank", 0.0)]
        plan += [("standard", 0.05 * 1.7**level) for level in range(8)] + [("qc", 0.4)]
        plan += [("sample", 1.0)] * (13 * len(own))
        traces = []
        for order, (kind, amount) in enumerate(plan, start=1):
            name = f"{run}_{order:03d}"
            drift = 1.0 + 0.004 * order / len(plan) + rng.normal(0, 0.001)
            signal = 2.0 + 0.4 * np.exp(-minutes / 6) + front + rng.normal(0, 0.01, minutes.size)
            animal = own[(order - 11) // 13] if kind == "sample" else ""
            injections.append(
                {
                    "injection_id": name,
                    "run": run,
                    "injection_file": f"{name}.cdf",
                    "order": order,
                    "type": kind,
                    "animal_id": animal,
                    "fraction": (order - 11) % 13 + 1 if kind == "sample" else None,
                }
            )
            for place, (analyte, rt, height) in enumerate(ANALYTES):
                tall = height * (1.0 if analyte == "DHBA" else amount) * np.exp(rng.normal(0, 0.05))
                found = tall > 0.02 and not (analyte == "NE" and order % 17 == 0)
                center, sigma = rt * drift, 0.08 + 0.005 * rt
                if found:
                    signal += tall * np.exp(-0.5 * ((minutes - center) / sigma) ** 2)
                level = 2.0 + 0.4 * np.exp(-center / 6)
                peak = {
                    "injection_id": name,
                    "run": run,
                    "channel": "ECD",
                    "analyte": analyte,
                    "found": found,
                    "reason": "" if found else "no peak in the window",
                    "rt_expected_min": rt,
                }
                if found:
                    peak |= {
                        "peak": place + 1,
                        "rt_min": center,
                        "start_min": center - 2.6 * sigma,
                        "end_min": center + 2.6 * sigma,
                        "baseline_start": level,
                        "baseline_end": level,
                        "area": tall * sigma * 60.0 * 2.5,
                        "height": tall,
                    }
                peaks.append(peak)
                conc.append(
                    {
                        "injection_id": name,
                        "run": run,
                        "order": order,
                        "type": kind,
                        "analyte": analyte,
                        "area": peak.get("area"),
                        "censored": not found,
                        "extrapolated": False,
                        "excluded": False,
                    }
                )
                if kind in ("standard", "qc") and analyte != "DHBA":
                    nominal = 1000.0 * height * amount
                    error = rng.normal(0, 5.0) + (30.0 if order == 3 and analyte == "DA" else 0.0)
                    points.append(
                        {
                            "run": run,
                            "analyte": analyte,
                            "injection_id": name,
                            "order": order,
                            "role": "cal" if kind == "standard" else "qc",
                            "amount_fmol": nominal,
                            "response": nominal * (1 + error / 100.0) / 500.0,
                            "back_fmol": nominal * (1 + error / 100.0),
                            "error_pct": error,
                            "used": kind == "standard" and order != 3,
                            "reason": "",
                        }
                    )
            traces.append(
                {
                    "injection_id": name,
                    "run": run,
                    "channel": "ECD",
                    "unit": "nA",
                    "start_s": 0.0,
                    "interval_s": 0.6,
                    "n_points": signal.size,
                    "signal": signal,
                    "sample_name": f"{kind[:3].upper()}{order}",
                }
            )
        for analyte, _, _ in ANALYTES:
            if analyte == "DHBA":
                continue
            failed = analyte == "NE" and number == 1
            lines.append(
                {
                    "run": run,
                    "analyte": analyte,
                    "status": "failed" if failed else "ok",
                    "reason": "2 levels where 3 are needed" if failed else "",
                    "internal_standard": "DHBA",
                    "slope": None if failed else 1 / 500.0,
                    "intercept": None if failed else 0.0,
                    "r2": None if failed else 0.9993,
                }
            )
        path = folder / f"{run}.parquet"
        TRACES.coerce(pd.DataFrame(traces)).to_parquet(path, index=False)
        paths.append(path)
    return QcStudy(
        traces=paths,
        peaks=PEAKS.validate(pd.DataFrame(peaks)),
        concentrations=CONCENTRATIONS.validate(pd.DataFrame(conc)),
        calibration=CALIBRATION.validate(pd.DataFrame(lines)),
        calibration_points=CALIBRATION_POINTS.validate(pd.DataFrame(points)),
        timecourse=TIMECOURSE.validate(timecourse),
        baseline=baseline_of(timecourse),
        injections=INJECTIONS.validate(pd.DataFrame(injections)),
    )


@pytest.mark.parametrize("name", ODD_STUDIES)
def test_odd_studies_fit_the_tables(name: str) -> None:
    study = odd_study(name)
    assert len(TIMECOURSE.validate(study.timecourse)) == len(study.timecourse)
    assert list(study.means.columns) == MEANS.column_names
