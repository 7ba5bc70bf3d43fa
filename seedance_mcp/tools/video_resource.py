"""seedance://tasks/{task_id}/video: the finished video itself."""

from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from seedance_mcp.domain.errors import NotFoundError
from seedance_mcp.domain.task import Task
from seedance_mcp.tools.app import LOCAL_OWNER, App

MAX_BLOB = 10 * 1024 * 1024
"""Bytes; an answer carries a video as base64, a third more, and hosts choke on more than that."""


async def read_video(task_id: str, context: Context[App, Any]) -> bytes:
    """The MP4 of a finished task, up to 10 MB.

    Raises:
        ResourceNotFoundError: There is no such task, or it has no video.
        ResourceError: The video is too large, or its file is gone; the text names file and link.
    """
    tasks = await context.request_context.lifespan_context.tasks()
    try:
        task = await tasks.get(LOCAL_OWNER, task_id)
    except NotFoundError as error:
        raise ResourceNotFoundError(error.message) from error
    if task.video is None or task.video.file is None:
        raise ResourceNotFoundError(f"Task {task_id} has no saved video: it is {task.status}.{_where(task)}")
    path = anyio.Path(task.video.file)
    try:
        size = (await path.stat()).st_size
        if size > MAX_BLOB:
            raise ResourceError(
                f"The video of {task_id} has {size / 1e6:.0f} MB; up to 10 MB are sent this way.{_where(task)}"
            )
        return await path.read_bytes()
    except OSError as error:
        raise ResourceError(f"The file of {task_id} cannot be read any more.{_where(task)}") from error


def _where(task: Task) -> str:
    video = task.video
    if video is None:
        return ""
    places = [f"file {video.file}" if video.file else "", f"link {video.url}" if video.url else ""]
    return f" See {' or '.join(place for place in places if place)}."
