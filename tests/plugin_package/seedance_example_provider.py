"""A provider in a package of its own: nothing of seedance-mcp knows it, and `entry_points.txt` is all it takes.

Quirks:

- Tier and resolution are in the model id, as at the gateways whose wire format it shares.
"""

from seedance_mcp.domain.cost import Price, PriceList
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.providers.json_view import JsonObject, JsonView
from seedance_mcp.providers.spec import Endpoint, ProviderReply, ProviderSpec, Refusal


def build_body(request: VideoRequest, model: ModelSpec, _callback_url: str | None) -> JsonObject:
    optional = {"duration": request.duration, "aspect_ratio": request.aspect_ratio, "image": request.first_frame}
    wire_model = f"{model.wire_model}-{request.resolution or model.default_resolution}"
    return {"model": wire_model, "prompt": request.prompt} | {
        name: value for name, value in optional.items() if value is not None
    }


def parse_reply(reply: JsonView) -> ProviderReply:
    return ProviderReply(
        provider_task_id=reply.text("task_id") or reply.text("id"),
        status=reply.text("status"),
        progress=reply.number("progress"),
        video_url=reply.text("video_url") or reply.text("url"),
        error=reply.text("error", "message"),
    )


def parse_refusal(reply: JsonView) -> Refusal:
    return Refusal(message=reply.text("error", "message"), code=reply.text("error", "code"))


SPEC = ProviderSpec(
    id="example",
    title="Example of an installed provider",
    docs_url="https://example.com/docs",
    base_url="https://api.example.com",
    key_variable="EXAMPLE_API_KEY",
    models=(
        ModelSpec(
            model="seedance-2.0",
            wire_model="seedance2.0",
            modes=("text_to_video", "image_to_video"),
            resolutions=("480p", "720p"),
            aspect_ratios=("16:9", "9:16"),
            durations=tuple(range(5, 11)),
            default_resolution="720p",
            options=frozenset[str](),
        ),
    ),
    create=Endpoint(method="POST", path="/v1/video/generations"),
    fetch=Endpoint(method="GET", path="/v1/videos/{task_id}"),
    cancel=None,
    statuses={"queued": "queued", "in_progress": "running", "completed": "succeeded", "failed": "failed"},
    build_body=build_body,
    parse_reply=parse_reply,
    parse_refusal=parse_refusal,
    prices=PriceList(rows=(Price(usd_per_s=0.07),), as_of="2026-11-01"),
)
