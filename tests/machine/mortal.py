"""A server process that can die as by `kill -9`: from one moment on, nothing it does reaches the world.

The server leaves politely when it is cancelled, so a cancellation is no crash. Everything a server does to the world
goes through three doors, though: worker threads (the store, files), requests, and the clock. In a story each door asks
the process's `Life` first. Once that is over, a door lets nothing through and raises `DeadProcessError`, which is no
`Exception`, so that no clean-up can catch it and go on; whatever the process still tries while it falls apart has no
effect, its heartbeat simply stops, and what it left open is closed by the undertaker, as an operating system would.

Work for worker threads is done at once instead, so that a story runs the same way every time.
"""

import os
import random
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from fake_clock import FakeClock

_T = TypeVar("_T")


class DeadProcessError(BaseException):
    """A dead process tried to do something."""


class Closable(Protocol):
    """A file or a connection that the operating system closes when its process is gone."""

    def close(self) -> object: ...


class Life:
    """One process's leave to have any effect; it may be taken for a while (frozen) or for ever (dead)."""

    def __init__(self, clock: FakeClock, turns: Callable[[], int]) -> None:
        self.clock = clock
        self.scope = anyio.CancelScope()
        self.left_open: list[Closable] = []
        self.died_at: float | None = None
        self._turns = turns
        self._fuse = 0
        self._at_its_end: Callable[[], None] | None = None
        self._awake = anyio.Event()
        self._awake.set()
        self._awaited: set[anyio.Event] = set()

    @property
    def is_dead(self) -> bool:
        return self.died_at is not None

    @property
    def is_frozen(self) -> bool:
        return not self._awake.is_set()

    def light(self, fuse: int, then: Callable[[], None]) -> None:
        """Something happens after so many touches of the world: before or after a write, an answer, a sleep."""
        self._fuse, self._at_its_end = fuse, then

    def freeze(self) -> None:
        """Nothing goes on until `thaw`, as when the process is stopped or swapped out."""
        self._awake = anyio.Event()

    def put_out(self) -> None:
        """What a fuse was lit for does not happen any more."""
        self._at_its_end = None

    def thaw(self) -> None:
        self._awake.set()

    def die(self) -> None:
        """From now on nothing has any effect; whoever waits for something hears that it is over."""
        self.died_at = self.clock.now()
        self.thaw()
        for event in tuple(self._awaited):
            event.set()
        self.scope.cancel()

    def bury(self) -> None:
        """Closes what a dead process left open; SQLite rolls back what was not committed."""
        while self.left_open:
            self.left_open.pop().close()

    async def touch(self) -> None:
        """The process is about to have an effect, or has just had one.

        Raises:
            DeadProcessError: It is dead, perhaps since now.
        """
        self._fuse -= 1
        if self._fuse < 0 and self._at_its_end is not None and not self.is_dead:
            then, self._at_its_end = self._at_its_end, None
            then()
        while self.is_frozen:
            await self._awake.wait()
        if self.is_dead:
            raise DeadProcessError

    async def wait(self, event: anyio.Event) -> None:
        """Waits for something of the world's. Raises `DeadProcessError`."""
        self._awaited.add(event)
        try:
            await event.wait()
        finally:
            self._awaited.discard(event)
        await self.touch()

    async def pause(self) -> None:
        """Lets others have a few turns, so that stories differ in who is first."""
        for _ in range(self._turns()):
            await anyio.lowlevel.checkpoint()


LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
"""The process to which the running code belongs; None is the world."""


class MortalClock:
    """The clock as a process sees it: a frozen one oversleeps, a dead one sleeps for ever."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def now(self) -> float:
        return self._life.clock.now()

    async def sleep(self, seconds: float) -> None:
        await self._life.clock.sleep(seconds)
        await self._life.touch()


@contextmanager
def one_thread(seed: int) -> Generator[None]:
    """Worker threads' work is done in this thread, by the process it belongs to; chance comes from the seed."""
    chance = random.Random(seed)  # noqa: S311  (ids of a test)

    def token_hex(bytes_: int = 32) -> str:
        return chance.randbytes(bytes_).hex()

    def new_uuid() -> uuid.UUID:
        return uuid.UUID(bytes=chance.randbytes(16), version=4)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anyio.to_thread, "run_sync", _run_here)
        patch.setattr(sqlite3, "connect", _remembering(partial(sqlite3.connect, factory=_Unsynced)))
        patch.setattr(os, "fsync", _not_synced)
        patch.setattr(Path, "open", _remembering(Path.open))
        patch.setattr(secrets, "choice", chance.choice)
        patch.setattr(secrets, "token_hex", token_hex)
        patch.setattr(uuid, "uuid4", new_uuid)
        yield


async def _run_here(work: Callable[..., _T], *args: Any, **_options: Any) -> _T:
    # As with a real thread: here a cancellation is noticed, and from here on it waits until the work is done.
    await anyio.lowlevel.checkpoint()
    life = LIFE.get()
    if life is None:
        return work(*args)
    results: list[_T] = []
    with anyio.CancelScope(shield=True):
        await life.touch()
        results.append(work(*args))
        await life.touch()
        await life.pause()
    return results[0]


def _not_synced(_file: int) -> None:
    """As in `_Unsynced`."""


class _Unsynced(sqlite3.Connection):
    """Does not wait for the disk: only a power cut loses what is not there yet, and this is about kills."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return super().execute("PRAGMA synchronous = OFF" if sql.startswith("PRAGMA synchronous") else sql, parameters)


def _remembering(opening: Callable[..., Any]) -> Callable[..., Any]:
    def remember(*args: Any, **options: Any) -> Any:
        opened = opening(*args, **options)
        if life := LIFE.get():
            life.left_open.append(opened)
        return opened

    return remember
