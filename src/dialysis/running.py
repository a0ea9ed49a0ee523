"""Which process runs the workflow in a folder: a dead run's lock is told from a live one's.

Snakemake locks what it works on by files, and these stay behind when it is killed.  A file can't
tell whether its writer still lives, and a process number may have been given to another process
since.  So every run (a Snakemake, or a ``dialysis run`` in front of one) also holds a lock of the
operating system on a record of its own under ``.snakemake/runs/``: the kernel takes that one back
when the process ends, however it ends.  Jobs wait for the lock of their run, so that they end when
it does instead of working on beside the next one.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import multiprocessing
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dialysis.errors import LockedError

RUN_VARIABLE = "DIALYSIS_RUN"
RUNS_FOLDER = Path(".snakemake", "runs")
LOCKS_FOLDER = Path(".snakemake", "locks")
_TEMPORARY = ".*.tmp*"


@dataclass(frozen=True)
class Run:
    """A process that runs, or ran, the workflow.

    Parameters
    ----------
    record : Path
        Its file under ``.snakemake/runs/``.
    study : str
        Name of the study.
    pid : int
        Its process number when it was made.
    host : str
        Name of its computer.
    state : {"alive", "gone", "unknown"}
        Unknown: it ran on another computer, or the file system has no locks.
    """

    record: Path
    study: str
    pid: int
    host: str
    state: str


def claim(root: Path, study: str) -> None:
    """Record that this process runs a study, until it ends.

    Jobs find the record by the environment variable `RUN_VARIABLE`.  A process that is itself
    started by a run ends with that one.

    Parameters
    ----------
    root : Path
        Project root.
    study : str
        Name of the study.
    """
    if sys.platform == "win32":  # without these locks; Snakemake's own work there
        return
    end_with_run()
    folder = root / RUNS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / f"{os.getpid()}-{time.time_ns()}.json"
    content = {"study": study, "pid": os.getpid(), **_machine()}
    hidden = record.with_name(f".{record.name}")
    hidden.write_text(json.dumps(content) + "\n", encoding="utf-8")
    descriptor = os.open(hidden, os.O_RDWR)  # stays open until the process ends
    with contextlib.suppress(OSError):  # a file system without locks: the run counts as unknown
        _lock(descriptor)
    hidden.replace(record)
    os.environ[RUN_VARIABLE] = str(record.resolve())
    owner = os.getpid()

    def withdraw() -> None:
        if os.getpid() == owner:
            record.unlink(missing_ok=True)

    atexit.register(withdraw)


def end_with_run() -> None:
    """End this process as soon as the run that started it is gone.

    Nothing happens in a process that no run started, or that runs on another computer than it.
    """
    if sys.platform == "win32":
        return
    name = os.environ.get(RUN_VARIABLE)
    if not name:
        return
    record = Path(name)
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        descriptor = os.open(record, os.O_RDONLY)
    except FileNotFoundError:
        sys.exit(f"The run that started this process is over ({record} is gone).")
    if {key: content[key] for key in _machine()} != _machine():
        return
    watcher = threading.Thread(target=_wait_and_end, args=(descriptor,), daemon=True)
    watcher.start()


def _wait_and_end(descriptor: int) -> None:
    try:
        _lock(descriptor, shared=True, wait=True)
    except OSError:  # no locks here: nothing to wait for
        return
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(1)


def find_runs(root: Path, study: str) -> list[Run]:
    """List the runs of a study that are recorded, those without an end among them.

    Parameters
    ----------
    root : Path
        Project root.
    study : str
        Name of the study.
    """
    runs = []
    for record in sorted((root / RUNS_FOLDER).glob("[0-9]*.json")):
        try:
            content = json.loads(record.read_text(encoding="utf-8"))
        except FileNotFoundError:  # it ended just now
            continue
        except json.JSONDecodeError:  # a full disk, or a computer that lost its power
            runs.append(Run(record, study, 0, "", "unknown"))
            continue
        if content["study"] == study:
            here = {key: content[key] for key in _machine()} == _machine()
            state = _state(record) if here else "unknown"
            runs.append(Run(record, study, int(content["pid"]), str(content["host"]), state))
    return runs


def release_dead(root: Path, study: str) -> list[int]:
    """Remove what a run that was killed left behind: its lock, its record, half-written files.

    Parameters
    ----------
    root : Path
        Project root.
    study : str
        Name of the study.

    Returns
    -------
    list of int
        Process numbers of the dead runs whose lock was removed.

    Raises
    ------
    LockedError
        If the study is locked and the owner of the lock is alive, or not known.  Nothing is
        removed then.
    """
    if sys.platform == "win32":
        return []
    with _one_at_a_time(root):
        runs = find_runs(root, study)
        locks = _locks_of(root, study)
        alive = [run for run in runs if run.state == "alive"]
        unknown = [run for run in runs if run.state == "unknown"]
        if locks and alive:
            raise LockedError(
                f"Study '{study}' is being run by process {alive[0].pid} on this computer; "
                "expected no other run of it. Wait until it is done, or end it "
                f"(kill {alive[0].pid}) and run again."
            )
        if locks and (unknown or not runs):
            owner = (
                f"process {unknown[0].pid} on {unknown[0].host or 'another computer'}"
                if unknown
                else "a process that left no record"
            )
            raise LockedError(
                f"Study '{study}' is locked by {owner}, of which can't be told here whether it "
                "still runs; expected no lock, or that of a run that is gone. Make sure that no "
                "run of this study goes on anywhere, then run "
                f"'snakemake --unlock --config study={study}' and again."
            )
        if alive or unknown:
            return []
        for lock in locks:
            lock.unlink(missing_ok=True)
        for run in runs:
            run.record.unlink(missing_ok=True)
        if runs:
            for path in (root / "results" / study).rglob(_TEMPORARY):
                path.unlink(missing_ok=True)
        return [run.pid for run in runs] if locks else []


def _locks_of(root: Path, study: str) -> list[Path]:
    """Snakemake's locks on results of a study; other studies may be at work in the folder."""
    prefix = f"results/{study}/"
    found = []
    for path in sorted((root / LOCKS_FOLDER).glob("*.lock")):
        with contextlib.suppress(FileNotFoundError):
            lines = path.read_text(encoding="utf-8").splitlines()
            if any(line.startswith(prefix) for line in lines):
                found.append(path)
    return found


def _state(record: Path) -> str:
    """Whether the process that holds the lock on a record lives.

    Jobs of a run that was killed hold the lock for the moment in which they end.
    """
    until = time.monotonic() + 1.0
    try:
        descriptor = os.open(record, os.O_RDWR)
    except FileNotFoundError:
        return "gone"
    try:
        while True:
            try:
                _lock(descriptor)
                return "gone"
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    return "unknown"
            if time.monotonic() > until:
                return "alive"
            time.sleep(0.05)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Let only one process look at locks and remove them."""
    folder = root / RUNS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            _lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, shared: bool = False, wait: bool = False) -> None:
    import fcntl

    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)


def _machine() -> dict[str, str]:
    """What tells one computer from another that sees the same folder."""
    identity = Path("/etc/machine-id")
    known = identity.read_text(encoding="ascii").strip() if identity.is_file() else ""
    return {"host": platform.node(), "machine": known}
