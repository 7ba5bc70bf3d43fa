"""Looks into a task store that a killed process left behind, as it lies there."""

import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

STORE = Path("data", "tasks.db")


def rows(folder: Path) -> list[dict[str, Any]]:
    """Every task; none as long as there is no store, or only a part of one."""
    with suppress(sqlite3.OperationalError), closing(_connect(folder / STORE)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM tasks")]
    return []


def rows_of_a_copy(folder: Path) -> list[dict[str, Any]]:
    """The same, but the next server finds the file and its log untouched, as after a real crash."""
    with tempfile.TemporaryDirectory() as copies:
        (Path(copies) / "data").mkdir()
        for name in (STORE, STORE.with_name("tasks.db-wal")):
            with suppress(FileNotFoundError):
                shutil.copy(folder / name, Path(copies) / name)
        return rows(Path(copies))


def let_time_pass(folder: Path, dead: int) -> None:
    """As if the lease of the dead process had run out, and what it had to do next were due."""
    with suppress(sqlite3.OperationalError), closing(_connect(folder / STORE)) as db, db:
        workers = [name for (name,) in db.execute("SELECT worker FROM workers WHERE worker LIKE ?", (f"{dead}-%",))]
        for worker in workers:
            db.execute("UPDATE workers SET alive_until = 0 WHERE worker = ?", (worker,))
            due = "UPDATE tasks SET next_step_at = 0 WHERE follower = ? AND next_step_at IS NOT NULL"
            db.execute(due, (worker,))


def damage(folder: Path) -> list[str]:
    """What SQLite finds wrong with the file."""
    with closing(_connect(folder / STORE)) as db:
        found = [str(row[0]) for row in db.execute("PRAGMA integrity_check")]
        found += [f"a row of {row[0]} belongs to nothing" for row in db.execute("PRAGMA foreign_key_check")]
    return [one for one in found if one != "ok"]


def _connect(path: Path) -> sqlite3.Connection:
    # Never makes the file: only the server may.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
