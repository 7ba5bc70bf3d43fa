"""What every run does, drawn from one seed. The same seed gives the same plans; no machine hits an instant twice."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from seedance_mcp.providers import PROVIDERS

_T = TypeVar("_T")
Sign = Literal["spawned", "asked", "create", "fetch", "download", "row", "waiting", "accepted", "ended"]
"""What is seen before a kill: of the process, at the provider, or in the store."""
SLOW_S = 1.0
START_S = 1.2
"""Longer than a server takes from its start to its first answer, so that a kill may fall before, in and after it."""
MADE_S = 3.0
"""Longer than a task takes from its create to its file: the next look comes after two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where a kill is aimed: at random within `within_s` of a sign."""

    name: str
    after: Sign
    within_s: float
    fault: Mapping[str, Any] = field(default_factory=dict[str, Any])
    must_wait: bool = False
    """The call waits for the end."""


MOMENTS: tuple[Moment, ...] = (
    Moment(name="while the server starts, the call already in its pipe", after="spawned", within_s=START_S),
    Moment(name="right after the call", after="asked", within_s=0.03),
    Moment(name="right after the row", after="row", within_s=0.03),
    Moment(
        name="while the create is unanswered",
        after="create",
        within_s=0.1,
        fault={"on": "create", "kind": "slow", "seconds": SLOW_S},
    ),
    Moment(name="as the create is answered", after="create", within_s=0.03),
    Moment(
        name="while it waits for a place (429)",
        after="waiting",
        within_s=0.05,
        fault={"on": "create", "kind": "status", "status": 429},
    ),
    Moment(name="at any time after the accept", after="accepted", within_s=MADE_S),
    Moment(
        name="while a poll is unanswered",
        after="fetch",
        within_s=0.1,
        fault={"on": "fetch", "kind": "slow", "seconds": SLOW_S},
    ),
    Moment(name="as a poll is answered", after="fetch", within_s=0.03),
    Moment(
        name="in the middle of the download",
        after="download",
        within_s=0.1,
        fault={"on": "download", "kind": "slow", "seconds": SLOW_S},
    ),
    Moment(name="as the download ends", after="download", within_s=0.15),
    Moment(name="as a waiting call is answered", after="ended", within_s=0.02, must_wait=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run. `delay` is the share of the moment's time that passes before the kill."""

    number: int
    provider: str
    moment: Moment
    delay: float
    shots: int
    with_key: bool
    waits: bool
    """The killed server's calls wait for the end, and so are unanswered most of the time; else they ask for the id."""
    has_neighbour: bool
    """A second process shares the folder, with a task of its own, and goes on."""
    second_kill_s: float | None
    """So long after it took over, the next server is killed too."""
    repeats_at_once: bool
    """The host repeats its call while the dead server's lease still holds; else when it has run out."""


def plans(seed: int, runs: int) -> Sequence[Plan]:
    """Moments, keys and the host's haste in equal shares, the rest by chance."""
    draw = random.Random(seed)  # noqa: S311  (must be repeatable)
    moments = _shared_out(draw, MOMENTS, runs)
    providers = _shared_out(draw, [spec.id for spec in PROVIDERS], runs)
    keys, waits, haste = (_shared_out(draw, [True, False], runs) for _ in range(3))
    return [
        Plan(
            number=number,
            provider=providers[number],
            moment=moments[number],
            delay=draw.random(),
            shots=draw.choice((1, 1, 2, 3)),
            with_key=keys[number],
            waits=waits[number] or moments[number].must_wait,
            has_neighbour=draw.random() < 0.25,
            second_kill_s=draw.uniform(0, 2 * START_S) if draw.random() < 0.25 else None,
            repeats_at_once=haste[number],
        )
        for number in range(runs)
    ]


def _shared_out(draw: random.Random, things: Sequence[_T], count: int) -> list[_T]:
    dealt = [things[number % len(things)] for number in range(count)]
    draw.shuffle(dealt)
    return dealt
