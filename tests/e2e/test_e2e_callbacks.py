"""Callbacks over real sockets: from a simulated provider to whichever server process has the port."""

import json
import logging
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from raw_host import Host, running_host
from real_provider import SMALL, Provider
from store_rows import rows

from rig import Rig, body_of
from seedance_mcp.public import LISTEN_RETRY_S, MAX_BODY, Tokens

pytestmark = pytest.mark.e2e

URL_FIELDS = {"seedance2_ink": "webhookUrl", "kinovi": "callBackUrl"}
BOTH = tuple(URL_FIELDS)
LIMIT_S = 20.0
SOON_S = 1.5
"""A generous 0.2 s: other work may be going on."""


@pytest.fixture
def port() -> int:
    """A port that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def public(port: int) -> dict[str, str]:
    """The variables of a server that may be called back on that port."""
    return {
        "SEEDANCE_PUBLIC_URL": f"http://127.0.0.1:{port}/hooks",
        "SEEDANCE_PUBLIC_LISTEN": f"127.0.0.1:{port}",
    }


async def listens(port: int) -> None:
    """Waits until somebody takes connections there."""
    with anyio.fail_after(LIMIT_S):
        while True:
            try:
                await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
            except OSError:
                await anyio.sleep(0.02)
            else:
                return


async def lost(host: Host, provider: Provider, name: str) -> Mapping[str, Any]:
    """A task whose create was accepted, and whose answer was lost."""
    provider.break_next(on="create", kind="drop_after")
    task = await host.task("create_video", {**SMALL, "provider": name, "wait_seconds": 2})
    assert task["status"] == "uncertain"
    return task


async def saved(host: Host, task_id: str) -> Mapping[str, Any]:
    """The task once its file is there."""
    with anyio.fail_after(LIMIT_S):
        while True:
            task = await host.task("get_task", {"task_id": task_id, "wait_seconds": 5})
            if "file" in task.get("video", {}):
                return task
            await anyio.sleep(0.05)


@pytest.mark.parametrize("name", BOTH)
async def test_a_lost_create_is_settled_by_the_providers_call_and_saved(
    environment: dict[str, str], public: dict[str, str], provider: Provider, name: str
) -> None:
    """Issue 4: settled by a webhook, one create only."""
    async with running_host(environment | public) as host:
        task = await saved(host, (await lost(host, provider, name))["task_id"])
    (sent,) = provider.creates
    assert (task["status"], task["provider_task_id"]) == ("succeeded", sent.task_id)
    assert Path(task["video"]["file"]).stat().st_size == task["video"]["bytes"]
    assert body_of(sent)[URL_FIELDS[name]].startswith(public["SEEDANCE_PUBLIC_URL"])


async def test_a_call_to_one_process_settles_what_another_one_has_sent(
    environment: dict[str, str], public: dict[str, str], provider: Provider, port: int, tmp_path: Path
) -> None:
    """DESIGN §6: processes share a data folder; the first one that gets the port listens for all."""
    async with running_host(environment | public) as first:
        await first.call("list_tasks")
        await listens(port)
        async with running_host(environment | public | {"SEEDANCE_LOG_LEVEL": "INFO"}) as second:
            task = await saved(second, (await lost(second, provider, "kinovi"))["task_id"])
            errors = bytes(second.errors).decode()
    (row,) = rows(tmp_path)
    assert (task["status"], row["status"], len(provider.creates)) == ("succeeded", "succeeded", 1)
    assert row["follower"] != row["attempt"], "the called process has taken it over"
    assert errors.count("callbacks: 127.0.0.1") == 1, errors
    assert bytes(first.errors) == b""


async def test_whoever_does_not_know_the_address_gets_nothing(
    environment: dict[str, str], public: dict[str, str], provider: Provider, port: int, tmp_path: Path
) -> None:
    """DESIGN §7: a wrong token is an empty 404, only POST is taken, and a body has its limit."""
    provider.break_next(on="callback", kind="lost_callback")
    async with running_host(environment | public) as host:
        await lost(host, provider, "kinovi")
        url = body_of(provider.creates[0])["callBackUrl"]
        named, _, seal = url.rpartition("/")[2].partition(".")
        stranger = Tokens(b"of another folder").token("local", rows(tmp_path)[0]["task_id"])
        wrong = [url[:-1], f"{url}A", f"{url}/", url.replace("/hooks", "/other"), f"http://127.0.0.1:{port}/"]
        tokens = [
            named,
            f"{named}.",
            f".{seal}",
            ".",
            f"A{named}.{seal}",
            f"{named}.{seal.swapcase()}",
            "ä.ü",
            stranger,
        ]
        wrong += [f"{public['SEEDANCE_PUBLIC_URL']}/callback/{token}" for token in tokens]
        body = json.dumps({"data": {"taskId": provider.creates[0].task_id}}).encode()
        async with httpx.AsyncClient() as client:
            refused = [await client.post(one, content=body) for one in wrong]
            methods = [(await client.request(one, url)).status_code for one in ("GET", "HEAD", "PUT", "DELETE")]
            large = await client.post(url, content=b" " * (MAX_BODY + 1))
            before = rows(tmp_path)[0]["status"]
            right = await client.post(url.replace("/hooks", ""), content=body)
        task = await saved(host, rows(tmp_path)[0]["task_id"])
    assert {(answer.status_code, answer.content) for answer in refused} == {(404, b"")}
    assert (set(methods), large.status_code) == ({405}, 413)
    assert before == "uncertain"
    assert (right.status_code, right.content) == (200, b""), "behind a proxy that takes the prefix away"
    assert task["status"] == "succeeded"
    assert bytes(host.errors).count(b"\n") == 1, "the warning about the lost answer"


@pytest.mark.skipif(sys.platform == "win32", reason="it closes stdin in another way")
async def test_a_caller_that_dawdles_does_not_keep_the_process(
    environment: dict[str, str], public: dict[str, str], port: int
) -> None:
    """DESIGN §3 Waiting: within 0.2 s of stdin closing."""
    async with running_host(environment | public) as host:
        await host.call("list_tasks")
        await listens(port)
        async with (
            await anyio.connect_tcp("127.0.0.1", port) as idle,
            await anyio.connect_tcp("127.0.0.1", port) as slow,
        ):
            await slow.send(b"POST /callback/a.b HTTP/1.1\r\nHost: x\r\nContent-Le")
            await host.close_stdin()
            code, seconds = await host.ended()
            await idle.aclose()
    assert (code, bytes(host.errors)) == (0, b"")
    assert seconds < SOON_S


async def test_a_port_that_becomes_free_is_taken_by_a_process_that_waits_for_it(
    rig: Rig, port: int, public: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: the first process may end before the others; they said once that they wait."""
    caplog.set_level(logging.INFO, "seedance_mcp.public")
    rig.environment |= public
    taken = socket.create_server(("127.0.0.1", port))
    async with rig.client() as client:
        await client.call_tool("list_tasks", {})
        await rig.clock.sleep(3.5 * LISTEN_RETRY_S)
        taken.close()
        await rig.clock.sleep(LISTEN_RETRY_S)
        # Blocking: while the loop waits for a socket, a fake clock runs ahead.
        socket.create_connection(("127.0.0.1", port), LIMIT_S).close()
    (said,) = (one.getMessage() for one in caplog.records if one.name == "seedance_mcp.public")
    assert f"127.0.0.1:{port}: Address" in said
