"""What a JSON body must look like: said as a table by every wire format, checked strictly here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

JsonObject = dict[str, Any]
Check = Callable[[object], str | None]
"""Says why a value is refused; None when it is accepted."""


@dataclass(frozen=True, slots=True)
class Field:
    check: Check
    required: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    path: str
    message: str


def problems_in(body: Mapping[str, object], fields: Mapping[str, Field]) -> list[Problem]:
    """Everything wrong with a body; a key that is not in the table is a problem too."""
    found = [Problem(name, "is not a known field") for name in body if name not in fields]
    for name, field in fields.items():
        refusal = field.check(body[name]) if name in body else "is required" if field.required else None
        if refusal is not None:
            found.append(Problem(name, refusal))
    return found


def text(*, at_least: int = 0, at_most: int | None = None) -> Check:
    def check(value: object) -> str | None:
        if not isinstance(value, str):
            return "must be a string"
        if len(value.strip()) < at_least:
            return "must not be empty"
        if at_most is not None and len(value) > at_most:
            return f"must have at most {at_most} characters"
        return None

    return check


def one_of(*words: str) -> Check:
    def check(value: object) -> str | None:
        return None if isinstance(value, str) and value in words else f"must be one of {', '.join(words)}"

    return check


def whole(lowest: int, highest: int) -> Check:
    def check(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return "must be an integer"
        return None if lowest <= value <= highest else f"must be between {lowest} and {highest}"

    return check


def number(lowest: float) -> Check:
    def check(value: object) -> str | None:
        accepted = isinstance(value, int | float) and not isinstance(value, bool) and value >= lowest
        return None if accepted else f"must be a number of at least {lowest:g}"

    return check


def flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be a boolean"


def anything(_: object) -> str | None:
    return None


def json_object(value: object) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


def web_address(value: object) -> str | None:
    """Plain http is accepted too: a test's pictures are on this machine."""
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return None
    return "must be a public URL"


def or_null(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def list_of(check: Check, at_least: int, at_most: int) -> Check:
    def check_all(value: object) -> str | None:
        if not isinstance(value, list):
            return "must be an array"
        items = cast("list[object]", value)
        if not at_least <= len(items) <= at_most:
            return f"must have {at_least} to {at_most} items"
        return next((f"item {index} {why}" for index, item in enumerate(items) if (why := check(item))), None)

    return check_all
