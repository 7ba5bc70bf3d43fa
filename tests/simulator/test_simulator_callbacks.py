"""What the simulated providers post to the URL of a create, when, and how often."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import anyio
import anyio.abc
import httpx
import pytest
from simulator_client import serving

from fake_clock import FakeClock
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.callbacks import post_json
from seedance_mcp.simulator.faults import Fault, parse_fault

HOOK = "https://example.com/hook"
RUN_S = 10.0
CREATE, RECORD = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"
GENERATIONS = "/api/open/v1/video/generations"
INK_BODY = {"model": "seedance-2.0", "prompt": "rain", "webhookUrl": HOOK}
KINOVI_BODY = {"model": "seedance-20", "inputs": {"prompt": "rain"}, "callBackUrl": HOOK}


@dataclass
class Hook:
    """Where the calls go."""

    clock: FakeClock
    refuses: int = 0
    """How many calls are refused before one is taken."""
    calls: list[tuple[float, str, Any]] = field(default_factory=list[tuple[float, str, Any]])

    async def post(self, url: str, body: Any) -> bool:
        self.calls.append((self.clock.now(), url, body))
        return len(self.calls) > self.refuses


@pytest.fixture
def hook(clock: FakeClock) -> Hook:
    return Hook(clock)


@pytest.fixture
def simulator(clock: FakeClock, hook: Hook) -> Simulator:
    return Simulator(run_s=RUN_S, clock=clock.now, sleep=clock.sleep, post=hook.post)


@asynccontextmanager
async def calling_back(simulator: Simulator) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a simulator that calls back meanwhile."""
    async with anyio.create_task_group() as group:
        group.start_soon(simulator.call_back)
        transport = httpx.ASGITransport(app=simulator.asgi)
        headers = {"authorization": "Bearer any"}
        async with httpx.AsyncClient(transport=transport, base_url="http://simulator", headers=headers) as client:
            yield client
        group.cancel_scope.cancel()


async def test_kinovi_posts_the_record_in_its_envelope_at_the_end(
    clock: FakeClock, hook: Hook, simulator: Simulator
) -> None:
    """Provider: https://kinovi.ai/docs/common/reference/webhooks, "Success"."""
    async with calling_back(simulator) as client:
        began = clock.now()
        task_id = (await client.post(CREATE, json=KINOVI_BODY)).json()["taskId"]
        await clock.sleep(2 * RUN_S)
        record = (await client.get(RECORD, params={"taskId": task_id})).json()
    ((at, url, body),) = hook.calls
    data = body["data"]
    assert (url, body["code"], body["message"]) == (HOOK, 200, "success")
    assert RUN_S <= at - began <= RUN_S + 1
    assert {name: data[name] for name in record if name != "status"} == {
        name: value for name, value in record.items() if name != "status"
    }
    assert set(data) - set(record) == {"orderId", "state", "updateTime"}
    assert (data["state"], data["taskId"]) == ("success", task_id)


async def test_kinovi_says_that_a_failed_task_cost_nothing_and_was_never_complete(
    clock: FakeClock, hook: Hook, simulator: Simulator
) -> None:
    """Provider: https://kinovi.ai/docs/common/reference/webhooks, "Failure"."""
    simulator.faults.add(Fault(on="create", kind="task_fails", message="no"))
    async with calling_back(simulator) as client:
        await client.post(CREATE, json=KINOVI_BODY)
        await clock.sleep(2 * RUN_S)
    ((_, _, body),) = hook.calls
    data = body["data"]
    assert (data["state"], data["creditsUsed"], data["output"], data["completeTime"]) == ("fail", 0, None, None)
    assert data["error"] == {"code": "500", "message": "no"}


@pytest.mark.parametrize(("refuses", "pauses"), [(0, []), (1, [1]), (2, [1, 5]), (9, [1, 5, 15])])
async def test_kinovi_calls_again_after_one_five_and_fifteen_seconds(
    clock: FakeClock, hook: Hook, simulator: Simulator, refuses: int, pauses: list[int]
) -> None:
    """Provider: https://seedance2-pro.com/docs/common/reference/webhooks, "Retry Policy"."""
    hook.refuses = refuses
    async with calling_back(simulator) as client:
        await client.post(CREATE, json=KINOVI_BODY)
        await clock.sleep(60)
    times = [at for at, _, _ in hook.calls]
    assert [round(later - sooner) for sooner, later in pairwise(times)] == pauses


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled"])
async def test_seedance2_ink_posts_what_its_query_answers_once(
    clock: FakeClock, hook: Hook, simulator: Simulator, end: str
) -> None:
    """Ours: "receives the final task result" (seed 002) is all that is documented."""
    hook.refuses = 9
    if end == "failed":
        simulator.faults.add(Fault(on="create", kind="task_fails"))
    async with calling_back(simulator) as client:
        task_id = (await client.post(GENERATIONS, json=INK_BODY)).json()["requestId"]
        if end == "cancelled":
            await client.post(f"{GENERATIONS}/{task_id}/cancel")
        await clock.sleep(60)
        answer = (await client.get(f"{GENERATIONS}/{task_id}")).json()
    ((_, url, body),) = hook.calls
    assert (url, body, body["status"]) == (HOOK, answer, end)


async def test_a_call_can_be_lost_or_repeated_on_demand(clock: FakeClock, hook: Hook, simulator: Simulator) -> None:
    """Ours: deliveries go wrong in both ways."""
    simulator.faults.add(parse_fault({"on": "callback", "kind": "lost_callback", "provider": "kinovi"}))
    simulator.faults.add(Fault(on="callback", kind="repeated_callback", provider="seedance2_ink"))
    async with calling_back(simulator) as client:
        await client.post(CREATE, json=KINOVI_BODY)
        await client.post(GENERATIONS, json=INK_BODY)
        await clock.sleep(60)
    assert ["requestId" in body for _, _, body in hook.calls] == [True, True]
    assert not list(simulator.faults.waiting())


@pytest.mark.parametrize(
    ("on", "kind"), [("callback", "status"), ("callback", "drop"), ("create", "lost_callback"), ("events", "empty_")]
)
def test_a_call_and_a_request_suffer_from_faults_of_their_own(on: str, kind: str) -> None:
    """Ours: a fault that can never hit would make a test pass for nothing."""
    with pytest.raises(ValueError, match=r"cannot happen on|must be one of"):
        parse_fault({"on": on, "kind": kind})


async def test_without_a_url_nobody_is_called(clock: FakeClock, hook: Hook, simulator: Simulator) -> None:
    """Provider: seeds 002 and 003, both fields are optional."""
    async with calling_back(simulator) as client:
        await client.post(CREATE, json={"model": "seedance-20", "inputs": {"prompt": "rain"}})
        await client.post(GENERATIONS, json={"model": "seedance-2.0", "prompt": "rain"})
        await clock.sleep(60)
    assert hook.calls == []


@dataclass
class RawHook:
    """A socket that takes one call at a time and answers it with these bytes."""

    answer: bytes
    port: int = 0
    heard: list[bytes] = field(default_factory=list[bytes])
    called: anyio.Event = field(default_factory=anyio.Event)

    async def take(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            self.heard.append(await stream.receive())
            await stream.send(self.answer)
        self.called.set()


@pytest.fixture
async def raw_hook() -> AsyncGenerator[RawHook]:
    hook = RawHook(b"HTTP/1.1 204 No Content\r\n\r\n")
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, hook.take)
        hook.port = listener.extra_attributes[anyio.abc.SocketAttribute.local_port]()
        yield hook
        group.cancel_scope.cancel()


async def test_a_served_simulator_calls_back_over_a_socket(raw_hook: RawHook) -> None:
    """Ours: `seedance-mcp simulator` behaves like the providers."""
    url = f"http://127.0.0.1:{raw_hook.port}/a/hook?b=c"
    async with serving(Simulator(run_s=0)) as client:
        created = (await client.post(GENERATIONS, json=INK_BODY | {"webhookUrl": url})).json()
        with anyio.fail_after(10):
            await raw_hook.called.wait()
        head, _, content = raw_hook.heard[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /a/hook?b=c HTTP/1.1\r\nHost: 127.0.0.1:")
        assert created["requestId"].encode() in content


@pytest.mark.parametrize(
    ("answer", "is_taken"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", False),
        (b"HTTP/1.1 503 Busy\r\n\r\n", False),
        (b"", False),
        (b"x" * 4096, False),
    ],
)
async def test_only_a_2xx_answer_counts_as_taken(answer: bytes, is_taken: bool, raw_hook: RawHook) -> None:
    """Provider: a "non-2xx response" is tried again."""
    raw_hook.answer = answer
    assert await post_json(f"http://127.0.0.1:{raw_hook.port}", {}) is is_taken


async def test_a_url_where_nobody_listens_has_not_taken_a_call() -> None:
    """Ours."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    assert not await post_json(f"http://127.0.0.1:{port}", {})
