from collections.abc import AsyncGenerator, Generator

import anyio.abc
import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from simulator_client import Clock, client_of

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.serving import serve


@pytest.fixture(scope="session")
def _port() -> Generator[int]:
    """One simulator on a thread of its own: starting one for each test would take longer than the tests."""

    async def run(*, task_status: anyio.abc.TaskStatus[int]) -> None:
        await serve(Simulator(clock=Clock()), started=task_status.started)

    with start_blocking_portal() as portal:
        serving, port = portal.start_task(run)
        yield port
        serving.cancel()


@pytest.fixture
async def strict(_port: int) -> AsyncGenerator[httpx.AsyncClient]:
    """For the tests that only look at a single answer."""
    async with client_of(_port) as client:
        yield client
