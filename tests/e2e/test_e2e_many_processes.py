"""Several server processes on one data folder, as a desktop host starts them: one store, one watcher for each task."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest
from raw_host import Host, running_host
from real_provider import KEYS, SMALL, folders
from starlette.types import Receive, Scope, Send
from store_rows import accepted, rows

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.serving import serve

pytestmark = pytest.mark.e2e

PROCESSES = 4
SHOTS = 5
"""How many videos each process orders at once."""
READS = 10
TAKE_OVER_S = 30.0


class Switchboard(Simulator):
    """One provider behind several ports: which process asks is told by the port."""

    def __init__(self, rendered: Path) -> None:
        super().__init__(("kinovi",), run_s=1.0, cache_dir=rendered)
        self.asked: list[tuple[str, int]] = []

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        self.asked.append((scope["query_string"].decode(), scope["server"][1]))
        await super().asgi(scope, receive, send)

    def askers(self, row: Mapping[str, Any]) -> set[int]:
        """The ports through which a task was polled."""
        return {port for query, port in self.asked if query == f"taskId={row['provider_task_id']}"}

    @property
    def creates(self) -> int:
        return sum(one.does == "create" for one in self.requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Four processes, started at the same moment on a folder that does not exist yet."""

    provider: Switchboard
    hosts: Sequence[Host]
    ports: Sequence[int]
    """By which each of them knows the provider."""


@pytest.fixture
async def office(rendered: Path, tmp_path: Path) -> AsyncGenerator[Office]:
    provider = Switchboard(rendered)
    async with anyio.create_task_group() as group:

        async def listen(*, task_status: anyio.abc.TaskStatus[int]) -> None:
            await serve(provider, started=task_status.started)

        ports = [await group.start(listen) for _ in range(PROCESSES)]
        async with AsyncExitStack() as stack:
            environments = [
                {"KINOVI_API_KEY": KEYS["kinovi"], "KINOVI_BASE_URL": f"http://127.0.0.1:{port}", **folders(tmp_path)}
                for port in ports
            ]
            hosts = [await stack.enter_async_context(running_host(one)) for one in environments]
            yield Office(provider=provider, hosts=hosts, ports=ports)
        group.cancel_scope.cancel()


async def test_processes_that_create_and_read_at_once_never_find_the_store_locked(
    office: Office, tmp_path: Path
) -> None:
    """DESIGN §6: safe for several server processes at once; each task is followed by one of them."""
    made_by: dict[str, int] = {}

    async def works(number: int) -> None:
        calls = [await office.hosts[number].send(**_create(f"{number}/{shot}")) for shot in range(SHOTS)]
        calls += [await office.hosts[number].send("tools/call", name="list_tasks", arguments={}) for _ in range(READS)]
        results = [await office.hosts[number].answer(call) for call in calls]
        assert not any(result.get("isError") for result in results), results
        made_by.update({one["structuredContent"]["task_id"]: office.ports[number] for one in results[:SHOTS]})

    async with anyio.create_task_group() as group:
        for number in range(PROCESSES):
            group.start_soon(works, number)
    seen = [await _ended(host, list(made_by)) for host in office.hosts]
    stored = rows(tmp_path)
    assert len(made_by) == len(stored) == office.provider.creates == PROCESSES * SHOTS
    assert all({task["task_id"] for task in tasks if "file" in task} == set(made_by) for tasks in seen)
    assert {row["task_id"]: office.provider.askers(row) for row in stored} == {
        task_id: {port} for task_id, port in made_by.items()
    }, "each task is polled by the process that made it, and by no other"
    assert [bytes(host.errors) for host in office.hosts] == [b""] * PROCESSES


async def test_the_tasks_of_a_killed_process_are_taken_over_by_one_of_the_others(
    office: Office, tmp_path: Path
) -> None:
    """Issue: another process takes over within 30 s, by the lease as it really is."""
    killed, *others = office.hosts
    (task,) = [await killed.task("create_video", {**SMALL, "wait_seconds": 0})]
    for host in others:
        await host.call("list_tasks")
    await accepted(tmp_path)
    killed.process.kill()
    with anyio.fail_after(TAKE_OVER_S):
        (seen,) = await _ended(others[-1], [task["task_id"]])
    (row,) = rows(tmp_path)
    (asker,) = office.provider.askers(row) - {office.ports[0]}
    assert seen["status"] == "succeeded"
    assert Path(seen["file"]).exists()
    assert asker in office.ports[1:]
    assert office.provider.creates == 1


def _create(shot: str) -> dict[str, Any]:
    arguments = {**SMALL, "idempotency_key": shot, "wait_seconds": 0}
    return {"method": "tools/call", "name": "create_video", "arguments": arguments}


async def _ended(host: Host, task_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The tasks once this process knows that all of them have ended."""
    arguments = {"task_ids": list(task_ids), "wait_seconds": 25}
    tasks: list[dict[str, Any]] = (await host.task("list_tasks", arguments))["tasks"]
    return tasks
