"""Learn from the traces of a run and fit all of them, where that can be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.integrate.alignment import RunningMean
from dialysis.integrate.analysis import Peak, TraceAnalysis
from dialysis.integrate.blocks import BoolArray
from dialysis.integrate.detection import IntArray
from dialysis.integrate.identification import Assignment
from dialysis.integrate.learning import PeakGuess, RunModel, learn
from dialysis.integrate.method import IntegrationMethod
from dialysis.integrate.shapes import shape_values
from dialysis.integrate.targeted import TargetedFit, align, fit_targets
from dialysis.integrate.unknowns import NEAR_WIDTHS

# A model is learned from at least and at most so many traces.
FEWEST, MOST = 3, 20
# Fewest traces in which a peak must be found for its time and width to be learned from them.
FEWEST_FOUND = 2
# A peak that is no target but stands in this part of the traces, so large, at the same relative
# time (to this part of its width) is learned and fitted with them.
STANDING_PART, STANDING_SNR, SAME_PLACE = 0.6, 10.0, 0.5
# A model whose widths left those of the peaks by this factor has learned something else.
WIDEST_CHANGE = 3.0
# Full width at half height of a Gaussian in standard deviations.
FWHM = 2.3548200450309493
# Fitted peaks are drawn from and to these many widths from the Gaussian's mean.
DRAWN_FROM, DRAWN_TO, DRAWN_STEP = -4.0, 8.0, 0.04
# Limits of a fitted peak that no classical one gives, in widths about the Gaussian's mean.
START_WIDTHS, END_WIDTHS = -3.0, 4.5
# Traces must be sampled as the model's were, to this part.
STEP_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class TraceInRun:
    """A trace with what was found on it classically."""

    analysis: TraceAnalysis
    assignments: tuple[Assignment, ...]
    factor: float
    type: str


@dataclass(frozen=True)
class FittedPeak:
    """A peak of the learned shape in one trace; times in s, signal in the trace's unit.

    Parameters
    ----------
    rt_s, height, width_s, tailing : float
        Apex, its height, full width at half height, USP tailing of the fitted peak.
    start_s, end_s, baseline_start, baseline_end : float
        Where it is significant, and the fitted baseline there.
    area, area_se : float
        Area and its standard error.
    misfit : float
        Root mean square of the residuals around it over the noise.
    window_misfit : float
        The same of all that was fitted with it.
    expected_s : float
        Where its apex was expected.
    resolution : float
        To the nearer fitted neighbour; NaN when alone.
    coeluting : bool
        Whether an unknown peak overlaps it.
    group : int
        Peaks of a group were fitted together.
    peak_to_peak : float
        Peak-to-peak noise h there; NaN when it is not known.
    """

    rt_s: float
    height: float
    width_s: float
    tailing: float
    start_s: float
    end_s: float
    baseline_start: float
    baseline_end: float
    area: float
    area_se: float
    misfit: float
    window_misfit: float
    expected_s: float
    resolution: float
    coeluting: bool
    group: int
    peak_to_peak: float

    @property
    def significance(self) -> float:
        """Area in standard errors."""
        return self.area / self.area_se if self.area_se > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class TraceFit:
    """The fitted targets of a trace by analyte, and fitted peaks that are no targets."""

    peaks: dict[str, FittedPeak]
    extra: tuple[FittedPeak, ...]


NO_FIT = TraceFit({}, ())


def learn_run(traces: Sequence[TraceInRun], method: IntegrationMethod) -> RunModel | None:
    """Learn the peak shapes of a run, from its standards if there are enough.

    Returns
    -------
    RunModel or None
        None when fewer than three traces show at least half of the targets, or what was learned
        is none of the peaks.
    """
    fit_for = [
        i
        for i, trace in enumerate(traces)
        if trace.analysis.baseline is not None
        and not trace.analysis.gaps
        and trace.type != "blank"
        and 2 * sum(a.peak is not None for a in trace.assignments) >= len(trace.assignments)
    ]
    if not fit_for:
        return None
    steps = np.array([_step_s(traces[i].analysis) for i in fit_for])
    usual = float(np.median(steps))
    fit_for = [
        i for i, s in zip(fit_for, steps, strict=True) if abs(s / usual - 1) < STEP_TOLERANCE
    ]
    standards = [i for i in fit_for if traces[i].type == "standard"]
    chosen = standards if len(standards) >= FEWEST else fit_for
    if len(chosen) < FEWEST:
        return None
    if len(chosen) > MOST:
        chosen = [chosen[k] for k in np.linspace(0, len(chosen) - 1, MOST).round().astype(int)]
    used = [traces[i] for i in chosen]
    factors = np.array([trace.factor for trace in used])
    typical = float(np.median(factors))
    guess = _guess(used, method, factors / typical)
    if guess is None:
        return None
    first_s = max(trace.analysis.first_s for trace in used)
    last_s = min(trace.analysis.last_s for trace in used)
    fronts = [
        trace.analysis.baseline.front_s
        for trace in used
        if trace.analysis.baseline is not None and trace.analysis.baseline.front_s is not None
    ]
    front_s = float(np.median(fronts)) if 2 * len(fronts) > len(used) else None
    running = [_running(trace.analysis) for trace in used]
    model = learn(running, factors / typical, guess, first_s, last_s, front_s)
    change = np.abs(np.log(model.width_s / guess.sigma_s))
    return model if np.all(change < np.log(WIDEST_CHANGE)) else None


def fit_run(
    model: RunModel, traces: Sequence[TraceInRun], method: IntegrationMethod
) -> list[TraceFit]:
    """Fit the targets in all traces of a run.

    A group of peaks whose window holds a gap or a clipped peak, or reaches beyond the trace, is
    left out.
    """
    usable = [i for i, trace in enumerate(traces) if _same_sampling(trace.analysis, model)]
    out = [NO_FIT] * len(traces)
    if not usable:
        return out
    running = [_running(traces[i].analysis) for i in usable]
    expected = _expected_factors(model, [traces[i] for i in usable], method)
    factors = align(model, running, method.max_shift_pct / 100, expected)
    fitted = fit_targets(model, running, factors)
    measured = measure(model, fitted)
    for row, i in enumerate(usable):
        out[i] = _trace_fit(model, fitted, measured, row, traces[i])
    return out


@dataclass(frozen=True, eq=False)
class Measures:
    """Measures of fitted peaks, all of shape (B, J); times in s, `height` of a peak of area 1."""

    rt_s: FloatArray
    height: FloatArray
    width_s: FloatArray
    tailing: FloatArray


def measure(model: RunModel, fitted: TargetedFit) -> Measures:
    """Apex, height, width and tailing of fitted peaks."""
    return _measure(model, fitted.mu_s, fitted.ln_sigma, fitted.ln_tau)


def _measure(
    model: RunModel, mu_s: FloatArray, ln_sigma: FloatArray, ln_tau: FloatArray
) -> Measures:
    sigma, tau = np.exp(ln_sigma), np.exp(ln_tau)
    scale = np.hypot(sigma, tau)[..., None]
    u = np.arange(DRAWN_FROM, DRAWN_TO, DRAWN_STEP)
    values = shape_values(
        u * scale, np.zeros_like(scale), sigma[..., None], tau[..., None], model.correction
    ).value
    top = np.argmax(values, axis=-1)[..., None]
    left, middle, right = (np.take_along_axis(values, top + k, -1)[..., 0] for k in (-1, 0, 1))
    offset = 0.5 * (left - right) / (left - 2 * middle + right)
    height = middle - 0.25 * (left - right) * offset
    apex = (u[top[..., 0]] + offset * DRAWN_STEP) * scale[..., 0]
    half_left, half_right = _crossings(values, u, 0.5 * height)
    low_left, low_right = _crossings(values, u, 0.05 * height)
    width = (half_right - half_left) * scale[..., 0]
    front = apex - low_left * scale[..., 0]
    tailing = (low_right - low_left) * scale[..., 0] / (2 * front)
    return Measures(mu_s + apex, height, width, tailing)


def _crossings(
    values: FloatArray, u: FloatArray, level: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where peaks rise above and fall below a level, in units of u."""
    above = values >= level[..., None]
    first = np.argmax(above, axis=-1)
    last = values.shape[-1] - 1 - np.argmax(above[..., ::-1], axis=-1)
    first, last = np.clip(first, 1, None), np.clip(last, None, values.shape[-1] - 2)

    def between(low: IntArray) -> FloatArray:
        a = np.take_along_axis(values, low[..., None], -1)[..., 0]
        b = np.take_along_axis(values, low[..., None] + 1, -1)[..., 0]
        part = np.clip((level - a) / np.where(a == b, 1.0, b - a), 0, 1)
        out: FloatArray = u[low] + part * DRAWN_STEP
        return out

    return between(first - 1), between(last)


def _trace_fit(
    model: RunModel, fitted: TargetedFit, measured: Measures, row: int, trace: TraceInRun
) -> TraceFit:
    """Fitted peaks of one trace, without the groups that can't be trusted there."""
    found = {a.target.analyte: a for a in trace.assignments}
    peaks = trace.analysis.peaks
    clipped = {
        name
        for name, a in found.items()
        if a.peak is not None and {"clipped", "gap"} & set(peaks[a.peak].flags)
    }
    tau = np.exp(fitted.ln_tau[row])
    scale = np.hypot(np.exp(fitted.ln_sigma[row]), tau)
    extra_here = fitted.extra[row]
    extra = [
        _measure(
            model,
            np.array([peak.mu_s]),
            np.log(np.array([peak.sigma_s])),
            np.log(np.array([peak.tau_s])),
        )
        for peak in extra_here
    ]
    drawn = Measures(**{name: values[row] for name, values in vars(measured).items()})
    times = np.concatenate([measured.rt_s[row], *[m.rt_s for m in extra]])
    widths = np.concatenate([measured.width_s[row], *[m.width_s for m in extra]])
    areas = np.concatenate([fitted.area[row], [peak.area for peak in extra_here]])
    errors = np.concatenate([fitted.area_se[row], [peak.area_se for peak in extra_here]])
    there = areas > 3 * errors
    resolution = _resolution(times, widths, there)
    noise = trace.analysis.peak_to_peak_at(times, widths)
    expected = fitted.factor[row] * (measured.rt_s[row] - fitted.mu_s[row] + model.mu_s)
    out: dict[str, FittedPeak] = {}
    others: list[FittedPeak] = []
    n_learned = len(model.names)
    standing = [j for j, name in enumerate(model.names) if not name and there[j]]
    for number, group in enumerate(model.groups):
        start = float(fitted.starts_s[row, number])
        end = start + group.n * group.block_s
        last = float(trace.analysis.times_s[-1])
        broken = any(a < end and b > start for a, b in trace.analysis.gaps)
        names = [model.names[j] for j in group.members]
        # A window that was moved out of a gap no longer holds its peaks.
        moved = any(not start < expected[j] < end for j in group.members)
        if broken or moved or end > last + group.block_s or clipped & set(names):
            continue

        def baseline(at_s: float, number: int = number, start: float = start) -> float:
            return _baseline_at(model, fitted, row, number, at_s - start)

        in_window = float(fitted.window_misfit[row, group.members[0]])
        # A standing peak that is not in this trace is no peak of it.
        members = [(j, model.names[j]) for j in group.members if model.names[j] or there[j]]
        members += [
            (n_learned + k, "") for k, peak in enumerate(extra_here) if peak.group == number
        ]
        for j, name in members:
            if j < n_learned:
                one, at, mu, spread = drawn, j, fitted.mu_s[row, j], scale[j]
                misfit, crowded = float(fitted.misfit[row, j]), bool(fitted.crowded[row, j])
                away = [abs(peak.mu_s - mu) / spread for peak in extra_here]
                away += [abs(fitted.mu_s[row, k] - mu) / spread for k in standing if k != j]
                crowded = crowded or any(distance < NEAR_WIDTHS for distance in away)
            else:
                one, at = extra[j - n_learned], 0
                mu = extra_here[j - n_learned].mu_s
                spread = np.hypot(
                    extra_here[j - n_learned].sigma_s, extra_here[j - n_learned].tau_s
                )
                misfit, crowded = float("nan"), False
            span = _limits(trace, found.get(name), mu, float(spread), start, end)
            peak = FittedPeak(
                rt_s=float(one.rt_s[at]),
                height=float(one.height[at] * areas[j]),
                width_s=float(one.width_s[at]),
                tailing=float(one.tailing[at]),
                start_s=span[0],
                end_s=span[1],
                baseline_start=baseline(span[0]),
                baseline_end=baseline(span[1]),
                area=float(areas[j]),
                area_se=float(errors[j]),
                misfit=misfit,
                window_misfit=in_window,
                expected_s=float(expected[j]) if j < n_learned else float(one.rt_s[at]),
                resolution=float(resolution[j]),
                coeluting=crowded,
                group=number,
                peak_to_peak=float(noise[j]),
            )
            if name:
                out[name] = peak
            else:
                others.append(peak)
    return TraceFit(out, tuple(others))


def _limits(
    trace: TraceInRun,
    assignment: Assignment | None,
    mu: float,
    width: float,
    start: float,
    end: float,
) -> tuple[float, float]:
    """Limits of a peak: the classical ones when that is the same peak, else by its width."""
    if assignment is not None and assignment.peak is not None:
        peak: Peak = trace.analysis.peaks[assignment.peak]
        if abs(peak.rt_s - mu) < 2 * width:
            return peak.start_s, peak.end_s
    return max(start, mu + START_WIDTHS * width), min(end, mu + END_WIDTHS * width)


def _baseline_at(
    model: RunModel, fitted: TargetedFit, row: int, number: int, since_s: float
) -> float:
    """The fitted baseline of a group at a time after the start of its window."""
    group = model.groups[number]
    s = 2 * since_s / (group.n * group.block_s) - 1
    coefficients = fitted.baseline[number][row]
    value = coefficients[0] + coefficients[1] * s + coefficients[2] * s * s
    if group.front:
        value += coefficients[3] * np.exp(-since_s / np.exp(fitted.ln_front[row]))
    return float(value)


def _resolution(times: FloatArray, widths: FloatArray, there: BoolArray) -> FloatArray:
    """Resolution of each peak to the nearer of those that are there; NaN when alone."""
    out = np.full(times.size, np.nan)
    for j in range(times.size):
        others = there.copy()
        others[j] = False
        if others.any():
            apart = np.abs(times[others] - times[j])
            out[j] = float(np.min(1.18 * apart / (widths[others] + widths[j])))
    return out


def _guess(
    used: Sequence[TraceInRun], method: IntegrationMethod, factors: FloatArray
) -> PeakGuess | None:
    """Apexes and widths from the classical peaks: the targets' and those of standing peaks.

    A lab may list one analyte of the five that its column separates.  What elutes beside it is in
    the windows all the same, and has to be fitted lest it be taken for baseline, noise or shape;
    such peaks have no name.
    """
    n = len(method.targets)
    rt = np.full((len(used), n), np.nan)
    width = np.full((len(used), n), np.nan)
    for i, (trace, factor) in enumerate(zip(used, factors, strict=True)):
        for j, assignment in enumerate(trace.assignments):
            if assignment.peak is not None:
                peak = trace.analysis.peaks[assignment.peak]
                rt[i, j] = peak.rt_s / factor
                if "width_estimated" not in peak.flags:
                    width[i, j] = peak.width_s / FWHM
    seen = np.count_nonzero(np.isfinite(rt), axis=0) >= FEWEST_FOUND
    sized = np.count_nonzero(np.isfinite(width), axis=0) >= FEWEST_FOUND
    if np.count_nonzero(seen) < 1 or not sized.any():
        return None
    nominal = np.array([60 * target.rt_min for target in method.targets])
    at = np.array([np.nanmedian(rt[:, j]) if seen[j] else np.nan for j in range(n)])
    at = np.where(seen, at, nominal * float(np.median(at[seen] / nominal[seen])))
    wide = np.array([np.nanmedian(width[:, j]) if sized[j] else np.nan for j in range(n)])
    standing = _standing_peaks(used, factors)
    # Widths that neighbours hide lie between those of the peaks before and behind.
    known = [(t, w) for t, w in zip(at, wide, strict=True) if np.isfinite(w)]
    known = sorted(known + [(t, w) for t, w in standing if np.isfinite(w)])

    def usual(time: FloatArray) -> FloatArray:
        return np.exp(np.interp(time, [t for t, _ in known], np.log([w for _, w in known])))

    wide = np.where(sized, wide, usual(at))
    first = max(trace.analysis.first_s for trace in used)
    last = min(trace.analysis.last_s for trace in used)
    inside = (at > first + 2 * wide) & (at < last - 3 * wide)
    order = np.flatnonzero(inside)[np.argsort(at[inside], kind="stable")]
    # Targets at the same place can't be told apart.
    if not order.size or np.any(np.diff(at[order]) < 0.5 * wide[order][1:]):
        return None
    names = [method.targets[j].analyte for j in order]
    times, widths = at[order].tolist(), wide[order].tolist()
    for time, found in standing:
        sigma = found if np.isfinite(found) else float(usual(np.array(time)))
        clear = all(abs(time - t) > max(sigma, w) for t, w in zip(times, widths, strict=True))
        if clear and first + 2 * sigma < time < last - 3 * sigma:
            names.append("")
            times.append(time)
            widths.append(sigma)
    by_time = np.argsort(times, kind="stable")
    return PeakGuess(
        tuple(names[k] for k in by_time), np.array(times)[by_time], np.array(widths)[by_time]
    )


def _standing_peaks(used: Sequence[TraceInRun], factors: FloatArray) -> list[tuple[float, float]]:
    """Times at factor 1 and σ, s, of clear peaks that most traces have and no target took.

    σ is NaN where neighbours hide it in most traces.
    """
    found: list[tuple[float, float, int, bool]] = []
    for i, (trace, factor) in enumerate(zip(used, factors, strict=True)):
        taken = {a.peak for a in trace.assignments}
        found += [
            (peak.rt_s / float(factor), peak.width_s / FWHM, i, "width_estimated" in peak.flags)
            for k, peak in enumerate(trace.analysis.peaks)
            if k not in taken and peak.snr_usp >= STANDING_SNR
        ]
    found.sort()
    out = []
    while found:
        near = [found.pop(0)]
        while found and found[0][0] - near[-1][0] < SAME_PLACE * near[-1][1]:
            near.append(found.pop(0))
        if len({i for _, _, i, _ in near}) >= max(FEWEST_FOUND, STANDING_PART * len(used)):
            widths = [width for _, width, _, hidden in near if not hidden]
            known = len(widths) >= FEWEST_FOUND
            out.append(
                (
                    float(np.median([time for time, *_ in near])),
                    float(np.median(widths)) if known else float("nan"),
                )
            )
    return out


def _expected_factors(
    model: RunModel, traces: Sequence[TraceInRun], method: IntegrationMethod
) -> FloatArray | None:
    """Retention factors relative to the model's, from the reference peaks; None without any."""
    if not method.references:
        return None
    nominal = {t.analyte: 60 * t.rt_min for t in method.targets}
    apex = model.mu_s + 0.5 * np.exp(model.ln_tau)
    targets = [(j, name) for j, name in enumerate(model.names) if name]
    ratio = [apex[j] / nominal[name] for j, name in targets]
    # Where the references of the table lie in the model.
    own = [
        r
        for r, (_, name) in zip(ratio, targets, strict=True)
        if name in {t.analyte for t in method.references}
    ]
    typical = float(np.median(own or ratio))
    return np.array([trace.factor for trace in traces]) / typical


def _same_sampling(analysis: TraceAnalysis, model: RunModel) -> bool:
    if analysis.baseline is None:
        return False
    step = _step_s(analysis)
    blocks = [group.block_s / step for group in model.groups]
    return all(abs(b / max(1, round(b)) - 1) < STEP_TOLERANCE for b in blocks)


def _step_s(analysis: TraceAnalysis) -> float:
    return float(np.median(np.diff(analysis.times_s)))


def _running(analysis: TraceAnalysis) -> RunningMean:
    return RunningMean.of(analysis.times_s, analysis.signal)
