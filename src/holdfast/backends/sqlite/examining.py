"""A look at the file of a store: whether it is one, can be written, and on what disk it is."""

import os
import shutil
import sqlite3
import stat
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from holdfast.backends.sqlite.schema import APPLICATION, VERSION
from holdfast.diagnosis import Finding

SYNCS: Final = 20
SLOW: Final = 0.02
ROOM: Final = 256 << 20


def examine(path: Path) -> list[Finding]:
    """Look at a file and its folder; nothing in the file is changed."""
    folder = path.resolve().parent
    if not folder.is_dir():
        advice = f"Make the folder: mkdir -p {folder}"
        return [Finding("fail", "folder", f"{folder} does not exist", advice)]
    findings = [_folder(folder), _room(folder)]
    if not os.access(folder, os.W_OK):
        return findings
    findings.append(_disk(folder))
    if path.exists():
        findings += [_permissions(path), *_contents(path)]
    else:
        findings.append(Finding("ok", "file", f"{path} is made when the store is opened"))
    return findings


def _folder(folder: Path) -> Finding:
    if os.access(folder, os.W_OK):
        return Finding("ok", "folder", f"{folder} can be written")
    says = f"{folder} cannot be written by this user"
    return Finding("fail", "folder", says, "SQLite keeps its log beside the file: allow writing.")


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    says = f"{free / (1 << 30):.1f} GiB free"
    if free > ROOM:
        return Finding("ok", "room", says)
    return Finding("warn", "room", says, "Writes are refused when the disk is full: make room.")


def _disk(folder: Path) -> Finding:
    """Time what every commit waits for, on a file of its own."""
    took: list[float] = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".holdfast-doctor-") as file:
        for _ in range(SYNCS):
            file.write(b"x" * 4096)
            file.flush()
            began = perf_counter()
            os.fsync(file.fileno())
            took.append(perf_counter() - began)
    says = f"{median(took) * 1000:.2f} ms to reach the disk (median of {SYNCS})"
    if median(took) < SLOW:
        return Finding("ok", "disk", says)
    return Finding("warn", "disk", says, "Use a local disk; SQLite does not work over a network.")


def _permissions(path: Path) -> Finding:
    mode = path.stat().st_mode
    if not os.access(path, os.R_OK | os.W_OK):
        advice = "Give it to the user that the service runs as."
        return Finding("fail", "permissions", f"{path} cannot be read and written", advice)
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        says = f"everybody on this host may open {path} ({stat.filemode(mode)})"
        return Finding("warn", "permissions", says, f"chmod o-rw {path}")
    return Finding("ok", "permissions", stat.filemode(mode))


def _contents(path: Path) -> list[Finding]:
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return _judged(connection)
        finally:
            connection.close()
    except sqlite3.Error as exc:
        advice = "Restore it from a copy, or name another file."
        return [Finding("fail", "file", f"SQLite cannot read it: {exc}", advice)]


def _judged(connection: sqlite3.Connection) -> list[Finding]:
    application, version, journal = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version", "journal_mode")
    )
    if application != APPLICATION:
        return [Finding("fail", "file", "it is no session store", "Name another file.")]
    if version > VERSION:
        says = f"its schema has version {version}, this release knows {VERSION}"
        return [Finding("fail", "file", says, "Use a newer release.")]
    findings = [Finding("ok", "file", f"a session store, schema {version}")]
    if journal == "wal":
        findings.append(Finding("ok", "journal", "write-ahead log"))
    else:
        advice = "Opening the store puts that right."
        findings.append(Finding("warn", "journal", f"{journal}, not a write-ahead log", advice))
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem == "ok":
        findings.append(Finding("ok", "integrity", "no damage found"))
    else:
        findings.append(Finding("fail", "integrity", problem, "Restore it from a copy."))
    return findings
