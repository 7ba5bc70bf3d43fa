"""Fetches a finished video into a folder: checked addresses, constant memory, a final name only when it is whole."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from seedance_mcp.http import HttpError, HttpStream, NoAnswerError, Transport, open_stream
from seedance_mcp.media.address_guard import Resolve, UnsafeUrlError, origin_of, resolve_public, shown_url
from seedance_mcp.media.part_file import DiskError, PartFile
from seedance_mcp.media.video_file import NotAVideoError, VideoFile, check_start, probe

MAX_BYTES = 2 * 1024**3
MAX_REDIRECTS = 5
_BATCH_BYTES = 1024 * 1024
_BATCH_CHUNKS = 1024
_START_BYTES = 64
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({401, 403, 404, 410})
_TRY_AGAIN = frozenset({408, 425, 429})


class DownloadError(Exception):
    """A video was not saved.

    Attributes:
        message: What was fetched and what went wrong, for a person; a URL in it has no query.
        retryable: Whether the same link may work later.
        status: The HTTP status, when it was the reason.
        gone: The link itself no longer works (401, 403, 404, 410): ask the provider for a new one.
    """

    def __init__(self, message: str, *, retryable: bool, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.status = status
        self.gone = status in _GONE


@dataclass(frozen=True, slots=True)
class _Download:
    part: PartFile
    allowed_origins: frozenset[str]
    transport: Transport | None
    max_bytes: int
    timeout_s: float
    resolve: Resolve | None
    on_progress: Callable[[int, int | None], None] | None


async def download_video(
    url: str,
    *,
    folder: Path,
    name: str,
    allowed_origins: frozenset[str] = frozenset(),
    transport: Transport | None = None,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = 60.0,
    total_timeout_s: float = 1800.0,
    resolve: Resolve | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> VideoFile:
    """Saves a video under `name`, or `name (2)` where that is taken; never overwrites a file.

    Args:
        url: What the provider gave; it and every redirect are checked.
        folder: Made when there is something to write.
        name: A plain file name, see `file_name`.
        allowed_origins: Origins (see `origin_of`) of the user's own provider addresses.
        transport: Used for `allowed_origins` instead of the network.
        max_bytes: A larger video is refused.
        timeout_s: The longest silence.
        total_timeout_s: For everything, redirects and checks included.
        resolve: Finds addresses; for tests.
        on_progress: Called with the bytes so far and the whole size where it is known.

    Raises:
        DownloadError: Nothing was saved, and nothing was left behind.
    """
    part = PartFile(folder, name)
    download = _Download(part, allowed_origins, transport, max_bytes, timeout_s, resolve, on_progress)
    with _errors_in_words(shown_url(url), total_timeout_s):
        with anyio.fail_after(total_timeout_s):
            return await _save(download, _encoded(url))


@contextmanager
def _errors_in_words(shown: str, total_timeout_s: float) -> Generator[None]:
    try:
        yield
    except UnsafeUrlError as error:
        raise DownloadError(f"The video was not fetched. {error}", retryable=False) from error
    except (HttpError, NotAVideoError) as error:
        raise DownloadError(f"The video at {shown} could not be fetched: {error}.", retryable=True) from error
    except DiskError as error:
        raise DownloadError(f"The video at {shown} could not be saved: {error}.", retryable=True) from error
    except TimeoutError as error:
        message = f"The video at {shown} could not be fetched: it took longer than {total_timeout_s:.0f} s."
        raise DownloadError(message, retryable=True) from error
    except OSError as error:
        raise DownloadError(f"The video at {shown} could not be saved: its file is gone.", retryable=True) from error


async def _save(download: _Download, url: str) -> VideoFile:
    try:
        await _fetch(download, url)
        await anyio.to_thread.run_sync(download.part.close)
        video = await anyio.to_thread.run_sync(probe, download.part.path)
        # Nothing may wait after this: a time limit that strikes between would report a saved video as lost.
        path = await anyio.to_thread.run_sync(download.part.keep)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(download.part.discard)
        raise
    return replace(video, path=path)


async def _fetch(download: _Download, url: str) -> None:
    for _ in range(MAX_REDIRECTS + 1):
        address = await resolve_public(url, allowed_origins=download.allowed_origins, resolve=download.resolve)
        transport = download.transport if origin_of(url) in download.allowed_origins else None
        async with open_stream(url, address=address, transport=transport, timeout_s=download.timeout_s) as answer:
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return await _receive(download, url, answer)
        url = _next_url(url, location)
    raise DownloadError(
        f"The video at {shown_url(url)} could not be fetched: it was redirected more than {MAX_REDIRECTS} times.",
        retryable=True,
    )


async def _receive(download: _Download, url: str, answer: HttpStream) -> None:
    _refuse_status(url, answer.status)
    total = _length(answer)
    _refuse_size(url, total or 0, download.max_bytes)
    ahead, behind = anyio.create_memory_object_stream[list[bytes]](1)
    with ahead, behind:
        try:
            # Writing runs beside receiving, so that the disk and the network do not wait for each other.
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_write, download, behind, total)
                async with ahead:
                    await _pass_on(download, url, answer, ahead, total)
        except ExceptionGroup as group:
            raise group.exceptions[0] from group


async def _pass_on(
    download: _Download, url: str, answer: HttpStream, ahead: MemoryObjectSendStream[list[bytes]], total: int | None
) -> None:
    done = 0
    async with aclosing(_batches(answer.chunks)) as batches:
        async for batch in batches:
            if not done:
                check_start(b"".join(batch)[:_START_BYTES])
            done += sum(map(len, batch))
            _refuse_size(url, done, download.max_bytes)
            await ahead.send(batch)
    if total is not None and done != total:
        raise NoAnswerError(f"only {done} of {total} bytes came")


async def _write(download: _Download, behind: MemoryObjectReceiveStream[list[bytes]], total: int | None) -> None:
    done = 0
    async for batch in behind:
        if not done:
            await anyio.to_thread.run_sync(download.part.open)
        await anyio.to_thread.run_sync(download.part.write, batch)
        done += sum(map(len, batch))
        if download.on_progress is not None:
            download.on_progress(done, total)


def _length(answer: HttpStream) -> int | None:
    length = answer.headers.get("content-length", "")
    # A server that compresses although it was asked not to says the compressed length.
    return int(length) if length.isdecimal() and "content-encoding" not in answer.headers else None


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes]]:
    """Fewer and larger pieces, as each is written by a worker thread; an empty answer is one empty batch."""
    batch: list[bytes] = []
    size = 0
    is_first = True
    async for chunk in chunks:
        batch.append(chunk)
        size += len(chunk)
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_CHUNKS:
            yield batch
            batch, size, is_first = [], 0, False
    if batch or is_first:
        yield batch


def _refuse_status(url: str, status: int) -> None:
    if status == 200:
        return
    if status in _GONE:
        truth = f"the link has expired or was removed (HTTP {status})"
    else:
        truth = f"the server answered HTTP {status}"
    raise DownloadError(
        f"The video at {shown_url(url)} could not be fetched: {truth}.",
        retryable=not 400 <= status < 500 or status in _TRY_AGAIN,
        status=status,
    )


def _refuse_size(url: str, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        limit = f"{max_bytes / 1024**2:.0f} MB"
        raise DownloadError(f"The video at {shown_url(url)} is larger than the limit of {limit}.", retryable=False)


def _next_url(url: str, location: str) -> str:
    try:
        return urljoin(url, _encoded(location))
    except ValueError as error:
        raise UnsafeUrlError(f"{shown_url(url)} redirects to something that is not a web address.") from error


def _encoded(url: str) -> str:
    # Some servers leave spaces in a link; every client sends them like this.
    return url.strip().replace(" ", "%20")
