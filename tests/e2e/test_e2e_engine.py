"""The engine behind a program: it starts late, comes back after a failure, and brings the demo along."""

from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest
from mcp import Client
from real_provider import folders

from rig import SMALL, Era, error_of, facts_of
from seedance_mcp import server
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings

pytestmark = pytest.mark.e2e

ERAS: tuple[Era, ...] = ("auto", "legacy", "auto")


def client_of(environment: Mapping[str, str]) -> Client:
    return Client(Program(load_settings(environment)).mcp)


async def test_a_data_folder_that_cannot_be_used_is_an_error_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: the host goes on, the user mends the folder, and the next call works."""
    (tmp_path / "data").write_text("a file is in the way")
    async with client_of(folders(tmp_path)) as client:
        for _ in range(2):
            error = error_of(await client.call_tool("list_tasks", {}))
            assert error["kind"] == "internal"
            assert f"{tmp_path / 'data' / 'tasks.db'} cannot be used" in error["message"]
        (tmp_path / "data").unlink()
        assert facts_of(await client.call_tool("list_tasks", {})) == {"tasks": []}
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


async def test_a_program_serves_one_connection_after_another(tmp_path: Path) -> None:
    """Ours: the engine of the first one is gone by then; an HTTP application may be started again, too."""
    program = Program(load_settings(folders(tmp_path)))
    for era in ERAS:
        async with Client(program.mcp, mode=era) as client:
            assert facts_of(await client.call_tool("list_tasks", {})) == {"tasks": []}


async def test_a_connection_that_outlives_the_one_that_owned_the_engine_is_told_so(tmp_path: Path) -> None:
    """Ours: an answer, not a wait for ever."""
    program = Program(load_settings(folders(tmp_path)))
    owns, leaves, gone = anyio.Event(), anyio.Event(), anyio.Event()

    async def own() -> None:
        async with program.running():
            owns.set()
            await leaves.wait()
        gone.set()

    async with anyio.create_task_group() as group:
        group.start_soon(own)
        await owns.wait()
        async with Client(program.mcp) as client:
            assert facts_of(await client.call_tool("list_tasks", {})) == {"tasks": []}
            leaves.set()
            await gone.wait()
            assert "shutting down" in error_of(await client.call_tool("list_tasks", {}))["message"]


async def test_tools_are_listed_before_the_data_folder_is_touched(tmp_path: Path) -> None:
    """DESIGN §10: start to tools/list; what is not needed for it comes later."""
    async with client_of(folders(tmp_path)) as client:
        assert len((await client.list_tools()).tools) == 5
        assert list(tmp_path.iterdir()) == []


async def test_unfinished_tasks_are_looked_after_although_nobody_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN §6: after a restart the tasks go on."""
    monkeypatch.setattr(server, "START_ANYWAY_S", 0.01)
    async with client_of(folders(tmp_path)):
        with anyio.fail_after(5):
            while not (tmp_path / "data" / "tasks.db").exists():  # noqa: ASYNC110  (a thread makes the file)
                await anyio.sleep(0.005)


async def test_without_a_key_the_demo_renders_beside_the_store_and_stops_with_the_program(tmp_path: Path) -> None:
    """DESIGN §5: `demo` is used when no key variable is set."""
    async with client_of(folders(tmp_path)) as client:
        created = facts_of(await client.call_tool("create_video", {**SMALL, "wait_seconds": 0}))
        with anyio.fail_after(5):
            while not list((tmp_path / "data" / "demo").glob("*")):  # noqa: ASYNC110  (a thread makes the files)
                await anyio.sleep(0.005)
    async with client_of(folders(tmp_path)) as client:
        cancelled = facts_of(await client.call_tool("cancel_task", {"task_id": created["task_id"]}))
    assert created["provider"] == "demo"
    assert cancelled["outcome"] == "cancelled"
    assert cancelled["still_costs"] == "no"
