"""What tests read and write in the store file behind the server's back."""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rig import SMALL, Rig, environment
from seedance_mcp.domain.cost import Estimate
from seedance_mcp.domain.task import Task
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.engine import STORE_NAME
from seedance_mcp.storage.sqlite import SqliteTaskStore
from seedance_mcp.storage.task_store import AddTerms

OWNER = "local"


def store_path(rig: Rig) -> Path:
    return Path(rig.environment["SEEDANCE_DATA_DIR"]) / STORE_NAME


def rows(rig: Rig) -> list[Mapping[str, Any]]:
    """Every task as it is committed now."""
    with closing(sqlite3.connect(store_path(rig))) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM tasks ORDER BY created_at")]


def run_sql(rig: Rig, *statements: str) -> None:
    with closing(sqlite3.connect(store_path(rig))) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


@contextmanager
def refusing(rig: Rig, what: str) -> Generator[None]:
    """While this lasts the store refuses these writes (`UPDATE ON tasks`), as a full disk would."""
    run_sql(rig, f"CREATE TRIGGER full BEFORE {what} BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
    try:
        yield
    finally:
        run_sql(rig, "DROP TRIGGER full")


def crash_image(rig: Rig, name: str = "after-crash") -> Rig:
    """The data folder as a kill -9 at this moment would leave it, for servers that start on it later."""
    folder = rig.folder / name
    image = replace(rig, folder=folder, environment=environment(folder, "seedance2_ink", "kinovi"), transports={})
    store_path(image).parent.mkdir(parents=True)
    with closing(sqlite3.connect(store_path(rig))) as source, closing(sqlite3.connect(store_path(image))) as target:
        source.backup(target)
    return image


def left_over(rig: Rig, **facts: Any) -> Task:
    """A task as an earlier server might have left it."""
    now = rig.clock.now()
    small: dict[str, Any] = dict(SMALL)
    values: dict[str, Any] = {
        "task_id": "vt_leftover",
        "owner": OWNER,
        "status": "queued",
        "provider": "kinovi",
        "model": "seedance-2.0",
        "mode": "text_to_video",
        "request": VideoRequest(**small),
        "created_at": now,
        "updated_at": now,
        "estimate": Estimate(basis="published", usd=0.4, credits=80),
        "fingerprint": VideoRequest(**small).fingerprint,
        "caller": "dead",
        "answered_at": now,
        "follower": "dead",
        "next_step_at": now,
    } | facts
    return Task(**values)


async def store(rig: Rig, task: Task, *, alive_until: float | None = None) -> None:
    """Puts the task into the store; its follower's heartbeat lapses at `alive_until`."""
    tasks = SqliteTaskStore(store_path(rig))
    await tasks.open()
    now = rig.clock.now()
    await tasks.add(task, AddTerms(now=now, abandoned_since=now, day_start=0.0))
    if alive_until is not None and task.follower is not None:
        await tasks.heartbeat(task.follower, alive_until)
    await tasks.close()


async def history(rig: Rig, task_id: str) -> list[str]:
    """The statuses a task has had, in order."""
    tasks = SqliteTaskStore(store_path(rig))
    await tasks.open()
    found = await tasks.history(OWNER, task_id)
    await tasks.close()
    return [change.after for change in found]
