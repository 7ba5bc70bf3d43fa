"""How far a task is."""

from dataclasses import dataclass

from seedance_mcp.domain.task import Task
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.schedule import estimated_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """0 to 100; `is_reported` says that the number is the provider's own."""

    percent: float
    is_reported: bool


def progress_of(desk: Desk, task: Task) -> Progress:
    """Never 100 before the video is there."""
    if task.status == "succeeded":
        return Progress(percent=100.0, is_reported=True)
    if task.video is not None:
        return Progress(percent=99.0, is_reported=True)
    if task.progress is not None and task.progress > 0:
        return Progress(percent=min(98.0, task.progress), is_reported=True)
    elapsed = elapsed_s(desk, task)
    percent = 0.0 if elapsed is None else estimated_progress(elapsed, desk.timings.usual(task))
    return Progress(percent=percent, is_reported=False)


def elapsed_s(desk: Desk, task: Task) -> float | None:
    """How long its provider has been at it; None before it was accepted."""
    spec = desk.catalogue.spec(task.provider)
    started_at = task.attempted_at if spec and spec.answers_at_the_end else task.started_at
    return None if started_at is None else (task.ended_at or desk.clock.now()) - started_at


def left_s(desk: Desk, task: Task) -> tuple[float, float] | None:
    """How much longer such videos usually take: eight of ten end within these two; None when nothing can be said."""
    elapsed = elapsed_s(desk, task)
    if elapsed is None or task.has_ended or task.video is not None:
        return None
    usual = desk.timings.usual(task)
    if not usual.is_known or elapsed >= usual.longest_s:
        return None
    return max(0.0, usual.shortest_s - elapsed), usual.longest_s - elapsed
