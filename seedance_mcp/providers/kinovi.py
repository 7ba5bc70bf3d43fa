"""Kinovi (seed 003; earlier seedance2-pro.com).

Quirks, with the page that says so:

- `duration` is a string (seed 003; the newest pages say integer, the seed decides).
- The seed names no base resolution, later pages default to 1080p at more than twice the price
  (https://kinovi.ai/docs/models/seedance2/image-to-video). So `outputResolution` is always sent, 720p unless asked
  otherwise; `4k` is `upscaleResolution` on top of 720p.
- Text-to-video is the same body without `urls` and `mode`. Any video or audio needs `mode: "reference"`.
  https://github.com/kinovi-ai/kinovi-models (models/seedance-20/README.md)
- In prompts references are written @image1, @video1, @audio1 (same page).
- A failed task answers HTTP 200 with `status: "fail"`; `error` is a string on old pages and an object on new ones.
  `creditsUsed` is still shown then, although it is refunded. https://kinovi.ai/docs/common/reference/get-task-status
- `callBackUrl` gets `{"code", "message", "data": {"taskId", "state", …}}`.
  https://kinovi.ai/docs/common/reference/webhooks
  An older page has the flat recordInfo object, says that it may come more than once, and up to three times again after
  an answer other than 2xx. https://seedance2-pro.com/docs/common/reference/webhooks
  A signature or secret was found on neither.
- Results are kept 14 days. https://kinovi.ai/docs/common/authentication
- No cancel endpoint ("Two endpoints are available", https://kinovi.ai/docs/common/reference/api-overview).
"""

from seedance_mcp.domain.cost import Price, PriceList
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import Mode, Model, Resolution, VideoRequest, lower_case_references
from seedance_mcp.providers.json_view import JsonObject, JsonView
from seedance_mcp.providers.spec import Endpoint, ProviderReply, ProviderSpec, Refusal

_MODES: tuple[Mode, ...] = ("text_to_video", "image_to_video", "reference_to_video")
_RATIOS = ("16:9", "9:16", "1:1", "3:4", "4:3", "21:9")
_STANDARD: Model = "seedance-2.0"
_FAST: Model = "seedance-2.0-fast"
_UPSCALE = 28
"""Credits per second that 4k adds (seed 003)."""
_HALF = "dearest rate on kinovi's later pages: half of 720p, kinovi.ai/docs/seedance2.0/text-to-video"
_REPOSITORY = "dearest rate on kinovi's later pages: github.com/kinovi-ai/kinovi-models, 2026-09"
_WITH_VIDEO = (
    "with a reference video: dearest rates on kinovi's later pages, kinovi.ai/docs/models/seedance2/omni-reference and "
    "github.com/kinovi-ai/kinovi-models"
)
_MOST_ERRORS = 5


def rules(request: VideoRequest, _model: ModelSpec) -> list[str]:
    """The prompt is optional beside pictures (seed 003); the pages of the other modes require it."""
    if request.references and not request.reference_images and not request.prompt.strip():
        return ["kinovi needs a prompt where no picture is given; prompt was empty. Say what the video should show."]
    return []


def build_body(request: VideoRequest, model: ModelSpec, callback_url: str | None) -> JsonObject:
    is_4k = request.resolution == "4k"
    images = [url for url in (request.first_frame, request.last_frame, *request.reference_images) if url]
    inputs: dict[str, object] = {"outputResolution": "720p" if is_4k else request.resolution or "720p"}
    if images:
        inputs["urls"] = images
    if request.media_urls:
        inputs["mode"] = "reference" if request.references else "keyframe"
    optional = {
        "prompt": lower_case_references(request.prompt) or None,
        "videoUrls": list(request.reference_videos) or None,
        "audioUrls": list(request.reference_audios) or None,
        "duration": None if request.duration is None else str(request.duration),
        "aspectRatio": request.aspect_ratio,
        "upscaleResolution": "4k" if is_4k else None,
        "generate_audio": request.generate_audio,
        "seed": request.seed,
    }
    inputs |= {name: value for name, value in optional.items() if value is not None}
    body: dict[str, object] = {"model": model.wire_model, "inputs": inputs}
    return body | ({"callBackUrl": callback_url} if callback_url else {})


def parse_reply(reply: JsonView) -> ProviderReply:
    return ProviderReply(
        provider_task_id=reply.text("taskId"),
        status=reply.text("status"),
        video_url=reply.text("output", 0, "url"),
        last_frame_url=reply.text("output", 0, "lastFrameImage"),
        error=_error_text(reply),
        # After `fail` it is shown although it was refunded.
        credits=0.0 if reply.text("status") == "fail" else reply.number("creditsUsed"),
    )


def parse_callback(body: JsonView) -> str | None:
    return body.text("data", "taskId") or body.text("taskId")


def _error_text(reply: JsonView) -> str | None:
    message, code = reply.text("error", "message"), reply.text("error", "code")
    if message and code:
        return f"{message} ({code})"
    return message or code or reply.text("error")


def parse_refusal(reply: JsonView) -> Refusal:
    """`{"message", errors?: [{path, message?}], required?, available?, limit?, current?}`."""
    message = reply.text("message")
    facts = [
        f"{name} {value:g}"
        for name in ("required", "available", "limit", "current")
        if (value := reply.number(name)) is not None
    ]
    facts += [
        f"at {place}: {reply.text('errors', index, 'message') or 'not accepted'}"
        for index in range(_MOST_ERRORS)
        if (place := _place(reply, index))
    ]
    return Refusal(message=f"{message.rstrip('.')} ({', '.join(facts)})" if message and facts else message)


def _place(reply: JsonView, index: int) -> str:
    """Of a `path` only the name is documented: a text or a list of steps is read."""
    steps = (reply.text("errors", index, "path", step) for step in range(_MOST_ERRORS))
    return reply.text("errors", index, "path") or ".".join(step for step in steps if step)


def _model(model: Model, wire_model: str, *resolutions: Resolution) -> ModelSpec:
    return ModelSpec(
        model=model,
        wire_model=wire_model,
        modes=_MODES,
        resolutions=resolutions,
        aspect_ratios=_RATIOS,
        durations=tuple(range(4, 16)),
        default_duration=5,
        default_resolution="720p",
        options=frozenset({"last_frame", "generate_audio", "seed"}),
        seed_range=(-1, 4294967295),
        max_prompt=4000,
        prompt_is_optional=True,
        max_images=9,
        max_videos=3,
        max_audios=3,
    )


def _rows(model: Model, resolution: Resolution, plain: float, with_video: float, note: str | None) -> tuple[Price, ...]:
    return (
        Price(model=model, resolution=resolution, with_reference_video=False, credits_per_s=plain, note=note),
        Price(
            model=model,
            resolution=resolution,
            credits_per_s=with_video,
            with_reference_video=True,
            note=_WITH_VIDEO,
        ),
    )


SPEC = ProviderSpec(
    id="kinovi",
    title="Kinovi",
    docs_url="https://kinovi.ai/docs/seedance2.0/image-to-video",
    base_url="https://kinovi.ai",
    key_variable="KINOVI_API_KEY",
    models=(
        _model(_STANDARD, "seedance-20", "480p", "720p", "1080p", "4k"),
        _model(_FAST, "seedance2-fast", "480p", "720p", "4k"),
    ),
    create=Endpoint(method="POST", path="/api/v1/jobs/createTask"),
    fetch=Endpoint(method="GET", path="/api/v1/jobs/recordInfo?taskId={task_id}"),
    cancel=None,
    statuses={"waiting": "queued", "generating": "running", "success": "succeeded", "fail": "failed"},
    build_body=build_body,
    parse_reply=parse_reply,
    parse_refusal=parse_refusal,
    rules=rules,
    parse_callback=parse_callback,
    prices=PriceList(
        usd_per_credit=0.005,  # "200 credits, $1.00" in the seed's table
        rows=(
            *_rows(_STANDARD, "480p", 20, 24, _HALF),
            *_rows(_STANDARD, "720p", 40, 48, None),
            *_rows(_STANDARD, "1080p", 90, 108, _REPOSITORY),
            *_rows(_STANDARD, "4k", 40 + _UPSCALE, 48 + _UPSCALE, None),
            *_rows(_FAST, "480p", 14, 18, _HALF),
            *_rows(_FAST, "720p", 28, 34, None),
            *_rows(_FAST, "4k", 28 + _UPSCALE, 34 + _UPSCALE, None),
        ),
    ),
    usual_s=(60, 180),
    url_lifetime_s=14 * 24 * 3600,
)
