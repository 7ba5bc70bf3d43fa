"""Money: what a video will cost (estimate), and what a provider says it did cost (charge)."""

from dataclasses import dataclass
from typing import Literal

from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import MODEL_DECIDES, Model, Resolution, VideoRequest

EstimateBasis = Literal["published", "live", "configured", "observed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One row of a price table, for each second of video. A field that is None holds for every video."""

    model: Model | None = None
    resolution: Resolution | None = None
    with_reference_video: bool | None = None
    credits_per_s: float | None = None
    usd_per_s: float | None = None
    """Where the page names dollars and not credits."""
    note: str | None = None
    """Says where the figure comes from when it is not the provider's own price page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """A provider's prices; credits are its own currency and never added across providers."""

    rows: tuple[Price, ...]
    usd_per_credit: float | None = None
    as_of: str | None = None
    """Date of the page (ISO), where the page has one."""
    basis: EstimateBasis = "published"

    def find(self, *, model: Model, resolution: Resolution | None, has_video: bool) -> Price | None:
        """The first row for this kind of video, or None where there is none."""
        for row in self.rows:
            if (
                row.model in {None, model}
                and row.resolution in {None, resolution}
                and row.with_reference_video in {None, has_video}
            ):
                return row
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A price before the run. `usd_max` is set only for a range, as when the model chooses the length."""

    basis: EstimateBasis
    usd: float | None = None
    usd_max: float | None = None
    credits: float | None = None
    credits_max: float | None = None
    as_of: str | None = None
    note: str | None = None

    @property
    def ceiling_usd(self) -> float | None:
        """The most it can be: what a spending limit is compared with."""
        return self.usd_max if self.usd_max is not None else self.usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """The provider's own figure, as far as it gives one."""

    credits: float | None = None
    usd: float | None = None


UNKNOWN_PRICE = Estimate(basis="unknown", note="no price is published; the provider's answer may name the charge")


def estimate(prices: PriceList | None, request: VideoRequest, model: ModelSpec) -> Estimate:
    """What the request costs by this list, a range where the model chooses the length; or an honest unknown."""
    resolution = request.resolution or model.default_resolution
    row = prices and prices.find(model=model.model, resolution=resolution, has_video=bool(request.reference_videos))
    lengths = length_range(request, model)
    if not prices or not row or not lengths:
        return UNKNOWN_PRICE
    low, high = lengths
    credit_rate, usd_rate = row.credits_per_s, row.usd_per_s
    if usd_rate is None and credit_rate is not None and prices.usd_per_credit is not None:
        usd_rate = credit_rate * prices.usd_per_credit
    return Estimate(
        basis=prices.basis,
        usd=_times(usd_rate, low),
        usd_max=_times(usd_rate, high) if high > low else None,
        credits=_times(credit_rate, low),
        credits_max=_times(credit_rate, high) if high > low else None,
        as_of=prices.as_of,
        note=row.note,
    )


def length_range(request: VideoRequest, model: ModelSpec) -> tuple[int, int] | None:
    """Shortest and longest length in seconds that the request can come to; None where it is not known."""
    duration = request.duration if request.duration is not None else model.default_duration
    if duration is None:
        return None
    return (model.durations[0], model.durations[-1]) if duration == MODEL_DECIDES else (duration, duration)


def per_second(
    usd: float, request: VideoRequest, model: ModelSpec, *, basis: EstimateBasis, note: str | None = None
) -> Estimate | None:
    """What the request costs at so many dollars for each second; None where its length is not known."""
    prices = PriceList(rows=(Price(usd_per_s=usd, note=note),), basis=basis)
    found = estimate(prices, request, model)
    return None if found is UNKNOWN_PRICE else found


def _times(rate: float | None, seconds: int) -> float | None:
    return None if rate is None else round(rate * seconds, 4)


def money(usd: float) -> str:
    """US dollars as people write them."""
    return f"${usd:.2f}" if usd >= 0.01 or usd == 0 else f"${usd:.4f}"
