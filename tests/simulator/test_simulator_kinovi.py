from typing import Any

import httpx
import pytest
from simulator_client import Clock, difference, picture, serving, video_frames

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault

CREATE, RECORD = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"
IMAGE = "https://example.com/photo.jpg"


async def _created(
    client: httpx.AsyncClient, inputs: dict[str, object], model: str = "seedance-20", **more: object
) -> httpx.Response:
    return await client.post(CREATE, json={"model": model, "inputs": inputs, **more})


async def _record(client: httpx.AsyncClient, created: httpx.Response) -> dict[str, Any]:
    assert created.status_code == 200, created.text
    answer = await client.get(RECORD, params={"taskId": created.json()["taskId"]})
    record: dict[str, Any] = answer.json()
    return record


@pytest.mark.parametrize(
    ("model", "seconds", "plain", "upscaled"),
    [
        ("seedance-20", 4, 160, 272),
        ("seedance-20", 5, 200, 340),
        ("seedance-20", 8, 320, 544),
        ("seedance-20", 10, 400, 680),
        ("seedance-20", 15, 600, 1020),
        ("seedance2-fast", 4, 112, 224),
        ("seedance2-fast", 5, 140, 280),
        ("seedance2-fast", 8, 224, 448),
        ("seedance2-fast", 10, 280, 560),
        ("seedance2-fast", 15, 420, 840),
    ],
)
async def test_credits_follow_the_printed_price_table(
    model: str, seconds: int, plain: int, upscaled: int, strict: httpx.AsyncClient
) -> None:
    """Provider: seed 003, both price tables."""
    inputs: dict[str, object] = {"urls": [IMAGE], "duration": str(seconds)}
    one = await _record(strict, await _created(strict, inputs, model))
    two = await _record(strict, await _created(strict, {**inputs, "upscaleResolution": "4k"}, model))
    assert (one["creditsUsed"], two["creditsUsed"]) == (plain, upscaled)


@pytest.mark.parametrize(
    ("model", "inputs", "credits_used"),
    [
        ("seedance-20", {"outputResolution": "480p"}, 75),
        ("seedance-20", {"outputResolution": "1080p"}, 415),
        ("seedance-20", {"outputResolution": "4k"}, 1000),
        ("seedance2-fast", {"outputResolution": "480p"}, 50),
        ("seedance-20", {"videoUrls": ["https://example.com/a.mp4"]}, 240),
    ],
)
async def test_later_resolutions_and_video_input_cost_what_the_later_pages_say(
    model: str, inputs: dict[str, object], credits_used: int, strict: httpx.AsyncClient
) -> None:
    """Provider: providers.md §4.6, docs/models row; 4k from the repository's row."""
    record = await _record(strict, await _created(strict, {"prompt": "rain", **inputs}, model))
    assert record["creditsUsed"] == credits_used


async def test_a_task_waits_generates_and_ends_with_an_output_and_times_in_milliseconds() -> None:
    """Provider: seed 003, status table; providers.md §4.3 for the fields."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        created = await _created(client, {"urls": [IMAGE], "seed": 10792}, callBackUrl="https://example.com/hook")
        records: list[dict[str, Any]] = []
        for second in (0, 5, 12):
            clock.now = 1_790_000_000.0 + second
            records.append(await _record(client, created))
    waiting, generating, done = records
    task_id = created.json()["taskId"]
    assert created.json() == {"taskId": task_id}
    assert task_id.startswith("task_")
    assert waiting == {
        "taskId": task_id,
        "model": "seedance-20",
        "status": "waiting",
        "creditsUsed": 200,
        "output": None,
        "error": None,
        "createTime": 1_790_000_000_000,
        "completeTime": None,
    }
    assert generating == {**waiting, "status": "generating"}
    outputs = done.pop("output")
    assert done == {
        key: value
        for key, value in {**waiting, "status": "success", "completeTime": 1_790_000_010_000}.items()
        if key != "output"
    }
    assert [sorted(output) for output in outputs] == [["height", "lastFrameImage", "mediaType", "seed", "url", "width"]]
    output = outputs[0]
    assert (output["width"], output["height"], output["mediaType"], output["seed"]) == (1280, 720, "video/mp4", 10792)


async def test_text_to_video_is_the_same_body_without_urls_and_mode() -> None:
    """Provider: providers.md §4.2 and the design's §5."""
    async with serving(Simulator(run_s=0)) as client:
        record = await _record(client, await _created(client, {"prompt": "rain", "aspectRatio": "21:9"}))
    (output,) = record["output"]
    assert (output["width"], output["height"]) == (1470, 630)
    assert 0 <= output["seed"] < 2**32


async def test_every_input_key_that_a_document_names_is_accepted(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §4.2, the seed's keys and the newest schema's."""
    inputs: dict[str, object] = {
        "imageUrls": [IMAGE] * 3,
        "videoUrls": ["https://example.com/a.mp4"],
        "audioUrls": ["https://example.com/a.mp3"],
        "prompt": "x" * 4000,
        "duration": "15",
        "aspectRatio": "3:4",
        "mode": "reference",
        "outputResolution": "720p",
        "upscaleResolution": "4k",
        "generate_audio": False,
        "bitrate_mode": "high",
        "seed": -1,
    }
    created = await _created(strict, inputs)
    assert created.status_code == 200, created.text


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 4001}, "prompt"),
        ({"prompt": "rain", "mode": "keyframe"}, "urls"),
        ({"urls": []}, "urls"),
        ({"urls": ["photo.jpg"]}, "urls"),
        ({"urls": [IMAGE] * 3}, "urls"),
        ({"urls": [IMAGE], "imageUrls": [IMAGE]}, "imageUrls"),
        ({"prompt": "rain", "audioUrls": ["https://example.com/a.mp3"]}, "audioUrls"),
        ({"urls": [IMAGE], "duration": 5}, "duration"),
        ({"urls": [IMAGE], "duration": "16"}, "duration"),
        ({"urls": [IMAGE], "duration": "-1"}, "duration"),
        ({"urls": [IMAGE], "aspectRatio": "adaptive"}, "aspectRatio"),
        ({"urls": [IMAGE], "mode": "frames"}, "mode"),
        ({"urls": [IMAGE], "upscaleResolution": "2k"}, "upscaleResolution"),
        ({"urls": [IMAGE], "generate_audio": "true"}, "generate_audio"),
        ({"urls": [IMAGE], "bitrate_mode": "low"}, "bitrate_mode"),
        ({"urls": [IMAGE], "seed": 2**32}, "seed"),
        ({"urls": [IMAGE], "resolution": "720p"}, "resolution"),
    ],
)
async def test_bad_inputs_are_named_by_path(inputs: dict[str, object], path: str, strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §4.4. Ours: a key that no document names is refused."""
    answer = await _created(strict, inputs)
    body = answer.json()
    assert (answer.status_code, body["message"]) == (400, "Invalid inputs for model")
    assert [error["path"] for error in body["errors"]] == [path]


async def test_the_fast_model_has_no_1080p(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §4.2, newest schema."""
    answer = await _created(strict, {"prompt": "rain", "outputResolution": "1080p"}, "seedance2-fast")
    assert [error["path"] for error in answer.json()["errors"]] == ["outputResolution"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": "seedance-2.0", "inputs": {"prompt": "rain"}}, "Unknown model"),
        ({"inputs": {"prompt": "rain"}}, "Invalid request parameters"),
        ({"model": "seedance-20", "inputs": []}, "Invalid request parameters"),
        ({"model": "seedance-20", "inputs": {"prompt": "rain"}, "prompt": "rain"}, "Invalid request parameters"),
    ],
)
async def test_a_bad_body_gets_the_documented_message(
    body: dict[str, object], message: str, strict: httpx.AsyncClient
) -> None:
    """Provider: providers.md §4.4."""
    answer = await strict.post(CREATE, json=body)
    assert (answer.status_code, answer.json()) == (400, {"message": message})


@pytest.mark.parametrize(
    ("params", "status", "message"),
    [
        ({}, 400, "Missing taskId parameter"),
        ({"taskId": "abc"}, 400, "Invalid taskId"),
        ({"taskId": "task_abc"}, 404, "Task not found"),
    ],
)
async def test_a_bad_task_id_gets_the_documented_message(
    params: dict[str, str], status: int, message: str, strict: httpx.AsyncClient
) -> None:
    """Provider: providers.md §4.4."""
    answer = await strict.get(RECORD, params=params)
    assert (answer.status_code, answer.json()) == (status, {"message": message})


async def test_keys_are_refused_in_the_documented_words() -> None:
    """Provider: providers.md §4.4, both 401 messages."""
    async with serving(Simulator(accepted_key="the-key")) as client:
        messages: list[str] = []
        for headers in ({"authorization": "Bearer other"}, {"authorization": ""}, {"authorization": "Bearer the-key"}):
            answer = await client.get(RECORD, params={"taskId": "task_1"}, headers=headers)
            messages.append(answer.json()["message"])
    assert messages == ["Invalid API Key", "Missing Authorization header", "Task not found"]


async def test_a_failed_task_still_shows_its_credits() -> None:
    """Provider: providers.md §4.3, "creditsUsed is still shown although credits are refunded"."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(Fault(on="create", kind="task_fails"))
    async with serving(simulator) as client:
        record = await _record(client, await _created(client, {"urls": [IMAGE]}))
    assert (record["status"], record["creditsUsed"], record["output"]) == ("fail", 200, None)
    assert record["error"] == {"code": "500", "message": "Task execution failed"}
    assert record["completeTime"] is not None


async def test_keyframes_open_and_close_the_video_and_reference_images_do_not() -> None:
    """Provider: seed 003, "Mode" table."""
    async with serving(Simulator(run_s=0)) as client:
        images = [f"{client.base_url}/frames/{name}.png?width=640&height=640" for name in ("c", "d")]
        stills = [picture((await client.get(url)).content) for url in images]
        inputs: dict[str, object] = {
            "urls": images,
            "aspectRatio": "1:1",
            "outputResolution": "480p",
            "duration": "4",
            "generate_audio": False,
        }
        shown: list[tuple[float, float]] = []
        for mode in ("keyframe", "reference"):
            record = await _record(client, await _created(client, {**inputs, "mode": mode}))
            frames = video_frames((await client.get(record["output"][0]["url"])).content)
            shown.append((difference(frames[0], stills[0]), difference(frames[-1], stills[1])))
        last = picture((await client.get(record["output"][0]["lastFrameImage"])).content)
    assert max(shown[0]) <= 3
    assert min(shown[1]) > 10
    assert difference(last, frames[-1]) <= 2
