"""Results of a made-up study, as the other stages would write them, for the review page."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dialysis import files
from dialysis.decisions import Entry
from dialysis.files import write_bytes, write_json, write_text
from dialysis.provenance import sha256_text, write_sidecars
from dialysis.review import write_site
from dialysis.study.config import SECTIONS, default_section
from dialysis.study.groups import assign_groups, group_order
from dialysis.study.outcomes import Outcome, study_outcomes
from dialysis.tables import Table
from dialysis.tables.ingest import MANIFEST, TRACES
from dialysis.tables.inputs import (
    ANALYTES,
    ANIMALS,
    EXCLUSIONS,
    INJECTIONS,
    INTEGRATION_EVENTS,
    PROBES,
)
from dialysis.tables.integrate import PEAKS
from dialysis.tables.integrate import SUITABILITY as CHROMATOGRAPHY
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS
from dialysis.tables.quantify import SUITABILITY as RUN_CHECKS
from dialysis.tables.stats import ANOVA, AUC, CONTRASTS, EMMEANS, MEANS, OUTCOME_TABLES

N_BASELINE, N_POST, FRACTION_MIN = 4, 9, 20.0
N_POINTS, INTERVAL_S, WIDTH_MIN = 1800, 0.8, 0.3
HOSTILE = '<script>window.hacked = 1</script>"\'><img src=x onerror="window.hacked = 2">{{ 7 * 7 }}'
QC_FIGURES = ("runs", "calibration")


def png(width: int, height: int, grey: int = 220) -> bytes:
    """A PNG of one grey, written by hand."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\x00" + bytes([grey]) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def _write_checked(frame: pd.DataFrame, path: Path, table: Table) -> None:
    files.write_table(frame, path, table)


def _write_unchecked(frame: pd.DataFrame, path: Path, table: Table) -> None:
    coerced = table.coerce(frame)
    if path.suffix == ".parquet":
        path.parent.mkdir(parents=True, exist_ok=True)
        coerced.to_parquet(path, index=False)
    else:
        write_text(path, files.csv_text(coerced))


@dataclass
class StudyResults:
    """A study without a fault; a test plants one by changing a frame before `write`.

    Parameters
    ----------
    root : Path
        Results go to ``root/results``, the page to ``root/review``.
    animals_per_group, animals_per_run : int
        Groups are vehicle and two doses of one drug.
    analytes : tuple of str
        Measured ones; DHBA is the internal standard.
    """

    root: Path
    animals_per_group: int = 4
    animals_per_run: int = 4
    analytes: tuple[str, ...] = ("5-HT", "DA")
    warnings: list[str] = field(default_factory=list)
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    stats: dict[str, dict[str, pd.DataFrame]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    captions: dict[str, str] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)
    code: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(7)
        self.config = {name: default_section(name) for name in SECTIONS if name != "study"}
        self.config["study"] = {
            "title": "Made-up study",
            "region": "hippocampus",
            "species": "rat",
            "contact": "A. Person",
        }
        self._inputs()
        self._measured(rng)
        self._calibrated()
        self._normalized(rng)
        for outcome in self.outcomes:
            self._analysed(outcome, rng)

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def site(self) -> Path:
        return self.root / "review"

    @property
    def runs(self) -> list[str]:
        return list(dict.fromkeys(self.tables["injections"]["run"]))

    @property
    def outcomes(self) -> list[Outcome]:
        return study_outcomes(self.tables["analytes"], ["hippocampus"])

    def write(self, checked: bool = False, traces: bool = True) -> StudyResults:
        """Write every file a stage would have written; checking the schemas takes most time."""
        at = self.results
        write_table = _write_checked if checked else _write_unchecked
        for name, table, place in (
            ("timecourse", TIMECOURSE, "normalize/timecourse.csv"),
            ("baseline", BASELINE, "normalize/baseline.csv"),
            ("summary", SUMMARY, "normalize/summary.csv"),
            ("concentrations", CONCENTRATIONS, "quantify/concentrations.parquet"),
            ("calibration", CALIBRATION, "quantify/calibration.csv"),
            ("calibration_points", CALIBRATION_POINTS, "quantify/calibration_points.csv"),
            ("run_checks", RUN_CHECKS, "quantify/suitability.csv"),
        ):
            write_table(self.frames[name], at / place, table)
        for run in self.runs:
            if traces:
                write_table(self.traces(run), at / f"ingest/{run}/traces.parquet", TRACES)
            for name, table, place in (
                ("manifest", MANIFEST, f"ingest/{run}/manifest.csv"),
                ("peaks", PEAKS, f"integrate/{run}/peaks.parquet"),
                ("chromatography", CHROMATOGRAPHY, f"integrate/{run}/suitability.csv"),
            ):
                frame = self.frames[name]
                write_table(frame[frame["run"] == run], at / place, table)
        for slug, tables in self.stats.items():
            for table in OUTCOME_TABLES:
                frame = tables.get(table.name, table.empty())
                write_table(frame, at / "stats" / slug / f"{table.name}.csv", table)
            write_json(at / "stats" / slug / "model.json", self.models[slug])
            write_text(at / "stats" / slug / "results.md", self.results_text(slug))
            write_text(at / "stats" / slug / "methods.md", "A mixed model was fitted.\n")
            self._bundle(at / "figures" / slug, slug)
        for shade, name in enumerate(QC_FIGURES):
            write_bytes(at / f"figures/qc/{name}.png", png(900, 500, 200 + shade))
            write_bytes(at / f"figures/qc/{name}.pdf", b"%PDF-1.4\n")
        return self

    def write_site(self) -> list[Path]:
        """Write the review page."""
        return write_site(
            self.results,
            self.site,
            name="made-up",
            config=self.config,
            tables=self.tables,
            warnings=self.warnings,
            log=self.log,
            code=self.code,
        )

    def chunk(self, name: str) -> Any:
        """Data of a chunk of the site."""
        text = (self.site / "chunks" / f"{name}.js").read_text(encoding="utf-8")
        head = f"chunk({json.dumps(name)},"
        assert text.startswith(head) and text.endswith(");\n")
        return json.loads(text[len(head) : -3])

    def results_text(self, slug: str) -> str:
        return f"**{slug}.** The time course differed between groups (F(8, 33) = 4.2). More.\n"

    def traces(self, run: str) -> pd.DataFrame:
        """Gaussian peaks on a flat baseline, as PEAKS has them, with a little noise."""
        peaks = self.frames["peaks"]
        time = np.arange(N_POINTS) * INTERVAL_S / 60
        rows = []
        for number, (name, own) in enumerate(peaks[peaks["run"] == run].groupby("injection_id")):
            rng = np.random.default_rng(number)
            signal = 2.0 + rng.normal(0, 0.01, N_POINTS)
            for peak in own[own["found"].astype(bool)].itertuples():
                signal += peak.height * np.exp(
                    -4 * np.log(2) * ((time - peak.rt_min) / WIDTH_MIN) ** 2
                )
            rows.append({"injection_id": name, "run": run, "signal": signal})
        return TRACES.coerce(
            pd.DataFrame(rows).assign(
                channel="ECD", unit="nA", start_s=0.0, interval_s=INTERVAL_S, n_points=N_POINTS
            )
        )

    def html(self) -> str:
        """Text of the page."""
        return (self.site / "index.html").read_text(encoding="utf-8")

    def _bundle(self, folder: Path, slug: str) -> None:
        names = [f"{slug}_timecourse.{ending}" for ending in ("png", "svg", "pdf")]
        write_bytes(folder / names[0], png(800, 560))
        write_text(folder / names[1], "<svg xmlns='http://www.w3.org/2000/svg'/>\n")
        write_bytes(folder / names[2], b"%PDF-1.4\n")
        write_text(folder / f"{slug}_source_data.csv", "group,time_min\n")
        write_text(folder / "caption.md", self.captions[slug])
        write_bytes(folder / f"{slug}_timecourse_print.png", png(80, 56))
        figure = {"name": f"{slug}_timecourse", "title": "Percent of baseline against time"}
        figure |= {"alt": f"Time course of {slug}.", "caption": "caption.md"}
        table = {"file": f"{slug}_source_data.csv", "kind": "source data", "title": "Source data"}
        write_json(folder / "bundle.json", {"figures": [figure], "tables": [table]})
        outputs = [folder / name for name in (*names, f"{slug}_source_data.csv", "caption.md")]
        write_sidecars("figures", outputs, [], root=self.root)

    def _inputs(self) -> None:
        doses = (("vehicle", 0.0), ("mianserin", 2.0), ("mianserin", 5.0))
        animals = [
            {
                "animal_id": f"R{number:02d}",
                "drug": drug,
                "dose": dose,
                "dose_unit": "mg/kg",
                "route": "s.c.",
            }
            for number, (drug, dose) in enumerate(
                (dose for dose in doses for _ in range(self.animals_per_group)), start=1
            )
        ]
        injections: list[dict[str, Any]] = []
        names = [animal["animal_id"] for animal in animals]
        for start in range(0, len(names), self.animals_per_run):
            run = f"run{start // self.animals_per_run + 1}"
            planned: list[dict[str, Any]] = [{"type": "blank"}]
            planned += [{"type": "standard"}] * 8
            for name in names[start : start + self.animals_per_run]:
                planned += [
                    {"type": "sample", "animal_id": name, "fraction": number}
                    for number in range(1, N_BASELINE + N_POST + 1)
                ]
                planned.append({"type": "qc"})
            injections += [
                {
                    "injection_id": f"{run}_{order:03d}",
                    "run": run,
                    "order": order,
                    "injection_file": f"{run}/{order:03d}.cdf",
                    **row,
                }
                for order, row in enumerate(planned, start=1)
            ]
        analytes = [
            {"analyte": "DHBA", "rt_min": 7.2, "window_min": 0.4, "internal_standard": "itself"}
        ]
        analytes += [
            {"analyte": name, "rt_min": 9.0 + 2 * i, "window_min": 0.4, "internal_standard": "DHBA"}
            for i, name in enumerate(self.analytes)
        ]
        self.tables = {
            "animals": ANIMALS.coerce(pd.DataFrame(animals)),
            "probes": PROBES.empty(),
            "injections": INJECTIONS.coerce(pd.DataFrame(injections)),
            "analytes": ANALYTES.coerce(pd.DataFrame(analytes)),
            "exclusions": EXCLUSIONS.empty(),
            "integration_events": INTEGRATION_EVENTS.empty(),
        }

    def _measured(self, rng: np.random.Generator) -> None:
        injections = self.tables["injections"]
        names = list(self.tables["analytes"]["analyte"])
        expected = dict(zip(names, self.tables["analytes"]["rt_min"], strict=True))
        grid = injections.merge(pd.DataFrame({"analyte": names}), how="cross")
        blank = (grid["type"] == "blank").to_numpy()
        rt = grid["analyte"].map(expected) + rng.normal(0, 0.01, len(grid))
        area = np.where(blank, np.nan, rng.lognormal(3, 0.2, len(grid)))
        found = ~blank
        self.frames["peaks"] = PEAKS.coerce(
            pd.DataFrame(
                {
                    "injection_id": grid["injection_id"],
                    "run": grid["run"],
                    "peak": np.where(found, 1, np.nan),
                    "analyte": grid["analyte"],
                    "found": found,
                    "reason": np.where(found, "", "no peak in the window"),
                    "channel": "ECD",
                    "rt_expected_min": grid["analyte"].map(expected),
                    "rt_min": rt.where(found),
                    "start_min": (rt - WIDTH_MIN).where(found),
                    "end_min": (rt + WIDTH_MIN).where(found),
                    "baseline_start": np.where(found, 2.0, np.nan),
                    "baseline_end": np.where(found, 2.0, np.nan),
                    "width_min": np.where(found, WIDTH_MIN, np.nan),
                    "area": area,
                    "height": area / 10,
                    "snr_usp": area * 2,
                    "method": np.where(found, "trapezoid", ""),
                    "flags": "",
                }
            )
        )
        self.frames["concentrations"] = CONCENTRATIONS.coerce(
            pd.DataFrame(
                {
                    "injection_id": grid["injection_id"],
                    "run": grid["run"],
                    "order": grid["order"],
                    "type": grid["type"],
                    "analyte": grid["analyte"],
                    "area": area,
                    "fmol_on_column": area / 5,
                    "conc_nM": area / 100,
                    "lod_fmol": 0.8,
                    "censored": blank,
                    "extrapolated": False,
                    "excluded": False,
                    "reason": "",
                    "flags": "",
                }
            )
        )
        self.frames["chromatography"] = CHROMATOGRAPHY.coerce(
            pd.DataFrame(
                [
                    {
                        "run": run,
                        "analyte": name,
                        "type": kind,
                        "n": 10,
                        "n_found": 10,
                        "rt_mean_min": expected[name],
                        "rt_sd_min": 0.012,
                        "rt_drift_min": -0.031,
                        "tailing_median": 1.21,
                        "plates_median": 6120.4,
                        "resolution_median": 2.13,
                        "snr_usp_median": 41.7,
                        "flags": "",
                    }
                    for run in self.runs
                    for name in names
                    for kind in ("sample", "standard")
                ]
            )
        )
        self.frames["manifest"] = MANIFEST.coerce(
            pd.DataFrame(
                {
                    "injection_id": injections["injection_id"],
                    "run": injections["run"],
                    "channel": "ECD",
                    "file": injections["injection_file"],
                    "sha256": [sha256_text(name) for name in injections["injection_file"]],
                    "size_bytes": 36_864,
                    "format": "andi",
                    "injected_at": "2024-03-05T09:00:00",
                    "sample_name": injections["animal_id"],
                    "unit": "nA",
                    "n_points": 9000,
                    "interval_s": 0.2,
                    "first_s": 0.0,
                    "last_s": 1799.8,
                    "signal_min": 0.1,
                    "signal_max": 30.0,
                }
            )
        )

    def _calibrated(self) -> None:
        standards = self.tables["injections"].query("type == 'standard'")
        self.frames["calibration"] = CALIBRATION.coerce(
            pd.DataFrame(
                [
                    {
                        "run": run,
                        "analyte": name,
                        "status": "ok",
                        "model": "linear",
                        "response_kind": "area ratio",
                        "internal_standard": "DHBA",
                        "weight": "1/x",
                        "n_points": 8,
                        "n_levels": 8,
                        "slope": 0.0123456,
                        "intercept": -0.00098765,
                        "r2": 0.99912,
                        "low_fmol": 1.0,
                        "high_fmol": 100.0,
                        "max_abs_error_pct": 6.42,
                        "lod_fmol": 0.8,
                        "loq_fmol": 2.6,
                        "flags": "",
                    }
                    for run in self.runs
                    for name in self.analytes
                ]
            )
        )
        self.frames["calibration_points"] = CALIBRATION_POINTS.coerce(
            standards.merge(pd.DataFrame({"analyte": list(self.analytes)}), how="cross")[
                ["run", "analyte", "injection_id", "order"]
            ].assign(role="cal", amount_fmol=10.0, used=True)
        )
        self.frames["run_checks"] = RUN_CHECKS.coerce(
            pd.DataFrame(
                [
                    {
                        "run": run,
                        "analyte": name,
                        "rule": rule,
                        "value": 4.4,
                        "limit": 15.0,
                        "unit": "%",
                        "status": "PASS",
                    }
                    for run in self.runs
                    for name in self.analytes
                    for rule in ("qc_accuracy", "back_calculation")
                ]
            )
        )

    def _normalized(self, rng: np.random.Generator) -> None:
        samples = self.tables["injections"].query("type == 'sample'")
        groups = assign_groups(self.tables["animals"]).drop(columns=["sex", "cohort"])
        whole = []
        for outcome in self.outcomes:
            rows = samples[["injection_id", "animal_id", "fraction"]].merge(groups, on="animal_id")
            number = rows["fraction"].to_numpy(dtype=int)
            index = np.where(number <= N_BASELINE, number - N_BASELINE - 1, number - N_BASELINE)
            effect = np.where(index > 0, rows["dose"] / 5 * np.exp(-index / 4), 0.0)
            ratio = np.exp(effect + rng.normal(0, 0.08, len(rows)))
            rows = rows.assign(
                outcome=outcome.slug,
                probe_id=rows["animal_id"],
                outcome_label=outcome.label,
                kind=outcome.kind,
                analyte=outcome.analyte,
                region=outcome.region,
                start_min=(number - 1) * FRACTION_MIN,
                end_min=number * FRACTION_MIN,
                time_min=(number - N_BASELINE - 0.5) * FRACTION_MIN - 3.8,
                duration_min=FRACTION_MIN,
                period=np.where(index > 0, "post", "baseline"),
                time_index=index,
                conc=0.6 * ratio,
                conc_unit="nM",
                censored=False,
                below_loq=False,
                baseline=0.6,
                pct_of_baseline=100 * ratio,
                log_ratio=np.log(ratio),
                used=True,
                reason="",
                flags="",
            )
            whole.append(rows)
        table = TIMECOURSE.coerce(pd.concat(whole, ignore_index=True))
        self.frames["timecourse"] = table
        first = table.drop_duplicates(["outcome", "probe_id"])
        self.frames["baseline"] = BASELINE.coerce(
            first[["outcome", "animal_id", "probe_id", "group", "baseline", "conc_unit"]].assign(
                n_fractions=N_BASELINE,
                sd=0.05,
                cv_pct=8.3,
                trend_pct_per_fraction=-1.2,
                trend_p=0.41,
                last_jump_pct=2.0,
                stable=True,
                usable=True,
                reason="",
            )
        )
        subject = ["outcome", "animal_id", "probe_id", "group", "drug", "dose", "dose_unit"]
        self.frames["summary"] = SUMMARY.coerce(
            first[[*subject, "route", "control", "is_control"]].assign(
                window_start_min=0.0,
                window_end_min=180.0,
                n_fractions=N_POST,
                n_missing=0,
                auc_pct_min=21000.0,
            )
        )

    def _analysed(self, outcome: Outcome, rng: np.random.Generator) -> None:
        slug = outcome.slug
        rows = self.frames["timecourse"]
        rows = rows[rows["outcome"] == slug]
        cells = rows.groupby(["group", "time_index"], sort=True).agg(
            time_min=("time_min", "mean"),
            n=("animal_id", "nunique"),
            mean_pct=("pct_of_baseline", "mean"),
            sd_pct=("pct_of_baseline", "std"),
        )
        means = cells.reset_index().assign(outcome=slug, n_censored=0)
        means["sem_pct"] = means["sd_pct"] / np.sqrt(means["n"].astype(float))
        means["low_pct"] = means["mean_pct"] - 3 * means["sem_pct"]
        means["high_pct"] = means["mean_pct"] + 3 * means["sem_pct"]
        after = means[means["time_index"] > 0]
        compared = after[after["group"] != "vehicle"]
        p = rng.uniform(0.0001, 0.2, len(compared))
        ok = {"status": "ok", "reason": ""}
        contrasts = compared[["outcome", "group", "time_index", "time_min"]].assign(
            control="vehicle",
            ratio_pct=compared["mean_pct"],
            ratio_low_pct=compared["mean_pct"] * 0.8,
            ratio_high_pct=compared["mean_pct"] * 1.2,
            df=33.0,
            statistic=2.5,
            p=p / 10,
            p_within=p / 2,
            p_all=p,
            adjustment="dunnett",
            stars=np.where(p < 0.001, "***", np.where(p < 0.01, "**", np.where(p < 0.05, "*", ""))),
            **ok,
        )
        emmeans = after[["outcome", "group", "time_index", "time_min", "n"]].assign(
            mean_pct=after["mean_pct"], df=33.0, **ok
        )
        order = group_order(assign_groups(self.tables["animals"]))
        self.stats[slug] = {
            "anova": ANOVA.coerce(
                pd.DataFrame(
                    [
                        {"outcome": slug, "term": term, "num_df": df, "den_df": 33.0}
                        | {"statistic": 8.765, "p": 0.00043}
                        | ok
                        for term, df in (("group", 2), ("time", 8), ("group:time", 16))
                    ]
                )
            ),
            "contrasts": CONTRASTS.coerce(contrasts),
            "emmeans": EMMEANS.coerce(emmeans),
            "means": MEANS.coerce(means),
            "auc": AUC.coerce(
                pd.DataFrame(
                    [
                        {"outcome": slug, "group": group, "control": "vehicle"}
                        | {"n": self.animals_per_group, "mean_pct_min": 21234.5}
                        | ok
                        for group in order
                    ]
                )
            ),
        }
        self.models[slug] = {
            "formula": "log_ratio ~ group * time + log_baseline",
            "estimator": "REML",
            "df_method": "between animals",
            "variance_components": {"animal": 0.0123456, "residual": 0.0456789},
            "converged": True,
            "warnings": [],
        }
        self.captions[slug] = (
            f"# {outcome.label}\n\nPercent of baseline, mean with 95 % CI. "
            "\\* p < 0.05, \\*\\* p < 0.01.\n"
        )


def plant_faults(study: StudyResults) -> StudyResults:
    """One of everything that can go wrong, on a study with 5-HT, DA and NE."""
    frames = study.frames
    timecourse, baseline = frames["timecourse"], frames["baseline"]
    five_ht, da, ne = (outcome.slug for outcome in study.outcomes[:3])
    # A misplaced probe, decided by the lab.
    study.tables["exclusions"] = EXCLUSIONS.coerce(
        pd.DataFrame(
            [
                {
                    "level": "animal",
                    "id": "R02",
                    "reason_code": "histology",
                    "reason_text": "probe in the ventricle",
                    "decided_by": "A. Person",
                    "decided_on": "2024-03-20",
                    "blinded": "yes",
                }
            ]
        )
    )
    out = timecourse["animal_id"] == "R02"
    timecourse.loc[out, "used"] = False
    timecourse.loc[out, "reason"] = "animal excluded: histology, probe in the ventricle"
    # A lost vial.
    lost = (timecourse["animal_id"] == "R03") & (timecourse["fraction"] == 9)
    timecourse.loc[lost, ["injection_id", "reason"]] = ["", "no sample: the fraction is missing"]
    timecourse.loc[lost, ["conc", "pct_of_baseline", "log_ratio"]] = np.nan
    timecourse.loc[lost, "used"] = False
    # An unstable baseline that stays in.
    odd = (baseline["outcome"] == five_ht) & (baseline["probe_id"] == "R05")
    baseline.loc[odd, "cv_pct"] = 31.0
    baseline.loc[odd, "stable"] = False
    baseline.loc[odd, "reason"] = "CV 31 % is above 20 %"
    # Dopamine: many values below the limit, and a singular fit.
    low = (timecourse["outcome"] == da) & (timecourse["fraction"] % 3 == 0)
    timecourse.loc[low, "censored"] = True
    ids = set(timecourse.loc[low, "injection_id"])
    concentrations = frames["concentrations"]
    hidden = (concentrations["analyte"] == "DA") & concentrations["injection_id"].isin(ids)
    concentrations.loc[hidden, "censored"] = True
    study.stats[da]["anova"][["status", "reason"]] = ["singular", "animal variance is zero"]
    # Noradrenaline: no calibration anywhere, therefore nothing else.
    calibration = frames["calibration"]
    failed = calibration["analyte"] == "NE"
    calibration.loc[failed, ["status", "reason"]] = ["failed", "1 level; expected at least 3"]
    calibration.loc[failed, ["slope", "intercept", "r2"]] = np.nan
    gone = timecourse["outcome"] == ne
    timecourse.loc[gone, "used"] = False
    timecourse.loc[gone, "reason"] = "calibration failed"
    timecourse.loc[gone, ["conc", "pct_of_baseline", "log_ratio"]] = np.nan
    gone = baseline["outcome"] == ne
    baseline.loc[gone, "usable"] = False
    baseline.loc[gone, ["baseline", "cv_pct"]] = np.nan
    baseline.loc[gone, "reason"] = "no fraction of the baseline has a value"
    for name in ("anova", "contrasts", "emmeans", "auc"):
        study.stats[ne][name][["status", "reason"]] = ["failed", "no values"]
    study.stats[ne]["contrasts"][["ratio_pct", "p", "p_within", "p_all"]] = np.nan
    study.stats[ne]["contrasts"]["stars"] = ""
    # A run outside its limits.
    checks = frames["run_checks"]
    bad = (checks["run"] == "run1") & (checks["rule"] == "qc_accuracy")
    bad &= checks["analyte"] == "5-HT"
    checks.loc[bad, ["value", "status"]] = [22.5, "WARN"]
    # Peaks with flags, one not found, one integrated by hand.
    peaks = frames["peaks"]
    own = (peaks["analyte"] == "5-HT") & (peaks["injection_id"] == "run1_012")
    peaks.loc[own, "flags"] = "unresolved;spike"
    own = (peaks["analyte"] == "DA") & (peaks["injection_id"] == "run1_013")
    peaks.loc[own, "found"] = False
    peaks.loc[own, "reason"] = "no peak in the window 10.6 to 11.4 min"
    own = (peaks["analyte"] == "5-HT") & (peaks["injection_id"] == "run1_014")
    peaks.loc[own, "method"] = "manual"
    peaks.loc[own, "area_auto"] = 12.5
    study.warnings = [
        "config/made-up/injections.csv, row 12: found a gap of 3 min between fractions"
    ]
    return study


def plant_hostile_texts(study: StudyResults) -> StudyResults:
    """Put HTML wherever a text of a lab or an instrument reaches the page."""
    study.config["study"] |= {"title": HOSTILE, "contact": HOSTILE, "species": HOSTILE}
    study.warnings = [HOSTILE]
    for name in ("reason", "flags"):
        study.frames["timecourse"].loc[0, name] = HOSTILE
        study.frames["peaks"].loc[20, name] = HOSTILE
    study.frames["timecourse"].loc[0, "used"] = False
    study.frames["manifest"]["sample_name"] = HOSTILE
    study.frames["manifest"]["file"] = [f"{HOSTILE}{i}" for i in study.frames["manifest"].index]
    study.frames["calibration"].loc[0, ["status", "reason"]] = ["failed", HOSTILE]
    study.frames["run_checks"].loc[0, ["status", "reason"]] = ["WARN", HOSTILE]
    study.tables["exclusions"] = EXCLUSIONS.coerce(
        pd.DataFrame(
            [
                {"level": "animal", "id": "R02", "reason_code": "other"}
                | {"reason_text": HOSTILE, "decided_by": HOSTILE, "decided_on": "2024-03-20"}
            ]
        )
    )
    study.tables["integration_events"] = INTEGRATION_EVENTS.coerce(
        pd.DataFrame(
            [
                {"injection_id": "run1_012", "analyte": "DA", "event": "delete_peak"}
                | {"reason": HOSTILE, "decided_by": HOSTILE, "decided_on": "2024-03-20"}
            ]
        )
    )
    for slug, model in study.models.items():
        model[HOSTILE] = HOSTILE
        model["warnings"] = [HOSTILE]
        study.captions[slug] = f"# {HOSTILE}\n\n**{HOSTILE}** and `{HOSTILE}`\n\n- {HOSTILE}\n"
        study.stats[slug]["anova"].loc[0, ["status", "reason"]] = ["singular", HOSTILE]
        study.stats[slug]["anova"].loc[1, "term"] = HOSTILE
    return study
