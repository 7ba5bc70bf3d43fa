"""Reads a tool's arguments: unknown names, wrong types and limits all come back at once, in our own words."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from seedance_mcp.domain.errors import InvalidRequestError
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.tools.parameters import Parameter

MAX_SHOWN = 80
LARGEST = 2**53
"""The largest whole number that every JSON reader keeps exactly; also keeps out infinity and what is no number."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a caller gave, as far as it could be read, and everything that was wrong with the rest."""

    values: Mapping[str, object]
    problems: tuple[str, ...]

    def text(self, name: str) -> str | None:
        return cast("str | None", self.values.get(name))

    def number(self, name: str) -> float | None:
        return cast("float | None", self.values.get(name))

    def integer(self, name: str) -> int | None:
        return cast("int | None", self.values.get(name))

    def texts(self, name: str) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self.values.get(name, ()))

    def check(self) -> None:
        """Raises `InvalidRequestError` with every problem."""
        if self.problems:
            raise InvalidRequestError(" ".join(self.problems), problems=self.problems)


def read(
    parameters: Sequence[Parameter],
    given: Mapping[str, object],
    tool: str,
    offered_elsewhere: Mapping[str, tuple[str, ...]] | None = None,
) -> Arguments:
    """Reads what a caller gave. A JSON string where a list, number or boolean is expected is read as JSON."""
    elsewhere = offered_elsewhere or {}
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, object] = {}
    problems: list[str] = []
    for name, raw in given.items():
        parameter = known.get(name)
        if parameter is None:
            problems.append(_unknown(name, tuple(known), tool, elsewhere.get(name, ())))
        elif raw is not None and not (raw == "" and not parameter.required):
            try:
                values[name] = _read_one(parameter, raw)
            except ValueError as error:
                problems.append(str(error))
    problems.extend(
        f"{tool} needs {parameter.name}; it was left out. {parameter.description}"
        for parameter in parameters
        if parameter.required and given.get(parameter.name) is None
    )
    return Arguments(values, tuple(problems))


def video_request(arguments: Arguments) -> VideoRequest:
    """The request as far as it could be read."""
    given: dict[str, Any] = {"prompt": "", **arguments.values}
    return VideoRequest(**{name: value for name, value in given.items() if name in VideoRequest.__dataclass_fields__})


def _unknown(name: str, known: Sequence[str], tool: str, elsewhere: Sequence[str]) -> str:
    if elsewhere:
        return f"No configured provider takes {name}; {', '.join(elsewhere)} would. Leave it out, or set that key."
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]!r}?" if close else f"It takes: {', '.join(known)}."
    return f"{tool} has no argument {_shown(name)}. {hint}"


def _read_one(parameter: Parameter, raw: object) -> object:
    value = raw
    if isinstance(raw, str) and parameter.kind != "string":
        value = _json_or_text(raw)
    match parameter.kind:
        case "string":
            return _choice(parameter, _text(parameter, value))
        case "strings":
            return _texts(parameter, value)
        case "boolean":
            if isinstance(value, bool):
                return value
            raise ValueError(f"{parameter.name} is true or false; {_shown(raw)} was given.")
        case "integer" | "number":
            return _within(parameter, _number(parameter, value, raw))


def _json_or_text(raw: str) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw


def _text(parameter: Parameter, value: object) -> str:
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"{parameter.name} holds half a character (a lone surrogate). Send it again whole.")
        return value
    raise ValueError(f"{parameter.name} is a text; {_shown(value)} was given.")


def _choice(parameter: Parameter, value: str) -> str:
    if not parameter.choices or value in parameter.choices or parameter.checked_later:
        return value
    close = difflib.get_close_matches(value, parameter.choices, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"{parameter.name} is one of {', '.join(parameter.choices)}; {_shown(value)} was asked.{hint}")


def _texts(parameter: Parameter, value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if isinstance(items, list) and all(isinstance(item, str) for item in cast("list[object]", items)):
        return tuple(_text(parameter, text) for text in cast("list[str]", items) if text)
    raise ValueError(f"{parameter.name} is a list of texts; {_shown(value)} was given.")


def _number(parameter: Parameter, value: object, raw: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST:
        if parameter.kind == "number":
            return value
        if float(value).is_integer():
            return int(value)
    kind = "a whole number" if parameter.kind == "integer" else "a number"
    raise ValueError(f"{parameter.name} is {kind}; {_shown(raw)} was given.")


def _within(parameter: Parameter, value: float) -> float:
    low, high = parameter.minimum, parameter.maximum
    if parameter.checked_later or ((low is None or value >= low) and (high is None or value <= high)):
        return value
    limits = f"from {low:g} to {high:g}" if low is not None and high is not None else f"at least {low or 0:g}"
    raise ValueError(f"{parameter.name} is {limits}; {value:g} was asked.")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
