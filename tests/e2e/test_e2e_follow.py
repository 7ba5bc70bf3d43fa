"""`seedance-mcp follow` as a real command."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from subprocess import PIPE

import anyio
import pytest
from raw_host import ANSWER_S, COMMAND, process_environment, running_host
from real_provider import SMALL, Provider
from store_rows import accepted, let_leases_run_out, rows

pytestmark = pytest.mark.e2e

FOLLOW = (*COMMAND, "follow")
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and pseudo-terminals")


async def test_what_a_killed_server_left_is_finished_and_saved(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Issue: `follow` finishes tasks and downloads after the desktop app is closed; nothing is paid for again."""
    provider.break_next(on="create", kind="late_result", seconds=3)
    async with running_host(environment) as host:
        task_id = (await host.task("create_video", {**SMALL, "label": "shot 1", "wait_seconds": 0}))["task_id"]
        await accepted(tmp_path)
        host.process.kill()
        await host.ended()
    let_leases_run_out(tmp_path)
    done = await anyio.run_process(FOLLOW, env=process_environment(environment), check=False)
    (row,) = rows(tmp_path)
    (file,) = (tmp_path / "videos").iterdir()
    assert (done.returncode, done.stdout.decode()) == (0, f"{task_id}\t{file}\n")
    assert f"{task_id}: running at kinovi" in done.stderr.decode()
    assert f"Video {task_id} (shot 1) is ready." in done.stderr.decode()
    assert (row["status"], row["next_step_at"]) == ("succeeded", None)
    assert len(provider.creates) == 1
    assert [one for one in rows(tmp_path, table="workers") if one["alive_until"]] == []


async def test_a_task_that_a_living_server_follows_is_watched_and_not_taken_from_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """DESIGN §6: following is leased; the command hears of the end from the rows."""
    async with running_host(environment) as host:
        task_id = (await host.task("create_video", {**SMALL, "wait_seconds": 0}))["task_id"]
        done = await anyio.run_process((*FOLLOW, task_id), env=process_environment(environment), check=False)
        assert host.process.returncode is None
    (row,) = rows(tmp_path)
    assert (done.returncode, done.stdout.decode().partition("\t")[0]) == (0, task_id)
    assert row["follower"].startswith(f"{host.process.pid}-")


@UNIX
async def test_an_interrupted_follow_says_that_the_tasks_go_on(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Issue: Ctrl-C is 130, with what to do; the lease is given back, so that the next server goes on at once."""
    provider.break_next(on="create", kind="late_result", seconds=60)
    await _left_by_a_server(environment, tmp_path)
    async with await anyio.open_process(FOLLOW, env=process_environment(environment)) as process:
        assert process.stderr is not None
        drawn = await process.stderr.receive()
        process.send_signal(signal.SIGINT)
        with anyio.fail_after(ANSWER_S):
            async for part in process.stderr:
                drawn += part
            code = await process.wait()
    assert code == 130
    assert drawn.endswith(
        b"Interrupted. The tasks go on when a server runs; run seedance-mcp follow again to wait for them here.\n"
    )
    assert rows(tmp_path)[0]["next_step_at"] is not None
    assert rows(tmp_path, table="workers") == []


@UNIX
@pytest.mark.parametrize("width", [80, 140])
def test_a_terminal_shows_a_table_that_makes_way_for_the_results(
    environment: dict[str, str], provider: Provider, tmp_path: Path, width: int
) -> None:
    """Issue: a live table, one line for each task; stdout and stderr are the same terminal here."""
    import pty

    provider.break_next(on="create", kind="late_result", seconds=3)
    task_id = anyio.run(partial(_left_by_a_server, environment, tmp_path, label="the wind takes her hat"))
    seen, shown = pty.openpty()
    terminal = process_environment(environment) | {"TERM": "xterm-256color", "COLUMNS": str(width)}
    with subprocess.Popen(FOLLOW, env=terminal, stdout=shown, stderr=shown) as process:
        os.close(shown)
        drawn = _read(seen)
    (file,) = (tmp_path / "videos").iterdir()
    table, _, rest = drawn.rpartition("\x1b[?25h")
    assert process.returncode == 0
    assert f"{task_id}  the wind takes her hat  kinovi" in table
    assert "usually left" in table
    # Notes have a column of their own where there is room, else a line of their own.
    assert (f"\n{task_id}: " in table) == (width == 80)
    assert "that fits." in table or "was estimated" in table
    assert rest.endswith(f"{task_id}\t{file}\r\n")
    assert "is ready." not in drawn


def test_a_reader_that_goes_away_does_not_stop_the_saving(environment: dict[str, str], tmp_path: Path) -> None:
    """Ours: as with `follow | head`: what was paid for is fetched, and no stack trace is shown."""
    task_id = anyio.run(_left_by_a_server, environment, tmp_path)
    read, write = os.pipe()
    with subprocess.Popen(FOLLOW, env=process_environment(environment), stdout=write, stderr=PIPE) as process:
        os.close(read)
        os.close(write)
        _, err = process.communicate(timeout=ANSWER_S)
    assert (process.returncode, rows(tmp_path)[0]["status"]) == (0, "succeeded")
    assert f"Video {task_id} is ready." in err.decode()
    assert "BrokenPipe" not in err.decode()


async def _left_by_a_server(environment: dict[str, str], folder: Path, **more: str) -> str:
    """A task that was accepted at the provider, and whose server has been closed."""
    async with running_host(environment) as host:
        task = await host.task("create_video", {**SMALL, "wait_seconds": 0, **more})
        await accepted(folder)
    return str(task["task_id"])


def _read(terminal: int) -> str:
    """What is written to a pseudo-terminal until its other side is closed."""
    seen = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so instead of giving an empty answer.
            break
        if not part:
            break
        seen += part
    os.close(terminal)
    return seen.decode(errors="replace")
