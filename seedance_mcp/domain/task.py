"""One requested video and its life."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from seedance_mcp.domain.cost import Charge, Estimate
from seedance_mcp.domain.errors import Failure
from seedance_mcp.domain.video import Mode, Model, VideoRequest

Status = Literal["waiting", "queued", "running", "uncertain", "succeeded", "failed", "cancelled"]
SendState = Literal["to_send", "sending", "sent", "never"]

STATUSES: tuple[Status, ...] = get_args(Status)
ENDS: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})

TRANSITIONS: dict[Status, frozenset[Status]] = {
    "waiting": frozenset({"queued", "failed", "cancelled"}),
    "queued": frozenset({"running", "waiting", "uncertain", "succeeded", "failed", "cancelled"}),
    "running": ENDS,
    "uncertain": frozenset({"queued", "running", "succeeded", "failed", "cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
"""Which status may follow which; staying the same is always allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One provider and model that can make a request, with what it would cost there."""

    provider: str
    model: Model
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """The finished video. `url` is the provider's link, `file` the path of our copy."""

    url: str | None = None
    url_expires_at: float | None = None
    file: str | None = None
    mime_type: str | None = None
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    has_audio: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Our row for one requested video. Times are Unix seconds."""

    task_id: str
    owner: str
    status: Status
    provider: str
    created_at: float
    updated_at: float
    model: Model | None = None
    """None only for a task that was made elsewhere and adopted."""
    mode: Mode | None = None
    request: VideoRequest = field(default_factory=lambda: VideoRequest(prompt=""))
    label: str | None = None
    provider_task_id: str | None = None
    progress: float | None = None
    """The provider's own percentage, where it gives one."""
    started_at: float | None = None
    """When the provider accepted it."""
    ended_at: float | None = None
    estimate: Estimate | None = None
    charge: Charge | None = None
    video: Video | None = None
    last_frame_url: str | None = None
    error: Failure | None = None
    notes: tuple[str, ...] = ()

    # Sending: at most once, ever.
    send_state: SendState = "to_send"
    attempt: str | None = None
    """Who won the one right to send, and when: the marker of the compare-and-set."""
    attempted_at: float | None = None
    alternatives: tuple[Candidate, ...] = ()
    """Where to turn when the create is definitely refused; empty when the caller named the provider."""
    cancel_asked: bool = False

    # Recognising a repeated create.
    fingerprint: str = ""
    idempotency_key: str | None = None
    caller: str | None = None
    """The worker that handles the create_video call."""
    answered_at: float | None = None
    abandoned_at: float | None = None

    # Spending.
    max_cost_usd: float | None = None
    reserved_usd: float | None = None

    # Following.
    follower: str | None = None
    """The worker that looks after this task; it must keep its heartbeat up."""
    next_step_at: float | None = None
    """When the follower has something to do; None when there is nothing left to do."""
    failed_steps: int = 0
    looked_at: float | None = None
    """When its provider last answered for it."""
    took_s: float | None = None
    """How long the provider took, where it was looked at often enough to know."""
    input_task_ids: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        return self.status in ENDS

    @property
    def was_accepted(self) -> bool:
        """Whether the provider ever took it: then it may cost even if it failed."""
        return self.provider_task_id is not None

    @property
    def price_usd(self) -> float:
        """What is reserved for it: the most it can cost, or the caller's own limit where no price is known."""
        known = self.estimate.ceiling_usd if self.estimate else None
        return known if known is not None else self.max_cost_usd or 0.0

    @property
    def spent_usd(self) -> float:
        """What it adds to the day's spending: the charge where it is known in USD, else what was reserved."""
        if self.charge is not None and self.charge.usd is not None:
            return self.charge.usd
        return 0.0 if self.send_state == "never" else self.reserved_usd or 0.0

    def with_note(self, note: str, *, instead_of: str | None = None) -> tuple[str, ...]:
        """The notes with this one added, once; `instead_of` is the beginning of the notes it takes the place of."""
        kept = self.notes if instead_of is None else self.without_notes(instead_of)
        return kept if note in kept else (*kept, note)

    def without_notes(self, *beginnings: str) -> tuple[str, ...]:
        return tuple(note for note in self.notes if not note.startswith(beginnings))


class TransitionError(Exception):
    """A change of status that the table does not allow: a fault in this program."""


def check_sending(task: Task) -> None:
    """Whatever was sent can never come to be sent again.

    Raises:
        TransitionError: It waits to be sent although its provider has it, or it is running.
    """
    if task.send_state == "to_send" and (task.provider_task_id is not None or task.status not in {"waiting", "queued"}):
        raise TransitionError(f"{task.task_id} is {task.status!r} and must not be sent again")


def check_transition(before: Status, after: Status) -> None:
    """The one place that decides which status may follow which.

    Raises:
        TransitionError: `after` may not follow `before`.
    """
    if after != before and after not in TRANSITIONS[before]:
        raise TransitionError(f"a task that is {before!r} cannot become {after!r}")
