"""A quiet chord in AAC, as long as the picture."""

import array
import math
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from av.audio.frame import AudioFrame

RATE: Final = 48_000
_BLOCK: Final = 1024


def chord(look: int, seconds: int) -> Iterator[AudioFrame]:
    """Exactly this many seconds of sound."""
    loop = _one_second(look)
    for start in range(0, seconds * RATE, _BLOCK):
        samples = min(_BLOCK, seconds * RATE - start)
        frame = AudioFrame(format="fltp", layout="mono", samples=samples)
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        frame.pts = start
        at = start % RATE * 4
        frame.planes[0].update((loop + loop)[at : at + samples * 4].ljust(frame.planes[0].buffer_size, b"\0"))
        yield frame


def _one_second(look: int) -> bytes:
    """A second that can be repeated without a click: every tone has a whole number of waves in it."""
    root = random.Random(look).choice((110, 124, 130, 146, 164, 174))  # noqa: S311  (a tone, not a secret)
    wave = array.array("f", bytes(RATE * 4))
    for tone, loudness in ((root, 0.08), (root * 3 // 2, 0.05), (root * 2, 0.03)):
        turn = math.tau * tone / RATE
        for index in range(RATE):
            wave[index] += loudness * math.sin(turn * index)
    return wave.tobytes()
