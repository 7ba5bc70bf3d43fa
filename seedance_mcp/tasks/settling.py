"""Creates whose answer was lost: looked for where that can be done, settled by whoever knows, never sent again."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from seedance_mcp.domain.errors import InvalidRequestError, ProviderError
from seedance_mcp.domain.task import Task
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.spec import Listed, ProviderSpec
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.polling import apply_reply

logger = logging.getLogger(__name__)

LOST = "Answer lost: "
"""Begins the note about a create whose answer was lost; it goes once the task is found."""
LOOKED = "Looked for it: "
LOOKS_S = (2.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""When the provider's list is read: a create may take a while to show up there."""
CLOCKS_DIFFER_S = 120.0
SHOWS_UP_WITHIN_S = 300.0


def uncertain(task: Task, message: str, spec: ProviderSpec | None, now: float) -> Task:
    """What such a task becomes; it is looked for where the provider has a list."""
    can_look = spec is not None and spec.task_list is not None
    if not can_look:
        message = f"{message} {task.provider} has no list in which the server could look for it."
    return replace(
        task,
        status="uncertain",
        send_state="sent",
        failed_steps=0,
        next_step_at=now + LOOKS_S[0] if can_look else None,
        notes=task.with_note(LOST + message, instead_of=LOST),
    )


async def look_for(desk: Desk, task: Task) -> Task:
    """One look at the provider's list. Only one task that nobody else has, made at the right time, is believed."""
    client = desk.clients[task.provider]
    model = client.spec.model_for(task.model)
    if model is None:
        return await desk.change(task, lambda current: replace(current, next_step_at=None))
    async with desk.settling:
        try:
            listed = await client.listed(task.request, model)
        except ProviderError as error:
            return await _look_later(desk, task, f"{error.message.rstrip('.')}.")
        fitting = [one.provider_task_id for one in listed if _was_made_then(task, one)]
        free = await desk.store.unclaimed(task, fitting)
        if free is None:
            return await _look_later(desk, task, "an equal video is being sent at this moment.")
        if len(free) != 1:
            return await _look_later(desk, task, _what_is_listed(task, free))
        logger.info("task %s: found in the list of %s", task.task_id, task.provider)
        note = f"The answer to its create was lost, but {task.provider}'s list has it."
        return await desk.change(task, _as_found(desk, free[0], note))


def _was_made_then(task: Task, listed: Listed) -> bool:
    if listed.made_at is None or task.attempted_at is None:
        return True
    return -CLOCKS_DIFFER_S <= listed.made_at - task.attempted_at <= SHOWS_UP_WITHIN_S + CLOCKS_DIFFER_S


def _what_is_listed(task: Task, free: Sequence[str]) -> str:
    if not free:
        return f"{task.provider}'s list has no such video."
    ids = ", ".join(free[:5])
    return (
        f"{task.provider}'s list has {len(free)} videos that could be it: {ids}. "
        f"get_task(task_id={task.task_id!r}, provider_task_id=…) says which."
    )


async def _look_later(desk: Desk, task: Task, what: str) -> Task:
    def later(current: Task) -> Task:
        if current.status != "uncertain":
            return current
        looks = current.failed_steps + 1
        again = looks < len(LOOKS_S)
        ending = "It is looked for again." if again else f"It was looked for {looks} times; that does not prove it."
        return replace(
            current,
            failed_steps=looks,
            next_step_at=desk.clock.now() + LOOKS_S[looks] if again else None,
            notes=current.with_note(f"{LOOKED}{what} {ending}", instead_of=LOOKED),
        )

    return await desk.change(task, later)


def _as_found(desk: Desk, provider_task_id: str, note: str) -> Callable[[Task], Task]:
    def found(current: Task) -> Task:
        if current.status != "uncertain":
            return current
        known = replace(current, notes=current.without_notes(LOST, LOOKED))
        return replace(
            known,
            status="queued",
            provider_task_id=provider_task_id,
            started_at=current.attempted_at,
            follower=desk.worker,
            next_step_at=desk.clock.now(),
            failed_steps=0,
            notes=known.with_note(note),
        )

    return found


async def settle(desk: Desk, task: Task, provider_task_id: str, client: ProviderClient) -> Task:
    """Somebody says which task at the provider this one is; the provider's own answer decides.

    Raises:
        ProviderError: The provider does not answer for this id.
        InvalidRequestError: The task is not `uncertain`, or the id belongs to another task.
    """
    if task.provider_task_id == provider_task_id:
        return task
    if task.status != "uncertain":
        raise InvalidRequestError(
            f"{task.task_id} is {task.status}, and only an uncertain task can be told its provider_task_id. To follow "
            f"{provider_task_id!r}, call get_task(provider={task.provider!r}, provider_task_id=…) without task_id."
        )
    async with desk.settling:
        reply = await client.fetch(provider_task_id)
        if not await desk.store.unclaimed(task, [provider_task_id]):
            raise InvalidRequestError(
                f"{provider_task_id!r} at {task.provider} belongs to another task already, or an equal one is being "
                "sent. list_tasks shows the recent ones."
            )
        found = _as_found(desk, provider_task_id, f"It is {provider_task_id} at {task.provider}, as was told.")
        now, pace = desk.clock.now(), desk.pace(task)

        def known(current: Task) -> Task:
            after = found(current)
            return apply_reply(after, reply, client, now, pace) if after != current else current

        return await desk.change(task, known)
