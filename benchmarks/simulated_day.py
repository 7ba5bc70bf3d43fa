"""One simulated day (or hour) of tasks through the real engine, in a process of its own; see polling.py.

The store is a real SQLite file, the provider a function. The clock is that of the tests: it stands still while
anything is done, and jumps when everything waits. So times are exact, and computing costs none.
"""

import json
import math
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import NormalDist
from tempfile import TemporaryDirectory

import anyio
from figures import most_rss_mb
from one_thread import OneThreadClock
from scripted_provider import PROMPT, PROVIDER, Made, ScriptedProvider

from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.engine import STORE_NAME, open_tasks
from seedance_mcp.settings import Settings, load_settings
from seedance_mcp.tasks.catalogue import Catalogue
from seedance_mcp.tasks.order import Order
from seedance_mcp.tasks.service import VideoTasks

OWNER = "local"
ADDRESS = "http://127.0.0.1:9"
"""Where the provider seems to be; nothing listens there."""
CHECK_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What happens."""

    tasks: int
    over_s: float
    """The creates are spread evenly over this time."""
    median_s: float
    spread: float
    """Durations are log-normal with this median, and this spread of their logarithm."""
    usual_s: tuple[float, float]
    """What the provider's documents say."""
    folder: str
    seed: int = 1

    def durations_s(self) -> Sequence[float]:
        samples = NormalDist(math.log(self.median_s), self.spread).samples(self.tasks, seed=self.seed)
        return [math.exp(one) for one in samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of it: of each task, in the order of the creates, and of the process."""

    durations_s: Sequence[float]
    looks: Sequence[int]
    late_s: Sequence[float]
    succeeded: int
    most_unfinished: int
    wall_s: float
    cpu_s: float
    rss_before_mb: float
    rss_most_mb: float


async def run(day: Day) -> Seen:
    """Raises `RuntimeError` when a task was made twice, or lost."""
    durations = day.durations_s()
    async with OneThreadClock() as clock:
        provider = ScriptedProvider(now=clock.now, takes_s=durations.__getitem__, address=ADDRESS)
        with TemporaryDirectory(dir=day.folder) as folder:
            before, cpu, began = most_rss_mb(), time.process_time(), time.monotonic()
            async with open_tasks(_settings(day, Path(folder)), clock, {PROVIDER: provider.transport}) as tasks:
                most = await _play(day, tasks, clock, provider)
            wall, cpu = time.monotonic() - began, time.process_time() - cpu
            succeeded = _succeeded(Path(folder))
    if provider.creates != day.tasks or succeeded != day.tasks:
        raise RuntimeError(f"{day.tasks} tasks, {provider.creates} creates, {succeeded} succeeded")
    made = [provider.made[number] for number in range(day.tasks)]
    return Seen(
        durations_s=durations,
        looks=[len(one.looks_at) for one in made],
        late_s=[_late_s(one) for one in made],
        succeeded=succeeded,
        most_unfinished=most,
        wall_s=wall,
        cpu_s=cpu,
        rss_before_mb=before,
        rss_most_mb=most_rss_mb(),
    )


async def _play(day: Day, tasks: VideoTasks, clock: OneThreadClock, provider: ScriptedProvider) -> int:
    """Orders everything and waits for its end; the result is how many were unfinished at once."""
    most = 0

    async def order(number: int) -> None:
        nonlocal most
        request = VideoRequest(prompt=f"{PROMPT}{number}", duration=4, resolution="480p")
        task = await tasks.create(Order(owner=OWNER, request=request))
        await tasks.answered(task)
        most = max(most, number + 1 - provider.noticed)

    start = clock.now()
    async with anyio.create_task_group() as group:
        for number in range(day.tasks):
            await clock.sleep(start + number * day.over_s / day.tasks - clock.now())
            group.start_soon(order, number)
    while await _unfinished(tasks):
        await clock.sleep(CHECK_S)
    return most


def _succeeded(folder: Path) -> int:
    """As the store says, without making 10,000 tasks of its rows."""
    with closing(sqlite3.connect(folder / "data" / STORE_NAME)) as db:
        (count,) = db.execute("SELECT count(*) FROM tasks WHERE status = 'succeeded'").fetchone()
    return int(count)


async def _unfinished(tasks: VideoTasks) -> bool:
    return any([await tasks.recent(OWNER, status=status, limit=1) for status in ("waiting", "queued", "running")])


def _settings(day: Day, folder: Path) -> Settings:
    settings = load_settings(
        {
            f"{PROVIDER.upper()}_API_KEY": "sk-benchmark",
            f"{PROVIDER.upper()}_BASE_URL": ADDRESS,
            "SEEDANCE_DATA_DIR": str(folder / "data"),
            "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
            "SEEDANCE_LOG_LEVEL": "ERROR",
        }
    )
    (provider,) = settings.catalogue.configured
    provider = replace(provider, spec=replace(provider.spec, usual_s=day.usual_s))
    return replace(settings, catalogue=Catalogue([provider], [provider.spec]))


def _late_s(made: Made) -> float:
    if made.noticed_at is None:
        raise RuntimeError("an end was never noticed")
    return made.noticed_at - made.ends_at


def main() -> None:
    day = Day(**json.loads(sys.argv[1]))
    print(json.dumps(asdict(anyio.run(run, day))))


if __name__ == "__main__":
    main()
