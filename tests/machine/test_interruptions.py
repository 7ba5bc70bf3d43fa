"""A create that is interrupted at every single point, and what the host does then."""

from functools import partial
from pathlib import Path

import anyio
import pytest
from ledger import Wish
from playing import play
from server_process import Slot
from stage import CreateCall, Interruption, Premises, Stage

TOUCHES = range(30)
"""From the call to the provider's answer in the store are fewer."""
AT_KINOVI = Wish(number=0, provider="kinovi")
WITH_KEY = Wish(number=0, provider="kinovi", key="k1")


@pytest.mark.parametrize("wish", [AT_KINOVI, WITH_KEY], ids=["without a key", "with a key"])
@pytest.mark.parametrize("fuse", TOUCHES)
def test_a_host_that_repeats_a_create_killed_at_any_point_pays_once(
    tmp_path: Path, video: bytes, wish: Wish, fuse: int
) -> None:
    """DESIGN §3 Not paying twice, §6: kill -9 at any point; the other process gets the repeated call."""
    killed = CreateCall(wait_seconds=5, meanwhile=Interruption(fuse=fuse), then_s=3.0)
    script = (
        partial(Stage.create, slot="A", wish=wish, how=killed),
        partial(Stage.create, slot="B", wish=wish, how=CreateCall(then_s=40.0)),
    )
    stage = anyio.run(play, Premises(folder=tmp_path / "story", video=video), script)
    assert stage.events["a process killed"] == 1
    assert len(stage.network.creates) <= 1
    assert len(stage.audit.tasks) == 1


@pytest.mark.parametrize("repeated_at", ["A", "B"])
@pytest.mark.parametrize("asleep_s", [0.0, 500.0], ids=["at once", "some minutes later"])
@pytest.mark.parametrize("patience_s", [0.05, 0.15, 2.5, 25.0])
def test_a_host_that_gives_a_call_up_and_repeats_it_pays_once(
    tmp_path: Path, video: bytes, patience_s: float, asleep_s: float, repeated_at: Slot
) -> None:
    """DESIGN §3: an identical create within 10 minutes returns the abandoned task."""
    given_up = CreateCall(
        wait_seconds=60, patience_s=patience_s, then_s=30.0, asleep_s=asleep_s, repeated_at=repeated_at
    )
    script = (partial(Stage.up, slot="B"), partial(Stage.create, slot="A", wish=AT_KINOVI, how=given_up))
    stage = anyio.run(play, Premises(folder=tmp_path / "story", video=video), script)
    assert stage.events["a call repeated after it broke off"] == 1
    assert len(stage.network.creates) == 1
    assert [task.status for task in stage.audit.tasks.values()] == ["succeeded"]


@pytest.mark.parametrize("fuse", TOUCHES)
def test_a_create_that_stands_still_at_any_point_and_goes_on_is_sent_once(
    tmp_path: Path, video: bytes, fuse: int
) -> None:
    """DESIGN §3: no lease gives the right to send; the other process takes over what it thinks is an orphan.

    The answer comes late, so that the first process goes on while the other one may be sending.
    """
    halt = Interruption(fuse=fuse, stands_still_s=20.0)
    halted = CreateCall(wait_seconds=5, meanwhile=halt, late_s=30.0, then_s=90.0)
    script = (partial(Stage.up, slot="B"), partial(Stage.create, slot="A", wish=AT_KINOVI, how=halted))
    stage = anyio.run(play, Premises(folder=tmp_path / "story", video=video), script)
    assert stage.events["a process that stood still"] == 1
    assert len(stage.network.creates) == 1
    (task,) = stage.audit.tasks.values()
    assert task.status == "succeeded"
