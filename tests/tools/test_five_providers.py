"""One request for five providers: who can, for how much, why not, and who is chosen."""

from pathlib import Path
from typing import Any

import pytest

from rig import SMALL, Rig, body_of, environment, error_of, facts_of, text_of
from seedance_mcp.providers import PROVIDERS

IMAGE = {"prompt": "a corgi", "first_frame": "https://example.com/start.png"}
PRICES = """
[uniall]
usd_per_credit = 0.01
as_of = "2026-11-01"

[[uniall.prices]]
model = "seedance-2.0"
credits_per_second = 9

[[uniall.prices]]
resolution = "720p"
usd_per_second = 0.05
"""


@pytest.fixture
def five(rig: Rig, tmp_path: Path) -> Rig:
    """All five providers are configured."""
    rig.environment = environment(tmp_path, *(spec.id for spec in PROVIDERS))
    return rig


async def test_five_keys_give_five_answers_with_honest_bases(five: Rig) -> None:
    """Issue: with five keys set, 5 s 720p image-to-video lists five answers."""
    async with five.client() as client:
        wish = {**IMAGE, "duration": 5, "resolution": "720p", "model": "seedance-2.0"}
        estimates = facts_of(await client.call_tool("estimate_cost", wish))["estimates"]
    bases = {one["provider"]: one["basis"] for one in estimates}
    assert bases == {
        "kinovi": "published",
        "oxen": "live",
        "seedance2_ink": "unknown",
        "aihubmax": "unknown",
        "uniall": "unknown",
    }
    known = [one["usd"] for one in estimates if "usd" in one]
    assert known == sorted(known)
    assert all("usd" not in one for one in estimates if one["basis"] == "unknown")
    assert five.creates == []


async def test_4k_names_who_can_and_why_the_others_cannot(five: Rig) -> None:
    """Issue: with resolution 4k it names who can and why the others cannot."""
    async with five.client() as client:
        facts = facts_of(await client.call_tool("estimate_cost", {**IMAGE, "duration": 5, "resolution": "4k"}))
    assert {one["provider"] for one in facts["estimates"]} == {"kinovi", "uniall"}
    cannot = {one["provider"]: one["problems"][0] for one in facts["cannot"]}
    assert set(cannot) == {"seedance2_ink", "aihubmax", "oxen"}
    assert all("resolution='4k' was asked" in problem for problem in cannot.values())


async def test_a_length_that_the_model_decides_is_a_range(five: Rig) -> None:
    """Issue: ranges for -1."""
    async with five.client() as client:
        wish = {**IMAGE, "duration": -1, "provider": "oxen", "model": "seedance-2.0"}
        (oxen,) = facts_of(await client.call_tool("estimate_cost", wish))["estimates"]
    assert oxen["basis"] == "live"
    assert oxen["usd_max"] == pytest.approx(oxen["usd"] * 15 / 4)


async def test_a_users_own_prices_count_before_all_others(five: Rig, tmp_path: Path) -> None:
    """Issue: user price file (SEEDANCE_PRICES, TOML)."""
    file = tmp_path / "prices.toml"
    file.write_text(PRICES, "utf-8")
    async with five.client(SEEDANCE_PRICES=str(file)) as client:
        wish = {**IMAGE, "duration": 5, "resolution": "720p", "provider": "uniall"}
        estimates = facts_of(await client.call_tool("estimate_cost", wish))["estimates"]
    assert [(one["model"], one["usd"], one.get("credits"), one["basis"], one["as_of"]) for one in estimates] == [
        ("seedance-2.0-fast", 0.25, None, "configured", "2026-11-01"),
        ("seedance-2.0-mini", 0.25, None, "configured", "2026-11-01"),
        ("seedance-2.0", 0.45, 45, "configured", "2026-11-01"),
    ]


async def test_what_was_charged_before_becomes_the_observed_price(five: Rig) -> None:
    """Issue: charges reported by providers are stored with the task and feed `observed`."""
    async with five.client() as client:
        wish: dict[str, Any] = {**SMALL, "provider": "seedance2_ink"}
        before = facts_of(await client.call_tool("estimate_cost", {**wish, "model": "seedance-2.0"}))["estimates"]
        made = facts_of(await client.call_tool("create_video", {**wish, "wait_seconds": 300}))
        five.clock.time += 60
        after = facts_of(await client.call_tool("estimate_cost", {**wish, "duration": 8}))["estimates"]
    assert [one["basis"] for one in before] == ["unknown"]
    observed = {one["model"]: one for one in after}["seedance-2.0"]
    assert observed["basis"] == "observed"
    assert observed["credits"] == made["cost"]["credits"] * 2
    assert "usd" not in observed
    assert "1 earlier charge" in observed["note"]
    assert {one["basis"] for one in after if one["model"] != "seedance-2.0"} == {"unknown"}


async def test_a_live_schema_that_has_drifted_is_said(five: Rig) -> None:
    """Issue: warn when the live schema no longer matches the spec."""
    drifted = {
        "request_schema": {"properties": {"resolution": {"enum": ["720p"]}, "duration": {"type": "string"}}},
        "pricing": {"method": "time", "cost_per_second": 1},
    }
    five.break_next(on="other", kind="status", status=200, body=drifted, provider="oxen", times=None)
    async with five.client() as client:
        wish = {**IMAGE, "duration": 5, "provider": "oxen", "model": "seedance-2.0"}
        (oxen,) = facts_of(await client.call_tool("estimate_cost", wish))["estimates"]
    assert oxen["basis"] == "unknown"
    assert "live schema differs" in oxen["note"]


async def test_a_provider_that_does_not_tell_its_price_does_not_hold_up_the_others(five: Rig) -> None:
    """Ours: a price list that is down is no reason not to answer."""
    five.break_next(on="other", kind="status", status=500, provider="oxen", times=None)
    async with five.client() as client:
        estimates = facts_of(await client.call_tool("estimate_cost", {**IMAGE, "duration": 5}))["estimates"]
    assert {one["basis"] for one in estimates if one["provider"] == "oxen"} == {"unknown"}
    assert {one["basis"] for one in estimates if one["provider"] == "kinovi"} == {"published"}


async def test_the_best_model_comes_first_and_then_the_lowest_known_price(five: Rig) -> None:
    """DESIGN §3 Choosing: model first, then the cheapest known estimate; the result says which and why."""
    async with five.client() as client:
        estimates = facts_of(
            await client.call_tool("estimate_cost", {**SMALL, "duration": 5, "model": "seedance-2.0"})
        )["estimates"]
        task = facts_of(await client.call_tool("create_video", {**SMALL, "duration": 5, "wait_seconds": 0}))
    assert (task["model"], task["provider"]) == ("seedance-2.0", estimates[0]["provider"])
    assert any("has the lowest known price" in note for note in task["notes"])


async def test_the_operators_order_decides_where_it_is_set(five: Rig) -> None:
    """DESIGN §3 Choosing: SEEDANCE_PROVIDERS order if set."""
    async with five.client(SEEDANCE_PROVIDERS="uniall,kinovi") as client:
        task = facts_of(await client.call_tool("create_video", {**SMALL, "duration": 5, "wait_seconds": 0}))
    assert task["provider"] == "uniall"
    assert any("first in SEEDANCE_PROVIDERS" in note for note in task["notes"])


async def test_a_refused_video_turns_to_the_next_provider_unless_one_was_named(five: Rig) -> None:
    """DESIGN §3: falling over only after a definite refusal, and never when the caller named the provider."""
    five.break_next(on="create", kind="status", status=402)
    five.break_next(on="create", kind="status", status=402)
    wish = {**SMALL, "duration": 5, "wait_seconds": 300}
    async with five.client(SEEDANCE_PROVIDERS="kinovi,uniall") as client:
        named = error_of(await client.call_tool("create_video", {**wish, "provider": "kinovi"}))
        result = await client.call_tool("create_video", wish)
    assert named["kind"] == "out_of_credits"
    assert facts_of(result)["provider"] == "uniall"
    assert "Turned to uniall instead" in text_of(result)
    assert [create.provider for create in five.creates] == ["kinovi", "kinovi", "uniall"]


async def test_an_impossible_request_is_answered_for_every_provider_and_says_who_is_nearest(five: Rig) -> None:
    """Issue: says for each provider what is wrong and which one could do it with which change."""
    wish = {**IMAGE, "resolution": "4k", "aspect_ratio": "21:9", "duration": 20}
    async with five.client() as client:
        result = await client.call_tool("create_video", wish)
    problems = error_of(result)["problems"]
    for spec in PROVIDERS:
        assert any(problem.startswith(spec.id) for problem in problems), spec.id
    assert problems[-1] == "Nearest is kinovi: one change, as it says above."


async def test_what_a_provider_does_unasked_is_said(five: Rig) -> None:
    """DESIGN §5: send nothing when nothing was chosen, and say the provider's default."""
    async with five.client() as client:
        notes = {
            provider: " ".join(
                facts_of(
                    await client.call_tool("create_video", {"prompt": "x", "provider": provider, "wait_seconds": 0})
                )["notes"]
            )
            for provider in ("aihubmax", "oxen", "uniall")
        }
        await client.call_tool("list_tasks", {"wait_seconds": 0})
    assert "aihubmax makes it with sound unless asked otherwise." in notes["aihubmax"]
    assert "oxen makes it without sound unless asked otherwise." in notes["oxen"]
    assert "No resolution was asked, so 720p was ordered" in notes["uniall"]


async def test_references_are_written_as_each_provider_wants_them(five: Rig) -> None:
    """DESIGN §3: in prompts references are written @Image1; the provider file translates (003: lower case)."""
    images = [f"https://example.com/{name}.png" for name in "abc"]
    async with five.client() as client:
        for provider in ("kinovi", "uniall"):
            wish = {"prompt": "@Image1 meets @Image2", "reference_images": images, "provider": provider}
            facts_of(await client.call_tool("create_video", {**wish, "wait_seconds": 2}))
    sent = {create.provider: body_of(create) for create in five.creates}
    assert sent["kinovi"]["inputs"]["prompt"] == "@image1 meets @image2"
    assert sent["uniall"]["prompt"] == "@Image1 meets @Image2"
