"""What a video shows, as plain data: its size, its length, its look and its frames."""

import hashlib
from dataclasses import dataclass
from typing import Final

FPS: Final = 24
ASPECT_RATIOS: Final = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
RESOLUTIONS: Final = ("480p", "720p", "1080p", "4k")

_PIXELS: Final = {
    "480p": ((864, 496), (752, 560), (640, 640), (560, 752), (496, 864), (992, 432)),
    "720p": ((1280, 720), (1112, 834), (960, 960), (834, 1112), (720, 1280), (1470, 630)),
    "1080p": ((1920, 1080), (1664, 1248), (1440, 1440), (1248, 1664), (1080, 1920), (2206, 946)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The video a task asks for, in the same words for every wire format; frames are still URLs."""

    look: int
    resolution: str
    aspect_ratio: str
    seconds: int
    audio: bool = True
    first_frame: str | None = None
    last_frame: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that decides the bytes of a video; frames are encoded pictures."""

    width: int
    height: int
    seconds: int
    audio: bool
    look: int
    first_frame: bytes | None = None
    last_frame: bytes | None = None

    @property
    def key(self) -> str:
        """A file name for the video of this scene."""
        digest = hashlib.sha256(
            f"{self.width}x{self.height} {self.seconds}s audio={self.audio} look={self.look}".encode()
        )
        for frame in (self.first_frame, self.last_frame):
            digest.update(b"-" if frame is None else hashlib.sha256(frame).digest())
        return digest.hexdigest()[:40]


def pixels(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """Width and height of a video."""
    column = ASPECT_RATIOS.index(aspect_ratio)
    if resolution == "4k":
        width, height = _PIXELS["1080p"][column]
        return width * 2, height * 2
    return _PIXELS[resolution][column]


def look_of(*words: object) -> int:
    """A number that colours and sound come from: the same prompt, seed and references look the same."""
    return int.from_bytes(hashlib.sha256("\n".join(map(str, words)).encode()).digest()[:6], "big")
