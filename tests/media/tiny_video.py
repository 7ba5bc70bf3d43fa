"""Small real MP4s, made in a few milliseconds."""

# PyAV's stubs leave a parameter of Packet open.
# pyright: reportUnknownMemberType=false

import functools
import io
from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame


@functools.cache
def make_mp4(
    *, width: int = 64, height: int = 48, seconds: int = 1, has_picture: bool = True, has_audio: bool = False
) -> bytes:
    """Black H.264 at 10 frames a second, and silent AAC when asked for."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("h264", rate=10) if has_picture else None
        audio = container.add_stream("aac", rate=16000, layout="mono") if has_audio else None
        if video is not None:
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            for frame in _pictures(width, height, 10 * seconds):
                container.mux(video.encode(frame))
            container.mux(video.encode())
        if audio is not None:
            for frame in _silence(16 * seconds):
                container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return file.getvalue()


def _pictures(width: int, height: int, count: int) -> Iterator[VideoFrame]:
    for _ in range(count):
        frame = VideoFrame(width, height, "yuv420p")
        for plane, value in zip(frame.planes, (16, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        yield frame


def _silence(count: int) -> Iterator[AudioFrame]:
    for number in range(count):
        frame = AudioFrame("fltp", "mono", samples=1000)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.time_base, frame.pts = 16000, Fraction(1, 16000), number * 1000
        yield frame
