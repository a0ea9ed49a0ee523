"""Fit the targets of many traces with what was learned of their run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.integrate.alignment import RunningMean, curvature, factor_grid, find_factor
from dialysis.integrate.blocks import BoolArray
from dialysis.integrate.detection import IntArray
from dialysis.integrate.fitting import (
    Group,
    GroupFit,
    Parameters,
    Priors,
    fit_group,
    invert_normal,
)
from dialysis.integrate.learning import (
    RunModel,
    Spread,
    cut_windows,
    data_estimates,
    make_priors,
    shape_columns,
)
from dialysis.integrate.shapes import Correction, powers_of
from dialysis.integrate.unknowns import (
    DOUBT_SCORE,
    MIN_SCORE,
    NEAR_WIDTHS,
    Templates,
    Unknown,
    find_unknown,
    make_templates,
)

# Traces are fitted this many at a time, to bound the memory.
BATCH = 32
# What is known of a trace's retention factor and common ln width before it is fitted.
FACTOR_SD, LN_WIDTH_SD = 0.002, 0.15
# A peak that the factor leaves so many standard deviations off counts less, with the fourth power.
FAR_SIGMAS, FACTOR_ROUNDS = 4.0, 5
# Blocks for the retention factor: this part of the smallest width.
COARSE_PART = 0.5
# Above this reduced χ² a fit is continued, and doubted.
BAD_CHI2, MORE_STEPS = 1.5, 4
# Unknown peaks, at most so many, are sought when residuals and strain of the parameters exceed
# what noise gives by so many standard deviations.
MAX_UNKNOWNS, BAD_SIGMAS = 3, 0.0
# A width this many standard deviations from what is expected may hold a further peak.
BENT_SIGMAS = 2.5
# What its shape would be is uncertain as that of a peak which is at most so far off.
SHAPE_SIGMAS = 2.0
# A peak so many standard deviations and widths from its place may be another.
STRAY_SIGMAS, STRAY_WIDTHS = 5.0, 0.8
# One that is still this many away after all does hold something.
CROWDED_SIGMAS = 3.5
# An unknown peak stays when it is this many standard errors large, takes away this part of the
# misfit, and near an analyte more of it than a shape that is off by this part of it could cause.
UNKNOWN_SIGMAS, UNKNOWN_GAIN, SHAPE_PART = 3.0, 0.3, 0.01
# It may be there from so many standard errors on.
DOUBT_SIGMAS = 2.0
# Prior of an unknown peak's place, in widths, and of its ln σ and ln τ.
UNKNOWN_MU_SD, UNKNOWN_LN_SD = 0.5, (0.08, 0.2)
# The misfit of a peak is read from this many widths before to behind its Gaussian's mean.
MISFIT_BEFORE, MISFIT_BEHIND = 3.0, 4.5


@dataclass(frozen=True)
class ExtraPeak:
    """A peak that is no target, fitted with a group; times in s, area in signal unit × s."""

    group: int
    mu_s: float
    sigma_s: float
    tau_s: float
    area: float
    area_se: float


@dataclass(frozen=True, eq=False)
class TargetedFit:
    """Targets fitted in B traces; arrays of shape (B, J) unless said otherwise.

    Parameters
    ----------
    factor, ln_width : ndarray of float64, shape (B,)
        Retention factor and common ln width relative to the model.
    area, area_se : ndarray of float64
        Areas and their standard errors, signal unit × s.
    mu_s, ln_sigma, ln_tau : ndarray of float64
        Parameters of the peaks.
    misfit : ndarray of float64
        Root mean square of the whitened residuals around the peak: 1 when the fit is as good as
        the noise.
    window_misfit : ndarray of float64
        The same of the whole window of its group.
    baseline : tuple of ndarray of float64, each of shape (B, 3 or 4)
        Coefficients by group.
    ln_front : ndarray of float64, shape (B,)
        ln τ_f.
    starts_s : ndarray of float64, shape (B, G)
        Starts of the windows.
    extra : tuple of tuples of ExtraPeak
        Unknown peaks of every trace.
    crowded : ndarray of bool
        Whether something hides in the peak that could not be told from it.
    """

    factor: FloatArray
    ln_width: FloatArray
    area: FloatArray
    area_se: FloatArray
    mu_s: FloatArray
    ln_sigma: FloatArray
    ln_tau: FloatArray
    misfit: FloatArray
    window_misfit: FloatArray
    baseline: tuple[FloatArray, ...]
    ln_front: FloatArray
    starts_s: FloatArray
    extra: tuple[tuple[ExtraPeak, ...], ...]
    crowded: BoolArray


def align(
    model: RunModel,
    traces: Sequence[RunningMean],
    max_shift: float,
    expected: FloatArray | None = None,
) -> FloatArray:
    """Retention factors of traces from the pattern of their peaks, shape (B,).

    Parameters
    ----------
    model : RunModel
        The run's peaks.
    traces : sequence of RunningMean
        The traces.
    max_shift : float
        Largest relative shift.
    expected : ndarray of float64, shape (B,), optional
        Factors found from reference peaks, which are then only refined.
    """
    width = model.width_s
    rt = model.mu_s + 0.5 * np.exp(model.ln_tau)
    factors = factor_grid(rt.tolist(), width.tolist(), max_shift)
    out = np.ones(len(traces))
    for i, trace in enumerate(traces):
        step = max(1, round(COARSE_PART * float(width.min()) / trace.step_s)) * trace.step_s
        start = trace.snap(model.first_s)
        n = int((min(model.last_s, float(trace.edges_s[-1])) - start) / step)
        response = curvature(trace.blocks(start, step, n), float(np.median(width)) / step)
        out[i] = find_factor(
            response,
            start,
            step,
            rt,
            width,
            factors,
            float(expected[i]) if expected is not None else 1.0,
            expected is not None,
        )
    return out


def fit_targets(model: RunModel, traces: Sequence[RunningMean], factors: FloatArray) -> TargetedFit:
    """Fit all targets in some traces.

    Parameters
    ----------
    model : RunModel
        What was learned of the run.
    traces : sequence of RunningMean
        The traces.
    factors : ndarray of float64, shape (B,)
        Their retention factors, from `align`.
    """
    templates: dict[int, Templates] = {}
    parts = [
        _fit_batch(model, traces[low : low + BATCH], factors[low : low + BATCH], templates)
        for low in range(0, len(traces), BATCH)
    ]
    if len(parts) == 1:
        return parts[0]
    shared = ("baseline", "extra")
    names = [name for name in vars(parts[0]) if name not in shared]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    baseline = tuple(
        np.concatenate([part.baseline[i] for part in parts]) for i in range(len(model.groups))
    )
    extra = tuple(row for part in parts for row in part.extra)
    return TargetedFit(baseline=baseline, extra=extra, **arrays)


def _fit_batch(
    model: RunModel,
    traces: Sequence[RunningMean],
    factor: FloatArray,
    templates: dict[int, Templates],
) -> TargetedFit:
    none = np.zeros(factor.size)
    s = model.spread
    loose = Spread(
        float(np.hypot(s.mu_s, FACTOR_SD * model.mu_s.max())),
        float(np.hypot(s.ln_sigma, LN_WIDTH_SD)),
        float(np.hypot(s.ln_tau, LN_WIDTH_SD)),
    )
    windows = [cut_windows(group, model, traces, factor) for group in model.groups]
    first = []
    for i, (group, window) in enumerate(zip(model.groups, windows, strict=True)):
        priors = make_priors(model, i, factor, none, loose)
        fit = fit_group(group, *window, priors, model.correction, 2)
        bad = np.flatnonzero(fit.chi2 > BAD_CHI2)
        if bad.size:
            # Far from where they began two steps are not enough.
            _continue(group, *window, priors, model.correction, fit, bad)
        first.append(fit)
    factor, ln_width = common_changes(model, first, factor)
    result = _Collector(model, factor, ln_width)
    for i, (group, window) in enumerate(zip(model.groups, windows, strict=True)):
        priors = make_priors(model, i, factor, ln_width)
        fit = fit_group(group, *window, priors, model.correction, 2, first[i].parameters)
        result.take(i, np.arange(factor.size), fit)
        bad = np.flatnonzero(_suspect(fit))
        if bad.size:
            if i not in templates:
                templates[i] = make_templates(model, i)
            _mend(model, i, window, priors, fit, bad, templates[i], result)
    return result.done()


def common_changes(
    model: RunModel, fits: Sequence[GroupFit], factor: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Retention factor and common ln width of each trace from its well-known peaks.

    Groups that don't fit, as there is something unknown in them, count less, and so does a peak
    that is far from where the others have it: it may be another than it is taken for.
    """
    mu, ls, lt = data_estimates(fits, model.groups, model.mu_s.size)
    trust = np.empty_like(mu.value)
    for fit, group in zip(fits, model.groups, strict=True):
        trust[:, list(group.members)] = np.minimum(1, (BAD_CHI2 / fit.chi2) ** 2)[:, None]
    spread = mu.variance + model.spread.mu_s**2
    # Each peak's factor and, as one more, what the pattern of all peaks has shown.
    own = np.column_stack([mu.value / model.mu_s, factor])
    weight = np.column_stack(
        [trust * model.mu_s**2 / spread, np.full(factor.size, FACTOR_SD**-2.0)]
    )
    new = weighted_median(own, weight)
    for _ in range(FACTOR_ROUNDS):
        off = np.abs(own - new[:, None]) * np.sqrt(weight)
        believed = weight * np.minimum(1, (FAR_SIGMAS / np.maximum(off, FAR_SIGMAS)) ** 4)
        new = (believed * own).sum(axis=1) / believed.sum(axis=1)
    total = np.zeros(factor.size)
    weights = np.full(factor.size, LN_WIDTH_SD**-2.0)
    for data, mean, sd in (
        (ls, model.ln_sigma, model.spread.ln_sigma),
        (lt, model.ln_tau, model.spread.ln_tau),
    ):
        w = trust / (data.variance + sd**2)
        total += (w * (data.value - mean)).sum(axis=1)
        weights += w.sum(axis=1)
    return new, total / weights


def weighted_median(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Median of each row, shape (B,): half of the row's weight is not above it."""
    order = np.argsort(values, axis=1)
    total = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    middle = np.argmax(total >= 0.5 * total[:, -1:], axis=1)
    out: FloatArray = np.take_along_axis(values, order, axis=1)[np.arange(middle.size), middle]
    return out


def _mend(
    model: RunModel,
    number: int,
    window: tuple[FloatArray, FloatArray],
    priors: Priors,
    fit: GroupFit,
    bad: IntArray,
    templates: Templates,
    result: _Collector,
) -> None:
    """Continue fits that are not good, and add unknown peaks to them."""
    group = model.groups[number]
    n_targets = len(group.members)
    rows = bad
    times_s, signal = window
    priors, fit = priors.of(rows), _of_rows(fit, rows)
    far = np.flatnonzero(fit.chi2 > BAD_CHI2)
    if far.size:
        _continue(group, times_s[rows], signal[rows], priors, model.correction, fit, far)
        result.take(number, rows[far], _of_rows(fit, far))
    for _ in range(MAX_UNKNOWNS):
        suspect = np.flatnonzero(_suspect(fit))
        found: list[Unknown | None] = [None] * rows.size
        if suspect.size:
            # Shapes that were bent to hold a further peak are put back before it is sought.
            unbent = fit_group(
                group,
                times_s[rows[suspect]],
                signal[rows[suspect]],
                priors.of(suspect),
                model.correction,
                0,
                _unbent(_rows(fit.parameters, suspect), priors.of(suspect)),
            )
            for place, k in enumerate(suspect.tolist()):
                found[k] = find_unknown(group, unbent, place, templates)
                if found[k] is not None:
                    # Is it there with every shape that the run allows?
                    one = doubting_shape(model, group, _of_rows(unbent, np.array([place])))
                    found[k] = find_unknown(group, one, 0, templates)
        for k, unknown in enumerate(found):
            if unknown is not None and unknown.near and unknown.score > MIN_SCORE:
                nearest = int(np.argmin(np.abs(fit.mu_s[k, :n_targets] - unknown.mu_s)))
                result.crowded[rows[k], group.members[nearest]] = True
        going = np.array([k for k, u in enumerate(found) if u is not None and not u.near], int)
        if not going.size:
            return
        extra = [u for u in found if u is not None and not u.near]
        ln_width = result.ln_width[rows[going]]
        mu = np.array([u.mu_s for u in extra])
        ln_sigma = np.array([u.ln_sigma for u in extra]) + ln_width
        ln_tau = np.array([u.ln_tau for u in extra]) + ln_width
        width = np.hypot(np.exp(ln_sigma), np.exp(ln_tau))
        priors = _with_peak(priors.of(going), mu, ln_sigma, ln_tau, width)
        before = _of_rows(fit, going)
        start = _rows(fit.parameters, going)
        start = Parameters(
            np.column_stack([start.mu_s, mu]),
            np.column_stack([start.ln_sigma, ln_sigma]),
            np.column_stack([start.ln_tau, ln_tau]),
            start.ln_front,
        )
        # Targets may have been drawn aside by what was missing.
        n = start.mu_s.shape[1]
        start.mu_s[:, :n_targets] = priors.mu_s[:, :n_targets]
        start.ln_sigma[:, : n - 1] = priors.ln_sigma[:, : n - 1]
        start.ln_tau[:, : n - 1] = priors.ln_tau[:, : n - 1]
        rows = rows[going]
        fit = fit_group(
            group, times_s[rows], signal[rows], priors, model.correction, MORE_STEPS, start
        )
        needed, doubtful = _confirmed(model, group, fit, before)
        for k in np.flatnonzero(doubtful).tolist():
            nearest = int(np.argmin(np.abs(fit.mu_s[k, :n_targets] - fit.mu_s[k, -1])))
            result.crowded[rows[k], group.members[nearest]] = True
        keep = np.flatnonzero(needed)
        if not keep.size:
            return
        rows, priors, fit = rows[keep], priors.of(keep), _of_rows(fit, keep)
        result.take(number, rows, fit)


def _continue(
    group: Group,
    times_s: FloatArray,
    signal: FloatArray,
    priors: Priors,
    correction: Correction,
    fit: GroupFit,
    rows: IntArray,
) -> None:
    """Go on with the fits of some traces, in place."""
    again = fit_group(
        group,
        times_s[rows],
        signal[rows],
        priors.of(rows),
        correction,
        MORE_STEPS,
        _rows(fit.parameters, rows),
    )
    for name, values in vars(again).items():
        getattr(fit, name)[rows] = values


def _unbent(parameters: Parameters, priors: Priors) -> Parameters:
    """Parameters with those far from their priors put back.

    Widths go back to one standard deviation; a peak that is where another must be, to its place.
    """

    def back(value: FloatArray, mean: FloatArray, sd: FloatArray) -> FloatArray:
        away = (value - mean) / sd
        return np.asarray(np.where(np.abs(away) > BENT_SIGMAS, mean + sd * np.sign(away), value))

    width = np.hypot(np.exp(priors.ln_sigma), np.exp(priors.ln_tau))
    off = np.abs(parameters.mu_s - priors.mu_s)
    stray = (off > STRAY_SIGMAS * priors.mu_sd_s) & (off > STRAY_WIDTHS * width)
    return Parameters(
        np.where(stray, priors.mu_s, parameters.mu_s),
        back(parameters.ln_sigma, priors.ln_sigma, priors.ln_sigma_sd),
        back(parameters.ln_tau, priors.ln_tau, priors.ln_tau_sd),
        parameters.ln_front,
    )


def _suspect(fit: GroupFit) -> BoolArray:
    """Whether something may be missing in the model of a trace, shape (B,)."""
    n = fit.residual.shape[1]
    return np.asarray(objective(fit) > n + BAD_SIGMAS * np.sqrt(2 * n))


def objective(fit: GroupFit) -> FloatArray:
    """What a fit minimises: squared residuals and squared distances from the priors, (B,).

    Parameters that were added to a fit, as by `doubting_shape`, may still lower it.
    """
    right = (fit.design @ fit.residual[:, :, None])[:, :, 0] - fit.pull
    lower = np.einsum("bp,bpq,bq->b", right, fit.covariance, right)
    return np.asarray(np.sum(fit.residual**2, axis=1) + fit.strain - lower)


def doubting_shape(model: RunModel, group: Group, fit: GroupFit) -> GroupFit:
    """The fit with what is uncertain of the run's shape as further parameters.

    What a score or `objective` of it says holds for every shape that the run allows.
    """
    n = fit.area.shape[1]
    first = n + 3 + group.front
    away = (fit.pull / np.where(fit.precision > 0, fit.precision, 1.0))[:, first : first + 3 * n]
    sd = 1 / np.sqrt(fit.precision[:, first : first + 3 * n])
    back = (away - np.clip(away, -SHAPE_SIGMAS * sd, SHAPE_SIGMAS * sd)).reshape(-1, 3, n)
    usual = replace(fit, ln_sigma=fit.ln_sigma - back[:, 1], ln_tau=fit.ln_tau - back[:, 2])
    columns = shape_columns(model.correction, usual, group).of_areas(fit.area)
    root = model.shape_root.reshape(columns.shape[1], -1)
    parts = root.T @ columns
    zeros = np.zeros(parts.shape[:2])
    design = np.concatenate([fit.design, parts], axis=1)
    precision = np.concatenate([fit.precision, zeros + 1], axis=1)
    return replace(
        fit,
        design=design,
        precision=precision,
        pull=np.concatenate([fit.pull, zeros], axis=1),
        covariance=invert_normal(design, precision),
    )


def _confirmed(
    model: RunModel, group: Group, fit: GroupFit, before: GroupFit
) -> tuple[BoolArray, BoolArray]:
    """Whether the last peak of a group is needed, and whether that is in doubt, both (B,).

    Parameters
    ----------
    model : RunModel
        The run.
    group : Group
        Its targets; the other peaks are unknown.
    fit, before : GroupFit
        With and without the peak.
    """
    n_targets = len(group.members)
    without = objective(doubting_shape(model, group, before))
    gain = without - objective(doubting_shape(model, group, fit))
    size = (before.area / before.area_se)[:, :n_targets]
    width = np.hypot(np.exp(fit.ln_sigma), np.exp(fit.ln_tau))[:, :n_targets]
    away = np.abs(fit.mu_s[:, :n_targets] - fit.mu_s[:, -1:]) / width
    near = away < NEAR_WIDTHS
    by_shape = np.where(near, (SHAPE_PART * size) ** 2, 0.0).sum(axis=1)
    excess = np.maximum(without - fit.residual.shape[1], 0)
    better = gain > UNKNOWN_GAIN * excess
    sigmas = fit.area[:, -1] / fit.area_se[:, -1]
    # A peak on a tail that was not learned takes from the analyte and makes it narrow.
    first = fit.area.shape[1] + 3 + group.front + fit.area.shape[1]
    targets = slice(first, first + n_targets)
    narrow = -fit.pull[:, targets] / np.sqrt(fit.precision[:, targets])
    own_width = ~(near & (narrow > CROWDED_SIGMAS)).any(axis=1)
    sure = better & own_width & (sigmas > UNKNOWN_SIGMAS) & (gain > MIN_SCORE**2 + by_shape)
    doubtful = ~sure & near.any(axis=1) & (sigmas > DOUBT_SIGMAS) & (gain > DOUBT_SCORE**2)
    return np.asarray(sure), np.asarray(doubtful)


def _rows(parameters: Parameters, rows: IntArray) -> Parameters:
    return Parameters(
        parameters.mu_s[rows],
        parameters.ln_sigma[rows],
        parameters.ln_tau[rows],
        parameters.ln_front[rows],
    )


def _of_rows(fit: GroupFit, rows: IntArray) -> GroupFit:
    return GroupFit(**{name: value[rows] for name, value in vars(fit).items()})


def _with_peak(
    priors: Priors, mu: FloatArray, ln_sigma: FloatArray, ln_tau: FloatArray, width: FloatArray
) -> Priors:
    """Priors with one more peak."""
    n = mu.size
    return replace(
        priors,
        mu_s=np.column_stack([priors.mu_s, mu]),
        ln_sigma=np.column_stack([priors.ln_sigma, ln_sigma]),
        ln_tau=np.column_stack([priors.ln_tau, ln_tau]),
        mu_sd_s=np.column_stack([priors.mu_sd_s, UNKNOWN_MU_SD * width]),
        ln_sigma_sd=np.column_stack([priors.ln_sigma_sd, np.full(n, UNKNOWN_LN_SD[0])]),
        ln_tau_sd=np.column_stack([priors.ln_tau_sd, np.full(n, UNKNOWN_LN_SD[1])]),
    )


@dataclass(eq=False)
class _Collector:
    """Gathers the results of the groups by target; later ones replace earlier ones."""

    model: RunModel
    factor: FloatArray
    ln_width: FloatArray
    arrays: dict[str, FloatArray] = field(init=False)
    baseline: list[FloatArray] = field(init=False)
    extra: list[dict[int, tuple[ExtraPeak, ...]]] = field(init=False)
    crowded: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.factor.size, self.model.mu_s.size)
        names = ("area", "area_se", "mu_s", "ln_sigma", "ln_tau", "misfit", "window_misfit")
        self.arrays = {name: np.zeros(shape) for name in names}
        self.arrays["ln_front"] = np.full(shape[0], self.model.ln_front)
        self.arrays["starts_s"] = np.zeros((shape[0], len(self.model.groups)))
        self.baseline = [np.zeros((shape[0], 3 + g.front)) for g in self.model.groups]
        self.extra = [{} for _ in range(shape[0])]
        self.crowded = np.zeros(shape, bool)

    def take(self, number: int, rows: IntArray, fit: GroupFit) -> None:
        """Take over the fit of a group in some traces."""
        group = self.model.groups[number]
        n, n_all = len(group.members), fit.area.shape[1]
        place = np.ix_(rows, np.array(group.members))
        inflation = np.sqrt(np.maximum(fit.chi2, 1))[:, None]
        noise = fit.area_se * inflation
        by_shape = self._by_shape(number, fit)
        put = self.arrays
        put["area"][place] = fit.area[:, :n]
        put["area_se"][place] = np.sqrt(noise[:, :n] ** 2 + (by_shape**2).sum(axis=2))
        put["mu_s"][place] = fit.mu_s[:, :n]
        put["ln_sigma"][place] = fit.ln_sigma[:, :n]
        put["ln_tau"][place] = fit.ln_tau[:, :n]
        width = np.hypot(np.exp(fit.ln_sigma), np.exp(fit.ln_tau))
        u = (fit.times_s[:, None, :] - fit.mu_s[:, :n, None]) / width[:, :n, None]
        around = (u > -MISFIT_BEFORE) & (u < MISFIT_BEHIND)
        squares = (around @ (fit.residual**2)[:, :, None])[:, :, 0]
        put["misfit"][place] = np.sqrt(squares / np.maximum(around.sum(axis=2), 1))
        put["window_misfit"][place] = np.sqrt(fit.chi2)[:, None]
        put["starts_s"][rows, number] = fit.times_s[:, 0] - 0.5 * group.block_s
        if group.front:
            put["ln_front"][rows] = fit.ln_front
        # A peak bent out of its shape holds something else, and so may its neighbours.
        first = n_all + 3 + group.front
        precision = fit.precision[:, first : first + 3 * n_all]
        strain = fit.pull[:, first : first + 3 * n_all] / np.sqrt(precision)
        strain = strain.reshape(-1, 3, n_all)
        # What hides in it makes it wider, never narrower.
        strain[:, 0] = np.abs(strain[:, 0])
        own = strain.max(axis=1) > CROWDED_SIGMAS
        apart = np.abs(fit.mu_s[:, :n, None] - fit.mu_s[:, None, :])
        close = apart < NEAR_WIDTHS * np.maximum(width[:, :n, None], width[:, None, :])
        self.crowded[place] |= (close & own[:, None, :]).any(axis=2)
        self.baseline[number][rows] = fit.baseline
        for k, row in enumerate(rows):
            self.extra[row][number] = tuple(
                ExtraPeak(
                    number,
                    float(fit.mu_s[k, j]),
                    float(np.exp(fit.ln_sigma[k, j])),
                    float(np.exp(fit.ln_tau[k, j])),
                    float(fit.area[k, j]),
                    float(noise[k, j]),
                )
                for j in range(n, fit.area.shape[1])
            )

    def _by_shape(self, number: int, fit: GroupFit) -> FloatArray:
        """What the uncertainty of the shape does to the areas, in independent parts, (B, J, k)."""
        n = len(self.model.groups[number].members)
        tau = np.exp(fit.ln_tau[:, :n])
        width = np.hypot(np.exp(fit.ln_sigma[:, :n]), tau)
        powers = powers_of(tau / width, self.model.correction.ratio)
        weights = fit.area[:, :n, None] * powers
        effects = np.einsum("bjp,ijk->bipk", weights, self.model.shape_effects[number])
        root = self.model.shape_root.reshape(-1, self.model.shape_root.shape[-1])
        return np.asarray(effects.reshape(*effects.shape[:2], -1) @ root)

    def done(self) -> TargetedFit:
        """The result."""
        extra = tuple(
            tuple(peak for number in sorted(row) for peak in row[number]) for row in self.extra
        )
        return TargetedFit(
            factor=self.factor,
            ln_width=self.ln_width,
            baseline=tuple(self.baseline),
            extra=extra,
            crowded=self.crowded,
            **self.arrays,
        )
