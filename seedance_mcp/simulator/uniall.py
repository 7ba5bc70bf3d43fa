"""UniAll, from its Seedance 2.0 page (seed 004).

The page prints neither the answer to a create nor errors nor status words other than `completed`. Those are as in the
New-API family of gateways (providers.md §5): `queued`, `in_progress`, `failed`, and errors of four fields. More
guesses: which operation goes with which media, `true` and `false` as the strings of a switch, no limit on audios.
"""

from typing import Final

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
from seedance_mcp.simulator.scene import Order, look_of
from seedance_mcp.simulator.tasks import Seen, State
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Wire

SINGULAR: Final = "/v1/video/generations"
PLURAL: Final = "/v1/videos/generations"
_OBJECT: Final = "video.generation.\x6aob"
"""The page's word, which the house rules keep out of our files."""
_TIERS: Final = {
    "seedance2.0": ("480p", "720p", "1080p", "4k"),
    "seedance2.0-fast": ("480p", "720p"),
    "seedance2.0-mini": ("480p", "720p"),
}
_MODELS: Final = [f"{tier}-{resolution}" for tier, resolutions in _TIERS.items() for resolution in resolutions]
_SECONDS: Final = range(5, 16)
_REFERENCES: Final = ("images", "videos", "audios")


def _seconds(value: object) -> str | None:
    return one_of(*map(str, _SECONDS))(value) if isinstance(value, str) else whole(5, 15)(value)


def _switch(value: object) -> str | None:
    return None if value in ("true", "false") else flag(value)


_FIELDS: Final = {
    "model": Field(text(at_least=1), required=True),
    "prompt": Field(text(at_least=1), required=True),
    "duration": Field(_seconds),
    "aspect_ratio": Field(one_of("9:16", "1:1", "16:9")),
    "image": Field(web_address),
    "last_image": Field(web_address),
    "images": Field(list_of(web_address, 1, 9)),
    "videos": Field(list_of(web_address, 1, 3)),
    "audios": Field(list_of(web_address, 1, 1000)),
    "extra_body": Field(json_object),
}
_EXTRA: Final = {
    "generate_audio": Field(flag),
    "seed": Field(whole(-(2**63), 2**63 - 1)),
    "watermark": Field(_switch),
    "camera_fixed": Field(_switch),
    "return_last_frame": Field(_switch),
    "operation": Field(one_of("reference_to_video", "edit_video", "extend_video", "first_last_frame")),
}
_WORDS: Final[dict[State, str]] = {
    "queued": "queued",
    "running": "in_progress",
    "succeeded": "completed",
    "failed": "failed",
}
_ERRORS: Final = {
    400: ("invalid_request_error", "invalid_request", "Invalid request"),
    401: ("authentication_error", "invalid_api_key", "Invalid token"),
    402: ("insufficient_quota", "insufficient_user_quota", "Insufficient quota"),
    403: ("insufficient_quota", "insufficient_user_quota", "Insufficient quota"),
    404: ("invalid_request_error", "task_not_exist", "Task does not exist"),
    429: ("rate_limit_error", "rate_limit_exceeded", "Too many requests"),
}


async def _create(call: Call) -> JsonObject:
    body = call.body
    problems = problems_in(body, _FIELDS)
    if not problems:
        extra = problems_in(body.get("extra_body", {}), _EXTRA)
        problems = [Problem(f"extra_body.{one.path}", one.message) for one in extra] or _contradictions(body)
    if problems:
        raise RefusedError(400, "invalid", problems=problems)
    seen = call.tasks.see(call.start(_order(body), prefix="task_"))
    return _head(seen) | {"status": seen.word or "queued", "progress": 0}


async def _fetch(call: Call) -> JsonObject:
    seen = call.find(call.path["task_id"])
    answer = _head(seen) | {"status": seen.say(_WORDS), "progress": call.tasks.progress(seen)}
    if seen.shows_video:
        answer["video_url"] = call.video_url(seen.task)
    if seen.state == "failed":
        answer["error"] = {"code": "generation_failed", "message": seen.task.failure}
    return answer


def _head(seen: Seen) -> JsonObject:
    task = seen.task
    return {"id": task.task_id, "task_id": task.task_id, "object": _OBJECT, "model": task.body["model"]}


def _order(body: JsonObject) -> Order:
    extra: JsonObject = body.get("extra_body", {})
    references = [url for name in _REFERENCES for url in body.get(name, [])]
    return Order(
        look=look_of(body["prompt"], *([extra["seed"]] if "seed" in extra else []), *references),
        resolution=body["model"].rpartition("-")[2],
        aspect_ratio=body.get("aspect_ratio", "16:9"),
        seconds=int(body.get("duration", 5)),
        audio=extra.get("generate_audio", True),
        first_frame=body.get("image"),
        last_frame=body.get("last_image"),
    )


def _contradictions(body: JsonObject) -> list[Problem]:
    operation = body.get("extra_body", {}).get("operation")
    has_reference = any(name in body for name in _REFERENCES)
    has_frames = "image" in body and "last_image" in body
    hint = "extra_body.operation"
    rules = (
        ("model", body["model"] not in _MODELS, f"must be one of {', '.join(_MODELS)}"),
        ("last_image", "last_image" in body and "image" not in body, "needs image"),
        (hint, operation == "reference_to_video" and not has_reference, "needs references"),
        (hint, operation in {"edit_video", "extend_video"} and "videos" not in body, "needs videos"),
        (hint, operation == "first_last_frame" and not has_frames, "needs image and last_image"),
    )
    return [Problem(path, message) for path, is_broken, message in rules if is_broken]


def _error_body(refused: RefusedError) -> JsonObject:
    kind, code, message = _ERRORS.get(refused.status, ("server_error", "internal_error", "Internal server error"))
    param = refused.problems[0].path if refused.problems else None
    return {"error": {"message": refused.details or message, "type": kind, "param": param, "code": code}}


def uniall(create_path: str = SINGULAR) -> Wire:
    """The wire format; other pages than the seed name `PLURAL` as the path of a create."""
    return Wire(
        wire_id="uniall",
        endpoints=(
            Endpoint(does="create", method="POST", path=create_path, answer=_create),
            Endpoint(does="fetch", method="GET", path="/v1/videos/{task_id}", answer=_fetch),
        ),
        error_body=_error_body,
    )


UNIALL: Final = uniall()
