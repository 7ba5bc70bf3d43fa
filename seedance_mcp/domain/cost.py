"""Money: what a video will cost (estimate), and what a provider says it did cost (charge)."""

from dataclasses import dataclass
from typing import Literal

from seedance_mcp.domain.video import MODEL_DECIDES, Model, Resolution

EstimateBasis = Literal["published", "live", "configured", "observed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One row of a provider's published price table: credits for each second of video."""

    model: Model
    resolution: Resolution
    credits_per_s: float
    with_reference_video: bool = False
    note: str | None = None
    """Says where the figure comes from when it is not the provider's own price page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """A provider's published prices; credits are its own currency and never added across providers."""

    rows: tuple[Price, ...]
    usd_per_credit: float | None
    as_of: str | None = None
    """Date of the page (ISO), where the page has one."""

    def find(self, *, model: Model, resolution: Resolution, has_video: bool) -> Price | None:
        """The row for this kind of video, or None where the provider publishes none."""
        for row in self.rows:
            if (row.model, row.resolution, row.with_reference_video) == (model, resolution, has_video):
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


UNKNOWN_PRICE = Estimate(basis="unknown", note="this provider publishes no price; its answer may name the charge")


def estimate(row: Price, prices: PriceList, *, duration: int, longest: int, shortest: int) -> Estimate:
    """What `duration` seconds cost by this row; for `MODEL_DECIDES` the range from shortest to longest."""
    low, high = (shortest, longest) if duration == MODEL_DECIDES else (duration, duration)
    is_range = low != high
    return Estimate(
        basis="published",
        usd=_usd(row.credits_per_s * low, prices),
        usd_max=_usd(row.credits_per_s * high, prices) if is_range else None,
        credits=row.credits_per_s * low,
        credits_max=row.credits_per_s * high if is_range else None,
        as_of=prices.as_of,
        note=row.note,
    )


def _usd(credit_count: float, prices: PriceList) -> float | None:
    return None if prices.usd_per_credit is None else round(credit_count * prices.usd_per_credit, 4)


def money(usd: float) -> str:
    """US dollars as people write them."""
    return f"${usd:.2f}" if usd >= 0.01 or usd == 0 else f"${usd:.4f}"
