"""Find peaks that are not among the targets but overlap them: a score test on fit residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.integrate.fitting import Group, GroupFit
from dialysis.integrate.learning import RunModel
from dialysis.integrate.shapes import shape_values

# An unknown peak improves the fit by this many standard deviations, after everything else has
# been given the chance to explain it.
MIN_SCORE = 4.5
# From here on there may be one: an analyte beside it is flagged.
DOUBT_SCORE = 3.2
# It is modelled from this many widths off every other peak; nearer it can't be told from one.
MIN_WIDTHS = 0.8
# Nearer to an analyte than this many widths it must be this part of its area, so that a shape
# that does not quite fit a large peak is not taken for another peak.
NEAR_WIDTHS, NEAR_PART = 3.0, 0.02


@dataclass(frozen=True, eq=False)
class Templates:
    """Peaks anywhere in a group's window, m of them.

    Parameters
    ----------
    since_s : ndarray of float64, shape (m,)
        Apex-near means of the Gaussian, s from the start of the window.
    ln_sigma, ln_tau : ndarray of float64, shape (m,)
        Parameters, interpolated between the run's peaks.
    white : ndarray of float64, shape (m, n)
        Whitened block means of peaks of area 1.
    """

    since_s: FloatArray
    ln_sigma: FloatArray
    ln_tau: FloatArray
    white: FloatArray


def make_templates(model: RunModel, number: int) -> Templates:
    """Peaks on every block of a group's window."""
    group = model.groups[number]
    since = group.since_s
    at = group.start_s + since
    ln_sigma = np.interp(at, model.mu_s, model.ln_sigma)
    ln_tau = np.interp(at, model.mu_s, model.ln_tau)
    values = shape_values(
        since[None, :],
        since[:, None],
        np.exp(ln_sigma)[:, None],
        np.exp(ln_tau)[:, None],
        model.correction,
    ).value
    return Templates(since, ln_sigma, ln_tau, values @ group.whitener.T)


@dataclass(frozen=True)
class Unknown:
    """A place where a peak is missing in the model; `near` says that it hides in an analyte."""

    mu_s: float
    ln_sigma: float
    ln_tau: float
    score: float
    near: bool


def find_unknown(group: Group, fit: GroupFit, row: int, templates: Templates) -> Unknown | None:
    """Find the place where a further peak would improve the fit of a trace most.

    Parameters
    ----------
    group : Group
        The group.
    fit : GroupFit
        Its fit.
    row : int
        Position of the trace in the fit.
    templates : Templates
        From `make_templates`.

    Notes
    -----
    The score is the standardised covariance of residual and template, with all fitted
    parameters projected out.
    """
    design, covariance = fit.design[row], fit.covariance[row]
    residual = fit.residual[row]
    cross = templates.white @ design.T
    through = cross @ covariance
    along = templates.white @ residual - through @ (design @ residual - fit.pull[row])
    size = np.einsum("mn,mn->m", templates.white, templates.white) - np.einsum(
        "mp,mp->m", through, cross
    )
    sound = size > 1e-3 * np.einsum("mn,mn->m", templates.white, templates.white)
    size = np.where(sound, size, 1.0)
    score = np.where(sound, along / np.sqrt(size), 0.0)
    area = along / size
    start = fit.times_s[row, 0] - 0.5 * group.block_s
    mu = start + templates.since_s
    width = np.hypot(np.exp(templates.ln_sigma), np.exp(templates.ln_tau))
    away = np.abs(mu[:, None] - fit.mu_s[row]) / width[:, None]
    nearest = np.argmin(away, axis=1)
    distance = away[np.arange(mu.size), nearest]
    # Half a peak at the edge of the window is no peak.
    inside = (templates.since_s > 2 * width) & (
        templates.since_s < group.n * group.block_s - 2 * width
    )
    part = area / np.maximum(np.abs(fit.area[row, nearest]), 1e-300)
    near = distance < NEAR_WIDTHS
    allowed = inside & (~near | (part > NEAR_PART))
    score = np.where(allowed, score, 0.0)
    best = int(np.argmax(score))
    if score[best] < DOUBT_SCORE:
        return None
    return Unknown(
        mu_s=float(mu[best]),
        ln_sigma=float(templates.ln_sigma[best]),
        ln_tau=float(templates.ln_tau[best]),
        score=float(score[best]),
        near=bool(distance[best] < MIN_WIDTHS),
    )
