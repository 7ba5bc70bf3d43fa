"""Kinovi, from its image-to-video page (seed 003) and the pages named in https://kinovi.ai/docs.

The seed decides: `duration` is a string, one or two `urls`, prompts of at most 4000 characters, 40 and 28 credits a
second. Later pages add input keys, the other resolutions with their prices, and the last frame in the result. The
documents say that unknown keys are ignored; here they are refused, because only a mistake would send one.

A webhook gets what https://kinovi.ai/docs/common/reference/webhooks prints; how often it is tried again is from its
elder, https://seedance2-pro.com/docs/common/reference/webhooks.
"""

from typing import Final

from seedance_mcp.simulator.callbacks import Callback
from seedance_mcp.simulator.checks import (
    Field,
    JsonObject,
    Problem,
    flag,
    json_object,
    list_of,
    one_of,
    problems_in,
    text,
    web_address,
    whole,
)
from seedance_mcp.simulator.scene import Order, look_of, pixels
from seedance_mcp.simulator.tasks import Seen, State, Task
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Wire

_TASK_ID: Final = "task_"
_CREDITS_PER_SECOND: Final = {
    "seedance-20": {"480p": 15, "720p": 40, "1080p": 83, "4k": 200},
    "seedance2-fast": {"480p": 10, "720p": 28},
}
_UPSCALE_CREDITS_PER_SECOND: Final = 28
_VIDEO_INPUT_CREDITS_PER_SECOND: Final = {
    "seedance-20": {"480p": 4, "720p": 8, "1080p": 17, "4k": 40},
    "seedance2-fast": {"480p": 3, "720p": 6},
}
_CALLED_AGAIN_S: Final = (1.0, 5.0, 15.0)
_FIELDS: Final = {
    "model": Field(text(at_least=1), required=True),
    "callBackUrl": Field(web_address),
    "inputs": Field(json_object, required=True),
}
_INPUTS: Final = {
    "urls": Field(list_of(web_address, 1, 9)),
    "imageUrls": Field(list_of(web_address, 1, 9)),
    "videoUrls": Field(list_of(web_address, 1, 3)),
    "audioUrls": Field(list_of(web_address, 1, 3)),
    "prompt": Field(text(at_most=4000)),
    "duration": Field(one_of(*map(str, range(4, 16)))),
    "aspectRatio": Field(one_of("16:9", "9:16", "1:1", "3:4", "4:3", "21:9")),
    "mode": Field(one_of("keyframe", "reference")),
    "outputResolution": Field(one_of("480p", "720p", "1080p", "4k")),
    "upscaleResolution": Field(one_of("4k")),
    "generate_audio": Field(flag),
    "bitrate_mode": Field(one_of("high")),
    "seed": Field(whole(-1, 2**32 - 1)),
}
_WORDS: Final[dict[State, str]] = {
    "queued": "waiting",
    "running": "generating",
    "succeeded": "success",
    "failed": "fail",
}
_ERRORS: Final[dict[int, JsonObject]] = {
    400: {"message": "Invalid request parameters"},
    401: {"message": "Invalid API Key"},
    402: {"message": "Insufficient credits", "required": 200, "available": 0},
    403: {"message": "API access not enabled for this account"},
    404: {"message": "Task not found"},
    429: {"message": "Concurrency limit reached (5)", "limit": 5, "current": 5},
}


async def _create(call: Call) -> JsonObject:
    problems = problems_in(call.body, _FIELDS)
    if problems:
        raise RefusedError(400, "invalid", problems=problems)
    model, inputs = call.body["model"], call.body["inputs"]
    if model not in _CREDITS_PER_SECOND:
        raise RefusedError(400, "invalid", body={"message": "Unknown model"})
    problems = problems_in(inputs, _INPUTS) or _contradictions(model, inputs)
    if problems:
        errors = [{"path": problem.path, "message": problem.message} for problem in problems]
        raise RefusedError(400, "invalid", body={"message": "Invalid inputs for model", "errors": errors})
    order = _order(inputs)
    task = call.start(order, prefix=_TASK_ID, credits=order.seconds * _credits_per_second(model, inputs))
    if url := call.body.get("callBackUrl"):
        call.tell(task, Callback(url=url, body=lambda: _notice(call, task), again_s=_CALLED_AGAIN_S))
    return {"taskId": task.task_id}


async def _fetch(call: Call) -> JsonObject:
    task_id = call.query.get("taskId")
    if task_id is None:
        raise RefusedError(400, "invalid", body={"message": "Missing taskId parameter"})
    if not task_id.startswith(_TASK_ID):
        raise RefusedError(400, "invalid", body={"message": "Invalid taskId"})
    return _record(call, call.find(task_id))


def _notice(call: Call, task: Task) -> JsonObject:
    """What a webhook gets: the record in an envelope, with other words for some of it."""
    record = _record(call, call.tasks.see(task))
    state, updated = record.pop("status"), record["completeTime"]
    has_failed = state == _WORDS["failed"]
    return {
        "code": 200,
        "message": "success",
        "data": {
            **record,
            "orderId": f"order_{task.file_id}",
            "state": state,
            "creditsUsed": 0 if has_failed else task.credits,
            "completeTime": None if has_failed else updated,
            "updateTime": updated,
        },
    }


def _record(call: Call, seen: Seen) -> JsonObject:
    task = seen.task
    failed = seen.state == "failed"
    return {
        "taskId": task.task_id,
        "model": task.body["model"],
        "status": seen.say(_WORDS),
        "creditsUsed": task.credits,
        "output": [_output(call, task)] if seen.shows_video else None,
        "error": {"code": "500", "message": task.failure} if failed else None,
        "createTime": round(task.created_s * 1000),
        "completeTime": None if seen.ended_s is None else round(seen.ended_s * 1000),
    }


def _output(call: Call, task: Task) -> JsonObject:
    order = task.order
    width, height = pixels(order.resolution, order.aspect_ratio)
    return {
        "url": call.video_url(task),
        "width": width,
        "height": height,
        "mediaType": "video/mp4",
        "seed": order.look % 2**32 if _seed(task.body["inputs"]) is None else _seed(task.body["inputs"]),
        "lastFrameImage": call.last_frame_url(task),
    }


def _order(inputs: JsonObject) -> Order:
    images, others = _images(inputs), _others(inputs)
    are_frames = inputs.get("mode", "keyframe") == "keyframe" and not others
    references: list[str] = [] if are_frames else images + others
    return Order(
        look=look_of(inputs.get("prompt", ""), _seed(inputs), *references),
        resolution=inputs.get("upscaleResolution", inputs.get("outputResolution", "720p")),
        aspect_ratio=inputs.get("aspectRatio", "16:9"),
        seconds=int(inputs.get("duration", "5")),
        audio=inputs.get("generate_audio", True),
        first_frame=images[0] if images and are_frames else None,
        last_frame=images[1] if len(images) == 2 and are_frames else None,
    )


def _seed(inputs: JsonObject) -> int | None:
    seed: int = inputs.get("seed", -1)
    return None if seed == -1 else seed


def _credits_per_second(model: str, inputs: JsonObject) -> int:
    resolution = inputs.get("outputResolution", "720p")
    price = _CREDITS_PER_SECOND[model][resolution]
    if "videoUrls" in inputs:
        price += _VIDEO_INPUT_CREDITS_PER_SECOND[model][resolution]
    return price + (_UPSCALE_CREDITS_PER_SECOND if "upscaleResolution" in inputs else 0)


def _contradictions(model: str, inputs: JsonObject) -> list[Problem]:
    images, others = _images(inputs), _others(inputs)
    is_reference = inputs.get("mode") == "reference" or bool(others)
    resolution = inputs.get("outputResolution", "720p")
    rules = (
        ("imageUrls", "imageUrls" in inputs and "urls" in inputs, "cannot be combined with urls"),
        ("urls", "mode" in inputs and not images and not others, "is required with mode"),
        ("urls", len(images) > 2 and not is_reference, "must have 1 or 2 items in keyframe mode"),
        ("audioUrls", "audioUrls" in inputs and not images and "videoUrls" not in inputs, "cannot stand alone"),
        ("prompt", not images and not inputs.get("prompt", "").strip(), "is required without images"),
        ("outputResolution", resolution not in _CREDITS_PER_SECOND[model], f"is not available for {model}"),
    )
    return [Problem(path, message) for path, is_broken, message in rules if is_broken]


def _images(inputs: JsonObject) -> list[str]:
    return inputs.get("urls", inputs.get("imageUrls", []))


def _others(inputs: JsonObject) -> list[str]:
    videos: list[str] = inputs.get("videoUrls", [])
    audios: list[str] = inputs.get("audioUrls", [])
    return videos + audios


def _error_body(refused: RefusedError) -> JsonObject:
    if refused.reason == "no_key":
        return {"message": "Missing Authorization header"}
    return _ERRORS.get(refused.status, {"message": "Internal server error"})


KINOVI: Final = Wire(
    wire_id="kinovi",
    endpoints=(
        Endpoint(does="create", method="POST", path="/api/v1/jobs/createTask", answer=_create),
        Endpoint(does="fetch", method="GET", path="/api/v1/jobs/recordInfo", answer=_fetch),
    ),
    error_body=_error_body,
)
