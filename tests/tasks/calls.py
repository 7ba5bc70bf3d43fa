"""What a client asks in these tests, and what stands between the server and the simulator."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
from mcp import Client
from mcp_types import CallToolResult

from rig import SMALL, Rig, facts_of
from seedance_mcp.http import Transport, asgi_transport

BOTH = ("seedance2_ink", "kinovi")
RUN_S = 24.0
"""How long a simulated video takes here."""
LONG = 600
"""Seconds of a wait that outlasts every simulated video."""
A_WHILE = 30.0
"""Seconds after which anything that would be tried again has been tried again."""


async def create(client: Client, **arguments: Any) -> CallToolResult:
    """create_video of the smallest video."""
    return await client.call_tool("create_video", {**SMALL, **arguments})


async def get(client: Client, task_id: str, wait_seconds: int = 0) -> CallToolResult:
    return await client.call_tool("get_task", {"task_id": task_id, "wait_seconds": wait_seconds})


async def cancel(client: Client, task_id: str) -> CallToolResult:
    return await client.call_tool("cancel_task", {"task_id": task_id})


async def listed(client: Client, **arguments: Any) -> CallToolResult:
    return await client.call_tool("list_tasks", arguments)


async def saved(rig: Rig, client: Client, task_id: str) -> CallToolResult:
    """The task once its file is there; a download takes real time, in which a fake clock may run ahead."""
    found: list[CallToolResult] = []

    async def has_file() -> bool:
        found.append(await get(client, task_id))
        return "file" in facts_of(found[-1])["video"]

    await until(rig, has_file)
    return found[-1]


async def until(rig: Rig, condition: Callable[[], Awaitable[bool]]) -> None:
    """Looks once a second, but not for ever."""
    for _ in range(LONG):
        if await condition():
            return
        await rig.clock.sleep(1)
    raise AssertionError(f"not within {LONG} s")


def network(rig: Rig, at: Callable[[httpx.Request], Awaitable[None]]) -> Transport:
    """The way to the simulator; `at` hears of each request first, and may hold it up or raise."""
    inner = asgi_transport(rig.simulator.asgi)

    async def pass_on(request: httpx.Request) -> httpx.Response:
        await at(request)
        return await inner.handle_async_request(request)

    return httpx.MockTransport(pass_on)


def is_create(request: httpx.Request) -> bool:
    return request.method == "POST" and not request.url.path.endswith("/cancel")


def is_poll(request: httpx.Request) -> bool:
    return request.method == "GET" and not is_download(request)


def is_download(request: httpx.Request) -> bool:
    return request.url.path.startswith("/files/")


@dataclass(frozen=True, slots=True)
class Held:
    """The first request of a kind: it has `arrived`, and is not passed on before it may `go`."""

    arrived: anyio.Event = field(default_factory=anyio.Event)
    go: anyio.Event = field(default_factory=anyio.Event)


def hold(rig: Rig, provider: str, kind: Callable[[httpx.Request], bool] = is_create) -> Held:
    """Holds the next request of this kind up, for servers that start from now on."""
    held = Held()

    async def wait(request: httpx.Request) -> None:
        if kind(request) and not held.arrived.is_set():
            held.arrived.set()
            await held.go.wait()

    rig.transports[provider] = network(rig, wait)
    return held


def break_network(
    rig: Rig, provider: str, error: Exception, kind: Callable[[httpx.Request], bool], times: int = 1
) -> None:
    """Lets the next requests of this kind fail below HTTP, for servers that start from now on."""
    left = times

    async def fail(request: httpx.Request) -> None:
        nonlocal left
        if kind(request) and left:
            left -= 1
            raise error

    rig.transports[provider] = network(rig, fail)
