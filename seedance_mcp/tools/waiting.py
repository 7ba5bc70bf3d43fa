"""Waits for tasks within one call, and tells the client how they are doing meanwhile."""

from collections.abc import Sequence

import anyio

from seedance_mcp.domain.errors import InvalidRequestError
from seedance_mcp.domain.task import Task
from seedance_mcp.tools.app import Call
from seedance_mcp.tools.parameters import Parameter

MAX_WAIT_S = 600
WITH_TOKEN_S = 25.0
CREATE_S = 3.0
"""For a client that shows no progress: it may be one that gives up after 5 s, and the id is in the answer."""
AT_LEAST_EVERY_S = 4.0
"""One second less than promised: the reports come once a second."""
AT_MOST_EVERY_S = 1.0
BEFORE_S = 0.3
"""So much earlier than asked a wait ends."""
MAX_MESSAGE = 200
NAMED = 3
"""So many open tasks are named in a progress message."""

WAIT_SECONDS = Parameter(
    name="wait_seconds",
    kind="integer",
    description="Wait up to so many seconds for the end; 0 = none, default 3 to 25.",
    minimum=0,
    maximum=MAX_WAIT_S,
)


async def wait(
    call: Call, task_ids: Sequence[str], *, without_token_s: float = WITH_TOKEN_S, through_waiting: bool = False
) -> Sequence[Task]:
    """The tasks after the wait that was asked for, or that suits this client.

    Raises:
        NotFoundError: One of them does not exist.
    """
    reporter = Reporter(call)
    tasks = await call.app.tasks()
    seconds = _seconds(call, without_token_s) - (call.app.clock.now() - call.started_at)
    try:
        found = await tasks.wait(call.owner, task_ids, seconds, reporter.report, through_waiting=through_waiting)
    except anyio.get_cancelled_exc_class():
        call.app.patience.gave_up(call.client, call.app.clock.now() - call.started_at)
        raise
    await reporter.finish(found)
    return found


def _seconds(call: Call, without_token_s: float) -> float:
    """How long this call may last."""
    asked = call.arguments.integer("wait_seconds")
    if asked is not None:
        # A client may give up at the very second it asked for: the answer must be there before.
        return max(0.0, asked - BEFORE_S)
    return call.app.patience.at_most(call.client, WITH_TOKEN_S if call.wants_progress else without_token_s)


class Reporter:
    """Sends progress: strictly increasing, total 100, at most one a second and at least one every five."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._last = -1.0
        self._sent_at: float | None = None

    async def report(self, tasks: Sequence[Task]) -> None:
        now = self._call.app.clock.now()
        since = None if self._sent_at is None else now - self._sent_at
        percent = await self._percent(tasks)
        if since is not None and (since < AT_MOST_EVERY_S or (percent <= self._last and since < AT_LEAST_EVERY_S)):
            return
        # Nothing new for a while: a sign of life that still grows, and never reaches 100.
        await self._send(percent if percent > self._last else self._last + (99.9 - self._last) * 0.02, tasks, now)

    async def finish(self, tasks: Sequence[Task]) -> None:
        """The last word, if anything was said before."""
        if self._sent_at is not None and all(task.status == "succeeded" for task in tasks):
            await self._send(100.0, tasks, self._call.app.clock.now())

    async def _percent(self, tasks: Sequence[Task]) -> float:
        service = await self._call.app.tasks()
        return sum(100.0 if task.has_ended else service.progress(task).percent for task in tasks) / len(tasks)

    async def _send(self, percent: float, tasks: Sequence[Task], now: float) -> None:
        self._last, self._sent_at = percent, now
        service = await self._call.app.tasks()
        left_s = service.left_s(tasks[0]) if len(tasks) == 1 else None
        await self._call.context.report_progress(round(percent, 4), 100, _message(tasks, left_s)[:MAX_MESSAGE])


def _message(tasks: Sequence[Task], left_s: tuple[float, float] | None) -> str:
    if len(tasks) == 1:
        left = "" if left_s is None else f", usually up to {_span(left_s[1])} more"
        return f"{tasks[0].task_id}: {tasks[0].status} at {tasks[0].provider}{left}"
    ended = sum(task.has_ended for task in tasks)
    open_ids = [task.task_id for task in tasks if not task.has_ended]
    others = f" and {len(open_ids) - NAMED} more" if len(open_ids) > NAMED else ""
    return f"{ended} of {len(tasks)} ended; open: {', '.join(open_ids[:NAMED])}{others}"


def _span(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def task_ids_of(call: Call, name: str = "task_ids", most: int = 50) -> tuple[str, ...]:
    """The ids a caller gave, each once. Raises `InvalidRequestError` for too many."""
    ids = tuple(dict.fromkeys(call.arguments.texts(name)))
    if len(ids) > most:
        problem = f"{name} takes up to {most} ids; {len(ids)} were given. Ask in parts."
        raise InvalidRequestError(problem, problems=(problem,))
    return ids
