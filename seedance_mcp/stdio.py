"""Serves one host over stdin and stdout: both protocol eras on one connection, and a clean end on EOF and signals."""

import logging
import os
import signal
import sys
from typing import Any, NoReturn

import anyio
import anyio.abc
from mcp.server import MCPServer
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared._context_streams import ContextReceiveStream, ContextSendStream, create_context_streams
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCResponse

from seedance_mcp.server import Program
from seedance_mcp.tools.app import App

logger = logging.getLogger(__name__)

Incoming = SessionMessage | Exception
TEAR_DOWN_S = 5.0
FLUSH_LOOK_S = 0.002


async def serve_stdio(program: Program) -> None:
    """Serves until the host closes a pipe, or leaves the process with 128 + n on SIGTERM and SIGINT."""
    try:
        async with anyio.create_task_group() as group:
            down = anyio.Event()
            if sys.platform != "win32":
                group.start_soon(_leave_on_signal, group.cancel_scope, down)
            await _serve_until_closed(program, group.cancel_scope, down)
            group.cancel_scope.cancel()
    except* BrokenPipeError:
        # A host that is killed closes both pipes; an answer may have been on its way.
        logger.info("The host has gone.")


async def _serve_until_closed(program: Program, scope: anyio.CancelScope, down: anyio.Event) -> None:
    """Sets `down` once everything is put away, because after that `stdio_server` may be stuck in reading stdin."""
    async with stdio_server() as (received, sent):
        try:
            async with program.running() as app:
                await _serve(program.mcp, app, received, sent)
        except anyio.get_cancelled_exc_class():
            if not scope.cancel_called:
                # Not by a signal, so because stdout cannot be written: nobody listens any more.
                _leave(0)
            raise
        except Exception:
            logger.exception("The server made a mistake and ends; its tasks go on when it is started again.")
            _leave(1)
        finally:
            down.set()
            sent.close()


async def _serve(
    mcp: MCPServer[Any], app: App, received: ContextReceiveStream[Incoming], sent: ContextSendStream[SessionMessage]
) -> None:
    app.confirms_delivery = True
    switch = _EraSwitch(mcp._lowlevel_server, app, sent)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    async with anyio.create_task_group() as group, received:
        try:
            async for message in received:
                await switch.pass_on(message, group)
                if (request_id := _cancelled(message)) is not None:
                    group.start_soon(app.call_cancelled, request_id)
        finally:
            switch.close()


def _cancelled(message: Incoming) -> str | None:
    """The id of the call that this message cancels. The SDK says nothing of calls that are answered already."""
    notice = message.message if isinstance(message, SessionMessage) else None
    if not isinstance(notice, JSONRPCNotification) or notice.method != "notifications/cancelled":
        return None
    request_id = (notice.params or {}).get("requestId")
    return None if request_id is None else str(request_id)


class _EraSwitch:
    """Gives `initialize` a fresh protocol loop when it comes after another first message.

    The SDK decides the era by a connection's first message and refuses `initialize` after `server/discover`, which is
    what some hosts send (anthropics/claude-code#96183). The loop's private parts are the only way in; to be removed
    when the SDK accepts it.
    """

    def __init__(self, server: Server[Any], app: App, sent: ContextSendStream[SessionMessage]) -> None:
        self._server = server
        self._app = app
        self._sent = sent
        self._loop: ContextSendStream[Incoming] | None = None
        self._has_spoken = False

    async def pass_on(self, message: Incoming, group: anyio.abc.TaskGroup) -> None:
        method = getattr(getattr(message, "message", None), "method", None)
        if self._loop is None or (method == "initialize" and self._has_spoken):
            self.close()
            self._loop = self._start(group)
        self._has_spoken = True
        await self._loop.send(message)

    def close(self) -> None:
        """The protocol loop ends as if the host had gone."""
        if self._loop is not None:
            self._loop.close()
            self._loop = None
            self._has_spoken = False

    def _start(self, group: anyio.abc.TaskGroup) -> ContextSendStream[Incoming]:
        to_loop, from_host = create_context_streams[Incoming](16)
        to_host, from_loop = create_context_streams[SessionMessage](16)
        group.start_soon(self._run, from_host, to_host)
        group.start_soon(self._pump, from_loop, group)
        return to_loop

    async def _run(self, from_host: ContextReceiveStream[Incoming], to_host: ContextSendStream[SessionMessage]) -> None:
        await self._server.run(from_host, to_host, self._server.create_initialization_options())

    async def _pump(self, from_loop: ContextReceiveStream[SessionMessage], group: anyio.abc.TaskGroup) -> None:
        async with from_loop:
            async for message in from_loop:
                await self._sent.send(message)
                if isinstance(message.message, JSONRPCResponse):
                    request_id = str(message.message.id)
                    if self._app.answers.waiting(request_id) is not None:
                        group.start_soon(self._confirm, request_id)

    async def _confirm(self, request_id: str) -> None:
        """Once the writer wants the next message, the answer has left this process; the SDK has no other sign of it."""
        writer = self._sent._inner  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        while not writer.statistics().tasks_waiting_receive:  # noqa: ASYNC110  (the SDK has no event for it)
            await anyio.sleep(FLUSH_LOOK_S)
        try:
            await self._app.answer_delivered(request_id)
        except Exception:
            # A fault of ours here must not end the server.
            logger.exception("The answer to call %s was not noted.", request_id)


async def _leave_on_signal(scope: anyio.CancelScope, down: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            scope.cancel()
            with anyio.CancelScope(shield=True), anyio.move_on_after(TEAR_DOWN_S):
                await down.wait()
            _leave(128 + number)


def _leave(code: int) -> NoReturn:
    """Ends the process although a thread still reads stdin."""
    sys.stderr.flush()
    os._exit(code)
