"""The server's side of thousand.py: the engine with its store, started on tasks that an earlier process left."""

import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import anyio
from figures import most_rss_mb
from scripted_provider import PROMPT, PROVIDER
from thousand_plan import Plan, Start, given_plan

from seedance_mcp import engine
from seedance_mcp.domain.task import Task
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.settings import Settings, load_settings
from seedance_mcp.storage import sqlite
from seedance_mcp.storage.table import TaskTable
from seedance_mcp.tasks.clock import SystemClock
from seedance_mcp.tasks.order import Order
from seedance_mcp.tasks.service import VideoTasks

OWNER = "local"
EARLIER_S = 1000.0
"""So long before the begin the finished videos were ordered."""
_dues: dict[str, list[float]] = {}
"""When each task at the provider was due for a look, by its id there."""


class RecordingTable(TaskTable):
    """Hears every due time where it is written down: in the task's row."""

    def update(self, before: Task, after: Task) -> Task:
        return _heard(super().update(before, after))


def _heard(task: Task) -> Task:
    if task.provider_task_id is not None and task.video is None and task.next_step_at is not None:
        dues = _dues.setdefault(task.provider_task_id, [])
        if dues[-1:] != [task.next_step_at]:
            dues.append(task.next_step_at)
    return task


async def run(plan: Plan) -> None:
    settings = _settings(plan)
    await _leave_behind(plan, settings.data_dir / engine.STORE_NAME)
    with patch.object(sqlite, "TaskTable", RecordingTable):
        async with engine.open_tasks(settings, SystemClock(), {}) as tasks:
            await anyio.sleep(max(0.0, plan.begin - time.time()))
            cpu = time.process_time()
            released = await _play(plan, tasks)
            cpu = time.process_time() - cpu
    result = {
        "dues": _dues,
        "released": released,
        "cpu_s": cpu,
        "rss_most_mb": most_rss_mb(),
    }
    print(json.dumps(result))


async def _play(plan: Plan, tasks: VideoTasks) -> int:
    """Orders a new video whenever one ends; the result is how many waiters saw theirs end."""
    released: list[int] = []

    async def wait(number: int) -> None:
        (task,) = await tasks.wait(OWNER, [_task_id(number)], plan.window_s, _report)
        released.extend([number] * task.has_ended)

    async def order(number: int) -> None:
        request = VideoRequest(prompt=f"{PROMPT}{number}", duration=4, resolution="480p")
        await tasks.answered(await tasks.create(Order(owner=OWNER, request=request)))

    async with anyio.create_task_group() as group:
        for number in plan.awaited:
            for _ in range(plan.waiters):
                group.start_soon(wait, number)
        for at, number in plan.orders:
            await anyio.sleep(max(0.0, plan.begin + at - time.time()))
            group.start_soon(order, number)
        await anyio.sleep(max(0.0, plan.begin + plan.window_s - time.time()))
        group.cancel_scope.cancel()
    return len(released)


async def _report(_tasks: Sequence[Task]) -> None:
    return None


async def _leave_behind(plan: Plan, path: Path) -> None:
    """The rows of an earlier process: videos that are finished, and those that are being made."""
    store = sqlite.SqliteTaskStore(path)
    await store.open()
    await store.close()
    finished = [_finished(plan, number, took) for number, took in enumerate(plan.earlier_s)]
    with closing(sqlite3.connect(path)) as db:
        for task in (*finished, *(_being_made(plan, one) for one in plan.starts)):
            TaskTable(db).insert(task)
        db.commit()


def _row(task_id: str, number: int, started_at: float) -> Task:
    request = VideoRequest(prompt=f"{PROMPT}{number}", duration=4, resolution="480p")
    return Task(
        task_id=task_id,
        owner=OWNER,
        status="running",
        provider=PROVIDER,
        model="seedance-2.0",
        mode=request.mode,
        request=request,
        created_at=started_at,
        updated_at=started_at,
        provider_task_id=str(number),
        started_at=started_at,
        attempted_at=started_at,
        looked_at=started_at,
        answered_at=started_at,
        send_state="sent",
        fingerprint=request.fingerprint,
    )


def _being_made(plan: Plan, start: Start) -> Task:
    task = _row(_task_id(start.number), start.number, plan.begin - start.age_s)
    return _heard(replace(task, next_step_at=plan.begin + start.due_s))


def _finished(plan: Plan, number: int, took: float) -> Task:
    task = _row(f"vt_earlier{number}", -1 - number, plan.begin - EARLIER_S)
    return replace(task, status="succeeded", took_s=took, ended_at=plan.begin - EARLIER_S + took)


def _task_id(number: int) -> str:
    return f"vt_start{number}"


def _settings(plan: Plan) -> Settings:
    return load_settings(
        {
            f"{PROVIDER.upper()}_API_KEY": "sk-benchmark",
            f"{PROVIDER.upper()}_BASE_URL": plan.address,
            "SEEDANCE_DATA_DIR": str(Path(plan.folder) / "data"),
            "SEEDANCE_OUTPUT_DIR": str(Path(plan.folder) / "videos"),
        }
    )


if __name__ == "__main__":
    anyio.run(run, given_plan())
