"""What uniall accepts (seed 004), what it says about a request, and how tier and resolution become a model id."""

from itertools import product
from typing import Any

import pytest

from providers.recorded import SPECS, model_of, wire_name
from providers.wishes import wish
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import RESOLUTIONS, Model, Resolution

UNIALL = SPECS["uniall"]
STANDARD = model_of(UNIALL, "seedance-2.0")
EACH = pytest.mark.parametrize("model", UNIALL.models, ids=lambda model: model.wire_model)
PICTURE, FILM, SOUND = "https://example.com/a.png", "https://example.com/a.mp4", "https://example.com/a.mp3"
IDS: dict[tuple[Model, Resolution], str] = {
    ("seedance-2.0", "480p"): "seedance2.0-480p",
    ("seedance-2.0", "720p"): "seedance2.0-720p",
    ("seedance-2.0", "1080p"): "seedance2.0-1080p",
    ("seedance-2.0", "4k"): "seedance2.0-4k",
    ("seedance-2.0-fast", "480p"): "seedance2.0-fast-480p",
    ("seedance-2.0-fast", "720p"): "seedance2.0-fast-720p",
    ("seedance-2.0-mini", "480p"): "seedance2.0-mini-480p",
    ("seedance-2.0-mini", "720p"): "seedance2.0-mini-720p",
}
"""Seed 004, "Supported Models", every row."""
EXTRA = ("generate_audio", "seed", "watermark", "camera_fixed", "return_last_frame", "operation")


def extra(**facts: Any) -> Any:
    body = UNIALL.build_body(wish(**facts), STANDARD, None)
    assert not set(EXTRA) & set(body)
    return body.get("extra_body")


@pytest.mark.parametrize(("model", "resolution"), list(product(UNIALL.models, RESOLUTIONS)), ids=wire_name)
def test_tier_and_resolution_are_a_pair_of_the_list_or_refused(model: ModelSpec, resolution: Resolution) -> None:
    """Provider: seed 004, "Supported Models"."""
    video = wish(resolution=resolution)
    wire_model = IDS.get((model.model, resolution))
    if wire_model:
        assert UNIALL.problems(video, model) == []
        assert UNIALL.build_body(video, model, None) == {"model": wire_model, "prompt": "x"}
    else:
        assert UNIALL.problems(video, model) == [
            f"uniall makes {model.model} in 480p or 720p; resolution={resolution!r} was asked. Choose one of these."
        ]


@EACH
def test_without_a_resolution_720p_is_ordered_and_said(model: ModelSpec) -> None:
    """DESIGN §5: no resolution asked: 720p, and a note."""
    assert UNIALL.build_body(wish(), model, None)["model"] == IDS[model.model, "720p"]
    note = "No resolution was asked, so 720p was ordered: uniall has no default."
    assert UNIALL.notes_on(wish(), model) == (note,)
    assert UNIALL.notes_on(wish(resolution="720p"), model) == ()


@EACH
@pytest.mark.parametrize("duration", range(-1, 18))
def test_lengths_are_5_to_15_seconds(model: ModelSpec, duration: int) -> None:
    """Provider: seed 004, "any value from 5 to 15"; -1 is not among them."""
    assert (UNIALL.problems(wish(duration=duration), model) == []) == (5 <= duration <= 15)


@pytest.mark.parametrize(
    ("duration", "advice"),
    [
        (4, "Use 5."),
        (16, "Use 15 or less, or make two videos."),
        (-1, "Name a length: the model cannot choose it here."),
    ],
)
def test_a_wrong_length_is_answered_with_what_is_true_and_what_to_do(duration: int, advice: str) -> None:
    """DESIGN §3 Errors; §5: starts at 5 s, has no -1."""
    assert UNIALL.problems(wish(duration=duration), STANDARD) == [
        f"uniall makes 5 to 15 s with seedance-2.0; duration={duration} was asked. {advice}"
    ]


@EACH
@pytest.mark.parametrize("ratio", ["9:16", "1:1", "16:9", "21:9", "4:3", "3:4", "adaptive", "auto"])
def test_there_are_three_ratios(model: ModelSpec, ratio: str) -> None:
    """Provider: seed 004, "9:16, 1:1, or 16:9"; a newer page has more, the seed decides."""
    assert (UNIALL.problems(wish(aspect_ratio=ratio), model) == []) == (ratio in {"9:16", "1:1", "16:9"})


@EACH
def test_what_the_documents_leave_open_has_no_default(model: ModelSpec) -> None:
    """Provider: seed 004 says nothing of a default length or sound, so no note and no price is made of one."""
    assert (model.default_duration, model.audio_default) == (None, None)
    assert UNIALL.notes_on(wish(resolution="480p"), model) == ()


def test_a_last_image_needs_an_image_and_brings_its_operation() -> None:
    """Provider: seed 004, "use with image"; operation first_last_frame follows from it (DESIGN §2)."""
    assert UNIALL.problems(wish(last_frame=PICTURE), STANDARD) == [
        "last_frame was given without first_frame. Give both, or only first_frame."
    ]
    assert UNIALL.problems(wish(first_frame=PICTURE, last_frame=PICTURE), STANDARD) == []
    assert extra(first_frame=PICTURE, last_frame=PICTURE) == {"operation": "first_last_frame"}
    assert extra(first_frame=PICTURE) is None


@pytest.mark.parametrize(("name", "url", "most"), [("reference_images", PICTURE, 9), ("reference_videos", FILM, 3)])
def test_the_number_of_references_is_limited_by_kind(name: str, url: str, most: int) -> None:
    """Provider: seed 004, "Maximum 9", "Maximum 3"."""
    assert UNIALL.problems(wish(**{name: (url,) * most}), STANDARD) == []
    assert UNIALL.problems(wish(**{name: (url,) * (most + 1)}), STANDARD) == [
        f"uniall takes up to {most} {name}; {most + 1} were given. Leave out 1."
    ]


def test_audios_have_no_limit_but_not_a_video_of_their_own() -> None:
    """Provider: seed 004 names no limit for audios. Ours: nor does it say that audio may be alone, so it may not."""
    for count in (1, 9, 10, 100):
        assert UNIALL.problems(wish(reference_images=(PICTURE,), reference_audios=(SOUND,) * count), STANDARD) == []
    assert UNIALL.problems(wish(reference_audios=(SOUND,)), STANDARD) == [
        "uniall does not take audio alone; only reference_audios were given. Add a reference image or video."
    ]


@pytest.mark.parametrize("operation", ["reference_to_video", "edit_video", "extend_video"])
def test_an_operation_is_a_hint_where_references_could_mean_several_things(operation: str) -> None:
    """Provider: seed 004, extra_body.operation; sent only when it was asked for."""
    assert UNIALL.problems(wish(reference_videos=(FILM,), operation=operation), STANDARD) == []
    assert extra(reference_videos=(FILM,), operation=operation) == {"operation": operation}
    assert extra(reference_videos=(FILM,)) is None
    assert UNIALL.problems(wish(operation=operation), STANDARD) == [
        f"operation={operation!r} needs references; none were given. Leave it out or give reference_videos."
    ]
    for frames in ({"first_frame": PICTURE}, {"first_frame": PICTURE, "last_frame": PICTURE}):
        assert len(UNIALL.problems(wish(operation=operation, **frames), STANDARD)) == 1


@pytest.mark.parametrize("operation", ["edit_video", "extend_video"])
def test_editing_and_extending_are_uniall_s_alone_and_need_a_video(operation: str) -> None:
    """Provider: seed 004, "compatible edit or extension modes"; no other seed has a field for them."""
    pictures = wish(reference_images=(PICTURE,), operation=operation)
    assert UNIALL.problems(pictures, STANDARD) == [
        f"{operation} needs a video; no reference_videos were given. Add the video to work on."
    ]
    films = wish(reference_images=(PICTURE,), reference_videos=(FILM,), operation=operation)
    able = {spec.id for spec in SPECS.values() for model in spec.models if not spec.problems(films, model)}
    assert able == {"uniall"}


@pytest.mark.parametrize("option", ["generate_audio", "watermark", "camera_fixed", "return_last_frame"])
@pytest.mark.parametrize("value", [True, False])
def test_switches_are_sent_as_chosen_in_the_extra_body(option: str, value: bool) -> None:
    """Provider: seed 004, `extra_body.…`; both examples send false as false."""
    assert UNIALL.problems(wish(**{option: value}), STANDARD) == []
    assert extra(**{option: value}) == {option: value}


@pytest.mark.parametrize(("seed", "is_right"), [(-2, False), (-1, True), (0, True), (2**32 - 1, True), (2**32, False)])
def test_seeds_go_into_the_extra_body(seed: int, is_right: bool) -> None:
    """Provider: seed 004, extra_body.seed. Ours: its range is that of the model's maker."""
    assert (UNIALL.problems(wish(seed=seed), STANDARD) == []) == is_right
    assert extra(seed=seed) == {"seed": seed}


@pytest.mark.parametrize("option", ["first_frame_has_face", "last_frame_has_face"])
def test_a_setting_that_is_not_documented_is_refused(option: str) -> None:
    """Provider: seed 004 knows no flags for faces."""
    assert UNIALL.problems(wish(first_frame=PICTURE, last_frame=PICTURE, **{option: True}), STANDARD) == [
        f"uniall has no setting {option}; {option}=True was asked. Leave it out."
    ]
