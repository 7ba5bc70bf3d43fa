"""Every kind of fault, over a real connection."""

import json

import httpx
import pytest
from simulator_client import Clock, serving, video_frames

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault, Kind

GENERATIONS = "/api/open/v1/video/generations"
CREATE, RECORD = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"
INK_BODY = {"model": "seedance-2.0", "prompt": "rain", "duration": 4, "resolution": "480p"}
KINOVI_BODY = {"model": "seedance-20", "inputs": {"prompt": "rain"}}


async def _create(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(GENERATIONS, json=INK_BODY)


async def _read_until(error: type[Exception], client: httpx.AsyncClient, url: str) -> tuple[int, bytes]:
    """What came before the answer broke off, and how much was promised."""
    length, got = 0, bytearray()
    try:
        async with client.stream("GET", url) as answer:
            length = int(answer.headers["content-length"])
            async for chunk in answer.aiter_bytes():
                got += chunk
    except error:
        return length, bytes(got)
    pytest.fail("the answer did not break off")


async def _finished_video(client: httpx.AsyncClient) -> str:
    created = (await _create(client)).json()
    task = (await client.get(f"{GENERATIONS}/{created['requestId']}")).json()
    url: str = task["output"]["url"]
    return url


@pytest.mark.parametrize(
    ("status", "ink", "kinovi"),
    [
        (400, "invalid_request", {"message": "Invalid request parameters"}),
        (401, "unauthorized", {"message": "Invalid API Key"}),
        (402, "insufficient_credits", {"message": "Insufficient credits", "required": 200, "available": 0}),
        (403, "forbidden", {"message": "API access not enabled for this account"}),
        (404, "not_found", {"message": "Task not found"}),
        (429, "rate_limited", {"message": "Concurrency limit reached (5)", "limit": 5, "current": 5}),
        (500, "internal_error", {"message": "Internal server error"}),
        (503, "internal_error", {"message": "Internal server error"}),
    ],
)
async def test_a_status_has_the_providers_own_error_body_and_nothing_is_accepted(
    status: int, ink: str, kinovi: dict[str, object]
) -> None:
    """Provider: providers.md §3 (envelope) and §4.4."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="create", kind="status", status=status, times=2, headers={"retry-after": "7"}))
    async with serving(simulator) as client:
        one, two = await _create(client), await client.post(CREATE, json=KINOVI_BODY)
        three = await _create(client)
    assert (one.status_code, one.json()["error"]["code"], one.headers["retry-after"]) == (status, ink, "7")
    assert (two.status_code, two.json()) == (status, kinovi)
    assert three.status_code == 200
    assert [request.accepted for request in simulator.requests] == [False, False, True]
    assert [request.status for request in simulator.requests] == [status, status, 200]


async def test_a_fault_can_have_a_body_of_its_own_and_hit_one_provider_always() -> None:
    """Ours."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="create", kind="status", body={"odd": 1}, provider="kinovi", times=None))
    async with serving(simulator) as client:
        answers = [await client.post(CREATE, json=KINOVI_BODY) for _ in range(3)]
        other = await _create(client)
        simulator.faults.clear()
        after = await client.post(CREATE, json=KINOVI_BODY)
    assert [(answer.status_code, answer.json()) for answer in answers] == [(500, {"odd": 1})] * 3
    assert (other.status_code, after.status_code) == (200, 200)


@pytest.mark.parametrize(("kind", "accepted"), [("drop_before", False), ("drop_after", True)])
async def test_a_dropped_connection_gives_no_answer_whether_or_not_the_create_was_accepted(
    kind: Kind, accepted: bool
) -> None:
    """Ours: what a client must not tell apart, and must not pay for twice."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="create", kind=kind))
    async with serving(simulator) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await _create(client)
        received = simulator.requests[0]
        again = await _create(client)
    assert (received.accepted, received.status, received.body) == (accepted, None, INK_BODY)
    assert (received.task_id is not None) is accepted
    assert again.status_code == 200


@pytest.mark.parametrize("kind", ["drop_before", "truncated"])
async def test_without_a_connection_a_drop_is_an_exception(kind: Kind) -> None:
    """Ours: the application can be called in its own process, where there is nothing to close."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="create", kind=kind))
    transport = httpx.ASGITransport(app=simulator.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        with pytest.raises(ConnectionResetError):
            await client.post(GENERATIONS, json=INK_BODY, headers={"authorization": "Bearer key"})


async def test_a_create_can_be_accepted_and_still_answered_with_an_error() -> None:
    """Ours: the 500 that costs."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="create", kind="status", accepted=True))
    async with serving(simulator) as client:
        answer = await _create(client)
    assert (answer.status_code, simulator.requests[0].accepted) == (500, True)


@pytest.mark.parametrize(
    ("kind", "content_type", "begins"),
    [
        ("garbage", "application/json", b'{"half"'),
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("empty", "application/json", b""),
    ],
)
async def test_an_unreadable_answer_hides_an_accepted_create(kind: Kind, content_type: str, begins: bytes) -> None:
    """Ours: a 200 that is no answer."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="create", kind=kind))
    async with serving(simulator) as client:
        answer = await _create(client)
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert answer.content.startswith(begins)
    with pytest.raises(ValueError, match=r"."):
        answer.json()
    assert simulator.requests[0].accepted


async def test_a_redirect_leads_back_to_the_same_place_unless_told_where() -> None:
    """Ours."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(
        Fault(on="create", kind="redirect", status=307, headers={"location": "https://example.com/"}),
        Fault(on="download", kind="redirect"),
    )
    async with serving(simulator) as client:
        away = await _create(client)
        url = await _finished_video(client)
        back = await client.get(url)
        video = await client.get(url, follow_redirects=True)
    assert (away.status_code, away.headers["location"]) == (307, "https://example.com/")
    assert (back.status_code, back.headers["location"]) == (302, url)
    assert len(video_frames(video.content)) == 96
    assert [request.accepted for request in simulator.requests[:2]] == [False, True]


async def test_a_truncated_answer_and_a_truncated_file_break_off_in_the_middle() -> None:
    """Ours."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(Fault(on="create", kind="truncated"), Fault(on="download", kind="truncated"))
    async with serving(simulator) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await _create(client)
        url = await _finished_video(client)
        length, got = await _read_until(httpx.RemoteProtocolError, client, url)
        whole = (await client.get(url)).content
    assert simulator.requests[0].accepted
    assert length == len(whole)
    assert got == whole[: len(whole) // 2]


async def test_a_slow_answer_comes_late_and_a_slow_file_pauses_in_its_middle() -> None:
    """Ours: a client's patience ends, and the create was accepted all the same."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(Fault(on="create", kind="slow", seconds=30))
    async with serving(simulator) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(GENERATIONS, json=INK_BODY, timeout=0.3)
        url = await _finished_video(client)
        whole = (await client.get(url)).content
        simulator.faults.add(Fault(on="download", kind="slow", seconds=30))
        client.timeout = httpx.Timeout(0.3)
        _, got = await _read_until(httpx.ReadTimeout, client, url)
        simulator.faults.add(Fault(on="create", kind="slow", seconds=0.01))
        late = await _create(client)
    assert simulator.requests[0].accepted
    assert 0 < len(got) < len(whole)
    assert late.status_code == 200


async def test_a_wrong_content_type_is_all_that_is_wrong() -> None:
    """Ours."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="create", kind="wrong_content_type"))
    async with serving(simulator) as client:
        answer = await _create(client)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.json()["success"] is True


async def test_a_huge_answer_is_readable_and_too_long_and_a_huge_file_ends_in_zeros() -> None:
    """Ours: limits of size are tested with something that would work without them."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(
        Fault(on="fetch", kind="huge", bytes=5_000_000, provider="kinovi"),
        Fault(on="download", kind="huge", bytes=100_000),
        Fault(on="download", kind="huge", bytes=1 << 40),
    )
    async with serving(simulator) as client:
        created = (await client.post(CREATE, json=KINOVI_BODY)).json()
        answer = await client.get(RECORD, params={"taskId": created["taskId"]})
        url = await _finished_video(client)
        padded = (await client.get(url)).content
        async with client.stream("GET", url) as endless:
            length = int(endless.headers["content-length"])
        plain = (await client.get(url)).content
    assert len(answer.content) > 5_000_000
    assert answer.json()["status"] == "success"
    assert padded == plain + bytes(100_000)
    assert length == len(plain) + (1 << 40)


async def test_a_task_told_to_fail_when_it_is_looked_at_stays_failed() -> None:
    """Ours."""
    simulator = Simulator(clock=Clock())
    async with serving(simulator) as client:
        request_id = (await _create(client)).json()["requestId"]
        simulator.faults.add(Fault(on="fetch", kind="task_fails", message="no luck"))
        tasks = [(await client.get(f"{GENERATIONS}/{request_id}")).json() for _ in range(2)]
    assert [(task["status"], task["error"]["message"]) for task in tasks] == [("failed", "no luck")] * 2


async def test_a_late_result_is_a_success_without_an_url_for_some_seconds() -> None:
    """Provider: providers.md §1.4, a race seen at one of them. Ours: at all of them on demand."""
    clock = Clock()
    simulator = Simulator(clock=clock, run_s=10)
    simulator.faults.add(Fault(on="create", kind="late_result", seconds=5))
    seen: list[tuple[str, bool]] = []
    async with serving(simulator) as client:
        request_id = (await _create(client)).json()["requestId"]
        for second in (5, 12, 16):
            clock.now = 1_790_000_000.0 + second
            task = (await client.get(f"{GENERATIONS}/{request_id}")).json()
            seen.append((task["status"], task["output"] is not None))
        simulator.faults.add(Fault(on="fetch", kind="late_result"))
        for _ in range(2):
            task = (await client.get(f"{GENERATIONS}/{request_id}")).json()
            seen.append((task["status"], task["output"] is not None))
    assert seen == [
        ("processing", False),
        ("succeeded", False),
        ("succeeded", True),
        ("succeeded", False),
        ("succeeded", True),
    ]


async def test_an_unknown_status_word_can_come_once_or_stay() -> None:
    """Ours: style.md §4, an unknown word must not become a default."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(Fault(on="create", kind="unknown_status", word="hibernating"))
    async with serving(simulator) as client:
        created = (await _create(client)).json()
        stays = (await client.get(f"{GENERATIONS}/{created['requestId']}")).json()
        other = (await client.post(CREATE, json=KINOVI_BODY)).json()
        simulator.faults.add(Fault(on="fetch", kind="unknown_status"))
        records = [(await client.get(RECORD, params=other)).json() for _ in range(2)]
    assert created["status"] == stays["status"] == "hibernating"
    assert stays["output"] is None
    assert [record["status"] for record in records] == ["paused", "success"]


async def test_faults_and_requests_can_be_handled_over_http() -> None:
    """Ours: a test in another process has no other way."""
    async with serving(Simulator()) as client:
        one = {"on": "create", "kind": "status", "status": 503, "headers": {"Retry-After": "1"}, "times": 2}
        added = await client.post("/simulator/faults", json=[one, {"on": "fetch", "kind": "empty", "times": None}])
        hit = await _create(client)
        left = (await client.get("/simulator/faults")).json()["faults"]
        cleared = await client.request("DELETE", "/simulator/faults")
        created = await _create(client)
        requests = (await client.get("/simulator/requests")).json()["requests"]
        forgotten = (await client.delete("/simulator/requests")).json()
    assert (added.status_code, hit.status_code, created.status_code) == (200, 503, 200)
    assert [(fault["kind"], fault["times"]) for fault in left] == [("status", 1), ("empty", None)]
    assert cleared.json() == {"faults": []}
    assert forgotten == {"requests": []}
    first, second = requests
    assert (first["method"], first["path"], first["body"], first["fault"]) == ("POST", GENERATIONS, INK_BODY, "status")
    assert (second["provider"], second["does"], second["accepted"]) == ("seedance2_ink", "create", True)
    assert second["task_id"] == created.json()["requestId"]
    assert second["has_authorization"] is True
    assert "sd2_live" not in json.dumps(requests)


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ([7], "a fault is a JSON object"),
        ({"on": "create"}, "kind is required"),
        ({"on": "poll", "kind": "status"}, "on must be one of"),
        ({"on": "create", "kind": "explode"}, "kind must be one of"),
        ({"on": "create", "kind": "status", "status": 99}, "status must be between"),
        ({"on": "create", "kind": "slow", "seconds": -1}, "seconds must be a number"),
        ({"on": "create", "kind": "slow", "delay": 1}, "delay is not a known field"),
        ({"on": "download", "kind": "task_fails"}, "only happen on create or fetch"),
        ({"on": "create", "kind": "slow", "accepted": False}, "accepted says nothing about slow"),
        ({"on": "fetch", "kind": "lost_event"}, "lost_event cannot happen on fetch"),
        ({"on": "events", "kind": "huge"}, "huge cannot happen on events"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(fault: object, named: str, strict: httpx.AsyncClient) -> None:
    """Ours: a misspelt fault would make a test pass for nothing."""
    answer = await strict.post("/simulator/faults", json=fault)
    assert (answer.status_code, named in answer.json()["error"]) == (400, True), answer.text


async def test_a_concurrency_limit_counts_unfinished_tasks_of_one_format() -> None:
    """Provider: providers.md §4.4, 429."""
    clock = Clock()
    statuses: list[int] = []
    async with serving(Simulator(clock=clock, run_s=10, max_concurrent=2)) as client:
        statuses += [(await client.post(CREATE, json=KINOVI_BODY)).status_code for _ in range(3)]
        statuses.append((await _create(client)).status_code)
        clock.now += 11
        statuses.append((await client.post(CREATE, json=KINOVI_BODY)).status_code)
    assert statuses == [200, 200, 429, 200, 200]


async def test_a_failure_of_the_simulator_itself_is_a_500_and_no_exception(caplog: pytest.LogCaptureFixture) -> None:
    """Ours: inside the server's own process an exception would cross into its client."""
    clock = Clock()
    async with serving(Simulator(clock=clock)) as client:
        request_id = (await _create(client)).json()["requestId"]
        clock.now = "soon"  # pyright: ignore[reportAttributeAccessIssue]
        answer = await client.get(f"{GENERATIONS}/{request_id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "The simulator failed at GET" in caplog.text
