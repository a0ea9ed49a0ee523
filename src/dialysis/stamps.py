"""Content stamps: small files that change only when what they stand for changes.

Snakemake reruns a job when an input is newer than its outputs.  A stamp is written only if its
content differs from what is there, so a touched file, reordered keys or a comment change nothing,
and a real change reruns exactly what reads the stamp.  The stamps are also the data: a job reads
its configuration and tables from them and from nowhere else.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.decisions import log_path
from dialysis.files import canonical_json, csv_text, read_json, write_text
from dialysis.provenance import path_state, sha256_file, sha256_path, sha256_text
from dialysis.study.load import Study
from dialysis.tables.ingest import RUN_FILES
from dialysis.tables.inputs import AREAS, GIVEN_CONCENTRATIONS, INPUT_TABLES

RULES: Mapping[str, tuple[str, str]] = {
    rule: (f"workflow/scripts/{script}.py", f"workflow/rules/{rules}.smk")
    for rule, script, rules in (
        ("ingest_run", "ingest", "ingest"),
        ("integrate_run", "integrate", "integrate"),
        ("quantify", "quantify", "quantify"),
        ("normalize", "normalize", "normalize"),
        ("stats", "stats", "stats"),
        ("figures", "figures", "figures"),
        ("figures_qc", "figures_qc", "figures"),
        ("review", "review", "review"),
    )
}


def write_stamps(study: Study, code_root: Path) -> dict[str, str]:
    """Write every stamp of a study where its content changed.

    Parameters
    ----------
    study : Study
        A study that passed its checks.
    code_root : Path
        Folder of the Snakefile, where the code is.

    Returns
    -------
    dict of str to str
        Content of every stamp by its name under ``.stamps/``.
    """
    folder = study.results_dir / ".stamps"
    texts = stamp_texts(study, code_root, raw_hashes(study))
    for name, text in texts.items():
        write_if_changed(folder / name, text)
    return texts


def stamp_hashes(study: Study, texts: Mapping[str, str]) -> dict[str, str]:
    """Return sha256 of stamps by their path relative to the study's root."""
    prefix = study.results_dir.relative_to(study.root).as_posix()
    return {f"{prefix}/.stamps/{name}": sha256_text(text) for name, text in texts.items()}


def stamp_texts(study: Study, code_root: Path, hashes: Mapping[str, str]) -> dict[str, str]:
    """Return what every stamp of a study holds now, by its name under ``.stamps/``.

    Parameters
    ----------
    study : Study
        A study that passed its checks.
    code_root : Path
        Folder of the Snakefile, where the code is.
    hashes : mapping of str to str
        sha256 of every export, from `raw_hashes`.
    """
    texts: dict[str, str] = {}
    for section, options in study.config.items():
        texts[f"config/{section}.json"] = canonical_json(options)
    log = log_path(study.root / "config" / study.name)
    texts["decisions.jsonl"] = log.read_text(encoding="utf-8") if log.is_file() else ""
    texts["warnings.json"] = canonical_json([str(warning) for warning in study.warnings])
    for name, table in _study_tables(study).items():
        texts[f"tables/{name}.csv"] = csv_text(table)
    for run in study.runs:
        for name, table in _run_tables(study, run).items():
            texts[f"runs/{run}/{name}.csv"] = csv_text(table)
        files = {name: hashes[name] for name in study.run_files(run)}
        texts[f"runs/{run}/raw.json"] = canonical_json(files)
    for rule, (script, rule_file) in RULES.items():
        parts = code_hashes(code_root, [script], [rule_file])
        texts[f"code/{rule}.json"] = canonical_json(parts)
    return texts


def stamp_change(name: str, before: str, now: str | None) -> str:
    """Say in the user's terms what changed when a stamp did.

    Parameters
    ----------
    name : str
        Of the stamp under ``.stamps/``.
    before : str
        What it held; empty when that is not known any more.
    now : str or None
        What it holds; ``None`` when the study has no such stamp any more.
    """
    kind, _, rest = name.partition("/")
    stem = Path(name).stem
    if kind == "config":
        details = _option_changes(before, now) if before and now else []
        return f"study.yaml, section {stem}: {'; '.join(details) or 'options changed'}"
    if kind == "code":
        details = _option_changes(before, now) if before and now else []
        files = [detail.split(":")[0] for detail in details]
        return f"the code of {stem} changed{_in_brackets(files)}"
    if kind == "runs":
        run, _, _ = rest.partition("/")
        if stem == "raw":
            return f"the exports of {run} are others"
        return f"{'injections' if stem == 'files' else stem}.csv changed in what is of {run}"
    if kind == "tables":
        return f"{stem.partition('_')[0] if stem.startswith('exclusions') else stem}.csv changed"
    return "the warnings of the check changed"


def _option_changes(before: str, now: str) -> list[str]:
    """Options whose value changed, as ``name: before → now``."""
    old, new = (_flat(json.loads(text)) for text in (before, now))
    names = [*old, *(name for name in new if name not in old)]
    return [
        f"{name}: {old.get(name, 'nothing')} → {new.get(name, 'nothing')}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    if isinstance(value, dict) and value:
        parts = [_flat(sub, f"{prefix}.{key}" if prefix else key) for key, sub in value.items()]
        return {name: text for part in parts for name, text in part.items()}
    return {prefix: json.dumps(value, ensure_ascii=False)}


def _in_brackets(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f" ({', '.join(names[:most])}{more})" if names else ""


def write_if_changed(path: Path, text: str) -> bool:
    """Write a text unless the file already holds exactly it; tell whether it was written."""
    content = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == content:
        return False
    write_text(path, text)
    return True


# Tables that are read only by a study that starts from them.
_STARTS_FROM = (AREAS, GIVEN_CONCENTRATIONS)


def _study_tables(study: Study) -> dict[str, pd.DataFrame]:
    read = [t for t in INPUT_TABLES if t not in _STARTS_FROM or t.name == study.start]
    tables = {table.name: study.tables[table.name] for table in read}
    tables["injections"] = _injections(tables["injections"])
    tables["analytes"] = tables["analytes"].assign(comment="")
    tables["standards"] = tables["standards"].sort_values(["injection_id", "analyte"])
    exclusions = tables.pop("exclusions")
    of_injections = exclusions["level"] == "injection"
    tables["exclusions_injection"] = exclusions[of_injections]
    tables["exclusions_other"] = exclusions[~of_injections]
    return tables


def _run_tables(study: Study, run: str) -> dict[str, pd.DataFrame]:
    injections = _injections(study.run_table("injections", run))
    standards = study.run_table("standards", run)
    return {
        "files": injections[RUN_FILES.column_names],
        "injections": injections,
        "standards": standards.sort_values(["injection_id", "analyte"]),
        "analytes": study.run_table("analytes", run).assign(comment=""),
        "integration_events": study.run_table("integration_events", run),
    }


def _injections(injections: pd.DataFrame) -> pd.DataFrame:
    """Injections in the order they were made, whatever the order of the rows; no comments."""
    return injections.assign(comment="").sort_values(["run", "order"])


def raw_hashes(study: Study, cached: bool = True) -> dict[str, str]:
    """Return sha256 of every export of a study, by its name relative to raw/<study>/.

    An export may be a folder, see `dialysis.provenance.sha256_path`.

    With `cached`, a hash is taken again only when a file's size or modification time changed
    since the last time; the cache lives beside the stamps and may be deleted.
    """
    cache_file = study.results_dir / ".stamps" / "raw_cache.json"
    cache: dict[str, Any] = read_json(cache_file) if cached and cache_file.is_file() else {}
    fresh: dict[str, Any] = {}
    for run in study.runs:
        for name in study.run_files(run):
            state = path_state(study.raw_dir / name)
            known = cache.get(name)
            if known and known[:2] == state:
                fresh[name] = known
            else:
                fresh[name] = [*state, sha256_path(study.raw_dir / name)]
    if cached and fresh != cache:
        write_text(cache_file, canonical_json(fresh))
    return {name: str(entry[2]) for name, entry in fresh.items()}


def code_hashes(root: Path, scripts: Iterable[str], others: Iterable[str] = ()) -> dict[str, str]:
    """Hash scripts, other files and every module of the project they import, transitively.

    Parameters
    ----------
    root : Path
        Project root; modules are sought under ``src/``.
    scripts : iterable of str
        Python files, relative to `root`.
    others : iterable of str
        Files that count as they are (rule files), relative to `root`.

    Returns
    -------
    dict of str to str
        sha256 by path relative to `root`, sorted.

    Notes
    -----
    Imports inside functions count.  Importing from a package that is a plug-in folder (a stage,
    `simulate`) counts all its files, templates and data included, because it may load modules by
    name.
    """
    source = root / "src"
    queue = [root / script for script in scripts]
    seen: set[Path] = set()
    modules: set[str] = set()
    while queue:
        path = queue.pop()
        if path in seen:
            continue
        seen.add(path)
        if path.suffix != ".py":
            continue
        for module in _imported_modules(path.read_bytes(), str(path)) - modules:
            modules.add(module)
            queue.extend(_module_files(source, module))
    for other in others:
        seen.add(root / other)
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in sorted(seen)}


@lru_cache(maxsize=1024)
def _imported_modules(source: bytes, file: str) -> frozenset[str]:
    """Modules of the project that a source imports; most sources serve several rules."""
    modules: set[str] = set()
    for statement in _statements(ast.parse(source, filename=file)):
        if isinstance(statement, ast.Import):
            modules |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            modules.add(statement.module)
            modules |= {f"{statement.module}.{alias.name}" for alias in statement.names}
    own = (name.split(".") for name in modules if name.split(".")[0] == "dialysis")
    return frozenset(".".join(parts[:2] if _is_plug_in(parts) else parts) for parts in own)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Statements at any depth: imports are nowhere else, and expressions are most of a tree."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, block, ()):
            yield child
            yield from _statements(child)


PLUG_IN_FOLDERS = (
    "ingest",
    "integrate",
    "quantify",
    "normalize",
    "stats",
    "figures",
    "review",
    "simulate",
)


def _is_plug_in(parts: Sequence[str]) -> bool:
    return len(parts) > 1 and parts[1] in PLUG_IN_FOLDERS


def _module_files(source: Path, module: str) -> list[Path]:
    """Files that an import of a module brings in: the module and its parent packages."""
    parts = module.split(".")
    if _is_plug_in(parts):
        folder = source / parts[0] / parts[1]
        inside = [
            path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
        ]
        return [source / parts[0] / "__init__.py", *inside]
    files = []
    for depth in range(1, len(parts) + 1):
        place = source.joinpath(*parts[:depth])
        if (place / "__init__.py").is_file():
            files.append(place / "__init__.py")
        elif place.with_suffix(".py").is_file():
            files.append(place.with_suffix(".py"))
    return files
