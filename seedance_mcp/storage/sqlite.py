"""Tasks in one SQLite file (WAL), safe for several server processes at once."""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import anyio
import anyio.to_thread

from seedance_mcp.domain.errors import StoreError
from seedance_mcp.domain.task import Status, Task
from seedance_mcp.storage import followers, orders, places
from seedance_mcp.storage.life_signs import LifeSigns
from seedance_mcp.storage.migrations import migrate
from seedance_mcp.storage.rescue import carry_over
from seedance_mcp.storage.rows import Value
from seedance_mcp.storage.table import TaskTable
from seedance_mcp.storage.task_store import Added, AddTerms, Claim, SendLimits, Taken, Timing, Transition

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 30.0
LOCKED_RETRY_S = 0.02
DEAD_FOR_S = 24 * 3600.0
_T = TypeVar("_T")
_P = ParamSpec("_P")


class SqliteTaskStore:
    """`TaskStore` in one file. Every call runs on a worker thread, one at a time, and is finished even if cancelled."""

    def __init__(self, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._connection: sqlite3.Connection | None = None
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._life_signs = LifeSigns(path.parent / f"{path.stem}.workers")
        self._pulse: sqlite3.Connection | None = None
        self._one_beat_at_a_time = anyio.CapacityLimiter(1)
        self._opened_as: tuple[int, int] | None = None

    async def open(self) -> None:
        until = anyio.current_time() + self._busy_timeout_s
        while True:
            try:
                return await self._run(self._open)
            except StoreError as error:
                # Of two programs that make the file at one moment, one finds it locked: SQLite does not wait there.
                if not _is_locked(error.__cause__) or anyio.current_time() > until:
                    raise
            await anyio.sleep(LOCKED_RETRY_S)

    async def close(self) -> None:
        await self._run(self._close)

    async def add(self, task: Task, terms: AddTerms) -> Added:
        return await self._write(self._after_burying(orders.add), task, terms)

    async def earlier(self, task: Task, terms: AddTerms) -> Added | None:
        return await self._write(self._after_burying(orders.stand_in), task, terms)

    async def get(self, owner: str, task_id: str) -> Task | None:
        return await self._read(TaskTable.one, "owner = ? AND task_id = ?", owner, task_id)

    async def find(self, owner: str, provider: str, provider_task_id: str) -> Task | None:
        where = "owner = ? AND provider = ? AND provider_task_id = ? ORDER BY created_at DESC"
        return await self._read(TaskTable.one, where, owner, provider, provider_task_id)

    async def recent(
        self,
        owner: str,
        *,
        status: Status | None = None,
        task_ids: Sequence[str] | None = None,
        before: tuple[float, str] | None = None,
        limit: int = 20,
    ) -> list[Task]:
        where = ["owner = ?"]
        parameters: list[Value] = [owner]
        if status is not None:
            where.append("status = ?")
            parameters.append(status)
        if task_ids is not None:
            where.append("task_id IN (SELECT value FROM json_each(?))")
            parameters.append(json.dumps(list(task_ids)))
        if before is not None:
            where.append("(created_at, task_id) < (?, ?)")
            parameters.extend(before)
        clause = " AND ".join(where) + " ORDER BY created_at DESC, task_id DESC LIMIT ?"
        return await self._read(TaskTable.many, clause, *parameters, limit)

    async def change(self, owner: str, task_id: str, edit: Callable[[Task], Task]) -> Task:
        return await self._write(TaskTable.change, owner, task_id, edit)

    async def claim_send(self, owner: str, task_id: str, limits: SendLimits) -> Claim:
        return await self._write(places.claim_send, owner, task_id, limits)

    async def learn_limit(
        self, provider: str, task_id: str, now: float, *, asked_until: float | None, alone_until: float
    ) -> int | None:
        return await self._write(
            places.learn_limit, provider, task_id, now, asked_until=asked_until, alone_until=alone_until
        )

    async def take_id(self, task: Task, provider_task_ids: Sequence[str], edit: Callable[[Task, str], Task]) -> Taken:
        return await self._write(places.take_id, task, provider_task_ids, edit)

    async def history(self, owner: str, task_id: str) -> Sequence[Transition]:
        return await self._read(TaskTable.history, owner, task_id)

    async def spent_usd(self, owner: str, day_start: float) -> float:
        return await self._read(orders.spent_usd, owner, day_start)

    async def charged(self, owner: str, limit: int) -> Sequence[Task]:
        where = "owner = ? AND charge != 'null' AND status = 'succeeded' ORDER BY created_at DESC LIMIT ?"
        return await self._read(TaskTable.many, where, owner, limit)

    async def timings(self, provider: str, model: str, limit: int) -> Sequence[Timing]:
        return await self._read(followers.timings, provider, model, limit)

    async def unfinished(self, owner: str, now: float) -> Sequence[tuple[Task, bool]]:
        return await self._read(followers.unfinished, owner, now)

    async def version(self) -> int:
        return int(await self._read(TaskTable.number, "PRAGMA data_version"))

    async def heartbeat(self, worker: str, alive_until: float) -> None:
        # On a connection of its own: a heartbeat that queues behind other work may come too late.
        await self._in_place(lambda: self._beat(worker, alive_until), self._one_beat_at_a_time)

    async def leave(self, worker: str) -> None:
        await self._write(followers.execute, "DELETE FROM workers WHERE worker = ?", worker)
        await self._run(lambda: self._life_signs.let_go(worker))

    async def take_over(self, worker: str, now: float, providers: Collection[str]) -> Sequence[Task]:
        if not await self._read(followers.orphans, now, providers):
            return ()
        return await self._write(followers.take_over, worker, now, providers)

    async def _read(self, work: Callable[Concatenate[TaskTable, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await self._run(lambda: work(TaskTable(self._db), *args, **kwargs))

    async def _write(self, work: Callable[Concatenate[TaskTable, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        write = partial(self._in_transaction, lambda table: work(table, *args, **kwargs))
        return await self._in_place(write, self._one_at_a_time)

    async def _in_place(self, work: Callable[[], _T], limiter: anyio.CapacityLimiter) -> _T:
        try:
            return await self._run(work, limiter)
        except _MovedError:
            async with self._one_beat_at_a_time:
                await self._run(self._move)
            return await self._run(work, limiter)

    async def _run(self, work: Callable[[], _T], limiter: anyio.CapacityLimiter | None = None) -> _T:
        try:
            return await anyio.to_thread.run_sync(work, limiter=limiter or self._one_at_a_time)
        except (sqlite3.Error, OSError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> StoreError:
        return StoreError(
            f"The task store {self._path} cannot be used: {error}. What is already stored is kept. Check the folder's "
            "permissions and free space, or set SEEDANCE_DATA_DIR to another folder."
        )

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._path.exists() and not os.access(self._path, os.W_OK):
            # SQLite would make its companion files read-only as well, and they stay so.
            raise PermissionError(f"{self._path.name} is read-only")
        self._connection = self._connect(migrate)
        self._pulse = self._connect()
        self._opened_as = _identity(self._path, None)

    def _check_place(self) -> None:
        """Raises _MovedError when somebody has removed the file: what is written to a removed one is lost."""
        if self._connection is not None and _identity(self._path, self._opened_as) != self._opened_as:
            raise _MovedError

    def _move(self) -> None:
        """Nothing else runs meanwhile. If it fails, the old file is still open and the next call tries again."""
        if self._connection is None or _identity(self._path, self._opened_as) == self._opened_as:
            return
        logger.warning("%s was removed while the server ran; what it knows is written to a new one.", self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._connect(migrate)
        try:
            carry_over(self._connection, new)
            pulse = self._connect()
        except BaseException:
            new.close()
            raise
        self._close()
        self._connection, self._pulse, self._opened_as = new, pulse, _identity(self._path, None)

    def _connect(self, prepare: Callable[[sqlite3.Connection], None] | None = None) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA journal_mode = WAL")
            # A row must be on disk before money is spent: FULL also survives a power cut.
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            if prepare is not None:
                prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _close(self) -> None:
        self._life_signs.close()
        for db in (self._pulse, self._connection):
            if db is not None:
                db.close()
        self._pulse = self._connection = None

    def _beat(self, worker: str, alive_until: float) -> None:
        self._check_place()
        self._life_signs.hold(worker)
        self._bury(self._pulse_db)
        statement = "INSERT INTO workers VALUES (?, ?) ON CONFLICT DO UPDATE SET alive_until = excluded.alive_until"
        self._pulse_db.execute(statement, (worker, alive_until))
        # Those that were killed never leave by themselves.
        self._pulse_db.execute("DELETE FROM workers WHERE alive_until < ?", (alive_until - DEAD_FOR_S,))

    def _bury(self, db: sqlite3.Connection) -> None:
        """Forgets workers whose process has ended, however long their lease would last."""
        for (worker,) in db.execute("SELECT worker FROM workers").fetchall():
            if self._life_signs.is_dead(worker):
                db.execute("DELETE FROM workers WHERE worker = ?", (worker,))
                self._life_signs.let_go(worker)

    def _after_burying(
        self, work: Callable[[TaskTable, Task, AddTerms], _T]
    ) -> Callable[[TaskTable, Task, AddTerms], _T]:
        def bury_first(table: TaskTable, task: Task, terms: AddTerms) -> _T:
            self._bury(table.db)
            return work(table, task, terms)

        return bury_first

    @property
    def _pulse_db(self) -> sqlite3.Connection:
        return _opened(self._pulse)

    @property
    def _db(self) -> sqlite3.Connection:
        return _opened(self._connection)

    def _in_transaction(self, work: Callable[[TaskTable], _T]) -> _T:
        self._check_place()
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            result = work(TaskTable(db))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return result


class _MovedError(Exception):
    """The file that is open is no longer the one at its path."""


def _identity(path: Path, otherwise: tuple[int, int] | None) -> tuple[int, int] | None:
    """Which file lies there; `otherwise` when that cannot be seen at this moment."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return otherwise
    return found.st_dev, found.st_ino


def _opened(db: sqlite3.Connection | None) -> sqlite3.Connection:
    if db is None:
        raise sqlite3.ProgrammingError("it is not open")
    return db


def _is_locked(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
