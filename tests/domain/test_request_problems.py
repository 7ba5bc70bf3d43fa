"""A request against what a model accepts: every rule, each with its sentence, and all of them at once."""

from dataclasses import replace
from typing import Any

import pytest

from seedance_mcp.domain.model import OPTIONS, ModelSpec, describe_durations, one_of, problems_with
from seedance_mcp.domain.video import VideoRequest

MODEL = ModelSpec(
    model="seedance-2.0",
    wire_model="sd2",
    modes=("text_to_video", "image_to_video", "reference_to_video", "edit_video"),
    resolutions=("480p", "720p"),
    aspect_ratios=("16:9",),
    durations=(4, 5, 6),
    model_decides_duration=True,
    options=frozenset(OPTIONS),
    seed_range=(0, 9),
    max_prompt=10,
    max_images=2,
    max_videos=1,
    max_audios=1,
    max_references=3,
)
PICTURE, FILM, SOUND = "https://e.com/a.png", "https://e.com/a.mp4", "https://e.com/a.mp3"
EVERYTHING: dict[str, Any] = {
    "first_frame": PICTURE,
    "last_frame": PICTURE,
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "duration": 4,
    "generate_audio": False,
    "seed": 0,
    "watermark": True,
    "camera_fixed": False,
    "return_last_frame": True,
    "first_frame_has_face": True,
    "last_frame_has_face": False,
}


def problems(model: ModelSpec = MODEL, **facts: Any) -> list[str]:
    given: dict[str, Any] = {"prompt": "x", **facts}
    return problems_with(VideoRequest(**given), model, "acme")


@pytest.mark.parametrize(
    "facts",
    [
        {},
        EVERYTHING,
        {"duration": -1},
        {"seed": 9},
        {"prompt": "x" * 10},
        {"reference_images": (PICTURE, PICTURE), "reference_audios": (SOUND,)},
        {"reference_videos": (FILM,), "operation": "edit_video"},
        {"reference_videos": (FILM,), "operation": "reference_to_video"},
    ],
    ids=str,
)
def test_what_the_model_lists_is_accepted(facts: dict[str, Any]) -> None:
    """DESIGN §3: what a provider accepts is declared once, as typed data."""
    assert problems(**facts) == []


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        (
            {"prompt": " \t"},
            "acme needs a prompt for text_to_video; prompt was empty. Say what the video should show.",
        ),
        (
            {"prompt": "", "first_frame": PICTURE},
            "acme needs a prompt for image_to_video; prompt was empty. Say what the video should show.",
        ),
        ({"prompt": "x" * 11}, "acme takes prompts of up to 10 characters; prompt has 11. Shorten it."),
        (
            {"duration": 7},
            "acme makes 4 to 6 s with seedance-2.0; duration=7 was asked. Use 6 or less, or make two videos.",
        ),
        ({"duration": 3}, "acme makes 4 to 6 s with seedance-2.0; duration=3 was asked. Use 4."),
        ({"duration": 0}, "acme makes 4 to 6 s with seedance-2.0; duration=0 was asked. Use 4."),
        (
            {"resolution": "4k"},
            "acme makes seedance-2.0 in 480p or 720p; resolution='4k' was asked. Choose one of these.",
        ),
        (
            {"aspect_ratio": "1:1"},
            "acme makes seedance-2.0 in 16:9; aspect_ratio='1:1' was asked. Choose one of these.",
        ),
        ({"seed": 10}, "acme takes seeds from 0 to 9; seed=10 was asked. Choose one in that range."),
        (
            {"last_frame": PICTURE},
            "last_frame was given without first_frame. Give both, or only first_frame.",
        ),
        (
            {"first_frame_has_face": False},
            "first_frame_has_face was given without first_frame. Give the picture too, or leave it out.",
        ),
        (
            {"first_frame": PICTURE, "last_frame_has_face": True},
            "last_frame_has_face was given without last_frame. Give the picture too, or leave it out.",
        ),
        (
            {"first_frame": PICTURE, "reference_images": (PICTURE,)},
            (
                "A video starts from frames or follows references, not both; both were given. "
                "Give first_frame/last_frame, or reference_images/videos/audios."
            ),
        ),
        (
            {"reference_images": (PICTURE,) * 3},
            "acme takes up to 2 reference_images; 3 were given. Leave out 1.",
        ),
        (
            {"reference_images": (PICTURE,) * 2, "reference_videos": (FILM,), "reference_audios": (SOUND,)},
            "acme takes up to 3 references in all; 4 were given. Leave some out.",
        ),
        (
            {"reference_audios": (SOUND,)},
            "acme does not take audio alone; only reference_audios were given. Add a reference image or video.",
        ),
        (
            {"reference_images": (PICTURE,), "operation": "edit_video"},
            "edit_video needs a video; no reference_videos were given. Add the video to work on.",
        ),
        (
            {"reference_videos": (FILM,), "operation": "extend_video"},
            "acme cannot do extend_video with seedance-2.0; operation='extend_video' was asked. Leave operation out.",
        ),
        (
            {"operation": "edit_video"},
            "operation='edit_video' needs references; none were given. Leave it out or give reference_videos.",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_everything_else_is_refused_in_one_sentence_of_three_parts(facts: dict[str, Any], problem: str) -> None:
    """DESIGN §3 Errors: what was asked, what is true, what to do."""
    assert problems(**facts) == [problem]


@pytest.mark.parametrize("option", sorted(set(OPTIONS) - {"last_frame"}))
def test_a_setting_the_model_does_not_list_is_refused_even_when_it_is_off(option: str) -> None:
    """DESIGN §5: a provider that ignores it could do the opposite of what was asked."""
    without = replace(MODEL, options=frozenset[str](), seed_range=None)
    for value in (False, True) if option != "seed" else (0, 5):
        frames = {"first_frame": PICTURE} | ({"last_frame": PICTURE} if option == "last_frame_has_face" else {})
        assert problems(replace(without, options=frozenset({"last_frame"})), **frames, **{option: value}) == [
            f"acme has no setting {option}; {option}={value!r} was asked. Leave it out."
        ]
    assert problems(without) == []


def test_a_model_without_a_last_frame_says_so() -> None:
    """DESIGN §3 Errors: what is true."""
    without = replace(MODEL, options=frozenset[str]())
    assert problems(without, first_frame=PICTURE, last_frame=PICTURE) == [
        "acme cannot end seedance-2.0 on a given picture; last_frame was given. Leave it out."
    ]


@pytest.mark.parametrize(
    ("modes", "facts", "problem"),
    [
        (("image_to_video",), {}, "text_to_video with seedance-2.0; no frame and no reference was given. Give a first"),
        (("text_to_video",), {"first_frame": PICTURE}, "image_to_video with seedance-2.0; a frame was given. Leave it"),
        (
            ("text_to_video",),
            {"reference_images": (PICTURE,)},
            "reference_to_video with seedance-2.0; references were given. Leave them out",
        ),
    ],
)
def test_a_mode_the_model_does_not_have_is_named_with_what_asks_for_it(
    modes: Any, facts: dict[str, Any], problem: str
) -> None:
    """DESIGN §3 Errors: the caller never asked for a mode by name, so the message says what did."""
    (found,) = problems(replace(MODEL, modes=modes), **facts)
    assert found.startswith(f"acme cannot do {problem}")


def test_a_message_does_not_repeat_a_whole_page_that_was_given_as_a_word() -> None:
    """Ours: the answer goes into an assistant's context."""
    for problem in problems(resolution="9" * 10_000, aspect_ratio="9" * 10_000):
        assert "='99999" in problem
        assert "… was asked. Choose one of these." in problem
        assert len(problem) < 150


def test_a_kind_of_reference_that_is_not_taken_at_all_is_refused() -> None:
    """Ours: `up to 0` is not how people say it."""
    without = replace(MODEL, max_videos=0)
    assert problems(without, reference_images=(PICTURE,), reference_videos=(FILM,)) == [
        "acme takes no reference_videos; 1 were given. Leave out 1."
    ]


def test_audio_alone_and_no_prompt_are_accepted_where_the_model_says_so() -> None:
    """Provider: seed 003, prompt optional beside an image; others take audio alone."""
    free = replace(MODEL, audio_alone=True, prompt_is_optional=True)
    assert problems(free, reference_audios=(SOUND,)) == []
    assert problems(free, prompt="", first_frame=PICTURE) == []
    assert problems(free, prompt="") == [
        "acme needs a prompt for text_to_video; prompt was empty. Say what the video should show."
    ]


def test_a_model_that_cannot_choose_the_length_says_so() -> None:
    """DESIGN §3: -1 = the model decides, where it can."""
    assert problems(replace(MODEL, model_decides_duration=False), duration=-1) == [
        "acme makes 4 to 6 s with seedance-2.0; duration=-1 was asked. Name a length: the model cannot choose it here."
    ]


def test_all_problems_come_at_once() -> None:
    """DESIGN §3 Errors: all problems at once, in one order."""
    found = problems(
        replace(MODEL, options=frozenset[str](), seed_range=None),
        prompt="x" * 99,
        duration=99,
        resolution="4k",
        aspect_ratio="9:9",
        seed=1,
        watermark=False,
        last_frame=PICTURE,
    )
    subjects = ["99.", "duration=99", "'4k'", "'9:9'", "seed=1", "watermark=False", "without first", "cannot end"]
    assert len(found) == len(subjects)
    assert all(subject in problem for subject, problem in zip(subjects, found, strict=True))


@pytest.mark.parametrize(
    ("durations", "words"),
    [((4, 5, 6), "4 to 6 s"), ((5, 10), "5 or 10 s"), ((5,), "5 s"), ((4, 8, 12), "4, 8 or 12 s")],
)
def test_lengths_are_said_in_words(durations: tuple[int, ...], words: str) -> None:
    """DESIGN §3: descriptions and messages are made from the same data."""
    assert describe_durations(replace(MODEL, durations=durations)) == words


@pytest.mark.parametrize(("values", "words"), [(("a",), "a"), (("a", "b"), "a or b"), (("a", "b", "c"), "a, b or c")])
def test_a_choice_is_said_in_words(values: tuple[str, ...], words: str) -> None:
    """Ours: as people say it."""
    assert one_of(values) == words
