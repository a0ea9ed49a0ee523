"""Area errors and speed of the integration on the simulated test bed.

Run as ``python benchmarks/integration.py``.  Prints one table per peak shape: median and 95th
percentile of the absolute area error, bias (median error) and the spread of error/standard
error, of `dialysis.integrate` and of the floor: `scipy.signal.find_peaks` on the smoothed trace
and the area above the chord between the bases it reports.  Options are in ``--help``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, peak_widths

from dialysis.chromatogram import Chromatogram
from dialysis.integrate import IntegrationMethod, Target, area_between, integrate
from dialysis.integrate.analysis import analyse_trace
from dialysis.simulate.testbed import (
    BED_PEAKS,
    DEMO_PEAKS,
    INTERNAL_STANDARD,
    BedSettings,
    PeakModel,
    simulate_bed,
)
from dialysis.simulate.trace import Recording, SimulatedTrace

START_MIN = 3.9
WINDOW_MIN = 0.38


def method_for(peaks: Sequence[PeakModel]) -> IntegrationMethod:
    """The ordinary method of the test bed: windows of ± 0.38 min relative to DHBA."""
    targets = tuple(
        Target(p.analyte, p.rt_min, WINDOW_MIN, internal_standard=p.analyte == INTERNAL_STANDARD)
        for p in peaks
    )
    return IntegrationMethod(targets=targets, start_min=START_MIN)


def floor(chromatogram: Chromatogram, peaks: Sequence[PeakModel]) -> pd.DataFrame:
    """Find peaks on the smoothed trace and take the area above the chord between their bases."""
    times_s, signal = chromatogram.times_s, chromatogram.signal
    smoothed = gaussian_filter1d(signal, 2.0 / chromatogram.interval_s)
    apexes, _ = find_peaks(smoothed, prominence=0.03)
    apexes = apexes[times_s[apexes] > 60 * START_MIN]
    _, _, left, right = peak_widths(smoothed, apexes, rel_height=0.98)
    rows = []
    for model in peaks:
        away = np.abs(times_s[apexes] - 60 * model.rt_min)
        if not apexes.size or away.min() > 60 * WINDOW_MIN:
            rows.append((model.analyte, float("nan"), float("nan")))
            continue
        i = int(np.argmin(away))
        start, end = np.interp([left[i], right[i]], np.arange(times_s.size), times_s)
        base = np.interp([start, end], times_s, smoothed)
        area = area_between(times_s, signal, start, end, float(base[0]), float(base[1]))
        rows.append((model.analyte, area, float("nan")))
    return pd.DataFrame(rows, columns=["analyte", "area", "area_se"])


def errors(
    traces: Sequence[SimulatedTrace], run: Callable[[Chromatogram], pd.DataFrame]
) -> pd.DataFrame:
    """Area errors of a method, %, with their standard errors; NaN where nothing was found."""
    parts = []
    for number, trace in enumerate(traces):
        found = run(trace.chromatogram)[["analyte", "area", "area_se"]]
        both = trace.peaks.merge(found[found["analyte"] != ""], on="analyte", how="left")
        parts.append(
            pd.DataFrame(
                {
                    "trace": number,
                    "analyte": both["analyte"],
                    "error_pct": 100 * (both["area"] / both["area_nA_s"] - 1),
                    "z": (both["area"] - both["area_nA_s"]) / both["area_se"],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row per analyte and one for all."""
    groups = [*table.groupby("analyte", sort=False), ("all", table)]
    rows = [
        {
            "analyte": name,
            "missed": int(group["error_pct"].isna().sum()),
            "median_abs_pct": group["error_pct"].abs().median(),
            "p95_abs_pct": group["error_pct"].abs().quantile(0.95),
            "bias_pct": group["error_pct"].median(),
            "z_sd": group["z"].std(),
        }
        for name, group in groups
    ]
    return pd.DataFrame(rows).set_index("analyte")


def cpu_ms(traces: Sequence[SimulatedTrace], run: Callable[[Chromatogram], object]) -> float:
    """Median CPU time of a method per chromatogram, ms, once everything is imported."""
    chromatograms = [trace.chromatogram for trace in traces]
    run(chromatograms[0])
    spent = []
    for chromatogram in chromatograms:
        start = time.process_time()
        run(chromatogram)
        spent.append(1e3 * (time.process_time() - start))
    return float(np.median(spent))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100, help="chromatograms (default 100)")
    parser.add_argument("--seed", type=int, default=20_001, help="seed (default 20001)")
    parser.add_argument(
        "--demo", action="store_true", help="7,200 points at 5 Hz with 5-HIAA, as in the demo"
    )
    parser.add_argument(
        "--family",
        nargs="+",
        default=["emg"],
        choices=["emg", "skew_normal", "two_exponential"],
        help="peak shapes (default emg)",
    )
    chosen = parser.parse_args()
    peaks = DEMO_PEAKS if chosen.demo else BED_PEAKS
    settings = BedSettings(peaks=peaks)
    if chosen.demo:
        settings = replace(settings, recording=Recording(n_points=7_200, interval_s=0.2))
    method = method_for(peaks)
    for family in chosen.family:
        bed = simulate_bed(chosen.seed, chosen.n, 0, replace(settings, family=family))
        methods: dict[str, Callable[[Chromatogram], pd.DataFrame]] = {
            "dialysis.integrate": lambda c: integrate(c, method),
            "find_peaks floor": lambda c: floor(c, peaks),
        }
        for name, run in methods.items():
            print(f"\n{name}, {family}, {chosen.n} × {settings.recording.n_points} points")
            print(summary(errors(bed.samples, run)).round(2).to_string())
    core = cpu_ms(bed.samples, lambda c: analyse_trace(c, method, "trace"))
    base = cpu_ms(bed.samples, lambda c: floor(c, peaks))
    whole = cpu_ms(bed.samples, lambda c: integrate(c, method))
    print(
        f"\nCPU per chromatogram: {core:.1f} ms (with the table of a single trace {whole:.1f} ms), "
        f"find_peaks floor {base:.1f} ms"
    )


if __name__ == "__main__":
    main()
