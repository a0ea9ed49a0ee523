"""Other programs on the traces of the test bed: areas, missed and extra peaks, time.

Run as ``python benchmarks/peers.py``.  Each peer has an environment of its own (made with venv and
pip under ``--envs`` when it is not there) and runs as a subprocess on the same samples, which it
gets as an .npz file, or as ANDI files where it reads only files.  A peer that can't be installed or
fails is left out, with the reason.  Times are CPU per chromatogram after start-up and one warm-up.

Peers find all peaks by themselves; each true peak takes the nearest found one within 0.25 min.
Their settings were chosen on other seeds.  The same samples are measured by
`dialysis.integrate` as part of a run with ten standards to learn from; its time is that of the
whole run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import venv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

START_MIN = 3.9
NEAR_MIN = 0.25
SEED = 50_001
PACKAGES = {
    "hplc-py": "hplc-py==0.2.8",
    "openreadout": "openreadout==0.4.0",
    "pyopenms": "pyopenms",
}
Peaks = list[tuple[float, float]]


def at_1_hz(times_s: np.ndarray, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over a second, after the solvent front."""
    every = max(1, round(1.0 / float(times_s[1] - times_s[0])))
    n = times_s.size // every
    seconds, means = (x[: n * every].reshape(n, every).mean(axis=1) for x in (times_s, signal))
    after = seconds > 60 * START_MIN
    return seconds[after], means[after]


def hplc_py(times_s: np.ndarray, signal: np.ndarray, path: str) -> Peaks:
    """hplc-py: SNIP baseline and skew-normal peaks, at 1 Hz (10 Hz takes twenty times as long)."""
    import pandas as pd
    from hplc.quant import Chromatogram

    seconds, means = at_1_hz(times_s, signal)
    chromatogram = Chromatogram(pd.DataFrame({"time": seconds / 60, "signal": means}))
    found = chromatogram.fit_peaks(prominence=0.01, approx_peak_width=1.5, buffer=10, verbose=False)
    step_s = float(np.mean(np.diff(seconds)))
    return [
        (float(rt), float(area) * step_s)
        for rt, area in zip(found["retention_time"], found["area"], strict=True)
    ]


def openreadout(baseline: str) -> Callable[[np.ndarray, np.ndarray, str], Peaks]:
    """openreadout on an ANDI file, reading included."""

    def run(times_s: np.ndarray, signal: np.ndarray, path: str) -> Peaks:
        import openreadout as program

        options = {"baseline": baseline, "rt_range": [START_MIN, 30.0]}
        found = program.analyze(path, "peaks", **options)["chromatograms"][0]["peaks"]
        return [(float(p["rt_min"]), 60 * float(p["area"])) for p in found]

    return run


def pyopenms(times_s: np.ndarray, signal: np.ndarray, path: str) -> Peaks:
    """pyOpenMS at 1 Hz: PeakPickerChromatogram for the limits, PeakIntegrator for the areas."""
    import pyopenms as program

    seconds, means = at_1_hz(times_s, signal)
    chromatogram = program.MSChromatogram()
    chromatogram.set_peaks((seconds, means))
    picker = program.PeakPickerChromatogram()
    options = picker.getParameters()
    options.setValue("gauss_width", 10.0)
    options.setValue("method", "corrected")
    options.setValue("signal_to_noise", 0.1)
    picker.setParameters(options)
    picked = program.MSChromatogram()
    picker.pickChromatogram(chromatogram, picked)
    integrator = program.PeakIntegrator()
    options = integrator.getParameters()
    options.setValue("integration_type", "trapezoid")
    options.setValue("baseline_type", "vertical_division_min")
    integrator.setParameters(options)
    apexes, _ = picked.get_peaks()
    arrays = {array.getName(): array.get_data() for array in picked.getFloatDataArrays()}
    out: Peaks = []
    for apex, left, right in zip(apexes, arrays["leftWidth"], arrays["rightWidth"], strict=True):
        area = integrator.integratePeak(chromatogram, float(left), float(right))
        background = integrator.estimateBackground(
            chromatogram, float(left), float(right), area.apex_pos
        )
        # A tenth of the smallest peak's height, as what is noise has to be left out somewhere.
        if area.height - background.height > 0.03:
            out.append((float(apex) / 60, float(area.area - background.area)))
    return out


RUNS: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray, str], Peaks]]] = {
    "hplc-py, 1 Hz": ("hplc-py", hplc_py),
    "openreadout, auto": ("openreadout", openreadout("auto")),
    "openreadout, tangent": ("openreadout", openreadout("tangent")),
    "pyOpenMS, 1 Hz": ("pyopenms", pyopenms),
}


def work(name: str, data: Path, out: Path) -> None:
    """Run one peer on all traces, in its own environment."""
    warnings.simplefilter("ignore")
    run = RUNS[name][1]
    with np.load(data) as file:
        times_s, signals, paths = file["times_s"], file["signals"], file["paths"]
    run(times_s, signals[0], str(paths[0]))
    results: list[dict[str, Any]] = []
    for signal, path in zip(signals, paths, strict=True):
        start = time.process_time()
        try:
            peaks, failed = run(times_s, signal, str(path)), ""
        except Exception as error:
            # A peer that breaks on a trace has missed its peaks; its own words are shown.
            peaks, failed = [], f"{type(error).__name__}: {error}".splitlines()[0][:100]
        spent = time.process_time() - start
        results.append({"peaks": peaks, "ms": 1e3 * spent, "failed": failed})
    out.write_text(json.dumps(results), encoding="utf-8")


def environment(package: str, folder: Path) -> tuple[Path | None, str]:
    """The interpreter of a peer's environment, made when it is not there, or why there is none."""
    home = folder / package
    python = home / "bin" / "python"
    if not python.is_file():
        venv.create(home, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", PACKAGES[package]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        return None, (lines or done.stderr.splitlines() or ["pip failed"])[-1]
    return python, ""


def score(results: list[dict[str, Any]], truths: list[list[tuple[str, float, float]]]) -> Any:
    """Errors in % by analyte, and how many peaks were missed or are extra."""
    import pandas as pd

    rows, extra = [], 0
    for result, truth in zip(results, truths, strict=True):
        found = [(rt, area) for rt, area in result["peaks"] if rt > START_MIN]
        free = set(range(len(found)))
        for analyte, rt, area in truth:
            near = min(free, key=lambda i: abs(found[i][0] - rt), default=None)
            if near is None or abs(found[near][0] - rt) > NEAR_MIN:
                rows.append((analyte, np.nan))
                continue
            free.discard(near)
            rows.append((analyte, 100 * (found[near][1] / area - 1)))
        extra += len(free)
    table = pd.DataFrame(rows, columns=["analyte", "error"])
    median = table.groupby("analyte", sort=False)["error"].apply(lambda e: e.abs().median())
    return {
        "median": table["error"].abs().median(),
        "p95": table["error"].abs().quantile(0.95),
        "missed": int(table["error"].isna().sum()),
        "extra": extra,
        **median.to_dict(),
        "ms": float(np.median([r["ms"] for r in results])),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100, help="samples (default 100)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed (default {SEED})")
    parser.add_argument("--family", default="emg", help="peak shape (default emg)")
    parser.add_argument(
        "--envs",
        type=Path,
        default=Path(tempfile.gettempdir()) / "dialysis-peers",
        help="folder of the peers' environments",
    )
    parser.add_argument("--work", nargs=3, metavar=("NAME", "DATA", "OUT"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        name, data, out = chosen.work
        work(name, Path(data), Path(out))
        return
    import pandas as pd
    from integration import N_STANDARDS, integrate_bed

    from dialysis.simulate.exports import InjectionHeader, write_andi
    from dialysis.simulate.testbed import BedSettings, simulate_bed

    bed = simulate_bed(chosen.seed, chosen.n, N_STANDARDS, BedSettings(family=chosen.family))
    truths = [
        [(row.analyte, row.rt_min, row.area_nA_s) for row in sample.peaks.itertuples()]
        for sample in bed.samples
    ]
    lines: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        header = InjectionHeader("s", "unknown", "1", "2024-01-01T00:00:00+00:00", 20.0, "bed")
        paths = []
        for number, sample in enumerate(bed.samples):
            paths.append(str(folder / f"{number:04d}.cdf"))
            write_andi(sample, header, Path(paths[-1]))
        np.savez(
            folder / "traces.npz",
            times_s=bed.samples[0].chromatogram.times_s,
            signals=np.array([sample.chromatogram.signal for sample in bed.samples]),
            paths=np.array(paths),
        )
        pythons = {package: environment(package, chosen.envs) for package in PACKAGES}
        for name, (package, _) in RUNS.items():
            python, reason = pythons[package]
            if python is None:
                skipped[name] = f"can't be installed: {reason}"
                continue
            out = folder / "out.json"
            command = [str(python), __file__, "--work", name, str(folder / "traces.npz"), str(out)]
            variables = {
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "PATH": "/usr/bin:/bin",
            }
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=variables
            )
            if done.returncode:
                skipped[name] = f"fails: {(done.stderr.splitlines() or ['?'])[-1]}"
                continue
            results = json.loads(out.read_text(encoding="utf-8"))
            lines[name] = score(results, truths)
            broken = [r["failed"] for r in results if r["failed"]]
            if broken:
                skipped[f"{name} on {len(broken)} traces"] = f"fails: {broken[0]}"
    integrate_bed(bed)  # the warm-up that the peers have too
    start = time.process_time()
    own = integrate_bed(bed)
    spent = 1e3 * (time.process_time() - start) / (chosen.n + N_STANDARDS)
    for name, column in (
        ("dialysis, learned", "area_fit"),
        ("dialysis, classical", "area_classical"),
    ):
        parts = own.groupby("injection_id", sort=True)
        results = [
            {
                "peaks": [
                    (rt, area)
                    for rt, area in zip(part["true_rt_min"], part[column], strict=True)
                    if np.isfinite(area)
                ],
                "ms": spent,
            }
            for _, part in parts
        ]
        lines[name] = score(results, truths)
    print(f"{chosen.n} samples, {chosen.family}, seed {chosen.seed}; errors in %, CPU in ms")
    print(pd.DataFrame(lines).T.round(2).to_string())
    for name, reason in skipped.items():
        print(f"{name}: {reason}")


if __name__ == "__main__":
    main()
