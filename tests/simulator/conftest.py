from collections.abc import AsyncGenerator

import httpx
import pytest
from simulator_client import Clock, serving

from seedance_mcp.simulator.app import Simulator


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
async def strict() -> AsyncGenerator[httpx.AsyncClient]:
    """One simulator for all the tests that only look at a single answer."""
    async with serving(Simulator(clock=Clock())) as client:
        yield client
