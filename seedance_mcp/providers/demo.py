"""The demo: no key, no AI model, no cost. The server's own simulator draws a real video file.

Its wire format is our own and stateless: the task id carries the request and the start time, so a task survives a
restart of the server.
"""

from seedance_mcp.domain.cost import Price, PriceList
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import MODELS, RESOLUTIONS, Model, VideoRequest
from seedance_mcp.providers.json_view import JsonObject, JsonView
from seedance_mcp.providers.spec import Endpoint, ProviderReply, ProviderSpec, Refusal

_RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
_MODELS: tuple[Model, ...] = MODELS[:2]


def build_body(request: VideoRequest, model: ModelSpec, _callback_url: str | None) -> JsonObject:
    optional = {"first_frame": request.first_frame, "last_frame": request.last_frame, "seed": request.seed}
    return {
        "model": model.wire_model,
        "prompt": request.prompt,
        "resolution": request.resolution or model.default_resolution,
        "aspect_ratio": request.aspect_ratio or _RATIOS[0],
        "duration": request.duration or model.default_duration,
        "generate_audio": request.generate_audio is not False,
    } | {name: value for name, value in optional.items() if value is not None}


def parse_reply(reply: JsonView) -> ProviderReply:
    return ProviderReply(
        provider_task_id=reply.text("id"),
        status=reply.text("status"),
        progress=reply.number("progress"),
        video_url=reply.text("video_url"),
        last_frame_url=reply.text("last_frame_url"),
        error=reply.text("error", "message"),
    )


def parse_refusal(reply: JsonView) -> Refusal:
    return Refusal(code=reply.text("error", "code"), message=reply.text("error", "message"))


SPEC = ProviderSpec(
    id="demo",
    title="Demo (no key, no AI model)",
    docs_url="",
    base_url="http://demo.invalid",
    key_variable=None,
    models=tuple(
        ModelSpec(
            model=model,
            wire_model=model,
            modes=("text_to_video", "image_to_video"),
            resolutions=RESOLUTIONS,
            aspect_ratios=_RATIOS,
            durations=tuple(range(4, 16)),
            default_duration=5,
            default_resolution="720p",
            options=frozenset({"last_frame", "generate_audio", "seed"}),
            seed_range=(-1, 4294967295),
            max_prompt=5000,
        )
        for model in _MODELS
    ),
    create=Endpoint(method="POST", path="/v1/videos"),
    fetch=Endpoint(method="GET", path="/v1/videos/{task_id}"),
    cancel=Endpoint(method="POST", path="/v1/videos/{task_id}/cancel"),
    statuses={
        "queued": "queued",
        "running": "running",
        "succeeded": "succeeded",
        "failed": "failed",
        "cancelled": "cancelled",
    },
    build_body=build_body,
    parse_reply=parse_reply,
    parse_refusal=parse_refusal,
    prices=PriceList(
        rows=tuple(
            Price(model=model, resolution=resolution, credits_per_s=0)
            for model in _MODELS
            for resolution in RESOLUTIONS
        ),
        usd_per_credit=0,
    ),
    usual_s=(4, 8),
    cancel_costs="no",
    public_urls=False,
    notes=("Demo output: drawn by this server, no AI model was asked. Set a provider's API key for real videos.",),
)
