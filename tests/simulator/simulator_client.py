"""A simulator on a real socket, the client that talks to it, and the clock both go by."""

import io
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import av
import httpx
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.serving import serve

KEY = "sd2_live_anything"
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Clock:
    """Stands still until told otherwise."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def serving(simulator: Simulator) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with a good key, connected to the simulator."""
    async with anyio.create_task_group() as tasks:
        listening = anyio.Event()
        ports: list[int] = []

        def started(port: int) -> None:
            ports.append(port)
            listening.set()

        tasks.start_soon(partial(serve, simulator, started=started))
        with anyio.fail_after(5):
            await listening.wait()
        async with client_of(ports[0]) as client:
            yield client
        tasks.cancel_scope.cancel()


def client_of(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"authorization": f"Bearer {KEY}"},
        timeout=20,
        verify=_NO_TLS,
    )


def video_frames(video: bytes) -> list[VideoFrame]:
    with av.open(io.BytesIO(video), "r") as container:
        return list(container.decode(video=0))


def picture(encoded: bytes) -> VideoFrame:
    return video_frames(encoded)[0]


def samples(frame: VideoFrame) -> bytes:
    """RGB, as a viewer that honours the tags of a video shows it."""
    if frame.format.name != "rgb24":
        frame = frame.reformat(
            format="rgb24",
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
        )
    plane = frame.planes[0]
    rows = memoryview(plane)
    return b"".join(rows[y * plane.line_size : y * plane.line_size + frame.width * 3] for y in range(frame.height))


def difference(one: VideoFrame, other: VideoFrame) -> float:
    """The mean distance of two pictures of one size, 0 to 255; every 13th sample is looked at."""
    pairs = zip(samples(one)[::13], samples(other)[::13], strict=True)
    distances = [abs(left - right) for left, right in pairs]
    return sum(distances) / len(distances)
