"""New tasks: stored once, whatever is repeated, and within the day's budget."""

from dataclasses import replace

from seedance_mcp.domain.task import Task
from seedance_mcp.storage.table import ALIVE, TaskTable
from seedance_mcp.storage.task_store import Added, AddTerms

_SPENT = (
    "COALESCE(json_extract(charge, '$.usd'), CASE WHEN send_state = 'never' THEN 0 ELSE COALESCE(reserved_usd, 0) END)"
)
"""`Task.spent_usd` in SQL: thousands of tasks a day are summed up without reading each."""
_PRICE = "COALESCE(json_extract(estimate, '$.usd_max'), json_extract(estimate, '$.usd'), max_cost_usd, 0)"
"""`Task.price_usd` in SQL."""
_UNFINISHED = "('waiting', 'queued', 'running', 'uncertain')"


def add(table: TaskTable, task: Task, terms: AddTerms) -> Added:
    if earlier := stand_in(table, task, terms):
        return earlier
    if task.provider_task_id is not None and (known := _known(table, task)):
        return Added(task=known, how="known")
    if terms.daily_budget_usd is not None and task.send_state == "to_send":
        spent = spent_usd(table, task.owner, terms.day_start) + _ordered_usd(table, task.owner)
        if exceeds(spent + task.price_usd, terms.daily_budget_usd):
            return Added(task=task, how="over_budget", spent_usd=spent)
    table.insert(task)
    return Added(task=task, how="new")


def exceeds(usd: float, limit_usd: float) -> bool:
    """To a millionth: sums of cents are not exact."""
    return round(usd - limit_usd, 6) > 0


def _known(table: TaskTable, task: Task) -> Task | None:
    """The row that follows the same task at the provider, unless it has given it up."""
    return table.one(
        "owner = ? AND provider = ? AND provider_task_id = ? "
        "AND COALESCE(json_extract(error, '$.kind'), '') NOT IN ('bad_reply', 'not_settled') ORDER BY rowid DESC",
        task.owner,
        task.provider,
        task.provider_task_id,
    )


def stand_in(table: TaskTable, task: Task, terms: AddTerms) -> Added | None:
    """The earlier task that stands for this one."""
    if task.idempotency_key is not None:
        earlier = table.one("owner = ? AND idempotency_key = ?", task.owner, task.idempotency_key)
        how = "same_key" if earlier and earlier.fingerprint == task.fingerprint else "other_arguments"
        return Added(task=earlier, how=how) if earlier else None
    if lost := _uncertain(table, task):
        return Added(
            task=table.update(lost, replace(lost, notes=lost.with_note(terms.uncertain_note))), how="uncertain"
        )
    if (earlier := _abandoned(table, task, terms)) is None:
        return None
    # Handed out once: from now on it belongs to the call that asks for it.
    notes = earlier.with_note(terms.abandoned_note)
    ours = replace(earlier, caller=task.caller, abandoned_at=None, updated_at=terms.now, notes=notes)
    return Added(task=table.update(earlier, ours), how="abandoned")


def _uncertain(table: TaskTable, task: Task) -> Task | None:
    """An equal one that may be running and billed: nobody who calls again means to pay for both."""
    where = "owner = ? AND fingerprint = ? AND status = 'uncertain' ORDER BY created_at DESC"
    return table.one(where, task.owner, task.fingerprint)


def _abandoned(table: TaskTable, task: Task, terms: AddTerms) -> Task | None:
    return table.one(
        "owner = ? AND fingerprint = ? AND idempotency_key IS NULL AND created_at >= ? AND answered_at IS NULL "
        f"AND (abandoned_at IS NOT NULL OR caller NOT IN {ALIVE}) "
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
    return table.number(
        f"SELECT sum({_PRICE}) FROM tasks WHERE owner = ? AND send_state = 'to_send'",  # noqa: S608
        owner,
    )
