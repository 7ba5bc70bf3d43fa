"""The recorded requests and replies: JSON files under `requests/` and `replies/`, each with the page it comes from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.providers.spec import ProviderReply, ProviderSpec, Refusal

FOLDER = Path(__file__).parent
SPECS = {spec.id: spec for spec in (*PROVIDERS, DEMO)}


def wire_name(value: object) -> str:
    """How a test's id names a model; its whole record would differ from one process to the next."""
    return value.wire_model if isinstance(value, ModelSpec) else str(value)


@dataclass(frozen=True)
class Recorded:
    """One file, and the provider whose folder it lies in."""

    spec: ProviderSpec
    name: str
    data: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.spec.id}-{self.name}"

    @property
    def task_id(self) -> str:
        """The provider's id of the task that a poll or a cancel was about."""
        return (
            self.data["task_id"] if "task_id" in self.data else self.data.get("reply", {}).get("provider_task_id", "")
        )


def recorded(kind: str) -> list[Recorded]:
    """Every file of that kind, in one order everywhere."""
    found: list[Recorded] = []
    for path in sorted((FOLDER / kind).glob("*/*.json")):
        data: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        found.append(Recorded(chosen(SPECS[path.parent.name], data.get("settings", {})), path.stem, data))
    return found


def chosen(spec: ProviderSpec, values: Mapping[str, str]) -> ProviderSpec:
    """The provider as an operator set it, by environment variable."""
    settings = {setting.variable: setting for setting in spec.settings}
    for variable, value in values.items():
        spec = settings[variable].apply(spec, value)
    return spec


def request_of(data: Mapping[str, Any]) -> VideoRequest:
    """A normalised request from JSON."""
    given = {
        name: tuple(cast("list[str]", value)) if isinstance(value, list) else value for name, value in data.items()
    }
    return VideoRequest(**cast("dict[str, Any]", given))


def reply_of(data: Mapping[str, Any]) -> ProviderReply:
    """An expected reply from JSON; what it leaves out is None."""
    refused = data.get("refused")
    given: dict[str, Any] = {**data, "refused": Refusal(**refused) if refused else None}
    return ProviderReply(**given)


def model_of(spec: ProviderSpec, name: str | None) -> ModelSpec:
    model = spec.model_for(name)
    assert model is not None
    return model
