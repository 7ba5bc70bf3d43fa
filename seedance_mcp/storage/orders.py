"""New tasks: stored once, whatever is repeated, and within the day's budget."""

from dataclasses import replace

from seedance_mcp.domain.task import Task
from seedance_mcp.storage.table import TaskTable
from seedance_mcp.storage.task_store import Added, AddTerms

_SPENT = (
    "COALESCE(json_extract(charge, '$.usd'), CASE WHEN send_state = 'never' THEN 0 ELSE COALESCE(reserved_usd, 0) END)"
)
"""`Task.spent_usd` in SQL: thousands of tasks a day are summed up without reading each."""
_UNFINISHED = "('waiting', 'queued', 'running', 'uncertain')"


def add(table: TaskTable, task: Task, terms: AddTerms) -> Added:
    if earlier := stand_in(table, task, terms):
        return earlier
    if terms.daily_budget_usd is not None and task.send_state == "to_send":
        spent = spent_usd(table, task.owner, terms.day_start) + _ordered_usd(table, task.owner)
        if spent + task.price_usd > terms.daily_budget_usd:
            return Added(task=task, how="over_budget", spent_usd=spent)
    table.insert(task)
    return Added(task=task, how="new")


def stand_in(table: TaskTable, task: Task, terms: AddTerms) -> Added | None:
    """The earlier task that stands for this one."""
    if task.idempotency_key is not None:
        earlier = table.one("owner = ? AND idempotency_key = ?", task.owner, task.idempotency_key)
        how = "same_key" if earlier and earlier.fingerprint == task.fingerprint else "other_arguments"
        return Added(task=earlier, how=how) if earlier else None
    if (earlier := _abandoned(table, task, terms)) is None:
        return None
    # Handed out once: from now on it belongs to the call that asks for it.
    notes = earlier.with_note(terms.abandoned_note)
    ours = replace(earlier, caller=task.caller, abandoned_at=None, updated_at=terms.now, notes=notes)
    return Added(task=table.update(earlier, ours), how="abandoned")


def _abandoned(table: TaskTable, task: Task, terms: AddTerms) -> Task | None:
    return table.one(
        "owner = ? AND fingerprint = ? AND idempotency_key IS NULL AND created_at >= ? AND answered_at IS NULL "
        "AND (abandoned_at IS NOT NULL OR caller NOT IN (SELECT worker FROM workers WHERE alive_until > ?)) "
        "ORDER BY created_at DESC",
        task.owner,
        task.fingerprint,
        terms.abandoned_since,
        terms.now,
    )


def spent_usd(table: TaskTable, owner: str, day_start: float) -> float:
    return table.number(
        f"SELECT sum({_SPENT}) FROM tasks WHERE owner = ? "  # noqa: S608  (clauses of this file)
        f"AND ((send_state IN ('sending', 'sent') AND status IN {_UNFINISHED}) OR ended_at >= ?)",
        owner,
        day_start,
    )


def _ordered_usd(table: TaskTable, owner: str) -> float:
    """What the tasks would cost that are still to be sent: promised, so that later ones cannot take their money."""
    return sum(task.price_usd for task in table.many("owner = ? AND send_state = 'to_send'", owner))
