"""Whose turn it is to be sent: one line for each provider, oldest first, and few creates at the same moment."""

import heapq
import math
from contextlib import AbstractAsyncContextManager, nullcontext

import anyio

from seedance_mcp.domain.task import Task
from seedance_mcp.providers.spec import ProviderSpec

SENT_AT_ONCE = 2
"""Creates on their way to one provider: the first 429 is heard before many more are sent into it."""


class Lines:
    """The tasks of this process that are still to be sent."""

    def __init__(self) -> None:
        self._lines: dict[str, list[tuple[float, int, str]]] = {}
        self._count = 0
        self._standing: dict[str, str] = {}
        self._turns: dict[str, anyio.Semaphore] = {}

    def note(self, task: Task) -> None:
        """The task as it is now: it stands in its provider's line, or no longer."""
        if task.send_state != "to_send" or task.next_step_at is None:
            self._standing.pop(task.task_id, None)
        elif self._standing.get(task.task_id) != task.provider:
            self._standing[task.task_id] = task.provider
            self._count += 1
            heapq.heappush(self._lines.setdefault(task.provider, []), (task.created_at, self._count, task.task_id))

    def first(self, provider: str) -> str | None:
        """The id of the task whose turn is next."""
        line = self._lines.get(provider, [])
        while line and self._standing.get(line[0][2]) != provider:
            heapq.heappop(line)
        return line[0][2] if line else None

    def turn(self, spec: ProviderSpec) -> AbstractAsyncContextManager[object]:
        """Held while a create is sent; they get their turn in the order in which they asked."""
        if spec.answers_at_the_end:
            # Such a create lasts as long as its video.
            return nullcontext()
        return self._turns.setdefault(spec.id, anyio.Semaphore(SENT_AT_ONCE))


def urgency(task: Task) -> float:
    """Smaller is sooner: first what takes no time, then the videos by the end of their links."""
    if task.video is None:
        return 0.0
    return math.inf if task.video.url_expires_at is None else task.video.url_expires_at


def holds_a_place(task: Task) -> bool:
    """Whether another task may get its turn once this one no longer stands here."""
    return task.next_step_at is not None and task.video is None and task.status != "uncertain"
