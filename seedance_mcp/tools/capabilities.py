"""What every provider can do, as a table made from its declaration."""

from collections.abc import Sequence
from typing import Any

from seedance_mcp.domain.cost import Price, PriceList
from seedance_mcp.domain.model import ModelSpec, describe_durations
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.tools.parameters import count_of

HEADINGS = ("provider", "model", "sizes", "ratios", "length", "references", "sound", "price per second")


def capability_rows(specs: Sequence[ProviderSpec]) -> list[tuple[str, ...]]:
    """One row for each model of each provider, under `HEADINGS`."""
    return [_row(spec, model) for spec in specs for model in spec.models]


def capabilities(specs: Sequence[ProviderSpec]) -> list[dict[str, Any]]:
    """The same for programs: what every model of every provider accepts, with its price for each second."""
    return [
        {
            "provider": spec.id,
            "title": spec.title,
            "docs_url": spec.docs_url,
            "model": model.model,
            "modes": list(model.modes),
            "resolutions": list(model.resolutions),
            "aspect_ratios": list(model.aspect_ratios),
            "durations": list(model.durations),
            "model_decides_duration": model.model_decides_duration,
            "options": sorted(model.options),
            "max_prompt_characters": model.max_prompt,
            "max_references": {
                "images": count_of(model.max_images),
                "videos": count_of(model.max_videos),
                "audios": count_of(model.max_audios),
            },
            "sound_by_default": model.audio_default,
            "can_cancel": spec.cancel is not None,
            "link_hours": spec.url_lifetime_s and spec.url_lifetime_s / 3600,
            "prices": _price_rows(spec, model),
        }
        for spec in specs
        for model in spec.models
    ]


def _price_rows(spec: ProviderSpec, model: ModelSpec) -> list[dict[str, Any]]:
    prices = spec.prices
    if prices is None:
        return []
    return [
        {
            "resolution": row.resolution,
            "with_reference_video": bool(row.with_reference_video),
            "credits_per_second": row.credits_per_s,
            "usd_per_second": _usd(row, prices),
            "basis": prices.basis,
            "note": row.note,
        }
        for row in prices.rows
        if row.model in {None, model.model}
    ]


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _row(spec: ProviderSpec, model: ModelSpec) -> tuple[str, ...]:
    return (
        f"`{spec.id}`",
        model.model,
        " ".join(model.resolutions),
        " ".join(model.aspect_ratios),
        describe_durations(model) + (", or the model decides" if model.model_decides_duration else ""),
        _references(model),
        "on or off" if "generate_audio" in model.options else "the provider's",
        _prices(spec.prices, model),
    )


def _references(model: ModelSpec) -> str:
    if "reference_to_video" not in model.modes:
        return "none"
    limits = ((model.max_images, "images"), (model.max_videos, "videos"), (model.max_audios, "audios"))
    counts = ", ".join(f"{count_of(most)} {what}" for most, what in limits)
    return counts + (f"; {model.max_references} in all" if model.max_references else "")


def _prices(prices: PriceList | None, model: ModelSpec) -> str:
    if prices is None:
        return "not published"
    if prices.usd_per_credit == 0:
        return "free"
    found = [
        f"{resolution} {_price(row, prices)}"
        for resolution in model.resolutions
        if (row := prices.find(model=model.model, resolution=resolution, has_video=False))
    ]
    return ", ".join(found) or "not published"


def _usd(row: Price, prices: PriceList) -> float | None:
    """Dollars for each second; None where nobody says what a credit costs."""
    if row.usd_per_s is not None or row.credits_per_s is None or prices.usd_per_credit is None:
        return row.usd_per_s
    return round(row.credits_per_s * prices.usd_per_credit, 6)


def _price(row: Price, prices: PriceList) -> str:
    if row.credits_per_s is None:
        return f"${row.usd_per_s or 0:.2f}"
    dollars = f" (${row.credits_per_s * prices.usd_per_credit:.2f})" if prices.usd_per_credit else ""
    return f"{row.credits_per_s:g} cr{dollars}"
