"""What is learned from finished videos, what is done about a provider that is down, and what takes too long."""

from collections.abc import Mapping
from typing import Any

import pytest
from calls import LONG, RUN_S, create, get, listed
from stored import left_over, rows, run_sql, store

from rig import Rig, facts_of, text_of
from seedance_mcp.domain.task import Video
from seedance_mcp.simulator.exchange import Received

HOUR_S = 3600.0


async def test_how_long_a_video_took_is_kept_for_the_next_ones(rig: Rig) -> None:
    """Issue 4: learned from finished tasks; quantiles in the store."""
    async with rig.client() as client:
        await create(client, provider="kinovi", wait_seconds=LONG)
    (row,) = rows(rig)
    assert row["took_s"] == pytest.approx(RUN_S, abs=3)


async def test_looks_come_close_together_around_the_usual_end_and_seldom_before(rig: Rig) -> None:
    """Issue 4: when to poll is learned per provider, model, resolution and duration."""
    async with rig.client() as client:
        await create(client, provider="kinovi", wait_seconds=LONG)
        untaught = len(rig.requests("fetch"))
        _finished_before(rig, RUN_S, count=20)
    async with rig.client() as client:
        done = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
    looks = [one.at_s - rig.creates[-1].at_s for one in rig.requests("fetch")[untaught:]]
    assert done["status"] == "succeeded"
    assert len(looks) < untaught
    assert len([at for at in looks if at < RUN_S * 0.8]) <= 3
    assert looks[-1] - RUN_S < 2.5


async def test_other_lengths_are_learned_apart(rig: Rig) -> None:
    """Issue 4: per resolution and duration: a 15 s video takes longer than a 4 s one."""
    async with rig.client() as client:
        await create(client, provider="kinovi", wait_seconds=LONG)
        _finished_before(rig, RUN_S, count=10)
        _finished_before(rig, 400.0, count=10, duration=15)
    async with rig.client() as client:
        short = facts_of(await create(client, provider="kinovi", wait_seconds=12))
        long = facts_of(await create(client, provider="kinovi", duration=15, wait_seconds=12))
    assert short["progress"] > 30
    assert long["progress"] < 10


async def test_a_task_that_takes_far_too_long_is_called_overdue_and_still_looked_at(rig: Rig) -> None:
    """Issue 4: a deadline after which a task is reported as stuck but still looked at now and then."""
    async with rig.client() as client:
        task_id = facts_of(await create(client, provider="kinovi", wait_seconds=0))["task_id"]
        await rig.clock.sleep(1)
        _accepted_before(rig, 2 * HOUR_S)
        _never_done(rig)
        await rig.clock.sleep(HOUR_S)
        stuck = await get(client, task_id)
        looks = len(rig.requests("fetch"))
        await rig.clock.sleep(HOUR_S)
        more = len(rig.requests("fetch")) - looks
        rig.simulator.faults.clear()
        done = facts_of(await get(client, task_id, 600))
        done = done if done["status"] == "succeeded" else facts_of(await get(client, task_id, 600))
    assert facts_of(stuck)["status"] in {"queued", "running"}
    assert "Overdue: kinovi has been at it for" in text_of(stuck)
    assert 3 <= more <= 12
    assert done["status"] == "succeeded"
    assert not any("Overdue" in note for note in done.get("notes", []))


async def test_a_provider_that_is_down_is_asked_about_one_task_at_a_time(rig: Rig) -> None:
    """Issue 4: backoff with a circuit breaker per provider."""
    async with rig.client() as client:
        ids = [facts_of(await create(client, provider="kinovi", label=str(n)))["task_id"] for n in range(12)]
        rig.break_next(on="fetch", kind="status", status=503, times=None)
        await rig.clock.sleep(20)
        before = len(rig.requests("fetch"))
        await rig.clock.sleep(300)
        looks = rig.requests("fetch")[before:]
        other = facts_of(await create(client, provider="seedance2_ink", wait_seconds=0))["status"]
        rig.simulator.faults.clear()
        restored_at = rig.clock.now()
        tasks = facts_of(await listed(client, task_ids=ids, wait_seconds=600))["tasks"]
    assert len(looks) < 15, "twelve tasks that each back off by themselves ask far more often"
    assert other == "queued"
    assert [task["status"] for task in tasks] == ["succeeded"] * 12
    assert _first_look_at_each(rig.requests("fetch"), restored_at) < 310


async def test_the_most_urgent_link_is_downloaded_first_after_a_start(rig: Rig) -> None:
    """DESIGN §6: most urgent link first after a start."""
    now = rig.clock.now()
    async with rig.client() as client:
        made = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
    url = made["video"]["url"]
    lifetimes = {"vt_late": 9000.0, "vt_soon": 60.0, "vt_middle": 600.0, "vt_unknown": None, "vt_sooner": 50.0}
    for task_id, seconds in lifetimes.items():
        video = Video(url=f"{url}?{task_id}", url_expires_at=None if seconds is None else now + seconds + 100)
        facts: Mapping[str, Any] = {"status": "running", "send_state": "sent", "provider_task_id": task_id}
        await store(rig, left_over(rig, task_id=task_id, video=video, **facts))
    before = len(rig.requests("download"))
    async with rig.client() as client:
        await listed(client, task_ids=list(lifetimes), wait_seconds=30)
    asked = [str(one.query) for one in rig.requests("download")[before:]]
    order = [next(task_id for task_id in lifetimes if task_id + "'" in query) for query in asked]
    assert order == ["vt_sooner", "vt_soon", "vt_middle", "vt_late", "vt_unknown"]


def _finished_before(rig: Rig, took_s: float, *, count: int, duration: int = 4) -> None:
    """As if so many equal videos had been made here before."""
    columns = [name for name in rows(rig)[0] if name not in {"task_id", "took_s", "request", "idempotency_key"}]
    for number in range(count):
        run_sql(
            rig,
            f"INSERT INTO tasks (task_id, took_s, request, {', '.join(columns)}) "  # noqa: S608  (names of columns)
            f"SELECT 'vt_{duration}_{number}', {took_s + number % 3}, json_set(request, '$.duration', {duration}), "
            f"{', '.join(columns)} FROM tasks WHERE task_id NOT LIKE 'vt\\_%\\_%' ESCAPE '\\' LIMIT 1",
        )


def _accepted_before(rig: Rig, seconds: float) -> None:
    run_sql(rig, f"UPDATE tasks SET started_at = started_at - {seconds}")  # noqa: S608  (a number)


def _never_done(rig: Rig) -> None:
    rig.break_next(on="fetch", kind="status", status=200, times=None, body={"taskId": "x", "status": "generating"})


def _first_look_at_each(looks: "list[Received] | Any", since: float) -> float:
    """Seconds until every task that is still looked at was looked at once."""
    first: dict[str | None, float] = {}
    for one in looks:
        if one.at_s >= since:
            first.setdefault(one.task_id, one.at_s - since)
    return max(first.values())
