import httpx
import pytest
from simulator_client import Clock, difference, picture, serving, video_frames

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault

GENERATIONS = "/api/open/v1/video/generations"
FIRST_FRAME_EXAMPLE = {
    "model": "seedance-2.0",
    "prompt": "A young woman blows out birthday candles, warm indoor lighting, shallow depth of field",
    "mediaUrls": ["https://example.com/photo.jpg"],
    "aspectRatio": "16:9",
    "duration": 5,
    "resolution": "720p",
}
MULTIMODAL_EXAMPLE = {
    "model": "seedance-2.0-fast",
    "prompt": "A fashion film with energetic camera motion synced to the beat",
    "mediaUrls": ["https://example.com/reference-image.jpg", "https://example.com/reference-audio.mp3"],
    "aspectRatio": "9:16",
    "duration": 8,
    "resolution": "720p",
    "webhookUrl": "https://your-app.com/webhooks/seedance",
}


async def _started(client: httpx.AsyncClient, **changes: object) -> str:
    answer = await client.post(GENERATIONS, json={**FIRST_FRAME_EXAMPLE, **changes})
    assert answer.status_code == 200, answer.text
    request_id: str = answer.json()["requestId"]
    return request_id


async def test_a_create_is_answered_with_the_documented_fields(strict: httpx.AsyncClient) -> None:
    """Provider: seed 002, "Success Response" and its multimodal example, which costs 64."""
    answer = await strict.post(GENERATIONS, json=MULTIMODAL_EXAMPLE)
    body = answer.json()
    assert body.pop("requestId").startswith("req_")
    assert body == {"success": True, "status": "queued", "creditsCharged": 64}


async def test_a_task_goes_from_queued_over_processing_to_succeeded_and_only_then_has_an_url() -> None:
    """Provider: seed 002, "Query Result"."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        request_id = await _started(client)
        seen: list[tuple[str, object]] = []
        for second in (0, 5, 10):
            clock.now = 1_790_000_000.0 + second
            task = (await client.get(f"{GENERATIONS}/{request_id}")).json()
            seen.append((task["status"], task["output"] and task["output"]["type"]))
    assert seen == [("queued", None), ("processing", None), ("succeeded", "video")]
    url = task.pop("output")["url"]
    assert url.startswith(str(client.base_url))
    assert task == {
        "success": True,
        "requestId": request_id,
        "status": "succeeded",
        "model": "seedance-2.0",
        "prompt": FIRST_FRAME_EXAMPLE["prompt"],
        "duration": 5,
        "aspectRatio": "16:9",
        "error": None,
    }


async def test_a_create_without_media_is_text_to_video_with_defaults() -> None:
    """Provider: providers.md §3, text-to-video is the same path without `mediaUrls`."""
    async with serving(Simulator(run_s=0)) as client:
        answer = await client.post(GENERATIONS, json={"model": "seedance-1.5-pro", "prompt": "rain"})
        task = (await client.get(f"{GENERATIONS}/{answer.json()['requestId']}")).json()
    assert (task["duration"], task["aspectRatio"], task["status"]) == (5, "16:9", "succeeded")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": "seedance-2"}, "model"),
        ({"model": None}, "model"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"mediaUrls": []}, "mediaUrls"),
        ({"mediaUrls": ["https://example.com/a.png"] * 6}, "mediaUrls"),
        ({"mediaUrls": "https://example.com/a.png"}, "mediaUrls"),
        ({"mediaUrls": ["https://example.com/a.png", "data:image/png;base64,AAAA"]}, "item 1"),
        ({"aspectRatio": "4:3"}, "aspectRatio"),
        ({"duration": 3}, "duration"),
        ({"duration": 16}, "duration"),
        ({"duration": "5"}, "duration"),
        ({"duration": True}, "duration"),
        ({"model": "seedance-1.5-pro", "duration": 6}, "5 or 10"),
        ({"resolution": "4k"}, "resolution"),
        ({"webhookUrl": 1}, "webhookUrl"),
        ({"metadata": []}, "metadata"),
        ({"generateAudio": True}, "generateAudio"),
    ],
)
async def test_a_body_that_breaks_the_field_table_is_refused_in_the_error_envelope(
    changes: dict[str, object], named: str
) -> None:
    """Provider: seed 002, "Request Body"; the envelope from providers.md §3. Ours: unknown fields are refused too."""
    simulator = Simulator()
    async with serving(simulator) as client:
        answer = await client.post(GENERATIONS, json={**FIRST_FRAME_EXAMPLE, **changes})
    error = answer.json()
    assert (answer.status_code, error["success"], error["error"]["code"]) == (400, False, "invalid_request")
    assert named in error["error"]["message"]
    assert not simulator.requests[0].accepted


@pytest.mark.parametrize("authorization", [None, "Bearer", "Basic abc", "Bearer wrong-key"])
async def test_a_missing_or_wrong_key_is_answered_with_the_documented_401(
    authorization: str | None, strict: httpx.AsyncClient
) -> None:
    """Provider: providers.md §3, the one printed error body of this API."""
    request = strict.build_request("POST", GENERATIONS, json=FIRST_FRAME_EXAMPLE)
    del request.headers["authorization"]
    if authorization is not None:
        request.headers["authorization"] = authorization
    answer = await strict.send(request)
    assert answer.status_code == 401
    assert answer.json() == {"success": False, "error": {"code": "unauthorized", "message": "Invalid API key"}}


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"{}", "text/plain"), (b"[]", "application/json"), (b'{"model"', "application/json"), (b"", "application/json")],
)
async def test_a_body_that_is_no_json_object_is_refused(
    content: bytes, content_type: str, strict: httpx.AsyncClient
) -> None:
    """Ours: the documents send JSON and say nothing about anything else."""
    answer = await strict.post(GENERATIONS, content=content, headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


async def test_cancelling_ends_a_task_for_good_and_an_ended_task_cannot_be_cancelled() -> None:
    """Provider: seed 002, "Cancel Task". Ours: 400 once the task has succeeded, which no document covers."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        one, two = await _started(client), await _started(client)
        first = await client.post(f"{GENERATIONS}/{one}/cancel")
        again = await client.post(f"{GENERATIONS}/{one}/cancel")
        clock.now += 20
        late = await client.post(f"{GENERATIONS}/{two}/cancel")
        task = (await client.get(f"{GENERATIONS}/{one}")).json()
    assert first.json() == again.json() == {"success": True, "requestId": one, "status": "cancelled"}
    assert (task["status"], task["output"]) == ("cancelled", None)
    assert (late.status_code, late.json()["success"]) == (400, False)


async def test_an_id_of_another_format_or_nobodys_is_not_found(strict: httpx.AsyncClient) -> None:
    """Ours: the status of an unknown id is not documented."""
    other = await strict.post(
        "/api/v1/jobs/createTask", json={"model": "seedance-20", "inputs": {"prompt": "rain", "duration": "5"}}
    )
    answers = [
        await strict.get(f"{GENERATIONS}/{other.json()['taskId']}"),
        await strict.post(f"{GENERATIONS}/req_1/cancel"),
    ]
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(404, "not_found")] * 2


async def test_the_models_are_listed_in_an_envelope(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §3; the fields of an item are ours."""
    listed = (await strict.get("/api/open/v1/models")).json()
    assert listed["success"] is True
    assert [model["id"] for model in listed["data"]] == ["seedance-2.0", "seedance-2.0-fast", "seedance-1.5-pro"]


async def test_a_failed_task_has_an_error_and_no_output() -> None:
    """Provider: providers.md §3, `failed`; the shape of `error` is inferred there."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(Fault(on="create", kind="task_fails", message="content was refused"))
    async with serving(simulator) as client:
        task = (await client.get(f"{GENERATIONS}/{await _started(client)}")).json()
    assert (task["status"], task["output"]) == ("failed", None)
    assert task["error"] == {"code": "generation_failed", "message": "content was refused"}


async def test_one_or_two_images_are_the_frames_of_the_video_and_an_image_beside_sound_is_not() -> None:
    """Provider: seed 002, "The generation mode is inferred from the number and type of materials"."""
    async with serving(Simulator(run_s=0)) as client:
        images = [f"{client.base_url}/frames/{name}.png?width=640&height=640" for name in ("a", "b")]
        stills = [picture((await client.get(url)).content) for url in images]
        distances: list[tuple[float, float]] = []
        for media in (images[:1], images, [images[0], "https://example.com/beat.mp3"], [*images, images[0]]):
            request_id = await _started(client, mediaUrls=media, aspectRatio="1:1", resolution="480p", duration=4)
            task = (await client.get(f"{GENERATIONS}/{request_id}")).json()
            shown = video_frames((await client.get(task["output"]["url"])).content)
            distances.append((difference(shown[0], stills[0]), difference(shown[-1], stills[1])))
    one_image, two_images, with_sound, three_images = distances
    assert one_image[0] <= 3 < one_image[1]
    assert max(two_images) <= 3
    assert min(with_sound) > 10
    assert min(three_images) > 10
