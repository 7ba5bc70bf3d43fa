"""`seedance-mcp create` inside the test's own process: every outcome and its exit code."""

import io
import os
import signal
import sys
from pathlib import Path

import anyio
import pytest
from real_provider import Provider
from store_rows import rows

from rig import SMALL, Rig
from seedance_mcp import shell
from seedance_mcp.cli import main
from seedance_mcp.shell import LiveBar, PlainLines, make_video

pytestmark = pytest.mark.e2e

KINOVI = ("create", "a corgi", "--duration", "4", "--resolution", "480p", "--provider", "kinovi")


@pytest.mark.usefixtures("command")
def test_the_command_prints_the_path_alone_and_the_rest_on_stderr(
    provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue: stdout is the saved file's path alone, so that a script can use it."""
    assert main(KINOVI) == 0
    out, err = capsys.readouterr()
    (row,) = rows(tmp_path)
    assert out == f"{next((tmp_path / 'videos').iterdir())}\n"
    assert f"0 %  {row['task_id']}: queued at kinovi\n" in err
    assert f"100 %  {row['task_id']}: succeeded at kinovi\n" in err
    assert "is ready." in err
    assert "Charged: $0.30, 60 credits." in err
    assert len(provider.creates) == 1


@pytest.mark.usefixtures("command")
def test_the_options_are_those_of_the_tool(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours: derived from the configured providers' schema, so that the shell never offers anything else."""
    with pytest.raises(SystemExit) as left:
        main(["create", "--help"])
    out, err = capsys.readouterr()
    assert (left.value.code, err) == (0, "")
    for option in ("--first-frame", "--reference-images", "--no-generate-audio", "--max-cost-usd", "--idempotency-key"):
        assert option in out
    assert "One of: 480p, 720p, 1080p, 4k." in " ".join(out.split())
    assert "--wait-seconds" not in out


@pytest.mark.usefixtures("command")
def test_a_bad_request_says_all_that_is_wrong_and_sends_nothing(
    provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue: two problems at once, each with what to do; exit code 2."""
    wish = ["create", "a corgi", "--duration", "99", "--resolution", "480q", "--seed", "soon", "--provider", "kinovi"]
    assert main(wish) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for words in ("3 problems; nothing was sent", "duration=99 was asked", "resolution='480q'", '"soon" was given'):
        assert words in err
    assert provider.simulator.requests == []


@pytest.mark.usefixtures("command")
def test_an_option_that_does_not_exist_is_a_bad_request(provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours."""
    with pytest.raises(SystemExit) as left:
        main(["create", "a corgi", "--durration", "4"])
    assert left.value.code == 2
    assert "unrecognized arguments: --durration 4" in capsys.readouterr().err
    assert provider.simulator.requests == []


@pytest.mark.usefixtures("command")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to a process")
def test_a_signal_ends_the_waiting_in_order(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: 128 + n, as any other command."""

    async def interrupt(_lines: PlainLines, _progress: float, _total: float | None, _message: str | None) -> None:
        await provider.has_creates(1)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(PlainLines, "show", interrupt)
    assert main(KINOVI) == 128 + signal.SIGTERM
    out, err = capsys.readouterr()
    assert (out, err[:12]) == ("", "Interrupted.")
    assert len(provider.accepted) == 1


@pytest.mark.usefixtures("command")
def test_an_interrupt_before_anything_began_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: Ctrl-C while the program is loading shows no traceback."""

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(shell, "create", interrupted)
    assert main(KINOVI) == 130
    assert capsys.readouterr() == ("", "")


async def test_a_video_that_fails_at_the_provider_is_exit_code_1(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """Issue: a failed task."""
    rig.break_next(on="create", kind="task_fails", message="no good")
    assert await _made(rig) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no good" in err


async def test_a_video_that_may_have_been_ordered_is_exit_code_3(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """DESIGN §3: uncertain is no failure; a script must not simply try again."""
    rig.break_next(on="create", kind="drop_after")
    assert await _made(rig) == 3
    assert "Do not create it again" in capsys.readouterr().err
    assert len(rig.creates) == 1


async def test_a_key_that_is_refused_is_exit_code_2(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """Issue: a wrong key (401) is for the user to mend."""
    rig.break_next(on="create", kind="status", status=401)
    assert await _made(rig) == 2
    assert "KINOVI_API_KEY" in capsys.readouterr().err


async def test_a_refusal_of_another_kind_is_exit_code_1(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """Issue: 402."""
    rig.break_next(on="create", kind="status", status=402)
    assert await _made(rig) == 1
    assert "credits" in capsys.readouterr().err


async def test_a_video_that_waits_for_its_turn_is_waited_for(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """DESIGN §3 Choosing: a 429 leaves the task `waiting`, and get_task answers at once about such a task."""
    rig.break_next(on="create", kind="status", status=429, headers={"Retry-After": "600"})
    started = rig.clock.now()
    with anyio.fail_after(20):
        assert await _made(rig) == 0
    out, err = capsys.readouterr()
    assert out.endswith(".mp4\n")
    assert ": waiting at kinovi" in err
    assert rig.clock.now() - started > 600
    assert len(rig.creates) == 2


async def test_lines_come_every_ten_percent_and_whenever_something_is_new(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ours: a log file is no terminal, and must not fill up."""
    with PlainLines() as lines:
        for percent, message in ((0, "queued"), (3, "queued"), (4, "running"), (13, "running"), (14, "running")):
            await lines.show(percent, 100, message)
    assert capsys.readouterr().err == "  0 %  queued\n  4 %  running\n 14 %  running\n"


async def test_a_bar_follows_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue: a live bar, where there is a terminal to draw it on."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with LiveBar() as bar:
        await bar.show(40, 100, "vt_x: running at kinovi")
    drawn = terminal.getvalue()
    assert "vt_x: running at kinovi" in drawn
    assert "40%" in drawn


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def _made(rig: Rig) -> int:
    return await make_video(rig.program(), {**SMALL, "provider": "kinovi"}, PlainLines())
