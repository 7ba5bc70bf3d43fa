"""The nine Seedance 2.0 models of Oxen.ai: their parameters, as JSON Schema, and what is wrong with a request.

From seed 001, for the other modes from the model pages named in providers.md §2.2. The prices are illustrative: no
document has them.
"""

from typing import Final

from seedance_mcp.simulator.checks import (
    Check,
    Field,
    JsonObject,
    Problem,
    anything,
    flag,
    list_of,
    one_of,
    problems_in,
    text,
    web_address,
)
from seedance_mcp.simulator.scene import Order, look_of

_REGISTERED_S: Final = 1_779_000_000
_MOST_REFERENCES: Final = 15
_SECONDS: Final = [-1, *range(4, 16)]
_RATIOS: Final = ["adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"]
_PRICES: Final = {"": 0.2, "-fast": 0.15, "-mini": 0.1}
_TEXT: Final = {"type": "string"}
_SWITCH: Final = {"type": "boolean", "default": False}
_URL: Final = {"type": "string", "format": "uri"}
_URLS: Final = {"type": "array", "items": _URL}
_OWN_FIELDS: Final[dict[str, JsonObject]] = {
    "text": {},
    "image": {
        "input_image": _URL,
        "input_image_has_face": _SWITCH,
        "tail_image_url": _URL,
        "tail_image_url_has_face": _SWITCH,
    },
    "reference": {
        "input_face_images": _URLS,
        "input_images": _URLS,
        "input_face_videos": _URLS,
        "input_videos": _URLS,
        "input_audios": _URLS,
    },
}
_RESOLUTIONS: Final = {
    "text": ["480p", "720p", "1080p", "4k"],
    "image": ["480p", "720p", "1080p"],
    "reference": ["480p", "720p", "1080p", "4k"],
}
_OUTSIDE_THE_SCHEMA: Final = {
    "model": Field(anything),
    "target_namespace": Field(text(at_least=1)),
    "response_format": Field(one_of("url", "b64_json")),
}


def _schema(mode: str, tier: str) -> JsonObject:
    properties: JsonObject = {
        "prompt": _TEXT,
        **_OWN_FIELDS[mode],
        "resolution": {"type": "string", "enum": ["480p", "720p"] if tier else _RESOLUTIONS[mode], "default": "720p"},
        "duration": {"type": "integer", "enum": _SECONDS, "default": -1},
        "aspect_ratio": {"type": "string", "enum": _RATIOS, "default": "adaptive" if mode == "image" else "16:9"},
        "generate_audio": _SWITCH,
        "watermark": _SWITCH,
    }
    required = ["prompt", "input_image"] if mode == "image" else ["prompt"]
    return {
        "type": "object",
        "properties": {name: {**field, "x-order": place} for place, (name, field) in enumerate(properties.items())},
        "required": required,
        "basic": [*required, "resolution", "duration", "aspect_ratio"],
    }


def _model(mode: str, tier: str) -> JsonObject:
    schema, price = _schema(mode, tier), _PRICES[tier]
    return {
        "id": f"bytedance-seedance-2-0{tier}-{mode}-to-video",
        "object": "model",
        "created": _REGISTERED_S,
        "owned_by": "oxen",
        "display_name": f"Seedance 2.0{tier.replace('-', ' ').title()} {mode.title()} to Video",
        "description": None,
        "summary": None,
        "model_type": "base",
        "endpoint": "/videos/generate",
        "capabilities": {"input": ["text"] if mode == "text" else ["text", "image"], "output": ["video"]},
        "pricing": {
            "method": "per_video_output_second",
            "cost_per_second": price,
            "cost_per_second_high_res": price * 2,
            "cost_per_second_with_audio": price,
        },
        "fine_tuning": None,
        "deployments": [],
        "developer": {"name": "ByteDance", "logo": None},
        "source_model": None,
        "image_url": None,
        "released_at": None,
        "request_schema": schema,
        "json_request_schema": schema,
    }


MODELS: Final = {model["id"]: model for mode in _OWN_FIELDS for tier in _PRICES for model in (_model(mode, tier),)}


def late_failure(body: JsonObject, *, queued: bool) -> str | None:
    """What a generation ends with when its parameters are wrong; they are looked at when it runs."""
    schema: JsonObject = MODELS[body["model"]]["request_schema"]
    fields = _OUTSIDE_THE_SCHEMA | ({"num_generations": Field(anything)} if queued else {})
    for name, described in schema["properties"].items():
        fields[name] = Field(_check(described), required=name in schema["required"])
    problems = problems_in(body, fields) or _too_many(body)
    if not problems:
        return None
    details = "; ".join(f"'{problem.path}' {problem.message}" for problem in problems)
    return f"Getting model response error: 422 - Value error, {details}."


def order_of(body: JsonObject, number: int) -> Order:
    """What a valid request asks for; the generations of one request look different."""
    properties: JsonObject = MODELS[body["model"]]["request_schema"]["properties"]
    given: JsonObject = {name: body.get(name, field.get("default")) for name, field in properties.items()}
    references = [url for name in _OWN_FIELDS["reference"] for url in body.get(name, [])]
    return Order(
        look=look_of(given["prompt"], *([number] if number else []), *references),
        resolution=given["resolution"],
        aspect_ratio="16:9" if given["aspect_ratio"] == "adaptive" else given["aspect_ratio"],
        seconds=5 if given["duration"] == -1 else given["duration"],
        audio=given["generate_audio"],
        first_frame=given.get("input_image"),
        last_frame=given.get("tail_image_url"),
    )


def _check(described: JsonObject) -> Check:
    match described["type"]:
        case "boolean":
            return flag
        case "array":
            return list_of(web_address, 1, _MOST_REFERENCES)
        case "integer":
            return _listed_seconds
        case _ if "enum" in described:
            return one_of(*described["enum"])
        case _:
            return web_address if "format" in described else text(at_least=1)


def _listed_seconds(value: object) -> str | None:
    accepted = isinstance(value, int) and not isinstance(value, bool) and value in _SECONDS
    return None if accepted else f"must be one of {', '.join(map(str, _SECONDS))}"


def _too_many(body: JsonObject) -> list[Problem]:
    count = {name: len(body.get(name, [])) for name in _OWN_FIELDS["reference"]}
    rules = (
        ("input_images", count["input_face_images"] + count["input_images"] > 9, "makes more than 9 images"),
        ("input_videos", count["input_face_videos"] + count["input_videos"] > 3, "makes more than 3 videos"),
        ("input_audios", count["input_audios"] > 3, "must have at most 3 items"),
    )
    return [Problem(path, message) for path, is_broken, message in rules if is_broken]
