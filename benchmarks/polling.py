"""How often the provider is asked, and how late the end is noticed: 10,000 tasks in simulated time.

Every scenario runs in a process of its own (simulated_day.py), because its memory is measured too. That process gets
`tests` on its module path for the tests' clock; to run this file nothing has to be set.

    uv run python benchmarks/polling.py
    uv run python benchmarks/polling.py --tasks 1000

The store lies in memory (/dev/shm) where that exists: every look is a commit that waits for the disk
(`synchronous=FULL`), and simulated time does not see how long that takes.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import anyio
from figures import Figure, at_share, child_environment, middle, quick_folder, say, show

DAY_S = 86_400.0
LOOP_S = 5.0
LEARNING = 50
"""So many tasks are not counted: from them it is learned how long such videos take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens, and what is promised of it (DESIGN §10)."""

    title: str
    day: Mapping[str, object]
    looks_at_most: float | None = None
    late_at_most_s: float | None = None
    rss_at_most_mb: float | None = None
    learning: int = LEARNING


SCENARIOS = {
    "three-minutes": Scenario(
        title="a day of videos of 3 minutes (spread 0.15; documents say 1 to 3 minutes)",
        day={"over_s": DAY_S, "median_s": 180, "spread": 0.15, "usual_s": (60, 180)},
        looks_at_most=12,
        late_at_most_s=2,
        rss_at_most_mb=250,
    ),
    "eight-minutes": Scenario(
        title="a day of videos of 8 minutes (spread 0.4; documents say 5 to 15 minutes)",
        day={"over_s": DAY_S, "median_s": 480, "spread": 0.4, "usual_s": (300, 900)},
        rss_at_most_mb=250,
    ),
    "all-at-once": Scenario(
        title="the same number within one minute (spread 0.15): all are unfinished together, nothing is learned before",
        day={"over_s": 60.0, "median_s": 180, "spread": 0.15, "usual_s": (60, 180)},
        rss_at_most_mb=250,
        learning=0,
    ),
}


def figures_of(scenario: Scenario, seen: Mapping[str, Any]) -> Sequence[Figure]:
    """What is reported, beside a loop that looks every 5 s at the same videos."""
    durations, looks, late = seen["durations_s"], seen["looks"], seen["late_s"]
    counted = slice(scenario.learning, None)
    loop_looks = [math.ceil(one / LOOP_S) for one in durations[counted]]
    loop_late = [LOOP_S * math.ceil(one / LOOP_S) - one for one in durations[counted]]
    figures = [
        Figure(
            what="looks per task, mean",
            value=mean(looks[counted]),
            at_most=scenario.looks_at_most,
            beside=f"5 s loop: {mean(loop_looks):.1f}",
        ),
        Figure(
            what="end noticed late, median",
            value=median(late[counted]),
            unit=" s",
            at_most=scenario.late_at_most_s,
            beside=f"5 s loop: {middle(loop_late)} s",
        ),
        Figure(what="end noticed late, p95", value=at_share(late[counted], 0.95), unit=" s"),
        *_of_the_day(late[counted]),
        Figure(
            what="most memory (RSS)",
            value=seen["rss_most_mb"],
            unit=" MB",
            at_most=scenario.rss_at_most_mb,
            digits=0,
            beside=f"{seen['rss_before_mb']:.0f} MB before; at most {seen['most_unfinished']} unfinished",
        ),
        Figure(
            what="wall time",
            value=seen["wall_s"],
            unit=" s",
            digits=0,
            beside=f"CPU {seen['cpu_s']:.0f} s, {1000 * seen['cpu_s'] / len(durations):.1f} ms per task",
        ),
    ]
    return figures if not scenario.learning else [*figures, _first(scenario, looks, late)]


def _of_the_day(late: Sequence[float]) -> Sequence[Figure]:
    """Whether what is learned stays true: the first and the last tenth of the tasks."""
    tenth = max(1, len(late) // 10)
    last = Figure(
        what="median of the last tenth of the tasks",
        value=median(late[-tenth:]),
        unit=" s",
        beside=f"first tenth: {median(late[:tenth]):.2f} s",
    )
    return [last]


def _first(scenario: Scenario, looks: Sequence[int], late: Sequence[float]) -> Figure:
    return Figure(
        what=f"not counted: looks of the first {scenario.learning}",
        value=mean(looks[: scenario.learning]),
        beside=f"late {middle(late[: scenario.learning])} s",
    )


async def run(names: Sequence[str], count: int, folder: str) -> None:
    for name in names:
        scenario = SCENARIOS[name]
        say(f"{name}: {count} tasks in simulated time, this takes minutes")
        over_s = float(str(scenario.day["over_s"]))
        day = {**scenario.day, "tasks": count, "folder": folder}
        if over_s == DAY_S:
            # Fewer tasks make a shorter day, not a quieter one.
            day["over_s"] = DAY_S * count / 10_000
        command = [sys.executable, str(Path(__file__).with_name("simulated_day.py")), json.dumps(day)]
        done = await anyio.run_process(command, env=child_environment(), stderr=None, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)
        show(f"{scenario.title}: {count:,} tasks", figures_of(scenario, json.loads(done.stdout)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Looks per task and how late the end is noticed, in simulated time.")
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(SCENARIOS)}; default: all")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--folder", default=quick_folder(), help="where the store lies (default %(default)s)")
    options = parser.parse_args()
    if unknown := set(options.scenarios) - set(SCENARIOS):
        parser.error(f"there is no scenario {', '.join(unknown)}; known are {', '.join(SCENARIOS)}")
    anyio.run(run, options.scenarios or list(SCENARIOS), options.tasks, options.folder)


if __name__ == "__main__":
    main()
