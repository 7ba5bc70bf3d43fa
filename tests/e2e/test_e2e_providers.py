"""Every provider over a real socket, through a real MCP client: made, failed, cancelled, and what was sent."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from rig import Heard, body_of, facts_of, text_of
from seedance_mcp.providers import PROVIDERS
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.serving import serve

pytestmark = pytest.mark.e2e
IDS = [spec.id for spec in PROVIDERS]
CAN_CANCEL = [spec.id for spec in PROVIDERS if spec.cancel]
FRAME = "https://example.com/start.png"
WISH: dict[str, Any] = {
    "prompt": "a corgi",
    "first_frame": FRAME,
    "duration": 5,
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "wait_seconds": 25,
}
BODIES: dict[str, dict[str, Any]] = {
    "seedance2_ink": {
        "model": "seedance-2.0",
        "prompt": "a corgi",
        "mediaUrls": [FRAME],
        "aspectRatio": "16:9",
        "duration": 5,
        "resolution": "480p",
    },
    "kinovi": {
        "model": "seedance-20",
        "inputs": {
            "outputResolution": "480p",
            "urls": [FRAME],
            "mode": "keyframe",
            "prompt": "a corgi",
            "duration": "5",
            "aspectRatio": "16:9",
        },
    },
    "aihubmax": {
        "model": "seedance-2.0-image-to-video",
        "prompt": "a corgi",
        "image_url": FRAME,
        "resolution": "480p",
        "aspect_ratio": "16:9",
        "duration": 5,
    },
    "oxen": {
        "model": "bytedance-seedance-2-0-image-to-video",
        "prompt": "a corgi",
        "input_image": FRAME,
        "resolution": "480p",
        "duration": 5,
        "aspect_ratio": "16:9",
    },
    "uniall": {
        "model": "seedance2.0-480p",
        "prompt": "a corgi",
        "duration": 5,
        "aspect_ratio": "16:9",
        "image": FRAME,
    },
}


@dataclass
class Place:
    """A provider's simulator on a real port, and a client of a server that uses it."""

    simulator: Simulator
    client: Client

    def creates(self) -> list[Any]:
        return [one for one in self.simulator.requests if one.does == "create"]


@asynccontextmanager
async def place(folder: Path, provider: str, rendered: Path, *, run_s: float = 0.5) -> AsyncGenerator[Place]:
    simulator = Simulator((provider,), run_s=run_s, cache_dir=rendered)
    ports: list[int] = []
    listens = anyio.Event()

    def started(port: int) -> None:
        ports.append(port)
        listens.set()

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: serve(simulator, started=started))
        with anyio.fail_after(10):
            await listens.wait()
        environment = {
            f"{provider.upper()}_API_KEY": "key",
            f"{provider.upper()}_BASE_URL": f"http://127.0.0.1:{ports[0]}",
            "SEEDANCE_DATA_DIR": str(folder / "data"),
            "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        }
        async with Client(Program(load_settings(environment)).mcp) as client:
            yield Place(simulator, client)
        group.cancel_scope.cancel()
    simulator.close()


@pytest.mark.parametrize("provider", IDS)
async def test_a_video_is_made_at_every_provider_with_the_body_of_its_documents(
    tmp_path: Path, rendered: Path, provider: str
) -> None:
    """Issue: create → progress → succeeded → file; bodies from the examples (002, 004) and field tables."""
    heard = Heard()
    with anyio.fail_after(40):
        async with place(tmp_path, provider, rendered) as there:
            result = await there.client.call_tool("create_video", WISH, progress_callback=heard)
            task = facts_of(result)
            assert task["status"] == "succeeded", text_of(result)
            assert (task["provider"], task["video"]["duration"]) == (provider, 5)
            assert anyio.Path(task["video"]["file"]).name.endswith(f"{task['task_id']}.mp4")
            assert task["video"]["url"] in text_of(result)
            (create,) = there.creates()
    assert body_of(create) == BODIES[provider]
    assert heard.numbers == sorted(set(heard.numbers))
    assert heard.numbers[-1] == 100
    assert task["task_id"] in heard.messages[0]


@pytest.mark.parametrize("provider", IDS)
async def test_a_failed_task_ends_with_the_providers_own_reason(tmp_path: Path, rendered: Path, provider: str) -> None:
    """Issue: create → failed → reason."""
    with anyio.fail_after(40):
        async with place(tmp_path, provider, rendered) as there:
            there.simulator.faults.add(Fault(on="create", kind="task_fails", message="the prompt was not liked"))
            task = facts_of(await there.client.call_tool("create_video", WISH))
            creates = len(there.creates())
    assert (task["status"], task["error"]["kind"], creates) == ("failed", "generation_failed", 1)
    assert "the prompt was not liked" in task["error"]["message"]


@pytest.mark.parametrize("provider", IDS)
async def test_a_running_video_is_cancelled_where_the_provider_can_and_goes_on_where_not(
    tmp_path: Path, rendered: Path, provider: str
) -> None:
    """Issue: (where possible) cancel; DESIGN §3: says where it cannot and whether it still costs."""
    with anyio.fail_after(40):
        async with place(tmp_path, provider, rendered, run_s=600) as there:
            task = facts_of(await there.client.call_tool("create_video", {**WISH, "wait_seconds": 1}))
            told = facts_of(await there.client.call_tool("cancel_task", {"task_id": task["task_id"]}))
    if provider in CAN_CANCEL:
        assert (told["outcome"], told["status"]) == ("cancelled", "cancelled")
    else:
        assert (told["outcome"], told["still_costs"]) == ("not_supported", "yes")
        assert told["status"] in {"queued", "running"}


async def test_a_completed_task_without_its_result_is_still_running(tmp_path: Path, rendered: Path) -> None:
    """DESIGN §5: 000 may say `completed` some seconds before `results` is filled."""
    with anyio.fail_after(40):
        async with place(tmp_path, "aihubmax", rendered) as there:
            there.simulator.faults.add(Fault(on="create", kind="late_result", seconds=3.0))
            task = facts_of(await there.client.call_tool("create_video", {**WISH, "wait_seconds": 3}))
            assert task["status"] == "running"
            assert "file" not in task.get("video", {})
            done = facts_of(await there.client.call_tool("get_task", {"task_id": task["task_id"], "wait_seconds": 20}))
    assert done["status"] == "succeeded"
