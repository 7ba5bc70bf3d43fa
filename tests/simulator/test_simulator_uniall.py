from typing import Any

import httpx
import pytest
from simulator_client import Clock, difference, picture, serving, video_frames

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.uniall import PLURAL, SINGULAR, uniall

FIRST_EXAMPLE: dict[str, object] = {
    "model": "seedance2.0-720p",
    "prompt": "A clean commercial product video with slow camera movement, soft reflections, and realistic lighting.",
    "duration": 8,
    "aspect_ratio": "16:9",
    "extra_body": {"generate_audio": False, "seed": 42, "watermark": False},
}
MULTI_REFERENCE_EXAMPLE: dict[str, object] = {
    "model": "seedance2.0-fast-720p",
    "prompt": "Create a fast fashion lookbook clip while preserving the product identity.",
    "images": ["https://example.com/model.png", "https://example.com/outfit.png"],
    "duration": 6,
    "aspect_ratio": "9:16",
    "extra_body": {"generate_audio": True, "camera_fixed": False},
}
PICTURE, FILM = "https://example.com/a.png", "https://example.com/a.mp4"


async def _started(client: httpx.AsyncClient, **changes: object) -> str:
    answer = await client.post(SINGULAR, json={**FIRST_EXAMPLE, **changes})
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["task_id"]
    return task_id


async def _seen(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/videos/{task_id}")
    assert answer.status_code == 200, answer.text
    task: dict[str, Any] = answer.json()
    return task


@pytest.mark.parametrize("example", [FIRST_EXAMPLE, MULTI_REFERENCE_EXAMPLE])
async def test_both_printed_examples_are_accepted(example: dict[str, object], strict: httpx.AsyncClient) -> None:
    """Provider: seed 004, its two requests; the answer is the New-API inference of providers.md §5."""
    answer = (await strict.post(SINGULAR, json=example)).json()
    assert answer.pop("id") == answer.pop("task_id")
    assert answer.pop("object").startswith("video.generation.")
    assert answer == {"model": example["model"], "status": "queued", "progress": 0}


async def test_a_task_goes_from_queued_over_in_progress_to_completed_and_then_has_its_url() -> None:
    """Provider: seed 004, "Query Task Status"; the words before `completed` are inferred in providers.md §5."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        task_id = await _started(client)
        seen: list[tuple[str, int]] = []
        for second in (0, 5, 10):
            clock.now = 1_790_000_000.0 + second
            task = await _seen(client, task_id)
            seen.append((task["status"], task["progress"]))
        url = task.pop("video_url")
        assert url.startswith(str(client.base_url))
    assert seen == [("queued", 0), ("in_progress", 50), ("completed", 100)]
    assert task == {
        "id": task_id,
        "task_id": task_id,
        "object": "video.generation." + "job",
        "model": "seedance2.0-720p",
        "status": "completed",
        "progress": 100,
    }


@pytest.mark.parametrize(
    "model",
    ["seedance2.0-480p", "seedance2.0-720p", "seedance2.0-1080p", "seedance2.0-4k"]
    + [f"seedance2.0-{tier}-{resolution}" for tier in ("fast", "mini") for resolution in ("480p", "720p")],
)
async def test_every_listed_model_is_accepted(model: str, strict: httpx.AsyncClient) -> None:
    """Provider: seed 004, "Supported Models"."""
    assert (await strict.post(SINGULAR, json={"model": model, "prompt": "rain"})).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": "15"},
        {"image": PICTURE},
        {"image": PICTURE, "last_image": PICTURE, "extra_body": {"operation": "first_last_frame"}},
        {"images": [PICTURE] * 9, "videos": [FILM] * 3, "audios": ["https://example.com/a.mp3"]},
        {"videos": [FILM], "extra_body": {"operation": "extend_video", "watermark": "true", "camera_fixed": "false"}},
        {"extra_body": {"return_last_frame": True, "seed": -1}},
    ],
)
async def test_what_the_field_table_allows_is_accepted(changes: dict[str, object], strict: httpx.AsyncClient) -> None:
    """Provider: seed 004, "Request Parameters"."""
    answer = await strict.post(SINGULAR, json={**FIRST_EXAMPLE, **changes})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("changes", "param", "named"),
    [
        ({"model": "seedance2.0"}, "model", "seedance2.0-mini-720p"),
        ({"model": "seedance2.0-fast-1080p"}, "model", "must be one of"),
        ({"model": 1}, "model", "must be a string"),
        ({"prompt": ""}, "prompt", "must not be empty"),
        ({"duration": 4}, "duration", "between 5 and 15"),
        ({"duration": -1}, "duration", "between 5 and 15"),
        ({"duration": "16"}, "duration", "must be one of"),
        ({"duration": 5.0}, "duration", "integer"),
        ({"aspect_ratio": "4:3"}, "aspect_ratio", "must be one of"),
        ({"last_image": PICTURE}, "last_image", "needs image"),
        ({"image": "a.png"}, "image", "URL"),
        ({"images": [PICTURE] * 10}, "images", "1 to 9"),
        ({"videos": [FILM] * 4}, "videos", "1 to 3"),
        ({"audios": "a"}, "audios", "array"),
        ({"seed": 1}, "seed", "not a known field"),
        ({"resolution": "720p"}, "resolution", "not a known field"),
        ({"extra_body": []}, "extra_body", "object"),
        ({"extra_body": {"seed": "1"}}, "extra_body.seed", "integer"),
        ({"extra_body": {"generate_audio": "true"}}, "extra_body.generate_audio", "boolean"),
        ({"extra_body": {"watermark": "yes"}}, "extra_body.watermark", "boolean"),
        ({"extra_body": {"style": "noir"}}, "extra_body.style", "not a known field"),
        ({"extra_body": {"operation": "remix"}}, "extra_body.operation", "must be one of"),
        ({"extra_body": {"operation": "reference_to_video"}}, "extra_body.operation", "needs references"),
        ({"extra_body": {"operation": "edit_video"}}, "extra_body.operation", "videos"),
        ({"image": PICTURE, "extra_body": {"operation": "first_last_frame"}}, "extra_body.operation", "last_image"),
    ],
)
async def test_a_body_that_breaks_the_field_table_is_refused(
    changes: dict[str, object], param: str, named: str, strict: httpx.AsyncClient
) -> None:
    """Provider: seed 004, "Request Parameters" and "Common Errors"; the error body is inferred in providers.md §5."""
    answer = await strict.post(SINGULAR, json={**FIRST_EXAMPLE, **changes})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert named in error["message"]
    assert sorted(error) == ["code", "message", "param", "type"]


async def test_the_plural_path_of_a_create_can_be_had_instead_of_the_singular_one() -> None:
    """Provider: seed 004, "Endpoint", and the newer page of providers.md §5."""
    async with serving(Simulator((uniall(PLURAL),))) as client:
        answers = [(await client.post(path, json=FIRST_EXAMPLE)).status_code for path in (PLURAL, SINGULAR)]
    assert answers == [200, 404]


async def test_a_wrong_key_and_an_unknown_task_have_the_error_body(strict: httpx.AsyncClient) -> None:
    """Provider: seed 004, "Authentication"; bodies are inferred in providers.md §5."""
    unknown = await strict.get("/v1/videos/task_1")
    refused = await strict.post(SINGULAR, json=FIRST_EXAMPLE, headers={"authorization": "Bearer wrong-key"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "task_not_exist")
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")


async def test_a_failed_task_has_an_error_and_no_url_and_a_late_one_is_completed_without_it() -> None:
    """Provider: providers.md §5, `failed` and `error`. Ours: the faults."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(
        Fault(on="create", kind="task_fails", message="content was refused"), Fault(on="create", kind="unknown_status")
    )
    async with serving(simulator) as client:
        failed = await _seen(client, await _started(client))
        odd = (await client.post(SINGULAR, json=FIRST_EXAMPLE)).json()
        task_id = await _started(client)
        simulator.faults.add(
            Fault(on="fetch", kind="late_result"), Fault(on="fetch", kind="status", status=503, provider="uniall")
        )
        late = await _seen(client, task_id)
        broken = await client.get(f"/v1/videos/{task_id}")
        done = await _seen(client, task_id)
    assert failed["status"] == "failed"
    assert failed["error"] == {"code": "generation_failed", "message": "content was refused"}
    assert odd["status"] == "paused"
    assert (late["status"], late["progress"], "video_url" in late) == ("completed", 99, False)
    assert (broken.status_code, broken.json()["error"]["code"]) == (503, "internal_error")
    assert (done["status"], "video_url" in done) == ("completed", True)


async def test_the_model_decides_the_size_and_the_images_are_the_ends_of_the_video() -> None:
    """Provider: seed 004, resolution in the model id, `image` and `last_image`."""
    async with serving(Simulator(run_s=0)) as client:
        images = [f"{client.base_url}/frames/{name}.png?width=640&height=640" for name in ("a", "b")]
        task_id = await _started(
            client,
            model="seedance2.0-mini-480p",
            duration="5",
            aspect_ratio="1:1",
            image=images[0],
            last_image=images[1],
        )
        stills = [picture((await client.get(url)).content) for url in images]
        frames = video_frames((await client.get((await _seen(client, task_id))["video_url"])).content)
    assert (len(frames), frames[0].width, frames[0].height) == (120, 640, 640)
    assert difference(frames[0], stills[0]) <= 3
    assert difference(frames[-1], stills[1]) <= 3
