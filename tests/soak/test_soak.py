"""kill -9 at random moments: nothing is paid twice, nothing is lost (DESIGN §10)."""

import os
import random
from pathlib import Path

import anyio
import pytest
from soak_checks import Findings, judged
from soak_plan import Plan, plans
from soak_report import Outcome, Soak, report
from soak_run import prepared

RUNS = int(os.environ.get("SOAK_RUNS") or 8)
SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(1_000_000))
AT_ONCE = int(os.environ.get("SOAK_AT_ONCE") or 3)
REPORT = os.environ.get("SOAK_REPORT")
"""A file that gets the result, such as docs/soak.md."""
pytestmark = [pytest.mark.soak, pytest.mark.timeout(120 + 30 * RUNS)]


async def test_servers_killed_at_random_moments_pay_once_and_lose_nothing(tmp_path: Path) -> None:
    """Issue: kill -9 at random points, 200 runs: 0 second creates, 0 lost tasks."""
    outcomes: list[Outcome] = []
    places = anyio.CapacityLimiter(AT_ONCE)

    async def play(plan: Plan) -> None:
        async with places:
            outcomes.append(await _outcome(plan, tmp_path / f"run-{plan.number}"))

    started = anyio.current_time()
    async with anyio.create_task_group() as group:
        for plan in plans(SEED, RUNS):
            group.start_soon(play, plan)
    outcomes.sort(key=lambda outcome: outcome.plan.number)
    soak = Soak(outcomes=outcomes, seed=SEED, at_once=AT_ONCE, seconds=anyio.current_time() - started)
    print(soak.headline)  # noqa: T201  (a run can be repeated only by who knows its seed)
    if REPORT:
        Path(REPORT).parent.mkdir(parents=True, exist_ok=True)
        Path(REPORT).write_text(report(soak), encoding="utf-8")
    assert not soak.wrong, "\n".join((soak.headline, *soak.wrong))


async def _outcome(plan: Plan, folder: Path) -> Outcome:
    folder.mkdir()
    started = anyio.current_time()
    async with prepared(plan, folder) as run:
        try:
            await run.play()
            findings = judged(run)
        except Exception as error:  # noqa: BLE001  (one run that breaks off must not hide the others)
            findings = Findings(other=[f"the run broke off: {error!r}; {run.errors.decode(errors='replace')}"])
    seconds = anyio.current_time() - started
    return Outcome(plan=plan, findings=findings, falls=run.falls, kills=run.kills, seconds=seconds)
