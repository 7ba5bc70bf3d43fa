"""The resource seedance://providers, and arguments that only providers without a key take."""

import json
from typing import Any

import pytest
from mcp import Client
from mcp_types import TextResourceContents

from rig import SMALL, Era, Rig, environment, error_of, text_of
from seedance_mcp.domain.cost import Price, PriceList
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.tools.capabilities import capabilities, capability_rows

ERAS: tuple[Era, ...] = ("auto", "legacy")
KINOVI = next(spec for spec in PROVIDERS if spec.id == "kinovi")


async def read(client: Client) -> list[dict[str, Any]]:
    (content,) = (await client.read_resource("seedance://providers")).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    return json.loads(content.text)


@pytest.mark.parametrize("era", ERAS)
async def test_the_resource_holds_every_model_of_every_configured_provider(rig: Rig, era: Era) -> None:
    """Issue: a capability and price table generated from the specs, resource `seedance://providers`."""
    async with rig.client(era) as client:
        listed = (await client.list_resources()).resources
        rows = await read(client)
    (resource,) = (one for one in listed if str(one.uri) == "seedance://providers")
    assert resource.mime_type == "application/json"
    configured = [spec for spec in PROVIDERS if spec.id in {"seedance2_ink", "kinovi"}]
    expected = [(spec.id, model.model) for spec in configured for model in spec.models]
    assert [(row["provider"], row["model"]) for row in rows] == expected


async def test_a_row_says_what_the_declaration_says(rig: Rig) -> None:
    """Provider: seed 003, its enums and its prices of 40 and 28 credits at $0.005."""
    async with rig.client() as client:
        rows = await read(client)
    (row,) = (one for one in rows if (one["provider"], one["model"]) == ("kinovi", "seedance-2.0"))
    model = KINOVI.models[0]
    assert row["resolutions"] == list(model.resolutions)
    assert row["durations"] == list(range(4, 16))
    assert row["options"] == sorted(model.options)
    assert row["can_cancel"] is False
    (price,) = (one for one in row["prices"] if (one["resolution"], one["with_reference_video"]) == ("720p", False))
    assert (price["credits_per_second"], price["usd_per_second"], price["basis"]) == (40, 0.2, "published")


async def test_a_provider_without_prices_has_an_empty_list_and_the_demo_is_free(rig: Rig) -> None:
    """DESIGN §3: never a made-up number."""
    async with rig.client(SEEDANCE_DEMO="1") as client:
        rows = await read(client)
    assert {len(row["prices"]) for row in rows if row["provider"] == "seedance2_ink"} == {0}
    assert {price["usd_per_second"] for row in rows if row["provider"] == "demo" for price in row["prices"]} == {0}


def priced(*rows: Price, usd_per_credit: float | None = None) -> ProviderSpec:
    return ProviderSpec(
        id="example",
        title="Example",
        docs_url="https://example.com",
        base_url="https://example.com",
        key_variable="EXAMPLE_API_KEY",
        models=(KINOVI.models[0],),
        create=KINOVI.create,
        fetch=KINOVI.fetch,
        cancel=None,
        statuses=KINOVI.statuses,
        build_body=KINOVI.build_body,
        parse_reply=KINOVI.parse_reply,
        parse_refusal=KINOVI.parse_refusal,
        prices=PriceList(rows=rows, usd_per_credit=usd_per_credit),
    )


@pytest.mark.parametrize(
    ("spec", "usd", "shown"),
    [
        (priced(Price(resolution="720p", credits_per_s=9)), [None], "720p 9 cr"),
        (priced(Price(resolution="720p", credits_per_s=9), usd_per_credit=0.01), [0.09], "720p 9 cr ($0.09)"),
        (priced(Price(resolution="720p", usd_per_s=0.07)), [0.07], "720p $0.07"),
        (priced(Price(model="seedance-1.5-pro", credits_per_s=9)), [], "not published"),
        (priced(), [], "not published"),
    ],
    ids=["credits alone", "credits and their price", "dollars", "another model's price", "no row"],
)
def test_a_price_is_shown_as_far_as_it_is_known(spec: ProviderSpec, usd: list[float | None], shown: str) -> None:
    """DESIGN §3: credits, and USD where the rate is known; an unknown price is not zero."""
    (facts,), (row,) = capabilities((spec,)), capability_rows((spec,))
    assert [price["usd_per_second"] for price in facts["prices"]] == usd
    assert row[-1] == shown


async def test_an_argument_that_only_others_take_is_named_with_them(rig: Rig) -> None:
    """DESIGN §3: a parameter that no configured provider takes does not appear; the refusal says who would take it."""
    rig.environment = environment(rig.folder, "kinovi")
    async with rig.client() as client:
        refused = await client.call_tool("create_video", {**SMALL, "watermark": True, "operation": "edit_video"})
        estimate = await client.call_tool("estimate_cost", {**SMALL, "camera_fixed": True})
        misspelt = await client.call_tool("create_video", {**SMALL, "watermerk": True})
    assert error_of(refused)["problems"] == [
        "No configured provider takes watermark; oxen, uniall would. Leave it out, or set that key.",
        "No configured provider takes operation; uniall would. Leave it out, or set that key.",
    ]
    assert "No configured provider takes camera_fixed; uniall would." in text_of(estimate)
    assert "create_video has no argument" in text_of(misspelt)
    assert rig.creates == []


@pytest.mark.parametrize("setup", [(spec.id,) for spec in PROVIDERS], ids=lambda setup: setup[0])
async def test_the_demo_is_never_recommended_for_an_argument(rig: Rig, setup: tuple[str, ...]) -> None:
    """Ours: it has no key to set, and its videos are no videos."""
    rig.environment = environment(rig.folder, *setup)
    taken = sorted({option for model in DEMO.models for option in model.options})
    async with rig.client() as client:
        for option in taken:
            result = await client.call_tool("estimate_cost", {**SMALL, option: True})
            assert "demo would" not in text_of(result)
            assert "demo, " not in text_of(result)
