"""`seedance-mcp create` as a real command."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import av
import pytest
from raw_host import ANSWER_S, COMMAND, process_environment
from real_provider import Provider, folders
from store_rows import rows

pytestmark = pytest.mark.e2e

CREATE = (*COMMAND, "create", "a corgi", "--duration", "4", "--resolution", "480p")
KINOVI = (*CREATE, "--provider", "kinovi")


def test_a_newcomer_without_any_key_gets_a_playable_video(tmp_path: Path) -> None:
    """Issue: a fresh machine and no key: h264 of the asked size and duration, the path alone on stdout."""
    done = subprocess.run(
        (*CREATE, "--aspect-ratio", "9:16", "--label", "first try"),
        env=process_environment(folders(tmp_path)),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = done.stdout.splitlines()
    assert Path(path).parent == tmp_path / "videos"
    assert "first try" in Path(path).name
    assert "Demo output" in done.stderr
    assert "0 %" in done.stderr
    with av.open(path) as container:
        video, (audio,) = container.streams.video[0], container.streams.audio
        assert (video.codec_context.name, video.width, video.height) == ("h264", 496, 864)
        assert float(video.frames / (video.average_rate or 1)) == pytest.approx(4, abs=0.1)
        assert audio.codec_context.name == "aac"


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals and pseudo-terminals")
def test_a_terminal_shows_a_live_bar_until_it_is_interrupted_and_the_task_goes_on(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Issue: a live progress bar; Ctrl-C ends the waiting, not the video, and a create in flight is still awaited."""
    import pty

    provider.break_next(on="create", kind="slow", seconds=0.3)
    seen, shown = pty.openpty()
    terminal = process_environment(environment) | {"TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(KINOVI, env=terminal, stdout=PIPE, stderr=shown) as process:
        os.close(shown)
        drawn = _read(seen, until="queued at kinovi")
        process.send_signal(signal.SIGINT)
        drawn += _read(seen)
        out, _ = process.communicate(timeout=ANSWER_S)
    os.close(seen)
    (row,) = rows(tmp_path)
    assert (process.returncode, out) == (130, b"")
    assert "\x1b[" in drawn
    assert "━" in drawn
    assert "0%" in drawn
    follow = f"seedance-mcp follow {row['task_id']} waits for it and saves it."
    assert f"Interrupted. Video {row['task_id']} goes on; {follow}" in drawn
    assert (row["status"], row["provider_task_id"]) == ("queued", provider.creates[0].task_id)
    assert rows(tmp_path, table="workers") == []


def _read(terminal: int, until: str | None = None) -> str:
    """What is written to a pseudo-terminal, until these words come or its other side is closed."""
    seen = b""
    while until is None or until.encode() not in seen:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so instead of giving an empty answer.
            break
        if not part:
            break
        seen += part
    return seen.decode(errors="replace")
