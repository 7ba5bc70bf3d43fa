"""Every example runs as it stands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.e2e
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_example_makes_a_video_without_a_key(example: Path, tmp_path: Path) -> None:
    """Issue: one runnable file in examples/."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environment |= {"SEEDANCE_DATA_DIR": str(tmp_path / "data"), "SEEDANCE_OUTPUT_DIR": str(tmp_path / "videos")}
    done = subprocess.run(
        [sys.executable, str(example)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "is ready" in done.stdout
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 1
