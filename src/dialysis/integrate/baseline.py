"""The baseline of a trace, on blocks.

Two passes.  The first, arPLS, needs no knowledge of the peaks.  The second is a Whittaker
smoother of the blocks outside the peaks that the first pass let us find, plus the falling
exponential of the solvent front where there is one: it is linear in the signal, so nothing of a
peak's tail is drawn into it by reweighting, and the standard error of an area can be computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from dialysis.chromatogram import FloatArray
from dialysis.integrate.blocks import Blocks, BoolArray

# Undulations of this period are followed by half (at baseline_stiffness 1).
HALF_POWER_PERIOD_S = 240.0
# arPLS stops when its weights change by less than this part; the second pass refines the rest.
ARPLS_TOLERANCE = 0.05
# Decay times of the solvent front that are tried, s.
FRONT_DECAY_S = np.geomspace(6.0, 150.0, 7)
# A front is fitted when it improves the fit by this many noise variances.
FRONT_SCORE = 50.0


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
    _factor: FloatArray

    def at(self, times_s: FloatArray) -> FloatArray:
        """Evaluate the baseline at any times inside the blocks, signal unit."""
        values: FloatArray = np.interp(times_s, self.blocks.times_s, self.smooth)
        if self.front_s is not None:
            values = values + _front_columns(
                times_s - self.blocks.times_s[0], self.front_s
            ) @ np.asarray(self.front)
        return values

    def front_at(self, time_s: float) -> float:
        """Value of the solvent front alone, signal unit; 0 when there is none."""
        if self.front_s is None:
            return 0.0
        columns = _front_columns(np.array([time_s - self.blocks.times_s[0]]), self.front_s)
        return float(columns[0] @ np.asarray(self.front))

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
        low = np.maximum(edges[None, :], start_s[:, None])
        high = np.minimum(edges[None, :] + self.blocks.interval_s, end_s[:, None])
        inside = np.maximum(high - low, 0.0)
        weight = self.free.astype(np.float64)
        columns = inside.T
        if self.front_s is not None:
            front = _front_columns(self.blocks.times_s - self.blocks.times_s[0], self.front_s)
            columns = np.hstack([columns, weight[:, None] * front])
        solved = cho_solve_banded((self._factor, True), columns, check_finite=False)
        smoothed = solved[:, : inside.shape[0]] * weight[:, None]
        if self.front_s is None:
            plain: FloatArray = inside - smoothed.T
            return plain
        through = weight[:, None] * (front - solved[:, inside.shape[0] :])
        gain = np.linalg.solve(front.T @ through, through.T)
        front_in_area = (inside.T - smoothed).T @ front
        out: FloatArray = inside - smoothed.T - front_in_area @ gain
        return out


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

    Asymmetrically reweighted penalised least squares (Baek et al., Analyst 140, 250, 2015), as
    implemented by pybaselines.
    """
    from pybaselines.whittaker import arpls

    lam = stiffness_lambda(blocks.interval_s, stiffness)
    centre = float(np.median(blocks.signal))
    values, _ = arpls(blocks.signal - centre, lam=lam, tol=ARPLS_TOLERANCE)
    out: FloatArray = np.asarray(values, dtype=np.float64) + centre
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
    centre = float(np.median(blocks.signal[free]))
    signal = blocks.signal - centre
    lam = stiffness_lambda(blocks.interval_s, stiffness)
    factor = cholesky_banded(_penalised(weight, lam), lower=True, check_finite=False)

    def solve(right: FloatArray) -> FloatArray:
        out: FloatArray = cho_solve_banded((factor, True), right, check_finite=False)
        return out

    if not with_front:
        smooth = solve(weight * signal)
        return Baseline(blocks, smooth + centre, None, (0.0, 0.0), free, factor)
    since = blocks.times_s - blocks.times_s[0]
    grid = FRONT_DECAY_S
    if before is not None and before.front_s is not None:
        # The Gauss–Newton step of the pass before, taken in ln τ.
        step = before.front[1] / before.front[0] if before.front[0] > 0 else 0.0
        grid = np.array([before.front_s * np.exp(np.clip(step, -0.3, 0.3))])
    tried = np.exp(-since[:, None] / grid)
    solved = solve(weight[:, None] * np.column_stack([signal, tried]))
    smooth = solved[:, 0]
    residual = weight * (signal - smooth)
    through = weight[:, None] * (tried - solved[:, 1:])
    size = np.einsum("ij,ij->j", tried, through)
    along = tried.T @ residual
    gain = np.where((along > 0) & (size > 0), along**2 / np.maximum(size, 1e-300), 0.0)
    best = int(np.argmax(gain))
    if gain[best] <= FRONT_SCORE * noise**2:
        return Baseline(blocks, smooth + centre, None, (0.0, 0.0), free, factor)
    decay = _between(grid, gain, best)
    columns = _front_columns(since, decay)
    smoothed_columns = solve(weight[:, None] * columns)
    through = weight[:, None] * (columns - smoothed_columns)
    normal = columns.T @ through
    coefficients = np.linalg.solve(normal, columns.T @ residual)
    smooth = smooth - smoothed_columns @ coefficients
    front = (float(coefficients[0]), float(coefficients[1]))
    return Baseline(blocks, smooth + centre, decay, front, free, factor)


def _penalised(weight: FloatArray, lam: float) -> FloatArray:
    """W + λD'D in lower banded form, D the second difference."""
    n = weight.size
    bands = np.zeros((3, n))
    bands[0] = 6.0
    bands[0, [0, -1]] = 1.0
    bands[0, [1, -2]] = 5.0
    bands[1, : n - 1] = -4.0
    bands[1, [0, n - 2]] = -2.0
    bands[2, : n - 2] = 1.0
    bands *= lam
    bands[0] += weight
    return bands


def _front_columns(since_s: FloatArray, decay_s: float) -> FloatArray:
    """exp(−u/τ) and its derivative by ln τ."""
    scaled = since_s / decay_s
    falling = np.exp(-scaled)
    return np.column_stack([falling, scaled * falling])


def _between(grid: FloatArray, gain: FloatArray, best: int) -> float:
    """Refine the place of a maximum on a geometric grid by a parabola."""
    if best in (0, grid.size - 1):
        return float(grid[best])
    left, middle, right = gain[best - 1 : best + 2]
    curvature = left - 2 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return float(grid[best] * (grid[1] / grid[0]) ** shift)
