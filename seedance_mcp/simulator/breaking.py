"""Answers that go wrong below HTTP: cut off, held up, blown up, wrongly labelled."""

from collections.abc import Callable
from typing import Final, cast

import anyio
from starlette.datastructures import MutableHeaders
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedance_mcp.simulator.faults import Fault

OUTER_SEND: Final = "simulator.send"
"""Where the outermost layer leaves the server's own `send`: the way to the connection leads through it."""
_PIECE: Final = 64 * 1024


class CutError(Exception):
    """Ends an answer in the middle."""


class Stream(StreamingResponse):
    """An answer that goes on until its content raises CutError."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except CutError:
            await drop(scope, receive, send)


async def drop(scope: Scope, receive: Receive, _: Send) -> None:
    """Closes the connection without a word.

    Raises:
        ConnectionResetError: There is no connection; the application was called in its own process.
    """
    await _hang_up(scope, receive, "abort")


def distorted(answer: ASGIApp, fault: Fault) -> ASGIApp:
    """The same answer, spoilt on its way out."""
    bend = _BENDS[fault.kind]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await answer(scope, receive, bend(fault, scope, receive, send))
        except CutError:
            await _hang_up(scope, receive, "close")

    return app


async def _hang_up(scope: Scope, receive: Receive, how: str) -> None:
    # uvicorn's `send` is a method of the object that holds the connection; ASGI itself cannot close one.
    transport = getattr(getattr(scope[OUTER_SEND], "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the simulator closed the connection")
    getattr(transport, how)()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _truncated(_: Fault, __: Scope, ___: Receive, send: Send) -> Send:
    left = 0

    async def cut(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            left = _length(message) // 2
        else:
            body: bytes = message.get("body", b"")
            message = {**message, "body": body[:left], "more_body": True}
            left -= len(body)
        await send(message)
        if message["type"] == "http.response.body" and left <= 0:
            raise CutError

    return cut


def _slow(fault: Fault, _: Scope, receive: Receive, send: Send) -> Send:
    """Holds an answer up before it begins, a file in its middle."""
    pause_at = 0

    async def hold(message: Message) -> None:
        nonlocal pause_at
        if message["type"] == "http.response.start" and fault.on == "download":
            pause_at = _length(message) // 2
        elif pause_at >= 0:
            pause_at -= len(message.get("body", b"")) + 1
            if pause_at < 0:
                with anyio.move_on_after(fault.seconds):
                    await _disconnected(receive)
                    raise CutError
        await send(message)

    return hold


def _wrong_content_type(_: Fault, __: Scope, ___: Receive, send: Send) -> Send:
    async def relabel(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(raw=message["headers"])["content-type"] = "text/plain; charset=utf-8"
        await send(message)

    return relabel


def _huge(fault: Fault, scope: Scope, _: Receive, send: Send) -> Send:
    piece = (b"\0" if fault.on == "download" else b" ") * _PIECE

    async def pad(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(raw=message["headers"])["content-length"] = str(_length(message) + fault.bytes)
            await send(message)
            return
        if message.get("more_body", False):
            await send(message)
            return
        await send({**message, "more_body": True})
        left = fault.bytes
        while left > 0 and not _is_gone(scope):
            await send({"type": "http.response.body", "body": piece[:left], "more_body": left > _PIECE})
            left -= _PIECE

    return pad


def _is_gone(scope: Scope) -> bool:
    transport = getattr(getattr(scope[OUTER_SEND], "__self__", None), "transport", None)
    return transport is not None and cast("Callable[[], bool]", transport.is_closing)()


def _length(message: Message) -> int:
    return int(MutableHeaders(raw=message["headers"])["content-length"])


_BENDS: Final[dict[str, Callable[[Fault, Scope, Receive, Send], Send]]] = {
    "truncated": _truncated,
    "slow": _slow,
    "wrong_content_type": _wrong_content_type,
    "huge": _huge,
}
