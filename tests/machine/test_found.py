"""The shortest stories of faults that the state machine has found; they are mended."""

from functools import partial
from pathlib import Path

import anyio
from ledger import Wish
from playing import play
from providers_network import Weather
from stage import CreateCall, Interruption, Premises, Stage

from seedance_mcp.simulator.faults import Fault

AT_KINOVI = Wish(number=0, provider="kinovi")


def test_a_download_that_ends_late_leaves_a_saved_video_as_it_is(tmp_path: Path, video: bytes) -> None:
    """DESIGN §1: never invent a fact; `could not be saved here yet` is none, and the file's path was told already.

    A stands still while it downloads, so B takes over and downloads too. A saves the video; then B's download fails.
    """
    script = (
        partial(Stage.up, slot="B"),
        partial(Stage.create, slot="A", wish=AT_KINOVI, how=CreateCall(then_s=20.0)),
        partial(Stage.trouble, weather=Weather(on="download", kind="late answer", seconds=20.0)),
        partial(Stage.trouble, weather=Weather(on="download", kind="gone", seconds=30.0)),
        partial(Stage.wait, seconds=8.0),
        partial(Stage.interrupt, slot="A", how=Interruption(stands_still_s=14.0)),
        partial(Stage.wait, seconds=25.0),
        partial(Stage.wait, seconds=20.0),
        partial(Stage.wait, seconds=20.0),
    )
    stage = anyio.run(play, Premises(folder=tmp_path / "story", video=video), script)
    (task,) = stage.audit.tasks.values()
    assert not any("could not be saved" in note for note in task.notes)


def test_a_create_sent_right_after_the_machine_has_slept_is_not_called_uncertain(tmp_path: Path, video: bytes) -> None:
    """DESIGN §2: `uncertain` is a create whose answer is lost; here the answer comes, and nobody has died."""
    busy = Fault(on="create", kind="status", status=429, headers={"retry-after": "40"})
    script = (
        partial(Stage.up, slot="B"),
        partial(Stage.create, slot="A", wish=AT_KINOVI, how=CreateCall(wait_seconds=0, fault=busy, then_s=0.3)),
        partial(Stage.wait, seconds=39.0),
        partial(Stage.sleep_laptop, seconds=60.0),
    )
    anyio.run(play, Premises(folder=tmp_path / "story", video=video), script)


def test_a_host_that_repeats_a_create_one_second_after_a_kill_pays_once(tmp_path: Path, video: bytes) -> None:
    """DESIGN §3: an identical create within 10 minutes returns the abandoned task; hosts restart a server at once."""
    killed = CreateCall(wait_seconds=5, meanwhile=Interruption(fuse=20), then_s=1.0)
    script = (
        partial(Stage.create, slot="A", wish=AT_KINOVI, how=killed),
        partial(Stage.create, slot="A", wish=AT_KINOVI, how=CreateCall(then_s=40.0)),
    )
    stage = anyio.run(play, Premises(folder=tmp_path / "story", video=video), script)
    assert [one.received.accepted for one in stage.network.creates] == [True]
