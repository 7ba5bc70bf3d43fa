"""Money as numbers: estimates from a table row, ranges, unknowns, and dollars as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.domain.cost import UNKNOWN_PRICE, Charge, Estimate, Price, PriceList, estimate, money
from seedance_mcp.domain.video import MODEL_DECIDES

PLAIN = Price(model="seedance-2.0", resolution="720p", credits_per_s=40)
WITH_VIDEO = Price(model="seedance-2.0", resolution="720p", credits_per_s=48, with_reference_video=True, note="later")
PRICES = PriceList(rows=(PLAIN, WITH_VIDEO), usd_per_credit=0.005, as_of="2026-09-01")


def test_a_row_is_found_by_model_resolution_and_reference_video() -> None:
    """Ours: the three things that published tables tell apart."""
    assert PRICES.find(model="seedance-2.0", resolution="720p", has_video=False) is PLAIN
    assert PRICES.find(model="seedance-2.0", resolution="720p", has_video=True) is WITH_VIDEO
    assert PRICES.find(model="seedance-2.0", resolution="480p", has_video=False) is None
    assert PRICES.find(model="seedance-2.0-fast", resolution="720p", has_video=False) is None


def test_an_estimate_names_credits_dollars_the_date_and_the_note_of_its_row() -> None:
    """DESIGN §3 Estimates: `published`, `as_of` where the page is dated."""
    assert estimate(WITH_VIDEO, PRICES, duration=10, shortest=4, longest=15) == Estimate(
        basis="published", usd=2.4, credits=480, as_of="2026-09-01", note="later"
    )


def test_a_length_that_the_model_chooses_makes_a_range_whose_top_is_the_ceiling() -> None:
    """DESIGN §3 Spending limits: a range counts at its top."""
    found = estimate(PLAIN, PRICES, duration=MODEL_DECIDES, shortest=4, longest=15)
    assert (found.usd, found.usd_max, found.credits, found.credits_max) == (0.8, 3.0, 160, 600)
    assert found.ceiling_usd == 3.0


def test_a_choice_of_one_length_is_no_range() -> None:
    """Ours: 5 to 5 seconds is 5 seconds."""
    found = estimate(PLAIN, PRICES, duration=MODEL_DECIDES, shortest=5, longest=5)
    assert (found.usd, found.usd_max, found.credits_max, found.ceiling_usd) == (1.0, None, None, 1.0)


def test_without_a_rate_there_are_credits_and_no_dollars() -> None:
    """DESIGN §3 Estimates: USD where the rate is known."""
    found = estimate(PLAIN, PriceList(rows=(PLAIN,), usd_per_credit=None), duration=5, shortest=4, longest=15)
    assert (found.credits, found.usd, found.ceiling_usd, found.basis) == (200, None, None, "published")


@given(st.integers(1, 1000), st.floats(0.001, 1000), st.floats(0.0001, 1))
def test_dollars_are_credits_times_the_rate_to_a_hundredth_of_a_cent(
    seconds: int, credits_per_s: float, rate: float
) -> None:
    """Ours: never rounded away to nothing by more than half of that."""
    row = Price(model="seedance-2.0", resolution="720p", credits_per_s=credits_per_s)
    prices = PriceList(rows=(row,), usd_per_credit=rate)
    found = estimate(row, prices, duration=seconds, shortest=4, longest=15)
    assert found.usd == pytest.approx(seconds * credits_per_s * rate, abs=0.00006)


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
