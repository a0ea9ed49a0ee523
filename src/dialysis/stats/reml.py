"""Restricted (or full) maximum likelihood for Gaussian models with blocks of correlated rows.

The design is turned into an orthonormal basis first and the response into its least-squares
residual of unit variance, which changes neither the likelihood's optimum nor any test, and makes
the arithmetic independent of scale.  Rows are then whitened by the Cholesky factor of each
pattern's covariance; everything that derivatives and inference need is a product of whitened rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import solve_triangular

from dialysis.errors import StatsError
from dialysis.stats.arrays import BoolArray, FloatArray
from dialysis.stats.blocks import Blocks
from dialysis.stats.covariance import LARGEST_RHO, Structure

Method = Literal["REML", "ML"]
Status = Literal["ok", "singular", "failed", "not_estimable"]

# A residual standard deviation below this share of the largest value is rounding.
NEGLIGIBLE = 1e-11
_MAX_STEPS = 200
_DECREMENT = 1e-11
# Parameters of a response of unit variance this close to an optimum found before lead to it.
_SAME_OPTIMUM = 1e-4


@dataclass(frozen=True)
class Basis:
    """Design and response in the form that is computed with.

    Parameters
    ----------
    q : ndarray of float, shape (n, r)
        Orthonormal columns that span the design.
    to_params : ndarray of float, shape (p, r)
        Turns coefficients of `q` into those of the design (minimum norm when r < p).
    null_space : ndarray of float, shape (p, p − r)
        Combinations of coefficients that the data say nothing about.
    log_det : float
        log|X'X| of the design, 0-dimensional directions left out.
    response : ndarray of float, shape (n,)
        Least-squares residual divided by `scale`.
    offset : ndarray of float, shape (r,)
        Least-squares coefficients of `q`.
    scale : float
        Standard deviation of the least-squares residual.
    """

    q: FloatArray
    to_params: FloatArray
    null_space: FloatArray
    log_det: float
    response: FloatArray
    offset: FloatArray
    scale: float


def make_basis(response: FloatArray, design: FloatArray) -> Basis:
    """Turn the design into an orthonormal basis, also when its columns are dependent."""
    norms = np.linalg.norm(design, axis=0)
    norms[norms == 0.0] = 1.0
    left, singular, right = np.linalg.svd(design / norms, full_matrices=False)
    rank = int(np.sum(singular > 1e-10 * singular[0])) if len(singular) else 0
    q = left[:, :rank]
    p = design.shape[1]
    if rank == p:
        to_params = (right.T / singular) / norms[:, None]
        null_space = np.zeros((p, 0))
        log_det = float(2.0 * np.sum(np.log(singular)) + 2.0 * np.sum(np.log(norms)))
    else:
        # The row space of the design before its columns were scaled.
        _, _, vectors = np.linalg.svd(right[:rank] * norms, full_matrices=True)
        null_space, inside = vectors[rank:].T, vectors[:rank].T
        triangle = q.T @ (design @ inside)
        to_params = inside @ np.linalg.inv(triangle)
        log_det = float(2.0 * np.linalg.slogdet(triangle)[1])
    offset = q.T @ response
    residual = response - q @ offset
    residual -= q @ (q.T @ residual)
    free = max(len(response) - rank, 1)
    scale = float(np.sqrt(residual @ residual / free))
    shown = residual / scale if scale > 0 else residual
    return Basis(q, to_params, null_space, log_det, shown, offset, scale)


@dataclass(frozen=True)
class PatternState:
    """Whitened rows of one pattern: m blocks of k rows.

    Parameters
    ----------
    u : ndarray of float, shape (k, m, r)
        Whitened design in the basis in which cov(β̂) is the identity.
    e : ndarray of float, shape (k, m)
        Whitened residuals.
    first : list of ndarray of float, shape (k, k)
        L⁻¹ V_h L⁻ᵀ.
    second : dict of (int, int) to ndarray of float, shape (k, k)
        L⁻¹ V_hj L⁻ᵀ.
    inverse : ndarray of float, shape (k, k)
        L⁻¹, with V = L L′.
    """

    u: FloatArray
    e: FloatArray
    first: list[FloatArray]
    second: dict[tuple[int, int], FloatArray]
    inverse: FloatArray


@dataclass(frozen=True)
class State:
    """The criterion at one θ, with what its derivatives and inference are made of.

    Parameters
    ----------
    criterion : float
        −2 log likelihood without constants.
    gradient : ndarray of float, shape (q,)
        Its derivatives.
    expected, observed : ndarray of float, shape (q, q)
        Expected and observed information of θ.
    cholesky : ndarray of float, shape (r, r)
        Upper factor R of X̃'X̃ = R'R.
    coefficients : ndarray of float, shape (r,)
        Of the basis, without its offset.
    p_matrices : list of ndarray of float, shape (r, r)
        P_h in the basis in which cov(β̂) is the identity.
    patterns : tuple of PatternState
        One per pattern.
    rss : float
        r'V⁻¹r.
    """

    criterion: float
    gradient: FloatArray
    expected: FloatArray
    observed: FloatArray
    cholesky: FloatArray
    coefficients: FloatArray
    p_matrices: list[FloatArray]
    patterns: tuple[PatternState, ...]
    rss: float


class Likelihood:
    """The likelihood of one data set as a function of the covariance parameters.

    Parameters
    ----------
    basis : Basis
        Design and response.
    blocks : Blocks
        Which rows belong together.
    structure : Structure
        The covariance.
    method : {"REML", "ML"}
        Which likelihood.
    """

    def __init__(
        self, basis: Basis, blocks: Blocks, structure: Structure, method: Method = "REML"
    ) -> None:
        self.structure = structure
        self.blocks = blocks
        self.restricted = method == "REML"
        self.n, self.rank = basis.q.shape
        data = np.column_stack([basis.q, basis.response])
        # (k, m, r + 1): a pattern's whitening is then one product.
        self._data = [
            np.ascontiguousarray(data[pattern.rows].transpose(1, 0, 2))
            for pattern in blocks.patterns
        ]

    @property
    def free_rows(self) -> int:
        """Rows minus rank under REML, rows under ML."""
        return int(self.n - self.rank if self.restricted else self.n)

    def profile(self, theta: FloatArray) -> tuple[float, float]:
        """Return the criterion with the scale of all variances profiled out, and that scale."""
        gram, log_det = self._gram(theta)
        if gram is None:
            return np.inf, 1.0
        factor = _cholesky(gram[:-1, :-1])
        if factor is None:
            return np.inf, 1.0
        projected = solve_triangular(factor, gram[:-1, -1], trans="T", check_finite=False)
        rss = float(gram[-1, -1] - projected @ projected)
        if not rss > 0:
            return np.inf, 1.0
        scale = rss / self.free_rows
        value = self.free_rows * (1.0 + np.log(scale)) + log_det
        if self.restricted:
            value += 2.0 * float(np.sum(np.log(np.diag(factor))))
        return value, scale

    def criterion(self, theta: FloatArray) -> float:
        """−2 log likelihood without constants; infinite where V is not positive definite."""
        gram, log_det = self._gram(theta)
        if gram is None:
            return np.inf
        factor = _cholesky(gram[:-1, :-1])
        if factor is None:
            return np.inf
        projected = solve_triangular(factor, gram[:-1, -1], trans="T", check_finite=False)
        value = log_det + float(gram[-1, -1] - projected @ projected)
        if self.restricted:
            value += 2.0 * float(np.sum(np.log(np.diag(factor))))
        return value

    def _gram(self, theta: FloatArray) -> tuple[FloatArray | None, float]:
        gram = np.zeros((self.rank + 1, self.rank + 1))
        log_det = 0.0
        for pattern, data in zip(self.blocks.patterns, self._data, strict=True):
            lower = _cholesky(self.structure.value(theta, pattern))
            if lower is None:
                return None, np.inf
            k, m, width = data.shape
            white = solve_triangular(
                lower, data.reshape(k, m * width), trans="T", check_finite=False
            ).reshape(k * m, width)
            gram += white.T @ white
            log_det += 2.0 * m * float(np.sum(np.log(np.diag(lower))))
        return gram, log_det

    def state(self, theta: FloatArray) -> State:
        """Everything at one θ.

        Raises
        ------
        StatsError
            If the covariance is not positive definite there.
        """
        names = self.structure.names
        q, r = len(names), self.rank
        whitened, log_det = [], 0.0
        gram = np.zeros((r + 1, r + 1))
        for pattern, data in zip(self.blocks.patterns, self._data, strict=True):
            matrix = self.structure.at(theta, pattern)
            upper = _cholesky(matrix.value)
            if upper is None:
                raise StatsError("the covariance of the residuals is not positive definite")
            k, m, width = data.shape
            inverse = solve_triangular(upper, np.eye(k), trans="T", check_finite=False)
            white = (inverse @ data.reshape(k, m * width)).reshape(k, m, width)
            flat = white.reshape(k * m, width)
            gram += flat.T @ flat
            log_det += 2.0 * m * float(np.sum(np.log(np.diag(upper))))
            whitened.append((matrix, inverse, white))
        factor = _cholesky(gram[:-1, :-1])
        if factor is None:
            raise StatsError("the design is not of full rank in the metric of the covariance")
        projected = solve_triangular(factor, gram[:-1, -1], trans="T", check_finite=False)
        coefficients = solve_triangular(factor, projected, check_finite=False)
        to_unit = solve_triangular(factor, np.eye(r), check_finite=False)

        trace = np.zeros(q)
        trace_pair = np.zeros((q, q))
        trace_second = np.zeros((q, q))
        quadratic = np.zeros(q)
        quadratic_second = np.zeros((q, q))
        e_pair = np.zeros((q, q))
        cross = np.zeros((q, q))
        u_e = np.zeros((q, r))
        p_matrices = np.zeros((q, r, r))
        patterns = []
        rss = 0.0
        for matrix, inverse, white in whitened:
            k, m, width = white.shape
            flat_u = white[:, :, :-1].reshape(k * m, r) @ to_unit
            e = white[:, :, -1] - (white[:, :, :-1] @ coefficients)
            rss += float(np.sum(e * e))
            first = inverse @ np.array(matrix.first) @ inverse.T
            second = {at: inverse @ part @ inverse.T for at, part in matrix.second.items()}
            # All parameters in one product each: rows are h × k.
            stacked = first.reshape(q * k, k)
            b = (stacked @ flat_u.reshape(k, m * r)).reshape(q, k * m, r)
            ge = (stacked @ e).reshape(q, k * m)
            trace += m * np.trace(first, axis1=1, axis2=2)
            trace_pair += m * (first.reshape(q, k * k) @ first.reshape(q, k * k).T)
            quadratic += ge @ e.reshape(k * m)
            e_pair += ge @ ge.T
            u_e += ge @ flat_u
            p_matrices -= flat_u.T @ b
            if self.restricted:
                cross += b.reshape(q, k * m * r) @ b.reshape(q, k * m * r).T
            for (h, j), part in second.items():
                # tr(U'GU) = Σ G·UU', summed over the blocks.
                on_u = 0.0
                if self.restricted:
                    wide = flat_u.reshape(k, m * r)
                    on_u = float(np.sum(part * (wide @ wide.T)))
                trace_second[h, j] += m * np.trace(part) - on_u
                quadratic_second[h, j] += float(np.sum(part * (e @ e.T)))
            patterns.append(PatternState(flat_u.reshape(k, m, r), e, [*first], second, inverse))
        on_p = np.trace(p_matrices, axis1=1, axis2=2)
        pairs = p_matrices.reshape(q, r * r) @ p_matrices.reshape(q, r * r).T
        if self.restricted:
            trace_p = trace + on_p
            trace_pp = trace_pair - 2.0 * cross + pairs
        else:
            trace_p, trace_pp = trace, trace_pair
        residual_pair = e_pair - u_e @ u_e.T
        hessian = _symmetric(trace_second - quadratic_second) - trace_pp + 2.0 * residual_pair
        value = log_det + rss
        if self.restricted:
            value += 2.0 * float(np.sum(np.log(np.diag(factor))))
        return State(
            criterion=value,
            gradient=trace_p - quadratic,
            expected=0.5 * trace_pp,
            observed=0.5 * hessian,
            cholesky=factor,
            coefficients=coefficients,
            p_matrices=[*p_matrices],
            patterns=tuple(patterns),
            rss=rss,
        )


@dataclass(frozen=True)
class Optimum:
    """Where the likelihood is largest.

    Parameters
    ----------
    theta : ndarray of float, shape (q,)
        Parameters, for the response of unit variance.
    state : State
        The likelihood there.
    at_bound : ndarray of bool, shape (q,)
        Parameters that sit on a bound.
    converged : bool
        Whether the Newton decrement vanished.
    decrement : float
        The last Newton decrement: the distance to the optimum in log likelihood, doubled.
    """

    theta: FloatArray
    state: State
    at_bound: BoolArray
    converged: bool
    decrement: float


def maximise(likelihood: Likelihood, start: FloatArray | None = None) -> Optimum:
    """Find the largest likelihood within the bounds of the parameters.

    Parameters
    ----------
    likelihood : Likelihood
        What to maximise.
    start : ndarray of float, shape (q,), optional
        A point near the optimum, such as that of a submodel; it replaces the search for one.

    Notes
    -----
    A coarse grid with the scale profiled out gives starting points; from the best two, projected
    Newton steps with Fisher's information, and with the observed one where that is positive
    definite, run to the point where a step would change the likelihood by less than rounding.
    """
    structure = likelihood.structure
    if start is not None:
        return _climb(likelihood, start)
    scored = []
    for point in structure.starts():
        value, scale = likelihood.profile(point)
        if np.isfinite(value):
            scaled = np.where(structure.scales, point * scale, point)
            scored.append((value, scaled))
    if not scored:
        raise StatsError("no starting point has a positive definite covariance")
    scored.sort(key=lambda pair: pair[0])
    starts = [scored[0][1]]
    for _, theta in scored[1:]:
        # A second start helps only from another region of the surface.
        if np.max(np.abs(theta - starts[0])) > 0.25:
            starts.append(theta)
            break
    best = _climb(likelihood, starts[0])
    for other_start in starts[1:]:
        other = _climb(likelihood, other_start, known=best)
        best = min(best, other, key=lambda optimum: optimum.state.criterion)
    return best


def _climb(likelihood: Likelihood, start: FloatArray, known: Optimum | None = None) -> Optimum:
    """Climb from one point; stop at `known` once there is no doubt that it is where this leads."""
    structure = likelihood.structure
    lower, upper = structure.lower, structure.upper
    theta = np.clip(start, lower, upper)
    state = likelihood.state(theta)
    decrement = np.inf
    polished = 0
    for _ in range(_MAX_STEPS):
        if known is not None and np.max(np.abs(theta - known.theta)) < _SAME_OPTIMUM:
            return known
        # The criterion falls along −gradient: a bound holds where that points outwards.
        held = ((theta <= lower) & (state.gradient >= 0)) | (
            (theta >= upper) & (state.gradient <= 0)
        )
        free = np.flatnonzero(~held)
        if not len(free):
            decrement = 0.0
            break
        slope = 0.5 * state.gradient[free]
        step = _newton_step(state, free, slope)
        decrement = float(-slope @ step)
        if decrement < _DECREMENT:
            polished += 1
        moved = theta.copy()
        moved[free] += step
        moved = np.clip(moved, lower, upper)
        if polished:
            if polished > 2:
                break
            candidate = _state_or_none(likelihood, moved)
            if candidate is None or np.max(np.abs(candidate.gradient[free])) >= np.max(
                np.abs(state.gradient[free])
            ):
                break
            theta, state = moved, candidate
            continue
        size = 1.0
        while True:
            candidate = _state_or_none(likelihood, moved)
            if candidate is not None and candidate.criterion <= state.criterion + 1e-12 * abs(
                state.criterion
            ):
                break
            size *= 0.5 if candidate is not None else 0.25
            if size < 1e-8:
                candidate = None
                break
            moved = theta.copy()
            moved[free] += size * step
            moved = np.clip(moved, lower, upper)
        if candidate is None:
            break
        theta, state = moved, candidate
    at_bound = (theta <= lower) | (theta >= upper)
    return Optimum(theta, state, at_bound, decrement < 1e-8, decrement)


def _newton_step(state: State, free: np.ndarray, slope: FloatArray) -> FloatArray:
    """Newton's step with the observed information, or Fisher's where that is not definite."""
    pick = np.ix_(free, free)
    for information in (state.observed[pick], state.expected[pick]):
        scale = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
        values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
        if values[0] > 1e-8:
            return np.asarray(-(vectors @ ((vectors.T @ (slope / scale)) / values)) / scale)
    values = np.maximum(np.abs(values), 1e-6)
    return np.asarray(-(vectors @ ((vectors.T @ (slope / scale)) / values)) / scale)


def _state_or_none(likelihood: Likelihood, theta: FloatArray) -> State | None:
    try:
        return likelihood.state(theta)
    except StatsError:
        return None


def _cholesky(matrix: FloatArray) -> FloatArray | None:
    """Upper Cholesky factor, or None when the matrix is not positive definite."""
    try:
        return np.asarray(np.linalg.cholesky(matrix).T)
    except np.linalg.LinAlgError:
        return None


def _symmetric(upper: FloatArray) -> FloatArray:
    """Fill in the lower triangle of a matrix of which the upper one is given."""
    return np.asarray(upper + np.triu(upper, 1).T)


__all__ = [
    "LARGEST_RHO",
    "Basis",
    "Likelihood",
    "Method",
    "Optimum",
    "State",
    "make_basis",
    "maximise",
]
