"""The small video of these tests is rendered before any fake clock starts: a render takes real time."""

from pathlib import Path

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from calls import BOTH, RUN_S

import seedance_mcp.engine  # noqa: F401  # pyright: ignore[reportUnusedImport]  (its imports take real time, too)
from fake_clock import FakeClock
from rig import SMALL
from seedance_mcp.media.video_file import probe
from seedance_mcp.simulator.app import Simulator


@pytest.fixture
def simulator(clock: FakeClock, rendered: Path) -> Simulator:
    return Simulator((*BOTH, "demo"), run_s=RUN_S, clock=clock.now, cache_dir=rendered)


@pytest.fixture(scope="session", autouse=True)
def _small_video(rendered: Path) -> None:
    with start_blocking_portal() as portal:
        portal.call(render_small_video, rendered)


async def render_small_video(rendered: Path) -> None:
    simulator = Simulator(BOTH, run_s=0.0, cache_dir=rendered)
    path = "/api/open/v1/video/generations"
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=simulator.asgi),
        base_url="http://simulator",
        headers={"authorization": "Bearer key"},
    ) as client:
        created = await client.post(path, json={**SMALL, "model": "seedance-2.0"})
        task = await client.get(f"{path}/{created.json()['requestId']}")
        await client.get(task.json()["output"]["url"])
        inputs = {"prompt": SMALL["prompt"], "duration": str(SMALL["duration"]), "outputResolution": "480p"}
        created = await client.post("/api/v1/jobs/createTask", json={"model": "seedance-20", "inputs": inputs})
        task = await client.get(f"/api/v1/jobs/recordInfo?taskId={created.json()['taskId']}")
        await client.get(task.json()["output"][0]["url"])
    for video in rendered.glob("*.mp4"):
        probe(video)
