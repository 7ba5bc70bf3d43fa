"""How far a shot was when its server was killed, judged by what was left behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seedance_mcp.domain.task import ENDS

STAGES = (
    "no row yet",
    "row written, create not begun",
    "waiting for a place",
    "create in flight",
    "being made, polled",
    "made, not saved",
    "saved or ended",
    "uncertain",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """One shot at the moment of one kill."""

    stage: str
    was_heard: bool
    """The host got an answer about it, which may still have lain in the pipe."""
    only_marked: bool
    """The row says that the call was answered, and the host got no answer."""
    was_accepted: bool
    """The provider had accepted it."""


def stage_of(row: Mapping[str, Any] | None) -> str:
    """One of `STAGES`."""
    if row is None:
        return "no row yet"
    if row["status"] in ENDS:
        return "saved or ended"
    by_status = {"uncertain": "uncertain", "waiting": "waiting for a place"}
    by_sending = {"to_send": "row written, create not begun", "sending": "create in flight"}
    made = "being made, polled" if row["video"] == "null" else "made, not saved"
    return by_status.get(row["status"]) or by_sending.get(row["send_state"], made)
