"""Tasks as rows and back: one column for each field, nested values as JSON."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from seedance_mcp.domain.cost import Charge, Estimate
from seedance_mcp.domain.errors import Failure
from seedance_mcp.domain.task import Candidate, Task, Video
from seedance_mcp.domain.video import VideoRequest

Value = str | float | int | None


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    return {
        "request": TypeAdapter(VideoRequest),
        "estimate": TypeAdapter(Estimate | None),
        "charge": TypeAdapter(Charge | None),
        "video": TypeAdapter(Video | None),
        "error": TypeAdapter(Failure | None),
        "notes": TypeAdapter(tuple[str, ...]),
        "alternatives": TypeAdapter(tuple[Candidate, ...]),
        "input_task_ids": TypeAdapter(tuple[str, ...]),
    }


COLUMNS = tuple(field.name for field in dataclasses.fields(Task))


def to_row(task: Task) -> dict[str, Value]:
    adapters = _adapters()
    return {
        name: adapters[name].dump_json(value).decode() if name in adapters else value
        for name in COLUMNS
        for value in (getattr(task, name),)
    }


def from_row(row: Mapping[str, Any]) -> Task:
    adapters = _adapters()
    values: dict[str, Any] = {
        name: adapters[name].validate_json(row[name]) if name in adapters else row[name] for name in COLUMNS
    }
    values["cancel_asked"] = bool(values["cancel_asked"])
    return Task(**values)
