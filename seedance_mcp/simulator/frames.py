"""Where the pictures come from that a task names by URL."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

import anyio
import anyio.to_thread
from starlette.types import ASGIApp, Message, Scope

Fetch = Callable[[str], Awaitable[bytes]]
INSIDE: Final = "simulator.inside"
"""Marks a request in its scope that the simulator makes to itself: no fault hits it, nothing is recorded."""
_PATIENCE_S: Final = 10.0
_STAND_IN: Final = (1280, 720)


class Frames:
    """Reads pictures: from `data:` URIs, from this simulator itself, and with `fetch` from elsewhere.

    A picture that cannot be had is drawn from the URL's hash: a simulator works without a network.
    """

    def __init__(self, app: ASGIApp, fetch: Fetch | None) -> None:
        self._app = app
        self._fetch = fetch

    async def read(self, url: str, origin: str) -> bytes:
        """The encoded picture behind a URL; `origin` is this simulator's own scheme, host and port."""
        found = await self._read(url, origin)
        return found or await anyio.to_thread.run_sync(_stand_in, url)

    async def _read(self, url: str, origin: str) -> bytes | None:
        if url.startswith("data:"):
            return _inline(url)
        if url.startswith(origin + "/"):
            return await self._own(url)
        if self._fetch is not None:
            with anyio.move_on_after(_PATIENCE_S):
                try:
                    return await self._fetch(url)
                except Exception:  # noqa: BLE001  (whatever keeps the picture away, there is a stand-in)
                    return None
        return None

    async def _own(self, url: str) -> bytes | None:
        parts = urlsplit(url)
        statuses: list[int] = []
        body = bytearray()

        messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            if not messages:
                # Whoever listens for the end of the connection is cancelled with the answer; an early end would cut it.
                await anyio.sleep_forever()
            return messages.pop()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            else:
                body.extend(message.get("body", b""))

        scope: Scope = {
            "type": "http",
            "method": "GET",
            "scheme": parts.scheme,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": parts.query.encode(),
            "headers": [(b"host", parts.netloc.encode())],
            INSIDE: True,
        }
        await self._app(scope, receive, send)
        return bytes(body) if statuses == [200] else None


def _inline(url: str) -> bytes | None:
    head, _, data = url.partition(",")
    if not head.endswith(";base64"):
        return unquote_to_bytes(data)
    try:
        return base64.b64decode(unquote_to_bytes(data))
    except binascii.Error:
        return None


def _stand_in(url: str) -> bytes:
    from seedance_mcp.simulator.pictures import draw_png

    return draw_png(url, *_STAND_IN)
