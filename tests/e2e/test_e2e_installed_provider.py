"""A provider that is not in this package, used like any other by a real server process."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from raw_host import ANSWER_S, COMMAND, process_environment
from real_provider import folders

from rig import body_of, error_of, facts_of
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.serving import serve

PLUGIN = Path(__file__).parent.parent / "plugin_package"
KEY = "sk-example-5d1f0c"
WISH = {"prompt": "a corgi", "duration": 5, "resolution": "480p", "aspect_ratio": "16:9", "wait_seconds": 25}
pytestmark = pytest.mark.e2e


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The variables of a server beside which the example is installed, and a package that cannot be loaded."""
    broken = tmp_path / "site" / "broken-1.0.dist-info"
    broken.mkdir(parents=True)
    (broken / "entry_points.txt").write_text("[seedance_mcp.providers]\nbroken = no_such_module:SPEC\n")
    path = os.pathsep.join(map(str, (PLUGIN, broken.parent)))
    return folders(tmp_path) | {"PYTHONPATH": path, "EXAMPLE_API_KEY": KEY}


@asynccontextmanager
async def simulator_at(rendered: Path) -> AsyncGenerator[tuple[Simulator, str]]:
    """Another provider's wire format, which the example shares."""
    simulator = Simulator(("uniall",), run_s=0.3, cache_dir=rendered)

    async def run(*, task_status: anyio.abc.TaskStatus[int]) -> None:
        await serve(simulator, started=task_status.started)

    async with anyio.create_task_group() as tasks:
        port: int = await tasks.start(run)
        yield simulator, f"http://127.0.0.1:{port}"
        tasks.cancel_scope.cancel()


def client_of(environment: Mapping[str, str]) -> Client:
    env = process_environment(environment)
    return Client(StdioServerParameters(command=sys.executable, args=["-m", "seedance_mcp"], env=env))


async def test_an_installed_provider_makes_a_video(installed: dict[str, str], rendered: Path) -> None:
    """Issue: an out-of-tree provider works without touching the package; a broken one beside it changes nothing."""
    with anyio.fail_after(30):
        async with simulator_at(rendered) as (simulator, url):
            async with client_of({**installed, "EXAMPLE_BASE_URL": url}) as client:
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                estimate = facts_of(await client.call_tool("estimate_cost", {"duration": 5}))["estimates"]
                task = facts_of(await client.call_tool("create_video", WISH))
                refused = await client.call_tool("create_video", {**WISH, "duration": 12})
            (create,) = (one for one in simulator.requests if one.does == "create")
    properties = tools["create_video"].input_schema["properties"]
    assert properties["resolution"]["enum"] == ["480p", "720p"]
    assert "watermark" not in properties
    assert [(one["provider"], one["usd"], one["basis"]) for one in estimate] == [("example", 0.35, "published")]
    assert (task["status"], task["provider"], task["provider_task_id"]) == ("succeeded", "example", create.task_id)
    assert Path(task["video"]["file"]).stat().st_size == task["video"]["bytes"]
    assert body_of(create)["model"] == "seedance2.0-480p"
    (problem,) = error_of(refused)["problems"]
    assert "example makes 5 to 10 s" in problem


def test_the_table_shows_an_installed_provider_and_a_broken_one_is_one_log_line(installed: dict[str, str]) -> None:
    """Issue: `seedance-mcp providers` in the shell; Ours: no stack traces."""
    done = subprocess.run(
        (*COMMAND, "providers"),
        env=process_environment(installed),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
        check=False,
    )
    assert done.returncode == 0
    (row,) = (line for line in done.stdout.splitlines() if "example" in line)
    assert "example *" in row
    assert "480p $0.07, 720p $0.07" in row
    (line,) = done.stderr.splitlines()
    assert "provider no_such_module:SPEC cannot be loaded: ModuleNotFoundError" in line
