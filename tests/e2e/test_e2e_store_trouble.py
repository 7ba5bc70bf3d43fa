"""Trouble with the data folder, through real clients: told in words, nothing is sent, nothing stored is lost."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from raw_host import Host, process_environment, running_host, text_of
from real_provider import SMALL, Provider
from store_rows import rows

from rig import error_of, facts_of
from seedance_mcp.domain.task import Task, Video
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.storage.migrations import MIGRATIONS
from seedance_mcp.storage.rows import to_row
from seedance_mcp.storage.sqlite import SqliteTaskStore
from seedance_mcp.storage.task_store import AddTerms

pytestmark = pytest.mark.e2e

PAGE = 4096
MADE_AT = 1_795_161_600.0
KEPT = Task(
    task_id="vt_kept",
    owner="local",
    status="succeeded",
    provider="kinovi",
    provider_task_id="task_kept",
    request=VideoRequest(prompt="an earlier corgi"),
    created_at=MADE_AT,
    updated_at=MADE_AT,
    ended_at=MADE_AT,
    answered_at=MADE_AT,
    send_state="sent",
    video=Video(url="https://example.com/corgi.mp4"),
)
"""What an earlier server has stored."""
SOON = {**SMALL, "wait_seconds": 0}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("create_video", SOON),
    ("list_tasks", {}),
    ("get_task", {"task_id": KEPT.task_id}),
    ("cancel_task", {"task_id": KEPT.task_id}),
)
Trouble = Callable[[Path], AbstractContextManager[None]]


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """The data folder with one stored task in it."""
    store = SqliteTaskStore(tmp_path / "data" / "tasks.db")
    await store.open()
    await store.add(KEPT, AddTerms(now=MADE_AT, abandoned_since=MADE_AT, day_start=MADE_AT))
    await store.close()
    return tmp_path / "data"


@asynccontextmanager
async def client_of(environment: Mapping[str, str]) -> AsyncGenerator[Client]:
    """The SDK's own client of a server process."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "seedance_mcp"], env=process_environment(environment)
    )
    async with Client(server) as client:
        yield client


def rewritten(edit: Callable[[bytes], bytes]) -> Trouble:
    """The store file holds something else for a while."""

    @contextmanager
    def trouble(data: Path) -> Generator[None]:
        file = data / "tasks.db"
        good = file.read_bytes()
        file.write_bytes(edit(good))
        yield
        file.write_bytes(good)

    return trouble


@contextmanager
def newer(data: Path) -> Generator[None]:
    with closing(sqlite3.connect(data / "tasks.db")) as db, db:
        db.execute("INSERT INTO migrations VALUES ('m999_from_the_future', '2030-01-01')")
    yield
    with closing(sqlite3.connect(data / "tasks.db")) as db, db:
        db.execute("DELETE FROM migrations WHERE name = 'm999_from_the_future'")


@contextmanager
def in_the_way(data: Path) -> Generator[None]:
    away = data.rename(data.with_name("away"))
    data.write_text("a file where the folder should be")
    yield
    data.unlink()
    away.rename(data)


def read_only(name: str) -> Trouble:
    """Nobody may write the folder or the file: for root, who may always, a mount says so."""

    @contextmanager
    def trouble(data: Path) -> Generator[None]:
        place = data / name
        if sys.platform == "win32":
            pytest.skip("Windows has no mode bits for this")
        if os.geteuid() == 0:
            with mounted("--bind", place, on=place):
                mount("-o", "remount,ro,bind", place)
                yield
            return
        mode = stat.S_IMODE(place.stat().st_mode)
        place.chmod(mode & 0o555)
        try:
            yield
        finally:
            place.chmod(mode)

    return trouble


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        pytest.param(rewritten(lambda _: b"no database" * 1000), "not a database", id="another file"),
        pytest.param(rewritten(lambda good: good[: len(good) // 2]), "malformed", id="cut short"),
        pytest.param(
            rewritten(lambda good: good[:PAGE] + b"\xff" * (len(good) - PAGE)), "malformed", id="damaged inside"
        ),
        pytest.param(newer, "written by a newer version of seedance-mcp", id="newer"),
        pytest.param(in_the_way, "cannot be used", id="a file in the folder's place"),
        pytest.param(read_only(""), "cannot be used", id="read-only folder"),
        pytest.param(read_only("tasks.db"), "cannot be used", id="read-only file"),
    ],
)
async def test_a_store_that_cannot_be_used_is_told_by_every_call_until_it_is_mended(
    trouble: Trouble, words: str, data: Path, environment: dict[str, str], provider: Provider
) -> None:
    """Issue: a clear error; what is stored is left as it is, nothing is sent, and no restart is needed afterwards."""
    async with client_of(environment) as client:
        with trouble(data):
            before = _content(data)
            errors = [error_of(await client.call_tool(*call)) for call in CALLS]
            after, sent = _content(data), len(provider.creates)
        kept = facts_of(await client.call_tool("get_task", {"task_id": KEPT.task_id}))
        await client.call_tool("create_video", SOON)
        await provider.has_creates(1)
    assert [error["kind"] for error in errors] == ["internal"] * len(CALLS)
    assert all(words in error["message"] and "SEEDANCE_DATA_DIR" in error["message"] for error in errors), errors
    assert (after, sent) == (before, 0)
    assert (kept["status"], kept["video"]["url"]) == ("succeeded", "https://example.com/corgi.mp4")


async def test_a_folder_that_is_missing_is_made_for_this_user_alone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Issue: a missing folder. DESIGN §7: prompts and links are the user's own."""
    deep = tmp_path / "not" / "there" / "yet"
    async with client_of({**environment, "SEEDANCE_DATA_DIR": str(deep)}) as client:
        listed = facts_of(await client.call_tool("list_tasks", {}))
    assert listed == {"tasks": []}
    assert (deep / "tasks.db").exists()
    assert sys.platform == "win32" or stat.S_IMODE(deep.stat().st_mode) == 0o700


async def test_a_store_of_the_first_version_is_brought_up_to_date_with_all_its_tasks(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Issue: an older store is migrated; whoever updates keeps what was paid for."""
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "tasks.db")) as db, db:
        db.execute("CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
        db.execute("INSERT INTO migrations VALUES (?, '2026-11-20')", (MIGRATIONS[0].__name__,))
        MIGRATIONS[0](db)
        columns = [name for (_, name, *_) in db.execute("PRAGMA table_info(tasks)")]
        row = {name: value for name, value in to_row(KEPT).items() if name in columns}
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        db.execute(f"INSERT INTO tasks ({names}) VALUES ({marks})", row)  # noqa: S608  (names of columns)
    async with client_of(environment) as client:
        kept = facts_of(await client.call_tool("get_task", {"task_id": KEPT.task_id}))
    assert kept["status"] == "succeeded"
    assert [one["name"] for one in rows(tmp_path, table="migrations")] == [step.__name__ for step in MIGRATIONS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where the data folder is, and how its room is taken and given back."""

    fill: Callable[[Host], None]
    free: Callable[[Host], None]


@pytest.fixture(params=["a small file system", "a limit of the process"])
def disk(request: pytest.FixtureRequest, data: Path) -> Generator[Disk]:
    """Full in both ways that can be had here; the second needs no rights."""
    if request.param == "a limit of the process":
        yield Disk(fill=lambda host: _limit(host, 1), free=lambda host: _limit(host, None))
        return
    stored = (data / "tasks.db").read_bytes()
    with mounted("-t", "tmpfs", "-o", "size=1m", "tmpfs", on=data):
        (data / "tasks.db").write_bytes(stored)
        filler = data / "filler"
        yield Disk(fill=lambda _: _write_until_full(filler), free=lambda _: filler.unlink(missing_ok=True))


async def test_a_full_disk_refuses_a_create_before_it_is_sent_and_loses_nothing(
    disk: Disk, environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Issue: a full disk. The row must be on disk before money is spent; reading goes on, all else does later."""
    async with running_host(environment) as host:
        await host.call("list_tasks")
        disk.fill(host)
        refused = await host.call("create_video", SOON)
        kept = await host.task("get_task", {"task_id": KEPT.task_id})
        sent_meanwhile = len(provider.creates)
        disk.free(host)
        task = await host.task("create_video", {**SMALL, "wait_seconds": 15})
        disk.fill(host)
        await host.call("create_video", {**SOON, "seed": 7})
        host.process.kill()
    disk.free(host)
    async with running_host(environment) as host:
        listed = (await host.task("list_tasks", {}))["tasks"]
    assert refused["isError"]
    assert "free space" in text_of(refused)
    assert (kept["status"], sent_meanwhile) == ("succeeded", 0)
    assert {one["task_id"]: one["status"] for one in listed} == {
        KEPT.task_id: "succeeded",
        task["task_id"]: "succeeded",
    }
    assert len(provider.creates) == 1
    assert rows(tmp_path, "*", "pragma_integrity_check") == [{"integrity_check": "ok"}]


async def test_an_answer_that_comes_while_the_disk_is_full_is_kept_until_there_is_room(
    disk: Disk, environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Ours: a paid video is not lost because its id cannot be written for a while."""
    provider.break_next(on="create", kind="slow", seconds=1)
    async with running_host(environment) as host:
        task = await host.task("create_video", SOON)
        await provider.has_creates(1)
        disk.fill(host)
        with anyio.fail_after(10):
            while b"kept in memory" not in host.errors:  # noqa: ASYNC110  (the server's log is all that tells)
                await anyio.sleep(0.01)
        unwritten = {row["task_id"]: row["provider_task_id"] for row in rows(tmp_path)}[task["task_id"]]
        disk.free(host)
        done = await host.task("get_task", {"task_id": task["task_id"], "wait_seconds": 15})
    assert unwritten is None
    assert (done["status"], done["provider_task_id"]) == ("succeeded", provider.creates[0].task_id)
    assert len(provider.creates) == 1


async def test_a_video_that_finds_no_room_is_fetched_when_there_is_some(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Issue: disk-full never loses the link; no half of a file is left."""
    videos = tmp_path / "videos"
    videos.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=64k", "tmpfs", on=videos):
        async with running_host(environment) as host:
            unsaved = await host.task("create_video", {**SMALL, "wait_seconds": 15})
        left = list(videos.iterdir())
        mount("-o", "remount,size=4m", videos)
        with closing(sqlite3.connect(tmp_path / "data" / "tasks.db")) as db, db:
            db.execute("UPDATE tasks SET next_step_at = 0")
        async with running_host(environment) as host:
            with anyio.fail_after(10):
                while not list(videos.glob("*.mp4")):  # noqa: ASYNC110  (another process writes the file)
                    await anyio.sleep(0.05)
            saved = await host.task("get_task", {"task_id": unsaved["task_id"]})
        size = Path(saved["video"]["file"]).stat().st_size
    assert "is full" in " ".join(unsaved["notes"])
    assert (unsaved["status"], "file" in unsaved["video"], left) == ("succeeded", False, [])
    assert unsaved["video"]["url"] == saved["video"]["url"]
    assert saved["video"]["bytes"] == size
    assert len(provider.creates) == 1


def _content(place: Path) -> Mapping[str, bytes]:
    """What lies in the data folder, SQLite's own notes aside."""
    files = [place] if place.is_file() else place.iterdir()
    return {file.name: file.read_bytes() for file in files if not file.name.endswith(("-shm", "-wal"))}


def _write_until_full(filler: Path) -> None:
    """Down to the last byte."""
    with filler.open("wb", buffering=0) as file:
        for size in (PAGE, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def _limit(host: Host, size: int | None) -> None:
    """From now on the process may not let a file grow beyond this; None takes the limit back."""
    if sys.platform != "linux":
        pytest.skip("only Linux can limit another process")
    import resource

    try:
        _, hard = resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
    except ProcessLookupError:
        return


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)  # noqa: S607


@contextmanager
def mounted(*arguments: object, on: Path) -> Generator[None]:
    """Something else lies over a place for a while; skips the test where that is not allowed."""
    try:
        mount(*arguments, on)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs root, and the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(on)], check=True, capture_output=True)  # noqa: S607
