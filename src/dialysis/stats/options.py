"""The `stats` section of a study, as the analysis uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dialysis.stats.inference import Ddf, Information

DDF_WORDS = {"kenward-roger": "Kenward–Roger", "satterthwaite": "Satterthwaite"}


@dataclass(frozen=True)
class Options:
    """Options of the analysis; see ``docs/reference-config.md``.

    Parameters
    ----------
    alpha, confidence : float
        Level of significance, which is that of one star; level of intervals, 1 − alpha unless the
        study gives another.
    adjustment, stars : str
        Multiplicity adjustment; family of the stars.
    covariates : tuple of str
        Fixed factors.
    random : tuple of str
        Further random intercepts.
    covariance : str
        Covariance structure.
    variances : str
        ``auto``: a variance per group where groups clearly differ; ``common``: one, unless the
        structure has one per group.
    ddf, information : str
        Degrees of freedom, and the information of the covariance parameters that they use.
    sensitivity : bool
        Whether the analysis is repeated with other treatments of the data.
    """

    alpha: float
    confidence: float
    adjustment: str
    stars: str
    covariates: tuple[str, ...]
    random: tuple[str, ...]
    covariance: str
    variances: str
    ddf: Ddf
    information: Information
    sensitivity: bool

    @property
    def df_method(self) -> str:
        """Degrees of freedom in words."""
        return f"{DDF_WORDS[self.ddf]} with {self.information} information, one for each test"


def read_options(config: Mapping[str, Any]) -> Options:
    """Read the section with its defaults filled in."""
    alpha, confidence = float(config["alpha"]), config["confidence"]
    return Options(
        alpha=alpha,
        confidence=round(1.0 - alpha, 12) if confidence is None else float(confidence),
        adjustment=str(config["adjustment"]),
        stars=str(config["stars"]),
        covariates=tuple(dict.fromkeys(str(name) for name in config["covariates"])),
        random=tuple(dict.fromkeys(str(name) for name in config["random"])),
        covariance=str(config["covariance"]),
        variances=str(config["variances"]),
        ddf="satterthwaite" if config["ddf"] == "satterthwaite" else "kenward-roger",
        information="observed" if config["information"] == "observed" else "expected",
        sensitivity=bool(config["sensitivity"]),
    )
