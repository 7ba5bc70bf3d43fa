"""Sends a create, at most once, ever; and writes down whatever came of it."""

import logging
from collections.abc import Callable
from dataclasses import replace

from seedance_mcp.domain.errors import AmbiguousError, Failure, RefusedError, SpendLimitError, StoreError
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.task import Candidate, Task
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.spec import ProviderReply
from seedance_mcp.storage.task_store import Claim, SendLimits
from seedance_mcp.tasks.budget import check_price, day_start, over_budget
from seedance_mcp.tasks.desk import Desk, not_sent
from seedance_mcp.tasks.polling import apply_reply
from seedance_mcp.tasks.schedule import next_try

logger = logging.getLogger(__name__)

SLOT_RETRY_S = 5.0
STORE_RETRY_S = 1.0
WAITING = "Waiting: "
"""Begins the note of a task that waits for a place; it goes once the task is sent."""
UNREADABLE = (
    "The video was sent, but its answer could not be handled: it may be running at the provider and may be billed. It "
    "is not sent again."
)


async def send(desk: Desk, task: Task) -> Task:
    """Claims the one right to send and uses it; does nothing when another process was first."""
    client = desk.clients[task.provider]
    model = client.spec.model_for(task.model)
    if model is None:
        return await _not_offered(desk, task)
    # Before the claim: while the stream opens nothing is being sent.
    await desk.events.before_create(client)
    if desk.is_leaving:
        return replace(task, next_step_at=None)
    now = desk.clock.now()
    limits = SendLimits(
        worker=desk.worker,
        now=now,
        day_start=day_start(now),
        daily_budget_usd=desk.limits.daily_budget_usd,
        max_concurrent=client.provider.max_concurrent,
    )
    claim = await desk.store.claim_send(task.owner, task.task_id, limits)
    if claim.task is None:
        return await _not_granted(desk, task, claim)
    desk.announce(task.task_id)
    return await _send_claimed(desk, claim.task, client, model)


async def _send_claimed(desk: Desk, task: Task, client: ProviderClient, model: ModelSpec) -> Task:
    """The one time that this task's create is sent."""
    try:
        reply = await client.create(task.request, model)
    except RefusedError as error:
        return await _refused(desk, task, error)
    except AmbiguousError as error:
        logger.warning("task %s: %s", task.task_id, error)
        what_is_known = error.message
        return await _write_down(desk, task, lambda current: uncertain(current, what_is_known))
    except Exception:
        # A fault of ours; but the create may have been sent.
        logger.exception("task %s: the create failed", task.task_id)
        return await _write_down(desk, task, lambda current: uncertain(current, UNREADABLE))
    return await _accepted(desk, task, reply)


def uncertain(task: Task, message: str) -> Task:
    """A create whose answer is lost: nothing can be done but tell, and never send it again."""
    return replace(task, status="uncertain", send_state="sent", next_step_at=None, notes=task.with_note(message))


async def _not_granted(desk: Desk, task: Task, claim: Claim) -> Task:
    if claim.over_budget_usd is not None:
        error = over_budget(task, claim.over_budget_usd, desk.limits)
        return await _unless_claimed(desk, task, lambda now: not_sent(now, error.failure, desk.clock.now()))
    if claim.no_free_slot:
        note = f"all places at {task.provider} are taken; nothing was sent yet."
        return await _unless_claimed(desk, task, lambda now: _waiting(now, note, desk.clock.now() + SLOT_RETRY_S))
    return task


async def _unless_claimed(desk: Desk, task: Task, edit: Callable[[Task], Task]) -> Task:
    """Only who holds the right to send may change what another process is sending by now."""
    return await desk.change(task, lambda current: edit(current) if current.send_state == "to_send" else current)


def _waiting(task: Task, note: str, until: float) -> Task:
    notes = task.with_note(WAITING + note, instead_of=WAITING)
    return replace(task, status="waiting", send_state="to_send", next_step_at=until, reserved_usd=None, notes=notes)


async def _refused(desk: Desk, task: Task, error: RefusedError) -> Task:
    """Nothing was started: wait (429), turn to the next provider, or end."""
    must_wait = error.kind == "rate_limited"
    other = None if must_wait else _next_candidate(desk, task)

    def go_on_or_end(current: Task) -> Task:
        now = desk.clock.now()
        if current.cancel_asked:
            return not_sent(current, None, now)
        # `uncertain`: another process gave this answer up for lost, and callers were told that it is not sent again.
        may_go_on = current.status != "uncertain"
        if must_wait and may_go_on:
            until = now + next_try(current.failed_steps, error.retry_after_s)
            return replace(_waiting(current, error.message, until), failed_steps=current.failed_steps + 1)
        current = replace(current, notes=current.without_notes(WAITING))
        if other is not None and may_go_on:
            return _turn_to(desk, current, *other, error)
        return not_sent(current, error.failure, now)

    return await _write_down(desk, task, go_on_or_end)


def _next_candidate(desk: Desk, task: Task) -> tuple[Candidate, str | None] | None:
    """Where to turn within the user's limits, and what to say about its price."""
    for candidate in task.alternatives:
        if candidate.provider in desk.clients:
            try:
                return candidate, check_price(candidate, desk.limits, task.max_cost_usd)
            except SpendLimitError as error:
                logger.info("task %s: not turned to %s: %s", task.task_id, candidate.provider, error)
    return None


def _turn_to(desk: Desk, task: Task, candidate: Candidate, about_price: str | None, error: RefusedError) -> Task:
    before = desk.catalogue.notes_on(task.provider, task.model, task.request)
    after = desk.catalogue.notes_on(candidate.provider, candidate.model, task.request)
    said = (f"{error.message} Turned to {candidate.provider} instead.", about_price, *after)
    kept = (note for note in task.notes if note not in before)
    return replace(
        task,
        provider=candidate.provider,
        model=candidate.model,
        estimate=candidate.estimate,
        alternatives=tuple(one for one in task.alternatives if one != candidate),
        send_state="to_send",
        reserved_usd=None,
        next_step_at=desk.clock.now(),
        notes=(*kept, *(note for note in said if note)),
    )


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
            # Another process may have taken it over, given the answer up for lost, and stopped looking after it.
            follower=desk.worker,
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
    if reply.provider_task_id is None:
        note = f"{task.provider} made it after all: {reply.video_url} (nothing is saved here any more)."
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


async def _not_offered(desk: Desk, task: Task) -> Task:
    message = f"{task.provider} no longer offers {task.model}, so the video was not sent. Create it with another model."
    failure = Failure(kind="invalid_request", message=message)
    return await _unless_claimed(desk, task, lambda current: not_sent(current, failure, desk.clock.now()))
