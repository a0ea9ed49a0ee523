"""What a study starts from (`ingest.start`), and what that means for its stages and marks."""

from __future__ import annotations

from collections.abc import Iterable

TRACES = "traces"
VENDOR_PEAKS = "vendor_peaks"
AREAS = "areas"
CONCENTRATIONS = "concentrations"
STARTS = (TRACES, VENDOR_PEAKS, AREAS, CONCENTRATIONS)


def reads_exports(start: str) -> bool:
    """Whether the stages `ingest` and `integrate` run: from areas or concentrations they don't."""
    return start in (TRACES, VENDOR_PEAKS)


def quantifies(start: str) -> bool:
    """Whether the stage `quantify` runs."""
    return start != CONCENTRATIONS


def marks(sources: Iterable[str], units: Iterable[str]) -> tuple[str, ...]:
    """What a figure or page has to say of its numbers.

    Parameters
    ----------
    sources, units : iterable of str
        The columns `source` and `conc_unit` of rows of TIMECOURSE.

    Returns
    -------
    tuple of str
        Of ``"vendor areas"``, ``"concentrations as given"`` and ``"uncalibrated"`` those that
        apply; none for concentrations that the pipeline computed from traces.
    """
    given = [source for source in dict.fromkeys(sources) if source not in ("", TRACES)]
    return (*given, *(["uncalibrated"] if "response" in set(units) else []))
