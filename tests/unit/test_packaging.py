"""environment.yml, pyproject.toml and constraints.txt say the same."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def pyproject(project: Path) -> dict:
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_conda_and_pip_have_the_same_packages_with_the_same_bounds(project: Path) -> None:
    conda = yaml.safe_load((project / "environment.yml").read_text(encoding="utf-8"))
    specs = [Requirement(s) for s in conda["dependencies"] if isinstance(s, str) and s != "pip"]
    by_name = {canonicalize_name(spec.name): str(spec.specifier) for spec in specs}
    assert by_name.pop("python") == pyproject(project)["requires-python"]
    wanted = [Requirement(text) for text in pyproject(project)["dependencies"]]
    assert by_name == {canonicalize_name(spec.name): str(spec.specifier) for spec in wanted}
    assert {"pip": ["--editable ."]} in conda["dependencies"]


def test_what_is_installed_satisfies_the_bounds(project: Path) -> None:
    listed = pyproject(project)
    for text in listed["dependencies"] + listed["optional-dependencies"]["test"]:
        spec = Requirement(text)
        assert spec.specifier.contains(metadata.version(spec.name)), text


def test_the_pinned_versions_satisfy_the_bounds(project: Path) -> None:
    pins = {
        canonicalize_name(spec.name): spec
        for spec in map(
            Requirement,
            (
                line
                for line in (project / "constraints.txt").read_text().splitlines()
                if line and not line.startswith("#")
            ),
        )
    }
    listed = pyproject(project)
    for text in listed["dependencies"] + listed["optional-dependencies"]["test"]:
        spec = Requirement(text)
        pin = pins[canonicalize_name(spec.name)]
        version = str(pin.specifier).removeprefix("==")
        assert spec.specifier.contains(version), f"{text} but pinned {pin}"
