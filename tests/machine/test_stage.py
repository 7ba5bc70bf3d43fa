"""The stage itself: a kill is a kill, a standstill is one, and a story is the same every time."""

from functools import partial
from pathlib import Path

import anyio
import pytest
from ledger import Wish
from playing import Step, play
from stage import CreateCall, Interruption, Premises, Stage

from seedance_mcp.tasks.schedule import ALIVE_S

WISH = Wish(number=0, provider="kinovi")


def told(folder: Path, video: bytes, *script: Step, seed: int = 0) -> Stage:
    return anyio.run(play, Premises(folder=folder / "story", video=video), script, seed)


@pytest.fixture
def order() -> Step:
    """A create whose request is on its way when the step is over."""
    return partial(Stage.create, slot="A", wish=WISH, how=CreateCall(wait_seconds=0))


def test_a_killed_process_is_known_to_be_dead_by_the_next_one_at_once(
    tmp_path: Path, video: bytes, order: Step
) -> None:
    """DESIGN §6: taken over; its lock went with it, so that nobody has to wait for its lease to lapse."""
    statuses: list[str] = []

    async def look(stage: Stage) -> None:
        statuses.append(next(iter(stage.audit.tasks.values())).status)

    kill = partial(Stage.interrupt, slot="A", how=Interruption())
    start, wait = partial(Stage.up, slot="B"), partial(Stage.wait, seconds=ALIVE_S + 5)
    stage = told(tmp_path, video, order, kill, start, look, wait, look)
    assert statuses == ["uncertain", "uncertain"]
    assert [one.received.accepted for one in stage.network.creates] == [True], "the request was on its way"
    assert [one.is_heard for one in stage.network.creates] == [False]


def test_a_process_that_leaves_in_order_hears_the_answer_first(tmp_path: Path, video: bytes, order: Step) -> None:
    """DESIGN §3: the process ends 1.5 s later when the answer to a create is awaited."""
    stage = told(tmp_path, video, order, partial(Stage.restart, slot="A"))
    assert [one.is_heard for one in stage.network.creates] == [True]
    assert [task.status for task in stage.audit.tasks.values()] == ["succeeded"]


def test_a_kill_before_the_row_is_written_leaves_nothing(tmp_path: Path, video: bytes) -> None:
    """Ours: or the stage would let dead processes write."""
    killed = CreateCall(wait_seconds=0, meanwhile=Interruption(fuse=0), then_s=1.0)
    stage = told(tmp_path, video, partial(Stage.create, slot="A", wish=WISH, how=killed))
    assert stage.audit.tasks == {}
    assert stage.network.creates == []


def test_a_process_that_stands_still_goes_on_where_it_was(tmp_path: Path, video: bytes, order: Step) -> None:
    """Ours: nothing is lost by a standstill, and nothing happens in it."""
    heard: list[bool] = []

    async def look(stage: Stage) -> None:
        heard.append(stage.network.creates[0].is_heard)

    stop = partial(Stage.interrupt, slot="A", how=Interruption(stands_still_s=5.0))
    wait = partial(Stage.wait, seconds=3.0)
    told(tmp_path, video, order, stop, wait, look, wait, look)
    assert heard == [False, True]


def test_a_story_is_the_same_every_time(tmp_path: Path, video: bytes, order: Step) -> None:
    """Ours: or what fails could not be told again."""
    script = (
        order,
        partial(Stage.create, slot="B", wish=Wish(number=1), how=CreateCall(then_s=0.15)),
        partial(Stage.interrupt, slot="B", how=Interruption(fuse=3)),
        partial(Stage.wait, seconds=30.0),
        partial(Stage.look, slot="A", index=0, wait_seconds=60),
    )
    one, other = (told(tmp_path, video, *script, seed=7) for _ in range(2))
    assert one.diary == other.diary
    assert list(one.audit.tasks) == list(other.audit.tasks)
