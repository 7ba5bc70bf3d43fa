"""seedance2.ink Open API v1, from its image-to-video page (seed 002) and https://www.seedance2.ink/docs/api-reference.

Of the documents' gaps these are filled with guesses: error codes other than `unauthorized`, the shape of `error` on a
failed task, the answer to cancelling a finished task, default values, the fields of a listed model, the charge, what a
webhook gets (the query's answer, once, at any end).
"""

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from seedance_mcp.simulator.callbacks import Callback
from seedance_mcp.simulator.checks import (
    Field,
    JsonObject,
    Problem,
    json_object,
    list_of,
    one_of,
    problems_in,
    text,
    web_address,
    whole,
)
from seedance_mcp.simulator.scene import Order, look_of
from seedance_mcp.simulator.tasks import Seen, State
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Wire

_GENERATIONS: Final = "/api/open/v1/video/generations"
_RATIOS: Final = ("16:9", "9:16", "1:1")
_RESOLUTIONS: Final = ("480p", "720p", "1080p")
_SECONDS: Final = {
    "seedance-2.0": tuple(range(4, 16)),
    "seedance-2.0-fast": tuple(range(4, 16)),
    "seedance-1.5-pro": (5, 10),
}
_CREDITS_PER_SECOND: Final = 8
_FIELDS: Final = {
    "model": Field(one_of(*_SECONDS), required=True),
    "prompt": Field(text(at_least=1), required=True),
    "mediaUrls": Field(list_of(web_address, 1, 5)),
    "aspectRatio": Field(one_of(*_RATIOS)),
    "duration": Field(whole(4, 15)),
    "resolution": Field(one_of(*_RESOLUTIONS)),
    "webhookUrl": Field(web_address),
    "metadata": Field(json_object),
}
_WORDS: Final[dict[State, str]] = {
    "queued": "queued",
    "running": "processing",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
_CODES: Final = {
    400: ("invalid_request", "Invalid request"),
    401: ("unauthorized", "Invalid API key"),
    402: ("insufficient_credits", "Not enough credits"),
    403: ("forbidden", "Access denied"),
    404: ("not_found", "Request not found"),
    429: ("rate_limited", "Too many requests"),
}
_VIDEO: Final = frozenset({".mp4", ".mov", ".m4v"})
_AUDIO: Final = frozenset({".mp3", ".wav"})


async def _create(call: Call) -> JsonObject:
    problems = problems_in(call.body, _FIELDS)
    if not problems:
        problems = _wrong_seconds(call.body)
    if problems:
        raise RefusedError(400, "invalid", problems=problems)
    order = _order(call.body)
    task = call.start(order, prefix="req_", credits=_CREDITS_PER_SECOND * order.seconds)
    if url := call.body.get("webhookUrl"):
        call.tell(task, Callback(url=url, body=lambda: _view(call, call.tasks.see(task))))
    seen = call.tasks.see(task)
    return {
        "success": True,
        "requestId": task.task_id,
        "status": seen.say(_WORDS),
        "creditsCharged": task.credits,
    }


async def _fetch(call: Call) -> JsonObject:
    return _view(call, call.find(call.path["request_id"]))


async def _cancel(call: Call) -> JsonObject:
    seen = call.cancel(call.path["request_id"])
    return {"success": True, "requestId": seen.task.task_id, "status": seen.say(_WORDS)}


async def _models(_: Call) -> JsonObject:
    data = [
        {"id": model, "durations": list(seconds), "aspectRatios": list(_RATIOS), "resolutions": list(_RESOLUTIONS)}
        for model, seconds in _SECONDS.items()
    ]
    return {"success": True, "data": data}


def _view(call: Call, seen: Seen) -> JsonObject:
    task = seen.task
    failed = seen.state == "failed"
    return {
        "success": True,
        "requestId": task.task_id,
        "status": seen.say(_WORDS),
        "model": task.body["model"],
        "prompt": task.body["prompt"],
        "duration": task.order.seconds,
        "aspectRatio": task.order.aspect_ratio,
        "output": {"type": "video", "url": call.video_url(task)} if seen.shows_video else None,
        "error": {"code": "generation_failed", "message": task.failure} if failed else None,
    }


def _order(body: JsonObject) -> Order:
    media: list[str] = body.get("mediaUrls", [])
    are_frames = len(media) <= 2 and all(_kind(url) == "image" for url in media)
    return Order(
        look=look_of(body["prompt"], *([] if are_frames else media)),
        resolution=body.get("resolution", "720p"),
        aspect_ratio=body.get("aspectRatio", "16:9"),
        seconds=body.get("duration", 5),
        first_frame=media[0] if media and are_frames else None,
        last_frame=media[1] if len(media) == 2 and are_frames else None,
    )


def _kind(url: str) -> str:
    """What a URL is by the end of its path; anything unknown counts as an image."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    return "video" if suffix in _VIDEO else "audio" if suffix in _AUDIO else "image"


def _wrong_seconds(body: JsonObject) -> list[Problem]:
    seconds = _SECONDS[body["model"]]
    if body.get("duration", 5) in seconds:
        return []
    return [Problem("duration", f"must be {' or '.join(map(str, seconds))} for {body['model']}")]


def _error_body(refused: RefusedError) -> JsonObject:
    code, message = _CODES.get(refused.status, ("internal_error", "Internal error"))
    return {"success": False, "error": {"code": code, "message": refused.details or message}}


SEEDANCE2_INK: Final = Wire(
    wire_id="seedance2_ink",
    endpoints=(
        Endpoint(does="create", method="POST", path=_GENERATIONS, answer=_create),
        Endpoint(does="fetch", method="GET", path=_GENERATIONS + "/{request_id}", answer=_fetch),
        Endpoint(does="cancel", method="POST", path=_GENERATIONS + "/{request_id}/cancel", answer=_cancel),
        Endpoint(does="other", method="GET", path="/api/open/v1/models", answer=_models),
    ),
    error_body=_error_body,
)
