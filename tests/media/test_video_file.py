"""What is read from a saved video."""

from pathlib import Path

import pytest
from tiny_video import make_mp4

from seedance_mcp.media.video_file import NotAVideoError, VideoFile, check_start, probe


@pytest.mark.parametrize("has_audio", [True, False])
def test_the_facts_of_a_video_are_read_from_its_bytes(tmp_path: Path, *, has_audio: bool) -> None:
    """DESIGN §3: a result says bytes, width, height, duration and whether there is sound."""
    path = tmp_path / "a.mp4"
    path.write_bytes(make_mp4(width=96, height=64, seconds=2, has_audio=has_audio))

    assert probe(path) == VideoFile(
        path=path,
        bytes=path.stat().st_size,
        mime_type="video/mp4",
        width=96,
        height=64,
        duration=2.0,
        has_audio=has_audio,
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"<!doctype html><html>", "it is a web page and not a video"),
        (b"\xef\xbb\xbf\r\n <html>", "it is a web page and not a video"),
        (b'{"code":"AccessDenied"}', "it is a JSON document and not a video"),
        (b"[]", "it is a JSON document and not a video"),
        (b"\x1aE\xdf\xa3 webm", "it is not an MP4 video"),
        (b"\x00\x00", "it is not an MP4 video"),
    ],
)
def test_a_file_that_does_not_begin_like_an_mp4_is_named_for_what_it_is(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """Ours: "a web page" tells the reader that the link expired; "invalid data" tells nothing."""
    path = tmp_path / "a.mp4"
    path.write_bytes(content)

    with pytest.raises(NotAVideoError) as of_start:
        check_start(content)
    with pytest.raises(NotAVideoError) as of_file:
        probe(path)

    assert str(of_start.value) == str(of_file.value) == reason


def test_a_cut_off_video_is_refused_even_if_it_could_be_opened(tmp_path: Path) -> None:
    """Ours: with its index at the front a cut video opens, and falls silent in the middle."""
    whole = make_mp4()
    path = tmp_path / "a.mp4"
    path.write_bytes(whole[:-100])

    with pytest.raises(NotAVideoError, match="its end is missing"):
        probe(path)


def test_a_damaged_video_is_refused(tmp_path: Path) -> None:
    """Ours: the boxes are whole and what is in them is not."""
    path = tmp_path / "a.mp4"
    whole = make_mp4()
    path.write_bytes(whole[:32] + bytes(len(whole) - 32))

    with pytest.raises(NotAVideoError, match="it is damaged"):
        probe(path)


def test_a_file_of_nothing_but_tiny_boxes_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Ours: a hostile file must not keep a thread busy for minutes."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00" + b"\x00\x00\x00\x08free" * 100_001)

    with pytest.raises(NotAVideoError):
        probe(path)


def test_a_box_with_a_long_length_is_understood(tmp_path: Path) -> None:
    """Ours: 4K videos beyond 4 GB write the length of their data like this."""
    path = tmp_path / "a.mp4"
    extra = b"\x00\x00\x00\x01free" + (32).to_bytes(8) + bytes(16)
    path.write_bytes(make_mp4() + extra)
    assert probe(path).width == 64

    path.write_bytes(make_mp4() + extra[:-1])
    with pytest.raises(NotAVideoError, match="its end is missing"):
        probe(path)


def test_a_sound_without_a_picture_is_not_a_video(tmp_path: Path) -> None:
    """Ours: nobody asked for a sound file."""
    path = tmp_path / "a.mp4"
    path.write_bytes(make_mp4(has_picture=False, has_audio=True))

    with pytest.raises(NotAVideoError, match="no picture"):
        probe(path)
