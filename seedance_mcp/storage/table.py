"""The tasks of one SQLite file, row by row. Everything here runs inside a transaction that the store opened."""

import sqlite3
from collections.abc import Callable, Sequence

from seedance_mcp.domain.task import Status, Task, check_sending, check_transition
from seedance_mcp.storage.rows import COLUMNS, Value, from_row, to_row
from seedance_mcp.storage.task_store import Transition

ALIVE = "(SELECT worker FROM workers WHERE alive_until - ? BETWEEN 0.001 AND 60)"
"""Workers whose heartbeat has not lapsed now; one that lies far ahead was written before the clock was put back."""


class TaskTable:
    """Reads and writes `Task` rows, and keeps the history of their status."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def many(self, where: str, *parameters: Value) -> list[Task]:
        rows = self.db.execute(f"SELECT * FROM tasks WHERE {where}", parameters)  # noqa: S608  (clauses of this folder)
        return [from_row(row) for row in rows]

    def one(self, where: str, *parameters: Value) -> Task | None:
        return next(iter(self.many(where + " LIMIT 1", *parameters)), None)

    def number(self, select: str, *parameters: Value) -> float:
        """The one figure that this statement selects; 0 for none."""
        (value,) = self.db.execute(select, parameters).fetchone()
        return value or 0

    def insert(self, task: Task) -> None:
        names, marks = ", ".join(COLUMNS), ", ".join(f":{name}" for name in COLUMNS)
        self.db.execute(f"INSERT INTO tasks ({names}) VALUES ({marks})", to_row(task))  # noqa: S608  (field names)
        self._record(task, None)

    def update(self, before: Task, after: Task) -> Task:
        check_transition(before.status, after.status)
        check_sending(after)
        names = ", ".join(f"{name} = :{name}" for name in COLUMNS if name != "task_id")
        self.db.execute(f"UPDATE tasks SET {names} WHERE task_id = :task_id", to_row(after))  # noqa: S608
        if after.status != before.status:
            self._record(after, before.status)
        return after

    def change(self, owner: str, task_id: str, edit: Callable[[Task], Task]) -> Task:
        before = self.one("owner = ? AND task_id = ?", owner, task_id)
        if before is None:
            raise KeyError(task_id)
        after = edit(before)
        return before if after == before else self.update(before, after)

    def history(self, owner: str, task_id: str) -> Sequence[Transition]:
        rows = self.db.execute(
            "SELECT at, before, after FROM transitions JOIN tasks USING (task_id) WHERE owner = ? AND task_id = ? "
            "ORDER BY transitions.rowid",
            (owner, task_id),
        )
        return [Transition(at=row["at"], before=row["before"], after=row["after"]) for row in rows]

    def _record(self, task: Task, before: Status | None) -> None:
        row = (task.task_id, task.updated_at, before, task.status)
        self.db.execute("INSERT INTO transitions VALUES (?, ?, ?, ?)", row)
