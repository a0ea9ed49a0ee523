"""Linear mixed model with a random intercept per animal, by REML.

statsmodels' MixedLM fits it; its optimum is then polished on the profiled REML criterion, because
MixedLM stops some digits short of the optimum and often fails when the variance between animals
is zero.  Everything that inference needs is in `MixedFit`, so that another engine can take this
one's place.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Status = Literal["ok", "singular", "failed", "not_estimable"]

SINGULAR_REASON = (
    "the variance between animals is estimated as zero; fitted without the random intercept "
    "(ordinary least squares), degrees of freedom still between animals"
)
_RATIOS = np.concatenate([[0.0], np.logspace(-6, 8, 22)])


@dataclass(frozen=True)
class MixedFit:
    """A fitted model.

    Parameters
    ----------
    status : {"ok", "singular", "failed"}
        ``singular``: the variance between animals is zero.  With ``failed`` all numbers are NaN.
    reason : str
        Why, when it is not ok.
    covariance : str
        Covariance structure of the fit, in words.
    params : ndarray of float, shape (p,)
        Fixed effects.
    cov_params : ndarray of float, shape (p, p)
        Their model-based covariance, ``σ² (X'W⁻¹X)⁻¹``, not adjusted for estimating the variances.
    variance_animal, variance_residual : float
        Variance components, squared units of the response; `variance_animal` is NaN where it
        can't be told from the residual variance (one sample per animal).
    loglik : float
        Restricted log-likelihood, without the constant ``½ log|X'X|`` (as lme4 gives it).
    converged : bool
        Whether the REML optimum was reached.
    messages : tuple of str
        What statsmodels said while fitting, in its own words.
    warnings : tuple of str
        Where the optimum is not the one statsmodels stopped at.
    """

    status: Status
    reason: str
    covariance: str
    params: FloatArray
    cov_params: FloatArray
    variance_animal: float
    variance_residual: float
    loglik: float
    converged: bool
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def fit_random_intercept(
    response: FloatArray, design: FloatArray, animal: IntArray, smallest_sd: float = 0.0
) -> MixedFit:
    """Fit ``y = Xβ + b[animal] + e`` by restricted maximum likelihood.

    Parameters
    ----------
    response : ndarray of float, shape (n,)
        The response.
    design : ndarray of float, shape (n, p)
        Fixed-effects design of full column rank.
    animal : ndarray of int, shape (n,)
        Animal of each row, codes from 0 without gaps.
    smallest_sd : float
        A residual standard deviation up to this counts as no variation at all.

    Returns
    -------
    MixedFit
        Never raises for data that can't be fitted: the status says so.

    Notes
    -----
    With ``V = σ²W``, ``W = I + λZZ'`` and ``λ`` the ratio of the variance between animals to the
    residual variance, the profiled criterion is
    ``(n−p)(1 + log(2π r'W⁻¹r/(n−p))) + log|W| + log|X'W⁻¹X|`` (Bates et al. 2015, J Stat Softw
    67:1, eq. 41).  Its derivative in λ is ``tr(PZZ') − (n−p)‖Z'Py‖²/y'Py`` with ``P = W⁻¹ −
    W⁻¹X(X'W⁻¹X)⁻¹X'W⁻¹``; its root is found to machine precision.
    """
    n, p = design.shape
    counts = np.bincount(animal).astype(np.float64)
    if n <= p:
        return _failed(
            p, f"{n} values for {p} coefficients leave nothing to estimate an error from"
        )
    ordinary = _profile(response, design, animal, counts, 0.0)
    negligible = max(smallest_sd, 1e-12 * float(np.max(np.abs(response))))
    if np.sqrt(ordinary.rss / (n - p)) <= negligible:
        return _failed(p, "the response does not vary within the cells; there is no error estimate")
    if np.all(counts == 1):
        return _fit_from(ordinary, "independent (one sample per animal)", float("nan"))
    expected, messages = _mixedlm_ratio(response, design, animal)
    profiles = [_profile(response, design, animal, counts, ratio) for ratio in _RATIOS]
    best = int(np.argmin([profile.criterion for profile in profiles]))
    if best == len(_RATIOS) - 1:
        return _failed(p, "the response does not vary within animals", messages)
    if best == 0 and profiles[0].score >= 0:
        return _fit_from(
            ordinary, "independent (random intercept singular)", 0.0, messages, "singular"
        )
    low = best - 1 if profiles[best].score > 0 else best
    if low < 0 or profiles[low].score > 0 or profiles[low + 1].score < 0:
        return _failed(p, "the REML criterion has no optimum that could be bracketed", messages)
    from scipy.optimize import brentq

    ratio = float(
        brentq(
            lambda value: _profile(response, design, animal, counts, value).score,
            _RATIOS[low],
            _RATIOS[low + 1],
            xtol=1e-300,
            rtol=4 * np.finfo(float).eps,
            maxiter=200,
        )
    )
    fitted = _profile(response, design, animal, counts, ratio)
    residual_variance = fitted.rss / (n - p)
    if np.sqrt(residual_variance) <= negligible:
        return _failed(p, "the response does not vary within animals", messages)
    warned: tuple[str, ...] = ()
    if expected is not None and abs(expected - ratio) > 0.01 * max(ratio, 0.01):
        warned = (
            f"statsmodels MixedLM stopped at a variance ratio of {expected:.4g}; "
            f"the REML optimum is at {ratio:.4g}, which is used",
        )
    return replace(
        _fit_from(fitted, "random intercept per animal", ratio * residual_variance),
        messages=messages,
        warnings=warned,
    )


@dataclass(frozen=True)
class _Profile:
    """The profiled REML criterion at one variance ratio, and what it is made of."""

    criterion: float
    score: float
    rss: float
    params: FloatArray
    inverse: FloatArray
    n: int


def _profile(
    response: FloatArray, design: FloatArray, animal: IntArray, counts: FloatArray, ratio: float
) -> _Profile:
    n, p = design.shape
    # The square root of (I + λJ)⁻¹ takes a share of the animal's mean from each of its rows.
    root = 1.0 / np.sqrt(1.0 + counts * ratio)
    data = np.column_stack([design, response])
    means = _sums(data, animal, len(counts)) / counts[:, None]
    white = data - ((1.0 - root)[:, None] * means)[animal]
    q, r = np.linalg.qr(white[:, :p])
    projected = q.T @ white[:, p]
    residual = white[:, p] - q @ projected
    rss = float(residual @ residual)
    triangle = np.linalg.inv(r)
    z_q = root[:, None] * _sums(q, animal, len(counts))
    z_r = root * np.bincount(animal, weights=residual, minlength=len(counts))
    trace = float(np.sum(counts * root**2) - np.sum(z_q**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        criterion = (
            (n - p) * (1.0 + np.log(2 * np.pi * rss / (n - p)))
            - 2.0 * np.sum(np.log(root))
            + 2.0 * np.sum(np.log(np.abs(np.diag(r))))
        )
        score = trace - (n - p) * np.divide(np.sum(z_r**2), rss)
    return _Profile(float(criterion), float(score), rss, triangle @ projected, triangle, n)


def _sums(values: FloatArray, animal: IntArray, n_animals: int) -> FloatArray:
    out = np.zeros((n_animals, values.shape[1]))
    np.add.at(out, animal, values)
    return out


def _fit_from(
    profile: _Profile,
    covariance: str,
    variance_animal: float,
    messages: tuple[str, ...] = (),
    status: Status = "ok",
) -> MixedFit:
    residual_variance = profile.rss / (profile.n - len(profile.params))
    return MixedFit(
        status=status,
        reason=SINGULAR_REASON if status == "singular" else "",
        covariance=covariance,
        params=profile.params,
        cov_params=residual_variance * (profile.inverse @ profile.inverse.T),
        variance_animal=variance_animal,
        variance_residual=residual_variance,
        loglik=-0.5 * profile.criterion,
        converged=True,
        messages=messages,
    )


def _failed(p: int, reason: str, messages: tuple[str, ...] = ()) -> MixedFit:
    nan = float("nan")
    return MixedFit(
        "failed",
        reason,
        "none",
        np.full(p, nan),
        np.full((p, p), nan),
        nan,
        nan,
        nan,
        False,
        messages,
    )


def _mixedlm_ratio(
    response: FloatArray, design: FloatArray, animal: IntArray
) -> tuple[float | None, tuple[str, ...]]:
    """Variance ratio as statsmodels finds it, or None, with what it warned of."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = MixedLM(response, design, groups=animal).fit(reml=True)
        except (np.linalg.LinAlgError, ValueError) as error:
            return None, (f"stopped: {error}",)
        ratio = float(result.cov_re[0, 0] / result.scale)
    texts = dict.fromkeys(str(warning.message) for warning in caught)
    return ratio, tuple(" ".join(text.split()) for text in texts)
