"""A fitted model: parameters, and tests of linear functions of the fixed effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.linalg import solve_triangular

from dialysis.errors import StatsError
from dialysis.stats.arrays import BoolArray, FloatArray
from dialysis.stats.blocks import Blocks
from dialysis.stats.covariance import Structure
from dialysis.stats.inference import (
    Adjustment,
    Ddf,
    FTest,
    Information,
    adjustment,
    kenward_roger,
    satterthwaite,
    t_df,
)
from dialysis.stats.reml import (
    NEGLIGIBLE,
    Basis,
    Likelihood,
    Method,
    Optimum,
    Status,
    make_basis,
    maximise,
)

Boundary = Literal["keep", "drop"]


@dataclass(frozen=True)
class Fit:
    """A model fitted to data, in the coding of the design it was given.

    Parameters
    ----------
    structure : Structure
        The covariance that was fitted.
    method : {"REML", "ML"}
        Estimator.
    status : {"ok", "singular"}
        ``singular``: a parameter of the covariance sits on a bound.
    reason : str
        Which parameter, and what was done about it.
    theta : ndarray of float, shape (q,)
        Covariance parameters, squared units of the response where they are variances.
    at_bound : ndarray of bool, shape (q,)
        Which of them sit on a bound; a variance of 0 is an ordinary estimate.
    boundary : {"keep", "drop"}
        What inference does with a variance of 0: ``keep`` counts it as estimated, ``drop`` as
        known to be 0.
    params : ndarray of float, shape (p,)
        Fixed effects.
    cov_params : ndarray of float, shape (p, p)
        Φ, not adjusted for estimating θ.
    loglik : float
        Log likelihood (restricted: without ½ log|X'X|, as lme4 and nlme give it).
    converged : bool
        Whether the optimum was reached.
    """

    structure: Structure
    method: Method
    status: Status
    reason: str
    theta: FloatArray
    at_bound: BoolArray
    boundary: Boundary
    params: FloatArray
    cov_params: FloatArray
    loglik: float
    converged: bool
    blocks: Blocks = field(repr=False)
    basis: Basis = field(repr=False)
    optimum: Optimum = field(repr=False)
    _adjustments: dict[str, Adjustment] = field(default_factory=dict, repr=False)

    @property
    def scale(self) -> float:
        """Standard deviation that the response was divided by while fitting."""
        return self.basis.scale

    @property
    def covariance_params(self) -> dict[str, float]:
        """Covariance parameters by name."""
        return dict(zip(self.structure.names, map(float, self.theta), strict=True))

    @property
    def zero_variances(self) -> tuple[str, ...]:
        """Variances that are estimated as zero, by name."""
        pairs = zip(self.structure.names, self.at_bound, strict=True)
        return tuple(name for name, held in pairs if held and name.startswith(("tau2", "ratio")))

    def known(self, information: Information) -> BoolArray:
        """Covariance parameters that inference treats as known.

        The observed information says nothing about a variance at 0, where the likelihood has a
        slope: such a variance is kept with the expected information only (as pbkrtest does it)
        and known with the observed one (as lmerTest does).
        """
        kept = np.zeros(len(self.theta), dtype=np.bool_)
        if self.boundary == "keep" and information == "expected":
            kept = np.array([n.startswith(("tau2", "ratio")) for n in self.structure.names])
        return np.asarray(self.at_bound & ~kept)

    def adjustment(self, information: Information = "expected") -> Adjustment:
        """Return what inference needs, computed once for each kind of information."""
        if information not in self._adjustments:
            used: Information = information
            animal = np.isin(self.structure.names, ("tau2", "ratio")) & self.at_bound
            if animal.any() and self.boundary == "keep":
                # Else the animal would no longer be the unit of tests between groups.
                used = "expected"
            self._adjustments[information] = adjustment(self.optimum.state, self.known(used), used)
        return self._adjustments[information]

    def unit_rows(self, hypothesis: FloatArray) -> FloatArray:
        """Rows of L in the basis in which the covariance of the fixed effects is the identity."""
        inside = hypothesis @ self.basis.to_params
        return np.asarray(
            solve_triangular(self.optimum.state.cholesky, inside.T, trans="T", check_finite=False).T
        )

    def estimable(self, hypothesis: FloatArray) -> BoolArray:
        """Which rows of L are combinations that the data determine."""
        if not self.basis.null_space.shape[1]:
            return np.ones(len(hypothesis), dtype=np.bool_)
        size = np.maximum(np.linalg.norm(hypothesis, axis=1), 1e-300)
        outside = np.linalg.norm(hypothesis @ self.basis.null_space, axis=1)
        return np.asarray(outside < 1e-8 * size)

    def covariance_of(
        self,
        hypothesis: FloatArray,
        ddf: Ddf = "kenward-roger",
        information: Information | None = None,
    ) -> FloatArray:
        """Covariance of Lβ̂: adjusted under Kenward–Roger."""
        k = self.unit_rows(hypothesis)
        covariance = k @ k.T
        if ddf == "kenward-roger":
            covariance += k @ self.adjustment(information or "expected").inflation @ k.T
        return np.asarray(covariance * self.scale**2)

    def df_of(
        self,
        hypothesis: FloatArray,
        ddf: Ddf = "kenward-roger",
        information: Information | None = None,
    ) -> FloatArray:
        """Degrees of freedom of the t test of every row of L."""
        default: Information = "expected" if ddf == "kenward-roger" else "observed"
        return t_df(self.unit_rows(hypothesis), self.adjustment(information or default))

    def f_test(
        self,
        hypothesis: FloatArray,
        ddf: Ddf = "kenward-roger",
        information: Information | None = None,
    ) -> FTest:
        """Test Lβ = 0.

        Parameters
        ----------
        hypothesis : ndarray of float, shape (l, p)
            L, estimable; rows that depend on others are left out.
        ddf : {"kenward-roger", "satterthwaite"}
            Denominator degrees of freedom.
        information : {"expected", "observed"}, optional
            Information of the covariance parameters; expected for Kenward–Roger and observed for
            Satterthwaite by default, as pbkrtest and lmerTest have it.
        """
        rows = independent_rows(hypothesis)
        if not len(rows):
            return FTest(0, np.nan, np.nan, np.nan, "nothing to test")
        k = self.unit_rows(rows)
        estimate = rows @ self.params / self.scale
        if ddf == "kenward-roger":
            return kenward_roger(k, estimate, self.adjustment(information or "expected"))
        if ddf == "satterthwaite":
            return satterthwaite(k, estimate, self.adjustment(information or "observed"))
        raise StatsError(
            f"ddf={ddf!r}: found no such method; expected 'kenward-roger' or 'satterthwaite'."
        )


def independent_rows(hypothesis: FloatArray) -> FloatArray:
    """Return an orthonormal basis of the rows of L when they depend on each other, else L."""
    if not len(hypothesis):
        return hypothesis
    _, singular, right = np.linalg.svd(hypothesis, full_matrices=False)
    rank = int(np.sum(singular > 1e-9 * singular[0])) if singular[0] > 0 else 0
    return hypothesis if rank == len(hypothesis) else np.asarray(right[:rank])


def estimable_part(hypothesis: FloatArray, null_space: FloatArray) -> FloatArray:
    """Return the combinations of the rows of L that the data determine."""
    if not null_space.shape[1] or not len(hypothesis):
        return hypothesis
    left, singular, _ = np.linalg.svd(hypothesis @ null_space, full_matrices=True)
    rank = int(np.sum(singular > 1e-8))
    return np.asarray(left[:, rank:].T @ hypothesis)


def fit_design(
    response: FloatArray,
    design: FloatArray,
    blocks: Blocks,
    structure: Structure,
    method: Method = "REML",
    boundary: Boundary | Literal["auto"] = "auto",
    smallest_sd: float = 0.0,
) -> Fit:
    """Fit y = Xβ + e with e normal and correlated within blocks.

    Parameters
    ----------
    response : ndarray of float, shape (n,)
        y.
    design : ndarray of float, shape (n, p)
        X; its columns may depend on each other.
    blocks : Blocks
        The rows that are correlated.
    structure : Structure
        How.  A structure that the data can't tell (one sample per animal, two times) is replaced
        by the largest one that they can, and the reason says so.
    method : {"REML", "ML"}
        Estimator.
    boundary : {"auto", "keep", "drop"}
        What inference does with a variance estimated as 0; `BOUNDARY_RULES` by default.
    smallest_sd : float
        A residual standard deviation up to this is no variation at all.

    Raises
    ------
    StatsError
        If there is nothing to estimate an error from.
    """
    n = len(design)
    structure, replaced = identifiable(structure, blocks)
    basis = make_basis(response, design)
    rank = basis.q.shape[1]
    if n <= rank:
        raise StatsError(
            f"{n} values for {rank} coefficients leave nothing to estimate an error from"
        )
    negligible = max(smallest_sd, NEGLIGIBLE * float(np.max(np.abs(response))))
    if basis.scale <= negligible:
        raise StatsError("the response does not vary within the cells; there is no error estimate")
    likelihood = Likelihood(basis, blocks, structure, method)
    optimum = maximise(likelihood)
    names = structure.names
    theta = np.where(structure.scales, optimum.theta * basis.scale**2, optimum.theta)
    residual = min(
        value for name, value in zip(names, optimum.theta, strict=True) if "sigma2" in name
    )
    suspicious = residual <= 1e-6 or optimum.at_bound.any()
    if residual <= 1e-9 or (suspicious and _constant_within(basis, blocks, negligible)):
        raise StatsError("the response does not vary within animals")
    state = optimum.state
    to_unit = solve_triangular(state.cholesky, np.eye(rank), check_finite=False)
    spread = basis.to_params @ to_unit
    rule = BOUNDARY_RULES[structure.kind] if boundary == "auto" else boundary
    free = n - rank if method == "REML" else n
    criterion = state.criterion + free * np.log(2.0 * np.pi)
    # Of a response divided by its scale; log|X̃'X̃| of an orthonormal basis instead of X.
    criterion += 2.0 * free * np.log(basis.scale)
    if method == "REML":
        criterion += basis.log_det
    reason = "; ".join(
        part for part in (replaced, _bounds_in_words(optimum, structure, rule)) if part
    )
    return Fit(
        structure=structure,
        method=method,
        status="singular" if optimum.at_bound.any() else "ok",
        reason=reason,
        theta=theta,
        at_bound=optimum.at_bound,
        boundary=rule,
        params=basis.to_params @ (basis.offset + basis.scale * state.coefficients),
        cov_params=basis.scale**2 * (spread @ spread.T),
        loglik=-0.5 * float(criterion),
        converged=optimum.converged,
        blocks=blocks,
        basis=basis,
        optimum=optimum,
    )


# What inference does with a variance between animals of 0; see docs/statistics.md.
BOUNDARY_RULES: dict[str, Boundary] = {
    "independent": "keep",
    "ri": "keep",
    "cs": "keep",
    "ar1": "keep",
    "ri+ar1": "keep",
}


def _constant_within(basis: Basis, blocks: Blocks, negligible: float) -> bool:
    """Whether nothing varies within blocks but what the design explains."""
    if blocks.max_rows_per_subject < 2:
        return False
    data = np.column_stack([basis.q, basis.response])
    for pattern in blocks.patterns:
        # Rows of one animal, as deviations from their mean.
        share = pattern.subject / pattern.subject.sum(axis=1, keepdims=True)
        for rows in pattern.rows:
            data[rows] -= share @ data[rows]
    residual = data[:, -1]
    coefficients, *_ = np.linalg.lstsq(data[:, :-1], residual, rcond=1e-9)
    left = residual - data[:, :-1] @ coefficients
    return bool(np.sqrt(np.mean(left * left)) * basis.scale <= max(negligible, 1e-9 * basis.scale))


def identifiable(structure: Structure, blocks: Blocks) -> tuple[Structure, str]:
    """Replace a structure by one that the data can tell, and say so.

    Parameters
    ----------
    structure : Structure
        As asked for.
    blocks : Blocks
        The data.

    Returns
    -------
    structure : Structure
        The same one where possible.
    reason : str
        Empty, or what was replaced and why.
    """
    kind = structure.kind
    if kind == "independent":
        return structure, ""
    if blocks.max_rows_per_subject < 2:
        kind = "independent"
        reason = "one sample per animal: the variance between animals is part of the residual"
    elif kind == "ar1" and blocks.n_lags < 1:
        kind = "independent"
        reason = "no series has two samples, which serial correlation needs"
    elif kind == "ri+ar1" and blocks.n_lags < 2:
        kind = "ri"
        reason = (
            "with two times per series a random intercept and serial correlation can't be told "
            "apart; the random intercept stands for both"
        )
    else:
        return structure, ""
    return Structure(kind, structure.strata, structure.random, structure.integer_lags), reason


def _bounds_in_words(optimum: Optimum, structure: Structure, rule: Boundary) -> str:
    parts = []
    for name, held, value in zip(structure.names, optimum.at_bound, optimum.theta, strict=True):
        if not held:
            continue
        if name in ("tau2", "ratio"):
            what = "the variance between animals is estimated as zero"
        elif name.startswith("tau2["):
            what = f"the variance between units of {name[5:-1]} is estimated as zero"
        elif name == "rho":
            parts.append(f"the serial correlation sits on its bound of {value:g}")
            continue
        else:
            parts.append(f"{name} sits on its bound")
            continue
        if rule == "keep":
            unit = name[5:-1] if name.startswith("tau2[") else "animal"
            parts.append(
                f"{what}; it still counts as estimated in the degrees of freedom, so that the "
                f"{unit} stays the unit"
            )
        else:
            parts.append(f"{what}; it counts as known in the degrees of freedom")
    return "; ".join(parts)
