"""Stories of calls, faults, crashes and sleep, made up by hypothesis; whatever happens, the promise holds.

The rules of the state machine only write a script, which `teardown` plays in an event loop of its own. So what
hypothesis draws never depends on what a server did, no loop has to stand still between two rules, and a shorter
script is a shorter story: shrinking works on plain data. What fails is printed as the script and a diary of what
happened at what time. A story plays on a fake clock in one thread, the same way every time.

`MACHINE_EXAMPLES=500` plays so many random stories, longer ones; without it there are a few, always the same ones.
"""

import os
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import anyio
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from ledger import Wish
from playing import Step, play, situations
from providers_network import Moment, Trouble, Weather
from server_process import Slot
from stage import PROVIDERS, CreateCall, Interruption, Premises, Stage

from seedance_mcp.simulator.faults import Fault

P = ParamSpec("P")
EXAMPLES = os.environ.get("MACHINE_EXAMPLES")
ENOUGH = 80
"""Stories among which everything of `MUST_BE_SEEN` is."""
CI = settings(max_examples=ENOUGH, stateful_step_count=20, derandomize=True, database=None)
SOAK = settings(max_examples=int(EXAMPLES or 0) or 1, stateful_step_count=40, database=None, print_blob=True)
PROFILE = settings(
    SOAK if EXAMPLES else CI,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    phases=set(Phase) - {Phase.explain},
)

MUST_BE_SEEN = {
    "a call repeated after it broke off",
    "a create that nobody heard of again",
    "a create that was refused",
    "a process killed",
    "a process that stood still",
    "a task made elsewhere",
    "a task that another process took over",
    "a task that is failed",
    "a task that is succeeded",
    "a task that is uncertain",
    "an accepted create with a spoilt answer",
    "an answer spend_limit",
}
pytestmark = pytest.mark.slow
SLOTS = st.sampled_from(("A", "B"))
FUSES = st.integers(0, 30)
STANDSTILLS = st.none() | st.sampled_from((3.0, 12.0, 40.0))
REFUSALS = (
    Fault(on="create", kind="status", status=402, provider="seedance2_ink", times=3),
    Fault(on="create", kind="status", status=400, times=2),
    Fault(on="create", kind="status", status=429),
    Fault(on="create", kind="status", status=429, times=3, headers={"retry-after": "40"}),
)
LOST_ANSWERS = (
    Fault(on="create", kind="drop_after"),
    Fault(on="create", kind="drop_before"),
    Fault(on="create", kind="garbage"),
    Fault(on="create", kind="empty"),
    Fault(on="create", kind="truncated"),
    Fault(on="create", kind="redirect"),
    Fault(on="create", kind="status", status=500),
    Fault(on="create", kind="status", status=502, accepted=True),
    Fault(on="create", kind="status", status=408, accepted=True),
)
BENT_TASKS = (
    Fault(on="create", kind="task_fails"),
    Fault(on="create", kind="late_result", seconds=15),
    Fault(on="create", kind="unknown_status"),
)
OTHER_FAULTS = (
    Fault(on="fetch", kind="drop_after", times=2),
    Fault(on="fetch", kind="status", status=500, times=3),
    Fault(on="fetch", kind="status", status=429, headers={"retry-after": "900"}),
    Fault(on="fetch", kind="status", status=404),
    Fault(on="fetch", kind="garbage"),
    Fault(on="fetch", kind="task_fails"),
    Fault(on="fetch", kind="late_result"),
    Fault(on="other", kind="status", status=500, times=2),
    Fault(on="cancel", kind="status", status=500),
    Fault(on="cancel", kind="drop_after"),
    Fault(on="cancel", kind="status", status=400),
)
CALLS = st.builds(
    CreateCall,
    wait_seconds=st.sampled_from((None, 0, 5, 60)),
    patience_s=st.none() | st.sampled_from((0.05, 0.15, 2.0, 8.0)),
    meanwhile=st.none() | st.builds(Interruption, fuse=FUSES, stands_still_s=STANDSTILLS),
    fault=st.none() | st.sampled_from(REFUSALS) | st.sampled_from(LOST_ANSWERS) | st.sampled_from(BENT_TASKS),
    late_s=st.sampled_from((0.0, 0.0, 5.0, 30.0)),
    then_s=st.sampled_from((0.0, 0.05, 0.15, 1.0, 12.0, 40.0)),
    is_cancelled=st.booleans(),
    asleep_s=st.sampled_from((0.0, 0.0, 0.0, 300.0)),
    repeated_at=st.none() | SLOTS,
)
INDEXES = st.integers(0, 20)


class Stories(RuleBasedStateMachine):
    """Writes a script and plays it at its end."""

    def __init__(self, folder: Path, video: bytes, seen: Counter[str]) -> None:
        super().__init__()
        self._seen = seen
        self._folder = folder
        self._video = video
        self._script: list[Step] = []
        self._seed = 0
        self.wish: Wish | None = None
        """The last one."""
        self._premises = Premises(folder=folder, video=video)

    @initialize(
        budget_usd=st.sampled_from((None, 3.0, 1.5)), places=st.sampled_from((None, 2, 1)), seed=st.integers(0, 999)
    )
    def premises(self, budget_usd: float | None, places: int | None, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311  (who is first in a test)
        self._seed = seed
        self._premises = Premises(
            folder=self._folder,
            video=self._video,
            budget_usd=budget_usd,
            places=places,
            turns=lambda: chance.randrange(4) if seed else 0,
        )

    @rule(
        slot=SLOTS,
        number=st.integers(0, 1),
        provider=st.sampled_from((None, None, None, *PROVIDERS)),
        max_cost_usd=st.sampled_from((None, None, 0.7, 5.0)),
        call=CALLS,
    )
    def create(self, *, slot: Slot, call: CreateCall, **wish: Any) -> None:
        self._create(slot, Wish(**wish), call)

    @rule(
        slot=SLOTS,
        number=st.sampled_from((0, 0, 0, 1)),
        key=st.sampled_from(("k1", "k2")),
        provider=st.sampled_from((None, None, None, "kinovi")),
        call=CALLS,
    )
    def create_with_key(self, *, slot: Slot, call: CreateCall, **wish: Any) -> None:
        self._create(slot, Wish(**wish), call)

    @precondition(lambda self: self.wish is not None)
    @rule(slot=SLOTS, call=CALLS)
    def repeat_the_last_create(self, slot: Slot, call: CreateCall) -> None:
        if self.wish is not None:
            self._create(slot, self.wish, call)

    @rule(slot=SLOTS, index=INDEXES, wait_seconds=st.sampled_from((0, 5, 60)))
    def look(self, slot: Slot, index: int, wait_seconds: int) -> None:
        self._then(Stage.look, slot, index, wait_seconds)

    @rule(slot=SLOTS, index=INDEXES)
    def cancel(self, slot: Slot, index: int) -> None:
        self._then(Stage.cancel, slot, index)

    @rule(slot=SLOTS, index=INDEXES)
    def adopt(self, slot: Slot, index: int) -> None:
        self._then(Stage.adopt, slot, index)

    @rule(slot=SLOTS, index=INDEXES)
    def tell(self, slot: Slot, index: int) -> None:
        self._then(Stage.tell, slot, index)

    @rule(seconds=st.sampled_from((0.05, 0.15, 1, 4, 11, 30, 90)))
    def time_passes(self, seconds: float) -> None:
        self._then(Stage.wait, seconds)

    @rule(seconds=st.sampled_from((60, 660, 3 * 3600, 20 * 3600)))
    def laptop_sleeps(self, seconds: float) -> None:
        self._then(Stage.sleep_laptop, seconds)

    @rule(slot=SLOTS, how=st.builds(Interruption, fuse=st.none() | FUSES, stands_still_s=STANDSTILLS))
    def interrupt(self, slot: Slot, how: Interruption) -> None:
        self._then(Stage.interrupt, slot, how)

    @rule(slot=SLOTS)
    def restart(self, slot: Slot) -> None:
        self._then(Stage.restart, slot)

    @rule(fault=st.sampled_from((*REFUSALS, *LOST_ANSWERS, *BENT_TASKS)))
    def break_creates(self, fault: Fault) -> None:
        self._then(Stage.break_provider, fault)

    @rule(fault=st.sampled_from(OTHER_FAULTS))
    def break_what_comes_later(self, fault: Fault) -> None:
        self._then(Stage.break_provider, fault)

    @rule(
        on=st.sampled_from(("create", "poll", "cancel", "download")),
        kind=st.sampled_from(("unreachable", "late request", "late answer")),
        seconds=st.sampled_from((2, 25, 100, 200)),
    )
    def trouble(self, on: Moment, kind: Trouble, seconds: float) -> None:
        self._then(Stage.trouble, Weather(on=on, kind=kind, seconds=seconds))

    @rule(kind=st.sampled_from(("gone", "cut off", "no video")))
    def bad_download(self, kind: Trouble) -> None:
        self._then(Stage.trouble, Weather(on="download", kind=kind))

    def teardown(self) -> None:
        # A script that was not written to its end is none.
        if sys.exception() is None:
            self._seen.update(situations(anyio.run(play, self._premises, self._script, self._seed)))

    def _create(self, slot: Slot, wish: Wish, call: CreateCall) -> None:
        self.wish = wish
        self._then(Stage.create, slot, wish, call)

    def _then(self, step: Callable[Concatenate[Stage, P], Awaitable[None]], *args: P.args, **more: P.kwargs) -> None:
        self._script.append(lambda stage: step(stage, *args, **more))


@pytest.mark.timeout(0 if EXAMPLES else 600)
def test_no_story_pays_twice_or_loses_a_video_or_breaks_a_limit(tmp_path: Path, video: bytes) -> None:
    """Issue 4, DESIGN §1: never pay twice, never lose a paid video, never invent a fact."""
    numbers = count()
    seen = Counter[str]()
    run_state_machine_as_test(
        # Its docstring: "a class or a function".
        lambda: Stories(tmp_path / str(next(numbers)), video, seen),  # pyright: ignore[reportArgumentType]
        settings=PROFILE,
    )
    for what, times in sorted(seen.items()):
        print(f"{times:6} times {what}")  # noqa: T201  (pytest shows it with `-s`, and with a failure)
    if PROFILE.max_examples < ENOUGH:
        return
    assert {what for what, times in seen.items() if times} >= MUST_BE_SEEN, "these stories are about too little"
