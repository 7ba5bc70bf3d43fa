"""kill -9 at the worst moments: nothing is paid twice, nothing is lost."""

from pathlib import Path
from shutil import rmtree
from subprocess import DEVNULL, PIPE

import anyio
import pytest
from raw_host import COMMAND, Host, process_environment, running_host
from real_provider import SMALL, Provider
from store_rows import accepted, let_leases_run_out, rows

pytestmark = pytest.mark.e2e


async def test_a_server_killed_after_the_create_is_followed_by_one_that_saves_the_video(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Issue: kill -9 between create and completion, restart: the task completes, the provider saw one create."""
    async with running_host(environment) as host:
        task_id = (await host.task("create_video", {**SMALL, "wait_seconds": 0}))["task_id"]
        await accepted(tmp_path)
        await _kill(host, tmp_path)
    async with running_host(environment) as host:
        task = await host.task("get_task", {"task_id": task_id, "wait_seconds": 15})
    assert (task["status"], host.errors) == ("succeeded", b"")
    assert Path(task["video"]["file"]).stat().st_size == task["video"]["bytes"]
    assert len(provider.creates) == 1


async def test_a_server_killed_while_it_sends_leaves_an_uncertain_task_that_is_never_sent_again(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §2: a sender that died while sending leaves `uncertain`."""
    provider.break_next(on="create", kind="slow", seconds=2)
    async with running_host(environment) as host:
        await host.send("tools/call", name="create_video", arguments=SMALL)
        await provider.has_creates(1)
        await _kill(host, tmp_path)
    (row,) = rows(tmp_path)
    assert (row["status"], row["send_state"]) == ("queued", "sending")
    async with running_host(environment) as host:
        task = await host.task("get_task", {"task_id": row["task_id"], "wait_seconds": 15})
        again = await host.call("list_tasks", {"status": "uncertain"})
    assert task["status"] == "uncertain"
    assert "Do not create it again" in task["next_step"]
    assert [one["task_id"] for one in again["structuredContent"]["tasks"]] == [row["task_id"]]
    assert len(provider.creates) == 1


async def test_a_call_repeated_after_a_crash_gets_the_same_task(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3 Not paying twice: an identical create within ten minutes returns the one whose call broke off."""
    async with running_host(environment) as host:
        await host.send("tools/call", name="create_video", arguments={**SMALL, "wait_seconds": 25})
        await provider.has_creates(1)
        await _kill(host, tmp_path)
    async with running_host(environment) as host:
        repeated = await host.task("create_video", {**SMALL, "wait_seconds": 0})
    assert repeated["task_id"] == rows(tmp_path)[0]["task_id"]
    assert len(provider.creates) == 1


async def test_a_call_repeated_right_after_a_crash_gets_the_same_task(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Soak: a killed server's lease has not lapsed yet, but the operating system knows that it is dead."""
    async with running_host(environment) as host:
        await host.send("tools/call", name="create_video", arguments={**SMALL, "wait_seconds": 25})
        await provider.has_creates(1)
        host.process.kill()
        await host.ended()
    async with running_host(environment) as host:
        repeated = await host.task("create_video", {**SMALL, "wait_seconds": 0})
        other = await host.call("list_tasks")
    assert repeated["task_id"] == rows(tmp_path)[0]["task_id"]
    assert [len(provider.creates), len(other["structuredContent"]["tasks"])] == [1, 1]


async def test_an_answer_behind_a_full_pipe_does_not_count_as_answered(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Soak: DESIGN §3: answered is what was delivered, not what was written down."""
    process = await anyio.open_process(COMMAND, env=process_environment(environment), stdin=PIPE, stderr=DEVNULL)
    # The host reads nothing, so this lies before the create's answer in the pipe.
    host = Host(process=process)
    for _ in range(40):
        await host.send("tools/list")
    await host.send("tools/call", name="create_video", arguments={**SMALL, "wait_seconds": 0})
    await provider.has_creates(1)
    await anyio.sleep(0.5)
    process.kill()
    await process.aclose()
    async with running_host(environment) as again:
        repeated = await again.task("create_video", {**SMALL, "wait_seconds": 0})
    assert repeated["task_id"] == rows(tmp_path)[0]["task_id"]
    assert len(provider.creates) == 1


async def test_a_video_ordered_after_the_data_folder_was_removed_is_known_to_the_next_server(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """Soak: what is written to a removed file would be paid for and forgotten."""
    async with running_host(environment) as host:
        await host.call("list_tasks")
        rmtree(tmp_path / "data")
        made = await host.task("create_video", {**SMALL, "wait_seconds": 0})
        await provider.has_creates(1)
    async with running_host(environment) as host:
        listed = (await host.task("list_tasks", {}))["tasks"]
    assert [task["task_id"] for task in listed] == [made["task_id"]]


async def test_a_client_that_gives_up_while_its_answer_is_on_the_way_gets_the_same_task_again(
    environment: dict[str, str], provider: Provider
) -> None:
    """DESIGN §3: answered is what was delivered. The cancellation of an answered call says that nobody read it."""
    async with running_host(environment) as host:
        number = await host.send("tools/call", name="create_video", arguments={**SMALL, "wait_seconds": 0})
        first = (await host.answer(number))["structuredContent"]
        await host.notify("notifications/cancelled", requestId=number, reason="timeout")
        await host.ask("tools/list")
        repeated = await host.task("create_video", {**SMALL, "wait_seconds": 0})
        another = await host.task("create_video", {**SMALL, "wait_seconds": 0})
        await provider.has_creates(2)
    assert repeated["task_id"] == first["task_id"]
    assert another["task_id"] != first["task_id"]
    assert len(provider.creates) == 2


async def _kill(host: Host, folder: Path) -> None:
    host.process.kill()
    await host.ended()
    let_leases_run_out(folder)
