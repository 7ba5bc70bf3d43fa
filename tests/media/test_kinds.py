"""What a file is, by its first bytes."""

import pytest

from media.tiny_video import make_mp4
from seedance_mcp.media.kinds import LONGEST_START, mime_type_of

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\xff\xd8\xff\xe1\0\x10Exif", "image/jpeg"),
        (PNG + b"\0\0\0\rIHDR", "image/png"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"GIF87a\1\0\1\0", "image/gif"),
        (b"GIF89a\1\0\1\0", "image/gif"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\0\0\x0e\x2cmoov\0\0\0\x6cmvhd", "video/quicktime"),
        *((b"\0\0\0\x20ftyp" + brand, "video/mp4") for brand in (b"isom", b"iso6", b"mp42", b"avc1", b"M4V ", b"MSNV")),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04\0", "audio/mpeg"),
        *((bytes((0xFF, second, 0x90)), "audio/mpeg") for second in (0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3)),
    ],
)
def test_every_kind_that_a_provider_takes_is_known_by_its_bytes(start: bytes, kind: str) -> None:
    """Provider: the kinds of seeds 000 to 004; Ours: the signatures, https://www.garykessler.net/library/file_sigs.html."""
    assert mime_type_of(start) == kind
    assert mime_type_of(start + b"\0" * 100) == kind


def test_a_real_video_is_an_mp4() -> None:
    """Ours: the start that has to be read is long enough."""
    assert mime_type_of(make_mp4()[:LONGEST_START]) == "video/mp4"


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"#!/bin/sh\n",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        PNG[:7],
        b"BMW is a car, and no picture",
        b"GIF8 is how it begins",
        b"a letter to WAVE and WEBP",
        b"RIFF\x24\0\0\0AVI LIST",
        b"\xff\xfeT\0e\0x\0t\0",
        *(b"\0\0\0\x20ftyp" + brand for brand in (b"heic", b"mif1", b"avif", b"M4A ", b"crx ")),
    ],
    ids=ascii,
)
def test_everything_else_is_of_no_kind(start: bytes) -> None:
    """DESIGN §7: only a file whose bytes are a picture, video or sound leaves this machine; iPhone HEIC is no video."""
    assert mime_type_of(start) is None
