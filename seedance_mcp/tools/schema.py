"""JSON schemas as every model vendor accepts them; anything else fails when the server starts."""

from collections.abc import Mapping, Sequence
from typing import Any

from seedance_mcp.tools.parameters import Parameter

Schema = dict[str, Any]
_SCALARS = {"string", "integer", "number", "boolean"}
_ALLOWED = {"type", "description", "enum", "minimum", "maximum", "items"}
MAX_NAME = 40


def input_schema(parameters: Sequence[Parameter]) -> Schema:
    """The published schema of a tool's arguments.

    Raises:
        ValueError: A parameter cannot be published portably: a fault in this program.
    """
    schema: Schema = {"type": "object", "properties": {one.name: _property(one) for one in parameters}}
    if required := [one.name for one in parameters if one.required]:
        schema["required"] = required
    for name, published in schema["properties"].items():
        check_portable(name, published)
    return schema


def _property(parameter: Parameter) -> Schema:
    published: Schema = {"type": parameter.kind, "description": parameter.description}
    if parameter.kind == "strings":
        published |= {"type": "array", "items": {"type": "string"}}
    if parameter.choices:
        published["enum"] = list(parameter.choices)
    for bound, value in (("minimum", parameter.minimum), ("maximum", parameter.maximum)):
        if value is not None:
            published[bound] = int(value) if parameter.kind == "integer" else value
    return published


def check_portable(name: str, published: Mapping[str, Any]) -> None:
    """Raises `ValueError` for anything that some model vendor refuses."""
    kind = published.get("type")
    is_list = kind == "array" and published.get("items") == {"type": "string"}
    has_string_enum = all(isinstance(value, str) for value in published.get("enum", ()))
    if (
        not (isinstance(kind, str) and (kind in _SCALARS or is_list))
        or set(published) - _ALLOWED
        or not has_string_enum
        or not published.get("description")
        or len(name) > MAX_NAME
    ):
        raise ValueError(f"argument {name!r} cannot be published for every model vendor: {dict(published)}")


def output_schema(required: Sequence[str], **properties: str) -> Schema:
    """A flat schema of a result; nested objects stay bare, because every listed word costs context."""
    return {
        "type": "object",
        "properties": {name: _output_property(kind) for name, kind in properties.items()},
        "required": list(required),
    }


def _output_property(kind: str) -> Schema:
    item = kind.removesuffix("[]")
    return {"type": "array", "items": {"type": item}} if kind != item else {"type": kind}
