"""The stream of events, over a real connection."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from simulator_client import Clock, serving

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault, Kind

QUEUE, EVENTS = "/api/ai/queue", "/api/events"
BODY: dict[str, object] = {"model": "bytedance-seedance-2-0-text-to-video", "prompt": "rain", "resolution": "480p"}


@asynccontextmanager
async def _listening(client: httpx.AsyncClient) -> AsyncGenerator[AsyncIterator[str]]:
    """The lines of a stream; it is subscribed once this is entered."""
    with anyio.fail_after(10):
        async with client.stream("GET", EVENTS) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield answer.aiter_lines()


async def _next(lines: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    """The next event that is about a generation."""
    name = ""
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and name == "media_generation_completed":
            return name, json.loads(line.removeprefix("data: "))
    pytest.fail("the stream ended")


async def _started(client: httpx.AsyncClient, **changes: object) -> str:
    answer = (await client.post(QUEUE, json={**BODY, **changes})).json()
    generation_id: str = answer["generations"][0]["generation_id"]
    return generation_id


async def test_a_success_is_told_with_its_url_after_an_event_of_another_kind() -> None:
    """Provider: providers.md §2.5, the first printed event, and "ignore other events on the same stream"."""
    clock = Clock()
    lines_seen: list[str] = []
    async with serving(Simulator(clock=clock, run_s=10)) as client, _listening(client) as lines:
        generation_id = await _started(client)
        clock.now += 10
        async for line in lines:
            lines_seen.append(line)
            if lines_seen.count("") == 2:
                break
        url = (await client.get(f"{QUEUE}/{generation_id}")).json()["result_url"]
    assert lines_seen[0] == "event: deployment_status_changed"
    assert lines_seen[3] == "event: media_generation_completed"
    assert json.loads(lines_seen[4].removeprefix("data: ")) == {
        "generation_id": generation_id,
        "status": "succeeded",
        "media_type": "video",
        "model": BODY["model"],
        "url": url,
    }


async def test_a_failure_is_told_with_its_error_and_a_cancellation_is_not_told() -> None:
    """Provider: providers.md §2.5, the second printed event; "no event fires for a cancelled job"."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client, _listening(client) as lines:
        cancelled, failing = await _started(client), await _started(client, duration=3)
        await client.delete(f"{QUEUE}/{cancelled}")
        clock.now += 10
        _, event = await _next(lines)
        error = (await client.get(f"{QUEUE}/{failing}")).json()["error_message"]
    assert event == {"generation_id": failing, "status": "failed", "media_type": "video", "error": error}


async def test_nothing_is_replayed_and_every_listener_is_told() -> None:
    """Provider: providers.md §2.5, "No buffering/replay"."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        await client.post("/v1/video/generations", json={"model": "seedance2.0-720p", "prompt": "rain"})
        await _started(client)
        clock.now += 5
        running = await _started(client)
        clock.now += 5
        async with _listening(client) as one, _listening(client) as two:
            clock.now += 5
            events = [await _next(one), await _next(two)]
    assert [event["generation_id"] for _, event in events] == [running, running]


async def test_a_result_that_is_late_is_told_late() -> None:
    """Ours: an event has a URL."""
    clock = Clock()
    simulator = Simulator(clock=clock, run_s=10)
    simulator.faults.add(Fault(on="create", kind="late_result", seconds=10))
    told: list[str] = []
    async with serving(simulator) as client, _listening(client) as lines:
        late = await _started(client)
        clock.now += 12
        failing = await _started(client, duration=3)
        for seconds in (4, 4):
            clock.now += seconds
            told.append((await _next(lines))[1]["generation_id"])
    assert told == [failing, late]


async def test_a_quiet_stream_is_kept_alive_every_15_seconds_of_the_clock() -> None:
    """Provider: providers.md §2.5, `: keep-alive`."""
    clock = Clock()
    async with serving(Simulator(clock=clock)) as client, _listening(client) as lines:
        heard: list[str] = []
        clock.now += 15
        async for line in lines:
            heard.append(line)
            if len(heard) == 4:
                break
            if not line:
                clock.now += 15
    assert heard == [": keep-alive", "", ": keep-alive", ""]


async def test_a_lost_event_never_comes_and_the_next_one_does() -> None:
    """Ours: polling covers what a stream misses."""
    clock = Clock()
    simulator = Simulator(clock=clock, run_s=10)
    simulator.faults.add(Fault(on="events", kind="lost_event"))
    async with serving(simulator) as client, _listening(client) as lines:
        await _started(client)
        clock.now += 1
        second = await _started(client)
        clock.now += 10
        _, event = await _next(lines)
    assert event["generation_id"] == second
    assert simulator.faults.waiting() == []


async def test_a_dropped_stream_breaks_off_and_another_one_can_be_had() -> None:
    """Ours."""
    clock = Clock()
    simulator = Simulator(clock=clock, run_s=10)
    async with serving(simulator) as client:
        async with _listening(client) as lines:
            generation_id = await _started(client)
            simulator.faults.add(Fault(on="events", kind="drop"))
            with pytest.raises(httpx.TransportError):
                await _next(lines)
        async with _listening(client) as lines:
            clock.now += 10
            _, event = await _next(lines)
    assert event["generation_id"] == generation_id


async def test_without_a_connection_a_dropped_stream_is_an_exception() -> None:
    """Ours: the application can be called in its own process, where there is nothing to close."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="events", kind="drop"))
    transport = httpx.ASGITransport(app=simulator.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        with pytest.raises(ConnectionResetError):
            await client.get(EVENTS, headers={"authorization": "Bearer key"})


@pytest.mark.parametrize(("kind", "status"), [("status", 500), ("html", 200), ("redirect", 302)])
async def test_the_request_for_a_stream_can_be_answered_with_something_else(kind: Kind, status: int) -> None:
    """Ours."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="events", kind="drop"), Fault(on="events", kind=kind))
    async with serving(simulator) as client:
        answer = await client.get(EVENTS)
    assert answer.status_code == status
    assert [fault["kind"] for fault in simulator.faults.waiting()] == ["drop"]


async def test_a_stream_needs_the_key(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §2.5, "user-scoped stream, Bearer auth"."""
    answer = await strict.get(EVENTS, headers={"authorization": "Bearer wrong-key"})
    assert (answer.status_code, answer.json()["status_message"]) == (401, "unauthenticated")
