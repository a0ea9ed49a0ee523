"""Damaged and made-up exports: refused with a position, or read as the slow parser reads them.

A short version of ``python -m benchmarks.ingest_robustness``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.ingest_parser import PARSERS, Declared, Refused
from benchmarks.ingest_robustness import MUTATIONS, Case, judge, run_here, small_sources

from dialysis.ingest.registry import READERS

SEED = 3
N_INPUTS = 600


def test_damaged_exports_are_refused_or_read_right() -> None:
    verdicts = run_here(SEED, range(N_INPUTS))
    failures = [v for v in verdicts if v.outcome == "failure"]
    assert not failures, "\n".join(
        f"{v.number} {v.key}, {v.mutation}: {v.detail}" for v in failures
    )
    assert {v.mutation for v in verdicts} == set(MUTATIONS)
    # Both ends are reached: a reader that refuses everything would pass the first line.
    assert min(sum(v.outcome == end for v in verdicts) for end in ("refused", "equal")) > 100


@pytest.mark.parametrize(
    "source", [pytest.param(s, id=f"{s.key}-{s.name}") for s in small_sources()]
)
def test_valid_exports_are_read_as_the_slow_parser_reads_them(source, tmp_path: Path) -> None:
    name = f"{source.key}.D" if source.is_folder else next(iter(source.files))
    case = Case(source, "none", source.files, name, source.key, source.config)
    verdict = judge(0, case, tmp_path)
    assert (verdict.outcome, verdict.detail) == ("equal", "")


def test_every_reader_has_a_slow_parser() -> None:
    # Waters' folders can't be made by hand: only rainbow-api reads them.
    assert {reader.key for reader in READERS} - set(PARSERS) == {"waters_raw"}


def test_a_misreading_is_found(tmp_path: Path) -> None:
    # The file is written with decimal commas and the parser is given one with dots.
    [source] = [s for s in small_sources() if s.name == "semicolons"]
    [content] = source.files.values()
    case = Case(source, "none", {"x.txt": content}, "x.txt", "two_column", {})
    assert judge(0, case, tmp_path).outcome == "equal"
    PARSERS["two_column"](content, Declared())
    with pytest.raises(Refused):
        PARSERS["two_column"](content, Declared(decimal="."))
