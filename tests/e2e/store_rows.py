"""Looks into the task store from outside."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio


def rows(folder: Path, what: str = "*", table: str = "tasks") -> list[dict[str, Any]]:
    """What the store of the server in this folder holds."""
    with closing(sqlite3.connect(folder / "data" / "tasks.db")) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(f"SELECT {what} FROM {table}")]  # noqa: S608  (names from tests)


async def accepted(folder: Path) -> None:
    """Waits until the server in this folder has written down that a provider took its only task."""
    with anyio.fail_after(10):
        while rows(folder)[0]["provider_task_id"] is None:  # noqa: ASYNC110  (another process writes the row)
            await anyio.sleep(0.005)


def let_leases_run_out(folder: Path) -> None:
    """As if ten seconds had passed since a process was killed."""
    with closing(sqlite3.connect(folder / "data" / "tasks.db")) as db, db:
        db.execute("UPDATE workers SET alive_until = 0")
