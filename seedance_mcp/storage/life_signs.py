"""Who of the workers is alive: each holds a lock that the operating system takes back the moment its process dies.

The lock is SQLite's own, on an empty file, because it works alike on every system. A lease that has not lapsed would
otherwise make a killed process look alive for seconds in which its host repeats a paid call.
"""

import logging
import sqlite3
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)


class LifeSigns:
    """The lock files of one store, in a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, sqlite3.Connection | None] = {}

    def hold(self, worker: str) -> None:
        """This process is the worker, until it dies or lets go. Where nothing can be locked its lease has to do."""
        if worker in self._held:
            return
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            self._held[worker] = _lock(self._file(worker))
        except (OSError, sqlite3.Error) as error:
            logger.info("%s cannot be locked: %s", self._file(worker), error)
            self._held[worker] = None
            with suppress(OSError):
                self._file(worker).unlink(missing_ok=True)

    def let_go(self, worker: str) -> None:
        if (db := self._held.pop(worker, None)) is not None:
            db.close()
        with suppress(OSError):
            self._file(worker).unlink(missing_ok=True)

    def is_dead(self, worker: str) -> bool:
        """Whether its process has certainly ended; without a file (an older version) only its lease can tell."""
        file = self._file(worker)
        if worker in self._held or not file.exists():
            return False
        # A shared lock: two that judge at the same moment must not take each other for the worker.
        db = sqlite3.connect(file, timeout=0, isolation_level=None)
        try:
            db.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error:
            return False
        finally:
            db.close()
        return True

    def close(self) -> None:
        for worker in tuple(self._held):
            self.let_go(worker)

    def _file(self, worker: str) -> Path:
        return self._folder / f"{worker}.lock"


def _lock(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
    except BaseException:
        db.close()
        raise
    return db
