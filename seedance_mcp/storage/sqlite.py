"""Tasks in one SQLite file (WAL), safe for several server processes at once."""

import json
import sqlite3
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from seedance_mcp.domain.errors import StoreError
from seedance_mcp.domain.task import Status, Task, check_transition
from seedance_mcp.storage.migrations import migrate
from seedance_mcp.storage.rows import COLUMNS, Value, from_row, to_row
from seedance_mcp.storage.task_store import Added, AddTerms, Claim, SendLimits, Transition

BUSY_TIMEOUT_S = 30.0
LOCKED_RETRY_S = 0.02
_UNFINISHED = "('waiting', 'queued', 'running', 'uncertain')"
_T = TypeVar("_T")


class SqliteTaskStore:
    """`TaskStore` in one file. Every call runs on a worker thread, one at a time, and is finished even if cancelled."""

    def __init__(self, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._connection: sqlite3.Connection | None = None
        self._one_at_a_time = anyio.CapacityLimiter(1)

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
        return await self._run(lambda: self._in_transaction(self._add, task, terms))

    async def earlier(self, task: Task, terms: AddTerms) -> Added | None:
        return await self._run(lambda: self._in_transaction(self._stand_in, task, terms))

    async def get(self, owner: str, task_id: str) -> Task | None:
        return await self._run(lambda: self._one("owner = ? AND task_id = ?", owner, task_id))

    async def find(self, owner: str, provider: str, provider_task_id: str) -> Task | None:
        where = "owner = ? AND provider = ? AND provider_task_id = ? ORDER BY created_at DESC"
        return await self._run(lambda: self._one(where, owner, provider, provider_task_id))

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
            where.append(f"task_id IN ({', '.join('?' * len(task_ids))})")
            parameters.extend(task_ids)
        if before is not None:
            where.append("(created_at, task_id) < (?, ?)")
            parameters.extend(before)
        clause = " AND ".join(where) + " ORDER BY created_at DESC, task_id DESC LIMIT ?"
        return await self._run(lambda: self._many(clause, *parameters, limit))

    async def change(self, owner: str, task_id: str, edit: Callable[[Task], Task]) -> Task:
        return await self._run(lambda: self._change(owner, task_id, edit))

    async def claim_send(self, owner: str, task_id: str, limits: SendLimits) -> Claim:
        return await self._run(lambda: self._claim_send(owner, task_id, limits))

    async def history(self, owner: str, task_id: str) -> Sequence[Transition]:
        return await self._run(lambda: self._history(owner, task_id))

    async def spent_usd(self, owner: str, day_start: float) -> float:
        return await self._run(lambda: self._spent_usd(owner, day_start))

    async def charged(self, owner: str, limit: int) -> Sequence[Task]:
        where = "owner = ? AND charge != 'null' AND status = 'succeeded' ORDER BY created_at DESC LIMIT ?"
        return await self._run(lambda: self._many(where, owner, limit))

    async def heartbeat(self, worker: str, alive_until: float) -> None:
        statement = "INSERT INTO workers VALUES (?, ?) ON CONFLICT DO UPDATE SET alive_until = excluded.alive_until"
        await self._run(lambda: self._write(statement, worker, alive_until))

    async def leave(self, worker: str) -> None:
        await self._run(lambda: self._write("DELETE FROM workers WHERE worker = ?", worker))

    async def take_over(self, worker: str, now: float, providers: Collection[str]) -> Sequence[Task]:
        return await self._run(lambda: self._take_over(worker, now, providers))

    async def _run(self, work: Callable[[], _T]) -> _T:
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._one_at_a_time)
        except (sqlite3.Error, OSError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> StoreError:
        return StoreError(
            f"The task store {self._path} cannot be used: {error}. What is already stored is kept. Check the folder's "
            "permissions and free space, or set SEEDANCE_DATA_DIR to another folder."
        )

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = sqlite3.connect(self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA journal_mode = WAL")
            # A row must be on disk before money is spent: FULL also survives a power cut.
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            migrate(db)
        except BaseException:
            db.close()
            raise
        self._connection = db

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("it is not open")
        return self._connection

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _write(self, statement: str, *parameters: Value) -> None:
        with self._transaction() as db:
            db.execute(statement, parameters)

    def _many(self, where: str, *parameters: Value) -> list[Task]:
        rows = self._db.execute(f"SELECT * FROM tasks WHERE {where}", parameters)  # noqa: S608  (clauses of this file)
        return [from_row(row) for row in rows]

    def _one(self, where: str, *parameters: Value) -> Task | None:
        return next(iter(self._many(where + " LIMIT 1", *parameters)), None)

    def _insert(self, task: Task) -> None:
        names, marks = ", ".join(COLUMNS), ", ".join(f":{name}" for name in COLUMNS)
        self._db.execute(f"INSERT INTO tasks ({names}) VALUES ({marks})", to_row(task))  # noqa: S608  (field names)
        self._record(task, None)

    def _record(self, task: Task, before: Status | None) -> None:
        row = (task.task_id, task.updated_at, before, task.status)
        self._db.execute("INSERT INTO transitions VALUES (?, ?, ?, ?)", row)

    def _update(self, before: Task, after: Task) -> Task:
        check_transition(before.status, after.status)
        names = ", ".join(f"{name} = :{name}" for name in COLUMNS if name != "task_id")
        self._db.execute(f"UPDATE tasks SET {names} WHERE task_id = :task_id", to_row(after))  # noqa: S608
        if after.status != before.status:
            self._record(after, before.status)
        return after

    def _in_transaction(self, work: Callable[[Task, AddTerms], _T], task: Task, terms: AddTerms) -> _T:
        with self._transaction():
            return work(task, terms)

    def _add(self, task: Task, terms: AddTerms) -> Added:
        if earlier := self._stand_in(task, terms):
            return earlier
        if terms.daily_budget_usd is not None and task.send_state == "to_send":
            spent = self._spent_usd(task.owner, terms.day_start)
            if spent + task.price_usd > terms.daily_budget_usd:
                return Added(task=task, how="over_budget", spent_usd=spent)
        self._insert(task)
        return Added(task=task, how="new")

    def _stand_in(self, task: Task, terms: AddTerms) -> Added | None:
        if task.idempotency_key is not None:
            earlier = self._one("owner = ? AND idempotency_key = ?", task.owner, task.idempotency_key)
            how = "same_key" if earlier and earlier.fingerprint == task.fingerprint else "other_arguments"
            return Added(task=earlier, how=how) if earlier else None
        if (earlier := self._abandoned(task, terms)) is None:
            return None
        # Handed out once: from now on it belongs to the call that asks for it.
        notes = earlier.with_note(terms.abandoned_note)
        ours = replace(earlier, caller=task.caller, abandoned_at=None, updated_at=terms.now, notes=notes)
        return Added(task=self._update(earlier, ours), how="abandoned")

    def _abandoned(self, task: Task, terms: AddTerms) -> Task | None:
        return self._one(
            "owner = ? AND fingerprint = ? AND idempotency_key IS NULL AND created_at >= ? AND answered_at IS NULL "
            "AND (abandoned_at IS NOT NULL OR caller NOT IN (SELECT worker FROM workers WHERE alive_until > ?)) "
            "ORDER BY created_at DESC",
            task.owner,
            task.fingerprint,
            terms.abandoned_since,
            terms.now,
        )

    def _change(self, owner: str, task_id: str, edit: Callable[[Task], Task]) -> Task:
        with self._transaction():
            before = self._one("owner = ? AND task_id = ?", owner, task_id)
            if before is None:
                raise KeyError(task_id)
            return self._update(before, edit(before))

    def _claim_send(self, owner: str, task_id: str, limits: SendLimits) -> Claim:
        with self._transaction():
            task = self._one("owner = ? AND task_id = ? AND send_state = 'to_send'", owner, task_id)
            if task is None or task.status not in {"waiting", "queued"}:
                return Claim(task=None)
            if limits.max_concurrent is not None and self._in_progress(task.provider) >= limits.max_concurrent:
                return Claim(task=None, no_free_slot=True)
            price = task.price_usd
            if limits.daily_budget_usd is not None:
                spent = self._spent_usd(owner, limits.day_start)
                if spent + price > limits.daily_budget_usd:
                    return Claim(task=None, over_budget_usd=spent)
            claimed = replace(
                task,
                status="queued",
                send_state="sending",
                attempt=limits.worker,
                attempted_at=limits.now,
                updated_at=limits.now,
                reserved_usd=price,
                follower=limits.worker,
            )
            return Claim(task=self._update(task, claimed))

    def _in_progress(self, provider: str) -> int:
        row = self._db.execute(
            "SELECT count(*) FROM tasks WHERE provider = ? AND status IN ('queued', 'running') "
            "AND send_state IN ('sending', 'sent') AND ended_at IS NULL AND video = 'null'",
            (provider,),
        ).fetchone()
        return int(row[0])

    def _spent_usd(self, owner: str, day_start: float) -> float:
        rows = self._many(
            f"owner = ? AND ((send_state IN ('sending', 'sent') AND status IN {_UNFINISHED}) OR ended_at >= ?)",
            owner,
            day_start,
        )
        return sum(task.spent_usd for task in rows)

    def _history(self, owner: str, task_id: str) -> Sequence[Transition]:
        rows = self._db.execute(
            "SELECT at, before, after FROM transitions JOIN tasks USING (task_id) WHERE owner = ? AND task_id = ? "
            "ORDER BY transitions.rowid",
            (owner, task_id),
        )
        return [Transition(at=row["at"], before=row["before"], after=row["after"]) for row in rows]

    def _take_over(self, worker: str, now: float, providers: Collection[str]) -> Sequence[Task]:
        orphaned = (
            "next_step_at IS NOT NULL AND (follower IS NULL "
            "OR follower NOT IN (SELECT worker FROM workers WHERE alive_until > ?)) "
            "AND provider IN (SELECT value FROM json_each(?))"
        )
        parameters = now, json.dumps(list(providers))
        if self._one(orphaned, *parameters) is None:
            return ()
        with self._transaction() as db:
            tasks = self._many(orphaned, *parameters)
            db.executemany(
                "UPDATE tasks SET follower = ? WHERE task_id = ?", [(worker, task.task_id) for task in tasks]
            )
        return [replace(task, follower=worker) for task in tasks]


def _is_locked(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
