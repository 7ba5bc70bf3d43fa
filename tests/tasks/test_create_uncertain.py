"""A create whose answer is lost may exist and may cost: it is told, and never sent again."""

from typing import Any

import httpx
import pytest
from calls import A_WHILE, BOTH, LONG, break_network, create, get, is_create

from rig import Rig, facts_of, text_of

AMBIGUOUS: dict[str, dict[str, Any]] = {
    "dropped before": {"kind": "drop_before"},
    "dropped after": {"kind": "drop_after"},
    **{str(status): {"kind": "status", "status": status} for status in (408, 409, 425, 500, 503, 504)},
    "502 page": {"kind": "html", "status": 502},
    "500 that costs": {"kind": "status", "status": 500, "accepted": True},
    "redirect": {"kind": "redirect"},
    "307": {"kind": "redirect", "status": 307},
    "garbage": {"kind": "garbage"},
    "page": {"kind": "html"},
    "empty": {"kind": "empty"},
    "truncated": {"kind": "truncated"},
    "huge": {"kind": "huge", "bytes": 5 * 1024 * 1024},
    "without id": {"kind": "status", "status": 200, "body": {"status": "queued"}, "accepted": True},
    "a list": {"kind": "status", "status": 200, "body": [1, 2], "accepted": True},
}


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_a_create_without_a_readable_answer_is_uncertain_and_never_sent_again(
    rig: Rig, provider: str, fault: dict[str, Any]
) -> None:
    """DESIGN §3: `uncertain`, never sent again, never an isError, because models repeat errors."""
    rig.break_next(on="create", **fault)
    async with rig.client() as client:
        result = await create(client, provider=provider, wait_seconds=60)
        at = rig.clock.now()
        again = facts_of(await get(client, facts_of(result)["task_id"], wait_seconds=LONG))
        waited = rig.clock.now() - at
        await rig.clock.sleep(A_WHILE)
    assert facts_of(result)["status"] == again["status"] == "uncertain"
    assert "may be running there and may be billed" in text_of(result)
    assert "It is not sent again." in text_of(result)
    assert "Do not create it again." in facts_of(result)["next_step"]
    assert waited < 1, "nothing will change it, so nobody waits"
    assert len(rig.creates) == 1


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout(""),
        httpx.WriteTimeout(""),
        httpx.ReadError(""),
        httpx.RemoteProtocolError(""),
        OSError("network unreachable"),
        RuntimeError("a fault of ours"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_create_that_may_have_left_is_uncertain(rig: Rig, error: Exception) -> None:
    """DESIGN §3: a lost reply is ambiguous; so is a fault of our own once the right to send was taken."""
    break_network(rig, "kinovi", error, is_create, times=100)
    async with rig.client() as client:
        result = await create(client, wait_seconds=5)
        await rig.clock.sleep(A_WHILE)
        task = facts_of(await get(client, facts_of(result)["task_id"]))
    assert facts_of(result)["status"] == task["status"] == "uncertain"
    assert "may be billed" in text_of(result)
    assert rig.creates == []


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("fault", [{"kind": "wrong_content_type"}, {"kind": "slow", "seconds": 0.05}], ids=str)
async def test_an_odd_but_readable_answer_is_an_answer(rig: Rig, provider: str, fault: dict[str, Any]) -> None:
    """Ours: slow answers and wrong labels are no reason to lose a video."""
    rig.break_next(on="create", **fault)
    async with rig.client() as client:
        task = facts_of(await create(client, provider=provider, wait_seconds=0))
        task = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert task["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_the_video_of_an_uncertain_create_can_be_had_by_its_id_at_the_provider(rig: Rig) -> None:
    """Issue: a lost answer loses nothing; the user reads the id on the provider's site."""
    rig.break_next(on="create", kind="drop_after")
    async with rig.client() as client:
        lost = facts_of(await create(client, provider="kinovi", wait_seconds=60))
        (sent,) = rig.creates
        found = await client.call_tool(
            "get_task", {"provider": "kinovi", "provider_task_id": sent.task_id, "wait_seconds": LONG}
        )
    assert lost["status"] == "uncertain"
    assert facts_of(found)["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_an_uncertain_create_keeps_its_part_of_the_budget(rig: Rig) -> None:
    """DESIGN §3: reserved estimates of unfinished and uncertain tasks count; given up, it may still be billed."""
    rig.break_next(on="create", kind="drop_after")
    async with rig.client(SEEDANCE_DAILY_BUDGET_USD="0.50") as client:
        lost = facts_of(await create(client, wait_seconds=60))
        while_uncertain = await create(client, seed=1)
        await client.call_tool("cancel_task", {"task_id": lost["task_id"]})
        given_up = await create(client, seed=2)
    assert lost["status"] == "uncertain"
    assert while_uncertain.is_error
    assert given_up.is_error
    assert len(rig.creates) == 1
