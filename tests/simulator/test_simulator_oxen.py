import base64
import uuid
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from simulator_client import Clock, difference, picture, serving, video_frames

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault

QUEUE, BLOCKING = "/api/ai/queue", "/api/ai/videos/generate"
PICTURES, FILMS, SOUNDS = (["https://example.com/" + name] for name in ("a.png", "a.mp4", "a.mp3"))
IMAGE: dict[str, object] = {
    "model": "bytedance-seedance-2-0-image-to-video",
    "prompt": "the curtain moves",
    "input_image": "https://example.com/start.png",
    "input_image_has_face": True,
    "tail_image_url": "https://example.com/end.png",
    "tail_image_url_has_face": False,
    "resolution": "480p",
    "duration": -1,
    "aspect_ratio": "adaptive",
    "generate_audio": False,
    "watermark": False,
}
TEXT: dict[str, object] = {"model": "bytedance-seedance-2-0-text-to-video", "prompt": "rain", "resolution": "480p"}
REFERENCES: dict[str, object] = {"model": "bytedance-seedance-2-0-mini-reference-to-video", "prompt": "@Image1 walks"}
NOT_FOUND = {
    "error": {"type": "resource_not_found", "title": "The requested resource could not be found"},
    "status": "error",
    "status_message": "resource_not_found",
}


async def _started(client: httpx.AsyncClient, body: dict[str, object]) -> str:
    answer = await client.post(QUEUE, json=body)
    assert answer.status_code == 200, answer.text
    (generation,) = answer.json()["generations"]
    generation_id: str = generation["generation_id"]
    return generation_id


async def _seen(client: httpx.AsyncClient, generation_id: str) -> dict[str, Any]:
    answer = await client.get(f"{QUEUE}/{generation_id}")
    assert answer.status_code == 200, answer.text
    generation: dict[str, Any] = answer.json()
    return generation


async def test_a_request_can_enqueue_up_to_four_generations(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §2.4, `POST /api/ai/queue`."""
    answer = (await strict.post(QUEUE, json=TEXT | {"num_generations": 4, "target_namespace": "me"})).json()
    ids = {str(uuid.UUID(generation["generation_id"])) for generation in answer["generations"]}
    assert len(ids) == 4
    assert [generation["status"] for generation in answer["generations"]] == ["queued"] * 4


async def test_a_generation_goes_from_queued_over_processing_to_succeeded_and_echoes_its_parameters() -> None:
    """Provider: providers.md §2.4, `GET /api/ai/queue/{generation_id}`."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        generation_id = await _started(client, IMAGE)
        seen: list[tuple[object, ...]] = []
        for second in (0, 5, 10):
            clock.now = 1_790_000_000.0 + second
            task = await _seen(client, generation_id)
            seen.append((task["status"], task["started_at"], task["completed_at"], task["result_url"] is None))
        assert task.pop("result_url").startswith(str(client.base_url))
    assert seen == [
        ("queued", None, None, True),
        ("processing", 1_790_000_001, None, True),
        ("succeeded", 1_790_000_001, 1_790_000_010, False),
    ]
    assert task == {name: value for name, value in IMAGE.items() if name != "model"} | {
        "generation_id": generation_id,
        "model_name": "bytedance-seedance-2-0-image-to-video",
        "media_type": "video",
        "status": "succeeded",
        "error_message": None,
        "enqueued_at": 1_790_000_000,
        "started_at": 1_790_000_001,
        "completed_at": 1_790_000_010,
    }


@pytest.mark.parametrize(
    "body",
    [
        IMAGE,
        {name: IMAGE[name] for name in ("model", "prompt", "input_image")},
        IMAGE | {"resolution": "1080p", "duration": 15, "response_format": "url"},
        IMAGE | {"model": "bytedance-seedance-2-0-fast-image-to-video", "resolution": "720p"},
        TEXT | {"resolution": "4k", "duration": 4, "aspect_ratio": "21:9"},
        REFERENCES,
        REFERENCES | {"input_images": PICTURES * 5, "input_face_images": PICTURES * 4, "input_audios": SOUNDS * 3},
        REFERENCES | {"input_videos": FILMS * 2, "input_face_videos": FILMS},
    ],
)
async def test_what_the_parameter_tables_allow_succeeds(body: dict[str, object]) -> None:
    """Provider: seed 001, "Request parameters", and providers.md §2.2 for the other modes."""
    async with serving(Simulator(run_s=0)) as client:
        assert (await _seen(client, await _started(client, body)))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (IMAGE | {"prompt": None}, "'prompt' must be a string"),
        ({"model": IMAGE["model"], "prompt": "rain"}, "'input_image' is required"),
        ({"model": TEXT["model"]}, "'prompt' is required"),
        (IMAGE | {"input_image": "start.png"}, "'input_image'"),
        (IMAGE | {"input_image_has_face": "yes"}, "'input_image_has_face'"),
        (IMAGE | {"resolution": "4k"}, "'resolution'"),
        (IMAGE | {"duration": 3}, "'duration'"),
        (IMAGE | {"duration": "5"}, "'duration'"),
        (IMAGE | {"duration": True}, "'duration'"),
        (IMAGE | {"aspect_ratio": "auto"}, "'aspect_ratio'"),
        (IMAGE | {"seed": 1}, "'seed' is not a known field"),
        (IMAGE | {"target_namespace": ""}, "'target_namespace'"),
        (TEXT | {"input_image": "https://example.com/start.png"}, "'input_image' is not a known field"),
        (TEXT | {"model": "bytedance-seedance-2-0-fast-text-to-video", "resolution": "1080p"}, "'resolution'"),
        (REFERENCES | {"input_images": PICTURES * 5, "input_face_images": PICTURES * 5}, "more than 9 images"),
        (REFERENCES | {"input_videos": FILMS * 2, "input_face_videos": FILMS * 2}, "more than 3 videos"),
        (REFERENCES | {"input_audios": SOUNDS * 4}, "'input_audios'"),
        (REFERENCES | {"input_audios": SOUNDS[0]}, "'input_audios' must be an array"),
    ],
)
async def test_a_wrong_parameter_is_accepted_and_fails_the_generation_later(
    body: dict[str, object], named: str
) -> None:
    """Provider: providers.md §2.4, "Model parameters are validated when the job runs"; the words of §2.3."""
    clock = Clock()
    simulator = Simulator(clock=clock, run_s=10)
    async with serving(simulator) as client:
        generation_id = await _started(client, body)
        before = (await _seen(client, generation_id))["status"]
        clock.now += 5
        after = await _seen(client, generation_id)
        blocked = await client.post(BLOCKING, json=body)
    assert (before, after["status"], after["result_url"]) == ("queued", "failed", None)
    assert after["error_message"].startswith("Getting model response error: 422 - Value error, ")
    assert named in after["error_message"]
    assert simulator.requests[0].accepted
    assert (blocked.status_code, blocked.json()) == (422, {"error": {"message": after["error_message"]}})
    assert not simulator.requests[-1].accepted


@pytest.mark.parametrize("count", [0, 5, "2", True, None])
async def test_the_number_of_generations_is_checked_at_once(count: object, strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §2.6, the longer error body and the text."""
    answer = await strict.post(QUEUE, json=TEXT | {"num_generations": count})
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {
            "type": "invalid_params",
            "title": "Invalid parameters supplied, please check your request and try again.",
            "detail": "num_generations must be an integer between 1 and 4",
        },
        "status": "error",
        "status_message": "invalid_params",
    }


@pytest.mark.parametrize("path", [QUEUE, BLOCKING])
async def test_model_and_key_are_checked_at_once(path: str, strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §2.6; the status of an unknown model is documented for the models endpoint only."""
    unknown = await strict.post(path, json=TEXT | {"model": "seedance"})
    missing = await strict.post(path, json={"prompt": "rain"})
    refused = await strict.post(path, json=TEXT, headers={"authorization": "Bearer wrong-key"})
    assert (unknown.status_code, unknown.json()) == (404, {"error": {"message": "Model not found: seedance"}})
    assert (missing.status_code, missing.json()["error"]["detail"]) == (400, "model is required")
    assert (refused.status_code, refused.json()) == (401, {"status": "error", "status_message": "unauthenticated"})


async def test_a_limit_on_unfinished_generations_refuses_a_request_as_a_whole() -> None:
    """Ours: no limit is documented; a 429 can be had all the same."""
    simulator = Simulator(clock=Clock(), max_concurrent=3)
    async with serving(simulator) as client:
        statuses = [
            (await client.post(QUEUE, json=TEXT | {"num_generations": count})).status_code for count in (2, 2, 1)
        ]
    assert statuses == [200, 429, 200]
    assert [request.accepted for request in simulator.requests] == [True, False, True]


async def test_cancelling_ends_a_generation_and_has_no_effect_on_one_that_has_ended() -> None:
    """Provider: providers.md §2.4, `DELETE /api/ai/queue/{generation_id}`."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        one, two = await _started(client, TEXT), await _started(client, TEXT)
        cancelled = await client.delete(f"{QUEUE}/{one}")
        clock.now += 20
        late = await client.delete(f"{QUEUE}/{two}")
        tasks = [await _seen(client, one), await _seen(client, two)]
        unknown = [await client.delete(f"{QUEUE}/{uuid.uuid4()}"), await client.get(f"{QUEUE}/x")]
    assert cancelled.json() == {"status": "success", "generation_id": one}
    assert late.json() == {"status": "success", "generation_id": two}
    assert [(task["status"], task["started_at"]) for task in tasks] == [
        ("cancelled", None),
        ("succeeded", 1_790_000_001),
    ]
    assert [(answer.status_code, answer.json()) for answer in unknown] == [(404, NOT_FOUND)] * 2


async def test_the_list_has_what_is_unfinished_unless_it_is_asked_for_more() -> None:
    """Provider: providers.md §2.4, `GET /api/ai/queue`."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        await client.post("/v1/video/generations", json={"model": "seedance2.0-720p", "prompt": "rain"})
        old = await _started(client, TEXT)
        clock.now += 8
        new = await _started(client, IMAGE | {"target_namespace": "studio"})
        clock.now += 3
        queries: tuple[dict[str, str], ...] = (
            {},
            {"status": "succeeded"},
            {"namespace": "studio"},
            {"model": "sora"},
            {"repo": "x"},
        )
        lists = [(await client.get(QUEUE, params={**query, "media_type": "video"})).json() for query in queries]
        images = (await client.get(QUEUE, params={"media_type": "image"})).json()
    ids = [[generation["generation_id"] for generation in listed["generations"]] for listed in lists]
    assert ids == [[new], [old], [new], [], [new]]
    assert images == {"count": 0, "generations": []}
    assert lists[0]["count"] == 1


async def test_the_blocking_call_answers_when_its_video_is_there() -> None:
    """Provider: providers.md §2.3."""
    clock = Clock()
    simulator = Simulator(clock=clock, run_s=10)
    answers: list[httpx.Response] = []
    listed: list[object] = []

    async def block(client: httpx.AsyncClient) -> None:
        answers.append(await client.post(BLOCKING, json=TEXT | {"duration": 4}))

    with anyio.fail_after(20):
        async with serving(simulator) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(block, client)
                while not (simulator.requests and simulator.requests[0].accepted):
                    await anyio.lowlevel.checkpoint()
                clock.now += 9
                listed.append((await client.get(QUEUE)).json())
                assert not answers
                clock.now += 1
            video = (await client.get(answers[0].json()["videos"][0]["url"])).content
    assert answers[0].json() == {
        "model": TEXT["model"],
        "created": 1_790_000_010,
        "videos": [{"url": answers[0].json()["videos"][0]["url"]}],
    }
    assert listed == [{"count": 0, "generations": []}]
    assert len(video_frames(video)) == 96


async def test_the_blocking_call_waits_by_a_given_clock_and_can_answer_in_base64() -> None:
    """Provider: providers.md §2.3, `b64_json`. Ours: a test's clock has a sleep of its own."""
    clock = Clock()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now += seconds

    async with serving(Simulator(clock=clock, run_s=10, sleep=sleep)) as client:
        answer = await client.post(BLOCKING, json=TEXT | {"duration": 4, "response_format": "b64_json"})
    (video,) = answer.json()["videos"]
    assert slept == [10.0]
    assert len(video_frames(base64.b64decode(video["b64_json"]))) == 96


async def test_a_blocking_call_whose_generation_fails_answers_with_the_reason() -> None:
    """Provider: providers.md §2.3, errors are strings."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(Fault(on="create", kind="task_fails", message="Insufficient credits"))
    async with serving(simulator) as client:
        answer = await client.post(BLOCKING, json=TEXT)
    assert (answer.status_code, answer.json()) == (422, {"error": {"message": "Insufficient credits"}})
    assert simulator.requests[0].accepted


async def test_faults_bend_a_generation_as_they_do_elsewhere() -> None:
    """Ours."""
    simulator = Simulator(run_s=0)
    simulator.faults.add(Fault(on="create", kind="unknown_status"), Fault(on="create", kind="status", status=402))
    async with serving(simulator) as client:
        odd = (await client.post(QUEUE, json=TEXT)).json()["generations"][0]
        poor = await client.post(QUEUE, json=TEXT)
        generation_id = await _started(client, TEXT)
        simulator.faults.add(Fault(on="fetch", kind="late_result"), Fault(on="fetch", kind="status"))
        late = await _seen(client, generation_id)
        broken = await client.get(f"{QUEUE}/{generation_id}")
    assert odd["status"] == "paused"
    assert (poor.status_code, poor.json()["status_message"]) == (402, "insufficient_credits")
    assert (late["status"], late["result_url"]) == ("succeeded", None)
    assert (broken.status_code, broken.json()["error"]["title"]) == (500, "Internal server error")


async def test_a_model_has_its_schema_and_its_price(strict: httpx.AsyncClient) -> None:
    """Provider: seed 001, "Request parameters" and "Fetch model details"; providers.md §2.7. The price is made up."""
    model = (await strict.get("/api/ai/models/bytedance-seedance-2-0-image-to-video")).json()
    schema = model["json_request_schema"]
    assert schema == model["request_schema"]
    assert model["pricing"]["method"] == "per_video_output_second"
    assert schema["required"] == ["prompt", "input_image"]
    defaults = {name: field["default"] for name, field in schema["properties"].items() if "default" in field}
    assert defaults == {
        "input_image_has_face": False,
        "tail_image_url_has_face": False,
        "resolution": "720p",
        "duration": -1,
        "aspect_ratio": "adaptive",
        "generate_audio": False,
        "watermark": False,
    }
    assert schema["properties"]["resolution"]["enum"] == ["480p", "720p", "1080p"]
    assert schema["properties"]["duration"]["enum"] == [-1, *range(4, 16)]


async def test_all_nine_models_are_listed_and_an_unknown_one_is_not_found(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §2.2 and §2.7."""
    listed = (await strict.get("/api/ai/models")).json()
    others = (await strict.get("/api/ai/models", params={"developer_name": "google"})).json()
    unknown = await strict.get("/api/ai/models/sora")
    assert (listed["object"], others["data"]) == ("list", [])
    assert {model["id"] for model in listed["data"]} == {
        f"bytedance-seedance-2-0{tier}-{mode}-to-video"
        for tier in ("", "-fast", "-mini")
        for mode in ("text", "image", "reference")
    }
    assert (unknown.status_code, unknown.json()) == (404, {"error": {"message": "Model not found: sora"}})


async def test_a_changed_schema_can_be_had_as_a_fault() -> None:
    """Ours: schemas drift within months (providers.md §2.2)."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="other", kind="status", status=200, body={"request_schema": {}}, provider="oxen"))
    async with serving(simulator) as client:
        models = [(await client.get(f"/api/ai/models/{TEXT['model']}")).json() for _ in range(2)]
    assert models[0] == {"request_schema": {}}
    assert models[1]["id"] == TEXT["model"]


async def test_the_frames_are_the_ends_of_the_video_and_two_generations_differ() -> None:
    """Provider: seed 001, `input_image` and `tail_image_url`. Ours: the look of a second generation."""
    async with serving(Simulator(run_s=0)) as client:
        images = [f"{client.base_url}/frames/{name}.png?width=640&height=640" for name in ("a", "b")]
        body = IMAGE | {"input_image": images[0], "tail_image_url": images[1], "aspect_ratio": "1:1", "duration": 4}
        url = (await _seen(client, await _started(client, body)))["result_url"]
        stills = [picture((await client.get(one)).content) for one in images]
        frames = video_frames((await client.get(url)).content)
        both = (await client.post(QUEUE, json=TEXT | {"num_generations": 2, "duration": 4})).json()["generations"]
        urls = [(await _seen(client, one["generation_id"]))["result_url"] for one in both]
        looks = [(await client.get(one)).content for one in urls]
    assert (len(frames), frames[0].width, frames[0].height) == (96, 640, 640)
    assert difference(frames[0], stills[0]) <= 3
    assert difference(frames[-1], stills[1]) <= 3
    assert looks[0] != looks[1]
