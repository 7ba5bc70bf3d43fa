"""What every story needs."""

import pytest

from seedance_mcp.simulator.render import render
from seedance_mcp.simulator.scene import Scene


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real MP4: every provider makes the same one."""
    path = tmp_path_factory.mktemp("video") / "small.mp4"
    render(Scene(width=64, height=48, seconds=1, audio=False, look=1), path)
    return path.read_bytes()
