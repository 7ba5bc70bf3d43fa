"""More creates than a provider takes at once: they wait in order, and no storm of refusals is caused."""

from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from calls import BOTH, LONG, RUN_S, create, get, listed
from mcp import Client
from stored import run_sql

from fake_clock import FakeClock
from rig import Rig, body_of, facts_of, text_of
from seedance_mcp.simulator.app import Simulator

SHOTS, PLACES = 20, 3


@pytest.fixture
def simulator(clock: FakeClock, rendered: Any) -> Simulator:
    return Simulator((*BOTH, "demo"), run_s=RUN_S, clock=clock.now, cache_dir=rendered, max_concurrent=PLACES)


@pytest.mark.parametrize("provider", BOTH)
async def test_a_storyboard_of_twenty_shots_against_a_limit_of_three_is_made_without_a_storm_of_refusals(
    rig: Rig, provider: str
) -> None:
    """Issue 4: more creates than slots stay `waiting` and are sent as slots free; no 429 storm."""
    async with rig.client() as client:
        ids = await _twenty(client, provider)
        tasks = await _ended(client, ids)
    assert [task["status"] for task in tasks] == ["succeeded"] * SHOTS
    accepted = [one for one in rig.creates if one.accepted]
    assert len(accepted) == SHOTS
    assert len(rig.creates) - SHOTS <= PLACES, "refusals"
    assert rig.creates[-1].at_s - rig.creates[0].at_s < SHOTS / PLACES * (RUN_S + 4), "places stay empty"


async def test_shots_that_wait_are_sent_in_the_order_in_which_they_were_asked_for(rig: Rig) -> None:
    """Issue 4: sent in order as slots free."""
    async with rig.client() as client:
        await _ended(client, await _twenty(client, "kinovi", at_once=False))
    seeds = [body_of(one)["inputs"]["seed"] for one in rig.creates if one.accepted]
    assert seeds == sorted(seeds)


async def test_shots_that_wait_survive_restarts(rig: Rig) -> None:
    """Issue 4: surviving restarts; each is paid for once."""
    async with rig.client() as client:
        ids = await _twenty(client, "kinovi")
        await rig.clock.sleep(1)
        statuses = [facts_of(await get(client, one))["status"] for one in ids]
    assert statuses.count("waiting") >= SHOTS - 2 * PLACES
    await rig.clock.sleep(60)
    async with rig.client() as client:
        tasks = await _ended(client, ids)
    assert [task["status"] for task in tasks] == ["succeeded"] * SHOTS
    assert sum(one.accepted for one in rig.creates) == SHOTS


async def test_the_limit_that_one_program_learned_holds_for_the_next(rig: Rig) -> None:
    """Issue 4: the limit is learned from a 429, in the store that all processes share."""
    async with rig.client() as first, rig.client() as second:
        for seed in range(PLACES + 1):
            await create(first, provider="kinovi", seed=seed)
        refused = len(rig.creates) - PLACES
        waiting = await create(second, provider="kinovi", seed=99)
        sent = len(rig.creates)
    assert (refused, sent) == (1, PLACES + 1)
    assert facts_of(waiting)["status"] == "waiting"
    assert "kinovi makes 3 at once, as far as known (KINOVI_MAX_CONCURRENT sets it)" in text_of(waiting)
    assert "nothing was sent yet" in text_of(waiting)


async def test_a_learned_limit_is_tried_one_higher_after_ten_minutes(rig: Rig) -> None:
    """Ours: accounts are upgraded, and other programs that share the key end."""
    rig.simulator.faults.clear()
    async with rig.client() as client:
        for seed in range(PLACES + 1):
            await create(client, provider="kinovi", seed=seed)
        run_sql(rig, "UPDATE provider_limits SET learned_at = learned_at - 601, not_before = NULL")
        rig.break_next(on="create", kind="status", status=402)
        above = await create(client, provider="kinovi", seed=98)
    assert "402" in text_of(above) or facts_of(above)["status"] == "waiting"


async def test_the_operators_limit_spares_every_refusal(rig: Rig) -> None:
    """Issue 4: settable (`<ID>_MAX_CONCURRENT`)."""
    async with rig.client(KINOVI_MAX_CONCURRENT=str(PLACES)) as client:
        await _ended(client, await _twenty(client, "kinovi"))
    assert len(rig.creates) == SHOTS


async def test_a_rate_limit_with_nothing_under_way_is_waited_for_and_not_taken_for_a_limit_of_places(rig: Rig) -> None:
    """Issue 4: 429 with Retry-After; nothing can be learned of places when none is taken."""
    rig.break_next(on="create", kind="status", status=429, headers={"Retry-After": "30"})
    async with rig.client() as client:
        first = facts_of(await create(client, provider="kinovi", seed=1))
        second = await create(client, provider="kinovi", seed=2)
        tasks = await _ended(client, [first["task_id"], facts_of(second)["task_id"]])
    refused, *taken = rig.creates
    assert "took no more videos a moment ago" in text_of(second)
    assert [task["status"] for task in tasks] == ["succeeded"] * 2
    assert all(30 <= one.at_s - refused.at_s < 45 for one in taken)


async def _twenty(client: Client, provider: str, *, at_once: bool = True) -> list[str]:
    ids: list[str] = []

    async def shot(number: int) -> None:
        told_apart = {"seed": number} if provider == "kinovi" else {"label": f"shot {number}"}
        found = await create(client, provider=provider, wait_seconds=0, **told_apart)
        ids.append(facts_of(found)["task_id"])

    if at_once:
        async with anyio.create_task_group() as group:
            for number in range(SHOTS):
                group.start_soon(shot, number)
    else:
        for number in range(SHOTS):
            await shot(number)
    return ids


async def _ended(client: Client, ids: Sequence[str]) -> Sequence[Any]:
    for _ in range(3):
        await listed(client, task_ids=ids, wait_seconds=LONG)
    return facts_of(await listed(client, task_ids=ids, limit=50))["tasks"]
