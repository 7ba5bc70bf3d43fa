"""The create is written down before it is sent, is sent by the server, and is sent once."""

from collections.abc import Mapping
from typing import Any

import anyio
import httpx
import pytest
from calls import A_WHILE, BOTH, LONG, create, get, hold, is_create, listed, network
from mcp import Client
from stored import history, left_over, refusing, rows, store

from rig import Rig, facts_of


@pytest.mark.parametrize("provider", BOTH)
async def test_the_row_is_committed_with_its_claim_and_reservation_before_the_create_is_sent(
    rig: Rig, provider: str
) -> None:
    """Issue: the row is committed before the create is sent; one compare-and-set gives the right to send."""
    seen: list[Mapping[str, Any]] = []

    async def look(request: httpx.Request) -> None:
        if is_create(request):
            seen.extend(rows(rig))

    rig.transports[provider] = network(rig, look)
    async with rig.client() as client:
        task = facts_of(await create(client, provider=provider, max_cost_usd=0.5))
    (row,) = seen
    assert row["task_id"] == task["task_id"]
    assert (row["status"], row["send_state"]) == ("queued", "sending")
    assert row["attempt"] == row["follower"]
    assert row["attempted_at"] == rig.creates[0].at_s
    assert row["reserved_usd"] == {"kinovi": 0.4, "seedance2_ink": 0.5}[provider]


async def test_a_create_that_cannot_be_written_down_is_not_sent(rig: Rig) -> None:
    """Issue: the row is committed before the create is sent."""
    async with rig.client() as client:
        await listed(client)
        with refusing(rig, "INSERT ON tasks"):
            result = await create(client)
        await rig.clock.sleep(A_WHILE)
        found = facts_of(await listed(client))["tasks"]
    assert result.is_error
    assert found == []
    assert rig.creates == []


async def test_a_claim_that_cannot_be_written_down_is_not_used(rig: Rig) -> None:
    """Issue: the right to send is a committed compare-and-set; once the store works again it is sent."""
    async with rig.client() as client:
        await listed(client)
        with refusing(rig, "UPDATE ON tasks"):
            await client.call_tool("create_video", {"prompt": "a corgi", "duration": 4, "resolution": "480p"})
            await rig.clock.sleep(20)
            sent_meanwhile = len(rig.creates)
        (task,) = facts_of(await listed(client))["tasks"]
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert sent_meanwhile == 0
    assert done["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_an_answer_that_cannot_be_written_down_is_kept_until_it_can(rig: Rig) -> None:
    """DESIGN §1: never lose a paid video; the provider's id must reach the store."""
    held = hold(rig, "kinovi")
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=0))
        await held.arrived.wait()
        with refusing(rig, "UPDATE ON tasks"):
            held.go.set()
            await rig.clock.sleep(20)
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert done["provider_task_id"] == rig.creates[0].task_id
    assert len(rig.creates) == 1


async def test_a_client_that_cancels_its_call_does_not_cancel_the_paid_task(rig: Rig) -> None:
    """DESIGN §3: the create is sent by the server's own task group, the handler only writes the row and waits."""
    held = hold(rig, "kinovi")
    async with rig.client() as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: create(client, provider="kinovi", wait_seconds=LONG))
            await held.arrived.wait()
            group.cancel_scope.cancel()
        await rig.clock.sleep(5)
        held.go.set()
        (task,) = facts_of(await listed(client))["tasks"]
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_client_that_goes_away_does_not_cancel_the_paid_task(rig: Rig) -> None:
    """DESIGN §3: a client that goes away never cancels the task."""
    held = hold(rig, "kinovi")
    program = rig.program()
    async with program.running():
        async with Client(program.mcp) as client:
            task = facts_of(await create(client, provider="kinovi", wait_seconds=0))
            await held.arrived.wait()
        held.go.set()
        await rig.clock.sleep(A_WHILE)
        async with Client(program.mcp) as another:
            done = facts_of(await get(another, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_video_goes_through_its_statuses_in_order_and_each_is_recorded(rig: Rig) -> None:
    """DESIGN §6: the store has the status and its history from the first migration."""
    rig.break_next(on="create", kind="status", status=429)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        await listed(client, task_ids=[task["task_id"]], wait_seconds=LONG)
    assert await history(rig, task["task_id"]) == ["queued", "waiting", "queued", "running", "succeeded"]


async def test_an_unsent_video_whose_model_is_gone_fails_without_being_sent(rig: Rig) -> None:
    """Ours: an update of the server may drop a model that an older row still names."""
    await store(rig, left_over(rig, model="seedance-2.0-mini"))
    async with rig.client() as client:
        task = facts_of(await get(client, "vt_leftover", wait_seconds=60))
    assert (task["status"], task["error"]["kind"]) == ("failed", "invalid_request")
    assert "no longer offers seedance-2.0-mini" in task["error"]["message"]
    assert rig.creates == []
