"""Serves one host over stdin and stdout: both protocol eras on one connection, and a clean end on EOF and signals."""

import os
import signal
import sys
from typing import Any

import anyio
import anyio.abc
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared._context_streams import ContextReceiveStream, ContextSendStream, create_context_streams
from mcp.shared.message import SessionMessage

from seedance_mcp.server import Program

Incoming = SessionMessage | Exception
TEAR_DOWN_S = 5.0


async def serve_stdio(program: Program) -> None:
    """Serves until stdin closes, or leaves the process with 128 + n on SIGTERM and SIGINT."""
    down = anyio.Event()
    async with anyio.create_task_group() as group:
        if sys.platform != "win32":
            group.start_soon(_leave_on_signal, group.cancel_scope, down)
        try:
            await _serve(program)
        finally:
            down.set()
        group.cancel_scope.cancel()


async def _serve(program: Program) -> None:
    async with program.running(), stdio_server() as (received, sent):
        switch = _EraSwitch(program.mcp._lowlevel_server, sent)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        async with anyio.create_task_group() as group:
            async with received:
                async for message in received:
                    await switch.pass_on(message, group)
            await switch.close()
        await sent.aclose()


class _EraSwitch:
    """Gives `initialize` a fresh protocol loop when it comes after another first message.

    The SDK decides the era by a connection's first message and refuses `initialize` after `server/discover`, which is
    what some hosts send (anthropics/claude-code#96183). The loop's private parts are the only way in; to be removed
    when the SDK accepts it.
    """

    def __init__(self, server: Server[Any], sent: ContextSendStream[SessionMessage]) -> None:
        self._server = server
        self._sent = sent
        self._loop: ContextSendStream[Incoming] | None = None
        self._has_spoken = False

    async def pass_on(self, message: Incoming, group: anyio.abc.TaskGroup) -> None:
        method = getattr(getattr(message, "message", None), "method", None)
        if self._loop is None or (method == "initialize" and self._has_spoken):
            await self.close()
            self._loop = self._start(group)
        self._has_spoken = True
        await self._loop.send(message)

    async def close(self) -> None:
        if self._loop is not None:
            await self._loop.aclose()
            self._loop = None
            self._has_spoken = False

    def _start(self, group: anyio.abc.TaskGroup) -> ContextSendStream[Incoming]:
        to_loop, from_host = create_context_streams[Incoming](16)
        to_host, from_loop = create_context_streams[SessionMessage](16)
        group.start_soon(self._run, from_host, to_host)
        group.start_soon(self._pump, from_loop)
        return to_loop

    async def _run(self, from_host: ContextReceiveStream[Incoming], to_host: ContextSendStream[SessionMessage]) -> None:
        await self._server.run(from_host, to_host, self._server.create_initialization_options())

    async def _pump(self, from_loop: ContextReceiveStream[SessionMessage]) -> None:
        async with from_loop:
            async for message in from_loop:
                await self._sent.send(message)


async def _leave_on_signal(scope: anyio.CancelScope, down: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            scope.cancel()
            with anyio.CancelScope(shield=True), anyio.move_on_after(TEAR_DOWN_S):
                await down.wait()
            sys.stderr.flush()
            # The thread that reads stdin is blocked in readline and would keep the process alive.
            os._exit(128 + number)
