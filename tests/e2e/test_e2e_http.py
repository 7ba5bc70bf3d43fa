"""The same program over streamable HTTP, in both protocol eras."""

import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
import uvicorn
from mcp import Client
from real_provider import SMALL, Provider

from rig import Era, facts_of
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings

pytestmark = pytest.mark.e2e

ERAS: tuple[Era, ...] = ("auto", "legacy")


class _Server(uvicorn.Server):
    """Leaves the test's signals alone."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncGenerator[str]:
    """A program's streamable HTTP application on a free port."""
    program = Program(load_settings(environment))
    config = uvicorn.Config(
        program.mcp.streamable_http_app(),
        log_config=None,
        log_level="warning",
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    async with anyio.create_task_group() as group:
        group.start_soon(partial(server.serve, sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True


async def test_clients_of_both_eras_get_videos_with_progress(environment: dict[str, str], provider: Provider) -> None:
    """Ours: nothing in the server knows which transport it is served on."""
    async with serving(environment) as url:
        async with anyio.create_task_group() as group:
            for era in ERAS:
                group.start_soon(_makes_a_video, url, era)
        async with Client(url) as client:
            listed = facts_of(await client.call_tool("list_tasks", {}))["tasks"]
    assert [task["status"] for task in listed] == ["succeeded", "succeeded"]
    assert len(provider.creates) == 2


async def _makes_a_video(url: str, era: Era) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert (total, bool(message)) == (100, True)
        heard.append(progress)

    wish = {**SMALL, "idempotency_key": era, "wait_seconds": 25}
    async with Client(url, mode=era) as client:
        task = facts_of(await client.call_tool("create_video", wish, progress_callback=hear))
    async with Client(url, mode=era) as client:
        again = facts_of(await client.call_tool("get_task", {"task_id": task["task_id"]}))
    assert task["status"] == "succeeded"
    assert Path(task["video"]["file"]).stat().st_size == task["video"]["bytes"]
    assert again == task
    assert heard == sorted(set(heard))
    assert heard[-1] == 100


async def test_a_client_that_disconnects_while_it_waits_cancels_no_task(
    environment: dict[str, str], provider: Provider
) -> None:
    """mcp.md §3: a dropped connection cancels the call; DESIGN §3: it never cancels the paid task."""
    async with serving(environment) as url:
        for era in ERAS:
            await _starts_and_disconnects(url, era, provider)
        async with Client(url) as client:
            listed = facts_of(await client.call_tool("list_tasks", {}))["tasks"]
            wish = {"task_ids": [task["task_id"] for task in listed], "wait_seconds": 20}
            ended = facts_of(await client.call_tool("list_tasks", wish))["tasks"]
    assert all(task["status"] in {"queued", "running"} for task in listed)
    assert [task["status"] for task in ended] == ["succeeded", "succeeded"]
    assert len(provider.creates) == 2


async def _starts_and_disconnects(url: str, era: Era, provider: Provider) -> None:
    expected = len(provider.creates) + 1
    async with anyio.create_task_group() as group:

        async def go_away(progress: float, total: float | None, message: str | None) -> None:
            assert (progress, total, bool(message)) == (0, 100, True)
            await provider.has_creates(expected)
            group.cancel_scope.cancel()

        wish = {**SMALL, "idempotency_key": era, "wait_seconds": 25}
        async with Client(url, mode=era) as client:
            await client.call_tool("create_video", wish, progress_callback=go_away)
