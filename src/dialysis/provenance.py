"""Hashes and sidecars: what every output was made from."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from dialysis.files import read_json, write_json

SIDECAR = "sidecar.json"

# What can change a number or a pixel; tools that only drive the workflow are not in it.
RESULT_PACKAGES = (
    "dialysis",
    "formulaic",
    "jinja2",
    "matplotlib",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "seaborn",
    "statsmodels",
)


def sha256_file(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_path(path: Path | str) -> str:
    """Return the SHA-256 of a file, or of a folder that is one export (``.D``, ``.raw``).

    A folder's is that of the lines ``<sha256>  <name>`` of all files in it, sorted by name.
    """
    whole = Path(path)
    if not whole.is_dir():
        return sha256_file(whole)
    return sha256_text("".join(f"{sha256_file(file)}  {name}\n" for name, file in files_in(whole)))


def files_in(folder: Path) -> list[tuple[str, Path]]:
    """Names, relative to a folder, and paths of all files in it, sorted by name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted((path.relative_to(folder).as_posix(), path) for path in files)


def path_state(path: Path) -> list[int]:
    """Return what changes when a file or folder is written: size and modification time in ns.

    Of a folder the size of all its files, and a number made from their names, sizes and times.
    """
    if not path.is_dir():
        stat = path.stat()
        return [stat.st_size, stat.st_mtime_ns]
    stats = [(name, file.stat()) for name, file in files_in(path)]
    listing = "".join(f"{stat.st_size} {stat.st_mtime_ns} {name}\n" for name, stat in stats)
    return [sum(stat.st_size for _, stat in stats), int(sha256_text(listing)[:15], 16)]


def sha256_bytes(content: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes."""
    return sha256_bytes(text.encode("utf-8"))


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in RESULT_PACKAGES}
    return versions


def write_sidecars(
    rule: str, outputs: Iterable[Path], inputs: Iterable[Path], root: Path | None = None
) -> list[Path]:
    """Write one `sidecar.json` into every folder that holds outputs.

    Parameters
    ----------
    rule : str
        Name of the rule that made the outputs.
    outputs, inputs : iterable of Path
        Files of the job, stamps among the inputs.  An output that is a sidecar itself is passed
        over: it is what this function writes.
    root : Path, optional
        Paths are written relative to it; the working directory by default.

    Returns
    -------
    list of Path
        The sidecars.

    Notes
    -----
    Holds sha256 of outputs, inputs and stamps and the package versions.  There is no time, host
    or user in it, so equal inputs give equal bytes.
    """
    base = root or Path.cwd()
    made_from = {name: sha256_path(path) for name, path in _relative(inputs, base).items()}
    stamps = {name: digest for name, digest in made_from.items() if "/.stamps/" in f"/{name}"}
    record: dict[str, Any] = {
        "rule": rule,
        "inputs": {name: digest for name, digest in made_from.items() if name not in stamps},
        "stamps": stamps,
        "versions": package_versions(),
    }
    folders: dict[Path, dict[str, str]] = {}
    for path in outputs:
        files = folders.setdefault(path.parent, {})
        if path.name != SIDECAR:
            files[path.name] = sha256_file(path)
    written = []
    for folder, files in folders.items():
        write_json(folder / SIDECAR, record | {"outputs": files})
        written.append(folder / SIDECAR)
    return written


def _relative(paths: Iterable[Path], base: Path) -> dict[str, Path]:
    """Paths by their names in the project; raw/<study> may be a link to a folder elsewhere."""
    relative = {}
    real = base.resolve()
    for path in paths:
        written, whole = path.absolute(), path.resolve()
        places = ((written, base.absolute()), (written, real), (whole, real))
        inside = (place.relative_to(folder) for place, folder in places if folder in place.parents)
        relative[next(inside, whole).as_posix()] = path
    return dict(sorted(relative.items()))


def read_sidecar(folder: Path | str) -> dict[str, Any]:
    """Read the sidecar of a folder of outputs."""
    record: dict[str, Any] = read_json(Path(folder) / SIDECAR)
    return record
