"""Which model and provider a create goes to, and what stands against it before anything is sent."""

from typing import Any

import pytest
from calls import create
from mcp import Client
from mcp_types import CallToolResult

from rig import Rig, error_of, facts_of, text_of

SHORT = {"prompt": "a corgi", "duration": 4, "resolution": "480p"}


async def order(client: Client, **arguments: Any) -> CallToolResult:
    return await client.call_tool("create_video", {"prompt": "a corgi", "wait_seconds": 0, **arguments})


async def test_the_best_model_comes_first_and_then_the_cheapest_known_price(rig: Rig) -> None:
    """DESIGN §3: model first; then the cheapest known estimate, unknown prices last; the result says why."""
    async with rig.client() as client:
        result = await order(client, **SHORT)
    task = facts_of(result)
    assert (task["model"], task["provider"]) == ("seedance-2.0", "kinovi")
    assert "seedance-2.0 is the best model that fits; kinovi has the lowest known price." in text_of(result)


async def test_the_operators_order_beats_the_price(rig: Rig) -> None:
    """DESIGN §3: `SEEDANCE_PROVIDERS` order if set."""
    async with rig.client(SEEDANCE_PROVIDERS="seedance2_ink,kinovi") as client:
        result = await order(client, **SHORT)
    assert facts_of(result)["provider"] == "seedance2_ink"
    assert "seedance2_ink first in SEEDANCE_PROVIDERS" in text_of(result)


async def test_the_operators_order_also_limits_who_is_used(rig: Rig) -> None:
    """DESIGN §3: it also limits which are used."""
    async with rig.client(SEEDANCE_PROVIDERS="seedance2_ink") as client:
        task = facts_of(await order(client, **SHORT))
        error = error_of(await order(client, **SHORT, provider="kinovi"))
    assert task["provider"] == "seedance2_ink"
    assert "kinovi" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "model", "provider"),
    [
        ({"model": "seedance-1.5-pro", "duration": 5}, "seedance-1.5-pro", "seedance2_ink"),
        ({"model": "seedance-2.0-fast"}, "seedance-2.0-fast", "kinovi"),
        ({"resolution": "4k"}, "seedance-2.0", "kinovi"),
        ({"provider": "seedance2_ink", "duration": 4}, "seedance-2.0", "seedance2_ink"),
    ],
    ids=str,
)
async def test_what_was_asked_for_decides_who_can_make_it(
    rig: Rig, arguments: dict[str, Any], model: str, provider: str
) -> None:
    """DESIGN §3: the best that fits the request."""
    async with rig.client() as client:
        task = facts_of(await order(client, **arguments))
    assert (task["model"], task["provider"]) == (model, provider)


async def test_a_request_that_nobody_can_make_is_refused_with_all_reasons_and_nothing_is_sent(rig: Rig) -> None:
    """DESIGN §3: a bad request is refused before anything is sent or spent, all problems at once."""
    async with rig.client() as client:
        error = error_of(await order(client, duration=99, aspect_ratio="5:4"))
    assert error["kind"] == "invalid_request"
    assert len(error["problems"]) >= 2
    assert any("duration=99 was asked. Use 15 or less" in problem for problem in error["problems"])
    assert "nothing was sent and nothing was charged" in error["message"]
    assert rig.creates == []


async def test_a_named_provider_that_cannot_is_refused_with_the_one_that_can(rig: Rig) -> None:
    """DESIGN §3: and which other configured provider could do it."""
    async with rig.client() as client:
        error = error_of(await order(client, resolution="4k", provider="seedance2_ink"))
        other_model = error_of(await order(client, model="seedance-1.5-pro", provider="kinovi", duration=5))
    assert "kinovi can make it as asked" in error["message"]
    assert "kinovi does not offer seedance-1.5-pro" in other_model["message"]
    assert "seedance2_ink can make it as asked" in other_model["message"]


async def test_a_named_provider_that_nobody_could_replace_is_refused_alone(rig: Rig) -> None:
    """Ours: no empty advice."""
    async with rig.client() as client:
        error = error_of(await order(client, duration=99, provider="kinovi"))
    assert "can make it as asked" not in error["message"]


async def test_the_price_decides_only_when_one_is_known(rig: Rig) -> None:
    """DESIGN §1: never invent a price."""
    async with rig.client(KINOVI_API_KEY="") as client:
        task = facts_of(await order(client, **SHORT))
    assert task["cost"] == {"basis": "unknown"}


@pytest.mark.parametrize(
    ("variables", "arguments", "kind", "words"),
    [
        ({"KINOVI_API_KEY": ""}, {"provider": "kinovi"}, "auth", "Set KINOVI_API_KEY where the server runs"),
        ({"KINOVI_API_KEY": "${KEY}"}, {"provider": "kinovi"}, "auth", "unfilled placeholder '${KEY}'"),
        ({"KINOVI_API_KEY": "${KEY}"}, {"provider": "kinovi"}, "auth", "seedance2_ink"),
        (
            {"KINOVI_API_KEY": "${KEY}", "SEEDANCE2_INK_API_KEY": ""},
            {},
            "auth",
            "No provider can be used: KINOVI_API_KEY holds '${KEY}'",
        ),
        ({"SEEDANCE_PROVIDERS": "demo"}, {}, "auth", "No provider can be used. Set one of"),
    ],
)
async def test_a_provider_without_a_usable_key_is_named_with_its_variable(
    rig: Rig, variables: dict[str, str], arguments: dict[str, Any], kind: str, words: str
) -> None:
    """DESIGN §5: naming a provider without its key is `auth`; a literal `${…}` is an unfilled placeholder."""
    async with rig.client("auto", **variables) as client:
        error = error_of(await order(client, **arguments))
    assert error["kind"] == kind
    assert words in error["message"]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ("data:image/png;base64,AAAA", "a data: URI was given"),
        ("/home/me/a.png", "'/home/me/a.png' was given"),
        ("/home/me/" + "a" * 100, "…"),
        ("http://example.com/a.png", "not encrypted"),
        ("https://192.168.0.1/a.png", "192.168.0.1"),
        ("https://example.com/" + "a" * 2100, "2120 characters"),
    ],
)
async def test_a_frame_that_a_provider_could_not_fetch_is_refused(rig: Rig, frame: str, words: str) -> None:
    """DESIGN §7: public https URLs, checked before anything is sent."""
    async with rig.client() as client:
        error = error_of(await order(client, first_frame=frame, reference_images=[frame]))
    assert error["kind"] == "invalid_request"
    assert words in error["message"]
    assert any(problem.startswith("first_frame: ") for problem in error["problems"])
    assert any(problem.startswith("reference_images: ") for problem in error["problems"])
    assert rig.creates == []


async def test_frames_and_references_at_public_addresses_are_passed_on(rig: Rig) -> None:
    """DESIGN §7: a URL that is only passed on to a provider need not resolve here."""
    async with rig.client() as client:
        frames = await order(client, first_frame="https://example.com/a.png", last_frame="https://example.com/b.png")
        references = await order(client, reference_images=["https://example.com/a.png"], provider="kinovi")
    assert facts_of(frames)["mode"] == "image_to_video"
    assert facts_of(references)["mode"] == "reference_to_video"


@pytest.mark.parametrize("asked", [0.27, 0])
async def test_max_cost_refuses_before_anything_is_sent(rig: Rig, asked: float) -> None:
    """DESIGN §3: `max_cost_usd` refuses before anything is sent."""
    async with rig.client(SEEDANCE2_INK_API_KEY="") as client:
        error = error_of(await create(client, max_cost_usd=asked))
        allowed = facts_of(await create(client, max_cost_usd=0.4))
    assert error["kind"] == "spend_limit"
    assert "the cheapest is $0.28 (seedance-2.0-fast at kinovi)" in error["message"]
    assert allowed["model"] == "seedance-2.0"
    assert len(rig.creates) == 1


async def test_max_cost_chooses_the_best_model_that_fits_it(rig: Rig) -> None:
    """DESIGN §3: the best that fits the request."""
    async with rig.client(SEEDANCE2_INK_API_KEY="") as client:
        task = facts_of(await create(client, max_cost_usd=0.39))
    assert task["model"] == "seedance-2.0-fast"


async def test_a_limit_is_not_evaded_by_a_provider_of_unknown_price_unless_it_is_named(rig: Rig) -> None:
    """DESIGN §3: an unknown price never counts as zero; named, that sum is reserved and a note says what holds."""
    async with rig.client() as client:
        error = error_of(await create(client, max_cost_usd=0.1))
        assert rig.creates == []
        result = await create(client, max_cost_usd=0.1, provider="seedance2_ink")
    assert error["kind"] == "spend_limit"
    assert "No price is known of seedance2_ink; name it to order there." in error["message"]
    assert facts_of(result)["provider"] == "seedance2_ink"
    assert "cannot enforce max_cost_usd=0.1" in text_of(result)


async def test_above_the_users_line_the_user_is_asked_first(rig: Rig) -> None:
    """DESIGN §3: above SEEDANCE_CONFIRM_ABOVE_USD the first answer is isError `spend_limit` with the way on."""
    async with rig.client(SEEDANCE_CONFIRM_ABOVE_USD="0.30", SEEDANCE2_INK_API_KEY="") as client:
        error = error_of(await create(client))
        confirmed = facts_of(await create(client, max_cost_usd=0.4))
    assert error["kind"] == "spend_limit"
    assert "$0.40 (80 credits)" in error["message"]
    assert "call create_video again with max_cost_usd=0.4" in error["message"]
    assert confirmed["status"] == "queued"
    assert len(rig.creates) == 1


@pytest.mark.parametrize("limit", ["SEEDANCE_DAILY_BUDGET_USD", "SEEDANCE_CONFIRM_ABOVE_USD"])
async def test_an_unknown_price_needs_the_users_word_once_any_limit_is_set(rig: Rig, limit: str) -> None:
    """DESIGN §3: an unknown price never counts as zero."""
    async with rig.client("auto", **{limit: "5"}) as client:
        error = error_of(await create(client, provider="seedance2_ink"))
        confirmed = facts_of(await create(client, provider="seedance2_ink", max_cost_usd=1))
    assert error["kind"] == "spend_limit"
    assert "publishes no price" in error["message"]
    assert confirmed["status"] == "queued"
    assert len(rig.creates) == 1


async def test_the_demo_is_used_when_there_is_no_key_at_all(rig: Rig) -> None:
    """DESIGN §5: used when no key variable is set; plainly labelled, costs 0."""
    async with rig.client(KINOVI_API_KEY="", SEEDANCE2_INK_API_KEY="") as client:
        result = await order(client, **SHORT)
    assert facts_of(result)["provider"] == "demo"
    assert "Demo output" in text_of(result)
    assert facts_of(result)["cost"]["usd"] == 0
