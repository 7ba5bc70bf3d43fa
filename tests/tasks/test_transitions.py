"""Any way through the statuses, not only single steps (those are in tests/domain)."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.domain.task import ENDS, STATUSES, Status, TransitionError, check_transition

ANY = st.sampled_from(STATUSES)


@given(ANY, st.lists(ANY, max_size=12))
def test_no_way_leads_out_of_an_end_or_back_to_waiting_from_a_sent_create(start: Status, wishes: list[Status]) -> None:
    """DESIGN §2: ends are final; what was accepted, or may have been, is never put back to be sent."""
    way: list[Status] = [start]
    for wish in wishes:
        try:
            check_transition(way[-1], wish)
        except TransitionError:
            continue
        way.append(wish)
    for before, after in pairwise(way):
        assert before not in ENDS or after == before
        assert not (before in {"running", "uncertain"} and after == "waiting")
