"""Sends a create, at most once, ever; and writes down whatever came of it."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from seedance_mcp.domain.errors import AmbiguousError, Failure, RefusedError, SpendLimitError, StoreError
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.task import Candidate, Task
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.spec import ProviderReply
from seedance_mcp.storage.task_store import Claim, Line, SendLimits
from seedance_mcp.tasks.budget import check_price, day_start, over_budget
from seedance_mcp.tasks.desk import WAITING, Desk, not_sent
from seedance_mcp.tasks.polling import apply_reply
from seedance_mcp.tasks.schedule import ALIVE_S, next_try
from seedance_mcp.tasks.settling import LOOKED, LOST, uncertain

logger = logging.getLogger(__name__)

PLACE_RETRY_S = 5.0
"""When the first in line looks again by itself; in this process it is told when a place is free."""
EACH_AHEAD_S = 3.0
LONGEST_PLACE_RETRY_S = 60.0
STORE_RETRY_S = 1.0
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
        alive_until=now + ALIVE_S,
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
    url: str | None = None
    try:
        url = desk.callback_url(task)
        reply = await client.create(task.request, model, url)
    except RefusedError as error:
        if url is not None:
            # Its words may hold what it refused.
            error.message = error.message.replace(url, "(callback URL)")
        return await _refused(desk, task, error)
    except AmbiguousError as error:
        logger.warning("task %s: %s", task.task_id, error)
        return await _lost(desk, task, client, error.message)
    except Exception:
        # A fault of ours; but the create may have been sent.
        logger.exception("task %s: the create failed", task.task_id)
        return await _lost(desk, task, client, UNREADABLE)
    return await _accepted(desk, task, reply)


async def _lost(desk: Desk, task: Task, client: ProviderClient, what_is_known: str) -> Task:
    def lose(current: Task) -> Task:
        return uncertain(current, what_is_known, client.spec, desk.clock.now()) if _is_ours(task, current) else current

    return await _write_down(desk, task, lose)


def _is_ours(claimed: Task, current: Task) -> bool:
    """Whether nothing has happened to it since this claim: another process may have given it up, or found it."""
    attempt = current.attempt, current.attempted_at
    return current.send_state == "sending" and attempt == (claimed.attempt, claimed.attempted_at)


async def _not_granted(desk: Desk, task: Task, claim: Claim) -> Task:
    if claim.over_budget_usd is not None:
        error = over_budget(task, claim.over_budget_usd, desk.limits)
        return await _unless_claimed(desk, task, lambda now: not_sent(now, error.failure, desk.clock.now()))
    if claim.line is not None:
        return await _stand_in_line(desk, task, claim.line)
    return task


async def _stand_in_line(desk: Desk, task: Task, line: Line) -> Task:
    now = desk.clock.now()
    if line.not_before is not None:
        until = datetime.fromtimestamp(line.not_before, UTC)
        note = (
            f"{task.provider} took no more videos a moment ago; the next one is sent at {until:%H:%M:%S} UTC. Nothing "
            "was sent yet."
        )
    else:
        note = (
            f"{task.provider} makes {line.places} at once, as far as known ({task.provider.upper()}_MAX_CONCURRENT "
            "sets it), and as many are under way. It is sent by itself when its turn comes; nothing was sent yet."
        )
    retry = min(LONGEST_PLACE_RETRY_S, PLACE_RETRY_S + EACH_AHEAD_S * line.ahead)
    until_s = max(now + retry, line.not_before or 0.0)
    waiting = await _unless_claimed(desk, task, lambda current: _waiting(current, note, until_s))
    return replace(waiting, next_step_at=until_s) if waiting.send_state == "to_send" else waiting


async def _unless_claimed(desk: Desk, task: Task, edit: Callable[[Task], Task]) -> Task:
    """Only who holds the right to send may change what another process is sending by now."""
    return await desk.change(task, lambda current: edit(current) if current.send_state == "to_send" else current)


def _waiting(task: Task, note: str, until: float) -> Task:
    if task.status == "waiting" and WAITING + note in task.notes:
        # Thousands may wait: what changes is only when this process looks again, and that needs no row.
        return task
    notes = task.with_note(WAITING + note, instead_of=WAITING)
    return replace(task, status="waiting", send_state="to_send", next_step_at=until, reserved_usd=None, notes=notes)


async def _refused(desk: Desk, task: Task, error: RefusedError) -> Task:
    """Nothing was started: wait (429), turn to the next provider, or end."""
    if error.kind == "rate_limited":
        return await _too_many(desk, task, error)
    other = _next_candidate(desk, task)

    def go_on_or_end(current: Task) -> Task:
        if other is None or current.cancel_asked:
            return _never_started(desk, current, error)
        return _turn_to(desk, replace(current, notes=current.without_notes(WAITING)), *other, error)

    return await _write_refusal(desk, task, go_on_or_end, error)


async def _write_refusal(desk: Desk, task: Task, edit: Callable[[Task], Task], error: RefusedError) -> Task:
    """A refusal decides what becomes of the task, unless another process has given it up or found it meanwhile."""

    def decide(current: Task) -> Task:
        if _is_ours(task, current):
            return edit(current)
        # Callers were told that it is not sent again, so nobody else is tried; but now it is known to be free.
        is_open = current.status == "uncertain" and current.provider_task_id is None
        return _never_started(desk, current, error) if is_open else current

    def free_after_all(current: Task) -> Task:
        if current.error is None or current.error.kind != "not_settled":
            return current
        return replace(current, send_state="never", reserved_usd=None, notes=current.with_note(error.message))

    return await _write_down(desk, task, decide, if_ended=free_after_all)


def _never_started(desk: Desk, task: Task, error: RefusedError) -> Task:
    told = replace(task, notes=task.without_notes(WAITING, LOST, LOOKED))
    return not_sent(told, None if task.cancel_asked else error.failure, desk.clock.now())


async def _too_many(desk: Desk, task: Task, error: RefusedError) -> Task:
    """A 429: it waits at this provider, for a place or for the time that was asked for."""
    now = desk.clock.now()
    asked = None if error.retry_after_s is None else now + next_try(task.failed_steps, error.retry_after_s)
    alone_until = now + next_try(task.failed_steps, None)
    places: int | None = None
    try:
        places = await desk.store.learn_limit(
            task.provider, task.task_id, now, asked_until=asked, alone_until=alone_until
        )
    except StoreError as failure:
        logger.warning("task %s: the limit of %s is not kept: %s", task.task_id, task.provider, failure)
    note = f"{error.message} {places} are under way there now." if places else error.message
    until = asked or (now + PLACE_RETRY_S if places else alone_until)

    def wait_or_end(current: Task) -> Task:
        if current.cancel_asked:
            return _never_started(desk, current, error)
        return replace(_waiting(current, note, until), failed_steps=current.failed_steps + 1)

    return await _write_refusal(desk, task, wait_or_end, error)


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
    now, pace = desk.clock.now(), desk.pace(task)
    if reply.status is not None and not client.knows(reply.status):
        # The next poll will say it again, and then it counts.
        reply = replace(reply, status=None)

    def accept(current: Task) -> Task:
        if reply.provider_task_id is not None and current.provider_task_id == reply.provider_task_id:
            # Found in the provider's list by another process, which is further by now.
            return current
        taken = replace(
            current,
            provider_task_id=reply.provider_task_id,
            send_state="sent",
            # Another process may have taken it over, given the answer up for lost, and stopped looking after it.
            follower=desk.worker,
            started_at=now,
            next_step_at=now,
            failed_steps=0,
            notes=current.without_notes(WAITING, LOST, LOOKED),
        )
        return apply_reply(taken, reply, client, now, pace)

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
