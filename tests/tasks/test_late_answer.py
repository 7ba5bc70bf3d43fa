"""A create whose answer comes after another process gave it up for lost: a laptop that slept, a long stall."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest
from calls import A_WHILE, LONG, cancel, create, get, hold, listed
from mcp import Client
from stored import history, rows

from rig import Rig, environment, facts_of, text_of
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings
from seedance_mcp.simulator.app import Simulator


@dataclass
class StalledClock:
    """The clock of a process that stands still until it is woken: no heartbeat, no time limit."""

    rig: Rig
    woken: anyio.Event = field(default_factory=anyio.Event)

    def now(self) -> float:
        return self.rig.clock.now()

    async def sleep(self, seconds: float) -> None:
        await self.woken.wait()
        await self.rig.clock.sleep(seconds)


@asynccontextmanager
async def stalled_client(rig: Rig, clock: StalledClock) -> AsyncGenerator[Client]:
    program = Program(load_settings(rig.environment), clock=clock, transports=rig.transports)
    async with Client(program.mcp) as client:
        yield client


async def test_a_late_answer_settles_an_uncertain_task(rig: Rig) -> None:
    """DESIGN §2: uncertain may become queued, running, or an end; the video is paid, so it must be followed again."""
    held = hold(rig, "kinovi")
    clock = StalledClock(rig)
    async with stalled_client(rig, clock) as stalled, rig.client() as other:
        task = facts_of(await create(stalled, provider="kinovi", wait_seconds=0))
        await held.arrived.wait()
        await listed(other)
        await rig.clock.sleep(20)
        given_up = await get(other, task["task_id"])
        held.go.set()
        clock.woken.set()
        await rig.clock.sleep(2)
        settled = facts_of(await get(other, task["task_id"]))
        done = facts_of(await get(other, task["task_id"], wait_seconds=LONG))
    assert facts_of(given_up)["status"] == "uncertain"
    assert settled["status"] == "queued"
    assert done["status"] == "succeeded"
    assert await history(rig, task["task_id"]) == ["queued", "uncertain", "queued", "running", "succeeded"]
    assert len(rig.creates) == 1


async def test_a_late_answer_is_followed_by_whoever_got_it_while_others_live(rig: Rig) -> None:
    """Ours: the process that gave the answer up for lost has stopped looking after the task, and still lives."""
    held = hold(rig, "kinovi")
    clock = StalledClock(rig)
    async with stalled_client(rig, clock) as stalled, rig.client() as other:
        await create(stalled, provider="kinovi", wait_seconds=0)
        await held.arrived.wait()
        await listed(other)
        await rig.clock.sleep(20)
        (lost,) = rows(rig)
        held.go.set()
        await rig.clock.sleep(0)
        (settled,) = rows(rig)
    assert (lost["status"], lost["next_step_at"]) == ("uncertain", None)
    assert lost["follower"] != lost["attempt"]
    assert settled["follower"] == settled["attempt"]
    assert settled["next_step_at"] is not None


@pytest.mark.parametrize("status", [402, 429])
async def test_a_late_refusal_ends_an_uncertain_task(rig: Rig, status: int) -> None:
    """Ours: callers were told that it is not sent again, so it neither waits nor turns elsewhere."""
    held = hold(rig, "kinovi")
    rig.break_next(on="create", kind="status", status=status)
    clock = StalledClock(rig)
    async with stalled_client(rig, clock) as stalled, rig.client() as other:
        task = facts_of(await create(stalled, wait_seconds=0))
        await held.arrived.wait()
        await listed(other)
        await rig.clock.sleep(20)
        held.go.set()
        clock.woken.set()
        await rig.clock.sleep(A_WHILE)
        ended = facts_of(await get(other, task["task_id"]))
    assert ended["status"] == "failed"
    assert "Nothing was started and nothing was charged." in ended["error"]["message"]
    assert len(rig.creates) == 1


async def test_a_late_answer_after_giving_up_keeps_the_provider_id(rig: Rig) -> None:
    """DESIGN §1: never lose a paid video: the end is final, and the note says how to follow the video."""
    held = hold(rig, "kinovi")
    clock = StalledClock(rig)
    async with stalled_client(rig, clock) as stalled, rig.client() as other:
        task = facts_of(await create(stalled, provider="kinovi", wait_seconds=0))
        await held.arrived.wait()
        await listed(other)
        await rig.clock.sleep(20)
        given_up = facts_of(await cancel(other, task["task_id"]))
        held.go.set()
        clock.woken.set()
        await rig.clock.sleep(5)
        told = await get(other, task["task_id"])
        theirs = facts_of(told)["provider_task_id"]
        found = await other.call_tool(
            "get_task", {"provider": "kinovi", "provider_task_id": theirs, "wait_seconds": LONG}
        )
    assert (given_up["status"], given_up["still_costs"]) == ("failed", "unknown")
    assert (facts_of(told)["status"], facts_of(told)["error"]["kind"]) == ("failed", "not_settled")
    assert f"accepted it after all as {theirs}" in text_of(told)
    assert facts_of(found)["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_late_video_without_an_id_is_named_by_its_link_after_giving_up(rig: Rig) -> None:
    """DESIGN §1: never lose a paid video. Issue: 001's blocking call has no id, so nothing could follow it."""
    clock = StalledClock(rig)
    rig.simulator = Simulator(("oxen",), run_s=1.0, clock=rig.clock.now, sleep=rig.clock.sleep)
    rig.environment = environment(rig.folder, "oxen") | {"OXEN_REQUEST_MODE": "sync"}
    held = hold(rig, "oxen")
    async with stalled_client(rig, clock) as stalled, rig.client() as other:
        task = facts_of(await create(stalled, wait_seconds=0))
        await held.arrived.wait()
        await listed(other)
        await rig.clock.sleep(20)
        given_up = facts_of(await cancel(other, task["task_id"]))
        held.go.set()
        clock.woken.set()
        await rig.clock.sleep(5)
        told = await get(other, task["task_id"])
    assert given_up["status"] == facts_of(told)["status"] == "failed"
    (made,) = rig.creates
    assert "oxen made it after all: http://127.0.0.1:9/files/oxen-" in text_of(told)
    assert "None" not in text_of(told)
    assert made.accepted
