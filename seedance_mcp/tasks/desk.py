"""What sending, polling, cancelling and fetching work with, and the one way they change a task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakValueDictionary

import anyio

from seedance_mcp.domain.errors import Failure
from seedance_mcp.domain.task import Task
from seedance_mcp.http import Transport
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.storage.task_store import TaskStore
from seedance_mcp.tasks.breaker import Breaker
from seedance_mcp.tasks.budget import SpendingLimits
from seedance_mcp.tasks.catalogue import Catalogue
from seedance_mcp.tasks.clock import Clock
from seedance_mcp.tasks.prices import Prices
from seedance_mcp.tasks.push import EventStreams
from seedance_mcp.tasks.schedule import Pace
from seedance_mcp.tasks.timings import Timings

WAITING = "Waiting: "
"""Begins the note of a task that waits for a place; it goes once the task is sent."""


def _nowhere(_task: Task) -> str | None:
    return None


@dataclass(kw_only=True)
class Desk:
    """Everything one server process has at hand for its tasks."""

    store: TaskStore
    clock: Clock
    catalogue: Catalogue
    clients: Mapping[str, ProviderClient]
    limits: SpendingLimits
    transports: Mapping[str, Transport]
    """What stands in for the network at a provider (an application in this process, or a test); mostly empty."""
    output_dir: Path
    worker: str
    events: EventStreams
    prices: Prices
    timings: Timings
    callback_url: Callable[[Task], str | None] = _nowhere
    """Where a task's provider may call back. Whoever has the URL may do so: it belongs in no result and no log."""
    breaker: Breaker = field(default_factory=Breaker)
    is_leaving: bool = False
    """The process is ending: a send begun now might be cut off, so it is left to the next process."""
    _changed: WeakValueDictionary[str, anyio.Event] = field(default_factory=WeakValueDictionary[str, anyio.Event])
    """Only those that somebody waits for."""
    _waiting: anyio.Event = field(default_factory=anyio.Event)

    async def change(
        self, task: Task, edit: Callable[[Task], Task], *, if_ended: Callable[[Task], Task] | None = None
    ) -> Task:
        """Changes the task as it is now (not as it was read) and wakes whoever waits for it.

        `edit` never sees a task that has ended, because ends are final; `if_ended` may add to one.
        """
        now = self.clock.now()

        def edit_current(current: Task) -> Task:
            chosen = if_ended if current.has_ended else edit
            after = current if chosen is None else chosen(current)
            return current if after == current else replace(after, updated_at=now)

        changed = await self.store.change(task.owner, task.task_id, edit_current)
        self.announce(task.task_id)
        return changed

    def pace(self, task: Task) -> Pace:
        """How often this task is looked at."""
        return Pace(self.timings.usual(task), is_pushed=self.events.is_open(task.provider))

    def changed(self, task_id: str) -> anyio.Event:
        """Is set at the next change of this task, or when another process may have changed it."""
        self._waiting.set()
        return self._changed.setdefault(task_id, anyio.Event())

    async def somebody_waits(self) -> None:
        """Returns once somebody waits for a change."""
        if not self._changed:
            self._waiting = anyio.Event()
            await self._waiting.wait()

    def announce(self, task_id: str) -> None:
        if event := self._changed.pop(task_id, None):
            event.set()

    @property
    def awaited(self) -> tuple[str, ...]:
        """The tasks whose next change somebody waits for."""
        return tuple(self._changed)


def failed(task: Task, failure: Failure, now: float) -> Task:
    """The task ended without a video; nothing is left to do."""
    return replace(task, status="failed", error=failure, ended_at=now, next_step_at=None)


def not_sent(task: Task, failure: Failure | None, now: float) -> Task:
    """The task ended before anything was started, so it is free: failed, or cancelled when nothing failed."""
    ended = failed(task, failure, now) if failure else cancelled(task, now)
    return replace(ended, send_state="never", reserved_usd=None, notes=ended.without_notes(WAITING))


def cancelled(task: Task, now: float) -> Task:
    return replace(task, status="cancelled", ended_at=now, next_step_at=None)
