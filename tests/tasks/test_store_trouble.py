"""A store that cannot be used is told by every call, in words; the server lives on and recovers by itself."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from calls import A_WHILE, LONG, create, get, listed
from stored import left_over, refusing, run_sql, store, store_path

from rig import Rig, error_of, facts_of


def break_folder(rig: Rig) -> None:
    store_path(rig).parent.write_text("a file where the folder should be")


def break_file(rig: Rig) -> None:
    store_path(rig).parent.mkdir(parents=True)
    store_path(rig).write_bytes(b"this is not a database, but it is long enough to be taken for one" * 100)


def make_newer(rig: Rig) -> None:
    store_path(rig).parent.mkdir(parents=True)
    with closing(sqlite3.connect(store_path(rig))) as db:
        db.execute("CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
        db.execute("INSERT INTO migrations VALUES ('m999_from_the_future', '2030-01-01')")
        db.commit()


def remove(path: Path) -> None:
    if path.is_file():
        path.unlink()
        return
    for file in path.iterdir():
        file.unlink()
    path.rmdir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(break_folder, "cannot be used"), (break_file, "not a database"), (make_newer, "newer version of seedance-mcp")],
    ids=["folder", "file", "newer"],
)
async def test_a_store_that_cannot_be_opened_is_an_error_of_every_call_until_it_can(
    rig: Rig, spoil: object, words: str
) -> None:
    """Ours: what is true and what to do, as isError; nothing is sent, and the server is asked again without restart."""
    assert callable(spoil)
    spoil(rig)
    async with rig.client() as client:
        errors = [error_of(await create(client)), error_of(await listed(client)), error_of(await get(client, "vt_1"))]
        await client.list_tools()
        remove(store_path(rig).parent)
        task = facts_of(await create(client, wait_seconds=LONG))
    assert all(words in error["message"] for error in errors)
    assert all("SEEDANCE_DATA_DIR" in error["message"] for error in errors)
    assert {error["kind"] for error in errors} == {"internal"}
    assert task["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_store_that_opens_but_cannot_be_written_is_an_error_until_it_can(rig: Rig) -> None:
    """Ours: a full disk at start must not leave a half-started server behind."""
    async with rig.client() as client:
        await listed(client)
    async with rig.client() as client:
        with refusing(rig, "INSERT ON workers"):
            error = error_of(await create(client))
        task = facts_of(await create(client, wait_seconds=LONG))
    assert "disk is full" in error["message"]
    assert task["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_heartbeat_that_fails_for_a_while_stops_nothing(rig: Rig) -> None:
    """Ours: another process might take the tasks over meanwhile, which is safe; here there is none."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        with refusing(rig, "UPDATE ON workers"):
            await rig.clock.sleep(20)
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_program_that_cannot_say_goodbye_still_ends_and_its_tasks_go_on(rig: Rig) -> None:
    """Ours: they are taken over when its heartbeat lapses."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        run_sql(rig, "CREATE TRIGGER full BEFORE DELETE ON workers BEGIN SELECT RAISE(ABORT, 'full'); END")
    async with rig.client() as client:
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert done["status"] == "succeeded"
    assert len(rig.creates) == 1


async def test_a_row_that_cannot_be_read_does_not_stop_the_others(rig: Rig) -> None:
    """Ours: one task's fault is its own."""
    await store(rig, left_over(rig))
    async with rig.client() as client:
        good = facts_of(await create(client, provider="kinovi", seed=1))
        run_sql(rig, "UPDATE tasks SET request = 'not json' WHERE task_id = 'vt_leftover'")
        done = facts_of(await get(client, good["task_id"], wait_seconds=LONG))
        broken = error_of(await get(client, "vt_leftover"))
    assert done["status"] == "succeeded"
    assert broken["kind"] == "internal"


async def test_a_row_that_disappears_is_forgotten(rig: Rig) -> None:
    """Ours: somebody may empty the data folder by hand."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        run_sql(rig, "DELETE FROM transitions", "DELETE FROM tasks")
        await rig.clock.sleep(A_WHILE)
        error = error_of(await get(client, task["task_id"]))
    assert error["kind"] == "not_found"
    assert len(rig.creates) == 1
