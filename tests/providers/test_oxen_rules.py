"""What oxen accepts (seed 001 and the pages of its other modes and tiers), and what it says about a request."""

from itertools import product
from typing import Any

import pytest

from providers.recorded import SPECS, model_of, wire_name
from providers.wishes import wish
from seedance_mcp.domain.cost import per_second
from seedance_mcp.domain.model import ModelSpec

OXEN = SPECS["oxen"]
STANDARD = model_of(OXEN, "seedance-2.0")
EACH = pytest.mark.parametrize("model", OXEN.models, ids=lambda model: model.wire_model)
TIERS = {"seedance-2.0": "", "seedance-2.0-fast": "-fast", "seedance-2.0-mini": "-mini"}
PICTURE = "https://example.com/a.png"
MEDIA: dict[str, dict[str, Any]] = {
    "text-to-video": {},
    "image-to-video": {"first_frame": PICTURE},
    "reference-to-video": {"reference_images": (PICTURE,)},
}


def urls(count: int, ending: str) -> tuple[str, ...]:
    return tuple(f"https://example.com/{index}{ending}" for index in range(count))


@pytest.mark.parametrize(("model", "mode"), list(product(OXEN.models, MEDIA)), ids=wire_name)
def test_tier_and_mode_are_in_the_model_id(model: ModelSpec, mode: str) -> None:
    """Provider: providers.md §2.2, nine ids of Seedance 2.0; seed 001 is the first of them."""
    body = OXEN.build_body(wish(**MEDIA[mode]), model, None)
    assert body["model"] == f"bytedance-seedance-2-0{TIERS[model.model]}-{mode}"


@EACH
@pytest.mark.parametrize("duration", range(-2, 18))
def test_lengths_are_4_to_15_seconds_or_left_to_the_model(model: ModelSpec, duration: int) -> None:
    """Provider: seed 001, "One of: -1, 4, 5, … 15"."""
    assert (OXEN.problems(wish(duration=duration), model) == []) == (duration == -1 or 4 <= duration <= 15)


@EACH
def test_the_length_is_a_number_and_not_a_text(model: ModelSpec) -> None:
    """Provider: seed 001, `duration | integer`."""
    for duration in (-1, 4, 15):
        assert OXEN.build_body(wish(duration=duration), model, None)["duration"] == duration


@EACH
def test_ratios_are_the_seven_of_the_seed(model: ModelSpec) -> None:
    """Provider: seed 001, aspect_ratio."""
    assert model.aspect_ratios == ("adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
    assert OXEN.problems(wish(aspect_ratio="adaptive"), model) == []


def test_resolutions_depend_on_the_tier() -> None:
    """Provider: seed 001; providers.md §2.2: fast and mini 480p and 720p. 4k came later, the seed decides."""
    assert {model.model: model.resolutions for model in OXEN.models} == {
        "seedance-2.0": ("480p", "720p", "1080p"),
        "seedance-2.0-fast": ("480p", "720p"),
        "seedance-2.0-mini": ("480p", "720p"),
    }


@EACH
def test_the_documented_defaults_are_known(model: ModelSpec) -> None:
    """Provider: seed 001: -1, 720p, no sound."""
    assert (model.default_duration, model.default_resolution, model.audio_default) == (-1, "720p", False)


def test_there_is_no_seed() -> None:
    """Provider: seed 001 has no such field."""
    assert OXEN.problems(wish(seed=1), STANDARD) == ["oxen has no setting seed; seed=1 was asked. Leave it out."]


@pytest.mark.parametrize(("frame", "other"), [("first_frame", "last_frame"), ("last_frame", "first_frame")])
@pytest.mark.parametrize("has_face", [True, False])
def test_a_face_flag_needs_its_frame(frame: str, other: str, has_face: bool) -> None:
    """Provider: seed 001, "when the start frame contains a real human face"."""
    frames = {"first_frame": PICTURE, "last_frame": PICTURE}
    flag = {f"{frame}_has_face": has_face}
    assert OXEN.problems(wish(**frames, **flag), STANDARD) == []
    without = {other: PICTURE} if other == "first_frame" else {}
    assert OXEN.problems(wish(**without, **flag), STANDARD) == [
        f"{frame}_has_face was given without {frame}. Give the picture too, or leave it out."
    ]


def test_a_tail_image_needs_an_input_image() -> None:
    """Provider: seed 001, `input_image` is required."""
    assert OXEN.problems(wish(last_frame=PICTURE), STANDARD) == [
        "last_frame was given without first_frame. Give both, or only first_frame."
    ]


@pytest.mark.parametrize(
    ("name", "ending", "most"),
    [("reference_images", ".png", 9), ("reference_videos", ".mp4", 3), ("reference_audios", ".mp3", 3)],
)
def test_the_number_of_references_is_limited_by_kind(name: str, ending: str, most: int) -> None:
    """Provider: providers.md §2.2: ≤ 9 images, ≤ 3 videos, ≤ 3 audios."""
    for count in (most, most + 1):
        problems = OXEN.problems(wish(**{"reference_images": (PICTURE,), name: urls(count, ending)}), STANDARD)
        expected = f"oxen takes up to {most} {name}; {count} were given. Leave out 1."
        assert problems == ([] if count == most else [expected])


def test_there_are_at_most_fifteen_references_in_all() -> None:
    """Provider: providers.md §2.2; the limits by kind allow exactly that many."""
    assert {model.max_references for model in OXEN.models} == {15}
    fifteen = wish(reference_images=urls(9, ".png"), reference_videos=urls(3, ".mp4"), reference_audios=urls(3, ".mp3"))
    assert OXEN.problems(fifteen, STANDARD) == []
    sixteen = wish(
        reference_images=urls(10, ".png"), reference_videos=urls(3, ".mp4"), reference_audios=urls(3, ".mp3")
    )
    assert OXEN.problems(sixteen, STANDARD) == [
        "oxen takes up to 9 reference_images; 10 were given. Leave out 1.",
        "oxen takes up to 15 references in all; 16 were given. Leave some out.",
    ]


@pytest.mark.parametrize("operation", ["edit_video", "extend_video"])
def test_editing_and_extending_are_refused(operation: str) -> None:
    """Provider: no such mode of Seedance 2.0 in the list of models (providers.md §2.2)."""
    assert OXEN.problems(wish(reference_videos=urls(1, ".mp4"), operation=operation), STANDARD) == [
        f"oxen cannot do {operation} with seedance-2.0; operation={operation!r} was asked. Leave operation out."
    ]


@pytest.mark.parametrize("option", ["camera_fixed", "return_last_frame"])
def test_a_setting_that_is_not_documented_is_refused(option: str) -> None:
    """Provider: seed 001 names neither."""
    assert OXEN.problems(wish(**{option: True}), STANDARD) == [
        f"oxen has no setting {option}; {option}=True was asked. Leave it out."
    ]


def test_references_keep_their_numbers_because_none_is_sent_as_one_with_a_face() -> None:
    """Provider: providers.md §2.2: media with faces are counted first, so an order with them would renumber @Image1."""
    body = OXEN.build_body(wish(prompt="@Image2 then @Image1", reference_images=urls(2, ".png")), STANDARD, None)
    assert body["prompt"] == "@Image2 then @Image1"
    assert body["input_images"] == list(urls(2, ".png"))
    assert not any(name.startswith("input_face") for name in body)


def test_the_result_says_that_there_will_be_no_sound() -> None:
    """DESIGN §5: audio default is off at 001; when the caller chose nothing, the note says so."""
    assert OXEN.notes_on(wish(), STANDARD) == ("oxen makes it without sound unless asked otherwise.",)
    for chosen in (True, False):
        assert OXEN.notes_on(wish(generate_audio=chosen), STANDARD) == ()


@EACH
def test_a_length_left_to_the_model_is_estimated_as_a_range(model: ModelSpec) -> None:
    """DESIGN §3 Estimates: ranges for -1, which here is also the default."""
    for asked in (None, -1):
        found = per_second(0.5, wish(duration=asked), model, basis="live")
        assert found is not None
        assert (found.usd, found.usd_max, found.ceiling_usd) == (2.0, 7.5, 7.5)
