"""The contract of every task store: who may send, and what the day may cost."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from some_tasks import DAY_START, NOW, OWNER, limits, new_task, terms
from stores import OpenStore

from seedance_mcp.domain.cost import Charge, Estimate
from seedance_mcp.domain.task import Status, Task
from seedance_mcp.storage.task_store import Claim, Line, TaskStore


async def test_of_many_concurrent_claims_from_two_stores_exactly_one_is_granted(open_store: OpenStore) -> None:
    """Issue: one compare-and-set gives the right to send. DESIGN §3: no lease gives that right."""
    stores = [await open_store(), await open_store()]
    await stores[0].add(new_task(), terms())
    granted: list[Task] = []

    async def claim(number: int) -> None:
        found = await stores[number % 2].claim_send(OWNER, "vt_001", limits(f"worker-{number}"))
        if found.task is not None:
            granted.append(found.task)

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(claim, number)
    (winner,) = granted
    stored = await stores[1].get(OWNER, "vt_001")
    assert stored == winner
    assert (winner.send_state, winner.attempt) == ("sending", winner.follower)
    assert winner.attempted_at == NOW


async def test_a_claim_reserves_the_estimate_and_is_recorded(store: TaskStore) -> None:
    """DESIGN §3: in the transaction that also reserves the budget."""
    await store.add(new_task(status="waiting"), terms())
    before = await store.spent_usd(OWNER, DAY_START)
    claim = await store.claim_send(OWNER, "vt_001", limits())
    assert claim.task is not None
    assert (claim.task.status, claim.task.reserved_usd) == ("queued", 0.4)
    assert (before, await store.spent_usd(OWNER, DAY_START)) == (0, 0.4)
    assert [change.after for change in await store.history(OWNER, "vt_001")] == ["waiting", "queued"]


@pytest.mark.parametrize(
    ("estimate", "max_cost_usd", "reserved"),
    [
        (Estimate(basis="published", usd=0.8, usd_max=3.0), None, 3.0),
        (Estimate(basis="unknown"), 1.5, 1.5),
        (Estimate(basis="published", usd=0.4), 9.0, 0.4),
        (None, None, 0.0),
    ],
    ids=["a range counts at its top", "an unknown price at the user's sum", "a known price at itself", "adopted"],
)
async def test_what_a_claim_reserves(
    store: TaskStore, estimate: Estimate | None, max_cost_usd: float | None, reserved: float
) -> None:
    """DESIGN §3: a range counts at its top; an unknown price reserves max_cost_usd."""
    await store.add(new_task(estimate=estimate, max_cost_usd=max_cost_usd), terms())
    claim = await store.claim_send(OWNER, "vt_001", limits())
    assert claim.task is not None
    assert claim.task.reserved_usd == reserved


@pytest.mark.parametrize("send_state", ["sending", "sent", "never"])
async def test_what_was_sent_or_given_up_is_never_granted_again(store: TaskStore, send_state: str) -> None:
    """DESIGN §3: the only right to send is from "to be sent" to "sending"."""
    await store.add(new_task(send_state=send_state), terms())
    assert await store.claim_send(OWNER, "vt_001", limits()) == Claim(task=None)


@pytest.mark.parametrize("status", ["running", "uncertain", "succeeded", "failed", "cancelled"])
async def test_only_a_queued_or_waiting_task_is_granted(store: TaskStore, status: Status) -> None:
    """DESIGN §2: ends are final, and an uncertain one is never sent again."""
    await store.add(new_task(status=status), terms())
    assert await store.claim_send(OWNER, "vt_001", limits()) == Claim(task=None)


async def test_no_claim_beyond_the_daily_budget(store: TaskStore) -> None:
    """DESIGN §3: reserved estimates of unfinished tasks count."""
    for number in (1, 2, 3):
        await store.add(new_task(number), terms())
    claims = [await store.claim_send(OWNER, f"vt_{number:03}", limits(budget=1.0)) for number in (1, 2, 3)]
    assert [claim.task is not None for claim in claims] == [True, True, False]
    assert claims[2].over_budget_usd == pytest.approx(0.8)


async def test_racing_claims_from_two_stores_stay_within_the_budget(open_store: OpenStore) -> None:
    """DESIGN §3: UTC day, all processes."""
    stores = [await open_store(), await open_store()]
    for number in range(20):
        await stores[0].add(new_task(number), terms())
    granted: list[str] = []

    async def claim(number: int) -> None:
        found = await stores[number % 2].claim_send(OWNER, f"vt_{number:03}", limits(budget=2.0))
        if found.task is not None:
            granted.append(found.task.task_id)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(claim, number)
    assert len(granted) == 5
    assert await stores[1].spent_usd(OWNER, DAY_START) == pytest.approx(2.0)


async def test_no_claim_beyond_the_places_at_a_provider(store: TaskStore) -> None:
    """DESIGN §6: a provider's concurrency limit; a finished or fetched video has left its place."""
    for number in (1, 2, 3):
        await store.add(new_task(number), terms())
    await store.add(new_task(4, provider="seedance2_ink"), terms())
    first = await store.claim_send(OWNER, "vt_001", limits(places=1))
    second = await store.claim_send(OWNER, "vt_002", limits(places=1))
    elsewhere = await store.claim_send(OWNER, "vt_004", limits(places=1))
    await store.change(OWNER, "vt_001", lambda task: replace(task, status="running"))
    while_running = await store.claim_send(OWNER, "vt_002", limits(places=1))
    await store.change(OWNER, "vt_001", lambda task: replace(task, status="succeeded", ended_at=NOW))
    after = await store.claim_send(OWNER, "vt_002", limits(places=1))
    assert first.task is not None
    assert second == while_running == Claim(task=None, line=Line(ahead=0, places=1))
    assert elsewhere.task is not None
    assert after.task is not None


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ({"status": "running", "send_state": "sent", "reserved_usd": 0.4}, 0.4),
        ({"status": "uncertain", "send_state": "sent", "reserved_usd": 0.4}, 0.4),
        ({"status": "queued", "send_state": "sending", "reserved_usd": 0.4, "created_at": NOW - 9e5}, 0.4),
        ({"status": "running", "send_state": "sent", "reserved_usd": 0.4, "charge": Charge(usd=0.3)}, 0.3),
        ({"status": "succeeded", "send_state": "sent", "ended_at": NOW, "charge": Charge(usd=0.3)}, 0.3),
        ({"status": "succeeded", "send_state": "sent", "ended_at": NOW, "charge": Charge(credits=3)}, 0.0),
        (
            {
                "status": "succeeded",
                "send_state": "sent",
                "ended_at": NOW,
                "charge": Charge(credits=3),
                "reserved_usd": 0.4,
            },
            0.4,
        ),
        ({"status": "succeeded", "send_state": "sent", "ended_at": DAY_START - 1, "charge": Charge(usd=0.3)}, 0.0),
        ({"status": "failed", "send_state": "never", "ended_at": NOW, "reserved_usd": None}, 0.0),
        ({"status": "failed", "send_state": "sent", "ended_at": NOW, "reserved_usd": 0.4}, 0.4),
        ({"status": "queued", "send_state": "to_send"}, 0.0),
        ({"status": "running", "send_state": "sent", "reserved_usd": 0.4, "owner": "somebody"}, 0.0),
    ],
    ids=[
        "running",
        "uncertain",
        "sending since days",
        "charged while running",
        "charged today",
        "adopted, charged in credits",
        "charged in credits",
        "charged yesterday",
        "never sent",
        "given up, may be billed",
        "not sent yet",
        "another owner's",
    ],
)
async def test_what_a_task_adds_to_the_day(store: TaskStore, facts: dict[str, Any], counted: float) -> None:
    """DESIGN §3: reserved estimates of unfinished and uncertain tasks plus charges of finished ones."""
    await store.add(new_task(**facts), terms())
    assert await store.spent_usd(OWNER, DAY_START) == counted


async def test_a_task_beyond_the_budget_is_not_even_stored(store: TaskStore) -> None:
    """DESIGN §3: refused before anything is sent; one that is not to be sent is stored all the same."""
    await store.add(new_task(1, status="running", send_state="sent", reserved_usd=0.7), terms())
    refused = await store.add(new_task(2), terms(budget=1.0))
    adopted = await store.add(new_task(3, send_state="sent"), terms(budget=1.0))
    assert (refused.how, refused.spent_usd) == ("over_budget", 0.7)
    assert adopted.how == "new"
    assert await store.get(OWNER, "vt_002") is None
