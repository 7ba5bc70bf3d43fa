"""Clients that cancel, leave, die or just do not wait long: the paid task goes on, and the next answer comes sooner."""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import anyio
import anyio.abc
import httpx2
import pytest
from calls import LONG, RUN_S, create, get, hold, listed, until
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult
from stored import rows

from rig import SMALL, Era, Heard, Rig, facts_of, text_of
from seedance_mcp.simulator.app import Simulator

URL = "http://127.0.0.1:8000/mcp"
PROVIDER = "seedance2_ink"
"""The one that would cancel if it were asked to."""
SMALL_THERE = {**SMALL, "provider": PROVIDER}
NOTE = "This is the video of an equal create_video call that broke off before it was answered"


@dataclass(eq=False)
class NoSockets(httpx2.AsyncBaseTransport):
    """HTTP to an ASGI application in this process, as streams, so that its time can be a fake clock's."""

    app: Any
    group: anyio.abc.TaskGroup
    exchanges: list["Exchange"] = field(default_factory=list["Exchange"])
    is_cut: bool = False

    def cut(self) -> None:
        """The client's machine dies: nobody closes anything in order, and nothing comes from there any more."""
        self.is_cut = True
        for exchange in self.exchanges:
            exchange.hang_up()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.is_cut:
            raise httpx2.ConnectError("the cable is cut")
        exchange = Exchange(await request.aread())
        self.exchanges.append(exchange)
        self.group.start_soon(exchange.run, self.app, _scope(request))
        try:
            await exchange.began.wait()
        except BaseException:
            exchange.hang_up()
            raise
        return httpx2.Response(exchange.status, headers=exchange.headers, stream=Body(exchange))


def _scope(request: httpx2.Request) -> dict[str, Any]:
    url = request.url
    return {
        "type": "http",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "query_string": url.query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (url.host, url.port),
    }


class Exchange:
    """One request and its answer, as the application sees them."""

    def __init__(self, body: bytes) -> None:
        self._requests = [{"type": "http.request", "body": body, "more_body": False}]
        self._to_client, self.chunks = anyio.create_memory_object_stream[bytes](math.inf)
        self._gone = anyio.Event()
        self.began = anyio.Event()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    async def run(self, app: Any, scope: dict[str, Any]) -> None:
        with self._to_client:
            await app(scope, self._receive, self._send)

    def hang_up(self) -> None:
        self._gone.set()
        self.chunks.close()

    async def _receive(self) -> Any:
        if self._requests:
            return self._requests.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
            self.began.set()
            return
        with suppress(anyio.BrokenResourceError):
            self._to_client.send_nowait(message.get("body", b""))
        if not message.get("more_body", False):
            self._to_client.close()


class Body(httpx2.AsyncByteStream):
    """An answer as it comes; closing it is what a server sees as a client that is gone."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with suppress(anyio.ClosedResourceError):
            async for chunk in self._exchange.chunks:
                yield chunk

    async def aclose(self) -> None:
        self._exchange.hang_up()


@dataclass(frozen=True, slots=True)
class Line:
    """How clients reach a server that outlives them."""

    connect: Callable[[], AbstractAsyncContextManager[Client]]
    cables: list[NoSockets] = field(default_factory=list[NoSockets])


@asynccontextmanager
async def over_memory(rig: Rig, era: Era) -> AsyncGenerator[Line]:
    program = rig.program()
    async with program.running():
        yield Line(lambda: Client(program.mcp, mode=era))


@asynccontextmanager
async def over_http(rig: Rig, era: Era) -> AsyncGenerator[Line]:
    app = rig.program().mcp.streamable_http_app()

    @asynccontextmanager
    async def connect() -> AsyncGenerator[Client]:
        line.cables.append(NoSockets(app, group))
        async with (
            httpx2.AsyncClient(transport=line.cables[-1], timeout=None) as http,
            Client(streamable_http_client(URL, http_client=http), mode=era) as client,
        ):
            yield client

    line = Line(connect)
    async with app.router.lifespan_context(app), anyio.create_task_group() as group:
        yield line
        group.cancel_scope.cancel()


Serve = Callable[[Rig], AbstractAsyncContextManager[Line]]
IN_MEMORY = partial(over_memory, era="auto")
WITH_TOKENS = {
    "memory, handshake": partial(over_memory, era="legacy"),
    "HTTP": partial(over_http, era="auto"),
    "HTTP, handshake": partial(over_http, era="legacy"),
}
"""Where a callback for progress comes with a token; over memory in the modern era it does not."""
SERVERS = {"memory": IN_MEMORY, **WITH_TOKENS}
everywhere = pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)


@dataclass(kw_only=True)
class Ear(Heard):
    """A client's progress callback that remembers when."""

    rig: Rig
    times: list[float] = field(default_factory=list[float])

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        await super().__call__(progress, total, message)
        self.times.append(self.rig.clock.now())


def ordered(client: Client, **arguments: Any) -> Coroutine[Any, Any, CallToolResult]:
    return create(client, **{"provider": PROVIDER, "wait_seconds": LONG, **arguments})


async def give_up(rig: Rig, seconds: float, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Calls, and has enough of it after so many seconds."""
    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await rig.clock.sleep(seconds)
        group.cancel_scope.cancel()
    # The server has heard of it by then.
    await rig.clock.sleep(0.1)


async def seconds_of(rig: Rig, call: Coroutine[Any, Any, CallToolResult]) -> float:
    """How long an answer took that says nothing new."""
    started = rig.clock.now()
    facts = facts_of(await call)
    assert {task["status"] for task in facts.get("tasks", [facts])} <= {"queued", "running"}
    return rig.clock.now() - started


async def is_saved(rig: Rig) -> bool:
    """Whether the only task has become a file, as the store knows it."""
    return rows(rig)[0]["status"] == "succeeded" and len(list(rig.folder.glob("videos/*.mp4"))) == 1


def never_ends(rig: Rig) -> None:
    """From now on videos take longer than anybody waits."""
    rig.simulator = Simulator((PROVIDER,), run_s=100 * LONG, clock=rig.clock.now, cache_dir=rig.folder / "rendered")


@everywhere
@pytest.mark.parametrize("leaves", [False, True], ids=["cancels its call", "leaves altogether"])
async def test_a_create_given_up_while_it_is_sent_becomes_a_video_that_a_repeated_one_finds(
    rig: Rig, serve: Serve, leaves: bool
) -> None:
    """DESIGN §3: a client that goes away or cancels the call never cancels the paid task; nor is it paid twice."""
    held = hold(rig, PROVIDER)

    async def come_and_go() -> None:
        async with line.connect() as client:
            await ordered(client)

    async with serve(rig) as line:
        if leaves:
            await give_up(rig, 2, come_and_go)
        else:
            async with line.connect() as client:
                await give_up(rig, 2, partial(ordered, client))
        assert held.arrived.is_set()
        (before,) = rows(rig)
        held.go.set()
        await until(rig, partial(is_saved, rig))
        async with line.connect() as client:
            repeated = await ordered(client)
    assert (before["status"], before["answered_at"]) == ("queued", None)
    assert before["abandoned_at"] is not None
    assert facts_of(repeated)["provider_task_id"] == rig.creates[0].task_id
    assert NOTE in text_of(repeated)
    assert len(rig.creates) == 1
    assert rig.requests("cancel") == []


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_client_that_dies_leaves_its_task_to_the_server(rig: Rig, era: Era) -> None:
    """DESIGN §3: a closed stream is no more than the end of a call."""

    async def live() -> None:
        async with line.connect() as client:
            with suppress(MCPError):
                await ordered(client)

    async with over_http(rig, era) as line, anyio.create_task_group() as group:
        group.start_soon(live)
        await rig.clock.sleep(2)
        assert rows(rig)[0]["provider_task_id"] is not None
        line.cables[0].cut()
        await until(rig, partial(is_saved, rig))
        group.cancel_scope.cancel()
    assert len(rig.creates) == 1
    assert rig.requests("cancel") == []


@pytest.mark.parametrize(
    ("serve", "with_token"),
    [
        *(pytest.param(serve, False, id=f"{name}, no token") for name, serve in SERVERS.items()),
        *(pytest.param(serve, True, id=f"{name}, token") for name, serve in WITH_TOKENS.items()),
    ],
)
async def test_a_call_that_does_not_say_how_long_waits_as_its_client_can_bear(
    rig: Rig, serve: Serve, with_token: bool
) -> None:
    """DESIGN §3: 25 s for a client that sent a progress token, else 3 s for create_video and 25 s for the others."""
    never_ends(rig)
    ear = Ear(rig=rig) if with_token else None
    waits: dict[str, float] = {}
    async with serve(rig) as line, line.connect() as client:
        await ordered(client, wait_seconds=0)
        task_id = rows(rig)[0]["task_id"]
        calls = {
            "create_video": SMALL_THERE,
            "get_task": {"task_id": task_id},
            "list_tasks": {"task_ids": [task_id]},
        }
        for tool, arguments in calls.items():
            waits[tool] = await seconds_of(rig, client.call_tool(tool, arguments, progress_callback=ear))
    assert waits == pytest.approx({"create_video": 25 if with_token else 3, "get_task": 25, "list_tasks": 25})


@pytest.mark.parametrize(
    ("serve", "given_up_after", "waits"),
    [
        *(pytest.param(serve, 9, 8, id=f"{name}, 9 s") for name, serve in SERVERS.items()),
        *(pytest.param(IN_MEMORY, t, waits, id=f"{t} s") for t, waits in ((3.9, 25), (4.1, 3.1), (40, 25))),
    ],
)
async def test_the_next_answer_comes_a_second_before_the_client_gives_up(
    rig: Rig, serve: Serve, given_up_after: float, waits: float
) -> None:
    """DESIGN §3: after giving up at t ≥ 4 s at most t - 1; a quick cancel is a person's and teaches nothing."""
    never_ends(rig)
    async with serve(rig) as line, line.connect() as client:
        task_id = facts_of(await ordered(client, wait_seconds=0))["task_id"]
        await give_up(rig, given_up_after, lambda: get(client, task_id, LONG))
        waited = await seconds_of(rig, client.call_tool("get_task", {"task_id": task_id}))
    assert waited == pytest.approx(waits, abs=0.01)


async def test_what_a_client_can_bear_is_learned_once_for_all_tools_and_not_unlearned(rig: Rig) -> None:
    """DESIGN §3: the default is at most that; what a caller asks for is still what it gets."""
    never_ends(rig)
    async with over_memory(rig, "legacy") as line, line.connect() as client:
        task_id = facts_of(await ordered(client, wait_seconds=0))["task_id"]
        for seconds in (6, 20):
            await give_up(rig, seconds, lambda: get(client, task_id, LONG))
        listing = await seconds_of(rig, listed(client, task_ids=[task_id]))
        silent = await seconds_of(rig, client.call_tool("create_video", SMALL_THERE))
        shown = await seconds_of(rig, client.call_tool("create_video", SMALL_THERE, progress_callback=Ear(rig=rig)))
        asked = await seconds_of(rig, get(client, task_id, 20))
    assert (listing, silent, shown, asked) == pytest.approx((5, 3, 5, 19.7), abs=0.01)


@everywhere
async def test_a_client_that_joins_late_hears_at_once_how_far_the_video_is(rig: Rig, serve: Serve) -> None:
    """DESIGN §3: the task id is in the first progress message; nobody waits for the next round to hear it."""
    ear = Ear(rig=rig)
    async with serve(rig) as line, line.connect() as first, line.connect() as second, rig.client() as elsewhere:
        task_id = facts_of(await ordered(first, wait_seconds=15))["task_id"]
        for late in (second, elsewhere):
            joined_at, heard = rig.clock.now(), len(ear.times)
            now = facts_of(await get(late, task_id))
            await late.call_tool("get_task", {"task_id": task_id, "wait_seconds": 2}, progress_callback=ear)
            assert ear.times[heard] == joined_at
            assert ear.numbers[heard] == now["progress"] > 0
            assert task_id in ear.messages[heard]


@everywhere
async def test_fifty_calls_that_wait_for_one_video_share_its_polls(rig: Rig, serve: Serve) -> None:
    """DESIGN §10: one poll stream per task however many waiters; one that gives up changes nothing for the others."""
    ended: list[str] = []

    async def wait(client: Client) -> None:
        ended.append(facts_of(await get(client, task_id, LONG))["status"])

    async with serve(rig) as line, line.connect() as one, line.connect() as other:
        task_id = facts_of(await ordered(one, wait_seconds=0))["task_id"]
        async with anyio.create_task_group() as group:
            for client in (one, other) * 25:
                group.start_soon(wait, client)
            await give_up(rig, 5, partial(listed, one, task_ids=[task_id], wait_seconds=LONG))
    polls = [poll.at_s for poll in rig.requests("fetch")]
    assert ended == ["succeeded"] * 50
    assert 2 <= len(polls) <= RUN_S
    assert all(later - earlier >= 1 for earlier, later in pairwise(polls))
    assert len(rig.requests("download")) == 1
    assert rig.requests("cancel") == []


def check_steady(ear: Ear) -> None:
    """Strictly increasing, at least one every 5 s, at most one a second, ≤ 200 characters."""
    gaps = [later - earlier for earlier, later in pairwise(ear.times)]
    assert all(later > earlier for earlier, later in pairwise(ear.numbers))
    # The last word, 100, comes when the video is there, and so perhaps less than a second after the one before.
    assert min(gaps[:-1]) >= 1
    assert max(gaps) <= 5
    assert all(0 < len(message) <= 200 for message in ear.messages)


@everywhere
async def test_progress_on_a_storyboard_grows_steadily_in_short_messages(rig: Rig, serve: Serve) -> None:
    """DESIGN §3: a message names a task, and thirty ids would take more than 200 characters."""
    ear = Ear(rig=rig)
    async with serve(rig) as line, line.connect() as client:
        ids = [
            facts_of(await ordered(client, wait_seconds=0, idempotency_key=f"shot {one}"))["task_id"]
            for one in range(30)
        ]
        await client.call_tool("list_tasks", {"task_ids": ids, "wait_seconds": LONG}, progress_callback=ear)
    check_steady(ear)
    assert ear.numbers[-1] == 100 > ear.numbers[-2]
    assert all(any(task_id in message for task_id in ids) for message in ear.messages[:-1])


async def test_progress_goes_on_however_long_a_provider_is_silent(rig: Rig) -> None:
    """DESIGN §3: with nothing new to tell there are still signs of life, and they never reach 100."""
    held = hold(rig, PROVIDER)
    ear = Ear(rig=rig)
    async with over_memory(rig, "auto") as line, line.connect() as client:
        await client.call_tool("create_video", {**SMALL_THERE, "wait_seconds": LONG}, progress_callback=ear)
        held.go.set()
    check_steady(ear)
    assert LONG - 5 <= ear.times[-1] - ear.times[0] <= LONG
    assert 90 < ear.numbers[-1] < 100
