"""What Oxen.ai's models endpoint says at this moment: prices, and whether the request schema is still the seed's.

`GET /api/ai/models/{id}` gives the model object with `request_schema` (the docs generator reads the same thing as
`json_request_schema`) and `pricing` with `method` and `cost_per_second…` (https://docs.oxen.ai, generate-model-docs.py;
providers.md §2.7). The currency is not named; Oxen.ai bills in US dollars, so the figures are taken for dollars. Which
resolutions count as high is not documented either: the dearest figure that may apply is taken. A figure of 0 counts as
none, because a price of nothing would pass every spending limit.
"""

from collections.abc import Iterator
from typing import cast

from seedance_mcp.domain.cost import Estimate, per_second
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import MODEL_DECIDES, Mode, VideoRequest
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import LivePrices

MODE_WORDS: dict[Mode, str] = {
    "text_to_video": "text-to-video",
    "image_to_video": "image-to-video",
    "reference_to_video": "reference-to-video",
}
_PER_SECOND = frozenset({"per_video_output_second"})
"""The pricing methods whose `cost_per_second` is per second of video; `time` and `token` are not."""
_FIELDS = (
    ("prompt", "resolution", "duration", "aspect_ratio", "generate_audio", "watermark"),
    ("input_image", "input_image_has_face", "tail_image_url", "tail_image_url_has_face"),
    ("input_images", "input_videos", "input_audios"),
)
"""What we may send: in every mode, with frames, with references."""
_ALWAYS_SENT = frozenset({"model", "prompt", "input_image"})
"""All that a schema may require; the last one by those with frames."""
_TYPES: dict[str, type] = {"string": str, "integer": int, "number": int}


def wire_model(request: VideoRequest, model: ModelSpec) -> str:
    """The id of tier and mode together."""
    return f"{model.wire_model}-{MODE_WORDS[request.mode]}"


def path(request: VideoRequest, model: ModelSpec) -> str:
    return f"/api/ai/models/{wire_model(request, model)}"


def estimate(reply: JsonView, request: VideoRequest, model: ModelSpec) -> Estimate | None:
    """The live price, or None when it is not per second of video."""
    if reply.text("pricing", "method") not in _PER_SECOND:
        return None
    names = ["cost_per_second", "cost_per_second_high_res"]
    unasked = _schema(reply).flag("properties", "generate_audio", "default")
    if request.generate_audio or (request.generate_audio is None and unasked):
        names.append("cost_per_second_with_audio")
    found = {cost for name in names if (cost := reply.number("pricing", name)) is not None and cost > 0}
    if not found:
        return None
    note = "the dearest of the rates that may apply" if len(found) > 1 else None
    return per_second(max(found), request, model, basis="live", note=note)


def mismatches(reply: JsonView, model: ModelSpec) -> tuple[str, ...]:
    """Where the live schema no longer takes what we would send; empty when it still does, or when there is none."""
    schema = _schema(reply)
    return tuple(_differences(schema, model)) if schema.get("properties") else ()


def _differences(schema: JsonView, model: ModelSpec) -> Iterator[str]:
    fields = {
        name: field
        for group in _FIELDS
        if group is _FIELDS[0] or any(schema.get("properties", name) is not None for name in group)
        for name in group
        for field in (schema.get("properties", name),)
    }
    yield from (f"{name} is gone" for name, field in fields.items() if field is None)
    ours: dict[str, tuple[str | int, ...]] = {
        "resolution": model.resolutions,
        "aspect_ratio": model.aspect_ratios,
        "duration": (*model.durations, MODEL_DECIDES),
    }
    for name, values in ours.items():
        refused = [str(value) for value in values if not _takes(JsonView(fields[name]), value)]
        if refused and fields[name] is not None:
            yield f"{name} no longer takes {', '.join(refused)}"
    if schema.flag("properties", "generate_audio", "default") not in {None, model.audio_default}:
        yield f"generate_audio is {str(not model.audio_default).lower()} unless asked otherwise"
    required = schema.get("required")
    names = cast("list[object]", required) if isinstance(required, list) else []
    yield from (f"{name} is required" for name in names if isinstance(name, str) and name not in _ALWAYS_SENT)


def _takes(field: JsonView, value: str | int) -> bool:
    allowed, lowest, highest = field.get("enum"), field.number("minimum"), field.number("maximum")
    if not isinstance(value, _TYPES.get(field.text("type") or "", object)):
        return False
    if isinstance(allowed, list) and value not in cast("list[object]", allowed):
        return False
    is_low = isinstance(value, int) and lowest is not None and value < lowest
    is_high = isinstance(value, int) and highest is not None and value > highest
    return not is_low and not is_high


def _schema(reply: JsonView) -> JsonView:
    """The request schema under either of its names; empty when there is none."""
    found = (reply.get(name) for name in ("request_schema", "json_request_schema"))
    views = (JsonView(schema) for schema in found)
    return next((view for view in views if isinstance(view.get("properties"), dict)), JsonView({}))


LIVE = LivePrices(path=path, estimate=estimate, mismatches=mismatches)
