"""estimate_cost: who can make it, for how much, and why the others cannot."""

import pytest

from rig import Rig, error_of, facts_of, text_of

IMAGE = {"prompt": "a corgi", "first_frame": "https://example.com/start.png"}


async def test_known_prices_come_first_and_unknown_ones_stay_unknown(rig: Rig) -> None:
    """DESIGN §3 Estimates: kinovi publishes prices, seedance2_ink does not; no number is made up."""
    async with rig.client() as client:
        result = await client.call_tool("estimate_cost", {**IMAGE, "duration": 5, "resolution": "720p"})
    estimates = facts_of(result)["estimates"]
    assert [(one["provider"], one["model"], one.get("usd"), one["basis"]) for one in estimates] == [
        ("kinovi", "seedance-2.0-fast", 0.7, "published"),
        ("kinovi", "seedance-2.0", 1.0, "published"),
        ("seedance2_ink", "seedance-2.0", None, "unknown"),
        ("seedance2_ink", "seedance-2.0-fast", None, "unknown"),
        ("seedance2_ink", "seedance-1.5-pro", None, "unknown"),
    ]
    assert "kinovi, seedance-2.0: $1.00 (200 credits) (published)" in text_of(result)
    assert rig.simulator.requests == []


async def test_whoever_cannot_make_it_says_why(rig: Rig) -> None:
    """DESIGN §3: `cannot [{provider, problems}]`."""
    async with rig.client() as client:
        result = await client.call_tool("estimate_cost", {**IMAGE, "duration": 5, "resolution": "4k"})
    facts = facts_of(result)
    assert {one["provider"] for one in facts["estimates"]} == {"kinovi"}
    assert [one["usd"] for one in facts["estimates"]] == [1.4, 1.7]
    (cannot,) = facts["cannot"]
    assert cannot["provider"] == "seedance2_ink"
    assert "resolution='4k' was asked" in cannot["problems"][0]
    assert "seedance2_ink cannot:" in text_of(result)


async def test_a_price_from_a_later_page_names_it(rig: Rig) -> None:
    """DESIGN §5: other resolutions are estimated at the dearest documented rate with the page named."""
    async with rig.client() as client:
        result = await client.call_tool("estimate_cost", {**IMAGE, "duration": 5, "resolution": "1080p"})
    (kinovi,) = [one for one in facts_of(result)["estimates"] if one["provider"] == "kinovi"]
    assert (kinovi["usd"], kinovi["credits"]) == (2.25, 450)
    assert "later pages" in kinovi["note"]


async def test_the_words_of_the_prompt_are_not_needed_for_a_price(rig: Rig) -> None:
    """Ours: an assistant asks for the price before it has written the prompt."""
    async with rig.client() as client:
        for wish in ({"duration": 5}, {"prompt": "", "duration": 5}):
            assert facts_of(await client.call_tool("estimate_cost", wish))["estimates"]


@pytest.mark.parametrize("provider", ["oxenfree", "kinovi"])
async def test_a_provider_that_cannot_be_used_is_refused(rig: Rig, provider: str) -> None:
    """DESIGN §5: naming a provider without its key is `auth`."""
    async with rig.client(KINOVI_API_KEY="") as client:
        result = await client.call_tool("estimate_cost", {**IMAGE, "provider": provider})
    assert error_of(result)["kind"] == ("auth" if provider == "kinovi" else "invalid_request")


async def test_the_demo_costs_nothing(rig: Rig) -> None:
    """DESIGN §5: the demo costs 0."""
    async with rig.client(KINOVI_API_KEY="", SEEDANCE2_INK_API_KEY="") as client:
        result = await client.call_tool("estimate_cost", {"duration": 5})
    assert {one["usd"] for one in facts_of(result)["estimates"]} == {0}
    assert "$0.00" in text_of(result)
