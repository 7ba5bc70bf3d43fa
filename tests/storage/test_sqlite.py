"""What is particular to the SQLite store: its file, its schema, its troubles."""

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from some_tasks import NOW, OWNER, new_task, terms

from seedance_mcp.domain.errors import StoreError
from seedance_mcp.storage.migrations import MIGRATIONS
from seedance_mcp.storage.sqlite import SqliteTaskStore


async def opened(path: Path) -> SqliteTaskStore:
    store = SqliteTaskStore(path)
    await store.open()
    return store


async def test_the_schema_is_recorded_once_and_kept_when_opened_again(tmp_path: Path) -> None:
    """Issue: append-only named migrations."""
    path = tmp_path / "tasks.db"
    first = await opened(path)
    await first.add(new_task(), terms())
    await first.close()
    again = await opened(path)
    assert await again.get(OWNER, "vt_001") == new_task()
    await again.close()
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM migrations")]
        columns = {name for (_, name, *_) in db.execute("PRAGMA table_info(tasks)")}
    assert names == [step.__name__ for step in MIGRATIONS] == ["m001_initial", "m002_times_and_limits"]
    assert {
        "owner",
        "status",
        "attempt",
        "fingerprint",
        "answered_at",
        "reserved_usd",
        "input_task_ids",
    } <= columns, "what DESIGN §6 asks of the first migration"


async def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """Ours: an old program must not write rows that a newer one would misread."""
    path = tmp_path / "tasks.db"
    await (await opened(path)).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO migrations VALUES ('m999_later', 'then')")
        db.commit()
    before = path.read_bytes()
    store = SqliteTaskStore(path)
    with pytest.raises(StoreError, match="newer version of seedance-mcp"):
        await store.open()
    await store.close()
    assert path.read_bytes() == before


async def test_a_migration_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ours: all steps are one transaction."""
    path = tmp_path / "tasks.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE workers (somebody TEXT)")
    store = SqliteTaskStore(path)
    with pytest.raises(StoreError, match="workers already exists"):
        await store.open()
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert tables == ["workers"]


async def test_writes_survive_a_power_cut_and_readers_do_not_wait(tmp_path: Path) -> None:
    """DESIGN §6: SQLite in WAL mode; a row must be on disk before money is spent."""
    store = await opened(tmp_path / "tasks.db")
    connection = store._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (settings of the connection)
    assert connection is not None
    settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    await store.close()
    assert settings == ["wal", 2], "2 is FULL"


async def test_the_data_folder_is_private(tmp_path: Path) -> None:
    """DESIGN §7: prompts and links are the user's own."""
    store = await opened(tmp_path / "deep" / "data" / "tasks.db")
    await store.close()
    assert stat.S_IMODE((tmp_path / "deep" / "data").stat().st_mode) == 0o700


async def test_two_programs_may_make_the_file_at_the_same_moment(tmp_path: Path) -> None:
    """DESIGN §6: a desktop host often starts several; SQLite itself does not wait when it switches to WAL."""
    path = tmp_path / "tasks.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE something (x)")
        other.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.1, other.execute, ("ROLLBACK",))
        done.start()
        store = await opened(path)
        done.join()
    await store.add(new_task(), terms())
    await store.close()


async def test_a_file_that_stays_locked_is_an_error_in_words(tmp_path: Path) -> None:
    """Ours: what is true and what to do."""
    path = tmp_path / "tasks.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE something (x)")
        other.execute("BEGIN IMMEDIATE")
        store = SqliteTaskStore(path, busy_timeout_s=0.05)
        with pytest.raises(StoreError, match=r"locked.*SEEDANCE_DATA_DIR"):
            await store.open()


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"x" * 4096])
async def test_a_file_that_is_no_database_is_an_error_in_words_and_is_kept(tmp_path: Path, content: bytes) -> None:
    """Ours: what is already stored is kept."""
    path = tmp_path / "tasks.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"tasks\.db cannot be used: .*SEEDANCE_DATA_DIR"):
        await SqliteTaskStore(path).open()
    assert path.read_bytes() == content


async def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    """Ours: what was asked, what is true, what to do."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot be used: .*SEEDANCE_DATA_DIR"):
        await SqliteTaskStore(tmp_path / "data" / "tasks.db").open()


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    """Ours: a call that comes during the shutdown gets an error and no crash; closing twice is fine."""
    store = await opened(tmp_path / "tasks.db")
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="not open"):
        await store.get(OWNER, "vt_001")
    with pytest.raises(StoreError, match="not open"):
        await store.add(new_task(), terms())


async def test_a_call_under_way_is_finished_although_it_is_cancelled(tmp_path: Path) -> None:
    """DESIGN §3: what may have been stored is known to be stored."""
    store = await opened(tmp_path / "tasks.db")
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def add() -> None:
                await store.add(new_task(), terms())

            group.start_soon(add)
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
            scope.cancel()
    found = await store.get(OWNER, "vt_001")
    await store.close()
    assert found == new_task()


async def test_a_heartbeat_of_another_process_is_seen_at_once(tmp_path: Path) -> None:
    """DESIGN §6: two processes, one file."""
    one, other = await opened(tmp_path / "tasks.db"), await opened(tmp_path / "tasks.db")
    await one.add(new_task(), terms())
    await one.heartbeat("worker", NOW + 10)
    assert await other.take_over("other", NOW, ["kinovi"]) == ()
    await one.close()
    await other.close()
