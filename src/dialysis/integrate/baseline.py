"""The baseline of a trace, on blocks.

Two passes.  The first, arPLS, needs no knowledge of the peaks.  The second is a Whittaker
smoother of the blocks outside the peaks that the first pass let us find, plus the falling
exponential of the solvent front where there is one: it is linear in the signal, so nothing of a
peak's tail is drawn into it by reweighting, and the standard error of an area can be computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg.lapack import dpbsv, dpbtrf, dpbtrs
from scipy.special import expit

from dialysis.chromatogram import FloatArray
from dialysis.integrate.blocks import Blocks, BoolArray

# Undulations of this period are followed by half (at baseline_stiffness 1).
HALF_POWER_PERIOD_S = 240.0
# arPLS stops when its weights change by less than this part; the second pass refines the rest.
ARPLS_TOLERANCE = 0.05
ARPLS_ROUNDS = 50
# arPLS works on means over this part of the half-power period, on this many at least.
ARPLS_PERIOD_PART = 1 / 80
ARPLS_FEWEST = 100
# The second pass is a line with knots this part of the half-power period apart, so many at least.
KNOT_PERIOD_PART = 1 / 30
FEWEST_KNOTS = 20
# Decay times of the solvent front that are tried, s.
FRONT_DECAY_S = np.geomspace(6.0, 150.0, 7)
# A front is fitted when it improves the fit by this many noise variances.
FRONT_SCORE = 50.0


@dataclass(frozen=True, eq=False)
class _Knots:
    """A line with knots every few blocks: `n` blocks, `size` of them from knot to knot."""

    n: int
    size: int

    @property
    def count(self) -> int:
        """Number of knots."""
        return -(-self.n // self.size) + 1

    def values(self, knots: FloatArray) -> FloatArray:
        """Values on the blocks of lines with these values at the knots, (m, count) to (m, n)."""
        pairs = np.stack([knots[:, :-1], knots[:, 1:]], axis=2).reshape(-1, 2)
        lines = pairs @ _parts(self.size).T
        return np.asarray(lines.reshape(knots.shape[0], -1)[:, : self.n])

    def projected(self, rows: FloatArray) -> FloatArray:
        """The transpose of `values`, (m, n) to (m, count)."""
        padded = self._padded(rows)
        parts = (padded.reshape(-1, self.size) @ _parts(self.size)).reshape(*padded.shape[:2], 2)
        out = np.zeros((rows.shape[0], self.count))
        out[:, :-1] = parts[:, :, 0]
        out[:, 1:] += parts[:, :, 1]
        return out

    def normal(self, weight: FloatArray) -> FloatArray:
        """Σ weight·(values)² as a banded matrix of the knots, lower form, shape (3, count)."""
        before, behind = _parts(self.size).T
        products = np.column_stack([before**2, before * behind, behind**2])
        parts = self._padded(weight[None, :])[0] @ products
        bands = np.zeros((3, self.count))
        bands[0, :-1] = parts[:, 0]
        bands[0, 1:] += parts[:, 2]
        bands[1, :-1] = parts[:, 1]
        return bands

    def _padded(self, rows: FloatArray) -> FloatArray:
        out = np.zeros((rows.shape[0], (self.count - 1) * self.size))
        out[:, : self.n] = rows
        return out.reshape(rows.shape[0], -1, self.size)


@dataclass(frozen=True, eq=False)
class Baseline:
    """A baseline and how it depends on the signal.

    Parameters
    ----------
    blocks : Blocks
        What it was fitted to.
    smooth : ndarray of float64, shape (n,)
        Its smooth part on the blocks, signal unit.
    front_s : float or None
        Decay time of the solvent front, s; None when there is none.
    front : tuple of float
        Coefficients of exp(−u/τ) and (u/τ)·exp(−u/τ), u the time from the first block.
    free : ndarray of bool, shape (n,)
        Blocks it was fitted to.
    """

    blocks: Blocks
    smooth: FloatArray
    front_s: float | None
    front: tuple[float, float]
    free: BoolArray
    _knots: _Knots
    _factor: FloatArray

    def at(self, times_s: FloatArray) -> FloatArray:
        """Evaluate the baseline at any times inside the blocks, signal unit."""
        values: FloatArray = np.interp(times_s, self.blocks.times_s, self.smooth)
        if self.front_s is not None:
            front = _front_rows(times_s - self.blocks.times_s[0], self.front_s)
            values = values + self.front[0] * front[0] + self.front[1] * front[1]
        return values

    def front_at(self, time_s: float) -> float:
        """Value of the solvent front alone, signal unit; 0 when there is none."""
        if self.front_s is None:
            return 0.0
        scaled = (time_s - float(self.blocks.times_s[0])) / self.front_s
        return float((self.front[0] + self.front[1] * scaled) * np.exp(-scaled))

    def area_weights(self, start_s: FloatArray, end_s: FloatArray) -> FloatArray:
        """Weights c of the blocks in each area above this baseline: area = Σ c·signal.

        Parameters
        ----------
        start_s, end_s : ndarray of float64, shape (m,)
            Limits of the areas, s.

        Returns
        -------
        ndarray of float64, shape (m, n)
            In s; they sum to zero, as a constant added to the signal changes no area.
        """
        edges = self.blocks.times_s - 0.5 * self.blocks.interval_s
        low = np.maximum(edges, start_s[:, None])
        high = np.minimum(edges + self.blocks.interval_s, end_s[:, None])
        inside = np.maximum(high - low, 0.0)
        if self.front_s is None:
            plain: FloatArray = inside - self._smoothed(inside) * self.free
            return plain
        front = _front_rows(self.blocks.times_s - self.blocks.times_s[0], self.front_s)
        n = start_s.size
        solved = self._smoothed(np.concatenate([inside, self.free * front]))
        left: FloatArray = inside - solved[:n] * self.free
        through = self.free * (front - solved[n:])
        gain = np.linalg.solve(front @ through.T, through)
        left -= (left @ front.T) @ gain
        return left

    def _smoothed(self, rows: FloatArray) -> FloatArray:
        """The smoother's answer to some rows of block values, shape (m, n)."""
        return self._knots.values(_solve(self._factor, self._knots.projected(rows).T).T)


@lru_cache(maxsize=32)
def _parts(size: int) -> FloatArray:
    """Parts of a block's value that come from the knot before and the one behind, (size, 2)."""
    behind = (np.arange(size) + 0.5) / size
    return np.column_stack([1 - behind, behind])


def half_power_period_s(stiffness: float) -> float:
    """Period of the undulations that the baseline follows by half, s."""
    return HALF_POWER_PERIOD_S * float(np.sqrt(np.sqrt(stiffness)))


def stiffness_lambda(interval_s: float, stiffness: float) -> float:
    """Smoothness λ of a second-order Whittaker smoother on blocks of `interval_s`.

    The smoother passes a wave of angular frequency ω (per block) by 1/(1 + λω⁴), so λ = (P/2π)⁴
    halves a wave with a period of P blocks; λ grows with the fourth power of the blocks per
    minute and the baseline does not depend on the sampling.
    """
    return float((half_power_period_s(stiffness) / (2 * np.pi * interval_s)) ** 4)


def arpls_baseline(blocks: Blocks, stiffness: float) -> FloatArray:
    """First baseline, without knowledge of the peaks.

    Asymmetrically reweighted penalised least squares (Baek et al., Analyst 140, 250, 2015): from
    fit to fit a block counts 1/(1 + exp(2(r − 2s + m)/s)), with m and s mean and standard
    deviation of the negative residuals r.

    Notes
    -----
    It works on means of so many blocks as `ARPLS_PERIOD_PART` of the half-power period holds:
    what is finer than that does not show in a baseline so stiff, and takes time.
    """
    together = max(1, int(half_power_period_s(stiffness) * ARPLS_PERIOD_PART / blocks.interval_s))
    together = min(together, blocks.n // ARPLS_FEWEST) if blocks.n > ARPLS_FEWEST else 1
    whole = blocks.n // together * together
    starts = np.arange(0, whole, together)
    centre = float(blocks.signal.mean())
    # The few blocks that are left over belong to the last mean.
    size = np.diff(starts, append=blocks.n)
    y = np.add.reduceat(blocks.signal, starts) / size - centre
    bands = np.zeros((3, y.size))
    _add_penalty(bands, stiffness_lambda(blocks.interval_s * together, stiffness))
    diagonal = bands[0].copy()
    weight = np.ones(y.size)
    values = y
    for _ in range(ARPLS_ROUNDS):
        system = bands.copy()
        system[0] = diagonal + weight
        _, values, _ = dpbsv(system, weight * y, lower=1, overwrite_ab=1, overwrite_b=1)
        residual = y - values
        below = residual[residual < 0]
        if below.size < 2:
            break
        middle = below.sum() / below.size
        spread = float(np.sqrt(np.square(below - middle).sum() / (below.size - 1)))
        if spread == 0.0:
            break
        new = expit((-2.0 / spread) * (residual - (2 * spread - middle)))
        change = new - weight
        done = change @ change < ARPLS_TOLERANCE**2 * (weight @ weight)
        weight = new
        if done:
            break
    times = np.add.reduceat(blocks.times_s, starts) / size
    out: FloatArray = np.interp(blocks.times_s, times, values) + centre
    return out


def masked_baseline(
    blocks: Blocks,
    free: BoolArray,
    stiffness: float,
    noise: float,
    with_front: bool,
    before: Baseline | None = None,
) -> Baseline:
    """Baseline through the blocks outside the peaks.

    Minimises Σ over free blocks of (y − z − f)² + λ Σ (Δ²z)², with f the exponential tail of the
    solvent front when `with_front` and when it improves the fit by more than `FRONT_SCORE` noise
    variances.  Its decay time is taken from the best of a grid and one Gauss–Newton step.

    Parameters
    ----------
    blocks : Blocks
        The trace.
    free : ndarray of bool, shape (n,)
        Blocks outside the peaks; at least three.
    stiffness : float
        Multiplies λ.
    noise : float
        Standard deviation of a block, signal unit.
    with_front : bool
        Whether a solvent front is sought.
    before : Baseline, optional
        The baseline of an earlier pass; its decay time is the only one tried then.
    """
    weight = free.astype(np.float64)
    centre = float(blocks.signal[free].mean())
    signal = blocks.signal - centre
    # A line so stiff needs no knot on every block.
    size = int(half_power_period_s(stiffness) * KNOT_PERIOD_PART / blocks.interval_s)
    knots = _Knots(blocks.n, max(1, min(size, blocks.n // FEWEST_KNOTS)))
    bands = knots.normal(weight)
    # Second differences grow with the square of the distance, and there are fewer of them.
    _add_penalty(bands, stiffness_lambda(blocks.interval_s, stiffness) / knots.size**3)
    factor, _ = dpbtrf(bands, lower=1, overwrite_ab=1)

    def smoothed(rows: FloatArray) -> FloatArray:
        """The smoother's answer to some rows of block values, weighted already."""
        return knots.values(_solve(factor, knots.projected(rows).T).T)

    def done(smooth: FloatArray, front_s: float | None, front: tuple[float, float]) -> Baseline:
        return Baseline(blocks, smooth + centre, front_s, front, free, knots, factor)

    if not with_front:
        return done(smoothed((weight * signal)[None, :])[0], None, (0.0, 0.0))
    since = blocks.times_s - blocks.times_s[0]
    grid = FRONT_DECAY_S
    if before is not None and before.front_s is not None:
        # The Gauss–Newton step of the pass before, taken in ln τ.
        step = before.front[1] / before.front[0] if before.front[0] > 0 else 0.0
        grid = np.array([before.front_s * np.exp(np.clip(step, -0.3, 0.3))])
    tried = np.exp(-since / grid[:, None])
    solved = smoothed(weight * np.concatenate([signal[None, :], tried]))
    smooth = solved[0]
    residual = weight * (signal - smooth)
    through = weight * (tried - solved[1:])
    size = np.einsum("ij,ij->i", tried, through)
    along = tried @ residual
    gain = np.where((along > 0) & (size > 0), along**2 / np.maximum(size, 1e-300), 0.0)
    best = int(np.argmax(gain))
    if gain[best] <= FRONT_SCORE * noise**2:
        return done(smooth, None, (0.0, 0.0))
    decay = _between(grid, gain, best)
    rows = _front_rows(since, decay)
    drawn = smoothed(weight * rows)
    normal = rows @ (weight * (rows - drawn)).T
    first, second = np.linalg.solve(normal, rows @ residual).tolist()
    return done(smooth - first * drawn[0] - second * drawn[1], decay, (first, second))


def _add_penalty(bands: FloatArray, lam: float) -> None:
    """Add λD'D in lower banded form, D the second difference; bands has the shape (3, n)."""
    n = bands.shape[1]
    bands[0] += 6.0 * lam
    bands[0, [0, -1]] -= 5.0 * lam
    bands[0, [1, -2]] -= lam
    bands[1, : n - 1] -= 4.0 * lam
    bands[1, [0, n - 2]] += 2.0 * lam
    bands[2, : n - 2] += lam


def _solve(factor: FloatArray, right: FloatArray) -> FloatArray:
    """Solve with the Cholesky factor of a banded matrix, as LAPACK gives it."""
    out: FloatArray
    out, _ = dpbtrs(factor, right, lower=1)
    return out


def _front_rows(since_s: FloatArray, decay_s: float) -> FloatArray:
    """exp(−u/τ) and its derivative by ln τ, shape (2, n)."""
    scaled = since_s / decay_s
    rows = np.empty((2, scaled.size))
    np.exp(-scaled, out=rows[0])
    np.multiply(scaled, rows[0], out=rows[1])
    return rows


def _between(grid: FloatArray, gain: FloatArray, best: int) -> float:
    """Refine the place of a maximum on a geometric grid by a parabola."""
    if best in (0, grid.size - 1):
        return float(grid[best])
    left, middle, right = gain[best - 1 : best + 2]
    curvature = left - 2 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return float(grid[best] * (grid[1] / grid[0]) ** shift)
