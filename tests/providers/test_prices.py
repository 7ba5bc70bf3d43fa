"""Money before the run: the published price tables row by row, and an honest unknown everywhere else."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from providers.recorded import SPECS, model_of
from providers.wishes import wish
from seedance_mcp.domain import cost
from seedance_mcp.domain.cost import UNKNOWN_PRICE, Estimate
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import Model, Resolution, VideoRequest
from seedance_mcp.providers.spec import ProviderSpec

KINOVI, INK, DEMO, UNIALL = SPECS["kinovi"], SPECS["seedance2_ink"], SPECS["demo"], SPECS["uniall"]

TABLE: list[tuple[Model, int, int, float, int, float]] = [
    # model, seconds, credits, USD, credits with 4k upscale, USD with 4k upscale
    ("seedance-2.0", 4, 160, 0.80, 272, 1.36),
    ("seedance-2.0", 5, 200, 1.00, 340, 1.70),
    ("seedance-2.0", 8, 320, 1.60, 544, 2.72),
    ("seedance-2.0", 10, 400, 2.00, 680, 3.40),
    ("seedance-2.0", 15, 600, 3.00, 1020, 5.10),
    ("seedance-2.0-fast", 4, 112, 0.56, 224, 1.12),
    ("seedance-2.0-fast", 5, 140, 0.70, 280, 1.40),
    ("seedance-2.0-fast", 8, 224, 1.12, 448, 2.24),
    ("seedance-2.0-fast", 10, 280, 1.40, 560, 2.80),
    ("seedance-2.0-fast", 15, 420, 2.10, 840, 4.20),
]
"""Seed 003, both price tables, every row."""
LATER: list[tuple[Model, Resolution, bool, float, str]] = [
    # model, resolution, with a reference video, credits a second, a word of the page that says so
    ("seedance-2.0", "480p", False, 20, "half of 720p"),
    ("seedance-2.0", "1080p", False, 90, "kinovi-models"),
    ("seedance-2.0", "480p", True, 24, "omni-reference"),
    ("seedance-2.0", "720p", True, 48, "omni-reference"),
    ("seedance-2.0", "1080p", True, 108, "kinovi-models"),
    ("seedance-2.0", "4k", True, 76, "omni-reference"),
    ("seedance-2.0-fast", "480p", False, 14, "half of 720p"),
    ("seedance-2.0-fast", "480p", True, 18, "kinovi-models"),
    ("seedance-2.0-fast", "720p", True, 34, "omni-reference"),
    ("seedance-2.0-fast", "4k", True, 62, "omni-reference"),
]
"""Providers.md §4.6: what the seed does not price, at the dearest documented rate."""


def estimate(model: Model, **facts: Any) -> Estimate:
    return published(KINOVI, wish(**facts), model_of(KINOVI, model))


def published(spec: ProviderSpec, request: VideoRequest, model: ModelSpec) -> Estimate:
    return cost.estimate(spec.prices, request, model)


@pytest.mark.parametrize(("model", "seconds", "credits_", "usd", "credits_4k", "usd_4k"), TABLE)
def test_every_row_of_the_price_table(
    model: Model, seconds: int, credits_: int, usd: float, credits_4k: int, usd_4k: float
) -> None:
    """Provider: seed 003, the tables "seedance-20" and "seedance2-fast"."""
    assert estimate(model, duration=seconds) == Estimate(basis="published", usd=usd, credits=credits_)
    assert estimate(model, duration=seconds, resolution="720p") == estimate(model, duration=seconds)
    upscaled = estimate(model, duration=seconds, resolution="4k")
    assert upscaled == Estimate(basis="published", usd=usd_4k, credits=credits_4k)


def test_the_prices_are_per_second_between_the_rows_of_the_table() -> None:
    """Provider: seed 003, "40 credits/sec standard, 28 credits/sec fast", "Adds 28 credits/sec"."""
    for seconds in range(4, 16):
        assert estimate("seedance-2.0", duration=seconds).credits == 40 * seconds
        assert estimate("seedance-2.0", duration=seconds, resolution="4k").credits == 68 * seconds
        assert estimate("seedance-2.0-fast", duration=seconds).credits == 28 * seconds
        assert estimate("seedance-2.0-fast", duration=seconds, resolution="4k").credits == 56 * seconds


@pytest.mark.parametrize(
    "facts", [{}, {"first_frame": "https://e.com/a.png"}, {"reference_images": ("https://e.com/a",)}]
)
def test_what_is_not_asked_is_priced_by_the_documented_default(facts: dict[str, Any]) -> None:
    """Provider: seed 003, `Defaults to "5"`; the resolution is always sent, 720p (DESIGN §5)."""
    assert estimate("seedance-2.0", **facts) == Estimate(basis="published", usd=1.0, credits=200)


@pytest.mark.parametrize(("model", "resolution", "with_video", "rate", "page"), LATER)
def test_other_resolutions_are_priced_at_the_dearest_documented_rate_and_name_the_page(
    model: Model, resolution: Resolution, with_video: bool, rate: float, page: str
) -> None:
    """DESIGN §5: other resolutions are estimated at the dearest documented rate with the page named."""
    videos = ("https://example.com/a.mp4",) if with_video else ()
    found = estimate(model, resolution=resolution, reference_videos=videos, duration=10)

    assert (found.basis, found.credits, found.usd) == ("published", rate * 10, round(rate * 10 * 0.005, 4))
    assert found.note is not None
    assert page in found.note
    assert "kinovi's later pages" in found.note
    assert found.note.startswith("with a reference video") == with_video


def test_the_prices_of_the_seed_carry_no_note_and_no_date() -> None:
    """DESIGN §3: `as_of` where the page is dated; the seed's page is not."""
    for model, seconds, *_ in TABLE:
        found = estimate(model, duration=seconds)
        assert (found.note, found.as_of, found.usd_max, found.credits_max) == (None, None, None, None)


def test_kinovi_has_a_price_for_everything_it_accepts() -> None:
    """Ours: no combination that passes the check falls into a gap of the table."""
    for model in KINOVI.models:
        for resolution in model.resolutions:
            for videos in ((), ("https://example.com/a.mp4",)):
                video = wish(resolution=resolution, reference_videos=videos)
                assert KINOVI.problems(video, model) == []
                assert published(KINOVI, video, model).basis == "published"


def test_a_gap_in_a_price_table_is_unknown_and_not_the_next_best_row() -> None:
    """DESIGN §1: never invent a fact."""
    assert KINOVI.prices is not None
    cheapest_only = replace(KINOVI, prices=replace(KINOVI.prices, rows=KINOVI.prices.rows[:1]))
    model = model_of(KINOVI, "seedance-2.0")
    assert published(cheapest_only, wish(resolution="480p"), model).credits == 100
    assert published(cheapest_only, wish(resolution="720p"), model).basis == "unknown"


def test_nothing_is_estimated_where_neither_caller_nor_documents_name_the_size_or_the_length() -> None:
    """DESIGN §1: never invent a fact; a default that is not documented has no price."""
    model = model_of(KINOVI, "seedance-2.0")
    assert published(KINOVI, wish(), replace(model, default_resolution=None)).basis == "unknown"
    assert published(KINOVI, wish(), replace(model, default_duration=None)).basis == "unknown"
    without_default = replace(model, default_duration=None)
    assert published(KINOVI, wish(duration=4, resolution="720p"), without_default).usd == 0.8


@pytest.mark.parametrize("provider", ["aihubmax", "oxen", "seedance2_ink", "uniall"])
def test_a_provider_without_a_price_list_is_unknown_and_never_zero(provider: str) -> None:
    """Provider: providers.md §1.5, §2.7, §3, §5: prices not found; DESIGN §3: unknown never counts as zero."""
    spec = SPECS[provider]
    for model, duration in product(spec.models, (None, -1, 5, 10)):
        found = published(spec, wish(duration=duration, resolution="720p"), model)
        assert found == UNKNOWN_PRICE
        assert (found.basis, found.usd, found.credits, found.ceiling_usd) == ("unknown", None, None, None)


@pytest.mark.parametrize("spec", [KINOVI, INK, UNIALL, DEMO], ids=lambda spec: spec.id)
def test_three_providers_do_not_let_the_model_choose_the_length(spec: ProviderSpec) -> None:
    """Provider: seeds 002, 003 and 004 know no -1, so no range has to be estimated; it is refused instead."""
    for model in spec.models:
        (problem,) = spec.problems(wish(duration=-1), model)
        assert problem.endswith("Name a length: the model cannot choose it here.")


def test_the_demo_costs_nothing() -> None:
    """DESIGN §5: costs 0."""
    for model in DEMO.models:
        for resolution in model.resolutions:
            found = published(DEMO, wish(resolution=resolution, duration=15), model)
            assert (found.basis, found.usd, found.ceiling_usd) == ("published", 0, 0)
