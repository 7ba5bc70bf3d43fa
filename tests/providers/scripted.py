"""A `ProviderClient` whose provider answers what a test says."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
from pydantic import SecretStr

from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.http import Transport
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.spec import ConfiguredProvider, ProviderReply, ProviderSpec

KEY = "sk-live-0123456789-never-shown"
BASE_URL = "https://api.example.com/gate"
CORGI = VideoRequest(prompt="a corgi")

Answer = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def talking_to(
    spec: ProviderSpec, transport: Transport | None = None, *, base_url: str = BASE_URL, key: str | None = KEY
) -> AsyncGenerator[ProviderClient]:
    """A client that has five seconds for everything."""
    provider = ConfiguredProvider(spec=spec, base_url=base_url, key=SecretStr(key) if key else None)
    client = ProviderClient(provider, transport)
    try:
        with anyio.fail_after(5):
            yield client
    finally:
        await client.aclose()


def answering(
    status: int = 200, body: Any = None, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
) -> httpx.MockTransport:
    """The same answer to every request: JSON, or bytes."""

    def answer(_: httpx.Request) -> httpx.Response:
        if content is not None:
            return httpx.Response(status, content=content, headers=headers)
        return httpx.Response(status, json=body, headers=headers)

    return httpx.MockTransport(answer)


def failing(error: Exception) -> httpx.MockTransport:
    """No answer, but this failure of the connection."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    return httpx.MockTransport(fail)


async def create(client: ProviderClient, request: VideoRequest = CORGI) -> ProviderReply:
    """Asks for a video with the provider's first model."""
    return await client.create(request, client.spec.models[0])
