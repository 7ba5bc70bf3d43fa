"""A create without a free place at its provider stays `waiting` there, and is sent by the server later."""

import anyio
import pytest
from calls import A_WHILE, BOTH, LONG, RUN_S, cancel, create, get, hold, is_poll, listed

from rig import Rig, error_of, facts_of, text_of

NO_PLACE = {"on": "create", "kind": "status", "status": 429}


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize(("headers", "least"), [({}, 1.0), ({"Retry-After": "40"}, 40.0)], ids=["plain", "retry-after"])
async def test_a_create_that_finds_no_place_waits_and_is_sent_later(
    rig: Rig, provider: str, headers: dict[str, str], least: float
) -> None:
    """DESIGN §3: a 429 does not fall over: the task stays `waiting`, with a note, and Retry-After is honoured."""
    rig.break_next(**NO_PLACE, headers=headers)
    async with rig.client() as client:
        result = await create(client, provider=provider, wait_seconds=60)
        answered_at = rig.clock.now()
        task = facts_of(await listed(client, task_ids=[facts_of(result)["task_id"]], wait_seconds=LONG))["tasks"][0]
        done = await get(client, task["task_id"])
    assert facts_of(result)["status"] == "waiting"
    assert "Waiting: " in text_of(result)
    assert "nothing was charged" in text_of(result)
    assert facts_of(done)["status"] == "succeeded"
    assert "Waiting: " not in text_of(done)
    refused, taken = rig.creates
    assert refused.at_s == answered_at, "a waiting task is answered at once"
    assert taken.at_s - refused.at_s >= least
    assert (refused.accepted, taken.accepted) == (False, True)


async def test_the_note_of_a_waiting_task_names_limit_and_current(rig: Rig) -> None:
    """DESIGN §3: note: limit and current."""
    rig.break_next(**NO_PLACE)
    async with rig.client() as client:
        result = await create(client, provider="kinovi")
    assert "limit 5, current 5" in text_of(result)


async def test_a_waiting_task_does_not_turn_to_another_provider(rig: Rig) -> None:
    """DESIGN §3: or a storyboard would scatter."""
    rig.break_next(**NO_PLACE, times=2)
    async with rig.client() as client:
        waiting = facts_of(await create(client))
        done = facts_of(await listed(client, task_ids=[waiting["task_id"]], wait_seconds=LONG))["tasks"][0]
    assert (waiting["status"], waiting["provider"]) == ("waiting", "kinovi")
    assert (done["status"], done["provider"]) == ("succeeded", "kinovi")
    assert {one.provider for one in rig.creates} == {"kinovi"}


async def test_a_create_refused_after_waiting_fails_without_the_waiting_note(rig: Rig) -> None:
    """Ours: a note says what is, not what was."""
    rig.break_next(**NO_PLACE)
    rig.break_next(on="create", kind="status", status=402)
    async with rig.client() as client:
        waiting = facts_of(await create(client, provider="kinovi"))
        await listed(client, task_ids=[waiting["task_id"]], wait_seconds=LONG)
        result = await get(client, waiting["task_id"])
    assert facts_of(result)["status"] == "failed"
    assert "Waiting: " not in text_of(result)


async def test_the_operators_limit_holds_tasks_back_before_anything_is_sent(rig: Rig) -> None:
    """DESIGN §6: a provider's concurrency limit is respected by holding tasks in `waiting`."""
    async with rig.client(KINOVI_MAX_CONCURRENT="1") as client:
        first = facts_of(await create(client, provider="kinovi"))
        second = facts_of(await create(client, provider="kinovi", seed=1))
        elsewhere = facts_of(await create(client, provider="seedance2_ink"))
        sent = [one.provider for one in rig.creates]
        ids = [first["task_id"], second["task_id"]]
        both = facts_of(await listed(client, task_ids=ids, wait_seconds=LONG))["tasks"]
    assert (first["status"], second["status"], elsewhere["status"]) == ("queued", "waiting", "queued")
    assert sent == ["kinovi", "seedance2_ink"]
    assert [task["status"] for task in both] == ["succeeded", "succeeded"]
    one, other = [create.at_s for create in rig.creates if create.provider == "kinovi"]
    assert other - one >= RUN_S, "the second one is sent when the first one is made"


async def test_the_operators_limit_counts_all_programs_on_the_data_folder(rig: Rig) -> None:
    """DESIGN §6: safe for several server processes at once."""
    limit = {"KINOVI_MAX_CONCURRENT": "1"}
    async with rig.client("auto", **limit) as one, rig.client("auto", **limit) as other:
        first = facts_of(await create(one, provider="kinovi"))
        second = facts_of(await create(other, provider="kinovi", seed=1))
    assert (first["status"], second["status"]) == ("queued", "waiting")
    assert len(rig.creates) == 1


async def test_a_waiting_task_is_cancelled_for_free_and_never_sent(rig: Rig) -> None:
    """DESIGN §2: waiting: nothing was sent."""
    rig.break_next(**NO_PLACE)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        cancelled = facts_of(await cancel(client, task["task_id"]))
        await rig.clock.sleep(A_WHILE)
        after = facts_of(await get(client, task["task_id"]))
    assert (cancelled["outcome"], cancelled["still_costs"]) == ("cancelled", "no")
    assert after["status"] == "cancelled"
    assert "cost" not in after
    assert len(rig.creates) == 1


@pytest.mark.parametrize("status", [429, 402])
async def test_a_task_cancelled_while_it_was_sent_ends_when_the_provider_refuses_it(rig: Rig, status: int) -> None:
    """Ours: neither sent again later nor turned to another provider once the user wants it no more."""
    held = hold(rig, "kinovi")
    rig.break_next(on="create", kind="status", status=status)
    async with rig.client() as client:
        task = facts_of(await create(client, wait_seconds=0))
        await held.arrived.wait()
        asked = facts_of(await cancel(client, task["task_id"]))
        held.go.set()
        await rig.clock.sleep(A_WHILE)
        after = facts_of(await get(client, task["task_id"]))
    assert (asked["outcome"], asked["still_costs"]) == ("requested", "unknown")
    assert after["status"] == "cancelled"
    assert len(rig.creates) == 1


async def test_places_held_back_by_the_limit_are_not_counted_as_refusals(rig: Rig) -> None:
    """Ours: a long wait for a place of our own must not slow down the answer to the provider's first 429."""
    held = hold(rig, "kinovi", is_poll)
    async with rig.client(KINOVI_MAX_CONCURRENT="1") as client:
        first = facts_of(await create(client, provider="kinovi"))
        second = facts_of(await create(client, provider="kinovi", seed=1))
        await held.arrived.wait()
        await rig.clock.sleep(100)
        rig.break_next(**NO_PLACE)
        held.go.set()
        ids = [first["task_id"], second["task_id"]]
        both = facts_of(await listed(client, task_ids=ids, wait_seconds=LONG))["tasks"]
    assert [task["status"] for task in both] == ["succeeded", "succeeded"]
    _, refused, taken = rig.creates
    assert taken.at_s - refused.at_s <= 30


async def test_twenty_racing_creates_on_two_programs_never_overshoot_the_budget(rig: Rig) -> None:
    """DESIGN §3: the budget is reserved in the transaction that grants the right to send, for all processes."""
    budget = {"SEEDANCE_DAILY_BUDGET_USD": "2.00"}
    results: list[bool] = []
    async with (
        rig.client("auto", **budget) as one,
        rig.client("auto", **budget) as other,
        anyio.create_task_group() as group,
    ):

        async def ask(number: int) -> None:
            client = (one, other)[number % 2]
            result = await create(client, provider="kinovi", seed=number, wait_seconds=20)
            results.append(bool(result.is_error))
            if result.is_error:
                assert error_of(result)["kind"] == "spend_limit"

        for number in range(20):
            group.start_soon(ask, number)
    assert len(rig.creates) == 5, "each is estimated at $0.40"
    assert sorted(results) == [False] * 5 + [True] * 15


async def test_charges_of_finished_videos_count_for_the_day_and_not_for_the_next_one(rig: Rig) -> None:
    """DESIGN §3: UTC day; charges of finished tasks."""
    async with rig.client(SEEDANCE_DAILY_BUDGET_USD="0.50") as client:
        made = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
        refused = error_of(await create(client, provider="kinovi", seed=1))
        rig.clock.time += 16 * 3600
        next_day = facts_of(await create(client, provider="kinovi", seed=1))
    assert made["cost"]["basis"] == "charged"
    assert refused["kind"] == "spend_limit"
    assert "task_id" not in refused, "nothing was stored"
    assert next_day["status"] == "queued"
    assert len(rig.creates) == 2
