"""A finished video gets into a folder whole."""

import gzip
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from downloads import MEGABYTE, NAME, VIDEO, names, padded, save, save_from
from raw_server import always, raw_server, reply, then_close

from seedance_mcp.media.download import DownloadError, download_video
from seedance_mcp.media.video_file import VideoFile


async def test_a_video_is_saved_under_its_name_with_its_facts(tmp_path: Path) -> None:
    """DESIGN §1: the assistant hands over a file that is still there next week."""
    folder = tmp_path / "Videos" / "Seedance"

    video = await save_from(always(reply(VIDEO)), folder)

    assert video == VideoFile(
        path=folder / NAME,
        bytes=len(VIDEO),
        mime_type="video/mp4",
        width=96,
        height=64,
        duration=2.0,
        has_audio=True,
    )
    assert video.path.read_bytes() == VIDEO
    assert names(folder) == [NAME]


async def test_a_video_of_unknown_length_is_saved(tmp_path: Path) -> None:
    """Ours: not every server says Content-Length; the boxes of the file show that it is whole."""
    video = await save_from(then_close(b"HTTP/1.1 200 OK\r\n\r\n" + VIDEO), tmp_path)

    assert video.path.read_bytes() == VIDEO


async def test_a_video_that_the_server_compressed_unasked_is_saved_as_it_was(tmp_path: Path) -> None:
    """Ours: the compressed length that it says is not the length of the video."""
    answer = reply(gzip.compress(VIDEO), Content_Encoding="gzip")

    assert (await save_from(always(answer), tmp_path)).path.read_bytes() == VIDEO


async def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    """DESIGN §3: a wait shows progress; the whole size is told where the server says it."""
    told: list[tuple[int, int | None]] = []
    content = padded(VIDEO, 3 * MEGABYTE)

    with anyio.fail_after(10):
        async with raw_server(always(reply(content))) as server:
            video = await download_video(
                server.origin,
                folder=tmp_path,
                name=NAME,
                allowed_origins=frozenset({server.origin}),
                on_progress=lambda done, total: told.append((done, total)),
            )

    assert video.path.read_bytes() == content
    assert len(told) > 2
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (len(content), len(content))


async def test_a_download_sends_nothing_of_ours_but_the_name_of_the_program(tmp_path: Path) -> None:
    """DESIGN §7: a provider's key must not reach the host that stores its videos."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=VIDEO)

    await save(tmp_path, answer)

    assert set(seen[0].headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert seen[0].headers["user-agent"].startswith("seedance-mcp/")


@pytest.mark.parametrize(
    ("status", "retryable", "gone"),
    [
        (401, False, True),
        (403, False, True),
        (404, False, True),
        (410, False, True),
        (400, False, False),
        (416, False, False),
        (408, True, False),
        (425, True, False),
        (429, True, False),
        (500, True, False),
        (503, True, False),
        (204, True, False),
        (206, True, False),
        (302, True, False),
        (304, True, False),
    ],
)
async def test_a_status_says_whether_the_link_may_work_later(
    tmp_path: Path, status: int, *, retryable: bool, gone: bool
) -> None:
    """Ours: an expired link is renewed at the provider, a server in trouble is asked again."""
    with pytest.raises(DownloadError) as caught:
        await save(tmp_path / "folder", lambda _: httpx.Response(status))

    error = caught.value
    assert (error.status, error.retryable, error.gone) == (status, retryable, gone)
    assert error.message == str(error)
    assert error.message.startswith("The video at https://api.example.com/…/v.mp4 could not be fetched: ")
    assert f"HTTP {status}" in error.message
    assert "secret" not in error.message
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!doctype html><title>Sign in</title>", "it is a web page and not a video"),
        (b'{"error":"not ready"}', "it is a JSON document and not a video"),
        (b"", "it is empty"),
        (b"RIFF....WEBP", "it is not an MP4 video"),
    ],
)
async def test_a_page_in_the_place_of_the_video_is_named_and_not_saved(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """Ours: a sign-in page saved as .mp4 would be a paid video lost without a word."""
    with pytest.raises(DownloadError, match=reason) as caught:
        await save(tmp_path / "folder", lambda _: httpx.Response(200, content=content))

    assert (caught.value.retryable, names(tmp_path)) == (True, [])


async def test_a_damaged_video_is_not_saved(tmp_path: Path) -> None:
    """DESIGN §6: streamed to .part, checked, renamed."""
    damaged = VIDEO[:32] + bytes(len(VIDEO) - 32)
    with pytest.raises(DownloadError, match="it is damaged") as caught:
        await save(tmp_path, lambda _: httpx.Response(200, content=damaged))

    assert (caught.value.retryable, names(tmp_path)) == (True, [])


async def test_a_size_over_the_limit_is_refused_before_it_is_fetched(tmp_path: Path) -> None:
    """DESIGN §7: a size limit."""
    with anyio.fail_after(10):
        async with raw_server(always(reply(VIDEO, length=5 * 1024 * MEGABYTE))) as server:
            with pytest.raises(DownloadError, match="larger than the limit of 2048 MB") as caught:
                await download_video(
                    server.origin, folder=tmp_path / "folder", name=NAME, allowed_origins=frozenset({server.origin})
                )

    assert (caught.value.retryable, names(tmp_path)) == (False, [])


async def test_a_size_over_the_limit_is_noticed_while_it_is_fetched(tmp_path: Path) -> None:
    """DESIGN §7: a size limit; a server that says no length, or a wrong one, does not get around it."""

    async def endless(client: SocketStream, _head: bytes) -> None:
        await client.send(b"HTTP/1.1 200 OK\r\n\r\n" + VIDEO)
        while True:
            await client.send(bytes(65536))

    with anyio.fail_after(10):
        async with raw_server(endless) as server:
            with pytest.raises(DownloadError, match="larger than the limit of 2 MB"):
                await download_video(
                    server.origin,
                    folder=tmp_path,
                    name=NAME,
                    allowed_origins=frozenset({server.origin}),
                    max_bytes=2 * MEGABYTE,
                )
            await server.is_idle.wait()

    assert names(tmp_path) == []
