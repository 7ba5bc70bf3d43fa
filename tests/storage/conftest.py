"""Every kind of task store keeps the same contract; a new kind is one more parameter here."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from stores import OpenStore

from seedance_mcp.storage.sqlite import SqliteTaskStore
from seedance_mcp.storage.task_store import TaskStore


@pytest.fixture(params=["sqlite"])
async def open_store(tmp_path: Path) -> AsyncGenerator[OpenStore]:
    """Opens the same tasks once more, as another process would."""
    stores: list[TaskStore] = []

    async def open_one() -> TaskStore:
        store = SqliteTaskStore(tmp_path / "data" / "tasks.db")
        await store.open()
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> TaskStore:
    return await open_store()
