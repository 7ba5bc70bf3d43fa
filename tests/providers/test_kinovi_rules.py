"""What kinovi accepts (seed 003 and the pages of its other modes)."""

import pytest

from providers.recorded import SPECS, model_of
from providers.wishes import wish
from seedance_mcp.domain.model import ModelSpec

KINOVI = SPECS["kinovi"]
STANDARD, FAST = model_of(KINOVI, "seedance-2.0"), model_of(KINOVI, "seedance-2.0-fast")
EACH = pytest.mark.parametrize("model", [STANDARD, FAST], ids=lambda model: model.wire_model)
PICTURE = "https://example.com/a.png"


def urls(count: int, ending: str) -> tuple[str, ...]:
    return tuple(f"https://example.com/{index}{ending}" for index in range(count))


@EACH
@pytest.mark.parametrize("duration", range(-1, 18))
def test_lengths_are_4_to_15_seconds(model: ModelSpec, duration: int) -> None:
    """Provider: seed 003, `"4" to "15"`; -1 is not among them."""
    problems = KINOVI.problems(wish(duration=duration), model)
    assert (problems == []) == (4 <= duration <= 15)


@pytest.mark.parametrize(
    ("duration", "advice"),
    [
        (20, "Use 15 or less, or make two videos."),
        (3, "Use 4."),
        (-1, "Name a length: the model cannot choose it here."),
    ],
)
def test_a_wrong_length_is_answered_with_what_is_true_and_what_to_do(duration: int, advice: str) -> None:
    """DESIGN §3 Errors prints this very sentence."""
    assert KINOVI.problems(wish(duration=duration), STANDARD) == [
        f"kinovi makes 4 to 15 s with seedance-2.0; duration={duration} was asked. {advice}"
    ]


@EACH
def test_ratios_are_the_six_of_the_seed(model: ModelSpec) -> None:
    """Provider: seed 003, aspectRatio."""
    assert set(model.aspect_ratios) == {"16:9", "9:16", "1:1", "3:4", "4:3", "21:9"}
    (problem,) = KINOVI.problems(wish(aspect_ratio="5:4"), model)
    assert problem == (
        f"kinovi makes {model.model} in 16:9, 9:16, 1:1, 3:4, 4:3 or 21:9; aspect_ratio='5:4' was asked. "
        "Choose one of these."
    )


def test_the_fast_model_has_no_1080p() -> None:
    """Provider: providers.md §4.2, "fast: 480p/720p"; the upscale to 4k is in the seed's table for both."""
    assert STANDARD.resolutions == ("480p", "720p", "1080p", "4k")
    assert FAST.resolutions == ("480p", "720p", "4k")
    assert KINOVI.problems(wish(resolution="1080p"), FAST) == [
        "kinovi makes seedance-2.0-fast in 480p, 720p or 4k; resolution='1080p' was asked. Choose one of these."
    ]


@pytest.mark.parametrize(("length", "is_right"), [(4000, True), (4001, False)])
def test_prompts_have_at_most_4000_characters(length: int, is_right: bool) -> None:
    """Provider: seed 003, "Max 4000 characters"; the newest page says 10,000, the seed decides."""
    problems = KINOVI.problems(wish(prompt="@Image1 ".ljust(length, "é")), STANDARD)
    expected = f"kinovi takes prompts of up to 4000 characters; prompt has {length}. Shorten it."
    assert problems == ([] if is_right else [expected])


@pytest.mark.parametrize("prompt", ["", " \n"])
def test_a_prompt_is_optional_exactly_where_pictures_are_given(prompt: str) -> None:
    """Provider: seed 003, "prompt | No"; required on the text-to-video page and in the newest schema."""
    beside_pictures = (
        wish(prompt=prompt, first_frame=PICTURE),
        wish(prompt=prompt, first_frame=PICTURE, last_frame=PICTURE),
        wish(prompt=prompt, reference_images=(PICTURE,)),
        wish(prompt=prompt, reference_images=(PICTURE,), reference_videos=urls(1, ".mp4")),
    )
    for video in beside_pictures:
        assert KINOVI.problems(video, STANDARD) == []
    assert KINOVI.problems(wish(prompt=prompt), STANDARD) == [
        "kinovi needs a prompt for text_to_video; prompt was empty. Say what the video should show."
    ]
    assert KINOVI.problems(wish(prompt=prompt, reference_videos=urls(1, ".mp4")), STANDARD) == [
        "kinovi needs a prompt where no picture is given; prompt was empty. Say what the video should show."
    ]


@pytest.mark.parametrize(
    ("name", "ending", "most"),
    [("reference_images", ".png", 9), ("reference_videos", ".mp4", 3), ("reference_audios", ".mp3", 3)],
)
def test_the_number_of_references_is_limited_by_kind(name: str, ending: str, most: int) -> None:
    """Provider: providers.md §4.2: imageUrls ≤ 9, videoUrls ≤ 3, audioUrls ≤ 3."""
    for count in (most, most + 2):
        problems = KINOVI.problems(wish(**{"reference_images": (PICTURE,), name: urls(count, ending)}), STANDARD)
        expected = f"kinovi takes up to {most} {name}; {count} were given. Leave out 2."
        assert problems == ([] if count == most else [expected])


def test_audio_alone_is_refused() -> None:
    """Provider: providers.md §4.2, audioUrls "not alone"; its own error says "Audio cannot be the only reference"."""
    assert KINOVI.problems(wish(reference_audios=urls(1, ".mp3")), STANDARD) == [
        "kinovi does not take audio alone; only reference_audios were given. Add a reference image or video."
    ]


@pytest.mark.parametrize(("seed", "is_right"), [(-2, False), (-1, True), (0, True), (2**32 - 1, True), (2**32, False)])
def test_seeds_have_the_documented_range(seed: int, is_right: bool) -> None:
    """Provider: providers.md §4.2, seed (0 to 4294967295 or -1)."""
    problems = KINOVI.problems(wish(seed=seed), STANDARD)
    expected = f"kinovi takes seeds from -1 to 4294967295; seed={seed} was asked. Choose one in that range."
    assert problems == ([] if is_right else [expected])


@pytest.mark.parametrize("option", ["watermark", "camera_fixed", "return_last_frame", "first_frame_has_face"])
def test_a_setting_that_kinovi_would_silently_ignore_is_refused(option: str) -> None:
    """Provider: providers.md §4.2, "Unknown `inputs` keys are ignored silently"."""
    assert KINOVI.problems(wish(first_frame=PICTURE, **{option: True}), STANDARD) == [
        f"kinovi has no setting {option}; {option}=True was asked. Leave it out."
    ]


@pytest.mark.parametrize("operation", ["edit_video", "extend_video"])
def test_operations_without_a_documented_field_are_refused(operation: str) -> None:
    """Provider: providers.md §4.2: editing and extending are a matter of the prompt's wording, not of a field."""
    video = wish(reference_videos=urls(1, ".mp4"), operation=operation)
    assert KINOVI.problems(video, STANDARD) == [
        f"kinovi cannot do {operation} with seedance-2.0; operation={operation!r} was asked. Leave operation out."
    ]


def test_several_problems_are_said_at_once() -> None:
    """DESIGN §3 Errors: all problems at once."""
    video = wish(
        prompt="x" * 4001,
        first_frame=PICTURE,
        reference_videos=urls(4, ".mp4"),
        duration=16,
        resolution="1080p",
        aspect_ratio="2:1",
        seed=-5,
        watermark=True,
    )
    problems = KINOVI.problems(video, FAST)
    subjects = ("4001", "duration=16", "'1080p'", "'2:1'", "watermark=True", "seed=-5", "not both")
    assert len(problems) == len(subjects)
    assert all(subject in problem for subject, problem in zip(subjects, problems, strict=True))
