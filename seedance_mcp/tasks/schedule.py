"""When to look again, and how far a video probably is."""

import math

SOONEST_S = 2.0
USUAL_GAP_S = 10.0
LONGEST_GAP_S = 600.0
PATIENCE_S = 20 * 60.0
"""After this a task is late, and is looked at less and less often, but never given up."""
UNKNOWN_USUAL_S = (60.0, 300.0)
HEARTBEAT_S = 3.0
ALIVE_S = 10.0
"""A worker that has not been heard of for this long has lost its tasks."""


def next_poll(elapsed_s: float) -> float:
    """Seconds until the next look at a task that was accepted this long ago."""
    if elapsed_s <= PATIENCE_S:
        return min(USUAL_GAP_S, max(SOONEST_S, elapsed_s * 0.2))
    return min(LONGEST_GAP_S, max(USUAL_GAP_S, elapsed_s * 0.1))


def next_try(failures: int, asked_s: float | None, *, first_s: float = 5.0) -> float:
    """Seconds until the next try after this many failures in a row; what the other side asked for is the least."""
    own = min(LONGEST_GAP_S, first_s * 2 ** min(failures, 10))
    return max(own, min(asked_s or 0.0, 3600.0))


def estimated_progress(elapsed_s: float, usual_s: tuple[float, float] | None) -> float:
    """A percentage that always grows and never reaches 95, from how long such videos usually take."""
    _, longest = usual_s or UNKNOWN_USUAL_S
    return round(95.0 * (1.0 - math.exp(-1.6 * max(0.0, elapsed_s) / longest)), 1)
