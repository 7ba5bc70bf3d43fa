"""Still pictures: decoded, drawn, scaled, written as PNG. All of it in PyAV, without Pillow or numpy."""

# PyAV's stubs leave `Packet` an unparameterised generic, so everything that touches a packet is partially unknown.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import colorsys
import functools
import io
import random
from fractions import Fraction
from typing import Final, cast

import av
from av.error import FFmpegError
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from seedance_mcp.simulator.scene import FPS, look_of

FRAME_TIME: Final = Fraction(1, FPS)
_FINE: Final = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
# H.264 decoders place chroma samples at the left of their pair; converting with any other placement shifts colours
# a little at every hop of a chain of frames.
_TO_VIDEO: Final = "out_color_matrix=bt709:out_range=tv:out_h_chr_pos=0:out_v_chr_pos=128"
_FROM_VIDEO: Final = "in_color_matrix=bt709:in_range=tv:in_h_chr_pos=0:in_v_chr_pos=128:out_range=pc"


def decode(data: bytes) -> VideoFrame | None:
    """The picture in a file of any kind, or None when these bytes are no picture."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            return next(container.decode(video=0), None)
    except (FFmpegError, ValueError, IndexError):
        return None


def draw(look: int, width: int, height: int) -> VideoFrame:
    """Soft clouds in the few colours of one look, as RGB."""
    columns, rows = (max(2, round(8 * side / max(width, height))) for side in (width, height))
    dice = random.Random(look)  # noqa: S311  (colours, not secrets)
    hue = dice.random()
    cells = bytearray()
    for _ in range(columns * rows):
        shade = hue + dice.choice((0, 0.05, 0.1, 0.15, 0.5)), dice.uniform(0.35, 0.75), dice.uniform(0.25, 0.95)
        cells += bytes(round(part * 255) for part in colorsys.hsv_to_rgb(*shade))
    # Two steps: one that is too large leaves visible seams.
    first_step = f"scale={columns * 8}:{rows * 8}:flags=bicubic"
    return _through(_rgb(columns, rows, bytes(cells)), first_step, f"scale={width}:{height}:flags=bicubic")


def draw_png(name: str, width: int, height: int) -> bytes:
    """A picture whose colours come from a name; the same name is the same picture."""
    return png(draw(look_of(name), width, height))


def png(frame: VideoFrame) -> bytes:
    """An RGB picture, or a frame of a BT.709 limited-range video, as a PNG file."""
    if frame.format.name != "rgb24":
        # Without its video tags: viewers would brighten a PNG that says it has the tone curve of a video.
        untagged = "setparams=color_primaries=unknown:color_trc=unknown"
        frame = _through(frame, f"scale={_FROM_VIDEO}:flags={_FINE}", "format=rgb24", untagged)
    codec = av.CodecContext.create("png", "w")
    codec.options = {"compression_level": "3"}
    codec.width, codec.height, codec.pix_fmt, codec.time_base = frame.width, frame.height, "rgb24", FRAME_TIME
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))


def plate(frame: VideoFrame, size: tuple[int, int], margin: tuple[int, int]) -> VideoFrame:
    """The picture scaled to cover a size, in the colours of a video, with its own mirror image as a margin around."""
    (width, height), (beside, above) = size, margin
    return _through(
        frame,
        f"scale={width}:{height}:force_original_aspect_ratio=increase:{_TO_VIDEO}:flags={_FINE}",
        "format=yuv420p",
        f"crop={width}:{height}",
        f"pad={width + 2 * beside}:{height + 2 * above}:{beside}:{above}",
        f"fillborders=left={beside}:right={beside}:top={above}:bottom={above}:mode=mirror",
    )


def source(graph: Graph, frame: VideoFrame) -> FilterContext:
    """Where frames like this one enter a graph."""
    colours = ":colorspace=bt709:range=tv" if frame.format.name == "yuv420p" and frame.color_range == 1 else ""
    return graph.add(
        "buffer",
        f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/{FPS}"
        f":frame_rate={FPS}/1:pixel_aspect=1/1{colours}",
    )


def _through(frame: VideoFrame, *filters: str) -> VideoFrame:
    graph = Graph()
    entry, end = source(graph, frame), graph.add("buffersink")
    graph.link_nodes(entry, *(graph.add(*step.split("=", 1)) for step in filters), end).configure()
    frame.pts, frame.time_base = 0, FRAME_TIME
    entry.push(frame)
    return cast("VideoFrame", end.pull())


def _rgb(width: int, height: int, data: bytes) -> VideoFrame:
    frame = VideoFrame(width, height, "rgb24")
    rows, step = memoryview(frame.planes[0]), frame.planes[0].line_size
    for row in range(height):
        rows[row * step : row * step + width * 3] = data[row * width * 3 : (row + 1) * width * 3]
    return frame


@functools.cache
def label(unit: int) -> tuple[bytes, int, int]:
    """The word DEMO in block letters on a dark box: its luma samples, width and height; `unit` pixels a block."""
    box = [[16] * (len(_DEMO[0]) + 4) for _ in range(len(_DEMO) + 4)]
    for row, blocks in enumerate(_DEMO, 2):
        for column, block in enumerate(blocks, 2):
            box[row][column] = 235 if block == "#" else 16
    samples = bytes(sample for row in box for _ in range(unit) for sample in row for _ in range(unit))
    return samples, len(box[0]) * unit, len(box) * unit


_DEMO: Final = (
    "####..#####.#...#..###.",
    "#...#.#.....##.##.#...#",
    "#...#.#.....#.#.#.#...#",
    "#...#.####..#...#.#...#",
    "#...#.#.....#...#.#...#",
    "#...#.#.....#...#.#...#",
    "####..#####.#...#..###.",
)
