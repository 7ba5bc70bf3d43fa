"""Rendered videos on disk: rendered in threads, a few at a time, once per scene."""

import hashlib
import secrets
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from seedance_mcp.simulator.frames import Frames
from seedance_mcp.simulator.scene import Order, Scene, pixels

_KEPT_BYTES: Final = 1024 * 1024 * 1024
_KEPT: Final = "kept:"
_CARRIED: Final = 600


@dataclass(slots=True)
class _Render:
    finished: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None


class Films:
    """The videos of one simulator.

    The threads are daemons: a process that wants to end does not wait for a render.
    """

    def __init__(self, frames: Frames, folder: Path | None, *, at_once: int = 2, kept_bytes: int = _KEPT_BYTES) -> None:
        self._frames = frames
        self._folder = folder
        self._slots = threading.Semaphore(at_once)
        self._kept_bytes = kept_bytes
        self._renders: dict[str, _Render] = {}
        self._keys: dict[tuple[Order, str], str] = {}
        self._closed = threading.Event()

    @property
    def folder(self) -> Path:
        """Where the files are; without a folder of its own, a temporary one that goes when the simulator goes."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="seedance-simulator-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    async def begin(self, order: Order, origin: str) -> bool:
        """Renders in the background, unless that is done or under way; says whether the video is there.

        Raises:
            Exception: The render failed; the next call tries again.
        """
        key = self._keys.get((order, origin))
        if key is None or not (self._path(key).exists() or self._is_under_way(key)):
            scene = await self._scene(order, origin)
            key = self._keys[order, origin] = scene.key
            if not (self._path(key).exists() or self._is_under_way(key)):
                self._start(scene)
        return self._path(key).exists()

    async def video(self, order: Order, origin: str) -> Path:
        """The MP4, waiting for it where necessary."""
        while not await self.begin(order, origin):  # noqa: ASYNC110  (a thread renders, and sets no async event)
            await anyio.sleep(0.02)
        return self._path(self._keys[order, origin])

    async def last_frame(self, order: Order, origin: str) -> Path:
        """The last picture of the MP4, as PNG."""
        video = await self.video(order, origin)
        picture = video.with_suffix(".png")
        if not picture.exists():
            await anyio.to_thread.run_sync(_write_last_frame, video, picture)
        return picture

    async def picture(self, url: str, origin: str) -> bytes:
        """The encoded picture behind a URL, or a stand-in."""
        return await self._frames.read(url, origin)

    def shortened(self, url: str | None) -> str | None:
        """The URL; one too long to be carried about is stored, and its name takes its place."""
        if url is None or len(url) <= _CARRIED:
            return url
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        file = self._kept(name)
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            part = _part_of(file)
            part.write_text(url, encoding="utf-8")
            part.replace(file)
        return _KEPT + name

    def close(self) -> None:
        """Stops renders that are under way; none will begin."""
        self._closed.set()

    async def _scene(self, order: Order, origin: str) -> Scene:
        width, height = pixels(order.resolution, order.aspect_ratio)
        first, last = order.first_frame, order.last_frame
        return Scene(
            width=width,
            height=height,
            seconds=order.seconds,
            audio=order.audio,
            look=order.look,
            first_frame=None if first is None else await self._frames.read(self._in_full(first), origin),
            last_frame=None if last is None else await self._frames.read(self._in_full(last), origin),
        )

    def _in_full(self, url: str) -> str:
        """A stored URL that is gone by now leads nowhere, and a stand-in is drawn."""
        file = self._kept(url.removeprefix(_KEPT)) if url.startswith(_KEPT) else None
        return file.read_text(encoding="utf-8") if file is not None and file.exists() else url

    def _kept(self, name: str) -> Path:
        return self.folder / f"{name}.url"

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.mp4"

    def _is_under_way(self, key: str) -> bool:
        render = self._renders.get(key)
        if render is None or not render.finished.is_set():
            return render is not None
        del self._renders[key]
        if render.error is not None:
            raise render.error
        return False

    def _start(self, scene: Scene) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        render = self._renders[scene.key] = _Render()
        path = self._path(scene.key)
        threading.Thread(target=partial(self._run, render, scene, path), name="render", daemon=True).start()

    def _run(self, render: _Render, scene: Scene, path: Path) -> None:
        from seedance_mcp.simulator.render import render as render_scene

        part = _part_of(path)
        try:
            with self._slots:
                render_scene(scene, part, stopped=self._closed.is_set)
                part.replace(path)
                self._make_room(keep=path)
        except Exception as error:  # noqa: BLE001  (handed to whoever asks for the video)
            render.error = error
            part.unlink(missing_ok=True)
        render.finished.set()

    def _make_room(self, *, keep: Path) -> None:
        kept = (*self.folder.glob("*.mp4"), *self.folder.glob("*.url"))
        files = sorted(kept, key=lambda file: file.stat().st_mtime, reverse=True)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > self._kept_bytes and file != keep:
                file.unlink(missing_ok=True)
                file.with_suffix(".png").unlink(missing_ok=True)


def _write_last_frame(video: Path, picture: Path) -> None:
    from seedance_mcp.simulator.render import last_frame_png

    part = _part_of(picture)
    part.write_bytes(last_frame_png(video))
    part.replace(picture)


def _part_of(path: Path) -> Path:
    """A name nobody else writes to: several processes may share the folder."""
    return path.with_suffix(f".{secrets.token_hex(4)}.part")
