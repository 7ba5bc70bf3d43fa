"""How long a call waits, what wakes it, and what it says meanwhile."""

from dataclasses import dataclass, field
from itertools import pairwise

import anyio
import pytest
from calls import BOTH, LONG, cancel, create, get, hold, listed
from mcp import Client

from rig import Rig, error_of, facts_of


@dataclass
class TimedProgress:
    """What a client hears, and when."""

    rig: Rig
    heard: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    messages: list[str] = field(default_factory=list[str])

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        assert total == 100
        self.heard.append((self.rig.clock.now(), progress))
        self.messages.append(message or "")


@pytest.mark.parametrize("seconds", [0, 1, 5, 10])
async def test_a_call_waits_as_long_as_it_was_asked_to(rig: Rig, seconds: int) -> None:
    """DESIGN §3: create_video and get_task return within `wait_seconds`; 0 = at once."""
    async with rig.client() as client:
        started = rig.clock.now()
        task = facts_of(await create(client, provider="kinovi", wait_seconds=seconds))
        created_after = rig.clock.now() - started
        await get(client, task["task_id"], wait_seconds=seconds)
        got_after = rig.clock.now() - started - created_after
    # A little earlier: a client may give up at the very second it asked for.
    assert created_after == pytest.approx(max(0, seconds - 0.3))
    assert got_after == pytest.approx(max(0, seconds - 0.3))
    assert task["next_step"] == f'Call get_task(task_id="{task["task_id"]}") to wait for it; asking is free.'


@pytest.mark.parametrize(("token", "seconds"), [(False, 3), (True, 25)])
async def test_a_create_without_wait_seconds_waits_by_what_the_client_can_show(
    rig: Rig, token: bool, seconds: float
) -> None:
    """DESIGN §3: 25 s for a client that sent a progress token, else 3 s for create_video."""
    held = hold(rig, "kinovi")
    async with rig.client("legacy") as client:
        started = rig.clock.now()
        await client.call_tool(
            "create_video",
            {"prompt": "a corgi", "duration": 4, "resolution": "480p"},
            progress_callback=TimedProgress(rig) if token else None,
        )
        waited = rig.clock.now() - started
        held.go.set()
    assert waited == pytest.approx(seconds)


async def test_a_waiter_is_woken_at_once_by_a_change(rig: Rig) -> None:
    """DESIGN §6: waiters share what the watcher learns; nobody waits for the next look of his own."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=10))
        woken_at: list[float] = []
        cancelled_at = 0.0

        async with anyio.create_task_group() as group:

            async def wait() -> None:
                assert facts_of(await get(client, task["task_id"], wait_seconds=LONG))["status"] == "cancelled"
                woken_at.append(rig.clock.now())

            group.start_soon(wait)
            await rig.clock.sleep(0.5)
            await cancel(client, task["task_id"])
            cancelled_at = rig.clock.now()
    assert woken_at == [cancelled_at]


@pytest.mark.parametrize("provider", BOTH)
async def test_any_number_of_waiters_on_one_task_share_its_polls(rig: Rig, provider: str) -> None:
    """DESIGN §6: any number of waiters on one task share its polls."""
    async with rig.client() as client:
        alone = facts_of(await create(client, provider=provider, wait_seconds=LONG))
        polls = len(rig.requests("fetch"))
        shared = facts_of(await create(client, provider=provider))
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(get, client, shared["task_id"], LONG)
    assert alone["status"] == "succeeded"
    # Looks are spread a little differently for each task.
    assert abs(len(rig.requests("fetch")) - 2 * polls) <= 1
    assert len(rig.requests("download")) == 2


async def test_a_percentage_of_the_providers_own_is_passed_on(rig: Rig) -> None:
    """DESIGN §3: the provider's own percentage where it gives one; `progress_basis`."""
    async with rig.client(SEEDANCE_DEMO="1") as client:
        own = facts_of(await create(client, provider="demo", wait_seconds=10))
        ours = facts_of(await create(client, provider="kinovi", wait_seconds=10))
    assert (own["progress_basis"], ours["progress_basis"]) == ("reported", "estimated")
    assert 0 < own["progress"] < 99
    assert 0 < ours["progress"] < 99


async def test_list_tasks_waits_until_all_named_tasks_have_ended(rig: Rig) -> None:
    """DESIGN §3: how an assistant waits for a whole storyboard."""
    rig.break_next(on="create", kind="status", status=429, provider="kinovi")
    async with rig.client() as client:
        ids = [facts_of(await create(client, provider=one))["task_id"] for one in ("kinovi", "seedance2_ink")]
        rig.break_next(on="create", kind="drop_after")
        ids.append(facts_of(await create(client, provider="seedance2_ink"))["task_id"])
        told = facts_of(await listed(client, task_ids=ids, wait_seconds=LONG))["tasks"]
    assert [task["status"] for task in told] == ["succeeded", "succeeded", "uncertain"]


async def test_waiting_for_a_task_that_does_not_exist_is_an_error(rig: Rig) -> None:
    """DESIGN §6: another one's id, or none, is `not_found`."""
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        error = error_of(await listed(client, task_ids=[task["task_id"], "vt_nothere"], wait_seconds=5))
    assert error["kind"] == "not_found"


@pytest.mark.parametrize("provider", BOTH)
async def test_progress_grows_at_most_once_a_second_and_never_falls_silent(rig: Rig, provider: str) -> None:
    """DESIGN §3: strictly increasing, total 100, at most one a second and at least one every 5 s."""
    progress = TimedProgress(rig)
    async with rig.client() as client:
        await client.call_tool(
            "create_video",
            {"prompt": "a corgi", "duration": 4, "resolution": "480p", "provider": provider, "wait_seconds": LONG},
            progress_callback=progress,
        )
    assert all(late > early for (_, early), (_, late) in pairwise(progress.heard))
    gaps = [late - early for (early, _), (late, _) in pairwise(progress.heard)]
    assert len(gaps) <= progress.heard[-1][0] - progress.heard[0][0] + 1
    assert max(gaps) <= 5
    assert progress.heard[0][0] == rig.creates[0].at_s, "the first one carries the task id"
    assert all(number < 100 for _, number in progress.heard[:-1])
    assert progress.heard[-1][1] == 100


async def test_a_call_that_waits_for_a_slow_provider_goes_on_to_give_signs_of_life(rig: Rig) -> None:
    """DESIGN §3: at least one every 5 s. Gap: a look that comes a little early leaves it to the one a second later."""
    held = hold(rig, "kinovi")
    progress = TimedProgress(rig)
    async with rig.client() as client:
        await client.call_tool(
            "create_video",
            {"prompt": "a corgi", "duration": 4, "resolution": "480p", "provider": "kinovi", "wait_seconds": 60},
            progress_callback=progress,
        )
        held.go.set()
    gaps = [late - early for (early, _), (late, _) in pairwise(progress.heard)]
    assert len(progress.heard) >= 10
    assert max(gaps) <= 5
    assert all(late > early for (_, early), (_, late) in pairwise(progress.heard))


async def test_a_client_that_gives_up_early_is_answered_earlier_next_time(rig: Rig) -> None:
    """DESIGN §3: once this client has given up after t ≥ 4 s, the default is at most t - 1, not under 3."""
    progress = TimedProgress(rig)
    arguments = {"prompt": "a corgi", "duration": 4, "resolution": "480p"}

    async def ask(client: Client) -> None:
        await client.call_tool("create_video", arguments, progress_callback=progress)

    async with rig.client("legacy") as client:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, client)
            await rig.clock.sleep(8)
            group.cancel_scope.cancel()
        await rig.clock.sleep(1)
        started = rig.clock.now()
        await ask(client)
    assert rig.clock.now() - started == pytest.approx(7, abs=0.1)
