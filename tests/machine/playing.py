"""Plays a script, and checks everything after every step."""

import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import anyio
from audit import quiet_logs
from hypothesis import currently_in_test_context, note
from mortal import one_thread
from stage import Premises, Stage

from fake_clock import FakeClock

Step = Callable[[Stage], Awaitable[object]]
STUCK_S = 60.0
"""Real seconds after which a story hangs."""


async def play(premises: Premises, script: Sequence[Step], seed: int = 0) -> Stage:
    """The stage after the last act, with its diary and its books; its folder is gone.

    Raises:
        AssertionError: The promise was broken.
    """
    premises.folder.mkdir()
    stages: list[Stage] = []
    try:
        with quiet_logs() as logger:
            async with FakeClock() as clock, anyio.create_task_group() as group:
                with one_thread(seed), anyio.fail_after(STUCK_S):
                    stages.append(Stage(premises, clock, group))
                    logger.addHandler(stages[0].audit.faults)
                    await _perform(stages[0], script)
                group.cancel_scope.cancel()
    finally:
        shutil.rmtree(premises.folder, ignore_errors=True)
    return stages[0]


async def _perform(stage: Stage, script: Sequence[Step]) -> None:
    try:
        await stage.begin()
        for step in script:
            await step(stage)
            await stage.settle()
            await stage.audit.check()
        await stage.finish()
    except AssertionError:
        await stage.abort()
        raise
    finally:
        _say("\n".join(stage.diary))
    await stage.close()


def _say(text: str) -> None:
    """Is shown with a story that fails."""
    if currently_in_test_context():
        note(text)
    else:
        print(text)  # noqa: T201  (pytest shows it with a failure)


def situations(stage: Stage) -> Counter[str]:
    """What a story came through: the proof that stories are about what they should be about."""
    tasks, creates = stage.audit.tasks.values(), stage.network.creates
    found = Counter(f"a task that is {task.status}" for task in tasks)
    found["a task that another process took over"] = sum(
        task.attempt is not None and task.follower not in {None, task.attempt} for task in tasks
    )
    found["a task made elsewhere"] = sum(task.model is None for task in tasks)
    found["a create that was refused"] = sum(one.was_refused for one in creates)
    found["a create that nobody heard of again"] = sum(not one.is_heard for one in creates)
    found["an accepted create with a spoilt answer"] = sum(
        one.received.accepted and one.is_heard and not one.is_clear for one in creates
    )
    found.update(stage.events)
    return found
