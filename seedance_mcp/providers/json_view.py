"""Reads values out of a provider's JSON by path; what is missing or of another type is None."""

import json
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
                value = items[step] if step < len(items) else None
            else:
                return None
        return value

    def text(self, *path: str | int) -> str | None:
        """A string that is not empty."""
        value = self.get(*path)
        return value if isinstance(value, str) and value else None

    def number(self, *path: str | int) -> float | None:
        value = self.get(*path)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def flag(self, *path: str | int) -> bool | None:
        value = self.get(*path)
        return value if isinstance(value, bool) else None
