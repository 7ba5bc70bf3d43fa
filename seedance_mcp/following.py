"""`seedance-mcp follow`: finishes what is under way and saves the videos, also after the desktop app is closed."""

import argparse
import gc
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil, floor
from textwrap import shorten

from seedance_mcp.at_the_shell import for_a_person, problem_with_folder, say, until_interrupted
from seedance_mcp.domain.errors import InvalidRequestError, SeedanceError, StoreError
from seedance_mcp.domain.task import Status, Task
from seedance_mcp.engine import open_tasks
from seedance_mcp.follow_board import Board, Row, board
from seedance_mcp.http import Transport
from seedance_mcp.settings import Settings
from seedance_mcp.tasks.clock import Clock, SystemClock
from seedance_mcp.tasks.service import VideoTasks
from seedance_mcp.tools.app import LOCAL_OWNER, App
from seedance_mcp.tools.task_view import structured, text

LOOK_S = 1.0
PAGE = 200
TITLE = 24
"""Characters of a label or prompt in the table."""
LONG_S = 90.0
"""From here on, minutes say enough."""
NOT_ENDED: tuple[Status, ...] = ("waiting", "queued", "uncertain", "running")
"""In the order a task passes through them, so that one which moves on meanwhile is not missed."""
SAVED, NOT_SAVED, SETUP = 0, 1, 2
"""Exit codes."""
GO_ON = "Interrupted. The tasks go on when a server runs; run seedance-mcp follow again to wait for them here."


def follow(settings: Settings, options: argparse.Namespace) -> int:
    """Follows until nothing is left to do, prints what was saved.

    Exit code: 0 everything saved, 1 a video did not come or may not come, 2 something is to be set up, 128 + n after
    SIGINT and SIGTERM.
    """
    if problem := problem_with_folder(settings.output_dir):
        say(problem)
        return SETUP
    gc.enable()
    work = partial(follow_tasks, settings, options.task_ids, board(), as_json=options.json)
    code, interrupted = until_interrupted(work)
    if interrupted:
        say(GO_ON)
    return code


async def follow_tasks(
    settings: Settings,
    task_ids: Sequence[str],
    shown: Board,
    *,
    as_json: bool = False,
    clock: Clock | None = None,
    transports: Mapping[str, Transport] | None = None,
) -> int:
    """Runs the engine on the data folder, like a server, for as long as there is something to do."""
    clock = clock or SystemClock()
    try:
        async with open_tasks(settings, clock, transports or {}) as tasks:
            following = Following(settings, clock, tasks, shown, as_json=as_json)
            with shown:
                return await following.to_the_end(task_ids)
    except SeedanceError as error:
        say(error.message)
        return SETUP


class Following:
    """One run of the command: looks at the rows, which this process or another one moves on."""

    def __init__(self, settings: Settings, clock: Clock, tasks: VideoTasks, shown: Board, *, as_json: bool) -> None:
        self._catalogue = settings.catalogue
        self._clock = clock
        self._tasks = tasks
        self._shown = shown
        self._as_json = as_json
        self._open: dict[str, Task] = {}
        self._followed: set[str] = set()
        self._code = SAVED
        self._trouble = ""

        async def running() -> VideoTasks:
            return tasks

        self._app = App(tasks=running, catalogue=settings.catalogue, clock=clock)

    async def to_the_end(self, task_ids: Sequence[str]) -> int:
        """Returns the exit code.

        Raises:
            InvalidRequestError: There is no such task.
            StoreError: The rows cannot be read, from the start.
        """
        self._take(await (self._asked_for(task_ids) if task_ids else self._unfinished()))
        if not task_ids and not self._open:
            self._shown.say("Nothing to follow: no task is unfinished.")
        while any(self._goes_on(task) for task in self._open.values()):
            self._shown.show([self._row(task) for task in self._open.values()])
            await self._clock.sleep(LOOK_S)
            await self._look_again(only_these=bool(task_ids))
        for task in self._open.values():
            self._leave(task)
        return self._code

    async def _asked_for(self, task_ids: Sequence[str]) -> Sequence[Task]:
        found = await self._tasks.recent(LOCAL_OWNER, task_ids=task_ids, limit=len(task_ids))
        unknown = [task_id for task_id in dict.fromkeys(task_ids) if task_id not in {task.task_id for task in found}]
        if unknown:
            raise InvalidRequestError(
                f"There is no task {', '.join(unknown)} in this data folder. Check the id and SEEDANCE_DATA_DIR; "
                "seedance-mcp follow without an id follows everything that is unfinished."
            )
        return found

    async def _unfinished(self) -> Sequence[Task]:
        found = await self._tasks.unfinished(LOCAL_OWNER)
        self._followed = {task.task_id for task, is_followed in found if is_followed}
        return [task for task, _ in found]

    async def _look_again(self, *, only_these: bool) -> None:
        """A look that fails is no end: what was paid for is still being fetched."""
        try:
            found = [task for task in await self._unfinished() if not only_these or task.task_id in self._open]
            # Those that have ended since are found by their ids.
            missing = self._open.keys() - {task.task_id for task in found}
            known = await self._tasks.recent(LOCAL_OWNER, task_ids=tuple(missing), limit=len(missing))
        except StoreError as error:
            if error.message != self._trouble:
                self._shown.say(error.message)
            self._trouble = error.message
            return
        self._trouble = ""
        for task_id in sorted(missing - {task.task_id for task in known}):
            self._shown.say(f"{task_id} has been removed from the task store.")
            self._code = max(self._code, NOT_SAVED)
        self._take([*found, *known])

    def _take(self, tasks: Sequence[Task]) -> None:
        """What has ended is told; the rest stays open, oldest first."""
        newest = {task.task_id: task for task in tasks}
        found = sorted(newest.values(), key=lambda task: (task.created_at, task.task_id))
        self._open = {task.task_id: task for task in found if not _is_done(task)}
        for task in found:
            if _is_done(task):
                self._tell(task)

    def _goes_on(self, task: Task) -> bool:
        """Whether waiting for it makes sense: something is left to do, and it is done here or elsewhere."""
        can_be_done = self._catalogue.get(task.provider) is not None or task.task_id in self._followed
        return task.next_step_at is not None and can_be_done

    def _tell(self, task: Task) -> None:
        file = task.video.file if task.video else None
        saved = task.status == "succeeded" and file is not None
        if not saved:
            self._code = max(self._code, NOT_SAVED)
        # On a terminal the result's own line says it.
        if not saved or self._as_json or not sys.stdout.isatty():
            self._shown.say(self._text(task))
        if self._as_json:
            self._shown.result(json.dumps(structured(self._app, task, self._tasks.progress(task))))
        elif saved:
            self._shown.result(f"{task.task_id}\t{file}")

    def _leave(self, task: Task) -> None:
        """Says what is to be done about a task that waiting does not help."""
        if task.next_step_at is None:
            self._code = max(self._code, NOT_SAVED)
            self._shown.say(self._text(task))
            return
        self._code = max(self._code, SETUP)
        self._shown.say(
            f"Video {task.task_id} ({_title(task)}) is {task.status} at {task.provider}, which cannot be asked here. "
            f"{self._how_to_ask(task.provider)} and run seedance-mcp follow again; where a server runs that can ask "
            "it, the video goes on there."
        )

    def _how_to_ask(self, provider: str) -> str:
        spec = self._catalogue.spec(provider)
        if spec is None:
            return f"Install the package that brings {provider}"
        if spec.key_variable is None:
            return "Set SEEDANCE_DEMO=1"
        listed = f", name {provider} in SEEDANCE_PROVIDERS" if self._catalogue.order_is_chosen else ""
        return f"Set {spec.key_variable}{listed}"

    def _text(self, task: Task) -> str:
        return _one_line(for_a_person(text(self._app, task, self._tasks.progress(task))))

    def _row(self, task: Task) -> Row:
        progress, left_s = self._tasks.progress(task), self._tasks.left_s(task)
        return Row(
            task_id=task.task_id,
            video=_title(task),
            provider=task.provider,
            status=task.status,
            percent=None if task.status == "uncertain" else progress.percent,
            is_estimated=not progress.is_reported and progress.percent > 0,
            left=_span(*left_s) if left_s else "",
            note=_one_line(for_a_person(task.notes[-1])) if task.notes else "",
        )


def _is_done(task: Task) -> bool:
    return task.has_ended and task.next_step_at is None


def _title(task: Task) -> str:
    return shorten(_one_line(task.label or task.request.prompt or task.provider_task_id or ""), TITLE, placeholder="…")


def _one_line(words: str) -> str:
    """Without whatever could move a terminal's cursor."""
    return " ".join("".join(one if one.isprintable() else " " for one in words).split())


def _span(low: float, high: float) -> str:
    least, most = _spelt(low, floor), _spelt(high, ceil)
    if low < 1:
        return f"up to {most}"
    shared = most[most.index(" ") :]
    return f"{least.removesuffix(shared)} to {most}"


def _spelt(seconds: float, whole: Callable[[float], int]) -> str:
    # Rounded first: 180.00000000000003 s are 3 min.
    count, unit = (seconds / 60, "min") if seconds >= LONG_S else (seconds, "s")
    return f"{whole(round(count, 6))} {unit}"
