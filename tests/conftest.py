"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.toy import ToyStudy

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def toy(tmp_path: Path) -> ToyStudy:
    """A study of two animals in two groups that passes every check, in a folder of its own."""
    return ToyStudy(tmp_path).write()


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real exports and reference answers; tests that need it skip without it."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder shared/data with real exports is not beside the project")
    return folder
