"""Any ASGI application on a real port; the product's own listener uses it too."""

import contextlib
import os
import socket
from collections.abc import Callable, Generator
from typing import Final

import anyio
import uvicorn
from starlette.types import ASGIApp

LEAVE_S: Final = 0.3
"""How long open requests may still be answered when it is told to leave."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it, says when it accepts connections, and sleeps until it is told to leave."""

    def __init__(self, config: uvicorn.Config, accepts: Callable[[], None], leave_s: float) -> None:
        super().__init__(config)
        self._accepts = accepts
        self._leave_s = leave_s
        self._leaving = anyio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._accepts()

    async def main_loop(self) -> None:
        await self._leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  (its caller's)
        """Answers what is open for a moment; uvicorn's own way of leaving takes a tenth of a second at least."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._until_idle()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await self._until_idle()
        for task in list(self.server_state.tasks):
            task.cancel()

    async def _until_idle(self) -> None:
        with anyio.move_on_after(self._leave_s):
            while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  (uvicorn has no event)
                await anyio.sleep(0.005)

    def leave(self) -> None:
        self._leaving.set()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        OSError: The port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio sends small answers at once (TCP_NODELAY) only on sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Two may bind one port; only the first of them may listen there.
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


async def serve_on(
    listener: socket.socket,
    app: ASGIApp,
    *,
    accepts: Callable[[], None] = lambda: None,
    leave_s: float = LEAVE_S,
    max_connections: int | None = None,
) -> None:
    """Serves until it is cancelled; `accepts` is told once connections are taken."""
    config = uvicorn.Config(
        app,
        interface="asgi3",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        date_header=False,
        server_header=False,
        limit_concurrency=max_connections,
    )
    server = _Server(config, accepts, leave_s)

    async def run() -> None:
        # uvicorn takes its leave only when asked; a cancellation would leave its sockets open.
        with anyio.CancelScope(shield=True):
            await server.serve([listener])

    with contextlib.closing(listener):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            try:
                await anyio.sleep_forever()
            finally:
                server.leave()
