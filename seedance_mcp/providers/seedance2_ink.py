"""seedance2.ink Open API v1 (seed 002).

Quirks, with the page that says so:

- The mode is inferred from number and kind of `mediaUrls` ("The generation mode is inferred from the number and type
  of materials you provide", seed 002): one image is a first frame, two are first and last frame, anything else is
  reference material. So a request whose inferred mode would differ from the asked one is refused here.
- Text-to-video shares the path and leaves `mediaUrls` out.
  https://www.seedance2.ink/docs/api-reference/text-to-video
- Errors come as `{"success": false, "error": {"code", "message"}}`, the HTTP status is not documented.
- `output.url` exists only once the status is `succeeded` (seed 002).
- `webhookUrl` "receives the final task result" (seed 002). What is posted there, and whether it is signed or sent
  again, is documented nowhere; the query's `requestId` is looked for, also under `data`.
- No price list and no link lifetime are documented; a create names `creditsCharged`.
"""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import Mode, Model, Resolution, VideoRequest
from seedance_mcp.providers.json_view import JsonObject, JsonView
from seedance_mcp.providers.spec import Endpoint, ProviderReply, ProviderSpec, Refusal

_GENERATIONS = "/api/open/v1/video/generations"
_MODES: tuple[Mode, ...] = ("text_to_video", "image_to_video", "reference_to_video")
_RESOLUTIONS: tuple[Resolution, ...] = ("480p", "720p", "1080p")
_RATIOS = ("16:9", "9:16", "1:1")
_MAX_MEDIA = 5
_KINDS = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"), "image"),
    **dict.fromkeys((".mp4", ".mov", ".m4v"), "video"),
    **dict.fromkeys((".mp3", ".wav"), "audio"),
}
"""Seed 002, Supported Reference Types."""


def _ending(url: str) -> str:
    """`.jpg`, or nothing; whether it is a URL at all is checked elsewhere."""
    try:
        return PurePosixPath(urlsplit(url).path).suffix.lower()
    except ValueError:
        return ""


def rules(request: VideoRequest, _model: ModelSpec) -> list[str]:
    """Refuses what the provider would take for something else."""
    problems: list[str] = []
    for name, urls, kind in (
        ("first_frame", (request.first_frame,), "image"),
        ("last_frame", (request.last_frame,), "image"),
        ("reference_images", request.reference_images, "image"),
        ("reference_videos", request.reference_videos, "video"),
        ("reference_audios", request.reference_audios, "audio"),
    ):
        for url in urls:
            actual = _KINDS.get(_ending(url)) if url else None
            if actual not in {None, kind}:
                problems.append(
                    f"seedance2_ink works out the mode from number and type of the media; {name} was given "
                    f"{_ending(url or '')} ({actual}). Give {kind} there, or use reference_{actual}s."
                )
    images = len(request.reference_images)
    if request.references and images == len(request.references) and images <= 2:
        taken_for = "the first frame" if images == 1 else "first and last frame"
        problems.append(
            f"seedance2_ink would take {images} reference image{'s' if images > 1 else ''} alone for {taken_for}. "
            "Give three or more images, add a reference video or audio, or use first_frame."
        )
    return problems


def build_body(request: VideoRequest, model: ModelSpec, callback_url: str | None) -> JsonObject:
    body: dict[str, object] = {"model": model.wire_model, "prompt": request.prompt}
    if request.media_urls:
        body["mediaUrls"] = list(request.media_urls)
    optional = {
        "aspectRatio": request.aspect_ratio,
        "duration": request.duration,
        "resolution": request.resolution,
        "webhookUrl": callback_url,
        "metadata": {"label": request.label} if request.label else None,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def parse_reply(reply: JsonView) -> ProviderReply:
    return ProviderReply(
        provider_task_id=reply.text("requestId"),
        status=reply.text("status"),
        video_url=reply.text("output", "url"),
        error=_error_text(reply),
        credits=reply.number("creditsCharged"),
        refused=parse_refusal(reply) if reply.flag("success") is False else None,
    )


def parse_refusal(reply: JsonView) -> Refusal:
    return Refusal(code=reply.text("error", "code"), message=_error_text(reply))


def parse_callback(body: JsonView) -> str | None:
    return body.text("requestId") or body.text("data", "requestId")


def _error_text(reply: JsonView) -> str | None:
    # The shape of `error` on a failed task is not documented; the envelope's shape and plain text are both read.
    return reply.text("error", "message") or reply.text("error") or reply.text("error", "code")


def _model(name: Model, *durations: int) -> ModelSpec:
    return ModelSpec(
        model=name,
        wire_model=name,
        modes=_MODES,
        resolutions=_RESOLUTIONS,
        aspect_ratios=_RATIOS,
        durations=durations,
        options=frozenset({"last_frame"}),
        max_images=_MAX_MEDIA,
        max_videos=_MAX_MEDIA,
        max_audios=_MAX_MEDIA,
        max_references=_MAX_MEDIA,
    )


SPEC = ProviderSpec(
    id="seedance2_ink",
    title="Seedance 2.0 Open API",
    docs_url="https://www.seedance2.ink/docs/api-reference",
    base_url="https://www.seedance2.ink",
    key_variable="SEEDANCE2_INK_API_KEY",
    models=(
        _model("seedance-2.0", *range(4, 16)),
        _model("seedance-2.0-fast", *range(4, 16)),
        _model("seedance-1.5-pro", 5, 10),
    ),
    create=Endpoint(method="POST", path=_GENERATIONS),
    fetch=Endpoint(method="GET", path=_GENERATIONS + "/{task_id}"),
    cancel=Endpoint(method="POST", path=_GENERATIONS + "/{task_id}/cancel"),
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
    rules=rules,
    parse_callback=parse_callback,
    error_kinds={"unauthorized": "auth"},
)
