"""What aihubmax accepts (seed 000 and the catalogue of its other modes), and what it says about a request."""

from itertools import product
from typing import Any

import pytest

from providers.recorded import SPECS, model_of, wire_name
from providers.wishes import wish
from seedance_mcp.domain.model import ModelSpec

AIHUBMAX = SPECS["aihubmax"]
STANDARD, FAST = model_of(AIHUBMAX, "seedance-2.0"), model_of(AIHUBMAX, "seedance-2.0-fast")
EACH = pytest.mark.parametrize("model", [STANDARD, FAST], ids=lambda model: model.wire_model)
PICTURE = "https://example.com/a.png"
MEDIA: dict[str, dict[str, Any]] = {
    "text-to-video": {},
    "image-to-video": {"first_frame": PICTURE},
    "reference-to-video": {"reference_images": (PICTURE,)},
}


def urls(count: int, ending: str) -> tuple[str, ...]:
    return tuple(f"https://example.com/{index}{ending}" for index in range(count))


@pytest.mark.parametrize(("model", "mode"), list(product((STANDARD, FAST), MEDIA)), ids=wire_name)
def test_tier_and_mode_are_in_the_model_id(model: ModelSpec, mode: str) -> None:
    """Provider: seed 000, `model`; the siblings from its catalogue (providers.md §1.3)."""
    tier = "-fast" if model is FAST else ""
    body = AIHUBMAX.build_body(wish(**MEDIA[mode]), model, None)
    assert body["model"] == f"seedance-2.0{tier}-{mode}"


@EACH
@pytest.mark.parametrize("duration", range(-2, 18))
def test_lengths_are_4_to_15_seconds_or_left_to_the_model(model: ModelSpec, duration: int) -> None:
    """Provider: seed 000, "integers from 4 to 15, or -1 to let the model decide"."""
    problems = AIHUBMAX.problems(wish(duration=duration), model)
    assert (problems == []) == (duration == -1 or 4 <= duration <= 15)


@EACH
def test_ratios_and_resolutions_are_those_of_the_seed(model: ModelSpec) -> None:
    """Provider: seed 000; a later page adds 1080p for the standard model, the seed decides."""
    assert set(model.aspect_ratios) == {"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive"}
    assert AIHUBMAX.problems(wish(aspect_ratio="adaptive", resolution="480p"), model) == []
    who = f"aihubmax makes {model.model} in"
    assert AIHUBMAX.problems(wish(resolution="1080p"), model) == [
        f"{who} 480p or 720p; resolution='1080p' was asked. Choose one of these."
    ]
    ratios = "16:9, 4:3, 1:1, 3:4, 9:16, 21:9 or adaptive"
    assert AIHUBMAX.problems(wish(aspect_ratio="auto"), model) == [
        f"{who} {ratios}; aspect_ratio='auto' was asked. Choose one of these."
    ]


@EACH
def test_the_documented_defaults_are_known(model: ModelSpec) -> None:
    """Provider: seed 000: 5 s, 720p, sound."""
    assert (model.default_duration, model.default_resolution, model.audio_default) == (5, "720p", True)


@pytest.mark.parametrize(("length", "is_right"), [(5000, True), (5001, False)])
def test_prompts_have_at_most_5000_characters(length: int, is_right: bool) -> None:
    """Provider: seed 000, "Maximum 5000 characters"."""
    problems = AIHUBMAX.problems(wish(prompt="语" * length), STANDARD)
    expected = f"aihubmax takes prompts of up to 5000 characters; prompt has {length}. Shorten it."
    assert problems == ([] if is_right else [expected])


@pytest.mark.parametrize("media", MEDIA.values(), ids=list(MEDIA))
def test_a_prompt_is_always_needed(media: dict[str, Any]) -> None:
    """Provider: providers.md §1.3, `prompt` is required in every mode."""
    (problem,) = AIHUBMAX.problems(wish(prompt=" ", **media), STANDARD)
    assert problem.startswith("aihubmax needs a prompt for ")


@pytest.mark.parametrize(("seed", "is_right"), [(-2, False), (-1, True), (0, True), (2**32 - 1, True), (2**32, False)])
def test_seeds_begin_at_minus_one(seed: int, is_right: bool) -> None:
    """Provider: seed 000, "-1 means auto-generated". Ours: the upper end is that of the model's maker."""
    assert (AIHUBMAX.problems(wish(seed=seed), STANDARD) == []) == is_right


def test_an_end_frame_needs_a_start_frame() -> None:
    """Provider: seed 000, the start frame is required."""
    assert AIHUBMAX.problems(wish(first_frame=PICTURE, last_frame=PICTURE), STANDARD) == []
    assert AIHUBMAX.problems(wish(last_frame=PICTURE), STANDARD) == [
        "last_frame was given without first_frame. Give both, or only first_frame."
    ]


@pytest.mark.parametrize(
    ("name", "ending", "most"),
    [("reference_images", ".png", 9), ("reference_videos", ".mp4", 3), ("reference_audios", ".mp3", 3)],
)
def test_the_number_of_references_is_limited_by_kind(name: str, ending: str, most: int) -> None:
    """Provider: providers.md §1.3: image_urls ≤ 9, video_urls ≤ 3, audio_urls ≤ 3."""
    for count in (most, most + 1):
        problems = AIHUBMAX.problems(wish(**{"reference_images": (PICTURE,), name: urls(count, ending)}), STANDARD)
        expected = f"aihubmax takes up to {most} {name}; {count} were given. Leave out 1."
        assert problems == ([] if count == most else [expected])


@pytest.mark.parametrize(("images", "is_right"), [(6, True), (7, False)])
def test_there_are_at_most_twelve_references_in_all(images: int, is_right: bool) -> None:
    """Provider: providers.md §1.3, "≤ 12 references in total"."""
    video = wish(
        reference_images=urls(images, ".png"), reference_videos=urls(3, ".mp4"), reference_audios=urls(3, ".mp3")
    )
    expected = "aihubmax takes up to 12 references in all; 13 were given. Leave some out."
    assert AIHUBMAX.problems(video, STANDARD) == ([] if is_right else [expected])


def test_audio_alone_is_refused() -> None:
    """Provider: providers.md §1.3, "audio alone not allowed"."""
    assert AIHUBMAX.problems(wish(reference_audios=urls(1, ".mp3")), STANDARD) == [
        "aihubmax does not take audio alone; only reference_audios were given. Add a reference image or video."
    ]


@pytest.mark.parametrize("option", ["watermark", "camera_fixed", "return_last_frame", "first_frame_has_face"])
def test_a_setting_that_is_not_documented_is_refused(option: str) -> None:
    """Provider: seed 000 names none of these."""
    assert AIHUBMAX.problems(wish(first_frame=PICTURE, **{option: False}), STANDARD) == [
        f"aihubmax has no setting {option}; {option}=False was asked. Leave it out."
    ]


@pytest.mark.parametrize("operation", ["edit_video", "extend_video"])
def test_editing_and_extending_are_refused(operation: str) -> None:
    """Provider: no such mode in seed 000 or its catalogue."""
    assert AIHUBMAX.problems(wish(reference_videos=urls(1, ".mp4"), operation=operation), STANDARD) == [
        f"aihubmax cannot do {operation} with seedance-2.0; operation={operation!r} was asked. Leave operation out."
    ]


def test_the_result_says_that_there_will_be_sound() -> None:
    """DESIGN §5: audio default is on at 000; when the caller chose nothing, the note says so."""
    note = "aihubmax makes it with sound unless asked otherwise."
    assert AIHUBMAX.notes_on(wish(), STANDARD) == (note,)
    for chosen in (True, False):
        assert AIHUBMAX.notes_on(wish(generate_audio=chosen), FAST) == ()
        assert AIHUBMAX.build_body(wish(generate_audio=chosen), FAST, None)["generate_audio"] is chosen


def test_no_callback_is_sent() -> None:
    """Provider: providers.md §1.3, callback_url is "not in the Seedance spec"."""
    assert AIHUBMAX.build_body(wish(), STANDARD, "https://example.com/hook") == AIHUBMAX.build_body(
        wish(), STANDARD, None
    )
