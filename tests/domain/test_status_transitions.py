"""The life of a task: which status may follow which."""

from dataclasses import replace
from itertools import product

import pytest

from seedance_mcp.domain.task import ENDS, STATUSES, TRANSITIONS, Status, Task, TransitionError, check_transition

TABLE: dict[Status, set[Status]] = {
    "waiting": {"queued", "failed", "cancelled"},
    "queued": {"running", "waiting", "uncertain", "succeeded", "failed", "cancelled"},
    "running": {"succeeded", "failed", "cancelled"},
    "uncertain": {"queued", "running", "succeeded", "failed", "cancelled"},
    "succeeded": set(),
    "failed": set(),
    "cancelled": set(),
}
"""DESIGN §2, row by row."""
TASK = Task(task_id="vt_1", owner="local", status="queued", provider="kinovi", created_at=1.0, updated_at=1.0)


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, repeat=2)))
def test_a_status_is_followed_only_by_those_of_the_table(before: Status, after: Status) -> None:
    """DESIGN §2: checked in one place; staying the same is no change."""
    if after == before or after in TABLE[before]:
        check_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"a task that is '{before}' cannot become '{after}'"):
            check_transition(before, after)


def test_ends_are_final_and_everything_else_leads_to_one() -> None:
    """DESIGN §2: `succeeded`, `failed` and `cancelled` are ends."""
    assert {"succeeded", "failed", "cancelled"} == ENDS
    for status in STATUSES:
        assert (TRANSITIONS[status] == frozenset()) == (status in ENDS)
        assert replace(TASK, status=status).has_ended == (status in ENDS)


def test_a_task_was_accepted_once_the_provider_gave_it_an_id() -> None:
    """Ours: from then on it may cost."""
    assert not TASK.was_accepted
    assert replace(TASK, provider_task_id="t_1").was_accepted


def test_a_note_is_kept_once_and_can_take_the_place_of_others() -> None:
    """Ours: a task that is polled for an hour has one note about it, not two hundred."""
    task = replace(TASK, notes=("Waiting: a", "Remember me"))
    assert task.with_note("Remember me") == ("Waiting: a", "Remember me")
    assert task.with_note("New") == ("Waiting: a", "Remember me", "New")
    assert task.with_note("Waiting: b", instead_of="Waiting: ") == ("Remember me", "Waiting: b")
    assert task.without_notes("Waiting: ") == ("Remember me",)
