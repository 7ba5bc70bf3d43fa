"""Cancels a task where that can be done, and says honestly where it cannot and whether it still costs."""

from dataclasses import dataclass, replace
from typing import Literal

from seedance_mcp.domain.cost import money
from seedance_mcp.domain.errors import Failure, RefusedError, UnavailableError
from seedance_mcp.domain.task import Task
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.tasks.desk import Desk, cancelled, failed, not_sent
from seedance_mcp.tasks.polling import poll

ASKED_AGAIN = "It is asked again by itself; call get_task to see what became of it."
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
    was_open = not task.has_ended
    task = await desk.change(task, lambda current: _ask(current, desk.clock.now()))
    if task.status == "cancelled" and task.send_state == "never":
        return Cancelled(
            task=task, outcome="cancelled", still_costs="no", message="Cancelled before anything was sent; it is free."
        )
    if was_open and task.error is not None and task.error.kind == "not_settled":
        return Cancelled(task=task, outcome="not_supported", still_costs="unknown", message=task.error.message)
    if task.has_ended:
        return _too_late(desk, task)
    if task.video is not None:
        return _already_made(task)
    if task.provider_task_id is None:
        return _while_sending(desk, task)
    return await cancel_at_provider(desk, task)


def _ask(task: Task, now: float) -> Task:
    if task.send_state == "to_send":
        return not_sent(task, None, now)
    if task.status == "uncertain":
        return failed(task, _given_up(task), now)
    return replace(task, cancel_asked=True)


def _given_up(task: Task) -> Failure:
    return Failure(
        kind="not_settled",
        message=(
            f"Given up: {task.provider} never told its id for this video, so it cannot be stopped there; it may still "
            f"be made and billed. Look at {task.provider}'s own site."
        ),
    )


def _too_late(desk: Desk, task: Task) -> Cancelled:
    if task.status == "cancelled":
        spec = desk.catalogue.spec(task.provider)
        costs: StillCosts = "no" if task.send_state == "never" else spec.cancel_costs if spec else "unknown"
        return Cancelled(task=task, outcome="cancelled", still_costs=costs, message="It is cancelled already.")
    if task.status == "succeeded":
        return Cancelled(task=task, outcome="too_late", still_costs="yes", message="The video is already made.")
    costs = "no" if task.send_state == "never" else "unknown"
    return Cancelled(task=task, outcome="too_late", still_costs=costs, message="The task has already failed.")


def _already_made(task: Task) -> Cancelled:
    message = "The video was finished first; it is being saved."
    return Cancelled(task=task, outcome="too_late", still_costs="yes", message=message)


def _while_sending(desk: Desk, task: Task) -> Cancelled:
    client = desk.clients.get(task.provider)
    then = "it is cancelled as soon as the provider has answered."
    if client is not None and client.spec.cancel is None:
        then = (
            f"{task.provider} has no way to cancel a video that it has accepted, so it may go on and cost as planned."
        )
    message = f"It is being sent at this moment; {then}"
    return Cancelled(task=task, outcome="requested", still_costs="unknown", message=message)


async def cancel_at_provider(desk: Desk, task: Task) -> Cancelled:
    """Asks the provider to stop a task it has accepted.

    Raises:
        RefusedError: The provider said no while the task goes on.
    """
    client = desk.clients.get(task.provider)
    if client is None:
        message = f"{task.provider} is not configured in this server; a server that has its key is asked to cancel it."
        return _requested(task, message)
    if client.spec.cancel is None or task.provider_task_id is None:
        return await _cannot(desk, task)
    try:
        reply = await client.cancel(task.provider_task_id)
    except UnavailableError as error:
        return _requested(task, f"{error.message} {ASKED_AGAIN}")
    except RefusedError as error:
        await desk.change(task, lambda current: replace(current, cancel_asked=False))
        task = await poll(desk, task)
        if not task.has_ended and task.video is None:
            error.message += " So it goes on there, and costs as planned."
            raise
        return _what_became_of_it(desk, client, task)
    if reply.status is not None and client.knows(reply.status) and client.status_of(reply) == "cancelled":
        return await _stopped(desk, client, task, is_charged=reply.credits is not None or reply.usd is not None)
    return await _ask_what_became_of_it(desk, client, task)


def _requested(task: Task, message: str) -> Cancelled:
    """`cancel_asked` stays, so the watcher asks with its next look."""
    return Cancelled(task=task, outcome="requested", still_costs="unknown", message=message)


async def _cannot(desk: Desk, task: Task) -> Cancelled:
    task = await desk.change(task, lambda current: replace(current, cancel_asked=False))
    message = f"{task.provider} has no way to cancel a video: it goes on, will be saved, and costs as planned."
    return Cancelled(task=task, outcome="not_supported", still_costs="yes", message=message)


async def _ask_what_became_of_it(desk: Desk, client: ProviderClient, task: Task) -> Cancelled:
    """It took the wish without saying that the task is cancelled, which some do after the end too: the poll decides."""
    return _what_became_of_it(desk, client, await poll(desk, task))


def _what_became_of_it(desk: Desk, client: ProviderClient, task: Task) -> Cancelled:
    if task.status == "cancelled":
        return _is_stopped(client, task)
    if task.has_ended:
        return _too_late(desk, task)
    if task.video is not None:
        return _already_made(task)
    return _requested(task, f"{task.provider} has not stopped it yet. {ASKED_AGAIN}")


async def _stopped(desk: Desk, client: ProviderClient, task: Task, *, is_charged: bool) -> Cancelled:
    def stop(current: Task) -> Task:
        if is_charged or current.charge is None:
            return cancelled(current, desk.clock.now())
        # That figure was for the video that does not come.
        charge = current.charge
        figure = money(charge.usd or 0) if charge.credits is None else f"{charge.credits:g} credits"
        told = f"{client.spec.id} had charged {figure}; whether that is given back is not documented."
        return cancelled(replace(current, charge=None, notes=current.with_note(told)), desk.clock.now())

    task = await desk.change(task, stop)
    return _is_stopped(client, task) if task.status == "cancelled" else _too_late(desk, task)


def _is_stopped(client: ProviderClient, task: Task) -> Cancelled:
    costs = client.spec.cancel_costs
    words = {
        "no": "it costs nothing",
        "yes": "it is still charged",
        "unknown": "whether it still costs is not documented there",
    }[costs]
    return Cancelled(task=task, outcome="cancelled", still_costs=costs, message=f"{task.provider} stopped it; {words}.")
