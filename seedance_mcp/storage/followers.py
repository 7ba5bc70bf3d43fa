"""Who looks after which task, and what is still to be done."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from seedance_mcp.domain.task import Task
from seedance_mcp.storage.rows import Value
from seedance_mcp.storage.table import ALIVE, TaskTable
from seedance_mcp.storage.task_store import Timing


def execute(table: TaskTable, statement: str, *parameters: Value) -> None:
    table.db.execute(statement, parameters)


def timings(table: TaskTable, provider: str, model: str, limit: int) -> Sequence[Timing]:
    rows = table.db.execute(
        "SELECT took_s, json_extract(request, '$.resolution'), json_extract(request, '$.duration') FROM tasks "
        "WHERE provider = ? AND model = ? AND took_s IS NOT NULL ORDER BY ended_at DESC LIMIT ?",
        (provider, model, limit),
    )
    return [Timing(took_s=row[0], resolution=row[1], duration=row[2]) for row in rows]


def unfinished(table: TaskTable, owner: str, now: float) -> Sequence[tuple[Task, bool]]:
    where = "owner = ? AND (next_step_at IS NOT NULL OR status IN ('waiting', 'queued', 'running', 'uncertain'))"
    alive = {row[0] for row in table.db.execute(ALIVE.strip("()"), (now,))}
    return [(task, task.follower in alive) for task in table.many(where + " ORDER BY rowid", owner)]


def orphans(table: TaskTable, now: float, providers: Collection[str]) -> list[Task]:
    """Tasks with something left to do that no living worker looks after."""
    return table.many(
        # The plus keeps SQLite from reading all tasks of a provider: few have something left to do.
        f"next_step_at IS NOT NULL AND (follower IS NULL OR follower NOT IN {ALIVE}) "  # noqa: S608  (our clauses)
        "AND +provider IN (SELECT value FROM json_each(?)) ORDER BY rowid",
        now,
        json.dumps(list(providers)),
    )


def take_over(table: TaskTable, worker: str, now: float, providers: Collection[str]) -> Sequence[Task]:
    tasks = orphans(table, now, providers)
    table.db.executemany("UPDATE tasks SET follower = ? WHERE task_id = ?", [(worker, one.task_id) for one in tasks])
    return [replace(task, follower=worker) for task in tasks]
