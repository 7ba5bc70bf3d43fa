"""Follows all unfinished tasks of this process, each with one due time; waiters share what it learns."""

import heapq
import logging
import math
from dataclasses import replace
from typing import NoReturn

import anyio
import anyio.abc

from seedance_mcp.domain.errors import RefusedError, StoreError
from seedance_mcp.domain.task import Task
from seedance_mcp.tasks.cancelling import cancel_at_provider
from seedance_mcp.tasks.clock import wait_at_most
from seedance_mcp.tasks.delivery import deliver
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.lines import Lines, holds_a_place, urgency
from seedance_mcp.tasks.polling import poll
from seedance_mcp.tasks.schedule import ALIVE_S, HEARTBEAT_S
from seedance_mcp.tasks.sender import send
from seedance_mcp.tasks.settling import LOOKED, look_for, uncertain

logger = logging.getLogger(__name__)

STORE_RETRY_S = 5.0
FAULT_RETRY_S = 60.0
LOOK_S = 1.0
"""How often a process looks for changes that another one made, while somebody waits."""
DOWNLOADS_AT_ONCE = 4
LONGEST_SLEEP_S = 30.0
CLOCK_STEP_S = 1.0
SOON_S = 5.0
"""Within so many seconds all tasks of a provider are looked at that answers again."""
SENDER_DIED = (
    "The server stopped, or stood still, while this video was being sent: it may be running at the provider and may be "
    "billed. It is not sent again."
)


class Watcher:
    """One due-time queue. A task is looked after by one worker at a time, and by one step at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._queue: list[tuple[float, float, str]] = []
        """Due time, urgency among those that are due together, task id."""
        self._due: dict[str, float] = {}
        self._tasks: dict[str, Task] = {}
        self._stepping: set[str] = set()
        self._called: set[str] = set()
        """Called back while a step was under way."""
        self._lines = Lines()
        self._downloads = anyio.CapacityLimiter(DOWNLOADS_AT_ONCE)
        self._sending = 0
        self._last_now = 0.0
        self._woken = anyio.Event()
        self._sent = anyio.Event()
        desk.events.due_now = self.look_now

    async def beat(self) -> None:
        """Says that this worker lives, and takes over tasks that nobody looks after.

        Raises:
            StoreError: The store cannot be written.
        """
        desk = self._desk
        now = desk.clock.now()
        await desk.store.heartbeat(desk.worker, now + ALIVE_S)
        for task in await desk.store.take_over(desk.worker, now, tuple(desk.clients)):
            if (
                self._due.get(task.task_id, math.inf) > (task.next_step_at or now)
                and task.task_id not in self._stepping
            ):
                # What is due already is due together, so that the most urgent link goes first.
                self.follow(replace(task, next_step_at=max(now, task.next_step_at or now)))

    async def run(self) -> None:
        """Keeps the heartbeat up and does what is due; for ever."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_beating)
            group.start_soon(self._desk.events.run)
            group.start_soon(self._hear_other_processes)
            await self._do_what_is_due(group)

    def follow(self, task: Task) -> None:
        """From now on this worker does the task's next steps when they are due."""
        self._lines.note(task)
        if task.next_step_at is None:
            self._tasks.pop(task.task_id, None)
            self._due.pop(task.task_id, None)
            return
        self._tasks[task.task_id] = task
        self._due[task.task_id] = task.next_step_at
        heapq.heappush(self._queue, (task.next_step_at, urgency(task), task.task_id))
        self._woken.set()

    def look_now(self, provider: str, provider_task_id: str) -> None:
        """A task that is followed here is due, because its provider has said something about it."""
        for task in tuple(self._tasks.values()):
            if (task.provider, task.provider_task_id) == (provider, provider_task_id):
                self._hurry(task.task_id)

    async def called_back(self, task: Task, provider_task_id: str | None) -> Task:
        """The task's provider has called: it is looked at now, by this process; or the id is noted that was told."""
        desk = self._desk
        if task.provider_task_id is None:
            return await self._note_id(task, provider_task_id) if provider_task_id else task
        if task.provider not in desk.clients or not _is_in_the_making(task):
            return task
        if task.follower != desk.worker:
            # Whoever followed it finds another follower in the row; a due time alone would be read when it is over.
            task = await desk.change(task, self._taken_over)
            self.follow(task)
        elif task.task_id in self._stepping:
            self._called.add(task.task_id)
        else:
            self._hurry(task.task_id)
        return task

    async def sent(self) -> None:
        """Waits until no create is in flight."""
        while self._sending:
            await self._sent.wait()

    async def _keep_beating(self) -> NoReturn:
        while True:
            await self._desk.clock.sleep(HEARTBEAT_S)
            try:
                await self.beat()
            except StoreError as error:
                # The next beat tries again; until then another process may take the tasks over, which is safe.
                logger.warning("heartbeat: %s", error)

    async def _hear_other_processes(self) -> NoReturn:
        """Wakes who waits for a task after another process has changed anything; asks the file and not the rows."""
        desk = self._desk
        version = -1
        while True:
            await desk.somebody_waits()
            try:
                before, version = version, await desk.store.version()
            except StoreError as error:
                logger.warning("%s", error)
                before = -1
            if before != version:
                for task_id in desk.awaited:
                    desk.announce(task_id)
            await desk.clock.sleep(LOOK_S)

    def _taken_over(self, task: Task) -> Task:
        if not _is_in_the_making(task):
            return task
        return replace(task, follower=self._desk.worker, next_step_at=self._desk.clock.now())

    async def _note_id(self, task: Task, provider_task_id: str) -> Task:
        """A create that was lost or is not answered yet: whatever happens now, the user can still find its video."""
        note = f"{LOOKED}a call in the name of {task.provider} said that it is {provider_task_id} there."

        def noted(current: Task) -> Task:
            is_open = current.provider_task_id is None and current.send_state in {"sending", "sent"}
            return replace(current, notes=current.with_note(note, instead_of=LOOKED)) if is_open else current

        return await self._desk.change(task, noted, if_ended=noted)

    def _mind_the_clock(self, now: float) -> None:
        """After the clock was put back, what was due is due as long from now as it was before."""
        back_s, self._last_now = self._last_now - now, now
        if back_s > CLOCK_STEP_S:
            logger.warning("The clock was put back by %.0f s.", back_s)
            self._queue.clear()
            for task in tuple(self._tasks.values()):
                self.follow(replace(task, next_step_at=self._due[task.task_id] - back_s))

    def _hurry(self, task_id: str, seconds: float = 0.0) -> None:
        """The task's next step is due in so many seconds, if it is not due sooner."""
        task, at = self._tasks.get(task_id), self._desk.clock.now() + seconds
        if task is not None and task_id not in self._stepping and self._due.get(task_id, at) > at:
            self.follow(replace(task, next_step_at=at))

    async def _do_what_is_due(self, group: anyio.abc.TaskGroup) -> NoReturn:
        while True:
            self._woken = anyio.Event()
            now = self._desk.clock.now()
            self._mind_the_clock(now)
            while self._queue and self._queue[0][0] <= now:
                due, _, task_id = heapq.heappop(self._queue)
                if self._due.get(task_id) == due and task_id not in self._stepping:
                    self._stepping.add(task_id)
                    group.start_soon(self._step, self._tasks[task_id])
            wait = self._queue[0][0] - now if self._queue else LONGEST_SLEEP_S
            # A suspended machine's sleep is not counted by every system's clock.
            await wait_at_most(self._desk.clock, self._woken, min(LONGEST_SLEEP_S, wait))

    async def _step(self, task: Task) -> None:
        events = self._desk.events
        was_down = self._desk.breaker.is_down(task.provider)
        # This look answers whatever was heard before it.
        events.take_news(task.provider, task.provider_task_id)
        self._called.discard(task.task_id)
        try:
            after = await self._next_step(task)
        except StoreError as error:
            logger.warning("task %s: %s", task.task_id, error)
            after = replace(task, next_step_at=self._desk.clock.now() + STORE_RETRY_S)
        except Exception:
            # A fault in one task's step must not stop the others.
            logger.exception("task %s: step failed", task.task_id)
            after = replace(task, next_step_at=self._desk.clock.now() + FAULT_RETRY_S)
        finally:
            self._stepping.discard(task.task_id)
        has_called = task.task_id in self._called
        self._called.discard(task.task_id)
        if (events.take_news(after.provider, after.provider_task_id) or has_called) and after.next_step_at is not None:
            # Heard while the step was under way, perhaps even before a create was answered.
            after = replace(after, next_step_at=self._desk.clock.now())
        self.follow(after)
        self._see_to_the_others(task, after, was_down=was_down)

    def _see_to_the_others(self, before: Task, after: Task, *, was_down: bool) -> None:
        """A step may give another task its turn."""
        if holds_a_place(before) and not holds_a_place(after):
            for provider in {before.provider, after.provider}:
                if next_in_line := self._lines.first(provider):
                    self._hurry(next_in_line)
        if was_down and not self._desk.breaker.is_down(before.provider):
            of_provider = [one.task_id for one in self._tasks.values() if one.provider == before.provider]
            for index, task_id in enumerate(of_provider):
                self._hurry(task_id, SOON_S * index / len(of_provider))

    async def _next_step(self, task: Task) -> Task:
        """Does what the task needs now, judged by the row as it is and not as it was read."""
        desk = self._desk
        current = await desk.store.get(task.owner, task.task_id)
        if current is None or current.next_step_at is None or current.follower != desk.worker:
            return replace(task, next_step_at=None)
        if current.send_state == "to_send":
            return await self._send(current)
        if current.send_state == "sending":
            return await self._sender_died(current)
        if current.video is not None:
            async with self._downloads:
                return await deliver(desk, current)
        if current.status == "uncertain":
            return await look_for(desk, current)
        return await self._look(current)

    async def _look(self, task: Task) -> Task:
        desk = self._desk
        desk.events.listen_to(desk.clients[task.provider])
        if task.cancel_asked:
            task = await self._cancel(task)
            if task.has_ended:
                return task
        now = desk.clock.now()
        # A task that was always answered for shows whether the provider is there.
        wait = desk.breaker.wait_s(task.provider, now) if task.failed_steps else 0.0
        return replace(task, next_step_at=now + wait) if wait else await poll(desk, task)

    async def _sender_died(self, task: Task) -> Task:
        """Nobody is at it: a worker does one step at a time, and other living workers do theirs themselves."""
        spec, now = self._desk.catalogue.spec(task.provider), self._desk.clock.now()

        def give_up(current: Task) -> Task:
            return uncertain(current, SENDER_DIED, spec, now) if current.send_state == "sending" else current

        return await self._desk.change(task, give_up)

    async def _send(self, task: Task) -> Task:
        async with self._lines.turn(self._desk.clients[task.provider].spec):
            self._sending += 1
            try:
                return await send(self._desk, task)
            finally:
                self._sending -= 1
                self._sent.set()
                self._sent = anyio.Event()

    async def _cancel(self, task: Task) -> Task:
        try:
            return (await cancel_at_provider(self._desk, task)).task
        except RefusedError as error:
            logger.info("task %s: not cancelled: %s", task.task_id, error)
            return task


def _is_in_the_making(task: Task) -> bool:
    """Whether a look at its provider can bring anything new."""
    is_open = task.status in {"queued", "running"} and task.send_state == "sent" and task.video is None
    return is_open and task.next_step_at is not None
