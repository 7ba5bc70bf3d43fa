"""Oxen.ai, from its Seedance 2.0 page (seed 001) and the reference pages of https://docs.oxen.ai/inference-api.

A create is checked for its model, the number of generations and the key; wrong parameters are accepted, and the
generation fails when it runs. Of the documents' gaps these are filled with guesses: the HTTP status of an unknown
model on a create (404) and of an error of the blocking call (422), the bodies of 402, 429 and 5xx.
"""

import base64
import uuid
from typing import Final

import anyio

from seedance_mcp.simulator.checks import JsonObject, Problem
from seedance_mcp.simulator.oxen_events import events
from seedance_mcp.simulator.oxen_models import MODELS, late_failure, order_of
from seedance_mcp.simulator.scene import Order
from seedance_mcp.simulator.tasks import ENDS, Seen, State, Task
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Wire

_QUEUE: Final = "/api/ai/queue"
_FAILS_AFTER: Final = 0.3
"""The share of its time after which a generation with wrong parameters has failed."""
_NO_ORDER: Final = Order(look=0, resolution="480p", aspect_ratio="16:9", seconds=4)
_NOT_ECHOED: Final = frozenset({"model", "num_generations", "target_namespace"})
_WORDS: Final[dict[State, str]] = {
    "queued": "queued",
    "running": "processing",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
_ERRORS: Final = {
    400: ("invalid_params", "Invalid parameters supplied, please check your request and try again."),
    402: ("insufficient_credits", "Insufficient credits"),
    404: ("resource_not_found", "The requested resource could not be found"),
    429: ("too_many_requests", "Too many requests"),
}


async def _enqueue(call: Call) -> JsonObject:
    _check_model(call.body)
    count: object = call.body.get("num_generations", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 4:
        raise RefusedError(400, "invalid", problems=[Problem("num_generations", "must be an integer between 1 and 4")])
    if call.max_concurrent is not None and call.tasks.unfinished(call.wire_id) + count > call.max_concurrent:
        raise RefusedError(429, "busy")
    failure = late_failure(call.body, queued=True)
    tasks = [call.accept(_task(call, call.wire_id, number, failure)) for number in range(count)]
    words = [call.tasks.see(task).word or "queued" for task in tasks]
    generations = [{"generation_id": task.task_id, "status": word} for task, word in zip(tasks, words, strict=True)]
    return {"generations": generations}


async def _generate(call: Call) -> JsonObject:
    """Blocks; its generation has no id that anybody is told."""
    _check_model(call.body)
    failure = late_failure(call.body, queued=False)
    if failure is not None:
        raise _spoken(422, failure)
    task = call.accept(_task(call, f"{call.wire_id} blocking", 0, None))
    while not _is_over(call.tasks.see(task)):
        await call.sleep(max(1.0, task.created_s + task.run_s - call.tasks.clock()))
    if task.failure is not None:
        raise _spoken(422, task.failure)
    video: JsonObject = {"url": call.video_url(task)}
    if call.body.get("response_format") == "b64_json":
        file = await call.films.video(task.order, task.origin)
        video = {"b64_json": base64.b64encode(await anyio.Path(file).read_bytes()).decode()}
    return {"model": task.body["model"], "created": int(call.tasks.clock()), "videos": [video]}


async def _fetch(call: Call) -> JsonObject:
    return _view(call, call.find(call.path["generation_id"]))


async def _list(call: Call) -> JsonObject:
    wanted = {name: call.query[name] for name in ("model", "media_type", "namespace", "status") if name in call.query}
    views: list[JsonObject] = []
    for task in call.tasks:
        seen = call.tasks.see(task)
        facts = {
            "model": task.body.get("model"),
            "media_type": "video",
            "namespace": task.body.get("target_namespace"),
            "status": seen.say(_WORDS),
        }
        is_wanted = all(facts[name] == value for name, value in wanted.items())
        if task.wire_id == call.wire_id and is_wanted and ("status" in wanted or seen.state not in ENDS):
            views.append(_view(call, seen))
    return {"count": len(views), "generations": views}


async def _cancel(call: Call) -> JsonObject:
    """Has no effect on a generation that has ended, and says success all the same."""
    seen = call.find(call.path["generation_id"])
    seen.task.stop(call.tasks.clock())
    return {"status": "success", "generation_id": seen.task.task_id}


async def _models(call: Call) -> JsonObject:
    developer = call.query.get("developer_name", "bytedance")
    return {"object": "list", "data": list(MODELS.values()) if developer.lower() == "bytedance" else []}


async def _model(call: Call) -> JsonObject:
    _check_model({"model": call.path["model_id"]})
    return MODELS[call.path["model_id"]]


def _check_model(body: JsonObject) -> None:
    model: object = body.get("model")
    if not isinstance(model, str):
        raise RefusedError(400, "invalid", problems=[Problem("model", "is required")])
    if model not in MODELS:
        raise _spoken(404, f"Model not found: {model}")


def _task(call: Call, wire_id: str, number: int, failure: str | None) -> Task:
    return Task(
        task_id=str(uuid.uuid4()),
        wire_id=wire_id,
        order=order_of(call.body, number) if failure is None else _NO_ORDER,
        origin=call.origin,
        body=call.body,
        created_s=call.tasks.clock(),
        run_s=call.run_s * (1 if failure is None else _FAILS_AFTER),
        failure=failure,
    )


def _is_over(seen: Seen) -> bool:
    return seen.state == "failed" or (seen.state == "succeeded" and seen.has_result)


def _view(call: Call, seen: Seen) -> JsonObject:
    task = seen.task
    started_s = task.started_s(call.tasks.clock())
    echoed = {name: value for name, value in task.body.items() if name not in _NOT_ECHOED}
    return echoed | {
        "generation_id": task.task_id,
        "model_name": task.body["model"],
        "prompt": task.body.get("prompt"),
        "media_type": "video",
        "status": seen.say(_WORDS),
        "result_url": call.video_url(task) if seen.shows_video else None,
        "error_message": task.failure if seen.state == "failed" else None,
        "enqueued_at": int(task.created_s),
        "started_at": None if started_s is None else int(started_s),
        "completed_at": None if seen.ended_s is None else int(seen.ended_s),
    }


def _spoken(status: int, message: str) -> RefusedError:
    """The shorter of the two documented error bodies."""
    return RefusedError(status, "invalid", body={"error": {"message": message}})


def _error_body(refused: RefusedError) -> JsonObject:
    if refused.status == 401:
        return {"status": "error", "status_message": "unauthenticated"}
    kind, title = _ERRORS.get(refused.status, ("internal_server_error", "Internal server error"))
    detail = {"detail": refused.details} if refused.details else {}
    return {"error": {"type": kind, "title": title} | detail, "status": "error", "status_message": kind}


OXEN: Final = Wire(
    wire_id="oxen",
    endpoints=(
        Endpoint(does="create", method="POST", path=_QUEUE, answer=_enqueue),
        Endpoint(does="create", method="POST", path="/api/ai/videos/generate", answer=_generate),
        Endpoint(does="fetch", method="GET", path=_QUEUE + "/{generation_id}", answer=_fetch),
        Endpoint(does="cancel", method="DELETE", path=_QUEUE + "/{generation_id}", answer=_cancel),
        Endpoint(does="other", method="GET", path=_QUEUE, answer=_list),
        Endpoint(does="events", method="GET", path="/api/events", answer=events),
        Endpoint(does="other", method="GET", path="/api/ai/models", answer=_models),
        Endpoint(does="other", method="GET", path="/api/ai/models/{model_id}", answer=_model),
    ),
    error_body=_error_body,
)
