"""The contract of every task store.

A row exists before a provider is called. Every method is one committed transaction, safe for several processes.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from seedance_mcp.domain.task import Status, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of a new task: it was stored, or an earlier one stands for it."""

    task: Task
    how: Literal["new", "known", "same_key", "other_arguments", "uncertain", "abandoned", "over_budget"]
    """`known`: another row follows the same task. `over_budget`: not stored, because today's budget has no room."""
    spent_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTerms:
    """What is looked at in the transaction that stores a new task."""

    now: float
    abandoned_since: float
    day_start: float
    daily_budget_usd: float | None = None
    abandoned_note: str = ""
    """Is added to an abandoned task that is handed out instead."""
    uncertain_note: str = ""
    """Is added to an uncertain task that is handed out instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of status."""

    at: float
    before: Status | None
    after: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a task stands that waits for a place at its provider."""

    ahead: int
    """How many older tasks are sent before it."""
    places: int | None = None
    """How many videos the provider makes at once, as far as known."""
    not_before: float | None = None
    """The provider asked to be left alone until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a task that may be one of several at its provider; `task` is None when none was given to it."""

    task: Task | None = None
    free: Sequence[str] = ()
    """The ids that no other task has."""
    is_too_early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a provider took for one finished video."""

    took_s: float
    resolution: str | None
    duration: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The answer to a request for the right to send. `task` is None when it was not granted."""

    task: Task | None
    over_budget_usd: float | None = None
    """What is already spent and reserved today, when the daily budget stood in the way."""
    line: "Line | None" = None
    """When it has to wait for a place at its provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendLimits:
    """What must hold in the transaction that grants the right to send."""

    worker: str
    now: float
    day_start: float
    alive_until: float | None = None
    """The worker is here until then: after a long sleep its lease may have lapsed before its next heartbeat."""
    daily_budget_usd: float | None = None
    max_concurrent: int | None = None
    """The operator's own limit; a smaller one that was learned counts as well."""


class TaskStore(Protocol):
    """Tasks, their history, and who looks after them. Methods for a caller take the owner."""

    async def open(self) -> None:
        """Creates or migrates the store. Raises `StoreError`."""
        ...

    async def close(self) -> None: ...

    async def add(self, task: Task, terms: AddTerms) -> Added:
        """Stores a new task, unless an earlier one stands for it.

        An earlier one stands for it when it has the same owner and `idempotency_key`; or, when the new one has no key,
        when it is equal, was made since `abandoned_since`, and its call ended before its answer was delivered; or when
        it is equal and `uncertain`, because it may be running and billed.
        """
        ...

    async def earlier(self, task: Task, terms: AddTerms) -> Added | None:
        """The earlier task that stands for this one, handed out as `add` would do it; None when there is none."""
        ...

    async def get(self, owner: str, task_id: str) -> Task | None: ...

    async def find(self, owner: str, provider: str, provider_task_id: str) -> Task | None:
        """The newest task with this id at this provider."""
        ...

    async def recent(
        self,
        owner: str,
        *,
        status: Status | None = None,
        task_ids: Sequence[str] | None = None,
        before: tuple[float, str] | None = None,
        limit: int = 20,
    ) -> list[Task]:
        """Newest first; `before` is the (created_at, task_id) of the last one already seen."""
        ...

    async def change(self, owner: str, task_id: str, edit: Callable[[Task], Task]) -> Task:
        """Replaces a task by `edit(task)`, a pure function, and records a change of status.

        Raises:
            KeyError: There is no such task.
            TransitionError: The new status may not follow the old one.
        """
        ...

    async def claim_send(self, owner: str, task_id: str, limits: SendLimits) -> Claim:
        """Grants the one right to send (`to_send` becomes `sending`) and reserves the estimate, in one transaction.

        Where a provider's places are limited, older tasks go first.
        """
        ...

    async def learn_limit(
        self, provider: str, task_id: str, now: float, *, asked_until: float | None, alone_until: float
    ) -> int | None:
        """A create was refused because there are too many: as many as are under way beside it is what goes.

        Returns that number; None when nothing else is under way, so that nothing can be learned. The limit grows
        again by one every ten minutes, because accounts are upgraded and other programs end. Nothing is sent before
        `asked_until`, which the provider named; without it and with nothing under way, before `alone_until`.
        """
        ...

    async def take_id(self, task: Task, provider_task_ids: Sequence[str], edit: Callable[[Task, str], Task]) -> "Taken":
        """Gives the task the only one of these provider ids that no other task has, by `edit(task, id)`.

        Nothing is given while any create is being sent to this provider: the id may be that one's.
        """
        ...

    async def timings(self, provider: str, model: str, limit: int) -> Sequence[Timing]:
        """The newest finished videos of this model there."""
        ...

    async def unfinished(self, owner: str, now: float) -> Sequence[tuple[Task, bool]]:
        """Every task that has not ended or whose video is still to be saved, oldest first.

        The second value says whether a living worker looks after it.
        """
        ...

    async def version(self) -> int:
        """Another number after another process has changed anything; cheap."""
        ...

    async def history(self, owner: str, task_id: str) -> Sequence[Transition]: ...

    async def spent_usd(self, owner: str, day_start: float) -> float:
        """Charges of today's tasks plus what unfinished and uncertain ones have reserved."""
        ...

    async def charged(self, owner: str, limit: int) -> Sequence[Task]:
        """The newest tasks that succeeded and whose provider said what they cost."""
        ...

    async def heartbeat(self, worker: str, alive_until: float) -> None:
        """Keeps the worker's tasks its own until then."""
        ...

    async def leave(self, worker: str) -> None:
        """Gives all tasks of a worker back at once."""
        ...

    async def take_over(self, worker: str, now: float, providers: Collection[str]) -> Sequence[Task]:
        """Makes tasks that have something left to do and no living follower this worker's, and returns them.

        Only those at `providers`: another process may hold the keys of the others.
        """
        ...
