"""Builds the MCP server: tools and resources over one engine that starts when it is first needed."""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from mcp.server import MCPServer
from mcp_types import Annotations

from seedance_mcp import __version__
from seedance_mcp.domain.errors import SeedanceError, StoreError
from seedance_mcp.settings import Settings
from seedance_mcp.tasks.clock import Clock, SystemClock
from seedance_mcp.tools import tools_for
from seedance_mcp.tools.app import App
from seedance_mcp.tools.boundary import publish
from seedance_mcp.tools.capabilities import capabilities
from seedance_mcp.tools.video_resource import read_video

if TYPE_CHECKING:
    from seedance_mcp.http import Transport
    from seedance_mcp.tasks.service import VideoTasks

    OpenTasks = Callable[[Settings, Clock, Mapping[str, Transport]], AbstractAsyncContextManager[VideoTasks]]

logger = logging.getLogger(__name__)

START_ANYWAY_S = 1.0
"""Unfinished tasks of earlier runs are followed even if no tool is ever called."""
LEAVING = "The server is shutting down. Call again when it is back."
INSTRUCTIONS = (
    "Makes AI videos. create_video spends money and answers with a task; get_task waits for the video. If an answer is "
    "lost, list_tasks finds the task: do not create the same video again."
)


class Engine:
    """Owns `VideoTasks` in a task of its own; starts late, because opening a store takes longer than listing tools."""

    def __init__(self, settings: Settings, clock: Clock, transports: Mapping[str, "Transport"]) -> None:
        self._settings = settings
        self._clock = clock
        self._transports = transports
        self._wanted = anyio.Event()
        self._settled = anyio.Event()
        self._tasks: VideoTasks | None = None
        self._failure: SeedanceError | None = None

    async def tasks(self) -> "VideoTasks":
        """The running engine.

        Raises:
            StoreError: It could not start; the next call tries again.
        """
        self._wanted.set()
        await self._settled.wait()
        if self._tasks is None:
            raise self._failure or StoreError(LEAVING)
        return self._tasks

    async def run(self) -> None:
        """Serves until cancelled; after a failed start, waits for the next call and tries again."""
        with anyio.move_on_after(START_ANYWAY_S):
            await self._wanted.wait()
        leaving = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_open, leaving)
            try:
                await anyio.sleep_forever()
            finally:
                leaving.set()

    async def _keep_open(self, leaving: anyio.Event) -> None:
        while not leaving.is_set():
            try:
                await self._serve(leaving)
            except StoreError as error:
                logger.error("%s", error)  # noqa: TRY400  (the text says it all)
                self._failure = error
                self._settled.set()
                self._settled, self._wanted = anyio.Event(), anyio.Event()
                await self._wanted.wait()

    async def _serve(self, leaving: anyio.Event) -> None:
        # Told to leave, never cancelled: a cancellation would also hit the create whose answer is still awaited.
        with anyio.CancelScope(shield=True):
            open_tasks = await anyio.to_thread.run_sync(_import_engine)
            async with open_tasks(self._settings, self._clock, self._transports) as tasks:
                self._tasks = tasks
                self._settled.set()
                try:
                    await leaving.wait()
                finally:
                    self._tasks = None


def _import_engine() -> "OpenTasks":
    """Called on a thread, so that a host's questions are answered meanwhile."""
    from seedance_mcp.engine import open_tasks

    return open_tasks


class Program:
    """The whole server. `lifespan` may be entered by several connections in turn; the engine is shared."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        transports: Mapping[str, "Transport"] | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._new_engine = partial(Engine, settings, clock, transports or {})
        self._engine: Engine | None = None
        self._app = App(
            tasks=self._tasks,
            catalogue=settings.catalogue,
            clock=clock,
            with_resource_links=settings.with_resource_links,
        )
        self.mcp = self._build(settings)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[App]:
        """The engine's life; inside it, connections come and go."""
        if self._engine is not None:
            yield self._app
            return
        self._engine = self._new_engine()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._engine.run)
                try:
                    yield self._app
                finally:
                    group.cancel_scope.cancel()
        finally:
            self._engine = None

    async def _tasks(self) -> "VideoTasks":
        if self._engine is None:
            raise StoreError(LEAVING)
        return await self._engine.tasks()

    def _build(self, settings: Settings) -> MCPServer[App]:
        @asynccontextmanager
        async def lifespan(_server: MCPServer[App]) -> AsyncGenerator[App]:
            async with self.running() as app:
                yield app

        mcp: MCPServer[Any] = MCPServer(
            "seedance-mcp",
            title="Seedance video",
            version=__version__,
            instructions=INSTRUCTIONS,
            tools=[publish(spec) for spec in tools_for(settings.catalogue.specs, settings.catalogue.known)],
            lifespan=lifespan,
            log_level="WARNING",
        )
        mcp.resource(
            "seedance://tasks/{task_id}/video",
            name="video",
            title="Finished video",
            description="The MP4 of a finished task, up to 10 MB.",
            mime_type="video/mp4",
            annotations=Annotations(audience=["user"]),
        )(read_video)
        mcp.resource(
            "seedance://providers",
            name="providers",
            title="Providers",
            description="What every configured provider and model can do, and published prices.",
            mime_type="application/json",
        )(lambda: json.dumps(capabilities(settings.catalogue.specs), ensure_ascii=False))
        return mcp
