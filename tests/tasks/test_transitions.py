"""Which status may follow which: one table, checked in one place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.domain.task import ENDS, STATUSES, TRANSITIONS, Status, TransitionError, check_transition

TABLE: dict[Status, set[Status]] = {
    "waiting": {"queued", "failed", "cancelled"},
    "queued": {"running", "waiting", "uncertain", "succeeded", "failed", "cancelled"},
    "running": {"succeeded", "failed", "cancelled"},
    "uncertain": {"queued", "running", "succeeded", "failed", "cancelled"},
    "succeeded": set(),
    "failed": set(),
    "cancelled": set(),
}
"""DESIGN §2."""
ANY = st.sampled_from(STATUSES)


@given(ANY, ANY)
def test_exactly_the_changes_of_the_table_are_allowed(before: Status, after: Status) -> None:
    """DESIGN §2: the table; staying the same is no change."""
    if after == before or after in TABLE[before]:
        check_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"'{before}' cannot become '{after}'"):
            check_transition(before, after)


@given(ANY, st.lists(ANY, max_size=12))
def test_no_way_leads_out_of_an_end_or_back_to_waiting_from_a_sent_create(start: Status, wishes: list[Status]) -> None:
    """DESIGN §2: ends are final; what was accepted or may have been is never sent again."""
    status = start
    for wish in wishes:
        try:
            check_transition(status, wish)
        except TransitionError:
            continue
        assert status not in ENDS or wish == status
        assert not (status in {"running", "uncertain"} and wish == "waiting")
        status = wish


def test_every_status_can_reach_an_end() -> None:
    """Ours: no task is caught for ever."""
    assert set(TRANSITIONS) == set(STATUSES) == set(TABLE)
    for status in STATUSES:
        assert status in ENDS or TRANSITIONS[status] & ENDS
