"""Limits hold whatever becomes of a price, and no price keeps anybody waiting or makes a paid task disappear."""

import math
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import pytest
from calls import create, get
from mcp import Client

from rig import SMALL, Rig, environment, error_of, facts_of
from seedance_mcp.http import asgi_transport
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault


class Hanging(httpx.AsyncBaseTransport):
    """The simulator, except that one path is answered late, or never."""

    def __init__(self, simulator: Simulator, path: str, *, seconds: float = math.inf) -> None:
        self._simulated = asgi_transport(simulator.asgi)
        self._path = path
        self._seconds = seconds
        self.hung = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith(self._path):
            self.hung += 1
            await anyio.sleep(self._seconds)
        return await self._simulated.handle_async_request(request)


@pytest.fixture
def simulator(rendered: Path) -> Simulator:
    """Real time: what is tested here is what does not wait."""
    return Simulator(("oxen", "kinovi"), run_s=0.2, cache_dir=rendered)


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, "oxen")


async def test_a_repeated_key_finds_its_task_although_the_price_is_no_longer_known(rig: Rig, tmp_path: Path) -> None:
    """DESIGN §3: the same `idempotency_key` returns the same task; a paid one must not be denied."""
    rig.simulator = Simulator(("oxen",), run_s=600, clock=rig.clock.now)
    rig.environment = environment(tmp_path, "oxen") | {"SEEDANCE_CONFIRM_ABOVE_USD": "50"}
    order = {"provider": "oxen", "idempotency_key": "shot-1", "wait_seconds": 0}
    async with rig.client() as client:
        first = facts_of(await create(client, **order))
    rig.break_next(on="other", kind="status", status=500, times=None)
    async with rig.client() as client:
        again = facts_of(await create(client, **order))
        other = error_of(await create(client, **order | {"idempotency_key": "shot-2"}))
    assert again["task_id"] == first["task_id"]
    assert other["kind"] == "spend_limit"


async def test_a_price_file_in_credits_keeps_the_published_rate_and_so_the_limit(rig: Rig, tmp_path: Path) -> None:
    """DESIGN §3: an unknown price never counts as zero, and a known one does not become unknown."""
    file = tmp_path / "prices.toml"
    file.write_text("[[kinovi.prices]]\ncredits_per_second = 40\n", "utf-8")
    async with rig.client(SEEDANCE_PRICES=str(file)) as client:
        refused = error_of(await create(client, provider="kinovi", max_cost_usd=0.01))
    assert refused["kind"] == "spend_limit"
    assert "$0.80" in refused["message"]
    assert rig.creates == []


async def test_a_provider_that_never_tells_its_price_is_waited_for_once(
    variables: dict[str, str], simulator: Simulator
) -> None:
    """Ours: hosts give up on a call after 5 s, so a silent price list must not cost every call its patience."""
    hanging = Hanging(simulator, "/api/ai/models")
    async with Client(Program(load_settings(variables), transports={"oxen": hanging}).mcp) as client:
        with anyio.fail_after(10):
            first = facts_of(await client.call_tool("estimate_cost", {**SMALL, "provider": "oxen"}))
            asked = hanging.hung
            second = facts_of(await client.call_tool("estimate_cost", {**SMALL, "provider": "oxen"}))
    assert asked > 0
    assert hanging.hung == asked
    assert {one["basis"] for one in (*first["estimates"], *second["estimates"])} == {"unknown"}


@pytest.mark.parametrize("seconds", [math.inf, 0.3], ids=["never", "while it ends"])
async def test_a_process_that_ends_while_an_event_stream_opens_leaves_nothing_uncertain(
    variables: dict[str, str], simulator: Simulator, seconds: float
) -> None:
    """DESIGN §3: `uncertain` is for a create that was sent; this one is sent by the next process, once."""
    simulator.faults.add(Fault(on="events", kind="status", status=404, times=None))
    hanging = Hanging(simulator, "/api/events", seconds=seconds)
    order = {**SMALL, "provider": "oxen", "wait_seconds": 0}
    with anyio.fail_after(40):
        async with Client(Program(load_settings(variables), transports={"oxen": hanging}).mcp) as client:
            task = facts_of(await client.call_tool("create_video", order))
            while not hanging.hung:
                await anyio.lowlevel.checkpoint()
        assert [one for one in simulator.requests if one.does == "create"] == []
        polling = variables | {"OXEN_REQUEST_MODE": "poll"}
        transports = {"oxen": asgi_transport(simulator.asgi)}
        async with Client(Program(load_settings(polling), transports=transports).mcp) as client:
            done = facts_of(await get(client, task["task_id"], wait_seconds=30))
    assert done["status"] == "succeeded"
    assert len([one for one in simulator.requests if one.does == "create"]) == 1
