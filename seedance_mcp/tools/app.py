"""What every tool call has at hand."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context

from seedance_mcp.tasks.catalogue import Catalogue
from seedance_mcp.tasks.clock import Clock
from seedance_mcp.tools.arguments import Arguments

if TYPE_CHECKING:
    from seedance_mcp.tasks.service import VideoTasks

LOCAL_OWNER = "local"
SHORTEST_PATIENCE_S = 4.0
LEAST_WAIT_S = 3.0


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
class App:
    """One running server. `tasks` starts the engine at first use, so that a host's first question is answered fast."""

    tasks: Callable[[], "Awaitable[VideoTasks]"]
    catalogue: Catalogue
    clock: Clock
    with_resource_links: bool = True
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a tool."""

    app: App
    arguments: Arguments
    context: Context[App, Any]

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
