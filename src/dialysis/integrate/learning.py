"""Learn a run's noise, peak shapes, widths and relative retention from its standards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import null_space

from dialysis.chromatogram import FloatArray
from dialysis.integrate.alignment import RunningMean
from dialysis.integrate.blocks import BoolArray
from dialysis.integrate.covariance import NoiseSpectrum, estimate_spectrum
from dialysis.integrate.fitting import Group, GroupFit, Parameters, Priors, fit_group
from dialysis.integrate.shapes import (
    N_POWERS,
    N_SPLINES,
    PINNED,
    U_HIGH,
    U_LOW,
    U_STEP,
    Correction,
    powers_of,
    shape_values,
    spline_areas,
    spline_values,
)

# A fit window reaches this many widths before its first and behind its last peak.
WIDTHS_BEFORE, WIDTHS_BEHIND = 11.0, 15.0
# Peaks closer than this many widths are fitted together.
WIDTHS_TOGETHER = 16.0
# A peak takes part in the noise's stretches nowhere from and to this many widths.
NOISE_BEFORE, NOISE_BEHIND = 7.0, 10.0
# A block is this part of the smallest σ of its group, within limits.
BLOCK_PART = 0.45
SHORTEST_BLOCK_S, LONGEST_BLOCK_S = 0.2, 3.0
# The solvent front counts as long as this many decay times.
FRONT_DECAYS = 6.0
# Rounds of learning, those before the correction is learned, and those that estimate spreads.
ROUNDS, PLAIN_ROUNDS, SPREAD_ROUNDS = 8, 2, 3
# Peaks may be far from where their fit begins: first so many rounds with so many steps.
FAR_ROUNDS, FAR_STEPS = 3, 3
# Standard deviation of second differences of the correction's coefficients, and of the
# coefficients themselves in the middle and at the ends.
BEND_SD, MIDDLE_SD, END_SD = 0.012, 0.03, 0.004
# Behind this u, tails and what is unknown of them fade with this decay.
TAIL_FROM, TAIL_DECAY = 4.0, 1.5
# A trace whose χ² is so many times the usual one was not fitted, and says nothing of the run.
NOT_FITTED = 10.0
# The uncertainty of the shape counts this many times: that c is the same for all peaks, and a
# polynomial in r, is not exactly so.
SHAPE_CAUTION = 1.5
# Standard deviation of c_k relative to that of c_(k−1).
SLOPE_SD = 3.0
# These standard deviations are the largest; the run's own are found between this part and all,
# by power.  What c₀ is known by is its middle, and its tails may be larger than that suggests.
LEAST_SCALES = (0.2, 0.02, 0.02)
# What the later powers are scaled with is at most so many times what c₀ is.
LATER_SCALE = 2.0
# Samples are not as clean as standards: their front's ln τ_f varies by at least this.
LEAST_FRONT_SD = 0.15


@dataclass(frozen=True)
class Spread:
    """Variation between the chromatograms of a run.

    Parameters
    ----------
    mu_s : float
        Of a peak's time about the common retention shift, s.
    ln_sigma, ln_tau : float
        Of ln σ and ln τ.
    """

    mu_s: float
    ln_sigma: float
    ln_tau: float


LOOSE = Spread(mu_s=0.0, ln_sigma=0.15, ln_tau=0.4)
LOWEST = Spread(mu_s=0.05, ln_sigma=0.008, ln_tau=0.025)


@dataclass(frozen=True, eq=False)
class PeakGuess:
    """What is known of the targets before learning, arrays of shape (J,).

    Parameters
    ----------
    names : tuple of str
        Analytes, by time.
    rt_s : ndarray of float64
        Apexes in the standards, s.
    sigma_s : ndarray of float64
        Standard deviations of the peaks, s.
    """

    names: tuple[str, ...]
    rt_s: FloatArray
    sigma_s: FloatArray


@dataclass(frozen=True, eq=False)
class RunModel:
    """What was learned of a run; arrays of shape (J,) are by target, G is the number of groups.

    Parameters
    ----------
    names : tuple of str
        Analytes, by time.
    mu_s, ln_sigma, ln_tau : ndarray of float64, shape (J,)
        Mean parameters of the peaks at retention factor 1.
    spread : Spread
        Variation about them.
    correction : Correction
        Of the EMG.
    spectrum : NoiseSpectrum
        Noise.
    groups : tuple of Group
        Peaks that are fitted together.
    bend, bend_sd : ndarray of float64, shape (G,)
        Prior of the baselines' quadratic coefficient, signal unit.
    ln_front, ln_front_sd : float
        Prior of the logarithm of the front's decay time.
    first_s, last_s : float
        Range that is integrated, s.
    mean_sd : ndarray of float64, shape (3, J)
        Standard errors of the means: µ (s), ln σ, ln τ.
    shape_root : ndarray of float64, shape (N_POWERS, N_SPLINES, k)
        Root of the covariance of the correction's coefficients.
    shape_effects : tuple of ndarray of float64, shape (J_g, J_g, N_SPLINES)
        For each group: how a coefficient of the correction moves the area of a peak (first axis)
        per area of a peak (second) with a factor of 1 of its power.
    n_traces : int
        Number of traces it was learned from.
    """

    names: tuple[str, ...]
    mu_s: FloatArray
    ln_sigma: FloatArray
    ln_tau: FloatArray
    spread: Spread
    correction: Correction
    spectrum: NoiseSpectrum
    groups: tuple[Group, ...]
    bend: FloatArray
    bend_sd: FloatArray
    ln_front: float
    ln_front_sd: float
    first_s: float
    last_s: float
    mean_sd: FloatArray
    shape_root: FloatArray
    shape_effects: tuple[FloatArray, ...]
    n_traces: int

    @property
    def width_s(self) -> FloatArray:
        """Standard deviations of the peaks, s, shape (J,)."""
        return np.asarray(np.sqrt(np.exp(2 * self.ln_sigma) + np.exp(2 * self.ln_tau)))


def learn(
    traces: Sequence[RunningMean],
    factors: FloatArray,
    guess: PeakGuess,
    first_s: float,
    last_s: float,
    front_s: float | None,
) -> RunModel:
    """Learn the model of a run.

    Parameters
    ----------
    traces : sequence of RunningMean
        Standards, or samples when there are too few.
    factors : ndarray of float64, shape (len(traces),)
        Their retention factors relative to the guess.
    guess : PeakGuess
        Apexes and widths.
    first_s, last_s : float
        Range that is integrated, s.
    front_s : float or None
        Decay time of the solvent front at `first_s`, None when there is none.
    """
    spectrum = _noise(traces, factors, guess, first_s, last_s, front_s)
    groups = plan_groups(guess, first_s, last_s, front_s, traces[0].step_s, spectrum)
    n_peaks = len(guess.names)
    # An EMG of moderate tailing to begin with: τ = 0.5 w.
    sigma, tau = 0.866 * guess.sigma_s, 0.5 * guess.sigma_s
    model = RunModel(
        names=guess.names,
        mu_s=guess.rt_s - 0.5 * tau,
        ln_sigma=np.log(sigma),
        ln_tau=np.log(tau),
        spread=replace(LOOSE, mu_s=0.4 * float(np.min(guess.sigma_s))),
        correction=Correction.none(),
        spectrum=spectrum,
        groups=groups,
        bend=np.zeros(len(groups)),
        bend_sd=np.full(len(groups), np.inf),
        ln_front=float(np.log(front_s or 1.0)),
        ln_front_sd=0.3,
        first_s=first_s,
        last_s=last_s,
        mean_sd=np.zeros((3, n_peaks)),
        shape_root=np.zeros((N_POWERS, N_SPLINES, 0)),
        shape_effects=(),
        n_traces=len(traces),
    )
    windows = [cut_windows(group, model, traces, factors) for group in groups]
    starts: list[Parameters | None] = [None] * len(groups)
    n_traces = len(traces)
    scales = np.ones(N_POWERS)
    for number in range(ROUNDS):
        done = []
        for i, (group, (times_s, signal)) in enumerate(zip(groups, windows, strict=True)):
            priors = make_priors(model, i, factors, np.zeros(n_traces))
            done.append(
                fit_group(
                    group,
                    times_s,
                    signal,
                    priors,
                    model.correction,
                    steps=FAR_STEPS if number < FAR_ROUNDS else 1,
                    start=starts[i],
                )
            )
        starts = [fit.parameters for fit in done]
        model, factors = _update_means(model, done, factors, number >= ROUNDS - SPREAD_ROUNDS)
        if PLAIN_ROUNDS <= number < ROUNDS - 1:
            correction, _, scales = _update_correction(model, done, scales)
            model = replace(model, correction=correction)
    _, root, _ = _update_correction(model, done, scales)
    effects = [_shape_effects(model, fit, group) for fit, group in zip(done, groups, strict=True)]
    root = root.reshape(N_POWERS, N_SPLINES, -1)
    return replace(model, shape_root=root, shape_effects=tuple(effects))


def plan_groups(
    guess: PeakGuess,
    first_s: float,
    last_s: float,
    front_s: float | None,
    step_s: float,
    spectrum: NoiseSpectrum,
) -> tuple[Group, ...]:
    """Decide which peaks are fitted together, and where."""
    rt, width = guess.rt_s, guess.sigma_s
    members: list[list[int]] = []
    for i in range(rt.size):
        near = i > 0 and rt[i] - rt[i - 1] < WIDTHS_TOGETHER * 0.5 * (width[i] + width[i - 1])
        # Peaks whose window the front's tail still reaches share the group of the front.
        front_end = first_s + FRONT_DECAYS * (front_s or 0.0)
        on_front = front_s is not None and rt[i] - WIDTHS_BEFORE * width[i] < front_end
        if members and (near or (on_front and i > 0)):
            members[-1].append(i)
        else:
            members.append([i])
    groups = []
    for number, inside in enumerate(members):
        low, high = inside[0], inside[-1]
        start = rt[low] - WIDTHS_BEFORE * width[low]
        end = rt[high] + WIDTHS_BEHIND * width[high]
        if low > 0:
            start = max(start, rt[low - 1] + NOISE_BEHIND * width[low - 1])
        if high < rt.size - 1:
            end = min(end, rt[high + 1] - NOISE_BEFORE * width[high + 1])
        front = number == 0 and front_s is not None and start < first_s + FRONT_DECAYS * front_s
        start = first_s if front else max(start, first_s)
        end = min(end, last_s)
        wanted = np.clip(BLOCK_PART * width[inside].min(), SHORTEST_BLOCK_S, LONGEST_BLOCK_S)
        block_s = max(1, round(wanted / step_s)) * step_s
        n = int((end - start) / block_s)
        groups.append(
            Group(tuple(inside), float(start), block_s, n, front, spectrum.whitener(block_s, n))
        )
    return tuple(groups)


def cut_windows(
    group: Group,
    model: RunModel,
    traces: Sequence[RunningMean],
    factors: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Middles of the blocks and block means of a group in every trace, both (B, n)."""
    times, means = [], []
    length = group.n * group.block_s
    for trace, factor in zip(traces, factors, strict=True):
        start = group.start_s if group.front else group.start_s * float(factor)
        start = trace.snap(
            float(np.clip(start, model.first_s, max(model.first_s, model.last_s - length)))
        )
        times.append(start + group.since_s)
        means.append(trace.blocks(start, group.block_s, group.n))
    return np.stack(times), np.stack(means)


def make_priors(
    model: RunModel,
    number: int,
    factors: FloatArray,
    ln_width: FloatArray,
    spread: Spread | None = None,
) -> Priors:
    """Priors of a group in traces with these retention factors and ln width factors."""
    members = list(model.groups[number].members)
    spread = spread or model.spread
    shape = (factors.size, len(members))
    unsure = model.mean_sd[:, members]
    return Priors(
        mu_s=factors[:, None] * model.mu_s[members],
        ln_sigma=model.ln_sigma[members] + ln_width[:, None],
        ln_tau=model.ln_tau[members] + ln_width[:, None],
        mu_sd_s=np.broadcast_to(np.hypot(spread.mu_s, unsure[0]), shape),
        ln_sigma_sd=np.broadcast_to(np.hypot(spread.ln_sigma, unsure[1]), shape),
        ln_tau_sd=np.broadcast_to(np.hypot(spread.ln_tau, unsure[2]), shape),
        bend=float(model.bend[number]),
        bend_sd=float(model.bend_sd[number]),
        ln_front=model.ln_front,
        ln_front_sd=model.ln_front_sd,
    )


@dataclass(frozen=True, eq=False)
class _Data:
    """What the data alone say about a parameter of all peaks: values and variances, (B, J)."""

    value: FloatArray
    variance: FloatArray


def data_estimates(
    fits: Sequence[GroupFit], groups: Sequence[Group], n_peaks: int
) -> tuple[_Data, _Data, _Data]:
    """Estimates of µ, ln σ, ln τ with the priors taken out; a variance is inf without data."""
    n_traces = fits[0].area.shape[0]
    out = [
        _Data(np.zeros((n_traces, n_peaks)), np.full((n_traces, n_peaks), np.inf)) for _ in range(3)
    ]
    for fit, group in zip(fits, groups, strict=True):
        n = len(group.members)
        offset = n + 3 + group.front
        variance = np.diagonal(fit.covariance, axis1=1, axis2=2) * np.maximum(fit.chi2, 1)[:, None]
        for k, theta in enumerate((fit.mu_s, fit.ln_sigma, fit.ln_tau)):
            columns = slice(offset + k * n, offset + (k + 1) * n)
            prior = fit.precision[:, columns]
            mean = theta - fit.pull[:, columns] / prior
            known = 1 / variance[:, columns] - prior
            # Where the data add less than a tenth of the prior they say too little to be used.
            some = known > 0.1 * prior
            safe = np.where(some, known, 1.0)
            value = np.where(some, (theta / variance[:, columns] - mean * prior) / safe, theta)
            out[k].value[:, list(group.members)] = value
            out[k].variance[:, list(group.members)] = np.where(some, 1 / safe, np.inf)
    return out[0], out[1], out[2]


def _update_means(
    model: RunModel, fits: Sequence[GroupFit], factors: FloatArray, spreads: bool
) -> tuple[RunModel, FloatArray]:
    """Mean parameters, retention factors and, when asked for, the spreads."""
    mu, ls, lt = data_estimates(fits, model.groups, model.mu_s.size)
    fitted = [_fitted(fit) for fit in fits]
    for good, group in zip(fitted, model.groups, strict=True):
        lost = np.ix_(~good, np.array(group.members))
        for data in (mu, ls, lt):
            data.variance[lost] = np.inf
    spread = model.spread
    weight = 1 / (mu.variance + spread.mu_s**2)
    total = (weight * model.mu_s**2).sum(axis=1)
    # A trace whose peaks all say too little keeps the factor it has.
    found = (weight * mu.value * model.mu_s).sum(axis=1) / np.where(total > 0, total, 1.0)
    factors = np.where(total > 0, found, factors)
    factors = factors / factors.mean()
    relative = _Data(mu.value / factors[:, None], mu.variance)
    new_mu, mu_sd = _means(relative, spread.mu_s, model.mu_s)
    new_ls, ls_sd = _means(ls, spread.ln_sigma, model.ln_sigma)
    new_lt, lt_sd = _means(lt, spread.ln_tau, model.ln_tau)
    bends = [fit.baseline[good, 2] for fit, good in zip(fits, fitted, strict=True)]
    fronts = fits[0].ln_front[fitted[0]]
    changes: dict[str, object] = {}
    if spreads and factors.size >= 3:
        spread = Spread(
            _spread(relative, new_mu, spread.mu_s, LOWEST.mu_s),
            _spread(ls, new_ls, spread.ln_sigma, LOWEST.ln_sigma),
            _spread(lt, new_lt, spread.ln_tau, LOWEST.ln_tau),
        )
        changes["mean_sd"] = np.stack([mu_sd, ls_sd, lt_sd])
        changes["bend"] = np.array([b.mean() for b in bends])
        changes["bend_sd"] = np.array([1.5 * b.std(ddof=1) for b in bends])
        if model.groups[0].front:
            changes["ln_front"] = float(np.median(fronts))
            changes["ln_front_sd"] = float(max(LEAST_FRONT_SD, 1.2 * fronts.std(ddof=1)))
    changed = replace(model, mu_s=new_mu, ln_sigma=new_ls, ln_tau=new_lt, spread=spread)
    return replace(changed, **changes), factors  # type: ignore[arg-type]


def _means(data: _Data, spread: float, before: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means weighted by what data and spread leave uncertain, and their errors, both (J,)."""
    weight = 1 / (data.variance + spread**2)
    total = weight.sum(axis=0)
    mean = (weight * data.value).sum(axis=0) / np.where(total > 0, total, 1.0)
    error = np.where(total > 0, 1 / np.sqrt(np.where(total > 0, total, 1.0)), spread)
    return np.where(total > 0, mean, before), error


def _spread(data: _Data, mean: FloatArray, before: float, lowest: float) -> float:
    """Standard deviation between traces beyond the uncertainty, pooled over well-known peaks."""
    known = data.variance < before**2
    if np.count_nonzero(known) < 4:
        return before
    n = known.sum(axis=0)
    lost = n / np.maximum(n - 1, 1)
    square = np.where(known, (data.value - mean) ** 2 * lost - data.variance, 0.0)
    use = n >= 2
    variance = float(square[:, use].sum() / n[use].sum()) if use.any() else 0.0
    return float(np.sqrt(max(variance, lowest**2)))


@dataclass(frozen=True, eq=False)
class ShapeColumns:
    """How the coefficients of the correction move the whitened blocks of B traces.

    Parameters
    ----------
    powers : ndarray of float64, shape (B, J, N_POWERS)
        Factors of the powers in each peak.
    columns : ndarray of float64, shape (B, J, N_SPLINES, n)
        Effect of a coefficient with the factor 1 per unit of area.
    area : ndarray of float64, shape (B, J, N_SPLINES)
        Its relative change of the normalisation.
    """

    powers: FloatArray
    columns: FloatArray
    area: FloatArray

    def of_areas(self, area: FloatArray) -> FloatArray:
        """Effects of all coefficients on traces with these areas, (B, N_POWERS·N_SPLINES, n)."""
        weights = area[:, :, None] * self.powers
        both = np.einsum("bjp,bjkn->bpkn", weights, self.columns)
        return np.asarray(both.reshape(area.shape[0], -1, self.columns.shape[-1]))


def shape_columns(correction: Correction, fit: GroupFit, group: Group) -> ShapeColumns:
    """How the coefficients of the correction move what was fitted."""
    width = np.sqrt(np.exp(2 * fit.ln_sigma) + np.exp(2 * fit.ln_tau))
    tau = np.exp(fit.ln_tau)
    powers = powers_of(tau / width, correction.ratio)
    scale = 1 / (1 + powers @ correction.area)
    u = (fit.times_s[:, None, :] - (fit.mu_s + tau)[:, :, None]) / width[:, :, None]
    splines = spline_values(u).transpose(1, 2, 0, 3) * (scale / width)[:, :, None, None]
    # A power only multiplies the splines, before or after they are whitened.
    white = (splines.reshape(-1, group.n) @ group.whitener.T).reshape(splines.shape)
    return ShapeColumns(powers, white, scale[:, :, None] * spline_areas())


def _update_correction(
    model: RunModel, fits: Sequence[GroupFit], scales: FloatArray
) -> tuple[Correction, FloatArray, FloatArray]:
    """Regress the whitened residuals on the correction, everything else projected out.

    Parameters
    ----------
    model : RunModel
        The model so far.
    fits : sequence of GroupFit
        Fits of the groups with it.
    scales : ndarray of float64, shape (N_POWERS,)
        Factors of the prior standard deviations of the powers.

    Returns
    -------
    correction : Correction
        The new correction.
    root : ndarray of float64, shape (N_POWERS·N_SPLINES, k)
        Root of its posterior covariance.
    scales : ndarray of float64, shape (N_POWERS,)
        The most probable factors (MacKay 1992, Neural Computation 4, 415): where the EMG itself
        fits, there is little to correct and little is corrected.
    """
    correction = model.correction
    if not correction.coefficients.any():
        correction = replace(correction, ratio=float(np.mean(np.exp(model.ln_tau) / model.width_s)))
    size = N_POWERS * N_SPLINES
    total = np.zeros((size, size))
    right = np.zeros(size)
    misfit = information = 0.0
    for fit, group in zip(fits, model.groups, strict=True):
        columns = shape_columns(correction, fit, group).of_areas(fit.area)
        cross = columns @ fit.design.transpose(0, 2, 1)
        pulled = (fit.design @ fit.residual[:, :, None])[:, :, 0] - fit.pull
        gain = fit.covariance @ cross.transpose(0, 2, 1)
        weight = 1 / np.maximum(fit.chi2, 1.0)
        inner = columns @ columns.transpose(0, 2, 1) - cross @ gain
        outer = (columns @ fit.residual[:, :, None])[:, :, 0] - (
            gain.transpose(0, 2, 1) @ pulled[:, :, None]
        )[:, :, 0]
        total += np.einsum("b,bkl->kl", weight, inner)
        right += weight @ outer
        size_of = np.trace(inner, axis1=1, axis2=2) * _fitted(fit)
        information += float(size_of.sum())
        misfit += float(size_of @ np.maximum(fit.chi2, 1.0))
    unit = SLOPE_SD ** (-2.0 * np.arange(N_POWERS))
    one = _penalty()
    penalty = np.kron(np.diag(unit / scales**2), one)
    free = np.kron(np.eye(N_POWERS), _gauge(correction.ratio))
    now = correction.coefficients.ravel()
    normal = free.T @ (total + penalty) @ free
    change = free @ np.linalg.solve(normal, free.T @ (right - penalty @ now))
    new = (now + change).reshape(N_POWERS, N_SPLINES)
    updated = Correction.of(new, correction.ratio)
    covariance = free @ np.linalg.inv(normal) @ free.T
    freedom = free.shape[1] / N_POWERS
    found = np.empty(N_POWERS)
    for k in range(N_POWERS):
        block = slice(k * N_SPLINES, (k + 1) * N_SPLINES)
        known = freedom - float(np.sum(covariance[block, block] * one)) * unit[k] / scales[k] ** 2
        found[k] = float(new[k] @ one @ new[k]) * unit[k] / max(known, 1.0)
    scales = np.sqrt(found)
    scales[1:] = np.minimum(scales[1:], LATER_SCALE * scales[0])
    scales = np.clip(scales, LEAST_SCALES, 1.0)
    # Where the best-known peaks don't fit to the noise, the shape is as much less certain.
    spare = SHAPE_CAUTION * np.sqrt(misfit / information) if information > 0 else SHAPE_CAUTION
    root = spare * free @ np.linalg.inv(np.linalg.cholesky(normal)).T
    return updated, root, scales


def _shape_effects(model: RunModel, fit: GroupFit, group: Group) -> FloatArray:
    """Effects of the shape's coefficients on the areas, (J, J, N_SPLINES), mean of all traces."""
    shape = shape_columns(model.correction, fit, group)
    n = len(group.members)
    solved = fit.covariance[:, :n] @ fit.design
    used = _fitted(fit).astype(np.float64)
    weighted = solved * (used / used.sum())[:, None, None]
    effects = np.einsum("bin,bjkn->ijk", weighted, shape.columns)
    index = np.arange(n)
    effects[index, index] -= np.average(shape.area, axis=0, weights=used)
    return np.asarray(effects)


def _fitted(fit: GroupFit) -> BoolArray:
    """Traces whose fit is about as good as the usual one, shape (B,)."""
    return np.asarray(fit.chi2 <= NOT_FITTED * max(1.0, float(np.median(fit.chi2))))


def _penalty() -> FloatArray:
    """Prior precision of the correction's coefficients."""
    second = np.diff(np.eye(N_SPLINES), 2, axis=0)
    middles = np.linspace(U_LOW, U_HIGH, N_SPLINES - 2)
    middles = np.concatenate([[U_LOW], middles, [U_HIGH]])
    sd = END_SD + (MIDDLE_SD - END_SD) * np.exp(-0.5 * (middles / 1.8) ** 2)
    sd *= np.exp(-np.maximum(middles - TAIL_FROM, 0) / TAIL_DECAY)
    return np.asarray(second.T @ second / BEND_SD**2 + np.diag(sd**-2.0))


def _gauge(ratio: float) -> FloatArray:
    """Basis of the corrections that no change of area, µ, σ or τ can stand for."""
    u = np.asarray(U_LOW + U_STEP * np.arange(round((U_HIGH - U_LOW) / U_STEP) + 1), np.float64)
    sigma, tau = np.sqrt(1 - ratio**2), ratio
    one = np.array(1.0)
    values = shape_values(u + tau, 0 * one, sigma * one, tau * one, Correction.none())
    splines = spline_values(u)
    rows = [
        splines @ part
        for part in (values.value, values.by_mu, values.by_ln_sigma, values.by_ln_tau)
    ]
    pins = np.eye(N_SPLINES)
    rows += [pins[i] for i in (*range(PINNED), *range(N_SPLINES - PINNED, N_SPLINES))]
    return np.asarray(null_space(np.asarray(rows)))


def _noise(
    traces: Sequence[RunningMean],
    factors: FloatArray,
    guess: PeakGuess,
    first_s: float,
    last_s: float,
    front_s: float | None,
) -> NoiseSpectrum:
    """Noise between the peaks, from up to a dozen traces."""
    chosen = np.unique(np.linspace(0, len(traces) - 1, 12).astype(int))
    step = traces[0].step_s
    block_s = max(1, round(1.5 / step)) * step
    stretches = []
    for i in chosen.tolist():
        low = (guess.rt_s - NOISE_BEFORE * guess.sigma_s) * factors[i]
        high = (guess.rt_s + NOISE_BEHIND * guess.sigma_s) * factors[i]
        begin = first_s + FRONT_DECAYS * (front_s or 0.0)
        for a, b in zip([begin, *high], [*low, last_s], strict=True):
            begin = max(begin, a)
            n = int((b - begin) / block_s)
            if n >= 4:
                stretches.append(traces[i].blocks(traces[i].snap(begin), block_s, n))
    return estimate_spectrum(stretches, block_s)
