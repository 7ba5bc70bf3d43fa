"""Restart, crash, kill -9 at any point: the tasks go on, and nothing is sent twice."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import anyio
import httpx
import pytest
from calls import A_WHILE, BOTH, LONG, create, get, hold, is_create, is_download, is_poll, listed, network, saved
from mcp import Client
from stored import crash_image, left_over, rows, store

from rig import Rig, facts_of, text_of

DEAD_FOR_SURE_S = 20
"""After this a worker without a heartbeat has lost its tasks."""


@pytest.mark.parametrize("status", ["queued", "waiting"])
async def test_a_task_that_was_stored_but_not_claimed_is_sent_once_after_the_restart(rig: Rig, status: str) -> None:
    """Issue: tasks go on after a restart, also one that ended between its row and its send."""
    await store(rig, left_over(rig, status=status))
    async with rig.client() as client:
        done = facts_of(await listed(client, task_ids=["vt_leftover"], wait_seconds=LONG))["tasks"][0]
    assert done["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_program_that_ends_while_a_task_waits_leaves_it_to_the_next_one(rig: Rig) -> None:
    """Issue: a storyboard survives a restart in the middle."""
    rig.break_next(on="create", kind="status", status=429)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
    async with rig.client() as client:
        done = facts_of(await listed(client, task_ids=[task["task_id"]], wait_seconds=LONG))["tasks"][0]
    assert done["status"] == "succeeded"
    assert [one.accepted for one in rig.creates] == [False, True]


@pytest.mark.parametrize("provider", BOTH)
async def test_a_kill_while_sending_leaves_an_uncertain_task_that_is_never_sent_again(rig: Rig, provider: str) -> None:
    """DESIGN §2: a sender that died while sending leaves `uncertain`."""
    images: list[Rig] = []

    async def photograph(request: httpx.Request) -> None:
        if is_create(request):
            images.append(crash_image(rig))

    rig.transports[provider] = network(rig, photograph)
    async with rig.client() as client:
        task = facts_of(await create(client, provider=provider))
    (after_crash,) = images
    async with after_crash.client() as client:
        before = facts_of(await get(client, task["task_id"]))
        result = await get(client, task["task_id"], wait_seconds=DEAD_FOR_SURE_S)
        await rig.clock.sleep(A_WHILE)
    assert before["status"] == "queued", "its sender may still live, and gets its time"
    assert facts_of(result)["status"] == "uncertain"
    assert "may be running at the provider and may be billed" in text_of(result)
    assert len(rig.creates) == 1


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("moment", [is_poll, is_download], ids=["after the accept", "during the download"])
async def test_a_kill_after_the_accept_loses_nothing(
    rig: Rig, provider: str, moment: Callable[[httpx.Request], bool]
) -> None:
    """Issue: kill -9 between create and completion, restart: the task completes and the provider saw one create."""
    images: list[Rig] = []

    async def photograph(request: httpx.Request) -> None:
        if moment(request) and not images:
            images.append(crash_image(rig))

    rig.transports[provider] = network(rig, photograph)
    async with rig.client() as client:
        task = facts_of(await create(client, provider=provider, wait_seconds=LONG))
    async with images[0].client() as client:
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert Path(done["video"]["file"]).is_relative_to(images[0].folder)
    assert len(rig.creates) == 1


async def test_a_program_that_is_told_to_end_awaits_the_answer_of_a_create_in_flight(rig: Rig) -> None:
    """DESIGN §3: the process ends within 1.5 s when a create is in flight and its answer is awaited."""

    async def take_a_moment(request: httpx.Request) -> None:
        if is_create(request):
            await anyio.sleep(0.1)

    rig.transports["kinovi"] = network(rig, take_a_moment)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=0))
        await rig.clock.sleep(0)
    (row,) = rows(rig)
    assert (row["send_state"], row["provider_task_id"]) == ("sent", rig.creates[0].task_id)
    async with rig.client() as client:
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_program_does_not_wait_for_ever_for_the_answer_of_a_create(rig: Rig) -> None:
    """DESIGN §3: 1.5 s; the next program finds the task uncertain at once, because this one has left in order."""
    held = hold(rig, "kinovi")
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=0))
        await held.arrived.wait()
        started = anyio.current_time()
    assert 1.0 < anyio.current_time() - started < 3.0
    async with rig.client() as client:
        after = facts_of(await get(client, task["task_id"], wait_seconds=1))
        await rig.clock.sleep(A_WHILE)
    assert after["status"] == "uncertain"
    assert rig.creates == [], "it was held up before the provider, which nobody could know"


async def test_a_file_that_could_not_be_saved_is_fetched_by_the_next_program(rig: Rig) -> None:
    """Issue: tasks go on after a restart, to the file on disk."""
    rig.break_next(on="download", kind="truncated")
    async with rig.client() as client:
        without_file = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
    async with rig.client() as client:
        result = await saved(rig, client, without_file["task_id"])
    assert "file" not in without_file["video"]
    assert Path(facts_of(result)["video"]["file"]).exists()
    assert "could not be saved" not in text_of(result)


async def test_a_second_program_sees_the_tasks_of_the_first_and_does_not_poll_them_too(rig: Rig) -> None:
    """Issue: a second process on the same data folder sees the task. DESIGN §6: following is leased."""
    async with rig.client() as one, rig.client() as other:
        task = facts_of(await create(one, provider="kinovi"))
        done = facts_of(await get(other, task["task_id"], wait_seconds=LONG))
    polls = [poll.at_s for poll in rig.requests("fetch")]
    assert done["status"] == "succeeded"
    assert len(rig.requests("download")) == len(rig.creates) == 1
    assert min(late - early for early, late in pairwise(polls)) >= 2


async def test_a_lease_that_is_not_renewed_is_taken_over_and_not_before(rig: Rig) -> None:
    """DESIGN §6: a lease not renewed is taken over."""
    lapses_at = rig.clock.now() + 30
    await store(rig, left_over(rig, follower="hung"), alive_until=lapses_at)
    async with rig.client() as client:
        done = facts_of(await get(client, "vt_leftover", wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert lapses_at <= rig.creates[0].at_s <= lapses_at + 5


async def test_a_program_leaves_the_tasks_of_providers_without_a_key_to_those_that_have_it(rig: Rig) -> None:
    """Ours: hosts with different keys share the default data folder; neither may end the other's tasks."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
    async with rig.client(KINOVI_API_KEY="") as without_key:
        await get(without_key, task["task_id"])
        await rig.clock.sleep(A_WHILE)
        seen = await get(without_key, task["task_id"])
        in_list = facts_of(await listed(without_key))["tasks"]
        async with rig.client() as with_key:
            done = facts_of(await get(with_key, task["task_id"], wait_seconds=LONG))
        after = await get(without_key, task["task_id"])
    assert facts_of(seen)["status"] in {"queued", "running"}
    assert "kinovi is not configured in this server" in text_of(seen)
    assert [one["task_id"] for one in in_list] == [task["task_id"]]
    assert done["status"] == "succeeded"
    assert "not configured" not in text_of(after)


async def test_a_waiter_in_another_process_hears_of_the_end_within_a_second_or_two(rig: Rig) -> None:
    """DESIGN §6: other processes notice changes."""
    async with rig.client() as one, rig.client() as other:
        task = facts_of(await create(one, provider="kinovi"))
        ended: list[float] = []

        async with anyio.create_task_group() as group:

            async def wait(client: Client) -> None:
                await get(client, task["task_id"], wait_seconds=LONG)
                ended.append(rig.clock.now())

            group.start_soon(wait, one)
            group.start_soon(wait, other)
    assert abs(ended[1] - ended[0]) <= 2
