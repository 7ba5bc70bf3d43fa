"""What both sides of thousand.py are given: the same unfinished videos, at the same ages, ending at the same times."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import NormalDist

from seedance_mcp.tasks.schedule import Pace, Usual, next_look


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One video that is unfinished when the run begins. Seconds."""

    number: int
    age_s: float
    left_s: float
    due_s: float
    """From the begin until the next look that the server would have planned."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """As many unfinished videos as were asked for, all the time: whenever one ends, another one is ordered."""

    begin: float
    """Unix seconds."""
    address: str
    folder: str
    unfinished: int
    window_s: float
    median_s: float = 180.0
    spread: float = 0.15
    pairs: int = 10
    """So many times two videos are alike; of the first one the end is awaited by `waiters`."""
    waiters: int = 50
    seed: int = 1

    @cached_property
    def durations_s(self) -> Sequence[float]:
        """Of the video with this number."""
        samples = NormalDist(math.log(self.median_s), self.spread).samples(2 * self.unfinished, seed=self.seed)
        return [math.exp(one) for one in samples]

    @property
    def earlier_s(self) -> Sequence[float]:
        """How long videos took that were finished before."""
        return self.durations_s[-200:]

    @cached_property
    def starts(self) -> Sequence[Start]:
        """The ages are spread evenly over each video's whole time, as they are when orders come steadily."""
        twins = {2 * pair + 1: 2 * pair for pair in range(self.pairs)}
        return [self._start(number, twins.get(number, number)) for number in range(self.unfinished)]

    def _start(self, number: int, like: int) -> Start:
        duration = self.durations_s[like]
        # The golden ratio spreads any number of shares evenly, and in no order.
        age = duration * (0.3819660 * (like + 1) % 1.0)
        if like < 2 * self.pairs:
            # A pair shall see its end within the run, with some time before and after.
            age = duration - self.window_s * (0.2 + 0.6 * (age / duration))
        pace, looked_at = Pace(Usual(self.median_s, self.spread, is_learned=True)), 0.0
        while looked_at <= age:
            looked_at += next_look(looked_at, pace, f"start {like}")
        return Start(number=number, age_s=age, left_s=duration - age, due_s=looked_at - age)

    @property
    def orders(self) -> Sequence[tuple[float, int]]:
        """When another video is ordered, in seconds from the begin, and its number; in order of time."""
        return sorted((one.left_s, self.unfinished + one.number) for one in self.starts if one.left_s < self.window_s)

    @property
    def awaited(self) -> Sequence[int]:
        return range(0, 2 * self.pairs, 2)

    def as_argument(self) -> str:
        return json.dumps(asdict(self))


def given_plan() -> Plan:
    """The plan in this process's first argument."""
    return Plan(**json.loads(sys.argv[1]))
