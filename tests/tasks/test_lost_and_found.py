"""A create whose answer was lost: looked for where the provider has a list, told by the user, never sent again."""

from typing import Any

import pytest
from calls import create, get
from mcp import Client
from stored import history

from fake_clock import FakeClock
from rig import Rig, environment, error_of, facts_of, text_of
from seedance_mcp.simulator.app import Simulator

LOST = {"on": "create", "kind": "drop_after"}
PROVIDERS = ("oxen", "kinovi")


@pytest.fixture
def simulator(clock: FakeClock, rendered: Any) -> Simulator:
    return Simulator((*PROVIDERS, "demo"), run_s=60.0, clock=clock.now, cache_dir=rendered)


@pytest.fixture
def rig(rig: Rig) -> Rig:
    rig.environment = environment(rig.folder, *PROVIDERS) | {"OXEN_REQUEST_MODE": "poll"}
    return rig


async def test_a_lost_create_is_found_in_the_providers_list_and_saved(rig: Rig) -> None:
    """Issue 4: the server looks for it (Oxen's list endpoint) and never sends it again."""
    rig.break_next(**LOST)
    async with rig.client() as client:
        uncertain = facts_of(await create(client, provider="oxen", wait_seconds=1))
        done = await get(client, uncertain["task_id"], 600)
    assert uncertain["status"] == "uncertain"
    assert (facts_of(done)["status"], len(rig.creates)) == ("succeeded", 1)
    assert "oxen's list has it" in text_of(done)
    assert "Answer lost" not in text_of(done)
    assert (await history(rig, uncertain["task_id"]))[:3] == ["queued", "uncertain", "queued"]


async def test_a_call_that_waits_hears_of_a_lost_create_that_is_found(rig: Rig) -> None:
    """Ours: while the list is still looked at, waiting is not in vain."""
    rig.break_next(**LOST)
    async with rig.client() as client:
        done = facts_of(await create(client, provider="oxen", wait_seconds=300))
    assert (done["status"], len(rig.creates)) == ("succeeded", 1)


async def test_a_create_that_never_arrived_stays_uncertain_and_says_what_was_looked_for(rig: Rig) -> None:
    """Issue 4: an empty list does not prove that nothing was started, so nothing is sent again."""
    rig.break_next(on="create", kind="drop_before")
    async with rig.client() as client:
        task_id = facts_of(await create(client, provider="oxen"))["task_id"]
        await rig.clock.sleep(900)
        result = await get(client, task_id)
    assert facts_of(result)["status"] == "uncertain"
    assert "oxen's list has no such video" in text_of(result)
    assert "6 times; that does not prove it" in text_of(result)
    assert len(rig.creates) == 1


async def test_a_list_that_cannot_be_read_is_read_again(rig: Rig) -> None:
    """Ours: one bad answer to a free question must not lose a paid video."""
    rig.break_next(**LOST)
    rig.break_next(on="other", kind="status", status=500)
    async with rig.client() as client:
        done = facts_of(await create(client, provider="oxen", wait_seconds=300))
    assert done["status"] == "succeeded"


async def test_two_that_could_be_it_are_named_and_the_user_decides(rig: Rig) -> None:
    """DESIGN §1: never invent a fact; get_task with both ids settles it."""
    for _ in range(2):
        rig.break_next(**LOST)
    async with rig.client() as client:
        first, second = [
            facts_of(await create(client, provider="oxen", wait_seconds=0, label=label))["task_id"] for label in "ab"
        ]
        await rig.clock.sleep(5)
        told = await get(client, first)
        theirs = _accepted(rig)
        chosen = facts_of(await _settle(client, first, theirs[0]))
        again = error_of(await _settle(client, second, theirs[0]))
        await rig.clock.sleep(60)
        other = facts_of(await get(client, second))
    assert "2 that could be it" in text_of(told)
    assert chosen["provider_task_id"] == theirs[0]
    assert "belongs to another task already" in again["message"]
    assert other["provider_task_id"] == theirs[1], "the only one left is found by itself"
    assert len(rig.creates) == 2


async def test_where_there_is_no_list_the_result_says_so_and_the_user_can_settle_it(rig: Rig) -> None:
    """Issue 4: other providers: told honestly that it cannot be looked up."""
    rig.break_next(**LOST)
    async with rig.client() as client:
        lost = await create(client, provider="kinovi", wait_seconds=60)
        task_id = facts_of(lost)["task_id"]
        await _settle(client, task_id, _accepted(rig)[0])
        done = await get(client, task_id, 600)
    assert "It cannot be looked up at kinovi." in text_of(lost)
    assert "may be billed" in text_of(lost)
    assert "provider_task_id=…" in text_of(lost)
    assert (facts_of(done)["status"], len(rig.creates)) == ("succeeded", 1)


async def test_only_an_uncertain_task_can_be_told_which_one_it_is(rig: Rig) -> None:
    """Ours: a task that knows its id is not turned into another one."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        error = error_of(await _settle(client, task["task_id"], "task_of_somebody"))
        same = facts_of(await _settle(client, task["task_id"], _accepted(rig)[0]))
    assert error["kind"] == "invalid_request"
    assert "only an uncertain task" in error["message"]
    assert same["task_id"] == task["task_id"]


async def test_an_id_that_the_provider_does_not_know_settles_nothing(rig: Rig) -> None:
    """DESIGN §6: the provider's own answer is what is believed."""
    rig.break_next(**LOST)
    async with rig.client() as client:
        task_id = facts_of(await create(client, provider="kinovi"))["task_id"]
        error = error_of(await _settle(client, task_id, "task_nobody_knows"))
        after = facts_of(await get(client, task_id))
    assert (error["kind"], after["status"]) == ("not_found", "uncertain")


async def test_a_task_killed_while_sending_is_looked_for_as_well(rig: Rig) -> None:
    """DESIGN §2: a sender that died while sending leaves `uncertain`; the list may still have it."""
    rig.break_next(on="create", kind="drop_after", provider="oxen")
    async with rig.client() as client:
        task_id = facts_of(await create(client, provider="oxen", wait_seconds=0))["task_id"]
    async with rig.client() as client:
        done = facts_of(await get(client, task_id, 600))
    assert (done["status"], len(rig.creates)) == ("succeeded", 1)


def _accepted(rig: Rig) -> list[str]:
    return [one.task_id for one in rig.creates if one.task_id]


async def _settle(client: Client, task_id: str, provider_task_id: str) -> Any:
    return await client.call_tool(
        "get_task", {"task_id": task_id, "provider_task_id": provider_task_id, "wait_seconds": 0}
    )
