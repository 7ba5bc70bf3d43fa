"""cancel_task in every state: what becomes of the task, and whether it still costs."""

from typing import Any

import anyio
import httpx
import pytest
from calls import A_WHILE, LONG, break_network, cancel, create, get, hold, is_download, listed
from stored import left_over, store

from rig import Rig, error_of, facts_of, text_of

CANCELLED = {"success": True, "requestId": "req_1", "status": "cancelled"}


def is_cancel(request: httpx.Request) -> bool:
    return request.url.path.endswith("/cancel")


async def test_a_task_stored_but_not_sent_is_cancelled_for_free(rig: Rig) -> None:
    """DESIGN §3: cancels where it can; nothing was sent, so nothing costs."""
    await store(rig, left_over(rig, follower="busy elsewhere"), alive_until=rig.clock.now() + 1000)
    async with rig.client() as client:
        first = await cancel(client, "vt_leftover")
        again = facts_of(await cancel(client, "vt_leftover"))
        task = facts_of(await get(client, "vt_leftover"))
    assert facts_of(first) == {
        "task_id": "vt_leftover",
        "status": "cancelled",
        "outcome": "cancelled",
        "still_costs": "no",
        "message": "Cancelled before anything was sent; it is free.",
    }
    assert "vt_leftover: cancelled" in text_of(first)
    assert (again["outcome"], again["still_costs"]) == ("cancelled", "no")
    assert task["status"] == "cancelled"
    assert rig.creates == []


async def test_a_task_being_sent_is_cancelled_once_its_provider_has_answered(rig: Rig) -> None:
    """DESIGN §3: `requested`: the wish is kept."""
    held = hold(rig, "seedance2_ink")
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=0))
        await held.arrived.wait()
        asked = facts_of(await cancel(client, task["task_id"]))
        held.go.set()
        await rig.clock.sleep(10)
        after = facts_of(await get(client, task["task_id"]))
    assert (asked["outcome"], asked["still_costs"]) == ("requested", "unknown")
    assert after["status"] == "cancelled"
    assert len(rig.creates) == len(rig.requests("cancel")) == 1


async def test_a_task_being_sent_where_nothing_can_be_cancelled_goes_on_as_was_said(rig: Rig) -> None:
    """DESIGN §1: never invent a fact; the video is paid, so it is saved."""
    held = hold(rig, "kinovi")
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=0))
        await held.arrived.wait()
        asked = facts_of(await cancel(client, task["task_id"]))
        held.go.set()
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert asked["outcome"] == "requested"
    assert "has no way to cancel a video that it has accepted" in asked["message"]
    assert done["status"] == "succeeded"


@pytest.mark.parametrize("after_s", [1, 10], ids=["queued", "running"])
async def test_an_unfinished_task_is_cancelled_where_the_provider_can(rig: Rig, after_s: int) -> None:
    """Issue: cancel where the provider can (002)."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=after_s))
        cancelled = facts_of(await cancel(client, task["task_id"]))
        again = facts_of(await cancel(client, task["task_id"]))
        await rig.clock.sleep(A_WHILE)
        after = facts_of(await get(client, task["task_id"]))
    assert (cancelled["outcome"], cancelled["status"], cancelled["still_costs"]) == (
        "cancelled",
        "cancelled",
        "unknown",
    )
    assert again["outcome"] == "cancelled"
    assert after["status"] == "cancelled"
    assert len(rig.requests("cancel")) == 1
    assert rig.requests("download") == []


async def test_where_nothing_can_be_cancelled_the_answer_is_honest_and_the_video_is_saved(rig: Rig) -> None:
    """Issue: an honest `not_supported` where not (003)."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=10))
        told = facts_of(await cancel(client, task["task_id"]))
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert (told["outcome"], told["still_costs"], told["status"]) == ("not_supported", "yes", "running")
    assert done["status"] == "succeeded"
    assert "file" in done["video"]


async def test_an_uncertain_task_is_given_up_and_may_still_cost(rig: Rig) -> None:
    """DESIGN §3: on `uncertain` it gives the task up (`failed`, kind `not_settled`)."""
    rig.break_next(on="create", kind="drop_after")
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=5))
        given_up = facts_of(await cancel(client, task["task_id"]))
        again = facts_of(await cancel(client, task["task_id"]))
        after = facts_of(await get(client, task["task_id"]))
    assert (given_up["status"], given_up["still_costs"]) == ("failed", "unknown")
    assert "may still be made and billed" in given_up["message"]
    assert (again["outcome"], again["still_costs"]) == ("too_late", "unknown")
    assert after["error"]["kind"] == "not_settled"


@pytest.mark.parametrize("provider", ["seedance2_ink", "kinovi"])
async def test_after_the_end_it_is_too_late(rig: Rig, provider: str) -> None:
    """DESIGN §3: succeeded or failed → `too_late`."""
    async with rig.client() as client:
        made = facts_of(await create(client, provider=provider, wait_seconds=LONG))
        rig.break_next(on="create", kind="task_fails")
        broken = facts_of(await create(client, provider=provider, wait_seconds=LONG))
        rig.break_next(on="create", kind="status", status=402)
        refused = error_of(await create(client, provider=provider))
        told = [facts_of(await cancel(client, one["task_id"])) for one in (made, broken, refused)]
    assert [(one["outcome"], one["still_costs"]) for one in told] == [
        ("too_late", "yes"),
        ("too_late", "unknown"),
        ("too_late", "no"),
    ]
    assert rig.requests("cancel") == []


async def test_an_unknown_task_cannot_be_cancelled(rig: Rig) -> None:
    """DESIGN §6: an id that is not the caller's is `not_found`."""
    async with rig.client() as client:
        error = error_of(await cancel(client, "vt_nothere"))
    assert (error["kind"], error["task_id"]) == ("not_found", "vt_nothere")


async def test_a_cancel_that_comes_after_the_provider_was_done_saves_the_video(rig: Rig) -> None:
    """Ours: the race with completion: what is paid is kept."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=20))
        rig.clock.time += 5
        told = facts_of(await cancel(client, task["task_id"]))
        done = facts_of(await get(client, task["task_id"], wait_seconds=60))
    assert task["status"] == "running"
    assert (told["outcome"], told["still_costs"]) == ("too_late", "yes")
    assert done["status"] == "succeeded"


async def test_a_cancel_that_comes_during_the_download_does_not_ask_the_provider(rig: Rig) -> None:
    """Ours: the video is made; cancelling could only lose it."""
    held = hold(rig, "seedance2_ink", is_download)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink"))
        await held.arrived.wait()
        told = facts_of(await cancel(client, task["task_id"]))
        held.go.set()
        done = facts_of(await get(client, task["task_id"], wait_seconds=60))
    assert (told["outcome"], told["still_costs"]) == ("too_late", "yes")
    assert done["status"] == "succeeded"
    assert rig.requests("cancel") == []


async def test_a_cancel_that_loses_to_a_failure_says_so(rig: Rig) -> None:
    """Ours: the provider's own answer decides."""
    rig.break_next(on="create", kind="task_fails")
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=20))
        rig.clock.time += 5
        told = facts_of(await cancel(client, task["task_id"]))
    assert task["status"] == "running"
    assert (told["outcome"], told["status"], told["still_costs"]) == ("too_late", "failed", "unknown")


async def test_a_provider_that_refuses_to_cancel_is_an_error_with_the_task(rig: Rig) -> None:
    """DESIGN §3: the task id is in every error that concerns a task; the task goes on."""
    rig.break_next(on="cancel", kind="status", status=400)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=10))
        error = error_of(await cancel(client, task["task_id"]))
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert error["task_id"] == task["task_id"]
    assert "HTTP 400" in error["message"]
    assert done["status"] == "succeeded"


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "drop_before"}, {"kind": "garbage"}], ids=str
)
async def test_a_cancel_that_was_not_answered_is_asked_again_by_the_server(rig: Rig, fault: dict[str, Any]) -> None:
    """DESIGN §3: `requested`."""
    rig.break_next(on="cancel", **fault)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=10))
        asked = facts_of(await cancel(client, task["task_id"]))
        await rig.clock.sleep(15)
        after = facts_of(await get(client, task["task_id"]))
    assert (asked["outcome"], asked["still_costs"]) == ("requested", "unknown")
    assert "asked again by itself" in asked["message"]
    assert after["status"] == "cancelled"


async def test_a_cancel_that_stays_unanswered_does_not_lose_the_video(rig: Rig) -> None:
    """DESIGN §1: never lose a paid video."""
    break_network(rig, "seedance2_ink", httpx.ConnectError(""), is_cancel, times=100)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=10))
        await cancel(client, task["task_id"])
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert rig.requests("cancel") == []


async def test_a_wish_that_the_provider_refuses_later_is_dropped_and_the_video_goes_on(rig: Rig) -> None:
    """Ours: asked while sending, refused by the provider afterwards."""
    held = hold(rig, "seedance2_ink")
    rig.break_next(on="cancel", kind="status", status=403, times=None)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=0))
        await held.arrived.wait()
        await cancel(client, task["task_id"])
        held.go.set()
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert len(rig.requests("cancel")) == 1


@pytest.mark.parametrize("word", ["processing", "stopping"])
async def test_a_provider_that_takes_the_wish_without_stopping_is_believed_by_its_next_answer(
    rig: Rig, word: str
) -> None:
    """DESIGN §1: never invent a status: only `cancelled` is cancelled, and an unknown word settles nothing."""
    rig.break_next(on="cancel", kind="status", status=200, body={"success": True, "status": word}, accepted=False)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=10))
        asked = facts_of(await cancel(client, task["task_id"]))
        await rig.clock.sleep(15)
        after = facts_of(await get(client, task["task_id"]))
    assert (asked["outcome"], asked["status"]) == ("requested", "running")
    assert after["status"] == "cancelled"


@pytest.mark.parametrize(("fails", "status"), [(False, "running"), (True, "failed")])
async def test_a_provider_that_answers_a_cancel_with_another_end_is_asked_what_became_of_it(
    rig: Rig, fails: bool, status: str
) -> None:
    """Ours: its answer to a poll is what is believed."""
    if fails:
        rig.break_next(on="create", kind="task_fails")
    body = {"success": True, "status": "succeeded"}
    rig.break_next(on="cancel", kind="status", status=200, body=body, accepted=False)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=20))
        rig.clock.time += 5
        told = facts_of(await cancel(client, task["task_id"]))
    assert (told["outcome"], told["status"]) == ("too_late", status)


async def test_an_answer_without_a_status_to_a_cancel_is_a_yes(rig: Rig) -> None:
    """Ours: the envelope says `success`, and only that is documented for all of 002's answers."""
    rig.break_next(on="cancel", kind="status", status=200, body={"success": True}, accepted=True)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=10))
        told = facts_of(await cancel(client, task["task_id"]))
    assert (told["outcome"], told["status"]) == ("cancelled", "cancelled")


async def test_a_cancel_here_is_carried_out_by_the_program_that_has_the_key(rig: Rig) -> None:
    """Ours: hosts with different keys share a data folder."""
    async with rig.client() as with_key, rig.client(SEEDANCE2_INK_API_KEY="") as without_key:
        task = facts_of(await create(with_key, provider="seedance2_ink", wait_seconds=10))
        asked = facts_of(await cancel(without_key, task["task_id"]))
        await rig.clock.sleep(15)
        after = facts_of(await get(without_key, task["task_id"]))
    assert asked["outcome"] == "requested"
    assert "not configured in this server" in asked["message"]
    assert after["status"] == "cancelled"


async def test_a_cancel_that_is_answered_after_the_video_was_saved_leaves_it(rig: Rig) -> None:
    """DESIGN §2: ends are final; what is on disk is not taken back."""
    held = hold(rig, "seedance2_ink", is_cancel)
    rig.break_next(on="cancel", kind="status", status=503, times=None)
    told: list[Any] = []
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=10))

        async def ask() -> None:
            told.append(facts_of(await cancel(client, task["task_id"])))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await held.arrived.wait()
            told.append(facts_of(await get(client, task["task_id"], wait_seconds=LONG)))
            rig.simulator.faults.clear()
            rig.break_next(on="cancel", kind="status", status=200, body=CANCELLED, accepted=False)
            held.go.set()
    assert told[0]["status"] == "succeeded"
    assert (told[1]["outcome"], told[1]["status"]) == ("too_late", "succeeded")


async def test_two_cancels_at_once_agree(rig: Rig) -> None:
    """Ours: idempotent, as the tool's annotation says."""
    told: list[str] = []
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=10))

        async def ask() -> None:
            told.append(facts_of(await cancel(client, task["task_id"]))["outcome"])

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            group.start_soon(ask)
        found = facts_of(await listed(client, status="cancelled"))["tasks"]
    assert told == ["cancelled", "cancelled"]
    assert [one["task_id"] for one in found] == [task["task_id"]]
