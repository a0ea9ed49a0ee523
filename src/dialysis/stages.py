"""The stages: their order, their rules, and which of them a study has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dialysis.study.start import quantifies, reads_exports

STAGE_RULES: Mapping[str, str] = MappingProxyType(
    {
        "ingest": "ingest_run",
        "integrate": "integrate_run",
        "quantify": "quantify",
        "normalize": "normalize",
        "stats": "stats",
        "figures": "figures",
        "figures_qc": "figures_qc",
        "review": "review",
    }
)
"""The rule of every stage, upstream first; figures_qc is beside stats and figures."""

_MEASURING = ("ingest", "integrate", "quantify", "normalize")
UPSTREAM: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ingest": (),
        "integrate": _MEASURING[:1],
        "quantify": _MEASURING[:2],
        "normalize": _MEASURING[:3],
        "stats": _MEASURING,
        "figures": (*_MEASURING, "stats"),
        "figures_qc": _MEASURING,
        "review": (*_MEASURING, "stats", "figures", "figures_qc"),
    }
)
"""What every stage is made from, directly or not."""


def stages_of(start: str) -> list[str]:
    """Names of the stages of a study that starts so, upstream first.

    Parameters
    ----------
    start : str
        One of `dialysis.study.start.STARTS`.
    """
    absent: set[str] = set()
    if not reads_exports(start):
        absent |= {"ingest", "integrate"}
    if not quantifies(start):
        absent |= {"quantify"}
    return [stage for stage in STAGE_RULES if stage not in absent]
