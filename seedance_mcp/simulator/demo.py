"""The wire format of the keyless demo provider. It is our own design and keeps nothing: an id carries its request.

    POST /v1/videos                   {model, prompt, first_frame?, last_frame?, resolution, aspect_ratio, duration,
                                       generate_audio, seed?} -> {id, status}
    GET  /v1/videos/{id}              -> {id, status, progress, video_url?, last_frame_url?, error?}
    POST /v1/videos/{id}/cancel       -> {id, status}
    GET  /v1/videos/{id}/content      -> the MP4, or 404 before it is there
    GET  /v1/videos/{id}/last-frame   -> its last picture as PNG

`status` is queued, running, succeeded, failed or cancelled; errors are {"error": {"code", "message"}} with 400 or 404.
A process that was restarted answers for ids made before; only a cancellation is forgotten.
"""

from dataclasses import replace
from typing import Final

from starlette.responses import FileResponse

from seedance_mcp.simulator.checks import Field, JsonObject, flag, one_of, problems_in, text, web_address, whole
from seedance_mcp.simulator.demo_id import decode_id, encode_id
from seedance_mcp.simulator.scene import ASPECT_RATIOS, RESOLUTIONS, Order, look_of
from seedance_mcp.simulator.tasks import Seen, State, Task
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Wire

_VIDEOS: Final = "/v1/videos"
_WORDS: Final[dict[State, str]] = {
    "queued": "queued",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
_CODES: Final = {
    "not_json": ("invalid_request", "The body is not a JSON object."),
    "invalid": ("invalid_request", "The request is not valid."),
    "not_found": ("not_found", "There is no video of this id."),
    "not_ready": ("not_ready", "This video is not there."),
    "too_late": ("already_finished", "This video has ended before."),
    "busy": ("busy", "Too many videos at once."),
}


def _picture_address(value: object) -> str | None:
    return None if isinstance(value, str) and value.startswith("data:image/") else web_address(value)


_FIELDS: Final = {
    "model": Field(text(at_least=1), required=True),
    "prompt": Field(text(), required=True),
    "first_frame": Field(_picture_address),
    "last_frame": Field(_picture_address),
    "resolution": Field(one_of(*RESOLUTIONS), required=True),
    "aspect_ratio": Field(one_of(*ASPECT_RATIOS), required=True),
    "duration": Field(whole(4, 15), required=True),
    "generate_audio": Field(flag, required=True),
    "seed": Field(whole(-1, 2**32 - 1)),
}


async def _create(call: Call) -> JsonObject:
    problems = problems_in(call.body, _FIELDS)
    if problems:
        raise RefusedError(400, "invalid", problems=problems)
    body, now = call.body, call.tasks.clock()
    order = Order(
        look=look_of(body["prompt"], body.get("seed")),
        resolution=body["resolution"],
        aspect_ratio=body["aspect_ratio"],
        seconds=body["duration"],
        audio=body["generate_audio"],
        first_frame=call.films.shortened(body.get("first_frame")),
        last_frame=call.films.shortened(body.get("last_frame")),
    )
    task = call.accept(_task(call, encode_id(order, now), order, now))
    if all(body.get(frame, "data:").startswith("data:") for frame in ("first_frame", "last_frame")):
        # Other frames take time to fetch; the first question about the task begins with that.
        await call.films.begin(order, task.origin)
    return {"id": task.task_id, "status": call.tasks.see(task).say(_WORDS)}


async def _fetch(call: Call) -> JsonObject:
    seen = await _look(call)
    task_id = seen.task.task_id
    answer: JsonObject = {
        "id": task_id,
        "status": seen.say(_WORDS),
        "progress": 100 if seen.state == "succeeded" else _progress(call, seen.task),
    }
    if seen.shows_video:
        url = f"{call.origin}{call.prefix}{_VIDEOS}/{task_id}"
        answer |= {"video_url": f"{url}/content", "last_frame_url": f"{url}/last-frame"}
    if seen.state == "failed":
        answer["error"] = {"code": "generation_failed", "message": seen.task.failure}
    return answer


async def _cancel(call: Call) -> JsonObject:
    _recall(call)
    seen = call.cancel(call.path["video_id"])
    return {"id": seen.task.task_id, "status": seen.say(_WORDS)}


async def _content(call: Call) -> FileResponse:
    task = await _finished(call)
    return FileResponse(await call.films.video(task.order, task.origin), media_type="video/mp4")


async def _last_frame(call: Call) -> FileResponse:
    task = await _finished(call)
    return FileResponse(await call.films.last_frame(task.order, task.origin), media_type="image/png")


async def _finished(call: Call) -> Task:
    seen = await _look(call)
    if seen.state != "succeeded":
        raise RefusedError(404, "not_ready")
    return seen.task


async def _look(call: Call) -> Seen:
    """The task as it is; it has not succeeded before its video is rendered."""
    _recall(call)
    seen = call.find(call.path["video_id"])
    if seen.state in {"failed", "cancelled"}:
        return seen
    is_there = await call.films.begin(seen.task.order, seen.task.origin)
    return replace(seen, state="running") if seen.state == "succeeded" and not is_there else seen


def _recall(call: Call) -> None:
    """Makes a task of an id that this process has not seen yet."""
    task_id = call.path["video_id"]
    if call.tasks.find(call.wire_id, task_id) is None:
        decoded = decode_id(task_id)
        if decoded is not None:
            call.tasks.add(_task(call, task_id, *decoded))


def _task(call: Call, task_id: str, order: Order, created_s: float) -> Task:
    return Task(
        task_id=task_id,
        wire_id=call.wire_id,
        order=order,
        origin=call.origin,
        body={},
        created_s=created_s,
        run_s=call.run_s * (0.75 + order.seconds / 10),
    )


def _progress(call: Call, task: Task) -> int:
    """In step with time up to 95, then ever slower towards 99."""
    until = task.stopped_s if task.stopped_s is not None else call.tasks.clock()
    share = max(0.0, until - task.created_s) / max(task.run_s, 0.001)
    return int(95 * share) if share <= 1 else int(99 - 4 / share)


def _error_body(refused: RefusedError) -> JsonObject:
    code, message = _CODES.get(refused.reason, (f"status_{refused.status}", "The demo was told to answer this."))
    return {"error": {"code": code, "message": refused.details or message}}


DEMO: Final = Wire(
    wire_id="demo",
    endpoints=(
        Endpoint(does="create", method="POST", path=_VIDEOS, answer=_create, needs_key=False),
        Endpoint(does="fetch", method="GET", path=_VIDEOS + "/{video_id}", answer=_fetch, needs_key=False),
        Endpoint(does="cancel", method="POST", path=_VIDEOS + "/{video_id}/cancel", answer=_cancel, needs_key=False),
        Endpoint(does="download", method="GET", path=_VIDEOS + "/{video_id}/content", answer=_content, needs_key=False),
        Endpoint(
            does="download", method="GET", path=_VIDEOS + "/{video_id}/last-frame", answer=_last_frame, needs_key=False
        ),
    ),
    error_body=_error_body,
)
