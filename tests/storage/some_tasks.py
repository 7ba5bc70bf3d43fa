"""Tasks and terms for the tests of a store."""

from typing import Any

from seedance_mcp.domain.cost import Estimate
from seedance_mcp.domain.task import Task
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.storage.task_store import AddTerms, SendLimits

NOW = 1_795_161_600.0
DAY_START = NOW - NOW % 86400
OWNER = "me"


def new_task(number: int = 1, **facts: Any) -> Task:
    """A task that is to be sent and would cost $0.40; its call was answered."""
    values: dict[str, Any] = {
        "task_id": f"vt_{number:03}",
        "owner": OWNER,
        "status": "queued",
        "provider": "kinovi",
        "model": "seedance-2.0",
        "mode": "text_to_video",
        "request": VideoRequest(prompt="a corgi"),
        "estimate": Estimate(basis="published", usd=0.4),
        "created_at": NOW + number,
        "updated_at": NOW + number,
        "fingerprint": VideoRequest(prompt="a corgi").fingerprint,
        "caller": "worker",
        "answered_at": NOW,
        "follower": "worker",
        "next_step_at": NOW,
    }
    return Task(**values | facts)


def terms(*, now: float = NOW, budget: float | None = None, note: str = "") -> AddTerms:
    return AddTerms(
        now=now, abandoned_since=now - 600, day_start=DAY_START, daily_budget_usd=budget, abandoned_note=note
    )


def limits(
    worker: str = "worker", *, now: float = NOW, budget: float | None = None, places: int | None = None
) -> SendLimits:
    return SendLimits(worker=worker, now=now, day_start=DAY_START, daily_budget_usd=budget, max_concurrent=places)
