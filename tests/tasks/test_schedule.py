"""When to look again, how far a video probably is, and the clock behind it."""

import math
import time
from random import Random
from statistics import mean, median

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.domain.cost import Estimate
from seedance_mcp.tasks.budget import describe
from seedance_mcp.tasks.clock import SystemClock, wait_at_most
from seedance_mcp.tasks.schedule import (
    ENOUGH,
    JITTER,
    LONGEST_GAP_S,
    SOONEST_S,
    Pace,
    Usual,
    estimated_progress,
    learned,
    next_look,
    next_try,
)

SECONDS = st.floats(0, 1e7)


USUAL = st.builds(Usual, st.floats(1, 5000), st.floats(0.05, 1), is_learned=st.booleans())
PACE = st.builds(Pace, USUAL, is_pushed=st.booleans())


@given(SECONDS, PACE, st.text(max_size=12))
def test_a_task_is_looked_at_again_neither_at_once_nor_never(elapsed_s: float, pace: Pace, key: str) -> None:
    """Issue 4: bounded below and above, with jitter; stuck ones are still looked at now and then."""
    assert SOONEST_S <= next_look(elapsed_s, pace, key) <= 3 * 3600 * (1 + JITTER)


@given(USUAL)
def test_a_task_that_is_not_overdue_is_looked_at_at_least_once_a_minute(usual: Usual) -> None:
    """Issue 4: bounded above."""
    elapsed = 0.0
    while elapsed < usual.overdue_s:
        gap = next_look(elapsed, Pace(usual), "vt_1")
        assert gap <= LONGEST_GAP_S * (1 + JITTER) + 0.2
        elapsed += gap


@given(st.lists(st.floats(0.1, 1e5), min_size=ENOUGH, max_size=60))
def test_whatever_was_finished_gives_a_usual_time_between_the_shortest_and_the_longest(times: list[float]) -> None:
    """Issue 4: quantiles of finished tasks."""
    usual = learned(times)
    assert max(1.0, min(times)) * 0.999 <= usual.median_s <= max(1.0, *times) * 1.001
    assert usual.shortest_s < usual.median_s < usual.longest_s < usual.overdue_s


def test_three_minute_videos_cost_few_looks_once_fifty_were_finished() -> None:
    """DESIGN §10: mean at most 12 looks, the end noticed at most 2 s late in the median (a 5 s loop: 36 and 2.5 s)."""
    random = Random(7)  # noqa: S311  (a simulation, not a secret)
    followed: list[tuple[int, float]] = []
    for _ in range(20):
        usual = learned([random.lognormvariate(math.log(180), 0.15) for _ in range(50)])
        followed += [_followed(random.lognormvariate(math.log(180), 0.15), usual, str(n)) for n in range(100)]
    assert mean(looks for looks, _ in followed) <= 12
    assert median(late for _, late in followed) <= 2


def _followed(took_s: float, usual: Usual, key: str) -> tuple[int, float]:
    """How many looks until the end is noticed, and how late that is."""
    at, looks = 0.0, 0
    while at < took_s:
        at += next_look(at, Pace(usual), key)
        looks += 1
    return looks, at - took_s


@given(st.integers(0, 10**6), st.none() | st.floats(0, 1e9))
def test_a_failed_look_is_repeated_after_a_bounded_time_and_not_before_the_other_side_asks(
    failures: int, asked_s: float | None
) -> None:
    """DESIGN §6: backing off on 429/5xx, honouring Retry-After, up to an hour."""
    wait = next_try(failures, asked_s)
    assert 5 <= wait <= 3600
    assert wait >= min(asked_s or 0, 3600)
    assert next_try(failures + 1, asked_s) >= wait


@given(SECONDS, SECONDS, USUAL)
def test_estimated_progress_grows_and_never_arrives(one_s: float, other_s: float, usual: Usual) -> None:
    """DESIGN §3: never reaching 100 before the video is there."""
    early, late = sorted((one_s, other_s))
    assert 0 <= estimated_progress(early, usual) <= estimated_progress(late, usual) <= 95


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(basis="unknown"), "an unknown price"),
        (Estimate(basis="published", credits=80), "80 credits"),
        (Estimate(basis="published", credits=80, credits_max=300), "80 to 300 credits"),
        (Estimate(basis="published", usd=1), "$1.00"),
        (Estimate(basis="published", usd=0), "$0.00"),
        (Estimate(basis="published", usd=0.004), "$0.0040"),
        (
            Estimate(basis="published", usd=0.8, usd_max=3, credits=160, credits_max=600),
            "$0.80 to $3.00 (160 to 600 credits)",
        ),
    ],
)
def test_an_estimate_in_words(estimate: Estimate, words: str) -> None:
    """DESIGN §3: credits, and USD where the rate is known; a range has two ends."""
    assert describe(estimate) == words


async def test_the_systems_clock_is_the_systems_clock() -> None:
    """Ours: the only clock that is not a test's."""
    clock = SystemClock()
    assert abs(clock.now() - time.time()) < 5
    with anyio.fail_after(5):
        await clock.sleep(0)


async def test_waiting_for_an_event_ends_with_the_event_or_with_the_time() -> None:
    """Ours: and says which."""
    clock, happened, never = SystemClock(), anyio.Event(), anyio.Event()
    happened.set()
    with anyio.fail_after(5):
        assert await wait_at_most(clock, happened, 60)
        assert not await wait_at_most(clock, never, 0)
        assert not await wait_at_most(clock, never, 0.001)
