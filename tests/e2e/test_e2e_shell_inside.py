"""`seedance-mcp create` inside the test's own process: every outcome and its exit code."""

import io
import os
import re
import signal
import sys
from collections.abc import Mapping
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
def test_a_signal_ends_the_waiting_in_order_and_names_the_task(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: 128 + n, as any other command; `follow` is how the video is had."""

    async def interrupt(_lines: PlainLines, _progress: float, _total: float | None, _message: str | None) -> None:
        await provider.has_creates(1)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(PlainLines, "show", interrupt)
    assert main(KINOVI) == 128 + signal.SIGTERM
    out, err = capsys.readouterr()
    (row,) = rows(tmp_path)
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"Interrupted. Video {row['task_id']} goes on; seedance-mcp follow {row['task_id']} waits")
    assert len(provider.accepted) == 1


@pytest.mark.usefixtures("command")
def test_an_interrupt_before_the_order_has_an_id_names_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], provider: Provider
) -> None:
    """Ours: on Windows Ctrl-C is an exception; nothing is known then, and nothing is made up."""

    def interrupted(_display: LiveBar | PlainLines) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PlainLines, "__enter__", interrupted)
    assert main(KINOVI) == 130
    assert capsys.readouterr().err == (
        "Interrupted. If a video was ordered already, it goes on: seedance-mcp follow finds and saves it.\n"
    )
    assert provider.creates == []


@pytest.mark.usefixtures("command")
def test_an_output_folder_that_cannot_be_written_is_found_before_anything_is_ordered(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: a paid video needs a place; also where only a folder above it is in the way."""
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone" / "drive")
    for folder in (tmp_path / "file", tmp_path / "file" / "videos", tmp_path / "nowhere"):
        monkeypatch.setenv("SEEDANCE_OUTPUT_DIR", str(folder))
        assert main(KINOVI) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith(f"The output folder {folder} cannot be written (")
        assert err.endswith("Correct it or set SEEDANCE_OUTPUT_DIR. Nothing was sent.\n")
    assert provider.simulator.requests == []


@pytest.mark.usefixtures("command")
def test_trying_the_output_folder_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: a request that is refused makes no folder."""
    monkeypatch.setenv("SEEDANCE_OUTPUT_DIR", str(tmp_path / "out" / "videos"))
    assert main([*KINOVI, "--duration", "99"]) == 2
    assert "duration=99 was asked" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


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


@pytest.mark.parametrize(
    ("provider", "more", "said"),
    [
        (
            "kinovi",
            {"SEEDANCE_CONFIRM_ABOVE_USD": "0.10"},
            "above $0.10 your word is needed first. To go ahead, run this again with --max-cost-usd=0.4. Nothing",
        ),
        (
            "seedance2_ink",
            {"SEEDANCE_DAILY_BUDGET_USD": "5"},
            "Decide what it may cost, then run this again with --max-cost-usd. Nothing was sent.",
        ),
    ],
)
async def test_a_spending_limit_is_said_to_the_person_and_not_about_them(
    rig: Rig, capsys: pytest.CaptureFixture[str], provider: str, more: dict[str, str], said: str
) -> None:
    """Ours: "ask the user" is for an assistant; who reads this is the user, and types commands."""
    assert await _made(rig, more, provider=provider) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "user" not in err
    assert "create_video" not in err
    assert rig.creates == []


async def test_what_a_key_stands_for_is_said_in_commands(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours: no tool is named that the person cannot call."""
    assert await _made(rig, idempotency_key="k") == 0
    (task_id,) = re.findall(r"Video (vt_\w+)", capsys.readouterr().err)
    assert await _made(rig, idempotency_key="k", prompt="a cat") == 2
    err = capsys.readouterr().err
    assert f"--idempotency-key='k' was used before with other arguments, for task {task_id}." in err
    assert f"Use a new key for another video, or seedance-mcp follow {task_id}." in err


async def test_a_video_that_is_made_but_not_saved_yet_is_left_to_follow(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    """DESIGN §2: `succeeded` with a note; the command is over, so that nothing tries again by itself here."""
    rig.break_next(on="download", kind="status", status=503)
    assert await _made(rig) == 1
    out, err = capsys.readouterr()
    (task_id,) = re.findall(r"Video (vt_\w+)", err)
    assert out == ""
    assert err.endswith(f"seedance-mcp follow {task_id} goes on trying to save it.\n")


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


async def _made(rig: Rig, environment: Mapping[str, str] | None = None, **wish: str) -> int:
    return await make_video(rig.program(**environment or {}), {**SMALL, "provider": "kinovi", **wish}, PlainLines())
