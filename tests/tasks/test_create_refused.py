"""A create that was definitely not accepted costs nothing: it ends there, or turns to the next provider."""

import httpx
import pytest
from calls import A_WHILE, BOTH, LONG, break_network, create, get, is_create

from rig import Rig, error_of, facts_of, text_of

REFUSALS = {
    400: "invalid_request",
    401: "auth",
    402: "out_of_credits",
    403: "auth",
    404: "not_found",
    405: "unavailable",
    413: "invalid_request",
    415: "invalid_request",
    422: "invalid_request",
}


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refused_create_is_an_error_with_its_task_and_is_not_sent_again(
    rig: Rig, provider: str, status: int
) -> None:
    """DESIGN §3: refused by every provider that could do it: isError with its task_id, row `failed`."""
    rig.break_next(on="create", kind="status", status=status)
    async with rig.client() as client:
        result = await create(client, provider=provider, wait_seconds=60)
        error = error_of(result)
        await rig.clock.sleep(A_WHILE)
        task = facts_of(await get(client, error["task_id"]))
    assert error["kind"] == REFUSALS[status]
    assert error["task_id"] in text_of(result)
    assert f"HTTP {status}" in error["message"]
    assert "nothing was charged" in error["message"]
    assert (task["status"], task["error"]["kind"]) == ("failed", REFUSALS[status])
    assert "cost" not in task
    assert len(rig.creates) == 1


async def test_a_refusal_in_an_envelope_counts_whatever_the_http_status_says(rig: Rig) -> None:
    """DESIGN §3: a refusal envelope (002 `success: false`) is definite."""
    body = {"success": False, "error": {"code": "no_cats", "message": "Cats are not allowed"}}
    rig.break_next(on="create", kind="status", status=200, body=body)
    async with rig.client() as client:
        error = error_of(await create(client, provider="seedance2_ink"))
    assert "Cats are not allowed" in error["message"]
    assert len(rig.creates) == 1


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("")], ids=["refused", "timeout"])
async def test_without_a_connection_nothing_was_sent_and_trying_again_is_safe(
    rig: Rig, provider: str, error: Exception
) -> None:
    """DESIGN §3: definitely not accepted when no byte was sent."""
    break_network(rig, provider, error, is_create)
    async with rig.client() as client:
        told = error_of(await create(client, provider=provider))
    assert (told["kind"], told["retryable"]) == ("unavailable", True)
    assert "Nothing was sent" in told["message"]
    assert rig.creates == []


@pytest.mark.parametrize("status", [402, 405])
async def test_a_refused_create_turns_to_the_next_provider_and_says_so(rig: Rig, status: int) -> None:
    """DESIGN §3: the next one that can do it is tried, and the result says so; each was asked once."""
    rig.break_next(on="create", kind="status", status=status, provider="kinovi")
    async with rig.client() as client:
        result = await create(client, wait_seconds=LONG)
    task = facts_of(result)
    assert (task["status"], task["provider"]) == ("succeeded", "seedance2_ink")
    assert f"HTTP {status}" in text_of(result)
    assert "Turned to seedance2_ink instead." in text_of(result)
    assert [one.provider for one in rig.creates] == ["kinovi", "seedance2_ink"]


async def test_a_create_turns_when_there_is_no_connection(rig: Rig) -> None:
    """DESIGN §3: no connection is definite, too."""
    break_network(rig, "kinovi", httpx.ConnectError("refused"), is_create)
    async with rig.client() as client:
        task = facts_of(await create(client, wait_seconds=LONG))
    assert (task["status"], task["provider"]) == ("succeeded", "seedance2_ink")
    assert [one.provider for one in rig.creates] == ["seedance2_ink"]


async def test_refused_by_everybody_is_one_error_and_every_provider_was_asked_once(rig: Rig) -> None:
    """DESIGN §3: isError only when every provider that could do it refused."""
    rig.break_next(on="create", kind="status", status=402, times=None)
    async with rig.client() as client:
        error = error_of(await create(client, wait_seconds=60))
        await rig.clock.sleep(A_WHILE)
        task = facts_of(await get(client, error["task_id"]))
    assert error["kind"] == "out_of_credits"
    assert any("kinovi refused" in note for note in task["notes"])
    assert [one.provider for one in rig.creates] == ["kinovi", "seedance2_ink"]


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status", "status": 500}], ids=["drop", "500"])
async def test_an_ambiguous_answer_never_turns_to_another_provider(rig: Rig, fault: dict[str, object]) -> None:
    """DESIGN §3: never fallen over, or the video may be paid twice."""
    rig.break_next(on="create", **fault)
    async with rig.client() as client:
        task = facts_of(await create(client, wait_seconds=60))
        await rig.clock.sleep(A_WHILE)
    assert (task["status"], task["provider"]) == ("uncertain", "kinovi")
    assert [one.provider for one in rig.creates] == ["kinovi"]


@pytest.mark.parametrize("limit", ["SEEDANCE_DAILY_BUDGET_USD", "SEEDANCE_CONFIRM_ABOVE_USD"])
async def test_a_create_does_not_turn_to_an_unknown_price_against_a_spending_limit(rig: Rig, limit: str) -> None:
    """DESIGN §3: an unknown price never counts as zero; with any limit set the user is asked first."""
    rig.break_next(on="create", kind="status", status=402)
    async with rig.client("auto", **{limit: "100"}) as client:
        error = error_of(await create(client, wait_seconds=60))
    assert error["kind"] == "out_of_credits"
    assert [one.provider for one in rig.creates] == ["kinovi"]


async def test_a_create_with_a_limit_does_not_turn_to_an_unknown_price(rig: Rig) -> None:
    """DESIGN §3: an unknown price never counts as zero, and nobody named that provider."""
    rig.break_next(on="create", kind="status", status=402)
    async with rig.client(SEEDANCE_DAILY_BUDGET_USD="1") as client:
        refused = error_of(await create(client, wait_seconds=LONG, max_cost_usd=0.9))
    assert refused["kind"] == "out_of_credits"
    assert [one.provider for one in rig.creates] == ["kinovi"]


async def test_the_demo_never_stands_in_for_a_real_provider(rig: Rig) -> None:
    """DESIGN §5: never chosen by itself next to a real key, though it is the cheapest."""
    rig.break_next(on="create", kind="status", status=402, times=None)
    async with rig.client(SEEDANCE_DEMO="1") as client:
        error = error_of(await create(client, wait_seconds=60))
        asked = [one.provider for one in rig.creates]
        named = facts_of(await create(client, provider="demo", wait_seconds=0))
    assert error["kind"] == "out_of_credits"
    assert asked == ["kinovi", "seedance2_ink"]
    assert named["provider"] == "demo"
