"""A file that gets its final name only when it is whole."""

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from seedance_mcp.media.part_file import DiskError, PartFile


def written(folder: Path, content: bytes, name: str = "a.mp4") -> PartFile:
    part = PartFile(folder, name)
    part.open()
    part.write([content])
    part.close()
    return part


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def no_links(*_arguments: object, **_options: object) -> NoReturn:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.fixture(params=[True, False], ids=["with links", "without links"])
def any_file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once as the disk is, once like FAT, which has no hard links."""
    if not request.param:
        monkeypatch.setattr(os, "link", no_links)


@pytest.mark.usefixtures("any_file_system")
def test_a_taken_name_is_never_overwritten(tmp_path: Path) -> None:
    """DESIGN §1: never lose a paid video; an older one under the same name is one too."""
    (tmp_path / "a.mp4").write_bytes(b"older")

    kept = [written(tmp_path, content).keep().name for content in (b"1", b"2")]

    assert kept == ["a (2).mp4", "a (3).mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"older"
    assert (tmp_path / "a (3).mp4").read_bytes() == b"2"
    assert names(tmp_path) == ["a (2).mp4", "a (3).mp4", "a.mp4"]


def test_two_writers_of_one_name_do_not_meet(tmp_path: Path) -> None:
    """DESIGN §6: a desktop host often starts several servers, and two may fetch the same video."""
    first, second = PartFile(tmp_path, "a.mp4"), PartFile(tmp_path, "a.mp4")
    for part, content in ((first, b"first"), (second, b"second")):
        part.open()
        part.write([content])
    for part in (second, first):
        part.close()

    assert (second.keep().read_bytes(), first.keep().read_bytes()) == (b"second", b"first")
    assert names(tmp_path) == ["a (2).mp4", "a.mp4"]


def test_nothing_is_made_before_it_is_opened(tmp_path: Path) -> None:
    """Ours: a download that fails at once leaves no empty folder behind."""
    part = PartFile(tmp_path / "Videos" / "Seedance", "a.mp4")
    part.discard()
    assert names(tmp_path) == []

    part.open()
    assert names(tmp_path / "Videos" / "Seedance") == [part.path.name]
    assert part.path.name.startswith("a.mp4.")
    assert part.path.suffix == ".part"

    part.discard()
    assert names(tmp_path / "Videos" / "Seedance") == []


def test_discarding_after_keeping_removes_nothing(tmp_path: Path) -> None:
    """Ours: cleaning up always runs, also after a success."""
    part = written(tmp_path, b"1")
    part.keep()
    part.discard()

    assert names(tmp_path) == ["a.mp4"]


def test_what_a_killed_process_left_is_removed_a_day_later(tmp_path: Path) -> None:
    """Ours: after kill -9 nobody else would; files of others and fresh ones stay."""
    ours = "a.mp4.0123456789abcdef.part"
    for name in (ours, "b.mp4.fedcba9876543210.part", "firefox.part", "film.mp4"):
        (tmp_path / name).touch()
        if name != "b.mp4.fedcba9876543210.part":
            os.utime(tmp_path / name, (0, 0))

    written(tmp_path, b"1").keep()

    assert names(tmp_path) == ["a.mp4", "b.mp4.fedcba9876543210.part", "film.mp4", "firefox.part"]


@pytest.mark.parametrize("name", ["", ".", "..", "../a.mp4", "b/a.mp4", "/a.mp4"])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    """DESIGN §7: a file name must not lead out of the folder."""
    with pytest.raises(ValueError, match="plain file name"):
        PartFile(tmp_path, name)


def test_a_long_name_leaves_room_for_the_ending_while_writing(tmp_path: Path) -> None:
    """Ours: file systems take 255 bytes."""
    assert written(tmp_path, b"1", "ä" * 120 + ".mp4").keep().name == "ä" * 120 + ".mp4"


def test_a_folder_that_is_a_file_is_an_error_in_words(tmp_path: Path) -> None:
    """Ours: the reader can do something about it, so it says where and why."""
    (tmp_path / "taken").touch()

    with pytest.raises(DiskError) as caught:
        PartFile(tmp_path / "taken", "a.mp4").open()

    assert str(caught.value).startswith(f"the folder {tmp_path / 'taken'} cannot be written (")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """DESIGN §6: disk-full never loses the link and is tried again."""

    def full(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    part = PartFile(tmp_path, "a.mp4")
    part.open()
    part.write([b"1"])
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(DiskError, match="is full"):
        part.close()
    part.discard()

    assert names(tmp_path) == []


def test_without_links_a_rename_that_fails_gives_the_name_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: an empty file under the final name would look like a video."""
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "replace", no_links)
    part = written(tmp_path, b"1")

    with pytest.raises(DiskError, match="operation not permitted"):
        part.keep()
    part.discard()

    assert names(tmp_path) == []


def test_a_folder_with_a_thousand_files_of_one_name_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: the search for a free name ends."""

    def taken(*_arguments: object, **_options: object) -> None:
        raise FileExistsError

    monkeypatch.setattr(os, "link", taken)

    with pytest.raises(DiskError, match="too many files named"):
        written(tmp_path, b"1").keep()


def test_writing_before_opening_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    """Ours: it must not pass silently."""
    with pytest.raises(RuntimeError, match="not opened"):
        PartFile(tmp_path, "a.mp4").write([b"1"])
