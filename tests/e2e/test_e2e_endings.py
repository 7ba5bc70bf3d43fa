"""How a server process ends, and what is left behind for the next one."""

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import IO

import pytest
from raw_host import ANSWER_S, CLIENT, COMMAND, Host, process_environment, running_host
from real_provider import SMALL, Provider
from store_rows import accepted, rows

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to a process"),
]

SOON_S = 1.5
"""A generous 0.2 s: other work may be going on."""


async def test_a_server_whose_host_closes_stdin_leaves_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    """DESIGN §3 Waiting: within 0.2 s of stdin closing."""
    async with running_host(environment) as host:
        await host.call("list_tasks")
        await host.close_stdin()
        code, seconds = await host.ended()
    assert (code, host.errors) == (0, b"")
    assert seconds < SOON_S
    assert rows(tmp_path, table="workers") == []


async def test_a_server_that_never_got_a_request_leaves_at_once(environment: dict[str, str]) -> None:
    """Ours: a host that only looks whether the command starts."""
    async with running_host(environment) as host:
        await host.close_stdin()
        code, _ = await host.ended()
    assert (code, host.lines, host.errors) == (0, [], b"")


async def test_closing_stdin_ends_a_call_that_waits_but_not_its_task(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3 Waiting: a client that goes away never cancels the paid task."""
    async with running_host(environment) as host:
        await _waiting_call(host, provider)
        await accepted(tmp_path)
        await host.close_stdin()
        code, seconds = await host.ended()
    (task,) = rows(tmp_path)
    assert (code, host.errors) == (0, b"")
    assert seconds < SOON_S
    assert task["status"] in {"queued", "running"}
    assert task["abandoned_at"] is not None
    assert len(provider.accepted) == 1


async def test_the_answer_to_a_create_in_flight_is_kept_when_stdin_closes(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3 Waiting: 1.5 s when a create is in flight and its answer is awaited."""
    provider.break_next(on="create", kind="slow", seconds=0.7)
    async with running_host(environment) as host:
        await _waiting_call(host, provider)
        await host.close_stdin()
        code, seconds = await host.ended()
    (task,) = rows(tmp_path)
    assert (code, host.errors) == (0, b"")
    assert seconds < 0.7 + SOON_S
    assert task["provider_task_id"] == provider.creates[0].task_id
    assert task["send_state"] == "sent"


async def test_a_create_that_is_never_answered_does_not_keep_the_process(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3 Waiting: 1.5 s at most, for the SDK's client kills after 2; the next process says `uncertain`."""
    provider.break_next(on="create", kind="slow", seconds=4)
    async with running_host(environment) as host:
        await _waiting_call(host, provider)
        await host.close_stdin()
        code, seconds = await host.ended()
    assert code == 0
    assert seconds < 1.5 + SOON_S
    (task,) = rows(tmp_path)
    assert task["send_state"] == "sending"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_server_in_order(
    environment: dict[str, str], provider: Provider, tmp_path: Path, number: signal.Signals
) -> None:
    """mcp.md §14b: exit code 128 + n, everything torn down."""
    async with running_host(environment) as host:
        await _waiting_call(host, provider)
        await accepted(tmp_path)
        host.process.send_signal(number)
        code, seconds = await host.ended()
    assert (code, host.errors) == (128 + number, b"")
    assert seconds < SOON_S
    assert rows(tmp_path, table="workers") == []


async def test_after_a_signal_the_next_server_goes_on_at_once_even_with_a_create_that_was_in_flight(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3: SIGTERM must not make a paid video uncertain; nobody has to wait for a lease of ten seconds."""
    provider.break_next(on="create", kind="slow", seconds=0.3)
    async with running_host(environment) as host:
        await _waiting_call(host, provider)
        host.process.send_signal(signal.SIGTERM)
        code, seconds = await host.ended()
    (task,) = rows(tmp_path)
    assert code == 128 + signal.SIGTERM
    assert seconds < 0.3 + SOON_S
    assert task["provider_task_id"] == provider.creates[0].task_id
    async with running_host(environment) as host:
        after = await host.task("get_task", {"task_id": task["task_id"], "wait_seconds": 8})
    assert after["status"] == "succeeded"
    assert len(provider.creates) == 1


def test_a_host_that_is_killed_takes_the_server_with_it_quietly(environment: dict[str, str]) -> None:
    """Ours: both pipes close at once, and progress is on its way."""
    with _process(environment) as process:
        _read_until_progress(process)
        _pipe(process.stdout).close()
        _pipe(process.stdin).close()
        assert process.wait(ANSWER_S) == 0
        assert _pipe(process.stderr).read() == b""


def test_a_host_that_closes_only_stdout_is_not_waited_for(environment: dict[str, str], tmp_path: Path) -> None:
    """Ours: a server that nobody listens to must not stay for ever, blocked in reading stdin."""
    with _process(environment) as process:
        _read_until_progress(process)
        _pipe(process.stdout).close()
        _pipe(process.stdin).write(b'{"jsonrpc": "2.0", "id": 3, "method": "ping"}\n')
        _pipe(process.stdin).flush()
        assert process.wait(ANSWER_S) == 0
        assert _pipe(process.stderr).read() == b""
    assert rows(tmp_path, table="workers") == []


async def _waiting_call(host: Host, provider: Provider) -> None:
    """A create_video call that waits, with progress, and whose create has reached the provider."""
    token = {"progressToken": "p"}
    arguments = {**SMALL, "wait_seconds": 25}
    await host.send("tools/call", name="create_video", arguments=arguments, _meta=token)
    await provider.has_creates(1)


@contextmanager
def _process(environment: dict[str, str]) -> Generator[subprocess.Popen[bytes]]:
    """A server with pipes that really close, in which a call waits and hears progress."""
    env = process_environment(environment)
    with subprocess.Popen(COMMAND, env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        call = {"name": "create_video", "arguments": {**SMALL, "wait_seconds": 25}, "_meta": {"progressToken": 1}}
        start = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT}
        for number, method, params in ((1, "initialize", start), (2, "tools/call", call)):
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            _pipe(process.stdin).write(json.dumps(message).encode() + b"\n")
        _pipe(process.stdin).flush()
        try:
            yield process
        finally:
            process.kill()


def _read_until_progress(process: subprocess.Popen[bytes]) -> None:
    while b"notifications/progress" not in _pipe(process.stdout).readline():
        pass


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
