"""What every provider can do, as a table made from its declaration."""

from collections.abc import Sequence

from seedance_mcp.domain.cost import PriceList
from seedance_mcp.domain.model import ModelSpec, describe_durations
from seedance_mcp.providers.spec import ProviderSpec

HEADINGS = ("provider", "model", "sizes", "ratios", "length", "references", "sound", "price per second")


def capability_rows(specs: Sequence[ProviderSpec]) -> list[tuple[str, ...]]:
    """One row for each model of each provider, under `HEADINGS`."""
    return [_row(spec, model) for spec in specs for model in spec.models]


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
    counts = f"{model.max_images} images, {model.max_videos} videos, {model.max_audios} audios"
    return counts + (f"; {model.max_references} in all" if model.max_references else "")


def _prices(prices: PriceList | None, model: ModelSpec) -> str:
    if prices is None:
        return "not published"
    if prices.usd_per_credit == 0:
        return "free"
    found = [
        f"{resolution} {row.credits_per_s:g} cr" + (f" (${row.credits_per_s * rate:.2f})" if rate else "")
        for rate in (prices.usd_per_credit,)
        for resolution in model.resolutions
        if (row := prices.find(model=model.model, resolution=resolution, has_video=False))
    ]
    return ", ".join(found)
