"""Calls back: posts to the URL that a create named, once its task has ended."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

from seedance_mcp.simulator.checks import JsonObject
from seedance_mcp.simulator.faults import Faults
from seedance_mcp.simulator.tasks import ENDS, Task, Tasks

Post = Callable[[str, JsonObject], Awaitable[bool]]
"""Sends JSON to a URL; whether the answer was 2xx. Raises nothing when there is none."""
_PATIENCE_S: Final = 10.0
_LOOK_EVERY_S: Final = 1.0
_MAX_LINE: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Whom to tell of a task's end."""

    url: str
    body: Callable[[], JsonObject]
    """What is told, as it is when it is sent."""
    again_s: Sequence[float] = ()
    """The pauses after which it is told again, as long as the answer is not 2xx."""


class Callbacks:
    """Tells the URLs of tasks that have ended; goes by the clock only while it waits for an end."""

    def __init__(self, tasks: Tasks, faults: Faults, sleep: Callable[[float], Awaitable[None]], post: Post) -> None:
        self._tasks = tasks
        self._faults = faults
        self._sleep = sleep
        self._post = post
        self._open: list[tuple[Task, Callback]] = []
        self._woken: anyio.Event | None = None

    def expect(self, task: Task, callback: Callback) -> None:
        self._open.append((task, callback))
        if self._woken is not None:
            self._woken.set()

    async def run(self) -> None:
        """Does so for ever."""
        async with anyio.create_task_group() as group:
            while True:
                self._woken = anyio.Event()
                for task, callback in self._take():
                    group.start_soon(self._tell, task, callback)
                await (self._sleep(_LOOK_EVERY_S) if self._open else self._woken.wait())

    def _take(self) -> list[tuple[Task, Callback]]:
        looked_at, self._open = self._open, []
        ended: list[tuple[Task, Callback]] = []
        for task, callback in looked_at:
            (ended if self._is_over(task) else self._open).append((task, callback))
        return ended

    def _is_over(self, task: Task) -> bool:
        seen = self._tasks.see(task)
        return seen.state in ENDS and (seen.state != "succeeded" or seen.has_result)

    async def _tell(self, task: Task, callback: Callback) -> None:
        fault = self._faults.take("callback", task.wire_id)
        times = {"lost_callback": 0, "repeated_callback": 2}.get(fault.kind, 1) if fault else 1
        for _ in range(times):
            await self._until_taken(callback)

    async def _until_taken(self, callback: Callback) -> None:
        for pause_s in (0.0, *callback.again_s):
            due = self._tasks.clock() + pause_s
            while self._tasks.clock() < due:
                await self._sleep(due - self._tasks.clock())
            if await self._post(callback.url, callback.body()):
                return


async def post_json(url: str, body: JsonObject) -> bool:
    """A POST over a connection of its own."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    content = json.dumps(body).encode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = (
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Connection: close",
    )
    try:
        with anyio.fail_after(_PATIENCE_S):
            stream: anyio.abc.ByteStream = await anyio.connect_tcp(
                parts.hostname or "", parts.port or (443 if is_tls else 80), tls=is_tls
            )
            async with stream:
                await stream.send("\r\n".join((*lines, "", "")).encode() + content)
                first = await BufferedByteReceiveStream(stream).receive_until(b"\r\n", _MAX_LINE)
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound):
        return False
    return first.partition(b" ")[2].startswith(b"2")
