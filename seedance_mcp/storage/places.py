"""The one right to send: a compare-and-set, together with the budget and the provider's places."""

import json
from collections.abc import Sequence
from dataclasses import replace

from seedance_mcp.domain.task import Task
from seedance_mcp.storage.orders import spent_usd
from seedance_mcp.storage.table import TaskTable
from seedance_mcp.storage.task_store import Claim, Line, SendLimits

GROWS_AFTER_S = 600.0
"""A learned limit is tried one higher after this long."""
_UNDER_WAY = (
    "provider = ? AND status IN ('queued', 'running') AND send_state IN ('sending', 'sent') "
    "AND ended_at IS NULL AND video = 'null'"
)


def claim_send(table: TaskTable, owner: str, task_id: str, limits: SendLimits) -> Claim:
    task = table.one("owner = ? AND task_id = ? AND send_state = 'to_send'", owner, task_id)
    if task is None or task.status not in {"waiting", "queued"}:
        return Claim(task=None)
    if line := _line(table, task, limits):
        return Claim(task=None, line=line)
    price = task.price_usd
    if limits.daily_budget_usd is not None:
        spent = spent_usd(table, owner, limits.day_start)
        if spent + price > limits.daily_budget_usd:
            return Claim(task=None, over_budget_usd=spent)
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
            "SELECT count(*) FROM tasks WHERE provider = ? AND send_state = 'to_send' AND next_step_at IS NOT NULL "
            "AND rowid < (SELECT rowid FROM tasks WHERE task_id = ?) "
            "AND follower IN (SELECT worker FROM workers WHERE alive_until > ?)",
            task.provider,
            task.task_id,
            limits.now,
        )
    )
    if ahead or not_before is not None or (places is not None and _under_way(table, task.provider) >= places):
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
    return min(known, default=None), not_before if not_before is not None and not_before > limits.now else None


def _under_way(table: TaskTable, provider: str) -> int:
    return int(table.number(f"SELECT count(*) FROM tasks WHERE {_UNDER_WAY}", provider))  # noqa: S608


def learn_limit(
    table: TaskTable, provider: str, task_id: str, now: float, *, asked_until: float | None, alone_until: float
) -> int | None:
    others = int(
        table.number(
            f"SELECT count(*) FROM tasks WHERE {_UNDER_WAY} AND task_id != ?",  # noqa: S608  (a clause of this file)
            provider,
            task_id,
        )
    )
    places = others or None
    not_before = asked_until if places or asked_until is not None else alone_until
    table.db.execute(
        "INSERT INTO provider_limits VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET max_concurrent = "
        "excluded.max_concurrent, learned_at = excluded.learned_at, not_before = excluded.not_before",
        (provider, places, now, not_before),
    )
    return places


def unclaimed(table: TaskTable, task: Task, provider_task_ids: Sequence[str]) -> Sequence[str] | None:
    equal = table.one(
        "provider = ? AND fingerprint = ? AND send_state = 'sending' AND status != 'uncertain' AND task_id != ?",
        task.provider,
        task.fingerprint,
        task.task_id,
    )
    if equal is not None:
        return None
    rows = table.db.execute(
        "SELECT value FROM json_each(?) WHERE value NOT IN "
        "(SELECT provider_task_id FROM tasks WHERE provider = ? AND provider_task_id IS NOT NULL)",
        (json.dumps(list(provider_task_ids)), task.provider),
    )
    return [row[0] for row in rows]
