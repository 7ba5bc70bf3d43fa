"""A download that fails leaves nothing behind, and says what to do."""

import errno
import os
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from downloads import MEGABYTE, NAME, ORIGIN, URL, VIDEO, names, ok, save, save_from
from raw_server import Answer, closed_port, raw_server, reply, silence, then_close

from seedance_mcp.media.download import DownloadError, download_video
from seedance_mcp.media.video_file import VideoFile


async def half_then_silence(client: SocketStream, head: bytes) -> None:
    await client.send(reply(VIDEO[:500] + bytes(2 * MEGABYTE), length=9 * MEGABYTE))
    await silence(client, head)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (then_close(reply(VIDEO[:-100], length=len(VIDEO))), "the connection was closed before a whole answer came"),
        (then_close(b"HTTP/1.1 200 OK\r\n\r\n" + VIDEO[:-100]), "its end is missing"),
        (then_close(b""), "the connection was closed before a whole answer came"),
    ],
    ids=["shorter than said", "no length said", "no answer"],
)
async def test_a_download_that_breaks_off_leaves_nothing_and_may_be_tried_again(
    tmp_path: Path, answer: Answer, reason: str
) -> None:
    """DESIGN §6: a broken download never loses the link and is tried again."""
    with pytest.raises(DownloadError, match=reason) as caught:
        await save_from(answer, tmp_path)

    assert (caught.value.retryable, names(tmp_path)) == (True, [])


async def test_fewer_bytes_than_said_are_noticed_whatever_the_transport_does(tmp_path: Path) -> None:
    """Ours: an in-process application may break its promise too."""
    headers = {"content-length": str(len(VIDEO) + 1)}
    with pytest.raises(DownloadError, match=f"only {len(VIDEO)} of {len(VIDEO) + 1} bytes came"):
        await save(tmp_path, lambda _: httpx.Response(200, headers=headers, content=VIDEO))


async def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    """DESIGN §7: a time limit."""
    with pytest.raises(DownloadError, match="no answer came within") as caught:
        await save_from(half_then_silence, tmp_path, timeout_s=0.1)

    assert (caught.value.retryable, names(tmp_path)) == (True, [])


async def test_a_download_that_takes_too_long_in_all_is_given_up(tmp_path: Path) -> None:
    """DESIGN §7: a time limit; a server that sends a byte now and then does not get around it."""
    with pytest.raises(DownloadError, match="it took longer than 0 s") as caught:
        await save_from(half_then_silence, tmp_path, total_timeout_s=0.2)

    assert (caught.value.retryable, names(tmp_path)) == (True, [])


async def test_a_cancelled_download_hangs_up_and_leaves_nothing(tmp_path: Path) -> None:
    """Ours: the process may end at any time, and half a video is not a video."""
    begun = anyio.Event()
    with anyio.fail_after(10):
        async with raw_server(half_then_silence) as server, anyio.create_task_group() as tasks:

            async def download() -> None:
                await download_video(
                    server.origin,
                    folder=tmp_path,
                    name=NAME,
                    allowed_origins=frozenset({server.origin}),
                    on_progress=lambda _done, _total: begun.set(),
                )

            tasks.start_soon(download)
            await begun.wait()
            assert [Path(name).suffix for name in names(tmp_path)] == [".part"]
            tasks.cancel_scope.cancel()

    assert names(tmp_path) == []


async def test_an_unreachable_server_may_be_tried_again(tmp_path: Path) -> None:
    """DESIGN §6: a broken download never loses the link."""
    origin = f"http://127.0.0.1:{await closed_port()}"
    with anyio.fail_after(20), pytest.raises(DownloadError, match="no connection could be made") as caught:
        await download_video(origin, folder=tmp_path, name=NAME, allowed_origins=frozenset({origin}))

    assert caught.value.retryable


async def test_a_full_disk_is_said_in_words_and_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN §6: disk-full never loses the link and is tried again."""

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DownloadError) as caught:
        await save(tmp_path, ok)

    assert caught.value.message == (
        "The video at https://api.example.com/…/v.mp4 could not be saved: "
        f"the disk that holds the folder {tmp_path} is full."
    )
    assert (caught.value.retryable, names(tmp_path)) == (True, [])


async def test_a_folder_that_cannot_be_written_is_said_in_words_and_may_be_tried_again(tmp_path: Path) -> None:
    """Ours: the reader can make room or choose another folder."""
    (tmp_path / "taken").touch()
    with pytest.raises(DownloadError, match=r"could not be saved: the folder .* cannot be written") as caught:
        await save(tmp_path / "taken", ok)

    assert caught.value.retryable


async def test_a_file_that_somebody_removes_meanwhile_is_said_in_words(tmp_path: Path) -> None:
    """Ours: a program that tidies folders must not end in a stack trace."""

    def tidy(_done: int, _total: int | None) -> None:
        for path in tmp_path.iterdir():
            path.unlink()

    with anyio.fail_after(10), pytest.raises(DownloadError, match="its file is gone") as caught:
        await download_video(
            URL,
            folder=tmp_path,
            name=NAME,
            allowed_origins=frozenset({ORIGIN}),
            transport=httpx.MockTransport(ok),
            on_progress=tidy,
        )

    assert (caught.value.retryable, names(tmp_path)) == (True, [])


async def test_two_downloads_of_one_name_are_both_whole(tmp_path: Path) -> None:
    """DESIGN §6: a desktop host often starts several servers, and two may fetch the same video."""
    saved: list[VideoFile] = []

    async def download() -> None:
        saved.append(await save(tmp_path, ok))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(download)

    stem = NAME.removesuffix(".mp4")
    assert names(tmp_path) == sorted([NAME, f"{stem} (2).mp4", f"{stem} (3).mp4", f"{stem} (4).mp4"])
    assert {video.path.name for video in saved} == set(names(tmp_path))
    assert {video.path.read_bytes() for video in saved} == {VIDEO}
