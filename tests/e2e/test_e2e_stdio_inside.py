"""The stdio server inside the test's own process, with pipes in place of stdin and stdout."""

import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import anyio
import pytest
from raw_host import ANSWER_S, CLIENT
from real_provider import SMALL, Provider
from store_rows import rows

from seedance_mcp import stdio
from seedance_mcp.cli import main
from seedance_mcp.server import Engine

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("command")]

SHAKE_HANDS = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": CLIENT,
}
CREATE = {"name": "create_video", "arguments": {**SMALL, "wait_seconds": 25}, "_meta": META}


@dataclass(kw_only=True)
class Host:
    """The other ends of the pipes, and everything that became of the server."""

    to_server: IO[bytes]
    from_server: IO[bytes]
    count: int = 0
    errors: io.StringIO = field(default_factory=io.StringIO)
    left_with: list[int] = field(default_factory=list[int])
    """Exit codes with which the process would have ended on the spot."""
    code: int | None = None
    """What `main` returned."""

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a request; whatever else comes before it is dropped."""
        self.send(method, **params)
        while True:
            message = json.loads(self.from_server.readline())
            if message.get("id") == self.count:
                return message["result"]

    def send(self, method: str, **params: Any) -> None:
        self.count += 1
        message = {"jsonrpc": "2.0", "id": self.count, "method": method, "params": params}
        self.to_server.write(json.dumps(message).encode() + b"\n")

    def leave(self, code: int) -> None:
        """In place of `os._exit`: as nothing ends on the spot here, the pipe is closed."""
        self.left_with.append(code)
        self.to_server.close()


def serve(behave: Callable[[Host], None], *arguments: str, stays: bool = False) -> Host:
    """Runs `seedance-mcp` for a host that behaves like this and then closes stdin, unless it stays."""
    failures: list[BaseException] = []
    server_in, host_out = os.pipe()
    host_in, server_out = os.pipe()
    with (
        pytest.MonkeyPatch.context() as patch,
        os.fdopen(server_in) as stdin,
        os.fdopen(server_out, "w") as stdout,
        os.fdopen(host_in, "rb") as from_server,
        os.fdopen(host_out, "wb", 0) as to_server,
    ):
        host = Host(to_server=to_server, from_server=from_server)

        def run() -> None:
            try:
                behave(host)
            except BaseException as error:  # noqa: BLE001  (shown by the test)
                failures.append(error)
            if failures or not stays:
                to_server.close()

        patch.setattr(sys, "stdin", stdin)
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", host.errors)
        patch.setattr(stdio.os, "_exit", host.leave)
        # The server needs the main thread, for its signals.
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        host.code = main(arguments)
        thread.join(ANSWER_S)
    assert failures == []
    return host


def test_both_eras_are_served_until_stdin_closes(tmp_path: Path) -> None:
    """mcp.md §0: `server/discover`, then `initialize`, on one connection; the end of stdin ends it."""

    def behave(host: Host) -> None:
        assert "2026-07-28" in host.ask("server/discover", _meta=META)["supportedVersions"]
        assert host.ask("initialize", **SHAKE_HANDS)["protocolVersion"] == "2025-11-25"
        assert len(host.ask("tools/list")["tools"]) == 5
        assert host.ask("tools/call", name="list_tasks", arguments={})["structuredContent"] == {"tasks": []}

    host = serve(behave)
    assert (host.code, host.left_with, host.errors.getvalue()) == (0, [], "")
    assert rows(tmp_path, table="workers") == []


def test_a_create_in_flight_is_awaited_when_stdin_closes(provider: Provider, tmp_path: Path) -> None:
    """DESIGN §3 Waiting: its answer is kept, although the call is over."""
    provider.break_next(on="create", kind="slow", seconds=0.4)

    def behave(host: Host) -> None:
        host.send("tools/call", **CREATE)
        anyio.run(provider.has_creates, 1)

    assert serve(behave, "serve").code == 0
    (row,) = rows(tmp_path)
    assert row["provider_task_id"] == provider.creates[0].task_id


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to a process")
def test_a_signal_tears_everything_down_before_the_process_leaves(provider: Provider, tmp_path: Path) -> None:
    """mcp.md §14b: the exit code is 128 + n."""

    def behave(host: Host) -> None:
        host.send("tools/call", **CREATE)
        anyio.run(provider.has_creates, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    assert serve(behave, stays=True).left_with == [128 + signal.SIGTERM]
    assert rows(tmp_path, table="workers") == []
    assert len(provider.creates) == 1


def test_a_host_that_is_gone_is_no_error() -> None:
    """Ours: nobody reads stdout any more, so nobody is served any more, even with stdin open."""

    def behave(host: Host) -> None:
        host.ask("tools/list", _meta=META)
        host.from_server.close()
        host.send("tools/list", _meta=META)

    host = serve(behave, stays=True)
    assert (host.code, host.left_with, host.errors.getvalue()) == (0, [0], "")


def test_a_server_that_breaks_ends_instead_of_going_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: its host can start another one; blocked in reading stdin, it would answer nothing for ever."""

    async def break_down(_engine: Engine) -> None:
        raise RuntimeError("made up")

    monkeypatch.setattr(Engine, "run", break_down)
    host = serve(lambda _: None, stays=True)
    assert host.left_with == [1]
    assert "The server made a mistake and ends" in host.errors.getvalue()
