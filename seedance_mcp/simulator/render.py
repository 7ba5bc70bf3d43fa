"""Renders a scene to a real MP4: H.264, AAC when asked for, tagged BT.709 limited range, labelled DEMO.

No picture is computed in Python: one still, larger than the video, is wandered over by a crop filter, which costs
nothing; a second still is faded in by a filter when the scene ends elsewhere.
"""

# PyAV's stubs leave `Packet` an unparameterised generic, so everything that touches a packet is partially unknown.
# pyright: reportUnknownMemberType=false

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from seedance_mcp.simulator.pictures import FRAME_TIME, decode, draw, label, plate, png, source
from seedance_mcp.simulator.scene import FPS, Scene
from seedance_mcp.simulator.sound import RATE, chord

_BT709: Final = 1
_LIMITED: Final = 1
_X264: Final = {"preset": "ultrafast", "crf": "16"}


class StoppedError(Exception):
    """The render was told to stop."""


def render(scene: Scene, path: Path, *, stopped: Callable[[], bool] = lambda: False) -> None:
    """Writes the scene's MP4.

    Raises:
        StoppedError: `stopped` said so; the file is incomplete.
    """
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as output:
        picture = _picture_stream(output, scene)
        if scene.audio:
            voice = output.add_stream("aac", rate=RATE, layout="mono")
            _add_sound(output, voice, scene)
        for frame in _frames(scene):
            if stopped():
                raise StoppedError
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))


def last_frame_png(video: bytes | Path) -> bytes:
    """The very last picture of an MP4."""
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else video, "r") as container:
        stream = container.streams.video[0]
        container.seek(max(0, (stream.duration or 1) - 1), stream=stream, backward=True)
        last = max(container.decode(stream), key=lambda frame: frame.pts or 0)
    return png(last)


def _picture_stream(output: OutputContainer, scene: Scene) -> VideoStream:
    stream = output.add_stream("libx264", rate=FPS, options=_X264)
    stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
    codec = stream.codec_context
    codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
    codec.color_range = _LIMITED
    codec.gop_size = 2 * FPS
    return stream


def _add_sound(output: OutputContainer, voice: AudioStream, scene: Scene) -> None:
    for frame in chord(scene.look, scene.seconds):
        output.mux(voice.encode(frame))
    output.mux(voice.encode(None))


def _frames(scene: Scene) -> Iterator[VideoFrame]:
    stills, (x, y) = _stills(scene)
    count = scene.seconds * FPS
    graph = Graph()
    entries = [source(graph, still) for still in stills]
    window = graph.add("crop", f"w={scene.width}:h={scene.height}:x={x}:y={y}")
    sink = graph.add("buffersink")
    graph.link_nodes(_faded(graph, entries, scene), window, sink).configure()
    for number in range(count):
        for entry, still in zip(entries, stills, strict=True):
            still.pts, still.time_base = number, FRAME_TIME
            entry.push(still)
            if number == count - 1:
                entry.push(None)
        frame = cast("VideoFrame", sink.pull())
        frame.make_writable()
        _sign(frame)
        frame.pts, frame.time_base = number, FRAME_TIME
        yield frame


def _faded(graph: Graph, entries: list[FilterContext], scene: Scene) -> FilterContext:
    if len(entries) == 1:
        return entries[0]
    end = scene.seconds - 1 / FPS
    # A millisecond early, so that the last picture is the second still alone.
    fade = graph.add("xfade", f"transition=fade:duration={end * 0.4:.4f}:offset={end * 0.6 - 0.001:.4f}")
    for index, entry in enumerate(entries):
        entry.link_to(fade, 0, index)
    return fade


def _stills(scene: Scene) -> tuple[list[VideoFrame], tuple[str, str]]:
    """The stills, larger than the video, and the way of a window over them: x and y for every frame number n.

    Over given frames the window comes back to where it began, so that the last picture of a shot can be compared
    with the first, and a chain of shots with the frame it started from.
    """
    size = scene.width, scene.height
    given = scene.first_frame is not None or scene.last_frame is not None
    share, laps = (24, (1.0, 2.0)) if given else (6, (0.6, 0.4))
    margin = scene.width // share // 2 * 2, scene.height // share // 2 * 2
    stills = [_still(scene.first_frame, scene.look, size)]
    if scene.last_frame is not None:
        stills.append(_still(scene.last_frame, scene.look, size))
    lap = math.tau / (scene.seconds * FPS - 1)
    x, y = (
        # Even steps: a sample of colour is two pixels wide.
        f"'2*round({side // 2}*(1+sin({lap * times}*n)))'"
        for side, times in zip(margin, laps, strict=True)
    )
    return [plate(still, size, margin) for still in stills], (x, y)


def _still(encoded: bytes | None, look: int, size: tuple[int, int]) -> VideoFrame:
    decoded = None if encoded is None else decode(encoded)
    return draw(look, *size) if decoded is None else decoded


def _sign(frame: VideoFrame) -> None:
    """Writes the label into the lower right corner; always at the same place, so that it does not pile up in chains."""
    unit = max(2, min(frame.width, frame.height) // 360 * 2)
    samples, width, height = label(unit)
    left, top = (frame.width - width - 2 * unit) // 2 * 2, (frame.height - height - 2 * unit) // 2 * 2
    luma, step = memoryview(frame.planes[0]), frame.planes[0].line_size
    for row in range(height):
        start = (top + row) * step + left
        luma[start : start + width] = samples[row * width : (row + 1) * width]
    grey = b"\x80" * (width // 2)
    for plane in frame.planes[1:]:
        chroma, step = memoryview(plane), plane.line_size
        for row in range(top // 2, (top + height) // 2):
            start = row * step + left // 2
            chroma[start : start + width // 2] = grey
