"""What every tool call has at hand."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context

from seedance_mcp.domain.errors import SeedanceError
from seedance_mcp.domain.task import Task
from seedance_mcp.tasks.catalogue import Catalogue
from seedance_mcp.tasks.clock import Clock
from seedance_mcp.tools.arguments import Arguments

if TYPE_CHECKING:
    from seedance_mcp.tasks.service import VideoTasks

logger = logging.getLogger(__name__)

LOCAL_OWNER = "local"
SHORTEST_PATIENCE_S = 4.0
LEAST_WAIT_S = 3.0
CROSSES_WITHIN_S = 10.0
"""A cancellation that comes later than this after the answer is no crossing."""


@dataclass(kw_only=True)
class Patience:
    """How long clients wait for an answer, learned from those that gave up; a key names one client."""

    _gave_up_after: dict[str, float] = field(default_factory=dict[str, float])

    def gave_up(self, client: str, seconds: float) -> None:
        """A client cancelled a call that had lasted this long; quick cancels are a person's, not a time limit's."""
        if seconds >= SHORTEST_PATIENCE_S:
            self._gave_up_after[client] = min(seconds, self._gave_up_after.get(client, seconds))

    def at_most(self, client: str, seconds: float) -> float:
        """The wait to choose for this client when it asks for none."""
        limit = self._gave_up_after.get(client)
        return seconds if limit is None else min(seconds, max(LEAST_WAIT_S, limit - 1.0))


@dataclass(kw_only=True)
class Answers:
    """The creates that were answered last, by request id: a client may give up while its answer is on the way."""

    _given: dict[str, tuple[Task, float]] = field(default_factory=dict[str, tuple[Task, float]])

    def given(self, request_id: str, task: Task, now: float) -> None:
        self._given = {key: value for key, value in self._given.items() if now - value[1] < CROSSES_WITHIN_S}
        self._given[request_id] = task, now

    def waiting(self, request_id: str) -> Task | None:
        """The task that this call's answer, now delivered, told of."""
        return self._given[request_id][0] if request_id in self._given else None

    def not_read(self, request_id: str, now: float) -> Task | None:
        """The task whose answer this client did not wait for, when its cancellation crossed the answer."""
        task, at = self._given.pop(request_id, (None, 0.0))
        return task if now - at < CROSSES_WITHIN_S else None


@dataclass(kw_only=True)
class App:
    """One running server. `tasks` starts the engine at first use, so that a host's first question is answered fast."""

    tasks: Callable[[], "Awaitable[VideoTasks]"]
    catalogue: Catalogue
    clock: Clock
    with_resource_links: bool = True
    patience: Patience = field(default_factory=Patience)
    answers: Answers = field(default_factory=Answers)
    confirms_delivery: bool = False
    """Whether the transport says when an answer has left this process; else it counts as delivered once it is made."""

    async def create_answered(self, request_id: str, task: Task) -> None:
        """The answer to a create is on its way."""
        self.answers.given(request_id, task, self.clock.now())
        if not self.confirms_delivery:
            await self.answer_delivered(request_id)

    async def answer_delivered(self, request_id: str) -> None:
        """The answer has left this process: from now on an equal create is another video."""
        task = self.answers.waiting(request_id)
        if task is not None:
            try:
                await (await self.tasks()).answered(task)
            except SeedanceError as error:
                # Then an equal create finds this task: the safe side.
                logger.warning("task %s: not noted as answered: %s", task.task_id, error)

    async def call_cancelled(self, request_id: str) -> None:
        """A client gave a call up; if its create was answered at that very moment, nobody has read the answer."""
        task = self.answers.not_read(request_id, self.clock.now())
        if task is not None:
            await (await self.tasks()).abandoned(task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a tool."""

    app: App
    arguments: Arguments
    context: Context[App, Any]
    started_at: float
    """By the server's clock; every wait is counted from here."""

    @property
    def owner(self) -> str:
        return LOCAL_OWNER

    @property
    def client(self) -> str:
        """Whose patience is learned: on stdio this process serves one client."""
        return self.owner

    @property
    def wants_progress(self) -> bool:
        """Whether the client sent a progress token."""
        meta: Mapping[str, Any] = self.context.request_context.meta or {}
        return meta.get("progress_token") is not None
