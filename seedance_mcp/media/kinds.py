"""What a file is, by its bytes and never by its name."""

from collections.abc import Mapping

_STARTS: Mapping[str, tuple[Mapping[int, bytes], ...]] = {
    "image/jpeg": ({0: b"\xff\xd8\xff"},),
    "image/png": ({0: b"\x89PNG\r\n\x1a\n"},),
    "image/webp": ({0: b"RIFF", 8: b"WEBP"},),
    "image/gif": ({0: b"GIF87a"}, {0: b"GIF89a"}),
    # Four bytes that are reserved tell it from a text that begins with these letters.
    "image/bmp": ({0: b"BM", 6: b"\0\0\0\0"},),
    "video/quicktime": ({4: b"ftypqt"}, {4: b"moov"}),
    # HEIC, AVIF and M4A are `ftyp` files too, and no videos.
    "video/mp4": tuple({4: b"ftyp" + brand} for brand in (b"iso", b"mp4", b"avc1", b"M4V", b"MSNV", b"dash")),
    "audio/wav": ({0: b"RIFF", 8: b"WAVE"},),
    # Layer III of MPEG 1, 2 and 2.5, each with and without a checksum.
    "audio/mpeg": ({0: b"ID3"}, *({0: bytes((0xFF, second))} for second in (0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3))),
}
"""Every kind that some provider takes: which bytes a file has at which places, one set or another."""
LONGEST_START = 16
"""So many bytes of a file are enough."""


def mime_type_of(start: bytes) -> str | None:
    """The MIME type of a file that begins like this; None for every other kind."""
    return next((kind for kind, signs in _STARTS.items() if any(_has(start, sign) for sign in signs)), None)


def _has(start: bytes, sign: Mapping[int, bytes]) -> bool:
    return all(start[offset:].startswith(magic) for offset, magic in sign.items())
