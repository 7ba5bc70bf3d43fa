"""What must hold after every step of every story, read from the store and from what reached the providers."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from ledger import Intents
from providers_network import Network

from seedance_mcp.domain.task import Status, Task
from seedance_mcp.storage.sqlite import SqliteTaskStore

OWNER = "local"
DAY_S = 24 * 3600
CENT = 0.01
MAY_FOLLOW: Mapping[Status | None, set[Status]] = {
    None: {"waiting", "queued", "running", "succeeded", "failed", "cancelled"},
    "waiting": {"queued", "failed", "cancelled"},
    "queued": {"running", "waiting", "uncertain", "succeeded", "failed", "cancelled"},
    "running": {"succeeded", "failed", "cancelled"},
    "uncertain": {"queued", "running", "succeeded", "failed", "cancelled"},
    "succeeded": set(),
    "failed": set(),
    "cancelled": set(),
}
"""DESIGN §2, row by row. A task made elsewhere may begin anywhere but `uncertain`."""
ENDS = {"succeeded", "failed", "cancelled"}
SENDING_S = 130.0
"""A create is given up after 120 s."""


class OwnFaults(logging.Handler):
    """Faults of our own that the server survived and logged: nothing in a story is a reason for one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.said.append(f"{record.getMessage()} {error!r}")


@contextmanager
def quiet_logs() -> Generator[logging.Logger]:
    """What the servers log is for their `OwnFaults`; in a story that goes wrong it would be endless."""
    logger = logging.getLogger("seedance_mcp")
    logger.propagate = False
    try:
        yield logger
    finally:
        logger.propagate = True
        for handler in tuple(logger.handlers):
            if isinstance(handler, OwnFaults):
                logger.removeHandler(handler)


class Audit:
    """Knows what was said before, so that nothing said can be taken back."""

    def __init__(
        self,
        store: SqliteTaskStore,
        network: Network,
        prices: Mapping[str, float],
        budget_usd: float | None,
        now: Callable[[], float],
    ) -> None:
        self.intents = Intents()
        self.known: list[str] = []
        """Every task that a host was told of, oldest first."""
        self.tasks: Mapping[str, Task] = {}
        """The store as the last check found it."""
        self.faults = OwnFaults()
        self.mishaps: list[float] = []
        """When something happened to a process: it was killed, left, stood still or slept."""
        self._store = store
        self._network = network
        self._prices = prices
        self._budget_usd = budget_usd
        self._now = now
        self._of_key: dict[str, str] = {}

    def told(self, task_id: str, key: str | None = None) -> None:
        """A host was told of this task, perhaps as the answer to a create with this key."""
        if task_id not in self.known:
            self.known.append(task_id)
        if key is not None:
            assert self._of_key.setdefault(key, task_id) == task_id, f"{key} gave two tasks"

    async def check(self) -> None:
        """Everything that must hold at any moment."""
        assert self.faults.said == []
        before = self.tasks
        self.tasks = {task.task_id: task for task in await self._store.recent(OWNER, limit=10_000)}
        self.intents.believe(self.tasks.values())
        self._nothing_vanished(before)
        await self._only_lawful_transitions()
        self._no_intent_is_bought_twice()
        self._limits_hold()
        self._nothing_is_invented()
        self._what_was_heard_is_kept()
        self._every_doubt_has_a_reason()

    def _nothing_vanished(self, before: Mapping[str, Task]) -> None:
        assert set(self.known) <= set(self.tasks), "a task that a host was told of is gone"
        for task_id, earlier in before.items():
            assert task_id in self.tasks, "a task vanished"
            now = self.tasks[task_id]
            if earlier.has_ended:
                assert now.status == earlier.status, f"{task_id} ended twice"
            if earlier.provider_task_id is not None:
                assert now.provider_task_id == earlier.provider_task_id, f"{task_id}: the provider's id was lost"
            if earlier.video is not None and earlier.video.url is not None:
                assert now.video is not None, f"{task_id}: the link was lost"
            if earlier.video is not None and earlier.video.file is not None:
                assert now.video is not None
                assert now.video.file == earlier.video.file, f"{task_id}: the file is another one"

    async def _only_lawful_transitions(self) -> None:
        for task in self.tasks.values():
            history = await self._store.history(OWNER, task.task_id)
            assert history[0].before is None
            assert history[-1].after == task.status
            for change in history:
                assert change.after in MAY_FOLLOW[change.before], f"{task.task_id}: {change.before} → {change.after}"
            for one, following in pairwise(history):
                assert following.before == one.after

    def _no_intent_is_bought_twice(self) -> None:
        sent, accepted = Counter[str](), Counter[str]()
        for create in self._network.creates:
            intent = self.intents.of_prompt[create.prompt]
            sent[intent] += not create.was_refused
            accepted[intent] += create.received.accepted
        for intent, allowed in self.intents.allowed.items():
            assert accepted[intent] <= allowed, f"{intent}: {accepted[intent]} paid, {allowed} wished for"
            assert sent[intent] <= allowed, f"{intent}: sent {sent[intent]} times, {allowed} wished for"
        keys = Counter(task.idempotency_key for task in self.tasks.values() if task.idempotency_key)
        assert all(count == 1 for count in keys.values()), f"one key, several tasks: {keys}"

    def _limits_hold(self) -> None:
        paid = {one.received.task_id: one for one in self._network.creates if one.received.accepted}
        for task in self.tasks.values():
            if task.max_cost_usd is not None and task.provider_task_id in paid:
                price = self._prices[paid[task.provider_task_id].model]
                assert price <= task.max_cost_usd, f"{task.task_id} costs more than allowed"
        if self._budget_usd is None:
            return
        by_day: defaultdict[float, float] = defaultdict(float)
        refunded = self._refunded()
        for provider_task_id, create in paid.items():
            if provider_task_id not in refunded:
                by_day[create.sent_at // DAY_S] += self._prices[create.model]
        for day, dollars in by_day.items():
            assert dollars < self._budget_usd + CENT / 2, f"day {day:.0f}: ${dollars:.2f} of ${self._budget_usd:.2f}"

    def _refunded(self) -> set[str | None]:
        """What fails at kinovi is refunded (DESIGN §5)."""
        failing = (one for one in self._network.simulator.requests if one.fault == "task_fails")
        return {one.task_id for one in failing if one.provider == "kinovi"}

    def _nothing_is_invented(self) -> None:
        ids = [
            task.provider_task_id for task in self.tasks.values() if task.model is not None and task.provider_task_id
        ]
        assert len(ids) == len(set(ids)), "one video at a provider is two of ours"
        theirs = {one.received.task_id: one.prompt for one in self._network.creates if one.received.accepted}
        for task in self.tasks.values():
            is_ours = task.model is not None
            if is_ours and task.provider_task_id is not None:
                assert theirs.get(task.provider_task_id) == task.request.prompt, f"{task.task_id}: whose video is it?"
            if task.status == "succeeded":
                assert task.provider_task_id is not None
                assert task.video is not None
            if task.video is not None and task.video.file is not None:
                assert Path(task.video.file).stat().st_size == task.video.bytes

    def _what_was_heard_is_kept(self) -> None:
        """The provider's id of a paid video, once it has reached a process that lives on."""
        known = {task.provider_task_id for task in self.tasks.values()}
        for create in self._network.creates:
            life = create.heard_by
            if create.is_clear and create.received.accepted and life and not (life.is_dead or life.is_frozen):
                assert create.received.task_id in known, (
                    f"{create.prompt}: {create.received.task_id} was told, and lost"
                )

    def _every_doubt_has_a_reason(self) -> None:
        """`uncertain` is what a lost answer leaves, or a sender to whom something happened, and nothing else."""
        for task in self.tasks.values():
            if may_exist(task):
                began = task.attempted_at or 0.0
                is_unclear = any(
                    one.prompt == task.request.prompt and not one.is_clear for one in self._network.creates
                )
                mishap = any(began <= at <= began + SENDING_S for at in self.mishaps)
                assert is_unclear or mishap, f"{task.task_id}: its answer came, and nothing happened to its sender"

    def check_the_end(self, theirs: Mapping[str, str]) -> None:
        """What must hold once the providers have had their time and a server has lived to see it.

        `theirs` are the ends of the tasks by their providers' own word.
        """
        for task in self.tasks.values():
            assert task.status in ENDS | {"uncertain"}, f"{task.task_id} is {task.status} for ever"
            assert task.next_step_at is None, f"{task.task_id}: something is still to be done"
            if task.status == "uncertain":
                assert task.provider_task_id is None, f"{task.task_id}: its provider told its id"
            if task.provider_task_id is not None and not may_exist(task):
                assert task.status == theirs[task.provider_task_id], f"{task.task_id} ended otherwise there"
            if task.status == "succeeded":
                self._is_saved(task)
        for prompt, ids in self._accepted().items():
            self._is_accounted_for(prompt, ids)

    def _is_saved(self, task: Task) -> None:
        """A link may die before the file is had, but only after a day of trying."""
        assert task.video is not None
        assert task.video.file is not None or self._now() - (task.ended_at or 0.0) > DAY_S, f"{task.task_id}: no file"

    def _accepted(self) -> Mapping[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for create in self._network.creates:
            if create.received.accepted and create.received.task_id is not None:
                found[create.prompt].append(create.received.task_id)
        return found

    def _is_accounted_for(self, prompt: str, theirs: Sequence[str]) -> None:
        """Every paid video is a row's: by its id, or by one that says that it may exist."""
        rows = [task for task in self.tasks.values() if task.request.prompt == prompt]
        known = {task.provider_task_id for task in rows}
        doubtful = [task for task in rows if task.provider_task_id is None and may_exist(task)]
        lost = [one for one in theirs if one not in known]
        assert len(lost) <= len(doubtful), f"{prompt}: {lost} paid and forgotten"


def may_exist(task: Task) -> bool:
    return task.status == "uncertain" or (task.error is not None and task.error.kind == "not_settled")
