"""get_task by provider and provider_task_id: a task that was made elsewhere is followed here from now on."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from calls import BOTH, LONG, create, listed
from mcp import Client
from mcp_types import CallToolResult
from stored import store_path

from rig import Rig, environment, error_of, facts_of


async def adopt(client: Client, provider: str, theirs: str | None, wait_seconds: int = 0) -> CallToolResult:
    arguments = {"provider": provider, "provider_task_id": theirs, "wait_seconds": wait_seconds}
    return await client.call_tool("get_task", arguments)


async def made_elsewhere(rig: Rig, provider: str, wait_seconds: int = 0) -> str:
    """The provider's id of a task that another data folder knows."""
    elsewhere = rig.folder / "elsewhere"
    other = environment(elsewhere, *BOTH)
    async with rig.client("auto", **other) as client:
        task = facts_of(await create(client, provider=provider, wait_seconds=max(1, wait_seconds)))
    return task["provider_task_id"]


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("wait_seconds", [0, 30], ids=["under way", "finished"])
async def test_a_task_made_elsewhere_is_followed_to_the_file(rig: Rig, provider: str, wait_seconds: int) -> None:
    """DESIGN §3: get_task with provider + provider_task_id adopts a task made elsewhere."""
    theirs = await made_elsewhere(rig, provider, wait_seconds)
    async with rig.client() as client:
        first = facts_of(await adopt(client, provider, theirs))
        done = facts_of(await adopt(client, provider, theirs, LONG))
        tasks = facts_of(await listed(client))["tasks"]
    assert first["status"] in {"queued", "running", "succeeded"}
    assert first["task_id"] == done["task_id"]
    assert done["status"] == "succeeded"
    assert "mode" not in done, "what was asked for is not known here"
    assert Path(done["video"]["file"]).is_relative_to(store_path(rig).parent.parent)
    assert len(tasks) == len(rig.creates) == 1


async def test_a_task_of_ours_is_found_by_its_id_at_the_provider_and_not_followed_twice(rig: Rig) -> None:
    """Ours: one row for one video, and one stream of polls."""
    async with rig.client() as client:
        ours = facts_of(await create(client, provider="kinovi"))
        found = [facts_of(await adopt(client, "kinovi", ours["provider_task_id"], 1)) for _ in range(3)]
        done = facts_of(await adopt(client, "kinovi", ours["provider_task_id"], LONG))
    polls = [poll.at_s for poll in rig.requests("fetch")]
    assert {task["task_id"] for task in found} == {ours["task_id"]}
    assert done["status"] == "succeeded"
    assert min(late - early for early, late in pairwise(polls)) >= 2
    assert len(rig.requests("download")) == 1


async def test_a_task_that_failed_elsewhere_is_told_as_it_is(rig: Rig) -> None:
    """DESIGN §1: never invent a fact."""
    rig.break_next(on="create", kind="task_fails", message="Too dark")
    theirs = await made_elsewhere(rig, "kinovi", 30)
    async with rig.client() as client:
        task = facts_of(await adopt(client, "kinovi", theirs))
    assert task["status"] == "failed"
    assert "Too dark" in task["error"]["message"]


async def test_adopting_one_task_many_times_at_once_makes_one_row(rig: Rig) -> None:
    """Ours: or its video would be saved many times."""
    theirs = await made_elsewhere(rig, "kinovi")
    async with rig.client() as client:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(adopt, client, "kinovi", theirs, LONG)
        tasks = facts_of(await listed(client))["tasks"]
    assert len(tasks) == 1
    assert len(rig.requests("download")) == 1


@pytest.mark.parametrize(
    ("provider", "theirs", "fault", "kind", "words"),
    [
        ("kinovi", "task_0000000000000000", None, "not_found", "Task not found"),
        ("seedance2_ink", "req_nothere", None, "not_found", "req_nothere"),
        ("kinovi", "task_1", {"kind": "status", "status": 503}, "unavailable", "503"),
        ("kinovi", "task_1", {"kind": "garbage"}, "bad_reply", "not JSON"),
        ("kinovi", "task_1", {"kind": "status", "status": 401}, "auth", "KINOVI_API_KEY"),
        ("nobody", "task_1", None, "invalid_request", "There is no provider 'nobody'"),
        ("demo", "task_1", None, "invalid_request", "SEEDANCE_DEMO=1"),
    ],
)
async def test_a_task_that_cannot_be_had_is_an_error_and_no_row(
    rig: Rig, provider: str, theirs: str, fault: dict[str, Any] | None, kind: str, words: str
) -> None:
    """DESIGN §3: provider errors keep the provider's own words."""
    if fault is not None:
        rig.break_next(on="fetch", **fault)
    async with rig.client() as client:
        error = error_of(await adopt(client, provider, theirs))
        tasks = facts_of(await listed(client))["tasks"]
    assert error["kind"] == kind
    assert words in error["message"]
    assert tasks == []


async def test_adopting_needs_the_providers_key(rig: Rig) -> None:
    """DESIGN §5: naming a provider without its key is `auth` and names the variable."""
    async with rig.client(KINOVI_API_KEY="") as client:
        error = error_of(await adopt(client, "kinovi", "task_1"))
    assert error["kind"] == "auth"
    assert "KINOVI_API_KEY" in error["message"]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"provider": "kinovi"}, {"provider_task_id": "task_1"}, {"task_id": "vt_1", "provider": "kinovi"}],
    ids=str,
)
async def test_half_an_id_is_refused(rig: Rig, arguments: dict[str, str]) -> None:
    """DESIGN §3: task_id, or provider + provider_task_id."""
    async with rig.client() as client:
        error = error_of(await client.call_tool("get_task", arguments))
    assert error["kind"] == "invalid_request"
    assert "Give one of these." in error["message"]
