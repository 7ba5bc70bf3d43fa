"""A whole server on a fake clock, with the simulator where the network would be."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from mcp import Client
from mcp_types import CallToolResult, ResourceLink, TextContent

from fake_clock import FakeClock
from seedance_mcp.http import Transport, asgi_transport
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.exchange import Received
from seedance_mcp.simulator.faults import Fault

Era = Literal["auto", "legacy"]
ADDRESS = "http://127.0.0.1:9"
"""Where the simulator seems to be; nothing listens there."""
KEYS = {f"{spec.id.upper()}_API_KEY": f"sk-{spec.id}-secret" for spec in PROVIDERS}
ADDRESSES = {f"{spec.id.upper()}_BASE_URL": ADDRESS for spec in PROVIDERS}
SMALL = {"prompt": "a corgi", "duration": 4, "resolution": "480p"}
"""The cheapest video to render."""


@dataclass
class Heard:
    """A client's progress callback that remembers."""

    numbers: list[float] = field(default_factory=list[float])
    messages: list[str] = field(default_factory=list[str])

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        assert total == 100
        self.numbers.append(progress)
        self.messages.append(message or "")


@dataclass(kw_only=True)
class Rig:
    """One data folder, one simulator, and as many servers on them as a test starts."""

    folder: Path
    clock: FakeClock
    simulator: Simulator
    demo: Simulator
    environment: dict[str, str] = field(default_factory=dict[str, str])
    transports: dict[str, Transport] = field(default_factory=dict[str, Transport])

    def program(self, **more: str) -> Program:
        """A server process on this data folder, with these environment variables on top."""
        settings = load_settings(self.environment | more)
        simulated = {spec.id: asgi_transport(self.simulator.asgi) for spec in settings.catalogue.specs}
        # Its paths are those of another provider as well.
        simulated[DEMO.id] = asgi_transport(self.demo.asgi)
        return Program(settings, clock=self.clock, transports=simulated | self.transports)

    @asynccontextmanager
    async def client(self, era: Era = "auto", **more: str) -> AsyncGenerator[Client]:
        """An MCP client of a server of its own, over memory."""
        async with Client(self.program(**more).mcp, mode=era) as client:
            yield client

    def break_next(self, **fault: Any) -> None:
        """The next matching request goes wrong."""
        self.simulator.faults.add(Fault(**fault))

    def requests(self, does: str) -> Sequence[Received]:
        return [one for one in self.simulator.requests if one.does == does]

    @property
    def creates(self) -> Sequence[Received]:
        """Every create that reached a provider."""
        return self.requests("create")


def environment(folder: Path, *providers: str) -> dict[str, str]:
    """The variables of a server whose named providers are configured."""
    names = [f"{provider.upper()}_API_KEY" for provider in providers]
    return (
        {name: KEYS[name] for name in names}
        | ADDRESSES
        | {"SEEDANCE_DATA_DIR": str(folder / "data"), "SEEDANCE_OUTPUT_DIR": str(folder / "videos")}
    )


def body_of(request: Received) -> Mapping[str, Any]:
    """The JSON body of a request that reached a provider."""
    return cast("Mapping[str, Any]", request.body)


def text_of(result: CallToolResult) -> str:
    """What a host that shows only text gives its model."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def links_of(result: CallToolResult) -> list[ResourceLink]:
    return [block for block in result.content if isinstance(block, ResourceLink)]


def facts_of(result: CallToolResult) -> Mapping[str, Any]:
    """What a host that shows only structured content gives its model."""
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content


def error_of(result: CallToolResult) -> Mapping[str, Any]:
    """The facts of an error, for programs."""
    assert result.is_error, text_of(result)
    assert result.structured_content is None
    return (result.meta or {})["seedance-mcp/error"]
