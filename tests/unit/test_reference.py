"""The reference pages say what the schemas say."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialysis.reference import PAGES
from dialysis.study.config import SECTIONS, load_schema


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(project: Path, name: str) -> None:
    text = (project / "docs" / name).read_text(encoding="utf-8")
    assert text == PAGES[name](), "run: python -m dialysis.reference"


def options(part: dict, path: str) -> list[tuple[str, dict]]:
    found = []
    for name, option in part.get("properties", {}).items():
        found.append((f"{path}.{name}", option))
        found += options(option, f"{path}.{name}")
    return found


def test_every_option_has_a_description_and_a_default_and_no_section_takes_strangers() -> None:
    schema = load_schema()
    assert tuple(schema["properties"]) == SECTIONS
    assert schema["additionalProperties"] is False
    for path, option in options(schema, ""):
        assert option["description"].endswith("."), path
        if option.get("type") == "object" and "properties" in option:
            assert option["additionalProperties"] is False, path
        if path not in (".study", ".study.title"):
            assert "default" in option, path
