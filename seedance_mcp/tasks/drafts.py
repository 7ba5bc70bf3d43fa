"""A new task, before and after it is known who makes it."""

import secrets
from dataclasses import replace

from seedance_mcp.domain.task import Task
from seedance_mcp.storage.task_store import AddTerms
from seedance_mcp.tasks.budget import day_start
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.order import Order
from seedance_mcp.tasks.plan import Plan

REPEAT_WINDOW_S = 600.0
ABANDONED = (
    "This is the video of an equal create_video call that broke off before it was answered; no second one was ordered. "
    "For another one like it, call again with a new idempotency_key."
)
UNCERTAIN = (
    "This is the equal video that was ordered before: it may be running and may be billed, so no second one was "
    "ordered. For another one all the same, call again with a new idempotency_key."
)
_ID_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"


def new_id() -> str:
    """A task id: short, and without letters that are easily confused."""
    return "vt_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(10))


def draft(desk: Desk, order: Order) -> Task:
    """The task before it is known who shall make it."""
    now = desk.clock.now()
    return Task(
        task_id=new_id(),
        owner=order.owner,
        status="queued",
        provider="",
        mode=order.request.mode,
        request=order.request,
        label=order.request.label,
        created_at=now,
        updated_at=now,
        fingerprint=order.request.fingerprint,
        idempotency_key=order.idempotency_key,
        caller=desk.worker,
        max_cost_usd=order.max_cost_usd,
        follower=desk.worker,
        next_step_at=now,
    )


def planned(desk: Desk, draft: Task, plan: Plan, note: str | None) -> Task:
    about = desk.catalogue.notes_on(plan.chosen.provider, plan.chosen.model, draft.request)
    return replace(
        draft,
        provider=plan.chosen.provider,
        model=plan.chosen.model,
        estimate=plan.chosen.estimate,
        alternatives=plan.alternatives,
        notes=tuple(text for text in (plan.reason, note, *about) if text),
    )


def terms_of(desk: Desk) -> AddTerms:
    """What an earlier task must be like to stand for a new one, and what today's budget is."""
    now = desk.clock.now()
    return AddTerms(
        now=now,
        abandoned_since=now - REPEAT_WINDOW_S,
        day_start=day_start(now),
        daily_budget_usd=desk.limits.daily_budget_usd,
        abandoned_note=ABANDONED,
        uncertain_note=UNCERTAIN,
    )
