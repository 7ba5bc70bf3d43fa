"""A clock that jumps to the next sleeper as soon as nobody has anything else to do."""

import asyncio  # noqa: TID251  (only the loop itself knows that it is idle)
import heapq
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread
import pytest

START = 1_795_161_600.0
"""2026-11-20 08:00:00 UTC."""


class FakeClock:
    """Time stands still while work is done, and jumps when everything waits for it."""

    def __init__(self) -> None:
        self.time = START
        self._busy_threads = 0
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._count = 0
        self._new_sleeper = anyio.Event()
        self._stack = AsyncExitStack()
        self._group: anyio.abc.TaskGroup | None = None

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        event = anyio.Event()
        self._count += 1
        entry = (self.time + max(0.0, seconds), self._count, event)
        heapq.heappush(self._sleepers, entry)
        self._new_sleeper.set()
        try:
            await event.wait()
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    async def __aenter__(self) -> Self:
        self._stack.enter_context(self._count_threads())
        self._group = await self._stack.enter_async_context(anyio.create_task_group())
        self._group.start_soon(self._jump)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._group is not None:
            self._group.cancel_scope.cancel()
        await self._stack.aclose()

    @contextmanager
    def _count_threads(self) -> Generator[None]:
        """Notices work on worker threads, which anyio does not count as work."""
        run_sync = anyio.to_thread.run_sync

        async def counted(*args: Any, **options: Any) -> Any:
            self._busy_threads += 1
            try:
                return await run_sync(*args, **options)
            finally:
                self._busy_threads -= 1

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(anyio.to_thread, "run_sync", counted)
            yield

    async def _jump(self) -> None:
        loop: Any = asyncio.get_running_loop()
        while True:
            await anyio.lowlevel.checkpoint()
            if self._busy_threads:
                # A worker thread is writing to the store: time must not run away meanwhile.
                await anyio.sleep(0.0005)
            elif not loop._ready:  # noqa: SLF001  (callbacks that wait for their turn)
                await self._jump_once()

    async def _jump_once(self) -> None:
        if self._sleepers:
            due, _, event = heapq.heappop(self._sleepers)
            self.time = max(self.time, due)
            event.set()
        else:
            self._new_sleeper = anyio.Event()
            await self._new_sleeper.wait()
