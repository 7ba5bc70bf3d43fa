"""AIHubMax, from its image-to-video page (seed 000), its catalogue and the guide named in providers.md §1.

The seed decides: 480p and 720p only. Of the documents' gaps these are filled with guesses: which errors are a 400 and
which a 422 (an unknown model and a picture that is no URL are), their codes, the error of a failed task, the number
of credits, and the balance, which has the form of a sister API (https://docs.evolink.ai, "Get Credits Usage").
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from seedance_mcp.simulator.aihubmax_files import FILE_ENDPOINTS
from seedance_mcp.simulator.checks import (
    Field,
    JsonObject,
    Problem,
    flag,
    list_of,
    one_of,
    or_null,
    problems_in,
    text,
    web_address,
    whole,
)
from seedance_mcp.simulator.scene import ASPECT_RATIOS, Order, look_of
from seedance_mcp.simulator.tasks import Seen, State, Task
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Wire

_FUNDS: Final = 1000
_CREDITS_PER_SECOND: Final = {"480p": 1, "720p": 2}
_MODEL_DECIDES: Final = -1
_REFERENCES: Final = ("image_urls", "video_urls", "audio_urls")
_PICTURES: Final = frozenset({"image_url", "end_image_url", "image_urls"})
_MOST_REFERENCES: Final = 12


def _seconds(value: object) -> str | None:
    return None if isinstance(value, int) and value == _MODEL_DECIDES else whole(4, 15)(value)


_FIELDS: Final = {
    "model": Field(text(at_least=1), required=True),
    "prompt": Field(text(at_least=1, at_most=5000), required=True),
    "resolution": Field(one_of("480p", "720p")),
    "aspect_ratio": Field(one_of(*ASPECT_RATIOS, "adaptive")),
    "duration": Field(_seconds),
    "generate_audio": Field(flag),
    "seed": Field(whole(-1, 2**63 - 1)),
}
_MODE_FIELDS: Final = {
    "text": {},
    "image": {"image_url": Field(web_address, required=True), "end_image_url": Field(or_null(web_address))},
    "reference": {
        "image_urls": Field(list_of(web_address, 1, 9)),
        "video_urls": Field(list_of(web_address, 1, 3)),
        "audio_urls": Field(list_of(web_address, 1, 3)),
    },
}
_MODELS: Final = {
    f"seedance-2.0{tier}-{mode}-to-video": _FIELDS | fields
    for mode, fields in _MODE_FIELDS.items()
    for tier in ("", "-fast")
}
_WORDS: Final[dict[State, str]] = {
    "queued": "pending",
    "running": "processing",
    "succeeded": "completed",
    "failed": "failed",
}
_ERRORS: Final = {
    400: ("invalid_request_error", "Invalid request"),
    401: ("authentication_error", "Invalid API key"),
    402: ("insufficient_quota", "Insufficient quota"),
    404: ("not_found", "Task not found"),
    422: ("validation_error", "Validation failed"),
    429: ("rate_limit_error", "Too many requests"),
    503: ("service_unavailable", "Service temporarily unavailable"),
}


async def _create(call: Call) -> JsonObject:
    model: object = call.body.get("model")
    if isinstance(model, str) and model.strip() and model not in _MODELS:
        raise _refused(422, "model_not_found", [Problem("model", f"{model} is not available")])
    fields = _MODELS[model] if isinstance(model, str) and model in _MODELS else _FIELDS
    problems = problems_in(call.body, fields) or _contradictions(call.body)
    if problems:
        pictures = _PICTURES & fields.keys() & call.body.keys()
        if all(problem.path in pictures for problem in problems):
            raise _refused(422, "invalid_image_url", problems)
        raise RefusedError(400, "invalid", problems=problems)
    order = _order(call.body)
    task = call.start(
        order,
        prefix=f"task-unified-{int(call.tasks.clock())}-",
        credits=order.seconds * _CREDITS_PER_SECOND[order.resolution],
    )
    return _head(replace(call.tasks.see(task), state="queued")) | {
        "progress": 0,
        "task_info": {"can_cancel": True, "estimated_time": round(task.run_s)},
    }


async def _fetch(call: Call, *, plain_results: bool) -> JsonObject:
    seen = call.find(call.path["task_id"])
    url = call.video_url(seen.task)
    failed = seen.state == "failed"
    return _head(seen) | {
        "progress": call.tasks.progress(seen),
        "results": ([url] if plain_results else [{"url": url}]) if seen.shows_video else None,
        "error": _failure(seen.task) if failed else None,
    }


async def _credits(call: Call) -> JsonObject:
    mine = [task for task in call.tasks if task.wire_id == call.wire_id]
    used = sum(task.credits for task in mine if call.tasks.see(task).state != "failed")
    balance = {"remaining_credits": _FUNDS - used, "used_credits": used}
    data = {"token": balance | {"unlimited_credits": False}, "user": balance}
    return {"data": data, "message": "", "success": True}


def _head(seen: Seen) -> JsonObject:
    task = seen.task
    return {
        "created": int(task.created_s),
        "id": task.task_id,
        "model": task.body["model"],
        "object": "video.generation.task",
        "status": seen.say(_WORDS),
        "type": "video",
        "usage": {"credits_reserved": task.credits, "user_group": "default"},
    }


def _failure(task: Task) -> JsonObject:
    return {"code": "generation_failed", "message": task.failure, "type": "server_error"}


def _order(body: JsonObject) -> Order:
    references = [url for name in _REFERENCES for url in body.get(name, [])]
    ratio, seconds = body.get("aspect_ratio", "adaptive"), body.get("duration", 5)
    seed = body.get("seed", -1)
    return Order(
        look=look_of(body["prompt"], *([] if seed == -1 else [seed]), *references),
        resolution=body.get("resolution", "720p"),
        aspect_ratio="16:9" if ratio == "adaptive" else ratio,
        seconds=5 if seconds == _MODEL_DECIDES else seconds,
        audio=body.get("generate_audio", True),
        first_frame=body.get("image_url"),
        last_frame=body.get("end_image_url"),
    )


def _contradictions(body: JsonObject) -> list[Problem]:
    count = sum(len(body.get(name, [])) for name in _REFERENCES)
    rules = (
        ("audio_urls", "audio_urls" in body and count == len(body["audio_urls"]), "cannot stand alone"),
        ("video_urls", count > _MOST_REFERENCES, f"makes more than {_MOST_REFERENCES} references"),
    )
    return [Problem(path, message) for path, is_broken, message in rules if is_broken]


def _refused(status: int, code: str, problems: Sequence[Problem]) -> RefusedError:
    refused = RefusedError(status, "invalid", problems=problems)
    refused.body = _error(status, refused.details, code)
    return refused


def _error(status: int, details: str, code: str | None = None) -> JsonObject:
    kind, message = _ERRORS.get(status, ("server_error", "Internal server error"))
    text = f"{details or message} (request_id: {secrets.token_hex(8)})"
    return {"error": {"message": text, "type": kind, "code": code or kind}}


def aihubmax(*, plain_results: bool = False) -> Wire:
    """The wire format; with `plain_results` it lists results as strings instead of objects."""
    fetch = partial(_fetch, plain_results=plain_results)
    return Wire(
        wire_id="aihubmax",
        endpoints=(
            Endpoint(does="create", method="POST", path="/v1/videos/generations", answer=_create),
            Endpoint(does="fetch", method="GET", path="/v1/tasks/{task_id}", answer=fetch),
            Endpoint(does="other", method="GET", path="/v1/account/credits", answer=_credits),
            *FILE_ENDPOINTS,
        ),
        error_body=lambda refused: _error(refused.status, refused.details),
    )


AIHUBMAX: Final = aihubmax()
