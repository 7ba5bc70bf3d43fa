"""The contract of every task store: rows, repeats, owners, changes, followers."""

from dataclasses import replace
from typing import Any

import anyio
import pytest
from some_tasks import DAY_START, NOW, OWNER, limits, new_task, terms
from stores import OpenStore

from seedance_mcp.domain.errors import Failure
from seedance_mcp.domain.task import Task, TransitionError
from seedance_mcp.storage.task_store import Claim, TaskStore, Transition


async def test_a_task_is_stored_whole_and_seen_by_another_process(open_store: OpenStore) -> None:
    """DESIGN §6: one store, several processes."""
    one, other = await open_store(), await open_store()
    task = new_task(label="shot 1", notes=("a", "b"), input_task_ids=("vt_0",))
    added = await one.add(task, terms())
    assert (added.task, added.how) == (task, "new")
    assert await other.get(OWNER, task.task_id) == task
    assert await other.history(OWNER, task.task_id) == [Transition(at=task.updated_at, before=None, after="queued")]


async def test_tasks_come_newest_first_and_page_by_page(store: TaskStore) -> None:
    """DESIGN §3: list_tasks with a cursor; equal times do not lose or repeat one."""
    for number in range(7):
        await store.add(new_task(number, created_at=NOW + number // 3), terms())
    first = await store.recent(OWNER, limit=3)
    second = await store.recent(OWNER, limit=3, before=(first[-1].created_at, first[-1].task_id))
    third = await store.recent(OWNER, limit=3, before=(second[-1].created_at, second[-1].task_id))
    ids = [task.task_id for task in (*first, *second, *third)]
    assert ids == ["vt_006", "vt_005", "vt_004", "vt_003", "vt_002", "vt_001", "vt_000"]


async def test_tasks_are_chosen_by_status_and_by_id(store: TaskStore) -> None:
    """DESIGN §3: list_tasks: status, task_ids."""
    await store.add(new_task(1), terms())
    await store.add(new_task(2, status="failed"), terms())
    failed = await store.recent(OWNER, status="failed")
    named = await store.recent(OWNER, task_ids=["vt_001", "vt_nothere"])
    none = await store.recent(OWNER, task_ids=[])
    assert [[task.task_id for task in found] for found in (failed, named, none)] == [["vt_002"], ["vt_001"], []]


async def test_a_task_is_found_by_its_id_at_the_provider_the_newest_first(store: TaskStore) -> None:
    """DESIGN §3: get_task with provider + provider_task_id."""
    given_up = Failure(kind="not_settled", message="Given up.")
    await store.add(new_task(1, provider_task_id="task_1", status="failed", error=given_up), terms())
    await store.add(new_task(2, provider_task_id="task_1"), terms())
    again = await store.add(new_task(3, provider_task_id="task_1"), terms())
    assert (again.how, again.task.task_id) == ("known", "vt_002"), "two rows never follow one video"
    found = await store.find(OWNER, "kinovi", "task_1")
    assert found is not None
    assert found.task_id == "vt_002"
    assert await store.find(OWNER, "seedance2_ink", "task_1") is None


async def test_one_owner_never_sees_or_changes_the_tasks_of_another(store: TaskStore) -> None:
    """DESIGN §6: every store method takes the owner; another owner's id is `not_found`."""
    await store.add(new_task(provider_task_id="task_1", idempotency_key="shot-1"), terms())
    assert await store.get("you", "vt_001") is None
    assert await store.find("you", "kinovi", "task_1") is None
    assert await store.recent("you") == []
    assert await store.recent("you", task_ids=["vt_001"]) == []
    assert await store.history("you", "vt_001") == []
    assert await store.claim_send("you", "vt_001", limits()) == Claim(task=None)
    assert await store.spent_usd("you", DAY_START) == 0
    with pytest.raises(KeyError):
        await store.change("you", "vt_001", lambda task: replace(task, status="cancelled"))
    same_key = await store.add(new_task(2, owner="you", idempotency_key="shot-1"), terms())
    assert same_key.how == "new"


async def test_an_idempotency_key_stands_for_its_first_task(store: TaskStore) -> None:
    """DESIGN §3: the same task; other arguments with it: said, and nothing stored."""
    await store.add(new_task(1, idempotency_key="shot-1"), terms())
    same = await store.add(new_task(2, idempotency_key="shot-1"), terms())
    other = await store.add(new_task(3, idempotency_key="shot-1", fingerprint="other"), terms())
    assert [(added.task.task_id, added.how) for added in (same, other)] == [
        ("vt_001", "same_key"),
        ("vt_001", "other_arguments"),
    ]
    assert len(await store.recent(OWNER)) == 1


async def test_racing_adds_with_one_key_store_one_task(open_store: OpenStore) -> None:
    """DESIGN §3: never pay twice."""
    stores = [await open_store(), await open_store()]
    ids: set[str] = set()

    async def add(number: int) -> None:
        added = await stores[number % 2].add(new_task(number, idempotency_key="shot-1"), terms())
        ids.add(added.task.task_id)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(add, number)
    assert len(ids) == len(await stores[0].recent(OWNER)) == 1


async def test_an_abandoned_task_is_handed_out_once_with_a_note(store: TaskStore) -> None:
    """DESIGN §3: an identical create returns the abandoned task, once, with a note."""
    await store.heartbeat("worker", NOW + 10)
    await store.add(new_task(1, answered_at=None, abandoned_at=NOW, follower="busy"), terms())
    handed_out = await store.add(new_task(2, caller="second"), terms(note="not ordered twice"))
    await store.heartbeat("second", NOW + 10)
    new = await store.add(new_task(3), terms(note="not ordered twice"))
    assert (handed_out.task.task_id, handed_out.how) == ("vt_001", "abandoned")
    assert (handed_out.task.caller, handed_out.task.abandoned_at) == ("second", None)
    assert handed_out.task.notes == ("not ordered twice",)
    assert handed_out.task.follower == "busy"
    assert (new.task.task_id, new.how) == ("vt_003", "new")


@pytest.mark.parametrize(
    ("facts", "now", "how"),
    [
        ({"abandoned_at": NOW}, NOW, "abandoned"),
        ({"abandoned_at": NOW}, NOW + 601, "abandoned"),
        ({"abandoned_at": NOW}, NOW + 602, "new"),
        ({"abandoned_at": NOW, "answered_at": NOW}, NOW, "new"),
        ({"abandoned_at": NOW, "idempotency_key": "shot-1"}, NOW, "new"),
        ({"abandoned_at": NOW, "fingerprint": "other"}, NOW, "new"),
        ({"abandoned_at": NOW, "owner": "somebody"}, NOW, "new"),
        ({}, NOW, "new"),
        ({}, NOW + 10, "abandoned"),
        ({"caller": "never seen"}, NOW, "abandoned"),
        ({"caller": None}, NOW, "new"),
    ],
    ids=[
        "broken off",
        "just within ten minutes",
        "after ten minutes",
        "answered",
        "with a key",
        "other arguments",
        "another owner's",
        "its caller lives",
        "its caller's heartbeat lapsed",
        "its caller left",
        "adopted",
    ],
)
async def test_when_a_task_counts_as_abandoned(store: TaskStore, facts: dict[str, Any], now: float, how: str) -> None:
    """DESIGN §3: *Abandoned*: a create whose call ended before its answer was delivered."""
    await store.heartbeat("worker", NOW + 10)
    await store.add(new_task(1, **{"answered_at": None, **facts}), terms())
    assert (await store.add(new_task(2), terms(now=now))).how == how


async def test_a_change_is_made_to_the_row_as_it_is_and_none_is_lost(open_store: OpenStore) -> None:
    """DESIGN §6: safe for several server processes at once."""
    stores = [await open_store(), await open_store()]
    await stores[0].add(new_task(), terms())

    async def count(number: int) -> None:
        await stores[number % 2].change(OWNER, "vt_001", lambda task: replace(task, failed_steps=task.failed_steps + 1))

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(count, number)
    task = await stores[0].get(OWNER, "vt_001")
    assert task is not None
    assert task.failed_steps == 40


async def test_every_change_of_status_is_recorded_and_other_changes_are_not(store: TaskStore) -> None:
    """DESIGN §6: status and its history."""
    await store.add(new_task(), terms())
    await store.change(OWNER, "vt_001", lambda task: replace(task, progress=5.0))
    running = {"status": "running", "send_state": "sent"}
    await store.change(OWNER, "vt_001", lambda task: replace(task, **running, updated_at=NOW + 5))
    await store.change(OWNER, "vt_001", lambda task: replace(task, status="succeeded", updated_at=NOW + 9))
    assert await store.history(OWNER, "vt_001") == [
        Transition(at=NOW + 1, before=None, after="queued"),
        Transition(at=NOW + 5, before="queued", after="running"),
        Transition(at=NOW + 9, before="running", after="succeeded"),
    ]


async def test_a_status_that_may_not_follow_changes_nothing(store: TaskStore) -> None:
    """DESIGN §2: transitions are checked in one place; ends are final."""
    await store.add(new_task(status="succeeded"), terms())

    def restart(task: Task) -> Task:
        return replace(task, status="running", label="changed")

    with pytest.raises(TransitionError):
        await store.change(OWNER, "vt_001", restart)
    assert await store.get(OWNER, "vt_001") == new_task(status="succeeded")
    assert len(await store.history(OWNER, "vt_001")) == 1


async def test_an_edit_that_fails_changes_nothing_and_the_store_goes_on(store: TaskStore) -> None:
    """Ours: one fault must not leave a transaction open for everybody."""
    await store.add(new_task(), terms())

    def fail(_task: Task) -> Task:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.change(OWNER, "vt_001", fail)
    await store.change(OWNER, "vt_001", lambda task: replace(task, label="fine"))
    with pytest.raises(KeyError):
        await store.change(OWNER, "vt_nothere", lambda task: task)


async def test_orphaned_tasks_are_taken_over_by_one_worker_only(open_store: OpenStore) -> None:
    """DESIGN §6: following a task is leased, and a lease not renewed is taken over."""
    stores = [await open_store(), await open_store()]
    for number in range(10):
        await stores[0].add(new_task(number, follower="dead"), terms())
    await stores[0].heartbeat("w0", NOW + 10)
    await stores[0].heartbeat("w1", NOW + 10)
    taken: dict[str, list[str]] = {}

    async def take(number: int) -> None:
        found = await stores[number].take_over(f"w{number}", NOW, ["kinovi"])
        assert all(task.follower == f"w{number}" for task in found)
        taken[f"w{number}"] = [task.task_id for task in found]

    async with anyio.create_task_group() as group:
        group.start_soon(take, 0)
        group.start_soon(take, 1)
    assert sorted(taken["w0"] + taken["w1"]) == [f"vt_{number:03}" for number in range(10)]


@pytest.mark.parametrize(
    ("facts", "is_taken"),
    [
        ({"follower": "dead"}, True),
        ({"follower": None}, True),
        ({"follower": "lapsed"}, True),
        ({"follower": "living"}, False),
        ({"follower": "dead", "next_step_at": None}, False),
        ({"follower": "dead", "provider": "seedance2_ink"}, False),
        ({"follower": "dead", "owner": "somebody"}, True),
    ],
    ids=["gone", "nobody", "lapsed", "living", "nothing to do", "no key here", "any owner"],
)
async def test_which_tasks_are_taken_over(store: TaskStore, facts: dict[str, Any], is_taken: bool) -> None:
    """DESIGN §6: whoever lives follows the tasks that have something left to do and no living follower."""
    await store.heartbeat("living", NOW + 1)
    await store.heartbeat("lapsed", NOW)
    await store.add(new_task(**facts), terms())
    assert bool(await store.take_over("me", NOW, ["kinovi", "demo"])) is is_taken
    assert await store.take_over("me", NOW, []) == ()


async def test_a_worker_that_leaves_gives_its_tasks_back_at_once(store: TaskStore) -> None:
    """DESIGN §6: a restart need not wait for a lease to lapse."""
    await store.heartbeat("worker", NOW + 10)
    await store.heartbeat("worker", NOW + 20)
    await store.add(new_task(), terms())
    before = await store.take_over("next", NOW + 15, ["kinovi"])
    await store.leave("worker")
    after = await store.take_over("next", NOW + 15, ["kinovi"])
    assert (len(before), len(after)) == (0, 1)
