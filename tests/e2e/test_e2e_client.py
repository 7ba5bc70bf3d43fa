"""The SDK's own client over stdio: what an ordinary host sees, in both protocol eras."""

import base64
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import BlobResourceContents
from raw_host import process_environment
from real_provider import KEYS, SMALL, Provider

from rig import Era, facts_of, links_of, text_of

pytestmark = pytest.mark.e2e

VERSIONS: Mapping[Era, str] = {"auto": "2026-07-28", "legacy": "2025-11-25"}
TOOLS = {"create_video", "get_task", "cancel_task", "estimate_cost", "list_tasks"}


@asynccontextmanager
async def client_of(environment: Mapping[str, str], era: Era = "auto") -> AsyncGenerator[Client]:
    """A client of a server process of its own."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "seedance_mcp"], env=process_environment(environment)
    )
    async with Client(server, mode=era) as client:
        yield client


@pytest.mark.parametrize("era", VERSIONS)
async def test_a_host_gets_videos_with_progress_and_another_process_sees_them_too(
    provider: Provider, environment: dict[str, str], era: Era
) -> None:
    """Issue: a real client over stdio, in both eras, through both wire formats; a second process on the same folder."""
    async with client_of(environment, era) as client, client_of(environment, era) as second:
        assert client.protocol_version == VERSIONS[era]
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        async with anyio.create_task_group() as group:
            for name in KEYS:
                group.start_soon(_makes_a_video, client, name)
            await provider.has_creates(2)
            await _sees_the_same(client, second)
    assert sorted(create.provider for create in provider.creates) == ["kinovi", "seedance2_ink"]


async def _sees_the_same(client: Client, second: Client) -> None:
    listed = facts_of(await second.call_tool("list_tasks", {}))["tasks"]
    one, other = (task["task_id"] for task in listed)
    waited = facts_of(await second.call_tool("get_task", {"task_id": one, "wait_seconds": 25}))
    await second.call_tool("list_tasks", {"task_ids": [other], "wait_seconds": 25})
    assert {task["status"] for task in listed} <= {"queued", "running"}
    assert waited["status"] == "succeeded"
    assert waited == facts_of(await client.call_tool("get_task", {"task_id": one}))


async def _makes_a_video(client: Client, name: str) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert total == 100
        assert message is not None
        assert len(message) <= 200
        heard.append(progress)

    wish = {**SMALL, "provider": name, "wait_seconds": 25}
    result = await client.call_tool("create_video", wish, progress_callback=hear)
    task, text = facts_of(result), text_of(result)
    video, (link, provider_link) = task["video"], links_of(result)
    assert heard == sorted(set(heard))
    assert heard[-1] == 100
    assert (task["status"], task["provider"]) == ("succeeded", name)
    for fact in (task["task_id"], "ready", video["file"], video["url"], f"{task['cost']['credits']:g} credits"):
        assert fact in text
    assert (str(link.uri), str(provider_link.uri)) == (video["uri"], video["url"])
    saved = Path(video["file"]).read_bytes()
    assert (link.mime_type, link.size) == ("video/mp4", len(saved))
    read = await client.read_resource(str(link.uri))
    assert _bytes_of(read.contents[0]) == saved


def _bytes_of(contents: object) -> bytes:
    assert isinstance(contents, BlobResourceContents)
    assert contents.mime_type == "video/mp4"
    return base64.b64decode(contents.blob)
