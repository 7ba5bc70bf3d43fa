"""One provider's stream of events, fed by hand on a fake clock: when it is opened, and what an event sets off."""

import itertools
import json
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from calls import create

from fake_clock import FakeClock
from providers.recorded import SPECS
from providers.scripted import talking_to
from rig import Rig, body_of, environment, facts_of
from seedance_mcp.http import asgi_transport
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import ProviderReply
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.tasks.push import KEPT, EventStreams

RUN_S = 24.0
OXEN = SPECS["oxen"]
STREAM = {"content-type": "text/event-stream; charset=utf-8"}


@dataclass(kw_only=True)
class Feed:
    """The stream as the provider serves it, and the way of every other request to the simulator."""

    clock: FakeClock
    simulator: Simulator
    answers: Iterator[httpx.Response] = field(default_factory=lambda: iter(()))
    """In place of the next streams."""
    opened_at: list[float] = field(default_factory=list[float])
    """When a stream was asked for."""
    may_open: anyio.Event = field(default_factory=anyio.Event)
    held: anyio.Event | None = None
    """While it is set to an unset event, answers to creates and polls wait for it."""
    holds: anyio.Event = field(default_factory=anyio.Event)
    _pipes: list[MemoryObjectSendStream[bytes]] = field(default_factory=list[MemoryObjectSendStream[bytes]])
    _read_ends: list[MemoryObjectReceiveStream[bytes]] = field(default_factory=list[MemoryObjectReceiveStream[bytes]])

    @property
    def transport(self) -> httpx.MockTransport:
        inner = asgi_transport(self.simulator.asgi)

        async def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/api/events"):
                return await self._open()
            response = await inner.handle_async_request(request)
            if self.held is not None and "/api/ai/queue" in request.url.path:
                self.holds.set()
                await self.held.wait()
            return response

        return httpx.MockTransport(answer)

    async def event(self, name: str = "media_generation_completed", /, **data: Any) -> None:
        await self.raw(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    async def raw(self, data: bytes) -> None:
        await self._pipes[-1].send(data)

    def hang_up(self) -> None:
        self._pipes.pop().close()

    def close(self) -> None:
        """Ends every stream on both sides, also those that nobody reads any more."""
        for stream in (*self._pipes, *self._read_ends):
            stream.close()

    @property
    def gaps(self) -> list[float]:
        """Seconds between one opening and the next."""
        return [after - before for before, after in itertools.pairwise(self.opened_at)]

    async def _open(self) -> httpx.Response:
        self.opened_at.append(self.clock.now())
        if answer := next(self.answers, None):
            return answer
        await self.may_open.wait()
        send, receive = anyio.create_memory_object_stream[bytes](10)
        self._pipes.append(send)
        self._read_ends.append(receive)
        return httpx.Response(200, headers=STREAM, content=_pieces(receive))


async def _pieces(receive: MemoryObjectReceiveStream[bytes]) -> AsyncGenerator[bytes]:
    async with receive:
        async for piece in receive:
            yield piece


@pytest.fixture
def simulator(clock: FakeClock, rendered: Path) -> Simulator:
    return Simulator(("oxen",), run_s=RUN_S, clock=clock.now, cache_dir=rendered)


@pytest.fixture
def feed(rig: Rig, tmp_path: Path) -> Iterator[Feed]:
    """Only oxen is configured; its streams open at once."""
    rig.environment = environment(tmp_path, "oxen")
    feed = Feed(clock=rig.clock, simulator=rig.simulator)
    feed.may_open.set()
    rig.transports["oxen"] = feed.transport
    yield feed
    feed.close()


async def test_a_create_waits_for_the_stream_but_not_for_ever(rig: Rig, feed: Feed) -> None:
    """Ours: a stream replays nothing, but a video is worth more than an early word of it."""
    feed.may_open = anyio.Event()
    async with rig.client() as client:
        began = rig.clock.now()
        await create(client, wait_seconds=0)
        await rig.clock.sleep(2.9)
        before = len(rig.creates)
        await rig.clock.sleep(0.2)
    assert before == 0
    assert [one.at_s - began for one in rig.creates] == [pytest.approx(3.0)]


async def test_a_create_goes_out_as_soon_as_the_stream_is_open(rig: Rig, feed: Feed) -> None:
    """Issue: the stream is opened before the create."""
    feed.may_open = anyio.Event()
    async with rig.client() as client:
        await create(client, wait_seconds=0)
        await rig.clock.sleep(1)
        before = len(rig.creates)
        feed.may_open.set()
        await rig.clock.sleep(0)
        assert (before, len(rig.creates)) == (0, 1)


async def test_no_create_waits_where_there_is_no_stream_and_tries_become_rare(rig: Rig, feed: Feed) -> None:
    """Issue: reconnect with backoff. Ours: twenty shots must not wait three seconds each for nothing."""
    feed.answers = (httpx.Response(404) for _ in range(99))
    async with rig.client() as client:
        for label in ("one", "two", "three"):
            began = rig.clock.now()
            await create(client, label=label, wait_seconds=0)
            await rig.clock.sleep(1.5)
            assert rig.creates[-1].at_s == began
        await rig.clock.sleep(60)
    assert len(rig.creates) == 3
    assert feed.gaps == [1, 2, 4, 8, 16, 32]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>Sign in</h1>"),
        httpx.Response(200, json={}),
        httpx.Response(302, headers={"location": "/elsewhere"}),
        httpx.Response(401, json={"status": "error"}),
    ],
    ids=["a page", "JSON", "a redirect", "no key"],
)
async def test_what_is_no_stream_is_a_failure(
    rig: Rig, feed: Feed, caplog: pytest.LogCaptureFixture, answer: httpx.Response
) -> None:
    """Ours: a captive portal's page ends at once, and would be asked for every second."""
    caplog.set_level(logging.INFO, "seedance_mcp.tasks.push")
    feed.answers = iter((answer, httpx.Response(500)))
    async with rig.client() as client:
        await create(client, wait_seconds=0)
        await rig.clock.sleep(5)
        assert feed.gaps == [1, 2]
    assert f"oxen answered HTTP {answer.status_code} without events" in caplog.text


async def test_a_stream_that_is_closed_at_once_every_time_is_asked_for_less_and_less(rig: Rig, feed: Feed) -> None:
    """Ours: some gateways open a stream and cannot keep it; one that lasted begins anew."""
    feed.answers = (httpx.Response(200, headers=STREAM) for _ in range(4))
    async with rig.client() as client:
        await create(client, wait_seconds=0)
        await rig.clock.sleep(60)
        feed.hang_up()
        await rig.clock.sleep(1.5)
    assert feed.gaps == [1, 2, 4, 8, 46]


async def test_an_event_makes_its_task_due_and_the_poll_is_believed(rig: Rig, feed: Feed) -> None:
    """DESIGN §6: push only sets "due now"; the provider's own poll answer is what is believed."""
    async with rig.client() as client:
        task = facts_of(await create(client, wait_seconds=0))
        await rig.clock.sleep(1)
        there = rig.creates[0].task_id
        await feed.event(generation_id=there, status="failed", error="made up")
        await rig.clock.sleep(0)
        looked_at = [one.at_s - rig.creates[0].at_s for one in rig.requests("fetch")]
        after = facts_of(await client.call_tool("get_task", {"task_id": task["task_id"], "wait_seconds": 0}))
    assert looked_at == [1]
    assert after["status"] in {"queued", "running"}


@pytest.mark.parametrize(
    "raw",
    [
        b'event: deployment_status_changed\ndata: {"generation_id": "ID"}\n\n',
        b'data: {"generation_id": "ID"}\n\n',
        b'event: media_generation_completed\ndata: {"generation_id": "another"}\n\n',
        b'event: media_generation_completed\ndata: {"status": "succeeded"}\n\n',
        b'event: media_generation_completed\ndata: ["ID"]\n\n',
        b"event: media_generation_completed\ndata: {\n\n",
        b": keep-alive\n\n",
    ],
    ids=["another kind", "no name", "somebody else's", "no id", "no object", "no JSON", "a comment"],
)
async def test_other_events_set_nothing_off(rig: Rig, feed: Feed, raw: bytes) -> None:
    """Provider: providers.md §2.5, "ignore other events on the same stream"."""
    async with rig.client() as client:
        await create(client, wait_seconds=0)
        await rig.clock.sleep(1)
        await feed.raw(raw.replace(b"ID", (rig.creates[0].task_id or "").encode()))
        await rig.clock.sleep(0.5)
        assert rig.requests("fetch") == []
        assert len(feed.opened_at) == 1


async def test_an_event_during_a_poll_brings_another_one_at_once(rig: Rig, feed: Feed) -> None:
    """Ours: the answer under way may be older than the event."""
    async with rig.client() as client:
        await create(client, wait_seconds=0)
        await rig.clock.sleep(1)
        feed.held = anyio.Event()
        feed.holds = anyio.Event()
        with anyio.fail_after(5):
            await feed.holds.wait()
        await feed.event(generation_id=rig.creates[0].task_id, status="succeeded")
        await rig.clock.sleep(0.5)
        assert len(rig.requests("fetch")) == 1
        feed.held.set()
        await rig.clock.sleep(0)
        first, second = (one.at_s for one in rig.requests("fetch"))
    assert second - first == pytest.approx(0.5)


async def test_an_event_before_the_creates_answer_brings_a_poll_right_after_it(rig: Rig, feed: Feed) -> None:
    """DESIGN §6: events that arrive before the create's reply are kept."""
    feed.held = anyio.Event()
    async with rig.client() as client:
        await create(client, wait_seconds=0)
        with anyio.fail_after(5):
            await feed.holds.wait()
        await feed.event(generation_id=rig.creates[0].task_id, status="succeeded")
        await rig.clock.sleep(1)
        feed.held.set()
        await rig.clock.sleep(0.1)
        looked_at = [one.at_s - rig.creates[0].at_s for one in rig.requests("fetch")]
    assert looked_at == [1]
    assert body_of(rig.creates[0])["prompt"] == "a corgi"


@asynccontextmanager
async def running(clock: FakeClock) -> AsyncGenerator[EventStreams]:
    events = EventStreams(clock)
    async with anyio.create_task_group() as group:
        group.start_soon(events.run)
        await clock.sleep(0)
        yield events
        group.cancel_scope.cancel()


async def test_only_so_many_events_are_remembered(clock: FakeClock, feed: Feed) -> None:
    """Ours: the key's other programs make videos too, for months."""
    async with running(clock) as events, talking_to(OXEN, feed.transport) as client:
        heard: list[tuple[str, str]] = []
        events.due_now = lambda provider, provider_task_id: heard.append((provider, provider_task_id))
        await events.before_create(client)
        for number in range(KEPT + 1):
            await feed.event(generation_id=f"g{number}", status="succeeded", url=f"https://example.com/{number}")
        await clock.sleep(0)
        assert len(heard) == KEPT + 1
        assert events.heard_of("oxen", "g0") is None
        assert not events.take_news("oxen", "g0")
        last = events.heard_of("oxen", f"g{KEPT}")
        assert last == ProviderReply(
            provider_task_id=f"g{KEPT}", status="succeeded", video_url=f"https://example.com/{KEPT}"
        )
        assert [events.take_news("oxen", f"g{KEPT}") for _ in range(2)] == [True, False]
        assert not events.take_news("oxen", None)


async def test_a_fault_in_reading_an_event_is_logged_and_the_stream_opened_again(
    clock: FakeClock, feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: an installed provider's fault must not stop the tasks of the others."""

    def parse(_: JsonView) -> ProviderReply:
        raise ZeroDivisionError

    assert OXEN.events is not None
    spec = replace(OXEN, events=replace(OXEN.events, parse=parse))
    async with running(clock) as events, talking_to(spec, feed.transport) as client:
        await events.before_create(client)
        await feed.event(generation_id="g", status="succeeded")
        await clock.sleep(1.5)
    assert feed.gaps == [1]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "oxen: listening failed"
    ]


async def test_nothing_is_opened_for_a_provider_without_events_or_before_the_watcher_runs(
    clock: FakeClock, feed: Feed
) -> None:
    """Ours: three of five providers have no stream; what a provider lacks is None."""
    async with running(clock) as events, talking_to(SPECS["kinovi"], feed.transport) as client:
        await events.before_create(client)
        await client.listen(feed.may_open.set, lambda _: None)
    async with talking_to(OXEN, feed.transport) as client:
        await EventStreams(clock).before_create(client)
    assert feed.opened_at == []
