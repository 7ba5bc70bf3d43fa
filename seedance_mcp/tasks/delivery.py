"""Brings finished videos to the output folder; a link is never given up because one download failed."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from seedance_mcp.domain.errors import ProviderError
from seedance_mcp.domain.task import Task, Video
from seedance_mcp.media.download import DownloadError, VideoFile, download_video
from seedance_mcp.media.file_names import file_name
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.schedule import next_try

logger = logging.getLogger(__name__)

GIVE_UP_AFTER_S = 24 * 3600.0
"""For providers whose link lifetime is not documented."""
RETRY_S = 20.0
_NOT_SAVED = "The video is made, but could not be saved here yet"


class _Link(NamedTuple):
    url: str
    expires_at: float | None


async def deliver(desk: Desk, task: Task) -> Task:
    """Downloads the video; the task succeeds either way, with a note when the file could not be saved yet."""
    if task.video is None or task.video.url is None:
        return task
    try:
        file = await _download(desk, task, task.video.url)
    except DownloadError as error:
        logger.warning("task %s: the download failed: %s", task.task_id, error.message)
        why = error.message
        fresh = await _fresh_link(desk, task, task.video.url) if error.gone else None
        spec = desk.catalogue.spec(task.provider)
        link_works = (not error.gone or fresh is not None) and (spec is None or spec.public_urls)
        return await _edit(
            desk, task, lambda current: _not_saved(current, why, fresh, desk.clock.now(), link_works=link_works)
        )
    return await _edit(desk, task, lambda current: _saved(current, file, desk.clock.now()))


async def _download(desk: Desk, task: Task, url: str) -> VideoFile:
    provider = desk.catalogue.get(task.provider)
    made = datetime.fromtimestamp(task.created_at, UTC).astimezone()
    return await download_video(
        url,
        folder=desk.output_dir,
        name=file_name(made, task.label or task.request.prompt, task.task_id),
        allowed_origins=provider.trusted_origins if provider else frozenset(),
        transport=desk.transports.get(task.provider),
    )


def _saved(task: Task, file: VideoFile, now: float) -> Task:
    link = task.video or Video()
    video = Video(
        url=link.url,
        url_expires_at=link.url_expires_at,
        file=str(file.path),
        mime_type=file.mime_type,
        bytes=file.bytes,
        width=file.width,
        height=file.height,
        duration=file.duration,
        has_audio=file.has_audio,
    )
    notes = task.without_notes(_NOT_SAVED)
    return _succeeded(replace(task, video=video, notes=notes, next_step_at=None, failed_steps=0), now)


def _not_saved(task: Task, why: str, fresh: _Link | None, now: float, *, link_works: bool) -> Task:
    link = task.video or Video()
    if link.file is not None:
        # Another process had it saved before.
        return task
    until = link.url_expires_at or (task.ended_at or now) + GIVE_UP_AFTER_S
    if fresh is not None:
        link = replace(link, url=fresh.url, url_expires_at=fresh.expires_at)
        until = fresh.expires_at or now + GIVE_UP_AFTER_S
    wait = next_try(task.failed_steps, None, first_s=RETRY_S)
    goes_on = now + wait < until
    meanwhile = "; the link works meanwhile" if link_works else ""
    ending = f"It is tried again by itself{meanwhile}." if goes_on else "It is not tried again."
    note = f"{_NOT_SAVED}: {why.rstrip('.')}. {ending}"
    kept = replace(
        task,
        video=link,
        notes=task.with_note(note, instead_of=_NOT_SAVED),
        failed_steps=task.failed_steps + 1,
        next_step_at=now + wait if goes_on else None,
    )
    return _succeeded(kept, now)


async def _fresh_link(desk: Desk, task: Task, dead_url: str) -> _Link | None:
    """A link that no longer works is asked for again, where the provider answers with a new one."""
    client = desk.clients[task.provider]
    try:
        reply = await client.fetch(task.provider_task_id or "")
    except ProviderError as error:
        logger.info("task %s: no new link: %s", task.task_id, error)
        return None
    if reply.video_url is None or reply.video_url == dead_url:
        return None
    lifetime = client.spec.url_lifetime_s
    return _Link(reply.video_url, None if lifetime is None else desk.clock.now() + lifetime)


def _succeeded(task: Task, now: float) -> Task:
    return replace(task, status="succeeded", ended_at=task.ended_at or now, updated_at=now)


async def _edit(desk: Desk, task: Task, edit: Callable[[Task], Task]) -> Task:
    """Also changes a task that has succeeded already: its file may come later."""
    return await desk.change(
        task, edit, if_ended=lambda current: edit(current) if current.status == "succeeded" else current
    )
