"""A simulated provider on a real port of this process, for server processes to talk to."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from anyio.from_thread import start_blocking_portal

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.exchange import Received
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.serving import serve

RUN_S = 1.0
"""How long a video takes at the provider; the server looks again after two seconds."""
KEYS = {"seedance2_ink": "sk-ink-7f3a9c51d2", "kinovi": "sk-kinovi-b81e44c09a"}
SMALL = {"prompt": "a corgi", "duration": 4, "resolution": "480p", "provider": "kinovi"}
"""The cheapest video to render, the same everywhere: it is rendered once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Both real providers' wire formats at one URL."""

    simulator: Simulator
    url: str

    @property
    def creates(self) -> Sequence[Received]:
        """Every create that arrived."""
        return [one for one in self.simulator.requests if one.does == "create"]

    @property
    def accepted(self) -> Sequence[Received]:
        """Every create that made a task."""
        return [one for one in self.creates if one.accepted]

    def break_next(self, **fault: Any) -> None:
        """The next matching request goes wrong."""
        self.simulator.faults.add(Fault(**fault))

    async def has_creates(self, count: int) -> None:
        """Waits until this many creates arrived."""
        with anyio.fail_after(10):
            while len(self.creates) < count:  # noqa: ASYNC110  (another thread fills the list)
                await anyio.sleep(0.005)

    def environment(self, folder: Path) -> dict[str, str]:
        """The variables of a server that uses this provider and keeps everything in `folder`."""
        keys = {f"{name.upper()}_API_KEY": key for name, key in KEYS.items()}
        urls = {f"{name.upper()}_BASE_URL": self.url for name in KEYS}
        return keys | urls | folders(folder)


def folders(folder: Path) -> dict[str, str]:
    """The variables of a server without any key."""
    return {"SEEDANCE_DATA_DIR": str(folder / "data"), "SEEDANCE_OUTPUT_DIR": str(folder / "videos")}


@contextmanager
def provider_on_a_port(rendered: Path) -> Generator[Provider]:
    """Serves on a thread of its own, so that tests that block can use it too."""
    simulator = Simulator(tuple(KEYS), run_s=RUN_S, cache_dir=rendered)

    async def run(*, task_status: anyio.abc.TaskStatus[int]) -> None:
        await serve(simulator, started=task_status.started)

    with start_blocking_portal() as portal:
        serving, port = portal.start_task(run)
        try:
            yield Provider(simulator=simulator, url=f"http://127.0.0.1:{port}")
        finally:
            serving.cancel()
