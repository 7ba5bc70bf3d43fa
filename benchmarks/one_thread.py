"""The tests' clock for many thousand tasks: what the server does on worker threads is done in place."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import anyio.lowlevel
import anyio.to_thread
import pytest

from fake_clock import FakeClock

_T = TypeVar("_T")


class OneThreadClock(FakeClock):
    """In simulated time a thread changes nothing but how long the benchmark takes."""

    @contextmanager
    def _count_threads(self) -> Generator[None]:
        async def in_place(work: Callable[..., _T], *args: object, **_options: object) -> _T:
            await anyio.lowlevel.checkpoint()
            return work(*args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(anyio.to_thread, "run_sync", in_place)
            yield
