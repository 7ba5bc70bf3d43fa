"""When to look again, and how far a video probably is."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, quantiles

SOONEST_S = 2.0
LONGEST_GAP_S = 150.0
PATIENCE_S = 20 * 60.0
"""No task is called overdue before this."""
OVERDUE_GAP_S = 600.0
DAY_S = 24 * 3600.0
LONGEST_WAIT_S = 600.0
LONGEST_ASKED_S = 3600.0
"""A provider is not believed that wants to be left alone for longer."""
UNKNOWN_USUAL_S = (60.0, 300.0)
HEARTBEAT_S = 3.0
ALIVE_S = 10.0
"""A worker that has not been heard of for this long has lost its tasks."""
ENOUGH = 5
"""As many finished videos tell more than the documents."""
JITTER = 0.05
_Z90 = 1.2816
_EARLY = (0.04, 0.3)
"""Shares of the median at which a look tells of a failure, or that it has begun."""
_STEPS = ((1.3, 0.15), (-0.3, 0.075), (-1.2, 0.5))
"""From so many spreads off the median on, looks are that share of a spread apart.

Found by trying (benchmarks/polling.py): the fewest looks that notice half of the ends within 2 s.
"""
_CLOSE = 0.1


@dataclass(frozen=True, slots=True)
class Usual:
    """How long such a video takes: log-normal, with its median in seconds and the spread of its logarithm."""

    median_s: float
    spread: float
    is_learned: bool = False
    is_known: bool = True
    """False when neither the documents nor a finished video say it."""

    @property
    def longest_s(self) -> float:
        """Nine of ten take no longer."""
        return self.median_s * math.exp(_Z90 * self.spread)

    @property
    def shortest_s(self) -> float:
        """Nine of ten take longer."""
        return self.median_s * math.exp(-_Z90 * self.spread)

    @property
    def overdue_s(self) -> float:
        """After this something is probably wrong."""
        return max(PATIENCE_S, 4 * self.longest_s)


@dataclass(frozen=True, slots=True)
class Pace:
    """What decides how often a task is looked at."""

    usual: Usual
    is_pushed: bool = False
    """The provider tells of ends by itself at present, so looking is only a precaution."""


def documented(usual_s: tuple[float, float] | None) -> Usual:
    """What the provider's documents say, taken for eight of ten videos."""
    low, high = usual_s or UNKNOWN_USUAL_S
    return Usual(math.sqrt(low * high), math.log(high / low) / (2 * _Z90), is_known=usual_s is not None)


def learned(times_s: Sequence[float]) -> Usual:
    """From at least `ENOUGH` finished videos; a few that took much longer do not count for much."""
    logs = sorted(math.log(max(1.0, time)) for time in times_s)
    cuts = quantiles(logs, n=6, method="inclusive")
    sixth = len(logs) // 6
    middle = mean(logs[sixth : len(logs) - sixth])
    # Between the first and the last sixth lies a spread to either side of the middle.
    return Usual(math.exp(middle), min(1.0, max(0.05, (cuts[4] - cuts[0]) / 1.935)), is_learned=True)


def next_look(elapsed_s: float, pace: Pace, key: str) -> float:
    """Seconds until the next look at a task that was accepted this long ago; `key` spreads those of many tasks."""
    gap = _gap(elapsed_s, pace.usual)
    if pace.is_pushed:
        gap = max(10.0, 3 * gap)
    share = zlib.crc32(f"{key} {elapsed_s:.1f}".encode()) / 0xFFFFFFFF
    return max(SOONEST_S, gap * (1 + JITTER * (2 * share - 1)))


def _gap(elapsed_s: float, usual: Usual) -> float:
    if elapsed_s > DAY_S:
        return 6 * OVERDUE_GAP_S
    if elapsed_s > usual.overdue_s:
        return min(OVERDUE_GAP_S, max(LONGEST_GAP_S, elapsed_s * 0.1))
    if not usual.is_learned:
        return min(20.0, max(4.0, usual.median_s / 15), max(SOONEST_S, elapsed_s * 0.15))
    return min(LONGEST_GAP_S, max(SOONEST_S, _learned_gap(elapsed_s, usual)))


def _learned_gap(elapsed_s: float, usual: Usual) -> float:
    """Seldom at first, then all at once close together, and wider again for the few that take very long."""
    offset = math.log(max(elapsed_s, 0.1) / usual.median_s) / usual.spread
    for begins, share in _STEPS:
        if offset >= begins - _CLOSE:
            return share * usual.median_s * usual.spread
    begin_s = usual.median_s * math.exp(_STEPS[-1][0] * usual.spread)
    looks = (*(share * usual.median_s for share in _EARLY), begin_s)
    return next(at for at in looks if at > elapsed_s * 1.1 or at == begin_s) - elapsed_s


def next_try(failures: int, asked_s: float | None, *, first_s: float = 5.0) -> float:
    """Seconds until the next try after this many failures in a row; what the other side asked for is the least."""
    own = min(LONGEST_WAIT_S, first_s * 2 ** min(failures, 10))
    return max(own, min(asked_s or 0.0, LONGEST_ASKED_S))


def estimated_progress(elapsed_s: float, usual: Usual) -> float:
    """A percentage that always grows and never reaches 95, from how long such videos usually take."""
    share = max(0.0, elapsed_s) / usual.longest_s
    if usual.is_learned:
        return round(85.0 * share if share < 1 else 85.0 + 10.0 * (1.0 - math.exp(1.0 - share)), 1)
    return round(95.0 * (1.0 - math.exp(-1.6 * share)), 1)
