"""When to look again, how far a video probably is, and the clock behind it."""

import time

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.domain.cost import Estimate
from seedance_mcp.tasks.budget import describe
from seedance_mcp.tasks.clock import SystemClock, wait_at_most
from seedance_mcp.tasks.schedule import LONGEST_GAP_S, SOONEST_S, estimated_progress, next_poll, next_try

SECONDS = st.floats(0, 1e7)


@given(SECONDS)
def test_a_task_is_looked_at_again_neither_at_once_nor_never(elapsed_s: float) -> None:
    """DESIGN §6: less and less often, but never given up."""
    assert SOONEST_S <= next_poll(elapsed_s) <= LONGEST_GAP_S


@given(st.integers(0, 10**6), st.none() | st.floats(0, 1e9))
def test_a_failed_look_is_repeated_after_a_bounded_time_and_not_before_the_other_side_asks(
    failures: int, asked_s: float | None
) -> None:
    """DESIGN §6: backing off on 429/5xx, honouring Retry-After, up to an hour."""
    wait = next_try(failures, asked_s)
    assert 5 <= wait <= 3600
    assert wait >= min(asked_s or 0, 3600)
    assert next_try(failures + 1, asked_s) >= wait


@given(SECONDS, SECONDS, st.none() | st.tuples(st.floats(1, 100), st.floats(101, 1000)))
def test_estimated_progress_grows_and_never_arrives(
    one_s: float, other_s: float, usual_s: tuple[float, float] | None
) -> None:
    """DESIGN §3: never reaching 100 before the video is there."""
    early, late = sorted((one_s, other_s))
    assert 0 <= estimated_progress(early, usual_s) <= estimated_progress(late, usual_s) <= 95


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
