"""The server's own time for a call, with a provider that answers at once: through an MCP client in memory.

    uv run python benchmarks/calls.py
    uv run python benchmarks/calls.py --folder /dev/shm

The provider is a function in this process, the store a real SQLite file with its real commits. Beside every figure:
a tool of a bare server on the same SDK, called through the same kind of client, which shows what the protocol costs.
"""

import argparse
import sqlite3
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, TypeVar

import anyio
from bare_server import mcp as bare
from figures import Figure, middle, say, show
from mcp import Client
from scripted_provider import PROMPT, PROVIDER, ScriptedProvider

from seedance_mcp.logs import set_up_logs
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings

_T = TypeVar("_T")
ADDRESS = "http://127.0.0.1:9"
"""Where the provider seems to be; nothing listens there."""
CALLS = 200
AT_A_TIME = 25
"""So many creates are measured before the first of them is due for its first look, which would be measured as well."""
WAITING = 3
WAIT_S = 600
ENDLESS = 1_000_000
"""Videos from this number on are never finished here; all others take no time."""


def takes_s(number: int) -> float:
    return 1e6 if number >= ENDLESS else 0.0


class Stopwatch:
    """Wall time of every call, and CPU time of all together: on a busy machine only the second is what it seems."""

    def __init__(self) -> None:
        self.times_ms: list[float] = []
        self._cpu_s = 0.0

    async def time(self, call: Callable[[], Awaitable[_T]]) -> _T:
        began, cpu = time.perf_counter(), time.process_time()
        answer = await call()
        self.times_ms.append(1000 * (time.perf_counter() - began))
        self._cpu_s += time.process_time() - cpu
        return answer

    @property
    def median_ms(self) -> float:
        return median(self.times_ms)

    @property
    def all(self) -> str:
        cpu_ms = 1000 * self._cpu_s / len(self.times_ms)
        return f"all: {middle(self.times_ms)} ms; CPU {cpu_ms:.2f} ms each, the client's part included"


class Caller:
    """A client of a whole server in this process, and the provider behind it."""

    def __init__(self, client: Client, provider: ScriptedProvider) -> None:
        self.client = client
        self._provider = provider

    async def create(self, number: int) -> str:
        """The id of a new task."""
        arguments = {"prompt": f"{PROMPT}{number}", "duration": 4, "resolution": "480p", "wait_seconds": 0}
        return (await self.call("create_video", arguments))["task_id"]

    async def get(self, task_id: str) -> Mapping[str, Any]:
        return await self.call("get_task", {"task_id": task_id, "wait_seconds": 0})

    async def call(self, tool: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        if result.is_error or result.structured_content is None:
            raise RuntimeError(str(result.content))
        return result.structured_content

    async def sent(self, number: int) -> None:
        """Waits until the create of this video was answered and that is stored, so that the next call is alone."""
        while number not in self._provider.made:  # noqa: ASYNC110  (the provider is a function and has no event)
            await anyio.sleep(0.001)
        await anyio.sleep(0.02)

    async def ended(self, task_ids: Sequence[str]) -> None:
        await self.call("list_tasks", {"task_ids": list(task_ids), "wait_seconds": WAIT_S})


async def creates(caller: Caller) -> tuple[Stopwatch, str]:
    """Also the id of a finished task."""
    watch, task_id = Stopwatch(), ""
    for first in range(0, CALLS, AT_A_TIME):
        task_ids: list[str] = []
        for number in range(first, first + AT_A_TIME):
            task_ids.append(await watch.time(lambda number=number: caller.create(number)))
            await caller.sent(number)
        await caller.ended(task_ids)
        task_id = task_ids[0]
    return watch, task_id


async def gets(caller: Caller, task_id: str) -> Stopwatch:
    watch = Stopwatch()
    for _ in range(CALLS):
        await watch.time(lambda: caller.get(task_id))
    return watch


async def pings(caller: Caller) -> Stopwatch:
    """While calls wait for unfinished videos, with progress."""
    watch, heard = Stopwatch(), list[float]()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress if total and message else 0.0)

    async def wait(task_id: str) -> None:
        arguments = {"task_id": task_id, "wait_seconds": WAIT_S}
        await caller.client.call_tool("get_task", arguments, progress_callback=hear)

    task_ids = [await caller.create(ENDLESS + number) for number in range(1, WAITING + 1)]
    async with anyio.create_task_group() as group:
        for task_id in task_ids:
            group.start_soon(wait, task_id)
        for _ in range(CALLS):
            # Together longer than a few reports of progress take to come, so that pings meet them.
            await anyio.sleep(0.02)
            # Deprecated, because the newer era has no pings; this client speaks the older one.
            await watch.time(caller.client.send_ping)  # pyright: ignore[reportDeprecated]
        group.cancel_scope.cancel()
    if len(heard) < WAITING:
        raise RuntimeError("the calls did not wait")
    return watch


async def bare_calls() -> Stopwatch:
    watch = Stopwatch()
    async with Client(bare) as client:
        for _ in range(CALLS):
            await watch.time(lambda: client.call_tool("repeat", {"text": "a corgi", "times": 2}))
    return watch


def commit_ms(folder: str) -> Sequence[float]:
    """What one commit costs in this folder, with the settings of the store."""
    times: list[float] = []
    with TemporaryDirectory(dir=folder) as place, closing(sqlite3.connect(Path(place) / "one.db")) as db:
        db.isolation_level = None
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE rows (row TEXT)")
        for _ in range(CALLS):
            began = time.perf_counter()
            db.execute("INSERT INTO rows VALUES (?)", ("x" * 800,))
            times.append(1000 * (time.perf_counter() - began))
    return times


async def run(folder: str) -> None:
    provider = ScriptedProvider(now=time.time, takes_s=takes_s, address=ADDRESS)
    with TemporaryDirectory(dir=folder) as place:
        settings = load_settings(
            {
                f"{PROVIDER.upper()}_API_KEY": "sk-benchmark",
                f"{PROVIDER.upper()}_BASE_URL": ADDRESS,
                "SEEDANCE_DATA_DIR": f"{place}/data",
                "SEEDANCE_OUTPUT_DIR": f"{place}/videos",
            }
        )
        set_up_logs(settings.log_level, settings.secrets)
        program = Program(settings, transports={PROVIDER: provider.transport})
        # The handshake era: pings are gone from the newer one.
        async with Client(program.mcp, mode="legacy") as client:
            caller = Caller(client, provider)
            say("creates, in parts, each part until its videos are saved")
            created, finished = await creates(caller)
            say("gets and pings")
            got_finished = await gets(caller, finished)
            unfinished = await caller.create(ENDLESS)
            got, pinged = await gets(caller, unfinished), await pings(caller)
        figures = figures_of(
            created=created,
            got=got,
            got_finished=got_finished,
            pinged=pinged,
            plain=await bare_calls(),
            commits=commit_ms(folder),
        )
    show(f"own time of a call, {CALLS} each, store in {folder}", figures)


def figures_of(
    *,
    created: Stopwatch,
    got: Stopwatch,
    got_finished: Stopwatch,
    pinged: Stopwatch,
    plain: Stopwatch,
    commits: Sequence[float],
) -> Sequence[Figure]:
    commit = f"one commit in this folder: {middle(commits)} ms, and a create makes two"
    return [
        Figure(
            what="create_video, median",
            value=created.median_ms,
            unit=" ms",
            at_most=10,
            beside=f"{created.all}; {commit}",
        ),
        Figure(
            what="get_task of an unfinished video, median", value=got.median_ms, unit=" ms", at_most=4, beside=got.all
        ),
        Figure(
            what="get_task of a finished video, median",
            value=got_finished.median_ms,
            unit=" ms",
            at_most=4,
            beside=got_finished.all,
        ),
        Figure(
            what=f"ping while {WAITING} calls wait, median",
            value=pinged.median_ms,
            unit=" ms",
            at_most=10,
            beside=f"{pinged.all}; most {max(pinged.times_ms):.1f} ms",
        ),
        Figure(what="for comparison: a tool of a bare server", value=plain.median_ms, unit=" ms", beside=plain.all),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="The server's own time for a call.")
    parser.add_argument("--folder", default=gettempdir(), help="where the store lies (default %(default)s)")
    # The newer era has no pings; the client here speaks the older one.
    warnings.filterwarnings("ignore", message="ping is removed")
    anyio.run(run, parser.parse_args().folder)


if __name__ == "__main__":
    main()
