"""A repeated create_video never buys a second video by mistake, and never withholds one that is wanted."""

from contextlib import ExitStack

import anyio
import httpx
import pytest
from calls import LONG, create, get, hold, is_create, listed, network
from mcp import Client
from stored import crash_image, refusing

from rig import Rig, error_of, facts_of, text_of

NOTE = "This is the video of an equal create_video call that broke off before it was answered"


async def cut_off(rig: Rig, client: Client, **arguments: object) -> None:
    """A create whose call the client gives up while the video is being made."""
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: create(client, provider="kinovi", wait_seconds=LONG, **arguments))
        await rig.clock.sleep(1)
        group.cancel_scope.cancel()
    await rig.clock.sleep(1)


async def test_the_same_key_is_the_same_task(rig: Rig) -> None:
    """DESIGN §3: the same `idempotency_key` returns the same task, whatever the waiting and the limits."""
    async with rig.client() as client:
        first = facts_of(await create(client, provider="kinovi", idempotency_key="shot-1"))
        again = facts_of(
            await create(client, provider="kinovi", idempotency_key="shot-1", wait_seconds=0, max_cost_usd=9)
        )
        other = facts_of(await create(client, provider="kinovi", idempotency_key="shot-2"))
    assert first["task_id"] == again["task_id"] != other["task_id"]
    assert len(rig.creates) == 2


async def test_the_same_key_is_the_same_task_in_another_process_and_after_a_restart(rig: Rig) -> None:
    """DESIGN §3: one row for one key, in one store."""
    order = {"provider": "kinovi", "idempotency_key": "shot-1"}
    async with rig.client() as one, rig.client() as other:
        first = facts_of(await create(one, **order))
        elsewhere = facts_of(await create(other, **order))
    async with rig.client() as later:
        after_restart = facts_of(await create(later, **order, wait_seconds=LONG))
    assert first["task_id"] == elsewhere["task_id"] == after_restart["task_id"]
    assert after_restart["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_key_with_other_arguments_is_an_error_that_names_the_task(rig: Rig) -> None:
    """DESIGN §3: other arguments with it: an error."""
    async with rig.client() as client:
        first = facts_of(await create(client, provider="kinovi", idempotency_key="shot-1"))
        error = error_of(await create(client, provider="kinovi", idempotency_key="shot-1", seed=7))
    assert error["kind"] == "invalid_request"
    assert first["task_id"] in error["message"]
    assert "Nothing was sent." in error["message"]
    assert len(rig.creates) == 1


async def test_racing_creates_with_one_key_on_two_programs_buy_one_video(rig: Rig) -> None:
    """DESIGN §3: never pay twice."""
    ids: set[str] = set()
    async with rig.client() as one, rig.client() as other, anyio.create_task_group() as group:

        async def ask(client: Client) -> None:
            ids.add(facts_of(await create(client, provider="kinovi", idempotency_key="shot-1"))["task_id"])

        for client in (one, other) * 5:
            group.start_soon(ask, client)
    assert len(ids) == len(rig.creates) == 1


async def test_a_key_repeats_its_refusal_too(rig: Rig) -> None:
    """Ours: the same key is the same task, also a failed one; a new key is a new try."""
    rig.break_next(on="create", kind="status", status=402)
    async with rig.client() as client:
        first = error_of(await create(client, provider="kinovi", idempotency_key="shot-1"))
        again = error_of(await create(client, provider="kinovi", idempotency_key="shot-1"))
    assert first["task_id"] == again["task_id"]
    assert len(rig.creates) == 1


async def test_an_identical_create_after_a_cut_off_call_gets_that_video_once(rig: Rig) -> None:
    """DESIGN §3: within 10 minutes the abandoned task is returned, once, with a note, instead of buying another."""
    async with rig.client() as client:
        await cut_off(rig, client)
        repeated = await create(client, provider="kinovi")
        wanted_again = facts_of(await create(client, provider="kinovi"))
    assert NOTE in text_of(repeated)
    assert facts_of(repeated)["provider_task_id"] == rig.creates[0].task_id
    assert wanted_again["task_id"] != facts_of(repeated)["task_id"]
    assert "notes" not in wanted_again or not any(NOTE in note for note in wanted_again["notes"])
    assert len(rig.creates) == 2


async def test_a_repeat_that_is_cut_off_as_well_is_still_recognised(rig: Rig) -> None:
    """Ours: hosts that time out repeat more than once."""
    async with rig.client() as client:
        await cut_off(rig, client)
        await cut_off(rig, client)
        third = await create(client, provider="kinovi")
    assert NOTE in text_of(third)
    assert len(rig.creates) == 1


@pytest.mark.parametrize(("later_s", "creates"), [(580, 1), (620, 2)])
async def test_a_cut_off_call_is_remembered_for_ten_minutes(rig: Rig, later_s: float, creates: int) -> None:
    """DESIGN §3: within 10 minutes."""
    async with rig.client() as client:
        await cut_off(rig, client)
        rig.clock.time += later_s
        await create(client, provider="kinovi")
    assert len(rig.creates) == creates


async def test_an_answered_create_may_be_ordered_again(rig: Rig) -> None:
    """DESIGN §3: abandoned means that the answer was not delivered; two equal videos on purpose are two."""
    async with rig.client() as client:
        one = facts_of(await create(client, provider="kinovi"))
        two = facts_of(await create(client, provider="kinovi"))
    assert one["task_id"] != two["task_id"]
    assert len(rig.creates) == 2


async def test_other_arguments_after_a_cut_off_call_are_another_video(rig: Rig) -> None:
    """DESIGN §3: same normalised arguments, or it is another video; one with a key is asked for by that key alone."""
    async with rig.client() as client:
        await cut_off(rig, client, idempotency_key="shot-1")
        await create(client, provider="kinovi")
        await cut_off(rig, client, seed=1)
        await create(client, provider="kinovi", seed=2)
    assert len(rig.creates) == 4


async def test_a_call_that_is_still_in_progress_is_not_abandoned(rig: Rig) -> None:
    """DESIGN §3: a create whose call ended; an agent may want two equal videos at once."""
    async with rig.client() as one, rig.client() as other, anyio.create_task_group() as group:
        group.start_soon(lambda: create(one, provider="kinovi", wait_seconds=LONG))
        await rig.clock.sleep(1)
        second = facts_of(await create(other, provider="kinovi"))
        assert len(rig.creates) == 2
        assert "notes" not in second or not any(NOTE in note for note in second["notes"])


@pytest.mark.parametrize("dead", [False, True], ids=["its heartbeat still counts", "its heartbeat lapsed"])
async def test_the_call_of_a_killed_process_is_abandoned_once_its_heartbeat_lapses(rig: Rig, dead: bool) -> None:
    """DESIGN §3: the host restarts a crashed server and repeats the call."""
    images: list[Rig] = []

    async def photograph(request: httpx.Request) -> None:
        if not is_create(request) and not images:
            images.append(crash_image(rig))

    rig.transports["kinovi"] = network(rig, photograph)
    async with rig.client() as client, anyio.create_task_group() as group:
        group.start_soon(lambda: create(client, provider="kinovi", wait_seconds=LONG))
        await rig.clock.sleep(3)
        group.cancel_scope.cancel()
    async with images[0].client() as restarted:
        if dead:
            await listed(restarted)
            await rig.clock.sleep(15)
        result = await create(restarted, provider="kinovi")
    assert (NOTE in text_of(result)) == dead
    assert len(rig.creates) == (1 if dead else 2)


async def test_a_process_that_ends_in_order_leaves_its_open_calls_abandoned(rig: Rig) -> None:
    """DESIGN §3: the host closes stdin, starts the server again and repeats the call."""
    async with rig.client() as client, anyio.create_task_group() as group:
        group.start_soon(lambda: create(client, provider="kinovi", wait_seconds=LONG))
        await rig.clock.sleep(1)
        group.cancel_scope.cancel()
    async with rig.client() as client:
        result = await create(client, provider="kinovi")
    assert NOTE in text_of(result)
    assert len(rig.creates) == 1


async def test_a_cut_off_call_that_could_not_be_noted_is_noted_before_the_next_create(rig: Rig) -> None:
    """Ours: the store fails for a moment, the host gives up and repeats: still one video."""
    held = hold(rig, "kinovi")
    async with rig.client() as client:
        with ExitStack() as broken:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: create(client, provider="kinovi", wait_seconds=LONG))
                await held.arrived.wait()
                broken.enter_context(refusing(rig, "UPDATE ON tasks"))
                group.cancel_scope.cancel()
            await rig.clock.sleep(5)
        held.go.set()
        repeated = await create(client, provider="kinovi")
    assert NOTE in text_of(repeated)
    assert len(rig.creates) == 1


async def test_a_cut_off_create_that_was_refused_is_told_to_the_one_who_asks_again(rig: Rig) -> None:
    """Ours: nothing was bought, and the reason is what the caller has missed."""
    held = hold(rig, "kinovi")
    rig.break_next(on="create", kind="status", status=402)
    async with rig.client() as client:
        await listed(client)
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: create(client, provider="kinovi", wait_seconds=LONG))
            await held.arrived.wait()
            group.cancel_scope.cancel()
        held.go.set()
        await rig.clock.sleep(5)
        error = error_of(await create(client, provider="kinovi"))
        second_try = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
    assert error["kind"] == "out_of_credits"
    assert second_try["status"] == "succeeded"
    assert len(rig.creates) == 2


async def test_the_task_of_a_cut_off_call_is_found_by_listing(rig: Rig) -> None:
    """DESIGN §3: list_tasks is how an assistant finds a task whose id it lost."""
    async with rig.client() as client:
        await cut_off(rig, client)
        (found,) = facts_of(await listed(client))["tasks"]
        done = facts_of(await get(client, found["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert rig.creates[0].task_id == done["provider_task_id"]


async def test_a_create_equal_to_an_uncertain_one_is_not_ordered_again(rig: Rig) -> None:
    """The promise comes first: it may be running and billed; a new key says that another one is meant."""
    rig.break_next(on="create", kind="drop_after")
    async with rig.client() as client:
        first = facts_of(await create(client, provider="kinovi"))
        again = await create(client, provider="kinovi")
        sent = len(rig.creates)
        meant = facts_of(await create(client, provider="kinovi", idempotency_key="another one"))
    assert first["status"] == "uncertain"
    assert (facts_of(again)["task_id"], sent) == (first["task_id"], 1)
    assert "no second one was ordered" in text_of(again)
    assert meant["task_id"] != first["task_id"]
