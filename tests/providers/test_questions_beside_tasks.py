"""What a provider is asked that is about no task: files, balance, prices, events."""

from typing import Any

import pytest

from media.raw_server import closed_port
from providers.recorded import SPECS
from providers.scripted import KEY, answering, create, talking_to
from seedance_mcp.domain.errors import RefusedError, UnavailableError

AIHUBMAX, KINOVI, OXEN = SPECS["aihubmax"], SPECS["kinovi"], SPECS["oxen"]
PNG = b"\x89PNG\r\n\x1a\n"


async def test_a_provider_without_files_or_balance_says_so_and_is_not_asked() -> None:
    """DESIGN §9: what a provider lacks is None, never a stub."""
    async with talking_to(KINOVI, answering(500)) as client:
        with pytest.raises(RefusedError, match="kinovi takes no files"):
            await client.upload("a.png", PNG, "image/png")
        with pytest.raises(RefusedError, match="kinovi documents no way to ask for its balance"):
            await client.balance()


async def test_a_balance_is_one_short_line_without_the_key() -> None:
    """Ours: whatever the answer is, it goes to a terminal."""
    body = {"left": 12, "note": f"for\n{KEY}", "more": ["x" * 1000]}
    async with talking_to(AIHUBMAX, answering(200, body)) as client:
        told = await client.balance()
    assert "***" in told
    assert KEY not in told
    assert "\n" not in told
    assert len(told) == 300


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "Change the request as it says."),
        (401, "Check AIHUBMAX_API_KEY where the server runs"),
        (402, "Add credits at AIHubMax."),
        (404, "Check AIHUBMAX_BASE_URL if it is set."),
    ],
)
async def test_a_no_gives_advice_that_fits_the_question(status: int, advice: str) -> None:
    """Ours: nobody asked about a task, so nobody is told to check its id."""
    body = {"error": {"message": "No.", "type": "made_up"}}
    async with talking_to(AIHUBMAX, answering(status, body)) as client:
        with pytest.raises(RefusedError, match="No") as of_file:
            await client.upload("a.png", PNG, "image/png")
        with pytest.raises(RefusedError, match="No") as of_balance:
            await client.balance()
        with pytest.raises(RefusedError, match="No") as of_price:
            await client.look_up("/v1/models")
    for caught in (of_file, of_balance, of_price):
        assert advice in caught.value.message
        assert "this is its id" not in caught.value.message


async def test_an_event_stream_that_cannot_be_reached_is_a_passing_failure() -> None:
    """Ours: it is tried again, and polling goes on."""
    heard: list[Any] = []
    async with talking_to(OXEN, base_url=f"http://127.0.0.1:{await closed_port()}") as client:
        with pytest.raises(UnavailableError, match="The event stream of oxen broke off: no connection could be made"):
            await client.listen(lambda: heard.append("open"), heard.append)
    assert heard == []


@pytest.mark.parametrize(
    "value",
    ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 1 Jan 2030 00:00:00 +99999999999999", "soon", "-1", "1e9"],
)
async def test_a_time_to_wait_that_cannot_be_read_leaves_a_refusal_a_refusal(value: str) -> None:
    """DESIGN §3: 429 is definitely not accepted; an exception here would make the task `uncertain`."""
    async with talking_to(KINOVI, answering(429, {"message": "slow down"}, headers={"retry-after": value})) as client:
        with pytest.raises(RefusedError) as caught:
            await create(client)
    assert (caught.value.kind, caught.value.retry_after_s) == ("rate_limited", None)
