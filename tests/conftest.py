"""The fixtures every test may use, and the options of the golden files."""

import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from fake_clock import FakeClock
from rig import Rig, environment
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.simulator.app import Simulator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="write what is now, instead of comparing with it")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the simulators of all tests keep their videos: each is rendered once."""
    return tmp_path_factory.mktemp("rendered")


@pytest.fixture
async def clock() -> AsyncGenerator[FakeClock]:
    async with FakeClock() as clock:
        yield clock


@pytest.fixture
def simulator(clock: FakeClock, rendered: Path) -> Simulator:
    formats = tuple(spec.id for spec in PROVIDERS)
    return Simulator(formats, run_s=60.0, clock=clock.now, sleep=clock.sleep, cache_dir=rendered)


@pytest.fixture
def rig(tmp_path: Path, clock: FakeClock, simulator: Simulator, rendered: Path) -> Rig:
    """Both providers are configured, and answered for by the simulator."""
    return Rig(
        folder=tmp_path,
        clock=clock,
        simulator=simulator,
        demo=Simulator((DEMO.id,), run_s=60.0, clock=clock.now, cache_dir=rendered),
        environment=environment(tmp_path, "seedance2_ink", "kinovi"),
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, object], None]:
    """Compares a value with a JSON file, or writes the file when asked to."""

    def compare(path: Path, value: object) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        if request.config.getoption("--rewrite-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(text), f"{path.name}: see `just golden`"

    return compare
