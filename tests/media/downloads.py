"""Downloads from a provider that is a function, and from a real socket."""

from collections.abc import Callable
from pathlib import Path

import anyio
import httpx
from raw_server import Answer, raw_server
from tiny_video import make_mp4

from seedance_mcp.media.download import DownloadError, download_video
from seedance_mcp.media.video_file import VideoFile

ORIGIN = "https://api.example.com:443"

URL = "https://api.example.com/results/v.mp4?X-Signature=secret"

NAME = "2026-11-20 corgi vt_1.mp4"

VIDEO = make_mp4(width=96, height=64, seconds=2, has_audio=True)

MEGABYTE = 1024 * 1024

Handler = Callable[[httpx.Request], httpx.Response]


async def save(folder: Path, handler: Handler, url: str = URL) -> VideoFile:
    """Downloads from a provider that is a function."""
    with anyio.fail_after(10):
        return await download_video(
            url, folder=folder, name=NAME, allowed_origins=frozenset({ORIGIN}), transport=httpx.MockTransport(handler)
        )


async def save_from(answer: Answer, folder: Path, *, timeout_s: float = 5, total_timeout_s: float = 5) -> VideoFile:
    """Downloads from a real socket."""
    with anyio.fail_after(10):
        async with raw_server(answer) as server:
            try:
                return await download_video(
                    server.origin + "/v.mp4",
                    folder=folder,
                    name=NAME,
                    allowed_origins=frozenset({server.origin}),
                    timeout_s=timeout_s,
                    total_timeout_s=total_timeout_s,
                )
            except DownloadError as caught:
                error = caught  # raised outside, where no task group wraps it
    raise error


def ok(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=VIDEO)


def padded(video: bytes, size: int) -> bytes:
    """The same video in a larger file."""
    return video + size.to_bytes(4) + b"free" + bytes(size - 8)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
