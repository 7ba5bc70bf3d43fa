"""SEEDANCE_PRICES: a TOML file in which a user writes down prices that no provider publishes.

[seedance2_ink]
usd_per_credit = 0.01           # what a credit costs you; optional
as_of = "2026-11-01"            # optional

[[seedance2_ink.prices]]
model = "seedance-2.0"          # optional: without it, every model
resolution = "720p"             # optional: without it, every size
with_reference_video = false    # optional: without it, both
credits_per_second = 8          # or usd_per_second = 0.08
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from seedance_mcp.domain.cost import Price, PriceList
from seedance_mcp.domain.errors import SetupError
from seedance_mcp.domain.video import Model, Resolution


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: Model | None = None
    resolution: Resolution | None = None
    with_reference_video: bool | None = None
    credits_per_second: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    usd_per_second: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    note: str | None = None

    @model_validator(mode="after")
    def _names_a_price(self) -> "_Row":
        if self.credits_per_second is None and self.usd_per_second is None:
            raise ValueError("it needs credits_per_second or usd_per_second")
        return self

    def generality(self) -> int:
        """How many of the conditions it leaves open."""
        return [self.model, self.resolution, self.with_reference_video].count(None)

    def as_price(self) -> Price:
        return Price(
            model=self.model,
            resolution=self.resolution,
            with_reference_video=self.with_reference_video,
            credits_per_s=self.credits_per_second,
            usd_per_s=self.usd_per_second,
            note=self.note,
        )


class _Provider(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=False)

    usd_per_credit: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    as_of: str | None = None
    prices: list[_Row] = Field(min_length=1)


def read_prices(path: Path, known: Collection[str]) -> Mapping[str, PriceList]:
    """The user's prices, by provider id; `known` are the ids there are.

    Raises:
        SetupError: The file cannot be read, or says something that is no price; the text names the place.
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        tables = TypeAdapter(dict[str, _Provider]).validate_python(content)
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"SEEDANCE_PRICES {path} cannot be read. Check the path and its permissions.") from error
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"SEEDANCE_PRICES {path} is not TOML: {error}. Correct it.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SetupError(f"SEEDANCE_PRICES {path}, {place}: {first['msg']}. Correct it.") from error
    if unknown := sorted(set(tables) - set(known)):
        raise SetupError(f"SEEDANCE_PRICES {path} names {unknown[0]!r}; known are {', '.join(known)}. Correct it.")
    return {
        name: PriceList(
            # The row that says most about a video counts, wherever it stands.
            rows=tuple(row.as_price() for row in sorted(table.prices, key=_Row.generality)),
            usd_per_credit=table.usd_per_credit,
            as_of=table.as_of,
            basis="configured",
        )
        for name, table in tables.items()
    }
