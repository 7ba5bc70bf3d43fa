"""The tasks a simulated provider has accepted, and how far each is by the clock."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from seedance_mcp.simulator.checks import JsonObject
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.scene import Order

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDS: Final = frozenset({"succeeded", "failed", "cancelled"})
_QUEUED_SHARE: Final = 0.15


@dataclass(slots=True, kw_only=True)
class Task:
    """One accepted create. `body` is what was posted, for formats that echo it.

    `origin` is the scheme, host and port of the create: frames on the same host are the simulator's own.
    """

    task_id: str
    wire_id: str
    order: Order
    origin: str
    body: JsonObject
    created_s: float
    run_s: float
    credits: int = 0
    fault: Fault | None = None
    stopped_s: float | None = None
    failure: str | None = None
    file_id: str = field(default_factory=lambda: secrets.token_hex(8))

    def state(self, now: float) -> State:
        """How far the task is; an end stays."""
        if self.stopped_s is not None:
            return "cancelled" if self.failure is None else "failed"
        age = now - self.created_s
        if age >= self.run_s:
            return "succeeded" if self.failure is None else "failed"
        return "queued" if age < self.run_s * _QUEUED_SHARE else "running"

    def started_s(self, now: float) -> float | None:
        """When it left the queue, or None."""
        start = self.created_s + self.run_s * _QUEUED_SHARE
        until = now if self.stopped_s is None else min(now, self.stopped_s)
        return start if until >= start else None

    def ended_s(self, now: float) -> float | None:
        """When it ended, or None."""
        if self.stopped_s is not None:
            return self.stopped_s
        return self.created_s + self.run_s if now >= self.created_s + self.run_s else None

    def stop(self, now: float, failure: str | None = None) -> None:
        """Ends an unfinished task now: cancelled, or failed with a reason."""
        if self.state(now) not in ENDS:
            self.stopped_s = now
            self.failure = failure


@dataclass(frozen=True, slots=True)
class Seen:
    """A task as one answer shows it, which a fault may have bent."""

    task: Task
    state: State
    word: str | None = None
    has_result: bool = True
    ended_s: float | None = None

    def say(self, words: dict[State, str]) -> str:
        """The status word: the provider's own for this state, unless a fault put another one there."""
        return self.word if self.word is not None else words[self.state]

    @property
    def shows_video(self) -> bool:
        return self.state == "succeeded" and self.has_result and self.word is None


class Tasks:
    """All accepted tasks of all wire formats."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._by_id: dict[tuple[str, str], Task] = {}
        self._by_file: dict[str, Task] = {}

    def __iter__(self) -> Iterator[Task]:
        return iter(self._by_id.values())

    def add(self, task: Task) -> None:
        self._by_id[task.wire_id, task.task_id] = task
        self._by_file[task.file_id] = task

    def find(self, wire_id: str, task_id: str) -> Task | None:
        return self._by_id.get((wire_id, task_id))

    def of_file(self, file_id: str) -> Task | None:
        return self._by_file.get(file_id)

    def unfinished(self, wire_id: str) -> int:
        now = self.clock()
        return sum(task.wire_id == wire_id and task.state(now) not in ENDS for task in self)

    def progress(self, seen: Seen) -> int:
        """Percent of its time a task has had: 100 with the result, at most 99 before."""
        if seen.shows_video:
            return 100
        until = self.clock() if seen.ended_s is None else seen.ended_s
        run_s = seen.task.run_s
        return min(99, int(100 * (until - seen.task.created_s) / run_s)) if run_s > 0 else 99

    def see(self, task: Task, fault: Fault | None = None) -> Seen:
        """The task as it is now; `fault` is one that hits this very answer."""
        now = self.clock()
        if fault is not None and fault.kind == "task_fails":
            task.stop(now, fault.message)
        state, ended = task.state(now), task.ended_s(now)
        bent = fault or task.fault
        if bent is not None and bent.kind == "unknown_status":
            return Seen(task, state, word=bent.word, ended_s=ended)
        if fault is not None and fault.kind == "late_result":
            return Seen(task, "succeeded", has_result=False, ended_s=ended)
        late_s = task.fault.seconds if task.fault is not None and task.fault.kind == "late_result" else 0.0
        return Seen(task, state, has_result=now >= task.created_s + task.run_s + late_s, ended_s=ended)
