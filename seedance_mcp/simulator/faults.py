"""Faults on demand: what goes wrong, at which requests, and how often."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal, cast, get_args

from seedance_mcp.simulator.checks import (
    Field,
    JsonObject,
    anything,
    flag,
    json_object,
    number,
    one_of,
    or_null,
    problems_in,
    text,
    whole,
)

Moment = Literal["create", "fetch", "cancel", "download", "events", "callback", "other"]
Kind = Literal[
    "status",
    "drop_before",
    "drop_after",
    "garbage",
    "html",
    "empty",
    "truncated",
    "slow",
    "redirect",
    "task_fails",
    "late_result",
    "unknown_status",
    "wrong_content_type",
    "huge",
    "drop",
    "lost_event",
    "lost_callback",
    "repeated_callback",
]
REPLACES_THE_ANSWER: Final = frozenset({"status", "drop_before", "drop_after", "garbage", "html", "empty", "redirect"})
BENDS_THE_TASK: Final = frozenset({"task_fails", "late_result", "unknown_status"})
DURING_A_STREAM: Final = frozenset({"drop", "lost_event"})
ON_A_CALLBACK: Final = frozenset({"lost_callback", "repeated_callback"})
_ON_A_STREAM: Final = (REPLACES_THE_ANSWER | DURING_A_STREAM | {"wrong_content_type"}) - {"drop_after"}
_NOTHING_DONE: Final = frozenset({"status", "drop_before", "redirect"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    A create that is hit by `status`, `redirect` or `drop_before` is not accepted; one hit by any other kind is
    accepted, and only its answer suffers. `accepted` says otherwise for the kinds that replace the answer, so that a
    500 after an accepted create can be had. The kinds that concern a task (`task_fails`, `late_result`,
    `unknown_status`) stay with the task when they hit its create, and bend one answer when they hit a fetch.

    On `events`, a stream of events, `drop` breaks an open stream off at once and `lost_event` swallows its next event;
    the other kinds hit the request for a stream. On `callback`, the call to the URL of a create at the task's end,
    `lost_callback` keeps it back and `repeated_callback` makes it twice. `other` is every request without a moment of
    its own: a list of models, a balance, an upload; `status` with a status of 200 and a `body` puts any answer there.
    """

    on: Moment
    kind: Kind
    provider: str | None = None
    """Hits only this wire format's requests. Default: any."""
    status: int | None = None
    """Of `status` (default 500), `html`, `garbage`, `empty` (default 200), `redirect` (default 302)."""
    body: object = None
    """JSON instead of the provider's documented error body."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Added to the answer: `Retry-After`, or the `Location` of a redirect (default: the same URL)."""
    seconds: float = 3.0
    """Of `slow` and of a task's `late_result`."""
    times: int | None = 1
    """How many requests it hits; None = all."""
    message: str = "Task execution failed"
    """Of `task_fails`."""
    word: str = "paused"
    """Of `unknown_status`."""
    bytes: int = 64 * 1024 * 1024
    """How much padding a `huge` answer has."""
    accepted: bool | None = None

    @property
    def is_processed(self) -> bool:
        """Whether the request takes effect although its answer is spoilt."""
        return self.kind not in _NOTHING_DONE if self.accepted is None else self.accepted


_FIELDS: Final = {
    "on": Field(one_of(*get_args(Moment)), required=True),
    "kind": Field(one_of(*get_args(Kind)), required=True),
    "provider": Field(or_null(text(at_least=1))),
    "status": Field(or_null(whole(200, 599))),
    "body": Field(anything),
    "headers": Field(json_object),
    "seconds": Field(number(0)),
    "times": Field(or_null(whole(1, 1_000_000))),
    "message": Field(text()),
    "word": Field(text(at_least=1)),
    "bytes": Field(whole(1, 1 << 40)),
    "accepted": Field(or_null(flag)),
}


def parse_fault(data: object) -> Fault:
    """A fault from JSON.

    Raises:
        ValueError: It is not a fault; the text says everything that is wrong.
    """
    if not isinstance(data, dict):
        raise ValueError("a fault is a JSON object")  # noqa: TRY004  (one kind of error for bad input)
    given = cast("JsonObject", data)
    problems = [f"{problem.path} {problem.message}" for problem in problems_in(given, _FIELDS)]
    if problems:
        raise ValueError("; ".join(problems))
    return checked(Fault(**given))


def checked(fault: Fault) -> Fault:
    """Raises ValueError for a fault that makes no sense."""
    if fault.kind in BENDS_THE_TASK and fault.on not in {"create", "fetch"}:
        raise ValueError(f"{fault.kind} can only happen on create or fetch")
    if (fault.kind in DURING_A_STREAM and fault.on != "events") or (
        fault.on == "events" and fault.kind not in _ON_A_STREAM
    ):
        raise ValueError(f"{fault.kind} cannot happen on {fault.on}")
    if (fault.kind in ON_A_CALLBACK) != (fault.on == "callback"):
        raise ValueError(f"{fault.kind} cannot happen on {fault.on}")
    if fault.accepted is not None and fault.kind not in REPLACES_THE_ANSWER:
        raise ValueError(f"accepted says nothing about {fault.kind}")
    return fault


class Faults:
    """The faults that are waiting for a request; of several that fit, the oldest one hits."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        self._waiting += [checked(fault) for fault in faults]

    def clear(self) -> None:
        self._waiting.clear()

    def waiting(self) -> Iterable[JsonObject]:
        """What is left, as JSON; `times` is how many requests each will still hit."""
        return [asdict(fault) for fault in self._waiting]

    def take(self, moment: str, provider: str, during: str | None = None) -> Fault | None:
        """The fault that hits this request, if any; it has one hit less afterwards.

        `during` names a kind that hits an open stream; those are taken by no request.
        """
        for index, fault in enumerate(self._waiting):
            kind = fault.kind if fault.kind in DURING_A_STREAM else None
            if fault.on == moment and fault.provider in {None, provider} and kind == during:
                if fault.times == 1:
                    del self._waiting[index]
                elif fault.times is not None:
                    self._waiting[index] = replace(fault, times=fault.times - 1)
                return fault
        return None
