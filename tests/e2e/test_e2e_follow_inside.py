"""`seedance-mcp follow` inside the test's own process: every outcome and its exit code, on a fake clock."""

import io
import json
import logging
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from rig import SMALL, Rig, facts_of
from seedance_mcp.cli import main
from seedance_mcp.follow_board import ChangeLines, LiveTable, Row
from seedance_mcp.following import follow_tasks
from seedance_mcp.http import asgi_transport
from seedance_mcp.settings import load_settings

pytestmark = pytest.mark.e2e

Capture = pytest.CaptureFixture[str]
ROW = Row(task_id="vt_x", video="shot 1", provider="kinovi", status="queued", percent=1, is_estimated=True, left="9 s")

MANY = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
    INSERT INTO copies SELECT copies.* FROM copies, n
"""


class Rows(ChangeLines):
    """Remembers every row that was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Row] = []

    def show(self, rows: Sequence[Row]) -> None:
        self.seen.extend(rows)
        super().show(rows)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def followed(
    rig: Rig,
    *task_ids: str,
    shown: Rows | None = None,
    as_json: bool = False,
    environment: Mapping[str, str] | None = None,
) -> int:
    """One run of the command on the rig's data folder, with these variables on top: its exit code."""
    settings = load_settings(rig.environment | dict(environment or {}))
    simulated = {spec.id: asgi_transport(rig.simulator.asgi) for spec in settings.catalogue.specs}
    shown = shown or Rows()
    with anyio.fail_after(30):
        return await follow_tasks(
            settings, task_ids, shown, as_json=as_json, clock=rig.clock, transports=simulated | rig.transports
        )


async def ordered(rig: Rig, **more: Any) -> str:
    """A task that a server which has gone since has sent: its id."""
    async with rig.client() as client:
        wish = {**SMALL, "provider": "kinovi", "wait_seconds": 0, **more}
        return str(facts_of(await client.call_tool("create_video", wish))["task_id"])


def videos(rig: Rig) -> list[str]:
    return sorted(str(file) for file in (rig.folder / "videos").iterdir())


@pytest.mark.usefixtures("command")
def test_where_nothing_is_unfinished_the_command_says_so(capsys: Capture) -> None:
    """Ours: all (none) were saved."""
    assert main(["follow"]) == 0
    assert capsys.readouterr() == ("", "Nothing to follow: no task is unfinished.\n")


def test_the_help_names_the_command(capsys: Capture) -> None:
    """Ours."""
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert (left.value.code, "follow" in capsys.readouterr().out) == (0, True)


@pytest.mark.usefixtures("command")
def test_an_unknown_id_is_refused_with_what_to_do(capsys: Capture) -> None:
    """Issue: a clear error; 2, because the command is to be corrected."""
    assert main(["follow", "vt_no", "vt_neither", "vt_no"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("There is no task vt_no, vt_neither in this data folder. Check the id")


@pytest.mark.usefixtures("command")
def test_a_folder_that_cannot_be_used_is_for_the_user_to_mend(tmp_path: Path, capsys: Capture) -> None:
    """Ours: 2, in words; neither folder is made in place of the file."""
    (tmp_path / "data").write_text("in the way")
    assert main(["follow"]) == 2
    assert f"{tmp_path / 'data' / 'tasks.db'} cannot be used" in capsys.readouterr().err
    (tmp_path / "videos").write_text("in the way")
    assert main(["follow"]) == 2
    assert f"{tmp_path / 'videos'} cannot be written (not a directory)" in capsys.readouterr().err


async def test_a_video_is_followed_until_its_file_is_there(rig: Rig, capsys: Capture) -> None:
    """Issue: a succeeded task whose file is still being fetched is not done."""
    rig.break_next(on="download", kind="status", status=503, times=2)
    task_id = await ordered(rig)
    shown = Rows()
    assert await followed(rig, shown=shown) == 0
    assert capsys.readouterr().out == f"{task_id}\t{videos(rig)[0]}\n"
    assert any(row.status == "succeeded" and "could not be saved here yet" in row.note for row in shown.seen)


async def test_a_video_that_was_still_being_fetched_is_found_behind_any_number_of_newer_ones(
    rig: Rig, capsys: Capture
) -> None:
    """Ours: it has succeeded already, so that no list of unfinished statuses holds it."""
    rig.break_next(on="download", kind="status", status=503)
    async with rig.client() as client:
        wish = {**SMALL, "provider": "kinovi", "wait_seconds": 600}
        task = facts_of(await client.call_tool("create_video", wish))
    assert (task["status"], "file" in task["video"]) == ("succeeded", False)
    _sql(rig, "CREATE TABLE copies AS SELECT * FROM tasks")
    _sql(rig, MANY)
    _sql(rig, "UPDATE copies SET task_id = 'vt_' || rowid, created_at = created_at + rowid, next_step_at = NULL")
    _sql(rig, "INSERT INTO tasks SELECT * FROM copies")
    assert await followed(rig) == 0
    assert capsys.readouterr().out == f"{task['task_id']}\t{videos(rig)[0]}\n"


async def test_everything_unfinished_is_followed_also_what_is_ordered_meanwhile(rig: Rig, capsys: Capture) -> None:
    """Ours: a server beside it goes on taking orders, and keeps following its own."""
    first = await ordered(rig, label="first")
    codes: list[int] = []
    told: list[str] = []

    async def follow() -> None:
        codes.append(await followed(rig))
        told.extend(line.partition("\t")[0] for line in capsys.readouterr().out.splitlines())

    async with anyio.create_task_group() as group, rig.client() as client:
        group.start_soon(follow)
        await rig.clock.sleep(5)
        wish = {**SMALL, "provider": "seedance2_ink", "label": "second", "wait_seconds": 0}
        second = facts_of(await client.call_tool("create_video", wish))["task_id"]
        await rig.clock.sleep(200)
        assert (codes, sorted(told)) == ([0], sorted([first, second]))


async def test_only_the_named_tasks_are_waited_for(rig: Rig, capsys: Capture) -> None:
    """Issue: `follow TASK_ID`; one that has ended already is simply told again."""
    rig.break_next(on="create", kind="late_result", seconds=100_000)
    await ordered(rig)
    named = await ordered(rig, label="named")
    for _ in range(2):
        assert await followed(rig, named) == 0
        assert capsys.readouterr().out == f"{named}\t{videos(rig)[0]}\n"


async def test_a_video_that_waits_for_a_place_is_waited_for(rig: Rig, capsys: Capture) -> None:
    """DESIGN §2: a 429 leaves it `waiting`; it is sent when its time has come."""
    rig.break_next(on="create", kind="status", status=429, headers={"Retry-After": "600"})
    task_id = await ordered(rig)
    assert await followed(rig) == 0
    out, err = capsys.readouterr()
    assert out.startswith(task_id)
    assert f"{task_id}: waiting at kinovi, 0 % (a corgi)" in err
    assert len(rig.creates) == 2


async def test_json_is_one_object_for_each_task_that_ended(rig: Rig, capsys: Capture) -> None:
    """Issue: for scripts; a failed one is an object too, and makes the exit code 1."""
    rig.break_next(on="create", kind="task_fails", message="no good")
    failed, saved = await ordered(rig), await ordered(rig, label="Küste")
    assert await followed(rig, as_json=True) == 1
    found = {task["task_id"]: task for task in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found.keys() == {failed, saved}
    assert "no good" in found[failed]["error"]["message"]
    assert (found[saved]["status"], found[saved]["label"]) == ("succeeded", "Küste")
    assert found[saved]["video"]["file"] == videos(rig)[0]


async def test_a_video_that_fails_is_told_on_stderr_alone(rig: Rig, capsys: Capture) -> None:
    """Issue: exit code 1; stdout is for saved videos."""
    rig.break_next(on="create", kind="task_fails", message="no good")
    task_id = await ordered(rig)
    assert await followed(rig) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"Video {task_id} failed: kinovi could not make the video: no good" in err


async def test_an_uncertain_task_is_listed_with_advice_for_a_person_and_ends_the_command(
    rig: Rig, capsys: Capture
) -> None:
    """DESIGN §2: nothing more can be done about it here; it is not sent again."""
    rig.break_next(on="create", kind="drop_after")
    task_id = await ordered(rig)
    started = rig.clock.now()
    assert await followed(rig) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"Video {task_id} is uncertain." in err
    assert "Do not create it again." in err
    assert "cancel_task gives it up" in err
    assert "call get_task(" not in err.replace("have your assistant call get_task(", "")
    assert rig.clock.now() == started
    assert len(rig.creates) == 1


@pytest.mark.parametrize(
    ("provider", "environment", "advice"),
    [
        ("kinovi", {"KINOVI_API_KEY": ""}, "Set KINOVI_API_KEY"),
        ("kinovi", {"SEEDANCE_PROVIDERS": "seedance2_ink"}, "Set KINOVI_API_KEY, name kinovi in SEEDANCE_PROVIDERS"),
        ("demo", {}, "Set SEEDANCE_DEMO=1"),
        ("gone", {}, "Install the package that brings gone"),
    ],
    ids=["no key", "not listed", "demo", "package"],
)
async def test_a_task_whose_provider_cannot_be_asked_here_is_listed_with_what_to_do(
    rig: Rig, capsys: Capture, provider: str, environment: Mapping[str, str], advice: str
) -> None:
    """Issue: it does not keep the command running for ever; the others are finished first."""
    hidden = await ordered(rig, label="hidden")
    _sql(rig, "UPDATE tasks SET provider = ?", provider)
    saved = await ordered(rig, provider="seedance2_ink")
    assert await followed(rig, environment=environment) == 2
    out, err = capsys.readouterr()
    assert out == f"{saved}\t{videos(rig)[0]}\n"
    assert (
        f"Video {hidden} (hidden) is queued at {provider}, which cannot be asked here. {advice} and run seedance-mcp "
        "follow again; where a server runs that can ask it, the video goes on there.\n"
    ) in err


async def test_a_store_that_cannot_be_read_for_a_while_ends_nothing(rig: Rig, capsys: Capture) -> None:
    """Ours: said once; the video is paid for, so the command stays."""
    task_id = await ordered(rig)

    async def away() -> None:
        await rig.clock.sleep(5)
        _sql(rig, "ALTER TABLE tasks RENAME TO away")
        await rig.clock.sleep(5)
        _sql(rig, "ALTER TABLE away RENAME TO tasks")

    async with anyio.create_task_group() as group:
        group.start_soon(away)
        assert await followed(rig) == 0
    out, err = capsys.readouterr()
    assert out.startswith(task_id)
    assert err.count("tasks.db cannot be used") == 1


async def test_a_task_that_was_removed_meanwhile_is_told(rig: Rig, capsys: Capture) -> None:
    """Ours: somebody may empty the store by hand; the command neither hangs nor says that all is well."""
    task_id = await ordered(rig)

    async def remove() -> None:
        await rig.clock.sleep(5)
        _sql(rig, "DELETE FROM transitions")
        _sql(rig, "DELETE FROM tasks")

    async with anyio.create_task_group() as group:
        group.start_soon(remove)
        assert await followed(rig) == 1
    assert f"{task_id} has been removed from the task store." in capsys.readouterr().err


async def test_the_time_that_is_usually_left_shrinks_until_nothing_can_be_said(rig: Rig) -> None:
    """providers.md: kinovi says 1 to 3 minutes."""
    rig.break_next(on="create", kind="late_result", seconds=200)
    await ordered(rig)
    rig.break_next(on="download", kind="slow", seconds=0.2)
    shown = Rows()
    assert await followed(rig, shown=shown) == 0
    left = [row.left for row in shown.seen]
    assert left[0] in {"59 s to 3 min", "60 s to 3 min"}
    assert {"up to 2 min", "up to 10 s"} <= set(left)
    # It takes longer than usual; and later it is made, and being fetched.
    assert (left[-1], shown.seen[-1].percent) == ("", 99)
    assert "" in {row.left for row in shown.seen if row.percent != 99}


async def test_no_time_is_made_up_where_nobody_has_said_one(rig: Rig) -> None:
    """providers.md: 002's documents say nothing about how long a video takes."""
    await ordered(rig, provider="seedance2_ink")
    shown = Rows()
    assert await followed(rig, shown=shown) == 0
    assert {row.left for row in shown.seen} == {""}


async def test_a_line_is_written_for_every_change_and_every_ten_percent(capsys: Capture) -> None:
    """Issue: where there is no terminal; a log file must not fill up."""
    lines = ChangeLines()
    for status, percent, note in (
        ("queued", 1, "chosen"),
        ("queued", 9, "chosen"),
        ("queued", 11, "chosen"),
        ("running", 12, "chosen"),
        ("running", 13, "slow"),
        ("uncertain", None, "slow"),
    ):
        lines.show([replace(ROW, status=status, percent=percent, note=note)])
    assert capsys.readouterr().err.splitlines() == [
        "vt_x: queued at kinovi, ~1 %, usually 9 s left (shot 1). chosen",
        "vt_x: queued at kinovi, ~11 %, usually 9 s left (shot 1)",
        "vt_x: running at kinovi, ~12 %, usually 9 s left (shot 1)",
        "vt_x: running at kinovi, ~13 %, usually 9 s left (shot 1). slow",
        "vt_x: uncertain at kinovi, usually 9 s left (shot 1)",
    ]


async def test_the_log_is_written_above_the_table_and_not_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: a warning about a download must not leave half a table behind."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    handler = logging.StreamHandler(terminal)
    logging.getLogger().addHandler(handler)
    try:
        with LiveTable() as table:
            table.show([ROW])
            before = len(terminal.getvalue())
            logging.getLogger("test").warning("the download failed")
            drawn = terminal.getvalue()[before:]
    finally:
        logging.getLogger().removeHandler(handler)
    erased, _, redrawn = drawn.partition("the download failed")
    assert "\x1b[2K" in erased
    assert "vt_x" in redrawn
    assert handler.stream is terminal


def _sql(rig: Rig, statement: str, *parameters: str) -> None:
    with closing(sqlite3.connect(rig.folder / "data" / "tasks.db")) as db, db:
        db.execute(statement, parameters)
