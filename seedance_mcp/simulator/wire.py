"""What a wire format is made of: a record of endpoints, and what their functions are given."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from starlette.responses import Response

from seedance_mcp.simulator.callbacks import Callback
from seedance_mcp.simulator.checks import JsonObject, Problem
from seedance_mcp.simulator.faults import Fault, Faults
from seedance_mcp.simulator.films import Films
from seedance_mcp.simulator.scene import Order
from seedance_mcp.simulator.tasks import Seen, Task, Tasks

Does = Literal["create", "fetch", "cancel", "download", "events", "other"]
Reason = Literal["fault", "no_key", "bad_key", "not_json", "invalid", "not_found", "not_ready", "busy", "too_late"]


class RefusedError(Exception):
    """The request is answered with an error; the wire format says how that looks.

    `body` is for an error body that has a form of its own.
    """

    def __init__(
        self, status: int, reason: Reason, *, problems: Sequence[Problem] = (), body: JsonObject | None = None
    ) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason: Reason = reason
        self.problems = problems
        self.body = body

    @property
    def details(self) -> str:
        """All problems in one line, or an empty text."""
        return "; ".join(f"{problem.path} {problem.message}" for problem in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was sent to a provider."""

    content: bytes
    media_type: str
    created_s: float


@dataclass(slots=True, kw_only=True)
class Call:
    """One request of a wire format, already authenticated and parsed, and what it may do."""

    wire_id: str
    origin: str
    """Scheme, host and port this request came in by."""
    prefix: str
    """What stands before the format's own paths; usually nothing."""
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: JsonObject
    raw: bytes
    """The body as it came, for endpoints that do not take JSON."""
    content_type: str
    tasks: Tasks
    films: Films
    uploads: MutableMapping[str, Upload]
    faults: Faults
    run_s: float
    sleep: Callable[[float], Awaitable[None]]
    """Waits for at most so many seconds of the clock."""
    max_concurrent: int | None
    fault: Fault | None
    noted: Callable[[Task], None]
    """Told of a task as soon as it is accepted, which may be long before the answer."""
    tell: Callable[[Task, Callback], None]
    """Has a URL called at the task's end."""
    task: Task | None = None
    """The first task that this request made, or the one it looked at."""

    def start(self, order: Order, *, prefix: str, credits: int = 0, run_s: float | None = None) -> Task:  # noqa: A002
        """Accepts a task under a new id that begins with `prefix`."""
        return self.accept(
            Task(
                task_id=prefix + secrets.token_hex(8),
                wire_id=self.wire_id,
                order=order,
                origin=self.origin,
                body=self.body,
                created_s=self.tasks.clock(),
                run_s=self.run_s if run_s is None else run_s,
                credits=credits,
            )
        )

    def accept(self, task: Task) -> Task:
        """Accepts a task that was made elsewhere.

        Raises:
            RefusedError: 429, there are as many unfinished tasks as the simulator was told to allow.
        """
        if self.max_concurrent is not None and self.tasks.unfinished(self.wire_id) >= self.max_concurrent:
            raise RefusedError(429, "busy")
        task.fault = self.fault
        if self.fault is not None and self.fault.kind == "task_fails":
            task.failure = self.fault.message
        self.tasks.add(task)
        self.task = self.task or task
        self.noted(task)
        return task

    def find(self, task_id: str) -> Seen:
        """A task of this wire format, as this answer shows it.

        Raises:
            RefusedError: 404, there is none of that id.
        """
        self.task = self.tasks.find(self.wire_id, task_id)
        if self.task is None:
            raise RefusedError(404, "not_found")
        return self.tasks.see(self.task, self.fault)

    def cancel(self, task_id: str) -> Seen:
        """Cancels a task.

        Raises:
            RefusedError: 404, or 400 when it has succeeded or failed before.
        """
        seen = self.find(task_id)
        if seen.state in {"succeeded", "failed"}:
            raise RefusedError(400, "too_late")
        seen.task.stop(self.tasks.clock())
        return self.find(task_id)

    def video_url(self, task: Task) -> str:
        return f"{self.origin}/files/{quote(self.wire_id)}-{task.file_id}.mp4"

    def last_frame_url(self, task: Task) -> str:
        return f"{self.origin}/files/{quote(self.wire_id)}-{task.file_id}_last.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    does: Does
    method: str
    path: str
    answer: Callable[[Call], Awaitable[JsonObject | Response]]
    needs_key: bool = True
    takes_json: bool = False
    """Whether a body that is no JSON object is refused. A create's always is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One provider's wire format."""

    wire_id: str
    endpoints: Sequence[Endpoint]
    error_body: Callable[[RefusedError], JsonObject]
    """The documented error body; a `fault` refusal carries only a status."""
