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
BUSY_S = 5.0
"""When the list is read again while another create is on its way there."""


def uncertain(task: Task, message: str, spec: ProviderSpec | None, now: float) -> Task:
    """What such a task becomes; it is looked for where the provider has a list."""
    can_look = spec is not None and spec.task_list is not None
    if not can_look:
        message = f"{message} It cannot be looked up at {task.provider}."
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
    if model is None or client.spec.task_list is None:
        return await _look_later(desk, task, f"it cannot be looked up at {task.provider} any more.", is_last=True)
    try:
        listed = await client.listed(task.request, model)
    except ProviderError as error:
        return await _look_later(desk, task, f"{error.message.rstrip('.')}.")
    fitting = [one.provider_task_id for one in listed if _was_made_then(task, one)]
    note = f"The answer to its create was lost, but {task.provider}'s list has it."
    taken = await desk.store.take_id(task, fitting, _as_found(desk, note))
    if taken.task is not None:
        desk.announce(task.task_id)
        return taken.task
    if taken.is_too_early:
        return replace(task, next_step_at=desk.clock.now() + BUSY_S)
    return await _look_later(desk, task, _what_is_listed(task, listed, fitting, taken.free))


def _was_made_then(task: Task, listed: Listed) -> bool:
    if listed.made_at is None or task.attempted_at is None:
        return False
    return -CLOCKS_DIFFER_S <= listed.made_at - task.attempted_at <= SHOWS_UP_WITHIN_S + CLOCKS_DIFFER_S


def _what_is_listed(task: Task, listed: Sequence[Listed], fitting: Sequence[str], free: Sequence[str]) -> str:
    # Without a time that can be read it is for the user to say.
    could_be = free or [one.provider_task_id for one in listed if one.made_at is None]
    if could_be:
        ids = ", ".join(could_be[:5])
        return (
            f"{task.provider}'s list has {len(could_be)} that could be it: {ids}. "
            f"get_task(task_id={task.task_id!r}, provider_task_id=…) says which."
        )
    if fitting:
        return f"{task.provider}'s list has only such videos as belong to other tasks here."
    return f"{task.provider}'s list has no such video."


async def _look_later(desk: Desk, task: Task, what: str, *, is_last: bool = False) -> Task:
    def later(current: Task) -> Task:
        if current.status != "uncertain":
            return current
        looks = current.failed_steps + 1
        again = looks < len(LOOKS_S) and not is_last
        times = f" It was looked for {looks} times; that does not prove it."
        ending = " It is looked for again." if again else "" if is_last else times
        return replace(
            current,
            failed_steps=looks,
            next_step_at=desk.clock.now() + LOOKS_S[looks] if again else None,
            notes=current.with_note(f"{LOOKED}{what}{ending}", instead_of=LOOKED),
        )

    return await desk.change(task, later)


def _as_found(desk: Desk, note: str) -> Callable[[Task, str], Task]:
    def found(current: Task, provider_task_id: str) -> Task:
        if current.status != "uncertain":
            return current
        known = replace(current, notes=current.without_notes(LOST, LOOKED))
        now = desk.clock.now()
        return replace(
            known,
            status="queued",
            provider_task_id=provider_task_id,
            started_at=current.attempted_at,
            updated_at=now,
            follower=desk.worker,
            next_step_at=now,
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
    if task.provider_task_id == provider_task_id and task.status != "uncertain":
        return task
    if task.status != "uncertain":
        raise InvalidRequestError(
            f"{task.task_id} is {task.status}, and only an uncertain task can be told its provider_task_id. To follow "
            f"{provider_task_id!r}, call get_task(provider={task.provider!r}, provider_task_id=…) without task_id."
        )
    reply = await client.fetch(provider_task_id)
    now, pace = desk.clock.now(), desk.pace(task)
    found = _as_found(desk, f"It is {provider_task_id} at {task.provider}, as was told.")

    def known(current: Task, theirs: str) -> Task:
        after = found(current, theirs)
        return apply_reply(after, reply, client, now, pace) if after != current else current

    taken = await desk.store.take_id(task, [provider_task_id], known)
    if taken.task is None:
        why = (
            "a video is being sent there at this moment" if taken.is_too_early else "it belongs to another task already"
        )
        raise InvalidRequestError(
            f"{provider_task_id!r} at {task.provider} was not taken for {task.task_id}: {why}. list_tasks shows the "
            "recent ones; where something is being sent, call again in a moment."
        )
    desk.announce(task.task_id)
    return taken.task
