"""Sends a create, at most once, ever; and writes down whatever came of it."""

import logging
from collections.abc import Callable
from dataclasses import replace

from seedance_mcp.domain.errors import AmbiguousError, Failure, RefusedError, StoreError
from seedance_mcp.domain.task import Candidate, Task
from seedance_mcp.providers.spec import ProviderReply
from seedance_mcp.storage.task_store import Claim, SendLimits
from seedance_mcp.tasks.budget import day_start, over_budget
from seedance_mcp.tasks.desk import Desk, failed, not_sent
from seedance_mcp.tasks.polling import apply_reply
from seedance_mcp.tasks.schedule import next_try

logger = logging.getLogger(__name__)

SLOT_RETRY_S = 5.0
STORE_RETRY_S = 1.0
WAITING = "Waiting: "
"""Begins the note of a task that waits for a place; it goes once the task is sent."""


async def send(desk: Desk, task: Task) -> Task:
    """Claims the one right to send and uses it; does nothing when another process was first."""
    provider = desk.catalogue.get(task.provider)
    client = desk.clients.get(task.provider)
    if provider is None or client is None:
        return await _without_provider(desk, task)
    now = desk.clock.now()
    limits = SendLimits(
        worker=desk.worker,
        now=now,
        day_start=day_start(now),
        daily_budget_usd=desk.limits.daily_budget_usd,
        max_concurrent=provider.max_concurrent,
    )
    claim = await desk.store.claim_send(task.owner, task.task_id, limits)
    if claim.task is None:
        return await _not_granted(desk, task, claim)
    task = claim.task
    desk.announce(task.task_id)
    model = client.spec.model_for(task.model)
    if model is None:
        return await _without_provider(desk, task)
    try:
        reply = await client.create(task.request, model)
    except RefusedError as error:
        return await _refused(desk, task, error)
    except AmbiguousError as error:
        logger.warning("task %s: %s", task.task_id, error)
        what_is_known = error.message
        return await _write_down(desk, task, lambda current: uncertain(current, what_is_known))
    return await _accepted(desk, task, reply)


def uncertain(task: Task, message: str) -> Task:
    """A create whose answer is lost: nothing can be done but tell, and never send it again."""
    return replace(task, status="uncertain", send_state="sent", next_step_at=None, notes=task.with_note(message))


async def _not_granted(desk: Desk, task: Task, claim: Claim) -> Task:
    if claim.over_budget_usd is not None and desk.limits.daily_budget_usd is not None:
        chosen = _candidate(task)
        error = over_budget(chosen, claim.over_budget_usd, desk.limits.daily_budget_usd)
        return await desk.change(task, lambda now: not_sent(now, "spend_limit", error.message, desk.clock.now()))
    if claim.no_free_slot:
        return await _wait_for_slot(
            desk, task, f"all places at {task.provider} are taken; nothing was sent yet.", SLOT_RETRY_S
        )
    return task


async def _wait_for_slot(desk: Desk, task: Task, note: str, seconds: float) -> Task:
    def wait(current: Task) -> Task:
        if current.status == "uncertain":
            return _never_started(current, note, desk.clock.now())
        return replace(
            current,
            status="waiting",
            send_state="to_send",
            next_step_at=desk.clock.now() + seconds,
            failed_steps=current.failed_steps + 1,
            reserved_usd=None,
            notes=current.with_note(WAITING + note, instead_of=WAITING),
        )

    return await _write_down(desk, task, wait)


async def _refused(desk: Desk, task: Task, error: RefusedError) -> Task:
    """Nothing was started: wait (429), turn to the next provider, or end."""
    if error.kind == "rate_limited":
        return await _wait_for_slot(desk, task, error.message, next_try(task.failed_steps, error.retry_after_s))
    usable = [one for one in task.alternatives if one.provider in desk.clients]

    def turn_or_end(current: Task) -> Task:
        now = desk.clock.now()
        if usable and current.status != "uncertain":
            return _turn_to(current, usable[0], error, now)
        return replace(failed(current, error.failure, now), send_state="never", reserved_usd=None)

    return await _write_down(desk, task, turn_or_end)


def _turn_to(task: Task, candidate: Candidate, error: RefusedError, now: float) -> Task:
    rest = tuple(one for one in task.alternatives if one != candidate)
    return replace(
        task,
        provider=candidate.provider,
        model=candidate.model,
        estimate=candidate.estimate,
        alternatives=rest,
        send_state="to_send",
        reserved_usd=None,
        next_step_at=now,
        notes=task.with_note(f"{error.message} Turned to {candidate.provider} instead."),
    )


def _never_started(task: Task, why: str, now: float) -> Task:
    """A refusal that came after another process had given the answer up for lost."""
    ended = failed(task, Failure(kind="rate_limited", message=why, retryable=True), now)
    return replace(ended, send_state="never", reserved_usd=None)


async def _accepted(desk: Desk, task: Task, reply: ProviderReply) -> Task:
    client = desk.clients[task.provider]
    now = desk.clock.now()
    if reply.status is not None and not client.knows(reply.status):
        # The next poll will say it again, and then it counts.
        reply = replace(reply, status=None)

    def accept(current: Task) -> Task:
        taken = replace(
            current,
            provider_task_id=reply.provider_task_id,
            send_state="sent",
            started_at=now,
            next_step_at=now,
            failed_steps=0,
            notes=current.without_notes(WAITING),
        )
        return apply_reply(taken, reply, client, now)

    return await _write_down(desk, task, accept, if_ended=lambda current: _too_late(current, reply))


def _too_late(task: Task, reply: ProviderReply) -> Task:
    """The user gave it up before the answer came; the provider's id is kept, so that the video can still be had."""
    note = (
        f"{task.provider} accepted it after all as {reply.provider_task_id}: "
        f"get_task(provider={task.provider!r}, provider_task_id={reply.provider_task_id!r}) follows it."
    )
    return replace(task, provider_task_id=reply.provider_task_id, notes=task.with_note(note))


async def _write_down(
    desk: Desk, task: Task, edit: Callable[[Task], Task], *, if_ended: Callable[[Task], Task] | None = None
) -> Task:
    """Like `desk.change`, but tries until it is stored: what a provider answered to a create must not get lost."""
    while True:
        try:
            return await desk.change(task, edit, if_ended=if_ended)
        except StoreError as error:
            logger.error("task %s: the provider's answer is kept in memory: %s", task.task_id, error)  # noqa: TRY400
            await desk.clock.sleep(STORE_RETRY_S)


async def _without_provider(desk: Desk, task: Task) -> Task:
    message = f"{task.provider} is no longer configured, so the video was not sent. Set its key and create it again."
    return await desk.change(task, lambda current: not_sent(current, "auth", message, desk.clock.now()))


def _candidate(task: Task) -> Candidate:
    if task.model is None or task.estimate is None:
        raise ValueError(task.task_id)
    return Candidate(provider=task.provider, model=task.model, estimate=task.estimate)
