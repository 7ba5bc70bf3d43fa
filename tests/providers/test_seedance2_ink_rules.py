"""What seedance2_ink accepts: the mode it would infer must be the mode that was asked for (seed 002)."""

from itertools import product
from typing import get_args

import pytest

from providers.recorded import SPECS, model_of
from providers.wishes import wish
from seedance_mcp.domain.video import Mode, Model

INK = SPECS["seedance2_ink"]
STANDARD = model_of(INK, "seedance-2.0")
FRAME = "https://example.com/frame.png"
URLS = {
    "image": "https://example.com/{}.jpg",
    "video": "https://example.com/{}.mp4",
    "audio": "https://example.com/{}.mp3",
}
MIXES = [mix for mix in product(range(6), repeat=3) if sum(mix) <= 5]
"""Numbers of reference images, videos and audios: all there are up to five items."""

INFERRED: dict[tuple[int, int, int], Mode] = {
    (0, 0, 0): "text_to_video",
    (1, 0, 0): "image_to_video",
    (2, 0, 0): "image_to_video",
}
"""By number of images, videos, audios in `mediaUrls`; everything else is reference material."""


def inferred(images: int, videos: int, audios: int) -> Mode:
    return INFERRED.get((images, videos, audios), "reference_to_video")


def references(images: int, videos: int, audios: int) -> dict[str, tuple[str, ...]]:
    counts = {"image": images, "video": videos, "audio": audios}
    return {
        f"reference_{kind}s": tuple(URLS[kind].format(index) for index in range(count))
        for kind, count in counts.items()
    }


@pytest.mark.parametrize("mix", MIXES, ids=str)
def test_references_are_accepted_where_the_inferred_mode_is_the_asked_one(mix: tuple[int, int, int]) -> None:
    """Provider: seed 002, "inferred from the number and type of materials". DESIGN §5: refuse where it differs."""
    request = wish(**references(*mix))
    problems = INK.problems(request, STANDARD)

    only_audio = mix[2] > 0 and mix[:2] == (0, 0)
    assert (problems == []) == (request.mode == inferred(*mix) and not only_audio)
    if request.mode != inferred(*mix):
        assert "alone for the first frame" in problems[0] or "alone for first and last frame" in problems[0]
    if only_audio:
        assert problems == [
            "seedance2_ink does not take audio alone; only reference_audios were given. Add a reference image or video."
        ]


@pytest.mark.parametrize("last_frame", [None, FRAME])
@pytest.mark.parametrize("mix", MIXES, ids=str)
def test_frames_are_accepted_only_without_references(mix: tuple[int, int, int], last_frame: str | None) -> None:
    """DESIGN §5: a first_frame plus audio would be taken for a reference, so it is refused; and so is any mix."""
    request = wish(first_frame=FRAME, last_frame=last_frame, **references(*mix))
    problems = INK.problems(request, STANDARD)

    frames = 1 if last_frame is None else 2
    asked_as_frames = inferred(mix[0] + frames, *mix[1:]) == "image_to_video" and sum(mix) == 0
    assert (problems == []) == asked_as_frames
    if sum(mix):
        assert "A video starts from frames or follows references, not both" in problems[0]


@pytest.mark.parametrize(
    ("images", "words"), [(1, "1 reference image alone for the first frame"), (2, "2 reference images alone for first")]
)
def test_the_refusal_says_what_it_would_be_taken_for_and_what_to_do(images: int, words: str) -> None:
    """DESIGN §3 Errors: what was asked, what is true, what to do."""
    (problem,) = INK.problems(wish(**references(images, 0, 0)), STANDARD)
    assert words in problem
    assert problem.endswith("Give three or more images, add a reference video or audio, or use first_frame.")


def test_no_more_than_five_media_in_all() -> None:
    """Provider: seed 002, "You can pass up to 5 items in mediaUrls"."""
    assert INK.problems(wish(**references(3, 1, 1)), STANDARD) == []
    assert INK.problems(wish(**references(3, 2, 1)), STANDARD) == [
        "seedance2_ink takes up to 5 references in all; 6 were given. Leave some out."
    ]
    assert INK.problems(wish(**references(7, 0, 0)), STANDARD) == [
        "seedance2_ink takes up to 5 reference_images; 7 were given. Leave out 2.",
        "seedance2_ink takes up to 5 references in all; 7 were given. Leave some out.",
    ]


@pytest.mark.parametrize(
    ("ending", "kind"),
    [(ending, "image") for ending in (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")]
    + [(ending, "video") for ending in (".mp4", ".mov", ".m4v")]
    + [(ending, "audio") for ending in (".mp3", ".wav")],
)
def test_a_file_ending_of_another_kind_is_refused_where_it_would_change_the_mode(ending: str, kind: str) -> None:
    """Provider: seed 002, "Supported Reference Types": the type is what the mode is inferred from."""
    url = f"https://example.com/a/file{ending.upper()}?x=.txt#.txt"
    videos = {
        "first_frame": wish(first_frame=url),
        "last_frame": wish(first_frame=FRAME, last_frame=url),
        "reference_images": wish(reference_images=(url,), reference_videos=("https://a.b/v.mov",)),
        "reference_videos": wish(reference_images=(FRAME,), reference_videos=(url,)),
        "reference_audios": wish(reference_images=(FRAME,), reference_audios=(url,)),
    }
    for name, video in videos.items():
        expected = {"reference_videos": "video", "reference_audios": "audio"}.get(name, "image")
        problems = INK.problems(video, STANDARD)
        if expected == kind:
            assert problems == []
        else:
            (problem,) = problems
            assert problem == (
                f"seedance2_ink works out the mode from number and type of the media; {name} was given {ending} "
                f"({kind}). Give {expected} there, or use reference_{kind}s."
            )


@pytest.mark.parametrize("url", ["https://example.com/photo", "https://[half/an/address.mp4", "https://e.com/a.heic"])
def test_an_ending_that_the_documents_do_not_name_is_left_to_the_provider(url: str) -> None:
    """Provider: seed 002 calls its endings common, not complete. Ours: what is no URL is refused elsewhere."""
    assert INK.problems(wish(first_frame=url), STANDARD) == []


@pytest.mark.parametrize("model", get_args(Model))
@pytest.mark.parametrize("duration", range(-1, 18))
def test_the_lengths_of_each_model(model: Model, duration: int) -> None:
    """Provider: seed 002: 4-15 for seedance-2.0 and -fast, 5 or 10 for seedance-1.5-pro; -1 is not documented."""
    spec = INK.model_for(model)
    if model == "seedance-2.0-mini":
        assert spec is None
        return
    assert spec is not None
    allowed = {5, 10} if model == "seedance-1.5-pro" else set(range(4, 16))
    assert (INK.problems(wish(duration=duration), spec) == []) == (duration in allowed)


@pytest.mark.parametrize(
    ("duration", "advice"),
    [
        (0, "Use 5."),
        (4, "Use 5."),
        (6, "Use 5."),
        (8, "Use 10."),
        (12, "Use 10, or make two videos."),
        (-1, "Name a length: the model cannot choose it here."),
    ],
)
def test_a_wrong_length_is_answered_with_the_nearest_right_one(duration: int, advice: str) -> None:
    """DESIGN §3 Errors: what was asked, what is true, what to do."""
    problems = INK.problems(wish(duration=duration), model_of(INK, "seedance-1.5-pro"))
    assert problems == [f"seedance2_ink makes 5 or 10 s with seedance-1.5-pro; duration={duration} was asked. {advice}"]


def test_ratios_and_resolutions_are_those_of_the_seed() -> None:
    """Provider: seed 002, "Request Body"."""
    for model in INK.models:
        assert model.aspect_ratios == ("16:9", "9:16", "1:1")
        assert model.resolutions == ("480p", "720p", "1080p")
    assert INK.problems(wish(aspect_ratio="21:9", resolution="4k"), STANDARD) == [
        "seedance2_ink makes seedance-2.0 in 480p, 720p or 1080p; resolution='4k' was asked. Choose one of these.",
        "seedance2_ink makes seedance-2.0 in 16:9, 9:16 or 1:1; aspect_ratio='21:9' was asked. Choose one of these.",
    ]


@pytest.mark.parametrize(
    "option", ["generate_audio", "seed", "watermark", "camera_fixed", "return_last_frame", "first_frame_has_face"]
)
def test_a_setting_that_is_not_documented_is_refused_and_not_dropped(option: str) -> None:
    """Provider: providers.md §3, "No seed/audio fields documented". DESIGN §1: never invent a fact."""
    value = 7 if option == "seed" else False
    assert INK.problems(wish(first_frame=FRAME, **{option: value}), STANDARD) == [
        f"seedance2_ink has no setting {option}; {option}={value!r} was asked. Leave it out."
    ]


def test_several_problems_are_said_at_once() -> None:
    """DESIGN §3 Errors: all problems at once."""
    video = wish(
        prompt=" ", last_frame="https://example.com/a.mp3", duration=99, resolution="4k", aspect_ratio="4:3", seed=1
    )
    problems = INK.problems(video, STANDARD)
    subjects = ("needs a prompt", "duration=99", "'4k'", "'4:3'", "seed=1", "without first_frame", "last_frame was")
    assert len(problems) == len(subjects)
    assert all(subject in problem for subject, problem in zip(subjects, problems, strict=True))
