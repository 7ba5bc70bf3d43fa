"""A look at the provider that fails changes nothing but the time of the next one."""

from typing import Any

import httpx
import pytest
from calls import A_WHILE, BOTH, LONG, break_network, create, get, is_poll, until
from stored import history

from rig import Rig, facts_of, text_of

BAD_LOOKS: dict[str, dict[str, Any]] = {
    **{str(status): {"kind": "status", "status": status} for status in (401, 404, 429, 500, 502, 503)},
    "redirect": {"kind": "redirect"},
    "garbage": {"kind": "garbage"},
    "page": {"kind": "html"},
    "empty": {"kind": "empty"},
    "dropped": {"kind": "drop_before"},
    "truncated": {"kind": "truncated"},
    "huge": {"kind": "huge", "bytes": 5 * 1024 * 1024},
    "no status": {"kind": "status", "status": 200, "body": {"success": True}},
    "a refusal": {"kind": "status", "status": 200, "body": {"success": False, "error": {"message": "Not now"}}},
}

FOR_BOTH = ("401", "404", "500", "no status")


@pytest.mark.parametrize(
    ("provider", "fault"),
    [("seedance2_ink", fault) for fault in BAD_LOOKS.values()] + [("kinovi", BAD_LOOKS[name]) for name in FOR_BOTH],
    ids=[*BAD_LOOKS, *(f"{name} at kinovi" for name in FOR_BOTH)],
)
async def test_a_failed_look_changes_nothing_but_the_time(rig: Rig, provider: str, fault: dict[str, Any]) -> None:
    """DESIGN §6: the task goes on, is asked for again less and less often, and a note says so meanwhile."""
    rig.break_next(on="fetch", **fault, times=3)
    async with rig.client() as client:
        task = facts_of(await create(client, provider=provider))

        async def has_failed_three_times() -> bool:
            return len(rig.requests("fetch")) >= 3

        await until(rig, has_failed_three_times)
        meanwhile = await get(client, task["task_id"], wait_seconds=1)
        done = await get(client, task["task_id"], wait_seconds=LONG)
    first, second, third, *_ = [poll.at_s for poll in rig.requests("fetch")]
    assert facts_of(meanwhile)["status"] == "queued"
    assert "Asking again: " in text_of(meanwhile)
    assert facts_of(done)["status"] == "succeeded"
    assert "Asking again: " not in text_of(done)
    assert third - second > second - first
    assert len(rig.creates) == 1


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout(""), httpx.ConnectError("")], ids=lambda error: type(error).__name__
)
async def test_a_look_without_an_answer_changes_nothing_but_the_time(rig: Rig, error: Exception) -> None:
    """DESIGN §6: asking again is safe."""
    break_network(rig, "kinovi", error, is_poll, times=2)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
    assert task["status"] == "succeeded"


async def test_a_provider_that_asks_for_patience_gets_it(rig: Rig) -> None:
    """DESIGN §6: backing off on 429, honouring Retry-After."""
    rig.break_next(on="fetch", kind="status", status=429, headers={"Retry-After": "50"})
    async with rig.client() as client:
        await create(client, provider="kinovi", wait_seconds=LONG)
    first, second, *_ = [poll.at_s for poll in rig.requests("fetch")]
    assert 50 <= second - first < 55


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("moment", ["create", "fetch"])
async def test_an_unknown_status_word_ends_the_task_and_is_named(rig: Rig, provider: str, moment: str) -> None:
    """DESIGN §5: an unknown status word is an error that names the word, never "still running" for ever."""
    rig.break_next(on=moment, kind="unknown_status", word="paused")
    async with rig.client() as client:
        result = await create(client, provider=provider, wait_seconds=LONG)
    task = facts_of(result)
    assert (task["status"], task["error"]["kind"]) == ("failed", "bad_reply")
    assert "'paused'" in text_of(result)
    assert task["provider_task_id"] in text_of(result), "the video may exist, so its id must be at hand"


async def test_a_task_that_ended_with_an_unknown_word_can_be_followed_again(rig: Rig) -> None:
    """DESIGN §1: never lose a paid video: the word may be a passing one."""
    rig.break_next(on="fetch", kind="unknown_status")
    async with rig.client() as client:
        lost = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
        again = {"provider": "kinovi", "provider_task_id": lost["provider_task_id"], "wait_seconds": LONG}
        found = facts_of(await client.call_tool("get_task", again))
        same = facts_of(await client.call_tool("get_task", again))
    assert lost["status"] == "failed"
    assert found["status"] == "succeeded"
    assert same["task_id"] == found["task_id"] != lost["task_id"]
    assert len(rig.creates) == 1


@pytest.mark.parametrize("provider", BOTH)
async def test_success_without_a_link_is_still_running(rig: Rig, provider: str) -> None:
    """DESIGN §5: a status may come some seconds before its result."""
    rig.break_next(on="create", kind="late_result", seconds=30)
    async with rig.client() as client:
        task = facts_of(await create(client, provider=provider))
        meanwhile = facts_of(await get(client, task["task_id"], wait_seconds=40))
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert meanwhile["status"] == "running"
    assert done["status"] == "succeeded"


@pytest.mark.parametrize("provider", BOTH)
async def test_a_failed_task_gives_the_providers_reason_and_is_no_error_of_the_call(rig: Rig, provider: str) -> None:
    """DESIGN §3: accepted and failed later: a task with `status: failed` and `error`, for create_video too."""
    rig.break_next(on="create", kind="task_fails", message="The picture shows a face")
    async with rig.client() as client:
        result = await create(client, provider=provider, wait_seconds=LONG)
    task = facts_of(result)
    assert (task["status"], task["error"]["kind"]) == ("failed", "generation_failed")
    assert "The picture shows a face" in text_of(result)
    assert task["provider_task_id"] in task["error"]["message"]
    assert len(rig.creates) == 1


@pytest.mark.parametrize("provider", BOTH)
async def test_a_failed_task_shows_no_charge_that_was_named_while_it_ran(rig: Rig, provider: str) -> None:
    """DESIGN §5: `creditsUsed` means nothing on `fail`: it is refunded. §1: never invent a fact."""
    rig.break_next(on="create", kind="task_fails")
    async with rig.client() as client:
        running = facts_of(await create(client, provider=provider, wait_seconds=5))
        result = await get(client, running["task_id"], wait_seconds=LONG)
    assert running["cost"]["basis"] == "charged"
    assert facts_of(result)["status"] == "failed"
    refunded = text_of(result).replace("Whether it was charged", "").replace("Charged: $0.00, 0 credits.", "")
    assert "harge" not in refunded


@pytest.mark.parametrize(("provider", "word"), [("seedance2_ink", "failed"), ("kinovi", "fail")])
async def test_a_failed_task_without_a_reason_says_that_there_was_none(rig: Rig, provider: str, word: str) -> None:
    """DESIGN §1: never invent a fact."""
    rig.break_next(on="fetch", kind="status", status=200, body={"success": True, "status": word})
    async with rig.client() as client:
        task = facts_of(await create(client, provider=provider, wait_seconds=LONG))
    assert task["status"] == "failed"
    assert "it gave no reason" in task["error"]["message"]


async def test_a_task_does_not_go_back_when_its_provider_does(rig: Rig) -> None:
    """DESIGN §2: running may only become an end."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink"))

        async def is_running() -> bool:
            return facts_of(await get(client, task["task_id"]))["status"] == "running"

        await until(rig, is_running)
        rig.break_next(on="fetch", kind="status", status=200, body={"success": True, "status": "queued"}, times=2)
        await rig.clock.sleep(6)
        after = facts_of(await get(client, task["task_id"]))
        done = facts_of(await get(client, task["task_id"], wait_seconds=30))
    assert (after["status"], done["status"]) == ("running", "succeeded")
    assert await history(rig, task["task_id"]) == ["queued", "running", "succeeded"]


async def test_a_task_that_somebody_cancelled_at_the_provider_is_cancelled_here(rig: Rig) -> None:
    """DESIGN §2: the provider's own answer is what is believed."""
    rig.break_next(on="fetch", kind="status", status=200, body={"success": True, "status": "cancelled"})
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=LONG))
    assert task["status"] == "cancelled"


@pytest.mark.parametrize(("used", "usd", "differs"), [(400, 2.0, True), (80, 0.4, False), (60, 0.3, True)])
async def test_a_charge_that_differs_from_the_estimate_is_noted(rig: Rig, used: int, usd: float, differs: bool) -> None:
    """DESIGN §5: `creditsUsed` is compared with the estimate at the first poll; a note when it differs."""
    body = {"status": "generating", "creditsUsed": used}
    rig.break_next(on="fetch", kind="status", status=200, body=body, times=None)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        await rig.clock.sleep(3)
        result = await get(client, task["task_id"])
    assert (f"kinovi charges ${usd:.2f}; $0.40 (80 credits) was estimated." in text_of(result)) == differs
    assert facts_of(result)["cost"] == {"usd": usd, "credits": used, "basis": "charged"}


async def test_a_finished_task_is_never_asked_for_again(rig: Rig) -> None:
    """Ours: an end is final."""
    async with rig.client() as client:
        await create(client, provider="kinovi", wait_seconds=LONG)
        polls = len(rig.requests("fetch"))
        await rig.clock.sleep(A_WHILE)
    assert len(rig.requests("fetch")) == polls
    assert len(rig.requests("download")) == 1
