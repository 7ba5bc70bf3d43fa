"""One server process in memory, and its host's connection to it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import anyio
import anyio.abc
from mcp import Client
from mortal import LIFE, Life, MortalClock

from seedance_mcp.http import Transport
from seedance_mcp.server import Program
from seedance_mcp.settings import Settings

Slot = Literal["A", "B"]


class ServerProcess:
    """Started by its `run`, which ends with it."""

    def __init__(self, name: Slot, life: Life, settings: Settings, transports: Mapping[str, Transport]) -> None:
        self.name = name
        self.life = life
        self.ended = anyio.Event()
        self._program = Program(settings, clock=MortalClock(life), transports=transports)
        self._ready = anyio.Event()
        self._leave = anyio.Event()
        self._client: Client | None = None
        self._calls: anyio.abc.TaskGroup | None = None

    @property
    def is_up(self) -> bool:
        return self._calls is not None and not self.life.is_dead

    async def ready(self) -> None:
        """Waits until it answers, or is dead."""
        await self._ready.wait()

    def start(self, call: Callable[[Client], Awaitable[None]]) -> None:
        """Lets the host call something, and goes on."""
        client, calls = self._client, self._calls
        if client is None or calls is None or self.life.is_dead:
            return

        async def run() -> None:
            LIFE.set(self.life)
            await call(client)

        calls.start_soon(run)

    async def leave(self) -> None:
        """The host closes the connection, as it does when it ends in order."""
        self._leave.set()
        await self.ended.wait()

    async def run(self) -> None:
        """Serves until the host leaves or the process dies; of the dead only good is said."""
        LIFE.set(self.life)
        try:
            with self.life.scope:
                await self._serve()
        except BaseException:
            if not self.life.is_dead:
                raise
        finally:
            self._calls = None
            self.ended.set()
            self._ready.set()
            if self.life.is_dead:
                self.life.bury()

    async def _serve(self) -> None:
        async with Client(self._program.mcp) as client:
            # The first question starts the engine.
            await client.call_tool("list_tasks", {})
            async with anyio.create_task_group() as calls:
                self._client, self._calls = client, calls
                self._ready.set()
                await self._leave.wait()
                calls.cancel_scope.cancel()
