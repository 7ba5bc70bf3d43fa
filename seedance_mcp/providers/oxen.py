"""Oxen.ai (seed 001).

Quirks, with the page that says so:

- Tier and mode are in the model id (one page each, https://docs.oxen.ai/inference-api/reference/models/overview).
- Defaults of the seed: the model decides the length, ratio adaptive, no sound. There is no seed parameter.
- Parameters are validated when the task runs, so a wrong one is a failed task and not a refused create
  (https://docs.oxen.ai/inference-api/reference/async_queue). Whatever the HTTP status, `"status": "error"` is a no
  (https://docs.oxen.ai/inference-api/overview, "Error Format"), and so is an `error` beside no generation.
- `GET /api/events` tells of ends at once, but replays nothing and says nothing of cancelled tasks (same page), so
  polling goes on beside it. Older pages say that a finished task answers 404: then the event's own link counts.
- `GET /api/ai/queue` lists what is queued or processing, and with `status=` what has ended (same page), each with the
  parameters it was made from: there a create is found whose answer was lost.
- The blocking call has no id until its end (https://docs.oxen.ai/inference-api/reference/video_generation), so a
  restart leaves such a task `uncertain`.
- In prompts, media that show faces are counted before other media of their kind; we send none of those, so @Image1
  stays as it is.
- How long a link works is not documented ("expires after a period of time").
"""

from dataclasses import replace

from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import MODEL_DECIDES, Model, Resolution, VideoRequest
from seedance_mcp.providers import oxen_live
from seedance_mcp.providers.json_view import JsonObject, JsonView
from seedance_mcp.providers.spec import (
    Endpoint,
    EventSource,
    Listed,
    ProviderReply,
    ProviderSetting,
    ProviderSpec,
    Refusal,
    TaskList,
)

_RATIOS = ("adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
_ENDED = ("succeeded", "failed", "cancelled")
_ENVELOPE_WORDS = frozenset({"success", "error"})
"""`status` of an answer that is no task's status: of a cancel and of an error."""


def build_body(request: VideoRequest, model: ModelSpec, _callback_url: str | None) -> JsonObject:
    optional = {
        "input_image": request.first_frame or None,
        "input_image_has_face": request.first_frame_has_face,
        "tail_image_url": request.last_frame or None,
        "tail_image_url_has_face": request.last_frame_has_face,
        "input_images": list(request.reference_images) or None,
        "input_videos": list(request.reference_videos) or None,
        "input_audios": list(request.reference_audios) or None,
        "resolution": request.resolution,
        "duration": request.duration,
        "aspect_ratio": request.aspect_ratio,
        "generate_audio": request.generate_audio,
        "watermark": request.watermark,
    }
    return {"model": oxen_live.wire_model(request, model), "prompt": request.prompt} | {
        name: value for name, value in optional.items() if value is not None
    }


def parse_reply(reply: JsonView) -> ProviderReply:
    """A generation, the list of one that a create answers, or the blocking call's finished videos."""
    if url := reply.text("videos", 0, "url"):
        return ProviderReply(status="succeeded", video_url=url)
    status = reply.text("generations", 0, "status") or reply.text("status")
    says_no = status == "error" or (reply.get("generations") == [] and reply.get("error") is not None)
    return ProviderReply(
        provider_task_id=reply.text("generations", 0, "generation_id") or reply.text("generation_id"),
        status=None if status in _ENVELOPE_WORDS else status,
        video_url=reply.text("result_url"),
        error=reply.text("error_message"),
        refused=parse_refusal(reply) if says_no else None,
    )


def parse_refusal(reply: JsonView) -> Refusal:
    """The two documented forms, `{"error": {type, title, detail}}` and `{"error": {message}}`."""
    code = reply.text("error", "type") or reply.text("status_message")
    said = (reply.text("error", name) for name in ("message", "detail", "title"))
    return Refusal(message=next((text for text in said if text), reply.text("error") or code), code=code)


def parse_event(event: JsonView) -> ProviderReply:
    return ProviderReply(
        provider_task_id=event.text("generation_id"),
        status=event.text("status"),
        video_url=event.text("url"),
        error=event.text("error"),
    )


def find(answer: JsonView, request: VideoRequest, model: ModelSpec) -> tuple[Listed, ...]:
    """Generations whose echoed parameters are those that this request sends; what is not echoed cannot differ."""
    sent = build_body(request, model, None)
    asked = {**sent, "model_name": sent["model"]}
    found: list[Listed] = []
    for row in answer.views("generations"):
        generation_id = row.text("generation_id")
        differs = any(row.get(name) not in (None, value) for name, value in asked.items() if isinstance(value, str))
        differs = differs or row.number("duration") not in (None, request.duration or row.number("duration"))
        if generation_id and row.text("prompt") == request.prompt and not differs:
            found.append(Listed(provider_task_id=generation_id, made_at=row.number("enqueued_at")))
    return tuple(found)


def _mode_of_work(spec: ProviderSpec, mode: str) -> ProviderSpec:
    if mode == "sync":
        create = Endpoint(method="POST", path="/api/ai/videos/generate")
        return replace(spec, create=create, answers_at_the_end=True, cancel=None, events=None, task_list=None)
    return replace(spec, events=None) if mode == "poll" else spec


def _model(model: Model, tier: str, *resolutions: Resolution) -> ModelSpec:
    return ModelSpec(
        model=model,
        wire_model=f"bytedance-seedance-2-0{tier}",
        modes=tuple(oxen_live.MODE_WORDS),
        resolutions=resolutions,
        aspect_ratios=_RATIOS,
        durations=tuple(range(4, 16)),
        model_decides_duration=True,
        default_duration=MODEL_DECIDES,
        default_resolution="720p",
        options=frozenset({"last_frame", "generate_audio", "watermark", "first_frame_has_face", "last_frame_has_face"}),
        audio_default=False,
        max_images=9,
        max_videos=3,
        max_audios=3,
        max_references=15,
    )


SPEC = ProviderSpec(
    id="oxen",
    title="Oxen.ai",
    docs_url="https://docs.oxen.ai/inference-api/reference/models/bytedance-seedance-2-0-image-to-video.md",
    base_url="https://hub.oxen.ai",
    key_variable="OXEN_API_KEY",
    models=(
        _model("seedance-2.0", "", "480p", "720p", "1080p"),
        _model("seedance-2.0-fast", "-fast", "480p", "720p"),
        _model("seedance-2.0-mini", "-mini", "480p", "720p"),
    ),
    create=Endpoint(method="POST", path="/api/ai/queue"),
    fetch=Endpoint(method="GET", path="/api/ai/queue/{task_id}"),
    cancel=Endpoint(method="DELETE", path="/api/ai/queue/{task_id}"),
    statuses={
        "queued": "queued",
        "processing": "running",
        "succeeded": "succeeded",
        "failed": "failed",
        "cancelled": "cancelled",
    },
    build_body=build_body,
    parse_reply=parse_reply,
    parse_refusal=parse_refusal,
    error_kinds={"unauthenticated": "auth"},
    events=EventSource(path="/api/events", name="media_generation_completed", parse=parse_event),
    live=oxen_live.LIVE,
    task_list=TaskList(
        paths=tuple(f"/api/ai/queue{query}" for query in ("", *(f"?status={word}" for word in _ENDED))), find=find
    ),
    usual_s=(300, 900),
    settings=(
        ProviderSetting(
            variable="OXEN_REQUEST_MODE",
            meaning="`async` (queue and event stream), `poll` (queue alone) or `sync` (one call that lasts minutes)",
            default="async",
            choices=("async", "poll", "sync"),
            apply=_mode_of_work,
        ),
    ),
)
