"""The one right to send: a compare-and-set, together with the budget and the provider's places."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from seedance_mcp.domain.task import Task
from seedance_mcp.storage.orders import exceeds, spent_usd
from seedance_mcp.storage.table import ALIVE, TaskTable
from seedance_mcp.storage.task_store import Claim, Line, SendLimits, Taken

GROWS_AFTER_S = 600.0
"""A learned limit is tried one higher after this long."""
_UNDER_WAY = (
    "provider = ? AND status IN ('queued', 'running') AND send_state IN ('sending', 'sent') "
    "AND ended_at IS NULL AND video = 'null' AND failed_steps < 10 "
    "AND COALESCE(started_at, attempted_at, created_at) > ?"
)
"""One that its provider has not answered for in a long time, or that takes hours, keeps no place from others."""
PLACE_KEPT_S = 2 * 3600.0
LONGEST_ASKED_S = 3700.0
"""A time further ahead was written before the clock was put back."""


def claim_send(table: TaskTable, owner: str, task_id: str, limits: SendLimits) -> Claim:
    task = table.one("owner = ? AND task_id = ? AND send_state = 'to_send'", owner, task_id)
    if task is None or task.status not in {"waiting", "queued"}:
        return Claim(task=None)
    if line := _line(table, task, limits):
        return Claim(task=None, line=line)
    price = task.price_usd
    if limits.daily_budget_usd is not None:
        spent = spent_usd(table, owner, limits.day_start)
        if exceeds(spent + price, limits.daily_budget_usd):
            return Claim(task=None, over_budget_usd=spent)
    if limits.alive_until is not None:
        table.db.execute(
            "INSERT INTO workers VALUES (?, ?) ON CONFLICT DO UPDATE SET alive_until = excluded.alive_until",
            (limits.worker, limits.alive_until),
        )
    claimed = replace(
        task,
        status="queued",
        send_state="sending",
        attempt=limits.worker,
        attempted_at=limits.now,
        updated_at=limits.now,
        reserved_usd=price,
        follower=limits.worker,
    )
    return Claim(task=table.update(task, claimed))


def _line(table: TaskTable, task: Task, limits: SendLimits) -> Line | None:
    """Why it has to wait; None when it may be sent."""
    places, not_before = _limit(table, task.provider, limits)
    if places is None and not_before is None:
        return None
    ahead = int(
        table.number(
            "SELECT count(*) FROM tasks WHERE provider = ? AND send_state = 'to_send' "  # noqa: S608  (our clauses)
            "AND next_step_at IS NOT NULL "
            "AND rowid < (SELECT rowid FROM tasks WHERE task_id = ?) "
            f"AND follower IN {ALIVE}",
            task.provider,
            task.task_id,
            limits.now,
        )
    )
    if (
        ahead
        or not_before is not None
        or (places is not None and _under_way(table, task.provider, limits.now) >= places)
    ):
        return Line(ahead=ahead, places=places, not_before=not_before)
    return None


def _limit(table: TaskTable, provider: str, limits: SendLimits) -> tuple[int | None, float | None]:
    """How many at once, and until when nothing may be sent."""
    row = table.db.execute("SELECT * FROM provider_limits WHERE provider = ?", (provider,)).fetchone()
    if row is None:
        return limits.max_concurrent, None
    known = [] if limits.max_concurrent is None else [limits.max_concurrent]
    if row["max_concurrent"] is not None:
        known.append(row["max_concurrent"] + int(max(0.0, limits.now - row["learned_at"]) // GROWS_AFTER_S))
    not_before = row["not_before"]
    is_in_force = not_before is not None and 0 < not_before - limits.now < LONGEST_ASKED_S
    return min(known, default=None), not_before if is_in_force else None


def _under_way(table: TaskTable, provider: str, now: float, but: str = "") -> int:
    return int(
        table.number(
            f"SELECT count(*) FROM tasks WHERE {_UNDER_WAY} AND task_id != ?",  # noqa: S608  (a clause of this file)
            provider,
            now - PLACE_KEPT_S,
            but,
        )
    )


def learn_limit(
    table: TaskTable, provider: str, task_id: str, now: float, *, asked_until: float | None, alone_until: float
) -> int | None:
    others = _under_way(table, provider, now, task_id)
    places = others or None
    not_before = asked_until if places or asked_until is not None else alone_until
    table.db.execute(
        "INSERT INTO provider_limits VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET max_concurrent = "
        "excluded.max_concurrent, learned_at = excluded.learned_at, not_before = excluded.not_before",
        (provider, places, now, not_before),
    )
    return places


def take_id(table: TaskTable, task: Task, provider_task_ids: Sequence[str], edit: Callable[[Task, str], Task]) -> Taken:
    sending = table.one("provider = ? AND send_state = 'sending' AND task_id != ?", task.provider, task.task_id)
    if sending is not None:
        return Taken(is_too_early=True)
    rows = table.db.execute(
        "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT provider_task_id FROM tasks "
        "WHERE provider = ? AND provider_task_id IS NOT NULL AND task_id != ?)",
        (json.dumps(list(provider_task_ids)), task.provider, task.task_id),
    )
    free = tuple(row[0] for row in rows)
    if len(free) != 1:
        return Taken(free=free)
    return Taken(task=table.change(task.owner, task.task_id, lambda current: edit(current, free[0])), free=free)
