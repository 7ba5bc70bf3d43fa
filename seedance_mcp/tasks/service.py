"""The deep module: everything a caller can do with videos, and the promise that none is paid for twice or lost."""

import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

import anyio

from seedance_mcp.domain.errors import InvalidRequestError, NotFoundError, StoreError
from seedance_mcp.domain.task import Status, Task
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.storage.task_store import Added
from seedance_mcp.tasks import cancelling
from seedance_mcp.tasks.adopting import adopt, client_of
from seedance_mcp.tasks.budget import check_price, over_budget
from seedance_mcp.tasks.clock import wait_at_most
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.drafts import draft, new_id, planned, terms_of
from seedance_mcp.tasks.order import Order
from seedance_mcp.tasks.plan import make_plan
from seedance_mcp.tasks.prices import PriceBook
from seedance_mcp.tasks.progress import Progress, left_s, progress_of
from seedance_mcp.tasks.settling import settle
from seedance_mcp.tasks.watcher import Watcher

logger = logging.getLogger(__name__)

LAST_ANSWER_S = 1.5
"""How long a create in flight may keep the process from ending."""
REPORT_S = 1.0
"""How often a waiter hears of progress."""


def new_worker() -> str:
    """A name for this process that no other one has."""
    return f"{os.getpid()}-{secrets.token_hex(6)}"


class VideoTasks:
    """Create, get, list, cancel and wait, for one server process. An async context manager."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._watcher = Watcher(desk)
        self._running = AsyncExitStack()
        self._adopting = anyio.Lock()
        self._abandoned: dict[str, Task] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            await self._desk.store.open()
            stack.push_async_callback(self._leave)
            await self._watcher.beat()
            group = await stack.enter_async_context(anyio.create_task_group())
            group.start_soon(self._watcher.run)
            stack.callback(group.cancel_scope.cancel)
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits a moment for the answer of a create in flight, then stops; the tasks themselves go on elsewhere."""
        self._desk.is_leaving = True
        with anyio.move_on_after(LAST_ANSWER_S, shield=True):
            await self._watcher.sent()
        await self._running.aclose()

    async def create(self, order: Order) -> Task:
        """Stores a task and lets the watcher send it; or returns the earlier task that this call repeats.

        The caller must say how the call ended with `answered` or `abandoned`.

        Raises:
            InvalidRequestError: Nobody can make it as asked, or the key was used with other arguments.
            SetupError: The named provider has no key.
            SpendLimitError: A limit of the user's stands in the way.
        """
        desk = self._desk
        await self._write_abandoned()
        # First of all: what was ordered before stands, whatever prices and limits say now.
        new, terms = draft(desk, order), terms_of(desk)
        if earlier := await desk.store.earlier(new, terms):
            return self._added(earlier)
        book = await self.price_book(order.owner, order.request)
        plan = make_plan(order.request, desk.catalogue, book.estimate, order.max_cost_usd)
        note = check_price(plan.chosen, desk.limits, order.max_cost_usd)
        # Nothing may wait between here and the return: a call that breaks off there could not say so any more.
        return self._added(await desk.store.add(planned(desk, new, plan, note), terms))

    async def price_book(self, owner: str, request: VideoRequest) -> PriceBook:
        """Everything known at this moment about what such a video costs."""
        return await self._desk.prices.book(self._desk.store, owner, request)

    async def get(self, owner: str, task_id: str) -> Task:
        """Raises `NotFoundError`."""
        if (task := await self._desk.store.get(owner, task_id)) is None:
            raise _no_such_task(task_id)
        return self._as_seen_here(task)

    async def adopt(self, owner: str, provider: str, provider_task_id: str) -> Task:
        """The task with this id at a provider, wherever it was made; from now on it is followed here.

        Raises:
            ProviderError: The provider does not answer for it.
            SetupError: The provider has no key here.
        """
        async with self._adopting:
            task = await adopt(self._desk, owner, provider, provider_task_id, new_id())
            self._watcher.follow(task)
        return task

    async def settle(self, owner: str, task_id: str, provider_task_id: str) -> Task:
        """Tells an `uncertain` task which one it is at its provider.

        Raises:
            NotFoundError: There is no such task.
            ProviderError: The provider does not answer for this id.
            InvalidRequestError: The task is not `uncertain`, or the id belongs to another one.
            SetupError: The provider has no key here.
        """
        task = await self.get(owner, task_id)
        client = client_of(self._desk, task.provider)
        task = await settle(self._desk, task, provider_task_id, client)
        self._watcher.follow(task)
        return task

    async def called_back(self, owner: str, task_id: str, provider_task_id: str | None) -> bool:
        """Its provider called: what was lost is settled, the rest is due now. False: its create is not answered yet.

        Raises:
            SeedanceError: It cannot be settled now, see `settle`.
        """
        task = await self._watcher.called_back(await self.get(owner, task_id), provider_task_id)
        if task.status == "uncertain" and provider_task_id:
            await self.settle(owner, task_id, provider_task_id)
        return task.send_state != "sending"

    async def recent(
        self,
        owner: str,
        *,
        status: Status | None = None,
        task_ids: Sequence[str] | None = None,
        before: tuple[float, str] | None = None,
        limit: int = 20,
    ) -> Sequence[Task]:
        """Newest first."""
        found = await self._desk.store.recent(owner, status=status, task_ids=task_ids, before=before, limit=limit)
        return [self._as_seen_here(task) for task in found]

    async def unfinished(self, owner: str) -> Sequence[tuple[Task, bool]]:
        """What is still to be done, oldest first, and whether a living process looks after it."""
        found = await self._desk.store.unfinished(owner, self._desk.clock.now())
        return [(self._as_seen_here(task), is_followed) for task, is_followed in found]

    async def cancel(self, owner: str, task_id: str) -> cancelling.Cancelled:
        """Cancels in whatever state the task is; see `cancelling.cancel`."""
        return await cancelling.cancel(self._desk, await self.get(owner, task_id))

    async def wait(
        self,
        owner: str,
        task_ids: Sequence[str],
        seconds: float,
        report: Callable[[Sequence[Task]], Awaitable[None]],
        *,
        through_waiting: bool = False,
    ) -> Sequence[Task]:
        """Waits until all these tasks have ended, at most this long; tells `report` about once a second.

        A task that is `waiting` is not waited for unless `through_waiting`.

        Raises:
            NotFoundError: One of them does not exist.
        """
        left = seconds
        changes: list[anyio.Event] = []
        tasks: list[Task] = []
        while True:
            if not tasks or any(change.is_set() for change in changes):
                # Asked for before the rows are read, so that no change falls in between.
                changes = [self._desk.changed(task_id) for task_id in task_ids]
                tasks = await self._read(owner, task_ids)
            settled = all(_is_settled(task, through_waiting=through_waiting) for task in tasks)
            if settled or left <= 0:
                return tasks
            since = self._desk.clock.now()
            await report(tasks)
            await wait_at_most(self._desk.clock, _first_open(tasks, changes), min(REPORT_S, left))
            passed = self._desk.clock.now() - since
            # A clock that is put back must not make a call last for hours.
            left -= passed if passed >= 0 else REPORT_S

    async def _read(self, owner: str, task_ids: Sequence[str]) -> list[Task]:
        tasks = [await self.get(owner, task_id) for task_id in task_ids]
        for task in tasks:
            await self._desk.timings.refresh(task, self._desk.clock.now())
        return tasks

    async def answered(self, task: Task) -> None:
        """The call that made this task was answered."""
        now = self._desk.clock.now()
        with suppress(KeyError):  # somebody may have emptied the store by hand
            await self._desk.store.change(task.owner, task.task_id, lambda current: replace(current, answered_at=now))

    async def abandoned(self, task: Task) -> None:
        """The call that made this task broke off: the caller does not know of the task."""
        self._abandoned[task.task_id] = task
        try:
            await self._write_abandoned()
        except StoreError as error:
            logger.warning("task %s: noted later that its call broke off: %s", task.task_id, error)

    def progress(self, task: Task) -> Progress:
        """How far it is, by its provider's word or by how long such videos took before."""
        return progress_of(self._desk, task)

    def left_s(self, task: Task) -> tuple[float, float] | None:
        """How many more seconds such videos usually take, at least and at most; None when nothing can be said."""
        return left_s(self._desk, task)

    async def _leave(self) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self._desk.store.leave(self._desk.worker)
        except StoreError as error:
            # Its tasks are taken over a little later, when its heartbeat lapses.
            logger.warning("%s", error)

    async def _close(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._desk.store.close()
            for client in self._desk.clients.values():
                await client.aclose()

    async def _write_abandoned(self) -> None:
        now = self._desk.clock.now()
        for task in tuple(self._abandoned.values()):
            with suppress(KeyError):  # somebody may have emptied the store by hand
                await self._desk.store.change(
                    task.owner, task.task_id, lambda current: replace(current, abandoned_at=now, answered_at=None)
                )
            self._abandoned.pop(task.task_id, None)

    def _as_seen_here(self, task: Task) -> Task:
        if task.next_step_at is None or task.provider in self._desk.clients:
            return task
        note = f"{task.provider} is not configured in this server; one that has its key goes on with this video."
        return replace(task, notes=task.with_note(note))

    def _added(self, added: Added) -> Task:
        if added.how == "new":
            self._watcher.follow(added.task)
            return added.task
        if added.how == "over_budget":
            raise over_budget(added.task, added.spent_usd, self._desk.limits)
        if added.how == "other_arguments":
            raise InvalidRequestError(
                f"idempotency_key={added.task.idempotency_key!r} was used before with other arguments, for task "
                f"{added.task.task_id}. Use a new key for another video, or get_task(task_id={added.task.task_id!r}). "
                "Nothing was sent."
            )
        return added.task


def _is_settled(task: Task, *, through_waiting: bool) -> bool:
    """Whether waiting for this task is over, or would be in vain."""
    in_vain = task.status == "uncertain" and task.next_step_at is None
    return task.has_ended or in_vain or (task.status == "waiting" and not through_waiting)


def _first_open(tasks: Sequence[Task], changes: Sequence[anyio.Event]) -> anyio.Event:
    return next(event for task, event in zip(tasks, changes, strict=True) if not task.has_ended)


def _no_such_task(task_id: str) -> NotFoundError:
    return NotFoundError(f"There is no task {task_id!r} here. list_tasks shows the recent ones.", task_id=task_id)
