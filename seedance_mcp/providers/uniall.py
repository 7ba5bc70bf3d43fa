"""UniAll (seed 004).

Quirks, with the page that says so:

- Tier and resolution are in the model id, so 720p is asked for when the caller names none (seed 004).
- Lengths start at 5 s and the model never chooses them; three ratios (seed 004). A newer page allows more; the seed
  decides. https://docs.uniall.ai/ai/pages/models/video/seedance-2-0/create-task.md
- That page also names the create path in the plural, hence `UNIALL_CREATE_PATH`; the seed has it in the singular.
- `operation` is a hint for this request form only (seed 004): sent where references could mean several things, and
  for a last frame.
- Status words other than `completed`, error bodies and prices are not documented. The words are those of the New-API
  family that such gateways run (https://docs.newapi.pro/api/query-video), inferred; so are where a link or a reason
  may stand, and that an empty account is a 403 of its own code (https://github.com/QuantumNous/new-api).
- The highest seed is not documented either: it is that of the model's maker.
- The field of a returned last frame is not documented: it is taken from the video instead.
"""

from dataclasses import replace

from seedance_mcp.domain.model import NO_LIMIT, ModelSpec
from seedance_mcp.domain.video import Mode, Model, Resolution, VideoRequest
from seedance_mcp.providers.json_view import JsonObject, JsonView
from seedance_mcp.providers.spec import Endpoint, ProviderReply, ProviderSetting, ProviderSpec, Refusal

_MODES: tuple[Mode, ...] = ("text_to_video", "image_to_video", "reference_to_video", "edit_video", "extend_video")


def build_body(request: VideoRequest, model: ModelSpec, _callback_url: str | None) -> JsonObject:
    optional = {
        "duration": request.duration,
        "aspect_ratio": request.aspect_ratio,
        "image": request.first_frame or None,
        "last_image": request.last_frame or None,
        "images": list(request.reference_images) or None,
        "videos": list(request.reference_videos) or None,
        "audios": list(request.reference_audios) or None,
        "extra_body": _extra_body(request) or None,
    }
    wire_model = f"{model.wire_model}-{request.resolution or model.default_resolution}"
    return {"model": wire_model, "prompt": request.prompt} | {
        name: value for name, value in optional.items() if value is not None
    }


def _extra_body(request: VideoRequest) -> JsonObject:
    optional = {
        "generate_audio": request.generate_audio,
        "seed": request.seed,
        "watermark": request.watermark,
        "camera_fixed": request.camera_fixed,
        "return_last_frame": request.return_last_frame,
        "operation": "first_last_frame" if request.last_frame else request.operation,
    }
    return {name: value for name, value in optional.items() if value is not None}


def parse_reply(reply: JsonView) -> ProviderReply:
    return ProviderReply(
        provider_task_id=reply.text("task_id") or reply.text("id") or reply.text("data", "task_id"),
        status=reply.text("status") or reply.text("data", "status"),
        progress=reply.number("progress"),
        video_url=reply.text("video_url") or reply.text("url") or reply.text("data", "data", "content", "video_url"),
        error=_reason(reply),
    )


def _reason(reply: JsonView) -> str | None:
    """Why a task failed. Around `data` stands an envelope, whose message is about the answer and not the task."""
    if reply.get("data") is None:
        return parse_refusal(reply).message
    return reply.text("data", "fail_reason") or reply.text("error", "message")


def parse_refusal(reply: JsonView) -> Refusal:
    code = reply.text("error", "code") or reply.text("code")
    message = reply.text("error", "message") or reply.text("message") or reply.text("error")
    return Refusal(message=message or code, code=code)


def _notes(request: VideoRequest, model: ModelSpec) -> tuple[str, ...]:
    if request.resolution is not None:
        return ()
    return (f"No resolution was asked, so {model.default_resolution} was ordered: uniall has no default.",)


def _model(model: Model, wire_model: str, *resolutions: Resolution) -> ModelSpec:
    return ModelSpec(
        model=model,
        wire_model=wire_model,
        modes=_MODES,
        resolutions=resolutions,
        aspect_ratios=("9:16", "1:1", "16:9"),
        durations=tuple(range(5, 16)),
        default_resolution="720p",
        options=frozenset({"last_frame", "generate_audio", "seed", "watermark", "camera_fixed", "return_last_frame"}),
        seed_range=(-1, 2**32 - 1),
        max_images=9,
        max_videos=3,
        max_audios=NO_LIMIT,
    )


SPEC = ProviderSpec(
    id="uniall",
    title="UniAll",
    docs_url="https://docs.uniall.ai/models/video/seedance-2-0",
    base_url="https://api.uniall.ai",
    key_variable="UNIALL_API_KEY",
    models=(
        _model("seedance-2.0", "seedance2.0", "480p", "720p", "1080p", "4k"),
        _model("seedance-2.0-fast", "seedance2.0-fast", "480p", "720p"),
        _model("seedance-2.0-mini", "seedance2.0-mini", "480p", "720p"),
    ),
    create=Endpoint(method="POST", path="/v1/video/generations"),
    fetch=Endpoint(method="GET", path="/v1/videos/{task_id}"),
    cancel=None,
    statuses={
        "queued": "queued",
        "submitted": "queued",
        "not_start": "queued",
        "in_progress": "running",
        "processing": "running",
        "completed": "succeeded",
        "succeeded": "succeeded",
        "success": "succeeded",
        "failed": "failed",
        "failure": "failed",
    },
    build_body=build_body,
    parse_reply=parse_reply,
    parse_refusal=parse_refusal,
    error_kinds={"insufficient_user_quota": "out_of_credits"},
    notes_for=_notes,
    settings=(
        ProviderSetting(
            variable="UNIALL_CREATE_PATH",
            meaning="Path of UniAll's create call; a newer page of theirs has `/v1/videos/generations`",
            default="/v1/video/generations",
            apply=lambda spec, path: replace(spec, create=Endpoint(method="POST", path=path)),
            is_path=True,
        ),
    ),
)
