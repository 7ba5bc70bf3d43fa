"""Money as numbers: estimates from a table row, ranges, unknowns, and dollars as people write them."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.wishes import wish
from seedance_mcp.domain.cost import (
    UNKNOWN_PRICE,
    Charge,
    Estimate,
    Price,
    PriceList,
    estimate,
    length_range,
    money,
    per_second,
)
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import MODEL_DECIDES

PLAIN = Price(model="seedance-2.0", resolution="720p", with_reference_video=False, credits_per_s=40)
WITH_VIDEO = Price(model="seedance-2.0", resolution="720p", credits_per_s=48, with_reference_video=True, note="later")
PRICES = PriceList(rows=(PLAIN, WITH_VIDEO), usd_per_credit=0.005, as_of="2026-09-01")
MODEL = ModelSpec(
    model="seedance-2.0",
    wire_model="sd2",
    modes=("text_to_video", "reference_to_video"),
    resolutions=("480p", "720p"),
    aspect_ratios=("16:9",),
    durations=tuple(range(4, 16)),
    model_decides_duration=True,
    default_duration=5,
    default_resolution="720p",
)
FILM = ("https://example.com/a.mp4",)


def found(prices: PriceList | None = PRICES, model: ModelSpec = MODEL, **facts: Any) -> Estimate:
    return estimate(prices, wish(**facts), model)


def test_a_row_is_found_by_model_resolution_and_reference_video() -> None:
    """Ours: the three things that published tables tell apart."""
    assert PRICES.find(model="seedance-2.0", resolution="720p", has_video=False) is PLAIN
    assert PRICES.find(model="seedance-2.0", resolution="720p", has_video=True) is WITH_VIDEO
    assert PRICES.find(model="seedance-2.0", resolution="480p", has_video=False) is None
    assert PRICES.find(model="seedance-2.0-fast", resolution="720p", has_video=False) is None


def test_a_row_that_leaves_something_out_holds_for_all_of_it_and_the_first_row_counts() -> None:
    """Ours: a user's price file need not repeat itself; what is more exact stands first."""
    anything, any_film = Price(usd_per_s=0.1), Price(with_reference_video=True, usd_per_s=0.2)
    for resolution in ("480p", "720p", None):
        prices = PriceList(rows=(PLAIN, any_film, anything))
        assert prices.find(model="seedance-2.0-mini", resolution=resolution, has_video=False) is anything
        assert prices.find(model="seedance-2.0", resolution=resolution, has_video=True) is any_film
    assert PriceList(rows=(anything, PLAIN)).find(model="seedance-2.0", resolution="720p", has_video=False) is anything


def test_an_estimate_names_credits_dollars_the_date_and_the_note_of_its_row() -> None:
    """DESIGN §3 Estimates: `published`, `as_of` where the page is dated."""
    assert found(duration=10, reference_videos=FILM) == Estimate(
        basis="published", usd=2.4, credits=480, as_of="2026-09-01", note="later"
    )


def test_what_is_not_asked_is_priced_by_the_documented_defaults() -> None:
    """Ours: 720p and 5 s of the model above."""
    assert (found().credits, found(duration=5, resolution="720p").credits) == (200, 200)


def test_a_length_that_the_model_chooses_makes_a_range_whose_top_is_the_ceiling() -> None:
    """DESIGN §3 Spending limits: a range counts at its top; asked for, or the documented default."""
    for one in (found(duration=MODEL_DECIDES), found(model=replace(MODEL, default_duration=MODEL_DECIDES))):
        assert (one.usd, one.usd_max, one.credits, one.credits_max) == (0.8, 3.0, 160, 600)
        assert one.ceiling_usd == 3.0


def test_a_choice_of_one_length_is_no_range() -> None:
    """Ours: 5 to 5 seconds is 5 seconds."""
    one = found(model=replace(MODEL, durations=(5,)), duration=MODEL_DECIDES)
    assert (one.usd, one.usd_max, one.credits_max, one.ceiling_usd) == (1.0, None, None, 1.0)


def test_without_a_rate_there_are_credits_and_no_dollars() -> None:
    """DESIGN §3 Estimates: USD where the rate is known."""
    one = found(PriceList(rows=(PLAIN,)), duration=5)
    assert (one.credits, one.usd, one.ceiling_usd, one.basis) == (200, None, None, "published")


def test_a_row_in_dollars_has_no_credits_and_keeps_the_basis_of_its_list() -> None:
    """DESIGN §3: `configured` from the user's price file; a dollar figure of the row goes before the rate."""
    rows = (Price(usd_per_s=0.25),)
    assert found(PriceList(rows=rows, basis="configured"), duration=4) == Estimate(basis="configured", usd=1.0)
    both = PriceList(rows=(Price(usd_per_s=0.25, credits_per_s=10),), usd_per_credit=1)
    assert (found(both, duration=4).usd, found(both, duration=4).credits) == (1.0, 40)


@pytest.mark.parametrize(
    ("prices", "model", "facts"),
    [
        (None, MODEL, {}),
        (PriceList(rows=()), MODEL, {}),
        (PRICES, MODEL, {"resolution": "480p"}),
        (PRICES, replace(MODEL, default_resolution=None), {}),
        (PRICES, replace(MODEL, default_duration=None), {}),
        (PriceList(rows=(PLAIN,)), MODEL, {"reference_videos": FILM}),
    ],
    ids=["no-list", "no-rows", "other-resolution", "no-default-resolution", "no-default-length", "with-video"],
)
def test_what_no_row_covers_is_unknown(prices: PriceList | None, model: ModelSpec, facts: dict[str, Any]) -> None:
    """DESIGN §1: never invent a fact."""
    assert found(prices, model, **facts) is UNKNOWN_PRICE


@pytest.mark.parametrize(
    ("duration", "default", "lengths"),
    [(None, None, None), (None, 5, (5, 5)), (None, -1, (4, 15)), (-1, 5, (4, 15)), (7, -1, (7, 7))],
)
def test_the_length_is_what_was_asked_else_the_default_else_unknown(
    duration: int | None, default: int | None, lengths: tuple[int, int] | None
) -> None:
    """Ours: what the caller says counts first."""
    assert length_range(wish(duration=duration), replace(MODEL, default_duration=default)) == lengths


@given(st.integers(4, 15), st.floats(0.001, 1000), st.floats(0.0001, 1))
def test_dollars_are_credits_times_the_rate_to_a_hundredth_of_a_cent(
    seconds: int, credits_per_s: float, rate: float
) -> None:
    """Ours: never rounded away to nothing by more than half of that."""
    prices = PriceList(rows=(Price(credits_per_s=credits_per_s),), usd_per_credit=rate)
    assert found(prices, duration=seconds).usd == pytest.approx(seconds * credits_per_s * rate, abs=0.00006)


def test_a_price_for_each_second_is_an_estimate_like_any_other() -> None:
    """DESIGN §3 Estimates: `live`; -1 is a range, and a length that nobody knows has no price."""
    assert per_second(0.2, wish(duration=10), MODEL, basis="live") == Estimate(basis="live", usd=2.0)
    assert per_second(0.2, wish(duration=-1), MODEL, basis="live", note="n") == Estimate(
        basis="live", usd=0.8, usd_max=3.0, note="n"
    )
    assert per_second(0.2, wish(), replace(MODEL, default_duration=None), basis="live") is None


@given(st.floats(0.0001, 100), st.integers(4, 15))
def test_the_ends_of_a_range_are_the_prices_of_the_shortest_and_the_longest(usd: float, seconds: int) -> None:
    """Ours: so that whatever the model chooses lies inside."""
    chosen = per_second(usd, wish(duration=MODEL_DECIDES), MODEL, basis="live")
    asked = per_second(usd, wish(duration=seconds), MODEL, basis="live")
    assert chosen
    assert asked
    low, price, high = chosen.usd, asked.usd, chosen.ceiling_usd
    assert (low or 0) <= (price or math.nan) <= (high or 0)


def test_an_unknown_price_has_no_number_at_all() -> None:
    """DESIGN §3: an unknown price never counts as zero."""
    assert UNKNOWN_PRICE.basis == "unknown"
    numbers = (UNKNOWN_PRICE.usd, UNKNOWN_PRICE.usd_max, UNKNOWN_PRICE.credits, UNKNOWN_PRICE.credits_max)
    assert numbers == (None, None, None, None)
    assert UNKNOWN_PRICE.ceiling_usd is None
    assert Charge() == Charge(credits=None, usd=None)


@pytest.mark.parametrize(
    ("usd", "text"), [(0, "$0.00"), (0.8, "$0.80"), (12.345, "$12.35"), (0.01, "$0.01"), (0.0042, "$0.0042")]
)
def test_dollars_are_written_as_people_write_them(usd: float, text: str) -> None:
    """Ours: cents, and less than a cent is not shown as nothing."""
    assert money(usd) == text
