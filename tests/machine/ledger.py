"""What hosts wished for, and how many videos they may be sold for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seedance_mcp.domain.task import Task

REMEMBERED_S = 600.0
"""DESIGN §3: an identical create within 10 minutes returns the abandoned task."""
ABOUT_S = 100.0
"""A row is younger than its call by at most so much, where a process was frozen in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One video as a host orders it; equal wishes are equal requests, apart from the limit."""

    number: int
    key: str | None = None
    provider: str | None = None
    max_cost_usd: float | None = None

    @property
    def prompt(self) -> str:
        """Tells wishes apart at the provider."""
        return f"take {self.number} of {self.key or 'anything'} at {self.provider or 'anybody'}"

    @property
    def intent(self) -> str:
        """What is paid for once: everything with one key, or else each answered call with this prompt."""
        return self.key or self.prompt

    def arguments(self) -> Mapping[str, Any]:
        given = {"idempotency_key": self.key, "provider": self.provider, "max_cost_usd": self.max_cost_usd}
        return {"prompt": self.prompt, "duration": 4, "resolution": "720p"} | {
            name: value for name, value in given.items() if value is not None
        }


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One create_video call of a host."""

    wish: Wish
    started_at: float
    since: float
    """When the first call of this intent began: the task of a call that broke off may be older than this call."""
    is_repeated: bool = False


@dataclass(slots=True, kw_only=True)
class _Open:
    """A call that broke off; the next equal one must get its task."""

    attempt: Attempt
    was_frozen: bool

    def is_sure(self, now: float) -> bool:
        """Whether the server must know of it; a process that stood still may not have noticed."""
        age = now - self.attempt.since
        return not self.was_frozen and not REMEMBERED_S <= age < REMEMBERED_S + ABOUT_S


@dataclass(slots=True)
class Intents:
    """Counts, as a host would, how many videos were really wished for."""

    allowed: dict[str, int] = field(default_factory=dict[str, int])
    """By intent: how many videos it may buy so far."""
    of_prompt: dict[str, str] = field(default_factory=dict[str, str])
    _open: dict[str, list[_Open]] = field(default_factory=dict[str, list[_Open]])

    def begin(self, wish: Wish, now: float) -> Attempt:
        """A host calls create_video: for a new video, or once more after a call that broke off."""
        self.of_prompt[wish.prompt] = wish.intent
        attempt = Attempt(wish=wish, started_at=now, since=now)
        if wish.key is not None:
            self.allowed[wish.intent] = 1
        elif (broken := self._continued(wish.intent, now)) is not None:
            attempt.since, attempt.is_repeated = broken.attempt.since, True
        else:
            self.allowed[wish.intent] = self.allowed.get(wish.intent, 0) + 1
        return attempt

    def broke_off(self, attempt: Attempt, *, was_frozen: bool) -> None:
        """The host did not get its answer."""
        self._open.setdefault(attempt.wish.intent, []).append(_Open(attempt=attempt, was_frozen=was_frozen))

    def believe(self, tasks: Iterable[Task]) -> None:
        """An answer may be written down and then not be heard: nobody can know of that, so the wish counts as done."""
        for task in tasks:
            calls = self._open.get(task.request.prompt, [])
            if any(task.answered_at is not None and task.answered_at >= call.attempt.started_at for call in calls):
                calls.clear()

    def _continued(self, intent: str, now: float) -> _Open | None:
        calls = self._open.get(intent, [])
        if not all(call.is_sure(now) for call in calls):
            # Which of the tasks is handed out, if any, cannot be told from outside.
            calls.clear()
        calls[:] = [call for call in calls if now - call.attempt.since < REMEMBERED_S]
        if not calls:
            return None
        calls.sort(key=lambda call: call.attempt.since)
        return calls.pop()
