"""The library of disk_shim.c: a process that dies, or has a full disk, at a step of its store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")


def build(folder: Path) -> Path:
    """Compiles it; for `LD_PRELOAD`."""
    found = (shutil.which(name) for name in (os.environ.get("CC", "cc"), "gcc", "gcc-14", "clang"))
    compiler = next((path for path in found if path), None)
    assert compiler is not None, "no C compiler: run scripts/setup build"
    library = folder / "disk_shim.so"
    flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", str(library), str(_SOURCE), "-ldl"], check=True)
    return library


def assert_sound(data: Path, scratch: Path) -> None:
    """The store's files, copied as they lie there, are a database without fault.

    Looking at a copy leaves it to Sluice to recover what a crash left.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name in ("jobs.db", "jobs.db-journal", "jobs.db-wal"):
        if (data / name).exists():
            shutil.copy(data / name, scratch / name)
    if not (scratch / "jobs.db").exists():
        return
    connection = sqlite3.connect(scratch / "jobs.db")
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()
