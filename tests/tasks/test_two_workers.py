"""Two workers at one task for a moment, as after a stall: neither undoes what the other has sent."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stored import OWNER, left_over, store, store_path

from rig import Rig
from seedance_mcp.domain.task import Task
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.settings import load_settings
from seedance_mcp.storage.sqlite import SqliteTaskStore
from seedance_mcp.storage.task_store import Claim, SendLimits
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.order import Order
from seedance_mcp.tasks.prices import Prices
from seedance_mcp.tasks.push import EventStreams
from seedance_mcp.tasks.service import VideoTasks
from seedance_mcp.tasks.timings import Timings


class InterruptedStore(SqliteTaskStore):
    """Lets something happen right after a read, before what was read is acted upon."""

    def __init__(self, path: Path, interruption: Callable[[Task], Awaitable[None]], after: str) -> None:
        super().__init__(path)
        self._interrupt = interruption
        self._after = after
        self._is_watched = True

    async def get(self, owner: str, task_id: str) -> Task | None:
        task = await super().get(owner, task_id)
        if task is not None and self._is_watched and self._after == "get":
            self._is_watched = False
            await self._interrupt(task)
        return task

    async def claim_send(self, owner: str, task_id: str, limits: SendLimits) -> Claim:
        claim = await super().claim_send(owner, task_id, limits)
        if self._is_watched and self._after == "claim":
            self._is_watched = False
            task = await super().get(owner, task_id)
            assert task is not None
            await self._interrupt(task)
        return claim


@asynccontextmanager
async def worker(
    rig: Rig, interruption: Callable[[Task], Awaitable[None]], *, after: str, **more: str
) -> AsyncGenerator[VideoTasks]:
    """One worker whose store is interrupted."""
    settings = load_settings(rig.environment | more)
    configured = settings.catalogue.configured
    watched = InterruptedStore(store_path(rig), interruption, after)
    desk = Desk(
        store=watched,
        clock=rig.clock,
        catalogue=settings.catalogue,
        clients={one.spec.id: ProviderClient(one, rig.transports.get(one.spec.id)) for one in configured},
        limits=settings.limits,
        transports=rig.transports,
        output_dir=settings.output_dir,
        worker="interrupted",
        events=EventStreams(rig.clock),
        prices=Prices({}, rig.clock.now),
        timings=Timings(store=watched, catalogue=settings.catalogue),
    )
    async with VideoTasks(desk) as tasks:
        yield tasks


async def change(rig: Rig, task: Task, edit: Callable[[Task], Task]) -> Task:
    other = SqliteTaskStore(store_path(rig))
    await other.open()
    changed = await other.change(OWNER, task.task_id, edit)
    await other.close()
    return changed


async def store_busy(rig: Rig) -> Task:
    """A task in progress that a living worker follows: it takes a place, and its part of the budget."""
    facts = {"task_id": "vt_busy", "status": "running", "send_state": "sent", "reserved_usd": 0.1}
    task = left_over(rig, **facts, follower="busy", provider_task_id="task_busy")
    await store(rig, task, alive_until=rig.clock.now() + 50)
    return task


@pytest.mark.parametrize(
    "variables", [{"KINOVI_MAX_CONCURRENT": "1"}, {"SEEDANCE_DAILY_BUDGET_USD": "0.1"}], ids=["no place", "no budget"]
)
async def test_a_refused_claim_does_not_undo_the_claim_of_another_worker(rig: Rig, variables: dict[str, str]) -> None:
    """Ours: or the row would be `to_send` again while its create is under way, and be paid twice."""
    await store_busy(rig)
    await store(rig, left_over(rig))

    async def other_worker_sends(task: Task) -> None:
        facts: dict[str, Any] = {"status": "queued", "send_state": "sending", "attempt": "other", "follower": "other"}
        await change(rig, task, lambda now: replace(now, **facts))

    async with worker(rig, other_worker_sends, after="claim", **variables) as tasks:
        await rig.clock.sleep(1)
        after = await tasks.get(OWNER, "vt_leftover")
    assert (after.status, after.send_state, after.attempt) == ("queued", "sending", "other")
    assert rig.creates == []


async def test_a_task_that_another_worker_claims_first_is_not_sent_here(rig: Rig) -> None:
    """DESIGN §3: one compare-and-set; no lease gives the right to send."""
    await store(rig, left_over(rig))

    async def other_worker_claims(task: Task) -> None:
        other = SqliteTaskStore(store_path(rig))
        await other.open()
        await other.heartbeat("other", rig.clock.now() + 50)
        claim = await other.claim_send(
            OWNER, task.task_id, SendLimits(worker="other", now=task.created_at, day_start=0)
        )
        await other.close()
        assert claim.task is not None

    async with worker(rig, other_worker_claims, after="get") as tasks:
        await rig.clock.sleep(1)
        after = await tasks.get(OWNER, "vt_leftover")
    assert (after.send_state, after.attempt) == ("sending", "other")
    assert rig.creates == []


async def test_an_answer_that_comes_while_it_is_given_up_for_lost_wins(rig: Rig) -> None:
    """Ours: a task that its provider has accepted must not become `uncertain`, or nobody would follow it."""
    await store(rig, left_over(rig, send_state="sending", attempt="slow", follower="slow"))

    async def answer_arrives(task: Task) -> None:
        await change(rig, task, lambda now: replace(now, send_state="sent", provider_task_id="task_1", follower="slow"))

    async with worker(rig, answer_arrives, after="get") as tasks:
        await rig.clock.sleep(1)
        after = await tasks.get(OWNER, "vt_leftover")
    assert (after.status, after.send_state, after.provider_task_id) == ("queued", "sent", "task_1")


async def test_a_worker_that_lost_its_task_leaves_it_alone(rig: Rig) -> None:
    """DESIGN §6: following is leased; whoever was away too long finds another follower in the row."""

    async def nothing(_task: Task) -> None:
        return

    busy = await store_busy(rig)
    order = Order(owner=OWNER, request=VideoRequest(prompt="a corgi", provider="kinovi"))
    async with worker(rig, nothing, after="nothing", KINOVI_MAX_CONCURRENT="1") as tasks:
        task = await tasks.create(order)
        await rig.clock.sleep(1)
        await change(rig, task, lambda now: replace(now, follower="busy"))
        await change(rig, busy, lambda now: replace(now, status="cancelled"))
        await rig.clock.sleep(10)
        after = await tasks.get(OWNER, task.task_id)
    assert (after.status, after.follower) == ("waiting", "busy")
    assert rig.creates == []
