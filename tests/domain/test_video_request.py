"""The normalised request: its mode, its media, its fingerprint."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.domain.video import (
    OPERATIONS,
    Operation,
    VideoRequest,
    lower_case_references,
)

PLAIN = VideoRequest(prompt="a corgi")
FRAMED = VideoRequest(prompt="a corgi", first_frame="f", last_frame="l")
REFERRING = VideoRequest(prompt="x", reference_images=("i1", "i2"), reference_videos=("v",), reference_audios=("a",))


def test_the_mode_follows_from_what_is_given() -> None:
    """DESIGN §2: the mode is worked out by us."""
    assert PLAIN.mode == "text_to_video"
    assert FRAMED.mode == "image_to_video"
    assert replace(FRAMED, last_frame=None).mode == "image_to_video"
    assert replace(FRAMED, first_frame=None).mode == "image_to_video"
    assert REFERRING.mode == "reference_to_video"
    for name in ("reference_images", "reference_videos", "reference_audios"):
        assert replace(PLAIN, **{name: ("u",)}).mode == "reference_to_video"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_decides_only_among_references(operation: Operation) -> None:
    """DESIGN §2: asked by the caller only where references could mean several things."""
    assert replace(REFERRING, operation=operation).mode == operation
    assert replace(PLAIN, operation=operation).mode == "text_to_video"
    assert replace(FRAMED, operation=operation).mode == "image_to_video"


def test_media_come_frames_first_then_images_videos_audios() -> None:
    """Provider: seed 002 takes them in one list; its first frame stands before its last."""
    assert FRAMED.media_urls == ("f", "l")
    assert REFERRING.media_urls == REFERRING.references == ("i1", "i2", "v", "a")
    assert PLAIN.media_urls == ()
    assert replace(FRAMED, first_frame="").media_urls == ("l",)


def test_equal_requests_have_one_fingerprint_and_any_difference_another() -> None:
    """DESIGN §3 Not paying twice: same normalised arguments."""
    assert PLAIN.fingerprint == VideoRequest(prompt="a corgi").fingerprint
    others = {replace(PLAIN, **{field.name: "other"}).fingerprint for field in fields(VideoRequest)}
    assert len(others) == len(fields(VideoRequest))
    assert PLAIN.fingerprint not in others


@given(st.text(), st.text())
def test_a_fingerprint_is_a_hash_of_the_words_and_not_of_their_order(prompt: str, label: str) -> None:
    """Ours: 64 hexadecimal digits for any text; two fields do not run into each other."""
    one = VideoRequest(prompt=prompt, label=label).fingerprint
    other = VideoRequest(prompt=label, label=prompt).fingerprint
    assert len(one) == 64
    assert (one == other) == (prompt == label)


@pytest.mark.parametrize(
    ("prompt", "written"),
    [
        ("@Image1 and @VIDEO2, @audio10", "@image1 and @video2, @audio10"),
        ("@Images @Image @ Image1", "@Images @Image @ Image1"),
        ("Image1 IMAGE", "Image1 IMAGE"),
        ("@İmage1 @Image\N{FULLWIDTH DIGIT ONE}", "@İmage1 @Image\N{FULLWIDTH DIGIT ONE}"),
        ("", ""),
    ],
)
def test_only_references_are_written_in_lower_case(prompt: str, written: str) -> None:
    """DESIGN §3: `@Image1`, `@Video1`, `@Audio1`; the provider file translates (003: lower case)."""
    assert lower_case_references(prompt) == written


@given(st.text())
def test_writing_references_in_lower_case_keeps_the_length_of_a_prompt(prompt: str) -> None:
    """Ours: a prompt that passed the check of its length still does when it is sent."""
    assert len(lower_case_references(prompt)) == len(prompt)
    assert lower_case_references(prompt).lower() == prompt.lower()
