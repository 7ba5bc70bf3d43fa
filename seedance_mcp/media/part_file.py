"""A file that is being written, and gets its final name only when it is whole."""

import errno
import os
import re
import secrets
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_STALE_AFTER_S = 24 * 3600
_PART_NAME = re.compile(r"\.[0-9a-f]{16}\.part")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_MAX_SAME_NAMES = 1000


class DiskError(Exception):
    """A file could not be written; the text says where and why, and trying again later may help."""


class PartFile:
    """Everything here blocks: call it in a worker thread, one call at a time.

    The name while writing is this object's own, so two processes that make the same file do not meet.
    """

    def __init__(self, folder: Path, name: str) -> None:
        if Path(name).name != name or name in {"", ".."}:
            raise ValueError(f"{name!r} is not a plain file name")
        self._folder = folder
        self._name = name
        self.path = folder / f"{name[:40]}.{secrets.token_hex(8)}.part"
        self._file: BinaryIO | None = None

    def open(self) -> None:
        """Makes the folder where it is missing, and clears out what killed processes left in it.

        Raises:
            DiskError: The folder cannot be written.
        """
        with _disk_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            _remove_stale(self._folder)
            self._file = self.path.open("xb")

    def write(self, pieces: Iterable[bytes]) -> None:
        """Appends.

        Raises:
            DiskError: The disk is full or broken.
        """
        with _disk_errors(self._folder):
            self._opened().writelines(pieces)

    def close(self) -> None:
        """Brings everything to the disk.

        Raises:
            DiskError: The disk is full or broken.
        """
        with _disk_errors(self._folder):
            file = self._opened()
            file.flush()
            os.fsync(file.fileno())
            file.close()

    def keep(self) -> Path:
        """Gives the closed file its final name, or `name (2)`, `name (3)`, ... where that is taken.

        Raises:
            DiskError: The folder cannot be written.
        """
        name = Path(self._name)
        with _disk_errors(self._folder):
            for number in range(1, _MAX_SAME_NAMES):
                final = self._folder / (self._name if number == 1 else f"{name.stem} ({number}){name.suffix}")
                if _move_to_new(self.path, final):
                    _sync_folder(self._folder)
                    return final
        raise DiskError(f"the folder {self._folder} holds too many files named {self._name!r}")

    def discard(self) -> None:
        """Removes what is left under the name while writing; after `keep` there is nothing."""
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise RuntimeError("the file was not opened")
        return self._file


def _move_to_new(part: Path, final: Path) -> bool:
    """Renames without ever overwriting; False when the name is taken, even if only since a moment ago."""
    try:
        final.hardlink_to(part)
    except FileExistsError:
        return False
    except OSError:
        return _move_without_links(part, final)
    with suppress(OSError):
        part.unlink()
    return True


def _move_without_links(part: Path, final: Path) -> bool:
    # FAT, exFAT and some network folders have no hard links: an empty file claims the name first.
    try:
        final.touch(exist_ok=False)
    except FileExistsError:
        return False
    try:
        part.replace(final)
    except OSError:
        final.unlink(missing_ok=True)
        raise
    return True


def _sync_folder(folder: Path) -> None:
    # Windows cannot open a folder, and does not need this.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove_stale(folder: Path) -> None:
    newest = time.time() - _STALE_AFTER_S
    for part in folder.glob("*.part"):
        if _PART_NAME.search(part.name):
            with suppress(OSError):
                if part.stat().st_mtime < newest:
                    part.unlink()


@contextmanager
def _disk_errors(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskError(f"the disk that holds the folder {folder} is full") from error
        reason = (error.strerror or "unknown reason").lower()
        raise DiskError(f"the folder {folder} cannot be written ({reason})") from error
