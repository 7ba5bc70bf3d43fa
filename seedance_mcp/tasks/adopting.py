"""Takes in a task that was made elsewhere, by its id at the provider."""

from seedance_mcp.domain.errors import InvalidRequestError, SetupError
from seedance_mcp.domain.task import Task
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.storage.task_store import AddTerms
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.polling import apply_reply

FINAL_HERE = frozenset({"bad_reply", "not_settled"})
"""Failures that say nothing about the video itself: the same id may be taken in again."""


async def adopt(desk: Desk, owner: str, provider: str, provider_task_id: str, task_id: str) -> Task:
    """The task known here by this provider id, or a new row for it, as the provider reports it now.

    Raises:
        ProviderError: The provider does not answer for this id.
        SetupError: The provider has no key here.
        InvalidRequestError: There is no such provider.
    """
    known = await desk.store.find(owner, provider, provider_task_id)
    if known is not None and not (known.error and known.error.kind in FINAL_HERE):
        return known
    client = client_of(desk, provider)
    reply = await client.fetch(provider_task_id)
    now = desk.clock.now()
    task = Task(
        task_id=task_id,
        owner=owner,
        status="queued",
        provider=provider,
        provider_task_id=provider_task_id,
        created_at=now,
        updated_at=now,
        started_at=now,
        send_state="sent",
        answered_at=now,
        follower=desk.worker,
        next_step_at=now,
        notes=client.spec.notes,
    )
    taken_in = apply_reply(task, reply, client, now, desk.pace(task))
    added = await desk.store.add(taken_in, AddTerms(now=now, abandoned_since=now, day_start=now))
    return added.task


def client_of(desk: Desk, provider: str) -> ProviderClient:
    """Raises SetupError or InvalidRequestError for a provider that is not at hand here."""
    if (reason := desk.catalogue.why_not(provider)) is not None:
        is_key, message = reason
        raise SetupError(message) if is_key else InvalidRequestError(message)
    return desk.clients[provider]
