"""Reads values out of a provider's JSON by path; what is missing or of another type is None."""

import json
import math
from collections.abc import Mapping
from typing import Self, cast

JsonObject = Mapping[str, object]


class JsonView:
    """A JSON object seen through typed questions: `view.text("error", "message")`."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    @classmethod
    def parse(cls, raw: bytes) -> Self | None:
        """The view of a JSON object, or None when the bytes are not one."""
        try:
            value: object = json.loads(raw)
        except (ValueError, RecursionError):
            return None
        return cls(cast("object", value)) if isinstance(value, dict) else None

    def get(self, *path: str | int) -> object:
        value = self._value
        for step in path:
            if isinstance(step, str) and isinstance(value, dict):
                value = cast("dict[str, object]", value).get(step)
            elif isinstance(step, int) and isinstance(value, list):
                items = cast("list[object]", value)
                value = items[step] if 0 <= step < len(items) else None
            else:
                return None
        return value

    def views(self, *path: str | int) -> "tuple[JsonView, ...]":
        """The objects of a list, each seen through typed questions; nothing where there is no list."""
        value = self.get(*path)
        items = cast("list[object]", value) if isinstance(value, list) else []
        return tuple(JsonView(cast("object", item)) for item in items if isinstance(item, dict))

    def text(self, *path: str | int) -> str | None:
        """A string that is not empty; half a surrogate pair, which JSON may hold, becomes a question mark."""
        value = self.get(*path)
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) and value else None

    def number(self, *path: str | int) -> float | None:
        """A finite number: JSON as Python reads it also holds NaN and integers of any length."""
        value = self.get(*path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None

    def flag(self, *path: str | int) -> bool | None:
        value = self.get(*path)
        return value if isinstance(value, bool) else None
