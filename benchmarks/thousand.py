"""1,000 unfinished videos in one process, over real HTTP and in real time, beside a loop that looks every 5 s.

    uv run python benchmarks/thousand.py
    uv run python benchmarks/thousand.py --unfinished 200 --seconds 40

Three processes: the provider (thousand_server.py), then one after the other on the same provider the server's engine
(thousand_engine.py) and the loop (thousand_loop.py). Both get the same videos (thousand_plan.py): they take 3 minutes
(log-normal, spread 0.15), are spread evenly over their ages when it begins, and are replaced as they end. The sides
run one after the other, because two cores cannot carry both at once without measuring each other.
"""

import argparse
import json
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import anyio
import httpx
from anyio.streams.text import TextReceiveStream
from figures import Figure, at_share, child_environment, middle, say, show
from thousand_plan import Plan

START_S = 8.0
"""For a process to start in."""
WARM_S = 10.0
"""What is due sooner after the begin is not counted: a process has just started."""
IDLE_S = 0.01
CLOSE_S = 2.0
"""What is due so shortly before the end neither: its answer may come after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side did."""

    own: Mapping[str, Any]
    """What its process said of itself."""
    report: Mapping[str, Any]
    """What the provider saw, by number."""
    plan: Plan
    idle_late_s: Sequence[float]
    """How late a process without any work was meanwhile, again and again."""

    @property
    def looks(self) -> int:
        return sum(len(one["looks_at"]) for one in self.report.values())

    @property
    def late_s(self) -> Sequence[float]:
        """How long after its due time each look arrived; one that never did counts until the end."""
        begin, end = self.plan.begin + WARM_S, self.plan.begin + self.plan.window_s
        late: list[float] = []
        for number, dues in self.own["dues"].items():
            arrivals: list[float] = self.report[number]["looks_at"]
            for index, due in enumerate(dues):
                if begin <= due <= end - CLOSE_S:
                    late.append((arrivals[index] if index < len(arrivals) else end) - due)
        return late

    @property
    def ends_late_s(self) -> Sequence[float]:
        """How long after its end each video was noticed, among those that ended well within the run."""
        begin, end = self.plan.begin, self.plan.begin + self.plan.window_s
        ended = [one for one in self.report.values() if begin + WARM_S <= one["ends_at"] <= end - 10]
        return [(one["noticed_at"] or end) - one["ends_at"] for one in ended]

    def looks_at(self, numbers: Sequence[int]) -> int:
        return sum(len(self.report[str(number)]["looks_at"]) for number in numbers)


@asynccontextmanager
async def provider() -> AsyncGenerator[str]:
    """Its address."""
    async with await anyio.open_process(_command("thousand_server.py"), stderr=None) as process:
        if process.stdout is None:
            raise RuntimeError("no stdout")
        try:
            yield f"http://127.0.0.1:{int(await TextReceiveStream(process.stdout).receive())}"
        finally:
            process.terminate()


async def measure(script: str, plan: Plan) -> Side:
    idle_late: list[float] = []
    async with httpx.AsyncClient(base_url=plan.address, timeout=30) as client:
        await client.post("/control/begin", content=plan.as_argument())
        own = await _run(script, plan, idle_late)
        report = (await client.get("/control/report")).json()
    return Side(own=own, report=report, plan=plan, idle_late_s=idle_late)


async def _run(script: str, plan: Plan, idle_late: list[float]) -> Mapping[str, Any]:
    """What the process says at its end."""
    own: Mapping[str, Any] = {}
    async with anyio.create_task_group() as group:
        group.start_soon(_idle, idle_late)
        command = [*_command(script), plan.as_argument()]
        done = await anyio.run_process(command, env=child_environment(), stderr=None, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)
        own = json.loads(done.stdout)
        group.cancel_scope.cancel()
    return own


async def _idle(late: list[float]) -> None:
    """What the machine makes a process wait that has nothing to do: no other one can be more on time than this."""
    while True:
        due = time.perf_counter() + IDLE_S
        await anyio.sleep(IDLE_S)
        late.append(time.perf_counter() - due)


def _command(script: str) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name(script))]


def figures_of(engine: Side, loop: Side) -> Sequence[Figure]:
    plan = engine.plan
    waiters = len(plan.awaited) * plan.waiters
    twins = [number + 1 for number in plan.awaited]
    late, loop_late = engine.late_s, loop.late_s
    return [
        Figure(
            what="look on time: after it was due, p99",
            value=at_share(late, 0.99),
            unit=" s",
            at_most=1,
            beside=f"5 s loop: {at_share(loop_late, 0.99):.2f} s; an idle process meanwhile: "
            f"{at_share(engine.idle_late_s, 0.99):.2f} s",
        ),
        Figure(
            what="the same, median",
            value=median(late),
            unit=" s",
            digits=3,
            beside=f"most {max(late):.2f} s of {len(late):,}; 5 s loop: {median(loop_late):.3f} s",
        ),
        Figure(
            what="looks a second",
            value=engine.looks / plan.window_s,
            digits=1,
            beside=f"5 s loop: {loop.looks / plan.window_s:.1f}",
        ),
        Figure(
            what="end noticed late, median",
            value=median(engine.ends_late_s),
            unit=" s",
            beside=f"p95 {at_share(engine.ends_late_s, 0.95):.2f} s; 5 s loop: {middle(loop.ends_late_s)} s",
        ),
        Figure(
            what=f"looks at a video with {plan.waiters} waiters, against its twin without",
            value=engine.looks_at(plan.awaited) / max(1, engine.looks_at(twins)),
            unit=" x",
            at_most=1.2,
            beside=f"{mean(_each(engine, plan.awaited)):.1f} and {mean(_each(engine, twins)):.1f} looks; "
            f"{engine.own['released']} of {waiters} waiters saw the end",
        ),
        Figure(
            what="most memory (RSS)",
            value=engine.own["rss_most_mb"],
            unit=" MB",
            digits=0,
            beside=f"5 s loop: {loop.own['rss_most_mb']:.0f} MB",
        ),
        Figure(
            what="CPU",
            value=100 * engine.own["cpu_s"] / plan.window_s,
            unit=" % of a core",
            digits=0,
            beside=f"5 s loop: {100 * loop.own['cpu_s'] / plan.window_s:.0f} %",
        ),
    ]


def _each(side: Side, numbers: Sequence[int]) -> Sequence[int]:
    return [side.looks_at([number]) for number in numbers]


async def run(unfinished: int, seconds: float, folder: str) -> None:
    sides: list[Side] = []
    async with provider() as address:
        for script in ("thousand_engine.py", "thousand_loop.py"):
            say(f"{script}: {seconds:.0f} s")
            with TemporaryDirectory(dir=folder) as store:
                begin = time.time() + START_S
                plan = Plan(begin=begin, address=address, folder=store, unfinished=unfinished, window_s=seconds)
                sides.append(await measure(script, plan))
    show(f"{unfinished:,} unfinished videos over real HTTP, {seconds:.0f} s each side", figures_of(*sides))


def main() -> None:
    parser = argparse.ArgumentParser(description="Many unfinished videos over real HTTP, beside a fixed loop.")
    parser.add_argument("--unfinished", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--folder", default=gettempdir(), help="where the store lies (default %(default)s)")
    options = parser.parse_args()
    anyio.run(run, options.unfinished, options.seconds, options.folder)


if __name__ == "__main__":
    main()
