"""What a saved video is, read from its own bytes."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_TEXT_STARTS = {b"<": "a web page", b"{": "a JSON document", b"[": "a JSON document"}
_BOX_HEADER = 8
_LONG_BOX_HEADER = 16
_MAX_BOXES = 100_000


class NotAVideoError(Exception):
    """Bytes that are not a whole MP4 video; the text says what they are instead."""


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video on disk. The duration is in seconds."""

    path: Path
    bytes: int
    mime_type: str
    width: int
    height: int
    duration: float
    has_audio: bool


def check_start(start: bytes) -> None:
    """Refuses a file by its first bytes, so that a wrong one need not be read to its end.

    Raises:
        NotAVideoError: It does not begin like an MP4.
    """
    if start[4:8] == b"ftyp":
        return
    if not start:
        raise NotAVideoError("it is empty")
    kind = _TEXT_STARTS.get(start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1])
    raise NotAVideoError(f"it is {kind} and not a video" if kind else "it is not an MP4 video")


def probe(path: Path) -> VideoFile:
    """Reads a file's facts; blocks, so call it in a worker thread.

    Raises:
        NotAVideoError: It is not an MP4 with a picture, or its end is missing.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        check_start(file.read(_BOX_HEADER))
        _check_boxes(file, size)
        file.seek(0)
        return _read_facts(file, path, size)


def _check_boxes(file: BinaryIO, size: int) -> None:
    """Refuses a cut-off file: a player may open it, and fall silent in the middle."""
    offset = 0
    for _ in range(_MAX_BOXES):
        file.seek(offset)
        header = file.read(_LONG_BOX_HEADER)
        length = int.from_bytes(header[:4])
        if length == 1:  # the real length follows the name
            length = int.from_bytes(header[_BOX_HEADER:])
        if length < _BOX_HEADER:  # the end of the file, or a box "to the end of the file", or padding
            return
        offset += length
        if offset > size:
            raise NotAVideoError(f"its end is missing ({offset - size} of {offset} bytes)")


def _read_facts(file: BinaryIO, path: Path, size: int) -> VideoFile:
    import av.error

    try:
        # Naming the format keeps playlists, which would open further addresses, away from the reader.
        with av.open(file, "r", format="mp4") as container:
            if not container.streams.video:
                raise NotAVideoError("it has no picture")
            stream = container.streams.video[0]
            return VideoFile(
                path=path,
                bytes=size,
                mime_type="video/mp4",
                width=stream.width,
                height=stream.height,
                duration=round((container.duration or 0) / av.time_base, 3),
                has_audio=bool(container.streams.audio),
            )
    except av.error.FFmpegError as error:
        raise NotAVideoError("it is damaged: it begins like an MP4 and cannot be opened") from error
