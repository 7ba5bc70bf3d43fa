"""Time, so that tests can have their own."""

import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """What the rest of the program knows of time."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def wait_at_most(clock: Clock, event: anyio.Event, seconds: float) -> bool:
    """Waits for the event, but no longer than this; says whether it happened."""
    if event.is_set() or seconds <= 0:
        return event.is_set()
    async with anyio.create_task_group() as group:

        async def give_up() -> None:
            await clock.sleep(seconds)
            group.cancel_scope.cancel()

        group.start_soon(give_up)
        await event.wait()
        group.cancel_scope.cancel()
    return event.is_set()
