"""Early word of a video's end, over a real socket and by the real clock: one stream, and polling for what it misses."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx
import pytest
from mcp import Client

from rig import SMALL, facts_of, text_of
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.exchange import Received
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.serving import serve

SOON_S, FIRST_POLL_S = 1.5, 1.9
"""A look at a task after an event, and the first one without; both since the create arrived."""
NOT_WAITED_S = 2.5
"""Less than a create waits for a stream; the download and the poll's answer fit in."""
LIMIT_S = 30
pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class Oxen:
    """The simulated provider on a port, and a folder for servers."""

    simulator: Simulator
    url: str
    folder: Path

    def requests(self, *does: str) -> list[Received]:
        return [one for one in self.simulator.requests if one.does in does]

    def break_next(self, **fault: Any) -> None:
        self.simulator.faults.add(Fault(**fault))

    def server(self, **more: str) -> Client:
        """A client of a server of its own."""
        environment = {
            "OXEN_API_KEY": "sk-oxen-secret",
            "OXEN_BASE_URL": self.url,
            "SEEDANCE_DATA_DIR": str(self.folder / "data"),
            "SEEDANCE_OUTPUT_DIR": str(self.folder / "videos"),
        }
        return Client(Program(load_settings(environment | more)).mcp)

    async def arrived(self, does: str, count: int = 1) -> None:
        """Waits for so many requests of a kind."""
        with anyio.fail_after(LIMIT_S):
            while len(self.requests(does)) < count:  # noqa: ASYNC110  (the simulator has no event for it)
                await anyio.sleep(0.005)

    async def is_broken(self) -> None:
        """Waits until every fault has hit."""
        with anyio.fail_after(LIMIT_S):
            while tuple(self.simulator.faults.waiting()):  # noqa: ASYNC110  (the simulator has no event for it)
                await anyio.sleep(0.005)

    def first_look_s(self, task_id: str) -> float:
        """Seconds from the create to the first question about a task."""
        (created,) = (one for one in self.requests("create") if one.task_id == task_id)
        return next(one.at_s for one in self.requests("fetch") if one.task_id == task_id) - created.at_s


@asynccontextmanager
async def oxen(folder: Path, rendered: Path, run_s: float = 0.3) -> AsyncGenerator[Oxen]:
    simulator = Simulator(("oxen",), run_s=run_s, cache_dir=rendered)

    async def run(*, task_status: anyio.abc.TaskStatus[int]) -> None:
        await serve(simulator, started=task_status.started)

    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as tasks:
            port: int = await tasks.start(run)
            yield Oxen(simulator, f"http://127.0.0.1:{port}", folder)
            tasks.cancel_scope.cancel()


async def made(client: Client, **wish: Any) -> Mapping[str, Any]:
    """The task of a create_video that waits for its end."""
    return facts_of(await client.call_tool("create_video", {**SMALL, "wait_seconds": 25, **wish}))


async def test_the_stream_is_opened_first_and_an_event_brings_the_first_look(tmp_path: Path, rendered: Path) -> None:
    """Issue: `GET /api/events` opened before the create. Provider: providers.md §2.5, "subscribe before enqueueing"."""
    async with oxen(tmp_path, rendered) as provider, provider.server() as client:
        task = await made(client)
        order = [one.does for one in provider.requests("events", "create", "fetch")]
    assert task["status"] == "succeeded"
    assert order == ["events", "create", "fetch"]
    assert provider.first_look_s(task["provider_task_id"]) < SOON_S


async def test_one_stream_serves_all_tasks(tmp_path: Path, rendered: Path) -> None:
    """Issue: the stream is shared by all Oxen tasks."""
    tasks: list[Mapping[str, Any]] = []

    async def make(client: Client, label: str) -> None:
        tasks.append(await made(client, label=label))

    async with oxen(tmp_path, rendered) as provider, provider.server() as client:
        async with anyio.create_task_group() as group:
            for label in ("one", "two", "three"):
                group.start_soon(make, client, label)
        assert len(provider.requests("events")) == 1
    assert [task["status"] for task in tasks] == ["succeeded"] * 3
    assert all(provider.first_look_s(task["provider_task_id"]) < SOON_S for task in tasks)


async def test_a_stream_that_breaks_off_is_opened_again_and_the_next_create_waits_for_it(
    tmp_path: Path, rendered: Path
) -> None:
    """Issue: reconnect with backoff."""
    async with oxen(tmp_path, rendered) as provider, provider.server() as client:
        await made(client)
        provider.break_next(on="events", kind="drop")
        await provider.is_broken()
        task = await made(client, label="after the drop")
        order = [one.does for one in provider.requests("events", "create")]
    assert order == ["events", "create", "events", "create"]
    assert provider.first_look_s(task["provider_task_id"]) < SOON_S


@pytest.mark.parametrize("answer", [404, 500, None], ids=["404", "500", "OXEN_REQUEST_MODE=poll"])
async def test_without_a_stream_polling_alone_brings_the_video(
    tmp_path: Path, rendered: Path, answer: int | None
) -> None:
    """Issue: polling covers what the stream misses; the operator may do without it."""
    mode = {} if answer else {"OXEN_REQUEST_MODE": "poll"}
    async with oxen(tmp_path, rendered) as provider, provider.server(**mode) as client:
        if answer is not None:
            provider.break_next(on="events", kind="status", status=answer, times=None)
        began = anyio.current_time()
        task = await made(client)
        took_s = anyio.current_time() - began
    assert task["status"] == "succeeded"
    assert provider.first_look_s(task["provider_task_id"]) >= FIRST_POLL_S
    assert took_s < FIRST_POLL_S + NOT_WAITED_S
    assert bool(provider.requests("events")) == (answer is not None)


async def test_a_task_that_somebody_cancels_there_is_noticed_without_an_event(tmp_path: Path, rendered: Path) -> None:
    """Provider: providers.md §2.5, "no event fires for a cancelled job (fall back to GET)"."""
    async with oxen(tmp_path, rendered, run_s=20) as provider, provider.server() as client:
        task = facts_of(await client.call_tool("create_video", {**SMALL, "wait_seconds": 0}))
        await provider.arrived("create")
        there = provider.requests("create")[0].task_id
        async with httpx.AsyncClient(headers={"authorization": "Bearer k"}, trust_env=False) as other:
            await other.delete(f"{provider.url}/api/ai/queue/{there}")
        ended = facts_of(await client.call_tool("get_task", {"task_id": task["task_id"], "wait_seconds": 20}))
    assert ended["status"] == "cancelled"


async def test_an_event_that_comes_before_the_creates_answer_is_kept(tmp_path: Path, rendered: Path) -> None:
    """DESIGN §6: events that arrive before the create's reply are kept."""
    async with oxen(tmp_path, rendered, run_s=0.1) as provider, provider.server() as client:
        provider.break_next(on="create", kind="slow", seconds=0.6)
        task = await made(client)
    assert task["status"] == "succeeded"
    assert 0.5 < provider.first_look_s(task["provider_task_id"]) < SOON_S


async def test_a_task_that_is_forgotten_at_its_end_ends_as_its_event_said(tmp_path: Path, rendered: Path) -> None:
    """Provider: providers.md §2.4, "a finished job answers 404 on GET" in older versions of the page."""
    async with oxen(tmp_path, rendered) as provider, provider.server() as client:
        provider.break_next(on="fetch", kind="status", status=404, times=None)
        good = await made(client)
        provider.break_next(on="create", kind="task_fails", message="Insufficient credits")
        bad = await client.call_tool("create_video", {**SMALL, "label": "bad", "wait_seconds": 25})
    assert good["status"] == "succeeded"
    assert Path(good["video"]["file"]).stat().st_size == good["video"]["bytes"]
    assert facts_of(bad)["status"] == "failed"
    assert "Insufficient credits" in text_of(bad)


async def test_the_blocking_call_brings_the_video_and_asks_nothing_else(tmp_path: Path, rendered: Path) -> None:
    """Issue: the blocking call where the user chooses it, `OXEN_REQUEST_MODE=sync`."""
    async with oxen(tmp_path, rendered) as provider, provider.server(OXEN_REQUEST_MODE="sync") as client:
        task = await made(client)
    (create,) = provider.requests("create")
    assert (task["status"], create.path) == ("succeeded", "/api/ai/videos/generate")
    assert "provider_task_id" not in task
    assert Path(task["video"]["file"]).stat().st_size > 0
    assert provider.requests("fetch", "events", "cancel") == []


async def test_a_blocking_call_that_a_restart_breaks_off_is_uncertain_and_never_sent_again(
    tmp_path: Path, rendered: Path
) -> None:
    """Issue: it has no id until the end, so a restart leaves `uncertain`."""
    async with oxen(tmp_path, rendered, run_s=60) as provider:
        async with provider.server(OXEN_REQUEST_MODE="sync") as client:
            task = facts_of(await client.call_tool("create_video", {**SMALL, "wait_seconds": 0}))
            await provider.arrived("create")
        async with provider.server(OXEN_REQUEST_MODE="sync") as client:
            after = await client.call_tool("get_task", {"task_id": task["task_id"], "wait_seconds": 5})
    assert facts_of(after)["status"] == "uncertain"
    assert "it is not sent again" in text_of(after).lower()
    assert len(provider.requests("create")) == 1
    assert provider.requests("fetch", "events") == []
