"""A simulator on a real port."""

import contextlib
import os
import socket
from collections.abc import Callable, Generator
from typing import Final

import anyio
import uvicorn

from seedance_mcp.simulator.app import Simulator

_LEAVE_S: Final = 0.3


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it, says when it accepts connections, and sleeps until it is told to leave."""

    def __init__(self, config: uvicorn.Config, accepts: Callable[[], None]) -> None:
        super().__init__(config)
        self._accepts = accepts
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
        with anyio.move_on_after(_LEAVE_S):
            while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  (uvicorn has no event)
                await anyio.sleep(0.005)

    def leave(self) -> None:
        self._leaving.set()


async def serve(
    simulator: Simulator, host: str = "127.0.0.1", port: int = 0, *, started: Callable[[int], None] = lambda _: None
) -> None:
    """Serves until it is cancelled; `started` gets the real port once connections are accepted.

    Raises:
        OSError: The port cannot be had.
    """
    listener = _listen(host, port)
    real_port: int = listener.getsockname()[1]
    server = _Server(_config(simulator), lambda: started(real_port))

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
                simulator.close()


def _config(simulator: Simulator) -> uvicorn.Config:
    return uvicorn.Config(
        simulator.asgi,
        interface="asgi3",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        date_header=False,
        server_header=False,
    )


async def run_simulator(host: str, port: int, run_s: float, announce: Callable[[str], None]) -> None:
    """`seedance-mcp simulator`: serves all formats, and says how to use them."""
    simulator = Simulator(run_s=run_s)

    def started(real_port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{real_port}"
        announce(f"The simulator listens on {url}")
        for wire_id in simulator.formats:
            if wire_id != "demo":
                name = wire_id.upper()
                announce(f"{name}_BASE_URL={url} {name}_API_KEY=any-key")

    await serve(simulator, host, port, started=started)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio sends small answers at once (TCP_NODELAY) only on sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
