"""What a chunk has of its injections: where they are from, their peaks, amounts and traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from dialysis.review.grids import records
from dialysis.review.results import Results
from dialysis.review.traces import full, overview, peak_rows

_INJECTION = {
    "injection_id": "text",
    "run": "text",
    "order": "integer",
    "type": "text",
    "animal_id": "text",
    "probe_id": "text",
    "fraction": "integer",
    "start_min": "number",
    "end_min": "number",
    "volume_uL": "number",
    "vial": "text",
    "reinjection_of": "text",
}
_AMOUNT = {
    "analyte": "text",
    "fmol_on_column": "number",
    "fmol_se": "number",
    "conc_nM": "number",
    "lod_nM": "number",
    "loq_nM": "number",
    "response": "number",
    "censored": "flag",
    "extrapolated": "flag",
    "excluded": "flag",
    "reason": "text",
    "flags": "text",
}
_FILE = {
    "channel": "text",
    "file": "text",
    "section": "text",
    "sha256": "text",
    "size_bytes": "integer",
    "format": "text",
    "injected_at": "text",
    "injected_at_note": "text",
    "sample_name": "text",
    "unit": "text",
    "n_points": "integer",
    "interval_s": "number",
}


def injection_rows(results: Results, injections: pd.DataFrame) -> dict[str, Any]:
    """Describe injections: ``injections`` in order, and by their name ``peaks``, ``amounts``,
    ``files`` and ``events``.

    Parameters
    ----------
    results : Results
        The results.
    injections : DataFrame
        Rows of INJECTIONS.
    """
    ids = set(injections["injection_id"])

    def of_ids(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["injection_id"].isin(ids)]

    ordered = injections.sort_values(["run", "order"], kind="stable")
    return {
        "injections": records(ordered, _INJECTION),
        "peaks": peak_rows(of_ids(results.peaks)),
        "amounts": _by_injection(of_ids(results.concentrations), _AMOUNT),
        "files": _by_injection(of_ids(results.manifest), _FILE),
    }


def _by_injection(frame: pd.DataFrame, kinds: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, row in zip(frame["injection_id"], records(frame, kinds), strict=True):
        rows.setdefault(str(name), []).append(row)
    return rows


def trace_rows(traces: pd.DataFrame) -> tuple[dict[str, Any], dict[str, Any]]:
    """Traces by injection: thinned ones, and whole ones.

    Parameters
    ----------
    traces : DataFrame
        Rows of TRACES.
    """
    return _traces(traces, overview), _traces(traces, full)


def _traces(
    traces: pd.DataFrame, packed: Callable[[Any], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in traces.itertuples(index=False):
        rows.setdefault(str(row.injection_id), []).append(packed(row))
    return rows
