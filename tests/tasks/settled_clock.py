"""The fake clock, exact: it jumps when the event loop has nothing at all to do."""

import asyncio  # noqa: TID251  (only the loop itself knows that it is idle)
import heapq
from typing import Any

import anyio
import anyio.lowlevel

from fake_clock import FakeClock


class SettledClock(FakeClock):
    """Counting turns of the loop jumps too early when a worker thread ends in the last of them, and costs time."""

    async def _jump(self) -> None:
        loop: Any = asyncio.get_running_loop()
        while True:
            await anyio.lowlevel.checkpoint()
            if self._busy_threads:
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
