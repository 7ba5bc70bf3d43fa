"""AIHubMax (seed 000), a gateway with the unified task API.

Quirks, with the page that says so:

- Tier and mode are in the model id; the seed prints the image-to-video ids, the siblings are in its client's
  catalogue. https://github.com/cookaihq/aihub-mcp (catalog/, generated from the provider's OpenAPI files)
- Sound is made unless `generate_audio` is false (seed 000).
- `completed` may come some seconds before `results` is filled, so a task without a link is still running; `results`
  holds objects, in look-alikes strings: both are read (providers.md §1.4).
- No cancel endpoint, although `task_info.can_cancel` exists (none among its 155 endpoints, providers.md §1.5).
- `usage.credits_reserved` is what a create sets aside; of a failed task it says nothing about a charge.
- Files may be uploaded and are kept 72 hours; the balance has an endpoint whose answer no page shows (providers.md
  §1.5).
- Links are valid for 24 hours (seed 000). No price is published, nor the highest seed: it is that of the model's maker.
"""

from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import Mode, Model, Resolution, VideoRequest
from seedance_mcp.providers.json_view import JsonObject, JsonView
from seedance_mcp.providers.spec import Endpoint, ProviderReply, ProviderSpec, Refusal, Upload

_MODE_WORDS: dict[Mode, str] = {
    "text_to_video": "text-to-video",
    "image_to_video": "image-to-video",
    "reference_to_video": "reference-to-video",
}
_RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")
_RESOLUTIONS: tuple[Resolution, ...] = ("480p", "720p")


def build_body(request: VideoRequest, model: ModelSpec, _callback_url: str | None) -> JsonObject:
    optional = {
        "image_url": request.first_frame or None,
        "end_image_url": request.last_frame or None,
        "image_urls": list(request.reference_images) or None,
        "video_urls": list(request.reference_videos) or None,
        "audio_urls": list(request.reference_audios) or None,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "duration": request.duration,
        "generate_audio": request.generate_audio,
        "seed": request.seed,
    }
    return {"model": f"{model.wire_model}-{_MODE_WORDS[request.mode]}", "prompt": request.prompt} | {
        name: value for name, value in optional.items() if value is not None
    }


def parse_reply(reply: JsonView) -> ProviderReply:
    refusal = parse_refusal(reply)
    status = reply.text("status")
    return ProviderReply(
        provider_task_id=reply.text("id"),
        status=status,
        progress=reply.number("progress"),
        video_url=reply.text("results", 0, "url") or reply.text("results", 0),
        error=f"{refusal.message} ({refusal.code})" if refusal.message and refusal.code else refusal.message,
        credits=None if status == "failed" else reply.number("usage", "credits_reserved"),
    )


def parse_refusal(reply: JsonView) -> Refusal:
    code = reply.text("error", "code") or reply.text("error", "type")
    return Refusal(message=reply.text("error", "message") or code, code=code)


def _model(model: Model) -> ModelSpec:
    return ModelSpec(
        model=model,
        wire_model=model,
        modes=tuple(_MODE_WORDS),
        resolutions=_RESOLUTIONS,
        aspect_ratios=_RATIOS,
        durations=tuple(range(4, 16)),
        model_decides_duration=True,
        default_duration=5,
        default_resolution="720p",
        options=frozenset({"last_frame", "generate_audio", "seed"}),
        audio_default=True,
        seed_range=(-1, 2**32 - 1),
        max_prompt=5000,
        max_images=9,
        max_videos=3,
        max_audios=3,
        max_references=12,
    )


SPEC = ProviderSpec(
    id="aihubmax",
    title="AIHubMax",
    docs_url="https://docs.aihubmax.com/pages/en/api-manual/video-series/seedance/seedance-2.0-image-to-video",
    base_url="https://api.aihubmax.com",
    key_variable="AIHUBMAX_API_KEY",
    models=(_model("seedance-2.0"), _model("seedance-2.0-fast")),
    create=Endpoint(method="POST", path="/v1/videos/generations"),
    fetch=Endpoint(method="GET", path="/v1/tasks/{task_id}"),
    cancel=None,
    statuses={"pending": "queued", "processing": "running", "completed": "succeeded", "failed": "failed"},
    build_body=build_body,
    parse_reply=parse_reply,
    parse_refusal=parse_refusal,
    url_lifetime_s=24 * 3600,
    upload=Upload(
        path="/v1/files/upload/stream",
        field="file",
        parse_url=lambda reply: reply.text("url"),
        lifetime_s=72 * 3600,
    ),
    balance=Endpoint(method="GET", path="/v1/account/credits"),
)
