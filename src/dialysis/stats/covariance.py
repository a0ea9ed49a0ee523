"""Covariance of the rows of a block, and its derivatives, on the natural scale of the parameters.

For rows of one animal, with C(ρ) the matrix of ρ^lag and J all ones:

==========  =============================  ==========================
name        covariance                     parameters
==========  =============================  ==========================
ri          σ² I + τ² J                    sigma2, tau2 ≥ 0
cs          σ² I + c J                     sigma2, cov (may be negative)
ar1         σ² C(ρ)                        sigma2, rho
ri+ar1      σ² C(ρ) + τ² J                 sigma2, rho, tau2 ≥ 0
==========  =============================  ==========================

``+het`` gives every group a variance σ²_g that multiplies the whole matrix: σ²_g (I + κ J),
σ²_g ((1 − r) I + r J), σ²_g C(ρ), σ²_g (C(ρ) + κ J).  Further random intercepts add τ²_u Z_u Z_u′.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dialysis.errors import StatsError
from dialysis.stats.arrays import BoolArray, FloatArray
from dialysis.stats.blocks import Pattern

KINDS = ("ri", "cs", "ar1", "ri+ar1")
CHOICES = tuple(kind + het for kind in KINDS for het in ("", "+het"))
WORDS = {
    "independent": "independent residuals",
    "ri": "random intercept per animal",
    "cs": "compound symmetry within animals",
    "ar1": "first-order autoregressive, AR(1), within animals",
    "ri+ar1": "random intercept per animal and first-order autoregressive, AR(1), residuals",
}
LARGEST_RHO = 0.999
SMALLEST_RHO = 1e-3


@dataclass(frozen=True)
class CovarianceMatrix:
    """A covariance matrix with its derivatives.

    Parameters
    ----------
    value : ndarray of float, shape (k, k)
        V.
    first : list of ndarray of float, shape (k, k)
        ∂V/∂θ_h.
    second : dict of (int, int) to ndarray of float, shape (k, k)
        ∂²V/∂θ_h∂θ_j for h ≤ j where it is not zero.
    """

    value: FloatArray
    first: list[FloatArray]
    second: dict[tuple[int, int], FloatArray]


@dataclass(frozen=True)
class Structure:
    """A covariance structure.

    Parameters
    ----------
    kind : {"independent", "ri", "cs", "ar1", "ri+ar1"}
        What rows of an animal have in common.
    strata : tuple of str
        Levels with a variance of their own; empty when the variance is one.
    random : tuple of str
        Names of further random intercepts.
    integer_lags : bool
        Whether ρ may be negative: only where all lags are whole numbers.
    """

    kind: str
    strata: tuple[str, ...] = ()
    random: tuple[str, ...] = ()
    integer_lags: bool = True

    @property
    def name(self) -> str:
        """Name as it is given to `fit_lmm`."""
        return self.kind + ("+het" if self.strata else "")

    @property
    def words(self) -> str:
        """The structure in words."""
        parts = [WORDS[self.kind]]
        parts += [f"random intercept per {name}" for name in self.random]
        if self.strata:
            parts.append("variance per group")
        return ", ".join(parts)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters θ."""
        variances = tuple(f"sigma2[{level}]" for level in self.strata) or ("sigma2",)
        own = {
            "independent": (),
            "ri": ("ratio" if self.strata else "tau2",),
            "cs": ("correlation" if self.strata else "cov",),
            "ar1": ("rho",),
            "ri+ar1": ("rho", "ratio" if self.strata else "tau2"),
        }[self.kind]
        return variances + own + tuple(f"tau2[{name}]" for name in self.random)

    @property
    def lower(self) -> FloatArray:
        """Lower bounds of θ; variances of residuals are bounded away from 0."""
        # With lags that are no whole numbers the derivatives have no limit at ρ = 0.
        least_rho = -LARGEST_RHO if self.integer_lags else SMALLEST_RHO
        bounds = {"rho": least_rho, "cov": -np.inf, "correlation": -1.0}
        return np.array(
            [bounds.get(name, 1e-12 if "sigma2" in name else 0.0) for name in self.names]
        )

    @property
    def upper(self) -> FloatArray:
        """Upper bounds of θ."""
        bounds = {"rho": LARGEST_RHO, "correlation": 1.0}
        return np.array([bounds.get(name, np.inf) for name in self.names])

    @property
    def scales(self) -> BoolArray:
        """Which parameters are variances, in squared units of the response."""
        return np.array([name not in ("rho", "ratio", "correlation") for name in self.names])

    def starts(self) -> list[FloatArray]:
        """Points to look for the optimum from, for a response of unit variance."""
        out = []
        wide = [0.0, 0.3, 0.6, 0.8, 0.95] if "rho" in self.names else [0.0]
        shares = [0.0, 0.15, 0.4, 0.7, 0.9] if self.kind in ("ri", "cs", "ri+ar1") else [0.0]
        for rho in wide:
            for share in shares:
                theta = []
                for name in self.names:
                    if name.startswith("sigma2"):
                        theta.append(1.0 if self.strata else 1.0 - share)
                    elif name == "rho":
                        theta.append(rho)
                    elif name == "ratio":
                        theta.append(share / (1.0 - share))
                    elif name in ("tau2", "cov", "correlation"):
                        theta.append(share)
                    else:
                        theta.append(0.1)
                out.append(np.array(theta))
        return out

    def value(self, theta: FloatArray, pattern: Pattern) -> FloatArray:
        """Covariance of a pattern's rows, shape (k, k), without its derivatives."""
        values = dict(zip(self.names, theta, strict=True))
        base = self._base(values, pattern)
        if self.strata:
            scale = theta[pattern.stratum]
            value = np.sqrt(np.outer(scale, scale)) * base
        else:
            common = values.get("tau2", values.get("cov", 0.0))
            value = theta[0] * base + common * pattern.subject
        for name, unit in zip(self.random, pattern.random, strict=True):
            value = value + values[f"tau2[{name}]"] * unit
        return np.asarray(value)

    def at(self, theta: FloatArray, pattern: Pattern) -> CovarianceMatrix:
        """Covariance of a pattern's rows, with its derivatives.

        Parameters
        ----------
        theta : ndarray of float, shape (q,)
            Parameters in the order of `names`.
        pattern : Pattern
            The rows.
        """
        values = dict(zip(self.names, theta, strict=True))
        n_variances = len(self.strata) or 1
        base = self._base(values, pattern)
        own, own_second = self._derivatives(values, pattern)
        first: list[FloatArray] = []
        second: dict[tuple[int, int], FloatArray] = {}
        if self.strata:
            scale = theta[pattern.stratum]
            spread = np.sqrt(np.outer(scale, scale))
            for g in range(n_variances):
                here = (pattern.stratum == g).astype(np.float64)
                mask = np.outer(here, here)
                first.append(mask * base)
                for position, part in enumerate(own):
                    second[g, n_variances + position] = mask * part
            first += [spread * part for part in own]
            for (i, j), part in own_second.items():
                second[n_variances + i, n_variances + j] = spread * part
        else:
            sigma2 = float(theta[0])
            first.append(base)
            if "rho" in values:
                first.append(sigma2 * own[0])
                second[0, 1] = own[0]
                second[1, 1] = sigma2 * own_second[0, 0]
            if "tau2" in values or "cov" in values:
                first.append(pattern.subject)
        first += pattern.random
        return CovarianceMatrix(self.value(theta, pattern), first, second)

    def _base(self, values: dict[str, float], pattern: Pattern) -> FloatArray:
        """Matrix that the variance multiplies."""
        base = pattern.identity
        if "rho" in values:
            base = pattern.same_series * _power(values["rho"], pattern.distance)
        if "ratio" in values:
            base = base + values["ratio"] * pattern.subject
        if "correlation" in values:
            base = base + values["correlation"] * (pattern.subject - pattern.identity)
        return base

    def _derivatives(
        self, values: dict[str, float], pattern: Pattern
    ) -> tuple[list[FloatArray], dict[tuple[int, int], FloatArray]]:
        """First and second derivatives of it in its own parameters."""
        own: list[FloatArray] = []
        second: dict[tuple[int, int], FloatArray] = {}
        if "rho" in values:
            rho, lag, inside = values["rho"], pattern.distance, pattern.same_series
            own.append(inside * lag * _power(rho, lag - 1.0))
            second[0, 0] = inside * lag * (lag - 1.0) * _power(rho, lag - 2.0)
        if "ratio" in values:
            own.append(pattern.subject)
        if "correlation" in values:
            own.append(pattern.subject - pattern.identity)
        return own, second


def _power(rho: float, exponent: FloatArray) -> FloatArray:
    """ρ^exponent; for ρ ≤ 0 negative exponents, which derivatives multiply by 0, give 0."""
    if rho > 0.0:
        return np.power(rho, exponent)
    return np.where(exponent < 0.0, 0.0, np.power(rho, np.maximum(exponent, 0.0)))


def parse_structure(
    covariance: str, strata: tuple[str, ...], random: tuple[str, ...], integer_lags: bool
) -> Structure:
    """Read the name of a structure.

    Raises
    ------
    StatsError
        If the name is not one of `CHOICES`.
    """
    if covariance not in CHOICES:
        raise StatsError(
            f"covariance={covariance!r}: found no covariance structure of that name; expected one "
            f"of {', '.join(CHOICES)}."
        )
    kind = covariance.removesuffix("+het")
    levels = strata if covariance.endswith("+het") else ()
    return Structure(kind, levels, random, integer_lags)
