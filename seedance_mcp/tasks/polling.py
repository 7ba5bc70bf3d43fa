"""Asks a provider how a task is doing, and turns its answer into the task's next state."""

import logging
from dataclasses import replace

from seedance_mcp.domain.cost import Charge, Estimate, money
from seedance_mcp.domain.errors import BadReplyError, Failure, RefusedError, UnavailableError
from seedance_mcp.domain.task import Status, Task, Video
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.spec import ProviderReply
from seedance_mcp.tasks.budget import describe
from seedance_mcp.tasks.desk import Desk, cancelled, failed
from seedance_mcp.tasks.schedule import SOONEST_S, Pace, next_look, next_try

logger = logging.getLogger(__name__)

CHARGES = "{} charges "
CENT = 0.01
ASKING_AGAIN = "Asking again: "
"""Begins the note about a poll that was not answered; it goes once one is."""
OVERDUE = "Overdue: "
"""Begins the note about a task that takes suspiciously long."""
SHORT_GAP_S = 10.0
"""Two looks no further apart than this tell when something happened between them."""


async def poll(desk: Desk, task: Task) -> Task:
    """One look at the provider; a look that fails changes nothing but the time of the next one."""
    client = desk.clients[task.provider]
    if task.provider_task_id is None:
        raise ValueError(f"{task.task_id} was not accepted")
    await desk.timings.refresh(task, desk.clock.now())
    try:
        reply = await client.fetch(task.provider_task_id)
    except UnavailableError as error:
        logger.info("task %s: %s", task.task_id, error)
        desk.breaker.failed(task.provider, task.task_id, desk.clock.now(), error.retry_after_s)
        return await _later(desk, task, error.message if task.failed_steps else None, error.retry_after_s)
    except RefusedError as error:
        desk.breaker.answered(task.provider)
        heard = desk.events.heard_of(task.provider, task.provider_task_id)
        if error.kind != "not_found" or heard is None or heard.status is None:
            return await _later(desk, task, error.message, None)
        # Older pages of 001 forget a task once it is done; then the event's own word and link are all there is.
        reply = heard
    desk.breaker.answered(task.provider)
    now, pace = desk.clock.now(), desk.pace(task)
    return await desk.change(task, lambda current: apply_reply(current, reply, client, now, pace))


def apply_reply(task: Task, reply: ProviderReply, client: ProviderClient, now: float, pace: Pace) -> Task:
    """The task after this answer. Pure, so that it can run inside the store's transaction."""
    looked_at, notes = task.looked_at or task.started_at or now, task.without_notes(ASKING_AGAIN, OVERDUE)
    task = _with_charge(replace(task, failed_steps=0, notes=notes, looked_at=now), reply, client)
    if reply.status is None:
        return _look_again(replace(task, status=_forward(task.status, "queued")), now, pace)
    try:
        status = client.status_of(reply)
    except BadReplyError as error:
        return failed(task, error.failure, now)
    task = replace(task, progress=_progress(task, reply))
    if status == "failed":
        if reply.credits is None and reply.usd is None:
            # A figure that was named before was for the video that did not come.
            task = replace(task, charge=None, notes=task.without_notes(CHARGES.format(task.provider)))
        return failed(task, _generation_failed(task, reply, client), now)
    if status == "cancelled":
        return cancelled(task, now)
    if status == "succeeded":
        return _finished(task, reply, client, looked_at, now)
    return _look_again(replace(task, status=_forward(task.status, status)), now, pace)


def _with_charge(task: Task, reply: ProviderReply, client: ProviderClient) -> Task:
    if reply.credits is None and reply.usd is None:
        return task
    rate = client.provider.usd_per_credit
    usd = reply.usd
    if usd is None and rate is not None and reply.credits is not None:
        usd = round(reply.credits * rate, 4)
    beginning = CHARGES.format(task.provider)
    notes = task.without_notes(beginning)
    # Zero is a refund, which needs no note.
    if usd and task.estimate is not None and _differs(usd, task.estimate):
        notes = (*notes, f"{beginning}{money(usd)}; {describe(task.estimate)} was estimated.")
    return replace(task, charge=Charge(credits=reply.credits, usd=usd), notes=notes)


def _differs(usd: float, estimate: Estimate) -> bool:
    low, high = estimate.usd, estimate.ceiling_usd
    return low is not None and high is not None and not low - CENT / 2 < usd < high + CENT / 2


def _progress(task: Task, reply: ProviderReply) -> float | None:
    if reply.progress is None:
        return task.progress
    return min(100.0, max(0.0, reply.progress))


def _forward(before: Status, after: Status) -> Status:
    """A provider may say `queued` again after `running`; a task does not go back."""
    return "running" if before == "running" else after


def _finished(task: Task, reply: ProviderReply, client: ProviderClient, looked_at: float, now: float) -> Task:
    """The provider is done. Without a link it is not: some fill it in seconds later."""
    running = replace(task, status="running", last_frame_url=reply.last_frame_url or task.last_frame_url)
    if reply.video_url is None:
        return replace(running, next_step_at=now + SOONEST_S)
    lifetime = client.spec.url_lifetime_s
    video = Video(
        url=reply.video_url, url_expires_at=None if lifetime is None else now + lifetime, mime_type="video/mp4"
    )
    return replace(running, video=video, next_step_at=now, took_s=_took_s(task, client, looked_at, now))


def _took_s(task: Task, client: ProviderClient, looked_at: float, now: float) -> float | None:
    """Somewhere between the last two looks; unknown where those are far apart, or the task was made elsewhere."""
    if task.started_at is None or task.attempted_at is None:
        return None
    if client.spec.answers_at_the_end:
        return max(1.0, now - task.attempted_at)
    elapsed, gap = now - task.started_at, now - looked_at
    is_known = elapsed > 0 and 0 <= gap <= max(SHORT_GAP_S, elapsed / 4)
    return max(1.0, elapsed - gap / 2) if is_known else None


def _look_again(task: Task, now: float, pace: Pace) -> Task:
    elapsed = now - (task.started_at or now)
    if elapsed > pace.usual.overdue_s:
        usually = f" (usual: up to {max(1, round(pace.usual.longest_s / 60))})" if pace.usual.is_known else ""
        note = (
            f"{OVERDUE}{task.provider} has been at it for {elapsed / 60:.0f} minutes{usually}; it may be stuck there. "
            "It is still looked at now and then; nothing is ordered again."
        )
        task = replace(task, notes=task.with_note(note, instead_of=OVERDUE))
    return replace(task, next_step_at=now + next_look(elapsed, pace, task.task_id))


def _generation_failed(task: Task, reply: ProviderReply, client: ProviderClient) -> Failure:
    is_told = reply.credits is not None or reply.usd is not None
    charged = "" if is_told else "Whether it was charged is for the provider to say. "
    reason = client.clean(reply.error).rstrip(".") if reply.error else "it gave no reason"
    return Failure(
        kind="generation_failed",
        message=(
            f"{task.provider} could not make the video: {reason}. Its task id there is {task.provider_task_id}. "
            f"{charged}Change the request before trying again."
        ),
    )


async def _later(desk: Desk, task: Task, note: str | None, asked_s: float | None) -> Task:
    def postpone(current: Task) -> Task:
        return replace(
            current,
            failed_steps=current.failed_steps + 1,
            next_step_at=desk.clock.now() + next_try(current.failed_steps, asked_s),
            notes=current.with_note(ASKING_AGAIN + note, instead_of=ASKING_AGAIN) if note else current.notes,
        )

    return await desk.change(task, postpone)
