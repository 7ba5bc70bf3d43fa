"""Cancels a task where that can be done, and says honestly where it cannot and whether it still costs."""

from dataclasses import dataclass, replace
from typing import Literal

from seedance_mcp.domain.errors import Failure, RefusedError, UnavailableError
from seedance_mcp.domain.task import Task
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.polling import poll

Outcome = Literal["cancelled", "requested", "too_late", "not_supported"]
StillCosts = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What became of a wish to cancel."""

    task: Task
    outcome: Outcome
    still_costs: StillCosts
    message: str


async def cancel(desk: Desk, task: Task) -> Cancelled:
    """Cancels in whatever state the task is.

    Raises:
        RefusedError: The provider said no while the task goes on.
    """
    task = await desk.change(task, lambda current: _ask(current, desk.clock.now()))
    if task.status == "cancelled" and task.send_state == "never":
        return Cancelled(
            task=task, outcome="cancelled", still_costs="no", message="Cancelled before anything was sent; it is free."
        )
    if task.has_ended:
        return _too_late(task)
    if task.status == "uncertain":
        return await _give_up(desk, task)
    if task.provider_task_id is None:
        return Cancelled(
            task=task,
            outcome="requested",
            still_costs="unknown",
            message="It is being sent at this moment; it is cancelled as soon as the provider has answered.",
        )
    return await cancel_at_provider(desk, task)


def _ask(task: Task, now: float) -> Task:
    if task.send_state == "to_send":
        return replace(task, status="cancelled", send_state="never", next_step_at=None, ended_at=now)
    return replace(task, cancel_asked=True)


def _too_late(task: Task) -> Cancelled:
    if task.status == "cancelled":
        return Cancelled(task=task, outcome="cancelled", still_costs="unknown", message="It was cancelled before.")
    if task.status == "succeeded":
        return Cancelled(task=task, outcome="too_late", still_costs="yes", message="The video is already made.")
    costs: StillCosts = "unknown" if task.was_accepted or task.send_state == "sent" else "no"
    return Cancelled(task=task, outcome="too_late", still_costs=costs, message="The task has already failed.")


async def _give_up(desk: Desk, task: Task) -> Cancelled:
    message = (
        f"Given up: {task.provider} never told its id for this video, so it cannot be stopped there; it may still be "
        f"made and billed. Look at {task.provider}'s own site."
    )
    task = await desk.end(task, Failure(kind="not_settled", message=message))
    return Cancelled(task=task, outcome="not_supported", still_costs="unknown", message=message)


async def cancel_at_provider(desk: Desk, task: Task) -> Cancelled:
    """Asks the provider to stop a task it has accepted.

    Raises:
        RefusedError: The provider said no while the task goes on.
    """
    client = desk.clients.get(task.provider)
    if client is None or client.spec.cancel is None or task.provider_task_id is None:
        task = await desk.change(task, lambda current: replace(current, cancel_asked=False))
        return Cancelled(
            task=task,
            outcome="not_supported",
            still_costs="yes",
            message=f"{task.provider} has no way to cancel a video: it goes on, will be saved, and costs as planned.",
        )
    try:
        reply = await client.cancel(task.provider_task_id)
    except UnavailableError as error:
        # `cancel_asked` stays, so the watcher asks again with its next look.
        message = f"{error.message} It is asked again by itself; call get_task to see what became of it."
        return Cancelled(task=task, outcome="requested", still_costs="unknown", message=message)
    except RefusedError:
        await desk.change(task, lambda current: replace(current, cancel_asked=False))
        task = await poll(desk, task)
        if task.has_ended or task.video is not None:
            return _too_late(task) if task.has_ended else _already_made(task)
        raise
    if reply.status is not None and client.status_of(reply) == "succeeded":
        return _already_made(await poll(desk, task))
    return await _stopped(desk, task)


def _already_made(task: Task) -> Cancelled:
    message = "The video was finished first; it is being saved."
    return Cancelled(task=task, outcome="too_late", still_costs="yes", message=message)


async def _stopped(desk: Desk, task: Task) -> Cancelled:
    def stop(current: Task) -> Task:
        return replace(current, status="cancelled", ended_at=desk.clock.now(), next_step_at=None)

    task = await desk.change(task, stop)
    if task.status != "cancelled":
        return _too_late(task)
    costs = desk.clients[task.provider].spec.cancel_costs
    words = {
        "no": "it costs nothing",
        "yes": "it is still charged",
        "unknown": "whether it still costs is not documented there",
    }[costs]
    return Cancelled(task=task, outcome="cancelled", still_costs=costs, message=f"{task.provider} stopped it; {words}.")
