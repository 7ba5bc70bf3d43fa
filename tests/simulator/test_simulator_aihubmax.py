from typing import Any

import httpx
import pytest
from simulator_client import Clock, difference, picture, serving, video_frames

from seedance_mcp.simulator.aihubmax import aihubmax
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault

CREATE = "/v1/videos/generations"
BODY: dict[str, object] = {
    "model": "seedance-2.0-image-to-video",
    "prompt": "A corgi running on a rain-soaked street, cinematic shot",
    "image_url": "https://example.com/start.png",
    "resolution": "480p",
    "aspect_ratio": "adaptive",
    "duration": -1,
    "generate_audio": True,
    "seed": -1,
    "end_image_url": "https://example.com/end.png",
}
TEXT: dict[str, object] = {"model": "seedance-2.0-text-to-video", "prompt": "rain"}
REFERENCES: dict[str, object] = {
    "model": "seedance-2.0-fast-reference-to-video",
    "prompt": "@Image1 dances to @Audio1",
    "image_urls": ["https://example.com/a.png"],
}
PICTURES, FILMS, SOUNDS = (["https://example.com/" + name] for name in ("a.png", "a.mp4", "a.mp3"))


async def _started(client: httpx.AsyncClient, body: dict[str, object]) -> str:
    answer = await client.post(CREATE, json=body)
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["id"]
    return task_id


async def _seen(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/tasks/{task_id}")
    assert answer.status_code == 200, answer.text
    task: dict[str, Any] = answer.json()
    return task


async def test_a_create_with_the_examples_of_the_page_is_answered_with_its_fields(strict: httpx.AsyncClient) -> None:
    """Provider: seed 000, every example value of "Body", and "Response"; numbers are illustrative."""
    answer = (await strict.post(CREATE, json=BODY)).json()
    assert answer.pop("id").startswith("task-unified-1790000000-")
    assert answer == {
        "created": 1_790_000_000,
        "model": "seedance-2.0-image-to-video",
        "object": "video.generation.task",
        "progress": 0,
        "status": "pending",
        "task_info": {"can_cancel": True, "estimated_time": 4},
        "type": "video",
        "usage": {"credits_reserved": 5, "user_group": "default"},
    }


async def test_a_task_goes_from_pending_over_processing_to_completed_with_results() -> None:
    """Provider: providers.md §1.4."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        task_id = await _started(client, BODY)
        seen: list[tuple[str, int, object]] = []
        for second in (0, 5, 10):
            clock.now = 1_790_000_000.0 + second
            task = (await client.get(f"/v1/tasks/{task_id}", params={"sync_upstream": "true"})).json()
            seen.append((task["status"], task["progress"], task["error"]))
            assert (task["results"] is None) == (second < 10)
        (result,) = task.pop("results")
        assert list(result) == ["url"]
        assert result["url"].startswith(str(client.base_url))
    assert seen == [("pending", 0, None), ("processing", 50, None), ("completed", 100, None)]
    assert task == {
        "created": 1_790_000_000,
        "id": task_id,
        "model": "seedance-2.0-image-to-video",
        "object": "video.generation.task",
        "progress": 100,
        "status": "completed",
        "type": "video",
        "usage": {"credits_reserved": 5, "user_group": "default"},
        "error": None,
    }


async def test_results_can_be_plain_strings() -> None:
    """Provider: providers.md §1.4, the other documented form."""
    async with serving(Simulator((aihubmax(plain_results=True),), run_s=0)) as client:
        task = await _seen(client, await _started(client, TEXT))
        (url,) = task["results"]
    assert url.startswith(str(client.base_url))


@pytest.mark.parametrize(
    "body",
    [
        TEXT,
        TEXT | {"model": "seedance-2.0-fast-text-to-video", "prompt": "x" * 5000, "duration": 15},
        {name: BODY[name] for name in ("model", "prompt", "image_url")},
        BODY | {"model": "seedance-2.0-fast-image-to-video", "end_image_url": None, "seed": 7, "duration": 4},
        REFERENCES,
        REFERENCES | {"image_urls": PICTURES * 9, "video_urls": FILMS * 3},
        REFERENCES | {"image_urls": PICTURES * 6, "video_urls": FILMS * 3, "audio_urls": SOUNDS * 3},
        TEXT | {"model": "seedance-2.0-reference-to-video", "video_urls": FILMS, "audio_urls": SOUNDS},
    ],
)
async def test_what_the_field_tables_allow_is_accepted(body: dict[str, object], strict: httpx.AsyncClient) -> None:
    """Provider: seed 000, "Body", and providers.md §1.3 for the other modes."""
    answer = await strict.post(CREATE, json=body)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (BODY | {"prompt": "x" * 5001}, "prompt"),
        (BODY | {"prompt": " "}, "prompt"),
        (BODY | {"model": 7}, "model"),
        (BODY | {"model": ""}, "model"),
        ({"model": BODY["model"], "prompt": "rain"}, "image_url is required"),
        (BODY | {"resolution": "1080p"}, "resolution"),
        (BODY | {"aspect_ratio": "2:1"}, "aspect_ratio"),
        (BODY | {"duration": 3}, "duration"),
        (BODY | {"duration": 16}, "duration"),
        (BODY | {"duration": "5"}, "duration"),
        (BODY | {"duration": 0}, "duration"),
        (BODY | {"generate_audio": None}, "generate_audio"),
        (BODY | {"seed": -2}, "seed"),
        (BODY | {"callback_url": "https://example.com/"}, "callback_url is not a known field"),
        (TEXT | {"image_url": "https://example.com/start.png"}, "image_url is not a known field"),
        (REFERENCES | {"end_image_url": None}, "end_image_url is not a known field"),
        (REFERENCES | {"video_urls": FILMS * 4}, "video_urls"),
        (REFERENCES | {"image_urls": PICTURES * 9, "video_urls": FILMS * 3, "audio_urls": SOUNDS}, "12 references"),
        (TEXT | {"model": "seedance-2.0-reference-to-video", "audio_urls": SOUNDS}, "cannot stand alone"),
    ],
)
async def test_a_body_that_breaks_the_field_table_is_a_400(
    body: dict[str, object], named: str, strict: httpx.AsyncClient
) -> None:
    """Provider: seed 000, "Body"; the error body from providers.md §1.5. Ours: unknown fields are refused too."""
    answer = await strict.post(CREATE, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], sorted(error)) == (
        400,
        "invalid_request_error",
        ["code", "message", "type"],
    )
    assert named in error["message"]
    assert "request_id: " in error["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BODY | {"model": "seedance-2.0"}, "model_not_found"),
        (BODY | {"image_url": "start.png"}, "invalid_image_url"),
        (BODY | {"end_image_url": 3}, "invalid_image_url"),
        (REFERENCES | {"image_urls": ["a.png"]}, "invalid_image_url"),
    ],
)
async def test_an_unknown_model_and_a_picture_that_is_no_url_are_a_422(
    body: dict[str, object], code: str, strict: httpx.AsyncClient
) -> None:
    """Provider: providers.md §1.5, the codes seen with 422."""
    answer = await strict.post(CREATE, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (422, "validation_error", code)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(402, "insufficient_quota"), (429, "rate_limit_error"), (500, "server_error"), (503, "service_unavailable")],
)
async def test_a_status_on_demand_has_the_documented_type(status: int, kind: str) -> None:
    """Provider: providers.md §1.5."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="create", kind="status", status=status, provider="aihubmax"))
    async with serving(simulator) as client:
        answer = await client.post(CREATE, json=BODY)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert not simulator.requests[0].accepted


async def test_a_wrong_key_and_an_unknown_task_have_the_error_body(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §1.5."""
    unknown = await strict.get("/v1/tasks/task-unified-1")
    refused = await strict.post(CREATE, json=BODY, headers={"authorization": "Bearer wrong-key"})
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found")
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")


async def test_a_completed_task_can_be_without_results_for_a_moment_and_a_failed_one_says_why() -> None:
    """Provider: providers.md §1.4, the known race, and `failed`; the error's words are ours."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(Fault(on="create", kind="task_fails", message="content was refused"))
    async with serving(simulator) as client:
        failed = await _seen(client, await _started(client, BODY))
        task_id = await _started(client, BODY)
        simulator.faults.add(Fault(on="fetch", kind="late_result"), Fault(on="fetch", kind="unknown_status"))
        late, odd, done = [await _seen(client, task_id) for _ in range(3)]
    assert (failed["status"], failed["results"]) == ("failed", None)
    assert failed["error"] == {"code": "generation_failed", "message": "content was refused", "type": "server_error"}
    assert (late["status"], late["progress"], late["results"]) == ("completed", 99, None)
    assert (odd["status"], odd["results"]) == ("paused", None)
    assert (done["status"], len(done["results"])) == ("completed", 1)


async def test_the_balance_goes_down_with_what_is_reserved_and_up_with_what_failed() -> None:
    """Provider: providers.md §1.5, the path; the form is that of a sister API, the amounts are ours."""
    simulator = Simulator(clock=Clock())
    async with serving(simulator) as client:
        await _started(client, BODY)
        failing = await _started(client, TEXT)
        before = (await client.get("/v1/account/credits")).json()
        simulator.faults.add(Fault(on="fetch", kind="task_fails"), Fault(on="other", kind="status", status=500))
        await _seen(client, failing)
        broken = await client.get("/v1/account/credits")
        after = (await client.get("/v1/account/credits")).json()
    assert before["data"]["user"] == {"remaining_credits": 985, "used_credits": 15}
    assert broken.status_code == 500
    assert after == {
        "success": True,
        "message": "",
        "data": {
            "token": {"remaining_credits": 995, "used_credits": 5, "unlimited_credits": False},
            "user": {"remaining_credits": 995, "used_credits": 5},
        },
    }


async def test_the_start_and_end_frames_are_the_ends_of_the_video() -> None:
    """Provider: seed 000, "Public URL of the start frame image" and "of the end frame image"."""
    async with serving(Simulator(run_s=0)) as client:
        images = [f"{client.base_url}/frames/{name}.png?width=640&height=640" for name in ("a", "b")]
        body = BODY | {"image_url": images[0], "end_image_url": images[1], "aspect_ratio": "1:1", "duration": 4}
        task = await _seen(client, await _started(client, body))
        stills = [picture((await client.get(url)).content) for url in images]
        frames = video_frames((await client.get(task["results"][0]["url"])).content)
    assert (len(frames), frames[0].width, frames[0].height) == (96, 640, 640)
    assert difference(frames[0], stills[0]) <= 3
    assert difference(frames[-1], stills[1]) <= 3
