"""What oxen's models endpoint says is believed as far as it goes: prices, and drift of the schema."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.recorded import SPECS, model_of
from providers.wishes import wish
from seedance_mcp.domain.cost import Estimate
from seedance_mcp.domain.video import Model
from seedance_mcp.providers import oxen_live
from seedance_mcp.providers.json_view import JsonView

OXEN = SPECS["oxen"]
STANDARD, FAST = model_of(OXEN, "seedance-2.0"), model_of(OXEN, "seedance-2.0-fast")
RATIOS = ["adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"]
SECONDS = [-1, *range(4, 16)]
TEXT, URL, URLS = (
    {"type": "string"},
    {"type": "string", "format": "uri"},
    {"type": "array", "items": {"type": "string"}},
)
FLAG = {"type": "boolean", "default": False}
EVERY_MODE: dict[str, Any] = {
    "prompt": TEXT,
    "resolution": {"type": "string", "default": "720p", "enum": ["480p", "720p", "1080p"]},
    "duration": {"type": "integer", "default": -1, "enum": SECONDS},
    "aspect_ratio": {"type": "string", "default": "adaptive", "enum": RATIOS},
    "generate_audio": FLAG,
    "watermark": FLAG,
}
FRAMES: dict[str, Any] = {
    "input_image": URL,
    "input_image_has_face": FLAG,
    "tail_image_url": URL,
    "tail_image_url_has_face": FLAG,
}
REFERENCES: dict[str, Any] = dict.fromkeys(
    ("input_face_images", "input_images", "input_face_videos", "input_videos", "input_audios"), URLS
)
SEED: dict[str, Any] = {"properties": EVERY_MODE | FRAMES, "required": ["prompt", "input_image"]}
"""Seed 001, both tables, as the JSON Schema that they are generated from (generate-model-docs.py)."""
AT_HEAD = EVERY_MODE | {
    "resolution": {"type": "string", "default": "720p", "enum": ["480p", "720p", "1080p", "4k"]},
    "aspect_ratio": {"type": "string", "default": "16:9", "enum": RATIOS},
}
"""Providers.md §2.2, 2026-06-26 (commit edc2a51): 4k, ratio 16:9 by default."""
OF_MAY = {
    "properties": {
        "prompt": TEXT,
        "input_image": URL,
        "tail_image_url": URL,
        "resolution": {"type": "string", "default": "720p", "enum": ["480p", "720p", "1080p"]},
        "duration": {"type": "string", "default": "auto", "enum": ["auto", *map(str, range(4, 16))]},
        "aspect_ratio": {"type": "string", "default": "auto", "enum": ["auto", *RATIOS[1:]]},
        "generate_audio": {"type": "boolean", "default": True},
        "seed": {"type": "integer"},
    },
    "required": ["prompt", "input_image"],
}
"""Providers.md §2.2, 2026-05-16 (commit e82e013 of the docs repository)."""
ALL_SECONDS = "4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1"


def view(**facts: Any) -> JsonView:
    return JsonView({"id": "bytedance-seedance-2-0-image-to-video", **facts})


def drift(schema: Mapping[str, Any], model: Model = "seedance-2.0") -> tuple[str, ...]:
    return oxen_live.mismatches(view(request_schema=schema), model_of(OXEN, model))


def with_field(name: str, **field: Any) -> Mapping[str, Any]:
    return {**SEED, "properties": {**SEED["properties"], name: field}}


def price(pricing: object, schema: object = None, **facts: Any) -> Estimate | None:
    return oxen_live.estimate(view(pricing=pricing, request_schema=schema), wish(**facts), STANDARD)


def per_second(**costs: float | str | None) -> Mapping[str, Any]:
    return {"method": "per_video_output_second", **{f"cost_per_second{name}": cost for name, cost in costs.items()}}


@pytest.mark.parametrize(
    "facts",
    [{}, {"first_frame": "https://e.com/a.png"}, {"reference_images": ("https://e.com/a.png",)}],
    ids=["text", "image", "reference"],
)
def test_the_path_names_the_model_that_the_request_would_use(facts: dict[str, Any]) -> None:
    """Provider: providers.md §2.7, `GET /api/ai/models/{id}`."""
    for model in OXEN.models:
        request = wish(**facts)
        body = OXEN.build_body(request, model, None)
        assert oxen_live.path(request, model) == f"/api/ai/models/{body['model']}"


def test_the_record_asks_there() -> None:
    """Ours: the functions of this file are what the engine is given."""
    assert OXEN.live is oxen_live.LIVE
    assert [spec.id for spec in SPECS.values() if spec.live] == ["oxen"]


def test_the_price_is_per_second_of_video() -> None:
    """Provider: providers.md §2.7, method `per_video_output_second`."""
    assert price(per_second(**{"": 0.2}), duration=10) == Estimate(basis="live", usd=2.0)


@pytest.mark.parametrize("duration", [None, -1])
def test_a_length_that_the_model_chooses_is_a_range(duration: int | None) -> None:
    """DESIGN §3: ranges for -1; seed 001: -1 is the default."""
    assert price(per_second(**{"": 0.2}), duration=duration) == Estimate(basis="live", usd=0.8, usd_max=3.0)


@pytest.mark.parametrize("method", ["token", "time", "per_image", "", None, 7])
def test_other_ways_of_pricing_give_no_price(method: object) -> None:
    """Provider: providers.md §2.7; DESIGN §3: never a made-up number."""
    assert price({**per_second(**{"": 0.2}), "method": method}, duration=5) is None


@pytest.mark.parametrize("pricing", [None, {}, [], "0.2", {"method": "per_video_output_second"}], ids=str)
def test_no_figure_is_no_price(pricing: object) -> None:
    """DESIGN §3: never a made-up number."""
    assert price(pricing, duration=5) is None


@pytest.mark.parametrize("cost", [0, 0.0, -0.2, None, "0.2", math.nan])
def test_a_figure_that_is_no_price_is_left_out(cost: Any) -> None:
    """Ours: a price of nothing would pass every spending limit."""
    assert price(per_second(**{"": cost}), duration=5) is None
    assert price(per_second(**{"": 0.2, "_high_res": cost}), duration=5) == Estimate(basis="live", usd=1.0)


@pytest.mark.parametrize(
    ("facts", "usd", "has_note"),
    [
        ({}, 2.0, True),
        ({"resolution": "480p"}, 2.0, True),
        ({"generate_audio": False}, 2.0, True),
        ({"generate_audio": True}, 3.0, True),
    ],
)
def test_the_dearest_rate_that_may_apply_counts(facts: dict[str, Any], usd: float, has_note: bool) -> None:
    """DESIGN §3 Spending limits: an undocumented detail counts at the dearest documented rate; which is "high res"?"""
    found = price(per_second(**{"": 0.2, "_high_res": 0.4, "_with_audio": 0.6}), duration=5, **facts)
    assert found is not None
    assert (found.usd, found.note) == (usd, "the dearest of the rates that may apply" if has_note else None)


def test_equal_rates_need_no_note() -> None:
    """Ours: there is nothing to choose from."""
    costs = per_second(**{"": 0.2, "_high_res": 0.2, "_with_audio": 0.2})
    assert price(costs, duration=5, generate_audio=True) == Estimate(basis="live", usd=1.0)


def test_sound_that_is_made_unasked_is_priced() -> None:
    """Provider: providers.md §2.2; the schema of 2026-05-16 made sound by default, and so may another."""
    costs = per_second(**{"": 0.2, "_with_audio": 0.6})
    assert price(costs, OF_MAY, duration=5) == Estimate(
        basis="live", usd=3.0, note="the dearest of the rates that may apply"
    )
    assert price(costs, OF_MAY, duration=5, generate_audio=False) == Estimate(basis="live", usd=1.0)
    assert price(costs, SEED, duration=5) == Estimate(basis="live", usd=1.0)


@pytest.mark.parametrize(
    ("properties", "required"),
    [
        (EVERY_MODE | FRAMES, ["prompt", "input_image"]),
        (AT_HEAD | FRAMES, ["prompt", "input_image"]),
        (AT_HEAD, ["prompt"]),
        (AT_HEAD | REFERENCES, ["prompt"]),
        (EVERY_MODE | REFERENCES, None),
    ],
    ids=["seed", "image-at-head", "text-at-head", "reference-at-head", "nothing-required"],
)
@pytest.mark.parametrize("name", ["request_schema", "json_request_schema"])
def test_the_schemas_of_the_seed_and_of_today_take_what_we_send(name: str, properties: Any, required: Any) -> None:
    """Provider: seed 001; providers.md §2.2 and §2.7: both names of the schema."""
    for model in OXEN.models:
        reply = view(**{name: {"properties": properties, "required": required}})
        assert oxen_live.mismatches(reply, model) == ()


def test_the_schema_of_may_does_not_and_every_difference_is_named() -> None:
    """Provider: providers.md §2.2, 2026-05-16: string durations with "auto", ratio "auto", no watermark, sound on."""
    assert drift(OF_MAY) == (
        "watermark is gone",
        "input_image_has_face is gone",
        "tail_image_url_has_face is gone",
        "aspect_ratio no longer takes adaptive",
        f"duration no longer takes {ALL_SECONDS}",
        "generate_audio is true unless asked otherwise",
    )


def test_the_other_name_counts_where_the_first_holds_no_schema() -> None:
    """Provider: providers.md §2.7, `request_schema` may be null; so may both, and then there is nothing to compare."""
    empties: tuple[Any, ...] = (None, {}, [], {"properties": None})
    for empty in empties:
        both = view(request_schema=empty, json_request_schema=OF_MAY)
        assert "watermark is gone" in oxen_live.mismatches(both, STANDARD)
        assert oxen_live.mismatches(view(request_schema=empty), STANDARD) == ()
    assert oxen_live.mismatches(view(request_schema={"properties": {}}), STANDARD) == ()
    assert oxen_live.mismatches(view(), STANDARD) == ()


@pytest.mark.parametrize("name", sorted({*EVERY_MODE, *FRAMES}))
def test_a_field_that_is_gone_is_named(name: str) -> None:
    """Ours: what we would send would fail when the task runs (seed 001 validates late)."""
    properties = {field: value for field, value in SEED["properties"].items() if field != name}
    assert drift({"properties": properties}) == (f"{name} is gone",)


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (with_field("resolution", type="string", enum=["720p", "1080p"]), "resolution no longer takes 480p"),
        (with_field("duration", type="string"), f"duration no longer takes {ALL_SECONDS}"),
        (with_field("duration", type="integer", minimum=4, maximum=15), "duration no longer takes -1"),
        (with_field("duration", type="integer", minimum=-1, maximum=12), "duration no longer takes 13, 14, 15"),
        (with_field("duration", type="integer", enum=[-1, *range(5, 16)]), "duration no longer takes 4"),
        (with_field("aspect_ratio", enum=RATIOS[:-1]), "aspect_ratio no longer takes 9:16"),
        ({**SEED, "required": ["prompt", "input_image", "end_user_id"]}, "end_user_id is required"),
        ({**SEED, "required": ["image_url"]}, "image_url is required"),
    ],
)
def test_a_narrower_schema_is_named_with_what_it_leaves_out(schema: Mapping[str, Any], found: str) -> None:
    """Provider: providers.md §2.7, fields carry `enum`, `minimum`, `maximum`; more kinds of drift than seen so far."""
    assert drift(schema) == (found,)


@pytest.mark.parametrize(
    "schema",
    [
        with_field("duration", type="integer"),
        with_field("duration", type="number", minimum=-1, maximum=15),
        with_field("duration", type=["integer", "null"], enum=SECONDS),
        with_field("resolution", type="string"),
        with_field("new_field", type="string"),
        {**SEED, "required": "prompt"},
    ],
)
def test_a_wider_schema_is_no_difference(schema: Mapping[str, Any]) -> None:
    """Ours: what we send is still taken."""
    assert drift(schema) == ()


def test_a_tier_is_compared_with_what_it_takes_itself() -> None:
    """Provider: providers.md §2.2: fast and mini have 480p and 720p."""
    narrow = with_field("resolution", type="string", enum=["480p", "720p"])
    assert drift(narrow, "seedance-2.0-fast") == ()
    assert drift(narrow) == ("resolution no longer takes 1080p",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys(("type", "enum", "minimum", "maximum", "default"), JSON))
SCHEMAS = st.fixed_dictionaries(
    {}, optional={"properties": st.dictionaries(st.sampled_from(list(EVERY_MODE)), FIELDS | JSON), "required": JSON}
)
PRICINGS = st.fixed_dictionaries(
    {"method": st.just("per_video_output_second")},
    optional={
        f"cost_per_second{name}": st.floats(-1, 1e6) | JSON.filter(lambda value: not isinstance(value, int | float))
        for name in ("", "_high_res", "_with_audio")
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS | JSON, PRICINGS | JSON, st.sampled_from([None, -1, 4, 15]), st.sampled_from([None, True, False]))
def test_any_answer_gives_a_price_above_nothing_or_none_and_differences_in_words(
    schema: Any, pricing: Any, duration: int | None, generate_audio: bool | None
) -> None:
    """Ours: an answer that surprises costs an estimate, not a stack trace."""
    reply = view(request_schema=schema, pricing=pricing)
    found = oxen_live.estimate(reply, wish(duration=duration, generate_audio=generate_audio), FAST)
    assert found is None or (found.basis == "live" and found.usd is not None and found.usd >= 0)
    assert all(isinstance(words, str) for words in oxen_live.mismatches(reply, FAST))
