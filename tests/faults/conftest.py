"""The videos of the matrix are rendered before any fake clock starts: a render takes real time."""

from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from cells import ORDER

import seedance_mcp.engine  # noqa: F401  # pyright: ignore[reportUnusedImport]  (its imports take real time, too)
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.media.video_file import probe
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import ProviderReply, ProviderSpec
from seedance_mcp.simulator.app import Simulator


@pytest.fixture(scope="session", autouse=True)
def _videos(rendered: Path) -> None:
    for spec in (*PROVIDERS, DEMO):
        anyio.run(render, spec, rendered)
    for video in rendered.glob("*.mp4"):
        probe(video)


async def render(spec: ProviderSpec, rendered: Path) -> None:
    """Has the provider's simulator make the video that all cells order."""
    simulator = Simulator((spec.id,), run_s=0.0, cache_dir=rendered)
    order: dict[str, Any] = dict(ORDER)
    body = spec.build_body(VideoRequest(**order), spec.models[0], None)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=simulator.asgi),
        base_url="http://simulator",
        headers={"authorization": "Bearer key"},
    ) as client:
        made = read(spec, await client.post(spec.create.path, json=body))
        path = spec.fetch.path.replace("{task_id}", made.provider_task_id or "")
        url = None
        while url is None:
            # The demo renders meanwhile; the others are done at once.
            url = read(spec, await client.get(path)).video_url
        await client.get(url)


def read(spec: ProviderSpec, answer: httpx.Response) -> ProviderReply:
    view = JsonView.parse(answer.content)
    assert view is not None
    return spec.parse_reply(view)
